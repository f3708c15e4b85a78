//! The lines of a text: where each begins, and what its first characters say.

use std::ops::Range;

/// Where each line of a text begins. A line ends with its `\n`; only the last may lack one.
pub(super) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let ends = text.bytes().enumerate().filter(|&(_, byte)| byte == b'\n');
        let mut starts: Vec<usize> = std::iter::once(0)
            .chain(ends.map(|(at, _)| at + 1))
            .collect();
        if starts.last() == Some(&text.len()) {
            starts.pop();
        }
        Lines { text, starts }
    }

    pub(super) fn count(&self) -> usize {
        self.starts.len()
    }

    /// Bytes of a line, with its line end.
    pub(super) fn range(&self, line: usize) -> Range<usize> {
        let end = self.starts.get(line + 1).copied();
        self.starts[line]..end.unwrap_or(self.text.len())
    }

    /// A line without its line end.
    pub(super) fn get(&self, line: usize) -> &'a str {
        self.text[self.range(line)].trim_end_matches(['\n', '\r'])
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &'a str> {
        (0..self.count()).map(|line| self.get(line))
    }

    /// The line, counted from 0, that holds a byte.
    pub(super) fn at(&self, byte: usize) -> usize {
        self.starts
            .partition_point(|&start| start <= byte)
            .saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_cover_the_text() {
        for (text, want) in [
            ("", vec![]),
            ("a", vec!["a"]),
            ("a\n", vec!["a"]),
            ("\n\n", vec!["", ""]),
            ("é\r\nb", vec!["é", "b"]),
        ] {
            let lines = Lines::of(text);
            assert_eq!(lines.iter().collect::<Vec<_>>(), want, "{text:?}");
            let joined: String = (0..lines.count())
                .map(|line| &text[lines.range(line)])
                .collect();
            assert_eq!(joined, text);
            assert!((0..lines.count()).all(|line| lines.at(lines.range(line).start) == line));
        }
    }
}
