//! Code blocks that claim a language must parse in it.
//!
//! Owns the choice of a grammar for a block's tag and the ways in which a fragment is given a chance: as it stands, with its
//! indentation removed, wrapped into a function or a type. Anything the grammar has no opinion on passes.

use tree_sitter::{Language, Parser};

/// Largest block that is parsed, in bytes; a longer one passes.
const BLOCK_BYTES_MAX: usize = 20_000;

/// Whether a block parses, by its tag; `None` where no grammar knows the tag.
pub fn parses(tag: &str, code: &str) -> Option<bool> {
    let (language, wraps) = grammar(tag)?;
    if code.len() > BLOCK_BYTES_MAX {
        return None;
    }
    let mut parser = Parser::new();
    parser.set_language(&language).ok()?;
    let plain = without_elisions(code);
    let mut accepts = |text: String| {
        parser
            .parse(&text, None)
            .is_some_and(|tree| !tree.root_node().has_error())
    };
    Some(
        wraps
            .iter()
            .any(|(before, after)| accepts(format!("{before}{plain}{after}"))),
    )
}

/// Removes common indentation and the lines of dots that stand for something left out.
fn without_elisions(code: &str) -> String {
    let lines = || {
        code.lines()
            .filter(|line| !matches!(line.trim(), "..." | "…"))
    };
    let depth = |line: &str| line.len() - line.trim_start().len();
    let indent = lines()
        .filter(|l| !l.trim().is_empty())
        .map(depth)
        .min()
        .unwrap_or(0);
    let cut: Vec<&str> = lines()
        .map(|line| line.get(indent..).unwrap_or(""))
        .collect();
    cut.join("\n")
}

type Wraps = &'static [(&'static str, &'static str)];

const BRACES: Wraps = &[
    ("", "\n"),
    ("", "\n}"),
    ("function f() {\n", "\n}"),
    ("({\n", "\n})"),
    ("class C {\n", "\n}"),
    ("switch (x) {\n", "\n}"),
    ("f(\n", "\n)"),
    ("x = (\n", "\n)"),
];
const INDENTS: Wraps = &[
    ("", "\n"),
    ("", "\n    pass\n"),
    ("if x:\n    pass\n", "\n"),
    ("try:\n    pass\n", "\n"),
    ("f(\n", "\n)\n"),
    ("{\n", "\n}\n"),
];
const RUST: Wraps = &[
    ("", "\n"),
    ("", "\n}"),
    ("fn f() {\n", "\n}"),
    ("fn f() {\n", "\n}}"),
    ("impl T {\n", "\n}"),
    ("fn f() { match x {\n", "\n} }"),
    ("fn f() { x(\n", "\n) }"),
    ("fn f() { x\n", "\n}"),
    ("struct S {\n", "\n}"),
];
const C: Wraps = &[
    ("", "\n"),
    ("", "\n}"),
    ("void f() {\n", "\n}"),
    ("void f() {\n", "\n}}"),
    ("struct s {\n", "\n};"),
    ("void f() { switch (x) {\n", "\n} }"),
    ("void f() { x(\n", "\n); }"),
    ("int x[] = {\n", "\n};"),
];
const JAVA: Wraps = &[
    ("", "\n"),
    ("", "\n}"),
    ("class C {\n", "\n}"),
    ("class C { void f() {\n", "\n} }"),
    ("class C { void f() {\n", "\n} } }"),
    ("class C { Object x =\n", "\n; }"),
];
const GO: Wraps = &[
    ("", "\n"),
    ("package p\n", "\n"),
    ("package p\nfunc f() {\n", "\n}\n"),
    ("package p\nfunc f() {\n", "\n}\n}\n"),
    ("package p\nfunc f() { switch x {\n", "\n}\n}\n"),
    ("package p\ntype t struct {\n", "\n}\n"),
];
const RUBY: Wraps = &[
    ("", "\n"),
    ("", "\nend"),
    ("class C\n", "\nend"),
    ("f(\n", "\n)"),
];
const PHP: Wraps = &[
    ("", "\n"),
    ("<?php\n", "\n"),
    ("<?php\n", "\n}"),
    ("<?php class C {\n", "\n}"),
    ("<?php $x = [\n", "\n];"),
];
const SHELL: Wraps = &[
    ("", "\n"),
    ("", "\nfi"),
    ("", "\ndone"),
    ("case x in\n", "\nesac"),
];
const LUA: Wraps = &[
    ("", "\n"),
    ("", "\nend"),
    ("x = {\n", "\n}"),
    ("return ", "\n"),
];

fn grammar(tag: &str) -> Option<(Language, Wraps)> {
    let (language, wraps): (Language, Wraps) = match tag.to_ascii_lowercase().as_str() {
        "rust" | "rs" => (tree_sitter_rust::LANGUAGE.into(), RUST),
        "python" | "py" | "python3" => (tree_sitter_python::LANGUAGE.into(), INDENTS),
        "javascript" | "js" | "jsx" | "mjs" => (tree_sitter_javascript::LANGUAGE.into(), BRACES),
        "typescript" | "ts" => (tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(), BRACES),
        "tsx" => (tree_sitter_typescript::LANGUAGE_TSX.into(), BRACES),
        "go" | "golang" => (tree_sitter_go::LANGUAGE.into(), GO),
        "java" => (tree_sitter_java::LANGUAGE.into(), JAVA),
        "c" | "h" => (tree_sitter_c::LANGUAGE.into(), C),
        "c++" | "cpp" | "cc" | "hpp" => (tree_sitter_cpp::LANGUAGE.into(), C),
        "ruby" | "rb" => (tree_sitter_ruby::LANGUAGE.into(), RUBY),
        "php" => (tree_sitter_php::LANGUAGE_PHP.into(), PHP),
        "bash" | "sh" | "shell" | "zsh" => (tree_sitter_bash::LANGUAGE.into(), SHELL),
        "lua" => (tree_sitter_lua::LANGUAGE.into(), LUA),
        _ => return None,
    };
    Some((language, wraps))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fragments_parse_and_broken_code_does_not() {
        for (tag, code) in [
            ("python", "        else:\n            return None\n"),
            ("python", "if toReturn:\n    return toReturn"),
            ("rust", "    let x = 1;\n"),
            ("rust", ".then_with(|| a)\n.then_with(|| b)"),
            ("rust", "Some(x) => 1,\n"),
            ("js", "shortFlag = longFlag;\nlongFlag = flagParts.shift();"),
            ("js", "if (x) {\n  y();"),
            ("c", "last = in + (strm->avail_in - 5);"),
            ("c", "case 1: return 2;"),
            ("go", "if err != nil {\n\treturn err\n}"),
            ("java", "int x = 1;"),
        ] {
            assert_eq!(parses(tag, code), Some(true), "{tag}: {code}");
        }
        for (tag, code) in [
            ("python", "def f(:\n  retrun ("),
            ("rust", "fn f( { let = ; }"),
            ("js", "const = => {{"),
            ("c", "int main( { ) }"),
        ] {
            assert_eq!(parses(tag, code), Some(false), "{tag}: {code}");
        }
        assert_eq!(parses("", "anything"), None);
        assert_eq!(parses("text", "anything"), None);
    }
}
