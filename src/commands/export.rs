//! `pipeline export`: the dataset as trainers read it. Reads the dataset without the lock and changes nothing in it.

mod choice;

use super::screen::{line, to_stdout};
use crate::cli::ExportArgs;
use crate::domain::licence;
use crate::domain::provenance::{Making, Provenance};
use crate::domain::tally::bin;
use crate::export::{
    CardFacts, ExportError, Folder, Format, Message, Metadata, Row, Speaker, Split, Splits,
};
use crate::report::{Exit, plural};
use crate::store::{Reader, StoreError, StoredSample};
use crate::workspace::Workspace;
use choice::Choice;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// `--output` that means stdout.
const STDOUT: &str = "-";

/// Why an export cannot begin or has nothing to write.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// There are no samples.
    #[error(
        "the dataset has no samples yet; write some with `pipeline run`, and see `pipeline status`"
    )]
    Empty,
    /// There are samples, but none is wanted.
    #[error(
        "none of the {samples} samples is left to export ({left_out}); ask for less with the options named"
    )]
    NoneFits {
        /// How many there are.
        samples: u64,
        /// Why they are left out.
        left_out: String,
    },
    /// Shares of one or more.
    #[error(
        "--validation and --test leave nothing to train on; give shares that sum to less than 1, like 0.02"
    )]
    Splits,
    /// Files and a summary cannot both go to stdout.
    #[error("--output - writes rows to stdout and takes no {0}; give a folder instead")]
    Stdout(&'static str),
}

/// What was exported. `samples` is the sum of `rows` and `left_out`, `rows` that of `splits`.
#[derive(Debug, Serialize)]
struct Summary {
    /// Where.
    output: PathBuf,
    format: &'static str,
    samples: u64,
    rows: u64,
    splits: BTreeMap<&'static str, u64>,
    left_out: BTreeMap<&'static str, u64>,
}

/// Writes the dataset to a folder, or its rows to stdout.
pub fn execute(workspace: &Workspace, args: &ExportArgs, quiet: bool) -> anyhow::Result<Exit> {
    let splits = Splits::new(args.validation, args.test).ok_or(Refusal::Splits)?;
    let choice = Choice::from_args(args)?;
    let output = match &args.output {
        Some(output) => output.clone(),
        None => workspace.export(),
    };
    let reader = Reader::open(&workspace.dataset())?.ok_or(Refusal::Empty)?;
    let mut rows = Rows::new(args.format, splits, &choice);
    let is_stdout = output == Path::new(STDOUT);
    if is_stdout {
        refuse_for_stdout(args)?;
        stream(&reader, &mut rows)?;
    } else {
        write_folder(&reader, &mut rows, &output)?;
    }
    let summary = rows.summary(output);
    if args.report.json {
        super::print_json(&summary)?;
    } else if !quiet {
        eprintln!("{summary}");
    }
    Ok(Exit::Done)
}

fn refuse_for_stdout(args: &ExportArgs) -> Result<(), Refusal> {
    if args.report.json {
        return Err(Refusal::Stdout("--json"));
    }
    if args.validation > 0.0 || args.test > 0.0 {
        return Err(Refusal::Stdout("--validation or --test"));
    }
    Ok(())
}

fn stream(reader: &Reader, rows: &mut Rows<'_>) -> anyhow::Result<()> {
    let mut read = Ok(());
    to_stdout(|out| {
        let visited = reader.visit_samples(|sample| match rows.take(&sample) {
            Some(_) => match out.write_all(&rows.line) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => ControlFlow::Break(error),
            },
            None => ControlFlow::Continue(()),
        });
        match visited {
            Ok(ControlFlow::Break(error)) => Err(error),
            Ok(ControlFlow::Continue(())) => Ok(()),
            Err(error) => {
                read = Err(error);
                Ok(())
            }
        }
    })?;
    read?;
    Ok(rows.check_any()?)
}

fn write_folder(reader: &Reader, rows: &mut Rows<'_>, output: &Path) -> anyhow::Result<()> {
    let mut folder = Folder::open(output)?;
    match fill(reader, rows, &mut folder) {
        Ok(()) => folder.finish(&rows.facts)?,
        Err(error) => {
            // The error that led here is the one to tell.
            let _ = folder.abandon();
            return Err(error);
        }
    }
    Ok(())
}

fn fill(reader: &Reader, rows: &mut Rows<'_>, folder: &mut Folder) -> anyhow::Result<()> {
    let visited: Result<ControlFlow<ExportError>, StoreError> =
        reader.visit_samples(|sample| match rows.take(&sample) {
            Some(split) => match folder.write(split, &rows.line) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => ControlFlow::Break(error),
            },
            None => ControlFlow::Continue(()),
        });
    if let ControlFlow::Break(error) = visited? {
        return Err(error.into());
    }
    Ok(rows.check_any()?)
}

/// Turns samples into lines, one after the other.
struct Rows<'a> {
    format: Format,
    splits: Splits,
    choice: &'a Choice,
    facts: CardFacts,
    samples: u64,
    left_out: BTreeMap<&'static str, u64>,
    /// The row made last.
    line: Vec<u8>,
}

impl<'a> Rows<'a> {
    fn new(format: Format, splits: Splits, choice: &'a Choice) -> Self {
        Rows {
            format,
            splits,
            choice,
            facts: CardFacts::new(format),
            samples: 0,
            left_out: BTreeMap::new(),
            line: Vec::new(),
        }
    }

    /// Makes the line of a sample and says which split it belongs to; `None` when it is left out.
    fn take(&mut self, sample: &StoredSample) -> Option<Split> {
        self.samples += 1;
        match self.make(sample) {
            Ok(split) => Some(split),
            Err(reason) => {
                *self.left_out.entry(reason).or_default() += 1;
                None
            }
        }
    }

    fn make(&mut self, sample: &StoredSample) -> Result<Split, &'static str> {
        let messages = messages(sample).ok_or("not a conversation")?;
        let [first, .., last] = &sample.turns[..] else {
            return Err("not a conversation");
        };
        let from = Provenance::read(&first.metadata);
        self.choice.check(sample, &from)?;
        let is_multiturn = messages.len() > 2;
        if is_multiturn && !self.format.holds_conversations() {
            return Err("of several turns, which --format cannot hold");
        }
        let making = Making::read(&last.metadata);
        let metadata = metadata(sample, &from, &making);
        let split = self.splits.of(&sample.path);
        self.facts
            .add(split, &metadata, is_multiturn, bin(sample.score));
        self.line.clear();
        let row = Row { messages, metadata };
        row.write(self.format, &mut self.line)
            .map_err(|_| "not text")?;
        Ok(split)
    }

    fn check_any(&self) -> Result<(), Refusal> {
        match (self.samples, self.facts.rows()) {
            (0, _) => Err(Refusal::Empty),
            (samples, 0) => Err(Refusal::NoneFits {
                samples,
                left_out: said(&self.left_out),
            }),
            _ => Ok(()),
        }
    }

    fn summary(self, output: PathBuf) -> Summary {
        let splits = self.facts.splits().iter();
        Summary {
            output,
            format: self.format.as_str(),
            samples: self.samples,
            rows: self.facts.rows(),
            splits: splits
                .map(|(split, rows)| (split.as_str(), *rows))
                .collect(),
            left_out: self.left_out,
        }
    }
}

/// The turns, when they are questions and answers by turns.
fn messages(sample: &StoredSample) -> Option<Vec<Message<'_>>> {
    let speakers = [("user", Speaker::User), ("assistant", Speaker::Assistant)];
    let turns = sample.turns.iter().zip(speakers.into_iter().cycle());
    let messages = turns.map(|(turn, (role, speaker))| {
        let content = turn.content.as_str();
        (turn.role == role).then_some(Message { speaker, content })
    });
    let messages: Vec<_> = messages.collect::<Option<_>>()?;
    (messages.len() >= 2 && messages.len().is_multiple_of(2)).then_some(messages)
}

fn metadata<'a>(sample: &StoredSample, from: &'a Provenance, making: &'a Making) -> Metadata<'a> {
    let (first_line, last_line) = from.lines.unwrap_or_default();
    Metadata {
        id: sample.id,
        repository: &from.repository,
        commit: &from.commit,
        path: &from.path,
        first_line,
        last_line,
        symbol: from.symbol.as_deref().unwrap_or_default(),
        language: &from.language,
        licence: from.licence.as_deref().unwrap_or(licence::UNKNOWN),
        question_kind: from.question_kind.as_deref().unwrap_or_default(),
        score: sample.score,
        model: &making.model,
        prompt_version: &making.prompt_version,
    }
}

fn said(counts: &BTreeMap<&'static str, u64>) -> String {
    let said: Vec<_> = counts
        .iter()
        .map(|(reason, count)| format!("{count} {reason}"))
        .collect();
    said.join(", ")
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = plural(self.rows, "sample", "samples");
        if self.output == Path::new(STDOUT) {
            write!(f, "{rows} written")?;
        } else {
            let output = line(&self.output.display().to_string());
            write!(f, "{rows} written to {output}: {}", said(&self.splits))?;
        }
        if !self.left_out.is_empty() {
            write!(f, "; left out: {}", said(&self.left_out))?;
        }
        Ok(())
    }
}
