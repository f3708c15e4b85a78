//! Reading the questions that a model wrote, in whatever form it wrote them.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Value, json};

use super::kind::QuestionKind;
use super::plan::Plan;
use crate::domain::lenient::{said, values};

/// A question and its kind, as planned or as the model named it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedQuestion {
    /// Its kind.
    pub kind: QuestionKind,
    /// Its text, on one line.
    pub question: String,
    /// Whose words they are.
    pub by: Author,
}

/// Who wrote a question.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Author {
    /// The model.
    #[default]
    Model,
    /// The model, but names were put in the place of words that lean on something unseen.
    ModelMended,
    /// This program, since the model wrote none that can be used.
    Program,
}

impl Author {
    /// The stored word.
    pub fn as_str(self) -> &'static str {
        match self {
            Author::Model => "model",
            Author::ModelMended => "model_mended",
            Author::Program => "program",
        }
    }

    /// Reads the stored word; any other one is the model's.
    pub fn from_word(word: Option<&str>) -> Self {
        let known = [Author::ModelMended, Author::Program];
        let found = known
            .into_iter()
            .find(|author| Some(author.as_str()) == word);
        found.unwrap_or_default()
    }
}

/// A reply without a single question.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoQuestions {
    /// Nothing was written.
    #[error("the model replied with nothing")]
    Empty,
    /// Something was written, but no question.
    #[error("the reply holds no question, neither as JSON nor as a list")]
    NoneFound,
}

/// Longer ones are no questions but essays, in bytes.
const QUESTION_BYTES_MAX: usize = 1000;

/// JSON schema of the reply to a questions call, in the subset that strict structured output takes.
pub fn questions_schema(plan: &Plan) -> Value {
    let count = plan.slots.len();
    let mut kinds: Vec<&str> = plan.slots.iter().map(|slot| slot.kind.as_str()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    json!({
        "type": "object",
        "properties": {"questions": {
            "type": "array",
            "minItems": count,
            "maxItems": count,
            "items": {
                "type": "object",
                "properties": {"kind": {"type": "string", "enum": kinds}, "question": {"type": "string"}},
                "required": ["kind", "question"],
                "additionalProperties": false
            }
        }},
        "required": ["questions"],
        "additionalProperties": false
    })
}

/// The questions of a reply, at most as many as planned, without repeats. Takes JSON in any of the shapes that models make of it,
/// and as a last resort numbered or bulleted lines that end in a question mark. A question of unknown kind gets the kind planned for its
/// place.
pub fn parse_questions(reply: &str, plan: &Plan) -> Result<Vec<PlannedQuestion>, NoQuestions> {
    let text = said(reply);
    if text.is_empty() {
        return Err(NoQuestions::Empty);
    }
    let forms: [fn(&str) -> Vec<Draft>; 2] = [from_json, from_lines];
    let drafts = forms
        .iter()
        .map(|form| form(text))
        .find(|drafts| !drafts.is_empty());
    let questions = settle(drafts.unwrap_or_default(), plan);
    if questions.is_empty() {
        Err(NoQuestions::NoneFound)
    } else {
        Ok(questions)
    }
}

/// The one question of a reply to a repair or follow-up task.
pub fn parse_question(reply: &str) -> Result<String, NoQuestions> {
    let text = said(reply);
    if text.is_empty() {
        return Err(NoQuestions::Empty);
    }
    let listed = [from_json(text), from_lines(text)]
        .into_iter()
        .flatten()
        .next();
    let question = listed.map_or_else(|| tidy(text), |draft| tidy(&draft.question));
    let is_question = question.contains('?') && question.len() <= QUESTION_BYTES_MAX;
    if is_question {
        Ok(question)
    } else {
        Err(NoQuestions::NoneFound)
    }
}

/// A question as found.
struct Draft {
    kind: Option<QuestionKind>,
    question: String,
}

fn settle(drafts: Vec<Draft>, plan: &Plan) -> Vec<PlannedQuestion> {
    let mut settled: Vec<PlannedQuestion> = Vec::new();
    for (index, draft) in drafts.into_iter().enumerate() {
        let question = tidy(&draft.question);
        let is_repeat = settled
            .iter()
            .any(|other| other.question.eq_ignore_ascii_case(&question));
        if question.is_empty() || question.len() > QUESTION_BYTES_MAX || is_repeat {
            continue;
        }
        let planned = plan.slots.get(index).map(|slot| slot.kind);
        let kind = draft.kind.or(planned).unwrap_or(QuestionKind::What);
        settled.push(PlannedQuestion {
            kind,
            question,
            by: Author::Model,
        });
        if settled.len() == plan.slots.len() {
            break;
        }
    }
    settled
}

fn from_json(text: &str) -> Vec<Draft> {
    let mut drafts = Vec::new();
    values(text)
        .iter()
        .for_each(|value| collect(value, &mut drafts));
    drafts
}

/// Objects with a question, strings in arrays that are questions, and whatever wraps them; depth is bounded by the JSON reader.
fn collect(value: &Value, drafts: &mut Vec<Draft>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, drafts)),
        Value::String(text) if text.trim_end().ends_with('?') => drafts.push(Draft {
            kind: None,
            question: text.clone(),
        }),
        Value::Object(fields) => {
            let question = ["question", "q", "text"]
                .iter()
                .find_map(|name| fields.get(*name)?.as_str());
            let kind = ["kind", "type", "category"]
                .iter()
                .find_map(|name| fields.get(*name)?.as_str()?.parse().ok());
            match question {
                Some(question) => drafts.push(Draft {
                    kind,
                    question: question.to_owned(),
                }),
                None => fields.values().for_each(|inner| collect(inner, drafts)),
            }
        }
        _ => {}
    }
}

fn from_lines(text: &str) -> Vec<Draft> {
    let lines = text
        .lines()
        .map(str::trim)
        .filter(|line| line.trim_end_matches(['*', '"', '_']).ends_with('?'));
    let draft = |line: &str| {
        let bare = without_label(line);
        let (kind, rest) =
            leading_kind(bare).map_or((None, bare), |(kind, rest)| (Some(kind), rest));
        Draft {
            kind,
            question: rest.to_owned(),
        }
    };
    lines.map(draft).collect()
}

/// `[how] …`, `how: …` or `**How** - …` at the head of a line.
fn leading_kind(line: &str) -> Option<(QuestionKind, &str)> {
    static HEAD: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"^(?:[\[(<*]+([\w ]+)[\])>*:]+\s*[:–-]?|(\w+)\s*[:–]|(\w+) -)\s*").ok()
    });
    let head = HEAD.as_ref()?.captures(line)?;
    let word = head.iter().skip(1).flatten().next()?;
    Some((word.as_str().parse().ok()?, &line[head.get(0)?.end()..]))
}

/// One line, single spaces, without numbering, labels, quotes or emphasis around it.
fn tidy(question: &str) -> String {
    let line = question.split_whitespace().collect::<Vec<_>>().join(" ");
    let bare = without_label(&line).trim();
    let unwrapped = [("**", "**"), ("\"", "\""), ("“", "”"), ("*", "*")]
        .iter()
        .find_map(|(open, close)| {
            let inner = bare.strip_prefix(open)?.strip_suffix(close)?;
            (!inner.contains(open)).then_some(inner)
        });
    unwrapped.unwrap_or(bare).trim().to_owned()
}

/// Without a leading `3.`, `-`, `Q3:` or `**Question:**`; `Q.all` and `2.0` are none.
fn without_label(line: &str) -> &str {
    static LABEL: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"(?i)^\s*(?:[-*•#>]\s+)?(?:\*{0,2}(?:(?:question|q)\s*\d*|\d{1,2})\s*[:.)]\s*(?:\*\*\s+)?)?").ok()
    });
    let label = LABEL.as_ref().and_then(|label| label.find(line));
    let (label, rest) = line.split_at(label.map_or(0, |label| label.end()));
    let goes_on = match label.strip_suffix('.') {
        Some(number) if number.ends_with(|c: char| c.is_ascii_digit()) => {
            rest.starts_with(|c: char| c.is_ascii_digit())
        }
        Some(_) => rest.starts_with(char::is_lowercase),
        None => false,
    };
    if goes_on { line.trim() } else { rest.trim() }
}

#[cfg(test)]
mod tests {
    use super::super::plan::Slot;
    use super::*;

    fn plan(kinds: &[QuestionKind]) -> Plan {
        let slot = |&kind| Slot {
            kind,
            focus: None,
            difficulty: "easy",
            voice: "user",
            hint: "",
        };
        Plan {
            slots: kinds.iter().map(slot).collect(),
        }
    }

    #[test]
    fn reads_questions_in_every_form() {
        use QuestionKind::*;
        for (reply, want) in [
            (
                r#"{"questions": [{"kind": "why", "question": "Why `a`?"}, {"kind": "how", "question": "How b?"}]}"#,
                vec![(Why, "Why `a`?"), (How, "How b?")],
            ),
            (
                "Here you go:\n```json\n[{\"kind\": \"how\", \"question\": \"How b?\"},]\n```",
                vec![(How, "How b?")],
            ),
            (
                r#"{"question": "What is\nx?", "kind": "nonsense"}"#,
                vec![(How, "What is x?")],
            ),
            (
                r#"{"questions": ["How a?", "how A?", "Where b?", "What c?"]}"#,
                vec![(How, "How a?"), (What, "Where b?")],
            ),
            (
                r#"{"questions": [{"kind": "how", "question": "How a?"}, {"kind": "where", "question": "Wh"#,
                vec![(How, "How a?")],
            ),
            (
                r#"{"1": {"type": "Edge Case", "q": "What if a is 0?"}}"#,
                vec![(EdgeCase, "What if a is 0?")],
            ),
            (
                "1. [why] Why is a?\n2) How is b?\nThanks",
                vec![(Why, "Why is a?"), (Where, "How is b?")],
            ),
            (
                "**Question 1:** How is a?\n- Where: Where is b?",
                vec![(How, "How is a?"), (Where, "Where is b?")],
            ),
            ("Q1: **How is a?**", vec![(How, "How is a?")]),
            ("What does `x` do?", vec![(How, "What does `x` do?")]),
        ] {
            let read = parse_questions(reply, &plan(&[How, Where])).unwrap();
            let read: Vec<_> = read
                .iter()
                .map(|each| (each.kind, each.question.as_str()))
                .collect();
            assert_eq!(read, want, "{reply}");
        }
    }

    #[test]
    fn replies_without_questions_are_told_apart() {
        let plan = plan(&[QuestionKind::How]);
        for (reply, want) in [
            ("", NoQuestions::Empty),
            (" <think>hm</think> ", NoQuestions::Empty),
            ("I cannot help.", NoQuestions::NoneFound),
            (r#"{"questions": []}"#, NoQuestions::NoneFound),
            (
                r#"{"questions": [{"kind": "how", "question": ""}]}"#,
                NoQuestions::NoneFound,
            ),
        ] {
            assert_eq!(parse_questions(reply, &plan), Err(want.clone()), "{reply}");
            assert_eq!(parse_question(reply), Err(want), "{reply}");
        }
        let essay = format!("{}?", "word ".repeat(300));
        assert_eq!(parse_questions(&essay, &plan), Err(NoQuestions::NoneFound));
    }

    #[test]
    fn one_question_comes_bare() {
        for reply in [
            "Where does `a` end?",
            "\"Where does `a` end?\"",
            "Question: Where does `a` end?",
            r#"{"question": "Where does `a` end?"}"#,
        ] {
            assert_eq!(
                parse_question(reply).unwrap(),
                "Where does `a` end?",
                "{reply}"
            );
        }
    }

    #[test]
    fn a_name_or_number_at_the_head_of_a_question_is_no_label() {
        for (question, want) in [
            ("Q.all in kriskowal/q fails when?", None),
            ("2.0 of click changed what in `echo`?", None),
            ("404: where does `Router` answer so?", None),
            ("Q.What does `a` return?", Some("What does `a` return?")),
            ("1.what does `a` return?", Some("what does `a` return?")),
            (
                "2. 404 is sent by which handler?",
                Some("404 is sent by which handler?"),
            ),
        ] {
            let read = parse_question(question).unwrap();
            assert_eq!(read, want.unwrap_or(question));
        }
    }

    #[test]
    fn the_schema_asks_for_exactly_the_plan() {
        use QuestionKind::*;
        let schema = questions_schema(&plan(&[Why, How, Why]));
        let questions = &schema["properties"]["questions"];
        assert_eq!(questions["maxItems"], 3);
        assert_eq!(
            questions["items"]["properties"]["kind"]["enum"],
            json!(["how", "why"])
        );
    }
}
