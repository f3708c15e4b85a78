//! Which model, and how large its window is.
//!
//! Owns the reading of `/models` and of llama.cpp's `/props`, and the rule that a model is never chosen in silence.

use super::error::{LlmError, RunStop};
use serde_json::Value;

/// A model as a server lists it.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedModel {
    /// The name to ask for.
    pub id: String,
    /// Its window, when the list tells.
    pub context_tokens: Option<u32>,
    /// Whether the server is llama.cpp, which tells the window in force elsewhere.
    pub(super) llama_cpp: bool,
}

/// Reads a list of models; `None` when the body is none. An Ollama without models lists `null`. What Azure lists is its catalogue, not
/// the deployments that can be asked: those it does not list.
pub(super) fn read_list(body: &[u8]) -> Option<Vec<ListedModel>> {
    let list: Value = serde_json::from_slice(body).ok()?;
    if list["object"] == "list" && list.get("data") == Some(&Value::Null) {
        return Some(Vec::new());
    }
    let entries = list["data"].as_array().or_else(|| list.as_array())?;
    let can_be_asked = entries
        .iter()
        .filter(|entry| entry["lifecycle_status"].is_null());
    Some(can_be_asked.filter_map(read_entry).collect())
}

fn read_entry(entry: &Value) -> Option<ListedModel> {
    Some(ListedModel {
        id: entry["id"].as_str()?.to_owned(),
        context_tokens: window(entry),
        llama_cpp: entry["owned_by"] == "llamacpp",
    })
}

/// The window under the names of vLLM, OpenRouter and Together, Groq, Mistral and LM Studio, llama.cpp.
fn window(entry: &Value) -> Option<u32> {
    let names = [
        "max_model_len",
        "context_length",
        "context_window",
        "max_context_length",
    ];
    let direct = names.iter().find_map(|name| entry[name].as_u64());
    let meta = ["n_ctx", "n_ctx_train"]
        .iter()
        .find_map(|name| entry["meta"][name].as_u64());
    u32::try_from(direct.or(meta)?).ok().filter(|&n| n > 0)
}

/// What a server says of each of its places for a request.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Places {
    /// The window of one.
    pub context_tokens: Option<u32>,
    /// How many there are. Each keeps the prefix of the request before, so that a line in front of them costs every prompt its cache.
    pub count: Option<usize>,
}

/// The slots of a llama.cpp server, from its `/props`.
pub(super) fn read_props(body: &[u8]) -> Places {
    let props: Value = serde_json::from_slice(body).unwrap_or_default();
    let tokens = props["default_generation_settings"]["n_ctx"].as_u64();
    let count = props["total_slots"].as_u64();
    Places {
        context_tokens: tokens
            .and_then(|n| u32::try_from(n).ok())
            .filter(|&n| n > 0),
        count: count
            .and_then(|n| usize::try_from(n).ok())
            .filter(|&n| n > 0),
    }
}

/// The model to ask: the named one, if the server has it, or the only one.
pub(super) fn choose(
    named: Option<&str>,
    listed: &[ListedModel],
    base: &str,
) -> Result<ListedModel, LlmError> {
    let unlisted = |id: &str| ListedModel {
        id: id.to_owned(),
        context_tokens: None,
        llama_cpp: false,
    };
    match (named, listed) {
        (None, [only]) => Ok(only.clone()),
        (None, []) => Err(LlmError::stop(
            RunStop::ModelChoice,
            format!("{base} lists no model; name one with --model or OPENAI_MODEL"),
        )),
        (None, _) => Err(LlmError::stop(
            RunStop::ModelChoice,
            format!(
                "{base} has several models; name one with --model or OPENAI_MODEL: {}",
                names(listed)
            ),
        )),
        (Some(name), []) => Ok(unlisted(name)),
        (Some(name), _) => match listed.iter().find(|model| is_listed_as(name, &model.id)) {
            Some(model) => Ok(ListedModel {
                id: name.to_owned(),
                ..model.clone()
            }),
            None => Err(LlmError::stop(
                RunStop::ModelUnknown,
                format!("model '{name}' is not at {base}; it has: {}", names(listed)),
            )),
        },
    }
}

/// Whether a listed id covers a name: itself, with a tag left out or added ("qwen:latest"), by a pattern ("openai/*"), or as the resource
/// that Google lists for it ("models/gemini").
fn is_listed_as(name: &str, id: &str) -> bool {
    let id = id.strip_prefix("models/").unwrap_or(id);
    let name = name.strip_prefix("models/").unwrap_or(name);
    let untagged = |text: &str| text.split(':').next().unwrap_or_default().to_owned();
    match id.strip_suffix('*') {
        Some(stem) => name.starts_with(stem),
        None => id == name || untagged(id) == name || id == untagged(name),
    }
}

fn names(listed: &[ListedModel]) -> String {
    const SHOWN_MAX: usize = 12;
    let mut names: Vec<_> = listed
        .iter()
        .take(SHOWN_MAX)
        .map(|model| model.id.as_str())
        .collect();
    if listed.len() > SHOWN_MAX {
        names.push("…");
    }
    super::response::excerpt(&names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(ids: &[&str]) -> Vec<ListedModel> {
        let entry = |id: &&str| ListedModel {
            id: (*id).to_owned(),
            context_tokens: Some(9),
            llama_cpp: false,
        };
        ids.iter().map(entry).collect()
    }

    #[test]
    fn a_model_is_named_or_the_only_one() {
        let stop = |named, ids: &[&str]| {
            choose(named, &listed(ids), "b")
                .unwrap_err()
                .run_stop()
                .unwrap()
        };
        let chosen = |named, ids: &[&str]| choose(named, &listed(ids), "b").unwrap().id;
        assert_eq!(chosen(None, &["a"]), "a");
        assert_eq!(chosen(Some("a"), &["b", "a"]), "a");
        assert_eq!(chosen(Some("a"), &[]), "a");
        assert_eq!(chosen(Some("a"), &["a:latest"]), "a");
        assert_eq!(chosen(Some("a:nitro"), &["a"]), "a:nitro");
        assert_eq!(chosen(Some("openai/x"), &["openai/*"]), "openai/x");
        assert_eq!(chosen(Some("g"), &["models/f", "models/g"]), "g");
        assert_eq!(chosen(Some("models/g"), &["models/g"]), "models/g");
        assert_eq!(stop(None, &["a", "b"]), RunStop::ModelChoice);
        assert_eq!(stop(None, &[]), RunStop::ModelChoice);
        assert_eq!(stop(Some("c"), &["a", "b"]), RunStop::ModelUnknown);
        assert_eq!(stop(Some("a"), &["ab"]), RunStop::ModelUnknown);
    }

    #[test]
    fn windows_are_read_from_every_known_place() {
        let window_of = |entry: &str| {
            let body = format!(r#"{{"data":[{{"id":"m",{entry}}},{{"no":"id"}}]}}"#);
            read_list(body.as_bytes()).unwrap()[0].context_tokens
        };
        assert_eq!(window_of(r#""max_model_len":8192"#), Some(8192));
        assert_eq!(window_of(r#""meta":{"n_ctx_train":2048}"#), Some(2048));
        assert_eq!(
            window_of(r#""meta":{"n_ctx_train":2048,"n_ctx":512}"#),
            Some(512)
        );
        assert_eq!(window_of(r#""context_length":0"#), None);
        assert_eq!(window_of(r#""context_length":"big""#), None);
        assert_eq!(
            read_props(br#"{"default_generation_settings":{"n_ctx":4096},"total_slots":2}"#),
            Places {
                context_tokens: Some(4096),
                count: Some(2),
            }
        );
        assert_eq!(read_props(b"<html>"), Places::default());
        for body in ["", "{}", "<html>", r#"{"data":7}"#, r#"{"data":null}"#] {
            assert_eq!(read_list(body.as_bytes()), None);
        }
    }

    #[test]
    fn a_list_of_nothing_that_can_be_asked_is_an_empty_one() {
        for body in [
            r#"{"object":"list","data":null}"#,
            r#"{"object":"list","data":[{"id":"gpt-4o-2024-08-06","object":"model","lifecycle_status":"generally-available"}]}"#,
        ] {
            assert_eq!(read_list(body.as_bytes()), Some(Vec::new()), "{body}");
        }
    }
}
