//! What a user does to a workspace without meaning to, and servers that mean something else than they seem to say.

use crate::generation::scraped;
use crate::model_server::{MODEL, ModelServer, Reply, answer};
use crate::workspace::{Ran, Repo, Workspace};
use serde_json::json;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

fn make_fifo(path: &Path) {
    let _ = std::fs::remove_file(path);
    let made = Command::new("mkfifo").arg(path).status().unwrap();
    assert!(made.success());
}

/// Runs to the end, which must come by itself.
fn ended(workspace: &Workspace, arguments: &[&str]) -> Ran {
    let mut running = workspace.spawn(arguments);
    let deadline = Instant::now() + Duration::from_secs(60);
    while !running.has_ended() {
        if Instant::now() > deadline {
            running.kill();
            panic!("{arguments:?} waits for ever");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    running.wait()
}

#[test]
fn a_fifo_is_waited_on_nowhere() {
    let model = ModelServer::start();
    let (workspace, _repo) = scraped(&model);
    let data = workspace.path().join("data");
    for (name, commands) in [
        ("cache.db", &["prepare"][..]),
        ("pipeline.db", &["prepare", "status", "export", "view"]),
    ] {
        make_fifo(&data.join(name));
        for command in commands {
            let ran = ended(&workspace, &[command]).expect(1);
            assert!(
                ran.stderr.contains(name) && ran.stderr.contains("move away"),
                "{command}: {}",
                ran.stderr
            );
        }
        std::fs::remove_file(data.join(name)).unwrap();
    }
    make_fifo(&workspace.path().join("repos.txt"));
    for command in ["scrape", "prepare", "run"] {
        let ran = ended(&workspace, &[command]).expect(2);
        assert!(ran.stderr.contains("no regular file"), "{}", ran.stderr);
    }
    ended(&workspace, &["status"]).expect(0);
}

#[test]
fn a_dataset_deleted_in_mid_run_is_no_success_and_nothing_is_paid_twice() {
    let plain = ModelServer::start();
    let (workspace, _repo) = scraped(&plain);
    let data = workspace.path().join("data");
    let model = ModelServer::scripted(move |seen| {
        for entry in std::fs::read_dir(&data).unwrap().flatten() {
            if entry
                .file_name()
                .to_string_lossy()
                .starts_with("pipeline.db")
            {
                let _ = std::fs::remove_file(entry.path());
            }
        }
        answer(seen)
    });
    let arguments = [
        "prepare",
        "--base-url",
        &model.base_url(),
        "--questions",
        "1",
    ];
    let ran = workspace.run(&arguments).expect(1);
    assert!(
        ran.stderr.contains("moved, deleted or replaced"),
        "{}",
        ran.stderr
    );
    assert!(!workspace.path().join("data/pipeline.db").exists());
    let paid = model.chat_count();
    let again = [
        "prepare",
        "--base-url",
        &plain.base_url(),
        "--questions",
        "1",
    ];
    workspace.run(&again).expect(0);
    workspace.assert_sound();
    assert_eq!(workspace.count("FileHashes"), 2);
    assert_eq!((paid > 0, paid + plain.chat_count()), (true, 4));
}

#[test]
fn nothing_in_a_message_turns_the_direction_of_writing() {
    let workspace = Workspace::new();
    workspace.list_repos(&["https://example.test/a/b branch\u{202e}gnp.x extra"]);
    let model = ModelServer::scripted_whole(|_| {
        Reply::json(
            200,
            json!({"data": [{"id": "a\u{202e}b"}, {"id": "c\u{2066}d"}]}),
        )
    });
    let (mut told, _repo) = scraped(&ModelServer::start());
    told.set_env("OPENAI_BASE_URL", &model.base_url());
    for ran in [workspace.run(&["scrape"]), told.run(&["prepare"]).expect(2)] {
        assert!(
            !ran.stderr.contains(['\u{202e}', '\u{2066}']) && ran.stderr.contains("u{202e}"),
            "{}",
            ran.stderr
        );
    }
}

#[test]
fn a_repository_that_git_here_cannot_read_is_named_with_its_reason() {
    let workspace = Workspace::new();
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        git.args(arguments).current_dir(workspace.origin());
        assert!(git.output().unwrap().status.success(), "{arguments:?}");
    };
    git(&["init", "-q", "--object-format=sha256", "new"]);
    let tables = Repo::new(&workspace.origin().join("tables"));
    tables.write("a.py", "print(1)\n").commit();
    git(&[
        "-C",
        "tables",
        "config",
        "core.repositoryFormatVersion",
        "1",
    ]);
    let config = workspace.origin().join("tables/.git/config");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text + "[extensions]\n\trefStorage = reftable\n").unwrap();
    let url = |name: &str| format!("file://{}", workspace.origin().join(name).display());
    workspace.list_repos(&[&url("new"), &url("tables")]);
    let said = workspace.run(&["scrape"]).expect(3).stderr;
    assert!(said.contains("SHA-256 objects is not supported"), "{said}");
    assert!(said.contains("git refs migrate"), "{said}");
    assert!(!said.contains("delete the folder"), "{said}");
}

/// A key may chat without the right to list; Google lists resources, not names; Azure lists a catalogue, not deployments; an Ollama
/// without models lists null.
#[test]
fn a_named_model_is_asked_where_the_list_says_nothing_about_it() {
    let lists = [
        Reply::error(
            403,
            "forbidden",
            "You have insufficient permissions for this operation. Missing scopes: api.model.read.",
        ),
        Reply::json(
            200,
            json!({"object": "list", "data": [{"id": "models/other"}, {"id": format!("models/{MODEL}")}]}),
        ),
        Reply::json(
            200,
            json!({"object": "list", "data": [{"id": "gpt-4o-2024-08-06", "lifecycle_status": "preview"}]}),
        ),
        Reply::json(200, json!({"object": "list", "data": null})),
    ];
    for list in lists {
        let shown = String::from_utf8_lossy(&list.body).into_owned();
        let model = ModelServer::scripted_whole(move |seen| match seen.method.as_str() {
            "POST" => answer(seen),
            _ => list.clone(),
        });
        let (mut workspace, _repo) = scraped(&ModelServer::start());
        workspace.set_env("OPENAI_BASE_URL", &model.base_url());
        workspace.set_env("OPENAI_API_KEY", "sk-restricted-0123456789");
        let unnamed = workspace.run(&["prepare"]).expect(2);
        assert!(
            unnamed.stderr.contains("name one with --model"),
            "{shown}: {}",
            unnamed.stderr
        );
        workspace.set_env("OPENAI_MODEL", MODEL);
        workspace.run(&["prepare", "--questions", "1"]).expect(0);
        assert!(workspace.count("TrainingSamples") > 0, "{shown}");
    }
}

#[test]
fn a_server_that_still_loads_its_model_is_not_called_absent() {
    let model = ModelServer::scripted_whole(|_| Reply::error(503, "503", "Loading model"));
    let (mut workspace, _repo) = scraped(&ModelServer::start());
    workspace.set_env("OPENAI_BASE_URL", &model.base_url());
    for command in ["prepare", "check"] {
        let ran = workspace.run(&[command]).expect(69);
        let said = ran.stdout + &ran.stderr;
        assert!(
            said.contains("Loading model); run again when it is"),
            "{said}"
        );
        assert!(!said.contains("no model server answers"), "{said}");
    }
    assert_eq!(model.chat_count(), 0);
}
