//! The part of a URL between its scheme and its path: who, which host, which port.
//!
//! Owns which hosts, ports and users are accepted.

use super::address::{AddressError, Credentials, percent_decoded};

/// `user:password@host:port`, taken apart.
pub(super) struct Authority<'a> {
    userinfo: Option<&'a str>,
    /// An IPv6 address has its brackets.
    pub host: &'a str,
    pub port: Option<u16>,
}

impl<'a> Authority<'a> {
    pub fn parse(text: &'a str) -> Result<Self, AddressError> {
        if text.contains(['?', '#']) {
            return Err(AddressError::Query);
        }
        let (userinfo, place) = match text.rsplit_once('@') {
            Some((userinfo, place)) => (Some(userinfo), place),
            None => (None, text),
        };
        let after_bracket = place.find(']').unwrap_or(0);
        let (host, port) = match place[after_bracket..].find(':') {
            Some(at) => (
                &place[..after_bracket + at],
                Some(&place[after_bracket + at + 1..]),
            ),
            None => (place, None),
        };
        if !is_host(host) {
            return Err(AddressError::BadHost);
        }
        let port = port.map(parse_port).transpose()?;
        Ok(Authority {
            userinfo,
            host,
            port,
        })
    }

    pub fn credentials(&self) -> Option<Credentials> {
        let (user, password) = self
            .userinfo
            .map(|text| text.split_once(':').unwrap_or((text, "")))?;
        let text = |part: &str| String::from_utf8_lossy(&percent_decoded(part)).into_owned();
        Some(Credentials {
            user: text(user),
            password: text(password),
        })
    }

    /// What `ssh` is told to connect to. A password has no place there and is dropped.
    pub fn destination(&self) -> Result<String, AddressError> {
        let host = self.host.trim_matches(['[', ']']);
        let Some(userinfo) = self.userinfo else {
            return Ok(host.to_owned());
        };
        let user = userinfo.split(':').next().unwrap_or_default();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+".contains(&byte);
        if user.is_empty() || user.starts_with('-') || !user.bytes().all(plain) {
            return Err(AddressError::BadUser);
        }
        Ok(format!("{user}@{host}"))
    }
}

fn parse_port(text: &str) -> Result<u16, AddressError> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let port = text.parse().ok().filter(|&port: &u16| digits && port != 0);
    port.ok_or(AddressError::BadPort)
}

fn is_host(host: &str) -> bool {
    if let Some(inner) = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        return inner.parse::<std::net::Ipv6Addr>().is_ok();
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    host.starts_with(|first: char| first.is_ascii_alphanumeric()) && host.bytes().all(plain)
}
