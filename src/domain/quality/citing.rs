//! Where in the file an answer's evidence stands.
//!
//! Owns which lines count: those where the things that the answer names or quotes occur. Prompts show no line numbers, so the lines are
//! found here and not asked of the model.

use super::evidence::EvidenceIndex;
use super::grounding::{Mention, Sort};
use super::markdown::{Document, Piece};
use super::words;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

/// A thing that stands on more lines than this tells little by each; of those, only the line with most else of the answer counts.
const LINES_TELLING_MAX: usize = 3;
/// Lines this near to one another are one range.
const GAP_LINES: u32 = 2;

/// Lines of the source file, from 1, on which an answer of these mentions rests: ascending ranges; none where nothing of the chunk is named.
pub fn evidence_lines(
    document: &Document<'_>,
    mentions: &[Mention<'_>],
    evidence: &EvidenceIndex,
) -> Vec<RangeInclusive<u32>> {
    let mut facts: BTreeMap<&str, BTreeSet<u32>> = BTreeMap::new();
    for mention in mentions.iter().filter(|mention| tells(mention)) {
        let lines = lines_of(mention, evidence);
        facts.entry(mention.text).or_default().extend(lines);
    }
    let quoted = quoted_lines(document, evidence);
    facts.retain(|_, lines| !lines.is_empty());
    let mut weight: BTreeMap<u32, usize> = BTreeMap::new();
    for line in facts.values().flatten().chain(&quoted) {
        *weight.entry(*line).or_default() += 1;
    }
    let mut lines = quoted;
    for places in facts.values() {
        if places.len() <= LINES_TELLING_MAX {
            lines.extend(places);
        } else {
            lines.extend(places.iter().max_by_key(|&line| (weight[line], !line)));
        }
    }
    ranges(&lines, evidence.first_line())
}

fn tells(mention: &Mention<'_>) -> bool {
    mention.support > 0.0 && matches!(mention.sort, Sort::Name | Sort::Number | Sort::Quote)
}

fn lines_of(mention: &Mention<'_>, evidence: &EvidenceIndex) -> BTreeSet<u32> {
    let lines: BTreeSet<u32> = match (mention.sort, words::number_value(mention.text)) {
        (Sort::Number, Some(value)) => evidence.number(value).collect(),
        (Sort::Quote, _) => {
            let run = words::token_hashes(mention.text);
            evidence.run_lines(&run).collect()
        }
        _ => evidence.lines_of(words::hash(mention.text)).collect(),
    };
    in_chunk(lines, evidence)
}

/// Lines where code spans and lines of code blocks stand as they are.
fn quoted_lines(document: &Document<'_>, evidence: &EvidenceIndex) -> BTreeSet<u32> {
    /// A shorter run is a name and not a quotation.
    const TOKENS_MIN: usize = 3;
    let code = document.pieces.iter().flat_map(|piece| match piece {
        Piece::Span(code) | Piece::Block { code, .. } => code.lines(),
        Piece::Prose(_) => "".lines(),
    });
    let runs = code
        .map(words::token_hashes)
        .filter(|run| run.len() >= TOKENS_MIN);
    let lines = runs.flat_map(|run| {
        let found: BTreeSet<u32> = evidence.run_lines(&run).collect();
        let telling = found.len() <= LINES_TELLING_MAX;
        if telling { found } else { BTreeSet::new() }
    });
    in_chunk(lines.collect(), evidence)
}

fn in_chunk(mut lines: BTreeSet<u32>, evidence: &EvidenceIndex) -> BTreeSet<u32> {
    let count = u32::try_from(evidence.line_count()).unwrap_or(u32::MAX);
    lines.split_off(&count);
    lines
}

fn ranges(lines: &BTreeSet<u32>, first_line: usize) -> Vec<RangeInclusive<u32>> {
    let first = u32::try_from(first_line).unwrap_or(u32::MAX);
    let mut ranges: Vec<RangeInclusive<u32>> = Vec::new();
    for line in lines.iter().map(|line| first.saturating_add(*line)) {
        match ranges.last_mut() {
            Some(last) if line - last.end() <= GAP_LINES => *last = *last.start()..=line,
            _ => ranges.push(line..=line),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::super::evidence::Evidence;
    use super::super::examined::Examined;
    use super::*;

    #[test]
    fn the_lines_are_those_where_what_is_named_stands() {
        let chunk = "import time\n\nMAX_TRIES = 5\n\n\ndef fetch(url):\n    for n in range(MAX_TRIES):\n        try_once(url)\n\n\n\n\
                     def other(url):\n    return url\n    url()\n    url()\n";
        let evidence = Evidence {
            chunk,
            first_line: 101,
            context: "from_context = 77",
            ..Evidence::default()
        };
        let index = EvidenceIndex::new(&evidence, Default::default());
        for (answer, lines) in [
            ("It is 5 by `MAX_TRIES`.", vec![103..=103, 107..=107]),
            ("`def fetch(url)` calls `try_once`.", vec![106..=108]),
            ("A `url` goes to `other`.", vec![112..=112]),
            ("```python\n    url()\n    url()\n```", vec![114..=115]),
            ("`from_context` is 77.", vec![]),
            ("Nothing is named.", vec![]),
        ] {
            let examined = Examined::of("What?", answer, Document::parse(answer), &index);
            assert_eq!(examined.evidence_lines(), lines, "{answer}");
        }
    }
}
