//! Files whose name fits several languages: decided by content, else by what such files mostly are.

use super::{Language, sorted};
use std::path::Path;

/// Languages that people train on, likelier first: the default where content decides nothing. A four-line `.rs` file is Rust,
/// whatever RenderScript might say.
const LIKELY: &[&str] = &[
    "Rust",
    "JavaScript",
    "TypeScript",
    "TSX",
    "Python",
    "Java",
    "Go",
    "C",
    "C++",
    "C#",
    "PHP",
    "Ruby",
    "Shell",
    "Swift",
    "Kotlin",
    "Scala",
    "Objective-C",
    "Perl",
    "R",
    "Lua",
    "Haskell",
    "OCaml",
    "F#",
    "Elixir",
    "Erlang",
    "Clojure",
    "Dart",
    "Julia",
    "MATLAB",
    "Fortran",
    "D",
    "Solidity",
    "Verilog",
    "GLSL",
    "HCL",
    "Nix",
    "Common Lisp",
    "Scheme",
    "Pascal",
    "Visual Basic .NET",
    "Assembly",
    "SQL",
    "Markdown",
    "HTML",
    "TeX",
    "Groovy",
    "Starlark",
    "Makefile",
    "Puppet",
    "Zig",
    "Objective-C++",
    "jq",
    "Modelica",
    "Apex",
    "ActionScript",
];

/// Beyond this many candidates a suffix says nothing, and a guess would be worth as little: `.inc` fits twelve.
const CANDIDATES_MAX: usize = 4;

/// Linguist's content rules for the suffix; `None` when they do not come down to one of the candidates.
pub(super) fn by_content(name: &str, head: &str, candidates: &[Language]) -> Option<Language> {
    let lower = name.to_lowercase();
    let found = linguist::disambiguate(Path::new(&lower), head).ok()?;
    match sorted(found)[..] {
        [only] if candidates.contains(&only) => Some(only),
        _ => None,
    }
}

pub(super) fn by_popularity(candidates: &[Language]) -> Option<Language> {
    if candidates.len() > CANDIDATES_MAX {
        return None;
    }
    let find = |name: &&str| candidates.iter().find(|one| one.name() == *name).copied();
    LIKELY.iter().find_map(find)
}
