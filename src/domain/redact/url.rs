//! Passwords and tokens in URLs: `scheme://user:password@host`.

use super::{Found, entropy};
use std::ops::Range;

const KIND: &str = "url-password";

/// No user and password together are longer.
const USERINFO_BYTES_MAX: usize = 256;

/// The shortest token that stands alone before the `@`.
const TOKEN_CHARS_MIN: usize = 20;

/// What people write for a password in examples and tests.
const WEAK: &[&str] = &[
    "pass",
    "password",
    "passwd",
    "passwort",
    "pwd",
    "pw",
    "p",
    "secret",
    "token",
    "user",
    "username",
    "admin",
    "root",
    "test",
    "guest",
    "foo",
    "bar",
    "baz",
    "qux",
    "abc",
    "abc123",
    "123",
    "1234",
    "12345",
    "123456",
    "changeme",
    "mypass",
    "mypassword",
    "hunter2",
    "xyz",
    "key",
    "apikey",
    "auth",
    "login",
    "letmein",
    "pass1",
    "password1",
    "secretpassword",
    "postgres",
    "mysql",
    "x-oauth-basic",
    "b",
    "me",
    "you",
    "name",
    "port",
    "number",
    "y",
    "z",
    "passw0rd",
    "oauth2",
    "example",
];

/// Where the `user:password` of a URL begins whose `@` stands at `at`: right after `://`. What stands there is no e-mail address.
pub(super) fn userinfo_before(text: &str, at: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let is_part = |byte: u8| byte.is_ascii_graphic() && !b"/@\"'`<>()[]\\,".contains(&byte);
    let length = bytes[..at]
        .iter()
        .rev()
        .take(USERINFO_BYTES_MAX)
        .take_while(|&&byte| is_part(byte))
        .count();
    let start = at - length;
    bytes[..start].ends_with(b"://").then_some(start)
}

/// The password in a URL's `user:password`, or the token in its place, unless it is one that examples use.
pub(super) fn password_in(text: &str, userinfo: Range<usize>) -> Option<Found> {
    if is_documentation(&text[userinfo.end + 1..]) {
        return None;
    }
    let secret_at = match text[userinfo.clone()].split_once(':') {
        Some((user, password)) if is_password(user, password) => userinfo.start + user.len() + 1,
        None if is_token(&text[userinfo.clone()]) => userinfo.start,
        _ => return None,
    };
    Some(Found {
        span: secret_at..userinfo.end,
        kind: KIND,
    })
}

/// Whether the host is one that stands for any (RFC 2606).
fn is_documentation(rest: &str) -> bool {
    let is_host = |byte: &u8| byte.is_ascii_alphanumeric() || b".-".contains(byte);
    let bytes = rest.bytes().take_while(is_host).count();
    let host = rest[..bytes].to_ascii_lowercase();
    let mut labels = host.rsplit('.');
    let top = labels.next().unwrap_or_default();
    matches!(top, "example" | "test" | "invalid") || labels.any(|label| label == "example")
}

fn is_token(word: &str) -> bool {
    word.len() >= TOKEN_CHARS_MIN && entropy::is_random(word)
}

fn is_password(user: &str, password: &str) -> bool {
    let lower = password.to_ascii_lowercase();
    let is_hole = password.starts_with(':')
        || password.contains(['$', '{', '%', '*', '#']) && !password.contains("%40");
    password.len() >= 3
        && !is_hole
        && lower != user.to_ascii_lowercase()
        && !WEAK.contains(&lower.as_str())
        && !entropy::is_placeholder(password)
}

#[cfg(test)]
mod tests {
    use super::super::redact;

    #[test]
    fn passwords_in_urls_go_and_examples_stay() {
        let cases = [
            (
                "postgres://app:s3cr3tPw9@db.internal/x",
                "postgres://app:<REDACTED:url-password>@db.internal/x",
            ),
            (
                "amqp://svc:Tr0ub4dor@10.0.0.1:5672",
                "amqp://svc:<REDACTED:url-password>@10.0.0.1:5672",
            ),
            (
                "https://a8F3kz02QmX91LpT7vRw@github.com/x",
                "https://<REDACTED:url-password>@github.com/x",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(redact(text).text, expected);
        }
        for text in [
            "http://user:pass@host/",
            "http://user:password@example.com",
            "https://{user}:{password}@host",
            "postgres://postgres:postgres@localhost",
            "redis://:@host",
            "https://github.com/@user",
            "https://user@host/path",
            "http://u:$PASS@h",
            "ssh://git@github.com/a/b",
            "http://a:1@b",
            "https://x/y:z@w",
            "http://host:80/@x",
            "http://user:pass@httpbin.org",
            "http://localhost@other.com",
            "http://isabel:s3cr3tPw9@example.com/",
            "postgres://app:s3cr3tPw9@db.example.org/x",
            "amqp://svc:Tr0ub4dor@mq.test",
        ] {
            assert_eq!(redact(text).text, text);
        }
    }
}
