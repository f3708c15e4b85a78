//! Budgets: never passed, and a run that goes on where the last one stopped pays for nothing again.

use crate::kills::many_files;
use crate::model_server::{MODEL, Manner, ModelServer, Reply, Seen, answer};
use crate::workspace::{Repo, Workspace};
use serde_json::{Value, json};
use std::collections::HashSet;

const QUEUE: &str = crate::generation::QUEUE;

/// Six files, so that several limits can be met on the way.
fn scraped(model: &ModelServer) -> Workspace {
    let workspace = Workspace::with_model(&model.base_url());
    let repo = Repo::new(&workspace.origin().join("demo"));
    for name in ["alpha", "bravo", "charlie", "delta", "echo", "foxtrot"] {
        let text = QUEUE.replace("capacity", &format!("{name}_capacity"));
        repo.write(&format!("{name}.py"), text);
    }
    repo.commit();
    workspace.list_repos(&[&repo.url()]);
    workspace.run(&["scrape"]).expect(0);
    workspace
}

/// A price table for the scripted model: a dollar per thousand tokens, half of it for cached ones.
fn with_prices(workspace: &mut Workspace) {
    let path = workspace.path().join("prices.json");
    let table = json!({"models": [
        {"model": MODEL, "prompt": 1000, "cached_prompt": 500, "completion": 1000},
        {"model": "free", "prompt": 0, "completion": 0}
    ]});
    std::fs::write(&path, table.to_string()).unwrap();
    workspace.set_env("PIPELINE_PRICES", path.to_str().unwrap());
}

fn tokens_told(seen: &[Seen]) -> u64 {
    let told = |seen: &Seen| {
        let body: Value = serde_json::from_slice(&answer(seen).body).unwrap();
        body["usage"]["total_tokens"].as_u64().unwrap()
    };
    seen.iter().map(told).sum()
}

fn repeats(seen: &[Seen]) -> usize {
    let bodies: HashSet<_> = seen.iter().map(|seen| &seen.raw).collect();
    seen.len() - bodies.len()
}

/// Runs again and again under one limit until nothing is left to do; `check` sees the requests of each run.
fn run_to_the_end(
    workspace: &Workspace,
    model: &ModelServer,
    limit: &[&str],
    check: impl Fn(&[Seen], &Value),
) -> usize {
    let mut arguments = vec!["prepare", "--json", "--questions", "1"];
    arguments.extend(limit);
    for runs in 1..100 {
        let before = model.chats().len();
        let ran = workspace.run(&arguments);
        let summary = ran.json();
        check(&model.chats()[before..], &summary);
        workspace.assert_sound();
        if ran.code == 0 {
            assert_eq!(repeats(&model.chats()), 0, "a paid call was repeated");
            assert_eq!(workspace.count("FileHashes WHERE sample_id IS NOT NULL"), 6);
            return runs;
        }
        let ran = ran.expect(124);
        assert!(ran.stderr.contains(limit[0]), "{}", ran.stderr);
    }
    panic!("no progress under {limit:?}");
}

#[test]
fn every_limit_is_kept_and_the_next_run_goes_on_from_there() {
    let model = ModelServer::start();
    let workspace = scraped(&model);
    let runs = run_to_the_end(&workspace, &model, &["--max-requests", "5"], |seen, _| {
        assert!(seen.len() <= 5, "{}", seen.len());
    });
    assert_eq!(runs, 3, "12 calls, 5 a run, and none wasted");

    let model = ModelServer::start();
    let workspace = scraped(&model);
    let limit = ["--max-total-tokens", "6500"];
    let runs = run_to_the_end(&workspace, &model, &limit, |seen, _| {
        assert!(tokens_told(seen) <= 6500, "{}", tokens_told(seen));
    });
    assert!(runs > 1);

    let model = ModelServer::start();
    let mut workspace = scraped(&model);
    with_prices(&mut workspace);
    let runs = run_to_the_end(
        &workspace,
        &model,
        &["--max-cost", "6.5"],
        |seen, summary| {
            let dollars = tokens_told(seen) as f64 / 1000.0;
            assert!(dollars <= 6.5, "{dollars}");
            assert_eq!(summary["spend"]["cost_usd"], dollars, "{summary}");
        },
    );
    assert!(runs > 1);
}

#[test]
fn time_is_a_limit_too() {
    let model = ModelServer::start();
    let workspace = scraped(&model);
    let ran = workspace.run(&["prepare", "--max-time", "0"]).expect(124);
    assert!(ran.stderr.contains("--max-time"), "{}", ran.stderr);
    assert_eq!(model.chat_count(), 0);
    // No clock reaches the last of these.
    for (questions, long) in [("1", "45m"), ("2", "2h"), ("3", &u64::MAX.to_string())] {
        let options = ["--refresh", "--questions", questions, "--max-time", long];
        workspace
            .run(&[&["prepare"][..], &options].concat())
            .expect(0);
    }
    drop(model);
    // A pause that outlasts the time is not waited for.
    let model = ModelServer::scripted(|_| Reply::refused("100"));
    let workspace = scraped(&model);
    for odd in [
        "1x",
        "h",
        "-1s",
        "1.5h",
        "99999999999999999999h",
        "9999999999999999h",
    ] {
        let given = format!("--max-time={odd}");
        let ran = workspace.run(&["prepare", &given]).expect(2);
        assert!(ran.stderr.contains("90s, 45m or 2h"), "{}", ran.stderr);
    }
    for none in ["0s", "0m", "0h"] {
        workspace.run(&["prepare", "--max-time", none]).expect(124);
    }
    let ran = workspace.run(&["prepare", "--max-time", "1s"]).expect(124);
    assert!(ran.stderr.contains("--max-time"), "{}", ran.stderr);
    assert_eq!(workspace.count("FileHashes"), 0);
}

#[test]
fn second_attempts_count_and_are_not_sent_beyond_the_limit() {
    let model = ModelServer::scripted(|_| Reply::error(500, "oops", "try again"));
    let workspace = scraped(&model);
    let limited = ["prepare", "--max-requests", "3", "--concurrency", "1"];
    workspace.run(&limited).expect(124);
    assert_eq!(model.chat_count(), 3);
    assert_eq!(workspace.count("FileHashes"), 0, "files stay untried");
}

#[test]
fn prepare_and_retry_of_one_run_share_the_limit() {
    let model = ModelServer::scripted(|seen| match seen.wants_json() {
        true => answer(seen),
        false => {
            Reply::text("Nothing in `nowhere_at_all` helps `nobody_either` with `this_thing`.")
        }
    });
    let workspace = scraped(&model);
    workspace
        .run(&["run", "--questions", "1", "--max-requests", "14"])
        .expect(124);
    assert_eq!(model.chat_count(), 14, "12 in prepare, 2 in retry");
}

#[test]
fn what_may_be_billed_is_counted_and_told_apart() {
    let model = ModelServer::scripted(|seen| match seen.nth {
        0 => answer(seen).manner(Manner::ResetInBody),
        _ => answer(seen),
    });
    let mut workspace = scraped(&model);
    with_prices(&mut workspace);
    let ran = workspace
        .run(&["prepare", "--json", "--concurrency", "1"])
        .expect(0);
    let spend = &ran.json()["spend"];
    let told = tokens_told(&model.chats()[1..]) as f64 / 1000.0;
    assert_eq!(spend["cost_usd"], told, "{spend}");
    assert_eq!(spend["untold_requests"], 1);
    assert!(spend["untold_cost_max_usd"].as_f64().unwrap() > 0.1);
    assert!(
        ran.stderr.contains("whose tokens the server did not tell"),
        "{}",
        ran.stderr
    );
}

#[test]
fn cached_tokens_have_their_own_price() {
    let model = ModelServer::scripted(|seen| {
        let mut reply = answer(seen);
        let mut body: Value = serde_json::from_slice(&reply.body).unwrap();
        body["usage"] = json!({"prompt_tokens": 1000, "completion_tokens": 100, "prompt_tokens_details": {"cached_tokens": 800}});
        reply.body = body.to_string().into_bytes();
        reply
    });
    let mut workspace = scraped(&model);
    with_prices(&mut workspace);
    let ran = workspace.run(&["prepare", "--json"]).expect(0);
    let spend = &ran.json()["spend"];
    let requests = model.chat_count() as f64;
    // 200 fresh at 1, 800 cached at half, 100 generated at 1.
    assert_eq!(spend["cost_usd"], requests * 7.0 / 10.0, "{spend}");
    let last = ran.stderr.lines().last().unwrap();
    assert!(last.contains(", cost $"), "{last}");
}

#[test]
fn an_unknown_price_is_never_nothing() {
    let model = ModelServer::start();
    let mut workspace = scraped(&model);
    for named in [None, Some(MODEL)] {
        if let Some(name) = named {
            workspace.set_env("OPENAI_MODEL", name);
        }
        let ran = workspace.run(&["prepare", "--max-cost", "5"]).expect(2);
        for word in [MODEL, "--prices", "unknown"] {
            assert!(ran.stderr.contains(word), "{}", ran.stderr);
        }
    }
    assert_eq!((model.chat_count(), workspace.count("FileHashes")), (0, 0));
    let ran = workspace.run(&["prepare", "--json"]).expect(0);
    assert_eq!(ran.json()["spend"]["cost_usd"], Value::Null);
    assert!(ran.stderr.contains("cost unknown"), "{}", ran.stderr);
}

#[test]
fn a_free_model_is_free_by_the_users_word() {
    let model = ModelServer::start();
    let workspace = scraped(&model);
    let path = workspace.path().join("free.json");
    std::fs::write(
        &path,
        r#"{"models": [{"model": "test-*", "prompt": 0, "completion": 0}]}"#,
    )
    .unwrap();
    let arguments = ["prepare", "--json", "--max-cost", "0", "--prices"];
    let ran = workspace
        .run(&[&arguments[..], &[path.to_str().unwrap()]].concat())
        .expect(0);
    assert_eq!(ran.json()["spend"]["cost_usd"], 0.0);
}

#[test]
fn a_broken_price_table_is_named_with_its_fault() {
    let model = ModelServer::start();
    let workspace = scraped(&model);
    let path = workspace.path().join("prices.json");
    let name = path.to_str().unwrap();
    let ran = workspace.run(&["prepare", "--prices", name]).expect(2);
    assert!(ran.stderr.contains(name), "{}", ran.stderr);
    std::fs::write(&path, r#"{"models": [{"model": "m", "prompt": 1}]}"#).unwrap();
    let ran = workspace.run(&["prepare", "--prices", name]).expect(2);
    assert!(ran.stderr.contains("completion"), "{}", ran.stderr);
}

#[test]
fn the_plan_knows_the_price_of_the_named_model() {
    let model = ModelServer::start();
    let mut workspace = scraped(&model);
    let plan = |workspace: &Workspace, model: &[&str]| {
        let arguments = [&["prepare", "--dry-run"], model].concat();
        workspace.run(&arguments).expect(0).stdout
    };
    assert!(plan(&workspace, &[]).contains("name the model"));
    let unknown = plan(&workspace, &["--model", "mystery-1"]);
    assert!(unknown.contains("price unknown for mystery-1"), "{unknown}");
    let shipped = plan(&workspace, &["--model", "gpt-4o-mini-2024-07-18"]);
    assert!(
        shipped.contains("estimated cost with gpt-4o-mini"),
        "{shipped}"
    );
    with_prices(&mut workspace);
    let arguments = ["prepare", "--dry-run", "--json", "--model", MODEL];
    let plan = workspace.run(&arguments).expect(0).json();
    let tokens =
        plan["prompt_tokens"].as_u64().unwrap() + plan["completion_tokens"].as_u64().unwrap();
    assert_eq!(plan["cost_usd"], tokens as f64 / 1000.0, "{plan}");
    // Verdicts are paid to the model that judges.
    let unpriced = &["--judge", "--judge-model", "mystery-1"][..];
    let unknown = workspace.run(&[&["prepare", "--dry-run", "--model", MODEL], unpriced].concat());
    let said = "price unknown for mystery-1;";
    assert!(unknown.stdout.contains(said), "{}", unknown.stdout);
    let free = &["--judge", "--judge-model", "free"][..];
    let judged = workspace.run(&[&arguments, free].concat()).expect(0).json();
    assert!(judged["calls"].as_u64() > plan["calls"].as_u64());
    assert_eq!(judged["cost_usd"], plan["cost_usd"], "{judged}");
    assert_eq!(model.requests().len(), 0);
}

/// Of tiny files, too: what stands around a file in its prompts is told as it is.
#[test]
fn the_plan_tells_about_the_tokens_that_are_sent() {
    // The plan's own ratio, since the scripted server does not count.
    const BYTES_PER_TOKEN: f64 = 3.0;
    let model = ModelServer::start();
    let workspace = Workspace::with_model(&model.base_url());
    let _repo = many_files(&workspace, 12);
    for options in [["--questions", "1"], ["--questions", "3"]] {
        let plan = [
            &["prepare", "--dry-run", "--json", "--refresh"],
            &options[..],
        ]
        .concat();
        let plan = workspace.run(&plan).expect(0).json();
        workspace.run(&[&["prepare", "--refresh"], &options[..]].concat());
        let seen = model.take();
        let texts = seen
            .iter()
            .flat_map(|seen| [seen.texts("system"), seen.texts("user")].concat());
        let bytes: usize = texts.map(str::len).sum();
        let sent = bytes as f64 / BYTES_PER_TOKEN / seen.len() as f64;
        let calls = plan["calls"].as_f64().unwrap();
        let told = plan["prompt_tokens"].as_f64().unwrap() / calls;
        assert!(
            (0.85..1.2).contains(&(told / sent)),
            "{told} for {sent} a call, {} of {calls} calls: {options:?}",
            seen.len()
        );
    }
}

#[test]
fn plain_lines_tell_how_far_the_run_is_and_what_it_will_cost() {
    let model = ModelServer::start();
    let mut workspace = scraped(&model);
    with_prices(&mut workspace);
    let repo = Repo::new(&workspace.origin().join("demo"));
    repo.write("Cargo.lock", "skipped").commit();
    workspace.run(&["scrape"]).expect(0);
    let ran = workspace
        .run(&["prepare", "--json", "--concurrency", "1"])
        .expect(0);
    let lines: Vec<_> = ran
        .stderr
        .lines()
        .filter(|line| line.contains(" of 7 files, "))
        .collect();
    assert!(lines.len() >= 2, "{}", ran.stderr);
    let last = lines.last().unwrap();
    for word in [" samples, ", " tokens/s, ", " % cached, ", " % refused; "] {
        assert!(last.contains(word), "{word}: {last}");
    }
    let cost = ran.json()["spend"]["cost_usd"].as_f64().unwrap();
    assert!(last.starts_with("100 %: 7 of 7 files"), "{last}");
    let text = format!("cost ${cost:.2} of about ${cost:.2}; 0 s left");
    assert!(last.ends_with(&text), "{last}: {text}");
    let quiet = workspace.run(&["prepare", "--refresh", "-q"]).expect(0);
    assert_eq!(quiet.stderr, "");
}
