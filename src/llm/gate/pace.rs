//! How many requests may leave a second, when the server limits that.
//!
//! Owns an estimate of the allowed rate. It has none until refusals come that the number in flight does not explain; then it
//! closes in between the rate that the server served and the rate that it refused, and looks for more with growing courage. A server
//! that took one request only after a second of silence saves nothing up, and is sent one request at a time from then on; one that
//! refuses at the rate it refused before has not changed, and is left in peace twice as long. The rate grows only while it is what holds
//! requests back, as RFC 7661 has it for TCP. Pure: time is a number of seconds that the caller passes in.

use super::{Secs, Sending, rest_after};

/// After a refusal, the rate comes back to this part of what was refused ...
const SAFE_PART: f64 = 0.97;
/// ... making up this share of the distance with a request, but no more than that in a second, and rests there.
const RECOVERY_PER_REQUEST: f64 = 0.15;
const RECOVERY_PER_SEC_MAX: f64 = 0.5;
/// Growth a second after the rest; it doubles in [`COURAGE_SECS`].
const GROWTH_PER_SEC: f64 = 0.01;
const COURAGE_SECS: Secs = 8.0;
/// The same after the first estimate, which is a rough one, where a refusal costs no pause.
const FIRST_COURAGE_SECS: Secs = 1.2;
const GROWTH_PER_SEC_MAX: f64 = 0.5;
/// What may be made up for after a silence, in seconds of the rate: most servers count in windows of a second or more. A refusal
/// while making up ends that: the server keeps no account of silence.
const BURST_SECS: Secs = 1.0;
/// No server is asked less often than this, in requests a second; one that allows less says how long to wait.
const RATE_MIN: f64 = 0.02;
/// Making up happens at this multiple of the rate, so that one refusal is heard before many requests follow it.
const HASTE: f64 = 16.0;
/// A rate that is too high by little costs a whole pause, one that is too low by little next to nothing: it rests longer than other limits.
const RESTS: f64 = 2.0;
const FIRST_REST: f64 = 0.2;
/// It doubles up to this while refusals come within this part of the rate refused before.
const RESTS_MAX: f64 = 8.0;
const SAME_RATE_PART: f64 = 0.05;
/// A server that refuses again and names no wait gets this much, then twice as much, up to a bound.
const OWN_PAUSE_SECS: Secs = 0.05;
const OWN_PAUSE_SECS_MAX: Secs = 4.0;
/// So many requests accepted in a row show that nothing was lost to a full bucket while the server was left alone.
const TELLING: u32 = 3;
/// In gaps between requests at the rate: one that follows sooner makes up for a silence, one that follows later was not held back by the rate.
const MADE_UP_GAPS: f64 = 0.75;
const HELD_BACK_GAPS: f64 = 2.0;

#[derive(Debug)]
pub(super) struct Pace {
    /// Requests a second; `None` for no limit.
    rate: Option<f64>,
    /// The rate that was refused last.
    ceiling: f64,
    credit: f64,
    credited_at: Secs,
    /// Whether silence is made up for, and until when it is being.
    makes_up: bool,
    made_up_at: Secs,
    sent_at: Secs,
    /// The last refusal that had something to say, and what was sent and not refused since.
    cut_at: Option<Secs>,
    accepted: u32,
    /// Since then, refusals with nothing accepted between them.
    in_vain: u32,
    rest_until: Secs,
    /// How long that rest is, as a multiple of what one pause asks for.
    rests: f64,
    /// In which time growth doubles after it.
    courage_secs: Secs,
    was_refused: bool,
}

impl Pace {
    pub fn new() -> Self {
        Pace {
            rate: None,
            ceiling: 0.0,
            credit: 0.0,
            credited_at: 0.0,
            makes_up: true,
            made_up_at: Secs::NEG_INFINITY,
            sent_at: Secs::NEG_INFINITY,
            cut_at: None,
            accepted: 0,
            in_vain: 0,
            rest_until: 0.0,
            rests: FIRST_REST,
            courage_secs: COURAGE_SECS,
            was_refused: false,
        }
    }

    /// When the next request may leave; a time that is not in the future means now.
    pub fn ready_at(&mut self, now: Secs) -> Secs {
        let Some(rate) = self.rate else {
            return now;
        };
        self.fill(now);
        let missing = (1.0 - self.credit).max(0.0);
        (now + missing / rate).max(self.sent_at + 1.0 / (HASTE * rate))
    }

    /// A request leaves, and the rate grows if it waited for it. Gives back the time since the one before, and how many were accepted since the last refusal.
    pub fn sent(&mut self, now: Secs) -> (Secs, u32) {
        self.cut_at.get_or_insert(now);
        let (gap, accepted) = (now - self.sent_at, self.accepted);
        self.accepted += 1;
        self.sent_at = now;
        if let Some(rate) = self.rate {
            if gap * rate < MADE_UP_GAPS {
                self.made_up_at = now;
            } else if gap * rate < HELD_BACK_GAPS {
                self.rate = Some(rate + gap * self.growth(now, rate));
            }
            self.credit -= 1.0;
        }
        (gap, accepted)
    }

    /// Takes over a rate that the server told, if it is lower than the estimate.
    pub fn told(&mut self, now: Secs, rate: f64) {
        if rate < RATE_MIN || self.rate.is_some_and(|known| known <= rate) {
            return;
        }
        (self.rate, self.ceiling) = (Some(rate), rate);
        (self.credit, self.credited_at) = (0.0, now);
        (self.rests, self.rest_until) = (RESTS, now + rest_after(0.0));
    }

    /// The estimate, for people to see.
    pub fn rate(&self) -> Option<f64> {
        self.rate
    }

    /// Takes back a request that the server did not take.
    pub fn taken_back(&mut self) {
        self.accepted = self.accepted.saturating_sub(1);
    }

    /// Notes a refusal; `by_number` when the number in flight explains it. Says for how long nothing should be sent.
    pub fn refused(&mut self, now: Secs, sending: &Sending, wait: Secs, by_number: bool) -> Secs {
        let cut_at = self.cut_at.unwrap_or(now);
        if sending.sent_at < cut_at {
            return 0.0;
        }
        if sending.accepted == 0 && self.in_vain < 30 && !by_number {
            self.in_vain += 1;
            let pause = OWN_PAUSE_SECS * f64::from(1 << self.in_vain);
            return pause.min(OWN_PAUSE_SECS_MAX);
        }
        self.in_vain = 0;
        let span = (now - cut_at).max(1e-3);
        self.cut_at = Some(now);
        self.accepted = 0;
        self.credit = 0.0;
        self.credited_at = now;
        // What went through before the first refusal may have been saved up.
        let is_first = !std::mem::replace(&mut self.was_refused, true);
        if by_number || is_first {
            return 0.0;
        }
        if self.rate.is_none() && sending.accepted == 1 && span >= BURST_SECS {
            self.makes_up = false;
        }
        if self.makes_up && self.rate.is_some() && now - self.made_up_at < BURST_SECS {
            self.makes_up = false;
            return 0.0;
        }
        self.close_in(now, sending, span, wait);
        0.0
    }

    /// Estimates the rate anew, from the bounds between which it lies, and lets it rest.
    fn close_in(&mut self, now: Secs, sending: &Sending, span: Secs, wait: Secs) {
        let (low, high) = self.bounds(sending, span);
        let is_same = (high / self.ceiling - 1.0).abs() < SAME_RATE_PART;
        self.rests = match self.rate {
            None => FIRST_REST,
            Some(_) if is_same => (2.0 * self.rests).min(RESTS_MAX),
            Some(_) => RESTS,
        };
        self.courage_secs = match self.rate {
            None if wait == 0.0 => FIRST_COURAGE_SECS,
            _ => COURAGE_SECS,
        };
        self.rest_until = now + self.rests * rest_after(wait);
        let between = (low * high).sqrt();
        let rate = if high < 2.0 * low {
            between.max(0.95 * high)
        } else {
            between
        };
        self.rate = Some(rate.max(RATE_MIN));
        self.ceiling = high;
    }

    /// Between these the allowed rate lies, as a refusal after a span shows.
    fn bounds(&self, sending: &Sending, span: Secs) -> (f64, f64) {
        let accepted = f64::from(sending.accepted);
        let low = accepted / span;
        let by_gap = 1.0 / sending.gap.max(1e-3);
        match self.rate {
            Some(rate) => (low, rate.min(by_gap).max(low)),
            None if sending.accepted >= TELLING => {
                let telling = accepted / (span - sending.gap).max(1e-3);
                (telling * SAFE_PART, telling)
            }
            None => (low, by_gap.min(HASTE * low).max(low)),
        }
    }

    /// Credits the time since the last look.
    fn fill(&mut self, now: Secs) {
        let Some(rate) = self.rate else { return };
        let secs = (now - self.credited_at).max(0.0);
        self.credited_at = now;
        let burst = if self.makes_up {
            (rate * BURST_SECS).max(1.0)
        } else {
            1.0
        };
        self.credit = (self.credit + secs * rate).min(burst);
    }

    /// Growth a second.
    fn growth(&self, now: Secs, rate: f64) -> f64 {
        let share = (RECOVERY_PER_REQUEST * rate).min(RECOVERY_PER_SEC_MAX);
        let recovery = ((self.ceiling * SAFE_PART - rate) * share).max(0.0);
        if now < self.rest_until {
            return recovery;
        }
        let courage = ((now - self.rest_until) / self.courage_secs).min(10.0);
        let onward = rate * (GROWTH_PER_SEC * courage.exp2()).min(GROWTH_PER_SEC_MAX);
        onward.max(recovery)
    }
}
