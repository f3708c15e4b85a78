//! The dataset card: a README whose YAML head tells Hugging Face `datasets` which file is which split, and whose body tells people what they
//! have. The same rows always give the same bytes.

use super::{Format, Metadata, Split};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// By this line a card is known as ours.
const MARK: &str = "# Written by `pipeline export`; the next export replaces it.";
/// Rows of one table.
const ROWS_MAX: usize = 50;

/// What the card tells, gathered row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct CardFacts {
    format: Format,
    splits: BTreeMap<Split, u64>,
    multi_turn: u64,
    repositories: BTreeMap<String, u64>,
    languages: BTreeMap<String, u64>,
    licences: BTreeMap<String, u64>,
    models: BTreeMap<String, u64>,
    prompt_versions: BTreeMap<String, u64>,
    kinds: BTreeMap<String, u64>,
    histogram: [u64; 10],
}

impl CardFacts {
    /// No rows yet.
    pub fn new(format: Format) -> Self {
        CardFacts {
            format,
            splits: BTreeMap::new(),
            multi_turn: 0,
            repositories: BTreeMap::new(),
            languages: BTreeMap::new(),
            licences: BTreeMap::new(),
            models: BTreeMap::new(),
            prompt_versions: BTreeMap::new(),
            kinds: BTreeMap::new(),
            histogram: [0; 10],
        }
    }

    /// Counts a row; `bin` is the tenth that its score is in.
    pub fn add(&mut self, split: Split, metadata: &Metadata<'_>, is_multiturn: bool, bin: usize) {
        *self.splits.entry(split).or_default() += 1;
        self.multi_turn += u64::from(is_multiturn);
        self.histogram[bin.min(9)] += 1;
        let groups = [
            (&mut self.repositories, metadata.repository),
            (&mut self.languages, metadata.language),
            (&mut self.licences, metadata.licence),
            (&mut self.models, metadata.model),
            (&mut self.prompt_versions, metadata.prompt_version),
            (&mut self.kinds, metadata.question_kind),
        ];
        for (counts, name) in groups {
            *counts.entry(name.to_owned()).or_default() += 1;
        }
    }

    /// Rows of each split that has some.
    pub fn splits(&self) -> &BTreeMap<Split, u64> {
        &self.splits
    }

    /// All rows.
    pub fn rows(&self) -> u64 {
        self.splits.values().sum()
    }
}

/// Whether a README is a card of ours.
pub(super) fn is_ours(readme: &[u8]) -> bool {
    readme.starts_with(format!("---\n{MARK}\n").as_bytes())
}

/// The whole card.
pub(super) fn text(facts: &CardFacts) -> String {
    let mut card = head(facts);
    card += &body(facts);
    card += &tables(facts);
    card += &usage(facts);
    card
}

fn head(facts: &CardFacts) -> String {
    let mut head = format!(
        "---\n{MARK}\npretty_name: Questions and answers about source code\nlanguage:\n- en\n- code\nlicense: other\n\
         task_categories:\n- text-generation\n- question-answering\ntags:\n- code\n- synthetic\nsize_categories:\n- {}\n\
         configs:\n- config_name: default\n  data_files:\n",
        size_category(facts.rows())
    );
    for split in facts.splits.keys() {
        let _ = writeln!(
            head,
            "  - split: {}\n    path: {}",
            split.as_str(),
            split.file_name()
        );
    }
    head + "---\n"
}

/// The categories of Hugging Face's card metadata.
fn size_category(rows: u64) -> &'static str {
    match rows {
        0..1_000 => "n<1K",
        1_000..10_000 => "1K<n<10K",
        10_000..100_000 => "10K<n<100K",
        100_000..1_000_000 => "100K<n<1M",
        1_000_000..10_000_000 => "1M<n<10M",
        _ => "10M<n<100M",
    }
}

fn body(facts: &CardFacts) -> String {
    let mut body = format!(
        "\n# Questions and answers about source code\n\nSamples: {}, from {} repositories; {} of several turns. Format: `{}`.\n\n",
        facts.rows(),
        facts.repositories.len(),
        facts.multi_turn,
        facts.format.as_str()
    );
    body += "## How it was made\n\n\
        `pipeline` read the repositories at the commits named in each row, cut their source files into pieces, and had the models below write \
        questions about each piece and answers to them. An answer was kept when mechanical checks against the piece of source found no reason against \
        it; `score` in [0, 1] is what they made of it. Secrets and private e-mail addresses were replaced before a model saw the source.\n\n\
        Every row has a `metadata` object: repository, commit, path, lines, symbol, language, licence, kind of question, score, model, version of the \
        prompts. All samples of one file are in one split, and a file stays in its split when the dataset grows.\n\n\
        ## Limits\n\n\
        - The text is written by language models. The checks catch invented names, changed numbers and altered quotations; a fluent answer that is \
        subtly wrong about the right names passes.\n\
        - Each conversation rests on one file.\n\
        - Copies of a file in different repositories are files of their own and may be in different splits.\n\
        - Answers may quote source code, which stays under the licence of its file. `unknown` means that none was recognised, not that there is none.\n";
    body
}

fn tables(facts: &CardFacts) -> String {
    let splits = facts.splits.iter();
    let splits = splits.map(|(split, rows)| (split.as_str().to_owned(), *rows));
    let bins = facts.histogram.iter().enumerate();
    let bins = bins.map(|(bin, rows)| {
        (
            format!("{:.1} to {:.1}", bin as f64 / 10.0, (bin + 1) as f64 / 10.0),
            *rows,
        )
    });
    let mut text = "\n## Counts\n".to_owned();
    text += &table("split", splits.collect());
    text += &table("score", bins.filter(|(_, rows)| *rows > 0).collect());
    for (title, counts) in [
        ("language", &facts.languages),
        ("licence", &facts.licences),
        ("repository", &facts.repositories),
        ("kind of question", &facts.kinds),
        ("model", &facts.models),
        ("version of the prompts", &facts.prompt_versions),
    ] {
        let mut rows: Vec<_> = counts.clone().into_iter().collect();
        rows.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        text += &table(title, rows);
    }
    text
}

fn table(title: &str, rows: Vec<(String, u64)>) -> String {
    let mut text = format!("\n| {title} | samples |\n|---|---:|\n");
    for (name, count) in rows.iter().take(ROWS_MAX) {
        let _ = writeln!(text, "| {} | {count} |", cell(name));
    }
    if let Some(more) = rows.len().checked_sub(ROWS_MAX).filter(|more| *more > 0) {
        let rest: u64 = rows[ROWS_MAX..].iter().map(|(_, count)| count).sum();
        let _ = writeln!(text, "| {more} more | {rest} |");
    }
    text
}

/// Text of others as one cell that is only text: what Markdown or HTML would read as markup is escaped.
fn cell(text: &str) -> String {
    let mut cell = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => cell.push_str("&lt;"),
            '&' => cell.push_str("&amp;"),
            '\\' | '|' | '`' | '*' | '_' | '[' | ']' => cell.extend(['\\', character]),
            _ if character.is_control() => cell.extend(character.escape_default()),
            _ => cell.push(character),
        }
    }
    cell
}

fn usage(facts: &CardFacts) -> String {
    let mut text = "\n## Use it\n\n```python\nfrom datasets import load_dataset\n\ndataset = load_dataset(\"PATH/TO/THIS/FOLDER\")\n```\n\n".to_owned();
    text += match facts.format {
        Format::Chat => {
            "TRL's `SFTTrainer` and axolotl (`type: chat_template`) take the rows as they are; `mlx_lm.lora --data PATH` too, when there is a \
             validation split. LLaMA-Factory: `\"formatting\": \"sharegpt\"`, `\"columns\": {\"messages\": \"messages\"}`, `\"tags\": {\"role_tag\": \"role\", \
             \"content_tag\": \"content\", \"user_tag\": \"user\", \"assistant_tag\": \"assistant\"}`.\n"
        }
        Format::Sharegpt => {
            "LLaMA-Factory: `\"formatting\": \"sharegpt\"`. axolotl: `type: chat_template` with `field_messages: conversations` and \
             `message_property_mappings: {role: from, content: value}`.\n"
        }
        Format::Alpaca => "LLaMA-Factory's default format, axolotl's `type: alpaca`.\n",
        Format::PromptCompletion => {
            "TRL's `SFTTrainer` takes the rows as they are and computes the loss on the completion only.\n"
        }
    };
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_others_stay_text() {
        assert_eq!(
            cell("a|b\n<script>[x](y) `z`"),
            "a\\|b\\n&lt;script>\\[x\\](y) \\`z\\`"
        );
    }

    #[test]
    fn sizes_have_the_categories_of_the_hub() {
        for (rows, category) in [
            (0, "n<1K"),
            (999, "n<1K"),
            (1_000, "1K<n<10K"),
            (999_999, "100K<n<1M"),
            (1_000_000, "1M<n<10M"),
        ] {
            assert_eq!(size_category(rows), category);
        }
    }

    #[test]
    fn only_cards_of_ours_are_ours() {
        let card = text(&CardFacts::new(Format::Chat));
        assert!(is_ours(card.as_bytes()));
        assert!(!is_ours(b"---\nlicense: mit\n---\n"));
        assert!(!is_ours(b"# Mine\n"));
    }
}
