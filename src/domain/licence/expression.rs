//! SPDX licence expressions: whether they allow use under permissive terms.

/// The longest expression read, in bytes.
const EXPRESSION_BYTES_MAX: usize = 200;

/// How deep parentheses may go.
const NESTING_MAX: usize = 16;

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

/// Whether an SPDX expression allows use under permissive terms: one side of an `OR`, both of an `AND`; exceptions only ever
/// allow more.
pub fn is_permissive(expression: &str) -> bool {
    let spaced = expression[..expression.floor_char_boundary(EXPRESSION_BYTES_MAX)]
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

#[cfg(test)]
mod tests {
    use super::*;

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
