//! Drives the real program in a temporary workspace.
#![allow(missing_docs, clippy::unwrap_used)]

#[test]
fn t() {}
