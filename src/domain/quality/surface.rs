//! Faults that show on the surface of an answer, whatever the source says: refusals, talk about the prompt, placeholders, leaks,
//! open fences, a missing end, another language.
//!
//! The phrases themselves stand in `phrases`. One that the source itself contains is never held against an answer that may be quoting it.

use super::evidence::EvidenceIndex;
use super::grounding::contains;
use super::leaks;
use super::markdown::{Document, Piece};
use super::phrases::{FIRST_PERSON, MARKERS, PLACEHOLDERS, PROMPTS, REFUSALS};
use super::prose;
use super::words::{self, AsIs};
use crate::domain::failure::FailureCode;
use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::LazyLock;

/// A fault found: its code and what was found.
pub type Fault = (FailureCode, String);

/// Refusals are looked for in so many bytes only.
const REFUSAL_BYTES: usize = 300;

/// Role names with which a model plays the other side of the conversation.
const ROLES: &[&str] = &["assistant:", "user:", "human:", "question:"];

/// First fault on the surface, beyond doubt, if there is one.
pub fn fault(
    answer: &str,
    document: &Document<'_>,
    markers: &[String],
    evidence: &EvidenceIndex,
) -> Option<Fault> {
    let folded = words::folded(&[answer]);
    let plain = document.prose();
    let prose = words::folded(&[&plain]);
    leak(&folded, answer, &plain, markers, evidence)
        .or_else(|| refusal(&prose, evidence))
        .or_else(|| context_leak(&plain, &prose, evidence))
        .or_else(|| placeholder(&folded, document, evidence))
        .or_else(|| broken_fence(document))
        .or_else(|| not_explained(&prose, document))
        .or_else(|| cut_off(answer, document))
}

fn leak(
    folded: &str,
    answer: &str,
    prose: &str,
    markers: &[String],
    evidence: &EvidenceIndex,
) -> Option<Fault> {
    let own = markers
        .iter()
        .find(|m| !m.is_empty() && answer.contains(m.as_str()))
        .cloned();
    let known = || MARKERS.first(folded, evidence);
    let role = || {
        ROLES
            .iter()
            .find(|role| plays_role(prose, role))
            .map(|role| (*role).to_owned())
    };
    let found = own.or_else(known).or_else(role);
    found.map(|mark| (FailureCode::BoundaryLeak, mark))
}

fn plays_role(prose: &str, role: &str) -> bool {
    let starts = |line: &str| {
        line.get(..role.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(role))
    };
    prose
        .lines()
        .any(|line| starts(line.trim_start_matches(['*', '#', ' '])))
}

fn refusal(prose: &str, evidence: &EvidenceIndex) -> Option<Fault> {
    let end = (0..=REFUSAL_BYTES.min(prose.len()))
        .rev()
        .find(|&at| prose.is_char_boundary(at))?;
    let found = REFUSALS.first(&prose[..end], evidence);
    found.map(|phrase| (FailureCode::Refusal, phrase))
}

fn context_leak(plain: &str, folded: &str, evidence: &EvidenceIndex) -> Option<Fault> {
    let found = leaks::first(folded, evidence)
        .or_else(|| PROMPTS.first(folded, evidence))
        .or_else(|| first_person(plain, folded, evidence));
    found.map(|phrase| (FailureCode::ContextLeak, phrase))
}

/// Where an answer speaks of itself. What it quotes, such as an input, may.
fn first_person(plain: &str, folded: &str, evidence: &EvidenceIndex) -> Option<String> {
    FIRST_PERSON.first(folded, evidence)?;
    let quoted = prose::literals(plain);
    let is_own = |at: usize| !quoted.iter().any(|part| contains(plain, part, at));
    let own = plain.char_indices().filter(|(at, _)| is_own(*at));
    let own: String = own.map(|(_, character)| character).collect();
    FIRST_PERSON.first(&words::folded(&[&own]), evidence)
}

fn placeholder(folded: &str, document: &Document<'_>, evidence: &EvidenceIndex) -> Option<Fault> {
    let word = PLACEHOLDERS.first(folded, evidence);
    let found = word.or_else(|| elision(document).map(str::to_owned));
    found.map(|phrase| (FailureCode::Placeholder, phrase))
}

/// A line of prose that is only dots.
fn elision<'a>(document: &Document<'a>) -> Option<&'a str> {
    let lines = document.pieces.iter().flat_map(|piece| match piece {
        Piece::Prose(text) => text.lines(),
        _ => "".lines(),
    });
    lines
        .map(str::trim)
        .find(|line| matches!(*line, "..." | "…" | "[...]"))
}

fn broken_fence(document: &Document<'_>) -> Option<Fault> {
    let fault = (
        FailureCode::BrokenFence,
        "a code fence or backtick is not closed".to_owned(),
    );
    document.open.then_some(fault)
}

/// Fewer words than this are an answer that may do without a full stop.
const CUT_WORDS: usize = 8;

/// An answer whose last sentence is not closed was cut, whatever the server said. The last item of a list may stay open when the one before does.
fn cut_off(answer: &str, document: &Document<'_>) -> Option<Fault> {
    let Some(Piece::Prose(_) | Piece::Span(_)) = document.pieces.last() else {
        return None;
    };
    let mut lines = answer.trim_end().lines().rev().map(str::trim);
    let last = lines.next()?;
    let before = lines.find(|line| is_item(line));
    let open_style =
        is_item(last) && before.is_some_and(|item| !item.ends_with(['.', ';', ',', '!', '?']));
    let short = answer.split_whitespace().count() < CUT_WORDS;
    let fault = (FailureCode::CutOff, tail(last));
    let trails_off = last.ends_with("...") || last.ends_with('…');
    let is_whole = is_closed(last) && !trails_off || short || open_style && !is_torn(last);
    (!is_whole).then_some(fault)
}

/// Whether an item or a row ends inside a row, a bracket or bold type.
fn is_torn(line: &str) -> bool {
    let count = |mark: &str| line.matches(mark).count();
    line.starts_with('|') && !line.ends_with('|') || count("(") > count(")") || count("**") % 2 == 1
}

fn is_closed(line: &str) -> bool {
    let bare = line.trim_end_matches(['"', '\'', ')', ']', '*', '_', '`', '”', '’', '»']);
    bare.ends_with(['.', '!', '?', '…', '。'])
}

/// Whether a line is an item of a list, a heading or a row of a table.
fn is_item(line: &str) -> bool {
    let after_number = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let numbered = after_number.len() < line.len()
        && (after_number.starts_with(". ") || after_number.starts_with(") "));
    numbered
        || line.starts_with(['|', '#', '>'])
        || ["- ", "* ", "+ ", "• "]
            .iter()
            .any(|mark| line.starts_with(mark))
}

fn tail(text: &str) -> String {
    let start = text.char_indices().rev().nth(40).map_or(0, |(at, _)| at);
    format!("ends with \"{}\"", &text[start..])
}

/// The commonest words of languages that models drift into; English stands first.
const STOP_WORDS: [&[&str]; 7] = [
    &[
        "the", "and", "is", "of", "to", "in", "that", "it", "for", "a", "an", "with", "as", "by",
        "this", "be", "are", "not", "if", "on", "or",
    ],
    &[
        "der", "die", "das", "und", "ist", "nicht", "ein", "eine", "wird", "mit", "von", "den",
        "dem", "zu", "auf", "für", "wenn", "werden",
    ],
    &[
        "le", "la", "les", "et", "est", "une", "des", "que", "pour", "dans", "avec", "qui", "sur",
        "pas", "du", "au", "cette", "sont",
    ],
    &[
        "el", "la", "los", "las", "que", "es", "una", "para", "con", "por", "se", "del", "como",
        "está", "si", "cuando", "esta",
    ],
    &[
        "il", "lo", "gli", "che", "è", "una", "per", "con", "non", "del", "della", "sono", "viene",
        "questo", "se", "quando",
    ],
    &[
        "o", "os", "as", "que", "é", "uma", "para", "com", "não", "do", "da", "em", "se", "quando",
        "está", "isso",
    ],
    &[
        "de", "het", "een", "en", "is", "van", "niet", "wordt", "met", "voor", "op", "dat", "als",
        "zijn",
    ],
];

/// Which languages have a word, by its hash: a bit for each.
static LANGUAGES: LazyLock<HashMap<u64, u8, BuildHasherDefault<AsIs>>> = LazyLock::new(|| {
    let mut languages = HashMap::default();
    for (nth, words) in STOP_WORDS.iter().enumerate() {
        for word in *words {
            *languages.entry(words::hash(word)).or_default() |= 1 << nth;
        }
    }
    languages
});

/// Prose this long is told from code and from lists by its English; in 400 true answers a fifth of the words and more are among the commonest.
const TOLD_WORDS_MIN: usize = 12;
const COMMON_SHARE_MIN: f64 = 1.0 / 7.0;

/// What the words of a prose are.
#[derive(Default)]
struct Wordage {
    words: usize,
    letters: usize,
    foreign_letters: usize,
    /// Of the commonest words of each language.
    common: [usize; STOP_WORDS.len()],
}

impl Wordage {
    fn of(prose: &str) -> Self {
        let mut wordage = Wordage::default();
        let cut = prose.split(|c: char| !c.is_alphabetic());
        cut.filter(|word| !word.is_empty())
            .for_each(|word| wordage.add(word));
        wordage
    }

    fn add(&mut self, word: &str) {
        self.words += 1;
        self.letters += word.chars().count();
        self.foreign_letters += word.chars().filter(|c| u32::from(*c) > 0x024F).count();
        let languages = LANGUAGES.get(&words::hash(word)).copied().unwrap_or(0);
        for (nth, count) in self.common.iter_mut().enumerate() {
            *count += usize::from(languages >> nth & 1);
        }
    }

    fn is_foreign(&self) -> bool {
        let has_drifted = |count: &usize| *count > 2 * self.common[0] + 2;
        let drifted = self.words >= 20 && self.common[1..].iter().any(has_drifted);
        self.foreign_letters * 10 > self.letters * 3 || drifted
    }

    fn is_told(&self) -> bool {
        self.words < TOLD_WORDS_MIN || self.common[0] as f64 >= COMMON_SHARE_MIN * self.words as f64
    }
}

/// An answer in another language, or none in words: code, fenced or not, explains nothing.
fn not_explained(prose: &str, document: &Document<'_>) -> Option<Fault> {
    let wordage = Wordage::of(prose);
    let is_block = |piece: &Piece<'_>| matches!(piece, Piece::Block { .. });
    let is_bare = wordage.common[0] == 0 && document.pieces.iter().any(is_block);
    if wordage.is_foreign() {
        let found = "the prose is not English".to_owned();
        Some((FailureCode::WrongLanguage, found))
    } else if is_bare || !wordage.is_told() {
        let found = format!("{} words beside its code", wordage.words);
        Some((FailureCode::NoProse, found))
    } else {
        None
    }
}
