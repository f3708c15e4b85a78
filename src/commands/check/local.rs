//! What `check` looks at on this machine: the workspace, the list, the worktrees, the databases, the disk, the lock, helper programs.

use super::Line;
use crate::commands::repos::{self, Located};
use crate::domain::repo::{Address, RepoSpec};
use crate::git;
use crate::report::{Exit, plural};
use crate::store;
use crate::workspace::Workspace;
use std::path::{Path, PathBuf};

/// Below this a run may end for want of space.
const DISK_LOW_BYTES: u64 = 1 << 30;
/// Below this SQLite cannot be trusted to finish a transaction.
const DISK_NONE_BYTES: u64 = 64 << 20;

/// All of it, in the order of what depends on what.
pub(super) fn look(workspace: &Workspace) -> Vec<Line> {
    let mut lines = vec![folders(workspace), disk(workspace), lock(workspace)];
    lines.extend(list(workspace));
    lines.push(dataset(workspace));
    lines.push(cache(workspace));
    lines
}

fn folders(workspace: &Workspace) -> Line {
    use rustix::fs::{Access, access};
    let root = workspace.root();
    let folders = [workspace.repos(), workspace.logs(), workspace.data()];
    for folder in &folders {
        if let Err(error) = access(folder, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK) {
            let found = format!("{}: {error}", folder.display());
            return Line::fail(
                "workspace",
                Exit::Internal,
                found,
                "make it writable for this user",
            );
        }
    }
    Line::ok("workspace", root.display().to_string())
}

/// The fullest of the disks that a run writes to: each folder may be on one of its own.
fn disk(workspace: &Workspace) -> Line {
    let free = |folder: PathBuf| match rustix::fs::statvfs(&folder) {
        Ok(facts) => Ok((facts.f_bavail.saturating_mul(facts.f_frsize), folder)),
        Err(error) => Err(format!("{}: {error}", folder.display())),
    };
    let folders = [workspace.data(), workspace.repos(), workspace.logs()];
    let (free, folder) = match folders.into_iter().map(free).collect::<Result<Vec<_>, _>>() {
        Ok(found) => found
            .into_iter()
            .min_by_key(|(free, _)| *free)
            .unwrap_or_default(),
        Err(error) => {
            let found = format!("free space is unknown: {error}");
            return Line::warn("disk", found, "look at it by hand");
        }
    };
    let found = format!("{} MiB free for {}", free >> 20, folder.display());
    let cure = "free some space";
    match free {
        0..DISK_NONE_BYTES => Line::fail("disk", Exit::Internal, found, cure),
        DISK_NONE_BYTES..DISK_LOW_BYTES => Line::warn("disk", found, cure),
        _ => Line::ok("disk", found),
    }
}

fn lock(workspace: &Workspace) -> Line {
    match workspace.lock_holder() {
        Ok(None) => Line::ok("lock", "free"),
        Ok(Some(holder)) => {
            let cure = "wait for that run, or stop it, before beginning another";
            Line::warn("lock", format!("held ({holder})"), cure)
        }
        Err(error) => Line::error("lock", Exit::Internal, &error),
    }
}

/// The list, the worktrees of its repositories, and the programs that fetching them needs.
fn list(workspace: &Workspace) -> Vec<Line> {
    let listed = match repos::listed(workspace) {
        Ok(listed) => listed,
        Err(error) => return vec![Line::error("repos_txt", Exit::Usage, &error)],
    };
    let mut lines: Vec<_> = listed
        .bad
        .iter()
        .map(|bad| {
            Line::fail(
                "repos_txt",
                Exit::Usage,
                bad.to_string(),
                "correct the line",
            )
        })
        .collect();
    let count = plural(listed.specs.len() as u64, "repository", "repositories");
    if listed.specs.is_empty() && lines.is_empty() {
        let cure = "write one repository URL a line into repos.txt";
        lines.push(Line::warn("repos_txt", "lists nothing", cure));
    } else if lines.is_empty() {
        lines.push(Line::ok("repos_txt", count));
    }
    lines.extend(worktrees(workspace, &listed.specs));
    lines.extend(programs(&listed.specs));
    lines
}

fn worktrees(workspace: &Workspace, specs: &[RepoSpec]) -> Vec<Line> {
    let (mut there, mut missing, mut lines) = (0_u64, Vec::new(), Vec::new());
    for spec in specs {
        let Located { worktree, .. } = repos::located(workspace, spec.id.as_str());
        if !worktree.join(".git").exists() {
            missing.push(spec.id.as_str());
            continue;
        }
        match git::open_snapshot(&worktree) {
            Ok(_) => there += 1,
            Err(error) => lines.push(Line::fail(
                "repositories",
                Exit::Internal,
                error.to_string(),
                "run pipeline scrape; if it stays so, remove the folder and scrape again",
            )),
        }
    }
    let found = format!("{there} readable, {} not cloned", missing.len());
    match missing.first() {
        Some(first) => {
            let found = format!("{found}, such as {first}");
            let cure =
                "run pipeline scrape; where upstream has no commits yet, nothing needs doing";
            lines.push(Line::warn("repositories", found, cure));
        }
        None if there > 0 => lines.push(Line::ok("repositories", found)),
        None => {}
    }
    lines
}

fn programs(specs: &[RepoSpec]) -> Vec<Line> {
    let uses = |wanted: fn(&Address) -> bool| specs.iter().any(|spec| wanted(&spec.address));
    let mut lines = Vec::new();
    if uses(|address| matches!(address, Address::Ssh { .. })) {
        lines.push(match on_path("ssh") {
            true => Line::ok("ssh", "found"),
            false => {
                let found = "repos.txt names ssh repositories, and there is no ssh program";
                Line::fail("ssh", Exit::Usage, found, "install OpenSSH's client")
            }
        });
    }
    if uses(|address| matches!(address, Address::Http { .. })) {
        lines.push(match on_path("git") {
            true => Line::ok("git_credentials", "git's helpers can be asked"),
            false => {
                let found =
                    "there is no git program to ask for credentials; public repositories need none";
                Line::warn("git_credentials", found, "install git for private ones")
            }
        });
    }
    lines
}

fn on_path(program: &str) -> bool {
    use rustix::fs::{Access, access};
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| access(folder.join(program), Access::EXEC_OK).is_ok())
}

fn dataset(workspace: &Workspace) -> Line {
    let path = workspace.dataset();
    if !path.exists() {
        return Line::ok("dataset", "none yet; the first run makes it");
    }
    let health = match store::health(&path) {
        Ok(health) => health,
        Err(error) => return Line::error("dataset", Exit::Internal, &error),
    };
    let size = size_text(&path);
    if let Some(first) = health.damage.first() {
        let cure = "restore data/pipeline.db from a backup, or move it away to begin anew";
        return Line::fail("dataset", Exit::Internal, format!("damaged: {first}"), cure);
    }
    let version = format!("schema {}, sound, {size}", health.version);
    if health.version > health.known {
        let cure = format!("install the newer program; this one knows {}", health.known);
        return Line::fail("dataset", Exit::Internal, version, cure);
    }
    if health.version < health.known {
        let version = format!("{version}; the next run brings it to {}", health.known);
        return Line::ok("dataset", version);
    }
    Line::ok("dataset", version)
}

/// A damaged cache is set aside by the next run; it is worth a word, since it costs money.
fn cache(workspace: &Workspace) -> Line {
    let path = workspace.cache();
    if !path.exists() {
        return Line::ok("cache", "none yet; the first run makes it");
    }
    match store::opens(&path) {
        Ok(()) => Line::ok("cache", size_text(&path)),
        Err(error) => {
            let cure = "nothing needs doing: the next run begins a new one, and pays again for what it held";
            Line::warn("cache", error.to_string(), cure)
        }
    }
}

fn size_text(path: &Path) -> String {
    let bytes = path.metadata().map_or(0, |facts| facts.len());
    format!("{} KiB", bytes.div_ceil(1024))
}
