//! Random values given to names that say "secret": `api_key = "…"`, `"password": "…"`, `TOKEN=…`, `Authorization: Bearer …`.

use super::{Found, entropy};
use aho_corasick::{AhoCorasick, AhoCorasickKind};
use std::sync::LazyLock;

/// What a name must hold, in any case. The password words come first: see [`PASSWORD_WORDS`].
const WORDS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "api_key",
    "apikey",
    "api-key",
    "access_key",
    "accesskey",
    "access-key",
    "private_key",
    "privatekey",
    "auth_key",
    "authkey",
    "credential",
    "encryption_key",
    "signing_key",
    "webhook_url",
];

/// Schemes of an `Authorization` header; what follows is the credential itself.
const SCHEMES: &[&str] = &["bearer ", "basic "];

/// How many of [`WORDS`] name what people choose, which is shorter than what machines make.
const PASSWORD_WORDS: usize = 3;

/// Shortest values, in characters.
const PASSWORD_CHARS_MIN: usize = 8;
const KEY_CHARS_MIN: usize = 16;
const VALUE_CHARS_MAX: usize = 200;

/// How far the name may go on after the word, and how much white space may stand around the sign.
const NAME_BYTES_MAX: usize = 40;

static AUTOMATON: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    AhoCorasick::builder()
        .kind(Some(AhoCorasickKind::DFA))
        .ascii_case_insensitive(true)
        .build(WORDS.iter().chain(SCHEMES))
        .ok()
});

/// Adds every value that is given to a secret name and looks random.
pub(super) fn find(text: &str, found: &mut Vec<Found>) {
    let Some(automaton) = &*AUTOMATON else { return };
    for word in automaton.find_iter(text) {
        let nth = word.pattern().as_usize();
        let is_password = nth < PASSWORD_WORDS;
        let is_credential = nth >= WORDS.len();
        let value = match is_credential {
            true => Some(credential_at(text.as_bytes(), word.end())),
            false => value_after(text.as_bytes(), word.end()),
        };
        let Some((start, end)) = value else {
            continue;
        };
        let value = &text[start..end];
        let is_encoded =
            || is_credential && value.len() >= KEY_CHARS_MIN && entropy::is_encoded(value);
        if is_secret(value, is_password) || is_encoded() {
            let kind = if is_password { "password" } else { "secret" };
            found.push(Found {
                span: start..end,
                kind,
            });
        }
    }
}

/// The value assigned to the name that goes on at `at`: quoted, or bare right after `=` as in a shell. The name of an
/// identifier (`credentialsId`, `token_id`) is followed by none.
fn value_after(text: &[u8], at: usize) -> Option<(usize, usize)> {
    let name_end = skip(text, at, |byte| {
        byte.is_ascii_alphanumeric() || b"_-.".contains(&byte)
    });
    if text[at..name_end].to_ascii_lowercase().ends_with(b"id") {
        return None;
    }
    let at = skip(text, name_end, |byte| b"\"'`] ".contains(&byte));
    let sign = skip(text, at, |byte| b":=>".contains(&byte));
    let spaces = skip(text, sign, |byte| byte == b' ');
    let opened = skip(text, spaces, |byte| b"bru@".contains(&byte));
    match text.get(opened) {
        Some(&quote @ (b'"' | b'\'' | b'`')) if sign > at || spaces == at => {
            quoted(text, opened + 1, quote)
        }
        _ if text.get(at) == Some(&b'=') && sign == at + 1 && spaces == sign => bare(text, sign),
        _ if sign == at + 1 && spaces > sign => line_end(text, spaces),
        _ => None,
    }
}

/// What follows the scheme of an `Authorization` header.
fn credential_at(text: &[u8], start: usize) -> (usize, usize) {
    let bytes = value_bytes(text, start, |byte| {
        byte.is_ascii_alphanumeric() || b"_-+/=.~".contains(&byte)
    });
    (start, start + bytes)
}

/// A bare value after `name: ` or `name = `, as settings files have them, counts when nothing follows it on its line; in code, something
/// mostly does.
fn line_end(text: &[u8], start: usize) -> Option<(usize, usize)> {
    let end = start
        + value_bytes(text, start, |byte| {
            byte.is_ascii_alphanumeric() || b"+/=".contains(&byte)
        });
    let is_long = end - start >= KEY_CHARS_MIN;
    (is_long && matches!(text.get(end), None | Some(b'\n' | b'\r'))).then_some((start, end))
}

fn skip(text: &[u8], at: usize, accept: impl Fn(u8) -> bool) -> usize {
    at + text[at..]
        .iter()
        .take(NAME_BYTES_MAX)
        .take_while(|&&byte| accept(byte))
        .count()
}

fn quoted(text: &[u8], start: usize, quote: u8) -> Option<(usize, usize)> {
    let end = start + value_bytes(text, start, |byte| byte.is_ascii_graphic() && byte != quote);
    (text.get(end) == Some(&quote)).then_some((start, end))
}

fn bare(text: &[u8], start: usize) -> Option<(usize, usize)> {
    let end = start
        + value_bytes(text, start, |byte| {
            byte.is_ascii_alphanumeric() || b"_-+/=.~".contains(&byte)
        });
    let is_end = |byte: &u8| byte.is_ascii_whitespace() || b";&\"'`".contains(byte);
    let is_whole = text.get(end).is_none_or(is_end);
    is_whole.then_some((start, end))
}

fn value_bytes(text: &[u8], start: usize, accept: impl Fn(u8) -> bool) -> usize {
    text[start..]
        .iter()
        .take(VALUE_CHARS_MAX + 1)
        .take_while(|&&byte| accept(byte))
        .count()
}

fn is_secret(value: &str, is_password: bool) -> bool {
    let min = if is_password {
        PASSWORD_CHARS_MIN
    } else {
        KEY_CHARS_MIN
    };
    if !(min..=VALUE_CHARS_MAX).contains(&value.len())
        || entropy::is_placeholder(value)
        || is_reference(value)
    {
        return false;
    }
    entropy::is_random(value) || is_password && is_strong(value)
}

/// Paths, URLs, calls and lookups name where a secret is; they are none.
fn is_reference(value: &str) -> bool {
    value.contains("://")
        || value.starts_with(['/', '.', '$', '@', '%'])
        || value.contains(['(', '{', '<', '['])
        || value.contains("::")
}

/// A password as rules demand it: lower and upper case, digit and mark.
fn is_strong(value: &str) -> bool {
    let has = |test: fn(char) -> bool| value.contains(test);
    has(|c| c.is_ascii_lowercase())
        && has(|c| c.is_ascii_uppercase())
        && has(|c| c.is_ascii_digit())
        && has(|c| c.is_ascii_punctuation())
}

#[cfg(test)]
mod tests {
    use super::super::redact;

    #[test]
    fn random_values_of_secret_names_go() {
        let cases = [
            (
                "api_key = \"a8F3kz02QmX91LpT\"",
                "api_key = \"<REDACTED:secret>\"",
            ),
            (
                "aws_secret_access_key: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYz9q4w8e2'",
                "aws_secret_access_key: '<REDACTED:secret>'",
            ),
            (
                "\"client_secret\": \"9f86d081884c7d659a2feaa0c55ad015\",",
                "\"client_secret\": \"<REDACTED:secret>\",",
            ),
            (
                "ENV API_TOKEN=a8F3kz02QmX91LpTv4\n",
                "ENV API_TOKEN=<REDACTED:secret>\n",
            ),
            (
                "String password = \"Xk9#mQ2$vL\";",
                "String password = \"<REDACTED:password>\";",
            ),
            (
                "config['secret'] = 'a8F3kz02QmX91LpT'",
                "config['secret'] = '<REDACTED:secret>'",
            ),
            (
                "curl -H 'Authorization: Bearer a8F3kz02QmX91LpTv4'",
                "curl -H 'Authorization: Bearer <REDACTED:secret>'",
            ),
            (
                "\"Basic dXNlcjpTM2NyZXRQYXNzdzByZCE5OQ==\"",
                "\"Basic <REDACTED:secret>\"",
            ),
            (
                "aws.secretKey = wJalrXUtnFEMI/K7MDENG/bPxRfiCYz9q4w8e2ab\n",
                "aws.secretKey = <REDACTED:secret>\n",
            ),
            (
                "  api_token: a8F3kz02QmX91LpT\n",
                "  api_token: <REDACTED:secret>\n",
            ),
            (
                "User Id=sa;Password=Xk9mQ2vL77aaPz4;Timeout=5",
                "User Id=sa;Password=<REDACTED:password>;Timeout=5",
            ),
            (
                "const authToken := `a8F3kz02QmX91LpT`",
                "const authToken := `<REDACTED:secret>`",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(redact(text).text, expected);
        }
    }

    #[test]
    fn names_lookups_and_examples_stay() {
        let texts = [
            "password = \"password\"",
            "token = parse_token(input)",
            "secret = os.environ[\"SECRET_KEY_BASE_2024\"]",
            "token: \"identifier-expected\"",
            "api_key = \"YOUR_API_KEY\"",
            "TOKEN=$(cat file)",
            "let token = \"fn\";",
            "password: \"correct horse battery staple\"",
            "token_type = \"application/x-www-form-urlencoded\"",
            "SECRET_PATH=/run/secrets/db1a2b3c4d5e",
            "assert_eq!(token, \"0123456789\");",
            "if token == \"a\" {}",
            "password=None",
            "credentialsId: '29f63271-dc2f-4734-8221-5b31b5169bac'",
            "secret = \"getUserSecretFromStore\"",
            "sha256 = \"9f86d081884c7d659a2feaa0c55ad015\"",
            "uuid = \"123e4567-e89b-12d3-a456-426614174000\"",
            "token = \"\"\"doc\"\"\"",
            "Bearer tokens of RFC 6750 are opaque",
            "a basic authentication scheme",
            "secret: sha256-of-the-first-4096-bytes",
            "token = nextTokenOf(stream64, utf8)",
            "secret = TLS13_CHACHA20_POLY1305_SHA256_INTERNAL\n",
            "password = readPasswordFromTerminal\n",
        ];
        for text in texts {
            assert_eq!(redact(text).text, text);
        }
    }
}
