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
    /// Tokens in code of its own, neither quoted nor altered.
    pub free: usize,
}

/// Compares every code span and every line of every code block.
pub fn compare(document: &Document<'_>, question: &str, evidence: &EvidenceIndex) -> Quoting {
    let asked = hashes(&words::tokens(question));
    let mut quoting = Quoting::default();
    for piece in &document.pieces {
        let code = match piece {
            Piece::Span(code) | Piece::Block { code, .. } => code,
            Piece::Prose(_) => continue,
        };
        code.lines()
            .for_each(|line| quoting.add(line, &asked, evidence));
    }
    quoting
}

/// Whether every line of a code block stands in the source as it is.
pub fn is_quotation(code: &str, evidence: &EvidenceIndex) -> bool {
    code.lines()
        .all(|line| evidence.run(&hashes(&words::tokens(line))))
}

impl Quoting {
    fn add(&mut self, line: &str, asked: &[u64], evidence: &EvidenceIndex) {
        let tokens = words::tokens(line);
        let wanted = hashes(&tokens);
        if wanted.len() < TOKENS_MIN
            || is_qualified_name(&tokens)
            || asked.windows(wanted.len()).any(|run| run == wanted)
        {
            return;
        }
        if evidence.run(&wanted) {
            self.exact += 1;
        } else if resembles(&wanted, asked, evidence)
            || is_altered_operation(&tokens, &wanted, evidence)
        {
            self.altered.push(line.trim().to_owned());
        } else {
            self.free += wanted.len();
        }
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

fn resembles(wanted: &[u64], asked: &[u64], evidence: &EvidenceIndex) -> bool {
    let pairs = wanted.windows(2);
    let known = pairs.filter(|p| evidence.follows(p[0], p[1])).count();
    let brought = wanted
        .iter()
        .any(|token| asked.contains(token) && !evidence.has(*token));
    let close = known as f64 >= RESEMBLANCE_MIN * (wanted.len() - 1) as f64;
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
