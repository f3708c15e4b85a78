//! The checks that need a file's bytes, and the text they leave.

use super::facts::FILE_BYTES_MIN;
use super::text::{self, Decoded};
use super::{
    PathFacts, SelectOptions, Skip, SkipReason, data, density, generated, notebook, substance,
    unwanted,
};
use crate::domain::language::{self, Language};

/// The least a text must hold, in words. Below it stand declarations without a body, `export class GetHeroesQuery {}`, and pages of one
/// line; the shortest function has more: `def add(a, b): return a + b`.
const WORDS_MIN: usize = 5;

/// Texts from this size on have other measures, and some languages are written without words.
const WORDS_BYTES: usize = 100;

/// A file that passed every check, as text for a prompt.
///
/// `text` has no byte order mark and LF line ends; its line n is line n of the file. A notebook's text is its cells as a script, and has
/// lines of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceText {
    /// The text.
    pub text: String,
    /// Its language; for a notebook, that of its kernel.
    pub language: Language,
    /// The encoding of the bytes on disk, by its WHATWG name.
    pub encoding: &'static str,
    /// The way back to the bytes on disk; none for a notebook.
    origin: Option<Decoded>,
}

impl SourceText {
    /// The place in the file's bytes of a place in `text`; `None` for a notebook. In multi-byte legacy encodings the
    /// place is exact where the text encodes back to the same bytes.
    pub fn raw_offset(&self, at: usize) -> Option<usize> {
        self.origin
            .as_ref()
            .map(|origin| origin.raw_offset(&self.text, at))
    }

    /// Whether the text was unpacked from a notebook, so that its places are not those of the file.
    pub fn is_unpacked(&self) -> bool {
        self.origin.is_none()
    }
}

/// Every check that needs the bytes, in the order of [`SkipReason`].
pub fn by_content(
    bytes: &[u8],
    facts: &PathFacts<'_>,
    options: &SelectOptions,
) -> Result<SourceText, Skip> {
    data::check_lfs_pointer(bytes)?;
    let (text, origin) = text::decode(bytes)?;
    let encoding = origin.encoding();
    let language = language_of(facts, &text)?;
    check_wanted(language, options)?;
    let source = if language.name() == "Jupyter Notebook" {
        let unpacked = notebook::unpack(&text)?;
        check_wanted(unpacked.language, options)?;
        SourceText {
            text: unpacked.text,
            language: unpacked.language,
            encoding,
            origin: None,
        }
    } else {
        SourceText {
            text,
            language,
            encoding,
            origin: Some(origin),
        }
    };
    check_text(&source, facts)?;
    Ok(source)
}

fn language_of(facts: &PathFacts<'_>, text: &str) -> Result<Language, Skip> {
    let named = facts
        .attributes
        .language
        .as_deref()
        .and_then(Language::named);
    named
        .or_else(|| language::detect(facts.path, text))
        .ok_or(Skip::new(SkipReason::LanguageUnknown))
}

fn check_wanted(language: Language, options: &SelectOptions) -> Result<(), Skip> {
    if options.wants(language) {
        Ok(())
    } else {
        Err(Skip::new(unwanted(&[language])))
    }
}

fn check_text(source: &SourceText, facts: &PathFacts<'_>) -> Result<(), Skip> {
    let text = source.text.trim();
    if text.is_empty() {
        return Err(Skip::new(SkipReason::Empty));
    }
    let text_bytes_min = usize::try_from(FILE_BYTES_MIN).unwrap_or(usize::MAX);
    if text.len() + 1 < text_bytes_min {
        return Err(Skip::measured(
            SkipReason::TooSmall,
            text.len(),
            text_bytes_min,
        ));
    }
    if text.len() < WORDS_BYTES && !has_words(text, WORDS_MIN) {
        let found = format!("fewer than {WORDS_MIN} words");
        return Err(Skip::found(SkipReason::TooSmall, found));
    }
    if facts.attributes.generated != Some(false) && !is_template(facts.path) {
        generated::check_header(text)?;
        generated::check_source_map(text)?;
    }
    density::check_shape(text, source.language)?;
    density::check_encoded(text)?;
    data::check(text, source.language)?;
    if substance::has_code(text, source.language) {
        Ok(())
    } else {
        Err(Skip::new(SkipReason::NoCode))
    }
}

/// Whether a text has so many words: runs of letters, digits and `_`. Letters beyond ASCII count one by one, as some scripts have no spaces.
fn has_words(text: &str, least: usize) -> bool {
    let mut is_inside = false;
    let starts = text.chars().filter(|&one| {
        let is_word = one.is_alphanumeric() || one == '_';
        let begins = is_word && !(is_inside && one.is_ascii());
        is_inside = is_word;
        begins
    });
    starts.take(least).count() == least
}

/// Templates for generators: what their head says is said of their output.
fn is_template(path: &[u8]) -> bool {
    const SUFFIXES: [&str; 12] = [
        "tmpl", "tpl", "template", "in", "j2", "jinja", "jinja2", "erb", "mustache", "hbs", "rmd",
        "qmd",
    ];
    let dot = memchr::memrchr(b'.', path).map_or(path.len(), |at| at + 1);
    SUFFIXES
        .iter()
        .any(|suffix| path[dot..].eq_ignore_ascii_case(suffix.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::super::{Attributes, FileKind, Tracked};
    use super::*;

    fn judge_with(
        path: &[u8],
        bytes: &[u8],
        attributes: &Attributes,
    ) -> Result<SourceText, SkipReason> {
        let options = SelectOptions::new(&[], &[], &[], 1 << 20).unwrap();
        let facts = PathFacts {
            path,
            kind: FileKind::Regular,
            tracked: Tracked::Yes,
            file_bytes: bytes.len() as u64,
            attributes,
        };
        by_content(bytes, &facts, &options).map_err(|skip| skip.reason)
    }

    fn judge(path: &str, bytes: &[u8]) -> Result<SourceText, SkipReason> {
        judge_with(path.as_bytes(), bytes, &Attributes::default())
    }

    #[test]
    fn each_rule_of_content_has_its_reason() {
        use SkipReason::*;
        let code = "fn add(a: u8, b: u8) -> u8 {\n    a + b\n}\n";
        let cases: Vec<(&str, Vec<u8>, SkipReason)> = vec![
            (
                "a.rs",
                b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n".to_vec(),
                LfsPointer,
            ),
            ("a.rs", b"fn main() \0 {}\n".to_vec(), Binary),
            ("a.rs", b"\xff\xfe\x00\xd8".to_vec(), Undecodable),
            ("a.ipynb", b"{\"cells\": []}   ".to_vec(), BadNotebook),
            ("a.qqq", code.into(), LanguageUnknown),
            ("noext", b"{\"a\": 1, \"b\": 2}\n".to_vec(), LanguageUnknown),
            ("a.rs", b"  \n\n \n        \n    ".to_vec(), Empty),
            ("a.rs", b"x;                  ".to_vec(), TooSmall),
            (
                "a.ts",
                b"export class GetHeroesQuery {\n}\n".to_vec(),
                TooSmall,
            ),
            (
                "a.go",
                b"// Code generated by x. DO NOT EDIT.\npackage a\nvar x = 1\n".to_vec(),
                GeneratedHeader,
            ),
            (
                "a.js",
                b"var abc = 1;\n//# sourceMappingURL=a.js.map\n".to_vec(),
                SourceMap,
            ),
            (
                "a.rs",
                format!("const A: &str = \"{}\";\n", "x".repeat(1200)).into(),
                LineTooLong,
            ),
            (
                "a.rs",
                format!("{}\n", "x + ".repeat(40)).into(),
                LinesLongOnAverage,
            ),
            ("a.py", "1, 2, 3, 4, 5,\n".repeat(20).into(), LowAlphabetic),
            (
                "a.rs",
                "0x1f, 0x8b, 0xcd, 0xef,\n".repeat(20).into(),
                EncodedData,
            ),
            (
                "a.sql",
                "INSERT INTO a VALUES (1, 'abc');\n".repeat(30).into(),
                SqlDump,
            ),
            ("a.txt", "alpha\nbeta\ngamma\n".repeat(9).into(), DataFile),
            (
                "a.rs",
                b"// nothing here but names of others\nuse a::b;\n".to_vec(),
                NoCode,
            ),
        ];
        for (path, bytes, reason) in cases {
            assert_eq!(
                judge(path, &bytes).err(),
                Some(reason),
                "{path} {:.60}",
                String::from_utf8_lossy(&bytes)
            );
        }
        assert_eq!(judge("a.rs", code.as_bytes()).unwrap().text, code);
    }

    #[test]
    fn attributes_beat_the_rules() {
        let bytes = b"// Code generated by x. DO NOT EDIT.\npackage a\nvar x = 1\n";
        let by_hand = Attributes {
            generated: Some(false),
            ..Attributes::default()
        };
        assert!(judge_with(b"a.go", bytes, &by_hand).is_ok());
        assert!(judge("a.go.tmpl", bytes).is_ok());
        let page = b"<!-- README.md is generated from README.Rmd -->\n# A\n\nIt does.\n";
        assert!(judge("README.Rmd", page).is_ok());
        assert_eq!(
            judge("README.md", page).err(),
            Some(SkipReason::GeneratedHeader)
        );
        let perl = Attributes {
            language: Some("perl".into()),
            ..Attributes::default()
        };
        assert_eq!(
            judge_with(
                b"a.qqq",
                b"my $name = shift;\nprint \"Hello, $name.\\n\";\n",
                &perl
            )
            .unwrap()
            .language
            .name(),
            "Perl"
        );
    }

    #[test]
    fn text_is_normalised_and_leads_back() {
        let source = judge("a.py", b"\xef\xbb\xbfdef f():\r\n    return 'a text'\r\n").unwrap();
        assert_eq!(source.text, "def f():\n    return 'a text'\n");
        assert_eq!(source.raw_offset(9), Some(13));
        let notebook = br#"{"cells": [{"cell_type": "code", "source": "print('hello', 'world', 'and others')\n"}]}"#;
        let source = judge("a.ipynb", notebook).unwrap();
        assert_eq!(
            (source.language.name(), source.is_unpacked()),
            ("Python", true)
        );
        assert_eq!(source.raw_offset(0), None);
    }

    #[test]
    fn no_bytes_panic() {
        let pieces: [&[u8]; 12] = [
            b"\0",
            b"\xff\xfe",
            b"\xfe\xff",
            b"\xef\xbb\xbf",
            b"\r\n",
            b"\r",
            b"/*",
            b"\"\"\"",
            b"0x1f,",
            b"{\"cells\":[",
            b"\xe9",
            "𝄞".as_bytes(),
        ];
        for path in [
            "a.rs", "a.py", "a.ipynb", "a.sql", "a.txt", "a.h", "a.js", "x", "a.html", "a.md",
        ] {
            for (at, first) in pieces.iter().enumerate() {
                for second in &pieces {
                    let bytes =
                        [first.repeat(at * 7 + 1), second.repeat(20), first.to_vec()].concat();
                    let _ = judge(path, &bytes);
                }
            }
        }
    }
}
