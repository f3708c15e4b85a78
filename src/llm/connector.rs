//! Never more connections than requests in flight.
//!
//! Owns a layer around reqwest's connector. When a request finds no idle connection, hyper's pool starts a new one and takes
//! whichever is ready first: the new one, or one that another request gives back meanwhile. In the second case it opens the new one
//! all the same and keeps it. This layer holds connections beyond the limit back for a moment, and drops those that have become
//! superfluous: the pool moves them to a task of their own, which is how they are told.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tower_layer::Layer;
use tower_service::Service;

/// A connection that ended a response is back in the pool within this time, by far, and ends the wait. The whole of it passes only
/// when the server closed a connection that was idle.
const MOMENT: Duration = Duration::from_millis(100);

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Makes [`FewConnector`]s that count together.
#[derive(Clone, Debug)]
pub(super) struct FewConnections {
    /// Connections begun and not known to be gone.
    open: Arc<AtomicUsize>,
    most: usize,
}

impl FewConnections {
    pub fn new(most: usize) -> Self {
        FewConnections {
            open: Arc::default(),
            most,
        }
    }

    /// Notes that a connection is gone: it broke, was given up, or the server said that it closes.
    pub fn lost(&self) {
        let _ = self
            .open
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |open| {
                open.checked_sub(1)
            });
    }
}

impl<S> Layer<S> for FewConnections {
    type Service = FewConnector<S>;

    fn layer(&self, inner: S) -> FewConnector<S> {
        FewConnector {
            inner,
            rule: self.clone(),
        }
    }
}

/// Connects, unless the connection has become superfluous.
#[derive(Clone, Debug)]
pub(super) struct FewConnector<S> {
    inner: S,
    rule: FewConnections,
}

impl<S, T> Service<T> for FewConnector<S>
where
    S: Service<T, Error = BoxError> + Clone + Send + 'static,
    S::Future: Send,
    T: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, target: T) -> Self::Future {
        let fresh = self.inner.clone();
        let mut ready = std::mem::replace(&mut self.inner, fresh);
        let owner = tokio::task::try_id();
        let rule = self.rule.clone();
        let beyond = rule.open.fetch_add(1, Ordering::Relaxed) >= rule.most;
        Box::pin(async move {
            if beyond {
                tokio::time::sleep(MOMENT).await;
            }
            let connected = match tokio::task::try_id() == owner {
                true => ready.call(target).await,
                false => Err("another connection became free".into()),
            };
            if connected.is_err() {
                rule.lost();
            }
            connected
        })
    }
}
