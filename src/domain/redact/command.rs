//! Passwords in command lines: `curl -u user:…`, `mysql -p…`, `sshpass -p …`, `docker login … -p …`.

use std::ops::Range;

/// How far behind its command the flag may stand, in bytes; continued lines are one.
const LINE_BYTES_MAX: usize = 300;
const VALUE_BYTES_MAX: usize = 128;

/// The password of the `user:password` that begins at `at`.
pub(super) fn after_user(text: &[u8], at: usize) -> Option<Range<usize>> {
    let word = word_at(text, at)?;
    let colon = memchr::memchr(b':', &text[word.clone()])?;
    Some(word.start + colon + 1..word.end)
}

/// What follows `-p` in the command that goes on at `at`.
pub(super) fn after_flag(text: &[u8], at: usize) -> Option<Range<usize>> {
    let rest = &text[at..text.len().min(at + LINE_BYTES_MAX)];
    let flag = memchr::memmem::find_iter(line(rest), b" -p").next()?;
    let start = at + flag + b" -p".len();
    let start = start + usize::from(text.get(start) == Some(&b' '));
    word_at(text, start)
}

/// Up to the first line end that is not continued.
fn line(text: &[u8]) -> &[u8] {
    let end = memchr::memchr_iter(b'\n', text).find(|&at| !text[..at].ends_with(b"\\"));
    &text[..end.unwrap_or(text.len())]
}

/// The word of a command line that begins at `at`, without its quotes.
fn word_at(text: &[u8], at: usize) -> Option<Range<usize>> {
    let quote = text.get(at).filter(|byte| b"\"'".contains(byte));
    let start = at + usize::from(quote.is_some());
    let rest = text[start..].iter().take(VALUE_BYTES_MAX);
    let is_part = |byte: &&u8| byte.is_ascii_graphic() && !b"\"'`;|".contains(byte);
    let end = start + rest.take_while(is_part).count();
    (end > start).then_some(start..end)
}

#[cfg(test)]
mod tests {
    use super::super::redact;

    #[test]
    fn passwords_of_commands_go() {
        for command in [
            "curl -u deploy:@ https://files.corp.dev/up",
            "curl -X PUT \\\n  --user 'deploy:@' https://files.corp.dev",
            "mysql -h db -u root -p@ app < schema.sql",
            "mysqldump --single-transaction \\\n  -p'@' app",
            "sshpass -p '@' ssh root@10.0.0.4 uptime",
            "sshpass -p @ scp a b:",
            "docker login -u ci -p @ registry.corp.dev",
        ] {
            let planted = command.replacen('@', "Wq8xOE0awREY", 1);
            let expected = command.replacen('@', "<REDACTED:password>", 1);
            assert_eq!(redact(&planted).text, expected);
        }
    }

    #[test]
    fn other_flags_and_variables_stay() {
        for text in [
            "docker run -u 1000:1000 -p 8080:80 app",
            "curl -u $USER:$PASSWORD https://x.dev",
            "curl -u \"${CI_USER}:${CI_TOKEN}\" https://x.dev",
            "curl -u user:password https://x.dev",
            "mysql -u root -p app",
            "mysql -p$MYSQL_ROOT_PASSWORD",
            "mkdir -p build/x86_64-linux-gnu",
            "mysql is run; then mkdir -p /srv/a8F3kz02QmX9",
            "docker login -u ci --password-stdin",
            "sudo -u postgres psql",
        ] {
            assert_eq!(redact(text).text, text);
        }
    }
}
