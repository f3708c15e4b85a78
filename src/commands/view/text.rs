//! Samples and failures as text for people.

use super::source::{Origin, Source};
use super::{SeenFailure, SeenSample};
use crate::commands::screen::{head, line, width};
use crate::domain::failure::FailedItem;
use crate::domain::provenance::{Making, Provenance};
use crate::logging::printable;
use crate::report::plural;
use std::fmt::Write as _;

/// How much is shown.
pub struct Shape {
    /// Most lines of one excerpt.
    source_lines: u32,
    /// Columns of the terminal; lines of source are cut there. `None` when nobody looks.
    width: Option<usize>,
}

impl Shape {
    /// For stdout as it is.
    pub fn new(source_lines: u32) -> Self {
        Shape {
            source_lines,
            width: width(),
        }
    }
}

/// Where in a repository's history.
fn commit(from: &Provenance) -> String {
    match &from.commit[..] {
        "" => "as edited, in no commit".to_owned(),
        commit => format!("at {}", line(head(commit, 10))),
    }
}

/// A sample.
pub fn sample(seen: &SeenSample, shape: &Shape) -> String {
    let (stored, from) = (&seen.stored, &seen.from);
    let last = seen.makings.last();
    let model = last.map_or("", |making| &making.model);
    let mut text = format!(
        "sample {}, score {:.3}, by {} at {} UTC\n  {} {}\n",
        stored.id,
        stored.score,
        line(model),
        line(&stored.created),
        line(&from.repository),
        commit(from),
    );
    let (first, end) = seen.lines();
    let _ = writeln!(text, "  {}:{first}-{end}", line(&from.path));
    let said = [
        Some(&from.language),
        from.licence.as_ref(),
        from.question_kind.as_ref(),
        from.symbol.as_ref(),
    ];
    let said: Vec<_> = said.into_iter().flatten().map(|word| line(word)).collect();
    let _ = writeln!(text, "  {}", said.join(", "));
    text += &last.map(worth).unwrap_or_default();
    for turn in &stored.turns {
        let _ = write!(text, "\n{}\n{}", line(&turn.role), indented(&turn.content));
    }
    match &seen.source {
        Some(source) => text += &excerpt(source, seen.lines(), &seen.evidence(), shape),
        None => {
            text += "\nsource\n  has moved on: neither the worktree nor git holds this content any more\n"
        }
    }
    text + "\n"
}

/// The score's parts that cost something, its flags, and the judge's verdict.
fn worth(making: &Making) -> String {
    let parts = making
        .score
        .parts
        .iter()
        .filter(|(_, part)| **part < 0.9995);
    let mut said: Vec<_> = parts
        .map(|(name, part)| format!("{} {part:.3}", line(name)))
        .collect();
    said.extend(making.score.flags.iter().map(|flag| line(flag)));
    let mut text = String::new();
    if !said.is_empty() {
        let _ = writeln!(text, "  marked down for {}", said.join(", "));
    }
    if let Some(judge) = &making.judge {
        let _ = writeln!(text, "  judge: {}", line(&judge["verdict"].to_string()));
    }
    text
}

/// A failure.
pub fn failure(seen: &SeenFailure, shape: &Shape) -> String {
    let stored = &seen.stored;
    let mut text = format!(
        "{} failed at {} UTC\n",
        line(&stored.path),
        line(&stored.failed_at)
    );
    let Some(failure) = &seen.failure else {
        let _ = writeln!(text, "{}", indented(&stored.reason));
        return text;
    };
    let _ = writeln!(text, "  {}: {}", failure.code, line(&failure.message));
    for item in &failure.items {
        text += &failed_item(item, seen.source.as_ref(), shape);
    }
    if seen.source.is_none() {
        text += "\nsource\n  has moved on: the worktree no longer holds this content\n";
    }
    text + "\n"
}

fn failed_item(item: &FailedItem, source: Option<&Source>, shape: &Shape) -> String {
    let mut text = format!("\n{}: {}", item.code, item.code.meaning());
    let _ = writeln!(
        text,
        ", tried {}",
        plural(u64::from(item.tries), "time", "times")
    );
    if let Some(question) = &item.question {
        text += &indented(question);
    }
    if let Some(source) = source {
        text += &excerpt(source, source.lines_of(item.start, item.end), &[], shape);
    }
    text
}

fn indented(content: &str) -> String {
    let safe = printable(content);
    safe.lines().map(|line| format!("  {line}\n")).collect()
}

/// Lines of source with their numbers; those that an answer rests on are marked.
fn excerpt(source: &Source, lines: (u32, u32), evidence: &[(u32, u32)], shape: &Shape) -> String {
    let from = match source.origin {
        Origin::Worktree => "as it is in the worktree",
        Origin::Commit => "as it was at the commit; the worktree has moved on",
    };
    let mut text = format!("\nsource, {from}\n");
    let (first, last) = lines;
    let shown_last = last.min(first.saturating_add(shape.source_lines).saturating_sub(1));
    for (number, content) in source.lines((first, shown_last)) {
        let rests = evidence
            .iter()
            .any(|(first, last)| (first..=last).contains(&&number));
        let mark = if rests { '>' } else { ' ' };
        let row = format!("{mark}{number:>6}  {}", printable(content));
        let row = match shape.width {
            Some(width) if row.chars().count() > width => {
                format!("{}…", head(&row, width.saturating_sub(1)))
            }
            _ => row,
        };
        text += row.trim_end();
        text.push('\n');
    }
    if shown_last < last {
        let more = last - shown_last;
        let _ = writeln!(
            text,
            "         … {more} more lines; --source-lines {} shows them",
            last + 1 - first
        );
    }
    text
}
