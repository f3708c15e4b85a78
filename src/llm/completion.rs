//! The completion: what one request brought, in the form that the response cache stores.

use crate::domain::price::{Cost, Price};
use serde::{Deserialize, Serialize};

/// Token counts as the server told them; `None` where it was silent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens of the prompt, cached ones included.
    pub prompt: Option<u64>,
    /// Tokens generated, reasoning included.
    pub completion: Option<u64>,
    /// Prompt tokens that the server had in its cache.
    pub cached: Option<u64>,
    /// Generated tokens spent on reasoning.
    pub reasoning: Option<u64>,
}

impl Usage {
    /// Adds the counts of another response.
    pub fn add(&mut self, other: Usage) {
        let sum = |a: &mut Option<u64>, b: Option<u64>| {
            if let Some(b) = b {
                *a = Some(a.unwrap_or(0).saturating_add(b));
            }
        };
        sum(&mut self.prompt, other.prompt);
        sum(&mut self.completion, other.completion);
        sum(&mut self.cached, other.cached);
        sum(&mut self.reasoning, other.reasoning);
    }

    /// Prompt and completion tokens together.
    pub fn total(&self) -> u64 {
        let [prompt, completion] = [self.prompt, self.completion].map(|n| n.unwrap_or(0));
        prompt.saturating_add(completion)
    }

    /// What these tokens cost at `price`.
    pub fn cost(&self, price: Price) -> Cost {
        let [prompt, cached, completion] =
            [self.prompt, self.cached, self.completion].map(|n| n.unwrap_or(0));
        price.cost(prompt, cached, completion)
    }

    /// Whether the server told enough to know what was used.
    pub(super) fn is_told(&self) -> bool {
        self.prompt.is_some() && self.completion.is_some()
    }
}

/// How the server was asked for structured output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Structure {
    /// `response_format` with a schema that the server enforces.
    JsonSchema,
    /// `response_format` that asks for any JSON object; the schema stands in the prompt.
    JsonObject,
    /// No `response_format`; the prompt asks for JSON between tags.
    Tagged,
}

/// What was really sent, where it can differ from what was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sent {
    /// The structured-output mode; `None` for plain text.
    pub structure: Option<Structure>,
    /// `None` when the server does not take the parameter.
    pub temperature: Option<f32>,
    /// `None` when none was asked for or the server does not take the parameter.
    pub seed: Option<u32>,
    /// Most tokens to generate.
    pub tokens_max: u32,
}

/// One usable response: not empty, and ended by a clean stop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Completion {
    /// The generated text, without reasoning and, for structured output, without its tags.
    pub text: String,
    /// What the model thought before it answered.
    pub reasoning: Option<String>,
    /// The model as the server named it.
    pub model: String,
    /// As the server gave it; a clean stop.
    pub finish_reason: String,
    /// Tokens of this response.
    pub usage: Usage,
    /// Tries made, the first included.
    pub attempts: u32,
    /// From sending the last attempt to its last byte.
    pub latency_ms: u64,
    /// What was really sent.
    pub sent: Sent,
}
