//! Questions about the dataset. Reads only.

use super::{Store, StoreError};
use crate::domain::failure::{Failure, FailureCode};
use rusqlite::Row;

/// A row of `FailedFiles` with the content it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedFile {
    /// Stored path.
    pub path: String,
    /// Lower-case hex SHA-256 of the content that failed; absent when someone else wrote the row.
    pub content_hash: Option<String>,
    /// What failed.
    pub failure: Failure,
    /// Whether the file has accepted samples besides.
    pub has_samples: bool,
}

/// What of a stored sample is compared with others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComparedSample {
    /// Its id.
    pub id: i64,
    /// Stored path of the file it is about.
    pub path: String,
    /// Its first question.
    pub question: String,
    /// Its answers, one after the other.
    pub answers: String,
}

/// What stands before and after all paths below `folder`. '0' follows '/' in every collation of bytes.
pub(super) fn bounds_below(folder: &str) -> [String; 2] {
    [format!("{folder}/"), format!("{folder}0")]
}

const COMPARED_SAMPLE: &str = "SELECT s.sample_id, s.dataset_source,
        (SELECT content FROM ConversationTurns t WHERE t.sample_id = s.sample_id AND role = 'user'
         ORDER BY turn_index LIMIT 1),
        (SELECT group_concat(content, char(10) ORDER BY turn_index) FROM ConversationTurns t
         WHERE t.sample_id = s.sample_id AND role = 'assistant')
     FROM TrainingSamples s";

fn compared_sample(row: &Row<'_>) -> rusqlite::Result<ComparedSample> {
    Ok(ComparedSample {
        id: row.get(0)?,
        path: row.get(1)?,
        question: row.get::<_, Option<String>>(2)?.unwrap_or_default(),
        answers: row.get::<_, Option<String>>(3)?.unwrap_or_default(),
    })
}

impl Store {
    /// Processed files below `folder` (a repository's stored path), ordered by path, with the lower-case hex SHA-256 of what was
    /// processed: up to `most` of those after the path `after`, or of all.
    pub fn files_below(
        &self,
        folder: &str,
        after: Option<&str>,
        most: usize,
    ) -> Result<Vec<(String, String)>, StoreError> {
        let query = "SELECT file_path, content_hash FROM FileHashes
                     WHERE file_path > ?1 AND file_path < ?2 ORDER BY file_path LIMIT ?3";
        let [first, end] = bounds_below(folder);
        let values = rusqlite::params![after.unwrap_or(&first), end, most as u64];
        self.rows(query, values, |row| Ok((row.get(0)?, row.get(1)?)))
    }

    /// Files processed at `since` (UTC, `YYYY-MM-DD HH:MM:SS`) or later: up to `most` of those whose row numbers come after `row`, in their
    /// order, each with its row number and the lower-case hex SHA-256 of what was processed.
    pub fn files_since(
        &self,
        since: &str,
        row: i64,
        most: usize,
    ) -> Result<Vec<(i64, String, String)>, StoreError> {
        let query = "SELECT rowid, file_path, content_hash FROM FileHashes
                     WHERE rowid > ?1 AND last_processed >= ?2 ORDER BY rowid LIMIT ?3";
        self.rows(query, rusqlite::params![row, since, most as u64], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
    }

    /// Lower-case hex SHA-256 of what was processed of a file.
    pub fn content_hash_of(&self, path: &str) -> Result<Option<String>, StoreError> {
        let query = "SELECT content_hash FROM FileHashes WHERE file_path = ?1";
        Ok(self.rows(query, [path], |row| row.get(0))?.pop())
    }

    /// Up to `most` samples whose ids come after `id`, in order.
    pub fn samples_after(&self, id: i64, most: usize) -> Result<Vec<ComparedSample>, StoreError> {
        let query =
            format!("{COMPARED_SAMPLE} WHERE s.sample_id > ?1 ORDER BY s.sample_id LIMIT ?2");
        self.rows(&query, rusqlite::params![id, most as u64], compared_sample)
    }

    /// One sample; `None` when it is gone.
    pub fn sample(&self, id: i64) -> Result<Option<ComparedSample>, StoreError> {
        // No `LIMIT ?`: SQLite prepares a statement anew for every value of one.
        let query = format!("{COMPARED_SAMPLE} WHERE s.sample_id = ?1");
        Ok(self.rows(&query, [id], compared_sample)?.pop())
    }

    /// Every failed file, oldest failure first. A reason that this program did not write stands for the whole file.
    pub fn failed_files(&self) -> Result<Vec<FailedFile>, StoreError> {
        let query = "SELECT f.file_path, h.content_hash, f.reason, h.sample_id IS NOT NULL FROM FailedFiles f
                     LEFT JOIN FileHashes h ON h.file_path = f.file_path ORDER BY f.failed_at, f.failed_id";
        self.rows(query, [], |row| {
            let reason: String = row.get(2)?;
            let failure = reason
                .parse()
                .unwrap_or_else(|_| Failure::of_file(FailureCode::NothingAccepted, reason));
            Ok(FailedFile {
                path: row.get(0)?,
                content_hash: row.get(1)?,
                failure,
                has_samples: row.get(3)?,
            })
        })
    }

    /// The questions of a file's stored samples.
    pub fn questions_of(&self, path: &str) -> Result<Vec<String>, StoreError> {
        let query = "SELECT t.content FROM TrainingSamples s JOIN ConversationTurns t ON t.sample_id = s.sample_id
                     WHERE s.dataset_source = ?1 AND t.role = 'user' ORDER BY t.turn_id";
        self.rows(query, [path], |row| row.get(0))
    }

    pub(super) fn rows<T>(
        &self,
        query: &str,
        values: impl rusqlite::Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        self.statement(query, |statement| {
            statement.query_map(values, read)?.collect()
        })
    }

    pub(super) fn statement<T>(
        &self,
        query: &str,
        run: impl FnOnce(&mut rusqlite::CachedStatement<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let of = |source| StoreError::of(&self.path, source);
        run(&mut self.connection.prepare_cached(query).map_err(of)?).map_err(of)
    }
}
