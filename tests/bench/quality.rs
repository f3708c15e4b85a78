//! Planted-error benchmark of the answer gates and the score.
//!
//! Takes true answers about real source files, plants errors of known kinds, and reports for each kind the share caught (refused, or below the
//! least score) and the area under the curve of the score, true answers against that kind; then the same for other least scores,
//! and what a check costs. `good` is the share of true answers lost.
//!
//! ```text
//! cargo bench --bench quality -- PAIRS.jsonl SOURCES                the table
//! cargo bench --bench quality -- PAIRS.jsonl SOURCES --explain KIND  every answer of a kind with its score and parts
//! ```
//!
//! `PAIRS.jsonl`: one object a line with `id`, `package`, `version`, `path`, `language`, `question`, `answer` and, if there is one, a subtly
//! wrong twin `wrong_answer` of kind `wrong_kind`. `SOURCES`: a folder that holds the unpacked package `<package>-<version>` of each; it stands
//! for the repository.
#![allow(missing_docs, clippy::unwrap_used)]

mod plant;

use pipeline::domain::chunk::Outline;
use pipeline::domain::quality::{
    self, Elsewhere, Evidence, EvidenceIndex, Examined, GateOptions, Rejection, Score,
    markdown::Document, premise,
};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Instant;

/// Kinds that mechanics can be expected to see.
const VISIBLE: &[&str] = &[
    "copied block",
    "copied plain",
    "cut at character",
    "generic",
    "generic, naming",
    "moved far, answer",
    "moved far, whole",
    "moved near, answer",
    "moved near, whole",
    "numbers all",
    "rambling",
    "rambling at length",
    "refused",
    "renamed all",
    "renamed one",
    "repeated sentence",
    "repeated sentence once",
    "repeated whole",
];

/// One labelled pair.
#[derive(Deserialize)]
pub struct Pair {
    pub id: String,
    pub package: String,
    pub version: String,
    pub path: String,
    pub language: String,
    pub question: String,
    pub answer: String,
    pub wrong_answer: Option<String>,
    pub wrong_kind: Option<String>,
    /// The file that the pair is about.
    #[serde(skip)]
    pub source: String,
    /// What its package defines.
    #[serde(skip)]
    pub package_has: Rc<Package>,
}

/// A package, standing for the repository of a pair.
#[derive(Default)]
pub struct Package {
    /// Names that its files define, in order.
    pub names: Vec<String>,
    elsewhere: Elsewhere,
}

/// An answer put to the gates.
struct Case {
    /// Which half of the files it belongs to.
    half: usize,
    /// 0 if it was refused beyond doubt.
    score: f64,
    /// What the gates said.
    verdict: String,
}

type Cases = BTreeMap<String, Vec<Case>>;

fn main() {
    let given: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    let [pairs, sources, rest @ ..] = &given[..] else {
        println!("usage: cargo bench --bench quality -- PAIRS.jsonl SOURCES [--explain KIND]");
        return;
    };
    let pairs = load(Path::new(pairs), Path::new(sources));
    let cases = judge_all(&pairs);
    report(&cases);
    report_least_scores(&cases);
    report_questions(&pairs);
    if let [flag, kind] = rest
        && flag == "--explain"
    {
        explain(&cases[kind.as_str()]);
    }
    measure_cost(&pairs);
}

fn load(pairs: &Path, sources: &Path) -> Vec<Pair> {
    let lines = std::fs::read_to_string(pairs).unwrap();
    let mut pairs: Vec<Pair> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let mut packages: BTreeMap<PathBuf, Rc<Package>> = BTreeMap::new();
    for pair in &mut pairs {
        let root = sources.join(format!("{}-{}", pair.package, pair.version));
        let package = packages.entry(root.clone());
        pair.package_has = Rc::clone(package.or_insert_with(|| Rc::new(Package::of(&root))));
        let places = [root.join(&pair.path), root.join("package").join(&pair.path)];
        let place = places.iter().find(|place| place.is_file());
        let place = place.unwrap_or_else(|| panic!("no source for {}", pair.id));
        pair.source = String::from_utf8_lossy(&std::fs::read(place).unwrap()).into_owned();
    }
    pairs
}

impl Package {
    fn of(root: &Path) -> Self {
        let mut package = Package::default();
        // A package may be a link into the registry's folder.
        let files = walkdir::WalkDir::new(root).follow_root_links(true);
        for file in files.sort_by_file_name().into_iter().flatten() {
            let path = file.path().strip_prefix(root).unwrap().to_str().unwrap();
            let Ok(bytes) = std::fs::read(file.path()) else {
                continue;
            };
            package.elsewhere.add_path(path);
            let text = String::from_utf8_lossy(&bytes);
            let outline = Outline::of(&text, language_of(path));
            package.elsewhere.add_definitions(&outline, &text);
            let symbols = outline.symbols.iter();
            package
                .names
                .extend(symbols.map(|symbol| symbol.short_name().to_owned()));
        }
        package
    }
}

fn language_of(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "rs" => "Rust",
        "py" => "Python",
        "js" | "cjs" | "mjs" => "JavaScript",
        "ts" | "mts" | "cts" => "TypeScript",
        "c" | "h" => "C",
        "cc" | "cpp" | "hpp" => "C++",
        "cs" => "C#",
        "go" => "Go",
        "java" => "Java",
        "kt" => "Kotlin",
        "lua" => "Lua",
        "php" => "PHP",
        "rb" => "Ruby",
        "sh" => "Shell",
        "swift" => "Swift",
        _ => "Text",
    }
}

fn index(pair: &Pair) -> EvidenceIndex {
    let evidence = Evidence {
        chunk: &pair.source,
        first_line: 1,
        context: "",
        repository: &pair.package,
        path: &pair.path,
    };
    EvidenceIndex::new(&evidence, Default::default())
}

fn judge_all(pairs: &[Pair]) -> Cases {
    let indexes: Vec<EvidenceIndex> = pairs.iter().map(index).collect();
    let mut paths: Vec<&str> = pairs.iter().map(|pair| pair.path.as_str()).collect();
    paths.dedup();
    let mut cases = Cases::new();
    for at in 0..pairs.len() {
        let half = paths
            .iter()
            .position(|path| *path == pairs[at].path)
            .unwrap()
            % 2;
        for planted in plant::all(pairs, at) {
            let mut case = judge(
                &planted,
                &pairs[planted.evidence],
                &indexes[planted.evidence],
                half,
            );
            case.verdict += &change(&pairs[at].answer, &planted.answer);
            cases.entry(planted.kind).or_default().push(case);
        }
    }
    cases
}

fn judge(planted: &plant::Planted, pair: &Pair, evidence: &EvidenceIndex, half: usize) -> Case {
    let elsewhere = &pair.package_has.elsewhere;
    let (question, answer) = (&planted.question, &planted.answer);
    let verdict = check(question, answer, evidence, elsewhere);
    let mut examined = Examined::of(question, answer, Document::parse(answer), evidence);
    examined.look_up(elsewhere);
    let rated = examined.score();
    let beyond_doubt = matches!(&verdict, Err(rejection) if rejection.score.is_none());
    let parts = rated
        .parts
        .all()
        .map(|(name, part)| format!("{name} {part:.2}"))
        .join(", ");
    let refused = verdict
        .err()
        .map_or(String::new(), |r| format!(" {}: {}", r.code, r.detail));
    Case {
        half,
        score: if beyond_doubt { 0.0 } else { rated.value },
        verdict: format!("{} ({parts}) {:?}{refused}", planted.id, rated.flags),
    }
}

/// The verdict on an answer that is looked up in all of its package.
fn check(
    question: &str,
    answer: &str,
    evidence: &EvidenceIndex,
    elsewhere: &Elsewhere,
) -> Result<Score, Rejection> {
    let options = GateOptions::default();
    let mut examined = quality::examine(question, answer, evidence, &options)?;
    examined.look_up(elsewhere);
    examined.verdict(options.min_score)
}

/// What was planted: where the answer begins to differ from the true one, and the words there.
fn change(good: &str, planted: &str) -> String {
    const CHARS_SHOWN: usize = 48;
    const CHARS_BEFORE: usize = 24;
    let both = good.chars().zip(planted.chars());
    let same = both.take_while(|(one, other)| one == other).count();
    let from = |text: &str| -> String {
        let start = same.saturating_sub(CHARS_BEFORE);
        text.chars().skip(start).take(CHARS_SHOWN).collect()
    };
    if good == planted {
        return String::new();
    }
    format!(" {:?} became {:?}", from(good), from(planted))
}

fn report(cases: &Cases) {
    println!(
        "{:<26}{:>6}{:>8}{:>8}{:>9}{:>9}",
        "kind", "n", "caught", "AUC", "1st half", "2nd half"
    );
    for (kind, list) in cases {
        let auc = |half: Option<usize>| area(&scores(&cases["good"], half), &scores(list, half));
        let caught = caught(list, quality::MIN_SCORE_DEFAULT);
        let (all, first, second) = (auc(None), auc(Some(0)), auc(Some(1)));
        println!(
            "{kind:<26}{:>6}{caught:>8.3}{all:>8.3}{first:>9.3}{second:>9.3}",
            list.len()
        );
    }
}

fn report_least_scores(cases: &Cases) {
    println!("\nleast score   good lost   visible kinds caught (mean)   numbers all   renamed one");
    for tenths in 3..=8 {
        let least = f64::from(tenths) / 10.0;
        let share = |kind: &str| cases.get(kind).map(|list| caught(list, least));
        let visible: Vec<f64> = VISIBLE.iter().filter_map(|kind| share(kind)).collect();
        let mean = visible.iter().sum::<f64>() / visible.len() as f64;
        let [lost, numbers, renamed] =
            ["good", "numbers all", "renamed one"].map(|kind| share(kind).unwrap_or(0.0));
        println!("{least:>11.1}{lost:>12.3}{mean:>30.3}{numbers:>14.3}{renamed:>14.3}");
    }
}

/// Every question was asked in earnest: one that is said to name what is not there is lost, unless it stands on a false premise on purpose.
fn report_questions(pairs: &[Pair]) {
    let unknown = pairs.iter().filter_map(|pair| {
        let elsewhere = Some(&pair.package_has.elsewhere);
        let name = premise::unknown_name(&pair.question, &index(pair), elsewhere)?;
        Some(format!("{} {name}", pair.id))
    });
    let unknown: Vec<String> = unknown.collect();
    println!(
        "\nquestions that name what is not there: {} of {} {unknown:?}",
        unknown.len(),
        pairs.len()
    );
}

fn caught(cases: &[Case], least: f64) -> f64 {
    cases.iter().filter(|case| case.score < least).count() as f64 / cases.len() as f64
}

fn scores(cases: &[Case], half: Option<usize>) -> Vec<f64> {
    let kept = cases
        .iter()
        .filter(|case| half.is_none_or(|half| case.half == half));
    kept.map(|case| case.score).collect()
}

/// Chance that a true answer scores above a false one, ties counting half.
fn area(good: &[f64], bad: &[f64]) -> f64 {
    let win = |good: f64, bad: f64| {
        f64::from(u8::from(good > bad)) + 0.5 * f64::from(u8::from(good == bad))
    };
    let wins: f64 = good
        .iter()
        .flat_map(|g| bad.iter().map(move |b| win(*g, *b)))
        .sum();
    wins / (good.len() * bad.len()) as f64
}

fn explain(cases: &[Case]) {
    for case in cases {
        println!("{:.3} {}", case.score, case.verdict);
    }
}

fn measure_cost(pairs: &[Pair]) {
    const ROUNDS: usize = 20;
    let started = Instant::now();
    let indexes: Vec<EvidenceIndex> = pairs.iter().map(index).collect();
    let building = started.elapsed().as_secs_f64() * 1e6 / pairs.len() as f64;
    let started = Instant::now();
    for (pair, index) in pairs
        .iter()
        .zip(&indexes)
        .cycle()
        .take(ROUNDS * pairs.len())
    {
        let elsewhere = &pair.package_has.elsewhere;
        let verdict = check(&pair.question, &pair.answer, index, elsewhere);
        let _ = std::hint::black_box(verdict);
    }
    let checking = started.elapsed().as_secs_f64() * 1e6 / (ROUNDS * pairs.len()) as f64;
    println!("\nindex {building:.0} us a chunk, check {checking:.0} us an answer");
}
