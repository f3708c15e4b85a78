//! The edge to SQLite: every SQL statement of the program stands below this folder, each as a method that names its intent.
//!
//! [`Store`] is the dataset (`data/pipeline.db`): four tables, and state changes that are never split over transactions.
//! [`Cache`] is what may be deleted at any time (`data/cache.db`). Nothing outside knows a word of SQL.

mod cache;
mod cache_file;
mod cache_sync;
mod dataset;
mod fingerprints;
mod health;
mod key_filter;
mod key_runs;
mod query;
mod reading;
mod report;
mod sample_keys;
mod schema;

pub use cache::{Cache, CacheLimits, StatRow};
pub use dataset::{Change, FileResult, Store};
pub use fingerprints::{Bare, Index, SourceCopy};
pub use health::{Health, health, opens};
pub use query::{ComparedSample, FailedFile};
pub use reading::{Reader, SampleFilter, StoredFailure, StoredSample, StoredTurn};
pub use report::{Fact, Skipped, skipped_by_reason};
pub use sample_keys::SampleKeys;

use rustix::fs::OFlags;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What can go wrong between the program and its databases. Each message names the file and the cure.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file is a database of a later program.
    #[error(
        "{} was written by a newer pipeline (schema {found}, this program knows {known}); install that version, or use another workspace",
        path.display()
    )]
    Newer {
        /// The database file.
        path: PathBuf,
        /// Its schema version.
        found: i64,
        /// The newest version this program reads.
        known: i64,
    },
    /// The file is a database of another program, which has tables of the same names.
    #[error(
        "{} has tables of these names that this program did not make; move it away to begin anew, or use another workspace",
        path.display()
    )]
    Foreign {
        /// The database file.
        path: PathBuf,
    },
    /// The file is no database, or a damaged one.
    #[error("{} is damaged or no database ({source}); restore it from a backup, or move it away to begin anew", path.display())]
    Corrupt {
        /// The database file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// Another file, or none, stands where the dataset was when it was opened.
    #[error(
        "{} was moved, deleted or replaced while this run wrote to it; run again: what was paid for is in the cache",
        path.display()
    )]
    Moved {
        /// The database file.
        path: PathBuf,
    },
    /// The disk has no room.
    #[error("no space left for {}; free some and run again: everything stored so far is safe", path.display())]
    DiskFull {
        /// The database file.
        path: PathBuf,
    },
    /// Someone else holds a write transaction for too long.
    #[error("{} stayed locked by another program for {secs} s; close that program (an open database browser?) and run again", path.display())]
    Busy {
        /// The database file.
        path: PathBuf,
        /// How long it was waited for.
        secs: u64,
    },
    /// The file or its folder cannot be written.
    #[error("{} cannot be written; make the file and its folder writable for this user", path.display())]
    ReadOnly {
        /// The database file.
        path: PathBuf,
    },
    /// The system could not read or write the file.
    #[error(
        "{} cannot be read or written ({source}); look at its disk, its quota and the file size limit (ulimit -f), then run again: everything stored so far is safe",
        path.display()
    )]
    Io {
        /// The database file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The file cannot be created or opened.
    #[error("{} cannot be opened ({source}); move away what stands there, or make it readable and writable for this user", path.display())]
    Open {
        /// The database file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The thread that owns the cache is gone.
    #[error("the cache stopped")]
    CacheGone,
    /// A group of writes failed, this one among them.
    #[error("{0}")]
    Group(Arc<StoreError>),
    /// Anything else SQLite reports.
    #[error("{}: {source}", path.display())]
    Sqlite {
        /// The database file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
}

/// Pages that a connection keeps in memory, in KiB. The system keeps them besides.
const CACHE_KIB: i64 = 1024;

/// How long a statement waits for another program's write transaction, in seconds.
const BUSY_SECS: u64 = 30;

impl StoreError {
    fn of(path: &Path, source: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        let path = path.to_owned();
        if holds_no_value_of_ours(&source) {
            return StoreError::Corrupt { path, source };
        }
        match source.sqlite_error_code() {
            Some(Code::DiskFull) => StoreError::DiskFull { path },
            Some(Code::DatabaseBusy | Code::DatabaseLocked) => StoreError::Busy {
                path,
                secs: BUSY_SECS,
            },
            Some(Code::ReadOnly | Code::PermissionDenied | Code::CannotOpen) => {
                StoreError::ReadOnly { path }
            }
            Some(Code::SystemIoFailure) => StoreError::Io { path, source },
            Some(Code::NotADatabase | Code::DatabaseCorrupt) => {
                StoreError::Corrupt { path, source }
            }
            _ => StoreError::Sqlite { path, source },
        }
    }
}

/// Whether a column has a value that this program does not write there: a damaged page that still looks like one to SQLite.
fn holds_no_value_of_ours(error: &rusqlite::Error) -> bool {
    use rusqlite::Error;
    matches!(
        error,
        Error::InvalidColumnType(..)
            | Error::FromSqlConversionFailure(..)
            | Error::IntegralValueOutOfRange(..)
            | Error::Utf8Error(..)
    )
}

/// Opens a database that only its user may read, in write-ahead mode with every commit synced.
fn open_private(path: &Path) -> Result<rusqlite::Connection, StoreError> {
    open_synced(path, "FULL")
}

/// Opens a database that only its user may read, in write-ahead mode. `synchronous` holds for its creation too.
fn open_synced(path: &Path, synchronous: &str) -> Result<rusqlite::Connection, StoreError> {
    create_private(path).map_err(|source| match source.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            StoreError::ReadOnly {
                path: path.to_owned(),
            }
        }
        io::ErrorKind::StorageFull => StoreError::DiskFull {
            path: path.to_owned(),
        },
        _ => StoreError::Open {
            path: path.to_owned(),
            source,
        },
    })?;
    let connect = || -> rusqlite::Result<rusqlite::Connection> {
        let connection = rusqlite::Connection::open(path)?;
        connection.busy_timeout(std::time::Duration::from_secs(BUSY_SECS))?;
        connection.pragma_update(None, "synchronous", synchronous)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "foreign_keys", "ON")?;
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        Ok(connection)
    };
    connect().map_err(|source| StoreError::of(path, source))
}

/// SQLite gives its side files the mode of the database, so the mode is set before SQLite sees the file. A FIFO there is not waited on.
fn create_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
        .open(path)
        .map(drop)
}
