//! What the rules know about a file before it is opened, and what the user asked for.

use super::reason::{Skip, SkipReason};
use crate::domain::language::{Kind, Language};
use crate::domain::licence;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// What `lstat` says a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    Regular,
    /// A folder: a submodule's, or one that git does not track.
    Folder,
    /// A symbolic link, wherever it leads.
    Link,
    /// A FIFO, socket or device.
    Other,
}

/// What git's index says a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tracked {
    /// A file, or a folder above one.
    Yes,
    /// A symbolic link; on disk it may be a file that holds the link's target.
    Link,
    /// A submodule.
    Submodule,
    /// Not in the index.
    No,
}

/// The git attributes that beat our own rules, each unset, on or off.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes {
    /// `linguist-generated`.
    pub generated: Option<bool>,
    /// `linguist-vendored`.
    pub vendored: Option<bool>,
    /// `linguist-language`, as written: a language's name or alias.
    pub language: Option<String>,
}

impl Attributes {
    /// The attributes that matter here, by git's names.
    pub const NAMES: [&'static str; 3] = [
        "linguist-generated",
        "linguist-vendored",
        "linguist-language",
    ];

    /// Takes one attribute: `value` is `None` where git says it is off (`-name`), `Some("true")` where it is on. Others are ignored.
    pub fn set(&mut self, name: &str, value: Option<&str>) {
        let on = Some(value.is_some_and(|word| !word.eq_ignore_ascii_case("false")));
        match name {
            "linguist-generated" => self.generated = on,
            "linguist-vendored" => self.vendored = on,
            "linguist-language" => self.language = value.map(str::to_owned),
            _ => {}
        }
    }
}

/// All that is known about a file before it is opened.
#[derive(Debug, Clone)]
pub struct PathFacts<'a> {
    /// Path below the worktree, '/'-separated, any bytes.
    pub path: &'a [u8],
    /// What it is on disk.
    pub kind: FileKind,
    /// What it is to git.
    pub tracked: Tracked,
    /// Its size.
    pub file_bytes: u64,
    /// What the repository says about it.
    pub attributes: &'a Attributes,
}

/// A selection option that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OptionError {
    /// A pattern that is no glob.
    #[error("'{pattern}' is not a pattern: {reason}; write it like 'src/**' or '*.rs'")]
    Pattern {
        /// The pattern as given.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A language that linguist does not know.
    #[error("unknown language '{name}'; {}", cure(.nearest))]
    Language {
        /// The name as given.
        name: String,
        /// The known name that is most like it.
        nearest: Option<&'static str>,
    },
}

fn cure(nearest: &Option<&str>) -> String {
    let example = "write it as GitHub shows it, like 'Rust' or 'C++'";
    nearest.map_or_else(
        || example.to_owned(),
        |name| format!("did you mean '{name}'?"),
    )
}

/// Under which licences files are taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LicencePolicy {
    /// Any, known or not.
    #[default]
    Any,
    /// Only those that ask for little more than their notice.
    Permissive,
}

/// What the user asked for.
#[derive(Debug, Clone)]
pub struct SelectOptions {
    include: Option<GlobSet>,
    exclude: GlobSet,
    languages: Vec<Language>,
    file_bytes_max: u64,
    licences: LicencePolicy,
}

/// The least a file must hold. Below it there is not even a function signature to ask about.
pub(super) const FILE_BYTES_MIN: u64 = 16;

/// Text that linguist calls data or prose yet says how a program works.
const WANTED_DATA: &[&str] = &[
    "SQL",
    "GraphQL",
    "Protocol Buffer",
    "Prisma",
    "Jupyter Notebook",
];

/// Prose and markup that is not about code, or is made by programs.
const UNWANTED_TEXT: &[&str] = &[
    "Gettext Catalog",
    "SubRip Text",
    "Rich Text Format",
    "PostScript",
    "Adobe Font Metrics",
    "Mbox",
    "Web Ontology Language",
];

impl SelectOptions {
    /// Checks the user's words. An empty `include` includes everything; an empty `languages` selects code and the prose about it.
    pub fn new(
        include: &[String],
        exclude: &[String],
        languages: &[String],
        file_bytes_max: u64,
    ) -> Result<Self, OptionError> {
        let named = |name: &String| {
            Language::named(name).ok_or_else(|| OptionError::Language {
                name: name.clone(),
                nearest: Language::nearest(name),
            })
        };
        Ok(SelectOptions {
            include: if include.is_empty() {
                None
            } else {
                Some(globs(include)?)
            },
            exclude: globs(exclude)?,
            languages: languages.iter().map(named).collect::<Result<_, _>>()?,
            file_bytes_max,
            licences: LicencePolicy::Any,
        })
    }

    /// The same, for files under certain licences only.
    pub fn under(self, licences: LicencePolicy) -> Self {
        SelectOptions { licences, ..self }
    }

    /// Whether a file under this SPDX expression is taken. One without a known licence is nobody's to take.
    pub fn check_licence(&self, licence: Option<&str>) -> Result<(), Skip> {
        if self.licences == LicencePolicy::Any || licence.is_some_and(licence::is_permissive) {
            return Ok(());
        }
        Err(Skip::found(
            SkipReason::Licence,
            licence.unwrap_or(licence::UNKNOWN),
        ))
    }

    /// The largest file taken, in bytes.
    pub fn file_bytes_max(&self) -> u64 {
        self.file_bytes_max
    }

    /// Whether files in that language are selected.
    pub fn wants(&self, language: Language) -> bool {
        if !self.languages.is_empty() {
            return self.languages.contains(&language);
        }
        let name = language.name();
        match language.kind() {
            Kind::Data => WANTED_DATA.contains(&name),
            _ => !UNWANTED_TEXT.contains(&name),
        }
    }

    pub(super) fn check_globs(&self, path: &str) -> Result<(), Skip> {
        let included = self
            .include
            .as_ref()
            .is_none_or(|globs| globs.is_match(path));
        if included && !self.exclude.is_match(path) {
            return Ok(());
        }
        Err(Skip::new(SkipReason::Excluded))
    }

    pub(super) fn check_size(&self, file_bytes: u64) -> Result<(), Skip> {
        let skip = |reason, limit| Skip {
            measured: Some(file_bytes),
            limit: Some(limit),
            ..Skip::new(reason)
        };
        match file_bytes {
            0 => Err(Skip::new(SkipReason::Empty)),
            size if size < FILE_BYTES_MIN => Err(skip(SkipReason::TooSmall, FILE_BYTES_MIN)),
            size if size > self.file_bytes_max => {
                Err(skip(SkipReason::TooLarge, self.file_bytes_max))
            }
            _ => Ok(()),
        }
    }
}

/// As in `.gitignore`: a pattern without '/' fits a name at any depth, one with '/' is anchored, and one that fits a folder
/// fits all below it.
/// Patterns of paths, as `.gitignore` reads them: one without a '/' fits at any depth, and what lies below a fitting folder fits too.
pub fn globs(patterns: &[String]) -> Result<GlobSet, OptionError> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let fail = |error: globset::Error| OptionError::Pattern {
            pattern: pattern.clone(),
            reason: error.kind().to_string(),
        };
        let body = pattern.strip_suffix('/').unwrap_or(pattern);
        let anchored = match body.strip_prefix('/') {
            Some(rest) => rest.to_owned(),
            None if body.contains('/') => body.to_owned(),
            None => format!("**/{body}"),
        };
        for glob in [anchored.clone(), format!("{anchored}/**")] {
            set.add(
                GlobBuilder::new(&glob)
                    .literal_separator(true)
                    .build()
                    .map_err(fail)?,
            );
        }
    }
    set.build().map_err(|error| OptionError::Pattern {
        pattern: patterns.join(" "),
        reason: error.kind().to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(list: &[&str]) -> Vec<String> {
        list.iter().map(|&word| word.to_owned()).collect()
    }

    fn takes(include: &[&str], exclude: &[&str], path: &str) -> bool {
        let options = SelectOptions::new(&words(include), &words(exclude), &[], 100).unwrap();
        options.check_globs(path).is_ok()
    }

    #[test]
    fn patterns_read_as_in_gitignore() {
        let cases: [(&[&str], &[&str], &str, bool); 11] = [
            (&[], &[], "a/b.rs", true),
            (&["*.rs"], &[], "a/b.rs", true),
            (&["*.rs"], &[], "a/b.c", false),
            (&["src"], &[], "src/a/b.rs", true),
            (&["src/"], &[], "x/src/b.rs", true),
            (&["/src"], &[], "x/src/b.rs", false),
            (&["src/*.rs"], &[], "src/a/b.rs", false),
            (&["src/**"], &[], "src/a/b.rs", true),
            (&[], &["tests"], "x/tests/b.rs", false),
            (&["*.rs"], &["b.*"], "x/b.rs", false),
            (&["a.c"], &[], "a.cpp", false),
        ];
        for (include, exclude, path, taken) in cases {
            assert_eq!(
                takes(include, exclude, path),
                taken,
                "{include:?} {exclude:?} {path}"
            );
        }
    }

    #[test]
    fn bad_options_are_named() {
        let error = SelectOptions::new(&words(&["a[b"]), &[], &[], 1).unwrap_err();
        assert!(error.to_string().contains("a[b"), "{error}");
        let error = SelectOptions::new(&[], &[], &words(&["Klingon"]), 1).unwrap_err();
        assert!(error.to_string().contains("Klingon"), "{error}");
        let error = SelectOptions::new(&[], &[], &words(&["Pyhton"]), 1).unwrap_err();
        assert!(error.to_string().contains("'Python'"), "{error}");
    }

    #[test]
    fn the_licence_policy_refuses_what_is_not_permissive_or_not_known() {
        let any = SelectOptions::new(&[], &[], &[], 1).unwrap();
        let permissive = any.clone().under(LicencePolicy::Permissive);
        for (licence, is_taken) in [
            (Some("MIT"), true),
            (Some("GPL-2.0-only OR MIT"), true),
            (Some("GPL-2.0-only"), false),
            (None, false),
        ] {
            assert!(any.check_licence(licence).is_ok());
            assert_eq!(
                permissive.check_licence(licence).is_ok(),
                is_taken,
                "{licence:?}"
            );
        }
        let skip = permissive.check_licence(None).unwrap_err();
        assert_eq!(
            (skip.reason, skip.found.as_deref()),
            (SkipReason::Licence, Some("unknown"))
        );
    }

    #[test]
    fn code_and_prose_are_wanted_data_is_not_unless_asked_for() {
        let of = |name: &str| Language::named(name).unwrap();
        let all = SelectOptions::new(&[], &[], &[], 1).unwrap();
        for name in [
            "Rust",
            "Markdown",
            "HTML",
            "SQL",
            "Protocol Buffer",
            "Text",
            "Makefile",
        ] {
            assert!(all.wants(of(name)), "{name}");
        }
        for name in [
            "JSON",
            "YAML",
            "TOML",
            "XML",
            "CSV",
            "SVG",
            "Gettext Catalog",
        ] {
            assert!(!all.wants(of(name)), "{name}");
        }
        let some = SelectOptions::new(&[], &[], &words(&["json", "go"]), 1).unwrap();
        assert!(some.wants(of("JSON")) && some.wants(of("Go")) && !some.wants(of("Rust")));
    }

    #[test]
    fn attributes_are_on_off_or_unset() {
        let mut attributes = Attributes::default();
        attributes.set("linguist-generated", Some("true"));
        attributes.set("linguist-vendored", None);
        attributes.set("linguist-language", Some("Perl"));
        attributes.set("eol", Some("lf"));
        assert_eq!(attributes.generated, Some(true));
        assert_eq!(attributes.vendored, Some(false));
        assert_eq!(attributes.language.as_deref(), Some("Perl"));
        attributes.set("linguist-generated", Some("false"));
        assert_eq!(attributes.generated, Some(false));
    }
}
