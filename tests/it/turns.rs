//! `--turns`: conversations whose every answer passes the checks, and what an answer's turn tells.

use crate::generation::scraped;
use crate::judge::{says, wants_verdict};
use crate::model_server::{ModelServer, Reply, Seen, answer};
use crate::workspace::Workspace;
use serde_json::{Value, json};

/// What a call asks for, beside questions and first answers.
#[derive(Debug, PartialEq)]
enum Call {
    Question,
    Answer,
    Other,
}

fn call(seen: &Seen) -> Call {
    let users = seen.texts("user");
    let task = users[0].rsplit("END SOURCE").next().unwrap();
    match (
        task.contains("BEGIN CONVERSATION"),
        task.contains("asks next"),
    ) {
        _ if seen.wants_json() => Call::Other,
        (true, true) => Call::Question,
        (true, false) => Call::Answer,
        (false, _) => Call::Other,
    }
}

/// How many exchanges the conversation of a prompt has already.
fn said(seen: &Seen) -> usize {
    let task = seen.texts("user")[0]
        .rsplit("BEGIN CONVERSATION")
        .next()
        .unwrap()
        .to_owned();
    task.lines()
        .filter(|line| line.starts_with("Developer: "))
        .count()
}

/// The symbol that a conversation began with, so that each conversation asks its own questions.
fn topic(seen: &Seen) -> String {
    let text = seen.texts("user")[0].to_owned();
    let first = text.split("Developer: ").nth(1).unwrap_or_default();
    first.split('`').nth(1).unwrap_or("it").to_owned()
}

const LATER: [&str; 4] = [
    "The first further point concerns the order of the steps, which begins with the input and ends with a result that is handed back.",
    "Nothing else changes when that happens, since only one branch runs and every other value keeps what it had before then.",
    "Callers see this as a plain value, so they check it once and go on with whatever they had planned to do afterwards.",
    "Odd input takes the early way out, which leaves all later parts untouched and returns sooner than usual to whoever asked.",
];

fn talkative(seen: &Seen) -> Reply {
    match call(seen) {
        Call::Question => says(
            seen,
            &format!(
                "What happens to `{}` at step {} of that?",
                topic(seen),
                said(seen)
            ),
        ),
        Call::Answer => {
            let named = format!("`{}`", topic(seen));
            let text = String::from_utf8(answer(seen).body).unwrap();
            let text: Value = serde_json::from_str(&text).unwrap();
            let honest = text["choices"][0]["message"]["content"]
                .as_str()
                .unwrap()
                .to_owned();
            let names: Vec<&str> = honest.split('`').skip(1).step_by(2).collect();
            says(
                seen,
                &format!(
                    "{} It concerns {named}, `{}` and `{}`.",
                    LATER[said(seen) - 1],
                    names[0],
                    names[1]
                ),
            )
        }
        Call::Other => answer(seen),
    }
}

fn turns(workspace: &Workspace) -> Vec<String> {
    workspace.rows(
        "SELECT s.is_multiturn || ' ' || group_concat(t.turn_index || t.role || t.is_label, ',') FROM TrainingSamples s
         JOIN ConversationTurns t ON t.sample_id = s.sample_id GROUP BY s.sample_id",
    )
}

#[test]
fn each_sample_becomes_a_conversation() {
    let model = ModelServer::scripted(talkative);
    let (workspace, _repo) = scraped(&model);
    workspace
        .run(&["prepare", "--turns", "3", "--questions", "2"])
        .expect(0);
    let whole = "1 0user0,1assistant1,2user0,3assistant1,4user0,5assistant1";
    let stored = turns(&workspace);
    assert!(
        stored.len() == 4 && stored.iter().all(|turns| turns == whole),
        "{stored:?}"
    );
    for metadata in workspace
        .rows("SELECT metadata_json FROM ConversationTurns WHERE role = 'user' AND turn_index > 0")
    {
        let metadata: Value = serde_json::from_str(&metadata).unwrap();
        assert!(
            metadata["question_kind"].is_string() && metadata["commit"].is_string(),
            "{metadata}"
        );
    }
    let scores = "SELECT s.sample_quality_score = min(json_extract(t.metadata_json, '$.score.value')) FROM TrainingSamples s
                  JOIN ConversationTurns t ON t.sample_id = s.sample_id WHERE t.role = 'assistant' GROUP BY s.sample_id";
    assert!(
        workspace
            .rows(scores)
            .iter()
            .all(|is_lowest| is_lowest == "1")
    );
    for seen in model
        .chats()
        .iter()
        .filter(|seen| call(seen) != Call::Other)
    {
        let task = seen.texts("user")[0];
        let end = task.find("\nEND SOURCE").unwrap();
        assert!(model.chats().iter().any(|other| other.wants_json() && other.texts("user")[0].starts_with(&task[..end])));
    }
    let asked = model.chat_count();
    workspace
        .run(&["prepare", "--turns", "3", "--questions", "2", "--refresh"])
        .expect(0);
    assert_eq!(model.chat_count(), asked, "a conversation is paid for once");
    assert_eq!(turns(&workspace), stored);
    workspace.assert_sound();
}

/// The last thing that one side said in the conversation of a prompt.
fn last_said(seen: &Seen, side: &str) -> String {
    let text = seen.texts("user")[0].to_owned();
    let mut lines = text.lines().rev();
    lines
        .find_map(|line| line.strip_prefix(side))
        .unwrap()
        .to_owned()
}

#[test]
fn a_follow_up_that_fails_ends_the_conversation_and_keeps_what_passed() {
    type Fault = fn(&Seen) -> Reply;
    let faults: [(&str, Call, Fault); 5] = [
        ("ungrounded", Call::Answer, |seen| {
            says(
                seen,
                "`resolve_holiday_calendar` asks `CalendarRegistry::global_instance` and hands it all to `emit_invoice_batch`.",
            )
        }),
        ("retold", Call::Answer, |seen| {
            says(seen, &last_said(seen, "You: "))
        }),
        ("leans on the unseen", Call::Question, |seen| {
            says(seen, "And what does this snippet return then?")
        }),
        ("repeated", Call::Question, |seen| {
            says(seen, &last_said(seen, "Developer: "))
        }),
        ("refused", Call::Question, |_| {
            Reply::error(422, "invalid_request_error", "no")
        }),
    ];
    for (name, kind, fault) in faults {
        let model =
            ModelServer::scripted(move |seen| match said(seen) == 2 && call(seen) == kind {
                true => fault(seen),
                false => talkative(seen),
            });
        let (workspace, _repo) = scraped(&model);
        workspace
            .run(&["prepare", "--turns", "4", "--questions", "1"])
            .expect(0);
        let stored = turns(&workspace);
        let two = "1 0user0,1assistant1,2user0,3assistant1";
        assert!(
            stored.len() == 2 && stored.iter().all(|turns| turns == two),
            "{name}: {stored:?}"
        );
        workspace.assert_sound();
    }
}

#[test]
fn every_answer_of_a_conversation_is_judged() {
    let model = ModelServer::scripted(|seen| {
        if !wants_verdict(seen) {
            return talkative(seen);
        }
        let [right, useful] = [said(seen) < 2, said(seen) == 0];
        let useful = if useful { 5 } else { 3 };
        says(seen, &json!({"reason": "r", "right": right, "grounded": 5, "correct": 5, "complete": 5, "useful": useful}).to_string())
    });
    let (workspace, _repo) = scraped(&model);
    workspace
        .run(&["prepare", "--turns", "3", "--judge", "--questions", "1"])
        .expect(0);
    let two = "1 0user0,1assistant1,2user0,3assistant1";
    assert!(
        turns(&workspace).iter().all(|turns| turns == two),
        "the third answer is judged wrong"
    );
    let scores = workspace.rows("SELECT DISTINCT sample_quality_score FROM TrainingSamples");
    assert_eq!(
        scores,
        [(5.5 / 6.0).to_string()],
        "that of the worst answer"
    );
    workspace.assert_sound();
}

#[test]
fn an_answer_tells_its_lines_and_keeps_its_reasoning_apart() {
    let model = ModelServer::scripted(|seen| {
        if seen.wants_json() {
            return answer(seen);
        }
        let text =
            "`parse_duration` strips the `s` and multiplies by `SECOND_MILLIS`, which is 1000.";
        let message = json!({"role": "assistant", "content": text, "reasoning_content": "I look at the constant."});
        Reply::completion(message, "stop")
    });
    let (workspace, _repo) = scraped(&model);
    workspace
        .run(&["prepare", "--include", "src/**", "--questions", "1"])
        .expect(0);
    let row = workspace
        .rows("SELECT content, metadata_json FROM ConversationTurns WHERE role = 'assistant'");
    let (content, metadata) = row[0].split_once('|').unwrap();
    assert!(content.starts_with("`parse_duration` strips"), "{content}");
    let metadata: Value = serde_json::from_str(metadata).unwrap();
    let lines = metadata["evidence_lines"].as_array().unwrap();
    assert_eq!(*lines, [json!([4, 4]), json!([7, 9])], "{metadata}");
    assert_eq!(metadata["reasoning"], "I look at the constant.");
}
