//! Which response means what.
//!
//! One pure function from status, headers and body to what happens next. The status decides first; where servers use one status
//! for several things (400, 403, 404, 422, 429, 500), the words of the error object decide.

use super::backoff;
use super::error::RunStop;
use super::profile::Complaint;
use crate::domain::failure::FailureCode;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::Value;
use std::time::{Duration, SystemTime};

/// What to do after a response that is no completion.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Verdict {
    /// Try again, later.
    Retry {
        code: FailureCode,
        /// The wait that the server asked for.
        wait: Option<Duration>,
        /// Whether the server has too much to do: all requests should slow down, not this one alone.
        pressed: bool,
    },
    /// Try again at once in another form.
    Adapt(Complaint),
    /// The prompt is too long.
    Shrink { context_tokens: Option<u32> },
    /// Give this request up.
    Item(FailureCode),
    /// Give all requests up.
    Run(RunStop),
}

/// A verdict and what tells people about it: foreign text, neither cut nor cleaned, since a key in it must be blotted out first.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Finding {
    pub verdict: Verdict,
    pub message: String,
}

/// Judges a response whose status is not 2xx.
pub(super) fn classify(status: u16, headers: &HeaderMap, body: &[u8], now: SystemTime) -> Finding {
    let object: Value = serde_json::from_slice(body).unwrap_or_default();
    let complaint = Words::of(&object);
    let wait = backoff::asked_wait(headers, now).or_else(|| complaint.retry_info());
    let told = match complaint.message.is_empty() {
        true => page_excerpt(body),
        false => complaint.message.clone(),
    };
    Finding {
        verdict: verdict(status, &complaint, wait),
        message: headline(status, &told),
    }
}

/// Judges an error object that came under a good status. A numeric `code` that is an HTTP status counts as one.
pub(super) fn classify_object(error: &Value) -> Finding {
    let wrapped = serde_json::json!({ "error": error });
    let words = Words::of(&wrapped);
    let status = words.status.unwrap_or(500);
    Finding {
        verdict: verdict(status, &words, words.retry_info()),
        message: format!("error object in a good response: {}", words.message),
    }
}

fn verdict(status: u16, words: &Words, wait: Option<Duration>) -> Verdict {
    if status >= 400 && status != 401 && words.says_context_length() {
        return Verdict::Shrink {
            context_tokens: words.context_tokens(),
        };
    }
    let retry = |code, pressed| Verdict::Retry {
        code,
        wait,
        pressed,
    };
    match status {
        401 | 407 => Verdict::Run(RunStop::Credentials),
        402 => Verdict::Run(RunStop::Quota),
        413 => Verdict::Shrink {
            context_tokens: None,
        },
        429 if words.says_quota() => Verdict::Run(RunStop::Quota),
        429 => retry(FailureCode::RateLimited, true),
        408 => retry(FailureCode::Timeout, false),
        409 | 425 | 499 => retry(FailureCode::ServerError, false),
        400 | 422 => refused_request(words),
        403 if words.says_content_filter() => Verdict::Item(FailureCode::ContentFilter),
        403 if words.says_quota() => Verdict::Run(RunStop::Quota),
        403 => Verdict::Run(RunStop::Credentials),
        404 | 410 if words.says_model() => Verdict::Run(RunStop::ModelUnknown),
        300..=399 | 404 | 405 | 410 | 421 | 426 => Verdict::Run(RunStop::EndpointWrong),
        400..=499 => Verdict::Item(FailureCode::InvalidRequest),
        500 | 501 => words
            .complaint()
            .filter(|&part| matches!(part, Complaint::Structure | Complaint::SystemRole))
            .map_or(retry(FailureCode::ServerError, false), Verdict::Adapt),
        503 | 529 => retry(FailureCode::ServerError, true),
        500..=599 => retry(FailureCode::ServerError, false),
        _ => retry(FailureCode::MalformedResponse, false),
    }
}

/// 400 and 422: the many things that a server can dislike in a request.
fn refused_request(words: &Words) -> Verdict {
    if words.says_credentials() {
        Verdict::Run(RunStop::Credentials)
    } else if words.says_quota() {
        Verdict::Run(RunStop::Quota)
    } else if words.says_content_filter() {
        Verdict::Item(FailureCode::ContentFilter)
    } else if let Some(part) = words.complaint() {
        Verdict::Adapt(part)
    } else if words.says_model() {
        Verdict::Run(RunStop::ModelUnknown)
    } else {
        Verdict::Item(FailureCode::InvalidRequest)
    }
}

fn headline(status: u16, told: &str) -> String {
    let name = StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason());
    let name = name.map_or(String::new(), |name| format!(" {name}"));
    match told {
        "" => format!("the server answered {status}{name}"),
        _ => format!("the server answered {status}{name}: {told}"),
    }
}

/// The start of a body that is no error object; markup is left out, it tells nobody anything.
fn page_excerpt(body: &[u8]) -> String {
    const BYTES_READ_MAX: usize = 1000;
    let head = String::from_utf8_lossy(&body[..body.len().min(BYTES_READ_MAX)]);
    if head.trim_start().starts_with('<') {
        return "(a web page)".to_owned();
    }
    head.into_owned()
}

/// The telling parts of an error object, lower-cased for looking, in the shapes of OpenAI, llama.cpp, vLLM, FastAPI and Google.
struct Words {
    /// As the server wrote it.
    message: String,
    /// Code, type and message, lower-cased.
    all: String,
    code: String,
    param: String,
    status: Option<u16>,
    object: Value,
}

impl Words {
    fn of(body: &Value) -> Self {
        let body = body.get(0).unwrap_or(body);
        let error = [&body["error"], &body["detail"], body]
            .into_iter()
            .find(|value| !value.is_null());
        let error = error.unwrap_or(&Value::Null);
        let text = |value: &Value| match value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let message = match error {
            Value::String(text) => text.clone(),
            Value::Object(fields) => ["message", "msg", "detail"]
                .iter()
                .find_map(|key| fields.get(*key))
                .map(text)
                .unwrap_or_default(),
            other => text(other),
        };
        let code = format!("{} {}", text(&error["code"]), text(&error["type"])).to_lowercase();
        let number = error["code"].as_u64().or_else(|| error["status"].as_u64());
        Words {
            all: format!("{code} {}", message.to_lowercase()),
            message,
            code,
            param: text(&error["param"]).to_lowercase(),
            status: number
                .and_then(|n| u16::try_from(n).ok())
                .filter(|n| (400..600).contains(n)),
            object: error.clone(),
        }
    }

    fn any(&self, needles: &[&str]) -> bool {
        needles.iter().any(|needle| self.all.contains(needle))
    }

    fn says_context_length(&self) -> bool {
        self.any(&[
            "context_length_exceeded",
            "exceed_context_size",
            "context length",
            "context size",
            "context window",
            "maximum context",
            "prompt is too long",
            "input is too long",
            "too many input tokens",
            "string_above_max_length",
        ])
    }

    /// The window, from a field of its own or from "maximum context length is 4096 tokens".
    fn context_tokens(&self) -> Option<u32> {
        if let Some(n) = self.object["n_ctx"].as_u64() {
            return u32::try_from(n).ok();
        }
        let (_, tail) = self.all.split_once("context ")?;
        let digits = tail.find(|c: char| c.is_ascii_digit())?;
        let number: String = tail[digits..]
            .chars()
            .take_while(|c| c.is_ascii_digit() || *c == ',')
            .collect();
        number.replace(',', "").parse().ok()
    }

    fn says_quota(&self) -> bool {
        self.any(&[
            "insufficient_quota",
            "insufficient quota",
            "exceeded your current quota",
            "billing",
            "credit balance",
            "insufficient credit",
            "insufficient balance",
            "insufficient funds",
        ])
    }

    fn says_credentials(&self) -> bool {
        self.any(&[
            "invalid_api_key",
            "api key not valid",
            "invalid api key",
            "incorrect api key",
            "authentication_error",
        ])
    }

    fn says_content_filter(&self) -> bool {
        self.any(&[
            "content_filter",
            "content filter",
            "content_policy",
            "content policy",
            "content management policy",
            "responsible ai",
            "moderation",
            "data_inspection_failed",
        ])
    }

    fn says_model(&self) -> bool {
        self.code.contains("model_not_found")
            || self.param == "model"
            || self.all.contains("model")
                && self.any(&[
                    "not found",
                    "does not exist",
                    "not exist",
                    "unknown model",
                    "invalid model",
                    "no such model",
                    "not a valid model",
                ])
    }

    /// The part of the request that the server names as not taken; the `param` field is surer than the words.
    fn complaint(&self) -> Option<Complaint> {
        const VALUE_WORDS: [&str; 7] = [
            "too large",
            "too small",
            "at most",
            "at least",
            "less than",
            "greater than",
            "exceed",
        ];
        let named = |name: &str| match self.param.is_empty() {
            true => self.all.contains(name),
            false => self.param.starts_with(name),
        };
        if self.says_system_role() {
            return Some(Complaint::SystemRole);
        }
        if [
            "response_format",
            "json_schema",
            "json_object",
            "guided_json",
            "grammar",
            "structured output",
        ]
        .iter()
        .any(|name| named(name))
        {
            return Some(Complaint::Structure);
        }
        if named("max_tokens") && !self.any(&VALUE_WORDS) {
            return Some(Complaint::LengthField);
        }
        let temperature = named("temperature").then_some(Complaint::Temperature);
        temperature.or_else(|| named("seed").then_some(Complaint::Seed))
    }

    /// In the words of chat templates (Gemma's, Mistral's), of OpenAI's first reasoning models and of Google.
    fn says_system_role(&self) -> bool {
        self.any(&[
            "system role",
            "role 'system'",
            "role \"system\"",
            "does not support 'system'",
            "system messages are not supported",
            "system message is not supported",
            "developer instruction is not enabled",
            "system instruction is not enabled",
            "conversation roles must alternate",
        ])
    }

    /// Google's `RetryInfo`: `"retryDelay": "34s"` among the details.
    fn retry_info(&self) -> Option<Duration> {
        let details = self.object["details"].as_array()?;
        let delay = details
            .iter()
            .find_map(|detail| detail["retryDelay"].as_str())?;
        let seconds: f64 = delay.strip_suffix('s')?.parse().ok()?;
        Duration::try_from_secs_f64(seconds).ok()
    }
}

#[cfg(test)]
mod tests;
