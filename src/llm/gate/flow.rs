//! Who may send now: the limit in flight, the pace, the pause and the user's allowances in one place.
//!
//! Pure: it decides and counts; waiting is [`super::Gate`]'s part.

use super::bucket::Bucket;
use super::knock::Knock;
use super::limit::InFlightLimit;
use super::pace::Pace;
use super::{Pressure, Secs, Sending};
use crate::llm::backoff::Allowance;

/// A good response that says its allowance is used up pauses all for so long at most: in this time an allowance that refills
/// steadily has grown, and one that refills at once will refuse the next request and say when.
const USED_UP_PAUSE_SECS_MAX: Secs = 2.0;

/// What the next in line gets.
#[derive(Debug, PartialEq)]
pub(super) enum Admission {
    /// It is counted as in flight.
    Go(Sending),
    /// Ask again at this time, or when a request has come back.
    At(Secs),
    /// Ask again when a request has come back.
    OnReturn,
}

#[derive(Debug)]
pub(super) struct Flow {
    limit: InFlightLimit,
    pace: Pace,
    requests: Option<Bucket>,
    tokens: Option<Bucket>,
    knock: Knock,
    pause_until: Secs,
    in_flight: usize,
    sent: u64,
}

impl Flow {
    pub fn new(
        concurrency: usize,
        response_secs_max: Secs,
        requests_per_minute: Option<u32>,
        tokens_per_minute: Option<u32>,
    ) -> Self {
        Flow {
            limit: InFlightLimit::new(concurrency, response_secs_max),
            pace: Pace::new(),
            requests: requests_per_minute.map(Bucket::per_minute),
            tokens: tokens_per_minute.map(Bucket::per_minute),
            knock: Knock::default(),
            pause_until: 0.0,
            in_flight: 0,
            sent: 0,
        }
    }

    /// Lets one request that may use `tokens` tokens through, or says when to ask again.
    pub fn admit(&mut self, now: Secs, tokens: f64) -> Admission {
        if !self.knock.admits() {
            return Admission::OnReturn;
        }
        if let Err(when) = self.limit.admit(now, self.in_flight) {
            return when.map_or(Admission::OnReturn, Admission::At);
        }
        let buckets = self.requests.iter_mut().chain(&mut self.tokens);
        let filled = buckets.map(|bucket| bucket.ready_at(now));
        let paused_until = self.pause_until.max(self.knock.rests_until());
        let ready = filled.fold(self.pace.ready_at(now).max(paused_until), Secs::max);
        if ready > now {
            return Admission::At(ready);
        }
        self.in_flight += 1;
        self.sent += 1;
        self.knock.sent();
        self.draw(1.0, tokens);
        let (gap, accepted) = self.pace.sent(now);
        Admission::Go(Sending {
            sent_at: now,
            nth: self.sent - 1,
            gap,
            accepted,
            in_flight: self.in_flight,
            tokens,
        })
    }

    /// A request came back; `tokens` were really used, if the server said so.
    pub fn returned(
        &mut self,
        now: Secs,
        sending: &Sending,
        pressure: Pressure,
        tokens: Option<f64>,
    ) {
        self.in_flight -= 1;
        self.draw(0.0, tokens.map_or(0.0, |used| used - sending.tokens));
        if !matches!(pressure, Pressure::Away { .. }) {
            self.back(now);
        }
        match pressure {
            Pressure::Served => self.limit.served(now, sending, self.in_flight),
            Pressure::Overran => self.limit.overran(now, sending),
            Pressure::Refused(wait) => self.refused(now, sending, wait),
            Pressure::Away { pause, is_asked } => {
                self.limit.unanswered(now, sending);
                match self.knock.missed(now, sending) {
                    true if is_asked => self.pause(now, pause),
                    true => self.knock.rest(now + pause),
                    false => {}
                }
            }
            Pressure::Unknown => {}
        }
    }

    /// Somebody is there: if nobody was, the number in flight climbs from one again.
    fn back(&mut self, now: Secs) {
        if self.knock.answered() {
            self.limit.restart_ramp(now);
        }
    }

    /// Sends nothing for `secs` seconds.
    pub fn pause(&mut self, now: Secs, secs: Secs) {
        self.pause_until = self.pause_until.max(now + secs);
    }

    pub fn heard_after(&mut self, secs: Secs) {
        self.limit.heard_after(secs);
    }

    pub fn prove(&mut self, now: Secs) {
        self.limit.prove(now);
    }

    /// Takes note of the allowance that the server told on a good response to `sending`. Requests sent after it may not be counted in
    /// yet. When none are left, a server that counts in windows takes more at the reset; of one whose allowance grows steadily, the
    /// reset says how fast.
    pub fn told(&mut self, now: Secs, sending: &Sending, allowance: &Allowance) {
        let reset = allowance.reset_secs - (now - sending.sent_at);
        let sent_since = (self.sent - 1 - sending.nth) as f64;
        let left = match allowance.counts_requests {
            true => allowance.remaining - sent_since,
            false => allowance.remaining,
        };
        if left >= 1.0 || reset <= 0.0 {
            return;
        }
        self.pause(now, reset.min(USED_UP_PAUSE_SECS_MAX));
        if let Some(limit) = allowance.limit.filter(|_| allowance.counts_requests) {
            let refilled = limit - allowance.remaining;
            self.pace.told(now, refilled / allowance.reset_secs);
        }
    }

    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    pub fn limit(&self) -> usize {
        self.limit.settled()
    }

    pub fn requests_per_sec(&self) -> Option<f64> {
        self.pace.rate()
    }

    fn refused(&mut self, now: Secs, sending: &Sending, wait: Secs) {
        self.pace.taken_back();
        self.draw(0.0, -sending.tokens);
        let by_number = self.limit.refused(now, sending, self.in_flight, wait);
        let own = self.pace.refused(now, sending, wait, by_number);
        self.pause(now, wait.max(own));
        if self.pause_until > now && self.pace.rate().is_none() {
            self.limit.restart_ramp(self.pause_until);
        }
    }

    fn draw(&mut self, requests: f64, tokens: f64) {
        if let Some(bucket) = &mut self.requests {
            bucket.draw(requests);
        }
        if let Some(bucket) = &mut self.tokens {
            bucket.draw(tokens);
        }
    }
}
