//! Words and code tokens: how text becomes the small hashed units that every check compares.
//!
//! Owns the hash, the tokeniser of code and the shapes of identifiers. Knows nothing of answers or evidence.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

/// A set of hashes. They are well mixed already, so the set takes them as they are.
pub type HashedSet = HashSet<u64, BuildHasherDefault<AsIs>>;

/// A hasher for keys that are hashes.
#[derive(Debug, Clone, Copy, Default)]
pub struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = hash_bytes(bytes.iter().copied());
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

/// FNV-1a with a final avalanche (the 64-bit finaliser of MurmurHash3). The same on every machine and in every
/// version, because fingerprints made from it are stored.
pub fn hash(text: &str) -> u64 {
    hash_bytes(text.bytes())
}

/// [`hash`] of the text with ASCII letters lowered and underscores and dashes left out: `maxBytes`, `max_bytes`, `MAX-BYTES` are one.
pub fn hash_folded(text: &str) -> u64 {
    let kept = text.bytes().filter(|b| !matches!(b, b'_' | b'-'));
    hash_bytes(kept.map(|b| b.to_ascii_lowercase()))
}

/// [`hash`] of the text in lower case.
pub fn hash_lowered(text: &str) -> u64 {
    if text.is_ascii() {
        hash_bytes(text.bytes().map(|b| b.to_ascii_lowercase()))
    } else {
        hash(&text.to_lowercase())
    }
}

fn hash_bytes(bytes: impl Iterator<Item = u8>) -> u64 {
    let step = |state: u64, byte: u8| (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    mix(bytes.fold(0xcbf2_9ce4_8422_2325, step))
}

/// Spreads the bits of a number over the whole word.
pub fn mix(mut value: u64) -> u64 {
    value ^= value >> 33;
    value = value.wrapping_mul(0xff51_afd7_ed55_8ccd);
    value ^= value >> 33;
    value = value.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    value ^ (value >> 33)
}

/// Hash of a pair in its order.
pub fn pair(first: u64, second: u64) -> u64 {
    mix(first.rotate_left(23) ^ second)
}

/// Hash of a sequence in its order.
pub fn sequence(hashes: &[u64]) -> u64 {
    hashes.iter().fold(0, |state, hash| pair(state, *hash))
}

/// What a code token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Letters, digits, `_` and `$`, not beginning with a digit.
    Name,
    /// Begins with a digit.
    Number,
    /// A run of operator characters, or one bracket, quote or other mark.
    Mark,
}

/// One token of code, with its place in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'a> {
    /// Its text.
    pub text: &'a str,
    /// First byte in the text it was cut from.
    pub start: usize,
    /// What it is.
    pub kind: Kind,
}

impl Token<'_> {
    /// One past its last byte.
    pub fn end(&self) -> usize {
        self.start + self.text.len()
    }
}

/// Cuts code, of any language, into tokens; white space separates and vanishes.
pub fn tokens(code: &str) -> Vec<Token<'_>> {
    let mut found = Vec::with_capacity(code.len() / 4);
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        let start = code.len() - rest.len();
        let (kind, length) = measure(rest, first);
        if !first.is_whitespace() {
            let text = &rest[..length];
            found.push(Token { text, start, kind });
        }
        rest = &rest[length..];
    }
    found
}

fn measure(rest: &str, first: char) -> (Kind, usize) {
    if first.is_ascii_digit() {
        (Kind::Number, number_length(rest))
    } else if is_word(first) {
        (Kind::Name, run(rest, is_word))
    } else if is_operator(first) {
        (Kind::Mark, run(rest, is_operator))
    } else {
        (Kind::Mark, first.len_utf8())
    }
}

fn run(text: &str, belongs: fn(char) -> bool) -> usize {
    text.find(|c| !belongs(c)).unwrap_or(text.len())
}

/// A number may hold points and separators between digits: `1.5`, `1_000`, `0x1F`, `1.2.3`. An ellipsis or a final full stop is not part of it.
fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut end = 1;
    while end < bytes.len() {
        let here = char::from(bytes[end]);
        let digit_follows = bytes.get(end + 1).is_some_and(u8::is_ascii_digit);
        if !(here.is_ascii_alphanumeric() || here == '_' || (here == '.' && digit_follows)) {
            break;
        }
        end += 1;
    }
    end
}

/// Whether a character can stand in an identifier of the languages at hand.
pub fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

fn is_operator(c: char) -> bool {
    matches!(
        c,
        '=' | '<' | '>' | '!' | '&' | '|' | '+' | '-' | '*' | '/' | '%' | '^' | '~' | '?' | ':'
    )
}

/// Hashes of the lower-cased words of a text, runs of letters and digits, for near-duplicates and overlaps.
pub fn plain_words(text: &str) -> Vec<u64> {
    let cut = text.split(|c: char| !c.is_alphanumeric());
    cut.filter(|word| !word.is_empty())
        .map(hash_lowered)
        .collect()
}

/// The parts of an identifier: `HTTPDigestAuth` -> HTTP Digest Auth, `max_bytes` -> max bytes.
pub fn parts(name: &str) -> impl Iterator<Item = &str> {
    let pieces = name.split(|c: char| !c.is_alphanumeric());
    pieces.flat_map(|piece| {
        let mut start = 0;
        let ends = humps(piece).chain([piece.len()]);
        ends.map(move |end| &piece[std::mem::replace(&mut start, end)..end])
            .filter(|part| !part.is_empty())
    })
}

/// Places where a new hump begins: a capital after a lower-case letter or digit, or the last capital of a run before a lower-case letter.
fn humps(piece: &str) -> impl Iterator<Item = usize> {
    let mut letters = piece.char_indices().peekable();
    let mut was_capital = true;
    std::iter::from_fn(move || {
        loop {
            let (at, here) = letters.next()?;
            let is_capital = here.is_uppercase();
            let mut before_small = || letters.peek().is_some_and(|(_, next)| next.is_lowercase());
            let begins = at > 0 && is_capital && (!was_capital || before_small());
            was_capital = is_capital;
            if begins {
                return Some(at);
            }
        }
    })
}

/// Whether a word of prose has the shape of an identifier: `snake_case`, `camelCase`, `PascalCase` with two humps, `CONST_NAME`.
pub fn looks_like_code(word: &str) -> bool {
    let inner = word.trim_matches('_');
    let snake = inner.contains('_') || inner.len() < word.len();
    let lower_then_upper = |w: &[u8]| w[0].is_ascii_lowercase() && w[1].is_ascii_uppercase();
    let humped = inner.as_bytes().windows(2).any(lower_then_upper);
    !inner.is_empty() && (snake || humped)
}

/// The value of a numeric token: decimal, hexadecimal, octal, binary, with separators and a unit or type suffix (`0xFFu8`, `1_000`, `30s`, `33rd`).
pub fn number_value(token: &str) -> Option<f64> {
    let clean: String = token.chars().filter(|c| !matches!(c, '_' | ',')).collect();
    let lower = clean.to_ascii_lowercase();
    for (prefix, radix) in [("0x", 16), ("0b", 2), ("0o", 8)] {
        if let Some(digits) = lower.strip_prefix(prefix) {
            return radix_value(digits, radix);
        }
    }
    decimal_value(&lower)
}

fn radix_value(digits: &str, radix: u32) -> Option<f64> {
    let end = digits
        .find(|c: char| !c.is_digit(radix))
        .unwrap_or(digits.len());
    let value = u128::from_str_radix(&digits[..end], radix).ok()?;
    Some(value as f64)
}

fn decimal_value(lower: &str) -> Option<f64> {
    let end = lower
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(lower.len());
    let scientific = lower.parse::<f64>().ok().filter(|value| value.is_finite());
    scientific.or_else(|| lower[..end].trim_end_matches('.').parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_cut_the_same_way_whatever_its_spacing() {
        let texts = |code| {
            tokens(code)
                .iter()
                .map(|t| t.text.to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(texts("if(a>=1){b_c}"), texts("if ( a >= 1 )\n{ b_c }"));
        assert_eq!(
            texts("x[1..2].f()"),
            ["x", "[", "1", ".", ".", "2", "]", ".", "f", "(", ")"]
        );
        assert_eq!(texts("é€ 1.5e3. ☃"), ["é", "€", "1.5e3", ".", "☃"]);
    }

    #[test]
    fn numbers_have_one_value_in_every_notation() {
        for (text, value) in [
            ("0xFF", 255.0),
            ("255u8", 255.0),
            ("1_000", 1000.0),
            ("33rd", 33.0),
            ("0.5", 0.5),
            ("1e3", 1000.0),
            ("0b11", 3.0),
            ("30s", 30.0),
        ] {
            assert_eq!(number_value(text), Some(value), "{text}");
        }
        assert_eq!(number_value("1.2.3"), None);
        assert_eq!(number_value("0x"), None);
    }

    #[test]
    fn identifiers_fall_into_parts() {
        for (name, expected) in [
            ("HTTPDigestAuth", vec!["HTTP", "Digest", "Auth"]),
            ("__max_bytes", vec!["max", "bytes"]),
            ("toReturn", vec!["to", "Return"]),
            ("aBCd", vec!["a", "B", "Cd"]),
            ("", vec![]),
        ] {
            assert_eq!(parts(name).collect::<Vec<_>>(), expected, "{name}");
        }
    }

    #[test]
    fn code_shapes_are_told_from_english() {
        for word in [
            "snake_case",
            "camelCase",
            "__init__",
            "MAX_LEN",
            "RequestsJar",
        ] {
            assert!(looks_like_code(word), "{word}");
        }
        for word in ["The", "HTTP", "words", "I", "_", "non-empty"] {
            assert!(!looks_like_code(word), "{word}");
        }
    }
}
