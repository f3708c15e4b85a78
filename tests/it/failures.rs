//! What goes wrong with the server or the settings: exit codes, one clear line, and nothing touched.

use crate::generation::scraped;
use crate::model_server::{ModelServer, Reply, answer};
use crate::workspace::{Ran, Workspace};

/// A run that could not work leaves no row behind.
#[track_caller]
fn assert_untouched(workspace: &Workspace, ran: &Ran) {
    for table in [
        "TrainingSamples",
        "ConversationTurns",
        "FileHashes",
        "FailedFiles",
    ] {
        assert_eq!(workspace.count(table), 0, "{table}");
    }
    let errors = ran
        .stderr
        .lines()
        .filter(|line| line.starts_with("error:"))
        .count();
    assert_eq!(errors, 1, "one clear line:\n{}", ran.stderr);
}

#[test]
fn a_dead_port_ends_the_run_within_seconds() {
    let model = ModelServer::start();
    let (mut workspace, _repo) = scraped(&model);
    let port = model.port();
    drop(model);
    workspace.set_env("OPENAI_BASE_URL", &format!("http://127.0.0.1:{port}/v1"));
    let ran = workspace.run(&["prepare"]).expect(69);
    assert!(ran.stderr.contains(&port.to_string()), "{}", ran.stderr);
    assert_untouched(&workspace, &ran);
}

#[test]
fn a_model_that_is_not_listed_is_named_with_those_that_are() {
    let model = ModelServer::start();
    let (mut workspace, _repo) = scraped(&model);
    workspace.set_env("OPENAI_MODEL", "no-such-model");
    let ran = workspace.run(&["prepare"]).expect(2);
    assert!(
        ran.stderr.contains("no-such-model") && ran.stderr.contains(crate::model_server::MODEL),
        "{}",
        ran.stderr
    );
    assert_untouched(&workspace, &ran);
}

#[test]
fn without_a_server_there_are_three_ways_to_go_on() {
    let model = ModelServer::start();
    let (mut workspace, _repo) = scraped(&model);
    workspace.set_env("OPENAI_BASE_URL", " ");
    let ran = workspace.run(&["prepare"]);
    // A developer's machine may have a server at a usual port; then it is taken and named.
    if ran.code == 78 {
        assert!(
            ["start one", "OPENAI_BASE_URL", "--base-url"]
                .iter()
                .all(|way| ran.stderr.contains(way)),
            "{}",
            ran.stderr
        );
        assert_untouched(&workspace, &ran);
    } else {
        assert!(
            ran.stderr.contains("no model server is configured: using"),
            "{}",
            ran.stderr
        );
    }
}

#[test]
fn usage_and_settings_errors_exit_with_two() {
    let workspace = Workspace::new();
    workspace
        .run(&["prepare", "--max-tokens", "many"])
        .expect(2);
    workspace.run(&["prepare", "--temperature", "3"]).expect(2);
    workspace.run(&["prepare", "--include", "a[b"]).expect(2);
    workspace
        .run(&["prepare", "--api-key-file", "/no/such/file"])
        .expect(2);
    workspace
        .run(&["status", "-C", "/no/such/folder"])
        .expect(2);
    workspace.run(&["nonsense"]).expect(2);
}

#[test]
fn a_second_writer_is_turned_away_with_the_holder_named() {
    let (sender, arrived) = std::sync::mpsc::channel();
    let sender = std::sync::Mutex::new(sender);
    let release = std::sync::Arc::new(std::sync::Barrier::new(2));
    let waiting = std::sync::Arc::clone(&release);
    let model = ModelServer::scripted(move |seen| {
        if seen.nth == 0 {
            sender.lock().unwrap().send(()).unwrap();
            waiting.wait();
        }
        answer(seen)
    });
    let (workspace, _repo) = scraped(&model);
    let running = workspace.spawn(&["prepare"]);
    arrived.recv().unwrap();
    let ran = workspace.run(&["prepare"]).expect(75);
    assert!(
        ran.stderr.contains("pipeline prepare since"),
        "{}",
        ran.stderr
    );
    workspace.run(&["status"]).expect(0);
    release.wait();
    running.wait().expect(0);
    workspace.assert_sound();
}

#[test]
fn budgets_stop_between_calls_and_the_next_run_goes_on() {
    let model = ModelServer::start();
    let (workspace, _repo) = scraped(&model);
    let limited = [
        "prepare",
        "--max-requests",
        "2",
        "--concurrency",
        "1",
        "--questions",
        "2",
    ];
    let ran = workspace.run(&limited).expect(124);
    assert!(ran.stderr.contains("--max-requests"), "{}", ran.stderr);
    assert_eq!(model.chat_count(), 2);
    let mut runs = 1;
    while workspace.run(&limited).code == 124 {
        runs += 1;
        assert!(runs < 10);
    }
    assert_eq!(
        model.chat_count(),
        6,
        "two files of one questions call and two answers: each paid once"
    );
    assert_eq!(workspace.count("FileHashes WHERE sample_id IS NOT NULL"), 2);
    workspace.assert_sound();
    workspace
        .run(&[
            "prepare",
            "--refresh",
            "--questions",
            "2",
            "--max-total-tokens",
            "10",
        ])
        .expect(0);
}

#[test]
fn failures_of_single_requests_fail_single_files() {
    let model = ModelServer::scripted(|seen| {
        let is_queue = seen
            .texts("user")
            .iter()
            .any(|text| text.contains("BoundedQueue"));
        match is_queue {
            true => Reply::error(422, "invalid_request_error", "cannot process this"),
            false => answer(seen),
        }
    });
    let (workspace, _repo) = scraped(&model);
    workspace.run(&["prepare"]).expect(3);
    assert_eq!(workspace.count("FileHashes WHERE sample_id IS NOT NULL"), 1);
    let failed = workspace.rows("SELECT file_path, reason FROM FailedFiles");
    assert!(
        failed.len() == 1 && failed[0].contains("queue.py|invalid_request:"),
        "{failed:?}"
    );
    workspace.assert_sound();
}

#[test]
fn cut_answers_are_never_stored() {
    let model = ModelServer::scripted(|seen| match seen.wants_json() {
        true => answer(seen),
        false => {
            let message = serde_json::json!({"role": "assistant", "content": "`parse_duration` reads `digits` and"});
            Reply::completion(message, "length")
        }
    });
    let (workspace, _repo) = scraped(&model);
    workspace.run(&["prepare"]).expect(3);
    assert_eq!(workspace.count("TrainingSamples"), 0);
    assert_eq!(
        workspace.count("FailedFiles WHERE reason GLOB 'truncated:*'"),
        2
    );
}
