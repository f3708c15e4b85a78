//! Errors planted into true answers: one function a kind.

use super::pairs::Pair;
use pipeline::domain::quality::words::{self, Kind};

/// An answer to be judged.
pub struct Planted {
    pub kind: String,
    pub id: String,
    pub question: String,
    pub answer: String,
    /// Index of the pair whose file is the evidence.
    pub evidence: usize,
}

/// The true answer at a place and everything planted into it. A kind that does not apply (no numbers, no conditions) is left out.
pub fn all(pairs: &[Pair], at: usize) -> Vec<Planted> {
    let pair = &pairs[at];
    let mut all = Vec::new();
    let mut add = |kind: &str, answer: Option<String>| {
        let changed = answer.filter(|a| kind == "good" || *a != pair.answer);
        all.extend(changed.map(|answer| Planted {
            kind: kind.to_owned(),
            id: pair.id.clone(),
            question: pair.question.clone(),
            answer,
            evidence: at,
        }));
    };
    let mut dice = Dice(words::hash(&pair.id));
    add("good", Some(pair.answer.clone()));
    if let (Some(wrong), Some(kind)) = (&pair.wrong_answer, &pair.wrong_kind) {
        add(&format!("twin {kind}"), Some(wrong.clone()));
        add("twin (all)", Some(wrong.clone()));
    }
    add("good, naming elsewhere", naming_elsewhere(pair));
    add(
        "renamed all",
        Some(rename(&pair.answer, usize::MAX, &mut dice)),
    );
    add("renamed one", Some(rename(&pair.answer, 1, &mut dice)));
    add(
        "numbers all",
        Some(renumber(&pair.answer, usize::MAX, &mut dice)),
    );
    add("numbers one", Some(renumber(&pair.answer, 1, &mut dice)));
    add("flipped all", Some(flip(&pair.answer, usize::MAX)));
    add("flipped one", Some(flip(&pair.answer, 1)));
    add("flipped in code", flip_code(&pair.answer));
    for share in [30, 50, 70, 90] {
        add("cut at character", Some(cut(&pair.answer, share)));
    }
    add("cut at sentence", cut_sentence(&pair.answer));
    for text in REFUSED {
        add("refused", Some((*text).to_owned()));
    }
    for text in GENERIC {
        add("generic", Some((*text).to_owned()));
        add(
            "generic, naming",
            Some(format!(
                "`{}` does the following. {text}",
                subject(&pair.question)
            )),
        );
    }
    add(
        "copied block",
        Some(copied(&pair.source, &pair.language, true)),
    );
    add(
        "copied plain",
        Some(copied(&pair.source, &pair.language, false)),
    );
    add(
        "repeated whole",
        Some(format!("{}\n\n{}", pair.answer, pair.answer)),
    );
    add("repeated sentence", repeat_sentence(&pair.answer, 3));
    add("repeated sentence once", repeat_sentence(&pair.answer, 1));
    for (kind, sentences) in [("rambling", 5), ("rambling at length", 12)] {
        add(kind, Some(ramble(&pair.answer, sentences, &mut dice)));
    }
    add(
        "rambling between",
        Some(interleave(&pair.answer, &mut dice)),
    );
    moved(pairs, at, &mut all);
    all
}

/// The answer moved to other files: with its question, and as the answer to the other file's question; near (same package) and far.
fn moved(pairs: &[Pair], at: usize, all: &mut Vec<Planted>) {
    let pair = &pairs[at];
    let others = |near: bool| {
        (1..pairs.len())
            .map(move |step| (at + step * 7) % pairs.len())
            .filter(move |&o| {
                (pairs[o].package == pair.package) == near && pairs[o].path != pair.path
            })
    };
    for (near, name) in [(true, "near"), (false, "far")] {
        let Some(other) = others(near).next() else {
            continue;
        };
        for (kind, question) in [
            ("whole", &pair.question),
            ("answer", &pairs[other].question),
        ] {
            all.push(Planted {
                kind: format!("moved {name}, {kind}"),
                id: format!("{} to {}", pair.id, pairs[other].id),
                question: question.clone(),
                answer: pair.answer.clone(),
                evidence: other,
            });
        }
    }
    let sibling = (1..pairs.len())
        .map(|step| (at + step) % pairs.len())
        .find(|&o| pairs[o].path == pair.path);
    if let Some(other) = sibling {
        all.push(Planted {
            kind: "answers another question".into(),
            id: pair.id.clone(),
            question: pairs[other].question.clone(),
            answer: pair.answer.clone(),
            evidence: at,
        });
    }
}

/// The true answer with one more sentence, which names something that another file of the package defines.
fn naming_elsewhere(pair: &Pair) -> Option<String> {
    let fits = |name: &&String| words::looks_like_code(name) && !pair.source.contains(*name);
    let names: Vec<&String> = pair.package_has.names.iter().filter(fits).collect();
    let name = names.get(Dice(words::hash(&pair.id)).roll(names.len().max(1)))?;
    Some(format!("{} Compare `{name}`.", pair.answer))
}

/// A small deterministic source of choices.
pub struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = words::mix(self.0.wrapping_add(0x9e37_79b9_7f4a_7c15));
        (self.0 % sides as u64) as usize
    }
}

const VERBS: [&str; 8] = [
    "fetch", "handle", "process", "resolve", "build", "update", "check", "load",
];
const NOUNS: [&str; 8] = [
    "item", "entry", "state", "buffer", "value", "record", "node", "cache",
];

/// Renames up to `most` identifiers, each everywhere, to plausible ones in its own style.
fn rename(answer: &str, most: usize, dice: &mut Dice) -> String {
    let in_code = code_mask(answer);
    let tokens = words::tokens(answer);
    let is_name = |t: &words::Token<'_>| {
        t.kind == Kind::Name
            && t.text.len() > 2
            && (words::looks_like_code(t.text) || in_code[t.start])
            && !answer[..t.start].ends_with("```")
            && !KEYWORDS.contains(&t.text)
    };
    let mut names: Vec<&str> = tokens
        .iter()
        .filter(|t| is_name(t))
        .map(|t| t.text)
        .collect();
    names.sort_unstable();
    names.dedup();
    while names.len() > most {
        names.remove(dice.roll(names.len()));
    }
    let fresh: Vec<String> = names.iter().map(|name| styled(name, dice)).collect();
    replace_tokens(answer, |t| {
        let is_tag = answer[..t.start].ends_with("```");
        let place = names.iter().position(|n| *n == t.text && !is_tag);
        place.map(|at| fresh[at].clone())
    })
}

const KEYWORDS: [&str; 24] = [
    "return", "else", "None", "True", "False", "true", "false", "null", "self", "let", "const",
    "for", "not", "and", "the", "int", "def", "usize", "dict", "str", "this", "new", "len",
    "define",
];

fn styled(name: &str, dice: &mut Dice) -> String {
    let (verb, noun) = (VERBS[dice.roll(8)], NOUNS[dice.roll(8)]);
    let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
    if name.chars().all(|c| !c.is_lowercase()) {
        format!("{verb}_{noun}").to_uppercase()
    } else if name.contains('_') || !name.chars().any(char::is_uppercase) {
        format!("{verb}_{noun}")
    } else if name.starts_with(char::is_uppercase) {
        capital(verb) + &capital(noun)
    } else {
        verb.to_owned() + &capital(noun)
    }
}

/// Changes up to `most` numbers by a little or a lot; those inside identifiers stay.
fn renumber(answer: &str, most: usize, dice: &mut Dice) -> String {
    let tokens = words::tokens(answer);
    let mut places: Vec<usize> = tokens
        .iter()
        .filter(|t| t.text.parse::<u64>().is_ok() && !counts_items(answer, t))
        .map(|t| t.start)
        .collect();
    while places.len() > most {
        places.remove(dice.roll(places.len()));
    }
    replace_tokens(answer, |t| {
        let value: u64 = t.text.parse().ok().filter(|_| places.contains(&t.start))?;
        let others = [
            value + 1,
            value + 2,
            value.saturating_sub(1),
            value * 2,
            value + 7,
            value * 10,
        ];
        let other = others[dice.roll(6)];
        Some(if other == value { value + 3 } else { other }.to_string())
    })
}

/// The number of a list's item is no claim.
fn counts_items(answer: &str, token: &words::Token<'_>) -> bool {
    let line_start = answer[..token.start]
        .rfind('\n')
        .map_or(0, |newline| newline + 1);
    answer[line_start..token.start].trim().is_empty() && answer[token.end()..].starts_with(". ")
}

const FLIPS: [(&str, &str); 22] = [
    (" is not ", " is "),
    (" not ", " "),
    ("==", "!="),
    ("!=", "=="),
    ("<=", ">"),
    (">=", "<"),
    ("&&", "||"),
    ("||", "&&"),
    (" before ", " after "),
    (" after ", " before "),
    (" at least ", " at most "),
    (" at most ", " at least "),
    ("True", "False"),
    ("true", "false"),
    ("False", "True"),
    ("false", "true"),
    (" always ", " never "),
    (" never ", " always "),
    (" less than ", " greater than "),
    (" greater than ", " less than "),
    (" below ", " above "),
    (" is ", " is not "),
];

/// Flips up to `most` conditions, each kind of flip once.
fn flip(answer: &str, most: usize) -> String {
    let mut flips: Vec<(usize, &(&str, &str))> = FLIPS
        .iter()
        .filter_map(|f| answer.find(f.0).map(|at| (at, f)))
        .collect();
    flips.sort_by_key(|f| f.0);
    let mut flipped = String::new();
    let (mut at, mut done) = (0, 0);
    for (place, (from, to)) in flips {
        if place >= at && done < most {
            flipped += &answer[at..place];
            flipped += to;
            at = place + from.len();
            done += 1;
        }
    }
    flipped + &answer[at..]
}

/// Flips the first comparison, logical operator or truth value inside code.
fn flip_code(answer: &str) -> Option<String> {
    let in_code = code_mask(answer);
    let swaps = [
        ("==", "!="),
        ("!=", "=="),
        ("===", "!=="),
        ("!==", "==="),
        ("<", ">="),
        (">", "<="),
        ("<=", ">"),
        (">=", "<"),
        ("&&", "||"),
        ("||", "&&"),
        ("True", "False"),
        ("False", "True"),
        ("true", "false"),
        ("false", "true"),
    ];
    let tokens = words::tokens(answer);
    let place = tokens
        .iter()
        .find(|t| in_code[t.start] && swaps.iter().any(|s| s.0 == t.text))?
        .start;
    Some(replace_tokens(answer, |t| {
        swaps
            .iter()
            .find(|s| t.start == place && s.0 == t.text)
            .map(|s| s.1.to_owned())
    }))
}

fn cut(answer: &str, percent: usize) -> String {
    let at = (answer.len() * percent / 100..)
        .find(|&at| answer.is_char_boundary(at))
        .unwrap();
    answer[..at].to_owned()
}

fn cut_sentence(answer: &str) -> Option<String> {
    let half = (answer.len() / 2..).find(|&at| answer.is_char_boundary(at))?;
    let end = answer[..half].rfind(". ")?;
    Some(answer[..=end].to_owned())
}

fn repeat_sentence(answer: &str, times: usize) -> Option<String> {
    let sentences: Vec<&str> = answer.split_inclusive(". ").collect();
    let longest = sentences
        .iter()
        .filter(|s| !s.contains("```"))
        .max_by_key(|s| s.len())?;
    let again = format!(" {}", longest.trim()).repeat(times);
    Some(format!("{}{again}", answer.trim_end()))
}

/// A stretch of the source handed back as the answer.
fn copied(text: &str, language: &str, fenced: bool) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let start = lines.len() / 3;
    let part = lines[start..(start + 25).min(lines.len())].join("\n");
    if fenced {
        format!("```{language}\n{part}\n```")
    } else {
        part
    }
}

/// The true answer, before or after which so many sentences in a row are about something else.
fn ramble(answer: &str, sentences: usize, dice: &mut Dice) -> String {
    let asides: Vec<&str> = asides(dice).take(sentences).collect();
    let aside = asides.join(" ");
    if dice.roll(2) == 0 {
        format!("{aside}\n\n{answer}")
    } else {
        format!("{answer}\n\n{aside}")
    }
}

/// The true answer, after each sentence of which comes one about something else.
fn interleave(answer: &str, dice: &mut Dice) -> String {
    let sentences = answer.split_inclusive(". ").zip(asides(dice));
    sentences
        .flat_map(|(own, aside)| [own.trim_end(), " ", aside, " "])
        .collect()
}

/// Sentences about other things, without end.
fn asides(dice: &mut Dice) -> impl Iterator<Item = &'static str> {
    ASIDES.iter().copied().cycle().skip(dice.roll(ASIDES.len()))
}

fn subject(question: &str) -> &str {
    let spans = question.split('`').skip(1).step_by(2);
    spans
        .last()
        .or_else(|| question.split_whitespace().find(|w| w.len() > 6))
        .unwrap_or("it")
}

const REFUSED: [&str; 5] = [
    "I'm sorry, but I can't help with that request.",
    "I cannot answer this question because the source does not show enough of the program to tell.",
    "As an AI language model, I do not have access to the repository and can't say what it does.",
    "Unfortunately, there is not enough information in the file to answer this question with certainty.",
    "Sorry, I am unable to determine how this works from what I was given. Please share more of the source.",
];

const GENERIC: [&str; 4] = [
    "It validates its input, performs the necessary processing and returns the result to the caller. Errors are handled gracefully, so that the rest of the program can continue. This keeps the design modular and easy to maintain.",
    "This is done for performance and readability. The function checks the arguments, handles the edge cases and then delegates to a helper. If something goes wrong, an error is raised, which the caller should handle with a try/except block.",
    "The class encapsulates the relevant state and exposes methods to read and update it. It follows common best practices: clear separation of concerns, sensible defaults, and defensive checks against invalid values such as `None` or empty strings.",
    "In general, you should call the function with the right arguments and check the return value. It is a good idea to consult the documentation and to write tests for the important cases.",
];

/// Sentences about other things: of a household, and of the vague kind that a model falls into when it has lost its subject.
const ASIDES: [&str; 16] = [
    "My neighbour keeps two dogs, and every morning they wait at the gate until somebody takes them down to the river.",
    "A good salad wants fresh herbs, a little lemon and more patience than most people bring to their kitchen.",
    "People often tell me how much they enjoy learning new skills, because it helps them to grow and to feel confident about the future.",
    "With a strong team everybody can share ideas, ask for help and celebrate what was achieved together.",
    "In winter the roads are icy, so the children walk to school with their grandmother and come home before dark.",
    "There are many different opinions about this topic, and it is important to respect every one of them.",
    "Please feel free to reach out whenever you need more details, since our friendly staff are happy to support you at any hour.",
    "The old piano in the corner has not been tuned for years, yet visitors still like to sit down and play.",
    "Modern technology allows users to build amazing projects quickly, and developers all over the world benefit from it every day.",
    "Once the bread has risen, fold it gently, cover it with a cloth and leave it near the oven for another hour.",
    "It was a challenging journey with lots of surprises, but hard work and a positive attitude made all the difference.",
    "Last summer we drove along the coast, slept under the stars and ate grilled fish at a tiny harbour.",
    "You should always write clear instructions, avoid long sentences and think about the audience that is going to read your response.",
    "A healthy lifestyle includes regular exercise, plenty of sleep and a diet of vegetables, beans and fruit.",
    "Companies that listen to their customers can improve their services and develop better solutions for everyday problems.",
    "The garden behind the house is full of roses, and bees visit it from early spring until late autumn.",
];

fn code_mask(text: &str) -> Vec<bool> {
    let mut inside = false;
    let flip = |byte: u8, inside: &mut bool| {
        if byte == b'`' {
            *inside = !*inside;
        }
        *inside
    };
    text.bytes().map(|byte| flip(byte, &mut inside)).collect()
}

fn replace_tokens(
    text: &str,
    mut replace: impl FnMut(&words::Token<'_>) -> Option<String>,
) -> String {
    let mut out = String::new();
    let mut at = 0;
    for token in words::tokens(text) {
        if let Some(new) = replace(&token) {
            out += &text[at..token.start];
            out += &new;
            at = token.end();
        }
    }
    out + &text[at..]
}
