//! Every fact that `status` counts, in one pass.

use super::reading::{Reader, connect};
use super::{Store, StoreError};
use std::path::Path;

/// One thing that stands in the dataset. A file comes first, then each of its samples, each followed by its turns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fact<'a> {
    /// A processed file.
    File {
        /// Stored path.
        path: &'a str,
        /// Whether it has samples.
        has_samples: bool,
        /// Whether it stands in `FailedFiles`.
        has_failure: bool,
    },
    /// A sample of the file told last.
    Sample {
        /// In `[0, 1]`.
        score: f64,
        /// More than one exchange.
        is_multiturn: bool,
    },
    /// A turn of the sample told last.
    Turn {
        /// `user`, `assistant` or `system`.
        role: &'a str,
        /// JSON; see `domain::provenance`.
        metadata: &'a str,
    },
}

impl Reader {
    /// Tells every fact, ordered by path, then sample, then turn. Holds one row at a time.
    pub fn tell_facts(&self, mut tell: impl FnMut(Fact<'_>)) -> Result<(), StoreError> {
        let query = "SELECT h.file_path, h.sample_id IS NOT NULL, f.failed_id IS NOT NULL,
                            s.sample_id, s.sample_quality_score, s.is_multiturn, t.role, t.metadata_json
                     FROM FileHashes h
                     LEFT JOIN FailedFiles f ON f.file_path = h.file_path
                     LEFT JOIN TrainingSamples s ON s.dataset_source = h.file_path
                     LEFT JOIN ConversationTurns t ON t.sample_id = s.sample_id
                     ORDER BY h.file_path, s.sample_id, t.turn_index";
        self.store.statement(query, |statement| {
            let mut rows = statement.query([])?;
            let (mut file, mut sample) = (None::<String>, None::<i64>);
            while let Some(row) = rows.next()? {
                let path = row.get_ref(0)?.as_str()?;
                if file.as_deref() != Some(path) {
                    tell(Fact::File {
                        path,
                        has_samples: row.get(1)?,
                        has_failure: row.get(2)?,
                    });
                    file = Some(path.to_owned());
                }
                let id: Option<i64> = row.get(3)?;
                if id.is_some() && id != sample {
                    tell(Fact::Sample {
                        score: row.get(4)?,
                        is_multiturn: row.get(5)?,
                    });
                    sample = id;
                }
                if let (Ok(role), Ok(metadata)) =
                    (row.get_ref(6)?.as_str(), row.get_ref(7)?.as_str())
                {
                    tell(Fact::Turn { role, metadata });
                }
            }
            Ok(())
        })
    }

    /// Tells the `reason` of every row of `FailedFiles`.
    pub fn tell_failures(&self, mut tell: impl FnMut(&str)) -> Result<(), StoreError> {
        self.store
            .statement("SELECT reason FROM FailedFiles", |statement| {
                let mut rows = statement.query([])?;
                while let Some(row) = rows.next()? {
                    tell(row.get_ref(0)?.as_str()?);
                }
                Ok(())
            })
    }
}

/// Files of one repository that were not selected when it was last scanned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Stored path of the repository.
    pub folder: String,
    /// Reason code.
    pub reason: String,
    /// How many.
    pub files: u64,
}

/// What was not selected, by repository and reason; nothing without a cache at `path`.
pub fn skipped_by_reason(path: &Path) -> Result<Vec<Skipped>, StoreError> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let store = Store::reading(connect(path)?, path);
    let query = "SELECT folder, reason, files FROM skips";
    store.rows(query, [], |row| {
        Ok(Skipped {
            folder: row.get(0)?,
            reason: row.get(1)?,
            files: row.get(2)?,
        })
    })
}
