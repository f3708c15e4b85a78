//! The edge to trainers: the forms in which they read a dataset, its splits, its card, and files that are whole or not there.
//!
//! Must not know where rows come from.

mod card;
mod folder;
mod format;
mod split;

pub use card::CardFacts;
pub use folder::Folder;
pub use format::{Format, Message, Metadata, Row, Speaker};
pub use split::{Split, Splits};

use std::io;
use std::path::{Path, PathBuf};

/// What can go wrong between rows and files.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The folder holds a file of the same name that someone else wrote.
    #[error("{} was not written by `pipeline export` and would be overwritten; give another folder with --output, or move it away", .0.display())]
    NotOurs(PathBuf),
    /// Another export is at work.
    #[error("another export is writing to {}; wait for it, or give another folder with --output", .0.display())]
    Busy(PathBuf),
    /// A file or folder cannot be written.
    #[error("{}: {source}; what was exported there before is still there. Make room or give another folder with --output", path.display())]
    Io {
        /// What was touched.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl ExportError {
    fn io(path: &Path, source: io::Error) -> Self {
        ExportError::Io {
            path: path.to_owned(),
            source,
        }
    }
}
