//! What accepted samples are held against before they are stored: the samples that are there, and benchmarks.

use crate::generation::{PARSER, QUEUE};
use crate::model_server::{ModelServer, Reply, Seen, answer};
use crate::workspace::{Repo, Workspace};
use serde_json::{Value, json};
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

/// An answer that is true of any file with this queue in it, in one wording of two.
fn same_of_any(nth: usize) -> Reply {
    let when = ["When it is full", "Once it is full"][nth % 2];
    Reply::text(&format!(
        "`push_item` appends the item to `waiting_items` as long as that list is shorter than the limit that was given to the \
         constructor. {when}, it raises an `OverflowError` that says `queue is full`, and the list stays as it was before the call."
    ))
}

/// A server that asks one question a file, each in words of its own, and answers all alike.
fn repeating() -> ModelServer {
    let answers = AtomicUsize::new(0);
    ModelServer::scripted(move |seen| match seen.wants_json() {
        true => answer(seen),
        false => same_of_any(answers.fetch_add(1, Ordering::SeqCst)),
    })
}

fn queue(nth: usize) -> String {
    QUEUE.replace("capacity", &format!("capacity_{nth}"))
}

fn with_queues(model: &ModelServer, count: usize) -> (Workspace, Repo) {
    let mut workspace = Workspace::with_model(&model.base_url());
    workspace.set_env("PIPELINE_QUESTIONS", "1");
    let repo = Repo::new(&workspace.origin().join("queues"));
    for nth in 0..count {
        repo.write(&format!("queue_{nth}.py"), queue(nth));
    }
    repo.commit();
    workspace.list_repos(&[&repo.url()]);
    workspace.run(&["scrape"]).expect(0);
    (workspace, repo)
}

fn prepare(workspace: &Workspace, more: &[&str], code: i32) -> Value {
    let arguments = [&["prepare", "--json", "--concurrency", "1"], more].concat();
    workspace.run(&arguments).expect(code).json()
}

fn delete_cache(workspace: &Workspace) {
    for file in ["cache.db", "cache.db-wal", "cache.db-shm"] {
        let _ = fs::remove_file(workspace.path().join("data").join(file));
    }
}

#[test]
fn of_answers_that_repeat_one_another_one_is_stored() {
    let model = repeating();
    let (workspace, repo) = with_queues(&model, 3);
    let summary = prepare(&workspace, &[], 3);
    assert_eq!(
        (&summary["done"], &summary["failed"]),
        (&1.into(), &2.into()),
        "{summary}"
    );
    assert_eq!(
        summary["rejected"],
        json!({"answer_duplicate": 2}),
        "{summary}"
    );
    assert_eq!(
        workspace.count("FailedFiles WHERE reason GLOB 'duplicate:*'"),
        2
    );
    workspace.assert_sound();

    // A later night, another file, and the index gone or not.
    for (nth, is_kept) in [(3, true), (4, false)] {
        if !is_kept {
            delete_cache(&workspace);
        }
        repo.write(&format!("queue_{nth}.py"), queue(nth)).commit();
        workspace.run(&["scrape"]).expect(0);
        let summary = prepare(&workspace, &[], 3);
        assert_eq!(
            summary["rejected"],
            json!({"answer_duplicate": 1}),
            "{nth}: {summary}"
        );
    }
    assert_eq!(workspace.count("TrainingSamples"), 1);

    // Nobody pays for them every night.
    let asked = model.chat_count();
    workspace.run(&["run", "-q"]).expect(0);
    assert_eq!(model.chat_count(), asked);
    workspace.assert_sound();
}

#[test]
fn a_file_is_not_held_against_its_own_old_samples_nor_those_of_a_file_that_is_gone() {
    let model = repeating();
    let (workspace, repo) = with_queues(&model, 1);
    prepare(&workspace, &[], 0);
    let summary = prepare(&workspace, &["--refresh"], 0);
    assert_eq!(
        (&summary["done"], &summary["samples"]),
        (&1.into(), &1.into()),
        "{summary}"
    );
    repo.write("queue_0.py", queue(7)).commit();
    workspace.run(&["scrape"]).expect(0);
    let summary = prepare(&workspace, &[], 0);
    assert_eq!(
        (&summary["done"], &summary["samples"]),
        (&1.into(), &1.into()),
        "{summary}"
    );
    repo.git(&["mv", "queue_0.py", "a_queue.py"]);
    repo.commit();
    workspace.run(&["scrape"]).expect(0);
    let summary = prepare(&workspace, &[], 0);
    assert_eq!(
        (&summary["done"], &summary["retired"]),
        (&1.into(), &1.into()),
        "{summary}"
    );
    assert_eq!(workspace.count("TrainingSamples"), 1);
    workspace.assert_sound();
}

#[test]
fn a_file_with_other_samples_is_done_without_the_repeated_one() {
    let answers = AtomicUsize::new(0);
    let model = ModelServer::scripted(move |seen: &Seen| {
        if seen.wants_json() || !answers.fetch_add(1, Ordering::SeqCst).is_multiple_of(2) {
            return answer(seen);
        }
        same_of_any(0)
    });
    let (workspace, _repo) = with_queues(&model, 2);
    let summary = prepare(&workspace, &["--questions", "2"], 0);
    assert_eq!(
        (&summary["done"], &summary["samples"]),
        (&2.into(), &3.into()),
        "{summary}"
    );
    assert_eq!(
        summary["rejected"],
        json!({"answer_duplicate": 1}),
        "{summary}"
    );
    assert_eq!(workspace.count("FailedFiles"), 0);
    workspace.assert_sound();
}

#[test]
fn what_overlaps_with_a_benchmark_is_not_stored() {
    let model = repeating();
    let (workspace, repo) = with_queues(&model, 1);
    repo.write("duration.rs", PARSER).commit();
    workspace.run(&["scrape"]).expect(0);
    let problem =
        "the list stays AS IT WAS before\nthe call; it raises an overflow error that says queue";
    fs::write(workspace.path().join("plain.txt"), "nothing of note\n").unwrap();
    let lines = [
        json!({"id": 1, "x": [null, 2.5, true]}),
        json!({"id": 2, "tests": {"prompt": format!("as long as that list is shorter than the limit that {problem}")}}),
    ];
    let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
    fs::write(workspace.path().join("problems.jsonl"), lines.join("\n")).unwrap();
    let arguments = [
        "--contamination",
        "plain.txt",
        "--contamination",
        "problems.jsonl",
    ];
    let summary = prepare(&workspace, &arguments, 3);
    assert_eq!(summary["rejected"]["contaminated"], 1, "{summary}");
    assert_eq!(
        workspace.count("FailedFiles WHERE reason GLOB 'contaminated:*'"),
        1
    );
    workspace.assert_sound();
}

#[test]
fn a_benchmark_that_cannot_be_read_stops_the_run_before_it_spends() {
    let model = ModelServer::start();
    let (workspace, _repo) = with_queues(&model, 1);
    fs::write(workspace.path().join("cut.jsonl"), "{\"prompt\": \"half\n").unwrap();
    for file in ["absent.txt", "cut.jsonl"] {
        for more in [&[][..], &["--dry-run"]] {
            let arguments = [&["prepare", "--contamination", file], more].concat();
            let ran = workspace.run(&arguments).expect(2);
            assert!(ran.stderr.contains(file), "{}", ran.stderr);
        }
    }
    assert_eq!(model.chat_count(), 0);
}
