//! The dataset in numbers: what `status` prints. Fed file by file, and knows nothing of where the facts come from.

use super::failure::Failure;
use super::price::{Cost, PriceTable};
use super::prompt::QuestionKind;
use super::provenance::{Making, Provenance, Tokens};
use serde::Serialize;
use std::collections::{BTreeMap, HashSet};

/// What stands for a language or repository that the dataset does not tell.
pub const UNKNOWN: &str = "unknown";

/// State of a processed file; see the four states of the dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileState {
    /// Samples, no failure.
    Done,
    /// Samples and a failure.
    PartlyDone,
    /// A failure, no sample.
    Failed,
    /// Neither: there was nothing to ask about.
    Empty,
}

impl FileState {
    /// From what is stored about the file.
    pub fn of(has_samples: bool, has_failure: bool) -> Self {
        match (has_samples, has_failure) {
            (true, false) => FileState::Done,
            (true, true) => FileState::PartlyDone,
            (false, true) => FileState::Failed,
            (false, false) => FileState::Empty,
        }
    }
}

/// Files by state; the states never overlap.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct States {
    /// Files with samples and no failure.
    pub done: u64,
    /// Files with samples and a failure.
    pub partly_done: u64,
    /// Files with a failure and no sample.
    pub failed: u64,
    /// Files with neither.
    pub empty: u64,
}

impl States {
    /// All files.
    pub fn total(&self) -> u64 {
        self.done + self.partly_done + self.failed + self.empty
    }

    fn add(&mut self, state: FileState) {
        *match state {
            FileState::Done => &mut self.done,
            FileState::PartlyDone => &mut self.partly_done,
            FileState::Failed => &mut self.failed,
            FileState::Empty => &mut self.empty,
        } += 1;
    }
}

/// Samples and their scores.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Scores {
    /// How many samples.
    pub samples: u64,
    /// Mean score; 0 without samples.
    pub score_mean: f64,
}

impl Scores {
    fn add(&mut self, score: f64) {
        self.samples += 1;
        self.score_mean += (score - self.score_mean) / self.samples as f64;
    }
}

/// A repository's or language's part of the dataset.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Share {
    /// Its files.
    #[serde(flatten)]
    pub files: States,
    /// Its samples.
    #[serde(flatten)]
    pub scores: Scores,
}

/// What was spent on the stored answers of one model. Questions calls and answers that were not accepted are not in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Use {
    /// Stored answers, or verdicts of a judge.
    pub answers: u64,
    /// Requests made for them, second attempts included.
    pub requests: u64,
    /// Prompt tokens, cached ones included.
    pub prompt_tokens: u64,
    /// Prompt tokens that the server had in its cache.
    pub cached_tokens: u64,
    /// Completion tokens.
    pub completion_tokens: u64,
    /// What the tokens that servers told cost at today's prices; `None` when the model has no price, or none were told.
    pub cost_usd: Option<Cost>,
    /// Answers or verdicts whose tokens the server did not tell: what they cost is not in it.
    pub untold_answers: u64,
}

/// What has at least one accepted sample.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// Files, of all processed.
    pub files: u64,
    /// Distinct symbols, each counted once a file.
    pub symbols: u64,
    /// Samples by kind of question; every kind is there.
    pub question_kinds: BTreeMap<String, u64>,
}

/// The dataset in numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tally {
    /// Files by state.
    #[serde(flatten)]
    pub files: States,
    /// Samples and their mean score.
    #[serde(flatten)]
    pub scores: Scores,
    /// Samples with more than one exchange.
    pub multi_turn: u64,
    /// Samples by score: ten bins of a tenth, the last with 1.
    pub score_histogram: [u64; 10],
    /// By repository: its folder below `repos/`.
    pub repositories: BTreeMap<String, Share>,
    /// By language.
    pub languages: BTreeMap<String, Share>,
    /// Samples by licence of their file.
    pub licences: BTreeMap<String, u64>,
    /// What has at least one sample.
    pub coverage: Coverage,
    /// Files that stand in `FailedFiles`, by leading reason code.
    pub failures: BTreeMap<String, u64>,
    /// Questions and answers that failed, by reason code.
    pub failed_items: BTreeMap<String, u64>,
    /// Files that were not selected when their repository was last scanned, by reason. Known to the cache alone.
    pub skipped: BTreeMap<String, u64>,
    /// The same, by repository.
    pub skipped_by_repository: BTreeMap<String, BTreeMap<String, u64>>,
    /// Tokens behind the stored answers, by model.
    pub models: BTreeMap<String, Use>,
    /// Tokens behind the verdicts on them, by judge model.
    pub judges: BTreeMap<String, Use>,
    #[serde(skip)]
    symbols_of_file: HashSet<String>,
}

impl Default for Tally {
    fn default() -> Self {
        let kinds = QuestionKind::ALL.map(|kind| (kind.as_str().to_owned(), 0));
        Tally {
            files: States::default(),
            scores: Scores::default(),
            multi_turn: 0,
            score_histogram: [0; 10],
            repositories: BTreeMap::new(),
            languages: BTreeMap::new(),
            licences: BTreeMap::new(),
            coverage: Coverage {
                question_kinds: kinds.into(),
                ..Coverage::default()
            },
            failures: BTreeMap::new(),
            failed_items: BTreeMap::new(),
            skipped: BTreeMap::new(),
            skipped_by_repository: BTreeMap::new(),
            models: BTreeMap::new(),
            judges: BTreeMap::new(),
            symbols_of_file: HashSet::new(),
        }
    }
}

/// A sample's own facts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SampleFacts {
    /// In `[0, 1]`.
    pub score: f64,
    /// More than one exchange.
    pub is_multiturn: bool,
}

impl Tally {
    /// Counts a file; its samples follow before the next file.
    pub fn add_file(&mut self, state: FileState, repository: &str, language: &str) {
        self.files.add(state);
        entry(&mut self.repositories, repository).files.add(state);
        entry(&mut self.languages, language).files.add(state);
        self.coverage.files += u64::from(matches!(state, FileState::Done | FileState::PartlyDone));
        self.symbols_of_file.clear();
    }

    /// Counts a sample of the file counted last.
    pub fn add_sample(
        &mut self,
        facts: SampleFacts,
        from: &Provenance,
        repository: &str,
        language: &str,
    ) {
        self.scores.add(facts.score);
        self.multi_turn += u64::from(facts.is_multiturn);
        self.score_histogram[bin(facts.score)] += 1;
        let groups = [
            entry(&mut self.repositories, repository),
            entry(&mut self.languages, language),
        ];
        for share in groups {
            share.scores.add(facts.score);
        }
        *entry(
            &mut self.licences,
            from.licence.as_deref().unwrap_or(UNKNOWN),
        ) += 1;
        if let Some(kind) = &from.question_kind {
            *entry(&mut self.coverage.question_kinds, kind) += 1;
        }
        if let Some(symbol) = &from.symbol
            && !self.symbols_of_file.contains(symbol)
        {
            self.symbols_of_file.insert(symbol.clone());
            self.coverage.symbols += 1;
        }
    }

    /// Counts a stored answer, at its model's price.
    pub fn add_answer(&mut self, making: &Making, prices: &PriceTable) {
        let spent = entry(&mut self.models, &making.model);
        spent.add(making.attempts, making.usage);
        spent.pay(making.usage, &making.model, prices);
        if let Some(judge) = &making.judge {
            let model = judge["model"].as_str().unwrap_or(UNKNOWN);
            let tokens = |kind: &str| judge["usage"][kind].as_u64();
            let usage = Tokens {
                prompt: tokens("prompt"),
                cached: tokens("cached"),
                completion: tokens("completion"),
            };
            let spent = entry(&mut self.judges, model);
            spent.add(judge["attempts"].as_u64().unwrap_or(1), usage);
            spent.pay(usage, model, prices);
        }
    }

    /// What all stored answers and verdicts cost; `None` when that of a model is not known.
    pub fn cost(&self) -> Option<Cost> {
        let spent = self.models.values().chain(self.judges.values());
        spent.map(|spent| spent.cost_usd).sum()
    }

    /// Counts files of a repository that were not selected.
    pub fn add_skipped(&mut self, repository: &str, reason: &str, files: u64) {
        *entry(&mut self.skipped, reason) += files;
        *entry(entry(&mut self.skipped_by_repository, repository), reason) += files;
    }

    /// Counts a row of `FailedFiles`, as its text stands there.
    pub fn add_failure(&mut self, reason: &str) {
        match reason.parse::<Failure>() {
            Ok(failure) => {
                *entry(&mut self.failures, failure.code.as_str()) += 1;
                for item in &failure.items {
                    *entry(&mut self.failed_items, item.code.as_str()) += 1;
                }
            }
            Err(_) => *entry(&mut self.failures, UNKNOWN) += 1,
        }
    }
}

impl Use {
    fn add(&mut self, requests: u64, usage: Tokens) {
        self.answers += 1;
        self.requests += requests;
        self.prompt_tokens += usage.prompt.unwrap_or(0);
        self.cached_tokens += usage.cached.unwrap_or(0);
        self.completion_tokens += usage.completion.unwrap_or(0);
    }

    fn pay(&mut self, usage: Tokens, model: &str, prices: &PriceTable) {
        let (Some(prompt), Some(completion)) = (usage.prompt, usage.completion) else {
            self.untold_answers += 1;
            return;
        };
        self.cost_usd = prices.price_of(model).map(|price| {
            let cost = price.cost(prompt, usage.cached.unwrap_or(0), completion);
            self.cost_usd.unwrap_or_default() + cost
        });
    }
}

fn entry<'a, T: Default>(map: &'a mut BTreeMap<String, T>, name: &str) -> &'a mut T {
    map.entry(name.to_owned()).or_default()
}

/// Which tenth of `[0, 1]` a score is in; 1 is in the last.
pub fn bin(score: f64) -> usize {
    // A cast of a float saturates.
    ((score * 10.0) as usize).min(9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_fall_into_ten_bins() {
        for (score, expected) in [
            (0.0, 0),
            (0.099, 0),
            (0.1, 1),
            (0.5, 5),
            (0.999, 9),
            (1.0, 9),
            (-1.0, 0),
        ] {
            assert_eq!(bin(score), expected, "{score}");
        }
    }

    #[test]
    fn a_symbol_counts_once_a_file() {
        let mut tally = Tally::default();
        let facts = SampleFacts {
            score: 0.5,
            is_multiturn: false,
        };
        let from = Provenance {
            symbol: Some("function main".to_owned()),
            ..Provenance::default()
        };
        for _ in 0..2 {
            tally.add_file(FileState::Done, "h/r", "C");
            tally.add_sample(facts, &from, "h/r", "C");
            tally.add_sample(facts, &from, "h/r", "C");
        }
        assert_eq!((tally.coverage.symbols, tally.scores.samples), (2, 4));
        assert_eq!(tally.repositories["h/r"].scores.samples, 4);
    }
}
