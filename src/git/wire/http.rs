//! The smart HTTP transport (gitprotocol-http(5)).
//!
//! Owns the process's one HTTP client for git, redirects and authentication. TLS is rustls with the system's
//! certificates, always verified; proxies come from the environment.

use super::patience::Patience;
use super::{AGENT, CONNECT_SECS, Problem, Version, credentials};
use crate::domain::repo::Credentials;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};
use std::error::Error;
use std::io::{self, Read};
use std::sync::{Once, OnceLock};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

const REDIRECTS_MAX: usize = 5;
const REFS_SUFFIX: &str = "/info/refs";

/// Chooses the cryptography of every TLS connection of this process. Cheap after the first call.
pub fn install_tls_provider() {
    static ONCE: Once = Once::new();
    // An error means that a provider is installed already, which is what is wanted.
    ONCE.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
}

/// What all conversations of a process share: reading the system's certificates costs tens of milliseconds, and repos of one host share
/// its connections.
struct Web {
    client: Client,
    runtime: Runtime,
}

impl Web {
    fn new() -> Result<Self, Problem> {
        install_tls_provider();
        let client = Client::builder()
            .user_agent(AGENT)
            .connect_timeout(Duration::from_secs(CONNECT_SECS))
            .redirect(Policy::custom(follow))
            .build();
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let client = client.map_err(|error| connection_problem(&error))?;
        Ok(Web { client, runtime })
    }
}

fn web() -> Result<&'static Web, Problem> {
    static WEB: OnceLock<Result<Web, String>> = OnceLock::new();
    let web = WEB.get_or_init(|| Web::new().map_err(|problem| problem.to_string()));
    web.as_ref()
        .map_err(|reason| Problem::Connect(reason.clone()))
}

/// One repo on an HTTP server.
pub(super) struct Http<'a> {
    web: &'static Web,
    /// The repo's URL, without credentials and trailing slash; after a redirect, where that led.
    base: String,
    credentials: Option<Credentials>,
    patience: Patience<'a>,
}

impl<'a> Http<'a> {
    pub fn new(
        url: &str,
        credentials: Option<Credentials>,
        patience: Patience<'a>,
    ) -> Result<Self, Problem> {
        Ok(Http {
            web: web()?,
            base: url.to_owned(),
            credentials,
            patience,
        })
    }

    /// Asks for the advertisement, with credentials if the server wants them.
    pub fn advertisement(&mut self) -> Result<Body<'_>, Problem> {
        let mut response = self.get_references()?;
        self.follow_base(response.url());
        if self.finds_credentials(&response)? {
            response = self.get_references()?;
            self.follow_base(response.url());
        }
        let response = smart(response, "application/x-git-upload-pack-advertisement")?;
        Ok(self.body(response))
    }

    /// Whether an answer wants credentials and git's helpers know some that were not tried. A user without a password, `https://user@host/`, is
    /// one whose password they are asked for.
    fn finds_credentials(&mut self, response: &Response) -> Result<bool, Problem> {
        let user = match &self.credentials {
            _ if response.status() != StatusCode::UNAUTHORIZED => return Ok(false),
            None => None,
            Some(given) if given.password.is_empty() => Some(given.user.as_str()),
            Some(_) => return Ok(false),
        };
        match credentials::fill(&self.base, user, self.patience)? {
            Some(found) => self.credentials = Some(found),
            None if user.is_none() => return Err(Problem::CredentialsMissing),
            None => return Ok(false),
        }
        Ok(true)
    }

    fn get_references(&self) -> Result<Response, Problem> {
        let url = format!("{}{REFS_SUFFIX}?service=git-upload-pack", self.base);
        self.send(self.web.client.get(url).header("Git-Protocol", "version=2"))
    }

    /// Sends one request of the protocol version that the advertisement had.
    pub fn post(&mut self, body: Vec<u8>, version: Version) -> Result<Body<'_>, Problem> {
        let body = bytes::Bytes::from(body);
        let mut response = self.post_once(body.clone(), version)?;
        if self.finds_credentials(&response)? {
            response = self.post_once(body, version)?;
        }
        let response = smart(response, "application/x-git-upload-pack-result")?;
        Ok(self.body(response))
    }

    fn post_once(&self, body: bytes::Bytes, version: Version) -> Result<Response, Problem> {
        let mut request = self
            .web
            .client
            .post(format!("{}/git-upload-pack", self.base))
            .header(CONTENT_TYPE, "application/x-git-upload-pack-request")
            .header(ACCEPT, "application/x-git-upload-pack-result")
            .body(body);
        if version == Version::Two {
            request = request.header("Git-Protocol", "version=2");
        }
        self.send(request)
    }

    fn send(&self, mut request: RequestBuilder) -> Result<Response, Problem> {
        if let Some(Credentials { user, password }) = &self.credentials {
            if !is_private(&self.base) {
                return Err(Problem::CredentialsInClear);
            }
            request = request.basic_auth(user, Some(password));
        }
        self.wait(request.send())?
            .map_err(|error| connection_problem(&error))
    }

    fn wait<T>(&self, work: impl Future<Output = T>) -> Result<T, Problem> {
        self.web.runtime.block_on(async {
            tokio::select! {
                biased;
                done = work => Ok(done),
                problem = self.patience.run_out() => Err(problem),
            }
        })
    }

    /// Further requests go where the first was redirected to. Credentials stay with the server they were meant for.
    fn follow_base(&mut self, reached: &Url) {
        let mut url = reached.clone();
        let Some(path) = reached.path().strip_suffix(REFS_SUFFIX) else {
            return;
        };
        url.set_path(path);
        url.set_query(None);
        let same_server = Url::parse(&self.base).is_ok_and(|base| base.origin() == url.origin());
        if !same_server {
            self.credentials = None;
        }
        self.base = url.as_str().trim_end_matches('/').to_owned();
    }

    fn body(&self, response: Response) -> Body<'_> {
        Body {
            http: self,
            response,
            chunk: bytes::Bytes::new(),
        }
    }
}

/// Follows what git follows: only to the reference list of another address, never from https to http.
fn follow(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let downgrade = attempt.url().scheme() == "http"
        && attempt.previous().iter().any(|url| url.scheme() == "https");
    let strange =
        !attempt.url().path().ends_with(REFS_SUFFIX) || attempt.previous().len() > REDIRECTS_MAX;
    match downgrade || strange {
        true => attempt.stop(),
        false => attempt.follow(),
    }
}

/// Whether nobody on the way can read along: TLS, or no way at all.
fn is_private(base: &str) -> bool {
    let Ok(url) = Url::parse(base) else {
        return false;
    };
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let loopback = host == "localhost"
        || host
            .parse()
            .is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
    url.scheme() == "https" || loopback
}

fn smart(response: Response, content_type: &str) -> Result<Response, Problem> {
    let found = response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .map_or("", str::trim);
    match response.status() {
        StatusCode::OK if found.eq_ignore_ascii_case(content_type) => Ok(response),
        StatusCode::OK => Err(Problem::NotSmart),
        StatusCode::UNAUTHORIZED => Err(Problem::CredentialsRefused),
        StatusCode::FORBIDDEN => Err(Problem::Forbidden),
        StatusCode::NOT_FOUND | StatusCode::GONE => Err(Problem::NotFound),
        status if status.is_redirection() => Err(Problem::NotSmart),
        status => Err(Problem::HttpStatus(status.as_u16())),
    }
}

/// The innermost cause says most; the outer ones repeat the URL.
fn connection_problem(error: &reqwest::Error) -> Problem {
    let mut cause: &dyn Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    match error {
        _ if error.is_body() || error.is_decode() => Problem::Disconnected,
        _ if error.is_timeout() => {
            Problem::Connect(format!("no connection within {CONNECT_SECS} s"))
        }
        _ if error.source().is_none() => {
            Problem::Connect("the request could not be sent".to_owned())
        }
        _ => Problem::Connect(super::super::error::printable(cause.to_string())),
    }
}

/// The body of an answer, read as it arrives.
pub(super) struct Body<'a> {
    http: &'a Http<'a>,
    response: Response,
    chunk: bytes::Bytes,
}

impl Read for Body<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            let arrived = self.http.wait(self.response.chunk())?;
            match arrived.map_err(|error| connection_problem(&error))? {
                Some(chunk) => self.chunk = chunk,
                None => return Ok(0),
            }
        }
        let bytes = buffer.len().min(self.chunk.len());
        buffer[..bytes].copy_from_slice(&self.chunk.split_to(bytes));
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::sync::atomic::AtomicBool;

    #[test]
    fn credentials_travel_only_over_tls_or_loopback() {
        for base in [
            "https://h.org/a",
            "http://127.0.0.1:80/a",
            "http://localhost/a",
            "http://[::1]/a",
        ] {
            assert!(is_private(base), "{base}");
        }
        for base in [
            "http://h.org/a",
            "http://localhost.h.org/a",
            "http://127.0.0.1.h.org/a",
            "nonsense",
        ] {
            assert!(!is_private(base), "{base}");
        }
    }

    #[test]
    fn a_silent_server_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/a", listener.local_addr().unwrap());
        let cancel = AtomicBool::new(false);
        let patience = Patience::new(&cancel, Duration::from_millis(100));
        let mut http = Http::new(&url, None, patience).unwrap();
        assert!(matches!(
            http.advertisement().err(),
            Some(Problem::Stalled(_))
        ));
    }

    #[test]
    fn credentials_do_not_follow_to_another_server() {
        let cancel = AtomicBool::new(false);
        let patience = Patience::new(&cancel, Duration::from_secs(1));
        let secret = Credentials {
            user: "u".into(),
            password: "p".into(),
        };
        let mut http = Http::new("https://h.org/a", Some(secret), patience).unwrap();
        http.follow_base(
            &"https://h.org/b/info/refs?service=git-upload-pack"
                .parse()
                .unwrap(),
        );
        assert!(http.credentials.is_some() && http.base == "https://h.org/b");
        http.follow_base(&"https://other.org/b.git/info/refs".parse().unwrap());
        assert!(http.credentials.is_none() && http.base == "https://other.org/b.git");
    }
}
