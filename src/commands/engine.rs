//! From a source file to its samples.
//!
//! Owns the order of calls and what becomes of their results. How the model is asked is [`super::wire`]'s. It never touches the dataset.

use super::connect::Clients;
use super::cut::FileContext;
use super::neighbours::Neighbours;
use super::piece::PieceResult;
use super::stop::Signal;
use super::wire::{self, Reply, Wire};
use crate::domain::chunk::{BytesPerToken, chunk_bytes_max};
use crate::domain::failure::{FailedItem, Failure, FailureCode};
use crate::domain::sample::Sample;
use crate::domain::source::SourceFile;
use crate::llm::{Client, LlmError, Profile, Request};
use crate::report::Spend;
use crate::settings::GenerationSettings;
use crate::store::StoreError;
use futures_util::StreamExt as _;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Window assumed of a model that does not tell its own, in tokens.
pub(super) const WINDOW_ASSUMED_TOKENS: u64 = 8192;
/// Of a large window, no more than this is used: answers about a small piece are better and cheaper than about a large one.
const WINDOW_USED_TOKENS: u64 = 8192;
/// Fixed texts, repository and context around each chunk, in tokens.
pub(super) const FRAME_TOKENS: u64 = 1000;

/// Why a file was given up in the middle; it stays as it was, and what was paid for is in the cache.
#[derive(Debug, thiserror::Error)]
pub enum Halt {
    /// A signal came.
    #[error("stopped by a signal")]
    Signal(Signal),
    /// A budget is used up; the message says which.
    #[error("{0}")]
    Spent(String),
    /// No request can succeed any more.
    #[error(transparent)]
    Llm(LlmError),
    /// What was paid for cannot be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The run is ending for a reason already known.
    #[error("the run is ending")]
    Closed,
}

/// What is to be done about a file.
#[derive(Debug, Clone)]
pub enum Work {
    /// All of it, from the start.
    Whole,
    /// Only what failed before.
    Items {
        /// What failed and is to be tried again.
        items: Vec<FailedItem>,
        /// What failed and is left so.
        left: Vec<FailedItem>,
        /// Whether the file has accepted samples already.
        has_samples: bool,
        /// The questions of those samples.
        questions: Vec<String>,
    },
}

/// What a file came to.
#[derive(Debug, Default)]
pub struct Processed {
    /// Accepted samples, in the order of the file.
    pub samples: Vec<Sample>,
    /// What failed.
    pub failure: Option<Failure>,
    /// Questions and answers not accepted, by reason.
    pub rejected: BTreeMap<FailureCode, u64>,
    /// Completions taken from the cache.
    pub from_cache: u64,
    /// Whether the samples replace all that is stored about the file.
    pub is_whole: bool,
}

/// A file that was begun and is about to make its first request: until this is dropped, the request counts as one in line.
#[derive(Debug)]
pub struct Begun(Arc<Engine>);

impl Begun {
    /// Counts a file as begun.
    pub fn with(engine: &Arc<Engine>) -> Self {
        engine.client().expect();
        Begun(Arc::clone(engine))
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.0.client().expect_no_more();
    }
}

/// Everything a file task needs. Shared by all of them.
#[derive(Debug)]
pub struct Engine {
    clients: Clients,
    began_with: Profile,
    pub(super) settings: GenerationSettings,
    pub(super) run_id: String,
    wire: Wire,
    pub(super) neighbours: Neighbours,
}

impl Engine {
    /// An engine over connected clients, for files of the repositories below `repos`.
    pub fn new(
        clients: Clients,
        settings: GenerationSettings,
        wire: Wire,
        repos: PathBuf,
        run_id: &str,
    ) -> Self {
        let options = settings.select.clone();
        Engine {
            neighbours: Neighbours::new(repos, options, wire.closed()),
            began_with: clients.client.profile(),
            clients,
            run_id: run_id.to_owned(),
            wire,
            settings,
        }
    }

    /// The client of the judge, where it is another one.
    pub fn judge_client(&self) -> Option<&Client> {
        self.clients.judge.as_deref()
    }

    /// Files worked on at once, at most: each has one request to make or more, so that this many always keep the server busy.
    pub fn files_max(&self) -> usize {
        self.settings.limits.concurrency
    }

    /// Waits until another file is needed to keep the server busy. What is begun early waits in line, and takes memory meanwhile.
    pub async fn room(&self) {
        self.clients.client.room().await;
    }

    /// From now on no new request is sent; those in flight still come in and are kept.
    pub fn close(&self) {
        self.wire.close();
    }

    /// Like [`close`](Engine::close), and ends what waits for its turn or for its next attempt.
    pub fn give_up(&self) {
        self.close();
        self.clients.client.close();
    }

    /// Why completions could not be kept, if that has happened. Told once.
    pub fn take_lost(&self) -> Option<StoreError> {
        self.wire.take_lost()
    }

    /// What was spent so far.
    pub fn spend(&self) -> Spend {
        Spend::from(self.clients.client.snapshot())
    }

    /// The client.
    pub fn client(&self) -> &Client {
        &self.clients.client
    }

    /// What was known about the endpoint when the run began. Chunks are cut by this alone, so that all files of a run, and of the one
    /// that goes on after a kill, are cut alike.
    pub fn began_with(&self) -> &Profile {
        &self.began_with
    }

    /// Bytes of a chunk that leave room in the model's window for the rest of a request.
    fn chunk_bytes_max(&self) -> usize {
        let window = self
            .began_with
            .window()
            .map_or(WINDOW_ASSUMED_TOKENS, u64::from)
            .min(WINDOW_USED_TOKENS);
        let reserved = FRAME_TOKENS + u64::from(self.settings.answer_tokens_max).min(window / 3);
        chunk_bytes_max(window, reserved, self.bytes_per_token())
    }

    fn bytes_per_token(&self) -> BytesPerToken {
        BytesPerToken::measured(self.began_with.bytes_per_token)
    }

    /// Works on one file.
    pub async fn process(
        &self,
        file: &SourceFile,
        work: &Work,
        begun: Begun,
    ) -> Result<Processed, Halt> {
        let context = FileContext::of(file, work, self.settings.questions);
        let bytes_max = self.chunk_bytes_max();
        let known = context.pieces(work, bytes_max);
        let is_whole = known.is_none() || matches!(work, Work::Whole);
        let pieces = known.unwrap_or_else(|| context.whole(bytes_max));
        drop(begun);
        let results: Vec<_> = futures_util::stream::iter(pieces)
            // On the heap: the stream keeps room for two.
            .map(|piece| Box::pin(self.piece(&context, piece)))
            .buffered(self.files_max())
            .collect()
            .await;
        // Every piece has ended before the first halt is looked at: what was in flight is in the cache by now.
        let results = results.into_iter().collect::<Result<Vec<_>, Halt>>()?;
        let mut processed = match work {
            Work::Items {
                left, has_samples, ..
            } if !is_whole => sum_up(results, left.clone(), *has_samples),
            _ => sum_up(results, Vec::new(), false),
        };
        processed.is_whole = is_whole;
        processed.from_cache = context.from_cache.into_inner();
        Ok(processed)
    }

    /// Asks the model, or takes the answer from the cache. `is_usable` tells whether a completion is worth keeping.
    pub(super) async fn ask(
        &self,
        request: Request,
        is_usable: impl Fn(&str) -> bool + Send + 'static,
    ) -> Result<Reply, Halt> {
        self.wire
            .ask(&self.clients.client, request, is_usable)
            .await
    }

    /// Whether even a harmless question is blocked, which has nothing to do with what files hold.
    pub(super) async fn is_shut_out(&self) -> Result<bool, Halt> {
        let client = Arc::clone(&self.clients.client);
        let asked = self.wire.run(async move { client.is_shut_out().await });
        asked.await.map_err(wire::halt)
    }

    /// Asks the judge, in the same way.
    pub(super) async fn ask_judge(
        &self,
        request: Request,
        is_usable: impl Fn(&str) -> bool + Send + 'static,
    ) -> Result<Reply, Halt> {
        let Clients { client, judge } = &self.clients;
        let client = judge.as_ref().unwrap_or(client);
        self.wire.ask(client, request, is_usable).await
    }
}

fn sum_up(results: Vec<PieceResult>, mut failed: Vec<FailedItem>, had_samples: bool) -> Processed {
    let mut processed = Processed::default();
    for result in results {
        processed.samples.extend(result.samples);
        failed.extend(result.failed);
        for code in result.rejected {
            *processed.rejected.entry(code).or_default() += 1;
        }
    }
    let has_samples = had_samples || !processed.samples.is_empty();
    if !failed.is_empty() || !has_samples {
        processed.failure = Some(failure(failed, has_samples, processed.samples.len()));
    }
    processed
}

/// The reason that is stored: the one that all items share, else that they failed in part or altogether.
pub(super) fn failure(items: Vec<FailedItem>, has_samples: bool, stored: usize) -> Failure {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for item in &items {
        *counts.entry(item.code.as_str()).or_default() += 1;
    }
    let reasons: Vec<_> = counts
        .iter()
        .map(|(code, count)| format!("{code} {count}"))
        .collect();
    let code = match (has_samples, items.first()) {
        (true, _) => FailureCode::Partly,
        (false, Some(first)) if counts.len() == 1 => first.code,
        (false, _) => FailureCode::NothingAccepted,
    };
    let mut message = format!(
        "{stored} stored, {} failed: {}",
        items.len(),
        reasons.join(", ")
    );
    if items.iter().any(|item| item.code == FailureCode::Blocked) {
        message += &format!("; {}", FailureCode::Blocked.meaning());
    }
    Failure {
        code,
        message,
        items,
    }
}
