//! The edge to the file system below a worktree: which files there are, and their bytes, read once.
//!
//! Follows no link, enters no `.git`, opens nothing but regular files, and knows neither git nor the store: what git tracks
//! is asked of a function, and what was seen before is compared by `domain::stamp`.

mod read;

pub use read::{FileBytes, ReadError, read, stamp_of};

use crate::domain::path;
use crate::domain::select::{FileKind, Tracked};
use crate::domain::stamp::Stamp;
use rustix::fs::{AtFlags, CWD, Mode, OFlags, Stat, openat, statat};
use std::cmp::Ordering;
use std::fs::FileType;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use walkdir::{DirEntry, WalkDir};

/// Something found in a worktree: a file, or a folder that is not entered since git does not track what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Path below the worktree, '/'-separated, any bytes.
    pub path: Vec<u8>,
    /// What it is on disk.
    pub kind: FileKind,
    /// What it is to git.
    pub tracked: Tracked,
    /// Its `lstat`.
    pub stamp: Stamp,
}

/// A part of a worktree that could not be listed. The walk goes on with the rest.
#[derive(Debug, thiserror::Error)]
#[error("cannot list '{}': {source}; make it readable for this user", path::encode(.path))]
pub struct WalkError {
    /// The path that could not be listed, below the worktree; empty for the worktree itself.
    pub path: Vec<u8>,
    /// What the system says.
    pub source: io::Error,
}

/// Everything in a worktree, ordered by the bytes of the whole path as git's index is, found as the iterator is pulled. `tracked` is
/// asked for folders too: a folder is tracked when a file below it is, and one that is not comes as a single candidate.
pub fn candidates<F: Fn(&[u8]) -> Tracked>(worktree: &Path, tracked: F) -> Candidates<F> {
    Candidates {
        worktree: worktree.to_owned(),
        entries: WalkDir::new(worktree)
            .min_depth(1)
            .sort_by(in_order)
            .into_iter(),
        folder: None,
        tracked,
    }
}

/// The iterator that [`candidates`] returns.
#[derive(Debug)]
pub struct Candidates<F> {
    worktree: PathBuf,
    entries: walkdir::IntoIter,
    /// The folder of the last entry, open: `lstat` below it costs half of one by the whole path.
    folder: Option<(Vec<u8>, OwnedFd)>,
    tracked: F,
}

impl<F: Fn(&[u8]) -> Tracked> Iterator for Candidates<F> {
    type Item = Result<Candidate, WalkError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.entries.next()? {
                Ok(entry) => {
                    if let Some(found) = self.visit(&entry) {
                        return Some(found);
                    }
                }
                Err(error) => return Some(Err(self.walk_error(error))),
            }
        }
    }
}

impl<F: Fn(&[u8]) -> Tracked> Candidates<F> {
    /// One entry; `None` for a folder that is entered, and for `.git`.
    fn visit(&mut self, entry: &DirEntry) -> Option<Result<Candidate, WalkError>> {
        let kind = kind(entry.file_type());
        let (folder, name) = folder_and_name(entry);
        if name == b".git" {
            self.leave(kind);
            return None;
        }
        let path = self.below_worktree(entry.path());
        let tracked = (self.tracked)(&path);
        if kind == FileKind::Folder && tracked == Tracked::Yes {
            return None;
        }
        self.leave(kind);
        Some(match self.lstat(folder, name) {
            Ok(stat) => Ok(Candidate {
                path,
                kind,
                tracked,
                stamp: stamp(&stat),
            }),
            Err(source) => Err(WalkError { path, source }),
        })
    }

    fn lstat(&mut self, folder: &[u8], name: &[u8]) -> io::Result<Stat> {
        let open = match self.folder.take() {
            Some(open) if open.0 == folder => open,
            _ => (folder.to_owned(), open_folder(folder)?),
        };
        let stat = statat(&open.1, name, AtFlags::SYMLINK_NOFOLLOW);
        self.folder = Some(open);
        Ok(stat?)
    }

    /// Does not enter the folder just found.
    fn leave(&mut self, kind: FileKind) {
        if kind == FileKind::Folder {
            self.entries.skip_current_dir();
        }
    }

    /// The walk only finds paths that begin with the worktree's own, so that cutting bytes is enough.
    fn below_worktree(&self, path: &Path) -> Vec<u8> {
        let bytes = path.as_os_str().as_bytes();
        let below = bytes
            .get(self.worktree.as_os_str().len()..)
            .unwrap_or_default();
        below.strip_prefix(b"/").unwrap_or(below).to_vec()
    }

    fn walk_error(&self, error: walkdir::Error) -> WalkError {
        let path = error
            .path()
            .map_or_else(Vec::new, |path| self.below_worktree(path));
        let source = error
            .into_io_error()
            .unwrap_or_else(|| io::Error::other("a loop of links"));
        WalkError { path, source }
    }
}

fn kind(file_type: FileType) -> FileKind {
    if file_type.is_file() {
        FileKind::Regular
    } else if file_type.is_dir() {
        FileKind::Folder
    } else if file_type.is_symlink() {
        FileKind::Link
    } else {
        FileKind::Other
    }
}

/// Entries of one folder, a folder among them as if its name ended with '/': so the whole paths are in order.
fn in_order(a: &DirEntry, b: &DirEntry) -> Ordering {
    let (one, other) = (a.path().as_os_str(), b.path().as_os_str());
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let shared = one.len().min(other.len());
    let next = |path: &[u8], entry: &DirEntry| {
        let end = entry.file_type().is_dir().then_some(b'/');
        path.get(shared).copied().or(end)
    };
    let by_names = one[..shared].cmp(&other[..shared]);
    by_names.then_with(|| next(one, a).cmp(&next(other, b)))
}

/// The path of an entry's folder and its own name. `Path` looks at every byte for this.
fn folder_and_name(entry: &DirEntry) -> (&[u8], &[u8]) {
    let path = entry.path().as_os_str().as_bytes();
    match memchr::memrchr(b'/', path) {
        Some(0) => (b"/", &path[1..]),
        Some(end) => (&path[..end], &path[end + 1..]),
        None => (b".", path),
    }
}

fn open_folder(path: &[u8]) -> io::Result<OwnedFd> {
    let flags = OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::RDONLY;
    Ok(openat(CWD, path, flags, Mode::empty())?)
}

/// The fields' types differ between systems, their ranges do not.
#[allow(
    clippy::unnecessary_cast,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss
)]
fn stamp(stat: &Stat) -> Stamp {
    let ns = |seconds: i64, nanoseconds: i64| {
        seconds
            .saturating_mul(1_000_000_000)
            .saturating_add(nanoseconds)
    };
    Stamp {
        file_bytes: stat.st_size as u64,
        mtime_ns: ns(stat.st_mtime as i64, stat.st_mtime_nsec as i64),
        ctime_ns: ns(stat.st_ctime as i64, stat.st_ctime_nsec as i64),
        inode: stat.st_ino as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn paths(
        worktree: &Path,
        tracked: impl Fn(&[u8]) -> Tracked,
    ) -> Vec<(String, FileKind, Tracked)> {
        let found = candidates(worktree, tracked).map(|one| one.unwrap());
        found
            .map(|one| (path::encode(&one.path), one.kind, one.tracked))
            .collect()
    }

    #[test]
    fn a_tree_is_listed_in_order_without_entering_git_links_or_untracked_folders() {
        let tree = tempfile::tempdir().unwrap();
        let root = tree.path();
        for folder in [".git", "src/deep", "target/debug", "sub", "src/.git"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        for file in [
            "b.rs",
            "a.rs",
            "src/deep/x.rs",
            "src/m.rs",
            "target/debug/out",
            ".git/config",
            "sub/.git",
            "sub/f",
            "src/.git/x",
        ] {
            fs::write(root.join(file), "x").unwrap();
        }
        fs::write(root.join(OsStr::from_bytes(b"odd\xff\n")), "x").unwrap();
        symlink("/", root.join("out")).unwrap();
        symlink("..", root.join("src/up")).unwrap();
        let tracked = |path: &[u8]| match path {
            b"target" => Tracked::No,
            b"sub" => Tracked::Submodule,
            b"out" => Tracked::Link,
            _ => Tracked::Yes,
        };
        use {FileKind::*, Tracked::*};
        let expected = [
            ("a.rs", Regular, Yes),
            ("b.rs", Regular, Yes),
            ("odd%FF\n", Regular, Yes),
            ("out", FileKind::Link, Tracked::Link),
            ("src/deep/x.rs", Regular, Yes),
            ("src/m.rs", Regular, Yes),
            ("src/up", FileKind::Link, Yes),
            ("sub", Folder, Submodule),
            ("target", Folder, No),
        ];
        let expected: Vec<_> = expected
            .map(|(path, kind, tracked)| (path.to_owned(), kind, tracked))
            .to_vec();
        assert_eq!(paths(root, tracked), expected);
    }

    #[test]
    fn what_cannot_be_listed_is_reported_and_the_rest_goes_on() {
        let tree = tempfile::tempdir().unwrap();
        let missing: Vec<_> = candidates(&tree.path().join("gone"), |_| Tracked::Yes).collect();
        assert!(
            matches!(&missing[..], [Err(error)] if error.source.kind() == io::ErrorKind::NotFound)
        );
        let shut = tree.path().join("a");
        fs::create_dir(&shut).unwrap();
        fs::write(tree.path().join("b"), "x").unwrap();
        fs::set_permissions(&shut, fs::Permissions::from_mode(0o000)).unwrap();
        let found: Vec<_> = candidates(tree.path(), |_| Tracked::Yes).collect();
        fs::set_permissions(&shut, fs::Permissions::from_mode(0o700)).unwrap();
        assert!(matches!(found.last(), Some(Ok(candidate)) if candidate.path == b"b"));
        // The superuser lists any folder.
        let is_refused = matches!(&found[..], [Err(error), Ok(_)] if error.path == b"a");
        assert!(is_refused || found.len() == 1);
    }
}
