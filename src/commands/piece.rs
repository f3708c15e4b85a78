//! One chunk of a file: its questions, and which of them become samples.
//!
//! Its questions come from [`super::questions`]; what is made of one is [`super::conversation`]'s. All requests of a chunk begin with the
//! same bytes.

use super::cut::{Ask, FileContext, Piece, Shown, Wanted};
use super::engine::{Engine, Halt};
use super::questions::Asked;
use super::row;
use crate::domain::failure::{FailedItem, FailureCode};
use crate::domain::prompt::Author;
use crate::domain::sample::Sample;
use crate::llm::Owed;
use futures_util::future::join_all;

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
            let (questions, owed) = match piece.ask {
                Ask::Answers(known) => (known, self.client().owe(0)),
                Ask::Questions(plan, tries) => {
                    let owed = self.client().owe(1 + plan.slots.len());
                    match self.questions(context, &shown, &plan, tries).await? {
                        Asked::Questions(asked) => {
                            result.rejected.extend(asked.dropped);
                            if let Some(code) = asked.failed {
                                result.fail(failed(&shown, None, code, tries));
                            }
                            (asked.kept.into_iter().map(Wanted::fresh).collect(), owed)
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
            self.answers(context, &shown, questions, owed, &mut result)
                .await?;
        }
        Ok(result)
    }

    async fn answers(
        &self,
        context: &FileContext<'_>,
        shown: &Shown<'_>,
        questions: Vec<Wanted>,
        owed: Owed<'_>,
        result: &mut PieceResult,
    ) -> Result<(), Halt> {
        let owed = owed.each(questions.len());
        let talks = questions.iter().zip(owed).map(|(wanted, owed)| async move {
            let talk = self.conversation(context, shown, wanted).await;
            drop(owed);
            talk
        });
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
        by: question
            .filter(|question| question.by != Author::Model)
            .map(|question| question.by.as_str().to_owned()),
        tries: tries + 1,
        answer_tries: waits_for_judge.map(|wanted| wanted.answer_tries),
    }
}
