//! Which files of the corpus are copies of one another, and which of them is kept.
//!
//! The first file to be sent keeps, for as long as it stays in the dataset and on disk with that content; the others are left out. What
//! the cache knows of fingerprints is only a hint: the dataset decides.

use super::intake::Finder;
use super::repos;
use crate::domain::path;
use crate::domain::select::{FINGERPRINT_VERSION, Skip, SkipReason, fingerprint};
use crate::domain::source::SourceFile;
use crate::domain::stamp::Seen;
use crate::store::{Bare, Index, SourceCopy, StoreError};
use crate::walk::{self, ReadError};
use std::path::Path;

/// Files whose fingerprints are stored in one go.
const GROUP: usize = 256;
/// A stored file was not larger than this when it was sent.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// Why a file of this content is not wanted: another one of the same, but for white space, is kept.
pub(super) fn kept_elsewhere(
    finder: &Finder<'_>,
    path: &str,
    content_hash: &str,
    bare: Bare,
) -> Result<Option<Skip>, StoreError> {
    for copy in finder.cache.copies(bare, content_hash)? {
        if copy.path != path && (copy.is_claimed || is_kept(finder, &copy)?) {
            let reason = match copy.content_hash == content_hash {
                true => SkipReason::DuplicateExact,
                false => SkipReason::DuplicateWhitespace,
            };
            return Ok(Some(Skip::found(reason, copy.path)));
        }
    }
    Ok(None)
}

fn is_kept(finder: &Finder<'_>, copy: &SourceCopy) -> Result<bool, StoreError> {
    let stored = finder.store.content_hash_of(&copy.path)?;
    Ok(stored.as_ref() == Some(&copy.content_hash)
        && !finder.settings.deny.denies(&copy.path)
        && stands(
            &finder.session.workspace.repos(),
            &copy.path,
            &copy.content_hash,
            copy.seen.as_ref(),
        ))
}

/// Whether a stored file is still what its rows were made from. One that is gone, that is no regular file any more or that has other
/// content gives them up in the run that sees it. When it cannot be told, as where its repository is missing, it stands.
pub(super) fn stands(
    repos: &Path,
    stored_path: &str,
    content_hash: &str,
    seen: Option<&Seen>,
) -> bool {
    if repos::has_vanished(repos, stored_path) {
        return false;
    }
    let below = path::decode(stored_path);
    let Ok(stamp) = walk::stamp_of(repos, &below) else {
        return true;
    };
    if let Some(seen) = seen.filter(|seen| seen.proves(&stamp)) {
        return seen.content_hash == content_hash;
    }
    match walk::read(repos, &below, FILE_BYTES_MAX) {
        Ok(read) => read.content_hash == content_hash,
        Err(error) => !matches!(error, ReadError::NotRegular { .. }),
    }
}

/// Claims a file that is about to be sent.
pub(super) fn claim(finder: &Finder<'_>, file: &SourceFile, bare: Bare) -> Result<(), StoreError> {
    let source = SourceCopy {
        path: file.path.clone(),
        content_hash: file.content_hash.clone(),
        is_claimed: true,
        seen: None,
    };
    finder.cache.claim_source(source, bare)
}

/// Makes the fingerprints of files in the dataset that the cache has lost, or never had: it may be new, a copy from another day, or short of
/// what a power failure took. Looks at what was processed since it last did so, and reads those files that still have the content that was
/// sent. A signal ends it early; the next run begins it anew.
pub(super) fn recall(finder: &Finder<'_>) -> Result<(), StoreError> {
    let known_to = finder.cache.indexed(Index::Sources, FINGERPRINT_VERSION)?;
    let since = super::stored_time(known_to.unwrap_or(0));
    let (begun, mut row) = (super::now_secs(), 0);
    loop {
        let files = finder.store.files_since(&since, row, GROUP)?;
        let Some((last, ..)) = files.last() else {
            break;
        };
        row = *last;
        let files = files.into_iter().map(|(_, path, hash)| (path, hash));
        recall_some(finder, finder.cache.without_source(files.collect())?)?;
        if finder.session.signals.seen().is_some() {
            return Ok(());
        }
    }
    match known_to {
        Some(_) if row == 0 => Ok(()),
        _ => finder
            .cache
            .keep_sources_indexed(FINGERPRINT_VERSION, begun),
    }
}

fn recall_some(finder: &Finder<'_>, files: Vec<(String, String)>) -> Result<(), StoreError> {
    let signals = &finder.session.signals;
    let repos = finder.session.workspace.repos();
    let wanted = files.into_iter().take_while(|_| signals.seen().is_none());
    let read = wanted.filter_map(|(path, content_hash)| {
        let read = walk::read(&repos, &path::decode(&path), FILE_BYTES_MAX).ok()?;
        let source = SourceCopy {
            path,
            content_hash,
            is_claimed: false,
            seen: None,
        };
        (read.content_hash == source.content_hash).then(|| (source, fingerprint(&read.bytes)))
    });
    let read: Vec<_> = read.collect();
    match read.is_empty() {
        true => Ok(()),
        false => finder.cache.keep_sources(read),
    }
}
