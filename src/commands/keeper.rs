//! What becomes of finished files: the last look at their samples, the counts, and the transactions that store them.
//!
//! Alone writes the dataset, on the one thread that may wait for the disk: while it does, files go on being begun and requests being sent.

use super::drive::sleep_until;
use super::engine::{Processed, Work};
use super::progress::Progress;
use super::sieve::{Print, Sieve};
use crate::domain::source::SourceFile;
use crate::report::GenerationSummary;
use crate::store::{Change, FileResult, Store, StoreError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Files stored in one transaction, at most.
const GROUP_FILES: usize = 100;
/// Longest time a finished file waits for its transaction.
const GROUP_TIME: Duration = Duration::from_millis(250);

/// What the keeper is handed.
#[derive(Debug)]
pub enum Outcome {
    /// A file that was worked on.
    File(Box<SourceFile>, Work, Box<Processed>, Vec<Print>),
    /// A file that was given up and stays as it was.
    Untried,
    /// A change that needed no model.
    Change(Change),
}

/// Stores what it is handed, in groups.
#[derive(Debug)]
pub struct Keeper<'a> {
    sieve: Sieve,
    store: &'a mut Store,
    summary: &'a mut GenerationSummary,
    progress: &'a Progress,
    group: Vec<Change>,
    group_due: Option<Instant>,
}

impl<'a> Keeper<'a> {
    /// Nothing kept yet.
    pub fn new(
        sieve: Sieve,
        store: &'a mut Store,
        summary: &'a mut GenerationSummary,
        progress: &'a Progress,
    ) -> Self {
        Keeper {
            sieve,
            store,
            summary,
            progress,
            group: Vec::new(),
            group_due: None,
        }
    }

    /// Stores all that comes, until nobody can send any more. Everything that came is stored when this returns, unless storing itself
    /// failed.
    pub async fn run(mut self, mut outcomes: mpsc::Receiver<Outcome>) -> Result<(), StoreError> {
        loop {
            tokio::select! {
                biased;
                () = sleep_until(self.group_due), if self.group_due.is_some() => self.save().await?,
                outcome = outcomes.recv() => match outcome {
                    Some(outcome) => self.take(outcome).await?,
                    None => break,
                },
            }
            if self.group.len() >= GROUP_FILES {
                self.save().await?;
            }
        }
        self.save().await?;
        self.sieve.close().await
    }

    async fn take(&mut self, outcome: Outcome) -> Result<(), StoreError> {
        match outcome {
            Outcome::Change(change) => {
                self.keep(change);
                return Ok(());
            }
            Outcome::Untried => {
                self.summary.files += 1;
                self.summary.untried += 1;
                return Ok(());
            }
            Outcome::File(file, work, mut processed, prints) => {
                let had_samples = keeps_samples(&work, &processed);
                self.sieve
                    .sift(self.store, &file.path, had_samples, &mut processed, prints)
                    .await?;
                self.count_and_keep(&file, had_samples, *processed);
            }
        }
        self.progress.file_finished(self.summary);
        Ok(())
    }

    fn count_and_keep(&mut self, file: &SourceFile, had_samples: bool, processed: Processed) {
        self.summary.files += 1;
        self.summary.samples += processed.samples.len() as u64;
        self.summary.from_cache += processed.from_cache;
        for (code, count) in &processed.rejected {
            *self.summary.rejected.entry(code.to_string()).or_default() += count;
        }
        let (state, count) = match (
            &processed.failure,
            processed.samples.is_empty() && !had_samples,
        ) {
            (None, _) => ("done", &mut self.summary.done),
            (Some(_), false) => ("partly done", &mut self.summary.partly_done),
            (Some(_), true) => ("failed", &mut self.summary.failed),
        };
        *count += 1;
        let samples = crate::report::plural(processed.samples.len() as u64, "sample", "samples");
        let why = processed.failure.as_ref().map_or(String::new(), |failure| {
            format!(" ({}: {})", failure.code, failure.message)
        });
        tracing::debug!("{}: {state}, {samples}{why}", file.path);
        let result = FileResult {
            path: file.path.clone(),
            content_hash: file.content_hash.clone(),
            samples: processed.samples,
            failure: processed.failure,
        };
        self.keep(if processed.is_whole {
            Change::Replace(result)
        } else {
            Change::Amend(result)
        });
    }

    fn keep(&mut self, change: Change) {
        if matches!(change, Change::Retire { .. }) {
            self.summary.retired += 1;
        }
        self.group.push(change);
        self.group_due
            .get_or_insert_with(|| Instant::now() + GROUP_TIME);
    }

    async fn save(&mut self) -> Result<(), StoreError> {
        self.group_due = None;
        if self.group.is_empty() {
            return Ok(());
        }
        let samples = self.store.apply(&self.group, &super::now())?;
        self.group.clear();
        self.sieve.stored(samples).await
    }
}

/// Whether a file has samples of an earlier run that stay.
fn keeps_samples(work: &Work, processed: &Processed) -> bool {
    let has_samples = matches!(
        work,
        Work::Items {
            has_samples: true,
            ..
        }
    );
    !processed.is_whole && has_samples
}
