//! How far a run is and what is still to come, computed from what was counted. Pure.
//!
//! Files that are skipped or unchanged take no time and no money to speak of, so time and money are projected from the files that were
//! worked on, and from the share of such files among those looked at so far.

use crate::domain::price::Cost;
use crate::llm::Snapshot;
use crate::report::plural;
use std::fmt;
use std::time::Duration;

/// What was counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Files there are.
    pub total: u64,
    /// Files looked at.
    pub scanned: u64,
    /// Of those, files to work on.
    pub found: u64,
    /// Of those, files worked on to their end.
    pub finished: u64,
    /// Of those, files that were finished before the first request: they came from the cache.
    pub replayed: u64,
    /// Files that can be under way at once.
    pub under_way_max: u64,
    /// Samples so far.
    pub samples: u64,
    /// Files that failed, wholly or in part.
    pub failed: u64,
}

/// What the server did since the first request.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Served {
    /// Since the first request; zero before it.
    pub elapsed: Duration,
    pub requests: u64,
    pub refused: u64,
    pub prompt_tokens: u64,
    pub cached_tokens: u64,
    pub completion_tokens: u64,
    /// `None` when the price is unknown.
    pub cost: Option<Cost>,
}

impl Served {
    /// From the numbers of the client. A model without a price costs something unknown from its first request on, before anything is billed.
    pub fn of(snapshot: &Snapshot, is_priced: bool, elapsed: Duration) -> Self {
        Served {
            elapsed,
            requests: snapshot.requests,
            refused: snapshot.refused,
            prompt_tokens: snapshot.usage.prompt.unwrap_or(0),
            cached_tokens: snapshot.usage.cached.unwrap_or(0),
            completion_tokens: snapshot.usage.completion.unwrap_or(0),
            cost: (is_priced && snapshot.bills.unpriced == 0).then_some(snapshot.bills.cost),
        }
    }
}

impl Counts {
    /// Files that nothing is left to do about.
    pub fn settled(&self) -> u64 {
        self.scanned
            .saturating_sub(self.found.saturating_sub(self.finished))
    }

    /// Files there are, as far as it is known.
    pub fn total(&self) -> u64 {
        self.total.max(self.scanned)
    }

    /// The share that is settled.
    pub fn percent(&self) -> u64 {
        100 * self.settled() / self.total().max(1)
    }

    /// Files' worth of work done by the server: those under way count half.
    fn worked(&self) -> f64 {
        let finished = self.finished.saturating_sub(self.replayed) as f64;
        let under_way = self.found.saturating_sub(self.finished);
        finished + under_way.min(self.under_way_max) as f64 / 2.0
    }

    /// Files' worth of work to come, those included that are not looked at yet.
    fn left(&self) -> f64 {
        let unseen = (self.total() - self.scanned) as f64;
        let share = self.found as f64 / self.scanned.max(1) as f64;
        let worth = self.found as f64 - self.replayed as f64 + unseen * share;
        (worth - self.worked()).max(0.0)
    }
}

/// Counts and what follows from them, for people.
#[derive(Debug, Clone, Copy)]
pub struct Outlook {
    counts: Counts,
    served: Served,
}

impl Outlook {
    /// From what was counted.
    pub fn new(counts: Counts, served: Served) -> Self {
        Outlook { counts, served }
    }

    /// What is left to do, as a multiple of what was done; `None` while nothing is finished.
    fn left_per_done(&self) -> Option<f64> {
        let is_known = self.counts.finished > self.counts.replayed;
        is_known.then(|| self.counts.left() / self.counts.worked())
    }

    /// Time until the end.
    pub fn time_left(&self) -> Option<Duration> {
        Duration::try_from_secs_f64(self.served.elapsed.as_secs_f64() * self.left_per_done()?).ok()
    }

    /// What the run will have cost at its end.
    pub fn cost_projected(&self) -> Option<Cost> {
        let cost = self.served.cost?;
        Cost::from_dollars(cost.dollars() * (1.0 + self.left_per_done()?))
    }

    fn tokens_per_sec(&self) -> u64 {
        let secs = self.served.elapsed.as_secs_f64();
        if secs > 0.0 {
            (self.served.completion_tokens as f64 / secs).round() as u64
        } else {
            0
        }
    }

    fn cost_text(&self) -> String {
        match (self.served.cost, self.cost_projected()) {
            (None, _) => "cost unknown".to_owned(),
            (Some(cost), Some(projected)) => format!("cost {cost} of about {projected}"),
            (Some(cost), None) => format!("cost {cost}"),
        }
    }

    /// `310 samples, 4 failed; 84 tokens/s, 62 % cached, 0 % refused; cost $0.12 of about $0.48`
    pub fn numbers(&self) -> String {
        let (counts, served) = (&self.counts, &self.served);
        let files = format!(
            "{}, {} failed",
            plural(counts.samples, "sample", "samples"),
            counts.failed
        );
        if served.requests == 0 {
            return files;
        }
        format!(
            "{files}; {} tokens/s, {} % cached, {} % refused; {}",
            self.tokens_per_sec(),
            100 * served.cached_tokens / served.prompt_tokens.max(1),
            100 * served.refused / served.requests,
            self.cost_text(),
        )
    }

    /// `; 3 min left`; nothing while that is unknown.
    pub fn time_left_text(&self) -> String {
        let left = self.time_left().filter(|_| self.served.requests > 0);
        left.map_or_else(String::new, |left| format!("; {} left", time_text(left)))
    }
}

impl fmt::Display for Outlook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.numbers(), self.time_left_text())
    }
}

fn time_text(time: Duration) -> String {
    match time.as_secs() {
        secs @ 0..100 => format!("{secs} s"),
        secs @ 100..6000 => format!("{} min", secs.div_ceil(60)),
        secs => format!("{} h {} min", secs / 3600, secs % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn served(secs: u64, dollars: f64) -> Served {
        Served {
            elapsed: Duration::from_secs(secs),
            requests: 200,
            refused: 10,
            prompt_tokens: 10_000,
            cached_tokens: 6200,
            completion_tokens: 8400,
            cost: Cost::from_dollars(dollars),
        }
    }

    #[test]
    fn time_and_money_follow_the_files_worked_on_not_those_skipped() {
        let counts = Counts {
            total: 1000,
            scanned: 500,
            found: 50,
            finished: 50,
            samples: 310,
            failed: 4,
            ..Counts::default()
        };
        let outlook = Outlook::new(counts, served(100, 2.0));
        assert_eq!((counts.settled(), counts.percent()), (500, 50));
        assert_eq!(outlook.time_left(), Some(Duration::from_secs(100)));
        assert_eq!(outlook.cost_projected(), Cost::from_dollars(4.0));
        // The same work behind ten times as many unchanged files.
        let more_skipped = Counts {
            total: 9550,
            scanned: 5000,
            ..counts
        };
        let outlook = Outlook::new(more_skipped, served(100, 2.0));
        assert_eq!(outlook.time_left().unwrap().as_secs(), 91);
        let last = Counts {
            total: 500,
            ..counts
        };
        let outlook = Outlook::new(last, served(100, 2.0));
        assert_eq!(outlook.time_left(), Some(Duration::ZERO));
        assert_eq!(outlook.cost_projected(), Cost::from_dollars(2.0));
    }

    #[test]
    fn what_is_under_way_counts_half_and_what_the_cache_had_not_at_all() {
        let counts = Counts {
            total: 100,
            scanned: 100,
            found: 100,
            finished: 42,
            replayed: 40,
            under_way_max: 16,
            ..Counts::default()
        };
        let outlook = Outlook::new(counts, served(20, 1.0));
        // 2 + 16 / 2 of 60 in 20 s for a dollar.
        assert_eq!(outlook.time_left(), Some(Duration::from_secs(100)));
        assert_eq!(outlook.cost_projected(), Cost::from_dollars(6.0));
        assert_eq!(counts.settled(), 42);
    }

    #[test]
    fn nothing_is_foretold_before_a_file_is_finished() {
        let counts = Counts {
            total: 10,
            scanned: 8,
            found: 8,
            under_way_max: 4,
            ..Counts::default()
        };
        let outlook = Outlook::new(counts, served(20, 1.0));
        assert_eq!(
            (outlook.time_left(), outlook.cost_projected()),
            (None, None)
        );
        let text = Outlook::new(counts, Served::default()).to_string();
        assert_eq!(text, "0 samples, 0 failed");
        assert_eq!(Counts::default().percent(), 0);
    }

    #[test]
    fn the_line_says_it_all() {
        let counts = Counts {
            total: 100,
            scanned: 50,
            found: 50,
            finished: 50,
            samples: 310,
            failed: 4,
            ..Counts::default()
        };
        let text = Outlook::new(counts, served(200, 0.12)).to_string();
        assert_eq!(
            text,
            "310 samples, 4 failed; 42 tokens/s, 62 % cached, 5 % refused; cost $0.1200 of about $0.2400; 4 min left"
        );
        let unpriced = Served {
            cost: None,
            ..served(200, 0.0)
        };
        let text = Outlook::new(counts, unpriced).to_string();
        assert!(text.contains("; cost unknown; "), "{text}");
        assert_eq!(time_text(Duration::from_secs(7300)), "2 h 1 min");
    }
}
