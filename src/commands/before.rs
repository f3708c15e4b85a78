//! What earlier runs know of a file, and what follows from it before the file is read.

use crate::domain::stamp::Stamp;
use crate::store::StatRow;

/// What earlier runs know of a file.
pub(super) struct Before {
    /// The content hash that the dataset has.
    pub stored: Option<String>,
    /// Its row in the stat cache.
    pub known: Option<StatRow>,
}

impl Before {
    /// Whether content of this hash is what the dataset has.
    pub fn is_stored(&self, content_hash: &str) -> bool {
        self.stored.as_deref() == Some(content_hash)
    }

    /// Whether nothing has to be asked about the file: its content is the stored one, and its path was chosen before.
    pub fn is_unchanged(&self, stamp: &Stamp, chosen: &str) -> bool {
        self.known.as_ref().is_some_and(|row| {
            row.note.as_deref() == Some(chosen)
                && self.is_stored(&row.seen.content_hash)
                && row.seen.proves(stamp)
        })
    }

    /// The stat row, when the file's stamp proves that its content is the same.
    pub fn proven(&self, stamp: &Stamp) -> Option<&StatRow> {
        self.known.as_ref().filter(|row| row.seen.proves(stamp))
    }
}
