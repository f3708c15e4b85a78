//! The git edge: brings repos onto this disk and reads what git knows about them.
//!
//! git2 (libgit2) is the object database and the index. The network is our own small client of git's fetch protocol
//! (`wire`): libgit2 would need OpenSSL for https, speaks only protocol version 0 and cannot be given another transport without unsafe code. No hook,
//! filter, submodule or setting of user or system takes part in a checkout.
//!
//! Three entrances: [`sync()`] writes, [`open_snapshot`] and [`file_at`] read. It must not know what the files are for.

mod attributes;
mod blob;
mod checkout;
mod committed;
mod copy;
mod error;
mod local;
mod packs;
mod place;
mod snapshot;
mod sync;
mod target;
mod tree;
mod wire;
mod worktree;

pub use attributes::Attributes;
pub use blob::file_at;
pub use error::{GitError, Problem};
pub use place::{is_passing, remove_leftovers};
pub use snapshot::{Snapshot, TrackedKind, open_snapshot, tracked_count};
pub use sync::{Change, Progress, Synced, sync};
pub use wire::install_tls_provider;
