//! Stored rows, pulled page by page while a walk comes to the files they are about.
//!
//! A walk and the stored rows are in the same order, but for rare names: stored paths escape bytes that are not UTF-8. Rows that the walk
//! has gone past are therefore kept until it ends, and memory stays flat where none are.

use std::collections::{HashMap, VecDeque};

/// Rows of one page.
pub(super) const PAGE: usize = 1024;

/// The rows of one repository, by stored path.
#[derive(Debug)]
pub(super) struct Alongside<T> {
    page: VecDeque<(String, T)>,
    /// The last path pulled.
    last: Option<String>,
    is_ended: bool,
    /// Rows before the path that was asked for last.
    passed: HashMap<String, T>,
}

impl<T> Alongside<T> {
    /// Nothing pulled yet.
    pub fn new() -> Self {
        Alongside {
            page: VecDeque::new(),
            last: None,
            is_ended: false,
            passed: HashMap::new(),
        }
    }

    /// The row of `path`, which is given once. `pull` gives up to [`PAGE`] rows after a path, or the first ones, ordered by path.
    pub fn take<E>(
        &mut self,
        path: &str,
        mut pull: impl FnMut(Option<&str>) -> Result<Vec<(String, T)>, E>,
    ) -> Result<Option<T>, E> {
        loop {
            self.fill(&mut pull)?;
            match self.page.pop_front() {
                Some((before, row)) if before.as_str() < path => {
                    self.passed.insert(before, row);
                }
                Some((found, row)) if found == path => return Ok(Some(row)),
                Some(after) => {
                    self.page.push_front(after);
                    break;
                }
                None => break,
            }
        }
        let was_passed = !self.passed.is_empty();
        Ok(was_passed.then(|| self.passed.remove(path)).flatten())
    }

    /// Gives a row back as one that was not asked for.
    pub fn put_back(&mut self, path: String, row: T) {
        self.passed.insert(path, row);
    }

    /// The paths of all rows that were not asked for.
    pub fn rest<E>(
        &mut self,
        mut pull: impl FnMut(Option<&str>) -> Result<Vec<(String, T)>, E>,
    ) -> Result<Vec<String>, E> {
        let mut rest: Vec<String> = self.passed.drain().map(|(path, _)| path).collect();
        loop {
            self.fill(&mut pull)?;
            if self.page.is_empty() {
                rest.sort_unstable();
                return Ok(rest);
            }
            rest.extend(self.page.drain(..).map(|(path, _)| path));
        }
    }

    fn fill<E>(
        &mut self,
        pull: &mut impl FnMut(Option<&str>) -> Result<Vec<(String, T)>, E>,
    ) -> Result<(), E> {
        if self.page.is_empty() && !self.is_ended {
            let rows = pull(self.last.as_deref())?;
            self.is_ended = rows.len() < PAGE;
            self.last = rows.last().map(|(path, _)| path.clone());
            self.page = rows.into();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    /// Rows named by numbers of four digits, as a store gives them.
    fn pull(after: Option<&str>) -> Result<Vec<(String, usize)>, Infallible> {
        let all = (0..3 * PAGE).map(|at| (format!("{at:04}"), at));
        let after = after.map(str::to_owned);
        let rows = all.filter(|(path, _)| after.as_ref().is_none_or(|after| path > after));
        Ok(rows.take(PAGE).collect())
    }

    #[test]
    fn every_row_is_found_once_in_whatever_order_and_the_rest_is_told() {
        let forward: Vec<usize> = (0..3 * PAGE).filter(|at| at % 5 != 0).collect();
        let mut swapped = forward.clone();
        swapped.chunks_mut(300).for_each(|chunk| chunk.reverse());
        for order in [forward, swapped] {
            let mut rows = Alongside::new();
            for at in &order {
                let path = format!("{at:04}");
                assert_eq!(rows.take(&path, pull), Ok(Some(*at)));
                assert_eq!(rows.take(&format!("{path}x"), pull), Ok(None));
            }
            let rest = rows.rest(pull).unwrap();
            let left = (0..3 * PAGE).filter(|at| at % 5 == 0);
            assert_eq!(rest, left.map(|at| format!("{at:04}")).collect::<Vec<_>>());
        }
    }

    #[test]
    fn in_order_at_most_a_page_is_held() {
        let mut rows = Alongside::new();
        for at in 0..3 * PAGE {
            rows.take(&format!("{at:04}"), pull).unwrap();
            assert!(rows.passed.is_empty() && rows.page.len() < PAGE);
        }
    }
}
