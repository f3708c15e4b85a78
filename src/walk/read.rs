//! Reading one file: its bytes once, with their hash and the stamp they belong to.

use super::stamp;
use crate::domain::path;
use crate::domain::stamp::Stamp;
use rustix::fs::{OFlags, fstat, lstat};
use rustix::io::Errno;
use sha2::{Digest, Sha256};
use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// A file's content, with what was true of the file when it was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileBytes {
    /// The content.
    pub bytes: Vec<u8>,
    /// SHA-256 of `bytes`, lower-case hexadecimal.
    pub content_hash: String,
    /// The opened file's `fstat`, taken before the content was read.
    pub stamp: Stamp,
}

/// Why a file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system refuses.
    #[error("cannot read '{path}': {source}; make it readable for this user")]
    Io {
        /// The stored text of the path.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// It is a link, folder, FIFO, socket or device now.
    #[error("'{path}' is no regular file any more; run scrape again")]
    NotRegular {
        /// The stored text of the path.
        path: String,
    },
    /// It is larger than allowed, or grew beyond that while it was read.
    #[error("'{path}' is larger than {file_bytes_max} bytes; raise --max-file-size to take it")]
    TooLarge {
        /// The stored text of the path.
        path: String,
        /// The limit.
        file_bytes_max: u64,
    },
}

/// Reads the file at `path` below the worktree whole. Never follows a link, never waits on a FIFO, never holds more than `file_bytes_max` bytes and one.
pub fn read(worktree: &Path, path: &[u8], file_bytes_max: u64) -> Result<FileBytes, ReadError> {
    let name = || path::encode(path);
    let failed = |source: io::Error| match Errno::from_io_error(&source) {
        Some(Errno::LOOP | Errno::NXIO | Errno::OPNOTSUPP | Errno::ISDIR) => {
            ReadError::NotRegular { path: name() }
        }
        _ => ReadError::Io {
            path: name(),
            source,
        },
    };
    let too_large = || ReadError::TooLarge {
        path: name(),
        file_bytes_max,
    };
    let file = open(&worktree.join(OsStr::from_bytes(path))).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(ReadError::NotRegular { path: name() });
    }
    if metadata.len() > file_bytes_max {
        return Err(too_large());
    }
    let stamp = stamp(&fstat(&file).map_err(|errno| failed(errno.into()))?);
    let bytes = read_at_most(file, metadata.len(), file_bytes_max).map_err(failed)?;
    let Some(bytes) = bytes else {
        return Err(too_large());
    };
    Ok(FileBytes {
        content_hash: hex_sha256(&bytes),
        stamp,
        bytes,
    })
}

/// The stamp that the file at `path` below the worktree has now. Follows no link.
pub fn stamp_of(worktree: &Path, path: &[u8]) -> io::Result<Stamp> {
    let stat = lstat(worktree.join(OsStr::from_bytes(path)))?;
    Ok(stamp(&stat))
}

fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
}

/// `None` when there is more to read than allowed.
fn read_at_most(
    file: File,
    expected_bytes: u64,
    file_bytes_max: u64,
) -> io::Result<Option<Vec<u8>>> {
    let capacity = usize::try_from(expected_bytes.saturating_add(1)).unwrap_or_default();
    let mut bytes = Vec::with_capacity(capacity);
    let read = file
        .take(file_bytes_max.saturating_add(1))
        .read_to_end(&mut bytes)?;
    Ok((read as u64 <= file_bytes_max).then_some(bytes))
}

fn hex_sha256(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    Sha256::digest(bytes)
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::candidates;
    use super::*;
    use crate::domain::select::Tracked;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn bytes_hash_and_stamp_are_of_one_file() {
        let tree = tempfile::tempdir().unwrap();
        fs::write(tree.path().join("a"), "abc").unwrap();
        let found = candidates(tree.path(), |_| Tracked::Yes)
            .next()
            .unwrap()
            .unwrap();
        let file = read(tree.path(), &found.path, 3).unwrap();
        assert_eq!(file.bytes, b"abc");
        assert_eq!(
            file.content_hash,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(file.stamp, found.stamp);
    }

    #[test]
    fn nothing_but_a_regular_file_within_the_limit_is_read() {
        let tree = tempfile::tempdir().unwrap();
        let root = tree.path();
        fs::write(root.join("secret"), "abc").unwrap();
        fs::create_dir(root.join("folder")).unwrap();
        symlink("secret", root.join("link")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
        let fifo = std::process::Command::new("mkfifo")
            .arg(root.join("fifo"))
            .status()
            .unwrap();
        assert!(fifo.success());
        File::create(root.join("sparse"))
            .unwrap()
            .set_len(1 << 40)
            .unwrap();
        for path in ["folder", "link", "socket", "fifo"] {
            let error = read(root, path.as_bytes(), 100).unwrap_err();
            assert!(
                matches!(error, ReadError::NotRegular { .. }),
                "{path}: {error}"
            );
        }
        for path in ["sparse", "secret"] {
            let error = read(root, path.as_bytes(), 2).unwrap_err();
            assert!(
                matches!(error, ReadError::TooLarge { .. }),
                "{path}: {error}"
            );
        }
        let error = read(root, b"gone", 2).unwrap_err();
        assert!(matches!(error, ReadError::Io { .. }), "{error}");
    }

    #[test]
    fn a_file_that_grows_is_bounded() {
        let tree = tempfile::tempdir().unwrap();
        fs::write(tree.path().join("a"), [b'x'; 50]).unwrap();
        let open = || File::open(tree.path().join("a")).unwrap();
        assert_eq!(read_at_most(open(), 10, 20).unwrap(), None);
        assert_eq!(read_at_most(open(), 10, 50).unwrap().unwrap().len(), 50);
    }
}
