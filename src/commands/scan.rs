//! Finds what `prepare` has to do: new and changed files, and rows of files that are gone.
//!
//! Walks every repository in order and sends each file that needs the model. An unchanged file costs an `lstat`. Rows are retired only
//! once a repository was walked to its end without an error.

use super::alongside::{Alongside, PAGE};
use super::copies;
use super::drive::Intake;
use super::engine::Work;
use super::intake::{Closed, Finder};
use super::progress::Progress;
use super::repos::{self, Located};
use super::source::{NotTaken, OpenRepository, facts};
use crate::domain::licence;
use crate::domain::quality::contamination;
use crate::domain::select::{self, Skip, SkipReason};
use crate::domain::source::SourceFile;
use crate::domain::stamp::{Seen, Stamp};
use crate::git;
use crate::report::{GenerationSummary, plural};
use crate::store::{Bare, Change, StatRow, StoreError};
use crate::walk::{Candidate, ReadError, WalkError};
use std::collections::BTreeMap;
use std::sync::mpsc::{SyncSender, sync_channel};

/// Stat rows are handed to the cache in groups of so many.
const STATS_GROUP: usize = 256;

/// The walk hands over so many candidates at a time, and is at most so many batches ahead.
const BATCH: usize = 64;
const BATCHES: usize = 16;

/// A file that is no longer selected is compared with what is stored about it up to this size.
const COMPARED_BYTES_MAX: u64 = 64 << 20;

/// Scans every repository, and gives back the counts of what did not come to the loop.
pub fn scan(finder: Finder<'_>, refresh: bool) -> anyhow::Result<GenerationSummary> {
    let located = repos::to_prepare(&finder.session.workspace)?;
    count_files(&located, finder.progress);
    scan_each(finder, &located, refresh)
}

/// Tells the progress how much there is.
fn count_files(located: &[Located], progress: &Progress) {
    for one in located {
        progress.expect(git::tracked_count(&one.worktree).unwrap_or(0).into());
    }
}

fn scan_each(
    mut finder: Finder<'_>,
    located: &[Located],
    refresh: bool,
) -> anyhow::Result<GenerationSummary> {
    copies::recall(&finder)?;
    for one in located {
        let skipped_before = finder.summary.skipped.clone();
        if let Some(reason) = refused(&finder, one) {
            leave_out(&mut finder, one, reason);
            keep_skips(&finder, one, &skipped_before)?;
            continue;
        }
        let Some(repository) = open(&mut finder.summary, one.clone()) else {
            continue;
        };
        let mut scan = Scan::begin(&mut finder, &repository, refresh);
        let ended = scan.walk();
        scan.keep_stats()?;
        if matches!(ended?, Walked::ListenerGone) {
            break;
        }
        keep_skips(&finder, one, &skipped_before)?;
    }
    Ok(finder.summary)
}

/// Remembers for `status` how many files of a repository were left out, by reason: what was counted since `before`.
fn keep_skips(
    finder: &Finder<'_>,
    located: &Located,
    before: &BTreeMap<String, u64>,
) -> Result<(), StoreError> {
    let new = finder.summary.skipped.iter().filter_map(|(reason, files)| {
        let files = files - before.get(reason).unwrap_or(&0);
        (files > 0).then(|| (reason.clone(), files))
    });
    finder.cache.keep_skips(&located.folder, new.collect())
}

/// Why nothing about a repository may be sent, if so.
pub(super) fn refused(finder: &Finder<'_>, located: &Located) -> Option<Skip> {
    if finder.settings.deny.denies(&located.folder) {
        return Some(Skip::new(SkipReason::Denied));
    }
    let benchmark = contamination::benchmark_of(&located.folder)?;
    Some(Skip::found(SkipReason::BenchmarkRepository, benchmark))
}

/// Counts the files of a repository that is not looked into. What is stored about them stays.
fn leave_out(finder: &mut Finder<'_>, located: &Located, skip: Skip) {
    let Ok(snapshot) = git::open_snapshot(&located.worktree) else {
        finder.summary.repositories_unreadable += 1;
        return;
    };
    let files = snapshot.paths().len() as u64;
    tracing::info!(
        "{}: {} left out, {skip}; what is stored about it stays",
        located.folder,
        plural(files, "file", "files")
    );
    for _ in 0..files {
        finder.progress.file_scanned();
        finder.summary.skip(skip.reason.as_str());
    }
}

fn open(summary: &mut GenerationSummary, located: Located) -> Option<OpenRepository> {
    match OpenRepository::open(located) {
        Ok(repository) => Some(repository),
        Err(error) => {
            summary.repositories_unreadable += 1;
            tracing::warn!("{error}: skipped, and what is stored about it stays");
            None
        }
    }
}

/// The scan of one repository.
struct Scan<'a, 'b> {
    finder: &'a mut Finder<'b>,
    repository: &'a OpenRepository,
    refresh: bool,
    /// The content hashes of files in the dataset.
    stored: Alongside<String>,
    known: Alongside<StatRow>,
    learnt: Vec<(String, StatRow)>,
}

/// What earlier runs know of a file.
struct Before {
    /// The content hash that the dataset has.
    stored: Option<String>,
    known: Option<StatRow>,
}

impl Before {
    fn is_stored(&self, content_hash: &str) -> bool {
        self.stored.as_deref() == Some(content_hash)
    }

    /// The stat row, when the file's stamp proves that its content is the same.
    fn proven(&self, stamp: &Stamp) -> Option<&StatRow> {
        self.known.as_ref().filter(|row| row.seen.proves(stamp))
    }
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
enum Walked {
    ToItsEnd,
    ListenerGone,
}

/// What looking at one candidate came to.
enum Found {
    Unchanged,
    New(Box<SourceFile>),
    Not(NotTaken),
}

impl<'a, 'b> Scan<'a, 'b> {
    fn begin(finder: &'a mut Finder<'b>, repository: &'a OpenRepository, refresh: bool) -> Self {
        Scan {
            finder,
            repository,
            refresh,
            stored: Alongside::new(),
            known: Alongside::new(),
            learnt: Vec::new(),
        }
    }

    fn walk(&mut self) -> Result<Walked, StoreError> {
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
            self.finder.progress.file_scanned();
            match candidate {
                Ok(candidate) => {
                    if self.visit(&candidate)?.is_err() {
                        return Ok(Walked::ListenerGone);
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
            return Ok(Walked::ListenerGone);
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
                } else if self.has_changed(candidate, &before) {
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
        let facts = facts(candidate, &attributes);
        if let Err(skip) = select::by_path(&facts, options) {
            return Ok(Found::Not(skip.into()));
        }
        if let Some(found) = self.known_before(candidate, path, before)? {
            return Ok(found);
        }
        let seen_at_ns = super::now_nanos();
        let read = match self.repository.read(candidate, options.file_bytes_max()) {
            Ok(read) => read,
            Err(error) => return Ok(Found::Not(NotTaken::Unreadable(error))),
        };
        let seen = Seen {
            stamp: read.stamp,
            content_hash: read.content_hash.clone(),
            seen_at_ns,
        };
        let is_stored = before.is_stored(&read.content_hash);
        if !self.refresh && is_stored {
            self.learn(path, seen, None);
            return Ok(Found::Unchanged);
        }
        let bare = select::fingerprint(&read.bytes);
        if !is_stored
            && let Some(skip) = copies::kept_elsewhere(self.finder, path, &read.content_hash, bare)?
        {
            self.learn(path, seen, Some(self.remembered(&skip, &hex(bare))));
            return Ok(Found::Not(skip.into()));
        }
        match self.repository.take(candidate, &facts, &read, options) {
            Ok(file) => {
                copies::claim(self.finder, &file, bare)?;
                self.learn(path, seen, None);
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
        let Some((code, rest)) = row.skipped.as_deref().and_then(|s| s.split_once(' ')) else {
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

    fn learn(&mut self, path: &str, seen: Seen, skipped: Option<String>) {
        self.learnt
            .push((path.to_owned(), StatRow { seen, skipped }));
    }

    /// Whether the rows of a file that is no longer selected are stale: only once its content is not what they were made from, as a
    /// rule or an option that changed must not delete what was paid for. When in doubt, they are not.
    fn has_changed(&self, candidate: &Candidate, before: &Before) -> bool {
        let Some(stored) = &before.stored else {
            return false;
        };
        let proven = before.proven(&candidate.stamp);
        if proven.is_some_and(|row| row.seen.content_hash == *stored) {
            return false;
        }
        match self.repository.read(candidate, COMPARED_BYTES_MAX) {
            Ok(read) => read.content_hash != *stored,
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

    fn keep_stats(&mut self) -> Result<(), StoreError> {
        let rows = std::mem::take(&mut self.learnt);
        if rows.is_empty() {
            Ok(())
        } else {
            self.finder.cache.keep_stats(rows)
        }
    }
}

fn hex(bare: Bare) -> String {
    bare.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Bare> {
    u128::from_str_radix(text, 16).ok().map(u128::to_be_bytes)
}
