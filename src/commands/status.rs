//! `pipeline status`: the dataset in numbers. Reads only, and needs no lock.

mod table;

use super::repos;
use super::screen::to_stdout;
use crate::cli::StatusArgs;
use crate::domain::language;
use crate::domain::path;
use crate::domain::price::{Cost, PriceTable};
use crate::domain::provenance::{Making, Provenance};
use crate::domain::tally::{FileState, SampleFacts, Tally, UNKNOWN};
use crate::report::Exit;
use crate::settings;
use crate::store::{self, Fact, Reader, StoreError};
use crate::workspace::Workspace;
use serde::Serialize;
use std::collections::BTreeSet;

/// The form of the numbers in JSON.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    tally: &'a Tally,
    /// Of all stored answers and verdicts; null when that of a model is not known.
    cost_usd: Option<Cost>,
}

/// Prints the dataset in numbers.
pub fn execute(workspace: &Workspace, args: &StatusArgs) -> anyhow::Result<Exit> {
    let prices = settings::prices(args.prices.as_deref())?;
    let reader = Reader::open(&workspace.dataset())?;
    let folders = repos::folders(workspace);
    let mut tally = match &reader {
        Some(reader) => count(reader, &folders, &prices)?,
        None => Tally::default(),
    };
    // The cache may be gone or damaged: what it knows only adds to the dataset.
    let skips = store::skipped_by_reason(&workspace.cache()).unwrap_or_default();
    for one in skips.iter().filter(|one| folders.contains(&one.folder)) {
        tally.add_skipped(&one.folder, &one.reason, one.files);
    }
    if args.report.json {
        super::print_json(&Told {
            tally: &tally,
            cost_usd: tally.cost(),
        })?;
    } else {
        to_stdout(|out| out.write_all(table::text(&tally).as_bytes()))?;
    }
    Ok(Exit::Done)
}

/// Counts everything. A file without samples has no provenance: its repository is then looked up among `folders` (those on disk), its
/// language is guessed from its name.
fn count(
    reader: &Reader,
    folders: &BTreeSet<String>,
    prices: &PriceTable,
) -> Result<Tally, StoreError> {
    let mut tally = Tally::default();
    let mut file = OpenFile::default();
    let mut sample = None;
    reader.tell_facts(|fact| match fact {
        Fact::File {
            path,
            has_samples,
            has_failure,
        } => {
            file = OpenFile::new(path, FileState::of(has_samples, has_failure));
            if !has_samples {
                file.repository = folder_of(path, folders).to_owned();
                file.language = language_of(path).to_owned();
                file.count_once(&mut tally);
            }
        }
        Fact::Sample {
            score,
            is_multiturn,
        } => {
            sample = Some(SampleFacts {
                score,
                is_multiturn,
            });
        }
        Fact::Turn {
            role: "user",
            metadata,
        } => {
            if let Some(facts) = sample.take() {
                let from = Provenance::read(metadata);
                file.learn(&from, folders);
                file.count_once(&mut tally);
                tally.add_sample(facts, &from, &file.repository, &file.language);
            }
        }
        Fact::Turn {
            role: "assistant",
            metadata,
        } => {
            tally.add_answer(&Making::read(metadata), prices);
        }
        Fact::Turn { .. } => {}
    })?;
    reader.tell_failures(|reason| tally.add_failure(reason))?;
    Ok(tally)
}

/// The file whose samples are being counted.
#[derive(Default)]
struct OpenFile {
    path: String,
    /// Until it is counted.
    state: Option<FileState>,
    repository: String,
    language: String,
}

impl OpenFile {
    fn new(path: &str, state: FileState) -> Self {
        OpenFile {
            path: path.to_owned(),
            state: Some(state),
            ..OpenFile::default()
        }
    }

    fn learn(&mut self, from: &Provenance, folders: &BTreeSet<String>) {
        let folder = from.folder(&self.path);
        self.repository = folder
            .unwrap_or_else(|| folder_of(&self.path, folders))
            .to_owned();
        self.language.clone_from(&from.language);
        if self.language.is_empty() {
            UNKNOWN.clone_into(&mut self.language);
        }
    }

    fn count_once(&mut self, tally: &mut Tally) {
        if let Some(state) = self.state.take() {
            tally.add_file(state, &self.repository, &self.language);
        }
    }
}

/// The repository that holds a file, when it is listed or on disk.
fn folder_of<'a>(path: &'a str, folders: &BTreeSet<String>) -> &'a str {
    repos::folder_of(path, folders).unwrap_or(UNKNOWN)
}

/// The language that a file's name alone tells, or makes most likely.
fn language_of(stored_path: &str) -> &'static str {
    let found = language::detect(&path::decode(stored_path), "");
    found.map_or(UNKNOWN, language::Language::name)
}
