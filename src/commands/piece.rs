//! One chunk of a file: its questions, and which of them become samples.
//!
//! Owns the questions call of a chunk and what is done about questions that do not stand alone. What is made of a question is
//! [`super::conversation`]'s. All requests of a chunk begin with the same bytes.

use super::cut::{Ask, FileContext, Piece, Shown, Wanted};
use super::engine::{Engine, Halt, Refused};
use super::row;
use crate::domain::failure::{FailedItem, FailureCode};
use crate::domain::prompt::{self, Plan, PlannedQuestion};
use crate::domain::redact;
use crate::domain::sample::Sample;
use crate::llm::{Output, Request, Schema};
use futures_util::future::join_all;
use std::sync::Arc;

/// Tokens for one question as it is written in JSON, and once more for what surrounds them. A questions call may use what an answer may
/// where that is more, since models that reason count their thoughts too.
pub(super) const QUESTION_TOKENS: u32 = 110;
/// A chunk that does not fit the model's window is cut again, down to so many bytes.
const CHUNK_BYTES_MIN: usize = 512;
/// What became of a piece.
#[derive(Debug, Default)]
pub(super) struct PieceResult {
    pub samples: Vec<Sample>,
    pub failed: Vec<FailedItem>,
    /// Reasons of everything that was not accepted, questions that were simply dropped included.
    pub rejected: Vec<FailureCode>,
}

/// How a chunk's questions went.
enum Asked {
    Questions(Vec<PlannedQuestion>, Vec<FailureCode>),
    Failed(FailureCode),
    TooLong,
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
                            questions.into_iter().map(Wanted::fresh).collect()
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
            task: context.tasks.questions(plan),
            follow: Vec::new(),
            output: Output::Json(Arc::new(schema)),
            tokens_max: questions_tokens_max(plan).max(self.settings.answer_tokens_max),
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
        questions: Vec<Wanted>,
        result: &mut PieceResult,
    ) -> Result<(), Halt> {
        let talks = questions
            .iter()
            .map(|wanted| self.conversation(context, shown, wanted));
        let talks = join_all(talks).await;
        for (wanted, talk) in questions.iter().zip(talks) {
            match talk? {
                Ok(talk) => {
                    result
                        .samples
                        .push(row::sample(context, shown, &talk.accepted, &self.run_id));
                    result.rejected.extend(talk.ended_by);
                }
                Err(code) => result.fail(failed(shown, Some(wanted), code, wanted.tries)),
            }
        }
        Ok(())
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

fn failed(shown: &Shown<'_>, wanted: Option<&Wanted>, code: FailureCode, tries: u32) -> FailedItem {
    let question = wanted.map(|wanted| &wanted.question);
    let waits_for_judge = wanted.filter(|_| code == FailureCode::Unjudged);
    FailedItem {
        code,
        start: shown.chunk.range.start,
        end: shown.chunk.range.end,
        question: question.map(|question| question.question.clone()),
        kind: question.map(|question| question.kind.as_str().to_owned()),
        tries: tries + 1,
        answer_tries: waits_for_judge.map(|wanted| wanted.answer_tries),
    }
}
