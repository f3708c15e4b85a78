//! How long to wait for a server, and when to stop waiting.
//!
//! A silent server is left after a while, and so is one that sends next to nothing: of a drip, each wait is short and their sum has no end.

use super::Problem;
use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often a wait looks whether the run was cancelled.
pub(super) const POLL: Duration = Duration::from_millis(50);

/// What a server must send for its answer to end some day: git's `http.lowSpeedLimit`, for which git has no default; this is that of Zuul,
/// which fetches unattended too. The stretch that counts, git's `http.lowSpeedTime`, is the longest silence.
const BYTES_PER_SEC_MIN: u128 = 1000;
/// Longest time, in longest silences, that a server may prepare a pack for while it says that it is at work: an hour.
const SILENCES_MAX: u32 = 60;

/// The limits of one conversation.
#[derive(Debug, Clone, Copy)]
pub(in crate::git) struct Patience<'a> {
    cancel: &'a AtomicBool,
    idle: Duration,
}

impl<'a> Patience<'a> {
    /// Waits end when `cancel` becomes true, or after `idle` without a byte.
    pub fn new(cancel: &'a AtomicBool, idle: Duration) -> Self {
        Patience { cancel, idle }
    }

    /// An error when it is time to stop waiting for what began at `start`.
    pub fn check(self, start: Instant) -> Result<(), Problem> {
        if self.cancel.load(Ordering::Relaxed) {
            return Err(Problem::Cancelled);
        }
        if start.elapsed() >= self.idle {
            return Err(Problem::Stalled(self.idle.as_secs()));
        }
        Ok(())
    }

    /// An answer that may take as long as this allows.
    pub fn paced<R>(self, input: R) -> Paced<R> {
        Paced {
            input,
            window: self.idle,
            waited: Duration::ZERO,
            bytes: 0,
            is_paused: true,
            prepared: Some(Duration::ZERO),
        }
    }

    /// Ends with the error of [`check`](Self::check) as soon as there is one.
    pub async fn run_out(self) -> Problem {
        let start = Instant::now();
        loop {
            if let Err(problem) = self.check(start) {
                return problem;
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

/// An answer that is read for as long as it keeps pace. Only time spent waiting for it counts: what is done with it meanwhile is not the
/// server's affair.
///
/// A server that prepares a pack sends a few bytes every few seconds, which git calls keep-alive (`uploadpack.keepAlive`) and progress.
/// So until the pack begins, only what is inside a frame must come swiftly.
pub(in crate::git) struct Paced<R> {
    input: R,
    /// So long one measurement takes.
    window: Duration,
    /// What the running measurement has found.
    waited: Duration,
    bytes: u64,
    /// The next wait is a pause between frames.
    is_paused: bool,
    /// How long the pack was waited for, until it begins.
    prepared: Option<Duration>,
}

impl<R> Paced<R> {
    /// A frame has ended.
    pub fn frame_ended(&mut self) {
        if self.prepared.is_some() {
            (self.waited, self.bytes, self.is_paused) = (Duration::ZERO, 0, true);
        }
    }

    /// From here on the server has what it sends.
    pub fn pack_begins(&mut self) {
        self.prepared = None;
    }

    fn count(&mut self, bytes: usize, waited: Duration) -> Result<(), Problem> {
        let prepared_max = self.window.saturating_mul(SILENCES_MAX);
        self.prepared = self.prepared.map(|before| before + waited);
        if self.prepared.is_some_and(|so_far| so_far >= prepared_max) {
            return Err(Problem::NeverBegun(prepared_max.as_secs() / 60));
        }
        if std::mem::take(&mut self.is_paused) {
            return Ok(());
        }
        self.waited += waited;
        self.bytes += bytes as u64;
        if self.waited < self.window {
            return Ok(());
        }
        if u128::from(self.bytes) * 1000 < BYTES_PER_SEC_MIN * self.waited.as_millis() {
            return Err(Problem::TooSlow {
                bytes: self.bytes,
                secs: self.waited.as_secs(),
            });
        }
        (self.waited, self.bytes) = (Duration::ZERO, 0);
        Ok(())
    }
}

impl<R: Read> Read for Paced<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let start = Instant::now();
        let bytes = self.input.read(buffer)?;
        // At the end of the stream the end is what there is to tell.
        if bytes > 0 {
            self.count(bytes, start.elapsed())?;
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;

    const IDLE: Duration = Duration::from_secs(60);

    fn paced(input: &[u8]) -> Paced<&[u8]> {
        static NEVER: AtomicBool = AtomicBool::new(false);
        Patience::new(&NEVER, IDLE).paced(input)
    }

    /// Counts answers of `bytes` after waits of `secs` each, as frames of their own or within one.
    fn count(
        paced: &mut Paced<&[u8]>,
        bytes: usize,
        secs: u64,
        times: u32,
        frames: bool,
    ) -> Option<Problem> {
        (0..times).find_map(|_| {
            let problem = paced.count(bytes, Duration::from_secs(secs)).err();
            if frames {
                paced.frame_ended();
            }
            problem
        })
    }

    #[test]
    fn a_drip_is_given_up_and_a_slow_server_is_not() {
        for has_pack in [false, true] {
            let begun = || {
                let mut paced = paced(b"");
                if has_pack {
                    paced.pack_begins();
                }
                paced
            };
            let drip = count(&mut begun(), 1, 10, 8, false);
            assert!(
                matches!(drip, Some(Problem::TooSlow { bytes: 6, secs: 60 })),
                "{drip:?}"
            );
            assert!(count(&mut begun(), 1500, 1, 600, false).is_none());
            // What comes in bursts counts as a mean.
            assert!(count(&mut begun(), 60_000, 40, 80, false).is_none());
        }
    }

    #[test]
    fn a_server_at_work_is_waited_for_but_not_for_ever() {
        let mut waiting = paced(b"");
        assert!(count(&mut waiting, 5, 5, 700, true).is_none());
        assert!(count(&mut waiting, 1, 50, 1, false).is_none());
        assert!(matches!(
            count(&mut waiting, 5, 5, 11, true),
            Some(Problem::NeverBegun(60))
        ));
        // Once the pack has begun, frames are no sign of work.
        let mut flowing = paced(b"");
        flowing.pack_begins();
        assert!(matches!(
            count(&mut flowing, 5, 5, 20, true),
            Some(Problem::TooSlow { bytes: 60, .. })
        ));
    }
}
