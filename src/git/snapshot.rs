//! A snapshot: a copy as the rest of the program sees it. Reads only.

use super::attributes::{AttributeRules, Attributes};
use super::committed::Committed;
use super::copy::Copy;
use super::error::{GitError, Problem};
use crate::domain::repo::Address;
use git2::{Index, Oid};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A repo at a commit, with the files git tracks there.
pub struct Snapshot {
    /// Upstream's address without credentials; the worktree's path when none is recorded.
    pub url: String,
    /// The commit, as 40 digits.
    pub commit: String,
    /// Full name of the reference followed, `HEAD`, or the commit asked for.
    pub reference: String,
    tracked: Tracked,
    rules: AttributeRules,
    committed: Committed,
}

/// What git says a tracked path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrackedKind {
    /// A file.
    Regular,
    /// A file with its executable bit set.
    Executable,
    /// A symbolic link; on disk a plain file that holds its target.
    Link,
    /// Another repository's commit; on disk an empty folder.
    Submodule,
}

/// Opens the copy in a worktree.
///
/// # Errors
/// When there is none, or it is not whole.
pub fn open_snapshot(worktree: &Path) -> Result<Snapshot, GitError> {
    read(worktree).map_err(|problem| GitError {
        repo: worktree.display().to_string(),
        problem,
    })
}

/// How many files git tracks in a worktree, from the head of its index alone; `None` when there is no index.
pub fn tracked_count(worktree: &Path) -> Option<u32> {
    let mut head = [0; 12];
    let mut index = File::open(worktree.join(".git/index")).ok()?;
    index.read_exact(&mut head).ok()?;
    let count = head.strip_prefix(b"DIRC")?.last_chunk()?;
    Some(u32::from_be_bytes(*count))
}

fn read(worktree: &Path) -> Result<Snapshot, Problem> {
    if !worktree.join(".git").exists() {
        return Err(Problem::NotCloned);
    }
    let copy = Copy::open(worktree)?;
    if copy.is_half_updated() {
        return Err(Problem::HalfUpdated);
    }
    let commit = copy.commit()?.ok_or(Problem::NoCommit)?;
    let tracked = Tracked::read(&copy.index()?)?;
    let paths = (0..tracked.entries.len()).map(|at| tracked.at(at).0);
    Ok(Snapshot {
        url: copy
            .url()
            .map_or_else(|| worktree.display().to_string(), |url| public(&url)),
        commit: commit.to_string(),
        reference: copy.reference(),
        rules: AttributeRules::read(worktree, paths),
        tracked,
        committed: Committed::new(copy.repo, commit),
    })
}

/// Recorded by this program, an address has no credentials; recorded by others, it may.
fn public(url: &str) -> String {
    Address::parse(url).map_or_else(
        |_| "unknown".to_owned(),
        |(address, _)| address.public_url(),
    )
}

impl Snapshot {
    /// What git says about a path, given as bytes relative to the worktree; `None` when it is not tracked.
    pub fn tracked(&self, path: &[u8]) -> Option<TrackedKind> {
        self.tracked.find(path)
    }

    /// The commit, if it has these bytes under this path: worktrees can be edited.
    pub fn commit_of(&self, path: &[u8], bytes: &[u8]) -> Option<&str> {
        self.committed.has(path, bytes).then_some(&self.commit)
    }

    /// Whether a tracked path lies below this folder.
    pub fn holds_folder(&self, folder: &[u8]) -> bool {
        let below = [folder, b"/"].concat();
        let at = self.tracked.first_from(&below);
        at < self.tracked.entries.len() && self.tracked.at(at).0.starts_with(&below)
    }

    /// Every tracked path, ordered by its bytes.
    pub fn paths(&self) -> impl ExactSizeIterator<Item = (&[u8], TrackedKind)> {
        (0..self.tracked.entries.len()).map(|at| self.tracked.at(at))
    }

    /// What the worktree's `.gitattributes` say about a path. Costs nothing in a worktree that has none.
    pub fn attributes(&self, path: &[u8]) -> Attributes {
        self.rules.of(path)
    }
}

/// The tracked paths in one buffer, ordered as git orders its index: 16 bytes each beside the path's own.
#[derive(Default)]
struct Tracked {
    bytes: Vec<u8>,
    /// End of a path in `bytes`, and its kind.
    entries: Vec<(usize, TrackedKind)>,
    /// After the path that was found last. Whoever walks a worktree asks for one after the other.
    likely: AtomicUsize,
}

impl Tracked {
    fn read(index: &Index) -> Result<Self, Problem> {
        let mut tracked = Tracked::default();
        for entry in index.iter() {
            let kind = kind(entry.mode, entry.id)?;
            // Of a path in conflict, the index has up to three entries.
            if tracked.entries.is_empty() || tracked.at(tracked.entries.len() - 1).0 != entry.path {
                tracked.bytes.extend_from_slice(&entry.path);
                tracked.entries.push((tracked.bytes.len(), kind));
            }
        }
        Ok(tracked)
    }

    fn at(&self, at: usize) -> (&[u8], TrackedKind) {
        let start = at.checked_sub(1).map_or(0, |before| self.entries[before].0);
        let (end, kind) = self.entries[at];
        (&self.bytes[start..end], kind)
    }

    fn find(&self, path: &[u8]) -> Option<TrackedKind> {
        let at = self.first_from(path);
        let (_, kind) = self.get(at).filter(|(found, _)| *found == path)?;
        self.likely.store(at + 1, Ordering::Relaxed);
        Some(kind)
    }

    fn get(&self, at: usize) -> Option<(&[u8], TrackedKind)> {
        (at < self.entries.len()).then(|| self.at(at))
    }

    /// Index of the first path that is not before `path`.
    fn first_from(&self, path: &[u8]) -> usize {
        let likely = self.likely.load(Ordering::Relaxed);
        let is_before = |at: usize| self.get(at).is_some_and(|(one, _)| one < path);
        if !is_before(likely) && likely.checked_sub(1).is_none_or(is_before) {
            return likely;
        }
        let (mut low, mut high) = (0, self.entries.len());
        while low < high {
            let middle = low.midpoint(high);
            match self.at(middle).0 < path {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        low
    }
}

fn kind(mode: u32, id: Oid) -> Result<TrackedKind, Problem> {
    match mode {
        0o100644 | 0o100664 => Ok(TrackedKind::Regular),
        0o100755 => Ok(TrackedKind::Executable),
        0o120000 => Ok(TrackedKind::Link),
        0o160000 => Ok(TrackedKind::Submodule),
        _ => Err(Problem::Data(format!(
            "the index gives {id} the unknown mode {mode:o}"
        ))),
    }
}
