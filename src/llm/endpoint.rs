//! Where the model server is, and how far a client may go with it.
//!
//! Owns the reading of a base URL and the rule that credentials leave the machine only over TLS. It opens nothing.

use super::budget::Budget;
use super::error::{LlmError, RunStop};
use super::secret::Secret;
use reqwest::Url;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// The server as the user named it.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Such as `https://api.example.com/v1`; the version segment is added when there is no path at all.
    pub base_url: String,
    /// Sent as a bearer token.
    pub api_key: Option<Secret>,
    /// The model to ask; `None` takes the only one that the server lists.
    pub model: Option<String>,
}

/// Bounds of one client. Every default is the number of DESIGN section 6.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Most requests in flight, and most connections.
    pub concurrency: usize,
    /// For a connection, TLS included.
    pub connect_timeout: Duration,
    /// Longest silence inside a response that has begun. The wait for its head is bounded by `total_timeout` alone: a
    /// server that does not stream says nothing while it generates.
    pub idle_timeout: Duration,
    /// For one attempt, from sending to the last byte.
    pub total_timeout: Duration,
    /// Largest response body, after decompression.
    pub body_bytes_max: usize,
    /// Tries of one request, the first included.
    pub attempts_max: u32,
    /// Upper bound of the first back-off; it doubles with every attempt.
    pub backoff_first: Duration,
    /// Upper bound of any back-off that we choose.
    pub backoff_max: Duration,
    /// Longest wait a server may ask for; a longer one ends the run instead.
    pub wait_max: Duration,
    /// How long a server that has served is waited for when it is away. A restart that loads a large model takes minutes at most.
    pub outage_max: Duration,
    /// Requests a minute that the user allows.
    pub requests_per_minute: Option<u32>,
    /// Prompt and completion tokens a minute that the user allows.
    pub tokens_per_minute: Option<u32>,
    /// Lets a key travel unencrypted to another machine.
    pub allow_plain_http: bool,
    /// What the run may spend; shared by all clients of the run.
    pub budget: Arc<Budget>,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            concurrency: 16,
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            total_timeout: Duration::from_secs(300),
            // The most tokens that an answer may have, 131,072, at 16 bytes each.
            body_bytes_max: 2 << 20,
            attempts_max: 5,
            backoff_first: Duration::from_millis(500),
            backoff_max: Duration::from_secs(30),
            wait_max: Duration::from_secs(120),
            outage_max: Duration::from_secs(300),
            requests_per_minute: None,
            tokens_per_minute: None,
            allow_plain_http: false,
            budget: Arc::default(),
        }
    }
}

/// The addresses below one base URL.
#[derive(Debug, Clone)]
pub(super) struct Address {
    pub base: String,
    pub chat: Url,
    pub models: Url,
    /// llama.cpp's own properties; they stand beside the version segment, not below it.
    pub props: Url,
    pub loopback: bool,
}

impl Address {
    /// Reads a base URL as people write it: with or without `/v1`, a trailing slash, or the full path of the chat call.
    pub fn parse(text: &str) -> Result<Self, LlmError> {
        let refuse = |why: &str| {
            Err(LlmError::stop(
                RunStop::Settings,
                format!("base URL '{}' {why}", without_userinfo(text)),
            ))
        };
        let Ok(mut base) = Url::parse(text.trim()) else {
            return refuse("is not a URL; write it like https://host/v1");
        };
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
            return refuse("must start with http:// or https://");
        }
        if !base.username().is_empty() || base.password().is_some() {
            return refuse("holds credentials; give the key by OPENAI_API_KEY or --api-key-file");
        }
        base.set_fragment(None);
        let path = base.path().trim_end_matches('/');
        let path = path.strip_suffix("/chat/completions").unwrap_or(path);
        let path = if path.is_empty() { "/v1" } else { path }.to_owned();
        let root = path.strip_suffix("/v1").unwrap_or(&path).to_owned();
        let below = |path: String| {
            let mut url = base.clone();
            url.set_path(&path);
            url
        };
        Ok(Address {
            base: below(path.clone()).to_string(),
            chat: below(format!("{path}/chat/completions")),
            models: below(format!("{path}/models")),
            props: below(format!("{root}/props")),
            loopback: is_loopback(base.host_str().unwrap_or_default()),
        })
    }

    /// Refuses to send a key in clear text to another machine.
    pub fn check_key(&self, key: Option<&Secret>, allow_plain_http: bool) -> Result<(), LlmError> {
        if key.is_none() || self.chat.scheme() == "https" || self.loopback || allow_plain_http {
            return Ok(());
        }
        let message = format!(
            "{} would carry the API key unencrypted; use https, or --allow-plain-http if the network is yours",
            self.base
        );
        Err(LlmError::stop(RunStop::Settings, message))
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.ends_with(".localhost")
        || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn without_userinfo(text: &str) -> String {
    match (text.find("://"), text.rfind('@')) {
        (Some(scheme), Some(at)) if at > scheme => {
            format!("{}{}", &text[..scheme + 3], &text[at + 1..])
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls_are_read_as_people_write_them() {
        let table = [
            (
                "http://127.0.0.1:8080",
                "http://127.0.0.1:8080/v1/chat/completions",
            ),
            (
                "http://127.0.0.1:8080/v1/",
                "http://127.0.0.1:8080/v1/chat/completions",
            ),
            ("https://h/api/v1", "https://h/api/v1/chat/completions"),
            ("https://h/openai", "https://h/openai/chat/completions"),
            (
                "https://h/v1/chat/completions",
                "https://h/v1/chat/completions",
            ),
            (
                "https://h/deployments/m?api-version=1",
                "https://h/deployments/m/chat/completions?api-version=1",
            ),
        ];
        for (text, chat) in table {
            assert_eq!(Address::parse(text).unwrap().chat.as_str(), chat);
        }
        assert_eq!(Address::parse("http://h:1").unwrap().props.path(), "/props");
    }

    #[test]
    fn bad_base_urls_are_refused_without_showing_their_credentials() {
        for text in [
            "",
            "localhost:8080",
            "ftp://h",
            "http://",
            "https://me:hunter22@h/v1",
        ] {
            let error = Address::parse(text).unwrap_err();
            assert!(!error.to_string().contains("hunter22"), "{error}");
        }
    }

    #[test]
    fn a_key_travels_in_clear_text_only_to_this_machine() {
        let key = Secret::new("sk-12345678");
        let table = [
            ("https://h", true),
            ("http://h", false),
            ("http://10.0.0.1", false),
            ("http://localhost:1", true),
            ("http://127.8.0.1", true),
            ("http://[::1]:1", true),
            ("http://localhost.example.com", false),
        ];
        for (url, allowed) in table {
            let address = Address::parse(url).unwrap();
            assert_eq!(
                address.check_key(key.as_ref(), false).is_ok(),
                allowed,
                "{url}"
            );
            assert!(address.check_key(key.as_ref(), true).is_ok());
            assert!(address.check_key(None, false).is_ok());
        }
    }
}
