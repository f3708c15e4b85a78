//! Questions of a weak model: what leans on something unseen is mended, what is no question is replaced, and each row tells who wrote it.

use crate::generation::scraped;
use crate::model_server::{ModelServer, Reply, Seen, answer};
use crate::workspace::Workspace;
use serde_json::{Value, json};

/// A model that answers well, but whose every question is this one.
fn asking(question: &'static str) -> ModelServer {
    ModelServer::scripted(move |seen| match seen.wants_json() {
        true => reply(seen, question),
        false => answer(seen),
    })
}

/// As many questions as the plan has lines, all alike, each of its planned kind.
fn reply(seen: &Seen, question: &str) -> Reply {
    let task = seen.texts("user")[0].rsplit("plan:\n").next().unwrap();
    let questions: Vec<_> = task
        .lines()
        .map_while(|line| {
            line.split_once(". ")
                .filter(|(number, _)| number.len() == 1)
        })
        .map(|(_, slot)| json!({"kind": slot.split(' ').next(), "question": question}))
        .collect();
    Reply::text(&json!({"questions": questions}).to_string())
}

/// A workspace whose files were all done with so many questions each, and the summary.
fn prepared(model: &ModelServer, questions: &str) -> (Workspace, Value) {
    let (workspace, _repo) = scraped(model);
    let run = workspace.run(&["prepare", "--questions", questions, "--json"]);
    let summary = run.expect(0).json();
    (workspace, summary)
}

const AUTHORS: &str = "SELECT DISTINCT json_extract(metadata_json, '$.question_by') FROM ConversationTurns WHERE role = 'user'";
const QUESTIONS: &str = "SELECT content FROM ConversationTurns WHERE role = 'user'";

#[test]
fn words_that_lean_are_replaced_by_the_name_that_was_planned() {
    let model = asking("What is the purpose of this function?");
    let (workspace, _repo) = scraped(&model);
    workspace.run(&["prepare", "--questions", "1"]).expect(0);
    assert_eq!(workspace.rows(AUTHORS), ["model_mended"]);
    for question in workspace.rows(QUESTIONS) {
        assert!(
            question.starts_with("What is the purpose of `"),
            "{question}"
        );
    }
    assert_eq!(model.chat_count(), 4, "no call was spent on mending");
}

#[test]
fn what_is_no_question_gives_way_to_a_plain_one() {
    let model = asking("1. how (easy, user)");
    let (workspace, summary) = prepared(&model, "2");
    assert_eq!(summary["done"], 2, "{summary}");
    assert!(summary["rejected"]["question_malformed"].as_u64() >= Some(2));
    assert_eq!(workspace.rows(AUTHORS), ["program"]);
    assert!(
        workspace
            .rows(QUESTIONS)
            .iter()
            .all(|question| question.contains("demo") && question.ends_with('?'))
    );
}

#[test]
fn a_question_about_what_is_not_there_gives_way_to_a_plain_one() {
    for question in [
        "In the demo project, what is the purpose of the demo_header_fonts function?",
        "Can you help me to make my life better?",
        "Why is this why?",
        "How does the demo library handle JSON objects and arrays?",
    ] {
        let model = asking(question);
        let (workspace, summary) = prepared(&model, "1");
        assert_eq!(summary["rejected"]["question_ungrounded"], 2, "{summary}");
        assert_eq!(workspace.rows(AUTHORS), ["program"]);
        assert_eq!(model.chat_count(), 4, "no other call was paid for");
    }
}

#[test]
fn what_only_the_readme_tells_is_no_ground_for_other_files() {
    const README: &str =
        "# demo\n\nFrobnicates widgets with `frobnicate_all` in 37 rounds for embedded gadgets.\n";
    const ABOUT_DEMO: &str = "The demo project frobnicates widgets: `frobnicate_all` needs 37 rounds on embedded gadgets, and each of them \
         turns one widget over, so that gadgets of any size are served alike and no widget is left behind.";
    let model = ModelServer::scripted(|seen| match seen.wants_json() {
        true => reply(
            seen,
            "Which widgets and gadgets does `frobnicate_all` serve, and in how many rounds?",
        ),
        false => Reply::text(ABOUT_DEMO),
    });
    let (workspace, repo) = scraped(&model);
    repo.write("README.md", README).commit();
    workspace.run(&["scrape"]).expect(0);
    let summary = workspace
        .run(&["prepare", "--questions", "1", "--json"])
        .expect(3)
        .json();
    let [only] = &workspace.rows("SELECT dataset_source FROM TrainingSamples")[..] else {
        panic!("{summary}");
    };
    assert!(only.ends_with("/README.md"), "{only}");
    let of_others = |seen: &&Seen| !seen.texts("user")[0].contains("File: README.md");
    let chats = model.chats();
    assert!(
        chats
            .iter()
            .filter(of_others)
            .all(|seen| seen.texts("user")[0].contains("37 rounds"))
    );
}

#[test]
fn a_reply_without_questions_is_asked_for_again_by_retry() {
    let cut = |seen: &Seen| match seen.wants_json() {
        true => Reply::completion(json!({"content": "{\"questions\": [{"}), "length"),
        false => answer(seen),
    };
    let model = ModelServer::scripted(cut);
    let (workspace, _repo) = scraped(&model);
    let summary = workspace.run(&["prepare", "--json"]).expect(3).json();
    assert_eq!(summary["partly_done"], 2, "{summary}");
    assert_eq!(workspace.rows(AUTHORS), ["program"]);
    let plain = workspace.count("TrainingSamples");
    let well = ModelServer::start();
    workspace
        .run(&["retry", "--base-url", &well.base_url()])
        .expect(0);
    assert_eq!(workspace.count("FailedFiles"), 0);
    assert!(workspace.count("TrainingSamples") > plain);
    assert_eq!(
        workspace.rows(&format!("{AUTHORS} ORDER BY 1")),
        ["model", "program"]
    );
    workspace.assert_sound();
}

#[test]
fn a_piece_of_a_file_that_is_nothing_but_its_licence_is_not_asked_about() {
    let model = ModelServer::start();
    let (workspace, repo) = scraped(&model);
    let code: String = (0..150).map(numbered_function).collect();
    let notice: String = (0..400)
        .map(|line| {
            format!(
                "Paragraph {line}: this notice shall be kept in all copies, whole and unchanged.\n"
            )
        })
        .collect();
    let text = format!("{code}/*\n{notice}*/\n");
    repo.write("src/counters.c", &text).commit();
    workspace.run(&["scrape"]).expect(0);
    let plan = workspace.run(&["prepare", "--dry-run", "--json"]).json();
    workspace.run(&["prepare"]).expect(0);
    let sources: Vec<String> = model
        .chats()
        .iter()
        .map(|seen| seen.texts("user")[0].to_owned())
        .filter(|prompt| prompt.contains("src/counters.c"))
        .collect();
    assert!(sources.iter().any(|prompt| prompt.contains("reset_149")));
    assert!(
        !sources
            .iter()
            .any(|prompt| prompt.contains("Paragraph 399:"))
    );
    assert_eq!(plan["calls"], model.chat_count(), "{plan}");
}

fn numbered_function(number: usize) -> String {
    format!(
        "int reset_{number}(struct counter *one)\n{{\n    one->start = {number};\n    one->count -= {};\n    return one->count;\n}}\n\n",
        number * 7 % 13
    )
}
