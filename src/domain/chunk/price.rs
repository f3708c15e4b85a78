//! What it costs to cut a text before each of its lines, as far as the text alone can tell.
//!
//! Prices are small integers on one scale with the packer's: see [`super::seams`]. They were set by looking at the cuts in real
//! repositories; only their order matters much.

use super::lines::Lines;

/// Between two members of a container (a class, an `impl`, a namespace).
pub(super) const MEMBER: u32 = 6;
/// Inside anything else that spans lines: a function, a statement, a literal, a comment. Nesting adds up.
pub(super) const INSIDE: u32 = 30;
/// Between an item and the comment, attribute or decorator that belongs to it.
pub(super) const GLUE: u32 = 45;
/// Inside something that makes no sense in halves: a fenced block, a table, front matter.
pub(super) const SOLID: u32 = 200;
/// In the middle of a line; only where the line is longer than the budget.
pub(super) const MID_LINE: u32 = 100_000;
/// No structure costs more than this many levels, so that hostile nesting cannot outweigh everything.
pub(super) const DEPTH_MAX: u32 = 20;

const BEFORE_BLANK: u32 = 10;
const BEFORE_CLOSER: u32 = 40;
const NO_BLANK_ABOVE: u32 = 4;

/// Adds what every language shares: a blank line belongs to what is above it, a closer to what it closes, and a cut
/// is best where the author left a blank line.
pub(super) fn add_text_signs(lines: &Lines, prices: &mut [u32]) {
    let mut blank_above = false;
    for (line, price) in lines.iter().zip(prices) {
        let shown = line.trim_start();
        if shown.is_empty() {
            *price += BEFORE_BLANK;
        } else if closes(shown) {
            *price += BEFORE_CLOSER;
        }
        if !blank_above {
            *price += NO_BLANK_ABOVE;
        }
        blank_above = shown.is_empty();
    }
}

/// Prices by indentation, for languages without a grammar and for text no grammar could read.
pub(super) fn by_indentation(lines: &Lines) -> Vec<u32> {
    let step = indent_step(lines);
    let mut comment_above = false;
    let mut depth = 0;
    let price = |line: &str| {
        let shown = line.trim_start();
        if !shown.is_empty() {
            depth = indent_levels(line, step);
        }
        let glue = if comment_above && !shown.is_empty() {
            GLUE
        } else {
            0
        };
        comment_above = annotates(shown);
        depth * INSIDE / 2 + glue
    };
    lines.iter().map(price).collect()
}

fn closes(shown: &str) -> bool {
    shown.starts_with(['}', ')', ']']) || matches!(shown, "end" | "fi" | "done" | "esac" | "else")
}

fn annotates(shown: &str) -> bool {
    let marks = ["//", "/*", "*", "#", "--", ";", "@", "'''", "<!--"];
    marks.iter().any(|mark| shown.starts_with(mark))
}

/// Columns of a tab, and of a step where a text tells none.
const TAB_COLUMNS: usize = 4;
/// Steps wider than this are alignment.
const STEP_MAX: usize = 8;

/// Columns of one step of indentation: the smallest rise from a line to the next that makes a quarter of all rises, so that neither a
/// continued line nor a badly indented one counts for a habit.
fn indent_step(lines: &Lines) -> usize {
    let mut rises = [0usize; STEP_MAX + 1];
    let mut above = 0;
    for line in lines.iter().filter(|line| !line.trim_start().is_empty()) {
        let columns = indent_columns(line);
        if (above + 2..=above + STEP_MAX).contains(&columns) {
            rises[columns - above] += 1;
        }
        above = columns;
    }
    let total: usize = rises.iter().sum();
    let is_habit = |&step: &usize| rises[step] > 0 && rises[step] * 4 >= total;
    (2..=STEP_MAX).find(is_habit).unwrap_or(TAB_COLUMNS)
}

/// Indentation in steps, rounded.
fn indent_levels(line: &str, step: usize) -> u32 {
    let levels = (indent_columns(line) + step / 2) / step;
    u32::try_from(levels).map_or(DEPTH_MAX, |levels| levels.min(DEPTH_MAX))
}

fn indent_columns(line: &str) -> usize {
    let mut columns = 0;
    for byte in line.bytes().take(STEP_MAX * DEPTH_MAX as usize) {
        match byte {
            b' ' => columns += 1,
            b'\t' => columns += TAB_COLUMNS,
            _ => break,
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_step_of_indentation_is_the_files_own() {
        for (text, step) in [
            ("a {\n  b {\n    c\n  }\n}\n", 2),
            (
                "a:\n    b:\n        c\na:\n    b\na:\n    d(e,\n      f)\n",
                4,
            ),
            ("a:\n   b\n", 3),
            ("a\n\tb\n\t\tc\n", 4),
            ("a\nb\n", 4),
            ("a\n b\n", 4),
            ("a\n                    b\n", 4),
            ("", 4),
        ] {
            assert_eq!(indent_step(&Lines::of(text)), step, "{text:?}");
        }
    }
}
