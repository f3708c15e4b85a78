//! The keys of samples as they lie in the cache: in runs, each written once in the order of the keys, and merged into larger ones.
//!
//! Every statement on them stands here; `sample_keys` decides what is asked and when. Keys are hashes, so a run is cut by their upper
//! bits into parts of about the same size, and a look-up reads the one row whose number the key tells.

use rusqlite::{Connection, OptionalExtension as _, params};
use std::collections::HashMap;

pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS key_runs (run INTEGER PRIMARY KEY, part_bits INTEGER NOT NULL, entries INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS key_parts (id INTEGER PRIMARY KEY, entries BLOB NOT NULL);
";

/// Of a key that many samples have, so many of the newest are kept and looked at.
pub(super) const HOLDERS_MAX: usize = 32;
/// A part has so many entries, of 8 bytes, to twice as many.
const PART_ENTRIES: u64 = 64;
/// About so many entries are in memory while runs are read through.
const SLICE_ENTRIES: u64 = 1 << 14;

/// A sample under one of its keys; in the order of numbers, they are sorted by key and then by age.
pub(super) type Entry = u64;

/// The entry of a sample. None for ids beyond 32 bits, which are not found again.
pub(super) fn entry(key: u32, id: i64) -> Option<Entry> {
    Some(u64::from(key) << 32 | u64::from(u32::try_from(id).ok()?))
}

/// The key of an entry.
pub(super) fn key_of(entry: Entry) -> u32 {
    (entry >> 32) as u32
}

/// The sample of an entry.
pub(super) fn id_of(entry: Entry) -> i64 {
    i64::from(entry as u32)
}

/// A sorted run of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// Its number; later ones are higher.
    pub number: u32,
    /// So many upper bits of a key tell its part.
    pub part_bits: u32,
    /// Entries, as of when it was planned.
    pub entries: u64,
}

impl Run {
    /// A run for so many entries.
    pub fn of(number: u32, entries: u64) -> Self {
        Run {
            number,
            part_bits: (entries / PART_ENTRIES)
                .checked_ilog2()
                .unwrap_or(0)
                .min(31),
            entries,
        }
    }

    /// The row of the part in which an entry lies.
    fn row_of(self, entry: Entry) -> i64 {
        let part = entry.checked_shr(64 - self.part_bits).unwrap_or(0);
        (u64::from(self.number) << 32 | part).cast_signed()
    }

    /// Its parts, at most.
    pub fn parts(self) -> u64 {
        1 << self.part_bits
    }

    fn rows(self) -> [i64; 2] {
        [self.row_of(0), self.row_of(Entry::MAX)]
    }
}

/// Entries of several runs whose keys begin with the same bits: what is read of them in one go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slice {
    bits: u32,
    nth: u64,
}

impl Slice {
    /// All slices of runs, in the order of the keys.
    pub fn all(runs: &[Run]) -> impl Iterator<Item = Slice> + use<> {
        let entries: u64 = runs.iter().map(|run| run.entries).sum();
        let bits = (entries / SLICE_ENTRIES).checked_ilog2().unwrap_or(0);
        (0..1 << bits).map(move |nth| Slice { bits, nth })
    }

    fn holds(self, entry: Entry) -> bool {
        entry.checked_shr(64 - self.bits).unwrap_or(0) == self.nth
    }

    /// Its first and last possible entry.
    fn bounds(self) -> [Entry; 2] {
        let first = self.nth.checked_shl(64 - self.bits).unwrap_or(0);
        [
            first,
            first | Entry::MAX.checked_shr(self.bits).unwrap_or(0),
        ]
    }
}

/// The finished runs, oldest first. What a merge left that did not come to its end is removed.
pub(super) fn runs(connection: &Connection) -> rusqlite::Result<Vec<Run>> {
    let mut select =
        connection.prepare("SELECT run, part_bits, entries FROM key_runs ORDER BY run")?;
    let rows = select.query_map([], |row| {
        Ok(Run {
            number: row.get(0)?,
            part_bits: row.get(1)?,
            entries: row.get(2)?,
        })
    })?;
    let runs = rows.collect::<rusqlite::Result<Vec<Run>>>()?;
    let unfinished = Run::of(runs.last().map_or(0, |run| run.number + 1), 0);
    connection.execute(
        "DELETE FROM key_parts WHERE id >= ?1",
        [unfinished.row_of(0)],
    )?;
    Ok(runs)
}

/// Stores a finished run of sorted entries.
pub(super) fn add(connection: &Connection, run: Run, entries: &[Entry]) -> rusqlite::Result<()> {
    write(connection, run, entries)?;
    finish(connection, run)
}

/// Merges a slice of `runs` into `merged`, which is not looked into until it is finished; gives the number of entries.
pub(super) fn merge(
    connection: &Connection,
    runs: &[Run],
    slice: Slice,
    merged: Run,
) -> rusqlite::Result<u64> {
    let view = connection.unchecked_transaction()?;
    let entries = newest_of_each(&read(&view, runs, slice)?);
    write(&view, merged, &entries)?;
    view.commit()?;
    Ok(entries.len() as u64)
}

/// Puts a merged run in the place of those it was made of.
pub(super) fn replace(connection: &Connection, runs: &[Run], merged: Run) -> rusqlite::Result<()> {
    let change = connection.unchecked_transaction()?;
    for run in runs {
        change.execute("DELETE FROM key_runs WHERE run = ?1", [run.number])?;
        change.execute(
            "DELETE FROM key_parts WHERE id BETWEEN ?1 AND ?2",
            run.rows(),
        )?;
    }
    finish(&change, merged)?;
    change.commit()
}

/// Sorted entries, of each key the newest [`HOLDERS_MAX`].
pub(super) fn newest_of_each(entries: &[Entry]) -> Vec<Entry> {
    let of_each = entries.chunk_by(|one, other| key_of(*one) == key_of(*other));
    let newest = of_each.flat_map(|all| &all[all.len().saturating_sub(HOLDERS_MAX)..]);
    newest.copied().collect()
}

/// A slice of runs: their entries, sorted, each once.
pub(super) fn read(
    connection: &Connection,
    runs: &[Run],
    slice: Slice,
) -> rusqlite::Result<Vec<Entry>> {
    let mut select = connection
        .prepare_cached("SELECT entries FROM key_parts WHERE id BETWEEN ?1 AND ?2 ORDER BY id")?;
    let mut found = Vec::new();
    for run in runs {
        let mut rows = select.query(slice.bounds().map(|bound| run.row_of(bound)))?;
        while let Some(row) = rows.next()? {
            let part = entries_of(row.get_ref(0)?.as_blob()?);
            found.extend(part.filter(|entry| slice.holds(*entry)));
        }
    }
    // Runs that are sorted each: this sort merges them.
    found.sort();
    found.dedup();
    Ok(found)
}

/// For each key, the newest samples that have it: at most [`HOLDERS_MAX`], the newest first.
pub(super) fn holders(
    connection: &Connection,
    runs: &[Run],
    keys: &[u32],
) -> rusqlite::Result<HashMap<u32, Vec<i64>>> {
    // One view of the database: each query on its own would lock and unlock the file.
    let view = connection.unchecked_transaction()?;
    let mut select = view.prepare_cached("SELECT entries FROM key_parts WHERE id = ?1")?;
    let mut found: HashMap<u32, Vec<i64>> = HashMap::new();
    for run in runs.iter().rev() {
        for &key in keys {
            let row = run.row_of(u64::from(key) << 32);
            let held = select.query_row([row], |row| Ok(ids_of(row.get_ref(0)?.as_blob()?, key)));
            let held = held.optional()?.unwrap_or_default();
            if !held.is_empty() {
                found.entry(key).or_default().extend(held.iter().rev());
            }
        }
    }
    for ids in found.values_mut() {
        ids.sort_unstable_by(|one, other| other.cmp(one));
        ids.dedup();
        ids.truncate(HOLDERS_MAX);
    }
    Ok(found)
}

fn write(connection: &Connection, run: Run, entries: &[Entry]) -> rusqlite::Result<()> {
    let mut insert =
        connection.prepare_cached("INSERT INTO key_parts (id, entries) VALUES (?1, ?2)")?;
    for part in entries.chunk_by(|one, other| run.row_of(*one) == run.row_of(*other)) {
        let bytes: Vec<u8> = part.iter().flat_map(|entry| entry.to_le_bytes()).collect();
        insert.execute(params![run.row_of(part[0]), bytes])?;
    }
    Ok(())
}

fn finish(connection: &Connection, run: Run) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT INTO key_runs (run, part_bits, entries) VALUES (?1, ?2, ?3)")?
        .execute(params![run.number, run.part_bits, run.entries])
        .map(drop)
}

/// The entries of a part. What is no whole entry is damage, and as good as missing.
fn entries_of(part: &[u8]) -> impl Iterator<Item = Entry> {
    part.as_chunks()
        .0
        .iter()
        .map(|bytes| Entry::from_le_bytes(*bytes))
}

/// The samples that have a key, of a part, oldest first.
fn ids_of(part: &[u8], key: u32) -> Vec<i64> {
    let entries = part.as_chunks().0;
    let from = entries.partition_point(|bytes| key_of(Entry::from_le_bytes(*bytes)) < key);
    let held = entries[from..]
        .iter()
        .map(|bytes| Entry::from_le_bytes(*bytes));
    held.take_while(|entry| key_of(*entry) == key)
        .map(id_of)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(SCHEMA).unwrap();
        connection
    }

    fn entries(keys: impl Iterator<Item = u32>, id: i64) -> Vec<Entry> {
        let mut entries: Vec<Entry> = keys.map(|key| entry(key, id).unwrap()).collect();
        entries.sort_unstable();
        entries
    }

    fn stored(connection: &Connection, number: u32, entries: &[Entry]) -> Run {
        let run = Run::of(number, entries.len() as u64);
        add(connection, run, entries).unwrap();
        run
    }

    fn merged(connection: &Connection, old: &[Run], number: u32) -> Run {
        let mut run = Run::of(number, old.iter().map(|run| run.entries).sum());
        let slices = Slice::all(old).map(|slice| merge(connection, old, slice, run).unwrap());
        run.entries = slices.sum();
        replace(connection, old, run).unwrap();
        run
    }

    /// Numbers spread over all keys.
    fn key(nth: u32) -> u32 {
        nth.wrapping_mul(0x9e37_79b1)
    }

    #[test]
    fn holders_are_found_in_every_run_and_after_a_merge() {
        let connection = open();
        let runs = [
            stored(&connection, 0, &entries((0..40_000).map(key), 1)),
            stored(&connection, 1, &entries((20_000..60_000).map(key), 2)),
            stored(
                &connection,
                2,
                &entries([key(0), 0, u32::MAX].into_iter(), 3),
            ),
        ];
        let keys = [key(0), key(30_000), key(59_999), u32::MAX, key(70_000)];
        let expected = [vec![3, 1], vec![2, 1], vec![2], vec![3]];
        let found = |runs: &[Run]| {
            let found = holders(&connection, runs, &keys).unwrap();
            keys.map(|key| found.get(&key).cloned().unwrap_or_default())
        };
        assert_eq!(found(&runs)[..4], expected);
        assert!(found(&runs)[4].is_empty());
        let run = merged(&connection, &runs, 3);
        assert_eq!(found(&[run])[..4], expected);
        assert_eq!(super::runs(&connection).unwrap(), [run]);
        let all = Slice::all(&[run]).flat_map(|slice| read(&connection, &[run], slice).unwrap());
        assert_eq!(all.count() as u64, run.entries);
        assert!(Slice::all(&[run]).count() > 1);
    }

    #[test]
    fn of_a_common_key_the_newest_are_kept() {
        let connection = open();
        let ids = 1..=HOLDERS_MAX as i64;
        let common: Vec<Entry> = ids.clone().map(|id| entry(7, id).unwrap()).collect();
        let later = entries([7].into_iter(), 1000);
        let runs = [
            stored(&connection, 0, &common),
            stored(&connection, 1, &later),
        ];
        let run = merged(&connection, &runs, 2);
        let held = holders(&connection, &[run], &[7]).unwrap();
        assert_eq!(run.entries, HOLDERS_MAX as u64);
        assert_eq!((held[&7][0], held[&7][HOLDERS_MAX - 1]), (1000, 2));
    }

    #[test]
    fn what_a_killed_merge_left_is_removed() {
        let connection = open();
        let run = stored(&connection, 0, &entries((0..1000).map(key), 1));
        for slice in Slice::all(&[run]) {
            merge(&connection, &[run], slice, Run::of(1, 1000)).unwrap();
        }
        let parts = || -> u64 {
            let query = "SELECT count(*) FROM key_parts";
            connection.query_row(query, [], |row| row.get(0)).unwrap()
        };
        assert_eq!(parts(), 2 * run.parts());
        assert_eq!(super::runs(&connection).unwrap(), [run]);
        assert_eq!(parts(), run.parts());
    }
}
