//! The deny-list: repositories and owners about which nothing is sent or exported.
//!
//! A list of text lines, read whole; one line that cannot be understood refuses the list, for a deny-list that is half understood protects
//! nobody.

use super::{Address, AddressError};
use crate::domain::path;

/// Owners and repositories by their folders below `repos/`, in lower case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DenyList {
    folders: Vec<Vec<u8>>,
}

/// A line that names no owner and no repository.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}; write host/owner, host/owner/name or the URL of a repository")]
pub struct BadDenyLine {
    /// Line number, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: AddressError,
}

impl DenyList {
    /// Reads a list: one `host/owner`, `host/owner/name` or URL a line; `#` begins a comment.
    ///
    /// # Errors
    /// The first line that is none of these.
    pub fn parse(text: &str) -> Result<Self, BadDenyLine> {
        let mut folders = Vec::new();
        for (line, number) in text.trim_start_matches('\u{feff}').lines().zip(1..) {
            let word = line.split('#').next().unwrap_or_default().trim();
            if !word.is_empty() {
                let folder = folder_of(word).map_err(|problem| BadDenyLine {
                    line: number,
                    problem,
                })?;
                folders.push(folder.to_ascii_lowercase().into_bytes());
            }
        }
        Ok(DenyList { folders })
    }

    /// Whether a stored path, of a repository or of a file in one, lies under an entry. Case does not count: the large hosts know
    /// one owner or repository by any case of its name.
    pub fn denies(&self, stored_path: &str) -> bool {
        if self.folders.is_empty() {
            return false;
        }
        let path = path::decode(stored_path);
        self.folders.iter().any(|folder| {
            path.len() >= folder.len()
                && path[..folder.len()].eq_ignore_ascii_case(folder)
                && matches!(path.get(folder.len()), None | Some(b'/'))
        })
    }
}

/// `github.com/owner` reads as the address of a folder on that host, which it is.
fn folder_of(word: &str) -> Result<String, AddressError> {
    let is_address = word.contains(':');
    let (_, id) = if is_address {
        Address::parse(word)?
    } else {
        Address::parse(&format!("https://{}", word.trim_end_matches('/')))?
    };
    Ok(id.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_and_repositories_are_denied_and_their_neighbours_are_not() {
        let list = "\u{feff}# not these\nGitHub.com/Acme   # all of it\ngitlab.com/group/sub/tool/\n\nhttps://example.org:8443/a/b.git\n\
                    git@host.net:me/dots.git\nfile:///srv/git/mine\n";
        let list = DenyList::parse(list).unwrap();
        for denied in [
            "github.com/acme/x",
            "github.com/ACME/x/src/a.rs",
            "gitlab.com/group/sub/tool",
            "gitlab.com/group/sub/tool/a.py",
            "example.org+8443/a/b",
            "host.net/me/dots",
            "localhost/srv/git/mine/x.c",
        ] {
            assert!(list.denies(denied), "{denied}");
        }
        for free in [
            "github.com/acmex/x",
            "github.com",
            "gitlab.com/group/sub/tools",
            "example.org/a/b",
            "localhost/srv/git",
        ] {
            assert!(!list.denies(free), "{free}");
        }
        assert!(!DenyList::default().denies("github.com/acme/x"));
    }

    #[test]
    fn a_line_that_names_nothing_refuses_the_list() {
        for line in ["github.com", "ext::sh -c x", "https://", "-x", "a/../b"] {
            let error = DenyList::parse(&format!("# head\n{line}\n")).unwrap_err();
            assert_eq!(error.line, 2, "{line}");
            assert!(error.to_string().contains("host/owner"), "{error}");
        }
    }
}
