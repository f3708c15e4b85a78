//! What makes two files copies of each other, but for white space.

use sha2::{Digest, Sha256};

/// Bytes gathered before each call to the hash.
const BUFFER_BYTES: usize = 4096;

/// Version of the fingerprint's definition; a stored index of another version must be rebuilt.
pub const FINGERPRINT_VERSION: u32 = 1;

/// A file's identity with all ASCII white space removed: the first 128 bits of SHA-256. Files with equal fingerprints are duplicates
/// ([`SkipReason::DuplicateWhitespace`](super::SkipReason)); exact ones already share their content hash.
pub fn fingerprint(content: &[u8]) -> [u8; 16] {
    let mut hash = Sha256::new();
    let mut buffer = [0; BUFFER_BYTES];
    let mut filled = 0;
    for &byte in content {
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

    fn of(text: &str) -> [u8; 16] {
        fingerprint(text.as_bytes())
    }

    #[test]
    fn white_space_does_not_count_and_all_else_does() {
        let long = "let a = b + c; ".repeat(2000);
        assert_eq!(of(&long), of(&long.replace(' ', "\n\t")));
        assert_eq!(of("a b"), of(" ab\r\n"));
        assert_ne!(of("ab"), of("aB"));
        assert_ne!(of(&long), of(&long.replacen('b', "d", 1)));
        assert_eq!(of(""), of(" \n"));
    }
}
