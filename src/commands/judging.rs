//! The judge call.
//!
//! Owns how a verdict is asked for, and what it means for an answer. The words of the call are `prompt`'s, the reading of the verdict
//! `quality`'s.

use super::answer::SECOND_TRY_TEMPERATURE;
use super::cut::{FileContext, Shown};
use super::engine::{Engine, Halt};
use super::wire::{Answered, Refused};
use crate::domain::failure::FailureCode;
use crate::domain::prompt::Exchange;
use crate::domain::quality::judge::{self, Verdict};
use crate::llm::{Output, Request, Schema};
use std::sync::{Arc, LazyLock};

/// Tokens for a verdict. It is asked for behind a prompt that holds the answer too, so it must be content with less than an answer.
const VERDICT_TOKENS: u32 = 512;

/// A verdict, and the call that brought it.
#[derive(Debug)]
pub(super) struct Judged {
    pub verdict: Verdict,
    pub answered: Answered,
}

impl Engine {
    /// Has an answer judged, where that is wanted. An answer that gets no verdict is not accepted: its completion is in the cache, and a
    /// retry asks for the verdict alone.
    pub(super) async fn judge(
        &self,
        context: &FileContext<'_>,
        shown: &Shown<'_>,
        said: &[Exchange],
        question: &str,
        answer: &str,
    ) -> Result<Result<Option<Judged>, FailureCode>, Halt> {
        if !self.settings.judge {
            return Ok(Ok(None));
        }
        let task = context.tasks.judge(&shown.mark, said, question, answer);
        // On the heap, as most runs have no judge.
        let verdict = Box::pin(self.verdict(context, self.verdict_request(shown, task)));
        let judged = match verdict.await? {
            Ok(judged) => judged,
            Err(why) => {
                tracing::debug!("{}: the judge gave no verdict: {why}", context.file.path);
                return Ok(Err(FailureCode::Unjudged));
            }
        };
        let verdict = &judged.verdict;
        Ok(if verdict.is_wrong() {
            tracing::debug!("{}: judged wrong: {}", context.file.path, verdict.reason);
            Err(FailureCode::JudgedWrong)
        } else if verdict.score() < self.settings.min_score {
            Err(FailureCode::BelowMinScore)
        } else {
            Ok(Some(judged))
        })
    }

    fn verdict_request(&self, shown: &Shown<'_>, task: String) -> Request {
        static SCHEMA: LazyLock<Arc<Schema>> =
            LazyLock::new(|| Arc::new(Schema::new("verdict", &judge::schema())));
        Request {
            prefix: Arc::clone(&shown.prefix),
            task,
            follow: Vec::new(),
            output: Output::Json(Arc::clone(&SCHEMA)),
            tokens_max: VERDICT_TOKENS,
            temperature: 0.0,
            seed: None,
        }
    }

    /// Asks for a verdict; for another one, with more room, when the first cannot be read or was cut off.
    async fn verdict(
        &self,
        context: &FileContext<'_>,
        mut request: Request,
    ) -> Result<Result<Judged, FailureCode>, Halt> {
        let mut why = match self.one_verdict(context, &request).await? {
            Ok(judged) => return Ok(Ok(judged)),
            Err(why) => why,
        };
        if matches!(why, FailureCode::Unjudged | FailureCode::Truncated) {
            request.tokens_max = self.settings.answer_tokens_max.max(2 * VERDICT_TOKENS);
            request.temperature = SECOND_TRY_TEMPERATURE;
            request.seed = Some(1);
            why = match self.one_verdict(context, &request).await? {
                Ok(judged) => return Ok(Ok(judged)),
                Err(why) => why,
            };
        }
        Ok(Err(why))
    }

    async fn one_verdict(
        &self,
        context: &FileContext<'_>,
        request: &Request,
    ) -> Result<Result<Judged, FailureCode>, Halt> {
        let is_usable = |text: &str| Verdict::parse(text).is_ok();
        let answered = match self.ask_judge(request.clone(), is_usable).await? {
            Ok(answered) => answered,
            Err(Refused::TooLong) => return Ok(Err(FailureCode::ContextLength)),
            Err(Refused::Failed(code)) => return Ok(Err(code)),
        };
        context.count(&answered);
        Ok(match Verdict::parse(&answered.completion.text) {
            Ok(verdict) => Ok(Judged { verdict, answered }),
            Err(error) => {
                tracing::debug!("{}: {error}", context.file.path);
                Err(FailureCode::Unjudged)
            }
        })
    }
}
