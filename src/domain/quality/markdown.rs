//! The parts of an answer: prose, inline code, code blocks, in their order.
//!
//! Owns the little Markdown the checks need, and no more. Any text is accepted; nothing is judged here.

/// A stretch of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Running text, without the code in it.
    Prose(&'a str),
    /// Inline code between backticks.
    Span(&'a str),
    /// A fenced block: its tag (the language, may be empty) and its lines.
    Block {
        /// First word after the fence.
        tag: &'a str,
        /// Everything between the fences.
        code: &'a str,
    },
}

impl<'a> Piece<'a> {
    /// Its text, whatever it is.
    pub fn text(&self) -> &'a str {
        match self {
            Piece::Prose(text) | Piece::Span(text) | Piece::Block { code: text, .. } => text,
        }
    }
}

/// An answer cut into its pieces.
#[derive(Debug, Clone, Default)]
pub struct Document<'a> {
    /// The pieces in order.
    pub pieces: Vec<Piece<'a>>,
    /// Whether a fence or an inline backtick is left open.
    pub open: bool,
}

impl<'a> Document<'a> {
    /// Cuts an answer into its pieces.
    pub fn parse(text: &'a str) -> Self {
        let mut document = Document::default();
        let mut fence: Option<Fence<'a>> = None;
        let (mut start, mut at) = (0, 0);
        for line in text.split_inclusive('\n') {
            let end = at + line.len();
            match (&fence, Fence::read(line)) {
                (None, Some(opened)) => {
                    document.push_prose(&text[start..at]);
                    fence = Some(opened);
                    start = end;
                }
                (Some(open), Some(mark)) if mark.closes(open) => {
                    let (tag, code) = (open.tag, &text[start..at]);
                    document.pieces.push(Piece::Block { tag, code });
                    fence = None;
                    start = end;
                }
                _ => {}
            }
            at = end;
        }
        document.finish(fence, &text[start..]);
        document
    }

    fn finish(&mut self, fence: Option<Fence<'a>>, rest: &'a str) {
        match fence {
            None => self.push_prose(rest),
            Some(open) => {
                self.open = true;
                let (tag, code) = (open.tag, rest);
                self.pieces.push(Piece::Block { tag, code });
            }
        }
    }

    /// Splits prose at its backticks; a run of n backticks is closed by a run of n. An open one is text.
    fn push_prose(&mut self, mut text: &'a str) {
        while let Some(start) = text.find('`') {
            let ticks = text[start..].bytes().take_while(|b| *b == b'`').count();
            let inner = start + ticks;
            let Some(length) = closing(&text[inner..], ticks) else {
                self.open = true;
                break;
            };
            self.push_text(&text[..start]);
            self.pieces
                .push(Piece::Span(text[inner..inner + length].trim()));
            text = &text[inner + length + ticks..];
        }
        self.push_text(text);
    }

    fn push_text(&mut self, text: &'a str) {
        if !text.is_empty() {
            self.pieces.push(Piece::Prose(text));
        }
    }

    /// Prose and inline code as they follow one another, without backticks; a block is a line's end.
    pub fn running_text(&self) -> String {
        let text = |piece: &Piece<'a>| match piece {
            Piece::Block { .. } => "\n",
            _ => piece.text(),
        };
        self.pieces.iter().map(text).collect()
    }

    /// The prose alone, code left out.
    pub fn prose(&self) -> String {
        let text = |piece: &Piece<'a>| match piece {
            Piece::Prose(text) => *text,
            _ => " ",
        };
        self.pieces.iter().map(text).collect()
    }
}

/// Length of the text before a run of exactly `ticks` backticks. A blank line ends the search: inline code does not cross paragraphs.
fn closing(text: &str, ticks: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if text[at..].starts_with("\n\n") {
            return None;
        }
        let run = bytes[at..].iter().take_while(|b| **b == b'`').count();
        if run == ticks {
            return Some(at);
        }
        at += run.max(1);
        while !text.is_char_boundary(at) {
            at += 1;
        }
    }
    None
}

struct Fence<'a> {
    mark: char,
    length: usize,
    tag: &'a str,
}

impl<'a> Fence<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let line = line.trim();
        let mark = line.chars().next().filter(|c| matches!(c, '`' | '~'))?;
        let length = line.chars().take_while(|c| *c == mark).count();
        let info = line[length..].trim();
        let fenced = length >= 3 && !info.contains('`');
        let tag = info.split([' ', ',', '{', ':']).next().unwrap_or_default();
        fenced.then_some(Fence { mark, length, tag })
    }

    fn closes(&self, open: &Fence<'_>) -> bool {
        self.mark == open.mark && self.length >= open.length && self.tag.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_falls_into_its_pieces() {
        let document =
            Document::parse("It calls `a()`.\n\n```rust\nlet x = 1;\n```\nDone ``b`c``.");
        let expected = [
            Piece::Prose("It calls "),
            Piece::Span("a()"),
            Piece::Prose(".\n\n"),
            Piece::Block {
                tag: "rust",
                code: "let x = 1;\n",
            },
            Piece::Prose("Done "),
            Piece::Span("b`c"),
            Piece::Prose("."),
        ];
        assert_eq!(document.pieces, expected);
        assert!(!document.open);
    }

    #[test]
    fn what_is_left_open_is_seen() {
        for (text, open) in [
            ("```\nx", true),
            ("a `b", true),
            ("a `b` c", false),
            ("~~~\n```\n~~~", false),
            ("", false),
            ("`é\n\nx` ", true),
            ("````\n```\n````", false),
        ] {
            assert_eq!(Document::parse(text).open, open, "{text:?}");
        }
    }
}
