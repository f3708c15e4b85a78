//! `pipeline retry`: works again on what stands in FailedFiles, and asks only for what failed.

use super::Session;
use super::connect::Server;
use super::copies;
use super::drive::Intake;
use super::engine::Work;
use super::intake::{self, Closed, Finder};
use super::repos;
use super::scan;
use super::source::{OpenRepository, facts};
use crate::cli::RetryArgs;
use crate::domain::failure::FailedItem;
use crate::domain::path;
use crate::domain::select::{self, Skip};
use crate::domain::source::SourceFile;
use crate::report::{Exit, GenerationSummary};
use crate::settings::GenerationSettings;
use crate::store::{FailedFile, StoreError};
use std::collections::{BTreeMap, HashMap};

/// `run` leaves an item alone once it failed so often, so that a hopeless one is not paid for every night.
const TRIES_MAX: u32 = 3;

/// Which failures are tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// All of them: someone asked.
    All,
    /// Those that a further try may mend.
    Promising,
}

/// Does it, and reports.
pub fn execute(session: &Session, args: &RetryArgs) -> anyhow::Result<Exit> {
    let settings = GenerationSettings::from_args(&args.generation)?;
    let mut summary = GenerationSummary::default();
    let result = retry(session, &settings, &mut None, Which::All, &mut summary);
    if result.is_ok() || summary.has_worked() {
        session.report(&summary, &args.report)?;
    }
    if matches!(result, Ok(Exit::SomeFailed)) {
        session.tell_failures(&summary);
    }
    result
}

/// Works on failed files, counting into `summary`.
pub fn retry(
    session: &Session,
    settings: &GenerationSettings,
    server: &mut Option<Server>,
    which: Which,
    summary: &mut GenerationSummary,
) -> anyhow::Result<Exit> {
    intake::generate(session, settings, server, summary, |finder| {
        find(finder, which)
    })
}

fn find(mut finder: Finder<'_>, which: Which) -> anyhow::Result<GenerationSummary> {
    copies::recall(&finder)?;
    let failed = finder.store.failed_files()?;
    finder.progress.expect(failed.len() as u64);
    let located = repos::to_prepare(&finder.session.workspace, &finder.session.told)?;
    let mut by_repository: BTreeMap<usize, Vec<FailedFile>> = BTreeMap::new();
    for file in failed {
        match located.iter().position(|one| one.holds(&file.path)) {
            Some(at) => by_repository.entry(at).or_default().push(file),
            None => finder.leave(&file, "repository_not_listed"),
        }
    }
    for (at, files) in by_repository {
        if let Some(skip) = scan::refused(&finder, &located[at]) {
            let reason = skip.reason.as_str();
            files.iter().for_each(|file| finder.leave(file, reason));
            continue;
        }
        match OpenRepository::open(located[at].clone()) {
            Ok(repository) => {
                if in_repository(&mut finder, &repository, files, which)?.is_err() {
                    break;
                }
            }
            Err(error) => {
                tracing::warn!("{error}: its failures are left as they are");
                finder.summary.repositories_unreadable += 1;
                files
                    .iter()
                    .for_each(|file| finder.leave(file, "repository_unreadable"));
            }
        }
    }
    Ok(finder.summary)
}

fn in_repository(
    finder: &mut Finder<'_>,
    repository: &OpenRepository,
    files: Vec<FailedFile>,
    which: Which,
) -> anyhow::Result<Result<(), Closed>> {
    let mut wanted: HashMap<Vec<u8>, FailedFile> = files
        .into_iter()
        .map(|file| {
            (
                path::decode(&file.path[repository.located.folder.len() + 1..]),
                file,
            )
        })
        .collect();
    for candidate in repository.candidates().flatten() {
        let Some(failed) = wanted.remove(&candidate.path) else {
            continue;
        };
        finder.progress.file_scanned();
        let attributes = repository.attributes(&candidate);
        let facts = facts(&candidate, &attributes);
        let options = &finder.settings.select;
        if let Err(skip) = select::by_path(&facts, options) {
            finder.leave(&failed, skip.reason.as_str());
            continue;
        }
        let read = match repository.read(&candidate, options.file_bytes_max()) {
            Ok(read) => read,
            Err(error) => {
                tracing::warn!("{error}");
                finder.summary.unreadable();
                continue;
            }
        };
        let file = match repository.take(&candidate, &facts, &read, options) {
            Ok(file) => file,
            Err(skip) => {
                finder.leave(&failed, skip.reason.as_str());
                continue;
            }
        };
        let Some(work) = work(finder, &file, &failed, which)? else {
            finder.leave(&failed, "tried_often_enough");
            continue;
        };
        if failed.content_hash.as_ref() != Some(&file.content_hash)
            && let Some(skip) = claim(finder, &file, &read.bytes)?
        {
            finder.leave(&failed, skip.reason.as_str());
            continue;
        }
        if finder.send(Intake::File(Box::new(file), work)).is_err() {
            return Ok(Err(Closed));
        }
    }
    wanted
        .values()
        .for_each(|file| finder.leave(file, "vanished"));
    Ok(Ok(()))
}

/// Claims a file whose content is new, unless another one of that content is kept.
fn claim(finder: &Finder<'_>, file: &SourceFile, bytes: &[u8]) -> Result<Option<Skip>, StoreError> {
    let bare = select::fingerprint(bytes);
    let skip = copies::kept_elsewhere(finder, &file.path, &file.content_hash, bare)?;
    if skip.is_none() {
        copies::claim(finder, file, bare)?;
    }
    Ok(skip)
}

/// What is to be done about a failed file; `None` when nothing promises to help.
fn work(
    finder: &Finder<'_>,
    file: &SourceFile,
    failed: &FailedFile,
    which: Which,
) -> anyhow::Result<Option<Work>> {
    let is_same = failed.content_hash.as_ref() == Some(&file.content_hash);
    if is_same && failed.failure.items.is_empty() {
        let promises = which == Which::All || failed.failure.code.can_retry();
        return Ok(promises.then_some(Work::Whole));
    }
    if !is_same {
        return Ok(Some(Work::Whole));
    }
    let promises =
        |item: &FailedItem| which == Which::All || item.tries < TRIES_MAX && item.code.can_retry();
    let (items, left): (Vec<_>, Vec<_>) = failed.failure.items.iter().cloned().partition(promises);
    if items.is_empty() {
        return Ok(None);
    }
    let questions = finder.store.questions_of(&failed.path)?;
    Ok(Some(Work::Items {
        items,
        left,
        has_samples: failed.has_samples,
        questions,
    }))
}

impl Finder<'_> {
    /// Counts a failed file that stays as it is.
    fn leave(&mut self, file: &FailedFile, reason: &str) {
        tracing::debug!("{}: left as it is, {reason}", file.path);
        self.summary.skip(reason);
    }
}
