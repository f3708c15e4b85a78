//! What a question names: the project, the file, a symbol.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use crate::domain::chunk::{Outline, Symbol};

/// What a question may name.
#[derive(Debug, Clone, Copy)]
pub struct Names<'a> {
    /// Name of the repository, with or without its owner.
    pub repository: &'a str,
    /// Path of the file inside the repository.
    pub path: &'a str,
    /// The file's definitions.
    pub outline: &'a Outline,
    /// The file's text: words in it that can be nothing but names count too, and every word where the outline is empty.
    pub text: &'a str,
}

/// File stems and folder names that name nothing in particular.
const COMMON_STEMS: [&str; 48] = [
    "index",
    "main",
    "init",
    "__init__",
    "libs",
    "util",
    "utils",
    "test",
    "tests",
    "core",
    "base",
    "types",
    "common",
    "source",
    "include",
    "package",
    "packages",
    "internal",
    "examples",
    "docs",
    "scripts",
    "build",
    "crates",
    "modules",
    "components",
    "services",
    "controllers",
    "models",
    "views",
    "handlers",
    "helpers",
    "tools",
    "plugins",
    "server",
    "client",
    "public",
    "private",
    "static",
    "assets",
    "config",
    "data",
    "parser",
    "parsers",
    "commands",
    "errors",
    "java",
    "python",
    "files",
];
/// Symbol names that every second project has: alone they name nothing.
const COMMON_SYMBOLS: [&str; 24] = [
    "main", "init", "__init__", "get", "set", "new", "run", "add", "call", "next", "test", "self",
    "this", "value", "name", "data", "index", "args", "open", "close", "read", "write", "from",
    "default",
];

/// Parts of repository names that say what language it is for, not what it is.
const COMMON_AFFIXES: [&str; 10] = [
    "rust",
    "python",
    "node",
    "java",
    "ruby",
    "golang",
    "client",
    "server",
    "library",
    "framework",
];

impl Names<'_> {
    /// The repository's name, or a telling part of it: `commander` for `commander.js`.
    pub(super) fn repository_in(&self, question: &str) -> bool {
        let trimmed = self.repository.trim_end_matches('/');
        let name = trimmed.rsplit('/').next().unwrap_or_default();
        let mut parts = name
            .split(['-', '_', '.'])
            .filter(|part| is_telling_word(part, &COMMON_AFFIXES));
        has_word(question, name, name.chars().count() > 2)
            || parts.any(|part| has_word(question, part, true))
    }

    /// The file's name, the module it makes, or a folder whose name says more than most.
    pub(super) fn file_in(&self, question: &str) -> bool {
        let file = self.path.rsplit('/').next().unwrap_or_default();
        let stem = file.split('.').next().unwrap_or_default();
        let mut folders = self.path.rsplit('/').skip(1);
        has_word(question, file, false)
            || is_telling_word(stem, &COMMON_STEMS) && names_module(question, stem)
            || folders.any(|folder| {
                is_telling_word(folder, &COMMON_STEMS) && has_word(question, folder, true)
            })
    }

    /// A definition of the file, or another of its words that can be nothing but a name, written so that it is meant as a name.
    pub(super) fn symbol_in(&self, question: &str) -> bool {
        code_words(question).iter().any(|word| self.is_symbol(word))
    }

    /// Of the definitions around a chunk and in it, the one that a question names first. A name that several of them share names none.
    pub fn symbol_asked(&self, question: &str, chunk: &Range<usize>) -> Option<&Symbol> {
        let mut near = self.outline.around(chunk);
        near.extend(self.outline.within(chunk));
        code_words(question).into_iter().find_map(|word| {
            let last = parts(word).last().unwrap_or_default();
            let fits = |symbol: &&Symbol| symbol.name == word || symbol.short_name() == last;
            let fitting: Vec<&Symbol> = near.iter().copied().filter(fits).collect();
            let is_whole =
                |symbol: &&Symbol| symbol.name == word || self.outline.full_name(symbol) == word;
            let mut whole = fitting.iter().copied().filter(is_whole);
            match (whole.next(), whole.next()) {
                (Some(only), None) => Some(only),
                (None, _) if fitting.len() == 1 => fitting.first().copied(),
                _ => None,
            }
        })
    }

    fn is_symbol(&self, word: &str) -> bool {
        let parts: Vec<&str> = parts(word).collect();
        let is_telling =
            |part: &str| parts.len() > 1 || part.len() >= 3 && !COMMON_SYMBOLS.contains(&part);
        let is_defined = |part: &str| {
            let named = |symbol: &Symbol| symbol.short_name() == part || symbol.name == word;
            self.outline.symbols.iter().any(named)
        };
        let has_shape = |part: &str| {
            part.len() >= 6 && (part.contains('_') || part.chars().skip(1).any(char::is_uppercase))
        };
        // Where the outline is empty, every word may be a name; but a common stem is none, nor is it one as the name of some file.
        let is_written = |part: &str| {
            let is_rare = part.len() >= 4 && !COMMON_STEMS.contains(&part);
            self.outline.symbols.is_empty() && is_rare || has_shape(part)
        };
        parts.iter().any(|&part| {
            is_telling(part)
                && (is_defined(part) || is_written(part) && has_word(self.text, part, false))
        })
    }
}

/// The names that a qualified one is made of.
fn parts(word: &str) -> impl Iterator<Item = &str> {
    word.split(['.', ':', '>', '#', '\\', '-'])
        .filter(|part| !part.is_empty())
}

/// Whether a file's stem is meant as a name: written as code, as part of a dotted name, or called a module. `parse` alone is a verb.
fn names_module(question: &str, stem: &str) -> bool {
    let nouns = [
        "module",
        "package",
        "crate",
        "library",
        "script",
        "class",
        "file",
        "header",
        "component",
    ];
    let is_called = |noun: &&str| has_word(question, &format!("{stem} {noun}"), true);
    let is_part = |word: &&str| word.split(['.', ':']).any(|part| part == stem);
    code_words(question).iter().any(is_part) || nouns.iter().any(is_called)
}

/// Whether a part of a name is long and rare enough to tell what is meant.
fn is_telling_word(part: &str, common: &[&str]) -> bool {
    part.len() >= 4 && !common.contains(&part.to_ascii_lowercase().as_str())
}

/// The words of a question that are written as code: in backticks, called, with `_`, `::` or a capital inside, or capitalised in
/// mid-sentence.
fn code_words(question: &str) -> Vec<&str> {
    static WORDS: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"[\w$#~-]*[\w$](?:(?:::|\.|->|#|\\)[\w$]+)*").ok());
    let Some(words) = &*WORDS else {
        return Vec::new();
    };
    let mut ticks = 0;
    let mut last_end = 0;
    let is_code = |found: &regex::Match| {
        ticks += question[last_end..found.start()].matches('`').count();
        last_end = found.start();
        let word = found.as_str();
        let inner = word.chars().skip(1);
        ticks % 2 == 1
            || question[found.end()..].starts_with('(')
            || word.contains(['_', ':', '.', '$', '#'])
            || inner
                .clone()
                .any(|c| c.is_uppercase() || c.is_ascii_digit())
            || found.start() > 0 && word.starts_with(char::is_uppercase)
    };
    words
        .find_iter(question)
        .filter(is_code)
        .map(|found| found.as_str())
        .collect()
}

/// Whether `word` stands in a text with nothing like a letter on either side.
fn has_word(text: &str, word: &str, fold_case: bool) -> bool {
    if word.is_empty() {
        return false;
    }
    let lowered = fold_case.then(|| (text.to_lowercase(), word.to_lowercase()));
    let (text, word) = lowered
        .as_ref()
        .map_or((text, word), |(text, word)| (text, word));
    let is_joined = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(is_joined) && !after.is_some_and(is_joined)
    })
}
