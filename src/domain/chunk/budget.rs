//! How many bytes of source fit into a number of tokens, learnt from what servers report.

/// Bytes of text to one token of a model.
///
/// Assumed to be 3, below the 3.3 to 4.5 that common tokenizers reach on code, until the usage that a server reports tells better.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BytesPerToken(f64);

/// Densest and sparsest ratio believed: one byte a token is the floor of byte-level tokenizers.
const BOUNDS: (f64, f64) = (1.0, 6.0);

impl Default for BytesPerToken {
    fn default() -> Self {
        BytesPerToken(3.0)
    }
}

impl BytesPerToken {
    /// A ratio that was measured; one that cannot be true, or none, leaves the assumption.
    pub fn measured(ratio: Option<f32>) -> Self {
        let believed = ratio
            .map(f64::from)
            .filter(|ratio| (BOUNDS.0..=BOUNDS.1).contains(ratio));
        believed.map_or_else(Self::default, BytesPerToken)
    }

    /// Tokens that `bytes` of source will cost, rounded up.
    pub fn tokens(self, bytes: usize) -> u64 {
        (bytes as f64 / self.0).ceil() as u64
    }

    /// Bytes of source that fit into `tokens`.
    pub fn bytes(self, tokens: u64) -> usize {
        (tokens as f64 * self.0) as usize
    }
}

/// Largest chunk, in bytes, for a model window of `context_tokens` of which `reserved_tokens` go to fixed texts, context and
/// completion. A tenth stays free, because the ratio is a mean and single chunks are denser. Never below 256 bytes: smaller
/// pieces teach nothing, and a server that cannot take them says so.
pub fn chunk_bytes_max(context_tokens: u64, reserved_tokens: u64, ratio: BytesPerToken) -> usize {
    let free_tokens = context_tokens.saturating_sub(reserved_tokens);
    ratio.bytes(free_tokens - free_tokens / 10).max(256)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_that_cannot_be_true_are_not_believed() {
        for ratio in [
            None,
            Some(0.0),
            Some(-1.0),
            Some(0.2),
            Some(40.0),
            Some(f32::NAN),
        ] {
            assert_eq!(
                BytesPerToken::measured(ratio),
                BytesPerToken::default(),
                "{ratio:?}"
            );
        }
        assert_eq!(BytesPerToken::measured(Some(4.0)).bytes(10), 40);
    }

    #[test]
    fn budgets_shrink_to_a_floor_and_never_overflow() {
        let ratio = BytesPerToken::default();
        assert_eq!(chunk_bytes_max(8192, 2192, ratio), 16_200);
        assert_eq!(chunk_bytes_max(100, 2192, ratio), 256);
        assert!(chunk_bytes_max(u64::MAX, 0, ratio) > 1 << 40);
        assert_eq!(ratio.tokens(10), 4);
    }
}
