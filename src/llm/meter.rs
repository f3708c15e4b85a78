//! Live numbers of one client, cheap to read at any time.

use super::completion::Usage;
use super::gate::GateState;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What the client has done so far and is doing now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Snapshot {
    /// What the gate is doing.
    pub gate: GateState,
    /// Requests sent, every attempt counted.
    pub requests: u64,
    /// Usable completions.
    pub completions: u64,
    /// Attempts beyond the first of their request.
    pub retries: u64,
    /// Requests that the server refused for load (429, 503).
    pub refused: u64,
    /// Requests that the server refused for their form, which taught the client another one.
    pub adapted: u64,
    /// Tokens counted by the server, those of useless responses included.
    pub usage: Usage,
}

#[derive(Debug, Default)]
pub(super) struct Meter {
    pub requests: AtomicU64,
    pub completions: AtomicU64,
    pub retries: AtomicU64,
    pub refused: AtomicU64,
    pub adapted: AtomicU64,
    prompt: AtomicU64,
    completion: AtomicU64,
    cached: AtomicU64,
    reasoning: AtomicU64,
}

impl Meter {
    pub fn spend(&self, usage: Usage) {
        let add = |counter: &AtomicU64, count: Option<u64>| {
            counter.fetch_add(count.unwrap_or(0), Relaxed)
        };
        add(&self.prompt, usage.prompt);
        add(&self.completion, usage.completion);
        add(&self.cached, usage.cached);
        add(&self.reasoning, usage.reasoning);
    }

    pub fn snapshot(&self, gate: GateState) -> Snapshot {
        let read = |counter: &AtomicU64| counter.load(Relaxed);
        Snapshot {
            gate,
            requests: read(&self.requests),
            completions: read(&self.completions),
            retries: read(&self.retries),
            refused: read(&self.refused),
            adapted: read(&self.adapted),
            usage: Usage {
                prompt: Some(read(&self.prompt)),
                completion: Some(read(&self.completion)),
                cached: Some(read(&self.cached)),
                reasoning: Some(read(&self.reasoning)),
            },
        }
    }
}

/// Adds one.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}
