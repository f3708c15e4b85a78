//! The source that a sample or failure is about, found again by the hash of its content.

use crate::domain::path;
use crate::domain::redact;
use crate::domain::select::{self, Attributes, FileKind, PathFacts, SelectOptions, Tracked};
use crate::{git, walk};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// The largest file that is looked at again, in bytes: as large as `--max-file-size` can be.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// Where the content was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The worktree still holds it.
    Worktree,
    /// It has changed since; git still has it at the commit.
    Commit,
}

/// A file as the model saw it: decoded, secrets replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Where it was found.
    pub origin: Origin,
    /// The text.
    pub text: String,
}

/// What identifies a content.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The repository's folder below `repos/`, in stored form.
    pub folder: &'a str,
    /// Path in the repository, in stored form.
    pub name: &'a str,
    /// The commit, when it is known.
    pub commit: Option<&'a str>,
    /// Lower-case hex SHA-256.
    pub content_hash: &'a str,
}

/// Looks in the worktree, then in git; `None` when the content is in neither.
pub fn find(repos: &Path, wanted: &Wanted<'_>) -> Option<Source> {
    let worktree = repos.join(std::ffi::OsStr::from_bytes(&path::decode(wanted.folder)));
    let name = path::decode(wanted.name);
    let on_disk = walk::read(&worktree, &name, FILE_BYTES_MAX).ok();
    if let Some(read) = on_disk.filter(|read| read.content_hash == wanted.content_hash) {
        let text = as_sent(&name, &read.bytes);
        return Some(Source {
            origin: Origin::Worktree,
            text,
        });
    }
    let at_commit = git::file_at(&worktree, wanted.commit?, &name, FILE_BYTES_MAX);
    let bytes = at_commit.ok()??;
    let hash: String = Sha256::digest(&bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    (hash == wanted.content_hash).then(|| Source {
        origin: Origin::Commit,
        text: as_sent(&name, &bytes),
    })
}

/// The text that went to the model; of a file that today's rules leave out, what can be read of it.
fn as_sent(name: &[u8], bytes: &[u8]) -> String {
    let attributes = Attributes::default();
    let facts = PathFacts {
        path: name,
        kind: FileKind::Regular,
        tracked: Tracked::Yes,
        file_bytes: bytes.len() as u64,
        attributes: &attributes,
    };
    let options = SelectOptions::new(&[], &[], &[], FILE_BYTES_MAX).ok();
    let taken = options.and_then(|options| select::by_content(bytes, &facts, &options).ok());
    let text = taken.map_or_else(
        || String::from_utf8_lossy(bytes).into_owned(),
        |source| source.text,
    );
    redact::redact(&text).text
}

impl Source {
    /// The lines from `first` to `last` (counted from 1), with their numbers.
    pub fn lines(&self, (first, last): (u32, u32)) -> impl Iterator<Item = (u32, &str)> {
        let numbered = (1..).zip(self.text.lines());
        numbered.filter(move |(number, _)| (first..=last).contains(number))
    }

    /// The first and last line of a range of bytes of the text.
    pub fn lines_of(&self, start: usize, end: usize) -> (u32, u32) {
        let bytes = self.text.as_bytes();
        let breaks = |end: usize| {
            let before = &bytes[..end.min(bytes.len())];
            u32::try_from(memchr::memchr_iter(b'\n', before).count()).unwrap_or(u32::MAX)
        };
        (breaks(start) + 1, breaks(end.saturating_sub(1)) + 1)
    }
}
