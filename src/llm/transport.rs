//! HTTP: one exchange at a time, bounded in time and in memory.
//!
//! Owns the reqwest client, the time-outs and the cap on bodies. It neither judges a response nor tries again.

use super::body::WireBody;
use super::connector::FewConnections;
use super::endpoint::{Address, Limits};
use super::error::{LlmError, RunStop};
use super::secret::Secret;
use crate::domain::failure::FailureCode;
use bytes::{Bytes, BytesMut};
use reqwest::header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, Response, Url};
use std::error::Error;
use std::sync::OnceLock;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Of a response that is no good one, so much is read: its words are at the front.
const ERROR_BYTES_MAX: usize = 64 << 10;

/// A whole response, whatever its status; the body of one that is no good one may be cut.
#[derive(Debug)]
pub(super) struct Exchange {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Whether the rest of the body was left on the wire, and the connection with it.
    cut: bool,
}

/// Why there is no whole response.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Broken {
    pub code: FailureCode,
    pub message: String,
    /// Whether there was a connection to break.
    pub connected: bool,
    /// Whether a response had begun: someone is there.
    pub heard: bool,
}

impl Broken {
    fn new(code: FailureCode, message: String) -> Self {
        Broken {
            code,
            message,
            connected: true,
            heard: false,
        }
    }
}

/// The sending side of one endpoint.
#[derive(Debug)]
pub(super) struct Transport {
    http: reqwest::Client,
    connections: FewConnections,
    idle_timeout: Duration,
    total_timeout: Duration,
    body_bytes_max: usize,
}

impl Transport {
    pub fn new(address: &Address, key: Option<&Secret>, limits: &Limits) -> Result<Self, LlmError> {
        install_crypto();
        let connections = FewConnections::new(limits.concurrency);
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("pipeline/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers(key)?)
            // One request, one connection: the limit in flight is the limit of connections, and one reset costs one request.
            .http1_only()
            .pool_max_idle_per_host(limits.concurrency)
            .connector_layer(connections.clone())
            .connect_timeout(limits.connect_timeout)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .tcp_nodelay(true);
        if address.loopback {
            builder = builder.no_proxy();
            if address.chat.scheme() == "http" {
                // To read the system's certificates takes as long as everything else before the first request.
                builder = builder.tls_certs_only([]);
            }
        }
        let settings = |error: reqwest::Error| {
            LlmError::stop(RunStop::Settings, format!("HTTP client: {}", cause(&error)))
        };
        Ok(Transport {
            http: builder.build().map_err(settings)?,
            connections,
            idle_timeout: limits.idle_timeout,
            total_timeout: limits.total_timeout,
            body_bytes_max: limits.body_bytes_max,
        })
    }

    pub async fn post(&self, url: &Url, body: WireBody) -> Result<Exchange, Broken> {
        let mut request = reqwest::Request::new(Method::POST, url.clone());
        let content_type = HeaderValue::from_static("application/json");
        request.headers_mut().insert(CONTENT_TYPE, content_type);
        *request.body_mut() = Some(reqwest::Body::wrap(body));
        self.exchange(request, self.total_timeout).await
    }

    pub async fn get(&self, url: &Url, total_timeout: Duration) -> Result<Exchange, Broken> {
        self.exchange(
            reqwest::Request::new(Method::GET, url.clone()),
            total_timeout,
        )
        .await
    }

    async fn exchange(
        &self,
        request: reqwest::Request,
        total: Duration,
    ) -> Result<Exchange, Broken> {
        let exchanged = self.send_and_read(request, total).await;
        let gone = match &exchanged {
            Ok(exchange) => exchange.cut || closes(&exchange.headers),
            // A connection that was never made is not counted.
            Err(broken) => broken.connected,
        };
        if gone {
            self.connections.lost();
        }
        exchanged
    }

    async fn send_and_read(
        &self,
        request: reqwest::Request,
        total: Duration,
    ) -> Result<Exchange, Broken> {
        let deadline = Instant::now() + total.min(self.total_timeout);
        let mut response = match timeout_at(deadline, self.http.execute(request)).await {
            Ok(sent) => sent.map_err(broken)?,
            Err(_) => return Err(timed_out("no response", total)),
        };
        let read = self.read_body(&mut response, deadline).await;
        let (body, cut) = read.map_err(|broken| Broken {
            heard: true,
            ..broken
        })?;
        Ok(Exchange {
            status: response.status().as_u16(),
            cut,
            headers: std::mem::take(response.headers_mut()),
            body,
        })
    }

    /// Reads to the end, decompressed, within the cap; says whether it stopped there. A body that comes in one piece is not copied.
    async fn read_body(
        &self,
        response: &mut Response,
        deadline: Instant,
    ) -> Result<(Bytes, bool), Broken> {
        let is_good = response.status().is_success();
        let most = match is_good {
            true => self.body_bytes_max,
            false => ERROR_BYTES_MAX,
        };
        let told = response.content_length().unwrap_or(0);
        if is_good && told > most as u64 {
            return Err(too_large(most));
        }
        let Some(first) = self.read_piece(response, deadline).await? else {
            return Ok((Bytes::new(), false));
        };
        let mut joined = BytesMut::new();
        let mut seen = first.len();
        while seen <= most
            && let Some(piece) = self.read_piece(response, deadline).await?
        {
            seen += piece.len();
            if joined.is_empty() {
                joined.reserve(most.min(seen.max(told as usize)));
                joined.extend_from_slice(&first);
            }
            joined.extend_from_slice(&piece);
        }
        let mut body = match joined.is_empty() {
            true => first,
            false => joined.freeze(),
        };
        if seen > most && is_good {
            return Err(too_large(most));
        }
        body.truncate(most);
        Ok((body, seen > most))
    }

    async fn read_piece(
        &self,
        response: &mut Response,
        deadline: Instant,
    ) -> Result<Option<Bytes>, Broken> {
        let idle = Instant::now() + self.idle_timeout;
        match timeout_at(deadline.min(idle), response.chunk()).await {
            Ok(piece) => piece.map_err(broken),
            Err(_) if idle < deadline => Err(timed_out("the response stalled", self.idle_timeout)),
            Err(_) => Err(timed_out("the response was not whole", self.total_timeout)),
        }
    }
}

/// Whether the server says that it closes the connection behind this response.
fn closes(headers: &HeaderMap) -> bool {
    let said = headers.get(CONNECTION).map(HeaderValue::as_bytes);
    said.is_some_and(|said| said.eq_ignore_ascii_case(b"close"))
}

fn headers(key: Option<&Secret>) -> Result<HeaderMap, LlmError> {
    let mut headers = HeaderMap::new();
    if let Some(key) = key {
        let bearer = format!("Bearer {}", key.expose());
        let mut value = HeaderValue::from_str(&bearer).map_err(|_| {
            LlmError::stop(
                RunStop::Settings,
                "the API key holds characters that no HTTP header can carry",
            )
        })?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(headers)
}

fn too_large(most: usize) -> Broken {
    let message = format!("the response is larger than {most} bytes");
    Broken::new(FailureCode::ResponseTooLarge, message)
}

fn timed_out(what: &str, after: Duration) -> Broken {
    Broken::new(
        FailureCode::Timeout,
        format!("{what} within {} s", after.as_secs_f64()),
    )
}

fn broken(error: reqwest::Error) -> Broken {
    let code = if error.is_timeout() {
        FailureCode::Timeout
    } else {
        FailureCode::Connection
    };
    let what = if error.is_connect() {
        "cannot connect"
    } else {
        "the connection broke"
    };
    Broken {
        connected: !error.is_connect(),
        ..Broken::new(code, format!("{what}: {}", cause(&error)))
    }
}

/// The innermost cause: the outer ones only repeat that something failed, and name the URL.
fn cause(error: &reqwest::Error) -> String {
    let mut innermost: &dyn Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// rustls has no default provider in this build; the first client brings ring.
fn install_crypto() {
    static INSTALLED: OnceLock<()> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        // Fails only when the process has a provider already, which is then as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}
