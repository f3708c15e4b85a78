//! pkt-lines, the frames of git's protocol (gitprotocol-common(5)).

use super::Problem;
use super::patience::Paced;
use std::io::Read;

/// Ends a message.
pub(super) const FLUSH: &[u8] = b"0000";
/// Separates the parts of a version 2 message.
pub(super) const DELIMITER: &[u8] = b"0001";
/// Longest payload of one frame.
const PAYLOAD_BYTES_MAX: usize = 65516;

/// One frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Packet<'a> {
    /// A payload, as sent.
    Data(&'a [u8]),
    /// `0000`.
    Flush,
    /// `0001`.
    Delimiter,
}

impl<'a> Packet<'a> {
    /// The payload as a line of text without its line feed; `None` for anything else.
    pub fn line(&self) -> Option<&'a [u8]> {
        match self {
            Packet::Data(data) => Some(data.strip_suffix(b"\n").unwrap_or(data)),
            _ => None,
        }
    }
}

/// Appends one line to a request.
pub(super) fn push_line(request: &mut Vec<u8>, line: &str) -> Result<(), Problem> {
    if line.len() >= PAYLOAD_BYTES_MAX {
        return Err(Problem::Protocol("a request line is too long"));
    }
    request.extend_from_slice(format!("{:04x}{line}\n", line.len() + 5).as_bytes());
    Ok(())
}

/// Reads frames, and nothing beyond the frame it was asked for.
pub(super) struct PacketReader<R> {
    input: Paced<R>,
    payload: Vec<u8>,
}

impl<R: Read> PacketReader<R> {
    pub fn new(input: Paced<R>) -> Self {
        PacketReader {
            input,
            payload: Vec::new(),
        }
    }

    /// Says that what is sent from here on was prepared before.
    pub fn pack_begins(&mut self) {
        self.input.pack_begins();
    }

    /// The next frame. A server's `ERR` line is an error.
    pub fn next(&mut self) -> Result<Packet<'_>, Problem> {
        let length = self.read_frame()?;
        self.input.frame_ended();
        match length {
            0 => Ok(Packet::Flush),
            1 => Ok(Packet::Delimiter),
            _ => match self.payload.strip_prefix(b"ERR ") {
                Some(message) => Err(refusal(message)),
                None => Ok(Packet::Data(&self.payload)),
            },
        }
    }

    /// Reads a frame and gives its length as sent: 0 and 1 have no payload.
    fn read_frame(&mut self) -> Result<usize, Problem> {
        let mut header = [0; 4];
        self.input.read_exact(&mut header)?;
        let length = parse_length(header)?;
        if length > 1 {
            let payload = length
                .checked_sub(4)
                .ok_or(Problem::Protocol("an unknown control frame"))?;
            if payload > PAYLOAD_BYTES_MAX {
                return Err(Problem::Protocol("a frame is too long"));
            }
            self.payload.resize(payload, 0);
            self.input.read_exact(&mut self.payload)?;
        }
        Ok(length)
    }
}

fn parse_length(header: [u8; 4]) -> Result<usize, Problem> {
    header.iter().try_fold(0, |length, &byte| {
        let digit = char::from(byte)
            .to_digit(16)
            .ok_or(Problem::Protocol("a frame does not begin with its length"))?;
        Ok(length << 4 | digit as usize)
    })
}

/// What a server's own words mean.
pub(super) fn refusal(message: &[u8]) -> Problem {
    let text = super::super::error::printable(String::from_utf8_lossy(message));
    let lower = text.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    if let Some((_, commit)) = lower.split_once("not our ref ") {
        return Problem::NoSuchCommit(commit.to_owned());
    }
    if says(&[
        "not found",
        "does not exist",
        "no such repository",
        "not exported",
        "does not appear to be a git",
    ]) {
        return Problem::NotFound;
    }
    Problem::Refused(text)
}

/// Frames of bytes that are all there.
#[cfg(test)]
pub(super) fn packets(bytes: &[u8]) -> PacketReader<&[u8]> {
    use super::Patience;
    let never = std::sync::atomic::AtomicBool::new(false);
    PacketReader::new(Patience::new(&never, std::time::Duration::MAX).paced(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_one_by_one() {
        let mut reader = packets(&b"0009done\n0000000100040007abc"[..]);
        assert_eq!(reader.next().unwrap().line(), Some(&b"done"[..]));
        assert_eq!(reader.next().unwrap(), Packet::Flush);
        assert_eq!(reader.next().unwrap(), Packet::Delimiter);
        assert_eq!(reader.next().unwrap(), Packet::Data(b""));
        assert_eq!(reader.next().unwrap(), Packet::Data(b"abc"));
        assert!(matches!(reader.next(), Err(Problem::Disconnected)));
    }

    #[test]
    fn malformed_frames_are_errors() {
        let table: [(&[u8], &str); 6] = [
            (b"zzzz", "Protocol"),
            (b"+001x", "Protocol"),
            (b"0003", "Protocol"),
            (b"ffff", "Protocol"),
            (b"0010short", "Disconnected"),
            (b"00", "Disconnected"),
        ];
        for (bytes, kind) in table {
            let problem = packets(bytes).next().unwrap_err();
            assert!(
                format!("{problem:?}").starts_with(kind),
                "{bytes:?} {problem:?}"
            );
        }
    }

    #[test]
    fn refusals_are_recognised_and_cleaned() {
        assert!(
            matches!(refusal(b"upload-pack: not our ref 12ab\n"), Problem::NoSuchCommit(id) if id == "12ab")
        );
        assert!(matches!(
            refusal(b"Repository not found."),
            Problem::NotFound
        ));
        assert!(matches!(refusal(b"a\x1b[31m\nb"), Problem::Refused(text) if text == "a[31m b"));
    }

    #[test]
    fn written_lines_come_back() {
        let mut request = Vec::new();
        push_line(&mut request, "want 1").unwrap();
        assert_eq!(request, b"000bwant 1\n");
        assert!(push_line(&mut request, &"x".repeat(70_000)).is_err());
    }
}
