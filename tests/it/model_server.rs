//! A scripted model server: real HTTP on a loopback port, in a thread of its own.
//!
//! It records what it is asked and answers by a closure. Left alone, it answers like a small but honest model: questions about identifiers
//! that stand in the source text of the prompt, in the shape of whatever schema was asked for, and answers that quote that text.

#![allow(dead_code, reason = "helpers for tests that come and go")]

use serde_json::{Map, Value, json};
use std::collections::HashSet;
use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// The model that the server lists.
pub const MODEL: &str = "test-model";

/// One request as it arrived.
#[derive(Debug, Clone)]
pub struct Seen {
    /// How many requests of its method came before.
    pub nth: usize,
    pub method: String,
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub raw: Vec<u8>,
    /// The body as JSON, `Null` when it is none.
    pub body: Value,
    pub at: Instant,
    /// Requests being answered when this one arrived, itself included.
    pub in_flight: usize,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The content of the messages of one role, in order.
    pub fn texts(&self, role: &str) -> Vec<&str> {
        let messages = self.body["messages"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let of_role = messages.iter().filter(|message| message["role"] == role);
        of_role
            .filter_map(|message| message["content"].as_str())
            .collect()
    }

    /// Whether structured output was asked for, in any of the ways to do so.
    pub fn wants_json(&self) -> bool {
        self.schema().is_some()
    }

    /// The schema asked for: in `response_format`, or in words behind "JSON Schema:".
    pub fn schema(&self) -> Option<Value> {
        let formal = &self.body["response_format"]["json_schema"]["schema"];
        if formal.is_object() {
            return Some(formal.clone());
        }
        let last = *self.texts("user").last()?;
        let (_, words) = last.rsplit_once("JSON Schema: ")?;
        serde_json::Deserializer::from_str(words)
            .into_iter()
            .next()?
            .ok()
    }
}

/// How an answer goes over the wire.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Manner {
    Whole,
    /// The connection is reset before a byte of the answer.
    ResetBeforeHeaders,
    /// The connection is reset behind half of the body.
    ResetInBody,
    /// The connection is closed properly behind half of the body.
    CloseInBody,
    /// Nothing ever comes.
    Hang,
    /// Half of the body comes, then nothing.
    Stall,
    /// One byte of the body in each of these times.
    Drip(Duration),
    /// Whole, in chunks: its length is not told beforehand.
    Chunked,
}

/// One answer.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub delay: Duration,
    pub manner: Manner,
}

impl Reply {
    pub fn bytes(status: u16, body: impl Into<Vec<u8>>) -> Reply {
        Reply {
            status,
            headers: Vec::new(),
            body: body.into(),
            delay: Duration::ZERO,
            manner: Manner::Whole,
        }
    }

    pub fn json(status: u16, body: Value) -> Reply {
        Reply::bytes(status, body.to_string()).header("content-type", "application/json")
    }

    /// A good completion with this text.
    pub fn text(text: &str) -> Reply {
        Reply::completion(json!({"role": "assistant", "content": text}), "stop")
    }

    pub fn completion(message: Value, finish_reason: &str) -> Reply {
        Reply::json(200, completion_body(message, finish_reason))
    }

    /// An error object as OpenAI writes it.
    pub fn error(status: u16, code: &str, message: &str) -> Reply {
        Reply::json(status, json!({"error": {"code": code, "message": message}}))
    }

    pub fn html(status: u16) -> Reply {
        Reply::bytes(
            status,
            "<!doctype html><html><body><h1>Oops</h1></body></html>",
        )
        .header("content-type", "text/html")
    }

    pub fn refused(retry_after: &str) -> Reply {
        Reply::error(429, "rate_limit_exceeded", "slow down").header("retry-after", retry_after)
    }

    pub fn redirect(to: &str) -> Reply {
        Reply::bytes(307, "").header("location", to)
    }

    /// A valid completion, compressed, that grows to `bytes` of text.
    pub fn gzip_bomb(bytes: usize) -> Reply {
        let mut zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        let body = completion_body(json!({"content": "x".repeat(bytes)}), "stop").to_string();
        io::Write::write_all(&mut zip, body.as_bytes()).unwrap();
        Reply::bytes(200, zip.finish().unwrap()).header("content-encoding", "gzip")
    }

    /// The same completion with another text, made of the old one.
    pub fn rewritten(mut self, rewrite: impl FnOnce(&str) -> String) -> Reply {
        let mut body: Value = serde_json::from_slice(&self.body).unwrap();
        let content = &mut body["choices"][0]["message"]["content"];
        *content = rewrite(content.as_str().unwrap()).into();
        self.body = body.to_string().into_bytes();
        self
    }

    pub fn header(mut self, name: &str, value: &str) -> Reply {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn after(mut self, delay: Duration) -> Reply {
        self.delay = delay;
        self
    }

    pub fn manner(mut self, manner: Manner) -> Reply {
        self.manner = manner;
        self
    }
}

fn completion_body(message: Value, finish_reason: &str) -> Value {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "model": MODEL,
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
    })
}

type Script = dyn Fn(&Seen) -> Reply + Send + Sync;

struct State {
    script: Box<Script>,
    seen: Mutex<Vec<Seen>>,
    posts: AtomicUsize,
    others: AtomicUsize,
    in_flight: AtomicUsize,
    in_flight_most: AtomicUsize,
    open: AtomicUsize,
    open_most: AtomicUsize,
    connections: AtomicUsize,
    closing: Notify,
}

/// A running server; dropping it closes the port and every connection.
pub struct ModelServer {
    address: SocketAddr,
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

impl ModelServer {
    /// A server that answers like a small honest model.
    pub fn start() -> ModelServer {
        ModelServer::scripted(answer)
    }

    /// A server that answers chats by `script`; it still lists [`MODEL`].
    pub fn scripted(script: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> ModelServer {
        ModelServer::scripted_whole(move |seen| match seen.method.as_str() {
            "POST" => script(seen),
            _ => answer(seen),
        })
    }

    /// A server that answers everything by `script`, the list of models too.
    pub fn scripted_whole(script: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> ModelServer {
        ModelServer::scripted_at(0, script)
    }

    /// The same at a port, such as that of a server that is gone; 0 for any.
    pub fn scripted_at(
        port: u16,
        script: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
    ) -> ModelServer {
        let state = Arc::new(State {
            script: Box::new(script),
            seen: Mutex::default(),
            posts: AtomicUsize::new(0),
            others: AtomicUsize::new(0),
            in_flight: AtomicUsize::new(0),
            in_flight_most: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            open_most: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
            closing: Notify::new(),
        });
        let listener = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let served = Arc::clone(&state);
        let thread = std::thread::spawn(move || serve(listener, &served));
        ModelServer {
            address,
            state,
            thread: Some(thread),
        }
    }

    /// With the version segment.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Every chat request so far, in order of arrival.
    pub fn chats(&self) -> Vec<Seen> {
        let mut all = self.requests();
        all.retain(|seen| seen.method == "POST");
        all
    }

    /// Every request so far, in order of arrival.
    pub fn requests(&self) -> Vec<Seen> {
        self.state.seen.lock().unwrap().clone()
    }

    /// How many chat requests came so far, forgotten ones included.
    pub fn chat_count(&self) -> usize {
        self.state.posts.load(SeqCst)
    }

    /// Waits until everything that clients sent before they went away is recorded: connections are accepted in order, so one that is answered
    /// now has all of theirs before it.
    pub fn settle(&self) {
        use io::{Read as _, Write as _};
        let mut last = std::net::TcpStream::connect(self.address).unwrap();
        last.write_all(b"GET /v1/models HTTP/1.1\r\n\r\n").unwrap();
        last.read_exact(&mut [0]).unwrap();
        drop(last);
        while self.state.open.load(SeqCst) > 0 {
            std::thread::yield_now();
        }
    }

    /// The chat requests so far, which are then forgotten.
    pub fn take(&self) -> Vec<Seen> {
        let mut all = std::mem::take(&mut *self.state.seen.lock().unwrap());
        all.retain(|seen| seen.method == "POST");
        all
    }

    /// Forgets the requests so far, but not how many there were.
    pub fn forget(&self) {
        self.state.seen.lock().unwrap().clear();
    }

    /// How many connections came so far.
    pub fn connections(&self) -> usize {
        self.state.connections.load(SeqCst)
    }

    /// Most requests that were being answered at one time.
    pub fn in_flight_most(&self) -> usize {
        self.state.in_flight_most.load(SeqCst)
    }

    /// Most connections that were open at one time.
    pub fn open_most(&self) -> usize {
        self.state.open_most.load(SeqCst)
    }
}

impl Drop for ModelServer {
    fn drop(&mut self) {
        self.state.closing.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(listener: std::net::TcpListener, state: &Arc<State>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let listener = TcpListener::from_std(listener).unwrap();
        loop {
            tokio::select! {
                () = state.closing.notified() => break,
                accepted = listener.accept() => {
                    if let Ok((stream, _)) = accepted {
                        tokio::spawn(converse(stream, Arc::clone(state)));
                    }
                }
            }
        }
    });
}

async fn converse(stream: TcpStream, state: Arc<State>) {
    state.connections.fetch_add(1, SeqCst);
    raise(&state.open, &state.open_most);
    let _ = stream.set_nodelay(true);
    let mut stream = BufStream::new(stream);
    while let Ok(Some(mut seen)) = read_request(&mut stream).await {
        seen.in_flight = raise(&state.in_flight, &state.in_flight_most);
        record(&state, &mut seen);
        let reply = (state.script)(&seen);
        tokio::time::sleep(reply.delay).await;
        let goes_on = write_reply(&mut stream, &reply, &state.in_flight).await;
        if !matches!(goes_on, Ok(true)) {
            break;
        }
    }
    state.open.fetch_sub(1, SeqCst);
}

fn raise(now: &AtomicUsize, most: &AtomicUsize) -> usize {
    let raised = now.fetch_add(1, SeqCst) + 1;
    most.fetch_max(raised, SeqCst);
    raised
}

/// Notes a request and says how many of its method came before.
fn record(state: &State, seen: &mut Seen) {
    let counter = if seen.method == "POST" {
        &state.posts
    } else {
        &state.others
    };
    seen.nth = counter.fetch_add(1, SeqCst);
    state.seen.lock().unwrap().push(seen.clone());
}

async fn read_request(stream: &mut BufStream<TcpStream>) -> io::Result<Option<Seen>> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length
        .and_then(|(_, value)| value.parse().ok())
        .unwrap_or(0);
    let mut raw = vec![0; length];
    stream.read_exact(&mut raw).await?;
    Ok(Some(Seen {
        nth: 0,
        method,
        path,
        headers,
        body: serde_json::from_slice(&raw).unwrap_or_default(),
        raw,
        at: Instant::now(),
        in_flight: 0,
    }))
}

/// Writes one answer. Says whether the connection goes on. The request counts as answered just before its last byte leaves, so that a
/// client can never have a new request here before.
async fn write_reply(
    stream: &mut BufStream<TcpStream>,
    reply: &Reply,
    in_flight: &AtomicUsize,
) -> io::Result<bool> {
    let begun = begin_reply(stream, reply).await;
    in_flight.fetch_sub(1, SeqCst);
    begun?;
    stream.flush().await?;
    match reply.manner {
        Manner::Whole | Manner::Chunked => Ok(reply
            .headers
            .iter()
            .all(|(name, value)| name != "connection" || value != "close")),
        Manner::CloseInBody => Ok(false),
        Manner::ResetBeforeHeaders | Manner::ResetInBody => {
            stream.get_ref().set_zero_linger()?;
            Ok(false)
        }
        Manner::Hang | Manner::Stall => {
            // Until the client goes away.
            let _ = stream.read(&mut [0]).await;
            Ok(false)
        }
        Manner::Drip(pause) => {
            for byte in &reply.body {
                tokio::time::sleep(pause).await;
                stream.write_all(&[*byte]).await?;
                stream.flush().await?;
            }
            Ok(true)
        }
    }
}

/// Writes what leaves at once.
async fn begin_reply(stream: &mut BufStream<TcpStream>, reply: &Reply) -> io::Result<()> {
    let mut head = format!("HTTP/1.1 {} Scripted\r\n", reply.status);
    let _ = match reply.manner {
        Manner::Chunked => write!(head, "transfer-encoding: chunked\r\n"),
        _ => write!(head, "content-length: {}\r\n", reply.body.len()),
    };
    for (name, value) in &reply.headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    head.push_str("\r\n");
    let half = reply.body.len() / 2;
    let sent = match reply.manner {
        Manner::Whole => reply.body.len(),
        Manner::ResetInBody | Manner::CloseInBody | Manner::Stall => half,
        Manner::ResetBeforeHeaders | Manner::Hang | Manner::Drip(_) | Manner::Chunked => 0,
    };
    if !matches!(reply.manner, Manner::Hang | Manner::ResetBeforeHeaders) {
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(&reply.body[..sent]).await?;
    }
    if reply.manner == Manner::Chunked {
        for piece in reply.body.chunks(64 << 10) {
            let size = format!("{:x}\r\n", piece.len());
            stream.write_all(size.as_bytes()).await?;
            stream.write_all(piece).await?;
            stream.write_all(b"\r\n").await?;
        }
        stream.write_all(b"0\r\n\r\n").await?;
    }
    Ok(())
}

/// The answer of a small honest model; a script falls back on it.
pub fn answer(seen: &Seen) -> Reply {
    if seen.method == "GET" {
        return match seen.path.ends_with("/models") {
            true => Reply::json(
                200,
                json!({"object": "list", "data": [{"id": MODEL, "object": "model"}]}),
            ),
            false => Reply::error(404, "not_found", "no such path"),
        };
    }
    let users = seen.texts("user");
    let words = identifiers(source_of(users.first().copied().unwrap_or_default()));
    let text = match seen.schema() {
        Some(schema) => {
            let json = instance(
                &schema,
                "",
                &words,
                file_of(users.first().copied().unwrap_or_default()),
                &mut 0,
            )
            .to_string();
            let tagged = seen.body["response_format"].is_null();
            if tagged {
                format!("<json>{json}</json>")
            } else {
                json
            }
        }
        None => prose(
            &words,
            file_of(users.first().copied().unwrap_or_default()),
            users.last().copied().unwrap_or_default(),
        ),
    };
    let bytes: usize = seen
        .texts("system")
        .iter()
        .chain(&users)
        .map(|text| text.len())
        .sum();
    let mut body = completion_body(json!({"role": "assistant", "content": text}), "stop");
    let [prompt, completion] = [bytes, text.len()].map(|bytes| bytes / 4 + 1);
    body["model"] = seen.body["model"].clone();
    body["usage"] = json!({"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion});
    Reply::json(200, body)
}

/// The text between two lines that share a long token, such as a boundary, and call it source; all of the prompt when there is none.
fn source_of(prompt: &str) -> &str {
    const TOKEN_BYTES_MIN: usize = 8;
    let mut at = 0;
    for line in prompt.split_inclusive('\n') {
        at += line.len();
        let tokens = line.split(|c: char| !c.is_ascii_hexdigit());
        for token in
            tokens.filter(|token| token.len() >= TOKEN_BYTES_MIN && line.contains("SOURCE"))
        {
            let closing = prompt[at..].lines().find(|line| line.contains(token));
            if let Some(end) = closing.and_then(|line| prompt[at..].find(line)) {
                return &prompt[at..at + end];
            }
        }
    }
    prompt
}

/// The file that a prompt is about, as its line `File: …` names it.
fn file_of(prompt: &str) -> &str {
    let named = prompt.lines().find_map(|line| line.strip_prefix("File: "));
    named.map_or("main", |name| name.split([' ', ',']).next().unwrap_or(name))
}

/// Names that stand in a text, telling ones first, each once.
fn identifiers(source: &str) -> Vec<String> {
    let words = source.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let mut known = HashSet::new();
    let words =
        words.filter(|word| word.len() >= 4 && word.starts_with(|c: char| c.is_ascii_alphabetic()));
    let mut names: Vec<String> = words
        .filter(|word| known.insert(*word))
        .map(str::to_owned)
        .collect();
    let is_plain = |name: &String| {
        let inner_capital = name.chars().skip(1).any(|c| c.is_ascii_uppercase())
            && name.chars().any(|c| c.is_ascii_lowercase());
        !(name.contains('_') || inner_capital)
    };
    names.sort_by_key(is_plain);
    names
}

/// A value that follows a schema; strings become questions about one name after the other.
fn instance(schema: &Value, key: &str, names: &[String], file: &str, nth: &mut usize) -> Value {
    if let Some(options) = schema["enum"].as_array() {
        return options[*nth % options.len()].clone();
    }
    match schema["type"].as_str() {
        Some("object") => {
            let empty = Map::new();
            let fields = schema["properties"].as_object().unwrap_or(&empty).iter();
            fields
                .map(|(key, inner)| (key.clone(), instance(inner, key, names, file, nth)))
                .collect()
        }
        Some("array") => {
            let count = schema["maxItems"]
                .as_u64()
                .unwrap_or(3)
                .min(3)
                .max(schema["minItems"].as_u64().unwrap_or(1));
            (0..count)
                .map(|_| instance(&schema["items"], key, names, file, nth))
                .collect()
        }
        Some("integer" | "number") => schema.get("maximum").cloned().unwrap_or(json!(1)),
        Some("boolean") => json!(true),
        _ => {
            let name = names
                .get(*nth % names.len().max(1))
                .map_or("main", String::as_str);
            *nth += usize::from(key.contains("question") || key.contains("text"));
            json!(format!("What is `{name}` responsible for in {file}?"))
        }
    }
}

/// An answer that rests on names of the source, those of the question first. It names its file so often that no answer repeats one about
/// another file.
fn prose(names: &[String], file: &str, question: &str) -> String {
    let (asked, other): (Vec<_>, Vec<_>) = names
        .iter()
        .partition(|name| question.contains(&format!("`{name}`")));
    let mut named = asked.into_iter().chain(other).map(String::as_str);
    let [a, b, c] = std::array::from_fn(|_| named.next().unwrap_or("main"));
    format!(
        "`{a}` in {file} carries the main work here. In {file} it is defined next to `{b}`, which prepares what `{a}` needs, and `{c}` takes over \
         the result. When `{a}` runs, {file} looks at its input first, hands the valid part to `{b}` and returns what `{c}` expects of {file}."
    )
}
