//! Splits: which part of the dataset a file's samples are in.
//!
//! All samples of a file are in one split, and a file's split depends on its path alone: growing the dataset moves nothing.

use sha2::{Digest as _, Sha256};

/// A part of the dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Split {
    /// To train on.
    Train,
    /// To watch training with.
    Validation,
    /// To judge the result with.
    Test,
}

impl Split {
    /// Every split.
    pub const ALL: [Split; 3] = [Split::Train, Split::Validation, Split::Test];

    /// Its name in Hugging Face `datasets`.
    pub fn as_str(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Validation => "validation",
            Split::Test => "test",
        }
    }

    /// Its file; mlx-lm looks for these names, and `datasets` knows them too.
    pub fn file_name(self) -> &'static str {
        match self {
            Split::Train => "train.jsonl",
            Split::Validation => "valid.jsonl",
            Split::Test => "test.jsonl",
        }
    }
}

/// What share of the files goes where; the rest is to train on.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Splits {
    validation: f64,
    test: f64,
}

impl Splits {
    /// Shares in `[0, 1)`; `None` when they leave nothing to train on.
    pub fn new(validation: f64, test: f64) -> Option<Self> {
        (validation >= 0.0 && test >= 0.0 && validation + test < 1.0)
            .then_some(Splits { validation, test })
    }

    /// The split of the file with this stored path. Paths are spread over `[0, 1)` by their SHA-256: validation is at the bottom and test at the
    /// top, so that raising one share takes files from training and never from the other.
    pub fn of(&self, path: &str) -> Split {
        let digest = Sha256::digest(path.as_bytes());
        let place = digest
            .iter()
            .take(8)
            .fold(0, |place, byte| place << 8 | u64::from(*byte));
        let place = place as f64 / 2f64.powi(64);
        if place < self.validation {
            Split::Validation
        } else if place >= 1.0 - self.test {
            Split::Test
        } else {
            Split::Train
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_kept_and_raising_one_never_takes_from_the_other() {
        let small = Splits::new(0.1, 0.1).unwrap();
        let large = Splits::new(0.3, 0.1).unwrap();
        let mut counts = [0; 3];
        for number in 0..10_000 {
            let path = format!("h/o/r/src/{number}.rs");
            counts[small.of(&path) as usize] += 1;
            match small.of(&path) {
                Split::Train => assert_ne!(large.of(&path), Split::Test),
                same => assert_eq!(large.of(&path), same),
            }
        }
        assert!((900..1100).contains(&counts[1]), "{counts:?}");
        assert!((900..1100).contains(&counts[2]), "{counts:?}");
    }

    #[test]
    fn a_file_keeps_its_split_for_ever() {
        // Computed apart, with sha256sum: ca97…, 3e23…
        let half = Splits::new(0.5, 0.0).unwrap();
        assert_eq!(half.of("a"), Split::Train);
        assert_eq!(half.of("b"), Split::Validation);
        assert_eq!(Splits::default().of("b"), Split::Train);
    }

    #[test]
    fn shares_that_leave_nothing_to_train_on_are_refused() {
        for (validation, test) in [(1.0, 0.0), (0.5, 0.5), (-0.1, 0.0), (f64::NAN, 0.0)] {
            assert!(Splits::new(validation, test).is_none());
        }
    }
}
