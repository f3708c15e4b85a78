//! Lists of phrases, all looked for in one pass.
//!
//! Owns the lists, and the rule when a phrase counts: on word boundaries, and only where the source does not have it too.

use super::evidence::EvidenceIndex;
use super::words;
use crate::domain::prompt;
use aho_corasick::AhoCorasick;
use std::ops::Range;
use std::sync::LazyLock;

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
        let own = self.each(folded, evidence).next()?;
        Some(folded[own].trim().to_owned())
    }

    /// Where such phrases stand.
    pub fn each<'a>(
        &'a self,
        folded: &'a str,
        evidence: &'a EvidenceIndex,
    ) -> impl Iterator<Item = Range<usize>> + 'a {
        let automaton = self.automaton.iter();
        let matching = automaton.filter(move |automaton| automaton.is_match(folded));
        let found = matching.flat_map(move |automaton| automaton.find_overlapping_iter(folded));
        let standing =
            found.filter(move |found| words::stands(folded, found.range(), char::is_alphanumeric));
        let own =
            standing.filter(|found| !evidence.has_phrase(&self.list[found.pattern().as_usize()]));
        own.map(|found| found.range())
    }
}

/// First-person refusals and declarations that the answer cannot be given.
pub static REFUSALS: LazyLock<Phrases> = LazyLock::new(|| {
    Phrases::new([
        "i'm sorry",
        "i am sorry",
        "i apologize",
        "i apologise",
        "my apologies",
        "i cannot ",
        "i can't ",
        "i can not ",
        "i'm unable",
        "i am unable",
        "i'm not able",
        "i am not able",
        "i won't ",
        "i will not ",
        "i don't know",
        "i do not know",
        "i don't have",
        "i do not have",
        "i'm not sure",
        "i must decline",
        "i have to decline",
        "unfortunately, i ",
        "sorry, but",
        "as an ai",
        "cannot be determined from",
        "can't be determined from",
        "cannot be answered",
        "can't be answered",
        "not enough information",
        "insufficient information",
        "not enough context",
        "unable to answer",
        "no information is provided",
        "does not provide enough",
        "doesn't provide enough",
        "it is impossible to say",
        "cannot provide an answer",
    ])
});

/// Nobody in particular answers; of 574 true answers none says so of itself. "I will" may be about a counter.
pub static FIRST_PERSON: LazyLock<Phrases> =
    LazyLock::new(|| Phrases::new(["i am", "i'm", "i've", "i'd"]));

/// What the prompts say: a model that repeats it took its instructions for its subject.
pub static PROMPTS: LazyLock<Phrases> = LazyLock::new(|| {
    let sentences: Vec<String> = prompt::sentences().map(str::to_lowercase).collect();
    Phrases::new(sentences.iter().map(String::as_str))
});

/// Text that stands for text still to be written.
pub static PLACEHOLDERS: LazyLock<Phrases> = LazyLock::new(|| {
    Phrases::new([
        "todo",
        "fixme",
        "[insert",
        "<insert",
        "[your ",
        "<your ",
        "lorem ipsum",
        "your answer here",
        "answer goes here",
        "[placeholder",
        "<placeholder",
        "rest of the code",
        "rest of code",
        "existing code ...",
        "... existing code",
        "code omitted",
        " [...]",
        "[answer]",
        "[describe",
        "[explain",
        "[name of",
        "[function name",
        "implementation goes here",
        "your code here",
        "insert your",
    ])
});

/// Tags and roles of chat formats and reasoning; none belongs in an answer.
pub static MARKERS: LazyLock<Phrases> = LazyLock::new(|| {
    Phrases::new([
        "<think",
        "</think",
        "<thinking",
        "</thinking",
        "<reasoning",
        "</reasoning",
        "<reflection",
        "<scratchpad",
        "<|im_",
        "<|end",
        "<|start",
        "<|eot",
        "<|begin",
        "<|user",
        "<|assistant",
        "<|system",
        "[inst]",
        "[/inst]",
        "<<sys>>",
        "<</sys>>",
        "<s>",
        "</s>",
        "<start_of_turn>",
        "<end_of_turn>",
        "<eos>",
        "<bos>",
        "[end of text]",
        "### instruction",
        "### response",
        "<tool_call",
        "<function_call",
        "◁think",
    ])
});

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
