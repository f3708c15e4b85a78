//! The body of a chat call, written by hand.
//!
//! Owns the bytes that go out. The prefix is shared between the calls of its chunk, not copied; only the task, the later turns and the
//! numbers are written anew. `messages` come before everything that may differ between the calls of a chunk.

use super::completion::{Sent, Structure};
use super::profile::{Form, LengthField};
use super::request::{Output, Request, Schema, push_escaped};
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use std::convert::Infallible;
use std::fmt::Write;
use std::pin::Pin;
use std::task::{Context, Poll};

pub(super) const TAG_OPEN: &str = "<json>";
pub(super) const TAG_CLOSE: &str = "</json>";

/// What of `request` goes on the wire in this form.
pub(super) fn sent(request: &Request, form: Form) -> Sent {
    Sent {
        structure: match request.output {
            Output::Text => None,
            Output::Json(_) => Some(form.structure),
        },
        temperature: form.temperature.then_some(request.temperature),
        seed: request.seed.filter(|_| form.seed),
        tokens_max: request.tokens_max,
    }
}

/// A body in parts, the shared ones without a copy.
#[derive(Debug, Clone)]
pub(super) struct WireBody {
    /// Those before `next` have left.
    parts: [Bytes; 3],
    next: usize,
}

impl HttpBody for WireBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = self.next;
        self.next += 1;
        // Taken out, so that the part is free as soon as it has left.
        let part = self.parts.get_mut(next).map(std::mem::take);
        Poll::Ready(part.map(|part| Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.next >= self.parts.len()
    }

    fn size_hint(&self) -> SizeHint {
        let left: usize = self.parts.iter().map(Bytes::len).sum();
        SizeHint::with_exact(left as u64)
    }
}

/// How every body for `model` begins.
pub(super) fn opening(model: &str) -> Bytes {
    let mut json = String::from(r#"{"model":""#);
    push_escaped(&mut json, model);
    json.push_str(r#"","messages":["#);
    json.into()
}

/// The body of `request`.
pub(super) fn write(opening: Bytes, request: &Request, form: Form) -> WireBody {
    let rest = write_rest(request, form).into();
    WireBody {
        parts: [opening, request.prefix.json(form.system_role), rest],
        next: 0,
    }
}

/// What comes after the prefix.
fn write_rest(request: &Request, form: Form) -> String {
    let mut json = String::with_capacity(request.task.len() + 512);
    push_escaped(&mut json, &request.task);
    push_follow(&mut json, request);
    if let Output::Json(schema) = &request.output {
        push_instruction(&mut json, schema, form.structure);
    }
    json.push_str("\"}]");
    push_sampling(&mut json, &sent(request, form), form.length_field);
    if let Output::Json(schema) = &request.output {
        push_response_format(&mut json, schema, form.structure);
    }
    json.push('}');
    json
}

/// Later turns; the last one is left open.
fn push_follow(json: &mut String, request: &Request) {
    for (role, text) in &request.follow {
        json.push_str(r#""},{"role":""#);
        json.push_str(role.as_str());
        json.push_str(r#"","content":""#);
        push_escaped(json, text);
    }
}

/// Says in words what the server does not enforce.
fn push_instruction(json: &mut String, schema: &Schema, structure: Structure) {
    let (head, tail) = match structure {
        Structure::JsonSchema => return,
        Structure::JsonObject => ("Reply with one JSON object and nothing else.", ""),
        Structure::Tagged => (
            "Reply with one JSON object between <json> and </json> and nothing else.",
            " Begin your reply with <json>.",
        ),
    };
    push_escaped(json, "\n\n");
    push_escaped(json, head);
    push_escaped(json, " It must follow this JSON Schema: ");
    push_escaped(json, &schema.json);
    push_escaped(json, tail);
}

fn push_sampling(json: &mut String, sent: &Sent, length_field: LengthField) {
    let field = match length_field {
        LengthField::MaxTokens => "max_tokens",
        LengthField::MaxCompletionTokens => "max_completion_tokens",
    };
    push(json, format_args!(r#","{field}":{}"#, sent.tokens_max));
    if let Some(temperature) = sent.temperature {
        push(json, format_args!(r#","temperature":{temperature}"#));
    }
    if let Some(seed) = sent.seed {
        push(json, format_args!(r#","seed":{seed}"#));
    }
}

fn push_response_format(json: &mut String, schema: &Schema, structure: Structure) {
    match structure {
        Structure::Tagged => {}
        Structure::JsonObject => json.push_str(r#","response_format":{"type":"json_object"}"#),
        Structure::JsonSchema => push(
            json,
            format_args!(
                r#","response_format":{{"type":"json_schema","json_schema":{{"name":"{}","strict":true,"schema":{}}}}}"#,
                schema.name, schema.json
            ),
        ),
    }
}

fn push(json: &mut String, text: std::fmt::Arguments) {
    // Writing to a String cannot fail.
    let _ = json.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::request::{Prefix, Role};
    use serde_json::{Value, json};
    use std::sync::Arc;

    fn request(output: Output) -> Request {
        Request {
            prefix: Arc::new(Prefix::new("sys \"quoted\"", "code\n\ttab\u{1}\n")),
            task: "Ask \\ me".into(),
            follow: vec![
                (Role::Assistant, "an \"answer\"".into()),
                (Role::User, "next?".into()),
            ],
            output,
            tokens_max: 64,
            temperature: 0.7,
            seed: Some(7),
        }
    }

    fn written(request: &Request, form: Form) -> Vec<u8> {
        write(opening("m\"x"), request, form).parts.concat()
    }

    fn parsed(output: Output, form: Form) -> Value {
        serde_json::from_slice(&written(&request(output), form)).unwrap()
    }

    #[test]
    fn plain_text_has_all_turns_and_numbers() {
        let expected = json!({
            "model": "m\"x",
            "messages": [
                {"role": "system", "content": "sys \"quoted\""},
                {"role": "user", "content": "code\n\ttab\u{1}\nAsk \\ me"},
                {"role": "assistant", "content": "an \"answer\""},
                {"role": "user", "content": "next?"},
            ],
            "max_tokens": 64, "temperature": 0.7, "seed": 7,
        });
        assert_eq!(parsed(Output::Text, Form::default()), expected);
    }

    #[test]
    fn each_rung_of_the_ladder_is_valid_and_says_what_the_server_does_not_enforce() {
        let schema = || {
            Output::Json(Arc::new(Schema::new(
                "questions",
                &json!({"type": "object"}),
            )))
        };
        let form = |structure| Form {
            structure,
            length_field: LengthField::MaxCompletionTokens,
            temperature: false,
            seed: false,
            system_role: true,
        };
        let body = parsed(schema(), form(Structure::JsonSchema));
        assert_eq!(
            body["response_format"]["json_schema"]["schema"],
            json!({"type": "object"})
        );
        assert_eq!(body["max_completion_tokens"], 64);
        assert!(body.get("temperature").is_none() && body.get("seed").is_none());
        let body = parsed(schema(), form(Structure::JsonObject));
        assert_eq!(body["response_format"], json!({"type": "json_object"}));
        let told = body["messages"][3]["content"].as_str().unwrap();
        assert!(told.contains(r#"{"type":"object"}"#));
        let body = parsed(schema(), form(Structure::Tagged));
        assert!(body.get("response_format").is_none());
        let told = body["messages"][3]["content"].as_str().unwrap();
        assert!(told.contains(TAG_OPEN) && told.contains(TAG_CLOSE));
    }

    #[test]
    fn without_a_system_role_its_text_opens_the_first_turn_of_the_user() {
        let form = Form {
            system_role: false,
            ..Form::default()
        };
        let body = parsed(Output::Text, form);
        assert_eq!(
            body["messages"][0],
            json!({"role": "user", "content": "sys \"quoted\"\n\ncode\n\ttab\u{1}\nAsk \\ me"})
        );
        assert_eq!(body["messages"].as_array().unwrap().len(), 3);
    }

    #[test]
    fn calls_of_a_chunk_share_their_first_bytes() {
        let first = request(Output::Text);
        let mut second = first.clone();
        second.task = "Another".into();
        second.follow.clear();
        let [a, b] = [&first, &second].map(|r| written(r, Form::default()));
        let shared = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
        assert!(shared > first.prefix.json.len());
    }
}
