//! Secrets and personal data, replaced before text leaves the machine and looked for in answers that come back.
//!
//! Owns what counts as one: keys of well-known shape, private key blocks, passwords in URLs and commands, values of secret names that no
//! word or name looks like, e-mail addresses of people. Placeholders keep the text readable and its lines in place.

mod assignment;
mod command;
mod email;
mod entropy;
mod key;
mod literal;
mod private_key;
mod url;
mod value;

use super::select::{Skip, SkipReason};
use std::ops::Range;

/// Beyond this many hits a file is withheld ([`SkipReason::Secrets`]): it is a list of secrets or people.
pub const HITS_MAX: usize = 20;

/// One thing replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// What it is, as in its placeholder: `aws-access-key`, `email`.
    pub kind: &'static str,
    /// The line it begins in, from 1. The value itself is not kept.
    pub line: usize,
}

/// A text without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redacted {
    /// The text with a placeholder such as `<REDACTED:email>` for every hit, and as many lines as before.
    pub text: String,
    /// What was replaced, in order.
    pub hits: Vec<Hit>,
    edits: Vec<Edit>,
}

/// A span of the new text that stands for another of the old one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Edit {
    new: Range<usize>,
    old: Range<usize>,
}

/// A secret found: where, and what.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    span: Range<usize>,
    kind: &'static str,
}

impl Redacted {
    /// The place in the original text of a place in the new one; inside a placeholder, the beginning of what it replaced.
    pub fn source_offset(&self, at: usize) -> usize {
        let next = self.edits.partition_point(|edit| edit.new.start <= at);
        match next.checked_sub(1).map(|last| &self.edits[last]) {
            None => at,
            Some(edit) if at < edit.new.end => edit.old.start,
            Some(edit) => edit.old.end + (at - edit.new.end),
        }
    }

    /// Fails when so much was found that the file must not be sent at all.
    pub fn check(&self) -> Result<(), Skip> {
        if self.hits.len() > HITS_MAX {
            return Err(Skip::measured(
                SkipReason::Secrets,
                self.hits.len(),
                HITS_MAX,
            ));
        }
        Ok(())
    }
}

/// Replaces every secret and personal datum.
pub fn redact(text: &str) -> Redacted {
    let found = find(text);
    let mut redacted = Redacted {
        text: String::with_capacity(text.len()),
        hits: Vec::with_capacity(found.len()),
        edits: Vec::with_capacity(found.len()),
    };
    let (mut copied, mut line) = (0, 1);
    for Found { span, kind } in found {
        let kept = &text[copied..span.start];
        line += count_lines(kept);
        redacted.text.push_str(kept);
        redacted.hits.push(Hit { kind, line });
        let start = redacted.text.len();
        push_placeholder(&mut redacted.text, kind, &text[span.clone()]);
        line += count_lines(&text[span.clone()]);
        copied = span.end;
        redacted.edits.push(Edit {
            new: start..redacted.text.len(),
            old: span,
        });
    }
    redacted.text.push_str(&text[copied..]);
    redacted
}

/// Whether the text holds a secret; e-mail addresses do not count. For answers, which are rejected and not repaired.
pub fn has_secret(text: &str) -> bool {
    find(text).iter().any(|found| found.kind != email::KIND)
}

/// Everything found, in order and without overlaps: what begins first wins, then what is longer.
fn find(text: &str) -> Vec<Found> {
    let mut found = Vec::new();
    key::find(text, &mut found);
    private_key::find(text, &mut found);
    assignment::find(text, &mut found);
    for at in memchr::memchr_iter(b'@', text.as_bytes()) {
        match url::userinfo_before(text, at) {
            Some(start) => found.extend(url::password_in(text, start..at)),
            None => found.extend(email::around(text, at)),
        }
    }
    found.sort_unstable_by_key(|one| (one.span.start, std::cmp::Reverse(one.span.end)));
    let mut end = 0;
    found.retain(|one| {
        let is_free = one.span.start >= end;
        end = if is_free { one.span.end } else { end };
        is_free
    });
    found
}

/// A secret over several lines leaves as many line ends behind; its first stays before the placeholder.
fn push_placeholder(text: &mut String, kind: &str, secret: &str) {
    let lines = count_lines(secret);
    if secret.starts_with('\n') {
        text.push('\n');
    }
    text.push_str("<REDACTED:");
    text.push_str(kind);
    text.push('>');
    for _ in usize::from(secret.starts_with('\n'))..lines {
        text.push('\n');
    }
}

fn count_lines(text: &str) -> usize {
    memchr::memchr_iter(b'\n', text.as_bytes()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_readable_and_lines_stay() {
        let body = "MIIEpAIBAAKCAQEA0Z3VS5JJcds3xfn/ygWyF0qJDr0k\n".repeat(3);
        let text = format!(
            "a = 1\nkey = \"\"\"-----BEGIN RSA PRIVATE KEY-----\n{body}-----END RSA PRIVATE KEY-----\"\"\"\n# by Ann Lee <ann.lee@kernel-lab.org>\n"
        );
        let redacted = redact(&text);
        assert_eq!(count_lines(&redacted.text), count_lines(&text));
        assert!(
            redacted
                .text
                .contains("BEGIN RSA PRIVATE KEY-----\n<REDACTED:private-key>\n")
        );
        assert!(redacted.text.ends_with("# by Ann Lee <<REDACTED:email>>\n"));
        let hits: Vec<_> = redacted
            .hits
            .iter()
            .map(|hit| (hit.kind, hit.line))
            .collect();
        assert_eq!(hits, [("private-key", 2), ("email", 7)]);
    }

    #[test]
    fn places_lead_back_to_the_original() {
        let text = "x ann.lee@kernel-lab.org y bob@kernel-lab.org z";
        let redacted = redact(text);
        for word in ["x", "y", "z"] {
            let at = redacted
                .text
                .find(&format!("{word} "))
                .or_else(|| redacted.text.rfind(word))
                .unwrap();
            assert_eq!(
                redacted.source_offset(at),
                text.rfind(word).unwrap(),
                "{word}"
            );
        }
        assert_eq!(redacted.source_offset(5), 2);
        assert_eq!(redacted.source_offset(redacted.text.len()), text.len());
        assert_eq!(redact("plain").source_offset(3), 3);
    }

    #[test]
    fn lists_of_people_are_withheld() {
        let list: String = (0..30)
            .map(|n| format!("Ann {n} <ann{n}@kernel-lab.org>\n"))
            .collect();
        assert_eq!(redact(&list).check().unwrap_err().measured, Some(30));
        assert!(redact(&list[..list.len() / 3]).check().is_ok());
        assert!(!has_secret(&list));
        assert!(has_secret("AKIAQ3EGRV7YHKJ2LMNB"));
    }

    #[test]
    fn hostile_text_neither_panics_nor_takes_long() {
        let pieces = [
            "@",
            "a@",
            "://a:b@",
            "-----BEGIN PRIVATE KEY-----\n",
            "AKIA",
            "eyJ.",
            "password='",
            "token=",
            "sk-",
            "\\",
            "é@é.é",
            "key: \"",
            "a:b@c.d/",
            "-----",
            "SK",
            "token.",
            "token\\\"",
            "variable \"token\" {",
            "password = ",
            "mysql -p ",
            "-u a:",
            "-us",
        ];
        for piece in pieces {
            let text = piece.repeat(200_000 / piece.len());
            let redacted = redact(&text);
            assert_eq!(count_lines(&redacted.text), count_lines(&text));
        }
    }
}
