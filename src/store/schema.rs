//! The four tables, and how an older database becomes a current one.
//!
//! Names, columns and declared types are a promise to users; constraints and indexes are ours to add.

use super::StoreError;
use rusqlite::{Connection, TransactionBehavior};
use std::path::Path;

/// Step `n` turns schema version `n` (`user_version`) into `n + 1`.
const MIGRATIONS: &[&str] = &[VERSION_1];

const VERSION_1: &str = "
CREATE TABLE TrainingSamples (
    sample_id            INTEGER PRIMARY KEY,
    dataset_source       VARCHAR NOT NULL,
    creation_date        TIMESTAMP NOT NULL,
    model_type_intended  VARCHAR NOT NULL,
    sample_quality_score REAL NOT NULL CHECK (sample_quality_score BETWEEN 0 AND 1),
    is_multiturn         BOOLEAN NOT NULL CHECK (is_multiturn IN (0, 1))
);
CREATE INDEX TrainingSamples_dataset_source ON TrainingSamples (dataset_source);
CREATE TABLE ConversationTurns (
    turn_id       INTEGER PRIMARY KEY,
    sample_id     INTEGER NOT NULL REFERENCES TrainingSamples (sample_id) ON DELETE CASCADE,
    turn_index    INTEGER NOT NULL CHECK (turn_index >= 0),
    role          VARCHAR NOT NULL CHECK (role IN ('system', 'user', 'assistant')),
    content       TEXT NOT NULL,
    is_label      BOOLEAN NOT NULL CHECK (is_label IN (0, 1)),
    metadata_json TEXT NOT NULL CHECK (json_valid(metadata_json)),
    UNIQUE (sample_id, turn_index)
);
CREATE TABLE FileHashes (
    file_path      TEXT NOT NULL PRIMARY KEY,
    content_hash   TEXT NOT NULL CHECK (length(content_hash) = 64),
    last_processed DATETIME NOT NULL,
    sample_id      INTEGER REFERENCES TrainingSamples (sample_id) ON DELETE SET NULL
);
CREATE INDEX FileHashes_sample_id ON FileHashes (sample_id);
CREATE TABLE FailedFiles (
    failed_id INTEGER PRIMARY KEY,
    file_path TEXT NOT NULL UNIQUE,
    reason    TEXT NOT NULL,
    failed_at TIMESTAMP NOT NULL
);
";

/// Brings the database to the current schema, in one transaction.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let of = |source| StoreError::of(path, source);
    let known = known();
    if version(connection).map_err(of)? == known {
        return Ok(());
    }
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(of)?;
    // Read again: another process may have migrated while this one waited.
    let found = version(&transaction).map_err(of)?;
    if found > known {
        return Err(newer(path, found));
    }
    let found = match usize::try_from(found) {
        Ok(found @ 1..) => found,
        _ => unnumbered(&transaction, path)?,
    };
    for step in MIGRATIONS.iter().skip(found) {
        transaction.execute_batch(step).map_err(of)?;
    }
    transaction
        .pragma_update(None, "user_version", known)
        .map_err(of)?;
    transaction.commit().map_err(of)
}

/// The schema version of a database that does not tell: 0 for one without our tables. A copy made by `sqlite3 old.db .dump | sqlite3 new.db`
/// has all of the old one but its number, and is known by its tables.
fn unnumbered(connection: &Connection, path: &Path) -> Result<usize, StoreError> {
    let of = |source| StoreError::of(path, source);
    let found = tables(connection).map_err(of)?;
    let model = Connection::open_in_memory().map_err(of)?;
    for version in 0..=MIGRATIONS.len() {
        if found == tables(&model).map_err(of)? {
            return Ok(version);
        }
        if let Some(step) = MIGRATIONS.get(version) {
            model.execute_batch(step).map_err(of)?;
        }
    }
    Err(StoreError::Foreign {
        path: path.to_owned(),
    })
}

/// The statements that made those of our tables which are there.
fn tables(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    connection
        .prepare(
            "SELECT sql FROM sqlite_schema WHERE type = 'table'
             AND name IN ('TrainingSamples', 'ConversationTurns', 'FileHashes', 'FailedFiles') ORDER BY name",
        )?
        .query_map([], |row| row.get(0))?
        .collect()
}

/// Whether the database has the current schema; an older one has to be migrated first.
pub(super) fn is_current(connection: &Connection, path: &Path) -> Result<bool, StoreError> {
    let known = known();
    let found = version(connection).map_err(|source| StoreError::of(path, source))?;
    if found > known {
        return Err(newer(path, found));
    }
    Ok(found == known)
}

/// The schema version that this program writes.
pub(super) fn known() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

fn newer(path: &Path, found: i64) -> StoreError {
    StoreError::Newer {
        path: path.to_owned(),
        found,
        known: known(),
    }
}

pub(super) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}
