//! What an expression of plain numbers comes to: `(2 + 3) × 4 kB`.
//!
//! Owns the operators, their precedence and what they may mean. Units after numbers are passed over; an expression with a name in it is none.

use super::prose;
use super::vocabulary;
use super::words::{self, Kind, Token};

/// Whether a mark computes, compares or joins conditions.
pub(super) fn is_operation(text: &str) -> bool {
    matches!(
        text,
        "+" | "-"
            | "−"
            | "*"
            | "×"
            | "·"
            | "/"
            | "÷"
            | "%"
            | "**"
            | "^"
            | "<<"
            | ">>"
            | "&"
            | "|"
            | "&&"
            | "||"
            | "!"
            | "<"
            | ">"
            | "<="
            | ">="
            | "!="
            | "=="
            | "==="
            | "?"
            | "%="
    )
}

/// Brackets, signs and powers within one another, at most: answers may be anything, and the reader calls itself for each.
const DEPTH_MAX: usize = 32;

/// How an operator is meant, where it means different things in different places.
#[derive(Debug, Clone, Copy)]
pub(super) struct Meaning {
    /// `/` leaves the remainder out.
    whole: bool,
    /// `^` is exclusive or.
    xor: bool,
}

pub(super) const MEANINGS: [Meaning; 3] = [
    Meaning {
        whole: false,
        xor: false,
    },
    Meaning {
        whole: true,
        xor: false,
    },
    Meaning {
        whole: true,
        xor: true,
    },
];

/// One side of an equation.
#[derive(Debug)]
pub(super) struct Side<'a> {
    pub first: usize,
    pub end: usize,
    /// What it comes to, by [`MEANINGS`].
    pub values: [f64; 3],
    pub operations: usize,
    pub unit: Option<&'a str>,
    /// Decimals of a side that is one number.
    pub decimals: usize,
}

impl<'a> Side<'a> {
    /// Reads the expression that begins at a token.
    pub fn read(text: &str, tokens: &[Token<'a>], first: usize) -> Option<Self> {
        let mut values = [0.0; 3];
        let mut side = None;
        for (value, meaning) in values.iter_mut().zip(MEANINGS) {
            let mut reader = Reader {
                text,
                tokens,
                at: first,
                depth: 0,
                meaning,
                operations: 0,
                unit: None,
                decimals: 0,
            };
            *value = reader.shifts()?;
            side = Some((reader.at, reader.operations, reader.unit, reader.decimals));
        }
        let (end, operations, unit, decimals) = side?;
        let ends = tokens.get(end).is_none_or(|next| {
            let joined = next.start == tokens[end - 1].end();
            let goes_on = is_operation(next.text) && !matches!(next.text, "==")
                || joined && (next.kind == Kind::Name || matches!(next.text, "(" | "["));
            !goes_on
        });
        let fits = ends && values.iter().all(|value| value.is_finite());
        fits.then_some(Side {
            first,
            end,
            values,
            operations,
            unit,
            decimals: if operations == 0 { decimals } else { 0 },
        })
    }
}

/// A reader by recursive descent.
struct Reader<'t, 'a> {
    text: &'t str,
    tokens: &'t [Token<'a>],
    at: usize,
    depth: usize,
    meaning: Meaning,
    operations: usize,
    unit: Option<&'a str>,
    decimals: usize,
}

impl<'a> Reader<'_, 'a> {
    fn peek(&self) -> &'a str {
        self.tokens.get(self.at).map_or("", |token| token.text)
    }

    /// Takes the operator here if it is one of some; a dash without room on both sides makes a range and no difference.
    fn takes(&mut self, operators: &[&str]) -> Option<&'a str> {
        let text = self.peek();
        let token = self.tokens.get(self.at)?;
        let roomy = text != "-" || self.text[token.end()..].starts_with(' ');
        let found = operators.contains(&text) && roomy;
        self.at += usize::from(found);
        self.operations += usize::from(found);
        found.then_some(text)
    }

    fn shifts(&mut self) -> Option<f64> {
        let mut value = self.sum()?;
        while let Some(operator) = self.takes(&["<<", ">>"]) {
            let by = self.sum()?;
            let factor = 2f64.powf(by);
            value = if operator == "<<" {
                value * factor
            } else {
                (value / factor).floor()
            };
        }
        Some(value)
    }

    fn sum(&mut self) -> Option<f64> {
        let mut value = self.product()?;
        while let Some(operator) = self.takes(&["+", "-", "−"]) {
            let other = self.product()?;
            value = if operator == "+" {
                value + other
            } else {
                value - other
            };
        }
        Some(value)
    }

    fn product(&mut self) -> Option<f64> {
        let mut value = self.power()?;
        loop {
            if self.peek() == "%" && !self.operand_follows() {
                self.at += 1;
                self.unit = Some("%");
            }
            let Some(operator) = self.takes(&["*", "×", "·", "/", "÷", "%"]) else {
                return Some(value);
            };
            let other = self.power()?;
            value = match operator {
                "/" | "÷" if self.meaning.whole => (value / other).floor(),
                "/" | "÷" => value / other,
                "%" => value.rem_euclid(other),
                _ => value * other,
            };
        }
    }

    fn operand_follows(&self) -> bool {
        let next = self.tokens.get(self.at + 1);
        next.is_some_and(|t| t.kind == Kind::Number || t.text == "(")
    }

    fn power(&mut self) -> Option<f64> {
        self.deeper(Self::power_here)
    }

    /// Reads what is one level down, if that is not too deep.
    fn deeper(&mut self, read: impl FnOnce(&mut Self) -> Option<f64>) -> Option<f64> {
        if self.depth == DEPTH_MAX {
            return None;
        }
        self.depth += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn power_here(&mut self) -> Option<f64> {
        let base = self.atom()?;
        if let Some(exponent) = superscript(self.peek()) {
            self.at += 1;
            self.operations += 1;
            self.pass_unit();
            return Some(base.powf(exponent));
        }
        match self.takes(&["**", "^"]) {
            Some("^") if self.meaning.xor => {
                let other = self.power()?;
                Some(((base as i64) ^ (other as i64)) as f64)
            }
            Some(_) => Some(base.powf(self.power()?)),
            None => Some(base),
        }
    }

    fn atom(&mut self) -> Option<f64> {
        let token = self.tokens.get(self.at)?;
        if matches!(token.text, "-" | "−") {
            self.at += 1;
            return self.deeper(Self::atom).map(|value| -value);
        }
        if token.text == "(" {
            self.at += 1;
            let value = self.shifts()?;
            let closed = self.peek() == ")";
            self.at += 1;
            return closed.then_some(value);
        }
        self.number()
    }

    fn number(&mut self) -> Option<f64> {
        let token = self
            .tokens
            .get(self.at)
            .filter(|t| t.kind == Kind::Number)?;
        let last = prose::end_of_number(self.tokens, self.at);
        let written = &self.text[token.start..self.tokens[last].end()];
        let value = words::number_value(written)?;
        let is_plain = written
            .bytes()
            .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b',' | b'_'));
        let is_based =
            written.starts_with("0x") || written.starts_with("0b") || written.starts_with("0o");
        if !is_plain && !is_based {
            let unit = written.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
            let unit = vocabulary::is_unit(unit).then_some(unit)?;
            self.unit = self.tokens[self.at]
                .text
                .find(unit)
                .map(|at| &self.tokens[self.at].text[at..]);
        }
        self.decimals = written
            .split_once('.')
            .map_or(0, |(_, decimals)| decimals.len());
        self.at = last + 1;
        self.pass_unit();
        Some(value)
    }

    fn pass_unit(&mut self) {
        let is_unit = self
            .tokens
            .get(self.at)
            .is_some_and(|t| vocabulary::is_unit(t.text));
        if is_unit {
            self.unit = Some(self.peek());
            self.at += 1;
        }
    }
}

/// The number that superscript digits make.
fn superscript(text: &str) -> Option<f64> {
    const DIGITS: &str = "⁰¹²³⁴⁵⁶⁷⁸⁹";
    let digit = |c: char| DIGITS.chars().position(|d| d == c);
    let digits: Option<Vec<usize>> = text.chars().map(digit).collect();
    let digits = digits.filter(|digits| !digits.is_empty())?;
    Some(
        digits
            .iter()
            .fold(0.0, |value, digit| 10.0 * value + *digit as f64),
    )
}
