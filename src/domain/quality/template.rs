//! A template of the source with its holes filled: `(?:^a|b$)` where the source has `(?:^${left}|${right}$)`, "line 5: bad" where it has
//! `"line {n}: {what}"`.
//!
//! Owns what a hole is and the comparison of a filled template with the source.

use super::evidence::EvidenceIndex;
use super::words;
use std::sync::LazyLock;

/// Places of a token at which a text is laid beside the source.
const PLACES_MAX: usize = 32;
/// So many tokens of a text are tried, the rarest first.
const ANCHORS: usize = 2;
/// Longest text, in tokens, that is compared.
const TOKENS_MAX: usize = 64;
/// Most tokens between the braces of a hole that a sign begins, `${`.
const HOLE_TOKENS_MAX: usize = 8;
/// Most tokens between bare braces: what holds more is a block of code.
const BARE_TOKENS_MAX: usize = 3;
/// Tokens of the source beyond a text's length that are looked at.
const SLACK: usize = 24;

/// Whether a text is a stretch of the source in which something stands for one or more holes. At least half of it must be the source's.
pub fn is_filled(wanted: &[u64], evidence: &EvidenceIndex) -> bool {
    let places = |at: &usize| evidence.places(wanted[*at]).take(PLACES_MAX + 1).count();
    if wanted.len() > TOKENS_MAX {
        return false;
    }
    let known = (0..wanted.len()).filter(|at| (1..=PLACES_MAX).contains(&places(at)));
    let mut anchors: Vec<usize> = known.collect();
    anchors.sort_by_key(places);
    let tried = anchors.into_iter().take(ANCHORS);
    tried
        .into_iter()
        .any(|at| is_filled_at(at, wanted, evidence))
}

/// As [`is_filled`], laid at one token of the text.
fn is_filled_at(at: usize, wanted: &[u64], evidence: &EvidenceIndex) -> bool {
    let names_variables = wanted.iter().any(|token| evidence.is_variable(*token));
    let is_variable = |token: u64| !names_variables && evidence.is_variable(token);
    evidence.places(wanted[at]).any(|place| {
        let (before, after) = evidence.around(place, wanted.len() + SLACK);
        let (mut before, after) = (parts(before, is_variable), parts(after, is_variable));
        before.reverse();
        let head: Vec<u64> = wanted[..at].iter().rev().copied().collect();
        let Some(there) = shared(&head, &before) else {
            return false;
        };
        let all = shared(&wanted[at + 1..], &after).map(|tail| there + tail + 1);
        all.is_some_and(|all| all < wanted.len() && 2 * all >= wanted.len())
    })
}

/// A token of a template, or a hole in it.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    Token(u64),
    Hole,
}

/// Reads holes of all kinds: `${name}`, `$name`, `#{name}`, `{name}`, `{}`, `%s`.
fn parts(code: &[u64], is_variable: impl Fn(u64) -> bool) -> Vec<Part> {
    static MARKS: LazyLock<[u64; 5]> = LazyLock::new(|| ["{", "}", "$", "#", "%"].map(words::hash));
    static VERBS: LazyLock<[u64; 9]> =
        LazyLock::new(|| ["s", "d", "r", "i", "u", "x", "v", "f", "c"].map(words::hash));
    let [open, close, dollar, pound, percent] = *MARKS;
    let braced = |from: usize, most: usize| {
        let inside = code.get(from + 1..)?.iter().take(most + 1);
        let opens = code.get(from) == Some(&open);
        opens.then(|| inside.into_iter().position(|token| *token == close))?
    };
    let mut parts = Vec::with_capacity(code.len());
    let mut at = 0;
    while let Some(token) = code.get(at) {
        let sign = usize::from([dollar, pound].contains(token));
        let is_verb =
            *token == percent && code.get(at + 1).is_some_and(|verb| VERBS.contains(verb));
        let most = [BARE_TOKENS_MAX, HOLE_TOKENS_MAX][sign];
        let length = match braced(at + sign, most) {
            Some(inside) => sign + inside + 2,
            None if is_verb => 2,
            None if is_variable(*token) => 1,
            None => 0,
        };
        parts.push(if length > 0 {
            Part::Hole
        } else {
            Part::Token(*token)
        });
        at += length.max(1);
    }
    parts
}

/// How many tokens of a text stand in a template that it begins like, where each hole takes any number of tokens; `None` if it does not.
fn shared(wanted: &[u64], template: &[Part]) -> Option<usize> {
    // For every length of the text: the most tokens shared when so much of it is laid out.
    let mut reached: Vec<Option<usize>> = vec![None; wanted.len() + 1];
    reached[0] = Some(0);
    let mut best = reached[wanted.len()];
    for part in template {
        let mut next = vec![None; wanted.len() + 1];
        let mut so_far = None;
        for (at, here) in reached.iter().enumerate() {
            so_far = so_far.max(*here);
            match part {
                Part::Hole => next[at] = so_far,
                Part::Token(token) if wanted.get(at) == Some(token) => {
                    next[at + 1] = here.map(|n| n + 1)
                }
                Part::Token(_) => {}
            }
        }
        reached = next;
        best = best.max(reached[wanted.len()]);
        if reached.iter().all(Option::is_none) {
            break;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::super::evidence::Evidence;
    use super::*;

    #[test]
    fn a_template_with_its_holes_filled_is_told_from_other_text() {
        let chunk = "let re = `^(?:${left}|${right.trim()})+$`\nraise Bad(f\"line {n}: no {what} here\")\n\
                     println!(\"{} of {} done\", a, b);\nlog(\"wrote %d bytes to %s\")\nsum(a, b) + c\ntouch slot-$n\nn = 0\n";
        let evidence = Evidence {
            chunk,
            ..Evidence::default()
        };
        let index = EvidenceIndex::new(&evidence, Default::default());
        let filled = |text: &str| {
            let wanted: Vec<u64> = words::tokens(text)
                .iter()
                .map(|t| words::hash(t.text))
                .collect();
            is_filled(&wanted, &index)
        };
        for text in [
            "^(?:a|b.c)+$",
            "line 5: no comma here",
            "2 of 7 done",
            "wrote 12 bytes to disk",
            "slot-0",
        ] {
            assert!(filled(text), "{text}");
        }
        for text in [
            "^(?:${left}|${right.trim()})+$",
            "^(?:a|b)*$",
            "line 5: a comma here",
            "sum(a, d) + c",
            "one two three done",
            "slot+0",
            "touch slot-$n",
        ] {
            assert!(!filled(text), "{text}");
        }
    }
}
