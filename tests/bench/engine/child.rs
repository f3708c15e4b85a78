//! A child process and what it cost: CPU and peak memory, read from `/proc` (Linux only).

use std::fs;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Ticks of `/proc/<pid>/stat` in a second, as Linux has them everywhere.
const TICKS_PER_SEC: f64 = 100.0;
/// How often the peak is read: it only grows, so that at most the last of these moments is missed.
const LOOK: Duration = Duration::from_millis(3);

/// What a process cost.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// User and system time of all its threads.
    pub cpu: Duration,
    /// Peak resident set, in MB of a million bytes.
    pub peak_mb: f64,
}

/// Runs a command to its end; any exit code but nought and 3 is a panic.
pub fn run(command: &mut Command) -> Cost {
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let mut child = command.spawn().unwrap();
    let (mut peak_kb, mut ticks) = (0, 0);
    loop {
        peak_kb = peak_kb.max(peak(&child).unwrap_or(0));
        let (is_over, used) = stat(&child).unwrap_or((true, ticks));
        ticks = used;
        if is_over {
            break;
        }
        std::thread::sleep(LOOK);
    }
    check(child.wait().unwrap(), command);
    Cost {
        cpu: Duration::from_secs_f64(ticks as f64 / TICKS_PER_SEC),
        peak_mb: peak_kb as f64 * 1024.0 / 1e6,
    }
}

/// Runs a short command without looking at it meanwhile, and gives back its wall.
pub fn wall(command: &mut Command) -> Duration {
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let started = Instant::now();
    let status = command.status().unwrap();
    let wall = started.elapsed();
    check(status, command);
    wall
}

fn check(status: ExitStatus, command: &Command) {
    assert!(
        matches!(status.code(), Some(0 | 3)),
        "{command:?} ended with {status}"
    );
}

fn peak(child: &Child) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Whether the process has ended (and waits to be reaped), and the ticks it used.
fn stat(child: &Child) -> Option<(bool, u64)> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some((fields[0] == "Z", ticks))
}
