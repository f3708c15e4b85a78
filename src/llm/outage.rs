//! A server that has served this run and is away now: it is waited for, within bounds.
//!
//! Owns the silence: since when nothing but absence was met, and how often. While it lasts, one request at a time goes out to find out
//! ([`super::gate`]), and what it meets fails no file. What one request alone may be at fault for is told from an outage by whether others
//! are served, or at least the list of models is. A server that never served is [`super::health`]'s.

use super::attempt::Next;
use super::backoff;
use super::classify::{Absence, classify};
use super::client::Client;
use super::error::{LlmError, RunStop};
use super::gate::Pressure;
use super::listing::LIST_TIMEOUT;
use super::outcome::Outcome;
use super::tally::{Setback, Tally};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// A 503 means too much to do as long as others are served, which shows within this time.
const BUSY_TIME_MAX: Duration = Duration::from_secs(2);
/// One connection that was refused may have met a moment; the second one is said.
const TOLD_MISSES: u32 = 2;

/// How long a server has been away, and how long that is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Away {
    /// Since the first request that met nobody.
    pub lasted: Duration,
    /// The run ends when it lasts longer.
    pub lasts_max: Duration,
}

/// What is known about whether the server is there.
#[derive(Debug, Default)]
pub(super) struct Outage(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    has_served: bool,
    silence: Option<Silence>,
}

/// Time in which every request met absence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Silence {
    pub since: Instant,
    /// Requests sent into it and lost, the one that began it included.
    pub misses: u32,
    is_told: bool,
}

/// An attempt that met nobody.
#[derive(Debug)]
pub(super) struct Miss {
    silence: Silence,
    /// How long nothing is sent to anybody; `None` where the server may only have too much to do, which the gate knows how to meet.
    pub pause: Option<Duration>,
}

impl Outage {
    /// A request was answered usefully.
    pub fn served(&self) {
        self.state().has_served = true;
    }

    /// Whether any request was.
    pub fn has_served(&self) -> bool {
        self.state().has_served
    }

    /// Somebody answered something. Gives back for how long nobody had, if that was told.
    pub fn answered(&self) -> Option<Duration> {
        let silence = self.state().silence.take()?;
        silence.is_told.then(|| silence.since.elapsed())
    }

    /// A request that was sent at `sent_at` met absence. Says into which silence it fell; `None` while the server has served nothing.
    pub fn missed(&self, sent_at: Instant) -> Option<Silence> {
        let mut state = self.state();
        if !state.has_served {
            return None;
        }
        let silence = state.silence.get_or_insert_with(|| Silence {
            since: Instant::now(),
            misses: 1,
            is_told: false,
        });
        silence.misses += u32::from(sent_at >= silence.since);
        Some(*silence)
    }

    /// Whether the silence is to be told now, for the first time.
    fn tell(&self) -> bool {
        let mut state = self.state();
        let silence = state.silence.as_mut();
        silence.is_some_and(|silence| !std::mem::replace(&mut silence.is_told, true))
    }

    /// For how long the server has been away, if it is known to be.
    pub fn lasted(&self) -> Option<Duration> {
        let silence = self.state().silence.filter(|silence| silence.is_told)?;
        Some(silence.since.elapsed())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Client {
    /// For how long the server has been away, if it served before and is known to be away.
    pub fn away(&self) -> Option<Away> {
        Some(Away {
            lasted: self.outage.lasted()?,
            lasts_max: self.limits.outage_max,
        })
    }

    /// Takes note of whether somebody is there. Gives back what it means when nobody is.
    pub(super) fn listen(&self, outcome: &Outcome, sent_at: Instant) -> Option<Miss> {
        if outcome.absence() == Absence::No {
            self.is_heard();
            return None;
        }
        let silence = self.outage.missed(sent_at)?;
        let may_be_busy = matches!(outcome.pressure(), Pressure::Refused(_))
            && outcome.absence() == Absence::Perhaps
            && silence.since.elapsed() < BUSY_TIME_MAX;
        let pause = match may_be_busy {
            true => None,
            false => Some(self.pause(silence, outcome.asked_wait())),
        };
        Some(Miss { silence, pause })
    }

    fn is_heard(&self) {
        if let Some(away) = self.outage.answered() {
            let base = &self.address.base;
            tracing::info!("{base} answers again after {} s", away.as_secs());
        }
    }

    /// How long nothing is sent: as the server asks, or longer with every miss, but not past the end of patience.
    fn pause(&self, silence: Silence, asked: Option<Duration>) -> Duration {
        let limits = &self.limits;
        // Of the jitter the half that keeps pauses growing: all requests wait for the same one.
        let random = f64::midpoint(1.0, rand::random());
        let (first, most) = (limits.backoff_first, limits.backoff_max);
        let own = || backoff::delay(silence.misses, random, first, most);
        let left = limits.outage_max.saturating_sub(silence.since.elapsed());
        asked.unwrap_or_else(own).min(left)
    }

    /// Decides what comes after an attempt that met nobody. Within one silence only what may be the request's own fault uses up its
    /// attempts, and even then the server is looked for before the request is given up.
    pub(super) fn miss(
        &self,
        miss: &Miss,
        setback: Setback,
        tally: &mut Tally,
    ) -> Result<Next<'_>, LlmError> {
        let is_last = miss.silence.since.elapsed() >= self.limits.outage_max;
        if setback.absence == Absence::Surely {
            if is_last {
                return Err(self.end_of_patience(&setback.message));
            }
            if miss.silence.misses >= TOLD_MISSES {
                self.tell_of_absence(&setback.message);
            }
            return Ok(Next::Again(Duration::ZERO));
        }
        let is_new = tally.fell_into(miss.silence);
        let is_last_but_one = tally.failures + 1 >= self.limits.attempts_max;
        // Others were served since the attempt before.
        tally.is_vouched_for |= is_new && is_last_but_one;
        if tally.failures >= self.limits.attempts_max && tally.is_vouched_for {
            return Err(self.exhaust(setback, tally));
        }
        if is_last || is_last_but_one && !tally.is_vouched_for {
            return Ok(Next::InDoubt(setback, is_last));
        }
        Ok(Next::Again(match miss.pause {
            Some(_) => Duration::ZERO,
            None => self.delay(tally.failures, &setback),
        }))
    }

    /// Looks whether anybody is there. If so, the attempt that is left decides about the request. Gives back how long to wait before.
    pub(super) async fn settle_doubt(
        &self,
        setback: Setback,
        is_last: bool,
        tally: &mut Tally,
    ) -> Result<Duration, LlmError> {
        tally.is_vouched_for = self.is_there().await;
        if tally.is_vouched_for {
            self.health.responded();
            self.is_heard();
            self.gate.back();
            return Ok(self.delay(tally.failures, &setback));
        }
        if is_last {
            return Err(self.end_of_patience(&setback.message));
        }
        self.tell_of_absence(&setback.message);
        tally.failures = 0;
        Ok(Duration::ZERO)
    }

    async fn is_there(&self) -> bool {
        let Ok(exchange) = self.transport.get(&self.address.models, LIST_TIMEOUT).await else {
            return false;
        };
        let now = SystemTime::now();
        classify(exchange.status, &exchange.headers, &exchange.body, now).absence == Absence::No
    }

    fn tell_of_absence(&self, message: &str) {
        if self.outage.tell() {
            let base = &self.address.base;
            let most = time_text(self.limits.outage_max);
            tracing::warn!(
                "{base} served this run and is away now ({message}); waiting up to {most} for it to come back"
            );
        }
    }

    fn end_of_patience(&self, message: &str) -> LlmError {
        let most = time_text(self.limits.outage_max);
        let happened = format!("{message}; it did not come back within {most}");
        self.end_run(RunStop::EndpointDead, &happened)
    }
}

impl std::fmt::Display for Away {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (lasted, most) = (time_text(self.lasted), time_text(self.lasts_max));
        write!(f, "server unreachable for {lasted}; waiting up to {most}")
    }
}

fn time_text(time: Duration) -> String {
    match time.as_secs() {
        secs if secs >= 120 && secs % 60 == 0 => format!("{} minutes", secs / 60),
        secs => format!("{secs} s"),
    }
}
