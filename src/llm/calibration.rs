//! How many bytes make a token, and whether the server read the whole prompt.
//!
//! Owns the average over past prompts of one model and the test for silent truncation: some servers cut a prompt that is too long and
//! answer what is left. Their own count of prompt tokens gives them away.

use super::completion::Usage;

/// Assumed before anything was seen: between source code (about 3) and English prose (above 4).
pub const BYTES_PER_TOKEN_ASSUMED: f32 = 3.5;

/// Prompts below this tell little: the chat template weighs as much as the text.
const PROMPT_BYTES_MIN: usize = 2048;
/// The average follows the last prompts, about this many.
const PROMPTS_REMEMBERED: u32 = 64;
/// Prompts seen before the average is trusted.
const PROMPTS_TRUSTED: u32 = 8;
/// More bytes to a token than this: no text of more than a few kilobytes is so dense with any tokenizer in use.
const BYTES_PER_TOKEN_MOST: f32 = 12.0;
/// More than this many times the trusted average.
const TIMES_AVERAGE_MOST: f32 = 2.5;

/// The average of one model.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Calibration {
    pub bytes_per_token: Option<f32>,
    pub prompts_seen: u32,
}

impl Calibration {
    /// An estimate of the tokens in `bytes` of text.
    pub fn tokens(&self, bytes: usize) -> f64 {
        bytes as f64 / f64::from(self.bytes_per_token.unwrap_or(BYTES_PER_TOKEN_ASSUMED))
    }

    /// Takes note of a prompt. `false` when the server counted far too few tokens for it; such a prompt does not count.
    pub fn whole_prompt(&mut self, prompt_bytes: usize, usage: Usage) -> bool {
        let Some(tokens) = tokens_read(usage).filter(|_| prompt_bytes >= PROMPT_BYTES_MIN) else {
            return true;
        };
        let density = prompt_bytes as f32 / tokens as f32;
        if density > self.density_most() {
            return false;
        }
        self.prompts_seen = (self.prompts_seen + 1).min(PROMPTS_REMEMBERED);
        let average = self.bytes_per_token.unwrap_or(density);
        self.bytes_per_token = Some(average + (density - average) / self.prompts_seen as f32);
        true
    }

    fn density_most(&self) -> f32 {
        let trusted = self
            .bytes_per_token
            .filter(|_| self.prompts_seen >= PROMPTS_TRUSTED);
        trusted.map_or(BYTES_PER_TOKEN_MOST, |average| {
            (average * TIMES_AVERAGE_MOST).min(BYTES_PER_TOKEN_MOST)
        })
    }
}

/// Prompt tokens, cached ones included; some servers leave those out of the total.
fn tokens_read(usage: Usage) -> Option<u64> {
    let (prompt, cached) = (usage.prompt?, usage.cached.unwrap_or(0));
    let tokens = if cached > prompt {
        prompt + cached
    } else {
        prompt
    };
    (tokens > 0).then_some(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(prompt: u64, cached: u64) -> Usage {
        Usage {
            prompt: Some(prompt),
            cached: Some(cached),
            ..Usage::default()
        }
    }

    #[test]
    fn a_cut_prompt_is_seen_and_does_not_spoil_the_average() {
        let mut calibration = Calibration::default();
        assert!(!calibration.whole_prompt(24_000, usage(1000, 0)));
        for _ in 0..PROMPTS_TRUSTED {
            assert!(calibration.whole_prompt(24_000, usage(8000, 0)));
        }
        assert!(!calibration.whole_prompt(24_000, usage(2048, 0)));
        assert_eq!(calibration.bytes_per_token, Some(3.0));
        assert_eq!(calibration.tokens(300), 100.0);
    }

    #[test]
    fn what_says_nothing_is_believed() {
        let mut calibration = Calibration::default();
        assert!(calibration.whole_prompt(24_000, Usage::default()));
        assert!(calibration.whole_prompt(24_000, usage(0, 0)));
        assert!(calibration.whole_prompt(100, usage(1, 0)));
        assert!(calibration.whole_prompt(24_000, usage(500, 6000)));
        assert_eq!(calibration.prompts_seen, 1);
    }
}
