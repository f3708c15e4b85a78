//! The verdict of a judging model: its JSON schema, its tolerant reading, the score made of it.
//!
//! Owns the shape of the verdict. The words with which it is asked for live with the other prompts.

use crate::domain::lenient;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Highest mark on an axis; the lowest is 1.
pub const MARK_MAX: u8 = 5;
/// A mark this low on `grounded` or `correct` means that the answer is wrong.
const WRONG_MARK_MAX: u8 = 2;

/// What a judge says of an answer. Each axis is marked from 1 (bad) to 5 (good).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The line of the source that contradicts the answer, as the judge copied it; empty when there is none. Asked for first: who has to
    /// show the line finds more errors, and imagines fewer.
    pub contradiction: String,
    /// Why; written before the marks, so that they follow from it.
    pub reason: String,
    /// The plain question: is the answer right.
    pub right: bool,
    /// Everything said is in the source.
    pub grounded: u8,
    /// What is said is true.
    pub correct: u8,
    /// The question is answered whole.
    pub complete: u8,
    /// A reader learns something worth knowing.
    pub useful: u8,
}

/// A judge's text that is no verdict.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerdictError {
    /// No JSON object in it.
    #[error("the judge's text holds no JSON object; use a judge model that can write JSON")]
    NoObject,
    /// A mark is missing or not between 1 and 5.
    #[error("the judge's verdict has no mark from 1 to 5 for '{0}'; use a stronger judge model")]
    NoMark(&'static str),
}

/// JSON schema of a [`Verdict`], in the strict form of structured output: what is looked for stands first, nothing is optional.
pub fn schema() -> Value {
    let mark = json!({"type": "integer", "enum": [5, 4, 3, 2, 1]});
    json!({
        "type": "object",
        "properties": {
            "contradiction": {"type": "string"}, "reason": {"type": "string"}, "right": {"type": "boolean"},
            "grounded": mark, "correct": mark, "complete": mark, "useful": mark
        },
        "required": ["contradiction", "reason", "right", "grounded", "correct", "complete", "useful"],
        "additionalProperties": false
    })
}

impl Verdict {
    /// Reads a verdict from a completion, forgiving reasoning, fences, prose around it, trailing commas, marks as texts (`"4"`, `"4/5"`) or
    /// fractions, and other case of the keys. A judge that leaves `right` out says it with its marks.
    ///
    /// # Errors
    /// [`VerdictError`] when no object is found or a mark is missing or out of range.
    pub fn parse(text: &str) -> Result<Self, VerdictError> {
        let values = lenient::values(text);
        let objects = values.iter().rev().filter_map(Value::as_object);
        let mut error = VerdictError::NoObject;
        for object in objects {
            match Self::read(object) {
                Ok(verdict) => return Ok(verdict),
                Err(found) if error == VerdictError::NoObject => error = found,
                Err(_) => {}
            }
        }
        Err(error)
    }

    fn read(object: &Map<String, Value>) -> Result<Self, VerdictError> {
        let field = |name: &str| {
            let mut fields = object.iter();
            fields
                .find(|(key, _)| key.eq_ignore_ascii_case(name))
                .map(|(_, value)| value)
        };
        let text = |name| field(name).and_then(Value::as_str).unwrap_or_default();
        let mark = |name: &'static str| {
            field(name)
                .and_then(read_mark)
                .ok_or(VerdictError::NoMark(name))
        };
        Ok(Verdict {
            contradiction: text("contradiction").trim().to_owned(),
            reason: text("reason").trim().to_owned(),
            right: field("right").is_none_or(says_yes),
            grounded: mark("grounded")?,
            correct: mark("correct")?,
            complete: mark("complete")?,
            useful: mark("useful")?,
        })
    }

    /// Score in `[0, 1]`: the mean of the axes, grounded and correct counting double, scaled so that 1 is 0 and 5 is 1; never more than the
    /// lower of grounded and correct, for a well-written falsehood is worth nothing.
    pub fn score(&self) -> f64 {
        let unit = |mark: u8| f64::from(mark.clamp(1, MARK_MAX) - 1) / f64::from(MARK_MAX - 1);
        let (grounded, correct) = (unit(self.grounded), unit(self.correct));
        let mean = (2.0 * grounded + 2.0 * correct + unit(self.complete) + unit(self.useful)) / 6.0;
        mean.min(grounded).min(correct)
    }

    /// Whether the judge found the answer wrong, whatever its score: it said so, or marked it so.
    pub fn is_wrong(&self) -> bool {
        !self.right || self.grounded <= WRONG_MARK_MAX || self.correct <= WRONG_MARK_MAX
    }
}

fn says_yes(value: &Value) -> bool {
    match value {
        Value::Bool(yes) => *yes,
        Value::String(text) => ["true", "yes"]
            .iter()
            .any(|yes| text.trim().eq_ignore_ascii_case(yes)),
        _ => false,
    }
}

fn read_mark(value: &Value) -> Option<u8> {
    let number = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().split('/').next()?.trim().parse().ok()?,
        _ => return None,
    };
    let rounded = number.round();
    (1.0..=f64::from(MARK_MAX))
        .contains(&rounded)
        .then_some(rounded as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(grounded: u8, correct: u8, complete: u8, useful: u8) -> Verdict {
        Verdict {
            contradiction: String::new(),
            reason: "r".into(),
            right: true,
            grounded,
            correct,
            complete,
            useful,
        }
    }

    #[test]
    fn verdicts_are_read_however_they_are_wrapped() {
        for text in [
            r#"{"reason":"r","grounded":5,"correct":4,"complete":3,"useful":2}"#,
            "Here it is:\n```json\n{\"reason\":\"r\",\"Grounded\":\"5/5\",\"CORRECT\":\"4\",\"complete\":3.0,\"useful\":2}\n```",
            r#"<think>{"grounded": 1}</think>{"reason":"r","right":"yes","grounded":5,"correct":4,"complete":3,"useful":2,}"#,
            r#"{draft} {"reason":"r","grounded":5,"correct":4,"complete":3,"useful":2} as said"#,
        ] {
            assert_eq!(Verdict::parse(text).unwrap(), verdict(5, 4, 3, 2), "{text}");
        }
    }

    #[test]
    fn what_is_no_verdict_is_refused() {
        assert_eq!(Verdict::parse("fine"), Err(VerdictError::NoObject));
        assert_eq!(
            Verdict::parse(&"{".repeat(5000)),
            Err(VerdictError::NoObject)
        );
        for (text, axis) in [
            (r#"{"grounded":6}"#, "grounded"),
            (r#"{"grounded":1,"correct":true}"#, "correct"),
            (r#"{"grounded":0}"#, "grounded"),
        ] {
            assert_eq!(Verdict::parse(text), Err(VerdictError::NoMark(axis)));
        }
    }

    #[test]
    fn a_falsehood_is_worth_nothing_however_well_written() {
        assert_eq!(verdict(5, 5, 5, 5).score(), 1.0);
        assert_eq!(verdict(1, 5, 5, 5).score(), 0.0);
        assert_eq!(verdict(5, 3, 5, 5).score(), 0.5);
        assert!(verdict(5, 2, 5, 5).is_wrong() && !verdict(3, 3, 1, 1).is_wrong());
        for word in ["false", "\"No\""] {
            let text = format!(
                r#"{{"right": {word}, "grounded": 5, "correct": 5, "complete": 5, "useful": 5}}"#
            );
            assert!(Verdict::parse(&text).unwrap().is_wrong(), "{text}");
        }
    }

    #[test]
    fn the_schema_asks_for_evidence_first_and_marks_last() {
        let schema = schema();
        let keys: Vec<&str> = schema["required"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
            .collect();
        assert_eq!(keys[..3], ["contradiction", "reason", "right"]);
        let properties = schema["properties"].as_object().unwrap();
        assert!(
            properties.keys().eq(keys),
            "the order of the properties is that in which a server makes the model write them"
        );
    }
}
