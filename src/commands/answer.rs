//! One answer: asked for, held against its source, and judged where a judge is wanted.
//!
//! Owns what an answer must pass before it may become a turn of a sample.

use super::cut::{FileContext, Shown, Wanted};
use super::engine::{Engine, Halt};
use super::judging::Judged;
use super::wire::{Answered, Refused};
use crate::domain::failure::FailureCode;
use crate::domain::prompt::{Exchange, PlannedQuestion};
use crate::domain::quality::{self, Score};
use crate::llm::{Output, Request};
use std::ops::RangeInclusive;
use std::sync::Arc;

/// An item that was refused before is asked for with at least this temperature: at 0 the model would say the same again.
pub(super) const SECOND_TRY_TEMPERATURE: f32 = 0.3;

/// An answer that passed.
#[derive(Debug)]
pub(super) struct Accepted {
    pub question: PlannedQuestion,
    pub answered: Answered,
    /// What the checks made of it.
    pub score: Score,
    /// What the judge said, where one was asked.
    pub judged: Option<Judged>,
    /// Lines of the file on which it rests.
    pub evidence_lines: Vec<RangeInclusive<u32>>,
}

impl Accepted {
    /// The answer.
    pub fn text(&self) -> &str {
        self.answered.completion.text.trim()
    }

    /// The score that counts: the judge's, or else that of the checks.
    pub fn worth(&self) -> f64 {
        let judged = self.judged.as_ref();
        judged.map_or(self.score.value, |judged| judged.verdict.score())
    }

    /// The exchange as later calls see it.
    pub fn exchange(&self) -> Exchange {
        Exchange {
            question: self.question.question.clone(),
            answer: self.text().to_owned(),
        }
    }
}

impl Engine {
    /// Asks for the answer to a question, the next one after what was `said`, and lets it pass or says why not.
    pub(super) async fn answer(
        &self,
        context: &FileContext<'_>,
        shown: &Shown<'_>,
        said: &[Exchange],
        wanted: &Wanted,
    ) -> Result<Result<Accepted, FailureCode>, Halt> {
        let request = self.answer_request(context, shown, said, wanted);
        let answered = match self.ask(request, |text| !text.trim().is_empty()).await? {
            Ok(answered) => answered,
            Err(Refused::TooLong) => return Ok(Err(FailureCode::ContextLength)),
            Err(Refused::Failed(code)) => return Ok(Err(code)),
        };
        context.count(&answered);
        let (question, text) = (&wanted.question.question, answered.completion.text.trim());
        let checked = self.check(context, shown, said, question, text).await?;
        let (score, evidence_lines) = match checked {
            Ok(checked) => checked,
            Err(code) => return Ok(Err(code)),
        };
        let judged = match self.judge(context, shown, said, question, text).await? {
            Ok(judged) => judged,
            Err(code) => return Ok(Err(code)),
        };
        Ok(Ok(Accepted {
            evidence_lines,
            question: wanted.question.clone(),
            score,
            judged,
            answered,
        }))
    }

    /// The checks that need no model: the score, and the lines that the answer rests on. The rest of the repository is looked at only
    /// where that can change the verdict.
    async fn check(
        &self,
        context: &FileContext<'_>,
        shown: &Shown<'_>,
        said: &[Exchange],
        question: &str,
        text: &str,
    ) -> Result<Result<(Score, Vec<RangeInclusive<u32>>), FailureCode>, Halt> {
        let gates = &shown.gates;
        let mut examined = quality::examine(question, text, &shown.evidence, gates);
        if let Ok(examined) = &mut examined
            && examined.wants_elsewhere()
        {
            let elsewhere = self.neighbours.of(&context.file.repository).await?;
            examined.look_up(&elsewhere);
        }
        let earlier: Vec<&str> = said.iter().map(|said| said.answer.as_str()).collect();
        let passed = examined.and_then(|examined| {
            let score = examined.verdict(gates.min_score)?;
            quality::check_news(text, &earlier)?;
            Ok((score, examined.evidence_lines()))
        });
        Ok(passed.map_err(|rejection| {
            let path = &context.file.path;
            tracing::trace!("{path}: {} ({})", rejection.code, rejection.detail);
            rejection.code
        }))
    }

    fn answer_request(
        &self,
        context: &FileContext<'_>,
        shown: &Shown<'_>,
        said: &[Exchange],
        wanted: &Wanted,
    ) -> Request {
        let (question, tries) = (&wanted.question.question, wanted.answer_tries);
        let temperature = self.settings.answer_temperature;
        Request {
            prefix: Arc::clone(&shown.prefix),
            task: match said {
                [] => context.tasks.answer(question),
                _ => context.tasks.follow_up_answer(&shown.mark, said, question),
            },
            follow: Vec::new(),
            output: Output::Text,
            tokens_max: self.settings.answer_tokens_max,
            temperature: if tries > 0 {
                temperature.max(SECOND_TRY_TEMPERATURE)
            } else {
                temperature
            },
            seed: (tries > 0).then_some(tries),
        }
    }
}
