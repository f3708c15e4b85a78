//! Git's fetch protocol, client side: just what one shallow fetch of one reference takes.
//!
//! Protocol version 2, with versions 0 and 1 as fallback (gitprotocol-v2(5), gitprotocol-pack(5), gitprotocol-http(5)), over HTTP, `ssh` and
//! TCP. Owns bytes on the network and their limits: every wait ends after [`IDLE_SECS`] without bytes or when the run is cancelled, and
//! every answer when it comes too slowly ever to be whole ([`Paced`](patience::Paced)).
//! Knows nothing of worktrees or the object database: a pack leaves as a stream of bytes.

mod advert;
mod credentials;
mod fetch;
mod http;
mod patience;
mod pipe;
mod pktline;

pub use http::install_tls_provider;

use super::error::Problem;
use super::target::{RemoteRef, Target, Wants};
use crate::domain::repo::{Address, Wanted};
use advert::{Advert, Version};
use git2::Oid;
use http::Http;
pub(super) use patience::Patience;
use pipe::Pipe;
use pktline::PacketReader;
use std::io::{Read, Write};

/// Longest wait for a connection.
pub(super) const CONNECT_SECS: u64 = 10;
/// Longest silence of a server, and the stretch over which its pace is measured.
pub(super) const IDLE_SECS: u64 = 60;

/// How this client names itself; servers look for the leading `git/`.
const AGENT: &str = concat!("git/pipeline-", env!("CARGO_PKG_VERSION"));

/// A conversation with one server about one repo.
pub(super) struct Session<'a> {
    link: Link<'a>,
    advert: Advert,
    patience: Patience<'a>,
}

enum Link<'a> {
    Http(Http<'a>),
    Pipe(Pipe<'a>),
}

impl Link<'_> {
    /// The stream that begins with the server's advertisement.
    fn advertisement(&mut self) -> Result<Box<dyn Read + '_>, Problem> {
        match self {
            Link::Http(http) => Ok(Box::new(http.advertisement()?)),
            Link::Pipe(pipe) => Ok(Box::new(pipe)),
        }
    }

    /// Sends a request; the stream that follows begins with its answer.
    fn request(&mut self, body: Vec<u8>, version: Version) -> Result<Box<dyn Read + '_>, Problem> {
        match self {
            Link::Http(http) => Ok(Box::new(http.post(body, version)?)),
            Link::Pipe(pipe) => {
                pipe.send(&body)?;
                Ok(Box::new(pipe))
            }
        }
    }

    /// A broken connection, explained by what `ssh` printed, if it did.
    fn explain(&mut self, problem: Problem) -> Problem {
        match self {
            Link::Pipe(pipe) => pipe.explain(problem),
            Link::Http(_) => problem,
        }
    }
}

/// What to ask of a server.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    /// The object wanted.
    pub want: Oid,
    /// A commit already here, whole.
    pub have: Option<Oid>,
    /// Commits here whose parents are not.
    pub shallow: Vec<Oid>,
}

impl<'a> Session<'a> {
    /// Connects and reads the advertisement.
    ///
    /// # Errors
    /// Whatever keeps the server from offering this repo.
    pub fn open(
        address: &Address,
        wanted: &Wanted,
        patience: Patience<'a>,
    ) -> Result<Self, Problem> {
        let mut link = match address {
            Address::Http { url, credentials } => {
                Link::Http(Http::new(url, credentials.clone(), patience)?)
            }
            Address::Ssh {
                destination,
                port,
                path,
            } => Link::Pipe(Pipe::ssh(destination, *port, path, patience)?),
            Address::Git { host, port, path } => {
                Link::Pipe(Pipe::tcp(host, *port, path, patience)?)
            }
            Address::Local { .. } => {
                return Err(Problem::Unsupported("a local path over the network"));
            }
        };
        let wants = Wants::new(wanted);
        let read = link
            .advertisement()
            .and_then(|stream| Advert::read(&mut packets(stream, patience), &wants));
        match read {
            Ok(advert) if advert.uses_sha1() => Ok(Session {
                link,
                advert,
                patience,
            }),
            Ok(_) => Err(Problem::Unsupported(
                "a repository with SHA-256 object names",
            )),
            Err(problem) => Err(link.explain(problem)),
        }
    }

    /// Finds what is wanted; `None` when the repo has no commits at all.
    ///
    /// # Errors
    /// When the server has no such reference, or breaks off.
    pub fn target(&mut self, wanted: &Wanted) -> Result<Option<Target>, Problem> {
        if let Some(target) = Target::pinned(wanted) {
            return Ok(Some(target));
        }
        let wants = Wants::new(wanted);
        let found = self.references(&wants)?;
        if *wanted == Wanted::DefaultBranch
            && !found.iter().any(|reference| reference.name == "HEAD")
        {
            return Target::only_branch(&self.references(&Wants::all())?);
        }
        Target::find(&found, wanted).map(Some)
    }

    fn references(&mut self, wants: &Wants) -> Result<Vec<RemoteRef>, Problem> {
        if self.advert.version != Version::Two {
            return Ok(self.advert.references.clone());
        }
        let request = advert::ls_refs_request(&self.advert, wants)?;
        let answer = self
            .link
            .request(request, self.advert.version)
            .and_then(|stream| advert::read_ls_refs(&mut packets(stream, self.patience), wants));
        answer.map_err(|problem| self.link.explain(problem))
    }

    /// Fetches the objects of `ask.want`, without history where the server can, into `pack`.
    /// Returns the commits whose parents were left out.
    ///
    /// # Errors
    /// When the server refuses or breaks off, or `pack` cannot be written.
    pub fn fetch(&mut self, ask: &Ask, pack: &mut dyn Write) -> Result<Vec<Oid>, Problem> {
        let request = fetch::request(&self.advert, ask)?;
        let version = self.advert.version;
        let deepens = self.advert.can_shallow();
        let answer = self
            .link
            .request(request, self.advert.version)
            .and_then(|stream| {
                let mut packets = packets(stream, self.patience);
                fetch::read_answer(&mut packets, version, deepens, pack)
            });
        answer.map_err(|problem| self.link.explain(problem))
    }

    /// Says goodbye, as servers on a lasting connection expect. Nothing depends on it.
    pub fn close(mut self) {
        if let Link::Pipe(pipe) = &mut self.link {
            let _ = pipe.send(pktline::FLUSH);
        }
    }
}

fn packets<R: Read>(stream: R, patience: Patience<'_>) -> PacketReader<R> {
    PacketReader::new(patience.paced(stream))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::repo::parse_list;
    use std::net::{TcpListener, TcpStream};
    use std::sync::atomic::AtomicBool;
    use std::thread;
    use std::time::Duration;

    const IDLE: Duration = Duration::from_millis(500);

    /// Hears what the client says.
    fn hear(mut socket: &TcpStream) {
        assert!(socket.read(&mut [0; 4096]).unwrap() > 0);
    }

    /// Sends one byte after the other of a frame that is never whole, and ends after ten times the longest silence.
    fn drip(mut socket: TcpStream, head: &str) {
        hear(&socket);
        let _ = socket.write_all(head.as_bytes());
        for _ in 0..200 {
            thread::sleep(IDLE / 20);
            if socket.write_all(b"0").is_err() {
                return;
            }
        }
    }

    #[test]
    fn a_server_that_drips_is_given_up_on_every_transport() {
        let table = [
            ("git", ""),
            (
                "http",
                "HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\n\r\n",
            ),
        ];
        for (scheme, head) in table {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let url = format!("{scheme}://{}/a", listener.local_addr().unwrap());
            thread::spawn(move || drip(listener.accept().unwrap().0, &format!("{head}fff0")));
            let (specs, _) = parse_list(&url);
            let cancel = AtomicBool::new(false);
            let patience = Patience::new(&cancel, IDLE);
            let problem = Session::open(&specs[0].address, &specs[0].wanted, patience).err();
            assert!(
                matches!(problem, Some(Problem::TooSlow { .. })),
                "{scheme}: {problem:?}"
            );
        }
    }

    #[test]
    fn a_server_that_counts_for_long_is_waited_for() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("git://{}/a", listener.local_addr().unwrap());
        thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            hear(&socket);
            socket.write_all(b"000eversion 2\n000afetch\n0000").unwrap();
            hear(&socket);
            let mut say = |frames: &str| socket.write_all(frames.as_bytes()).unwrap();
            say("000dpackfile\n");
            for _ in 0..24 {
                thread::sleep(IDLE / 10);
                say("0005\u{1}0011\u{2}Counting: 1\r");
            }
            say("0009\u{1}PACK0000");
            // Until the client is done.
            let _ = socket.read_to_end(&mut Vec::new());
        });
        let (specs, _) = parse_list(&url);
        let cancel = AtomicBool::new(false);
        let patience = Patience::new(&cancel, IDLE);
        let mut session = Session::open(&specs[0].address, &specs[0].wanted, patience).unwrap();
        let ask = Ask {
            want: Oid::from_bytes(&[1; 20]).unwrap(),
            have: None,
            shallow: Vec::new(),
        };
        let mut pack = Vec::new();
        session.fetch(&ask, &mut pack).unwrap();
        assert_eq!(pack, b"PACK");
    }
}
