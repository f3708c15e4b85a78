//! Does the answer speak of what the question asks, and does it keep to the source.

use super::evidence::EvidenceIndex;
use super::vocabulary;
use super::words::{self, HashedSet, Kind, Token};
use std::sync::LazyLock;

/// Words are compared by their first letters, so that `retry`, `retries`, `retried` are one.
const STEM_CHARS: usize = 4;

/// Content words of a stretch that is looked at by itself: some 70 words of prose, so that an aside of a sentence or two is free.
const STRETCH_WORDS: usize = 32;
/// Share of a stretch that the question, the chunk and its context must have together, and what more is due for each distinct word of the chunk: one
/// that has many has some of any text. By 574 true answers put to the files they are about and to others, these have 0.07 and 0.001 a word in the median,
/// and those have what is due in every stretch.
const DUE_AT_LEAST: f64 = 0.15;
const DUE_PER_WORD: f64 = 0.001;
/// More is never due: of longer chunks, too few answers were looked at.
const DUE_AT_MOST: f64 = 0.5;

/// Share of words that an answer has in common with any source file.
pub const SHARE_BY_CHANCE: f64 = 0.35;
/// So many words with that share are added to those of an answer: one or two of its own tell little.
const WORDS_BY_CHANCE: f64 = 8.0;

/// The content words of a question and its answer.
#[derive(Debug)]
pub struct Wording {
    asked: HashedSet,
    /// Those of the answer, in its order.
    spoken: Vec<u64>,
    said: HashedSet,
}

impl Wording {
    /// Reads both, the answer by its tokens.
    pub fn of(question: &str, answer: &[Token<'_>]) -> Self {
        let spoken: Vec<u64> = each_stem(answer.iter().copied()).collect();
        Wording {
            asked: stems(words::each_token(question)),
            said: spoken.iter().copied().collect(),
            spoken,
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

    /// Share of the answer's content words, those of the question and of any talk about programs left out, that the source has too. In true answers it is near a half, in
    /// empty talk and in answers about other files near a fifth. Eight more words count, with a share by chance.
    pub fn shared(&self, evidence: &EvidenceIndex) -> f64 {
        let own = || self.said.difference(&self.asked);
        let known = own()
            .filter(|stem| !GENERIC.contains(stem))
            .filter(|stem| evidence.has_stem(**stem))
            .count();
        (known as f64 + WORDS_BY_CHANCE * SHARE_BY_CHANCE)
            / (own().count() as f64 + WORDS_BY_CHANCE)
    }

    /// How far the answer keeps to its subject throughout: what the stretch that has least of the source and the question has of what is due, 1 at
    /// most. A shorter answer counts as filled up with just what is due.
    pub fn focus(&self, evidence: &EvidenceIndex) -> f64 {
        let words = DUE_PER_WORD * evidence.chunk_stem_count() as f64;
        let due = STRETCH_WORDS as f64 * (DUE_AT_LEAST + words).min(DUE_AT_MOST);
        let is_known = |stem: &u64| evidence.has_stem(*stem) || self.asked.contains(stem);
        let known: Vec<bool> = self.spoken.iter().map(is_known).collect();
        let lacking = STRETCH_WORDS.saturating_sub(known.len());
        let filling = due * lacking as f64 / STRETCH_WORDS as f64;
        let least = least_in_stretch(&known, STRETCH_WORDS - lacking) as f64;
        ((least + filling) / due).min(1.0)
    }
}

/// Fewest that hold of so many in a row.
fn least_in_stretch(known: &[bool], length: usize) -> usize {
    let (head, rest) = known.split_at(length);
    let mut count = head.iter().filter(|known| **known).count();
    let mut least = count;
    for (coming, going) in rest.iter().zip(known) {
        count = count + usize::from(*coming) - usize::from(*going);
        least = least.min(count);
    }
    least
}

/// Stems of the content words of a text and of the parts of its identifiers, by its tokens.
pub fn stems<'a>(tokens: impl Iterator<Item = Token<'a>>) -> HashedSet {
    each_stem(tokens).collect()
}

fn each_stem<'a>(tokens: impl Iterator<Item = Token<'a>>) -> impl Iterator<Item = u64> {
    let tokens = tokens.filter(|token| token.kind != Kind::Mark);
    tokens.flat_map(|token| stems_of(token.text))
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

/// Stems of what is said of any program.
static GENERIC: LazyLock<HashedSet> = LazyLock::new(|| stems(words::each_token(GENERIC_WORDS)));

const GENERIC_WORDS: &str = "input output result return caller value check error handle case argument parameter default state update logic \
     program application developer user design performance readability common practice right need ensure process validate validation \
     test documentation option configuration support various behaviour behavior bug clean helper delegate perform necessary responsible \
     internal relevant main provide sensible maintain maintenance robust expected appropriate important consistent pattern easy \
     gracefully correctly properly rest continue keeps invalid empty exception raise way efficient purpose data";

fn stem(word: &str) -> u64 {
    let end = word
        .char_indices()
        .nth(STEM_CHARS)
        .map_or(word.len(), |(at, _)| at);
    words::hash_lowered(&word[..end])
}

#[cfg(test)]
mod tests {
    use super::super::evidence::Evidence;
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

    fn focus(answer: &str, chunk: &str, context: &str) -> f64 {
        let evidence = Evidence {
            chunk,
            context,
            ..Evidence::default()
        };
        let index = EvidenceIndex::new(&evidence, Default::default());
        wording("Where is river?", answer).focus(&index)
    }

    #[test]
    fn the_stretch_that_has_least_of_the_source_decides() {
        let known = "alpha beta gamma delta ".repeat(8);
        let strange = "dogs salad kitchen weather ".repeat(8);
        let chunk = "alpha beta";
        for (answer, context, expected) in [
            (known.clone(), "gamma delta", 1.0),
            (format!("{known}{strange}"), "gamma delta", 0.0),
            (format!("{strange}{known}"), "gamma delta", 0.0),
            (
                format!("{known}{}{known}", &strange[..54]),
                "gamma delta",
                1.0,
            ),
            (strange.replace("weather", "river"), "", 1.0),
            ("dogs salad ".repeat(8), "", 0.5),
            (String::new(), "", 1.0),
        ] {
            let focus = focus(&answer, chunk, context);
            assert!((focus - expected).abs() < 1e-9, "{focus}: {answer}");
        }
    }

    #[test]
    fn more_is_due_to_a_chunk_of_many_words_up_to_a_half() {
        let words = |count: usize| -> String {
            let word = |nth: usize| format!("{}{nth:03} ", char::from(b'a' + (nth % 26) as u8));
            (0..count).map(word).collect()
        };
        // Four of 32 words are of the chunk.
        let answer = format!("{}{}", "a000 ".repeat(4), "dogs ".repeat(28));
        for (count, due) in [(50, 0.2), (250, 0.4), (350, 0.5), (900, 0.5)] {
            let focus = focus(&answer, &words(count), &words(900));
            assert!((focus - 0.125 / due).abs() < 1e-9, "{count}: {focus}");
        }
    }

    #[test]
    fn talk_that_fits_any_program_shares_nothing_with_a_source() {
        let evidence = super::super::evidence::Evidence {
            chunk: "def seal(envelope, default=None):\n    check(input, error)\n",
            ..Default::default()
        };
        let index = EvidenceIndex::new(&evidence, Default::default());
        let shared = |answer: &str| wording("What is it?", answer).shared(&index);
        assert!(
            shared("It checks the input, handles errors and keeps the defaults.") < SHARE_BY_CHANCE
        );
        assert!(shared("It seals the envelope.") > SHARE_BY_CHANCE);
        assert_eq!(shared("It is."), SHARE_BY_CHANCE);
    }
}
