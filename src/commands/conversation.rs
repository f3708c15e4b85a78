//! A conversation: one accepted answer, and what is asked after it.
//!
//! Owns the follow-up questions and the end of a conversation. Every answer passes what a single one has to pass.

use super::answer::Accepted;
use super::cut::{FileContext, Shown, Wanted};
use super::engine::{Engine, Halt};
use super::questions::QUESTION_TOKENS;
use super::wire::Refused;
use crate::domain::failure::FailureCode;
use crate::domain::prompt::{self, Author, Exchange, PlannedQuestion, QuestionKind};
use crate::domain::redact;
use crate::llm::{Output, Request};
use std::sync::Arc;

/// The answers of a sample, at least one.
#[derive(Debug)]
pub(super) struct Talk {
    pub accepted: Vec<Accepted>,
    /// Why it has fewer exchanges than wanted.
    pub ended_by: Option<FailureCode>,
}

impl Engine {
    /// What comes of one question: its answer and, when more turns are wanted, the questions that follow and their answers. A first
    /// answer that fails is a failure; a later one ends the conversation, which keeps what passed.
    pub(super) async fn conversation(
        &self,
        context: &FileContext<'_>,
        shown: &Shown<'_>,
        wanted: &Wanted,
    ) -> Result<Result<Talk, FailureCode>, Halt> {
        let first = match self.answer(context, shown, &[], wanted).await? {
            Ok(accepted) => accepted,
            Err(code) => return Ok(Err(code)),
        };
        let mut said = vec![first.exchange()];
        let mut talk = Talk {
            accepted: vec![first],
            ended_by: None,
        };
        while talk.accepted.len() < self.settings.turns {
            // On the heap: most conversations end here, and many wait for their first answer.
            match Box::pin(self.exchange(context, shown, &said, &talk)).await? {
                Ok(accepted) => {
                    said.push(accepted.exchange());
                    talk.accepted.push(accepted);
                }
                Err(code) => {
                    talk.ended_by = Some(code);
                    break;
                }
            }
        }
        Ok(Ok(talk))
    }

    /// The next question and its answer.
    async fn exchange(
        &self,
        context: &FileContext<'_>,
        shown: &Shown<'_>,
        said: &[Exchange],
        talk: &Talk,
    ) -> Result<Result<Accepted, FailureCode>, Halt> {
        let asked = talk.accepted.iter().map(|accepted| accepted.question.kind);
        let kind = prompt::follow_up_kind(&said[0].question, &asked.collect::<Vec<_>>());
        match self.follow_up(context, shown, said, kind).await? {
            Ok(question) => {
                self.answer(context, shown, said, &Wanted::fresh(question))
                    .await
            }
            Err(code) => Ok(Err(code)),
        }
    }

    async fn follow_up(
        &self,
        context: &FileContext<'_>,
        shown: &Shown<'_>,
        said: &[Exchange],
        kind: QuestionKind,
    ) -> Result<Result<PlannedQuestion, FailureCode>, Halt> {
        let request = Request {
            prefix: Arc::clone(&shown.prefix),
            task: context.tasks.follow_up(&shown.mark, said, kind),
            follow: Vec::new(),
            output: Output::Text,
            tokens_max: QUESTION_TOKENS.max(self.settings.answer_tokens_max),
            temperature: self.settings.question_temperature,
            seed: None,
        };
        let is_usable = |text: &str| prompt::parse_question(text).is_ok();
        let answered = match self.ask(request, is_usable).await? {
            Ok(answered) => answered,
            Err(Refused::TooLong) => return Ok(Err(FailureCode::ContextLength)),
            Err(Refused::Failed(code)) => return Ok(Err(code)),
        };
        context.count(&answered);
        let Ok(question) = prompt::parse_question(&answered.completion.text) else {
            return Ok(Err(FailureCode::NoQuestions));
        };
        let planned = PlannedQuestion {
            kind,
            question,
            by: Author::Model,
        };
        if let Some(code) = flaw(context, &planned.question) {
            return Ok(Err(code));
        }
        self.grounded(context, shown, planned).await
    }
}

/// What is wrong with a later question. It may lean on what was said, but on nothing unseen.
fn flaw(context: &FileContext<'_>, question: &str) -> Option<FailureCode> {
    if redact::has_secret(question) {
        return Some(FailureCode::QuestionLeak);
    }
    if let Err(flaw) = prompt::follow_up_is_clear(question) {
        return Some(flaw.code());
    }
    (!context.is_new(question)).then_some(FailureCode::QuestionDuplicate)
}
