//! Fingerprints of the corpus, kept in the cache so that a night's work grows with what is new: which files are copies of one
//! another but for white space, and how much of the dataset each index holds.
//!
//! Rows here are hints and may be stale or missing; whoever asks holds them against the dataset. Deleted with the cache, they are made
//! again from the dataset and its files.

use super::{Cache, StoreError, cache_file};
use crate::domain::stamp::Seen;
use rusqlite::{Connection, OptionalExtension as _, params};

pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS sources (path TEXT PRIMARY KEY, content_hash TEXT NOT NULL, bare BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sources_bare ON sources (bare);
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
    /// How it was when its content was last read, where that is known. Not stored with it.
    pub seen: Option<Seen>,
}

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
            Index::Samples => "sample keys",
        }
    }

    fn empty(self) -> &'static str {
        match self {
            Index::Sources => "DELETE FROM sources",
            Index::Samples => "DELETE FROM key_runs; DELETE FROM key_parts",
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

    /// Those of `files`, each with its content hash, whose fingerprint is not known. Blocks; not for asynchronous code.
    pub fn without_source(
        &self,
        files: Vec<(String, String)>,
    ) -> Result<Vec<(String, String)>, StoreError> {
        self.look_blocking(move |connection| {
            let mut select = connection
                .prepare_cached("SELECT 1 FROM sources WHERE path = ?1 AND content_hash = ?2")?;
            let mut unknown = Vec::new();
            for (path, content_hash) in &files {
                if !select.exists(params![path, content_hash])? {
                    unknown.push((path.clone(), content_hash.clone()));
                }
            }
            Ok(unknown)
        })
    }

    /// Up to which id (of [`Index::Sources`]: which time) an index of this `version` holds the dataset; `None` when it must be made anew. One of another version is emptied.
    /// Blocks; not for asynchronous code.
    pub fn indexed(&self, index: Index, version: u32) -> Result<Option<i64>, StoreError> {
        self.look_blocking(move |connection| indexed(connection, index, version))
    }

    /// Notes that [`Index::Sources`] of this `version` holds all that was processed before `at` (seconds since 1970). Blocks; not for
    /// asynchronous code.
    pub fn keep_sources_indexed(&self, version: u32, at: i64) -> Result<(), StoreError> {
        self.write_blocking(move |connection| keep_indexed(connection, Index::Sources, version, at))
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
        let path: String = row.get(0)?;
        Ok(SourceCopy {
            seen: cache_file::seen_of(connection, &path)?,
            path,
            content_hash: row.get(1)?,
            is_claimed: row.get(2)?,
        })
    })?;
    found.collect()
}

/// [`Cache::indexed`].
pub(super) fn indexed(
    connection: &Connection,
    index: Index,
    version: u32,
) -> rusqlite::Result<Option<i64>> {
    let found: Option<i64> = connection
        .prepare_cached("SELECT last_id FROM indexed WHERE name = ?1 AND version = ?2")?
        .query_row(params![index.name(), version], |row| row.get(0))
        .optional()?;
    if found.is_none() {
        connection.execute_batch(index.empty())?;
        connection.execute("DELETE FROM indexed WHERE name = ?1", [index.name()])?;
    }
    Ok(found)
}

/// Whether anything is noted about an index.
pub(super) fn is_indexed(connection: &Connection, index: Index) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM indexed WHERE name = ?1")?
        .exists([index.name()])
}

/// Notes that an index holds the dataset up to the id `last` at most.
pub(super) fn lower_indexed(
    connection: &Connection,
    index: Index,
    last: i64,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE indexed SET last_id = ?2 WHERE name = ?1 AND last_id > ?2")?
        .execute(params![index.name(), last])
        .map(drop)
}

/// Notes that an index of this `version` holds the dataset up to the id `last`.
pub(super) fn keep_indexed(
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
