//! The client of one endpoint and one model.
//!
//! Owns what all its requests share: the connection pool, the gate, what was learnt, the breaker, the meter. How one request is
//! tried until it ends is [`super::attempt`].

use super::body;
use super::calibration::Calibration;
use super::completion::Usage;
use super::endpoint::{Address, Endpoint, Limits};
use super::error::{LlmError, RunStop};
use super::gate::Gate;
use super::health::Health;
use super::listing::{Listed, list, places_in_force};
use super::meter::{Meter, Snapshot};
use super::models;
use super::outage::Outage;
use super::profile::{Form, Profile};
use super::request::Request;
use super::secret::Secret;
use super::stop::Stop;
use super::transport::Transport;
use crate::domain::failure::FailureCode;
use bytes::Bytes;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;

/// Asks one model. Cheap to share by reference or `Arc`; every request may run at the same time.
#[derive(Debug)]
pub struct Client {
    pub(super) address: Address,
    pub(super) model: String,
    pub(super) opening: Bytes,
    pub(super) key: Option<Secret>,
    pub(super) limits: Limits,
    pub(super) transport: Arc<Transport>,
    pub(super) gate: Arc<Gate>,
    pub(super) stop: Arc<Stop>,
    pub(super) health: Arc<Health>,
    pub(super) outage: Arc<Outage>,
    pub(super) meter: Arc<Meter>,
    list_trouble: Option<String>,
    places: Option<usize>,
    learnt: Mutex<Learnt>,
}

/// What requests teach.
#[derive(Debug, Default)]
pub(super) struct Learnt {
    pub form: Form,
    pub context_tokens: Option<u32>,
    pub cut_at_tokens: Option<u32>,
    pub calibration: Calibration,
}

/// A file that is about to make its first request is taken to owe this many, until it tells.
const FILE_OWES: usize = 6;

/// A server that claims to have read less than this counts wrongly, or counts only what it had not in its cache.
const CUT_AT_TOKENS_MIN: u64 = 512;

impl Learnt {
    /// Takes note of how much of a prompt the server read; `false` when it cut the prompt in silence.
    pub fn read_whole(&mut self, prompt_bytes: usize, usage: Usage) -> bool {
        let whole = self.calibration.whole_prompt(prompt_bytes, usage);
        let read = usage.prompt.unwrap_or(0);
        if whole {
            self.cut_at_tokens = self.cut_at_tokens.filter(|&at| u64::from(at) >= read);
        } else if read >= CUT_AT_TOKENS_MIN {
            self.cut_at_tokens = u32::try_from(read).ok();
        }
        whole
    }
}

impl Client {
    /// Asks the server for its models, settles on one and is ready. Costs no tokens.
    ///
    /// # Errors
    /// Always of the run: nobody answers, the key is refused, the model is not there, or several are and none was named.
    pub async fn connect(endpoint: &Endpoint, limits: Limits) -> Result<Client, LlmError> {
        let address = Address::parse(&endpoint.base_url)?;
        address.check_key(endpoint.api_key.as_ref(), limits.allow_plain_http)?;
        let transport = Transport::new(&address, endpoint.api_key.as_ref(), &limits)?;
        let asked_at = Instant::now();
        let key = endpoint.api_key.as_ref();
        let listed = list(&transport, &address, &limits, key, endpoint.model.is_some()).await?;
        let Listed { models, trouble } = listed;
        let heard_after = asked_at.elapsed();
        let model = models::choose(endpoint.model.as_deref(), &models, &address.base)?;
        let places = places_in_force(&transport, &address, &model).await;
        let count = places.count.unwrap_or(usize::MAX);
        let gate = Gate::new(
            limits.concurrency.min(count),
            limits.total_timeout,
            limits.requests_per_minute,
            limits.tokens_per_minute,
        );
        gate.heard_after(heard_after);
        if let Some(trouble) = &trouble {
            let (base, model) = (&address.base, &model.id);
            tracing::debug!("{base} lists no models ({trouble}); asking {model} all the same");
        }
        Ok(Client {
            list_trouble: trouble,
            places: places.count,
            gate: Arc::new(gate),
            address,
            opening: body::opening(&model.id),
            model: model.id,
            key: endpoint.api_key.clone(),
            limits,
            transport: Arc::new(transport),
            stop: Arc::default(),
            health: Arc::new(Health::new()),
            outage: Arc::default(),
            meter: Arc::default(),
            learnt: Mutex::new(Learnt {
                context_tokens: places.context_tokens,
                ..Learnt::default()
            }),
        })
    }

    /// Asks another model of the same endpoint, through the same gate and connections. What is learnt of it is its own.
    ///
    /// # Errors
    /// As [`Client::connect`]: the model is not there, or nobody answers any more.
    pub async fn beside(&self, model: &str) -> Result<Client, LlmError> {
        let key = self.key.as_ref();
        let listed = list(&self.transport, &self.address, &self.limits, key, true).await?;
        let model = models::choose(Some(model), &listed.models, &self.address.base)?;
        let places = places_in_force(&self.transport, &self.address, &model).await;
        Ok(Client {
            list_trouble: listed.trouble,
            places: places.count,
            address: self.address.clone(),
            opening: body::opening(&model.id),
            model: model.id,
            key: self.key.clone(),
            limits: self.limits.clone(),
            transport: Arc::clone(&self.transport),
            gate: Arc::clone(&self.gate),
            stop: Arc::clone(&self.stop),
            health: Arc::clone(&self.health),
            outage: Arc::clone(&self.outage),
            meter: Arc::clone(&self.meter),
            learnt: Mutex::new(Learnt {
                context_tokens: places.context_tokens,
                ..Learnt::default()
            }),
        })
    }

    /// The requests that the server works on at a time, if it tells: no more are sent at once.
    pub fn places(&self) -> Option<usize> {
        self.places
    }

    /// The model that is asked.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// The base URL in use, without credentials.
    pub fn base_url(&self) -> &str {
        &self.address.base
    }

    /// Why the server's list of models could not be used, if a model was named all the same.
    pub fn list_trouble(&self) -> Option<&str> {
        self.list_trouble.as_deref()
    }

    /// Whether requests travel unencrypted to another machine.
    pub fn sends_in_clear(&self) -> bool {
        self.address.chat.scheme() == "http" && !self.address.loopback
    }

    /// What was learnt so far, to be stored under this base URL and model.
    pub fn profile(&self) -> Profile {
        let learnt = self.learnt();
        Profile {
            form: learnt.form,
            context_tokens: learnt.context_tokens,
            cut_at_tokens: learnt.cut_at_tokens,
            bytes_per_token: learnt.calibration.bytes_per_token,
            prompts_seen: learnt.calibration.prompts_seen,
        }
    }

    /// Lets one request find out what the server takes before the others follow: nothing is known about it.
    pub fn find_out_first(&self) {
        self.gate.prove();
    }

    /// Takes over what an earlier client of the same endpoint and model learnt. What this server told already is newer and stays.
    pub fn adopt(&self, profile: Profile) {
        let mut learnt = self.learnt();
        learnt.form = profile.form;
        learnt.context_tokens = learnt.context_tokens.or(profile.context_tokens);
        learnt.cut_at_tokens = profile.cut_at_tokens;
        learnt.calibration = Calibration {
            bytes_per_token: profile
                .bytes_per_token
                .filter(|ratio| ratio.is_finite() && *ratio > 0.0),
            prompts_seen: profile.prompts_seen,
        };
    }

    /// About how many tokens the prompt of `request` has, by what earlier prompts had.
    pub fn prompt_tokens(&self, request: &Request) -> u64 {
        self.learnt()
            .calibration
            .tokens(request.prompt_bytes())
            .ceil() as u64
    }

    /// Whether the model's price is known.
    pub fn is_priced(&self) -> bool {
        self.limits.budget.price_of(&self.model).is_some()
    }

    /// Begins the live numbers anew, those of the clients beside this one too.
    pub fn count_anew(&self) {
        self.meter.begin_anew();
    }

    /// The live numbers.
    pub fn snapshot(&self) -> Snapshot {
        self.meter.snapshot(self.gate.state())
    }

    /// Waits until more work is needed to keep the server busy. For one listener at a time.
    pub async fn room(&self) {
        self.gate.room().await;
    }

    /// Announces that a request will be made soon, so that [`room`](Client::room) counts it.
    pub fn expect(&self) {
        self.gate.expect();
        self.gate.owe(FILE_OWES);
    }

    /// Takes an announcement back: its request was made, or will not be.
    pub fn expect_no_more(&self) {
        self.gate.owe_less(FILE_OWES);
        self.gate.expect_no_more();
    }

    /// Counts requests that work just begun will come to make, so that [`room`](Client::room) begins no more than needed, until the count
    /// is dropped.
    pub fn owe(&self, requests: usize) -> Owed<'_> {
        self.gate.owe(requests);
        Owed {
            gate: &self.gate,
            requests,
        }
    }

    /// Why the run has ended, if it has.
    pub fn stopped(&self) -> Option<LlmError> {
        self.stop.cause()
    }

    /// Ends the run because no file was served: each of the last `files` failed by `code`, and no request was answered usefully meanwhile.
    pub fn serves_none(&self, code: FailureCode, files: usize) -> LlmError {
        let (said, stop) = self.health.last_refusal();
        if code == FailureCode::Blocked {
            return self.end_run(stop, &said);
        }
        let cure = match code {
            FailureCode::UncleanFinish => {
                "completions without a clean finish_reason are not kept; use a server, or a version of it, that sends one"
            }
            FailureCode::Truncated => "raise --max-tokens",
            FailureCode::ContextLength | FailureCode::PromptTruncated => {
                "raise the server's context length (num_ctx, -c)"
            }
            _ => {
                "check the base URL, the model and what stands between (`pipeline check` looks closer)"
            }
        };
        let happened = format!("{files} files in a row failed as {code} ({said}); {cure}");
        self.end_run(RunStop::NoneServed, &happened)
    }

    /// Sends nothing more. Requests that wait, for a place or for their next attempt, end with [`RunStop::Closed`]; those on the wire
    /// come in.
    pub fn close(&self) {
        let cause = LlmError::stop(RunStop::Closed, "the run is ending");
        self.stop.raise(&cause);
    }

    pub(super) fn learnt(&self) -> MutexGuard<'_, Learnt> {
        self.learnt.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a foreign text holds the key.
    pub(super) fn holds_key(&self, text: &str) -> bool {
        self.key.as_ref().is_some_and(|key| key.is_in(text))
    }

    /// A foreign text without the key.
    pub(super) fn blot(&self, text: String) -> String {
        match &self.key {
            Some(key) => key.blot(&text).into_owned(),
            None => text,
        }
    }
}

/// Requests still to be made or answered.
#[derive(Debug)]
pub struct Owed<'a> {
    gate: &'a Gate,
    requests: usize,
}

impl Owed<'_> {
    /// So many of them, each counted by itself; the rest will not be made.
    pub fn each(self, requests: usize) -> Vec<Self> {
        let gate = self.gate;
        gate.owe(requests);
        let one = || Owed { gate, requests: 1 };
        std::iter::repeat_with(one).take(requests).collect()
    }
}

impl Drop for Owed<'_> {
    fn drop(&mut self) {
        self.gate.owe_less(self.requests);
    }
}
