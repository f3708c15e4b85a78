//! Kills and signals: nothing stored is lost, nothing is done twice, and only what was in flight is paid for again.

use crate::generation::QUEUE;
use crate::model_server::{Manner, ModelServer, Reply, Seen, answer};
use crate::workspace::{Repo, Workspace};
use rand::{RngExt as _, SeedableRng as _};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

const FILES: usize = 12;
pub const CONCURRENCY: usize = 4;

pub fn many_files(workspace: &Workspace, files: usize) -> Repo {
    let repo = Repo::new(&workspace.origin().join("many"));
    for index in 0..files {
        repo.write(
            &format!("queue_{index:02}.py"),
            QUEUE.replace("capacity", &format!("capacity_{index:02}")),
        );
    }
    repo.commit();
    workspace.list_repos(&[&repo.url()]);
    workspace.run(&["scrape"]).expect(0);
    repo
}

/// A server that says so when the request of a certain number arrives. It answers `further` more from there on, and no others.
fn tripwire(
    further: usize,
    script: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
) -> (ModelServer, Arc<AtomicUsize>, mpsc::Receiver<()>) {
    let trip = Arc::new(AtomicUsize::new(usize::MAX));
    let armed = Arc::clone(&trip);
    let (sender, tripped) = mpsc::channel();
    let sender = Mutex::new(sender);
    let model = ModelServer::scripted(move |seen| {
        let at = armed.load(Ordering::SeqCst);
        if seen.nth == at {
            let _ = sender.lock().unwrap().send(());
        }
        match seen.nth > at.saturating_add(further) {
            true => Reply::text("").manner(Manner::Hang),
            false => script(seen),
        }
    });
    (model, trip, tripped)
}

/// How often requests came again.
fn repeats(seen: &[Seen]) -> usize {
    let mut counts: HashMap<&[u8], usize> = HashMap::new();
    for request in seen {
        *counts.entry(request.raw.as_slice()).or_default() += 1;
    }
    counts.values().map(|count| count - 1).sum()
}

/// Of the requests of each run, how many were sent again by a later one.
pub fn wasted(runs: &[Vec<Vec<u8>>]) -> Vec<usize> {
    let mut later: HashSet<&[u8]> = HashSet::new();
    let mut wasted: Vec<usize> = runs
        .iter()
        .rev()
        .map(|run| {
            let again = run.iter().filter(|raw| later.contains(raw.as_slice()));
            let count = again.count();
            later.extend(run.iter().map(Vec::as_slice));
            count
        })
        .collect();
    wasted.reverse();
    wasted
}

/// A kill takes a moment, in which a client must not get through all its work.
const FURTHER: usize = 3;

/// Kills `arguments` again and again, each time a random number of requests into it, until it has been killed `kills` times; then lets it
/// end. Every run must leave a sound dataset, and of its requests no more may be sent again than were in flight.
fn kill_often(
    workspace: &Workspace,
    model: &ModelServer,
    trip: &AtomicUsize,
    tripped: &mpsc::Receiver<()>,
    arguments: &[&str],
    kills: usize,
) {
    const REQUESTS_MAX: usize = 7;
    let seed = std::env::var("KILL_SEED").map_or_else(|_| rand::random(), |s| s.parse().unwrap());
    println!("KILL_SEED={seed} repeats these kills");
    let mut dice = rand::rngs::StdRng::seed_from_u64(seed);
    let mut runs = Vec::new();
    let take = || model.take().into_iter().map(|seen| seen.raw).collect();
    take();
    for nth in 0..kills {
        let requests = dice.random_range(0..REQUESTS_MAX);
        trip.store(model.chat_count() + requests, Ordering::SeqCst);
        let mut running = workspace.spawn(arguments);
        while tripped.recv_timeout(Duration::from_millis(20)).is_err() {
            assert!(
                !running.has_ended(),
                "all was done after {nth} kills: {}",
                running.wait().stderr
            );
        }
        running.kill();
        running.wait();
        model.settle();
        runs.push(take());
        workspace.assert_sound();
    }
    trip.store(usize::MAX, Ordering::SeqCst);
    workspace.run(arguments).expect(0);
    workspace.assert_sound();
    runs.push(take());
    let wasted = wasted(&runs);
    println!("sent again after each kill: {wasted:?}");
    assert!(
        wasted.iter().all(|&count| count <= CONCURRENCY),
        "{wasted:?}"
    );
}

/// What is stored in the end, whatever happened on the way: every file once, and as many samples as a run that nobody disturbed stores.
pub fn assert_complete(workspace: &Workspace, files: usize, samples_each: u64) {
    assert_eq!(workspace.count("FailedFiles"), 0);
    let per_file = workspace.rows("SELECT count(*) FROM TrainingSamples GROUP BY dataset_source");
    assert_eq!(per_file, vec![samples_each.to_string(); files]);
}

const OPTIONS: &[&str] = &["--concurrency", "4", "--questions", "4", "-q"];

#[test]
fn a_hundred_kills_of_prepare_lose_nothing_and_repeat_only_what_was_in_flight() {
    const FILES: usize = 110;
    let (model, trip, tripped) = tripwire(FURTHER, answer);
    let workspace = Workspace::with_model(&model.base_url());
    many_files(&workspace, FILES);
    let arguments = [&["prepare"], OPTIONS].concat();
    kill_often(&workspace, &model, &trip, &tripped, &arguments, 100);
    assert_complete(&workspace, FILES, 4);
}

#[test]
fn twenty_kills_of_retry_lose_nothing_and_repeat_only_what_was_in_flight() {
    const FILES: usize = 26;
    let well = Arc::new(AtomicBool::new(false));
    let is_well = Arc::clone(&well);
    let (model, trip, tripped) =
        tripwire(FURTHER, move |seen| match is_well.load(Ordering::SeqCst) {
            true => answer(seen),
            false => Reply::error(422, "content_filter", "not now"),
        });
    let workspace = Workspace::with_model(&model.base_url());
    many_files(&workspace, FILES);
    workspace.run(&[&["prepare"], OPTIONS].concat()).expect(3);
    assert_eq!(workspace.count("FailedFiles"), FILES as u64);
    well.store(true, Ordering::SeqCst);
    let arguments = [&["retry"], OPTIONS].concat();
    kill_often(&workspace, &model, &trip, &tripped, &arguments, 20);
    assert_complete(&workspace, FILES, 4);
}

#[test]
fn a_first_signal_finishes_and_saves_what_has_begun() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let (model, trip, tripped) = tripwire(usize::MAX, answer);
        let workspace = Workspace::with_model(&model.base_url());
        many_files(&workspace, FILES);
        trip.store(6, Ordering::SeqCst);
        let running = workspace.spawn(&["prepare", "--concurrency", "1", "--questions", "2"]);
        tripped.recv().unwrap();
        running.signal(signal);
        running.wait().expect(code);
        workspace.assert_sound();
        let (asked, done) = (model.chat_count(), workspace.count("FileHashes") as usize);
        assert!(
            done < FILES && asked == done * 3,
            "{asked} requests for {done} files"
        );
        workspace.run(&["prepare", "--questions", "2"]).expect(0);
        assert_eq!(repeats(&model.chats()), 0);
        workspace.assert_sound();
    }
}
