//! What can go wrong with a request, in the four classes that decide what happens next.
//!
//! Owns the error type of this edge. Which response means which class is told in [`super::classify`].

use super::budget::Spent;
use super::completion::Usage;
use crate::domain::failure::FailureCode;

/// Why a request gave no usable completion, and what it cost.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct LlmError {
    /// What to do about it.
    pub class: ErrorClass,
    /// One line for people: the thing and its cure, without the key.
    pub message: String,
    /// Tries made, the first included; 0 when nothing was sent.
    pub attempts: u32,
    /// Tokens that the server counted for responses that were of no use.
    pub usage: Usage,
}

/// How far an error reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorClass {
    /// It might pass; every attempt is spent.
    Transient(FailureCode),
    /// The prompt is too long for the model: ask again with smaller chunks.
    Shrink {
        /// The model's window, when the server told it.
        context_tokens: Option<u32>,
    },
    /// This request will not succeed; others may.
    Item(FailureCode),
    /// No request will succeed: the run ends.
    Run(RunStop),
}

/// Why the whole run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RunStop {
    /// The base URL or a limit makes no sense.
    Settings,
    /// No endpoint is configured and no server was found on this machine.
    NoEndpoint,
    /// The server lists several models, or none, and none was named.
    ModelChoice,
    /// The named model is not there.
    ModelUnknown,
    /// The key is missing, wrong, or not allowed to do this (401, 403, 407).
    Credentials,
    /// The account has no money or allowance left (402, insufficient quota).
    Quota,
    /// The server asks to wait longer than this run will.
    WaitTooLong,
    /// Nothing that speaks the protocol answers at this URL: redirects, a 404 without a model's name.
    EndpointWrong,
    /// Requests are answered, and none of them usefully.
    NoneServed,
    /// Nobody answers, or nothing but failures comes back.
    EndpointDead,
    /// The caller wants no more.
    Closed,
    /// A limit of the run's budget is reached.
    Spent(Spent),
}

impl RunStop {
    /// The line for people: what happened at `base`, and the cure.
    pub(super) fn explain(self, base: &str, happened: &str) -> String {
        match self {
            RunStop::Credentials => format!(
                "{base} refused the credentials ({happened}); give a valid key by OPENAI_API_KEY or --api-key-file"
            ),
            RunStop::Quota => format!(
                "the account at {base} has nothing left to spend ({happened}); top it up, or use another key"
            ),
            RunStop::ModelUnknown => format!(
                "{base} does not have the model ({happened}); name one that it has with --model"
            ),
            RunStop::WaitTooLong => {
                format!("{base} asks to wait longer than a run does ({happened}); run again later")
            }
            RunStop::EndpointWrong => {
                format!("{base} is no OpenAI-compatible endpoint ({happened}); check the base URL")
            }
            RunStop::EndpointDead => {
                format!("{base} has stopped working ({happened}); files not tried stay untried")
            }
            RunStop::NoneServed => format!("{base} serves nothing of use: {happened}"),
            RunStop::Settings
            | RunStop::NoEndpoint
            | RunStop::ModelChoice
            | RunStop::Closed
            | RunStop::Spent(_) => happened.to_owned(),
        }
    }

    /// Whether requests still on the wire are given up too. A refused account or model lets paid answers arrive; a dead endpoint has none.
    pub(super) fn abandons_wire(self) -> bool {
        self == RunStop::EndpointDead
    }
}

impl LlmError {
    /// An error of the run.
    pub(super) fn stop(stop: RunStop, message: impl Into<String>) -> Self {
        LlmError::new(ErrorClass::Run(stop), message)
    }

    /// An error before anything was sent; what was sent is added where it is counted.
    pub(super) fn new(class: ErrorClass, message: impl Into<String>) -> Self {
        LlmError {
            class,
            message: message.into(),
            attempts: 0,
            usage: Usage::default(),
        }
    }

    /// The error of a run that has no server to ask, with three ways to go on.
    pub fn no_endpoint() -> Self {
        let message = "no model server is configured and none was found on this machine. Either start one here (such as Ollama, LM Studio, \
                       llama.cpp or vLLM at its usual port), or set OPENAI_BASE_URL, OPENAI_API_KEY and OPENAI_MODEL, or give --base-url, \
                       --api-key-file and --model";
        LlmError::stop(RunStop::NoEndpoint, message)
    }

    /// The reason to store for the file; `None` when the run ends and the file counts as untried.
    pub fn code(&self) -> Option<FailureCode> {
        match self.class {
            ErrorClass::Transient(code) | ErrorClass::Item(code) => Some(code),
            ErrorClass::Shrink { .. } => Some(FailureCode::ContextLength),
            ErrorClass::Run(_) => None,
        }
    }

    /// The reason to end the run, if this is one.
    pub fn run_stop(&self) -> Option<RunStop> {
        match self.class {
            ErrorClass::Run(stop) => Some(stop),
            _ => None,
        }
    }
}
