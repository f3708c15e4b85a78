//! Planted-error benchmark of the answer gates and the score.
//!
//! Takes true answers about real source files, plants errors of known kinds, and reports for each kind the share caught (refused, or below the
//! least score) and the area under the curve of the score, true answers against that kind; then the same for other least scores,
//! and what a check costs. `good` is the share of true answers lost.
//!
//! ```text
//! cargo bench --bench quality                                       the table, of the pairs that come with it
//! cargo bench --bench quality -- PAIRS.jsonl SOURCES                of others
//! cargo bench --bench quality -- [PAIRS.jsonl SOURCES] --explain KIND  every answer of a kind with its score and parts
//! ```
//!
//! The first ones, `pairs/pairs.jsonl`, are about files of the crates that this package is built from, where cargo keeps them; whoever wrote them had not seen the
//! checks. A pair whose file is another one by now, since `Cargo.lock` moved on, is left out and counted.
//!
//! `PAIRS.jsonl`: one object a line with `id`, `package`, `version`, `path`, `language`, `question`, `answer` and, if there are, the `sha256` of
//! the file and a subtly wrong twin `wrong_answer` of kind `wrong_kind`. `SOURCES`: a folder that holds the unpacked package
//! `<package>-<version>` of each; it stands for the repository.
#![allow(missing_docs, clippy::unwrap_used)]

mod pairs;
mod plant;

use pairs::Pair;
use pipeline::domain::quality::{
    self, Elsewhere, Evidence, EvidenceIndex, Examined, GateOptions, Rejection, Score,
    markdown::Document, premise,
};
use std::collections::BTreeMap;
use std::path::Path;
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
    let (given, explained) = match &given[..] {
        [given @ .., flag, kind] if flag == "--explain" => (given, Some(kind)),
        given => (given, None),
    };
    let pairs = match given {
        [] => pairs::own(),
        [pairs, sources] => pairs::load(Path::new(pairs), |package| {
            Some(Path::new(sources).join(package))
        }),
        _ => {
            println!(
                "usage: cargo bench --bench quality -- [PAIRS.jsonl SOURCES] [--explain KIND]"
            );
            return;
        }
    };
    let cases = judge_all(&pairs);
    report(&cases);
    report_least_scores(&cases);
    report_questions(&pairs);
    if let Some(kind) = explained {
        explain(&cases[kind.as_str()]);
    }
    measure_cost(&pairs);
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
