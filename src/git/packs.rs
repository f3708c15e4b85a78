//! Keeps a copy from growing with every nightly update.

use super::copy::{Copy, remove_file};
use super::error::Problem;
use git2::Oid;
use std::fs;
use std::path::PathBuf;

/// Packs a copy may have before they are made one: git's own `gc.autoPackLimit`.
const PACKS_MAX: usize = 50;

/// Replaces many packs by one that holds just the current commit. Needs no network, and an interruption leaves both the new pack and old ones.
pub(super) fn bound(copy: &Copy, commit: Oid) -> Result<(), Problem> {
    let old = packs(copy)?;
    if old.len() <= PACKS_MAX {
        return Ok(());
    }
    let mut builder = copy.repo.packbuilder()?;
    builder.insert_commit(commit)?;
    builder.write(&copy.git_path("objects/pack"), 0)?;
    let new = builder.name()?.map(|name| format!("pack-{name}.pack"));
    for pack in old
        .iter()
        .filter(|pack| pack.file_name().and_then(|name| name.to_str()) != new.as_deref())
    {
        // Without its index a pack is not seen, so the index goes first.
        remove_file(&pack.with_extension("idx"))?;
        remove_file(pack)?;
    }
    copy.set_shallow(
        &copy
            .shallow()
            .into_iter()
            .filter(|&kept| kept == commit)
            .collect::<Vec<_>>(),
    )
}

fn packs(copy: &Copy) -> Result<Vec<PathBuf>, Problem> {
    let folder = copy.git_path("objects/pack");
    let entries = fs::read_dir(&folder).map_err(Problem::disk(&folder))?;
    let is_pack = |path: &PathBuf| {
        path.extension()
            .is_some_and(|extension| extension == "pack")
    };
    Ok(entries
        .flatten()
        .map(|entry| entry.path())
        .filter(is_pack)
        .collect())
}
