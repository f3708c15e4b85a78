//! What an answer may rest on, indexed once per chunk so that many answers are checked cheaply.
//!
//! Owns the look-ups: is this name, number, path or run of code there, and where. Judges nothing.

use super::relevance;
use super::words::{self, AsIs, HashedSet, Kind, Token};
use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::{Arc, LazyLock};

/// The facts behind one chunk's answers, as the model saw them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Evidence<'a> {
    /// The chunk's text, as it stands in the source file (redacted, if it was).
    pub chunk: &'a str,
    /// Line number of the chunk's first line in the source file, from 1.
    pub first_line: usize,
    /// What else of the file the model was shown: imports, sibling signatures. Not the head of the README: that is another file.
    pub context: &'a str,
    /// Name of the repository, such as `owner/name`.
    pub repository: &'a str,
    /// Path of the source file in its repository.
    pub path: &'a str,
}

/// Names of the whole file, beyond what the model was shown. Built once, shared by all chunks.
#[derive(Debug, Default)]
pub struct Symbols {
    names: HashedSet,
    lowered: HashedSet,
    folded: HashedSet,
}

impl Symbols {
    /// Takes names as they are written; of a path or qualified name every word counts.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut symbols = Symbols::default();
        names.into_iter().for_each(|name| symbols.add(name));
        symbols
    }

    fn add(&mut self, text: &str) {
        for token in words::each_token(text) {
            if token.kind == Kind::Name {
                self.add_word(token);
            }
        }
    }

    /// Takes a name or number in all its spellings; whether it is new.
    fn add_word(&mut self, token: Token<'_>) -> bool {
        let is_new = self.names.insert(token.hash);
        if is_new {
            self.lowered.insert(hash_spelt(token.text));
            self.folded.insert(words::hash_folded(token.text));
        }
        is_new
    }
}

/// How well a name is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Support {
    /// Nowhere.
    None,
    /// Only with other underscores: a name of another style, or a slip.
    Restyled,
    /// Only in another case, or without its dollar sign.
    Folded,
    /// As written.
    Exact,
}

/// Lines between chunk and context, so that what stands in the one is not near to what stands in the other.
const CONTEXT_GAP_LINES: u32 = 1000;
/// Tokens in a row that must stand in the source to count as copied; a quoted expression is shorter.
pub const COPIED_TOKENS: usize = 12;

/// In place of a place: there is none.
const NO_PLACE: u32 = u32::MAX;

/// [`Evidence`], indexed.
#[derive(Debug)]
pub struct EvidenceIndex {
    /// Chunk and context, folded: for phrases.
    folded_text: String,
    first_line: usize,
    line_count: usize,
    tokens: Vec<u64>,
    lines: Vec<u32>,
    /// The first place of every token, and for each place the next one of the same token.
    first_places: HashMap<u64, u32, BuildHasherDefault<AsIs>>,
    next_places: Vec<u32>,
    long_runs: HashedSet,
    /// Every number's bits with its line, sorted.
    numbers: Vec<(u64, u32)>,
    /// Every number's line with its bits, sorted.
    numbers_by_line: Vec<(u32, u64)>,
    /// Every token that is a number, with its value.
    values: HashMap<u64, f64, BuildHasherDefault<AsIs>>,
    /// Names that begin with a dollar sign, which a text may have put in: `slot-$n`.
    variables: HashedSet,
    stems: HashedSet,
    /// How many of them the path and the chunk have.
    chunk_stems: usize,
    /// Words of the repository's name and the file's path.
    home: Symbols,
    local: Symbols,
    shared: Arc<Symbols>,
}

impl EvidenceIndex {
    /// Indexes the evidence of one chunk. Linear in its length.
    pub fn new(evidence: &Evidence<'_>, shared: Arc<Symbols>) -> Self {
        let mut index = EvidenceIndex {
            folded_text: words::folded(&[evidence.chunk, evidence.context]),
            first_line: evidence.first_line.max(1),
            line_count: evidence.chunk.lines().count(),
            tokens: Vec::new(),
            lines: Vec::new(),
            first_places: HashMap::default(),
            next_places: Vec::new(),
            long_runs: HashedSet::default(),
            numbers: Vec::new(),
            numbers_by_line: Vec::new(),
            values: HashMap::default(),
            variables: HashedSet::default(),
            stems: HashedSet::default(),
            chunk_stems: 0,
            home: Symbols::new([evidence.repository, evidence.path]),
            local: Symbols::new([evidence.repository, evidence.path]),
            shared,
        };
        index
            .stems
            .extend(relevance::stems(words::each_token(evidence.path)));
        index.add_code(evidence.chunk, 0);
        index.chunk_stems = index.stems.len();
        index.add_code(
            evidence.context,
            index.line_count as u32 + CONTEXT_GAP_LINES,
        );
        index.link_places();
        index.numbers.sort_unstable();
        let by_line = index.numbers.iter().map(|(bits, line)| (*line, *bits));
        index.numbers_by_line = by_line.collect();
        index.numbers_by_line.sort_unstable();
        index.long_runs = words::runs(&index.tokens, COPIED_TOKENS).collect();
        index
    }

    fn link_places(&mut self) {
        self.next_places = vec![NO_PLACE; self.tokens.len()];
        for (at, token) in self.tokens.iter().enumerate().rev() {
            if let Some(next) = self.first_places.insert(*token, at as u32) {
                self.next_places[at] = next;
            }
        }
    }

    fn add_code(&mut self, code: &str, first_line: u32) {
        let (mut line, mut at) = (first_line, 0);
        for token in words::each_token(code) {
            let passed = &code.as_bytes()[at..token.start];
            line += passed.iter().filter(|b| **b == b'\n').count() as u32;
            at = token.start;
            self.add_token(token, line);
        }
    }

    fn add_token(&mut self, token: Token<'_>, line: u32) {
        let hash = token.hash;
        self.tokens.push(hash);
        self.lines.push(line);
        if token.kind == Kind::Number
            && let Some(value) = words::number_value(token.text)
        {
            self.numbers.push((value.to_bits(), line));
            self.values.insert(hash, value);
        }
        if token.text.starts_with('$') && token.text.len() > 1 {
            self.variables.insert(hash);
        }
        if token.kind != Kind::Mark && self.local.add_word(token) {
            self.stems.extend(relevance::stems_of(token.text));
        }
    }

    /// Whether a name of the chunk or its context begins or ends with an affix, whatever the case.
    pub fn has_affix(&self, affix: &str) -> bool {
        let affix = affix.to_lowercase();
        let is_free = |end: Option<char>| !end.is_some_and(words::is_word);
        let mut places = self.folded_text.match_indices(&affix);
        places.any(|(at, _)| {
            let (head, tail) = (
                &self.folded_text[..at],
                &self.folded_text[at + affix.len()..],
            );
            is_free(head.chars().next_back()) != is_free(tail.chars().next())
        })
    }

    /// How well an identifier is known in the chunk, its context, its path or the rest of the file.
    pub fn name(&self, name: &str) -> Support {
        let both = [&self.local, self.shared.as_ref()];
        let hash = words::hash(name);
        if both.iter().any(|known| known.names.contains(&hash)) {
            return Support::Exact;
        }
        let lowered = hash_spelt(name);
        if both.iter().any(|known| known.lowered.contains(&lowered)) {
            return Support::Folded;
        }
        let folded = words::hash_folded(name);
        if both.iter().any(|known| known.folded.contains(&folded)) {
            return Support::Restyled;
        }
        Support::None
    }

    /// Whether a token of the chunk or its context is a name.
    pub fn is_name(&self, token: u64) -> bool {
        self.local.names.contains(&token) && !self.values.contains_key(&token)
    }

    /// Whether a token is a variable of the source with its dollar sign.
    pub fn is_variable(&self, token: u64) -> bool {
        self.variables.contains(&token)
    }

    /// Whether a name is a word of the repository's name or of the file's path.
    pub fn is_home(&self, name: &str) -> bool {
        self.home.folded.contains(&words::hash_folded(name))
    }

    /// Lines (from 0) of the chunk or its context where a number of this value stands, in whatever notation.
    pub fn number(&self, value: f64) -> impl Iterator<Item = u32> + '_ {
        found(&self.numbers, value.to_bits())
    }

    /// The value of a token of the chunk or its context, if it is a number.
    pub fn number_of(&self, token: u64) -> Option<f64> {
        self.values.get(&token).copied()
    }

    /// Numbers on a line (from 0) of the chunk or its context, by value.
    pub fn numbers_on(&self, line: u32) -> impl Iterator<Item = f64> + '_ {
        let start = self.numbers_by_line.partition_point(|(at, _)| *at < line);
        let on_line = self.numbers_by_line[start..].iter();
        on_line
            .take_while(move |(at, _)| *at == line)
            .map(|(_, bits)| f64::from_bits(*bits))
    }

    /// Every distinct number of the chunk and its context, by value.
    pub fn numbers(&self) -> impl Iterator<Item = f64> + '_ {
        let runs = self.numbers.chunk_by(|one, other| one.0 == other.0);
        runs.map(|run| f64::from_bits(run[0].0))
    }

    /// Whether the chunk or its context has this lower-case phrase.
    pub fn has_phrase(&self, phrase: &str) -> bool {
        self.folded_text.contains(phrase)
    }

    /// Whether the chunk or its context has a word of this stem, by itself or in an identifier.
    pub fn has_stem(&self, stem: u64) -> bool {
        self.stems.contains(&stem)
    }

    /// How many distinct stems the path and the chunk have, without the context.
    pub fn chunk_stem_count(&self) -> usize {
        self.chunk_stems
    }

    /// Whether a number stands somewhere with a minus right before it.
    pub fn is_negated(&self, number: u64) -> bool {
        static SIGNS: LazyLock<[u64; 7]> =
            LazyLock::new(|| ["-", "=-", "==-", "!=-", ":-", "?-", "<-"].map(words::hash));
        let mut places = self.places(number);
        places.any(|place| {
            let (before, _) = self.around(place, 1);
            before.last().is_some_and(|sign| SIGNS.contains(sign))
        })
    }

    /// Whether two tokens follow one another somewhere.
    pub fn follows(&self, first: u64, second: u64) -> bool {
        self.starts(first).any(|tail| tail.get(1) == Some(&second))
    }

    /// Whether a token stands in the chunk or its context.
    pub fn has(&self, token: u64) -> bool {
        self.first_places.contains_key(&token)
    }

    /// Whether the tokens stand in one run somewhere.
    pub fn run(&self, wanted: &[u64]) -> bool {
        let Some(first) = wanted.first() else {
            return true;
        };
        self.starts(*first).any(|tail| tail.starts_with(wanted))
    }

    /// Lines (from 0, in order) on which the tokens stand in one run.
    pub fn run_lines(&self, wanted: &[u64]) -> impl Iterator<Item = u32> {
        let start = |at: &usize| self.tokens[*at..].starts_with(wanted);
        let places = wanted.first().map(|first| self.places(*first));
        let starts = places.into_iter().flatten().map(|at| at as usize);
        starts.filter(start).flat_map(|at| {
            let lines = &self.lines[at..at + wanted.len()];
            lines[0]..=lines[lines.len() - 1]
        })
    }

    /// Number of the chunk's first line in the source file.
    pub fn first_line(&self) -> usize {
        self.first_line
    }

    /// Lines of the chunk.
    pub fn line_count(&self) -> usize {
        self.line_count
    }

    /// Whether the tokens of this hash, one of [`words::runs`] of [`COPIED_TOKENS`], stand in one run somewhere; the same as
    /// [`EvidenceIndex::run`], in constant time.
    pub fn long_run(&self, run: u64) -> bool {
        self.long_runs.contains(&run)
    }

    /// Whether the chunk has a line of this number, as counted in the source file.
    pub fn has_line(&self, number: usize) -> bool {
        let behind = number.checked_sub(self.first_line);
        behind.is_some_and(|lines| lines < self.line_count)
    }

    /// The tokens that stand alone between two others somewhere.
    pub fn between(&self, first: u64, last: u64) -> impl Iterator<Item = u64> + '_ {
        let threes = self.starts(first).filter_map(|tail| tail.get(..3));
        threes
            .filter(move |three| three[2] == last)
            .map(|three| three[1])
    }

    /// Where a token stands, counted in tokens, in order.
    pub fn places(&self, token: u64) -> impl Iterator<Item = u32> + '_ {
        let first = self.first_places.get(&token).copied();
        std::iter::successors(first, |at| {
            Some(self.next_places[*at as usize]).filter(|next| *next != NO_PLACE)
        })
    }

    /// Up to so many tokens before a place, and as many after it.
    pub fn around(&self, place: u32, most: usize) -> (&[u64], &[u64]) {
        let (before, rest) = self.tokens.split_at(place as usize);
        let after = rest.get(1..).unwrap_or_default();
        (
            &before[before.len().saturating_sub(most)..],
            &after[..most.min(after.len())],
        )
    }

    fn starts(&self, token: u64) -> impl Iterator<Item = &[u64]> {
        self.places(token).map(|at| &self.tokens[at as usize..])
    }

    /// Lines of the chunk or context (from 0) where a token stands.
    pub fn lines_of(&self, token: u64) -> impl Iterator<Item = u32> + '_ {
        self.places(token).map(|at| self.lines[at as usize])
    }
}

/// Hash of a name whatever its case and dollar signs, which a template or a regular expression adds: `$name`, `name$`.
fn hash_spelt(name: &str) -> u64 {
    words::hash_lowered(name.trim_matches('$'))
}

/// What stands beside a key in a sorted list.
fn found(sorted: &[(u64, u32)], key: u64) -> impl Iterator<Item = u32> + '_ {
    let start = sorted.partition_point(|(other, _)| *other < key);
    sorted[start..]
        .iter()
        .take_while(move |(other, _)| *other == key)
        .map(|(_, beside)| *beside)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(chunk: &str) -> EvidenceIndex {
        let evidence = Evidence {
            chunk,
            path: "src/auth.rs",
            repository: "acme/tool",
            ..Evidence::default()
        };
        EvidenceIndex::new(&evidence, Arc::new(Symbols::new(["Other::make"])))
    }

    #[test]
    fn names_are_known_from_chunk_path_and_symbols() {
        let index = index("let maxBytes = 0xFF;");
        for (name, support) in [
            ("maxBytes", Support::Exact),
            ("MAXbytes", Support::Folded),
            ("$maxBytes", Support::Folded),
            ("max_bytes", Support::Restyled),
            ("make", Support::Exact),
            ("auth", Support::Exact),
            ("acme", Support::Exact),
            ("minBytes", Support::None),
        ] {
            assert_eq!(index.name(name), support, "{name}");
        }
        assert_eq!(index.number(255.0).collect::<Vec<_>>(), [0]);
        assert_eq!(index.number(254.0).next(), None);
    }

    #[test]
    fn runs_of_code_are_found_whatever_the_spacing() {
        let index = index("if (a >= 1 &&\n  b) { return c; }");
        let hashes = |code| {
            words::tokens(code)
                .iter()
                .map(|t| words::hash(t.text))
                .collect::<Vec<_>>()
        };
        assert!(index.run(&hashes("a>=1 && b")));
        assert!(!index.run(&hashes("a > 1 && b")));
        assert!(index.run(&[]));
    }
}
