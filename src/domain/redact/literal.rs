//! Where the value stands that is given to a name: the literal behind types, wrappers and signs, or the bare word behind a sign.
//!
//! Whether that value is a secret is [`super::value`]'s matter.

use std::ops::Range;

/// How far a literal may stand from its name on the same line, in bytes: types, calls and signs lie between.
const GAP_BYTES_MAX: usize = 64;
/// No value is longer; session tokens of clouds have about 1,000 characters.
const QUOTED_BYTES_MAX: usize = 2048;
const BARE_BYTES_MAX: usize = 512;
const BARE_BYTES_MIN: usize = 8;
/// Running text puts names between backticks as well; few are this long.
const SPAN_BYTES_MIN: usize = 20;
/// How far below `variable "name" {` its default may stand.
const BLOCK_BYTES_MAX: usize = 300;

/// How a value is bound to its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A literal right after a sign, a type or an opening bracket.
    Direct,
    /// A literal behind calls or other words.
    Loose,
    /// No quotes, right after `=`, as in shells and URLs.
    Bare,
    /// No quotes, after a sign and a space, as in settings files and headers; or after a space alone, as after a flag.
    Spaced,
}

/// The place of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub span: Range<usize>,
    pub form: Form,
}

/// The value of the name that stands at `name`.
pub(super) fn of(text: &[u8], name: Range<usize>) -> Option<Place> {
    if let Some(default) = block_default(text, &name) {
        return literal(text, default, false);
    }
    bare(text, &name).or_else(|| literal(text, name.end, true))
}

/// Where `default` ends in the block of `variable "name" {`.
fn block_default(text: &[u8], name: &Range<usize>) -> Option<usize> {
    if !text[..name.start].ends_with(b"variable \"") {
        return None;
    }
    let block = &text[name.end..text.len().min(name.end + BLOCK_BYTES_MAX)];
    let block = &block[..memchr::memchr(b'}', block).unwrap_or(block.len())];
    let word = b"default";
    memchr::memmem::find(block, word).map(|at| name.end + at + word.len())
}

/// The first literal behind a gap that holds nothing but types, wrappers and signs.
fn literal(text: &[u8], name_end: usize, may_close: bool) -> Option<Place> {
    let closed = if may_close {
        skip(text, name_end, b"\\\"'`])")
    } else {
        name_end
    };
    let quote = gap_end(text, closed)?;
    let gap = &text[closed..quote];
    let is_escaped = text[quote - 1] == b'\\';
    let form = match closed > name_end {
        is_closed if is_direct(gap, is_closed) => Form::Direct,
        is_closed if is_loose(gap, is_closed) => Form::Loose,
        _ => return None,
    };
    let span = quoted(text, quote, is_escaped)?;
    let is_name = text[quote] == b'`' && is_code_span(&text[name_end..closed], gap, span.len());
    (!is_name).then_some(Place { span, form })
}

/// Whether what stands between backticks, so many bytes, is a name in running text and no string: two such names beside each other, or one
/// that is short and that no sign gives to the name.
fn is_code_span(closing: &[u8], gap: &[u8], bytes: usize) -> bool {
    let has_sign = gap.iter().any(|byte| b"=:(".contains(byte));
    match (closing.contains(&b'`'), has_sign) {
        (true, false) => true,
        (false, true) => false,
        _ => bytes < SPAN_BYTES_MIN,
    }
}

/// Where the quote of the literal stands.
fn gap_end(text: &[u8], start: usize) -> Option<usize> {
    let end = text.len().min(start + GAP_BYTES_MAX);
    let mut at = start;
    while at < end {
        match text[at] {
            b'\'' if at > start && is_lifetime(text, at) => {}
            b'"' | b'\'' | b'`' => return Some(at),
            b'{' => at = accessors_end(text, at)?,
            byte if byte.is_ascii_alphanumeric() || b" \t_:=><&[](*?|,.@!~-\\".contains(&byte) => {}
            _ => return None,
        }
        at += 1;
    }
    None
}

/// Whether the quote at `at` begins `'static` in `&'static str`.
fn is_lifetime(text: &[u8], at: usize) -> bool {
    b"&<".contains(&text[at - 1]) && text.get(at + 1).is_some_and(u8::is_ascii_alphabetic)
}

/// The closing bracket of `{ get; set; }`.
fn accessors_end(text: &[u8], open: usize) -> Option<usize> {
    let is_word = |byte: &&u8| byte.is_ascii_lowercase() || b"; ".contains(byte);
    let end = open + 1 + text[open + 1..].iter().take(30).take_while(is_word).count();
    let is_block = text.get(end) == Some(&b'}') && text[open..end].contains(&b';');
    is_block.then_some(end)
}

/// Whether nothing but a type, a sign or one bracket lies between a name and its literal.
fn is_direct(gap: &[u8], is_closed: bool) -> bool {
    let has = |bytes: &[u8]| gap.iter().any(|byte| bytes.contains(byte));
    match gap.trim_ascii() {
        [] | b"(" | b"=" | b":" | b"=>" | b":=" => true,
        b"," => is_closed,
        // An attribute after the name, or prose.
        [first, .., last]
            if first.is_ascii_alphabetic() && (gap.ends_with(b"=") || *last != b'=') =>
        {
            false
        }
        _ => has(b":=") && !has(b"(,.!~-"),
    }
}

/// Whether what lies between a name and its literal may be calls and signs, and is neither prose nor another argument.
fn is_loose(gap: &[u8], is_closed: bool) -> bool {
    let has = |bytes: &[u8]| gap.iter().any(|byte| bytes.contains(byte));
    let holds = |word: &[u8]| memchr::memmem::find(gap, word).is_some();
    let is_named = match has(b",") {
        true => has(b"="),
        false => gap.ends_with(b"=") && gap.trim_ascii_start()[0].is_ascii_alphabetic(),
    };
    let words = gap
        .split(|&byte| byte == b' ')
        .filter(|word| !word.is_empty());
    (is_closed || !has(b","))
        && (!is_named || holds(b"default") || holds(b"value"))
        && (has(b"=:([,|?") || words.count() < 2)
}

/// What stands between the quote at `open` and its fellow on the same line. A literal in a literal is looked into.
fn quoted(text: &[u8], open: usize, is_escaped: bool) -> Option<Range<usize>> {
    let quote = text[open];
    let mut start = open + 1;
    let is_nested = text[start..].starts_with(b"\\\"");
    start += if is_nested { 2 } else { 0 };
    let limit = text.len().min(start + QUOTED_BYTES_MAX);
    let mut at = start;
    loop {
        at += memchr::memchr3(quote, b'\\', b'\n', &text[at..limit])?;
        match text[at] {
            b'\n' => return None,
            b'\\' if is_escaped || is_nested => return Some(start..at),
            b'\\' => at = limit.min(at + 2),
            _ => return Some(start..at),
        }
    }
}

/// A value without quotes.
fn bare(text: &[u8], name: &Range<usize>) -> Option<Place> {
    let spaces = skip(text, name.end, b" \t");
    let sign = skip(text, spaces, b":=?+-|");
    let start = skip(text, sign, b" \t");
    let form = match &text[spaces..sign] {
        b"=" if spaces == name.end && start == sign => Form::Bare,
        b":-" if start == sign => Form::Bare,
        b"=" | b":" | b":=" | b"?=" | b"+=" if start > sign || text[sign - 1] == b'=' => {
            Form::Spaced
        }
        b"" if spaces > name.end && is_flag(text, name) => Form::Spaced,
        _ => return None,
    };
    let is_value = |byte: &&u8| {
        byte.is_ascii_alphanumeric()
            || b"_-+/=.~".contains(byte)
            || form == Form::Bare && b"!@#%^*$".contains(byte)
    };
    let value = text[start..].iter().take(BARE_BYTES_MAX);
    let end = start + value.take_while(is_value).count();
    let is_whole = match (form, text.get(end)) {
        (_, None) => true,
        (Form::Bare, Some(byte)) => byte.is_ascii_whitespace() || b";&\"'`}\\,)<|".contains(byte),
        (_, Some(b'\n' | b'\r' | b'"' | b'\'' | b'`')) => true,
        (_, Some(b' ')) => sign == spaces || text[end..].trim_ascii_start().starts_with(b"#"),
        _ => false,
    };
    (is_whole && end - start >= BARE_BYTES_MIN).then_some(Place {
        span: start..end,
        form,
    })
}

/// Whether a name is followed by its value without a sign: `--password VALUE`, `ENV NAME VALUE`, `"Token VALUE"`, `login me password VALUE`.
fn is_flag(text: &[u8], name: &Range<usize>) -> bool {
    let before = &text[name.start.saturating_sub(GAP_BYTES_MAX)..name.start];
    let line = before
        .rsplit(|&byte| byte == b'\n')
        .next()
        .unwrap_or(before);
    let is_machine = memchr::memmem::find(line, b"login ").is_some();
    let is_scheme = text[name.clone()].eq_ignore_ascii_case(b"token")
        && [b"\"".as_slice(), b"'", b": "]
            .iter()
            .any(|end| line.ends_with(end));
    line.ends_with(b"--") || line == b"ENV " || is_scheme || is_machine
}

fn skip(text: &[u8], at: usize, accepted: &[u8]) -> usize {
    let run = text[at..].iter().take(GAP_BYTES_MAX);
    at + run.take_while(|byte| accepted.contains(byte)).count()
}
