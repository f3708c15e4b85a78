//! Worked examples: an answer that takes an input, its question's or its own, and follows it through says numbers that stand nowhere in the
//! source. They displace none of its numbers.
//!
//! Owns what tells such an input, how long it is, and which sentences speak of it.

use super::evidence::EvidenceIndex;
use super::grounding::{Mention, Sort, UNKNOWN_SUPPORT, has_number, has_text};
use super::prose;
use super::words::{self, Kind};

/// So many sentences, at most, after the one with an example's input speak of it still.
const SENTENCES_AFTER: usize = 1;

/// A question that says one or two of something counts; "three and a half hours" are an input.
const COUNTED_MAX: f64 = 2.0;

/// Inputs that a question gives: quoted text, or code that is neither a name nor a call of names, where the source has it not.
pub fn inputs<'q>(question: &'q str, evidence: &EvidenceIndex) -> Vec<&'q str> {
    let code = prose::quotations(question, &['`']);
    let code = code.into_iter().filter(|span| is_data(span));
    let all = prose::literals(question).into_iter().chain(code);
    all.filter(|text| !has_text(text, evidence)).collect()
}

/// How many of a question's inputs an answer takes up as they are, to follow them through. One alone, with what stands in it, may only be named.
pub fn taken_up(inputs: &[&str], answer: &str) -> usize {
    const INPUT_BYTES_MIN: usize = 3;
    let is_inner = |text: &&&str| {
        let mut others = inputs.iter().filter(|other| *other != *text);
        others.any(|other| other.contains(**text))
    };
    let long = inputs.iter().filter(|text| text.len() >= INPUT_BYTES_MIN);
    let taken = long
        .filter(|text| !is_inner(text))
        .filter(|text| answer.contains(**text))
        .count();
    if taken > 1 { taken } else { 0 }
}

/// Whether a question asks to follow something through, or brings input of its own: then an answer may derive values from it.
pub fn asks_for_one(question: &str, inputs: &[&str], evidence: &EvidenceIndex) -> bool {
    const WORDS: [&str; 4] = ["trace ", "walk through", "step by step", "step through"];
    let folded = question.to_lowercase();
    let mut numbers = words::each_token(question).filter(|t| t.kind == Kind::Number);
    let mut in_words = folded
        .split(|c: char| !c.is_alphabetic())
        .filter_map(prose::number_of_word);
    WORDS.iter().any(|word| folded.contains(word))
        || numbers.any(|t| !has_number(t.text, evidence))
        || in_words.any(|value| value > COUNTED_MAX && evidence.number(value).next().is_none())
        || !inputs.is_empty()
}

/// Whether a code span is data rather than code: a mark stands in it that names, types and calls have not, or its brackets do not close.
fn is_data(span: &str) -> bool {
    let count = |mark: char| span.matches(mark).count();
    let is_open = [('(', ')'), ('[', ']'), ('{', '}')]
        .iter()
        .any(|(open, close)| count(*open) != count(*close));
    is_open || span.starts_with('/') || span.contains(['\\', '%', '"', '~', '^'])
}

/// Excuses the numbers of sentences that work an example through from displacing any of the source: the answer gives an input there, a
/// text without evidence or a number put into a call, or supposes a number that the source has not. What may be a place in one of the
/// question's `inputs` is excused everywhere.
pub fn excuse(found: &mut [Mention<'_>], inputs: &[&str]) {
    let gives_input = |m: &&Mention<'_>| match m.sort {
        Sort::Quote => m.support == 0.0,
        Sort::Number => m.is_input,
        _ => false,
    };
    let given = found.iter().filter(gives_input);
    let sentences: Vec<usize> = given.map(|m| m.sentence).collect();
    let is_own = |m: &&Mention<'_>| m.is_example && m.support == 0.0;
    let own: Vec<usize> = found.iter().filter(is_own).map(|m| m.sentence).collect();
    let longest = inputs.iter().map(|text| text.chars().count()).max();
    for mention in found.iter_mut().filter(|m| m.sort == Sort::Number) {
        let after = |from: &usize| (*from..=from + SENTENCES_AFTER).contains(&mention.sentence);
        let value = words::number_value(mention.text);
        let is_place = longest
            .zip(value)
            .is_some_and(|(end, value)| value <= end as f64);
        if is_place || own.contains(&mention.sentence) || sentences.iter().any(after) {
            mention.excuse = mention.excuse.max(UNKNOWN_SUPPORT);
            mention.is_example = true;
        }
    }
}

/// Lengths of the `inputs` of a question and of the texts of an answer's own, in characters.
pub fn lengths(found: &[Mention<'_>], inputs: &[&str]) -> Vec<f64> {
    const LENGTH_MIN: usize = 3;
    let quotes = found
        .iter()
        .filter(|m| m.sort == Sort::Quote && m.support == 0.0);
    let texts = quotes.map(|m| m.text).chain(inputs.iter().copied());
    let lengths = texts.map(|text| text.chars().count());
    lengths
        .filter(|length| *length >= LENGTH_MIN)
        .map(|length| length as f64)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::evidence::Evidence;
    use super::super::grounding;
    use super::super::markdown::Document;
    use super::*;

    const CHUNK: &str =
        "def squeeze(text, keep=2):\n    at = text.rfind('*') - 4\n    return text[:at]\n";

    fn index() -> EvidenceIndex {
        let evidence = Evidence {
            chunk: CHUNK,
            ..Evidence::default()
        };
        EvidenceIndex::new(&evidence, Default::default())
    }

    #[test]
    fn a_question_that_gives_an_input_asks_for_an_example() {
        let index = index();
        let asks = |question| asks_for_one(question, &inputs(question, &index), &index);
        for question in [
            "What does `squeeze` make of 'ab*cd'?",
            "What does `squeeze` make of `a\\*b`?",
            "What does `squeeze(text)` give for 17 stars?",
            "What does `squeeze` make of three stars?",
            "Walk through `squeeze` for a text that ends in a star.",
        ] {
            assert!(asks(question), "{question}");
        }
        for question in [
            "What does `squeeze(text, keep=2)` look for?",
            "What is `text[:at]` or `at[text]` in `squeeze`?",
            "Why does it look for '*' in its text?",
            "Which two parts has `squeeze`?",
        ] {
            assert!(!asks(question), "{question}");
        }
    }

    #[test]
    fn inputs_are_taken_up_only_where_more_than_one_is() {
        let index = index();
        let taken = |question: &str, answer: &str| taken_up(&inputs(question, &index), answer);
        let question = "What does `squeeze` make of 'ab*cd' and of \"x*yz\"?";
        assert_eq!(
            taken(question, "'ab*cd' ends at the star, and so does 'x*yz'."),
            2
        );
        assert_eq!(taken(question, "'ab*cd' ends at the star."), 0);
        assert_eq!(
            taken(
                "What is `squeeze(\"ab*cd\")`?",
                "`squeeze(\"ab*cd\")` is fine."
            ),
            0
        );
    }

    #[test]
    fn numbers_of_an_example_displace_none_and_others_may() {
        let index = index();
        let support = |question: &str, answer: &str, number: &str| {
            let document = Document::parse(answer);
            let inputs = inputs(question, &index);
            let sums = Default::default();
            let found = grounding::mentions(&document, question, &inputs, &sums, &index);
            found.iter().find(|m| m.text == number).unwrap().support
        };
        let plain = "What does `squeeze` do?";
        assert_eq!(
            support(plain, "In `squeeze` the star moves 7 back by `rfind`.", "7"),
            0.0
        );
        for answer in [
            "With \"ab*cdefgh\", `squeeze` finds it by `rfind` and moves 7 back.",
            "With 'ab*cd9', `squeeze` finds it by `rfind` and moves 7 back.",
            "Take `squeeze(\"xyz\", 9)`. Then `rfind` moves 7 back.",
            "For a text with 7 stars `squeeze` takes what `rfind` finds.",
        ] {
            assert!(support(plain, answer, "7") >= UNKNOWN_SUPPORT, "{answer}");
        }
        let given = "What does `squeeze` make of \"some*long*text\"?";
        let answer = "In `squeeze`, `rfind` stops at 9, of 14 in all, not 733.";
        assert_eq!(support(given, answer, "9"), UNKNOWN_SUPPORT);
        assert!(support(given, answer, "14") > UNKNOWN_SUPPORT);
        assert_eq!(support(given, answer, "733"), 0.0);
    }
}
