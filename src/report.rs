//! What a run did: summaries whose parts sum to their whole, and the exit code.

use crate::domain::price::Cost;
use crate::llm::{Bills, Snapshot};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// How the process ends. The numbers are a promise to scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All done.
    Done,
    /// Internal or storage error.
    Internal,
    /// Usage or settings.
    Usage,
    /// Finished, some items failed.
    SomeFailed,
    /// The LLM service cannot be reached.
    Unreachable,
    /// Another run holds the lock.
    Locked,
    /// Credentials refused.
    Refused,
    /// No LLM configured or found.
    NoEndpoint,
    /// A budget was reached.
    Budget,
    /// Stopped by Ctrl-C.
    Interrupted,
    /// Stopped by a termination signal.
    Terminated,
}

impl Exit {
    /// The code the shell sees.
    pub fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Internal => 1,
            Exit::Usage => 2,
            Exit::SomeFailed => 3,
            Exit::Unreachable => 69,
            Exit::Locked => 75,
            Exit::Refused => 77,
            Exit::NoEndpoint => 78,
            Exit::Budget => 124,
            Exit::Interrupted => 130,
            Exit::Terminated => 143,
        }
    }
}

/// What `scrape` did. `repositories` is the sum of the other counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ScrapeSummary {
    /// Lines of repos.txt that name a repository, good or bad.
    pub repositories: u64,
    /// New on disk.
    pub cloned: u64,
    /// Moved to a new commit.
    pub updated: u64,
    /// Already at the newest commit.
    pub unchanged: u64,
    /// Without any commit.
    pub empty: u64,
    /// Left as they were, with an error.
    pub failed: u64,
    /// Not tried because the run was stopped.
    pub untried: u64,
}

impl ScrapeSummary {
    /// The exit code this alone asks for.
    pub fn exit(&self) -> Exit {
        if self.failed > 0 {
            Exit::SomeFailed
        } else {
            Exit::Done
        }
    }
}

impl fmt::Display for ScrapeSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            ("cloned", self.cloned),
            ("updated", self.updated),
            ("unchanged", self.unchanged),
            ("empty", self.empty),
            ("failed", self.failed),
            ("untried", self.untried),
        ];
        write!(
            f,
            "{}: {}",
            plural(self.repositories, "repository", "repositories"),
            nonzero(&parts)
        )
    }
}

/// What `prepare` or `retry` did. `files` is the sum of `unchanged`, `skipped`, `done`, `partly_done`, `failed`,
/// `unreadable` and `untried`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct GenerationSummary {
    /// Files looked at.
    pub files: u64,
    /// Processed before, same content.
    pub unchanged: u64,
    /// Not selected, by reason.
    pub skipped: BTreeMap<String, u64>,
    /// Processed now: all samples accepted.
    pub done: u64,
    /// Processed now: some questions or answers failed.
    pub partly_done: u64,
    /// Processed now: no sample.
    pub failed: u64,
    /// Could not be read; they are tried again next time.
    pub unreadable: u64,
    /// Wanted processing, but the run stopped before.
    pub untried: u64,
    /// Repositories that are listed but missing or not readable; what is stored about their files stays.
    pub repositories_unreadable: u64,
    /// Files whose rows were retired because they are gone or no longer selected.
    pub retired: u64,
    /// Samples stored.
    pub samples: u64,
    /// Questions and answers not accepted, by reason.
    pub rejected: BTreeMap<String, u64>,
    /// Completions taken from the cache instead of being asked for again.
    pub from_cache: u64,
    /// What the model server was asked.
    pub spend: Spend,
}

/// Requests, tokens and money.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(into = "SpendRow")]
pub struct Spend {
    /// Requests sent, second attempts included.
    pub requests: u64,
    /// Prompt tokens, as the server counted them.
    pub prompt_tokens: u64,
    /// Prompt tokens that the server had in its own cache.
    pub cached_tokens: u64,
    /// Completion tokens.
    pub completion_tokens: u64,
    /// What that cost, where tokens and price are known.
    pub bills: Bills,
}

/// The form of [`Spend`] in JSON.
#[derive(Serialize)]
struct SpendRow {
    requests: u64,
    prompt_tokens: u64,
    cached_tokens: u64,
    completion_tokens: u64,
    /// Dollars; null when the price is unknown.
    cost_usd: Option<Cost>,
    /// Requests that may be on the bill although the server did not tell their tokens.
    untold_requests: u64,
    /// The most that those can cost.
    untold_cost_max_usd: Option<Cost>,
}

impl From<Spend> for SpendRow {
    fn from(spend: Spend) -> Self {
        let bills = &spend.bills;
        let is_priced = bills.unpriced == 0;
        SpendRow {
            requests: spend.requests,
            prompt_tokens: spend.prompt_tokens,
            cached_tokens: spend.cached_tokens,
            completion_tokens: spend.completion_tokens,
            cost_usd: is_priced.then_some(bills.cost),
            untold_requests: bills.untold,
            untold_cost_max_usd: is_priced.then_some(bills.untold_cost_max),
        }
    }
}

impl From<Snapshot> for Spend {
    fn from(snapshot: Snapshot) -> Self {
        let tokens = |count: Option<u64>| count.unwrap_or(0);
        Spend {
            requests: snapshot.requests,
            prompt_tokens: tokens(snapshot.usage.prompt),
            cached_tokens: tokens(snapshot.usage.cached),
            completion_tokens: tokens(snapshot.usage.completion),
            bills: snapshot.bills,
        }
    }
}

impl Spend {
    /// Adds what another part of the run spent.
    pub fn absorb(&mut self, other: Spend) {
        self.requests += other.requests;
        self.prompt_tokens += other.prompt_tokens;
        self.cached_tokens += other.cached_tokens;
        self.completion_tokens += other.completion_tokens;
        self.bills.cost += other.bills.cost;
        self.bills.unpriced += other.bills.unpriced;
        self.bills.untold += other.bills.untold;
        self.bills.untold_cost_max += other.bills.untold_cost_max;
    }

    /// The money for people; nothing when nothing can have been billed.
    fn money(&self) -> String {
        let bills = &self.bills;
        let untold = match bills.untold {
            0 => String::new(),
            n => format!(
                " and at most {} for {} whose tokens the server did not tell",
                bills.untold_cost_max,
                plural(n, "request", "requests")
            ),
        };
        match bills.unpriced {
            0 => format!(", cost {}{untold}", bills.cost),
            _ => ", cost unknown (the model has no price: --prices)".to_owned(),
        }
    }
}

impl GenerationSummary {
    /// Whether the parts sum to the whole.
    pub fn is_consistent(&self) -> bool {
        let skipped: u64 = self.skipped.values().sum();
        self.files
            == self.unchanged
                + skipped
                + self.done
                + self.partly_done
                + self.failed
                + self.unreadable
                + self.untried
    }

    /// Whether any file came as far as the model.
    pub fn has_worked(&self) -> bool {
        self.done + self.partly_done + self.failed + self.untried > 0
    }

    /// The exit code this alone asks for.
    pub fn exit(&self) -> Exit {
        if self.partly_done + self.failed + self.unreadable + self.repositories_unreadable > 0 {
            Exit::SomeFailed
        } else {
            Exit::Done
        }
    }

    /// What became of the files, on one line.
    pub fn headline(&self) -> String {
        let parts = [
            ("done", self.done),
            ("partly done", self.partly_done),
            ("failed", self.failed),
            ("unchanged", self.unchanged),
            ("skipped", self.skipped.values().sum()),
            ("unreadable", self.unreadable),
            ("untried", self.untried),
        ];
        let files = plural(self.files, "file", "files");
        let mut line = format!("{files}: {}", nonzero(&parts));
        if self.retired > 0 {
            line += &format!("; {} retired", self.retired);
        }
        if self.repositories_unreadable > 0 {
            let count = self.repositories_unreadable;
            let repositories = plural(count, "repository", "repositories");
            line += &format!("; {repositories} missing or unreadable");
        }
        line
    }

    /// Adds the counts of another part of the same run.
    pub fn absorb(&mut self, other: GenerationSummary) {
        self.files += other.files;
        self.unchanged += other.unchanged;
        self.done += other.done;
        self.partly_done += other.partly_done;
        self.failed += other.failed;
        self.unreadable += other.unreadable;
        self.untried += other.untried;
        self.retired += other.retired;
        self.repositories_unreadable += other.repositories_unreadable;
        self.samples += other.samples;
        self.from_cache += other.from_cache;
        for (mine, others) in [
            (&mut self.skipped, other.skipped),
            (&mut self.rejected, other.rejected),
        ] {
            for (reason, count) in others {
                *mine.entry(reason).or_default() += count;
            }
        }
        self.spend.absorb(other.spend);
    }

    /// Counts one file that could not be read.
    pub fn unreadable(&mut self) {
        self.files += 1;
        self.unreadable += 1;
    }

    /// Counts one file that was not selected.
    pub fn skip(&mut self, reason: &str) {
        self.files += 1;
        *self.skipped.entry(reason.to_owned()).or_default() += 1;
    }
}

impl fmt::Display for GenerationSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.headline())?;
        if !self.skipped.is_empty() {
            write!(f, "\nskipped: {}", by_count(&self.skipped))?;
        }
        if !self.rejected.is_empty() {
            write!(f, "\nrejected: {}", by_count(&self.rejected))?;
        }
        write!(
            f,
            "\n{} stored; {}",
            plural(self.samples, "sample", "samples"),
            self.spend
        )?;
        if self.from_cache > 0 {
            write!(
                f,
                "; {} from the cache",
                plural(self.from_cache, "completion", "completions")
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for Spend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", plural(self.requests, "request", "requests"))?;
        if self.requests > 0 {
            let share = 100 * self.cached_tokens / self.prompt_tokens.max(1);
            write!(
                f,
                ", {} prompt tokens ({share} % cached by the server)",
                self.prompt_tokens
            )?;
            write!(f, ", {} completion tokens", self.completion_tokens)?;
            f.write_str(&self.money())?;
        }
        Ok(())
    }
}

/// `1 file`, `2 files`.
pub fn plural(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn nonzero(parts: &[(&str, u64)]) -> String {
    let said: Vec<_> = parts
        .iter()
        .filter(|(_, n)| *n > 0)
        .map(|(word, n)| format!("{n} {word}"))
        .collect();
    if said.is_empty() {
        "nothing to do".to_owned()
    } else {
        said.join(", ")
    }
}

fn by_count(counts: &BTreeMap<String, u64>) -> String {
    let mut sorted: Vec<_> = counts.iter().collect();
    sorted.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    let said: Vec<_> = sorted
        .iter()
        .map(|(word, n)| format!("{word} {n}"))
        .collect();
    said.join(", ")
}
