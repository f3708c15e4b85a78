//! The command line as clap types: names, help, environment variables and defaults. No decisions: those are `settings`'.

use crate::domain::price::Cost;
use crate::export::Format;
use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
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
69 LLM service unreachable, 75 another run holds the lock, 77 credentials refused, 78 no LLM configured or found,
124 a budget was reached, 130/143 stopped by a signal.";

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
    /// Only samples about files in this language; may be given several times
    #[arg(
        long,
        value_name = "NAME",
        value_delimiter = ',',
        env = "PIPELINE_LANGUAGE"
    )]
    pub language: Vec<String>,
    /// Only samples of repositories whose folder below repos/ matches, like 'github.com/owner' or 'tool-*'; may be given several times
    #[arg(
        long,
        value_name = "GLOB",
        value_delimiter = ',',
        env = "PIPELINE_REPOSITORY"
    )]
    pub repository: Vec<String>,
    /// Under which licences files may be; 'permissive' leaves out all others, and what has no licence
    #[arg(
        long,
        value_name = "POLICY",
        value_enum,
        default_value_t = LicensePolicy::Any,
        env = "PIPELINE_LICENSE_POLICY"
    )]
    pub license_policy: LicensePolicy,
    /// File of repositories and owners that are left out: a host/owner, host/owner/name or URL a line
    #[arg(long, value_name = "FILE", env = "PIPELINE_DENY_LIST")]
    pub deny_list: Option<PathBuf>,
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

/// How a result is reported.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Print the result as JSON on stdout
    #[arg(long, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new(), env = "PIPELINE_JSON")]
    pub json: bool,
}

/// How samples are generated: the same for `prepare`, `retry` and `run`.
#[derive(Debug, Args)]
#[command(next_help_heading = "Generation")]
pub struct GenerationArgs {
    /// Most tokens of one generated answer
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(16..=131_072), env = "PIPELINE_MAX_TOKENS")]
    pub max_tokens: u32,
    /// Sampling temperature for questions, 0 to 2
    #[arg(long, value_name = "T", default_value_t = 0.7, value_parser = temperature, env = "PIPELINE_TEMPERATURE")]
    pub temperature: f32,
    /// Sampling temperature for answers, 0 to 2
    #[arg(long, value_name = "T", default_value_t = 0.0, value_parser = temperature, env = "PIPELINE_ANSWER_TEMPERATURE")]
    pub answer_temperature: f32,
    /// Largest file to process, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = 1_048_576, value_parser = clap::value_parser!(u64).range(1..=1_073_741_824), env = "PIPELINE_MAX_FILE_SIZE")]
    pub max_file_size: u64,
    /// Questions per piece of a file [default: by its size, 1 to 8]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=32), env = "PIPELINE_QUESTIONS")]
    pub questions: Option<u8>,
    /// Lowest quality score that is kept, 0 to 1
    #[arg(long, value_name = "S", default_value_t = crate::domain::quality::MIN_SCORE_DEFAULT, value_parser = score, env = "PIPELINE_MIN_SCORE")]
    pub min_score: f64,
    /// Exchanges of a conversation, 1 to 5: each accepted answer is followed by a further question until so many are reached
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=5), env = "PIPELINE_TURNS")]
    pub turns: u8,
    /// Have a model judge every answer that passed the checks; its score then decides
    #[arg(long, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new(), env = "PIPELINE_JUDGE")]
    pub judge: bool,
    /// Model of the same server that judges, with --judge [default: the one that answers]
    #[arg(long, value_name = "NAME", env = "PIPELINE_JUDGE_MODEL")]
    pub judge_model: Option<String>,
    /// Only files whose path in the repository matches; may be given several times
    #[arg(
        long,
        value_name = "GLOB",
        value_delimiter = ',',
        env = "PIPELINE_INCLUDE"
    )]
    pub include: Vec<String>,
    /// No files whose path in the repository matches; may be given several times
    #[arg(
        long,
        value_name = "GLOB",
        value_delimiter = ',',
        env = "PIPELINE_EXCLUDE"
    )]
    pub exclude: Vec<String>,
    /// Only files in this language, by its name or alias as GitHub knows it; may be given several times
    #[arg(
        long,
        value_name = "NAME",
        value_delimiter = ',',
        env = "PIPELINE_LANGUAGE"
    )]
    pub language: Vec<String>,
    /// Under which licences files are sent; 'permissive' leaves out all others, and what has no licence
    #[arg(
        long,
        value_name = "POLICY",
        value_enum,
        default_value_t = LicensePolicy::Any,
        env = "PIPELINE_LICENSE_POLICY"
    )]
    pub license_policy: LicensePolicy,
    /// File of repositories and owners about which nothing is sent: a host/owner, host/owner/name or URL a line
    #[arg(long, value_name = "FILE", env = "PIPELINE_DENY_LIST")]
    pub deny_list: Option<PathBuf>,
    /// File of benchmark texts that no sample may share ten words in a row with: plain text, or JSON or JSON Lines of which every
    /// string counts; may be given several times
    #[arg(
        long,
        value_name = "FILE",
        value_delimiter = ',',
        env = "PIPELINE_CONTAMINATION"
    )]
    pub contamination: Vec<PathBuf>,
    /// What the samples are for: TrainingSamples.model_type_intended
    #[arg(
        long,
        value_name = "TYPE",
        default_value = "Instruct",
        env = "PIPELINE_MODEL_TYPE"
    )]
    pub model_type: String,
    /// The model server.
    #[command(flatten)]
    pub endpoint: EndpointArgs,
    /// When to stop.
    #[command(flatten)]
    pub budget: BudgetArgs,
}

/// Under which licences files are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LicensePolicy {
    /// Any, known or not.
    Any,
    /// Permissive ones only.
    Permissive,
}

/// Which model server is asked, and how hard.
#[derive(Debug, Args)]
#[command(next_help_heading = "Model server")]
pub struct EndpointArgs {
    /// OpenAI-compatible base URL [env: OPENAI_BASE_URL too; default: look for a server on this machine]
    #[arg(long, value_name = "URL", env = "PIPELINE_BASE_URL")]
    pub base_url: Option<String>,
    /// Model name [env: OPENAI_MODEL too; default: the only one the server lists]
    #[arg(long, value_name = "NAME", env = "PIPELINE_MODEL")]
    pub model: Option<String>,
    /// File that holds the API key [or env: OPENAI_API_KEY]
    #[arg(long, value_name = "FILE", env = "PIPELINE_API_KEY_FILE")]
    pub api_key_file: Option<PathBuf>,
    /// Most requests in flight
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1024), env = "PIPELINE_CONCURRENCY")]
    pub concurrency: u16,
    /// Most requests a minute
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), env = "PIPELINE_REQUESTS_PER_MINUTE")]
    pub requests_per_minute: Option<u32>,
    /// Most tokens a minute
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), env = "PIPELINE_TOKENS_PER_MINUTE")]
    pub tokens_per_minute: Option<u32>,
    /// Give up on a response that sends nothing for so long, in seconds
    #[arg(long, value_name = "SECS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400), env = "PIPELINE_IDLE_TIMEOUT")]
    pub idle_timeout: u64,
    /// Give up on a response that takes longer in all, in seconds
    #[arg(long, value_name = "SECS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=86_400), env = "PIPELINE_TOTAL_TIMEOUT")]
    pub total_timeout: u64,
    /// Send the API key over plain http to another machine too
    #[arg(long, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new(), env = "PIPELINE_ALLOW_PLAIN_HTTP")]
    pub allow_plain_http: bool,
}

/// When a run stops by itself, with exit code 124; the next run goes on from there.
#[derive(Debug, Args)]
#[command(next_help_heading = "Budget")]
pub struct BudgetArgs {
    /// Stop before sending more than so many requests
    #[arg(long, value_name = "N", env = "PIPELINE_MAX_REQUESTS")]
    pub max_requests: Option<u64>,
    /// Stop before spending more than so many tokens, prompt and completion together
    #[arg(long, value_name = "N", env = "PIPELINE_MAX_TOTAL_TOKENS")]
    pub max_total_tokens: Option<u64>,
    /// Stop before spending more than so many US dollars; needs the model's price
    #[arg(long, value_name = "DOLLARS", value_parser = dollars, env = "PIPELINE_MAX_COST")]
    pub max_cost: Option<Cost>,
    /// File with prices of models, beside those the program knows
    #[arg(long, value_name = "FILE", env = "PIPELINE_PRICES")]
    pub prices: Option<PathBuf>,
    /// Stop after so many seconds
    #[arg(long, value_name = "SECS", env = "PIPELINE_MAX_TIME")]
    pub max_time: Option<u64>,
}

fn temperature(text: &str) -> Result<f32, String> {
    let value: f32 = text.parse().map_err(|_| "not a number".to_owned())?;
    (0.0..=2.0)
        .contains(&value)
        .then_some(value)
        .ok_or_else(|| "must be from 0 to 2".to_owned())
}

fn dollars(text: &str) -> Result<Cost, String> {
    let value: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    Cost::from_dollars(value).ok_or_else(|| "must be an amount of dollars, 0 or more".to_owned())
}

fn score(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    (0.0..=1.0)
        .contains(&value)
        .then_some(value)
        .ok_or_else(|| "must be from 0 to 1".to_owned())
}
