//! A folder of exported files, each whole or not there.
//!
//! Rows go to hidden files beside the final ones. At the end the card takes its place, then every old split goes and the new ones take
//! theirs: a kill leaves at worst a split missing, never half a file and never splits of two exports side by side.

use super::{CardFacts, ExportError, Split, card};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

const CARD: &str = "README.md";
/// A partial file that was renamed between opening and locking is opened again, at most so often.
const OPEN_TRIES: usize = 3;

/// The folder being written.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    splits: Vec<(Split, Partial)>,
}

#[derive(Debug)]
struct Partial {
    path: PathBuf,
    file: BufWriter<File>,
    rows: u64,
}

impl Folder {
    /// Opens the folder, making it when it is missing.
    ///
    /// # Errors
    /// Also when it holds files with the names of ours that someone else wrote, or when another export is at work there.
    pub fn open(root: &Path) -> Result<Self, ExportError> {
        fs::create_dir_all(root).map_err(|source| ExportError::io(root, source))?;
        check_ours(root)?;
        let open = |split: Split| Ok((split, Partial::open(root, split.file_name())?));
        let splits = Split::ALL.into_iter().map(open);
        Ok(Folder {
            root: root.to_owned(),
            splits: splits.collect::<Result<_, ExportError>>()?,
        })
    }

    /// Appends a line to a split.
    pub fn write(&mut self, split: Split, line: &[u8]) -> Result<(), ExportError> {
        let Some((_, partial)) = self.splits.iter_mut().find(|(known, _)| *known == split) else {
            return Ok(());
        };
        partial.rows += 1;
        let written = partial.file.write_all(line);
        written.map_err(|source| ExportError::io(&partial.path, source))
    }

    /// Puts everything in its place. A split without rows gets no file.
    pub fn finish(self, facts: &CardFacts) -> Result<(), ExportError> {
        let Folder { root, splits } = self;
        let mut whole = Vec::new();
        for (split, partial) in splits {
            match partial.rows {
                0 => partial.remove()?,
                _ => whole.push((split, partial.synced()?)),
            }
        }
        let mut card = Partial::open(&root, CARD)?;
        let text = card::text(facts);
        let written = card.file.write_all(text.as_bytes());
        written.map_err(|source| ExportError::io(&card.path, source))?;
        rename(&card.synced()?, &root.join(CARD))?;
        for split in Split::ALL {
            remove(&root.join(split.file_name()))?;
        }
        for (split, partial) in whole {
            rename(&partial, &root.join(split.file_name()))?;
        }
        let synced = File::open(&root).and_then(|folder| folder.sync_all());
        synced.map_err(|source| ExportError::io(&root, source))
    }

    /// Leaves the folder as it was.
    pub fn abandon(self) -> Result<(), ExportError> {
        let mut partials = self.splits.into_iter().map(|(_, partial)| partial);
        partials.try_for_each(Partial::remove)
    }
}

impl Partial {
    /// Opens `.NAME.partial` empty, for this process alone. One that a killed export left is used again.
    fn open(root: &Path, name: &str) -> Result<Self, ExportError> {
        let path = root.join(format!(".{name}.partial"));
        for _ in 0..OPEN_TRIES {
            let opened = lock_empty(&path).map_err(|source| ExportError::io(&path, source))?;
            if let Some(file) = opened {
                return Ok(Partial {
                    path,
                    file: BufWriter::with_capacity(1 << 16, file),
                    rows: 0,
                });
            }
        }
        Err(ExportError::Busy(root.to_owned()))
    }

    /// Makes the content durable and gives the path.
    fn synced(mut self) -> Result<PathBuf, ExportError> {
        let synced = self
            .file
            .flush()
            .and_then(|()| self.file.get_ref().sync_all());
        synced.map_err(|source| ExportError::io(&self.path, source))?;
        Ok(self.path)
    }

    fn remove(self) -> Result<(), ExportError> {
        remove(&self.path)
    }
}

/// `None` when another process holds it, or took it away between opening and locking.
fn lock_empty(path: &Path) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    let file = options
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(source)) => return Err(source),
    }
    let named = fs::symlink_metadata(path).map(|named| named.ino());
    if named.ok() != Some(file.metadata()?.ino()) {
        return Ok(None);
    }
    file.set_len(0)?;
    Ok(Some(file))
}

/// Files of ours stand beside a card of ours.
fn check_ours(root: &Path) -> Result<(), ExportError> {
    let card = root.join(CARD);
    match fs::read(&card) {
        Ok(text) if card::is_ours(&text) => return Ok(()),
        Ok(_) => return Err(ExportError::NotOurs(card)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(source) => return Err(ExportError::io(&card, source)),
    }
    let foreign = Split::ALL.map(|split| root.join(split.file_name()));
    match foreign.into_iter().find(|path| path.exists()) {
        Some(path) => Err(ExportError::NotOurs(path)),
        None => Ok(()),
    }
}

fn rename(from: &Path, to: &Path) -> Result<(), ExportError> {
    fs::rename(from, to).map_err(|source| ExportError::io(to, source))
}

fn remove(path: &Path) -> Result<(), ExportError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(ExportError::io(path, source))
        }
        _ => Ok(()),
    }
}
