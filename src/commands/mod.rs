//! One file a subcommand, and what they share. The only place where edges meet.

mod alongside;
mod answer;
mod before;
mod benchmarks;
mod breaker;
mod check;
mod connect;
mod conversation;
mod copies;
mod cut;
mod drive;
mod engine;
mod export;
mod intake;
mod judging;
mod keeper;
mod late;
mod licences;
mod neighbours;
mod outlook;
mod piece;
mod plan;
mod prepare;
mod progress;
mod questions;
mod repos;
mod retry;
mod row;
mod run;
mod scan;
mod scan_one;
mod scrape;
mod screen;
mod sieve;
mod source;
mod status;
mod stop;
mod threads;
mod view;
mod wire;

use crate::cli::{Cli, Command, GlobalArgs, ReportArgs};
use crate::export::ExportError;
use crate::llm::{LlmError, RunStop};
use crate::logging::{self, Screen, Talk};
use crate::report::{Exit, GenerationSummary};
use crate::settings::SettingsError;
use crate::workspace::{Lock, Workspace, WorkspaceError};
use anyhow::Context as _;
use std::fmt::Display;
use stop::Signals;
use tracing_appender::non_blocking::WorkerGuard;

/// Runs the command and says how the process should end.
pub fn dispatch(cli: &Cli) -> anyhow::Result<Exit> {
    let global = &cli.global;
    match &cli.command {
        Command::Scrape(args) => scrape::execute(&Session::begin(global, "scrape")?, args),
        Command::Prepare(args) if args.dry_run => plan::execute(&Session::look(global)?, args),
        Command::Prepare(args) => prepare::execute(&Session::begin(global, "prepare")?, args),
        Command::Retry(args) => retry::execute(&Session::begin(global, "retry")?, args),
        Command::Run(args) => run::execute(&Session::begin(global, "run")?, args),
        Command::Check(args) => {
            check::execute(&Workspace::open(&global.workspace)?, args, global.quiet)
        }
        Command::Export(args) => {
            export::execute(&Workspace::look(&global.workspace)?, args, global.quiet)
        }
        Command::View(args) => view::execute(&Workspace::look(&global.workspace)?, args),
        Command::Status(args) => status::execute(&Workspace::look(&global.workspace)?, args),
    }
}

/// The exit code that an error asks for.
pub fn exit_of(error: &anyhow::Error) -> Exit {
    match error.downcast_ref() {
        Some(WorkspaceError::Locked { .. }) => return Exit::Locked,
        Some(WorkspaceError::Missing(_)) => return Exit::Usage,
        Some(WorkspaceError::Io { .. } | WorkspaceError::NoFolder(_)) | None => {}
    }
    let is_refusal = matches!(error.downcast_ref(), Some(ExportError::NotOurs(_)));
    if error.is::<SettingsError>() || error.is::<export::Refusal>() || is_refusal {
        return Exit::Usage;
    }
    match error
        .downcast_ref::<LlmError>()
        .and_then(LlmError::run_stop)
    {
        Some(stop) => exit_of_stop(stop),
        None => Exit::Internal,
    }
}

fn exit_of_stop(stop: RunStop) -> Exit {
    match stop {
        RunStop::NoEndpoint => Exit::NoEndpoint,
        RunStop::Closed => Exit::Internal,
        RunStop::Settings | RunStop::ModelChoice | RunStop::ModelUnknown => Exit::Usage,
        RunStop::Credentials | RunStop::Quota => Exit::Refused,
        RunStop::WaitTooLong
        | RunStop::EndpointWrong
        | RunStop::NoneServed
        | RunStop::EndpointDead => Exit::Unreachable,
        RunStop::Spent(_) => Exit::Budget,
    }
}

/// One writing run: its workspace under lock, its log, its signals.
#[derive(Debug)]
struct Session {
    workspace: Workspace,
    run_id: String,
    screen: Screen,
    signals: Signals,
    quiet: bool,
    told: repos::Told,
    _log: WorkerGuard,
    _lock: Option<Lock>,
}

impl Session {
    /// Takes the lock and begins the log.
    fn begin(global: &GlobalArgs, command: &str) -> anyhow::Result<Self> {
        let workspace = Workspace::open(&global.workspace)?;
        let lock = workspace.lock(&format!("pipeline {command} since {} UTC", now()))?;
        Self::start(workspace, global, command, Some(lock))
    }

    /// A run that only looks: no lock.
    fn look(global: &GlobalArgs) -> anyhow::Result<Self> {
        Self::start(Workspace::open(&global.workspace)?, global, "plan", None)
    }

    fn start(
        workspace: Workspace,
        global: &GlobalArgs,
        command: &str,
        lock: Option<Lock>,
    ) -> anyhow::Result<Self> {
        let talk = match (global.quiet, global.verbose) {
            (true, _) => Talk::Quiet,
            (false, 0) => Talk::Normal,
            (false, 1) => Talk::Verbose,
            (false, _) => Talk::Debug,
        };
        let screen = Screen::default();
        let run_id = run_id();
        let stamp = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
        let log = logging::start(
            &workspace,
            &format!("{stamp}-{command}-{run_id}"),
            talk,
            &screen,
        )?;
        let signals = Signals::listen().context("cannot listen for signals")?;
        Ok(Session {
            workspace,
            run_id,
            screen,
            signals,
            quiet: global.quiet,
            told: repos::Told::default(),
            _log: log,
            _lock: lock,
        })
    }

    /// With `-q`, says on one line that some of the work failed; without it, the summary has.
    fn tell_failures(&self, summary: &GenerationSummary) {
        if self.quiet {
            let line = summary.headline();
            tracing::error!("{line}; `pipeline view --failed` and logs/latest tell why");
        }
    }

    /// Prints a result: JSON on stdout when asked for, else for people on stderr.
    fn report(
        &self,
        summary: &(impl Display + serde::Serialize),
        args: &ReportArgs,
    ) -> anyhow::Result<()> {
        tracing::info!("{summary}");
        if args.json {
            print_json(summary)?;
        }
        Ok(())
    }
}

fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(value)?;
    screen::to_stdout(|out| writeln!(out, "{text}"))
}

/// UTC, `YYYY-MM-DD HH:MM:SS`: the form of every stored time.
fn now() -> String {
    stored_time(now_secs())
}

/// The same of a time in seconds since 1970.
fn stored_time(secs: i64) -> String {
    let time = jiff::Timestamp::from_second(secs).unwrap_or_default();
    time.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// Seconds since 1970.
fn now_secs() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// Nanoseconds since 1970, as file systems count them.
fn now_nanos() -> i64 {
    i64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX)
}

/// Eight hex digits that tell the runs of one workspace apart.
fn run_id() -> String {
    let nanos = jiff::Timestamp::now().subsec_nanosecond().cast_unsigned();
    format!("{:08x}", nanos ^ std::process::id().rotate_left(16))
}
