//! Talk about the prompt instead of the software: "based on the provided code", "this snippet shows".
//!
//! Owns the phrases, and what tells them from true talk about software that itself has to do with code, contexts, snippets or users: the source
//! speaks of that thing, and the phrase does not frame the sentence.

use super::evidence::EvidenceIndex;
use super::phrases::Phrases;
use super::relevance;
use super::words;
use std::sync::LazyLock;

/// The first phrase in a folded text (lower case, single spaces) that speaks of the prompt.
pub fn first(folded: &str, evidence: &EvidenceIndex) -> Option<String> {
    let mut found = PHRASES.each(folded, evidence);
    let leak = found.find(|range| {
        let (before, phrase) = (&folded[..range.start], &folded[range.clone()]);
        !is_subject_matter(before, phrase, &folded[range.end..], evidence)
    })?;
    Some(folded[leak].trim().to_owned())
}

/// Whether a phrase may speak of what the source is about.
fn is_subject_matter(before: &str, phrase: &str, after: &str, evidence: &EvidenceIndex) -> bool {
    let has = |list: &[&str]| {
        let mut words = phrase.split(' ');
        words.any(|word| list.contains(&word) && is_spoken_of(word, evidence))
    };
    has(&THINGS) || has(&MATERIALS) && !frames(before, phrase, after)
}

/// What only few programs deal with.
const THINGS: [&str; 5] = ["snippet", "excerpt", "chunk", "question", "user"];
/// What nearly all do.
const MATERIALS: [&str; 6] = ["code", "source", "text", "file", "information", "context"];

fn is_spoken_of(word: &str, evidence: &EvidenceIndex) -> bool {
    let mut stems = relevance::stems_of(word);
    evidence.has(words::hash(word)) || stems.any(|stem| evidence.has_stem(stem))
}

/// Whether a phrase frames its sentence: only words that lead to it stand before, or it is shown in what the phrase names.
fn frames(before: &str, phrase: &str, after: &str) -> bool {
    const LEADING: &str = "based on in from according to per looking at given as shown seen can be is the this your by and so here of all with only";
    const SHOWING: [&str; 7] = [
        "based on the",
        "according to the",
        "shown in the",
        "seen in the",
        "looking at the",
        "as per the",
        "follows from the",
    ];
    /// What provides, or receives, makes a thing of the software.
    const AGENTS: [&str; 6] = [" by ", " to ", " as ", " via ", " when ", " through "];
    let has_agent =
        AGENTS.iter().any(|agent| after.starts_with(agent)) && !after.starts_with(" by you");
    let is_provided = phrase.ends_with("provided") && has_agent;
    let sentence = before
        .rsplit(['.', '!', '?', ';', ':'])
        .next()
        .unwrap_or(before);
    let leads = |word: &str| {
        let word = word.trim_matches(|c: char| !c.is_alphanumeric());
        LEADING.split(' ').any(|leading| leading == word)
    };
    let shows = SHOWING
        .iter()
        .any(|words| sentence.trim_end().ends_with(words));
    !is_provided && (shows || sentence.split_whitespace().all(leads))
}

static PHRASES: LazyLock<Phrases> = LazyLock::new(|| {
    Phrases::new([
        "provided code",
        "provided snippet",
        "provided source",
        "provided excerpt",
        "provided file content",
        "provided text",
        "provided context",
        "code provided",
        "snippet provided",
        "source provided",
        "excerpt provided",
        "file provided",
        "information provided",
        "provided information",
        "context provided",
        "given snippet",
        "given excerpt",
        "given code snippet",
        "given source code",
        "code you shared",
        "code you provided",
        "code you've provided",
        "code you have provided",
        "file you shared",
        "file you provided",
        "file you've provided",
        "file you have provided",
        "source you shared",
        "source you provided",
        "snippet you shared",
        "snippet you provided",
        "what you shared",
        "you pasted",
        "code snippet",
        "this snippet",
        "the snippet",
        "this excerpt",
        "the excerpt",
        "based on the context",
        "based on the code",
        "based on the source",
        "according to the context",
        "from the context given",
        "in the given code",
        "the given context",
        "as an ai",
        "ai language model",
        "as a language model",
        "my training data",
        "my knowledge cutoff",
        "the source text shows",
        "the source text does not",
        "the source text doesn't",
        "the source text leaves",
        "the source text states",
        "the source text says",
        "the source text mentions",
        "the source text specifies",
        "the source text indicates",
        "the source text tells",
        "this chunk",
        "the chunk above",
        "the user asks",
        "let me think",
        "this task requires you to",
        "the question asks",
        "the question is asking",
        "here is the answer",
        "here's the answer",
        "keep your answer",
    ])
});

#[cfg(test)]
mod tests {
    use super::super::evidence::Evidence;
    use super::*;

    #[test]
    fn talk_about_the_prompt_is_told_from_talk_about_software_of_that_kind() {
        let evidence = Evidence {
            chunk: "def render(source, context):\n    check(code)\n    for chunk in user.file: pass\n",
            ..Evidence::default()
        };
        let index = EvidenceIndex::new(&evidence, Default::default());
        let bare = EvidenceIndex::new(&Evidence::default(), Default::default());
        for honest in [
            "it validates the provided code.",
            "names come from the context provided by the caller.",
            "this chunk is appended to the list.",
            "it picks a message based on the code.",
            "when the user asks for help, it exits.",
            "it renders with the given context.",
        ] {
            assert_eq!(first(honest, &index), None, "{honest}");
            assert!(first(honest, &bare).is_some(), "{honest}");
        }
        for leak in [
            "based on the provided code, it fails.",
            "the provided code checks it.",
            "it fails. in the provided source, it is checked.",
            "it fails, as shown in the provided code.",
            "based on the code, it fails.",
            "the code provided by you fails.",
            "as an ai i fail.",
            "the snippet shows it.",
            "the source text leaves open what fails.",
        ] {
            assert!(first(leak, &index).is_some(), "{leak}");
        }
        assert_eq!(
            first("if you have provided a key, it is used.", &bare),
            None
        );
    }
}
