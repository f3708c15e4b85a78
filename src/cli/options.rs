//! Options that several commands share, and how their values are read.

use crate::domain::price::Cost;
use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

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
    /// Which files are sent, by what they are.
    #[command(flatten)]
    pub files: FilesArgs,
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

/// Which files are sent, or exported, by what they are.
#[derive(Debug, Args)]
pub struct FilesArgs {
    /// Only files in this language, by its name or alias as GitHub knows it; may be given several times
    #[arg(
        long,
        value_name = "NAME",
        value_delimiter = ',',
        env = "PIPELINE_LANGUAGE"
    )]
    pub language: Vec<String>,
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
}

/// Under which licences files may be.
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
    /// Most requests in flight; fewer where the server refuses them or keeps them waiting too long
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
    /// Stop after so long: seconds, or a number with its unit, such as 90s, 45m or 2h
    #[arg(long, value_name = "TIME", value_parser = time, env = "PIPELINE_MAX_TIME")]
    pub max_time: Option<Duration>,
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

/// Whole seconds, minutes or hours.
fn time(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit_secs = match &text[digits.len()..] {
        "" | "s" => Some(1),
        "m" => Some(60),
        "h" => Some(3600),
        _ => None,
    };
    let secs = digits.parse::<u64>().ok().zip(unit_secs);
    secs.and_then(|(number, unit)| number.checked_mul(unit))
        .map(Duration::from_secs)
        .ok_or_else(|| "must be whole seconds, or a time such as 90s, 45m or 2h".to_owned())
}

/// A number in `[0, 1]`: a score or a share.
pub(super) fn score(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    (0.0..=1.0)
        .contains(&value)
        .then_some(value)
        .ok_or_else(|| "must be from 0 to 1".to_owned())
}
