//! How many requests may leave a second, when the server limits that.
//!
//! Owns an estimate of the allowed rate. It has none until refusals come that the number in flight does not explain; then it
//! closes in between the rate that the server served and the rate that it refused, and looks for more with growing courage. Pure:
//! time is a number of seconds that the caller passes in.

use super::{Secs, Sending, rest_after};

/// After a refusal, the rate comes back to this part of what was refused ...
const SAFE_PART: f64 = 0.97;
/// ... making up this share of the distance with a request, but no more than that in a second, and rests there.
const RECOVERY_PER_REQUEST: f64 = 0.05;
const RECOVERY_PER_SEC_MAX: f64 = 0.2;
/// Growth a second after the rest; it doubles every [`COURAGE_SECS`].
const GROWTH_PER_SEC: f64 = 0.01;
const COURAGE_SECS: Secs = 8.0;
const GROWTH_PER_SEC_MAX: f64 = 0.5;
/// What may be made up for after a silence, in seconds of the rate: most servers count in windows of a second or more. A refusal
/// while making up halves it.
const BURST_SECS: Secs = 1.0;
/// No server is asked less often than this, in requests a second; one that allows less says how long to wait.
const RATE_MIN: f64 = 0.02;
/// Making up happens at this multiple of the rate, so that one refusal is heard before many requests follow it.
const HASTE: f64 = 16.0;

#[derive(Debug)]
pub(super) struct Pace {
    /// Requests a second; `None` for no limit.
    rate: Option<f64>,
    /// The rate that was refused last.
    ceiling: f64,
    credit: f64,
    credited_at: Secs,
    burst_secs: Secs,
    sent_at: Secs,
    cut_at: Option<Secs>,
    /// The span since the last cut (or the start): how much of it was spent paused, and what was sent and not refused in it.
    paused_secs: Secs,
    accepted: u32,
    rest_until: Secs,
}

impl Pace {
    pub fn new() -> Self {
        Pace {
            rate: None,
            ceiling: 0.0,
            credit: 0.0,
            credited_at: 0.0,
            burst_secs: BURST_SECS,
            sent_at: 0.0,
            cut_at: None,
            paused_secs: 0.0,
            accepted: 0,
            rest_until: 0.0,
        }
    }

    /// When the next request may leave; a time that is not in the future means now.
    pub fn ready_at(&mut self, now: Secs) -> Secs {
        let Some(rate) = self.rate else {
            return now;
        };
        self.grow(now);
        let missing = (1.0 - self.credit).max(0.0);
        (now + missing / rate).max(self.sent_at + 1.0 / (HASTE * rate))
    }

    pub fn sent(&mut self, now: Secs) {
        self.cut_at.get_or_insert(now);
        self.accepted += 1;
        self.sent_at = now;
        if self.rate.is_some() {
            self.credit -= 1.0;
        }
    }

    /// The estimate, for people to see.
    pub fn rate(&self) -> Option<f64> {
        self.rate
    }

    /// Takes back a request that the server did not take; it says nothing about the rate.
    pub fn taken_back(&mut self) {
        self.accepted = self.accepted.saturating_sub(1);
    }

    /// Notes that nothing leaves for the next `secs` seconds.
    pub fn paused(&mut self, secs: Secs) {
        self.paused_secs += secs;
    }

    /// Notes a refusal that the number in flight does not explain.
    pub fn refused(&mut self, now: Secs, sending: &Sending, pause: Secs) {
        let cut_at = self.cut_at.unwrap_or(now);
        if sending.sent_at < cut_at {
            return;
        }
        let span = (now - cut_at).max(1e-3);
        let active = (span - self.paused_secs).max(1e-3);
        let accepted = f64::from(self.accepted).max(0.5);
        let served_rate = accepted / span;
        let refused_rate = self
            .rate
            .unwrap_or((accepted / active).min(HASTE * served_rate));
        let between = (served_rate.min(refused_rate) * refused_rate).sqrt();
        self.rate = Some(between.max(RATE_MIN));
        let burst_factor = if self.credit >= 1.0 { 0.5 } else { 2.0 };
        self.burst_secs = (self.burst_secs * burst_factor).min(BURST_SECS);
        self.ceiling = refused_rate;
        self.credit = 0.0;
        self.credited_at = now;
        self.cut_at = Some(now);
        self.paused_secs = 0.0;
        self.accepted = 0;
        self.rest_until = now + rest_after(pause);
    }

    /// Credits the time since the last look, and raises the rate while it is what holds requests back.
    fn grow(&mut self, now: Secs) {
        let Some(rate) = self.rate else { return };
        let secs = (now - self.credited_at).max(0.0);
        self.credited_at = now;
        let burst = (rate * self.burst_secs).max(1.0);
        self.credit = (self.credit + secs * rate).min(burst);
        if self.credit < burst {
            self.rate = Some(rate + secs.min(1.0) * self.growth(now, rate));
        }
    }

    /// Growth a second.
    fn growth(&self, now: Secs, rate: f64) -> f64 {
        let share = (RECOVERY_PER_REQUEST * rate).min(RECOVERY_PER_SEC_MAX);
        let recovery = ((self.ceiling * SAFE_PART - rate) * share).max(0.0);
        if now < self.rest_until {
            return recovery;
        }
        let courage = ((now - self.rest_until) / COURAGE_SECS).min(10.0);
        let onward = rate * (GROWTH_PER_SEC * courage.exp2()).min(GROWTH_PER_SEC_MAX);
        onward.max(recovery)
    }
}
