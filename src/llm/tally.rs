//! What one request has come to so far.
//!
//! Owns the counts. When they mean that its attempts are used up is [`super::attempt`]'s and [`super::outage`]'s to say.

use super::classify::Absence;
use super::completion::Usage;
use crate::domain::failure::FailureCode;
use std::time::Duration;
use tokio::time::Instant;

/// What one request has cost so far.
#[derive(Debug)]
pub(super) struct Tally {
    pub began: Instant,
    pub attempts: u32,
    /// Attempts that failed and might have passed, since the server was last found to be away.
    pub failures: u32,
    /// When the last of them was.
    pub failed_at: Option<Instant>,
    /// Whether the server was there just before the last attempt that is left.
    pub is_vouched_for: bool,
    pub usage: Usage,
}

impl Tally {
    /// Nothing done yet.
    pub fn new() -> Self {
        Tally {
            began: Instant::now(),
            failed_at: None,
            attempts: 0,
            failures: 0,
            is_vouched_for: false,
            usage: Usage::default(),
        }
    }
}

/// A failure that might pass.
#[derive(Debug)]
pub(super) struct Setback {
    pub code: FailureCode,
    /// The wait that the server asked for.
    pub wait: Option<Duration>,
    pub pressed: bool,
    pub absence: Absence,
    /// Tries after which the request is given up if others are served, the first included.
    pub attempts_max: u32,
    pub message: String,
}
