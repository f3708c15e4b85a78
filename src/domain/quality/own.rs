//! What an answer brings by right and claims of no source: the names its own examples declare and import, what stands for anything in an
//! expression of its own, members of standard libraries.
//!
//! Owns these readings of code. Looks nothing up in the evidence.

use super::vocabulary;
use super::words::{self, HashedSet, Kind, Token};

/// Names that a block declares itself.
pub fn declared_names(code: &str) -> HashedSet {
    let declares = |word: &str| {
        matches!(
            word,
            "def"
                | "fn"
                | "func"
                | "function"
                | "class"
                | "struct"
                | "let"
                | "const"
                | "var"
                | "mut"
                | "local"
        )
    };
    let tokens = words::tokens(code);
    let pairs = tokens.windows(2).filter(|pair| declares(pair[0].text));
    pairs.map(|pair| pair[1].hash).collect()
}

/// Modules that a block imports as a whole, `import requests`: what it takes from these stands elsewhere.
pub fn imported_modules(code: &str) -> HashedSet {
    let imports = code.lines().filter_map(|line| {
        let line = line.trim_start();
        line.strip_prefix("import ")
            .filter(|rest| !rest.contains('{'))
    });
    let names = imports.flat_map(words::each_token);
    names
        .filter(|token| token.kind == Kind::Name)
        .map(|token| token.hash)
        .collect()
}

/// Whether a token is what a backslash makes something else of: the `n` of `\n`, the `u00XX` of `\u00XX`.
pub fn is_escape(code: &str, token: &Token<'_>) -> bool {
    code[..token.start].ends_with('\\')
}

/// Whether a word of an expression may stand for anything, as `item` in `push(item)`: a plain word in lower case, neither called, taken from
/// something, given a value, nor the flag of a command.
pub fn is_placeholder(tokens: &[Token<'_>], at: usize) -> bool {
    let text = |place: Option<usize>| place.and_then(|i| tokens.get(i)).map_or("", |t| t.text);
    let (before, after) = (text(at.checked_sub(1)), text(Some(at + 1)));
    let is_plain = tokens[at].text.bytes().all(|b| b.is_ascii_lowercase());
    let is_claimed = matches!(before, "." | "::" | "->" | "-" | "--" | "@" | "$")
        || matches!(after, "(" | "=" | "." | "::" | "->" | ":" | ":=" | "!");
    let has_marks = tokens.iter().any(|t| t.kind == Kind::Mark);
    is_plain && has_marks && !is_claimed
}

/// Whether a token is a member of a module of a standard library: `context.Canceled`.
pub fn is_standard_member(tokens: &[Token<'_>], at: usize) -> bool {
    let Some([base, joint]) = at.checked_sub(2).and_then(|from| tokens.get(from..at)) else {
        return false;
    };
    matches!(joint.text, "." | "::") && vocabulary::is_module(base.text)
}

/// Whether a word of prose is a short name of a technology or a notion, such as ReDoS, IoT, LoRa, rather than an identifier.
pub fn is_abbreviation(word: &str) -> bool {
    const CHARS_MAX: usize = 5;
    word.len() <= CHARS_MAX
        && word.starts_with(|c: char| c.is_ascii_uppercase())
        && word.bytes().all(|b| b.is_ascii_alphabetic())
}

/// Whether a name says that it is the reader's own: `MyEncoder`, `my_handler`, `yourCallback`.
pub fn is_readers(name: &str) -> bool {
    let rest = |prefix: &str| name.strip_prefix(prefix);
    let capital = |rest: &str| rest.starts_with(|c: char| c.is_ascii_uppercase());
    ["my_", "your_"]
        .iter()
        .any(|prefix| rest(prefix).is_some_and(|rest| !rest.is_empty()))
        || ["My", "my", "Your", "your"]
            .iter()
            .any(|prefix| rest(prefix).is_some_and(capital))
}

/// Whether a name is a letter or two and a number, `x1`, `rc9`: too little to be a claim.
pub fn is_numbered_letter(name: &str) -> bool {
    const LETTERS_MAX: usize = 2;
    let number = name.trim_start_matches(|c: char| c.is_ascii_lowercase());
    let letters = name.len() - number.len();
    (1..=LETTERS_MAX).contains(&letters)
        && !number.is_empty()
        && number.bytes().all(|b| b.is_ascii_digit())
}

/// Whether a name has the form that languages keep for names of their own: `__proto__`, `__missing__`.
pub fn is_reserved(name: &str) -> bool {
    let inner = name.strip_prefix("__").and_then(|n| n.strip_suffix("__"));
    inner.is_some_and(|inner| !inner.is_empty() && inner.bytes().all(|b| b.is_ascii_lowercase()))
}

/// Whether a number is the code point of a character, `U+10FFFF`.
pub fn is_code_point(tokens: &[Token<'_>], at: usize) -> bool {
    let before = at.checked_sub(2).and_then(|from| tokens.get(from..=at));
    before.is_some_and(|run| {
        let joined = run.windows(2).all(|pair| pair[0].end() == pair[1].start);
        joined && run[0].text == "U" && run[1].text == "+"
    })
}

/// Whether code is a row of bytes in hexadecimal: `F0 9F 98 80`.
pub fn is_bytes(code: &str) -> bool {
    let is_byte = |word: &str| word.len() == 2 && word.bytes().all(|b| b.is_ascii_hexdigit());
    code.contains(' ') && code.split(' ').all(is_byte)
}

/// Whether a token of running text is one of a row of bytes in hexadecimal, of which one has a letter and a digit at least: `C0 80`.
pub fn is_in_bytes(tokens: &[Token<'_>], at: usize) -> bool {
    let is_byte = |token: &&Token<'_>| {
        let is_digit = |b: u8| b.is_ascii_digit() || (b'A'..=b'F').contains(&b);
        token.text.len() == 2 && token.text.bytes().all(is_digit)
    };
    let is_mixed = |token: &Token<'_>| {
        token.text.contains(|c: char| c.is_ascii_digit())
            && token.text.contains(|c: char| c.is_ascii_uppercase())
    };
    let before = tokens[..at].iter().rev().take_while(is_byte).count();
    let from = tokens[at..].iter().take_while(is_byte).count();
    let row = &tokens[at - before..at + from];
    from > 0 && row.len() > 1 && row.iter().any(is_mixed)
}

/// Whether code is a point in time, `06 Nov 1994 08:49:37`: an instance of a format, which no source need have.
pub fn is_timestamp(code: &str) -> bool {
    let is_clock = |word: &str| {
        let parts: Vec<&str> = word.split(':').collect();
        let are_digits = |part: &&str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
        parts.len() == 3 && parts.iter().all(are_digits)
    };
    let words = code.split(|c: char| c.is_whitespace() || matches!(c, 'T' | 'Z' | '+' | ','));
    words.into_iter().any(is_clock)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told<'a>(code: &'a str, is: impl Fn(&[Token<'a>], usize) -> bool) -> Vec<&'a str> {
        let tokens = words::tokens(code);
        let found =
            (0..tokens.len()).filter(|&at| tokens[at].kind == Kind::Name && is(&tokens, at));
        found.map(|at| tokens[at].text).collect()
    }

    #[test]
    fn what_stands_for_anything_is_told_from_what_is_claimed() {
        assert_eq!(
            told("[existing, listener]", is_placeholder),
            ["existing", "listener"]
        );
        assert_eq!(told("; note", is_placeholder), ["note"]);
        for claim in [
            "flush",
            "flush()",
            "a_b.close",
            "limit=3",
            "--force",
            "maxBytes[0]",
        ] {
            assert!(told(claim, is_placeholder).is_empty(), "{claim}");
        }
    }

    #[test]
    fn members_of_standard_modules_and_imports_are_known() {
        assert_eq!(told("context.Canceled", is_standard_member), ["Canceled"]);
        assert!(told("self.Canceled", is_standard_member).is_empty());
        let imported =
            imported_modules("import requests\nfrom a import b\nimport { c } from 'd'\n");
        let is_imported = |name| imported.contains(&words::hash(name));
        assert!(is_imported("requests") && !is_imported("b") && !is_imported("c"));
    }

    #[test]
    fn an_escape_is_no_name() {
        let code = r"\u00XX";
        assert!(
            is_abbreviation("ReDoS") && !is_abbreviation("getId") && !is_abbreviation("MyBuffer")
        );
        assert!(is_numbered_letter("rc9") && !is_numbered_letter("sha1"));
        assert!(!is_numbered_letter("rc") && !is_numbered_letter("a1b"));
        assert!(is_reserved("__proto__") && !is_reserved("__") && !is_reserved("__my_own__"));
        let tokens = words::tokens("up to U+10FFFF, U + 2");
        let points = (0..tokens.len()).filter(|&at| is_code_point(&tokens, at));
        assert_eq!(
            points.map(|at| tokens[at].text).collect::<Vec<_>>(),
            ["10FFFF"]
        );
        assert!(is_bytes("F0 9F 98") && !is_bytes("F0") && !is_bytes("if x0"));
        let text = "the overlong form C0 80 passes, 10 of 12 do, ED A0 80 too; 80 20 AB";
        let tokens = words::tokens(text);
        let bytes = (0..tokens.len()).filter(|&at| is_in_bytes(&tokens, at));
        assert_eq!(
            bytes.map(|at| tokens[at].text).collect::<Vec<_>>(),
            ["C0", "80", "ED", "A0", "80"]
        );
        for (code, is) in [
            ("Sun, 06 Nov 1994 08:49:37 GMT", true),
            ("2024-03-01T10:00:00Z", true),
            ("a[1:2:3]", false),
            ("10:20", false),
        ] {
            assert_eq!(is_timestamp(code), is, "{code}");
        }
        assert!(is_escape(code, &words::tokens(code)[1]));
    }
}
