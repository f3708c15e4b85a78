//! Keeps benchmarks out of training data.
//!
//! Owns the 10-gram overlap with texts that the user names, and the list of repositories that hold well-known benchmarks.
//! Ten words in a row is the rule of OpenCoder's and StarCoder2's decontamination.

use super::words::{self, HashedSet};

/// Words in a row that make an overlap.
const OVERLAP_WORDS: usize = 10;

/// The 10-grams of benchmark texts.
#[derive(Debug, Default)]
pub struct Benchmarks {
    grams: HashedSet,
}

impl Benchmarks {
    /// Adds a text, such as a benchmark problem.
    pub fn add(&mut self, text: &str) {
        self.add_part(text, &mut Vec::new());
    }

    /// Adds the next part of a text that comes in pieces cut at white space; `before` carries the words between its calls, and is empty at
    /// the first.
    pub fn add_part(&mut self, part: &str, before: &mut Vec<u64>) {
        before.extend(words::plain_words(part));
        self.grams
            .extend(before.windows(OVERLAP_WORDS).map(words::sequence));
        before.drain(..before.len().saturating_sub(OVERLAP_WORDS - 1));
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.grams.is_empty()
    }

    /// Whether the text shares ten words in a row with a benchmark.
    pub fn overlap(&self, text: &str) -> bool {
        let runs = words::plain_words(text);
        let mut shared = runs.windows(OVERLAP_WORDS).map(words::sequence);
        !self.is_empty() && shared.any(|run| self.grams.contains(&run))
    }
}

/// Benchmarks by what their repositories are called, in whatever account: the last part of the URL, lower-cased, letters and digits only.
const BENCHMARK_NAMES: &[(&str, &str)] = &[
    ("humaneval", "HumanEval"),
    ("humanevalx", "HumanEval-X"),
    ("humanevalpack", "HumanEvalPack"),
    ("evalplus", "EvalPlus"),
    ("mbpp", "MBPP"),
    ("mbppplus", "MBPP+"),
    ("multiple", "MultiPL-E"),
    ("multipl", "MultiPL-E"),
    ("bigcodebench", "BigCodeBench"),
    ("livecodebench", "LiveCodeBench"),
    ("swebench", "SWE-bench"),
    ("swebenchpro", "SWE-bench Pro"),
    ("multiswebench", "Multi-SWE-bench"),
    ("swebenchlive", "SWE-bench Live"),
    ("swebenchmultimodal", "SWE-bench Multimodal"),
    ("swepolybench", "SWE-PolyBench"),
    ("sweqabench", "SWE-QA"),
    ("sweqa", "SWE-QA"),
    ("sweqapro", "SWE-QA-Pro"),
    ("sweperf", "SWE-Perf"),
    ("swelancerbenchmark", "SWE-Lancer"),
    ("apps", "APPS"),
    ("codecontests", "CodeContests"),
    ("ds1000", "DS-1000"),
    ("crosscodeeval", "CrossCodeEval"),
    ("repobench", "RepoBench"),
    ("cruxeval", "CRUXEval"),
    ("classeval", "ClassEval"),
    ("codexglue", "CodeXGLUE"),
    ("xcodeeval", "xCodeEval"),
    ("naturalcodebench", "NaturalCodeBench"),
    ("aiderpolyglotbenchmark", "Aider polyglot"),
    ("polyglotbenchmark", "Aider polyglot"),
    ("terminalbench", "Terminal-Bench"),
    ("commit0", "Commit0"),
    ("coderujb", "CoderUJB"),
    ("defects4j", "Defects4J"),
    ("bugsinpy", "BugsInPy"),
    ("quixbugs", "QuixBugs"),
];

/// Names too plain to mean a benchmark unless the account is its author's.
const OWNED: &[(&str, &str)] = &[
    ("apps", "hendrycks"),
    ("multiple", "nuprl"),
    ("multipl", "nuprl"),
];

/// The benchmark that a repository holds, by its `owner/name`, path or URL.
pub fn benchmark_of(repository: &str) -> Option<&'static str> {
    let trimmed = repository.trim_end_matches('/').trim_end_matches(".git");
    let mut parts = trimmed.rsplit(['/', ':']);
    let name = squeeze(parts.next()?);
    let owner = parts.next().map(squeeze).unwrap_or_default();
    let owned = |name: &str| {
        OWNED
            .iter()
            .find(|o| o.0 == name)
            .is_none_or(|o| o.1 == owner)
    };
    let known = BENCHMARK_NAMES
        .iter()
        .find(|(known, _)| *known == name && owned(known));
    known.map(|(_, benchmark)| *benchmark)
}

fn squeeze(name: &str) -> String {
    let kept = name.chars().filter(char::is_ascii_alphanumeric);
    kept.map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_words_in_a_row_are_an_overlap_and_nine_are_not() {
        let mut benchmarks = Benchmarks::default();
        assert!(!benchmarks.overlap("anything"));
        benchmarks
            .add("Check if in given list of numbers, are any two numbers closer to each other");
        let shared = "it can check IF in given `list` of numbers are any two of them";
        assert!(benchmarks.overlap(shared));
        assert!(!benchmarks.overlap("check if in given list of numbers are any of them"));
    }

    #[test]
    fn a_text_in_parts_is_one_text() {
        let mut benchmarks = Benchmarks::default();
        let mut before = Vec::new();
        for line in [
            "one two three four",
            "",
            "five six seven",
            "eight nine ten eleven",
        ] {
            benchmarks.add_part(line, &mut before);
        }
        assert!(benchmarks.overlap("two three four five six seven eight nine ten eleven"));
        assert!(!benchmarks.overlap("eleven one two three four five six seven eight nine"));
    }

    #[test]
    fn benchmark_repositories_are_known_wherever_they_stand() {
        for (repository, benchmark) in [
            (
                "https://github.com/openai/human-eval.git",
                Some("HumanEval"),
            ),
            ("git@github.com:someone/SWE-bench", Some("SWE-bench")),
            ("github.com/hendrycks/apps", Some("APPS")),
            ("github.com/acme/apps", None),
            ("github.com/BurntSushi/ripgrep", None),
            ("", None),
        ] {
            assert_eq!(benchmark_of(repository), benchmark, "{repository}");
        }
    }
}
