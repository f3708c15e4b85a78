//! The text of a file: decoded, without byte order mark, with LF line ends, and with the way back to the bytes on disk.
//!
//! Lines keep their numbers: line n of the text is line n of the file. Byte offsets differ, and [`Decoded::raw_offset`] maps them.

use super::reason::{Skip, SkipReason};
use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// How a text was got from a file's bytes, for the way back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decoded {
    encoding: &'static Encoding,
    bom_bytes: usize,
    /// Places in the text of the line feeds that had a carriage return before them.
    crlf: Vec<usize>,
    /// Whether each U+FFFD of the text stands for one byte that was no UTF-8.
    is_mended: bool,
}

/// Beyond this share of control characters, one in this many, a text is binary data.
const CONTROL_ONE_IN: usize = 100;

/// Bytes looked at to tell UTF-16 without a byte order mark.
const UTF16_PROBE_BYTES: usize = 1024;

/// A single-byte encoding guessed for bytes of another one (CP437 boxes) shows as repeated letters. No word has this many.
const REPEATED_LETTERS_MAX: usize = 4;

/// So many multi-byte sequences, and so many of them for each byte that is wrong, tell UTF-8 with a slip.
const UTF8_SEQUENCES_MIN: usize = 4;
const UTF8_BAD_ONE_IN: usize = 4;

/// The text of a file, or why there is none.
pub(super) fn decode(bytes: &[u8]) -> Result<(String, Decoded), Skip> {
    let (raw, encoding, bom_bytes) = decode_raw(bytes)?;
    if has_many_controls(raw.bytes()) {
        return Err(Skip::new(SkipReason::Binary));
    }
    let is_mended = encoding == UTF_8 && raw.len() + bom_bytes != bytes.len();
    let (text, crlf) = normalise(raw);
    Ok((
        text,
        Decoded {
            encoding,
            bom_bytes,
            crlf,
            is_mended,
        },
    ))
}

impl Decoded {
    /// The encoding's name in the WHATWG Encoding Standard: `UTF-8`, `windows-1252`.
    pub(super) fn encoding(&self) -> &'static str {
        self.encoding.name()
    }

    /// The place in the file's bytes of a place in its `text`; beyond the end counts as the end.
    pub(super) fn raw_offset(&self, text: &str, at: usize) -> usize {
        let at = text.floor_char_boundary(at);
        let before = &text[..at];
        let returns = self.crlf.partition_point(|&newline| newline < at);
        let (text_bytes, return_bytes) = if self.is_mended {
            let mended = before.matches('\u{fffd}').count();
            (at - mended * ('\u{fffd}'.len_utf8() - 1), 1)
        } else if self.encoding == UTF_8 {
            (at, 1)
        } else if self.encoding == UTF_16LE || self.encoding == UTF_16BE {
            (before.encode_utf16().count() * 2, 2)
        } else {
            (self.encoding.encode(before).0.len(), 1)
        };
        self.bom_bytes + text_bytes + returns * return_bytes
    }
}

fn decode_raw(bytes: &[u8]) -> Result<(String, &'static Encoding, usize), Skip> {
    if let Some((encoding, bom_bytes)) = Encoding::for_bom(bytes) {
        let rest = &bytes[bom_bytes..];
        let mended = (encoding == UTF_8 && memchr::memchr(0, rest).is_none()).then(|| utf8(rest));
        let text = mended
            .flatten()
            .map_or_else(|| strict(rest, encoding), Ok)?;
        return Ok((text, encoding, bom_bytes));
    }
    if memchr::memchr(0, bytes).is_some() {
        let encoding = utf16_without_bom(bytes).ok_or(Skip::new(SkipReason::Binary))?;
        return Ok((strict(bytes, encoding)?, encoding, 0));
    }
    match utf8(bytes) {
        Some(text) => Ok((text, UTF_8, 0)),
        None => legacy(bytes).map(|(text, encoding)| (text, encoding, 0)),
    }
}

/// UTF-8, even where a few bytes are not: in no other encoding do so many sequences happen to be UTF-8. Each bad byte becomes U+FFFD; a
/// text that has some of its own is not mended, or the way back to the bytes would be lost.
fn utf8(bytes: &[u8]) -> Option<String> {
    if let Ok(text) = str::from_utf8(bytes) {
        return Some(text.to_owned());
    }
    let (mut good, mut bad) = (0, 0);
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        good += chunk.valid().chars().filter(|one| !one.is_ascii()).count();
        bad += chunk.invalid().len();
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| '\u{fffd}'));
    }
    let is_mostly_good = good >= UTF8_SEQUENCES_MIN && bad * UTF8_BAD_ONE_IN <= good;
    let is_mended = text.matches('\u{fffd}').count() == bad;
    (is_mostly_good && is_mended && !has_many_controls(bytes.iter().copied())).then_some(text)
}

fn strict(bytes: &[u8], encoding: &'static Encoding) -> Result<String, Skip> {
    encoding
        .decode_without_bom_handling_and_without_replacement(bytes)
        .map(|text| text.into_owned())
        .filter(|text| !text.contains('\0'))
        .ok_or(Skip::new(SkipReason::Undecodable))
}

/// Latin text in UTF-16 has a zero in every other byte, and none in between.
fn utf16_without_bom(bytes: &[u8]) -> Option<&'static Encoding> {
    if !bytes.len().is_multiple_of(2) {
        return None;
    }
    let probe = &bytes[..bytes.len().min(UTF16_PROBE_BYTES)];
    let zeros = |offset: usize| {
        probe
            .iter()
            .skip(offset)
            .step_by(2)
            .filter(|&&byte| byte == 0)
            .count()
    };
    let many = probe.len() / 2 * 9 / 10;
    match (zeros(0), zeros(1)) {
        (0, odd) if odd >= many => Some(UTF_16LE),
        (even, 0) if even >= many => Some(UTF_16BE),
        _ => None,
    }
}

/// Decodes what is no UTF-8 by the encoding the file declares, else by the one it looks like; only a convincing result counts.
fn legacy(bytes: &[u8]) -> Result<(String, &'static Encoding), Skip> {
    if has_many_controls(bytes.iter().copied()) {
        return Err(Skip::new(SkipReason::Binary));
    }
    let encoding = declared_encoding(bytes).unwrap_or_else(|| guessed_encoding(bytes));
    let text = strict(bytes, encoding)?;
    if is_convincing(&text) {
        return Ok((text, encoding));
    }
    Err(Skip::new(SkipReason::Undecodable))
}

fn guessed_encoding(bytes: &[u8]) -> &'static Encoding {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    detector.guess(None, Utf8Detection::Deny)
}

/// `# -*- coding: latin-1 -*-` (PEP 263), `fileencoding=`, `<?xml encoding="…"?>`, `charset=` in the first two kilobytes.
fn declared_encoding(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = &bytes[..bytes.len().min(2048)];
    for mark in ["coding", "charset"] {
        for at in memchr::memmem::find_iter(head, mark) {
            let rest = &head[at + mark.len()..];
            let rest = rest.strip_prefix(b":").or_else(|| rest.strip_prefix(b"="));
            let label = rest.map(|rest| rest.trim_ascii_start()).map(label_at);
            if let Some(encoding) = label.and_then(Encoding::for_label) {
                return (encoding != UTF_8).then_some(encoding);
            }
        }
    }
    None
}

fn label_at(bytes: &[u8]) -> &[u8] {
    let bytes = bytes
        .strip_prefix(b"\"")
        .or_else(|| bytes.strip_prefix(b"'"))
        .unwrap_or(bytes);
    let is_label = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(byte);
    let end = bytes
        .iter()
        .position(|byte| !is_label(byte))
        .unwrap_or(bytes.len());
    &bytes[..end]
}

/// Whether the characters beyond ASCII are those that people write: letters and punctuation, not the debris of a wrong guess.
fn is_convincing(text: &str) -> bool {
    let (mut written, mut odd, mut run, mut last) = (0usize, 0usize, 0usize, '\0');
    for character in text.chars().filter(|character| !character.is_ascii()) {
        run = if character == last { run + 1 } else { 1 };
        last = character;
        match character {
            '\u{80}'..='\u{9f}' | '\u{e000}'..='\u{f8ff}' | '\u{fffd}' => return false,
            _ if run > REPEATED_LETTERS_MAX => odd += 1,
            _ if is_written(character) => written += 1,
            _ => odd += 1,
        }
    }
    odd * 10 <= written
}

fn is_written(character: char) -> bool {
    character.is_alphabetic()
        || matches!(character, '\u{a0}' | '\u{3000}'..='\u{303f}' | '\u{ff00}'..='\u{ffef}' | '\u{2010}'..='\u{2026}')
        || "©®™°±§«»·£€¥µ×÷¿¡½¼¾²³№´¨¬¶†‡‰‹›".contains(character)
}

fn has_many_controls(bytes: impl ExactSizeIterator<Item = u8>) -> bool {
    let total = bytes.len();
    let controls = bytes
        .filter(|&byte| byte < 0x20 && !b"\t\n\r\x08\x0c\x1b".contains(&byte))
        .count();
    controls * CONTROL_ONE_IN > total
}

/// Line ends as LF. Returns also where CR LF stood. A file with CR alone (old Macintosh) has its CRs turned into LFs.
fn normalise(raw: String) -> (String, Vec<usize>) {
    if memchr::memchr(b'\r', raw.as_bytes()).is_none() {
        return (raw, Vec::new());
    }
    if memchr::memchr(b'\n', raw.as_bytes()).is_none() {
        return (raw.replace('\r', "\n"), Vec::new());
    }
    let (mut text, mut crlf, mut from) = (String::with_capacity(raw.len()), Vec::new(), 0);
    for at in memchr::memmem::find_iter(raw.as_bytes(), "\r\n") {
        text.push_str(&raw[from..at]);
        crlf.push(text.len());
        from = at + 1;
    }
    text.push_str(&raw[from..]);
    (text, crlf)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(bytes: &[u8]) -> SkipReason {
        decode(bytes).unwrap_err().reason
    }

    fn utf16(text: &str, little: bool) -> Vec<u8> {
        text.encode_utf16()
            .flat_map(|unit| {
                if little {
                    unit.to_le_bytes()
                } else {
                    unit.to_be_bytes()
                }
            })
            .collect()
    }

    #[test]
    fn known_encodings_decode() {
        let russian = encoding_rs::WINDOWS_1251
            .encode("// Привет, это программа для проверки кодировки\nint x;\n")
            .0
            .into_owned();
        let japanese = encoding_rs::SHIFT_JIS
            .encode("// これは日本語のコメントです。文字コードを確認する\nint x;\n")
            .0
            .into_owned();
        let chinese = encoding_rs::GBK
            .encode("// 这是一个用于测试编码的中文注释\nint x;\n")
            .0
            .into_owned();
        let cases: Vec<(Vec<u8>, &str, &str)> = vec![
            (b"a\nb".to_vec(), "UTF-8", "a\nb"),
            (b"\xef\xbb\xbfa\r\nb\r\n".to_vec(), "UTF-8", "a\nb\n"),
            (b"a\rb\r".to_vec(), "UTF-8", "a\nb\n"),
            (
                [b"\xff\xfe".to_vec(), utf16("x = 1\r\n", true)].concat(),
                "UTF-16LE",
                "x = 1\n",
            ),
            (
                [b"\xfe\xff".to_vec(), utf16("é = 1\n", false)].concat(),
                "UTF-16BE",
                "é = 1\n",
            ),
            (
                utf16("x = 1\r\ny = 2\n", true),
                "UTF-16LE",
                "x = 1\ny = 2\n",
            ),
            (
                b"// caf\xe9 \xa9 2001 Jos\xe9\nint x;\n".to_vec(),
                "windows-1252",
                "// café © 2001 José\nint x;\n",
            ),
            (
                b"# -*- coding: latin-1 -*-\n# \xe9t\xe9\n".to_vec(),
                "windows-1252",
                "# -*- coding: latin-1 -*-\n# été\n",
            ),
            (
                russian,
                "windows-1251",
                "// Привет, это программа для проверки кодировки\nint x;\n",
            ),
            (
                japanese,
                "Shift_JIS",
                "// これは日本語のコメントです。文字コードを確認する\nint x;\n",
            ),
            (
                chinese,
                "GBK",
                "// 这是一个用于测试编码的中文注释\nint x;\n",
            ),
        ];
        for (bytes, encoding, text) in cases {
            let (found, decoded) = decode(&bytes).unwrap();
            assert_eq!((decoded.encoding(), found.as_str()), (encoding, text));
        }
    }

    #[test]
    fn one_bad_byte_does_not_spoil_utf8() {
        let lines = ["// größer\r\n", "// чтение\r\n", "// 設定を読む\r\n"];
        for line in lines {
            for bom in ["", "\u{feff}"] {
                let text = line.repeat(20);
                let raw = [
                    bom.as_bytes(),
                    text.as_bytes(),
                    b"// J\xf6rg\r\nx",
                    text.as_bytes(),
                ]
                .concat();
                let (found, decoded) = decode(&raw).unwrap();
                assert_eq!(decoded.encoding(), "UTF-8");
                assert!(found.contains("// J\u{fffd}rg\nx"), "{found}");
                let at = found.find("rg\nx").unwrap();
                let offset = decoded.raw_offset(&found, at);
                assert_eq!(&raw[offset..offset + 5], b"rg\r\nx");
                assert_eq!(decoded.raw_offset(&found, found.len()), raw.len());
            }
        }
        let few = [b"// caf\xe9 \xa9 2001 Jos\xe9\n".repeat(9), "é".into()].concat();
        assert_eq!(utf8(&few), None);
    }

    #[test]
    fn what_is_no_text_is_refused() {
        let mut noise: Vec<u8> = (0..4000u32)
            .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
            .collect();
        assert_eq!(reason(&noise), SkipReason::Binary);
        noise.retain(|&byte| byte != 0);
        assert_eq!(reason(&noise), SkipReason::Binary);
        assert_eq!(reason(b"\x7fELF\x01\x00\x00"), SkipReason::Binary);
        assert_eq!(reason(&[0; 64]), SkipReason::Binary);
        assert_eq!(reason(&b"\x01\x02\x03abc".repeat(9)), SkipReason::Binary);
        assert_eq!(reason(b"\xff\xfe\x00\xd8a"), SkipReason::Undecodable);
        let boxes = [b"// menu\n".as_slice(), &[0xc4; 60], b"\nint x;\n"].concat();
        assert_eq!(reason(&boxes), SkipReason::Undecodable);
    }

    #[test]
    fn every_place_leads_back_to_its_bytes() {
        let texts = [
            "a\r\nbé\nc\r\n",
            "\u{feff}é\r\n\r\nx",
            "plain\n",
            "\r\n",
            "a\rb\r\n",
        ];
        for text in texts {
            let raw = text.as_bytes();
            let (found, decoded) = decode(raw).unwrap();
            for (at, character) in found
                .char_indices()
                .filter(|&(_, character)| character != '\n')
            {
                let offset = decoded.raw_offset(&found, at);
                assert_eq!(
                    str::from_utf8(&raw[offset..]).unwrap().chars().next(),
                    Some(character)
                );
            }
            assert_eq!(decoded.raw_offset(&found, found.len()), raw.len());
            assert_eq!(decoded.raw_offset(&found, usize::MAX), raw.len());
        }
        let wide = [b"\xff\xfe".to_vec(), utf16("𝄞\r\nx", true)].concat();
        let (found, decoded) = decode(&wide).unwrap();
        assert_eq!(
            decoded.raw_offset(&found, found.find('x').unwrap()),
            wide.len() - 2
        );
        let (found, latin) = decode(b"// caf\xe9\r\nint x;\r\n").unwrap();
        assert_eq!(latin.raw_offset(&found, found.find("int").unwrap()), 9);
    }
}
