//! The place of a copy below `repos/`: what stands there, and how a finished copy gets there.
//!
//! A copy is made under a dot-name directly below `repos/` and renamed into its place when it is whole, so a place holds a
//! whole copy or none.

use super::copy::Copy;
use super::error::Problem;
use crate::domain::repo::RepoId;
use crate::fail_point::{Point, reach};
use sha2::{Digest, Sha256};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The folders that belong to one repo.
pub(super) struct Place {
    /// The worktree.
    pub root: PathBuf,
    /// Where a new copy is made.
    pub incoming: PathBuf,
    /// Where the old copy is while a new one takes its place.
    outgoing: PathBuf,
}

/// Removes what killed runs left below `repos_dir` of copies that were never finished, also of repos that are no longer listed. Not
/// while a [`sync`](super::sync) runs. Returns why some of it is still there, which concerns only the repo whose place it is.
pub fn remove_leftovers(repos_dir: &Path) -> Vec<Problem> {
    let entries = fs::read_dir(repos_dir).into_iter().flatten().flatten();
    let incoming = entries.filter(|entry| is_incoming(&entry.file_name()));
    incoming
        .filter_map(|entry| remove_folder(&entry.path()).err())
        .collect()
}

/// Whether what stands directly below `repos/` under this name is a copy that is not in its place: not whole yet, or on its way out.
pub fn is_passing(name: &OsStr) -> bool {
    is_incoming(name) || name.as_encoded_bytes().starts_with(b".outgoing-")
}

fn is_incoming(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".incoming-")
}

/// What stands in a place.
pub(super) enum Occupant {
    /// Nothing, or nothing that anyone could miss.
    Nothing,
    /// A copy made by this program.
    Copy(Copy),
    /// A copy made by this program that cannot be opened.
    Damaged,
}

impl Place {
    pub fn new(repos_dir: &Path, id: &RepoId) -> Self {
        let key: String = Sha256::digest(id.as_str())
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Place {
            root: repos_dir.join(id.as_str()),
            incoming: repos_dir.join(format!(".incoming-{key}")),
            outgoing: repos_dir.join(format!(".outgoing-{key}")),
        }
    }

    /// Removes what a killed run left, and puts back an old copy whose successor never arrived.
    pub fn tidy(&self) -> Result<(), Problem> {
        if self.outgoing.exists() && !self.root.exists() {
            fs::rename(&self.outgoing, &self.root).map_err(Problem::disk(&self.root))?;
        }
        remove_folder(&self.outgoing)?;
        remove_folder(&self.incoming)
    }

    /// Looks at what is there.
    ///
    /// # Errors
    /// When it belongs to somebody else.
    pub fn occupant(&self) -> Result<Occupant, Problem> {
        let names = match folder_names(&self.root) {
            Ok(names) => names,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Occupant::Nothing),
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                return Err(self.in_the_way());
            }
            Err(error) => return Err(Problem::disk(&self.root)(error)),
        };
        self.may_be_read()?;
        let opened = Copy::open(&self.root);
        match opened {
            Ok(copy) if Copy::is_ours(&self.root) => Ok(Occupant::Copy(copy)),
            Err(_) if Copy::is_ours(&self.root) => Ok(Occupant::Damaged),
            // An interrupted clone by other hands has no files yet.
            Ok(copy) if names == [".git"] && copy.commit().unwrap_or(None).is_none() => {
                Ok(Occupant::Nothing)
            }
            Err(_) if names.is_empty() || names == [".git"] => Ok(Occupant::Nothing),
            Ok(_) => Err(Problem::NotOurs(self.root.clone())),
            Err(_) => Err(self.in_the_way()),
        }
    }

    /// Puts the incoming copy into the place. What was there goes away only when that has worked.
    pub fn install(&self) -> Result<(), Problem> {
        let parent = self.root.parent().unwrap_or(&self.root);
        fs::create_dir_all(parent).map_err(Problem::disk(parent))?;
        let had_old = self.root.exists();
        if had_old {
            fs::rename(&self.root, &self.outgoing).map_err(Problem::disk(&self.root))?;
        }
        reach(Point::CloneRename);
        if let Err(error) = fs::rename(&self.incoming, &self.root) {
            if had_old {
                fs::rename(&self.outgoing, &self.root).map_err(Problem::disk(&self.root))?;
            }
            return Err(Problem::disk(&self.root)(error));
        }
        remove_folder(&self.outgoing)
    }

    /// What may not be read cannot be told from what belongs to somebody else.
    fn may_be_read(&self) -> Result<(), Problem> {
        for name in [".git", ".git/config"] {
            let path = self.root.join(name);
            match fs::File::open(&path) {
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    return Err(Problem::disk(&path)(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn in_the_way(&self) -> Problem {
        Problem::InTheWay(self.root.clone())
    }
}

/// Names inside a folder. A link to a folder is not one.
fn folder_names(folder: &Path) -> io::Result<Vec<std::ffi::OsString>> {
    if !fs::symlink_metadata(folder)?.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    fs::read_dir(folder)?
        .map(|entry| Ok(entry?.file_name()))
        .collect()
}

/// Removes a folder that may not be there.
pub(super) fn remove_folder(folder: &Path) -> Result<(), Problem> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            Err(Problem::InTheWay(folder.to_owned()))
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Problem::disk(folder)(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::repo::parse_list;

    fn place(repos_dir: &Path) -> Place {
        let (specs, _) = parse_list("https://h.org/o/n");
        Place::new(repos_dir, &specs[0].id)
    }

    fn fill(folder: &Path, content: &str) {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join("file"), content).unwrap();
    }

    fn content(place: &Place) -> Option<String> {
        fs::read_to_string(place.root.join("file")).ok()
    }

    #[test]
    fn a_new_copy_replaces_the_old_one_and_nothing_else_remains() {
        let dir = tempfile::tempdir().unwrap();
        let place = place(dir.path());
        for version in ["old", "new"] {
            fill(&place.incoming, version);
            place.install().unwrap();
            assert_eq!(content(&place).as_deref(), Some(version));
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_kill_at_any_moment_of_the_exchange_leaves_one_whole_copy() {
        // Before, between and after the two renames: what stands where, and what must be there in the end.
        let table = [
            (Some("old"), None, Some("new"), Some("old")),
            (None, Some("old"), Some("new"), Some("old")),
            (Some("new"), Some("old"), None, Some("new")),
            (None, None, Some("half"), None),
        ];
        for (root, outgoing, incoming, expected) in table {
            let dir = tempfile::tempdir().unwrap();
            let place = place(dir.path());
            fs::create_dir_all(place.root.parent().unwrap()).unwrap();
            let folders = [
                (&place.root, root),
                (&place.outgoing, outgoing),
                (&place.incoming, incoming),
            ];
            for (folder, content) in folders {
                content.inspect(|content| fill(folder, content));
            }
            place.tidy().unwrap();
            assert_eq!(content(&place).as_deref(), expected);
            assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        }
    }

    #[test]
    fn a_failed_exchange_puts_the_old_copy_back() {
        let dir = tempfile::tempdir().unwrap();
        let place = place(dir.path());
        fill(&place.root, "old");
        assert!(place.install().is_err());
        assert_eq!(content(&place).as_deref(), Some("old"));
    }
}
