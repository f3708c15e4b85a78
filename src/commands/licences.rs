//! Which licence a file of a repository is under when it does not say so itself: that of the nearest licence file above it.

use crate::domain::licence;
use crate::domain::path;
use crate::git::{Snapshot, TrackedKind};
use crate::walk;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Licence and README files are read up to so many bytes.
const TEXT_BYTES_MAX: u64 = 256 * 1024;

/// The licences of one repository, by folder. Those below its top are read when first asked for.
#[derive(Debug)]
pub(super) struct Licences {
    worktree: PathBuf,
    top: Option<String>,
    /// Folders that have licence files of their own; `None` where these are not recognised.
    nested: OnceLock<HashMap<Vec<u8>, Option<String>>>,
}

impl Licences {
    /// Reads the licence files at the top, of all the files there.
    pub fn of<'a>(worktree: &Path, top: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let is_licence = |path: &&[u8]| licence::is_licence_file(&path::encode(path));
        let paths: Vec<&[u8]> = top.into_iter().filter(is_licence).collect();
        Licences {
            worktree: worktree.to_owned(),
            top: read(worktree, &paths),
            nested: OnceLock::new(),
        }
    }

    /// SPDX expression of the repository as a whole.
    pub fn top(&self) -> Option<&str> {
        self.top.as_deref()
    }

    /// SPDX expression of the nearest licence file in or above the folder of a file.
    pub fn nearest(&self, snapshot: &Snapshot, file: &[u8]) -> Option<&str> {
        let nested = self.nested.get_or_init(|| self.read_nested(snapshot));
        let mut folder = file;
        while let Some(end) = memchr::memrchr(b'/', folder) {
            folder = &folder[..end];
            if let Some(licence) = nested.get(folder) {
                return licence.as_deref();
            }
        }
        self.top()
    }

    fn read_nested(&self, snapshot: &Snapshot) -> HashMap<Vec<u8>, Option<String>> {
        let mut by_folder: HashMap<Vec<u8>, Vec<&[u8]>> = HashMap::new();
        let is_file = |kind| matches!(kind, TrackedKind::Regular | TrackedKind::Executable);
        for (path, kind) in snapshot.paths() {
            if let Some(end) = memchr::memrchr(b'/', path)
                && is_file(kind)
                && licence::is_nested_licence_file(&path::encode(&path[end + 1..]))
            {
                by_folder
                    .entry(path[..end].to_vec())
                    .or_default()
                    .push(path);
            }
        }
        by_folder
            .into_iter()
            .map(|(folder, paths)| (folder, read(&self.worktree, &paths)))
            .collect()
    }
}

fn read(worktree: &Path, paths: &[&[u8]]) -> Option<String> {
    let texts: Vec<(String, String)> = paths
        .iter()
        .filter_map(|path| Some((path::encode(path), text_of(worktree, path)?)))
        .collect();
    let names = texts.iter().map(|(path, text)| {
        let name = path.rsplit('/').next().unwrap_or(path);
        (name, text.as_str())
    });
    licence::of_repository(names)
}

/// README and licence only help: one that cannot be read is as good as none.
pub(super) fn text_of(worktree: &Path, path: &[u8]) -> Option<String> {
    let read = walk::read(worktree, path, TEXT_BYTES_MAX).ok()?;
    Some(String::from_utf8_lossy(&read.bytes).into_owned())
}
