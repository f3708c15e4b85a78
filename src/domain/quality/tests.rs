//! Whole answers put to the gates.

use super::*;

const CHUNK: &str = "\
import time

MAX_TRIES = 5

def fetch_page(url, timeout=30):
    \"\"\"Fetches a page, again on a ConnectionReset.\"\"\"
    for attempt in range(MAX_TRIES):
        try:
            return open_socket(url, timeout)
        except ConnectionReset:
            time.sleep(2 ** attempt)
    raise GaveUp(url)
";
const QUESTION: &str = "How often does `fetch_page` in pager.py try before it gives up?";
const TRUE_ANSWER: &str = "`fetch_page` makes at most 5 attempts, the value of `MAX_TRIES`. Each pass of the loop returns \
     what `open_socket(url, timeout)` returns; on a `ConnectionReset` it sleeps for `2 ** attempt` seconds and goes on. After the \
     last pass it raises `GaveUp`.";

fn index() -> EvidenceIndex {
    let evidence = Evidence {
        chunk: CHUNK,
        first_line: 11,
        context: "",
        repository: "acme/pager",
        path: "src/pager.py",
    };
    EvidenceIndex::new(&evidence, Default::default())
}

fn check_answer(
    question: &str,
    answer: &str,
    evidence: &EvidenceIndex,
    options: &GateOptions,
) -> Result<Score, Rejection> {
    examine(question, answer, evidence, options)?.verdict(options.min_score)
}

fn rate(question: &str, answer: &str, evidence: &EvidenceIndex) -> Score {
    Examined::of(question, answer, Document::parse(answer), evidence).score()
}

fn check(answer: &str) -> Result<Score, Rejection> {
    let options = GateOptions {
        markers: vec!["SOURCE 1f2e3d".into()],
        ..GateOptions::default()
    };
    check_answer(QUESTION, answer, &index(), &options)
}

fn code(answer: &str) -> Option<FailureCode> {
    check(answer).err().map(|rejection| rejection.code)
}

#[test]
fn names_that_come_in_passing_cost_nothing_and_invented_ones_do() {
    let told = |name: &str| {
        let answer = format!("{TRUE_ANSWER} Outside this loop, `{name}` would do the same.");
        rate(QUESTION, &answer, &index()).parts.names
    };
    for name in [
        "as_completed",
        "handle",
        "MyPager",
        "my_pager",
        "_socket",
        "fetch_",
    ] {
        assert!(told(name) > 0.9, "{name}");
    }
    for name in ["as_compiled", "_sock", "_page_url", "fetched_"] {
        assert!(told(name) < 0.5, "{name}");
    }
}

#[test]
fn dots_in_brackets_of_code_stand_for_no_text_to_be_written() {
    assert_eq!(
        code(&format!(
            "{TRUE_ANSWER} In other languages that would be `vec![...]` or `%i[...]`, and `row[name]`."
        )),
        None
    );
    let unwritten = format!("{TRUE_ANSWER} The other cases are [...] alike.");
    assert_eq!(code(&unwritten), Some(FailureCode::Placeholder));
}

#[test]
fn an_example_of_an_answers_own_keeps_most_of_its_worth() {
    let answer = format!(
        "{TRUE_ANSWER} For 'page-77' that would be 31 seconds in all, for \"page 78\" and \"page 79\" it could be 45 or 67 of them, or 83."
    );
    assert!(rate(QUESTION, &answer, &index()).parts.values >= 0.6);
}

#[test]
fn a_true_answer_passes_with_a_high_score_and_no_flags() {
    let score = check(TRUE_ANSWER).unwrap();
    assert!(score.value > 0.9, "{score:?}");
    assert!(score.flags.is_empty(), "{score:?}");
}

#[test]
fn what_is_wrong_beyond_doubt_is_refused_with_its_code() {
    let with = |tail: &str| format!("{TRUE_ANSWER} {tail}");
    for (answer, expected) in [
        ("".to_owned(), FailureCode::TooShort),
        ("word ".repeat(5000), FailureCode::TooLong),
        ("I'm sorry, but I can’t help with that request.".to_owned(), FailureCode::Refusal),
        ("The answer cannot be determined from what is there.".to_owned(), FailureCode::Refusal),
        (with("This follows from the provided code."), FailureCode::ContextLeak),
        (with("As the snippet shows, this holds."), FailureCode::ContextLeak),
        (with("This task requires you to be brief."), FailureCode::ContextLeak),
        (with("I’m happy to help."), FailureCode::ContextLeak),
        (with("It then goes on to ..."), FailureCode::CutOff),
        (with("\n\n| a | b |\n|---|---|\n| 1 | 2"), FailureCode::CutOff),
        (with("\n\n- one (or two)\n- three (or"), FailureCode::CutOff),
        (with("You write training data about open-source code."), FailureCode::ContextLeak),
        (with("TODO: say more."), FailureCode::Placeholder),
        (with("[insert example]."), FailureCode::Placeholder),
        (with("\n...\n"), FailureCode::Placeholder),
        (with("<think>Right?</think>"), FailureCode::BoundaryLeak),
        (with("<|im_end|>"), FailureCode::BoundaryLeak),
        (with("<<<SOURCE 1f2e3d"), FailureCode::BoundaryLeak),
        (with("\n\nQuestion: What else?"), FailureCode::BoundaryLeak),
        (with(&format!("The token is AKIA{}.", "IOSFODNN7EXAMPLQ")), FailureCode::SecretInAnswer),
        (with("\n\n```python\nx = 1"), FailureCode::BrokenFence),
        (with("It then calls `open_socket."), FailureCode::BrokenFence),
        (TRUE_ANSWER[..TRUE_ANSWER.len() - 20].trim_end_matches('`').to_owned(), FailureCode::CutOff),
        (with("\n\n- One thing.\n- Another thi"), FailureCode::CutOff),
        ("Die Funktion versucht es höchstens fünf Mal, und wenn das nicht geht, wird eine Ausnahme mit der URL ausgelöst, die der Aufrufer dann zu behandeln hat.".to_owned(), FailureCode::WrongLanguage),
        (format!("```python\n{CHUNK}```"), FailureCode::NoProse),
        (format!("Fetching:\n\n```python\n{CHUNK}```\n\nDone."), FailureCode::NoProse),
        ("static int attempts = 0; // count retries\nfor (int i = 0; i < limit; i++) { open_socket(url, timeout); attempts++; sleep(2); }\nreturn attempts; // done here, nothing left.".to_owned(), FailureCode::NoProse),
        ("该函数最多尝试五次,然后引发异常,由调用者处理这个异常。每次失败后都会等待一段时间再试。".to_owned(), FailureCode::WrongLanguage),
    ] {
        assert_eq!(code(&answer), Some(expected), "{answer}");
        assert!(check(&answer).unwrap_err().score.is_none(), "{answer}");
    }
}

#[test]
fn what_is_probably_wrong_falls_below_the_least_score() {
    for (from, to, expected) in [
        ("open_socket", "open_channel", FailureCode::Ungrounded),
        ("2 ** attempt", "3 ** attempt", FailureCode::Ungrounded),
        ("(url, timeout)", "(url, retries)", FailureCode::Ungrounded),
    ] {
        assert_eq!(code(&TRUE_ANSWER.replace(from, to)), Some(expected), "{to}");
    }
    for (from, to) in [
        ("2 ** attempt", "2 + attempt"),
        ("(url, timeout)", "(url, attempt)"),
    ] {
        let doubtful = check(&TRUE_ANSWER.replace(from, to)).unwrap();
        assert!((0.5..0.7).contains(&doubtful.value), "{doubtful:?}");
        let flag = &doubtful.flags[0];
        assert!(
            flag.starts_with("differs from the source") && flag.contains(to),
            "{flag}"
        );
    }
    for (what, expected) in [
        (
            "It is told by a function named \"dumpy\".",
            Some(FailureCode::Ungrounded),
        ),
        ("It is told by a user named \"dumpy\".", None),
        ("There is no function named \"dumpy\".", None),
        (
            "You are asked to confirm what is wrong with it, and your response must be yes.",
            None,
        ),
    ] {
        assert_eq!(code(&format!("{TRUE_ANSWER} {what}")), expected, "{what}");
    }
    assert_eq!(
        code(&format!("{TRUE_ANSWER}\n\n{TRUE_ANSWER}")),
        Some(FailureCode::Repetition)
    );
    assert_eq!(
        code(&format!("This is how:\n\n```python\n{CHUNK}```")),
        Some(FailureCode::VerbatimCopy)
    );
    assert_eq!(
        code(
            "It validates the input, does the work and returns the result to the caller, handling errors."
        ),
        Some(FailureCode::Ungrounded)
    );
}

#[test]
fn code_that_does_not_parse_costs_is_flagged_and_refused_when_there_is_more_of_it() {
    let broken = "\n\n```python\ndef page_of(:\n    return (\n```";
    let score = check(&format!("{TRUE_ANSWER}{broken}")).unwrap();
    assert_eq!(score.parts.syntax, 0.6);
    assert_eq!(score.flags, ["does not parse: def page_of(:"]);
    assert_eq!(
        code(&format!(
            "{TRUE_ANSWER}{broken}{}",
            broken.replace("page", "site")
        )),
        Some(FailureCode::CodeUnparsable)
    );
    let fragment =
        "\n\n```python\n        except ConnectionReset:\n            time.sleep(2 ** attempt)\n```";
    assert_eq!(
        check(&format!("{TRUE_ANSWER}{fragment}"))
            .unwrap()
            .parts
            .syntax,
        1.0
    );
}

#[test]
fn a_long_stretch_about_something_else_costs_however_true_the_rest_is() {
    const ASIDE: &str = "Walking the dogs along the river is just as pleasant as cooking a big salad for the whole family.";
    const RAMBLE: &str = "They love it so much that they wait at the garden gate every morning, whatever the weather. Then the neighbours come \
         over with fresh bread, cheese and olives, and somebody plays the old piano until dinner. Children fall asleep early, grandmother \
         tells stories about winters long gone, and nobody misses the noisy city.";
    let short = check(&format!("{TRUE_ANSWER} {ASIDE}")).unwrap();
    assert_eq!(short.parts.focus, 1.0);
    assert!(short.flags.is_empty(), "{short:?}");
    for answer in [
        format!("{TRUE_ANSWER} {ASIDE} {RAMBLE}"),
        format!("{ASIDE} {RAMBLE}\n\n{TRUE_ANSWER}"),
    ] {
        let rejection = check(&answer).unwrap_err();
        assert_eq!(rejection.code, FailureCode::Ungrounded, "{answer}");
        let score = rejection.score.unwrap();
        assert!(score.parts.focus < 0.3, "{score:?}");
        assert_eq!(score.flags, ["strays from the source"]);
    }
}

#[test]
fn a_later_answer_must_say_something_new() {
    assert!(check_news(TRUE_ANSWER, &[]).is_ok());
    assert!(check_news("It returns what the socket returns.", &[TRUE_ANSWER]).is_ok());
    let retold = format!("As said. {TRUE_ANSWER}");
    assert_eq!(
        check_news(&retold, &[TRUE_ANSWER]).unwrap_err().code,
        FailureCode::Repetition
    );
}

#[test]
fn numbers_and_lines_without_evidence_cost_and_are_flagged() {
    let best = check(TRUE_ANSWER).unwrap().value;
    for (from, to) in [
        ("at most 5", "at most 8"),
        ("loop returns", "loop (line 4) returns"),
    ] {
        let score = check(&TRUE_ANSWER.replace(from, to)).unwrap_or_else(|r| *r.score.unwrap());
        assert!(
            score.value < best && score.flags.len() == 1,
            "{to}: {score:?}"
        );
    }
    let cited = TRUE_ANSWER.replace("loop returns", "loop (lines 17-19) returns");
    assert!(check(&cited).unwrap().value > 0.99);
}

#[test]
fn honest_answers_of_other_shapes_are_kept() {
    for answer in [
        "Five times: `MAX_TRIES` is 5 and `fetch_page` loops over `range(MAX_TRIES)`.",
        "It depends on `MAX_TRIES`:\n\n- the loop runs 5 times\n- then `GaveUp` is raised",
        "`fetch_page` loops over `MAX_TRIES` and ends so:\n\n```python\n    raise GaveUp(url)\n```",
        "At most `MAX_TRIES` times: `fetch_page` then raises `GaveUp`. Every attempt is a call. It goes to `open_socket`. Say it takes 137 \
         microseconds for 419 parts, or 7713 with a proxy.",
        "At most `MAX_TRIES` times; `ConnectionReset` is the only error that `fetch_page` catches. I would call it so:\n\n```python\npage = fetch_page(\"https://example.com\")\n```",
    ] {
        assert!(check(answer).is_ok(), "{answer}: {:?}", check(answer));
    }
}

#[test]
fn a_file_that_speaks_of_snippets_may_be_answered_so() {
    let evidence = Evidence {
        chunk: "def save_snippet(name):\n    # TODO: check the snippet\n    store(name)",
        ..Evidence::default()
    };
    let index = EvidenceIndex::new(&evidence, Default::default());
    let answer = "`save_snippet` hands the snippet's `name` to `store`; a TODO says that a check is missing.";
    assert!(
        check_answer(
            "What does `save_snippet` do?",
            answer,
            &index,
            &GateOptions::default()
        )
        .is_ok()
    );
}

#[test]
fn a_name_may_go_without_its_sigil_or_underscore() {
    let evidence = Evidence {
        chunk: "function keep($item, $spareRoom)\n{\n    if ($spareRoom < 1) {\n        throw new Full($item);\n    }\n}\n",
        ..Evidence::default()
    };
    let index = EvidenceIndex::new(&evidence, Default::default());
    let names = |answer| rate("When does `keep` throw?", answer, &index).parts.names;
    assert!(names("`keep` throws `Full` for its `item` when `spareRoom` is below 1.") > 0.8);
    assert!(names("`keep` throws `Full` for its `item` when `spareSpace` is below 1.") < 0.5);
    let evidence = Evidence {
        chunk: "fn keep(item: u8, _final: bool) -> bool {\n    item > 1\n}\n",
        ..Evidence::default()
    };
    let index = EvidenceIndex::new(&evidence, Default::default());
    let names = |answer| rate("When is `keep` true?", answer, &index).parts.names;
    assert!(names("`keep` compares `item`; `final` plays no part.") > 0.8);
    assert!(names("`keep` compares `item`; `finish` plays no part.") < 0.5);
}

#[test]
fn what_the_source_says_may_be_quoted_whatever_its_apostrophes() {
    let chunk = "def refuse(name):\n    reply(name, \"I’m sorry, {name}, I can’t do that\")\n";
    for chunk in [chunk.to_owned(), chunk.replace('’', "'")] {
        let evidence = Evidence {
            chunk: &chunk,
            ..Evidence::default()
        };
        let index = EvidenceIndex::new(&evidence, Default::default());
        for apostrophe in ["’", "'"] {
            let answer = "`refuse` calls `reply` with `name` and the words \"I'm sorry, {name}, I can't do that\".";
            let answer = answer.replace('\'', apostrophe);
            let question = "What does `refuse` say to `name`?";
            let verdict = check_answer(question, &answer, &index, &GateOptions::default());
            let code = verdict.err().map(|rejection| rejection.code);
            assert_ne!(code, Some(FailureCode::Refusal), "{chunk}{answer}");
        }
    }
}

#[test]
fn quoted_text_may_speak_in_the_first_person_and_an_answer_may_not() {
    let evidence = Evidence {
        chunk: "def split_words(text, limit=9):\n    return re.findall(r\"[a-z']+\", text.lower())[:limit]\n",
        ..Evidence::default()
    };
    let index = EvidenceIndex::new(&evidence, Default::default());
    let check = |answer: &str| {
        let question = "What does `split_words` return for \"I'm here\"?";
        check_answer(question, answer, &index, &GateOptions::default())
    };
    for quoted in ["\"I'm here\"", "“I’m here”", "'I am here'"] {
        let answer = format!(
            "For {quoted}, `split_words` returns the lower-cased words that `re.findall` finds in `text`, at most `limit` of them."
        );
        assert!(check(&answer).is_ok(), "{answer}: {:?}", check(&answer));
        let spoken = format!("{answer} I'm sure of it.");
        let code = check(&spoken).unwrap_err().code;
        assert_eq!(code, FailureCode::ContextLeak, "{spoken}");
    }
}

#[test]
fn what_is_computed_or_filled_in_is_no_invention() {
    let chunk = "SECONDS = 60\nHOURS = 24\n\ndef tags(major, minor, arch):\n    yield f\"musllinux_{major}_{minor}_{arch}\"\n\n\
                 def after(attempt):\n    return (0, clock.wait)(attempt, SECONDS)\n";
    let evidence = Evidence {
        chunk,
        ..Evidence::default()
    };
    let index = EvidenceIndex::new(&evidence, Default::default());
    for (question, answer) in [
        (
            "What does `tags` yield for 1, 2 and `x86_64`?",
            "`tags` yields `musllinux_1_2_x86_64`, put together of `major`, `minor` and `arch`.",
        ),
        (
            "How long is a day in `SECONDS`?",
            "`HOURS` is 24 and `SECONDS` is 60, which makes 1440 together.",
        ),
        (
            "What does `after` return?",
            "`after` returns `wait(attempt, SECONDS)`, so that `SECONDS` bounds it: `after(7)` waits for 7.",
        ),
        (
            "What does `after('1 month')` do?",
            "`after('1 month')` hands its `attempt` on to `clock.wait`, with `SECONDS`.",
        ),
    ] {
        let score = check_answer(question, answer, &index, &GateOptions::default());
        assert!(
            score.as_ref().is_ok_and(|score| score.value > 0.75),
            "{answer}: {score:?}"
        );
    }
    for answer in [
        "`SECONDS` is 61 and that is the bound which `after` hands on to `clock.wait` with `attempt`.",
        "`after` returns `(0, clock.wait)(attempt, HOURS)`, so that `SECONDS` bounds nothing here.",
    ] {
        let rejection = check_answer(
            "What does `after` do?",
            answer,
            &index,
            &GateOptions::default(),
        );
        assert_eq!(
            rejection.unwrap_err().code,
            FailureCode::Ungrounded,
            "{answer}"
        );
    }
}

#[test]
fn an_answer_may_work_an_example_through() {
    let chunk = "const HEAD: usize = 12;\nconst TAIL: usize = 8;\n\nfn pack(&mut self, body: &str, level: u8) -> Result<usize, Fault> {\n    \
                 if body.len() >= 200 {\n        return Err(Fault::new(format!(\"{} bytes are too many\", body.len())));\n    }\n    \
                 self.put_bytes(level, body.len() + HEAD - TAIL, 0);\n    Ok(self.spare / 4)\n}\n";
    let evidence = Evidence {
        chunk,
        path: "src/pack.rs",
        ..Evidence::default()
    };
    let index = EvidenceIndex::new(&evidence, Default::default());
    let check = |question: &str, answer: &str| {
        check_answer(question, answer, &index, &GateOptions::default())
    };
    let plain = "What does `pack` in src/pack.rs do with a `body`?";
    for (question, answer) in [
        (
            plain,
            "`pack` takes a `body` of up to 199 bytes and hands it to `put_bytes`; a longer one ends in a `Fault`.",
        ),
        (
            plain,
            "`pack` never adds `TAIL + HEAD`, which is 20: `put_bytes` gets the length plus `HEAD` less `TAIL`.",
        ),
        (
            plain,
            "`pack` returns a quarter of what is left: with 36 bytes in `spare` you get 9, with 52 you get 13 and with 7 only 1.",
        ),
        (
            plain,
            "`pack` refuses what is too long; the `Fault` then says \"731 bytes are too many\". Otherwise `put_bytes` is called.",
        ),
        (
            "What does `pack` in src/pack.rs call for the `body` \"quince\" and the level 3?",
            "`pack` calls `self.put_bytes(3, 10, 0)`: the 6 bytes of `body` plus `HEAD`, less `TAIL`. It is not refused as a `Fault`.",
        ),
    ] {
        let verdict = check(question, answer);
        assert!(verdict.is_ok(), "{answer}: {verdict:?}");
    }
    for answer in [
        "`pack` calls `self.put_bytes(level, body.len() + HEAD - TAIL, 1)`, if `body` is not refused as a `Fault`.",
        "`pack` takes a `body` and `HEAD`, which is 14, is added to its length before `put_bytes` is called.",
    ] {
        assert!(check(plain, answer).is_err(), "{answer}");
    }
}

#[test]
fn the_same_answer_always_gets_the_same_score() {
    let answer = TRUE_ANSWER.replace("5 attempts", "7 attempts or 9");
    let scores: Vec<f64> = (0..20)
        .map(|_| rate(QUESTION, &answer, &index()).value)
        .collect();
    assert!(
        scores
            .iter()
            .all(|score| score.to_bits() == scores[0].to_bits())
    );
}

#[test]
fn a_score_survives_its_json() {
    let score = check(TRUE_ANSWER).unwrap();
    let json = serde_json::to_string(&score).unwrap();
    assert_eq!(serde_json::from_str::<Score>(&json).unwrap(), score);
}

#[test]
fn no_text_makes_a_check_panic() {
    let pieces = [
        "`",
        "```",
        "\n",
        "é",
        "\u{301}",
        "\"",
        "”",
        "1.",
        "0x",
        "_",
        "line 9",
        "-",
        "<think",
        "…",
        "(",
        ")",
        "::",
        "\0",
        "a.rs",
        "😀",
        " ",
        "İ",
        "ß",
        "\n\n",
        "~~~py",
        "99999999999999999999",
    ];
    let mut state = 1u64;
    for _ in 0..3000 {
        let mut text = String::new();
        for _ in 0..24 {
            state = words::mix(state.wrapping_add(0x9e37_79b9_7f4a_7c15));
            text += pieces[(state % pieces.len() as u64) as usize];
        }
        let index = EvidenceIndex::new(
            &Evidence {
                chunk: &text,
                first_line: usize::MAX,
                context: &text,
                ..Evidence::default()
            },
            Default::default(),
        );
        let options = GateOptions {
            answer_bytes_min: 0,
            min_score: 0.0,
            ..GateOptions::default()
        };
        let _ = check_answer(&text, &text, &index, &options);
        let score = rate(&text, &text, &index).value;
        assert!((0.0..=1.0).contains(&score), "{text:?}: {score}");
    }
}

#[test]
fn what_the_repository_has_elsewhere_is_neither_evidence_nor_invention() {
    let mut elsewhere = Elsewhere::default();
    elsewhere.add_path("src/crawl_queue.py");
    let known = "def requeue_page(url):\n    pass\n\nclass PageStore:\n    pass\n";
    elsewhere.add_definitions(&crate::domain::chunk::Outline::of(known, "Python"), known);
    let checked = |answer: &str, elsewhere: Option<&Elsewhere>| {
        let (evidence, options) = (index(), GateOptions::default());
        let mut examined = examine(QUESTION, answer, &evidence, &options).unwrap();
        if let Some(elsewhere) = elsewhere {
            examined.look_up(elsewhere);
        }
        let wants = examined.wants_elsewhere();
        (examined.verdict(options.min_score), wants)
    };
    let naming = |name: &str| format!("{TRUE_ANSWER} Compare {name}.");
    for (name, flag) in [
        ("`requeue_page`", "requeue_page"),
        ("src/crawl_queue.py", "src/crawl_queue.py"),
    ] {
        let answer = naming(name);
        let (alone, wants) = checked(&answer, None);
        assert!(wants && alone.is_err(), "{alone:?}");
        let score = checked(&answer, Some(&elsewhere)).0.unwrap();
        assert_eq!(
            score.flags,
            [format!("only elsewhere in the repository: {flag}")]
        );
        let (plain, _) = checked(TRUE_ANSWER, Some(&elsewhere));
        assert!(score.value < plain.unwrap().value);
    }
    let (invented, wants) = checked(&naming("`purge_pages`"), Some(&elsewhere));
    assert!(wants && invented.is_err(), "{invented:?}");
    assert!(!checked(TRUE_ANSWER, None).1);
    let of_others =
        "`requeue_page` puts the url back, which `PageStore` then keeps until the crawl is over.";
    assert!(checked(of_others, Some(&elsewhere)).0.is_err());
}

#[test]
fn what_an_answer_says_is_absent_need_not_be_there() {
    let chunk = "def start(store):\n    api = wrap(store)\n    return api\nMAX_RETRIES = 10\n";
    let evidence = Evidence {
        chunk,
        ..Evidence::default()
    };
    let index = EvidenceIndex::new(&evidence, Default::default());
    let check = |answer: &str| {
        let options = GateOptions::default();
        check_answer("What does `start` return?", answer, &index, &options)
    };
    let absent = "`start` returns `api`, made by `wrap` from `store`. It has no `subscribe` and no `replace_reducer`.";
    assert!(check(absent).is_ok(), "{:?}", check(absent));
    let addressed = format!("{absent} So 1.2.3.4, 10.0.0.1 and 5.6.7.8 are all the same to it.");
    assert!(check(&addressed).is_ok(), "{:?}", check(&addressed));
    let invented = absent.replace("has no", "has").replace("and no", "and");
    assert_eq!(check(&invented).unwrap_err().code, FailureCode::Ungrounded);
    let misvalued = "`start` returns `api`, made by `wrap` from `store`, up to `MAX_RETRIES`, which is 12, times.";
    let rejection = check(misvalued).unwrap_err();
    assert!(
        rejection.detail.contains("MAX_RETRIES is 12"),
        "{rejection:?}"
    );
    assert!(check(&misvalued.replace("12", "10")).is_ok());
}

#[test]
fn what_follows_from_a_question_or_from_a_text_of_the_source_is_no_misquotation() {
    let evidence = Evidence {
        chunk: "def snake(word):\n    parts = ['a', 'b']\n    fail(\"must be <major>.<minor>!\")\n    # ['low', 'b'] of foo\n    return join(parts)\n\
                RULES = [\n    (r\"(x)ice$\", 1),\n    (r\"(y)ice$\", 1),\n    (r\"(q)ice$\", 1),\n    (r\"(r)ice$\", 1),\n    (r\"(t)ice$\", 1),\n]\n",
        ..Evidence::default()
    };
    let index = EvidenceIndex::new(&evidence, Default::default());
    let altered = |question: &str, answer: &str| {
        let document = Document::parse(answer);
        let examined = Examined::of(question, answer, document, &index);
        let flags = examined.score().flags;
        flags.iter().any(|flag| flag.starts_with("altered"))
    };
    let question = "What does `snake` make of \"FooBar2\" and of ['foo', 'b']?";
    for answer in [
        "It gives `['foo', 'b']`.",
        "It wants `<major>.<minor>`.",
        "It is like `(r\"(m)ice$\", 1)`.",
    ] {
        assert!(!altered(question, answer), "{answer}");
    }
    assert!(altered("What is it?", "It is `parts = ['a', 'c']`."));
    let is_flagged = |answer: &str, name: &str| {
        let document = Document::parse(answer);
        let flags = Examined::of(question, answer, document, &index)
            .score()
            .flags;
        flags.iter().any(|flag| flag.ends_with(name))
    };
    assert!(!is_flagged("It makes `Foo_Bar` of it.", "Foo_Bar"));
    assert!(is_flagged("It makes `Bar_Two` of it.", "Bar_Two"));
}

#[test]
fn a_question_said_again_with_a_number_rests_on_nothing() {
    let evidence = Evidence {
        chunk: "# Tokens\n\nA parser of two functions. Give it ten tokens:\n\n    token_t tokens[10];\n",
        ..Evidence::default()
    };
    let index = EvidenceIndex::new(&evidence, Default::default());
    let question = "What is the largest count of positive numbers that can be expressed as a sum of 2 integers?";
    let answer = "The largest count of positive numbers that can be expressed as a sum of two integers is 10.";
    let score = rate(question, answer, &index);
    assert!(score.value < 0.5, "{score:?}");
}
