//! Cuts a source file into chunks a model can take, and tells what each chunk holds.
//!
//! Owns where a file may be cut, the outline of its definitions, and the context that stands before a chunk. It must not know
//! models, prompts or files on disk: text and a byte budget come in, byte ranges go out.
//!
//! Every splitter (syntax, headings, blank lines) only puts a price on cutting before each line (`price`); one packer (`seams`)
//! then finds the cheapest way to cut that keeps every chunk within the budget. That is why the promises hold for all languages,
//! broken and hostile input included: chunks cover the file, do not overlap, and begin at line starts.

mod budget;
mod context;
mod grammar;
mod headings;
mod lines;
mod outline;
mod price;
mod reader;
mod roles;
mod seams;
mod walk;

pub use budget::{BytesPerToken, chunk_bytes_max};
pub use context::context;
pub use grammar::{STACK_BYTES, parse_here};
pub use outline::{Outline, Symbol, SymbolKind};

use std::ops::{Range, RangeInclusive};

use lines::Lines;

/// A byte range of a source file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Bytes of the text, at character boundaries.
    pub range: Range<usize>,
    /// First and last line it touches, counted from 1.
    pub lines: RangeInclusive<u32>,
}

impl Chunk {
    /// The chunk at a byte range of `text`; `None` when the range is empty, outside the text, or cuts a character.
    pub fn at(text: &str, range: Range<usize>) -> Option<Chunk> {
        let is_inside = range.start < range.end && text.get(range.clone()).is_some();
        is_inside.then(|| chunk(&Lines::of(text), range))
    }
}

/// Chunks of `text` of at most `bytes_max` bytes each: in order, without gaps or overlap, cut at line starts (within a line only
/// where the line alone is longer than `bytes_max`). A text that fits is one chunk and is not parsed; an empty one has none.
/// `language` is linguist's name for it.
pub fn split(text: &str, language: &str, bytes_max: usize) -> Vec<Chunk> {
    if text.len() <= bytes_max {
        return whole(text);
    }
    Layout::of(text, language).split(text, bytes_max)
}

/// What one parse of a file tells: where to cut it, and what it defines. Cutting again with another budget costs no parse.
#[derive(Debug, Clone)]
pub struct Layout {
    /// The file's definitions and imports.
    pub outline: Outline,
    prices: Vec<u32>,
}

impl Layout {
    /// Reads `text` by its grammar, by the rules of Markdown, or by blank lines and indentation when there is no grammar or the
    /// grammar gives up.
    pub fn of(text: &str, language: &str) -> Self {
        let lines = Lines::of(text);
        let (mut prices, outline) = if headings::is_markdown(language) {
            (headings::prices(&lines), Outline::of_headings(&lines))
        } else if let Some(walked) = walk::by_syntax(text, language, lines.count()) {
            walked
        } else {
            (price::by_indentation(&lines), Outline::default())
        };
        price::add_text_signs(&lines, &mut prices);
        Layout { outline, prices }
    }

    /// As [`split`], for the text this layout was read from.
    pub fn split(&self, text: &str, bytes_max: usize) -> Vec<Chunk> {
        if text.len() <= bytes_max {
            return whole(text);
        }
        let lines = Lines::of(text);
        let ranges = seams::pack(text, &lines, &self.prices, bytes_max);
        ranges
            .into_iter()
            .map(|range| chunk(&lines, range))
            .collect()
    }
}

fn whole(text: &str) -> Vec<Chunk> {
    if text.is_empty() {
        return Vec::new();
    }
    vec![chunk(&Lines::of(text), 0..text.len())]
}

fn chunk(lines: &Lines, range: Range<usize>) -> Chunk {
    let number = |byte: usize| u32::try_from(lines.at(byte) + 1).unwrap_or(u32::MAX);
    Chunk {
        lines: number(range.start)..=number(range.end - 1),
        range,
    }
}

#[cfg(test)]
mod tests;
