//! Does the answer speak of what the question asks.

use super::evidence::EvidenceIndex;
use super::vocabulary;
use super::words::{self, HashedSet, Kind, Token};

/// Words are compared by their first letters, so that `retry`, `retries`, `retried` are one.
const STEM_CHARS: usize = 4;

/// The content words of a question and its answer.
#[derive(Debug)]
pub struct Wording {
    asked: HashedSet,
    said: HashedSet,
}

impl Wording {
    /// Reads both, the answer by its tokens.
    pub fn of(question: &str, answer: &[Token<'_>]) -> Self {
        Wording {
            asked: stems(words::each_token(question)),
            said: stems(answer.iter().copied()),
        }
    }

    /// Share of the question's words that the answer takes up, scaled so that a quarter is enough: `min(1, 4 * share)`.
    pub fn part(&self) -> f64 {
        (4.0 * self.share()).min(1.0)
    }

    /// Share of the question's distinct content words that the answer takes up.
    fn share(&self) -> f64 {
        let taken = self.asked.intersection(&self.said).count();
        if self.asked.is_empty() {
            1.0
        } else {
            taken as f64 / self.asked.len() as f64
        }
    }

    /// Share of the answer's content words, those of the question left out, that the source has too. In true answers it is near a half, in
    /// empty talk and in answers about other files near a fifth.
    pub fn shared(&self, evidence: &EvidenceIndex) -> f64 {
        let own = || self.said.difference(&self.asked);
        let known = own().filter(|stem| evidence.has_stem(**stem)).count();
        known as f64 / own().count().max(1) as f64
    }
}

/// Stems of the content words of a text and of the parts of its identifiers, by its tokens.
pub fn stems<'a>(tokens: impl Iterator<Item = Token<'a>>) -> HashedSet {
    let tokens = tokens.filter(|token| token.kind != Kind::Mark);
    tokens.flat_map(|token| stems_of(token.text)).collect()
}

/// Stems of the content words in a word or identifier.
pub fn stems_of(name: &str) -> impl Iterator<Item = u64> {
    let is_one = !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase());
    let one = is_one.then_some(name).into_iter();
    let parts = (!is_one).then(|| words::parts(name)).into_iter().flatten();
    one.chain(parts)
        .filter(|word| !vocabulary::is_common(word))
        .map(stem)
}

fn stem(word: &str) -> u64 {
    let end = word
        .char_indices()
        .nth(STEM_CHARS)
        .map_or(word.len(), |(at, _)| at);
    words::hash_lowered(&word[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wording(question: &str, answer: &str) -> Wording {
        Wording::of(question, &words::tokens(answer))
    }

    fn share_of(question: &str, answer: &str) -> f64 {
        wording(question, answer).share()
    }

    #[test]
    fn words_count_in_every_form_and_small_words_do_not() {
        assert_eq!(
            share_of(
                "How does HTTPDigestAuth retry?",
                "The digest is retried over HTTP with auth."
            ),
            1.0
        );
        assert_eq!(
            share_of("How does the parser work?", "It does, with the code."),
            0.0
        );
        assert_eq!(wording("alpha beta gamma delta", "beta").part(), 1.0);
        assert_eq!(wording("the", "anything").part(), 1.0);
    }
}
