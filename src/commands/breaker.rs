//! Whether what one file met is what all would meet.
//!
//! Owns the count of files in a row that the server gave nothing of use about, and those files themselves as long as it has not been of
//! use to any: they stay untried if the run ends for it. Whether one request's failure is the server's is told in [`crate::llm`] before.

use super::engine::{Processed, Work};
use super::keeper::Outcome;
use crate::domain::failure::{FailureCode, Stage};

/// A server that was of no use to so many files, and to none before, will be of none to the next. So many blocked ones in a row are enough
/// to ask something harmless, which tells.
const FIRST_FILES_MAX: usize = 8;
/// One that was of use before: so many in a row are no odd files any more.
const FILES_IN_A_ROW_MAX: usize = 50;

/// Files in a row that the server gave nothing of use about.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    code: Option<FailureCode>,
    in_a_row: usize,
    /// Usable completions when the row began.
    completions: u64,
    /// Not handed on yet: the server has not been of use to any file.
    pub held: Vec<Outcome>,
}

impl Breaker {
    /// Counts a file that failed by `code`, when the server had given so many usable completions. As long as it gave none, a row may
    /// have several reasons.
    pub fn count(&mut self, code: FailureCode, completions: u64) {
        let is_other = completions > 0 && self.code != Some(code);
        if is_other || self.completions != completions {
            self.in_a_row = 0;
        }
        (self.code, self.completions) = (Some(code), completions);
        self.in_a_row += 1;
    }

    /// The last reason and the length of a row that is long enough to be the server's fault, unless a file under way is served after all.
    pub fn suspects(&self, completions: u64) -> Option<(FailureCode, usize)> {
        let most = match completions {
            0 => FIRST_FILES_MAX,
            _ if self.code == Some(FailureCode::Blocked) => FIRST_FILES_MAX,
            _ => FILES_IN_A_ROW_MAX,
        };
        let is_long = self.in_a_row >= most && self.completions == completions;
        self.code
            .filter(|_| is_long)
            .map(|code| (code, self.in_a_row))
    }

    /// Whether files are held for what blocked them.
    pub fn holds_blocked(&self) -> bool {
        !self.held.is_empty() && self.code == Some(FailureCode::Blocked)
    }

    /// Begins anew: the files of the row were at fault.
    pub fn forget(&mut self) {
        self.in_a_row = 0;
    }
}

/// The reason why a file came to nothing, if it is one that all others may meet as well, and not a failure that was known before.
pub(super) fn suspicion(work: &Work, processed: &Processed) -> Option<FailureCode> {
    let mut codes = processed.rejected.keys();
    let (Some(&code), None) = (codes.next(), codes.next()) else {
        return None;
    };
    let is_known = match work {
        Work::Whole => false,
        Work::Items { items, .. } => items.iter().all(|item| item.code == code),
    };
    let is_explained = matches!(code, FailureCode::ContentFilter | FailureCode::Refusal);
    let is_suspect = code.stage() == Stage::Request && !is_explained && !is_known;
    (is_suspect && processed.samples.is_empty()).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use FailureCode::{InvalidRequest, Timeout};

    /// The file that makes the row long enough.
    fn suspect(file: impl Fn(usize) -> (FailureCode, u64)) -> Option<usize> {
        let mut breaker = Breaker::default();
        (1..200).find(|nth| {
            let (code, completions) = file(*nth);
            breaker.count(code, completions);
            breaker.suspects(completions).is_some()
        })
    }

    #[test]
    fn a_server_of_no_use_to_the_first_files_ends_the_run() {
        let mixed = |nth: usize| [InvalidRequest, Timeout][nth % 2];
        assert_eq!(suspect(|_| (InvalidRequest, 0)), Some(FIRST_FILES_MAX));
        assert_eq!(suspect(|nth| (mixed(nth), 0)), Some(FIRST_FILES_MAX));
        assert_eq!(suspect(|_| (InvalidRequest, 7)), Some(FILES_IN_A_ROW_MAX));
    }

    #[test]
    fn a_completion_or_another_reason_begins_a_new_row() {
        let served = |nth: usize| (nth / 40) as u64 + 1;
        assert_eq!(suspect(|nth| (InvalidRequest, served(nth))), None);
        let mixed = |nth: usize| [InvalidRequest, Timeout][nth % 2];
        assert_eq!(suspect(|nth| (mixed(nth), 1)), None);
        let mut breaker = Breaker::default();
        (0..FIRST_FILES_MAX).for_each(|_| breaker.count(InvalidRequest, 0));
        assert!(breaker.suspects(0).is_some() && breaker.suspects(1).is_none());
    }
}
