//! The circuit breaker: tells a dead service from a bad request.
//!
//! Owns three observations: when the server last answered anything, how many requests in a row used up their attempts, and what was said
//! last to one that failed. Whether what all files met ends the run is told by whoever counts files.

use super::error::RunStop;
use crate::domain::failure::FailureCode;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// So many requests in a row without one success, and the service may be dead: the next ones would fail as well, and each is a file untried.
const EXHAUSTED_IN_A_ROW_MAX: u32 = 5;

/// How the service does, as far as a request shows that used up its attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pulse {
    /// The request may be at fault.
    Well,
    /// It said nothing but failures for too long, to requests that may all be at fault.
    Doubtful,
    /// It has not said a word to anybody since the request began.
    Mute,
}

#[derive(Debug)]
pub(super) struct Health {
    made_at: Instant,
    /// Nanoseconds after `made_at`.
    responded_at: AtomicU64,
    exhausted: AtomicU32,
    /// Why the last request that failed did, and what ends the run if all others do.
    refused: Mutex<(String, RunStop)>,
}

impl Health {
    pub fn new() -> Self {
        Health {
            made_at: Instant::now(),
            responded_at: AtomicU64::new(0),
            exhausted: AtomicU32::new(0),
            refused: Mutex::new((String::new(), RunStop::NoneServed)),
        }
    }

    /// The server answered something, good or bad.
    pub fn responded(&self) {
        let nanos = u64::try_from(self.made_at.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.responded_at.fetch_max(nanos, Relaxed);
    }

    /// A request failed for good, for this reason, which ends the run by `stop` if all others meet it too.
    pub fn refused(&self, message: &str, stop: RunStop) {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = (message.to_owned(), stop);
    }

    /// The same of the last one.
    pub fn last_refusal(&self) -> (String, RunStop) {
        self.refused
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// A request was answered usefully, or failed by its own fault.
    pub fn succeeded(&self) {
        self.exhausted.store(0, Relaxed);
    }

    /// A request that began at `began` used up its attempts, last by `code`, and nothing was known to be served meanwhile.
    pub fn exhausted(&self, began: Instant, code: FailureCode) -> Pulse {
        let in_a_row = self.exhausted.fetch_add(1, Relaxed) + 1;
        let responded_at = self.made_at + Duration::from_nanos(self.responded_at.load(Relaxed));
        let mute =
            matches!(code, FailureCode::Connection | FailureCode::Timeout) && responded_at <= began;
        match mute {
            true => Pulse::Mute,
            false if in_a_row >= EXHAUSTED_IN_A_ROW_MAX => Pulse::Doubtful,
            false => Pulse::Well,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn silence_since_the_first_try_is_death_and_a_word_is_not() {
        let health = Health::new();
        let began = Instant::now();
        tokio::time::advance(Duration::from_secs(4)).await;
        assert_eq!(
            health.exhausted(began, FailureCode::Connection),
            Pulse::Mute
        );
        health.responded();
        assert_eq!(
            health.exhausted(began, FailureCode::Connection),
            Pulse::Well
        );
        assert_eq!(
            health.exhausted(began, FailureCode::ServerError),
            Pulse::Well
        );
    }

    #[tokio::test(start_paused = true)]
    async fn five_in_a_row_leave_doubt_and_a_success_starts_anew() {
        let health = Health::new();
        let fail = || health.exhausted(Instant::now(), FailureCode::ServerError) == Pulse::Doubtful;
        assert!(!(fail() || fail() || fail() || fail()));
        health.succeeded();
        assert!(!(fail() || fail() || fail() || fail()));
        assert!(fail());
    }
}
