//! Whether a question can be understood without the file it was written from.
//!
//! Two things go wrong: questions that point at something the reader cannot see ("this code", "the function above"), and questions that
//! name nothing to look for. Both are told by words alone, on the strict side: what fails is asked again once.

use std::sync::LazyLock;

use regex::Regex;

use crate::domain::chunk::{Outline, Symbol};
use crate::domain::failure::FailureCode;

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

/// What is wrong with a question. The text form completes "the question …" and is told to the model that repairs it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// Fewer than 4 words.
    #[error("is too short")]
    TooShort,
    /// More than 600 characters.
    #[error("is too long")]
    TooLong,
    /// It does not end in a question mark.
    #[error("does not end with a question mark")]
    NotAQuestion,
    /// More than two questions, or a list.
    #[error("asks several things at once")]
    Several,
    /// It points at what the reader cannot see.
    #[error("says \"{0}\", which the reader cannot see")]
    LeansOn(String),
    /// It names neither the project nor the file nor a symbol.
    #[error("names neither the project nor the file nor a symbol of it")]
    NamesNothing,
}

impl Flaw {
    /// The stored reason.
    pub fn code(&self) -> FailureCode {
        match self {
            Flaw::LeansOn(_) | Flaw::NamesNothing => FailureCode::QuestionNotStandalone,
            Flaw::TooShort | Flaw::TooLong | Flaw::NotAQuestion | Flaw::Several => {
                FailureCode::QuestionMalformed
            }
        }
    }
}

const WORDS_MIN: usize = 4;
const CHARS_MAX: usize = 600;

/// Whether a question is one question that makes sense to a reader who has never seen the file.
pub fn question_stands_alone(question: &str, names: &Names) -> Result<(), Flaw> {
    let question = question.trim();
    check_form(question)?;
    if let Some(phrase) = leaning_phrase(&without_code(question)) {
        return Err(Flaw::LeansOn(phrase));
    }
    if names.repository_in(question) || names.file_in(question) || names.symbol_in(question) {
        return Ok(());
    }
    Err(Flaw::NamesNothing)
}

fn check_form(question: &str) -> Result<(), Flaw> {
    if question.split_whitespace().count() < WORDS_MIN {
        return Err(Flaw::TooShort);
    }
    if question.chars().count() > CHARS_MAX {
        return Err(Flaw::TooLong);
    }
    if !question
        .trim_end_matches(['"', ')', '*', '”', ' '])
        .ends_with('?')
    {
        return Err(Flaw::NotAQuestion);
    }
    let asked = without_code(question).matches('?').count();
    let items = question.lines().filter(|line| is_list_item(line)).count();
    let lettered = question.contains("(a)") && question.contains("(b)")
        || question.contains(" 1) ") && question.contains(" 2) ");
    if asked > 2 || items > 1 || lettered {
        Err(Flaw::Several)
    } else {
        Ok(())
    }
}

fn is_list_item(line: &str) -> bool {
    let line = line.trim_start();
    let after_number = line.trim_start_matches(|c: char| c.is_ascii_digit());
    line.starts_with(['-', '*', '•'])
        || after_number.len() < line.len() && after_number.starts_with(['.', ')'])
}

/// The question with quoted code and strings blanked, so that they are not read as its words.
fn without_code(question: &str) -> String {
    let mut kept = String::with_capacity(question.len());
    let mut quote: Option<char> = None;
    for character in question.chars() {
        match quote {
            Some(open) if open == character => quote = None,
            Some(_) => {}
            None if matches!(character, '`' | '"') => {
                quote = Some(character);
                kept.push('_');
            }
            None => kept.push(character),
        }
    }
    kept
}

/// Nouns that stand for what the model was shown.
const SHOWN: &str = "code|source|snippet|excerpt|listing|passage|chunk|fragment|script|program|implementation|documentation|\
                     function|method|class|struct|enum|trait|interface|module|file|document|section|test|macro|header|block|\
                     example|text|context|repository|repo|project|codebase|package|library";
/// Phrases that lean on something unseen, each with the words that make it innocent when they come next.
const LEANING: [(&str, &str); 8] = [
    (
        r"this (?:\w+ )?(?:{shown}|line|loop|condition|statement|variable|type)s?|these (?:{shown}|line|type|variable|value)s",
        "",
    ),
    (
        r"the (?:given|provided|above|following|shown|attached|preceding|displayed) (?:\w+ )?(?:code|source|snippet|excerpt|listing|passage|implementation|script|program|context|documentation|example|text|function|method|class|file|module)s?|(?:above|given|provided|following) (?:code|snippet|excerpt)",
        "path|paths|name|names|descriptor|descriptors|pointer|pointers|object|objects|size|type|types|handle|system|extension|extensions|argument|arguments|does|is|returns|raises|throws|fails",
    ),
    (
        r"the (?:code )?(?:snippet|excerpt|listing|passage|fragment|sample|block of code|piece of code|chunk of code|code block)",
        "size|sizes|of|generator|engine|manager|file|files",
    ),
    (
        "the code",
        "point|points|page|pages|unit|units|path|paths|base|of|for|generator|that|which|in",
    ),
    (
        r"the (?:\w+ )?(?:{shown}|line|example|type|value|variable|constant)s? (?:shown |listed |given |defined |provided )?(?:above|below|here)",
        r"the|a|an|that|which|\d+",
    ),
    (
        r"(?:shown|listed|mentioned|described|defined|given|provided|seen) (?:above|below|here|in the (?:text|context|snippet|excerpt))|(?:what is|what's) (?:here|above|below)",
        "",
    ),
    (r"lines? \d+(?: ?(?:-|–|to) ?\d+)?", ""),
    (
        r"(?:according to|based on|as per|in|from|of) the (?:source|context|snippet|excerpt|text provided|provided text|source text|code above)",
        "code|of|tree|file|files|map|maps|directory|folder|address|port|ip|string|url|repository|node|object|package|image|stream|type|menu|manager",
    ),
];

/// The first phrase of a question that points at what its reader cannot see.
fn leaning_phrase(question: &str) -> Option<String> {
    static PATTERNS: LazyLock<Vec<(Regex, Option<Regex>)>> = LazyLock::new(|| {
        let compile = |(phrase, innocent): &(&str, &str)| {
            let phrase = format!(r"(?i)\b(?:{})\b", phrase.replace("{shown}", SHOWN));
            let innocent = (!innocent.is_empty())
                .then(|| Regex::new(&format!(r"(?i)^\s+(?:{innocent})\b")).ok())
                .flatten();
            Some((Regex::new(&phrase).ok()?, innocent))
        };
        LEANING.iter().filter_map(compile).collect()
    });
    PATTERNS.iter().find_map(|(phrase, innocent)| {
        let leans = |found: &regex::Match| {
            !innocent
                .as_ref()
                .is_some_and(|next| next.is_match(&question[found.end()..]))
        };
        phrase
            .find_iter(question)
            .find(leans)
            .map(|found| found.as_str().to_owned())
    })
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
    fn repository_in(&self, question: &str) -> bool {
        let trimmed = self.repository.trim_end_matches('/');
        let name = trimmed.rsplit('/').next().unwrap_or_default();
        let mut parts = name
            .split(['-', '_', '.'])
            .filter(|part| is_telling_word(part, &COMMON_AFFIXES));
        has_word(question, name, name.chars().count() > 2)
            || parts.any(|part| has_word(question, part, true))
    }

    /// The file's name, the module it makes, or a folder whose name says more than most.
    fn file_in(&self, question: &str) -> bool {
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
    fn symbol_in(&self, question: &str) -> bool {
        code_words(question).iter().any(|word| self.is_symbol(word))
    }

    fn is_symbol(&self, word: &str) -> bool {
        let parts: Vec<&str> = word
            .split(['.', ':', '>', '#', '\\', '-'])
            .filter(|part| !part.is_empty())
            .collect();
        let is_telling =
            |part: &str| parts.len() > 1 || part.len() >= 3 && !COMMON_SYMBOLS.contains(&part);
        let is_defined = |part: &str| {
            let named = |symbol: &Symbol| symbol.short_name() == part || symbol.name == word;
            self.outline.symbols.iter().any(named)
        };
        let has_shape = |part: &str| {
            part.len() >= 6 && (part.contains('_') || part.chars().skip(1).any(char::is_uppercase))
        };
        let is_written =
            |part: &str| self.outline.symbols.is_empty() && part.len() >= 4 || has_shape(part);
        parts.iter().any(|&part| {
            is_telling(part)
                && (is_defined(part) || is_written(part) && has_word(self.text, part, false))
        })
    }
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

#[cfg(test)]
mod tests;
