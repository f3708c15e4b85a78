//! Why a file is not sent to the model: one table of stable words, in the order in which the checks run.

use serde::Serialize;
use std::fmt;

macro_rules! skip_reasons {
    ($($variant:ident $code:literal $unit:literal $meaning:literal;)+) => {
        /// Why a file is left out. The word is stable: reports and scripts rely on it. The order is that of the checks.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum SkipReason {
            $(#[doc = $meaning] $variant,)+
        }

        impl SkipReason {
            /// Every reason, in the order of the checks.
            pub const ALL: &'static [SkipReason] = &[$(SkipReason::$variant,)+];

            /// The stable word.
            pub fn as_str(self) -> &'static str {
                match self { $(SkipReason::$variant => $code,)+ }
            }

            /// What it means, as a sentence fragment for people.
            pub fn meaning(self) -> &'static str {
                match self { $(SkipReason::$variant => $meaning,)+ }
            }

            /// What [`Skip::measured`] and [`Skip::limit`] count; empty when the reason measures nothing.
            pub fn unit(self) -> &'static str {
                match self { $(SkipReason::$variant => $unit,)+ }
            }
        }
    };
}

skip_reasons! {
    Denied "denied" "" "its repository or owner is on the deny-list";
    BenchmarkRepository "benchmark_repository" "" "its repository holds a benchmark that models are measured by";
    Link "link" "" "it is a symbolic link";
    Submodule "submodule" "" "it is a submodule";
    Untracked "untracked" "" "git does not track it";
    NotRegular "not_regular" "" "it is no regular file";
    Excluded "excluded" "" "the include and exclude patterns leave it out";
    AttributeGenerated "attribute_generated" "" "its git attributes say it is generated";
    AttributeVendored "attribute_vendored" "" "its git attributes say it is vendored";
    Vendored "vendored" "" "it is a copy of someone else's code";
    Fixture "fixture" "" "it is test data";
    BuildOutput "build_output" "" "it lies in a folder of build output or tool settings";
    LockFile "lock_file" "" "it is a lock file";
    GeneratedName "generated_name" "" "its name is that of a generated file";
    Minified "minified" "" "its name is that of a minified or bundled file";
    KeyFile "key_file" "" "its name is that of a file of keys or passwords";
    Boilerplate "boilerplate" "" "it is a licence text, change log or the like";
    Translation "translation" "" "it is a text translated from another one";
    DataFile "data_file" "" "it holds data or settings, not code";
    Empty "empty" "" "it is empty";
    TooSmall "too_small" "bytes" "it is too small to ask about";
    TooLarge "too_large" "bytes" "it is larger than --max-file-size";
    LfsPointer "lfs_pointer" "" "it is a Git LFS pointer, its content is elsewhere";
    Binary "binary" "" "it is not text";
    Undecodable "undecodable" "" "its text encoding cannot be told";
    BadNotebook "bad_notebook" "" "it is a notebook that cannot be unpacked";
    LanguageUnknown "language_unknown" "" "its language cannot be told";
    LanguageNotSelected "language_not_selected" "" "its language is not among those selected";
    DuplicateExact "duplicate_exact" "" "another file has the same bytes";
    DuplicateWhitespace "duplicate_whitespace" "" "another file differs in white space only";
    GeneratedHeader "generated_header" "line" "a comment in it says that it is generated";
    SourceMap "source_map" "" "it is built from other sources, as its source map says";
    LineTooLong "line_too_long" "characters" "its longest line is that of data or minified code";
    LinesLongOnAverage "lines_long_on_average" "characters a line" "its lines are those of data or minified code";
    LowAlphabetic "low_alphabetic" "% letters" "too little of it is letters";
    EncodedData "encoded_data" "characters" "it holds long encoded data";
    SqlDump "sql_dump" "% of lines" "it is a database dump";
    NoCode "no_code" "" "it holds nothing but comments and imports";
    Licence "licence" "" "its licence is not permissive";
    Secrets "secrets" "hits" "it holds too many secrets or personal data";
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for SkipReason {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// One file left out, with what was measured against which limit where the reason has a measure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skip {
    /// Why.
    pub reason: SkipReason,
    /// What was found, in [`SkipReason::unit`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measured: Option<u64>,
    /// The limit it broke, in the same unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// What was found where that is no number: a licence, the path of the other copy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
}

impl Skip {
    /// A skip whose reason measures nothing.
    pub fn new(reason: SkipReason) -> Self {
        Skip {
            reason,
            measured: None,
            limit: None,
            found: None,
        }
    }

    /// A skip for something that is told in words.
    pub fn found(reason: SkipReason, found: impl Into<String>) -> Self {
        Skip {
            found: Some(found.into()),
            ..Skip::new(reason)
        }
    }

    /// A skip for a measure beyond its limit.
    pub fn measured(reason: SkipReason, measured: usize, limit: usize) -> Self {
        let count = |value: usize| u64::try_from(value).ok();
        Skip {
            measured: count(measured),
            limit: count(limit),
            ..Skip::new(reason)
        }
    }

    /// A skip for something found at a place, such as a line, against no limit.
    pub fn found_at(reason: SkipReason, place: usize) -> Self {
        Skip {
            measured: u64::try_from(place).ok(),
            ..Skip::new(reason)
        }
    }
}

impl Skip {
    /// The reason with its measure and limit, where it has them, as one word that [`Skip::from_code`] reads back:
    /// `line_too_long:1532:1000`. What was found in words is left out.
    pub fn code(&self) -> String {
        let measures = [self.measured, self.limit].into_iter().flatten();
        measures.fold(self.reason.to_string(), |code, measure| {
            format!("{code}:{measure}")
        })
    }

    /// The skip of a [`Skip::code`]; `None` for a reason that is not known.
    pub fn from_code(code: &str) -> Option<Skip> {
        let mut parts = code.split(':');
        let word = parts.next()?;
        let reason = *SkipReason::ALL.iter().find(|one| one.as_str() == word)?;
        let mut measure = || parts.next().and_then(|part| part.parse().ok());
        Some(Skip {
            measured: measure(),
            limit: measure(),
            ..Skip::new(reason)
        })
    }
}

/// `line_too_long: its longest line is that of data or minified code (1532 characters, limit 1000)`.
impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, self.reason.meaning())?;
        let unit = self.reason.unit();
        match (self.measured, self.limit, &self.found) {
            (Some(measured), Some(limit), _) => write!(f, " ({measured} {unit}, limit {limit})"),
            (Some(measured), None, _) => write!(f, " ({unit} {measured})"),
            (None, _, Some(found)) => write!(f, " ({found})"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_distinct_stable_words_with_a_meaning() {
        let mut words: Vec<_> = SkipReason::ALL
            .iter()
            .map(|reason| reason.as_str())
            .collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), SkipReason::ALL.len());
        for reason in SkipReason::ALL {
            assert!(
                reason
                    .as_str()
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
            );
            assert!(!reason.meaning().is_empty());
        }
    }

    #[test]
    fn codes_read_back() {
        for reason in SkipReason::ALL {
            for skip in [
                Skip::new(*reason),
                Skip::found_at(*reason, 7),
                Skip::measured(*reason, 1532, 1000),
            ] {
                assert_eq!(Skip::from_code(&skip.code()), Some(skip));
            }
        }
        assert_eq!(Skip::from_code("no_such_reason"), None);
    }

    #[test]
    fn a_skip_shows_its_measure() {
        let long = Skip::measured(SkipReason::LineTooLong, 1532, 1000);
        assert!(long.to_string().ends_with("(1532 characters, limit 1000)"));
        assert_eq!(
            serde_json::to_string(&long).unwrap(),
            r#"{"reason":"line_too_long","measured":1532,"limit":1000}"#
        );
        let refused = Skip::found(SkipReason::Licence, "GPL-3.0-only");
        assert!(refused.to_string().ends_with("(GPL-3.0-only)"));
        assert_eq!(
            Skip::new(SkipReason::Link).to_string(),
            "link: it is a symbolic link"
        );
    }
}
