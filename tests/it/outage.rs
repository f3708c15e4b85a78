//! Servers that misbehave over time: what one file met is told from what all would meet, and a server that went away is waited for.

use crate::generation::QUEUE;
use crate::kills::many_files;
use crate::model_server::{MODEL, Manner, ModelServer, Reply, Seen, answer};
use crate::workspace::{Ran, Repo, Workspace};
use pipeline::llm::{Client, Endpoint, ErrorClass, Limits, Output, Prefix, Request, RunStop};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

const PREPARE: [&str; 3] = ["prepare", "--questions", "1"];

/// A workspace over this many files, and what keeps its repository.
fn over(files: usize) -> (Workspace, Repo) {
    let workspace = Workspace::new();
    let repo = many_files(&workspace, files);
    (workspace, repo)
}

/// Whether a prompt is about the file of this number.
fn is_about(seen: &Seen, file: usize) -> bool {
    let users = seen.texts("user");
    let name = format!("capacity_{file:02}");
    users.first().is_some_and(|text| text.contains(&name))
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
                // A 503 is taken for too much to do at first.
                let at_once = at_once.load(SeqCst);
                assert!(at_once <= 1 || name == "503", "{name}: {at_once}");
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

/// A server whose chats all meet `reply` for a while after the first ones.
fn beside_itself(before: usize, time: Duration, reply: Reply) -> ModelServer {
    let since: OnceLock<Instant> = OnceLock::new();
    let answered = AtomicUsize::new(0);
    ModelServer::scripted_whole(move |seen| {
        let is_chat = seen.method == "POST";
        if is_chat && answered.load(SeqCst) >= before {
            since.get_or_init(Instant::now);
        }
        let is_well = since.get().is_none_or(|since| since.elapsed() >= time);
        if is_well || !is_chat {
            answered.fetch_add(usize::from(is_chat), SeqCst);
            return answer(seen);
        }
        reply.clone()
    })
}

/// What all requests meet at once.
fn met_by_all() -> Vec<(&'static str, Reply)> {
    vec![
        ("429", Reply::error(429, "rate_limit_exceeded", "slow down")),
        ("a page", Reply::html(200)),
        ("login", Reply::redirect("http://127.0.0.1:9/login")),
        ("500", Reply::error(500, "", "out of memory")),
        ("511", Reply::html(511)),
        ("502", Reply::html(502)),
    ]
}

/// Whoever answers everybody alike speaks of itself: a limit on requests, a portal that wants a login, a gateway without a server behind it.
#[test]
fn what_all_files_meet_for_a_while_fails_none() {
    const FILES: usize = 12;
    const TIME: Duration = Duration::from_secs(14);
    let (template, _repo) = over(FILES);
    std::thread::scope(|scope| {
        for (name, reply) in met_by_all() {
            let template = &template;
            scope.spawn(move || {
                let model = beside_itself(6, TIME, reply);
                let (workspace, ran) = run(template, &model, &["--concurrency", "4"]);
                assert_eq!(ran.code, 0, "{name}: {}", ran.stderr);
                assert_eq!(failures(&workspace), Vec::<String>::new(), "{name}");
                let done = workspace.count("FileHashes WHERE sample_id IS NOT NULL");
                assert_eq!(done, FILES as u64, "{name}");
                let said = &ran.stderr;
                assert!(said.contains("waiting up to 5 minutes"), "{name}: {said}");
                assert!(said.contains("answers again after"), "{name}: {said}");
                // Few knocks, with growing pauses between them.
                let asked = model.chat_count();
                assert!(asked < 2 * FILES + 60, "{name}: {asked}");
            });
        }
    });
}

/// `retry` of a run knows what `prepare` knew: the server was there, and will be.
#[test]
fn a_server_that_goes_away_between_the_steps_of_a_run_is_waited_for() {
    const TIME: Duration = Duration::from_secs(4);
    let (template, repo) = over(3);
    let first = ModelServer::scripted(|seen| match is_about(seen, 0) {
        true => Reply::error(422, "invalid_request_error", "not now"),
        false => answer(seen),
    });
    let (mut workspace, ran) = run(&template, &first, &[]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    repo.write("queue_03.py", QUEUE.replace("capacity", "capacity_03"))
        .commit();
    let since: OnceLock<Instant> = OnceLock::new();
    let model = ModelServer::scripted_whole(move |seen| {
        let is_away = since.get().is_some_and(|since| since.elapsed() < TIME);
        let is_last_of_prepare = is_about(seen, 3) && !seen.wants_json();
        if is_last_of_prepare {
            since.get_or_init(Instant::now);
        }
        match is_away {
            true => Reply::html(502),
            false => answer(seen),
        }
    });
    workspace.set_env("OPENAI_BASE_URL", &model.base_url());
    let ran = workspace.run(&["run", "--questions", "1", "--json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(failures(&workspace), Vec::<String>::new());
    let lists = model
        .requests()
        .into_iter()
        .filter(|seen| seen.method == "GET");
    assert_eq!(lists.count(), 1, "one question for models, for both steps");
    // Each step tells what it used itself.
    let told = ran.json();
    let used = |step: &str| told[step]["spend"]["requests"].as_u64().unwrap();
    assert_eq!(used("prepare"), 2, "{told}");
    assert_eq!(
        used("prepare") + used("retry"),
        model.chat_count() as u64,
        "{told}"
    );
}

/// It ends the run when it lasts, and nothing fails then either.
#[tokio::test]
async fn what_all_requests_meet_for_good_ends_the_run() {
    for (name, reply) in met_by_all() {
        let limits = Limits {
            outage_max: Duration::from_secs(3),
            ..hasty()
        };
        let server = beside_itself(1, Duration::MAX, reply);
        let client = connected(server.base_url(), limits).await;
        client.complete(&request("Before?")).await.unwrap();
        let requests: Vec<_> = (0..8).map(|n| request(&format!("Question {n}?"))).collect();
        let all = requests.iter().map(|one| client.complete(one));
        for result in futures_util::future::join_all(all).await {
            let error = result.unwrap_err();
            let stop = error.run_stop();
            assert_eq!(stop, Some(RunStop::EndpointDead), "{name}: {error}");
        }
    }
}

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

/// Whoever is refused while others wait for their answers waits for a place, however long those take.
#[tokio::test]
async fn a_slow_server_that_limits_requests_in_flight_is_not_away() {
    const ANSWER_TIME: Duration = Duration::from_secs(7);
    let server = ModelServer::scripted(|seen| match seen.in_flight {
        _ if seen.nth == 0 => answer(seen),
        ..=2 => answer(seen).after(ANSWER_TIME),
        _ => Reply::error(429, "rate_limit_exceeded", "too many at once"),
    });
    let limits = Limits {
        outage_max: Duration::from_secs(6),
        ..Limits::default()
    };
    let client = connected(server.base_url(), limits).await;
    client.complete(&request("Before?")).await.unwrap();
    let requests: Vec<_> = (0..4).map(|n| request(&format!("Question {n}?"))).collect();
    let all = futures_util::future::join_all(requests.iter().map(|one| client.complete(one)));
    let away = async {
        while client.away().is_none() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::select! {
        all = all => all.into_iter().for_each(|result| drop(result.unwrap())),
        () = away => panic!("{:?}", client.away()),
    }
    // Before, each of the four once, and what was refused before the limit was found.
    assert!(server.chat_count() <= 16, "{}", server.chat_count());
}

/// A wait that the server asks for is cut where patience ends: it is asked once more then, and not later.
#[tokio::test]
async fn patience_is_not_stretched_by_what_the_server_asks_for() {
    const PATIENCE: Duration = Duration::from_secs(4);
    let limits = Limits {
        outage_max: PATIENCE,
        ..hasty()
    };
    let away = Reply::html(502).header("retry-after", "3");
    let server = away_for(1, usize::MAX, away);
    let client = connected(server.base_url(), limits).await;
    client.complete(&request("Before?")).await.unwrap();
    let asked_at = Instant::now();
    let error = client.complete(&request("After?")).await.unwrap_err();
    assert_eq!(error.run_stop(), Some(RunStop::EndpointDead));
    let lasted = asked_at.elapsed();
    assert!(
        lasted >= PATIENCE && lasted < PATIENCE.mul_f64(1.4),
        "{lasted:?}"
    );
    // Before, at once, after three seconds, at the end, and something harmless then.
    assert_eq!(server.chat_count(), 5);
}

/// One of several servers behind an address is gone; another still works on what it was sent before.
#[tokio::test]
async fn an_answer_ends_the_pause_of_an_outage() {
    let limits = Limits {
        backoff_first: Duration::from_secs(20),
        ..Limits::default()
    };
    let server = ModelServer::scripted(|seen| match seen.nth {
        1 => answer(seen).after(Duration::from_secs(1)),
        2 => Reply::html(502),
        _ => answer(seen),
    });
    let client = connected(server.base_url(), limits).await;
    client.complete(&request("Before?")).await.unwrap();
    let two = [request("Before, too?"), request("After?")];
    let two = futures_util::future::join_all(two.iter().map(|one| client.complete(one)));
    let two = tokio::time::timeout(Duration::from_secs(5), two).await;
    let two = two.expect("the pause is at least half of the first back-off");
    two.into_iter().for_each(|result| drop(result.unwrap()));
    assert_eq!(server.chat_count(), 4);
}

/// "At once" may be asked for where nobody is served for long.
#[tokio::test]
async fn a_server_that_asks_for_no_wait_is_not_asked_without_end() {
    let limits = Limits {
        backoff_first: Duration::from_millis(100),
        backoff_max: Duration::from_millis(400),
        outage_max: Duration::from_secs(4),
        ..hasty()
    };
    let busy = Reply::error(429, "rate_limit_exceeded", "slow down").header("retry-after", "0");
    let served = AtomicUsize::new(0);
    let server = ModelServer::scripted(move |seen| match served.fetch_add(1, SeqCst) {
        0 => answer(seen),
        _ => busy.clone(),
    });
    let client = connected(server.base_url(), limits).await;
    client.complete(&request("Before?")).await.unwrap();
    client.complete(&request("After?")).await.unwrap_err();
    assert!(server.chat_count() <= 60, "{}", server.chat_count());
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
        // Five times, and between the last two something harmless.
        let asked = server.chat_count();
        assert_eq!(asked, 7, "{name}");
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

/// Whoever asks it asks for all who would know, within what the user allows, and so that no cache has the answer.
#[tokio::test]
async fn something_harmless_is_asked_by_one_for_all() {
    let is_bad = |seen: &Seen| seen.texts("user")[0].contains("load_config");
    let server = ModelServer::scripted(move |seen| match (seen.nth, is_bad(seen)) {
        (0, _) => answer(seen),
        (_, false) => answer(seen).after(Duration::from_millis(200)),
        (_, true) => Reply::error(500, "", "oops").after(Duration::from_millis(20)),
    });
    let limits = Limits {
        concurrency: 2,
        ..hasty()
    };
    let client = connected(server.base_url(), limits).await;
    client.complete(&request("Before?")).await.unwrap();
    let requests: Vec<_> = (0..8).map(|n| request(&format!("Question {n}?"))).collect();
    let all = futures_util::future::join_all(requests.iter().map(|one| client.complete(one)));
    for result in all.await {
        let class = result.unwrap_err().class;
        assert!(matches!(class, ErrorClass::Transient(_)), "{class:?}");
    }
    let mut harmless = server.chats();
    harmless.retain(|seen| !is_bad(seen));
    let different: HashSet<_> = harmless.iter().map(|seen| &seen.raw).collect();
    assert!((1..=4).contains(&harmless.len()), "{}", harmless.len());
    assert_eq!(different.len(), harmless.len());
    assert_eq!(server.in_flight_most(), 2);
}

/// All chunks of the one new file, tried at once, say nothing of a server that answers something harmless.
#[test]
fn a_long_file_that_breaks_the_server_fails_alone() {
    let (template, repo) = over(1);
    let classes = (0..330).map(|n| QUEUE.replace("BoundedQueue", &format!("Queue{n:03}")));
    repo.remove("queue_00.py")
        .write("long.py", classes.collect::<Vec<_>>().join("\n\n"))
        .commit();
    template.run(&["scrape"]).expect(0);
    let model = ModelServer::scripted(|seen| match about_long(seen) {
        true => Reply::error(500, "", "oops"),
        false => answer(seen),
    });
    let (workspace, ran) = run(&template, &model, &[]);
    let mut chats = model.chats();
    chats.retain(about_long);
    let prompts: HashSet<_> = chats.into_iter().map(|seen| seen.raw).collect();
    assert!(prompts.len() >= 6, "{}", prompts.len());
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    let failed = failures(&workspace);
    assert!(
        failed.len() == 1 && failed[0].contains("long.py"),
        "{failed:?}"
    );
}

fn about_long(seen: &Seen) -> bool {
    seen.texts("user")
        .iter()
        .any(|text| text.contains("long.py"))
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

#[test]
fn a_firewall_that_blocks_one_prompt_fails_one_file() {
    let (template, repo) = over(5);
    let pages = [
        Reply::html(403),
        Reply::bytes(403, ""),
        Reply::html(404),
        Reply::html(405),
        Reply::redirect("http://127.0.0.1:9/blocked"),
    ];
    // The first file, the last one, and with everything else in flight.
    for (index, page) in pages.into_iter().enumerate() {
        // An endpoint that was never right is no firewall.
        let bad = if page.status == 403 { 0 } else { 4 };
        let model = ModelServer::scripted(move |seen| match is_about(seen, bad) {
            true => page.clone(),
            false => answer(seen),
        });
        let options = ["--concurrency", ["1", "8"][usize::from(index == 1)]];
        let (workspace, ran) = run(&template, &model, &options);
        assert_eq!(ran.code, 3, "{}", ran.stderr);
        let failed = failures(&workspace);
        assert!(
            failed.len() == 1
                && failed[0].contains(&format!("queue_{bad:02}.py"))
                && ["blocked: ", "firewall", "--exclude"]
                    .iter()
                    .all(|word| failed[0].contains(word)),
            "{failed:?}"
        );
        assert_eq!(workspace.count("FileHashes WHERE sample_id IS NOT NULL"), 4);
    }
    // The next night has nothing but one such file.
    repo.write("queue_05.py", QUEUE.replace("capacity", "capacity_05"))
        .commit();
    let model = ModelServer::scripted(|seen| match is_about(seen, 5) {
        true => Reply::html(403),
        false => answer(seen),
    });
    let (workspace, _) = run(&template, &model, &[]);
    workspace.run(&["scrape"]).expect(0);
    workspace.run(&PREPARE).expect(3);
    assert_eq!(failures(&workspace).len(), 1);
}

#[test]
fn a_key_that_nobody_takes_ends_the_run_even_where_a_page_says_so() {
    for files in [2, 30] {
        let (template, _repo) = over(files);
        let model = ModelServer::scripted(|_| Reply::html(403));
        let (workspace, ran) = run(&template, &model, &["--concurrency", "2"]);
        assert_eq!(ran.code, 77, "{}", ran.stderr);
        assert!(
            ran.stderr.contains("refused the credentials"),
            "{}",
            ran.stderr
        );
        assert_eq!(workspace.count("FileHashes"), 0);
        assert!(model.chat_count() <= 12, "{}", model.chat_count());
    }
    // Revoked, or moved away, in the middle of the run.
    let (template, _repo) = over(60);
    for (page, exit) in [(Reply::html(403), 77), (Reply::html(404), 69)] {
        let model = ModelServer::scripted(move |seen| match seen.nth < 6 {
            true => answer(seen),
            false => page.clone(),
        });
        let (workspace, ran) = run(&template, &model, &["--concurrency", "2"]);
        assert_eq!(ran.code, exit, "{}", ran.stderr);
        let failed = workspace.count("FailedFiles");
        assert!((8..12).contains(&failed), "{failed}: {}", ran.stderr);
        workspace.assert_sound();
    }
    // Files that a firewall blocks one after the other are no such thing.
    let (template, _repo) = over(30);
    let model = ModelServer::scripted(|seen| match (0..25).any(|n| is_about(seen, n)) {
        true => Reply::html(403),
        false => answer(seen),
    });
    let (workspace, ran) = run(&template, &model, &["--concurrency", "2"]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert_eq!(
        workspace.count("FailedFiles WHERE reason LIKE 'blocked:%'"),
        25
    );
}

#[test]
fn what_no_file_can_pass_ends_the_run_and_no_file_fails() {
    let (template, _repo) = over(40);
    let unended = |reason: Option<Value>| {
        move |seen: &Seen| {
            let mut reply = answer(seen);
            let mut body: Value = serde_json::from_slice(&reply.body).unwrap();
            let choice = body["choices"][0].as_object_mut().unwrap();
            choice.remove("finish_reason");
            reason
                .clone()
                .map(|reason| choice.insert("finish_reason".into(), reason));
            reply.body = body.to_string().into_bytes();
            reply
        }
    };
    type Script = Box<dyn Fn(&Seen) -> Reply + Send + Sync>;
    let table: [(&str, Script, &str); 6] = [
        (
            "400",
            Box::new(|_| Reply::html(400)),
            "400 Bad Request: (a web page)",
        ),
        (
            "422",
            Box::new(|_| Reply::error(422, "x", "odd thing")),
            "odd thing",
        ),
        (
            "415",
            Box::new(|_| Reply::bytes(415, "")),
            "415 Unsupported Media Type",
        ),
        ("406", Box::new(|_| Reply::html(406)), "406 Not Acceptable"),
        ("missing", Box::new(unended(None)), "no finish_reason"),
        (
            "null",
            Box::new(unended(Some(Value::Null))),
            "no finish_reason",
        ),
    ];
    for (name, script, says) in table {
        let model = ModelServer::scripted(script);
        let (workspace, ran) = run(&template, &model, &["--concurrency", "2"]);
        assert_eq!(ran.code, 69, "{name}: {}", ran.stderr);
        assert!(ran.stderr.contains(says), "{name}: {}", ran.stderr);
        for table in ["FileHashes", "FailedFiles", "TrainingSamples"] {
            assert_eq!(workspace.count(table), 0, "{name}: {table}");
        }
        assert!(ran.stderr.contains("untried"), "{name}: {}", ran.stderr);
        let told = ran
            .stderr
            .lines()
            .filter(|line| line.contains(" of 40 files"));
        told.for_each(|line| assert!(line.contains(" 0 of 40 files"), "{name}: {line}"));
        assert!(model.chat_count() <= 30, "{name}: {}", model.chat_count());
    }
}

#[test]
fn after_successes_files_fail_one_by_one_but_not_for_ever() {
    let (template, _repo) = over(90);
    let odd = |most: usize| {
        ModelServer::scripted(
            move |seen| match (10..10 + most).any(|n| is_about(seen, n)) {
                true => Reply::html(400),
                false => answer(seen),
            },
        )
    };
    let (workspace, ran) = run(&template, &odd(12), &["--concurrency", "4"]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert_eq!(workspace.count("FailedFiles"), 12);
    let (workspace, ran) = run(&template, &odd(80), &["--concurrency", "4"]);
    assert_eq!(ran.code, 69, "{}", ran.stderr);
    assert!(ran.stderr.contains("(a web page)"), "{}", ran.stderr);
    let failed = workspace.count("FailedFiles");
    assert!((50..60).contains(&failed), "{failed}");
    workspace.assert_sound();
}

/// Files that failed before and fail again say nothing about the server.
#[test]
fn old_failures_that_stay_do_not_end_every_run() {
    let (template, _repo) = over(12);
    let bad = |seen: &Seen| (1..12).any(|n| is_about(seen, n));
    let model = ModelServer::scripted(move |seen| match bad(seen) {
        true => Reply::html(400),
        false => answer(seen),
    });
    let (workspace, ran) = run(&template, &model, &["--concurrency", "1"]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    for _ in 0..2 {
        workspace.run(&["retry", "--questions", "1"]).expect(3);
    }
    assert_eq!(
        workspace.count("FailedFiles WHERE reason LIKE '%\"tries\":3%'"),
        11
    );
}

#[test]
fn a_named_model_needs_no_list() {
    let (template, _repo) = over(2);
    let lists = [
        Reply::error(404, "not_found", "no such path"),
        Reply::error(500, "", "oops"),
        Reply::html(200),
        Reply::html(403),
        Reply::bytes(200, ""),
        Reply::json(200, json!({"object": "list", "data": []})),
        Reply::bytes(200, "").manner(Manner::Hang),
        Reply::bytes(200, "").manner(Manner::ResetBeforeHeaders),
    ];
    for list in lists {
        let name = format!(
            "{} {:?} {:?}",
            list.status,
            list.manner,
            String::from_utf8_lossy(&list.body)
        );
        let model = ModelServer::scripted_whole(move |seen| match seen.method.as_str() {
            "POST" => answer(seen),
            _ => list.clone(),
        });
        let mut workspace = template.twin(&model.base_url());
        let patience = ["--total-timeout", "1"];
        workspace.run(&[&PREPARE[..], &patience].concat());
        assert_eq!(model.chat_count(), 0, "{name}: no model is named");
        workspace.set_env("OPENAI_MODEL", MODEL);
        let ran = workspace.run(&[&PREPARE[..], &patience, &["-v"]].concat());
        assert_eq!(ran.code, 0, "{name}: {}", ran.stderr);
        assert_eq!(
            ran.stderr.matches("all the same").count(),
            1,
            "{name}: {}",
            ran.stderr
        );
        let ran = workspace.run(&[&["check", "--json"][..], &patience].concat());
        let report = ran.expect(0).json();
        let lines = report["checks"].as_array().unwrap();
        let line = lines.iter().find(|line| line["name"] == "models").unwrap();
        assert_eq!(line["state"], "warn", "{name}: {line}");
    }
}

#[test]
fn check_fails_where_no_answer_would_be_kept() {
    let (template, _repo) = over(1);
    let model = ModelServer::scripted(|seen| {
        let reply = answer(seen);
        let body = String::from_utf8(reply.body.clone()).unwrap();
        Reply::bytes(
            200,
            body.replace(r#""finish_reason":"stop""#, r#""finish_reason":null"#),
        )
    });
    let workspace = template.twin(&model.base_url());
    let report = workspace.run(&["check", "--json"]).expect(69).json();
    let lines = report["checks"].as_array().unwrap();
    let line = lines
        .iter()
        .find(|line| line["name"] == "finish_reason")
        .unwrap();
    assert_eq!(line["state"], "fail", "{line}");
    assert!(line["cure"].is_string(), "{line}");
}
