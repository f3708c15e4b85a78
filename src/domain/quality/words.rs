//! Words and code tokens: how text becomes the small hashed units that every check compares.
//!
//! Owns the hash, the tokeniser of code and the shapes of identifiers. Knows nothing of answers or evidence.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;

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

/// [`hash`] of the text with ASCII letters lowered and underscores, dashes and sigils left out: `maxBytes`, `max_bytes`, `MAX-BYTES`,
/// `$maxBytes` are one.
pub fn hash_folded(text: &str) -> u64 {
    let kept = text.bytes().filter(|b| !matches!(b, b'_' | b'-' | b'$'));
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

/// Adds a word in lower case, character by character.
fn push_lowered(text: &mut String, word: &str) {
    if word.is_ascii() {
        let start = text.len();
        text.push_str(word);
        text[start..].make_ascii_lowercase();
    } else {
        text.extend(word.chars().flat_map(char::to_lowercase));
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

/// Hashes of every run of so many hashes, in order: cheaper than [`sequence`] over each, and not its values.
pub fn runs(hashes: &[u64], length: usize) -> impl Iterator<Item = u64> + '_ {
    /// Odd, with bits all over: each hash of a run is multiplied by another power of it.
    const BASE: u64 = 0x9e37_79b9_7f4a_7c15;
    let leaving = (0..length).fold(1u64, |power, _| power.wrapping_mul(BASE));
    let push = |state: u64, hash: u64| state.wrapping_mul(BASE).wrapping_add(hash);
    let head = hashes.get(..length.saturating_sub(1)).unwrap_or(hashes);
    let mut state = head.iter().fold(0, |state, hash| push(state, *hash));
    let mut left = [0].iter().chain(hashes);
    hashes.iter().skip(head.len()).map(move |hash| {
        let gone = left.next().map_or(0, |hash| hash.wrapping_mul(leaving));
        state = push(state, *hash).wrapping_sub(gone);
        mix(state)
    })
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
    /// [`hash`] of its text.
    pub hash: u64,
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
    found.extend(each_token(code));
    found
}

/// As [`tokens`], one by one.
pub fn each_token(code: &str) -> impl Iterator<Item = Token<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < code.len() {
            let start = at;
            let (class, length) = class_at(code, start);
            at += length;
            let kind = match class {
                Class::Space => continue,
                Class::Digit => Kind::Number,
                Class::Letter | Class::Joiner => Kind::Name,
                Class::Operator | Class::Mark => Kind::Mark,
            };
            at = match class {
                Class::Digit => start + number_length(&code.as_bytes()[start..]),
                Class::Letter | Class::Joiner => end_of_run(code, at, Class::is_word),
                Class::Operator => end_of_run(code, at, |class| class == Class::Operator),
                Class::Mark | Class::Space => at,
            };
            let text = &code[start..at];
            let hash = hash(text);
            return Some(Token {
                text,
                hash,
                start,
                kind,
            });
        }
        None
    })
}

/// Hashes of all tokens of some code.
pub fn token_hashes(code: &str) -> Vec<u64> {
    let mut found = Vec::with_capacity(code.len() / 4);
    found.extend(each_token(code).map(|token| token.hash));
    found
}

/// Hashes of some tokens.
pub fn hashes(tokens: &[Token<'_>]) -> Vec<u64> {
    tokens.iter().map(|token| token.hash).collect()
}

/// What a character is to a tokeniser. Only ASCII has digits, joiners and operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Space,
    Letter,
    Digit,
    /// `_` and `$`.
    Joiner,
    Operator,
    Mark,
}

impl Class {
    fn is_plain(self) -> bool {
        matches!(self, Class::Letter | Class::Digit)
    }

    fn is_word(self) -> bool {
        self.is_plain() || self == Class::Joiner
    }

    const fn of_ascii(byte: u8) -> Self {
        match byte {
            b'0'..=b'9' => Class::Digit,
            b'A'..=b'Z' | b'a'..=b'z' => Class::Letter,
            b'_' | b'$' => Class::Joiner,
            b'\t'..=b'\r' | b' ' => Class::Space,
            b'=' | b'<' | b'>' | b'!' | b'&' | b'|' | b'+' | b'-' | b'*' | b'/' | b'%' | b'^'
            | b'~' | b'?' | b':' => Class::Operator,
            _ => Class::Mark,
        }
    }
}

const CLASSES: [Class; 128] = {
    let mut classes = [Class::Mark; 128];
    let mut byte = 0;
    while byte < classes.len() {
        classes[byte] = Class::of_ascii(byte as u8);
        byte += 1;
    }
    classes
};

/// The class of the character at a place, and its length in bytes.
#[inline]
fn class_at(text: &str, at: usize) -> (Class, usize) {
    match CLASSES.get(usize::from(text.as_bytes()[at])) {
        Some(class) => (*class, 1),
        None => wide_class_at(text, at),
    }
}

fn wide_class_at(text: &str, at: usize) -> (Class, usize) {
    match text[at..].chars().next() {
        Some(c) if c.is_alphanumeric() => (Class::Letter, c.len_utf8()),
        Some(c) if c.is_whitespace() => (Class::Space, c.len_utf8()),
        other => (Class::Mark, other.map_or(1, char::len_utf8)),
    }
}

/// Where the run of characters of a kind that goes on at a place ends.
#[inline]
fn end_of_run(text: &str, mut at: usize, belongs: impl Fn(Class) -> bool) -> usize {
    while at < text.len() {
        let (class, length) = class_at(text, at);
        if !belongs(class) {
            break;
        }
        at += length;
    }
    at
}

/// The stretches of a text between white space.
fn spaced(text: &str) -> impl Iterator<Item = &str> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = end_of_run(text, at, |class| class == Class::Space);
        at = end_of_run(text, start, |class| class != Class::Space);
        (start < at).then(|| &text[start..at])
    })
}

/// A number may hold points and separators between digits: `1.5`, `1_000`, `0x1F`, `1.2.3`. An ellipsis or a final full stop is not part of it.
fn number_length(bytes: &[u8]) -> usize {
    let mut end = 1;
    while end < bytes.len() {
        let here = bytes[end];
        let digit_follows = bytes.get(end + 1).is_some_and(u8::is_ascii_digit);
        if !(here.is_ascii_alphanumeric() || here == b'_' || (here == b'.' && digit_follows)) {
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

/// Texts as phrases are looked for in them: lower case, single spaces, straight apostrophes.
pub fn folded(texts: &[&str]) -> String {
    let mut folded = String::with_capacity(texts.iter().map(|text| text.len()).sum());
    for word in texts.iter().flat_map(|text| spaced(text)) {
        push_lowered(&mut folded, word);
        folded.push(' ');
    }
    if folded.contains('’') {
        folded = folded.replace('’', "'");
    }
    folded
}

/// Whether neither end of a range lies inside a word, whose characters are those that `joins` tells.
pub fn stands(text: &str, range: Range<usize>, joins: fn(char) -> bool) -> bool {
    let joins = |c: Option<char>| c.is_some_and(joins);
    let (head, part, tail) = (
        &text[..range.start],
        &text[range.clone()],
        &text[range.end..],
    );
    let opens = joins(part.chars().next()) && joins(head.chars().next_back());
    let closes = joins(part.chars().next_back()) && joins(tail.chars().next());
    !opens && !closes
}

/// Hashes of the lower-cased words of a text, runs of letters and digits, for near-duplicates and overlaps.
pub fn plain_words(text: &str) -> Vec<u64> {
    let mut found = Vec::with_capacity(text.len() / 5);
    let mut at = 0;
    while at < text.len() {
        let end = end_of_run(text, at, Class::is_plain);
        if end > at {
            found.push(hash_lowered(&text[at..end]));
            at = end;
        } else {
            at += class_at(text, at).1;
        }
    }
    found
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
    match token.as_bytes() {
        // Beyond so few digits a number need not be a whole one of a float.
        digits if digits.len() <= 15 && digits.iter().all(u8::is_ascii_digit) => {
            return digits_value(digits);
        }
        [b'0'..=b'9' | b'_' | b',' | b'.' | b'+' | b'-', ..] => {}
        // Infinities and what is no number are no values.
        _ => return None,
    }
    let clean: String = token.chars().filter(|c| !matches!(c, '_' | ',')).collect();
    let lower = clean.to_ascii_lowercase();
    for (prefix, radix) in [("0x", 16), ("0b", 2), ("0o", 8)] {
        if let Some(digits) = lower.strip_prefix(prefix) {
            return radix_value(digits, radix);
        }
    }
    decimal_value(&lower)
}

fn digits_value(digits: &[u8]) -> Option<f64> {
    let step = |value: u64, digit: &u8| 10 * value + u64::from(digit - b'0');
    let value = digits.iter().fold(0, step);
    (!digits.is_empty()).then_some(value as f64)
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
    fn runs_are_told_by_their_hashes_in_order() {
        let hashes = [1, 2, 3, 1, 2, 3, 2].map(mix);
        let runs: Vec<u64> = runs(&hashes, 3).collect();
        assert_eq!(runs.len(), 5);
        for (one, a) in runs.iter().enumerate() {
            for (other, b) in runs.iter().enumerate() {
                assert_eq!(a == b, hashes[one..one + 3] == hashes[other..other + 3]);
            }
        }
        assert_eq!(super::runs(&hashes[..2], 3).count(), 0);
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
        for text in ["1.2.3", "0x", "", "inf", "nan", "."] {
            assert_eq!(number_value(text), None, "{text}");
        }
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
