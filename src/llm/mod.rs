//! The edge to the model: a client for servers that speak OpenAI's chat completions.
//!
//! ```text
//! Client::connect ── Address, Secret (endpoint, secret) ── which model (listing, models)
//! Client::complete ─ attempt: gate ─ body ─ transport ─ outcome: response | classify ─ back-off or the end
//!                      │        │      └ form learnt by the ladder (profile)
//!                      │        └ limit in flight, pace, pause, allowances
//!                      └ breaker (health), waiting for a server that is away (outage), end of the run (stop), numbers (meter)
//! ```
//!
//! There is one retry layer, [`Client::complete`], and four classes of errors ([`ErrorClass`]). It asks no other edge and stores
//! nothing: the response cache belongs to the caller, who has [`Request::cache_key`] and [`Completion`] for it.

mod attempt;
mod backoff;
mod body;
mod budget;
mod calibration;
mod classify;
mod client;
mod completion;
mod connector;
mod discover;
mod endpoint;
mod error;
mod gate;
mod health;
mod listing;
mod meter;
mod models;
mod outage;
mod outcome;
mod probe;
mod profile;
mod request;
mod response;
mod secret;
mod sending;
mod stop;
mod tally;
mod transport;

pub use attempt::Held;
pub use budget::{Budget, BudgetLimits, Spent};
pub use calibration::BYTES_PER_TOKEN_ASSUMED;
pub use client::{Client, Owed};
pub use completion::{Completion, Sent, Structure, Usage};
pub use discover::{Found, LOCAL_SERVERS, LocalServer, discover};
pub use endpoint::{Endpoint, Limits};
pub use error::{ErrorClass, LlmError, RunStop};
pub use gate::GateState;
pub use meter::{Bills, Snapshot};
pub use models::ListedModel;
pub use outage::Away;
pub use probe::{LongPrompt, Probed};
pub use profile::{Form, LengthField, Profile};
pub use request::{Output, Prefix, Request, Role, Schema};
pub use secret::Secret;
