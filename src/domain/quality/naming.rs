//! Names that a text has in another form than the source: filled in from a pattern, parts of an input, in quotation marks.
//!
//! Owns these forms. What support such a name gets is `reading`'s.

use super::evidence::{EvidenceIndex, Support};
use super::prose::{self, DOUBLE_QUOTES};
use super::relevance;
use super::words;

/// Whether a name is filled in from a pattern: it has a number for a part, and every other part stands in the source or the question.
pub fn is_filled_in(name: &str, question: &str, evidence: &EvidenceIndex) -> bool {
    let is_number = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let is_known = |part: &str| {
        evidence.name(part) != Support::None
            || question.contains(part)
            || relevance::stems_of(part).all(|stem| evidence.has_stem(stem))
    };
    let parts: Vec<&str> = words::parts(name).collect();
    let mut numbered = parts.iter().filter(|part| is_number(part));
    parts.len() > 2
        && numbered.next().is_some()
        && parts.iter().all(|part| is_number(part) || is_known(part))
}

/// Whether a name is the end or the beginning that names of the source have in common, as its underscore says: "the `_byname` functions".
pub fn is_affix(name: &str, evidence: &EvidenceIndex) -> bool {
    const LETTERS_MIN: usize = 3;
    let is_open = name.starts_with('_') != name.ends_with('_');
    is_open && name.trim_matches('_').len() >= LETTERS_MIN && evidence.has_affix(name)
}

/// Whether the source has a name with the underscore that marks it as unused or private: `last` for `_last`.
pub fn is_without_mark(name: &str, evidence: &EvidenceIndex) -> bool {
    evidence.name(&format!("_{name}")) == Support::Exact
}

/// Whether a name is a part of an input of the question in another spelling: `HTTP_Response` of `HTTPResponse2`, `depth` of `DEBUG_DEPTH`.
pub fn is_respelt(name: &str, question: &str) -> bool {
    let plain = |text: &str| text.replace(['_', '-'], "").to_lowercase();
    words::looks_like_code(name) && plain(question).contains(&plain(name))
        || is_word_of_a_name(name, question)
}

/// Whether a name is one of the words that a longer name of the question is made of: `tracer` of `TagTracer`.
pub fn is_word_of_a_name(name: &str, question: &str) -> bool {
    let mut longer = question
        .split(|c: char| !words::is_word(c))
        .filter(|whole| words::looks_like_code(whole) && *whole != name);
    longer.any(|whole| words::parts(whole).any(|part| part.eq_ignore_ascii_case(name)))
}

/// What stands before `function named "dump"` in a text, where a quotation is so told to be the name of what only the source can define.
pub fn before_definition<'t>(text: &'t str, quote: &str) -> Option<&'t str> {
    const DEFINED: [&str; 8] = [
        "function",
        "method",
        "class",
        "struct",
        "macro",
        "trait",
        "interface",
        "enum",
    ];
    let is_name = quote.chars().all(words::is_word) && !quote.starts_with(|c: char| c.is_numeric());
    let at = (quote.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
    if !is_name || prose::gives_example(text, at) {
        return None;
    }
    let told = text.get(..at)?.trim_end_matches(DOUBLE_QUOTES).trim_end();
    let mut joints = ["named", "called"].iter();
    let unjoined = joints.find_map(|joint| told.strip_suffix(joint));
    let told = unjoined.unwrap_or(told).trim_end();
    DEFINED.iter().find_map(|kind| told.strip_suffix(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_a_name_of_the_question_is_known() {
        let question = "What is stored for DEBUG_DEPTH=ten by a `TagTracer`?";
        for name in ["depth", "tracer"] {
            assert!(is_respelt(name, question), "{name}");
        }
        for name in ["dept", "stored", "TagTracer", "debugger"] {
            assert!(!is_word_of_a_name(name, question), "{name}");
        }
    }
}
