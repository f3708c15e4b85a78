//! Whether a file holds code at all, or nothing but comments, imports and the like.
//!
//! Reads line by line with the comment marks of the language, no parser: a file is only dropped when no line is left, so
//! an oddity of syntax keeps a file rather than losing it.

use crate::domain::language::{Kind, Language};

/// How a family of languages writes comments and imports.
struct Syntax {
    languages: &'static [&'static str],
    line_comments: &'static [&'static str],
    block_comments: &'static [(&'static str, &'static str)],
    /// Beginnings of lines that only name other files or set the stage.
    imports: &'static [&'static str],
}

const SYNTAXES: &[Syntax] = &[
    Syntax {
        languages: &["Rust"],
        line_comments: &["//"],
        block_comments: &[("/*", "*/")],
        imports: &[
            "use ",
            "pub use ",
            "pub(crate) use ",
            "pub(super) use ",
            "mod ",
            "pub mod ",
            "pub(crate) mod ",
            "pub(super) mod ",
            "extern crate ",
            "#[",
            "#![",
        ],
    },
    Syntax {
        languages: &[
            "JavaScript",
            "TypeScript",
            "TSX",
            "JSX",
            "CoffeeScript",
            "Vue",
            "Svelte",
        ],
        line_comments: &["//", "#!"],
        block_comments: &[("/*", "*/")],
        imports: &[
            "import ",
            "import{",
            "import\"",
            "import'",
            "export * ",
            "export {",
            "export{",
            "export type {",
            "'use ",
            "\"use ",
        ],
    },
    Syntax {
        languages: &["Go"],
        line_comments: &["//"],
        block_comments: &[("/*", "*/")],
        imports: &["package ", "import "],
    },
    Syntax {
        languages: &[
            "Java", "Kotlin", "Scala", "Groovy", "Swift", "Dart", "D", "C#", "PHP",
        ],
        line_comments: &["//", "#!"],
        block_comments: &[("/*", "*/")],
        imports: &[
            "package ",
            "import ",
            "using ",
            "global using ",
            "export '",
            "export \"",
            "part ",
            "library ",
            "module ",
            "namespace ",
            "use ",
            "<?php",
            "?>",
            "declare(",
        ],
    },
    Syntax {
        languages: &[
            "C",
            "C++",
            "Objective-C",
            "Objective-C++",
            "Cuda",
            "GLSL",
            "HLSL",
        ],
        line_comments: &["//"],
        block_comments: &[("/*", "*/")],
        imports: &[
            "#include",
            "#import",
            "#pragma once",
            "#ifndef",
            "#ifdef",
            "#endif",
            "#if ",
            "@import ",
            "using namespace ",
        ],
    },
    Syntax {
        languages: &["Python", "Cython", "Starlark"],
        line_comments: &["#"],
        block_comments: &[("\"\"\"", "\"\"\""), ("'''", "'''")],
        imports: &["import ", "from ", "__all__", "load("],
    },
    Syntax {
        languages: &[
            "Ruby",
            "Shell",
            "Perl",
            "R",
            "Elixir",
            "Makefile",
            "PowerShell",
            "Julia",
            "Nix",
            "Crystal",
            "Tcl",
            "CMake",
            "Dockerfile",
            "Nim",
            "Awk",
        ],
        line_comments: &["#"],
        block_comments: &[("=begin", "=end"), ("<#", "#>"), ("#=", "=#")],
        imports: &[
            "require ",
            "require_relative ",
            "require(",
            "library(",
            "use ",
            "import ",
            "using ",
            "source ",
            ". ",
            "set -",
            "include ",
            "package ",
            "1;",
        ],
    },
    Syntax {
        languages: &["Haskell", "Elm", "PureScript", "Agda", "Idris"],
        line_comments: &["--"],
        block_comments: &[("{-", "-}")],
        imports: &["import ", "module "],
    },
    Syntax {
        languages: &["Lua"],
        line_comments: &["--"],
        block_comments: &[("--[[", "]]")],
        imports: &["require"],
    },
    Syntax {
        languages: &["SQL", "PLSQL", "PLpgSQL", "TSQL"],
        line_comments: &["--"],
        block_comments: &[("/*", "*/")],
        imports: &[],
    },
    Syntax {
        languages: &["CSS", "SCSS", "Less", "Sass"],
        line_comments: &["//"],
        block_comments: &[("/*", "*/")],
        imports: &["@import ", "@use ", "@forward ", "@charset "],
    },
    Syntax {
        languages: &["OCaml", "F#", "Standard ML", "Pascal"],
        line_comments: &["//"],
        block_comments: &[("(*", "*)"), ("{", "}")],
        imports: &["open ", "module "],
    },
];

/// Lines an import may go on for, once it opens a bracket.
const IMPORT_LINES_MAX: usize = 400;

/// Whether any line is code. Prose, markup without a known comment syntax and unknown languages always are.
pub(super) fn has_code(text: &str, language: Language) -> bool {
    if language.kind() == Kind::Prose {
        return true;
    }
    let of_language = |syntax: &&Syntax| syntax.languages.contains(&language.name());
    match SYNTAXES.iter().find(of_language) {
        Some(syntax) => Reader {
            syntax,
            state: State::Code,
        }
        .finds_code(text),
        None => true,
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
}

impl Reader {
    fn finds_code(&mut self, text: &str) -> bool {
        text.lines().map(str::trim).any(|line| self.is_code(line))
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
