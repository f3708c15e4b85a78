//! How far a run is: a bar on a terminal, else one plain line every so often.

use super::engine::Engine;
use super::outlook::{Counts, Outlook, Served};
use crate::llm::Client;
use crate::logging::Screen;
use crate::report::GenerationSummary;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::convert::Infallible;
use std::io::IsTerminal as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

/// Without a terminal, a line is printed after so long.
const LINE_TIME: Duration = Duration::from_secs(30);
/// Without a terminal, a line is printed after so many percent.
const LINE_PERCENT: u64 = 5;
/// The numbers are looked at this often, whether or not a file is finished.
const LOOK_TIME: Duration = Duration::from_secs(1);

/// Progress over files.
#[derive(Debug)]
pub struct Progress {
    screen: Screen,
    bar: Option<ProgressBar>,
    state: Mutex<State>,
    quiet: bool,
}

#[derive(Debug)]
struct State {
    counts: Counts,
    /// Not kept alive: the run ends when the engine does.
    engine: Weak<Engine>,
    /// Before the first request, now; after it, the time of it.
    began: Instant,
    said_at: Instant,
    said_percent: u64,
}

impl Progress {
    /// Draws nothing when `quiet`.
    pub fn start(screen: &Screen, quiet: bool) -> Self {
        let bar = (!quiet && std::io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(8));
            // Two lines: all of it is wider than most terminals, and a line that wraps is not drawn over as it should be.
            let template = "{wide_bar} {pos}/{len} files{prefix}\n{wide_msg}";
            bar.set_style(
                ProgressStyle::with_template(template)
                    .unwrap_or_else(|_| ProgressStyle::default_bar()),
            );
            screen.set_bar(Some(bar.clone()));
            bar
        });
        let now = Instant::now();
        Progress {
            screen: screen.clone(),
            bar,
            state: Mutex::new(State {
                counts: Counts::default(),
                engine: Weak::new(),
                began: now,
                said_at: now,
                said_percent: 0,
            }),
            quiet,
        }
    }

    /// `files` more are to be scanned.
    pub fn expect(&self, files: u64) {
        let mut state = self.state();
        state.counts.total += files;
        if let Some(bar) = &self.bar {
            bar.set_length(state.counts.total());
        }
    }

    /// One more file was looked at.
    pub fn file_scanned(&self) {
        self.state().counts.scanned += 1;
    }

    /// One more file is to be worked on.
    pub fn file_found(&self) {
        self.state().counts.found += 1;
    }

    /// One more file was worked on; `summary` has the counts so far.
    pub fn file_finished(&self, summary: &GenerationSummary) {
        let mut state = self.state();
        state.counts.finished += 1;
        state.counts.samples = summary.samples;
        state.counts.failed = summary.failed + summary.partly_done;
        self.show(&mut state);
    }

    /// Shows the numbers of `engine` from now on, for as long as this is polled.
    pub async fn watch(&self, engine: Option<&Arc<Engine>>) -> Infallible {
        if let Some(engine) = engine {
            let mut state = self.state();
            state.engine = Arc::downgrade(engine);
            state.counts.under_way_max = engine.files_max() as u64;
        }
        loop {
            tokio::time::sleep(LOOK_TIME).await;
            self.show(&mut self.state());
        }
    }

    fn show(&self, state: &mut State) {
        let engine = state.engine.upgrade();
        let client = engine.as_ref().map(|engine| engine.client());
        let served = match client.map(|client| (client.snapshot(), client.is_priced())) {
            Some((snapshot, is_priced)) if snapshot.requests > 0 => {
                Served::of(&snapshot, is_priced, state.began.elapsed())
            }
            _ => {
                state.began = Instant::now();
                state.counts.replayed = state.counts.finished;
                Served::default()
            }
        };
        let outlook = Outlook::new(state.counts, served);
        let away = client.and_then(Client::away);
        let away = away.map_or_else(String::new, |away| format!("{away}; "));
        match &self.bar {
            Some(bar) => {
                bar.set_position(state.counts.settled());
                bar.set_prefix(outlook.time_left_text());
                bar.set_message(format!("{away}{}", outlook.numbers()));
            }
            None if !self.quiet => say_sometimes(state, &format!("{away}{outlook}")),
            None => {}
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn say_sometimes(state: &mut State, outlook: &str) {
    let percent = state.counts.percent();
    if state.said_at.elapsed() < LINE_TIME && percent < state.said_percent + LINE_PERCENT {
        return;
    }
    state.said_at = Instant::now();
    state.said_percent = percent;
    let (settled, total) = (state.counts.settled(), state.counts.total());
    tracing::info!("{percent} %: {settled} of {total} files, {outlook}");
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
            self.screen.set_bar(None);
        }
    }
}
