//! `status`: the dataset in numbers.

use crate::generation::{QUEUE, scraped};
use crate::model_server::{MODEL, ModelServer, Reply, answer};
use crate::workspace::{Repo, Workspace};
use serde_json::{Value, json};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::PathBuf;
use std::process::Stdio;

/// Every file of the workspace that holds something, with a digest of its bytes. SQLite's index of a log file is shared memory, not data.
fn snapshot(workspace: &Workspace) -> Vec<(PathBuf, u64)> {
    let mut found = Vec::new();
    let mut folders = vec![workspace.path()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
                continue;
            }
            let bytes = std::fs::read(entry.path()).unwrap();
            let is_index = entry.path().to_string_lossy().ends_with("-shm");
            if !bytes.is_empty() && !is_index {
                let mut digest = DefaultHasher::new();
                bytes.hash(&mut digest);
                found.push((entry.path(), digest.finish()));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn every_number_is_that_of_the_dataset() {
    let model = ModelServer::scripted(|seen| match seen.texts("user")[0].contains("duration.rs") {
        true => Reply::error(500, "broken", "no"),
        false => answer(seen),
    });
    let (workspace, _repo) = scraped(&model);
    workspace.run(&["prepare"]).expect(3);
    let status = workspace.run(&["status", "--json"]).expect(0).json();
    let samples = workspace.count("TrainingSamples");
    assert!(samples > 0);
    assert_eq!(status["done"], 1, "{status}");
    assert_eq!(
        (&status["partly_done"], &status["failed"]),
        (&json!(0), &json!(1))
    );
    assert_eq!(status["samples"], samples);
    assert_eq!(status["failures"], json!({"server_error": 1}));
    let sources = workspace.rows("SELECT file_path FROM FileHashes ORDER BY 1");
    let folder = sources[0].strip_suffix("/queue.py").unwrap();
    let repository = &status["repositories"][folder];
    assert_eq!(
        (
            &repository["done"],
            &repository["failed"],
            &repository["samples"]
        ),
        (&json!(1), &json!(1), &json!(samples)),
        "a file without samples belongs to its repository too: {status}"
    );
    assert_eq!(status["languages"]["Python"]["samples"], samples);
    assert_eq!(status["languages"]["Rust"]["failed"], 1);
    let sum = |query: &str| workspace.rows(query)[0].parse::<u64>().unwrap();
    let bins = status["score_histogram"].as_array().unwrap();
    assert_eq!(
        bins.iter().map(|bin| bin.as_u64().unwrap()).sum::<u64>(),
        samples
    );
    let top = sum("SELECT count(*) FROM TrainingSamples WHERE sample_quality_score >= 0.9");
    assert_eq!(bins[9], top);
    let kinds = status["coverage"]["question_kinds"].as_object().unwrap();
    assert_eq!(kinds.len(), 9);
    assert_eq!(
        kinds
            .values()
            .map(|kind| kind.as_u64().unwrap())
            .sum::<u64>(),
        samples
    );
    assert_eq!(status["coverage"]["files"], 1);
    let symbols = sum(
        "SELECT count(DISTINCT json_extract(metadata_json, '$.symbol')) FROM ConversationTurns",
    );
    assert_eq!(status["coverage"]["symbols"], symbols);
    let used = &status["models"]["test-model"];
    assert_eq!(used["answers"], samples);
    let prompt =
        sum("SELECT sum(json_extract(metadata_json, '$.usage.prompt')) FROM ConversationTurns");
    assert_eq!(used["prompt_tokens"], prompt);
    assert_eq!(used["requests"], samples);
}

#[test]
fn stored_answers_cost_what_the_price_table_says_or_something_unknown() {
    // Of two answers, the server tells the tokens of the first.
    let model = ModelServer::scripted(|seen| {
        let mut reply = answer(seen);
        let mut body: Value = serde_json::from_slice(&reply.body).unwrap();
        body["usage"] = match seen.nth {
            3 => Value::Null,
            _ => {
                json!({"prompt_tokens": 1000, "completion_tokens": 100, "prompt_tokens_details": {"cached_tokens": 800}})
            }
        };
        reply.body = body.to_string().into_bytes();
        reply
    });
    let (mut workspace, _repo) = scraped(&model);
    workspace
        .run(&["prepare", "--questions", "1", "--concurrency", "1"])
        .expect(0);
    assert_eq!(workspace.count("TrainingSamples"), 2);

    let status = workspace.run(&["status", "--json"]).expect(0).json();
    assert_eq!(status["models"][MODEL]["cost_usd"], Value::Null, "{status}");
    assert_eq!(status["cost_usd"], Value::Null);
    let text = workspace.run(&["status"]).expect(0).stdout;
    for part in ["\ncost: unknown\n", "--prices FILE", "without 1 answer"] {
        assert!(text.contains(part), "{part}:\n{text}");
    }

    let path = workspace.path().join("prices.json");
    let table = json!({"models": [{"model": MODEL, "prompt": 1000, "cached_prompt": 500, "completion": 1000}]});
    std::fs::write(&path, table.to_string()).unwrap();
    workspace.set_env("PIPELINE_PRICES", path.to_str().unwrap());
    let status = workspace.run(&["status", "--json"]).expect(0).json();
    let spent = &status["models"][MODEL];
    // 200 fresh at a thousandth of a dollar, 800 cached at half of it, 100 generated.
    assert_eq!(
        (&spent["cost_usd"], &spent["untold_answers"]),
        (&json!(0.7), &json!(1))
    );
    assert_eq!(status["cost_usd"], 0.7);
    let text = workspace.run(&["status"]).expect(0).stdout;
    for part in ["\ncost: $0.7000\n", "without 1 answer"] {
        assert!(text.contains(part), "{part}:\n{text}");
    }
    assert!(!text.contains("--prices"), "{text}");
    let ran = workspace
        .run(&["status", "--prices", "no/such/file"])
        .expect(2);
    assert!(ran.stderr.contains("no/such/file"), "{}", ran.stderr);
}

#[test]
fn the_text_is_aligned_and_at_most_80_columns_wide() {
    let model = ModelServer::start();
    let (workspace, repo) = scraped(&model);
    repo.write(
        "made.py",
        format!("# Code generated by a tool. DO NOT EDIT.\n{QUEUE}"),
    )
    .commit();
    workspace.run(&["scrape"]).expect(0);
    workspace.run(&["prepare"]).expect(0);
    let text = workspace.run(&["status"]).expect(0).stdout;
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
        assert_eq!(line, line.trim_end());
    }
    for part in [
        "2 files: 2 done, 0 partly done, 0 failed",
        "repository ",
        "language ",
        "score ",
        "kind of question",
        "test-model",
    ] {
        assert!(text.contains(part), "{part}:\n{text}");
    }
    assert!(text.contains("not selected"), "{text}");
    std::fs::remove_file(workspace.path().join("data/cache.db")).unwrap();
    let text = workspace.run(&["status"]).expect(0).stdout;
    assert!(!text.contains("not selected"), "{text}");
}

#[test]
fn files_left_out_are_told_by_reason_as_of_the_last_scan() {
    let model = ModelServer::start();
    let (workspace, repo) = scraped(&model);
    repo.write("Cargo.lock", "# nothing\n")
        .write("empty.py", "")
        .commit();
    workspace.run(&["scrape"]).expect(0);
    workspace.run(&["prepare"]).expect(0);
    let status = workspace.run(&["status", "--json"]).expect(0).json();
    assert_eq!(status["skipped"], json!({"empty": 1, "lock_file": 1}));
    let text = workspace.run(&["status"]).expect(0).stdout;
    assert!(text.contains("not selected"), "{text}");
    repo.remove("Cargo.lock").commit();
    workspace.run(&["scrape"]).expect(0);
    workspace.run(&["prepare"]).expect(0);
    let status = workspace.run(&["status", "--json"]).expect(0).json();
    assert_eq!(status["skipped"], json!({"empty": 1}));
    let by_repository = status["skipped_by_repository"].as_object().unwrap();
    assert_eq!(by_repository.values().next(), Some(&json!({"empty": 1})));
}

#[test]
fn nothing_is_needed_and_nothing_is_made() {
    let workspace = Workspace::new();
    let ran = workspace.run(&["status"]).expect(0);
    assert!(ran.stdout.starts_with("0 files"), "{}", ran.stdout);
    assert!(ran.stdout.contains("pipeline run"), "{}", ran.stdout);
    assert_eq!(
        workspace.run(&["status", "--json"]).expect(0).json()["samples"],
        0
    );
    let names = std::fs::read_dir(workspace.path()).unwrap();
    assert_eq!(names.count(), 0);
}

#[test]
fn it_reads_while_another_run_writes_and_changes_no_byte() {
    let model = ModelServer::start();
    let (workspace, _repo) = scraped(&model);
    workspace.run(&["prepare"]).expect(0);
    let writer = workspace.dataset();
    writer
        .execute_batch("BEGIN IMMEDIATE; DELETE FROM TrainingSamples")
        .unwrap();
    let lock = std::fs::File::open(workspace.path().join("data/.lock")).unwrap();
    lock.lock().unwrap();
    let before = snapshot(&workspace);
    let status = workspace.run(&["status", "--json"]).expect(0).json();
    assert_eq!(status["done"], 2);
    assert_eq!(snapshot(&workspace), before);
    workspace.run(&["prepare"]).expect(75);
}

#[test]
fn hostile_names_do_not_reach_the_terminal() {
    let model = ModelServer::start();
    let workspace = Workspace::with_model(&model.base_url());
    let repo = Repo::new(&workspace.origin().join("demo"));
    repo.write("queue.py", QUEUE).commit();
    workspace.list_repos(&[&repo.url()]);
    workspace.run(&["scrape"]).expect(0);
    workspace.run(&["prepare"]).expect(0);
    let hostile = "UPDATE ConversationTurns SET metadata_json =
        json_set(metadata_json, '$.language', 'C' || char(27) || '[2J', '$.model', 'm' || char(10) || 'x', '$.licence', char(8238) || 'TIM')";
    workspace.dataset().execute_batch(hostile).unwrap();
    let text = workspace.run(&["status"]).expect(0).stdout;
    for raw in ["\u{1b}", "\u{202e}", "m\nx"] {
        assert!(!text.contains(raw), "{text:?}");
    }
    for escaped in ["\\u{1b}", "\\u{202e}", "m\\nx"] {
        assert!(text.contains(escaped), "{escaped}: {text:?}");
    }
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let model = ModelServer::start();
    let (workspace, _repo) = scraped(&model);
    workspace.run(&["prepare"]).expect(0);
    for arguments in [&["status"][..], &["status", "--json"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = workspace.command(arguments);
        let output = command
            .stdout(writer)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let output = output.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    }
}
