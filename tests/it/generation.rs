//! `prepare`: what is asked, what is stored, and what is left alone.

use crate::model_server::{ModelServer, Reply, answer};
use crate::workspace::{Repo, Workspace};
use serde_json::Value;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;

pub const PARSER: &str = "//! Reads durations.\n\n/// Milliseconds in one second.\npub const SECOND_MILLIS: u64 = 1000;\n\n\
/// Parses a duration such as `5s` into milliseconds.\npub fn parse_duration(text: &str) -> Option<u64> {\n    \
let digits = text.strip_suffix('s')?;\n    digits.parse::<u64>().ok().map(|count| count * SECOND_MILLIS)\n}\n";

pub const QUEUE: &str = "\"\"\"A bounded queue.\"\"\"\n\n\nclass BoundedQueue:\n    def __init__(self, capacity):\n        \
self.capacity = capacity\n        self.waiting_items = []\n\n    def push_item(self, item):\n        \
if len(self.waiting_items) >= self.capacity:\n            raise OverflowError(\"queue is full\")\n        \
self.waiting_items.append(item)\n";

/// A workspace over one repository with two files, scraped.
pub fn scraped(model: &ModelServer) -> (Workspace, Repo) {
    let workspace = Workspace::with_model(&model.base_url());
    let repo = Repo::new(&workspace.origin().join("demo"));
    repo.write("src/duration.rs", PARSER)
        .write("queue.py", QUEUE)
        .commit();
    workspace.list_repos(&[&repo.url()]);
    workspace.run(&["scrape"]).expect(0);
    (workspace, repo)
}

#[test]
fn every_column_is_filled_with_meaning() {
    let model = ModelServer::start();
    let (workspace, repo) = scraped(&model);
    let commit = repo.git(&["rev-parse", "HEAD"]).trim().to_owned();
    let summary = workspace.run(&["prepare", "--json"]).expect(0).json();
    assert_eq!(
        (&summary["done"], &summary["files"]),
        (&Value::from(2), &Value::from(2)),
        "{summary}"
    );
    workspace.assert_sound();
    let schema =
        workspace.rows("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name");
    assert_eq!(
        schema,
        [
            "ConversationTurns",
            "FailedFiles",
            "FileHashes",
            "TrainingSamples"
        ]
    );
    let types =
        workspace.rows("SELECT name || ' ' || type FROM pragma_table_info('TrainingSamples')");
    assert_eq!(
        types[1..],
        [
            "dataset_source VARCHAR",
            "creation_date TIMESTAMP",
            "model_type_intended VARCHAR",
            "sample_quality_score REAL",
            "is_multiturn BOOLEAN"
        ]
    );
    let odd = "TrainingSamples WHERE creation_date NOT GLOB '????-??-?? ??:??:??' OR model_type_intended != 'Instruct'
               OR is_multiturn != 0 OR dataset_source NOT IN (SELECT file_path FROM FileHashes)";
    assert_eq!(workspace.count(odd), 0);
    assert_eq!(
        workspace
            .count("ConversationTurns WHERE turn_index = 0 AND role = 'user' AND is_label = 0"),
        workspace.count("TrainingSamples")
    );
    assert_eq!(
        workspace.count(
            "ConversationTurns WHERE turn_index = 1 AND role = 'assistant' AND is_label = 1"
        ),
        workspace.count("TrainingSamples")
    );
    let user = workspace.rows("SELECT metadata_json FROM ConversationTurns WHERE role = 'user' AND metadata_json LIKE '%duration.rs%' LIMIT 1");
    let user: Value = serde_json::from_str(&user[0]).unwrap();
    assert_eq!(user["repository"], repo.path().to_str().unwrap());
    assert_eq!(user["commit"], commit);
    assert_eq!(user["path"], "src/duration.rs");
    assert_eq!(user["language"], "Rust");
    assert_eq!(user["bytes"], serde_json::json!([0, PARSER.len()]));
    assert_eq!(
        user["lines"],
        serde_json::json!([1, PARSER.lines().count()])
    );
    let assistant = workspace
        .rows("SELECT metadata_json FROM ConversationTurns WHERE role = 'assistant' LIMIT 1");
    let assistant: Value = serde_json::from_str(&assistant[0]).unwrap();
    for key in [
        "model",
        "prompt_version",
        "program_version",
        "sampling",
        "finish_reason",
        "usage",
        "attempts",
        "latency_ms",
        "score",
        "run_id",
    ] {
        assert!(!assistant[key].is_null(), "{key}: {assistant}");
    }
}

#[test]
fn a_second_run_asks_nothing_and_changes_no_row() {
    let model = ModelServer::start();
    let (workspace, _repo) = scraped(&model);
    workspace.run(&["prepare"]).expect(0);
    let dump =
        "SELECT file_path, content_hash, last_processed, sample_id FROM FileHashes ORDER BY 1";
    let (before, asked) = (workspace.rows(dump), model.requests().len());
    workspace.run(&["scrape"]).expect(0);
    let summary = workspace.run(&["prepare", "--json"]).expect(0).json();
    assert_eq!(summary["unchanged"], 2);
    assert_eq!(model.requests().len(), asked);
    assert_eq!(workspace.rows(dump), before);
}

#[test]
fn one_changed_line_re_does_one_file_and_a_deleted_file_is_retired() {
    let model = ModelServer::start();
    let (workspace, repo) = scraped(&model);
    workspace.run(&["prepare"]).expect(0);
    repo.write("queue.py", QUEUE.replace("queue is full", "no room"))
        .commit();
    workspace.run(&["scrape"]).expect(0);
    let old = workspace
        .rows("SELECT sample_id FROM TrainingSamples WHERE dataset_source LIKE '%queue.py'");
    let summary = workspace.run(&["prepare", "--json"]).expect(0).json();
    assert_eq!(
        (&summary["done"], &summary["unchanged"]),
        (&Value::from(1), &Value::from(1))
    );
    workspace.assert_sound();
    let now =
        workspace.rows("SELECT t.metadata_json FROM ConversationTurns t WHERE t.role = 'user'");
    let hashes = workspace.rows("SELECT content_hash FROM FileHashes");
    assert!(
        now.iter()
            .all(|metadata| hashes.iter().any(|hash| metadata.contains(hash))),
        "a sample of old content: {old:?}"
    );
    repo.remove("queue.py").commit();
    workspace.run(&["scrape"]).expect(0);
    let summary = workspace.run(&["prepare", "--json"]).expect(0).json();
    assert_eq!(summary["retired"], 1);
    assert_eq!(
        workspace.count("TrainingSamples WHERE dataset_source LIKE '%queue.py'"),
        0
    );
    assert_eq!(workspace.count("FileHashes"), 1);
    workspace.assert_sound();
}

#[test]
fn a_missing_or_unreadable_repository_retires_nothing() {
    let model = ModelServer::start();
    let (workspace, _repo) = scraped(&model);
    workspace.run(&["prepare"]).expect(0);
    let samples = workspace.count("TrainingSamples");
    let repos = workspace.path().join("repos");
    std::fs::rename(&repos, workspace.path().join("elsewhere")).unwrap();
    workspace.run(&["prepare"]).expect(3);
    assert_eq!(workspace.count("TrainingSamples"), samples);
    workspace.assert_sound();
}

#[test]
fn moving_the_workspace_pays_for_nothing_again() {
    let model = ModelServer::start();
    let (workspace, _repo) = scraped(&model);
    workspace.run(&["prepare"]).expect(0);
    let asked = model.chat_count();
    let moved = workspace.path().parent().unwrap().join("moved");
    std::fs::rename(workspace.path(), &moved).unwrap();
    std::fs::create_dir(workspace.path()).unwrap();
    workspace
        .run(&["prepare", "-C", moved.to_str().unwrap()])
        .expect(0);
    assert_eq!(model.chat_count(), asked);
}

#[test]
fn odd_names_are_kept_apart() {
    let model = ModelServer::start();
    let workspace = Workspace::with_model(&model.base_url());
    let repo = Repo::new(&workspace.origin().join("odd"));
    let names: [&[u8]; 8] = [
        b"a.py",
        b"a.pyi",
        b"a%2E.py",
        b"a_.py",
        b"aX.py",
        b"line\nbreak.py",
        b"caf\xe9.py",
        "caf\u{e9}.py".as_bytes(),
    ];
    for (index, name) in names.iter().enumerate() {
        let path = repo.path().join(std::ffi::OsStr::from_bytes(name));
        std::fs::write(
            path,
            QUEUE.replace("BoundedQueue", &format!("BoundedQueue{index}")),
        )
        .unwrap();
    }
    repo.commit();
    workspace.list_repos(&[&repo.url()]);
    workspace.run(&["scrape"]).expect(0);
    workspace.run(&["prepare"]).expect(0);
    assert_eq!(workspace.count("FileHashes"), names.len() as u64);
    assert_eq!(workspace.count("FileHashes WHERE sample_id IS NULL"), 0);
    let asked = model.chat_count();
    workspace.run(&["prepare"]).expect(0);
    assert_eq!(model.chat_count(), asked);
    std::fs::remove_file(repo.path().join("a.py")).unwrap();
    repo.commit();
    workspace.run(&["scrape"]).expect(0);
    workspace.run(&["prepare"]).expect(0);
    assert_eq!(workspace.count("FileHashes"), names.len() as u64 - 1);
    workspace.assert_sound();
}

#[test]
fn what_must_not_leave_the_machine_does_not() {
    let model = ModelServer::start();
    let workspace = Workspace::with_model(&model.base_url());
    let outside = workspace.origin().join("outside.py");
    std::fs::write(&outside, QUEUE.replace("BoundedQueue", "OutsideTheTree")).unwrap();
    let repo = Repo::new(&workspace.origin().join("hostile"));
    symlink(&outside, repo.path().join("link.py")).unwrap();
    let key = format!("AKIA{}", "IOSFODNN7EXAMPLQ");
    repo.write(
        "config.py",
        format!("{QUEUE}\n\nAWS_ACCESS_KEY_ID = \"{key}\"\n"),
    );
    repo.write(
        "big.py",
        QUEUE.repeat(40).replace("BoundedQueue", "TooLargeQueue"),
    );
    repo.write("Cargo.lock", QUEUE.replace("BoundedQueue", "LockedQueue"));
    repo.write("id_rsa", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmU\n-----END OPENSSH PRIVATE KEY-----\n");
    repo.write(
        "bundle.min.js",
        format!("var minified_bundle=1;{}", "x(1);".repeat(900)),
    );
    repo.commit();
    workspace.list_repos(&[&repo.url()]);
    workspace.run(&["scrape"]).expect(0);
    let summary = workspace
        .run(&["prepare", "--json", "--max-file-size", "4096"])
        .expect(0)
        .json();
    assert_eq!(summary["done"], 1, "{summary}");
    for reason in ["link", "too_large", "lock_file", "key_file", "minified"] {
        assert_eq!(summary["skipped"][reason], 1, "{reason}: {summary}");
    }
    let sent: String = model
        .requests()
        .iter()
        .map(|request| String::from_utf8_lossy(&request.raw).into_owned())
        .collect();
    for secret in [
        &key,
        "OutsideTheTree",
        "TooLargeQueue",
        "LockedQueue",
        "b3BlbnNzaC1rZXktdjEAAAAABG5vbmU",
        "minified_bundle",
    ] {
        assert!(!sent.contains(secret), "{secret}");
    }
    assert!(sent.contains("REDACTED"));
}

#[test]
fn all_requests_of_a_chunk_begin_with_the_same_bytes() {
    let model = ModelServer::start();
    let (workspace, _repo) = scraped(&model);
    workspace.run(&["prepare", "--questions", "3"]).expect(0);
    for name in ["duration.rs", "queue.py"] {
        let prompts: Vec<String> = model
            .chats()
            .iter()
            .map(|seen| seen.texts("user")[0].to_owned())
            .filter(|text| {
                text.lines()
                    .any(|line| line.starts_with("File:") && line.contains(name))
            })
            .collect();
        assert_eq!(prompts.len(), 4, "one questions call and three answers");
        let end = prompts[0].find("\nEND SOURCE").unwrap() + 20;
        assert!(
            prompts
                .iter()
                .all(|prompt| prompt[..end] == prompts[0][..end])
        );
    }
}

#[test]
fn a_dry_run_sends_and_stores_nothing() {
    let model = ModelServer::start();
    let (workspace, _repo) = scraped(&model);
    let plan = workspace
        .run(&["prepare", "--dry-run", "--json"])
        .expect(0)
        .json();
    assert_eq!(
        (&plan["new_or_changed"], &plan["files"]),
        (&Value::from(2), &Value::from(2)),
        "{plan}"
    );
    assert!(plan["calls"].as_u64().unwrap() >= 4 && plan["prompt_tokens"].as_u64().unwrap() > 0);
    assert_eq!(model.requests().len(), 0);
    assert_eq!(workspace.count("FileHashes"), 0);
}

#[test]
fn a_dry_run_tells_why_each_file_is_left_out() {
    let model = ModelServer::start();
    let (workspace, repo) = scraped(&model);
    let long = format!("const TABLE: &str = \"{}\";\n", "word ".repeat(300));
    repo.write("src/table.rs", long)
        .write("Cargo.lock", "version = 3\n")
        .commit();
    workspace.run(&["scrape"]).expect(0);
    // The second time from what the first one remembered.
    for _ in 0..2 {
        let told = workspace.run(&["prepare", "--dry-run", "--json", "-v"]);
        let left_out = &told.json()["left_out"];
        let (lock, table) = (&left_out[0], &left_out[1]);
        assert_eq!(left_out.as_array().unwrap().len(), 2, "{left_out}");
        assert!(lock["path"].as_str().unwrap().ends_with("/Cargo.lock"));
        assert_eq!(lock["reason"], "lock_file");
        assert_eq!(
            (&table["reason"], &table["measured"], &table["limit"]),
            (&"line_too_long".into(), &1523.into(), &1000.into())
        );
        let line = "src/table.rs: skipped, line_too_long: its longest line is that of data or minified code (1523 characters, limit 1000)";
        assert!(told.stderr.contains(line), "{}", told.stderr);
    }
}

#[test]
fn refresh_does_unchanged_files_again_without_paying_for_unchanged_prompts() {
    let model = ModelServer::start();
    let (workspace, _repo) = scraped(&model);
    workspace.run(&["prepare"]).expect(0);
    let (asked, samples) = (model.chat_count(), workspace.count("TrainingSamples"));
    let summary = workspace
        .run(&["prepare", "--refresh", "--json"])
        .expect(0)
        .json();
    assert_eq!(summary["done"], 2);
    assert_eq!(model.chat_count(), asked, "{summary}");
    assert_eq!(workspace.count("TrainingSamples"), samples);
    workspace.assert_sound();
}

#[test]
fn deleting_the_cache_costs_money_but_no_data() {
    let model = ModelServer::start();
    let (workspace, _repo) = scraped(&model);
    workspace.run(&["prepare"]).expect(0);
    let (asked, samples) = (model.chat_count(), workspace.count("TrainingSamples"));
    std::fs::remove_file(workspace.path().join("data/cache.db")).unwrap();
    workspace.run(&["prepare"]).expect(0);
    assert_eq!(
        (model.chat_count(), workspace.count("TrainingSamples")),
        (asked, samples)
    );
}

#[test]
fn generation_options_reach_the_server() {
    let model = ModelServer::start();
    let (workspace, _repo) = scraped(&model);
    workspace
        .run(&[
            "prepare",
            "--max-tokens",
            "77",
            "--temperature",
            "0.7",
            "--answer-temperature",
            "0.1",
        ])
        .expect(0);
    let (questions, answers): (Vec<_>, Vec<_>) = model
        .chats()
        .into_iter()
        .partition(|seen| seen.wants_json());
    assert!(!questions.is_empty() && !answers.is_empty());
    assert!(questions.iter().all(|seen| seen.body["temperature"] == 0.7));
    assert!(
        answers
            .iter()
            .all(|seen| seen.body["temperature"] == 0.1 && seen.body["max_tokens"] == 77)
    );
    let stored = workspace.rows(
        "SELECT DISTINCT json_extract(metadata_json, '$.sampling.temperature') FROM ConversationTurns WHERE is_label",
    );
    assert_eq!(stored, ["0.1"]);
}

#[test]
fn an_answer_that_names_what_is_not_there_is_not_stored() {
    let model = ModelServer::scripted(|seen| {
        if seen.wants_json() {
            return answer(seen);
        }
        Reply::text(
            "`resolve_holiday_calendar` asks `CalendarRegistry::global_instance` for 4242 entries and hands them to `emit_invoice_batch`, \
             which stores them in `postgres_sync_table`.",
        )
    });
    let (workspace, _repo) = scraped(&model);
    workspace.run(&["prepare"]).expect(3);
    assert_eq!(workspace.count("TrainingSamples"), 0);
    assert_eq!(
        workspace.count("FailedFiles WHERE reason GLOB 'ungrounded:*'"),
        2,
        "{:?}",
        workspace.rows("SELECT reason FROM FailedFiles")
    );
    workspace.assert_sound();
}
