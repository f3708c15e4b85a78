//! Repositories over `ssh`: the real program and git's real server, with a script between them in the place of `ssh`.

use crate::generation::{PARSER, QUEUE};
use crate::model_server::ModelServer;
use crate::workspace::{Repo, Workspace};

/// Does what `ssh` and a server's shell do: hands the last word to a shell in the folder of repositories. `old.test` knows
/// nothing of the protocol's versions, `closed.test` lets nobody in. What it was told goes into `told`.
const SSH: &str = r#"#!/bin/sh
cd "$ORIGIN" || exit 255
echo "$@" >>told
while [ "$1" != -- ]; do shift; done
case $2 in
*old.test) unset GIT_PROTOCOL ;;
*closed.test) echo "$2: Permission denied (publickey)." >&2; exit 255 ;;
esac
exec sh -c "$3"
"#;

#[test]
fn repositories_over_ssh_are_cloned_updated_and_asked_about() {
    let model = ModelServer::start();
    let mut workspace = Workspace::with_model(&model.base_url());
    workspace.add_program("ssh", SSH);
    workspace.set_env("ORIGIN", workspace.origin().to_str().unwrap());
    let new = Repo::new(&workspace.origin().join("team/new.git"));
    new.write("src/duration.rs", PARSER).commit();
    let old = Repo::new(&workspace.origin().join("team/it's old.git"));
    old.write("queue.py", QUEUE).commit();
    let quoted = old.path().to_str().unwrap().replace(' ', "%20");
    workspace.list_repos(&[
        "git@new.test:team/new.git",
        &format!("ssh://old.test:2222{quoted}"),
        "git@closed.test:team/new.git",
    ]);

    let ran = workspace.run(&["scrape", "--json"]).expect(3);
    let summary = ran.json();
    assert_eq!(
        (&summary["cloned"], &summary["failed"]),
        (&2.into(), &1.into()),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr.contains("git@closed.test:team/new.git"),
        "{}",
        ran.stderr
    );
    let told = std::fs::read_to_string(workspace.origin().join("told")).unwrap();
    for words in [
        " -- git@new.test git-upload-pack 'team/new.git'\n",
        " -p 2222 -- old.test git-upload-pack '/",
    ] {
        assert!(told.contains(words), "no '{words}' in: {told}");
    }
    assert!(
        told.lines().all(|line| line.contains("BatchMode=yes")),
        "{told}"
    );

    old.write("later.py", QUEUE.replace("capacity", "room"))
        .commit();
    let summary = workspace.run(&["scrape", "--json"]).expect(3).json();
    assert_eq!(
        (&summary["updated"], &summary["unchanged"]),
        (&1.into(), &1.into())
    );
    workspace.run(&["prepare", "--questions", "1"]).expect(3);
    let urls = "SELECT DISTINCT json_extract(metadata_json, '$.repository') FROM ConversationTurns WHERE turn_index = 0 ORDER BY 1";
    let urls = workspace.rows(urls);
    assert_eq!(urls[0], "git@new.test:team/new.git");
    assert!(urls[1].starts_with("ssh://old.test:2222/"), "{urls:?}");
    assert_eq!(workspace.count("FileHashes WHERE sample_id IS NOT NULL"), 3);
    workspace.assert_sound();
}
