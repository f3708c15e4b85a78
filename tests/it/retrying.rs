//! `retry`: asks only for what failed, and moves files between the states.

use crate::generation::{QUEUE, scraped};
use crate::model_server::{ModelServer, Reply, answer};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A server that refuses some requests until it is told to be well.
fn flaky(
    refuses: impl Fn(&crate::model_server::Seen) -> bool + Send + Sync + 'static,
) -> (ModelServer, Arc<AtomicBool>) {
    let well = Arc::new(AtomicBool::new(false));
    let is_well = Arc::clone(&well);
    let model =
        ModelServer::scripted(
            move |seen| match !is_well.load(Ordering::SeqCst) && refuses(seen) {
                true => Reply::error(422, "invalid_request_error", "not now"),
                false => answer(seen),
            },
        );
    (model, well)
}

#[test]
fn a_failed_file_is_done_again_and_its_failure_goes() {
    let (model, well) = flaky(|_| true);
    let (workspace, _repo) = scraped(&model);
    workspace.run(&["prepare"]).expect(3);
    assert_eq!(workspace.count("FailedFiles"), 2);
    let asked = model.chat_count();
    workspace.run(&["prepare"]).expect(0);
    assert_eq!(
        model.chat_count(),
        asked,
        "prepare leaves failures to retry"
    );
    workspace.run(&["retry"]).expect(3);
    assert_eq!(
        workspace.count("FailedFiles"),
        2,
        "no duplicate failure rows"
    );
    well.store(true, Ordering::SeqCst);
    let summary = workspace.run(&["retry", "--json"]).expect(0).json();
    assert_eq!(summary["done"], 2);
    assert_eq!(workspace.count("FailedFiles"), 0);
    assert_eq!(workspace.count("FileHashes WHERE sample_id IS NOT NULL"), 2);
    workspace.assert_sound();
}

#[test]
fn one_failed_answer_keeps_the_others_and_is_the_only_one_asked_again() {
    let (model, well) = flaky(|seen| !seen.wants_json() && seen.nth % 2 == 0);
    let (workspace, _repo) = scraped(&model);
    workspace
        .run(&["prepare", "--questions", "4", "--concurrency", "1"])
        .expect(3);
    let (kept, failed) = (
        workspace.count("TrainingSamples"),
        workspace.count("FailedFiles"),
    );
    assert!(kept > 0 && failed == 2, "{kept} {failed}");
    assert_eq!(
        workspace.count("FailedFiles WHERE reason GLOB 'partly_done:*'"),
        2
    );
    let before = workspace.rows("SELECT sample_id FROM TrainingSamples ORDER BY 1");
    well.store(true, Ordering::SeqCst);
    model.forget();
    workspace.run(&["retry"]).expect(0);
    assert_eq!(
        model
            .chats()
            .iter()
            .filter(|seen| seen.wants_json())
            .count(),
        0,
        "the questions are known"
    );
    assert_eq!(
        model.chats().len() as u64,
        workspace.count("TrainingSamples") - kept
    );
    assert_eq!(workspace.count("FailedFiles"), 0);
    assert_eq!(
        workspace.rows("SELECT sample_id FROM TrainingSamples ORDER BY 1")[..before.len()],
        before
    );
    let doubled = "SELECT content, count(*) FROM ConversationTurns WHERE role = 'user' GROUP BY 1 HAVING count(*) > 1";
    assert_eq!(workspace.rows(doubled), Vec::<String>::new());
    workspace.assert_sound();
}

#[test]
fn a_file_that_changed_since_it_failed_is_done_whole() {
    let (model, well) = flaky(|_| true);
    let (workspace, repo) = scraped(&model);
    workspace.run(&["prepare"]).expect(3);
    repo.write("queue.py", QUEUE.replace("queue is full", "no room"))
        .commit();
    workspace.run(&["scrape"]).expect(0);
    well.store(true, Ordering::SeqCst);
    workspace.run(&["retry"]).expect(0);
    let hashes = workspace.rows("SELECT content_hash FROM FileHashes");
    let asked = model.chat_count();
    workspace.run(&["prepare"]).expect(0);
    assert_eq!(
        (
            model.chat_count(),
            workspace.rows("SELECT content_hash FROM FileHashes")
        ),
        (asked, hashes)
    );
    workspace.assert_sound();
}

#[test]
fn a_vanished_file_is_left_to_prepare() {
    let (model, _well) = flaky(|_| true);
    let (workspace, repo) = scraped(&model);
    workspace.run(&["prepare"]).expect(3);
    repo.remove("queue.py").commit();
    workspace.run(&["scrape"]).expect(0);
    let summary = workspace.run(&["retry", "--json"]).expect(3).json();
    assert_eq!(summary["skipped"]["vanished"], 1);
    workspace.run(&["prepare"]).expect(0);
    assert_eq!(workspace.count("FailedFiles"), 1);
    workspace.assert_sound();
}

#[test]
fn a_failure_row_that_someone_wrote_by_hand_is_done_whole() {
    let model = ModelServer::start();
    let (workspace, _repo) = scraped(&model);
    workspace.run(&["prepare"]).expect(0);
    let path =
        &workspace.rows("SELECT file_path FROM FileHashes WHERE file_path LIKE '%queue.py'")[0];
    let insert = "INSERT INTO FailedFiles (file_path, reason, failed_at) VALUES (?1, 'look again', '2026-01-01 00:00:00')";
    workspace.dataset().execute(insert, [path]).unwrap();
    let summary = workspace.run(&["retry", "--json"]).expect(0).json();
    assert_eq!(summary["done"], 1);
    assert_eq!(workspace.count("FailedFiles"), 0);
    workspace.assert_sound();
}

#[test]
fn the_nightly_run_gives_up_on_what_failed_three_times() {
    let (model, _well) = flaky(|_| true);
    let (workspace, _repo) = scraped(&model);
    workspace.run(&["prepare"]).expect(3);
    for _ in 0..2 {
        workspace.run(&["run"]).expect(3);
    }
    let asked = model.chat_count();
    let summary = workspace.run(&["run", "--json"]).expect(0).json();
    assert_eq!(summary["retry"]["skipped"]["tried_often_enough"], 2);
    assert_eq!(model.chat_count(), asked);
    workspace.run(&["retry"]).expect(3);
    assert!(model.chat_count() > asked, "asked by hand, it tries again");
}
