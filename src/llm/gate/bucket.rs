//! A token bucket for an allowance that the user set.
//!
//! Pure: time is a number of seconds that the caller passes in.

use super::Secs;

/// How much of the allowance may be used at once, in seconds of it.
const BURST_SECS: Secs = 1.0;

/// An allowance a minute, of requests or of tokens. A single draw may be larger than what is there: it leaves a debt, so that a
/// request larger than the burst still leaves some time.
#[derive(Debug)]
pub(super) struct Bucket {
    per_sec: f64,
    burst: f64,
    level: f64,
    filled_at: Secs,
}

impl Bucket {
    pub fn per_minute(allowance: u32) -> Self {
        let per_sec = f64::from(allowance.max(1)) / 60.0;
        let burst = (per_sec * BURST_SECS).max(1.0);
        Bucket {
            per_sec,
            burst,
            level: burst,
            filled_at: 0.0,
        }
    }

    /// When something may be drawn; a time that is not in the future means now.
    pub fn ready_at(&mut self, now: Secs) -> Secs {
        let filled = (now - self.filled_at).max(0.0) * self.per_sec;
        self.level = (self.level + filled).min(self.burst);
        self.filled_at = now;
        let missing = (self.burst.min(1.0) - self.level).max(0.0);
        now + missing / self.per_sec
    }

    /// Takes `amount`; a negative one gives back what was taken too much.
    pub fn draw(&mut self, amount: f64) {
        self.level = (self.level - amount).min(self.burst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_holds_the_allowance_and_a_burst() {
        let mut bucket = Bucket::per_minute(240);
        let (mut now, mut drawn) = (0.0, 0);
        while now < 60.0 {
            now = bucket.ready_at(now).max(now);
            if bucket.ready_at(now) <= now {
                bucket.draw(1.0);
                drawn += 1;
            }
        }
        assert!((240..=245).contains(&drawn), "{drawn}");
    }

    #[test]
    fn a_large_draw_is_paid_off_before_the_next() {
        let mut bucket = Bucket::per_minute(6000);
        assert_eq!(bucket.ready_at(0.0), 0.0);
        bucket.draw(1100.0);
        assert!((bucket.ready_at(0.0) - 10.01).abs() < 1e-9);
        bucket.draw(-1000.0);
        assert_eq!(bucket.ready_at(0.0), 0.01);
    }
}
