//! What tokens cost: prices by model, and sums of money that stay exact.
//!
//! Owns the price table, the rule which entry prices which model, and the arithmetic. A model without an entry has no price, which is
//! never the same as costing nothing. All prices are US dollars; money is counted in whole picodollars, so that sums do not drift.
//!
//! The table is JSON: `{"models": [{"model": "gpt-4.1-mini", "prompt": 0.40, "cached_prompt": 0.10, "completion": 1.60}]}`, each price
//! in dollars per million tokens. `cached_prompt` (tokens that the server had in its own cache) is the price of `prompt` when left out;
//! `source` and `date` say where the numbers come from.

mod table;

pub use table::{PriceTable, TableError};

use serde::{Serialize, Serializer};
use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub, SubAssign};

/// Picodollars (10^-12) in one dollar.
const PICO: f64 = 1e12;
/// Tokens that a price is quoted for.
const QUOTED_TOKENS: f64 = 1e6;
/// A price above this is a slip of the unit: the dearest model costs hundreds of dollars per million tokens.
const DOLLARS_PER_MILLION_MAX: f64 = 100_000.0;

/// An amount of money.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cost(u64);

impl Cost {
    /// Nothing.
    pub const ZERO: Cost = Cost(0);

    /// From dollars; `None` for what is no amount (negative, infinite, not a number, or beyond a million dollars).
    pub fn from_dollars(dollars: f64) -> Option<Self> {
        (0.0..=1e6)
            .contains(&dollars)
            .then(|| Cost((dollars * PICO).round() as u64))
    }

    /// In dollars.
    pub fn dollars(self) -> f64 {
        self.0 as f64 / PICO
    }

    /// This much, `part` / `whole` times; itself when `whole` is 0.
    pub fn scaled(self, part: u64, whole: u64) -> Self {
        match whole {
            0 => self,
            _ => Cost(
                u64::try_from(u128::from(self.0) * u128::from(part) / u128::from(whole))
                    .unwrap_or(u64::MAX),
            ),
        }
    }
}

impl Add for Cost {
    type Output = Cost;
    fn add(self, other: Cost) -> Cost {
        Cost(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Cost) {
        *self = *self + other;
    }
}

impl Sub for Cost {
    type Output = Cost;
    fn sub(self, other: Cost) -> Cost {
        Cost(self.0.saturating_sub(other.0))
    }
}

impl SubAssign for Cost {
    fn sub_assign(&mut self, other: Cost) {
        *self = *self - other;
    }
}

impl Sum for Cost {
    fn sum<I: Iterator<Item = Cost>>(costs: I) -> Cost {
        costs.fold(Cost::ZERO, Cost::add)
    }
}

/// `$12.34`, and more digits where cents say too little.
impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = match self.0 {
            0 => 2,
            1..10_000_000_000 => 6,
            10_000_000_000..1_000_000_000_000 => 4,
            _ => 2,
        };
        write!(f, "${:.digits$}", self.dollars())
    }
}

/// As a number of dollars.
impl Serialize for Cost {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.dollars())
    }
}

/// What the tokens of one model cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// Picodollars per token.
    prompt: u64,
    cached_prompt: u64,
    completion: u64,
}

impl Price {
    /// From dollars per million tokens; `None` when one of them is no price.
    fn of(prompt: f64, cached_prompt: f64, completion: f64) -> Option<Self> {
        let per_token = |dollars: f64| {
            (0.0..=DOLLARS_PER_MILLION_MAX)
                .contains(&dollars)
                .then(|| (dollars * PICO / QUOTED_TOKENS).round() as u64)
        };
        Some(Price {
            prompt: per_token(prompt)?,
            cached_prompt: per_token(cached_prompt)?,
            completion: per_token(completion)?,
        })
    }

    /// What so many tokens cost. `cached` tokens are part of `prompt`, as OpenAI counts them; a server that counts more cached tokens
    /// than prompt tokens counts them beside, and both are paid for then.
    pub fn cost(&self, prompt: u64, cached: u64, completion: u64) -> Cost {
        let fresh = if cached > prompt {
            prompt
        } else {
            prompt - cached
        };
        let parts = [
            (fresh, self.prompt),
            (cached, self.cached_prompt),
            (completion, self.completion),
        ];
        parts
            .into_iter()
            .map(|(tokens, price)| Cost(tokens.saturating_mul(price)))
            .sum()
    }

    /// The most that so many tokens can cost: none of them cached, or all of them where that is dearer.
    pub fn cost_max(&self, prompt: u64, completion: u64) -> Cost {
        let fresh = self.cost(prompt, 0, completion);
        fresh.max(self.cost(prompt, prompt, completion))
    }
}

/// Dollars per million tokens: prompt, cached prompt, completion.
impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dollars = |pico: u64| pico as f64 * QUOTED_TOKENS / PICO;
        write!(
            f,
            "${} prompt, ${} cached prompt, ${} completion per million tokens",
            dollars(self.prompt),
            dollars(self.cached_prompt),
            dollars(self.completion)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_exact_and_shown_with_enough_digits() {
        let price = Price::of(0.15, 0.075, 0.6).unwrap();
        assert_eq!(price.cost(1_000_000, 0, 0).dollars(), 0.15);
        assert_eq!(price.cost(1_000_000, 1_000_000, 1_000_000).dollars(), 0.675);
        let one = price.cost(1, 0, 0);
        let many: Cost = std::iter::repeat_n(one, 1_000_000).sum();
        assert_eq!(many.to_string(), "$0.1500");
        assert_eq!(one.to_string(), "$0.000000");
        assert_eq!(price.cost(10_000, 0, 0).to_string(), "$0.001500");
        assert_eq!(Cost::from_dollars(12.345).unwrap().to_string(), "$12.35");
        assert_eq!(Cost::ZERO.to_string(), "$0.00");
        assert_eq!(many.scaled(3, 2).dollars(), 0.225);
        assert_eq!(
            price.to_string(),
            "$0.15 prompt, $0.075 cached prompt, $0.6 completion per million tokens"
        );
    }

    #[test]
    fn cached_tokens_are_part_of_the_prompt_unless_there_are_more_of_them() {
        let price = Price::of(1.0, 0.25, 2.0).unwrap();
        assert_eq!(price.cost(100, 40, 0).dollars(), 0.00007);
        assert_eq!(price.cost(10, 40, 0).dollars(), 0.00002);
        assert_eq!(price.cost_max(100, 10), price.cost(100, 0, 10));
        let odd = Price::of(1.0, 3.0, 2.0).unwrap();
        assert_eq!(odd.cost_max(100, 10), odd.cost(100, 100, 10));
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for bad in [-1.0, f64::NAN, f64::INFINITY, 1e9] {
            assert_eq!(Price::of(bad, 0.0, 0.0), None);
            assert_eq!(Cost::from_dollars(bad), None);
        }
    }
}
