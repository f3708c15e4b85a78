//! Groundedness: what an answer names must be there.
//!
//! Owns the extraction of mentions (names, numbers, quotations, paths, line references) and the share of them that the evidence
//! bears out. Ordinary English is never asked for evidence; neither are keywords and everyday library names.

use super::evidence::{EvidenceIndex, Support};
use super::markdown::{Document, Piece};
use super::vocabulary;
use super::words::{self, Kind, Token};
use std::collections::{HashMap, HashSet};

/// What kind of thing is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sort {
    /// An identifier in code.
    Name,
    /// An identifier in prose, known by its shape.
    ProseName,
    /// A number.
    Number,
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
    /// Which sentence it stands in, from 0.
    pub sentence: usize,
}

/// A number this many lines from a name of its sentence still belongs to it.
const NEAR_LINES: u32 = 6;
/// Support of a number that is in the source, but nowhere near what its sentence is about.
const FAR_SUPPORT: f64 = 0.5;
/// Support of a name in another spelling.
const FOLDED_SUPPORT: f64 = 0.8;

/// Reads the mentions of an answer, each once a sentence at most, and looks each up.
pub fn mentions<'a>(document: &Document<'a>, question: &str, evidence: &EvidenceIndex) -> Vec<Mention<'a>> {
    let asked = words::tokens(question).iter().map(|t| words::hash(t.text)).collect();
    let mut reader = Reader { asked, evidence, sentence: 0, found: Vec::new() };
    for piece in &document.pieces {
        match piece {
            Piece::Prose(text) => reader.prose(text),
            Piece::Span(code) => reader.code(code),
            Piece::Block { code, .. } => reader.block(code),
        }
    }
    reader.bind_numbers();
    reader.found
}

struct Reader<'a, 'e> {
    asked: HashSet<u64>,
    evidence: &'e EvidenceIndex,
    sentence: usize,
    found: Vec<Mention<'a>>,
}

impl<'a> Reader<'a, '_> {
    fn block(&mut self, code: &'a str) {
        for line in code.lines() {
            self.sentence += 1;
            self.code(line);
        }
        self.sentence += 1;
    }

    fn code(&mut self, code: &'a str) {
        for token in words::tokens(code) {
            match token.kind {
                Kind::Name => self.name(token.text, Sort::Name),
                Kind::Number => self.number(token.text),
                Kind::Mark => {}
            }
        }
    }

    fn prose(&mut self, text: &'a str) {
        for quote in quotations(text) {
            self.add(quote, Sort::Quote, quote_support(quote, self.evidence));
        }
        let quoted = quotations(text);
        let within = |t: &Token<'_>| quoted.iter().any(|q| contains(text, q, t.start));
        let tokens = words::tokens(text);
        for (i, token) in tokens.iter().enumerate() {
            match token.kind {
                Kind::Number => self.number(token.text),
                Kind::Name if words::looks_like_code(token.text) || is_call(&tokens[i..]) => {
                    if !within(token) { self.name(token.text, Sort::ProseName) }
                }
                Kind::Mark if ends_sentence(text, token) => self.sentence += 1,
                _ => {}
            }
        }
    }

    fn name(&mut self, name: &'a str, sort: Sort) {
        if name.chars().count() < 2 || vocabulary::is_known(name) {
            return;
        }
        let support = match self.evidence.name(name) {
            Support::Exact => 1.0,
            Support::Folded => FOLDED_SUPPORT,
            Support::None => 0.0,
        };
        self.add(name, sort, support);
    }

    fn number(&mut self, text: &'a str) {
        let there = match words::number_value(text) {
            Some(value) => !self.evidence.number(value).is_empty(),
            None => self.evidence.name(text) == Support::Exact,
        };
        self.add(text, Sort::Number, f64::from(u8::from(there)));
    }

    fn add(&mut self, text: &'a str, sort: Sort, support: f64) {
        let again = |m: &Mention<'_>| m.text == text && m.sort == sort && m.sentence == self.sentence;
        if self.found.iter().rev().any(again) {
            return;
        }
        let asked = words::tokens(text).iter().all(|t| self.asked.contains(&words::hash(t.text)));
        let sentence = self.sentence;
        self.found.push(Mention { text, sort, support, asked, sentence });
    }

    /// Lowers the support of numbers that stand in the source, but far from every name their sentence mentions.
    fn bind_numbers(&mut self) {
        let lines_by_sentence = self.lines_by_sentence();
        for mention in self.found.iter_mut().filter(|m| m.sort == Sort::Number) {
            let Some(value) = words::number_value(mention.text) else { continue };
            let Some(anchors) = lines_by_sentence.get(&mention.sentence) else { continue };
            let near = |line: &u32| anchors.iter().any(|anchor| anchor.abs_diff(*line) <= NEAR_LINES);
            if !self.evidence.number(value).iter().any(near) {
                mention.support = mention.support.min(FAR_SUPPORT);
            }
        }
    }

    fn lines_by_sentence(&self) -> HashMap<usize, Vec<u32>> {
        let mut lines: HashMap<usize, Vec<u32>> = HashMap::new();
        for mention in self.found.iter().filter(|m| matches!(m.sort, Sort::Name | Sort::ProseName)) {
            let places = self.evidence.lines_of(words::hash(mention.text));
            lines.entry(mention.sentence).or_default().extend(places);
        }
        lines.retain(|_, places| !places.is_empty());
        lines
    }
}

/// Whether a place in a text lies within a part of it.
fn contains(text: &str, part: &str, at: usize) -> bool {
    let start = part.as_ptr() as usize - text.as_ptr() as usize;
    (start..start + part.len()).contains(&at)
}

/// A full stop or its like before white space, or a line's end.
fn ends_sentence(text: &str, token: &Token<'_>) -> bool {
    let follows = text[token.end()..].chars().next();
    matches!(token.text, "." | "!" | "?" | ";") && follows.is_none_or(char::is_whitespace)
}

fn is_call(tokens: &[Token<'_>]) -> bool {
    let [name, open, ..] = tokens else { return false };
    open.text == "(" && open.start == name.end() && tokens.get(2).is_some_and(|t| t.text == ")")
}

/// Texts between straight or curly double quotes, on one line, not empty.
fn quotations(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for line in text.lines() {
        let mut marks = line.match_indices(['"', '“', '”']);
        while let (Some((open, mark)), Some((close, _))) = (marks.next(), marks.next()) {
            let inner = &line[open + mark.len()..close];
            if !inner.trim().is_empty() {
                found.push(inner);
            }
        }
    }
    found
}

fn quote_support(quote: &str, evidence: &EvidenceIndex) -> f64 {
    let hashes: Vec<u64> = words::tokens(quote).iter().map(|t| words::hash(t.text)).collect();
    f64::from(u8::from(evidence.run(&hashes)))
}
