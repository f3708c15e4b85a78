//! Transports with one lasting stream: the user's `ssh` program, and `git://` over TCP.
//!
//! A thread moves arriving bytes into a bounded channel, so that the reader can give up waiting; it ends with the stream, which
//! ends when the [`Pipe`] is dropped.

use super::patience::{POLL, Patience};
use super::pktline::refusal;
use super::{CONNECT_SECS, Problem};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

const CHUNK_BYTES: usize = 64 * 1024;
/// Chunks that may wait for the reader.
const CHUNKS_MAX: usize = 16;
/// How much of what `ssh` prints is kept.
const COMPLAINT_BYTES_MAX: u64 = 4096;

/// A stream to a server.
pub(super) struct Pipe<'a> {
    writer: Box<dyn Write>,
    chunks: Receiver<io::Result<Vec<u8>>>,
    current: io::Cursor<Vec<u8>>,
    patience: Patience<'a>,
    end: End,
}

enum End {
    Program {
        child: Child,
        complaint: Receiver<Vec<u8>>,
    },
    Socket(TcpStream),
}

impl<'a> Pipe<'a> {
    /// Runs `ssh`, told to ask nothing.
    pub fn ssh(
        destination: &str,
        port: Option<u16>,
        path: &str,
        patience: Patience<'a>,
    ) -> Result<Self, Problem> {
        Self::program(ssh_command(destination, port, path), patience)
    }

    fn program(mut command: Command, patience: Patience<'a>) -> Result<Self, Problem> {
        let piped = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = piped
            .spawn()
            .map_err(|error| Problem::Ssh(error.to_string()))?;
        let (Some(stdin), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(Problem::Ssh("no pipes to the program".to_owned()));
        };
        let (sender, complaint) = sync_channel(1);
        thread::spawn(move || {
            let mut text = Vec::new();
            let mut stderr = stderr;
            let _ = stderr
                .by_ref()
                .take(COMPLAINT_BYTES_MAX)
                .read_to_end(&mut text);
            let _ = sender.send(text);
            let _ = io::copy(&mut stderr, &mut io::sink());
        });
        Ok(Self::new(
            Box::new(stdin),
            stdout,
            patience,
            End::Program { child, complaint },
        ))
    }

    /// Connects to a git daemon and names the repo.
    pub fn tcp(host: &str, port: u16, path: &str, patience: Patience<'a>) -> Result<Self, Problem> {
        let place = format!("{}:{port}", host.trim_matches(['[', ']']));
        let socket = connect(host.trim_matches(['[', ']']).to_owned(), port, patience)?;
        socket.set_write_timeout(Some(Duration::from_secs(super::IDLE_SECS)))?;
        let (reader, writer) = (socket.try_clone()?, socket.try_clone()?);
        let mut pipe = Self::new(Box::new(writer), reader, patience, End::Socket(socket));
        let request = format!("git-upload-pack {path}\0host={place}\0\0version=2\0");
        pipe.send(format!("{:04x}{request}", request.len() + 4).as_bytes())?;
        Ok(pipe)
    }

    fn new(
        writer: Box<dyn Write>,
        reader: impl Read + Send + 'static,
        patience: Patience<'a>,
        end: End,
    ) -> Self {
        let (sender, chunks) = sync_channel(CHUNKS_MAX);
        thread::spawn(move || pump(reader, &sender));
        Pipe {
            writer,
            chunks,
            current: io::Cursor::default(),
            patience,
            end,
        }
    }

    /// Sends a request.
    pub fn send(&mut self, request: &[u8]) -> Result<(), Problem> {
        let sent = self
            .writer
            .write_all(request)
            .and_then(|()| self.writer.flush());
        sent.map_err(|_| Problem::Disconnected)
    }

    /// What broke the connection, in the words of `ssh` if it said anything.
    pub fn explain(&mut self, problem: Problem) -> Problem {
        let (Problem::Disconnected, End::Program { complaint, .. }) = (&problem, &self.end) else {
            return problem;
        };
        // The program has ended; only a background process that it left may still hold its output open.
        let text = complaint
            .recv_timeout(Duration::from_secs(1))
            .unwrap_or_default();
        match refusal(&text) {
            Problem::Refused(text) if text.is_empty() => problem,
            Problem::Refused(text) if text.contains("Permission denied") => {
                Problem::CredentialsRefused
            }
            Problem::Refused(text) => Problem::Ssh(text),
            known => known,
        }
    }

    fn next_chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        let start = Instant::now();
        loop {
            self.patience.check(start)?;
            match self.chunks.recv_timeout(POLL) {
                Ok(chunk) => return chunk.map(Some),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
            }
        }
    }
}

impl Read for Pipe<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.current.read(buffer)?;
        if bytes > 0 || buffer.is_empty() {
            return Ok(bytes);
        }
        match self.next_chunk()? {
            Some(chunk) => self.current = io::Cursor::new(chunk),
            None => return Ok(0),
        }
        self.current.read(buffer)
    }
}

impl Drop for Pipe<'_> {
    fn drop(&mut self) {
        match &mut self.end {
            End::Program { child, .. } => {
                let _ = child.kill();
                let _ = child.wait();
            }
            End::Socket(socket) => drop(socket.shutdown(Shutdown::Both)),
        }
    }
}

fn pump(mut reader: impl Read, chunks: &SyncSender<io::Result<Vec<u8>>>) {
    loop {
        let mut chunk = vec![0; CHUNK_BYTES];
        let arrived = reader.read(&mut chunk).map(|bytes| {
            chunk.truncate(bytes);
            chunk
        });
        let ended = arrived.as_ref().map_or(true, Vec::is_empty);
        let empty = arrived.as_ref().is_ok_and(Vec::is_empty);
        if empty || chunks.send(arrived).is_err() || ended {
            return;
        }
    }
}

/// Name resolution cannot be interrupted, so it happens on a thread that may outlive the wait.
fn connect(host: String, port: u16, patience: Patience<'_>) -> Result<TcpStream, Problem> {
    let (sender, connected) = sync_channel(1);
    thread::spawn(move || sender.send(connect_any(&host, port)));
    let start = Instant::now();
    loop {
        patience.check(start)?;
        match connected.recv_timeout(POLL) {
            Ok(socket) => return socket.map_err(|error| Problem::Connect(error.to_string())),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err(Problem::Disconnected),
        }
    }
}

fn connect_any(host: &str, port: u16) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, Duration::from_secs(CONNECT_SECS)) {
            Ok(socket) => return Ok(socket),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn ssh_command(destination: &str, port: Option<u16>, path: &str) -> Command {
    let mut command = Command::new("ssh");
    command.env("GIT_PROTOCOL", "version=2");
    command.args(["-o", "BatchMode=yes", "-o", "SendEnv=GIT_PROTOCOL"]);
    command
        .arg("-o")
        .arg(format!("ConnectTimeout={CONNECT_SECS}"));
    if let Some(port) = port {
        command.arg("-p").arg(port.to_string());
    }
    command
        .arg("--")
        .arg(destination)
        .arg(format!("git-upload-pack {}", shell_quoted(path)));
    command
}

/// The server hands the command to a shell; git's own quoting.
fn shell_quoted(path: &str) -> String {
    format!("'{}'", path.replace('\'', r"'\''").replace('!', r"'\!'"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::sync::atomic::AtomicBool;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn ssh_is_told_to_ask_nothing_and_paths_cannot_leave_their_quotes() {
        let command = ssh_command("git@h.org", Some(22), "a'; touch x; '!");
        let words: Vec<_> = command
            .get_args()
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        assert!(words.contains(&"BatchMode=yes".to_owned()));
        assert_eq!(
            &words[words.len() - 3..],
            [
                "--",
                "git@h.org",
                r"git-upload-pack 'a'\''; touch x; '\'''\!''"
            ]
        );
    }

    #[test]
    fn what_ssh_says_becomes_the_problem() {
        let table = [
            (
                "echo 'x@h: Permission denied (publickey).' >&2",
                "CredentialsRefused",
            ),
            ("echo 'ERROR: Repository not found.' >&2", "NotFound"),
            (
                "echo 'Host key verification failed.' >&2",
                "Ssh(\"Host key verification failed.\")",
            ),
            ("true", "Disconnected"),
        ];
        let cancel = AtomicBool::new(false);
        for (script, problem) in table {
            let mut pipe = Pipe::program(
                shell(script),
                Patience::new(&cancel, Duration::from_secs(60)),
            )
            .unwrap();
            let ended = pipe.read_exact(&mut [0]).unwrap_err();
            let explained = pipe.explain(ended.into());
            assert_eq!(format!("{explained:?}"), problem);
        }
    }

    #[test]
    fn silence_and_cancelling_end_a_wait() {
        let cancel = AtomicBool::new(false);
        let mut pipe = Pipe::program(
            shell("exec cat"),
            Patience::new(&cancel, Duration::from_millis(60)),
        )
        .unwrap();
        let ended = pipe.read(&mut [0]).unwrap_err();
        assert!(matches!(Problem::from(ended), Problem::Stalled(_)));
        cancel.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(matches!(
            Problem::from(pipe.read(&mut [0]).unwrap_err()),
            Problem::Cancelled
        ));
    }

    #[test]
    fn a_daemon_is_told_the_path_and_the_version() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let cancel = AtomicBool::new(false);
        let mut pipe = Pipe::tcp(
            "127.0.0.1",
            port,
            "/a.git",
            Patience::new(&cancel, Duration::from_secs(60)),
        )
        .unwrap();
        let (mut socket, _) = listener.accept().unwrap();
        let expected = format!("git-upload-pack /a.git\0host=127.0.0.1:{port}\0\0version=2\0");
        let mut request = vec![0; expected.len() + 4];
        socket.read_exact(&mut request).unwrap();
        assert_eq!(&request[4..], expected.as_bytes());
        drop(socket);
        assert_eq!(pipe.read(&mut [0]).unwrap(), 0);
    }
}
