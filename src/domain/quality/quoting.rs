//! Fidelity of quoted code: an expression that is almost in the source, but not quite, is a misquotation.
//!
//! Owns the comparison of code spans and lines of code blocks with the source. New code, such as a usage example, resembles no line
//! of the source that closely and is left alone; what the question brought is no claim about the source.

use super::evidence::EvidenceIndex;
use super::markdown::{Document, Piece};
use super::words::{self, Kind, Token};

/// Shortest quotation, in tokens, that is compared: below it chance resemblance is common.
const TOKENS_MIN: usize = 3;
/// From this length on, a run that differs from the source in one token only is a misquotation.
const ONE_OFF_MIN: usize = 5;
/// Share of neighbouring token pairs that must be in the source for a text to count as meant to be a quotation.
const RESEMBLANCE_MIN: f64 = 0.6;

/// How the quotations of an answer compare with the source.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Quoting {
    /// Quotations that stand in the source.
    pub exact: usize,
    /// Quotations that are close to the source, but altered.
    pub altered: Vec<String>,
}

/// What a piece of code is, held against the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Likeness {
    /// It stands there.
    Exact,
    /// Almost.
    Altered,
    /// It is the answer's own.
    Own,
    /// It says too little, or the question brought it.
    Nothing,
}

/// Compares every code span and every code block.
pub fn compare(document: &Document<'_>, question: &str, evidence: &EvidenceIndex) -> Quoting {
    let asked = hashes(&words::tokens(question));
    let mut quoting = Quoting::default();
    for piece in &document.pieces {
        match piece {
            Piece::Span(code) => quoting.add(&[code], &asked, evidence),
            Piece::Block { code, .. } => {
                quoting.add(&code.lines().collect::<Vec<_>>(), &asked, evidence)
            }
            Piece::Prose(_) => {}
        }
    }
    quoting
}

/// Whether every line of a code block stands in the source as it is.
pub fn is_quotation(code: &str, evidence: &EvidenceIndex) -> bool {
    code.lines()
        .all(|line| evidence.run(&hashes(&words::tokens(line))))
}

impl Quoting {
    /// Takes a span or the lines of a block. In a block that is mostly the answer's own, or an adaptation of an example, a line like one of
    /// the source is no misquotation.
    fn add(&mut self, lines: &[&str], asked: &[u64], evidence: &EvidenceIndex) {
        let parts = lines
            .iter()
            .flat_map(|line| without_ellipses(line, evidence));
        let judged: Vec<(&str, Likeness)> = parts
            .map(|part| (part, likeness(part, asked, evidence)))
            .collect();
        let count = |what| {
            judged
                .iter()
                .filter(|(_, likeness)| *likeness == what)
                .count()
        };
        let (exact, altered, own) = (
            count(Likeness::Exact),
            count(Likeness::Altered),
            count(Likeness::Own),
        );
        self.exact += exact;
        if judged.len() == 1 || (exact >= altered && exact + altered > own) {
            let false_ones = judged
                .iter()
                .filter(|(_, likeness)| *likeness == Likeness::Altered);
            self.altered
                .extend(false_ones.map(|(part, _)| part.trim().to_owned()));
        }
    }
}

/// The stretches between the ellipses of a quotation, unless it stands in the source with them.
fn without_ellipses<'a>(line: &'a str, evidence: &EvidenceIndex) -> Vec<&'a str> {
    if evidence.run(&hashes(&words::tokens(line))) {
        return vec![line];
    }
    line.split("...").flat_map(|part| part.split('…')).collect()
}

fn likeness(code: &str, asked: &[u64], evidence: &EvidenceIndex) -> Likeness {
    let tokens = words::tokens(code);
    let wanted = hashes(&tokens);
    let brought = || asked.windows(wanted.len()).any(|run| run == wanted);
    if wanted.len() < TOKENS_MIN || brought() {
        Likeness::Nothing
    } else if evidence.run(&wanted) {
        Likeness::Exact
    } else if is_qualified_name(&tokens) {
        Likeness::Nothing
    } else if resembles(&tokens, &wanted, asked, evidence)
        || is_altered_operation(&tokens, &wanted, evidence)
    {
        Likeness::Altered
    } else {
        Likeness::Own
    }
}

/// `Type.method`, `a::b`, `p->x`, `#id`: names strung together, checked one by one elsewhere.
fn is_qualified_name(tokens: &[Token<'_>]) -> bool {
    let joins = |t: &Token<'_>| {
        t.kind == Kind::Name
            || matches!(
                t.text,
                "." | "::" | "->" | "#" | ":" | "(" | ")" | "&" | "*" | "/" | "-"
            )
    };
    tokens.iter().all(joins)
}

/// Whether most of a text's neighbouring tokens are neighbours in the source, or it is one token off. Two marks side by side, such as
/// `)` and `;`, are so everywhere and do not count.
fn resembles(
    tokens: &[Token<'_>],
    wanted: &[u64],
    asked: &[u64],
    evidence: &EvidenceIndex,
) -> bool {
    let telling = |at: &usize| tokens[*at].kind != Kind::Mark || tokens[at + 1].kind != Kind::Mark;
    let pairs: Vec<usize> = (0..tokens.len().saturating_sub(1))
        .filter(telling)
        .collect();
    let known = pairs
        .iter()
        .filter(|at| evidence.follows(wanted[**at], wanted[**at + 1]))
        .count();
    let brought = wanted
        .iter()
        .any(|token| asked.contains(token) && !evidence.has(*token));
    let close = known as f64 >= RESEMBLANCE_MIN * pairs.len() as f64;
    let one_off = wanted.len() >= ONE_OFF_MIN && evidence.run_but_one(wanted);
    !brought && (close || one_off)
}

/// `len != 1` where the source has `len == 1`, or `len == 2`. Only comparisons may have another value and only operators another form:
/// `timeout=30` may well be advice, and `a.b` a name.
fn is_altered_operation(tokens: &[Token<'_>], wanted: &[u64], evidence: &EvidenceIndex) -> bool {
    let (Ok(three), [_, operator, _]) = (<&[u64; 3]>::try_from(wanted), tokens) else {
        return false;
    };
    let compares = matches!(
        operator.text,
        "==" | "!=" | "===" | "!==" | "<" | ">" | "<=" | ">="
    );
    let computes = matches!(
        operator.text,
        "+" | "-" | "*" | "/" | "%" | "**" | "<<" | ">>" | "&" | "|" | "^" | "&&" | "||"
    );
    let other_value = compares && evidence.follows(three[0], three[1]);
    let other_operator = (compares || computes) && evidence.surrounds(three);
    other_value || other_operator
}

fn hashes(tokens: &[Token<'_>]) -> Vec<u64> {
    tokens.iter().map(|t| words::hash(t.text)).collect()
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
        let judge = |answer: &str| compare(&Document::parse(answer), "What is f(42)?", &index);
        assert_eq!(judge("`left>0 && (type == CODES || max != 1)`").exact, 1);
        for altered in [
            "left > 0 && (type != CODES || max != 1)",
            "left > 0 || (type == CODES || max != 1)",
            "left >= 0 && (type == CODES",
        ] {
            assert_eq!(judge(&format!("`{altered}`")).altered, [altered]);
        }
        for other in ["f(42)", "Code.left", "open(path).read().split()", "left"] {
            let quoting = judge(&format!("`{other}`"));
            assert!(quoting.altered.is_empty() && quoting.exact == 0, "{other}");
        }
    }
}
