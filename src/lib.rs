//! `pipeline` turns Git repositories into grounded question-and-answer training data.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod domain;
