//! `scrape` and `run` through the real program. What one sync does in every case is shown in `git_edge`.

use crate::generation::{PARSER, QUEUE, scraped};
use crate::git_server::{HttpServer, Mode, Upstream};
use crate::model_server::ModelServer;
use crate::workspace::{Repo, Workspace};

#[test]
fn one_bad_line_never_stops_the_others() {
    let workspace = Workspace::new();
    let repo = Repo::new(&workspace.origin().join("good"));
    repo.write("a.py", QUEUE).commit();
    let empty = Repo::new(&workspace.origin().join("empty"));
    workspace.list_repos(&[
        "# a comment",
        "",
        "ext::sh -c whoami",
        "file:///nowhere/at/all",
        &format!("{} main # the branch", repo.url()),
        &empty.url(),
    ]);
    let ran = workspace.run(&["scrape", "--json"]).expect(3);
    let summary = ran.json();
    for (part, count) in [
        ("repositories", 4),
        ("cloned", 1),
        ("empty", 1),
        ("failed", 2),
        ("updated", 0),
    ] {
        assert_eq!(summary[part], count, "{part}: {summary}");
    }
    assert!(
        ran.stderr.contains("line 3") && ran.stderr.contains("/nowhere/at/all"),
        "{}",
        ran.stderr
    );
    let again = workspace.run(&["scrape", "--json"]).expect(3).json();
    assert_eq!(
        (again["unchanged"].as_u64(), again["failed"].as_u64()),
        (Some(1), Some(2))
    );
}

#[test]
fn a_run_says_once_what_has_nothing_yet_or_cannot_be_had() {
    let model = ModelServer::start();
    let workspace = Workspace::with_model(&model.base_url());
    let good = Repo::new(&workspace.origin().join("good"));
    good.write("queue.py", QUEUE).commit();
    let empty = Repo::new(&workspace.origin().join("empty"));
    workspace.list_repos(&[&good.url(), &empty.url()]);
    workspace.run(&["run", "-q"]).expect(0);
    let ran = workspace.run(&["run"]).expect(0);
    let told = ran.stderr.matches("/empty").count();
    assert_eq!(told, 1, "{}", ran.stderr);

    workspace.list_repos(&[&good.url(), "file:///nowhere/at/all"]);
    let ran = workspace.run(&["run", "-q"]).expect(3);
    let told = ran.stderr.matches("/nowhere/at/all").count();
    assert_eq!(told, 1, "{}", ran.stderr);
    let ran = workspace.run(&["prepare", "-q"]).expect(3);
    assert!(ran.stderr.contains("not cloned"), "{}", ran.stderr);
}

#[test]
fn a_credential_helper_is_asked_for_the_password_of_a_user() {
    let mut workspace = Workspace::new();
    Upstream::with_files(&workspace.origin().join("a"), &[("queue.py", QUEUE)]);
    let server = HttpServer::start(&workspace.origin());
    let config = workspace.origin().join("gitconfig");
    let helper = "!f() { read l; while read l; do [ \"$l\" = username=me ] && echo password=hunter2; done; }; f";
    std::fs::write(&config, format!("[credential]\n\thelper = {helper:?}\n")).unwrap();
    workspace.set_env("GIT_CONFIG_GLOBAL", config.to_str().unwrap());
    let url = server.url("a").replace("http://", "http://me@");
    workspace.list_repos(&[&url]);
    for mode in [Mode::Auth, Mode::AuthToFetch] {
        server.set_mode(mode("me".into(), "hunter2".into()));
        let ran = workspace.run(&["scrape", "--json"]).expect(0);
        assert_eq!(ran.json()["cloned"], 1, "{}", ran.stderr);
        assert!(!ran.stderr.contains("hunter2") && !workspace.logs().contains("hunter2"));
        std::fs::remove_dir_all(workspace.path().join("repos")).unwrap();
    }
    server.set_mode(Mode::Auth("me".into(), "another".into()));
    let ran = workspace.run(&["scrape"]).expect(3);
    assert!(ran.stderr.contains("refused"), "{}", ran.stderr);
}

#[test]
fn a_file_where_copies_are_made_stops_no_other_repository() {
    let workspace = Workspace::new();
    let repo = Repo::new(&workspace.origin().join("good"));
    repo.write("a.py", QUEUE).commit();
    let inside = repo.path().join(".git");
    workspace.list_repos(&[inside.to_str().unwrap()]);
    let file = workspace.path().join("repos/.incoming-x");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, "mine").unwrap();
    let ran = workspace.run(&["scrape", "--json"]).expect(0);
    assert_eq!(ran.json()["cloned"], 1, "{}", ran.stderr);
    assert!(
        ran.stderr.contains(".incoming-x is in the way"),
        "{}",
        ran.stderr
    );
    assert_eq!(std::fs::read(&file).unwrap(), b"mine");
}

#[test]
fn a_repos_file_that_is_missing_is_named() {
    let workspace = Workspace::new();
    let ran = workspace.run(&["scrape"]).expect(2);
    assert!(ran.stderr.contains("repos.txt"), "{}", ran.stderr);
}

#[test]
fn without_a_list_every_repository_that_is_there_is_prepared() {
    let model = ModelServer::start();
    let workspace = Workspace::with_model(&model.base_url());
    let repos = ["plain", ".github"].map(|name| Repo::new(&workspace.origin().join(name)));
    repos[0].write("duration.rs", PARSER).commit();
    repos[1].write("queue.py", QUEUE).commit();
    workspace.list_repos(&[&repos[0].url(), &repos[1].url()]);
    workspace.run(&["scrape"]).expect(0);
    std::fs::remove_file(workspace.path().join("repos.txt")).unwrap();
    let half = workspace.path().join("repos/.incoming-half");
    std::fs::create_dir_all(half.join(".git")).unwrap();
    let summary = workspace.run(&["prepare", "--json"]).expect(0).json();
    assert_eq!(summary["done"], 2, "{summary}");
    let status = workspace.run(&["status", "--json"]).expect(0).json();
    let known = status["repositories"].as_object().unwrap();
    assert_eq!(known.len(), 2, "{status}");
}

#[test]
fn run_does_all_three_under_one_lock() {
    let model = ModelServer::start();
    let workspace = Workspace::with_model(&model.base_url());
    let repo = Repo::new(&workspace.origin().join("demo"));
    repo.write("src/duration.rs", PARSER).commit();
    workspace.list_repos(&[&repo.url()]);
    let summary = workspace.run(&["run", "--json"]).expect(0).json();
    assert_eq!(summary["scrape"]["cloned"], 1);
    assert_eq!(summary["prepare"]["done"], 1);
    assert_eq!(summary["retry"]["files"], 0);
    repo.write("queue.py", QUEUE).commit();
    let summary = workspace.run(&["run", "--json"]).expect(0).json();
    assert_eq!(summary["scrape"]["updated"], 1);
    assert_eq!(
        (
            summary["prepare"]["done"].as_u64(),
            summary["prepare"]["unchanged"].as_u64()
        ),
        (Some(1), Some(1))
    );
    workspace.assert_sound();
}

#[test]
fn a_quiet_run_says_nothing_and_logs_everything() {
    let model = ModelServer::start();
    let (workspace, _repo) = scraped(&model);
    let ran = workspace.run(&["prepare", "-q"]).expect(0);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
    assert!(workspace.logs().contains("src/duration.rs: done"));
    let latest = std::fs::read_to_string(workspace.path().join("logs/latest")).unwrap();
    assert!(latest.contains("2 done"), "{latest}");
}

#[test]
fn status_tells_the_states() {
    let model = ModelServer::start();
    let (workspace, _repo) = scraped(&model);
    let before = workspace.run(&["status", "--json"]).expect(0).json();
    assert_eq!(before["done"], 0);
    workspace.run(&["prepare"]).expect(0);
    let after = workspace.run(&["status", "--json"]).expect(0).json();
    assert_eq!(after["done"], 2);
    assert!(
        workspace
            .run(&["status"])
            .expect(0)
            .stdout
            .starts_with("2 files: 2 done")
    );
}

#[test]
fn database_and_logs_are_readable_by_their_user_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let model = ModelServer::start();
    let (workspace, _repo) = scraped(&model);
    workspace.run(&["prepare"]).expect(0);
    let logs = std::fs::read_dir(workspace.path().join("logs"))
        .unwrap()
        .flatten()
        .map(|entry| entry.path());
    let files = [
        workspace.path().join("data/pipeline.db"),
        workspace.path().join("data/cache.db"),
    ];
    for path in files.into_iter().chain(logs) {
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o077,
            0,
            "{}",
            path.display()
        );
    }
}
