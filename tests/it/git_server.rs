//! Real git repositories, and servers for them on loopback.
//!
//! Repositories are built by the `git` program with a scrubbed configuration. [`HttpServer`] is a small HTTP/1.1 server that runs
//! `git http-backend`; [`GitDaemon`] speaks `git://`. Both can misbehave on request, and end when they are dropped.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// A repository with a worktree, as a developer has it.
pub struct Upstream {
    pub dir: PathBuf,
}

impl Upstream {
    /// `git init` on branch `main`, without a commit.
    pub fn empty(dir: &Path) -> Self {
        std::fs::create_dir_all(dir).unwrap();
        let upstream = Upstream {
            dir: dir.to_owned(),
        };
        upstream.git(&["init", "--quiet", "--initial-branch=main"]);
        upstream
    }

    /// A repository with one commit of these files.
    pub fn with_files(dir: &Path, files: &[(&str, &str)]) -> Self {
        let upstream = Self::empty(dir);
        upstream.commit(files);
        upstream
    }

    /// Writes files and commits everything that changed. Returns the commit.
    pub fn commit(&self, files: &[(&str, &str)]) -> String {
        for (name, content) in files {
            self.write(name, content.as_bytes());
        }
        self.commit_all()
    }

    /// Writes one file.
    pub fn write(&self, name: impl AsRef<Path>, content: &[u8]) {
        let path = self.dir.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// Commits everything that changed. Returns the commit.
    pub fn commit_all(&self) -> String {
        self.git(&["add", "--all", "--force"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", "change"]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Runs git here; its output without the last line feed.
    pub fn git(&self, arguments: &[&str]) -> String {
        git(&self.dir, arguments)
    }
}

/// Runs git in a folder, with nobody's configuration.
pub fn git(dir: &Path, arguments: &[&str]) -> String {
    let output = git_command()
        .current_dir(dir)
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "git {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout)
        .trim_end()
        .to_owned()
}

fn git_command() -> Command {
    let mut command = Command::new("git");
    command
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_NAME", "A U Thor")
        .env("GIT_AUTHOR_EMAIL", "author@example.com")
        .env("GIT_COMMITTER_NAME", "C O Mitter")
        .env("GIT_COMMITTER_EMAIL", "committer@example.com")
        .env("GIT_CONFIG_COUNT", "2")
        .env("GIT_CONFIG_KEY_0", "maintenance.auto")
        .env("GIT_CONFIG_VALUE_0", "false")
        .env("GIT_CONFIG_KEY_1", "core.fsync")
        .env("GIT_CONFIG_VALUE_1", "none")
        .env_remove("GIT_DIR");
    command
}

/// How a server answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// As it should.
    Well,
    /// As an old server: the client's wish for protocol version 2 is not heard.
    VersionZero,
    /// Only to this user and password.
    Auth(String, String),
    /// The same, but its references to anybody.
    AuthToFetch(String, String),
    /// Always with this status.
    Status(u16),
    /// The repository's files, as a plain web server has them.
    Dumb,
    /// Not at all: the connection stays open.
    Hang,
    /// With the first bytes of every pack only.
    CutPack,
    /// With a redirect of the reference list to the same path under this prefix.
    Redirect(String),
}

/// An HTTP server for all repositories below one folder.
pub struct HttpServer {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    root: PathBuf,
    mode: Mutex<Mode>,
    requests: Mutex<Vec<String>>,
    ended: AtomicBool,
}

impl HttpServer {
    /// Serves the repositories below `root`.
    pub fn start(root: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            root: root.to_owned(),
            mode: Mutex::new(Mode::Well),
            requests: Mutex::default(),
            ended: AtomicBool::new(false),
        });
        let server = Arc::clone(&shared);
        thread::spawn(move || {
            for connection in listener.incoming() {
                if server.ended.load(Ordering::SeqCst) {
                    return;
                }
                let server = Arc::clone(&server);
                thread::spawn(move || connection.map(|socket| server.answer(socket)));
            }
        });
        HttpServer { address, shared }
    }

    /// The URL of a repository.
    pub fn url(&self, name: &str) -> String {
        format!("http://{}/{name}", self.address)
    }

    /// Changes how requests are answered from now on.
    pub fn set_mode(&self, mode: Mode) {
        *self.shared.mode.lock().unwrap() = mode;
    }

    /// The requests since the last call: method, path, and for version 2 the command.
    pub fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.requests.lock().unwrap())
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

struct Request {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    fn read(socket: &TcpStream) -> Option<Self> {
        let mut reader = BufReader::new(socket);
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let mut words = line.split_whitespace();
        let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(':') else {
                break;
            };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let (path, query) = (path.to_owned(), query.to_owned());
        let mut request = Request {
            method,
            path,
            query,
            headers,
            body: Vec::new(),
        };
        let length = request
            .header("content-length")
            .and_then(|text| text.parse().ok())
            .unwrap_or(0);
        request.body.resize(length, 0);
        reader.read_exact(&mut request.body).ok()?;
        Some(request)
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }

    fn summary(&self) -> String {
        let body = String::from_utf8_lossy(&self.body);
        let command = body
            .split("command=")
            .nth(1)
            .and_then(|rest| rest.lines().next())
            .unwrap_or_default();
        format!("{} {} {command}", self.method, self.path)
            .trim_end()
            .to_owned()
    }
}

impl Shared {
    fn answer(&self, mut socket: TcpStream) {
        let Some(request) = Request::read(&socket) else {
            return;
        };
        self.requests.lock().unwrap().push(request.summary());
        let mode = self.mode.lock().unwrap().clone();
        let response = match mode {
            Mode::Well => self.backend(&request, request.header("git-protocol")),
            Mode::VersionZero => self.backend(&request, None),
            Mode::AuthToFetch(..) if request.method == "GET" => {
                self.backend(&request, request.header("git-protocol"))
            }
            Mode::Auth(user, password) | Mode::AuthToFetch(user, password)
                if request.header("authorization") == Some(&basic(&user, &password)) =>
            {
                self.backend(&request, request.header("git-protocol"))
            }
            Mode::Auth(..) | Mode::AuthToFetch(..) => status(
                "401 Unauthorized",
                "WWW-Authenticate: Basic realm=\"git\"\r\n",
            ),
            Mode::Status(code) => status(&format!("{code} As told"), ""),
            Mode::Dumb => self.dumb(&request),
            Mode::Hang => {
                // Ends when the client gives up.
                let _ = socket.read(&mut [0]);
                return;
            }
            Mode::CutPack => {
                let mut response = self.backend(&request, request.header("git-protocol"));
                if request.summary().ends_with("fetch") {
                    // Past the headers and into the pack; the promised length is never reached.
                    response.truncate(response.len() * 3 / 4);
                }
                response
            }
            Mode::Redirect(prefix) => match request.path.starts_with(&prefix) {
                true => self.backend(&request, request.header("git-protocol")),
                false => status(
                    "302 Found",
                    &format!("Location: {prefix}{}?{}\r\n", request.path, request.query),
                ),
            },
        };
        let _ = socket.write_all(&response);
    }

    fn backend(&self, request: &Request, protocol: Option<&str>) -> Vec<u8> {
        let mut command = git_command();
        command
            .arg("http-backend")
            .env("GIT_PROJECT_ROOT", &self.root)
            .env("GIT_HTTP_EXPORT_ALL", "1")
            .env("REQUEST_METHOD", &request.method)
            .env(
                "PATH_INFO",
                request.path.strip_prefix("/moved").unwrap_or(&request.path),
            )
            .env("QUERY_STRING", &request.query)
            .env(
                "CONTENT_TYPE",
                request.header("content-type").unwrap_or_default(),
            )
            .env("CONTENT_LENGTH", request.body.len().to_string())
            .env_remove("GIT_PROTOCOL");
        if let Some(protocol) = protocol {
            command.env("GIT_PROTOCOL", protocol);
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let body = request.body.clone();
        thread::spawn(move || stdin.write_all(&body));
        let output = child.wait_with_output().unwrap().stdout;
        let end = output
            .windows(4)
            .position(|bytes| bytes == b"\r\n\r\n")
            .unwrap_or(0);
        let headers = String::from_utf8_lossy(&output[..end]).into_owned();
        let code = headers
            .lines()
            .find_map(|line| line.strip_prefix("Status: "))
            .unwrap_or("200 OK");
        response(
            code,
            &format!("{headers}\r\n"),
            output.get(end + 4..).unwrap_or_default(),
        )
    }

    fn dumb(&self, request: &Request) -> Vec<u8> {
        match std::fs::read(self.root.join(request.path.trim_start_matches('/'))) {
            Ok(content) => response("200 OK", "Content-Type: text/plain\r\n", &content),
            Err(_) => status("404 Not Found", ""),
        }
    }
}

fn status(status: &str, headers: &str) -> Vec<u8> {
    response(status, headers, b"")
}

fn response(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn basic(user: &str, password: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::from("Basic ");
    for three in format!("{user}:{password}").as_bytes().chunks(3) {
        let bits = three
            .iter()
            .fold(0, |bits: u32, &byte| bits << 8 | u32::from(byte))
            << (8 * (3 - three.len()));
        for place in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= three.len() {
                char::from(digit)
            } else {
                '='
            });
        }
    }
    text
}

/// A `git://` server for all repositories below one folder.
pub struct GitDaemon {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
}

impl GitDaemon {
    /// Serves the repositories below `root`.
    pub fn start(root: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let ended = Arc::new(AtomicBool::new(false));
        let (root, stop) = (root.to_owned(), Arc::clone(&ended));
        thread::spawn(move || {
            for connection in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let root = root.clone();
                thread::spawn(move || connection.map(|socket| upload_pack(socket, &root)));
            }
        });
        GitDaemon { address, ended }
    }

    /// The URL of a repository.
    pub fn url(&self, name: &str) -> String {
        format!("git://{}/{name}", self.address)
    }
}

impl Drop for GitDaemon {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

/// The first frame names the repository: `git-upload-pack /name\0host=…\0\0version=2\0`.
fn upload_pack(mut socket: TcpStream, root: &Path) {
    let mut length = [0; 4];
    socket.read_exact(&mut length).unwrap();
    let length = usize::from_str_radix(std::str::from_utf8(&length).unwrap(), 16).unwrap() - 4;
    let mut frame = vec![0; length];
    socket.read_exact(&mut frame).unwrap();
    let text = String::from_utf8(frame).unwrap();
    let name = text
        .split('\0')
        .next()
        .unwrap()
        .strip_prefix("git-upload-pack /")
        .unwrap();
    let dir = root.join(name);
    if !dir.exists() {
        let message = "ERR access denied or repository not exported";
        socket
            .write_all(format!("{:04x}{message}", message.len() + 4).as_bytes())
            .unwrap();
        return;
    }
    let output = std::os::fd::OwnedFd::from(socket.try_clone().unwrap());
    let input = std::os::fd::OwnedFd::from(socket);
    let mut command = git_command();
    command
        .arg("upload-pack")
        .arg(dir)
        .env("GIT_PROTOCOL", "version=2")
        .stdin(input)
        .stdout(output)
        .stderr(Stdio::null());
    let _ = command.status();
}
