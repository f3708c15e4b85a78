//! Reads an outline from a syntax tree, one node at a time.

use tree_sitter::Node;

use super::outline::{
    IMPORTS_MAX, NAME_CHARS_MAX, Outline, SIGNATURE_CHARS_MAX, SYMBOLS_MAX, Symbol, SymbolKind,
    number, one_line,
};
use super::roles::Role;
use super::walk::rows_of;

/// Words that no definition can have as its name; macros make grammars mistake them for one.
const RESERVED: [&str; 17] = [
    "void",
    "if",
    "else",
    "for",
    "while",
    "do",
    "switch",
    "return",
    "public",
    "private",
    "protected",
    "namespace",
    "class",
    "struct",
    "template",
    "try",
    "catch",
];

/// Collects an [`Outline`] node by node.
pub(super) struct Reader<'a> {
    text: &'a str,
    /// Whether statements stand at the top level, so that an assignment there may name something for the first time. In C, where none do,
    /// it is what an unread macro has left of a function.
    has_statements: bool,
    pub(super) outline: Outline,
}

/// What stands around a node.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Index of the innermost symbol around it.
    pub(super) holder: Option<usize>,
    /// Whether anything but containers and wrappers stands around it: a statement, a call, a body without a name.
    pub(super) is_inner: bool,
}

impl<'a> Reader<'a> {
    /// A reader of the `text` that `root` is the tree of.
    pub(super) fn of(text: &'a str, root: &Node) -> Self {
        Reader {
            text,
            has_statements: root.kind() != "translation_unit",
            outline: Outline::default(),
        }
    }

    /// Notes what a node defines or imports, and returns the index of the symbol.
    pub(super) fn read(&mut self, node: &Node, role: Role, place: Place) -> Option<usize> {
        let kind = match role {
            Role::Holder(kind) | Role::Definition(kind) => kind,
            Role::Binding => self.binding_kind(node, place)?,
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
            parent: place.holder,
        });
        Some(self.outline.symbols.len() - 1)
    }

    fn add_import(&mut self, node: &Node) {
        if node.named_child_count() > 0 && self.outline.imports.len() < IMPORTS_MAX {
            self.outline.imports.push(node.byte_range());
        }
    }

    /// A binding counts when it binds a function or class, or names something for the whole file.
    fn binding_kind(&mut self, node: &Node, place: Place) -> Option<SymbolKind> {
        let value = child(node, &["value", "right"]);
        match value.map(|value| value.kind()) {
            Some(
                "arrow_function"
                | "function_expression"
                | "generator_function"
                | "function_definition"
                | "lambda"
                | "anonymous_function",
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
        ) || place.holder.is_some()
            || node.kind() == "assignment_expression" && !self.has_statements
        {
            return None;
        }
        if node.kind() == "declaration" && declares_function(node) {
            return Some(SymbolKind::Function);
        }
        let is_for_all = !place.is_inner && !is_cut_short(node);
        (is_for_all && self.names_constant(node)).then_some(SymbolKind::Constant)
    }

    /// Whether what is bound is one name. A single letter is not told from any other of its kind: scripts bind it again and again.
    fn names_constant(&self, node: &Node) -> bool {
        let name = name_node(node).map_or("", |name| self.node_text(&name));
        let bare = name.trim_start_matches(['$', '@']);
        bare.chars().all(is_of_name) && bare.chars().nth(1).is_some()
    }

    fn name(&self, node: &Node, kind: SymbolKind) -> Option<String> {
        let name = match (kind, node.kind()) {
            (SymbolKind::Impl, _) => self.impl_name(node)?,
            (_, "method_declaration") => self.method_name(node)?,
            (_, "function_definition") => {
                let name = self.node_text(&name_node(node)?);
                let made = self.name_made_by_macro(node, name);
                made.unwrap_or_else(|| without_prefix(name).to_owned())
            }
            (_, "pair" | "field" | "assignment_expression" | "assignment_statement") => {
                let key = self.node_text(&name_node(node)?);
                let key = key.trim_matches(['"', '\'']);
                key.chars().all(is_of_path).then(|| key.to_owned())?
            }
            _ => without_prefix(self.node_text(&name_node(node)?)).to_owned(),
        };
        let name = one_line(&name, NAME_CHARS_MAX);
        (!name.is_empty() && !RESERVED.contains(&name.as_str())).then_some(name)
    }

    /// `Suite.Case` of `TEST(Suite, Case) {…}`, `open` of `SYSCALL(open, int, flags) {…}`: what looks like a function without a type,
    /// in capitals, is a macro that makes one, and its first arguments are the name.
    fn name_made_by_macro(&self, node: &Node, name: &str) -> Option<String> {
        let is_capital = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        if node.child_by_field_name("type").is_some() || !name.chars().all(is_capital) {
            return None;
        }
        let made = node.child_by_field_name("declarator")?;
        let arguments = made.child_by_field_name("parameters")?;
        let tests = ["TEST", "BENCHMARK"].iter().any(|word| name.contains(word));
        let mut walk = arguments.walk();
        let words: Vec<&str> = arguments
            .named_children(&mut walk)
            .map(|argument| self.node_text(&argument))
            .take(1 + usize::from(tests))
            .collect();
        let are_names = !words.is_empty() && words.iter().all(|word| word.chars().all(is_of_name));
        are_names.then(|| words.join("."))
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

/// `struct foo x;` only uses a structure, with a body it defines one; a `#define` without a value is a guard or a switch.
fn has_substance(node: &Node) -> bool {
    let field = match node.kind() {
        "preproc_def" => "value",
        kind if kind.ends_with("_specifier") => "body",
        _ => return true,
    };
    node.child_by_field_name(field).is_some()
}

/// Whether a declaration lacks its end: a macro before it made the grammar take the type for the name.
fn is_cut_short(node: &Node) -> bool {
    let last = node.child_count().checked_sub(1);
    node.kind() == "declaration"
        && last
            .and_then(|last| node.child(last))
            .is_some_and(|last| last.is_missing())
}

fn declares_function(node: &Node) -> bool {
    let mut at = node.child_by_field_name("declarator");
    while let Some(inner) = at.filter(|inner| inner.kind() != "function_declarator") {
        at = declared_in(&inner);
    }
    at.is_some()
}

/// What a declarator puts a pointer, a reference, brackets or parameters to.
fn declared_in<'t>(node: &Node<'t>) -> Option<Node<'t>> {
    let unnamed = match node.kind() {
        "reference_declarator" | "parenthesized_declarator" => node.named_child_count(),
        _ => 0,
    };
    let last = unnamed.checked_sub(1);
    node.child_by_field_name("declarator")
        .or_else(|| node.named_child(u32::try_from(last?).ok()?))
}

/// The node that holds a definition's name: a field of that meaning, or whatever its declarators end in.
fn name_node<'t>(node: &Node<'t>) -> Option<Node<'t>> {
    if node.kind() == "const_element" {
        return node.named_child(0);
    }
    let mut at = child(node, &["name", "left", "key", "property", "declarator"])?;
    while let Some(inner) = declared_in(&at) {
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

/// The name alone where a macro before it made the grammar take its type for a part: `XXH32_update` of `XXH_errorcode XXH32_update`.
fn without_prefix(name: &str) -> &str {
    let last = name.split_whitespace().next_back().unwrap_or_default();
    let is_name = last.chars().all(is_of_path) && !name.contains("operator");
    if is_name { last } else { name }
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

fn is_of_path(c: char) -> bool {
    is_of_name(c) || matches!(c, '.' | ':' | '#' | '@' | '~')
}

fn child<'t>(node: &Node<'t>, fields: &[&str]) -> Option<Node<'t>> {
    fields
        .iter()
        .find_map(|field| node.child_by_field_name(field))
}
