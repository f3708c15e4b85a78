//! Fingerprints by which duplicate and near-duplicate texts are found.
//!
//! Owns the exact normal form, the MinHash signature and its bands. Where fingerprints are kept is the store's matter; because they
//! are kept, nothing here may change without a new [`VERSION`].
//!
//! MinHash after Broder (1997) over 5-grams of words with 128 permutations, as in BigCode's near-deduplication. Bands after Leskovec,
//! Rajaraman and Ullman, "Mining of Massive Datasets", section 3.4: 25 bands of 5 rows propose a pair of Jaccard similarity 0.7 with a chance
//! of 99 %, one of 0.3 with 6 %; the similarity itself, [`jaccard`], then decides.

use super::words;
use std::sync::LazyLock;

/// Version of the fingerprints' definition; a stored index of another version must be rebuilt.
pub const VERSION: u32 = 2;
/// Hash functions of a signature.
pub const PERMUTATIONS: usize = 128;
/// Bands of a signature.
pub const BANDS: usize = 25;
/// Rows of a band.
const ROWS: usize = 5;
/// Words of a shingle.
const SHINGLE_WORDS: usize = 5;
/// Jaccard similarity from which on two texts count as duplicates.
pub const DUPLICATE_SIMILARITY: f64 = 0.7;

/// Hash of a text's normal form, by its [`words::plain_words`]. Texts that differ in case, spacing and punctuation alone share it.
pub fn exact(plain_words: &[u64]) -> u64 {
    words::sequence(plain_words)
}

/// Hashes of a text's 5-grams of [`words::plain_words`], sorted, each once; a shorter text is one shingle.
pub fn shingles(plain_words: &[u64]) -> Vec<u64> {
    let windows = plain_words.windows(SHINGLE_WORDS.min(plain_words.len()).max(1));
    let mut shingles: Vec<u64> = windows.map(words::sequence).collect();
    shingles.sort_unstable();
    shingles.dedup();
    shingles
}

/// Jaccard similarity of two sorted sets, in `[0, 1]`: what they share of what either has. Two empty ones share nothing.
pub fn jaccard(a: &[u64], b: &[u64]) -> f64 {
    let (mut shared, mut rest) = (0, b);
    for hash in a {
        let from = rest.iter().position(|other| other >= hash);
        rest = &rest[from.unwrap_or(rest.len())..];
        shared += usize::from(rest.first() == Some(hash));
    }
    shared as f64 / (a.len() + b.len() - shared).max(1) as f64
}

/// MinHash signature of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature(Vec<u32>);

impl Signature {
    /// Signature over a text's [`shingles`].
    pub fn of(shingles: &[u64]) -> Self {
        let least = |(factor, term): &(u64, u64)| {
            let permuted =
                |hash: &u64| (hash.wrapping_mul(*factor).wrapping_add(*term) >> 32) as u32;
            shingles.iter().map(permuted).min().unwrap_or(u32::MAX)
        };
        Signature(FUNCTIONS.iter().map(least).collect())
    }

    /// One key a band: texts that share a key are worth comparing.
    pub fn bands(&self) -> [u64; BANDS] {
        let key = |band: usize| {
            let rows = &self.0[band * ROWS..(band + 1) * ROWS];
            rows.iter().fold(band as u64, |state, row| {
                words::pair(state, u64::from(*row))
            })
        };
        std::array::from_fn(key)
    }
}

/// Odd factor and term of each hash function: multiply-shifts of an already well mixed hash (Dietzfelbinger et al., 1997).
static FUNCTIONS: LazyLock<[(u64, u64); PERMUTATIONS]> = LazyLock::new(|| {
    std::array::from_fn(|nth| {
        let seed = nth as u64 + 1;
        (words::mix(seed) | 1, words::mix(!seed))
    })
});

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(text: &str) -> u64 {
        super::exact(&words::plain_words(text))
    }

    fn shingles(text: &str) -> Vec<u64> {
        super::shingles(&words::plain_words(text))
    }

    fn numbered(range: std::ops::Range<usize>) -> String {
        range.map(|i| format!("word{i} ")).collect()
    }

    #[test]
    fn the_normal_form_ignores_case_spacing_and_punctuation() {
        assert_eq!(
            exact("It calls `f()`,\n twice!"),
            exact("it  calls f twice")
        );
        assert_ne!(exact("it calls f twice"), exact("it calls g twice"));
        assert_ne!(exact("a b"), exact("ab"));
    }

    #[test]
    fn similarity_follows_the_shared_shingles() {
        // 200 and 200 shingles with an overlap of k: Jaccard k / (400 - k).
        for (shift, jaccard) in [
            (0, 1.0),
            (35, 165.0 / 235.0),
            (100, 100.0 / 300.0),
            (300, 0.0),
        ] {
            let (a, b) = (
                shingles(&numbered(0..204)),
                shingles(&numbered(shift..204 + shift)),
            );
            assert_eq!(super::jaccard(&a, &b), jaccard, "{shift}");
        }
    }

    #[test]
    fn bands_propose_what_is_alike() {
        let shares = |shift: usize| {
            let (a, b) = (
                Signature::of(&shingles(&numbered(0..204))),
                Signature::of(&shingles(&numbered(shift..204 + shift))),
            );
            a.bands()
                .iter()
                .zip(b.bands())
                .filter(|(x, y)| **x == *y)
                .count()
        };
        assert_eq!(shares(0), BANDS);
        assert!(shares(20) > 0);
        assert_eq!(shares(300), 0);
    }

    #[test]
    fn the_stored_form_has_not_changed() {
        assert_eq!(exact("Stored for good."), 12_189_519_275_840_607_496);
        assert_eq!(
            Signature::of(&shingles("Stored for good.")).bands()[0],
            2_872_235_655_423_976_338
        );
    }
}
