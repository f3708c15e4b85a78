//! Whether the value of a name that says "secret" is one, or stands for one. Where it stands is found by [`super::literal`].

use super::entropy;
use super::literal::Form;

/// Shortest values, in characters, and the longest that people choose.
const PASSWORD_CHARS_MIN: usize = 8;
const KEY_CHARS_MIN: usize = 20;
const CHOSEN_CHARS_MAX: usize = 40;
/// Values with all kinds of marks are told by them from this length on: secret keys and salts of web frameworks.
const MARKED_CHARS_MIN: usize = 32;
const MARKS_MIN: usize = 5;

/// What a name announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// What people choose.
    Password,
    /// What machines make: tokens, secrets, keys of services.
    Secret,
    /// Keys and salts of any use.
    Key,
    /// Words that a wallet is made from.
    Seed,
}

/// Words in passwords of tests and documentation, and in what is about passwords: labels, fields, messages.
const WEAK: &[&str] = &[
    "pass", "secret", "test", "user", "admin", "foo", "bar", "abc", "demo", "login", "token",
    "hunter2", "qwerty", "12345", "field", "input", "label", "form", "auth", "key", "hash", "sha",
    "utf", "base64", "aes", "hidden", "text", "valid", "wrong", "step", "old", "new",
];

/// What is in patterns, escapes and addresses, and hardly in random characters.
const NO_SALT: &[&str] = &[
    "://", "a-z", "A-Z", "0-9", "(?", "\\x", "\\u", "%2", "...", "&&", "||", "==", "</",
];

/// Whether `value`, given to a name of that sort, is a secret.
pub(super) fn is_secret(value: &str, sort: Sort, form: Form) -> bool {
    if sort == Sort::Seed {
        return is_seed_phrase(value);
    }
    if form != Form::Loose && is_marked(value) {
        return true;
    }
    if !value.bytes().all(|byte| byte.is_ascii_graphic())
        || entropy::is_placeholder(value)
        || is_reference(value)
    {
        return false;
    }
    let chars = value.len();
    match sort {
        Sort::Password => {
            chars >= PASSWORD_CHARS_MIN
                && (is_made(value, form)
                    || form != Form::Loose && is_strong(value)
                    || form == Form::Direct && is_chosen(value))
        }
        Sort::Secret => {
            chars >= PASSWORD_CHARS_MIN
                && (is_made(value, form) || form != Form::Loose && is_uuid(value))
        }
        Sort::Key => chars >= KEY_CHARS_MIN && is_made(value, form) && !is_uuid(value),
        Sort::Seed => false,
    }
}

fn is_made(value: &str, form: Form) -> bool {
    let is_short = value.len() < KEY_CHARS_MIN;
    if is_short && is_weak(value) || is_joined(value, form) || is_file(value) {
        return false;
    }
    value.len() >= 16 && entropy::is_random(value) || entropy::is_odd(value)
}

/// Whether short words are joined to a name. Where values need no quotes, names of variables stand as well.
fn is_joined(value: &str, form: Form) -> bool {
    let chars_min = match form {
        Form::Direct | Form::Bare => 6,
        Form::Loose | Form::Spaced => 9,
    };
    if form == Form::Spaced
        && ["Key", "Token", "Secret"]
            .iter()
            .any(|word| value.contains(word))
    {
        return true;
    }
    let parts = value.split(['-', '_', '.', '/', ':']).count();
    parts > 1 && value.len() < parts * chars_min
}

fn is_file(value: &str) -> bool {
    let is_suffix = |suffix: &str| {
        (1..=4).contains(&suffix.len())
            && suffix
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    value
        .rsplit_once('.')
        .is_some_and(|(_, suffix)| is_suffix(suffix))
}

fn is_weak(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    WEAK.iter().any(|word| lower.contains(word))
}

/// Paths, URLs, calls and lookups name where a secret is; they are none.
fn is_reference(value: &str) -> bool {
    value.contains("://")
        || value.starts_with(['/', '.', '$', '@', '%', '#'])
        || value.contains(['(', '{', '<', '[', '\\'])
        || value.ends_with('/')
        || value.contains("::")
}

/// A password as rules demand it: lower and upper case, digit and mark.
fn is_strong(value: &str) -> bool {
    let has = |test: fn(char) -> bool| value.contains(test);
    has(|c| c.is_ascii_lowercase())
        && has(|c| c.is_ascii_uppercase())
        && has(|c| c.is_ascii_digit())
        && has(|c| c.is_ascii_punctuation())
}

/// A password that a person chose: letters with digits or marks among them, and no word that stands for any password. Rules for passwords
/// (`required|min:8`) are none.
fn is_chosen(value: &str) -> bool {
    let has = |test: fn(char) -> bool| value.contains(test);
    let is_mixed = || {
        let inner = value.trim_end_matches(|c: char| c.is_ascii_punctuation());
        has(|c| c.is_ascii_digit()) || inner.contains(['!', '@', '#', '$', '%', '^', '&', '*', '+'])
    };
    value.len() <= CHOSEN_CHARS_MAX
        && has(|c| c.is_ascii_alphabetic())
        && is_mixed()
        && !value.contains(['|', ':', ',', ';', '/'])
        && !is_weak(value)
}

/// Letters, digits and many marks in no order: no text and no code has so many changes.
fn is_marked(value: &str) -> bool {
    let bytes = value.as_bytes();
    let mut marks: Vec<u8> = bytes
        .iter()
        .copied()
        .filter(u8::is_ascii_punctuation)
        .collect();
    marks.sort_unstable();
    marks.dedup();
    (MARKED_CHARS_MIN..=128).contains(&bytes.len())
        && bytes.iter().filter(|&&byte| byte == b' ').count() * 16 <= bytes.len()
        && marks.len() >= MARKS_MIN
        && !NO_SALT.iter().any(|code| value.contains(code))
        && !value.starts_with(['$', '%'])
        && bytes.iter().filter(|byte| byte.is_ascii_digit()).count() >= 2
        && entropy::changes_of_class(bytes) * 5 >= bytes.len() * 2
        && entropy::bits_per_byte(bytes) >= 4.0
}

fn is_uuid(value: &str) -> bool {
    let parts: Vec<&str> = value.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    let is_hex = |part: &&str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    lengths == [8, 4, 4, 4, 12]
        && parts.iter().all(is_hex)
        && entropy::bits_per_byte(value.as_bytes()) >= 3.0
}

/// Twelve to 24 words of a wallet, unless they are mostly the same one, as in examples.
fn is_seed_phrase(value: &str) -> bool {
    let mut words: Vec<&str> = value.split(' ').collect();
    let is_word = |word: &&str| {
        (3..=8).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_lowercase())
    };
    let is_phrase = matches!(words.len(), 12 | 15 | 18 | 21 | 24) && words.iter().all(is_word);
    words.sort_unstable();
    words.dedup();
    is_phrase && words.len() >= 6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chosen_passwords_are_told_from_words_rules_and_examples() {
        for value in [
            "Winter2024!",
            "Tr0ub4dor&3",
            "correcthorse7",
            "kX9!vbq2",
            "zaq1@WSX",
            "gr8Wordpl_ay",
            "k!ttenfish",
            "xyqdknaqajnlghoq",
            "DQL05HA064Gi",
        ] {
            assert!(is_secret(value, Sort::Password, Form::Direct), "{value}");
        }
        for value in [
            "swordfish",
            "letmein",
            "hunter2",
            "changeme123",
            "password1",
            "test1234",
            "required|min:8",
            "/run/secrets/db1",
            "Forgotten?",
            "${DB_PASSWORD_2}",
            "%(password2)s",
            "at least 8 characters",
            "new-password-2",
            "form-control-lg2",
        ] {
            assert!(!is_secret(value, Sort::Password, Form::Direct), "{value}");
        }
    }

    #[test]
    fn keys_of_any_kind_are_told_from_names() {
        let marked = "q7!m&2w)zt(4x*k9=vb#s-e3+r^p8@u_c5%jy(6n&h1d";
        for value in [
            "b0ogET9D9XyYq6B0Fi7FlaZ7Vt0SXjMp",
            "5RpVI2XQWhX1ssrKrxqVqmCplppjs46LmuezqpGHoPZ=",
            "0x543f23997de8dc02ceda5066f2a4037114f805640ad594b4543f23997de8dc02",
            marked,
        ] {
            assert!(is_secret(value, Sort::Key, Form::Direct), "{value}");
        }
        for value in [
            "created_at_2024_01_01_descending",
            "DVTSourceControlWorkspaceKey",
            "b0ogET9D9XyYq6B",
            "123e4567-e89b-12d3-a456-426614174000",
            "fk_orders_2_customers_id_1",
            "src/test/resources/ec256-key-private.pem",
            "^(?:[a-z]{2,8})-[0-9]+$ & #1 @x!",
        ] {
            assert!(!is_secret(value, Sort::Key, Form::Direct), "{value}");
        }
    }

    #[test]
    fn seed_phrases_are_many_different_short_words() {
        let words =
            "orbit lemon cactus violin anchor pepper marble tunnel glacier basket meadow saddle";
        assert!(is_secret(words, Sort::Seed, Form::Direct));
        for text in [
            "word ".repeat(12).trim(),
            "twelve words that the wallet shows once",
            "The phrase must have a number of words that is one of those",
        ] {
            assert!(!is_secret(text, Sort::Seed, Form::Direct), "{text}");
        }
    }
}
