//! The optional second word of a line: a branch, a tag or a commit.

/// What of a repo is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// The branch that upstream's HEAD names.
    DefaultBranch,
    /// A branch or a tag, by its short or full (`refs/…`) name; a branch wins over a tag.
    Named(String),
    /// One commit, by all 40 digits of its name, lower case.
    Commit(String),
}

/// Why a word cannot be a branch, tag or commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the second word is no branch, tag or commit name; use a name that `git check-ref-format` accepts"
)]
pub struct ReferenceError;

impl Wanted {
    /// Reads the second word of a line.
    ///
    /// # Errors
    /// When git could not have a reference of that name.
    pub fn parse(word: &str) -> Result<Self, ReferenceError> {
        if word.len() == 40 && word.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(Wanted::Commit(word.to_ascii_lowercase()));
        }
        if is_reference_name(word) {
            return Ok(Wanted::Named(word.to_owned()));
        }
        Err(ReferenceError)
    }
}

/// The rules of git-check-ref-format(1), with one-level names allowed.
fn is_reference_name(name: &str) -> bool {
    let bad_byte = |byte: u8| byte <= b' ' || byte == 0x7f || b"~^:?*[\\".contains(&byte);
    let bad_part = |part: &str| part.is_empty() || part.starts_with('.') || part.ends_with(".lock");
    name != "@"
        && !name.starts_with('-')
        && !name.ends_with('.')
        && !name.contains("..")
        && !name.contains("@{")
        && !name.bytes().any(bad_byte)
        && !name.split('/').any(bad_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_gits_rules() {
        for good in [
            "main",
            "v1.0",
            "feature/x",
            "refs/tags/v1",
            "grün",
            "a@b",
            "abc1234",
        ] {
            assert_eq!(Wanted::parse(good), Ok(Wanted::Named(good.to_owned())));
        }
        let bad = [
            "",
            "-x",
            "--upload-pack=sh",
            "a..b",
            "a/",
            "/a",
            "a//b",
            ".a",
            "a/.b",
            "a.lock",
            "a.lock/b",
            "a.",
            "@",
            "a@{1}",
            "a^",
            "a~1",
            "a:b",
            "a?",
            "a*",
            "a[b",
            "a\\b",
            "a b",
            "a\x7f",
            "a\nb",
        ];
        for word in bad {
            assert_eq!(Wanted::parse(word), Err(ReferenceError), "{word:?}");
        }
    }

    #[test]
    fn forty_digits_are_a_commit() {
        let id = "ABCDEF0123456789abcdef0123456789abcdef01";
        assert_eq!(Wanted::parse(id), Ok(Wanted::Commit(id.to_lowercase())));
        assert!(matches!(Wanted::parse(&id[1..]), Ok(Wanted::Named(_))));
    }
}
