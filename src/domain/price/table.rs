//! The price table: reading it, and finding the price of a model.

use super::Price;
use serde::Deserialize;

/// The table that comes with the program.
const SHIPPED: &str = include_str!("prices.json");

/// Why a table cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// Not the JSON described in the module's documentation.
    #[error("{0}")]
    Form(#[from] serde_json::Error),
    /// A price that cannot be one.
    #[error("the prices of '{0}' must be numbers of dollars per million tokens, 0 or more")]
    Price(String),
    /// Two entries for one name.
    #[error("'{0}' stands there twice")]
    Twice(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(default, rename = "about")]
    _about: String,
    models: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    model: String,
    prompt: f64,
    cached_prompt: Option<f64>,
    completion: f64,
    #[serde(default, rename = "source")]
    _source: String,
    #[serde(default, rename = "date")]
    _date: String,
}

/// Prices by model name.
///
/// The entry of a model is the first of these: one of exactly its name; one of its name without a date at the end
/// (`gpt-4o-2024-08-06`, `claude-opus-4-5-20251101`); the longest one that ends in `*` and whose rest begins the name. Nothing else
/// matches: `gpt-4o` does not price `gpt-4o-mini`, nor `openai/gpt-4o`, which another seller sells.
#[derive(Debug, Clone, Default)]
pub struct PriceTable {
    /// Those of the user first.
    entries: Vec<(String, Price)>,
}

impl PriceTable {
    /// The table that comes with the program.
    ///
    /// # Errors
    /// Never: a test reads it.
    pub fn shipped() -> Result<Self, TableError> {
        PriceTable::parse(SHIPPED)
    }

    /// Reads a table.
    ///
    /// # Errors
    /// When it is not the JSON described, holds what is no price, or names a model twice.
    pub fn parse(json: &str) -> Result<Self, TableError> {
        let table: Table = serde_json::from_str(json)?;
        let mut entries: Vec<(String, Price)> = Vec::with_capacity(table.models.len());
        for row in table.models {
            let cached = row.cached_prompt.unwrap_or(row.prompt);
            let price = Price::of(row.prompt, cached, row.completion);
            let price = price.ok_or_else(|| TableError::Price(row.model.clone()))?;
            if entries.iter().any(|(name, _)| *name == row.model) {
                return Err(TableError::Twice(row.model));
            }
            entries.push((row.model, price));
        }
        Ok(PriceTable { entries })
    }

    /// This table, and of `other` what this one does not name.
    pub fn before(mut self, other: PriceTable) -> Self {
        self.entries.extend(other.entries);
        self
    }

    /// The price of a model; `None` when the table does not know it.
    pub fn price_of(&self, model: &str) -> Option<Price> {
        self.named(model)
            .or_else(|| self.named(undated(model)?))
            .or_else(|| self.by_pattern(model))
    }

    fn named(&self, name: &str) -> Option<Price> {
        let found = self.entries.iter().find(|(known, _)| known == name);
        found.map(|(_, price)| *price)
    }

    fn by_pattern(&self, model: &str) -> Option<Price> {
        let stems = self.entries.iter().filter_map(|(name, price)| {
            let stem = name.strip_suffix('*')?;
            model.starts_with(stem).then_some((stem.len(), *price))
        });
        // Of equally long ones the first counts: the user's.
        let longest = stems.reduce(|best, next| if next.0 > best.0 { next } else { best });
        longest.map(|(_, price)| price)
    }
}

/// A name without the date at its end: `-2024-08-06` or `-20251101`.
fn undated(model: &str) -> Option<&str> {
    ["-dddd-dd-dd", "-dddddddd"].iter().find_map(|form| {
        let at = model.len().checked_sub(form.len()).filter(|&at| at > 0)?;
        let fits = |(byte, form): (u8, u8)| match form {
            b'd' => byte.is_ascii_digit(),
            _ => byte == form,
        };
        let tail = &model.as_bytes()[at..];
        tail.iter()
            .copied()
            .zip(form.bytes())
            .all(fits)
            .then(|| &model[..at])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(names: &[&str]) -> PriceTable {
        let rows: Vec<_> = names
            .iter()
            .zip(1..)
            .map(|(name, price)| {
                serde_json::json!({"model": name, "prompt": price, "completion": 0})
            })
            .collect();
        PriceTable::parse(&serde_json::json!({ "models": rows }).to_string()).unwrap()
    }

    fn prompt_price(table: &PriceTable, model: &str) -> Option<f64> {
        let price = table.price_of(model)?;
        Some(price.cost(1_000_000, 0, 0).dollars())
    }

    #[test]
    fn only_the_right_entry_prices_a_model() {
        let table = table(&["gpt-4o", "gpt-4o-2024-05-13", "local/*", "local/big-*"]);
        let cases = [
            ("gpt-4o", Some(1.0)),
            ("gpt-4o-2024-08-06", Some(1.0)),
            ("gpt-4o-20240806", Some(1.0)),
            ("gpt-4o-2024-05-13", Some(2.0)),
            ("gpt-4o-mini", None),
            ("gpt-4o-mini-2024-07-18", None),
            ("gpt-4", None),
            ("openai/gpt-4o", None),
            ("GPT-4o", None),
            ("gpt-4o-2024-8-6", None),
            ("-2024-08-06", None),
            ("é-2024-08-06", None),
            ("local/small", Some(3.0)),
            ("local/big-70b", Some(4.0)),
            ("", None),
        ];
        for (model, price) in cases {
            assert_eq!(prompt_price(&table, model), price, "{model}");
        }
    }

    #[test]
    fn the_users_entries_come_first() {
        let shipped = PriceTable::parse(r#"{"models":[{"model":"a","prompt":1,"completion":1},{"model":"b","prompt":2,"completion":2}]}"#).unwrap();
        let mine = PriceTable::parse(r#"{"models":[{"model":"a","prompt":0,"completion":0},{"model":"*","prompt":0,"completion":0}]}"#).unwrap();
        let both = mine.before(shipped);
        assert_eq!(prompt_price(&both, "a"), Some(0.0));
        assert_eq!(prompt_price(&both, "b"), Some(2.0));
        assert_eq!(prompt_price(&both, "c"), Some(0.0));
    }

    #[test]
    fn the_shipped_table_is_sound_and_says_where_each_price_is_from() {
        let shipped = PriceTable::shipped().unwrap();
        assert_eq!(prompt_price(&shipped, "gpt-4.1-mini"), Some(0.4));
        assert!(shipped.price_of("gpt-4.1-micro").is_none());
        let table: Table = serde_json::from_str(SHIPPED).unwrap();
        for row in &table.models {
            assert!(row._source.starts_with("https://"), "{}", row.model);
            let date: Result<jiff::civil::Date, _> = row._date.parse();
            assert!(date.is_ok(), "{}: {}", row.model, row._date);
            assert!(
                row.cached_prompt.is_none_or(|cached| cached <= row.prompt),
                "{}",
                row.model
            );
        }
    }

    #[test]
    fn every_shipped_entry_prices_its_model_and_no_other() {
        let shipped = PriceTable::shipped().unwrap();
        let table: Table = serde_json::from_str(SHIPPED).unwrap();
        for row in &table.models {
            let model = &row.model;
            for name in [
                model.clone(),
                format!("{model}-2026-01-31"),
                format!("{model}-20260131"),
            ] {
                let price = shipped.price_of(&name).map(|price| price.to_string());
                let cached = row.cached_prompt.unwrap_or(row.prompt);
                let own = Price::of(row.prompt, cached, row.completion);
                assert_eq!(price, own.map(|price| price.to_string()), "{name}");
            }
            let others = [
                format!("{model}-audio"),
                format!("seller/{model}"),
                format!("{model}x"),
                model.to_uppercase(),
            ];
            for name in others {
                assert!(shipped.price_of(&name).is_none(), "{name}");
            }
        }
    }

    #[test]
    fn slips_in_a_table_are_named() {
        let says = |json: &str| PriceTable::parse(json).unwrap_err().to_string();
        assert!(says(r#"{"models":[{"model":"m","prompt":-1,"completion":1}]}"#).contains("'m'"));
        assert!(says(r#"{"models":[{"model":"m","prompt":1,"output":1}]}"#).contains("output"));
        assert!(says(r#"{"models":[{"model":"m","prompt":1,"completion":1},{"model":"m","prompt":1,"completion":1}]}"#).contains("twice"));
        assert!(says("[]").contains("line 1"));
    }
}
