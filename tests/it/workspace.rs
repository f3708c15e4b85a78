//! A temporary workspace, and the real program run in it with a scrubbed environment.

use rusqlite::Connection;
use serde_json::Value;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

/// A folder with a `repos.txt`, and room for source repositories beside it.
pub struct Workspace {
    home: TempDir,
    env: Vec<(String, String)>,
}

/// What a finished run printed, and how it ended.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    pub fn of(output: Output) -> Self {
        use std::os::unix::process::ExitStatusExt as _;
        let code = output
            .status
            .code()
            .unwrap_or_else(|| -output.status.signal().unwrap_or(0));
        Ran {
            code,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Asserts the exit code, showing what was printed when it differs.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "stdout:\n{}\nstderr:\n{}",
            self.stdout, self.stderr
        );
        self
    }

    /// The JSON document on stdout.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}\n{}", self.stdout, self.stderr))
    }
}

impl Workspace {
    pub fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        for folder in ["work", "origin", "home"] {
            fs::create_dir(home.path().join(folder)).unwrap();
        }
        Workspace {
            home,
            env: Vec::new(),
        }
    }

    /// A workspace whose model server is at `base_url`.
    pub fn with_model(base_url: &str) -> Self {
        let mut workspace = Workspace::new();
        workspace.set_env("OPENAI_BASE_URL", base_url);
        workspace
    }

    pub fn set_env(&mut self, name: &str, value: &str) {
        self.env.retain(|(known, _)| known != name);
        self.env.push((name.to_owned(), value.to_owned()));
    }

    pub fn path(&self) -> PathBuf {
        self.home.path().join("work")
    }

    /// Where source repositories are built.
    pub fn origin(&self) -> PathBuf {
        self.home.path().join("origin")
    }

    /// A workspace with the worktrees of this one, whose model server is at `base_url`.
    pub fn twin(&self, base_url: &str) -> Workspace {
        let twin = Workspace::with_model(base_url);
        let mut copy = Command::new("cp");
        copy.arg("-R").args(["repos", "repos.txt"]).arg(twin.path());
        let status = copy.current_dir(self.path()).status();
        assert!(status.unwrap().success());
        twin
    }

    pub fn list_repos(&self, lines: &[&str]) {
        fs::write(self.path().join("repos.txt"), lines.join("\n") + "\n").unwrap();
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pipeline"));
        command.args(arguments).current_dir(self.path()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.home.path().join("home"));
        command.env("GIT_CONFIG_NOSYSTEM", "1");
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments).output().unwrap())
    }

    /// The program run by a shell that prepares the ground for it: `"$0" "$@"` in `script`.
    pub fn run_by_shell(&self, arguments: &[&str], script: &str) -> Ran {
        let program = self.command(arguments);
        let mut shell = Command::new("sh");
        shell.args(["-c", script]).arg(program.get_program());
        shell.args(program.get_args()).current_dir(self.path());
        shell.env_clear().stdin(Stdio::null());
        for (name, value) in program.get_envs() {
            value.map(|value| shell.env(name, value));
        }
        Ran::of(shell.output().unwrap())
    }

    pub fn spawn(&self, arguments: &[&str]) -> Running {
        let mut command = self.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Running {
            child: command.spawn().unwrap(),
        }
    }

    pub fn dataset(&self) -> Connection {
        Connection::open(self.path().join("data/pipeline.db")).unwrap()
    }

    /// The rows of a query, each as its columns' text joined by `|`.
    pub fn rows(&self, query: &str) -> Vec<String> {
        let connection = self.dataset();
        let mut statement = connection.prepare(query).unwrap();
        let columns = statement.column_count();
        let rows = statement.query_map([], |row| {
            let texts = (0..columns).map(|index| {
                use rusqlite::types::ValueRef;
                Ok(match row.get_ref(index)? {
                    ValueRef::Null => "NULL".to_owned(),
                    ValueRef::Integer(value) => value.to_string(),
                    ValueRef::Real(value) => value.to_string(),
                    ValueRef::Text(text) | ValueRef::Blob(text) => {
                        String::from_utf8_lossy(text).into_owned()
                    }
                })
            });
            Ok(texts.collect::<rusqlite::Result<Vec<_>>>()?.join("|"))
        });
        rows.unwrap().map(Result::unwrap).collect()
    }

    /// Makes a program of this name that every run finds first. Another process writes it: a file that a process of ours, or one it is
    /// just starting, may still have open for writing cannot be run.
    pub fn add_program(&mut self, name: &str, script: &str) {
        let folder = self.home.path().join("bin");
        fs::create_dir_all(&folder).unwrap();
        let text = self.home.path().join(name);
        fs::write(&text, script).unwrap();
        let mut install = Command::new("install");
        install.args(["-m", "755"]).arg(text).arg(folder.join(name));
        assert!(install.status().unwrap().success());
        let rest = std::env::var("PATH").unwrap();
        self.set_env("PATH", &format!("{}:{rest}", folder.display()));
    }

    #[track_caller]
    pub fn count(&self, table_and_where: &str) -> u64 {
        self.rows(&format!("SELECT count(*) FROM {table_and_where}"))[0]
            .parse()
            .unwrap()
    }

    /// Asserts what holds of every dataset at rest: sound file, sound references, each file in one of the four states.
    #[track_caller]
    pub fn assert_sound(&self) {
        assert_eq!(self.rows("PRAGMA integrity_check"), ["ok"]);
        assert_eq!(self.rows("PRAGMA foreign_key_check"), Vec::<String>::new());
        let orphans =
            "TrainingSamples WHERE dataset_source NOT IN (SELECT file_path FROM FileHashes)";
        assert_eq!(self.count(orphans), 0, "samples of unknown files");
        let stateless = "FileHashes WHERE sample_id IS NULL AND file_path NOT IN (SELECT file_path FROM FailedFiles)";
        assert_eq!(self.count(stateless), 0, "files neither done nor failed");
        let hashless = "FailedFiles WHERE file_path NOT IN (SELECT file_path FROM FileHashes)";
        assert_eq!(self.count(hashless), 0, "failures of unknown files");
        let firsts = "FileHashes h WHERE sample_id IS NOT (SELECT min(s.sample_id) FROM TrainingSamples s WHERE s.dataset_source = h.file_path)";
        assert_eq!(
            self.count(firsts),
            0,
            "sample_id that is not the first sample"
        );
        let lame = "TrainingSamples s WHERE (SELECT count(*) FROM ConversationTurns t WHERE t.sample_id = s.sample_id) < 2";
        assert_eq!(self.count(lame), 0, "samples without turns");
    }

    /// Every byte of every log file.
    pub fn logs(&self) -> String {
        let mut text = String::new();
        for entry in fs::read_dir(self.path().join("logs")).unwrap().flatten() {
            text += &String::from_utf8_lossy(&fs::read(entry.path()).unwrap_or_default());
        }
        text
    }
}

/// A run that has not ended yet.
pub struct Running {
    child: Child,
}

impl Running {
    /// Sends a signal by its name, as `kill -NAME` does.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(self.child.id().to_string())
            .status();
        assert!(status.unwrap().success());
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
    }

    /// Whether the process is gone.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    pub fn wait(self) -> Ran {
        Ran::of(self.child.wait_with_output().unwrap())
    }
}

/// A real repository, built with the git program.
pub struct Repo {
    path: PathBuf,
}

impl Repo {
    pub fn new(path: &Path) -> Self {
        fs::create_dir_all(path).unwrap();
        let repo = Repo {
            path: path.to_owned(),
        };
        repo.git(&["init", "-q", "-b", "main"]);
        repo
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn url(&self) -> String {
        format!("file://{}", self.path.display())
    }

    /// Writes a file without committing it.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> &Self {
        let path = self.path.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::File::create(path)
            .unwrap()
            .write_all(content.as_ref())
            .unwrap();
        self
    }

    pub fn remove(&self, name: &str) -> &Self {
        fs::remove_file(self.path.join(name)).unwrap();
        self
    }

    /// Commits everything there is.
    pub fn commit(&self) -> String {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", "change"]);
        self.git(&["rev-parse", "HEAD"]).trim().to_owned()
    }

    pub fn git(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("git");
        command.args([
            "-c",
            "user.name=Test",
            "-c",
            "user.email=test@example.com",
            "-c",
            "commit.gpgsign=false",
        ]);
        command
            .args(["-c", "core.autocrlf=false"])
            .args(arguments)
            .current_dir(&self.path);
        command
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1");
        let output = command.output().unwrap();
        assert!(
            output.status.success(),
            "git {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}
