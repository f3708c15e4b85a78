//! Writes the files of a commit into a worktree.
//!
//! Every file is a new one: what stood there is unlinked first, so that nothing is written through a link or into a file with a second name
//! elsewhere, and no folder above it is a link. libgit2's own checkout does both.

use super::copy::Copy;
use super::error::{Problem, printable};
use super::tree::{MODE_SUBMODULE, TreeFile, stop_if};
use super::worktree::{Folders, Time, remove, size_in_index};
use crate::fail_point::{Point, reach};
use git2::{Index, IndexEntry, IndexTime};
use std::ffi::OsStr;
use std::fs::{self, Metadata, OpenOptions};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// Makes worktree and index those of `files`. What the index has is taken to be in the worktree as it is there.
pub(super) fn check_out(
    copy: &Copy,
    index: &mut Index,
    files: &[TreeFile],
    cancel: &AtomicBool,
) -> Result<(), Problem> {
    let refused = |error: git2::Error| Problem::System(printable(error.message()));
    for path in superfluous(index, files) {
        remove_with_folders(&copy.root, &path)?;
        index.remove(&path, 0)?;
    }
    let mut writer = Writer {
        copy,
        folders: Folders::below(&copy.root),
        made: PathBuf::new(),
    };
    for file in files {
        let path = Path::new(OsStr::from_bytes(&file.path));
        let there = index.get_path(path, 0);
        if there.is_none_or(|entry| entry.id != file.id || entry.mode != file.mode) {
            stop_if(cancel)?;
            let entry = writer.write(path, file)?;
            reach(Point::FileWritten);
            index.add(&entry).map_err(refused)?;
        }
    }
    Ok(index.write()?)
}

/// Paths of the index that are not among the files.
fn superfluous(index: &Index, files: &[TreeFile]) -> Vec<PathBuf> {
    let is_wanted = |path: &[u8]| {
        files
            .binary_search_by(|file| file.path.as_slice().cmp(path))
            .is_ok()
    };
    index
        .iter()
        .filter(|entry| !is_wanted(&entry.path))
        .map(|entry| PathBuf::from(OsStr::from_bytes(&entry.path)))
        .collect()
}

/// Removes a file, and the folders above it that are empty then.
pub(super) fn remove_with_folders(root: &Path, path: &Path) -> Result<(), Problem> {
    let place = root.join(path);
    match fs::symlink_metadata(&place) {
        // A submodule's folder; with files in it, they are somebody's.
        Ok(meta) if meta.is_dir() => drop(fs::remove_dir(&place)),
        _ => remove(&place)?,
    }
    let above = path.ancestors().skip(1);
    above
        .filter(|folder| !folder.as_os_str().is_empty())
        .all(|folder| fs::remove_dir(root.join(folder)).is_ok());
    Ok(())
}

struct Writer<'a> {
    copy: &'a Copy,
    folders: Folders<'a>,
    /// The folder that was made last.
    made: PathBuf,
}

impl Writer<'_> {
    fn write(&mut self, path: &Path, file: &TreeFile) -> Result<IndexEntry, Problem> {
        self.make_folder(path.parent().unwrap_or(Path::new("")))?;
        let place = self.copy.root.join(path);
        let meta = match file.mode {
            MODE_SUBMODULE => make_submodule(&place)?,
            _ => self.write_file(&place, file)?,
        };
        Ok(entry(file, &meta))
    }

    fn make_folder(&mut self, folder: &Path) -> Result<(), Problem> {
        if folder == self.made {
            return Ok(());
        }
        if let Some(obstacle) = self.folders.obstacle(folder) {
            remove(&obstacle)?;
        }
        let place = self.copy.root.join(folder);
        fs::create_dir_all(&place).map_err(Problem::disk(&place))?;
        self.made = folder.to_owned();
        Ok(())
    }

    fn write_file(&self, place: &Path, file: &TreeFile) -> Result<Metadata, Problem> {
        let blob = self.copy.repo.find_blob(file.id)?;
        remove(place)?;
        let written = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(file.mode & 0o777 | 0o644)
            .open(place)
            .and_then(|mut opened| {
                opened.write_all(blob.content())?;
                opened.metadata()
            });
        written.map_err(Problem::disk(place))
    }
}

/// An empty folder stands for another repository's commit.
fn make_submodule(place: &Path) -> Result<Metadata, Problem> {
    if fs::symlink_metadata(place).is_ok_and(|meta| !meta.is_dir()) {
        remove(place)?;
    }
    fs::create_dir_all(place).map_err(Problem::disk(place))?;
    fs::symlink_metadata(place).map_err(Problem::disk(place))
}

/// What git's index says of a file, with the time stamps by which a change shows.
pub(super) fn entry(file: &TreeFile, meta: &Metadata) -> IndexEntry {
    IndexEntry {
        mtime: Time::modified(meta).in_index(),
        ctime: Time::changed(meta).in_index(),
        dev: low(meta.dev()),
        ino: low(meta.ino()),
        uid: meta.uid(),
        gid: meta.gid(),
        file_size: size_in_index(meta),
        ..entry_without_stat(file)
    }
}

/// What git's index says of a file that is not, or not so, in the worktree.
pub(super) fn entry_without_stat(file: &TreeFile) -> IndexEntry {
    IndexEntry {
        ctime: IndexTime::new(0, 0),
        mtime: IndexTime::new(0, 0),
        dev: 0,
        ino: 0,
        mode: file.mode,
        uid: 0,
        gid: 0,
        file_size: 0,
        id: file.id,
        flags: 0,
        flags_extended: 0,
        path: file.path.clone(),
    }
}

fn low(number: u64) -> u32 {
    u32::try_from(number & u64::from(u32::MAX)).unwrap_or_default()
}
