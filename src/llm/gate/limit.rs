//! How many requests may be in flight.
//!
//! Owns the number between 1 and the allowed concurrency: additive increase, and a decrease that depends on what was learnt. A
//! refusal shows how many others the server was serving, and that is the new limit, until the server refuses as few as it served before: then
//! it counts requests a second, and the number in flight is left to [`super::pace`]. A server that refuses nothing but lets requests wait in line
//! shows it by its slowness: so many may be in flight that it answers in half the time a response may take. Pure: time is a number of seconds
//! that the caller passes in.

use super::{Secs, Sending, rest_after};

/// A ramp step doubles what may be in flight. It takes at least so long, and longer where a refusal does: else many would leave
/// before the first refusal is heard. Answers take longer still.
const RAMP_STEP_SECS_MIN: Secs = 0.02;
const RAMP_STEP_SECS_MAX: Secs = 0.25;
/// Times the time of a refusal.
const RAMP_STEP_PER_REFUSAL: f64 = 2.0;

/// While nobody knows yet whether the server takes requests of this form, steps are longer: a complaint about the form comes fast, though a server
/// may pass the request on to another one first, and an answer may take long.
const PROVING_STEP_SECS_MIN: Secs = 0.1;
const PROVING_STEP_SECS_MAX: Secs = 0.25;
/// Times the time that the server takes to say something short.
const PROVING_STEP_PER_HEARD: f64 = 8.0;

/// While the limit looks for more, it grows once in this time: a server that has not refused by then has accepted.
const GROWTH_STEP_SECS: Secs = 0.25;
/// One in this many requests is added at a growth step, and at least one.
const GROWTH_PART: usize = 8;

/// How long the first limit found stands before it is tried once more: it may be a rate after all.
const DOUBT_SECS: Secs = 0.5;

/// A rest doubles when looking for more was in vain, up to this.
const DOUBLED_REST_SECS_MAX: Secs = 60.0;
/// Rests are stretched by steps of this part of themselves, so that looking for more never stays in step with the answers.
const GOLDEN_PART: f64 = 0.618_033_988_75;

/// So many responses are weighed together: one may be slow by chance.
const WEIGHED: u32 = 4;
/// Of the time that a response may take, the part that is borne with: an answer may be twice as long as others.
const BORNE_PART: f64 = 0.5;

#[derive(Debug)]
pub(super) struct InFlightLimit {
    most: usize,
    limit: usize,
    /// Responses that take longer have waited in a line that is too long.
    borne_secs: Secs,
    /// So many are answered in that time, once responses were not.
    borne: usize,
    /// The latest responses to requests that were sent since the last cut.
    latest: Responses,
    /// The first that were too slow.
    slow: Option<Responses>,
    /// Whether slow responses were found to be as slow with fewer in flight: there is no line then.
    is_slow_by_itself: bool,
    /// So many may be in flight while the ramp is climbed, and when the next step may be taken.
    ramp: usize,
    ramp_at: Secs,
    /// The longest that the server took to say something short.
    heard_secs: Secs,
    /// Since when few requests find out whether the server takes requests of this form.
    proving_from: Option<Secs>,
    /// The largest number in flight that the server is known to serve.
    proven: usize,
    /// Whether the server was found to count something else than what is in flight.
    counts_rate: bool,
    /// Requests sent before this have nothing new to say about the limit.
    cut_at: Secs,
    /// Requests served that were sent since.
    served: usize,
    rest_secs: Secs,
    stretch: f64,
    /// When the limit may grow next.
    growth_at: Secs,
}

impl InFlightLimit {
    /// At most `most` in flight; a response may take `response_secs_max`.
    pub fn new(most: usize, response_secs_max: Secs) -> Self {
        let most = most.max(1);
        InFlightLimit {
            most,
            limit: most,
            borne_secs: response_secs_max * BORNE_PART,
            borne: most,
            latest: Responses::default(),
            slow: None,
            is_slow_by_itself: false,
            ramp: 1,
            ramp_at: 0.0,
            heard_secs: 0.0,
            proving_from: None,
            proven: 0,
            counts_rate: false,
            cut_at: Secs::NEG_INFINITY,
            served: 0,
            rest_secs: 0.0,
            stretch: 0.0,
            growth_at: 0.0,
        }
    }

    /// Whether one more may join `in_flight` others. If not, when the limit may allow it without one coming back. A step of
    /// the ramp is taken when it is asked for, so that a program that was held up takes one and not all.
    pub fn admit(&mut self, now: Secs, in_flight: usize) -> Result<(), Option<Secs>> {
        if self.proving_from.is_some() && in_flight == 0 {
            self.restart_ramp(now);
        }
        if in_flight >= self.ramp && self.ramp < self.limit {
            if now < self.ramp_at {
                return Err(Some(self.ramp_at));
            }
            self.ramp *= 2;
            self.ramp_at = now + self.step_secs();
        }
        if in_flight < self.limit {
            return Ok(());
        }
        if self.limit >= self.borne {
            return Err(None);
        }
        if now < self.growth_at {
            return Err(Some(self.growth_at));
        }
        self.limit = (self.limit + (self.limit / GROWTH_PART).max(1)).min(self.borne);
        self.growth_at = now + GROWTH_STEP_SECS;
        Ok(())
    }

    /// Takes note of how long the server takes to say something short.
    pub fn heard_after(&mut self, secs: Secs) {
        self.heard_secs = self.heard_secs.max(secs);
    }

    /// Goes back to one request, then up again slowly until one is served.
    pub fn prove(&mut self, now: Secs) {
        self.proving_from = Some(now);
        self.restart_ramp(now);
    }

    /// Goes back to one request, then up again from `at` on.
    pub fn restart_ramp(&mut self, at: Secs) {
        self.ramp = 1;
        self.ramp_at = at + self.step_secs();
    }

    fn step_secs(&self) -> Secs {
        let (per_heard, least, most) = match self.proving_from {
            Some(_) => (
                PROVING_STEP_PER_HEARD,
                PROVING_STEP_SECS_MIN,
                PROVING_STEP_SECS_MAX,
            ),
            None => (
                RAMP_STEP_PER_REFUSAL,
                RAMP_STEP_SECS_MIN,
                RAMP_STEP_SECS_MAX,
            ),
        };
        (self.heard_secs * per_heard).clamp(least, most)
    }

    /// The limit without the ramp, for people to see.
    pub fn settled(&self) -> usize {
        self.limit
    }

    /// Takes note of a response that came while `others` were in flight.
    pub fn served(&mut self, now: Secs, sending: &Sending, others: usize) {
        self.proven = self.proven.max(sending.in_flight);
        if self
            .proving_from
            .is_some_and(|from| sending.sent_at >= from)
        {
            self.proving_from = None;
            self.ramp_at = Secs::NEG_INFINITY;
        }
        if sending.sent_at >= self.cut_at {
            self.served += 1;
            // More than a burst went through at this number, so that the number it is.
            if self.served == 2 * self.limit {
                self.growth_at = self
                    .growth_at
                    .max(self.cut_at + self.rest_secs * (1.0 + self.stretch / 2.0));
            }
            self.latest
                .add(now - sending.sent_at, sending.in_flight, others + 1);
            self.weigh(now);
        }
    }

    /// Takes note of a refusal while `others` were in flight. Says whether the number in flight explains it; if not, the rate must.
    pub fn refused(&mut self, now: Secs, sending: &Sending, others: usize, pause: Secs) -> bool {
        self.heard_after(now - sending.sent_at);
        if self.counts_rate {
            return false;
        }
        let shown = others.max(self.proven).max(1);
        if sending.sent_at < self.cut_at {
            self.limit = self.limit.min(shown);
            return true;
        }
        if sending.in_flight <= self.proven.max(1) {
            self.counts_rate = true;
            self.limit = self.most;
            return false;
        }
        self.cut(now, shown.min(sending.in_flight - 1), pause);
        true
    }

    /// Takes note of a request that ended without a response. If that took all the time there is, it timed out.
    pub fn unanswered(&mut self, now: Secs, sending: &Sending) {
        if (now - sending.sent_at) * BORNE_PART >= self.borne_secs {
            self.overran(now, sending);
        }
    }

    /// Takes note of a time-out: the server cannot keep up.
    pub fn overran(&mut self, now: Secs, sending: &Sending) {
        if sending.sent_at < self.cut_at {
            return;
        }
        self.is_slow_by_itself = false;
        self.slow = Some(Responses::alike(self.borne_secs / BORNE_PART, self.limit));
        self.bear(now, self.limit / 2);
    }

    /// Compares what the latest responses took to what is borne with. In a line, twice as many take twice as long; of a server that is as slow with
    /// fewer in flight, nothing is gained by sending fewer.
    fn weigh(&mut self, now: Secs) {
        if self.latest.count < WEIGHED {
            return;
        }
        let latest = std::mem::take(&mut self.latest);
        let borne = |in_flight: f64| (in_flight * self.borne_secs / latest.secs()) as usize;
        if latest.secs() <= self.borne_secs {
            // A single request never shows whether there is room for two.
            let borne = borne(latest.sent_among()).max(2);
            self.borne = self.borne.max(borne).min(self.most);
        } else if self
            .slow
            .as_ref()
            .is_some_and(|first| latest.are_no_faster_than(first))
        {
            self.is_slow_by_itself = true;
            self.borne = self.most;
        } else if !self.is_slow_by_itself {
            let borne = borne(latest.shared_by().min(self.limit as f64));
            self.slow.get_or_insert(latest);
            self.bear(now, borne);
        }
    }

    fn bear(&mut self, now: Secs, borne: usize) {
        self.cut(now, borne, 0.0);
        self.borne = self.limit;
        self.growth_at = now + self.rest_secs;
        self.proven = self.proven.min(self.limit);
    }

    fn cut(&mut self, now: Secs, limit: usize, pause: Secs) {
        let is_first = self.rest_secs == 0.0;
        self.limit = limit.clamp(1, self.most);
        self.cut_at = now;
        self.served = 0;
        self.latest = Responses::default();
        self.rest_secs = rest_after(pause).max((self.rest_secs * 2.0).min(DOUBLED_REST_SECS_MAX));
        self.stretch = (self.stretch + GOLDEN_PART).fract();
        self.growth_at = now
            + pause
            + if is_first {
                DOUBT_SECS
            } else {
                self.rest_secs * (1.0 + self.stretch / 2.0)
            };
    }
}

/// How long responses took, and among how many.
#[derive(Debug, Default)]
struct Responses {
    count: u32,
    secs: Secs,
    sent_among: usize,
    shared_by: usize,
}

impl Responses {
    fn alike(secs: Secs, in_flight: usize) -> Self {
        let mut one = Responses::default();
        one.add(secs, in_flight, in_flight);
        one
    }

    /// One more, of a request that was the last of `at_first` in flight when it left and one of `at_last` when it came back.
    fn add(&mut self, secs: Secs, at_first: usize, at_last: usize) {
        self.count += 1;
        self.secs += secs;
        self.sent_among += at_first;
        self.shared_by += at_first.max(at_last);
    }

    /// What one took.
    fn secs(&self) -> Secs {
        self.secs / f64::from(self.count)
    }

    /// How many a server had before it that serves one after the other.
    fn sent_among(&self) -> f64 {
        self.sent_among as f64 / f64::from(self.count)
    }

    /// How many a server had that serves all at a time.
    fn shared_by(&self) -> f64 {
        self.shared_by as f64 / f64::from(self.count)
    }

    /// Whether these took nearer to as long as `others` than to what fewer take in a line.
    fn are_no_faster_than(&self, others: &Responses) -> bool {
        const FEWER: f64 = 0.8;
        let part = self.shared_by() / others.shared_by();
        part <= FEWER && self.secs() > others.secs() * f64::midpoint(1.0, part)
    }
}
