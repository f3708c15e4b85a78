//! Drives the real program in a temporary workspace.
#![allow(missing_docs, clippy::unwrap_used)]

mod git_edge;
mod git_server;
