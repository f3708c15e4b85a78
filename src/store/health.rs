//! Whether a dataset is sound, without changing it.

use super::{StoreError, schema};
use rusqlite::{Connection, OpenFlags};
use std::path::Path;

/// What a look at a dataset found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Its schema version.
    pub version: i64,
    /// The version that this program writes.
    pub known: i64,
    /// What SQLite's quick check complains about; empty when it is sound.
    pub damage: Vec<String>,
}

/// Looks at the dataset at `path`: its version, and every page of it once.
///
/// # Errors
/// When it cannot be opened or is no database at all.
pub fn health(path: &Path) -> Result<Health, StoreError> {
    let look = || -> rusqlite::Result<Health> {
        let connection = open(path)?;
        let mut check = connection.prepare("PRAGMA quick_check(5)")?;
        let said: Vec<String> = check
            .query_map([], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        Ok(Health {
            version: schema::version(&connection)?,
            known: schema::known(),
            damage: said.into_iter().filter(|line| line != "ok").collect(),
        })
    };
    look().map_err(|source| StoreError::of(path, source))
}

/// Whether the file at `path` is a database at all; its pages are not looked at, for there may be many.
///
/// # Errors
/// When it cannot be opened or is none.
pub fn opens(path: &Path) -> Result<(), StoreError> {
    let look = || schema::version(&open(path)?).map(drop);
    look().map_err(|source| StoreError::of(path, source))
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags)
}
