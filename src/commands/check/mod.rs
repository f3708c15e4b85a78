//! `pipeline check`: every thing that must hold before money is spent, each line with what was found and its cure.
//!
//! Owns the lines, their order, and the exit code they come to. It changes no row of the dataset and takes no lock; what it learns about
//! the server is remembered, so that the first run pays nothing for it.

mod local;
mod server;

use crate::cli::CheckArgs;
use crate::report::{Exit, Spend, plural};
use crate::settings::EndpointSettings;
use crate::workspace::Workspace;
use serde::{Serialize, Serializer};
use std::fmt;

/// How one thing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// As it should be.
    Ok,
    /// A run works, not as well as it could.
    Warn,
    /// A run cannot work, and would end with this code.
    Fail(Exit),
}

impl State {
    fn as_str(self) -> &'static str {
        match self {
            State::Ok => "ok",
            State::Warn => "warn",
            State::Fail(_) => "fail",
        }
    }
}

impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Line {
    /// Stable: scripts may look for it.
    name: &'static str,
    state: State,
    /// What was found.
    found: String,
    /// What to do about it; null when nothing needs to be done.
    cure: Option<String>,
}

impl Line {
    fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Line {
            name,
            state: State::Ok,
            found: found.into(),
            cure: None,
        }
    }

    fn warn(name: &'static str, found: impl Into<String>, cure: impl Into<String>) -> Self {
        Line {
            state: State::Warn,
            cure: Some(cure.into()),
            ..Line::ok(name, found)
        }
    }

    fn fail(
        name: &'static str,
        exit: Exit,
        found: impl Into<String>,
        cure: impl Into<String>,
    ) -> Self {
        Line {
            state: State::Fail(exit),
            ..Line::warn(name, found, cure)
        }
    }

    /// A failure whose message names its own cure.
    fn error(name: &'static str, exit: Exit, error: &dyn fmt::Display) -> Self {
        Line {
            state: State::Fail(exit),
            ..Line::ok(name, error.to_string())
        }
    }
}

/// `ok    name: found`, and the cure below.
impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (state, name) = (self.state.as_str(), self.name.replace('_', " "));
        let found = crate::logging::printable(&self.found);
        write!(f, "{state:<5} {name}: {found}")?;
        match &self.cure {
            Some(cure) => write!(f, "\n      -> {}", crate::logging::printable(cure)),
            None => Ok(()),
        }
    }
}

/// Everything that was looked at.
#[derive(Debug, Serialize)]
struct Examination {
    checks: Vec<Line>,
    ok: usize,
    warn: usize,
    fail: usize,
    /// What the questions to the server cost.
    spend: Spend,
}

impl Examination {
    fn new(checks: Vec<Line>, spend: Spend) -> Self {
        let count = |state: &str| {
            let same = checks.iter().filter(|line| line.state.as_str() == state);
            same.count()
        };
        Examination {
            ok: count("ok"),
            warn: count("warn"),
            fail: count("fail"),
            spend,
            checks,
        }
    }

    /// The first failure decides: those behind it may follow from it.
    fn exit(&self) -> Exit {
        let failures = self.checks.iter().map(|line| match line.state {
            State::Fail(exit) => Some(exit),
            State::Ok | State::Warn => None,
        });
        failures.flatten().next().unwrap_or(Exit::Done)
    }
}

/// Looks, and prints what was found. With `quiet`, only what needs doing.
pub fn execute(workspace: &Workspace, args: &CheckArgs, quiet: bool) -> anyhow::Result<Exit> {
    let mut checks = local::look(workspace);
    let mut spend = Spend::default();
    match EndpointSettings::from_args(args) {
        Ok(settings) => {
            let looked = server::look(workspace, &settings)?;
            checks.extend(looked.lines);
            spend = looked.spend;
        }
        Err(error) => checks.push(Line::error("settings", Exit::Usage, &error)),
    }
    let examination = Examination::new(checks, spend);
    if args.report.json {
        super::print_json(&examination)?;
    } else {
        print(&examination, quiet);
    }
    Ok(examination.exit())
}

fn print(examination: &Examination, quiet: bool) {
    let shown = |line: &&Line| !quiet || line.state != State::Ok;
    for line in examination.checks.iter().filter(shown) {
        println!("{line}");
    }
    if !quiet {
        let Examination {
            ok,
            warn,
            fail,
            spend,
            ..
        } = examination;
        println!(
            "{}: {ok} ok, {warn} warn, {fail} fail; {spend}",
            plural(examination.checks.len() as u64, "check", "checks"),
        );
    }
}
