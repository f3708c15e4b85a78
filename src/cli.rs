//! The command line as clap types: names, help, environment variables and defaults. No decisions: those are `settings`'.

mod options;
mod surroundings;

pub use options::{BudgetArgs, EndpointArgs, FilesArgs, GenerationArgs, LicensePolicy, ReportArgs};

use crate::export::Format;
use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args, Parser, Subcommand};
use options::score;
use std::path::PathBuf;

/// Turn Git repositories into grounded question-and-answer training data.
#[derive(Debug, Parser)]
#[command(name = "pipeline", version, max_term_width = 100, disable_help_subcommand = true, after_help = EXIT_CODES)]
#[command(before_help = "Examples:
  pipeline scrape                     clone or update what repos.txt lists
  pipeline prepare --dry-run          what would be sent, and what it would cost
  pipeline prepare                    write samples for new and changed files
  pipeline run -q                     scrape, prepare and retry: the line for cron")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Options of every command.
    #[command(flatten)]
    pub global: GlobalArgs,
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 internal or storage error, 2 usage or settings, 3 finished with failures,
69 LLM service unreachable (one that answered before is waited for, five minutes at most) or of no
use to any file, 75 another run holds the lock, 77 credentials refused, 78 no LLM configured or
found, 124 a budget was reached, 130/143 stopped by a signal.";

/// Options of every command.
#[derive(Debug, Args)]
pub struct GlobalArgs {
    /// The workspace: the folder with repos.txt, repos/, data/ and logs/
    #[arg(
        short = 'C',
        long,
        global = true,
        value_name = "DIR",
        default_value = ".",
        env = "PIPELINE_WORKSPACE"
    )]
    pub workspace: PathBuf,
    /// Print errors only
    #[arg(short, long, global = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new(), env = "PIPELINE_QUIET", conflicts_with = "verbose")]
    pub quiet: bool,
    /// Print more: -v each file, -vv each request
    #[arg(short, long, global = true, action = ArgAction::Count, env = "PIPELINE_VERBOSE")]
    pub verbose: u8,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Clone or update every repository in repos.txt
    #[command(before_help = "Examples:
  pipeline scrape
  pipeline scrape -C /srv/dataset")]
    Scrape(ScrapeArgs),
    /// Generate samples for new and changed files; retire those of vanished files
    #[command(before_help = "Examples:
  pipeline prepare --dry-run
  pipeline prepare --base-url http://127.0.0.1:8080/v1 --model qwen3-coder
  pipeline prepare --max-tokens 512 --temperature 0.5 --max-file-size 200000")]
    Prepare(PrepareArgs),
    /// Re-process what stands in FailedFiles
    #[command(before_help = "Examples:
  pipeline retry
  pipeline retry --answer-temperature 0.3")]
    Retry(RetryArgs),
    /// Scrape, prepare and retry in one process under one lock: the cron line
    #[command(before_help = "Example crontab line:
  17 2 * * * cd /srv/dataset && pipeline run -q")]
    Run(RunArgs),
    /// Look at everything a run needs, before money is spent; each line says what was found and what to do
    #[command(before_help = "Examples:
  pipeline check
  pipeline check --base-url https://api.example.com/v1 --model some-model
  pipeline check --json")]
    Check(CheckArgs),
    /// Write the dataset for trainers: JSON lines by split, and a dataset card
    #[command(before_help = "Examples:
  pipeline export --validation 0.02
  pipeline export --format sharegpt --min-score 0.8 --license-policy permissive --output dataset
  pipeline export --output - | head")]
    Export(ExportArgs),
    /// Look at samples, or failures, beside the source they came from
    #[command(before_help = "Examples:
  pipeline view                       the latest samples
  pipeline view src/parser.rs         those about one file, or below one folder
  pipeline view --max-score 0.6       those that barely passed
  pipeline view --failed --limit 20   what was not accepted, and why")]
    View(ViewArgs),
    /// The dataset in numbers: by repository, language, state, score, reason, and what was spent
    #[command(before_help = "Examples:
  pipeline status
  pipeline status --json")]
    Status(StatusArgs),
}

/// Options of `scrape`.
#[derive(Debug, Args)]
pub struct ScrapeArgs {
    /// How many repositories are fetched at once
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64), env = "PIPELINE_JOBS")]
    pub jobs: u16,
    /// Print the summary as JSON on stdout
    #[command(flatten)]
    pub report: ReportArgs,
}

/// Options of `prepare`.
#[derive(Debug, Args)]
pub struct PrepareArgs {
    /// Spend nothing: print which files would be sent and what that would cost; with -v or --json also why each of the others is left out
    #[arg(long, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new(), env = "PIPELINE_DRY_RUN")]
    pub dry_run: bool,
    /// Re-do unchanged files too, for a new model or new prompts; paid answers in the cache are used again
    #[arg(long, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new(), env = "PIPELINE_REFRESH")]
    pub refresh: bool,
    /// How the result is reported.
    #[command(flatten)]
    pub report: ReportArgs,
    /// How samples are generated.
    #[command(flatten)]
    pub generation: GenerationArgs,
}

/// Options of `retry`.
#[derive(Debug, Args)]
pub struct RetryArgs {
    /// How the result is reported.
    #[command(flatten)]
    pub report: ReportArgs,
    /// How samples are generated.
    #[command(flatten)]
    pub generation: GenerationArgs,
}

/// Options of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// How many repositories are fetched at once
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64), env = "PIPELINE_JOBS")]
    pub jobs: u16,
    /// How the result is reported.
    #[command(flatten)]
    pub report: ReportArgs,
    /// How samples are generated.
    #[command(flatten)]
    pub generation: GenerationArgs,
}

/// Options of `export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Folder to write to, or - to print the rows [default: data/export in the workspace]
    #[arg(short, long, value_name = "DIR", env = "PIPELINE_OUTPUT")]
    pub output: Option<PathBuf>,
    /// How rows are written
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Chat, env = "PIPELINE_FORMAT")]
    pub format: Format,
    /// Share of the files that goes to the validation split, 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = score, env = "PIPELINE_VALIDATION")]
    pub validation: f64,
    /// Share of the files that goes to the test split, 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = score, env = "PIPELINE_TEST")]
    pub test: f64,
    /// Only samples with at least this score, 0 to 1
    #[arg(
        long,
        value_name = "S",
        default_value_t = 0.0,
        value_parser = score,
        env = "PIPELINE_MIN_SCORE"
    )]
    pub min_score: f64,
    /// Which files' samples are written, by what the files are.
    #[command(flatten)]
    pub files: FilesArgs,
    /// Only samples of repositories whose folder below repos/ matches, like 'github.com/owner' or 'tool-*'; may be given several times
    #[arg(
        long,
        value_name = "GLOB",
        value_delimiter = ',',
        env = "PIPELINE_REPOSITORY"
    )]
    pub repository: Vec<String>,
    /// How the result is reported.
    #[command(flatten)]
    pub report: ReportArgs,
}

/// Options of `view`.
#[derive(Debug, Args)]
pub struct ViewArgs {
    /// Only this file or what is below this folder: a path below repos/, or the end of one
    #[arg(value_name = "PATH")]
    pub path: Option<String>,
    /// Only the sample with this sample_id
    #[arg(
        long,
        value_name = "ID",
        env = "PIPELINE_SAMPLE",
        conflicts_with = "failed"
    )]
    pub sample: Option<i64>,
    /// Failures instead of samples
    #[arg(long, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new(), env = "PIPELINE_FAILED")]
    pub failed: bool,
    /// At most so many, the latest first
    #[arg(long, value_name = "N", default_value_t = 3, env = "PIPELINE_LIMIT")]
    pub limit: u32,
    /// Only samples with at least this score, 0 to 1
    #[arg(long, value_name = "S", default_value_t = 0.0, value_parser = score, env = "PIPELINE_MIN_SCORE")]
    pub min_score: f64,
    /// Only samples with at most this score, 0 to 1
    #[arg(long, value_name = "S", default_value_t = 1.0, value_parser = score, env = "PIPELINE_MAX_SCORE")]
    pub max_score: f64,
    /// At most so many lines of source each
    #[arg(
        long,
        value_name = "N",
        default_value_t = 40,
        env = "PIPELINE_SOURCE_LINES"
    )]
    pub source_lines: u32,
    /// How the result is reported.
    #[command(flatten)]
    pub report: ReportArgs,
}

/// Options of `status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// File with prices of models, beside those the program knows
    #[arg(long, value_name = "FILE", env = "PIPELINE_PRICES")]
    pub prices: Option<PathBuf>,
    /// How the result is reported.
    #[command(flatten)]
    pub report: ReportArgs,
}

/// Options of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// File with prices of models, beside those the program knows
    #[arg(long, value_name = "FILE", env = "PIPELINE_PRICES")]
    pub prices: Option<PathBuf>,
    /// How the result is reported.
    #[command(flatten)]
    pub report: ReportArgs,
    /// The model server.
    #[command(flatten)]
    pub endpoint: EndpointArgs,
}
