//! What a caller asks for: turns, sampling, form of the output.
//!
//! Owns the canonical form of a request and its cache key. It knows nothing of what one server can or cannot take: that is
//! [`super::profile`] and [`super::body`].

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::sync::{Arc, OnceLock};

/// Goes into every cache key; raise it when the meaning of a request changes.
const KEY_VERSION: &[u8] = b"chat-1";

/// Who speaks in a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The one who asks.
    User,
    /// The model.
    Assistant,
}

impl Role {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Role::User => "user",
            Role::Assistant => "assistant",
        }
    }
}

/// What all calls of a chunk share: the system text and the head of the first user turn.
///
/// It is escaped and hashed once, so that a call costs time for its own few bytes alone, and every body of the chunk starts
/// with the same bytes, which is what server-side prefix caches look at.
#[derive(Debug)]
pub struct Prefix {
    /// The messages as JSON, up to and without the end of the user turn's string.
    pub(super) json: Bytes,
    pub(super) text_bytes: usize,
    digest: [u8; 32],
    /// Bytes of `json` before and behind the seam between the two turns.
    seam: (usize, usize),
    /// The same in one turn, for models without a system role; made when first asked for.
    folded: OnceLock<Bytes>,
}

const SYSTEM_OPEN: &str = r#"{"role":"system","content":""#;
const SEAM: &str = r#""},{"role":"user","content":""#;
const USER_OPEN: &str = r#"{"role":"user","content":""#;

impl Prefix {
    /// A prefix of a system text and the text that opens the first user turn.
    pub fn new(system: &str, shared: &str) -> Self {
        let mut json = String::with_capacity(system.len() + shared.len() + shared.len() / 16 + 96);
        json.push_str(SYSTEM_OPEN);
        push_escaped(&mut json, system);
        let seam = (json.len(), json.len() + SEAM.len());
        json.push_str(SEAM);
        push_escaped(&mut json, shared);
        Prefix {
            text_bytes: system.len() + shared.len(),
            digest: Sha256::digest(json.as_bytes()).into(),
            json: json.into(),
            seam,
            folded: OnceLock::new(),
        }
    }

    /// The messages in the form that the model takes.
    pub(super) fn json(&self, system_role: bool) -> Bytes {
        if system_role {
            return self.json.clone();
        }
        let folded = self.folded.get_or_init(|| {
            let system = &self.json[SYSTEM_OPEN.len()..self.seam.0];
            let shared = &self.json[self.seam.1..];
            let between: &[u8] = if system.is_empty() { b"" } else { br"\n\n" };
            [USER_OPEN.as_bytes(), system, between, shared]
                .concat()
                .into()
        });
        folded.clone()
    }
}

/// A schema for structured output, written out once.
#[derive(Debug)]
pub struct Schema {
    pub(super) name: String,
    pub(super) json: String,
}

impl Schema {
    /// A JSON Schema under a name of letters, digits, `_` and `-`.
    pub fn new(name: &str, schema: &serde_json::Value) -> Self {
        Schema {
            name: name.to_owned(),
            json: schema.to_string(),
        }
    }
}

/// The form of the completion.
#[derive(Debug, Clone)]
pub enum Output {
    /// Plain text.
    Text,
    /// JSON that should follow a schema. The server may not enforce it, so the reader must check.
    Json(Arc<Schema>),
}

/// One call.
#[derive(Debug, Clone)]
pub struct Request {
    /// Shared with the other calls of the chunk.
    pub prefix: Arc<Prefix>,
    /// Ends the first user turn, right behind the prefix.
    pub task: String,
    /// Turns after the first one, in order; the last must be the user's.
    pub follow: Vec<(Role, String)>,
    /// The form of the completion.
    pub output: Output,
    /// Most tokens to generate.
    pub tokens_max: u32,
    /// Sampling temperature, 0 for the likeliest words.
    pub temperature: f32,
    /// Makes sampling repeatable where the server can.
    pub seed: Option<u32>,
}

impl Request {
    /// SHA-256 that names the answer to this request by this model, whatever form it takes on the wire.
    pub fn cache_key(&self, model: &str) -> [u8; 32] {
        let mut hash = Sha256::new();
        let mut part = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        part(KEY_VERSION);
        part(model.as_bytes());
        part(&self.prefix.digest);
        part(self.task.as_bytes());
        for (role, text) in &self.follow {
            part(role.as_str().as_bytes());
            part(text.as_bytes());
        }
        match &self.output {
            Output::Text => part(b"text"),
            Output::Json(schema) => {
                part(schema.name.as_bytes());
                part(schema.json.as_bytes());
            }
        }
        part(&self.tokens_max.to_le_bytes());
        part(&self.temperature.to_bits().to_le_bytes());
        part(&self.seed.map_or([0; 5], |seed| {
            let [a, b, c, d] = seed.to_le_bytes();
            [1, a, b, c, d]
        }));
        hash.finalize().into()
    }

    /// No tokenizer makes more tokens of this prompt: none makes a token of less than a byte. The schema may be shown to the model by the
    /// server, and the chat template adds its own.
    pub(super) fn prompt_tokens_max(&self) -> u64 {
        const TEMPLATE_TOKENS: usize = 256;
        let schema = match &self.output {
            Output::Text => 0,
            Output::Json(schema) => schema.json.len(),
        };
        (self.prompt_bytes() + schema + TEMPLATE_TOKENS) as u64
    }

    /// Bytes of text that the model has to read, escapes and markup not counted.
    pub fn prompt_bytes(&self) -> usize {
        let follow: usize = self.follow.iter().map(|(_, text)| text.len()).sum();
        self.prefix.text_bytes + self.task.len() + follow
    }
}

/// Appends `text` as the inside of a JSON string.
pub(super) fn push_escaped(json: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest
        .bytes()
        .position(|byte| NEEDS_ESCAPE[usize::from(byte)])
    {
        json.push_str(&rest[..at]);
        match rest.as_bytes()[at] {
            b'"' => json.push_str("\\\""),
            b'\\' => json.push_str("\\\\"),
            b'\n' => json.push_str("\\n"),
            b'\r' => json.push_str("\\r"),
            b'\t' => json.push_str("\\t"),
            control => json.push_str(&format!("\\u{control:04x}")),
        }
        rest = &rest[at + 1..];
    }
    json.push_str(rest);
}

/// The bytes that RFC 8259 does not allow inside a string as they are.
static NEEDS_ESCAPE: [bool; 256] = {
    let mut table = [false; 256];
    let mut control = 0;
    while control < 0x20 {
        table[control] = true;
        control += 1;
    }
    table[b'"' as usize] = true;
    table[b'\\' as usize] = true;
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Request {
        Request {
            prefix: Arc::new(Prefix::new("be kind", "fn main() {}")),
            task: "Why?".into(),
            follow: Vec::new(),
            output: Output::Text,
            tokens_max: 64,
            temperature: 0.0,
            seed: None,
        }
    }

    #[test]
    fn escaping_agrees_with_serde_json() {
        let all: String = (0..0x300).filter_map(char::from_u32).collect();
        for text in ["", "\"", "a\u{0}b\n", "…\u{2028}😀\\", &all] {
            let mut json = String::from("\"");
            push_escaped(&mut json, text);
            json.push('"');
            assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }
    }

    #[test]
    fn every_part_of_a_request_changes_its_key() {
        let schema = |name| Output::Json(Arc::new(Schema::new(name, &serde_json::json!({}))));
        let changes: [&dyn Fn(&mut Request); 9] = [
            &|_| {},
            &|r| r.prefix = Arc::new(Prefix::new("be kindf", "n main() {}")),
            &|r| r.task = "Why not?".into(),
            &|r| r.follow.push((Role::Assistant, "Because.".into())),
            &|r| r.output = schema("a"),
            &|r| r.output = schema("b"),
            &|r| r.tokens_max = 65,
            &|r| r.temperature = 0.5,
            &|r| r.seed = Some(0),
        ];
        let mut keys: Vec<_> = changes
            .iter()
            .map(|change| {
                let mut changed = request();
                change(&mut changed);
                changed.cache_key("m")
            })
            .collect();
        keys.push(request().cache_key("n"));
        assert_eq!(keys[0], request().cache_key("m"));
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), changes.len() + 1);
    }
}
