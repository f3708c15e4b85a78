//! Loops and copies: text that says the same thing again, or only hands the source back.
//!
//! Owns shares in `[0, 1]`; where the limit lies is the caller's matter.

use super::evidence::{COPIED_TOKENS, EvidenceIndex};
use super::words::{self, HashedSet, Token};

/// Words in a row that must recur to count as repeated. Shorter runs recur in honest prose.
const REPEATED_WORDS: usize = 8;

/// Share of the words that lie in a run of eight words which stood before. A path or a dotted name is one word: it may well be named again.
pub fn repeated_share(text: &str) -> f64 {
    let spoken = text.split_whitespace();
    let bare = spoken.map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()));
    let hashes: Vec<u64> = bare
        .filter(|word| !word.is_empty())
        .map(words::hash_lowered)
        .collect();
    let mut seen = HashedSet::with_capacity_and_hasher(hashes.len(), Default::default());
    let runs = words::runs(&hashes, REPEATED_WORDS).enumerate();
    let again = runs.filter(|(_, run)| !seen.insert(*run)).map(|(at, _)| at);
    covered_share(again, REPEATED_WORDS, hashes.len())
}

/// Words of a sentence that, said again, is no chance.
const SENTENCE_WORDS_MIN: usize = 5;
/// Times in a row that a word stands only where a model stutters.
const STUTTER_TIMES: usize = 5;

/// How often a whole sentence or line is one that stood before.
pub fn repeated_sentences(text: &str) -> usize {
    let mut seen = HashedSet::default();
    let lines = text.lines();
    let sentences = lines.flat_map(|line| line.split(". "));
    let again = sentences.filter(|sentence| {
        let hashes = words::plain_words(sentence);
        let whole = words::runs(&hashes, hashes.len()).next();
        hashes.len() >= SENTENCE_WORDS_MIN && whole.is_some_and(|whole| !seen.insert(whole))
    });
    again.count()
}

/// Whether a word stands many times in a row: "the the the the the".
pub fn stutters(text: &str) -> bool {
    let mut times = 0;
    let mut last = "";
    text.split_whitespace().any(|word| {
        let word = word.trim_matches(|c: char| !c.is_alphanumeric());
        let goes_on =
            word == last && word.len() > 1 && word.bytes().all(|b| b.is_ascii_alphabetic());
        times = if goes_on { times + 1 } else { 1 };
        last = word;
        times >= STUTTER_TIMES
    })
}

/// Share of a text's words that lie in a run of eight words which stood in one of the texts before.
pub fn retold_share(text: &str, before: &[&str]) -> f64 {
    let mut known = HashedSet::default();
    for earlier in before {
        let hashes = words::plain_words(earlier);
        known.extend(words::runs(&hashes, REPEATED_WORDS));
    }
    let hashes = words::plain_words(text);
    let runs = words::runs(&hashes, REPEATED_WORDS).enumerate();
    let again = runs
        .filter(|(_, run)| known.contains(run))
        .map(|(at, _)| at);
    covered_share(again, REPEATED_WORDS, hashes.len())
}

/// Share of a text's tokens that lie in a run of twelve tokens of the source.
pub fn copied_share(tokens: &[Token<'_>], evidence: &EvidenceIndex) -> f64 {
    let hashes = words::hashes(tokens);
    let runs = words::runs(&hashes, COPIED_TOKENS).enumerate();
    let copied = runs
        .filter(|(_, run)| evidence.long_run(*run))
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
    fn sentences_said_again_and_stuttering_are_seen() {
        let again = "It reads the whole file first. Then it ends. It reads the whole file first.";
        assert_eq!(repeated_sentences(again), 1);
        assert_eq!(repeated_sentences("It ends. It ends. It ends."), 0);
        assert!(stutters("it is the the the, the the end"));
        assert!(!stutters("it is 0 0 0 0 0 0 and a, a, a, a, a"));
    }

    #[test]
    fn a_second_telling_is_measured() {
        let once = "one two three four five six seven eight nine ten";
        assert_eq!(repeated_share(once), 0.0);
        assert_eq!(repeated_share(&format!("{once}. {once}")), 0.5);
        assert_eq!(repeated_share("a b"), 0.0);
        let path = "src/account_000/decode/segment_15/main_part.ts";
        let named =
            format!("The head of {path} reads, the tail of {path} writes, and {path} ends.");
        assert_eq!(repeated_share(&named), 0.0);
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
        let share = |text| copied_share(&words::tokens(text), &index);
        assert_eq!(share(chunk), 1.0);
        let answer = "It keeps `let total = a + b;` for the caller and returns it at the end";
        assert_eq!(share(answer), 0.0);
    }
}
