//! The telling parts of an error object, and what they say.
//!
//! Owns the shapes in which servers and the proxies before them put an error, and the wordings that tell one from another.

use super::Complaint;
use crate::llm::backoff;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use std::time::{Duration, SystemTime};

/// Lower-cased for looking, in the shapes of OpenAI, llama.cpp, vLLM, FastAPI, Google, Cloudflare, LiteLLM and OpenRouter.
pub(super) struct Words {
    /// As the server wrote it.
    pub message: String,
    /// An HTTP status inside the object.
    pub status: Option<u16>,
    /// Code, type and message.
    all: String,
    code: String,
    param: String,
    /// Whether the body is an error in one of the shapes that services use.
    is_error: bool,
    object: Value,
}

impl Words {
    pub fn of(body: &Value) -> Self {
        let body = body.get(0).unwrap_or(body);
        let error = [&body["error"], &body["errors"][0], &body["detail"], body]
            .into_iter()
            .find(|value| !value.is_null());
        let error = error.unwrap_or(&Value::Null);
        let code = format!("{} {}", text(&error["code"]), text(&error["type"])).to_lowercase();
        let number = [&error["code"], &error["status"]]
            .into_iter()
            .find_map(|value| value.as_u64().or_else(|| value.as_str()?.parse().ok()));
        let message = message(error);
        let shapes = ["error", "errors", "detail", "code"];
        Words {
            is_error: shapes.iter().any(|key| !body[*key].is_null()),
            all: format!("{code} {}", message.to_lowercase()),
            message,
            code,
            param: Some(text(&error["param"]).to_lowercase())
                .filter(|param| param != "none")
                .unwrap_or_default(),
            status: number
                .and_then(|n| u16::try_from(n).ok())
                .filter(|n| (400..600).contains(n)),
            object: error.clone(),
        }
    }

    fn any(&self, needles: &[&str]) -> bool {
        needles.iter().any(|needle| self.all.contains(needle))
    }

    pub fn says_context_length(&self) -> bool {
        self.any(&[
            "context_length_exceeded",
            "exceed_context_size",
            "context length",
            "context size",
            "context window",
            "context limit",
            "maximum context",
            "maximum prompt length",
            "maximum number of tokens allowed",
            "prompt is too long",
            "input is too long",
            "too many input tokens",
            "range of input length",
            "`max_new_tokens` must be <=",
            "`inputs` must have less than",
            "request too large for",
            "string_above_max_length",
        ])
    }

    /// The window, from a field of its own or from words such as "maximum context length is 4096 tokens".
    pub fn context_tokens(&self) -> Option<u32> {
        if let Some(n) = self.object["n_ctx"].as_u64() {
            return u32::try_from(n).ok();
        }
        if self.all.contains("context limit: ") {
            // The size of the request stands there first.
            return None;
        }
        let leads = [
            "context ",
            "tokens allowed ",
            "prompt length is ",
            "must be <= ",
            "must have less than ",
            "input length should be [1, ",
        ];
        let tail = leads
            .iter()
            .find_map(|lead| Some(self.all.split_once(lead)?.1))?;
        let digits = tail.find(|c: char| c.is_ascii_digit())?;
        let number: String = tail[digits..]
            .chars()
            .take_while(|c| c.is_ascii_digit() || *c == ',')
            .collect();
        number.replace(',', "").parse().ok()
    }

    pub fn says_quota(&self) -> bool {
        self.says_empty_account()
            || self.any(&["exceeded your current quota", "billing", "credit balance"])
    }

    /// Words for nothing but an account without money or allowance. Those for money alone also advertise in refusals for rate.
    fn says_empty_account(&self) -> bool {
        self.any(&[
            "insufficient_quota",
            "insufficient quota",
            "insufficient credit",
            "insufficient balance",
            "insufficient funds",
            "any credits",
            "all available credits",
            "spending limit",
            "budget_exceeded",
            "budget has been exceeded",
            "billing_hard_limit",
            "billing_not_active",
            "daily free allocation",
            "free-models-per-day",
            "perday",
        ]) || self.object["details"].to_string().contains("PerDay")
    }

    /// Whether a 429 that speaks of money is about rate: it says so, or says how long to wait.
    pub fn says_rate(&self, wait: Option<Duration>) -> bool {
        let named = wait.is_some() || self.any(&["rate limit reached", "rate_limit_exceeded"]);
        named && !self.says_empty_account()
    }

    pub fn says_credentials(&self) -> bool {
        self.any(&[
            "invalid_api_key",
            "api key not valid",
            "invalid api key",
            "incorrect api key",
            "authentication_error",
            "unable to authenticate",
            "user location is not supported",
        ])
    }

    /// Whether a 403 is the model service's own word about the key and what it may do. A firewall before it, which dislikes what a prompt
    /// holds, sends a page, a bare line or nothing.
    pub fn is_of_the_service(&self) -> bool {
        self.is_error
            || self.any(&[
                "permission",
                "authoriz",
                "authoris",
                "authentic",
                "key",
                "credential",
                "token",
                "subscription",
            ])
    }

    pub fn says_content_filter(&self) -> bool {
        self.any(&[
            "content_filter",
            "content filter",
            "content_policy",
            "content policy",
            "content management policy",
            "content exists risk",
            "responsible ai",
            "moderation",
            "data_inspection_failed",
            "flagged as potentially violating",
        ])
    }

    /// LM Studio's words, under a 400, for a model that has to be loaded again.
    pub fn says_crash(&self) -> bool {
        self.any(&["model has crashed", "model unloaded", "model was unloaded"])
    }

    /// llama.cpp's words, and those of servers after its manner, while they start.
    pub fn says_loading(&self) -> bool {
        self.any(&[
            "loading model",
            "model is loading",
            "model is still loading",
        ])
    }

    /// The completion was to be JSON, and what the model wrote was none: another try may do better.
    pub fn says_bad_generation(&self) -> bool {
        self.code.contains("json_validate_failed")
    }

    /// A reasoning model used up its tokens before it said anything.
    pub fn says_unfinished(&self) -> bool {
        self.all.contains("could not finish the message")
    }

    pub fn names_unknown_model(&self) -> bool {
        self.any(&[
            "model_not_found",
            "model_not_available",
            "model_decommissioned",
        ])
    }

    pub fn says_model(&self) -> bool {
        self.names_unknown_model()
            || self.param == "model"
            || self.any(&[
                "deploymentnotfound",
                "no endpoints found",
                "does not support chat",
                "must provide a chat template",
            ])
            || self.all.contains("model")
                && self.any(&[
                    "not found",
                    "not_found_error",
                    "does not exist",
                    "not exist",
                    "unknown model",
                    "invalid model",
                    "no such model",
                    "not a valid model",
                ])
    }

    /// The part of the request that the server names as not taken; the `param` field is surer than the words.
    pub fn complaint(&self) -> Option<Complaint> {
        const VALUE_WORDS: [&str; 8] = [
            "too large",
            "too small",
            "at most",
            "at least",
            "less than",
            "greater than",
            "exceed",
            "maximum allowed",
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

    /// The wait that the object asks for: Google's `RetryInfo` (`"retryDelay": "34s"` among the details), the provider's headers that
    /// OpenRouter hands on, or plain words; those only under a `status` that asks for patience, since others may quote anything.
    pub fn asked_wait(&self, status: u16, now: SystemTime) -> Option<Duration> {
        let words = || match status {
            429 | 503 | 529 => backoff::wait_in_words(&self.all),
            _ => None,
        };
        let told = || backoff::asked_wait(&handed_on(&self.object["metadata"]["headers"]), now);
        self.retry_info().or_else(told).or_else(words)
    }

    fn retry_info(&self) -> Option<Duration> {
        let details = self.object["details"].as_array()?;
        let delay = details
            .iter()
            .find_map(|detail| detail["retryDelay"].as_str())?;
        let seconds: f64 = delay.strip_suffix('s')?.parse().ok()?;
        Duration::try_from_secs_f64(seconds).ok()
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// What an error says to people, with the words of the provider behind a proxy.
fn message(error: &Value) -> String {
    let own = match error {
        Value::Object(fields) => ["message", "Message", "msg", "detail"]
            .iter()
            .find_map(|key| fields.get(*key))
            .map(complaints)
            .unwrap_or_default(),
        other => complaints(other),
    };
    match &error["metadata"]["raw"] {
        Value::String(raw) => format!("{own}: {raw}"),
        _ => own,
    }
}

/// FastAPI's list of complaints is read without what it repeats of the request, which may hold any words.
fn complaints(value: &Value) -> String {
    let list = value["detail"].as_array().or_else(|| value.as_array());
    let Some(list) = list.filter(|list| list.iter().all(|one| one["msg"].is_string())) else {
        return text(value);
    };
    let told = |one: &Value| format!("{}: {}", text(&one["loc"]), text(&one["msg"]));
    list.iter().map(told).collect::<Vec<_>>().join("; ")
}

fn handed_on(headers: &Value) -> HeaderMap {
    let fields = headers.as_object().into_iter().flatten();
    fields
        .filter_map(|(name, value)| {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            Some((name, HeaderValue::from_str(&text(value)).ok()?))
        })
        .collect()
}
