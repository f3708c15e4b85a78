#![cfg_attr(test, allow(clippy::unwrap_used))]
pub mod domain;
pub mod store;
pub mod workspace;
