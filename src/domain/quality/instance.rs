//! An expression of the source with a value put in for a variable, `map["null"]` where the source has `map[key]`, or with a word put in for a
//! longer part, `33 * byte` where it has `33 * int(k[i])`. It is a case or a summary of the source and no misquotation.
//!
//! Owns these comparisons: anything literal for a name or a whole argument, a name for the receiver, one plain word for more than one token, and a
//! call for the head of a function.

use super::evidence::EvidenceIndex;
use super::grounding;
use super::own;
use super::prose;
use super::words::{self, Kind, Token};
use std::sync::LazyLock;

/// Places of a token at which an expression is laid beside the source.
const PLACES_MAX: usize = 64;
/// Most tokens of an argument for which a literal stands.
const FILLED_TOKENS_MAX: usize = 24;

/// Whether an expression is one of the source in which literals stand for one or more variables, or for whole arguments. Other literals must
/// be those of the source.
pub fn fills_in(
    code: &str,
    tokens: &[Token<'_>],
    wanted: &[u64],
    evidence: &EvidenceIndex,
) -> bool {
    let units = units(code, tokens, wanted);
    let is_anchor = |unit: &Unit<'_>| matches!(unit, Unit::Token(hash) if evidence.is_name(*hash));
    let Some(at) = units.iter().position(is_anchor) else {
        return false;
    };
    let Unit::Token(anchor) = units[at] else {
        return false;
    };
    let most = wanted.len() + FILLED_TOKENS_MAX;
    let has_literal = units.iter().any(|unit| matches!(unit, Unit::Literal(_)));
    has_literal
        && evidence.places(anchor).take(PLACES_MAX).any(|place| {
            let (before, after) = evidence.around(place, most);
            let Some(start) = before.len().checked_sub(at) else {
                return false;
            };
            let head = units[..at].iter().zip(&before[start..]);
            let mut filled = false;
            let fits_head = head.into_iter().all(|(unit, there)| {
                filled |= *unit != Unit::Token(*there) && evidence.is_name(*there);
                unit.is_at(*there, evidence)
            });
            fits_head && fills_in_after(&units[at + 1..], anchor, after, evidence, filled)
        })
}

/// Lays units beside what the source has behind a token; whether they fit and at least one literal stands for something else.
fn fills_in_after(
    units: &[Unit<'_>],
    mut last: u64,
    mut after: &[u64],
    evidence: &EvidenceIndex,
    mut filled: bool,
) -> bool {
    let mut units = units.iter().peekable();
    while let Some(unit) = units.next() {
        let taken = match unit {
            Unit::Literal(own) if after.starts_with(own) => own.len(),
            Unit::Literal(_) => {
                filled = true;
                let ends =
                    matches!(units.peek(), Some(Unit::Token(next)) if DELIMITERS.contains(next));
                let argument =
                    argument(after, evidence).filter(|_| ends && OPENERS.contains(&last));
                let is_name = || after.first().filter(|there| evidence.is_name(**there));
                match argument.or_else(|| is_name().map(|_| 1)) {
                    Some(taken) => taken,
                    None => return false,
                }
            }
            Unit::Token(hash) if after.first() == Some(hash) => 1,
            Unit::Token(_) => return false,
        };
        last = after[taken - 1];
        after = &after[taken..];
    }
    filled
}

/// Tokens of the argument with which a stretch of the source begins, if it has a name.
fn argument(after: &[u64], evidence: &EvidenceIndex) -> Option<usize> {
    let mut depth = 0;
    let end = after.iter().take(FILLED_TOKENS_MAX).position(|token| {
        let closes = depth == 0 && DELIMITERS.contains(token);
        depth +=
            i32::from(OPENERS[1..].contains(token)) - i32::from(DELIMITERS[1..].contains(token));
        closes
    })?;
    let is_text = after[..end].iter().any(|token| QUOTES.contains(token));
    let has_name = !is_text && after[..end].iter().any(|token| evidence.is_name(*token));
    has_name.then_some(end)
}

/// Whether an expression is one of the source in which a name stands for the receiver that a method calls its own:
/// `session.modified = True` where the source has `self.modified = True`.
pub fn names_receiver(tokens: &[Token<'_>], wanted: &[u64], evidence: &EvidenceIndex) -> bool {
    let [first, joint, ..] = tokens else {
        return false;
    };
    if first.kind != Kind::Name || !matches!(joint.text, "." | "->") {
        return false;
    }
    RECEIVERS.iter().any(|receiver| {
        let received = wanted
            .iter()
            .map(|hash| if *hash == wanted[0] { *receiver } else { *hash });
        evidence.run(&received.collect::<Vec<_>>())
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

/// Whether an expression is one of the source with a part of its names left out that tells nothing: a number, or the receiver.
pub fn is_shortened(tokens: &[Token<'_>], wanted: &[u64], evidence: &EvidenceIndex) -> bool {
    leaves_numbers_out(tokens, wanted, evidence) || leaves_receiver_out(tokens, wanted, evidence)
}

/// Whether an expression is what the source has of several numbered names, without their numbers: `parse(version)` for `parse(version1)` and
/// `parse(version2)`.
fn leaves_numbers_out(tokens: &[Token<'_>], wanted: &[u64], evidence: &EvidenceIndex) -> bool {
    let stands_with = |at: usize, number: char| {
        let mut numbered = wanted.to_vec();
        numbered[at] = words::hash(&format!("{}{number}", tokens[at].text));
        evidence.run(&numbered)
    };
    let mut names = (0..tokens.len()).filter(|at| tokens[*at].kind == Kind::Name);
    names.any(|at| stands_with(at, '1') && stands_with(at, '2'))
}

/// Whether an expression is one of the source but for the receiver of one of its names: `at + 1 - length` for `at + 1 - self.length`.
fn leaves_receiver_out(tokens: &[Token<'_>], wanted: &[u64], evidence: &EvidenceIndex) -> bool {
    static RECEIVERS: LazyLock<[[u64; 2]; 3]> = LazyLock::new(|| {
        [["self", "."], ["this", "."], ["this", "->"]].map(|pair| pair.map(words::hash))
    });
    let stands_with = |at: usize, receiver: &[u64; 2]| {
        evidence.run(&[&wanted[..at], receiver, &wanted[at..]].concat())
    };
    let mut names = (0..tokens.len()).filter(|at| tokens[*at].kind == Kind::Name);
    names.any(|at| RECEIVERS.iter().any(|receiver| stands_with(at, receiver)))
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
        listed.all(|token| there.any(|other| *other == token.hash))
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

/// What a method calls its receiver.
static RECEIVERS: LazyLock<[u64; 3]> = LazyLock::new(|| ["self", "this", "cls"].map(words::hash));

/// What makes more of a name than the name.
static OPENS: LazyLock<[u64; 5]> = LazyLock::new(|| ["(", "[", ".", "::", "->"].map(words::hash));

/// What an argument begins after, and what it ends before.
static OPENERS: LazyLock<[u64; 4]> = LazyLock::new(|| [",", "(", "[", "{"].map(words::hash));
static DELIMITERS: LazyLock<[u64; 4]> = LazyLock::new(|| [",", ")", "]", "}"].map(words::hash));

static QUOTES: LazyLock<[u64; 3]> = LazyLock::new(|| ["\"", "'", "`"].map(words::hash));

/// What is laid beside the source: one token, or all tokens of a literal.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Unit<'w> {
    Token(u64),
    Literal(&'w [u64]),
}

impl Unit<'_> {
    /// Whether it may stand for one token of the source.
    fn is_at(&self, there: u64, evidence: &EvidenceIndex) -> bool {
        match self {
            Unit::Token(hash) => *hash == there,
            Unit::Literal(own) => evidence.is_name(there) || *own == [there],
        }
    }
}

/// The tokens of an expression, each literal as one unit.
fn units<'w>(code: &str, tokens: &[Token<'_>], wanted: &'w [u64]) -> Vec<Unit<'w>> {
    let quoted = prose::literals(code);
    let in_quotes = |token: &Token<'_>| {
        let inside = quoted
            .iter()
            .any(|part| grounding::contains(code, part, token.start));
        inside || matches!(token.text, "\"" | "'")
    };
    let mut units = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let quoted = tokens[at..]
            .iter()
            .take_while(|token| in_quotes(token))
            .count();
        let is_value = tokens[at].kind == Kind::Number || is_constant(tokens[at].text);
        let length = quoted.max(usize::from(is_value));
        let literal = &wanted[at..at + length];
        let is_literal = length > 0;
        units.push(if is_literal {
            Unit::Literal(literal)
        } else {
            Unit::Token(wanted[at])
        });
        at += length.max(1);
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

    fn index(chunk: &str) -> EvidenceIndex {
        let evidence = Evidence {
            chunk,
            ..Evidence::default()
        };
        EvidenceIndex::new(&evidence, Default::default())
    }

    #[test]
    fn a_word_may_stand_for_a_longer_part_and_for_no_other_name() {
        let chunk = "d = (d * 33) ^ uint32(k[i])\nreturn open(url, timeout)\n";
        let index = index(chunk);
        let sums_up = |code: &str| {
            let tokens = words::tokens(code);
            let wanted = words::hashes(&tokens);
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
    fn a_receiver_may_be_called_by_a_name() {
        let chunk = "def touch(self):\n    self.dirty = True\n    other.seen = True\n";
        let index = index(chunk);
        let is_received = |code: &str| {
            let tokens = words::tokens(code);
            let wanted = words::hashes(&tokens);
            names_receiver(&tokens, &wanted, &index)
        };
        assert!(is_received("cart.dirty = True"));
        for other in ["cart.dirty = False", "cart.seen = True", "dirty = True"] {
            assert!(!is_received(other), "{other}");
        }
    }

    #[test]
    fn what_numbered_names_have_in_common_may_be_told_without_their_numbers() {
        let index = index("a = parse(part1, true)\nb = parse(part2, true)\nc = read(side1, 7)\n");
        let is_common = |code: &str| {
            let tokens = words::tokens(code);
            leaves_numbers_out(&tokens, &words::hashes(&tokens), &index)
        };
        assert!(is_common("parse(part, true)"));
        for other in ["parse(part, false)", "parse(piece, true)", "read(side, 7)"] {
            assert!(!is_common(other), "{other}");
        }
    }

    #[test]
    fn a_receiver_may_be_left_out() {
        let index = index("return at + 1 - self.length\nn = this->width * 2\n");
        let is_left_out = |code: &str| {
            let tokens = words::tokens(code);
            leaves_receiver_out(&tokens, &words::hashes(&tokens), &index)
        };
        assert!(is_left_out("at + 1 - length") && is_left_out("width * 2"));
        for other in [
            "at + 2 - length",
            "at - 1 - length",
            "width * 3",
            "self.length",
        ] {
            assert!(!is_left_out(other), "{other}");
        }
    }

    #[test]
    fn a_signature_may_leave_out_types_and_change_no_order() {
        let chunk = "fn seek(&mut self, at: u64, from: Box<dyn Fn(u8)>) { near(at, from) }\n";
        let index = index(chunk);
        let is_head = |code: &str| {
            let tokens = words::tokens(code);
            let wanted = words::hashes(&tokens);
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
        let chunk = "res[key] = val\nif mode == 0 { return map[word]; }\nsend(out, 2, size - HEAD, flags)\nfail(\"too long\")\n";
        let index = index(chunk);
        let fills = |code: &str| {
            let tokens = words::tokens(code);
            let wanted = words::hashes(&tokens);
            fills_in(code, &tokens, &wanted, &index)
        };
        for case in [
            "res[key] = nil",
            "map[\"null\"]",
            "res['a b'] = 5",
            "send(out, 2, 14, flags)",
            "send(\"x\", 2, 14, 0)",
        ] {
            assert!(fills(case), "{case}");
        }
        for other in [
            "send(out, 3, size - HEAD, flags)",
            "send(out, 2, flags)",
            "fail(\"too short\")",
            "send(out, 2, size - HEAD, flags)",
            "send(14, flags)",
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
