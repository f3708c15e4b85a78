//! Live numbers of one client, cheap to read at any time.

use super::budget::Bill;
use super::completion::Usage;
use super::gate::GateState;
use crate::domain::price::Cost;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

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
    /// What was paid.
    pub bills: Bills,
}

/// What requests cost, as far as the server told it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bills {
    /// For tokens that the server counted, at known prices.
    pub cost: Cost,
    /// Requests that cost something nobody knows: the model has no price.
    pub unpriced: u64,
    /// Requests whose tokens the server did not tell, such as one that broke off; they may be on the bill.
    pub untold: u64,
    /// The most that those can cost.
    pub untold_cost_max: Cost,
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
    bills: Mutex<Bills>,
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

    /// Takes note of what one attempt was billed as.
    pub fn bill(&self, bill: Bill, cost: Option<Cost>) {
        let mut bills = self.bills.lock().unwrap_or_else(PoisonError::into_inner);
        match (bill, cost) {
            (Bill::Nothing, _) => {}
            (Bill::Told(_), Some(cost)) => bills.cost += cost,
            (Bill::Told(_), None) => bills.unpriced += 1,
            (Bill::Untold, cost) => {
                bills.untold += 1;
                bills.unpriced += u64::from(cost.is_none());
                bills.untold_cost_max += cost.unwrap_or_default();
            }
        }
    }

    pub fn begin_anew(&self) {
        let requests = [
            &self.requests,
            &self.completions,
            &self.retries,
            &self.refused,
            &self.adapted,
        ];
        let tokens = [
            &self.prompt,
            &self.completion,
            &self.cached,
            &self.reasoning,
        ];
        for counter in requests.into_iter().chain(tokens) {
            counter.store(0, Relaxed);
        }
        *self.bills.lock().unwrap_or_else(PoisonError::into_inner) = Bills::default();
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
            bills: *self.bills.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }
}

/// Adds one.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}
