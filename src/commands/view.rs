//! `pipeline view`: samples and failures beside the source they came from. Reads only, and needs no lock.

mod source;
mod text;

use super::repos;
use super::screen::to_stdout;
use crate::cli::ViewArgs;
use crate::domain::failure::Failure;
use crate::domain::provenance::{Making, Provenance};
use crate::report::Exit;
use crate::store::{Reader, SampleFilter, StoredFailure, StoredSample};
use crate::workspace::Workspace;
use serde_json::{Value, json};
use source::{Source, Wanted};
use std::collections::BTreeSet;
use std::path::Path;

/// A sample with all that is known of it.
struct SeenSample {
    stored: StoredSample,
    from: Provenance,
    /// Of each answer.
    makings: Vec<Making>,
    source: Option<Source>,
}

/// A failure with all that is known of it.
struct SeenFailure {
    stored: StoredFailure,
    /// `None` when someone else wrote the reason.
    failure: Option<Failure>,
    source: Option<Source>,
}

/// Prints the latest samples or failures that fit.
pub fn execute(workspace: &Workspace, args: &ViewArgs) -> anyhow::Result<Exit> {
    let path = args.path.as_deref().map(as_stored);
    let filter = SampleFilter {
        id: args.sample,
        path: path.as_deref(),
        score_min: args.min_score,
        score_max: args.max_score,
        limit: args.limit,
    };
    let Some(reader) = Reader::open(&workspace.dataset())? else {
        return nothing(args);
    };
    if args.failed {
        let folders = repos::folders(workspace);
        let failures = reader.failures(&filter)?.into_iter();
        let seen = failures.map(|stored| SeenFailure::new(stored, &workspace.repos(), &folders));
        show(
            args,
            &seen.collect::<Vec<_>>(),
            SeenFailure::json,
            text::failure,
        )
    } else {
        let samples = reader.samples(&filter)?.into_iter();
        let seen = samples.map(|stored| SeenSample::new(stored, &workspace.repos()));
        show(
            args,
            &seen.collect::<Vec<_>>(),
            SeenSample::json,
            text::sample,
        )
    }
}

fn show<T>(
    args: &ViewArgs,
    seen: &[T],
    json: impl Fn(&T) -> Value,
    text: impl Fn(&T, &text::Shape) -> String,
) -> anyhow::Result<Exit> {
    if seen.is_empty() {
        return nothing(args);
    }
    if args.report.json {
        super::print_json(&seen.iter().map(json).collect::<Vec<_>>())?;
        return Ok(Exit::Done);
    }
    let shape = text::Shape::new(args.source_lines);
    to_stdout(|out| {
        let mut texts = seen.iter().map(|one| text(one, &shape));
        texts.try_for_each(|text| out.write_all(text.as_bytes()))
    })?;
    Ok(Exit::Done)
}

fn nothing(args: &ViewArgs) -> anyhow::Result<Exit> {
    if args.report.json {
        super::print_json(&json!([]))?;
    }
    let what = if args.failed { "failures" } else { "samples" };
    eprintln!("no {what} fit; `pipeline status` tells what there is");
    Ok(Exit::Done)
}

/// A path as it is stored, from one as a shell completes it: below `repos/`, or the end of one.
fn as_stored(path: &str) -> String {
    let path = path.trim_start_matches("./").trim_end_matches('/');
    path.strip_prefix("repos/").unwrap_or(path).to_owned()
}

impl SeenSample {
    fn new(stored: StoredSample, repos: &Path) -> Self {
        let first = stored.turns.first();
        let from = Provenance::read(first.map_or("", |turn| &turn.metadata));
        let answers = stored.turns.iter().filter(|turn| turn.role == "assistant");
        let source = from.folder(&stored.path).and_then(|folder| {
            let wanted = Wanted {
                folder,
                name: &from.path,
                commit: Some(&from.commit),
                content_hash: &from.content_hash,
            };
            source::find(repos, &wanted)
        });
        SeenSample {
            makings: answers.map(|turn| Making::read(&turn.metadata)).collect(),
            source,
            from,
            stored,
        }
    }

    /// The lines that the conversation is about; (0, 0) when they are not known.
    fn lines(&self) -> (u32, u32) {
        self.from.lines.unwrap_or_default()
    }

    /// The lines that the answers rest on.
    fn evidence(&self) -> Vec<(u32, u32)> {
        let lines = self
            .makings
            .iter()
            .flat_map(|making| &making.evidence_lines);
        lines.copied().collect()
    }

    fn json(&self) -> Value {
        let parse = |text: &str| serde_json::from_str(text).unwrap_or(Value::Null);
        let turns = self.stored.turns.iter().map(|turn| {
            json!({"role": turn.role, "content": turn.content, "metadata": parse(&turn.metadata)})
        });
        json!({
            "sample_id": self.stored.id,
            "dataset_source": self.stored.path,
            "creation_date": self.stored.created,
            "model_type_intended": self.stored.model_type,
            "sample_quality_score": self.stored.score,
            "turns": turns.collect::<Vec<_>>(),
            "source": self.source.as_ref().map(|source| excerpt(source, self.lines())),
        })
    }
}

impl SeenFailure {
    fn new(stored: StoredFailure, repos: &Path, folders: &BTreeSet<String>) -> Self {
        let folder = repos::folder_of(&stored.path, folders);
        let source = folder.zip(stored.content_hash.as_deref());
        let source = source.and_then(|(folder, content_hash)| {
            let wanted = Wanted {
                folder,
                name: &stored.path[folder.len() + 1..],
                commit: None,
                content_hash,
            };
            source::find(repos, &wanted)
        });
        SeenFailure {
            failure: stored.reason.parse().ok(),
            source,
            stored,
        }
    }

    fn json(&self) -> Value {
        let failure = self.failure.as_ref();
        let items = failure.map_or(&[][..], |failure| &failure.items);
        let items = items.iter().map(|item| {
            let source = self.source.as_ref();
            let source = source.map(|one| excerpt(one, one.lines_of(item.start, item.end)));
            json!({
                "code": item.code,
                "question": item.question,
                "question_kind": item.kind,
                "tries": item.tries,
                "source": source,
            })
        });
        json!({
            "file_path": self.stored.path,
            "failed_at": self.stored.failed_at,
            "code": failure.map(|failure| failure.code),
            "message": failure.map_or(&self.stored.reason, |failure| &failure.message),
            "items": items.collect::<Vec<_>>(),
        })
    }
}

fn excerpt(source: &Source, lines: (u32, u32)) -> Value {
    let text: String = source
        .lines(lines)
        .map(|(_, line)| format!("{line}\n"))
        .collect();
    json!({"from": source.origin, "first_line": lines.0, "last_line": lines.1, "text": text})
}
