//! Which response means what.
//!
//! One pure function from status, headers and body to what happens next. The status decides first; where servers use one status
//! for several things (400, 403, 404, 422, 429, 500), the words of the error object decide.

mod words;

use super::backoff;
use super::error::RunStop;
use super::profile::Complaint;
use crate::domain::failure::FailureCode;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::Value;
use std::time::{Duration, SystemTime};
use words::Words;

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

/// Whether what came, or did not come, may mean that nobody is there to serve any request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Absence {
    /// Someone is there.
    No,
    /// Someone answers, and might serve no one: said to one request it is about that, said to all it is about the service.
    Perhaps,
    /// The same would come if this one request were more than the server can bear.
    Probably,
    /// Whatever the request is, it never got there.
    Surely,
}

/// A verdict and what tells people about it: foreign text, neither cut nor cleaned, since a key in it must be blotted out first.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Finding {
    pub verdict: Verdict,
    pub absence: Absence,
    pub message: String,
}

/// Judges a response whose status is not 2xx.
pub(super) fn classify(status: u16, headers: &HeaderMap, body: &[u8], now: SystemTime) -> Finding {
    let object: Value = serde_json::from_slice(body).unwrap_or_default();
    let words = Words::of(&object);
    let wait = backoff::asked_wait(headers, now).or_else(|| words.asked_wait(status, now));
    let told = match words.message.is_empty() {
        true => page_excerpt(body),
        false => words.message.clone(),
    };
    let verdict = verdict(status, &words, wait);
    Finding {
        verdict,
        absence: absence(status, &words, verdict),
        message: headline(status, &told),
    }
}

/// What proxies say for a server that is away, Cloudflare's own codes included, and what servers say that still load their model. A portal
/// that wants a login redirects everybody to it.
fn absence(status: u16, words: &Words, verdict: Verdict) -> Absence {
    match (verdict, status) {
        (Verdict::Retry { .. }, 503) if words.says_loading() => Absence::Surely,
        (Verdict::Retry { .. }, 502..=504 | 520..=527 | 530) => Absence::Probably,
        (Verdict::Retry { .. }, _) | (Verdict::Run(RunStop::EndpointWrong), 300..=399) => {
            Absence::Perhaps
        }
        _ => Absence::No,
    }
}

/// Judges an error object that came under a good status. A numeric `code` that is an HTTP status counts as one.
pub(super) fn classify_object(error: &Value, now: SystemTime) -> Finding {
    let wrapped = serde_json::json!({ "error": error });
    let words = Words::of(&wrapped);
    let status = words.status.unwrap_or(500);
    let verdict = verdict(status, &words, words.asked_wait(status, now));
    Finding {
        verdict,
        absence: absence(status, &words, verdict),
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
        429 if words.says_quota() && !words.says_rate(wait) => Verdict::Run(RunStop::Quota),
        429 => retry(FailureCode::RateLimited, true),
        408 => retry(FailureCode::Timeout, false),
        409 | 424 | 425 | 499 => retry(FailureCode::ServerError, false),
        400 if words.says_crash() => retry(FailureCode::ServerError, false),
        400 if words.says_bad_generation() => retry(FailureCode::MalformedResponse, false),
        400 | 422 => refused_request(words),
        403 if words.says_content_filter() => Verdict::Item(FailureCode::ContentFilter),
        403 if words.names_unknown_model() => Verdict::Run(RunStop::ModelUnknown),
        403 | 412 if words.says_quota() => Verdict::Run(RunStop::Quota),
        403 if words.is_of_the_service() => Verdict::Run(RunStop::Credentials),
        403 => Verdict::Item(FailureCode::Blocked),
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
    } else if words.says_unfinished() {
        Verdict::Item(FailureCode::Truncated)
    } else if words.says_model() {
        Verdict::Run(RunStop::ModelUnknown)
    } else if let Some(part) = words.complaint() {
        Verdict::Adapt(part)
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

#[cfg(test)]
mod providers;
#[cfg(test)]
mod tests;
