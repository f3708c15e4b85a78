//! Drives the real program in a temporary workspace, against real git repositories and a scripted model server on loopback.
#![allow(missing_docs, clippy::unwrap_used)]

mod budget;
mod check;
mod contamination;
mod duplicates;
mod durability;
mod export;
mod failure_table;
mod failures;
mod generation;
mod git_edge;
mod git_server;
mod judge;
mod kills;
mod licence_policy;
mod llm_edge;
mod model_server;
mod pace;
mod questions;
mod retrying;
mod scraping;
mod secrets;
mod status;
mod turns;
mod view;
mod workspace;
