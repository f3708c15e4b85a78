//! Finds what an answer names, in its prose and its code.
//!
//! Owns the extraction of mentions and the support of names. Ordinary English is never asked for evidence; neither are keywords and everyday
//! library names.

use super::evidence::{EvidenceIndex, Support};
use super::grounding::{
    ASKED_SUPPORT, Mention, Sort, UNKNOWN_SUPPORT, contains, has_file, has_number, has_quote,
    has_text,
};
use super::markdown::{Document, Piece};
use super::naming;
use super::own;
use super::prose::{self, DOUBLE_QUOTES};
use super::standards;
use super::vocabulary;
use super::words::{self, HashedSet, Kind, Token};
use std::ops::RangeInclusive;

/// Support of a name that the evidence has in another spelling only.
const FOLDED_SUPPORT: f64 = 0.8;
/// Support of a name that the evidence has not and the answer says is not there: "it has no `close`".
const DENIED_SUPPORT: f64 = 0.7;
/// Support of a name that needs no evidence, where there is none.
const COMMON_SUPPORT: f64 = 0.5;
/// A name shorter than this one and without evidence claims nothing: `ab`, `-lr`.
const NAME_CHARS_MIN: usize = 3;
/// Shortest name that counts as asked for where the question has it as a part of another word.
const PART_CHARS_MIN: usize = 3;
/// For a number that an example of the answer's own takes as input, and for an address such as 10.0.0.1.
const INPUT_EXCUSE: f64 = 0.9;
/// For a number in a sentence that says it gives an example, and for one that counts bits or bytes.
const EXAMPLE_EXCUSE: f64 = 0.7;

/// Reads the mentions of an answer, each once a sentence at most. Numbers are only known or not.
pub fn read<'a>(
    document: &Document<'a>,
    question: &str,
    evidence: &EvidenceIndex,
) -> Vec<Mention<'a>> {
    let in_question = words::tokens(question);
    let mut reader = Reader {
        question,
        asked: in_question.iter().map(|t| t.hash).collect(),
        asked_folded: in_question
            .iter()
            .filter(|t| t.kind == Kind::Name)
            .map(|t| words::hash_folded(t.text))
            .collect(),
        evidence,
        sentence: 0,
        supposes: false,
        denied: false,
        found: Vec::new(),
    };
    for piece in &document.pieces {
        match piece {
            Piece::Prose(text) => {
                reader.prose(text);
                reader.denied = prose::denies(text, reader.denied);
                reader.supposes = prose::opens_example(text, reader.supposes);
            }
            Piece::Span(code) => reader.code(code),
            Piece::Block { tag, code } => reader.block(code, is_data(tag)),
        }
    }
    reader.found
}

/// Whether a block's tag says that it holds no program.
fn is_data(tag: &str) -> bool {
    const FORMATS: [&str; 12] = [
        "",
        "text",
        "txt",
        "plain",
        "plaintext",
        "output",
        "json",
        "yaml",
        "yml",
        "toml",
        "ini",
        "http",
    ];
    FORMATS
        .iter()
        .any(|format| tag.eq_ignore_ascii_case(format))
}

fn unit(is_there: bool) -> f64 {
    f64::from(u8::from(is_there))
}

struct Reader<'a, 'e> {
    question: &'e str,
    asked: HashedSet,
    /// Its names, whatever their case and underscores.
    asked_folded: HashedSet,
    evidence: &'e EvidenceIndex,
    sentence: usize,
    /// Whether the sentence so far, in the pieces before, says that it gives an example.
    supposes: bool,
    /// Whether the words before deny what is named next.
    denied: bool,
    found: Vec<Mention<'a>>,
}

impl<'a> Reader<'a, '_> {
    /// All of a quotation is a claim. Of code that is mostly its own, such as a usage example, only the functions it calls and the members
    /// it takes from things of the source are; of data, `a.b: 1`, only the former.
    fn block(&mut self, code: &'a str, is_data: bool) {
        let quoted = code.lines().filter(|line| has_text(line, self.evidence));
        let is_quotation = 2 * quoted.count() >= code.lines().count();
        let declared = own::declared_names(code);
        let imported = own::imported_modules(code);
        for line in code.lines() {
            self.sentence += 1;
            if is_quotation {
                self.code(line);
            } else {
                self.example(line, is_data, &declared, &imported);
            }
        }
        self.sentence += 1;
    }

    fn example(
        &mut self,
        line: &'a str,
        is_data: bool,
        declared: &HashedSet,
        imported: &HashedSet,
    ) {
        let tokens = words::tokens(line);
        for (at, token) in tokens.iter().enumerate() {
            let is_called = tokens.get(at + 1).is_some_and(|next| next.text == "(");
            let own = declared.contains(&token.hash) || is_data && !is_called;
            match token.kind {
                Kind::Name if !own && self.is_borrowed(&tokens, at, imported) => {
                    self.name(token.text, false);
                }
                Kind::Number => self.number(token.text, INPUT_EXCUSE, ""),
                _ => {}
            }
        }
    }

    /// Whether an example takes a name from the source: by calling it, or as a member of something that the source has.
    fn is_borrowed(&self, tokens: &[Token<'a>], at: usize, imported: &HashedSet) -> bool {
        let member = at >= 2 && matches!(tokens[at - 1].text, "." | "::" | "->");
        if member {
            let base = tokens[at - 2].text;
            let foreign = vocabulary::is_known(base)
                || imported.contains(&words::hash(base)) && !self.evidence.is_home(base);
            return !foreign && self.evidence.name(base) == Support::Exact;
        }
        tokens.get(at + 1).is_some_and(|next| next.text == "(")
    }

    fn code(&mut self, code: &'a str) {
        let literals = prose::literals(code);
        for literal in &literals {
            self.add(
                literal,
                Sort::Quote,
                unit(has_quote(literal, self.evidence)),
            );
        }
        let told = |token: &Token<'_>| {
            literals
                .iter()
                .any(|part| contains(code, part, token.start))
        };
        let tokens = words::tokens(code);
        let is_quotation = self.evidence.run(&words::hashes(&tokens));
        let is_data = own::is_bytes(code) || own::is_timestamp(code);
        let mut inside: i32 = 0;
        for (at, token) in tokens.iter().enumerate() {
            match token.kind {
                Kind::Name if told(token) || own::is_escape(code, token) => {}
                Kind::Name => {
                    let is_own = own::is_placeholder(&tokens, at)
                        || own::is_standard_member(&tokens, at)
                            && !self.takes_from(tokens[at - 2].text);
                    self.name(token.text, is_own && !is_quotation);
                }
                Kind::Number if !told(token) => {
                    let is_input =
                        (inside > 0 || is_data) && !is_quotation || own::is_code_point(&tokens, at);
                    self.number(token.text, if is_input { INPUT_EXCUSE } else { 0.0 }, "");
                    self.marks_input(token.text, is_input);
                    self.marks_sign(code, token);
                }
                Kind::Mark => inside += bracket(token.text),
                _ => {}
            }
        }
    }

    /// Whether the source takes members from something.
    fn takes_from(&self, base: &str) -> bool {
        let base = words::hash(base);
        let joints = [".", "::"].map(words::hash);
        joints
            .iter()
            .any(|joint| self.evidence.follows(base, *joint))
    }

    fn prose(&mut self, text: &'a str) {
        let mut quotes = prose::quotations(text, &DOUBLE_QUOTES);
        let data = prose::single_literals(text).into_iter();
        quotes.extend(data.filter(|literal| literal.contains(|c: char| c.is_ascii_digit())));
        for quote in &quotes {
            match naming::before_definition(text, quote) {
                Some(before) => {
                    self.denied = prose::denies(before, false);
                    self.name(quote, false);
                }
                None => {
                    let is_there =
                        has_quote(quote, self.evidence) || naming::is_respelt(quote, self.question);
                    self.add(quote, Sort::Quote, unit(is_there));
                }
            }
        }
        let files = prose::files(text);
        for file in &files {
            self.add(file, Sort::File, unit(has_file(file, self.evidence)));
        }
        let told = [quotes, files].concat();
        let tokens = words::tokens(text);
        let mut at = 0;
        while at < tokens.len() {
            let end = match tokens[at].kind {
                Kind::Number => prose::end_of_number(&tokens, at),
                _ => at,
            };
            self.prose_token(text, &tokens, at..=end, &told);
            at = end + 1;
        }
    }

    /// Reads a token of prose, or the tokens of one number. Names inside quotations and file names were looked up with these.
    fn prose_token(
        &mut self,
        text: &'a str,
        tokens: &[Token<'a>],
        range: RangeInclusive<usize>,
        told: &[&str],
    ) {
        let at = *range.start();
        let token = tokens[at];
        let coded = || words::looks_like_code(token.text) || prose::is_call(&tokens[at..]);
        match token.kind {
            Kind::Number if prose::is_item_number(text, tokens, at) => {}
            Kind::Number if standards::is_of_standard(tokens, at) => self.standard(tokens, at),
            Kind::Number if prose::is_line_number(tokens, at) => self.line_number(token.text),
            Kind::Number if told.iter().any(|part| contains(text, part, token.start)) => {}
            Kind::Number => {
                let end = *range.end();
                self.prose_number(text, tokens, at, end);
            }
            Kind::Name if coded() && !told.iter().any(|part| contains(text, part, token.start)) => {
                self.denied = prose::denies(&text[..token.start], false);
                self.name(token.text, own::is_abbreviation(token.text))
            }
            Kind::Mark if prose::ends_sentence(text, &token) => self.sentence += 1,
            _ => {}
        }
    }

    /// A number of a standard claims nothing, unless there is no such standard.
    fn standard(&mut self, tokens: &[Token<'a>], at: usize) {
        let is_known = || self.evidence.run(&words::hashes(&tokens[at - 2..=at]));
        if standards::is_of_no_standard(tokens, at) && !is_known() {
            self.add(tokens[at].text, Sort::Name, 0.0);
        }
    }

    /// Reads a number of prose, of the tokens from one to another.
    fn prose_number(&mut self, text: &'a str, tokens: &[Token<'a>], at: usize, end: usize) {
        let token = tokens[at];
        let supposed = prose::gives_example(text, token.start)
            || self.supposes && prose::goes_on(text, token.start);
        let is_instance = prose::is_instance(tokens, at);
        let excused =
            supposed || prose::counts_bits(&tokens[end..]) || prose::begins_item(text, &token);
        let excuse = match token.text.matches('.').count() {
            3 => INPUT_EXCUSE,
            _ if own::is_code_point(tokens, at) || own::is_in_bytes(tokens, at) => INPUT_EXCUSE,
            _ if excused => EXAMPLE_EXCUSE,
            _ if prose::is_about(tokens, at) || is_instance => UNKNOWN_SUPPORT,
            _ => 0.0,
        };
        let unit = tokens.get(end + 1).map_or("", |next| next.text);
        let written = &text[token.start..tokens[end].end()];
        self.number(written, excuse, unit);
        self.marks_sign(text, &token);
        if let Some(mention) = self.found.iter_mut().rev().find(|m| m.text == written) {
            mention.may_bound = !prose::is_left_out(tokens, at);
            mention.is_example |= supposed || is_instance;
        }
    }

    /// Takes a name; one that `is_own` needs no evidence, where there is none.
    fn name(&mut self, name: &'a str, is_own: bool) {
        let known = self.evidence.name(name);
        let chars = name.chars().take(NAME_CHARS_MIN).count();
        if chars < 2 || chars < NAME_CHARS_MIN && known == Support::None {
            return;
        }
        let is_foreign = is_own
            || own::is_reserved(name)
            || own::is_numbered_letter(name)
            || own::is_readers(name)
            || vocabulary::is_unit(name)
            || vocabulary::is_in_passing(name);
        let is_common = vocabulary::is_known(name) || is_foreign && known == Support::None;
        let sort = if is_common { Sort::Common } else { Sort::Name };
        let support = match known {
            Support::Exact => 1.0,
            Support::Folded => FOLDED_SUPPORT,
            Support::None if naming::is_affix(name, self.evidence) => FOLDED_SUPPORT,
            Support::None | Support::Restyled if naming::is_without_mark(name, self.evidence) => {
                FOLDED_SUPPORT
            }
            Support::None | Support::Restyled
                if self.asked.contains(&words::hash(name))
                    || self.asked_folded.contains(&words::hash_folded(name))
                    || self.is_part_asked(name)
                    || naming::is_filled_in(name, self.question, self.evidence) =>
            {
                ASKED_SUPPORT
            }
            Support::None | Support::Restyled if self.denied => DENIED_SUPPORT,
            Support::None | Support::Restyled if sort == Sort::Common => COMMON_SUPPORT,
            Support::None | Support::Restyled => 0.0,
        };
        self.add(name, sort, support);
    }

    /// Whether the question has the name inside another word: `foo` of `foo_bar-1.0.whl`.
    fn is_part_asked(&self, name: &str) -> bool {
        let is_part = || self.question.contains(name) || naming::is_respelt(name, self.question);
        name.len() >= PART_CHARS_MIN && is_part()
    }

    fn number(&mut self, text: &'a str, excuse: f64, next: &'a str) {
        let support = unit(has_number(text, self.evidence));
        self.add(text, Sort::Number, support);
        if let Some(mention) = self.found.iter_mut().rev().find(|m| m.text == text) {
            mention.excuse = mention.excuse.max(excuse);
            mention.unit = next;
        }
    }

    /// Says of the last number read whether an example takes it as input.
    fn marks_input(&mut self, text: &str, is_input: bool) {
        if let Some(mention) = self.found.last_mut().filter(|m| m.text == text) {
            mention.is_input |= is_input && mention.support == 0.0;
        }
    }

    /// Says of the last number read whether the source has it with its sign.
    fn marks_sign(&mut self, text: &str, token: &Token<'_>) {
        let lacks = prose::is_negative(text, token) && !self.evidence.is_negated(token.hash);
        if let Some(mention) = self
            .found
            .last_mut()
            .filter(|m| m.text == token.text && lacks)
        {
            mention.lacks_sign = mention.support > 0.0;
            mention.support = 0.0;
        }
    }

    /// A line number must lie in the chunk.
    fn line_number(&mut self, text: &'a str) {
        let inside = text.parse().is_ok_and(|line| self.evidence.has_line(line));
        self.add(text, Sort::Line, unit(inside));
    }

    fn add(&mut self, text: &'a str, sort: Sort, support: f64) {
        let sentence = self.sentence;
        let mut same_sentence = self
            .found
            .iter()
            .rev()
            .take_while(|m| m.sentence == sentence);
        if same_sentence.any(|m| m.text == text && m.sort == sort) {
            return;
        }
        let asked = words::each_token(text).all(|t| self.asked.contains(&t.hash));
        self.found.push(Mention {
            text,
            sort,
            support,
            asked,
            elsewhere: false,
            sentence,
            excuse: 0.0,
            is_input: false,
            is_example: false,
            may_bound: false,
            lacks_sign: false,
            unit: "",
        });
    }
}

/// How much deeper a mark leads into brackets.
fn bracket(mark: &str) -> i32 {
    match mark {
        "(" | "[" => 1,
        ")" | "]" => -1,
        _ => 0,
    }
}
