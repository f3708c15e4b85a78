//! One log file for each run, and the talk on stderr.
//!
//! The file holds everything from `debug` of this program; stderr what `-q` and `-v` ask for. Old files go by count and age.

use crate::fail_point::{Point, reach};
use crate::workspace::{Workspace, WorkspaceError};
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level};
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Log files kept.
const FILES_MAX: usize = 100;
/// Age at which a log file goes, in days.
const AGE_DAYS_MAX: u64 = 90;

/// Lines that wait to be written; who has another one waits too.
const LINES_WAITING_MAX: usize = 4096;

/// How much is said on stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Talk {
    /// Errors only.
    Quiet,
    /// What a user wants to know.
    Normal,
    /// Each file.
    Verbose,
    /// Each request.
    Debug,
}

/// Starts logging for one run. Keep the guard until the end: dropping it writes what is still buffered.
pub fn start(
    workspace: &Workspace,
    name: &str,
    talk: Talk,
    screen: &Screen,
) -> Result<WorkerGuard, WorkspaceError> {
    let folder = workspace.logs();
    prune(&folder);
    let path = folder.join(format!("{name}.log"));
    let file = create(&path).map_err(|source| WorkspaceError::Io {
        path: path.clone(),
        source,
    })?;
    point_latest(&folder, &path);
    let (writer, guard) = NonBlockingBuilder::default()
        .lossy(false)
        .buffered_lines_limit(LINES_WAITING_MAX)
        .finish(file);
    let ours = |level: LevelFilter| {
        Targets::new()
            .with_target("pipeline", level)
            .with_default(level.min(LevelFilter::WARN))
    };
    let to_file = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_writer(writer)
        .with_filter(ours(LevelFilter::DEBUG));
    let level = match talk {
        Talk::Quiet => LevelFilter::ERROR,
        Talk::Normal => LevelFilter::INFO,
        Talk::Verbose => LevelFilter::DEBUG,
        Talk::Debug => LevelFilter::TRACE,
    };
    let to_screen = tracing_subscriber::fmt::layer()
        .event_format(Plain)
        .fmt_fields(tracing_subscriber::fmt::format::DefaultFields::new())
        .with_writer(screen.clone())
        .with_filter(ours(level));
    // A second start in one process (the library used by tests) keeps the first subscriber.
    let _ = tracing_subscriber::registry()
        .with(to_file)
        .with(to_screen)
        .try_init();
    Ok(guard)
}

/// The form of a line on stderr: the message, after `warning:` or `error:` where it is one.
#[derive(Debug)]
struct Plain;

impl<S, N> FormatEvent<S, N> for Plain
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut line: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        match *event.metadata().level() {
            Level::ERROR => line.write_str("error: ")?,
            Level::WARN => line.write_str("warning: ")?,
            _ => {}
        }
        context.format_fields(line.by_ref(), event)?;
        line.write_char('\n')
    }
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
}

/// `logs/latest` is a convenience: a file system without links does without it. It is replaced at once, so that it is always there.
fn point_latest(folder: &Path, path: &Path) {
    let next = folder.join(".latest-next");
    // A killed run may have left one.
    let _ = std::fs::remove_file(&next);
    if let Some(name) = path.file_name()
        && std::os::unix::fs::symlink(name, &next).is_ok()
    {
        reach(Point::LogLatest);
        let _ = std::fs::rename(next, folder.join("latest"));
    }
}

/// Pruning is housekeeping: a file that cannot be removed is tried again next time.
fn prune(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    let mut logs: Vec<(SystemTime, PathBuf)> = entries
        .flatten()
        .filter(|entry| {
            entry
                .path()
                .extension()
                .is_some_and(|extension| extension == "log")
        })
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    logs.sort_unstable_by(|a, b| b.cmp(a));
    let oldest = SystemTime::now().checked_sub(Duration::from_secs(AGE_DAYS_MAX * 86_400));
    for (index, (modified, path)) in logs.iter().enumerate() {
        if index + 1 >= FILES_MAX || oldest.is_some_and(|oldest| *modified < oldest) {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Where talk goes: stderr, around a progress bar when one is drawn. Control characters are shown escaped, so that names from
/// hostile repositories cannot steer the terminal.
#[derive(Debug, Clone, Default)]
pub struct Screen {
    bar: Arc<Mutex<Option<indicatif::ProgressBar>>>,
}

impl Screen {
    /// Draws `bar` below all further lines, or stops doing so.
    pub fn set_bar(&self, bar: Option<indicatif::ProgressBar>) {
        *self.bar.lock().unwrap_or_else(PoisonError::into_inner) = bar;
    }

    fn print(&self, text: &str) {
        let bar = self
            .bar
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        // A closed stderr must not end the work.
        let write = || drop(io::Write::write_all(&mut io::stderr(), text.as_bytes()));
        match bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }
}

/// An error and its causes on one line. A cause that the words before it tell already is not told again.
pub fn with_causes(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}

/// `text` with control characters escaped, and what turns the direction of writing; line breaks between lines kept.
pub fn printable(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        let is_control = character.is_control() && character != '\n' && character != '\t';
        if is_control || turns_direction(character) {
            safe.extend(character.escape_default());
        } else {
            safe.push(character);
        }
    }
    safe
}

/// Unicode's explicit directional formatting characters (UAX 9, table 4): with them, a line can show other words than it holds.
fn turns_direction(character: char) -> bool {
    matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl<'a> MakeWriter<'a> for Screen {
    type Writer = ScreenWriter;

    fn make_writer(&'a self) -> ScreenWriter {
        ScreenWriter {
            screen: self.clone(),
            line: Vec::new(),
        }
    }
}

/// Collects one event, so that it is printed whole.
#[derive(Debug)]
pub struct ScreenWriter {
    screen: Screen,
    line: Vec<u8>,
}

impl io::Write for ScreenWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for ScreenWriter {
    fn drop(&mut self) {
        self.screen
            .print(&printable(&String::from_utf8_lossy(&self.line)));
    }
}
