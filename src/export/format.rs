//! The forms of a row. Every row is one line of JSON with the same keys and never a null, because readers infer the type of a column from
//! the first rows of a file and fail on later ones that differ.

use serde::Serialize;
use serde::ser::{SerializeMap, SerializeSeq as _, Serializer};

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// `messages` of `role` and `content`: TRL, axolotl (`chat_template`), mlx-lm, LLaMA-Factory (`sharegpt` with tags)
    Chat,
    /// `conversations` of `from` and `value`: LLaMA-Factory (`sharegpt`), older axolotl
    Sharegpt,
    /// `instruction`, `input` and `output`: single exchanges only
    Alpaca,
    /// `prompt` and `completion`, each a list of messages: TRL, with loss on the completion only
    PromptCompletion,
}

impl Format {
    /// The name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Chat => "chat",
            Format::Sharegpt => "sharegpt",
            Format::Alpaca => "alpaca",
            Format::PromptCompletion => "prompt-completion",
        }
    }

    /// Whether it can hold more than one exchange.
    pub fn holds_conversations(self) -> bool {
        self != Format::Alpaca
    }
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    /// Asks.
    User,
    /// Answers.
    Assistant,
}

/// One turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    /// Who speaks.
    pub speaker: Speaker,
    /// What is said.
    pub content: &'a str,
}

/// What a row says about itself. Trainers pass over it; people filter by it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Metadata<'a> {
    /// `sample_id`; changes when the file is processed anew.
    pub id: i64,
    /// URL of the repository, without credentials.
    pub repository: &'a str,
    /// Hex id of the commit; empty where the file was edited and no commit has it so.
    pub commit: &'a str,
    /// Path in the repository.
    pub path: &'a str,
    /// First line of the piece of source, counted from 1; 0 when it is not known.
    pub first_line: u32,
    /// Its last line.
    pub last_line: u32,
    /// The symbol around it; may be empty.
    pub symbol: &'a str,
    /// Language, as linguist names it.
    pub language: &'a str,
    /// SPDX expression, or `unknown`.
    pub licence: &'a str,
    /// Kind of question; may be empty.
    pub question_kind: &'a str,
    /// Quality in `[0, 1]`.
    pub score: f64,
    /// The model that answered.
    pub model: &'a str,
    /// Version of the prompts.
    pub prompt_version: &'a str,
}

/// A row: alternating messages that begin with the user's and end with the assistant's.
#[derive(Debug, Clone, PartialEq)]
pub struct Row<'a> {
    /// The conversation.
    pub messages: Vec<Message<'a>>,
    /// Where it comes from.
    pub metadata: Metadata<'a>,
}

impl Row<'_> {
    /// Appends the row as a line. A format that holds single exchanges gets the first.
    pub fn write(&self, format: Format, line: &mut Vec<u8>) -> serde_json::Result<()> {
        let messages = &self.messages[..];
        let content = |at: usize| messages.get(at).map_or("", |message| message.content);
        let mut json = serde_json::Serializer::new(&mut *line);
        let mut map = json.serialize_map(None)?;
        match format {
            Format::Chat => map.serialize_entry("messages", &Chat(messages))?,
            Format::Sharegpt => map.serialize_entry("conversations", &Sharegpt(messages))?,
            Format::Alpaca => {
                map.serialize_entry("instruction", content(0))?;
                map.serialize_entry("input", "")?;
                map.serialize_entry("output", content(1))?;
            }
            Format::PromptCompletion => {
                let (prompt, completion) = messages.split_at(messages.len().saturating_sub(1));
                map.serialize_entry("prompt", &Chat(prompt))?;
                map.serialize_entry("completion", &Chat(completion))?;
            }
        }
        map.serialize_entry("metadata", &self.metadata)?;
        SerializeMap::end(map)?;
        line.push(b'\n');
        Ok(())
    }
}

struct Chat<'a>(&'a [Message<'a>]);

impl Serialize for Chat<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Turn<'a> {
            role: &'a str,
            content: &'a str,
        }
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for Message { speaker, content } in self.0 {
            let role = match speaker {
                Speaker::User => "user",
                Speaker::Assistant => "assistant",
            };
            list.serialize_element(&Turn { role, content })?;
        }
        list.end()
    }
}

struct Sharegpt<'a>(&'a [Message<'a>]);

impl Serialize for Sharegpt<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Turn<'a> {
            from: &'a str,
            value: &'a str,
        }
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for Message { speaker, content } in self.0 {
            let from = match speaker {
                Speaker::User => "human",
                Speaker::Assistant => "gpt",
            };
            let value = content;
            list.serialize_element(&Turn { from, value })?;
        }
        list.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn written(format: Format, contents: &[&str]) -> Value {
        let speakers = [Speaker::User, Speaker::Assistant];
        let messages = contents.iter().zip(speakers.into_iter().cycle());
        let row = Row {
            messages: messages
                .map(|(content, speaker)| Message { speaker, content })
                .collect(),
            metadata: Metadata {
                id: 7,
                repository: "https://example.com/o/r",
                commit: "c0",
                path: "a.c",
                first_line: 1,
                last_line: 2,
                symbol: "",
                language: "C",
                licence: "MIT",
                question_kind: "how",
                score: 1.0,
                model: "m",
                prompt_version: "v",
            },
        };
        let mut line = Vec::new();
        row.write(format, &mut line).unwrap();
        assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
        let mut value: Value = serde_json::from_slice(&line).unwrap();
        let metadata = value.as_object_mut().unwrap().remove("metadata").unwrap();
        assert_eq!(metadata["id"], 7);
        assert!(metadata["score"].is_f64());
        assert!(!metadata.as_object().unwrap().values().any(Value::is_null));
        value
    }

    #[test]
    fn every_format_holds_the_conversation_in_its_own_words() {
        let turn = |role: &str, content: &str| json!({"role": role, "content": content});
        let said = |from: &str, value: &str| json!({"from": from, "value": value});
        let (one, two) = (["q\n1", "a"], ["q", "a", "r", "b"]);
        assert_eq!(
            written(Format::Chat, &two)["messages"],
            json!([
                turn("user", "q"),
                turn("assistant", "a"),
                turn("user", "r"),
                turn("assistant", "b")
            ])
        );
        assert_eq!(
            written(Format::Sharegpt, &one),
            json!({"conversations": [said("human", "q\n1"), said("gpt", "a")]})
        );
        assert_eq!(
            written(Format::Alpaca, &one),
            json!({"instruction": "q\n1", "input": "", "output": "a"})
        );
        assert_eq!(
            written(Format::PromptCompletion, &two),
            json!({"prompt": [turn("user", "q"), turn("assistant", "a"), turn("user", "r")], "completion": [turn("assistant", "b")]})
        );
    }
}
