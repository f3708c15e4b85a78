//! Fingerprints of the corpus, kept in the cache so that a night's work grows with what is new: which files are copies of one
//! another but for white space, and which stored samples are worth comparing with a new one.
//!
//! Rows here are hints and may be stale or missing; whoever asks holds them against the dataset. Deleted with the cache, they are made
//! again from the dataset and its files.

use super::{Cache, StoreError};
use crate::domain::quality::duplicate::{NEAR_WEIGHT, key_weight};
use rusqlite::{Connection, OptionalExtension as _, params};
use std::collections::HashMap;

pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS sources (path TEXT PRIMARY KEY, content_hash TEXT NOT NULL, bare BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sources_bare ON sources (bare);
CREATE TABLE IF NOT EXISTS bands (key INTEGER NOT NULL, sample_id INTEGER NOT NULL, PRIMARY KEY (key, sample_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS indexed (name TEXT PRIMARY KEY, version INTEGER NOT NULL, last_id INTEGER NOT NULL) WITHOUT ROWID;
CREATE TEMP TABLE claims (path TEXT PRIMARY KEY, content_hash TEXT NOT NULL, bare BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX temp.claims_bare ON claims (bare);
";

/// The fingerprint of a file without its white space, as `domain::select` makes it.
pub type Bare = [u8; 16];

/// A file whose content is that of another, but for white space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceCopy {
    /// Stored path.
    pub path: String,
    /// Lower-case hex SHA-256 of its content.
    pub content_hash: String,
    /// Whether this run has sent it, or is about to.
    pub is_claimed: bool,
}

/// Of a key that many samples have, so many of the newest are looked at.
const HOLDERS_MAX: usize = 32;
/// Of all keys of a sample together, so many: in a crowd of samples that are somewhat alike, one key says as much as the next.
const SHARERS_MAX: usize = 256;

/// One index over the dataset, of which it may hold all or nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Index {
    /// The fingerprints of files.
    Sources,
    /// The keys of samples.
    Samples,
}

impl Index {
    fn name(self) -> &'static str {
        match self {
            Index::Sources => "sources",
            Index::Samples => "samples",
        }
    }

    fn empty(self) -> &'static str {
        match self {
            Index::Sources => "DELETE FROM sources",
            Index::Samples => "DELETE FROM bands",
        }
    }
}

impl Cache {
    /// Files with this fingerprint: those that this run claimed, and those known from earlier runs that it did not touch, the
    /// ones of exactly this content first. Blocks; not for asynchronous code.
    pub fn copies(&self, bare: Bare, content_hash: &str) -> Result<Vec<SourceCopy>, StoreError> {
        let content_hash = content_hash.to_owned();
        self.look_blocking(move |connection| copies(connection, bare, &content_hash))
    }

    /// Claims a file for this run: its copies are left out from now on. Blocks while the queue is full; not for asynchronous code.
    pub fn claim_source(&self, source: SourceCopy, bare: Bare) -> Result<(), StoreError> {
        self.write_blocking(move |connection| {
            let values = params![source.path, source.content_hash, bare];
            for table in ["temp.claims", "main.sources"] {
                insert_source(connection, table, values)?;
            }
            Ok(())
        })
    }

    /// Stores the fingerprints of files that are in the dataset already. Blocks; not for asynchronous code.
    pub fn keep_sources(&self, sources: Vec<(SourceCopy, Bare)>) -> Result<(), StoreError> {
        self.write_blocking(move |connection| {
            sources.iter().try_for_each(|(source, bare)| {
                let values = params![source.path, source.content_hash, bare];
                insert_source(connection, "main.sources", values)
            })
        })
    }

    /// Up to which id an index of this `version` holds the dataset; `None` when it must be made anew. One of another version is emptied.
    pub async fn indexed(&self, index: Index, version: u32) -> Result<Option<i64>, StoreError> {
        self.look(move |connection| indexed(connection, index, version))
            .await
    }

    /// [`Cache::indexed`], blocking; not for asynchronous code.
    pub fn indexed_blocking(&self, index: Index, version: u32) -> Result<Option<i64>, StoreError> {
        self.look_blocking(move |connection| indexed(connection, index, version))
    }

    /// Notes that [`Index::Sources`] of this `version` holds the whole dataset. Blocks; not for asynchronous code.
    pub fn keep_sources_indexed(&self, version: u32) -> Result<(), StoreError> {
        self.write_blocking(move |connection| keep_indexed(connection, Index::Sources, version, 0))
    }

    /// For each list of keys, the stored samples worth comparing: at most `most`, those that share the most first.
    pub async fn samples_sharing(
        &self,
        keys: Vec<Vec<u64>>,
        most: usize,
    ) -> Result<Vec<Vec<i64>>, StoreError> {
        self.look(move |connection| {
            // One view of the database: each query on its own would lock and unlock the file.
            let view = connection.unchecked_transaction()?;
            let near = keys.iter().map(|keys| sharing(&view, keys, most));
            near.collect()
        })
        .await
    }

    /// Stores the keys of samples that are in the dataset, up to and with the last id among them.
    pub async fn keep_sample_keys(
        &self,
        samples: Vec<(i64, Vec<u64>)>,
        version: u32,
    ) -> Result<(), StoreError> {
        self.write(move |connection| {
            let mut rows: Vec<(i64, i64)> = samples
                .iter()
                .flat_map(|(id, keys)| keys.iter().map(|key| (key.cast_signed(), *id)))
                .collect();
            // In the order of the index, many rows cost little more than one.
            rows.sort_unstable();
            let mut insert = connection
                .prepare_cached("INSERT OR IGNORE INTO bands (key, sample_id) VALUES (?1, ?2)")?;
            for row in rows {
                insert.execute(row)?;
            }
            let last = samples.iter().map(|(id, _)| *id).max().unwrap_or(0);
            keep_indexed(connection, Index::Samples, version, last)
        })
        .await
    }
}

fn insert_source(
    connection: &Connection,
    table: &str,
    values: &[&dyn rusqlite::ToSql],
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(&format!(
            "INSERT OR REPLACE INTO {table} (path, content_hash, bare) VALUES (?1, ?2, ?3)"
        ))?
        .execute(values)
        .map(drop)
}

fn copies(
    connection: &Connection,
    bare: Bare,
    content_hash: &str,
) -> rusqlite::Result<Vec<SourceCopy>> {
    let mut select = connection.prepare_cached(
        "SELECT path, content_hash, claimed FROM (
             SELECT path, content_hash, 1 AS claimed FROM temp.claims WHERE bare = ?1
             UNION ALL SELECT path, content_hash, 0 FROM main.sources AS known
             WHERE bare = ?1 AND NOT EXISTS (SELECT 1 FROM temp.claims AS claim WHERE claim.path = known.path))
         ORDER BY content_hash = ?2 DESC, claimed DESC, path",
    )?;
    let found = select.query_map(params![bare, content_hash], |row| {
        Ok(SourceCopy {
            path: row.get(0)?,
            content_hash: row.get(1)?,
            is_claimed: row.get(2)?,
        })
    })?;
    found.collect()
}

fn indexed(connection: &Connection, index: Index, version: u32) -> rusqlite::Result<Option<i64>> {
    let found: Option<i64> = connection
        .prepare_cached("SELECT last_id FROM indexed WHERE name = ?1 AND version = ?2")?
        .query_row(params![index.name(), version], |row| row.get(0))
        .optional()?;
    if found.is_none() {
        connection.execute(index.empty(), [])?;
    }
    Ok(found)
}

fn keep_indexed(
    connection: &Connection,
    index: Index,
    version: u32,
    last: i64,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO indexed (name, version, last_id) VALUES (?1, ?2, ?3)",
        )?
        .execute(params![index.name(), version, last])
        .map(drop)
}

/// Samples near the one of these keys, with the most shared first, then the newest.
fn sharing(connection: &Connection, keys: &[u64], most: usize) -> rusqlite::Result<Vec<i64>> {
    // No `LIMIT ?`: SQLite prepares a statement anew for every value of one.
    let mut select = connection
        .prepare_cached("SELECT sample_id FROM bands WHERE key = ?1 ORDER BY sample_id DESC")?;
    let mut shared: HashMap<i64, usize> = HashMap::new();
    let mut left = SHARERS_MAX;
    for (place, key) in keys.iter().enumerate() {
        let rows = select.query_map([key.cast_signed()], |row| row.get(0))?;
        for id in rows.take(HOLDERS_MAX.min(left)) {
            *shared.entry(id?).or_default() += key_weight(place);
            left -= 1;
        }
    }
    let near = shared
        .into_iter()
        .filter(|(_, weight)| *weight >= NEAR_WEIGHT);
    let mut found: Vec<_> = near.collect();
    found.sort_unstable_by_key(|(id, weight)| std::cmp::Reverse((*weight, *id)));
    found.truncate(most);
    Ok(found.into_iter().map(|(id, _)| id).collect())
}
