//! One chunk of a file: its questions, an answer to each, and which of them become samples.
//!
//! Owns the requests of a chunk and the reading of their completions. All requests of a chunk begin with the same bytes.

use super::engine::{Answered, Engine, Halt, Refused, Work};
use super::row;
use crate::domain::chunk::{self, Chunk, Layout, context};
use crate::domain::failure::{FailedItem, FailureCode};
use crate::domain::prompt::{
    self, Names, Plan, PlannedQuestion, QuestionKind, ReplyForm, Source, Tasks,
};
use crate::domain::quality::{self, Evidence, EvidenceIndex, GateOptions, Symbols};
use crate::domain::redact;
use crate::domain::sample::Sample;
use crate::domain::source::SourceFile;
use crate::llm::{Output, Prefix, Request, Schema};
use futures_util::future::join_all;
use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Context before a chunk, at most so many bytes.
const CONTEXT_BYTES_MAX: usize = 1200;
/// Tokens for one question as it is written in JSON, and once more for what surrounds them. A questions call may use what an answer may
/// where that is more, since models that reason count their thoughts too.
const QUESTION_TOKENS: u32 = 110;
/// A chunk that does not fit the model's window is cut again, down to so many bytes.
const CHUNK_BYTES_MIN: usize = 512;
/// An item that was refused before is asked for with at least this temperature: at 0 the model would say the same again.
const SECOND_TRY_TEMPERATURE: f32 = 0.3;

/// What all pieces of one file share.
pub(super) struct FileContext<'a> {
    pub file: &'a SourceFile,
    pub layout: Layout,
    tasks: Tasks,
    symbols: Arc<Symbols>,
    questions: Option<usize>,
    asked: Mutex<HashSet<String>>,
    pub from_cache: AtomicU64,
}

/// A chunk, and what is wanted of it.
#[derive(Debug)]
pub(super) struct Piece {
    chunk: Chunk,
    ask: Ask,
}

#[derive(Debug)]
enum Ask {
    /// Questions by a plan, then their answers; and how often that failed before.
    Questions(Plan, u32),
    /// Answers to known questions, each with how often it failed before.
    Answers(Vec<(PlannedQuestion, u32)>),
}

/// What became of a piece.
#[derive(Debug, Default)]
pub(super) struct PieceResult {
    pub samples: Vec<Sample>,
    pub failed: Vec<FailedItem>,
    /// Reasons of everything that was not accepted, questions that were simply dropped included.
    pub rejected: Vec<FailureCode>,
}

/// The chunk as it is sent, with what its answers are held against.
struct Shown<'a> {
    chunk: &'a Chunk,
    prefix: Arc<Prefix>,
    evidence: EvidenceIndex,
    gates: GateOptions,
}

/// How a chunk's questions went.
enum Asked {
    Questions(Vec<PlannedQuestion>, Vec<FailureCode>),
    Failed(FailureCode),
    TooLong,
}

impl<'a> FileContext<'a> {
    /// The context of a file; `questions` is the number to ask about each chunk, if it is fixed.
    pub fn of(file: &'a SourceFile, work: &Work, questions: Option<usize>) -> Self {
        let layout = Layout::of(&file.text, &file.language);
        let names = layout
            .outline
            .symbols
            .iter()
            .map(|symbol| symbol.name.as_str());
        let words = names.chain(
            layout
                .outline
                .symbols
                .iter()
                .map(|symbol| symbol.signature.as_str()),
        );
        let asked = match work {
            Work::Whole => HashSet::new(),
            Work::Items { questions, .. } => {
                questions.iter().map(|question| plain(question)).collect()
            }
        };
        FileContext {
            file,
            tasks: Tasks::new(file.repository.name(), &file.name),
            symbols: Arc::new(Symbols::new(words)),
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

    /// Every chunk of the file. The plans are made here, in order, so that a second run makes the same requests.
    pub fn whole(&self, bytes_max: usize) -> Vec<Piece> {
        let mut asked = prompt::Asked::default();
        let chunks = self.layout.split(&self.file.text, bytes_max);
        chunks
            .into_iter()
            .map(|chunk| self.fresh(chunk, 0, &mut asked))
            .collect()
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
            let known = (
                PlannedQuestion {
                    kind,
                    question: question.clone(),
                },
                item.tries,
            );
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

    fn show(&self, chunk: &'a Chunk, min_score: f64) -> Shown<'a> {
        let file = self.file;
        let text = &file.text[chunk.range.clone()];
        let context = context(&file.text, &self.layout.outline, chunk, CONTEXT_BYTES_MAX);
        let breadcrumb = self.layout.outline.breadcrumb(&chunk.range);
        let source = Source {
            repository: file.repository.name(),
            url: &file.repository.url,
            about: &file.repository.about,
            path: &file.name,
            language: &file.language,
            lines: chunk.lines.clone(),
            line_count: u32::try_from(file.text.lines().count()).unwrap_or(u32::MAX),
            breadcrumb: breadcrumb.as_deref(),
            context: &context,
            text,
        };
        let prefix = source.prefix();
        let shared = prefix.with("");
        let shown = format!("{}\n{context}", file.repository.about);
        let evidence = Evidence {
            chunk: text,
            first_line: usize::try_from(*chunk.lines.start()).unwrap_or(1),
            context: &shown,
            repository: file.repository.name(),
            path: &file.name,
            language: &file.language,
        };
        Shown {
            chunk,
            prefix: Arc::new(Prefix::new(shared.system, &shared.user)),
            evidence: EvidenceIndex::new(&evidence, Arc::clone(&self.symbols)),
            gates: GateOptions {
                min_score,
                markers: vec![prefix.mark().to_owned()],
                ..GateOptions::default()
            },
        }
    }

    /// Whether the question is new in this file; from now on it is not.
    fn is_new(&self, question: &str) -> bool {
        self.asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(plain(question))
    }

    fn flaw(&self, question: &PlannedQuestion) -> Option<(FailureCode, String)> {
        let names = Names {
            repository: self.file.repository.name(),
            path: &self.file.name,
            outline: &self.layout.outline,
            text: &self.file.text,
        };
        let flaw = prompt::question_stands_alone(&question.question, &names).err()?;
        Some((flaw.code(), flaw.to_string()))
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

impl Engine {
    /// Works on one piece. A chunk that the model's window cannot hold is cut again.
    pub(super) async fn piece(
        &self,
        context: &FileContext<'_>,
        piece: Piece,
    ) -> Result<PieceResult, Halt> {
        let mut result = PieceResult::default();
        let mut waiting = vec![piece];
        while let Some(piece) = waiting.pop() {
            let shown = context.show(&piece.chunk, self.settings.min_score);
            let questions = match piece.ask {
                Ask::Answers(known) => known,
                Ask::Questions(plan, tries) => {
                    match self.questions(context, &shown, &plan, tries).await? {
                        Asked::Questions(questions, dropped) => {
                            result.rejected.extend(dropped);
                            questions
                                .into_iter()
                                .map(|question| (question, 0))
                                .collect()
                        }
                        Asked::TooLong if piece.chunk.range.len() > CHUNK_BYTES_MIN => {
                            waiting.extend(context.halves(&piece.chunk, tries));
                            continue;
                        }
                        Asked::TooLong => {
                            result.fail(failed(&shown, None, FailureCode::ContextLength, tries));
                            continue;
                        }
                        Asked::Failed(code) => {
                            result.fail(failed(&shown, None, code, tries));
                            continue;
                        }
                    }
                }
            };
            self.answers(context, &shown, questions, &mut result)
                .await?;
        }
        Ok(result)
    }

    async fn questions(
        &self,
        context: &FileContext<'_>,
        shown: &Shown<'_>,
        plan: &Plan,
        tries: u32,
    ) -> Result<Asked, Halt> {
        let schema = Schema::new("questions", &prompt::questions_schema(plan));
        let request = Request {
            prefix: Arc::clone(&shown.prefix),
            task: context.tasks.questions(plan, ReplyForm::Json),
            follow: Vec::new(),
            output: Output::Json(Arc::new(schema)),
            tokens_max: QUESTION_TOKENS
                * (1 + u32::try_from(plan.slots.len()).unwrap_or(u32::MAX - 1)),
            temperature: self.settings.question_temperature,
            seed: (tries > 0).then_some(tries),
        };
        let is_usable = |text: &str| prompt::parse_questions(text, plan).is_ok();
        let answered = match self.ask(&request, is_usable).await? {
            Ok(answered) => answered,
            Err(Refused::TooLong) => return Ok(Asked::TooLong),
            Err(Refused::Failed(code)) => return Ok(Asked::Failed(code)),
        };
        context.count(&answered);
        let Ok(found) = prompt::parse_questions(&answered.completion.text, plan) else {
            return Ok(Asked::Failed(FailureCode::NoQuestions));
        };
        self.sift(context, shown, found).await
    }

    /// Keeps the questions that are new and stand alone; gives the others one chance to be rewritten.
    async fn sift(
        &self,
        context: &FileContext<'_>,
        shown: &Shown<'_>,
        found: Vec<PlannedQuestion>,
    ) -> Result<Asked, Halt> {
        let sifted = join_all(
            found
                .into_iter()
                .map(|question| self.sift_one(context, shown, question)),
        )
        .await;
        let (mut kept, mut dropped) = (Vec::new(), Vec::new());
        for one in sifted {
            match one? {
                Ok(question) if context.is_new(&question.question) => kept.push(question),
                Ok(_) => dropped.push(FailureCode::QuestionDuplicate),
                Err(code) => dropped.push(code),
            }
        }
        Ok(match (kept.is_empty(), dropped.first()) {
            (true, Some(&code)) => Asked::Failed(code),
            (true, None) => Asked::Failed(FailureCode::NoQuestions),
            (false, _) => Asked::Questions(kept, dropped),
        })
    }

    async fn sift_one(
        &self,
        context: &FileContext<'_>,
        shown: &Shown<'_>,
        question: PlannedQuestion,
    ) -> Result<Result<PlannedQuestion, FailureCode>, Halt> {
        if redact::has_secret(&question.question) {
            return Ok(Err(FailureCode::QuestionLeak));
        }
        let Some((code, why)) = context.flaw(&question) else {
            return Ok(Ok(question));
        };
        let request = Request {
            prefix: Arc::clone(&shown.prefix),
            task: context.tasks.repair(&question.question, &why),
            follow: Vec::new(),
            output: Output::Text,
            tokens_max: QUESTION_TOKENS,
            temperature: self.settings.answer_temperature,
            seed: None,
        };
        let is_usable = |text: &str| prompt::parse_question(text).is_ok();
        let Ok(answered) = self.ask(&request, is_usable).await? else {
            return Ok(Err(code));
        };
        context.count(&answered);
        let Ok(text) = prompt::parse_question(&answered.completion.text) else {
            return Ok(Err(code));
        };
        let repaired = PlannedQuestion {
            kind: question.kind,
            question: text,
        };
        Ok(match context.flaw(&repaired) {
            None => Ok(repaired),
            Some((code, _)) => Err(code),
        })
    }

    async fn answers(
        &self,
        context: &FileContext<'_>,
        shown: &Shown<'_>,
        questions: Vec<(PlannedQuestion, u32)>,
        result: &mut PieceResult,
    ) -> Result<(), Halt> {
        let answers = questions
            .iter()
            .map(|(question, tries)| self.answer(context, shown, question, *tries));
        let answers = join_all(answers).await;
        for ((question, tries), answer) in questions.iter().zip(answers) {
            match answer? {
                Ok(sample) => result.samples.push(sample),
                Err(code) => result.fail(failed(shown, Some(question), code, *tries)),
            }
        }
        Ok(())
    }

    async fn answer(
        &self,
        context: &FileContext<'_>,
        shown: &Shown<'_>,
        question: &PlannedQuestion,
        tries: u32,
    ) -> Result<Result<Sample, FailureCode>, Halt> {
        let temperature = self.settings.answer_temperature;
        let request = Request {
            prefix: Arc::clone(&shown.prefix),
            task: context.tasks.answer(&question.question),
            follow: Vec::new(),
            output: Output::Text,
            tokens_max: self.settings.answer_tokens_max,
            temperature: if tries > 0 {
                temperature.max(SECOND_TRY_TEMPERATURE)
            } else {
                temperature
            },
            seed: (tries > 0).then_some(tries),
        };
        let answered = match self.ask(&request, |text| !text.trim().is_empty()).await? {
            Ok(answered) => answered,
            Err(Refused::TooLong) => return Ok(Err(FailureCode::ContextLength)),
            Err(Refused::Failed(code)) => return Ok(Err(code)),
        };
        context.count(&answered);
        let text = answered.completion.text.trim();
        if redact::has_secret(text) {
            return Ok(Err(FailureCode::SecretInAnswer));
        }
        Ok(
            match quality::check_answer(&question.question, text, &shown.evidence, &shown.gates) {
                Ok(score) => Ok(row::sample(
                    context.file,
                    shown.chunk,
                    &context.layout,
                    question,
                    &answered,
                    score,
                    &self.run_id,
                )),
                Err(rejection) => {
                    tracing::trace!(
                        "{}: {} ({})",
                        context.file.path,
                        rejection.code,
                        rejection.detail
                    );
                    Err(rejection.code)
                }
            },
        )
    }
}

impl FileContext<'_> {
    fn count(&self, answered: &Answered) {
        if answered.from_cache {
            self.from_cache.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The chunk cut into pieces of about half its size, last one first: they go onto a stack.
    fn halves(&self, chunk: &Chunk, tries: u32) -> Vec<Piece> {
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
        let mut pieces: Vec<Piece> = halves
            .map(|half| self.fresh(half, tries, &mut asked))
            .collect();
        pieces.reverse();
        pieces
    }
}

fn questions_tokens_max(plan: &Plan) -> u32 {
    let questions = u32::try_from(plan.slots.len()).unwrap_or(u32::MAX);
    QUESTION_TOKENS.saturating_mul(questions.saturating_add(1))
}

impl PieceResult {
    fn fail(&mut self, item: FailedItem) {
        self.rejected.push(item.code);
        self.failed.push(item);
    }
}

fn failed(
    shown: &Shown<'_>,
    question: Option<&PlannedQuestion>,
    code: FailureCode,
    tries: u32,
) -> FailedItem {
    FailedItem {
        code,
        start: shown.chunk.range.start,
        end: shown.chunk.range.end,
        question: question.map(|question| question.question.clone()),
        kind: question.map(|question| question.kind.as_str().to_owned()),
        tries: tries + 1,
    }
}
