//! Whether the system gives the threads that a run needs.

use anyhow::Context as _;
use std::sync::{PoisonError, RwLock};
use std::thread::{Builder, scope};

/// Threads besides those that compute: the one that sends, the one that finds files and the one that walks.
const OTHERS: usize = 3;

/// Has `computing` threads with stacks of `stack_bytes` and the others of a run at once for a moment. Where one is not given, the runtime that
/// starts it later would wait for it without end.
pub(super) fn are_given(computing: usize, stack_bytes: usize) -> anyhow::Result<()> {
    let door = RwLock::new(());
    let started = scope(|scope| {
        let shut = door.write().unwrap_or_else(PoisonError::into_inner);
        let started = (0..computing + OTHERS).try_for_each(|_| {
            let thread = Builder::new().stack_size(stack_bytes);
            let waiting = thread.spawn_scoped(scope, || drop(door.read()));
            waiting.map(drop)
        });
        drop(shut);
        started
    });
    started.context(
        "cannot start the threads of a run; raise the limits of processes and memory (ulimit -u, ulimit -v, or those of the service)",
    )
}
