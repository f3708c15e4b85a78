//! The one way to ask the model: the cache first, then the server; what was paid for is stored before it is used.
//!
//! Owns where requests wait, leave and come back: on a thread of their own, where nothing computes. An answer keeps its place on the wire
//! until it is stored, so a place would stay empty for as long as its answer waits for a thread that parses or checks. It never touches the
//! dataset, and judges no answer.

use super::engine::Halt;
use crate::domain::failure::FailureCode;
use crate::fail_point::{Point, reach};
use crate::llm::{Client, Completion, ErrorClass, LlmError, Request, RunStop};
use crate::store::{Cache, StoreError};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::{Builder, Handle, Runtime};

/// One answered call.
#[derive(Debug)]
pub(super) struct Answered {
    pub completion: Completion,
    pub from_cache: bool,
}

/// A call that gave nothing to use, for a reason that concerns this call alone.
#[derive(Debug)]
pub(super) enum Refused {
    /// The prompt does not fit the model's window.
    TooLong,
    /// Anything else.
    Failed(FailureCode),
}

/// What a call came to, unless it ended the run.
pub(super) type Reply = Result<Answered, Refused>;

/// The runtime that requests run on: one thread. It must be dropped outside of asynchronous code.
pub(super) fn runtime() -> std::io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("wire")
        .enable_all()
        .build()
}

/// Asks the models of one run. Clones share all.
#[derive(Debug, Clone)]
pub(super) struct Wire {
    runtime: Handle,
    cache: Cache,
    closed: Arc<AtomicBool>,
    lost: Arc<Mutex<Option<StoreError>>>,
}

impl Wire {
    pub fn new(runtime: Handle, cache: Cache) -> Self {
        Wire {
            runtime,
            cache,
            closed: Arc::default(),
            lost: Arc::default(),
        }
    }

    /// The cache that is asked first.
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// From now on no new request is sent; those in flight still come in and are kept.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    /// Set once no new request is sent.
    pub fn closed(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.closed)
    }

    /// Why completions could not be kept, if that has happened. Told once.
    pub fn take_lost(&self) -> Option<StoreError> {
        self.lost
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// Asks the model of `client`, or takes the answer from the cache. `is_usable` tells whether a completion is worth keeping. A request
    /// whose asker is gone still comes in and is kept, as long as the runtime lives.
    pub async fn ask(
        &self,
        client: &Arc<Client>,
        request: Request,
        is_usable: impl Fn(&str) -> bool + Send + 'static,
    ) -> Result<Reply, Halt> {
        let (wire, client) = (self.clone(), Arc::clone(client));
        self.run(async move { wire.ask_here(&client, &request, is_usable).await })
            .await
    }

    /// Does on the thread of requests what makes connections: they are served where they were made. Begins at once: whoever waits holds no
    /// room for the work, which is large.
    pub fn run<W>(&self, work: W) -> impl Future<Output = W::Output> + use<W>
    where
        W: Future<Output: Send> + Send + 'static,
    {
        let task = self.runtime.spawn(work);
        async move {
            match task.await {
                Ok(done) => done,
                Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                // The runtime is being dropped; whoever waits here has ended before.
                Err(_) => std::future::pending().await,
            }
        }
    }

    async fn ask_here(
        &self,
        client: &Client,
        request: &Request,
        is_usable: impl Fn(&str) -> bool,
    ) -> Result<Reply, Halt> {
        let key = request.cache_key(client.model());
        let cached = self.cache.response(key).await?;
        if let Some(completion) = cached.and_then(|json| serde_json::from_str(&json).ok()) {
            return Ok(Ok(Answered {
                completion,
                from_cache: true,
            }));
        }
        if self.closed.load(Ordering::Relaxed) {
            return Err(Halt::Closed);
        }
        // Held until it is stored: a kill costs no more completions than requests may be in flight.
        let held = match client.hold(request).await {
            Ok(held) => held,
            Err(error) => return refuse(error),
        };
        reach(Point::Response);
        if is_usable(&held.completion.text)
            && let Ok(json) = serde_json::to_string(&held.completion)
        {
            let kept = self.cache.keep_response(key, json).await;
            kept.map_err(|error| self.lose(client, error))?;
        }
        Ok(Ok(Answered {
            completion: held.completion,
            from_cache: false,
        }))
    }

    /// A completion that cannot be kept is paid for in vain, and so would be the next ones.
    fn lose(&self, client: &Client, error: StoreError) -> Halt {
        self.lost
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert(error);
        self.close();
        client.close();
        Halt::Closed
    }
}

/// What an error of the run ends it as.
pub(super) fn halt(error: LlmError) -> Halt {
    match error.run_stop() {
        Some(RunStop::Closed) => Halt::Closed,
        Some(RunStop::Spent(_)) => Halt::Spent(error.message),
        _ => Halt::Llm(error),
    }
}

fn refuse(error: LlmError) -> Result<Reply, Halt> {
    match error.class {
        ErrorClass::Run(_) => Err(halt(error)),
        ErrorClass::Shrink { .. } => Ok(Err(Refused::TooLong)),
        ErrorClass::Transient(code) | ErrorClass::Item(code) => {
            tracing::trace!("{code}: {error}");
            Ok(Err(Refused::Failed(code)))
        }
    }
}
