//! Text for people on stdout: free of control characters, and quiet when the reader goes away.

use crate::logging::printable;
use anyhow::Context as _;
use std::io::{self, BufWriter, ErrorKind, Write};

/// Writes to stdout. A reader that has seen enough, such as `head`, ends it without an error.
pub fn to_stdout<T: Default>(
    write: impl FnOnce(&mut dyn Write) -> io::Result<T>,
) -> anyhow::Result<T> {
    let mut out = BufWriter::new(io::stdout().lock());
    let written = write(&mut out).and_then(|value| out.flush().map(|()| value));
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(T::default()),
        written => written.context("cannot write to stdout"),
    }
}

/// One line: no line breaks, tabs or other control characters, and nothing that turns the direction of writing.
pub fn line(text: &str) -> String {
    printable(text).replace('\n', "\\n").replace('\t', "\\t")
}

/// The last `width` characters at most; what is cut off is marked.
pub fn tail(text: &str, width: usize) -> String {
    let count = text.chars().count();
    if count <= width {
        return text.to_owned();
    }
    let kept = text.chars().skip(count - width.saturating_sub(1));
    std::iter::once('…').chain(kept).collect()
}

/// The first `width` characters at most.
pub fn head(text: &str, width: usize) -> &str {
    let end = text.char_indices().nth(width);
    end.map_or(text, |(end, _)| &text[..end])
}

/// Columns of the terminal that stdout is; `None` when it is none.
pub fn width() -> Option<usize> {
    let stdout = io::stdout();
    let size = rustix::termios::tcgetwinsize(&stdout).ok()?;
    (size.ws_col > 0).then_some(usize::from(size.ws_col))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_steers_a_terminal_is_left() {
        assert_eq!(line("a\x1b[2Jb\nc\td\u{9b}"), "a\\u{1b}[2Jb\\nc\\td\\u{9b}");
        assert_eq!(
            printable("a\r\nb\u{202e}c\u{2066}"),
            "a\\r\nb\\u{202e}c\\u{2066}"
        );
        assert_eq!(printable("größe\t日本\n"), "größe\t日本\n");
    }

    #[test]
    fn long_names_keep_their_end() {
        assert_eq!(tail("github.com/a/b", 14), "github.com/a/b");
        assert_eq!(tail("github.com/a/b", 5), "…/a/b");
    }
}
