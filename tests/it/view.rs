//! `view`: samples and failures beside their source.

use crate::generation::{PARSER, QUEUE, scraped};
use crate::model_server::{ModelServer, Reply, answer};
use crate::workspace::Workspace;
use serde_json::{Value, json};
use std::process::Stdio;

fn view(workspace: &Workspace, options: &[&str]) -> Value {
    let arguments = [&["view", "--json"], options].concat();
    workspace.run(&arguments).expect(0).json()
}

fn ids(seen: &Value) -> Vec<i64> {
    let seen = seen.as_array().unwrap().iter();
    seen.map(|one| one["sample_id"].as_i64().unwrap()).collect()
}

#[test]
fn a_sample_stands_beside_the_source_it_came_from() {
    let model = ModelServer::start();
    let (workspace, repo) = scraped(&model);
    workspace.run(&["prepare"]).expect(0);
    let seen = view(&workspace, &["duration.rs", "--limit", "1"]);
    let (sample, id) = (&seen[0], ids(&seen)[0]);
    assert_eq!(sample["source"]["from"], "worktree");
    assert_eq!(sample["source"]["text"], PARSER);
    let text = workspace
        .run(&["view", "--sample", &id.to_string()])
        .expect(0)
        .stdout;
    let question = sample["turns"][0]["content"].as_str().unwrap();
    let answer = sample["turns"][1]["content"].as_str().unwrap();
    for part in [
        &format!("sample {id}, score "),
        "test-model",
        repo.path().to_str().unwrap(),
        &repo.git(&["rev-parse", "HEAD"])[..10],
        "src/duration.rs:1-10",
        question,
        answer,
        "     7  pub fn parse_duration(text: &str) -> Option<u64> {",
    ] {
        assert!(text.contains(part), "{part}:\n{text}");
    }
    let short = ["view", "--sample", &id.to_string(), "--source-lines", "2"];
    let text = workspace.run(&short).expect(0).stdout;
    assert!(!text.contains("pub fn parse_duration"), "{text}");
    assert!(text.contains("8 more lines"), "{text}");
}

#[test]
fn changed_source_is_shown_from_its_commit_and_lost_source_is_owned_up_to() {
    let model = ModelServer::start();
    let (workspace, _repo) = scraped(&model);
    workspace.run(&["prepare"]).expect(0);
    let stored =
        workspace.rows("SELECT file_path FROM FileHashes WHERE file_path LIKE '%queue.py'");
    let file = workspace.path().join("repos").join(&stored[0]);
    std::fs::write(&file, "changed = True\n").unwrap();
    let seen = view(&workspace, &["queue.py"]);
    assert_eq!(seen[0]["source"]["from"], "commit");
    assert_eq!(seen[0]["source"]["text"], QUEUE);
    let text = workspace.run(&["view", "queue.py"]).expect(0).stdout;
    assert!(text.contains("the worktree has moved on"), "{text}");
    workspace
        .dataset()
        .execute_batch("UPDATE ConversationTurns SET metadata_json = json_set(metadata_json, '$.commit', '0123456789012345678901234567890123456789') WHERE metadata_json LIKE '%queue.py%'")
        .unwrap();
    assert_eq!(view(&workspace, &["queue.py"])[0]["source"], Value::Null);
    let text = workspace.run(&["view", "queue.py"]).expect(0).stdout;
    assert!(text.contains("has moved on: neither"), "{text}");
    assert!(!text.contains("changed = True"), "{text}");
    workspace
        .dataset()
        .execute_batch("UPDATE ConversationTurns SET metadata_json = json_set(metadata_json, '$.content_hash', 'other') WHERE role = 'user'")
        .unwrap();
    let seen = view(&workspace, &["duration.rs"]);
    assert_eq!(
        seen[0]["source"],
        Value::Null,
        "what git holds under that name is not it"
    );
}

#[test]
fn samples_are_found_by_path_score_and_number() {
    let model = ModelServer::start();
    let (workspace, _repo) = scraped(&model);
    workspace.run(&["prepare"]).expect(0);
    let of = |condition: &str| -> Vec<i64> {
        let query = format!(
            "SELECT sample_id FROM TrainingSamples WHERE {condition} ORDER BY sample_id DESC"
        );
        let rows = workspace.rows(&query).into_iter();
        rows.map(|id| id.parse().unwrap()).collect()
    };
    let all = of("1");
    assert!(all.len() > 1);
    let rust = of("dataset_source LIKE '%/src/duration.rs'");
    let stored =
        workspace.rows("SELECT file_path FROM FileHashes WHERE file_path LIKE '%duration.rs'");
    let repository = stored[0].strip_suffix("/src/duration.rs").unwrap();
    let in_repos = format!("repos/{}", stored[0]);
    let folder = format!("./repos/{repository}/src/");
    for (path, expected) in [
        ("duration.rs", &rust),
        ("src", &rust),
        ("demo/src/", &rust),
        ("demo", &all),
        ("sr", &vec![]),
        ("src/duration.rs", &rust),
        (stored[0].as_str(), &rust),
        (in_repos.as_str(), &rust),
        (folder.as_str(), &rust),
        (repository, &all),
        ("uration.rs", &vec![]),
        ("%", &vec![]),
    ] {
        assert_eq!(
            ids(&view(&workspace, &["--limit", "99", path])),
            *expected,
            "{path}"
        );
    }
    assert_eq!(ids(&view(&workspace, &["--limit", "1"])), all[..1]);
    workspace
        .dataset()
        .execute(
            "UPDATE TrainingSamples SET sample_quality_score = 0.25 WHERE sample_id = ?1",
            [all[0]],
        )
        .unwrap();
    assert_eq!(ids(&view(&workspace, &["--max-score", "0.3"])), all[..1]);
    assert!(!ids(&view(&workspace, &["--min-score", "0.3"])).contains(&all[0]));
    let ran = workspace.run(&["view", "--sample", "999"]).expect(0);
    assert!(ran.stderr.contains("no samples fit"), "{}", ran.stderr);
}

#[test]
fn failures_tell_their_reasons_beside_the_source() {
    let model = ModelServer::scripted(|seen| match seen.wants_json() {
        true => answer(seen),
        false => Reply::text("As an AI language model, I cannot help with that."),
    });
    let (workspace, _repo) = scraped(&model);
    workspace.run(&["prepare"]).expect(3);
    let seen = view(&workspace, &["--failed", "queue.py"]);
    assert_eq!(seen.as_array().unwrap().len(), 1);
    let reason = workspace.rows("SELECT reason FROM FailedFiles WHERE file_path LIKE '%queue.py'");
    let code = reason[0].split(':').next().unwrap();
    assert_eq!(seen[0]["code"], code);
    let item = &seen[0]["items"][0];
    assert!(
        item["question"]
            .as_str()
            .is_some_and(|question| question.ends_with('?')),
        "{item}"
    );
    assert_eq!(item["source"]["first_line"], 1);
    let text = workspace
        .run(&["view", "--failed", "queue.py"])
        .expect(0)
        .stdout;
    for part in [
        "queue.py failed at",
        code,
        item["question"].as_str().unwrap(),
        "tried 1 time\n",
    ] {
        assert!(text.contains(part), "{part}:\n{text}");
    }
    workspace
        .dataset()
        .execute_batch("UPDATE FailedFiles SET reason = 'because'")
        .unwrap();
    let text = workspace
        .run(&["view", "--failed", "queue.py"])
        .expect(0)
        .stdout;
    assert!(text.contains("  because\n"), "{text}");
    workspace
        .run(&["view", "--failed", "--sample", "1"])
        .expect(2);
}

#[test]
fn hostile_content_does_not_reach_the_terminal() {
    let model = ModelServer::start();
    let (workspace, repo) = scraped(&model);
    repo.write(
        "queue.py",
        QUEUE.replace("queue is full", "\u{202e}full\u{1b}[2J"),
    )
    .commit();
    workspace.run(&["scrape"]).expect(0);
    workspace.run(&["prepare"]).expect(0);
    let hostile = "UPDATE ConversationTurns SET content = content || char(27) || ']0;x' || char(7) || char(8238),
        metadata_json = json_set(metadata_json, '$.symbol', 'a' || char(10) || 'sample 9, score 1')";
    workspace.dataset().execute_batch(hostile).unwrap();
    let text = workspace.run(&["view", "queue.py"]).expect(0).stdout;
    assert!(!text.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{text:?}");
    assert!(!text.contains("\nsample 9"), "{text}");
    assert!(text.contains("\\u{202e}full\\u{1b}[2J"), "{text}");
}

#[test]
fn nothing_to_show_and_readers_that_leave_early_are_no_errors() {
    let workspace = Workspace::new();
    let ran = workspace.run(&["view"]).expect(0);
    assert!(ran.stderr.contains("no samples fit"), "{}", ran.stderr);
    assert_eq!(view(&workspace, &[]), json!([]));
    assert_eq!(std::fs::read_dir(workspace.path()).unwrap().count(), 0);
    let model = ModelServer::start();
    let (workspace, _repo) = scraped(&model);
    workspace.run(&["prepare"]).expect(0);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = workspace.command(&["view"]);
    let child = command
        .stdout(writer)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
