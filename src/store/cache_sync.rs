//! Brings what the cache committed to the disk every so often, on a thread of its own: no response waits for the disk.
//!
//! Knows the file of the write-ahead log and no SQL. A log that is synced is whole up to the last commit it holds, by its checksums.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// While there is work, the log is synced this often.
const SYNC_TIME: Duration = Duration::from_millis(250);

/// Asks for the log to be synced. The thread ends with it.
#[derive(Debug)]
pub(super) struct Syncer(SyncSender<()>);

impl Syncer {
    /// Starts the thread for the database at `path`.
    pub fn start(path: &Path) -> io::Result<Self> {
        let (wanted, asked) = sync_channel(1);
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        std::thread::Builder::new()
            .name("cache-sync".to_owned())
            .spawn(move || serve(&PathBuf::from(log), &asked))?;
        Ok(Syncer(wanted))
    }

    /// Something was committed: it will be synced within [`SYNC_TIME`] and the time that the disk takes.
    pub fn committed(&self) {
        // Where one waits already, its sync is still to come and brings this too.
        let _ = self.0.try_send(());
    }
}

fn serve(log: &Path, asked: &Receiver<()>) {
    let mut has_warned = false;
    while asked.recv().is_ok() {
        let began = Instant::now();
        let synced = File::open(log).and_then(|log| log.sync_data());
        match synced {
            Err(error) if error.kind() != io::ErrorKind::NotFound && !has_warned => {
                has_warned = true;
                tracing::warn!(
                    "{} cannot be synced ({error}): a power failure may cost responses that were paid for",
                    log.display()
                );
            }
            _ => {}
        }
        std::thread::sleep(SYNC_TIME.saturating_sub(began.elapsed()));
    }
}
