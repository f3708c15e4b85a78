//! Arithmetic that an answer writes out: `0.5 s × 1.5 = 0.75 s` comes out or does not.
//!
//! Owns the reading of such chains of plain numbers and the verdict on them; what one of their sides comes to, `reckoning` finds. A chain whose
//! members have different units, or with a name in it, is no matter of arithmetic alone and left aside.

use super::arithmetic;
use super::prose;
use super::reckoning::{MEANINGS, Side, is_operation};
use super::words::{self, Kind, Token};

/// What the chains of a text show.
#[derive(Debug, Default, PartialEq)]
pub struct Sums<'a> {
    /// Numbers of chains that come out.
    pub shown: Vec<f64>,
    /// Chains that do not.
    pub false_ones: Vec<&'a str>,
}

/// Reads every chain of a text.
pub fn read(text: &str) -> Sums<'_> {
    if !text.bytes().any(|b| b.is_ascii_digit()) {
        return Sums::default();
    }
    let tokens = words::tokens(text);
    let mut sums = Sums::default();
    let mut at = 0;
    while at < tokens.len() {
        let chain = starts(text, &tokens, at).then(|| Chain::read(text, &tokens, at));
        match chain.flatten() {
            Some(chain) => {
                chain.judge(text, &tokens, &mut sums);
                at = chain.end;
            }
            None => at += 1,
        }
    }
    sums
}

/// Numbers of an expression that is all of a text, and what it comes to: `0.1 + 0.2`.
pub fn of_expression(text: &str) -> Vec<f64> {
    if !text.bytes().any(|b| b.is_ascii_digit()) {
        return Vec::new();
    }
    let tokens = words::tokens(text);
    let side = tokens.first().and_then(|_| Side::read(text, &tokens, 0));
    let whole = side.filter(|side| side.operations > 0 && side.end == tokens.len());
    let Some(side) = whole else {
        return Vec::new();
    };
    let result = side.values[0];
    numbers(text, &tokens, 0, side.end)
        .chain([result])
        .collect()
}

/// Whether arithmetic may begin here: with a number or a bracket that nothing before belongs to.
fn starts(text: &str, tokens: &[Token<'_>], at: usize) -> bool {
    let is_sign = matches!(tokens[at].text, "-" | "−")
        && tokens
            .get(at + 1)
            .is_some_and(|t| t.start == tokens[at].end());
    let opens = tokens[at].kind == Kind::Number || tokens[at].text == "(" || is_sign;
    let Some(before) = at.checked_sub(1).map(|i| &tokens[i]) else {
        return opens;
    };
    let joined = before.end() == tokens[at].start;
    let line_start = text[..before.start].rfind('\n').map_or(0, |end| end + 1);
    let is_bullet = !joined && text[line_start..before.start].trim().is_empty();
    let is_free = match before.kind {
        Kind::Number => false,
        // Of what "half of 1 + 1 is 1" says, the sum is a part.
        Kind::Name => !joined && !is_sign && before.text != "of",
        Kind::Mark if is_bullet => true,
        Kind::Mark => {
            !is_operation(before.text)
                && !matches!(before.text, "." | "~" | "#" | "$" | "\\" | ")" | "]")
                || matches!(before.text, "." | "~") && !joined
        }
    };
    opens && is_free
}

/// Sides joined by signs of equality.
struct Chain<'a> {
    sides: Vec<Side<'a>>,
    is_about: bool,
    end: usize,
}

impl<'a> Chain<'a> {
    fn read(text: &str, tokens: &[Token<'a>], at: usize) -> Option<Self> {
        let mut sides = vec![Side::read(text, tokens, at)?];
        let (mut is_about, mut end) = (false, sides[0].end);
        while let Some(sign) = tokens.get(end).filter(|t| equates(t.text)) {
            if sign.kind == Kind::Name && sides.iter().all(|side| side.operations == 0) {
                break;
            }
            let Some(side) = Side::read(text, tokens, end + 1) else {
                break;
            };
            is_about |= sign.text == "≈";
            end = side.end;
            sides.push(side);
        }
        let computes = sides.iter().any(|side| side.operations > 0);
        (sides.len() > 1 && computes).then_some(Chain {
            sides,
            is_about,
            end,
        })
    }

    fn judge<'t>(&self, text: &'t str, tokens: &[Token<'_>], sums: &mut Sums<'t>) {
        let pairs = || self.sides.windows(2).map(|pair| (&pair[0], &pair[1]));
        if pairs().all(|(one, other)| self.is_same(one, other)) {
            let (first, end) = (self.sides[0].first, self.end);
            sums.shown
                .extend(self.sides.iter().map(|side| side.values[0]));
            sums.shown.extend(numbers(text, tokens, first, end));
        } else if pairs().all(|(one, other)| self.is_same(one, other) || differs(one, other)) {
            let (start, end) = (
                tokens[self.sides[0].first].start,
                tokens[self.end - 1].end(),
            );
            sums.false_ones.push(&text[start..end]);
        }
    }

    /// Whether two sides come to the same in some meaning, as far as the decimals that are written tell.
    fn is_same(&self, one: &Side<'_>, other: &Side<'_>) -> bool {
        /// A rounded operand leaves so much of a result open.
        const ABOUT: f64 = 0.02;
        let decimals = one.decimals.max(other.decimals);
        (0..MEANINGS.len()).any(|meaning| {
            let (a, b) = (one.values[meaning], other.values[meaning]);
            let written = if decimals > 0 {
                0.51 * 0.1f64.powi(decimals as i32)
            } else {
                0.0
            };
            let about = if self.is_about { ABOUT * b.abs() } else { 0.0 };
            (a - b).abs() <= written.max(about).max(1e-9 * b.abs())
        })
    }
}

/// Signs and words that say that two sides come to the same.
fn equates(text: &str) -> bool {
    matches!(
        text,
        "=" | "≈" | "==" | "is" | "equals" | "gives" | "makes" | "yields" | "being"
    )
}

/// Whether two sides come to different things, and in no other unit to the same.
fn differs(one: &Side<'_>, other: &Side<'_>) -> bool {
    let (a, b) = (one.values[0], other.values[0]);
    let is_converted = one.unit != other.unit && arithmetic::is_converted(a, &[b]);
    let both = one.unit.is_some() && other.unit.is_some();
    (one.unit == other.unit || !both) && !is_converted
}

/// The numbers among some tokens.
fn numbers<'t>(
    text: &'t str,
    tokens: &'t [Token<'_>],
    first: usize,
    end: usize,
) -> impl Iterator<Item = f64> + 't {
    let mut upto = first;
    (first..end).filter_map(move |at| {
        if tokens[at].kind != Kind::Number || at < upto {
            return None;
        }
        let last = prose::end_of_number(tokens, at);
        upto = last + 1;
        words::number_value(&text[tokens[at].start..tokens[last].end()])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_brings_its_numbers_and_its_result() {
        assert_eq!(of_expression("4 * (2 + 1)"), [4.0, 2.0, 1.0, 12.0]);
        for other in ["4", "n + 1", "4 * 2 = n", ""] {
            assert!(of_expression(other).is_empty(), "{other}");
        }
    }

    #[test]
    fn what_is_nested_too_deep_is_left_aside() {
        for part in ["(", "-", "2^", "((1+"] {
            let text = format!("{}1 = 3", part.repeat(4_000));
            assert_eq!(read(&text).shown, [0.0; 0], "{part}");
        }
    }

    #[test]
    fn what_comes_out_is_told_from_what_does_not() {
        for (text, shown, false_ones) in [
            ("so 5 − 3 + 2 = 4: two", true, 0),
            ("so 5 − 3 + 2 = 5: two", false, 1),
            (
                "0.0001 × 3600 + 1 + 0.25 = 1.61, and 3.75 / 1.61 ≈ 2.329",
                true,
                0,
            ),
            ("5 s × 2² = 20 s", true, 0),
            ("5 s × 2² = 25 s", false, 1),
            ("(10 * 4 + 2) / 3 = 14", true, 0),
            ("7 / 2 = 3", true, 0),
            ("2**10 = 1,024", true, 0),
            ("0x3d × 0x400 + 0x200 + 0x10000 = 0x1f600", true, 0),
            ("3000 / 1024 = 2.9297", true, 0),
            ("50 % × 8 = 4", false, 0),
            ("5 × 60 s = 5 min", false, 0),
            ("3600 + 1800 + 22 = 5415 seconds", false, 1),
            ("300 / 60 = 5 minutes", true, 0),
            ("5 × 60 = 5 min", false, 0),
            ("as 65536 % 65521 is 15, it", true, 0),
            ("as 65536 % 65521 is 17, it", false, 1),
            ("so 3 is 4", false, 0),
            ("half of 1 + 1 is 1 again", false, 0),
            ("1 + 1 is 3rd", false, 0),
            ("n - 3 + 2 = 4", false, 0),
            ("1 << n = 4", false, 0),
            ("\n- 3 + 2 = 5", true, 0),
            ("pages 1-5 = 5", false, 0),
            ("if a % 2 == 0", false, 0),
            ("`x = 5`", false, 0),
            ("2 + 2 = 4n", false, 0),
        ] {
            let sums = read(text);
            assert_eq!(!sums.shown.is_empty(), shown, "{text}");
            assert_eq!(sums.false_ones.len(), false_ones, "{text}");
        }
    }
}
