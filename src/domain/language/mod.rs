//! Which language a source file is written in, under the name that github-linguist gives it.
//!
//! Owns detection: modeline, file name, shebang, suffix, then content, in linguist's order, from the data of the `linguist`
//! crate, which no other part of the program names. Says nothing about whether a language is wanted: that is `select`.

mod shebang;
mod tie;

use linguist_types::LanguageType;
use std::collections::HashMap;
use std::path::Path;
use std::sync::LazyLock;

/// What sort of text a language is, as linguist sorts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Source code.
    Programming,
    /// Marked-up text and style sheets: HTML, CSS, TeX.
    Markup,
    /// Text for people: Markdown, reStructuredText.
    Prose,
    /// Configuration and data: JSON, YAML, XML.
    Data,
}

/// A language that linguist knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Language {
    name: &'static str,
    kind: Kind,
}

impl Language {
    /// The language of that name or alias, in any case: `Rust`, `rust`, `rs`, `c++`, `cpp`.
    pub fn named(name: &str) -> Option<Self> {
        BY_ALIAS.get(name.to_lowercase().as_str()).copied()
    }

    /// The language whose name or alias is most like a misspelt one, if any is like it at all.
    pub fn nearest(name: &str) -> Option<&'static str> {
        let name = name.to_lowercase();
        let likeness = |alias: &str| strsim::damerau_levenshtein(alias, &name);
        let (alias, language) = BY_ALIAS
            .iter()
            .min_by_key(|(alias, language)| (likeness(alias), language.name))?;
        (3 * likeness(alias) <= name.chars().count()).then_some(language.name)
    }

    /// Linguist's name, which is what rows and reports show: `Rust`, `C++`, `TSX`.
    pub fn name(self) -> &'static str {
        self.name
    }

    /// What sort of text it is.
    pub fn kind(self) -> Kind {
        self.kind
    }

    fn of(name: &'static str, definition: &linguist_types::Language) -> Self {
        let kind = match definition.language_type {
            LanguageType::Programming => Kind::Programming,
            LanguageType::Markup => Kind::Markup,
            LanguageType::Prose => Kind::Prose,
            LanguageType::Data => Kind::Data,
        };
        Language { name, kind }
    }
}

/// How much of a file's head the content rules look at, in bytes; linguist's own bound.
const CONTENT_BYTES_MAX: usize = 50 * 1024;

/// How much of each line they look at, in bytes.
const CONTENT_LINE_BYTES_MAX: usize = 500;

/// Lines at either end of a file where a modeline may stand; linguist's own bound.
const MODELINE_LINES: usize = 5;

/// A modeline is short; longer lines are not searched, which bounds the work on hostile ones.
const MODELINE_BYTES_MAX: usize = 256;

static BY_ALIAS: LazyLock<HashMap<String, Language>> = LazyLock::new(|| {
    let mut index = HashMap::new();
    for (name, definition) in linguist::definitions::LANGUAGES.iter() {
        let language = Language::of(name, definition);
        for alias in definition.aliases.iter().flatten() {
            index.insert(alias.to_lowercase(), language);
        }
    }
    for (name, definition) in linguist::definitions::LANGUAGES.iter() {
        let language = Language::of(name, definition);
        index.insert(name.to_lowercase(), language);
        index.insert(name.to_lowercase().replace(' ', "-"), language);
    }
    index
});

/// The language of a file, or `None` when nothing tells it. `text` is the decoded file; `path` may hold any bytes.
pub fn detect(path: &[u8], text: &str) -> Option<Language> {
    if let Some(language) = by_modeline(text) {
        return Some(language);
    }
    let name = file_name(path);
    let named = by_file_name(&name);
    if let [only] = named[..] {
        return Some(only);
    }
    let candidates = narrow(named, shebang::languages(text));
    if let [only] = candidates[..] {
        return Some(only);
    }
    let mut candidates = narrow(candidates, by_suffix(&name));
    if candidates.len() != 1 && is_xml(text) {
        candidates = Language::named("XML").into_iter().collect();
    }
    match candidates[..] {
        [] => None,
        [only] => Some(only),
        _ => tie::by_content(&name, &head(text), &candidates)
            .or_else(|| tie::by_popularity(&candidates)),
    }
}

/// An XML declaration in the first two lines says more than a suffix that several languages share.
fn is_xml(text: &str) -> bool {
    text.lines()
        .take(2)
        .any(|line| clip(line).contains("<?xml version="))
}

fn clip(line: &str) -> &str {
    &line[..line.floor_char_boundary(CONTENT_LINE_BYTES_MAX)]
}

/// The languages that a file's name alone allows: none when the name says nothing, several when it is ambiguous.
pub fn candidates(path: &[u8]) -> Vec<Language> {
    let name = file_name(path);
    let named = by_file_name(&name);
    if named.len() == 1 {
        return named;
    }
    narrow(named, by_suffix(&name))
}

/// Keeps what both sides allow; a side that is empty, or shares nothing, says nothing.
fn narrow(candidates: Vec<Language>, found: Vec<Language>) -> Vec<Language> {
    if candidates.is_empty() {
        return found;
    }
    let both: Vec<_> = candidates
        .iter()
        .copied()
        .filter(|one| found.contains(one))
        .collect();
    if both.is_empty() { candidates } else { both }
}

/// A bare `README` is text, though linguist's list has only the likes of `README.me`.
fn by_file_name(name: &str) -> Vec<Language> {
    if name.eq_ignore_ascii_case("readme") {
        return Language::named("Text").into_iter().collect();
    }
    let found = linguist::detect_language_by_filename(Path::new(name));
    sorted(found.unwrap_or_default())
}

/// Tries the name as it is, then in lower case: the data lists `.s` and `.r`, and files are called `boot.S` and `plot.R`.
fn by_suffix(name: &str) -> Vec<Language> {
    let exact = linguist::detect_language_by_extension(Path::new(name)).unwrap_or_default();
    if !exact.is_empty() {
        return sorted(exact);
    }
    let lower = name.to_lowercase();
    sorted(linguist::detect_language_by_extension(Path::new(&lower)).unwrap_or_default())
}

fn sorted(found: Vec<linguist::DetectedLanguage>) -> Vec<Language> {
    let mut languages: Vec<_> = found
        .iter()
        .map(|one| Language::of(one.name, one.definition))
        .collect();
    languages.sort_unstable();
    languages
}

fn by_modeline(text: &str) -> Option<Language> {
    let mut lines = String::new();
    let short = |line: &&str| line.len() <= MODELINE_BYTES_MAX && looks_like_modeline(line);
    for line in text.lines().take(MODELINE_LINES).filter(short) {
        lines.push_str(line);
        lines.push('\n');
    }
    for line in text.lines().rev().take(MODELINE_LINES).filter(short) {
        lines.push_str(line);
        lines.push('\n');
    }
    if lines.is_empty() {
        return None;
    }
    let found = linguist::detect_language_by_modeline(&lines).ok()?;
    sorted(found).first().copied()
}

fn looks_like_modeline(line: &str) -> bool {
    line.contains("-*-")
        || ["vi:", "vim:", "vim<", "vim>", "vim=", "vim7", "vim6", "ex:"]
            .iter()
            .any(|mark| line.contains(mark))
}

/// The beginning of the text, without blank lines and the ends of long ones: rules such as `^\s*` and `\w+\s*\(` take
/// quadratic time over those.
fn head(text: &str) -> String {
    let text = &text[..text.floor_char_boundary(CONTENT_BYTES_MAX)];
    let mut head = String::with_capacity(text.len());
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        head.push_str(clip(line));
        head.push('\n');
    }
    head
}

fn file_name(path: &[u8]) -> String {
    let start = memchr::memrchr(b'/', path).map_or(0, |at| at + 1);
    String::from_utf8_lossy(&path[start..]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name_of(path: &str, text: &str) -> Option<&'static str> {
        detect(path.as_bytes(), text).map(Language::name)
    }

    #[test]
    fn files_are_told_by_name_suffix_shebang_modeline_and_content() {
        let cases = [
            ("src/main.rs", "fn main() {}\n", Some("Rust")),
            ("src/empty.rs", "\n", Some("Rust")),
            ("Makefile", "all:\n\techo\n", Some("Makefile")),
            ("deep/CMakeLists.txt", "project(x)\n", Some("CMake")),
            ("Dockerfile", "FROM scratch\n", Some("Dockerfile")),
            ("a.py", "x = 1\n", Some("Python")),
            ("plot.R", "x <- 1\n", Some("R")),
            ("boot.S", ".globl _start\n", Some("Assembly")),
            ("x.h", "int f(void);\n", Some("C")),
            ("x.h", "namespace a { class B; }\n", Some("C++")),
            (
                "x.h",
                "@interface A : NSObject\n@end\n",
                Some("Objective-C"),
            ),
            ("x.ts", "export const a = 1;\n", Some("TypeScript")),
            ("x.ts", "<?xml version=\"1.0\"?>\n<TS/>\n", Some("XML")),
            ("x.qqq", "<?xml version=\"1.0\"?>\n<a/>\n", Some("XML")),
            ("x.tsx", "export const a = <p/>;\n", Some("TSX")),
            ("x.m", "function y = f(x)\n% doc\ny = x;\n", Some("MATLAB")),
            ("x.sql", "SELECT 1;\n", Some("SQL")),
            ("x.pl", "use strict;\nmy $x;\n", Some("Perl")),
            ("x.cs", "class A { }\n", Some("C#")),
            ("README.md", "# Hi\n", Some("Markdown")),
            ("run", "#!/usr/bin/env python3\nprint(1)\n", Some("Python")),
            ("run", "#!/bin/bash -e\n", Some("Shell")),
            ("run", "# vim: set ft=ruby :\nputs 1\n", Some("Ruby")),
            ("x.txt", "-*- mode: lua -*-\n", Some("Lua")),
            ("LICENSE", "MIT\n", Some("Text")),
            ("README", "Hi\n", Some("Text")),
            ("unknown.qqq", "hello\n", None),
            ("noext", "hello\n", None),
            ("", "", None),
            ("dir/", "", None),
            ("..", "", None),
        ];
        for (path, text, expected) in cases {
            assert_eq!(name_of(path, text), expected, "{path} {text:?}");
        }
    }

    #[test]
    fn names_and_aliases_find_a_language() {
        for (word, name) in [
            ("rust", "Rust"),
            ("C++", "C++"),
            ("cpp", "C++"),
            ("golang", "Go"),
            ("TSX", "TSX"),
        ] {
            assert_eq!(Language::named(word).unwrap().name(), name);
        }
        assert_eq!(Language::named("klingon"), None);
        assert_eq!(Language::nearest("rsut"), Some("Rust"));
        assert_eq!(Language::nearest("Javscript"), Some("JavaScript"));
        assert_eq!(Language::nearest("xxxxxxxx"), None);
    }

    #[test]
    fn the_name_alone_gives_candidates() {
        let kinds = |path: &str| {
            candidates(path.as_bytes())
                .iter()
                .map(|one| one.kind())
                .collect::<Vec<_>>()
        };
        assert_eq!(kinds("a.toml"), [Kind::Data]);
        assert!(kinds("a.json").iter().all(|&kind| kind == Kind::Data));
        assert!(kinds("a.rs").contains(&Kind::Programming));
        assert!(kinds("noext").is_empty());
    }

    #[test]
    fn hostile_text_is_bounded_and_harmless() {
        for text in [
            "-*-".repeat(100_000),
            "vim: ".repeat(50_000),
            "#!".repeat(50_000),
            "é".repeat(60_000),
            "\n".repeat(60_000),
            "section".repeat(9_000),
        ] {
            for path in [
                "a.h", "a.m", "a.pl", "a.inc", "x", "a.ts", "a.sql", "a.odin",
            ] {
                let _ = detect(path.as_bytes(), &text);
            }
        }
        let _ = detect(b"\xff\xfe.\xff", "x");
    }
}
