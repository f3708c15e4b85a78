//! The questions about one chunk: one call, and what is done about questions that cannot be used.
//!
//! A question that leans on something unseen is mended without the model where names suffice, else rewritten by it once. What is still of no
//! use is replaced by a plain question about the planned symbol, so that a weak model leaves no hole in the plan.

use super::cut::{FileContext, Shown};
use super::engine::{Engine, Halt};
use super::wire::Refused;
use crate::domain::failure::FailureCode;
use crate::domain::prompt::{self, Author, Flaw, Plan, PlannedQuestion, QuestionKind, Slot};
use crate::domain::quality::premise;
use crate::domain::redact;
use crate::llm::{Output, Request, Schema};
use futures_util::future::join_all;
use std::sync::Arc;

/// Tokens for one question as it is written in JSON, and once more for what surrounds them. A questions call may use what an answer may
/// where that is more, since models that reason count their thoughts too.
pub(super) const QUESTION_TOKENS: u32 = 110;

/// How a chunk's questions went.
pub(super) enum Asked {
    Questions(Kept),
    Failed(FailureCode),
    TooLong,
}

/// Questions to be answered.
pub(super) struct Kept {
    pub kept: Vec<PlannedQuestion>,
    /// Why the others were not kept.
    pub dropped: Vec<FailureCode>,
    /// Why the model's reply held none at all: all that are kept are plain ones then.
    pub failed: Option<FailureCode>,
}

impl Engine {
    pub(super) async fn questions(
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
        let planned = plan.clone();
        let is_usable = move |text: &str| prompt::parse_questions(text, &planned).is_ok();
        let answered = match self.ask(request, is_usable).await? {
            Ok(answered) => answered,
            Err(Refused::TooLong) => return Ok(Asked::TooLong),
            Err(Refused::Failed(code)) => return Ok(without_reply(context, plan, code)),
        };
        context.count(&answered);
        match prompt::parse_questions(&answered.completion.text, plan) {
            Ok(found) => self.sift(context, shown, plan, found).await,
            Err(_) => Ok(without_reply(context, plan, FailureCode::NoQuestions)),
        }
    }

    /// Keeps the questions that are new and stand alone.
    async fn sift(
        &self,
        context: &FileContext<'_>,
        shown: &Shown<'_>,
        plan: &Plan,
        found: Vec<PlannedQuestion>,
    ) -> Result<Asked, Halt> {
        let slots: Vec<_> = found
            .iter()
            .enumerate()
            .map(|(index, question)| prompt::slot_of(&plan.slots, index, question.kind))
            .collect();
        let sifted = found
            .into_iter()
            .zip(&slots)
            .map(|(question, slot)| self.sift_one(context, shown, question, *slot));
        let (mut kept, mut dropped) = (Vec::new(), Vec::new());
        for (one, slot) in join_all(sifted).await.into_iter().zip(slots) {
            match one? {
                Ok(question) if context.is_new(&question.question) => kept.push(question),
                Ok(_) => dropped.push(FailureCode::QuestionDuplicate),
                Err(code) => {
                    dropped.push(code);
                    kept.extend(slot.and_then(|slot| plain(context, slot)));
                }
            }
        }
        Ok(match (kept.is_empty(), dropped.first()) {
            (true, Some(&code)) => Asked::Failed(code),
            (true, None) => Asked::Failed(FailureCode::NoQuestions),
            (false, _) => Asked::Questions(Kept {
                kept,
                dropped,
                failed: None,
            }),
        })
    }

    async fn sift_one(
        &self,
        context: &FileContext<'_>,
        shown: &Shown<'_>,
        question: PlannedQuestion,
        slot: Option<&Slot>,
    ) -> Result<Result<PlannedQuestion, FailureCode>, Halt> {
        if redact::has_secret(&question.question) {
            return Ok(Err(FailureCode::QuestionLeak));
        }
        match self.made_clear(context, shown, question, slot).await? {
            Ok(question) => self.grounded(context, shown, question).await,
            Err(code) => Ok(Err(code)),
        }
    }

    /// Lets a question pass that is about the source and asks about what is there, or about what is not on purpose.
    pub(super) async fn grounded(
        &self,
        context: &FileContext<'_>,
        shown: &Shown<'_>,
        question: PlannedQuestion,
    ) -> Result<Result<PlannedQuestion, FailureCode>, Halt> {
        let may_stray = question.kind == QuestionKind::FalsePremise;
        let strays = !may_stray
            && (!context.is_about(shown, &question.question)
                || self
                    .names_unknown(context, shown, &question.question)
                    .await?);
        Ok(match strays {
            true => Err(FailureCode::QuestionUngrounded),
            false => Ok(question),
        })
    }

    /// Whether a question names what neither its source nor the rest of the repository has.
    async fn names_unknown(
        &self,
        context: &FileContext<'_>,
        shown: &Shown<'_>,
        question: &str,
    ) -> Result<bool, Halt> {
        let file = context.file;
        let known = [&*file.text, &*file.name, file.repository.name()];
        if premise::names_what_stands_in(question, &known)
            || premise::unknown_name(question, &shown.evidence, None).is_none()
        {
            return Ok(false);
        }
        let elsewhere = self.neighbours.of(&file.repository).await?;
        let unknown = premise::unknown_name(question, &shown.evidence, Some(&elsewhere));
        if let Some(name) = &unknown {
            tracing::trace!(
                "{}: the question names {name}, which is not there",
                file.path
            );
        }
        Ok(unknown.is_some())
    }

    /// The question as it stands alone: as it is, mended, or rewritten.
    async fn made_clear(
        &self,
        context: &FileContext<'_>,
        shown: &Shown<'_>,
        question: PlannedQuestion,
        slot: Option<&Slot>,
    ) -> Result<Result<PlannedQuestion, FailureCode>, Halt> {
        let Some(flaw) = context.flaw(&question.question) else {
            return Ok(Ok(question));
        };
        if flaw == Flaw::NamesNothing
            && (premise::says_nothing(&question.question)
                || !context.is_about(shown, &question.question))
        {
            return Ok(Err(FailureCode::QuestionUngrounded));
        }
        let focus = slot.and_then(|slot| slot.focus.as_deref());
        let mended = context.anchors().mend(&question.question, &flaw, focus);
        if let Some(mended) = mended.filter(|mended| context.flaw(mended).is_none()) {
            return Ok(Ok(PlannedQuestion {
                question: mended,
                by: Author::ModelMended,
                ..question
            }));
        }
        // On the heap, as it is rare.
        Box::pin(self.rewrite(context, shown, question, &flaw)).await
    }

    /// Has the model rewrite a question.
    async fn rewrite(
        &self,
        context: &FileContext<'_>,
        shown: &Shown<'_>,
        question: PlannedQuestion,
        flaw: &Flaw,
    ) -> Result<Result<PlannedQuestion, FailureCode>, Halt> {
        let request = Request {
            prefix: Arc::clone(&shown.prefix),
            task: context.tasks.repair(&question.question, &flaw.to_string()),
            follow: Vec::new(),
            output: Output::Text,
            tokens_max: QUESTION_TOKENS,
            temperature: self.settings.answer_temperature,
            seed: None,
        };
        let is_usable = |text: &str| prompt::parse_question(text).is_ok();
        let Ok(answered) = self.ask(request, is_usable).await? else {
            return Ok(Err(flaw.code()));
        };
        context.count(&answered);
        let Ok(text) = prompt::parse_question(&answered.completion.text) else {
            return Ok(Err(flaw.code()));
        };
        Ok(match context.flaw(&text) {
            None => Ok(PlannedQuestion {
                question: text,
                ..question
            }),
            Some(flaw) => Err(flaw.code()),
        })
    }
}

/// What is asked when the model's reply held no question: plain ones, where the reply itself was the trouble and the server was not.
fn without_reply(context: &FileContext<'_>, plan: &Plan, code: FailureCode) -> Asked {
    let is_about_words = matches!(
        code,
        FailureCode::NoQuestions
            | FailureCode::Truncated
            | FailureCode::UncleanFinish
            | FailureCode::EmptyCompletion
    );
    let kept: Vec<_> = plan
        .slots
        .iter()
        .filter(|_| is_about_words)
        .filter_map(|slot| plain(context, slot))
        .collect();
    if kept.is_empty() {
        return Asked::Failed(code);
    }
    Asked::Questions(Kept {
        kept,
        dropped: Vec::new(),
        failed: Some(code),
    })
}

/// A plain question in place of one that cannot be used, if it is new in this file.
fn plain(context: &FileContext<'_>, slot: &Slot) -> Option<PlannedQuestion> {
    let question = context.anchors().plain_question(slot)?;
    let is_wanted = context.flaw(&question).is_none() && context.is_new(&question);
    is_wanted.then_some(PlannedQuestion {
        kind: slot.kind,
        question,
        by: Author::Program,
    })
}

fn questions_tokens_max(plan: &Plan) -> u32 {
    let questions = u32::try_from(plan.slots.len()).unwrap_or(u32::MAX);
    QUESTION_TOKENS.saturating_mul(questions.saturating_add(1))
}
