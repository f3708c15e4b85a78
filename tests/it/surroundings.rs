//! What stands around a command line: variables of the environment, and how often and in which words something is said.

use crate::generation::scraped;
use crate::model_server::{ModelServer, Reply, answer};
use crate::workspace::Workspace;

#[test]
fn a_variable_that_is_set_to_nothing_is_not_set() {
    let model = ModelServer::start();
    let (mut workspace, _repo) = scraped(&model);
    for name in [
        "WORKSPACE",
        "VERBOSE",
        "QUIET",
        "MODEL",
        "BASE_URL",
        "API_KEY_FILE",
        "INCLUDE",
        "LANGUAGE",
        "DENY_LIST",
        "CONTAMINATION",
        "MAX_COST",
        "MAX_TIME",
        "PRICES",
        "QUESTIONS",
        "TEMPERATURE",
        "LICENSE_POLICY",
        "FORMAT",
        "OUTPUT",
        "SAMPLE",
    ] {
        workspace.set_env(&format!("PIPELINE_{name}"), "");
    }
    for command in ["prepare", "export", "status", "view", "check"] {
        workspace.run(&[command]).expect(0);
    }
    assert!(workspace.count("TrainingSamples") > 0);
    assert!(workspace.path().join("data/export/train.jsonl").exists());
}

#[test]
fn a_flag_overrules_a_variable_that_says_the_contrary() {
    let model = ModelServer::start();
    let (mut workspace, _repo) = scraped(&model);
    workspace.run(&["prepare", "-q"]).expect(0);
    workspace.set_env("PIPELINE_QUIET", "1");
    assert_eq!(workspace.run(&["scrape"]).expect(0).stderr, "");
    for arguments in [["-v", "scrape"], ["scrape", "-v"]] {
        let ran = workspace.run(&arguments).expect(0);
        assert!(ran.stderr.contains("unchanged at"), "{}", ran.stderr);
    }
    workspace.set_env("PIPELINE_QUIET", "");
    workspace.set_env("PIPELINE_VERBOSE", "1");
    let ran = workspace.run(&["scrape"]).expect(0);
    assert!(ran.stderr.contains("unchanged at"), "{}", ran.stderr);
    for arguments in [["-q", "scrape"], ["scrape", "-q"]] {
        assert_eq!(workspace.run(&arguments).expect(0).stderr, "");
    }
    workspace.run(&["scrape", "-q", "-v"]).expect(2);
    workspace.set_env("PIPELINE_FAILED", "1");
    let ran = workspace.run(&["view", "--sample", "1"]).expect(0);
    assert!(ran.stdout.contains("sample 1"), "{}", ran.stdout);
}

#[test]
fn help_names_every_variable_whatever_is_set() {
    let mut workspace = Workspace::new();
    workspace.set_env("PIPELINE_VERBOSE", "1");
    workspace.set_env("PIPELINE_SAMPLE", "");
    let ran = workspace.run(&["view", "--help"]).expect(0);
    for name in ["QUIET", "VERBOSE", "SAMPLE", "FAILED", "LIMIT", "WORKSPACE"] {
        let variable = format!("PIPELINE_{name}=");
        assert!(
            ran.stdout.contains(&variable),
            "no {variable}: {}",
            ran.stdout
        );
    }
}

#[test]
fn each_fault_is_told_once() {
    let model = ModelServer::start();
    let (workspace, repo) = scraped(&model);
    workspace.list_repos(&[&repo.url(), "three words here"]);
    let ran = workspace.run(&["run", "-q"]).expect(3);
    assert_eq!(
        ran.stderr.matches("three words here").count(),
        1,
        "{}",
        ran.stderr
    );
    workspace.list_repos(&[]);
    let ran = workspace.run(&["run"]).expect(0);
    assert_eq!(
        ran.stderr.matches("left alone").count(),
        1,
        "{}",
        ran.stderr
    );

    let empty = Workspace::new();
    let ran = empty.run(&["scrape"]).expect(2);
    assert_eq!(
        ran.stderr.matches("No such file").count(),
        1,
        "{}",
        ran.stderr
    );
}

/// As Windows editors write them.
#[test]
fn a_byte_order_mark_is_no_part_of_a_text() {
    let model = ModelServer::start();
    let (workspace, repo) = scraped(&model);
    let put = |name: &str, text: &str| {
        std::fs::write(workspace.path().join(name), format!("\u{feff}{text}\r\n")).unwrap();
    };
    put("repos.txt", &repo.url());
    put("key", "sk-0123456789");
    put(
        "prices.json",
        "{\"models\": [{\"model\": \"test-model\", \"prompt\": 1, \"completion\": 1}]}",
    );
    put("deny.txt", "example.org/somebody");
    put(
        "benchmark.jsonl",
        "{\"text\": \"none of these words is in the files\"}",
    );
    let options = "--api-key-file key --prices prices.json --deny-list deny.txt --contamination benchmark.jsonl --max-cost 1";
    let arguments: Vec<&str> = ["run"].into_iter().chain(options.split(' ')).collect();
    workspace.run(&arguments).expect(0);
    let sent = model.chats();
    assert_eq!(
        sent[0].header("authorization"),
        Some("Bearer sk-0123456789")
    );
}

/// Who is called by cron sees only what is printed.
#[test]
fn a_quiet_run_that_ends_with_failures_says_so() {
    let model = ModelServer::scripted(|seen| {
        match seen.texts("user").concat().contains("File: queue.py") {
            true => Reply::completion(serde_json::json!({"refusal": "no"}), "content_filter"),
            false => answer(seen),
        }
    });
    let (workspace, repo) = scraped(&model);
    let ran = workspace.run(&["run", "-q"]).expect(3);
    let says = "error: 2 files: 1 done, 1 failed; `pipeline view --failed`";
    assert!(ran.stderr.contains(says), "{}", ran.stderr);
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    let ran = workspace.run(&["run", "-q"]).expect(3);
    let says = "error: 1 file: 1 failed; `pipeline view --failed`";
    assert!(ran.stderr.contains(says), "{}", ran.stderr);
    // What failed three times is left alone.
    let ran = workspace.run(&["run", "-q"]).expect(0);
    assert_eq!(ran.stderr, "");

    workspace.list_repos(&[&repo.url(), "file:///not/there"]);
    let ran = workspace.run(&["prepare", "-q"]).expect(3);
    let says = "2 files: 2 unchanged; 1 repository missing or unreadable";
    assert!(ran.stderr.contains(says), "{}", ran.stderr);
}

#[test]
fn what_no_retry_can_mend_is_a_failure_of_the_run_that_saw_it() {
    let model = ModelServer::start();
    let (workspace, _repo) = scraped(&model);
    let known = "carries the main work here. In queue.py it is defined next to";
    std::fs::write(workspace.path().join("benchmark.txt"), known).unwrap();
    let run = ["run", "-q", "--contamination", "benchmark.txt"];
    let ran = workspace.run(&run).expect(3);
    assert!(
        ran.stderr.contains("2 files: 1 done, 1 failed"),
        "{}",
        ran.stderr
    );
    let asked = model.chat_count();
    assert_eq!(workspace.run(&run).expect(0).stderr, "");
    assert_eq!(model.chat_count(), asked);
}
