//! What `check` asks the model server, and how it reads the answers.

use super::Line;
use crate::commands::connect;
use crate::commands::engine::WINDOW_ASSUMED_TOKENS;
use crate::commands::intake::CACHE_LIMITS;
use crate::commands::{exit_of_stop, now_secs};
use crate::domain::failure::FailureCode;
use crate::llm::{
    Client, Endpoint, ErrorClass, LengthField, LlmError, LongPrompt, Probed, Profile, RunStop,
    Structure,
};
use crate::report::{Exit, Spend};
use crate::settings::EndpointSettings;
use crate::store::{Cache, StoreError};
use crate::workspace::Workspace;
use anyhow::Context as _;

/// With less, hardly a file can be shown in one piece.
const WINDOW_LOW_TOKENS: u32 = 4096;
/// A clock that is further off spoils time stamps, waits and TLS.
const CLOCK_SECS_MAX: u64 = 300;

/// What was found, and what finding it cost.
#[derive(Debug, Default)]
pub(super) struct Looked {
    pub lines: Vec<Line>,
    pub spend: Spend,
}

/// Asks the server.
pub(super) fn look(workspace: &Workspace, settings: &EndpointSettings) -> anyhow::Result<Looked> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the asynchronous runtime")?;
    let mut looked = Looked::default();
    if let Err(line) = runtime.block_on(ask(workspace, settings, &mut looked)) {
        // What seemed well at first is not said twice.
        looked.lines.retain(|other| other.name != line.name);
        looked.lines.push(*line);
    }
    Ok(looked)
}

async fn ask(
    workspace: &Workspace,
    settings: &EndpointSettings,
    looked: &mut Looked,
) -> Result<(), Box<Line>> {
    let endpoint = find(settings, &mut looked.lines).await?;
    let client = Client::connect(&endpoint, settings.limits.clone())
        .await
        .map_err(|error| failed("server", &error))?;
    looked
        .lines
        .push(Line::ok("server", format!("{} answers", client.base_url())));
    looked.lines.extend(plain_http(&client, &endpoint));
    looked.lines.extend(list(&client));
    looked.lines.push(Line::ok("model", client.model()));
    looked.lines.push(price(&client, settings));
    let probed = client
        .probe()
        .await
        .map_err(|error| failed("completion", &error))?;
    looked.spend = spend(&probed, &client, settings);
    looked.lines.push(key(&endpoint));
    looked.lines.extend(lines(&probed, &client.profile()));
    looked.lines.extend(places(&client));
    if let Err(error) = remember(workspace, &client).await {
        let cure = "the first run will learn it again";
        let line = Line::warn("memory", error.to_string(), cure);
        looked.lines.push(line);
    }
    Ok(())
}

async fn find(settings: &EndpointSettings, lines: &mut Vec<Line>) -> Result<Endpoint, Box<Line>> {
    if let Some(endpoint) = &settings.endpoint {
        return Ok(endpoint.clone());
    }
    let found = connect::discovered().await;
    let first = found.map_err(|error| failed("server", &error))?;
    lines.push(Line::ok(
        "discovery",
        format!(
            "none is configured; {} was found at {}",
            first.server.name, first.base_url
        ),
    ));
    Ok(first.endpoint(settings.model.clone()))
}

/// A failure with the exit code that a run would have ended with. Some failures have a name of their own.
fn failed(name: &'static str, error: &LlmError) -> Box<Line> {
    let name = match error.run_stop() {
        Some(RunStop::Credentials | RunStop::Quota) => "key",
        Some(RunStop::ModelChoice | RunStop::ModelUnknown) => "model",
        Some(RunStop::EndpointWrong | RunStop::EndpointDead) => "server",
        _ if error.code() == Some(FailureCode::Blocked) => "key",
        _ => name,
    };
    let exit = match error.class {
        ErrorClass::Run(stop) => exit_of_stop(stop),
        ErrorClass::Transient(_) => Exit::Unreachable,
        ErrorClass::Item(FailureCode::Blocked) => Exit::Refused,
        ErrorClass::Shrink { .. } | ErrorClass::Item(_) => Exit::Usage,
    };
    Box::new(match error.class {
        ErrorClass::Run(_) => Line::error(name, exit, error),
        ErrorClass::Transient(_) => Line::fail(
            name,
            exit,
            error.to_string(),
            "look at the server's own log, and try again later",
        ),
        ErrorClass::Shrink { .. } => Line::fail(
            name,
            exit,
            error.to_string(),
            "raise the server's context length (-c, num_ctx); a run needs some thousand tokens",
        ),
        ErrorClass::Item(FailureCode::Blocked) => Line::fail(
            name,
            exit,
            error.to_string(),
            "give a valid key, or have the firewall or proxy before the server let requests pass",
        ),
        ErrorClass::Item(_) => Line::fail(
            name,
            exit,
            error.to_string(),
            "the server does not take a small chat request; is this a chat model?",
        ),
    })
}

fn key(endpoint: &Endpoint) -> Line {
    Line::ok(
        "key",
        match endpoint.api_key {
            Some(_) => "accepted",
            None => "none given, and none asked for",
        },
    )
}

fn plain_http(client: &Client, endpoint: &Endpoint) -> Option<Line> {
    let bare = endpoint.api_key.is_some() && client.sends_in_clear();
    bare.then(|| {
        let found = "the API key travels unencrypted to another machine";
        Line::warn("encryption", found, "use https if the network is not yours")
    })
}

fn list(client: &Client) -> Option<Line> {
    let trouble = client.list_trouble()?;
    let found = format!("the list of models is of no use: {trouble}");
    let cure = "none is needed as long as a model is named; its window is not known, though";
    Some(Line::warn("models", found, cure))
}

fn places(client: &Client) -> Option<Line> {
    let count = client.places()?;
    let found = format!("{count} requests at a time; a run sends no more at once");
    Some(Line::ok("places", found))
}

fn price(client: &Client, settings: &EndpointSettings) -> Line {
    match settings.limits.budget.price_of(client.model()) {
        Some(price) => Line::ok("price", price.to_string()),
        None => {
            let found = format!("unknown for {}; --max-cost cannot be used", client.model());
            let cure = "give it with --prices (see 'Prices and budgets' in the README)";
            Line::warn("price", found, cure)
        }
    }
}

fn spend(probed: &Probed, client: &Client, settings: &EndpointSettings) -> Spend {
    let mut spend = Spend {
        requests: u64::from(probed.requests),
        prompt_tokens: probed.usage.prompt.unwrap_or(0),
        cached_tokens: probed.usage.cached.unwrap_or(0),
        completion_tokens: probed.usage.completion.unwrap_or(0),
        ..Spend::default()
    };
    match settings.limits.budget.price_of(client.model()) {
        Some(price) => spend.bills.cost = probed.usage.cost(price),
        None => spend.bills.unpriced = spend.requests,
    }
    spend
}

fn lines(probed: &Probed, profile: &Profile) -> Vec<Line> {
    vec![
        Line::ok(
            "completion",
            format!("answered in {} ms", probed.latency.as_millis()),
        ),
        finish(probed),
        structure(probed),
        length_field(probed),
        temperature(probed),
        seed(probed),
        system_role(probed),
        window(profile),
        long_prompt(probed),
        usage(probed),
        cached(probed),
        rate_limits(probed),
        clock(probed),
    ]
}

fn finish(probed: &Probed) -> Line {
    const NAME: &str = "finish_reason";
    match &probed.unclean {
        None => Line::ok(NAME, "told"),
        Some(unclean) => Line::fail(
            NAME,
            exit_of_stop(RunStop::NoneServed),
            unclean,
            "a run would keep no answer; use a server, or a version of it, that ends answers with finish_reason 'stop'",
        ),
    }
}

fn structure(probed: &Probed) -> Line {
    const NAME: &str = "structured_output";
    let mode = match probed.form.structure {
        Structure::JsonSchema => "json_schema",
        Structure::JsonObject => "json_object",
        Structure::Tagged => "text between tags",
    };
    let weak = "more questions may fail than with a server or model that enforces JSON";
    match (probed.structured, probed.form.structure) {
        (Some(true), Structure::Tagged) => {
            Line::warn(NAME, format!("{mode}: the server enforces nothing"), weak)
        }
        (Some(true), _) => Line::ok(NAME, mode),
        (Some(false), _) => Line::warn(NAME, format!("{mode}, and the answer was no JSON"), weak),
        (None, _) => Line::warn(
            NAME,
            format!(
                "{mode} is taken; the answer was cut or empty, so that it is not known to be kept to"
            ),
            "if many questions fail, try another model",
        ),
    }
}

fn length_field(probed: &Probed) -> Line {
    Line::ok(
        "length_field",
        match probed.form.length_field {
            LengthField::MaxTokens => "max_tokens",
            LengthField::MaxCompletionTokens => "max_completion_tokens",
        },
    )
}

fn temperature(probed: &Probed) -> Line {
    match probed.form.temperature {
        true => Line::ok("temperature", "taken"),
        false => {
            let found = "not taken: --temperature and --answer-temperature have no effect";
            Line::warn("temperature", found, "name another model if you need them")
        }
    }
}

fn seed(probed: &Probed) -> Line {
    Line::ok(
        "seed",
        match probed.form.seed {
            true => "taken",
            false => "not taken, and left out",
        },
    )
}

fn system_role(probed: &Probed) -> Line {
    Line::ok(
        "system_role",
        match probed.form.system_role {
            true => "taken",
            false => "not taken: its text opens the user's turn instead",
        },
    )
}

fn window(profile: &Profile) -> Line {
    const NAME: &str = "context_window";
    match profile.context_tokens {
        Some(tokens) if tokens < WINDOW_LOW_TOKENS => {
            let cure =
                "raise the server's context length (-c, num_ctx), so that files need fewer pieces";
            Line::warn(NAME, format!("{tokens} tokens"), cure)
        }
        Some(tokens) => Line::ok(NAME, format!("{tokens} tokens")),
        None => Line::ok(
            NAME,
            format!("the server does not tell; {WINDOW_ASSUMED_TOKENS} tokens are assumed"),
        ),
    }
}

fn long_prompt(probed: &Probed) -> Line {
    const NAME: &str = "long_prompt";
    match probed.long_prompt {
        LongPrompt::NotSent => Line::ok(NAME, "not tried: the server tells its window"),
        LongPrompt::Whole(tokens) => Line::ok(NAME, format!("{tokens} tokens were read whole")),
        LongPrompt::Refused => Line::ok(NAME, "refused in words, not cut in silence"),
        LongPrompt::Cut(tokens) => Line::warn(
            NAME,
            format!("cut in silence: only {tokens} tokens were read; a run will send no more"),
            "raise the server's context length (num_ctx, -c)",
        ),
        LongPrompt::Unknown => Line::warn(
            NAME,
            "not known: the server counts no tokens, or gave no answer",
            "see to it that the server's context length is at least 8192 tokens",
        ),
    }
}

fn usage(probed: &Probed) -> Line {
    match (probed.usage.prompt, probed.usage.completion) {
        (Some(_), Some(_)) => Line::ok("usage", "the server counts tokens"),
        _ => Line::warn(
            "usage",
            "the server does not count tokens",
            "budgets of tokens and money count the most that each request can be; --max-requests is exact",
        ),
    }
}

fn cached(probed: &Probed) -> Line {
    Line::ok(
        "cached_tokens",
        match probed.usage.cached {
            Some(_) => "told",
            None => "not told: every prompt token counts as fresh",
        },
    )
}

fn rate_limits(probed: &Probed) -> Line {
    Line::ok(
        "rate_limits",
        match probed.rate_headers.as_slice() {
            [] => "the server tells none".to_owned(),
            names => format!("told in {}", names.join(", ")),
        },
    )
}

fn clock(probed: &Probed) -> Line {
    match probed.clock_ahead_secs {
        Some(secs) if secs.unsigned_abs() > CLOCK_SECS_MAX => Line::warn(
            "clock",
            format!("{secs} s between the server's clock and this machine's"),
            "set this machine's clock, or have it set (NTP)",
        ),
        Some(_) => Line::ok("clock", "agrees with the server's"),
        None => Line::ok("clock", "the server tells no time to compare with"),
    }
}

/// Keeps what was learnt for the first run. What the tokenizer does is kept as it was: chunks are cut by it, and a run that was stopped
/// must find its own again.
async fn remember(workspace: &Workspace, client: &Client) -> Result<(), StoreError> {
    let (cache, thread) = Cache::open(&workspace.cache(), CACHE_LIMITS, now_secs())?;
    let known = connect::recalled(&cache, client).await?.unwrap_or_default();
    let profile = Profile {
        bytes_per_token: known.bytes_per_token,
        prompts_seen: known.prompts_seen,
        ..client.profile()
    };
    connect::keep(&cache, client, &profile).await?;
    drop(cache);
    thread.join().map_err(|_| StoreError::CacheGone)
}
