//! What `.gitattributes` say about a path, in linguist's terms.
//!
//! Reads gitattributes(5) for the four `linguist-*` attributes alone, once for a whole worktree: libgit2 looks at the disk for every path
//! and attribute asked, 30 us each. Files are hostile input: their size and number of rules are bounded, and patterns are
//! matched in time linear in the path. Attribute macros (`[attr]`) are not expanded.

use globset::{Candidate, GlobBuilder, GlobSet, GlobSetBuilder};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

const FILE_NAME: &[u8] = b".gitattributes";
const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// Longest line that git itself reads.
const LINE_BYTES_MAX: usize = 2048;
/// Longest pattern worth compiling.
const PATTERN_BYTES_MAX: usize = 256;
/// Rules taken from one file.
const RULES_MAX: usize = 1000;

/// What `.gitattributes` say about a path. `None`: nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes {
    /// `linguist-generated`
    pub generated: Option<bool>,
    /// `linguist-vendored`
    pub vendored: Option<bool>,
    /// `linguist-documentation`
    pub documentation: Option<bool>,
    /// `linguist-language`
    pub language: Option<String>,
}

/// The rules of a worktree.
#[derive(Default)]
pub(super) struct AttributeRules {
    /// By folder, as bytes with a trailing slash; the root is empty.
    folders: HashMap<Vec<u8>, Rules>,
}

impl AttributeRules {
    /// Reads every `.gitattributes` among the tracked paths.
    pub fn read<'a>(worktree: &Path, tracked: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut folders = HashMap::new();
        for path in tracked {
            let Some(folder) = path
                .strip_suffix(FILE_NAME)
                .filter(|folder| folder.is_empty() || folder.ends_with(b"/"))
            else {
                continue;
            };
            let rules = read_file(&worktree.join(OsStr::from_bytes(path)))
                .and_then(|text| Rules::parse(&text));
            folders.extend(rules.map(|rules| (folder.to_vec(), rules)));
        }
        AttributeRules { folders }
    }

    /// What they say about a path. A later line wins over an earlier one, a deeper file over one further up.
    pub fn of(&self, path: &[u8]) -> Attributes {
        let mut attributes = Attributes::default();
        if self.folders.is_empty() {
            return attributes;
        }
        let slashes = path
            .iter()
            .enumerate()
            .filter(|(_, byte)| **byte == b'/')
            .map(|(at, _)| at + 1);
        for end in std::iter::once(0).chain(slashes) {
            if let Some(rules) = self.folders.get(&path[..end]) {
                rules.apply(&path[end..], &mut attributes);
            }
        }
        attributes
    }
}

fn read_file(path: &Path) -> Option<Vec<u8>> {
    let meta = fs::symlink_metadata(path).ok()?;
    if !meta.is_file() || meta.len() > FILE_BYTES_MAX {
        return None;
    }
    fs::read(path).ok()
}

/// The rules of one file: patterns, and by the same number what each sets.
struct Rules {
    patterns: GlobSet,
    settings: Vec<Vec<Setting>>,
}

impl Rules {
    /// `None` when no line sets an attribute that matters.
    fn parse(text: &[u8]) -> Option<Self> {
        let (mut patterns, mut settings) = (GlobSetBuilder::new(), Vec::new());
        for line in text
            .split(|&byte| byte == b'\n')
            .filter(|line| line.len() < LINE_BYTES_MAX)
        {
            let rule = str::from_utf8(line).ok().and_then(parse_line);
            let Some((pattern, set)) = rule.filter(|_| settings.len() < RULES_MAX) else {
                continue;
            };
            if let Ok(glob) = GlobBuilder::new(&pattern)
                .literal_separator(true)
                .backslash_escape(true)
                .build()
            {
                patterns.add(glob);
                settings.push(set);
            }
        }
        let patterns = patterns.build().ok().filter(|_| !settings.is_empty())?;
        Some(Rules { patterns, settings })
    }

    fn apply(&self, path: &[u8], attributes: &mut Attributes) {
        for rule in self
            .patterns
            .matches_candidate(&Candidate::from_bytes(path))
        {
            for setting in &self.settings[rule] {
                setting.apply(attributes);
            }
        }
    }
}

/// What a line does to one attribute; `None` makes it unspecified again.
enum Setting {
    Generated(Option<bool>),
    Vendored(Option<bool>),
    Documentation(Option<bool>),
    Language(Option<String>),
}

impl Setting {
    /// `name`, `-name`, `!name` or `name=value`. As linguist reads flags, any value but `false` is true.
    fn parse(word: &str) -> Option<Self> {
        let (name, value) = match (word.strip_prefix('-'), word.strip_prefix('!')) {
            (Some(name), _) => (name, Some("false")),
            (_, Some(name)) => (name, None),
            _ => word
                .split_once('=')
                .map_or((word, Some("true")), |(name, value)| (name, Some(value))),
        };
        let flag = value.map(|value| value != "false");
        match name {
            "linguist-generated" => Some(Setting::Generated(flag)),
            "linguist-vendored" => Some(Setting::Vendored(flag)),
            "linguist-documentation" => Some(Setting::Documentation(flag)),
            "linguist-language" => Some(Setting::Language(
                value.filter(|_| word.contains('=')).map(str::to_owned),
            )),
            _ => None,
        }
    }

    fn apply(&self, attributes: &mut Attributes) {
        match self {
            Setting::Generated(flag) => attributes.generated = *flag,
            Setting::Vendored(flag) => attributes.vendored = *flag,
            Setting::Documentation(flag) => attributes.documentation = *flag,
            Setting::Language(name) => attributes.language.clone_from(name),
        }
    }
}

/// The pattern of a line, in the glob crate's words, and what it sets; `None` for a line that does not matter.
fn parse_line(line: &str) -> Option<(String, Vec<Setting>)> {
    let line = line.trim_matches([' ', '\t', '\r']);
    let (pattern, words) = match line.strip_prefix('"') {
        Some(quoted) => unquote(quoted)?,
        None => line
            .split_once([' ', '\t'])
            .map(|(pattern, words)| (pattern.to_owned(), words))?,
    };
    let settings: Vec<_> = words
        .split([' ', '\t'])
        .filter_map(Setting::parse)
        .collect();
    let matters = !settings.is_empty()
        && pattern.len() <= PATTERN_BYTES_MAX
        && !pattern.starts_with(['#', '!'])
        && !pattern.starts_with("[attr]");
    matters.then(|| (as_glob(&pattern), settings))
}

/// A pattern in C quotes, and what follows it. Octal escapes, which stand for bytes that are not UTF-8, are not read.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut pattern = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((pattern, &text[at + 1..])),
            '\\' => match characters.next()?.1 {
                'n' => pattern.push('\n'),
                't' => pattern.push('\t'),
                kept @ ('"' | '\\') => pattern.push(kept),
                _ => return None,
            },
            plain => pattern.push(plain),
        }
    }
    None
}

/// A pattern without a slash matches in every folder below; braces are plain characters to git.
fn as_glob(pattern: &str) -> String {
    let anchored = pattern.strip_prefix('/').unwrap_or(pattern);
    let mut glob = if pattern.contains('/') {
        String::new()
    } else {
        "**/".to_owned()
    };
    let mut in_class = false;
    for character in anchored.chars() {
        match character {
            '[' => in_class = true,
            ']' => in_class = false,
            '{' | '}' if !in_class => glob.push('\\'),
            _ => {}
        }
        glob.push(character);
    }
    glob
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_set_unset_and_forget() {
        let table = [
            ("x linguist-generated", Some(true)),
            ("x linguist-generated=true", Some(true)),
            ("x linguist-generated=1", Some(true)),
            ("x -linguist-generated", Some(false)),
            ("x linguist-generated=false", Some(false)),
            ("x linguist-generated\nx !linguist-generated", None),
            ("x linguist-generated\nx text", Some(true)),
            ("  x\ttext  linguist-generated \r", Some(true)),
            ("# x linguist-generated", None),
            ("!x linguist-generated", None),
            ("[attr]x linguist-generated", None),
            ("x", None),
            ("\"x linguist-generated", None),
            ("\"\\x\" linguist-generated", None),
        ];
        for (text, expected) in table {
            let mut attributes = Attributes::default();
            if let Some(rules) = Rules::parse(text.as_bytes()) {
                rules.apply(b"x", &mut attributes);
            }
            assert_eq!(attributes.generated, expected, "{text:?}");
        }
    }

    #[test]
    fn hostile_files_are_bounded() {
        let many = "a* linguist-generated\n".repeat(3 * RULES_MAX);
        assert_eq!(
            Rules::parse(many.as_bytes()).unwrap().settings.len(),
            RULES_MAX
        );
        let long = format!("{} linguist-generated", "*a".repeat(LINE_BYTES_MAX));
        assert!(Rules::parse(long.as_bytes()).is_none());
        let classes = format!(
            "{} linguist-generated\n",
            "[!a]".repeat(PATTERN_BYTES_MAX / 4)
        )
        .repeat(RULES_MAX);
        let _ = Rules::parse(classes.as_bytes());
        let stars = format!("{}b linguist-generated", "*a".repeat(100));
        let mut attributes = Attributes::default();
        Rules::parse(stars.as_bytes())
            .unwrap()
            .apply("a".repeat(4000).as_bytes(), &mut attributes);
        assert_eq!(attributes, Attributes::default());
    }
}
