//! The workspace: where each file of a run lies, and the lock that lets one writing command in at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

/// What can be wrong with a workspace.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// The folder given with `-C` is not there.
    #[error("the workspace {} does not exist; create it, or give another with -C", .0.display())]
    Missing(PathBuf),
    /// A folder or file of the workspace cannot be made or read.
    #[error("{}: {source}; make the workspace writable for this user, or give another with -C", path.display())]
    Io {
        /// What was touched.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Something else stands where a folder of the workspace should be: a file, or a link that leads nowhere.
    #[error("{} is no folder; move it away, or make the folder that it should lead to", .0.display())]
    NoFolder(PathBuf),
    /// Another writing command is at work.
    #[error("another pipeline run{} holds {}; wait for it or stop it, then run again", holder_text(.holder), path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// What the holder wrote about itself.
        holder: String,
    },
}

fn holder_text(holder: &str) -> String {
    if holder.is_empty() {
        String::new()
    } else {
        format!(" ({holder})")
    }
}

/// The folder of one dataset.
#[derive(Debug, Clone)]
pub struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// The workspace at `root`, whose `data`, `logs` and `repos` folders are created when missing.
    pub fn open(root: &Path) -> Result<Self, WorkspaceError> {
        let workspace = Self::look(root)?;
        for folder in [workspace.data(), workspace.logs(), workspace.repos()] {
            std::fs::create_dir_all(&folder).map_err(|source| match source.kind() {
                io::ErrorKind::AlreadyExists => WorkspaceError::NoFolder(folder),
                _ => io_error(&folder, source),
            })?;
        }
        Ok(workspace)
    }

    /// The workspace at `root` for a command that only reads: nothing is created.
    pub fn look(root: &Path) -> Result<Self, WorkspaceError> {
        if !root.is_dir() {
            return Err(WorkspaceError::Missing(root.to_owned()));
        }
        let root = root
            .canonicalize()
            .map_err(|source| io_error(root, source))?;
        Ok(Workspace { root })
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The list of repositories.
    pub fn repos_txt(&self) -> PathBuf {
        self.root.join("repos.txt")
    }

    /// The worktrees.
    pub fn repos(&self) -> PathBuf {
        self.root.join("repos")
    }

    /// The log files.
    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    /// The dataset.
    pub fn dataset(&self) -> PathBuf {
        self.data().join("pipeline.db")
    }

    /// The cache.
    pub fn cache(&self) -> PathBuf {
        self.data().join("cache.db")
    }

    /// Where the dataset is exported to when nothing else is said.
    pub fn export(&self) -> PathBuf {
        self.data().join("export")
    }

    /// Databases and lock.
    pub fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    /// Who holds the lock, if anybody does; may be empty when the holder cannot be read.
    pub fn lock_holder(&self) -> Result<Option<String>, WorkspaceError> {
        let path = self.data().join(".lock");
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(io_error(&path, source)),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // A courtesy: see below.
                let _ = file.read_to_string(&mut holder);
                Ok(Some(holder.trim().to_owned()))
            }
            Err(TryLockError::Error(source)) => Err(io_error(&path, source)),
        }
    }

    /// Takes the lock for a writing command. It is held until the returned guard is dropped, or the process ends in any way.
    pub fn lock(&self, who: &str) -> Result<Lock, WorkspaceError> {
        let path = self.data().join(".lock");
        let mut options = OpenOptions::new();
        let opened = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path);
        let mut file = opened.map_err(|source| io_error(&path, source))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Who holds it is only a courtesy: an unreadable line leaves the message without it.
                let _ = file.read_to_string(&mut holder);
                return Err(WorkspaceError::Locked {
                    path,
                    holder: holder.trim().to_owned(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(io_error(&path, source)),
        }
        let write = |file: &mut File| {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{who}, process {}", std::process::id())
        };
        write(&mut file).map_err(|source| io_error(&path, source))?;
        Ok(Lock { _file: file })
    }
}

/// The held lock.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

fn io_error(path: &Path, source: io::Error) -> WorkspaceError {
    WorkspaceError::Io {
        path: path.to_owned(),
        source,
    }
}
