//! Lists of phrases, all looked for in one pass.
//!
//! Owns the rule when a phrase counts: on word boundaries, and only where the source does not have it too.

use super::evidence::EvidenceIndex;
use aho_corasick::AhoCorasick;
use std::ops::Range;

/// A list of lower-case phrases, with the automaton made of it.
#[derive(Debug)]
pub struct Phrases {
    list: Vec<String>,
    automaton: Option<AhoCorasick>,
}

impl Phrases {
    /// Takes the list as it stands.
    pub fn new<'a>(list: impl IntoIterator<Item = &'a str>) -> Self {
        let list: Vec<String> = list.into_iter().map(str::to_owned).collect();
        Phrases {
            automaton: AhoCorasick::new(&list).ok(),
            list,
        }
    }

    /// The first phrase in a folded text (lower case, single spaces) that stands on word boundaries and that the source does not have.
    pub fn first(&self, folded: &str, evidence: &EvidenceIndex) -> Option<String> {
        let automaton = self.automaton.as_ref()?;
        if !automaton.is_match(folded) {
            return None;
        }
        let mut standing = automaton
            .find_overlapping_iter(folded)
            .filter(|found| stands(folded, found.range()));
        let own =
            standing.find(|found| !evidence.has_phrase(&self.list[found.pattern().as_usize()]));
        own.map(|found| folded[found.range()].trim().to_owned())
    }
}

/// Whether neither end of a range lies inside a word.
fn stands(text: &str, range: Range<usize>) -> bool {
    let lettered = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let (head, phrase, tail) = (
        &text[..range.start],
        &text[range.clone()],
        &text[range.end..],
    );
    let opens = lettered(phrase.chars().next()) && lettered(head.chars().next_back());
    let closes = lettered(phrase.chars().next_back()) && lettered(tail.chars().next());
    !opens && !closes
}

#[cfg(test)]
mod tests {
    use super::super::evidence::Evidence;
    use super::*;

    #[test]
    fn a_phrase_counts_on_word_boundaries_and_not_when_the_source_has_it() {
        let list = Phrases::new(["todo", "[insert", "as an ai"]);
        let evidence = Evidence {
            chunk: "struct Todo; // todo list",
            ..Evidence::default()
        };
        let index = EvidenceIndex::new(&evidence, Default::default());
        let bare = EvidenceIndex::new(&Evidence::default(), Default::default());
        for (text, found) in [
            ("a todo.", Some("todo")),
            ("mastodon", None),
            ("x [insert y", Some("[insert")),
            ("as an aid", None),
        ] {
            assert_eq!(list.first(text, &bare).as_deref(), found, "{text}");
        }
        assert_eq!(list.first("a todo.", &index), None);
    }
}
