//! One request, tried until it ends: the only retry layer.
//!
//! Owns the loop of attempts and what each verdict leads to; what one of them came to is [`super::outcome`]'s. A request that backs off has left the gate.

use super::backoff;
use super::body;
use super::budget::Reached;
use super::classify::{Finding, Verdict};
use super::client::Client;
use super::completion::Completion;
use super::error::{ErrorClass, LlmError, RunStop};
use super::gate::Pass;
use super::health::Pulse;
use super::meter::count;
use super::outage::Miss;
use super::outcome::Outcome;
use super::profile::{Complaint, Form};
use super::request::{Output, Request};
use super::response::{Usable, excerpt};
use super::sending::Sent;
use super::tally::{Setback, Tally};
use crate::domain::failure::FailureCode;
use std::pin::pin;
use std::time::Duration;

/// A firewall that blocks a prompt by a redirect does so again; between these tries a harmless question shows whether it blocks all.
const BLOCKED_ATTEMPTS_MAX: u32 = 2;

/// What comes after an attempt.
pub(super) enum Next<'a> {
    Done(Box<Held<'a>>),
    Again(Duration),
    /// It may be the server that is at fault and not the request; whether no longer silence is waited for.
    InDoubt(Setback, bool),
}

/// A completion whose request still has its place on the wire. As long as it is not dropped, no further request takes the place:
/// whoever stores completions holds it until they are stored, and a kill then costs no more of them than requests may be in flight.
#[derive(Debug)]
pub struct Held<'a> {
    /// What came.
    pub completion: Completion,
    _place: Pass<'a>,
}

impl Client {
    /// Asks, and asks again while that can help.
    ///
    /// # Errors
    /// The class of [`LlmError`] says how far the error reaches. One of the run is told to all other requests of this client as well:
    /// those that wait end at once with the same cause.
    pub async fn complete(&self, request: &Request) -> Result<Completion, LlmError> {
        Ok(self.hold(request).await?.completion)
    }

    /// Like [`complete`](Client::complete), and keeps the place on the wire until what is returned is dropped.
    ///
    /// # Errors
    /// The same.
    pub async fn hold(&self, request: &Request) -> Result<Held<'_>, LlmError> {
        let mut tally = Tally::new();
        let ended = match self.too_long(request) {
            Some(error) => Err(error),
            None => self.try_until_it_ends(request, &mut tally).await,
        };
        ended.map_err(|error| LlmError {
            attempts: tally.attempts,
            usage: tally.usage,
            ..error
        })
    }

    /// A prompt that the server would cut in silence, by what it did to another one, is not paid for.
    fn too_long(&self, request: &Request) -> Option<LlmError> {
        let cut_at = self.learnt().cut_at_tokens?;
        let tokens = self.prompt_tokens(request);
        if tokens <= u64::from(cut_at) {
            return None;
        }
        let class = ErrorClass::Shrink {
            context_tokens: Some(cut_at),
        };
        let message =
            format!("the server reads {cut_at} tokens of a prompt; this one has about {tokens}");
        Some(LlmError::new(class, message))
    }

    async fn try_until_it_ends(
        &self,
        request: &Request,
        tally: &mut Tally,
    ) -> Result<Held<'_>, LlmError> {
        loop {
            match self.attempt(request, tally).await? {
                Next::Done(held) => return Ok(*held),
                Next::Again(delay) if delay.is_zero() => {}
                Next::Again(delay) => self.unless_ended(pin!(tokio::time::sleep(delay))).await?,
                Next::InDoubt(setback, is_last) => {
                    // On the heap, as it is rare.
                    let settled = Box::pin(self.settle_doubt(setback, is_last, tally));
                    let delay = self.unless_ended(settled).await??;
                    self.unless_ended(pin!(tokio::time::sleep(delay))).await?;
                }
            }
        }
    }

    async fn attempt(&self, request: &Request, tally: &mut Tally) -> Result<Next<'_>, LlmError> {
        let expected = self.tokens_expected(request);
        // Pinned, as all that is waited for here: a future handed on by value takes its room once more at every hand.
        let mut pass = self.unless_ended(pin!(self.gate.enter(expected))).await?;
        // Last before sending: what fits the budget is sent, even when the next one does not and ends the run.
        let reservation = self.reserve(request).await?;
        self.count_attempt(tally);
        // On the heap: most requests wait in line, and need the room of an exchange only when their turn has come.
        let (sent, miss) = Box::pin(self.exchange(request, reservation, &mut pass)).await?;
        let Sent {
            outcome,
            form,
            on_the_wire,
        } = sent;
        match outcome {
            Outcome::Usable(usable) => {
                let latency = on_the_wire.sent_at.elapsed();
                let completion = self.accept(request, form, *usable, tally.attempts, latency);
                Ok(Next::Done(Box::new(Held {
                    completion,
                    _place: pass,
                })))
            }
            Outcome::Not(finding, usage) => {
                self.meter.spend(usage);
                tally.usage.add(usage);
                // The place is given back last, so that the next in line knows what this attempt taught.
                self.follow(request, form, finding, miss, tally)
            }
        }
    }

    /// Waits for `work`, which costs nothing to give up, unless the run ends or its time is over.
    pub(super) async fn unless_ended<T>(
        &self,
        work: impl Future<Output = T>,
    ) -> Result<T, LlmError> {
        let work = self.stop.unless_stopped(work);
        let Some(deadline) = self.limits.budget.deadline() else {
            return work.await;
        };
        match tokio::time::timeout_at(deadline, work).await {
            Ok(done) => done,
            Err(_) => Err(self.spent(self.limits.budget.time_is_over())),
        }
    }

    pub(super) fn spent(&self, reached: Reached) -> LlmError {
        self.end_run(RunStop::Spent(reached.spent), &reached.message)
    }

    fn count_attempt(&self, tally: &mut Tally) {
        if tally.attempts > 0 {
            count(&self.meter.retries);
        }
        tally.attempts += 1;
    }

    fn accept(
        &self,
        request: &Request,
        form: Form,
        usable: Usable,
        attempts: u32,
        latency: Duration,
    ) -> Completion {
        self.health.succeeded();
        self.outage.served();
        self.meter.spend(usable.usage);
        count(&self.meter.completions);
        Completion {
            text: usable.text,
            reasoning: usable.reasoning.map(|text| self.blot(text)),
            model: usable
                .model
                .map_or_else(|| self.model.clone(), |name| self.blot(name)),
            finish_reason: self.blot(usable.finish_reason),
            usage: usable.usage,
            attempts,
            latency_ms: u64::try_from(latency.as_millis()).unwrap_or(u64::MAX),
            sent: body::sent(request, form),
        }
    }

    /// Decides what comes after a failed attempt: the wait before the next, or the error.
    fn follow(
        &self,
        request: &Request,
        form: Form,
        finding: Finding,
        miss: Option<Miss>,
        tally: &mut Tally,
    ) -> Result<Next<'_>, LlmError> {
        let message = excerpt(&self.blot(finding.message));
        match finding.verdict {
            Verdict::Retry {
                code,
                wait,
                pressed,
            } => {
                let setback = Setback {
                    code,
                    wait,
                    pressed,
                    absence: finding.absence,
                    attempts_max: self.limits.attempts_max,
                    message,
                };
                self.try_again(setback, miss, tally)
            }
            Verdict::Adapt(part) => {
                count(&self.meter.adapted);
                match self.adapt(request, form, part) {
                    true => Ok(Next::Again(Duration::ZERO)),
                    false => {
                        Err(self.give_up(ErrorClass::Item(FailureCode::InvalidRequest), message))
                    }
                }
            }
            Verdict::Shrink { context_tokens } => {
                let mut learnt = self.learnt();
                learnt.context_tokens = context_tokens.or(learnt.context_tokens);
                drop(learnt);
                Err(self.give_up(ErrorClass::Shrink { context_tokens }, message))
            }
            Verdict::Item(code) => Err(self.give_up(ErrorClass::Item(code), message)),
            Verdict::Run(RunStop::EndpointWrong) if let Some(miss) = miss => {
                let setback = Setback {
                    code: FailureCode::Blocked,
                    wait: None,
                    pressed: false,
                    absence: finding.absence,
                    attempts_max: BLOCKED_ATTEMPTS_MAX,
                    message,
                };
                self.miss(&miss, setback, tally)
            }
            Verdict::Run(RunStop::EndpointWrong) if self.outage.has_served() => {
                Err(self.block(message))
            }
            Verdict::Run(stop) => Err(self.end_run(stop, &message)),
        }
    }

    fn try_again(
        &self,
        setback: Setback,
        miss: Option<Miss>,
        tally: &mut Tally,
    ) -> Result<Next<'_>, LlmError> {
        if setback.pressed {
            count(&self.meter.refused);
        }
        if setback.wait.is_some_and(|wait| wait > self.limits.wait_max) {
            return Err(self.end_run(RunStop::WaitTooLong, &setback.message));
        }
        let (code, message) = (setback.code.as_str(), &setback.message);
        tracing::debug!(attempt = tally.attempts, code, %message, "failed for now");
        if let Some(miss) = miss {
            return self.miss(&miss, setback, tally);
        }
        tally.failures += 1;
        if tally.failures >= self.limits.attempts_max {
            return self.exhaust(setback, tally);
        }
        Ok(Next::Again(self.delay(tally.failures, &setback)))
    }

    /// The wait after so many failures.
    pub(super) fn delay(&self, failures: u32, setback: &Setback) -> Duration {
        let own = backoff::delay(
            failures,
            rand::random(),
            self.limits.backoff_first,
            self.limits.backoff_max,
        );
        match setback.wait {
            // The gate pauses for all, this request too.
            Some(wait) if setback.pressed && !wait.is_zero() => Duration::ZERO,
            Some(wait) => wait.max(own),
            None => own,
        }
    }

    /// Gives a request up that used up its attempts. Of a service of which nothing is known but such requests something harmless is asked first.
    fn exhaust(&self, setback: Setback, tally: &Tally) -> Result<Next<'_>, LlmError> {
        match self.health.exhausted(tally.began, setback.code) {
            Pulse::Well => Err(self.exhausted(setback, tally)),
            Pulse::Doubtful => Ok(Next::InDoubt(setback, true)),
            Pulse::Mute => Err(self.end_run(RunStop::EndpointDead, &setback.message)),
        }
    }

    /// The error of a request that used up its attempts while the service is well.
    pub(super) fn exhausted(&self, setback: Setback, tally: &Tally) -> LlmError {
        let Setback { code, message, .. } = setback;
        if code == FailureCode::Blocked {
            return self.block(message);
        }
        self.health.refused(&message, RunStop::NoneServed);
        let message = format!("{message}, after {} attempts", tally.attempts);
        LlmError::new(ErrorClass::Transient(code), message)
    }

    /// Moves to the next form after a complaint. `false` when there is none, or the request does not hold what is complained about.
    fn adapt(&self, request: &Request, used: Form, part: Complaint) -> bool {
        let holds = match part {
            Complaint::Structure => matches!(request.output, Output::Json(_)),
            Complaint::Seed => request.seed.is_some(),
            Complaint::LengthField | Complaint::Temperature | Complaint::SystemRole => true,
        };
        let mut learnt = self.learnt();
        if learnt.form != used {
            // Another request of the same time has learnt already.
            return true;
        }
        let Some(next) = used.after(part).filter(|_| holds) else {
            return false;
        };
        learnt.form = next;
        drop(learnt);
        self.gate.prove();
        tracing::info!(
            ?part,
            ?next,
            "the server does not take a part of the request; asking in another form"
        );
        true
    }

    /// The error of a request that failed by its own fault; the service is well.
    fn give_up(&self, class: ErrorClass, message: String) -> LlmError {
        self.health.succeeded();
        let stop = match class {
            ErrorClass::Item(FailureCode::Blocked) => RunStop::Credentials,
            _ => RunStop::NoneServed,
        };
        self.health.refused(&message, stop);
        LlmError::new(class, message)
    }

    /// The error of a request that is told that the endpoint is not there, while others are served: so a firewall may block one prompt.
    fn block(&self, message: String) -> LlmError {
        let error = self.give_up(ErrorClass::Item(FailureCode::Blocked), message);
        self.health.refused(&error.message, RunStop::EndpointWrong);
        error
    }

    pub(super) fn end_run(&self, stop: RunStop, message: &str) -> LlmError {
        let error = LlmError::stop(stop, stop.explain(&self.address.base, message));
        self.stop.raise(&error);
        self.stop.cause().unwrap_or(error)
    }
}
