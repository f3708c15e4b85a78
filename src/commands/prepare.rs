//! `pipeline prepare`: samples for new and changed files; rows of vanished files retired. And its dry run, which only plans.

use super::Session;
use super::connect::Server;
use super::intake;
use super::scan;
use crate::cli::PrepareArgs;
use crate::report::{Exit, GenerationSummary};
use crate::settings::GenerationSettings;

/// Does it, and reports.
pub fn execute(session: &Session, args: &PrepareArgs) -> anyhow::Result<Exit> {
    let settings = GenerationSettings::from_args(&args.generation)?;
    let mut summary = GenerationSummary::default();
    let result = prepare(session, &settings, &mut None, args.refresh, &mut summary);
    if result.is_ok() || summary.has_worked() {
        session.report(&summary, &args.report)?;
    }
    if matches!(result, Ok(Exit::SomeFailed)) {
        session.tell_failures(&summary);
    }
    result
}

/// Works on every new or changed file, with `refresh` on unchanged ones too, counting into `summary`.
pub fn prepare(
    session: &Session,
    settings: &GenerationSettings,
    server: &mut Option<Server>,
    refresh: bool,
    summary: &mut GenerationSummary,
) -> anyhow::Result<Exit> {
    intake::generate(session, settings, server, summary, |finder| {
        scan::scan(finder, refresh)
    })
}
