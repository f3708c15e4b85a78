//! `--judge`: a second opinion on every answer, and what it decides.

use crate::generation::scraped;
use crate::model_server::{MODEL, ModelServer, Reply, Seen, answer};
use crate::workspace::Workspace;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether a call asks for a verdict.
pub fn wants_verdict(seen: &Seen) -> bool {
    seen.schema()
        .is_some_and(|schema| schema["properties"]["grounded"].is_object())
}

/// A good completion with this text, its tokens counted honestly: a prompt as long as the judge's must not seem cut.
pub fn says(seen: &Seen, text: &str) -> Reply {
    let mut body: Value = serde_json::from_slice(&answer(seen).body).unwrap();
    body["choices"][0]["message"]["content"] = json!(text);
    Reply::json(200, body)
}

fn verdict(right: bool, marks: [u8; 4]) -> Value {
    let [grounded, correct, complete, useful] = marks;
    json!({
        "contradiction": "", "reason": "Each claim stands there.", "right": right,
        "grounded": grounded, "correct": correct, "complete": complete, "useful": useful,
    })
}

/// A server that judges by `judge` and is a small honest model otherwise.
fn judged_by(judge: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> ModelServer {
    ModelServer::scripted(move |seen| match wants_verdict(seen) {
        true => judge(seen),
        false => answer(seen),
    })
}

fn verdicts(model: &ModelServer) -> Vec<Seen> {
    let chats = model.chats().into_iter();
    chats.filter(wants_verdict).collect()
}

fn assistant(workspace: &Workspace) -> Vec<Value> {
    let rows =
        workspace.rows("SELECT metadata_json FROM ConversationTurns WHERE role = 'assistant'");
    rows.iter()
        .map(|row| serde_json::from_str(row).unwrap())
        .collect()
}

#[test]
fn every_answer_is_judged_behind_its_own_prefix_and_the_verdict_is_the_score() {
    let model = judged_by(|seen| says(seen, &verdict(true, [5, 5, 3, 3]).to_string()));
    let (workspace, _repo) = scraped(&model);
    workspace
        .run(&["prepare", "--judge", "--questions", "2"])
        .expect(0);
    let (asked, samples) = (verdicts(&model), workspace.count("TrainingSamples"));
    assert_eq!(asked.len() as u64, samples);
    for seen in &asked {
        assert_eq!(seen.body["temperature"], 0.0);
        let task = seen.texts("user")[0];
        let end = task.find("\nEND SOURCE").unwrap();
        let is_same_source = |other: &Seen| other.texts("user")[0].starts_with(&task[..end]);
        let others = model
            .chats()
            .iter()
            .filter(|other| is_same_source(other))
            .count();
        assert_eq!(others, 5, "questions, two answers, two verdicts");
        let answers =
            workspace.rows("SELECT content FROM ConversationTurns WHERE role = 'assistant'");
        assert!(answers.iter().any(|answer| task[end..].contains(answer)));
    }
    let scores = workspace.rows("SELECT DISTINCT sample_quality_score FROM TrainingSamples");
    let judged = (2.0 + 2.0 + 0.5 + 0.5) / 6.0;
    assert_eq!(scores, [judged.to_string()]);
    for metadata in assistant(&workspace) {
        assert!(
            metadata["score"]["parts"]["names"].is_number(),
            "{metadata}"
        );
        let judge = &metadata["judge"];
        assert_eq!(judge["score"], judged);
        assert_eq!(judge["verdict"]["reason"], "Each claim stands there.");
        assert_eq!(judge["verdict"]["complete"], 3);
        assert_eq!(judge["model"], MODEL);
        assert!(judge["usage"]["prompt"].is_number() && judge["latency_ms"].is_number());
    }
    workspace.assert_sound();
}

#[test]
fn without_the_flag_nothing_is_judged() {
    let model = ModelServer::start();
    let (workspace, _repo) = scraped(&model);
    workspace
        .run(&["prepare", "--judge-model", "unheard-of"])
        .expect(0);
    assert_eq!(verdicts(&model).len(), 0);
    assert!(
        assistant(&workspace)
            .iter()
            .all(|metadata| metadata["judge"].is_null())
    );
}

#[test]
fn what_is_judged_wrong_or_low_is_not_stored() {
    for (reply, code) in [
        (verdict(false, [5, 5, 5, 5]), "judged_wrong"),
        (verdict(true, [5, 2, 5, 5]), "judged_wrong"),
        (verdict(true, [3, 3, 1, 1]), "below_min_score"),
    ] {
        let model = judged_by(move |seen| says(seen, &reply.to_string()));
        let (workspace, _repo) = scraped(&model);
        workspace.run(&["prepare", "--judge"]).expect(3);
        assert_eq!(workspace.count("TrainingSamples"), 0);
        let of_code = format!("FailedFiles WHERE reason GLOB '{code}:*'");
        assert_eq!(
            workspace.count(&of_code),
            2,
            "{:?}",
            workspace.rows("SELECT reason FROM FailedFiles")
        );
        workspace.assert_sound();
    }
}

#[test]
fn an_answer_without_a_verdict_waits_for_the_judge_alone() {
    let well = Arc::new(AtomicBool::new(false));
    let is_well = Arc::clone(&well);
    let model = judged_by(move |seen| match is_well.load(Ordering::SeqCst) {
        true => says(
            seen,
            &format!("Sure:\n```json\n{}\n```", verdict(true, [5, 5, 5, 5])),
        ),
        false => Reply::error(422, "invalid_request_error", "not now"),
    });
    let (workspace, _repo) = scraped(&model);
    workspace.run(&["prepare", "--judge"]).expect(3);
    assert_eq!(
        workspace.count("TrainingSamples"),
        0,
        "nothing is stored unjudged"
    );
    assert_eq!(
        workspace.count("FailedFiles WHERE reason GLOB 'unjudged:*'"),
        2
    );
    workspace.run(&["retry", "--judge"]).expect(3);
    well.store(true, Ordering::SeqCst);
    model.forget();
    workspace.run(&["retry", "--judge"]).expect(0);
    let chats = model.chats();
    assert!(
        !chats.is_empty() && chats.iter().all(wants_verdict),
        "only the judge is asked again"
    );
    assert_eq!(workspace.count("TrainingSamples"), chats.len() as u64);
    assert_eq!(workspace.count("FailedFiles"), 0);
    workspace.assert_sound();
}

#[test]
fn a_verdict_that_cannot_be_read_is_asked_for_once_more() {
    let model = judged_by(|seen| match seen.body["temperature"] == 0.0 {
        true => says(seen, "It looks fine to me."),
        false => says(seen, &verdict(true, [5, 5, 5, 5]).to_string()),
    });
    let (workspace, _repo) = scraped(&model);
    workspace.run(&["prepare", "--judge"]).expect(0);
    assert_eq!(
        verdicts(&model).len() as u64,
        2 * workspace.count("TrainingSamples")
    );
}

#[test]
fn another_model_of_the_server_may_judge() {
    let list = json!({"object": "list", "data": [{"id": MODEL}, {"id": "strict-judge"}]});
    let model = ModelServer::scripted_whole(move |seen| match seen.method.as_str() {
        "GET" => Reply::json(200, list.clone()),
        _ if wants_verdict(seen) && seen.body["model"] != "strict-judge" => {
            Reply::error(400, "wrong_judge", "wrong judge")
        }
        _ if wants_verdict(seen) => says(seen, &verdict(true, [5, 5, 5, 5]).to_string()),
        _ => answer(seen),
    });
    let (mut workspace, _repo) = scraped(&model);
    workspace.set_env("OPENAI_MODEL", MODEL);
    workspace
        .run(&["prepare", "--judge", "--judge-model", "missing-judge"])
        .expect(2);
    assert_eq!(workspace.count("FileHashes"), 0);
    let arguments = [
        "prepare",
        "--judge",
        "--judge-model",
        "strict-judge",
        "--concurrency",
        "2",
    ];
    workspace.run(&arguments).expect(0);
    assert!(model.in_flight_most() <= 2, "both models share one gate");
    assert!(model.open_most() <= 2, "and its connections");
    let answered = model
        .chats()
        .iter()
        .filter(|seen| !wants_verdict(seen))
        .count();
    assert!(
        model
            .chats()
            .iter()
            .all(|seen| wants_verdict(seen) == (seen.body["model"] == "strict-judge"))
    );
    model.forget();
    workspace
        .run(&["prepare", "--refresh", "--judge"])
        .expect(3);
    let chats = model.chats();
    assert!(
        chats.iter().all(wants_verdict),
        "{answered} answers are paid for; the other judge's verdicts are not this one's"
    );
}

#[test]
fn judge_and_turn_calls_are_counted_before_and_bounded_while_they_are_made() {
    let model = judged_by(|seen| says(seen, &verdict(true, [5, 5, 5, 5]).to_string()));
    let (workspace, _repo) = scraped(&model);
    let calls = |more: &[&str]| {
        let arguments = [
            &["prepare", "--dry-run", "--json", "--questions", "2"],
            more,
        ]
        .concat();
        workspace.run(&arguments).expect(0).json()["calls"]
            .as_u64()
            .unwrap()
    };
    assert_eq!(calls(&[]), 2 * (1 + 2));
    assert_eq!(calls(&["--judge"]), 2 * (1 + 2 + 2));
    assert_eq!(calls(&["--turns", "3"]), 2 * (1 + 2 * (1 + 2 * 2)));
    assert_eq!(
        calls(&["--turns", "3", "--judge"]),
        2 * (1 + 2 * (1 + 2 * 2 + 3))
    );
    let arguments = [
        "prepare",
        "--judge",
        "--questions",
        "2",
        "--max-requests",
        "4",
    ];
    workspace.run(&arguments).expect(124);
    assert!(model.chat_count() <= 4);
    workspace
        .run(&["prepare", "--judge", "--questions", "2"])
        .expect(0);
    assert_eq!(model.chat_count(), 10, "nothing is paid for twice");
}
