//! A few small questions to the server, before money is spent: what it takes, what it tells, how much it reads.
//!
//! Owns the questions and what their answers show. It asks from the most capable form down, whatever was learnt before, and leaves what it
//! learns with the client. It does not go through the gate: one request at a time is no load.

use super::body;
use super::classify::{Absence, Finding, Verdict, classify, classify_object};
use super::client::Client;
use super::completion::{Structure, Usage};
use super::error::{ErrorClass, LlmError, RunStop};
use super::profile::{Complaint, Form};
use super::request::{Output, Prefix, Request, Schema};
use super::response::{self, Reading, Usable};
use super::transport::{Broken, Exchange};
use crate::domain::failure::FailureCode;
use reqwest::header::{DATE, HeaderMap};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// Tries of one question where the server may yet answer.
const TRIES_MAX: u32 = 3;
/// No longer wait is made between them.
const WAIT_MAX: Duration = Duration::from_secs(5);
/// Bytes of filler in the first question: enough to measure the tokenizer by.
const SAMPLE_BYTES: usize = 600;
/// The long question has about so many tokens, near the most that a run sends.
const LONG_TOKENS: u64 = 6500;
/// A server that counts less than this share of the tokens expected has cut the prompt.
const READ_SHARE_MIN: f64 = 0.7;
/// Room for a short JSON answer, and for a model that reasons a little; models may stop earlier.
const TOKENS_MAX: u32 = 64;

/// What the server showed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Probed {
    /// The form of requests that it takes.
    pub form: Form,
    /// Whether the structured answer had the structure asked for; `None` when the answer was of no use.
    pub structured: Option<bool>,
    /// What is wrong with the ends of answers: they are not told to be clean ones, and a run would keep none.
    pub unclean: Option<String>,
    /// How long the first accepted question took.
    pub latency: Duration,
    /// Requests sent, refused ones included.
    pub requests: u32,
    /// Tokens of all answers.
    pub usage: Usage,
    /// How much of a long prompt it reads.
    pub long_prompt: LongPrompt,
    /// Names of the headers that tell a rate limit.
    pub rate_headers: Vec<String>,
    /// The server's clock less ours, in seconds, when it told the time.
    pub clock_ahead_secs: Option<i64>,
}

/// What became of a long prompt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LongPrompt {
    /// The server tells its window, so that none was sent.
    #[default]
    NotSent,
    /// Read to its end, so many tokens.
    Whole(u64),
    /// Only so many of its tokens were read, without a word.
    Cut(u64),
    /// Refused with the window, which is known from now on.
    Refused,
    /// The server does not count tokens, or gave no answer to it.
    Unknown,
}

/// An accepted question.
struct Answer {
    usage: Usage,
    /// `None` when it was of no use as an answer.
    text: Option<String>,
}

/// One round of questions.
struct Probe<'a> {
    client: &'a Client,
    seen: Probed,
}

impl Client {
    /// Whether even a small and harmless question meets the firewall that blocked others, so that it is not what they hold.
    ///
    /// # Errors
    /// Those that end the run.
    pub async fn is_shut_out(&self) -> Result<bool, LlmError> {
        match self.complete(&harmless()).await {
            Err(error) if error.run_stop().is_some() => Err(error),
            Err(error) => Ok(error.code() == Some(FailureCode::Blocked)),
            Ok(_) => Ok(false),
        }
    }

    /// Asks a few small questions and learns from the answers.
    ///
    /// # Errors
    /// When the server does not answer even the smallest one; the class says why.
    pub async fn probe(&self) -> Result<Probed, LlmError> {
        let mut probe = Probe {
            client: self,
            seen: Probed::default(),
        };
        let first = probe.structured().await?;
        probe.client.learnt().form = probe.seen.form;
        if self.learnt().context_tokens.is_none() {
            probe.seen.long_prompt = probe.long(first).await;
        }
        self.learnt().cut_at_tokens = match probe.seen.long_prompt {
            LongPrompt::Cut(tokens) => u32::try_from(tokens).ok(),
            _ => None,
        };
        Ok(probe.seen)
    }
}

impl Probe<'_> {
    /// A question whose answer has a structure that the words do not ask for. Gives back the tokens of its prompt.
    async fn structured(&mut self) -> Result<Option<u64>, LlmError> {
        let schema = serde_json::json!({
            "type": "object", "additionalProperties": false, "required": ["answer"],
            "properties": {"answer": {"type": "boolean"}},
        });
        let output = Output::Json(Arc::new(Schema::new("probe", &schema)));
        let request = question(SAMPLE_BYTES, output);
        loop {
            let asked_at = Instant::now();
            let answer = self.ask(&request).await?;
            self.seen.latency = asked_at.elapsed();
            self.seen.structured = answer.text.as_deref().map(has_answer);
            let next = match self.seen.structured {
                Some(false) => self.seen.form.after(Complaint::Structure),
                _ => None,
            };
            match next {
                Some(form) => self.seen.form = form,
                None => return Ok(answer.usage.prompt),
            }
        }
    }

    /// As long a prompt as a run sends. `sample_tokens` is what the short one came to.
    async fn long(&mut self, sample_tokens: Option<u64>) -> LongPrompt {
        let Some(sample_tokens) = sample_tokens.filter(|&tokens| tokens > 0) else {
            return LongPrompt::Unknown;
        };
        let sample_bytes = question(SAMPLE_BYTES, Output::Text).prompt_bytes() as u64;
        let bytes = LONG_TOKENS * sample_bytes / sample_tokens;
        let request = question(usize::try_from(bytes).unwrap_or(SAMPLE_BYTES), Output::Text);
        match self.ask(&request).await {
            Ok(Answer { usage, .. }) => match usage.prompt {
                Some(read) if (read as f64) < LONG_TOKENS as f64 * READ_SHARE_MIN => {
                    LongPrompt::Cut(read)
                }
                Some(read) => LongPrompt::Whole(read),
                None => LongPrompt::Unknown,
            },
            Err(LlmError {
                class: ErrorClass::Shrink { context_tokens },
                ..
            }) => {
                self.client.learnt().context_tokens = context_tokens;
                LongPrompt::Refused
            }
            Err(_) => LongPrompt::Unknown,
        }
    }

    /// Asks in the form that is left, and goes down the ladder while the server complains.
    async fn ask(&mut self, request: &Request) -> Result<Answer, LlmError> {
        let mut tries = 0;
        loop {
            let form = self.seen.form;
            let body = body::write(self.client.opening.clone(), request, form);
            self.seen.requests += 1;
            let exchange = self
                .client
                .transport
                .post(&self.client.address.chat, body)
                .await;
            let finding = match exchange {
                Ok(exchange) => match self.read(request, form, &exchange) {
                    Ok(answer) => return Ok(answer),
                    Err(finding) => finding,
                },
                Err(broken) => of_broken(broken),
            };
            match finding.verdict {
                Verdict::Adapt(part) => match form.after(part) {
                    Some(next) => self.seen.form = next,
                    None => return Err(self.refused(finding)),
                },
                Verdict::Retry { wait, .. } if tries + 1 < TRIES_MAX => {
                    tries += 1;
                    let own = self.client.limits.backoff_first;
                    tokio::time::sleep(wait.unwrap_or(own).min(WAIT_MAX)).await;
                }
                _ => return Err(self.refused(finding)),
            }
        }
    }

    /// Reads a response: an answer, or why it is none.
    fn read(
        &mut self,
        request: &Request,
        form: Form,
        exchange: &Exchange,
    ) -> Result<Answer, Finding> {
        let now = SystemTime::now();
        self.note(&exchange.headers, now);
        if !(200..300).contains(&exchange.status) {
            return Err(classify(
                exchange.status,
                &exchange.headers,
                &exchange.body,
                now,
            ));
        }
        let tagged =
            matches!(request.output, Output::Json(_)) && form.structure == Structure::Tagged;
        let (usage, text) = match response::read(&exchange.body, tagged) {
            Reading::Usable(Usable { usage, text, .. }) => (usage, Some(text)),
            Reading::Useless {
                code,
                message,
                usage,
                ..
            } => {
                let is_unclean = code == FailureCode::UncleanFinish;
                self.seen.unclean = is_unclean.then_some(message).or(self.seen.unclean.take());
                (usage, None)
            }
            Reading::Error(error) => return Err(classify_object(&error, now)),
            Reading::Malformed(message) => {
                let verdict = Verdict::Run(RunStop::EndpointWrong);
                return Err(Finding {
                    verdict,
                    absence: Absence::No,
                    message,
                });
            }
        };
        self.seen.usage.add(usage);
        Ok(Answer { usage, text })
    }

    fn note(&mut self, headers: &HeaderMap, now: SystemTime) {
        for name in headers.keys().map(|name| name.as_str()) {
            let tells = name.starts_with("x-ratelimit-") || name.starts_with("ratelimit");
            if tells && !self.seen.rate_headers.iter().any(|known| known == name) {
                self.seen.rate_headers.push(name.to_owned());
            }
        }
        let told = headers.get(DATE).and_then(|value| value.to_str().ok());
        if let Some(date) = told.and_then(|text| httpdate::parse_http_date(text).ok()) {
            self.seen.clock_ahead_secs = Some(secs_between(now, date));
        }
    }

    /// The error of a question that got no answer.
    fn refused(&self, finding: Finding) -> LlmError {
        let base = &self.client.address.base;
        let message = self.client.blot(finding.message);
        match finding.verdict {
            Verdict::Run(stop) => LlmError::stop(stop, stop.explain(base, &message)),
            Verdict::Shrink { context_tokens } => {
                LlmError::new(ErrorClass::Shrink { context_tokens }, message)
            }
            Verdict::Retry { code, .. } => LlmError::new(ErrorClass::Transient(code), message),
            Verdict::Item(code) => LlmError::new(ErrorClass::Item(code), message),
            Verdict::Adapt(_) => {
                LlmError::new(ErrorClass::Item(FailureCode::InvalidRequest), message)
            }
        }
    }
}

fn of_broken(broken: Broken) -> Finding {
    let verdict = match broken.connected {
        true => Verdict::Retry {
            code: broken.code,
            wait: None,
            pressed: false,
        },
        false => Verdict::Run(RunStop::EndpointDead),
    };
    Finding {
        verdict,
        absence: Absence::Probably,
        message: broken.message,
    }
}

/// A question that no server and no firewall has anything against, and no cache the answer to.
pub(super) fn harmless() -> Request {
    Request {
        task: format!("Is {} an even number?", rand::random::<u32>()),
        ..question(0, Output::Text)
    }
}

fn question(filler_bytes: usize, output: Output) -> Request {
    let shared = format!("{}\n", filler(filler_bytes));
    Request {
        prefix: Arc::new(Prefix::new("You answer briefly.", &shared)),
        task: "Is the sky above the ground?".to_owned(),
        follow: Vec::new(),
        output,
        tokens_max: TOKENS_MAX,
        temperature: 0.7,
        seed: Some(1),
    }
}

/// Text of an even density: the numbers keep any tokenizer from making long tokens of it.
fn filler(bytes: usize) -> String {
    let mut text = String::with_capacity(bytes + 32);
    for number in 1000.. {
        if text.len() >= bytes {
            break;
        }
        text += &format!("let value_{number} = read({});\n", number * 7919 % 10_000);
    }
    text
}

fn secs_between(from: SystemTime, to: SystemTime) -> i64 {
    let secs = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    match to.duration_since(from) {
        Ok(ahead) => secs(ahead),
        Err(behind) => -secs(behind.duration()),
    }
}

fn has_answer(text: &str) -> bool {
    let json: serde_json::Value = serde_json::from_str(text.trim()).unwrap_or_default();
    json["answer"].is_boolean()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filler_has_the_length_asked_for_and_does_not_repeat() {
        let text = filler(20_000);
        assert!((20_000..20_040).contains(&text.len()));
        let mut lines: Vec<_> = text.lines().collect();
        let count = lines.len();
        lines.sort_unstable();
        lines.dedup();
        assert_eq!(lines.len(), count);
    }

    #[test]
    fn an_answer_is_json_of_the_form_asked_for() {
        assert!(has_answer(" {\"answer\": true}\n"));
        for text in ["Yes.", "{\"answer\": \"yes\"}", "{}", ""] {
            assert!(!has_answer(text), "{text}");
        }
    }
}
