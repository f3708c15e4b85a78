//! A sample with its provenance, as it will stand in the dataset.

use super::answer::Accepted;
use super::cut::{FileContext, Shown};
use super::judging::Judged;
use super::wire::Answered;
use crate::domain::prompt;
use crate::domain::redact;
use crate::domain::sample::{Role, Sample, Turn};
use serde_json::{Value, json};

/// The sample of a conversation. Its score is that of its worst answer.
pub(super) fn sample(
    context: &FileContext<'_>,
    shown: &Shown<'_>,
    accepted: &[Accepted],
    run_id: &str,
) -> Sample {
    let turns = accepted.iter().flat_map(|accepted| {
        let user = Turn {
            role: Role::User,
            content: accepted.question.question.clone(),
            metadata: provenance(context, shown, accepted).to_string(),
        };
        let assistant = Turn {
            role: Role::Assistant,
            content: accepted.text().to_owned(),
            metadata: generation(accepted, run_id).to_string(),
        };
        [user, assistant]
    });
    Sample {
        turns: turns.collect(),
        score: accepted.iter().map(Accepted::worth).fold(1.0, f64::min),
    }
}

/// Where a question comes from.
fn provenance(context: &FileContext<'_>, shown: &Shown<'_>, accepted: &Accepted) -> Value {
    let (file, chunk) = (context.file, shown.chunk);
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
        "symbol": context.symbol(&accepted.question.question, chunk),
        "question_kind": accepted.question.kind.as_str(),
        "question_by": accepted.question.by.as_str(),
    })
}

/// How an answer was made, what it rests on, and what it is worth.
fn generation(accepted: &Accepted, run_id: &str) -> Value {
    let lines = &accepted.evidence_lines;
    let mut made = call(&accepted.answered);
    made["prompt_version"] = json!(prompt::version());
    // The score's formula and the gates change with the program.
    made["program_version"] = json!(env!("CARGO_PKG_VERSION"));
    made["evidence_lines"] = lines
        .iter()
        .map(|lines| json!([lines.start(), lines.end()]))
        .collect();
    made["score"] = json!(accepted.score);
    if let Some(reasoning) = &accepted.answered.completion.reasoning {
        made["reasoning"] = json!(redact::redact(reasoning).text);
    }
    if let Some(judged) = &accepted.judged {
        made["judge"] = judgement(judged);
    }
    made["run_id"] = json!(run_id);
    made
}

/// What was asked of a model, and what it cost.
fn call(answered: &Answered) -> Value {
    let completion = &answered.completion;
    json!({
        "model": completion.model,
        "sampling": completion.sent,
        "finish_reason": completion.finish_reason,
        "usage": completion.usage,
        "attempts": completion.attempts,
        "latency_ms": completion.latency_ms,
        "from_cache": answered.from_cache,
    })
}

/// The verdict, and how it was made.
fn judgement(judged: &Judged) -> Value {
    let mut made = call(&judged.answered);
    made["verdict"] = json!(judged.verdict);
    made["score"] = json!(judged.verdict.score());
    made
}
