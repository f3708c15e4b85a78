//! How wide a type is: where the source has `u32`, an answer may speak of 32 bits and of 4 bytes.
//!
//! Owns the types whose names tell their width in bits.

use super::evidence::EvidenceIndex;
use super::words;

/// What stands before and after the bits in the name of a type.
const FORMS: [(&str, &str); 8] = [
    ("u", ""),
    ("i", ""),
    ("f", ""),
    ("uint", "_t"),
    ("int", "_t"),
    ("uint", ""),
    ("int", ""),
    ("float", ""),
];

/// Whether a value is the width of a type that the source names, in bits or in bytes.
pub fn is_width(value: f64, evidence: &EvidenceIndex) -> bool {
    let is_named = |bits: &&f64| {
        let mut names = FORMS
            .iter()
            .map(|(head, tail)| format!("{head}{bits}{tail}"));
        names.any(|name| evidence.has(words::hash(&name)))
    };
    let widths = [8.0, 16.0, 32.0, 64.0, 128.0];
    let mut fitting = widths
        .iter()
        .filter(|bits| value == **bits || value == **bits / 8.0);
    fitting.any(|bits| is_named(&bits))
}

#[cfg(test)]
mod tests {
    use super::super::evidence::Evidence;
    use super::*;

    #[test]
    fn a_type_tells_its_width_in_bits_and_in_bytes() {
        let evidence = Evidence {
            chunk: "type Word = u32;\nuint64_t mask;\n",
            ..Evidence::default()
        };
        let index = EvidenceIndex::new(&evidence, Default::default());
        for width in [32.0, 4.0, 64.0, 8.0] {
            assert!(is_width(width, &index), "{width}");
        }
        for other in [2.0, 16.0, 128.0, 33.0] {
            assert!(!is_width(other, &index), "{other}");
        }
    }
}
