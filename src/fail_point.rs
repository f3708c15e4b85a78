//! Places where a test can end the process as a kill or a power cut would.
//!
//! A debug build reads `PIPELINE_FAIL_POINT=<point>:<n>` and aborts when it reaches that point for the n-th time: no destructor runs, no
//! buffer is flushed. A release build has none of this: [`reach`] is empty and the variable is never read.

/// A place where a kill would hurt most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// A completion has arrived and stands nowhere but in memory.
    Response,
    /// A transaction of the cache is written and not committed.
    CacheCommit,
    /// A transaction of the cache is committed, and nobody has been told.
    CacheCommitted,
    /// A transaction of the dataset is written and not committed.
    DatasetCommit,
    /// A transaction of the dataset is committed, and nobody has been told.
    DatasetCommitted,
    /// A damaged cache has been renamed, its side files still stand.
    CacheAside,
    /// The new `logs/latest` is made and not yet in its place.
    LogLatest,
    /// The old copy of a repository has gone out of the way of the new one, which has not arrived.
    CloneRename,
    /// A file of a commit is in the worktree, and git's index does not have it.
    FileWritten,
}

/// Ends the process if a test asked for it here.
#[cfg(debug_assertions)]
pub fn reach(point: Point) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};
    static ARMED: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static REACHED: AtomicU64 = AtomicU64::new(0);
    let armed = ARMED.get_or_init(|| {
        let text = std::env::var("PIPELINE_FAIL_POINT").ok()?;
        let (name, nth) = text.split_once(':')?;
        Some((name.to_owned(), nth.parse().ok()?))
    });
    let Some((name, nth)) = armed else { return };
    if *name == format!("{point:?}") && REACHED.fetch_add(1, Ordering::Relaxed) + 1 == *nth {
        std::process::abort();
    }
}

/// Ends the process if a test asked for it here: never in this build.
#[cfg(not(debug_assertions))]
pub fn reach(_: Point) {}
