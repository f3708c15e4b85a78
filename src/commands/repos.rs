//! Which repositories there are: those that `repos.txt` lists, and those below `repos/`.

use crate::domain::path;
use crate::domain::repo::{BadLine, RepoSpec, parse_list};
use crate::git;
use crate::settings::SettingsError;
use crate::workspace::Workspace;
use std::collections::{BTreeSet, HashSet};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// Folders below `repos/` are looked at so deep for worktrees.
const DEPTH_MAX: usize = 16;

/// What `repos.txt` says.
#[derive(Debug)]
pub struct Listed {
    /// Good lines.
    pub specs: Vec<RepoSpec>,
    /// The others.
    pub bad: Vec<BadLine>,
}

/// Reads `repos.txt`.
pub fn listed(workspace: &Workspace) -> Result<Listed, SettingsError> {
    let file = workspace.repos_txt();
    let bytes =
        bytes_of(&file).map_err(|source| SettingsError::ReposFile { path: file, source })?;
    let (specs, bad) = parse_list(&String::from_utf8_lossy(&bytes));
    Ok(Listed { specs, bad })
}

/// A FIFO would be waited on for ever, and read by one command alone.
fn bytes_of(file: &Path) -> io::Result<Vec<u8>> {
    let kind = std::fs::metadata(file)?;
    match kind.is_file() || kind.is_dir() {
        true => std::fs::read(file),
        false => Err(io::Error::other("is no regular file")),
    }
}

/// A worktree to prepare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// Its path below `repos/`, in stored form.
    pub folder: String,
    /// Where it is.
    pub worktree: PathBuf,
}

impl Located {
    /// Whether the file stored as `path` is one of its.
    pub fn holds(&self, path: &str) -> bool {
        path.strip_prefix(&self.folder)
            .is_some_and(|rest| rest.starts_with('/'))
    }
}

/// What a run has said about `repos.txt`: each of its steps reads the list, and each thing is said once.
#[derive(Debug, Default)]
pub struct Told {
    bad: AtomicBool,
    unlisted: AtomicBool,
    /// Folders of repositories that could not be had, or that have nothing yet.
    not_had: Mutex<HashSet<String>>,
}

impl Told {
    /// Names the lines that cannot be read.
    pub fn bad(&self, lines: &[BadLine]) {
        if !self.bad.swap(true, Ordering::Relaxed) {
            lines.iter().for_each(|bad| tracing::error!("{bad}"));
        }
    }

    /// A repository could not be had, or has nothing yet, and that was said.
    pub fn not_had(&self, spec: &RepoSpec) {
        let folder = path::encode(spec.id.as_str().as_bytes());
        let mut not_had = self.not_had.lock().unwrap_or_else(PoisonError::into_inner);
        not_had.insert(folder);
    }

    /// Whether a repository is not there, and that was said.
    fn is_known_absent(&self, one: &Located) -> bool {
        let not_had = self.not_had.lock().unwrap_or_else(PoisonError::into_inner);
        not_had.contains(&one.folder) && matches!(one.worktree.try_exists(), Ok(false))
    }

    fn unlisted<'a>(&self, folders: impl Iterator<Item = &'a str>) {
        if !self.unlisted.swap(true, Ordering::Relaxed) {
            folders.for_each(|folder| tracing::info!("{folder} is not in repos.txt: left alone"));
        }
    }
}

/// The repositories to prepare: those listed, in that order, or without a `repos.txt` all that are below `repos/`.
/// What was once cloned and is no longer listed is left alone.
pub fn to_prepare(workspace: &Workspace, told: &Told) -> Result<Vec<Located>, SettingsError> {
    let on_disk = worktrees(workspace);
    if matches!(workspace.repos_txt().try_exists(), Ok(false)) {
        return Ok(on_disk);
    }
    let listed = listed(workspace)?;
    told.bad(&listed.bad);
    let wanted: Vec<_> = listed
        .specs
        .iter()
        .map(|spec| located(workspace, spec.id.as_str()))
        .filter(|one| !told.is_known_absent(one))
        .collect();
    let known: HashSet<&str> = wanted.iter().map(|one| one.folder.as_str()).collect();
    let folders = on_disk.iter().map(|one| one.folder.as_str());
    told.unlisted(folders.filter(|folder| !known.contains(folder)));
    Ok(wanted)
}

/// Whether a file with this stored path is gone from a repository that is there. Of a repository that is missing itself, nothing is gone.
pub fn has_vanished(repos: &Path, stored_path: &str) -> bool {
    use std::ffi::OsStr;
    let below = path::decode(stored_path);
    let file = repos.join(OsStr::from_bytes(&below));
    let is_gone = |path: &Path| {
        path.symlink_metadata().is_err_and(|error| {
            matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
        })
    };
    let mut folders = file
        .ancestors()
        .skip(1)
        .take_while(|folder| *folder != repos);
    is_gone(&file) && folders.any(|folder| !is_gone(&folder.join(".git")))
}

/// The folders of every repository that is listed or on disk, in stored form.
pub fn folders(workspace: &Workspace) -> BTreeSet<String> {
    let listed = listed(workspace).map(|listed| listed.specs);
    let listed = listed.unwrap_or_default().into_iter();
    let listed = listed.map(|spec| located(workspace, spec.id.as_str()));
    let all = listed.chain(worktrees(workspace));
    all.map(|one| one.folder).collect()
}

/// The folder among `folders` that holds the file with a stored path.
pub fn folder_of<'a>(path: &'a str, folders: &BTreeSet<String>) -> Option<&'a str> {
    let mut ends = path.match_indices('/').map(|(end, _)| &path[..end]);
    ends.find(|folder| folders.contains(*folder))
}

/// Where a repository is kept.
pub fn located(workspace: &Workspace, id: &str) -> Located {
    Located {
        folder: path::encode(id.as_bytes()),
        worktree: workspace.repos().join(id),
    }
}

fn worktrees(workspace: &Workspace) -> Vec<Located> {
    let root = workspace.repos();
    let mut found = Vec::new();
    collect(&root, &root, DEPTH_MAX, &mut found);
    found.sort_by(|a, b| a.folder.cmp(&b.folder));
    found
}

fn collect(root: &Path, folder: &Path, depth: usize, found: &mut Vec<Located>) {
    if folder.join(".git").is_dir() {
        let below = folder.strip_prefix(root).unwrap_or(folder);
        found.push(Located {
            folder: path::encode(below.as_os_str().as_bytes()),
            worktree: folder.to_owned(),
        });
        return;
    }
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return,
        Err(error) => {
            tracing::warn!("{}: {error}", folder.display());
            return;
        }
    };
    for entry in entries.flatten() {
        let is_passing = folder == root && git::is_passing(&entry.file_name());
        if depth > 0 && !is_passing && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            collect(root, &entry.path(), depth - 1, found);
        }
    }
}
