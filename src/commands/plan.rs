//! `pipeline prepare --dry-run`: what would be sent and what it would cost, without a request and without changing a row.

use super::cut;
use super::drive::Intake;
use super::engine::{FRAME_TOKENS, WINDOW_ASSUMED_TOKENS, Work};
use super::intake;
use super::{Session, scan};
use crate::cli::PrepareArgs;
use crate::domain::chunk::{self, BytesPerToken, Chunk, Layout, Outline, chunk_bytes_max};
use crate::domain::price::Cost;
use crate::domain::prompt::{Asked, Ground, Plan, QuestionKind, Tasks, worth_asking};
use crate::domain::select::Skip;
use crate::domain::source::SourceFile;
use crate::report::{Exit, GenerationSummary, plural};
use crate::settings::GenerationSettings;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError, mpsc};

/// What a question, an answer and a verdict come to on average, in tokens.
const QUESTION_TOKENS: u64 = 45;
const ANSWER_TOKENS: u64 = 200;
const VERDICT_TOKENS: u64 = 120;

/// What a run would do. `files` = `new_or_changed` + `unchanged` + `skipped` + `unreadable`.
#[derive(Debug, Default, Serialize)]
struct Forecast {
    files: u64,
    new_or_changed: u64,
    unchanged: u64,
    unreadable: u64,
    skipped: BTreeMap<String, u64>,
    retired: u64,
    chunks: u64,
    calls: u64,
    prompt_tokens: u64,
    completion_tokens: u64,
    /// Of these, what the judge takes.
    #[serde(skip)]
    verdicts: Tokens,
    /// The model that is named in the settings; the server is not asked.
    model: Option<String>,
    /// The model that judges, where that is another one.
    judge_model: Option<String>,
    /// Models without a price.
    #[serde(skip)]
    unpriced: Vec<String>,
    /// Dollars, with no prompt cached by the server; null when a model or its price is unknown.
    cost_usd: Option<Cost>,
    /// Every file left out, in the order in which they were found.
    left_out: Vec<LeftOut>,
}

/// Tokens of prompts and of completions.
#[derive(Debug, Clone, Copy, Default)]
struct Tokens {
    prompt: u64,
    completion: u64,
}

/// A file left out.
#[derive(Debug, Serialize)]
struct LeftOut {
    path: String,
    #[serde(flatten)]
    skip: Skip,
}

/// Plans, and prints the plan.
pub fn execute(session: &Session, args: &PrepareArgs) -> anyhow::Result<Exit> {
    let settings = GenerationSettings::from_args(&args.generation)?;
    let forecast = Mutex::new(Forecast::default());
    let count = |change: &dyn Fn(&mut Forecast)| {
        change(&mut forecast.lock().unwrap_or_else(PoisonError::into_inner));
    };
    let refresh = args.refresh;
    let (listener, left_out) = mpsc::channel();
    let found = intake::survey(
        session,
        &settings,
        |mut finder| {
            finder.left_out = Some(listener);
            scan::scan(finder, refresh)
        },
        |item| match item {
            Intake::File(file, Work::Whole) => {
                let needs = Needs::of(&file, &settings);
                count(&|forecast| forecast.add(&needs));
            }
            Intake::File(..) => {}
            Intake::Change(_) => count(&|forecast| forecast.retired += 1),
        },
    )?;
    if let Some(signal) = session.signals.seen() {
        return Ok(signal.exit());
    }
    let mut forecast = forecast
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    forecast.complete(found);
    forecast.price(&settings);
    for (path, skip) in left_out {
        tracing::debug!("{path}: skipped, {skip}");
        forecast.left_out.push(LeftOut { path, skip });
    }
    if args.report.json {
        super::print_json(&forecast)?;
    } else {
        println!("{forecast}");
    }
    Ok(Exit::Done)
}

/// What the samples of one file would take.
#[derive(Debug, Default)]
struct Needs {
    chunks: u64,
    calls: u64,
    generation: Tokens,
    verdicts: Tokens,
}

impl Needs {
    fn of(file: &SourceFile, settings: &GenerationSettings) -> Self {
        let mut needs = Needs::default();
        let ratio = BytesPerToken::default();
        let answer_tokens = u64::from(settings.answer_tokens_max);
        let bytes_max = chunk_bytes_max(
            WINDOW_ASSUMED_TOKENS,
            FRAME_TOKENS + answer_tokens.min(WINDOW_ASSUMED_TOKENS / 3),
            ratio,
        );
        // How many questions a chunk bears hangs on its size and language. Without an outline, files that fit need no parse.
        let outline = Outline::default();
        let mut asked = Asked::default();
        let tasks = Tasks::new(file.repository.name(), &file.name);
        let of_answer = QUESTION_TOKENS + ratio.tokens(tasks.answer("").len());
        let of_follow_up = ratio.tokens(tasks.follow_up("", &[], QuestionKind::How).len());
        let of_verdict = ratio.tokens(tasks.judge("", &[], "", "").len());
        let said_tokens = QUESTION_TOKENS + ANSWER_TOKENS.min(answer_tokens);
        for (chunk, shared_bytes) in chunks_asked_about(file, bytes_max) {
            let ground = Ground::of(&file.text, &file.language, &outline, &chunk);
            let plan = Plan::of(&ground, settings.questions, &mut asked);
            let questions = plan.slots.len() as u64;
            let turns = settings.turns as u64;
            let exchanges = questions * turns;
            let later = exchanges - questions;
            let verdicts = if settings.judge { exchanges } else { 0 };
            // One call asks the first questions of a chunk; each later question is a call of its own.
            let calls = 1 + later + exchanges + verdicts;
            needs.chunks += 1;
            needs.calls += calls;
            let shared = ratio.tokens(shared_bytes);
            needs.generation.prompt += (calls - verdicts) * shared
                + ratio.tokens(tasks.questions(&plan).len())
                + exchanges * of_answer
                + later * of_follow_up
                // Before its nth exchange a conversation tells n - 1: to who asks and to who answers, and below to who judges.
                + exchanges * (turns - 1) * said_tokens;
            needs.generation.completion += exchanges * said_tokens;
            needs.verdicts.prompt += verdicts * (shared + of_verdict + said_tokens)
                + verdicts * (turns - 1) / 2 * said_tokens;
            needs.verdicts.completion += verdicts * VERDICT_TOKENS;
        }
        needs
    }
}

/// The chunks of a file, each with the bytes that all its prompts share.
fn chunks_asked_about(file: &SourceFile, bytes_max: usize) -> Vec<(Chunk, usize)> {
    let (chunks, outline) = if file.text.len() <= bytes_max {
        let chunks = chunk::split(&file.text, &file.language, bytes_max);
        (chunks, Outline::default())
    } else {
        let layout = Layout::of(&file.text, &file.language);
        let chunks = layout.split(&file.text, bytes_max);
        let asked = worth_asking(&file.text, &file.language, &layout.outline, chunks);
        (asked, layout.outline)
    };
    let with_bytes = |chunk: Chunk| {
        let context = cut::context_of(file, &outline, &chunk);
        let shared_bytes = cut::prefix(file, &outline, &chunk, &context).shared_bytes();
        (chunk, shared_bytes)
    };
    chunks.into_iter().map(with_bytes).collect()
}

impl Forecast {
    fn add(&mut self, needs: &Needs) {
        self.new_or_changed += 1;
        self.chunks += needs.chunks;
        self.calls += needs.calls;
        self.prompt_tokens += needs.generation.prompt + needs.verdicts.prompt;
        self.completion_tokens += needs.generation.completion + needs.verdicts.completion;
        self.verdicts.prompt += needs.verdicts.prompt;
        self.verdicts.completion += needs.verdicts.completion;
    }

    fn price(&mut self, settings: &GenerationSettings) {
        self.model.clone_from(&settings.model);
        let is_other = |judge: &String| settings.judge && Some(judge) != settings.model.as_ref();
        self.judge_model = settings.judge_model.clone().filter(is_other);
        let generation = Tokens {
            prompt: self.prompt_tokens - self.verdicts.prompt,
            completion: self.completion_tokens - self.verdicts.completion,
        };
        let judge = self.judge_model.as_ref().or(self.model.as_ref());
        let mut cost = Some(Cost::default());
        for (model, tokens) in [(self.model.as_ref(), generation), (judge, self.verdicts)] {
            let price = model.and_then(|model| settings.limits.budget.price_of(model));
            let part = price.map(|price| price.cost(tokens.prompt, 0, tokens.completion));
            if part.is_none() {
                self.unpriced.extend(model.cloned());
            }
            cost = cost.zip(part).map(|(cost, part)| cost + part);
        }
        self.unpriced.dedup();
        self.cost_usd = cost;
    }

    fn cost_text(&self) -> String {
        let Some(model) = &self.model else {
            return "cost unknown: name the model with --model or OPENAI_MODEL".to_owned();
        };
        let judge = self.judge_model.as_ref();
        let models = judge.map_or_else(|| model.clone(), |judge| format!("{model} and {judge}"));
        match self.cost_usd {
            Some(cost) => {
                format!(
                    "estimated cost with {models}: {cost}, less what the server has in its cache"
                )
            }
            None => format!(
                "price unknown for {}; give it with --prices",
                self.unpriced.join(" and ")
            ),
        }
    }

    fn complete(&mut self, found: GenerationSummary) {
        self.files = found.files + self.new_or_changed;
        self.unchanged = found.unchanged;
        self.unreadable = found.unreadable;
        self.skipped = found.skipped;
    }
}

impl fmt::Display for Forecast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let skipped: u64 = self.skipped.values().sum();
        writeln!(f, "{}:", plural(self.files, "file", "files"))?;
        writeln!(
            f,
            "  {:>8}  new or changed, would be sent",
            self.new_or_changed
        )?;
        writeln!(f, "  {:>8}  unchanged", self.unchanged)?;
        writeln!(f, "  {:>8}  skipped", skipped)?;
        for (reason, count) in &self.skipped {
            writeln!(f, "  {:>8}    {reason}", count)?;
        }
        if self.unreadable > 0 {
            writeln!(f, "  {:>8}  unreadable", self.unreadable)?;
        }
        if self.retired > 0 {
            writeln!(
                f,
                "  {:>8}  gone: their rows would be retired",
                self.retired
            )?;
        }
        writeln!(
            f,
            "{} in {}",
            plural(self.calls, "call", "calls"),
            plural(self.chunks, "chunk", "chunks")
        )?;
        writeln!(
            f,
            "about {} prompt tokens and {} completion tokens; a server that caches prompt prefixes reads most of them once",
            self.prompt_tokens, self.completion_tokens
        )?;
        f.write_str(&self.cost_text())
    }
}
