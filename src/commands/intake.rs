//! What `prepare` and `retry` share around the loop: opening the databases, a thread that finds files, a model server connected when the first file
//! comes, and what the end of it all means.

use super::benchmarks;
use super::connect::{Line, Server, remember};
use super::drive::{self, Ended, Intake};
use super::engine::{Engine, Halt};
use super::keeper::Keeper;
use super::progress::Progress;
use super::sieve::Sieve;
use super::threads;
use super::{Session, now_secs};
use crate::domain::chunk;
use crate::domain::quality::contamination::Benchmarks;
use crate::domain::select::Skip;
use crate::report::{Exit, GenerationSummary};
use crate::settings::{GenerationSettings, SettingsError};
use crate::store::{Cache, CacheLimits, Store};
use anyhow::Context as _;
use std::num::NonZero;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::available_parallelism;
use tokio::sync::mpsc;

/// Files found but not yet begun; the finder waits when there are more.
const QUEUE: usize = 4;
/// Responses of the last year are kept, 4 GiB of them.
pub(super) const CACHE_LIMITS: CacheLimits = CacheLimits {
    age_secs: 365 * 86_400,
    bytes_max: 4 << 30,
};

/// What the finder of files has at hand. It sends what it finds, and gives up when nobody listens any more.
#[derive(Debug)]
pub struct Finder<'a> {
    /// The run.
    pub session: &'a Session,
    /// The settings.
    pub settings: &'a GenerationSettings,
    /// A connection of its own, for reading.
    pub store: Store,
    /// The cache, for the stat rows.
    pub cache: Cache,
    /// How far it is.
    pub progress: &'a Progress,
    /// Its own counts: what never comes to the loop.
    pub summary: GenerationSummary,
    /// Who wants to know which files are left out, and why.
    pub left_out: Option<std::sync::mpsc::Sender<(String, Skip)>>,
    sender: mpsc::Sender<Intake>,
}

/// Nobody listens any more: the run is ending.
#[derive(Debug)]
pub struct Closed;

impl Finder<'_> {
    /// Counts a file that is left out.
    pub fn skip(&mut self, path: &str, skip: &Skip) {
        self.summary.skip(skip.reason.as_str());
        match &self.left_out {
            // Nobody hears it when the survey has ended early.
            Some(listener) => drop(listener.send((path.to_owned(), skip.clone()))),
            None => tracing::trace!("{path}: skipped, {skip}"),
        }
    }

    /// Hands one item to the loop; waits while the loop is busy.
    pub fn send(&self, item: Intake) -> Result<(), Closed> {
        if matches!(item, Intake::File(..)) {
            self.progress.file_found();
        }
        self.sender.blocking_send(item).map_err(|_| Closed)
    }
}

/// Finds files with `find` on a thread of its own and works on them, counting into `summary`. The server is that of the step before, if there was one,
/// and left to the next one when all was done.
pub fn generate(
    session: &Session,
    settings: &GenerationSettings,
    known: &mut Option<Server>,
    summary: &mut GenerationSummary,
    find: impl FnOnce(Finder<'_>) -> anyhow::Result<GenerationSummary> + Send,
) -> anyhow::Result<Exit> {
    threads::are_given(workers(), chunk::STACK_BYTES)?;
    let open = || Store::open(&session.workspace.dataset(), &settings.model_type);
    let mut store = open()?;
    let (cache, cache_thread) = Cache::open(&session.workspace.cache(), CACHE_LIMITS, now_secs())?;
    let progress = Progress::start(&session.screen, session.quiet);
    let (sender, intake) = mpsc::channel(QUEUE);
    let finder = Finder {
        session,
        settings,
        store: open()?,
        cache: cache.clone(),
        progress: &progress,
        summary: GenerationSummary::default(),
        left_out: None,
        sender,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers())
        .thread_stack_size(chunk::STACK_BYTES)
        .on_thread_start(compute_here)
        .enable_all()
        .build()
        .context("cannot start the asynchronous runtime")?;
    let mut server = known.take().map_or_else(Server::new, Ok)?;
    let line = server.line(cache);
    let ended = std::thread::scope(|scope| {
        let finding = scope.spawn(|| find(finder));
        let ended = runtime.block_on(work(
            session, settings, line, &mut store, summary, &progress, intake,
        ));
        let found = finding
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        summary.absorb(found?);
        ended
    });
    drop(runtime);
    // Whoever ended early may have left requests on the wire, which hold the cache.
    *known = Some(server).filter(|_| matches!(ended, Ok(Ended::Complete)));
    close(cache_thread);
    drop(progress);
    exit(ended?, summary)
}

/// Threads that parse and check.
fn workers() -> usize {
    const WORKERS_MIN: usize = 2;
    const WORKERS_MAX: usize = 8;
    available_parallelism().map_or(WORKERS_MIN, |found| {
        found.get().clamp(WORKERS_MIN, WORKERS_MAX)
    })
}

/// How much more niceness than the rest of the process a thread has that computes.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 5;

/// Makes ready a thread that computes. It gives way to the one that sends and to those that store, which have little to do and keep the server
/// waiting while they wait themselves; on Linux, where a thread has a niceness of its own.
fn compute_here() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{getpid, getpriority_process, setpriority_process};
        // By the first thread, not by the one that started this: that may be such a thread itself. A system that does not allow it has all
        // threads wait alike.
        if let Ok(first) = getpriority_process(Some(getpid())) {
            let _ = setpriority_process(None, first + NICENESS);
        }
    }
    chunk::parse_here();
}

/// Finds files with `find` and shows each to `look`, on as many threads as there are processors; nothing is sent or stored. The cache is
/// opened for what it knows, and may learn.
pub fn survey(
    session: &Session,
    settings: &GenerationSettings,
    find: impl FnOnce(Finder<'_>) -> anyhow::Result<GenerationSummary> + Send,
    look: impl Fn(Intake) + Sync,
) -> anyhow::Result<GenerationSummary> {
    benchmarks::read(&settings.contamination)?;
    let store = Store::open(&session.workspace.dataset(), &settings.model_type)?;
    let (cache, cache_thread) = Cache::open(&session.workspace.cache(), CACHE_LIMITS, now_secs())?;
    let progress = Progress::start(&session.screen, session.quiet);
    let (sender, intake) = mpsc::channel(QUEUE);
    let summary = GenerationSummary::default();
    let finder = Finder {
        session,
        settings,
        store,
        cache,
        progress: &progress,
        summary,
        left_out: None,
        sender,
    };
    let found = std::thread::scope(|scope| {
        let finding = scope.spawn(|| find(finder));
        let (intake, look) = (Mutex::new(intake), &look);
        let next = || {
            let mut intake = intake.lock().unwrap_or_else(PoisonError::into_inner);
            intake.blocking_recv()
        };
        std::thread::scope(|lookers| {
            for _ in 0..available_parallelism().map_or(1, NonZero::get) {
                lookers.spawn(|| std::iter::from_fn(next).for_each(look));
            }
        });
        finding
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    close(cache_thread);
    found
}

fn close(cache_thread: std::thread::JoinHandle<()>) {
    if cache_thread.join().is_err() {
        tracing::warn!("the cache ended abnormally; delete data/cache.db if this happens again");
    }
}

async fn work(
    session: &Session,
    settings: &GenerationSettings,
    mut line: Line<'_>,
    store: &mut Store,
    summary: &mut GenerationSummary,
    progress: &Progress,
    mut intake: mpsc::Receiver<Intake>,
) -> anyhow::Result<Ended> {
    let wire = line.wire.clone();
    let cache = wire.cache();
    let mut signals = session.signals.clone();
    let mut head = Vec::new();
    loop {
        tokio::select! {
            biased;
            signal = signals.wait() => return Ok(Ended::Early(Halt::Signal(signal))),
            item = intake.recv() => match item {
                Some(change @ Intake::Change(_)) => head.push(change),
                Some(file) => {
                    head.push(file);
                    break;
                }
                None => break,
            },
        }
    }
    let has_work = matches!(head.last(), Some(Intake::File(..)));
    let sieve = sieve(session, settings, cache, has_work)?;
    let engine = match head.last() {
        Some(Intake::File(..)) => {
            let clients = tokio::select! {
                biased;
                signal = signals.wait() => return Ok(Ended::Early(Halt::Signal(signal))),
                clients = line.clients(settings) => clients?,
            };
            let (settings, repos) = (settings.clone(), session.workspace.repos());
            let engine = Engine::new(clients, settings, wire.clone(), repos, &session.run_id);
            Some(Arc::new(engine))
        }
        _ => None,
    };
    let keeper = Keeper::new(sieve, store, summary, progress);
    let ended = tokio::select! {
        biased;
        ended = drive::run(engine.clone(), keeper, head, intake, signals) => ended,
        never = progress.watch(engine.as_ref()) => match never {},
    };
    if let Some(engine) = engine {
        if ended.is_err() {
            // What is still in line belongs to files that were dropped.
            engine.give_up();
        }
        summary.spend = engine.spend();
        remember(&engine, cache, matches!(ended, Ok(Ended::Complete))).await;
    }
    Ok(ended?)
}

/// The sieve for what the run stores; without work it never gets to see a sample, and benchmarks need not be read.
fn sieve(
    session: &Session,
    settings: &GenerationSettings,
    cache: &Cache,
    has_work: bool,
) -> Result<Sieve, SettingsError> {
    let benchmarks = match has_work {
        true => benchmarks::read(&settings.contamination)?,
        false => Benchmarks::default(),
    };
    let (deny, repos) = (settings.deny.clone(), session.workspace.repos());
    Ok(Sieve::new(cache.clone(), benchmarks, deny, repos))
}

fn exit(ended: Ended, summary: &GenerationSummary) -> anyhow::Result<Exit> {
    match ended {
        Ended::Complete => Ok(summary.exit()),
        Ended::Early(Halt::Signal(signal)) => Ok(signal.exit()),
        Ended::Early(Halt::Spent(spent)) => {
            tracing::warn!("{spent}; run again to go on from here");
            Ok(Exit::Budget)
        }
        Ended::Early(Halt::Llm(error)) => Err(error.into()),
        Ended::Early(Halt::Store(error)) => Err(error.into()),
        Ended::Early(halt @ Halt::Closed) => Err(anyhow::anyhow!(halt)),
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn every_thread_that_computes_gives_way_alike() {
        let niceness = || rustix::process::getpriority_process(None).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .on_thread_start(compute_here)
            .build()
            .unwrap();
        let both = runtime.spawn(async move {
            let beside = tokio::task::spawn_blocking(niceness).await.unwrap();
            (niceness(), beside)
        });
        let (here, beside) = runtime.block_on(both).unwrap();
        // The system's scale ends at 19.
        let expected = (niceness() + NICENESS).min(19);
        assert_eq!((here, beside), (expected, expected));
    }
}
