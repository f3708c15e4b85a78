//! What linguist's own tests assert, read from their source.

use pipeline::domain::select::SkipReason;
use regex::Regex;
use std::fs;
use std::path::{Path, PathBuf};

/// What is asserted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    Generated,
    Vendored,
    Binary,
    Modeline,
    Shebang,
}

impl Rule {
    pub fn as_str(self) -> &'static str {
        match self {
            Rule::Generated => "generated",
            Rule::Vendored => "vendored",
            Rule::Binary => "binary",
            Rule::Modeline => "modeline",
            Rule::Shebang => "shebang",
        }
    }

    /// Whether a reason of ours says the same; asked only of files that linguist says the rule does not hold for.
    pub fn is_meant_by(self, reason: SkipReason) -> bool {
        use SkipReason::*;
        match self {
            Rule::Generated => matches!(
                reason,
                GeneratedName | GeneratedHeader | SourceMap | Minified | BuildOutput
            ),
            Rule::Vendored => reason == Vendored,
            Rule::Binary => reason == Binary,
            Rule::Modeline | Rule::Shebang => false,
        }
    }
}

/// One assertion of a test.
#[derive(Debug)]
pub struct Assertion {
    pub rule: Rule,
    /// Path of the file below linguist's samples or fixtures; for a shebang the text itself.
    pub path: String,
    /// The language or interpreter, or "yes"; `None` when it is none, or the rule must not hold.
    pub expected: Option<String>,
    folder: &'static str,
}

const SAMPLES: &str = "samples";
const FIXTURES: &str = "test/fixtures";

impl Assertion {
    pub fn expected_words(&self) -> String {
        let rule = self.rule.as_str();
        match self.expected.as_deref() {
            Some("yes") => rule.to_owned(),
            Some(word) => word.to_owned(),
            None => format!("not {rule}"),
        }
    }

    /// The file's bytes; none when it is only a name.
    pub fn bytes(&self, checkout: &Path) -> Vec<u8> {
        let place: PathBuf = checkout.join(self.folder).join(&self.path);
        fs::read(place).unwrap_or_default()
    }
}

/// Every assertion about generated, vendored and binary files, modelines and shebangs.
pub fn read(checkout: &Path) -> Vec<Assertion> {
    let text =
        |name: &str| fs::read_to_string(checkout.join("test").join(name)).unwrap_or_default();
    let mut found = generated(&text("test_generated.rb"));
    for name in ["test_file_blob.rb", "test_blob.rb"] {
        found.extend(predicates(&text(name)));
    }
    let strategies = text("test_strategies.rb");
    found.extend(modelines(&strategies));
    found.extend(shebangs(&strategies));
    found.sort_by(|a, b| (a.rule, a.folder, &a.path).cmp(&(b.rule, b.folder, &b.path)));
    found.dedup_by(|a, b| {
        (a.rule, a.folder, &a.path, &a.expected) == (b.rule, b.folder, &b.path, &b.expected)
    });
    found
}

fn folder_of(word: &str) -> &'static str {
    if word.starts_with("fixture") {
        FIXTURES
    } else {
        SAMPLES
    }
}

fn yes(holds: bool) -> Option<String> {
    holds.then(|| "yes".to_owned())
}

/// `generated_sample_loading_data("Java/JFlexLexer.java")`, with `, true` where the file must not be called generated.
fn generated(text: &str) -> Vec<Assertion> {
    let call =
        Regex::new(r#"(?m)^\s*generated_(fixture|sample)_\w+\("([^"]+)"(, true)?\)"#).unwrap();
    let found = call.captures_iter(text).map(|part| Assertion {
        rule: Rule::Generated,
        path: part[2].to_owned(),
        expected: yes(part.get(3).is_none()),
        folder: folder_of(&part[1]),
    });
    found.collect()
}

/// `assert !sample_blob("ext/extconf.rb").vendored?` and the like.
fn predicates(text: &str) -> Vec<Assertion> {
    let line = Regex::new(r#"(?m)^\s*(assert|refute) (!?)(fixture|sample)_blob\w*\(['"]([^'"]+)['"]\)\.(generated|vendored|binary)\?"#).unwrap();
    let found = line.captures_iter(text).map(|part| Assertion {
        rule: match &part[5] {
            "generated" => Rule::Generated,
            "vendored" => Rule::Vendored,
            _ => Rule::Binary,
        },
        path: part[4].to_owned(),
        expected: yes((&part[1] == "assert") == part[2].is_empty()),
        folder: folder_of(&part[3]),
    });
    found.collect()
}

/// `assert_modeline Language["Ruby"], fixture_blob("Data/Modelines/ruby")`.
fn modelines(text: &str) -> Vec<Assertion> {
    let line = Regex::new(
        r#"assert_modeline (?:nil|Language\["([^"]+)"\]), (fixture|sample)_blob\("([^"]+)"\)"#,
    )
    .unwrap();
    let found = line.captures_iter(text).map(|part| Assertion {
        rule: Rule::Modeline,
        path: part[3].to_owned(),
        expected: part.get(1).map(|name| name.as_str().to_owned()),
        folder: folder_of(&part[2]),
    });
    found.collect()
}

/// `assert_interpreter "ruby", "#!/usr/bin/ruby\n# foo"`; `nil` where there is none.
fn shebangs(text: &str) -> Vec<Assertion> {
    let line = Regex::new(r#"(?m)assert_interpreter (?:nil|"(\w+)"), "(.*)"$"#).unwrap();
    let found = line.captures_iter(text).map(|part| Assertion {
        rule: Rule::Shebang,
        path: part[2].replace("\\n", "\n").replace("\\\"", "\""),
        expected: part.get(1).map(|name| name.as_str().to_owned()),
        folder: "",
    });
    found.collect()
}
