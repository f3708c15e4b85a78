//! The end of a run, told to every request at once.
//!
//! Owns the first cause that ended the run; later ones are not heard.

use super::error::{ErrorClass, LlmError, RunStop};
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

    /// The cause.
    pub fn cause(&self) -> Option<LlmError> {
        self.cause.get().cloned()
    }

    /// Does `work` unless the run ends first: for waiting, which costs nothing to give up.
    pub async fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Result<T, LlmError> {
        // Made before the look at the cause, so that no stop between the two is missed.
        let raised = self.raised.notified();
        if let Some(cause) = self.cause() {
            return Err(cause);
        }
        tokio::select! {
            biased;
            () = raised => Err(self.cause().unwrap_or_else(unknown)),
            done = work => Ok(done),
        }
    }

    /// Does `work` unless the endpoint is found dead first: for requests on the wire, whose answers may be paid for already.
    pub async fn unless_dead<T>(&self, work: impl Future<Output = T>) -> Result<T, LlmError> {
        let dead = || {
            self.cause()
                .filter(|cause| cause.run_stop().is_some_and(RunStop::abandons_wire))
        };
        let raised = self.raised.notified();
        if let Some(cause) = dead() {
            return Err(cause);
        }
        let mut work = std::pin::pin!(work);
        tokio::select! {
            biased;
            done = &mut work => return Ok(done),
            () = raised => {}
        }
        match dead() {
            Some(cause) => Err(cause),
            // A stop is raised once, and this one lets requests on the wire end.
            None => Ok(work.await),
        }
    }
}

/// The cause is set before it is raised, so this is never seen.
fn unknown() -> LlmError {
    LlmError::stop(RunStop::EndpointDead, "the run has ended")
}
