//! Whether a file holds code at all, or nothing but comments, imports and the like.
//!
//! Reads line by line with the comment marks of the language, no parser: a file is only dropped when no line is left, so
//! an oddity of syntax keeps a file rather than losing it.

use super::syntax::{self, Syntax};
use crate::domain::language::{Kind, Language};

/// Lines an import may go on for, once it opens a bracket.
const IMPORT_LINES_MAX: usize = 400;

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

/// What the lines before the current one left open.
enum State {
    Code,
    Block(&'static str),
    /// An import whose brackets are not closed, and for how many lines.
    Import {
        depth: usize,
        lines: usize,
    },
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

    /// Takes the comments off the line's beginning, however many there are, then judges what is left.
    fn is_code(&mut self, line: &str) -> bool {
        let mut rest = line;
        loop {
            match self.state {
                State::Block(end) => match rest.split_once(end) {
                    Some((_, after)) => rest = after.trim_start(),
                    None => return false,
                },
                State::Import { depth, lines } => {
                    self.import_goes_on(rest, depth, lines + 1);
                    return false;
                }
                State::Code => match self.block_opened_by(rest) {
                    Some((start, end)) => {
                        rest = &rest[start.len()..];
                        self.state = State::Block(end);
                        continue;
                    }
                    None => return self.is_code_proper(rest),
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

    fn is_code_proper(&mut self, line: &str) -> bool {
        if self.is_import(line) {
            self.import_goes_on(line, 0, 0);
            return false;
        }
        let is_comment = self
            .syntax
            .line_comments
            .iter()
            .any(|mark| line.starts_with(mark));
        !is_comment
            && line
                .bytes()
                .any(|byte| byte.is_ascii_alphanumeric() || byte >= 0x80)
    }

    fn is_line_comment(&self, line: &str) -> bool {
        self.syntax
            .line_comments
            .iter()
            .any(|mark| line.starts_with(mark))
    }

    fn is_import(&self, line: &str) -> bool {
        self.syntax
            .imports
            .iter()
            .any(|start| line.starts_with(start))
    }

    fn import_goes_on(&mut self, line: &str, depth: usize, lines: usize) {
        let count = |marks: [u8; 3]| line.bytes().filter(|byte| marks.contains(byte)).count();
        let depth = (depth + count(*b"([{")).saturating_sub(count(*b")]}"));
        let is_open = depth > 0 && lines < IMPORT_LINES_MAX;
        self.state = if is_open {
            State::Import { depth, lines }
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
