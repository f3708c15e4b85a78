//! Does a question ask about what is there? An answer may take up the names of its question, so an invented one would pass with it.
//!
//! Owns that look-up. What becomes of such a question is not its matter, nor whether it stands on a false premise on purpose.

use super::elsewhere::Elsewhere;
use super::evidence::EvidenceIndex;
use super::grounding::{Mention, Sort};
use super::markdown::Document;
use super::naming;
use super::prose;
use super::reading;
use super::relevance;
use super::words;

/// Whether everything in a question that looks like a name or a file stands in one of the `texts`, letter for letter: then nobody need look
/// closer.
pub fn names_what_stands_in(question: &str, texts: &[&str]) -> bool {
    let mut names = code_in(question).into_iter().chain(prose::files(question));
    names.all(|name| texts.iter().any(|text| has_whole(text, name)))
}

/// Whether a question names something that stands in a text, letter for letter, beside the `repository`. Needs no evidence.
pub fn names_part_of(question: &str, text: &str, repository: &str) -> bool {
    let mut names = code_in(question).into_iter();
    names.any(|name| !is_part(repository, name) && has_whole(text, name))
}

/// What a question marks as code, or what has the shape of it.
fn code_in(question: &str) -> Vec<&str> {
    let mut found = prose::quotations(question, &['`']);
    let words = question.split(|c: char| !words::is_word(c));
    found.extend(words.filter(|word| words::looks_like_code(word)));
    found
}

/// Whether a name is that of a repository, or its owner's.
fn is_part(repository: &str, name: &str) -> bool {
    let mut parts = repository.split('/');
    parts.any(|part| part.eq_ignore_ascii_case(name))
}

/// Whether a name stands in a text, and not as a part of a longer one.
fn has_whole(text: &str, name: &str) -> bool {
    let mut places = text.match_indices(name);
    places.any(|(at, name)| words::stands(text, at..at + name.len(), words::is_word))
}

/// The first name or file of a question that neither the evidence has nor, where it was looked up, the rest of the repository.
pub fn unknown_name(
    question: &str,
    evidence: &EvidenceIndex,
    elsewhere: Option<&Elsewhere>,
) -> Option<String> {
    let document = Document::parse(question);
    let mut mentions = reading::read(&document, "", evidence);
    if let Some(elsewhere) = elsewhere {
        elsewhere.mark(&mut mentions);
    }
    let inputs = inputs(question, &mentions);
    let mut asked_about = mentions
        .iter()
        .filter(|name| !stands_in(&inputs, name) && !is_askers(name, question))
        .filter(|name| !naming::is_word_of_a_name(name.text, question));
    asked_about
        .find(|name| name.is_unknown_name())
        .map(|name| name.text.to_owned())
}

/// Of the content words of a question, the share that its source has at least. Words of empty talk are there by chance, about one in five.
const SPOKEN_SHARE_MIN: f64 = 0.25;

/// Whether a question is about the source at all: it names something there beside the `repository`, or speaks of it by its words. Of those,
/// names of repository and file do not count: a question that has nothing else is about the file as a whole.
pub fn speaks_of(question: &str, repository: &str, evidence: &EvidenceIndex) -> bool {
    let tokens = words::each_token(question).filter(|token| !evidence.is_home(token.text));
    let asked = relevance::stems(tokens);
    let known = asked.iter().filter(|stem| evidence.has_stem(**stem));
    known.count() as f64 >= SPOKEN_SHARE_MIN * asked.len() as f64
        || reading::read(&Document::parse(question), "", evidence)
            .iter()
            .any(|name| {
                name.sort == Sort::Name && name.support > 0.0 && !is_part(repository, name.text)
            })
}

/// Whether a question has nothing but the words of any question: "Why is this why?"
pub fn says_nothing(question: &str) -> bool {
    relevance::stems(words::each_token(question)).is_empty()
}

/// Whether a code span is what is put in rather than what is asked about: the flag of a command, a number, a path, a pattern, a host or a line
/// of data.
fn is_put_in(span: &str) -> bool {
    const DOMAINS: [&str; 3] = [".com", ".org", ".net"];
    let leads = |c: char| c.is_ascii_digit() || matches!(c, '-' | '/' | '.');
    span.starts_with(leads)
        || span.contains("*.")
        || DOMAINS.iter().any(|domain| span.ends_with(domain))
        || span.contains(|c: char| c.is_whitespace() || "=#%~^@/".contains(c))
            && !span.contains('(')
}

/// Whether a code span is a command line with an argument, short flags or a pattern of names, or the question says that it is an example: it is put
/// in, whatever else is named.
fn is_example(span: &str, question: &str) -> bool {
    const FLAGS_MAX: usize = 5;
    const SAYS_SO: [&str; 4] = ["for instance", "for example", "e.g.", "such as"];
    let at = (span.as_ptr() as usize).saturating_sub(question.as_ptr() as usize);
    let before = &question[..at];
    let is_flags = |letters: &str| {
        letters.len() <= FLAGS_MAX && letters.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    span.starts_with('-') && span.contains(' ')
        || span.strip_prefix('-').is_some_and(is_flags)
        || span.contains("*.")
        || SAYS_SO.iter().any(|words| before.contains(words))
}

/// Whether a file may be one of who asks, as in "I serve index.html with ...", or one of a version, v1.9.0.json: nobody but they can know it.
fn is_askers(file: &Mention<'_>, question: &str) -> bool {
    let mut words = question.split(|c: char| !c.is_alphabetic());
    file.sort == Sort::File
        && (is_version(file.text) || words.any(|word| matches!(word, "I" | "my" | "My")))
}

/// Whether a file is named after a version: `v1.10.0-rc1.json`.
fn is_version(file: &str) -> bool {
    let mut parts = file.trim_start_matches('v').split('.');
    let is_number = |part: &str| part.parse::<u32>().is_ok();
    parts.next().is_some_and(is_number) && parts.next().is_some_and(is_number)
}

/// Quoted texts and data of a question that asks about something else by a name that is there: they are what it puts in, `'_foo'`, `--flag`.
fn inputs<'q>(question: &'q str, mentions: &[Mention<'_>]) -> Vec<&'q str> {
    let mut quoted = prose::literals(question);
    let code = prose::quotations(question, &['`']);
    quoted.extend(code.into_iter().filter(|span| is_put_in(span)));
    let is_asked_about =
        |m: &Mention<'_>| m.sort == Sort::Name && m.support > 0.0 && !stands_in(&quoted, m);
    if !mentions.iter().any(is_asked_about) {
        quoted.retain(|span| is_example(span, question));
    }
    quoted
}

fn stands_in(quoted: &[&str], name: &Mention<'_>) -> bool {
    quoted.iter().any(|text| has_whole(text, name.text))
}

#[cfg(test)]
mod tests {
    use super::super::evidence::Evidence;
    use super::*;

    const CHUNK: &str =
        "def load_lines(path, limit=20):\n    return open(path).readlines()[:limit]\n";

    fn unknown(question: &str) -> Option<String> {
        let evidence = Evidence {
            chunk: CHUNK,
            first_line: 1,
            context: "",
            repository: "acme/lines",
            path: "lines/load.py",
        };
        unknown_name(
            question,
            &EvidenceIndex::new(&evidence, Default::default()),
            None,
        )
    }

    #[test]
    fn a_question_without_names_is_told_from_empty_talk_by_its_words() {
        let evidence = Evidence {
            chunk: CHUNK,
            ..Evidence::default()
        };
        let index = EvidenceIndex::new(&evidence, Default::default());
        assert!(speaks_of(
            "What limits how many lines it loads?",
            "",
            &index
        ));
        assert!(speaks_of("Why?", "", &index));
        assert!(!speaks_of(
            "Can you help me find out how to make my life better?",
            "",
            &index
        ));
    }

    #[test]
    fn a_variable_may_be_called_after_its_type() {
        let evidence = Evidence {
            chunk: "class TagTracer:\n    def get(self, name): ...\n",
            ..Evidence::default()
        };
        let index = EvidenceIndex::new(&evidence, Default::default());
        let unknown = |question: &str| unknown_name(question, &index, None);
        assert_eq!(
            unknown("What does `tracer.get(1)` of a `TagTracer` give?"),
            None
        );
        assert_eq!(
            unknown("What does `plotter.get(1)` of a `TagTracer` give?").as_deref(),
            Some("plotter")
        );
    }

    #[test]
    fn a_question_is_about_a_text_that_has_a_name_of_its() {
        let names = |question: &str| names_part_of(question, CHUNK, "acme/lines");
        assert!(names("What does `load_lines` give back?") && names("Where does `limit` go?"));
        assert!(!names("What is `lines` for?") && !names("How does load_all limit lines?"));
    }

    #[test]
    fn invented_names_are_found_and_those_of_the_source_are_not() {
        let invented = "In lines, what is the purpose of the [LINES_HEADER_FONTS_119] function?";
        assert_eq!(unknown(invented).as_deref(), Some("LINES_HEADER_FONTS_119"));
        assert_eq!(
            unknown("How does `read_all` in `lines/load.py` end?").as_deref(),
            Some("read_all")
        );
        assert_eq!(
            unknown("What does 'read_all' do?").as_deref(),
            Some("read_all")
        );
        assert_eq!(
            unknown("What does `--read_all` do?").as_deref(),
            Some("read_all")
        );
        assert_eq!(
            unknown("What does `-read_all` do?").as_deref(),
            Some("read_all")
        );
        assert_eq!(
            unknown("Where is about_us.txt loaded?").as_deref(),
            Some("about_us.txt")
        );
        assert_eq!(
            unknown("What does `load_line` do with its limit?").as_deref(),
            Some("load_line")
        );
        for question in [
            "Does `load_lines` take `x*.example.com`, and `*.*.org`?",
            "Does it take `*.*.wide`?",
            "Why does it take `-xvf5` whole?",
            "In which order do v1.9.0.json and v1.10.0-rc1.json come?",
            "How does `load_lines` in `lines/load.py` of acme/lines treat `limit`?",
            "What does load_lines(path, limit=20) give back for a file of 30 lines?",
            "Why is a JSON file read line by line?",
            "What does `$limit` mean for `load_lines`?",
            "What does `load_lines` make of '_foo' and 'a_b.txt'?",
            "What does `load_lines` make of `--read_all=1` and `bar_baz = 2.x`?",
            "What becomes of `--read_all 3` if read_all is a number?",
            "What decides whether `--all b_c.txt` takes b_c.txt as its value?",
            "How are prefixes of a flag read, for instance `--read_all`?",
            "I load about_us.txt and the last line is missing. Why?",
        ] {
            assert_eq!(unknown(question), None, "{question}");
        }
    }

    #[test]
    fn what_stands_there_letter_for_letter_needs_no_closer_look() {
        let known = [CHUNK, "lines/load.py", "acme/lines"];
        assert!(names_what_stands_in(
            "How does `load_lines` in load.py treat its limit?",
            &known
        ));
        assert!(!names_what_stands_in(
            "How does load_all treat its limit?",
            &known
        ));
        assert!(!names_what_stands_in(
            "How does `load` in main.py treat it?",
            &known
        ));
        for part in [
            "`load_line`",
            "`oad_lines`",
            "`load_lines(pat`",
            "read_line",
        ] {
            let question = format!("What does {part} do with its limit?");
            assert!(!names_what_stands_in(&question, &known), "{question}");
        }
        assert!(names_what_stands_in(
            "What does `load_lines(path` do, and `open(path).readlines()[:limit]`?",
            &known
        ));
    }
}
