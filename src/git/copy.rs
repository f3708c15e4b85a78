//! A copy: the repository below `repos/` that mirrors one commit of one repo.
//!
//! Owns what is inside its `.git`: settings, HEAD, the shallow boundary, the half-updated mark. HEAD is always detached: one
//! file, replaced at once, and no branch of upstream can collide with an older one.

use super::error::Problem;
use git2::{Config, ConfigLevel, ErrorCode, Index, Oid, Repository, RepositoryInitOptions};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Settings that decide which bytes a checkout writes. They stand in the copy's own file, which is the only one that is read.
const SETTINGS: [(&str, &str); 10] = [
    ("core.autocrlf", "false"),
    ("core.symlinks", "false"),
    ("core.protectHFS", "true"),
    ("core.protectNTFS", "true"),
    ("core.logAllRefUpdates", "false"),
    ("core.attributesFile", "/dev/null"),
    ("core.excludesFile", "/dev/null"),
    ("gc.auto", "0"),
    // libgit2 takes this for the size from which objects are packed without a search for deltas (pack-objects.c, 1.9). One commit has few
    // worth finding, and the search takes most of the time of a local clone.
    ("pack.deltaCacheSize", "1"),
    (OURS, "true"),
];
/// Marks a repository as made by this program.
const OURS: &str = "pipeline.copy";
const REFERENCE: &str = "pipeline.reference";
const URL: &str = "remote.origin.url";
/// Stands while the worktree is between two commits. Names those whose files may have been written.
const MARK: &str = "pipeline-half-updated";
/// Left by a killed process, these would block every later one. Only one run writes at a time.
const LOCKS: [&str; 4] = ["index.lock", "HEAD.lock", "config.lock", "shallow.lock"];

/// An opened copy.
pub(super) struct Copy {
    pub repo: Repository,
    /// The worktree.
    pub root: PathBuf,
}

impl Copy {
    /// Makes an empty copy in a new folder. No template is read, so no hook is there.
    pub fn create(root: &Path) -> Result<Self, Problem> {
        let mut options = RepositoryInitOptions::new();
        Repository::init_opts(root, options.external_template(false).no_reinit(true))?;
        let copy = Self::open(root)?;
        for (name, value) in SETTINGS {
            copy.set(name, value)?;
        }
        Self::open(root)
    }

    /// Opens a repository with nothing but its own settings.
    ///
    /// It is opened as bare and given its worktree after: that way git's ownership check (`safe.directory`), which guards
    /// against hooks and settings that are not used here, cannot stop a job of another user.
    pub fn open(root: &Path) -> Result<Self, Problem> {
        let git_dir = root.join(".git");
        let repo = match git_dir.is_dir() {
            true => Repository::open_bare(&git_dir)?,
            false => Repository::open(root)?,
        };
        let mut settings = Config::new()?;
        settings.add_file(&repo.commondir().join("config"), ConfigLevel::Local, false)?;
        repo.set_config(&settings)?;
        repo.set_workdir(root, false)?;
        Ok(Copy {
            repo,
            root: root.to_owned(),
        })
    }

    /// Whether a folder holds a repository that this program made, whatever its state.
    pub fn is_ours(root: &Path) -> bool {
        Config::open(&root.join(".git/config"))
            .is_ok_and(|settings| settings.get_bool(OURS).unwrap_or(false))
    }

    /// Removes what only a killed process can have left.
    pub fn remove_leftovers(&self) -> Result<(), Problem> {
        for name in LOCKS {
            remove_file(&self.git_path(name))?;
        }
        // Without the folder there is nothing to remove; what is missing shows later.
        let packs = fs::read_dir(self.git_path("objects/pack"));
        for entry in packs.into_iter().flatten().flatten() {
            if !entry.file_name().as_encoded_bytes().starts_with(b"pack-") {
                remove_file(&entry.path())?;
            }
        }
        Ok(())
    }

    /// Git's index. A missing one is an error: read as empty, it would say that every file is gone.
    pub fn index(&self) -> Result<Index, Problem> {
        let index = self.repo.index()?;
        if index.is_empty() && !self.git_path("index").exists() {
            return Err(Problem::Data("the index is missing".to_owned()));
        }
        Ok(index)
    }

    /// The commit that HEAD names; `None` before the first one.
    pub fn commit(&self) -> Result<Option<Oid>, Problem> {
        match self.repo.head() {
            Ok(head) => Ok(Some(head.peel_to_commit()?.id())),
            Err(error) if matches!(error.code(), ErrorCode::UnbornBranch | ErrorCode::NotFound) => {
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Makes HEAD name a commit.
    pub fn set_commit(&self, commit: Oid) -> Result<(), Problem> {
        Ok(self.repo.set_head_detached(commit)?)
    }

    /// The full name of the reference this copy follows; for a repository of others, what HEAD names.
    pub fn reference(&self) -> String {
        let recorded = self.get(REFERENCE);
        let head = || {
            self.repo
                .head()
                .ok()
                .and_then(|head| head.name().ok().map(str::to_owned))
        };
        recorded.or_else(head).unwrap_or_else(|| "HEAD".to_owned())
    }

    /// Upstream's address as recorded.
    pub fn url(&self) -> Option<String> {
        self.get(URL)
    }

    /// Records where the copy comes from; writes only what changed.
    pub fn record(&self, url: &str, reference: &str) -> Result<(), Problem> {
        for (name, value) in [(URL, url), (REFERENCE, reference)] {
            if self.get(name).as_deref() != Some(value) {
                self.set(name, value)?;
            }
        }
        Ok(())
    }

    /// The commits whose parents are not here.
    pub fn shallow(&self) -> Vec<Oid> {
        let text = fs::read_to_string(self.git_path("shallow")).unwrap_or_default();
        text.lines()
            .filter_map(|line| line.parse().ok())
            .filter(|&commit| self.has(commit))
            .collect()
    }

    /// Replaces the list of commits whose parents are not here.
    pub fn set_shallow(&self, commits: &[Oid]) -> Result<(), Problem> {
        let path = self.git_path("shallow");
        let lock = self.git_path("shallow.lock");
        let text: String = commits.iter().map(|commit| format!("{commit}\n")).collect();
        fs::write(&lock, text).map_err(Problem::disk(&lock))?;
        fs::rename(&lock, &path).map_err(Problem::disk(&path))
    }

    /// Whether an object is here. Packs arrive whole or not at all, so a commit that is here has all its files.
    pub fn has(&self, object: Oid) -> bool {
        self.repo.odb().is_ok_and(|odb| odb.exists(object))
    }

    /// Whether the worktree is between two commits.
    pub fn is_half_updated(&self) -> bool {
        self.git_path(MARK).exists()
    }

    /// The commits whose checkout began and did not end.
    pub fn unfinished(&self) -> Vec<Oid> {
        let text = fs::read_to_string(self.git_path(MARK)).unwrap_or_default();
        let ids = text.lines().filter(|line| line.len() == 40);
        ids.filter_map(|line| line.parse().ok()).collect()
    }

    /// Says that the worktree is about to get the files of a commit. On disk before the first change is.
    pub fn begin_update(&self, to: Oid) -> Result<(), Problem> {
        let path = self.git_path(MARK);
        let was_marked = path.exists();
        let opened = OpenOptions::new().append(true).create(true).open(&path);
        // A line that was cut short must not run into this one.
        let line = match self.unfinished().contains(&to) {
            true => String::new(),
            false => format!("\n{to}\n"),
        };
        let written = opened.and_then(|mut file| {
            file.write_all(line.as_bytes())?;
            file.sync_all()
        });
        if written.is_err() && !was_marked {
            remove_file(&path)?;
        }
        written.map_err(Problem::disk(&path))
    }

    /// Says that the worktree is one commit again.
    pub fn end_update(&self) -> Result<(), Problem> {
        remove_file(&self.git_path(MARK))
    }

    /// A path inside the `.git` folder.
    pub fn git_path(&self, name: &str) -> PathBuf {
        self.repo.path().join(name)
    }

    fn get(&self, name: &str) -> Option<String> {
        self.repo.config().ok()?.get_string(name).ok()
    }

    fn set(&self, name: &str, value: &str) -> Result<(), Problem> {
        Ok(self.repo.config()?.set_str(name, value)?)
    }
}

/// Removes a file that may not be there.
pub(super) fn remove_file(path: &Path) -> Result<(), Problem> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Problem::disk(path)(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_that_never_ends_is_marked_once() {
        let folder = tempfile::tempdir().unwrap();
        let copy = Copy::create(folder.path()).unwrap();
        let [one, other] = ["11", "22"].map(|pair| pair.repeat(20).parse().unwrap());
        for to in [one, one, other, one] {
            copy.begin_update(to).unwrap();
        }
        assert_eq!(copy.unfinished(), [one, other]);
        copy.end_update().unwrap();
        assert!(!copy.is_half_updated());
    }
}
