//! Prices and outline of Markdown, by its own rules: headings, fences, paragraphs, front matter.

use std::sync::LazyLock;

use regex::Regex;

use super::lines::Lines;
use super::price::{GLUE, SOLID};

/// A heading: the line it begins on, counted from 0, its level from 1 to 6, and its words.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Heading<'a> {
    pub(super) line: usize,
    pub(super) level: u32,
    pub(super) title: &'a str,
}

/// Whether a language is written in Markdown's way.
pub(super) fn is_markdown(language: &str) -> bool {
    matches!(
        language,
        "Markdown" | "RMarkdown" | "MDX" | "GCC Machine Description"
    )
}

/// Prices of cutting before each line: cheap before headings, dearer the deeper they are, then between paragraphs.
pub(super) fn prices(lines: &Lines) -> Vec<u32> {
    let mut prices: Vec<u32> = lines.iter().map(line_price).collect();
    for line in solid_lines(lines) {
        prices[line] = SOLID;
    }
    for heading in headings(lines) {
        prices[heading.line] = (heading.level - 1) * 3;
        if let Some(below) = prices.get_mut(heading.line + 1) {
            *below += GLUE;
        }
    }
    prices
}

fn line_price(line: &str) -> u32 {
    match line.trim_start().bytes().next() {
        Some(b'|') => SOLID / 2,
        Some(b'-' | b'*' | b'+' | b'0'..=b'9') => 28,
        _ => 24 + 4 * (line.len() - line.trim_start().len()).min(8) as u32,
    }
}

/// The headings outside fences, in order.
pub(super) fn headings<'a>(lines: &Lines<'a>) -> Vec<Heading<'a>> {
    let mut solid = solid_lines(lines).into_iter().peekable();
    let mut found = Vec::new();
    for line in 0..lines.count() {
        if solid.next_if_eq(&line).is_some() {
            continue;
        }
        if let Some((level, title)) = atx(lines.get(line)).or_else(|| setext(lines, line)) {
            found.push(Heading { line, level, title });
        }
    }
    found
}

/// `## Title ##`
fn atx(line: &str) -> Option<(u32, &str)> {
    let level = line.bytes().take_while(|&byte| byte == b'#').count();
    let rest = &line[level..];
    let title = rest.trim().trim_end_matches('#').trim_end();
    let valid = (1..=6).contains(&level) && rest.starts_with([' ', '\t']) && !title.is_empty();
    valid.then_some((level as u32, title))
}

/// A title above a line of `=` or `-`.
fn setext<'a>(lines: &Lines<'a>, line: usize) -> Option<(u32, &'a str)> {
    let title = lines.get(line).trim();
    if title.is_empty()
        || title.starts_with(['|', '-', '=', '>', '*', '+'])
        || line + 1 >= lines.count()
    {
        return None;
    }
    let under = lines.get(line + 1).trim_end();
    let ruled = |mark: char| under.len() >= 3 && under.chars().all(|each| each == mark);
    if ruled('=') {
        return Some((1, title));
    }
    ruled('-').then_some((2, title))
}

/// The words of a title as a reader sees them: without pictures, links, tags, emphasis and the spaces of HTML.
pub(super) fn plain(title: &str) -> String {
    static MARKUP: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"(?x)
            \[?!\[[^\]]*\](?:\([^()]*\)|\[[^\]]*\])(?:\](?:\([^()]*\)|\[[^\]]*\]))?   # a picture, or a link of one
            | </?(?:a|b|br|center|code|div|em|font|h[1-6]|i|img|kbd|p|picture|small|source|span|strong|su[bp])(?:[\s/][^<>]*)?> | <!--.*?-->
            | \[([^\[\]]+)\](?:\([^()]*\)|\[[^\[\]]*\])                          # a link: its text stays
            | \ ?\{\#[\w-]+\}").ok()
    });
    let bare = match &*MARKUP {
        Some(markup) => markup.replace_all(title, "$1").replace("&nbsp;", " "),
        None => title.to_owned(),
    };
    let bare = bare.replace(['`'], "").replace("**", "");
    bare.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Lines inside (not beginning) a fenced block or the front matter, in order.
fn solid_lines(lines: &Lines) -> Vec<usize> {
    let mut solid = Vec::new();
    let mut open: Option<&str> = None;
    for (at, line) in lines.iter().enumerate() {
        let shown = line.trim_start();
        match open {
            Some(mark) => {
                solid.push(at);
                if shown.starts_with(mark)
                    && shown
                        .trim_end()
                        .bytes()
                        .all(|byte| mark.as_bytes()[0] == byte)
                {
                    open = None;
                }
            }
            None => open = fence(shown).or((at == 0 && shown == "---").then_some("---")),
        }
    }
    solid
}

fn fence(shown: &str) -> Option<&str> {
    let mark = shown
        .bytes()
        .next()
        .filter(|&byte| byte == b'`' || byte == b'~')?;
    let length = shown.bytes().take_while(|&byte| byte == mark).count();
    (length >= 3).then(|| &shown[..length])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_are_read_outside_fences_and_front_matter() {
        let text = "---\n# no: yaml\n---\n# One #\n\n```sh\n# not a heading\n```\nTwo\n---\n#hash\n###### Six\n####### no\n";
        let lines = Lines::of(text);
        let found: Vec<_> = headings(&lines)
            .iter()
            .map(|h| (h.line, h.level, h.title))
            .collect();
        assert_eq!(found, [(3, 1, "One"), (8, 2, "Two"), (11, 6, "Six")]);
    }

    #[test]
    fn titles_are_read_without_their_markup() {
        for (title, want) in [
            ("<a name=\"install\"></a>Installation", "Installation"),
            ("[Demo](https://example.com)&nbsp;", "Demo"),
            (
                "Compojure [![Build Status](https://a.b/c.svg)](https://a.b)",
                "Compojure",
            ),
            ("![logo](a.png) Okio", "Okio"),
            ("The `get` **method** {#get}", "The get method"),
            ("snake_case and a < b > c", "snake_case and a < b > c"),
            ("[Unreleased]", "[Unreleased]"),
            ("`Vec<T>` and <b>more</b>", "Vec<T> and more"),
        ] {
            assert_eq!(plain(title), want);
        }
    }

    #[test]
    fn a_fence_closes_only_with_its_own_mark() {
        let text = "````\n```\nstill\n````\nafter\n~~~\nopen to the end\n";
        assert_eq!(solid_lines(&Lines::of(text)), [1, 2, 3, 6]);
    }
}
