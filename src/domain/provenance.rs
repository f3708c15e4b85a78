//! What the metadata of stored turns tells, read back.
//!
//! Lenient: rows may have been written by an earlier program or edited by hand, so unknown keys are passed over and what is missing or of
//! another type is empty. What is written stands in `commands::row`.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Where a question comes from: the metadata of a sample's first user turn.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Provenance {
    /// Where the repository was cloned from, without credentials.
    pub repository: String,
    /// Hex id of the commit that has the file; empty when the worktree had been edited.
    pub commit: String,
    /// Path in the repository, in stored form.
    pub path: String,
    /// Language, as linguist names it.
    pub language: String,
    /// SPDX expression, when a licence was recognised.
    pub licence: Option<String>,
    /// Lower-case hex SHA-256 of the file's bytes.
    pub content_hash: String,
    /// First and last line, counted from 1.
    pub lines: Option<(u32, u32)>,
    /// The symbol around or in the piece of source.
    pub symbol: Option<String>,
    /// Kind of question.
    pub question_kind: Option<String>,
}

impl Provenance {
    /// Reads `metadata_json`.
    pub fn read(metadata: &str) -> Self {
        serde_json::from_str(metadata).unwrap_or_default()
    }

    /// The repository's folder below `repos/`, given the stored path of the file.
    pub fn folder<'a>(&self, stored_path: &'a str) -> Option<&'a str> {
        let folder = stored_path.strip_suffix(&self.path)?.strip_suffix('/')?;
        (!self.path.is_empty()).then_some(folder)
    }
}

/// How an answer was made and what it is worth: the metadata of an assistant turn.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Making {
    /// The model as its server named it.
    pub model: String,
    /// Version of the prompts.
    pub prompt_version: String,
    /// Requests made for this answer, the first included.
    pub attempts: u64,
    /// Tokens of the answer.
    pub usage: Tokens,
    /// The score and its parts; the last answer's is the sample's.
    pub score: ScoreRecord,
    /// What the judge said, when one was asked.
    pub judge: Option<Value>,
    /// First and last of the lines that the answer rests on, counted from 1.
    pub evidence_lines: Vec<(u32, u32)>,
}

impl Making {
    /// Reads `metadata_json`.
    pub fn read(metadata: &str) -> Self {
        serde_json::from_str(metadata).unwrap_or_default()
    }
}

/// A recorded score.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScoreRecord {
    /// In `[0, 1]`.
    pub value: f64,
    /// What it is made of, by name.
    pub parts: BTreeMap<String, f64>,
    /// What a reader should know.
    pub flags: Vec<String>,
}

/// Token counts; a server that was silent counts as 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Tokens {
    /// Tokens of the prompt, cached ones included.
    pub prompt: Option<u64>,
    /// Prompt tokens that the server had in its cache.
    pub cached: Option<u64>,
    /// Tokens generated.
    pub completion: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_or_odd_is_empty() {
        for metadata in ["", "[]", "{}", "{\"path\": 3}"] {
            assert_eq!(
                Provenance::read(metadata),
                Provenance::default(),
                "{metadata}"
            );
        }
        let read =
            Provenance::read(r#"{"path": "a/b.c", "lines": [3, 9], "licence": null, "later": {}}"#);
        assert_eq!(
            (read.path.as_str(), read.lines, read.licence),
            ("a/b.c", Some((3, 9)), None)
        );
        assert_eq!(
            Making::read(r#"{"usage": {"prompt": 7, "cached": null}}"#)
                .usage
                .prompt,
            Some(7)
        );
    }

    #[test]
    fn the_folder_is_what_stands_before_the_path() {
        let of = |path: &str| Provenance {
            path: path.to_owned(),
            ..Provenance::default()
        };
        assert_eq!(of("a/b.c").folder("h/o/r/a/b.c"), Some("h/o/r"));
        assert_eq!(of("b.c").folder("h/o/r/xb.c"), None);
        assert_eq!(of("").folder("h/o/r/b.c"), None);
    }
}
