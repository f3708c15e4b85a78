//! How fast requests leave: servers that limit, allowances of the user, a server nobody knows yet. Shares of requests are asserted,
//! and least distances between them, which a slow machine only widens; how much of a rate is used is the benchmark's to show.

use crate::model_server::{ModelServer, Reply, Seen, answer};
use crate::workspace::{Repo, Workspace};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Enough for every limit below to be met many times over.
const FILES: usize = 36;

/// A workspace whose files take one question and its answer each.
fn many_files(model: &ModelServer) -> Workspace {
    let workspace = Workspace::with_model(&model.base_url());
    let repo = Repo::new(&workspace.origin().join("demo"));
    for nth in 0..FILES {
        let text = format!(
            "\"\"\"Keeps parcel {nth}.\"\"\"\n\n\ndef weigh_parcel_{nth}(parcel_weight, tare_weight):\n    \
             net_weight = parcel_weight - tare_weight\n    if net_weight > {nth}00:\n        \
             raise ValueError(\"parcel {nth} is too heavy\")\n    return net_weight * {nth}\n"
        );
        repo.write(&format!("src/parcel_{nth}.py"), text);
    }
    repo.commit();
    workspace.list_repos(&[&repo.url()]);
    workspace.run(&["scrape"]).expect(0);
    workspace
}

/// Prepares every file against a server of this script, at most 64 requests at a time, and gives back what the server saw.
fn prepare(script: impl Fn(&Seen) -> Reply + Send + Sync + 'static, more: &[&str]) -> Vec<Seen> {
    let model = ModelServer::scripted(script);
    let workspace = many_files(&model);
    let arguments = ["prepare", "--questions", "1", "--concurrency", "64"];
    workspace.run(&[&arguments, more].concat()).expect(0);
    assert_eq!(
        workspace.count("FileHashes WHERE sample_id IS NOT NULL"),
        FILES as u64
    );
    workspace.assert_sound();
    model.chats()
}

/// A server that refuses what it does not take, for so long.
fn limited(
    takes: impl Fn(&Seen) -> bool + Send + Sync + 'static,
    retry_after_ms: &'static str,
) -> impl Fn(&Seen) -> Reply + Send + Sync + 'static {
    move |seen| match takes(seen) {
        true => answer(seen).after(Duration::from_millis(40)),
        false => Reply::error(429, "rate_limit_exceeded", "slow down")
            .header("retry-after-ms", retry_after_ms),
    }
}

/// What is sent beyond the two requests a file needs was refused.
#[track_caller]
fn assert_seldom_refused(seen: &[Seen]) {
    let refused = seen.len() - 2 * FILES;
    assert!(
        refused * 4 <= seen.len(),
        "{refused} of {} requests refused",
        seen.len()
    );
}

/// A bucket of this many a second that holds so many.
fn bucket(per_sec: f64, burst: f64) -> impl Fn(&Seen) -> bool + Send + Sync {
    let state = Mutex::new((burst, Instant::now()));
    move |_| {
        let mut state = state.lock().unwrap();
        let now = Instant::now();
        let level = (state.0 + (now - state.1).as_secs_f64() * per_sec).min(burst);
        let takes = level >= 1.0;
        *state = (level - f64::from(u8::from(takes)), now);
        takes
    }
}

#[test]
fn a_server_that_counts_requests_a_second_seldom_refuses() {
    let seen = prepare(limited(bucket(16.0, 4.0), "250"), &[]);
    assert_seldom_refused(&seen);
}

#[test]
fn a_server_that_counts_requests_in_flight_seldom_refuses() {
    let seen = prepare(limited(|seen| seen.in_flight <= 2, "100"), &[]);
    assert_seldom_refused(&seen);
}

/// Eight in each quarter of a second, told on every answer and never by a refusal's own headers.
#[test]
fn an_allowance_told_by_headers_is_kept_to() {
    const WINDOW: Duration = Duration::from_millis(250);
    const LIMIT: usize = 8;
    let window = Mutex::new((0, Instant::now()));
    let seen = prepare(
        move |seen| {
            let mut window = window.lock().unwrap();
            if window.1.elapsed() >= WINDOW {
                *window = (0, Instant::now());
            }
            window.0 += 1;
            let reply = match window.0 <= LIMIT {
                true => answer(seen),
                false => Reply::error(429, "rate_limit_exceeded", "slow down"),
            };
            let reset = WINDOW.saturating_sub(window.1.elapsed());
            reply
                .header("x-ratelimit-limit-requests", &LIMIT.to_string())
                .header(
                    "x-ratelimit-remaining-requests",
                    &LIMIT.saturating_sub(window.0).to_string(),
                )
                .header(
                    "x-ratelimit-reset-requests",
                    &format!("{}ms", reset.as_millis()),
                )
        },
        &[],
    );
    assert_seldom_refused(&seen);
}

/// Half of the least time, since what arrives is not spaced as evenly as what leaves.
#[track_caller]
fn assert_spread(seen: &[Seen], least_secs: f64) {
    let span = seen[seen.len() - 1].at - seen[0].at;
    assert!(
        span.as_secs_f64() >= least_secs / 2.0,
        "{} requests in {span:?}",
        seen.len()
    );
}

#[test]
fn the_users_own_allowances_are_kept_to() {
    const PER_MINUTE: f64 = 1500.0;
    let seen = prepare(answer, &["--requests-per-minute", "1500"]);
    assert_eq!(seen.len(), 2 * FILES);
    let per_sec = PER_MINUTE / 60.0;
    assert_spread(&seen, (seen.len() as f64 - per_sec) / per_sec);

    let seen = prepare(
        answer,
        &["--tokens-per-minute", "1000000", "--max-tokens", "64"],
    );
    let tokens: usize = seen.iter().map(|seen| seen.raw.len() / 5).sum();
    let per_sec = 1_000_000.0 / 60.0;
    assert_spread(&seen, (tokens as f64 - per_sec) / per_sec);
}

/// It knows neither `json_schema` nor `max_tokens`; of 36 files that wait, few find that out.
#[test]
fn a_server_nobody_knows_yet_is_found_out_by_few() {
    let seen = prepare(
        |seen| {
            let has = |field: &str| !seen.body[field].is_null();
            if seen.body["response_format"]["type"] == "json_schema" {
                Reply::error(
                    400,
                    "invalid_request_error",
                    "'response_format.type' must be 'text' or 'json_object'",
                )
            } else if has("max_tokens") {
                Reply::error(
                    400,
                    "unsupported_parameter",
                    "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
                )
            } else {
                answer(seen)
            }
            .after(Duration::from_millis(60))
        },
        &[],
    );
    // A busy machine may let a few more go out before the first complaint is back.
    let least = 2 * FILES + 2;
    assert!((least..least + 6).contains(&seen.len()), "{}", seen.len());
}
