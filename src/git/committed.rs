//! Which bytes a commit has under a path. Reads only.
//!
//! Whoever walks a worktree asks for one folder's files after the other, so one folder's names are held at a time.

use super::error::Problem;
use git2::{ObjectType, Oid, Repository, Tree};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// The files of one commit.
pub(super) struct Committed {
    commit: Oid,
    last: Mutex<Folder>,
}

/// The folder that was asked about last.
struct Folder {
    repo: Repository,
    path: Option<Vec<u8>>,
    ids: HashMap<Vec<u8>, Oid>,
}

impl Committed {
    pub fn new(repo: Repository, commit: Oid) -> Self {
        let last = Folder {
            repo,
            path: None,
            ids: HashMap::new(),
        };
        Committed {
            commit,
            last: Mutex::new(last),
        }
    }

    /// Whether the commit has these bytes under this path. What cannot be read, it has not.
    pub fn has(&self, path: &[u8], bytes: &[u8]) -> bool {
        let end = path.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
        let (folder, name) = path.split_at(end);
        let name = name.strip_prefix(b"/").unwrap_or(name);
        let id = Oid::hash_object(ObjectType::Blob, bytes).ok();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.path.as_deref() != Some(folder) {
            last.ids = ids(&last.repo, self.commit, folder).unwrap_or_default();
            last.path = Some(folder.to_vec());
        }
        id.is_some_and(|id| last.ids.get(name) == Some(&id))
    }
}

fn ids(repo: &Repository, commit: Oid, folder: &[u8]) -> Result<HashMap<Vec<u8>, Oid>, Problem> {
    let root = repo.find_commit(commit)?.tree()?;
    let tree = match folder {
        b"" => root,
        _ => below(repo, &root, folder)?,
    };
    let mut ids = HashMap::with_capacity(tree.len());
    for entry in &tree {
        // As for checkouts: of a name that is there twice, the first counts.
        ids.entry(entry.name_bytes().to_vec()).or_insert(entry.id());
    }
    Ok(ids)
}

fn below<'a>(repo: &'a Repository, root: &Tree<'a>, folder: &[u8]) -> Result<Tree<'a>, Problem> {
    let entry = root.get_path(Path::new(OsStr::from_bytes(folder)))?;
    Ok(repo.find_tree(entry.id())?)
}
