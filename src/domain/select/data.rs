//! Texts that are data by what they say: database dumps, word lists, LFS pointers.

use super::reason::{Skip, SkipReason};
use crate::domain::language::Language;

/// Lines read to tell a dump's head.
const HEAD_LINES: usize = 20;
/// From this share of row lines on, in percent, SQL is a dump.
const ROW_PERCENT_MAX: usize = 50;
/// Fewer lines than this are an example, not a dump.
const DUMP_LINES_MIN: usize = 20;
/// Words a line must have to read as a sentence.
const SENTENCE_WORDS_MIN: usize = 4;
/// A pointer file is at most this long: <https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md>.
const LFS_POINTER_BYTES_MAX: usize = 1024;

/// What dump programs write first.
const DUMP_HEADS: &[&str] = &[
    "-- mysql dump",
    "-- mariadb dump",
    "-- postgresql database dump",
    "-- phpmyadmin sql dump",
    "-- dump of table",
    "-- sqlite dump",
    "-- adminer",
    "-- sequel pro sql dump",
    "-- host:",
];

/// Whether the bytes are a Git LFS pointer, whose content lies elsewhere.
pub(super) fn check_lfs_pointer(bytes: &[u8]) -> Result<(), Skip> {
    let is_short = bytes.len() <= LFS_POINTER_BYTES_MAX;
    let heads: [&[u8]; 2] = [
        b"version https://git-lfs.github.com/spec/",
        b"version https://hawser.github.com/spec/",
    ];
    if is_short && heads.iter().any(|head| bytes.starts_with(head)) {
        return Err(Skip::new(SkipReason::LfsPointer));
    }
    Ok(())
}

/// Fails dumps among SQL and lists among plain text.
pub(super) fn check(text: &str, language: Language) -> Result<(), Skip> {
    match language.name() {
        "SQL" | "PLSQL" | "PLpgSQL" | "TSQL" | "SQLPL" => check_sql(text),
        "Text" => check_plain_text(text),
        _ => Ok(()),
    }
}

fn check_sql(text: &str) -> Result<(), Skip> {
    let (mut lines, mut rows, mut is_copying) = (0, 0, false);
    for line in text.lines().filter(|line| !line.trim_start().is_empty()) {
        is_copying = is_copying && line != "\\.";
        lines += 1;
        rows += usize::from(is_copying || is_row(line));
        is_copying |= starts_with_word(line, "copy ") && line.trim_end().ends_with("stdin;");
    }
    let percent = rows * 100 / lines.max(1);
    let says_so = text.lines().take(HEAD_LINES).any(is_dump_head);
    let is_mostly_rows = lines >= DUMP_LINES_MIN && percent > ROW_PERCENT_MAX;
    if says_so || is_mostly_rows {
        return Err(Skip::measured(
            SkipReason::SqlDump,
            percent,
            ROW_PERCENT_MAX,
        ));
    }
    Ok(())
}

fn is_dump_head(line: &str) -> bool {
    DUMP_HEADS.iter().any(|head| starts_with_word(line, head))
}

fn is_row(line: &str) -> bool {
    let line = line.trim_start();
    starts_with_word(line, "insert into ")
        || starts_with_word(line, "replace into ")
        || line.starts_with('(') && line.trim_end().ends_with([',', ';'])
}

fn starts_with_word(line: &str, word: &str) -> bool {
    line.as_bytes()
        .get(..word.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()))
}

/// Plain text worth asking about is sentences; word lists, logs and version pins are not.
fn check_plain_text(text: &str) -> Result<(), Skip> {
    let (mut lines, mut sentences) = (0, 0);
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let words = line.split_whitespace().filter(|word| {
            word.bytes()
                .any(|byte| byte.is_ascii_lowercase() || byte >= 0x80)
        });
        lines += 1;
        sentences += usize::from(words.take(SENTENCE_WORDS_MIN).count() == SENTENCE_WORDS_MIN);
    }
    if sentences * 2 < lines {
        return Err(Skip::new(SkipReason::DataFile));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails(text: &str, language: &str) -> bool {
        check(text, Language::named(language).unwrap()).is_err()
    }

    #[test]
    fn dumps_are_told_from_queries() {
        assert!(fails(
            "-- MySQL dump 10.13  Distrib 8.0\nCREATE TABLE a (b int);\n",
            "SQL"
        ));
        assert!(fails(&"INSERT INTO a VALUES (1, 'x');\n".repeat(30), "SQL"));
        assert!(fails(
            &format!("INSERT INTO a VALUES\n{}", "(1, 'x'),\n".repeat(30)),
            "SQL"
        ));
        assert!(fails(
            &format!("COPY a (b) FROM stdin;\n{}\\.\n", "1\tx\n".repeat(30)),
            "SQL"
        ));
        assert!(!fails(&"SELECT a FROM b WHERE c = 1;\n".repeat(30), "SQL"));
        assert!(!fails("INSERT INTO a VALUES (1);\n", "SQL"));
        assert!(!fails("", "SQL"));
    }

    #[test]
    fn lists_are_told_from_text() {
        assert!(fails(&"requests==2.0\n".repeat(9), "Text"));
        assert!(fails(&"apple\nbanana\n".repeat(9), "Text"));
        assert!(!fails(
            "This tells how the cache is cleared.\nIt runs at night, when nobody looks.\n",
            "Text"
        ));
    }

    #[test]
    fn pointers_are_seen_by_their_version_line() {
        assert!(
            check_lfs_pointer(
                b"version https://git-lfs.github.com/spec/v1\noid sha256:4d\nsize 1\n"
            )
            .is_err()
        );
        assert!(check_lfs_pointer(b"version = 1\n").is_ok());
    }
}
