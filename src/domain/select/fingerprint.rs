//! What makes two files copies of each other, but for white space.

use sha2::{Digest, Sha256};

/// Bytes gathered before each call to the hash.
const BUFFER_BYTES: usize = 4096;

/// A text's identity with all ASCII white space removed: the first 128 bits of SHA-256. Files with equal fingerprints are duplicates
/// ([`SkipReason::DuplicateWhitespace`](super::SkipReason)); exact ones already share their content hash.
pub fn fingerprint(text: &str) -> [u8; 16] {
    let mut hash = Sha256::new();
    let mut buffer = [0; BUFFER_BYTES];
    let mut filled = 0;
    for &byte in text.as_bytes() {
        buffer[filled] = byte;
        filled += usize::from(!byte.is_ascii_whitespace());
        if filled == BUFFER_BYTES {
            hash.update(buffer);
            filled = 0;
        }
    }
    hash.update(&buffer[..filled]);
    let digest = hash.finalize();
    std::array::from_fn(|at| digest[at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_does_not_count_and_all_else_does() {
        let long = "let a = b + c; ".repeat(2000);
        assert_eq!(fingerprint(&long), fingerprint(&long.replace(' ', "\n\t")));
        assert_eq!(fingerprint("a b"), fingerprint(" ab\r\n"));
        assert_ne!(fingerprint("ab"), fingerprint("aB"));
        assert_ne!(fingerprint(&long), fingerprint(&long.replacen('b', "d", 1)));
        assert_eq!(fingerprint(""), fingerprint(" \n"));
    }
}
