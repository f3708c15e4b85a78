//! The files of a copy: exactly those of one commit, byte for byte.
//!
//! Nothing is converted on the way to the disk (no line ends, no `ident`, no LFS) and links become plain files that hold
//! their target. What people changed in tracked files is undone. Files that git does not track are
//! left alone, save when a checkout that ended half-way is repaired: then they may be its leftovers.

use super::copy::Copy;
use super::error::{Problem, printable};
use git2::build::CheckoutBuilder;
use git2::{ErrorClass, IndexEntry, IndexTime, ObjectType, Oid};
use std::ffi::OsStr;
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
/// [`Problem::Checkout`] when the commit cannot be written, [`Problem::Data`] when its objects cannot be read. The worktree is back at its old
/// commit then, or still marked as half updated if that failed too.
pub(super) fn switch(copy: &Copy, to: Oid) -> Result<(), Problem> {
    let was_half_updated = copy.is_half_updated();
    let from = copy.commit()?;
    copy.begin_update()?;
    if let Err(problem) = write(copy, to, was_half_updated) {
        roll_back(copy, from)?;
        return Err(problem);
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
fn write(copy: &Copy, commit: Oid, has_leftovers: bool) -> Result<(), Problem> {
    // In a fresh copy there is no index yet, and nothing that could differ from it.
    if let Some(from) = copy.commit()? {
        if !has_index_of(copy, from)? && !has_index_of(copy, commit)? {
            rebuild_index(copy, from)?;
        }
        for path in altered(copy)? {
            remove(&path)?;
        }
    }
    let mut options = CheckoutBuilder::new();
    options.force().disable_filters(true);
    options
        .remove_untracked(has_leftovers)
        .remove_ignored(has_leftovers);
    let tree = copy.repo.find_commit(commit)?.tree()?;
    let written = copy
        .repo
        .checkout_tree(tree.as_object(), Some(&mut options));
    written.map_err(|error| checkout_problem(commit, &error))
}

/// Objects that cannot be read are damage that a fresh copy may cure; anything else lies in the commit or on this disk.
fn checkout_problem(commit: Oid, error: &git2::Error) -> Problem {
    match error.class() {
        ErrorClass::Odb | ErrorClass::Zlib | ErrorClass::Object => {
            Problem::Data(printable(error.message()))
        }
        _ => Problem::Checkout {
            commit: commit.to_string(),
            reason: printable(error.message()),
        },
    }
}

/// Files that differ from git's index, and whatever stands where one of its folders belongs.
///
/// Costs one lstat a file, as `git status` does. File contents are read only where time stamps cannot tell: git's "racily clean"
/// rule, for files not older than the index. Contents are compared as they are, without filters.
pub(super) fn altered(copy: &Copy) -> Result<Vec<PathBuf>, Problem> {
    let index = copy.index()?;
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
        let name = Path::new(OsStr::from_bytes(&entry.path));
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

/// Whether git's index is that of a commit; people can stage changes.
pub(super) fn has_index_of(copy: &Copy, commit: Oid) -> Result<bool, Problem> {
    let tree = copy.repo.find_commit(commit)?.tree()?;
    let staged = copy
        .repo
        .diff_tree_to_index(Some(&tree), Some(&copy.index()?), None)?;
    Ok(staged.deltas().len() == 0)
}

/// Makes the index that of a commit. Files that have their blob's bytes get their time stamps, so that they are not read again every time.
fn rebuild_index(copy: &Copy, commit: Oid) -> Result<(), Problem> {
    let mut index = copy.index()?;
    index.read_tree(&copy.repo.find_commit(commit)?.tree()?)?;
    let entries: Vec<_> = index.iter().collect();
    for mut entry in entries {
        let path = copy.root.join(Path::new(OsStr::from_bytes(&entry.path)));
        if let Ok(meta) = fs::symlink_metadata(&path)
            && is_unaltered(&path, &entry, Time::default())
        {
            (entry.mtime, entry.file_size) = (Time::of(&meta).in_index(), size_in_index(&meta));
            index.add(&entry)?;
        }
    }
    Ok(index.write()?)
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
    let same_stat = Time::of(&meta) == recorded && size_in_index(&meta) == entry.file_size;
    let is_older = recorded < written;
    (same_stat && is_older) || Oid::hash_file(ObjectType::Blob, path).is_ok_and(|id| id == entry.id)
}

/// The index keeps the low 32 bits.
fn size_in_index(meta: &Metadata) -> u32 {
    u32::try_from(meta.len() & u64::from(u32::MAX)).unwrap_or_default()
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

    /// As the index stores it: the low 32 bits.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn in_index(self) -> IndexTime {
        IndexTime::new(self.secs as i32, self.nanos as u32)
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
