//! Numbers belong to what their sentence speaks of: one that stands elsewhere in the source bears nothing out.
//!
//! Owns the distance, in lines of the source, between a number and the names beside it in an answer.

use super::evidence::EvidenceIndex;
use super::grounding::{Mention, Sort};
use super::words;
use std::collections::HashMap;

/// Support of a number that stands this many lines from the nearest name of its sentence. In true answers nine numbers in ten that the
/// source has stand within one line of such a name; of numbers changed at random that the source also has, fewer than half.
fn near_support(lines: u32) -> f64 {
    match lines {
        0..=1 => 1.0,
        2..=3 => 0.8,
        4..=6 => 0.5,
        _ => 0.3,
    }
}

/// Sets the support of every number by how near it stands, in the source, to the names of its sentence or of the one before, or to
/// another number of its sentence.
pub fn bind_numbers(found: &mut [Mention<'_>], evidence: &EvidenceIndex) {
    let anchors = lines_by_sentence(found, evidence);
    let company = rare_numbers(found, evidence);
    for mention in found.iter_mut().filter(|m| m.sort == Sort::Number) {
        let Some(value) = words::number_value(mention.text) else {
            continue;
        };
        let before = mention
            .sentence
            .checked_sub(1)
            .and_then(|s| anchors.get(&s));
        let Some(lines) = anchors.get(&mention.sentence).or(before) else {
            continue;
        };
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
        let nearest = to_names.map(|lines| lines.min(to_numbers.unwrap_or(u32::MAX)));
        mention.support = nearest.map_or(0.0, near_support);
    }
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

/// Sorted lines where the names of each sentence stand; sentences without such names are left out.
fn lines_by_sentence(found: &[Mention<'_>], evidence: &EvidenceIndex) -> HashMap<usize, Vec<u32>> {
    let mut lines: HashMap<usize, Vec<u32>> = HashMap::new();
    for mention in found
        .iter()
        .filter(|m| m.sort == Sort::Name && m.support > 0.0)
    {
        let places = evidence.lines_of(words::hash(mention.text));
        lines.entry(mention.sentence).or_default().extend(places);
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
        let chunk = format!("LIMIT = 32\n{filler}WIDTH = 77\nlow = 48\nhigh = 57\n");
        let index = EvidenceIndex::new(
            &Evidence {
                chunk: &chunk,
                ..Evidence::default()
            },
            Default::default(),
        );
        let support = |answer: &str, number: &str| {
            let document = Document::parse(answer);
            let found = grounding::mentions(&document, "What?", &index);
            found.iter().find(|m| m.text == number).unwrap().support
        };
        assert_eq!(support("`LIMIT` is 32.", "32"), 1.0);
        assert_eq!(support("`LIMIT` is 77.", "77"), near_support(u32::MAX));
        assert_eq!(support("`LIMIT` is 33.", "33"), 0.0);
        assert_eq!(support("Of `LIMIT`. It is 32.", "32"), 1.0);
        assert_eq!(support("`LIMIT` goes from 48 to 57.", "57"), 1.0);
        assert_eq!(support("It is 77.", "77"), 1.0);
    }
}
