//! An expression of the source with a value put in for a variable, `map["null"]` where the source has `map[key]`, or with a word put in for a
//! longer part, `33 * byte` where it has `33 * int(k[i])`. It is a case or a summary of the source and no misquotation.
//!
//! Owns these comparisons: anything literal for one name, and one plain word for more than one token.

use super::evidence::EvidenceIndex;
use super::grounding;
use super::own;
use super::prose;
use super::words::{self, Kind, Token};
use std::sync::LazyLock;

/// Places of a token at which an expression is laid beside the source.
const PLACES_MAX: usize = 64;

/// Whether an expression is one of the source in which literals stand for one or more variables.
pub fn fills_in(
    code: &str,
    tokens: &[Token<'_>],
    wanted: &[u64],
    evidence: &EvidenceIndex,
) -> bool {
    let units = units(code, tokens, wanted);
    let literals = units.iter().filter(|unit| **unit == Unit::Literal).count();
    let Some(at) = units
        .iter()
        .position(|unit| matches!(unit, Unit::Token(hash) if evidence.is_name(*hash)))
    else {
        return false;
    };
    let Unit::Token(anchor) = units[at] else {
        return false;
    };
    literals > 0
        && evidence.places(anchor).take(PLACES_MAX).any(|place| {
            let (before, after) = evidence.around(place, units.len());
            let Some(start) = before.len().checked_sub(at) else {
                return false;
            };
            let there = before[start..].iter().chain([&anchor]).chain(after);
            let mut pairs = units.iter().zip(there);
            after.len() + at + 1 >= units.len()
                && pairs.all(|(unit, there)| match unit {
                    Unit::Token(hash) => hash == there,
                    Unit::Literal => evidence.is_name(*there),
                })
        })
}

/// Whether an expression is one of the source in which a plain word stands for a longer part.
pub fn summarises(tokens: &[Token<'_>], wanted: &[u64], evidence: &EvidenceIndex) -> bool {
    /// Most tokens that a word stands for.
    const PART_TOKENS_MAX: usize = 12;
    let stands_at = |at: usize| {
        let (head, tail) = (&wanted[..at], &wanted[at + 1..]);
        let mut places = evidence.places(head[at - 1]).take(PLACES_MAX);
        places.any(|place| {
            let (before, after) = evidence.around(place, at + tail.len() + PART_TOKENS_MAX);
            let continues =
                |gap: usize| after.get(gap..).is_some_and(|rest| rest.starts_with(tail));
            let goes_on = match tail {
                [] => after.get(1).is_some_and(|next| OPENS.contains(next)),
                _ => (2..PART_TOKENS_MAX).any(continues),
            };
            before.ends_with(&head[..at - 1]) && goes_on
        })
    };
    let is_word = |at: &usize| tokens[*at].kind == Kind::Name && own::is_placeholder(tokens, *at);
    (1..tokens.len()).filter(is_word).any(stands_at)
}

/// Whether an expression is the head of a function of the source, less types or some of its parameters: `seek(at, from=0)` for
/// `seek(self, at: int, from=0)`.
pub fn is_signature(tokens: &[Token<'_>], wanted: &[u64], evidence: &EvidenceIndex) -> bool {
    let Some(open) = tokens.iter().position(|token| token.text == "(") else {
        return false;
    };
    let Some((close, list)) = tokens[open + 1..].split_last() else {
        return false;
    };
    let is_list = close.text == ")" && list.iter().all(|token| !matches!(token.text, "(" | ")"));
    let Some(name) = open.checked_sub(1).filter(|_| is_list && !list.is_empty()) else {
        return false;
    };
    let mut places = evidence.places(wanted[name]).take(PLACES_MAX);
    places.any(|place| {
        let mut there = parameters(place, evidence).iter();
        let mut listed = list.iter().filter(|token| token.text != ",");
        listed.all(|token| there.any(|other| *other == words::hash(token.text)))
    })
}

/// The tokens in the brackets that open behind a place.
fn parameters(place: u32, evidence: &EvidenceIndex) -> &[u64] {
    /// Most tokens of a list of parameters that are read.
    const LIST_TOKENS_MAX: usize = 96;
    let (_, after) = evidence.around(place, LIST_TOKENS_MAX);
    let mut depth = 0;
    let end = after.iter().position(|token| {
        depth += match token {
            token if *token == BRACKETS[0] => 1,
            token if *token == BRACKETS[1] => -1,
            _ => 0,
        };
        depth == 0
    });
    &after[..end.unwrap_or(0)]
}

static BRACKETS: LazyLock<[u64; 2]> = LazyLock::new(|| ["(", ")"].map(words::hash));

/// What makes more of a name than the name.
static OPENS: LazyLock<[u64; 5]> = LazyLock::new(|| ["(", "[", ".", "::", "->"].map(words::hash));

/// What is laid beside one token of the source.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Unit {
    Token(u64),
    Literal,
}

/// The tokens of an expression, each literal as one unit.
fn units(code: &str, tokens: &[Token<'_>], wanted: &[u64]) -> Vec<Unit> {
    let quoted = prose::literals(code);
    let in_quotes = |token: &Token<'_>| {
        let inside = quoted
            .iter()
            .any(|part| grounding::contains(code, part, token.start));
        inside || matches!(token.text, "\"" | "'")
    };
    let mut units = Vec::new();
    for (token, hash) in tokens.iter().zip(wanted) {
        let is_literal = in_quotes(token) || token.kind == Kind::Number || is_constant(token.text);
        if !is_literal {
            units.push(Unit::Token(*hash));
        } else if !(in_quotes(token) && units.last() == Some(&Unit::Literal)) {
            units.push(Unit::Literal);
        }
    }
    units
}

fn is_constant(word: &str) -> bool {
    matches!(
        word,
        "true"
            | "false"
            | "True"
            | "False"
            | "null"
            | "nil"
            | "None"
            | "undefined"
            | "nullptr"
            | "NULL"
    )
}

#[cfg(test)]
mod tests {
    use super::super::evidence::Evidence;
    use super::*;

    #[test]
    fn a_word_may_stand_for_a_longer_part_and_for_no_other_name() {
        let chunk = "d = (d * 33) ^ uint32(k[i])\nreturn open(url, timeout)\n";
        let evidence = Evidence {
            chunk,
            ..Evidence::default()
        };
        let index = EvidenceIndex::new(&evidence, Default::default());
        let sums_up = |code: &str| {
            let tokens = words::tokens(code);
            let wanted: Vec<u64> = tokens.iter().map(|t| words::hash(t.text)).collect();
            summarises(&tokens, &wanted, &index)
        };
        assert!(sums_up("(d * 33) ^ byte"));
        for other in [
            "open(url, retries)",
            "(d * 31) ^ byte",
            "(d * 33) ^ uint32(k[i])",
        ] {
            assert!(!sums_up(other), "{other}");
        }
    }

    #[test]
    fn a_signature_may_leave_out_types_and_change_no_order() {
        let chunk = "fn seek(&mut self, at: u64, from: Box<dyn Fn(u8)>) { near(at, from) }\n";
        let evidence = Evidence {
            chunk,
            ..Evidence::default()
        };
        let index = EvidenceIndex::new(&evidence, Default::default());
        let is_head = |code: &str| {
            let tokens = words::tokens(code);
            let wanted: Vec<u64> = tokens.iter().map(|t| words::hash(t.text)).collect();
            is_signature(&tokens, &wanted, &index)
        };
        assert!(is_head("seek(at, from)") && is_head("file.seek(at: u64)"));
        for other in [
            "seek(from, at)",
            "seek(at, whence)",
            "seek()",
            "seek(at + from)",
            "f(at)",
        ] {
            assert!(!is_head(other), "{other}");
        }
    }

    #[test]
    fn a_value_may_stand_for_a_variable_and_for_nothing_else() {
        let chunk = "res[key] = val\nif mode == 0 { return map[word]; }\n";
        let evidence = Evidence {
            chunk,
            ..Evidence::default()
        };
        let index = EvidenceIndex::new(&evidence, Default::default());
        let fills = |code: &str| {
            let tokens = words::tokens(code);
            let wanted: Vec<u64> = tokens.iter().map(|t| words::hash(t.text)).collect();
            fills_in(code, &tokens, &wanted, &index)
        };
        for case in ["res[key] = nil", "map[\"null\"]", "res['a b'] = 5"] {
            assert!(fills(case), "{case}");
        }
        for other in [
            "res[key] = val",
            "res[other] = nil",
            "mode == 1",
            "mode != 0",
            "res(key) = nil",
        ] {
            assert!(!fills(other), "{other}");
        }
    }
}
