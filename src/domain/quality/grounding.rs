//! Groundedness: what an answer names must be there.
//!
//! Owns the extraction of mentions (names, numbers, quotations, files, line references) and how far the evidence bears each out.
//! Ordinary English is never asked for evidence; neither are keywords and everyday library names.

use super::evidence::{EvidenceIndex, Support};
use super::markdown::{Document, Piece};
use super::prose::{self, DOUBLE_QUOTES};
use super::vocabulary;
use super::words::{self, HashedSet, Kind, Token};
use std::collections::HashMap;

/// What kind of thing is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sort {
    /// An identifier: in code, or in prose by its shape.
    Name,
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
    /// Which sentence it stands in, from 0.
    sentence: usize,
}

/// Support of a name that the evidence has in another spelling only.
const FOLDED_SUPPORT: f64 = 0.8;

/// Support of a number that stands this many lines from the nearest name of its sentence. In true answers nine numbers in ten that the
/// source has stand within one line of such a name; of numbers changed at random that the source also has, fewer than half.
fn near_support(lines: u32) -> f64 {
    match lines {
        0..=1 => 1.0,
        2..=3 => 0.8,
        4..=6 => 0.5,
        _ => 0.3,
    }
}

/// Reads the mentions of an answer, each once a sentence at most, and looks each up.
pub fn mentions<'a>(
    document: &Document<'a>,
    question: &str,
    evidence: &EvidenceIndex,
) -> Vec<Mention<'a>> {
    let asked = words::tokens(question)
        .iter()
        .map(|t| words::hash(t.text))
        .collect();
    let mut reader = Reader {
        asked,
        evidence,
        sentence: 0,
        found: Vec::new(),
    };
    for piece in &document.pieces {
        match piece {
            Piece::Prose(text) => reader.prose(text),
            Piece::Span(code) => reader.code(code, |_, _| true),
            Piece::Block { code, .. } => reader.block(code),
        }
    }
    bind_numbers(&mut reader.found, evidence);
    reader.found
}

/// Whether the question brings input of its own, a number or quoted text that the source has not: then an answer may derive values from it.
pub fn brings_input(question: &str, evidence: &EvidenceIndex) -> bool {
    let tokens = words::tokens(question);
    let mut numbers = tokens.iter().filter(|t| t.kind == Kind::Number);
    let quotes = prose::literals(question);
    numbers.any(|t| !has_number(t.text, evidence))
        || quotes.iter().any(|quote| !has_text(quote, evidence))
}

fn has_number(text: &str, evidence: &EvidenceIndex) -> bool {
    match words::number_value(text) {
        Some(value) => evidence.number(value).next().is_some(),
        None => evidence.name(text) == Support::Exact,
    }
}

fn has_text(text: &str, evidence: &EvidenceIndex) -> bool {
    let hashes: Vec<u64> = words::tokens(text)
        .iter()
        .map(|t| words::hash(t.text))
        .collect();
    evidence.run(&hashes)
}

fn has_file(file: &str, evidence: &EvidenceIndex) -> bool {
    let name = file.rsplit('/').next().unwrap_or(file);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let mut parts = words::tokens(stem)
        .into_iter()
        .filter(|t| t.kind != Kind::Mark);
    parts.all(|t| evidence.name(t.text) != Support::None)
}

/// Whether a name is called (`name(`) or is a member (`.name`, `::name`, `->name`).
fn reaches(tokens: &[Token<'_>], at: usize) -> bool {
    let called = tokens.get(at + 1).is_some_and(|t| t.text == "(");
    let before = at.checked_sub(1).map(|i| tokens[i].text);
    called || matches!(before, Some("." | "::" | "->"))
}

fn unit(is_there: bool) -> f64 {
    f64::from(u8::from(is_there))
}

struct Reader<'a, 'e> {
    asked: HashedSet,
    evidence: &'e EvidenceIndex,
    sentence: usize,
    found: Vec<Mention<'a>>,
}

impl<'a> Reader<'a, '_> {
    /// Of code that is mostly its own, such as a usage example, only what a line calls or reaches into is a claim; its variables are not.
    fn block(&mut self, code: &'a str) {
        let quoted = code
            .lines()
            .filter(|line| has_text(line, self.evidence))
            .count();
        let is_quotation = 2 * quoted >= code.lines().count();
        for line in code.lines() {
            self.sentence += 1;
            self.code(line, |tokens, at| is_quotation || reaches(tokens, at));
        }
        self.sentence += 1;
    }

    fn code(&mut self, code: &'a str, claims: impl Fn(&[Token<'a>], usize) -> bool) {
        let literals = prose::literals(code);
        for literal in &literals {
            self.add(literal, Sort::Quote, unit(has_text(literal, self.evidence)));
        }
        let tokens = words::tokens(code);
        for (at, token) in tokens.iter().enumerate() {
            let literal = literals
                .iter()
                .any(|part| contains(code, part, token.start));
            match token.kind {
                Kind::Name if !literal && claims(&tokens, at) => self.name(token.text),
                Kind::Number if !literal => self.number(token.text),
                _ => {}
            }
        }
    }

    fn prose(&mut self, text: &'a str) {
        let quotes = prose::quotations(text, &DOUBLE_QUOTES);
        for quote in &quotes {
            self.add(quote, Sort::Quote, unit(has_text(quote, self.evidence)));
        }
        let files = prose::files(text);
        for file in &files {
            self.add(file, Sort::File, unit(has_file(file, self.evidence)));
        }
        let told = [quotes, files].concat();
        let tokens = words::tokens(text);
        for at in 0..tokens.len() {
            self.prose_token(text, &tokens, at, &told);
        }
    }

    /// Names inside quotations and file names were looked up with these.
    fn prose_token(&mut self, text: &'a str, tokens: &[Token<'a>], at: usize, told: &[&str]) {
        let token = tokens[at];
        let coded = || words::looks_like_code(token.text) || prose::is_call(&tokens[at..]);
        match token.kind {
            Kind::Number if prose::is_line_number(tokens, at) => self.line_number(token.text),
            Kind::Number => self.number(token.text),
            Kind::Name if coded() && !told.iter().any(|part| contains(text, part, token.start)) => {
                self.name(token.text)
            }
            Kind::Mark if prose::ends_sentence(text, &token) => self.sentence += 1,
            _ => {}
        }
    }

    fn name(&mut self, name: &'a str) {
        if name.chars().nth(1).is_none() || vocabulary::is_known(name) {
            return;
        }
        let support = match self.evidence.name(name) {
            Support::Exact => 1.0,
            Support::Folded => FOLDED_SUPPORT,
            Support::None => 0.0,
        };
        self.add(name, Sort::Name, support);
    }

    fn number(&mut self, text: &'a str) {
        self.add(text, Sort::Number, unit(has_number(text, self.evidence)));
    }

    /// A line number must lie in the chunk.
    fn line_number(&mut self, text: &'a str) {
        let inside = text.parse().is_ok_and(|line| self.evidence.has_line(line));
        self.add(text, Sort::Line, unit(inside));
    }

    fn add(&mut self, text: &'a str, sort: Sort, support: f64) {
        let sentence = self.sentence;
        let mut same_sentence = self
            .found
            .iter()
            .rev()
            .take_while(|m| m.sentence == sentence);
        if same_sentence.any(|m| m.text == text && m.sort == sort) {
            return;
        }
        let asked = words::tokens(text)
            .iter()
            .all(|t| self.asked.contains(&words::hash(t.text)));
        self.found.push(Mention {
            text,
            sort,
            support,
            asked,
            sentence,
        });
    }
}

/// Whether a place in a text lies within a part cut from it.
fn contains(text: &str, part: &str, at: usize) -> bool {
    let start = (part.as_ptr() as usize).wrapping_sub(text.as_ptr() as usize);
    (start..start.saturating_add(part.len())).contains(&at)
}

/// Sets the support of every number by how near it stands, in the source, to the names of its sentence or of the one before.
fn bind_numbers(found: &mut [Mention<'_>], evidence: &EvidenceIndex) {
    let anchors = lines_by_sentence(found, evidence);
    for mention in found.iter_mut().filter(|m| m.sort == Sort::Number) {
        let Some(value) = words::number_value(mention.text) else {
            continue;
        };
        let before = mention
            .sentence
            .checked_sub(1)
            .and_then(|s| anchors.get(&s));
        if let Some(lines) = anchors.get(&mention.sentence).or(before) {
            let distances = evidence.number(value).map(|line| distance(lines, line));
            mention.support = distances.min().map_or(0.0, near_support);
        }
    }
}

/// Sorted lines where the names of each sentence stand; sentences without such names are left out.
fn lines_by_sentence(found: &[Mention<'_>], evidence: &EvidenceIndex) -> HashMap<usize, Vec<u32>> {
    let mut lines: HashMap<usize, Vec<u32>> = HashMap::new();
    for mention in found
        .iter()
        .filter(|m| m.sort == Sort::Name && m.support > 0.0)
    {
        let places = evidence.lines_of(words::hash(mention.text));
        lines.entry(mention.sentence).or_default().extend(places);
    }
    lines.retain(|_, places| !places.is_empty());
    lines.values_mut().for_each(|places| places.sort_unstable());
    lines
}

/// Distance from a line to the nearest of the sorted ones.
fn distance(sorted: &[u32], line: u32) -> u32 {
    let at = sorted.partition_point(|&other| other < line);
    let neighbours = [at.checked_sub(1), Some(at)]
        .into_iter()
        .flatten()
        .filter_map(|i| sorted.get(i));
    neighbours
        .map(|other| other.abs_diff(line))
        .min()
        .unwrap_or(u32::MAX)
}
