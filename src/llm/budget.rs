//! What a run may spend: requests, tokens, money and time.
//!
//! Owns the ledger. Every attempt sets aside the most that it can cost before it is sent and is settled by what it did cost, so that a
//! limit is never passed, whatever is in flight. It knows prices, not models' names: those are the table's.

use super::completion::Usage;
use crate::domain::price::{Cost, Price, PriceTable};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// The limits of a run; `None` is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BudgetLimits {
    /// Most requests sent, every attempt counted.
    pub requests: Option<u64>,
    /// Most tokens, prompt and completion together.
    pub tokens: Option<u64>,
    /// Most money.
    pub cost: Option<Cost>,
    /// Longest time until the last request is sent.
    pub time: Option<Duration>,
}

/// Which limit is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Spent {
    /// `--max-requests`.
    Requests,
    /// `--max-total-tokens`.
    Tokens,
    /// `--max-cost`.
    Cost,
    /// `--max-time`.
    Time,
}

impl Spent {
    /// The flag that set the limit.
    pub fn flag(self) -> &'static str {
        match self {
            Spent::Requests => "--max-requests",
            Spent::Tokens => "--max-total-tokens",
            Spent::Cost => "--max-cost",
            Spent::Time => "--max-time",
        }
    }
}

/// A limit is reached, and why the next attempt does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reached {
    pub spent: Spent,
    pub message: String,
}

/// The most that one attempt can use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Worst {
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
}

/// What an attempt is booked as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bill {
    /// No model worked for it: it never arrived, or was refused.
    Nothing,
    /// The server told.
    Told(Usage),
    /// A model may have worked for it, and the server did not tell: the most it can be.
    Untold,
}

/// What a run may still spend; clients of one run share it.
#[derive(Debug)]
pub struct Budget {
    limits: BudgetLimits,
    prices: PriceTable,
    began: Instant,
    ledger: Mutex<Ledger>,
    settled: Notify,
}

#[derive(Debug, Default)]
struct Ledger {
    requests: u64,
    /// Settled.
    used: Amount,
    /// Set aside for what is in flight.
    reserved: Amount,
}

#[derive(Debug, Clone, Copy, Default)]
struct Amount {
    tokens: u64,
    cost: Cost,
}

/// What is set aside for one attempt. One that is dropped unsettled was not sent, and gives everything back.
#[derive(Debug)]
pub(super) struct Reservation<'a> {
    budget: &'a Budget,
    price: Option<Price>,
    most: Amount,
}

impl Default for Budget {
    fn default() -> Self {
        Budget::new(BudgetLimits::default(), PriceTable::default())
    }
}

impl Budget {
    /// A fresh budget; its time runs from now.
    pub fn new(limits: BudgetLimits, prices: PriceTable) -> Self {
        Budget {
            limits,
            prices,
            began: Instant::now(),
            ledger: Mutex::default(),
            settled: Notify::new(),
        }
    }

    /// The limits.
    pub fn limits(&self) -> &BudgetLimits {
        &self.limits
    }

    /// What tokens of `model` cost; `None` when nobody said.
    pub fn price_of(&self, model: &str) -> Option<Price> {
        self.prices.price_of(model)
    }

    /// When nothing may be sent any more.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.began.checked_add(self.limits.time?)
    }

    /// The error of a run whose time is over.
    pub(super) fn time_is_over(&self) -> Reached {
        Reached {
            spent: Spent::Time,
            message: "--max-time is reached".to_owned(),
        }
    }

    /// Sets aside one attempt. Waits while attempts in flight hold what they may give back.
    pub(super) async fn reserve(
        &self,
        price: Option<Price>,
        worst: Worst,
    ) -> Result<Reservation<'_>, Reached> {
        let most = Amount {
            tokens: worst.prompt_tokens.saturating_add(worst.completion_tokens),
            cost: price.map_or(Cost::ZERO, |price| {
                price.cost_max(worst.prompt_tokens, worst.completion_tokens)
            }),
        };
        loop {
            let settled = self.settled.notified();
            if self.try_reserve(most)? {
                return Ok(Reservation {
                    budget: self,
                    price,
                    most,
                });
            }
            settled.await;
        }
    }

    /// `false`: not now, but what is in flight may leave enough.
    fn try_reserve(&self, most: Amount) -> Result<bool, Reached> {
        if self.deadline().is_some_and(|at| Instant::now() >= at) {
            return Err(self.time_is_over());
        }
        let mut ledger = self.ledger();
        let requests = ledger.requests;
        if self.limits.requests.is_some_and(|limit| requests >= limit) {
            return Err(reached(Spent::Requests, String::new()));
        }
        let (used, reserved) = (ledger.used, ledger.reserved);
        let mut fits = true;
        if let Some(limit) = self.limits.tokens {
            let room = limit.saturating_sub(used.tokens);
            if most.tokens > room {
                let why = format!(
                    ": {room} tokens are left and the next request may take {}",
                    most.tokens
                );
                return Err(reached(Spent::Tokens, why));
            }
            fits &= reserved.tokens.saturating_add(most.tokens) <= room;
        }
        if let Some(limit) = self.limits.cost {
            let room = limit - used.cost;
            if most.cost > room {
                let why = format!(
                    ": {room} is left and the next request may cost {}",
                    most.cost
                );
                return Err(reached(Spent::Cost, why));
            }
            fits &= reserved.cost + most.cost <= room;
        }
        if fits {
            ledger.requests += 1;
            ledger.reserved.tokens += most.tokens;
            ledger.reserved.cost += most.cost;
        }
        Ok(fits)
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn reached(spent: Spent, why: String) -> Reached {
    Reached {
        spent,
        message: format!("{} is reached{why}", spent.flag()),
    }
}

impl Reservation<'_> {
    /// Books what the attempt was billed as. Gives back what it cost, for the numbers shown to people: `None` when there is no price.
    pub fn settle(self, bill: Bill) -> Option<Cost> {
        let (tokens, cost) = match bill {
            Bill::Nothing => (0, Some(Cost::ZERO)),
            Bill::Told(usage) => (usage.total(), self.price.map(|price| usage.cost(price))),
            Bill::Untold => (self.most.tokens, self.price.map(|_| self.most.cost)),
        };
        let mut ledger = self.budget.ledger();
        // Given back when this is dropped.
        ledger.requests += 1;
        ledger.used.tokens += tokens;
        ledger.used.cost += cost.unwrap_or_default();
        cost
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        let mut ledger = self.budget.ledger();
        ledger.requests -= 1;
        ledger.reserved.tokens -= self.most.tokens;
        ledger.reserved.cost -= self.most.cost;
        drop(ledger);
        self.budget.settled.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORST: Worst = Worst {
        prompt_tokens: 50,
        completion_tokens: 10,
    };

    fn told(prompt: u64, completion: u64) -> Bill {
        Bill::Told(Usage {
            prompt: Some(prompt),
            completion: Some(completion),
            ..Usage::default()
        })
    }

    fn now<T>(future: impl Future<Output = T>) -> Option<T> {
        use futures_util::FutureExt as _;
        future.now_or_never()
    }

    #[test]
    fn requests_count_once_and_those_not_sent_do_not() {
        let limits = BudgetLimits {
            requests: Some(2),
            ..BudgetLimits::default()
        };
        let budget = Budget::new(limits, PriceTable::default());
        let reserve = || now(budget.reserve(None, WORST)).unwrap();
        drop(reserve().unwrap());
        let first = reserve().unwrap();
        assert_eq!(first.settle(Bill::Nothing), Some(Cost::ZERO));
        let second = reserve().unwrap();
        assert_eq!(reserve().unwrap_err().spent, Spent::Requests);
        assert_eq!(second.settle(told(1, 1)), None, "no price, no cost");
        assert_eq!(reserve().unwrap_err().spent, Spent::Requests);
    }

    #[test]
    fn what_is_in_flight_is_waited_for_and_what_is_used_is_not() {
        let limits = BudgetLimits {
            tokens: Some(100),
            ..BudgetLimits::default()
        };
        let budget = Budget::new(limits, PriceTable::default());
        let first = now(budget.reserve(None, WORST)).unwrap().unwrap();
        assert!(now(budget.reserve(None, WORST)).is_none());
        first.settle(told(20, 10));
        let second = now(budget.reserve(None, WORST)).unwrap().unwrap();
        second.settle(Bill::Untold);
        let reached = now(budget.reserve(None, WORST)).unwrap().unwrap_err();
        assert_eq!(reached.spent, Spent::Tokens);
        assert!(
            reached.message.contains("10 tokens are left"),
            "{reached:?}"
        );
    }

    #[test]
    fn money_is_kept_to_the_worst_case() {
        let table = r#"{"models":[{"model":"m","prompt":1000000,"completion":1}]}"#;
        assert!(PriceTable::parse(table).is_err(), "a slip of the unit");
        let table = r#"{"models":[{"model":"m","prompt":100000,"completion":0}]}"#;
        let prices = PriceTable::parse(table).unwrap();
        let limits = BudgetLimits {
            cost: Cost::from_dollars(9.0),
            ..BudgetLimits::default()
        };
        let budget = Budget::new(limits, prices);
        let price = budget.price_of("m");
        let first = now(budget.reserve(price, WORST)).unwrap().unwrap();
        assert!(now(budget.reserve(price, WORST)).is_none());
        assert_eq!(first.settle(told(40, 9)), Cost::from_dollars(4.0));
        let second = now(budget.reserve(price, WORST)).unwrap().unwrap();
        second.settle(told(1, 1));
        let reached = now(budget.reserve(price, WORST)).unwrap().unwrap_err();
        assert_eq!(reached.spent, Spent::Cost);
        assert!(reached.message.contains("$4.90 is left"), "{reached:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn time_runs_from_the_start() {
        let limits = BudgetLimits {
            time: Some(Duration::from_secs(60)),
            ..BudgetLimits::default()
        };
        let budget = Budget::new(limits, PriceTable::default());
        assert!(budget.reserve(None, WORST).await.is_ok());
        tokio::time::advance(Duration::from_secs(60)).await;
        let reached = budget.reserve(None, WORST).await.unwrap_err();
        assert_eq!(reached.spent, Spent::Time);
    }
}
