//! Private keys as text blocks: PEM, OpenSSH, PGP.

use super::Found;

/// What ends the first line of every such block.
const MARKS: [&str; 2] = ["PRIVATE KEY-----", "PRIVATE KEY BLOCK-----"];
/// What a block's last line begins with.
const END: &str = "-----END";
/// Fewer base64 characters than this between the marks are a mention of keys, not a key.
const BODY_CHARS_MIN: usize = 40;
/// A block whose end is missing is taken to be at most this long, in bytes.
const OPEN_BLOCK_BYTES_MAX: usize = 8192;

/// Adds the body of every private key; the marks around it stay, so that the text still says what stood there.
pub(super) fn find(text: &str, found: &mut Vec<Found>) {
    for mark in MARKS {
        for at in memchr::memmem::find_iter(text.as_bytes(), mark) {
            let start = at + mark.len();
            let end = body_end(text, start);
            if holds_key(&text.as_bytes()[start..end]) {
                found.push(Found {
                    span: start..end,
                    kind: "private-key",
                });
            }
        }
    }
}

/// Up to the closing mark, or, without one, as far as lines look like base64.
fn body_end(text: &str, start: usize) -> usize {
    let rest = &text[start..];
    match memchr::memmem::find(rest.as_bytes(), b"-----") {
        Some(dashes) if rest[dashes..].starts_with(END) => start + dashes,
        _ => start + open_block_bytes(rest),
    }
}

fn open_block_bytes(rest: &str) -> usize {
    let rest = &rest[..rest.floor_char_boundary(OPEN_BLOCK_BYTES_MAX)];
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte);
    let looks_right = |line: &&str| {
        line.trim().bytes().all(is_base64) || line.contains("\\n") || line.contains(": ")
    };
    let bytes: usize = rest
        .split_inclusive('\n')
        .take_while(looks_right)
        .map(str::len)
        .sum();
    rest[..bytes].trim_end().len()
}

fn holds_key(body: &[u8]) -> bool {
    let run = |line: &[u8]| {
        line.iter()
            .filter(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(byte))
            .count()
    };
    let longest = body
        .split(|&byte| byte == b'\n')
        .map(run)
        .max()
        .unwrap_or_default();
    let has_spaces = |line: &[u8]| line.iter().filter(|&&byte| byte == b' ').count() > 20;
    longest >= BODY_CHARS_MIN && !has_spaces(body)
}

#[cfg(test)]
mod tests {
    use super::super::redact;

    const LINE: &str = "MIIEpAIBAAKCAQEA0Z3VS5JJcds3xfn/ygWyF0qJDr0kTQpUxk";

    #[test]
    fn bodies_go_and_marks_stay() {
        let cases = [
            format!("-----BEGIN PRIVATE KEY-----\n{LINE}\n{LINE}\n-----END PRIVATE KEY-----\n"),
            format!(
                "-----BEGIN OPENSSH PRIVATE KEY-----\n{LINE}\n-----END OPENSSH PRIVATE KEY-----"
            ),
            format!(
                "-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: 1\n\n{LINE}\n-----END PGP PRIVATE KEY BLOCK-----"
            ),
            format!(
                "k = \"-----BEGIN EC PRIVATE KEY-----\\n{LINE}\\n-----END EC PRIVATE KEY-----\";"
            ),
            format!("-----BEGIN RSA PRIVATE KEY-----\n{LINE}\n{LINE}\n\nand more text"),
        ];
        for text in cases {
            let redacted = redact(&text);
            assert!(
                !redacted.text.contains(LINE) && redacted.text.contains("PRIVATE KEY"),
                "{}",
                redacted.text
            );
            assert_eq!(redacted.text.lines().count(), text.lines().count());
        }
    }

    #[test]
    fn mentions_are_left_alone() {
        let texts = [
            "if line == \"-----BEGIN PRIVATE KEY-----\" { parse(rest) }\nlet a = b;\n",
            "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----\n",
            "-----BEGIN PUBLIC KEY-----\nMIIEpAIBAAKCAQEA0Z3VS5JJcds3xfn/ygWyF0qJDr0kTQpUxk\n-----END PUBLIC KEY-----\n",
        ];
        for text in texts {
            assert_eq!(redact(text).text, text);
        }
    }
}
