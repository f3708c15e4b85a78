//! The folder of a repo below `repos/`, derived from its address.

use super::address::AddressError;
use std::fmt;

/// Longest name of one folder, in bytes: what ext4, APFS and XFS all hold.
const COMPONENT_BYTES_MAX: usize = 255;

/// `<host>/<owner…>/<name>`: unique to an address, safe as a path, free of credentials.
///
/// Every component keeps letters, digits and `._-+~@=,`; any other byte stands as `%XX`. A port other than the scheme's own follows the
/// host after a `+`, which no host name can hold. No component is empty, `.`, `..` or `.git`, and the first begins with a letter, a digit or `%`,
/// so dot-names directly below `repos/` stay free for the program.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepoId(String);

impl RepoId {
    /// Builds the id from a host part and the decoded bytes of the path. Empty components are dropped, as is one `.git` at the end:
    /// as a suffix, or as the folder in a worktree.
    pub(super) fn new(host: &str, path: &[u8]) -> Result<Self, AddressError> {
        let parts: Vec<&[u8]> = path
            .split(|&byte| byte == b'/')
            .filter(|part| !part.is_empty())
            .collect();
        let parts = match &parts[..] {
            [outer @ .., b".git"] if !outer.is_empty() => outer,
            all => all,
        };
        let (last, owners) = parts.split_last().ok_or(AddressError::NoName)?;
        let mut text = host.to_owned();
        for part in owners {
            push_component(&mut text, part)?;
        }
        push_component(&mut text, last.strip_suffix(b".git").unwrap_or(last))?;
        Ok(RepoId(text))
    }

    /// The relative path, '/'-separated.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The ids that would be folders around this one, outermost first.
    pub(super) fn ancestors(&self) -> impl Iterator<Item = &str> {
        self.0.match_indices('/').map(|(at, _)| &self.0[..at])
    }
}

impl fmt::Display for RepoId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The host part of an id: lower case, with the port when it is not the scheme's own.
pub(super) fn host_part(host: &str, port: Option<u16>) -> String {
    let mut text = String::new();
    push_safe(
        &mut text,
        host.trim_matches(['[', ']'])
            .to_ascii_lowercase()
            .as_bytes(),
    );
    if let Some(port) = port {
        text.push_str(&format!("+{port}"));
    }
    text
}

fn push_component(text: &mut String, part: &[u8]) -> Result<(), AddressError> {
    match part {
        b"" => return Err(AddressError::NoName),
        b"." | b".." => return Err(AddressError::DotSegment),
        _ if part.eq_ignore_ascii_case(b".git") => return Err(AddressError::DotGit),
        _ => text.push('/'),
    }
    let start = text.len();
    push_safe(text, part);
    if text.len() - start > COMPONENT_BYTES_MAX {
        return Err(AddressError::TooLong);
    }
    Ok(())
}

fn push_safe(text: &mut String, bytes: &[u8]) {
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"._-+~@=,".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
}
