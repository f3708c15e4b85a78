//! Brings one copy to the state of its upstream.

use super::copy::Copy;
use super::error::{GitError, Problem};
use super::local::Local;
use super::place::{Occupant, Place, remove_folder};
use super::target::Target;
use super::wire::{Ask, IDLE_SECS, Patience, Session};
use super::{packs, worktree};
use crate::domain::repo::{Address, RepoSpec};
use git2::Oid;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What a sync did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Synced {
    /// What changed on disk.
    pub change: Change,
    /// The commit whose files are in the worktree, as 40 digits; `None` when upstream is empty.
    pub commit: Option<String>,
    /// Full name of the reference followed, `HEAD` when upstream's is detached, or the commit asked for; empty when upstream is.
    pub reference: String,
}

/// What a sync changed on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// There was no copy.
    Cloned,
    /// The copy moved to another commit.
    Updated {
        /// The commit before.
        from: String,
    },
    /// Upstream had nothing new, but files of the worktree had been changed, removed or half written.
    Restored {
        /// How many were found in the worktree; those only git's index lacked are not counted.
        files: usize,
    },
    /// Nothing: only references were listed.
    Unchanged,
    /// Nothing: upstream has no commits yet.
    Empty,
}

/// How far a transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the pack that have arrived.
    pub received_bytes: u64,
}

/// Clones or updates the copy of one repo below `repos_dir`; a relative local address is relative to the folder around that.
///
/// Blocks; independent repos may be synced on several threads, one repo never twice at once. `cancel` ends it within a tenth of a second
/// while it waits for the network. `progress` is called for every piece of a pack.
///
/// # Errors
/// One [`GitError`] that names the repo and the cure. A copy that was there stays as it was.
pub fn sync(
    repos_dir: &Path,
    spec: &RepoSpec,
    cancel: &AtomicBool,
    progress: &dyn Fn(Progress),
) -> Result<Synced, GitError> {
    let job = Job {
        repos_dir,
        spec,
        cancel,
        progress,
        place: Place::new(repos_dir, &spec.id),
    };
    job.run().map_err(|problem| GitError {
        repo: spec.public_url(),
        problem,
    })
}

struct Job<'a> {
    repos_dir: &'a Path,
    spec: &'a RepoSpec,
    cancel: &'a AtomicBool,
    progress: &'a dyn Fn(Progress),
    place: Place,
}

impl Job<'_> {
    fn run(&self) -> Result<Synced, Problem> {
        self.place.tidy()?;
        match self.place.occupant()? {
            Occupant::Nothing | Occupant::Damaged => self.clone_anew(),
            Occupant::Copy(copy) => match self.update_or_mend(&copy) {
                // Damaged git data does not heal; a fresh copy may. If there is none to be had, the old one stays.
                Err(Problem::Data(_)) => self.clone_anew(),
                done => done,
            },
        }
    }

    fn clone_anew(&self) -> Result<Synced, Problem> {
        let mut remote = self.connect()?;
        let Some(target) = remote.target(self.spec)? else {
            remote.close();
            return Ok(Synced {
                change: Change::Empty,
                commit: None,
                reference: String::new(),
            });
        };
        let made = self
            .make(&mut remote, &target)
            .and_then(|()| self.place.install());
        if made.is_err() {
            remove_folder(&self.place.incoming)?;
        }
        made.map(|()| synced(Change::Cloned, &target))
    }

    fn make(&self, remote: &mut Remote<'_>, target: &Target) -> Result<(), Problem> {
        let copy = Copy::create(&self.place.incoming)?;
        self.fetch(remote, target, &copy, None)?;
        worktree::switch(&copy, target.commit, self.cancel)?;
        self.finish(&copy, target)
    }

    /// When upstream has no new commit to give, the files of the old one can come back all the same.
    fn update_or_mend(&self, copy: &Copy) -> Result<Synced, Problem> {
        copy.remove_leftovers()?;
        let updated = self.update(copy);
        if let Err(problem) = &updated
            && !matches!(problem, Problem::Cancelled | Problem::Data(_))
            && let Some(commit) = copy.commit()?
        {
            // If that fails too, the first problem is the one to tell.
            drop(self.mend(copy, commit));
        }
        updated
    }

    fn update(&self, copy: &Copy) -> Result<Synced, Problem> {
        let from = copy.commit()?;
        let mut remote = None;
        let target =
            match Target::pinned(&self.spec.wanted).filter(|target| Some(target.commit) == from) {
                Some(target) => target,
                None => remote
                    .insert(self.connect()?)
                    .target(self.spec)?
                    .ok_or(Problem::NowEmpty)?,
            };
        if from == Some(target.commit) {
            if let Some(remote) = remote {
                remote.close();
            }
            return self.restore(copy, &target);
        }
        if let Some(remote) = remote.as_mut().filter(|_| !copy.has(target.commit)) {
            self.fetch(remote, &target, copy, from)?;
        }
        worktree::switch(copy, target.commit, self.cancel)?;
        self.finish(copy, &target)?;
        packs::bound(copy, target.commit)?;
        let change = from.map_or(Change::Cloned, |from| Change::Updated {
            from: from.to_string(),
        });
        Ok(synced(change, &target))
    }

    /// The right commit is there; its files may not be.
    fn restore(&self, copy: &Copy, target: &Target) -> Result<Synced, Problem> {
        let change = self.mend(copy, target.commit)?;
        self.finish(copy, target)?;
        Ok(synced(change, target))
    }

    /// Brings the files of the commit that is there back.
    fn mend(&self, copy: &Copy, commit: Oid) -> Result<Change, Problem> {
        let found = worktree::survey(copy)?;
        let files = found.altered.len();
        let is_whole =
            files == 0 && !copy.is_half_updated() && worktree::has_index_of(copy, commit)?;
        if !is_whole {
            worktree::switch(copy, commit, self.cancel)?;
            copy.end_update()?;
            return Ok(Change::Restored { files });
        }
        if !found.stamps.is_empty() {
            worktree::restamp(copy, &found.stamps);
        }
        Ok(Change::Unchanged)
    }

    fn finish(&self, copy: &Copy, target: &Target) -> Result<(), Problem> {
        copy.record(&self.spec.public_url(), &target.reference)?;
        copy.end_update()
    }

    fn fetch(
        &self,
        remote: &mut Remote<'_>,
        target: &Target,
        copy: &Copy,
        have: Option<Oid>,
    ) -> Result<(), Problem> {
        let here = copy.shallow();
        let odb = copy.repo.odb()?;
        let mut writer = odb.packwriter()?;
        let mut pack = Incoming {
            pack: &mut writer,
            received_bytes: 0,
            job: self,
        };
        let new = match remote {
            Remote::Local(local) => local.fetch(target, copy, &mut pack, self.cancel),
            Remote::Wire(session) => session.fetch(
                &Ask {
                    want: target.object,
                    have,
                    shallow: here.clone(),
                },
                &mut pack,
            ),
        };
        let new = new.map_err(|problem| target.explain(problem))?;
        // Before the pack: a commit without parents must never be taken for one with all its history.
        let kept = here.into_iter().filter(|&commit| Some(commit) == have);
        copy.set_shallow(&kept.chain(new).collect::<Vec<_>>())?;
        writer.commit()?;
        odb.refresh()?;
        match copy.repo.find_object(target.commit, None)?.kind() {
            Some(git2::ObjectType::Commit) => Ok(()),
            _ => Err(Problem::NotACommit(target.reference.clone())),
        }
    }

    fn connect(&self) -> Result<Remote<'_>, Problem> {
        match &self.spec.address {
            Address::Local { path } => {
                let workspace = self.repos_dir.parent().unwrap_or(Path::new(""));
                Ok(Remote::Local(Local::open(&workspace.join(path))?))
            }
            address => {
                let patience = Patience::new(self.cancel, Duration::from_secs(IDLE_SECS));
                Ok(Remote::Wire(Box::new(Session::open(
                    address,
                    &self.spec.wanted,
                    patience,
                )?)))
            }
        }
    }
}

fn synced(change: Change, target: &Target) -> Synced {
    Synced {
        change,
        commit: Some(target.commit.to_string()),
        reference: target.reference.clone(),
    }
}

/// Where objects come from.
enum Remote<'a> {
    Local(Local),
    Wire(Box<Session<'a>>),
}

impl Remote<'_> {
    fn target(&mut self, spec: &RepoSpec) -> Result<Option<Target>, Problem> {
        match self {
            Remote::Local(local) => local.target(&spec.wanted),
            Remote::Wire(session) => session.target(&spec.wanted),
        }
    }

    fn close(self) {
        if let Remote::Wire(session) = self {
            session.close();
        }
    }
}

/// The arriving pack.
struct Incoming<'a, 'repo> {
    pack: &'a mut git2::OdbPackwriter<'repo>,
    received_bytes: u64,
    job: &'a Job<'a>,
}

impl Write for Incoming<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.job.cancel.load(Ordering::Relaxed) {
            return Err(Problem::Cancelled.into());
        }
        // git2's own error says only that there was one; libgit2 knows which.
        let written = self
            .pack
            .write(bytes)
            .map_err(|_| Problem::from(git2::Error::last_error(-1)))?;
        self.received_bytes += written as u64;
        (self.job.progress)(Progress {
            received_bytes: self.received_bytes,
        });
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
