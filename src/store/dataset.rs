//! The dataset: opening it, and the changes of a file's state, each whole in one transaction.
//!
//! The four states of a file and what each table holds for them are the invariant kept here: new (no row), done,
//! partly done, failed.

use super::{StoreError, open_private, schema};
use crate::domain::failure::Failure;
use crate::domain::sample::{Role, Sample};
use crate::fail_point::{Point, reach};
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// What processing a file came to. At least one of `samples` and `failure` is there, or the file had nothing to ask about.
#[derive(Debug, Clone, PartialEq)]
pub struct FileResult {
    /// Stored path, as `domain::path` encodes it.
    pub path: String,
    /// Lower-case hex SHA-256 of the bytes that were sent.
    pub content_hash: String,
    /// The accepted samples, in the order of the file.
    pub samples: Vec<Sample>,
    /// What failed, if anything did.
    pub failure: Option<Failure>,
}

/// One change of a file's state.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// The file was processed whole: what is stored about it is replaced.
    Replace(FileResult),
    /// What had failed was processed again: samples are added, the failure is replaced or ends.
    Amend(FileResult),
    /// The file is gone: everything stored about it goes too.
    Retire {
        /// Stored path.
        path: String,
    },
}

/// The open dataset. One thread owns it.
#[derive(Debug)]
pub struct Store {
    pub(super) connection: Connection,
    pub(super) path: PathBuf,
    model_type: String,
    /// The file that was opened; none for a connection that only reads.
    place: Option<Place>,
}

/// Device and inode of a file.
type Place = (u64, u64);

/// What stands at `path` now.
fn place_of(path: &Path) -> Option<Place> {
    let meta = std::fs::metadata(path).ok()?;
    Some((meta.dev(), meta.ino()))
}

impl Store {
    /// Opens the dataset at `path`, creating or migrating it as needed. New rows get `model_type` as `model_type_intended`.
    pub fn open(path: &Path, model_type: &str) -> Result<Self, StoreError> {
        let mut connection = open_private(path)?;
        schema::migrate(&mut connection, path)?;
        Ok(Store {
            connection,
            path: path.to_owned(),
            model_type: model_type.to_owned(),
            place: place_of(path),
        })
    }

    /// A connection that only reads.
    pub(super) fn reading(connection: Connection, path: &Path) -> Self {
        Store {
            connection,
            path: path.to_owned(),
            model_type: String::new(),
            place: None,
        }
    }

    /// Applies all changes in one transaction, or none, and gives the ids of the new samples in their order. `now` is UTC,
    /// `YYYY-MM-DD HH:MM:SS`. SQLite goes on writing to a file that was deleted; that is an error here.
    pub fn apply(&mut self, changes: &[Change], now: &str) -> Result<Vec<i64>, StoreError> {
        let Store {
            connection,
            path,
            model_type,
            place,
        } = self;
        let mut write = || -> rusqlite::Result<Vec<i64>> {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let mut samples = Vec::new();
            for change in changes {
                samples.extend(apply_one(&transaction, change, model_type, now)?);
            }
            reach(Point::DatasetCommit);
            transaction.commit()?;
            Ok(samples)
        };
        let samples = write().map_err(|source| StoreError::of(path, source))?;
        reach(Point::DatasetCommitted);
        match place_of(path) == *place {
            true => Ok(samples),
            false => Err(StoreError::Moved { path: path.clone() }),
        }
    }
}

fn apply_one(
    transaction: &Transaction<'_>,
    change: &Change,
    model_type: &str,
    now: &str,
) -> rusqlite::Result<Vec<i64>> {
    match change {
        Change::Retire { path } => retire(transaction, path).map(|()| Vec::new()),
        Change::Replace(result) => {
            retire(transaction, &result.path)?;
            save(transaction, result, model_type, now)
        }
        Change::Amend(result) => save(transaction, result, model_type, now),
    }
}

/// Deletes what is stored about a file; its turns go with their samples.
fn retire(transaction: &Transaction<'_>, path: &str) -> rusqlite::Result<()> {
    clear_failure(transaction, path)?;
    transaction
        .prepare_cached("DELETE FROM FileHashes WHERE file_path = ?1")?
        .execute([path])?;
    transaction
        .prepare_cached("DELETE FROM TrainingSamples WHERE dataset_source = ?1")?
        .execute([path])?;
    Ok(())
}

fn save(
    transaction: &Transaction<'_>,
    result: &FileResult,
    model_type: &str,
    now: &str,
) -> rusqlite::Result<Vec<i64>> {
    let mut ids = Vec::with_capacity(result.samples.len());
    for sample in &result.samples {
        ids.push(insert_sample(
            transaction,
            &result.path,
            sample,
            model_type,
            now,
        )?);
    }
    let kept: Option<i64> = transaction
        .prepare_cached("SELECT sample_id FROM FileHashes WHERE file_path = ?1")?
        .query_row([&result.path], |row| row.get(0))
        .optional()?
        .flatten();
    transaction
        .prepare_cached(
            "INSERT INTO FileHashes (file_path, content_hash, last_processed, sample_id) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (file_path) DO UPDATE SET content_hash = ?2, last_processed = ?3, sample_id = ?4",
        )?
        .execute(params![result.path, result.content_hash, now, kept.or(ids.first().copied())])?;
    match &result.failure {
        Some(failure) => record_failure(transaction, &result.path, failure, now)?,
        None => clear_failure(transaction, &result.path)?,
    }
    Ok(ids)
}

fn insert_sample(
    transaction: &Transaction<'_>,
    path: &str,
    sample: &Sample,
    model_type: &str,
    now: &str,
) -> rusqlite::Result<i64> {
    transaction
        .prepare_cached(
            "INSERT INTO TrainingSamples (dataset_source, creation_date, model_type_intended, sample_quality_score, is_multiturn)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![path, now, model_type, sample.score, sample.is_multiturn()])?;
    let id = transaction.last_insert_rowid();
    free_number(transaction, id)?;
    let mut insert = transaction.prepare_cached(
        "INSERT INTO ConversationTurns (sample_id, turn_index, role, content, is_label, metadata_json)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for (index, turn) in sample.turns.iter().enumerate() {
        let index = i64::try_from(index).unwrap_or(i64::MAX);
        let is_label = turn.role == Role::Assistant;
        insert.execute(params![
            id,
            index,
            turn.role.as_str(),
            turn.content,
            is_label,
            turn.metadata
        ])?;
    }
    Ok(id)
}

/// Makes sure that nothing refers to a sample that is new. Who deletes the latest samples with a program of theirs, where foreign keys are off
/// unless turned on, leaves turns behind, and the next sample gets the same number.
fn free_number(transaction: &Transaction<'_>, id: i64) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("DELETE FROM ConversationTurns WHERE sample_id = ?1")?
        .execute([id])?;
    transaction
        .prepare_cached("UPDATE FileHashes SET sample_id = NULL WHERE sample_id = ?1")?
        .execute([id])?;
    Ok(())
}

fn record_failure(
    transaction: &Transaction<'_>,
    path: &str,
    failure: &Failure,
    now: &str,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO FailedFiles (file_path, reason, failed_at) VALUES (?1, ?2, ?3)
             ON CONFLICT (file_path) DO UPDATE SET reason = ?2, failed_at = ?3",
        )?
        .execute(params![path, failure.to_string(), now])?;
    Ok(())
}

fn clear_failure(transaction: &Transaction<'_>, path: &str) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("DELETE FROM FailedFiles WHERE file_path = ?1")?
        .execute([path])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::failure::FailureCode;
    use crate::domain::sample::Turn;

    const NOW: &str = "2026-01-02 03:04:05";

    fn sample(question: &str) -> Sample {
        let turn = |role, content: &str| Turn {
            role,
            content: content.to_owned(),
            metadata: "{}".to_owned(),
        };
        Sample {
            turns: vec![
                turn(Role::User, question),
                turn(Role::Assistant, "Because."),
            ],
            score: 0.5,
        }
    }

    fn result(path: &str, questions: &[&str], failed: bool) -> FileResult {
        FileResult {
            path: path.to_owned(),
            content_hash: "a".repeat(64),
            samples: questions.iter().map(|question| sample(question)).collect(),
            failure: failed.then(|| Failure::of_file(FailureCode::Partly, "one of two")),
        }
    }

    fn open() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("pipeline.db"), "Instruct").unwrap();
        (folder, store)
    }

    /// `(done, partly done, failed, samples)`
    fn states(store: &Store) -> (u64, u64, u64, u64) {
        let count = |having: &str| -> u64 {
            let query = format!(
                "SELECT count(*) FROM FileHashes h LEFT JOIN FailedFiles f ON f.file_path = h.file_path WHERE {having}"
            );
            store
                .connection
                .query_row(&query, [], |row| row.get(0))
                .unwrap()
        };
        assert_eq!(count("h.sample_id IS NULL AND f.failed_id IS NULL"), 0);
        (
            count("h.sample_id IS NOT NULL AND f.failed_id IS NULL"),
            count("h.sample_id IS NOT NULL AND f.failed_id IS NOT NULL"),
            count("h.sample_id IS NULL AND f.failed_id IS NOT NULL"),
            samples(store),
        )
    }

    fn samples(store: &Store) -> u64 {
        let query = "SELECT count(*) FROM TrainingSamples";
        store
            .connection
            .query_row(query, [], |row| row.get(0))
            .unwrap()
    }

    #[test]
    fn every_state_is_reached_and_left_whole() {
        let (_folder, mut store) = open();
        let steps = [
            (
                Change::Replace(result("h/r/a.c", &["1", "2"], false)),
                (1, 0, 0, 2),
            ),
            (
                Change::Replace(result("h/r/a.c", &["3"], true)),
                (0, 1, 0, 1),
            ),
            (
                Change::Amend(result("h/r/a.c", &["4"], false)),
                (1, 0, 0, 2),
            ),
            (Change::Replace(result("h/r/a.c", &[], true)), (0, 0, 1, 0)),
            (Change::Amend(result("h/r/a.c", &["5"], true)), (0, 1, 0, 1)),
            (
                Change::Retire {
                    path: "h/r/a.c".to_owned(),
                },
                (0, 0, 0, 0),
            ),
        ];
        for (change, expected) in steps {
            store.apply(std::slice::from_ref(&change), NOW).unwrap();
            assert_eq!(states(&store), expected, "{change:?}");
        }
    }

    #[test]
    fn a_change_of_one_file_leaves_its_namesakes_alone() {
        let (_folder, mut store) = open();
        let paths = [
            "h/r/a.c",
            "h/r/a.cpp",
            "h/r/a%c",
            "h/r/a_c",
            "h/r/A.c",
            "h/r/a.c/b",
            "h/r/a.c\n",
        ];
        let all: Vec<_> = paths
            .iter()
            .map(|path| Change::Replace(result(path, &[path], false)))
            .collect();
        store.apply(&all, NOW).unwrap();
        store
            .apply(
                &[Change::Retire {
                    path: "h/r/a.c".to_owned(),
                }],
                NOW,
            )
            .unwrap();
        let left: Vec<_> = store
            .files_below("h/r", None, 9)
            .unwrap()
            .into_iter()
            .map(|(path, _)| path)
            .collect();
        let mut expected: Vec<_> = paths[1..].iter().map(|path| (*path).to_owned()).collect();
        expected.sort();
        assert_eq!(left, expected);
        assert_eq!(samples(&store), 6);
    }

    #[test]
    fn a_repository_does_not_own_the_files_of_one_whose_name_begins_alike() {
        let (_folder, mut store) = open();
        let all = ["h/r/a.c", "h/r2/a.c", "h/r.x/a.c", "h/ra"]
            .map(|path| Change::Replace(result(path, &["?"], false)));
        store.apply(&all, NOW).unwrap();
        let below: Vec<_> = store
            .files_below("h/r", None, 9)
            .unwrap()
            .into_iter()
            .map(|(path, _)| path)
            .collect();
        assert_eq!(below, ["h/r/a.c"]);
    }

    #[test]
    fn another_writer_is_waited_for() {
        let (_folder, store) = open();
        let millis: u64 = store
            .connection
            .pragma_query_value(None, "busy_timeout", |row| row.get(0))
            .unwrap();
        assert_eq!(millis, 30_000);
    }

    #[test]
    fn one_bad_change_leaves_nothing_of_its_group() {
        let (_folder, mut store) = open();
        let mut bad = result("h/r/b.c", &["?"], false);
        bad.samples[0].score = 2.0;
        let group = [
            Change::Replace(result("h/r/a.c", &["?"], false)),
            Change::Replace(bad),
        ];
        store.apply(&group, NOW).unwrap_err();
        assert_eq!(states(&store), (0, 0, 0, 0));
    }

    #[test]
    fn a_newer_database_is_refused_by_name_and_a_foreign_file_too() {
        let (folder, store) = open();
        store
            .connection
            .pragma_update(None, "user_version", 99)
            .unwrap();
        drop(store);
        let path = folder.path().join("pipeline.db");
        assert!(matches!(
            Store::open(&path, ""),
            Err(StoreError::Newer { found: 99, .. })
        ));
        let foreign = folder.path().join("foreign.db");
        std::fs::write(
            &foreign,
            "not a database, but long enough to have a header of sixteen bytes",
        )
        .unwrap();
        assert!(matches!(
            Store::open(&foreign, ""),
            Err(StoreError::Corrupt { .. })
        ));
    }

    #[test]
    fn foreign_failure_rows_stand_for_the_whole_file() {
        let (_folder, mut store) = open();
        store
            .apply(&[Change::Replace(result("h/r/a.c", &[], true))], NOW)
            .unwrap();
        store
            .connection
            .execute("UPDATE FailedFiles SET reason = 'because'", [])
            .unwrap();
        let failed = store.failed_files().unwrap();
        assert_eq!(
            (failed[0].failure.code, failed[0].failure.items.len()),
            (FailureCode::NothingAccepted, 0)
        );
    }
}
