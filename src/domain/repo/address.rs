//! Addresses: the forms git knows, read strictly.
//!
//! The accepted characters are few on purpose: whatever reads the same address later (an HTTP client, `ssh`) cannot
//! understand another host or path than the one the folder was derived from.

use super::authority::Authority;
use super::id::{RepoId, host_part};
use std::fmt;

/// Where a repo is fetched from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// `https://` or `http://`.
    Http {
        /// The address without credentials and without trailing slashes.
        url: String,
        /// User and password found in the line.
        credentials: Option<Credentials>,
    },
    /// `ssh://` or the scp-like `user@host:path`.
    Ssh {
        /// `user@host` or `host`, as `ssh` takes it. Never begins with `-`.
        destination: String,
        /// Port, when the line names one.
        port: Option<u16>,
        /// Path as the server sees it: absolute, `~user/…`, or relative to the home folder.
        path: String,
    },
    /// `git://`.
    Git {
        /// Host name or bracketed IPv6 address.
        host: String,
        /// Port; 9418 unless the line says otherwise.
        port: u16,
        /// Absolute path on the server.
        path: String,
    },
    /// `file://`, or a path.
    Local {
        /// The folder; a relative one is relative to the workspace.
        path: String,
    },
}

/// User and password for one address. Shown nowhere, not even by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user; may be empty where only a token counts.
    pub user: String,
    /// The password or token; may be empty.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(hidden)")
    }
}

/// Why an address is refused. Messages name the cure and never repeat the address, which may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It would be read as an option by a program it is handed to.
    #[error("begins with '-'; write the whole URL")]
    OptionLike,
    /// `ext::`, `fd::` and the like run programs of the line's choice.
    #[error("remote helpers ('name::address') are not supported; use https, ssh, git or file")]
    RemoteHelper,
    /// No transport of that name.
    #[error("the scheme is not supported; use https, http, ssh, git or file")]
    UnknownScheme,
    /// The host is missing or holds characters that no host name has.
    #[error("the host name is missing or malformed (write international names in punycode)")]
    BadHost,
    /// The port is no number from 1 to 65535.
    #[error("the port is not a number from 1 to 65535")]
    BadPort,
    /// The user name could be read as something else.
    #[error("the user name is malformed")]
    BadUser,
    /// A character that URLs of repos do not have.
    #[error("holds a control character or a backslash; escape it as %XX")]
    BadCharacter,
    /// `?` or `#`.
    #[error(
        "a query or fragment ('?', '#') is not part of a repo's URL; remove it, or escape it as %3F or %23"
    )]
    Query,
    /// `bob:secret@host/x`, `https//host/x`: read as what they look like, they would show a password or ask another host.
    #[error(
        "looks like a URL whose scheme is missing or misspelt; write https://, ssh:// or file:// in full"
    )]
    Schemeless,
    /// Nothing would name the folder.
    #[error("names no repo; add the path of one")]
    NoName,
    /// `.` or `..` would leave the folder.
    #[error("holds a '.' or '..' segment; write the path without it")]
    DotSegment,
    /// `.git` cannot be a folder's name.
    #[error("holds a '.git' segment; name the folder that contains it")]
    DotGit,
    /// `~` is the shell's word.
    #[error("'~' is not expanded; write the whole path")]
    Home,
    /// A name is longer than file systems allow.
    #[error("holds a name longer than 255 bytes")]
    TooLong,
}

impl Address {
    /// Reads one address and derives the folder it is kept in.
    ///
    /// # Errors
    /// When the form is not supported or the folder could leave `repos/`.
    pub fn parse(text: &str) -> Result<(Self, RepoId), AddressError> {
        if text.starts_with('-') {
            return Err(AddressError::OptionLike);
        }
        if text.contains('\\') || text.chars().any(char::is_control) {
            return Err(AddressError::BadCharacter);
        }
        if let Some((scheme, rest)) = text.split_once("://") {
            return parse_url(&scheme.to_ascii_lowercase(), rest);
        }
        match text.split_once(':') {
            Some((_, rest)) if rest.starts_with(':') => Err(AddressError::RemoteHelper),
            Some((destination, path)) if !destination.contains('/') => parse_scp(destination, path),
            _ => parse_path(text),
        }
    }

    /// The address without credentials, for provenance and messages.
    pub fn public_url(&self) -> String {
        match self {
            Address::Http { url, .. } => url.clone(),
            Address::Ssh {
                destination,
                port: None,
                path,
            } if !path.starts_with('/') => format!("{destination}:{path}"),
            Address::Ssh {
                destination,
                port,
                path,
            } => {
                let port = port.map(|port| format!(":{port}")).unwrap_or_default();
                let root = if path.starts_with('/') { "" } else { "/" };
                let destination = bracketed(destination);
                format!("ssh://{destination}{port}{root}{path}")
            }
            Address::Git {
                host,
                port: 9418,
                path,
            } => format!("git://{host}{path}"),
            Address::Git { host, port, path } => format!("git://{host}:{port}{path}"),
            Address::Local { path } if Address::parse(path).is_ok() => path.clone(),
            // A path that would be read as something else.
            Address::Local { path } => {
                format!("file://{}", path.replace('%', "%25").replace(':', "%3A"))
            }
        }
    }
}

/// `user@host` as it stands in a URL, where an IPv6 address has brackets.
fn bracketed(destination: &str) -> String {
    let (user, host) = match destination.rsplit_once('@') {
        Some((user, host)) => (format!("{user}@"), host),
        None => (String::new(), destination),
    };
    match host.contains(':') {
        true => format!("{user}[{host}]"),
        false => destination.to_owned(),
    }
}

fn parse_url(scheme: &str, rest: &str) -> Result<(Address, RepoId), AddressError> {
    if scheme.contains("::") {
        return Err(AddressError::RemoteHelper);
    }
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    match scheme {
        "http" | "https" => parse_http(scheme, Authority::parse(authority)?, path),
        "ssh" | "git+ssh" | "ssh+git" => parse_ssh(&Authority::parse(authority)?, path),
        "git" => parse_git(&Authority::parse(authority)?, path),
        "file" => parse_file(authority, path),
        _ => Err(AddressError::UnknownScheme),
    }
}

fn parse_http(
    scheme: &str,
    authority: Authority<'_>,
    path: &str,
) -> Result<(Address, RepoId), AddressError> {
    if path.contains(['?', '#']) {
        return Err(AddressError::Query);
    }
    let own_port = if scheme == "https" { 443 } else { 80 };
    let port = authority.port.filter(|&port| port != own_port);
    let id = RepoId::new(&host_part(authority.host, port), &percent_decoded(path))?;
    let host = authority.host.to_ascii_lowercase();
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    let url = format!("{scheme}://{host}{port}{}", path.trim_end_matches('/'));
    let credentials = authority.credentials();
    Ok((Address::Http { url, credentials }, id))
}

fn parse_ssh(authority: &Authority<'_>, path: &str) -> Result<(Address, RepoId), AddressError> {
    // git sends `/~user/x` as `~user/x`, so that the server's shell finds the home folder.
    let path = path
        .strip_prefix('/')
        .filter(|rest| rest.starts_with('~'))
        .unwrap_or(path);
    let path = decoded_text(path)?;
    let id = RepoId::new(
        &host_part(authority.host, authority.port.filter(|&port| port != 22)),
        path.as_bytes(),
    )?;
    let destination = authority.destination()?;
    Ok((
        Address::Ssh {
            destination,
            port: authority.port,
            path,
        },
        id,
    ))
}

fn parse_scp(destination: &str, path: &str) -> Result<(Address, RepoId), AddressError> {
    let authority = Authority::parse(destination)?;
    if path.starts_with('-') {
        return Err(AddressError::OptionLike);
    }
    let first = path.split('/').next().unwrap_or_default();
    if is_scheme(authority.host) || first.contains('@') {
        return Err(AddressError::Schemeless);
    }
    let id = RepoId::new(&host_part(authority.host, None), path.as_bytes())?;
    let destination = authority.destination()?;
    Ok((
        Address::Ssh {
            destination,
            port: None,
            path: path.to_owned(),
        },
        id,
    ))
}

fn parse_git(authority: &Authority<'_>, path: &str) -> Result<(Address, RepoId), AddressError> {
    let path = decoded_text(path)?;
    let id = RepoId::new(
        &host_part(authority.host, authority.port.filter(|&port| port != 9418)),
        path.as_bytes(),
    )?;
    let host = authority.host.to_ascii_lowercase();
    Ok((
        Address::Git {
            host,
            port: authority.port.unwrap_or(9418),
            path,
        },
        id,
    ))
}

fn parse_file(authority: &str, path: &str) -> Result<(Address, RepoId), AddressError> {
    if !matches!(authority, "" | "localhost") {
        return Err(AddressError::BadHost);
    }
    let path = decoded_text(path)?;
    let id = RepoId::new("localhost", path.as_bytes())?;
    Ok((Address::Local { path }, id))
}

/// Whether a word is the web's scheme without its `://`. A host or folder may well be called `git`.
fn is_scheme(word: &str) -> bool {
    let word = word.trim_end_matches(':');
    ["http", "https"]
        .iter()
        .any(|scheme| word.eq_ignore_ascii_case(scheme))
}

/// A path keeps the folder it had when the workspace moves: leading `.` and `..` do not enter the id.
fn parse_path(path: &str) -> Result<(Address, RepoId), AddressError> {
    if path.starts_with('~') {
        return Err(AddressError::Home);
    }
    let has_credentials = |name: &str| {
        name.split_once(':')
            .is_some_and(|(_, rest)| rest.contains('@'))
    };
    let mut names = path.split('/');
    if names.clone().next().is_some_and(is_scheme) || names.any(has_credentials) {
        return Err(AddressError::Schemeless);
    }
    let mut inner = path;
    while let Some(rest) = ["./", "../"]
        .iter()
        .find_map(|step| inner.strip_prefix(step))
    {
        inner = rest.trim_start_matches('/');
    }
    let id = match inner.trim_end_matches('/') {
        "." | "" if !path.starts_with('/') => RepoId::new("localhost", b"workspace")?,
        name => RepoId::new("localhost", name.as_bytes())?,
    };
    Ok((
        Address::Local {
            path: path.to_owned(),
        },
        id,
    ))
}

fn decoded_text(path: &str) -> Result<String, AddressError> {
    let text = String::from_utf8(percent_decoded(path)).map_err(|_| AddressError::BadCharacter)?;
    if text.chars().any(char::is_control) {
        return Err(AddressError::BadCharacter);
    }
    Ok(text)
}

/// Undoes `%XX`; a `%` that starts no escape stands for itself.
pub(super) fn percent_decoded(text: &str) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let escape = tail.get(..2).filter(|_| first == b'%').and_then(hex_byte);
        decoded.push(escape.unwrap_or(first));
        rest = if escape.is_some() { &tail[2..] } else { tail };
    }
    decoded
}

fn hex_byte(digits: &[u8]) -> Option<u8> {
    digits.iter().try_fold(0, |value: u8, &digit| {
        let digit = char::from(digit).to_digit(16)?;
        Some(value << 4 | u8::try_from(digit).ok()?)
    })
}
