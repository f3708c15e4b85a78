//! How families of languages write comments and imports, as far as `substance` needs to know. Marks stand at the beginning of a line.

use crate::domain::language::Language;

/// One family.
pub(super) struct Syntax {
    languages: &'static [&'static str],
    pub(super) line_comments: &'static [&'static str],
    pub(super) block_comments: &'static [(&'static str, &'static str)],
    /// Beginnings of lines that only name other files.
    pub(super) imports: &'static [&'static str],
    /// The brackets in which an import may list names over several lines. Others hold code.
    pub(super) lists: &'static [(char, char)],
    /// Beginnings of lines that set the stage, `namespace a`: what stands in braces after them is read like the rest.
    pub(super) stages: &'static [&'static str],
    /// Beginnings of comments that describe a whole module.
    pub(super) docs: &'static [&'static str],
}

const C_COMMENTS: &[(&str, &str)] = &[("/*", "*/")];

const ROUND: (char, char) = ('(', ')');
const SQUARE: (char, char) = ('[', ']');
const CURLY: (char, char) = ('{', '}');

#[rustfmt::skip]
const SYNTAXES: &[Syntax] = &[
    Syntax {
        languages: &["Rust"],
        line_comments: &["//"],
        block_comments: C_COMMENTS,
        imports: &[
            "use ", "pub use ", "pub(crate) use ", "pub(super) use ", "extern crate ",
        ],
        lists: &[CURLY, SQUARE],
        stages: &["mod ", "pub mod ", "pub(crate) mod ", "pub(super) mod "],
        docs: &["//!"],
    },
    Syntax {
        languages: &["JavaScript", "TypeScript", "TSX", "JSX", "CoffeeScript"],
        line_comments: &["//", "#!"],
        block_comments: C_COMMENTS,
        imports: &[
            "import ", "import{", "import\"", "import'", "export * ", "export {", "export{", "export type {",
            "'use ", "\"use ",
        ],
        lists: &[CURLY],
        stages: &[],
        docs: &[],
    },
    Syntax {
        languages: &["Go"],
        line_comments: &["//"],
        block_comments: C_COMMENTS,
        imports: &["package ", "import "],
        lists: &[ROUND],
        stages: &[],
        docs: &["// Package ", "Package ", "// Command ", "Command "],
    },
    Syntax {
        languages: &["Java", "Kotlin", "Scala", "Groovy", "Swift", "Dart", "D", "C#", "PHP"],
        line_comments: &["//", "#!"],
        block_comments: C_COMMENTS,
        imports: &[
            "import ", "using ", "global using ", "export '", "export \"", "part ", "library ", "use ", "declare(",
        ],
        lists: &[CURLY, SQUARE],
        stages: &["package ", "namespace ", "module ", "<?php", "?>"],
        docs: &[],
    },
    Syntax {
        languages: &["C", "C++", "Objective-C", "Objective-C++", "Cuda", "GLSL", "HLSL"],
        line_comments: &["//"],
        block_comments: C_COMMENTS,
        imports: &[
            "#include", "#import", "#pragma once", "#ifndef", "#ifdef", "#endif", "#if ", "@import ",
            "using namespace ",
        ],
        lists: &[],
        stages: &[],
        docs: &[],
    },
    Syntax {
        languages: &["Python", "Cython", "Starlark"],
        line_comments: &["#"],
        block_comments: &[("\"\"\"", "\"\"\""), ("'''", "'''")],
        imports: &["import ", "from ", "__all__", "load("],
        lists: &[ROUND, SQUARE],
        stages: &[],
        docs: &["\"\"\"", "'''"],
    },
    Syntax {
        languages: &[
            "Ruby", "Shell", "Perl", "R", "Elixir", "Makefile", "PowerShell", "Julia", "Nix", "Crystal", "Tcl",
            "CMake", "Dockerfile", "Nim", "Awk",
        ],
        line_comments: &["#"],
        block_comments: &[("=begin", "=end"), ("<#", "#>"), ("#=", "=#")],
        imports: &[
            "require ", "require_relative ", "require(", "library(", "use ", "import ", "using ", "source ", ". ",
            "set -", "include ", "1;",
        ],
        lists: &[ROUND, SQUARE],
        stages: &["package "],
        docs: &[],
    },
    Syntax {
        languages: &["Haskell", "Elm", "PureScript", "Agda", "Idris"],
        line_comments: &["--"],
        block_comments: &[("{-", "-}")],
        imports: &["import ", "module "],
        lists: &[ROUND],
        stages: &[],
        docs: &["{-|", "-- |"],
    },
    Syntax {
        languages: &["Lua"],
        line_comments: &["--"],
        block_comments: &[("--[[", "]]")],
        imports: &["require"],
        lists: &[],
        stages: &[],
        docs: &[],
    },
    Syntax {
        languages: &["SQL", "PLSQL", "PLpgSQL", "TSQL"],
        line_comments: &["--"],
        block_comments: C_COMMENTS,
        imports: &[],
        lists: &[],
        stages: &[],
        docs: &[],
    },
    Syntax {
        languages: &["CSS", "SCSS", "Less", "Sass"],
        line_comments: &["//"],
        block_comments: C_COMMENTS,
        imports: &["@import ", "@use ", "@forward ", "@charset "],
        lists: &[ROUND],
        stages: &[],
        docs: &[],
    },
    Syntax {
        languages: &["OCaml", "F#", "Standard ML", "Pascal"],
        line_comments: &["//"],
        block_comments: &[("(*", "*)"), ("{", "}")],
        imports: &["open ", "module "],
        lists: &[],
        stages: &[],
        docs: &["(**"],
    },
];

/// The family of a language, where it is known.
pub(super) fn of(language: Language) -> Option<&'static Syntax> {
    SYNTAXES
        .iter()
        .find(|syntax| syntax.languages.contains(&language.name()))
}
