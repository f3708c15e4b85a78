//! `check`: what it finds, the codes it ends with, and that what it learns is not paid for again.

use crate::generation::{PARSER, scraped};
use crate::model_server::{MODEL, ModelServer, Reply, Seen, answer};
use crate::workspace::{Repo, Workspace};
use serde_json::{Value, json};

/// The line of one name; panics when there is none.
#[track_caller]
fn line<'a>(report: &'a Value, name: &str) -> &'a Value {
    let lines = report["checks"].as_array().unwrap();
    let found = lines.iter().find(|line| line["name"] == name);
    found.unwrap_or_else(|| panic!("no line {name}: {report:#}"))
}

#[track_caller]
fn assert_line(report: &Value, name: &str, state: &str, word: &str) {
    let line = line(report, name);
    assert_eq!(line["state"], state, "{line}");
    let text = format!("{} {}", line["found"], line["cure"]);
    assert!(text.contains(word), "{word}: {line}");
}

fn check(workspace: &Workspace, code: i32) -> Value {
    workspace.run(&["check", "--json"]).expect(code).json()
}

/// A server that refuses everything that can be refused, in the words that servers use.
fn picky(seen: &Seen) -> Reply {
    let refuse = |param: &str, message: &str| {
        let error = json!({"message": message, "param": param, "type": "invalid_request_error"});
        Reply::json(400, json!({ "error": error }))
    };
    let format = seen.body["response_format"]["type"].as_str();
    if !seen.texts("system").is_empty() {
        return refuse(
            "messages[0].role",
            "'messages[0].role' does not support 'system' with this model.",
        );
    }
    if let Some(format @ ("json_schema" | "json_object")) = format {
        return refuse(
            "response_format",
            &format!("'response_format' of type '{format}' is not supported"),
        );
    }
    for field in ["max_tokens", "temperature", "seed"] {
        if !seen.body[field].is_null() {
            return refuse(
                field,
                &format!("Unsupported parameter: '{field}' is not supported with this model."),
            );
        }
    }
    answer(seen)
}

fn is_refused(seen: &Seen) -> bool {
    seen.method == "POST" && picky(seen).status != 200
}

#[test]
fn a_workspace_in_good_order_has_no_fail_and_the_lines_say_what_is_there() {
    let model = ModelServer::start();
    let (workspace, _repo) = scraped(&model);
    workspace.run(&["prepare"]).expect(0);
    let report = check(&workspace, 0);
    assert_eq!(report["fail"], 0, "{report:#}");
    assert_line(&report, "repositories", "ok", "1 readable");
    assert_line(&report, "dataset", "ok", "sound");
    assert_line(&report, "lock", "ok", "free");
    assert_line(&report, "model", "ok", MODEL);
    assert_line(&report, "structured_output", "ok", "json_schema");
    assert_line(&report, "long_prompt", "ok", "read whole");
    assert_line(&report, "price", "warn", "--prices");
    let lines = report["checks"].as_array().unwrap();
    assert_eq!(
        lines.len() as u64,
        ["ok", "warn", "fail"]
            .map(|state| report[state].as_u64().unwrap())
            .iter()
            .sum::<u64>()
    );
    for line in lines.iter().filter(|line| line["state"] != "ok") {
        assert!(line["cure"].is_string(), "a line without a cure: {line}");
    }
    let told = workspace.run(&["check"]).expect(0).stdout;
    assert!(
        told.contains("ok    dataset: ") && told.contains("\n      -> "),
        "{told}"
    );
    let quiet = workspace.run(&["check", "-q"]).expect(0).stdout;
    assert!(
        !quiet.contains("ok    ") && quiet.contains("warn  price"),
        "{quiet}"
    );
}

#[test]
fn what_check_learns_is_not_paid_for_by_the_first_run() {
    let model = ModelServer::scripted(picky);
    let (workspace, _repo) = scraped(&model);
    let report = check(&workspace, 0);
    assert_line(&report, "structured_output", "warn", "between tags");
    assert_line(&report, "length_field", "ok", "max_completion_tokens");
    assert_line(&report, "temperature", "warn", "no effect");
    assert_line(&report, "seed", "ok", "left out");
    assert_line(&report, "system_role", "ok", "user's turn");
    let refused = model.chats().iter().filter(|seen| is_refused(seen)).count();
    assert_eq!(refused, 6, "each rung once");
    let before = model.chat_count();
    workspace.run(&["prepare"]).expect(0);
    let sent = &model.chats()[before..];
    assert!(!sent.is_empty() && !sent.iter().any(is_refused));
    let system = "Is the sky";
    assert!(sent.iter().all(|seen| seen.texts("system").is_empty()));
    assert!(
        sent.iter()
            .all(|seen| !seen.texts("user")[0].starts_with(system))
    );
}

#[test]
fn what_a_run_learns_is_not_paid_for_by_the_next() {
    let model = ModelServer::scripted(picky);
    let (workspace, repo) = scraped(&model);
    workspace.run(&["prepare", "--concurrency", "1"]).expect(0);
    let refused = model.chats().iter().filter(|seen| is_refused(seen)).count();
    assert_eq!(refused, 5, "each rung once; no request of a run has a seed");
    let before = model.chat_count();
    repo.write("more.rs", PARSER.replace("duration", "interval"))
        .commit();
    workspace.run(&["scrape"]).expect(0);
    workspace.run(&["prepare"]).expect(0);
    let sent = &model.chats()[before..];
    assert!(!sent.is_empty() && !sent.iter().any(is_refused));
}

#[test]
fn a_mode_that_is_taken_and_not_kept_to_is_not_used() {
    let model = ModelServer::scripted(|seen| match seen.body["response_format"]["type"].as_str() {
        Some("json_schema") => Reply::text("Yes, it certainly is."),
        _ => answer(seen),
    });
    let (workspace, _repo) = scraped(&model);
    let report = check(&workspace, 0);
    assert_line(&report, "structured_output", "ok", "json_object");
    let before = model.chat_count();
    workspace.run(&["prepare"]).expect(0);
    let sent = &model.chats()[before..];
    let formats = sent
        .iter()
        .map(|seen| &seen.body["response_format"]["type"]);
    assert!(formats.clone().any(|format| format == "json_object"));
    assert!(!formats.clone().any(|format| format == "json_schema"));
}

#[test]
fn a_server_that_cuts_prompts_in_silence_is_found_out_once() {
    const CUT_AT: u64 = 2048;
    let cutting = |seen: &Seen| {
        let mut reply = answer(seen);
        let mut body: Value = serde_json::from_slice(&reply.body).unwrap();
        let usage = &mut body["usage"]["prompt_tokens"];
        *usage = json!(usage.as_u64().unwrap_or(0).min(CUT_AT));
        reply.body = body.to_string().into_bytes();
        reply
    };
    let model = ModelServer::scripted(cutting);
    let workspace = Workspace::with_model(&model.base_url());
    let repo = Repo::new(&workspace.origin().join("long"));
    let long: String = (0..200)
        .map(|n| PARSER.replace("parse_duration", &format!("parse_duration_{n}")))
        .collect();
    repo.write("long.rs", long).commit();
    workspace.list_repos(&[&repo.url()]);
    workspace.run(&["scrape"]).expect(0);
    let report = check(&workspace, 0);
    assert_line(&report, "long_prompt", "warn", "2048");
    assert_line(&report, "long_prompt", "warn", "num_ctx");
    let before = model.chat_count();
    workspace.run(&["prepare", "--questions", "1"]);
    let longest = model.chats()[before..]
        .iter()
        .map(|seen| seen.texts("user")[0].len() as u64 / 4)
        .max();
    assert!(longest.unwrap() < CUT_AT, "{longest:?}");
}

#[test]
fn each_failure_has_its_code_and_its_line() {
    let refusing = |status, code: &'static str, message: &'static str| {
        ModelServer::scripted(move |_| Reply::error(status, code, message))
    };
    let rows = [
        (
            refusing(401, "invalid_api_key", "Incorrect API key"),
            77,
            "key",
        ),
        (refusing(402, "payment_required", "add credits"), 77, "key"),
        (
            refusing(404, "model_not_found", "The model does not exist"),
            2,
            "model",
        ),
        (refusing(404, "", "no such page"), 69, "server"),
        (refusing(500, "", "out of memory"), 69, "completion"),
    ];
    for (model, code, name) in rows {
        let (workspace, _repo) = scraped(&model);
        let report = check(&workspace, code);
        assert_eq!(line(&report, name)["state"], "fail", "{report:#}");
    }
    let model = ModelServer::start();
    let (mut workspace, _repo) = scraped(&model);
    workspace.set_env("OPENAI_MODEL", "another-model");
    assert_line(&check(&workspace, 2), "model", "fail", MODEL);
    drop(model);
    assert_line(
        &check(&workspace, 69),
        "server",
        "fail",
        "no model server answers",
    );
    // A developer's machine may have a server at a usual port; then it is taken and named.
    workspace.set_env("OPENAI_BASE_URL", " ");
    let ran = workspace.run(&["check", "--json"]);
    match ran.code {
        78 => assert_line(&ran.json(), "server", "fail", "OPENAI_BASE_URL"),
        _ => assert_line(&ran.json(), "discovery", "ok", "was found"),
    }
}

#[test]
fn what_is_wrong_on_this_machine_is_named() {
    let model = ModelServer::start();
    let (workspace, repo) = scraped(&model);
    workspace.run(&["prepare"]).expect(0);
    let gone = workspace.origin().join("gone");
    workspace.list_repos(&[&repo.url(), gone.to_str().unwrap()]);
    assert_line(
        &check(&workspace, 0),
        "repositories",
        "warn",
        "pipeline scrape",
    );
    workspace.list_repos(&[&repo.url(), "ext::sh -c x", "a b c d"]);
    assert_line(&check(&workspace, 2), "repos_txt", "fail", "line 2");
    std::fs::remove_file(workspace.path().join("repos.txt")).unwrap();
    assert_line(&check(&workspace, 2), "repos_txt", "fail", "repos.txt");
    workspace.list_repos(&[&repo.url()]);
    workspace
        .dataset()
        .pragma_update(None, "user_version", 99)
        .unwrap();
    assert_line(&check(&workspace, 1), "dataset", "fail", "newer");
    std::fs::write(
        workspace.path().join("data/pipeline.db"),
        "no database at all, but long enough to be looked at",
    )
    .unwrap();
    assert_line(&check(&workspace, 1), "dataset", "fail", "damaged");
    assert_eq!(workspace.run(&["check"]).code, 1);
}

/// On file systems of their own, where the system lets an ordinary user mount one. Nothing is taken of the memory that they may use.
#[test]
fn a_disk_that_is_nearly_full_is_named() {
    let model = ModelServer::start();
    let (workspace, _repo) = scraped(&model);
    for (size, code, state) in [("40m", 1, "fail"), ("500m", 0, "warn"), ("2g", 0, "ok")] {
        let mount = format!("mount -t tmpfs -o size={size} none data && touch mounted || exit 99");
        let ran = workspace.run_by_shell(
            &["check", "--json"],
            &format!("exec unshare -Urm sh -c '{mount}; exec \"$0\" \"$@\"' \"$0\" \"$@\""),
        );
        if !workspace.path().join("mounted").exists() {
            println!("no file system of its own to look at here: {}", ran.stderr);
            return;
        }
        let report = ran.expect(code).json();
        assert_line(&report, "disk", state, "MiB free");
        if state != "ok" {
            assert_line(&report, "disk", state, "/data");
            assert_line(&report, "disk", state, "free some space");
        }
    }
}

#[test]
fn programs_that_the_list_needs_are_looked_for() {
    let model = ModelServer::start();
    let (mut workspace, repo) = scraped(&model);
    let lists = |report: &Value, name: &str| {
        let lines = report["checks"].as_array().unwrap();
        lines.iter().any(|line| line["name"] == name)
    };
    workspace.set_env("PATH", "/nowhere");
    let report = check(&workspace, 0);
    assert!(!lists(&report, "ssh") && !lists(&report, "git_credentials"));
    let listed = [
        &repo.url(),
        "git@code.test:team/demo.git",
        "https://code.test/team/other",
    ];
    workspace.list_repos(&listed);
    let report = check(&workspace, 2);
    assert_line(&report, "ssh", "fail", "install OpenSSH");
    assert_line(&report, "git_credentials", "warn", "install git");
    workspace.add_program("ssh", "#!/bin/sh\n");
    workspace.add_program("git", "#!/bin/sh\n");
    let report = check(&workspace, 0);
    assert_line(&report, "ssh", "ok", "found");
    assert_line(&report, "git_credentials", "ok", "helpers");
}

/// The scripted server stands as the proxy, so that a host of another name is one on this machine.
#[test]
fn a_key_does_not_travel_in_clear_text_unless_the_user_says_so() {
    let model = ModelServer::start();
    let (mut workspace, _repo) = scraped(&model);
    let base = model.base_url();
    workspace.set_env("http_proxy", base.strip_suffix("/v1").unwrap());
    workspace.set_env("OPENAI_BASE_URL", "http://models.test/v1");
    let has_line = |report: &Value| {
        let lines = report["checks"].as_array().unwrap();
        lines.iter().any(|line| line["name"] == "encryption")
    };
    assert!(!has_line(&check(&workspace, 0)), "there is no key to lose");
    let before = model.take().len();
    assert!(before > 0);

    workspace.set_env("OPENAI_API_KEY", "a-key-of-mine");
    let report = check(&workspace, 2);
    assert_line(&report, "server", "fail", "--allow-plain-http");
    workspace.run(&["prepare"]).expect(2);
    assert_eq!(model.take().len(), 0, "nothing was sent");

    workspace.set_env("PIPELINE_ALLOW_PLAIN_HTTP", "1");
    let report = check(&workspace, 0);
    assert_line(&report, "encryption", "warn", "https");
    workspace.set_env("OPENAI_BASE_URL", &base);
    assert!(
        !has_line(&check(&workspace, 0)),
        "this machine listens to itself"
    );
}

#[test]
fn the_holder_of_the_lock_is_named_and_not_disturbed() {
    let model = ModelServer::start();
    let (workspace, _repo) = scraped(&model);
    let path = workspace.path().join("data/.lock");
    let holder = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(&path)
        .unwrap();
    holder.lock().unwrap();
    assert_line(&check(&workspace, 0), "lock", "warn", "pipeline scrape");
    workspace.run(&["scrape"]).expect(75);
    drop(holder);
    check(&workspace, 0);
    workspace.run(&["scrape"]).expect(0);
}

#[test]
fn what_a_server_tells_beside_its_answers_is_told_on() {
    let model = ModelServer::scripted(|seen| {
        let mut reply = answer(seen)
            .header("x-ratelimit-remaining-requests", "41")
            .header("date", "Sat, 01 Jan 2000 00:00:00 GMT");
        let mut body: Value = serde_json::from_slice(&reply.body).unwrap();
        body.as_object_mut().unwrap().remove("usage");
        reply.body = body.to_string().into_bytes();
        reply
    });
    let (workspace, _repo) = scraped(&model);
    let report = check(&workspace, 0);
    assert_line(
        &report,
        "rate_limits",
        "ok",
        "x-ratelimit-remaining-requests",
    );
    assert_line(&report, "clock", "warn", "NTP");
    assert_line(&report, "usage", "warn", "does not count tokens");
    assert_line(&report, "long_prompt", "warn", "not known");
}

#[test]
fn the_window_is_told_by_the_list_or_by_a_refusal() {
    let listing = ModelServer::scripted_whole(|seen| match seen.method.as_str() {
        "GET" => Reply::json(200, json!({"data": [{"id": MODEL, "max_model_len": 3000}]})),
        _ => answer(seen),
    });
    let (workspace, _repo) = scraped(&listing);
    let report = check(&workspace, 0);
    assert_line(&report, "context_window", "warn", "3000 tokens");
    assert_line(&report, "long_prompt", "ok", "not tried");
    assert_eq!(listing.chat_count(), 1);
    let refusing = ModelServer::scripted(|seen| {
        if seen.raw.len() < 8000 {
            return answer(seen);
        }
        let message = "This model's maximum context length is 5000 tokens.";
        Reply::error(400, "context_length_exceeded", message)
    });
    let (workspace, _repo) = scraped(&refusing);
    let report = check(&workspace, 0);
    assert_line(&report, "context_window", "ok", "5000 tokens");
    assert_line(&report, "long_prompt", "ok", "refused in words");
}
