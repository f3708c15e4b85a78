//! Which chunks of a file are asked about: not those that hold a licence, other comments or imports and nothing else.

use crate::domain::chunk::{Chunk, Outline, SymbolKind};
use crate::domain::select::lines_of_substance;
use std::collections::HashSet;

/// So many of a file's definitions make a comment that names them its documentation.
const NAMES_MIN: usize = 2;
/// Names shorter than this are words of any text.
const NAME_BYTES_MIN: usize = 4;

/// The chunks of `text` that bear a question: those with code, and those whose comments speak of what the file defines. All of them
/// where there is no other. `language` is linguist's name.
pub fn worth_asking(
    text: &str,
    language: &str,
    outline: &Outline,
    chunks: Vec<Chunk>,
) -> Vec<Chunk> {
    if chunks.len() < 2 {
        return chunks;
    }
    let Some(lines) = lines_of_substance(text, language) else {
        return chunks;
    };
    let names = names_of(outline);
    let is_worth = |chunk: &Chunk| {
        has_any(&lines, chunk) || speaks_of(text.get(chunk.range.clone()).unwrap_or(""), &names)
    };
    let worth: Vec<Chunk> = chunks
        .iter()
        .filter(|chunk| is_worth(chunk))
        .cloned()
        .collect();
    if worth.is_empty() { chunks } else { worth }
}

fn has_any(lines: &[bool], chunk: &Chunk) -> bool {
    let first = *chunk.lines.start() as usize - 1;
    let count = chunk.lines.clone().count();
    lines.iter().skip(first).take(count).any(|&tells| tells)
}

fn names_of(outline: &Outline) -> HashSet<&str> {
    let symbols = outline.symbols.iter();
    symbols
        .filter(|symbol| symbol.kind != SymbolKind::Section)
        .map(|symbol| symbol.short_name())
        .filter(|name| name.len() >= NAME_BYTES_MIN)
        .collect()
}

fn speaks_of(part: &str, names: &HashSet<&str>) -> bool {
    let words = part.split(|c: char| !c.is_alphanumeric() && c != '_');
    let named: HashSet<&str> = words.filter(|word| names.contains(word)).collect();
    named.len() >= NAMES_MIN
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::chunk::Layout;

    const LICENCE: &str = "/*\nThis software is free.\n\nThe above notice shall be kept.\n*/\n";
    const DOCS: &str = "/*\nCall stb_open first, then stb_close.\n*/\n";
    const CODE: &str =
        "int stb_open(void)\n{\n    return 1;\n}\n\nint stb_close(void)\n{\n    return 0;\n}\n";

    /// The first lines of the chunks that are asked about, where a chunk ends after each of the `parts`.
    fn asked(language: &str, parts: &[&str]) -> Vec<String> {
        let text = parts.concat();
        let layout = Layout::of(&text, language);
        let mut at = 0;
        let chunk = |part: &&str| {
            at += part.len();
            Chunk::at(&text, at - part.len()..at)
        };
        let chunks = parts.iter().filter_map(chunk).collect();
        let worth = worth_asking(&text, language, &layout.outline, chunks);
        worth
            .iter()
            .map(|chunk| text[chunk.range.clone()].to_owned())
            .collect()
    }

    #[test]
    fn licences_imports_and_closers_alone_bear_no_question() {
        for part in [LICENCE, "#include <stdio.h>\n", "#endif\n", "\n"] {
            assert_eq!(asked("C", &[CODE, part]), [CODE], "{part}");
            assert_eq!(asked("C", &[part, CODE]), [CODE], "{part}");
        }
        let half = LICENCE.find("\n\n").unwrap() + 1;
        let (head, tail) = LICENCE.split_at(half);
        assert_eq!(asked("C", &[CODE, head, tail]), [CODE]);
        let php = "$limit = 3;\n";
        assert_eq!(asked("PHP", &["<?php\nnamespace Adminer;\n", php]), [php]);
    }

    #[test]
    fn comments_that_name_definitions_are_documentation() {
        assert_eq!(asked("C", &[DOCS, CODE]), [DOCS, CODE]);
    }

    #[test]
    fn a_text_that_has_nothing_else_keeps_its_chunks() {
        assert_eq!(asked("C", &[LICENCE, LICENCE]), [LICENCE, LICENCE]);
        assert_eq!(asked("Markdown", &["# A\n", "/* b */\n"]).len(), 2);
        assert_eq!(asked("Brainfuck", &["+\n", "/* b */\n"]).len(), 2);
    }
}
