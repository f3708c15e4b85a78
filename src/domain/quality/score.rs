//! The score: one formula from recorded parts.
//!
//! `value` is the product of the parts, each in `[0, 1]`; so one grave fault cannot be made up for by other virtues, and each part
//! says by itself what it cost. The parts are defined at [`Parts`].

use super::evidence::EvidenceIndex;
use super::grounding::{Mention, Sort};
use super::quoting::{self, Quoting};
use super::relevance;
use super::{repetition, syntax};
use super::markdown::{Document, Piece};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// What the score is made of.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Parts {
    /// Share of the identifiers named that the evidence has, times `0.7` for each distinct one it has not.
    pub names: f64,
    /// Mean support of the numbers and quoted strings that the question did not bring.
    pub values: f64,
    /// `0.6` for each altered quotation of the source.
    pub quotes: f64,
    /// `0.6` for each code block that does not parse.
    pub syntax: f64,
    /// `1 - 0.5^n` for n distinct facts of the source that the answer names.
    pub substance: f64,
    /// Whether the answer speaks of what the question asks.
    pub relevance: f64,
    /// Share of the text that does not repeat itself.
    pub freshness: f64,
    /// Share of the text that is not copied from the source, from half of it on.
    pub originality: f64,
}

impl Parts {
    /// The formula.
    pub fn value(&self) -> f64 {
        self.all().iter().map(|(_, part)| part).product()
    }

    /// The parts with their names.
    pub fn all(&self) -> [(&'static str, f64); 8] {
        [
            ("names", self.names),
            ("values", self.values),
            ("quotes", self.quotes),
            ("syntax", self.syntax),
            ("substance", self.substance),
            ("relevance", self.relevance),
            ("freshness", self.freshness),
            ("originality", self.originality),
        ]
    }
}

/// Measures every part.
pub fn measure(question: &str, answer: &str, document: &Document<'_>, found: &[Mention<'_>], quoting: &Quoting, evidence: &EvidenceIndex) -> Parts {
    Parts {
        names: names(found),
        values: values(found),
        quotes: 0.6f64.powi(quoting.altered.len() as i32),
        syntax: 0.6f64.powi(unparsable(document, evidence) as i32),
        substance: substance(found, quoting),
        relevance: 0.7 + 0.3 * relevance::part(question, answer),
        freshness: (1.0 - 3.0 * repetition::repeated_share(answer)).max(0.0),
        originality: originality(answer, evidence),
    }
}

fn distinct<'a>(found: &'a [Mention<'_>], sorts: &[Sort]) -> HashMap<&'a str, f64> {
    let mut best: HashMap<&str, f64> = HashMap::new();
    for mention in found.iter().filter(|m| sorts.contains(&m.sort)) {
        let support = best.entry(mention.text).or_insert(mention.support);
        *support = support.max(mention.support);
    }
    best
}

fn names(found: &[Mention<'_>]) -> f64 {
    let supports = distinct(found, &[Sort::Name, Sort::ProseName]);
    if supports.is_empty() {
        return 1.0;
    }
    let share = supports.values().sum::<f64>() / supports.len() as f64;
    let invented = supports.values().filter(|s| **s == 0.0).count();
    share * 0.55f64.powi(invented as i32)
}

fn values(found: &[Mention<'_>]) -> f64 {
    let claimed = found.iter().filter(|m| matches!(m.sort, Sort::Number | Sort::Quote));
    let support = |m: &Mention<'_>| if m.asked { 1.0 } else { m.support };
    let (sum, count) = claimed.fold((2.0, 2.0), |(sum, count), m| (sum + support(m), count + 1.0));
    sum / count
}

fn unparsable(document: &Document<'_>, evidence: &EvidenceIndex) -> usize {
    let broken = |piece: &&Piece<'_>| match piece {
        Piece::Block { tag, code } => !quoting::is_quotation(code, evidence) && syntax::parses(tag, code) == Some(false),
        _ => false,
    };
    document.pieces.iter().filter(broken).count()
}

fn substance(found: &[Mention<'_>], quoting: &Quoting) -> f64 {
    let all = [Sort::Name, Sort::ProseName, Sort::Number, Sort::Quote];
    let fresh: Vec<Mention<'_>> = found.iter().filter(|m| !m.asked).cloned().collect();
    let named = distinct(&fresh, &all);
    let facts = named.values().filter(|s| **s > 0.0).count() + quoting.exact;
    if std::env::var("DBG").is_ok() { eprintln!("facts {facts}"); }
    1.0 - 0.5f64.powi(facts as i32)
}

fn originality(answer: &str, evidence: &EvidenceIndex) -> f64 {
    let copied = repetition::copied_share(answer, evidence);
    (2.0 * (1.0 - copied)).min(1.0)
}
