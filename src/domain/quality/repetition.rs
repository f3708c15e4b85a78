//! Loops and copies: text that says the same thing again, or only hands the source back.
//!
//! Owns shares in `[0, 1]`; where the limit lies is the caller's matter.

use super::evidence::{COPIED_TOKENS, EvidenceIndex};
use super::words::{self, HashedSet};

/// Words in a row that must recur to count as repeated. Shorter runs recur in honest prose.
const REPEATED_WORDS: usize = 8;

/// Share of the words that lie in a run of eight words which stood before.
pub fn repeated_share(text: &str) -> f64 {
    let hashes = words::plain_words(text);
    let mut seen = HashedSet::default();
    let runs = hashes.windows(REPEATED_WORDS).enumerate();
    let again = runs
        .filter(|(_, run)| !seen.insert(words::sequence(run)))
        .map(|(at, _)| at);
    covered_share(again, REPEATED_WORDS, hashes.len())
}

/// Share of a text's words that lie in a run of eight words which stood in one of the texts before.
pub fn retold_share(text: &str, before: &[&str]) -> f64 {
    let mut known = HashedSet::default();
    for earlier in before {
        let hashes = words::plain_words(earlier);
        known.extend(hashes.windows(REPEATED_WORDS).map(words::sequence));
    }
    let hashes = words::plain_words(text);
    let runs = hashes.windows(REPEATED_WORDS).enumerate();
    let again = runs
        .filter(|(_, run)| known.contains(&words::sequence(run)))
        .map(|(at, _)| at);
    covered_share(again, REPEATED_WORDS, hashes.len())
}

/// Share of the tokens that lie in a run of twelve tokens of the source.
pub fn copied_share(text: &str, evidence: &EvidenceIndex) -> f64 {
    let tokens = words::tokens(text);
    let hashes: Vec<u64> = tokens.iter().map(|t| words::hash(t.text)).collect();
    let runs = hashes.windows(COPIED_TOKENS).enumerate();
    let copied = runs
        .filter(|(_, run)| evidence.long_run(run))
        .map(|(at, _)| at);
    covered_share(copied, COPIED_TOKENS, hashes.len())
}

/// Share of `total` places covered by runs of `length` that begin at the ascending `starts`.
fn covered_share(starts: impl Iterator<Item = usize>, length: usize, total: usize) -> f64 {
    let (mut covered, mut upto) = (0, 0);
    for start in starts {
        covered += (start + length).saturating_sub(upto.max(start));
        upto = start + length;
    }
    covered as f64 / total.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::super::evidence::Evidence;
    use super::*;

    #[test]
    fn a_second_telling_is_measured() {
        let once = "one two three four five six seven eight nine ten";
        assert_eq!(repeated_share(once), 0.0);
        assert_eq!(repeated_share(&format!("{once}. {once}")), 0.5);
        assert_eq!(repeated_share("a b"), 0.0);
        assert!(repeated_share(&"go on ".repeat(40)) > 0.8);
    }

    #[test]
    fn an_answer_that_retells_an_earlier_one_is_measured() {
        let said = "one two three four five six seven eight nine ten";
        assert_eq!(retold_share(said, &["other words", said]), 1.0);
        assert_eq!(
            retold_share(&format!("{said} {}", "new ".repeat(10)), &[said]),
            0.5
        );
        assert_eq!(retold_share(said, &[]), 0.0);
    }

    #[test]
    fn a_copy_is_measured_and_a_short_quote_is_not() {
        let chunk = "fn sum(a: u32, b: u32) -> u32 { let total = a + b; total }";
        let evidence = Evidence {
            chunk,
            ..Evidence::default()
        };
        let index = EvidenceIndex::new(&evidence, Default::default());
        assert_eq!(copied_share(chunk, &index), 1.0);
        assert_eq!(
            copied_share(
                "It keeps `let total = a + b;` for the caller and returns it at the end",
                &index
            ),
            0.0
        );
    }
}
