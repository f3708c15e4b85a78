//! The one bounded loop that `prepare` and `retry` share.
//!
//! Files come in over a bounded queue, and as many are worked on at once as keep the server busy. What became of them goes to the
//! keeper over another; where the disk is slow, finished files wait for their place there, and no new ones are begun beyond the limit.

use super::breaker::{Breaker, suspicion};
use super::engine::{Begun, Engine, Halt, Work};
use super::keeper::{Keeper, Outcome};
use super::sieve;
use super::stop::{Signal, Signals};
use crate::domain::failure::FailureCode;
use crate::domain::source::SourceFile;
use crate::store::{Change, StoreError};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

/// Finished files on their way to the keeper.
const QUEUE: usize = 4;
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

/// Works through `head`, then the intake, until it ends, a signal comes or the engine halts. Everything finished is stored when this
/// returns, unless storing itself failed. Without an engine only changes may come in.
pub async fn run(
    engine: Option<Arc<Engine>>,
    keeper: Keeper<'_>,
    head: Vec<Intake>,
    intake: mpsc::Receiver<Intake>,
    signals: Signals,
) -> Result<Ended, StoreError> {
    let (outcomes, finished) = mpsc::channel(QUEUE);
    let drive = Drive {
        engine,
        outcomes,
        tasks: JoinSet::new(),
        halt: None,
        breaker: Breaker::default(),
    };
    // Ends with this function, whatever ends that.
    let mut driving = JoinSet::new();
    driving.spawn(drive.run(head, intake, signals));
    keeper.run(finished).await?;
    let halt = match driving.join_next().await {
        Some(halt) => whole(halt),
        None => None,
    };
    Ok(halt.map_or(Ended::Complete, Ended::Early))
}

/// State of the loop: what is under way.
#[derive(Debug)]
struct Drive {
    engine: Option<Arc<Engine>>,
    outcomes: mpsc::Sender<Outcome>,
    tasks: JoinSet<Worked>,
    halt: Option<Halt>,
    breaker: Breaker,
}

/// How the work on one file ended.
enum Worked {
    /// It was handed on.
    Whole,
    /// It was given up.
    Halted(Halt),
    /// It came to nothing, by what all others may meet as well.
    Suspect(FailureCode, Outcome),
}

impl Drive {
    /// Works through all files and hands on what became of them; gives back what ended it early.
    async fn run(
        mut self,
        head: Vec<Intake>,
        mut intake: mpsc::Receiver<Intake>,
        mut signals: Signals,
    ) -> Option<Halt> {
        for item in head {
            self.begin(item).await;
        }
        let mut open = true;
        let mut draining = false;
        let mut drain_due: Option<Instant> = None;
        let engine = self.engine.clone();
        while open || !self.tasks.is_empty() {
            if self.tasks.is_empty() && self.suspects().is_some() {
                self.decide(&mut signals).await;
                open &= self.halt.is_none();
                continue;
            }
            let may_begin = open
                && self.halt.is_none()
                && self.suspects().is_none()
                && self.tasks.len() < self.files_max();
            tokio::select! {
                biased;
                signal = signals.wait(), if !draining => {
                    draining = true;
                    self.begin_drain(signal);
                    drain_due = Some(Instant::now() + self.drain_time());
                }
                () = sleep_until(drain_due), if drain_due.is_some() => {
                    if let Some(engine) = &self.engine {
                        engine.give_up();
                    }
                    drain_due = None;
                }
                Some(ended) = self.tasks.join_next(), if !self.tasks.is_empty() => {
                    self.take(whole(ended)).await;
                }
                item = next(engine.as_deref(), &mut intake), if may_begin => match item {
                    Some(item) => self.begin(item).await,
                    None => open = false,
                },
            }
            if self.halt.is_some() {
                open = false;
            }
        }
        self.settle(&mut signals).await;
        self.halt
    }

    async fn take(&mut self, worked: Worked) {
        match worked {
            Worked::Whole => {}
            Worked::Halted(halt) => self.halt_with(halt),
            Worked::Suspect(code, outcome) => {
                self.breaker.count(code, self.completions());
                self.breaker.held.push(outcome);
            }
        }
        if self.completions() > 0 {
            self.release().await;
        }
    }

    /// Usable completions so far.
    fn completions(&self) -> u64 {
        let engine = self.engine.as_ref();
        engine.map_or(0, |engine| engine.client().snapshot().completions)
    }

    /// The reason and the length of a row of files that is the server's fault, unless one under way is served after all.
    fn suspects(&self) -> Option<(FailureCode, usize)> {
        let suspects = self.breaker.suspects(self.completions());
        suspects.filter(|_| self.halt.is_none())
    }

    /// Ends the run after a long row, unless the files were at fault and not the server.
    async fn decide(&mut self, signals: &mut Signals) {
        let (Some(engine), Some((code, files))) = (self.engine.clone(), self.suspects()) else {
            return;
        };
        if code == FailureCode::Blocked && !self.is_shut_out(&engine, signals).await {
            self.breaker.forget();
            return self.release().await;
        }
        if self.halt.is_none() {
            self.halt_with(Halt::Llm(engine.client().serves_none(code, files)));
        }
    }

    /// Whether a firewall blocks a harmless question too. What ends the run meanwhile is noted, and then it does not matter.
    async fn is_shut_out(&mut self, engine: &Engine, signals: &mut Signals) -> bool {
        let asked = tokio::select! {
            biased;
            signal = signals.wait() => Err(Halt::Signal(signal)),
            asked = engine.is_shut_out() => asked,
        };
        asked.unwrap_or_else(|halt| {
            self.halt_with(halt);
            true
        })
    }

    /// Decides about the files that are held at the end: what ends a run leaves them untried.
    async fn settle(&mut self, signals: &mut Signals) {
        self.decide(signals).await;
        if self.halt.is_none()
            && self.breaker.holds_blocked()
            && let Some(engine) = self.engine.clone()
            && self.is_shut_out(&engine, signals).await
            && self.halt.is_none()
        {
            let files = self.breaker.held.len();
            let error = engine.client().serves_none(FailureCode::Blocked, files);
            self.halt_with(Halt::Llm(error));
        }
        if self.halt.is_some() {
            let held = self.breaker.held.iter_mut();
            held.for_each(|outcome| *outcome = Outcome::Untried);
        }
        self.release().await;
    }

    /// Hands on the files that are held.
    async fn release(&mut self) {
        for outcome in std::mem::take(&mut self.breaker.held) {
            hand_on(&self.outcomes, outcome).await;
        }
    }

    fn files_max(&self) -> usize {
        self.engine.as_ref().map_or(1, |engine| engine.files_max())
    }

    /// A server that is away finishes nothing.
    fn drain_time(&self) -> Duration {
        let engine = self.engine.as_ref();
        let away = engine.and_then(|engine| engine.client().away());
        away.map_or(DRAIN_TIME, |_| Duration::ZERO)
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

    async fn begin(&mut self, item: Intake) {
        match (item, self.engine.clone()) {
            (Intake::Change(change), _) => hand_on(&self.outcomes, Outcome::Change(change)).await,
            (Intake::File(file, work), Some(engine)) => {
                let begun = Begun::with(&engine);
                let outcomes = self.outcomes.clone();
                self.tasks
                    .spawn(async move { one(&engine, begun, file, work, &outcomes).await });
            }
            (Intake::File(..), None) => {}
        }
    }

    /// The first reason to stop is the one reported; what others are under way with is given up at their next request.
    fn halt_with(&mut self, halt: Halt) {
        let engine = self.engine.as_ref();
        let lost = engine.and_then(|engine| {
            engine.close();
            engine.take_lost()
        });
        self.halt.get_or_insert(lost.map_or(halt, Halt::Store));
    }
}

/// Works on one file and hands on what it came to. It counts as under way until the keeper has room for it.
async fn one(
    engine: &Engine,
    begun: Begun,
    file: Box<SourceFile>,
    work: Work,
    outcomes: &mpsc::Sender<Outcome>,
) -> Worked {
    let (outcome, worked) = match engine.process(&file, &work, begun).await {
        Ok(processed) => {
            let suspicion = suspicion(&work, &processed);
            let prints = sieve::prints(&processed.samples);
            let outcome = Outcome::File(file, work, Box::new(processed), prints);
            match suspicion {
                Some(code) => return Worked::Suspect(code, outcome),
                None => (outcome, Worked::Whole),
            }
        }
        Err(halt) => (Outcome::Untried, Worked::Halted(halt)),
    };
    hand_on(outcomes, outcome).await;
    worked
}

async fn hand_on(outcomes: &mpsc::Sender<Outcome>, outcome: Outcome) {
    // A keeper that is gone could not store; it is the one to say so, and ends this loop.
    let _ = outcomes.send(outcome).await;
}

/// What a task came to; its panic goes on here.
fn whole<T>(ended: Result<T, JoinError>) -> T {
    ended.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

/// The next item, once there is room for more work.
async fn next(engine: Option<&Engine>, intake: &mut mpsc::Receiver<Intake>) -> Option<Intake> {
    if let Some(engine) = engine {
        engine.room().await;
    }
    intake.recv().await
}

/// Waits for a moment; for ever when there is none.
pub(super) async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
