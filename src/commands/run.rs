//! `pipeline run`: scrape, prepare and retry, one after the other, under one lock.

use super::{Session, prepare, retry, scrape};
use crate::cli::RunArgs;
use crate::domain::failure::Failure;
use crate::report::{Exit, GenerationSummary};
use crate::settings::GenerationSettings;
use crate::store::Store;
use serde::Serialize;
use std::collections::HashMap;

#[derive(Debug, Default, Serialize)]
struct RunSummary {
    scrape: crate::report::ScrapeSummary,
    prepare: crate::report::GenerationSummary,
    retry: crate::report::GenerationSummary,
}

/// Does all three. A repository that fails does not keep the others from being prepared; what ends `prepare` early ends the run.
pub fn execute(session: &Session, args: &RunArgs) -> anyhow::Result<Exit> {
    let settings = GenerationSettings::from_args(&args.generation)?;
    let mut summary = RunSummary::default();
    let result = steps(session, args, &settings, &mut summary);
    if args.report.json {
        super::print_json(&summary)?;
    }
    result
}

fn steps(
    session: &Session,
    args: &RunArgs,
    settings: &GenerationSettings,
    summary: &mut RunSummary,
) -> anyhow::Result<Exit> {
    let scraped = scrape::scrape(session, args.jobs, &mut summary.scrape)?;
    tracing::info!("scrape: {}", summary.scrape);
    if !matches!(scraped, Exit::Done | Exit::SomeFailed) {
        return Ok(scraped);
    }
    let failed_before = failures(session)?;
    let mut server = None;
    let prepared = prepare::prepare(session, settings, &mut server, false, &mut summary.prepare);
    tell("prepare", &summary.prepare, prepared.is_ok());
    let prepared = prepared?;
    if !matches!(prepared, Exit::Done | Exit::SomeFailed) {
        return Ok(prepared);
    }
    let retried = retry::retry(
        session,
        settings,
        &mut server,
        retry::Which::Promising,
        &mut summary.retry,
    );
    tell("retry", &summary.retry, retried.is_ok());
    let retried = retried?;
    if !matches!(retried, Exit::Done | Exit::SomeFailed) {
        return Ok(retried);
    }
    // What `prepare` could not do, `retry` may have mended; but not what it leaves alone, nor what could not be read.
    let failed = failures(session)?;
    let is_new = |(path, failure): (&String, &Failure)| failed_before.get(path) != Some(failure);
    let unread = summary.prepare.unreadable + summary.prepare.repositories_unreadable;
    if retried == Exit::Done && unread == 0 && !failed.iter().any(is_new) {
        return Ok(scraped);
    }
    session.tell_failures(match summary.prepare.exit() {
        Exit::SomeFailed => &summary.prepare,
        _ => &summary.retry,
    });
    Ok(Exit::SomeFailed)
}

/// What stands in FailedFiles: a try that fails anew changes it.
fn failures(session: &Session) -> anyhow::Result<HashMap<String, Failure>> {
    let store = Store::open(&session.workspace.dataset(), "")?;
    let failed = store.failed_files()?.into_iter();
    Ok(failed.map(|file| (file.path, file.failure)).collect())
}

/// Tells what a step did, also when it ended with an error in the middle of its work.
fn tell(step: &str, summary: &GenerationSummary, has_ended_well: bool) {
    if has_ended_well || summary.has_worked() {
        tracing::info!("{step}: {summary}");
    }
}
