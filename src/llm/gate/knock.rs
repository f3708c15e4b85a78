//! While the server is away, one request at a time goes out to find out whether it is back.
//!
//! Pure: time is a number of seconds that the caller passes in.

use super::{Secs, Sending};

#[derive(Debug, Default)]
pub(super) struct Knock {
    away_since: Option<Secs>,
    is_out: bool,
    rests_until: Secs,
}

impl Knock {
    /// Whether one more request may leave.
    pub fn admits(&self) -> bool {
        self.away_since.is_none() || !self.is_out
    }

    /// A request leaves.
    pub fn sent(&mut self) {
        self.is_out = self.away_since.is_some();
    }

    /// A request met nobody. Says whether that is news: what was sent before the first one that did has none.
    pub fn missed(&mut self, now: Secs, sending: &Sending) -> bool {
        let is_news = self.away_since.is_none_or(|since| sending.sent_at >= since);
        self.away_since.get_or_insert(now);
        self.is_out &= !is_news;
        is_news
    }

    /// None goes out before this time, unless somebody turns out to be there.
    pub fn rest(&mut self, until: Secs) {
        self.rests_until = self.rests_until.max(until);
    }

    pub fn rests_until(&self) -> Secs {
        self.rests_until
    }

    /// Somebody is there. Says whether nobody was before.
    pub fn answered(&mut self) -> bool {
        (self.is_out, self.rests_until) = (false, 0.0);
        self.away_since.take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent_at(sent_at: Secs) -> Sending {
        Sending {
            sent_at,
            nth: 0,
            gap: 1.0,
            accepted: 0,
            in_flight: 1,
            tokens: 0.0,
        }
    }

    #[test]
    fn one_at_a_time_knocks_until_somebody_answers() {
        let mut knock = Knock::default();
        knock.sent();
        knock.sent();
        assert!(knock.admits() && !knock.answered());
        assert!(knock.missed(5.0, &sent_at(1.0)));
        assert!(
            !knock.missed(5.1, &sent_at(2.0)),
            "sent before it was known"
        );
        knock.sent();
        assert!(!knock.admits());
        assert!(!knock.missed(6.0, &sent_at(3.0)));
        assert!(!knock.admits(), "the one that knocks is still out");
        assert!(knock.missed(7.0, &sent_at(5.5)));
        assert!(knock.admits());
        knock.rest(9.0);
        knock.rest(8.0);
        assert_eq!(knock.rests_until(), 9.0);
        knock.sent();
        assert!(knock.answered());
        assert_eq!(knock.rests_until(), 0.0);
        knock.sent();
        knock.sent();
        assert!(knock.admits());
    }
}
