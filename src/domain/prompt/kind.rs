//! The kinds of questions.

use std::fmt;
use std::str::FromStr;

use super::texts::HINTS;

/// What a question is after. The first four are what people ask about repositories (SWE-QA's taxonomy), the others what they
/// need beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum QuestionKind {
    /// A mechanism.
    How,
    /// A place.
    Where,
    /// A reason.
    Why,
    /// A meaning.
    What,
    /// Using it.
    ApiUse,
    /// One concrete run.
    CallTrace,
    /// The unusual.
    EdgeCase,
    /// A symptom and its cause.
    Debugging,
    /// A question that takes something wrong for granted.
    FalsePremise,
}

impl QuestionKind {
    /// Every kind.
    pub const ALL: [QuestionKind; 9] = [
        QuestionKind::How,
        QuestionKind::Where,
        QuestionKind::Why,
        QuestionKind::What,
        QuestionKind::ApiUse,
        QuestionKind::CallTrace,
        QuestionKind::EdgeCase,
        QuestionKind::Debugging,
        QuestionKind::FalsePremise,
    ];

    /// The stored word.
    pub fn as_str(self) -> &'static str {
        match self {
            QuestionKind::How => "how",
            QuestionKind::Where => "where",
            QuestionKind::Why => "why",
            QuestionKind::What => "what",
            QuestionKind::ApiUse => "api_use",
            QuestionKind::CallTrace => "call_trace",
            QuestionKind::EdgeCase => "edge_case",
            QuestionKind::Debugging => "debugging",
            QuestionKind::FalsePremise => "false_premise",
        }
    }

    /// What it asks for, in one of several phrasings.
    pub(super) fn hint(self, phrasing: usize) -> &'static str {
        let hints = HINTS[self as usize];
        hints[phrasing % hints.len()]
    }
}

impl fmt::Display for QuestionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is no kind of question.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown kind of question '{0}'")]
pub struct UnknownKind(String);

impl FromStr for QuestionKind {
    type Err = UnknownKind;

    /// Reads the stored word, and what models make of it: other case, spaces or dashes.
    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        let word = text.trim().to_ascii_lowercase().replace(['-', ' '], "_");
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == word);
        found.ok_or_else(|| UnknownKind(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_back() {
        for kind in QuestionKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
            assert!(!kind.hint(7).is_empty());
        }
        assert_eq!("Call Trace".parse(), Ok(QuestionKind::CallTrace));
        assert!("whence".parse::<QuestionKind>().is_err());
    }
}
