//! Code that stands in the source but for an operator, a number or a few words: laid over it token by token, with nothing added or left out.
//!
//! Owns that comparison, which is stricter than a count of edits and so may be applied to short expressions and to whole blocks.

use super::evidence::EvidenceIndex;
use super::words::{self, Kind, Token};

/// Shortest block that is laid over the source as a whole.
const BLOCK_TOKENS_MIN: usize = 8;
/// For each so many tokens of a block one may be changed; what differs in more is code of the answer's own.
const TOKENS_PER_CHANGE: usize = 6;
/// Where only numbers are changed, for each so many.
const TOKENS_PER_NUMBER: usize = 3;
/// Places of a token at which code is laid over the source.
const PLACES_MAX: usize = 64;
/// So many of its names are tried, the rarest first.
const ANCHORS: usize = 3;

/// Code laid over the source at one place: where it differs, counted in its tokens, and what the source has there.
type Changes = Vec<(usize, u64)>;

/// Whether an expression is one of the source with another operator, or another number or truth value beside an operator. `is_given` tells
/// tokens that the question brought.
pub fn is_one_off(
    tokens: &[Token<'_>],
    wanted: &[u64],
    evidence: &EvidenceIndex,
    is_given: impl Fn(&Token<'_>) -> bool,
) -> bool {
    let changes_meaning = |changes: &Changes| {
        let [(at, there)] = changes[..] else {
            return false;
        };
        let is_set = is_beside_operator(tokens, at)
            || is_index(tokens, at)
            || is_sole_argument(tokens, at, evidence);
        let operand = is_set
            && (is_truth(tokens[at].text) && TRUTHS.iter().any(|t| words::hash(t) == there)
                || tokens[at].kind == Kind::Number && evidence.number_of(there).is_some());
        let operator =
            is_other_operator(tokens[at].text, there) && !closes_generics(tokens[at].text, there);
        (operand || operator)
            && !is_given(&tokens[at])
            && !(operand && is_other_side(tokens, at, there, evidence))
    };
    laid(tokens, wanted, 1, evidence).any(|changes| changes_meaning(&changes))
}

/// Whether an expression is one of the source with another number in one place.
pub fn is_renumbered(tokens: &[Token<'_>], wanted: &[u64], evidence: &EvidenceIndex) -> bool {
    let is_number = |changes: Changes| match changes[..] {
        [(at, there)] => tokens[at].kind == Kind::Number && evidence.number_of(there).is_some(),
        _ => false,
    };
    laid(tokens, wanted, 1, evidence).any(is_number)
}

/// Whether an expression is the other side of a bound of the source, which has `there` in place of the token `at`: the last `i` is `n - 2`
/// where it says `i < n - 1`.
fn is_other_side(tokens: &[Token<'_>], at: usize, there: u64, evidence: &EvidenceIndex) -> bool {
    let here = words::number_value(tokens[at].text);
    let is_next = here
        .zip(evidence.number_of(there))
        .is_some_and(|(here, there)| (here - there).abs() == 1.0);
    let mut original: Vec<u64> = tokens.iter().map(|token| token.hash).collect();
    original[at] = there;
    let is_bound = |place| {
        let (before, after) = evidence.around(place, original.len());
        let marks = [before.last(), after.get(original.len() - 1)];
        after.starts_with(&original[1..]) && marks.into_iter().flatten().any(|m| orders(*m))
    };
    is_next && evidence.places(original[0]).any(is_bound)
}

/// Whether a token says that one value is less than another.
fn orders(token: u64) -> bool {
    ["<", "<=", ">", ">="]
        .iter()
        .any(|mark| words::hash(mark) == token)
}

/// Whether a block is a stretch of the source with few tokens changed. Words inside `literals` are no claim, and what `is_given` makes it an
/// adaptation.
pub fn is_retouched(
    tokens: &[Token<'_>],
    wanted: &[u64],
    evidence: &EvidenceIndex,
    is_given: impl Fn(&Token<'_>) -> bool,
) -> bool {
    if wanted.len() < BLOCK_TOKENS_MIN {
        return false;
    }
    let is_number = |at: usize, there: u64| {
        tokens[at].kind == Kind::Number && evidence.number_of(there).is_some()
    };
    let is_retouching = |changes: Changes| {
        let only_numbers = changes.iter().all(|(at, there)| is_number(*at, *there));
        let per_change = if only_numbers {
            TOKENS_PER_NUMBER
        } else {
            TOKENS_PER_CHANGE
        };
        changes.len() <= wanted.len() / per_change
            && changes.iter().all(|(at, _)| !is_given(&tokens[*at]))
    };
    laid(tokens, wanted, wanted.len() / TOKENS_PER_NUMBER, evidence).any(is_retouching)
}

/// Every way to lay code over the source, at one of its rarer names, with one to `most` changes.
fn laid<'a>(
    tokens: &'a [Token<'_>],
    wanted: &'a [u64],
    most: usize,
    evidence: &'a EvidenceIndex,
) -> impl Iterator<Item = Changes> + 'a {
    let mut anchors: Vec<(usize, usize)> = (0..wanted.len())
        .filter(|&at| tokens[at].kind == Kind::Name)
        .map(|at| (evidence.places(wanted[at]).take(PLACES_MAX).count(), at))
        .filter(|(count, _)| (1..PLACES_MAX).contains(count))
        .collect();
    anchors.sort_unstable();
    anchors.truncate(ANCHORS);
    let laid = anchors.into_iter().flat_map(move |(_, at)| {
        evidence.places(wanted[at]).filter_map(move |place| {
            let (before, after) = evidence.around(place, wanted.len());
            let head = &before[before.len().checked_sub(at)?..];
            let tail = after.get(..wanted.len() - at - 1)?;
            let there = head.iter().chain([&wanted[at]]).chain(tail);
            let pairs = wanted.iter().zip(there).enumerate();
            let changed = pairs.filter(|(_, (here, there))| here != there);
            Some(changed.map(|(at, (_, there))| (at, *there)).collect())
        })
    });
    laid.filter(move |changes: &Changes| (1..=most).contains(&changes.len()))
}

const OPERATORS: [&str; 29] = [
    "==", "!=", "===", "!==", "<", ">", "<=", ">=", "+", "-", "*", "/", "%", "<<", ">>", "&", "|",
    "^", "&&", "||", "**", "+=", "-=", "*=", "/=", "|=", "&=", "<<=", ">>=",
];
const COMPARISONS: [&str; 8] = ["==", "!=", "===", "!==", "<", ">", "<=", ">="];
const TRUTHS: [&str; 4] = ["true", "false", "True", "False"];

/// Whether a mark compares or computes.
pub fn is_operator(text: &str) -> bool {
    OPERATORS.contains(&text)
}

/// Whether a mark compares.
pub fn is_comparison(text: &str) -> bool {
    COMPARISONS.contains(&text)
}

/// Whether a mark is an operator, and what the source has in its place another one of its kind: a comparison for a comparison.
pub fn is_other_operator(text: &str, there: u64) -> bool {
    let mut others = OPERATORS.iter().filter(|other| **other != text);
    is_operator(text)
        && others
            .any(|other| words::hash(other) == there && is_comparison(other) == is_comparison(text))
}

/// `Vec<T>` stands in `Rc<Vec<T>>` with another mark at its end.
fn closes_generics(text: &str, there: u64) -> bool {
    let is = |mark| words::hash(mark) == there;
    text == ">" && is(">>") || text == ">>" && is(">")
}

fn is_truth(text: &str) -> bool {
    TRUTHS.contains(&text)
}

fn is_beside_operator(tokens: &[Token<'_>], at: usize) -> bool {
    let neighbours = [at.checked_sub(1), Some(at + 1)];
    let tokens = neighbours
        .into_iter()
        .flatten()
        .filter_map(|i| tokens.get(i));
    tokens.into_iter().any(|token| is_operator(token.text))
}

/// Whether a token is all that stands between square brackets, or a member that is a number: `parts[2]`, `self.0`.
fn is_index(tokens: &[Token<'_>], at: usize) -> bool {
    let text = |place: Option<usize>| place.and_then(|i| tokens.get(i)).map_or("", |t| t.text);
    let (before, after) = (text(at.checked_sub(1)), text(Some(at + 1)));
    before == "[" && after == "]" || before == "." && tokens[at].kind == Kind::Number
}

/// Whether a token is the sole argument of a call to which the source only ever gives numbers: `shl(2)`.
fn is_sole_argument(tokens: &[Token<'_>], at: usize, evidence: &EvidenceIndex) -> bool {
    let Some([name, open]) = at.checked_sub(2).map(|from| &tokens[from..at]) else {
        return false;
    };
    let closes = tokens.get(at + 1).is_some_and(|token| token.text == ")");
    let takes_number = |place: u32| match evidence.around(place, 3).1 {
        [bracket, argument, close] if *bracket == open.hash => {
            evidence.number_of(*argument).is_some() && *close == words::hash(")")
        }
        _ => false,
    };
    let is_call = name.kind == Kind::Name && open.text == "(" && closes;
    is_call && evidence.places(name.hash).all(takes_number)
}

#[cfg(test)]
mod tests {
    use super::super::evidence::Evidence;
    use super::*;

    #[test]
    fn a_change_of_one_operator_or_number_is_told_from_other_code() {
        let chunk = "if other == 0 or i < other - 3:\n    return byte >> 4\ni = self.size() - 1\nloop(byte, 3, 4)\nf<Vec<T>>(x)\nat += 1\nhead = pair[0]\nshl(1)\n\
                     wait(5)\ndef wait(secs): pass\n";
        let evidence = Evidence {
            chunk,
            ..Evidence::default()
        };
        let index = EvidenceIndex::new(&evidence, Default::default());
        let one_off = |code: &str, given: &str| {
            let tokens = words::tokens(code);
            let wanted: Vec<u64> = tokens.iter().map(|t| words::hash(t.text)).collect();
            is_one_off(&tokens, &wanted, &index, |t| t.text == given)
        };
        for changed in [
            "if other != 0",
            "byte >> 8",
            "self.size() - 2",
            "other < 0",
            "at += 2",
            "at -= 1",
            "pair[3]",
            "shl(3)",
            "other - 5",
        ] {
            assert!(one_off(changed, ""), "{changed}");
        }
        assert!(!one_off("byte >> 8", "8"), "the question brought it");
        for other in [
            "byte >> 4",
            "loop(byte, 3, 5)",
            "self.size() + n",
            "x >> 4",
            "f<Vec<T>",
            "pair[i]",
            "wait(7)",
            "other - 4",
            "byte < 4",
        ] {
            assert!(!one_off(other, ""), "{other}");
        }
    }

    #[test]
    fn a_retouched_block_is_told_from_the_source_and_from_other_code() {
        let chunk = "len = bits >> 3;\nin -= len;\nbits -= len << 3;\nhold &= (1U << bits) - 1;\n";
        let evidence = Evidence {
            chunk,
            ..Evidence::default()
        };
        let index = EvidenceIndex::new(&evidence, Default::default());
        let retouched = |code: &str| {
            let tokens = words::tokens(code);
            let wanted: Vec<u64> = tokens.iter().map(|t| words::hash(t.text)).collect();
            is_retouched(&tokens, &wanted, &index, |t| t.text == "42")
        };
        assert!(retouched(
            "len = bits >> 3;\nout -= len;\nbits -= len << 3;"
        ));
        assert!(retouched("len = bits >> 5;\nin -= len;\nbits -= len << 7;"));
        for other in [
            "len = bits >> 3;\nin -= len;\nbits -= len << 3;",
            "len = bits >> 42;\nin -= len;\nbits -= len << 3;",
            "size = read() >> 3;\nout -= size;\nbits = size << 3;",
        ] {
            assert!(!retouched(other), "{other}");
        }
    }
}
