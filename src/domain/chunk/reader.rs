//! Reads an outline from a syntax tree, one node at a time.

use tree_sitter::Node;

use super::outline::{
    IMPORTS_MAX, NAME_CHARS_MAX, Outline, SIGNATURE_CHARS_MAX, SYMBOLS_MAX, Symbol, SymbolKind,
    number, one_line,
};
use super::roles::Role;
use super::walk::rows_of;

/// Words that no definition can have as its name; macros make grammars mistake them for one.
const RESERVED: [&str; 16] = [
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
        if node.named_child_count() > 0 && self.outline.imports.len() < IMPORTS_MAX {
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
        (!name.is_empty() && !RESERVED.contains(&name.as_str())).then_some(name)
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
