//! A file cut into pieces for the model: what each piece asks for, and how its chunk is shown.
//!
//! Owns what all calls of one file share. It sends nothing: that is `piece`'s.

use super::engine::Work;
use super::late::LateEvidence;
use super::wire::Answered;
use crate::domain::chunk::{self, Chunk, Layout, Outline, context};
use crate::domain::failure::FailedItem;
use crate::domain::prompt::{
    self, Anchors, Author, Flaw, Names, Plan, PlannedQuestion, QuestionKind, Source, Tasks,
};
use crate::domain::quality::{GateOptions, Symbols, premise};
use crate::domain::source::SourceFile;
use crate::llm::Prefix;
use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Context before a chunk, at most so many bytes.
const CONTEXT_BYTES_MAX: usize = 1200;

/// What all pieces of one file share.
pub(super) struct FileContext<'a> {
    pub file: &'a SourceFile,
    pub layout: Layout,
    pub tasks: Tasks,
    symbols: Arc<OnceLock<Arc<Symbols>>>,
    questions: Option<usize>,
    asked: Mutex<HashSet<String>>,
    pub from_cache: AtomicU64,
}

/// A chunk, and what is wanted of it.
#[derive(Debug)]
pub(super) struct Piece {
    pub chunk: Chunk,
    pub ask: Ask,
}

#[derive(Debug)]
pub(super) enum Ask {
    /// Questions by a plan, then their answers; and how often that failed before.
    Questions(Plan, u32),
    /// Answers to known questions.
    Answers(Vec<Wanted>),
}

/// A question whose answer is wanted.
#[derive(Debug)]
pub(super) struct Wanted {
    pub question: PlannedQuestion,
    /// How often it failed before.
    pub tries: u32,
    /// How often it had failed when its answer is, or was, asked for: fewer than `tries` where a paid answer only waits for its judge.
    pub answer_tries: u32,
}

impl Wanted {
    /// A question that was never tried.
    pub fn fresh(question: PlannedQuestion) -> Self {
        Wanted {
            question,
            tries: 0,
            answer_tries: 0,
        }
    }
}

/// The chunk as it is sent, with what its answers are held against.
pub(super) struct Shown<'a> {
    pub chunk: &'a Chunk,
    pub prefix: Arc<Prefix>,
    /// The mark on the prefix's fences.
    pub mark: String,
    pub evidence: LateEvidence<'a>,
    pub gates: GateOptions,
}

/// What is told of the file around a chunk.
pub(super) fn context_of(file: &SourceFile, outline: &Outline, chunk: &Chunk) -> String {
    context(&file.text, outline, chunk, CONTEXT_BYTES_MAX)
}

/// What all calls of a chunk begin with.
pub(super) fn prefix(
    file: &SourceFile,
    outline: &Outline,
    chunk: &Chunk,
    context: &str,
) -> prompt::Prefix {
    let text = &file.text[chunk.range.clone()];
    let breadcrumb = outline.breadcrumb(&chunk.range);
    let source = Source {
        repository: file.repository.name(),
        url: &file.repository.url,
        about: &prompt::readme_head(&file.repository.about, text.len()),
        path: &file.name,
        language: &file.language,
        lines: chunk.lines.clone(),
        line_count: u32::try_from(file.text.lines().count()).unwrap_or(u32::MAX),
        breadcrumb: breadcrumb.as_deref(),
        context,
        text,
    };
    source.prefix()
}

impl<'a> FileContext<'a> {
    /// The context of a file; `questions` is the number to ask about each chunk, if it is fixed.
    pub fn of(file: &'a SourceFile, work: &Work, questions: Option<usize>) -> Self {
        let layout = Layout::of(&file.text, &file.language);
        let asked = match work {
            Work::Whole => HashSet::new(),
            Work::Items { questions, .. } => {
                questions.iter().map(|question| plain(question)).collect()
            }
        };
        FileContext {
            file,
            tasks: Tasks::new(file.repository.name(), &file.name),
            symbols: Arc::default(),
            layout,
            questions,
            asked: Mutex::new(asked),
            from_cache: AtomicU64::new(0),
        }
    }

    /// The pieces of the file that `work` is about. `None` when what failed lies outside this text: the whole file is to be done then.
    pub fn pieces(&self, work: &Work, bytes_max: usize) -> Option<Vec<Piece>> {
        match work {
            Work::Whole => Some(self.whole(bytes_max)),
            Work::Items { items, .. } => self.again(items),
        }
    }

    /// Every chunk of the file that is worth asking about. The plans are made here, in order, so that a second run makes the same requests.
    pub fn whole(&self, bytes_max: usize) -> Vec<Piece> {
        let mut asked = prompt::Asked::default();
        self.worth_asking(self.layout.split(&self.file.text, bytes_max))
            .into_iter()
            .map(|chunk| self.fresh(chunk, 0, &mut asked))
            .collect()
    }

    fn worth_asking(&self, chunks: Vec<Chunk>) -> Vec<Chunk> {
        let file = self.file;
        prompt::worth_asking(&file.text, &file.language, &self.layout.outline, chunks)
    }

    fn fresh(&self, chunk: Chunk, tries: u32, asked: &mut prompt::Asked) -> Piece {
        let ground = prompt::Ground::of(
            &self.file.text,
            &self.file.language,
            &self.layout.outline,
            &chunk,
        );
        Piece {
            ask: Ask::Questions(Plan::of(&ground, self.questions, asked), tries),
            chunk,
        }
    }

    fn again(&self, items: &[FailedItem]) -> Option<Vec<Piece>> {
        let mut pieces: Vec<Piece> = Vec::new();
        for item in items {
            let chunk = Chunk::at(&self.file.text, item.start..item.end)?;
            let Some(question) = &item.question else {
                pieces.push(self.fresh(chunk, item.tries, &mut prompt::Asked::default()));
                continue;
            };
            let kind = item
                .kind
                .as_deref()
                .and_then(|kind| kind.parse().ok())
                .unwrap_or(QuestionKind::How);
            let known = Wanted {
                question: PlannedQuestion {
                    kind,
                    question: question.clone(),
                    by: Author::from_word(item.by.as_deref()),
                },
                tries: item.tries,
                answer_tries: item.answer_tries.unwrap_or(item.tries),
            };
            match pieces
                .iter_mut()
                .find(|piece| piece.chunk == chunk)
                .map(|piece| &mut piece.ask)
            {
                Some(Ask::Answers(same_chunk)) => same_chunk.push(known),
                _ => pieces.push(Piece {
                    chunk,
                    ask: Ask::Answers(vec![known]),
                }),
            }
        }
        Some(pieces)
    }

    pub fn show(&self, chunk: &'a Chunk, min_score: f64) -> Shown<'a> {
        let file = self.file;
        let context = context_of(file, &self.layout.outline, chunk);
        let prefix = prefix(file, &self.layout.outline, chunk, &context);
        let shared = prefix.with("");
        Shown {
            chunk,
            prefix: Arc::new(Prefix::new(shared.system, &shared.user)),
            mark: prefix.mark().to_owned(),
            evidence: LateEvidence::new(file, chunk, context, Arc::clone(&self.symbols)),
            gates: GateOptions {
                min_score,
                markers: vec![prefix.mark().to_owned()],
                ..GateOptions::default()
            },
        }
    }

    /// Whether the question is new in this file; from now on it is not.
    pub fn is_new(&self, question: &str) -> bool {
        self.asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(plain(question))
    }

    /// The names that a question may be given.
    pub fn anchors(&self) -> Anchors<'_> {
        Anchors {
            repository: self.file.repository.name(),
            path: &self.file.name,
        }
    }

    pub fn flaw(&self, question: &str) -> Option<Flaw> {
        prompt::question_stands_alone(question, &self.names()).err()
    }

    /// What a question is about: the definition that it names, or what its whole chunk stands in.
    pub fn symbol(&self, question: &str, chunk: &Chunk) -> Option<String> {
        let outline = &self.layout.outline;
        let names = self.names();
        let asked = names.symbol_asked(question, &chunk.range);
        asked
            .map(|symbol| outline.trail(symbol))
            .or_else(|| outline.breadcrumb(&chunk.range))
    }

    /// Whether a question is about the chunk, and not about the project in general.
    pub fn is_about(&self, shown: &Shown<'_>, question: &str) -> bool {
        let names = self.names();
        let text = &self.file.text[shown.chunk.range.clone()];
        // The last one makes the index of the evidence, which is large and held until the answers are there.
        names.symbol_asked(question, &shown.chunk.range).is_some()
            || premise::names_part_of(question, text, names.repository)
            || premise::speaks_of(question, names.repository, &shown.evidence)
    }

    fn names(&self) -> Names<'_> {
        Names {
            repository: self.file.repository.name(),
            path: &self.file.name,
            outline: &self.layout.outline,
            text: &self.file.text,
        }
    }
}

/// A question without what does not make it another one.
fn plain(question: &str) -> String {
    question
        .chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

impl FileContext<'_> {
    pub fn count(&self, answered: &Answered) {
        if answered.from_cache {
            self.from_cache.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The chunk cut into pieces of about half its size, last one first: they go onto a stack.
    pub fn halves(&self, chunk: &Chunk, tries: u32) -> Vec<Piece> {
        let (start, text) = (chunk.range.start, &self.file.text[chunk.range.clone()]);
        let mut asked = prompt::Asked::default();
        let halves = chunk::split(text, &self.file.language, text.len().div_ceil(2))
            .into_iter()
            .filter_map(|half| {
                Chunk::at(
                    &self.file.text,
                    start + half.range.start..start + half.range.end,
                )
            });
        let mut pieces: Vec<Piece> = self
            .worth_asking(halves.collect())
            .into_iter()
            .map(|half| self.fresh(half, tries, &mut asked))
            .collect();
        pieces.reverse();
        pieces
    }
}
