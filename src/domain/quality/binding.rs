//! Numbers belong to what their sentence speaks of: one that stands elsewhere in the source bears nothing out.
//!
//! Owns the distance, in lines of the source, between a number and the names beside it in an answer.

use super::arithmetic;
use super::bounds;
use super::evidence::EvidenceIndex;
use super::grounding::{Mention, Sort, UNKNOWN_SUPPORT};
use super::prose;
use super::widths;
use super::words;
use std::collections::{BTreeMap, BTreeSet};

/// Support of a number that stands this many lines from the nearest name of its sentence. In true answers nine numbers in ten that the
/// source has stand within one line of such a name; of numbers changed at random that the source also has, fewer than half.
fn near_support(lines: u32) -> f64 {
    match lines {
        0..=1 => 1.0,
        2..=3 => 0.85,
        4..=6 => 0.65,
        _ => 0.5,
    }
}

/// Support of a number that the answer computes from others.
const COMPUTED_SUPPORT: f64 = 0.9;
/// Support of the other side of a bound, and of the width of a type.
const BOUND_SUPPORT: f64 = 0.7;
/// Numbers up to this one stand for themselves: first, none, one, both.
const SMALL_MAX: f64 = 2.0;
/// Support of a small number, at least, that the source has somewhere.
const SMALL_SUPPORT: f64 = 0.85;
/// A number told so many sentences away, at most, is the one beside the name; another one there is another number.
const TOLD_SENTENCES: usize = 1;
/// A name that stands on more lines binds no number.
const LINES_BINDING_MAX: usize = 6;

/// Sets the support of every number by how near it stands, in the source, to the names of its sentence or of the one before, or to
/// others of its sentence; or by what it is computed from, bounds, or is the width of. Versions and addresses, which have no value, are only known or not.
/// `shown` are the numbers of sums that the answer writes out and that come out, `in_words` those that it tells in words.
pub fn bind_numbers(
    found: &mut [Mention<'_>],
    question: &str,
    shown: &[f64],
    in_words: &[f64],
    evidence: &EvidenceIndex,
) {
    if found.iter().all(|m| m.sort != Sort::Number) {
        return;
    }
    let anchors = lines_by_sentence(found, evidence);
    let company = rare_numbers(found, evidence);
    let at_hand = AtHand::of(found, question, shown, in_words, evidence);
    let together = together(found, evidence);
    for mention in found.iter_mut().filter(|m| m.sort == Sort::Number) {
        let Some(value) = words::number_value(mention.text) else {
            let unknown = UNKNOWN_SUPPORT.max(mention.excuse);
            mention.support = mention.support.max(unknown);
            continue;
        };
        let near = if mention.lacks_sign {
            None
        } else if together.contains(&(mention.sentence, value.to_bits())) {
            Some(1.0)
        } else {
            nearness(mention, value, &anchors, &company, evidence)
        };
        let unbound = || {
            if at_hand.displaces(mention, value) || at_hand.has_beside(mention, value) {
                0.0
            } else {
                UNKNOWN_SUPPORT
            }
        };
        let own = near.unwrap_or_else(|| match mention.support {
            0.0 => unbound(),
            known => known,
        });
        let computed = if own < COMPUTED_SUPPORT && at_hand.gives(mention, value) {
            COMPUTED_SUPPORT
        } else {
            0.0
        };
        let is_bound = || bounds::is_bound(value, evidence) || widths::is_width(value, evidence);
        let bound = if own < BOUND_SUPPORT && mention.may_bound && is_bound() {
            BOUND_SUPPORT
        } else {
            0.0
        };
        mention.support = own.max(computed).max(bound).max(mention.excuse);
    }
}

/// How near a number stands to what its sentence names; `None` where the source has no such number, or the sentence names nothing.
fn nearness(
    mention: &Mention<'_>,
    value: f64,
    anchors: &BTreeMap<usize, Vec<u32>>,
    company: &[RareNumber],
    evidence: &EvidenceIndex,
) -> Option<f64> {
    let before = mention
        .sentence
        .checked_sub(1)
        .and_then(|s| anchors.get(&s));
    let lines = anchors.get(&mention.sentence).or(before)?;
    let to_names = evidence
        .number(value)
        .map(|line| distance(lines, line))
        .min();
    let others = company
        .iter()
        .filter(|n| n.sentence == mention.sentence && n.text != mention.text);
    let to_numbers = others
        .flat_map(|n| evidence.number(value).map(|line| line.abs_diff(n.line)))
        .min();
    let nearest = to_names?.min(to_numbers.unwrap_or(u32::MAX));
    let least = if value <= SMALL_MAX {
        SMALL_SUPPORT
    } else {
        0.0
    };
    Some(near_support(nearest).max(least))
}

/// The numbers that an answer may reckon with.
struct AtHand {
    /// Of the question, and of examples of the answer's own.
    given: Vec<f64>,
    /// Of the answer, each with its sentence.
    said: Vec<(usize, f64)>,
    /// What the question counts in words.
    asked_in_words: Vec<f64>,
    /// What the answer counts in words.
    in_words: Vec<f64>,
    source: Vec<f64>,
    /// Whether the source shifts the number one, `1 << n`.
    shifts_one: bool,
    /// Numbers that stand in the source beside the rarer names of a sentence.
    beside: BTreeMap<usize, Vec<f64>>,
}

impl AtHand {
    fn of(
        found: &[Mention<'_>],
        question: &str,
        shown: &[f64],
        in_words: &[f64],
        evidence: &EvidenceIndex,
    ) -> Self {
        let value = |text: &str| words::number_value(text);
        let asked = words::each_token(question);
        let mut given: Vec<f64> = asked.filter_map(|t| value(t.text)).collect();
        let numbers = || found.iter().filter(|m| m.sort == Sort::Number);
        given.extend(
            numbers()
                .filter(|m| m.excuse > UNKNOWN_SUPPORT || m.excuse > 0.0 && !m.is_example)
                .filter_map(|m| value(m.text)),
        );
        given.extend(shown);
        let mut beside: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
        for name in found.iter().filter(|m| m.sort == Sort::Name) {
            let lines: Vec<u32> = evidence.lines_of(words::hash(name.text)).collect();
            if lines.len() <= LINES_BINDING_MAX {
                let around = lines
                    .iter()
                    .flat_map(|line| line.saturating_sub(1)..=line + 1);
                let numbers = around.flat_map(|line| evidence.numbers_on(line));
                beside.entry(name.sentence).or_default().extend(numbers);
            }
        }
        AtHand {
            given,
            said: numbers()
                .filter_map(|m| Some((m.sentence, value(m.text)?)))
                .collect(),
            asked_in_words: words::each_token(question)
                .filter_map(|t| prose::number_of_word(t.text))
                .collect(),
            in_words: in_words.to_vec(),
            source: evidence.numbers().collect(),
            shifts_one: evidence.follows(words::hash("1"), words::hash("<<")),
            beside,
        }
    }

    /// Whether a value is given, or computed from what is given, from its own sentence and the one before, or from the source.
    fn gives(&self, mention: &Mention<'_>, value: f64) -> bool {
        let near = |sentence: usize| mention.sentence.abs_diff(sentence) <= 1;
        let mut said: Vec<f64> = self
            .said
            .iter()
            .filter(|(s, _)| near(*s))
            .map(|(_, n)| *n)
            .collect();
        said.extend(&self.given);
        said.retain(|other| *other != value);
        self.given.contains(&value)
            || self.asked_in_words.contains(&value)
            || arithmetic::follows_from_said(arithmetic::Written::of(mention.text, value), &said)
            || arithmetic::is_double_or_half(value, &said)
            || arithmetic::is_in_unit(value, mention.unit, &self.source)
            || arithmetic::is_in_unit(value, mention.unit, &said)
            || arithmetic::is_share(
                arithmetic::Written::of(mention.text, value),
                mention.unit,
                &said,
            )
            || arithmetic::is_sum_of(value, &said)
            || arithmetic::is_converted(value, &said)
            || arithmetic::is_product_of(value, &self.source)
            || arithmetic::is_limit(value, &self.source)
            || arithmetic::is_end_of(mention.text, value, &self.source)
            || arithmetic::is_last_of(value, &said)
            || arithmetic::is_magnitude(value, &self.source)
            || self.shifts_one && arithmetic::is_shifted(value, &self.source)
    }

    /// Whether a number whose sign the source has not stands, without it, beside a name of its sentence.
    fn has_beside(&self, mention: &Mention<'_>, value: f64) -> bool {
        let beside = self.beside.get(&mention.sentence);
        mention.lacks_sign && beside.is_some_and(|numbers| numbers.contains(&value))
    }

    /// Whether a number that the source has not stands where another one should: the source has a number beside a name of its sentence, or
    /// one that is nearly the same, and the answer does not tell that one nearby.
    fn displaces(&self, mention: &Mention<'_>, value: f64) -> bool {
        let untold = |number: &f64| {
            let is_told = |(sentence, said): &(usize, f64)| {
                said == number && sentence.abs_diff(mention.sentence) <= TOLD_SENTENCES
            };
            *number != value && !self.said.iter().any(is_told) && !self.in_words.contains(number)
        };
        let before = mention
            .sentence
            .checked_sub(1)
            .and_then(|s| self.beside.get(&s));
        let beside = self.beside.get(&mention.sentence).or(before);
        let near_miss = |number: &&f64| arithmetic::is_near_miss(value, **number);
        beside.is_some_and(|numbers| numbers.iter().any(untold))
            || self.source.iter().filter(near_miss).any(untold)
    }
}

/// Numbers, each with its sentence, that the source has on one line with two others of that sentence.
fn together(found: &[Mention<'_>], evidence: &EvidenceIndex) -> BTreeSet<(usize, u64)> {
    const TOGETHER_MIN: usize = 3;
    let mut sentences: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    for mention in found.iter().filter(|m| m.sort == Sort::Number) {
        let values = sentences.entry(mention.sentence).or_default();
        values.extend(words::number_value(mention.text));
    }
    let mut together = BTreeSet::new();
    for (sentence, values) in sentences.iter().filter(|(_, v)| v.len() >= TOGETHER_MIN) {
        let mut on_line: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
        for value in values {
            let mut lines: Vec<u32> = evidence.number(*value).collect();
            lines.dedup();
            for line in lines {
                on_line.entry(line).or_default().push(value.to_bits());
            }
        }
        let met = on_line
            .into_values()
            .filter(|all| all.len() >= TOGETHER_MIN);
        together.extend(met.flatten().map(|bits| (*sentence, bits)));
    }
    together
}

/// A number of the answer that stands in one place of the source only.
struct RareNumber {
    text: String,
    sentence: usize,
    line: u32,
}

fn rare_numbers(found: &[Mention<'_>], evidence: &EvidenceIndex) -> Vec<RareNumber> {
    let only_line = |mention: &Mention<'_>| {
        let mut lines = evidence.number(words::number_value(mention.text)?);
        lines.next().filter(|_| lines.next().is_none())
    };
    let numbers = found.iter().filter(|m| m.sort == Sort::Number);
    let rare = numbers.filter_map(|m| only_line(m).map(|line| (m, line)));
    rare.map(|(m, line)| RareNumber {
        text: m.text.to_owned(),
        sentence: m.sentence,
        line,
    })
    .collect()
}

/// Sorted lines where the names of each sentence stand, and the rarer of those that every program has; sentences without any are left out.
fn lines_by_sentence(found: &[Mention<'_>], evidence: &EvidenceIndex) -> BTreeMap<usize, Vec<u32>> {
    let mut lines: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
    for mention in found.iter().filter(|m| m.support > 0.0) {
        let most = match mention.sort {
            Sort::Name => usize::MAX,
            Sort::Common => LINES_BINDING_MAX,
            _ => 0,
        };
        let places: Vec<u32> = evidence
            .lines_of(words::hash(mention.text))
            .take(most.saturating_add(1))
            .collect();
        if places.len() <= most {
            lines.entry(mention.sentence).or_default().extend(places);
        }
    }
    lines.retain(|_, places| !places.is_empty());
    lines.values_mut().for_each(|places| places.sort_unstable());
    lines
}

/// Distance from a line to the nearest of the sorted ones.
fn distance(sorted: &[u32], line: u32) -> u32 {
    let at = sorted.partition_point(|&other| other < line);
    let neighbours = [at.checked_sub(1), Some(at)]
        .into_iter()
        .flatten()
        .filter_map(|i| sorted.get(i));
    neighbours
        .map(|other| other.abs_diff(line))
        .min()
        .unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::evidence::Evidence;
    use super::super::grounding;
    use super::super::markdown::Document;
    use super::*;

    #[test]
    fn a_number_belongs_to_what_its_sentence_names() {
        let filler = "\n".repeat(20);
        let chunk =
            format!("LIMIT = 32\n{filler}delay=-5\n{filler}WIDTH = 77\nlow = 48\nhigh = 57\n");
        let index = EvidenceIndex::new(
            &Evidence {
                chunk: &chunk,
                ..Evidence::default()
            },
            Default::default(),
        );
        let support = |answer: &str, number: &str| {
            let document = Document::parse(answer);
            let found = grounding::mentions(&document, "What?", &[], &Default::default(), &index);
            found.iter().find(|m| m.text == number).unwrap().support
        };
        assert_eq!(support("`LIMIT` is 32.", "32"), 1.0);
        assert_eq!(support("`LIMIT` is 77.", "77"), near_support(u32::MAX));
        assert_eq!(support("`LIMIT` is 33.", "33"), 0.0);
        assert_eq!(
            support("`LIMIT` is 32, which is 33.", "33"),
            UNKNOWN_SUPPORT
        );
        assert_eq!(support("Call `f(33)`: `LIMIT` is below 33.", "33"), 0.9);
        assert_eq!(
            support("Between `low` and `high` lie 48 and 57, in all 105.", "105"),
            COMPUTED_SUPPORT
        );
        assert_eq!(support("Of `LIMIT`. It is 32.", "32"), 1.0);
        assert_eq!(support("`LIMIT` goes from 48 to 57.", "57"), 1.0);
        assert_eq!(support("`LIMIT` is 7.", "7"), 0.0);
        let document = Document::parse("`LIMIT` is 7.");
        let asked = "How are seven lines laid out?";
        let found = grounding::mentions(&document, asked, &[], &Default::default(), &index);
        assert_eq!(found[1].support, COMPUTED_SUPPORT);
        assert_eq!(support("It is 77.", "77"), 1.0);
        for (answer, number, least) in [
            ("`LIMIT` is -32.", "32", 0.0),
            ("`LIMIT` is at -5.", "5", near_support(u32::MAX)),
            ("`delay` is `-5`.", "5", 1.0),
            ("`delay` is -5.", "5", 1.0),
        ] {
            assert_eq!(support(answer, number), least, "{answer}");
        }
    }
}
