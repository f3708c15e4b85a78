//! What people do to the dataset and to worktrees with programs of their own.

use crate::generation::{QUEUE, scraped};
use crate::git_server::git;
use crate::model_server::ModelServer;
use crate::workspace::Workspace;
use rusqlite::Connection;
use sha2::{Digest as _, Sha256};

/// A program that leaves foreign keys off, as `sqlite3` does.
fn by_hand(workspace: &Workspace, statements: &str) {
    let dataset = workspace.dataset();
    dataset
        .pragma_update(None, "foreign_keys", "OFF")
        .and_then(|()| dataset.execute_batch(statements))
        .unwrap();
}

#[test]
fn the_number_of_a_deleted_sample_is_given_anew() {
    let model = ModelServer::start();
    let (workspace, repo) = scraped(&model);
    workspace.run(&["prepare"]).expect(0);
    let samples = workspace.count("TrainingSamples");
    by_hand(
        &workspace,
        "DELETE FROM TrainingSamples WHERE sample_id > 1",
    );
    repo.write("new.py", QUEUE.replace("item", "entry"))
        .commit();
    workspace.run(&["run"]).expect(0);
    let wrong = "FileHashes h JOIN TrainingSamples s USING (sample_id) WHERE s.dataset_source != h.file_path";
    assert_eq!(workspace.count(wrong), 0);
    let stale = "ConversationTurns t JOIN TrainingSamples s USING (sample_id)
                 WHERE t.role = 'user' AND s.dataset_source NOT LIKE '%' || (metadata_json ->> 'path')";
    assert_eq!(workspace.count(stale), 0);
    assert!(samples > 1 && workspace.count("TrainingSamples") > 1);
    workspace.run(&["view", "new.py"]).expect(0);
    let asked = model.chat_count();
    workspace.run(&["run"]).expect(0);
    assert_eq!(model.chat_count(), asked);
}

/// All of a database but its `user_version`, as `.dump` writes it.
fn dump_and_restore(workspace: &Workspace) {
    let path = workspace.path().join("data/pipeline.db");
    let aside = workspace.path().join("data/old.db");
    let old = workspace.dataset();
    old.execute_batch("PRAGMA journal_mode = DELETE").unwrap();
    drop(old);
    std::fs::rename(&path, &aside).unwrap();
    let new = Connection::open(&path).unwrap();
    let attach = format!("ATTACH '{}' AS old", aside.display());
    new.execute_batch(&attach).unwrap();
    let rows = |query: &str| -> Vec<String> {
        let mut statement = new.prepare(query).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    };
    for made in rows("SELECT sql FROM old.sqlite_schema WHERE sql IS NOT NULL") {
        new.execute_batch(&made).unwrap();
    }
    for table in [
        "TrainingSamples",
        "ConversationTurns",
        "FileHashes",
        "FailedFiles",
    ] {
        let copy = format!("INSERT INTO main.{table} SELECT * FROM old.{table}");
        new.execute_batch(&copy).unwrap();
    }
}

#[test]
fn a_dataset_restored_from_a_dump_is_known_again() {
    let model = ModelServer::start();
    let (workspace, _repo) = scraped(&model);
    workspace.run(&["prepare"]).expect(0);
    let asked = model.chat_count();
    let samples = workspace.rows("SELECT * FROM TrainingSamples");
    for first in ["prepare", "status"] {
        dump_and_restore(&workspace);
        workspace.run(&[first]).expect(0);
        assert_eq!(workspace.rows("PRAGMA user_version"), ["1"]);
        workspace.run(&["prepare"]).expect(0);
    }
    assert_eq!(workspace.rows("SELECT * FROM TrainingSamples"), samples);
    assert_eq!(model.chat_count(), asked);
    workspace.assert_sound();
}

#[test]
fn tables_of_another_program_are_named_and_left_alone() {
    let model = ModelServer::start();
    let (workspace, _repo) = scraped(&model);
    let dataset = workspace.dataset();
    dataset
        .execute_batch(
            "CREATE TABLE FileHashes (name TEXT); INSERT INTO FileHashes VALUES ('mine')",
        )
        .unwrap();
    drop(dataset);
    for command in ["prepare", "status"] {
        let ran = workspace.run(&[command]).expect(1);
        let says = "data/pipeline.db has tables of these names that this program did not make; move it away";
        assert!(ran.stderr.contains(says), "{}", ran.stderr);
    }
    assert_eq!(workspace.rows("SELECT * FROM FileHashes"), ["mine"]);
    assert_eq!(model.chat_count(), 0);
}

/// Path and commit of every stored question; where a commit is named, its file must be the one that was sent.
fn traced(workspace: &Workspace) -> Vec<(String, Option<String>)> {
    let worktree = "replace(dataset_source, '/' || (metadata_json ->> 'path'), '')";
    let rows = workspace.rows(&format!(
        "SELECT DISTINCT {worktree}, metadata_json ->> 'path', metadata_json ->> 'content_hash', metadata_json ->> 'commit'
         FROM ConversationTurns JOIN TrainingSamples USING (sample_id) WHERE turn_index = 0 ORDER BY 2"
    ));
    let rows = rows.iter().map(|row| {
        let [worktree, path, hash, commit] = row.split('|').collect::<Vec<_>>()[..] else {
            panic!("{row}");
        };
        let commit = (commit != "NULL").then(|| commit.to_owned());
        if let Some(commit) = &commit {
            let worktree = workspace.path().join("repos").join(worktree);
            let text = git(&worktree, &["show", &format!("{commit}:{path}")]) + "\n";
            let digest = Sha256::digest(text.as_bytes());
            let found: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(found, hash, "{path} at {commit}");
        }
        (path.to_owned(), commit)
    });
    rows.collect()
}

#[test]
fn no_row_names_a_commit_that_has_not_its_file() {
    let model = ModelServer::start();
    let (workspace, repo) = scraped(&model);
    let found = walkdir::WalkDir::new(workspace.path().join("repos"));
    let mut found = found.into_iter().flatten();
    let queue = found.find(|entry| entry.path().ends_with("queue.py"));
    let queue = queue.unwrap().into_path();
    let edit = |word: &str| std::fs::write(&queue, QUEUE.replace("item", word)).unwrap();
    let commit = Some(repo.git(&["rev-parse", "HEAD"]).trim().to_owned());
    let rows = |of_queue: &Option<String>| {
        let names = [("queue.py", of_queue), ("src/duration.rs", &commit)];
        names.map(|(name, commit)| (name.to_owned(), commit.clone()))
    };

    edit("entry");
    let ran = workspace.run(&["prepare"]).expect(0);
    assert_eq!(traced(&workspace), rows(&None));
    assert!(
        ran.stderr.contains("queue.py: not as it was committed"),
        "{}",
        ran.stderr
    );
    assert!(
        !workspace
            .run(&["view", "queue.py"])
            .expect(0)
            .stdout
            .contains(" at \n")
    );
    // What is staged is in no commit either.
    let worktree = queue.parent().unwrap();
    edit("thing");
    git(worktree, &["add", "queue.py"]);
    workspace.run(&["prepare"]).expect(0);
    assert_eq!(traced(&workspace), rows(&None));

    // A scrape undoes edits, whether upstream is there or not.
    std::fs::rename(repo.path(), repo.path().with_extension("away")).unwrap();
    workspace.run(&["run"]).expect(3);
    assert_eq!(traced(&workspace), rows(&commit));
    edit("piece");
    workspace.run(&["run"]).expect(3);
    assert_eq!(traced(&workspace), rows(&commit));
    workspace.assert_sound();
}
