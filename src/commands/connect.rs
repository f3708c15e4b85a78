//! The model server of a run: the one that is named or found on this machine, with what was learnt about it before.
//!
//! Owns how that knowledge is kept between runs, and what the steps of one run share. What is asked of the server is not its matter.

use super::engine::Engine;
use super::wire::{self, Wire};
use crate::llm::{self, Client, Found, LOCAL_SERVERS, LlmError, Profile};
use crate::settings::{GenerationSettings, check_price};
use crate::store::{Cache, StoreError};
use anyhow::Context as _;
use std::sync::Arc;
use tokio::runtime::Runtime;

/// The model server of a run, for one step of it after the other: what a step knows, such as that the server has served, the next one knows too.
#[derive(Debug)]
pub struct Server {
    /// Requests run on it, and connections live in it.
    runtime: Runtime,
    /// Once a file needed them.
    clients: Option<Clients>,
}

/// Who answers and, where it is another model, who judges.
#[derive(Debug, Clone)]
pub(super) struct Clients {
    pub client: Arc<Client>,
    pub judge: Option<Arc<Client>>,
}

impl Server {
    /// One that nobody has spoken to yet.
    pub(super) fn new() -> anyhow::Result<Self> {
        Ok(Server {
            runtime: wire::runtime().context("cannot start the runtime of requests")?,
            clients: None,
        })
    }

    /// The server as one step asks it.
    pub(super) fn line(&mut self, cache: Cache) -> Line<'_> {
        Line {
            wire: Wire::new(self.runtime.handle().clone(), cache),
            clients: &mut self.clients,
        }
    }
}

/// How one step asks the server.
pub(super) struct Line<'a> {
    pub wire: Wire,
    clients: &'a mut Option<Clients>,
}

impl Line<'_> {
    /// The clients of the step before, or new ones; they count from here on.
    pub async fn clients(&mut self, settings: &GenerationSettings) -> anyhow::Result<Clients> {
        let clients = match self.clients.take() {
            Some(clients) => clients,
            None => {
                let connecting = connect(settings.clone(), self.wire.cache().clone());
                self.wire.run(connecting).await?
            }
        };
        clients.client.count_anew();
        Ok(self.clients.insert(clients).clone())
    }
}

/// Connects to the endpoint named, or to the one found on this machine, and recalls what was learnt about it before; and to the model
/// that judges, where that is another one.
async fn connect(settings: GenerationSettings, cache: Cache) -> anyhow::Result<Clients> {
    let endpoint = match &settings.endpoint {
        Some(endpoint) => endpoint.clone(),
        None => {
            let found = discovered().await?;
            tracing::info!(
                "no model server is configured: using {} at {}",
                found.server.name,
                found.base_url
            );
            found.endpoint(settings.model.clone())
        }
    };
    let client = Client::connect(&endpoint, settings.limits.clone()).await?;
    check_price(&settings.limits.budget, client.model())?;
    recall(&client, &cache).await?;
    tracing::info!("model {} at {}", client.model(), client.base_url());
    let judge = connect_judge(&client, &settings, &cache).await?;
    Ok(Clients {
        client: Arc::new(client),
        judge: judge.map(Arc::new),
    })
}

async fn connect_judge(
    client: &Client,
    settings: &GenerationSettings,
    cache: &Cache,
) -> anyhow::Result<Option<Client>> {
    let named = settings.judge_model.as_deref().filter(|_| settings.judge);
    let Some(model) = named.filter(|model| *model != client.model()) else {
        return Ok(None);
    };
    let judge = client.beside(model).await?;
    check_price(&settings.limits.budget, judge.model())?;
    recall(&judge, cache).await?;
    tracing::info!("{} judges", judge.model());
    Ok(Some(judge))
}

/// Gives a client what was learnt about its endpoint and model before.
async fn recall(client: &Client, cache: &Cache) -> anyhow::Result<()> {
    match recalled(cache, client).await? {
        Some(profile) => client.adopt(profile),
        None => client.find_out_first(),
    }
    Ok(())
}

/// The server to take when none is configured: the first of the usual ones that answers on this machine.
pub(super) async fn discovered() -> Result<Found, LlmError> {
    let found = llm::discover(&LOCAL_SERVERS).await;
    found.into_iter().next().ok_or_else(LlmError::no_endpoint)
}

/// What an earlier run learnt about the endpoint and model.
pub(super) async fn recalled(
    cache: &Cache,
    client: &Client,
) -> Result<Option<Profile>, StoreError> {
    let known = cache.profile(&profile_name(client)).await?;
    Ok(known.and_then(|text| serde_json::from_str(&text).ok()))
}

/// Keeps what was learnt about the endpoint and model.
pub(super) async fn keep(
    cache: &Cache,
    client: &Client,
    profile: &Profile,
) -> Result<(), StoreError> {
    // A profile is numbers and words: it can be written.
    let text = serde_json::to_string(profile).unwrap_or_default();
    cache.keep_profile(&profile_name(client), text).await
}

/// Under this name the cache keeps what was learnt.
fn profile_name(client: &Client) -> String {
    format!("{} {}", client.base_url(), client.model())
}

/// Keeps what was learnt about the endpoint for the next run. The calibration counts only when the run came to its end: chunks are
/// cut by it, and a run that goes on where this one stopped must cut them alike to find its paid completions again.
pub(super) async fn remember(engine: &Engine, cache: &Cache, is_complete: bool) {
    let mut profile = engine.client().profile();
    if !is_complete {
        profile.bytes_per_token = engine.began_with().bytes_per_token;
        profile.prompts_seen = engine.began_with().prompts_seen;
    }
    remember_one(cache, engine.client(), &profile).await;
    if let Some(judge) = engine.judge_client() {
        remember_one(cache, judge, &judge.profile()).await;
    }
}

async fn remember_one(cache: &Cache, client: &Client, profile: &Profile) {
    if let Err(error) = keep(cache, client, profile).await {
        tracing::warn!("what was learnt about the server is forgotten: {error}");
    }
}
