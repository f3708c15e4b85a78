//! A source file on its way to the model: where it came from, and its text.

use std::ops::{Range, RangeInclusive};
use std::sync::Arc;

/// A repository, as provenance tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Its folder below `repos/`, in stored form.
    pub folder: String,
    /// Where it was cloned from, without credentials.
    pub url: String,
    /// SPDX id of its licence, when one was recognised.
    pub licence: Option<String>,
    /// What it is, from the head of its README; may be empty.
    pub about: String,
}

impl Repository {
    /// The last part of its folder: the name people use.
    pub fn name(&self) -> &str {
        self.folder.rsplit('/').next().unwrap_or(&self.folder)
    }
}

/// A source file that was read, selected, decoded and redacted.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceFile {
    /// The repository it belongs to.
    pub repository: Arc<Repository>,
    /// Stored path: folder of the repository, then [`SourceFile::name`].
    pub path: String,
    /// Path in the repository, in stored form.
    pub name: String,
    /// Hex id of the commit that has these bytes; `None` when the worktree was edited.
    pub commit: Option<String>,
    /// Lower-case hex SHA-256 of the file's bytes.
    pub content_hash: String,
    /// What is sent: decoded, without byte order mark, lines ending in `\n`, secrets replaced.
    pub text: String,
    /// Language, as linguist names it.
    pub language: String,
    /// SPDX id of the file's own licence, or its repository's.
    pub licence: Option<String>,
    /// Byte offset in the file of the start of each line of `text`, and of the end; empty when lines do not correspond
    /// (a notebook's cells).
    pub line_starts: Vec<usize>,
}

impl SourceFile {
    /// The bytes of the file that hold these lines (counted from 1); `None` when lines do not correspond.
    pub fn bytes_of(&self, lines: &RangeInclusive<u32>) -> Option<Range<usize>> {
        let first = usize::try_from(*lines.start()).ok()?.checked_sub(1)?;
        let end = usize::try_from(*lines.end())
            .ok()?
            .min(self.line_starts.len().checked_sub(1)?);
        Some(*self.line_starts.get(first)?..*self.line_starts.get(end)?)
    }
}
