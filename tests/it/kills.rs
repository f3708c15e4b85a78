//! Kills and signals: nothing stored is lost, nothing is done twice, and only what was in flight is paid for again.

use crate::generation::QUEUE;
use crate::model_server::{ModelServer, Seen, answer};
use crate::workspace::{Repo, Workspace};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};

const FILES: usize = 12;
const CONCURRENCY: usize = 4;

fn many_files(workspace: &Workspace) -> Repo {
    let repo = Repo::new(&workspace.origin().join("many"));
    for index in 0..FILES {
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

/// A server that says so when the request of a certain number arrives.
fn tripwire() -> (ModelServer, Arc<AtomicUsize>, mpsc::Receiver<()>) {
    let trip = Arc::new(AtomicUsize::new(usize::MAX));
    let armed = Arc::clone(&trip);
    let (sender, tripped) = mpsc::channel();
    let sender = Mutex::new(sender);
    let count = AtomicUsize::new(0);
    let model = ModelServer::scripted(move |seen| {
        if count.fetch_add(1, Ordering::SeqCst) == armed.load(Ordering::SeqCst) {
            let _ = sender.lock().unwrap().send(());
        }
        answer(seen)
    });
    (model, trip, tripped)
}

/// How often each request came.
fn repeats(seen: &[Seen]) -> usize {
    let mut counts: HashMap<&[u8], usize> = HashMap::new();
    for request in seen {
        *counts.entry(request.raw.as_slice()).or_default() += 1;
    }
    counts.values().map(|count| count - 1).sum()
}

#[test]
fn twenty_kills_lose_nothing_and_repeat_only_what_was_in_flight() {
    let (model, trip, tripped) = tripwire();
    let workspace = Workspace::with_model(&model.base_url());
    many_files(&workspace);
    let arguments = [
        "prepare",
        "--concurrency",
        &CONCURRENCY.to_string(),
        "--questions",
        "4",
    ];
    let mut kills = 0;
    // A step of a few requests that never divides evenly lands in every phase of a file's work.
    for step in [1, 4, 2, 5, 3].into_iter().cycle().take(20) {
        trip.store(model.chat_count() + step, Ordering::SeqCst);
        let mut running = workspace.spawn(&arguments);
        let mut ended = false;
        while tripped
            .recv_timeout(std::time::Duration::from_millis(20))
            .is_err()
        {
            if running.has_ended() {
                ended = true;
                break;
            }
        }
        if !ended {
            running.signal("KILL");
        }
        running.wait();
        kills += usize::from(!ended);
        workspace.assert_sound();
    }
    trip.store(usize::MAX, Ordering::SeqCst);
    workspace.run(&arguments).expect(0);
    workspace.assert_sound();
    assert!(kills >= 5, "the work was over too early: {kills}");
    assert_eq!(
        workspace.count("FileHashes WHERE sample_id IS NOT NULL"),
        FILES as u64
    );
    let per_file = workspace.rows("SELECT count(*) FROM TrainingSamples GROUP BY dataset_source");
    assert!(
        per_file.iter().all(|count| count == &per_file[0]),
        "{per_file:?}"
    );
    let repeated = repeats(&model.chats());
    assert!(
        repeated <= kills * CONCURRENCY,
        "{repeated} requests repeated after {kills} kills"
    );
}

#[test]
fn a_first_signal_finishes_and_saves_what_has_begun() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let (model, trip, tripped) = tripwire();
        let workspace = Workspace::with_model(&model.base_url());
        many_files(&workspace);
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
