//! From the references a remote has to the one commit that is wanted.

use super::error::{Problem, printable};
use crate::domain::repo::Wanted;
use git2::Oid;

/// One reference of a remote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RemoteRef {
    /// Full name, or `HEAD`.
    pub name: String,
    /// The object it names.
    pub id: Oid,
    /// The object an annotated tag leads to.
    pub peeled: Option<Oid>,
    /// The reference that a symbolic reference names.
    pub points_to: Option<String>,
}

/// The commit that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// Full name of the reference, `HEAD` when upstream's is detached, or the commit when that was asked for.
    pub reference: String,
    /// The object to ask for: the commit, or the tag object that leads to it.
    pub object: Oid,
    /// The commit.
    pub commit: Oid,
}

impl Target {
    /// The target of a line that names a commit: known without asking.
    pub fn pinned(wanted: &Wanted) -> Option<Self> {
        let Wanted::Commit(hex) = wanted else {
            return None;
        };
        let commit = hex.parse().ok()?;
        Some(Target {
            reference: hex.clone(),
            object: commit,
            commit,
        })
    }

    /// Finds the wanted reference among those of a remote.
    pub fn find(references: &[RemoteRef], wanted: &Wanted) -> Result<Self, Problem> {
        let wants = Wants::new(wanted);
        let found = wants
            .names
            .iter()
            .find_map(|name| references.iter().find(|reference| reference.name == *name));
        let reference = found.ok_or_else(|| Problem::NoSuchReference(wants.shown()))?;
        let name = reference.points_to.as_ref().unwrap_or(&reference.name);
        // So servers name what a file without an object's name leads to.
        if reference.id.is_zero() {
            return Err(Problem::BrokenReference(name.clone()));
        }
        Ok(Target {
            reference: name.clone(),
            object: reference.id,
            commit: reference.peeled.unwrap_or(reference.id),
        })
    }

    /// What a remote without HEAD means: one branch, that one; several, or only tags, a question for the user; nothing, an empty repo.
    /// Bare repositories whose HEAD still says `master` are common.
    pub fn only_branch(references: &[RemoteRef]) -> Result<Option<Self>, Problem> {
        match &below("refs/heads/", references)[..] {
            [] => match &below("refs/tags/", references)[..] {
                [] => Ok(None),
                tags => Err(Problem::OnlyTags(listed(tags))),
            },
            [only] => {
                let only = Wanted::Named(format!("refs/heads/{only}"));
                Self::find(references, &only).map(Some)
            }
            branches => Err(Problem::NoDefaultBranch(listed(branches))),
        }
    }

    /// Why what this reference leads to cannot be had: a commit that nobody asked for by its digits is upstream's affair.
    pub fn explain(&self, problem: Problem) -> Problem {
        match problem {
            Problem::NoSuchCommit(commit) if commit != self.reference => {
                Problem::BrokenReference(self.reference.clone())
            }
            other => other,
        }
    }
}

/// The names of references below a folder.
fn below<'a>(folder: &str, references: &'a [RemoteRef]) -> Vec<&'a str> {
    let names = references.iter().map(|reference| &reference.name[..]);
    names.filter_map(|name| name.strip_prefix(folder)).collect()
}

fn listed(names: &[&str]) -> String {
    printable(names[..names.len().min(10)].join(", "))
}

/// The names that can answer a line of `repos.txt`, best first.
#[derive(Debug, Clone)]
pub(super) struct Wants {
    /// Full names.
    pub names: Vec<String>,
    /// Whether every branch and tag matters.
    all: bool,
}

impl Wants {
    /// Names for one wanted word.
    pub fn new(wanted: &Wanted) -> Self {
        let names = match wanted {
            Wanted::DefaultBranch => vec!["HEAD".to_owned()],
            Wanted::Named(name) if name.starts_with("refs/") => vec![name.clone()],
            Wanted::Named(name) => vec![format!("refs/heads/{name}"), format!("refs/tags/{name}")],
            Wanted::Commit(_) => Vec::new(),
        };
        Wants {
            all: *wanted == Wanted::DefaultBranch,
            names,
        }
    }

    /// All branches and tags.
    pub fn all() -> Self {
        Wants {
            names: vec!["refs/heads/".to_owned(), "refs/tags/".to_owned()],
            all: true,
        }
    }

    /// Whether a reference of this name can matter.
    pub fn includes(&self, name: &str) -> bool {
        self.names.iter().any(|wanted| wanted == name)
            || (self.all
                && ["refs/heads/", "refs/tags/"]
                    .iter()
                    .any(|folder| name.starts_with(folder)))
    }

    fn shown(&self) -> String {
        let first = self.names.first().map_or("HEAD", String::as_str);
        first
            .strip_prefix("refs/heads/")
            .unwrap_or(first)
            .to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(name: &str, digit: &str) -> RemoteRef {
        let id = digit.repeat(40).parse().unwrap();
        RemoteRef {
            name: name.to_owned(),
            id,
            peeled: None,
            points_to: None,
        }
    }

    #[test]
    fn a_branch_wins_over_a_tag_and_tags_are_peeled() {
        let mut tag = reference("refs/tags/v1", "2");
        tag.peeled = Some("3".repeat(40).parse().unwrap());
        let both = [
            tag.clone(),
            reference("refs/heads/v1", "1"),
            reference("refs/heads/v10", "4"),
        ];
        let wanted = Wanted::Named("v1".to_owned());
        assert_eq!(
            Target::find(&both, &wanted).unwrap().reference,
            "refs/heads/v1"
        );
        let target = Target::find(&[tag], &wanted).unwrap();
        assert_eq!(
            (target.object.to_string(), target.commit.to_string()),
            ("2".repeat(40), "3".repeat(40))
        );
        assert!(
            matches!(Target::find(&[], &wanted), Err(Problem::NoSuchReference(name)) if name == "v1")
        );
    }

    #[test]
    fn a_missing_head_is_answered_by_the_only_branch() {
        assert_eq!(Target::only_branch(&[]).unwrap(), None);
        let main = reference("refs/heads/main", "1");
        let only = Target::only_branch(std::slice::from_ref(&main))
            .unwrap()
            .unwrap();
        assert_eq!(only.reference, "refs/heads/main");
        let two = [main, reference("refs/heads/dev", "2")];
        assert!(
            matches!(Target::only_branch(&two), Err(Problem::NoDefaultBranch(names)) if names == "main, dev")
        );
        let tags = [reference("refs/tags/v1", "1")];
        assert!(
            matches!(Target::only_branch(&tags), Err(Problem::OnlyTags(names)) if names == "v1")
        );
    }
}
