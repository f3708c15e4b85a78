//! `prepare` over files that did not change: what is recognised without a look inside, and what still counts.

use crate::generation::{QUEUE, scraped};
use crate::model_server::ModelServer;
use crate::workspace::{Repo, Workspace};
use serde_json::Value;
use std::os::unix::ffi::OsStrExt as _;

fn prepare(workspace: &Workspace, arguments: &[&str]) -> Value {
    let arguments = [&["prepare", "--json"], arguments].concat();
    workspace.run(&arguments).expect(0).json()
}

#[test]
fn what_is_said_about_an_unchanged_file_counts_at_once() {
    let model = ModelServer::start();
    let (workspace, repo) = scraped(&model);
    prepare(&workspace, &[]);
    assert_eq!(prepare(&workspace, &[])["unchanged"], 2);
    let excluded = prepare(&workspace, &["--exclude", "*.py"]);
    assert_eq!(excluded["unchanged"], 1, "{excluded}");
    assert_eq!(excluded["skipped"]["excluded"], 1);
    assert_eq!(prepare(&workspace, &[])["unchanged"], 2);
    repo.write(".gitattributes", "queue.py linguist-generated\n")
        .commit();
    workspace.run(&["scrape"]).expect(0);
    let marked = prepare(&workspace, &[]);
    assert_eq!(marked["unchanged"], 1, "{marked}");
    assert_eq!(marked["skipped"]["attribute_generated"], 1);
    assert_eq!(
        (&marked["retired"], workspace.count("FileHashes")),
        (&Value::from(0), 2)
    );
}

/// Stored paths are escaped, so that their order is not always that of the worktree.
#[test]
fn files_are_recognised_in_whatever_order_their_names_are() {
    let model = ModelServer::start();
    let workspace = Workspace::with_model(&model.base_url());
    let repo = Repo::new(&workspace.origin().join("order"));
    let names: [&[u8]; 8] = [
        b"a/b.py",
        b"a.py",
        b"a%41.py",
        b"a%3z.py",
        b"a0.py",
        b"c\xe9.py",
        b"cX.py",
        b"c/\xff/x.py",
    ];
    for (index, name) in names.iter().enumerate() {
        let path = repo.path().join(std::ffi::OsStr::from_bytes(name));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let text = QUEUE.replace("BoundedQueue", &format!("BoundedQueue{index}"));
        std::fs::write(path, text).unwrap();
    }
    repo.commit();
    workspace.list_repos(&[&repo.url()]);
    workspace.run(&["scrape"]).expect(0);
    prepare(&workspace, &[]);
    for _ in 0..2 {
        let summary = prepare(&workspace, &[]);
        assert_eq!(summary["unchanged"], names.len(), "{summary}");
        assert_eq!(summary["retired"], 0);
    }
    std::fs::remove_file(repo.path().join("a%41.py")).unwrap();
    repo.commit();
    workspace.run(&["scrape"]).expect(0);
    let summary = prepare(&workspace, &[]);
    assert_eq!(
        (&summary["retired"], &summary["unchanged"]),
        (&Value::from(1), &Value::from(7))
    );
}
