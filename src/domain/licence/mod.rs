//! Which licence a file or a repository is under, as an SPDX expression, and whether that is permissive.
//!
//! Recognises the well-known licences by their own fixed phrases. What it does not recognise has no licence here: nothing is guessed.

mod expression;
mod rules;

pub use expression::is_permissive;
use rules::{HEAD_RULES, RULES, Rule};

/// What stands for a licence that is not there or not recognised.
pub const UNKNOWN: &str = "unknown";

/// Lines of a source file in which a licence is looked for.
const HEAD_LINES: usize = 60;

/// Bytes of a source file's head, or of a licence file, that are looked at.
const HEAD_BYTES_MAX: usize = 8 * 1024;
const TEXT_BYTES_MAX: usize = 64 * 1024;

/// Letters of the beginning of a licence file in which its title must stand: the GNU licences name each other further down.
const TITLE_BYTES: usize = 400;

/// The longest SPDX expression taken from a file.
const EXPRESSION_BYTES_MAX: usize = 200;

/// Whether a file at the top of a repository is a licence text, by its name: `LICENSE`, `COPYING.LESSER`, `UNLICENSE`, `LICENSE-MIT.txt`.
pub fn is_licence_file(name: &str) -> bool {
    let lower = name.to_lowercase();
    let (stem, suffix) = lower.split_once('.').unwrap_or((&lower, ""));
    let is_text = [
        "", "md", "txt", "rst", "lesser", "html", "mit", "apache", "bsd",
    ]
    .contains(&suffix);
    is_text
        && ["license", "licence", "copying", "unlicense", "mit-license"]
            .iter()
            .any(|word| stem.starts_with(word))
}

/// The same below the top of a repository, where names such as `licensing.md` are oftener documentation than a licence.
pub fn is_nested_licence_file(name: &str) -> bool {
    let stem: String = name
        .chars()
        .take_while(char::is_ascii_alphabetic)
        .flat_map(char::to_lowercase)
        .collect();
    is_licence_file(name) && ["license", "licence", "copying", "unlicense", "mit"].contains(&&*stem)
}

/// The licence of a licence text.
pub fn of_text(text: &str) -> Option<&'static str> {
    let words = words_of(clip(text, TEXT_BYTES_MAX));
    RULES
        .iter()
        .find(|rule| fits(rule, &words))
        .map(|rule| rule.id)
}

/// The licence that a source file states for itself: an SPDX line, a known statement, or a whole licence in its head.
pub fn of_file(text: &str) -> Option<String> {
    let head = clip(text, HEAD_BYTES_MAX);
    let end = memchr::memchr_iter(b'\n', head.as_bytes())
        .nth(HEAD_LINES)
        .unwrap_or(head.len());
    let head = &head[..end];
    if let Some(expression) = spdx_line(head) {
        return Some(expression.to_owned());
    }
    if !head.contains("icen") && !head.contains("ICEN") && !head.contains("ermi") {
        return None;
    }
    let words = words_of(head);
    let mut rules = HEAD_RULES
        .iter()
        .chain(RULES.iter().filter(|rule| !rule.is_title));
    let id = rules.find(|rule| fits(rule, &words))?.id;
    match offers_apache_too(id, &words) {
        true => Some(format!("Apache-2.0 OR {id}")),
        false => Some(id.to_owned()),
    }
}

/// What stands in an expression for a licence file that is not recognised, beside others that are.
const UNKNOWN_REF: &str = "LicenseRef-unknown";

/// The licence of a repository from its licence files, as name and text. Several files are a choice, as `LICENSE-MIT` beside
/// `LICENSE-APACHE` is, except where one is not recognised or is for works other than programs: each may hold for a part of the files.
pub fn of_repository<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<String> {
    let files = files.into_iter().filter(|(name, _)| is_licence_file(name));
    let texts = files.filter(|(_, text)| !text.trim().is_empty() && !is_r_notice(text));
    let mut ids: Vec<_> = texts
        .map(|(_, text)| of_text(text).unwrap_or(UNKNOWN_REF))
        .collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.iter().all(|id| *id == UNKNOWN_REF) {
        return None;
    }
    let (parts, choice): (Vec<_>, Vec<_>) = ids.into_iter().partition(|id| holds_for_a_part(id));
    let choice = match (choice.len(), parts.len()) {
        (0 | 1, _) | (_, 0) => choice.join(" OR "),
        _ => format!("({})", choice.join(" OR ")),
    };
    let all = std::iter::once(choice.as_str()).filter(|choice| !choice.is_empty());
    Some(all.chain(parts).collect::<Vec<_>>().join(" AND "))
}

/// The two lines, `YEAR:` and `COPYRIGHT HOLDER:`, that R packages keep beside the licence itself.
fn is_r_notice(text: &str) -> bool {
    let words = words_of(clip(text, TITLE_BYTES));
    words.starts_with("year ") && words.contains("copyright holder") && text.lines().count() <= 4
}

fn holds_for_a_part(id: &str) -> bool {
    id == UNKNOWN_REF || id.starts_with("CC-")
}

/// Whether a head names the Apache licence beside the one found, and leaves the choice.
fn offers_apache_too(id: &str, words: &str) -> bool {
    const CHOICES: [&str; 5] = [
        "one or other",
        "either license",
        "either licence",
        "at your option any of",
        "dual licensed",
    ];
    id != "Apache-2.0"
        && words.contains("apache license version 2 0")
        && CHOICES.iter().any(|choice| words.contains(choice))
}

fn spdx_line(head: &str) -> Option<&str> {
    let at = head.find("SPDX-License-Identifier:")? + "SPDX-License-Identifier:".len();
    let line = head[at..].lines().next()?;
    let end = line
        .find(|c: char| !c.is_ascii_alphanumeric() && !" -.+()/".contains(c))
        .unwrap_or(line.len());
    let expression = line[..end].trim_matches([' ', '/', '-']).trim();
    (!expression.is_empty() && expression.len() <= EXPRESSION_BYTES_MAX).then_some(expression)
}

fn fits(rule: &Rule, words: &str) -> bool {
    let has = |phrase: &&str| words.contains(*phrase);
    let is_near = |phrase: &&str| clip(words, TITLE_BYTES).contains(*phrase);
    let fits_phrases = if rule.is_title {
        rule.phrases.iter().all(is_near)
    } else {
        rule.phrases.iter().all(has)
    };
    fits_phrases && !rule.without.iter().any(has)
}

/// Lower-case words with single spaces, so that line breaks, comment marks and punctuation do not matter.
fn words_of(text: &str) -> String {
    let mut words = String::with_capacity(text.len());
    for word in text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
    {
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(&word.to_lowercase());
    }
    words
}

fn clip(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIT: &str = "The MIT License (MIT)\n\nCopyright (c) 2020 A\n\nPermission is hereby granted, free of charge, to any person obtaining a copy\nof this software and associated documentation files (the \"Software\"), to deal\n\
        in the Software without restriction.\n\nThe above copyright notice and this permission notice shall be included in all copies.\n";
    const BSD: &str = "Redistribution and use in source and binary forms, with or without\nmodification, are permitted provided that";

    #[test]
    fn licence_texts_are_recognised() {
        let cases = [
            (MIT.to_owned(), Some("MIT")),
            (MIT.replace("The above copyright notice and this permission notice", "x"), Some("MIT-0")),
            ("                                 Apache License\n                           Version 2.0, January 2004\n".to_owned(), Some("Apache-2.0")),
            (BSD.to_owned(), Some("BSD-2-Clause")),
            (format!("{BSD} the names are not used to endorse or promote products derived from it"), Some("BSD-3-Clause")),
            ("GNU GENERAL PUBLIC LICENSE\n   Version 3, 29 June 2007\n".to_owned() + &"x ".repeat(400) + "GNU Affero General Public License version 3", Some("GPL-3.0")),
            ("GNU LESSER GENERAL PUBLIC LICENSE\nVersion 2.1, February 1999".to_owned(), Some("LGPL-2.1")),
            ("Mozilla Public License Version 2.0\n====".to_owned(), Some("MPL-2.0")),
            ("This is free and unencumbered software released into the public domain.".to_owned(), Some("Unlicense")),
            ("Permission to use, copy, modify, and/or distribute this software for any\npurpose with or without fee is hereby granted, provided that the above\ncopyright notice and this permission notice appear".to_owned(), Some("ISC")),
            ("All rights reserved.".to_owned(), None),
            (String::new(), None),
        ];
        for (text, id) in cases {
            assert_eq!(of_text(&text), id, "{text:.60}");
        }
    }

    #[test]
    fn files_state_their_own_licence() {
        let cases = [
            (
                "// SPDX-License-Identifier: MIT OR Apache-2.0\nfn a() {}\n",
                Some("MIT OR Apache-2.0"),
            ),
            (
                "/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */\n",
                Some("GPL-2.0-only WITH Linux-syscall-note"),
            ),
            (
                "# Licensed under the Apache License, Version 2.0 (the \"License\");\n",
                Some("Apache-2.0"),
            ),
            (
                "/*\n * This is free software; under the terms of the GNU General Public\n * License as published by the FSF; either version 2 of the\n * License, or (at your option) any later version.\n */\n",
                Some("GPL-2.0-or-later"),
            ),
            (
                "/** A\n* @license https://www.apache.org/licenses/LICENSE-2.0 Apache License, Version 2.0\n* @license GNU General Public License, version 2 (one or other)\n*/\n",
                Some("Apache-2.0 OR GPL-2.0-only"),
            ),
            (
                "// GNU General Public License, version 2. Parts under the Apache License, Version 2.0.\n",
                Some("GPL-2.0-only"),
            ),
            ("// SPDX-License-Identifier:\n", None),
            ("fn license() {}\n", None),
            ("", None),
        ];
        for (text, id) in cases {
            assert_eq!(of_file(text).as_deref(), id, "{text}");
        }
        assert_eq!(
            of_file(&format!("// {}", MIT.replace('\n', "\n// "))).as_deref(),
            Some("MIT")
        );
    }

    #[test]
    fn repositories_may_offer_a_choice() {
        let files = [
            ("LICENSE-MIT", MIT),
            ("LICENSE-APACHE", "Apache License\nVersion 2.0"),
            ("README.md", MIT),
            ("license.rs", MIT),
        ];
        assert_eq!(of_repository(files).as_deref(), Some("Apache-2.0 OR MIT"));
        assert_eq!(of_repository([("LICENSE", "mine")]), None);
        let parts = [
            ("LICENSE-CODE", MIT),
            (
                "LICENSE-TEXT",
                "Creative Commons Legal Code\n\nAttribution-NonCommercial-NoDerivs 3.0 Unported\n",
            ),
        ];
        let found = of_repository(parts);
        assert_eq!(found.as_deref(), Some("MIT AND CC-BY-NC-ND-3.0"));
        assert!(!is_permissive(&found.unwrap()));
        let found = of_repository(files.into_iter().chain([("LICENSE-ART", "mine")]));
        assert_eq!(
            found.as_deref(),
            Some("(Apache-2.0 OR MIT) AND LicenseRef-unknown")
        );
        assert!(!is_permissive(&found.unwrap()));
        assert_eq!(
            of_repository([("LICENSE", MIT), ("COPYING", " \n")]).as_deref(),
            Some("MIT")
        );
        let r = "YEAR: 2023\nCOPYRIGHT HOLDER: a authors\n";
        assert_eq!(
            of_repository([("LICENSE", r), ("LICENSE.md", MIT)]).as_deref(),
            Some("MIT")
        );
        for (name, is) in [
            ("LICENSE", true),
            ("COPYING", true),
            ("UNLICENSE", true),
            ("License.txt", true),
            ("license.rs", false),
            ("licensing.py", false),
            ("main.rs", false),
        ] {
            assert_eq!(is_licence_file(name), is, "{name}");
        }
        for (name, is) in [
            ("LICENSE-MIT", true),
            ("Licence.txt", true),
            ("licensing.md", false),
            ("licenses.txt", false),
        ] {
            assert_eq!(is_nested_licence_file(name), is, "{name}");
        }
    }
}
