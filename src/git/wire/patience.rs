//! How long to wait for a server, and when to stop waiting.

use super::Problem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often a wait looks whether the run was cancelled.
pub(super) const POLL: Duration = Duration::from_millis(50);

/// The limits of one conversation.
#[derive(Debug, Clone, Copy)]
pub(in crate::git) struct Patience<'a> {
    cancel: &'a AtomicBool,
    idle: Duration,
}

impl<'a> Patience<'a> {
    /// Waits end when `cancel` becomes true, or after `idle` without a byte.
    pub fn new(cancel: &'a AtomicBool, idle: Duration) -> Self {
        Patience { cancel, idle }
    }

    /// An error when it is time to stop waiting for what began at `start`.
    pub fn check(self, start: Instant) -> Result<(), Problem> {
        if self.cancel.load(Ordering::Relaxed) {
            return Err(Problem::Cancelled);
        }
        if start.elapsed() >= self.idle {
            return Err(Problem::Stalled(self.idle.as_secs()));
        }
        Ok(())
    }

    /// Ends with the error of [`check`](Self::check) as soon as there is one.
    pub async fn run_out(self) -> Problem {
        let start = Instant::now();
        loop {
            if let Err(problem) = self.check(start) {
                return problem;
            }
            tokio::time::sleep(POLL).await;
        }
    }
}
