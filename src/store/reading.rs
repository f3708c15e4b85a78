//! The dataset for those who only look: one consistent view, without the lock, while another process may be writing.

use super::{BUSY_SECS, Store, StoreError, schema};
use rusqlite::{Connection, OpenFlags, Row, params};
use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

/// The dataset as it stood when it was opened. Nothing can be changed through it.
#[derive(Debug)]
pub struct Reader {
    pub(super) store: Store,
}

/// A stored turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTurn {
    /// `user`, `assistant` or `system`.
    pub role: String,
    /// What is said.
    pub content: String,
    /// JSON; see `domain::provenance`.
    pub metadata: String,
}

/// A stored sample, whole.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredSample {
    /// `sample_id`.
    pub id: i64,
    /// Stored path of its file.
    pub path: String,
    /// UTC, `YYYY-MM-DD HH:MM:SS`.
    pub created: String,
    /// `model_type_intended`.
    pub model_type: String,
    /// In `[0, 1]`.
    pub score: f64,
    /// Its turns in order.
    pub turns: Vec<StoredTurn>,
}

/// A row of `FailedFiles`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFailure {
    /// Stored path.
    pub path: String,
    /// `reason`, as it stands there.
    pub reason: String,
    /// UTC, `YYYY-MM-DD HH:MM:SS`.
    pub failed_at: String,
    /// Lower-case hex SHA-256 of the content that failed, when it is known.
    pub content_hash: Option<String>,
}

/// Which samples or failures are wanted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SampleFilter<'a> {
    /// This sample only.
    pub id: Option<i64>,
    /// A stored path, a folder above some, or the tail of such a path or folder.
    pub path: Option<&'a str>,
    /// Lowest score.
    pub score_min: f64,
    /// Highest score.
    pub score_max: f64,
    /// At most so many, the latest first.
    pub limit: u32,
}

/// `?1` is all of a path, a folder above it, or the tail of one of these.
const PATH_FITS: &str = "(?1 IS NULL OR instr('/' || path || '/', '/' || ?1 || '/') > 0)";

impl Reader {
    /// Opens the dataset at `path`; `None` when there is none yet.
    pub fn open(path: &Path) -> Result<Option<Self>, StoreError> {
        if !path.exists() {
            return Ok(None);
        }
        let mut connection = connect(path)?;
        if !schema::is_current(&connection, path)? {
            // Of an earlier program, or not yet set up: opening it to write brings it up to date.
            drop(connection);
            Store::open(path, "")?;
            connection = connect(path)?;
        }
        // Whatever is read until the end is of one moment.
        let begun = connection.execute_batch("BEGIN");
        begun.map_err(|source| StoreError::of(path, source))?;
        Ok(Some(Reader {
            store: Store::reading(connection, path),
        }))
    }

    /// Visits every sample, ordered by path and then by age, one at a time. Ends early when `visit` breaks, with what it breaks with.
    pub fn visit_samples<B>(
        &self,
        mut visit: impl FnMut(StoredSample) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B>, StoreError> {
        let query = "SELECT s.sample_id, s.dataset_source, s.creation_date, s.model_type_intended, s.sample_quality_score,
                            t.role, t.content, t.metadata_json
                     FROM TrainingSamples s JOIN ConversationTurns t ON t.sample_id = s.sample_id
                     ORDER BY s.dataset_source, s.sample_id, t.turn_index";
        self.store.statement(query, |statement| {
            let mut rows = statement.query([])?;
            let mut open: Option<StoredSample> = None;
            while let Some(row) = rows.next()? {
                let id: i64 = row.get(0)?;
                if let Some(whole) = open.take_if(|sample| sample.id != id)
                    && let ControlFlow::Break(with) = visit(whole)
                {
                    return Ok(ControlFlow::Break(with));
                }
                let sample = match &mut open {
                    Some(sample) => sample,
                    None => open.insert(sample_of(row)?),
                };
                sample.turns.push(turn_of(row, 5)?);
            }
            Ok(open.map_or(ControlFlow::Continue(()), visit))
        })
    }

    /// The latest samples that fit.
    pub fn samples(&self, filter: &SampleFilter<'_>) -> Result<Vec<StoredSample>, StoreError> {
        let query = format!(
            "SELECT sample_id, path, creation_date, model_type_intended, score FROM
                 (SELECT *, dataset_source AS path, sample_quality_score AS score FROM TrainingSamples)
             WHERE {PATH_FITS} AND score BETWEEN ?2 AND ?3 AND sample_id = ifnull(?4, sample_id)
             ORDER BY sample_id DESC LIMIT ?5"
        );
        let SampleFilter {
            id,
            path,
            score_min,
            score_max,
            limit,
        } = filter;
        let values = params![path, score_min, score_max, id, limit];
        let mut samples = self.store.rows(&query, values, sample_of)?;
        for sample in &mut samples {
            sample.turns = self.store.rows(
                "SELECT role, content, metadata_json FROM ConversationTurns WHERE sample_id = ?1 ORDER BY turn_index",
                [sample.id],
                |row| turn_of(row, 0),
            )?;
        }
        Ok(samples)
    }

    /// The latest failures that fit the filter's path.
    pub fn failures(&self, filter: &SampleFilter<'_>) -> Result<Vec<StoredFailure>, StoreError> {
        let query = format!(
            "SELECT path, reason, failed_at, content_hash FROM
                 (SELECT f.*, f.file_path AS path, h.content_hash FROM FailedFiles f
                  LEFT JOIN FileHashes h ON h.file_path = f.file_path)
             WHERE {PATH_FITS} ORDER BY failed_at DESC, failed_id DESC LIMIT ?2"
        );
        self.store
            .rows(&query, params![filter.path, filter.limit], |row| {
                Ok(StoredFailure {
                    path: row.get(0)?,
                    reason: row.get(1)?,
                    failed_at: row.get(2)?,
                    content_hash: row.get(3)?,
                })
            })
    }
}

/// Opens a database that is there without writing to it.
pub(super) fn connect(path: &Path) -> Result<Connection, StoreError> {
    check_kind(path)?;
    match opened(path, OpenFlags::empty()).map_err(|source| StoreError::of(path, source)) {
        Err(StoreError::ReadOnly { .. }) => connect_at_rest(path),
        other => other,
    }
}

/// SQLite would wait on a FIFO.
fn check_kind(path: &Path) -> Result<(), StoreError> {
    let is_fifo = std::fs::metadata(path).is_ok_and(|meta| meta.file_type().is_fifo());
    match is_fifo {
        true => Err(StoreError::Open {
            path: path.to_owned(),
            source: io::Error::other("it is a FIFO"),
        }),
        false => Ok(()),
    }
}

/// Opens a database where nothing may be written beside it, as on a read-only mount: SQLite keeps a log there even for those who only read,
/// unless it is told that nobody writes. Where there is a log already, somebody does, or a killed run has left changes in it.
fn connect_at_rest(path: &Path) -> Result<Connection, StoreError> {
    File::open(path).map_err(|source| StoreError::Open {
        path: path.to_owned(),
        source,
    })?;
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    if std::fs::metadata(log).is_ok_and(|log| log.len() > 0) {
        return Err(StoreError::ReadOnly {
            path: path.to_owned(),
        });
    }
    let name = format!("file:{}?immutable=1", escaped(path));
    opened(Path::new(&name), OpenFlags::SQLITE_OPEN_URI)
        .map_err(|source| StoreError::of(path, source))
}

/// A connection that has read something.
fn opened(name: &Path, more: OpenFlags) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(name, flags | more)?;
    connection.busy_timeout(std::time::Duration::from_secs(BUSY_SECS))?;
    connection.pragma_update(None, "cache_size", -4096)?;
    schema::version(&connection)?;
    Ok(connection)
}

/// A path as a URI has it.
fn escaped(path: &Path) -> String {
    let bytes = path.as_os_str().as_bytes().iter();
    bytes
        .map(|byte| match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                char::from(*byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

fn sample_of(row: &Row<'_>) -> rusqlite::Result<StoredSample> {
    Ok(StoredSample {
        id: row.get(0)?,
        path: row.get(1)?,
        created: row.get(2)?,
        model_type: row.get(3)?,
        score: row.get(4)?,
        turns: Vec::new(),
    })
}

fn turn_of(row: &Row<'_>, at: usize) -> rusqlite::Result<StoredTurn> {
    Ok(StoredTurn {
        role: row.get(at)?,
        content: row.get(at + 1)?,
        metadata: row.get(at + 2)?,
    })
}
