//! The scan of one repository: what each of its files is to the run, by what earlier runs know of it.
//!
//! The walk goes on a thread of its own, and what is stored is pulled beside it in the same order: memory stays flat.

use super::alongside::{Alongside, PAGE};
use super::before::Before;
use super::copies;
use super::drive::Intake;
use super::engine::Work;
use super::intake::{Closed, Finder};
use super::source::{NotTaken, OpenRepository, facts};
use crate::domain::licence;
use crate::domain::select::{self, Attributes, FileKind, PathFacts, Skip, SkipReason, Tracked};
use crate::domain::source::SourceFile;
use crate::domain::stamp::Seen;
use crate::store::{Bare, Change, StatRow, StoreError};
use crate::walk::{Candidate, FileBytes, ReadError, WalkError};
use std::sync::mpsc::{SyncSender, sync_channel};

/// Stat rows are handed to the cache in groups of so many.
const STATS_GROUP: usize = 256;

/// The walk hands over so many candidates at a time, and is at most so many batches ahead.
const BATCH: usize = 256;
const BATCHES: usize = 4;

/// Begins the note about a file that was chosen. No reason has this code.
const CHOSEN: &str = "chosen";

/// A file that is no longer selected is compared with what is stored about it up to this size.
const COMPARED_BYTES_MAX: u64 = 64 << 20;

/// The scan of one repository.
pub(super) struct Scan<'a, 'b> {
    finder: &'a mut Finder<'b>,
    repository: &'a OpenRepository,
    refresh: bool,
    /// The content hashes of files in the dataset.
    stored: Alongside<String>,
    known: Alongside<StatRow>,
    learnt: Vec<(String, StatRow)>,
    /// The note in the stat cache that spares an unchanged file the checks of its path: it passed them, under these options.
    chosen: String,
}

/// Lists the worktree, ahead of who looks at what is found. Ends when nobody does any more.
fn list(repository: &OpenRepository, sender: &SyncSender<Vec<Result<Candidate, WalkError>>>) {
    let mut candidates = repository.candidates();
    loop {
        let batch: Vec<_> = candidates.by_ref().take(BATCH).collect();
        if batch.is_empty() || sender.send(batch).is_err() {
            return;
        }
    }
}

/// How a walk ended.
pub(super) enum Walked {
    /// Every file was looked at.
    ToItsEnd,
    /// A signal came, or nobody listens any more.
    Early,
}

/// What looking at one candidate came to.
enum Found {
    Unchanged,
    New(Box<SourceFile>),
    Not(NotTaken),
}

impl<'a, 'b> Scan<'a, 'b> {
    /// A scan of `repository`; with `refresh`, unchanged files are found too.
    pub fn begin(
        finder: &'a mut Finder<'b>,
        repository: &'a OpenRepository,
        refresh: bool,
    ) -> Self {
        Scan {
            chosen: format!("{CHOSEN} {}", finder.settings.select_key),
            finder,
            repository,
            refresh,
            stored: Alongside::new(),
            known: Alongside::new(),
            learnt: Vec::new(),
        }
    }

    /// Looks at every file, and once all were seen retires what is stored about others.
    pub fn walk(&mut self) -> Result<Walked, StoreError> {
        let repository = self.repository;
        std::thread::scope(|scope| {
            let (sender, found) = sync_channel(BATCHES);
            scope.spawn(move || list(repository, &sender));
            self.visit_all(found.into_iter().flatten())
        })
    }

    fn visit_all(
        &mut self,
        found: impl Iterator<Item = Result<Candidate, WalkError>>,
    ) -> Result<Walked, StoreError> {
        let mut is_whole = true;
        for candidate in found {
            if self.finder.session.signals.seen().is_some() {
                return Ok(Walked::Early);
            }
            self.finder.progress.file_scanned();
            match candidate {
                Ok(candidate) => {
                    if self.visit(&candidate)?.is_err() {
                        return Ok(Walked::Early);
                    }
                    if self.learnt.len() >= STATS_GROUP {
                        self.keep_stats()?;
                    }
                }
                Err(error) => {
                    is_whole = false;
                    self.finder.summary.unreadable();
                    tracing::warn!("{}: {error}", self.repository.located.folder);
                }
            }
        }
        if is_whole && self.retire_vanished()?.is_err() {
            return Ok(Walked::Early);
        }
        Ok(Walked::ToItsEnd)
    }

    /// What earlier runs know of a file.
    fn before(&mut self, path: &str) -> Result<Before, StoreError> {
        let folder = &self.repository.located.folder;
        let (store, cache) = (&self.finder.store, &self.finder.cache);
        Ok(Before {
            stored: self
                .stored
                .take(path, |after| store.files_below(folder, after, PAGE))?,
            known: self
                .known
                .take(path, |after| cache.stats_below(folder, after, PAGE))?,
        })
    }

    fn visit(&mut self, candidate: &Candidate) -> Result<Result<(), Closed>, StoreError> {
        let path = self.repository.stored_path(candidate);
        let before = self.before(&path)?;
        let found = self.look(candidate, &path, &before)?;
        let summary = &mut self.finder.summary;
        match found {
            Found::Unchanged => {
                summary.files += 1;
                summary.unchanged += 1;
            }
            Found::New(file) => {
                if self.finder.send(Intake::File(file, Work::Whole)).is_err() {
                    return Ok(Err(Closed));
                }
            }
            Found::Not(NotTaken::Skip(skip)) => {
                self.finder.skip(&path, &skip);
                // What git does not track is no part of the repository: rows about it go with those of vanished files.
                if skip.reason == SkipReason::Untracked {
                    if let Some(content_hash) = before.stored {
                        self.stored.put_back(path, content_hash);
                    }
                } else if self.has_changed(candidate, &path, &before) {
                    return Ok(self.finder.send(Intake::Change(Change::Retire { path })));
                }
            }
            Found::Not(NotTaken::Unreadable(error)) => {
                summary.unreadable();
                tracing::warn!("{}: {error}", self.repository.located.folder);
            }
        }
        Ok(Ok(()))
    }

    fn look(
        &mut self,
        candidate: &Candidate,
        path: &str,
        before: &Before,
    ) -> Result<Found, StoreError> {
        let options = &self.finder.settings.select;
        let attributes = self.repository.attributes(candidate);
        let rests_on_itself = self.rests_on_itself(candidate, &attributes);
        if rests_on_itself && before.is_unchanged(&candidate.stamp, &self.chosen) {
            return Ok(Found::Unchanged);
        }
        let facts = facts(candidate, &attributes);
        if let Err(skip) = select::by_path(&facts, options) {
            return Ok(Found::Not(skip.into()));
        }
        let chosen = rests_on_itself.then(|| self.chosen.clone());
        if let Some(found) = self.known_before(candidate, path, before)? {
            if let (Found::Unchanged, Some(row), Some(_)) = (&found, &before.known, &chosen) {
                self.learn(path, row.seen.clone(), chosen);
            }
            return Ok(found);
        }
        self.look_inside(candidate, path, before, &facts, chosen)
    }

    /// Reads a file whose path is chosen.
    fn look_inside(
        &mut self,
        candidate: &Candidate,
        path: &str,
        before: &Before,
        facts: &PathFacts<'_>,
        chosen: Option<String>,
    ) -> Result<Found, StoreError> {
        let options = &self.finder.settings.select;
        let seen_at_ns = super::now_nanos();
        let read = match self.repository.read(candidate, options.file_bytes_max()) {
            Ok(read) => read,
            Err(error) => return Ok(Found::Not(NotTaken::Unreadable(error))),
        };
        let seen = seen(&read, seen_at_ns);
        let is_stored = before.is_stored(&read.content_hash);
        if !self.refresh && is_stored {
            self.learn(path, seen, chosen);
            return Ok(Found::Unchanged);
        }
        let bare = select::fingerprint(&read.bytes);
        if !is_stored
            && let Some(skip) = copies::kept_elsewhere(self.finder, path, &read.content_hash, bare)?
        {
            self.learn(path, seen, Some(self.remembered(&skip, &hex(bare))));
            return Ok(Found::Not(skip.into()));
        }
        match self.repository.take(candidate, facts, &read, options) {
            Ok(file) => {
                copies::claim(self.finder, &file, bare)?;
                self.learn(path, seen, chosen);
                Ok(Found::New(Box::new(file)))
            }
            Err(skip) => {
                let licence = self.inherited_licence(candidate);
                self.learn(path, seen, Some(self.remembered(&skip, licence)));
                Ok(Found::Not(skip.into()))
            }
        }
    }

    /// What an earlier run knew, when the file's stamp proves that its content is the same.
    fn known_before(
        &self,
        candidate: &Candidate,
        path: &str,
        before: &Before,
    ) -> Result<Option<Found>, StoreError> {
        let Some(row) = before.proven(&candidate.stamp) else {
            return Ok(None);
        };
        if !self.refresh && before.is_stored(&row.seen.content_hash) {
            return Ok(Some(Found::Unchanged));
        }
        let Some((code, rest)) = row.note.as_deref().and_then(|s| s.split_once(' ')) else {
            return Ok(None);
        };
        let Some(skip) = Skip::from_code(code) else {
            return Ok(None);
        };
        let (key, ground) = rest.split_once(' ').unwrap_or((rest, ""));
        if key != self.finder.settings.select_key {
            return Ok(None);
        }
        self.still_skipped(candidate, path, &row.seen.content_hash, skip, ground)
    }

    /// Whether a reason that rests on other files still holds. The others rest on the content alone.
    fn still_skipped(
        &self,
        candidate: &Candidate,
        path: &str,
        content_hash: &str,
        skip: Skip,
        ground: &str,
    ) -> Result<Option<Found>, StoreError> {
        let is = |one: SkipReason| skip.reason == one;
        if is(SkipReason::DuplicateExact) || is(SkipReason::DuplicateWhitespace) {
            let Some(bare) = unhex(ground) else {
                return Ok(None);
            };
            let skip = copies::kept_elsewhere(self.finder, path, content_hash, bare)?;
            return Ok(skip.map(|skip| Found::Not(skip.into())));
        }
        let holds = !is(SkipReason::Licence) || self.inherited_licence(candidate) == ground;
        Ok(holds.then(|| Found::Not(skip.into())))
    }

    /// Whether the checks of a file's path rest on nothing but the file and the options, so that a note about them stays true.
    fn rests_on_itself(&self, candidate: &Candidate, attributes: &Attributes) -> bool {
        !self.refresh
            && candidate.kind == FileKind::Regular
            && candidate.tracked == Tracked::Yes
            && *attributes == Attributes::default()
    }

    fn inherited_licence(&self, candidate: &Candidate) -> &str {
        self.repository
            .inherited_licence(candidate)
            .unwrap_or(licence::UNKNOWN)
    }

    /// A skip as the stat cache keeps it: the reason, the options it goes with, and, where it rests on other files than the one
    /// skipped, what they said.
    fn remembered(&self, skip: &Skip, ground: &str) -> String {
        let (code, key) = (skip.code(), &self.finder.settings.select_key);
        match skip.reason {
            SkipReason::DuplicateExact | SkipReason::DuplicateWhitespace | SkipReason::Licence => {
                format!("{code} {key} {ground}")
            }
            _ => format!("{code} {key}"),
        }
    }

    fn learn(&mut self, path: &str, seen: Seen, note: Option<String>) {
        self.learnt.push((path.to_owned(), StatRow { seen, note }));
    }

    /// Whether the rows of a file that is no longer selected are stale: only once its content is not what they were made from, as a
    /// rule or an option that changed must not delete what was paid for. When in doubt, they are not.
    fn has_changed(&mut self, candidate: &Candidate, path: &str, before: &Before) -> bool {
        let Some(stored) = &before.stored else {
            return false;
        };
        let proven = before.proven(&candidate.stamp);
        if proven.is_some_and(|row| row.seen.content_hash == *stored) {
            return false;
        }
        let seen_at_ns = super::now_nanos();
        match self.repository.read(candidate, COMPARED_BYTES_MAX) {
            Ok(read) => {
                let has_changed = read.content_hash != *stored;
                let is_learnt = self.learnt.last().is_some_and(|(one, _)| one == path);
                if !is_learnt {
                    // A file left out by its path would else be read in every run.
                    self.learn(path, seen(&read, seen_at_ns), None);
                }
                has_changed
            }
            Err(ReadError::NotRegular { .. }) => true,
            Err(ReadError::TooLarge { .. } | ReadError::Io { .. }) => false,
        }
    }

    fn retire_vanished(&mut self) -> Result<Result<(), Closed>, StoreError> {
        let folder = &self.repository.located.folder;
        let store = &self.finder.store;
        let vanished = self
            .stored
            .rest(|after| store.files_below(folder, after, PAGE))?;
        let mut changes = vanished.into_iter().map(|path| Change::Retire { path });
        Ok(changes.try_for_each(|change| self.finder.send(Intake::Change(change))))
    }

    /// Hands the cache what was learnt.
    pub fn keep_stats(&mut self) -> Result<(), StoreError> {
        let rows = std::mem::take(&mut self.learnt);
        if rows.is_empty() {
            Ok(())
        } else {
            self.finder.cache.keep_stats(rows)
        }
    }
}

fn seen(read: &FileBytes, seen_at_ns: i64) -> Seen {
    Seen {
        stamp: read.stamp,
        content_hash: read.content_hash.clone(),
        seen_at_ns,
    }
}

fn hex(bare: Bare) -> String {
    bare.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Bare> {
    u128::from_str_radix(text, 16).ok().map(u128::to_be_bytes)
}
