//! A server that has served this run and is away now: it is waited for, within bounds.
//!
//! Owns the silence: since when nobody was served, and how many requests met that. While it lasts, one request at a time goes out to find out
//! ([`super::gate`]), and what it meets fails no file. A refusal for load is none as long as requests are on the wire that were sent before it
//! began: the server may be at work on those. What one request alone may be at fault for is told from an outage by whether others are served,
//! or else a harmless question is: a list of models may come from a gateway with nobody behind it. A server that never served is
//! [`super::health`]'s.

use super::attempt::Next;
use super::backoff;
use super::classify::Absence;
use super::client::Client;
use super::error::{LlmError, RunStop};
use super::gate::Pressure;
use super::outcome::Outcome;
use super::probe;
use super::tally::{Setback, Tally};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// What an answer says of the service as a whole is about a moment, or about one request, as long as others are served, which shows within
/// this time.
const MOMENT_MAX: Duration = Duration::from_secs(2);
/// A silence this long is told, once something harmless has met it too.
const TOLD_AFTER: Duration = Duration::from_secs(5);
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
pub(super) struct Outage {
    state: Mutex<State>,
    /// A request has a verdict.
    returned: Notify,
    /// Held by the one that asks something harmless for all.
    asks: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    has_served: bool,
    /// Requests so far, and those of them that have no verdict.
    sent: u64,
    on_the_wire: u64,
    /// When the latest request was sent of those that somebody was there for.
    heard_at: Option<Instant>,
    /// When the latest harmless question was sent that met absence.
    in_vain_at: Option<Instant>,
    silence: Option<Silence>,
}

/// Time in which every request met absence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Silence {
    pub since: Instant,
    /// Requests sent into it and lost once it was more than a moment, the one that began it included.
    pub misses: u32,
    /// Requests that were sent before it, and those of them that have no verdict.
    older: u64,
    older_left: u64,
    is_told: bool,
}

/// A request without a verdict.
#[derive(Debug)]
pub(super) struct OnTheWire<'a> {
    outage: &'a Outage,
    pub sent_at: Instant,
    nth: u64,
}

/// An attempt that met nobody.
#[derive(Debug)]
pub(super) struct Miss {
    silence: Silence,
    /// What it is for the gate; `None` where the server may only have too much to do, which the gate knows how to meet.
    pub away: Option<Pressure>,
}

impl OnTheWire<'_> {
    fn is_older_than(&self, silence: &Silence) -> bool {
        self.nth < silence.older
    }
}

impl Drop for OnTheWire<'_> {
    fn drop(&mut self) {
        let mut state = self.outage.state();
        state.on_the_wire -= 1;
        let silence = state.silence.as_mut();
        if let Some(silence) = silence.filter(|silence| self.is_older_than(silence)) {
            silence.older_left -= 1;
        }
        drop(state);
        self.outage.returned.notify_waiters();
    }
}

impl Outage {
    /// A request leaves.
    pub fn sent(&self) -> OnTheWire<'_> {
        let mut state = self.state();
        let nth = state.sent;
        state.sent += 1;
        state.on_the_wire += 1;
        OnTheWire {
            outage: self,
            sent_at: Instant::now(),
            nth,
        }
    }

    /// A request was answered usefully.
    pub fn served(&self) {
        self.state().has_served = true;
    }

    /// Whether any request was.
    pub fn has_served(&self) -> bool {
        self.state().has_served
    }

    /// Somebody was there for a request that was sent at `sent_at`. Gives back for how long nobody had been, if that was told.
    pub fn answered(&self, sent_at: Instant) -> Option<Duration> {
        let mut state = self.state();
        state.heard_at = state.heard_at.max(Some(sent_at));
        let silence = state.silence.take()?;
        silence.is_told.then(|| silence.since.elapsed())
    }

    /// Whether somebody was there for a request that was sent after `moment`.
    fn heard_since(&self, moment: Instant) -> bool {
        self.state().heard_at.is_some_and(|at| at > moment)
    }

    /// Something harmless that was asked at `sent_at` met absence.
    fn asked_in_vain(&self, sent_at: Instant) {
        self.state().in_vain_at = Some(sent_at);
    }

    /// Waits until it shows whether requests are served that are sent after `moment`; of a server that has served none, only a usable answer shows it.
    async fn is_served_since(&self, moment: Instant) -> bool {
        loop {
            let returned = self.returned.notified();
            if self.has_served() && self.heard_since(moment) {
                return true;
            }
            if self.state().in_vain_at.is_some_and(|at| at > moment) {
                return false;
            }
            returned.await;
        }
    }

    /// A request met absence. Says into which silence it fell, and whether that may be a moment in which the server is busy; `None` while it
    /// has served nothing.
    pub fn missed(
        &self,
        request: &OnTheWire<'_>,
        absence: Absence,
        is_refused: bool,
    ) -> Option<(Silence, bool)> {
        let mut state = self.state();
        if !state.has_served {
            return None;
        }
        let (older, older_left) = (state.sent, state.on_the_wire);
        let silence = state.silence.get_or_insert_with(|| Silence {
            since: Instant::now(),
            misses: 1,
            older,
            older_left,
            is_told: false,
        });
        let is_older = request.is_older_than(silence);
        let others_left = silence.older_left > u64::from(is_older);
        let may_be_busy = is_refused || absence == Absence::Perhaps;
        let is_soon = may_be_busy && silence.since.elapsed() < MOMENT_MAX;
        let is_moment = !silence.is_told && (is_soon || is_refused && others_left);
        silence.misses += u32::from(!is_moment && !is_older);
        Some((*silence, is_moment))
    }

    /// Waits for the requests that were sent before a silence that is not told. Says whether one was answered; without any, not.
    async fn is_older_answered(&self) -> bool {
        let Some(begun) = self.state().silence.map(|silence| silence.older) else {
            return false;
        };
        loop {
            let returned = self.returned.notified();
            match self.state().silence {
                Some(silence) if silence.older != begun => return true,
                Some(silence) if silence.older_left == 0 || silence.is_told => return false,
                Some(_) => {}
                None => return true,
            }
            returned.await;
        }
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
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
    pub(super) fn listen(&self, outcome: &Outcome, request: &OnTheWire<'_>) -> Option<Miss> {
        let absence = outcome.absence();
        if absence == Absence::No {
            self.is_heard(request.sent_at);
            return None;
        }
        let is_refused =
            absence < Absence::Surely && matches!(outcome.pressure(), Pressure::Refused(_));
        let (silence, is_moment) = self.outage.missed(request, absence, is_refused)?;
        let away = (!is_moment).then(|| self.pause_in(silence, outcome.asked_wait()));
        Some(Miss { silence, away })
    }

    fn is_heard(&self, sent_at: Instant) {
        if let Some(away) = self.outage.answered(sent_at) {
            let base = &self.address.base;
            tracing::info!("{base} answers again after {} s", away.as_secs());
        }
    }

    /// How long nothing is sent: as the server asks, if it asks for any time at all, else longer with every miss, but not past the end of patience.
    fn pause_in(&self, silence: Silence, asked: Option<Duration>) -> Pressure {
        let limits = &self.limits;
        // Of the jitter the half that keeps pauses growing: all requests wait for the same one.
        let random = f64::midpoint(1.0, rand::random());
        let (first, most) = (limits.backoff_first, limits.backoff_max);
        let own = || backoff::delay(silence.misses, random, first, most);
        let left = limits.outage_max.saturating_sub(silence.since.elapsed());
        let asked = asked.filter(|wait| !wait.is_zero());
        Pressure::Away {
            pause: asked.unwrap_or_else(own).min(left).as_secs_f64(),
            is_asked: asked.is_some(),
        }
    }

    /// Decides what comes after an attempt that met nobody. Within one silence only what may be the request's own fault uses up its
    /// attempts, and even then something harmless is asked before the request is given up.
    pub(super) fn miss(
        &self,
        miss: &Miss,
        mut setback: Setback,
        tally: &mut Tally,
    ) -> Result<Next<'_>, LlmError> {
        let lasted = miss.silence.since.elapsed();
        let is_last = miss.away.is_some() && lasted >= self.limits.outage_max;
        if setback.absence == Absence::Surely {
            if is_last {
                return Err(self.end_of_patience(&setback.message));
            }
            if miss.silence.misses >= TOLD_MISSES {
                self.tell_of_absence(&setback.message);
            }
            return Ok(Next::Again(Duration::ZERO));
        }
        let failed_before = tally.failed_at.replace(Instant::now());
        let others_are_served = failed_before.is_some_and(|at| self.outage.heard_since(at));
        tally.failures += 1;
        let is_last_but_one = tally.failures + 1 >= setback.attempts_max;
        tally.is_vouched_for |= others_are_served && is_last_but_one;
        if tally.failures >= setback.attempts_max && tally.is_vouched_for {
            self.health.succeeded();
            return Err(self.exhausted(setback, tally));
        }
        let is_long = miss.away.is_some() && !miss.silence.is_told && lasted >= TOLD_AFTER;
        if is_last || is_long || is_last_but_one && !tally.is_vouched_for {
            // Where the server is away, the gate waits as it asks.
            setback.wait = setback.wait.filter(|_| miss.away.is_none());
            return Ok(Next::InDoubt(setback, is_last));
        }
        Ok(Next::Again(match miss.away {
            Some(_) => Duration::ZERO,
            None => self.delay(tally.failures, &setback),
        }))
    }

    /// Looks whether anybody is served. If so, the attempts that are left decide about the request. Gives back how long to wait before.
    pub(super) async fn settle_doubt(
        &self,
        setback: Setback,
        is_last: bool,
        tally: &mut Tally,
    ) -> Result<Duration, LlmError> {
        let is_served = setback.pressed && self.outage.is_older_answered().await
            || self.is_served(setback.wait.unwrap_or_default()).await?;
        if !self.outage.has_served() {
            return Err(self.end_run(RunStop::EndpointDead, &setback.message));
        }
        if is_served {
            self.health.succeeded();
            tally.is_vouched_for = tally.failures + 1 >= setback.attempts_max;
            return Ok(self.delay(tally.failures, &setback));
        }
        if is_last {
            return Err(self.end_of_patience(&setback.message));
        }
        self.tell_of_absence(&setback.message);
        (tally.failures, tally.is_vouched_for) = (0, false);
        Ok(Duration::ZERO)
    }

    /// Whether anybody is served from now on: what the next request shows that is answered, or something harmless, which is asked after `wait`
    /// and before all in line, as they wait to find out the same. One asks for all.
    async fn is_served(&self, wait: Duration) -> Result<bool, LlmError> {
        let request = probe::harmless();
        let doubted_at = Instant::now();
        let turn = async {
            tokio::time::sleep(wait).await;
            let asks = self.outage.asks.lock().await;
            let tokens = self.tokens_expected(&request);
            (asks, self.gate.enter_first(tokens).await)
        };
        let (_asks, mut pass) = tokio::select! {
            biased;
            is_served = self.outage.is_served_since(doubted_at) => return Ok(is_served),
            turn = turn => turn,
        };
        let reservation = self.reserve(&request).await?;
        let (sent, _) = self.exchange(&request, reservation, &mut pass).await?;
        self.meter.spend(sent.outcome.usage());
        if matches!(sent.outcome, Outcome::Usable(_)) {
            self.outage.served();
        }
        let is_there = sent.outcome.absence() == Absence::No;
        if !is_there {
            self.outage.asked_in_vain(sent.on_the_wire.sent_at);
        }
        Ok(is_there)
    }

    fn tell_of_absence(&self, message: &str) {
        if self.outage.tell() {
            let base = &self.address.base;
            let most = time_text(self.limits.outage_max);
            tracing::warn!(
                "{base} served this run and serves nobody now ({message}); waiting up to {most} for it to come back"
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
        write!(f, "nothing served for {lasted}; waiting up to {most}")
    }
}

fn time_text(time: Duration) -> String {
    match time.as_secs() {
        secs if secs >= 120 && secs % 60 == 0 => format!("{} minutes", secs / 60),
        secs => format!("{secs} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_no_absence_while_an_older_request_may_be_answered() {
        let outage = Outage::default();
        outage.served();
        let at_work = outage.sent();
        let is_moment =
            |request: &OnTheWire<'_>| outage.missed(request, Absence::Perhaps, true).unwrap().1;
        assert!(is_moment(&outage.sent()));
        tokio::time::advance(Duration::from_secs(60)).await;
        let younger = outage.sent();
        let refused = outage.sent();
        assert!(is_moment(&refused));
        let (_, is_moment_of_500) = outage.missed(&refused, Absence::Perhaps, false).unwrap();
        assert!(!is_moment_of_500);
        drop(at_work);
        assert!(!is_moment(&refused), "all who are left came into it");
        outage.answered(younger.sent_at);
        assert!(is_moment(&outage.sent()));
    }
}
