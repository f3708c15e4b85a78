//! From a candidate on disk to a source file that may be sent: selected, read once, decoded, redacted.

use super::licences::{Licences, text_of};
use super::repos::Located;
use crate::domain::licence;
use crate::domain::path;
use crate::domain::prompt::readme_head;
use crate::domain::redact;
use crate::domain::select::{
    self, Attributes, FileKind, PathFacts, SelectOptions, Skip, SourceText, Tracked,
};
use crate::domain::source::{Repository, SourceFile};
use crate::git::{self, GitError, Snapshot, TrackedKind};
use crate::walk::{self, Candidate, FileBytes, ReadError};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Of a README, so many bytes go before each chunk.
const ABOUT_BYTES_MAX: usize = 600;

/// A repository that is there and readable.
pub struct OpenRepository {
    /// Where it is.
    pub located: Located,
    /// What provenance tells of it.
    pub about: Arc<Repository>,
    snapshot: Snapshot,
    licences: Licences,
    told_edited: AtomicBool,
}

/// Why a candidate does not become a source file.
#[derive(Debug)]
pub enum NotTaken {
    /// A rule leaves it out.
    Skip(Skip),
    /// It cannot be read.
    Unreadable(ReadError),
}

impl From<Skip> for NotTaken {
    fn from(skip: Skip) -> Self {
        NotTaken::Skip(skip)
    }
}

impl OpenRepository {
    /// Opens the worktree of a repository.
    pub fn open(located: Located) -> Result<Self, GitError> {
        let snapshot = git::open_snapshot(&located.worktree)?;
        let top: Vec<_> =
            walk::candidates(&located.worktree, |path| match snapshot.tracked(path) {
                Some(_) => tracked(&snapshot, path),
                // A folder: not entered.
                None => Tracked::No,
            })
            .flatten()
            .filter(|candidate| {
                candidate.kind == FileKind::Regular && candidate.tracked == Tracked::Yes
            })
            .collect();
        let paths = top.iter().map(|candidate| candidate.path.as_slice());
        let licences = Licences::of(&located.worktree, paths);
        let about = Repository {
            folder: located.folder.clone(),
            url: snapshot.url.clone(),
            licence: licences.top().map(str::to_owned),
            about: readme_of(&located.worktree, &top),
        };
        Ok(OpenRepository {
            located,
            about: Arc::new(about),
            snapshot,
            licences,
            told_edited: AtomicBool::new(false),
        })
    }

    /// Everything in the worktree, as it is pulled.
    pub fn candidates(&self) -> impl Iterator<Item = Result<Candidate, walk::WalkError>> + '_ {
        walk::candidates(&self.located.worktree, |path| tracked(&self.snapshot, path))
    }

    /// The candidate's stored path.
    pub fn stored_path(&self, candidate: &Candidate) -> String {
        format!("{}/{}", self.located.folder, path::encode(&candidate.path))
    }

    /// What git attributes say about a candidate.
    pub fn attributes(&self, candidate: &Candidate) -> Attributes {
        let said = self.snapshot.attributes(&candidate.path);
        Attributes {
            generated: said.generated,
            vendored: said.vendored,
            language: said.language,
        }
    }

    /// Reads a candidate that passed the checks of its path.
    pub fn read(&self, candidate: &Candidate, file_bytes_max: u64) -> Result<FileBytes, ReadError> {
        walk::read(&self.located.worktree, &candidate.path, file_bytes_max)
    }

    /// The commit that a reader would find these bytes in.
    fn commit_of(&self, candidate: &Candidate, read: &FileBytes) -> Option<String> {
        let commit = self.snapshot.commit_of(&candidate.path, &read.bytes);
        if commit.is_none() && !self.told_edited.swap(true, Ordering::Relaxed) {
            let path = self.stored_path(candidate);
            tracing::info!("{path}: not as it was committed; samples of such files name no commit");
        }
        commit.map(str::to_owned)
    }

    /// The licence that a candidate has if it states none of its own.
    pub fn inherited_licence(&self, candidate: &Candidate) -> Option<&str> {
        self.licences.nearest(&self.snapshot, &candidate.path)
    }

    /// Makes a source file of the bytes that were read.
    pub fn take(
        &self,
        candidate: &Candidate,
        facts: &PathFacts<'_>,
        read: &FileBytes,
        options: &SelectOptions,
    ) -> Result<SourceFile, Skip> {
        let source = select::by_content(&read.bytes, facts, options)?;
        let redacted = redact::redact(&source.text);
        redacted.check()?;
        let inherited = || self.inherited_licence(candidate).map(str::to_owned);
        let licence = licence::of_file(&source.text).or_else(inherited);
        options.check_licence(licence.as_deref())?;
        Ok(SourceFile {
            repository: Arc::clone(&self.about),
            path: self.stored_path(candidate),
            name: path::encode(&candidate.path),
            content_hash: read.content_hash.clone(),
            language: source.language.name().to_owned(),
            licence,
            line_starts: line_starts(&source),
            text: redacted.text,
            commit: self.commit_of(candidate, read),
        })
    }
}

/// What the rules know of a candidate before it is opened.
pub fn facts<'a>(candidate: &'a Candidate, attributes: &'a Attributes) -> PathFacts<'a> {
    PathFacts {
        path: &candidate.path,
        kind: candidate.kind,
        tracked: candidate.tracked,
        file_bytes: candidate.stamp.file_bytes,
        attributes,
    }
}

fn tracked(snapshot: &Snapshot, path: &[u8]) -> Tracked {
    match snapshot.tracked(path) {
        Some(TrackedKind::Regular | TrackedKind::Executable) => Tracked::Yes,
        Some(TrackedKind::Link) => Tracked::Link,
        Some(TrackedKind::Submodule) => Tracked::Submodule,
        None if snapshot.holds_folder(path) => Tracked::Yes,
        None => Tracked::No,
    }
}

/// Where each line of the text begins in the file, and where the last one ends.
fn line_starts(source: &SourceText) -> Vec<usize> {
    if source.is_unpacked() {
        return Vec::new();
    }
    let after_breaks = source.text.match_indices('\n').map(|(at, _)| at + 1);
    let mut starts: Vec<usize> = std::iter::once(0).chain(after_breaks).collect();
    if !source.text.ends_with('\n') {
        starts.push(source.text.len());
    }
    starts
        .into_iter()
        .filter_map(|at| source.raw_offset(at))
        .collect()
}

fn readme_of(worktree: &Path, top: &[Candidate]) -> String {
    let is_readme =
        |candidate: &&Candidate| candidate.path.to_ascii_lowercase().starts_with(b"readme");
    let texts = top
        .iter()
        .filter(is_readme)
        .filter_map(|candidate| text_of(worktree, &candidate.path));
    texts
        .map(|text| readme_head(&redact::redact(&text).text, ABOUT_BYTES_MAX))
        .find(|head| !head.is_empty())
        .unwrap_or_default()
}
