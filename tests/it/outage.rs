//! Servers that misbehave over time: one that went away in mid-run is waited for.

use crate::kills::many_files;
use crate::model_server::{Manner, ModelServer, Reply, Seen, answer};
use crate::workspace::{Ran, Repo, Workspace};
use pipeline::llm::{Client, Endpoint, ErrorClass, Limits, Output, Prefix, Request, RunStop};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

const PREPARE: [&str; 3] = ["prepare", "--questions", "1"];

/// A workspace over this many files, and what keeps its repository.
fn over(files: usize) -> (Workspace, Repo) {
    let workspace = Workspace::new();
    let repo = many_files(&workspace, files);
    (workspace, repo)
}

fn run(template: &Workspace, model: &ModelServer, options: &[&str]) -> (Workspace, Ran) {
    let workspace = template.twin(&model.base_url());
    let ran = workspace.run(&[&PREPARE[..], options].concat());
    (workspace, ran)
}

fn failures(workspace: &Workspace) -> Vec<String> {
    workspace.rows("SELECT file_path || ' ' || reason FROM FailedFiles ORDER BY 1")
}

/// A server that answers `before` chats and then meets everything with `reply`, so many times.
fn away_for(before: usize, times: usize, reply: Reply) -> ModelServer {
    away_and_watched(before, times, reply, Arc::default())
}

/// The same, with the most requests at one time once those of the first moment had met it.
fn away_and_watched(
    before: usize,
    times: usize,
    reply: Reply,
    at_once: Arc<AtomicUsize>,
) -> ModelServer {
    const FIRST_MOMENT: usize = 8;
    let (answered, met) = (AtomicUsize::new(0), AtomicUsize::new(0));
    ModelServer::scripted_whole(move |seen| {
        let is_chat = seen.method == "POST";
        let is_away = answered.load(SeqCst) >= before && met.load(SeqCst) < times;
        if is_away {
            if met.fetch_add(1, SeqCst) >= FIRST_MOMENT {
                at_once.fetch_max(seen.in_flight, SeqCst);
            }
            return reply.clone();
        }
        answered.fetch_add(usize::from(is_chat), SeqCst);
        answer(seen)
    })
}

fn soon(reply: Reply) -> Reply {
    reply.header("retry-after-ms", "10")
}

#[test]
fn a_server_that_comes_back_is_waited_for_and_no_file_fails() {
    const FILES: usize = 10;
    let (template, _repo) = over(FILES);
    let loading = soon(Reply::error(503, "unavailable_error", "Loading model"));
    let replies = [
        ("502", soon(Reply::html(502))),
        ("503", soon(Reply::bytes(503, ""))),
        ("504", soon(Reply::bytes(504, ""))),
        ("loading", loading),
    ];
    std::thread::scope(|scope| {
        for (name, reply) in replies {
            let template = &template;
            scope.spawn(move || {
                let at_once = Arc::default();
                let slow = reply.after(Duration::from_millis(10));
                let model = away_and_watched(6, 60, slow, Arc::clone(&at_once));
                let (workspace, ran) = run(template, &model, &["--concurrency", "4"]);
                assert_eq!(ran.code, 0, "{name}: {}", ran.stderr);
                // Beside the one that knocks, the list of models may be asked for. A 503 is taken for too much to do at first.
                let at_once = at_once.load(SeqCst);
                assert!(at_once <= 2 || name == "503", "{name}: {at_once}");
                assert_eq!(failures(&workspace), Vec::<String>::new(), "{name}");
                let done = workspace.count("FileHashes WHERE sample_id IS NOT NULL");
                assert_eq!(done, FILES as u64, "{name}");
                workspace.assert_sound();
                let said = &ran.stderr;
                assert!(said.contains("waiting up to 5 minutes"), "{name}: {said}");
                assert!(said.contains("answers again after"), "{name}: {said}");
            });
        }
    });
}

/// The list of models may be there while the model is being loaded, and the other way about.
#[test]
fn a_wait_for_the_server_ends_with_a_signal_or_with_the_time() {
    let (template, _repo) = over(6);
    let gone = || away_for(4, usize::MAX, soon(Reply::html(502)));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let model = gone();
            let (workspace, ran) = run(&template, &model, &["--max-time", "2"]);
            assert_eq!(ran.code, 124, "{}", ran.stderr);
            assert_eq!(failures(&workspace), Vec::<String>::new());
        });
        scope.spawn(|| {
            let model = gone();
            let workspace = template.twin(&model.base_url());
            let mut running = workspace.spawn(&PREPARE);
            let deadline = Instant::now() + Duration::from_secs(60);
            while !workspace_says(&workspace, "waiting up to") && !running.has_ended() {
                assert!(Instant::now() < deadline, "{}", workspace.logs());
                std::thread::sleep(Duration::from_millis(5));
            }
            running.signal("TERM");
            let ran = running.wait().expect(143);
            assert!(!ran.stderr.contains("did not come back"), "{}", ran.stderr);
            assert_eq!(failures(&workspace), Vec::<String>::new());
            workspace.assert_sound();
        });
    });
}

fn workspace_says(workspace: &Workspace, words: &str) -> bool {
    workspace.path().join("logs").exists() && workspace.logs().contains(words)
}

fn hasty() -> Limits {
    Limits {
        concurrency: 4,
        backoff_first: Duration::from_millis(2),
        backoff_max: Duration::from_millis(10),
        ..Limits::default()
    }
}

async fn connected(base_url: String, limits: Limits) -> Client {
    let endpoint = Endpoint {
        base_url,
        api_key: None,
        model: None,
    };
    Client::connect(&endpoint, limits).await.unwrap()
}

fn request(task: &str) -> Request {
    Request {
        prefix: Arc::new(Prefix::new(
            "You answer.",
            "fn load_config(path: &str) {}\n",
        )),
        task: task.to_owned(),
        follow: Vec::new(),
        output: Output::Text,
        tokens_max: 64,
        temperature: 0.5,
        seed: None,
    }
}

/// Nothing listens at the port for a while: what is refused there costs nobody an attempt.
#[tokio::test]
async fn a_restarted_server_is_asked_everything_once() {
    let first = ModelServer::start();
    let port = first.port();
    let client = connected(first.base_url(), hasty()).await;
    client.complete(&request("Before?")).await.unwrap();
    drop(first);
    let requests: Vec<_> = (0..20)
        .map(|n| request(&format!("Question {n}?")))
        .collect();
    let all = futures_util::future::join_all(requests.iter().map(|one| client.complete(one)));
    let come_back = async {
        while client.away().is_none() && client.stopped().is_none() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // As many knocks as use up the attempts of a request.
        tokio::time::sleep(Duration::from_millis(100)).await;
        ModelServer::scripted_at(port, answer)
    };
    let (all, second) = tokio::join!(all, come_back);
    for result in all {
        result.unwrap();
    }
    assert_eq!(second.chat_count(), 20);
    assert_eq!(client.away(), None);
}

#[tokio::test]
async fn a_server_that_stays_away_ends_the_run_when_patience_does() {
    let limits = Limits {
        outage_max: Duration::from_millis(60),
        ..hasty()
    };
    let server = ModelServer::start();
    let client = connected(server.base_url(), limits).await;
    client.complete(&request("Before?")).await.unwrap();
    drop(server);
    let error = client.complete(&request("After?")).await.unwrap_err();
    assert_eq!(error.run_stop(), Some(RunStop::EndpointDead));
    let said = &error.message;
    assert!(said.contains("did not come back within"), "{said}");
    assert!(said.contains("untried"), "{said}");
}

/// One prompt that a server cannot bear is no outage, whether others are served meanwhile or there are no others.
#[tokio::test]
async fn a_request_that_breaks_the_server_fails_alone() {
    let breaks = |seen: &Seen| {
        seen.texts("user")
            .last()
            .is_some_and(|text| text.contains("bad"))
    };
    let away = [
        Reply::text("").manner(Manner::ResetBeforeHeaders),
        Reply::html(502),
        Reply::bytes(503, ""),
    ];
    for reply in away {
        let name = format!("{} {:?}", reply.status, reply.manner);
        let server = ModelServer::scripted(move |seen| match breaks(seen) {
            true => reply.clone(),
            false => answer(seen),
        });
        let client = connected(server.base_url(), hasty()).await;
        client.complete(&request("Before?")).await.unwrap();
        let alone = client.complete(&request("The bad one, alone?")).await;
        let class = alone.unwrap_err().class;
        assert!(
            matches!(class, ErrorClass::Transient(_)),
            "{name}: {class:?}"
        );
        let asked = server.chat_count();
        assert_eq!(asked, 6, "{name}");
        let bad = request("The bad one, among others?");
        let well: Vec<_> = (0..40)
            .map(|n| request(&format!("Question {n}?")))
            .collect();
        let all = futures_util::future::join_all(well.iter().map(|one| client.complete(one)));
        let (bad, all) = tokio::join!(client.complete(&bad), all);
        assert!(
            matches!(bad.unwrap_err().class, ErrorClass::Transient(_)),
            "{name}"
        );
        assert!(all.iter().all(Result::is_ok), "{name}");
        assert!(client.stopped().is_none(), "{name}");
    }
}

/// A server that was never of use is not waited for.
#[tokio::test]
async fn a_server_that_never_served_is_given_up_as_before() {
    let server = ModelServer::scripted(|_| Reply::text("").manner(Manner::ResetBeforeHeaders));
    let client = connected(server.base_url(), hasty()).await;
    let error = client.complete(&request("First?")).await.unwrap_err();
    assert_eq!(error.run_stop(), Some(RunStop::EndpointDead));
    assert_eq!(server.chat_count(), 5);
}
