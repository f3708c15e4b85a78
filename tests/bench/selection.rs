//! Selection and language detection held against github-linguist's own tests and samples.
//!
//! ```text
//! cargo bench --bench selection -- LINGUIST             agreement for each rule, every disagreement
//! cargo bench --bench selection -- LINGUIST --samples   also every sample whose language is told differently
//! ```
//!
//! `LINGUIST` is a checkout of <https://github.com/github-linguist/linguist>. What its tests assert about a path or a file is asked of
//! `select` and `language` too. "Left out" counts as agreement whatever our reason is: linguist calls `node_modules` both vendored and
//! generated. Disagreements meant to be there say why (`MEANT`); the others are the ones to look at. At the end every sample
//! is cut into chunks, which must rejoin to it.
#![allow(missing_docs, clippy::unwrap_used)]

mod linguist_tests;

use linguist_tests::{Assertion, Rule};
use pipeline::domain::chunk::{Layout, split};
use pipeline::domain::language::{self, Language};
use pipeline::domain::select::{
    self, Attributes, FileKind, PathFacts, SelectOptions, Skip, Tracked,
};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Where we differ from linguist on purpose: the rule, what the path ends with or lies in, and why.
const MEANT: &[(Rule, &str, &str)] = &[
    (Rule::Vendored, ".DS_Store", "binary, as its content tells"),
    (
        Rule::Vendored,
        ".indent.pro",
        "settings written for the project",
    ),
    (Rule::Vendored, ".osx", "a script people write themselves"),
    (
        Rule::Vendored,
        "Godeps/Godeps.json",
        "generated, for linguist too",
    ),
    (
        Rule::Vendored,
        "Jenkinsfile",
        "tells how the project is built",
    ),
    (
        Rule::Vendored,
        "Vagrantfile",
        "tells how the project is run",
    ),
    (
        Rule::Vendored,
        "fabfile.py",
        "tells how the project is deployed",
    ),
    (
        Rule::Vendored,
        "debian/",
        "packaging written for the project",
    ),
    (Rule::Vendored, "docs/theme/", "often the project's own"),
    (
        Rule::Vendored,
        "env/foo.py",
        "a folder of sources as often; virtual environments are told by site-packages",
    ),
    (
        Rule::Vendored,
        "path/Chart.js",
        "'chart' names many a file of one's own",
    ),
    (Rule::Vendored, "src/bootstrap-custom.js", "among sources"),
];

/// What a verdict on a path or a file came to.
#[derive(Default)]
struct Tally {
    agreed: usize,
    meant: usize,
    others: Vec<String>,
}

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|one| one != "--bench")
        .collect();
    let Some(checkout) = arguments.first().map(Path::new) else {
        println!("say where linguist is: cargo bench --bench selection -- LINGUIST");
        return;
    };
    let assertions = linguist_tests::read(checkout);
    let mut tallies: BTreeMap<Rule, Tally> = BTreeMap::new();
    for one in &assertions {
        tallies.entry(one.rule).or_default().add(one, checkout);
    }
    for (rule, tally) in &tallies {
        tally.print(rule.as_str());
    }
    samples(checkout, arguments.iter().any(|one| one == "--samples"));
}

impl Tally {
    fn add(&mut self, one: &Assertion, checkout: &Path) {
        let Some(ours) = disagreement(one, checkout) else {
            self.agreed += 1;
            return;
        };
        let meant = MEANT
            .iter()
            .find(|(rule, path, _)| *rule == one.rule && one.path.contains(path));
        let line = format!(
            "linguist: {}; here: {ours}; {}",
            one.expected_words(),
            one.path.escape_debug()
        );
        match meant {
            Some((.., why)) => {
                self.meant += 1;
                self.others.push(format!("  meant  {line} ({why})"));
            }
            None => self.others.push(format!("  LOOK   {line}")),
        }
    }

    fn print(&self, name: &str) {
        let all = self.agreed + self.others.len();
        println!(
            "{name:<14} {:>4} of {all:<4} agree, {} differ on purpose, {} otherwise",
            self.agreed,
            self.meant,
            self.others.len() - self.meant
        );
        for line in &self.others {
            println!("{line}");
        }
    }
}

/// What we say instead; `None` where we agree.
fn disagreement(one: &Assertion, checkout: &Path) -> Option<String> {
    match one.rule {
        Rule::Generated | Rule::Vendored | Rule::Binary => {
            let skip = verdict(&one.path, &one.bytes(checkout));
            let is_so = if one.expected.is_some() {
                skip.is_some()
            } else {
                skip.as_ref()
                    .is_some_and(|skip| one.rule.is_meant_by(skip.reason))
            };
            (is_so != one.expected.is_some())
                .then(|| skip.map_or("kept".to_owned(), |skip| skip.to_string()))
        }
        Rule::Modeline => {
            let text = String::from_utf8_lossy(&one.bytes(checkout)).into_owned();
            told(&one.path, &text, one.expected.as_deref())
        }
        Rule::Shebang => {
            let bare = one
                .expected
                .as_ref()
                .and_then(|program| language::detect(b"", &format!("#!/bin/{program}\n")));
            let found = language::detect(b"", &one.path);
            (found != bare).then(|| found.map_or("nothing".to_owned(), |one| one.name().to_owned()))
        }
    }
}

fn told(path: &str, text: &str, expected: Option<&str>) -> Option<String> {
    let found = language::detect(path.as_bytes(), text).map(Language::name);
    (expected.is_some() && found != expected).then(|| found.unwrap_or("nothing").to_owned())
}

/// Why a file is left out, if it is. A path of linguist's tests need not exist: then its name alone is judged.
fn verdict(path: &str, bytes: &[u8]) -> Option<Skip> {
    let attributes = Attributes::default();
    let facts = PathFacts {
        path: path.as_bytes(),
        kind: FileKind::Regular,
        tracked: Tracked::Yes,
        file_bytes: bytes.len().max(100) as u64,
        attributes: &attributes,
    };
    let options = SelectOptions::new(&[], &[], &[], 16 << 20).unwrap();
    if let Err(skip) = select::by_path(&facts, &options) {
        return Some(skip);
    }
    if bytes.is_empty() {
        return None;
    }
    select::by_content(bytes, &facts, &options).err()
}

/// One of linguist's samples: the language it is a sample of, its name, and its text.
struct Sample {
    language: String,
    name: String,
    text: String,
}

fn read_samples(checkout: &Path) -> Vec<Sample> {
    let mut found = Vec::new();
    for folder in fs::read_dir(checkout.join("samples")).unwrap().flatten() {
        // The one folder that does not bear its language's name.
        let language = folder.file_name().into_string().unwrap();
        let language = language.replace("Fstar", "F*");
        for place in [folder.path(), folder.path().join("filenames")] {
            for file in fs::read_dir(place).into_iter().flatten().flatten() {
                if file.file_type().is_ok_and(|kind| kind.is_file()) {
                    found.push(Sample {
                        language: language.clone(),
                        name: file.file_name().to_string_lossy().into_owned(),
                        text: text_of(&fs::read(file.path()).unwrap()),
                    });
                }
            }
        }
    }
    found
}

fn text_of(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.strip_prefix('\u{feff}')
        .unwrap_or(&text)
        .replace("\r\n", "\n")
}

fn samples(checkout: &Path, lists_all: bool) {
    let samples = read_samples(checkout);
    let by_name = |sample: &Sample| language::detect(sample.name.as_bytes(), &sample.text);
    print_languages("language", &samples, by_name, lists_all);
    let scripts: Vec<Sample> = samples
        .iter()
        .filter(|one| one.text.starts_with("#!"))
        .map(Sample::nameless)
        .collect();
    print_languages("shebang alone", &scripts, by_name, lists_all);
    let reasons = samples
        .iter()
        .filter_map(|one| verdict(&one.name, one.text.as_bytes()));
    let mut by_reason: BTreeMap<_, usize> = BTreeMap::new();
    for skip in reasons {
        *by_reason.entry(skip.reason).or_default() += 1;
    }
    println!("samples left out, by reason:");
    for (reason, count) in by_reason {
        println!("  {count:>5}  {reason}");
    }
    rejoin(&samples);
}

impl Sample {
    fn nameless(&self) -> Sample {
        Sample {
            language: self.language.clone(),
            name: String::new(),
            text: self.text.clone(),
        }
    }
}

fn print_languages(
    title: &str,
    samples: &[Sample],
    detect: impl Fn(&Sample) -> Option<Language>,
    lists_all: bool,
) {
    let mut wrong: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut all: BTreeMap<&str, usize> = BTreeMap::new();
    for sample in samples {
        *all.entry(&sample.language).or_default() += 1;
        let found = detect(sample).map_or("nothing", Language::name);
        if found != sample.language {
            wrong
                .entry(&sample.language)
                .or_default()
                .push(format!("{} is {found}", sample.name));
        }
    }
    let missed: usize = wrong.values().map(Vec::len).sum();
    let right = samples.len() - missed;
    println!(
        "{title:<14} {right:>4} of {:<4} agree, {:.1} %",
        samples.len(),
        100.0 * right as f64 / samples.len() as f64
    );
    let mut worst: Vec<_> = wrong.into_iter().collect();
    worst.sort_by_key(|(_, files)| std::cmp::Reverse(files.len()));
    for (language, files) in worst.iter().take(if lists_all { usize::MAX } else { 12 }) {
        println!(
            "  {language:<22} {:>3} of {:<3} wrong: {}",
            files.len(),
            all[language],
            files
                .iter()
                .take(if lists_all { usize::MAX } else { 3 })
                .cloned()
                .collect::<Vec<_>>()
                .join(", ")
        );
    }
}

/// Cuts every sample at several budgets and checks that the chunks cover it in order and keep to the budget.
fn rejoin(samples: &[Sample]) {
    let (mut cut, mut chunks, mut with_outline) = (0, 0, 0);
    for sample in samples {
        let layout = Layout::of(&sample.text, &sample.language);
        with_outline += usize::from(!layout.outline.symbols.is_empty());
        for bytes_max in [200, 1500, 15_000] {
            let found = layout.split(&sample.text, bytes_max);
            assert_eq!(found, split(&sample.text, &sample.language, bytes_max));
            let mut end = 0;
            for chunk in &found {
                assert!(
                    chunk.range.start == end && chunk.range.len() <= bytes_max,
                    "{} {chunk:?}",
                    sample.name
                );
                end = chunk.range.end;
            }
            assert_eq!(end, sample.text.len(), "{}", sample.name);
            cut += 1;
            chunks += found.len();
        }
    }
    println!(
        "chunks: {} samples cut at three budgets into {chunks}, all of {cut} rejoin; {with_outline} have an outline",
        samples.len()
    );
}
