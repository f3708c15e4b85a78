//! One file of one commit, without a checkout. Reads only.

use super::copy::Copy;
use super::error::{GitError, Problem};
use git2::{ErrorCode, ObjectType, Oid};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// The bytes that a path had at a commit; `None` when the copy no longer holds that commit, or the commit no such file of at most
/// `bytes_max` bytes.
///
/// # Errors
/// When there is no copy in the worktree, or it cannot be read.
pub fn file_at(
    worktree: &Path,
    commit: &str,
    path: &[u8],
    bytes_max: u64,
) -> Result<Option<Vec<u8>>, GitError> {
    read(worktree, commit, path, bytes_max).map_err(|problem| GitError {
        repo: worktree.display().to_string(),
        problem,
    })
}

fn read(
    worktree: &Path,
    commit: &str,
    path: &[u8],
    bytes_max: u64,
) -> Result<Option<Vec<u8>>, Problem> {
    if !worktree.join(".git").exists() {
        return Err(Problem::NotCloned);
    }
    let repo = Copy::open(worktree)?.repo;
    let find = || -> Result<Option<Vec<u8>>, git2::Error> {
        let tree = repo.find_commit(Oid::from_str(commit)?)?.tree()?;
        let entry = tree.get_path(Path::new(OsStr::from_bytes(path)))?;
        let (bytes, kind) = repo.odb()?.read_header(entry.id())?;
        if kind != ObjectType::Blob || bytes as u64 > bytes_max {
            return Ok(None);
        }
        Ok(Some(repo.find_blob(entry.id())?.content().to_vec()))
    };
    match find() {
        Err(error) if matches!(error.code(), ErrorCode::NotFound | ErrorCode::InvalidSpec) => {
            Ok(None)
        }
        found => Ok(found?),
    }
}
