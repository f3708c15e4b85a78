//! The end of a run, told to every request at once.
//!
//! Owns the first cause that ended the run; later ones are not heard.

use super::error::{ErrorClass, LlmError};
use std::sync::OnceLock;
use tokio::sync::Notify;

#[derive(Debug, Default)]
pub(super) struct Stop {
    cause: OnceLock<LlmError>,
    raised: Notify,
}

impl Stop {
    /// Ends the run, unless it has ended.
    pub fn raise(&self, cause: &LlmError) {
        debug_assert!(matches!(cause.class, ErrorClass::Run(_)));
        let _ = self.cause.set(cause.clone());
        self.raised.notify_waiters();
    }

    /// The cause, with the costs of nobody.
    pub fn cause(&self) -> Option<LlmError> {
        self.cause.get().map(|cause| LlmError {
            class: cause.class,
            ..LlmError::clone(cause)
        })
    }

    /// Does `work` unless the run ends first: for waiting, which costs nothing to give up.
    pub async fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Result<T, LlmError> {
        self.unless(work, |_| true).await
    }

    /// Does `work` unless the endpoint is found dead first: for requests on the wire, whose answers may be paid for already.
    pub async fn unless_dead<T>(&self, work: impl Future<Output = T>) -> Result<T, LlmError> {
        self.unless(work, |cause| cause.run_stop().is_some_and(|stop| stop.abandons_wire())).await
    }

    async fn unless<T>(&self, work: impl Future<Output = T>, ends: fn(&LlmError) -> bool) -> Result<T, LlmError> {
        // Made before the look at the cause, so that no stop between the two is missed.
        let raised = self.raised.notified();
        if let Some(cause) = self.cause().filter(ends) {
            return Err(cause);
        }
        let mut work = std::pin::pin!(work);
        tokio::select! {
            biased;
            done = &mut work => return Ok(done),
            () = raised => {}
        }
        match self.cause().filter(ends) {
            Some(cause) => Err(cause),
            // A stop is raised once, and this one lets requests on the wire end.
            None => Ok(work.await),
        }
    }
}
