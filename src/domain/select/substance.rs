//! Whether a file holds code at all, or nothing but comments, imports and the like.
//!
//! Reads line by line with the comment marks of the language, no parser: a file is only dropped when no line is left, so
//! an oddity of syntax keeps a file rather than losing it.

use super::syntax::{self, Syntax};
use crate::domain::language::{Kind, Language};

/// Lines an import may go on for, once it opens a list.
const LIST_LINES_MAX: usize = 400;

/// From this many lines on, the documentation of a module is worth asking about, though no code stands beside it.
const DOC_LINES_MIN: usize = 10;

/// Whether any line is code. Prose, and languages whose comments are not known here, always have some.
pub(super) fn has_code(text: &str, language: Language) -> bool {
    match syntax::of(language) {
        Some(syntax) if language.kind() != Kind::Prose => {
            let mut reader = Reader {
                syntax,
                state: State::Code,
                doc_lines: 0,
            };
            text.lines()
                .map(str::trim)
                .any(|line| reader.is_substance(line))
        }
        _ => true,
    }
}

/// Of each line of a text, whether it is code or begins the documentation of a module; `None` for prose, and for languages whose
/// comments are not known here. `language` is linguist's name.
pub fn lines_of_substance(text: &str, language: &str) -> Option<Vec<bool>> {
    let language = Language::named(language).filter(|language| language.kind() != Kind::Prose)?;
    let mut reader = Reader {
        syntax: syntax::of(language)?,
        state: State::Code,
        doc_lines: 0,
    };
    let mut tells = |line: &str| {
        let begins_docs = reader.syntax.docs.iter().any(|mark| line.starts_with(mark));
        reader.is_code(line) || begins_docs
    };
    Some(text.lines().map(|line| tells(line.trim())).collect())
}

/// What the lines before the current one left open.
enum State {
    Code,
    Block(&'static str),
    /// The list of an import or an attribute, how many brackets are not closed, and for how many lines.
    List {
        depth: usize,
        lines: usize,
    },
}

/// What a line, or the rest of one, begins with.
enum Piece<'t> {
    Code,
    /// Nothing but a comment, an import or the like.
    Other,
    /// The same, and more after it.
    OtherAnd(&'t str),
}

struct Reader {
    syntax: &'static Syntax,
    state: State,
    /// Lines since the module's documentation began; none before.
    doc_lines: usize,
}

impl Reader {
    fn is_substance(&mut self, line: &str) -> bool {
        let begins_docs = self.syntax.docs.iter().any(|mark| line.starts_with(mark));
        let was_block = matches!(self.state, State::Block(_));
        if self.is_code(line) {
            return true;
        }
        let is_comment = was_block || self.is_line_comment(line);
        self.doc_lines += usize::from(begins_docs || self.doc_lines > 0 && is_comment);
        self.doc_lines >= DOC_LINES_MIN
    }

    /// Takes off the line's beginning what is no code, piece by piece, until nothing or code is left.
    fn is_code(&mut self, line: &str) -> bool {
        let mut rest = line;
        loop {
            match self.state {
                State::Block(end) => match rest.split_once(end) {
                    Some((_, after)) => rest = after.trim_start(),
                    None => return false,
                },
                State::List { depth, lines } => {
                    self.list_goes_on(rest, depth, lines + 1);
                    return false;
                }
                State::Code => match self.block_opened_by(rest) {
                    Some((start, end)) => {
                        rest = &rest[start.len()..];
                        self.state = State::Block(end);
                        continue;
                    }
                    None => match self.piece(rest) {
                        Piece::Code => return true,
                        Piece::Other => return false,
                        Piece::OtherAnd(after) => rest = after.trim_start(),
                    },
                },
            }
            self.state = State::Code;
        }
    }

    fn block_opened_by(&self, line: &str) -> Option<(&'static str, &'static str)> {
        self.syntax
            .block_comments
            .iter()
            .find(|(start, _)| line.starts_with(start))
            .copied()
    }

    fn piece<'t>(&mut self, line: &'t str) -> Piece<'t> {
        let starts = |marks: &[&str]| marks.iter().any(|mark| line.starts_with(mark));
        if let Some(inside) = self.attribute(line) {
            return self.after_attribute(inside);
        }
        if starts(self.syntax.stages) {
            return self.after_mark(line, &['{', ';']);
        }
        if starts(self.syntax.imports) {
            self.list_goes_on(line, 0, 0);
            return match self.state {
                State::Code => self.after_mark(line, &[';']),
                _ => Piece::Other,
            };
        }
        let has_letters = |byte: u8| byte.is_ascii_alphanumeric() || byte >= 0x80;
        match !self.is_line_comment(line) && line.bytes().any(has_letters) {
            true => Piece::Code,
            false => Piece::Other,
        }
    }

    fn is_line_comment(&self, line: &str) -> bool {
        self.syntax
            .line_comments
            .iter()
            .any(|mark| line.starts_with(mark))
    }

    /// What follows the first of these marks, unless a comment begins before it.
    fn after_mark<'t>(&self, line: &'t str, marks: &[char]) -> Piece<'t> {
        let Some((before, after)) = line.split_once(marks) else {
            return Piece::Other;
        };
        let is_comment = |mark: &&str| before.contains(*mark);
        match self.syntax.line_comments.iter().any(is_comment) {
            true => Piece::Other,
            false => Piece::OtherAnd(after),
        }
    }

    /// The inside of a Rust attribute that begins here, and all after it.
    fn attribute<'t>(&self, line: &'t str) -> Option<&'t str> {
        let inside = line
            .strip_prefix("#[")
            .or_else(|| line.strip_prefix("#!["))?;
        let is_rust = !self.syntax.line_comments.contains(&"#");
        is_rust.then_some(inside)
    }

    fn after_attribute<'t>(&mut self, inside: &'t str) -> Piece<'t> {
        let mut depth = 1usize;
        for (at, mark) in inside.match_indices(['[', ']']) {
            depth = if mark == "[" { depth + 1 } else { depth - 1 };
            if depth == 0 {
                return Piece::OtherAnd(&inside[at + 1..]);
            }
        }
        self.state = State::List { depth, lines: 0 };
        Piece::Other
    }

    fn list_goes_on(&mut self, line: &str, depth: usize, lines: usize) {
        let lists = self.syntax.lists;
        let opened = |c: char| lists.iter().any(|&(open, _)| open == c);
        let closed = |c: char| lists.iter().any(|&(_, close)| close == c);
        let depth =
            (depth + line.matches(opened).count()).saturating_sub(line.matches(closed).count());
        let is_open = depth > 0 && lines < LIST_LINES_MAX;
        self.state = if is_open {
            State::List { depth, lines }
        } else {
            State::Code
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_without_any_code_are_empty_of_it() {
        let cases = [
            (
                "Rust",
                "//! Doc.\n\n/* a\n b */\npub mod a;\nuse b::{\n    c,\n    d,\n};\n",
                false,
            ),
            ("Rust", "use a;\nfn b() {}\n", true),
            ("Rust", "/* a */ fn b() {}\n", true),
            ("Rust", "#[cfg(test)]\nmod tests;\n", false),
            (
                "Python",
                "#!/usr/bin/env python\n\"\"\"Doc.\n\nMore.\n\"\"\"\nfrom a import (\n    b,\n)\n__all__ = [\n    'b',\n]\n",
                false,
            ),
            ("Python", "\"\"\"Doc.\"\"\"\n", false),
            ("Python", "\"\"\"Doc.\"\"\"\nX = 1\n", true),
            (
                "JavaScript",
                "'use strict';\nexport { a } from './a';\nexport * from './b';\n",
                false,
            ),
            ("JavaScript", "import a from 'a';\na();\n", true),
            (
                "Go",
                "// Package a does.\npackage a\n\nimport (\n\t\"b\"\n)\n",
                false,
            ),
            ("Go", "package a\n\nvar b = 1\n", true),
            (
                "C",
                "#ifndef A\n#include <a.h>\n#include \"b.h\"\n#endif\n",
                false,
            ),
            ("C", "#include <a.h>\nint main(void) { return 0; }\n", true),
            ("C", "#define A 1\n", true),
            ("Haskell", "{- a\n-}\nmodule A where\nimport B\n", false),
            ("Lua", "--[[ a\n]]\n-- b\nlocal c = 1\n", true),
            ("Ruby", "require 'a'\n# b\n", false),
            ("Markdown", "# Title\n", true),
            ("Brainfuck", "+++\n", true),
            ("Rust", "", false),
            (
                "Rust",
                &format!("{}pub mod a;\n", "//! It does.\n".repeat(12)),
                true,
            ),
            (
                "Rust",
                &format!("{}pub mod a;\n", "// Copyright.\n".repeat(30)),
                false,
            ),
            (
                "Go",
                &format!(
                    "/*\nPackage a does.\n{}*/\npackage a\n",
                    "More.\n".repeat(12)
                ),
                true,
            ),
            (
                "Go",
                &format!(
                    "{}\n// Package a does.\npackage a\n",
                    "// Copyright.\n".repeat(30)
                ),
                false,
            ),
            (
                "Python",
                &format!("\"\"\"Doc.\n{}\"\"\"\n", "More.\n".repeat(12)),
                true,
            ),
            ("PHP", "<?php\n// a\nnamespace A;\n", false),
            (
                "C#",
                "using System;\nnamespace A.B {\n\tclass C {\n\t}\n}\n",
                true,
            ),
            ("C#", "using System;\n\nnamespace A.B {\n}\n", false),
            (
                "PHP",
                "<?php\nnamespace A {\n    use B\\{\n        C,\n    };\n    class D {}\n}\n",
                true,
            ),
            (
                "PHP",
                "<?php\nnamespace A;\nuse B\\{\n    C,\n    D,\n};\n",
                false,
            ),
            ("PHP", "<?php namespace A; class B {}\n", true),
            ("Scala", "package object a{\n  def b = 1\n}\n", true),
            ("Scala", "package a\nimport b.{\n  c,\n  d\n}\n", false),
            (
                "Perl",
                "use v5.36;\npackage A {\n  sub new { 1 }\n}\n1;\n",
                true,
            ),
            ("Perl", "package A;\nuse B qw(\n  c\n  d\n);\n1;\n", false),
            (
                "Perl",
                "package A;\nuse constant {\n  B => 1,\n};\n1;\n",
                true,
            ),
            (
                "Rust",
                "#[cfg(test)]\nmod tests {\n    use super::*;\n    #[test]\n    fn a() {}\n}\n",
                true,
            ),
            ("Rust", "pub mod a {\n    pub fn b() {}\n}\n", true),
            ("Rust", "pub mod a { pub use b::{c, d}; }\n", false),
            (
                "Rust",
                "#![cfg_attr(\n    a,\n    b = [c]\n)]\nmod d; // e; f\n",
                false,
            ),
            ("Rust", "#[derive(Debug)] struct A;\n", true),
            ("Lua", "require('a').setup({\n  b = 1,\n})\n", true),
            ("Lua", "require('a')\n-- b\n", false),
            ("Python", "import a; a.run()\n", true),
            ("Python", "import a  # b; c\n", false),
            ("Elixir", "import A, only: [\n  b: 1\n]\n", false),
            ("Haskell", "module A (\n  b,\n  c\n) where\n", false),
        ];
        for (language, text, expected) in cases {
            assert_eq!(
                has_code(text, Language::named(language).unwrap()),
                expected,
                "{language} {text:?}"
            );
        }
    }

    #[test]
    fn deep_and_open_ended_text_is_read_in_one_pass() {
        let rust = Language::named("Rust").unwrap();
        assert!(!has_code(&"/*".repeat(50_000), rust));
        assert!(!has_code(&"/**/".repeat(250_000), rust));
        assert!(has_code(
            &format!("use a::{{\n{}", "b\n".repeat(100_000)),
            rust
        ));
    }
}
