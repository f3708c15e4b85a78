//! The last look at accepted samples before they are stored: none may repeat one that is there, or overlap with a benchmark.
//!
//! Belongs to the loop that stores, so that every sample is held against all that were stored before it. What the cache knows of
//! fingerprints is only a hint by which samples are worth comparing: the texts in the dataset decide.

use super::engine::{self, Processed};
use super::repos;
use crate::domain::failure::{Failure, FailureCode};
use crate::domain::quality::contamination::Benchmarks;
use crate::domain::quality::duplicate::Fingerprint;
use crate::domain::quality::fingerprint;
use crate::domain::repo::DenyList;
use crate::domain::sample::{Role, Sample, Turn};
use crate::store::{Cache, ComparedSample, Index, Store, StoreError};
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

/// Samples of the dataset that are fingerprinted in one go when the cache has lost them.
const GROUP: usize = 500;
/// So many stored samples are compared with a new one, at most.
const COMPARED_MAX: usize = 8;

/// What new samples are held against.
#[derive(Debug)]
pub struct Sieve {
    cache: Cache,
    benchmarks: Benchmarks,
    deny: DenyList,
    repos: PathBuf,
    /// Samples that passed and wait for their transaction, in order, each with its keys.
    waiting: Vec<(Fingerprint, Vec<u64>)>,
    /// Places in `waiting` by key.
    waiting_by_key: HashMap<u64, Vec<usize>>,
    is_recalled: bool,
}

impl Sieve {
    /// A sieve over the worktrees below `repos`.
    pub fn new(cache: Cache, benchmarks: Benchmarks, deny: DenyList, repos: PathBuf) -> Self {
        Sieve {
            cache,
            benchmarks,
            deny,
            repos,
            waiting: Vec::new(),
            waiting_by_key: HashMap::new(),
            is_recalled: false,
        }
    }

    /// Drops what must not be stored of a file's samples. `had_samples` tells whether the file keeps some of an earlier run.
    pub async fn sift(
        &mut self,
        store: &Store,
        path: &str,
        had_samples: bool,
        processed: &mut Processed,
    ) -> Result<(), StoreError> {
        self.recall(store).await?;
        let samples = std::mem::take(&mut processed.samples);
        let fingerprints: Vec<Fingerprint> = samples.iter().map(fingerprint_of).collect();
        let keys: Vec<Vec<u64>> = fingerprints.iter().map(Fingerprint::keys).collect();
        let near = self.cache.samples_sharing(keys.clone(), COMPARED_MAX);
        let news = samples.into_iter().zip(fingerprints.into_iter().zip(keys));
        let mut dropped: BTreeMap<FailureCode, u64> = BTreeMap::new();
        for ((sample, new), near) in news.zip(near.await?) {
            // A file that is done anew replaces its own old samples.
            let replaced = processed.is_whole.then_some(path);
            match self.fault(store, &sample, &new, &near, replaced)? {
                Some(code) => *dropped.entry(code).or_default() += 1,
                None => {
                    self.wait(new);
                    processed.samples.push(sample);
                }
            }
        }
        if !dropped.is_empty() {
            tell(processed, had_samples, dropped);
        }
        Ok(())
    }

    /// Takes note of the samples that were stored: all that passed since the last time, in the same order.
    pub async fn stored(&mut self, ids: Vec<i64>) -> Result<(), StoreError> {
        self.waiting_by_key.clear();
        let passed = self.waiting.drain(..);
        let rows: Vec<_> = ids
            .into_iter()
            .zip(passed)
            .map(|(id, (_, keys))| (id, keys))
            .collect();
        if rows.is_empty() {
            return Ok(());
        }
        self.cache
            .keep_sample_keys(rows, fingerprint::VERSION)
            .await
    }

    fn wait(&mut self, new: (Fingerprint, Vec<u64>)) {
        for key in &new.1 {
            let places = self.waiting_by_key.entry(*key).or_default();
            places.push(self.waiting.len());
        }
        self.waiting.push(new);
    }

    /// Places of waiting samples that are worth comparing with one of these keys, by the rule of [`Cache::samples_sharing`].
    fn waiting_near(&self, keys: &[u64]) -> impl Iterator<Item = usize> {
        let mut shared: BTreeMap<usize, usize> = BTreeMap::new();
        for (at, key) in keys.iter().enumerate() {
            let weight = if at == 0 { 2 } else { 1 };
            for place in self.waiting_by_key.get(key).into_iter().flatten() {
                *shared.entry(*place).or_default() += weight;
            }
        }
        let near = shared.into_iter().filter(|(_, shared)| *shared > 1);
        near.map(|(place, _)| place)
    }

    /// Why a sample must not be stored.
    fn fault(
        &self,
        store: &Store,
        sample: &Sample,
        (fingerprint, keys): &(Fingerprint, Vec<u64>),
        near: &[i64],
        replaced: Option<&str>,
    ) -> Result<Option<FailureCode>, StoreError> {
        if self.is_contaminated(sample) {
            return Ok(Some(FailureCode::Contaminated));
        }
        let near_waiting = self.waiting_near(keys);
        let mut repeated =
            near_waiting.filter_map(|place| fingerprint.repeats(&self.waiting[place].0));
        if let Some(code) = repeated.next() {
            return Ok(Some(code));
        }
        for &id in near {
            let Some(other) = store.sample(id)? else {
                continue;
            };
            let repeated = fingerprint.repeats(&Fingerprint::of(&other.question, &other.answers));
            if repeated.is_some() && replaced != Some(&*other.path) && self.counts(&other.path) {
                return Ok(repeated);
            }
        }
        Ok(None)
    }

    /// Whether samples of a file are to stay: not those of one that is gone, whose rows are about to go too, nor those of a denied
    /// repository, which are not exported.
    fn counts(&self, path: &str) -> bool {
        !self.deny.denies(path) && !repos::has_vanished(&self.repos, path)
    }

    fn is_contaminated(&self, sample: &Sample) -> bool {
        let overlaps = |turn: &Turn| self.benchmarks.overlap(&turn.content);
        !self.benchmarks.is_empty() && sample.turns.iter().any(overlaps)
    }

    /// Makes the keys of stored samples that the cache does not have: all of them when it was deleted, the last ones when a run was
    /// killed between storing and noting.
    async fn recall(&mut self, store: &Store) -> Result<(), StoreError> {
        if std::mem::replace(&mut self.is_recalled, true) {
            return Ok(());
        }
        let known = self.cache.indexed(Index::Samples, fingerprint::VERSION);
        let mut last = known.await?.unwrap_or(0);
        loop {
            let samples = store.samples_after(last, GROUP)?;
            let Some(newest) = samples.last() else {
                return Ok(());
            };
            last = newest.id;
            let keys = |sample: &ComparedSample| {
                let fingerprint = Fingerprint::of(&sample.question, &sample.answers);
                (sample.id, fingerprint.keys())
            };
            let rows = samples.iter().map(keys).collect();
            self.cache
                .keep_sample_keys(rows, fingerprint::VERSION)
                .await?;
        }
    }
}

fn fingerprint_of(sample: &Sample) -> Fingerprint {
    let of = |role: Role| {
        let turns = sample.turns.iter().filter(move |turn| turn.role == role);
        turns.map(|turn| turn.content.as_str())
    };
    let answers: Vec<&str> = of(Role::Assistant).collect();
    Fingerprint::of(
        of(Role::User).next().unwrap_or_default(),
        &answers.join("\n"),
    )
}

/// Counts what was dropped and says what the file came to without it. A file with other samples is done all the same; one that is left with
/// nothing has failed, and asking again would not help.
fn tell(processed: &mut Processed, had_samples: bool, dropped: BTreeMap<FailureCode, u64>) {
    let has_samples = had_samples || !processed.samples.is_empty();
    let stored = processed.samples.len();
    processed.failure = match processed.failure.take() {
        Some(failure) => Some(engine::failure(failure.items, has_samples, stored)),
        None if has_samples => None,
        None => {
            let code = match dropped.contains_key(&FailureCode::Contaminated) {
                true => FailureCode::Contaminated,
                false => FailureCode::Duplicate,
            };
            Some(Failure::of_file(code, code.meaning()))
        }
    };
    for (code, count) in dropped {
        *processed.rejected.entry(code).or_default() += count;
    }
}
