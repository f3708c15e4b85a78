//! Stopping early by a signal.
//!
//! The first signal asks the run to finish what it has begun; the second ends the process at once, which loses nothing stored
//! because every commit is whole.

use crate::report::Exit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Sent to who writes beyond the limit of file sizes (`ulimit -f`); it would end the process without a word.
const FILE_TOO_LARGE: i32 = rustix::process::Signal::XFSZ.as_raw();

/// Which signal came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// `kill`, a service manager, a shutdown.
    Terminate,
}

impl Signal {
    /// The exit code of a run that it stopped.
    pub fn exit(self) -> Exit {
        match self {
            Signal::Interrupt => Exit::Interrupted,
            Signal::Terminate => Exit::Terminated,
        }
    }
}

/// Tells every part of a run whether a signal came.
#[derive(Debug, Clone)]
pub struct Signals {
    seen: watch::Receiver<Option<Signal>>,
    flag: Arc<AtomicBool>,
}

impl Signals {
    /// Listens from now on, on a thread of its own.
    pub fn listen() -> std::io::Result<Self> {
        let (sender, seen) = watch::channel(None);
        let flag = Arc::new(AtomicBool::new(false));
        let signals = Signals {
            seen,
            flag: Arc::clone(&flag),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()?;
        let (mut interrupt, mut terminate, mut too_large) = {
            let _inside = runtime.enter();
            (
                signal(SignalKind::interrupt())?,
                signal(SignalKind::terminate())?,
                signal(SignalKind::from_raw(FILE_TOO_LARGE))?,
            )
        };
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    loop {
                        let signal = tokio::select! {
                            _ = interrupt.recv() => Signal::Interrupt,
                            _ = terminate.recv() => Signal::Terminate,
                            // Whoever wrote gets an error, and tells it.
                            _ = too_large.recv() => continue,
                        };
                        if flag.swap(true, Ordering::Relaxed) {
                            std::process::exit(i32::from(signal.exit().code()));
                        }
                        sender.send_replace(Some(signal));
                    }
                });
            })?;
        Ok(signals)
    }

    /// The signal that came, if one did.
    pub fn seen(&self) -> Option<Signal> {
        *self.seen.borrow()
    }

    /// Set once a signal came: for code that polls a flag.
    pub fn flag(&self) -> &AtomicBool {
        &self.flag
    }

    /// Waits until a signal comes.
    pub async fn wait(&mut self) -> Signal {
        loop {
            if let Some(signal) = self.seen() {
                return signal;
            }
            if self.seen.changed().await.is_err() {
                // The listening thread never ends while the process lives.
                std::future::pending::<()>().await;
            }
        }
    }
}
