//! The model server of the benchmark: a thread that speaks just enough HTTP.
//!
//! What to answer is found out once for each body and then looked up, so that every run after the first costs the server the same.
//! Bodies are recorded in order of arrival while `record` is on.

use crate::model_server::{self, Seen};
use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufWriter, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Whom the server refuses with 429.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum Rule {
    #[default]
    None,
    /// So many in each second of its clock.
    Window(usize),
    /// So many in any second.
    Sliding(usize),
    /// A bucket that fills at so many a second and holds so many.
    Bucket { per_sec: f64, burst: f64 },
    /// So many at one time.
    InFlight(usize),
}

/// How the server behaves, until told otherwise.
#[derive(Debug, Clone, Copy, Default)]
pub struct Manner {
    pub latency: Duration,
    pub rule: Rule,
    /// The `Retry-After` of a refusal.
    pub retry_after: Option<&'static str>,
    /// Whether it knows `response_format` and `max_tokens`.
    pub is_old: bool,
}

/// What the server saw since it was last asked.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    pub first_at: Option<Instant>,
    pub last_at: Option<Instant>,
    /// Chat requests answered with 200.
    pub served: usize,
    pub refused: usize,
    /// Requests answered with 400.
    pub faulted: usize,
    pub connections_most: usize,
    pub in_flight_most: usize,
    /// Mean number in flight between the first request and the last.
    pub in_flight_mean: f64,
}

impl Figures {
    /// From the first request to the last answer.
    pub fn wall(&self) -> Duration {
        self.first_at
            .zip(self.last_at)
            .map_or(Duration::ZERO, |(first, last)| last - first)
    }
}

#[derive(Default)]
struct State {
    manner: Manner,
    figures: Figures,
    answers: HashMap<u64, Arc<Vec<u8>>>,
    record: Option<BufWriter<std::fs::File>>,
    connections: usize,
    in_flight: usize,
    in_flight_secs: f64,
    changed_at: Option<Instant>,
    /// When requests were served, for the rules.
    recent: VecDeque<Instant>,
    window: (u64, usize),
    level: Option<(f64, Instant)>,
    began: Option<Instant>,
}

/// A server that runs until the process ends.
pub struct Server {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Server {
    pub fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let server = Server {
            address: listener.local_addr().unwrap(),
            state: Arc::default(),
        };
        let state = Arc::clone(&server.state);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(accept(listener, state));
        });
        server
    }

    /// From now on behaves like this, with all figures at nought.
    pub fn reset(&self, manner: Manner) {
        let mut state = self.state.lock().unwrap();
        let (answers, connections) = (std::mem::take(&mut state.answers), state.connections);
        *state = State {
            manner,
            answers,
            connections,
            ..State::default()
        };
    }

    /// Bodies that arrive go into `file`, until the next reset.
    pub fn record(&self, file: &Path) {
        self.state.lock().unwrap().record =
            Some(BufWriter::new(std::fs::File::create(file).unwrap()));
    }

    pub fn figures(&self) -> Figures {
        let mut state = self.state.lock().unwrap();
        if let Some(record) = &mut state.record {
            record.flush().unwrap();
        }
        let mut figures = state.figures.clone();
        figures.in_flight_mean = state.in_flight_secs / figures.wall().as_secs_f64().max(1e-9);
        figures
    }
}

async fn accept(listener: std::net::TcpListener, state: Arc<Mutex<State>>) {
    let listener = TcpListener::from_std(listener).unwrap();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let state = Arc::clone(&state);
        tokio::spawn(async move {
            state.lock().unwrap().connect();
            let _ = converse(stream, &state).await;
            state.lock().unwrap().connections -= 1;
        });
    }
}

async fn converse(mut stream: TcpStream, state: &Mutex<State>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(32 * 1024);
    loop {
        let (head, body) = loop {
            if let Some(parts) = whole(&buffer) {
                break parts;
            }
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        };
        let is_chat = buffer.starts_with(b"POST");
        let (latency, answer) = state
            .lock()
            .unwrap()
            .answer(is_chat, &buffer[head..head + body]);
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        if is_chat {
            state.lock().unwrap().answered();
        }
        stream.write_all(&answer).await?;
        buffer.drain(..head + body);
    }
}

/// Lengths of the head and the body, once both are there.
fn whole(buffer: &[u8]) -> Option<(usize, usize)> {
    let head = memchr::memmem::find(buffer, b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&buffer[..head]).ok()?;
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse().ok())?
    });
    let body = length.unwrap_or(0);
    (buffer.len() >= head + body).then_some((head, body))
}

impl State {
    fn connect(&mut self) {
        self.connections += 1;
        self.figures.connections_most = self.figures.connections_most.max(self.connections);
    }

    fn answer(&mut self, is_chat: bool, body: &[u8]) -> (Duration, Arc<Vec<u8>>) {
        if !is_chat {
            return (
                Duration::ZERO,
                Arc::new(compose(&seen("GET", "/v1/models", body))),
            );
        }
        let now = Instant::now();
        self.figures.first_at.get_or_insert(now);
        self.count_in_flight(now, 1);
        self.figures.in_flight_most = self.figures.in_flight_most.max(self.in_flight);
        self.figures.connections_most = self.figures.connections_most.max(self.connections);
        if !self.takes(now) {
            self.figures.refused += 1;
            return (Duration::ZERO, Arc::new(refusal(self.manner.retry_after)));
        }
        if self.manner.is_old
            && let Some(complaint) = complaint(body)
        {
            self.figures.faulted += 1;
            return (self.manner.latency, Arc::new(complaint));
        }
        self.figures.served += 1;
        if let Some(record) = &mut self.record {
            record
                .write_all(&u32::try_from(body.len()).unwrap().to_le_bytes())
                .unwrap();
            record.write_all(body).unwrap();
        }
        let mut hasher = DefaultHasher::new();
        body.hash(&mut hasher);
        let answer = self
            .answers
            .entry(hasher.finish())
            .or_insert_with(|| Arc::new(compose(&seen("POST", "/v1/chat/completions", body))));
        (self.manner.latency, Arc::clone(answer))
    }

    fn answered(&mut self) {
        let now = Instant::now();
        self.count_in_flight(now, -1);
        self.figures.last_at = Some(now);
    }

    fn count_in_flight(&mut self, now: Instant, change: isize) {
        let since = self.changed_at.replace(now).unwrap_or(now);
        self.in_flight_secs += (now - since).as_secs_f64() * self.in_flight as f64;
        self.in_flight = self.in_flight.saturating_add_signed(change);
    }

    fn takes(&mut self, now: Instant) -> bool {
        let began = *self.began.get_or_insert(now);
        match self.manner.rule {
            Rule::None => true,
            Rule::InFlight(most) => self.in_flight <= most,
            Rule::Window(most) => {
                let second = (now - began).as_secs();
                if self.window.0 != second {
                    self.window = (second, 0);
                }
                self.window.1 += 1;
                self.window.1 <= most
            }
            Rule::Sliding(most) => {
                while self
                    .recent
                    .front()
                    .is_some_and(|&at| now - at >= Duration::from_secs(1))
                {
                    self.recent.pop_front();
                }
                let takes = self.recent.len() < most;
                if takes {
                    self.recent.push_back(now);
                }
                takes
            }
            Rule::Bucket { per_sec, burst } => {
                let (level, at) = self.level.unwrap_or((burst, now));
                let level = (level + (now - at).as_secs_f64() * per_sec).min(burst);
                let takes = level >= 1.0;
                self.level = Some((level - f64::from(u8::from(takes)), now));
                takes
            }
        }
    }
}

fn seen(method: &str, path: &str, body: &[u8]) -> Seen {
    Seen {
        nth: 0,
        method: method.to_owned(),
        path: path.to_owned(),
        headers: Vec::new(),
        body: serde_json::from_slice(body).unwrap_or_default(),
        raw: Vec::new(),
        at: Instant::now(),
        in_flight: 0,
    }
}

/// The bytes of an answer as the tests' honest model gives it.
fn compose(seen: &Seen) -> Vec<u8> {
    let reply = model_server::answer(seen);
    message(reply.status, "", &reply.body)
}

fn refusal(retry_after: Option<&str>) -> Vec<u8> {
    let header = retry_after.map_or(String::new(), |wait| format!("retry-after: {wait}\r\n"));
    message(
        429,
        &header,
        br#"{"error":{"code":"rate_limit_exceeded","message":"slow down"}}"#,
    )
}

/// What a server of the first days says to a newer request.
fn complaint(body: &[u8]) -> Option<Vec<u8>> {
    let part = ["json_schema", "max_tokens"].into_iter().find(|part| {
        let field = format!("\"{part}\"");
        memchr::memmem::find(body, field.as_bytes()).is_some()
    })?;
    let text = match part {
        "json_schema" => {
            r#"{"error":{"code":"invalid_request_error","param":"response_format","message":"'response_format.type' must be 'text' or 'json_object'"}}"#
        }
        _ => {
            r#"{"error":{"code":"unsupported_parameter","param":"max_tokens","message":"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."}}"#
        }
    };
    Some(message(400, "", text.as_bytes()))
}

fn message(status: u16, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!(
        "HTTP/1.1 {status} Scripted\r\ncontent-type: application/json\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}
