use super::*;
use crate::domain::chunk::Outline;

const PYTHON: &str = "\
import socket

LIMIT = 3

class RetryPolicy:
    def get(self): pass
    def next_delay(self, attempt): return min(self.max_delay_secs, 2 ** attempt)

def open_connection(host): pass
";

fn check(question: &str) -> Result<(), Flaw> {
    let outline = Outline::of(PYTHON, "Python");
    question_stands_alone(
        question,
        &Names {
            repository: "psf/backoff-kit",
            path: "src/backoff/policy.py",
            outline: &outline,
            text: PYTHON,
        },
    )
}

#[test]
fn good_questions_pass() {
    for question in [
        "How does backoff-kit decide how long to wait?",
        "How does Backoff-Kit decide how long to wait?",
        "Why does the backoff library cap delays?",
        "Where in src/backoff/policy.py is the delay capped?",
        "Where is the delay capped in policy.py?",
        "What does `RetryPolicy` do when attempts run out?",
        "What does the RetryPolicy class do when attempts run out?",
        "What does `RetryPolicy.get` return?",
        "What does RetryPolicy.get() return for an unknown key?",
        "How does `next_delay` grow with the attempt?",
        "How does next_delay grow with the attempt?",
        "What would next_delay(3) return, step by step?",
        "Why does open_connection return None?",
        "Why does `open_connection(\"localhost\")` return None?",
        "Which value limits the result of `max_delay_secs`?",
        "Trace `next_delay(2)` in backoff-kit. What is the result?",
        "My call to `open_connection` returns None. Why?",
        "With backoff-kit I get the same delay twice. Why, and how can I change this?",
        "What does `next_delay` return for 0? And for 10?",
        "What happens in backoff-kit when the file is missing?",
        "How does backoff-kit treat files above 10 MB?",
        "What exit code does backoff-kit use when the given path does not exist?",
        "How does `open_connection` use the given file descriptor?",
        "What does `RetryPolicy` do with the provided function pointer?",
        "How does backoff-kit map code points below the 0x80 boundary?",
        "Does backoff-kit read the code page of the terminal?",
        "Is the code that computes delays in backoff-kit thread-safe?",
        "Where in the source code of backoff-kit is the delay computed?",
        "Where in the source tree of backoff-kit do policies live?",
        "In backoff-kit, what does the string \"this code is wrong\" stand for?",
        "What is the type of `LIMIT` in policy.py (and why)?",
        "What happens to the values below the LIMIT in backoff-kit?",
        "How does backoff-kit handle a line with 80 characters?",
        "Why does backoff-kit keep this from happening twice?",
    ] {
        assert_eq!(check(question), Ok(()), "{question}");
    }
}

#[test]
fn questions_that_lean_on_the_unseen_fail() {
    for question in [
        "What does this code in backoff-kit do?",
        "What does this function do with `LIMIT`?",
        "Why does this Python function call next_delay?",
        "How do these functions share `RetryPolicy`?",
        "What is the purpose of this class, RetryPolicy?",
        "What does the code do with `RetryPolicy`?",
        "How does the code handle errors in backoff-kit?",
        "What does the snippet print when `LIMIT` is 3?",
        "What does the code snippet in policy.py return?",
        "What does the given code return for `next_delay(1)`?",
        "What does the provided code snippet do in backoff-kit?",
        "In the given file, what is RetryPolicy?",
        "In the provided source, where is RetryPolicy defined?",
        "What does the function above return for `LIMIT`?",
        "How does the class shown above use `next_delay`?",
        "What does the above function return for `LIMIT`?",
        "What does the following code do with `RetryPolicy`?",
        "Given the code below, what does `next_delay` return?",
        "How is `RetryPolicy` used in the example below?",
        "What does `RetryPolicy` do, as shown above?",
        "What does the method described here, `next_delay`, return?",
        "What happens on line 7 of policy.py?",
        "What do lines 3-5 of policy.py do?",
        "According to the source, what does `RetryPolicy` do?",
        "Based on the context, why is `LIMIT` 3 in backoff-kit?",
        "What does this file, policy.py, define?",
        "What is the main purpose of this repository, backoff-kit?",
        "THIS CODE in backoff-kit does what exactly?",
    ] {
        assert!(
            matches!(check(question), Err(Flaw::LeansOn(_))),
            "{question}: {:?}",
            check(question)
        );
    }
}

#[test]
fn questions_that_name_nothing_fail() {
    for question in [
        "How is the delay between two attempts computed?",
        "What happens when no attempts are left?",
        "What does `get` return for a missing key?",
        "Why does the class keep a maximum?",
        "What is the purpose of the `foo_bar` helper?",
        "How can I open a connection to a host?",
        "Where is the policy?s limit set, and why is it so low?",
        "Which policies exist and what do they do?",
    ] {
        assert!(
            matches!(check(question), Err(Flaw::NamesNothing)),
            "{question}: {:?}",
            check(question)
        );
    }
}

#[test]
fn malformed_questions_fail() {
    for (question, flaw) in [
        ("", Flaw::TooShort),
        ("What is RetryPolicy?", Flaw::TooShort),
        (
            "Explain how RetryPolicy works in backoff-kit.",
            Flaw::NotAQuestion,
        ),
        ("What does RetryPolicy do", Flaw::NotAQuestion),
        (
            "What is RetryPolicy? Why is it? How is LIMIT used?",
            Flaw::Several,
        ),
        ("About RetryPolicy:\n1. What is it?\n2. Why?", Flaw::Several),
        (
            "For RetryPolicy, (a) what is it and (b) why?",
            Flaw::Several,
        ),
    ] {
        let want = if question == "What is RetryPolicy?" {
            Flaw::TooShort
        } else {
            flaw
        };
        assert_eq!(check(question), Err(want), "{question}");
    }
    assert_eq!(
        check(&format!("What is RetryPolicy {}?", "very ".repeat(200))),
        Err(Flaw::TooLong)
    );
}

#[test]
fn later_questions_may_lean_on_what_was_said_but_not_on_the_unseen() {
    assert_eq!(follow_up_is_clear("And what does it return then?"), Ok(()));
    assert_eq!(follow_up_is_clear("And what then"), Err(Flaw::TooShort));
    let leaning = follow_up_is_clear("And what does this snippet return?");
    assert_eq!(leaning, Err(Flaw::LeansOn("this snippet".into())));
}

#[test]
fn without_an_outline_the_words_of_the_file_are_names() {
    let names = Names {
        repository: "x",
        path: "a.cob",
        outline: &Outline::default(),
        text: "MOVE TOTAL-SUM TO customer-limit.",
    };
    assert_eq!(
        question_stands_alone("What is moved to `customer-limit` and when?", &names),
        Ok(())
    );
    assert_eq!(
        question_stands_alone("What is moved to `other-thing` and when?", &names),
        Err(Flaw::NamesNothing)
    );
}

#[test]
fn a_common_stem_names_no_file_and_no_symbol() {
    let text = "import config from './config';\nexport default { index: 'src/index.js', utils: config.utils, testMatch: [] };\n";
    let check = |question: &str| {
        let names = Names {
            repository: "x",
            path: "jest.config.ts",
            outline: &Outline::default(),
            text,
        };
        question_stands_alone(question, &names)
    };
    for question in [
        "When should I use the config.js?",
        "When should I use the config.ts file?",
        "What does the `config` do with its input?",
        "Why does `index.js` come before the others?",
        "What is `config.utils` meant to be used for?",
    ] {
        assert_eq!(check(question), Err(Flaw::NamesNothing), "{question}");
    }
    for question in [
        "What does `testMatch` in the configuration hold?",
        "When should I change jest.config.ts?",
        "What does the jest configuration file leave empty, in `jest`?",
    ] {
        assert_eq!(check(question), Ok(()), "{question}");
    }
}

#[test]
fn a_question_is_about_the_definition_that_it_names_first() {
    let text = "const LIMIT: usize = 3;\nstruct Jar;\nimpl Jar {\n    fn new() -> Self { Jar }\n    fn open(&self) {}\n}\nstruct Lid;\nimpl Lid {\n    fn new() -> Self { Lid }\n}\n";
    let outline = Outline::of(text, "Rust");
    let names = Names {
        repository: "acme/jars",
        path: "src/jar.rs",
        outline: &outline,
        text,
    };
    let trail_in = |question: &str, chunk: std::ops::Range<usize>| {
        let symbol = names.symbol_asked(question, &chunk)?;
        Some(outline.trail(symbol))
    };
    let trail = |question: &str| trail_in(question, 0..text.len());
    for (question, symbol) in [
        ("Why is `LIMIT` what it is?", Some("constant LIMIT")),
        (
            "What does `open` do with `LIMIT`?",
            Some("impl Jar > function open"),
        ),
        (
            "What does `Lid::new` hand back?",
            Some("impl Lid > function new"),
        ),
        ("What does `new` hand back?", None),
        ("How does it open?", None),
    ] {
        assert_eq!(trail(question).as_deref(), symbol, "{question}");
    }
    let limit = trail_in("What does `open` do with `LIMIT`?", 0..24);
    assert_eq!(limit.as_deref(), Some("constant LIMIT"));
}

#[test]
fn hostile_questions_end() {
    for question in [
        "`".repeat(599),
        format!("{}?", "a.".repeat(290)),
        "é? ".repeat(100),
        "\"`\"` ? ( )".repeat(40),
    ] {
        let _ = check(&question);
    }
}
