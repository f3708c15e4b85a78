//! Finding a model server on this machine when none is configured.
//!
//! Owns the usual addresses and the probe: a list of models, nothing more; no chat is sent and no key.

use super::endpoint::{Address, Endpoint, Limits};
use super::models::{self, ListedModel};
use super::transport::Transport;
use futures_util::future::join_all;
use std::time::Duration;

/// A server program and the port it listens on unless told otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalServer {
    /// For people.
    pub name: &'static str,
    /// On the loopback address.
    pub port: u16,
}

/// The servers looked for, most specific port first.
pub const LOCAL_SERVERS: [LocalServer; 4] = [
    LocalServer {
        name: "Ollama",
        port: 11434,
    },
    LocalServer {
        name: "LM Studio",
        port: 1234,
    },
    LocalServer {
        name: "llama.cpp",
        port: 8080,
    },
    LocalServer {
        name: "vLLM",
        port: 8000,
    },
];

/// A server that answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Which one.
    pub server: LocalServer,
    /// To connect to.
    pub base_url: String,
    /// What it has.
    pub models: Vec<ListedModel>,
}

/// Asks all `servers` at once for their models. Those that answered come back in the given order; the first is the one to take.
pub async fn discover(servers: &[LocalServer]) -> Vec<Found> {
    join_all(servers.iter().copied().map(probe))
        .await
        .into_iter()
        .flatten()
        .collect()
}

async fn probe(server: LocalServer) -> Option<Found> {
    const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);
    const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
    let base_url = format!("http://127.0.0.1:{}/v1", server.port);
    let address = Address::parse(&base_url).ok()?;
    let limits = Limits {
        connect_timeout: CONNECT_TIMEOUT,
        concurrency: 1,
        ..Limits::default()
    };
    let transport = Transport::new(&address, None, &limits).ok()?;
    let exchange = transport.get(&address.models, ANSWER_TIMEOUT).await.ok()?;
    let models = models::read_list(&exchange.body).filter(|_| exchange.status == 200)?;
    Some(Found {
        server,
        base_url,
        models,
    })
}

impl Found {
    /// The endpoint to connect to, without a key.
    pub fn endpoint(&self, model: Option<String>) -> Endpoint {
        Endpoint {
            base_url: self.base_url.clone(),
            api_key: None,
            model,
        }
    }
}
