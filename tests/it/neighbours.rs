//! Answers that name what stands in other files of the repository.

use crate::generation::{PARSER, scraped};
use crate::judge::says;
use crate::model_server::{ModelServer, answer};
use crate::workspace::Workspace;
use serde_json::Value;

/// A small honest model that ends each answer about `duration.rs` with a sentence of its own.
fn ending_with(sentence: &'static str) -> ModelServer {
    ModelServer::scripted(move |seen| {
        let honest = answer(seen);
        let is_about = seen
            .texts("user")
            .concat()
            .contains("File: src/duration.rs");
        if seen.method == "GET" || seen.wants_json() || !is_about {
            return honest;
        }
        let body: Value = serde_json::from_slice(&honest.body).unwrap();
        let text = body["choices"][0]["message"]["content"].as_str().unwrap();
        says(seen, &format!("{text} {sentence}"))
    })
}

fn scores(workspace: &Workspace) -> Vec<Value> {
    let about = "SELECT metadata_json FROM ConversationTurns JOIN TrainingSamples USING (sample_id)
                 WHERE role = 'assistant' AND dataset_source LIKE '%duration.rs'";
    let rows = workspace.rows(about).into_iter();
    rows.map(|row| serde_json::from_str::<Value>(&row).unwrap()["score"].take())
        .collect()
}

#[test]
fn a_name_of_another_file_is_accepted_with_a_flag_whichever_files_the_run_is_about() {
    let model = ending_with("Compare `push_item` in queue.py.");
    let (workspace, repo) = scraped(&model);
    workspace.run(&["prepare"]).expect(0);
    let first = scores(&workspace);
    // Now the other file is unchanged.
    repo.write("src/duration.rs", format!("{PARSER}\n"));
    repo.commit();
    workspace.run(&["scrape"]).expect(0);
    let summary = workspace.run(&["prepare", "--json"]).expect(0).json();
    assert_eq!(summary["unchanged"], 1, "{summary}");
    for scores in [first, scores(&workspace)] {
        assert!(!scores.is_empty());
        for score in &scores {
            let flags = [
                "only elsewhere in the repository: queue.py",
                "only elsewhere in the repository: push_item",
            ];
            for flag in flags {
                let all = score["flags"].as_array().unwrap();
                assert!(all.contains(&flag.into()), "{score}");
            }
        }
    }
}

#[test]
fn an_invented_name_is_refused() {
    let model = ending_with("Compare `drain_backlog`, which is its counterpart.");
    let (workspace, _repo) = scraped(&model);
    workspace.run(&["prepare"]).expect(3);
    assert_eq!(scores(&workspace), Vec::<Value>::new());
    let reasons = workspace.rows("SELECT reason FROM FailedFiles");
    assert_eq!(reasons.len(), 1);
    assert!(reasons[0].contains("ungrounded"), "{reasons:?}");
}
