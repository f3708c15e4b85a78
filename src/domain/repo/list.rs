//! `repos.txt`: one address a line, `#` comments, an optional second word.

use super::{Address, AddressError, ReferenceError, RepoId, RepoSpec, Wanted};
use std::collections::HashMap;
use std::fmt;

/// A line that names no repo, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// Line number, from 1.
    pub number: usize,
    /// The line without credentials and control characters.
    pub shown: String,
    /// What is wrong with it.
    pub problem: LineProblem,
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "line {} of repos.txt, '{}': {}",
            self.number, self.shown, self.problem
        )
    }
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineProblem {
    /// More than an address and a reference.
    #[error(
        "more than two words; write one URL and at most one branch, tag or commit (a space in a path is %20 in a file:// URL)"
    )]
    TooManyWords,
    /// The address is refused.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The second word is refused.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// An earlier line has the same folder.
    #[error("would be kept in {id}, as line {line} is; remove one of the two")]
    SameFolder {
        /// The folder.
        id: RepoId,
        /// The earlier line.
        line: usize,
    },
    /// The folder would lie inside an earlier line's folder, or around it.
    #[error("{id} would lie inside or around the folder of line {line}; remove one of the two")]
    NestedFolder {
        /// The folder of the refused line.
        id: RepoId,
        /// The earlier line.
        line: usize,
    },
}

/// Reads the list. Every line that is neither blank nor a comment becomes a spec or a bad line; the order is kept.
pub fn parse_list(text: &str) -> (Vec<RepoSpec>, Vec<BadLine>) {
    let mut folders = Folders::default();
    let (mut specs, mut bad) = (Vec::new(), Vec::new());
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (line, number) in text.split('\n').zip(1..) {
        let line = without_comment(line).trim();
        if line.is_empty() {
            continue;
        }
        match parse_line(line, number).and_then(|spec| folders.claim(spec)) {
            Ok(spec) => specs.push(spec),
            Err(problem) => bad.push(BadLine {
                number,
                shown: shown(line),
                problem,
            }),
        }
    }
    (specs, bad)
}

/// A `#` begins a comment at the start of a line and after white space, so that one inside a word is still seen.
fn without_comment(line: &str) -> &str {
    let mut before = ' ';
    for (at, character) in line.char_indices() {
        if character == '#' && before.is_whitespace() {
            return &line[..at];
        }
        before = character;
    }
    line
}

fn parse_line(line: &str, number: usize) -> Result<RepoSpec, LineProblem> {
    let mut words = line.split_whitespace();
    let (url, reference) = (words.next().unwrap_or_default(), words.next());
    if words.next().is_some() {
        return Err(LineProblem::TooManyWords);
    }
    let (address, id) = Address::parse(url)?;
    let wanted = reference.map_or(Ok(Wanted::DefaultBranch), Wanted::parse)?;
    Ok(RepoSpec {
        line: number,
        id,
        address,
        wanted,
    })
}

/// The folders already taken, and those around them, each with the line that took them.
#[derive(Default)]
struct Folders {
    taken: HashMap<String, usize>,
    around: HashMap<String, usize>,
}

impl Folders {
    fn claim(&mut self, spec: RepoSpec) -> Result<RepoSpec, LineProblem> {
        let RepoSpec { id, line, .. } = &spec;
        if let Some(&line) = self.taken.get(id.as_str()) {
            return Err(LineProblem::SameFolder {
                id: id.clone(),
                line,
            });
        }
        let inside = id.ancestors().find_map(|outer| self.taken.get(outer));
        if let Some(&line) = inside.or_else(|| self.around.get(id.as_str())) {
            return Err(LineProblem::NestedFolder {
                id: id.clone(),
                line,
            });
        }
        self.taken.insert(id.as_str().to_owned(), *line);
        for outer in id.ancestors() {
            self.around.entry(outer.to_owned()).or_insert(*line);
        }
        Ok(spec)
    }
}

/// A refused line may hold a password wherever a `@` or a query follows, well-formed or not: all before the last `@` of a URL is hidden.
fn shown(line: &str) -> String {
    let words: Vec<String> = line.split_whitespace().map(shown_word).collect();
    words.join(" ")
}

fn shown_word(word: &str) -> String {
    let scheme_end = word.find("://").map_or(0, |at| at + 3);
    let secret_end = word
        .rfind('@')
        .filter(|&at| at >= scheme_end)
        .map_or(scheme_end, |at| at);
    let has_password = word[scheme_end..secret_end].contains(':') || scheme_end > 0;
    let visible = match secret_end > scheme_end && has_password {
        true => format!("{}***{}", &word[..scheme_end], &word[secret_end..]),
        false => word.to_owned(),
    };
    let visible = visible
        .split_once('?')
        .map_or(visible.clone(), |(start, _)| format!("{start}?***"));
    visible.escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(line: &str) -> Result<RepoSpec, LineProblem> {
        let (mut specs, mut bad) = parse_list(line);
        assert_eq!(specs.len() + bad.len(), 1, "{line:?}");
        specs.pop().ok_or_else(|| bad.remove(0).problem)
    }

    #[test]
    fn addresses_become_folders_and_public_urls() {
        let table = [
            (
                "https://github.com/psf/requests",
                "github.com/psf/requests",
                "https://github.com/psf/requests",
            ),
            (
                "https://GitHub.com/psf/requests.git",
                "github.com/psf/requests",
                "https://github.com/psf/requests.git",
            ),
            (
                "HTTPS://github.com:443/psf/requests///",
                "github.com/psf/requests",
                "https://github.com/psf/requests",
            ),
            (
                "http://127.0.0.1:8080/a.git",
                "127.0.0.1+8080/a",
                "http://127.0.0.1:8080/a.git",
            ),
            ("https://u:p@h.org/a", "h.org/a", "https://h.org/a"),
            ("https://u:p%40x@h.org/a", "h.org/a", "https://h.org/a"),
            ("https://u:p@x@h.org/a", "h.org/a", "https://h.org/a"),
            ("https://token@h.org/a", "h.org/a", "https://h.org/a"),
            ("https://[::1]:99/a", "%3A%3A1+99/a", "https://[::1]:99/a"),
            (
                "https://h.org/my%20repo",
                "h.org/my%20repo",
                "https://h.org/my%20repo",
            ),
            ("https://h.org/100%", "h.org/100%25", "https://h.org/100%"),
            ("https://h.org/a%2Fb", "h.org/a/b", "https://h.org/a%2Fb"),
            (
                "https://h.org/gr/sub/group/name",
                "h.org/gr/sub/group/name",
                "https://h.org/gr/sub/group/name",
            ),
            (
                "https://h.org/o/.github",
                "h.org/o/.github",
                "https://h.org/o/.github",
            ),
            (
                "https://h.org/grün",
                "h.org/gr%C3%BCn",
                "https://h.org/grün",
            ),
            (
                "git@github.com:psf/requests.git",
                "github.com/psf/requests",
                "git@github.com:psf/requests.git",
            ),
            ("host:name", "host/name", "host:name"),
            ("git:tools/a@b", "git/tools/a@b", "git:tools/a@b"),
            ("git/tools", "localhost/git/tools", "git/tools"),
            (
                "ssh://git@h.org:2222/a/b.git",
                "h.org+2222/a/b",
                "ssh://git@h.org:2222/a/b.git",
            ),
            ("ssh://git:secret@h.org/a", "h.org/a", "ssh://git@h.org/a"),
            ("ssh://h.org/~me/a", "h.org/~me/a", "h.org:~me/a"),
            (
                "ssh://git@[::1]:99/x",
                "%3A%3A1+99/x",
                "ssh://git@[::1]:99/x",
            ),
            (
                "file:///srv/x%3A%3Ay",
                "localhost/srv/x%3A%3Ay",
                "file:///srv/x%3A%3Ay",
            ),
            ("git://h.org/a.git", "h.org/a", "git://h.org/a.git"),
            ("https://h.org/a/.git", "h.org/a", "https://h.org/a/.git"),
            ("/srv/a/.git/", "localhost/srv/a", "/srv/a/.git/"),
            ("git://h.org:77/a", "h.org+77/a", "git://h.org:77/a"),
            (
                "file:///srv/git/a.git",
                "localhost/srv/git/a",
                "/srv/git/a.git",
            ),
            (
                "file://localhost/srv/a%20b",
                "localhost/srv/a%20b",
                "/srv/a b",
            ),
            ("/srv/a", "localhost/srv/a", "/srv/a"),
            ("../other/a", "localhost/other/a", "../other/a"),
            ("./a:b", "localhost/a%3Ab", "./a:b"),
            (".", "localhost/workspace", "."),
            ("./", "localhost/workspace", "./"),
        ];
        for (line, id, url) in table {
            let spec = one(line).unwrap_or_else(|problem| panic!("{line}: {problem}"));
            assert_eq!(
                (spec.id.as_str(), spec.public_url().as_str()),
                (id, url),
                "{line}"
            );
        }
    }

    #[test]
    fn hostile_and_malformed_addresses_are_refused_by_name() {
        use AddressError::*;
        let long = format!("https://h.org/{}", "a".repeat(256));
        let table = [
            ("ext::sh -c whoami", None),
            ("ext::whoami", Some(RemoteHelper)),
            ("ext::ssh://h/x", Some(RemoteHelper)),
            ("fd::17", Some(RemoteHelper)),
            ("ftp://h.org/a", Some(UnknownScheme)),
            ("javascript://h.org/a", Some(UnknownScheme)),
            ("bob:pw@h.example/x", Some(Schemeless)),
            ("https//bob:pw@h/x", Some(Schemeless)),
            ("https:/bob:pw@h/x", Some(Schemeless)),
            ("http:h/x", Some(Schemeless)),
            ("srv/bob:pw@h/x", Some(Schemeless)),
            ("-uroot", Some(OptionLike)),
            ("--upload-pack=sh", Some(OptionLike)),
            ("ssh://-oProxyCommand=sh/a", Some(BadHost)),
            ("ssh://-oProxyCommand=sh@h.org/a", Some(BadUser)),
            ("-oProxyCommand=sh:a", Some(OptionLike)),
            ("h.org:-oProxy", Some(OptionLike)),
            ("https://h.org/../../etc", Some(DotSegment)),
            ("https://h.org/a/%2e%2E/b", Some(DotSegment)),
            ("https://h.org/a/..%2fb", Some(DotSegment)),
            ("https://h.org/...git", Some(DotSegment)),
            ("git@h.org:../a", Some(DotSegment)),
            ("/srv/../etc", Some(DotSegment)),
            ("a/../../b", Some(DotSegment)),
            ("..", Some(DotSegment)),
            ("/.git", Some(NoName)),
            ("https://h.org/a/.git/.git", Some(NoName)),
            ("https://h.org/a/.git/b", Some(DotGit)),
            ("https://h.org/a/.GIT", Some(DotGit)),
            ("https://h.org/", Some(NoName)),
            ("https://h.org", Some(NoName)),
            ("file:///", Some(NoName)),
            ("/", Some(NoName)),
            ("https:///a", Some(BadHost)),
            ("https://../a", Some(BadHost)),
            ("https://.h.org/a", Some(BadHost)),
            ("https://h org/a b c", None),
            ("https://hö.org/a", Some(BadHost)),
            ("https://[::g]/a", Some(BadHost)),
            ("https://h.org:/a", Some(BadPort)),
            ("https://h.org:0/a", Some(BadPort)),
            ("https://h.org:99999/a", Some(BadPort)),
            ("https://h.org:+1/a", Some(BadPort)),
            ("https://h.org/a?token=x", Some(Query)),
            ("https://h.org?x/a", Some(Query)),
            ("https://h.org/a#b", Some(Query)),
            ("https://h.org\\@evil.org/a", Some(BadCharacter)),
            ("https://h.org/a\u{7}", Some(BadCharacter)),
            ("git://h.org/a%0Ahost=x", Some(BadCharacter)),
            ("git://h.org/a%00", Some(BadCharacter)),
            ("file://other/a", Some(BadHost)),
            ("~/a", Some(Home)),
            (long.as_str(), Some(TooLong)),
        ];
        for (line, expected) in table {
            let expected = expected.map_or(LineProblem::TooManyWords, LineProblem::Address);
            assert_eq!(one(line), Err(expected), "{line}");
        }
    }

    #[test]
    fn lines_comments_and_references() {
        let text = "\u{feff}# head\r\n\r\n  https://h.org/a v1.0 # why\r\nhttps://h.org/b\t#c\nhttps://h.org/c -x\nhttps://h.org/d  a b\n/srv/e";
        let (specs, bad) = parse_list(text);
        let read: Vec<_> = specs
            .iter()
            .map(|spec| (spec.line, spec.id.as_str(), &spec.wanted))
            .collect();
        let named = Wanted::Named("v1.0".to_owned());
        let default = Wanted::DefaultBranch;
        assert_eq!(
            read,
            [
                (3, "h.org/a", &named),
                (4, "h.org/b", &default),
                (7, "localhost/srv/e", &default)
            ]
        );
        let refused: Vec<_> = bad
            .iter()
            .map(|line| (line.number, line.problem.clone()))
            .collect();
        assert_eq!(
            refused,
            [
                (5, LineProblem::Reference(ReferenceError)),
                (6, LineProblem::TooManyWords)
            ]
        );
    }

    #[test]
    fn no_two_lines_share_or_nest_folders() {
        let text = "https://h.org/a/b\nssh://git@h.org/a/b.git\nhttps://h.org/a\nhttps://h.org/a/b/c\nhttps://h.org/a/bc\n./x\n../x\n/x/y";
        let (specs, bad) = parse_list(text);
        assert_eq!(
            specs.iter().map(|spec| spec.line).collect::<Vec<_>>(),
            [1, 5, 6]
        );
        let lines: Vec<_> = bad.iter().map(|line| line.number).collect();
        assert_eq!(lines, [2, 3, 4, 7, 8]);
        assert!(matches!(
            bad[0].problem,
            LineProblem::SameFolder { line: 1, .. }
        ));
        assert!(matches!(
            bad[1].problem,
            LineProblem::NestedFolder { line: 1, .. }
        ));
        assert!(matches!(
            bad[4].problem,
            LineProblem::NestedFolder { line: 6, .. }
        ));
    }

    #[test]
    fn refused_lines_show_no_credentials_and_no_escapes() {
        let lines = [
            "https://user:hunter2@h.org/a?x",
            "https://user:hun/hunter2@h.org/a",
            "ftp://user:hunter2@h.org/a",
            "user:hunter2@h.org:a b c",
            "https://h.org/a?token=hunter2",
            "https://hunter2@h.org:0/a\u{1b}[31m",
        ];
        for line in lines {
            let (_, bad) = parse_list(line);
            let message = bad[0].to_string();
            assert!(
                !message.contains("hunter2") && !message.contains('\u{1b}'),
                "{message}"
            );
        }
        let spec = one("https://user:hunter2@h.org/a").unwrap();
        assert!(!format!("{spec:?}").contains("hunter2"));
    }

    #[test]
    fn any_text_is_read_without_a_panic_and_every_folder_stays_inside() {
        let pieces = [
            "https://", "ssh://", "file://", "h.org", "/", "..", ".", ".git", ":", "@", "%", "2e",
            "[", "]", "\\", "~", "-", "é", "\0", " ", "#", "?",
        ];
        for number in 0..pieces.len().pow(4) {
            let text: String = (0..4)
                .map(|place| pieces[number / pieces.len().pow(place) % pieces.len()])
                .collect();
            for spec in parse_list(&text).0 {
                let id = spec.id.as_str();
                let safe = |part: &str| {
                    !matches!(part, "" | "." | ".." | ".git") && !part.contains(['\\', '\0'])
                };
                assert!(
                    !id.starts_with(['.', '/', '-']) && id.split('/').all(safe),
                    "{text:?} -> {id}"
                );
            }
        }
    }
}
