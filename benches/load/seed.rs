//! A database as a gateway leaves it after three syncs, the last one now.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use slategate::auth::{self, NewToken};
use slategate::clock::Clock;
use slategate::controls::Policy;
use slategate::demo::Simulator;
use slategate::demo::keys::READER;
use slategate::domain::Instant;
use slategate::store::audit::Actor;
use slategate::store::views::Role;
use slategate::store::{Store, StoreOptions};
use slategate::sync::{Engine, EngineOptions, ImportOptions};
use slategate::vault::{KeyRing, Vault};
use tokio_util::sync::CancellationToken;

use crate::estate::{self, Size};

const CLUSTERS_OF_A_PROJECT: usize = 50;
const USERS_OF_A_PROJECT: usize = 10;
/// Days before now at which the organization was synced; each time a tenth of the clusters had changed.
const SYNCED_DAYS_AGO: [i64; 3] = [60, 20, 0];
/// What the simulated Atlas takes for an answer while a sync is measured.
const LATENCY: Duration = Duration::from_millis(50);
const TOKENS: usize = 4;

/// What it takes to serve and to ask.
#[derive(Debug, Serialize, Deserialize)]
pub struct Seeded {
    /// Tokens of analysts, of whom one alone may not use all places of the gateway.
    pub tokens: Vec<String>,
    pub admin: String,
    pub integration: i64,
    pub accounts: usize,
    /// A past instant, between two syncs.
    pub a_month_ago: Instant,
}

fn size(clusters: usize, generation: usize) -> Size {
    let projects = clusters.div_ceil(CLUSTERS_OF_A_PROJECT);
    Size { projects, clusters: CLUSTERS_OF_A_PROJECT.min(clusters), users: USERS_OF_A_PROJECT, generation }
}

/// Syncs the organization as it was at each of the instants.
pub async fn fill(database: &str, clusters: usize, key_file: &Path) -> Result<Seeded> {
    let now = Clock::System.now();
    let clock = Clock::manual(now - TimeDelta::days(SYNCED_DAYS_AGO[0]));
    let store = Store::connect(StoreOptions {
        url: database.to_owned(),
        freshness: TimeDelta::days(365),
        dormant_after: TimeDelta::days(90),
        clock: clock.clone(),
        connections: 4,
        lease: Duration::from_mins(10),
    })
    .await?;
    store.migrate().await?;
    let workspace = store.ensure_default_workspace().await?;
    let by = Actor { workspace, key: "bench".to_owned(), name: "bench".to_owned(), request_id: None };
    let mut integration = None;
    let mut key_ring = Some(KeyRing::create(key_file)?);
    for (generation, days) in SYNCED_DAYS_AGO.into_iter().enumerate() {
        let due = now - TimeDelta::days(days);
        clock.advance(due - clock.now());
        let own = estate::organization(size(clusters, generation));
        let simulator = Simulator::start(vec![own], estate::boundless()).await?;
        let ring = key_ring.take().map_or_else(|| KeyRing::open(key_file), Ok)?;
        let options = EngineOptions {
            policy: Policy::default(),
            schedule: "0 0 0 1 1 *".parse()?,
            clock: clock.clone(),
            atlas_base_url: simulator.base_url(),
            atlas_lanes: 16,
        };
        let engine = Engine::new(store.clone(), Vault::new(ring), options);
        if let Some(known) = integration {
            ensure!(engine.request_sync(&by, known).await?.is_ok(), "a sync was refused");
        } else {
            let people = estate::people(size(clusters, 0));
            let imported = engine.import_people(&by, &people, ImportOptions::default()).await?;
            ensure!(imported.is_ok(), "the people were refused: {imported:?}");
            let connected = engine.connect(&by, READER.public, READER.private.to_owned().into()).await?;
            integration = Some(connected.ok().context("the organization was refused")?.integration_id);
        }
        ensure!(engine.work_next("bench", &CancellationToken::new()).await?, "nothing was due");
    }
    let issue = async |name: &str, role| {
        let new = NewToken { name, role, person: None, ttl_days: 30 };
        anyhow::Ok(auth::issue(&store, &by, new, now).await?.1.expose().to_owned())
    };
    let mut tokens = Vec::new();
    for number in 0..TOKENS {
        tokens.push(issue(&format!("analyst {number}"), Role::Analyst).await?);
    }
    let admin = issue("admin", Role::Admin).await?;
    // Else the program would judge everything anew when it starts, as after an upgrade.
    store.set_policy_fingerprint(workspace, &Policy::default().fingerprint()).await?;
    store.close().await?;
    Ok(Seeded {
        tokens,
        admin,
        integration: integration.context("nothing was synced")?,
        accounts: size(clusters, 0).projects * USERS_OF_A_PROJECT,
        a_month_ago: now - TimeDelta::days(30),
    })
}

/// Serves the organization as it is after so many more changes.
pub async fn serve_atlas(clusters: usize, changes: usize) -> Result<()> {
    let own = estate::organization(size(clusters, SYNCED_DAYS_AGO.len() - 1 + changes));
    let simulator = Simulator::start(vec![own], estate::boundless()).await?;
    simulator.latency(LATENCY);
    println!("{}", simulator.base_url());
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    Ok(())
}
