//! The cache: paid responses, the stat cache and what was learnt about endpoints. May be deleted at any time.
//!
//! One thread owns the connection. Requests reach it over a bounded queue and are committed in groups: whoever stores a
//! response waits for the commit that holds it. A commit outlives the process at once, and a power failure once it is synced, which
//! every commit after [`SYNC_TIME`] is: to wait for the disk each time would keep more paid responses in memory, where a kill loses
//! them. A damaged file is set aside, never fatal.

use super::{StoreError, fingerprints, open_private};
use crate::domain::stamp::{Seen, Stamp};
use rusqlite::{Connection, OptionalExtension as _, params};
use std::cell::Cell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// Requests waiting for the cache thread; more wait at the sender.
const QUEUE: usize = 64;
/// Most writes of one commit.
const GROUP: usize = 256;

/// Commits are synced to disk this often while there is work.
const SYNC_TIME: Duration = Duration::from_millis(250);

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS responses (
    key BLOB PRIMARY KEY, used_at INTEGER NOT NULL, bytes INTEGER NOT NULL, response TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS stats (
    path TEXT PRIMARY KEY, file_bytes INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL, content_hash TEXT NOT NULL, seen_at_ns INTEGER NOT NULL, skipped TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS endpoints (name TEXT PRIMARY KEY, profile TEXT NOT NULL) WITHOUT ROWID;
";

/// How much the cache may keep.
#[derive(Debug, Clone, Copy)]
pub struct CacheLimits {
    /// Responses unused for longer are dropped, in seconds.
    pub age_secs: i64,
    /// Bytes of responses; the least recently used go first.
    pub bytes_max: i64,
}

/// What is known of a file's content without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatRow {
    /// The file as it was when it was last read.
    pub seen: Seen,
    /// Set when its content was not selected: the reason, and what it depends on besides the content.
    pub skipped: Option<String>,
}

/// A question to the database of the cache, or a write to it.
type Look = Box<dyn FnOnce(&Owner) + Send>;
type Write = Box<dyn Fn(&Connection) -> rusqlite::Result<()> + Send>;

enum Job {
    /// A question of another module of this edge; it sees every [`Job::Write`] before it.
    Look(Look),
    /// A write of another module of this edge.
    Write(Write),
    Response(
        [u8; 32],
        oneshot::Sender<Result<Option<String>, StoreError>>,
    ),
    Stats(
        String,
        oneshot::Sender<Result<HashMap<String, StatRow>, StoreError>>,
    ),
    Profile(String, oneshot::Sender<Result<Option<String>, StoreError>>),
    KeepResponse([u8; 32], String, oneshot::Sender<Result<(), StoreError>>),
    KeepStats(Vec<(String, StatRow)>),
    KeepProfile(String, String),
}

/// A handle on the cache; clones share its thread. The thread ends when the last handle is gone and its work is committed.
#[derive(Debug, Clone)]
pub struct Cache {
    jobs: mpsc::Sender<Job>,
}

impl Cache {
    /// Opens the cache at `path`, prunes it to `limits` as of `now` (seconds since 1970), and starts its thread.
    /// Join the returned handle after dropping every [`Cache`] to be sure all is written.
    pub fn open(
        path: &Path,
        limits: CacheLimits,
        now: i64,
    ) -> Result<(Self, JoinHandle<()>), StoreError> {
        let connection = match open_pruned(path, limits, now) {
            Err(StoreError::Corrupt { .. }) => {
                let aside = set_aside(path, now)?;
                tracing::warn!(
                    "{} was damaged; set aside as {}",
                    path.display(),
                    aside.display()
                );
                open_pruned(path, limits, now)?
            }
            other => other?,
        };
        let (jobs, queue) = mpsc::channel(QUEUE);
        let owner = Owner {
            connection,
            path: path.to_owned(),
            now,
            synced: Cell::new(None),
        };
        let thread = std::thread::Builder::new()
            .name("cache".to_owned())
            .spawn(move || owner.serve(queue));
        let thread = thread.map_err(|source| StoreError::Open {
            path: path.to_owned(),
            source,
        })?;
        Ok((Cache { jobs }, thread))
    }

    /// The response stored under `key`.
    pub async fn response(&self, key: [u8; 32]) -> Result<Option<String>, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.send(Job::Response(key, reply)).await?;
        answer.await.map_err(|_| StoreError::CacheGone)?
    }

    /// Stores a response; when this returns it is committed.
    pub async fn keep_response(&self, key: [u8; 32], response: String) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        self.send(Job::KeepResponse(key, response, reply)).await?;
        answer.await.map_err(|_| StoreError::CacheGone)?
    }

    /// What was learnt about an endpoint and model, as its owner wrote it.
    pub async fn profile(&self, name: &str) -> Result<Option<String>, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.send(Job::Profile(name.to_owned(), reply)).await?;
        answer.await.map_err(|_| StoreError::CacheGone)?
    }

    /// Stores what was learnt about an endpoint and model.
    pub async fn keep_profile(&self, name: &str, profile: String) -> Result<(), StoreError> {
        self.send(Job::KeepProfile(name.to_owned(), profile)).await
    }

    /// The stat rows of every file below `folder`, by stored path. Blocks; not for asynchronous code.
    pub fn stats_below(&self, folder: &str) -> Result<HashMap<String, StatRow>, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.jobs
            .blocking_send(Job::Stats(folder.to_owned(), reply))
            .map_err(|_| StoreError::CacheGone)?;
        answer.blocking_recv().map_err(|_| StoreError::CacheGone)?
    }

    /// Stores stat rows, some time later. Blocks while the queue is full; not for asynchronous code.
    pub fn keep_stats(&self, rows: Vec<(String, StatRow)>) -> Result<(), StoreError> {
        self.jobs
            .blocking_send(Job::KeepStats(rows))
            .map_err(|_| StoreError::CacheGone)
    }

    /// Asks the database something.
    pub(super) async fn look<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (job, answer) = look_job(question);
        self.send(job).await?;
        answer.await.map_err(|_| StoreError::CacheGone)?
    }

    /// [`Cache::look`], blocking; not for asynchronous code.
    pub(super) fn look_blocking<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (job, answer) = look_job(question);
        self.send_blocking(job)?;
        answer.blocking_recv().map_err(|_| StoreError::CacheGone)?
    }

    /// Writes something, some time later.
    pub(super) async fn write(
        &self,
        write: impl Fn(&Connection) -> rusqlite::Result<()> + Send + 'static,
    ) -> Result<(), StoreError> {
        self.send(Job::Write(Box::new(write))).await
    }

    /// [`Cache::write`], blocking while the queue is full; not for asynchronous code.
    pub(super) fn write_blocking(
        &self,
        write: impl Fn(&Connection) -> rusqlite::Result<()> + Send + 'static,
    ) -> Result<(), StoreError> {
        self.send_blocking(Job::Write(Box::new(write)))
    }

    fn send_blocking(&self, job: Job) -> Result<(), StoreError> {
        self.jobs
            .blocking_send(job)
            .map_err(|_| StoreError::CacheGone)
    }

    async fn send(&self, job: Job) -> Result<(), StoreError> {
        self.jobs.send(job).await.map_err(|_| StoreError::CacheGone)
    }
}

fn look_job<T: Send + 'static>(
    question: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
) -> (Job, oneshot::Receiver<Result<T, StoreError>>) {
    let (reply, answer) = oneshot::channel();
    let look: Look = Box::new(move |owner: &Owner| drop(reply.send(owner.run(question))));
    (Job::Look(look), answer)
}

fn open_pruned(path: &Path, limits: CacheLimits, now: i64) -> Result<Connection, StoreError> {
    let connection = open_private(path)?;
    let prepare = || -> rusqlite::Result<()> {
        connection.execute_batch(SCHEMA)?;
        connection.execute_batch(fingerprints::SCHEMA)?;
        connection.execute(
            "DELETE FROM responses WHERE used_at < ?1",
            [now - limits.age_secs],
        )?;
        connection.execute(
            "DELETE FROM responses WHERE key IN (SELECT key FROM
                 (SELECT key, sum(bytes) OVER (ORDER BY used_at DESC, key) AS total FROM responses) WHERE total > ?1)",
            [limits.bytes_max],
        )?;
        Ok(())
    };
    prepare().map_err(|source| StoreError::of(path, source))?;
    Ok(connection)
}

fn set_aside(path: &Path, now: i64) -> Result<PathBuf, StoreError> {
    let aside = path.with_extension(format!("db.damaged-{now}"));
    std::fs::rename(path, &aside).map_err(|source| StoreError::Open {
        path: path.to_owned(),
        source,
    })?;
    for suffix in ["-wal", "-shm"] {
        let mut side = path.as_os_str().to_owned();
        side.push(suffix);
        // Absent is as good as removed; one that stays makes the next open fail with its own message.
        let _ = std::fs::remove_file(side);
    }
    Ok(aside)
}

struct Owner {
    connection: Connection,
    path: PathBuf,
    now: i64,
    synced: Cell<Option<Instant>>,
}

impl Owner {
    fn serve(self, mut queue: mpsc::Receiver<Job>) {
        let mut writes = Vec::new();
        while let Some(first) = queue.blocking_recv() {
            let mut next = Some(first);
            while let Some(job) = next {
                if let Some(write) = self.answer(job, &mut writes) {
                    writes.push(write);
                }
                next = (writes.len() < GROUP)
                    .then(|| queue.try_recv().ok())
                    .flatten();
            }
            self.commit(&mut writes);
        }
    }

    /// Answers a question; gives a write back for the group. Stats and profiles see every write before them. Responses need not:
    /// whoever stores one waits for its commit, and to commit for each look-up would break up the groups.
    fn answer(&self, job: Job, writes: &mut Vec<Job>) -> Option<Job> {
        let sees = |write: &Job| match job {
            Job::Stats(..) | Job::Profile(..) => true,
            Job::Look(..) => matches!(write, Job::Write(..)),
            _ => false,
        };
        if writes.iter().any(sees) {
            self.commit(writes);
        }
        // A receiver that is gone no longer wants the answer.
        match job {
            Job::Look(look) => look(self),
            Job::Response(key, reply) => drop(reply.send(self.run(|c| response(c, key, self.now)))),
            Job::Stats(folder, reply) => drop(reply.send(self.run(|c| stats_below(c, &folder)))),
            Job::Profile(name, reply) => drop(reply.send(self.run(|c| profile(c, &name)))),
            write => return Some(write),
        }
        None
    }

    fn commit(&self, writes: &mut Vec<Job>) {
        if writes.is_empty() {
            return;
        }
        let result = self.run(|connection| {
            self.choose_sync(connection)?;
            let transaction = connection.unchecked_transaction()?;
            for job in &*writes {
                write(&transaction, job, self.now)?;
            }
            transaction.commit()
        });
        if let Err(error) = &result {
            tracing::warn!("the cache lost {} writes: {error}", writes.len());
        }
        for job in writes.drain(..) {
            if let Job::KeepResponse(_, _, reply) = job {
                let _ = reply.send(match &result {
                    Ok(()) => Ok(()),
                    Err(StoreError::DiskFull { path }) => {
                        Err(StoreError::DiskFull { path: path.clone() })
                    }
                    Err(_) => Err(StoreError::CacheGone),
                });
            }
        }
    }

    /// Whether the next commit waits for the disk.
    fn choose_sync(&self, connection: &Connection) -> rusqlite::Result<()> {
        let is_due = self.synced.get().is_none_or(|at| at.elapsed() >= SYNC_TIME);
        if is_due {
            self.synced.set(Some(Instant::now()));
        }
        connection.pragma_update(None, "synchronous", if is_due { "FULL" } else { "NORMAL" })
    }

    fn run<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        work(&self.connection).map_err(|source| StoreError::of(&self.path, source))
    }
}

fn write(connection: &Connection, job: &Job, now: i64) -> rusqlite::Result<()> {
    match job {
        Job::KeepResponse(key, response, _) => {
            connection
                .prepare_cached("INSERT OR REPLACE INTO responses (key, used_at, bytes, response) VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![key, now, response.len() as u64, response])?;
        }
        Job::KeepStats(rows) => {
            let mut insert = connection.prepare_cached(
                "INSERT OR REPLACE INTO stats (path, file_bytes, mtime_ns, ctime_ns, inode, content_hash, seen_at_ns, skipped)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?;
            for (path, StatRow { seen, skipped }) in rows {
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
                    skipped
                ];
                insert.execute(values)?;
            }
        }
        Job::KeepProfile(name, profile) => {
            connection
                .prepare_cached("INSERT OR REPLACE INTO endpoints (name, profile) VALUES (?1, ?2)")?
                .execute([name, profile])?;
        }
        Job::Write(write) => write(connection)?,
        Job::Look(..) | Job::Response(..) | Job::Stats(..) | Job::Profile(..) => {}
    }
    Ok(())
}

fn response(connection: &Connection, key: [u8; 32], now: i64) -> rusqlite::Result<Option<String>> {
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

fn profile(connection: &Connection, name: &str) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached("SELECT profile FROM endpoints WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()
}

fn stats_below(
    connection: &Connection,
    folder: &str,
) -> rusqlite::Result<HashMap<String, StatRow>> {
    let mut select = connection.prepare_cached(
        "SELECT path, file_bytes, mtime_ns, ctime_ns, inode, content_hash, seen_at_ns, skipped FROM stats
         WHERE path >= ?1 AND path < ?2",
    )?;
    let rows = select.query_map([format!("{folder}/"), format!("{folder}0")], |row| {
        let inode: i64 = row.get(4)?;
        let stamp = Stamp {
            file_bytes: row.get(1)?,
            mtime_ns: row.get(2)?,
            ctime_ns: row.get(3)?,
            inode: inode.cast_unsigned(),
        };
        let seen = Seen {
            stamp,
            content_hash: row.get(5)?,
            seen_at_ns: row.get(6)?,
        };
        Ok((
            row.get(0)?,
            StatRow {
                seen,
                skipped: row.get(7)?,
            },
        ))
    })?;
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: CacheLimits = CacheLimits {
        age_secs: 1000,
        bytes_max: 100,
    };

    fn block<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
            .block_on(future)
    }

    fn close((cache, thread): (Cache, JoinHandle<()>)) {
        drop(cache);
        thread.join().unwrap();
    }

    #[test]
    fn a_kept_response_outlives_the_process_until_it_is_old_or_crowded_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache.db");
        let opened = Cache::open(&path, LIMITS, 5000).unwrap();
        block(opened.0.keep_response([1; 32], "x".repeat(60))).unwrap();
        close(opened);
        let opened = Cache::open(&path, LIMITS, 5500).unwrap();
        assert_eq!(
            block(opened.0.response([1; 32])).unwrap().unwrap().len(),
            60
        );
        assert_eq!(block(opened.0.response([2; 32])).unwrap(), None);
        block(opened.0.keep_response([2; 32], "y".repeat(60))).unwrap();
        close(opened);
        let opened = Cache::open(&path, LIMITS, 5500).unwrap();
        assert_eq!(
            block(opened.0.response([1; 32])).unwrap(),
            None,
            "the older one goes when both are too much"
        );
        assert!(block(opened.0.response([2; 32])).unwrap().is_some());
        close(opened);
        let opened = Cache::open(&path, LIMITS, 7000).unwrap();
        assert_eq!(block(opened.0.response([2; 32])).unwrap(), None, "too old");
        close(opened);
    }

    #[test]
    fn stats_and_profiles_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let opened = Cache::open(&folder.path().join("cache.db"), LIMITS, 0).unwrap();
        let stamp = Stamp {
            file_bytes: 3,
            mtime_ns: -5,
            ctime_ns: 4,
            inode: u64::MAX,
        };
        let seen = Seen {
            stamp,
            content_hash: "h".to_owned(),
            seen_at_ns: 9,
        };
        let row = StatRow {
            seen,
            skipped: Some("binary".to_owned()),
        };
        opened
            .0
            .keep_stats(vec![
                ("h/r/a".to_owned(), row.clone()),
                ("h/r2/a".to_owned(), row.clone()),
            ])
            .unwrap();
        assert_eq!(
            opened.0.stats_below("h/r").unwrap(),
            HashMap::from([("h/r/a".to_owned(), row)])
        );
        block(opened.0.keep_profile("e", "{}".to_owned())).unwrap();
        assert_eq!(block(opened.0.profile("e")).unwrap().as_deref(), Some("{}"));
        close(opened);
    }

    #[test]
    fn a_damaged_file_is_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache.db");
        std::fs::write(
            &path,
            "this is not a database at all, whatever its name may say",
        )
        .unwrap();
        close(Cache::open(&path, LIMITS, 7).unwrap());
        assert!(folder.path().join("cache.db.damaged-7").exists());
    }
}
