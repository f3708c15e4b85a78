//! The file of the cache: its tables, what is pruned from it, how a damaged one goes out of the way, and every statement on it.

use super::cache::{CacheLimits, StatRow};
use super::query::bounds_below;
use super::{StoreError, fingerprints, key_runs, open_synced};
use crate::domain::stamp::{Seen, Stamp};
use crate::fail_point::{Point, reach};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use std::path::{Path, PathBuf};

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS responses (
    key BLOB PRIMARY KEY, used_at INTEGER NOT NULL, bytes INTEGER NOT NULL, response TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS stats (
    path TEXT PRIMARY KEY, file_bytes INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL, content_hash TEXT NOT NULL, seen_at_ns INTEGER NOT NULL, skipped TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS skips (folder TEXT NOT NULL, reason TEXT NOT NULL, files INTEGER NOT NULL, PRIMARY KEY (folder, reason)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS endpoints (name TEXT PRIMARY KEY, profile TEXT NOT NULL) WITHOUT ROWID;
";

/// Opens the cache at `path`, pruned to `limits` as of `now` (seconds since 1970). A damaged one is set aside with a warning.
pub(super) fn open(path: &Path, limits: CacheLimits, now: i64) -> Result<Connection, StoreError> {
    match open_pruned(path, limits, now) {
        Err(StoreError::Corrupt { .. }) => renew(path, limits, now),
        other => other,
    }
}

/// Sets the damaged cache at `path` aside and opens an empty one.
pub(super) fn renew(path: &Path, limits: CacheLimits, now: i64) -> Result<Connection, StoreError> {
    let aside = set_aside(path, now)?;
    tracing::warn!(
        "{} was damaged; set aside as {}: what it held is asked for again where it is needed",
        path.display(),
        aside.display()
    );
    open_pruned(path, limits, now)
}

fn open_pruned(path: &Path, limits: CacheLimits, now: i64) -> Result<Connection, StoreError> {
    // A new cache holds nothing yet that a power failure could take. Later, SQLite waits for the disk when it empties its log, and no
    // commit does: see `cache_sync`.
    let is_new = std::fs::metadata(path).map_or(true, |meta| meta.len() == 0);
    let connection = open_synced(path, if is_new { "OFF" } else { "NORMAL" })?;
    let prepare = || -> rusqlite::Result<()> {
        connection.execute_batch(SCHEMA)?;
        connection.execute_batch(fingerprints::SCHEMA)?;
        connection.execute_batch(key_runs::SCHEMA)?;
        drop_bands(&connection)?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        if !is_prune_due(&connection, limits, now)? {
            return Ok(());
        }
        connection.execute(
            "DELETE FROM responses WHERE used_at < ?1",
            [now - limits.age_secs],
        )?;
        connection.execute(
            "DELETE FROM responses WHERE key IN (SELECT key FROM
                 (SELECT key, sum(bytes) OVER (ORDER BY used_at DESC, key) AS total FROM responses) WHERE total > ?1)",
            [limits.bytes_max],
        )?;
        connection.pragma_update(None, "application_id", pages_used(&connection)?)
    };
    prepare().map_err(|source| StoreError::of(path, source))?;
    Ok(connection)
}

/// Removes the index of samples of earlier programs; this one makes its own from the dataset. Theirs would do so too.
fn drop_bands(connection: &Connection) -> rusqlite::Result<()> {
    let is_there = connection
        .prepare("SELECT 1 FROM sqlite_schema WHERE name = 'bands'")?
        .exists([])?;
    match is_there {
        true => connection.execute_batch(
            "BEGIN; DROP TABLE bands; DELETE FROM indexed WHERE name = 'samples'; COMMIT",
        ),
        false => Ok(()),
    }
}

/// To prune, every response is looked at: done once a day, and when the file as a whole is larger than responses may be and has grown since it
/// was pruned, by a sixteenth of what they may be. How large it was then stands in its `application_id`.
fn is_prune_due(connection: &Connection, limits: CacheLimits, now: i64) -> rusqlite::Result<bool> {
    const DAY_SECS: i64 = 86_400;
    const GROWTH_SHARE: i64 = 16;
    let (today, pruned) = (now / DAY_SECS, number(connection, "user_version")?);
    let page_bytes = number(connection, "page_size")?;
    let used = pages_used(connection)?;
    let grown = used - number(connection, "application_id")?;
    let is_crowded = used * page_bytes > limits.bytes_max
        && grown * page_bytes > limits.bytes_max / GROWTH_SHARE;
    if pruned == today && !is_crowded {
        return Ok(false);
    }
    connection.pragma_update(None, "user_version", today)?;
    Ok(true)
}

/// Pages that hold something.
fn pages_used(connection: &Connection) -> rusqlite::Result<i64> {
    Ok(number(connection, "page_count")? - number(connection, "freelist_count")?)
}

fn number(connection: &Connection, pragma: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, pragma, |row| row.get(0))
}

fn set_aside(path: &Path, now: i64) -> Result<PathBuf, StoreError> {
    let aside = path.with_extension(format!("db.damaged-{now}"));
    std::fs::rename(path, &aside).map_err(|source| StoreError::Open {
        path: path.to_owned(),
        source,
    })?;
    reach(Point::CacheAside);
    for suffix in ["-wal", "-shm"] {
        let mut side = path.as_os_str().to_owned();
        side.push(suffix);
        // Absent is as good as removed; one that stays makes the next open fail with its own message.
        let _ = std::fs::remove_file(side);
    }
    Ok(aside)
}

pub(super) fn keep_response(
    connection: &Connection,
    key: &[u8; 32],
    response: &str,
    now: i64,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO responses (key, used_at, bytes, response) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![key, now, response.len() as u64, response])?;
    Ok(())
}

pub(super) fn keep_stats(
    connection: &Connection,
    rows: &[(String, StatRow)],
) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT OR REPLACE INTO stats (path, file_bytes, mtime_ns, ctime_ns, inode, content_hash, seen_at_ns, skipped)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    for (path, StatRow { seen, note }) in rows {
        let Stamp {
            file_bytes,
            mtime_ns,
            ctime_ns,
            inode,
        } = seen.stamp;
        // Inode numbers are bit patterns: SQLite's integers are signed.
        let inode = inode.cast_signed();
        let values = params![
            path,
            file_bytes,
            mtime_ns,
            ctime_ns,
            inode,
            seen.content_hash,
            seen.seen_at_ns,
            note
        ];
        insert.execute(values)?;
    }
    Ok(())
}

pub(super) fn keep_skips(
    connection: &Connection,
    folder: &str,
    skipped: &[(String, u64)],
) -> rusqlite::Result<()> {
    let known: Vec<(String, u64)> = connection
        .prepare_cached("SELECT reason, files FROM skips WHERE folder = ?1 ORDER BY reason")?
        .query_map([folder], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    // Most nights nothing changes, and then nothing need be written.
    if known == skipped {
        return Ok(());
    }
    connection
        .prepare_cached("DELETE FROM skips WHERE folder = ?1")?
        .execute([folder])?;
    let mut insert = connection
        .prepare_cached("INSERT INTO skips (folder, reason, files) VALUES (?1, ?2, ?3)")?;
    for (reason, files) in skipped {
        insert.execute(params![folder, reason, files])?;
    }
    Ok(())
}

pub(super) fn keep_profile(
    connection: &Connection,
    name: &str,
    profile: &str,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO endpoints (name, profile) VALUES (?1, ?2)")?
        .execute([name, profile])?;
    Ok(())
}

pub(super) fn response(
    connection: &Connection,
    key: [u8; 32],
    now: i64,
) -> rusqlite::Result<Option<String>> {
    let found = connection
        .prepare_cached("SELECT response FROM responses WHERE key = ?1")?
        .query_row([&key[..]], |row| row.get(0))
        .optional()?;
    if found.is_some() {
        let mut touch = connection.prepare_cached(
            "UPDATE responses SET used_at = ?2 WHERE key = ?1 AND used_at < ?2 - 86400",
        )?;
        touch.execute(params![&key[..], now])?;
    }
    Ok(found)
}

pub(super) fn profile(connection: &Connection, name: &str) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached("SELECT profile FROM endpoints WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()
}

pub(super) fn stats_below(
    connection: &Connection,
    folder: &str,
    after: Option<&str>,
    most: usize,
) -> rusqlite::Result<Vec<(String, StatRow)>> {
    let mut select = connection.prepare_cached(
        "SELECT path, file_bytes, mtime_ns, ctime_ns, inode, content_hash, seen_at_ns, skipped FROM stats
         WHERE path > ?1 AND path < ?2 ORDER BY path LIMIT ?3",
    )?;
    let [first, end] = bounds_below(folder);
    let values = params![after.unwrap_or(&first), end, most as u64];
    let rows = select.query_map(values, |row| {
        let (seen, note) = (seen(row)?, row.get(7)?);
        Ok((row.get(0)?, StatRow { seen, note }))
    })?;
    rows.collect()
}

/// How the file with this stored path was when its content was last read.
pub(super) fn seen_of(connection: &Connection, path: &str) -> rusqlite::Result<Option<Seen>> {
    connection
        .prepare_cached(
            "SELECT path, file_bytes, mtime_ns, ctime_ns, inode, content_hash, seen_at_ns FROM stats WHERE path = ?1",
        )?
        .query_row([path], seen)
        .optional()
}

/// Columns 1 to 6 of a row of `stats`.
fn seen(row: &Row<'_>) -> rusqlite::Result<Seen> {
    let inode: i64 = row.get(4)?;
    let stamp = Stamp {
        file_bytes: row.get(1)?,
        mtime_ns: row.get(2)?,
        ctime_ns: row.get(3)?,
        inode: inode.cast_unsigned(),
    };
    Ok(Seen {
        stamp,
        content_hash: row.get(5)?,
        seen_at_ns: row.get(6)?,
    })
}
