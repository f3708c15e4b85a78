//! What can be told from prose by its form alone: quotations, file names, line references, ends of sentences.
//!
//! Owns these small readings. Looks nothing up.

use super::words::{Kind, Token};

/// Straight and curly double quotes.
pub const DOUBLE_QUOTES: [char; 3] = ['"', '“', '”'];

/// Texts between two of the marks, on one line, not empty.
pub fn quotations<'a>(text: &'a str, marks: &[char]) -> Vec<&'a str> {
    if !marks.iter().any(|mark| text.contains(*mark)) {
        return Vec::new();
    }
    text.lines()
        .flat_map(|line| quotations_of_line(line, marks))
        .collect()
}

/// String literals of code, and quoted input in a question: between double quotes, or between single ones.
pub fn literals(code: &str) -> Vec<&str> {
    let mut found = quotations(code, &DOUBLE_QUOTES);
    found.extend(single_literals(code));
    found
}

/// Texts between single quotes.
pub fn single_literals(code: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(open) = code[at..].find('\'').map(|offset| at + offset) {
        let literal = single_quoted(code, open);
        found.extend(literal);
        at = open + 1 + literal.map_or(0, |inner| inner.len() + 1);
    }
    found
}

/// Longest literal that is taken for one; beyond it two apostrophes have met.
const LITERAL_BYTES_MAX: usize = 80;

/// The text of a single-quoted literal: on one line, with no letter right before or after it and no `&` or `<` before it, which tells it from apostrophes and Rust's
/// lifetimes.
fn single_quoted(code: &str, open: usize) -> Option<&str> {
    let rest = &code[open + 1..];
    let inner = &rest[..rest.find('\'')?];
    let lettered = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let borrowed = code[..open].ends_with(['&', '<']);
    let joined = borrowed
        || lettered(code[..open].chars().next_back())
        || lettered(rest[inner.len() + 1..].chars().next());
    let fits = !inner.trim().is_empty() && inner.len() <= LITERAL_BYTES_MAX;
    let plain = !inner.contains('\n') && inner.trim() == inner;
    (fits && plain && !joined).then_some(inner)
}

fn quotations_of_line<'a>(line: &'a str, marks: &[char]) -> Vec<&'a str> {
    let mut found = Vec::new();
    let mut places = line.match_indices(marks);
    while let (Some((open, mark)), Some((close, _))) = (places.next(), places.next()) {
        let inner = &line[open + mark.len()..close];
        if !inner.trim().is_empty() {
            found.push(inner);
        }
    }
    found
}

/// Suffixes of files that answers about source code name.
const FILE_SUFFIXES: &str = "py pyi rs js mjs cjs jsx ts tsx go java c h cc cpp hpp cxx cs kt swift scala rb php sh bash lua pl r jl ex exs \
     hs ml clj toml json yaml yml md rst txt cfg ini xml html css scss sql proto cmake gradle lock mk";

/// File names and paths in running text: `src/eval.rs`, `setup.cfg`; not `Node.js`, which is a name.
pub fn files(text: &str) -> Vec<&str> {
    let begins_suffix = |pair: &[u8]| pair[0] == b'.' && pair[1].is_ascii_lowercase();
    if !text.as_bytes().windows(2).any(begins_suffix) {
        return Vec::new();
    }
    let word_end =
        |c: char| c.is_whitespace() || matches!(c, ',' | ';' | '(' | ')' | '"' | '\'' | '*');
    let words = text
        .split(word_end)
        .map(|w| w.trim_matches(|c: char| !c.is_alphanumeric()));
    words.filter(|word| is_file(word)).collect()
}

fn is_file(word: &str) -> bool {
    let Some((stem, suffix)) = word.rsplit_once('.') else {
        return false;
    };
    let known = FILE_SUFFIXES.split_whitespace().any(|s| s == suffix);
    let plain = stem
        .chars()
        .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/'));
    let brand = suffix == "js" && stem.starts_with(char::is_uppercase) && !stem.contains('/');
    known && plain && !stem.is_empty() && !brand
}

/// Whether a number only counts the items of a list, or headings: it begins a line, or follows a word such as "Step" there, and a full stop,
/// bracket or colon follows: `2. `, `**3) `, `### Step 4: `.
pub fn is_item_number(text: &str, tokens: &[Token<'_>], at: usize) -> bool {
    let line_start = text[..tokens[at].start]
        .rfind('\n')
        .map_or(0, |newline| newline + 1);
    let before = text[line_start..tokens[at].start].trim_matches(is_heading_mark);
    let is_step = ["step", "phase", "stage", "part", "case"]
        .iter()
        .any(|word| before.eq_ignore_ascii_case(word));
    let marked = tokens.get(at + 1).is_some_and(|t| {
        let ends = matches!(t.text, "." | ")") || is_step && t.text.starts_with([':', '*', '-']);
        ends && t.start == tokens[at].end()
    });
    marked && (before.is_empty() || is_step)
}

/// What a line may begin with before its first word.
fn is_heading_mark(c: char) -> bool {
    c.is_whitespace() || matches!(c, '*' | '#' | '>' | '_')
}

/// Whether the word before a number says that it is not exact: "about 12".
pub fn is_about(tokens: &[Token<'_>], at: usize) -> bool {
    let before = at.checked_sub(1).map_or("", |i| tokens[i].text);
    matches!(
        before,
        "about" | "around" | "roughly" | "approximately" | "nearly" | "almost" | "~" | "≈"
    )
}

/// Whether a number begins an item of a list, whose case it then labels: `- 3 failures: ...`.
pub fn begins_item(text: &str, token: &Token<'_>) -> bool {
    let line_start = text[..token.start].rfind('\n').map_or(0, |at| at + 1);
    matches!(
        text[line_start..token.start].trim(),
        "-" | "*" | "+" | "•" | "- **" | "* **" | "|"
    )
}

/// Words with which a sentence says that what it tells is an example.
const EXAMPLE_WORDS: [&str; 9] = [
    "example",
    "e.g.",
    "for instance",
    "such as",
    "suppose",
    "imagine",
    "something like",
    "would ",
    "say,",
];

/// Whether the sentence up to a place says that it gives an example, or what follows there does: "9, for example, ".
pub fn gives_example(text: &str, at: usize) -> bool {
    const AFTERTHOUGHTS: [&str; 3] = [", for example", ", for instance", ", say"];
    let sentence = sentence_before(text, at).0.to_lowercase();
    let word_end = text[at..].find(|c: char| c.is_whitespace() || c == ',');
    let behind = &text[word_end.map_or(text.len(), |end| at + end)..];
    EXAMPLE_WORDS.iter().any(|word| sentence.contains(word))
        || AFTERTHOUGHTS.iter().any(|word| behind.starts_with(word))
        || supposes_count(&sentence)
}

/// Whether the sentence that goes on at the end of a text begins by giving an example: "For instance, ". `before` tells whether it did so
/// before the text, which may begin in its midst.
pub fn opens_example(text: &str, before: bool) -> bool {
    const OPENINGS: [&str; 10] = [
        "for example",
        "for instance",
        "e.g.",
        "suppose",
        "imagine",
        "say,",
        "say ",
        "take ",
        "assume",
        "consider",
    ];
    let (sentence, goes_on) = sentence_before(text, text.len());
    let sentence = sentence.trim_start().to_lowercase();
    before && goes_on
        || OPENINGS.iter().any(|word| sentence.starts_with(word))
        || supposes_count(&sentence)
}

/// Whether the sentence at a place began before the text.
pub fn goes_on(text: &str, at: usize) -> bool {
    sentence_before(text, at).1
}

/// The sentence up to a place, and whether it may have begun before the text.
fn sentence_before(text: &str, at: usize) -> (&str, bool) {
    let head = &text[..at];
    let start = [". ", "? ", "! ", "\n"]
        .iter()
        .filter_map(|end| Some(head.rfind(end)? + end.len()))
        .filter(|start| !head[..*start].ends_with("e.g. "))
        .max();
    (&head[start.unwrap_or(0)..], start.is_none())
}

/// Whether the words before a number make it one of an instance that is not the source's: "a version like 2", "with 8 workers", "a string of 3
/// letters".
pub fn is_instance(tokens: &[Token<'_>], at: usize) -> bool {
    let before = |back: usize| at.checked_sub(back).map_or("", |i| tokens[i].text);
    let is_one = |text: &str| matches!(text, "a" | "an" | "A" | "An");
    match before(1) {
        "like" | "Like" | "say" | "with" | "With" | "given" | "Given" | "for" | "For" => true,
        "of" => is_one(before(3)) && CONTAINERS.contains(&before(2)),
        "length" => before(2) == "of",
        _ => false,
    }
}

/// Whether a number has a sign of its own before it: `-2`, but not `UTF-8`, `3 - 2` or `2-4`.
pub fn is_negative(text: &str, token: &Token<'_>) -> bool {
    let head = &text[..token.start];
    let Some(before) = head.strip_suffix('-').or_else(|| head.strip_suffix('−')) else {
        return false;
    };
    let opens =
        before.is_empty() || before.ends_with(|c: char| c.is_whitespace() || "(`\"'[,".contains(c));
    let is_operand = |c: char| c.is_ascii_digit() || c == ')' || c == ']';
    opens && !before.trim_end().ends_with(is_operand)
}

/// Whether the words before a number compare with it and leave it out: "less than 5", "above 5". Then it is the bound that the source has.
pub fn is_left_out(tokens: &[Token<'_>], at: usize) -> bool {
    let before = at.checked_sub(1).map_or("", |i| tokens[i].text);
    matches!(
        before,
        "than"
            | "below"
            | "under"
            | "above"
            | "over"
            | "beyond"
            | "exceeds"
            | "exceed"
            | "<"
            | ">"
            | "before"
            | "after"
    )
}

/// What holds any number of things.
const CONTAINERS: [&str; 18] = [
    "string", "text", "word", "line", "input", "list", "array", "vector", "slice", "tuple", "set",
    "map", "queue", "stack", "sequence", "buffer", "body", "file",
];

/// "With three items, ...": a sentence that begins by supposing how many there are.
fn supposes_count(sentence: &str) -> bool {
    const COUNTS: &str = "one two three four five six seven eight nine ten";
    let mut words = sentence.split_whitespace();
    let supposes = words
        .next()
        .is_some_and(|word| matches!(word, "with" | "given" | "for"));
    let is_count =
        |word: &str| word.parse::<u64>().is_ok() || COUNTS.split(' ').any(|count| count == word);
    supposes && words.next().is_some_and(is_count)
}

/// The number that a word tells: "four", "quarter", "twice".
pub fn number_of_word(word: &str) -> Option<f64> {
    let value = match word.to_ascii_lowercase().as_str() {
        "two" | "twice" | "double" | "doubled" | "doubles" | "half" | "halved" | "halves"
        | "pair" => 2.0,
        "three" | "third" | "thirds" | "triple" | "tripled" => 3.0,
        "four" | "quarter" | "quarters" => 4.0,
        "five" => 5.0,
        "six" => 6.0,
        "seven" => 7.0,
        "eight" => 8.0,
        "nine" => 9.0,
        "ten" | "tenth" => 10.0,
        "eleven" => 11.0,
        "twelve" | "dozen" => 12.0,
        "hundred" | "percent" => 100.0,
        "thousand" => 1000.0,
        _ => return None,
    };
    Some(value)
}

/// Words that deny what is named after them, or set it apart.
const DENIALS: [&str; 9] = [
    "no", "not", "nor", "neither", "without", "never", "unlike", "rather", "instead",
];
/// A denial is among so many words before the name: "does not call `close`".
const DENIAL_WORDS: usize = 2;

/// Whether the end of a text denies what is named next. Where the name before was denied, so is one after a mere comma, "and" or "or".
pub fn denies(text: &str, before: bool) -> bool {
    let sentence = text.rsplit(['.', ';', ':', '\n']).next().unwrap_or(text);
    let mut words = sentence.split_whitespace();
    let is_joint = |word: &str| matches!(word, "," | "and" | "or" | "nor" | "no" | "/");
    if before && sentence.len() == text.len() && words.clone().all(is_joint) {
        return true;
    }
    let is_denial = |word: &str| DENIALS.iter().any(|no| no.eq_ignore_ascii_case(word));
    let in_time = |word: &&str| !word.ends_with(',');
    words
        .by_ref()
        .rev()
        .take(DENIAL_WORDS)
        .take_while(in_time)
        .any(is_denial)
}

/// Whether a number, the first of some tokens, counts bits or bytes: `24 bits`, `200-byte`, `70, 71 or 72 bytes`.
pub fn counts_bits(tokens: &[Token<'_>]) -> bool {
    let unit = match tokens {
        [_, dash, unit, ..] if dash.text == "-" => unit,
        [_, joint, next, ..]
            if matches!(joint.text, "," | "or" | "and" | "to") && next.kind == Kind::Number =>
        {
            return counts_bits(&tokens[2..]);
        }
        [_, unit, ..] => unit,
        _ => return false,
    };
    matches!(unit.text, "bit" | "bits" | "byte" | "bytes")
}

/// Last token of the number that begins at a place, for numbers with separators: `86,400,000`.
pub fn end_of_number(tokens: &[Token<'_>], at: usize) -> usize {
    let mut end = at;
    let is_group = |end: usize| {
        let [digits, comma, group, ..] = &tokens[end..] else {
            return false;
        };
        let joined = comma.start == digits.end() && group.start == comma.end();
        joined && comma.text == "," && group.text.len() == 3 && group.kind == Kind::Number
    };
    while tokens[at].text.len() <= 3 && is_group(end) {
        end += 2;
    }
    end
}

/// Whether the token before a number makes it a line number: `line 12`, `Lines 12`; the end of a range, `12-15`, follows its beginning.
pub fn is_line_number(tokens: &[Token<'_>], at: usize) -> bool {
    let before = |back: usize| at.checked_sub(back).map(|i| tokens[i].text);
    let says_line = |word: Option<&str>| {
        word.is_some_and(|w| w.eq_ignore_ascii_case("line") || w.eq_ignore_ascii_case("lines"))
    };
    let ranges = matches!(before(1), Some("-" | "–" | "to" | "and" | "through"));
    // Files have no line 0: who counts from there speaks of other lines.
    let first = if says_line(before(1)) {
        at
    } else {
        at.saturating_sub(2)
    };
    (says_line(before(1)) || (ranges && says_line(before(3)))) && tokens[first].text != "0"
}

/// Whether a token is a full stop or its like before white space, or a line's end.
pub fn ends_sentence(text: &str, token: &Token<'_>) -> bool {
    let follows = text[token.end()..].chars().next();
    matches!(token.text, "." | "!" | "?" | ";") && follows.is_none_or(char::is_whitespace)
}

/// Whether a sequence of tokens begins with a call without arguments: `close()`.
pub fn is_call(tokens: &[Token<'_>]) -> bool {
    let [name, open, close, ..] = tokens else {
        return false;
    };
    name.kind == Kind::Name && open.text == "(" && open.start == name.end() && close.text == ")"
}

#[cfg(test)]
mod tests {
    use super::super::words;
    use super::*;

    #[test]
    fn quotations_are_read_line_by_line() {
        assert_eq!(
            quotations("a \"b c\" “d” \"\" \"e\n\"f\"", &DOUBLE_QUOTES),
            ["b c", "d", "f"]
        );
        assert_eq!(
            literals("it's ['x', \"y z\"] &'a str, &'b f('')"),
            ["y z", "x"]
        );
        assert_eq!(literals("ms('1 month') isn't 'so'"), ["1 month", "so"]);
    }

    #[test]
    fn files_are_told_from_sentences_and_brands() {
        let text =
            "In src/a-b.rs (see setup.cfg), unlike Node.js and example.com, e.g. x. `c.d` at v1.2.";
        assert_eq!(files(text), ["src/a-b.rs", "setup.cfg"]);
    }

    #[test]
    fn headings_number_no_claim() {
        for (text, is) in [
            ("2. It", true),
            ("**3) It", true),
            ("### Step 4: It", true),
            ("**Step 5**: It", true),
            ("In step 6: It", false),
            ("7 is it", false),
        ] {
            let tokens = words::tokens(text);
            let at = tokens.iter().position(|t| t.kind == Kind::Number).unwrap();
            assert_eq!(is_item_number(text, &tokens, at), is, "{text}");
        }
    }

    #[test]
    fn denials_reach_the_next_name_and_its_list() {
        for (text, before, denied) in [
            ("It has no ", false, true),
            ("It does not call ", false, true),
            ("Not so: it calls ", false, false),
            ("no arguments are passed on to ", false, false),
            (" or ", true, true),
            (" and no ", false, true),
            (" is what ", true, false),
            ("rather than ", false, true),
        ] {
            assert_eq!(denies(text, before), denied, "{text}");
        }
    }

    #[test]
    fn a_supposed_count_makes_an_example() {
        let text = "It is 5. With three items, attempt 10 uses index 2. Within 7.";
        let tokens = words::tokens(text);
        let number = |digits: &str| *tokens.iter().find(|t| t.text == digits).unwrap();
        assert!(gives_example(text, number("10").start));
        for other in ["5", "7"] {
            assert!(!gives_example(text, number(other).start), "{other}");
        }
        for (text, before, opens) in [
            ("It is so. For instance, ", false, true),
            (" gives 5 and ", true, true),
            (" gives 5. Then ", true, false),
            ("One, for example this, is ", false, false),
        ] {
            assert_eq!(opens_example(text, before), opens, "{text}");
        }
    }

    #[test]
    fn instances_and_bounds_are_told_by_the_words_before() {
        let text =
            "a version like 3, a list of 4 items and a limit of 5 for 6, fewer than 7, at most 8";
        let tokens = words::tokens(text);
        let those = |is: fn(&[Token<'_>], usize) -> bool| -> Vec<&str> {
            let numbers = (0..tokens.len()).filter(|&i| tokens[i].kind == Kind::Number);
            numbers
                .filter(|&i| is(&tokens, i))
                .map(|i| tokens[i].text)
                .collect()
        };
        assert_eq!(those(is_instance), ["3", "4", "6"]);
        assert_eq!(those(is_left_out), ["7"]);
        assert_eq!(number_of_word("Quarter"), Some(4.0));
        assert_eq!(
            number_of_word("one"),
            None,
            "it stands for a noun more often"
        );
    }

    #[test]
    fn line_numbers_are_told_from_other_numbers() {
        let tokens =
            words::tokens("on line 12 and in Lines 3-5, 7 of 9; lines 0 and 4 of the output");
        let numbers: Vec<&str> = (0..tokens.len())
            .filter(|&i| tokens[i].kind == Kind::Number && is_line_number(&tokens, i))
            .map(|i| tokens[i].text)
            .collect();
        assert_eq!(numbers, ["12", "3", "5"]);
    }

    #[test]
    fn numbers_of_items_and_groups_of_digits_are_told() {
        let text = "takes 86,400,000 or 1, 200\n1. One.\n 2) Two.\n3.5";
        let tokens = words::tokens(text);
        let at = |number: &str| tokens.iter().position(|t| t.text == number).unwrap();
        assert_eq!(tokens[end_of_number(&tokens, at("86"))].text, "000");
        assert_eq!(end_of_number(&tokens, at("1")), at("1"));
        let items: Vec<&str> = (0..tokens.len())
            .filter(|&i| is_item_number(text, &tokens, i))
            .map(|i| tokens[i].text)
            .collect();
        assert_eq!(items, ["1", "2"]);
    }
}
