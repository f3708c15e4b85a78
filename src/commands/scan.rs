//! Finds what `prepare` has to do: new and changed files, and rows of files that are gone.
//!
//! Walks every repository in order and sends each file that needs the model. An unchanged file costs an `lstat`. Rows are retired only
//! once a repository was walked to its end without an error.

use super::copies;
use super::intake::Finder;
use super::progress::Progress;
use super::repos::{self, Located};
use super::scan_one::{Scan, Walked};
use super::source::OpenRepository;
use crate::domain::quality::contamination;
use crate::domain::select::{Skip, SkipReason};
use crate::git;
use crate::report::{GenerationSummary, plural};
use crate::store::StoreError;
use std::collections::BTreeMap;

/// Scans every repository, and gives back the counts of what did not come to the loop.
pub fn scan(finder: Finder<'_>, refresh: bool) -> anyhow::Result<GenerationSummary> {
    let located = repos::to_prepare(&finder.session.workspace, &finder.session.told)?;
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
        if matches!(ended?, Walked::Early) {
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
            tracing::error!("{error}: skipped, and what is stored about it stays");
            None
        }
    }
}
