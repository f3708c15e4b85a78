//! One answer, read once: what it names and how it quotes, from which come its score, its verdict and the lines it rests on.
//!
//! Owns the verdict and the flags. What the parts of a score are is `score`'s.

use super::citing;
use super::elsewhere::Elsewhere;
use super::evidence::EvidenceIndex;
use super::grounding::{self, Mention};
use super::markdown::Document;
use super::quoting::{self, Quoting};
use super::score::{self, Subject};
use super::sums;
use super::worked;
use super::{Parts, Rejection, Score};
use crate::domain::failure::FailureCode;
use std::ops::RangeInclusive;

/// Most flags kept, and most characters of the text in one.
const FLAGS_MAX: usize = 12;
const FLAG_CHARS_MAX: usize = 80;

/// An answer that was read against its evidence.
#[derive(Debug)]
pub struct Examined<'a> {
    question: &'a str,
    answer: &'a str,
    document: Document<'a>,
    evidence: &'a EvidenceIndex,
    mentions: Vec<Mention<'a>>,
    quoting: Quoting,
    brings_input: bool,
    /// Of the question's inputs, how many it takes up.
    inputs_taken: usize,
}

impl<'a> Examined<'a> {
    /// Reads an answer, whose pieces are `document`, without refusing it.
    pub fn of(
        question: &'a str,
        answer: &'a str,
        document: Document<'a>,
        evidence: &'a EvidenceIndex,
    ) -> Self {
        let text = document.running_text();
        let sums = sums::read(&text);
        let inputs = worked::inputs(question, evidence);
        let brings_input = worked::asks_for_one(question, &inputs, evidence);
        Examined {
            mentions: grounding::mentions(&document, question, &inputs, &sums, evidence),
            quoting: quoting::compare(&document, question, brings_input, &sums, evidence),
            question,
            answer,
            document,
            evidence,
            brings_input,
            inputs_taken: worked::taken_up(&inputs, answer),
        }
    }

    /// Whether it has a name or a file without evidence: then the rest of the repository may change its score.
    pub fn wants_elsewhere(&self) -> bool {
        self.mentions.iter().any(Mention::is_unknown_name)
    }

    /// Looks up what has no evidence in the rest of the repository.
    pub fn look_up(&mut self, elsewhere: &Elsewhere) {
        elsewhere.mark(&mut self.mentions);
    }

    /// Its score, whatever that is.
    pub fn score(&self) -> Score {
        let unparsable = score::unparsable(&self.document, self.evidence);
        let subject = Subject {
            question: self.question,
            answer: self.answer,
            mentions: &self.mentions,
            quoting: &self.quoting,
            evidence: self.evidence,
            brings_input: self.brings_input,
            inputs_taken: self.inputs_taken,
            unparsable: unparsable.len(),
        };
        let parts = subject.measure();
        let mut flags = flags(&self.mentions, &self.quoting);
        let broken = unparsable.iter();
        flags.extend(broken.map(|code| flag("does not parse", code)));
        flags.extend(habits(&parts));
        Score {
            value: parts.value(),
            parts,
            flags,
        }
    }

    /// Its score, if that is good enough.
    ///
    /// # Errors
    /// A [`Rejection`] when it scores below `min_score`.
    pub fn verdict(&self, min_score: f64) -> Result<Score, Rejection> {
        let score = self.score();
        if score.value < min_score {
            return Err(below(score, min_score));
        }
        Ok(score)
    }

    /// Lines of the source file, from 1, on which it rests: ascending ranges; none where nothing of the chunk is named.
    pub fn evidence_lines(&self) -> Vec<RangeInclusive<u32>> {
        citing::evidence_lines(&self.document, &self.mentions, self.evidence)
    }
}

/// What is wrong with an answer as a whole.
fn habits(parts: &Parts) -> impl Iterator<Item = String> {
    let habits = [
        ("strays from the source", parts.focus),
        ("repeats itself", parts.freshness),
        ("mostly copied", parts.originality),
    ];
    let bad = habits.into_iter().filter(|(_, part)| *part < 1.0);
    bad.map(|(what, _)| what.to_owned())
}

/// A text that was found, on one line and not too long.
fn flag(what: &str, text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    let shown: String = line.chars().take(FLAG_CHARS_MAX).collect();
    format!("{what}: {shown}")
}

fn flags(mentions: &[Mention<'_>], quoting: &Quoting) -> Vec<String> {
    let unknown = mentions
        .iter()
        .filter(|m| m.support <= grounding::UNKNOWN_SUPPORT && !m.asked && !m.elsewhere)
        .map(|m| ("no evidence", m.text));
    let elsewhere = mentions
        .iter()
        .filter(|m| m.elsewhere)
        .map(|m| ("only elsewhere in the repository", m.text));
    let quoted = [
        ("altered quotation", &quoting.altered),
        ("differs from the source", &quoting.differing),
        ("has another value", &quoting.misvalued),
        ("does not come out", &quoting.miscounted),
    ];
    let misquoted = quoted
        .iter()
        .flat_map(|(what, texts)| texts.iter().map(|text| (*what, text.as_str())));
    let mut flags: Vec<String> = Vec::new();
    for (what, text) in unknown.chain(misquoted).chain(elsewhere) {
        let flag = flag(what, text);
        if flags.len() < FLAGS_MAX && !flags.contains(&flag) {
            flags.push(flag);
        }
    }
    flags
}

/// The reason is named after the part that cost most.
fn below(score: Score, least: f64) -> Rejection {
    let parts = score.parts.all();
    let worst = parts
        .iter()
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .map_or("", |part| part.0);
    let code = match worst {
        "names" | "values" | "quotes" | "substance" | "focus" => FailureCode::Ungrounded,
        "syntax" => FailureCode::CodeUnparsable,
        "freshness" => FailureCode::Repetition,
        "originality" => FailureCode::VerbatimCopy,
        _ => FailureCode::BelowMinScore,
    };
    let detail = format!(
        "score {:.2} below {least}, mostly for its {worst}; {}",
        score.value,
        score.flags.join("; ")
    );
    Rejection {
        code,
        detail,
        score: Some(Box::new(score)),
    }
}
