//! `export`: what trainers get.

use crate::generation::{QUEUE, scraped};
use crate::model_server::ModelServer;
use crate::workspace::{Repo, Workspace};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Stdio;

/// A workspace with samples of both files.
fn prepared(model: &ModelServer) -> (Workspace, Repo) {
    let (workspace, repo) = scraped(model);
    workspace.run(&["prepare"]).expect(0);
    (workspace, repo)
}

fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn rows(workspace: &Workspace, file: &str) -> Vec<Value> {
    lines(&fs::read_to_string(workspace.path().join("data/export").join(file)).unwrap())
}

/// Each file of a folder with its content.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().flatten();
    let named = entries.map(|entry| {
        let name = entry.file_name().into_string().unwrap();
        (name, fs::read(entry.path()).unwrap())
    });
    named.collect()
}

#[test]
fn a_row_holds_the_conversation_and_where_it_comes_from() {
    let model = ModelServer::start();
    let (workspace, repo) = prepared(&model);
    let summary = workspace.run(&["export", "--json"]).expect(0).json();
    let samples = workspace.count("TrainingSamples");
    assert_eq!(summary["rows"], samples);
    assert_eq!(summary["splits"], json!({"train": samples}));
    assert_eq!(summary["left_out"], json!({}));
    let written = rows(&workspace, "train.jsonl");
    assert_eq!(written.len() as u64, samples);
    for row in &written {
        let keys: Vec<_> = row.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["messages", "metadata"]);
        let id = &row["metadata"]["id"];
        let turns = format!(
            "SELECT role, content FROM ConversationTurns WHERE sample_id = {id} ORDER BY turn_index"
        );
        let stored: Vec<_> = row["messages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|turn| {
                format!(
                    "{}|{}",
                    turn["role"].as_str().unwrap(),
                    turn["content"].as_str().unwrap()
                )
            })
            .collect();
        assert_eq!(workspace.rows(&turns), stored);
        assert!(
            row["metadata"]
                .as_object()
                .unwrap()
                .values()
                .all(|value| !value.is_null())
        );
    }
    let rust = written
        .iter()
        .find(|row| row["metadata"]["language"] == "Rust")
        .unwrap();
    let metadata = &rust["metadata"];
    assert_eq!(metadata["repository"], repo.path().to_str().unwrap());
    assert_eq!(metadata["commit"], repo.git(&["rev-parse", "HEAD"]).trim());
    assert_eq!(metadata["path"], "src/duration.rs");
    assert_eq!(metadata["licence"], "unknown");
    assert_eq!(metadata["model"], "test-model");
    assert_eq!(metadata["first_line"], 1);
}

#[test]
fn the_same_dataset_gives_the_same_bytes_and_old_splits_go() {
    let model = ModelServer::start();
    let (workspace, _repo) = prepared(&model);
    let folder = workspace.path().join("data/export");
    workspace
        .run(&["export", "--validation", "0.999999999"])
        .expect(0);
    let names: Vec<_> = files(&folder).into_keys().collect();
    assert_eq!(names, ["README.md", "valid.jsonl"]);
    workspace.run(&["export"]).expect(0);
    let first = files(&folder);
    assert_eq!(
        first.keys().collect::<Vec<_>>(),
        ["README.md", "train.jsonl"]
    );
    workspace.run(&["export"]).expect(0);
    assert_eq!(files(&folder), first);
}

#[test]
fn growing_the_dataset_moves_no_file_to_another_split() {
    let model = ModelServer::start();
    let (workspace, repo) = scraped(&model);
    let name = |nth: usize| format!("queue_{nth}.py");
    let content = |nth: usize| QUEUE.replace("waiting_items", &format!("waiting_items_{nth}"));
    for nth in 0..12 {
        repo.write(&name(nth), content(nth));
    }
    let export = || -> BTreeMap<String, &str> {
        repo.commit();
        workspace.run(&["scrape"]).expect(0);
        workspace.run(&["prepare"]).expect(0);
        workspace
            .run(&["export", "--validation", "0.4", "--test", "0.2"])
            .expect(0);
        let mut split_of = BTreeMap::new();
        for file in ["train.jsonl", "valid.jsonl", "test.jsonl"] {
            // Where the workspace lies decides the splits, and one without rows has no file.
            let path = workspace.path().join("data/export").join(file);
            for row in lines(&fs::read_to_string(path).unwrap_or_default()) {
                let path = row["metadata"]["path"].as_str().unwrap().to_owned();
                assert_eq!(
                    *split_of.entry(path.clone()).or_insert(file),
                    file,
                    "{path} is in two splits"
                );
            }
        }
        split_of
    };
    let before = export();
    assert_eq!(before.len(), 14);
    for nth in 12..24 {
        repo.write(&name(nth), content(nth));
    }
    let after = export();
    assert_eq!(after.len(), 26);
    for (path, split) in before {
        assert_eq!(after[&path], split, "{path}");
    }
}

#[test]
fn every_format_has_its_own_columns() {
    let model = ModelServer::start();
    let (workspace, _repo) = prepared(&model);
    let several = "UPDATE TrainingSamples SET is_multiturn = 1 WHERE sample_id = 1;
        INSERT INTO ConversationTurns (sample_id, turn_index, role, content, is_label, metadata_json) VALUES
        (1, 2, 'user', 'And then?', 0, '{}'), (1, 3, 'assistant', 'Then it ends.', 1, '{}')";
    workspace.dataset().execute_batch(several).unwrap();
    let samples = workspace.count("TrainingSamples");
    let export = |format: &str| {
        let ran = workspace.run(&["export", "--output", "-", "--format", format]);
        let ran = ran.expect(0);
        (lines(&ran.stdout), ran.stderr)
    };
    let (chat, _) = export("chat");
    let long = chat.iter().find(|row| row["metadata"]["id"] == 1).unwrap();
    assert_eq!(long["messages"].as_array().unwrap().len(), 4);
    let (sharegpt, _) = export("sharegpt");
    assert_eq!(sharegpt.len() as u64, samples);
    for row in &sharegpt {
        assert_eq!(row["conversations"][0]["from"], "human");
        assert_eq!(row["conversations"][1]["from"], "gpt");
    }
    let (pairs, _) = export("prompt-completion");
    let long = pairs.iter().find(|row| row["metadata"]["id"] == 1).unwrap();
    assert_eq!(long["prompt"].as_array().unwrap().len(), 3);
    assert_eq!(
        long["completion"],
        json!([{"role": "assistant", "content": "Then it ends."}])
    );
    let (alpaca, said) = export("alpaca");
    assert_eq!(alpaca.len() as u64, samples - 1);
    assert!(said.contains("1 of several turns"), "{said}");
    for row in &alpaca {
        let keys: BTreeSet<_> = row
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(
            keys,
            BTreeSet::from(["input", "instruction", "metadata", "output"])
        );
        assert_eq!(row["input"], "");
    }
}

#[test]
fn what_is_left_out_is_counted_by_option() {
    let model = ModelServer::start();
    let (workspace, repo) = prepared(&model);
    let samples = workspace.count("TrainingSamples");
    let change = "UPDATE ConversationTurns SET metadata_json = json_set(metadata_json, '$.licence', 'MIT')
                  WHERE metadata_json LIKE '%queue.py%';
                  UPDATE TrainingSamples SET sample_quality_score = 0.3 WHERE dataset_source LIKE '%duration.rs'";
    workspace.dataset().execute_batch(change).unwrap();
    let denied = workspace.path().join("denied.txt");
    fs::write(&denied, repo.url()).unwrap();
    let of = |pattern: &str| {
        workspace.count(&format!(
            "TrainingSamples WHERE dataset_source LIKE '{pattern}'"
        ))
    };
    let (queue, duration) = (of("%queue.py"), of("%duration.rs"));
    assert_eq!(queue + duration, samples);
    for (options, rows, reason) in [
        (
            &["--license-policy", "permissive"][..],
            queue,
            "not under --license-policy",
        ),
        (&["--language", "rust"], duration, "not in --language"),
        (&["--min-score", "0.31"], queue, "below --min-score"),
        (&["--repository", "demo"], samples, ""),
    ] {
        let arguments = [&["export", "--json"], options].concat();
        let summary = workspace.run(&arguments).expect(0).json();
        assert_eq!(summary["rows"], rows, "{options:?}: {summary}");
        let expected = match reason {
            "" => json!({}),
            reason => json!({reason: samples - rows}),
        };
        assert_eq!(summary["left_out"], expected);
    }
    for (options, reason) in [
        (&["--repository", "dem"][..], "not of --repository"),
        (&["--deny-list", denied.to_str().unwrap()], "on --deny-list"),
        (
            &["--language", "Rust", "--min-score", "0.9"],
            "below --min-score",
        ),
    ] {
        let before = files(&workspace.path().join("data/export"));
        let ran = workspace.run(&[&["export"], options].concat()).expect(2);
        assert!(ran.stderr.contains(reason), "{}", ran.stderr);
        assert_eq!(
            files(&workspace.path().join("data/export")),
            before,
            "nothing is replaced by nothing"
        );
    }
}

#[test]
fn the_card_says_what_is_there_and_names_of_others_stay_text() {
    let model = ModelServer::start();
    let (workspace, _repo) = prepared(&model);
    let hostile = "UPDATE ConversationTurns SET metadata_json = json_set(metadata_json, '$.model', 'm | <b>' || char(10) || '---' || char(27))";
    workspace.dataset().execute_batch(hostile).unwrap();
    workspace.run(&["export", "--validation", "0.5"]).expect(0);
    let folder = workspace.path().join("data/export");
    let card = fs::read_to_string(folder.join("README.md")).unwrap();
    let (head, body) = card
        .strip_prefix("---\n")
        .unwrap()
        .split_once("\n---\n")
        .unwrap();
    // YAML of a few plain lists and maps: every line is a comment, an item, or a key.
    for line in head.lines() {
        let item = line.trim_start().trim_start_matches("- ");
        let is_scalar = item
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "<.-_".contains(c));
        let is_entry = item.split_once(':').is_some_and(|(key, value)| {
            key.chars().all(|c| c.is_ascii_lowercase() || c == '_')
                && !value.contains([':', '#', '\t'])
        });
        assert!(line.starts_with("# ") || is_scalar || is_entry, "{line}");
    }
    let named: Vec<_> = head
        .lines()
        .filter_map(|line| line.trim().strip_prefix("path: "))
        .collect();
    let there: Vec<_> = files(&folder)
        .into_keys()
        .filter(|name| name != "README.md")
        .collect();
    assert_eq!(
        named.iter().copied().collect::<BTreeSet<_>>(),
        there.iter().map(String::as_str).collect()
    );
    let samples = workspace.count("TrainingSamples");
    assert!(
        body.contains(&format!("Samples: {samples}, from 1 repositories;")),
        "{body}"
    );
    assert!(body.contains("| m \\| &lt;b>\\n---\\u{1b} |"), "{body}");
    assert!(!card.contains('\u{1b}'));
}

#[test]
fn files_of_others_are_not_overwritten() {
    let model = ModelServer::start();
    let (workspace, _repo) = prepared(&model);
    for (name, content) in [("README.md", "# Mine\n"), ("train.jsonl", "{}\n")] {
        let folder = workspace.path().join(format!("of-{name}"));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join(name), content).unwrap();
        let ran = workspace
            .run(&["export", "-o", folder.to_str().unwrap()])
            .expect(2);
        assert!(ran.stderr.contains(name), "{}", ran.stderr);
        assert_eq!(
            files(&folder),
            BTreeMap::from([(name.to_owned(), content.as_bytes().to_vec())])
        );
    }
    let folder = workspace.path().join("git");
    fs::create_dir_all(folder.join(".git")).unwrap();
    workspace
        .run(&["export", "-o", folder.to_str().unwrap()])
        .expect(0);
    assert!(folder.join(".git").is_dir());
}

#[test]
fn leftovers_of_a_killed_export_are_in_nobodys_way_and_two_at_once_are_refused() {
    let model = ModelServer::start();
    let (workspace, _repo) = prepared(&model);
    let folder = workspace.path().join("data/export");
    fs::create_dir(&folder).unwrap();
    let partial = folder.join(".train.jsonl.partial");
    fs::write(&partial, "{\"half").unwrap();
    let held = fs::File::open(&partial).unwrap();
    held.lock().unwrap();
    let ran = workspace.run(&["export"]).expect(1);
    assert!(ran.stderr.contains("another export"), "{}", ran.stderr);
    drop(held);
    workspace.run(&["export"]).expect(0);
    assert_eq!(
        rows(&workspace, "train.jsonl").len() as u64,
        workspace.count("TrainingSamples")
    );
    assert!(!partial.exists());
}

#[test]
fn a_failed_write_leaves_the_last_export_whole() {
    let model = ModelServer::start();
    let (workspace, _repo) = prepared(&model);
    workspace.run(&["export"]).expect(0);
    let folder = workspace.path().join("data/export");
    let before = files(&folder);
    workspace.dataset().execute_batch("UPDATE ConversationTurns SET content = CAST(x'ff' AS TEXT) WHERE turn_id = (SELECT max(turn_id) FROM ConversationTurns)").unwrap();
    workspace.run(&["export"]).expect(1);
    assert_eq!(files(&folder), before);
}

#[test]
fn an_empty_dataset_and_contradictions_are_usage_errors() {
    let workspace = Workspace::new();
    let ran = workspace.run(&["export"]).expect(2);
    assert!(ran.stderr.contains("no samples yet"), "{}", ran.stderr);
    assert_eq!(fs::read_dir(workspace.path()).unwrap().count(), 0);
    for options in [
        &["--validation", "0.6", "--test", "0.4"][..],
        &["--language", "Rusty"],
        &["--repository", "a["],
        &["--deny-list", "nowhere"],
    ] {
        workspace.run(&[&["export"], options].concat()).expect(2);
    }
    let model = ModelServer::start();
    let (workspace, _repo) = prepared(&model);
    for options in [&["--json"][..], &["--validation", "0.1"]] {
        workspace
            .run(&[&["export", "-o", "-"], options].concat())
            .expect(2);
    }
}

#[test]
fn rows_go_to_a_reader_that_leaves_early_without_an_error() {
    let model = ModelServer::start();
    let (workspace, _repo) = prepared(&model);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = workspace.command(&["export", "-q", "--output", "-"]);
    let child = command
        .stdout(writer)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
