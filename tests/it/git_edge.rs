//! The git edge through the library: real repositories, over every transport that loopback has.

use crate::git_server::{GitDaemon, HttpServer, Mode, Upstream, git};
use pipeline::domain::repo::{RepoSpec, parse_list};
use pipeline::git::{
    Change, GitError, Problem, Snapshot, Synced, TrackedKind, open_snapshot, remove_leftovers, sync,
};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use tempfile::TempDir;

/// A workspace, a folder of upstream repositories, and servers for them.
struct World {
    dir: TempDir,
    http: HttpServer,
    daemon: GitDaemon,
}

/// Every way to reach the same repository.
const TRANSPORTS: [&str; 4] = ["file", "http", "http, version 0", "git"];

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("workspace/repos")).unwrap();
        std::fs::create_dir_all(dir.path().join("srv")).unwrap();
        let (http, daemon) = (
            HttpServer::start(&dir.path().join("srv")),
            GitDaemon::start(&dir.path().join("srv")),
        );
        World { dir, http, daemon }
    }

    fn upstream(&self, name: &str, files: &[(&str, &str)]) -> Upstream {
        Upstream::with_files(&self.srv(name), files)
    }

    fn srv(&self, name: &str) -> PathBuf {
        self.dir.path().join("srv").join(name)
    }

    fn repos(&self) -> PathBuf {
        self.dir.path().join("workspace/repos")
    }

    fn line(&self, transport: &str, name: &str) -> String {
        self.http.set_mode(if transport.ends_with('0') {
            Mode::VersionZero
        } else {
            Mode::Well
        });
        match transport {
            "file" => format!("file://{}", self.srv(name).display()),
            "git" => self.daemon.url(name),
            _ => self.http.url(name),
        }
    }

    fn sync(&self, line: &str) -> Result<Synced, GitError> {
        sync(&self.repos(), &spec(line), &AtomicBool::new(false), &|_| ())
    }

    fn root(&self, line: &str) -> PathBuf {
        self.repos().join(spec(line).id.as_str())
    }

    fn snapshot(&self, line: &str) -> Snapshot {
        open_snapshot(&self.root(line)).unwrap()
    }

    /// The one problem of a sync, which must leave everything below `repos/` as it was.
    fn failure(&self, line: &str) -> Problem {
        let before = file_state(&self.repos());
        let error = self.sync(line).unwrap_err();
        assert!(
            file_state(&self.repos()) == before,
            "{error}: something was written"
        );
        assert!(
            error.to_string().contains(&spec(line).public_url()),
            "{error}"
        );
        error.problem
    }
}

fn spec(line: &str) -> RepoSpec {
    let (mut specs, bad) = parse_list(line);
    assert!(bad.is_empty(), "{}", bad[0]);
    specs.remove(0)
}

/// Everything below a folder: inode, time stamp and mode of each path, so that even a rewrite with the same bytes shows.
fn state(dir: &Path) -> BTreeMap<PathBuf, (u64, i64, i64, u32)> {
    let mut found = BTreeMap::new();
    for entry in walkdir::WalkDir::new(dir).min_depth(1) {
        let entry = entry.unwrap();
        let meta = entry.metadata().unwrap();
        found.insert(
            entry.path().to_owned(),
            (meta.ino(), meta.mtime(), meta.mtime_nsec(), meta.mode()),
        );
    }
    found
}

/// The same without folders, whose time stamps a temporary file changes.
fn file_state(dir: &Path) -> BTreeMap<PathBuf, (u64, i64, i64, u32)> {
    let mut found = state(dir);
    found.retain(|path, _| !path.is_dir());
    found
}

/// The worktree's files with their bytes.
fn files(root: &Path) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let walk = walkdir::WalkDir::new(root)
        .into_iter()
        .filter_entry(|entry| entry.file_name() != ".git");
    let files = walk
        .map(Result::unwrap)
        .filter(|entry| !entry.file_type().is_dir());
    files
        .map(|entry| {
            let name = entry
                .path()
                .strip_prefix(root)
                .unwrap()
                .as_os_str()
                .as_bytes()
                .to_vec();
            (name, std::fs::read(entry.path()).unwrap())
        })
        .collect()
}

fn names(root: &Path) -> Vec<String> {
    files(root)
        .into_keys()
        .map(|name| String::from_utf8_lossy(&name).into_owned())
        .collect()
}

fn git_names(root: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(root.join(".git"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn every_transport_clones_shallow_then_updates_then_rests() {
    for transport in TRANSPORTS {
        let world = World::new();
        let upstream = world.upstream("a", &[("old.txt", "1\n"), ("dir/kept.txt", "kept\n")]);
        let first = upstream.commit(&[("gone/x.txt", "x\n")]);
        let line = world.line(transport, "a");

        let cloned = world.sync(&line).unwrap();
        assert_eq!(cloned.change, Change::Cloned, "{transport}");
        assert_eq!(
            (cloned.commit.as_deref(), cloned.reference.as_str()),
            (Some(first.as_str()), "refs/heads/main")
        );
        let root = world.root(&line);
        assert_eq!(names(&root), ["dir/kept.txt", "gone/x.txt", "old.txt"]);
        assert_eq!(
            git(&root, &["rev-list", "--count", "HEAD"]),
            "1",
            "{transport}: history was fetched"
        );
        assert_eq!(git(&root, &["status", "--porcelain"]), "");
        git(&root, &["fsck", "--strict"]);

        let before = state(&world.repos());
        assert_eq!(
            world.sync(&line).unwrap().change,
            Change::Unchanged,
            "{transport}"
        );
        assert_eq!(
            state(&world.repos()),
            before,
            "{transport}: an unchanged upstream was written"
        );

        upstream.git(&["rm", "--quiet", "-r", "gone"]);
        let second = upstream.commit(&[("old.txt", "2\n"), ("new/y.txt", "y\n")]);
        let updated = world.sync(&line).unwrap();
        assert_eq!(
            updated.change,
            Change::Updated {
                from: first.clone()
            },
            "{transport}"
        );
        assert_eq!(updated.commit.as_deref(), Some(second.as_str()));
        assert_eq!(names(&root), ["dir/kept.txt", "new/y.txt", "old.txt"]);
        assert!(!root.join("gone").exists());
        assert_eq!(git(&root, &["status", "--porcelain"]), "");
        assert_eq!(git(&root, &["rev-list", "--count", "HEAD"]), "1");
        git(&root, &["fsck", "--strict"]);
        assert!(
            !git_names(&root)
                .iter()
                .any(|name| name.contains("lock") || name.contains("half"))
        );
    }
}

#[test]
fn an_update_transfers_only_what_is_new() {
    for transport in TRANSPORTS {
        let world = World::new();
        let noise: String = (0..20_000_u64)
            .map(|number| format!("{:x}\n", number.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
            .collect();
        let upstream = world.upstream("a", &[("big.txt", &noise), ("small.txt", "1")]);
        let line = world.line(transport, "a");
        let received = |line: &str| {
            let bytes = std::cell::Cell::new(0);
            sync(
                &world.repos(),
                &spec(line),
                &AtomicBool::new(false),
                &|progress| bytes.set(progress.received_bytes),
            )
            .unwrap();
            bytes.get()
        };
        let whole = received(&line);
        upstream.commit(&[("small.txt", "2"), ("big.txt", &format!("{noise}end"))]);
        let update = received(&line);
        assert!(whole > 100_000, "{transport}: {whole}");
        let limit = if transport == "file" {
            whole + 1000
        } else {
            2000
        };
        assert!(update < limit, "{transport}: {update}");
        upstream.commit(&[("small.txt", "3")]);
        let update = received(&line);
        assert!(update < 2000, "{transport}: {update}");
    }
}

#[test]
fn a_quiet_run_asks_for_references_only() {
    let world = World::new();
    world.upstream("a", &[("x", "x")]);
    let line = world.line("http", "a");
    world.sync(&line).unwrap();
    assert_eq!(
        world.http.take_requests(),
        [
            "GET /a/info/refs",
            "POST /a/git-upload-pack ls-refs",
            "POST /a/git-upload-pack fetch"
        ]
    );
    world.sync(&line).unwrap();
    assert_eq!(
        world.http.take_requests(),
        ["GET /a/info/refs", "POST /a/git-upload-pack ls-refs"]
    );
}

#[test]
fn branches_tags_and_commits_are_followed_by_name() {
    for transport in TRANSPORTS {
        let world = World::new();
        let upstream = world.upstream("a", &[("x", "1")]);
        let one = upstream.git(&["rev-parse", "HEAD"]);
        upstream.git(&["tag", "--annotate", "v1", "--message", "first"]);
        upstream.git(&["tag", "light"]);
        upstream.git(&["switch", "--quiet", "--create", "dev"]);
        let dev = upstream.commit(&[("x", "dev")]);
        upstream.git(&["switch", "--quiet", "main"]);
        let two = upstream.commit(&[("x", "2")]);
        upstream.git(&["config", "uploadpack.allowAnySHA1InWant", "true"]);
        let line = world.line(transport, "a");
        let table = [
            ("dev", &dev, "refs/heads/dev"),
            ("v1", &one, "refs/tags/v1"),
            ("light", &one, "refs/tags/light"),
            ("refs/heads/main", &two, "refs/heads/main"),
            (one.as_str(), &one, one.as_str()),
            ("", &two, "refs/heads/main"),
        ];
        for fresh in [true, false] {
            for (word, commit, reference) in table {
                if fresh {
                    let _ = std::fs::remove_dir_all(world.root(&line));
                }
                let synced = world.sync(&format!("{line} {word}")).unwrap();
                assert_eq!(
                    (synced.commit.as_ref(), synced.reference.as_str()),
                    (Some(commit), reference),
                    "{transport} {word}"
                );
                let snapshot = world.snapshot(&line);
                assert_eq!(
                    (&snapshot.commit, snapshot.reference.as_str()),
                    (commit, reference)
                );
                assert_eq!(git(&world.root(&line), &["status", "--porcelain"]), "");
            }
        }
        let missing = "0123456789012345678901234567890123456789";
        assert!(
            matches!(world.failure(&format!("{line} nope")), Problem::NoSuchReference(name) if name == "nope")
        );
        assert!(
            matches!(world.failure(&format!("{line} {missing}")), Problem::NoSuchCommit(id) if id == missing),
            "{transport}"
        );
    }
}

#[test]
fn a_pinned_commit_that_is_here_needs_no_network() {
    let world = World::new();
    let upstream = world.upstream("a", &[("x", "1")]);
    let line = format!(
        "{} {}",
        world.line("http", "a"),
        upstream.git(&["rev-parse", "HEAD"])
    );
    world.sync(&line).unwrap();
    world.http.take_requests();
    assert_eq!(world.sync(&line).unwrap().change, Change::Unchanged);
    assert!(world.http.take_requests().is_empty());
}

#[test]
fn a_tag_of_a_file_is_no_commit() {
    for transport in TRANSPORTS {
        let world = World::new();
        let upstream = world.upstream("a", &[("x", "1")]);
        upstream.git(&["tag", "blob", "HEAD:x"]);
        let line = world.line(transport, "a");
        assert!(
            matches!(
                world.failure(&format!("{line} blob")),
                Problem::NotACommit(_)
            ),
            "{transport}"
        );
    }
}

#[test]
fn history_may_be_rewritten_and_branches_renamed() {
    for transport in TRANSPORTS {
        let world = World::new();
        let upstream = world.upstream("a", &[("x", "1"), ("same", "same")]);
        let line = world.line(transport, "a");
        world.sync(&line).unwrap();

        upstream.git(&["commit", "--quiet", "--amend", "--message", "rewritten"]);
        let rewritten = upstream.commit(&[("x", "rewritten")]);
        upstream.git(&["reflog", "expire", "--expire=now", "--all"]);
        upstream.git(&["gc", "--quiet", "--prune=now"]);
        assert_eq!(
            world.sync(&line).unwrap().commit,
            Some(rewritten.clone()),
            "{transport}"
        );

        upstream.git(&["branch", "--move", "main", "main/trunk"]);
        let renamed = world.sync(&line).unwrap();
        assert_eq!(
            (renamed.change, renamed.reference.as_str()),
            (Change::Unchanged, "refs/heads/main/trunk"),
            "{transport}"
        );
        assert_eq!(world.snapshot(&line).reference, "refs/heads/main/trunk");

        let later = upstream.commit(&[("x", "later")]);
        assert_eq!(world.sync(&line).unwrap().commit, Some(later));
        upstream.git(&["reset", "--quiet", "--hard", &rewritten]);
        assert_eq!(
            world.sync(&line).unwrap().commit,
            Some(rewritten),
            "{transport}: back to a commit that is still here"
        );
        git(&world.root(&line), &["fsck", "--strict"]);
    }
}

#[test]
fn empty_repositories_are_no_failure_until_they_were_full() {
    for transport in TRANSPORTS {
        let world = World::new();
        let upstream = Upstream::empty(&world.srv("a"));
        let line = world.line(transport, "a");
        let empty = world.sync(&line).unwrap();
        assert_eq!(
            (empty.change, empty.commit),
            (Change::Empty, None),
            "{transport}"
        );
        assert!(state(&world.repos()).is_empty());

        upstream.commit(&[("x", "1")]);
        assert_eq!(
            world.sync(&line).unwrap().change,
            Change::Cloned,
            "{transport}"
        );
        upstream.git(&["tag", "v1"]);
        upstream.git(&["update-ref", "-d", "refs/heads/main"]);
        assert!(
            matches!(world.failure(&line), Problem::OnlyTags(names) if names == "v1"),
            "{transport}"
        );
        upstream.git(&["tag", "--delete", "v1"]);
        assert!(
            matches!(world.failure(&line), Problem::NowEmpty),
            "{transport}"
        );
        assert_eq!(world.snapshot(&line).paths().len(), 1);
    }
}

#[test]
fn a_head_without_its_branch_means_the_only_branch() {
    for transport in TRANSPORTS {
        let world = World::new();
        let upstream = world.upstream("a", &[("x", "1")]);
        upstream.git(&["symbolic-ref", "HEAD", "refs/heads/master"]);
        let line = world.line(transport, "a");
        assert_eq!(
            world.sync(&line).unwrap().reference,
            "refs/heads/main",
            "{transport}"
        );
        upstream.git(&["branch", "dev", "main"]);
        assert!(
            matches!(world.failure(&line), Problem::NoDefaultBranch(names) if names.contains("dev")),
            "{transport}"
        );
    }
}

#[test]
fn a_branch_that_leads_to_nothing_is_named() {
    for transport in TRANSPORTS {
        for written in ["garbage", &"01".repeat(20)] {
            let world = World::new();
            let upstream = world.upstream("a", &[("x", "1")]);
            let line = world.line(transport, "a");
            world.sync(&line).unwrap();
            upstream.write(".git/refs/heads/main", written.as_bytes());
            let problem = world.failure(&line);
            let is_named = match (&problem, transport) {
                (Problem::Source(text), "file") => text.contains("refs/heads/main"),
                (Problem::BrokenReference(name), _) => name == "refs/heads/main",
                _ => false,
            };
            assert!(is_named, "{transport}, {written}: {problem:?}");
        }
    }
}

#[test]
fn repositories_that_are_gone_leave_their_copy() {
    for transport in TRANSPORTS {
        let world = World::new();
        world.upstream("a", &[("x", "1")]);
        let line = world.line(transport, "a");
        assert!(
            matches!(
                world.failure(&world.line(transport, "b")),
                Problem::NotFound | Problem::NoSuchFolder
            ),
            "{transport}"
        );
        world.sync(&line).unwrap();
        std::fs::remove_dir_all(world.srv("a")).unwrap();
        assert!(
            matches!(
                world.failure(&line),
                Problem::NotFound | Problem::NoSuchFolder
            ),
            "{transport}"
        );
        assert_eq!(world.snapshot(&line).paths().len(), 1);
    }
    let world = World::new();
    std::fs::create_dir_all(world.srv("plain")).unwrap();
    assert!(matches!(
        world.failure(&world.line("file", "plain")),
        Problem::NoRepository
    ));
}

#[test]
fn servers_that_misbehave_are_named_and_leave_the_copy() {
    let world = World::new();
    let upstream = world.upstream("a", &[("x", "1")]);
    upstream.git(&["update-server-info"]);
    std::fs::create_dir_all(world.srv("a/info")).unwrap();
    std::fs::write(world.srv("a/info/refs"), "dumb").unwrap();
    let line = world.line("http", "a");
    world.sync(&line).unwrap();
    upstream.commit(&[("x", &"2\n".repeat(5000))]);
    type Check = fn(&Problem) -> bool;
    let table: [(Mode, Check); 8] = [
        (Mode::Dumb, |problem| matches!(problem, Problem::NotSmart)),
        (Mode::Status(200), |problem| {
            matches!(problem, Problem::NotSmart)
        }),
        (Mode::Status(401), |problem| {
            matches!(
                problem,
                Problem::CredentialsMissing | Problem::CredentialsRefused
            )
        }),
        (Mode::Status(403), |problem| {
            matches!(problem, Problem::Forbidden)
        }),
        (Mode::Status(404), |problem| {
            matches!(problem, Problem::NotFound)
        }),
        (Mode::Status(410), |problem| {
            matches!(problem, Problem::NotFound)
        }),
        (Mode::Status(503), |problem| {
            matches!(problem, Problem::HttpStatus(503))
        }),
        (Mode::CutPack, |problem| {
            matches!(problem, Problem::Disconnected)
        }),
    ];
    for (mode, is_expected) in table {
        world.http.set_mode(mode.clone());
        let error = world.sync(&line).unwrap_err();
        assert!(is_expected(&error.problem), "{mode:?}: {error}");
        assert_eq!(std::fs::read(world.root(&line).join("x")).unwrap(), b"1");
        assert_eq!(world.snapshot(&line).paths().len(), 1);
    }
    world.http.set_mode(Mode::Well);
    assert!(matches!(
        world.sync(&line).unwrap().change,
        Change::Updated { .. }
    ));
    let packs = std::fs::read_dir(world.root(&line).join(".git/objects/pack")).unwrap();
    assert_eq!(packs.count(), 4, "a pack that was cut off left something");

    let refused = "http://127.0.0.1:1/a";
    assert!(matches!(world.failure(refused), Problem::Connect(_)));
}

#[test]
fn a_hanging_server_is_left_when_the_run_is_cancelled() {
    let world = World::new();
    let line = world.line("http", "a");
    world.http.set_mode(Mode::Hang);
    let cancel = AtomicBool::new(false);
    let error = std::thread::scope(|scope| {
        let waiting =
            scope.spawn(|| sync(&world.repos(), &spec(&line), &cancel, &|_| ()).unwrap_err());
        while world.http.take_requests().is_empty() {
            std::thread::yield_now();
        }
        cancel.store(true, Ordering::SeqCst);
        waiting.join().unwrap()
    });
    assert!(matches!(error.problem, Problem::Cancelled));
    assert!(state(&world.repos()).is_empty());
}

#[test]
fn a_transfer_can_be_cancelled() {
    for transport in TRANSPORTS {
        let world = World::new();
        world.upstream("a", &[("x", "1")]);
        let line = world.line(transport, "a");
        let cancel = AtomicBool::new(false);
        let error = sync(&world.repos(), &spec(&line), &cancel, &|_| {
            cancel.store(true, Ordering::SeqCst)
        });
        // One progress call may be the last, in which case there is nothing left to cancel.
        match error {
            Err(error) => assert!(
                matches!(error.problem, Problem::Cancelled),
                "{transport}: {error}"
            ),
            Ok(synced) => assert_eq!(synced.change, Change::Cloned),
        }
        assert!(
            !state(&world.repos())
                .keys()
                .any(|path| path.to_string_lossy().contains("/.incoming"))
        );
    }
}

#[test]
fn credentials_open_the_door_and_are_written_nowhere() {
    let world = World::new();
    world.upstream("a", &[("x", "1")]);
    let plain = world.line("http", "a");
    world
        .http
        .set_mode(Mode::Auth("me".into(), "hunter2".into()));
    let with = |secret: &str| plain.replace("http://", &format!("http://{secret}@"));

    for (line, reason) in [
        (with("me:hunter3"), "refused"),
        (with("you:hunter2"), "refused"),
    ] {
        let error = world.sync(&line).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(
            shown.contains(reason) && !shown.contains("hunter"),
            "{shown}"
        );
    }
    let good = with("me:hunter2");
    assert_eq!(world.sync(&good).unwrap().change, Change::Cloned);
    assert_eq!(world.sync(&good).unwrap().change, Change::Unchanged);
    for path in state(&world.repos())
        .into_keys()
        .filter(|path| path.is_file())
    {
        let content = std::fs::read(&path).unwrap();
        assert!(
            !content.windows(7).any(|bytes| bytes == b"hunter2"),
            "{}",
            path.display()
        );
    }
    assert_eq!(world.snapshot(&good).url, plain);
}

#[test]
fn a_redirect_is_followed_for_the_whole_conversation() {
    let world = World::new();
    world.upstream("a", &[("x", "1")]);
    let line = world.line("http", "a");
    world.http.set_mode(Mode::Redirect("/moved".into()));
    assert_eq!(world.sync(&line).unwrap().change, Change::Cloned);
    assert_eq!(
        world.http.take_requests()[1..],
        [
            "GET /moved/a/info/refs",
            "POST /moved/a/git-upload-pack ls-refs",
            "POST /moved/a/git-upload-pack fetch"
        ]
    );
    assert_eq!(world.snapshot(&line).url, line);
}

#[test]
fn what_a_killed_run_left_is_repaired() {
    for transport in TRANSPORTS {
        let world = World::new();
        let upstream = world.upstream("a", &[("x", "1"), ("dir/y", "1")]);
        let line = world.line(transport, "a");
        world.sync(&line).unwrap();
        let root = world.root(&line);
        let clean = files(&root);
        let incoming = world.repos().join(".incoming-0000000000000000");
        std::fs::create_dir_all(incoming.join(".git")).unwrap();
        assert!(remove_leftovers(&world.repos()).is_empty());
        assert!(!incoming.exists() && root.exists());

        // Killed in the middle of a checkout.
        let half_update = || {
            std::fs::write(root.join(".git/pipeline-half-updated"), "").unwrap();
            std::fs::write(root.join("x"), "2").unwrap();
            std::fs::remove_file(root.join("dir/y")).unwrap();
            std::fs::write(root.join(".git/index.lock"), "").unwrap();
            std::fs::write(root.join(".git/HEAD.lock"), "").unwrap();
            std::fs::write(root.join(".git/objects/pack/pack_abc123"), "tail").unwrap();
        };
        half_update();
        assert!(matches!(
            open_snapshot(&root).err().unwrap().problem,
            Problem::HalfUpdated
        ));
        assert!(
            matches!(world.sync(&line).unwrap().change, Change::Restored { .. }),
            "{transport}"
        );
        assert_eq!(files(&root), clean, "{transport}");
        assert!(open_snapshot(&root).is_ok());

        half_update();
        upstream.commit(&[("x", "3")]);
        assert!(
            matches!(world.sync(&line).unwrap().change, Change::Updated { .. }),
            "{transport}"
        );
        assert_eq!(names(&root), ["dir/y", "x"]);
        assert_eq!(git(&root, &["status", "--porcelain"]), "");
        assert!(
            !git_names(&root)
                .iter()
                .any(|name| name.contains("lock") || name.contains("half"))
        );
    }
}

#[test]
fn a_damaged_copy_stays_until_a_new_one_is_there() {
    let world = World::new();
    world.upstream("a", &[("x", "1")]);
    let line = world.line("http", "a");
    world.sync(&line).unwrap();
    let root = world.root(&line);
    std::fs::write(root.join(".git/HEAD"), "garbage").unwrap();
    world.sync(&line).unwrap();
    std::fs::write(root.join(".git/HEAD"), "garbage").unwrap();
    world.http.set_mode(Mode::Status(503));
    assert!(world.sync(&line).is_err());
    world.http.set_mode(Mode::Well);
    assert_eq!(world.sync(&line).unwrap().change, Change::Cloned);
    assert_eq!(std::fs::read_dir(world.repos()).unwrap().count(), 1);
}

#[test]
fn damaged_git_data_is_fetched_anew() {
    for transport in ["file", "http"] {
        for damage in ["index", "no index", "HEAD", "objects", "config", "pack"] {
            let world = World::new();
            let upstream = world.upstream("a", &[("x", "1"), ("y", "1")]);
            let line = world.line(transport, "a");
            world.sync(&line).unwrap();
            let root = world.root(&line);
            match damage {
                "objects" => {
                    std::fs::remove_dir_all(root.join(".git/objects/pack")).unwrap();
                    upstream.commit(&[("x", "2")]);
                }
                "no index" => std::fs::remove_file(root.join(".git/index")).unwrap(),
                "pack" => {
                    let packs = std::fs::read_dir(root.join(".git/objects/pack")).unwrap();
                    let pack = packs
                        .map(|entry| entry.unwrap().path())
                        .find(|path| path.extension().unwrap() == "pack")
                        .unwrap();
                    let mut bytes = std::fs::read(&pack).unwrap();
                    bytes.iter_mut().skip(12).for_each(|byte| *byte ^= 0x55);
                    std::fs::remove_file(&pack).unwrap();
                    std::fs::write(&pack, bytes).unwrap();
                    std::fs::remove_file(root.join("y")).unwrap();
                }
                "config" => {
                    let path = root.join(".git/config");
                    let config = std::fs::read_to_string(&path).unwrap();
                    std::fs::write(path, format!("{config}[extensions]\n\tunheardof = true\n[core]\n\trepositoryformatversion = 1\n")).unwrap();
                }
                file => std::fs::write(root.join(".git").join(file), "garbage").unwrap(),
            }
            let synced = world
                .sync(&line)
                .unwrap_or_else(|error| panic!("{transport} {damage}: {error}"));
            assert_eq!(
                synced.commit,
                Some(upstream.git(&["rev-parse", "HEAD"])),
                "{transport} {damage}"
            );
            assert_eq!(git(&root, &["status", "--porcelain"]), "");
            git(&root, &["fsck", "--strict"]);
            assert_eq!(world.sync(&line).unwrap().change, Change::Unchanged);
        }
    }
}

#[test]
fn edited_and_deleted_files_come_back() {
    let world = World::new();
    world.upstream(
        "a",
        &[
            ("edited", "12"),
            ("deleted", "1"),
            ("mode", "1"),
            ("dir/a", "a"),
            ("dir/b", "b"),
            ("folder", "f"),
            ("swapped", "s"),
        ],
    );
    let line = world.line("http", "a");
    world.sync(&line).unwrap();
    let root = world.root(&line);
    let clean = files(&root);
    let outside = world.dir.path().join("outside");
    std::fs::create_dir_all(&outside).unwrap();
    std::fs::write(outside.join("a"), "precious").unwrap();

    std::fs::write(root.join("edited"), "13").unwrap();
    std::fs::remove_file(root.join("deleted")).unwrap();
    std::fs::set_permissions(root.join("mode"), PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::remove_dir_all(root.join("dir")).unwrap();
    symlink(&outside, root.join("dir")).unwrap();
    std::fs::remove_file(root.join("folder")).unwrap();
    std::fs::create_dir_all(root.join("folder/inner")).unwrap();
    std::fs::remove_file(root.join("swapped")).unwrap();
    symlink(outside.join("a"), root.join("swapped")).unwrap();
    std::fs::write(root.join("mine.txt"), "not tracked").unwrap();

    let restored = world.sync(&line).unwrap();
    assert_eq!(restored.change, Change::Restored { files: 6 });
    let mut expected = clean.clone();
    expected.insert(b"mine.txt".to_vec(), b"not tracked".to_vec());
    assert_eq!(files(&root), expected);
    assert_eq!(std::fs::read(outside.join("a")).unwrap(), b"precious");
    assert_eq!(world.sync(&line).unwrap().change, Change::Unchanged);
}

#[test]
fn what_people_staged_or_committed_is_undone() {
    type Meddle = fn(&Path);
    let table: [(&str, Meddle); 4] = [
        ("removed", |root| drop(git(root, &["rm", "--quiet", "a"]))),
        ("forgotten", |root| {
            drop(git(root, &["rm", "--quiet", "--cached", "a"]))
        }),
        ("added", |root| {
            std::fs::write(root.join("mine"), "mine").unwrap();
            git(root, &["add", "mine"]);
        }),
        ("committed", |root| {
            std::fs::write(root.join("a"), "mine").unwrap();
            git(
                root,
                &[
                    "-c",
                    "user.name=me",
                    "-c",
                    "user.email=me@example.com",
                    "commit",
                    "--quiet",
                    "-a",
                    "-m",
                    "mine",
                ],
            );
        }),
    ];
    for moves_on in [false, true] {
        for (name, meddle) in table {
            let world = World::new();
            let upstream = world.upstream("a", &[("a", "1"), ("b", "1")]);
            let line = world.line("http", "a");
            world.sync(&line).unwrap();
            let root = world.root(&line);
            meddle(&root);
            if moves_on {
                upstream.commit(&[("b", "2")]);
            }
            world.sync(&line).unwrap();
            assert_eq!(git(&root, &["diff", "HEAD"]), "", "{name}");
            assert_eq!(git(&root, &["diff", "--cached", "HEAD"]), "", "{name}");
            assert_eq!(world.snapshot(&line).paths().len(), 2, "{name}");
            assert_eq!(
                world.snapshot(&line).commit,
                upstream.git(&["rev-parse", "HEAD"])
            );
            assert_eq!(
                world.sync(&line).unwrap().change,
                Change::Unchanged,
                "{name}"
            );
        }
    }
}

#[test]
fn a_kill_between_the_files_and_head_is_repaired() {
    for transport in TRANSPORTS {
        let world = World::new();
        let upstream = world.upstream("a", &[("x", "1"), ("old", "1")]);
        let line = world.line(transport, "a");
        let first = world.sync(&line).unwrap().commit.unwrap();
        upstream.git(&["rm", "--quiet", "old"]);
        let second = upstream.commit(&[("x", "2"), ("new", "2")]);
        world.sync(&line).unwrap();
        let root = world.root(&line);
        git(&root, &["update-ref", "--no-deref", "HEAD", &first]);
        std::fs::write(root.join(".git/pipeline-half-updated"), "").unwrap();
        assert_eq!(
            world.sync(&line).unwrap().change,
            Change::Updated { from: first },
            "{transport}"
        );
        assert_eq!(
            (names(&root), world.snapshot(&line).commit),
            (vec!["new".to_owned(), "x".to_owned()], second)
        );
        assert_eq!(git(&root, &["status", "--porcelain"]), "");
    }
}

#[test]
fn folders_of_another_user_are_served() {
    for transport in TRANSPORTS {
        let world = World::new();
        let upstream = world.upstream("a", &[("x", "1")]);
        let line = world.line(transport, "a");
        world.sync(&line).unwrap();
        upstream.commit(&[("x", "2")]);
        // Only root may give files away; for anyone else there is no such folder to be had.
        let foreign = if transport == "file" {
            world.srv("a")
        } else {
            world.root(&line)
        };
        let paths = std::iter::once(foreign.clone()).chain(state(&foreign).into_keys());
        if paths
            .map(|path| std::os::unix::fs::lchown(path, Some(12345), None))
            .any(|done| done.is_err())
        {
            return;
        }
        assert!(
            matches!(world.sync(&line).unwrap().change, Change::Updated { .. }),
            "{transport}"
        );
        assert_eq!(world.snapshot(&line).paths().len(), 1);
    }
}

#[test]
fn what_is_in_the_way_is_left_alone() {
    let world = World::new();
    let upstream = world.upstream("a", &[("x", "1")]);
    let line = world.line("file", "a");
    let root = world.root(&line);
    std::fs::create_dir_all(root.parent().unwrap()).unwrap();

    std::fs::write(&root, "a file").unwrap();
    assert!(matches!(world.failure(&line), Problem::InTheWay(path) if path == root));
    std::fs::remove_file(&root).unwrap();

    symlink(world.srv("a"), &root).unwrap();
    assert!(matches!(world.failure(&line), Problem::InTheWay(_)));
    std::fs::remove_file(&root).unwrap();

    std::fs::create_dir_all(&root).unwrap();
    std::fs::write(root.join("notes.txt"), "mine").unwrap();
    assert!(matches!(world.failure(&line), Problem::InTheWay(_)));
    std::fs::remove_dir_all(&root).unwrap();

    git(
        root.parent().unwrap(),
        &[
            "clone",
            "--quiet",
            upstream.dir.to_str().unwrap(),
            root.to_str().unwrap(),
        ],
    );
    assert!(matches!(world.failure(&line), Problem::NotOurs(_)));
    std::fs::remove_dir_all(&root).unwrap();

    for debris in ["", ".git", ".git/objects"] {
        std::fs::create_dir_all(root.join(debris)).unwrap();
        assert_eq!(
            world.sync(&line).unwrap().change,
            Change::Cloned,
            "{debris}"
        );
        std::fs::remove_dir_all(&root).unwrap();
    }
    std::fs::remove_dir_all(root.parent().unwrap()).unwrap();
    std::fs::write(root.parent().unwrap(), "a file").unwrap();
    assert!(matches!(
        world.failure(&line),
        Problem::Disk { .. } | Problem::InTheWay(_)
    ));
}

#[test]
fn files_have_the_blobs_bytes() {
    for transport in TRANSPORTS {
        let world = World::new();
        let upstream = Upstream::empty(&world.srv("a"));
        upstream.write("crlf.txt", b"a\r\nb\r\n");
        upstream.write("lf.txt", b"a\nb\n");
        upstream.write("id.c", b"/* $Id$ */\n");
        upstream.write("utf16.txt", b"\xff\xfea\0\n\0");
        upstream.write(
            "big.bin",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
        );
        upstream.write("run.sh", b"#!/bin/sh\n");
        upstream.write(OsStr::from_bytes(b"bad\xff\nname \"q\".txt"), b"odd\n");
        upstream.write("Case.txt", b"upper\n");
        upstream.write("case.txt", b"lower\n");
        upstream.write("back\\slash:colon.txt", b"win\n");
        upstream.write("aux.c", b"win\n");
        upstream.write("-dash", b"-\n");
        std::fs::set_permissions(
            upstream.dir.join("run.sh"),
            PermissionsExt::from_mode(0o755),
        )
        .unwrap();
        symlink("/etc/passwd", upstream.dir.join("link")).unwrap();
        upstream.git(&["add", "--all"]);
        let sub = "1111111111111111111111111111111111111111";
        upstream.git(&[
            "update-index",
            "--add",
            "--cacheinfo",
            &format!("160000,{sub},sub"),
        ]);
        upstream.git(&["commit", "--quiet", "--message", "odd"]);
        upstream.write(".gitattributes", b"* text=auto eol=crlf\n*.c ident\n*.bin filter=lfs diff=lfs\nutf16.txt working-tree-encoding=UTF-16\n");
        upstream.git(&["add", ".gitattributes"]);
        upstream.git(&["commit", "--quiet", "--message", "attributes"]);

        let line = world.line(transport, "a");
        world.sync(&line).unwrap();
        let root = world.root(&line);
        let found = files(&root);
        for (name, content) in files(&upstream.dir)
            .into_iter()
            .filter(|(name, _)| name != b"link")
        {
            assert_eq!(
                found.get(&name),
                Some(&content),
                "{transport} {}",
                String::from_utf8_lossy(&name)
            );
        }
        assert_eq!(found[&b"link"[..]], b"/etc/passwd");
        assert!(
            !std::fs::symlink_metadata(root.join("link"))
                .unwrap()
                .is_symlink()
        );
        assert_eq!(
            std::fs::metadata(root.join("run.sh")).unwrap().mode() & 0o111,
            0o111
        );
        assert_eq!(std::fs::read_dir(root.join("sub")).unwrap().count(), 0);
        assert_eq!(
            world.sync(&line).unwrap().change,
            Change::Unchanged,
            "{transport}"
        );

        let snapshot = world.snapshot(&line);
        let table: [(&[u8], Option<TrackedKind>); 7] = [
            (b"lf.txt", Some(TrackedKind::Regular)),
            (b"run.sh", Some(TrackedKind::Executable)),
            (b"link", Some(TrackedKind::Link)),
            (b"sub", Some(TrackedKind::Submodule)),
            (b"bad\xff\nname \"q\".txt", Some(TrackedKind::Regular)),
            (b"lf.tx", None),
            (b"", None),
        ];
        for (path, kind) in table {
            assert_eq!(snapshot.tracked(path), kind);
        }
        let paths: Vec<_> = snapshot.paths().map(|(path, _)| path.to_vec()).collect();
        assert!(paths.is_sorted() && paths.len() == 15, "{}", paths.len());
    }
}

/// Makes a commit whose tree has an entry of any name.
fn hostile_commit(upstream: &Upstream, mode: &str, name: &str) -> String {
    let blob = upstream.git(&["rev-parse", "HEAD:x"]);
    let object = match mode {
        "040000" => upstream.git(&["rev-parse", "HEAD^{tree}"]),
        _ => blob,
    };
    let mut tree = format!("{} {name}\0", mode.trim_start_matches('0')).into_bytes();
    tree.extend((0..20).map(|at| u8::from_str_radix(&object[2 * at..2 * at + 2], 16).unwrap()));
    std::fs::write(upstream.dir.join(".git/hostile"), tree).unwrap();
    let tree = upstream.git(&[
        "hash-object",
        "-t",
        "tree",
        "-w",
        "--literally",
        ".git/hostile",
    ]);
    let commit = upstream.git(&["commit-tree", &tree, "-m", "hostile"]);
    upstream.git(&["update-ref", "refs/heads/main", &commit]);
    commit
}

#[test]
fn hostile_trees_are_refused_whole_and_the_old_files_stay() {
    for transport in ["file", "http"] {
        for (mode, name) in [
            ("040000", ".git"),
            ("040000", ".GIT"),
            ("100644", ".."),
            ("040000", "git~1"),
            ("040000", ".g\u{200c}it"),
            ("100644", "a/../../b"),
            ("100644", ".git/config"),
            ("100644", "/b"),
        ] {
            let world = World::new();
            let upstream = world.upstream("a", &[("x", "1")]);
            let line = world.line(transport, "a");
            world.sync(&line).unwrap();
            let good = world.snapshot(&line).commit;
            let bad = hostile_commit(&upstream, mode, name);
            let error = world.sync(&line).unwrap_err();
            assert!(
                matches!(&error.problem, Problem::Checkout { commit, .. } if *commit == bad),
                "{transport} {name}: {error}"
            );
            assert_eq!(world.snapshot(&line).commit, good);
            assert_eq!(names(&world.root(&line)), ["x"]);
            assert!(!world.repos().parent().unwrap().join("b").exists());

            let other = World::new();
            std::fs::rename(world.srv("a"), other.srv("a")).unwrap();
            assert!(other.sync(&other.line(transport, "a")).is_err());
            assert!(
                names(&other.repos()).is_empty(),
                "{transport} {name}: {:?}",
                names(&other.repos())
            );
        }
    }
}

#[test]
fn nothing_is_written_through_links_or_into_files_with_a_second_name() {
    for transport in ["file", "http"] {
        let world = World::new();
        let files_there = [("a", "1"), ("k/l/m", "1"), ("same", "1"), ("gone/x", "1")];
        let upstream = world.upstream("a", &files_there);
        let line = world.line(transport, "a");
        world.sync(&line).unwrap();
        let root = world.root(&line);
        let outside = world.dir.path().join("outside");
        std::fs::create_dir_all(&outside).unwrap();
        for name in ["p", "z", "x"] {
            std::fs::write(outside.join(name), "precious").unwrap();
        }
        symlink(outside.join("p"), root.join("new")).unwrap();
        symlink(outside.join("nowhere"), root.join("dangling")).unwrap();
        symlink(&outside, root.join("shared")).unwrap();
        symlink(&outside, root.join("k/shared")).unwrap();
        symlink(&outside, root.join("sub")).unwrap();
        std::fs::remove_dir_all(root.join("gone")).unwrap();
        symlink(&outside, root.join("gone")).unwrap();
        let backup = world.dir.path().join("backup");
        std::fs::create_dir_all(&backup).unwrap();
        for name in ["a", "same"] {
            std::fs::hard_link(root.join(name), backup.join(name)).unwrap();
        }

        upstream.git(&["rm", "--quiet", "-r", "gone"]);
        for name in [
            "a",
            "new",
            "dangling",
            "shared/z",
            "k/shared/z",
            "sub/deep/er",
        ] {
            upstream.write(name, b"2");
        }
        upstream.commit_all();
        let changed = world.sync(&line).unwrap().change;
        assert!(matches!(changed, Change::Updated { .. }), "{transport}");
        let precious = ["p", "x", "z"].map(|name| (name.into(), b"precious".to_vec()));
        assert_eq!(files(&outside), precious.into(), "{transport}");
        assert_eq!(std::fs::read(backup.join("a")).unwrap(), b"1");
        assert_eq!(files(&root), files(&upstream.dir));
        let inode = |path: PathBuf| std::fs::metadata(path).unwrap().ino();
        assert_eq!(inode(root.join("same")), inode(backup.join("same")));
        assert_eq!(git(&root, &["status", "--porcelain"]), "");
        assert_eq!(world.sync(&line).unwrap().change, Change::Unchanged);
    }
}

#[test]
fn paths_may_change_between_file_folder_link_and_submodule() {
    let world = World::new();
    let upstream = Upstream::empty(&world.srv("a"));
    let line = world.line("http", "a");
    let kinds = ["file", "folder", "link", "submodule", "executable"];
    for (from, to) in kinds.iter().flat_map(|a| kinds.iter().map(move |b| (a, b))) {
        for kind in [from, to] {
            upstream.git(&["rm", "-r", "--quiet", "--cached", "--ignore-unmatch", "p"]);
            let blob = upstream.dir.join(".git/blob");
            std::fs::write(&blob, kind).unwrap();
            let id = upstream.git(&["hash-object", "-w", ".git/blob"]);
            let entry = match *kind {
                "file" => format!("100644,{id},p"),
                "executable" => format!("100755,{id},p"),
                "folder" => format!("100644,{id},p/q/r"),
                "link" => format!("120000,{id},p"),
                _ => format!("160000,{},p", "1".repeat(40)),
            };
            upstream.git(&["update-index", "--add", "--cacheinfo", &entry]);
            upstream.git(&["commit", "--quiet", "--allow-empty", "--message", "one"]);
            world.sync(&line).unwrap();
            let root = world.root(&line);
            let expected = match *kind {
                "folder" => Some("p/q/r"),
                "submodule" => None,
                _ => Some("p"),
            };
            let expected = expected.map(|name| (name.into(), kind.as_bytes().to_vec()));
            assert_eq!(files(&root), expected.into_iter().collect(), "{from} {to}");
            assert_eq!(
                root.join("p").is_dir(),
                ["folder", "submodule"].contains(kind)
            );
            assert_eq!(git(&root, &["diff", "--cached", "HEAD"]), "", "{from} {to}");
            assert_eq!(git(&root, &["status", "--porcelain"]), "", "{from} {to}");
            assert_eq!(world.sync(&line).unwrap().change, Change::Unchanged);
        }
    }
}

#[test]
fn an_update_that_fails_leaves_files_that_git_does_not_track() {
    for transport in ["file", "http"] {
        let world = World::new();
        let upstream = world.upstream("a", &[("a", "1"), ("dir/n", "1"), (".gitignore", "*.log")]);
        let line = world.line(transport, "a");
        world.sync(&line).unwrap();
        let root = world.root(&line);
        let clean = files(&root);
        for name in ["notes/todo", "x.log", "dir/u"] {
            std::fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
            std::fs::write(root.join(name), "mine").unwrap();
        }
        let with_mine = files(&root);
        // A name longer than any file system takes, after files that can be written.
        let id = upstream.git(&["hash-object", "-w", "a"]);
        let long = format!("100644,{id},z{}", "z".repeat(300));
        upstream.git(&["update-index", "--add", "--cacheinfo", &long]);
        for name in ["a", "b", "new/folder/b"] {
            upstream.write(name, b"2");
            upstream.git(&["add", name]);
        }
        upstream.git(&["commit", "--quiet", "--message", "long"]);
        let error = world.sync(&line).unwrap_err();
        assert!(
            matches!(&error.problem, Problem::Checkout { .. }),
            "{error}"
        );
        assert_eq!(files(&root), with_mine, "{transport}");
        assert!(!root.join("new").exists());
        assert!(open_snapshot(&root).is_ok());

        upstream.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
        upstream.git(&["rm", "--quiet", "-r", "dir"]);
        upstream.commit(&[("dir", "a file now")]);
        world.sync(&line).unwrap();
        let mut expected = with_mine.clone();
        expected.retain(|name, _| !name.starts_with(b"dir/"));
        expected.insert(b"dir".to_vec(), b"a file now".to_vec());
        assert_eq!(files(&root), expected, "{transport}");
        assert_eq!(clean.len() + 1, expected.len() - 1);
    }
}

/// Writes a tree of any modes, names and order.
fn raw_tree(upstream: &Upstream, entries: &[(&str, &str, &str)]) -> String {
    let mut tree = Vec::new();
    for (mode, name, object) in entries {
        tree.extend(format!("{mode} {name}\0").into_bytes());
        tree.extend((0..20).map(|at| u8::from_str_radix(&object[2 * at..2 * at + 2], 16).unwrap()));
    }
    std::fs::write(upstream.dir.join(".git/raw"), tree).unwrap();
    upstream.git(&["hash-object", "-t", "tree", "-w", "--literally", ".git/raw"])
}

fn commit_tree(upstream: &Upstream, tree: &str) {
    let commit = upstream.git(&["commit-tree", tree, "-m", "raw"]);
    upstream.git(&["update-ref", "refs/heads/main", &commit]);
}

#[test]
fn trees_of_odd_writers_rest_like_all_others() {
    for transport in ["file", "http"] {
        let world = World::new();
        let upstream = world.upstream("a", &[("x", "1")]);
        let line = world.line(transport, "a");
        let blob = upstream.git(&["rev-parse", "HEAD:x"]);
        upstream.write("x", b"2");
        let other = upstream.git(&["hash-object", "-w", "x"]);
        for mode in [
            "100664", "100600", "100640", "100666", "100775", "100777", "120777",
        ] {
            for content in [&blob, &other] {
                let entries = [(mode, "n", content.as_str()), ("100644", "x", &blob)];
                commit_tree(&upstream, &raw_tree(&upstream, &entries));
                world.sync(&line).unwrap();
                assert_eq!(
                    world.sync(&line).unwrap().change,
                    Change::Unchanged,
                    "{transport} {mode}"
                );
            }
            let root = world.root(&line);
            let (_, kind) = world.snapshot(&line).paths().next().unwrap();
            let expected = match mode {
                "120777" => TrackedKind::Link,
                "100775" | "100777" => TrackedKind::Executable,
                _ => TrackedKind::Regular,
            };
            assert_eq!(kind, expected, "{mode}");
            std::fs::write(root.join("n"), "edited").unwrap();
            git(&root, &["add", "n"]);
            assert!(matches!(
                world.sync(&line).unwrap().change,
                Change::Restored { .. }
            ));
            assert_eq!(std::fs::read(root.join("n")).unwrap(), b"2");
            assert_eq!(world.sync(&line).unwrap().change, Change::Unchanged);
        }
        for names in [["x", "x"], ["y", "x"]] {
            let entries = names.map(|name| ("100644", name, blob.as_str()));
            commit_tree(&upstream, &raw_tree(&upstream, &entries));
            world.sync(&line).unwrap();
            let again = world.sync(&line).unwrap().change;
            assert_eq!(again, Change::Unchanged, "{transport} {names:?}");
        }
    }
}

#[test]
fn an_edit_that_keeps_size_and_time_stamp_is_found() {
    let world = World::new();
    world.upstream("a", &[("a", "12"), ("b", "12")]);
    let line = world.line("http", "a");
    world.sync(&line).unwrap();
    let root = world.root(&line);
    let stamp = |name: &str, time| {
        let file = std::fs::File::options().write(true).open(root.join(name));
        file.unwrap().set_modified(time).unwrap();
    };
    let written = std::fs::metadata(root.join("a")).unwrap().modified();
    // Touched files are read once, and not again.
    stamp("a", std::time::UNIX_EPOCH);
    stamp("b", std::time::UNIX_EPOCH);
    assert_eq!(world.sync(&line).unwrap().change, Change::Unchanged);
    let settled = state(&root);
    assert_eq!(world.sync(&line).unwrap().change, Change::Unchanged);
    assert_eq!(state(&root), settled);

    for time in [std::time::UNIX_EPOCH, written.unwrap()] {
        std::fs::write(root.join("a"), "21").unwrap();
        stamp("a", time);
        // Newer than the files, so that their time stamps count.
        let later = std::time::SystemTime::now() + std::time::Duration::from_secs(9);
        stamp(".git/index", later);
        assert_eq!(
            world.sync(&line).unwrap().change,
            Change::Restored { files: 1 }
        );
        assert_eq!(std::fs::read(root.join("a")).unwrap(), b"12");
    }
}

#[test]
fn files_removed_by_hand_come_back_without_upstream() {
    for transport in TRANSPORTS {
        let world = World::new();
        world.upstream("a", &[("a", "1"), ("dir/b", "1")]);
        let line = world.line(transport, "a");
        world.sync(&line).unwrap();
        let root = world.root(&line);
        let clean = files(&root);
        std::fs::rename(world.srv("a"), world.srv("away")).unwrap();
        std::fs::remove_file(root.join("a")).unwrap();
        std::fs::remove_dir_all(root.join("dir")).unwrap();
        assert!(world.sync(&line).is_err());
        assert_eq!(files(&root), clean, "{transport}");
        world.failure(&line);
    }
}

#[test]
fn a_damaged_source_is_not_blamed_on_the_copy() {
    let world = World::new();
    let upstream = world.upstream("a", &[("x", "1")]);
    let line = world.line("file", "a");
    world.sync(&line).unwrap();
    upstream.commit(&[("n", "2")]);
    let lost = upstream.git(&["rev-parse", "HEAD:n"]);
    let (folder, name) = lost.split_at(2);
    std::fs::remove_file(upstream.dir.join(".git/objects").join(folder).join(name)).unwrap();
    assert!(matches!(world.failure(&line), Problem::Source(reason) if reason.contains(&lost)));
    std::fs::write(upstream.dir.join(".git/refs/heads/main"), "").unwrap();
    assert!(matches!(world.failure(&line), Problem::Source(_)));
    std::fs::remove_dir_all(world.root(&line)).unwrap();
    assert!(matches!(world.failure(&line), Problem::Source(_)));
}

#[test]
fn a_copy_that_may_not_be_read_is_named() {
    let world = World::new();
    world.upstream("a", &[("x", "1")]);
    let line = world.line("http", "a");
    world.sync(&line).unwrap();
    for name in [".git", ".git/config"] {
        let path = world.root(&line).join(name);
        let mode = |mode| std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        mode(0);
        // Root may read everything.
        if std::fs::File::open(&path).is_err() {
            let error = world.sync(&line).unwrap_err();
            assert!(matches!(&error.problem, Problem::Disk { path: named, .. } if *named == path));
        }
        mode(0o755);
    }
    assert_eq!(world.sync(&line).unwrap().change, Change::Unchanged);
}

#[test]
fn trees_that_unfold_without_end_are_refused() {
    for transport in ["file", "http"] {
        let world = World::new();
        let upstream = world.upstream("a", &[("x", "1")]);
        let line = world.line(transport, "a");
        world.sync(&line).unwrap();
        let names: Vec<_> = ('a'..='z').map(String::from).collect();
        // Folders without a file count as well.
        let mut tree = raw_tree(&upstream, &[]);
        for _ in 0..12 {
            let entries = names.iter().map(|name| ("40000", &name[..], &tree[..]));
            tree = raw_tree(&upstream, &entries.collect::<Vec<_>>());
        }
        commit_tree(&upstream, &tree);
        let error = world.sync(&line).unwrap_err();
        assert!(
            matches!(&error.problem, Problem::Checkout { reason, .. } if reason.contains("5000000")),
            "{transport}: {error}"
        );
        assert_eq!(self::names(&world.root(&line)), ["x"]);
        assert!(open_snapshot(&world.root(&line)).is_ok());
    }
}

#[test]
fn packs_do_not_pile_up() {
    let world = World::new();
    let upstream = world.upstream("a", &[("x", "0"), ("same", "same")]);
    let line = world.line("file", "a");
    world.sync(&line).unwrap();
    let packs = world.root(&line).join(".git/objects/pack");
    let counts = (1..=55).map(|number| {
        upstream.commit(&[("x", &number.to_string())]);
        world.sync(&line).unwrap();
        std::fs::read_dir(&packs).unwrap().count()
    });
    let counts: Vec<_> = counts.collect();
    // A pack is two files. The 51st, of the 50th update, is one too many and all become one.
    assert!(
        counts.iter().max() == Some(&100) && counts[49] == 2,
        "{counts:?}"
    );
    let root = world.root(&line);
    git(&root, &["fsck", "--strict"]);
    assert_eq!(git(&root, &["status", "--porcelain"]), "");
    assert_eq!(std::fs::read_to_string(root.join("x")).unwrap(), "55");
}

#[test]
fn ten_repositories_at_once_with_one_that_fails() {
    let world = World::new();
    for number in 0..10 {
        if number != 3 {
            world.upstream(&format!("r{number}"), &[("n", &number.to_string())]);
        }
    }
    let lines: Vec<_> = (0..10)
        .map(|number| {
            world.line(
                if number % 2 == 0 { "file" } else { "http" },
                &format!("r{number}"),
            )
        })
        .collect();
    for round in 0..2 {
        std::thread::scope(|scope| {
            let handles: Vec<_> = lines
                .iter()
                .map(|line| scope.spawn(|| world.sync(line)))
                .collect();
            for (number, handle) in handles.into_iter().enumerate() {
                let synced = handle.join().unwrap();
                assert_eq!(synced.is_err(), number == 3, "round {round}: {synced:?}");
            }
        });
    }
    for (number, line) in lines.iter().enumerate().filter(|(number, _)| *number != 3) {
        assert_eq!(
            std::fs::read_to_string(world.root(line).join("n")).unwrap(),
            number.to_string()
        );
    }
}

#[test]
fn another_address_of_the_same_folder_takes_over() {
    let world = World::new();
    world.upstream("a", &[("x", "1")]);
    Upstream::with_files(&world.srv("a.git"), &[("x", "other")]);
    let (first, second) = (world.line("http", "a"), world.line("http", "a.git"));
    assert_eq!(world.root(&first), world.root(&second));
    world.sync(&first).unwrap();
    // The backend serves `a.git` for both names once it is there; the recorded address must follow all the same.
    world.sync(&second).unwrap();
    assert_eq!(world.snapshot(&second).url, second);
    assert_eq!(
        std::fs::read_to_string(world.root(&second).join("x")).unwrap(),
        "other"
    );
}

#[test]
fn local_addresses_may_be_relative_bare_or_linked_worktrees() {
    let world = World::new();
    let upstream = world.upstream("a", &[("x", "1")]);
    upstream.git(&["worktree", "add", "--quiet", "-b", "linked", "../linked"]);
    upstream.git(&["clone", "--quiet", "--bare", ".", "../bare.git"]);
    for line in ["../srv/a", "../srv/linked", "../srv/bare", "../srv/a/"] {
        assert!(world.sync(line).unwrap().commit.is_some(), "{line}");
        assert_eq!(names(&world.root(line)), ["x"]);
    }
    assert_eq!(
        world.sync("../srv/linked").unwrap().reference,
        "refs/heads/linked"
    );
}

#[test]
fn snapshots_answer_for_attributes_and_foreign_repositories() {
    let world = World::new();
    let attributes = "*.pb.go linguist-generated\nvendor/** linguist-vendored=true\nkeep.pb.go -linguist-generated\n*.tpl linguist-language=HTML\nx linguist-vendored=false\n";
    let upstream = world.upstream(
        "a",
        &[
            (".gitattributes", attributes),
            ("x", ""),
            ("sub/.gitattributes", "*.md linguist-documentation=false\n"),
        ],
    );
    let line = world.line("http", "a");
    world.sync(&line).unwrap();
    let snapshot = world.snapshot(&line);
    assert_eq!(snapshot.attributes(b"dir/a.pb.go").generated, Some(true));
    assert_eq!(snapshot.attributes(b"keep.pb.go").generated, Some(false));
    assert_eq!(snapshot.attributes(b"vendor/a/b.c").vendored, Some(true));
    assert_eq!(snapshot.attributes(b"x").vendored, Some(false));
    assert_eq!(
        snapshot.attributes(b"a.tpl").language.as_deref(),
        Some("HTML")
    );
    assert_eq!(snapshot.attributes(b"sub/a.md").documentation, Some(false));
    assert_eq!(snapshot.attributes(b"a.md"), Default::default());
    assert_eq!(snapshot.attributes(b"../\xff\n"), Default::default());

    // git itself is the judge of the patterns.
    let patterns = [
        "*.a",
        "/top",
        "dir/*.b",
        "**/deep/*.c",
        "deep/**",
        "a/**/z",
        "{x,y}",
        "[{]q",
        "[!k]lass",
        "file[0-9].d",
        "sp?ce",
        "\"quo ted\"",
        "\\*star",
        "*.e*.f",
        "*.GO",
        "dir2/",
        "w*th**two",
    ];
    let paths = [
        "x.a",
        "q/x.a",
        ".a",
        "top",
        "q/top",
        "dir/x.b",
        "dir/q/x.b",
        "q/dir/x.b",
        "deep/x.c",
        "q/r/deep/x.c",
        "deep/q/r",
        "q/deep/q",
        "a/z",
        "a/q/z",
        "a/q/r/z",
        "x",
        "{x,y}",
        "{q",
        "klass",
        "glass",
        "file7.d",
        "filex.d",
        "space",
        "sp/ce",
        "quo ted",
        "*star",
        "xstar",
        "x.e.x.f",
        "q.go",
        "q.GO",
        "dir2/x",
        "withtwo",
        "w/th/two",
        "wxthxxtwo",
    ];
    let text: String = patterns
        .iter()
        .map(|pattern| format!("{pattern} linguist-generated\n"))
        .collect();
    upstream.commit(&[(".gitattributes", &text)]);
    world.sync(&line).unwrap();
    let snapshot = world.snapshot(&line);
    for path in paths {
        let judged = git(
            &world.root(&line),
            &["check-attr", "linguist-generated", "--", path],
        );
        let expected = judged.ends_with(": set").then_some(true);
        assert_eq!(
            snapshot.attributes(path.as_bytes()).generated,
            expected,
            "{path}: {judged}"
        );
    }

    upstream.git(&[
        "remote",
        "add",
        "origin",
        "https://me:hunter2@example.com/o/n.git",
    ]);
    let foreign = open_snapshot(&upstream.dir).unwrap();
    assert_eq!(
        (foreign.url.as_str(), foreign.reference.as_str()),
        ("https://example.com/o/n.git", "refs/heads/main")
    );
    assert_eq!(foreign.paths().len(), 3);

    assert!(matches!(
        open_snapshot(&world.srv("nothing")).err().unwrap().problem,
        Problem::NotCloned
    ));
    let empty = Upstream::empty(&world.srv("empty"));
    assert!(matches!(
        open_snapshot(&empty.dir).err().unwrap().problem,
        Problem::NoCommit
    ));
}
