//! The last look at accepted samples before they are stored: none may repeat one that is there, or overlap with a benchmark.
//!
//! Belongs to the loop that stores, so that every sample is held against all that were stored before it. What the cache knows of
//! fingerprints is only a hint by which samples are worth comparing: the texts in the dataset decide.

use super::copies;
use super::engine::{self, Processed};
use crate::domain::failure::{Failure, FailureCode};
use crate::domain::quality::contamination::Benchmarks;
use crate::domain::quality::duplicate::{Fingerprint, NEAR_WEIGHT, key_weight};
use crate::domain::quality::fingerprint;
use crate::domain::repo::DenyList;
use crate::domain::sample::{Role, Sample, Turn};
use crate::store::{Cache, ComparedSample, SampleKeys, Store, StoreError};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

/// Samples of the dataset that are fingerprinted in one go when the cache has lost them.
const GROUP: usize = 500;
/// So many stored samples are compared with a new one, at most, and so many that wait to be stored.
const COMPARED_MAX: usize = 8;
/// Fingerprints of so many stored samples are kept in memory, about a kilobyte each. Where many samples are alike, these are compared
/// most often.
const RECENT_MAX: usize = 1000;

/// A sample's fingerprint, and the keys by which others near it are found.
pub type Print = (Fingerprint, Vec<u64>);

/// What new samples are held against.
#[derive(Debug)]
pub struct Sieve {
    cache: Cache,
    benchmarks: Benchmarks,
    deny: DenyList,
    repos: PathBuf,
    /// Samples that passed and wait for their transaction, in order.
    waiting: Vec<Waiting>,
    /// Keys with the places in `waiting` that have them. A set: almost every key has one place, and a list of its own for each would take
    /// three times as much.
    waiting_by_key: BTreeSet<(u64, usize)>,
    /// The samples stored last, by id.
    recent: BTreeMap<i64, Compared>,
    /// The keys of stored samples, once they were asked for.
    known: Option<SampleKeys>,
}

/// A sample that others are held against.
#[derive(Debug)]
struct Compared {
    fingerprint: Fingerprint,
    /// Stored path of its file.
    path: Arc<str>,
}

#[derive(Debug)]
struct Waiting {
    sample: Compared,
    keys: Vec<u64>,
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
            waiting_by_key: BTreeSet::new(),
            recent: BTreeMap::new(),
            known: None,
        }
    }

    /// Drops what must not be stored of a file's samples, whose `prints` come in the same order. `had_samples` tells whether the file
    /// keeps some of an earlier run.
    pub async fn sift(
        &mut self,
        store: &Store,
        path: &str,
        had_samples: bool,
        processed: &mut Processed,
        prints: Vec<Print>,
    ) -> Result<(), StoreError> {
        let samples = std::mem::take(&mut processed.samples);
        let keys: Vec<&[u64]> = prints.iter().map(|(_, keys)| &keys[..]).collect();
        let known = self.known(store).await?;
        let near = known.sharing(&keys, COMPARED_MAX).await?;
        let news = samples.into_iter().zip(prints);
        let mut dropped: BTreeMap<FailureCode, u64> = BTreeMap::new();
        let shared_path: Arc<str> = path.into();
        for ((sample, new), near) in news.zip(near) {
            // A file that is done anew replaces its own old samples.
            let replaced = processed.is_whole.then_some(path);
            match self.fault(store, &sample, &new, &near, replaced)? {
                Some(code) => *dropped.entry(code).or_default() += 1,
                None => {
                    self.wait(new, &shared_path);
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
        let mut rows = Vec::with_capacity(self.waiting.len());
        for (id, passed) in ids.into_iter().zip(self.waiting.drain(..)) {
            rows.push((id, passed.keys));
            self.recent.insert(id, passed.sample);
        }
        while self.recent.len() > RECENT_MAX {
            self.recent.pop_first();
        }
        match &mut self.known {
            Some(known) => known.keep(&rows).await,
            None => Ok(()),
        }
    }

    /// Brings what it knows of stored samples to the cache.
    pub async fn close(self) -> Result<(), StoreError> {
        match self.known {
            Some(mut known) => known.store().await,
            None => Ok(()),
        }
    }

    fn wait(&mut self, (fingerprint, keys): Print, path: &Arc<str>) {
        let place = self.waiting.len();
        self.waiting_by_key
            .extend(keys.iter().map(|key| (*key, place)));
        let path = Arc::clone(path);
        let sample = Compared { fingerprint, path };
        self.waiting.push(Waiting { sample, keys });
    }

    /// The waiting samples near the one of these keys, those that share the most first.
    fn waiting_near(&self, keys: &[u64]) -> impl Iterator<Item = &Compared> {
        let mut shared: HashMap<usize, usize> = HashMap::new();
        for (at, key) in keys.iter().enumerate() {
            for (_, place) in self.waiting_by_key.range((*key, 0)..=(*key, usize::MAX)) {
                *shared.entry(*place).or_default() += key_weight(at);
            }
        }
        let near = shared
            .into_iter()
            .filter(|(_, weight)| *weight >= NEAR_WEIGHT);
        let mut near: Vec<_> = near.collect();
        near.sort_unstable_by_key(|(place, weight)| Reverse((*weight, *place)));
        near.truncate(COMPARED_MAX);
        near.into_iter()
            .map(|(place, _)| &self.waiting[place].sample)
    }

    /// Why a sample must not be stored.
    fn fault(
        &self,
        store: &Store,
        sample: &Sample,
        (fingerprint, keys): &Print,
        near: &[i64],
        replaced: Option<&str>,
    ) -> Result<Option<FailureCode>, StoreError> {
        if self.is_contaminated(sample) {
            return Ok(Some(FailureCode::Contaminated));
        }
        let mut near_waiting = self.waiting_near(keys);
        let repeated = near_waiting.find_map(|other| fingerprint.repeats(&other.fingerprint));
        if repeated.is_some() {
            return Ok(repeated);
        }
        for &id in near {
            let read;
            let other = match self.recent.get(&id) {
                Some(recent) => recent,
                None => match store.sample(id)? {
                    Some(stored) => {
                        read = Compared::from(stored);
                        &read
                    }
                    None => continue,
                },
            };
            let repeated = fingerprint.repeats(&other.fingerprint);
            if repeated.is_some()
                && replaced != Some(&*other.path)
                && self.counts(store, &other.path)?
            {
                return Ok(repeated);
            }
        }
        Ok(None)
    }

    /// Whether samples of a file are to stay: not those of one that is gone or has changed, whose rows are about to go too, nor those of
    /// a denied repository, which are not exported.
    fn counts(&self, store: &Store, path: &str) -> Result<bool, StoreError> {
        if self.deny.denies(path) {
            return Ok(false);
        }
        let stored = store.content_hash_of(path)?;
        Ok(stored.is_some_and(|hash| copies::stands(&self.repos, path, &hash, None)))
    }

    fn is_contaminated(&self, sample: &Sample) -> bool {
        let overlaps = |turn: &Turn| self.benchmarks.overlap(&turn.content);
        !self.benchmarks.is_empty() && sample.turns.iter().any(overlaps)
    }

    /// The keys of stored samples. Those that the cache does not have are made first: all of them when it was deleted, the last ones
    /// when a run was killed.
    async fn known(&mut self, store: &Store) -> Result<&mut SampleKeys, StoreError> {
        let known = match self.known.take() {
            Some(known) => known,
            None => recall(&self.cache, store).await?,
        };
        Ok(self.known.insert(known))
    }
}

async fn recall(cache: &Cache, store: &Store) -> Result<SampleKeys, StoreError> {
    let mut known = SampleKeys::open(cache.clone(), fingerprint::VERSION).await?;
    loop {
        let samples = store.samples_after(known.last_id(), GROUP)?;
        if samples.is_empty() {
            return Ok(known);
        }
        let keys = |sample: &ComparedSample| {
            let fingerprint = Fingerprint::of(&sample.question, &sample.answers);
            (sample.id, fingerprint.keys())
        };
        let rows: Vec<_> = samples.iter().map(keys).collect();
        known.keep(&rows).await?;
    }
}

/// The prints of a file's new samples, in order. Not made by the loop, which has only one thread.
pub fn prints(samples: &[Sample]) -> Vec<Print> {
    let prints = samples.iter().map(fingerprint_of);
    prints
        .map(|fingerprint| {
            let keys = fingerprint.keys();
            (fingerprint, keys)
        })
        .collect()
}

impl From<ComparedSample> for Compared {
    fn from(stored: ComparedSample) -> Self {
        Compared {
            fingerprint: Fingerprint::of(&stored.question, &stored.answers),
            path: stored.path.into(),
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
