//! What a file's repository defines elsewhere: looked up once, when an answer first names something that its own file has not.
//!
//! Reads the worktree on a thread of its own. What it finds is kept for as long as files of that repository are worked on.

use super::engine::Halt;
use super::repos::Located;
use super::source::{OpenRepository, facts};
use crate::domain::chunk::Outline;
use crate::domain::path;
use crate::domain::quality::Elsewhere;
use crate::domain::select::{self, FileKind, SelectOptions, Tracked};
use crate::domain::source::Repository;
use crate::walk::Candidate;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::OnceCell;
use tokio::task::JoinError;

/// Of a repository, so many bytes are read for what they define: some ten seconds of one core. The paths of the rest are known still.
const BYTES_MAX: u64 = 64 << 20;

/// The look-up, and what it found.
#[derive(Debug)]
pub(super) struct Neighbours {
    repos: PathBuf,
    options: SelectOptions,
    closed: Arc<AtomicBool>,
    known: Mutex<Vec<(Weak<Repository>, Found)>>,
}

type Found = Arc<OnceCell<Arc<Elsewhere>>>;

impl Neighbours {
    /// Of the repositories below `repos`, files that `options` select; given up once `closed` is set.
    pub fn new(repos: PathBuf, options: SelectOptions, closed: Arc<AtomicBool>) -> Self {
        Neighbours {
            repos,
            options,
            closed,
            known: Mutex::default(),
        }
    }

    /// What a repository defines. Nothing, if it cannot be opened.
    pub async fn of(&self, repository: &Arc<Repository>) -> Result<Arc<Elsewhere>, Halt> {
        let found = self.entry(repository);
        let look = || async {
            let located = self.located(&repository.folder);
            let (options, closed) = (self.options.clone(), Arc::clone(&self.closed));
            let found = tokio::task::spawn_blocking(move || look_up(located, &options, &closed));
            let found = found.await.unwrap_or_else(panic_on);
            found.map(Arc::new).ok_or(Halt::Closed)
        };
        found.get_or_try_init(look).await.cloned()
    }

    /// The place for what is found in a repository. Those whose last file is done are dropped.
    fn entry(&self, repository: &Arc<Repository>) -> Found {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(of, _)| of.strong_count() > 0);
        let wanted = Arc::downgrade(repository);
        if let Some((_, found)) = known.iter().find(|(of, _)| of.ptr_eq(&wanted)) {
            return Arc::clone(found);
        }
        let found = Found::default();
        known.push((wanted, Arc::clone(&found)));
        found
    }

    fn located(&self, folder: &str) -> Located {
        Located {
            folder: folder.to_owned(),
            worktree: self.repos.join(OsStr::from_bytes(&path::decode(folder))),
        }
    }
}

/// A panic of the look-up goes on in who waits for it; one that was given up found nothing.
fn panic_on(error: JoinError) -> Option<Elsewhere> {
    if let Ok(panic) = error.try_into_panic() {
        std::panic::resume_unwind(panic);
    }
    None
}

/// `None` once the run is ending.
fn look_up(located: Located, options: &SelectOptions, closed: &AtomicBool) -> Option<Elsewhere> {
    tracing::debug!(
        "{}: reading what it defines, for answers that name other files' things",
        located.folder
    );
    let mut elsewhere = Elsewhere::default();
    let repository = match OpenRepository::open(located) {
        Ok(repository) => repository,
        Err(error) => {
            tracing::warn!("{error}: what it defines is not known to the checks of answers");
            return Some(elsewhere);
        }
    };
    let mut bytes_left = BYTES_MAX;
    let is_file = |one: &Candidate| one.kind == FileKind::Regular && one.tracked == Tracked::Yes;
    for candidate in repository.candidates().flatten().filter(is_file) {
        if closed.load(Ordering::Relaxed) {
            return None;
        }
        elsewhere.add_path(&path::encode(&candidate.path));
        let Some(left) = bytes_left.checked_sub(candidate.stamp.file_bytes) else {
            continue;
        };
        if let Some((outline, text)) = outline(&repository, &candidate, options) {
            elsewhere.add_definitions(&outline, &text);
            bytes_left = left;
        }
    }
    Some(elsewhere)
}

/// What a file defines, and its text, if it is one that could be sent.
fn outline(
    repository: &OpenRepository,
    candidate: &Candidate,
    options: &SelectOptions,
) -> Option<(Outline, String)> {
    let attributes = repository.attributes(candidate);
    let facts = facts(candidate, &attributes);
    select::by_path(&facts, options).ok()?;
    let read = repository.read(candidate, options.file_bytes_max()).ok()?;
    let source = select::by_content(&read.bytes, &facts, options).ok()?;
    let outline = Outline::of(&source.text, source.language.name());
    Some((outline, source.text))
}
