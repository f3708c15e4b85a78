//! Copies of files: one is paid for, the others are left out, and none is forgotten.

use crate::generation::{PARSER, QUEUE};
use crate::model_server::{ModelServer, Reply, Seen, answer};
use crate::workspace::{Repo, Workspace};
use serde_json::Value;

/// Two repositories, the second a fork of the first with one file laid out anew.
fn forks(model: &ModelServer) -> (Workspace, Repo, Repo) {
    let workspace = Workspace::with_model(&model.base_url());
    let first = Repo::new(&workspace.origin().join("a"));
    first.write("queue.py", QUEUE).write("duration.rs", PARSER);
    first.commit();
    let fork = Repo::new(&workspace.origin().join("b"));
    fork.write("lib/queue.py", QUEUE);
    fork.write("lib/duration.rs", PARSER.replace("    ", "\t"));
    fork.commit();
    workspace.list_repos(&[&first.url(), &fork.url()]);
    workspace.run(&["scrape"]).expect(0);
    (workspace, first, fork)
}

fn prepare(workspace: &Workspace, more: &[&str]) -> Value {
    let arguments = [&["prepare", "--json"], more].concat();
    workspace.run(&arguments).expect(0).json()
}

fn stored(workspace: &Workspace) -> Vec<String> {
    workspace
        .rows("SELECT file_path FROM FileHashes ORDER BY 1")
        .iter()
        .map(|path| path.split("/origin/").last().unwrap().to_owned())
        .collect()
}

#[test]
fn of_two_forks_one_is_paid_for_and_a_later_run_keeps_to_it() {
    let model = ModelServer::start();
    let (workspace, ..) = forks(&model);
    let plan = prepare(&workspace, &["--dry-run"]);
    assert_eq!(
        (&plan["new_or_changed"], &plan["skipped"]["duplicate_exact"]),
        (&2.into(), &1.into()),
        "{plan}"
    );
    let summary = prepare(&workspace, &["-v"]);
    assert_eq!(summary["done"], 2, "{summary}");
    assert_eq!(summary["skipped"]["duplicate_exact"], 1, "{summary}");
    assert_eq!(summary["skipped"]["duplicate_whitespace"], 1, "{summary}");
    assert_eq!(stored(&workspace), ["a/duration.rs", "a/queue.py"]);
    let asked = model.chat_count();
    for more in [&[][..], &["--refresh"]] {
        let summary = prepare(&workspace, more);
        assert_eq!(summary["skipped"]["duplicate_exact"], 1, "{summary}");
        assert_eq!(summary["skipped"]["duplicate_whitespace"], 1, "{summary}");
    }
    assert_eq!(stored(&workspace), ["a/duration.rs", "a/queue.py"]);
    assert_eq!(model.chat_count(), asked);
}

#[test]
fn copies_are_known_again_when_the_cache_is_gone() {
    let model = ModelServer::start();
    let (workspace, first, fork) = forks(&model);
    // The copy is in the dataset before the repository that comes first in the list has it.
    first.remove("queue.py").commit();
    workspace.run(&["scrape"]).expect(0);
    prepare(&workspace, &[]);
    assert_eq!(stored(&workspace), ["a/duration.rs", "b/lib/queue.py"]);
    for file in ["cache.db", "cache.db-wal", "cache.db-shm"] {
        let _ = std::fs::remove_file(workspace.path().join("data").join(file));
    }
    first
        .write("queue.py", QUEUE.replace("    ", "  "))
        .commit();
    workspace.run(&["scrape"]).expect(0);
    let asked = model.chat_count();
    let summary = prepare(&workspace, &[]);
    assert_eq!(summary["skipped"]["duplicate_whitespace"], 2, "{summary}");
    assert_eq!(model.chat_count(), asked);
    drop(fork);
}

#[test]
fn a_copy_takes_over_when_the_kept_file_vanishes_or_changes() {
    let model = ModelServer::start();
    let (workspace, first, _fork) = forks(&model);
    prepare(&workspace, &[]);
    first.remove("queue.py");
    first.write("duration.rs", PARSER.replace("1000", "1_000_000"));
    first.commit();
    workspace.run(&["scrape"]).expect(0);
    prepare(&workspace, &[]);
    prepare(&workspace, &[]);
    assert_eq!(
        stored(&workspace),
        ["a/duration.rs", "b/lib/duration.rs", "b/lib/queue.py"]
    );
    assert_eq!(workspace.count("FileHashes WHERE sample_id IS NULL"), 0);
    workspace.assert_sound();
    let asked = model.chat_count();
    prepare(&workspace, &[]);
    assert_eq!(model.chat_count(), asked);
}

#[test]
fn a_renamed_file_is_done_in_the_run_that_sees_it() {
    let model = ModelServer::start();
    let (workspace, first, _fork) = forks(&model);
    prepare(&workspace, &[]);
    first.git(&["mv", "duration.rs", "a_duration.rs"]);
    first.commit();
    workspace.run(&["scrape"]).expect(0);
    let summary = prepare(&workspace, &[]);
    assert_eq!(
        (&summary["done"], &summary["retired"]),
        (&1.into(), &1.into()),
        "{summary}"
    );
    assert_eq!(stored(&workspace), ["a/a_duration.rs", "a/queue.py"]);
    workspace.assert_sound();
}

#[test]
fn a_file_that_becomes_a_copy_gives_up_its_stale_rows() {
    let model = ModelServer::start();
    let (workspace, first, _fork) = forks(&model);
    first
        .write("other.py", QUEUE.replace("capacity", "room_left"))
        .commit();
    workspace.run(&["scrape"]).expect(0);
    prepare(&workspace, &[]);
    first.write("other.py", QUEUE).commit();
    workspace.run(&["scrape"]).expect(0);
    let summary = prepare(&workspace, &[]);
    assert_eq!(
        (&summary["skipped"]["duplicate_exact"], &summary["retired"]),
        (&2.into(), &1.into()),
        "{summary}"
    );
    assert_eq!(stored(&workspace), ["a/duration.rs", "a/queue.py"]);
    workspace.assert_sound();
}

#[test]
fn a_failed_file_that_became_a_copy_is_not_retried() {
    let model = ModelServer::scripted(|seen| {
        match seen.texts("user").concat().contains("File: fails.rs") {
            true => Reply::error(422, "invalid_request_error", "not this one"),
            false => answer(seen),
        }
    });
    let workspace = Workspace::with_model(&model.base_url());
    let repo = Repo::new(&workspace.origin().join("a"));
    repo.write("fails.rs", PARSER).write("queue.py", QUEUE);
    repo.commit();
    workspace.list_repos(&[&repo.url()]);
    workspace.run(&["scrape"]).expect(0);
    workspace.run(&["prepare"]).expect(3);
    repo.write("fails.rs", QUEUE).commit();
    workspace.run(&["scrape"]).expect(0);
    let asked = model.chat_count();
    let summary = workspace.run(&["retry", "--json"]).expect(0).json();
    assert_eq!(summary["skipped"]["duplicate_exact"], 1, "{summary}");
    assert_eq!(model.chat_count(), asked);
    prepare(&workspace, &[]);
    assert_eq!(stored(&workspace), ["a/queue.py"]);
    assert_eq!(workspace.count("FailedFiles"), 0);
}

/// What asked about a file's content names no file: so nothing but the files' states keeps a sample from repeating another one.
fn nameless(seen: &Seen) -> Reply {
    answer(seen).rewritten(|text| {
        let text = text
            .replace("first.rs", "the parser")
            .replace("last.rs", "the parser");
        text.replace("queue.py", "the parser")
    })
}

#[test]
fn content_that_moved_is_done_in_the_run_that_sees_it() {
    const OTHER: &str = "/// Counts the words of a text that are longer than `least_letters`.\npub fn long_words(text: &str, least_letters: usize) -> usize {\n    \
                         let all_words = text.split_whitespace();\n    all_words.filter(|one_word| one_word.len() > least_letters).count()\n}\n";
    let model = ModelServer::scripted(nameless);
    let workspace = Workspace::with_model(&model.base_url());
    let repo = Repo::new(&workspace.origin().join("a"));
    repo.write("first.rs", PARSER).write("last.rs", OTHER);
    repo.commit();
    workspace.list_repos(&[&repo.url()]);
    let run = || {
        workspace.run(&["scrape"]).expect(0);
        let summary = prepare(&workspace, &[]);
        workspace.assert_sound();
        (summary, stored(&workspace))
    };
    let (summary, _) = run();
    assert_eq!(summary["done"], 2, "{summary}");
    // Two files change places.
    repo.write("first.rs", OTHER).write("last.rs", PARSER);
    repo.commit();
    let (summary, files) = run();
    assert_eq!(summary["done"], 2, "{summary}");
    assert_eq!(files, ["a/first.rs", "a/last.rs"]);
    // A file moves to an earlier name, and another one takes its place.
    repo.git(&["mv", "last.rs", "early.rs"]);
    repo.write("last.rs", QUEUE_IN_RUST).commit();
    let (summary, files) = run();
    assert_eq!(summary["done"], 2, "{summary}");
    assert_eq!(files, ["a/early.rs", "a/first.rs", "a/last.rs"]);
    // A file becomes a folder that holds it.
    repo.git(&["mv", "early.rs", "moved"]);
    repo.commit();
    repo.git(&["mv", "moved", "other"]);
    std::fs::create_dir(repo.path().join("early.rs")).unwrap();
    repo.git(&["mv", "other", "early.rs/inner.rs"]);
    repo.commit();
    let (summary, files) = run();
    assert_eq!(summary["done"], 1, "{summary}");
    assert_eq!(files, ["a/early.rs/inner.rs", "a/first.rs", "a/last.rs"]);
    assert_eq!(prepare(&workspace, &[])["unchanged"], 3);
}

const QUEUE_IN_RUST: &str = "/// Items that wait, at most `room_left` of them.\npub struct WaitingRoom {\n    waiting_items: Vec<u32>,\n    room_left: usize,\n}\n\n\
                             impl WaitingRoom {\n    pub fn push_item(&mut self, next_item: u32) -> bool {\n        let has_room = self.room_left > 0;\n        \
                             if has_room {\n            self.waiting_items.push(next_item);\n            self.room_left -= 1;\n        }\n        has_room\n    }\n}\n";

/// As a backup brings it back, or a power failure leaves it.
#[test]
fn a_cache_from_another_day_makes_nobody_pay_for_copies() {
    let model = ModelServer::start();
    let (workspace, first, fork) = forks(&model);
    let cache = workspace.path().join("data/cache.db");
    prepare(&workspace, &[]);
    let old = std::fs::read(&cache).unwrap();
    let new = "def open_gate(passing_width):\n    return passing_width * 7 + 1\n".repeat(3);
    first.write("gate.py", &new).commit();
    workspace.run(&["scrape"]).expect(0);
    assert_eq!(prepare(&workspace, &[])["done"], 1);
    std::fs::write(&cache, old).unwrap();
    fork.write("copy.py", &new).commit();
    workspace.run(&["scrape"]).expect(0);
    let asked = model.chat_count();
    let summary = prepare(&workspace, &[]);
    assert_eq!(summary["skipped"]["duplicate_exact"], 2, "{summary}");
    assert_eq!(model.chat_count(), asked);
}
