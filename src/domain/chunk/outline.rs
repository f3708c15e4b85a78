//! What a file defines and imports, and where in it a byte range stands.

use std::ops::{Range, RangeInclusive};

use super::headings::{headings, plain};
use super::lines::Lines;

/// What a symbol is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SymbolKind {
    /// A function or method.
    Function,
    /// A class, record or object.
    Class,
    /// A structure or union.
    Struct,
    /// An enumeration.
    Enum,
    /// A trait.
    Trait,
    /// An interface or protocol.
    Interface,
    /// An implementation block.
    Impl,
    /// A module or namespace.
    Module,
    /// A type alias.
    Type,
    /// A macro.
    Macro,
    /// A constant or a variable of the whole file.
    Constant,
    /// A heading.
    Section,
}

impl SymbolKind {
    /// The word for it, language-neutral.
    pub fn as_str(self) -> &'static str {
        match self {
            SymbolKind::Function => "function",
            SymbolKind::Class => "class",
            SymbolKind::Struct => "struct",
            SymbolKind::Enum => "enum",
            SymbolKind::Trait => "trait",
            SymbolKind::Interface => "interface",
            SymbolKind::Impl => "impl",
            SymbolKind::Module => "module",
            SymbolKind::Type => "type",
            SymbolKind::Macro => "macro",
            SymbolKind::Constant => "constant",
            SymbolKind::Section => "section",
        }
    }

    /// Whether it has members that stand alone.
    pub fn holds_members(self) -> bool {
        use SymbolKind::*;
        matches!(self, Class | Trait | Interface | Impl | Module | Section)
    }
}

/// A definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symbol {
    /// What it is.
    pub kind: SymbolKind,
    /// Its name as written, qualified where the source does so: `get`, `Router.Handle`, `Foo::bar`, `Display for Error`.
    pub name: String,
    /// Its head on one line, at most 160 characters: everything before the body.
    pub signature: String,
    /// Its bytes.
    pub range: Range<usize>,
    /// Its first and last line, counted from 1.
    pub lines: RangeInclusive<u32>,
    /// Index of the symbol it is a member of.
    pub parent: Option<usize>,
}

impl Symbol {
    /// The last part of its name: `Handle` of `Router.Handle`.
    pub fn short_name(&self) -> &str {
        let cut = self.name.rfind(['.', ':', '\\']).map_or(0, |at| at + 1);
        &self.name[cut..]
    }
}

/// The definitions and imports of a file, in order of appearance. Empty for a language without a grammar.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outline {
    /// Definitions; at most 4096, members after the symbol they belong to.
    pub symbols: Vec<Symbol>,
    /// Byte ranges of import statements; at most 256.
    pub imports: Vec<Range<usize>>,
}

pub(super) const SYMBOLS_MAX: usize = 4096;
pub(super) const IMPORTS_MAX: usize = 256;
pub(super) const NAME_CHARS_MAX: usize = 100;
pub(super) const SIGNATURE_CHARS_MAX: usize = 160;

impl Outline {
    /// The outline of `text`; `language` is linguist's name for it. [`super::Layout::of`] reads it along with the places to cut at.
    pub fn of(text: &str, language: &str) -> Self {
        super::Layout::of(text, language).outline
    }

    pub(super) fn of_headings(lines: &Lines) -> Self {
        let mut reader = Outline::default();
        let found = headings(lines);
        let mut open: Vec<(u32, usize)> = Vec::new();
        for (index, heading) in found.iter().enumerate().take(SYMBOLS_MAX) {
            open.retain(|&(level, _)| level < heading.level);
            let name = one_line(&plain(heading.title), NAME_CHARS_MAX);
            if name.is_empty() {
                continue;
            }
            let next = found[index + 1..]
                .iter()
                .find(|next| next.level <= heading.level);
            let last = next.map_or(lines.count(), |next| next.line) - 1;
            reader.symbols.push(Symbol {
                kind: SymbolKind::Section,
                name,
                signature: one_line(lines.get(heading.line), SIGNATURE_CHARS_MAX),
                range: lines.range(heading.line).start..lines.range(last).end,
                lines: number(heading.line)..=number(last),
                parent: open.last().map(|&(_, symbol)| symbol),
            });
            open.push((heading.level, reader.symbols.len() - 1));
        }
        reader
    }

    /// The symbols around a byte range, outermost first: those that begin before it and reach into it.
    pub fn around(&self, range: &Range<usize>) -> Vec<&Symbol> {
        let symbols = self.symbols.iter();
        symbols.filter(|symbol| is_around(symbol, range)).collect()
    }

    /// The symbols that begin in a byte range.
    pub fn within(&self, range: &Range<usize>) -> impl Iterator<Item = &Symbol> {
        let first = self
            .symbols
            .partition_point(|symbol| symbol.range.start < range.start);
        let end = range.end;
        self.symbols[first..]
            .iter()
            .take_while(move |symbol| symbol.range.start < end)
    }

    /// Where a byte range stands: in the innermost symbol around it, or in the only one that it holds there. `None` where it holds several
    /// side by side.
    pub fn breadcrumb(&self, range: &Range<usize>) -> Option<String> {
        let holder = self
            .symbols
            .iter()
            .rposition(|symbol| is_around(symbol, range));
        let mut held = self.within(range).filter(|symbol| symbol.parent == holder);
        let only = match (held.next(), held.next()) {
            (Some(only), None) => Some(only),
            _ => holder.and_then(|at| self.symbols.get(at)),
        };
        only.map(|symbol| self.trail(symbol))
    }

    /// A symbol after those that it is a member of: `impl Foo > function bar`.
    pub fn trail(&self, symbol: &Symbol) -> String {
        let step = |symbol: &Symbol| format!("{} {}", symbol.kind.as_str(), symbol.name);
        let parent = |symbol: &&Symbol| symbol.parent.and_then(|at| self.symbols.get(at));
        let mut steps: Vec<_> = std::iter::successors(Some(symbol), parent)
            .map(step)
            .collect();
        steps.reverse();
        steps.join(" > ")
    }

    /// A symbol's name with that of its holder: `Foo.bar`, or `Foo::bar` where holders are `impl`s, traits or modules. What an `impl` is
    /// for stands for the block.
    pub fn full_name(&self, symbol: &Symbol) -> String {
        let holder = symbol.parent.and_then(|at| self.symbols.get(at));
        let Some(holder) = holder
            .filter(|holder| holder.kind.holds_members() && holder.kind != SymbolKind::Section)
        else {
            return symbol.name.clone();
        };
        let holder_name = holder.name.rsplit(" for ").next().unwrap_or_default();
        let bare = holder_name.split('<').next().unwrap_or_default();
        let joint = match holder.kind {
            SymbolKind::Impl | SymbolKind::Trait | SymbolKind::Module => "::",
            _ => ".",
        };
        format!("{bare}{joint}{}", symbol.name)
    }
}

fn is_around(symbol: &Symbol, range: &Range<usize>) -> bool {
    symbol.range.start < range.start && symbol.range.end > range.start
}

/// The number of a line, counted from 1, from its row, counted from 0.
pub(super) fn number(row: usize) -> u32 {
    u32::try_from(row + 1).unwrap_or(u32::MAX)
}

/// A text on one line with single spaces, cut to a number of characters.
pub(super) fn one_line(text: &str, chars_max: usize) -> String {
    let mut line = String::new();
    for word in text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
    {
        if line.len() > 4 * chars_max {
            break;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    match line.char_indices().nth(chars_max) {
        Some((cut, _)) => format!("{}…", &line[..cut]),
        None => line,
    }
}
