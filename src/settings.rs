//! From the command line to checked settings, once. The only reader of the environment besides the parser in `cli`.

use crate::cli::{BudgetArgs, CheckArgs, EndpointArgs, GenerationArgs, LicensePolicy};
use crate::domain::price::{PriceTable, TableError};
use crate::domain::repo::DenyList;
use crate::domain::select::{LicencePolicy, OptionError, SelectOptions};
use crate::llm::{Budget, BudgetLimits, Endpoint, Limits, Secret};
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// What can be wrong with settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The key file cannot be read or is empty.
    #[error("--api-key-file {}: {why}", path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// There is no list of repositories, or it cannot be read.
    #[error("{}: {source}; write one repository URL a line into it, or give another workspace with -C", path.display())]
    ReposFile {
        /// The list.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The deny-list cannot be read or understood.
    #[error("--deny-list {}: {why}", path.display())]
    DenyList {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The price table cannot be read.
    #[error("--prices {}: {why}; see 'Prices' in the README for its form", path.display())]
    PriceFile {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The table that comes with the program is broken.
    #[error("the price table of this program: {0}")]
    Prices(#[from] TableError),
    /// `--max-cost` without a price to count with.
    #[error(
        "--max-cost: the price of model '{0}' is unknown; give it with --prices FILE (see 'Prices' in the README), or use --max-total-tokens"
    )]
    PriceUnknown(String),
    /// A text of benchmarks cannot be read or understood.
    #[error("--contamination {}: {why}", path.display())]
    Contamination {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// `--include`, `--exclude` or `--language`.
    #[error(transparent)]
    Selection(#[from] OptionError),
}

/// How samples are generated, checked.
#[derive(Debug, Clone)]
pub struct GenerationSettings {
    /// Most tokens of one answer.
    pub answer_tokens_max: u32,
    /// Sampling temperature of questions.
    pub question_temperature: f32,
    /// Sampling temperature of answers.
    pub answer_temperature: f32,
    /// Questions per chunk; `None` by its size.
    pub questions: Option<usize>,
    /// Lowest score kept.
    pub min_score: f64,
    /// Most exchanges of one sample.
    pub turns: usize,
    /// Whether a model judges the answers that passed the checks.
    pub judge: bool,
    /// The model that judges; `None` the one that answers.
    pub judge_model: Option<String>,
    /// `TrainingSamples.model_type_intended`.
    pub model_type: String,
    /// Which files are wanted.
    pub select: SelectOptions,
    /// Names `select`: what was skipped under the same key and with the same content would be skipped again.
    pub select_key: String,
    /// Texts of benchmarks that no sample may overlap with.
    pub contamination: Vec<PathBuf>,
    /// Repositories about which nothing is sent.
    pub deny: DenyList,
    /// The server; `None` looks for one on this machine.
    pub endpoint: Option<Endpoint>,
    /// The key and model to use with a server that was found.
    pub model: Option<String>,
    /// Bounds of the client, and the budget that all clients of this run share.
    pub limits: Limits,
}

impl GenerationSettings {
    /// Reads the arguments, the key file and the well-known `OPENAI_*` variables.
    pub fn from_args(args: &GenerationArgs) -> Result<Self, SettingsError> {
        let model = model(&args.endpoint);
        let limits = Limits {
            budget: Arc::new(budget(&args.budget)?),
            ..limits(&args.endpoint)
        };
        if let Some(model) = &model {
            check_price(&limits.budget, model)?;
        }
        Ok(GenerationSettings {
            answer_tokens_max: args.max_tokens,
            question_temperature: args.temperature,
            answer_temperature: args.answer_temperature,
            questions: args.questions.map(usize::from),
            min_score: args.min_score,
            turns: usize::from(args.turns),
            judge: args.judge,
            judge_model: args.judge_model.clone(),
            model_type: args.model_type.clone(),
            select: select(args)?,
            select_key: select_key(args),
            contamination: args.contamination.clone(),
            deny: deny_list(args.files.deny_list.as_deref())?,
            endpoint: endpoint(&args.endpoint, model.clone())?,
            model,
            limits,
        })
    }
}

/// Which server `check` asks.
#[derive(Debug, Clone)]
pub struct EndpointSettings {
    /// The server; `None` looks for one on this machine.
    pub endpoint: Option<Endpoint>,
    /// The model to use with a server that was found.
    pub model: Option<String>,
    /// Bounds of the client, with prices and without limits of money.
    pub limits: Limits,
}

impl EndpointSettings {
    /// Reads the arguments, the key file, the price table and the well-known `OPENAI_*` variables.
    pub fn from_args(args: &CheckArgs) -> Result<Self, SettingsError> {
        let model = model(&args.endpoint);
        let prices = prices(args.prices.as_deref())?;
        Ok(EndpointSettings {
            endpoint: endpoint(&args.endpoint, model.clone())?,
            model,
            limits: Limits {
                budget: Arc::new(Budget::new(BudgetLimits::default(), prices)),
                ..limits(&args.endpoint)
            },
        })
    }
}

fn model(args: &EndpointArgs) -> Option<String> {
    args.model.clone().or_else(|| variable("OPENAI_MODEL"))
}

/// Refuses to count money for a model that has no price.
pub fn check_price(budget: &Budget, model: &str) -> Result<(), SettingsError> {
    match (budget.limits().cost, budget.price_of(model)) {
        (Some(_), None) => Err(SettingsError::PriceUnknown(model.to_owned())),
        _ => Ok(()),
    }
}

fn budget(args: &BudgetArgs) -> Result<Budget, SettingsError> {
    let limits = BudgetLimits {
        requests: args.max_requests,
        tokens: args.max_total_tokens,
        cost: args.max_cost,
        time: args.max_time,
    };
    Ok(Budget::new(limits, prices(args.prices.as_deref())?))
}

/// The user's prices, and those that come with the program for the models that the user's do not name.
pub fn prices(path: Option<&Path>) -> Result<PriceTable, SettingsError> {
    let shipped = PriceTable::shipped()?;
    let Some(path) = path else {
        return Ok(shipped);
    };
    let refuse = |why: String| SettingsError::PriceFile {
        path: path.to_owned(),
        why,
    };
    let text = text_of(path).map_err(|error| refuse(error.to_string()))?;
    let own = PriceTable::parse(&text).map_err(|error| refuse(error.to_string()))?;
    Ok(own.before(shipped))
}

fn endpoint(args: &EndpointArgs, model: Option<String>) -> Result<Option<Endpoint>, SettingsError> {
    let key = match &args.api_key_file {
        Some(path) => Some(key_from(path)?),
        None => variable("OPENAI_API_KEY").and_then(|key| Secret::new(&key)),
    };
    let base_url = args
        .base_url
        .clone()
        .or_else(|| variable("OPENAI_BASE_URL"));
    Ok(base_url.map(|base_url| Endpoint {
        base_url,
        api_key: key,
        model,
    }))
}

fn select(args: &GenerationArgs) -> Result<SelectOptions, OptionError> {
    let options = SelectOptions::new(
        &args.include,
        &args.exclude,
        &args.files.language,
        args.max_file_size,
    )?;
    Ok(options.under(match args.files.license_policy {
        LicensePolicy::Any => LicencePolicy::Any,
        LicensePolicy::Permissive => LicencePolicy::Permissive,
    }))
}

/// The deny-list in a file; an empty one without a file.
pub fn deny_list(path: Option<&Path>) -> Result<DenyList, SettingsError> {
    let Some(path) = path else {
        return Ok(DenyList::default());
    };
    let refuse = |why: String| SettingsError::DenyList {
        path: path.to_owned(),
        why,
    };
    let text = text_of(path).map_err(|error| refuse(error.to_string()))?;
    DenyList::parse(&text).map_err(|bad| refuse(bad.to_string()))
}

/// Eight hex digits of the options that selection depends on, and of the program whose rules they go with.
fn select_key(args: &GenerationArgs) -> String {
    let said = format!(
        "{} {:?} {:?} {} {:?} {:?}",
        env!("CARGO_PKG_VERSION"),
        args.include,
        args.exclude,
        args.max_file_size,
        args.files.language,
        args.files.license_policy
    );
    Sha256::digest(said.as_bytes())
        .iter()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The text of a file, without the mark that some editors put before it.
fn text_of(path: &Path) -> std::io::Result<String> {
    let text = std::fs::read_to_string(path)?;
    Ok(text.trim_start_matches('\u{feff}').to_owned())
}

fn key_from(path: &Path) -> Result<Secret, SettingsError> {
    let refuse = |why: String| SettingsError::KeyFile {
        path: path.to_owned(),
        why,
    };
    let text = text_of(path).map_err(|error| refuse(error.to_string()))?;
    Secret::new(&text).ok_or_else(|| refuse("is empty; write the key into it".to_owned()))
}

fn limits(args: &EndpointArgs) -> Limits {
    Limits {
        concurrency: usize::from(args.concurrency),
        idle_timeout: Duration::from_secs(args.idle_timeout),
        total_timeout: Duration::from_secs(args.total_timeout),
        requests_per_minute: args.requests_per_minute,
        tokens_per_minute: args.tokens_per_minute,
        allow_plain_http: args.allow_plain_http,
        ..Limits::default()
    }
}

/// A variable that is set and not empty.
fn variable(name: &str) -> Option<String> {
    std::env::var(name)
        .ok()
        .filter(|value| !value.trim().is_empty())
}
