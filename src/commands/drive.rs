//! The one bounded loop that `prepare` and `retry` share.
//!
//! Files come in over a bounded queue, as many are worked on at once as keep the server busy, and what became of them is stored in
//! groups. The thread that runs this loop alone owns the dataset: a slow disk slows intake, and nothing needs a lock.

use super::engine::{Begun, Engine, Halt, Processed, Work};
use super::progress::Progress;
use super::sieve::{self, Print, Sieve};
use super::stop::{Signal, Signals};
use crate::domain::source::SourceFile;
use crate::report::GenerationSummary;
use crate::store::{Change, FileResult, Store, StoreError};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Files stored in one transaction, at most.
const GROUP_FILES: usize = 100;
/// Longest time a finished file waits for its transaction.
const GROUP_TIME: Duration = Duration::from_millis(250);
/// After a first signal, how long files under way may go on before no new request is sent for them.
const DRAIN_TIME: Duration = Duration::from_secs(30);

/// What the intake sends.
#[derive(Debug)]
pub enum Intake {
    /// A file to work on.
    File(Box<SourceFile>, Work),
    /// A change that needs no model.
    Change(Change),
}

/// How the loop ended.
#[derive(Debug)]
pub enum Ended {
    /// Everything that came in was worked on.
    Complete,
    /// A signal, a budget or an error of the run ended it early; files not worked on stay untried.
    Early(Halt),
}

/// A file that was worked on.
type Finished = (Box<SourceFile>, Work, Result<(Processed, Vec<Print>), Halt>);

/// State of the loop: what is under way and what waits to be stored.
#[derive(Debug)]
pub struct Drive<'a> {
    engine: Option<Arc<Engine>>,
    sieve: Sieve,
    store: &'a mut Store,
    summary: &'a mut GenerationSummary,
    progress: &'a Progress,
    tasks: JoinSet<Finished>,
    group: Vec<Change>,
    group_due: Option<Instant>,
    halt: Option<Halt>,
}

impl<'a> Drive<'a> {
    /// A loop over nothing yet. Without an engine only changes may come in.
    pub fn new(
        engine: Option<Arc<Engine>>,
        sieve: Sieve,
        store: &'a mut Store,
        summary: &'a mut GenerationSummary,
        progress: &'a Progress,
    ) -> Self {
        Drive {
            engine,
            sieve,
            store,
            summary,
            progress,
            tasks: JoinSet::new(),
            group: Vec::new(),
            group_due: None,
            halt: None,
        }
    }

    /// Works through `head`, then the intake, until it ends, a signal comes or the engine halts. Everything finished is stored when this returns,
    /// unless storing itself failed.
    pub async fn run(
        mut self,
        head: Vec<Intake>,
        mut intake: mpsc::Receiver<Intake>,
        mut signals: Signals,
    ) -> Result<Ended, StoreError> {
        head.into_iter().for_each(|item| self.begin(item));
        let mut open = true;
        let mut draining = false;
        let mut drain_due: Option<Instant> = None;
        let engine = self.engine.clone();
        while open || !self.tasks.is_empty() {
            let may_begin = open && self.halt.is_none() && self.tasks.len() < self.files_max();
            tokio::select! {
                biased;
                signal = signals.wait(), if !draining => {
                    draining = true;
                    self.begin_drain(signal);
                    drain_due = Some(Instant::now() + DRAIN_TIME);
                }
                () = sleep_until(drain_due), if drain_due.is_some() => {
                    if let Some(engine) = &self.engine {
                        engine.give_up();
                    }
                    drain_due = None;
                }
                () = sleep_until(self.group_due), if self.group_due.is_some() => self.save().await?,
                Some(finished) = self.tasks.join_next(), if !self.tasks.is_empty() => self.finish(finished).await?,
                item = next(engine.as_deref(), &mut intake), if may_begin => match item {
                    Some(item) => self.begin(item),
                    None => open = false,
                },
            }
            if self.halt.is_some() {
                open = false;
            }
            if self.group.len() >= GROUP_FILES {
                self.save().await?;
            }
        }
        self.save().await?;
        Ok(self.halt.map_or(Ended::Complete, Ended::Early))
    }

    fn files_max(&self) -> usize {
        self.engine.as_ref().map_or(1, |engine| engine.files_max())
    }

    fn close(&self) {
        if let Some(engine) = &self.engine {
            engine.close();
        }
    }

    fn begin_drain(&mut self, signal: Signal) {
        if !self.tasks.is_empty() {
            tracing::info!(
                "stopping: finishing {} under way; a second signal stops at once",
                crate::report::plural(self.tasks.len() as u64, "file", "files")
            );
        }
        self.halt.get_or_insert(Halt::Signal(signal));
    }

    fn begin(&mut self, item: Intake) {
        match item {
            Intake::Change(change) => self.keep(change),
            Intake::File(file, work) => {
                let Some(engine) = self.engine.clone() else {
                    return;
                };
                let begun = Begun::with(&engine);
                self.tasks.spawn(async move {
                    let result = engine.process(&file, &work, begun).await;
                    let with_prints = |processed: Processed| {
                        let prints = sieve::prints(&processed.samples);
                        (processed, prints)
                    };
                    (file, work, result.map(with_prints))
                });
            }
        }
    }

    async fn finish(
        &mut self,
        finished: Result<Finished, tokio::task::JoinError>,
    ) -> Result<(), StoreError> {
        let (file, work, result) = match finished {
            Ok(finished) => finished,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        };
        match result {
            Ok((mut processed, prints)) => {
                let had_samples = keeps_samples(&work, &processed);
                self.sieve
                    .sift(self.store, &file.path, had_samples, &mut processed, prints)
                    .await?;
                self.count_and_keep(&file, had_samples, processed);
            }
            Err(halt) => {
                self.summary.files += 1;
                self.summary.untried += 1;
                self.halt_with(halt);
            }
        }
        self.progress.file_finished(self.summary);
        Ok(())
    }

    /// The first reason to stop is the one reported; what others are under way with is given up at their next request.
    fn halt_with(&mut self, halt: Halt) {
        self.close();
        let lost = self.engine.as_ref().and_then(|engine| engine.take_lost());
        self.halt.get_or_insert(lost.map_or(halt, Halt::Store));
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

/// The next item, once there is room for more work.
async fn next(engine: Option<&Engine>, intake: &mut mpsc::Receiver<Intake>) -> Option<Intake> {
    if let Some(engine) = engine {
        engine.room().await;
    }
    intake.recv().await
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
