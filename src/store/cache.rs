//! The cache: paid responses, the stat cache and what was learnt about endpoints. May be deleted at any time.
//!
//! One thread owns the connection. Requests reach it over a bounded queue and are committed in groups: whoever stores a
//! response waits for the commit that holds it. A commit outlives the process at once, and a power failure once it is synced a moment
//! later, beside this thread: to wait for the disk would keep more paid responses in memory, where a kill loses them. A damaged file is
//! set aside, never fatal.

use super::cache_sync::Syncer;
use super::{StoreError, cache_file};
use crate::domain::stamp::Seen;
use crate::fail_point::{Point, reach};
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot};

/// Requests waiting for the cache thread; more wait at the sender.
const QUEUE: usize = 64;
/// Most writes of one commit.
const GROUP: usize = 256;

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
    /// What came of it, and what that depends on besides the content, in its keeper's words.
    pub note: Option<String>,
}

/// Stat rows by stored path.
type StatRows = Vec<(String, StatRow)>;
type StatsReply = oneshot::Sender<Result<StatRows, StoreError>>;

/// Which stat rows are asked for.
struct StatsWanted {
    folder: String,
    after: Option<String>,
    most: usize,
}

/// A question to the database of the cache, or a write to it.
type Look = Box<dyn FnOnce(&mut Owner) + Send>;
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
    Stats(StatsWanted, StatsReply),
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
        let connection = cache_file::open(path, limits, now)?;
        let (jobs, queue) = mpsc::channel(QUEUE);
        let failed = |source| StoreError::Open {
            path: path.to_owned(),
            source,
        };
        let owner = Owner {
            connection,
            path: path.to_owned(),
            limits,
            now,
            syncer: Syncer::start(path).map_err(failed)?,
        };
        let thread = std::thread::Builder::new()
            .name("cache".to_owned())
            .spawn(move || owner.serve(queue));
        let thread = thread.map_err(failed)?;
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

    /// The stat rows of files below `folder`, ordered by stored path: up to `most` of those after the path `after`, or of all. Blocks;
    /// not for asynchronous code.
    pub fn stats_below(
        &self,
        folder: &str,
        after: Option<&str>,
        most: usize,
    ) -> Result<Vec<(String, StatRow)>, StoreError> {
        let (reply, answer) = oneshot::channel();
        let wanted = StatsWanted {
            folder: folder.to_owned(),
            after: after.map(str::to_owned),
            most,
        };
        self.send_blocking(Job::Stats(wanted, reply))?;
        answer.blocking_recv().map_err(|_| StoreError::CacheGone)?
    }

    /// Stores stat rows, some time later. Blocks while the queue is full; not for asynchronous code.
    pub fn keep_stats(&self, rows: Vec<(String, StatRow)>) -> Result<(), StoreError> {
        self.jobs
            .blocking_send(Job::KeepStats(rows))
            .map_err(|_| StoreError::CacheGone)
    }

    /// Stores how many files of a repository (its stored path) were not selected, by reason, in place of what was known before. Blocks;
    /// not for asynchronous code.
    pub fn keep_skips(&self, folder: &str, skipped: Vec<(String, u64)>) -> Result<(), StoreError> {
        let folder = folder.to_owned();
        self.write_blocking(move |connection| cache_file::keep_skips(connection, &folder, &skipped))
    }

    /// Asks the database something.
    pub(super) async fn look<T: Send + 'static>(
        &self,
        question: impl Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (job, answer) = look_job(question);
        self.send(job).await?;
        answer.await.map_err(|_| StoreError::CacheGone)?
    }

    /// [`Cache::look`], blocking; not for asynchronous code.
    pub(super) fn look_blocking<T: Send + 'static>(
        &self,
        question: impl Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (job, answer) = look_job(question);
        self.send_blocking(job)?;
        answer.blocking_recv().map_err(|_| StoreError::CacheGone)?
    }

    /// Writes something, some time later. Blocks while the queue is full; not for asynchronous code.
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
    question: impl Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
) -> (Job, oneshot::Receiver<Result<T, StoreError>>) {
    let (reply, answer) = oneshot::channel();
    let look: Look = Box::new(move |owner: &mut Owner| drop(reply.send(owner.run(question))));
    (Job::Look(look), answer)
}

struct Owner {
    connection: Connection,
    path: PathBuf,
    limits: CacheLimits,
    now: i64,
    syncer: Syncer,
}

impl Owner {
    fn serve(mut self, mut queue: mpsc::Receiver<Job>) {
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
    fn answer(&mut self, job: Job, writes: &mut Vec<Job>) -> Option<Job> {
        let sees = |write: &Job| match job {
            Job::Stats(..) | Job::Profile(..) => true,
            Job::Look(..) => matches!(write, Job::Write(..)),
            _ => false,
        };
        if writes.iter().any(sees) {
            self.commit(writes);
        }
        let now = self.now;
        // A receiver that is gone no longer wants the answer.
        match job {
            Job::Look(look) => look(self),
            Job::Response(key, reply) => {
                drop(reply.send(self.run(|c| cache_file::response(c, key, now))));
            }
            Job::Stats(wanted, reply) => drop(reply.send(self.run(|c| {
                cache_file::stats_below(c, &wanted.folder, wanted.after.as_deref(), wanted.most)
            }))),
            Job::Profile(name, reply) => {
                drop(reply.send(self.run(|c| cache_file::profile(c, &name))));
            }
            write => return Some(write),
        }
        None
    }

    fn commit(&mut self, writes: &mut Vec<Job>) {
        if writes.is_empty() {
            return;
        }
        let now = self.now;
        let result = self.run(|connection| {
            let transaction = connection.unchecked_transaction()?;
            for job in &*writes {
                write(&transaction, job, now)?;
            }
            reach(Point::CacheCommit);
            transaction.commit()
        });
        reach(Point::CacheCommitted);
        self.syncer.committed();
        let result = result.map_err(Arc::new);
        if let Err(error) = &result {
            tracing::warn!("the cache lost {} writes: {error}", writes.len());
        }
        for job in writes.drain(..) {
            if let Job::KeepResponse(_, _, reply) = job {
                // Who no longer waits has given the response up.
                let _ = reply.send(result.clone().map_err(StoreError::Group));
            }
        }
    }

    /// Does `work`; where the file turns out to be damaged, once more on an empty one.
    fn run<T>(
        &mut self,
        work: impl Fn(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let path = self.path.clone();
        let of = |source| StoreError::of(&path, source);
        match work(&self.connection).map_err(of) {
            Err(StoreError::Corrupt { .. }) => {
                // Closed first: a connection that closes later would remove the side files of its successor.
                drop(std::mem::replace(
                    &mut self.connection,
                    Connection::open_in_memory().map_err(of)?,
                ));
                self.connection = cache_file::renew(&self.path, self.limits, self.now)?;
                work(&self.connection).map_err(of)
            }
            other => other,
        }
    }
}

fn write(connection: &Connection, job: &Job, now: i64) -> rusqlite::Result<()> {
    match job {
        Job::KeepResponse(key, response, _) => {
            cache_file::keep_response(connection, key, response, now)
        }
        Job::KeepStats(rows) => cache_file::keep_stats(connection, rows),
        Job::KeepProfile(name, profile) => cache_file::keep_profile(connection, name, profile),
        Job::Write(write) => write(connection),
        Job::Look(..) | Job::Response(..) | Job::Stats(..) | Job::Profile(..) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::stamp::Stamp;

    const LIMITS: CacheLimits = CacheLimits {
        age_secs: 1000,
        bytes_max: 1_000_000,
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
        block(opened.0.keep_response([1; 32], "x".repeat(600_000))).unwrap();
        close(opened);
        let opened = Cache::open(&path, LIMITS, 5500).unwrap();
        assert_eq!(
            block(opened.0.response([1; 32])).unwrap().unwrap().len(),
            600_000
        );
        assert_eq!(block(opened.0.response([2; 32])).unwrap(), None);
        block(opened.0.keep_response([2; 32], "y".repeat(600_000))).unwrap();
        close(opened);
        let opened = Cache::open(&path, LIMITS, 5500).unwrap();
        assert_eq!(
            block(opened.0.response([1; 32])).unwrap(),
            None,
            "the older one goes when both are too much"
        );
        assert!(block(opened.0.response([2; 32])).unwrap().is_some());
        close(opened);
        let opened = Cache::open(&path, LIMITS, 90_000).unwrap();
        assert!(
            block(opened.0.response([2; 32])).unwrap().is_none(),
            "too old"
        );
        close(opened);
    }

    #[test]
    fn what_was_pruned_is_not_looked_at_again_until_it_has_grown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache.db");
        let opened = Cache::open(&path, LIMITS, 5000).unwrap();
        for key in 0..4 {
            block(opened.0.keep_response([key; 32], "x".repeat(400_000))).unwrap();
        }
        close(opened);
        close(Cache::open(&path, LIMITS, 5500).unwrap());
        let connection = cache_file::open(&path, LIMITS, 5500).unwrap();
        // Pruning again would take these for too old.
        let age = "UPDATE responses SET used_at = 1";
        assert_eq!(connection.execute(age, []).unwrap(), 2);
        drop(connection);
        let opened = Cache::open(&path, LIMITS, 5500).unwrap();
        block(opened.0.keep_response([9; 32], "x".repeat(600_000))).unwrap();
        close(opened);
        let connection = cache_file::open(&path, LIMITS, 5500).unwrap();
        let left = connection.query_row("SELECT count(*) FROM responses", [], |row| row.get(0));
        assert_eq!(left, Ok(1));
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
            note: Some("binary".to_owned()),
        };
        opened
            .0
            .keep_stats(vec![
                ("h/r/a".to_owned(), row.clone()),
                ("h/r2/a".to_owned(), row.clone()),
            ])
            .unwrap();
        assert_eq!(
            opened.0.stats_below("h/r", None, 9).unwrap(),
            [("h/r/a".to_owned(), row)]
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

    #[test]
    fn damage_that_shows_later_costs_what_was_kept_and_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache.db");
        // Long enough for pages of their own, which opening does not read.
        let long = "x".repeat(20_000);
        let limits = CacheLimits {
            bytes_max: 1 << 20,
            ..LIMITS
        };
        let opened = Cache::open(&path, limits, 0).unwrap();
        block(opened.0.keep_response([1; 32], long.clone())).unwrap();
        close(opened);
        let mut bytes = std::fs::read(&path).unwrap();
        let pages = bytes.chunks_mut(4096);
        for page in pages.filter(|page| page.ends_with(b"xxxx") && page[0] == 0) {
            // The first bytes of such a page say where the text goes on.
            page[..4].fill(0xff);
        }
        std::fs::write(&path, bytes).unwrap();
        let opened = Cache::open(&path, limits, 5).unwrap();
        assert!(!folder.path().join("cache.db.damaged-5").exists());
        let found = block(opened.0.response([1; 32])).unwrap();
        assert_eq!(found, None);
        block(opened.0.keep_response([2; 32], long.clone())).unwrap();
        assert_eq!(
            block(opened.0.response([2; 32])).unwrap(),
            Some(long.clone())
        );
        close(opened);
        assert!(folder.path().join("cache.db.damaged-5").exists());
        let opened = Cache::open(&path, limits, 6).unwrap();
        assert_eq!(block(opened.0.response([2; 32])).unwrap(), Some(long));
        close(opened);
    }
}
