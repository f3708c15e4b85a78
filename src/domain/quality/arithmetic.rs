//! Numbers that follow from others: an answer may count and compute.
//!
//! Owns which results are taken for computed. Small numbers follow from nearly anything, so they are not.

/// A smaller whole result follows from nearly any two numbers.
const RESULT_MIN: f64 = 10.0;

/// A number as an answer writes it.
#[derive(Debug, Clone, Copy)]
pub struct Written {
    /// Its value.
    pub value: f64,
    /// How many decimals are written.
    pub decimals: usize,
}

impl Written {
    /// Reads a number token.
    pub fn of(text: &str, value: f64) -> Self {
        let decimals = text.split_once('.').map_or("", |(_, decimals)| decimals);
        Written {
            value,
            decimals: decimals.bytes().take_while(u8::is_ascii_digit).count(),
        }
    }

    /// Whether it has two digits that tell something, so that it does not come out by chance.
    fn tells(self) -> bool {
        self.value >= RESULT_MIN
            || self.decimals > 0 && self.value * 0.1f64.powi(-(self.decimals as i32)) >= RESULT_MIN
    }

    /// Whether a result is written as this number, rounded to its decimals.
    fn rounds(self, result: f64) -> bool {
        let half = 0.5 * 0.1f64.powi(self.decimals as i32);
        self.decimals > 0 && (self.value - result).abs() <= half * 1.001
    }
}
/// Of so many numbers, at most, products of three are tried.
const OPERANDS_MAX: usize = 48;

/// Whether a value is the sum, difference, product, quotient or power of two of the numbers said beside it, or twice the one applied to
/// what the first step gave.
pub fn follows_from_said(number: Written, said: &[f64]) -> bool {
    let is_result = |(result, is_quotient): (f64, bool)| {
        is_same(result, number.value) || is_quotient && number.rounds(result)
    };
    number.tells() && results(said).any(is_result)
}

/// Whether a value is the double or the half of a number said beside it.
pub fn is_double_or_half(value: f64, said: &[f64]) -> bool {
    let is = |other: &f64| is_same(2.0 * other, value) || is_same(other / 2.0, value);
    value >= RESULT_MIN && said.iter().any(is)
}

/// How units of time and of storage convert, and percentages.
const UNIT_FACTORS: [f64; 7] = [7.0, 24.0, 60.0, 100.0, 1000.0, 1024.0, 3600.0];

/// Whether a value is a number said beside it in another unit: 2520 minutes are 42 hours.
pub fn is_converted(value: f64, said: &[f64]) -> bool {
    let converts = |from: &f64| {
        UNIT_FACTORS
            .iter()
            .any(|factor| is_same(from * factor, value) || is_same(from / factor, value))
    };
    value >= RESULT_MIN && said.iter().any(converts)
}

/// How many of the smallest unit of its kind a unit has.
fn unit_size(unit: &str) -> Option<f64> {
    let size = match unit {
        "kB" | "KB" | "KiB" => 1024.0,
        "MB" | "MiB" => 1024.0 * 1024.0,
        "GB" | "GiB" => 1024.0 * 1024.0 * 1024.0,
        "us" | "µs" | "microsecond" | "microseconds" => 1e3,
        "ms" | "millisecond" | "milliseconds" => 1e6,
        "s" | "sec" | "secs" | "second" | "seconds" => 1e9,
        "min" | "mins" | "minute" | "minutes" => 60e9,
        "h" | "hour" | "hours" => 3600e9,
        "day" | "days" => 86_400e9,
        "week" | "weeks" => 604_800e9,
        _ => return None,
    };
    Some(size)
}

/// Whether so many of a unit are a number of the source in a smaller unit, or a share of it: 8 KiB are 8192 bytes, 5 minutes are 300 seconds, 25 % are
/// 0.25.
pub fn is_in_unit(value: f64, unit: &str, source: &[f64]) -> bool {
    const SMALLER: [f64; 9] = [
        1.0,
        1e3,
        1e6,
        1e9,
        60e9,
        3600e9,
        86_400e9,
        1024.0,
        1_048_576.0,
    ];
    if matches!(unit, "%" | "percent") {
        return source.iter().any(|n| is_same(n * 100.0, value));
    }
    let Some(size) = unit_size(unit).filter(|_| value > 0.0) else {
        return false;
    };
    let smaller = SMALLER.iter().filter(|other| **other < size);
    let mut counts = smaller.map(|other| value * size / other);
    counts.any(|count| count >= RESULT_MIN && source.iter().any(|n| is_same(*n, count)))
}

/// Whether a percentage is the share that one number said beside it has of another, or what that leaves: 3 of 16 are 18.75 %, the rest 81.25 %.
pub fn is_share(number: Written, unit: &str, said: &[f64]) -> bool {
    let is = |share: f64| is_same(share, number.value) || number.rounds(share);
    let shares = said
        .iter()
        .flat_map(|part| said.iter().map(move |whole| (part, whole)))
        .filter(|(part, whole)| 0.0 < **part && part < whole)
        .map(|(part, whole)| 100.0 * part / whole);
    matches!(unit, "%" | "percent")
        && number.tells()
        && shares
            .into_iter()
            .any(|share| is(share) || is(100.0 - share))
}

/// Whether a value is the sum of all the numbers said beside it.
pub fn is_sum_of(value: f64, said: &[f64]) -> bool {
    value >= RESULT_MIN && said.len() > 2 && is_same(said.iter().sum(), value)
}

/// Whether a large value is a product of two or three numbers of the source: `60 * 60 * 1000`.
pub fn is_product_of(value: f64, source: &[f64]) -> bool {
    const PRODUCT_MIN: f64 = 1000.0;
    let factors: Vec<f64> = source
        .iter()
        .copied()
        .filter(|factor| *factor > 2.0 && *factor < value && value % *factor == 0.0)
        .take(OPERANDS_MAX)
        .collect();
    let product_of_two = |rest: f64| {
        factors
            .iter()
            .any(|f| is_same(rest / f, 1.0) || factors.contains(&(rest / f)))
    };
    value >= PRODUCT_MIN && factors.iter().any(|factor| product_of_two(value / factor))
}

/// Whether a value is a limit of machine numbers, 2^32 or 2^31 - 1, or the like of a width of the source.
pub fn is_limit(value: f64, source: &[f64]) -> bool {
    const LIMIT_MIN: f64 = 32_767.0;
    const WIDTHS: [f64; 7] = [15.0, 16.0, 31.0, 32.0, 53.0, 63.0, 64.0];
    let widths = WIDTHS.iter().chain(source.iter().filter(|n| **n <= 64.0));
    let mut limits = widths.map(|width| 2f64.powf(*width));
    value >= LIMIT_MIN && limits.any(|limit| value == limit || value == limit - 1.0)
}

/// Whether a value is a power of two, or one less, up to the shift that a number of the source or its neighbour makes; for a source that shifts the
/// number one, `1 << step`.
pub fn is_shifted(value: f64, source: &[f64]) -> bool {
    const SHIFT_MAX: f64 = 64.0;
    let longest = source
        .iter()
        .filter(|n| **n < SHIFT_MAX)
        .fold(0.0, |a: f64, b| a.max(*b));
    let is_power = |value: f64| value >= 2.0 && value.log2().fract() == 0.0;
    let fits = |value: f64| is_power(value) && value.log2() <= longest + 1.0;
    fits(value) || value > RESULT_MIN && fits(value + 1.0)
}

/// Whether a value is a large power of ten by a number of the source or a neighbour of one: 1e16 where a count of digits is held against 16.
pub fn is_magnitude(value: f64, source: &[f64]) -> bool {
    const MAGNITUDE_MIN: f64 = 10_000.0;
    let exponent = value.log10();
    let is_power = value >= MAGNITUDE_MIN && is_same(exponent.round(), exponent);
    is_power && source.iter().any(|n| (n - exponent).abs() <= 1.0)
}

/// Whether a value is the other end of a number of the source: the size 64 of the mask 63, or 0xDFFF and 0xE000, which adjoin.
pub fn is_end_of(text: &str, value: f64, source: &[f64]) -> bool {
    let is_size = value >= RESULT_MIN && value.log2().fract() == 0.0;
    let is_hexadecimal = text.starts_with("0x");
    let adjoins = || source.contains(&(value + 1.0)) || source.contains(&(value - 1.0));
    is_size && source.contains(&(value - 1.0)) || is_hexadecimal && adjoins()
}

/// Whether a value is the last of as many as a power of two that is said beside it, counted from zero: bit 31 of 32.
pub fn is_last_of(value: f64, said: &[f64]) -> bool {
    let count = value + 1.0;
    value >= RESULT_MIN && count.log2().fract() == 0.0 && said.contains(&count)
}

/// Whether a value is a larger number slightly changed: a step or two away, doubled, ten times it, or one digit off.
pub fn is_near_miss(value: f64, number: f64) -> bool {
    const NUMBER_MIN: f64 = 20.0;
    const STEPS_MAX: f64 = 10.0;
    if number < NUMBER_MIN || value == number {
        return false;
    }
    (value - number).abs() <= STEPS_MAX
        || is_same(value, 2.0 * number)
        || is_same(value, 10.0 * number)
        || is_one_digit_off(value, number)
}

fn is_one_digit_off(a: f64, b: f64) -> bool {
    const DIGITS_MIN: usize = 3;
    let (a, b) = (a.to_string(), b.to_string());
    let off = a.bytes().zip(b.bytes()).filter(|(a, b)| a != b).count();
    a.len() == b.len() && a.len() >= DIGITS_MIN && off == 1
}

/// What two numbers give, each with whether it is a quotient.
fn results(said: &[f64]) -> impl Iterator<Item = (f64, bool)> + '_ {
    let said = &said[..said.len().min(OPERANDS_MAX)];
    let pairs = said
        .iter()
        .enumerate()
        .flat_map(move |(at, a)| said[at + 1..].iter().map(move |b| (*a, *b)));
    pairs.flat_map(|(a, b)| {
        let [low, high] = if a < b { [a, b] } else { [b, a] };
        [
            (low + high, false),
            (high - low, false),
            (low * high, false),
            (high / low, true),
            (low / high, true),
            (low.powf(high), false),
            (high.powf(low), false),
        ]
    })
}

fn is_same(a: f64, b: f64) -> bool {
    a.is_finite() && b.is_finite() && (a - b).abs() <= 1e-9 * b.abs().max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_known_by_its_part_and_its_whole() {
        let is = |text: &str, unit: &str| {
            is_share(Written::of(text, text.parse().unwrap()), unit, &[16.0, 3.0])
        };
        assert!(is("18.75", "%") && is("81.25", "percent") && is("18.8", "%"));
        assert!(!is("18.75", "bytes") && !is("19.75", "%") && !is("533.3", "%"));
    }

    #[test]
    fn what_is_computed_from_numbers_at_hand_is_told_from_what_is_not() {
        for (value, said, follows) in [
            (5400.0, vec![3600.0, 1800.0], true),
            (9_000_000.0, vec![2.5, 3_600_000.0], true),
            (32.0, vec![2.0, 16.0], true),
            (64.0, vec![2.0, 6.0], true),
            (5401.0, vec![3600.0, 1800.0], false),
            (5.0, vec![2.0, 3.0], false),
            (2.93, vec![3000.0, 1024.0], true),
            (2.94, vec![3000.0, 1024.0], false),
            (0.5625, vec![1.125, 0.5], true),
            (0.5, vec![2.0, 1.0], false),
            (12.0, vec![], false),
            (f64::INFINITY, vec![1e308, 1e308], false),
        ] {
            let number = Written::of(&value.to_string(), value);
            assert_eq!(
                follows_from_said(number, &said),
                follows,
                "{value} {said:?}"
            );
        }
        assert!(is_in_unit(8.0, "KiB", &[8192.0]) && is_in_unit(5.0, "minutes", &[300.0]));
        assert!(is_in_unit(25.0, "%", &[0.25]) && !is_in_unit(26.0, "%", &[0.25]));
        assert!(!is_in_unit(9.0, "KiB", &[8192.0]) && !is_in_unit(5.0, "items", &[300.0]));
        assert!(is_double_or_half(30.0, &[15.0]) && !is_double_or_half(8.0, &[4.0]));
        assert!(is_limit(4_294_967_295.0, &[]) && is_limit(1_048_576.0, &[20.0]));
        assert!(!is_limit(4_294_967_294.0, &[]) && !is_limit(1_048_576.0, &[]));
        assert!(is_magnitude(1e9, &[9.0]) && is_magnitude(1e8, &[9.0]));
        assert!(!is_magnitude(1e6, &[9.0]) && !is_magnitude(2e9, &[9.0]));
        assert!(is_shifted(64.0, &[6.0]) && is_shifted(127.0, &[6.0]) && is_shifted(4.0, &[6.0]));
        assert!(
            !is_shifted(65.0, &[6.0]) && !is_shifted(256.0, &[6.0]) && !is_shifted(7.0, &[6.0])
        );
        assert!(is_converted(42.0, &[2520.0]) && !is_converted(43.0, &[2520.0]));
        assert!(is_sum_of(5415.0, &[3600.0, 1800.0, 15.0]));
        assert!(is_product_of(3_600_000.0, &[1000.0, 60.0, 24.0]));
        assert!(!is_product_of(3_600_007.0, &[1000.0, 60.0, 24.0]));
        assert!(!is_product_of(60.0, &[12.0, 5.0]));
        assert!(is_near_miss(4_630_016.0, 2_630_016.0) && is_near_miss(1024.0, 1025.0));
        assert!(!is_near_miss(4.0, 3.0) && !is_near_miss(500.0, 21.0) && !is_near_miss(64.0, 64.0));
        assert!(
            is_last_of(31.0, &[32.0]) && !is_last_of(31.0, &[31.0]) && !is_last_of(23.0, &[24.0])
        );
        assert!(is_end_of("64", 64.0, &[63.0]) && !is_end_of("63", 63.0, &[62.0, 64.0]));
        assert!(is_end_of("0xDFFF", 57343.0, &[57344.0]));
        assert!(is_end_of("0xE000", 57344.0, &[57343.0]));
    }
}
