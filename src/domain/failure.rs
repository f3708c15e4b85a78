//! Failures: stored facts about a file that could not be turned into samples, whole or in part.
//!
//! Owns the one table of reason codes and the text form of `FailedFiles.reason`. A reason is a line
//! people read (`code: message`), then one JSON line for every item that failed, which `retry` reads to ask again only for those.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

macro_rules! failure_codes {
    ($($variant:ident $code:literal $stage:ident $retry:literal $meaning:literal;)+) => {
        /// Why a file, a question or an answer failed. The text form is stable: it is stored.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum FailureCode {
            $(#[doc = $meaning] $variant,)+
        }

        impl FailureCode {
            /// Every code there is.
            pub const ALL: &'static [FailureCode] = &[$(FailureCode::$variant,)+];

            /// The stored word.
            pub fn as_str(self) -> &'static str {
                match self { $(FailureCode::$variant => $code,)+ }
            }

            /// What the code means, in a sentence fragment for people.
            pub fn meaning(self) -> &'static str {
                match self { $(FailureCode::$variant => $meaning,)+ }
            }

            /// Which part of the work it ends.
            pub fn stage(self) -> Stage {
                match self { $(FailureCode::$variant => Stage::$stage,)+ }
            }

            /// Whether asking again with the same source can end differently.
            pub fn can_retry(self) -> bool {
                match self { $(FailureCode::$variant => $retry,)+ }
            }
        }
    };
}

/// The part of the work a failure ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Reading the file.
    File,
    /// The exchange with the model server, for a question or an answer alike.
    Request,
    /// One question of a chunk.
    Question,
    /// One answer.
    Answer,
}

failure_codes! {
    Partly "partly_done" File true "some questions or answers of the file failed";
    NothingAccepted "nothing_accepted" File true "no question or answer passed the checks";
    Duplicate "duplicate" File false "all it gave repeats other samples";

    RateLimited "rate_limited" Request true "the server kept refusing for rate (429)";
    ServerError "server_error" Request true "the server kept failing (5xx)";
    Timeout "timeout" Request true "no complete response within the time limits";
    Connection "connection" Request true "the connection failed";
    MalformedResponse "malformed_response" Request true "the response was not a chat completion";
    ResponseTooLarge "response_too_large" Request true "the response was larger than allowed";
    InvalidRequest "invalid_request" Request true "the server refused the request (400, 422)";
    Blocked "blocked" Request true "a firewall or proxy before the model blocked the prompt (by a 403, a 404 or a redirect); have it let requests to the model pass, or leave such files out with --exclude";
    ContextLength "context_length" Request true "even the smallest piece exceeds the model's context";
    PromptTruncated "prompt_truncated" Request true "the server silently cut the prompt";
    ContentFilter "content_filter" Request true "the provider's content filter blocked it";
    Truncated "truncated" Request true "the completion hit the token limit";
    UncleanFinish "unclean_finish" Request true "the completion did not end with a clean stop";
    EmptyCompletion "empty_completion" Request true "the completion was empty";
    Refusal "refusal" Request true "the model refused";

    NoQuestions "no_questions" Question true "the model wrote no usable questions";
    QuestionMalformed "question_malformed" Question true "the question is not one well-formed question";
    QuestionNotStandalone "question_not_standalone" Question true "the question makes no sense without the file";
    QuestionUngrounded "question_ungrounded" Question true "the question is about things that the source does not have";
    QuestionDuplicate "question_duplicate" Question true "the question repeats another one";
    QuestionLeak "question_leak" Question true "the question repeats prompt text or a secret";

    TooShort "too_short" Answer true "the answer is too short to teach anything";
    CutOff "cut_off" Answer true "the answer ends in the middle of a sentence";
    TooLong "too_long" Answer true "the answer is too long";
    Ungrounded "ungrounded" Answer true "the answer does not rest on the source";
    Placeholder "placeholder" Answer true "the answer holds placeholder text";
    ContextLeak "context_leak" Answer true "the answer talks about its prompt";
    BoundaryLeak "boundary_leak" Answer true "the answer holds prompt markers or reasoning tags";
    BrokenFence "broken_fence" Answer true "a code block in the answer is not closed";
    CodeUnparsable "code_unparsable" Answer true "a code block in the answer does not parse";
    Repetition "repetition" Answer true "the answer repeats itself";
    VerbatimCopy "verbatim_copy" Answer true "the answer only copies the source";
    WrongLanguage "wrong_language" Answer true "the answer is in another natural language";
    NoProse "no_prose" Answer true "the answer explains nothing in words";
    SecretInAnswer "secret_in_answer" Answer true "the answer holds a secret";
    AnswerDuplicate "answer_duplicate" Answer false "the answer repeats another sample";
    Contaminated "contaminated" Answer false "the sample overlaps with a benchmark";
    BelowMinScore "below_min_score" Answer true "the score is below --min-score";
    Unjudged "unjudged" Answer true "the judge gave no verdict";
    JudgedWrong "judged_wrong" Answer true "the judge found the answer wrong";
}

impl fmt::Display for FailureCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is no failure code.
#[derive(Debug, thiserror::Error)]
#[error("unknown failure code '{0}'")]
pub struct UnknownCode(String);

impl FromStr for FailureCode {
    type Err = UnknownCode;

    fn from_str(text: &str) -> Result<Self, UnknownCode> {
        let known = Self::ALL.iter().find(|code| code.as_str() == text);
        known.copied().ok_or_else(|| UnknownCode(text.to_owned()))
    }
}

impl Serialize for FailureCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for FailureCode {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// One thing inside a file that failed: a chunk that gave no questions, or a question without an accepted answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedItem {
    /// Why.
    pub code: FailureCode,
    /// First byte of the chunk in the source file.
    pub start: usize,
    /// One past the last byte of the chunk.
    pub end: usize,
    /// The question whose answer failed; absent when the chunk's questions call itself failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<String>,
    /// The kind of that question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Who wrote that question, where it was not the model alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// How often this item has been tried already, in whole runs.
    pub tries: u32,
    /// Of an answer that only waits for its judge: how often it had been tried before it was written. It is paid for, and asked for in
    /// the same words again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_tries: Option<u32>,
}

/// What `FailedFiles.reason` says about one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The leading reason.
    pub code: FailureCode,
    /// One line for people.
    pub message: String,
    /// What exactly failed; empty when the whole file did.
    pub items: Vec<FailedItem>,
}

impl Failure {
    /// A failure of the whole file.
    pub fn of_file(code: FailureCode, message: impl Into<String>) -> Self {
        Failure {
            code,
            message: message.into(),
            items: Vec::new(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {}",
            self.code,
            self.message.replace(['\n', '\r'], " ")
        )?;
        for item in &self.items {
            let line = serde_json::to_string(item).map_err(|_| fmt::Error)?;
            write!(f, "\n{line}")?;
        }
        Ok(())
    }
}

impl FromStr for Failure {
    type Err = UnknownCode;

    /// Reads what [`Display`](fmt::Display) wrote. Item lines that cannot be read are left out: the file is then retried whole.
    fn from_str(text: &str) -> Result<Self, UnknownCode> {
        let mut lines = text.lines();
        let first = lines.next().unwrap_or_default();
        let (code, message) = first.split_once(": ").unwrap_or((first, ""));
        Ok(Failure {
            code: code.parse()?,
            message: message.to_owned(),
            items: lines
                .filter_map(|line| serde_json::from_str(line).ok())
                .collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_round_trips_through_the_stored_reason() {
        for &code in FailureCode::ALL {
            let item = FailedItem {
                code,
                start: 3,
                end: 9,
                question: Some("What\nis `x`?".into()),
                kind: None,
                by: None,
                tries: 2,
                answer_tries: Some(1),
            };
            let failure = Failure {
                code,
                message: "1 of 2: odd".into(),
                items: vec![item],
            };
            assert_eq!(failure.to_string().parse::<Failure>().unwrap(), failure);
        }
    }

    #[test]
    fn codes_are_distinct_stable_words() {
        let mut words: Vec<_> = FailureCode::ALL.iter().map(|code| code.as_str()).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), FailureCode::ALL.len());
        assert!(
            words
                .iter()
                .all(|word| word.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
        );
    }

    #[test]
    fn foreign_reasons_are_refused_and_unreadable_items_dropped() {
        assert!("because".parse::<Failure>().is_err());
        let partly: Failure = "partly_done: 1 of 2\n{bad".parse().unwrap();
        assert!(partly.items.is_empty());
    }
}
