//! Credentials from git's own helpers.
//!
//! `git credential fill` reads the user's whole git configuration (helpers, per-host settings), which libgit2's subset does not. It is told
//! never to ask anybody, and nothing is ever stored or erased.

use super::patience::{POLL, Patience};
use super::{CONNECT_SECS, Problem};
use crate::domain::repo::Credentials;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Asks the helpers about one URL, and about one user of it if that is known. `None` when they know nothing, or git is not installed.
///
/// # Errors
/// Only when the run is cancelled meanwhile.
pub(super) fn fill(
    url: &str,
    user: Option<&str>,
    patience: Patience<'_>,
) -> Result<Option<Credentials>, Problem> {
    let mut command = Command::new("git");
    command.args(["-c", "credential.interactive=false", "credential", "fill"]);
    command.envs([
        ("GIT_TERMINAL_PROMPT", "0"),
        ("GIT_ASKPASS", ""),
        ("GCM_INTERACTIVE", "never"),
    ]);
    let user = user.map_or_else(String::new, |user| format!("username={user}\n"));
    answer_of(command, &format!("url={url}\n{user}\n"), patience)
}

fn answer_of(
    mut command: Command,
    question: &str,
    patience: Patience<'_>,
) -> Result<Option<Credentials>, Problem> {
    let piped = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let Ok(mut child) = piped.spawn() else {
        return Ok(None);
    };
    if let Some(mut stdin) = child.stdin.take() {
        let _ = stdin.write_all(question.as_bytes());
    }
    let succeeded = finished(&mut child, patience);
    let _ = child.kill();
    let _ = child.wait();
    let mut answer = String::new();
    match (succeeded?, child.stdout.take()) {
        (true, Some(stdout)) => drop(stdout.take(64 * 1024).read_to_string(&mut answer)),
        _ => return Ok(None),
    }
    Ok(parse(&answer))
}

/// Waits for the helper's end, but not for ever. An answer fits into the pipe, so nothing has to be read meanwhile.
fn finished(child: &mut Child, patience: Patience<'_>) -> Result<bool, Problem> {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(CONNECT_SECS) {
        patience.check(start)?;
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status.success()),
            Ok(None) => std::thread::sleep(POLL / 5),
            Err(_) => return Ok(false),
        }
    }
    Ok(false)
}

fn parse(answer: &str) -> Option<Credentials> {
    let value = |name: &str| {
        answer
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
    };
    let (user, password) = (value("username")?.to_owned(), value("password")?.to_owned());
    Some(Credentials { user, password })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;

    fn ask(script: &str, idle: Duration) -> Result<Option<Credentials>, Problem> {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        answer_of(
            command,
            "url=https://h.org/a\n\n",
            Patience::new(&AtomicBool::new(false), idle),
        )
    }

    #[test]
    fn answers_are_read_and_anything_else_is_no_answer() {
        let minute = Duration::from_secs(60);
        let found = ask(
            "read line; echo protocol=https; echo username=$line; echo password=a=b",
            minute,
        )
        .unwrap()
        .unwrap();
        assert_eq!(
            (found.user.as_str(), found.password.as_str()),
            ("url=https://h.org/a", "a=b")
        );
        for script in [
            "echo username=x",
            "echo username=x; echo password=y; exit 1",
            "exit 128",
        ] {
            assert_eq!(ask(script, minute).unwrap(), None);
        }
        assert!(ask("exec cat <&2", Duration::ZERO).is_err());
    }
}
