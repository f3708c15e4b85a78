//! How many requests may be in flight.
//!
//! Owns the number between 1 and the allowed concurrency: additive increase, and a decrease that depends on what was learnt. A
//! refusal shows how many others the server was serving, and that is the new limit; a time-out shows nothing but slowness, and
//! halves it. Pure: time is a number of seconds that the caller passes in.

use super::{Secs, Sending, rest_after};

/// A ramp step doubles what may be in flight; 64 are reached in under 50 ms. Refusals, which come fast, end the ramp long before an
/// answer could.
const RAMP_STEP_SECS: Secs = 0.008;

/// While the limit looks for more, it grows once in this time: a server that has not refused by then has accepted.
const GROWTH_STEP_SECS: Secs = 0.25;
/// One in this many requests is added at a growth step, and at least one.
const GROWTH_PART: usize = 8;

/// A rest doubles when looking for more was in vain, up to this.
const DOUBLED_REST_SECS_MAX: Secs = 60.0;
/// Rests are stretched by steps of this part of themselves, so that looking for more never stays in step with the answers.
const GOLDEN_PART: f64 = 0.618_033_988_75;

#[derive(Debug)]
pub(super) struct InFlightLimit {
    most: usize,
    limit: usize,
    ramp_from: Option<Secs>,
    /// The largest number in flight that the server is known to serve.
    proven: usize,
    /// Requests sent before this have nothing new to say about the limit.
    cut_at: Secs,
    rest_secs: Secs,
    stretch: f64,
    /// When the limit may grow next.
    growth_at: Secs,
}

impl InFlightLimit {
    pub fn new(most: usize) -> Self {
        let most = most.max(1);
        InFlightLimit {
            most,
            limit: most,
            ramp_from: None,
            proven: 0,
            cut_at: Secs::NEG_INFINITY,
            rest_secs: 0.0,
            stretch: 0.0,
            growth_at: 0.0,
        }
    }

    /// Whether one more may join `in_flight` others. If not, when the limit may allow it without one coming back. The ramp
    /// starts with the first question.
    pub fn admit(&mut self, now: Secs, in_flight: usize) -> Result<(), Option<Secs>> {
        let from = *self.ramp_from.get_or_insert(now);
        let steps = ((now - from) / RAMP_STEP_SECS).floor().clamp(0.0, 30.0);
        let ramp = 1 << steps as u32;
        if in_flight >= ramp && ramp < self.limit {
            return Err(Some(from + (steps + 1.0) * RAMP_STEP_SECS));
        }
        if in_flight < self.limit {
            return Ok(());
        }
        if self.limit == self.most {
            return Err(None);
        }
        if now < self.growth_at {
            return Err(Some(self.growth_at));
        }
        self.limit = (self.limit + (self.limit / GROWTH_PART).max(1)).min(self.most);
        self.growth_at = now + GROWTH_STEP_SECS;
        Ok(())
    }

    /// Goes back to one request, then up again fast.
    pub fn restart_ramp(&mut self, now: Secs) {
        self.ramp_from = Some(now);
    }

    /// The limit without the ramp, for people to see.
    pub fn settled(&self) -> usize {
        self.limit
    }

    pub fn served(&mut self, sending: &Sending) {
        self.proven = self.proven.max(sending.in_flight);
    }

    /// Takes note of a refusal while `others` were in flight. Says whether the number in flight explains it; if not, the rate must.
    pub fn refused(&mut self, now: Secs, sending: &Sending, others: usize, pause: Secs) -> bool {
        let shown = others.max(self.proven).max(1);
        if sending.sent_at < self.cut_at {
            self.limit = self.limit.min(shown);
            return true;
        }
        if sending.in_flight <= self.proven.max(1) {
            self.proven = sending.in_flight - 1;
            return false;
        }
        self.cut(now, shown.min(sending.in_flight - 1), pause);
        true
    }

    /// Takes note of a time-out: the server cannot keep up.
    pub fn overran(&mut self, now: Secs, sending: &Sending) {
        if sending.sent_at >= self.cut_at {
            self.cut(now, self.limit / 2, 0.0);
            self.proven = self.proven.min(self.limit);
        }
    }

    fn cut(&mut self, now: Secs, limit: usize, pause: Secs) {
        self.limit = limit.clamp(1, self.most);
        self.cut_at = now;
        self.rest_secs = rest_after(pause).max((self.rest_secs * 2.0).min(DOUBLED_REST_SECS_MAX));
        self.stretch = (self.stretch + GOLDEN_PART).fract();
        self.growth_at = now + self.rest_secs * (1.0 + self.stretch / 2.0);
    }
}
