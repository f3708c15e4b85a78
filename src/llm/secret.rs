//! The API key, which must never be seen.
//!
//! Owns the value and the one place where it is blotted out of foreign text. It must not implement `Display` or
//! `Serialize`; the key itself is handed to the header builder alone.

use std::borrow::Cow;
use std::fmt;

/// What stands in a text where the key stood.
const BLOT: &str = "[key]";

/// Keys shorter than this are placeholders for servers that want none ("x", "none"); blotting them out would garble ordinary text.
const BLOTTED_BYTES_MIN: usize = 8;

/// An API key that shows itself nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a key; surrounding white space, such as the newline of a key file, is dropped. `None` when nothing is left.
    pub fn new(key: &str) -> Option<Self> {
        let key = key.trim();
        (!key.is_empty()).then(|| Secret(key.to_owned()))
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }

    /// Whether `text` holds the key.
    pub fn is_in(&self, text: &str) -> bool {
        self.0.len() >= BLOTTED_BYTES_MIN && text.contains(&self.0)
    }

    /// `text` with every appearance of the key blotted out.
    pub fn blot<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if !self.is_in(text) {
            return Cow::Borrowed(text);
        }
        Cow::Owned(text.replace(&self.0, BLOT))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_trimmed_hidden_and_blotted_out() {
        let key = Secret::new(" sk-0123456789\n").unwrap();
        assert_eq!(key.expose(), "sk-0123456789");
        assert_eq!(format!("{key:?}"), "Secret(..)");
        assert_eq!(key.blot("bad key sk-0123456789!"), "bad key [key]!");
        assert_eq!(key.blot("fine"), "fine");
    }

    #[test]
    fn placeholder_keys_do_not_garble_text() {
        assert_eq!(Secret::new("x").unwrap().blot("example"), "example");
        assert!(Secret::new(" \n").is_none());
    }
}
