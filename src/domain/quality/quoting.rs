//! Fidelity of quoted code: an expression that is almost in the source, but not quite, is a misquotation.
//!
//! Owns the comparison of code spans and lines of code blocks with the source. New code, such as a usage example, resembles no line
//! of the source that closely and is left alone; what the question brought is no claim about the source.

use super::constants;
use super::evidence::EvidenceIndex;
use super::grounding;
use super::instance;
use super::markdown::{Document, Piece};
use super::prose;
use super::retouched;
use super::sums::Sums;
use super::template;
use super::words::{self, Kind, Token};
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// Shortest quotation, in tokens, that is compared: below it chance resemblance is common.
const TOKENS_MIN: usize = 3;
/// For each so many tokens a quotation may differ from the source in one, and is then a misquotation. What differs in more, and what is
/// shorter, is code of the answer's own.
const TOKENS_PER_EDIT: usize = 5;
/// From so many tokens on, what differs from the source in few is copied from it, not put in other words.
const COPIED_TOKENS_MIN: usize = 10;
/// Places of a token at which a quotation is laid beside the source.
const PLACES_MAX: usize = 64;
/// So many of its words are tried, the rarest first.
const ANCHORS: usize = 3;
/// So many places that a text resembles equally make it one of their kind.
const FAMILY_MIN: usize = 4;
/// Tokens of the source beyond a quotation's length that it is compared with.
const SLACK: usize = 4;

/// How the quotations of an answer compare with the source.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Quoting {
    /// Quotations that stand in the source.
    pub exact: usize,
    /// Quotations of the source with another operator, number or name put in, and long ones that differ in few tokens.
    pub altered: Vec<String>,
    /// Short expressions close to the source, made of its own words: misquoted, or put in another way.
    pub differing: Vec<String>,
    /// Constants and defaults given another value.
    pub misvalued: Vec<String>,
    /// Sums written out that do not come out.
    pub miscounted: Vec<String>,
}

/// What a piece of code is, held against the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Likeness {
    /// It stands there.
    Exact,
    /// But for few of many tokens, or for an operator, a number or a name that is put in.
    Altered,
    /// Almost, but short and in its own words.
    Differing,
    /// It is the answer's own.
    Own,
    /// It says too little, or the question brought it.
    Nothing,
}

/// Compares every code span and every code block. `brings_input`: whether the question asks for a worked example, see `worked`.
pub fn compare(
    document: &Document<'_>,
    question: &str,
    brings_input: bool,
    sums: &Sums<'_>,
    evidence: &EvidenceIndex,
) -> Quoting {
    let asked = Asked::of(question, brings_input);
    let mut quoting = Quoting::default();
    for piece in &document.pieces {
        match piece {
            Piece::Span(code) => quoting.add(&[code], &asked, evidence),
            Piece::Block { code, .. } => quoting.add_block(code, &asked, evidence),
            Piece::Prose(_) => {}
        }
    }
    quoting.misvalued = constants::misvalued(document, question, evidence);
    let false_ones = sums.false_ones.iter();
    quoting.miscounted = false_ones.map(|sum| (*sum).to_owned()).collect();
    quoting
}

/// Whether every line of a code block stands in the source as it is.
pub fn is_quotation(code: &str, evidence: &EvidenceIndex) -> bool {
    code.lines()
        .all(|line| evidence.run(&words::token_hashes(line)))
}

impl Quoting {
    /// How many statements are doubtful: what contradicts the source as it was read, which true answers do now and then.
    pub fn doubtful(&self) -> usize {
        self.differing.len() + self.misvalued.len() + self.miscounted.len()
    }

    /// Takes a block: as a stretch of the source with a few words changed, or line by line.
    fn add_block(&mut self, code: &str, asked: &Asked, evidence: &EvidenceIndex) {
        let tokens = words::tokens(code);
        let wanted = words::hashes(&tokens);
        let given = |token: &Token<'_>| asked.explains(token);
        if !evidence.run(&wanted) && retouched::is_retouched(&tokens, &wanted, evidence, given) {
            let is_changed = |line: &&str| !evidence.run(&words::token_hashes(line));
            let changed = code.lines().find(is_changed).unwrap_or(code);
            self.altered.push(changed.trim().to_owned());
        } else {
            self.add(&code.lines().collect::<Vec<_>>(), asked, evidence);
        }
    }

    /// Takes a span or the lines of a block. In a block that is mostly the answer's own, or an adaptation of an example, a line like one of
    /// the source is no misquotation.
    fn add(&mut self, lines: &[&str], asked: &Asked, evidence: &EvidenceIndex) {
        let parts = lines
            .iter()
            .flat_map(|line| without_ellipses(line, evidence));
        let judged: Vec<(&str, Likeness)> = parts
            .map(|part| (part, likeness(part, asked, evidence)))
            .collect();
        let all = |what| judged.iter().filter(move |(_, likeness)| *likeness == what);
        let texts = |what| all(what).map(|(part, _)| part.trim().to_owned());
        let exact = all(Likeness::Exact).count();
        let altered = all(Likeness::Altered).count() + all(Likeness::Differing).count();
        self.exact += exact;
        let is_adapted = exact < altered || exact + altered <= all(Likeness::Own).count();
        if judged.len() == 1 || !is_adapted {
            self.altered.extend(texts(Likeness::Altered));
            self.differing.extend(texts(Likeness::Differing));
        }
    }
}

/// The stretches between the ellipses of a quotation, unless it stands in the source with them.
fn without_ellipses<'a>(line: &'a str, evidence: &EvidenceIndex) -> Vec<&'a str> {
    let has_ellipsis = line.contains("...") || line.contains('…');
    if !has_ellipsis || evidence.run(&words::token_hashes(line)) {
        return vec![line];
    }
    line.split("...").flat_map(|part| part.split('…')).collect()
}

fn likeness(code: &str, asked: &Asked, evidence: &EvidenceIndex) -> Likeness {
    let tokens = words::tokens(code);
    let wanted = words::hashes(&tokens);
    if wanted.len() < TOKENS_MIN || asked.has_run(&wanted) {
        Likeness::Nothing
    } else if evidence.run(&wanted) {
        Likeness::Exact
    } else if is_qualified_name(&tokens)
        || instance::is_signature(&tokens, &wanted, evidence)
        || is_in_a_text(code, evidence)
        || template::is_filled(&wanted, evidence)
        || asked.explains_data(code, &tokens)
    {
        Likeness::Nothing
    } else {
        match alteration(code, &tokens, &wanted, asked, evidence) {
            Some(_) if instance::is_shortened(&tokens, &wanted, evidence) => Likeness::Exact,
            Some(found) => found,
            None => Likeness::Own,
        }
    }
}

/// How an expression that is not in the source differs from one that is, if it is close to it.
fn alteration(
    code: &str,
    tokens: &[Token<'_>],
    wanted: &[u64],
    asked: &Asked,
    evidence: &EvidenceIndex,
) -> Option<Likeness> {
    let resembles = resembles(code, tokens, wanted, asked, evidence);
    let is_other_operation = is_other_operation(tokens, wanted, evidence);
    let puts_in = || {
        let is_foreign = |hash: &u64| !evidence.has(*hash);
        wanted.iter().any(is_foreign) || retouched::is_renumbered(tokens, wanted, evidence)
    };
    let is_copied = wanted.len() >= COPIED_TOKENS_MIN;
    let is_one_off = || retouched::is_one_off(tokens, wanted, evidence, |t| asked.explains(t));
    if resembles && (is_copied || puts_in())
        || is_altered_comparison(tokens, wanted, evidence)
        || !is_other_operation && is_one_off()
    {
        Some(Likeness::Altered)
    } else if resembles || is_other_operation {
        Some(Likeness::Differing)
    } else {
        None
    }
}

/// Whether code stands in the source as a part of other tokens: `<major>` where a text says `<major>!`.
fn is_in_a_text(code: &str, evidence: &EvidenceIndex) -> bool {
    const CHARS_MIN: usize = 5;
    let is_letter = |c: char| c.is_alphanumeric();
    let is_free = !code.starts_with(is_letter) && !code.ends_with(is_letter);
    is_free && code.len() >= CHARS_MIN && evidence.has_phrase(words::folded(&[code]).trim_end())
}

/// `Type.method`, `a::b`, `p->x`, `#id`: names strung together, checked one by one elsewhere.
fn is_qualified_name(tokens: &[Token<'_>]) -> bool {
    let joins = |t: &Token<'_>| {
        t.kind == Kind::Name
            || matches!(
                t.text,
                "." | "::" | "->" | "#" | ":" | "(" | ")" | "[" | "]" | "&" | "*" | "/" | "-"
            )
    };
    tokens.iter().all(joins)
}

/// Whether a text is a stretch of the source but for few tokens. What the question brought is put in by right, and so is a number or a
/// string that follows from it.
fn resembles(
    code: &str,
    tokens: &[Token<'_>],
    wanted: &[u64],
    asked: &Asked,
    evidence: &EvidenceIndex,
) -> bool {
    let literals = prose::literals(code);
    let is_input = |token: &Token<'_>| {
        let mut around = literals.iter();
        asked.brings_input && around.any(|part| grounding::contains(code, part, token.start))
    };
    let is_foreign = |token: &Token<'_>, hash: u64| {
        !evidence.has(hash) && (asked.explains(token) || is_input(token))
    };
    let pairs = || tokens.iter().zip(wanted);
    if pairs().any(|(token, hash)| is_foreign(token, *hash))
        || instance::fills_in(code, tokens, wanted, evidence)
        || instance::names_receiver(tokens, wanted, evidence)
        || instance::summarises(tokens, wanted, evidence)
    {
        return false;
    }
    let edits_max = wanted.len() / TOKENS_PER_EDIT;
    let distance = distance(tokens, wanted, edits_max, evidence);
    distance.is_some_and(|edits| (1..=edits_max).contains(&edits))
}

/// In how many tokens a text, laid beside the source at one of its rarer words, differs from it at best; `None` where it differs as little from
/// many places: then they are a table, of which it is one more row.
fn distance(
    tokens: &[Token<'_>],
    wanted: &[u64],
    edits_max: usize,
    evidence: &EvidenceIndex,
) -> Option<usize> {
    let mut anchors: Vec<(usize, usize)> = (0..wanted.len())
        .filter(|&at| tokens[at].kind != Kind::Mark)
        .map(|at| (evidence.places(wanted[at]).take(PLACES_MAX).count(), at))
        .filter(|(count, _)| (1..PLACES_MAX).contains(count))
        .collect();
    anchors.sort_unstable();
    let laid = anchors.iter().take(ANCHORS).flat_map(|&(_, at)| {
        evidence.places(wanted[at]).map(move |place| {
            let (before, after) = evidence.around(place, wanted.len() + SLACK);
            let back = edits(wanted[..at].iter().rev(), before.iter().rev(), edits_max);
            let all = back + edits(wanted[at + 1..].iter(), after.iter(), edits_max);
            (all, place.saturating_sub(at as u32))
        })
    });
    let laid: BTreeSet<(usize, u32)> = laid.collect();
    let least = laid.first().map(|(edits, _)| *edits)?;
    let alike = laid.iter().take_while(|(edits, _)| *edits == least).count();
    (alike < FAMILY_MIN).then_some(least)
}

/// Fewest tokens to change, add or leave out to make all of `wanted` the beginning of `tail`; beyond `most` any larger number. Brackets and
/// separators, and the backslash that joins two lines, come and go for free: `f(x)` is the call that a compiler wrote as `(0, m.f)(x)`.
fn edits<'a>(
    wanted: impl Iterator<Item = &'a u64>,
    tail: impl Iterator<Item = &'a u64>,
    most: usize,
) -> usize {
    static FREE: LazyLock<[u64; 7]> =
        LazyLock::new(|| ["(", ")", "{", "}", ",", ";", "\\"].map(words::hash));
    let cost = |token: &u64| usize::from(!FREE.contains(token));
    let tail: Vec<u64> = tail.copied().collect();
    let mut row = vec![0];
    for token in &tail {
        row.push(row[row.len() - 1] + cost(token));
    }
    for token in wanted {
        let mut diagonal = row[0];
        row[0] += cost(token);
        for column in 0..tail.len() {
            let kept = diagonal + usize::from(tail[column] != *token);
            diagonal = row[column + 1];
            let left_out = row[column] + cost(&tail[column]);
            row[column + 1] = kept.min(diagonal + cost(token)).min(left_out);
        }
        if row.iter().all(|edits| *edits > most) {
            return most + 1;
        }
    }
    row.into_iter().min().unwrap_or(0)
}

/// What the question brought.
struct Asked {
    tokens: Vec<u64>,
    numbers: Vec<f64>,
    brings_input: bool,
}

impl Asked {
    fn of(question: &str, brings_input: bool) -> Self {
        let tokens = words::tokens(question);
        let numbers = tokens.iter().filter_map(|t| words::number_value(t.text));
        Asked {
            numbers: numbers.collect(),
            tokens: words::hashes(&tokens),
            brings_input,
        }
    }

    /// Whether a token that the source has not comes from the question: its own word or number, or a number derived from its input.
    fn explains(&self, token: &Token<'_>) -> bool {
        let value = (token.kind == Kind::Number)
            .then(|| words::number_value(token.text))
            .flatten();
        self.tokens.contains(&token.hash)
            || value.is_some_and(|value| self.brings_input || self.numbers.contains(&value))
    }

    /// Whether code is plain data, `['a', 2]`, all of whose texts and numbers the question brought.
    fn explains_data(&self, code: &str, tokens: &[Token<'_>]) -> bool {
        let literals = prose::literals(code);
        let is_told = |token: &Token<'_>| {
            let mut around = literals.iter();
            around.any(|part| grounding::contains(code, part, token.start))
        };
        let is_plain = |token: &&Token<'_>| match token.kind {
            Kind::Mark => matches!(
                token.text,
                "[" | "]" | "(" | ")" | "{" | "}" | "," | ":" | "\"" | "'"
            ),
            Kind::Number => self.explains(token),
            Kind::Name => is_told(token) && self.tokens.contains(&token.hash),
        };
        !literals.is_empty() && tokens.iter().all(|token| is_plain(&token))
    }

    fn has_run(&self, wanted: &[u64]) -> bool {
        self.tokens.windows(wanted.len()).any(|run| run == wanted)
    }
}

/// `len != 1` where the source has `len == 1`, or `len == 2`. Only comparisons may have another value: `timeout=30` may well be advice, and `a.b` a
/// name.
fn is_altered_comparison(tokens: &[Token<'_>], wanted: &[u64], evidence: &EvidenceIndex) -> bool {
    let (Ok(three), [_, operator, _]) = (<&[u64; 3]>::try_from(wanted), tokens) else {
        return false;
    };
    let is_compared = retouched::is_comparison(operator.text);
    is_compared
        && (evidence.follows(three[0], three[1]) || is_other_operation(tokens, wanted, evidence))
}

/// Whether of three tokens the source has the outer ones with another operator between: `u >> 1` where it has `u & 1`.
fn is_other_operation(tokens: &[Token<'_>], wanted: &[u64], evidence: &EvidenceIndex) -> bool {
    let (Ok(three), [_, operator, _]) = (<&[u64; 3]>::try_from(wanted), tokens) else {
        return false;
    };
    let mut between = evidence.between(three[0], three[2]);
    between.any(|there| retouched::is_other_operator(operator.text, there))
}

#[cfg(test)]
mod tests {
    use super::super::evidence::Evidence;
    use super::*;

    #[test]
    fn quotations_are_told_from_alterations_and_from_new_code() {
        let chunk = "if (left > 0 && (type == CODES || max != 1))\n    return -1;\n";
        let index = EvidenceIndex::new(
            &Evidence {
                chunk,
                ..Evidence::default()
            },
            Default::default(),
        );
        let judge = |answer: &str| {
            compare(
                &Document::parse(answer),
                "What is f(42)?",
                true,
                &Sums::default(),
                &index,
            )
        };
        assert_eq!(judge("`left>0 && (type == CODES || max != 1)`").exact, 1);
        for altered in [
            "left > 0 && (type != CODES || max != 1)",
            "left > 0 || (type == CODES || max != 1)",
            "left >= 0 && (type == CODES",
        ] {
            assert_eq!(judge(&format!("`{altered}`")).altered, [altered]);
        }
        let differing = judge("`left > CODES && (type`");
        assert_eq!(differing.differing, ["left > CODES && (type"]);
        assert!(differing.altered.is_empty());
        for other in ["f(42)", "Code.left", "open(path).read().split()", "left"] {
            let quoting = judge(&format!("`{other}`"));
            assert!(
                quoting.altered.is_empty() && quoting.doubtful() == 0 && quoting.exact == 0,
                "{other}"
            );
        }
    }
}
