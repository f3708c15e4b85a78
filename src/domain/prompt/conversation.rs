//! Conversations: what was said, and what is asked next.

use super::dice::Dice;
use super::kind::QuestionKind;
use sha2::{Digest, Sha256};

/// A question and its answer in a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// The user's turn.
    pub question: String,
    /// The assistant's turn.
    pub answer: String,
}

/// Kinds that come naturally after an answer: its reason, its limits, its use. A false premise would cast doubt on what was just said.
const FOLLOWING: [QuestionKind; 7] = [
    QuestionKind::Why,
    QuestionKind::EdgeCase,
    QuestionKind::How,
    QuestionKind::ApiUse,
    QuestionKind::Debugging,
    QuestionKind::CallTrace,
    QuestionKind::Where,
];

/// The kind of the next question after questions of these kinds: drawn by the first question, and one that was not asked yet.
pub fn follow_up_kind(first_question: &str, asked: &[QuestionKind]) -> QuestionKind {
    let mut kinds = FOLLOWING;
    let digest = Sha256::digest(first_question);
    let seed = digest
        .iter()
        .take(8)
        .fold(0, |seed, &byte| seed << 8 | u64::from(byte));
    Dice::new(seed).shuffle(&mut kinds);
    let new = kinds.iter().find(|kind| !asked.contains(kind));
    new.copied().unwrap_or(kinds[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_asks_something_else_each_time() {
        let mut asked = vec![QuestionKind::How];
        for _ in 0..5 {
            let next = follow_up_kind("How does `load` work?", &asked);
            assert!(!asked.contains(&next), "{asked:?} {next}");
            assert_eq!(next, follow_up_kind("How does `load` work?", &asked));
            asked.push(next);
        }
        let firsts = ["a?", "b?", "c?", "d?", "e?", "f?"];
        let kinds = firsts.map(|first| follow_up_kind(first, &[]));
        assert!(kinds.iter().any(|kind| *kind != kinds[0]));
    }
}
