//! The files of a copy: exactly those of one commit, byte for byte.
//!
//! Nothing is converted on the way to the disk (no line ends, no `ident`, no LFS) and links become plain files that hold
//! their target. What people changed in tracked files is undone. Files that git does not track are
//! left alone, save when a checkout that ended half-way is repaired: then they may be its leftovers.

use super::copy::Copy;
use super::error::{Problem, printable};
use git2::build::CheckoutBuilder;
use git2::{IndexEntry, ObjectType, Oid};
use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

const KIND_MASK: u32 = 0o170000;
const KIND_SUBMODULE: u32 = 0o160000;
const MODE_EXECUTABLE: u32 = 0o100755;

/// Moves the worktree to a commit, and HEAD with it.
///
/// # Errors
/// [`Problem::Checkout`] when the commit cannot be written: the worktree is back at its old commit then, or still marked as half updated if that
/// failed too.
pub(super) fn switch(copy: &Copy, to: Oid) -> Result<(), Problem> {
    let was_half_updated = copy.is_half_updated();
    let from = copy.commit()?;
    copy.begin_update()?;
    if let Err(reason) = write(copy, to, was_half_updated) {
        roll_back(copy, from)?;
        return Err(Problem::Checkout {
            commit: to.to_string(),
            reason,
        });
    }
    copy.set_commit(to)
}

/// Brings the old files back, on a handle of its own: the failed one's index is half changed.
fn roll_back(copy: &Copy, from: Option<Oid>) -> Result<(), Problem> {
    let Some(from) = from else {
        return Ok(());
    };
    let old = Copy::open(&copy.root)?;
    match write(&old, from, true) {
        Ok(()) => old.end_update(),
        // Whatever kept the new files out may keep the old ones out; the mark stays.
        Err(_) => Ok(()),
    }
}

/// Writes the files of a commit. When the worktree may hold leftovers of another commit, what git does not track is removed too.
fn write(copy: &Copy, commit: Oid, has_leftovers: bool) -> Result<(), String> {
    let why = |problem: Problem| problem.to_string();
    for path in altered(copy).map_err(why)? {
        remove(&path).map_err(why)?;
    }
    let mut options = CheckoutBuilder::new();
    options
        .force()
        .disable_filters(true)
        .remove_untracked(has_leftovers)
        .remove_ignored(has_leftovers);
    let tree = copy
        .repo
        .find_commit(commit)
        .and_then(|commit| commit.tree());
    let written = tree.and_then(|tree| {
        copy.repo
            .checkout_tree(tree.as_object(), Some(&mut options))
    });
    written.map_err(|error| printable(error.message()))
}

/// Files that differ from git's index, and whatever stands where one of its folders belongs.
///
/// Costs one lstat a file, as `git status` does. File contents are read only where time stamps cannot tell: git's "racily clean"
/// rule, for files not older than the index. Contents are compared as they are, without filters.
pub(super) fn altered(copy: &Copy) -> Result<Vec<PathBuf>, Problem> {
    let index = copy.repo.index()?;
    let written = fs::symlink_metadata(copy.git_path("index"))
        .map(|meta| Time::of(&meta))
        .unwrap_or_default();
    let mut folders = Folders {
        root: &copy.root,
        last: PathBuf::new(),
        obstacle: None,
    };
    let mut altered = Vec::new();
    for entry in index
        .iter()
        .filter(|entry| entry.mode & KIND_MASK != KIND_SUBMODULE)
    {
        let name = Path::new(std::ffi::OsStr::from_bytes(&entry.path));
        match folders.obstacle(name.parent().unwrap_or(Path::new(""))) {
            Some(obstacle) => altered.push(obstacle),
            None if !is_unaltered(&copy.root.join(name), &entry, written) => {
                altered.push(copy.root.join(name))
            }
            None => {}
        }
    }
    altered.dedup();
    Ok(altered)
}

/// Looks whether the folders above a file are folders: a link there would lead reads and writes out of the worktree.
struct Folders<'a> {
    root: &'a Path,
    last: PathBuf,
    obstacle: Option<PathBuf>,
}

impl Folders<'_> {
    /// What stands where the folder or one above it belongs. A missing folder is no obstacle.
    fn obstacle(&mut self, folder: &Path) -> Option<PathBuf> {
        if folder != self.last {
            self.last = folder.to_owned();
            let places = folder
                .ancestors()
                .filter(|part| !part.as_os_str().is_empty())
                .map(|part| self.root.join(part));
            let in_the_way =
                |place: &PathBuf| fs::symlink_metadata(place).is_ok_and(|meta| !meta.is_dir());
            self.obstacle = places.filter(in_the_way).last();
        }
        self.obstacle.clone()
    }
}

fn is_unaltered(path: &Path, entry: &IndexEntry, written: Time) -> bool {
    let Ok(meta) = fs::symlink_metadata(path) else {
        return false;
    };
    if !meta.is_file() || !has_wanted_mode(&meta, entry) {
        return false;
    }
    let recorded = Time {
        secs: entry.mtime.seconds().into(),
        nanos: entry.mtime.nanoseconds().into(),
    };
    let same_stat = Time::of(&meta) == recorded && meta.len() == u64::from(entry.file_size);
    let is_older = recorded < written;
    (same_stat && is_older) || Oid::hash_file(ObjectType::Blob, path).is_ok_and(|id| id == entry.id)
}

fn has_wanted_mode(meta: &Metadata, entry: &IndexEntry) -> bool {
    let is_executable = meta.mode() & 0o100 != 0;
    is_executable == (entry.mode == MODE_EXECUTABLE)
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Time {
    secs: i64,
    nanos: i64,
}

impl Time {
    fn of(meta: &Metadata) -> Self {
        Time {
            secs: meta.mtime(),
            nanos: meta.mtime_nsec(),
        }
    }
}

fn remove(path: &Path) -> Result<(), Problem> {
    let removed = match fs::symlink_metadata(path) {
        Err(_) => Ok(()),
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
    };
    removed.map_err(Problem::disk(path))
}
