//! A repo: where it is fetched from, which of its commits is wanted, and which folder below `repos/` is its own.
//!
//! Owns the grammar of `repos.txt` and the mapping from an address to a folder. Text in, values out: nothing here
//! looks at the disk or the network, so a line that reads well may still name something that does not exist.

mod address;
mod authority;
mod deny;
mod id;
mod list;
mod reference;

pub use address::{Address, AddressError, Credentials};
pub use deny::{BadDenyLine, DenyList};
pub use id::RepoId;
pub use list::{BadLine, LineProblem, parse_list};
pub use reference::{ReferenceError, Wanted};

/// One line of `repos.txt`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepoSpec {
    /// Line number in the list, from 1.
    pub line: usize,
    /// The folder below `repos/`.
    pub id: RepoId,
    /// Where to fetch from.
    pub address: Address,
    /// What to fetch.
    pub wanted: Wanted,
}

impl RepoSpec {
    /// The address without credentials, for provenance and messages.
    pub fn public_url(&self) -> String {
        self.address.public_url()
    }
}
