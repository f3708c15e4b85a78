//! `pipeline scrape`: clones or updates every repository in `repos.txt`, several at once. One that fails never stops the others.

use super::{Session, repos};
use crate::cli::ScrapeArgs;
use crate::domain::repo::RepoSpec;
use crate::git::{self, Change, GitError, Synced};
use crate::report::{Exit, ScrapeSummary, plural};
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError, mpsc};

/// Does it, and reports.
pub fn execute(session: &Session, args: &ScrapeArgs) -> anyhow::Result<Exit> {
    let mut summary = ScrapeSummary::default();
    let exit = scrape(session, args.jobs, &mut summary)?;
    session.report(&summary, &args.report)?;
    Ok(exit)
}

/// Syncs the listed repositories with `jobs` threads, counting into `summary`.
pub fn scrape(session: &Session, jobs: u16, summary: &mut ScrapeSummary) -> anyhow::Result<Exit> {
    let list = repos::listed(&session.workspace)?;
    session.told.bad(&list.bad);
    summary.failed += list.bad.len() as u64;
    summary.repositories += (list.bad.len() + list.specs.len()) as u64;
    if summary.repositories == 0 {
        tracing::warn!("repos.txt lists no repository; write one URL a line into it");
    }
    for problem in git::remove_leftovers(&session.workspace.repos()) {
        tracing::warn!("{problem}");
    }
    let waiting = Mutex::new(VecDeque::from(list.specs));
    let (sender, results) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            let sender = sender.clone();
            scope.spawn(|| work(session, &waiting, sender));
        }
        drop(sender);
        for (spec, result) in results {
            if !matches!(&result, Ok(synced) if synced.commit.is_some()) {
                session.told.not_had(&spec);
            }
            count(&spec, result, summary);
        }
    });
    summary.untried += waiting
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner)
        .len() as u64;
    Ok(session
        .signals
        .seen()
        .map_or_else(|| summary.exit(), super::stop::Signal::exit))
}

fn work(
    session: &Session,
    waiting: &Mutex<VecDeque<RepoSpec>>,
    results: mpsc::Sender<(RepoSpec, Result<Synced, GitError>)>,
) {
    let next = || {
        waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front()
    };
    while session.signals.seen().is_none()
        && let Some(spec) = next()
    {
        let result = git::sync(
            &session.workspace.repos(),
            &spec,
            session.signals.flag(),
            &|_| {},
        );
        if results.send((spec, result)).is_err() {
            return;
        }
    }
}

fn count(spec: &RepoSpec, result: Result<Synced, GitError>, summary: &mut ScrapeSummary) {
    let synced = match result {
        Ok(synced) => synced,
        Err(GitError {
            problem: git::Problem::Cancelled,
            ..
        }) => {
            summary.untried += 1;
            return;
        }
        Err(error) => {
            summary.failed += 1;
            tracing::error!("{error}");
            return;
        }
    };
    let commit = synced
        .commit
        .as_deref()
        .map_or("", |commit| commit.get(..10).unwrap_or(commit));
    let (counter, done) = match &synced.change {
        Change::Cloned => (&mut summary.cloned, format!("cloned at {commit}")),
        Change::Updated { .. } => (&mut summary.updated, format!("updated to {commit}")),
        Change::Restored { files: 0 } => (&mut summary.updated, format!("restored to {commit}")),
        Change::Restored { files } => {
            let files = plural(*files as u64, "changed file", "changed files");
            (
                &mut summary.updated,
                format!("{files} restored to {commit}"),
            )
        }
        Change::Unchanged => (&mut summary.unchanged, format!("unchanged at {commit}")),
        Change::Empty => (&mut summary.empty, "has no commits yet".to_owned()),
    };
    *counter += 1;
    match synced.change {
        Change::Unchanged => tracing::debug!("{}: {done}", spec.public_url()),
        _ => tracing::info!("{}: {done}", spec.public_url()),
    }
}
