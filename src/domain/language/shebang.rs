//! The interpreter that a script's first line names.

use super::Language;
use std::collections::HashMap;
use std::sync::LazyLock;

/// Lines in which such a command is looked for; linguist's own bound.
const EXEC_LINES: usize = 5;

static BY_INTERPRETER: LazyLock<HashMap<&'static str, Vec<Language>>> = LazyLock::new(|| {
    let mut index: HashMap<_, Vec<_>> = HashMap::new();
    for (name, definition) in linguist::definitions::LANGUAGES.iter() {
        for interpreter in definition.interpreters.iter().flatten() {
            let languages = index.entry(interpreter.as_str()).or_default();
            languages.push(Language::of(name, definition));
        }
    }
    index
        .values_mut()
        .for_each(|languages| languages.sort_unstable());
    index
});

/// The languages of the interpreter; none without a shebang or for an interpreter nobody knows.
pub(super) fn languages(text: &str) -> Vec<Language> {
    interpreter(text)
        .and_then(|name| {
            BY_INTERPRETER
                .get(name)
                .or_else(|| BY_INTERPRETER.get(unversioned(name)))
        })
        .cloned()
        .unwrap_or_default()
}

/// `#!/usr/bin/env -S VAR=1 python3.11 -u` names `python3.11`.
fn interpreter(text: &str) -> Option<&str> {
    let line = text.strip_prefix("#!")?.lines().next()?;
    let mut words = line.split_whitespace();
    let program = base_name(words.next()?);
    let is_option = |word: &&str| word.starts_with('-') || word.contains('=');
    let program = match program {
        "env" => words.find(|word| !is_option(word)).map(base_name)?,
        program => program,
    };
    match program {
        "sh" => executed(text).or(Some(program)),
        // The option names a language, by another name than an interpreter's.
        "osascript" if words.any(|word| word.starts_with("-l")) => None,
        _ => Some(program),
    }
}

/// A shell script that at once becomes another program: `exec scala "$0" "$@"`.
fn executed(text: &str) -> Option<&str> {
    let mut heads = text
        .lines()
        .take(EXEC_LINES)
        .filter_map(|line| line.trim_start().strip_prefix("exec "));
    let (program, rest) = heads.find_map(|command| command.split_once(' '))?;
    let is_itself = rest.trim_start_matches(['"', '\'', ' ']).starts_with("$0");
    is_itself.then(|| base_name(program))
}

fn base_name(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}

/// `python3.11` is `python3`, `lua5.4` is `lua`; only a dotted version goes first, as `python2` and `python3` are known names.
fn unversioned(name: &str) -> &str {
    match name.rsplit_once('.') {
        Some((stem, minor)) if minor.bytes().all(|byte| byte.is_ascii_digit()) => stem,
        _ => name.trim_end_matches(|c: char| c.is_ascii_digit()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interpreters_are_found_behind_env_paths_and_versions() {
        let cases = [
            ("#!/usr/bin/python3.11\n", "Python"),
            ("#!/usr/bin/env -S deno run --allow-net\n", "TypeScript"),
            ("#! /usr/bin/env A=1 ruby\n", "Ruby"),
            ("#!/bin/sh\r\n", "Shell"),
            ("#!/usr/local/bin/node", "JavaScript"),
            ("#!/usr/bin/perl5\n", "Perl"),
            ("#!/bin/sh\nexec scala \"$0\" \"$@\"\n", "Scala"),
            ("#!/bin/sh\nexec ls /\n", "Shell"),
        ];
        for (text, name) in cases {
            assert!(
                languages(text).iter().any(|one| one.name() == name),
                "{text}"
            );
        }
        for text in [
            "",
            "#!",
            "#!\n",
            "#!/usr/bin/env\n",
            "#!/bin/nothing-known\n",
            "#!/usr/bin/osascript -l JavaScript\n",
            "#!/usr/bin/env osascript -l JavaScript\n",
            "x",
        ] {
            assert_eq!(languages(text), [], "{text}");
        }
    }
}
