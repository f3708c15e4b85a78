//! What a file defines and imports, read from its syntax tree.

use std::ops::{Range, RangeInclusive};

use tree_sitter::Node;

use super::headings::headings;
use super::lines::Lines;
use super::roles::Role;
use super::walk::rows_of;

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

const SYMBOLS_MAX: usize = 4096;
const IMPORTS_MAX: usize = 256;
const NAME_CHARS_MAX: usize = 100;
const SIGNATURE_CHARS_MAX: usize = 160;

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
            let next = found[index + 1..]
                .iter()
                .find(|next| next.level <= heading.level);
            let last = next.map_or(lines.count(), |next| next.line) - 1;
            reader.symbols.push(Symbol {
                kind: SymbolKind::Section,
                name: one_line(heading.title, NAME_CHARS_MAX),
                signature: one_line(lines.get(heading.line), SIGNATURE_CHARS_MAX),
                range: lines.range(heading.line).start..lines.range(last).end,
                lines: number(heading.line)..=number(last),
                parent: open.last().map(|&(_, symbol)| symbol),
            });
            open.push((heading.level, index));
        }
        reader
    }

    /// The symbols around a byte range, outermost first: those that begin before it and reach into it.
    pub fn around(&self, range: &Range<usize>) -> Vec<&Symbol> {
        let is_around =
            |symbol: &&Symbol| symbol.range.start < range.start && symbol.range.end > range.start;
        self.symbols.iter().filter(is_around).collect()
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

    /// Where a byte range stands: `impl Foo > function bar`, or the first symbol in it when nothing is around it.
    pub fn breadcrumb(&self, range: &Range<usize>) -> Option<String> {
        let mut trail = self.around(range);
        if trail.is_empty() {
            trail.extend(self.within(range).next());
        }
        let steps: Vec<String> = trail
            .iter()
            .map(|symbol| format!("{} {}", symbol.kind.as_str(), symbol.name))
            .collect();
        (!steps.is_empty()).then(|| steps.join(" > "))
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

/// Collects an [`Outline`] node by node.
pub(super) struct Reader<'a> {
    text: &'a str,
    pub(super) outline: Outline,
}

impl<'a> Reader<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Reader {
            text,
            outline: Outline::default(),
        }
    }

    /// Notes what a node defines or imports, and returns the index of the symbol. `holder` is the symbol around it.
    pub(super) fn read(&mut self, node: &Node, role: Role, holder: Option<usize>) -> Option<usize> {
        let kind = match role {
            Role::Holder(kind) | Role::Definition(kind) => kind,
            Role::Binding => self.binding_kind(node, holder)?,
            Role::Import => {
                self.add_import(node);
                return None;
            }
            _ => return None,
        };
        if !has_substance(node) || self.outline.symbols.len() >= SYMBOLS_MAX {
            return None;
        }
        let name = self.name(node, kind)?;
        let (first, last) = rows_of(node);
        self.outline.symbols.push(Symbol {
            kind,
            name,
            signature: self.signature(node),
            lines: number(first)..=number(last),
            range: node.byte_range(),
            parent: holder,
        });
        Some(self.outline.symbols.len() - 1)
    }

    fn add_import(&mut self, node: &Node) {
        if self.outline.imports.len() < IMPORTS_MAX {
            self.outline.imports.push(node.byte_range());
        }
    }

    /// A binding counts when it binds a function or class, or names something for the whole file.
    fn binding_kind(&mut self, node: &Node, holder: Option<usize>) -> Option<SymbolKind> {
        let value = child(node, &["value", "right"]);
        match value.map(|value| value.kind()) {
            Some(
                "arrow_function"
                | "function_expression"
                | "generator_function"
                | "function_definition"
                | "lambda",
            ) => {
                return Some(SymbolKind::Function);
            }
            Some("class") => return Some(SymbolKind::Class),
            Some("call_expression" | "function_call")
                if self.node_text(&value?).starts_with("require") =>
            {
                self.add_import(node);
                return None;
            }
            _ => {}
        }
        if matches!(
            node.kind(),
            "pair" | "field" | "field_definition" | "public_field_definition"
        ) || holder.is_some()
        {
            return None;
        }
        let is_prototype = node.kind() == "declaration" && self.declares_function(node);
        Some(if is_prototype {
            SymbolKind::Function
        } else {
            SymbolKind::Constant
        })
    }

    fn declares_function(&self, node: &Node) -> bool {
        let mut at = node.child_by_field_name("declarator");
        while let Some(inner) = at.filter(|inner| inner.kind() != "function_declarator") {
            at = inner.child_by_field_name("declarator");
        }
        at.is_some()
    }

    fn name(&self, node: &Node, kind: SymbolKind) -> Option<String> {
        let name = match (kind, node.kind()) {
            (SymbolKind::Impl, _) => self.impl_name(node)?,
            (_, "method_declaration") => self.method_name(node)?,
            _ => self.node_text(&name_node(node)?).to_owned(),
        };
        let name = one_line(&name, NAME_CHARS_MAX);
        (!name.is_empty()).then_some(name)
    }

    /// `Display for Error`, or `Error`.
    fn impl_name(&self, node: &Node) -> Option<String> {
        let of = self.node_text(&node.child_by_field_name("type")?);
        let what = node
            .child_by_field_name("trait")
            .map(|what| self.node_text(&what));
        Some(what.map_or_else(|| of.to_owned(), |what| format!("{what} for {of}")))
    }

    /// `Router.Handle` for a method that names its receiver beside its name, as Go's do.
    fn method_name(&self, node: &Node) -> Option<String> {
        let name = self.node_text(&node.child_by_field_name("name")?);
        let receiver = node
            .child_by_field_name("receiver")
            .map(|receiver| self.node_text(&receiver));
        let of = receiver
            .and_then(|receiver| receiver.trim_matches(['(', ')']).split_whitespace().last());
        Some(
            match of.and_then(|of| of.trim_start_matches('*').split('[').next()) {
                Some(of) if !of.is_empty() => format!("{of}.{name}"),
                _ => name.to_owned(),
            },
        )
    }

    /// Everything before the body; without a body the first line.
    fn signature(&self, node: &Node) -> String {
        let value = child(node, &["value", "right"]);
        let body = value
            .as_ref()
            .and_then(|value| value.child_by_field_name("body"));
        let end = node
            .child_by_field_name("body")
            .or(body)
            .map(|body| body.start_byte());
        let head = &self.text[node.start_byte()..end.unwrap_or(node.end_byte())];
        let head = if end.is_some() {
            head
        } else {
            head.lines().next().unwrap_or_default()
        };
        let bare: Vec<&str> = head.lines().map(without_remark).collect();
        one_line(&bare.join("\n"), SIGNATURE_CHARS_MAX)
    }

    fn node_text(&self, node: &Node) -> &'a str {
        self.text.get(node.byte_range()).unwrap_or_default()
    }
}

/// A line of a head without the remark or line continuation at its end.
fn without_remark(line: &str) -> &str {
    let remark = [" # ", " // "]
        .iter()
        .filter_map(|mark| line.find(mark))
        .min();
    line[..remark.unwrap_or(line.len())].trim_end_matches(['\\', ' '])
}

/// `struct foo x;` only uses a structure; with a body it defines one.
fn has_substance(node: &Node) -> bool {
    let is_specifier = node.kind().ends_with("_specifier");
    !is_specifier || node.child_by_field_name("body").is_some()
}

/// The node that holds a definition's name: a field of that meaning, or whatever its declarators end in.
fn name_node<'t>(node: &Node<'t>) -> Option<Node<'t>> {
    if node.kind() == "const_element" {
        return node.named_child(0);
    }
    let mut at = child(node, &["name", "left", "key", "property", "declarator"])?;
    while let Some(inner) = at.child_by_field_name("declarator") {
        at = inner;
    }
    if at.kind() == "variable_list" {
        at = at.named_child(0)?;
    }
    let is_pattern = at.kind().ends_with("_pattern")
        || at.kind().ends_with("_list")
        || at.kind().starts_with("function_");
    (!is_pattern).then_some(at)
}

fn child<'t>(node: &Node<'t>, fields: &[&str]) -> Option<Node<'t>> {
    fields
        .iter()
        .find_map(|field| node.child_by_field_name(field))
}

fn number(row: usize) -> u32 {
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
