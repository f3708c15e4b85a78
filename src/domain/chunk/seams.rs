//! The packer: given the price of every place a text may be cut at, the cheapest set of chunks within the budget.
//!
//! Dynamic programming over the places, left to right: the price of a layout is what its chunks and its cuts cost. A chunk
//! costs something by itself (each means more model calls) and more when it is nearly empty, so small neighbours
//! merge, and a cut inside an item is made only when it saves more than it spoils.

use std::ops::Range;

use super::lines::Lines;
use super::price::MID_LINE;

/// What a chunk costs, against the prices in [`super::price`]: one more chunk is preferred to a cut inside a function.
const CHUNK: u64 = 12;
/// What an empty chunk would cost on top; falls with the square of how full it is.
const WASTE: u64 = 12;
/// Places kept per budget. Bounds the work to about `2 * GRAINS` steps a place whatever the input.
const GRAINS: usize = 128;

/// A place where the text may be cut.
#[derive(Debug, Clone, Copy)]
struct Seam {
    at: usize,
    price: u32,
}

/// The chunks of `text`: non-empty, in order, without gaps, none above `bytes_max` (at least one character each).
/// `prices` holds the price of cutting before each line.
pub(super) fn pack(
    text: &str,
    lines: &Lines,
    prices: &[u32],
    bytes_max: usize,
) -> Vec<Range<usize>> {
    let bytes_max = bytes_max.max(4);
    let seams = thin(
        all_seams(text, lines, prices, bytes_max),
        bytes_max / GRAINS,
    );
    let came_from = cheapest(&seams, bytes_max as u64);
    let mut chunks = Vec::new();
    let mut last = seams.len() - 1;
    while last > 0 {
        let first = came_from[last];
        chunks.push(seams[first].at..seams[last].at);
        last = first;
    }
    chunks.reverse();
    chunks
}

/// Every line start, both ends of the text, and places inside lines that no budget could hold.
fn all_seams(text: &str, lines: &Lines, prices: &[u32], bytes_max: usize) -> Vec<Seam> {
    let mut seams = Vec::with_capacity(prices.len() + 1);
    for (line, &price) in prices.iter().enumerate() {
        let range = lines.range(line);
        seams.push(Seam {
            at: range.start,
            price,
        });
        let mut at = range.start;
        while range.end - at > bytes_max {
            at = text.floor_char_boundary(at + bytes_max);
            seams.push(Seam {
                at,
                price: MID_LINE,
            });
        }
    }
    seams.push(Seam {
        at: text.len(),
        price: 0,
    });
    seams
}

/// Keeps the cheapest place of every `grain` bytes, and both sides of every gap wider than that. Two kept neighbours are
/// therefore at most two grains apart, or as far as the input already had them.
fn thin(seams: Vec<Seam>, grain: usize) -> Vec<Seam> {
    if grain < 2 {
        return seams;
    }
    let mut kept: Vec<Seam> = Vec::new();
    let mut free_to_replace = false;
    for (index, &seam) in seams.iter().enumerate() {
        let is_end = index == 0 || index + 1 == seams.len();
        let wide_before = index > 0 && seam.at - seams[index - 1].at > grain;
        let wide_after = seams
            .get(index + 1)
            .is_some_and(|next| next.at - seam.at > grain);
        let must_stay = is_end || wide_before || wide_after;
        match kept.last_mut() {
            Some(last) if free_to_replace && !must_stay && last.at / grain == seam.at / grain => {
                if seam.price < last.price {
                    *last = seam;
                }
            }
            _ => {
                kept.push(seam);
                free_to_replace = !must_stay;
            }
        }
    }
    kept
}

/// For every place the start of the last chunk of the cheapest layout that ends there.
fn cheapest(seams: &[Seam], bytes_max: u64) -> Vec<usize> {
    let mut totals = vec![0u64; seams.len()];
    let mut came_from = vec![0; seams.len()];
    let mut first = 0;
    for last in 1..seams.len() {
        while first + 1 < last && (seams[last].at - seams[first].at) as u64 > bytes_max {
            first += 1;
        }
        let total = |from: usize| {
            totals[from] + chunk_price((seams[last].at - seams[from].at) as u64, bytes_max)
        };
        let best = (first..last)
            .min_by_key(|&from| total(from))
            .unwrap_or(first);
        totals[last] = total(best) + u64::from(seams[last].price);
        came_from[last] = best;
    }
    came_from
}

fn chunk_price(bytes: u64, bytes_max: u64) -> u64 {
    let free = bytes_max.saturating_sub(bytes);
    CHUNK + WASTE * free * free / (bytes_max * bytes_max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed<'a>(text: &'a str, prices: &[u32], bytes_max: usize) -> Vec<&'a str> {
        let lines = Lines::of(text);
        let ranges = pack(text, &lines, prices, bytes_max);
        ranges.into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn cuts_where_it_is_cheapest_and_merges_small_neighbours() {
        let text = "aa\nbb\ncc\ndd\nee\n";
        assert_eq!(
            packed(text, &[0, 90, 0, 90, 0], 9),
            ["aa\nbb\n", "cc\ndd\nee\n"]
        );
        assert_eq!(
            packed(text, &[0, 0, 0, 0, 0], 6),
            ["aa\n", "bb\ncc\n", "dd\nee\n"]
        );
        assert_eq!(packed(text, &[0, 0, 0, 0, 0], 99), [text]);
    }

    #[test]
    fn lines_over_the_budget_are_cut_between_characters() {
        assert_eq!(packed("ééééé\nx\n", &[0, 0], 4), ["éé", "éé", "é\n", "x\n"]);
        assert_eq!(packed("🦀🦀", &[0], 1), ["🦀", "🦀"]);
    }
}
