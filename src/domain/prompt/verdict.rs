//! Reading what the judge wrote.

use serde_json::{Value, json};

use super::lenient::values;

/// The judge's marks from 1 (bad) to 5 (flawless).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Why, in the judge's words.
    pub reason: String,
    /// Everything claimed stands in the source.
    pub grounded: u8,
    /// Nothing contradicts the source.
    pub correct: u8,
    /// The whole question is answered.
    pub complete: u8,
    /// A developer could act on it.
    pub useful: u8,
}

/// A reply that is no verdict.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the judge's reply holds no four marks from 1 to 5")]
pub struct UnreadableVerdict;

const AXES: [&str; 4] = ["grounded", "correct", "complete", "useful"];

/// JSON schema of a verdict. The reason comes first, so that the marks follow from it.
pub fn verdict_schema() -> Value {
    let mark = json!({"type": "integer", "enum": [1, 2, 3, 4, 5]});
    json!({
        "type": "object",
        "properties": {
            "reason": {"type": "string"}, "grounded": mark, "correct": mark, "complete": mark, "useful": mark
        },
        "required": ["reason", "grounded", "correct", "complete", "useful"],
        "additionalProperties": false
    })
}

/// Reads a verdict; marks may come as numbers or as text.
pub fn parse_verdict(reply: &str) -> Result<Verdict, UnreadableVerdict> {
    let read = |value: &Value| {
        let [grounded, correct, complete, useful] = AXES.map(|axis| mark(&value[axis]));
        Some(Verdict {
            reason: value["reason"].as_str().unwrap_or_default().to_owned(),
            grounded: grounded?,
            correct: correct?,
            complete: complete?,
            useful: useful?,
        })
    };
    values(reply).iter().find_map(read).ok_or(UnreadableVerdict)
}

fn mark(value: &Value) -> Option<u8> {
    let number = value
        .as_f64()
        .or_else(|| value.as_str()?.trim().parse().ok())?;
    let is_mark = number.fract() == 0.0 && (1.0..=5.0).contains(&number);
    is_mark.then_some(number as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_need_four_whole_marks() {
        for (reply, want) in [
            (
                r#"{"reason": "ok", "grounded": 5, "correct": 4, "complete": 3, "useful": 2}"#,
                Some([5, 4, 3, 2]),
            ),
            (
                "```json\n{\"grounded\": \"5\", \"correct\": 1.0, \"complete\": 3, \"useful\": 2,}\n```",
                Some([5, 1, 3, 2]),
            ),
            (
                r#"{"grounded": 6, "correct": 4, "complete": 3, "useful": 2}"#,
                None,
            ),
            (
                r#"{"grounded": 4.5, "correct": 4, "complete": 3, "useful": 2}"#,
                None,
            ),
            (r#"{"grounded": 5}"#, None),
            ("great answer", None),
        ] {
            let read = parse_verdict(reply)
                .ok()
                .map(|v| [v.grounded, v.correct, v.complete, v.useful]);
            assert_eq!(read, want, "{reply}");
        }
    }
}
