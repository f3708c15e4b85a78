//! What a reader should know before reading a chunk that begins in the middle of its file.

use super::Chunk;
use super::outline::{Outline, Symbol, one_line};

/// Shares of the context that imports may take; signatures take the rest.
const IMPORT_SHARE: usize = 3;
const LINE_CHARS_MAX: usize = 160;

/// The file's imports, the heads of the definitions around the chunk, and those of its neighbours, each where it does not stand in
/// the chunk itself: at most `bytes_max` bytes, whole lines, empty when there is nothing to tell.
pub fn context(text: &str, outline: &Outline, chunk: &Chunk, bytes_max: usize) -> String {
    let mut told = Bounded {
        text: String::new(),
        bytes_max: bytes_max / IMPORT_SHARE,
    };
    for import in &outline.imports {
        if !chunk.range.contains(&import.start) {
            told.add(
                0,
                &one_line(text.get(import.clone()).unwrap_or_default(), LINE_CHARS_MAX),
            );
        }
    }
    told.bytes_max = bytes_max;
    let around = outline.around(&chunk.range);
    for (depth, symbol) in around.iter().enumerate() {
        told.add(depth, &symbol.signature);
    }
    for sibling in siblings(outline, chunk, around.last().copied()) {
        told.add(around.len(), &sibling.signature);
    }
    told.text
}

/// The members of what is around the chunk, nearest first in reading order from the chunk outwards.
fn siblings<'a>(outline: &'a Outline, chunk: &Chunk, holder: Option<&Symbol>) -> Vec<&'a Symbol> {
    let holder_at =
        holder.and_then(|holder| outline.symbols.iter().position(|symbol| symbol == holder));
    let is_outside = |symbol: &&Symbol| {
        symbol.parent == holder_at
            && (symbol.range.end <= chunk.range.start || symbol.range.start >= chunk.range.end)
    };
    let mut found: Vec<&Symbol> = outline.symbols.iter().filter(is_outside).collect();
    found.sort_by_key(|symbol| symbol.range.start.abs_diff(chunk.range.start));
    found
}

/// A text that grows line by line up to a bound.
struct Bounded {
    text: String,
    bytes_max: usize,
}

impl Bounded {
    fn add(&mut self, depth: usize, line: &str) {
        let depth = depth.min(8);
        if !line.is_empty() && self.text.len() + 2 * depth + line.len() < self.bytes_max {
            self.text.push_str(&"  ".repeat(depth));
            self.text.push_str(line);
            self.text.push('\n');
        }
    }
}
