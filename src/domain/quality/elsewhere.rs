//! What a repository defines outside the file at hand: names and paths that an answer may mention, though they tell nothing about the file.
//!
//! Owns their look-up, bounded in memory, and what it is worth. Finds no files.

use super::grounding::{Mention, Sort};
use super::words::{self, HashedSet, Kind};
use crate::domain::chunk::{Outline, SymbolKind};

/// Most hashes kept of names, and as many of paths: at most 2 MB each. What comes later is not known; what an answer says of it is unknown then,
/// as it would be without any of this.
const HASHES_MAX: usize = 1 << 18;

/// Support of a name or file that only the rest of the repository has: it is no invention, yet an answer that names little else belongs to
/// another file. In `tests/bench/quality.rs`, left out of the mean they would let through twice as many answers moved within a repository.
const ELSEWHERE_SUPPORT: f64 = 0.1;

/// Names defined in a repository, and the paths of its files.
#[derive(Debug, Default)]
pub struct Elsewhere {
    names: Hashes,
    paths: Hashes,
}

/// A set that grows to [`HASHES_MAX`] and takes eight bytes a hash: a table takes twice as much, and three times while it grows.
#[derive(Debug, Default)]
struct Hashes {
    sorted: Vec<u64>,
    /// Those that came since, few enough to be sorted in seldom.
    fresh: HashedSet,
}

/// So many are sorted in at once, at least.
const FRESH_MIN: usize = 4096;

impl Hashes {
    fn add(&mut self, hash: u64) {
        if self.len() < HASHES_MAX && self.sorted.binary_search(&hash).is_err() {
            self.fresh.insert(hash);
            if self.fresh.len() >= FRESH_MIN.max(self.sorted.len() / 8) {
                self.sort_in();
            }
        }
    }

    fn sort_in(&mut self) {
        let fresh = std::mem::take(&mut self.fresh);
        self.sorted.reserve_exact(fresh.len());
        self.sorted.extend(fresh);
        self.sorted.sort_unstable();
    }

    fn contains(&self, hash: u64) -> bool {
        self.fresh.contains(&hash) || self.sorted.binary_search(&hash).is_ok()
    }

    fn len(&self) -> usize {
        self.sorted.len() + self.fresh.len()
    }
}

impl Elsewhere {
    /// Adds a path, such as `src/git/wire.rs`. It is known as a whole, by each of its ends, and its words are names.
    pub fn add_path(&mut self, path: &str) {
        let ends = path.match_indices('/').map(|(at, _)| at + 1);
        for start in std::iter::once(0).chain(ends) {
            self.paths.add(words::hash(&path[start..]));
        }
        self.add_names(path);
    }

    /// Adds what a file of this text defines, and what its structures and enumerations are made of. Headings are prose and define nothing.
    pub fn add_definitions(&mut self, outline: &Outline, text: &str) {
        let is_code = |kind| kind != SymbolKind::Section;
        for symbol in outline.symbols.iter().filter(|one| is_code(one.kind)) {
            self.add_names(&symbol.name);
            if matches!(symbol.kind, SymbolKind::Struct | SymbolKind::Enum) {
                let body = text.get(symbol.range.clone()).unwrap_or_default();
                let is_comment = |line: &&str| line.trim_start().starts_with(['/', '*', '#']);
                let lines = body.lines().filter(|line| !is_comment(line));
                lines.for_each(|line| self.add_names(line));
            }
        }
    }

    fn add_names(&mut self, text: &str) {
        for token in words::each_token(text) {
            if token.kind == Kind::Name {
                self.names.add(token.hash);
            }
        }
    }

    /// Whether the repository defines this name, spelt just so, or has it in a path.
    pub fn has_name(&self, name: &str) -> bool {
        self.names.contains(words::hash(name))
    }

    /// Whether the repository has a file of this path, or one whose path ends with it.
    pub fn has_path(&self, path: &str) -> bool {
        self.paths.contains(words::hash(path))
    }

    /// Marks the names and files without evidence that stand here. They are no inventions, and no evidence of knowing the file either.
    pub fn mark(&self, mentions: &mut [Mention<'_>]) {
        for mention in mentions.iter_mut().filter(|m| m.is_unknown_name()) {
            mention.elsewhere = match mention.sort {
                Sort::File => self.has_path(mention.text),
                _ => self.has_name(mention.text),
            };
            if mention.elsewhere {
                mention.support = ELSEWHERE_SUPPORT;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_and_ends_of_paths_are_known_and_nothing_else() {
        let mut known = Elsewhere::default();
        known.add_path("src/git/wire.rs");
        let code = "impl Router {\n    pub fn handle_all(&self) { call_other(); }\n}\n\
                    enum State {\n    /// not_told\n    AtRest,\n}\n";
        let prose = "# Some heading_here\n\nText.\n";
        known.add_definitions(&Outline::of(code, "Rust"), code);
        known.add_definitions(&Outline::of(prose, "Markdown"), prose);
        for name in ["Router", "handle_all", "wire", "AtRest"] {
            assert!(known.has_name(name), "{name}");
        }
        for name in ["call_other", "Handle_all", "heading_here", "not_told"] {
            assert!(!known.has_name(name), "{name}");
        }
        for path in ["src/git/wire.rs", "git/wire.rs", "wire.rs"] {
            assert!(known.has_path(path), "{path}");
        }
        for path in ["rc/git/wire.rs", "src/git", "ire.rs"] {
            assert!(!known.has_path(path), "{path}");
        }
    }

    #[test]
    fn memory_is_bounded() {
        let mut known = Elsewhere::default();
        (0..=HASHES_MAX).for_each(|at| known.add_path(&format!("f{at}")));
        (0..HASHES_MAX).for_each(|at| assert!(known.has_path(&format!("f{at}"))));
        assert!(!known.has_path(&format!("f{HASHES_MAX}")));
        assert_eq!(known.names.len(), HASHES_MAX);
    }
}
