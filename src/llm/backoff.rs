//! How long to wait before the next try.
//!
//! Pure arithmetic over numbers and headers: the clock's reading and the random number are passed in. Full jitter is that of the
//! AWS architecture blog, "Exponential Backoff And Jitter" (2015).

use reqwest::header::HeaderMap;
use std::time::{Duration, SystemTime};

/// A back-off after `attempt` tries (1 or more), evenly between nothing and a bound that doubles; `random` lies in [0, 1).
pub(super) fn delay(attempt: u32, random: f64, first: Duration, most: Duration) -> Duration {
    let doublings = attempt.saturating_sub(1).min(30);
    let bound = first.saturating_mul(1 << doublings).min(most);
    bound.mul_f64(random.clamp(0.0, 1.0))
}

/// The wait that a refusal asks for, if any: `retry-after-ms`, `Retry-After`, or the reset of an allowance that is used up.
pub(super) fn asked_wait(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let precise = text("retry-after-ms").and_then(|ms| seconds(ms, 1e-3));
    let standard = || {
        text("retry-after").and_then(|value| seconds(value, 1.0).or_else(|| until_date(value, now)))
    };
    precise
        .or_else(standard)
        .or_else(|| reset_of_used_up(headers, now))
}

/// What a server says of an allowance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Allowance {
    /// Whether it counts requests; if not, tokens.
    pub counts_requests: bool,
    /// All of it, when the server says so.
    pub limit: Option<f64>,
    /// What is left of it.
    pub remaining: f64,
    /// Until it is whole again.
    pub reset_secs: f64,
}

/// Allowances as providers name them: all of it, what remains, and when it is whole again.
const ALLOWANCES: [[&str; 3]; 5] = [
    [
        "x-ratelimit-limit-requests",
        "x-ratelimit-remaining-requests",
        "x-ratelimit-reset-requests",
    ],
    [
        "x-ratelimit-limit-tokens",
        "x-ratelimit-remaining-tokens",
        "x-ratelimit-reset-tokens",
    ],
    [
        "anthropic-ratelimit-requests-limit",
        "anthropic-ratelimit-requests-remaining",
        "anthropic-ratelimit-requests-reset",
    ],
    [
        "x-ratelimit-limit",
        "x-ratelimit-remaining",
        "x-ratelimit-reset",
    ],
    ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"],
];

/// The allowances that a response tells of, where it says what remains and until when.
pub(super) fn allowances(
    headers: &HeaderMap,
    now: SystemTime,
) -> impl Iterator<Item = Allowance> + '_ {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let number = move |name: &str| {
        text(name)
            .and_then(|n| n.trim().parse::<f64>().ok())
            .filter(|n| n.is_finite())
    };
    ALLOWANCES
        .iter()
        .filter_map(move |[limit, remaining, reset]| {
            Some(Allowance {
                counts_requests: !limit.ends_with("tokens"),
                remaining: number(remaining)?,
                limit: number(limit),
                reset_secs: until_reset(text(reset)?, now)?.as_secs_f64(),
            })
        })
}

/// The latest reset among the allowances that are used up.
fn reset_of_used_up(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    allowances(headers, now)
        .filter(|allowance| allowance.remaining < 1.0)
        .map(|allowance| allowance.reset_secs)
        .reduce(f64::max)
        .map(|secs| Duration::try_from_secs_f64(secs).unwrap_or(Duration::MAX))
}

/// A reset as "1s", "6m0s", "20ms", seconds, an epoch in seconds or milliseconds, or a date.
fn until_reset(text: &str, now: SystemTime) -> Option<Duration> {
    const EPOCH_SECS_MIN: f64 = 1e9;
    const EPOCH_MILLIS_MIN: f64 = 1e12;
    let text = text.trim();
    let Ok(number) = text.parse::<f64>() else {
        return go_duration(text).or_else(|| until_date(text, now));
    };
    let epoch = if number >= EPOCH_MILLIS_MIN {
        number / 1e3
    } else {
        number
    };
    if epoch < EPOCH_SECS_MIN {
        return seconds(text, 1.0);
    }
    let at = SystemTime::UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(epoch).ok()?)?;
    Some(at.duration_since(now).unwrap_or_default())
}

fn seconds(text: &str, unit: f64) -> Option<Duration> {
    let number: f64 = text.trim().parse().ok()?;
    // A value beyond every clock is still a wait, and a very long one.
    (number >= 0.0).then(|| Duration::try_from_secs_f64(number * unit).unwrap_or(Duration::MAX))
}

/// The wait that a message names in words, such as "try again in 6.5s", "retry after 26 seconds", "wait 1 minute". `words` is lower-case.
pub(super) fn wait_in_words(words: &str) -> Option<Duration> {
    const LEADS: [&str; 4] = ["try again in ", "retry in ", "retry after ", "wait "];
    LEADS.iter().find_map(|lead| {
        let (_, rest) = words.split_once(lead)?;
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '.');
        let (number, rest) = rest.split_at(end.unwrap_or(rest.len()));
        let number = number.trim_end_matches('.');
        go_duration(number).or_else(|| seconds(number, unit_secs(rest.trim_start())?))
    })
}

fn unit_secs(unit: &str) -> Option<f64> {
    const UNITS: [(&str, f64); 5] = [
        ("ms", 1e-3),
        ("milli", 1e-3),
        ("sec", 1.0),
        ("min", 60.0),
        ("hour", 3600.0),
    ];
    let known = UNITS.iter().find(|(name, _)| unit.starts_with(name));
    known.map(|(_, secs)| *secs)
}

/// Durations as Go prints them: numbers with units, largest first.
fn go_duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let unit_end = rest[digits..]
            .find(|c: char| c.is_ascii_digit())
            .map_or(rest.len(), |n| digits + n);
        let unit = match &rest[digits..unit_end] {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        total = total.saturating_add(seconds(&rest[..digits], unit)?);
        rest = &rest[unit_end..];
    }
    (!text.is_empty()).then_some(total)
}

/// An HTTP date or an RFC 3339 one; a past date is no wait.
fn until_date(text: &str, now: SystemTime) -> Option<Duration> {
    let http = httpdate::parse_http_date(text.trim()).ok();
    let at = http.or_else(|| {
        text.trim()
            .parse::<jiff::Timestamp>()
            .ok()
            .map(SystemTime::from)
    })?;
    Some(at.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::{HeaderName, HeaderValue};

    const NOW_SECS: u64 = 1_800_000_000;

    fn wait(pairs: &[(&'static str, &str)]) -> Option<f64> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(
                HeaderName::from_static(name),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW_SECS);
        asked_wait(&headers, now).map(|wait| wait.as_secs_f64())
    }

    #[test]
    fn delays_double_up_to_the_bound_and_spread_evenly() {
        let [first, most] = [0.5, 30.0].map(Duration::from_secs_f64);
        let bounds: Vec<f64> = (1..=9)
            .map(|n| delay(n, 1.0, first, most).as_secs_f64())
            .collect();
        assert_eq!(bounds, [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]);
        assert_eq!(delay(3, 0.25, first, most).as_secs_f64(), 0.5);
        assert_eq!(delay(u32::MAX, 0.0, first, most), Duration::ZERO);
        assert_eq!(delay(0, 1.0, first, most), first);
    }

    #[test]
    fn every_way_to_ask_for_a_wait_is_understood() {
        type Pairs<'a> = &'a [(&'static str, &'a str)];
        let table: &[(Pairs, Option<f64>)] = &[
            (&[], None),
            (&[("retry-after", "7")], Some(7.0)),
            (&[("retry-after", "1.5")], Some(1.5)),
            (
                &[("retry-after", "Fri, 15 Jan 2027 08:00:30 GMT")],
                Some(30.0),
            ),
            (
                &[("retry-after", "Fri, 15 Jan 2021 08:00:30 GMT")],
                Some(0.0),
            ),
            (&[("retry-after", "soon")], None),
            (&[("retry-after", "-1")], None),
            (&[("retry-after", "NaN")], None),
            (
                &[("retry-after", "1e300")],
                Some(Duration::MAX.as_secs_f64()),
            ),
            (
                &[("retry-after-ms", "250"), ("retry-after", "9")],
                Some(0.25),
            ),
            (
                &[
                    ("x-ratelimit-remaining-requests", "0"),
                    ("x-ratelimit-reset-requests", "1m30.5s"),
                ],
                Some(90.5),
            ),
            (
                &[
                    ("x-ratelimit-remaining-requests", "9"),
                    ("x-ratelimit-reset-requests", "1m"),
                ],
                None,
            ),
            (
                &[
                    ("x-ratelimit-remaining-requests", "0"),
                    ("x-ratelimit-reset-requests", "1s"),
                    ("x-ratelimit-remaining-tokens", "0"),
                    ("x-ratelimit-reset-tokens", "20ms"),
                ],
                Some(1.0),
            ),
            (
                &[
                    ("x-ratelimit-remaining", "0"),
                    ("x-ratelimit-reset", "1800000060000"),
                ],
                Some(60.0),
            ),
            (
                &[
                    ("x-ratelimit-remaining", "0"),
                    ("x-ratelimit-reset", "1800000060"),
                ],
                Some(60.0),
            ),
            (
                &[("ratelimit-remaining", "0"), ("ratelimit-reset", "12")],
                Some(12.0),
            ),
            (
                &[
                    ("anthropic-ratelimit-requests-remaining", "0"),
                    ("anthropic-ratelimit-requests-reset", "2027-01-15T08:00:05Z"),
                ],
                Some(5.0),
            ),
        ];
        for (pairs, expected) in table {
            assert_eq!(wait(pairs), *expected, "{pairs:?}");
        }
    }

    #[test]
    fn odd_durations_are_no_durations() {
        for text in ["", "s", "5", "5x", "1.2.3s", "µ", "5µ"] {
            assert_eq!(go_duration(text), None, "{text}");
        }
    }
}
