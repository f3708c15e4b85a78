//! Planted-error benchmark of the answer gates and the score.
//!
//! Takes true answers about real source files, plants errors of known kinds, and reports per kind the share caught, the area under
//! the curve of the score (true answers against that kind) and the share of true ones lost:
//!
//! ```text
//! cargo bench --bench quality -- PAIRS.jsonl SOURCES [--explain KIND]
//! ```
//!
//! `PAIRS.jsonl`: one object a line with `id`, `package`, `version`, `path`, `language`, `question`, `answer` and, if there is one, a
//! subtly wrong twin `wrong_answer` of kind `wrong_kind`. `SOURCES`: a folder with the unpacked package `<package>-<version>` for each.
#![allow(missing_docs, clippy::unwrap_used)]

mod plant;

use pipeline::domain::quality::{self, Evidence, EvidenceIndex, GateOptions, markdown::Document};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

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
    #[serde(skip)]
    pub text: String,
}

/// An answer put to the gates, and what they said.
struct Case {
    half: usize,
    id: String,
    score: f64,
    caught: Option<String>,
}

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    let [pairs, sources, rest @ ..] = arguments.as_slice() else {
        println!("usage: cargo bench --bench quality -- PAIRS.jsonl SOURCES [--explain KIND]");
        return;
    };
    let pairs = load(Path::new(pairs), Path::new(sources));
    let cases = judge_all(&pairs);
    report(&cases);
    if let [flag, kind] = rest
        && flag == "--explain"
    {
        explain(&cases[kind.as_str()], kind != "good");
    }
    measure_cost(&pairs);
}

fn load(pairs: &Path, sources: &Path) -> Vec<Pair> {
    let lines = std::fs::read_to_string(pairs).unwrap();
    let mut pairs: Vec<Pair> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for pair in &mut pairs {
        let root = sources.join(format!("{}-{}", pair.package, pair.version));
        let places: [PathBuf; 2] = [root.join(&pair.path), root.join("package").join(&pair.path)];
        let place = places
            .iter()
            .find(|p| p.is_file())
            .unwrap_or_else(|| panic!("no source for {}", pair.id));
        pair.text = String::from_utf8_lossy(&std::fs::read(place).unwrap()).into_owned();
    }
    pairs
}

fn index(pair: &Pair) -> EvidenceIndex {
    let evidence = Evidence {
        chunk: &pair.text,
        first_line: 1,
        context: "",
        repository: &pair.package,
        path: &pair.path,
        language: &pair.language,
    };
    EvidenceIndex::new(&evidence, Default::default())
}

fn judge_all(pairs: &[Pair]) -> BTreeMap<String, Vec<Case>> {
    let mut cases: BTreeMap<String, Vec<Case>> = BTreeMap::new();
    let indexes: Vec<EvidenceIndex> = pairs.iter().map(index).collect();
    for at in 0..pairs.len() {
        for planted in plant::all(pairs, at) {
            let case = judge(&planted, &indexes[planted.evidence], at);
            cases.entry(planted.kind).or_default().push(case);
        }
    }
    cases
}

fn judge(planted: &plant::Planted, evidence: &EvidenceIndex, at: usize) -> Case {
    if std::env::var("DBG").is_ok() {
        eprintln!("CASE {} {}", planted.kind, planted.id);
    }
    let (question, answer) = (&planted.question, &planted.answer);
    let verdict = quality::check_answer(question, answer, evidence, &GateOptions::default());
    let rated = quality::rate(question, answer, &Document::parse(answer), evidence);
    let beyond_doubt = matches!(&verdict, Err(rejection) if rejection.score.is_none());
    let parts: Vec<String> = rated
        .parts
        .all()
        .iter()
        .map(|(name, part)| format!("{name}={part:.2}"))
        .collect();
    Case {
        half: at % 2,
        id: format!("{} {} {:?}", planted.id, parts.join(" "), rated.flags)
            + &std::env::var("TXT")
                .map(|_| format!(" || {}", planted.answer))
                .unwrap_or_default(),
        score: if beyond_doubt { 0.0 } else { rated.value },
        caught: verdict.err().map(|r| format!("{} {}", r.code, r.detail)),
    }
}

fn report(cases: &BTreeMap<String, Vec<Case>>) {
    println!(
        "{:<28} {:>5} {:>8} {:>8} {:>7} {:>7} {:>7}",
        "kind", "n", "caught", "AUC", "AUC h0", "AUC h1", "mean"
    );
    for (kind, list) in cases {
        let caught = list.iter().filter(|c| c.caught.is_some()).count() as f64 / list.len() as f64;
        let mean = list.iter().map(|c| c.score).sum::<f64>() / list.len() as f64;
        let auc = |half: Option<usize>| area(&scores(&cases["good"], half), &scores(list, half));
        println!(
            "{kind:<28} {:>5} {caught:>8.3} {:>8.3} {:>7.3} {:>7.3} {mean:>7.3}",
            list.len(),
            auc(None),
            auc(Some(0)),
            auc(Some(1))
        );
    }
}

fn scores(cases: &[Case], half: Option<usize>) -> Vec<f64> {
    let kept = cases.iter().filter(|c| half.is_none_or(|h| c.half == h));
    kept.map(|c| c.score).collect()
}

/// Chance that a good answer scores above a bad one, ties counting half.
fn area(good: &[f64], bad: &[f64]) -> f64 {
    let wins: f64 = good
        .iter()
        .flat_map(|g| {
            bad.iter().map(move |b| {
                if g > b {
                    1.0
                } else if g == b {
                    0.5
                } else {
                    0.0
                }
            })
        })
        .sum();
    wins / (good.len() * bad.len()) as f64
}

/// Prints the misses: good answers lost, bad ones kept.
fn explain(cases: &[Case], bad: bool) {
    for case in cases {
        let missed = case.caught.is_none() == bad;
        println!(
            "{} {:.3} {} {}",
            if missed { "MISS" } else { "ok" },
            case.score,
            case.id,
            case.caught.as_deref().unwrap_or("-")
        );
    }
}

fn measure_cost(pairs: &[Pair]) {
    let started = Instant::now();
    let indexes: Vec<EvidenceIndex> = pairs.iter().map(index).collect();
    let building = started.elapsed();
    let started = Instant::now();
    let options = GateOptions::default();
    let rounds = 20;
    for _ in 0..rounds {
        for (pair, index) in pairs.iter().zip(&indexes) {
            let _ = std::hint::black_box(quality::check_answer(
                &pair.question,
                &pair.answer,
                index,
                &options,
            ));
        }
    }
    let checks = (rounds * pairs.len()) as f64;
    println!(
        "index {:.0} us a chunk, check {:.0} us an answer",
        building.as_secs_f64() * 1e6 / pairs.len() as f64,
        started.elapsed().as_secs_f64() * 1e6 / checks
    );
}
