//! What the machine can do to a run: full disks, files that cannot be written or read, other programs, kills at the worst moments.

use crate::generation::scraped;
use crate::kills::{CONCURRENCY, assert_complete, many_files, wasted};
use crate::model_server::{Manner, ModelServer, Reply, answer};
use crate::workspace::{Ran, Repo, Workspace};
use rusqlite::Connection;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

const FILES: usize = 12;
const PREPARE: [&str; 6] = ["prepare", "--questions", "4", "--concurrency", "4", "-q"];

/// A workspace with files to do.
fn waiting(model: &ModelServer) -> Workspace {
    let workspace = Workspace::with_model(&model.base_url());
    many_files(&workspace, FILES);
    workspace
}

/// After what happened, the next run does what is left and asks no more again than was in flight.
fn assert_goes_on(workspace: &Workspace, model: &ModelServer) {
    workspace.assert_sound();
    let before = model.take().into_iter().map(|seen| seen.raw).collect();
    workspace.run(&PREPARE).expect(0);
    workspace.assert_sound();
    assert_complete(workspace, FILES, 4);
    let after = model.take().into_iter().map(|seen| seen.raw).collect();
    let wasted = wasted(&[before, after]);
    assert!(wasted[0] <= CONCURRENCY, "{wasted:?}");
}

#[track_caller]
fn assert_says(ran: &Ran, code: i32, words: &[&str]) {
    assert_eq!(ran.code, code, "{}", ran.stderr);
    for word in words {
        assert!(ran.stderr.contains(word), "no '{word}' in: {}", ran.stderr);
    }
    let errors = ran.stderr.lines().filter(|line| line.starts_with("error:"));
    assert_eq!(errors.count(), 1, "{}", ran.stderr);
}

/// The limit is a real error of the system, as a quota is; shells ignore its signal on request.
#[test]
fn a_file_size_limit_ends_the_run_and_loses_nothing() {
    let model = ModelServer::start();
    let workspace = waiting(&model);
    let ran = workspace.run_by_shell(&PREPARE, "ulimit -f 200; exec \"$0\" \"$@\"");
    assert_says(&ran, 1, &[".db cannot be read or written", "ulimit -f"]);
    assert!(model.chat_count() > 0);
    assert_goes_on(&workspace, &model);
}

/// On a file system of 400 KiB of its own, where the system lets an ordinary user mount one.
#[test]
fn a_full_disk_ends_the_run_and_loses_nothing() {
    let model = ModelServer::start();
    let workspace = waiting(&model);
    let mount = "mount -t tmpfs -o size=400k none data";
    let inside =
        format!("{mount} || exit 99; \"$0\" \"$@\"; code=$?; cp -R data saved; exit $code");
    let ran = workspace.run_by_shell(
        &PREPARE,
        &format!("exec unshare -Urm sh -c '{inside}' \"$0\" \"$@\""),
    );
    let saved = workspace.path().join("saved");
    if !saved.exists() {
        println!("no file system of its own to fill here: {}", ran.stderr);
        return;
    }
    assert_says(&ran, 1, &["no space left for", ".db", "free some"]);
    fs::remove_dir_all(workspace.path().join("data")).unwrap();
    fs::rename(saved, workspace.path().join("data")).unwrap();
    assert_goes_on(&workspace, &model);
}

/// Who may do everything is not stopped by modes, so the program is run as somebody else then.
fn as_ordinary_user(workspace: &Workspace) -> Option<Ran> {
    const NOBODY: u32 = 65_534;
    let mut command = workspace.command(&PREPARE);
    let may_all =
        fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0);
    if may_all {
        let home = workspace.path().parent().unwrap().to_owned();
        for entry in walkdir::WalkDir::new(home).into_iter().flatten() {
            std::os::unix::fs::lchown(entry.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        command.uid(NOBODY).gid(NOBODY);
    }
    // Where the program itself lies in a folder of the super-user's, nobody else can start it.
    command.output().ok().map(Ran::of)
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn what_cannot_be_written_is_named_with_its_cure() {
    let model = ModelServer::start();
    for (name, file_mode, folder_mode) in [("file", 0o400, 0o700), ("folder", 0o600, 0o500)] {
        let workspace = waiting(&model);
        workspace
            .run(&[&PREPARE[..], &["--max-requests", "5"]].concat())
            .expect(124);
        let before = dump(&workspace);
        let (data, file) = (
            workspace.path().join("data"),
            workspace.path().join("data/pipeline.db"),
        );
        set_mode(&file, file_mode);
        set_mode(&data, folder_mode);
        let ran = as_ordinary_user(&workspace);
        set_mode(&data, 0o700);
        set_mode(&file, 0o600);
        let Some(ran) = ran else {
            println!("nobody else can run the program here");
            return;
        };
        assert_eq!(ran.code, 1, "{name}: {}", ran.stderr);
        assert!(
            ran.stderr.contains("writable for this user") && ran.stderr.contains("data/"),
            "{name}: {}",
            ran.stderr
        );
        assert_eq!(dump(&workspace), before, "{name}");
    }
    let workspace = waiting(&model);
    fs::create_dir(workspace.path().join("data/pipeline.db")).unwrap();
    let ran = workspace.run(&PREPARE);
    assert_says(&ran, 1, &["data/pipeline.db cannot be opened", "move away"]);
}

fn dump(workspace: &Workspace) -> Vec<String> {
    workspace.rows("SELECT file_path, content_hash, sample_id FROM FileHashes ORDER BY 1")
}

#[test]
fn a_damaged_dataset_is_named_and_left_as_it_is() {
    let model = ModelServer::start();
    let (workspace, _repo) = scraped(&model);
    workspace.run(&["prepare"]).expect(0);
    let path = workspace.path().join("data/pipeline.db");
    let whole = fs::read(&path).unwrap();
    type Damage = fn(&mut Vec<u8>);
    let table: [(&str, Damage); 4] = [
        ("no database", |bytes| bytes.fill(b'?')),
        ("cut", |bytes| bytes.truncate(bytes.len() / 2)),
        ("a broken table", |bytes| bytes[4096..].fill(0xa5)),
        ("a broken schema", |bytes| bytes[100..4096].fill(0xa5)),
    ];
    for (name, damage) in table {
        let mut bytes = whole.clone();
        damage(&mut bytes);
        fs::write(&path, &bytes).unwrap();
        let asked = model.requests().len();
        let ran = workspace.run(&["prepare", "-q"]);
        assert_says(
            &ran,
            1,
            &[
                "data/pipeline.db is damaged or no database",
                "restore it from a backup",
                "move it away",
            ],
        );
        assert!(
            fs::read(&path).unwrap() == bytes,
            "{name}: it was written to"
        );
        assert_eq!(model.requests().len(), asked, "{name}");
        workspace.run(&["status"]).expect(1);
    }
    fs::write(&path, whole).unwrap();
    workspace.run(&["prepare"]).expect(0);
    workspace.assert_sound();
}

#[test]
fn a_damaged_cache_is_set_aside_and_the_run_goes_on() {
    let model = ModelServer::start();
    let (workspace, _repo) = scraped(&model);
    workspace.run(&["prepare"]).expect(0);
    let path = workspace.path().join("data/cache.db");
    let whole = fs::read(&path).unwrap();
    for from in [0, 100, 4096] {
        let mut bytes = whole.clone();
        bytes[from..].fill(b'?');
        fs::write(&path, bytes).unwrap();
        let ran = workspace.run(&["prepare", "--refresh"]).expect(0);
        assert!(
            ran.stderr.contains("was damaged; set aside"),
            "{from}: {}",
            ran.stderr
        );
        assert!(aside(&workspace) > 0, "{from}");
        workspace.assert_sound();
        let asked = model.chat_count();
        let ran = workspace.run(&["prepare", "--refresh"]).expect(0);
        assert!(!ran.stderr.contains("damaged"), "{from}: {}", ran.stderr);
        assert_eq!(model.chat_count(), asked, "{from}: the new one is a cache");
    }
}

/// A page may be damaged and still look like one to SQLite.
#[test]
fn a_cache_with_damaged_values_is_set_aside_too() {
    for damage in [
        "UPDATE stats SET content_hash = CAST(x'ff' AS TEXT)",
        "UPDATE stats SET file_bytes = x'00'",
        "UPDATE responses SET response = CAST(x'ff' AS TEXT)",
        "UPDATE endpoints SET profile = CAST(x'ff' AS TEXT)",
        "UPDATE key_parts SET entries = CAST('?' AS TEXT)",
    ] {
        let model = ModelServer::start();
        let (workspace, _repo) = scraped(&model);
        workspace.run(&["prepare"]).expect(0);
        let cache = Connection::open(workspace.path().join("data/cache.db")).unwrap();
        assert!(cache.execute(damage, []).unwrap() > 0, "{damage}");
        drop(cache);
        let ran = workspace.run(&["prepare", "--refresh"]).expect(0);
        assert!(
            ran.stderr.contains("was damaged; set aside"),
            "{damage}: {}",
            ran.stderr
        );
        let ran = workspace.run(&["prepare"]).expect(0);
        assert!(!ran.stderr.contains("damaged"), "{damage}: {}", ran.stderr);
        workspace.assert_sound();
    }
}

fn aside(workspace: &Workspace) -> usize {
    let entries = fs::read_dir(workspace.path().join("data"))
        .unwrap()
        .flatten();
    entries
        .filter(|entry| {
            entry
                .file_name()
                .to_string_lossy()
                .starts_with("cache.db.damaged-")
        })
        .count()
}

#[test]
fn another_writer_is_waited_for() {
    for name in ["pipeline.db", "cache.db"] {
        let model = ModelServer::start();
        let (workspace, _repo) = scraped(&model);
        workspace
            .run(&["prepare", "--max-requests", "1"])
            .expect(124);
        let other = rusqlite::Connection::open(workspace.path().join("data").join(name)).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let mut running = workspace.spawn(&["prepare", "--questions", "2"]);
        let since = Instant::now();
        while since.elapsed() < Duration::from_secs(1) {
            assert!(!running.has_ended(), "{name}: {}", running.wait().stderr);
            std::thread::sleep(Duration::from_millis(20));
        }
        other.execute_batch("COMMIT").unwrap();
        running.wait().expect(0);
        workspace.assert_sound();
        assert_eq!(workspace.count("FileHashes WHERE sample_id IS NOT NULL"), 2);
    }
}

#[test]
fn a_cache_deleted_in_the_middle_costs_no_data() {
    let (sender, arrived) = std::sync::mpsc::channel();
    let sender = std::sync::Mutex::new(sender);
    let model = ModelServer::scripted(move |seen| {
        let _ = sender.lock().unwrap().send(());
        answer(seen).after(Duration::from_millis(5))
    });
    let workspace = waiting(&model);
    let running = workspace.spawn(&PREPARE);
    (0..8).for_each(|_| arrived.recv().unwrap());
    for file in ["cache.db", "cache.db-wal", "cache.db-shm"] {
        fs::remove_file(workspace.path().join("data").join(file)).unwrap();
    }
    running.wait().expect(0);
    workspace.assert_sound();
    assert_complete(&workspace, FILES, 4);
}

/// Looking again with another threshold, or at everything again, is free; what failed is asked again.
#[test]
fn what_was_paid_for_is_not_paid_for_again() {
    let model = ModelServer::scripted(|seen| match seen.nth {
        3 => Reply::error(422, "bad", "no"),
        5 => Reply::text(" "),
        _ => answer(seen),
    });
    let workspace = waiting(&model);
    workspace.run(&PREPARE).expect(3);
    let asked = model.chat_count();
    let again = |arguments: &[&str]| {
        let all = [&PREPARE[..], arguments].concat();
        let ran = workspace.run(&all);
        workspace.assert_sound();
        ran.code
    };
    assert_eq!(again(&["--refresh"]), 0);
    let missing = model.chat_count() - asked;
    assert!(
        (2..=8).contains(&missing),
        "what failed, and what hung on it: {missing}"
    );
    let asked = model.chat_count();
    for score in ["0", "0.2", "1", "0.5"] {
        again(&["--refresh", "--min-score", score]);
        assert_eq!(model.chat_count(), asked, "--min-score {score}");
    }
    assert_complete(&workspace, FILES, 4);
}

const ABORTED: i32 = -6;

#[test]
fn a_kill_at_the_worst_moments_of_a_run_loses_nothing() {
    let table = [
        ("Response", 1),
        ("Response", 9),
        ("CacheCommit", 2),
        ("CacheCommit", 7),
        ("CacheCommitted", 2),
        ("CacheCommitted", 7),
        ("DatasetCommit", 1),
        ("DatasetCommitted", 1),
    ];
    let model = ModelServer::start();
    let template = waiting(&model);
    std::thread::scope(|scope| {
        for (point, nth) in table {
            let template = &template;
            scope.spawn(move || {
                let model = ModelServer::start();
                let mut workspace = template.twin(&model.base_url());
                workspace.set_env("PIPELINE_FAIL_POINT", &format!("{point}:{nth}"));
                let ran = workspace.run(&PREPARE);
                assert_eq!(ran.code, ABORTED, "{point}: {}", ran.stderr);
                workspace.set_env("PIPELINE_FAIL_POINT", "");
                assert_goes_on(&workspace, &model);
            });
        }
    });
}

#[test]
fn a_kill_while_a_cache_is_set_aside_costs_no_more_than_the_cache() {
    let model = ModelServer::start();
    let (mut workspace, _repo) = scraped(&model);
    workspace.run(&["prepare"]).expect(0);
    fs::write(workspace.path().join("data/cache.db"), [b'?'; 10_000]).unwrap();
    workspace.set_env("PIPELINE_FAIL_POINT", "CacheAside:1");
    assert_eq!(workspace.run(&["prepare"]).code, ABORTED);
    workspace.set_env("PIPELINE_FAIL_POINT", "");
    assert_eq!(aside(&workspace), 1);
    workspace.run(&["prepare", "--refresh"]).expect(0);
    workspace.assert_sound();
}

#[test]
fn a_kill_while_the_log_is_pointed_at_leaves_the_older_one() {
    let model = ModelServer::start();
    let (mut workspace, _repo) = scraped(&model);
    let latest = workspace.path().join("logs/latest");
    let before = fs::read_link(&latest).unwrap();
    workspace.set_env("PIPELINE_FAIL_POINT", "LogLatest:1");
    assert_eq!(workspace.run(&["prepare"]).code, ABORTED);
    assert_eq!(fs::read_link(&latest).unwrap(), before);
    workspace.set_env("PIPELINE_FAIL_POINT", "");
    workspace.run(&["prepare"]).expect(0);
    assert_ne!(fs::read_link(&latest).unwrap(), before);
    assert!(!workspace.path().join("logs/.latest-next").exists());
}

#[test]
fn a_kill_while_a_copy_moves_in_leaves_a_whole_one_or_none() {
    let model = ModelServer::start();
    let mut workspace = Workspace::with_model(&model.base_url());
    let repo = crate::workspace::Repo::new(&workspace.origin().join("demo"));
    repo.write("queue.py", crate::generation::QUEUE).commit();
    workspace.list_repos(&[&repo.url()]);
    // First where nothing was, then where a damaged copy has to go.
    for damaged in [false, true] {
        if damaged {
            let git = walkdir::WalkDir::new(workspace.path().join("repos"));
            let head = git
                .into_iter()
                .flatten()
                .find(|entry| entry.path().ends_with(".git/HEAD"));
            fs::write(head.unwrap().path(), "?").unwrap();
        }
        workspace.set_env("PIPELINE_FAIL_POINT", "CloneRename:1");
        assert_eq!(workspace.run(&["scrape"]).code, ABORTED, "{damaged}");
        workspace.set_env("PIPELINE_FAIL_POINT", "");
        workspace.run(&["scrape"]).expect(0);
        let left = fs::read_dir(workspace.path().join("repos"))
            .unwrap()
            .count();
        assert_eq!(left, 1, "nothing beside the host's folder");
    }
    workspace.run(&["prepare"]).expect(0);
    assert_eq!(workspace.count("FileHashes WHERE sample_id IS NOT NULL"), 1);
}

/// Two runs are killed in the middle of two different updates; a third commit has the files of neither.
#[test]
fn a_kill_in_a_checkout_costs_no_file_of_the_user() {
    let mut workspace = Workspace::new();
    let repo = crate::workspace::Repo::new(&workspace.origin().join("demo"));
    repo.write("old.py", "1").commit();
    workspace.list_repos(&[&repo.url()]);
    workspace.run(&["scrape"]).expect(0);
    let found = walkdir::WalkDir::new(workspace.path().join("repos"));
    let mut found = found.into_iter().flatten();
    let old = found
        .find(|entry| entry.path().ends_with("old.py"))
        .unwrap();
    let worktree = old.path().parent().unwrap();
    fs::create_dir_all(worktree.join("new")).unwrap();
    for mine in ["notes", "new/mine"] {
        fs::write(worktree.join(mine), "mine").unwrap();
    }
    workspace.set_env("PIPELINE_FAIL_POINT", "FileWritten:2");
    for round in ["a", "b"] {
        for name in ["1", "2", "new/3"] {
            repo.write(&format!("{round}/{name}"), "2");
            repo.write(&format!("new/{round}{name}"), "2");
        }
        repo.commit();
        assert_eq!(workspace.run(&["scrape"]).code, ABORTED);
        assert!(worktree.join(round).join("2").exists());
        repo.git(&["rm", "-q", "-r", round, "new"]);
    }
    workspace.set_env("PIPELINE_FAIL_POINT", "");
    repo.write("new/4", "4").commit();
    workspace.run(&["scrape"]).expect(0);
    let left = walkdir::WalkDir::new(worktree).sort_by_file_name();
    let left = left
        .into_iter()
        .filter_entry(|entry| entry.file_name() != ".git");
    let left: Vec<_> = left
        .map(|entry| {
            entry
                .unwrap()
                .path()
                .strip_prefix(worktree)
                .unwrap()
                .to_owned()
        })
        .collect();
    let expected = ["", "new", "new/4", "new/mine", "notes", "old.py"];
    assert_eq!(left, expected.map(std::path::PathBuf::from));
}

/// Whatever it is doing, a run that is asked to end does, with the exit code for it.
#[test]
fn a_signal_ends_every_phase() {
    let (sender, arrived) = std::sync::mpsc::channel();
    let sender = std::sync::Mutex::new(sender);
    let mute = ModelServer::scripted_whole(move |_| {
        let _ = sender.lock().unwrap().send(());
        Reply::text("").manner(Manner::Hang)
    });
    let (workspace, _repo) = scraped(&mute);
    let refusing = ModelServer::scripted(|_| Reply::error(422, "bad", "no"));
    // While the server is asked for its models.
    let running = workspace.spawn(&["prepare"]);
    arrived.recv().unwrap();
    running.signal("TERM");
    running.wait().expect(143);
    // While failed files are done again.
    let mut workspace = workspace;
    workspace.set_env("OPENAI_BASE_URL", &refusing.base_url());
    workspace.run(&["prepare"]).expect(3);
    workspace.set_env("OPENAI_BASE_URL", &mute.base_url());
    for command in ["retry", "run"] {
        let running = workspace.spawn(&[command]);
        arrived.recv().unwrap();
        running.signal("TERM");
        running.wait().expect(143);
        workspace.assert_sound();
        assert_eq!(workspace.count("FailedFiles"), 2);
    }
    // While it is only planned what would be sent.
    let repo = Repo::new(&workspace.origin().join("large"));
    for nth in 0..40 {
        let function = |line: u32| {
            format!("def weigh_{nth}_{line}(load, tare):\n    return load * {line} - tare\n\n\n")
        };
        repo.write(
            &format!("src/weigh_{nth}.py"),
            (0..3000).map(function).collect::<String>(),
        );
    }
    repo.commit();
    workspace.list_repos(&[&repo.url()]);
    workspace.run(&["scrape"]).expect(0);
    std::fs::remove_file(workspace.path().join("data/cache.db")).unwrap();
    let mut running = workspace.spawn(&["prepare", "--dry-run"]);
    while !workspace.path().join("data/cache.db").exists() && !running.has_ended() {
        std::thread::yield_now();
    }
    running.signal("TERM");
    let planned = running.wait().expect(143);
    assert_eq!(planned.stdout, "");
    // While a repository is fetched from a server that says nothing.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    workspace.list_repos(&[&format!("git://127.0.0.1:{port}/mute.git")]);
    let running = workspace.spawn(&["scrape"]);
    let (_connection, _) = listener.accept().unwrap();
    running.signal("TERM");
    running.wait().expect(143);
}

/// On a read-only mount, where the system lets an ordinary user make one.
#[test]
fn what_only_reads_does_so_where_nothing_can_be_written() {
    let model = ModelServer::start();
    let (workspace, _repo) = scraped(&model);
    workspace.run(&["prepare"]).expect(0);
    let rows = workspace.run(&["export", "-o", "-"]).expect(0).stdout;
    let odd = workspace.path().join("data 100%?#");
    fs::rename(workspace.path().join("data"), &odd).unwrap();
    std::os::unix::fs::symlink(&odd, workspace.path().join("data")).unwrap();
    let script = "mount --bind . . && mount -o remount,ro,bind . && cd \"$PWD\" && ! touch x || exit 99; \"$0\" \"$@\"";
    let unshared = format!("exec unshare -Urm sh -c '{script}' \"$0\" \"$@\"");
    for arguments in [
        &["export", "-o", "-"][..],
        &["status"],
        &["view"],
        &["view", "--failed"],
    ] {
        let ran = workspace.run_by_shell(arguments, &unshared);
        if ran.code == 99 || ran.stderr.contains("unshare") {
            println!("no read-only mount of its own here: {}", ran.stderr);
            return;
        }
        let ran = ran.expect(0);
        if arguments[0] == "export" {
            assert_eq!(ran.stdout, rows);
        }
    }
}

/// The limit is a real one of the system; the run ends instead of waiting for a thread that there is not.
#[test]
fn a_system_that_gives_no_threads_ends_the_run() {
    let model = ModelServer::start();
    let (workspace, _repo) = scraped(&model);
    let script = "ulimit -v 300000 || exit 99; exec \"$0\" \"$@\"";
    let ran = workspace.run_by_shell(&["prepare"], script);
    // Where the last of the memory is asked for by something else, the process ends there.
    let is_out_of_memory = ran.stderr.contains("memory allocation");
    if ran.code != 99 && ran.code != 0 && !is_out_of_memory {
        assert_says(&ran, 1, &["cannot start the threads", "ulimit -v"]);
    }
    workspace.run(&["prepare"]).expect(0);
}

/// Each answer takes so long that all of them would take many times as long as a finished file waits for its transaction.
#[test]
fn nothing_more_is_sent_once_the_dataset_takes_no_more() {
    let model = ModelServer::scripted(|seen| answer(seen).after(Duration::from_millis(100)));
    let workspace = Workspace::with_model(&model.base_url());
    many_files(&workspace, 60);
    workspace
        .run(&["prepare", "--max-requests", "0"])
        .expect(124);
    let refuse = "CREATE TRIGGER full BEFORE INSERT ON TrainingSamples BEGIN SELECT RAISE(ABORT, 'not today'); END";
    workspace.dataset().execute_batch(refuse).unwrap();
    let ran = workspace.run(&["prepare", "--questions", "1", "--concurrency", "2", "-q"]);
    assert_says(&ran, 1, &["data/pipeline.db", "not today"]);
    assert!(model.chat_count() < 60, "{} requests", model.chat_count());
    assert_eq!(workspace.count("FileHashes"), 0);
    workspace
        .dataset()
        .execute_batch("DROP TRIGGER full")
        .unwrap();
    let asked = model.chat_count();
    workspace
        .run(&["prepare", "--questions", "1", "-q"])
        .expect(0);
    assert_eq!(workspace.count("FileHashes"), 60);
    assert!(
        model.chat_count() - asked < 120,
        "what was paid for was asked for again"
    );
}
