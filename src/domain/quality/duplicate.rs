//! Whether a sample repeats another one.
//!
//! Answers repeat one another when their words are the same or nearly so. Questions must also be about the same names: two long questions
//! that differ in the one function they ask about share most of their 5-grams and are not the same question.

use super::fingerprint::{self, DUPLICATE_SIMILARITY};
use super::prose;
use super::words;
use crate::domain::failure::FailureCode;

/// One shared key of so much weight, or several that come to it, make two samples worth comparing.
pub const NEAR_WEIGHT: usize = 2;

/// What a shared key weighs, by its place among a sample's keys. One band in common says little.
pub fn key_weight(place: usize) -> usize {
    if place < EXACT_KEYS { NEAR_WEIGHT } else { 1 }
}

/// Keys of the question's subject, the question and the answer, which come before the bands.
const EXACT_KEYS: usize = 3;

/// What of a sample is compared with others.
#[derive(Debug, Clone, PartialEq)]
pub struct Fingerprint {
    question: u64,
    subject: u64,
    question_shingles: Vec<u64>,
    answer: u64,
    answer_shingles: Vec<u64>,
}

impl Fingerprint {
    /// Of a sample's first question and its answers.
    pub fn of(question: &str, answer: &str) -> Self {
        let (asked, said) = (words::plain_words(question), words::plain_words(answer));
        Fingerprint {
            question: fingerprint::exact(&asked),
            subject: subject(question),
            question_shingles: fingerprint::shingles(&asked),
            answer: fingerprint::exact(&said),
            answer_shingles: fingerprint::shingles(&said),
        }
    }

    /// Keys by which samples worth comparing are found: see [`key_weight`]. Others hardly ever repeat one another.
    pub fn keys(&self) -> Vec<u64> {
        let bands = fingerprint::Signature::of(&self.answer_shingles).bands();
        let exact: [u64; EXACT_KEYS] = [self.subject, self.question, self.answer];
        [&exact, &bands[..]].concat()
    }

    /// In what this sample repeats the other one, if it does.
    pub fn repeats(&self, other: &Fingerprint) -> Option<FailureCode> {
        let alike = |a: &[u64], b: &[u64]| fingerprint::jaccard(a, b) >= DUPLICATE_SIMILARITY;
        let same_question = self.question == other.question
            || self.subject == other.subject
                && alike(&self.question_shingles, &other.question_shingles);
        if same_question {
            return Some(FailureCode::QuestionDuplicate);
        }
        let same_answer =
            self.answer == other.answer || alike(&self.answer_shingles, &other.answer_shingles);
        same_answer.then_some(FailureCode::AnswerDuplicate)
    }
}

/// What a question is about, whatever else it says: its names, numbers, files and quoted code, in any order. A question without any is
/// about its own words.
fn subject(question: &str) -> u64 {
    let quoted = prose::quotations(question, &['`']);
    let names = question
        .split(|c: char| !words::is_word(c))
        .filter(|word| words::looks_like_code(word) || word.contains(|c: char| c.is_ascii_digit()));
    let named = [quoted, prose::files(question), names.collect()].concat();
    let mut named: Vec<u64> = named.into_iter().flat_map(words::plain_words).collect();
    named.sort_unstable();
    named.dedup();
    if named.is_empty() {
        return fingerprint::exact(&words::plain_words(question));
    }
    words::sequence(&named)
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUESTION: &str = "In the ripgrep project, how does the function `search_path` in crates/core/search.rs decide what to do with a \
        file that turns out to be binary after some of its lines have been printed already?";
    const ANSWER: &str = "It stops reading, prints a note that the binary file matches, and returns the matches so far, since a NUL byte \
        after the first buffer means that the rest of the file is no text that anybody wants to see on a terminal.";

    fn code(question: &str, answer: &str) -> Option<FailureCode> {
        let (one, other) = (
            Fingerprint::of(QUESTION, ANSWER),
            Fingerprint::of(question, answer),
        );
        let code = other.repeats(&one);
        assert_eq!(one.repeats(&other), code);
        let shared = one.keys().into_iter().zip(other.keys()).enumerate();
        let shared = shared.filter(|(_, (a, b))| a == b);
        let weight: usize = shared.map(|(place, _)| key_weight(place)).sum();
        assert!(code.is_none() || weight >= NEAR_WEIGHT, "{question}");
        code
    }

    #[test]
    fn questions_repeat_when_they_ask_the_same_of_the_same_names() {
        let other =
            "The gate is asked for a slot, and the request waits in line until one is free again.";
        let repeated = Some(FailureCode::QuestionDuplicate);
        assert_eq!(
            code(&QUESTION.to_uppercase().replace(',', ""), other),
            repeated
        );
        assert_eq!(code(&QUESTION.replace("decide", "know"), other), repeated);
        assert_eq!(
            code(&QUESTION.replace("search_path", "search_stdin"), other),
            None
        );
        assert_eq!(code(&QUESTION.replace("search.rs", "main.rs"), other), None);
        assert_eq!(
            code("What is `search_path` in crates/core/search.rs for?", other),
            None
        );
    }

    #[test]
    fn answers_repeat_when_their_words_do() {
        let other = "What happens in `Gate::enter` once every slot is taken?";
        let repeated = Some(FailureCode::AnswerDuplicate);
        assert_eq!(
            code(other, &ANSWER.replace("so far", "until then")),
            repeated
        );
        assert_eq!(code(other, &ANSWER[..ANSWER.len() / 3]), None);
        let scattered = ANSWER
            .replace("the", "this")
            .replace("of", "in")
            .replace("that", "which");
        assert_eq!(code(other, &scattered), None);
    }
}
