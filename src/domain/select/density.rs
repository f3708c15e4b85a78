//! Texts that are data by their looks: endless lines, few letters, long encoded strings.
//!
//! Limits are those of StarCoder2 (Lozhkov et al. 2024, section 3.3), with one change: tables of hexadecimal numbers count by
//! their share only, since one S-box of 256 entries would otherwise drop every AES implementation.

use super::reason::{Skip, SkipReason};
use crate::domain::language::Language;

/// The longest line of code, in characters.
const LINE_CHARS_MAX: usize = 1000;
/// The longest line in languages whose lines are paragraphs.
const PROSE_LINE_CHARS_MAX: usize = 100_000;
/// The longest mean line of code, in characters.
const MEAN_LINE_CHARS_MAX: usize = 100;
/// The least share of letters, in percent.
const ALPHABETIC_PERCENT_MIN: usize = 25;
/// The longest unbroken base64 string, in characters.
const ENCODED_RUN_MAX: usize = 1024;
/// The shortest base64 string that counts.
const BASE64_RUN_MIN: usize = 64;
/// The fewest hexadecimal bytes in a row that count.
const HEX_BYTES_MIN: usize = 8;

/// Languages whose lines StarCoder2 does not measure as lines of code.
const PARAGRAPH_LANGUAGES: &[&str] = &[
    "HTML",
    "JSON",
    "Markdown",
    "Roff",
    "Roff Manpage",
    "SMT",
    "TeX",
    "Text",
    "XML",
    "reStructuredText",
    "AsciiDoc",
    "Org",
    "MDX",
    "RMarkdown",
    "Jupyter Notebook",
    "MediaWiki",
    "Textile",
    "RDoc",
    "Pod",
];

/// Languages in which digits are as good as letters.
const DIGIT_LANGUAGES: &[&str] = &[
    "Motorola 68K Assembly",
    "WebAssembly",
    "Assembly",
    "Unix Assembly",
];

/// What one pass over the text counts, in characters.
struct Counts {
    lines: usize,
    total: usize,
    longest: usize,
    letters: usize,
    digits: usize,
}

/// Fails a text whose lines are too long or that has too few letters.
pub(super) fn check_shape(text: &str, language: Language) -> Result<(), Skip> {
    let counts = count(text);
    let is_paragraphs = PARAGRAPH_LANGUAGES.contains(&language.name());
    let line_max = if is_paragraphs {
        PROSE_LINE_CHARS_MAX
    } else {
        LINE_CHARS_MAX
    };
    if counts.longest > line_max {
        return Err(Skip::measured(
            SkipReason::LineTooLong,
            counts.longest,
            line_max,
        ));
    }
    let mean = counts.total / counts.lines.max(1);
    if !is_paragraphs && mean > MEAN_LINE_CHARS_MAX {
        return Err(Skip::measured(
            SkipReason::LinesLongOnAverage,
            mean,
            MEAN_LINE_CHARS_MAX,
        ));
    }
    check_letters(&counts, language)
}

fn check_letters(counts: &Counts, language: Language) -> Result<(), Skip> {
    let digits_count = DIGIT_LANGUAGES.contains(&language.name());
    let meaningful = counts.letters + if digits_count { counts.digits } else { 0 };
    let percent = meaningful * 100 / counts.total.max(1);
    if percent < ALPHABETIC_PERCENT_MIN {
        return Err(Skip::measured(
            SkipReason::LowAlphabetic,
            percent,
            ALPHABETIC_PERCENT_MIN,
        ));
    }
    Ok(())
}

/// White space at the ends of lines is left out of the share of letters: deep indentation is no data.
fn count(text: &str) -> Counts {
    let mut counts = Counts {
        lines: 0,
        total: 0,
        longest: 0,
        letters: 0,
        digits: 0,
    };
    for line in text.lines() {
        let line = line.trim_ascii();
        let chars = if line.is_ascii() {
            counts.add_ascii(line.as_bytes())
        } else {
            counts.add(line)
        };
        counts.lines += 1;
        counts.total += chars;
        counts.longest = counts.longest.max(chars);
    }
    counts
}

impl Counts {
    fn add_ascii(&mut self, line: &[u8]) -> usize {
        for byte in line {
            self.letters += usize::from(byte.is_ascii_alphabetic());
            self.digits += usize::from(byte.is_ascii_digit());
        }
        line.len()
    }

    fn add(&mut self, line: &str) -> usize {
        let mut chars = 0;
        for character in line.chars() {
            chars += 1;
            self.letters += usize::from(character.is_alphabetic());
            self.digits += usize::from(character.is_ascii_digit());
        }
        chars
    }
}

/// Fails a text with an unbroken encoded string beyond the limit, or that is mostly encoded data.
pub(super) fn check_encoded(text: &str) -> Result<(), Skip> {
    let bytes = text.as_bytes();
    let base64 = base64_runs(bytes);
    if base64.longest > ENCODED_RUN_MAX {
        return Err(Skip::measured(
            SkipReason::EncodedData,
            base64.longest,
            ENCODED_RUN_MAX,
        ));
    }
    let encoded = base64.total + hex_run_bytes(bytes);
    if encoded * 2 > bytes.len() {
        return Err(Skip::measured(
            SkipReason::EncodedData,
            encoded,
            bytes.len() / 2,
        ));
    }
    Ok(())
}

struct Runs {
    longest: usize,
    total: usize,
}

/// Whether each byte may stand in base64.
const IS_BASE64: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0u8;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
        byte += 1;
    }
    table
};

/// Reads windows of the shortest run from their ends, as a run cannot hide in a window that its last bytes do not reach through.
fn base64_runs(bytes: &[u8]) -> Runs {
    let is_base64 = |byte: &&u8| IS_BASE64[usize::from(**byte)];
    let mut runs = Runs {
        longest: 0,
        total: 0,
    };
    let mut from = 0;
    while let Some(window) = bytes.get(from..from + BASE64_RUN_MIN) {
        let tail = window.iter().rev().take_while(is_base64).count();
        if tail < BASE64_RUN_MIN {
            from += BASE64_RUN_MIN - tail;
            continue;
        }
        let length = bytes[from..].iter().take_while(is_base64).count();
        let run = &bytes[from..from + length];
        if looks_encoded(run) {
            runs.longest = runs.longest.max(length);
            runs.total += length;
        }
        from += length;
    }
    runs
}

/// Digits, lower and upper case mixed, or digits and a to f alone; a ruler of slashes or a long word is neither.
fn looks_encoded(run: &[u8]) -> bool {
    let has = |test: fn(&u8) -> bool| run.iter().any(test);
    let mixed =
        has(u8::is_ascii_digit) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase);
    mixed || run.iter().all(u8::is_ascii_hexdigit)
}

/// Whether each byte may begin a hexadecimal number.
const BEGINS_HEX: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0u8;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_hexdigit() || byte == b'\\';
        byte += 1;
    }
    table
};

/// Bytes in runs of at least [`HEX_BYTES_MIN`] numbers such as `0x1f, 0x8b,`, `\x1f\x8b`, `1f 8b` or `\u00e9\u00e8`.
fn hex_run_bytes(bytes: &[u8]) -> usize {
    let (mut total, mut at) = (0, 0);
    while let Some(next) = bytes[at..]
        .iter()
        .position(|&byte| BEGINS_HEX[usize::from(byte)])
    {
        let run = hex_run(&bytes[at + next..]);
        if run.numbers >= HEX_BYTES_MIN {
            total += run.bytes;
        }
        at += next + run.bytes.max(1);
    }
    total
}

struct HexRun {
    numbers: usize,
    bytes: usize,
}

fn hex_run(bytes: &[u8]) -> HexRun {
    let mut run = HexRun {
        numbers: 0,
        bytes: 0,
    };
    while let Some(length) = hex_number(&bytes[run.bytes..]) {
        run.numbers += 1;
        run.bytes += length;
    }
    run
}

/// The length of one written number with the separators after it.
fn hex_number(bytes: &[u8]) -> Option<usize> {
    let (prefix, digits_max) = match bytes {
        [b'0', b'x' | b'X', ..] => (2, 16),
        [b'\\', b'x', ..] => (2, 2),
        [b'\\', b'u', ..] => (2, 4),
        [first, second, ..] if first.is_ascii_hexdigit() && second.is_ascii_hexdigit() => (0, 2),
        _ => return None,
    };
    let digits = bytes[prefix..]
        .iter()
        .take(digits_max)
        .take_while(|byte| byte.is_ascii_hexdigit())
        .count();
    let end = prefix + digits;
    let is_between = |byte: &&u8| matches!(byte, b',' | b' ' | b'\n' | b'\t' | b'"');
    let between = bytes[end..].iter().take_while(is_between).count();
    let separated = prefix > 0 || between > 0 || end == bytes.len();
    (digits > 0 && separated).then_some(end + between)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(text: &str, language: &str) -> Option<SkipReason> {
        check_shape(text, Language::named(language).unwrap())
            .err()
            .map(|skip| skip.reason)
    }

    #[test]
    fn long_lines_are_measured_by_language() {
        let long = format!("a = '{}'\n{}", "x".repeat(1500), "b = 1\n".repeat(200));
        assert_eq!(shape(&long, "Python"), Some(SkipReason::LineTooLong));
        assert_eq!(shape(&long, "Markdown"), None);
        let wide = "let a = bbbbbbbbbbbbbbbbbbbb;".repeat(5) + "\n";
        assert_eq!(
            shape(&wide.repeat(3), "JavaScript"),
            Some(SkipReason::LinesLongOnAverage)
        );
        assert_eq!(shape(&wide.repeat(3), "Text"), None);
        assert_eq!(shape("fn main() {}\n", "Rust"), None);
        assert_eq!(shape("", "Rust"), Some(SkipReason::LowAlphabetic));
    }

    #[test]
    fn tables_of_numbers_have_too_few_letters() {
        let table = "  1.5, 2.25, -3.75, 4.0,\n".repeat(50);
        assert_eq!(
            shape(&format!("x = [\n{table}]\n"), "Python"),
            Some(SkipReason::LowAlphabetic)
        );
        assert_eq!(
            shape(
                &"                    }\n                    x()\n".repeat(20),
                "Rust"
            ),
            None
        );
        assert_eq!(shape(&"这是一个注释 = 1\n".repeat(9), "Python"), None);
    }

    #[test]
    fn encoded_data_is_seen_and_code_is_not() {
        let base64 = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVowMTIzNDU2Nzg5YWJjZGVmZ2hpamtsbW5vcA";
        let cases = [
            (format!("x = '{}'", base64.repeat(20)), true),
            (format!("\"{base64}\"\n").repeat(20), true),
            ("0x1f, 0x8b, 0x08, 0x00,\n".repeat(40), true),
            (
                "\"\\x1f\\x8b\\x08\\x00\\x1f\\x8b\\x08\\x00\"\n".repeat(9),
                true,
            ),
            ("\\u00e9\\u00e8\\u00ea".repeat(30), true),
            (
                format!(
                    "key = '{base64}'\n{}",
                    "call(some_function, other);\n".repeat(9)
                ),
                false,
            ),
            ("/".repeat(4000), false),
            ("=".repeat(4000), false),
            (format!("{}\n", "abcdefgh".repeat(400)), false),
            ("add be ad face\n".repeat(9), false),
            ("let a = 0x10; let b = 0x20;\n".repeat(9), false),
            (String::new(), false),
        ];
        for (text, encoded) in cases {
            assert_eq!(check_encoded(&text).is_err(), encoded, "{text:.60}");
        }
    }
}
