//! The keys of the dataset's samples, by which those worth comparing with a new one are found.
//!
//! New keys are gathered in memory and stored in sorted runs, and runs of about one size are merged, as in a log-structured merge tree
//! (O'Neil et al., 1996): a key is written a few times in its life, whatever their number. A B-tree of keys, which are hashes, would
//! write a page of its own for almost every one. What is gathered when the process is killed is made again from the dataset.
//!
//! Entries are hints and may be stale or missing; whoever asks holds them against the dataset.

use super::fingerprints::{self, Index};
use super::key_filter::Filter;
use super::key_runs::{self, Entry, HOLDERS_MAX, Run, Slice};
use super::{Cache, StoreError};
use crate::domain::quality::duplicate::{NEAR_WEIGHT, key_weight};
use std::collections::{BTreeSet, HashMap};

/// Entries gathered before they are stored: those of some thousand samples, in half a megabyte.
const FRESH_MAX: usize = 1 << 15;
/// Of all keys of a sample together, so many samples are looked at: in a crowd of samples that are somewhat alike, one key says as
/// much as the next.
const SHARERS_MAX: usize = 256;

/// The index of the dataset's samples by their keys. One at a time; what it gathered is lost unless it is stored.
#[derive(Debug)]
pub struct SampleKeys {
    cache: Cache,
    version: u32,
    last_id: i64,
    /// Entries that are not stored yet.
    fresh: BTreeSet<Entry>,
    /// The oldest, which is the largest, first.
    runs: Vec<Run>,
    next_run: u32,
    /// What the runs hold.
    filter: Option<Filter>,
    /// Parts looked into without a filter.
    looks: u64,
}

impl SampleKeys {
    /// The index as the cache has it; empty when it has none of this `version`.
    pub async fn open(cache: Cache, version: u32) -> Result<Self, StoreError> {
        let known = cache.look(move |connection| {
            let last_id = fingerprints::indexed(connection, Index::Samples, version)?;
            Ok((last_id.unwrap_or(0), key_runs::runs(connection)?))
        });
        let (last_id, runs) = known.await?;
        Ok(SampleKeys {
            cache,
            version,
            last_id,
            fresh: BTreeSet::new(),
            next_run: runs.last().map_or(0, |run| run.number + 1),
            runs,
            filter: None,
            looks: 0,
        })
    }

    /// The last sample that the index knows.
    pub fn last_id(&self) -> i64 {
        self.last_id
    }

    /// For each list of keys, the stored samples worth comparing: at most `most`, those that share the most first.
    pub async fn sharing(
        &mut self,
        samples: &[&[u64]],
        most: usize,
    ) -> Result<Vec<Vec<i64>>, StoreError> {
        let mut wanted: Vec<u32> = Vec::new();
        for keys in samples {
            wanted.extend(self.to_look_up(keys));
        }
        wanted.sort_unstable();
        wanted.dedup();
        let stored = match wanted.is_empty() || self.runs.is_empty() {
            true => HashMap::new(),
            false => self.holders(wanted).await?,
        };
        let near = samples.iter().map(|keys| self.near(keys, &stored, most));
        Ok(near.collect())
    }

    /// Takes in the keys of samples that are in the dataset, the latest of all.
    pub async fn keep(&mut self, samples: &[(i64, Vec<u64>)]) -> Result<(), StoreError> {
        let first = samples.iter().map(|(id, _)| *id).min();
        if let Some(first) = first.filter(|first| *first <= self.last_id) {
            self.lacks(first).await?;
        }
        for (id, keys) in samples {
            let entries = keys.iter().map(|key| key_runs::entry(short(*key), *id));
            self.fresh.extend(entries.flatten());
            self.last_id = self.last_id.max(*id);
        }
        match self.fresh.len() >= FRESH_MAX {
            true => self.store().await,
            false => Ok(()),
        }
    }

    /// Has the next process read the samples from this one on again, unless all is stored by then: ids of samples that are gone are given
    /// to others, and all of them where the dataset was begun anew.
    async fn lacks(&self, first: i64) -> Result<(), StoreError> {
        let lower = move |connection: &_| {
            fingerprints::lower_indexed(connection, Index::Samples, first - 1)
        };
        self.cache.look(lower).await
    }

    /// Stores what was gathered.
    pub async fn store(&mut self) -> Result<(), StoreError> {
        if self.fresh.is_empty() {
            return Ok(());
        }
        let entries: Vec<Entry> = std::mem::take(&mut self.fresh).into_iter().collect();
        let entries = key_runs::newest_of_each(&entries);
        if let Some(filter) = &mut self.filter {
            for entry in &entries {
                filter.insert(key_runs::key_of(*entry));
            }
        }
        self.filter.take_if(|filter| filter.is_full());
        let run = Run::of(self.next_run, entries.len() as u64);
        let (last_id, version, is_first) = (self.last_id, self.version, self.runs.is_empty());
        let stored = self.cache.look(move |connection| {
            let change = connection.unchecked_transaction()?;
            // A cache that was made anew meanwhile lacks the runs before, and what was noted with them: the next process is to make them again.
            if is_first || fingerprints::is_indexed(&change, Index::Samples)? {
                fingerprints::keep_indexed(&change, Index::Samples, version, last_id)?;
            }
            key_runs::add(&change, run, &entries)?;
            change.commit()
        });
        stored.await?;
        self.next_run += 1;
        self.runs.push(run);
        self.merge().await
    }

    /// The keys of a sample that have to be looked up in the runs: none when it cannot be near a stored one.
    fn to_look_up(&self, keys: &[u64]) -> Vec<u32> {
        let filter = self.filter.as_ref();
        let may_hold = |key: u32| filter.is_none_or(|filter| filter.may_hold(key));
        let (mut wanted, mut weight) = (Vec::new(), 0);
        for (place, key) in keys.iter().enumerate() {
            let key = short(*key);
            let is_wanted = may_hold(key);
            if is_wanted {
                wanted.push(key);
            }
            if is_wanted || self.fresh_holders(key).next().is_some() {
                weight += key_weight(place);
            }
        }
        if weight < NEAR_WEIGHT {
            wanted.clear();
        }
        wanted
    }

    /// Samples that have this key and are not stored yet, the newest first.
    fn fresh_holders(&self, key: u32) -> impl Iterator<Item = i64> {
        let first = Entry::from(key) << 32;
        let held = self.fresh.range(first..=first | Entry::from(u32::MAX));
        held.rev().map(|entry| key_runs::id_of(*entry))
    }

    /// Samples near the one of these keys, with the most shared first, then the newest.
    fn near(&self, keys: &[u64], stored: &HashMap<u32, Vec<i64>>, most: usize) -> Vec<i64> {
        let mut shared: HashMap<i64, usize> = HashMap::new();
        let mut left = SHARERS_MAX;
        for (place, key) in keys.iter().enumerate() {
            let stored = stored.get(&short(*key)).into_iter().flatten().copied();
            let holders = self.fresh_holders(short(*key)).chain(stored);
            for id in holders.take(HOLDERS_MAX.min(left)) {
                *shared.entry(id).or_default() += key_weight(place);
                left -= 1;
            }
        }
        let near = shared
            .into_iter()
            .filter(|(_, weight)| *weight >= NEAR_WEIGHT);
        let mut found: Vec<_> = near.collect();
        found.sort_unstable_by_key(|(id, weight)| std::cmp::Reverse((*weight, *id)));
        found.truncate(most);
        found.into_iter().map(|(id, _)| id).collect()
    }

    async fn holders(&mut self, keys: Vec<u32>) -> Result<HashMap<u32, Vec<i64>>, StoreError> {
        let runs = self.runs.clone();
        if self.filter.is_none() {
            self.looks += (keys.len() * runs.len()) as u64;
        }
        let found = self
            .cache
            .look(move |connection| key_runs::holders(connection, &runs, &keys));
        let found = found.await?;
        // Once as much was read as there is, a filter is worth reading all of it.
        if self.filter.is_none() && self.looks > self.runs.iter().map(|run| run.parts()).sum() {
            self.filter = Some(self.make_filter().await?);
            self.looks = 0;
        }
        Ok(found)
    }

    async fn make_filter(&self) -> Result<Filter, StoreError> {
        let entries: u64 = self.runs.iter().map(|run| run.entries).sum();
        let room = usize::try_from(entries)
            .unwrap_or(usize::MAX)
            .saturating_mul(2);
        let mut filter = Filter::with_room_for(room);
        for slice in Slice::all(&self.runs) {
            let runs = self.runs.clone();
            let read = self
                .cache
                .look(move |connection| key_runs::read(connection, &runs, slice));
            for entry in read.await? {
                filter.insert(key_runs::key_of(entry));
            }
        }
        Ok(filter)
    }

    /// Merges the newest runs, as long as they come to as much as the one before them. Slice by slice: others are served meanwhile.
    async fn merge(&mut self) -> Result<(), StoreError> {
        let Some(first) = first_to_merge(&self.runs) else {
            return Ok(());
        };
        let old = self.runs.split_off(first);
        let mut merged = Run::of(self.next_run, old.iter().map(|run| run.entries).sum());
        self.next_run += 1;
        let mut entries = 0;
        for slice in Slice::all(&old) {
            let old = old.clone();
            let merge = move |connection: &_| key_runs::merge(connection, &old, slice, merged);
            entries += self.cache.look(merge).await?;
        }
        merged.entries = entries;
        let replace = move |connection: &_| key_runs::replace(connection, &old, merged);
        self.cache.look(replace).await?;
        self.runs.push(merged);
        Ok(())
    }
}

/// The part of a key that is stored. Others that share it by chance do so in one pair of four thousand million.
fn short(key: u64) -> u32 {
    (key >> 32) as u32
}

/// The oldest run that is no larger than all newer ones together.
fn first_to_merge(runs: &[Run]) -> Option<usize> {
    let newer = |at: usize| runs[at + 1..].iter().map(|run| run.entries).sum::<u64>();
    (0..runs.len().saturating_sub(1)).find(|at| runs[*at].entries <= newer(*at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::quality::fingerprint::VERSION;
    use crate::store::CacheLimits;
    use std::path::Path;

    const LIMITS: CacheLimits = CacheLimits {
        age_secs: 1000,
        bytes_max: 1 << 30,
    };

    /// Thirty keys of a sample, the same each time.
    fn keys(sample: u64) -> Vec<u64> {
        let key = |nth: u64| (sample * 30 + nth + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (0..30).map(key).collect()
    }

    fn with_index<T>(path: &Path, version: u32, work: impl AsyncFnOnce(&mut SampleKeys) -> T) -> T {
        let (cache, thread) = Cache::open(path, LIMITS, 0).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let done = runtime.block_on(async {
            let mut index = SampleKeys::open(cache, version).await.unwrap();
            let done = work(&mut index).await;
            index.store().await.unwrap();
            done
        });
        thread.join().unwrap();
        done
    }

    async fn near(index: &mut SampleKeys, sample: u64) -> Vec<i64> {
        let found = index.sharing(&[&keys(sample)], 8).await;
        found.unwrap().remove(0)
    }

    #[test]
    fn samples_are_found_again_whether_gathered_stored_or_merged() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache.db");
        let samples = 4 * FRESH_MAX as u64 / 30;
        with_index(&path, VERSION, async |index| {
            for sample in 0..samples {
                let kept = [(sample.cast_signed(), keys(sample))];
                index.keep(&kept).await.unwrap();
                let before = sample / 2;
                assert_eq!(near(index, before).await, [before.cast_signed()]);
                assert!(near(index, samples + sample).await.is_empty());
            }
            assert!(index.filter.is_some() && index.runs.len() < 3);
        });
        with_index(&path, VERSION, async |index| {
            assert_eq!(index.last_id(), samples.cast_signed() - 1);
            for sample in (0..samples).step_by(97) {
                assert_eq!(near(index, sample).await, [sample.cast_signed()]);
            }
        });
    }

    /// What a process knows that is killed before it stores what it gathered.
    fn killed(path: &Path, work: impl AsyncFnOnce(&mut SampleKeys)) {
        let (cache, thread) = Cache::open(path, LIMITS, 0).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut index = SampleKeys::open(cache, VERSION).await.unwrap();
            work(&mut index).await;
        });
        thread.join().unwrap();
    }

    #[test]
    fn a_sample_under_an_id_that_another_one_had_is_read_again_after_a_kill() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache.db");
        with_index(&path, VERSION, async |index| {
            let known: Vec<_> = (1..=9).map(|id| (id, keys(id as u64))).collect();
            index.keep(&known).await.unwrap();
        });
        // The newest samples are gone, and two others have come.
        killed(&path, async |index| {
            assert_eq!(index.last_id(), 9);
            index.keep(&[(8, keys(18)), (9, keys(19))]).await.unwrap();
        });
        with_index(&path, VERSION, async |index| assert_eq!(index.last_id(), 7));
    }

    #[test]
    fn an_index_that_was_lost_in_the_midst_of_a_run_is_made_anew_by_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache.db");
        with_index(&path, VERSION, async |index| {
            index.keep(&[(1, keys(1))]).await.unwrap();
            index.store().await.unwrap();
            let lose = |connection: &rusqlite::Connection| {
                let lose = "DELETE FROM key_runs; DELETE FROM key_parts; DELETE FROM indexed";
                connection.execute_batch(lose)
            };
            index.cache.look(lose).await.unwrap();
            for id in 2..6 {
                index.keep(&[(id, keys(id as u64))]).await.unwrap();
                index.store().await.unwrap();
            }
        });
        with_index(&path, VERSION, async |index| assert_eq!(index.last_id(), 0));
    }

    #[test]
    fn one_band_in_common_is_not_enough() {
        let folder = tempfile::tempdir().unwrap();
        with_index(&folder.path().join("cache.db"), VERSION, async |index| {
            index.keep(&[(1, keys(1))]).await.unwrap();
            let mut other = keys(2);
            for (shared, expected) in [(0, 0), (1, 0), (2, 1)] {
                other[10..10 + shared].copy_from_slice(&keys(1)[10..10 + shared]);
                let found = index.sharing(&[&other], 8).await.unwrap();
                assert_eq!(found[0].len(), expected, "{shared}");
            }
        });
    }

    #[test]
    fn an_index_of_another_version_or_an_older_program_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache.db");
        let keep = async |index: &mut SampleKeys| index.keep(&[(1, keys(1))]).await.unwrap();
        with_index(&path, VERSION, keep);
        with_index(&path, VERSION + 1, async |index| {
            assert_eq!(index.last_id(), 0);
            assert!(near(index, 1).await.is_empty());
        });
        let connection = rusqlite::Connection::open(&path).unwrap();
        let older =
            "CREATE TABLE bands (key INTEGER); INSERT INTO indexed VALUES ('samples', 2, 5)";
        connection.execute_batch(older).unwrap();
        drop(connection);
        with_index(&path, VERSION, async |index| assert_eq!(index.last_id(), 0));
        let connection = rusqlite::Connection::open(&path).unwrap();
        let left = "SELECT (SELECT count(*) FROM indexed WHERE name = 'samples') + (SELECT count(*) FROM sqlite_schema WHERE name = 'bands')";
        assert_eq!(connection.query_row(left, [], |row| row.get(0)), Ok(0));
    }
}
