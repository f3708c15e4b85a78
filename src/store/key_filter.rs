//! A Bloom filter over keys, of bounded size: by it, most keys that nobody has are known without asking the disk.
//!
//! Blocked after Putze, Sanders and Singler (2007): all bits of a key stand in one word, so that a look costs one access to memory.

/// Bits a key has at first. With [`KEY_BITS`] of them set, one key in thirty is taken for a known one.
const BITS_PER_KEY: usize = 8;
/// Bits that each key sets.
const KEY_BITS: u32 = 4;
/// 2 MiB. From two million keys on, more and more are taken for known ones, and looked for in vain.
const WORDS_MAX: usize = 1 << 18;
/// Keys for which there is room from the start.
const KEYS_MIN: usize = 1 << 16;

/// Which keys may be known.
#[derive(Debug)]
pub(super) struct Filter {
    words: Box<[u64]>,
    keys: usize,
}

impl Filter {
    /// An empty filter with room for so many keys, or for as many as a filter may have.
    pub fn with_room_for(keys: usize) -> Self {
        let words = keys.max(KEYS_MIN) * BITS_PER_KEY / 64;
        Filter {
            words: vec![0; words.min(WORDS_MAX)].into(),
            keys: 0,
        }
    }

    /// Whether a larger one would be better.
    pub fn is_full(&self) -> bool {
        self.words.len() < WORDS_MAX && self.keys * BITS_PER_KEY > self.words.len() * 64
    }

    /// Takes a key in.
    pub fn insert(&mut self, key: u32) {
        let (word, bits) = self.place(key);
        self.words[word] |= bits;
        self.keys += 1;
    }

    /// Whether the key may have been taken in; never `false` for one that was.
    pub fn may_hold(&self, key: u32) -> bool {
        let (word, bits) = self.place(key);
        self.words[word] & bits == bits
    }

    fn place(&self, key: u32) -> (usize, u64) {
        // Keys are hashes already: the upper bits choose the word, and a product of all of them the bits in it.
        let word = (u64::from(key) * self.words.len() as u64) >> 32;
        let mixed = u64::from(key).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let bit = |nth: u32| 1u64 << ((mixed >> (6 * nth)) & 63);
        let bits = (0..KEY_BITS).map(bit).fold(0, |bits, bit| bits | bit);
        (usize::try_from(word).unwrap_or(0), bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(nth: u32) -> u32 {
        nth.wrapping_mul(0x9e37_79b1)
            .rotate_left(15)
            .wrapping_mul(0x85eb_ca77)
    }

    #[test]
    fn what_was_taken_in_is_known_and_little_else() {
        let mut filter = Filter::with_room_for(100_000);
        (0..100_000).for_each(|nth| filter.insert(key(nth)));
        assert!((0..100_000).all(|nth| filter.may_hold(key(nth))));
        let wrong = (100_000..200_000).filter(|nth| filter.may_hold(key(*nth)));
        assert!(wrong.count() < 6_000);
        assert!(!filter.is_full());
        (100_000..100_100).for_each(|nth| filter.insert(key(nth)));
        assert!(filter.is_full());
    }

    #[test]
    fn the_largest_filter_takes_more_keys_and_is_never_full() {
        let mut filter = Filter::with_room_for(usize::MAX / BITS_PER_KEY);
        assert_eq!(filter.words.len(), WORDS_MAX);
        (0..3_000_000).for_each(|nth| filter.insert(key(nth)));
        assert!(!filter.is_full());
    }
}
