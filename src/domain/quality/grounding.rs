//! Groundedness: what an answer names must be there.
//!
//! Owns what a mention is (a name, number, quotation, file or line reference) and what the evidence has of numbers and texts; `reading` finds
//! the mentions.

use super::binding;
use super::constants;
use super::evidence::{EvidenceIndex, Support};
use super::markdown::{Document, Piece};
use super::prose;
use super::reading;
use super::sums::{self, Sums};
use super::template;
use super::words::{self, Kind};
use super::worked;

/// What kind of thing is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sort {
    /// An identifier: in code, or in prose by its shape.
    Name,
    /// An identifier that needs no evidence: a keyword or an everyday library name.
    Common,
    /// A file name or path.
    File,
    /// A number.
    Number,
    /// The number of a line.
    Line,
    /// Text in double quotes.
    Quote,
}

/// One thing named.
#[derive(Debug, Clone, PartialEq)]
pub struct Mention<'a> {
    /// Its text.
    pub text: &'a str,
    /// What it is.
    pub sort: Sort,
    /// How far the evidence bears it out, in `[0, 1]`.
    pub support: f64,
    /// Whether the question brought it up.
    pub asked: bool,
    /// Whether it is a name or a file without evidence that the repository has elsewhere.
    pub elsewhere: bool,
    /// Which sentence it stands in, from 0.
    pub(super) sentence: usize,
    /// What its form alone says for it, in `[0, 1]`: an example's input is no claim about the source.
    pub(super) excuse: f64,
    /// Whether it is a number that an example of the answer's own takes as input.
    pub(super) is_input: bool,
    /// Whether it is a number of an example, or of an instance that is not the source's.
    pub(super) is_example: bool,
    /// Whether it is a number of running text that may tell the other side of a bound.
    pub(super) may_bound: bool,
    /// Whether it is a negative number of which the source has only the positive one.
    pub(super) lacks_sign: bool,
    /// The word after a number, which may be its unit.
    pub(super) unit: &'a str,
}

impl Mention<'_> {
    /// Whether it is a name or a file that nothing bears out.
    pub fn is_unknown_name(&self) -> bool {
        matches!(self.sort, Sort::Name | Sort::File) && self.support == 0.0
    }
}

/// Support of a name that the question brought, where the evidence has it not.
pub const ASKED_SUPPORT: f64 = 0.7;
/// Support of a number that the source has not, where nothing says that it stands in place of another one.
pub const UNKNOWN_SUPPORT: f64 = 0.35;

/// Reads the mentions of an answer, each once a sentence at most, and looks each up. `inputs` are those of its question, by
/// `worked`, and `sums` those of its running text.
pub fn mentions<'a>(
    document: &Document<'a>,
    question: &str,
    inputs: &[&str],
    sums: &Sums<'_>,
    evidence: &EvidenceIndex,
) -> Vec<Mention<'a>> {
    let mut found = reading::read(document, question, evidence);
    worked::excuse(&mut found, inputs);
    let mut shown = sums.shown.clone();
    shown.extend(worked::lengths(&found, inputs));
    let pieces = document.pieces.iter();
    shown.extend(pieces.flat_map(|piece| numbers_shown(piece, evidence)));
    let in_words = counted_in_words(document);
    binding::bind_numbers(&mut found, question, &shown, &in_words, evidence);
    found
}

/// Numbers that the running text of an answer tells in words: "a quarter", "twice", "seven".
fn counted_in_words(document: &Document<'_>) -> Vec<f64> {
    let prose = document.pieces.iter().filter_map(|piece| match piece {
        Piece::Prose(text) => Some(text),
        _ => None,
    });
    let words = prose.flat_map(|text| text.split(|c: char| !c.is_alphabetic()));
    words.filter_map(prose::number_of_word).collect()
}

/// Numbers of the sums that a piece of an answer writes out, and what expressions of constants come to.
fn numbers_shown(piece: &Piece<'_>, evidence: &EvidenceIndex) -> Vec<f64> {
    match piece {
        Piece::Span(code) => {
            let mut shown = sums::of_expression(code);
            shown.extend(constants::of_expression(code, evidence));
            shown
        }
        Piece::Block { code, .. } => sums::read(code).shown,
        Piece::Prose(_) => Vec::new(),
    }
}

pub(super) fn has_number(text: &str, evidence: &EvidenceIndex) -> bool {
    match words::number_value(text) {
        Some(value) => evidence.number(value).next().is_some(),
        None => evidence.name(text) == Support::Exact,
    }
}

pub(super) fn has_text(text: &str, evidence: &EvidenceIndex) -> bool {
    evidence.run(&words::token_hashes(text))
}

/// Whether quoted text stands in the source, or all that lies between its ellipses does.
pub(super) fn has_quote(text: &str, evidence: &EvidenceIndex) -> bool {
    let shortened = || text.replace('…', "...");
    let has = |part: &str| has_text(part, evidence);
    has(text)
        || text.contains(['…', '.']) && shortened().split("...").all(has)
        || template::is_filled(&words::token_hashes(text), evidence)
}

pub(super) fn has_file(file: &str, evidence: &EvidenceIndex) -> bool {
    let name = file.rsplit('/').next().unwrap_or(file);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let mut parts = words::each_token(stem).filter(|t| t.kind != Kind::Mark);
    parts.all(|t| evidence.name(t.text) != Support::None)
}

/// Whether a place in a text lies within a part cut from it.
pub(super) fn contains(text: &str, part: &str, at: usize) -> bool {
    let start = (part.as_ptr() as usize).wrapping_sub(text.as_ptr() as usize);
    (start..start.saturating_add(part.len())).contains(&at)
}
