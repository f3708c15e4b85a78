//! Which licence a file or a repository is under, as an SPDX expression, and whether that is permissive.
//!
//! Recognises the well-known licences by their own fixed phrases. What it does not recognise has no licence here: nothing is guessed.

/// Lines of a source file in which a licence is looked for.
const HEAD_LINES: usize = 60;

/// Bytes of a source file's head, or of a licence file, that are looked at.
const HEAD_BYTES_MAX: usize = 8 * 1024;
const TEXT_BYTES_MAX: usize = 64 * 1024;

/// Letters of the beginning of a licence file in which its title must stand: the GNU licences name each other further down.
const TITLE_BYTES: usize = 400;

/// The longest SPDX expression taken from a file.
const EXPRESSION_BYTES_MAX: usize = 200;

/// How deep parentheses in an expression may go.
const NESTING_MAX: usize = 16;

/// A licence and what its text holds, in the form of [`words_of`].
struct Rule {
    id: &'static str,
    /// All of these.
    phrases: &'static [&'static str],
    /// None of these.
    without: &'static [&'static str],
    /// Whether the first phrase is a title and counts only near the beginning.
    is_title: bool,
}

const fn titled(id: &'static str, phrases: &'static [&'static str]) -> Rule {
    Rule {
        id,
        phrases,
        without: &[],
        is_title: true,
    }
}

const fn worded(
    id: &'static str,
    phrases: &'static [&'static str],
    without: &'static [&'static str],
) -> Rule {
    Rule {
        id,
        phrases,
        without,
        is_title: false,
    }
}

const MIT_GRANT: &str = "permission is hereby granted free of charge to any person obtaining a copy of this software and associated documentation files";
const MIT_NOTICE: &str = "copyright notice and this permission notice";
const BSD_GRANT: &str =
    "redistribution and use in source and binary forms with or without modification are permitted";
const BSD_CLAUSE_3: &str = "endorse or promote products derived from";
const BSD_CLAUSE_4: &str = "all advertising materials mentioning features";
const ISC_GRANT: &str =
    "distribute this software for any purpose with or without fee is hereby granted";

/// What is special before what is general.
const RULES: &[Rule] = &[
    titled("AGPL-3.0", &["gnu affero general public license version 3"]),
    titled("LGPL-3.0", &["gnu lesser general public license version 3"]),
    titled(
        "LGPL-2.1",
        &["gnu lesser general public license version 2 1"],
    ),
    titled(
        "LGPL-2.0",
        &["gnu library general public license version 2"],
    ),
    titled("GPL-3.0", &["gnu general public license version 3"]),
    titled("GPL-2.0", &["gnu general public license version 2"]),
    titled("Apache-2.0", &["apache license version 2 0"]),
    titled("MPL-2.0", &["mozilla public license version 2 0"]),
    titled("EPL-2.0", &["eclipse public license v 2 0"]),
    titled("EPL-1.0", &["eclipse public license v 1 0"]),
    titled("EUPL-1.2", &["european union public licence v 1 2"]),
    titled("CDDL-1.0", &["common development and distribution license"]),
    titled("BSL-1.0", &["boost software license version 1 0"]),
    titled("BUSL-1.1", &["business source license 1 1"]),
    titled("SSPL-1.0", &["server side public license"]),
    titled("Elastic-2.0", &["elastic license 2 0"]),
    titled("CC0-1.0", &["cc0 1 0 universal"]),
    titled(
        "CC-BY-NC-SA-4.0",
        &["attribution noncommercial sharealike 4 0 international"],
    ),
    titled(
        "CC-BY-NC-4.0",
        &["attribution noncommercial 4 0 international"],
    ),
    titled(
        "CC-BY-SA-4.0",
        &["attribution sharealike 4 0 international"],
    ),
    titled("CC-BY-4.0", &["attribution 4 0 international"]),
    titled("Artistic-2.0", &["the artistic license 2 0"]),
    titled("MS-PL", &["microsoft public license"]),
    titled("PSF-2.0", &["python software foundation license version 2"]),
    titled("UPL-1.0", &["universal permissive license"]),
    titled("BlueOak-1.0.0", &["blue oak model license"]),
    titled("WTFPL", &["do what the fuck you want to public license"]),
    titled("PostgreSQL", &["postgresql license"]),
    worded(
        "NCSA",
        &["university of illinois ncsa open source license"],
        &[],
    ),
    worded(
        "Unlicense",
        &["this is free and unencumbered software released into the public domain"],
        &[],
    ),
    worded(
        "Zlib",
        &["altered source versions must be plainly marked as such"],
        &[],
    ),
    worded("BSD-4-Clause", &[BSD_GRANT, BSD_CLAUSE_4], &[]),
    worded("BSD-3-Clause", &[BSD_GRANT, BSD_CLAUSE_3], &[]),
    worded("BSD-2-Clause", &[BSD_GRANT], &[]),
    worded(
        "MIT",
        &[MIT_GRANT, MIT_NOTICE],
        &["except as contained in this notice"],
    ),
    worded("X11", &[MIT_GRANT, MIT_NOTICE], &[]),
    worded("MIT-0", &[MIT_GRANT], &[]),
    worded("ISC", &[ISC_GRANT, MIT_NOTICE], &[]),
    worded("0BSD", &[ISC_GRANT], &[]),
    worded(
        "MIT-0",
        &["permission is hereby granted free of charge to any person obtaining a copy"],
        &[],
    ),
];

/// Statements in a source file's head, for licences that are only referred to there.
const HEAD_RULES: &[Rule] = &[
    worded(
        "AGPL-3.0-or-later",
        &[
            "gnu affero general public license",
            "version 3",
            "any later version",
        ],
        &[],
    ),
    worded(
        "AGPL-3.0-only",
        &["gnu affero general public license", "version 3"],
        &[],
    ),
    worded(
        "LGPL-3.0-or-later",
        &[
            "gnu lesser general public license",
            "version 3",
            "any later version",
        ],
        &[],
    ),
    worded(
        "LGPL-2.1-or-later",
        &[
            "gnu lesser general public license",
            "version 2 1",
            "any later version",
        ],
        &[],
    ),
    worded(
        "LGPL-2.0-or-later",
        &[
            "gnu library general public license",
            "version 2",
            "any later version",
        ],
        &[],
    ),
    worded(
        "GPL-3.0-or-later",
        &[
            "gnu general public license",
            "version 3",
            "any later version",
        ],
        &[],
    ),
    worded(
        "GPL-2.0-or-later",
        &[
            "gnu general public license",
            "version 2",
            "any later version",
        ],
        &[],
    ),
    worded(
        "GPL-3.0-only",
        &["gnu general public license", "version 3"],
        &[],
    ),
    worded(
        "GPL-2.0-only",
        &["gnu general public license", "version 2"],
        &[],
    ),
    worded(
        "Apache-2.0",
        &["licensed under the apache license version 2 0"],
        &[],
    ),
    worded(
        "Apache-2.0",
        &["under the terms of the apache license version 2 0"],
        &[],
    ),
    worded(
        "MPL-2.0",
        &["subject to the terms of the mozilla public license v 2 0"],
        &[],
    ),
    worded(
        "EPL-2.0",
        &["made available under the terms of the eclipse public license 2 0"],
        &[],
    ),
    worded(
        "BSL-1.0",
        &["distributed under the boost software license version 1 0"],
        &[],
    ),
    worded("MIT", &["under the mit license"], &["apache"]),
    worded("MIT", &["mit licensed"], &["apache"]),
    worded("ISC", &["under the isc license"], &[]),
    worded("BSD-3-Clause", &["bsd 3 clause license"], &[]),
    worded("BSD-2-Clause", &["bsd 2 clause license"], &[]),
];

/// Licences that ask for little more than their notice; Blue Oak Council's list from bronze up.
const PERMISSIVE: &[&str] = &[
    "MIT",
    "MIT-0",
    "X11",
    "Apache-2.0",
    "Apache-1.1",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSD-4-Clause",
    "BSD-2-Clause-Patent",
    "BSD-3-Clause-Clear",
    "0BSD",
    "ISC",
    "Unlicense",
    "CC0-1.0",
    "Zlib",
    "libpng-2.0",
    "BSL-1.0",
    "PSF-2.0",
    "Python-2.0",
    "WTFPL",
    "NCSA",
    "PostgreSQL",
    "UPL-1.0",
    "BlueOak-1.0.0",
    "curl",
    "Artistic-2.0",
    "AFL-3.0",
    "MS-PL",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "OFL-1.1",
    "HPND",
    "FSFAP",
    "FTL",
    "ICU",
    "TCL",
    "W3C",
    "Xnet",
    "Zend-2.0",
    "ECL-2.0",
    "EFL-2.0",
    "MulanPSL-2.0",
    "PHP-3.01",
    "Ruby",
    "Vim",
    "OpenSSL",
];

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
    rules
        .find(|rule| fits(rule, &words))
        .map(|rule| rule.id.to_owned())
}

/// The licence of a repository from its licence files, as name and text. Several files are a choice, as `LICENSE-MIT` beside
/// `LICENSE-APACHE` is.
pub fn of_repository<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<String> {
    let known = files.into_iter().filter(|(name, _)| is_licence_file(name));
    let mut ids: Vec<_> = known.filter_map(|(_, text)| of_text(text)).collect();
    ids.sort_unstable();
    ids.dedup();
    (!ids.is_empty()).then(|| ids.join(" OR "))
}

/// Whether an SPDX expression allows use under permissive terms: one side of an `OR`, both of an `AND`; exceptions only ever
/// allow more.
pub fn is_permissive(expression: &str) -> bool {
    let spaced = clip(expression, EXPRESSION_BYTES_MAX)
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace('/', " OR ");
    let words: Vec<_> = spaced.split_whitespace().collect();
    let mut reader = Expression {
        words: &words,
        depth: 0,
    };
    reader.any_of().unwrap_or(false) && reader.words.is_empty()
}

/// Reads `A OR (B AND C WITH x)`, tightest last. `None` is an expression that is none.
struct Expression<'a> {
    words: &'a [&'a str],
    depth: usize,
}

impl<'a> Expression<'a> {
    fn any_of(&mut self) -> Option<bool> {
        let mut is_permissive = self.all_of()?;
        while self.takes("OR") {
            is_permissive |= self.all_of()?;
        }
        Some(is_permissive)
    }

    fn all_of(&mut self) -> Option<bool> {
        let mut is_permissive = self.one()?;
        while self.takes("AND") {
            is_permissive &= self.one()?;
        }
        Some(is_permissive)
    }

    fn one(&mut self) -> Option<bool> {
        let word = self.next()?;
        if word == "(" {
            return self.nested();
        }
        if self.takes("WITH") {
            self.next()?;
        }
        let id = word.trim_end_matches('+');
        Some(
            PERMISSIVE
                .iter()
                .any(|known| known.eq_ignore_ascii_case(id)),
        )
    }

    fn nested(&mut self) -> Option<bool> {
        self.depth += 1;
        if self.depth > NESTING_MAX {
            return None;
        }
        let is_permissive = self.any_of()?;
        self.takes(")").then_some(is_permissive)
    }

    fn next(&mut self) -> Option<&'a str> {
        let (word, rest) = self.words.split_first()?;
        self.words = rest;
        Some(word)
    }

    fn takes(&mut self, word: &str) -> bool {
        let is_next = self
            .words
            .first()
            .is_some_and(|next| next.eq_ignore_ascii_case(word));
        if is_next {
            self.words = &self.words[1..];
        }
        is_next
    }
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
    }

    #[test]
    fn permissive_is_read_from_the_expression() {
        let cases = [
            ("MIT", true),
            ("mit", true),
            ("GPL-3.0", false),
            ("MIT OR GPL-3.0-only", true),
            ("MIT AND GPL-3.0-only", false),
            ("Apache-2.0 WITH LLVM-exception", true),
            ("(MIT OR GPL-2.0) AND BSD-3-Clause", true),
            ("GPL-2.0-only WITH Classpath-exception-2.0", false),
            ("MIT/Apache-2.0", true),
            ("Unknown", false),
            ("", false),
            ("MIT OR", false),
            ("(MIT", false),
            ("MIT )", false),
            ("MIT MIT", false),
            ("LicenseRef-x", false),
        ];
        for (expression, expected) in cases {
            assert_eq!(is_permissive(expression), expected, "{expression}");
        }
        assert!(!is_permissive(&"(".repeat(100_000)));
    }
}
