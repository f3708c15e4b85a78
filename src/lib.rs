//! `pipeline` turns Git repositories into grounded question-and-answer training data.
//!
//! # The house
//!
//! Data flows one way: repository -> file -> chunk -> prompt -> completion -> sample -> row.
//!
//! | place | owns |
//! |---|---|
//! | [`cli`], [`settings`] | the command line, and what it means after checking |
//! | [`workspace`], [`logging`], [`report`] | the folders and the lock; what is said; what a run came to |
//! | `commands` | one file a subcommand, and the one bounded loop they share: the only place where edges meet |
//! | [`domain`] | the rules, pure: values in, values out |
//! | `fail_point` | where a test of a debug build can end the process; open to every part, empty in a release build |
//! | [`git`], [`walk`], [`llm`], [`store`], [`export`] | the edges: the network of repositories, the disk, the model server, SQLite, trainers |
//!
//! An edge never imports another edge. An edge may import `domain`; `domain` imports nothing of the house.
//!
//! # What always holds
//!
//! - A file is new, done, partly done or failed, and no change between these is split over transactions.
//! - A usable completion is committed to the cache before anything is made of it; a kill cannot lose it.
//! - Content that was processed is not sent again by `prepare`; `retry` asks only for what failed.
//! - What ends a run (no server, a refused key, a used-up budget) leaves the files it did not finish as they were.
//! - Rows of a file are retired only when its repository is there and readable.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod cli;
mod commands;
pub mod domain;
pub mod export;
mod fail_point;
pub mod git;
pub mod llm;
pub mod logging;
pub mod report;
pub mod settings;
pub mod store;
pub mod walk;
pub mod workspace;

pub use commands::exit_of;

/// Runs one command line to its end.
pub fn run(cli: &cli::Cli) -> anyhow::Result<report::Exit> {
    commands::dispatch(cli)
}
