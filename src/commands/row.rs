//! A sample with its provenance, as it will stand in the dataset.

use super::engine::Answered;
use crate::domain::chunk::{Chunk, Layout};
use crate::domain::prompt::{self, PlannedQuestion};
use crate::domain::quality::Score;
use crate::domain::sample::{Role, Sample, Turn};
use crate::domain::source::SourceFile;
use serde_json::{Value, json};

/// The sample of one question and its accepted answer.
pub(super) fn sample(
    file: &SourceFile,
    chunk: &Chunk,
    layout: &Layout,
    question: &PlannedQuestion,
    answered: &Answered,
    score: Score,
    run_id: &str,
) -> Sample {
    let user = Turn {
        role: Role::User,
        content: question.question.clone(),
        metadata: provenance(file, chunk, layout, question),
    };
    let assistant = Turn {
        role: Role::Assistant,
        content: answered.completion.text.trim().to_owned(),
        metadata: generation(answered, &score, run_id),
    };
    Sample {
        turns: vec![user, assistant],
        score: score.value,
    }
}

/// Where the question comes from.
fn provenance(
    file: &SourceFile,
    chunk: &Chunk,
    layout: &Layout,
    question: &PlannedQuestion,
) -> Value {
    let repository = &file.repository;
    json!({
        "repository": repository.url,
        "commit": repository.commit,
        "path": file.name,
        "language": file.language,
        "licence": file.licence,
        "content_hash": file.content_hash,
        "bytes": file.bytes_of(&chunk.lines).map(|bytes| [bytes.start, bytes.end]),
        "lines": [chunk.lines.start(), chunk.lines.end()],
        "symbol": layout.outline.breadcrumb(&chunk.range),
        "question_kind": question.kind.as_str(),
    })
}

/// How the answer was made, and what it is worth.
fn generation(answered: &Answered, score: &Score, run_id: &str) -> Value {
    let completion = &answered.completion;
    json!({
        "model": completion.model,
        "prompt_version": prompt::version(),
        "sampling": completion.sent,
        "finish_reason": completion.finish_reason,
        "usage": completion.usage,
        "attempts": completion.attempts,
        "latency_ms": completion.latency_ms,
        "from_cache": answered.from_cache,
        "score": score,
        "run_id": run_id,
    })
}
