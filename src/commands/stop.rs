//! Stopping early: signals, and the budgets of a run.
//!
//! The first signal asks the run to finish what it has begun; the second ends the process at once, which loses nothing stored
//! because every commit is whole. Budgets are reserved before a request is sent and settled after it.

use crate::report::Exit;
use crate::settings::BudgetSettings;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, watch};

/// Which signal came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// `kill`, a service manager, a shutdown.
    Terminate,
}

impl Signal {
    /// The exit code of a run that it stopped.
    pub fn exit(self) -> Exit {
        match self {
            Signal::Interrupt => Exit::Interrupted,
            Signal::Terminate => Exit::Terminated,
        }
    }
}

/// Tells every part of a run whether a signal came.
#[derive(Debug, Clone)]
pub struct Signals {
    seen: watch::Receiver<Option<Signal>>,
    flag: Arc<AtomicBool>,
}

impl Signals {
    /// Listens from now on, on a thread of its own.
    pub fn listen() -> std::io::Result<Self> {
        let (sender, seen) = watch::channel(None);
        let flag = Arc::new(AtomicBool::new(false));
        let signals = Signals {
            seen,
            flag: Arc::clone(&flag),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()?;
        let (mut interrupt, mut terminate) = {
            let _inside = runtime.enter();
            (
                signal(SignalKind::interrupt())?,
                signal(SignalKind::terminate())?,
            )
        };
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    loop {
                        let signal = tokio::select! {
                            _ = interrupt.recv() => Signal::Interrupt,
                            _ = terminate.recv() => Signal::Terminate,
                        };
                        if flag.swap(true, Ordering::Relaxed) {
                            std::process::exit(i32::from(signal.exit().code()));
                        }
                        sender.send_replace(Some(signal));
                    }
                });
            })?;
        Ok(signals)
    }

    /// The signal that came, if one did.
    pub fn seen(&self) -> Option<Signal> {
        *self.seen.borrow()
    }

    /// Set once a signal came: for code that polls a flag.
    pub fn flag(&self) -> &AtomicBool {
        &self.flag
    }

    /// Waits until a signal comes.
    pub async fn wait(&mut self) -> Signal {
        loop {
            if let Some(signal) = self.seen() {
                return signal;
            }
            if self.seen.changed().await.is_err() {
                // The listening thread never ends while the process lives.
                std::future::pending::<()>().await;
            }
        }
    }
}

/// Which budget is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Spent {
    /// `--max-requests`.
    #[error("--max-requests is reached")]
    Requests,
    /// `--max-total-tokens`.
    #[error("--max-total-tokens is reached")]
    Tokens,
    /// `--max-time`.
    #[error("--max-time is reached")]
    Time,
}

/// What a run may still spend.
#[derive(Debug)]
pub struct Budget {
    limits: BudgetSettings,
    began: Instant,
    ledger: Mutex<Ledger>,
    settled: Notify,
}

#[derive(Debug, Default)]
struct Ledger {
    requests: u64,
    tokens: u64,
    tokens_reserved: u64,
}

/// Tokens set aside for one request that is under way. Settle it; a dropped one gives its tokens back.
#[derive(Debug)]
pub struct Reservation<'a> {
    budget: &'a Budget,
    tokens: u64,
}

impl Budget {
    /// A fresh budget; its time runs from now.
    pub fn new(limits: BudgetSettings) -> Self {
        Budget {
            limits,
            began: Instant::now(),
            ledger: Mutex::default(),
            settled: Notify::new(),
        }
    }

    /// Sets aside one request of at most `tokens`. Waits while requests under way hold tokens that they may give back.
    pub async fn reserve(&self, tokens: u64) -> Result<Reservation<'_>, Spent> {
        loop {
            let settled = self.settled.notified();
            match self.try_reserve(tokens)? {
                Some(reservation) => return Ok(reservation),
                None => settled.await,
            }
        }
    }

    /// `None`: not now, but what is under way may leave enough.
    fn try_reserve(&self, tokens: u64) -> Result<Option<Reservation<'_>>, Spent> {
        if self
            .limits
            .secs
            .is_some_and(|secs| self.began.elapsed() >= Duration::from_secs(secs))
        {
            return Err(Spent::Time);
        }
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        if self
            .limits
            .requests
            .is_some_and(|most| ledger.requests >= most)
        {
            return Err(Spent::Requests);
        }
        if let Some(most) = self.limits.tokens {
            if ledger.tokens + tokens > most {
                return Err(Spent::Tokens);
            }
            if ledger.tokens + ledger.tokens_reserved + tokens > most {
                return Ok(None);
            }
        }
        ledger.requests += 1;
        ledger.tokens_reserved += tokens;
        Ok(Some(Reservation {
            budget: self,
            tokens,
        }))
    }
}

impl Reservation<'_> {
    /// Books what the request really used: `tokens`, and `attempts` on the wire.
    pub fn settle(self, tokens: u64, attempts: u32) {
        let mut ledger = self
            .budget
            .ledger
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        ledger.tokens += tokens;
        ledger.requests += u64::from(attempts.saturating_sub(1));
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        self.budget
            .ledger
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .tokens_reserved -= self.tokens;
        self.budget.settled.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(requests: Option<u64>, tokens: Option<u64>) -> Budget {
        Budget::new(BudgetSettings {
            requests,
            tokens,
            secs: None,
        })
    }

    #[test]
    fn requests_and_attempts_count() {
        let budget = budget(Some(3), None);
        let reservation = budget.try_reserve(10).unwrap().unwrap();
        reservation.settle(10, 2);
        assert!(budget.try_reserve(10).unwrap().is_some());
        assert_eq!(budget.try_reserve(10).unwrap_err(), Spent::Requests);
    }

    #[test]
    fn tokens_under_way_are_waited_for_and_spent_ones_are_not() {
        let budget = budget(None, Some(100));
        let first = budget.try_reserve(60).unwrap().unwrap();
        assert!(budget.try_reserve(60).unwrap().is_none());
        first.settle(30, 1);
        assert!(budget.try_reserve(60).unwrap().is_some());
        assert_eq!(budget.try_reserve(80).unwrap_err(), Spent::Tokens);
    }
}
