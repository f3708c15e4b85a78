//! What one attempt came to: a usable completion, or what was found instead.
//!
//! Owns the reading of what came back, and what it says about cost and load. What comes next is [`super::attempt`]'s.

use super::classify::{Absence, Finding, Verdict, classify, classify_object};
use super::client::Client;
use super::completion::{Structure, Usage};
use super::gate::Pressure;
use super::profile::Form;
use super::request::{Output, Request};
use super::response::{self, Reading, Usable};
use super::transport::{Broken, Exchange};
use crate::domain::failure::FailureCode;
use std::time::{Duration, SystemTime};

/// How one attempt ended.
pub(super) enum Outcome {
    Usable(Box<Usable>),
    Not(Finding, Usage),
}

impl Outcome {
    /// The tokens that the server told.
    pub fn usage(&self) -> Usage {
        match self {
            Outcome::Usable(usable) => usable.usage,
            Outcome::Not(_, usage) => *usage,
        }
    }

    /// All of them together, where it told any of the prompt.
    pub fn tokens_used(&self) -> Option<f64> {
        let usage = self.usage();
        usage.prompt.map(|_| usage.total() as f64)
    }

    /// Whether anybody was there.
    pub fn absence(&self) -> Absence {
        match self {
            Outcome::Not(finding, _) => finding.absence,
            Outcome::Usable(_) => Absence::No,
        }
    }

    /// The wait that the server asked for.
    pub fn asked_wait(&self) -> Option<Duration> {
        match self {
            Outcome::Not(finding, _) => match finding.verdict {
                Verdict::Retry { wait, .. } => wait,
                _ => None,
            },
            Outcome::Usable(_) => None,
        }
    }

    /// What the end of the attempt says about load.
    pub fn pressure(&self) -> Pressure {
        match self {
            Outcome::Usable(_) => Pressure::Served,
            Outcome::Not(finding, _) => match finding.verdict {
                Verdict::Retry {
                    pressed: true,
                    wait,
                    ..
                } => Pressure::Refused(wait.unwrap_or_default().as_secs_f64()),
                Verdict::Retry {
                    code: FailureCode::Timeout,
                    ..
                } => Pressure::Overran,
                _ => Pressure::Unknown,
            },
        }
    }
}

impl Client {
    /// Reads what came back.
    pub(super) fn judge(
        &self,
        request: &Request,
        form: Form,
        exchange: Result<Exchange, Broken>,
    ) -> Outcome {
        if exchange
            .as_ref()
            .map_or_else(|broken| broken.heard, |_| true)
        {
            self.health.responded();
        }
        let exchange = match exchange {
            Ok(exchange) => exchange,
            Err(broken) => return Outcome::Not(of_broken(broken), Usage::default()),
        };
        let now = SystemTime::now();
        if !(200..300).contains(&exchange.status) {
            let finding = classify(exchange.status, &exchange.headers, &exchange.body, now);
            return Outcome::Not(finding, Usage::default());
        }
        let tagged =
            matches!(request.output, Output::Json(_)) && form.structure == Structure::Tagged;
        match response::read(&exchange.body, tagged) {
            // Blotted out, it would still be an answer about a key.
            Reading::Usable(usable) if self.holds_key(&usable.text) => {
                let message = "the completion holds the API key".to_owned();
                Outcome::Not(item(FailureCode::SecretInAnswer, message), usable.usage)
            }
            Reading::Usable(usable) => self.check_prompt(request, usable),
            Reading::Error(error) => Outcome::Not(classify_object(&error, now), Usage::default()),
            Reading::Malformed(message) => Outcome::Not(
                retry(FailureCode::MalformedResponse, message),
                Usage::default(),
            ),
            Reading::Useless {
                code: FailureCode::ServerError,
                message,
                usage,
                ..
            } => Outcome::Not(retry(FailureCode::ServerError, message), usage),
            Reading::Useless {
                code,
                message,
                usage,
                is_thought,
            } => {
                // Too few tokens were allowed for more, and a model made use of them.
                if is_thought {
                    self.outage.served();
                }
                Outcome::Not(item(code, message), usage)
            }
        }
    }

    /// Rejects a completion whose prompt the server cut in silence.
    fn check_prompt(&self, request: &Request, usable: Usable) -> Outcome {
        let bytes = request.prompt_bytes();
        if self.learnt().read_whole(bytes, usable.usage) {
            return Outcome::Usable(Box::new(usable));
        }
        let message = format!(
            "the server read {} tokens of a prompt of {bytes} bytes: it cut the prompt; raise its context length (num_ctx, -c). No longer prompt is sent from now on",
            usable.usage.prompt.unwrap_or(0),
        );
        Outcome::Not(item(FailureCode::PromptTruncated, message), usable.usage)
    }
}

fn retry(code: FailureCode, message: String) -> Finding {
    let verdict = Verdict::Retry {
        code,
        wait: None,
        pressed: false,
    };
    Finding {
        verdict,
        absence: Absence::Perhaps,
        message,
    }
}

fn item(code: FailureCode, message: String) -> Finding {
    Finding {
        verdict: Verdict::Item(code),
        absence: Absence::No,
        message,
    }
}

fn of_broken(broken: Broken) -> Finding {
    let absence = match (broken.connected, broken.heard) {
        (false, _) => Absence::Surely,
        (true, false) => Absence::Probably,
        (true, true) => Absence::Perhaps,
    };
    match broken.code {
        FailureCode::ResponseTooLarge => item(broken.code, broken.message),
        code => Finding {
            absence,
            ..retry(code, broken.message)
        },
    }
}

/// Whether a model may have worked for this attempt, which may be on the bill then: a response with a good status, or a connection that
/// broke before the end of one. Refused requests are not billed.
pub(super) fn has_worked(exchange: &Result<Exchange, Broken>) -> bool {
    match exchange {
        Ok(exchange) => (200..300).contains(&exchange.status),
        Err(broken) => broken.connected,
    }
}
