//! The dataset in numbers as text: aligned columns, no line over 80 of them.

use crate::commands::screen::{line, tail};
use crate::domain::failure::FailureCode;
use crate::domain::price::Cost;
use crate::domain::tally::{Share, Tally, UNKNOWN, Use};
use crate::report::plural;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Rows of one table; the JSON form has all.
const ROWS_MAX: usize = 20;
/// Width of a table's first column.
const NAME_WIDTH: usize = 36;
/// Length of the longest bar.
const BAR_WIDTH: u64 = 40;

/// The whole text.
pub fn text(tally: &Tally) -> String {
    let files = &tally.files;
    let mut text = format!(
        "{}: {} done, {} partly done, {} failed",
        plural(files.total(), "file", "files"),
        files.done,
        files.partly_done,
        files.failed
    );
    if files.empty > 0 {
        let _ = write!(text, ", {} with nothing to ask about", files.empty);
    }
    text += &samples(tally);
    if files.total() == 0 {
        text += "nothing processed yet: `pipeline run` clones what repos.txt lists and writes samples\n";
        return text;
    }
    text += &shares("repository", &tally.repositories);
    text += &shares("language", &tally.languages);
    text += &histogram(tally);
    text += &coverage(tally);
    text += &counts("licence", "samples", &tally.licences);
    text += &reasons("failed files", &tally.failures);
    text += &reasons("failed questions and answers", &tally.failed_items);
    text += &counts("not selected", "files", &tally.skipped);
    text += &spend("model, stored answers only", &tally.models);
    text += &spend("judge", &tally.judges);
    text += &cost(tally);
    text
}

fn samples(tally: &Tally) -> String {
    let scores = &tally.scores;
    let mut text = format!("\n{}", plural(scores.samples, "sample", "samples"));
    if tally.multi_turn > 0 {
        let _ = write!(text, ", {} of several turns", tally.multi_turn);
    }
    if scores.samples > 0 {
        let _ = write!(text, "; mean score {:.3}", scores.score_mean);
    }
    text + "\n"
}

fn shares(title: &str, shares: &BTreeMap<String, Share>) -> String {
    let mut rows: Vec<_> = shares.iter().collect();
    rows.sort_by_key(|(_, share)| std::cmp::Reverse((share.scores.samples, share.files.total())));
    let mut text = format!(
        "\n{title:NAME_WIDTH$}{:>8}{:>8}{:>8}{:>10}{:>8}\n",
        "done", "partly", "failed", "samples", "score"
    );
    for (name, share) in rows.iter().take(ROWS_MAX) {
        let (files, scores) = (&share.files, &share.scores);
        let mean = match scores.samples {
            0 => "-".to_owned(),
            _ => format!("{:.3}", scores.score_mean),
        };
        let _ = writeln!(
            text,
            "{}{:>8}{:>8}{:>8}{:>10}{mean:>8}",
            name_column(name),
            files.done,
            files.partly_done,
            files.failed,
            scores.samples
        );
    }
    text + &left_out(rows.len())
}

fn histogram(tally: &Tally) -> String {
    let bins = tally.score_histogram.iter().enumerate();
    let bins = bins.map(|(bin, count)| {
        let end = if bin == 9 { ']' } else { ')' };
        (
            format!(
                "[{:.1}, {:.1}{end}",
                bin as f64 / 10.0,
                (bin + 1) as f64 / 10.0
            ),
            *count,
        )
    });
    bars("score", &bins.collect::<Vec<_>>())
}

fn coverage(tally: &Tally) -> String {
    let coverage = &tally.coverage;
    let kinds: Vec<_> = coverage.question_kinds.clone().into_iter().collect();
    format!(
        "\nat least one sample for {} of {}, {}, {} of {} kinds of question\n{}",
        coverage.files,
        plural(tally.files.total(), "file", "files"),
        plural(coverage.symbols, "symbol", "symbols"),
        kinds.iter().filter(|(_, count)| *count > 0).count(),
        kinds.len(),
        bars("kind of question", &kinds)
    )
}

fn bars(title: &str, counts: &[(String, u64)]) -> String {
    let most = counts
        .iter()
        .map(|(_, count)| *count)
        .max()
        .unwrap_or(0)
        .max(1);
    let mut text = format!("\n{title:<18}{:>10}\n", "samples");
    for (name, count) in counts {
        let length = (count * BAR_WIDTH).div_ceil(most);
        let bar = "#".repeat(usize::try_from(length).unwrap_or(0));
        let row = format!("  {:<16}{count:>10}  {bar}", tail(&line(name), 15));
        text += row.trim_end();
        text.push('\n');
    }
    text
}

fn counts(title: &str, unit: &str, counts: &BTreeMap<String, u64>) -> String {
    if counts.is_empty() {
        return String::new();
    }
    let mut text = format!("\n{title:NAME_WIDTH$}{unit:>8}\n");
    let rows = by_count(counts);
    for (name, count) in rows.iter().take(ROWS_MAX) {
        let _ = writeln!(text, "{}{count:>8}", name_column(name));
    }
    text + &left_out(rows.len())
}

fn reasons(title: &str, counts: &BTreeMap<String, u64>) -> String {
    if counts.is_empty() {
        return String::new();
    }
    let mut text = format!("\n{title}\n");
    for (code, count) in by_count(counts) {
        let meaning = match code.parse::<FailureCode>() {
            Ok(code) => code.meaning(),
            Err(_) if code == UNKNOWN => "a reason that this program did not write",
            Err(_) => "",
        };
        let _ = writeln!(text, "{count:>8}  {:<22}  {meaning}", line(code));
    }
    text
}

fn spend(title: &str, models: &BTreeMap<String, Use>) -> String {
    if models.is_empty() {
        return String::new();
    }
    let mut text = format!(
        "\n{title:28}{:>8}{:>11}{:>11}{:>11}{:>11}\n",
        "answers", "prompt", "cached", "completion", "cost"
    );
    for (name, spent) in models {
        let _ = writeln!(
            text,
            "  {:<26}{:>8}{:>11}{:>11}{:>11}{:>11}",
            tail(&line(name), 25),
            spent.answers,
            spent.prompt_tokens,
            spent.cached_tokens,
            spent.completion_tokens,
            dollars(spent.cost_usd)
        );
    }
    text
}

/// All money in a line, and what is not in it.
fn cost(tally: &Tally) -> String {
    let all = || tally.models.iter().chain(&tally.judges);
    let mut text = match all().next() {
        Some(_) => format!("\ncost: {}\n", dollars(tally.cost())),
        None => String::new(),
    };
    let untold: u64 = all().map(|(_, spent)| spent.untold_answers).sum();
    if untold > 0 {
        let _ = writeln!(
            text,
            "  without {} whose tokens the server did not tell",
            plural(untold, "answer", "answers")
        );
    }
    if all().any(|(_, spent)| spent.answers > spent.untold_answers && spent.cost_usd.is_none()) {
        text += "  a model without a price is priced by a file: `pipeline status --prices FILE`\n";
    }
    text
}

fn dollars(cost: Option<Cost>) -> String {
    cost.map_or_else(|| UNKNOWN.to_owned(), |cost| cost.to_string())
}

fn by_count(counts: &BTreeMap<String, u64>) -> Vec<(&String, &u64)> {
    let mut rows: Vec<_> = counts.iter().collect();
    rows.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    rows
}

fn name_column(name: &str) -> String {
    format!(
        "  {:<width$}",
        tail(&line(name), NAME_WIDTH - 3),
        width = NAME_WIDTH - 2
    )
}

fn left_out(rows: usize) -> String {
    match rows.saturating_sub(ROWS_MAX) {
        0 => String::new(),
        more => format!("  … and {more} more; --json tells all\n"),
    }
}
