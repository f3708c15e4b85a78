//! Does the answer speak of what the question asks.

use super::{vocabulary, words};
use std::collections::HashSet;

/// Words are compared by their first letters, so that `retry`, `retries`, `retried` are one.
const STEM_CHARS: usize = 5;

/// Share of the question's words that the answer takes up, scaled so that a quarter is enough: `min(1, 4 * share)`.
pub fn part(question: &str, answer: &str) -> f64 {
    (4.0 * share(question, answer)).min(1.0)
}

/// Share of the question's distinct content words that the answer takes up.
pub fn share(question: &str, answer: &str) -> f64 {
    let (asked, said) = (stems(question), stems(answer));
    let taken = asked.intersection(&said).count();
    if asked.is_empty() { 1.0 } else { taken as f64 / asked.len() as f64 }
}

fn stems(text: &str) -> HashSet<String> {
    let names = words::tokens(text);
    let parts = names.iter().flat_map(|token| words::parts(token.text));
    let lowered = parts.map(str::to_lowercase).filter(|word| !vocabulary::is_common(word));
    lowered.map(|word| word.chars().take(STEM_CHARS).collect()).collect()
}
