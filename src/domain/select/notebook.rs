//! Jupyter notebooks as plain source: code cells as they are, Markdown cells as comments, no outputs.
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

/// Unpacks a notebook; fails on what is no notebook or has no cell with code.
pub(super) fn unpack(json: &str) -> Result<Unpacked, Skip> {
    let bad = || Skip::new(SkipReason::BadNotebook);
    let notebook: Value = serde_json::from_str(json).map_err(|_| bad())?;
    let language = language(&notebook).ok_or_else(bad)?;
    let mark = comment_mark(language);
    let mut text = String::new();
    let mut has_code = false;
    for cell in cells(&notebook) {
        has_code |= push_cell(&mut text, cell, mark);
    }
    if has_code {
        Ok(Unpacked { text, language })
    } else {
        Err(bad())
    }
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

/// Adds one cell; returns whether it holds code. Empty cells and raw cells are left out.
fn push_cell(text: &mut String, cell: &Value, mark: &str) -> bool {
    let source = joined(cell.get("source").or_else(|| cell.get("input")));
    let is_code = cell["cell_type"] == "code";
    if source.trim().is_empty() || !is_code && cell["cell_type"] != "markdown" {
        return false;
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(mark);
    text.push_str(if is_code { " %%\n" } else { " %% [markdown]\n" });
    for line in source.lines() {
        push_line(text, line, mark, is_code);
    }
    is_code
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
            "{\"cells\": [{\"cell_type\": \"markdown\", \"source\": \"only text\"}]}",
        ] {
            assert!(unpack(json).is_err(), "{json:.40}");
        }
    }
}
