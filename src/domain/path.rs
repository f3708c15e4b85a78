//! The one textual form of a file's place: its path below `repos/`.
//!
//! Any byte string a file system can hold becomes a unique UTF-8 text and back, so that the
//! database never confuses two files. Text that is valid UTF-8 stays as it is; the only escapes are `%XX` for a byte
//! that is not UTF-8 and `%25` for a `%` that would otherwise read as such an escape.

use std::fmt::Write as _;

/// Turns the bytes of a path into its stored text.
pub fn encode(path: &[u8]) -> String {
    if let Ok(text) = str::from_utf8(path)
        && !path.contains(&b'%')
    {
        return text.to_owned();
    }
    let mut text = String::with_capacity(path.len());
    let mut rest = path;
    for chunk in path.utf8_chunks() {
        for (at, character) in chunk.valid().char_indices() {
            text.push(character);
            if character == '%' && reads_as_escape(&rest[at..]) {
                text.push_str("25");
            }
        }
        rest = &rest[chunk.valid().len()..];
        for byte in chunk.invalid() {
            let _ = write!(text, "%{byte:02X}");
        }
        rest = &rest[chunk.invalid().len()..];
    }
    text
}

/// Turns a stored text back into the bytes of the path. Inverse of [`encode`].
pub fn decode(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut path = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match escape_at(&bytes[at..]) {
            Some(byte) => {
                path.push(byte);
                at += 3;
            }
            None => {
                path.push(bytes[at]);
                at += 1;
            }
        }
    }
    path
}

/// A `%` needs escaping when what follows it in the stored text would be two hexadecimal digits. The digits may themselves
/// come from an escape of the following bytes, but those begin with `%` and are no digits.
fn reads_as_escape(bytes: &[u8]) -> bool {
    escape_at(bytes).is_some()
}

fn escape_at(bytes: &[u8]) -> Option<u8> {
    let [b'%', high, low, ..] = bytes else {
        return None;
    };
    let high = char::from(*high).to_digit(16)?;
    let low = char::from(*low).to_digit(16)?;
    u8::try_from(high * 16 + low).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_paths_stay_readable() {
        for path in ["a/b.rs", "100%.c", "x_y/%s.c", "line\nbreak.py", "grüße.rs"] {
            assert_eq!(encode(path.as_bytes()), path);
        }
    }

    #[test]
    fn every_byte_string_comes_back_and_no_two_collide() {
        let alphabet: [&[u8]; 8] = [
            b"%",
            b"4",
            b"1",
            b"F",
            b"\xff",
            b"\xc3",
            "é".as_bytes(),
            b"/",
        ];
        let mut seen = std::collections::HashMap::new();
        for number in 0..alphabet.len().pow(5) {
            let path: Vec<u8> = (0..5)
                .flat_map(|place| {
                    alphabet[number / alphabet.len().pow(place) % alphabet.len()].to_vec()
                })
                .collect();
            let text = encode(&path);
            assert_eq!(decode(&text), path, "{text}");
            if let Some(other) = seen.insert(text.clone(), path.clone()) {
                assert_eq!(other, path, "{text}");
            }
        }
    }
}
