//! The one gate in front of an endpoint: first come, first served, and never more than the server can take.
//!
//! Owns the waiting. What may leave when is decided by pure parts: [`limit`] for the number in flight, [`pace`] for the rate,
//! [`bucket`] for the user's allowances, joined in [`flow`]. A request that backs off is outside and holds no place.

mod bucket;
mod flow;
mod knock;
mod limit;
mod pace;
#[cfg(test)]
mod simulation;

use super::backoff::Allowance;
use flow::{Admission, Flow};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;

/// Seconds since the gate was made.
type Secs = f64;

/// How long to be content after a refusal that cost a pause of `pause` seconds. Looking for more costs one such pause, so it may
/// take at most 5 % of the time.
fn rest_after(pause: Secs) -> Secs {
    const REST_PER_PAUSE: f64 = 20.0;
    const REST_SECS_MIN: Secs = 2.0;
    (pause * REST_PER_PAUSE).max(REST_SECS_MIN)
}

/// The clock of timers is no finer than this.
const LOOK_SECS_MIN: Secs = 1e-3;
/// The first in line looks again at least this often: limits grow meanwhile.
const LOOK_SECS_MAX: Secs = 1.0;

/// Work begun may owe so many requests for each that may be on the wire: those on the wire, as many in line, and those that wait for the
/// questions of their file. With fewer, places stay free while files are read and parsed; where files are begun for their questions alone,
/// they all come to their answers at one time, and then to their end, and take memory meanwhile.
const OWED_PER_PLACE: f64 = 3.5;

/// What is known about a request that was let through.
#[derive(Debug, Clone, PartialEq)]
struct Sending {
    sent_at: Secs,
    /// How many requests left before it.
    nth: u64,
    /// Time since the request before it left.
    gap: Secs,
    /// Requests since the last refusal that left before it and were not refused, as far as was known then.
    accepted: u32,
    /// Requests in flight when it left, itself included.
    in_flight: usize,
    /// Tokens set aside for it.
    tokens: f64,
}

/// What the end of a request says about the server's load.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Pressure {
    /// It was served.
    Served,
    /// It was refused for load; nothing may be sent for this many seconds.
    Refused(Secs),
    /// It took longer than allowed.
    Overran,
    /// Nobody was there: one request at a time may be sent until somebody answers, the first after a pause. One that the server asked for
    /// is kept whoever answers.
    Away { pause: Secs, is_asked: bool },
    /// Nothing: the connection broke, or the request was at fault.
    Unknown,
}

/// What the gate is doing, for the progress line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GateState {
    /// Requests on the wire.
    pub in_flight: usize,
    /// Most requests on the wire, as learnt so far.
    pub limit: usize,
    /// Requests a second, when the server was found to limit that.
    pub requests_per_sec: Option<f64>,
}

/// Lets requests through one by one.
#[derive(Debug)]
pub(super) struct Gate {
    flow: Mutex<Flow>,
    /// Held by the first in line alone; semaphores of tokio are fair.
    turn: Semaphore,
    returned: Notify,
    /// Whether a request waits to go before all in line, and what wakes it.
    has_first: AtomicBool,
    first: Notify,
    /// Requests in line, and those that were announced.
    expected: AtomicUsize,
    /// Requests that work begun has still to make, or to hear the answer of.
    owed: AtomicUsize,
    /// Woken when there may be room for more work: for one listener.
    room: Notify,
    made_at: Instant,
}

/// A request in line.
struct InLine<'a>(&'a Gate);

impl<'a> InLine<'a> {
    fn of(gate: &'a Gate) -> Self {
        gate.expect();
        InLine(gate)
    }
}

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        self.0.expect_no_more();
    }
}

/// A request before the line.
struct First<'a>(&'a Gate);

impl<'a> First<'a> {
    fn of(gate: &'a Gate) -> Self {
        gate.has_first.store(true, Ordering::Relaxed);
        First(gate)
    }
}

impl Drop for First<'_> {
    fn drop(&mut self) {
        self.0.has_first.store(false, Ordering::Relaxed);
        self.0.returned.notify_one();
    }
}

impl Gate {
    /// At most `concurrency` requests on the wire, for each of which a response may take `response_max`.
    pub fn new(
        concurrency: usize,
        response_max: Duration,
        requests_per_minute: Option<u32>,
        tokens_per_minute: Option<u32>,
    ) -> Self {
        Gate {
            flow: Mutex::new(Flow::new(
                concurrency,
                response_max.as_secs_f64(),
                requests_per_minute,
                tokens_per_minute,
            )),
            turn: Semaphore::new(1),
            returned: Notify::new(),
            has_first: AtomicBool::new(false),
            first: Notify::new(),
            expected: AtomicUsize::new(0),
            owed: AtomicUsize::new(0),
            room: Notify::new(),
            made_at: Instant::now(),
        }
    }

    /// Waits for a place. Dropping the future gives up the place in line.
    pub async fn enter(&self, tokens: f64) -> Pass<'_> {
        let _in_line = InLine::of(self);
        // The semaphore is never closed, so this is always a turn.
        let _turn = self.turn.acquire().await;
        let admit = || match self.has_first.load(Ordering::Relaxed) {
            true => Admission::OnReturn,
            false => self.flow().admit(self.now(), tokens),
        };
        self.place(admit, &self.returned).await
    }

    /// Waits for the next place before all who are in line. For one at a time.
    pub async fn enter_first(&self, tokens: f64) -> Pass<'_> {
        let _first = First::of(self);
        let admit = || self.flow().admit(self.now(), tokens);
        self.place(admit, &self.first).await
    }

    async fn place(&self, admit: impl Fn() -> Admission, woken: &Notify) -> Pass<'_> {
        loop {
            match admit() {
                Admission::Go(sending) => {
                    return Pass {
                        gate: self,
                        sending: Some(sending),
                        told: (Pressure::Unknown, None),
                    };
                }
                Admission::OnReturn => woken.notified().await,
                Admission::At(secs) => {
                    let wait = (secs - self.now()).clamp(LOOK_SECS_MIN, LOOK_SECS_MAX);
                    let wake = Instant::now() + Duration::from_secs_f64(wait);
                    let _ = tokio::time::timeout_at(wake, woken.notified()).await;
                }
            }
        }
    }

    /// Announces a request that will soon be in line.
    pub fn expect(&self) {
        self.expected.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes an announcement back: its request is in line by now, or will not come.
    pub fn expect_no_more(&self) {
        self.expected.fetch_sub(1, Ordering::Relaxed);
        self.room.notify_one();
    }

    /// Counts requests that work just begun will come to make.
    pub fn owe(&self, requests: usize) {
        self.owed.fetch_add(requests, Ordering::Relaxed);
    }

    /// Takes requests off that count: they were answered, or will not be made.
    pub fn owe_less(&self, requests: usize) {
        let before = self.owed.fetch_sub(requests, Ordering::Relaxed);
        let most = owed_max(self.state().limit);
        if before >= most && before - requests < most {
            self.room.notify_one();
        }
    }

    /// Waits until more work is needed to keep the server busy: until a place would stay free, or work begun owes few requests. For one
    /// listener at a time.
    pub async fn room(&self) {
        while !self.has_room() {
            self.room.notified().await;
        }
    }

    fn has_room(&self) -> bool {
        let state = self.state();
        let is_idle = state.in_flight + self.expected.load(Ordering::Relaxed) < state.limit;
        is_idle || self.owed.load(Ordering::Relaxed) < owed_max(state.limit)
    }

    /// Takes note of an allowance as a good response told it.
    pub fn told(&self, pass: &Pass<'_>, allowance: &Allowance) {
        if let Some(sending) = &pass.sending {
            self.flow().told(self.now(), sending, allowance);
        }
    }

    /// Takes note of how long the server takes to say something short.
    pub fn heard_after(&self, time: Duration) {
        self.flow().heard_after(time.as_secs_f64());
    }

    /// Lets one request through, then slowly more until one is served: nobody knows yet whether the server takes requests of this form.
    pub fn prove(&self) {
        self.flow().prove(self.now());
    }

    pub fn state(&self) -> GateState {
        let flow = self.flow();
        GateState {
            in_flight: flow.in_flight(),
            limit: flow.limit(),
            requests_per_sec: flow.requests_per_sec(),
        }
    }

    fn now(&self) -> Secs {
        self.made_at.elapsed().as_secs_f64()
    }

    fn flow(&self) -> MutexGuard<'_, Flow> {
        self.flow.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn owed_max(limit: usize) -> usize {
    (limit as f64 * OWED_PER_PLACE) as usize
}

/// A place on the wire; dropping it gives the place back.
#[derive(Debug)]
pub(super) struct Pass<'a> {
    gate: &'a Gate,
    sending: Option<Sending>,
    told: (Pressure, Option<f64>),
}

impl Pass<'_> {
    /// Tells how it went; `tokens` were really used, if the server said so. The place is kept.
    pub fn settle(&mut self, pressure: Pressure, tokens: Option<f64>) {
        self.told = (pressure, tokens);
    }

    /// Gives the place back and tells how it went.
    #[cfg(test)]
    pub fn end(mut self, pressure: Pressure, tokens: Option<f64>) {
        self.settle(pressure, tokens);
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if let Some(sending) = self.sending.take() {
            let now = self.gate.now();
            let (pressure, tokens) = self.told;
            self.gate.flow().returned(now, &sending, pressure, tokens);
            self.gate.returned.notify_one();
            self.gate.first.notify_one();
            self.gate.room.notify_one();
        }
    }
}
