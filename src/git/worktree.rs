//! The files of a copy: exactly those of one commit, byte for byte.
//!
//! Nothing is converted on the way to the disk (no line ends, no `ident`, no LFS) and links become plain files that hold
//! their target. What people changed in tracked files is undone. Files that git does not track are
//! left alone; those of a commit whose checkout ended half-way are its leftovers.

use super::checkout::{check_out, entry, entry_without_stat, remove_with_folders};
use super::copy::Copy;
use super::error::Problem;
use super::tree::{self, MODE_EXECUTABLE, MODE_SUBMODULE, TreeFile};
use git2::{Index, IndexEntry, IndexTime, ObjectType, Oid};
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// Moves the worktree to a commit, and HEAD with it.
///
/// # Errors
/// [`Problem::Checkout`] when the commit cannot be written, [`Problem::Data`] when its objects cannot be read. The worktree is back at its old
/// commit then, or still marked as half updated if that failed too.
pub(super) fn switch(copy: &Copy, to: Oid, cancel: &AtomicBool) -> Result<(), Problem> {
    let from = copy.commit()?;
    let files = tree::files(&copy.repo, to, cancel)?;
    let leftovers = leftovers(copy, cancel)?;
    copy.begin_update(to)?;
    if let Err(problem) = write(copy, &files, &leftovers, cancel) {
        if let Some(from) = from {
            roll_back(copy, from, &[leftovers, files].concat())?;
        }
        return Err(checkout_problem(to, problem));
    }
    copy.set_commit(to)
}

/// Brings the old files back, on a handle of its own: the failed one's index is half changed.
fn roll_back(copy: &Copy, from: Oid, new: &[TreeFile]) -> Result<(), Problem> {
    let copy = Copy::open(&copy.root)?;
    let never = AtomicBool::new(false);
    let back =
        tree::files(&copy.repo, from, &never).and_then(|old| write(&copy, &old, new, &never));
    match back {
        Ok(()) => copy.end_update(),
        // Whatever kept the new files out may keep the old ones out; the mark stays.
        Err(_) => Ok(()),
    }
}

/// The files that checkouts which never ended may have written. What is not here was never written.
fn leftovers(copy: &Copy, cancel: &AtomicBool) -> Result<Vec<TreeFile>, Problem> {
    let mut files = Vec::new();
    for commit in copy.unfinished().into_iter().filter(|&one| copy.has(one)) {
        files.extend(tree::files(&copy.repo, commit, cancel)?);
    }
    Ok(files)
}

/// Removes the leftovers that are no files of the commit.
fn remove_leftovers(
    copy: &Copy,
    leftovers: &[TreeFile],
    files: &[TreeFile],
) -> Result<(), Problem> {
    let mut folders = Folders::below(&copy.root);
    for file in leftovers {
        let path = Path::new(OsStr::from_bytes(&file.path));
        let is_wanted = files
            .binary_search_by(|one| one.path.cmp(&file.path))
            .is_ok();
        let above = path.parent().unwrap_or(Path::new(""));
        if !is_wanted && folders.obstacle(above).is_none() && copy.root.join(path).exists() {
            remove_with_folders(&copy.root, path)?;
        }
    }
    Ok(())
}

/// Writes the files of a commit, and removes those that others left.
fn write(
    copy: &Copy,
    files: &[TreeFile],
    leftovers: &[TreeFile],
    cancel: &AtomicBool,
) -> Result<(), Problem> {
    remove_leftovers(copy, leftovers, files)?;
    let mut index = copy.repo.index()?;
    if let Some(from) = copy.commit()? {
        if !has_index_of(copy, from)? && !is_index_of(&index, files) {
            rebuild_index(copy, from, &mut index)?;
        }
        for path in survey(copy)?.altered {
            remove(&path)?;
            forget(&mut index, path.strip_prefix(&copy.root).unwrap_or(&path))?;
        }
    } else {
        index.clear()?;
    }
    check_out(copy, &mut index, files, cancel)
}

/// Takes a file, or all files of a folder, out of the index.
fn forget(index: &mut Index, path: &Path) -> Result<(), Problem> {
    match index.get_path(path, 0) {
        Some(_) => Ok(index.remove(path, 0)?),
        None => Ok(index.remove_dir(path, 0)?),
    }
}

/// Objects that cannot be read are damage that a fresh copy may cure; anything else lies in the commit or on this disk.
fn checkout_problem(commit: Oid, problem: Problem) -> Problem {
    let reason = match problem {
        Problem::Disk { .. } => problem.to_string(),
        Problem::System(reason) => reason,
        _ => return problem,
    };
    Problem::Checkout {
        commit: commit.to_string(),
        reason,
    }
}

/// What a look at the worktree's files found.
#[derive(Default)]
pub(super) struct Survey {
    /// Files that differ from git's index, and whatever stands where one of its folders belongs.
    pub altered: Vec<PathBuf>,
    /// Files that had to be read, with the time stamps that spare it the next time.
    pub stamps: Vec<IndexEntry>,
}

/// Looks for files that differ from git's index.
///
/// Costs one lstat a file, as `git status` does. File contents are read only where time stamps cannot tell: when one of them changed (of
/// the two, programs can set the one of the content, but not the one of the change), and by git's "racily clean"
/// rule, for files not older than the index. Contents are compared as they are, without filters.
pub(super) fn survey(copy: &Copy) -> Result<Survey, Problem> {
    let index = copy.index()?;
    let written = fs::symlink_metadata(copy.git_path("index"))
        .map(|meta| Time::modified(&meta))
        .unwrap_or_default();
    let mut folders = Folders::below(&copy.root);
    let mut found = Survey::default();
    for entry in index.iter().filter(|entry| entry.mode != MODE_SUBMODULE) {
        let name = Path::new(OsStr::from_bytes(&entry.path));
        let path = copy.root.join(name);
        match folders.obstacle(name.parent().unwrap_or(Path::new(""))) {
            Some(obstacle) => found.altered.push(obstacle),
            None => match look(&path, &entry, written) {
                Look::Same => {}
                Look::SameBytes(meta) => found.stamps.push(stamped(&entry, &meta)),
                Look::Altered => found.altered.push(path),
            },
        }
    }
    found.altered.dedup();
    Ok(found)
}

/// Writes time stamps into git's index. A failure costs only time: the files are read again.
pub(super) fn restamp(copy: &Copy, stamps: &[IndexEntry]) {
    if let Ok(mut index) = copy.repo.index()
        && stamps.iter().all(|entry| index.add(entry).is_ok())
    {
        drop(index.write());
    }
}

/// Looks whether the folders above a file are folders: a link there would lead reads and writes out of the worktree.
pub(super) struct Folders<'a> {
    root: &'a Path,
    last: PathBuf,
    obstacle: Option<PathBuf>,
}

impl<'a> Folders<'a> {
    pub fn below(root: &'a Path) -> Self {
        Folders {
            root,
            last: PathBuf::new(),
            obstacle: None,
        }
    }

    /// What stands where the folder or one above it belongs. A missing folder is no obstacle.
    pub fn obstacle(&mut self, folder: &Path) -> Option<PathBuf> {
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
    let index = copy.index()?;
    let tree = copy.repo.find_commit(commit)?.tree()?;
    let staged = copy
        .repo
        .diff_tree_to_index(Some(&tree), Some(&index), None)?;
    // Trees may write modes and orders that no index has.
    Ok(staged.deltas().len() == 0
        || is_index_of(
            &index,
            &tree::files(&copy.repo, commit, &AtomicBool::new(false))?,
        ))
}

fn is_index_of(index: &Index, files: &[TreeFile]) -> bool {
    let is_that = |(entry, file): (IndexEntry, &TreeFile)| {
        (entry.path == file.path && entry.id == file.id && entry.mode == file.mode)
            && stage(&entry) == 0
    };
    index.len() == files.len() && index.iter().zip(files).all(is_that)
}

/// Not zero for the sides of a conflict (git's index format: bits 12 and 13 of the flags).
fn stage(entry: &IndexEntry) -> u16 {
    (entry.flags >> 12) & 3
}

/// Makes the index that of a commit. Files that have their blob's bytes get their time stamps, so that they are not read again every time.
fn rebuild_index(copy: &Copy, commit: Oid, index: &mut Index) -> Result<(), Problem> {
    index.clear()?;
    for file in tree::files(&copy.repo, commit, &AtomicBool::new(false))? {
        let path = copy.root.join(Path::new(OsStr::from_bytes(&file.path)));
        let unknown = entry_without_stat(&file);
        let known = match look(&path, &unknown, Time::default()) {
            Look::SameBytes(meta) => entry(&file, &meta),
            _ => unknown,
        };
        index.add(&known)?;
    }
    Ok(index.write()?)
}

/// What a look at one file found.
enum Look {
    /// As it was written.
    Same,
    /// Its time stamps are not those of the index, or could be those of two contents; its bytes are the blob's.
    SameBytes(Metadata),
    /// Not the blob's bytes, not a file, or not there.
    Altered,
}

fn look(path: &Path, entry: &IndexEntry, written: Time) -> Look {
    let meta = match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_file() && has_wanted_mode(&meta, entry) => meta,
        _ => return Look::Altered,
    };
    let recorded = Time::from(entry.mtime);
    let same_stat = Time::modified(&meta) == recorded
        && Time::changed(&meta) == Time::from(entry.ctime)
        && size_in_index(&meta) == entry.file_size;
    if same_stat && recorded < written {
        return Look::Same;
    }
    match Oid::hash_file(ObjectType::Blob, path) {
        Ok(id) if id != entry.id => Look::Altered,
        Ok(_) if same_stat => Look::Same,
        Ok(_) => Look::SameBytes(meta),
        Err(_) => Look::Altered,
    }
}

fn stamped(old: &IndexEntry, meta: &Metadata) -> IndexEntry {
    let file = TreeFile {
        path: old.path.clone(),
        id: old.id,
        mode: old.mode,
    };
    entry(&file, meta)
}

/// The index keeps the low 32 bits.
pub(super) fn size_in_index(meta: &Metadata) -> u32 {
    u32::try_from(meta.len() & u64::from(u32::MAX)).unwrap_or_default()
}

fn has_wanted_mode(meta: &Metadata, entry: &IndexEntry) -> bool {
    let is_executable = meta.mode() & 0o100 != 0;
    is_executable == (entry.mode == MODE_EXECUTABLE)
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Time {
    secs: i64,
    nanos: i64,
}

impl Time {
    /// When the content was written, or what a program said of that.
    pub fn modified(meta: &Metadata) -> Self {
        Time {
            secs: meta.mtime(),
            nanos: meta.mtime_nsec(),
        }
    }

    /// When content, mode, owner, name or time stamps changed.
    pub fn changed(meta: &Metadata) -> Self {
        Time {
            secs: meta.ctime(),
            nanos: meta.ctime_nsec(),
        }
    }

    /// As the index stores it: the low 32 bits.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub fn in_index(self) -> IndexTime {
        IndexTime::new(self.secs as i32, self.nanos as u32)
    }
}

impl From<IndexTime> for Time {
    fn from(time: IndexTime) -> Self {
        Time {
            secs: time.seconds().into(),
            nanos: time.nanoseconds().into(),
        }
    }
}

/// Removes whatever stands at a path, a folder with all that is in it; of a link, the link.
pub(super) fn remove(path: &Path) -> Result<(), Problem> {
    let removed = match fs::symlink_metadata(path) {
        Err(_) => Ok(()),
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
    };
    removed.map_err(Problem::disk(path))
}
