//! Jupyter notebooks as plain source: code cells as they are, Markdown cells as comments, no outputs. One without code is Markdown.
//!
//! The form is the "percent" script of Jupytext and of editors: every cell begins with a `# %%` line. The format read is nbformat 3 and 4.

use super::reason::{Skip, SkipReason};
use crate::domain::language::Language;
use serde_json::Value;

/// A notebook's text as source in the language of its kernel.
pub(super) struct Unpacked {
    pub(super) text: String,
    pub(super) language: Language,
}

/// Unpacks a notebook; fails on what is no notebook or has no cell with text. One without code is Markdown.
pub(super) fn unpack(json: &str) -> Result<Unpacked, Skip> {
    let bad = || Skip::new(SkipReason::BadNotebook);
    let notebook: Value = serde_json::from_str(json).map_err(|_| bad())?;
    let has_code = cells(&notebook).any(|cell| cell["cell_type"] == "code" && has_text(cell));
    let unpacked = match has_code {
        true => script(&notebook, language(&notebook).ok_or_else(bad)?),
        false => prose(&notebook).ok_or_else(bad)?,
    };
    match unpacked.text.is_empty() {
        true => Err(bad()),
        false => Ok(unpacked),
    }
}

fn script(notebook: &Value, language: Language) -> Unpacked {
    let mut text = String::new();
    for cell in cells(notebook) {
        push_cell(&mut text, cell, comment_mark(language));
    }
    Unpacked { text, language }
}

/// A notebook without code is a text: its Markdown cells as they are.
fn prose(notebook: &Value) -> Option<Unpacked> {
    let is_prose = |cell: &&Value| cell["cell_type"] == "markdown" && has_text(cell);
    let mut text = String::new();
    for cell in cells(notebook).filter(is_prose) {
        if !text.is_empty() {
            text.push('\n');
        }
        for line in source(cell).lines() {
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
    let language = Language::named("Markdown")?;
    Some(Unpacked { text, language })
}

/// The kernel's language; Python where the notebook does not say, as almost all are.
fn language(notebook: &Value) -> Option<Language> {
    let metadata = &notebook["metadata"];
    let name = metadata["language_info"]["name"]
        .as_str()
        .or_else(|| metadata["kernelspec"]["language"].as_str());
    Language::named(name.unwrap_or("python"))
}

fn comment_mark(language: Language) -> &'static str {
    match language.name() {
        "Rust" | "JavaScript" | "TypeScript" | "Java" | "Scala" | "Kotlin" | "Go" | "C" | "C++"
        | "C#" | "F#" | "Groovy" | "Swift" => "//",
        "Haskell" | "Lua" | "SQL" => "--",
        "MATLAB" => "%",
        "Clojure" | "Scheme" | "Common Lisp" => ";",
        _ => "#",
    }
}

fn cells(notebook: &Value) -> impl Iterator<Item = &Value> {
    let sheets = notebook["worksheets"].as_array().into_iter().flatten();
    let old = sheets.flat_map(|sheet| sheet["cells"].as_array().into_iter().flatten());
    notebook["cells"]
        .as_array()
        .into_iter()
        .flatten()
        .chain(old)
}

/// Adds one cell. Empty cells and raw cells are left out.
fn push_cell(text: &mut String, cell: &Value, mark: &str) {
    let source = source(cell);
    let is_code = cell["cell_type"] == "code";
    if source.trim().is_empty() || !is_code && cell["cell_type"] != "markdown" {
        return;
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(mark);
    text.push_str(if is_code { " %%\n" } else { " %% [markdown]\n" });
    for line in source.lines() {
        push_line(text, line, mark, is_code);
    }
}

/// Magics and shell escapes become comments, so that the rest parses.
fn push_line(text: &mut String, line: &str, mark: &str, is_code: bool) {
    let is_magic = line.starts_with(['%', '!']);
    if !is_code || is_magic {
        text.push_str(mark);
        text.push(' ');
    }
    text.push_str(line.trim_end_matches('\r'));
    text.truncate(text.trim_end_matches(' ').len());
    text.push('\n');
}

fn has_text(cell: &Value) -> bool {
    !source(cell).trim().is_empty()
}

fn source(cell: &Value) -> String {
    joined(cell.get("source").or_else(|| cell.get("input")))
}

/// A cell's source is a text or a list of lines that keep their line ends.
fn joined(source: Option<&Value>) -> String {
    match source {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(lines)) => lines.iter().filter_map(Value::as_str).collect(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_become_a_script() {
        let json = r##"{"nbformat": 4, "metadata": {"language_info": {"name": "python"}}, "cells": [
            {"cell_type": "markdown", "source": ["# Title\n", "\n", "Text"]},
            {"cell_type": "code", "source": "%matplotlib inline\nx = 1\n", "outputs": [{"text": "SECRET OUTPUT"}]},
            {"cell_type": "raw", "source": "raw"}, {"cell_type": "code", "source": []}]}"##;
        let unpacked = unpack(json).unwrap();
        assert_eq!(unpacked.language.name(), "Python");
        assert_eq!(
            unpacked.text,
            "# %% [markdown]\n# # Title\n#\n# Text\n\n# %%\n# %matplotlib inline\nx = 1\n"
        );
    }

    #[test]
    fn old_notebooks_and_other_kernels_are_read() {
        let old = r#"{"nbformat": 3, "metadata": {}, "worksheets": [{"cells": [{"cell_type": "code", "input": ["a"]}]}]}"#;
        assert_eq!(unpack(old).unwrap().text, "# %%\na\n");
        let rust = r#"{"metadata": {"kernelspec": {"language": "rust"}}, "cells": [{"cell_type": "markdown", "source": "m"}, {"cell_type": "code", "source": "let a = 1;"}]}"#;
        assert_eq!(
            unpack(rust).unwrap().text,
            "// %% [markdown]\n// m\n\n// %%\nlet a = 1;\n"
        );
    }

    #[test]
    fn notebooks_without_code_are_markdown() {
        let json = r##"{"metadata": {"language_info": {"name": "python"}}, "cells": [
            {"cell_type": "markdown", "source": ["# Title \n", "\n", "Text"]}, {"cell_type": "code", "source": []},
            {"cell_type": "markdown", "source": "More"}]}"##;
        let unpacked = unpack(json).unwrap();
        assert_eq!(unpacked.language.name(), "Markdown");
        assert_eq!(unpacked.text, "# Title\n\nText\n\nMore\n");
    }

    #[test]
    fn what_is_no_notebook_is_refused() {
        let deep = "[".repeat(100_000);
        for json in [
            "",
            "{}",
            "[]",
            "null",
            "{\"cells\": 1}",
            "{\"cells\": [1, null, {}]}",
            &deep,
            "{\"cells\": [{\"cell_type\": \"markdown\", \"source\": \" \\n\"}]}",
            "{\"cells\": [{\"cell_type\": \"raw\", \"source\": \"only text\"}]}",
        ] {
            assert!(unpack(json).is_err(), "{json:.40}");
        }
    }
}
