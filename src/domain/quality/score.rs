//! The score: one formula from recorded parts.
//!
//! The value is the product of the parts, each in `[0, 1]`: no virtue makes up for a grave fault, and each part says by itself what it
//! cost. The constants were set with `tests/bench/quality.rs` on true answers with planted errors, and looked at again on answers about other packages.

use super::evidence::EvidenceIndex;
use super::grounding::{ASKED_SUPPORT, Mention, Sort};
use super::markdown::{Document, Piece};
use super::quoting::{self, Quoting};
use super::relevance::{self, Wording};
use super::words;
use super::{repetition, syntax};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What an identifier or file without evidence leaves of a score. Among sixty true answers none had one.
const INVENTED_FACTOR: f64 = 0.5;
/// What an altered quotation leaves. Among sixty true answers none had one.
const ALTERED_FACTOR: f64 = 0.45;
/// What a doubtful one leaves: enough to be kept by default. Of 340 unseen true answers six had one, and of as many subtly wrong twins about twelve.
const DOUBTFUL_FACTOR: f64 = 0.6;
/// What a code block that does not parse leaves.
const UNPARSABLE_FACTOR: f64 = 0.6;
/// What a number without evidence costs that stands where the source has another one.
const NUMBER_COST: f64 = 0.55;
/// All numbers together that stand in place of no other leave at least this: an answer may count, compute and give examples.
const NUMBERS_LEFT: f64 = 0.55;
/// The same, where the question gives an input or the answer an example: its numbers need not stand in the source.
const EXAMPLE_NUMBERS_LEFT: f64 = 0.7;
/// What the number of a line outside the chunk costs.
const LINE_COST: f64 = 0.4;
/// What quoted text without evidence costs; it is often output or an example.
const QUOTE_COST: f64 = 0.15;
/// All quoted texts together leave at least this.
const QUOTES_LEFT: f64 = 0.7;
/// An example's numbers and texts together leave at least this.
const EXAMPLE_LEFT: f64 = 0.6;
/// Values cost this share where the question brings input of its own, from which an answer derives others.
const DERIVED_SHARE: f64 = 0.25;
/// Repeated text costs this many times its share: a tenth said twice is a fault, not a tenth of one.
const REPETITION_COST: f64 = 3.0;
/// What a sentence that is said again, as a whole, leaves at most. Of 674 true answers none says one twice.
const SENTENCE_AGAIN_FACTOR: f64 = 0.4;
/// A name that the question brought or that every program has tells this much of what a new one tells.
const ECHO_WEIGHT: f64 = 0.25;
/// Where an answer names nothing but small numbers, they tell this share: such stand in any source.
const BARE_NUMBERS_SHARE: f64 = 0.5;
/// Numbers up to this one are small.
const SMALL_NUMBER_MAX: f64 = 16.0;
/// All that the question brought tells no more than this together: a long call in a question is still an echo.
const ECHOES_MAX: f64 = 0.75;
/// An input of the question that the answer takes up to follow it through tells this much, and no more than two do.
const INPUT_WEIGHT: f64 = 0.75;
const INPUTS_MAX: usize = 2;
/// An answer in the source's own words tells as much as this many names.
const WORDING_WEIGHT: f64 = 4.0;
/// An answer that takes up no word of its question keeps this much: it may well answer in other words.
const IRRELEVANT_LEFT: f64 = 0.8;

/// What the score is made of; each in `[0, 1]`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Parts {
    /// Mean support of the distinct identifiers and files named, but, where the question brings input of its own, for those of it without evidence, times 0.5 for each without evidence; 1 if none is named.
    /// One that only the rest of the repository has counts 0.1.
    pub names: f64,
    /// Product over distinct numbers (weight 0.55; those that displace none of the source together 0.55 at least, or 0.7 where an example is worked through), line numbers (0.4) and quoted texts (0.15, together 0.7 at least; with an example's numbers 0.6) of `1 - weight * (1 - support)`; those of the question are left out, and
    /// where it brings input of its own the weights are a quarter.
    pub values: f64,
    /// 0.45 for each quotation of the source with another operator, number or name put in, or one of ten tokens and more that differs in few; 0.6 for each shorter
    /// one that differs, for each constant or default given another value, and for each sum that does not come out.
    pub quotes: f64,
    /// 0.6 for each code block that is no quotation and does not parse.
    pub syntax: f64,
    /// `1 - 0.5^n` for the n distinct things of the source that the answer names or quotes, those of the question (0.75 together at most) and
    /// everyday names counting a quarter, numbers up to 16 a half where nothing else is named, 0.75 for each of two inputs of the question's that it takes up, plus 4 times the share of its words (and of eight more, with a share of 0.35) that the source has, beyond 0.35.
    pub substance: f64,
    /// `0.8 + 0.2 * min(1, 4 * share)` for the share of the question's words that the answer takes up.
    pub relevance: f64,
    /// `min(1, share / due)` for the 32 content words in a row of which the question, the chunk and its context have the least share; due are 0.15 and
    /// 0.001 more for each distinct word of the chunk, 0.5 at most.
    pub focus: f64,
    /// `1 - 3 * share` for the share of words in runs of eight that stood before, and 0.4 at most for each sentence said again; 0 where a word stands five times
    /// in a row.
    pub freshness: f64,
    /// `min(1, 2 * (1 - share))` for the share of tokens copied from the source in runs of twelve.
    pub originality: f64,
}

impl Parts {
    /// The formula: the product of the parts.
    pub fn value(&self) -> f64 {
        rounded(self.all().iter().map(|(_, part)| part).product())
    }

    /// The same with nine decimals, which survive being written as JSON and read back.
    fn rounded(self) -> Self {
        Parts {
            names: rounded(self.names),
            values: rounded(self.values),
            quotes: rounded(self.quotes),
            syntax: rounded(self.syntax),
            substance: rounded(self.substance),
            relevance: rounded(self.relevance),
            focus: rounded(self.focus),
            freshness: rounded(self.freshness),
            originality: rounded(self.originality),
        }
    }

    /// The parts with their names.
    pub fn all(&self) -> [(&'static str, f64); 9] {
        [
            ("names", self.names),
            ("values", self.values),
            ("quotes", self.quotes),
            ("syntax", self.syntax),
            ("substance", self.substance),
            ("relevance", self.relevance),
            ("focus", self.focus),
            ("freshness", self.freshness),
            ("originality", self.originality),
        ]
    }
}

/// What the parts are measured on.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The question.
    pub question: &'a str,
    /// The answer.
    pub answer: &'a str,
    /// What it names.
    pub mentions: &'a [Mention<'a>],
    /// How it quotes.
    pub quoting: &'a Quoting,
    /// What it may rest on.
    pub evidence: &'a EvidenceIndex,
    /// Whether the question brings input of its own.
    pub brings_input: bool,
    /// Of these, how many the answer takes up.
    pub inputs_taken: usize,
    /// How many code blocks of the answer's own do not parse.
    pub unparsable: usize,
}

impl Subject<'_> {
    /// Measures every part.
    pub fn measure(&self) -> Parts {
        let said = words::tokens(self.answer);
        let wording = Wording::of(self.question, &said);
        Parts {
            names: self.names(),
            values: self.values(),
            quotes: powered(ALTERED_FACTOR, self.quoting.altered.len())
                * powered(DOUBTFUL_FACTOR, self.quoting.doubtful()),
            syntax: powered(UNPARSABLE_FACTOR, self.unparsable),
            substance: 1.0 - 0.5f64.powf(self.facts(wording.shared(self.evidence))),
            relevance: IRRELEVANT_LEFT + (1.0 - IRRELEVANT_LEFT) * wording.part(),
            focus: wording.focus(self.evidence),
            freshness: self.freshness(),
            originality: (2.0 * (1.0 - repetition::copied_share(&said, self.evidence))).min(1.0),
        }
        .rounded()
    }

    fn freshness(&self) -> f64 {
        if repetition::stutters(self.answer) {
            return 0.0;
        }
        let share = repetition::repeated_share(self.answer);
        let again = powered(
            SENTENCE_AGAIN_FACTOR,
            repetition::repeated_sentences(self.answer),
        );
        (1.0 - REPETITION_COST * share).max(0.0).min(again)
    }

    fn names(&self) -> f64 {
        let supports = best_supports(
            self.mentions
                .iter()
                .filter(|m| matches!(m.sort, Sort::Name | Sort::Common | Sort::File))
                .filter(|m| !self.brings_input || m.support != ASKED_SUPPORT),
        );
        if supports.is_empty() {
            return 1.0;
        }
        let mean = supports.values().sum::<f64>() / supports.len() as f64;
        let invented = supports.values().filter(|support| **support == 0.0).count();
        mean * powered(INVENTED_FACTOR, invented)
    }

    fn values(&self) -> f64 {
        let share = if self.brings_input {
            DERIVED_SHARE
        } else {
            1.0
        };
        let works_example = self.brings_input || self.mentions.iter().any(|m| m.is_example);
        let least = if works_example {
            EXAMPLE_NUMBERS_LEFT
        } else {
            NUMBERS_LEFT
        };
        let numbers = self.supports(Sort::Number);
        let (displacing, others): (Vec<f64>, Vec<f64>) = numbers.partition(|one| *one == 0.0);
        let numbers = left(others, NUMBER_COST * share).max(least);
        let quotes = left(self.supports(Sort::Quote), QUOTE_COST * share).max(QUOTES_LEFT);
        let example = if works_example { EXAMPLE_LEFT } else { 0.0 };
        left(displacing, NUMBER_COST * share)
            * (numbers * quotes).max(example)
            * left(self.supports(Sort::Line), LINE_COST)
    }

    /// The best support of each distinct text of a sort that the question did not bring.
    fn supports(&self, sort: Sort) -> impl Iterator<Item = f64> {
        let own = self.mentions.iter();
        best_supports(own.filter(|m| m.sort == sort && !m.asked)).into_values()
    }

    /// Things of the source that the answer names, each weighed by how much it tells.
    /// `wording` is the share of the answer's words that the source has.
    fn facts(&self, wording: f64) -> f64 {
        let known = self.mentions.iter().filter(|m| m.support > ASKED_SUPPORT);
        let mut told: BTreeMap<&str, &Mention<'_>> = BTreeMap::new();
        told.extend(known.map(|mention| (mention.text, mention)));
        let weigh = |is_echo: bool| {
            let of_sort = told.values().filter(move |m| m.asked == is_echo);
            of_sort.map(move |m| weight(m)).sum::<f64>()
        };
        let is_bare = told
            .values()
            .all(|m| m.asked || m.sort == Sort::Line || is_small_number(m));
        let share = if is_bare { BARE_NUMBERS_SHARE } else { 1.0 };
        weigh(true).min(ECHOES_MAX)
            + share * weigh(false)
            + self.quoting.exact as f64
            + INPUT_WEIGHT * self.inputs_taken.min(INPUTS_MAX) as f64
            + WORDING_WEIGHT * (wording - relevance::SHARE_BY_CHANCE).max(0.0)
    }
}

/// Code blocks that are the answer's own and do not parse.
pub fn unparsable<'a>(document: &Document<'a>, evidence: &EvidenceIndex) -> Vec<&'a str> {
    let broken = document.pieces.iter().filter_map(|piece| match piece {
        Piece::Block { tag, code } => {
            let own = !quoting::is_quotation(code, evidence);
            (own && syntax::parses(tag, code) == Some(false)).then_some(*code)
        }
        _ => None,
    });
    broken.collect()
}

fn is_small_number(mention: &Mention<'_>) -> bool {
    let value = words::number_value(mention.text);
    mention.sort == Sort::Number && value.is_some_and(|value| value <= SMALL_NUMBER_MAX)
}

/// How much a thing of the source that an answer names tells.
fn weight(mention: &Mention<'_>) -> f64 {
    match mention.sort {
        Sort::Line => 0.0,
        _ if mention.asked => ECHO_WEIGHT,
        Sort::Common => ECHO_WEIGHT,
        _ => 1.0,
    }
}

/// Best support of each distinct text, in the order of the texts, so that sums come out the same every time.
fn best_supports<'a>(mentions: impl Iterator<Item = &'a Mention<'a>>) -> BTreeMap<&'a str, f64> {
    let mut best: BTreeMap<&str, f64> = BTreeMap::new();
    for mention in mentions {
        let support = best.entry(mention.text).or_insert(0.0);
        *support = support.max(mention.support);
    }
    best
}

/// What texts of these supports leave, each costing up to `weight`.
fn left(supports: impl IntoIterator<Item = f64>, weight: f64) -> f64 {
    let lefts = supports
        .into_iter()
        .map(|support| 1.0 - weight * (1.0 - support));
    lefts.product()
}

fn rounded(part: f64) -> f64 {
    const DECIMALS: f64 = 1e9;
    (part * DECIMALS).round() / DECIMALS
}

fn powered(factor: f64, times: usize) -> f64 {
    factor.powi(i32::try_from(times).unwrap_or(i32::MAX))
}
