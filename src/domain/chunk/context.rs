//! What a reader should know before reading a chunk that begins in the middle of its file.

use super::Chunk;
use super::outline::{Outline, Symbol, SymbolKind, one_line};

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
        told.add(depth, &head(symbol));
    }
    for sibling in siblings(outline, chunk, around.last().copied()) {
        told.add(around.len(), &head(sibling));
    }
    told.text
}

/// The head of a definition, with its name where that stands elsewhere: `typedef struct {` names nothing.
fn head(symbol: &Symbol) -> String {
    let (head, name) = (&symbol.signature, symbol.short_name());
    let is_named = words(name).next().is_none()
        || words(head).any(|word| words(name).any(|part| part == word));
    match is_named || head.ends_with('…') {
        true => head.clone(),
        false if symbol.kind == SymbolKind::Type => {
            format!("{} {name}", head.trim_end_matches([' ', '{']))
        }
        false => String::new(),
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split(|c: char| !c.is_alphanumeric() && c != '_');
    parts.filter(|part| !part.is_empty())
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

/// A text of distinct lines that grows up to a bound.
struct Bounded {
    text: String,
    bytes_max: usize,
}

impl Bounded {
    fn add(&mut self, depth: usize, line: &str) {
        let depth = depth.min(8);
        let fits = !line.is_empty() && self.text.len() + 2 * depth + line.len() < self.bytes_max;
        if fits && !self.text.lines().any(|told| told.trim_start() == line) {
            self.text.push_str(&"  ".repeat(depth));
            self.text.push_str(line);
            self.text.push('\n');
        }
    }
}
