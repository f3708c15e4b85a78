//! Numbers that belong to the name of a standard: `UTF-8`, `SHA-256`, RFC 7231.
//!
//! Owns how such a name is told by its form, and for a few which numbers there are.

use super::words::Token;

/// Whether a number belongs to the name of a standard or of a version of it: `UTF-8`, `SHA-256`, RFC 7231, YAML 1.2, Python 3.8.
pub fn is_of_standard(tokens: &[Token<'_>], at: usize) -> bool {
    let before = |back: usize| at.checked_sub(back).map(|i| &tokens[i]);
    let is_version = tokens[at].text.contains('.');
    let names = |t: &Token<'_>| {
        let capitals = t.text.chars().filter(|c| c.is_uppercase()).count();
        t.text.chars().all(char::is_alphabetic)
            && (capitals > 1 && capitals == t.text.chars().count() || is_version && capitals > 0)
    };
    let joined = |one: &Token<'_>, other: &Token<'_>| one.end() == other.start;
    match (before(2), before(1)) {
        (Some(name), Some(mark)) if matches!(mark.text, "-" | "/") => {
            let is_letter = tokens[at].text.len() > 2
                && name.text.len() == 1
                && name.text.bytes().all(|b| b.is_ascii_uppercase());
            (names(name) || is_letter) && joined(name, mark) && joined(mark, &tokens[at])
        }
        (_, Some(name)) => names(name),
        _ => false,
    }
}

/// Whether a number makes a standard that there is not: `UTF-10`, `SHA-257`, `HTTP/4`. Only for tokens that [`is_of_standard`] holds of.
pub fn is_of_no_standard(tokens: &[Token<'_>], at: usize) -> bool {
    let name = at.checked_sub(2).map_or("", |i| tokens[i].text);
    let versions: &[&str] = match name {
        "UTF" => &["1", "7", "8", "16", "32"],
        "SHA" => &["0", "1", "2", "3", "128", "224", "256", "384", "512"],
        "HTTP" => &["0.9", "1", "1.0", "1.1", "1.x", "2", "2.0", "3"],
        _ => return false,
    };
    let is_joined = matches!(tokens[at - 1].text, "-" | "/");
    is_joined && !versions.contains(&tokens[at].text)
}

#[cfg(test)]
mod tests {
    use super::super::words::{self, Kind};
    use super::*;

    #[test]
    fn standards_are_told_from_others() {
        let no_standard = |text: &str| {
            let tokens = words::tokens(text);
            let at = tokens.iter().position(|t| t.kind == Kind::Number).unwrap();
            assert!(is_of_standard(&tokens, at), "{text}");
            is_of_no_standard(&tokens, at)
        };
        for standard in [
            "UTF-8", "SHA-256", "HTTP/1.1", "RFC 7231", "P-256", "AES-999",
        ] {
            assert!(!no_standard(standard), "{standard}");
        }
        for other in ["UTF-10", "SHA-257", "HTTP/9"] {
            assert!(no_standard(other), "{other}");
        }
    }

    #[test]
    fn names_of_standards_are_told_by_their_form() {
        let tokens = words::tokens("UTF-8 in x-8 of a 200-byte A-1 on P-256");
        let standards: Vec<usize> = (0..tokens.len())
            .filter(|&i| tokens[i].kind == Kind::Number && is_of_standard(&tokens, i))
            .collect();
        assert_eq!(standards, [2, 18]);
    }
}
