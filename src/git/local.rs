//! A repo on this machine, read directly: no `git` program and no history, which libgit2's own local transport cannot leave out.

use super::copy::Copy;
use super::error::Problem;
use super::target::{RemoteRef, Target, Wants};
use super::tree::stop_if;
use crate::domain::repo::Wanted;
use git2::{Commit, ErrorCode, ObjectType, Odb, OdbLookupFlags, Oid, PackBuilder, Repository};
use std::collections::HashSet;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// An opened source.
pub(super) struct Local {
    repo: Repository,
}

impl Local {
    /// Opens a bare repository, a worktree, or `path` plus `.git`.
    pub fn open(path: &Path) -> Result<Self, Problem> {
        let with_suffix = path.with_added_extension("git");
        let path = if path.exists() { path } else { &with_suffix };
        if !path.exists() {
            return Err(Problem::NoSuchFolder);
        }
        let candidates = [path.join(".git"), path.to_owned()];
        // As for copies: opened as bare, a source may belong to another user.
        let bare = candidates
            .iter()
            .find_map(|candidate| Repository::open_bare(candidate).ok());
        match bare.map_or_else(|| Repository::open(path), Ok) {
            Ok(repo) => Ok(Local { repo }),
            Err(error) if error.code() == ErrorCode::NotFound => Err(Problem::NoRepository),
            Err(error) => Err(of_source(error.into())),
        }
    }

    /// Finds what is wanted; `None` when there are no commits at all.
    pub fn target(&self, wanted: &Wanted) -> Result<Option<Target>, Problem> {
        self.find(wanted).map_err(of_source)
    }

    fn find(&self, wanted: &Wanted) -> Result<Option<Target>, Problem> {
        if let Some(target) = Target::pinned(wanted) {
            return Ok(Some(target));
        }
        let found = self.references(&Wants::new(wanted).names)?;
        if found.is_empty() && *wanted == Wanted::DefaultBranch {
            return Target::only_branch(&self.branches_and_tags()?);
        }
        Target::find(&found, wanted).map(Some)
    }

    fn references(&self, names: &[String]) -> Result<Vec<RemoteRef>, Problem> {
        let found = names
            .iter()
            .filter_map(|name| self.reference(name).transpose());
        found.collect()
    }

    fn reference(&self, name: &str) -> Result<Option<RemoteRef>, Problem> {
        let not_there = |code| matches!(code, ErrorCode::NotFound | ErrorCode::InvalidSpec);
        let resolved = self.repo.find_reference(name).and_then(|reference| {
            let points_to = reference
                .symbolic_target()
                .ok()
                .flatten()
                .map(str::to_owned);
            Ok((points_to, reference.resolve()?))
        });
        let (points_to, reference) = match resolved {
            Ok(found) => found,
            Err(error) if not_there(error.code()) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let Some(id) = reference.target() else {
            return Ok(None);
        };
        let peeled = reference
            .peel(ObjectType::Any)
            .ok()
            .map(|object| object.id());
        Ok(Some(RemoteRef {
            name: name.to_owned(),
            id,
            peeled,
            points_to,
        }))
    }

    fn branches_and_tags(&self) -> Result<Vec<RemoteRef>, Problem> {
        let wants = Wants::all();
        let mut names = Vec::new();
        for reference in self.repo.references()? {
            let reference = reference?;
            let name = reference.name().ok().filter(|name| wants.includes(name));
            names.extend(name.map(str::to_owned));
        }
        self.references(&names)
    }

    /// Writes the objects of one commit that `copy` lacks into `pack`. Returns the commits whose parents are left out.
    pub fn fetch(
        &self,
        target: &Target,
        copy: &Copy,
        pack: &mut dyn Write,
        cancel: &AtomicBool,
    ) -> Result<Vec<Oid>, Problem> {
        // The copy's settings say how to pack.
        self.repo.set_config(&copy.repo.config()?)?;
        let there = copy.repo.odb()?;
        let commit = self.commit(target).map_err(of_source)?;
        let mut builder = self.repo.packbuilder()?;
        self.collect(&mut builder, target, commit.tree_id(), &there, cancel)
            .map_err(of_source)?;
        write_pack(&mut builder, pack)?;
        Ok(if commit.parent_count() > 0 {
            vec![target.commit]
        } else {
            Vec::new()
        })
    }

    fn commit(&self, target: &Target) -> Result<Commit<'_>, Problem> {
        match self.repo.find_commit(target.commit) {
            Ok(commit) => Ok(commit),
            Err(error)
                if error.code() == ErrorCode::NotFound
                    && !self.repo.odb()?.exists(target.commit) =>
            {
                Err(Problem::NoSuchCommit(target.commit.to_string()))
            }
            Err(_) => Err(Problem::NotACommit(target.reference.clone())),
        }
    }

    fn collect(
        &self,
        builder: &mut PackBuilder<'_>,
        target: &Target,
        tree: Oid,
        there: &Odb<'_>,
        cancel: &AtomicBool,
    ) -> Result<(), Problem> {
        builder.insert_object(target.commit, None)?;
        if target.object != target.commit {
            builder.insert_object(target.object, None)?;
        }
        self.insert_missing(builder, tree, there, cancel)
    }

    /// A tree that is there is there whole, so whole folders are passed over; so is one that was met before.
    fn insert_missing(
        &self,
        builder: &mut PackBuilder<'_>,
        root: Oid,
        there: &Odb<'_>,
        cancel: &AtomicBool,
    ) -> Result<(), Problem> {
        let mut folders = vec![root];
        let mut met = HashSet::new();
        // Nothing arrives meanwhile, so a miss is no reason to list the packs again.
        let is_there = |id| there.exists_ext(id, OdbLookupFlags::NO_REFRESH);
        while let Some(folder) = folders.pop() {
            stop_if(cancel)?;
            if !met.insert(folder) || is_there(folder) {
                continue;
            }
            builder.insert_object(folder, None)?;
            for entry in &self.repo.find_tree(folder)? {
                match entry.kind() {
                    Some(ObjectType::Tree) => folders.push(entry.id()),
                    Some(ObjectType::Blob) if !is_there(entry.id()) => {
                        builder.insert_object(entry.id(), entry.name().ok())?
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

/// What cannot be read here is the source's fault: neither a new copy nor an empty folder cures it.
fn of_source(problem: Problem) -> Problem {
    match problem {
        Problem::Data(message) => Problem::Source(message),
        other => other,
    }
}

fn write_pack(builder: &mut PackBuilder<'_>, pack: &mut dyn Write) -> Result<(), Problem> {
    let mut failed: Option<io::Error> = None;
    let built = builder.foreach(|bytes| {
        failed = pack.write_all(bytes).err();
        failed.is_none()
    });
    match failed {
        Some(error) => Err(error.into()),
        None => built.map_err(|error| of_source(error.into())),
    }
}
