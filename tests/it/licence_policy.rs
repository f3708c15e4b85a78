//! What may be sent at all: licences, the deny-list, benchmark repositories, and chosen languages.

use crate::generation::{QUEUE, scraped};
use crate::model_server::ModelServer;
use crate::workspace::{Repo, Workspace};
use serde_json::{Value, json};
use std::fs;

const MIT: &str = "Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated \
documentation files (the \"Software\"), to deal in the Software without restriction. The above copyright notice and this permission notice \
shall be included in all copies.\n";

fn prepare(workspace: &Workspace, more: &[&str]) -> Value {
    let arguments = [&["prepare", "--json"], more].concat();
    workspace.run(&arguments).expect(0).json()
}

fn licences(workspace: &Workspace) -> Vec<String> {
    workspace.rows(
        "SELECT DISTINCT json_extract(metadata_json, '$.path') || ' ' || coalesce(json_extract(metadata_json, '$.licence'), '-')
         FROM ConversationTurns WHERE role = 'user' ORDER BY 1",
    )
}

/// The queue under another name, so that no two files are copies.
fn queue(name: &str) -> String {
    QUEUE.replace("BoundedQueue", name)
}

#[test]
fn the_permissive_policy_sends_what_is_known_to_be_permissive() {
    let model = ModelServer::start();
    let workspace = Workspace::with_model(&model.base_url());
    let repo = Repo::new(&workspace.origin().join("mixed"));
    repo.write("LICENSE", MIT);
    repo.write("free.py", queue("FreeQueue"));
    repo.write(
        "copyleft.py",
        format!(
            "# SPDX-License-Identifier: GPL-3.0-only\n{}",
            queue("CopyleftQueue")
        ),
    );
    repo.write(
        "choice.py",
        format!(
            "# SPDX-License-Identifier: GPL-2.0 OR Apache-2.0\n{}",
            queue("ChoiceQueue")
        ),
    );
    repo.write("ee/LICENSE", "Ask our sales department first.\n");
    repo.write("ee/deep/paid.py", queue("PaidQueue"));
    repo.commit();
    workspace.list_repos(&[&repo.url()]);
    workspace.run(&["scrape"]).expect(0);
    let summary = prepare(&workspace, &["--license-policy", "permissive"]);
    assert_eq!(
        (&summary["done"], &summary["skipped"]["licence"]),
        (&2.into(), &2.into()),
        "{summary}"
    );
    assert_eq!(
        licences(&workspace),
        ["choice.py GPL-2.0 OR Apache-2.0", "free.py MIT"]
    );
    let sent: String = model
        .requests()
        .iter()
        .map(|seen| String::from_utf8_lossy(&seen.raw).into_owned())
        .collect();
    assert!(!sent.contains("CopyleftQueue") && !sent.contains("PaidQueue"));

    let asked = model.chat_count();
    let again = prepare(&workspace, &["--license-policy", "permissive"]);
    assert_eq!(
        (&again["unchanged"], &again["skipped"]["licence"]),
        (&2.into(), &2.into()),
        "{again}"
    );
    assert_eq!(model.chat_count(), asked);

    repo.write("ee/LICENSE", MIT).commit();
    workspace.run(&["scrape"]).expect(0);
    let freed = prepare(&workspace, &["--license-policy", "permissive"]);
    assert_eq!(
        (&freed["done"], &freed["skipped"]["licence"]),
        (&1.into(), &1.into()),
        "{freed}"
    );
    let any = prepare(&workspace, &[]);
    assert_eq!(
        (&any["done"], &any["skipped"]["licence"]),
        (&1.into(), &Value::Null),
        "{any}"
    );
    assert_eq!(licences(&workspace).len(), 4);
}

#[test]
fn a_policy_is_one_of_those_there_are() {
    let workspace = Workspace::new();
    let ran = workspace
        .run(&["prepare", "--license-policy", "copyleft"])
        .expect(2);
    assert!(ran.stderr.contains("permissive"), "{}", ran.stderr);
}

#[test]
fn nothing_about_denied_repositories_is_sent_and_their_rows_stay() {
    let model = ModelServer::scripted(|seen| match seen.wants_json() {
        true => crate::model_server::answer(seen),
        false => crate::model_server::Reply::text(""),
    });
    let (workspace, repo) = scraped(&model);
    workspace.run(&["prepare"]).expect(3);
    let (asked, rows) = (model.chat_count(), workspace.count("FileHashes"));
    repo.write("new.py", queue("NewQueue"));
    repo.remove("queue.py").commit();
    workspace.run(&["scrape"]).expect(0);
    let folder = format!("localhost{}", repo.path().display());
    fs::write(
        workspace.path().join("deny.txt"),
        format!("# not ours\n{}  # a test\n", folder.to_uppercase()),
    )
    .unwrap();
    let summary = prepare(&workspace, &["--deny-list", "deny.txt"]);
    assert_eq!(
        (&summary["files"], &summary["skipped"]),
        (&2.into(), &json!({"denied": 2})),
        "{summary}"
    );
    let retried = workspace
        .run(&["retry", "--json", "--deny-list", "deny.txt"])
        .expect(0)
        .json();
    assert_eq!(retried["skipped"], json!({"denied": 2}), "{retried}");
    assert_eq!(
        (model.chat_count(), workspace.count("FileHashes")),
        (asked, rows)
    );
    let ran = workspace
        .run(&["prepare", "--deny-list", "absent.txt"])
        .expect(2);
    assert!(ran.stderr.contains("absent.txt"), "{}", ran.stderr);
    fs::write(workspace.path().join("deny.txt"), "github.com\n").unwrap();
    let ran = workspace
        .run(&["prepare", "--deny-list", "deny.txt"])
        .expect(2);
    assert!(
        ran.stderr.contains("line 1") && ran.stderr.contains("host/owner"),
        "{}",
        ran.stderr
    );
}

#[test]
fn benchmark_repositories_are_left_out() {
    let model = ModelServer::start();
    let workspace = Workspace::with_model(&model.base_url());
    let repo = Repo::new(&workspace.origin().join("fork-of/human-eval"));
    repo.write("queue.py", QUEUE).commit();
    workspace.list_repos(&[&repo.url()]);
    workspace.run(&["scrape"]).expect(0);
    let summary = prepare(&workspace, &[]);
    assert_eq!(
        summary["skipped"],
        json!({"benchmark_repository": 1}),
        "{summary}"
    );
    assert_eq!(model.requests().len(), 0);
}

#[test]
fn only_the_languages_asked_for_are_sent() {
    let model = ModelServer::start();
    let (workspace, repo) = scraped(&model);
    repo.write(
        "retry.go",
        "package retry\n\n// retryCount says how often fetchPage is called again.\nconst retryCount = 3\n\n\
         func fetchPage(pageURL string) (pageBody string, fetchError error) {\n\treturn pageURL, nil\n}\n",
    );
    repo.commit();
    workspace.run(&["scrape"]).expect(0);
    let summary = prepare(&workspace, &["--language", "golang", "--language", "RUST"]);
    assert_eq!(
        (
            &summary["done"],
            &summary["skipped"]["language_not_selected"]
        ),
        (&2.into(), &1.into()),
        "{summary}"
    );
    let all = prepare(&workspace, &[]);
    assert_eq!(
        (&all["done"], &all["unchanged"]),
        (&1.into(), &2.into()),
        "{all}"
    );
    let ran = workspace.run(&["prepare", "--language", "Pythn"]).expect(2);
    assert!(
        ran.stderr.contains("did you mean 'Python'?"),
        "{}",
        ran.stderr
    );
}
