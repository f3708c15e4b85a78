//! Reading a chat completion as servers really write it.
//!
//! Owns the shape of the response and what counts as a usable one. It tolerates missing usage, content in parts and reasoning in
//! any of its places; it does not look at HTTP, and it does not read the model's own JSON.

use super::body::{TAG_CLOSE, TAG_OPEN};
use super::completion::Usage;
use crate::domain::failure::FailureCode;
use serde::Deserialize;
use serde_json::Value;

/// A response that holds what was asked for.
#[derive(Debug, PartialEq)]
pub(super) struct Usable {
    pub text: String,
    pub reasoning: Option<String>,
    pub model: Option<String>,
    pub finish_reason: String,
    pub usage: Usage,
}

/// What a body with a good status turned out to be.
#[derive(Debug, PartialEq)]
pub(super) enum Reading {
    Usable(Usable),
    /// An error object under a good status.
    Error(Value),
    /// A chat completion that no caller can use.
    Useless {
        code: FailureCode,
        message: String,
        usage: Usage,
        /// Whether the model came to nothing but thoughts.
        is_thought: bool,
    },
    /// No chat completion at all.
    Malformed(String),
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    model: Value,
    #[serde(default)]
    choices: Option<Vec<Choice>>,
    #[serde(default)]
    usage: Value,
    #[serde(default)]
    error: Value,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    message: Option<Message>,
    #[serde(default)]
    finish_reason: Value,
    #[serde(default)]
    error: Value,
}

#[derive(Deserialize, Default)]
struct Message {
    #[serde(default)]
    content: Value,
    #[serde(default)]
    reasoning_content: Value,
    #[serde(default)]
    reasoning: Value,
    #[serde(default)]
    refusal: Value,
}

/// Reads the body of a response with a good status. `tagged` says that the text was asked for between tags.
pub(super) fn read(body: &[u8], tagged: bool) -> Reading {
    let envelope: Envelope = match serde_json::from_slice(body) {
        Ok(envelope) => envelope,
        Err(_) if body.starts_with(b"data:") => {
            let message = "the server streams its answer, which it was not asked to";
            return Reading::Malformed(message.to_owned());
        }
        Err(error) => return Reading::Malformed(format!("not a chat completion: {error}")),
    };
    if is_error(&envelope.error) {
        return Reading::Error(envelope.error);
    }
    let usage = read_usage(&envelope.usage);
    let Some(choice) = envelope.choices.and_then(|all| all.into_iter().next()) else {
        return Reading::Malformed("the response has no choices".to_owned());
    };
    if is_error(&choice.error) {
        return Reading::Error(choice.error);
    }
    let finish = into_text(choice.finish_reason).unwrap_or_default();
    let message = choice.message.unwrap_or_default();
    let refusal = into_text(message.refusal).unwrap_or_default();
    let (text, mut reasoning) = split_content(message.content);
    for place in [message.reasoning_content, message.reasoning] {
        reasoning = reasoning.or(into_text(place));
    }
    if let Some((code, message)) = uselessness(&finish, &refusal, &text) {
        let has_thoughts = reasoning.is_some_and(|text| !text.trim().is_empty());
        return Reading::Useless {
            code,
            message,
            usage,
            is_thought: code == FailureCode::Truncated && (has_thoughts || text.trim().is_empty()),
        };
    }
    Reading::Usable(Usable {
        text: if tagged { inside_tags(text) } else { text },
        reasoning: reasoning.filter(|text| !text.trim().is_empty()),
        model: into_text(envelope.model),
        finish_reason: finish,
        usage,
    })
}

/// Why a completion is of no use, if it is not. The finish reason speaks first: a cut or filtered text may look whole.
fn uselessness(finish: &str, refusal: &str, text: &str) -> Option<(FailureCode, String)> {
    let useless = |code, message: &str| Some((code, message.to_owned()));
    match finish.to_ascii_lowercase().as_str() {
        "length" | "max_tokens" | "max_output_tokens" | "model_length" => {
            return useless(FailureCode::Truncated, "the completion hit the token limit");
        }
        "content_filter" | "safety" | "recitation" => {
            return useless(
                FailureCode::ContentFilter,
                "the provider's filter cut the completion",
            );
        }
        "refusal" => return useless(FailureCode::Refusal, "the model refused"),
        "error" | "abort" | "insufficient_system_resource" => {
            return useless(
                FailureCode::ServerError,
                "the server gave up while generating",
            );
        }
        "stop" | "eos" | "eos_token" | "end_turn" | "stop_sequence" => {}
        "" => {
            let message = "the response has no finish_reason: it may be cut off anywhere";
            return useless(FailureCode::UncleanFinish, message);
        }
        other => {
            let message = format!("finish reason '{other}' is no clean stop");
            return Some((FailureCode::UncleanFinish, message));
        }
    }
    if !refusal.is_empty() {
        return Some((
            FailureCode::Refusal,
            format!("the model refused: {refusal}"),
        ));
    }
    if text.trim().is_empty() {
        return useless(FailureCode::EmptyCompletion, "the completion is empty");
    }
    None
}

fn is_error(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::Object(fields) => !fields.is_empty(),
        Value::String(text) => !text.is_empty(),
        _ => true,
    }
}

fn into_text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

/// The text of a message and the reasoning inside it; content is a string, a list of typed parts, or nothing.
fn split_content(content: Value) -> (String, Option<String>) {
    match content {
        Value::String(text) => split_think(text),
        Value::Array(parts) => {
            let mut text = String::new();
            let mut reasoning = None;
            for part in parts {
                match part["type"].as_str() {
                    Some("text" | "output_text") => {
                        text.push_str(part["text"].as_str().unwrap_or_default())
                    }
                    Some("thinking") => reasoning = part["thinking"].as_str().map(str::to_owned),
                    Some("reasoning") => reasoning = part["text"].as_str().map(str::to_owned),
                    _ => {}
                }
            }
            let (text, inner) = split_think(text);
            (text, reasoning.or(inner))
        }
        _ => (String::new(), None),
    }
}

/// Parts a text that opens with a think block, or whose think block was opened by the chat template and only closed here. A tag
/// that an answer merely talks about stays: it stands neither at the start nor alone on its line.
fn split_think(text: String) -> (String, Option<String>) {
    let start = text.trim_start();
    if let Some(inner) = start.strip_prefix("<think>") {
        let (reasoning, rest) = inner.split_once("</think>").unwrap_or((inner, ""));
        return (
            rest.trim_start().to_owned(),
            Some(reasoning.trim().to_owned()),
        );
    }
    let alone = text.match_indices("</think>").find(|(at, tag)| {
        let (before, after) = (&text[..*at], &text[at + tag.len()..]);
        (before.is_empty() || before.ends_with('\n'))
            && (after.is_empty() || after.starts_with(['\n', '\r']))
    });
    match alone {
        Some((at, tag)) => (
            text[at + tag.len()..].trim_start().to_owned(),
            Some(text[..at].trim().to_owned()),
        ),
        None => (text, None),
    }
}

fn inside_tags(text: String) -> String {
    let Some((_, inner)) = text.split_once(TAG_OPEN) else {
        return text;
    };
    let inner = inner
        .rsplit_once(TAG_CLOSE)
        .map_or(inner, |(inner, _)| inner);
    inner.trim().to_owned()
}

/// Counts in the places where servers put them: beside the totals, in the `details` objects, or at the top.
fn read_usage(usage: &Value) -> Usage {
    let count = |path: &[&str]| {
        let value = path.iter().fold(usage, |value, key| &value[key]);
        let number = value
            .as_u64()
            .or_else(|| value.as_f64().map(|n| n.max(0.0) as u64));
        // No prompt and no completion has as many; sums of what is left cannot overflow.
        number.filter(|&n| n <= u64::from(u32::MAX))
    };
    Usage {
        prompt: count(&["prompt_tokens"]).or_else(|| count(&["input_tokens"])),
        completion: count(&["completion_tokens"]).or_else(|| count(&["output_tokens"])),
        cached: count(&["prompt_tokens_details", "cached_tokens"])
            .or_else(|| count(&["prompt_cache_hit_tokens"]))
            .or_else(|| count(&["cached_tokens"])),
        reasoning: count(&["completion_tokens_details", "reasoning_tokens"])
            .or_else(|| count(&["reasoning_tokens"])),
    }
}

/// Foreign text as one short line without control characters, fit for a message. Blot the key out first: half a key would not be found.
pub(super) fn excerpt(text: &str) -> String {
    const CHARS_MAX: usize = 250;
    let mut short: String = text
        .trim()
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(CHARS_MAX)
        .collect();
    if text.trim().chars().nth(CHARS_MAX).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn reply(message: Value, finish: Value) -> Reading {
        let body =
            json!({"model": "m", "choices": [{"message": message, "finish_reason": finish}]});
        read(body.to_string().as_bytes(), false)
    }

    fn text_of(reading: Reading) -> (String, Option<String>) {
        match reading {
            Reading::Usable(usable) => (usable.text, usable.reasoning),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn reasoning_never_reaches_the_text() {
        let table = [
            (json!({"content": "A"}), None),
            (json!({"content": "A", "reasoning_content": "R"}), Some("R")),
            (json!({"content": "A", "reasoning": "R"}), Some("R")),
            (
                json!({"content": "A", "reasoning_content": "", "reasoning": {"odd": 1}}),
                None,
            ),
            (json!({"content": "<think>\nR\n</think>\n\nA"}), Some("R")),
            (json!({"content": " <think></think>A"}), None),
            (json!({"content": "R\n</think>\nA"}), Some("R")),
            (
                json!({"content": [{"type": "thinking", "thinking": "R"}, {"type": "text", "text": "A"}]}),
                Some("R"),
            ),
        ];
        for (message, reasoning) in table {
            let expected = ("A".to_owned(), reasoning.map(str::to_owned));
            assert_eq!(
                text_of(reply(message.clone(), json!("stop"))),
                expected,
                "{message}"
            );
        }
    }

    #[test]
    fn an_answer_may_talk_about_think_tags() {
        let text = "`strip` cuts at `</think>` and keeps the rest.";
        assert_eq!(
            text_of(reply(json!({"content": text}), json!("stop"))).0,
            text
        );
    }

    #[test]
    fn useless_completions_name_their_reason() {
        use FailureCode::*;
        let table = [
            (json!({"content": "A"}), json!("length"), Truncated),
            (json!({"content": null}), json!("length"), Truncated),
            (
                json!({"content": "A"}),
                json!("content_filter"),
                ContentFilter,
            ),
            (json!({"content": "A"}), json!("tool_calls"), UncleanFinish),
            (json!({"content": "A"}), json!(null), UncleanFinish),
            (json!({"content": "A"}), json!("error"), ServerError),
            (
                json!({"content": "A"}),
                json!("insufficient_system_resource"),
                ServerError,
            ),
            (json!({"content": "A"}), json!("abort"), ServerError),
            (json!({"content": "A"}), json!("model_length"), Truncated),
            (
                json!({"content": null, "refusal": "I can't"}),
                json!("stop"),
                Refusal,
            ),
            (json!({"content": null}), json!("stop"), EmptyCompletion),
            (json!({"content": " \n"}), json!("stop"), EmptyCompletion),
            (
                json!({"content": "<think>on and on"}),
                json!("stop"),
                EmptyCompletion,
            ),
            (json!({"content": 7}), json!("stop"), EmptyCompletion),
            (json!(null), json!("stop"), EmptyCompletion),
        ];
        for (message, finish, expected) in table {
            match reply(message.clone(), finish) {
                Reading::Useless { code, .. } => assert_eq!(code, expected, "{message}"),
                other => panic!("{message}: {other:?}"),
            }
        }
    }

    #[test]
    fn what_is_no_completion_is_told_apart() {
        for body in [
            "",
            "<html>",
            "{",
            "[]",
            "{}",
            r#"{"choices":[]}"#,
            r#"{"choices":null}"#,
            "{\"model\":\"\u{fffd}",
        ] {
            assert!(
                matches!(read(body.as_bytes(), false), Reading::Malformed(_)),
                "{body}"
            );
        }
        assert!(matches!(
            read(
                b"{\"choices\":[{\"message\":{\"content\":\"\xff\"}}]}",
                false
            ),
            Reading::Malformed(_)
        ));
        for body in [
            r#"{"error":{"code":500}}"#,
            r#"{"error":"no"}"#,
            r#"{"choices":[{"error":{"code":502}}]}"#,
        ] {
            assert!(
                matches!(read(body.as_bytes(), false), Reading::Error(_)),
                "{body}"
            );
        }
    }

    #[test]
    fn usage_is_found_wherever_it_stands() {
        let usage = json!({
            "prompt_tokens": 10, "completion_tokens": 5.0,
            "prompt_tokens_details": {"cached_tokens": 8}, "completion_tokens_details": null,
        });
        let expected = Usage {
            prompt: Some(10),
            completion: Some(5),
            cached: Some(8),
            reasoning: None,
        };
        assert_eq!(read_usage(&usage), expected);
        assert_eq!(read_usage(&Value::Null), Usage::default());
        let absurd = json!({"prompt_tokens": u64::MAX, "completion_tokens": 1e300});
        assert_eq!(read_usage(&absurd), Usage::default());
        assert_eq!(
            read_usage(&json!({"prompt_cache_hit_tokens": 3})).cached,
            Some(3)
        );
    }

    #[test]
    fn tags_are_taken_off_when_they_were_asked_for() {
        for text in [
            "Sure!\n<json> {\"a\":1} </json> done",
            "<json>{\"a\":1}",
            "{\"a\":1}",
        ] {
            assert_eq!(inside_tags(text.to_owned()), "{\"a\":1}");
        }
    }

    /// Cut, spliced and overwritten copies of a good body, by a fixed sequence of pseudo-random numbers.
    #[test]
    fn no_body_makes_the_readers_panic() {
        let good = json!({
            "choices": [{"message": {"content": "<think>a</think>é😀", "refusal": null}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 1}, "error": {"code": 429, "message": "context length is 7"},
        });
        let good = good.to_string().into_bytes();
        let mut state = 1_u64;
        let mut random = |below: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below.max(1)
        };
        for _ in 0..20_000 {
            let mut body = good.clone();
            body.truncate(random(2 * good.len()));
            for _ in 0..random(4) {
                let (at, byte) = (random(body.len()), random(256) as u8);
                if let Some(place) = body.get_mut(at) {
                    *place = byte;
                }
            }
            read(&body, random(2) == 0);
            let (headers, now) = (Default::default(), std::time::SystemTime::UNIX_EPOCH);
            crate::llm::classify::classify(random(1000) as u16, &headers, &body, now);
            crate::llm::models::read_list(&body);
        }
    }
}
