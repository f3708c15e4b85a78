//! What a commit's trees unfold to: the list of its files, read before anything of it is written.
//!
//! Trees are foreign data. Names that would lead out of the worktree and trees that unfold without end are refused here.

use super::error::{Problem, printable};
use git2::{ObjectType, Oid, Repository};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

/// Files and folders a commit may have. The largest public repositories have half a million; a few hundred kilobytes of trees that hold each
/// other many times unfold to billions.
const PATHS_MAX: u64 = 5_000_000;

pub(super) const MODE_EXECUTABLE: u32 = 0o100755;
pub(super) const MODE_SUBMODULE: u32 = 0o160000;
const MODE_REGULAR: u32 = 0o100644;
const MODE_LINK: u32 = 0o120000;
const KIND_MASK: u32 = 0o170000;

/// A file, link or submodule of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TreeFile {
    /// Relative to the worktree.
    pub path: Vec<u8>,
    pub id: Oid,
    /// One of the four that git's index knows.
    pub mode: u32,
}

/// Every file of a commit, ordered by path. Of a path that is there twice, the first counts.
///
/// # Errors
/// [`Problem::Checkout`] when the commit cannot be written as files, [`Problem::Data`] when a tree is missing.
pub(super) fn files(
    repo: &Repository,
    commit: Oid,
    cancel: &AtomicBool,
) -> Result<Vec<TreeFile>, Problem> {
    let root = repo.find_commit(commit)?.tree_id();
    let refused = |reason| Problem::Checkout {
        commit: commit.to_string(),
        reason,
    };
    if paths(repo, root, cancel, &refused)? > PATHS_MAX {
        return Err(refused(format!(
            "its folders unfold to more than {PATHS_MAX} paths"
        )));
    }
    let mut files = unfold(repo, root, cancel)?;
    files.sort_by(|one, other| one.path.cmp(&other.path));
    files.dedup_by(|next, kept| next.path == kept.path);
    Ok(files)
}

/// How many files and folders lie below a tree, itself included. Reads each distinct tree twice at most, however often it is there.
fn paths(
    repo: &Repository,
    root: Oid,
    cancel: &AtomicBool,
    refused: &dyn Fn(String) -> Problem,
) -> Result<u64, Problem> {
    let mut known: HashMap<Oid, u64> = HashMap::new();
    let mut open = vec![root];
    while let Some(&tree) = open.last() {
        stop_if(cancel)?;
        if known.contains_key(&tree) {
            open.pop();
            continue;
        }
        let (mut count, before) = (1_u64, open.len());
        for entry in &repo.find_tree(tree)? {
            if is_hostile(entry.name_bytes()) {
                let name = String::from_utf8_lossy(entry.name_bytes());
                return Err(refused(format!("invalid path '{}'", printable(name))));
            }
            let below = match entry.kind() {
                Some(ObjectType::Tree) => known.get(&entry.id()).copied(),
                _ => Some(1),
            };
            match below {
                Some(below) => count = count.saturating_add(below),
                None => open.push(entry.id()),
            }
        }
        if open.len() == before {
            known.insert(tree, count);
            open.pop();
        }
    }
    Ok(known[&root])
}

fn unfold(repo: &Repository, root: Oid, cancel: &AtomicBool) -> Result<Vec<TreeFile>, Problem> {
    let mut files = Vec::new();
    let mut folders = vec![(Vec::new(), root)];
    while let Some((folder, tree)) = folders.pop() {
        stop_if(cancel)?;
        for entry in &repo.find_tree(tree)? {
            let path = [&folder[..], entry.name_bytes()].concat();
            match entry.kind() {
                Some(ObjectType::Tree) => folders.push(([&path[..], b"/"].concat(), entry.id())),
                _ => files.push(TreeFile {
                    path,
                    id: entry.id(),
                    mode: canonical(entry.filemode_raw().cast_unsigned()),
                }),
            }
        }
    }
    Ok(files)
}

pub(super) fn stop_if(cancel: &AtomicBool) -> Result<(), Problem> {
    match cancel.load(Ordering::Relaxed) {
        true => Err(Problem::Cancelled),
        false => Ok(()),
    }
}

/// A mode as git's index has it. Trees of old and odd writers have others, such as 100664; git reads them the same way.
fn canonical(mode: u32) -> u32 {
    match mode & KIND_MASK {
        kind @ (MODE_LINK | MODE_SUBMODULE) => kind,
        _ if mode & 0o100 != 0 => MODE_EXECUTABLE,
        _ => MODE_REGULAR,
    }
}

/// Names that no file may have: they lead out of their folder, or are the copy's own `.git` on some file system (`git~1` on those of
/// Windows; those of macOS pass over some characters).
fn is_hostile(name: &[u8]) -> bool {
    let passed_over = |character: char| matches!(character, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}');
    let name = String::from_utf8_lossy(name).replace(passed_over, "");
    let is_git = |name: &str| {
        [".git", "git~1"]
            .iter()
            .any(|bad| bad.eq_ignore_ascii_case(name))
    };
    let leads_out = matches!(&name[..], "" | "." | "..") || name.contains('/');
    leads_out || is_git(name.trim_end_matches(['.', ' ']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_read_as_git_reads_them() {
        let table = [
            (0o100644, 0o100644),
            (0o100664, 0o100644),
            (0o100600, 0o100644),
            (0o100666, 0o100644),
            (0o100755, 0o100755),
            (0o100775, 0o100755),
            (0o100700, 0o100755),
            (0o120000, 0o120000),
            (0o120777, 0o120000),
            (0o160000, 0o160000),
        ];
        for (raw, mode) in table {
            assert_eq!(canonical(raw), mode, "{raw:o}");
        }
    }

    #[test]
    fn names_that_lead_elsewhere_are_hostile() {
        for name in [
            "",
            ".",
            "..",
            ".git",
            ".GiT",
            "git~1",
            "GIT~1",
            ".g\u{200c}it",
            ".git.",
            ".git ",
            "a/b",
        ] {
            assert!(is_hostile(name.as_bytes()), "{name}");
        }
        for name in [
            ".gitignore",
            "git",
            "...a",
            "a.git",
            "a\\b",
            ".github",
            "git~2",
            " ",
        ] {
            assert!(!is_hostile(name.as_bytes()), "{name}");
        }
    }
}
