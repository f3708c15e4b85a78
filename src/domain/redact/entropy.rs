//! How random a string looks: what tells a key from a name or an example.

/// Shannon entropy of the bytes, in bits a byte. Random base64 of 40 bytes has about 4.7, random hexadecimal 3.6, a long word 3.
pub(super) fn bits_per_byte(bytes: &[u8]) -> f64 {
    let mut counts = [0usize; 256];
    for &byte in bytes {
        counts[usize::from(byte)] += 1;
    }
    let total = bytes.len() as f64;
    let share = |&count: &usize| count as f64 / total;
    -counts
        .iter()
        .filter(|&&count| count > 0)
        .map(share)
        .map(|share| share * share.log2())
        .sum::<f64>()
}

/// Whether a value is made by a random generator rather than by a person: digits and letters well mixed.
pub(super) fn is_random(value: &str) -> bool {
    let bytes = value.as_bytes();
    let digits = bytes.iter().filter(|byte| byte.is_ascii_digit()).count();
    let letters = bytes
        .iter()
        .filter(|byte| byte.is_ascii_alphabetic())
        .count();
    let bits_min = if bytes.iter().all(u8::is_ascii_hexdigit) {
        3.0
    } else {
        3.5
    };
    digits >= 3
        && letters >= 3
        && changes_of_class(bytes) * 5 >= bytes.len()
        && bits_per_byte(bytes) >= bits_min
}

/// Whether a text is base64 of something: what a `Basic` credential is, in which digits are few.
pub(super) fn is_encoded(value: &str) -> bool {
    let bytes = value.as_bytes();
    bytes.iter().any(u8::is_ascii_digit)
        && 4 * changes_of_class(bytes) >= bytes.len()
        && bits_per_byte(bytes) >= 3.5
}

/// How often digits, lower case, upper case and the rest follow each other. Words joined by marks change class seldom.
pub(super) fn changes_of_class(bytes: &[u8]) -> usize {
    let class = |byte: u8| match byte {
        b'0'..=b'9' => 0,
        b'a'..=b'z' => 1,
        b'A'..=b'Z' => 2,
        _ => 3,
    };
    bytes
        .windows(2)
        .filter(|pair| class(pair[0]) != class(pair[1]))
        .count()
}

/// Words that people write where a secret would go.
const PLACEHOLDERS: &[&str] = &[
    "example",
    "xxxx",
    "your",
    "changeme",
    "change-me",
    "change_me",
    "placeholder",
    "dummy",
    "sample",
    "redacted",
    "insert",
    "replace",
    "todo",
    "fake",
    "mock",
    "not-a-",
    "not_a_",
    "<",
    "...",
    "****",
    "{{",
    "${",
    "$(",
    "%(",
    "#{",
    "1234567890",
    "abcdefgh",
    "0000000",
    "testtest",
];

/// Whether a value only stands for a secret: a template hole, an example, a run of the same character.
pub(super) fn is_placeholder(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    PLACEHOLDERS.iter().any(|word| lower.contains(word)) || bits_per_byte(value.as_bytes()) < 1.5
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_values_are_told_from_names() {
        for value in [
            "wJalrXUtnFEMIK7MDENGbPxRfiCY9ze4q",
            "9f86d081884c7d659a2feaa0c55ad015",
            "a8F3kz02QmX91LpT",
        ] {
            assert!(is_random(value) && !is_placeholder(value), "{value}");
        }
        for value in [
            "user-profile-update-2",
            "getUserTokenFromRequest",
            "application/json",
            "correct horse battery",
            "12345678901234567890",
            "",
            "aaaaaaaaaaaa",
        ] {
            assert!(!is_random(value), "{value}");
        }
        for value in [
            "YOUR_API_KEY_1a2b3c",
            "<token>",
            "xxxxxxxx",
            "${TOKEN}",
            "AKIAIOSFODNN7EXAMPLE",
            "",
        ] {
            assert!(is_placeholder(value), "{value}");
        }
    }
}
