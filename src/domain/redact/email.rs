//! E-mail addresses of people. Addresses that belong to nobody stay: they are part of the code.

use super::Found;

/// The word in the placeholder.
pub(super) const KIND: &str = "email";

const LOCAL_BYTES_MAX: usize = 64;
const DOMAIN_BYTES_MAX: usize = 253;

/// Names that stand for anyone, or for a machine.
const NOBODY: &[&str] = &[
    "git",
    "hg",
    "svn",
    "noreply",
    "no-reply",
    "no_reply",
    "donotreply",
    "do-not-reply",
    "user",
    "username",
    "users",
    "you",
    "your",
    "yourname",
    "your.name",
    "your_name",
    "your-name",
    "youremail",
    "your.email",
    "your_email",
    "me",
    "myname",
    "name",
    "someone",
    "somebody",
    "nobody",
    "anyone",
    "foo",
    "bar",
    "baz",
    "test",
    "tester",
    "testing",
    "test1",
    "test2",
    "example",
    "john.doe",
    "johndoe",
    "jane.doe",
    "janedoe",
    "jdoe",
    "john",
    "jane",
    "alice",
    "bob",
    "joe",
    "postmaster",
    "mailer-daemon",
    "root",
    "admin",
    "email",
    "mail",
    "abc",
    "a",
    "b",
    "x",
    "y",
    "local",
    "localpart",
    "first.last",
    "firstname.lastname",
    "actions",
    "bot",
];

/// Domains, by any of their labels, that stand for any or that no mail goes to.
const NOWHERE: &[&str] = &[
    "example",
    "test",
    "tests",
    "testing",
    "invalid",
    "localhost",
    "localdomain",
    "domain",
    "mydomain",
    "yourdomain",
    "somedomain",
    "otherdomain",
    "subdomain",
    "company",
    "mycompany",
    "yourcompany",
    "somewhere",
    "anywhere",
    "nowhere",
    "foo",
    "bar",
    "baz",
    "foobar",
    "qux",
    "host",
    "hostname",
    "myhost",
    "server",
    "acme",
    "email",
    "yoursite",
    "mysite",
    "site",
    "website",
    "users",
    "noreply",
    "organization",
    "corp",
    "xyz",
    "abc",
    "fake",
    "dummy",
    "sample",
    "some",
    "address",
    "provider",
];

/// Top-level domains of more than two letters that people have mail at. Anything else after the last dot is a method, a file suffix or a version.
const LONG_TLDS: &[&str] = &[
    "com", "org", "net", "edu", "gov", "mil", "int", "info", "biz", "name", "pro", "dev", "app",
    "xyz", "tech", "online", "site", "cloud", "email", "blog", "systems", "software", "codes",
    "engineer", "works", "team", "group", "agency", "academy", "company", "space", "world",
    "network", "science", "design",
];

/// Country codes that are file suffixes far oftener.
const SUFFIXES: &[&str] = &[
    "py", "md", "sh", "so", "cc", "mm", "ps", "vi", "hs", "ml", "ts", "js", "go", "rb", "cs", "id",
    "is", "as", "in",
];

/// Accounts of programs at Google's cloud.
const ROBOTS: &str = "gserviceaccount.com";

/// The address whose `@` stands at `at`.
pub(super) fn around(text: &str, at: usize) -> Option<Found> {
    let bytes = text.as_bytes();
    let is_local = |byte: &&u8| byte.is_ascii_alphanumeric() || b"._%+-".contains(byte);
    let is_domain = |byte: &&u8| byte.is_ascii_alphanumeric() || b".-".contains(byte);
    let before = bytes[..at]
        .iter()
        .rev()
        .take(LOCAL_BYTES_MAX)
        .take_while(is_local)
        .count();
    let after = bytes[at + 1..]
        .iter()
        .take(DOMAIN_BYTES_MAX)
        .take_while(is_domain)
        .count();
    let local = text[at - before..at].trim_start_matches(['.', '-', '%', '+']);
    let domain = text[at + 1..at + 1 + after].trim_end_matches(['.', '-']);
    let is_address =
        is_person(local) && is_mail_domain(domain) && !is_remote_path(bytes, at + 1 + domain.len());
    is_address.then(|| Found {
        span: at - local.len()..at + 1 + domain.len(),
        kind: KIND,
    })
}

fn is_person(local: &str) -> bool {
    let lower = local.to_ascii_lowercase();
    local.len() >= 2
        && local.bytes().any(|byte| byte.is_ascii_alphabetic())
        && !NOBODY.contains(&lower.as_str())
        && !lower.contains("noreply")
        && !lower.contains("example")
}

fn is_mail_domain(domain: &str) -> bool {
    let lower = domain.to_ascii_lowercase();
    let Some((rest, tld)) = lower.rsplit_once('.') else {
        return false;
    };
    let is_tld = LONG_TLDS.contains(&tld)
        || tld.len() == 2
            && tld.bytes().all(|byte| byte.is_ascii_lowercase())
            && !SUFFIXES.contains(&tld);
    let are_labels = rest.split('.').all(|label| {
        label.len() >= 2
            && !NOWHERE.contains(&label)
            && label.bytes().any(|byte| byte.is_ascii_alphabetic())
    });
    is_tld && are_labels && !lower.ends_with(ROBOTS)
}

/// `deploy@host.org:path` and `user@host.org/path` name a place on a machine. `to: ann@host.org: hello` does not.
fn is_remote_path(bytes: &[u8], end: usize) -> bool {
    match bytes.get(end..) {
        Some([b'/', ..]) => true,
        Some([b':', next, ..]) => next.is_ascii_alphanumeric() || b"~/".contains(next),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::redact;

    #[test]
    fn addresses_of_people_go() {
        for address in [
            "ann.lee@kernel-lab.org",
            "Ann+x@mail.uni-bonn.de",
            "dev@lists.apache.org",
            "a_b@gmail.com",
            "me2@posteo.rs",
        ] {
            let text = format!("Author: A <{address}>, or mail {address}.");
            assert_eq!(
                redact(&text).text,
                "Author: A <<REDACTED:email>>, or mail <REDACTED:email>."
            );
        }
    }

    #[test]
    fn addresses_of_nobody_and_other_ats_stay() {
        let texts = [
            "ann@example.com",
            "ann@mail.example.org",
            "noreply@github.com",
            "1+ann@users.noreply.github.com",
            "git@github.com:a/b.git",
            "x = w@x.mean()",
            "icon@2x.png",
            "react@18.2.0",
            "@scope/pkg@1.0.0",
            "@decorator",
            "user@host.com",
            "foo@bar.com",
            "test@gmail.com",
            "deploy@build.kde.org:/srv/www",
            "a@b.co",
            "ann@localhost",
            "ann@",
            "@",
            "@gmail.com",
            "ann@lab.test",
            "self.a@self.b",
            "getty@tty1.service",
            "ann@-.com",
            "module@file.py",
            "my-other-app@appspot.gserviceaccount.com",
            "my-project-id@my-project.iam.gserviceaccount.com",
        ];
        for text in texts {
            assert_eq!(redact(text).text, text);
        }
    }
}
