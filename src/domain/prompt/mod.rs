//! What models are asked, and how their replies are read.
//!
//! Owns every prompt text (`texts`), the prefix that all calls of a chunk share ([`Source`]), the plan of which questions to ask
//! ([`Plan`]), and the rules that a question must meet. It must not send anything, nor judge answers (see `quality`).
//!
//! All calls of a chunk begin with the same bytes, system text included, and differ only after them: servers that cache prompt
//! prefixes read the source once.

mod conversation;
mod dice;
mod kind;
mod mend;
mod plan;
mod prefix;
mod questions;
mod standalone;
mod tasks;
mod texts;
mod worth;

pub use conversation::{Exchange, follow_up_kind};
pub use kind::QuestionKind;
pub use mend::{Anchors, slot_of};
pub use plan::{Asked, Ground, Matter, Plan, Slot};
pub use prefix::{Prefix, Prompt, Source, readme_head};
pub use questions::{
    Author, NoQuestions, PlannedQuestion, parse_question, parse_questions, questions_schema,
};
pub use standalone::{Flaw, Names, follow_up_is_clear, question_stands_alone};
pub use tasks::Tasks;
pub use worth::worth_asking;

use std::sync::LazyLock;

use sha2::{Digest, Sha256};

/// The version of all prompt texts: the first 12 hexadecimal digits of the SHA-256 of the file they stand in. Recorded in every row.
pub fn version() -> &'static str {
    static VERSION: LazyLock<String> =
        LazyLock::new(|| hex(include_str!("texts.rs").as_bytes(), 6));
    &VERSION
}

/// Sentences of the prompts that are the same in every one: of six words or more, without holes. Shorter ones anybody may
/// write.
pub fn sentences() -> impl Iterator<Item = &'static str> {
    const WORDS_MIN: usize = 6;
    let texts = [
        texts::SYSTEM,
        texts::QUESTIONS,
        texts::REPAIR,
        texts::ANSWER_RULES,
    ];
    let sentences = texts
        .into_iter()
        .flat_map(|text| text.split(['.', ':', '\n']));
    let bare = sentences.map(|sentence| sentence.trim_matches(|c: char| !c.is_alphanumeric()));
    bare.filter(|sentence| {
        !sentence.contains(['{', '}']) && sentence.split(' ').count() >= WORDS_MIN
    })
}

/// The first `bytes` bytes of a SHA-256, in hexadecimal.
fn hex(data: &[u8], bytes: usize) -> String {
    let digest = Sha256::digest(data);
    digest
        .iter()
        .take(bytes)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Fills the holes of a template in one pass, so that a value that itself holds `{a_hole}` stays as it is.
fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(template.len() + 64);
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        filled.push_str(&rest[..open]);
        rest = &rest[open..];
        let value = rest.find('}').and_then(|close| {
            let known = values.iter().find(|(name, _)| *name == &rest[1..close]);
            known.map(|(_, value)| (close, value))
        });
        match value {
            Some((close, value)) => {
                filled.push_str(value);
                rest = &rest[close + 1..];
            }
            None => {
                filled.push('{');
                rest = &rest[1..];
            }
        }
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_filled_once_and_braces_of_json_stay() {
        let values = [("a", "{b}"), ("b", "no")];
        assert_eq!(
            fill(r#"{"x": [{a}]} {c} {"#, &values),
            r#"{"x": [{b}]} {c} {"#
        );
    }

    #[test]
    fn the_version_is_the_hash_of_the_texts() {
        assert_eq!(version().len(), 12);
        assert_eq!(version(), hex(include_bytes!("texts.rs"), 6));
    }
}
