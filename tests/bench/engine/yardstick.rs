//! The yardstick: what tokio, reqwest and SQLite cost when there is nothing else to do.
//!
//! A process of its own. It sends the recorded bodies in their order, so many at a time, reads of each answer what anybody would need, and
//! stores it in a table, in one transaction of `synchronous=FULL` every 250 ms. It knows all its requests beforehand, makes none itself and checks nothing.

use rusqlite::Connection;
use serde::Deserialize;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

const GROUP_TIME: Duration = Duration::from_millis(250);

#[derive(Deserialize)]
struct Answer {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    content: String,
}

/// Runs to the end: `bodies` to `url`, `concurrency` at a time, into `database`.
pub fn run(bodies: &Path, url: &str, concurrency: usize, database: &Path, synchronous: &str) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let connection = Connection::open(database).unwrap();
    connection
        .pragma_update(None, "journal_mode", "WAL")
        .unwrap();
    connection
        .pragma_update(None, "synchronous", synchronous)
        .unwrap();
    connection
        .execute_batch("CREATE TABLE answers (nth INTEGER PRIMARY KEY, content TEXT NOT NULL)")
        .unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let client = reqwest::Client::builder()
        .http1_only()
        .no_proxy()
        .tcp_nodelay(true)
        .pool_max_idle_per_host(concurrency)
        .build()
        .unwrap();
    let source = Arc::new(Mutex::new((0, BufReader::new(File::open(bodies).unwrap()))));
    let (sender, answers) = mpsc::channel(4096);
    for _ in 0..concurrency {
        runtime.spawn(work(
            client.clone(),
            url.to_owned(),
            Arc::clone(&source),
            sender.clone(),
        ));
    }
    drop(sender);
    store(connection, answers);
}

async fn work(
    client: reqwest::Client,
    url: String,
    source: Arc<Mutex<(u64, BufReader<File>)>>,
    sender: mpsc::Sender<(u64, String)>,
) {
    while let Some((nth, body)) = next(&source) {
        let response = client
            .post(&url)
            .header("content-type", "application/json")
            .body(body)
            .send()
            .await
            .unwrap();
        let answer: Answer = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
        let content = answer.choices.into_iter().next().unwrap().message.content;
        sender.send((nth, content)).await.unwrap();
    }
}

fn next(source: &Mutex<(u64, BufReader<File>)>) -> Option<(u64, Vec<u8>)> {
    let mut source = source.lock().unwrap();
    let mut length = [0; 4];
    source.1.read_exact(&mut length).ok()?;
    let mut body = vec![0; u32::from_le_bytes(length) as usize];
    source.1.read_exact(&mut body).unwrap();
    source.0 += 1;
    Some((source.0, body))
}

fn store(mut connection: Connection, mut answers: mpsc::Receiver<(u64, String)>) {
    let mut open = true;
    while open {
        let Some(first) = answers.blocking_recv() else {
            break;
        };
        let mut group = vec![first];
        let due = Instant::now() + GROUP_TIME;
        while Instant::now() < due {
            match answers.try_recv() {
                Ok(one) => group.push(one),
                Err(mpsc::error::TryRecvError::Disconnected) => {
                    open = false;
                    break;
                }
                Err(mpsc::error::TryRecvError::Empty) => {
                    std::thread::sleep(Duration::from_millis(10))
                }
            }
        }
        let transaction = connection.transaction().unwrap();
        for (nth, content) in &group {
            transaction
                .prepare_cached("INSERT INTO answers VALUES (?1, ?2)")
                .unwrap()
                .execute((nth, content))
                .unwrap();
        }
        transaction.commit().unwrap();
    }
}
