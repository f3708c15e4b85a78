//! Reading JSON that a model wrote: after prose, in a code fence, with trailing commas, cut off at the end.

use serde_json::Value;

/// Longest reply looked at, in bytes; the rest is ignored.
const BYTES_MAX: usize = 64 << 10;
/// Most places tried as the beginning of a value.
const TRIES_MAX: usize = 64;

/// The part of a reply worth reading: after any reasoning, at most 64 KiB.
pub fn said(reply: &str) -> &str {
    let said = reply.rsplit("</think>").next().unwrap_or_default().trim();
    &said[..said.floor_char_boundary(BYTES_MAX)]
}

/// The JSON objects and arrays in a reply, outermost first: all that parse whole, or else the innermost that do.
pub fn values(reply: &str) -> Vec<Value> {
    let repaired = without_trailing_commas(said(reply));
    let mut found = Vec::new();
    let mut at = 0;
    for _ in 0..TRIES_MAX {
        let Some(open) = repaired[at..].find(['{', '[']) else {
            break;
        };
        at += open;
        let mut stream = serde_json::Deserializer::from_str(&repaired[at..]).into_iter::<Value>();
        match stream.next() {
            Some(Ok(value)) => {
                found.push(value);
                at += stream.byte_offset();
            }
            _ => at += 1,
        }
    }
    found
}

/// Drops every comma outside strings that has only space between it and a closing bracket.
fn without_trailing_commas(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let (mut in_string, mut escaped) = (false, false);
    for character in text.chars() {
        if !in_string && matches!(character, '}' | ']') {
            let bare = kept.trim_end();
            let end = bare.strip_suffix(',').map_or(kept.len(), str::len);
            kept.truncate(end);
        }
        if character == '"' && !escaped {
            in_string = !in_string;
        }
        escaped = character == '\\' && !escaped;
        kept.push(character);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_values_in_what_models_write() {
        for (reply, want) in [
            (r#"{"a": 1}"#, r#"[{"a":1}]"#),
            (
                "Sure!\n```json\n{\"a\": [1, 2,],\n}\n```\nDone.",
                r#"[{"a":[1,2]}]"#,
            ),
            (
                r#"{"q": [{"a": "x,]"}, {"a": "\",}"}, {"a": "#,
                r#"[{"a":"x,]"},{"a":"\",}"}]"#,
            ),
            ("<think>{\"no\": 1}</think>[\"é\"]", r#"[["é"]]"#),
            ("no json {here", "[]"),
            ("", "[]"),
        ] {
            assert_eq!(Value::Array(values(reply)).to_string(), want, "{reply}");
        }
    }

    #[test]
    fn hostile_replies_end() {
        for reply in [
            "[".repeat(200_000),
            "{\"a\":".repeat(50_000),
            ",]".repeat(50_000),
            "é".repeat(100_000),
            "\"\\".repeat(9999),
        ] {
            let _ = values(&reply);
        }
    }
}
