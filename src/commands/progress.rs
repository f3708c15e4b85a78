//! How far a run is: a bar on a terminal, else one plain line every so often.

use crate::logging::Screen;
use crate::report::GenerationSummary;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal as _;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Without a terminal, a line is printed after so long.
const LINE_TIME: Duration = Duration::from_secs(30);
/// Without a terminal, a line is printed after so many percent.
const LINE_PERCENT: u64 = 5;

/// Progress over files. The total is what git tracks; the position is how far the scan is, less what is under way.
#[derive(Debug)]
pub struct Progress {
    screen: Screen,
    bar: Option<ProgressBar>,
    total: AtomicU64,
    scanned: AtomicU64,
    said: Mutex<(Instant, u64)>,
    quiet: bool,
}

impl Progress {
    /// Draws nothing when `quiet`.
    pub fn start(screen: &Screen, quiet: bool) -> Self {
        let bar = (!quiet && std::io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(8));
            let template = "{wide_bar} {pos}/{len} files  {msg}  {elapsed} (left {eta})";
            bar.set_style(
                ProgressStyle::with_template(template)
                    .unwrap_or_else(|_| ProgressStyle::default_bar()),
            );
            screen.set_bar(Some(bar.clone()));
            bar
        });
        Progress {
            screen: screen.clone(),
            bar,
            total: AtomicU64::new(0),
            scanned: AtomicU64::new(0),
            said: Mutex::new((Instant::now(), 0)),
            quiet,
        }
    }

    /// `files` more are to be scanned.
    pub fn expect(&self, files: u64) {
        let total = self.total.fetch_add(files, Ordering::Relaxed) + files;
        if let Some(bar) = &self.bar {
            bar.set_length(total);
        }
    }

    /// One more file was looked at.
    pub fn file_scanned(&self) {
        self.scanned.fetch_add(1, Ordering::Relaxed);
    }

    /// One more file was worked on; `summary` has the counts so far.
    pub fn file_finished(&self, summary: &GenerationSummary) {
        let position = self.scanned.load(Ordering::Relaxed);
        let total = self.total.load(Ordering::Relaxed).max(position);
        let said = format!(
            "{} samples, {} failed",
            summary.samples,
            summary.failed + summary.partly_done
        );
        match &self.bar {
            Some(bar) => {
                bar.set_position(position);
                bar.set_message(said);
            }
            None if !self.quiet => self.say_sometimes(position, total, &said),
            None => {}
        }
    }

    fn say_sometimes(&self, position: u64, total: u64, text: &str) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let percent = 100 * position / total.max(1);
        if said.0.elapsed() >= LINE_TIME || percent >= said.1 + LINE_PERCENT {
            *said = (Instant::now(), percent);
            tracing::info!("{percent} %: {position} of {total} files, {text}");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
            self.screen.set_bar(None);
        }
    }
}
