//! What can go wrong with one repo, and how the person who runs the program cures it.

use git2::ErrorClass;
use std::io;
use std::path::{Path, PathBuf};

/// A problem with one repo. Other repos are not touched by it, and neither is a copy that was there before.
#[derive(Debug, thiserror::Error)]
#[error("{repo}: {problem}")]
pub struct GitError {
    /// The repo's address without credentials, or its folder.
    pub repo: String,
    /// What went wrong.
    pub problem: Problem,
}

/// What went wrong, with the cure.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The run was asked to stop.
    #[error("stopped before it was done; nothing was changed")]
    Cancelled,
    /// A local address names nothing.
    #[error(
        "there is no such folder; for a repository on a server write the whole URL, such as https://host/owner/name"
    )]
    NoSuchFolder,
    /// A local address names a folder without a repository.
    #[error("the folder holds no git repository; correct the path in repos.txt")]
    NoRepository,
    /// The server does not know the repo, or does not admit that it does.
    #[error(
        "not found on the server; correct repos.txt, or add credentials if the repository is private"
    )]
    NotFound,
    /// The server wants credentials and none were found.
    #[error(
        "needs credentials; put them into git's credential helper (`git credential approve`) or into the URL, or remove the line if the repository is gone"
    )]
    CredentialsMissing,
    /// The server refused the credentials.
    #[error(
        "the server refused the credentials; renew the token or key that git uses for this host"
    )]
    CredentialsRefused,
    /// Credentials would travel in clear text.
    #[error("credentials are not sent over plain http; use https")]
    CredentialsInClear,
    /// 403.
    #[error(
        "the server forbids access (HTTP 403); check the account's rights, or wait if the server limits the rate"
    )]
    Forbidden,
    /// Any other status without success.
    #[error("the server answered HTTP {0}; try again later")]
    HttpStatus(u16),
    /// A web server, but not git's.
    #[error(
        "the server does not speak git's smart HTTP protocol (dumb HTTP is not supported); use the https or ssh URL of a git server"
    )]
    NotSmart,
    /// No connection.
    #[error(
        "cannot connect: {0}; check the host name, the network, and the proxy if one is set (https_proxy, no_proxy)"
    )]
    Connect(String),
    /// No bytes for too long.
    #[error("the server sent nothing for {0} s; try again later")]
    Stalled(u64),
    /// Bytes, but too few.
    #[error(
        "the server sent only {bytes} bytes in {secs} s; try again later, or put another address of the repository into repos.txt"
    )]
    TooSlow {
        /// What came.
        bytes: u64,
        /// How long it was waited for.
        secs: u64,
    },
    /// Signs of work, but no pack.
    #[error(
        "the server was at work on its answer for {0} minutes and never began to send it; try again later, or put another address of the repository into repos.txt"
    )]
    NeverBegun(u64),
    /// The connection ended early.
    #[error("the connection ended before the answer was complete; try again later")]
    Disconnected,
    /// The server said why it will not serve.
    #[error("the server refused: {0}")]
    Refused(String),
    /// The `ssh` program said why there is no connection.
    #[error(
        "ssh failed: {0}; `ssh` must be able to connect without asking anything (key agent, known_hosts)"
    )]
    Ssh(String),
    /// Bytes that are not git's protocol.
    #[error("the server broke git's protocol: {0}")]
    Protocol(&'static str),
    /// Something that git has and this program has not.
    #[error("{0} is not supported")]
    Unsupported(&'static str),
    /// The reference is not there.
    #[error(
        "has no branch or tag '{0}'; correct the second word in repos.txt (a commit needs all 40 digits)"
    )]
    NoSuchReference(String),
    /// The commit is not there, or the server does not give it out.
    #[error("does not serve the commit {0}; name a branch or tag in repos.txt")]
    NoSuchCommit(String),
    /// The reference leads to nothing.
    #[error(
        "'{0}' leads to a commit that the repository does not have; try again later, or name another branch or tag in repos.txt (`git fsck` there says more)"
    )]
    BrokenReference(String),
    /// There are tags, and nothing says which.
    #[error("has no branch; name a tag in repos.txt ({0})")]
    OnlyTags(String),
    /// HEAD names a branch that is not there.
    #[error("its default branch does not exist; name one in repos.txt ({0})")]
    NoDefaultBranch(String),
    /// The reference leads to something that has no files.
    #[error("'{0}' is not a commit; name a branch or tag in repos.txt")]
    NotACommit(String),
    /// Upstream had commits and has none now.
    #[error(
        "upstream is empty now; the copy was kept; remove the line from repos.txt if that is meant"
    )]
    NowEmpty,
    /// A file or folder stands where the copy belongs.
    #[error("{} is in the way and is no repository; move it away", .0.display())]
    InTheWay(PathBuf),
    /// A repository that this program did not make.
    #[error("{} is a repository that pipeline did not make; move it away, or its edits would be lost", .0.display())]
    NotOurs(PathBuf),
    /// The new commit cannot be written as files; the old ones are back.
    #[error("commit {commit} cannot be checked out: {reason}; a copy that was there before stays")]
    Checkout {
        /// The commit that failed.
        commit: String,
        /// Why, in libgit2's words.
        reason: String,
    },
    /// The worktree is between two commits.
    #[error("half updated; run `pipeline scrape`")]
    HalfUpdated,
    /// There is no copy.
    #[error("not cloned; run `pipeline scrape`, which says so if upstream has no commits yet")]
    NotCloned,
    /// There is a copy, but no commit in it.
    #[error("has no commit; run `pipeline scrape`")]
    NoCommit,
    /// The disk said no.
    #[error("{}: {source}; check permissions and free space", .path.display())]
    Disk {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The disk said no to libgit2.
    #[error("{0}; check permissions and free space")]
    System(String),
    /// A repository on this machine that copies are made from is damaged or not whole.
    #[error("the repository there cannot be read: {0}; `git fsck` there says more")]
    Source(String),
    /// libgit2 could not work with the copy.
    #[error(
        "git data cannot be used: {0}; if it happens again, delete the folder below repos/ and run `pipeline scrape`"
    )]
    Data(String),
}

impl Problem {
    /// A problem with a file or folder, for `map_err`.
    pub(super) fn disk(path: &Path) -> impl FnOnce(io::Error) -> Problem {
        move |source| Problem::Disk {
            path: path.to_owned(),
            source,
        }
    }
}

impl From<git2::Error> for Problem {
    fn from(error: git2::Error) -> Self {
        let message = printable(error.message());
        match error.class() {
            _ if message.contains("unknown object format") => {
                Problem::Unsupported("a repository of SHA-256 objects")
            }
            _ if message.contains("extensions.refstorage") => Problem::Unsupported(
                "a repository with reftables (`git refs migrate --ref-format=files` there makes files of them)",
            ),
            ErrorClass::Os | ErrorClass::Filesystem => Problem::System(message),
            _ => Problem::Data(message),
        }
    }
}

/// Problems travel through `Read` and `Write` inside an `io::Error`; here they come out again.
impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        match error.downcast::<Problem>() {
            Ok(problem) => problem,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Problem::Disconnected,
            Err(error) => Problem::Connect(error.to_string()),
        }
    }
}

impl From<Problem> for io::Error {
    fn from(problem: Problem) -> Self {
        io::Error::other(problem)
    }
}

/// Foreign text for a message: one line, no control characters, at most 300 characters.
pub(super) fn printable(text: impl AsRef<str>) -> String {
    let words = text
        .as_ref()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    words
        .chars()
        .filter(|character| !character.is_control())
        .take(300)
        .collect()
}
