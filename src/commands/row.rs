//! A sample with its provenance, as it will stand in the dataset.

use super::answer::Accepted;
use super::cut::{FileContext, Shown};
use super::judging::Judged;
use super::wire::Answered;
use crate::domain::prompt;
use crate::domain::quality::Score;
use crate::domain::quality::judge::Verdict;
use crate::domain::redact;
use crate::domain::sample::{Role, Sample, Turn};
use crate::llm::{Sent, Usage};
use serde::Serialize;

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
            metadata: written(&provenance(context, shown, accepted)),
        };
        let assistant = Turn {
            role: Role::Assistant,
            content: accepted.text().to_owned(),
            metadata: written(&generation(accepted, run_id)),
        };
        [user, assistant]
    });
    Sample {
        turns: turns.collect(),
        score: accepted.iter().map(Accepted::worth).fold(1.0, f64::min),
    }
}

/// Where a question comes from.
#[derive(Serialize)]
struct Provenance<'a> {
    repository: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<&'a str>,
    path: &'a str,
    language: &'a str,
    licence: Option<&'a str>,
    content_hash: &'a str,
    bytes: Option<[usize; 2]>,
    lines: [u32; 2],
    symbol: Option<String>,
    question_kind: &'a str,
    question_by: &'a str,
}

fn provenance<'a>(
    context: &FileContext<'a>,
    shown: &Shown<'_>,
    accepted: &'a Accepted,
) -> Provenance<'a> {
    let (file, chunk) = (context.file, shown.chunk);
    let repository = &file.repository;
    Provenance {
        repository: &repository.url,
        commit: file.commit.as_deref(),
        path: &file.name,
        language: &file.language,
        licence: file.licence.as_deref(),
        content_hash: &file.content_hash,
        bytes: file
            .bytes_of(&chunk.lines)
            .map(|bytes| [bytes.start, bytes.end]),
        lines: [*chunk.lines.start(), *chunk.lines.end()],
        symbol: context.symbol(&accepted.question.question, chunk),
        question_kind: accepted.question.kind.as_str(),
        question_by: accepted.question.by.as_str(),
    }
}

/// How an answer was made, what it rests on, and what it is worth.
#[derive(Serialize)]
struct Generation<'a> {
    #[serde(flatten)]
    call: Call<'a>,
    prompt_version: &'a str,
    /// The gates and the score's formula change with the program.
    program_version: &'a str,
    evidence_lines: Vec<[u32; 2]>,
    score: &'a Score,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    judge: Option<Judgement<'a>>,
    run_id: &'a str,
}

fn generation<'a>(accepted: &'a Accepted, run_id: &'a str) -> Generation<'a> {
    let lines = accepted.evidence_lines.iter();
    let reasoning = accepted.answered.completion.reasoning.as_deref();
    Generation {
        call: call(&accepted.answered),
        prompt_version: prompt::version(),
        program_version: env!("CARGO_PKG_VERSION"),
        evidence_lines: lines.map(|lines| [*lines.start(), *lines.end()]).collect(),
        score: &accepted.score,
        reasoning: reasoning.map(|text| redact::redact(text).text),
        judge: accepted.judged.as_ref().map(judgement),
        run_id,
    }
}

/// What was asked of a model, and what it cost.
#[derive(Serialize)]
struct Call<'a> {
    model: &'a str,
    sampling: &'a Sent,
    finish_reason: &'a str,
    usage: Usage,
    attempts: u32,
    latency_ms: u64,
    from_cache: bool,
}

fn call(answered: &Answered) -> Call<'_> {
    let completion = &answered.completion;
    Call {
        model: &completion.model,
        sampling: &completion.sent,
        finish_reason: &completion.finish_reason,
        usage: completion.usage,
        attempts: completion.attempts,
        latency_ms: completion.latency_ms,
        from_cache: answered.from_cache,
    }
}

/// The verdict, and how it was made.
#[derive(Serialize)]
struct Judgement<'a> {
    #[serde(flatten)]
    call: Call<'a>,
    verdict: &'a Verdict,
    score: f64,
}

fn judgement(judged: &Judged) -> Judgement<'_> {
    Judgement {
        call: call(&judged.answered),
        verdict: &judged.verdict,
        score: judged.verdict.score(),
    }
}

fn written(metadata: &impl Serialize) -> String {
    // Names, numbers and lists of them: it can be written.
    serde_json::to_string(metadata).unwrap_or_default()
}
