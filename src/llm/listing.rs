//! The question for models, before the first request: whether the server is there, takes the key, and what it lists.
//!
//! Owns what an answer to it means, and what none means. What a list says, and which of its models is taken, is [`super::models`]'s.

use super::backoff;
use super::classify::{Absence, Verdict, classify};
use super::endpoint::{Address, Limits};
use super::error::{LlmError, RunStop};
use super::models::{self, ListedModel, Places};
use super::response::excerpt;
use super::secret::Secret;
use super::transport::{Exchange, Transport};
use std::time::{Duration, SystemTime};

/// Tries of the first, free question to the server.
const CONNECT_ATTEMPTS: u32 = 3;
/// Listing models is no work; a server that takes longer is not well.
const LIST_TIMEOUT: Duration = Duration::from_secs(10);

/// What came of the question for models.
#[derive(Debug, Default)]
pub(super) struct Listed {
    pub models: Vec<ListedModel>,
    /// Why it told none.
    pub trouble: Option<String>,
}

impl Listed {
    fn none(trouble: impl Into<String>) -> Self {
        Listed {
            models: Vec::new(),
            trouble: Some(trouble.into()),
        }
    }
}

/// The models that the server lists; none when it does not list any. Where one `is_named` anyway, only a server that is not there, or that
/// refuses the key, is an error: whether it chats is found out by chatting.
pub(super) async fn list(
    transport: &Transport,
    address: &Address,
    limits: &Limits,
    key: Option<&Secret>,
    is_named: bool,
) -> Result<Listed, LlmError> {
    let mut attempt = 1;
    loop {
        let base = &address.base;
        let message = match transport.get(&address.models, LIST_TIMEOUT).await {
            Ok(exchange) => match read_list(&exchange, base, key, is_named) {
                Err(error) if error.run_stop() == Some(RunStop::EndpointDead) => {
                    format!(
                        "{base} is not ready ({}); run again when it is",
                        error.message
                    )
                }
                settled => return settled,
            },
            Err(broken) if is_named && broken.connected => return Ok(Listed::none(broken.message)),
            Err(broken) => format!("no model server answers at {base}: {}", broken.message),
        };
        if attempt == CONNECT_ATTEMPTS {
            return Err(LlmError::stop(RunStop::EndpointDead, message));
        }
        tokio::time::sleep(backoff::delay(
            attempt,
            1.0,
            limits.backoff_first,
            limits.backoff_max,
        ))
        .await;
        attempt += 1;
    }
}

fn without_key(text: &str, key: Option<&Secret>) -> String {
    key.map_or_else(|| text.to_owned(), |key| key.blot(text).into_owned())
}

/// Reads the answer to the question for models. A server that has no such list is no error: it may still chat.
fn read_list(
    exchange: &Exchange,
    base: &str,
    key: Option<&Secret>,
    is_named: bool,
) -> Result<Listed, LlmError> {
    if (200..300).contains(&exchange.status) {
        let Some(mut models) = models::read_list(&exchange.body) else {
            let message = format!("{base} does not list models as OpenAI-compatible servers do");
            return match is_named {
                true => Ok(Listed::none(message)),
                false => Err(LlmError::stop(
                    RunStop::EndpointWrong,
                    format!("{message}; is the base URL right?"),
                )),
            };
        };
        for model in &mut models {
            model.id = without_key(&model.id, key);
        }
        let trouble = models.is_empty().then(|| "the list is empty".to_owned());
        return Ok(Listed { models, trouble });
    }
    let finding = classify(
        exchange.status,
        &exchange.headers,
        &exchange.body,
        SystemTime::now(),
    );
    let told = excerpt(&without_key(&finding.message, key));
    // OpenAI's restricted keys may chat without the right to list.
    if finding.message.contains("api.model.read") {
        return Ok(Listed::none(told));
    }
    match finding.verdict {
        Verdict::Run(stop @ (RunStop::Credentials | RunStop::Quota)) => {
            Err(LlmError::stop(stop, stop.explain(base, &told)))
        }
        _ if is_named && finding.absence <= Absence::Perhaps => Ok(Listed::none(told)),
        Verdict::Retry { .. } => Err(LlmError::stop(RunStop::EndpointDead, told)),
        Verdict::Run(RunStop::EndpointWrong) if exchange.status >= 400 => Ok(Listed::none(told)),
        Verdict::Run(stop) => Err(LlmError::stop(stop, stop.explain(base, &told))),
        _ => Ok(Listed::none(told)),
    }
}

/// The places that a server has for requests: llama.cpp divides the model's window between its slots and tells so in its properties.
pub(super) async fn places_in_force(
    transport: &Transport,
    address: &Address,
    model: &ListedModel,
) -> Places {
    let told = match model.llama_cpp {
        true => transport.get(&address.props, LIST_TIMEOUT).await.ok(),
        false => None,
    };
    let places = told.map_or_else(Places::default, |exchange| {
        models::read_props(&exchange.body)
    });
    Places {
        context_tokens: places.context_tokens.or(model.context_tokens),
        ..places
    }
}
