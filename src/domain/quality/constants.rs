//! What a constant is: `MAX_RETRIES` is 12 only where the source does not bind that name to 10.
//!
//! Owns the reading of such statements ("`LIMIT` is 12", "`timeout` defaults to 3", `LIMIT = 12`) and of the binding in the source. Variables change, so of
//! names in lower case only the default is held against the source.

use super::evidence::EvidenceIndex;
use super::markdown::{Document, Piece};
use super::prose;
use super::reckoning;
use super::retouched;
use super::sums;
use super::words::{self, Kind, Token};

/// Words between a name and its value: "`LIMIT` is set to the value 12".
const COPULAS: &str = "is are equals has the a value of set to defined as fixed at ( = : , which i.e. constant by starts begins reset initialised initialized initially";
/// Longest expression that is evaluated.
const EXPRESSION_TOKENS_MAX: usize = 24;
/// Words that say that a value is a default.
const DEFAULTS: [&str; 3] = ["default", "defaults", "defaulting"];

/// Statements of an answer that give a constant, or a default, another value than the source does. Numbers of the question are given.
pub fn misvalued(document: &Document<'_>, question: &str, evidence: &EvidenceIndex) -> Vec<String> {
    let asked: Vec<f64> = words::each_token(question)
        .filter_map(|t| words::number_value(t.text))
        .collect();
    let pieces = &document.pieces;
    let before = [Piece::Prose("")].into_iter().chain(pieces.iter().copied());
    let after_span = before
        .zip(pieces.windows(2))
        .filter_map(|(before, pair)| match pair {
            [Piece::Span(code), Piece::Prose(text)] => stated_after(before.text(), code, text),
            _ => None,
        });
    let inside = document.pieces.iter().filter_map(|piece| match piece {
        Piece::Span(code) => stated_inside(code),
        _ => None,
    });
    let stated = after_span.chain(inside);
    let is_wrong = |s: &Stated<'_>| !asked.contains(&s.value) && s.contradicts(evidence);
    let wrong = stated.filter(is_wrong);
    wrong
        .map(|s| format!("{} is {}", s.name, s.value))
        .collect()
}

/// A name said to have a value.
struct Stated<'a> {
    name: &'a str,
    value: f64,
    /// Whether the value is called a default.
    is_default: bool,
    /// Whether the value is said to be assigned: "sets `closed` to 2".
    is_assigned: bool,
}

impl Stated<'_> {
    fn contradicts(&self, evidence: &EvidenceIndex) -> bool {
        let is_constant = is_constant(self.name);
        let is_settled = || self.is_assigned && is_settled(self.name, evidence);
        if !is_constant && !self.is_default && !is_settled() {
            return false;
        }
        let bound = bound_values(self.name, evidence);
        let is_bound = bound.len() == 1 || (is_constant || is_settled()) && !bound.is_empty();
        is_bound && !bound.contains(&self.value)
    }
}

/// Capitals, digits and underscores: `MAX_RETRIES`.
fn is_constant(name: &str) -> bool {
    let capitals = name.bytes().filter(u8::is_ascii_uppercase).count();
    let fits = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
    capitals > 1 && name.bytes().all(fits)
}

/// Whether the source gives a variable, by a plain assignment, nothing but numbers, and no other name may change it: `closed = 0` and `closed = 1`.
fn is_settled(name: &str, evidence: &EvidenceIndex) -> bool {
    let hash = |text: &str| words::hash(text);
    let [equals, comma, open] = ["=", ",", "("].map(hash);
    let changes = [
        "+=", "-=", "*=", "/=", "|=", "&=", "^=", "<<=", ">>=", "++", "--", "%=", "??=", "||=",
    ]
    .map(hash);
    let hands_out = ["++", "--", "&", "for", "mut", ",", "("].map(hash);
    let mut is_set = false;
    let is_plain = |place: u32| {
        let (before, after) = evidence.around(place, 3);
        let is_argument = before.last().is_some_and(|token| hands_out.contains(token));
        let next = after.first();
        let is_assignment = next == Some(&equals);
        let value = after.get(1).and_then(|token| evidence.number_of(*token));
        let ends = after.get(2).is_none_or(|token| !is_expression(*token));
        is_set |= is_assignment;
        let is_changed = next.is_some_and(|token| changes.contains(token));
        let is_parameter = before
            .last()
            .is_some_and(|token| [comma, open].contains(token));
        !is_changed
            && (!is_assignment || value.is_some() && ends && !is_parameter)
            && !(is_argument && next.is_some_and(|token| *token != equals))
    };
    evidence.places(hash(name)).all(is_plain) && is_set
}

/// "`LIMIT` is 12": a name in code, a few words of the kind that lead to its value, and the value. That of an expression, "`LOW + LIMIT` is
/// 12", is no value of its last name.
fn stated_after<'a>(before: &str, code: &'a str, text: &str) -> Option<Stated<'a>> {
    let tokens = words::tokens(code);
    let [.., name] = tokens[..] else {
        return None;
    };
    if tokens
        .iter()
        .any(|token| reckoning::is_operation(token.text))
    {
        return None;
    }
    let (value, is_default) = value_after(text)?;
    let fits = name.kind == Kind::Name;
    fits.then_some(Stated {
        name: name.text,
        value,
        is_default,
        is_assigned: is_assigned(before, text),
    })
}

/// Whether the words around a name say that it is given a value: "sets `x` to", "`x` is reset to", "`x` starts at".
fn is_assigned(before: &str, after: &str) -> bool {
    const SETTING: [&str; 9] = [
        "set",
        "sets",
        "setting",
        "reset",
        "resets",
        "initialises",
        "initializes",
        "assigns",
        "resetting",
    ];
    const STARTING: [&str; 8] = [
        " starts at",
        " starts as",
        " begins at",
        " is set to",
        " is reset to",
        " is initialised to",
        " is initialized to",
        " is initially",
    ];
    let last = before.trim_end().rsplit(' ').next().unwrap_or_default();
    SETTING.contains(&last) && after.starts_with(" to ")
        || STARTING.iter().any(|words| after.starts_with(words))
}

/// What an expression of constants of the source comes to, as `ROWS * WIDTH`, with the numbers in it; nothing where one of its names is bound to
/// no number or to several.
pub fn of_expression(code: &str, evidence: &EvidenceIndex) -> Vec<f64> {
    let tokens = words::tokens(code);
    let computes = tokens
        .iter()
        .any(|token| reckoning::is_operation(token.text));
    if !computes || tokens.len() > EXPRESSION_TOKENS_MAX {
        return Vec::new();
    }
    let written = |token: &Token<'_>| match token.kind {
        Kind::Name => match bound_values(token.text, evidence)[..] {
            [value] => Some(value.to_string()),
            _ => None,
        },
        _ => Some(token.text.to_owned()),
    };
    let numbers: Option<Vec<String>> = tokens.iter().map(written).collect();
    numbers.map_or_else(Vec::new, |all| sums::of_expression(&all.join(" ")))
}

fn value_after(text: &str) -> Option<(f64, bool)> {
    let mut is_default = false;
    let mut is_explained = false;
    let tokens = words::tokens(text);
    for (at, token) in tokens.iter().enumerate() {
        if token.kind == Kind::Number {
            let last = prose::end_of_number(&tokens, at);
            let end = tokens[last].end();
            let joined = tokens.get(last + 1).is_some_and(|next| {
                next.start == end && !matches!(next.text, "." | "," | ")" | ";" | ":")
                    || retouched::is_operator(next.text)
                    || is_explained && next.kind == Kind::Name
            });
            let value = words::number_value(&text[token.start..end]).filter(|_| at > 0 && !joined);
            return value.map(|value| (value, is_default));
        }
        is_default |= DEFAULTS.contains(&token.text);
        // A colon before so many of something begins an explanation: "`A` times `B`: 33 chunks".
        is_explained |= token.text == ":";
        let leads = COPULAS.split(' ').any(|word| word == token.text);
        if !leads && !DEFAULTS.contains(&token.text) {
            return None;
        }
    }
    None
}

/// `LIMIT = 12`, whole.
fn stated_inside(code: &str) -> Option<Stated<'_>> {
    let mut tokens = words::each_token(code);
    let (name, mark, number) = (tokens.next()?, tokens.next()?, tokens.next()?);
    if tokens.next().is_some() {
        return None;
    }
    let is_binding = name.kind == Kind::Name && matches!(mark.text, "=" | ":" | ":=");
    let value =
        words::number_value(number.text).filter(|_| number.kind == Kind::Number && is_binding)?;
    Some(Stated {
        name: name.text,
        value,
        is_default: false,
        is_assigned: false,
    })
}

/// Distinct numbers to which the source binds a name: `X = 5`, `X: u32 = 5`, `X: 5`, `#define X 5`. Expressions are left alone.
fn bound_values(name: &str, evidence: &EvidenceIndex) -> Vec<f64> {
    const LOOKED_AT: usize = 6;
    let hash = |text: &str| words::hash(text);
    let binds = [hash("="), hash(":"), hash(":="), hash("=>")];
    let bound_at = |place: u32| {
        let (before, after) = evidence.around(place, LOOKED_AT);
        let is_defined = before.last() == Some(&hash("define"));
        let is_typed = after.first() == Some(&hash(":")) && after.get(2) == Some(&hash("="));
        let at = match after.first() {
            _ if is_defined => 0,
            _ if is_typed => 3,
            Some(mark) if binds.contains(mark) => 1,
            _ => return None,
        };
        let value = evidence.number_of(*after.get(at)?)?;
        let ends = after.get(at + 1).is_none_or(|next| !is_expression(*next));
        ends.then_some(value)
    };
    let mut bound: Vec<f64> = evidence.places(hash(name)).filter_map(bound_at).collect();
    bound.sort_by(f64::total_cmp);
    bound.dedup();
    bound
}

fn is_expression(next: u64) -> bool {
    [".", "*", "<<", "+", "-", "/", "%", "|", "**", "^", "?"]
        .iter()
        .any(|mark| words::hash(mark) == next)
}

#[cfg(test)]
mod tests {
    use super::super::evidence::Evidence;
    use super::*;

    #[test]
    fn a_constant_has_the_value_that_the_source_gives_it() {
        let chunk = "MAX_RETRIES = 10\nconst WAIT_MS: u64 = 250;\n#define BITS 15\nLIMIT_ALL = 10_000\nSIZE = 4 * 1024\ncount = 3\ndef poll(step=2, timeout=30): pass\n\
                     s.closed = 0\ns.closed = 1\nn = 1\nn += 2\nr = 0\nread(&r)\n";
        let evidence = Evidence {
            chunk,
            ..Evidence::default()
        };
        let index = EvidenceIndex::new(&evidence, Default::default());
        let wrong = |answer: &str| misvalued(&Document::parse(answer), "Is it 99?", &index);
        for answer in [
            "`MAX_RETRIES` is 12.",
            "`MAX_RETRIES` (12) ends it.",
            "It passes `LIMIT_ALL`, 20,000 of them.",
            "At `WAIT_MS`, which is set to 200, it stops.",
            "`BITS` is 16",
            "`BITS`: 16.",
            "There is `BITS = 14`.",
            "The `timeout` defaults to 20.",
            "With `step` (default 3) it goes on.",
            "It sets `s.closed` to 2.",
            "`closed` starts at 5.",
        ] {
            assert_eq!(wrong(answer).len(), 1, "{answer}");
        }
        for answer in [
            "`MAX_RETRIES` is 10.",
            "`MAX_RETRIES` is 99.",
            "The limit is `BITS` times `MAX_RETRIES`: 33 chunks of four.",
            "It passes `LIMIT_ALL`, 10,000 of them.",
            "`MAX_RETRIES` and 12 others.",
            "`SIZE` is 4096.",
            "`count` is 7 by then.",
            "`timeout` is 5 here.",
            "`timeout` defaults to 30.",
            "`BITS` is 15 + 1.",
            "`MAX_RETRIES + BITS` is 25.",
            "It sets `s.closed` to 1.",
            "It sets `n` to 7.",
            "It sets `r` to 7.",
            "`closed` is 7.",
            "It sets `step` to 7.",
        ] {
            assert!(wrong(answer).is_empty(), "{answer}");
        }
        assert!(of_expression("MAX_RETRIES * 2 + BITS", &index).contains(&35.0));
        for other in ["MAX_RETRIES", "MAX_RETRIES + UNKNOWN", "SIZE + BITS"] {
            assert!(of_expression(other, &index).is_empty(), "{other}");
        }
    }
}
