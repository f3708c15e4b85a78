//! The client against a scripted server: every way a server can fail, and what becomes of it.

use crate::model_server::{MODEL, Manner, ModelServer, Reply, Seen, answer};
use pipeline::domain::failure::FailureCode;
use pipeline::llm::*;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

const KEY: &str = "sk-test-0123456789abcdef";

fn limits() -> Limits {
    Limits {
        concurrency: 8,
        backoff_first: Duration::from_millis(2),
        backoff_max: Duration::from_millis(10),
        body_bytes_max: 1 << 20,
        ..Limits::default()
    }
}

/// For servers that keep a client waiting.
fn hasty() -> Limits {
    Limits {
        idle_timeout: Duration::from_millis(150),
        total_timeout: Duration::from_millis(400),
        ..limits()
    }
}

fn endpoint(base_url: String) -> Endpoint {
    Endpoint {
        base_url,
        api_key: Secret::new(KEY),
        model: None,
    }
}

async fn client(server: &ModelServer) -> Client {
    Client::connect(&endpoint(server.base_url()), limits())
        .await
        .unwrap()
}

fn request(task: &str, output: Output) -> Request {
    Request {
        prefix: Arc::new(Prefix::new(
            "You answer.",
            "fn load_config(path: &str) -> Config { parse_lines(path) }\n",
        )),
        task: task.to_owned(),
        follow: Vec::new(),
        output,
        tokens_max: 64,
        temperature: 0.5,
        seed: Some(1),
    }
}

fn text_request() -> Request {
    request("What does `load_config` do?", Output::Text)
}

fn json_request() -> Request {
    let schema = json!({"type": "object", "properties": {"questions": {"type": "array", "items": {"type": "string"}}}});
    request(
        "Ask.",
        Output::Json(Arc::new(Schema::new("questions", &schema))),
    )
}

/// Sends one plain request to a server that answers by `script`; what came of it and how often the server was asked.
async fn outcome(
    script: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
) -> (Result<Completion, LlmError>, usize) {
    outcome_within(limits(), script).await
}

async fn outcome_within(
    limits: Limits,
    script: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
) -> (Result<Completion, LlmError>, usize) {
    let server = ModelServer::scripted(script);
    let client = Client::connect(&endpoint(server.base_url()), limits)
        .await
        .unwrap();
    (client.complete(&text_request()).await, server.chat_count())
}

/// Messages are cut to a line, and a cut through the key must not leave the half of it that nobody looks for.
#[tokio::test]
async fn no_message_ends_in_half_a_key() {
    for before in (150..260).step_by(7) {
        let message = format!("{}{KEY}", "x".repeat(before));
        let (result, _) = outcome(move |_| Reply::error(400, "", &message)).await;
        let message = result.unwrap_err().message;
        assert!(!message.contains(&KEY[..4]), "{before}: {message}");
    }
}

async fn class_of(reply: Reply) -> (ErrorClass, usize) {
    let limits = if matches!(reply.manner, Manner::Hang) {
        hasty()
    } else {
        limits()
    };
    let (result, asked) = outcome_within(limits, move |_| reply.clone()).await;
    let error = result.unwrap_err();
    assert!(!error.message.contains('\n'), "{error}");
    assert!(!error.to_string().contains(KEY) && !format!("{error:?}").contains(KEY));
    (error.class, asked)
}

#[tokio::test]
async fn a_good_answer_carries_all_that_the_server_told() {
    let server = ModelServer::start();
    let client = client(&server).await;
    let done = client.complete(&text_request()).await.unwrap();
    assert!(done.text.contains("`load_config`") && done.text.contains("`parse_lines`"));
    assert_eq!(
        (
            done.model.as_str(),
            done.finish_reason.as_str(),
            done.attempts
        ),
        (MODEL, "stop", 1)
    );
    assert_eq!(done.sent.temperature, Some(0.5));
    let stored = serde_json::to_string(&done).unwrap();
    assert_eq!(serde_json::from_str::<Completion>(&stored).unwrap(), done);
    let chats = server.chats();
    assert_eq!(
        chats[0].header("authorization"),
        Some(format!("Bearer {KEY}").as_str())
    );
    assert_eq!(chats[0].path, "/v1/chat/completions");
    assert!(
        chats[0]
            .raw
            .starts_with(br#"{"model":"test-model","messages":["#)
    );
    let numbers = client.snapshot();
    assert_eq!(
        (
            numbers.requests,
            numbers.completions,
            numbers.gate.in_flight
        ),
        (1, 1, 0)
    );
}

/// Failures that last: the class that the caller gets, and how often the server was asked.
#[tokio::test]
async fn lasting_failures_end_in_their_class() {
    use FailureCode::*;
    let transient = |code| (ErrorClass::Transient(code), 5);
    let item = |code| (ErrorClass::Item(code), 1);
    let stop = |stop| (ErrorClass::Run(stop), 1);
    let good = || Reply::text("fine");
    let finish = |reason| Reply::completion(json!({"content": "cut"}), reason);
    let table = [
        (
            "429 in seconds",
            Reply::refused("0"),
            transient(RateLimited),
        ),
        (
            "429 by date",
            Reply::refused("Fri, 15 Jan 2021 08:00:00 GMT"),
            transient(RateLimited),
        ),
        (
            "429 in ms",
            Reply::error(429, "", "").header("retry-after-ms", "1"),
            transient(RateLimited),
        ),
        (
            "429 with reset headers",
            Reply::error(429, "", "")
                .header("x-ratelimit-remaining-requests", "0")
                .header("x-ratelimit-reset-requests", "2ms"),
            transient(RateLimited),
        ),
        (
            "429 without a hint",
            Reply::error(429, "", ""),
            transient(RateLimited),
        ),
        (
            "429 for a day",
            Reply::refused("86400"),
            stop(RunStop::WaitTooLong),
        ),
        (
            "429 without quota",
            Reply::error(429, "insufficient_quota", "pay"),
            stop(RunStop::Quota),
        ),
        ("500", Reply::error(500, "", "oops"), transient(ServerError)),
        ("502 with a page", Reply::html(502), transient(ServerError)),
        ("503", Reply::bytes(503, ""), transient(ServerError)),
        ("504", Reply::bytes(504, ""), transient(ServerError)),
        ("408", Reply::bytes(408, ""), transient(Timeout)),
        ("409", Reply::bytes(409, ""), transient(ServerError)),
        ("400", Reply::error(400, "", "bad"), item(InvalidRequest)),
        (
            "422",
            Reply::json(422, json!({"detail": []})),
            item(InvalidRequest),
        ),
        (
            "401",
            Reply::error(401, "invalid_api_key", "no"),
            stop(RunStop::Credentials),
        ),
        ("402", Reply::bytes(402, ""), stop(RunStop::Quota)),
        (
            "403",
            Reply::error(403, "forbidden", ""),
            stop(RunStop::Credentials),
        ),
        ("a bare 403", Reply::bytes(403, ""), item(Blocked)),
        (
            "404 model",
            Reply::error(404, "model_not_found", "no model"),
            stop(RunStop::ModelUnknown),
        ),
        ("404 path", Reply::html(404), stop(RunStop::EndpointWrong)),
        (
            "redirect",
            Reply::redirect("http://127.0.0.1:9/v1"),
            stop(RunStop::EndpointWrong),
        ),
        (
            "context length",
            Reply::error(
                400,
                "context_length_exceeded",
                "maximum context length is 4096 tokens",
            ),
            (
                ErrorClass::Shrink {
                    context_tokens: Some(4096),
                },
                1,
            ),
        ),
        (
            "413",
            Reply::bytes(413, ""),
            (
                ErrorClass::Shrink {
                    context_tokens: None,
                },
                1,
            ),
        ),
        (
            "close in body",
            good().manner(Manner::CloseInBody),
            transient(Connection),
        ),
        (
            "truncated JSON",
            Reply::bytes(200, r#"{"choices":[{"mess"#),
            transient(MalformedResponse),
        ),
        (
            "page with 200",
            Reply::html(200),
            transient(MalformedResponse),
        ),
        (
            "empty 200",
            Reply::bytes(200, ""),
            transient(MalformedResponse),
        ),
        ("204", Reply::bytes(204, ""), transient(MalformedResponse)),
        (
            "invalid UTF-8",
            Reply::bytes(200, b"{\"choices\":[{\"message\":{\"content\":\"\xff\"}}]}"),
            transient(MalformedResponse),
        ),
        (
            "error in 200",
            Reply::json(200, json!({"error": {"message": "overloaded"}})),
            transient(ServerError),
        ),
        (
            "401 in 200",
            Reply::json(200, json!({"error": {"code": 401}})),
            stop(RunStop::Credentials),
        ),
        (
            "no choices",
            Reply::json(200, json!({"choices": []})),
            transient(MalformedResponse),
        ),
        (
            "null content",
            Reply::completion(json!({"content": null}), "stop"),
            item(EmptyCompletion),
        ),
        ("empty content", Reply::text(" "), item(EmptyCompletion)),
        (
            "thoughts only",
            Reply::text("<think>hm"),
            item(EmptyCompletion),
        ),
        ("length", finish("length"), item(Truncated)),
        (
            "content filter",
            finish("content_filter"),
            item(ContentFilter),
        ),
        ("tool calls", finish("tool_calls"), item(UncleanFinish)),
        (
            "refusal",
            Reply::completion(json!({"content": null, "refusal": "no"}), "stop"),
            item(Refusal),
        ),
        (
            "20 MB",
            Reply::text(&"x".repeat(20 << 20)),
            item(ResponseTooLarge),
        ),
        (
            "gzip bomb",
            Reply::gzip_bomb(16 << 20),
            item(ResponseTooLarge),
        ),
        (
            "broken gzip",
            Reply::bytes(200, "not gzip").header("content-encoding", "gzip"),
            transient(Connection),
        ),
    ];
    for (name, reply, expected) in table {
        assert_eq!(class_of(reply).await, expected, "{name}");
    }
}

/// Nobody hears anything from these servers, so the breaker ends the run.
#[tokio::test]
async fn a_mute_server_is_dead() {
    for manner in [Manner::ResetBeforeHeaders, Manner::Hang] {
        let expected = (ErrorClass::Run(RunStop::EndpointDead), 5);
        assert_eq!(
            class_of(Reply::text("x").manner(manner)).await,
            expected,
            "{manner:?}"
        );
    }
}

/// Failures that pass: the answer is kept, and it is one of the later attempts whole, never two joined.
#[tokio::test]
async fn passing_failures_leave_no_trace_but_the_attempts() {
    let drip = Manner::Drip(Duration::from_millis(60));
    let first = [
        Reply::text("half").manner(Manner::ResetBeforeHeaders),
        Reply::text("half").manner(Manner::ResetInBody),
        Reply::text("half").manner(Manner::CloseInBody),
        Reply::text("half").manner(Manner::Hang),
        Reply::text("half").manner(Manner::Stall),
        Reply::text("half").manner(drip),
        Reply::refused("0"),
        Reply::error(429, "", "").header("retry-after-ms", "3"),
        Reply::html(502),
    ];
    for bad in first {
        let manner = bad.manner;
        let waits = matches!(manner, Manner::Hang | Manner::Stall | Manner::Drip(_));
        let limits = if waits { hasty() } else { limits() };
        let (result, asked) = outcome_within(limits, move |seen| match seen.nth {
            0 => bad.clone(),
            _ => Reply::text("whole"),
        })
        .await;
        let done = result.unwrap();
        assert_eq!(
            (done.text.as_str(), done.attempts as usize),
            ("whole", asked),
            "{manner:?}"
        );
        assert!(asked == 2 || waits && asked > 2, "{manner:?}");
    }
}

#[tokio::test]
async fn slow_and_odd_but_well_answers_are_kept() {
    let slow = Reply::bytes(
        200,
        r#"{"choices":[{"message":{"content":"A"},"finish_reason":"stop"}]}"#,
    );
    let drip = Manner::Drip(Duration::from_millis(1));
    let table = [
        slow.clone().after(Duration::from_millis(100)),
        slow.clone().manner(drip),
        slow.clone()
            .header("content-type", "text/plain; charset=latin1"),
        slow.header("connection", "close"),
        Reply::completion(json!({"content": "<think>hm</think>\nA"}), "stop"),
        Reply::completion(json!({"content": "A", "reasoning_content": "hm"}), "stop"),
        Reply::completion(json!({"content": [{"type": "text", "text": "A"}]}), "stop"),
        Reply::json(
            200,
            json!({"error": null, "choices": [{"message": {"content": "A"}, "finish_reason": "STOP"}], "usage": null}),
        ),
        Reply::json(
            201,
            json!({"choices": [{"message": {"content": "A"}, "finish_reason": "stop"}], "usage": {"prompt_tokens": "many"}}),
        ),
    ];
    for reply in table {
        let (result, asked) = outcome(move |_| reply.clone()).await;
        assert_eq!((result.unwrap().text.as_str(), asked), ("A", 1));
    }
}

#[tokio::test]
async fn the_ladder_is_learnt_once_and_remembered() {
    let server = ModelServer::scripted(|seen| {
        let format = seen.body["response_format"]["type"].as_str();
        if let Some(format @ ("json_schema" | "json_object")) = format {
            return Reply::error(
                400,
                "",
                &format!("'response_format' of type '{format}' is not supported"),
            );
        }
        for (field, cure) in [
            ("max_tokens", "Use 'max_completion_tokens' instead."),
            ("temperature", ""),
            ("seed", ""),
        ] {
            if !seen.body[field].is_null() {
                let message = format!(
                    "Unsupported parameter: '{field}' is not supported with this model. {cure}"
                );
                return Reply::json(
                    400,
                    json!({"error": {"message": message, "param": field, "code": "unsupported_parameter"}}),
                );
            }
        }
        answer(seen)
    });
    let first = client(&server).await;
    let done = first.complete(&json_request()).await.unwrap();
    assert!(serde_json::from_str::<serde_json::Value>(&done.text).unwrap()["questions"].is_array());
    assert_eq!(done.sent.structure, Some(Structure::Tagged));
    assert_eq!(
        (done.sent.temperature, done.sent.seed, done.attempts),
        (None, None, 6)
    );
    assert_eq!(first.snapshot().adapted, 5);
    assert_eq!(first.complete(&json_request()).await.unwrap().attempts, 1);

    let stored = serde_json::to_string(&first.profile()).unwrap();
    let second = client(&server).await;
    second.adopt(serde_json::from_str(&stored).unwrap());
    assert_eq!(second.complete(&json_request()).await.unwrap().attempts, 1);
    assert_eq!(
        json_request().cache_key(MODEL),
        json_request().cache_key(MODEL)
    );
}

#[tokio::test]
async fn many_first_requests_share_what_the_ladder_teaches() {
    let server =
        ModelServer::scripted(|seen| match seen.body["response_format"]["type"].as_str() {
            Some(format) => Reply::error(
                400,
                "",
                &format!("response_format {format} is not supported"),
            ),
            None => answer(seen),
        });
    let limits = Limits {
        concurrency: 64,
        ..limits()
    };
    let client = Client::connect(&endpoint(server.base_url()), limits)
        .await
        .unwrap();
    let requests: Vec<_> = (0..64).map(|_| json_request()).collect();
    let all =
        futures_util::future::join_all(requests.iter().map(|request| client.complete(request)))
            .await;
    let attempts = all.iter().map(|result| result.as_ref().unwrap().attempts);
    // Two rungs: nobody is refused more than once on each.
    assert!(attempts.max().unwrap() <= 3);
}

#[tokio::test]
async fn an_end_of_the_run_reaches_those_that_wait() {
    let server = ModelServer::scripted(|seen| match seen.nth {
        0 => Reply::error(401, "invalid_api_key", "revoked"),
        _ => Reply::text("late"),
    });
    let limits = Limits {
        concurrency: 1,
        ..limits()
    };
    let client = Client::connect(&endpoint(server.base_url()), limits)
        .await
        .unwrap();
    let requests: Vec<_> = (0..20).map(|_| text_request()).collect();
    let all =
        futures_util::future::join_all(requests.iter().map(|request| client.complete(request)))
            .await;
    for result in all {
        assert_eq!(result.unwrap_err().run_stop(), Some(RunStop::Credentials));
    }
    assert_eq!(server.chat_count(), 1);
    assert_eq!(
        client.stopped().unwrap().run_stop(),
        Some(RunStop::Credentials)
    );
}

#[tokio::test]
async fn a_failing_service_ends_the_run_before_all_files_are_tried() {
    let server = ModelServer::scripted(|_| Reply::error(500, "", "broken"));
    let client = client(&server).await;
    let mut transient = 0;
    loop {
        match client.complete(&text_request()).await.unwrap_err().class {
            ErrorClass::Transient(FailureCode::ServerError) => transient += 1,
            other => break assert_eq!(other, ErrorClass::Run(RunStop::EndpointDead)),
        }
    }
    assert_eq!(transient, 4);
}

/// A server that fails all requests but the harmless question, which it answers so, with its tokens used up.
fn failing_but(message: Value) -> ModelServer {
    let is_harmless = |seen: &Seen| seen.texts("user")[0].contains("even number");
    ModelServer::scripted(move |seen| match is_harmless(seen) {
        true => Reply::completion(message.clone(), "length"),
        false => Reply::error(500, "", "broken"),
    })
}

/// What the first of so many requests comes to that does not fail alone.
async fn first_end_of_run(client: &Client, requests: usize) -> Option<(usize, LlmError)> {
    let all = async {
        for nth in 0..requests {
            let error = client.complete(&text_request()).await.unwrap_err();
            if error.class != ErrorClass::Transient(FailureCode::ServerError) {
                return Some((nth, error));
            }
        }
        None
    };
    let ended = tokio::time::timeout(Duration::from_secs(20), all).await;
    ended.expect("it ends")
}

/// An answer of no use to the harmless question is no proof that anybody is served, and is not asked for again and again.
#[tokio::test]
async fn a_service_that_cuts_what_it_does_not_fail_ends_the_run() {
    let server = failing_but(json!({"content": "Yes"}));
    let client = client(&server).await;
    let (nth, error) = first_end_of_run(&client, 6).await.unwrap();
    assert_eq!((nth, error.run_stop()), (4, Some(RunStop::EndpointDead)));
    assert_eq!(server.chat_count(), 26);
}

/// A model that thinks is there, even where so few tokens are not enough for it to come to an answer.
#[tokio::test]
async fn a_model_that_thinks_about_the_harmless_question_is_there() {
    for message in [
        json!({"content": ""}),
        json!({"content": null, "reasoning": "Even numbers"}),
        json!({"content": "<think>Even numbers"}),
    ] {
        let server = failing_but(message);
        let client = client(&server).await;
        assert_eq!(first_end_of_run(&client, 6).await, None);
        // Five times each, the harmless question for the last two, and what was in doubt once more.
        assert_eq!(server.chat_count(), 33);
    }
}

#[tokio::test]
async fn a_key_that_the_server_echoes_is_blotted_out() {
    let echo = format!("your key is {KEY}");
    let said = echo.clone();
    let told = said.clone();
    let (class, _) = class_of(Reply::text(&told)).await;
    assert_eq!(class, ErrorClass::Item(FailureCode::SecretInAnswer));
    let thought = json!({"content": "A", "reasoning": said});
    let (result, _) = outcome(move |_| Reply::completion(thought.clone(), "stop")).await;
    assert_eq!(
        result.unwrap().reasoning.unwrap(),
        "your key is [key]",
        "thoughts are no answer"
    );
    for status in [400, 401, 403, 404, 500] {
        class_of(Reply::error(status, KEY, &echo)).await;
        class_of(Reply::bytes(status, echo.clone())).await;
    }
    let server = ModelServer::scripted_whole(move |_| Reply::error(401, "", &echo));
    let error = Client::connect(&endpoint(server.base_url()), limits())
        .await
        .unwrap_err();
    assert!(!format!("{error:?}").contains(KEY));
}

#[tokio::test]
async fn a_redirect_takes_neither_key_nor_text_elsewhere() {
    let other = ModelServer::start();
    let target = format!("{}/chat/completions", other.base_url());
    class_of(Reply::redirect(&target)).await;
    assert!(other.requests().is_empty());
}

#[tokio::test]
async fn a_prompt_cut_in_silence_is_noticed() {
    let server = ModelServer::start();
    let client = client(&server).await;
    let mut long = text_request();
    long.prefix = Arc::new(Prefix::new(
        "",
        &"let value = compute(value);\n".repeat(1000),
    ));
    assert!(client.complete(&long).await.is_ok());
    drop(server);
    let (result, asked) = {
        let server = ModelServer::scripted(|_| Reply::text("A"));
        let client = Client::connect(&endpoint(server.base_url()), limits())
            .await
            .unwrap();
        (client.complete(&long).await, server.chat_count())
    };
    let error = result.unwrap_err();
    assert_eq!(
        (error.class, asked),
        (ErrorClass::Item(FailureCode::PromptTruncated), 1)
    );
    assert_eq!(error.usage.total(), 120);
}

#[tokio::test]
async fn connecting_names_what_is_wrong() {
    let listing = |ids: &[&str]| {
        let data: Vec<_> = ids.iter().map(|id| json!({"id": id})).collect();
        ModelServer::scripted_whole(move |_| Reply::json(200, json!({"data": data})))
    };
    let stop = async |server: &ModelServer, model: Option<&str>| {
        let endpoint = Endpoint {
            model: model.map(str::to_owned),
            ..endpoint(server.base_url())
        };
        let error = Client::connect(&endpoint, limits()).await.unwrap_err();
        (error.run_stop().unwrap(), error.message)
    };
    let two = listing(&["alpha", "beta"]);
    let (several, message) = stop(&two, None).await;
    assert_eq!(several, RunStop::ModelChoice);
    assert!(message.contains("alpha, beta"));
    assert_eq!(stop(&two, Some("gamma")).await.0, RunStop::ModelUnknown);
    assert_eq!(stop(&listing(&[]), None).await.0, RunStop::ModelChoice);
    let answering = |reply: Reply| ModelServer::scripted_whole(move |_| reply.clone());
    assert_eq!(
        stop(&answering(Reply::error(401, "", "")), None).await.0,
        RunStop::Credentials
    );
    assert_eq!(
        stop(&answering(Reply::html(200)), None).await.0,
        RunStop::EndpointWrong
    );
    assert_eq!(
        stop(&answering(Reply::bytes(404, "")), None).await.0,
        RunStop::ModelChoice
    );
    assert_eq!(
        stop(&answering(Reply::bytes(503, "loading")), Some("m"))
            .await
            .0,
        RunStop::EndpointDead
    );
    let unlisted = answering(Reply::bytes(404, ""));
    let named = Endpoint {
        model: Some("m".into()),
        ..endpoint(unlisted.base_url())
    };
    assert_eq!(
        Client::connect(&named, limits()).await.unwrap().model(),
        "m"
    );
}

#[tokio::test]
async fn a_dead_port_is_told_at_once() {
    let port = ModelServer::start().port();
    let error = Client::connect(&endpoint(format!("http://127.0.0.1:{port}/v1")), limits())
        .await
        .unwrap_err();
    assert_eq!(error.run_stop(), Some(RunStop::EndpointDead));
}

#[tokio::test]
async fn servers_on_this_machine_are_found_in_order() {
    let (first, second) = (ModelServer::start(), ModelServer::start());
    let dead = ModelServer::start().port();
    let servers = [dead, second.port(), first.port()].map(|port| LocalServer {
        name: "local",
        port,
    });
    let found = discover(&servers).await;
    let ports: Vec<_> = found.iter().map(|found| found.server.port).collect();
    assert_eq!(ports, [second.port(), first.port()]);
    assert_eq!(found[0].models[0].id, MODEL);
    assert_eq!(first.requests()[0].header("authorization"), None);
    assert!(
        Client::connect(&found[0].endpoint(None), limits())
            .await
            .is_ok()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn connections_and_requests_stay_within_the_concurrency() {
    const CONCURRENCY: usize = 24;
    const REQUESTS: usize = 1000;
    // The first ones take so long that the limit is reached; the others so little that connections change hands all the time.
    let server = ModelServer::scripted(|seen| match seen.nth {
        0..CONCURRENCY => answer(seen).after(Duration::from_millis(300)),
        nth => answer(seen).after(Duration::from_millis(u64::from(nth % 3 == 0))),
    });
    let limits = Limits {
        concurrency: CONCURRENCY,
        ..limits()
    };
    let client = Arc::new(
        Client::connect(&endpoint(server.base_url()), limits)
            .await
            .unwrap(),
    );
    let left = Arc::new(AtomicUsize::new(REQUESTS));
    let worker = |_| {
        let (client, left) = (Arc::clone(&client), Arc::clone(&left));
        tokio::spawn(async move {
            while left
                .fetch_update(SeqCst, SeqCst, |n| n.checked_sub(1))
                .is_ok()
            {
                client.complete(&text_request()).await.unwrap();
            }
        })
    };
    for worker in (0..2 * CONCURRENCY).map(worker).collect::<Vec<_>>() {
        worker.await.unwrap();
    }
    assert_eq!(server.chat_count(), REQUESTS);
    assert!(
        server.open_most() <= CONCURRENCY,
        "{} connections",
        server.open_most()
    );
    assert_eq!(server.in_flight_most(), CONCURRENCY);
}

#[tokio::test]
async fn retry_after_pauses_every_request_once() {
    let server = ModelServer::scripted(|seen| match seen.nth {
        0 => Reply::error(429, "", "").header("retry-after-ms", "50"),
        _ => answer(seen),
    });
    let limits = Limits {
        concurrency: 1,
        ..limits()
    };
    let client = Client::connect(&endpoint(server.base_url()), limits)
        .await
        .unwrap();
    let requests: Vec<_> = (0..8).map(|_| text_request()).collect();
    let all =
        futures_util::future::join_all(requests.iter().map(|request| client.complete(request)))
            .await;
    assert!(all.iter().all(Result::is_ok));
    let chats = server.chats();
    assert_eq!((chats.len(), client.snapshot().refused), (9, 1));
    assert!(chats[1].at - chats[0].at >= Duration::from_millis(50));
}

/// A line in front of llama.cpp's slots would cost every prompt its cached prefix.
#[tokio::test]
async fn a_server_that_tells_its_places_is_sent_no_more_at_once() {
    let server = ModelServer::scripted_whole(|seen| match &seen.path[..] {
        path if path.ends_with("/models") => Reply::json(
            200,
            json!({"data": [{"id": MODEL, "object": "model", "owned_by": "llamacpp"}]}),
        ),
        "/props" => Reply::json(200, json!({"total_slots": 2})),
        _ => Reply {
            delay: Duration::from_millis(20),
            ..answer(seen)
        },
    });
    let client = Client::connect(&endpoint(server.base_url()), limits())
        .await
        .unwrap();
    assert_eq!(client.places(), Some(2));
    let request = text_request();
    let all = futures_util::future::join_all((0..12).map(|_| client.complete(&request)));
    for result in all.await {
        result.unwrap();
    }
    assert_eq!(server.in_flight_most(), 2);
}
