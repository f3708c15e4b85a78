//! The other side of a bound: where the source says `size < 24`, an answer may say "up to 23", and for `depth > 7` "from 8 on".
//!
//! Owns which neighbour of a compared number the comparison makes a bound of.

use super::evidence::EvidenceIndex;
use super::words;
use std::sync::LazyLock;

/// Places of a number at which its comparisons are read.
const PLACES_MAX: usize = 32;

/// Whether a whole number is the last that a comparison or a range of the source lets through, or the first that it does not.
pub fn is_bound(value: f64, evidence: &EvidenceIndex) -> bool {
    let is_bound_by = |step: f64| {
        let number = words::hash(&(value - step).to_string());
        let mut places = evidence.places(number).take(PLACES_MAX);
        places.any(|place| step_at(place, evidence) == Some(step))
    };
    value >= 0.0 && value.fract() == 0.0 && (is_bound_by(1.0) || is_bound_by(-1.0))
}

/// From the number at a place to the other side of the bound that it makes: one up or one down. The size of a negative number goes the
/// other way.
fn step_at(place: u32, evidence: &EvidenceIndex) -> Option<f64> {
    const LOOKED_AT: usize = 3;
    let (before, after) = evidence.around(place, LOOKED_AT);
    let is = |token: Option<&u64>, mark: Mark| token == Some(&MARKS[mark as usize]);
    let (is_negative, before) = match before {
        [rest @ .., sign] if *sign == MARKS[Mark::Minus as usize] => (true, rest),
        _ => (false, before),
    };
    let behind = before.last();
    let step = if is(behind, Mark::Below)
        || is(behind, Mark::From)
        || is(after.first(), Mark::Above)
        || is(after.first(), Mark::UpTo)
    {
        -1.0
    } else if is(behind, Mark::Above)
        || is(behind, Mark::UpTo)
        || is(after.first(), Mark::Below)
        || is(after.first(), Mark::From)
    {
        1.0
    } else if ends_range(before) {
        -1.0
    } else {
        return None;
    };
    Some(if is_negative { -step } else { step })
}

/// Whether what ends here is a range without its last number: `0..` or `range(`.
fn ends_range(before: &[u64]) -> bool {
    let [.., one, other] = before else {
        return false;
    };
    let dot = MARKS[Mark::Dot as usize];
    [*one, *other] == [dot; 2]
        || [*one, *other] == [MARKS[Mark::Range as usize], MARKS[Mark::Open as usize]]
}

/// What stands beside a bound.
#[derive(Clone, Copy)]
enum Mark {
    Below,
    UpTo,
    Above,
    From,
    Minus,
    Dot,
    Range,
    Open,
}

/// Hashes of the [`Mark`]s, in their order.
static MARKS: LazyLock<[u64; 8]> =
    LazyLock::new(|| ["<", "<=", ">", ">=", "-", ".", "range", "("].map(words::hash));

#[cfg(test)]
mod tests {
    use super::super::evidence::Evidence;
    use super::*;

    #[test]
    fn a_bound_is_told_from_either_side() {
        let chunk = "if size < 24 and 40 > width: pass\nwhile depth >= 61: pass\nok = -9 < at\n\
                     for i in range(80): pass\nfor j in 0..100 {}\nx = y - 70 < z\nk = 120\nat <= 140\n";
        let evidence = Evidence {
            chunk,
            ..Evidence::default()
        };
        let index = EvidenceIndex::new(&evidence, Default::default());
        for bound in [23.0, 39.0, 60.0, 8.0, 79.0, 99.0, 141.0] {
            assert!(is_bound(bound, &index), "{bound}");
        }
        for other in [
            25.0, 41.0, 62.0, 10.0, 81.0, 101.0, 119.0, 121.0, 139.0, 24.0, 22.0, 0.5,
        ] {
            assert!(!is_bound(other, &index), "{other}");
        }
    }
}
