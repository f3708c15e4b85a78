//! The failure table, through the real program: what a server can do wrong, and what becomes of the file, the run and the exit code.
//!
//! `queue.py` meets the failure, `src/duration.rs` beside it is answered well, unless the row is about the run as a whole. Every row
//! is held to the same bounds: one clear line, no key anywhere, little memory.

use crate::generation::{QUEUE, scraped};
use crate::kills::many_files;
use crate::model_server::{Manner, ModelServer, Reply, Seen, answer};
use crate::workspace::{Ran, Repo, Running, Workspace};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

pub const KEY: &str = "sk-test-51Hq9zVx7LrT0pWm3NcY8uKe";

/// What one row expects.
struct Row {
    name: &'static str,
    /// Options besides `--questions 1`.
    options: &'static [&'static str],
    reply: Reply,
    exit: i32,
    /// The reason in FailedFiles; `None` when nothing is stored.
    reason: Option<&'static str>,
    /// Requests that met the failure.
    asked: usize,
    /// What stands on stderr.
    says: &'static str,
}

const fn row(
    name: &'static str,
    reply: Reply,
    reason: &'static str,
    asked: usize,
    says: &'static str,
) -> Row {
    Row {
        name,
        options: &[],
        reply,
        exit: 3,
        reason: Some(reason),
        asked,
        says,
    }
}

/// A row about the run: it ends at once, and nothing is stored.
const fn stop(name: &'static str, reply: Reply, exit: i32, says: &'static str) -> Row {
    Row {
        name,
        options: &["--concurrency", "1"],
        reply,
        exit,
        reason: None,
        asked: 1,
        says,
    }
}

fn is_about_queue(seen: &Seen) -> bool {
    let users = seen.texts("user");
    users
        .first()
        .is_some_and(|text| text.contains("BoundedQueue"))
}

/// Runs to the end and says how much memory was used at most, in MB, where the system tells.
pub fn watched(mut running: Running) -> (Ran, Option<u64>) {
    let status = format!("/proc/{}/status", running.id());
    let mut peak = None;
    while !running.has_ended() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        peak = kilobytes.map(|n: u64| n / 1024).or(peak);
        std::thread::sleep(Duration::from_millis(5));
    }
    (running.wait(), peak)
}

/// Works through rows on a few threads: most of their time is waiting.
fn each(rows: Vec<Row>, check: impl Fn(&Workspace, Row) + Sync) {
    let (template, _repo) = scraped(&ModelServer::start());
    let rows = Mutex::new(rows);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                loop {
                    let Some(row) = rows.lock().unwrap().pop() else {
                        return;
                    };
                    check(&template, row);
                }
            });
        }
    });
}

const MEMORY_MAX_MB: u64 = 150;
/// Largest body that the client reads.
const BODY_BYTES_MAX: usize = 2 << 20;

fn run_row(workspace: &mut Workspace, row: &Row) -> Ran {
    workspace.set_env("OPENAI_API_KEY", KEY);
    let mut arguments = vec!["prepare", "--questions", "1"];
    arguments.extend(row.options);
    let (ran, peak) = watched(workspace.spawn(&arguments));
    let name = row.name;
    assert_eq!(ran.code, row.exit, "{name}: {}", ran.stderr);
    assert!(
        ran.stderr.contains(row.says),
        "{name}: not '{}' in:\n{}",
        row.says,
        ran.stderr
    );
    assert!(!ran.stderr.contains(KEY), "{name}");
    assert!(
        peak.is_none_or(|peak| peak < MEMORY_MAX_MB),
        "{name}: {peak:?} MB"
    );
    workspace.assert_sound();
    ran
}

/// One file meets a failure; the other must not suffer from it. That one takes its time, so that the server is heard of while this one waits.
fn one_file_fails(template: &Workspace, row: Row) {
    let reply = row.reply.clone();
    let model = ModelServer::scripted(move |seen| match is_about_queue(seen) {
        true => reply.clone(),
        false => answer(seen).after(Duration::from_millis(100)),
    });
    let mut workspace = template.twin(&model.base_url());
    run_row(&mut workspace, &row);
    let name = row.name;
    let asked = model.chats().iter().filter(|s| is_about_queue(s)).count();
    assert_eq!(asked, row.asked, "{name}: requests");
    let failed = workspace.rows("SELECT file_path, reason FROM FailedFiles");
    let expected = format!("queue.py|{}:", row.reason.unwrap());
    assert!(
        failed.len() == 1 && failed[0].contains(&expected),
        "{name}: {failed:?}"
    );
    let done = workspace.rows("SELECT file_path FROM FileHashes WHERE sample_id IS NOT NULL");
    assert!(
        done.len() == 1 && done[0].ends_with("src/duration.rs"),
        "{name}: {done:?}"
    );
}

/// Everything meets the failure; the run ends and leaves every file untried.
fn the_run_ends(template: &Workspace, row: Row) {
    let reply = row.reply.clone();
    let model = ModelServer::scripted(move |_| reply.clone());
    let mut workspace = template.twin(&model.base_url());
    let ran = run_row(&mut workspace, &row);
    let name = row.name;
    assert_eq!(model.chat_count(), row.asked, "{name}: requests");
    for table in ["TrainingSamples", "FileHashes", "FailedFiles"] {
        assert_eq!(workspace.count(table), 0, "{name}: {table}");
    }
    let errors = ran.stderr.lines().filter(|line| line.starts_with("error:"));
    assert_eq!(errors.count(), 1, "{name}: one line:\n{}", ran.stderr);
    assert!(
        ran.stderr.contains("2 untried") || ran.stderr.contains("1 untried"),
        "{name}: {}",
        ran.stderr
    );
}

#[test]
fn what_asks_for_patience() {
    let in_a_moment = httpdate::fmt_http_date(std::time::SystemTime::now());
    let rate = "rejected: rate_limited 1";
    let failing = "rejected: server_error 1";
    let rows = vec![
        row(
            "429 in seconds",
            Reply::refused("0"),
            "rate_limited",
            5,
            rate,
        ),
        row(
            "429 by date",
            Reply::refused(&in_a_moment),
            "rate_limited",
            5,
            rate,
        ),
        row(
            "429 in ms",
            Reply::error(429, "rate_limit_exceeded", "slow down").header("retry-after-ms", "20"),
            "rate_limited",
            5,
            rate,
        ),
        row(
            "429 with reset headers",
            Reply::error(429, "rate_limit_exceeded", "slow down")
                .header("x-ratelimit-remaining-requests", "0")
                .header("x-ratelimit-reset-requests", "20ms"),
            "rate_limited",
            5,
            rate,
        ),
        row(
            "429 that advertises billing and tells the wait in words",
            Reply::error(
                429,
                "rate_limit_exceeded",
                "Rate limit reached on tokens per minute. Please try again in 20ms. Upgrade at https://example.com/settings/billing",
            ),
            "rate_limited",
            5,
            rate,
        ),
        row(
            "500",
            Reply::error(500, "", "oops"),
            "server_error",
            5,
            failing,
        ),
        row(
            "502 with a page",
            Reply::html(502),
            "server_error",
            5,
            failing,
        ),
        row(
            "503",
            Reply::bytes(503, "").header("retry-after-ms", "20"),
            "server_error",
            5,
            failing,
        ),
        row("504", Reply::bytes(504, ""), "server_error", 5, failing),
        row(
            "408",
            Reply::bytes(408, ""),
            "timeout",
            5,
            "rejected: timeout 1",
        ),
        row(
            "error object in a 200",
            Reply::json(200, json!({"error": {"message": "overloaded"}})),
            "server_error",
            5,
            failing,
        ),
    ];
    each(rows, one_file_fails);
}

#[test]
fn what_ends_the_run() {
    let money = "has nothing left to spend";
    let key = "refused the credentials";
    let other = ModelServer::start();
    let elsewhere = format!("{}/chat/completions", other.base_url());
    let rows = vec![
        stop(
            "redirect",
            Reply::redirect(&elsewhere),
            69,
            "is no OpenAI-compatible endpoint",
        ),
        stop(
            "a day",
            Reply::refused("86400"),
            69,
            "asks to wait longer than a run does",
        ),
        stop(
            "no quota",
            Reply::error(429, "insufficient_quota", "You exceeded your current quota"),
            77,
            money,
        ),
        stop(
            "no more than a day's allowance, in words",
            Reply::error(429, "rate_limit_exceeded", "Please try again in 9m38.016s."),
            69,
            "asks to wait longer than a run does",
        ),
        stop(
            "a proxy's budget",
            Reply::error(
                400,
                "budget_exceeded",
                "Budget has been exceeded! Current cost: 0.2",
            ),
            77,
            money,
        ),
        stop(
            "a suspended account",
            Reply::error(
                412,
                "PRECONDITION_FAILED",
                "Account x is suspended, possibly due to reaching the monthly spending limit",
            ),
            77,
            money,
        ),
        stop(
            "a retired model",
            Reply::error(
                400,
                "model_decommissioned",
                "The model `x` has been decommissioned",
            ),
            2,
            "does not have the model",
        ),
        stop("401", Reply::error(401, "invalid_api_key", "no"), 77, key),
        stop(
            "402",
            Reply::error(402, "payment", "add credits"),
            77,
            money,
        ),
        stop("403", Reply::error(403, "forbidden", "no"), 77, key),
        stop(
            "404 model",
            Reply::error(404, "model_not_found", "The model `x` does not exist"),
            2,
            "does not have the model",
        ),
        stop(
            "404 path",
            Reply::html(404),
            69,
            "is no OpenAI-compatible endpoint",
        ),
        stop(
            "401 in a 200",
            Reply::json(200, json!({"error": {"code": 401, "message": "no"}})),
            77,
            key,
        ),
    ];
    each(rows, the_run_ends);
    assert_eq!(other.connections(), 0, "neither key nor source text left");
}

/// The list of models may not lead elsewhere either.
#[test]
fn a_list_of_models_that_has_moved_is_not_followed() {
    let other = ModelServer::start();
    let elsewhere = format!("{}/models", other.base_url());
    let model = ModelServer::scripted_whole(move |_| Reply::redirect(&elsewhere));
    let (mut workspace, _repo) = scraped(&ModelServer::start());
    workspace.set_env("OPENAI_BASE_URL", &model.base_url());
    workspace.set_env("OPENAI_API_KEY", KEY);
    workspace.run(&["prepare"]).expect(69);
    assert_eq!((model.chat_count(), other.connections()), (0, 0));
}

#[test]
fn what_breaks_on_the_way() {
    let broke = "rejected: connection 1";
    let good = || Reply::text("{}").header("content-type", "application/json");
    let slow = |row: Row| Row {
        options: &["--idle-timeout", "1", "--total-timeout", "2"],
        ..row
    };
    let late = "rejected: timeout 1";
    let rows = vec![
        row(
            "reset first",
            good().manner(Manner::ResetBeforeHeaders),
            "connection",
            5,
            broke,
        ),
        row(
            "reset in body",
            good().manner(Manner::ResetInBody),
            "connection",
            5,
            broke,
        ),
        row(
            "closed in body",
            good().manner(Manner::CloseInBody),
            "connection",
            5,
            broke,
        ),
        slow(row("hang", good().manner(Manner::Hang), "timeout", 5, late)),
        slow(row(
            "stall",
            good().manner(Manner::Stall),
            "timeout",
            5,
            late,
        )),
        slow(row(
            "a byte now and then",
            good().manner(Manner::Drip(Duration::from_millis(300))),
            "timeout",
            5,
            late,
        )),
    ];
    each(rows, one_file_fails);
}

#[test]
fn what_is_no_completion() {
    let malformed = |name, reply| {
        row(
            name,
            reply,
            "malformed_response",
            5,
            "rejected: malformed_response 1",
        )
    };
    let large = |name, reply| {
        row(
            name,
            reply,
            "response_too_large",
            1,
            "rejected: response_too_large 1",
        )
    };
    let huge = "x".repeat(20 << 20);
    let rows = vec![
        malformed("truncated JSON", Reply::bytes(200, r#"{"choices":[{"mess"#)),
        malformed("a page", Reply::html(200)),
        malformed("no choices", Reply::json(200, json!({"choices": []}))),
        malformed(
            "invalid UTF-8",
            Reply::bytes(200, b"{\"choices\":[{\"message\":{\"content\":\"\xff\"}}]}"),
        ),
        large("20 MB", Reply::text(&huge)),
        large(
            "20 MB in chunks",
            Reply::text(&huge).manner(Manner::Chunked),
        ),
        large("gzip bomb", Reply::gzip_bomb(32 << 20)),
        row(
            "20 MB of error",
            Reply::error(400, "bad", &huge),
            "invalid_request",
            1,
            "rejected: invalid_request 1",
        ),
    ];
    each(rows, one_file_fails);
}

#[test]
fn what_is_of_no_use() {
    let item = |name, reply, reason: &'static str, says| row(name, reply, reason, 1, says);
    let finish = |reason| Reply::completion(json!({"content": "{\"questions\": ["}), reason);
    // Where the reply held no question, a plain one is asked, and gets the same reply.
    let twice = |name, reply, reason: &'static str, says| row(name, reply, reason, 2, says);
    let empty = "rejected: empty_completion 2";
    let none = "no_questions 1";
    let rows = vec![
        twice(
            "null",
            Reply::completion(json!({"content": null}), "stop"),
            "empty_completion",
            empty,
        ),
        twice("empty", Reply::text(" "), "empty_completion", empty),
        twice(
            "length",
            finish("length"),
            "truncated",
            "rejected: truncated 2",
        ),
        item(
            "filter",
            finish("content_filter"),
            "content_filter",
            "rejected: content_filter 1",
        ),
        item(
            "refusal",
            Reply::completion(json!({"content": null, "refusal": "I can't"}), "stop"),
            "refusal",
            "rejected: refusal 1",
        ),
        twice(
            "no questions",
            Reply::text(r#"{"questions": []}"#),
            "nothing_accepted",
            none,
        ),
        twice(
            "other JSON",
            Reply::text(r#"{"ok": true}"#),
            "nothing_accepted",
            none,
        ),
        item(
            "the key",
            Reply::text(&format!("{{\"questions\": [\"Why {KEY}?\"]}}")),
            "secret_in_answer",
            "rejected: secret_in_answer 1",
        ),
        item(
            "too long, however small",
            Reply::error(400, "context_length_exceeded", "the prompt is too long"),
            "context_length",
            "rejected: context_length 1",
        ),
        item(
            "422",
            Reply::error(422, "bad", "no"),
            "invalid_request",
            "rejected: invalid_request 1",
        ),
    ];
    each(rows, one_file_fails);
}

/// Odd, but well: the file is done with as many requests as ever.
#[test]
fn what_is_odd_but_well() {
    type Odd = fn(Reply) -> Reply;
    let table: [(&str, Odd); 9] = [
        ("slow", |reply| reply.after(Duration::from_millis(1500))),
        ("slow in body", |reply| {
            reply.manner(Manner::Drip(Duration::from_micros(500)))
        }),
        ("chunked", |reply| reply.manner(Manner::Chunked)),
        ("fences", |reply| {
            reply.rewritten(|json| format!("Here you are:\n```json\n{json}\n```\n"))
        }),
        ("thoughts", |reply| {
            reply.rewritten(|json| format!("<think>\nHm {{\n</think>\n\n{json}"))
        }),
        ("trailing commas", |reply| {
            reply.rewritten(|json| json.replace("]}", ",],}"))
        }),
        ("no usage", |mut reply| {
            let mut body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
            body.as_object_mut().unwrap().remove("usage");
            reply.body = body.to_string().into_bytes();
            reply
        }),
        ("odd content type", |mut reply| {
            reply.headers.retain(|(name, _)| name != "content-type");
            reply.header("content-type", "text/html; charset=latin1")
        }),
        ("one request a connection", |reply| {
            reply.header("connection", "close")
        }),
    ];
    let (template, _repo) = scraped(&ModelServer::start());
    std::thread::scope(|scope| {
        for (name, odd) in table {
            let template = &template;
            scope.spawn(move || {
                let model = ModelServer::scripted(move |seen| match seen.wants_json() {
                    true => odd(answer(seen)),
                    false => answer(seen),
                });
                let workspace = template.twin(&model.base_url());
                let ran = workspace.run(&["prepare", "--questions", "2", "--idle-timeout", "1"]);
                assert_eq!(ran.code, 0, "{name}: {}", ran.stderr);
                assert_eq!(model.chat_count(), 6, "{name}: {}", ran.stderr);
                assert_eq!(workspace.count("TrainingSamples"), 4, "{name}");
                workspace.assert_sound();
            });
        }
    });
}

/// A prompt that is too long is cut until it fits.
#[test]
fn a_small_window_is_met_with_smaller_pieces() {
    const BYTES_MAX: usize = 7000;
    let model = ModelServer::scripted(|seen| match seen.raw.len() > BYTES_MAX {
        true => Reply::error(400, "context_length_exceeded", "the prompt is too long"),
        false => answer(seen),
    });
    let workspace = Workspace::with_model(&model.base_url());
    let repo = Repo::new(&workspace.origin().join("long"));
    let queues: Vec<_> = (0..16)
        .map(|n| QUEUE.replace("BoundedQueue", &format!("BoundedQueue{n}")))
        .collect();
    repo.write("queues.py", queues.join("\n\n")).commit();
    workspace.list_repos(&[&repo.url()]);
    workspace.run(&["scrape"]).expect(0);
    let ran = workspace.run(&["prepare", "--questions", "1"]);
    let (long, fit): (Vec<_>, Vec<_>) = model
        .chats()
        .into_iter()
        .partition(|seen| seen.raw.len() > BYTES_MAX);
    assert!(!long.is_empty() && !fit.is_empty(), "{}", ran.stderr);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(workspace.count("TrainingSamples") > 1);
    workspace.assert_sound();
}

/// Many too large answers at one time: what one may hold is bounded, and so is what all hold.
#[test]
fn large_answers_at_once_stay_within_bounds() {
    let huge = Reply::text(&"x".repeat(20 << 20));
    let just_allowed = "`BoundedQueue` is full. ".repeat(BODY_BYTES_MAX / 24 - 100);
    let table = [
        ("20 MB", huge.clone()),
        ("20 MB in chunks", huge.manner(Manner::Chunked)),
        ("gzip bomb", Reply::gzip_bomb(32 << 20)),
        (
            "as large as allowed",
            Reply::text(&just_allowed).manner(Manner::Chunked),
        ),
        (
            "a large error",
            Reply::error(500, "", &just_allowed).manner(Manner::Chunked),
        ),
    ];
    let workspace = Workspace::new();
    let _repo = many_files(&workspace, 16);
    for (name, reply) in table {
        let model = ModelServer::scripted(move |seen| match seen.wants_json() {
            true => answer(seen),
            false => reply.clone().after(Duration::from_millis(500)),
        });
        let twin = workspace.twin(&model.base_url());
        let arguments = [
            "prepare",
            "--questions",
            "1",
            "--concurrency",
            "16",
            "--max-time",
            "20",
        ];
        let (ran, peak) = watched(twin.spawn(&arguments));
        assert!(
            model.in_flight_most() >= 8,
            "{name}: {}",
            model.in_flight_most()
        );
        println!("{name}: {peak:?} MB, exit {}", ran.code);
        assert!(
            peak.is_none_or(|peak| peak < MEMORY_MAX_MB),
            "{name}: {peak:?} MB"
        );
        assert_eq!(twin.count("TrainingSamples"), 0, "{name}");
    }
}

/// The server shows the key wherever it can; it must end up nowhere.
#[test]
fn an_echoed_key_ends_up_nowhere() {
    let echo = format!("your key is {KEY}, is it not?");
    let message = json!({"role": "assistant", "content": "`BoundedQueue` holds `capacity` items in `waiting_items`, and `push_item` raises `OverflowError` when it is full."});
    let model = ModelServer::scripted_whole(move |seen| {
        if seen.method == "GET" {
            return answer(seen).header("x-request-key", KEY);
        }
        let reply = match (seen.wants_json(), seen.nth % 7) {
            (true, 0..=2) => Reply::error(500, KEY, &echo),
            (true, _) => answer(seen),
            (false, 0) => Reply::text(&format!("`BoundedQueue` is made with {KEY} as `capacity`.")),
            (false, 1) => Reply::error(422, KEY, &echo),
            (false, 2) => Reply::bytes(503, format!("<p>{KEY}</p>")).header("retry-after-ms", "1"),
            (false, 3) => Reply::completion(message.clone(), KEY),
            (false, 4) => Reply::completion(json!({"content": null, "refusal": echo}), "stop"),
            (false, 5) => Reply::json(200, json!({"error": {"message": echo}})),
            (false, _) => {
                let mut message = message.clone();
                message["reasoning_content"] = json!(echo);
                let mut reply = Reply::completion(message, "stop");
                reply.body = String::from_utf8(reply.body)
                    .unwrap()
                    .replace("test-model", KEY)
                    .into_bytes();
                reply
            }
        };
        reply.header("x-request-key", KEY)
    });
    let (mut workspace, _repo) = scraped(&model);
    workspace.set_env("OPENAI_API_KEY", KEY);
    for command in ["prepare", "retry", "retry", "status"] {
        let ran = match command {
            "status" => workspace.run(&["status", "-vv", "--json"]),
            _ => workspace.run(&[command, "-vv", "--json", "--questions", "6"]),
        };
        assert!(
            !ran.stdout.contains(KEY) && !ran.stderr.contains(KEY),
            "{command}"
        );
        // Half of it in a message that was cut would be as bad.
        assert!(
            !ran.stderr.contains(&KEY[..12]),
            "{command}: {}",
            ran.stderr
        );
    }
    let sent = model.chats();
    assert!(
        sent.iter()
            .all(|seen| seen.header("authorization") == Some(&format!("Bearer {KEY}")))
    );
    assert!(
        workspace.count("TrainingSamples") > 0,
        "an answer beside the echo is kept"
    );
    let reasons = workspace.rows("SELECT reason FROM FailedFiles").join("\n");
    assert!(reasons.contains("\"secret_in_answer\""), "{reasons}");
    assert!(find_in_files(&workspace.path(), KEY.as_bytes()).is_empty());
    assert!(find_in_files(&workspace.path(), &KEY.as_bytes()[..12]).is_empty());
}

/// The files below a folder that hold these bytes.
fn find_in_files(folder: &Path, needle: &[u8]) -> Vec<PathBuf> {
    let files = walkdir::WalkDir::new(folder).into_iter().flatten();
    let files = files.filter(|entry| entry.file_type().is_file());
    files
        .map(walkdir::DirEntry::into_path)
        .filter(|path| {
            let bytes = std::fs::read(path).unwrap();
            bytes.windows(needle.len()).any(|window| window == needle)
        })
        .collect()
}
