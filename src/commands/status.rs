//! `pipeline status`: how many files stand in each state, and why some failed. Reads only.

use crate::cli::StatusArgs;
use crate::report::{Exit, plural};
use crate::store::{Counts, Store};
use crate::workspace::Workspace;

/// Prints the counts of the dataset.
pub fn execute(workspace: &Workspace, args: &StatusArgs) -> anyhow::Result<Exit> {
    let counts = if workspace.dataset().exists() {
        Store::open(&workspace.dataset(), "")?.counts()?
    } else {
        Counts::default()
    };
    if args.report.json {
        super::print_json(&counts)?;
    } else {
        print!("{}", text(&counts));
    }
    Ok(Exit::Done)
}

fn text(counts: &Counts) -> String {
    let files = counts.done + counts.partly_done + counts.failed;
    let mut text = format!(
        "{}: {} done, {} partly done, {} failed\n{}\n",
        plural(files, "file", "files"),
        counts.done,
        counts.partly_done,
        counts.failed,
        plural(counts.samples, "sample", "samples"),
    );
    for (reason, files) in &counts.failures {
        text += &format!("  {files:>8}  {reason}\n");
    }
    text
}
