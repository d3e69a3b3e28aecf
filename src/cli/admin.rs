//! The commands that only need the database. They work beside a running server.

use std::io::Write;

use anyhow::{Context, bail};
use chrono::TimeDelta;
use serde::Serialize;

use super::format::written;
use super::{Migrate, Place, TokenCommand, TokenCreate, WorkspaceCommand};
use crate::auth::{self, NewToken};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::Instant;
use crate::gateway::CANNOT_OPEN;
use crate::store::audit::Actor;
use crate::store::tokens::TokenView;
use crate::store::views::Role;
use crate::store::{Store, StoreError};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Migrated {
    applied: Vec<String>,
}

pub async fn migrate(
    command: Migrate,
    config: &Config,
    clock: Clock,
    out: &mut (dyn Write + Send),
) -> anyhow::Result<()> {
    let store = Store::connect(config.store_options(clock)).await.context(CANNOT_OPEN)?;
    let pending = store.schema().await?.pending;
    store.migrate().await.context("cannot bring the database's schema up to date; nothing was changed")?;
    store.ensure_default_workspace().await?;
    tracing::info!("the schema is up to date");
    command.format.print(out, &Migrated { applied: pending }, |_| Ok(()))?;
    Ok(store.close().await?)
}

/// Writes to `out` what the command is asked for and nothing else: of `create`, the token.
pub async fn token(
    command: &TokenCommand,
    config: &Config,
    clock: Clock,
    out: &mut (dyn Write + Send),
) -> anyhow::Result<()> {
    let store = open(config, clock.clone()).await?;
    match command {
        TokenCommand::Create(create) => create_token(&store, create, clock.now(), out).await?,
        TokenCommand::List { place, format } => {
            let workspace = find(&store, place).await?;
            let tokens = store.tokens(workspace).await?;
            let document =
                Tokens { tokens: tokens.iter().map(|token| TokenDocument::of(token, clock.now())).collect() };
            format.print(out, &document, |out| {
                tokens.iter().try_for_each(|token| writeln!(out, "{}", describe(token, clock.now())))
            })?;
        }
        TokenCommand::Revoke { id, place, format } => {
            let workspace = find(&store, place).await?;
            if !auth::revoke(&store, &actor(workspace), *id, clock.now()).await? {
                bail!("workspace {} has no token {id} that could be revoked", place.workspace);
            }
            format.print(out, &Revoked { id: *id, revoked_at: written(clock.now()) }, |_| Ok(()))?;
        }
    }
    Ok(store.close().await?)
}

#[derive(Serialize)]
struct Tokens {
    tokens: Vec<TokenDocument>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TokenDocument {
    id: i64,
    name: String,
    role: Role,
    state: &'static str,
    created_at: String,
    expires_at: String,
    last_used_at: Option<String>,
    revoked_at: Option<String>,
}

impl TokenDocument {
    fn of(token: &TokenView, now: Instant) -> Self {
        let state = match token.revoked_at {
            Some(_) => "REVOKED",
            None if token.expires_at <= now => "EXPIRED",
            None => "ACTIVE",
        };
        Self {
            id: token.id,
            name: token.name.clone(),
            role: token.role,
            state,
            created_at: written(token.created_at),
            expires_at: written(token.expires_at),
            last_used_at: token.last_used_at.map(written),
            revoked_at: token.revoked_at.map(written),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Revoked {
    id: i64,
    revoked_at: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NewTokenDocument<'a> {
    id: i64,
    name: &'a str,
    role: Role,
    /// Shown once.
    token: &'a str,
    expires_at: String,
}

#[derive(Serialize)]
struct Workspaces {
    workspaces: Vec<WorkspaceDocument>,
}

#[derive(Serialize)]
struct WorkspaceDocument {
    name: String,
}

pub async fn workspace(
    command: &WorkspaceCommand,
    config: &Config,
    clock: Clock,
    out: &mut (dyn Write + Send),
) -> anyhow::Result<()> {
    let store = open(config, clock).await?;
    match command {
        WorkspaceCommand::Create { name, format } => {
            create_workspace(&store, name).await?;
            format.print(out, &WorkspaceDocument { name: name.clone() }, |_| Ok(()))?;
        }
        WorkspaceCommand::List { format } => {
            let names = store.workspaces().await?.into_iter().map(|(_, name)| WorkspaceDocument { name });
            let document = Workspaces { workspaces: names.collect() };
            format.print(out, &document, |out| {
                document.workspaces.iter().try_for_each(|workspace| writeln!(out, "{}", workspace.name))
            })?;
        }
    }
    Ok(store.close().await?)
}

/// The open store, its schema made when the file is new and refused when it is old.
pub(super) async fn open(config: &Config, clock: Clock) -> anyhow::Result<Store> {
    let store = Store::connect(config.store_options(clock)).await.context(CANNOT_OPEN)?;
    if store.is_new().await? {
        store.migrate().await.context("cannot make the database's schema")?;
    }
    store.check().await?;
    store.ensure_default_workspace().await?;
    Ok(store)
}

/// Who acts at the command line, as the audit ledger knows it.
const CLI: &str = "cli";

pub(super) fn actor(workspace: i64) -> Actor {
    Actor { workspace, key: CLI.to_owned(), name: CLI.to_owned(), request_id: None }
}

async fn create_token(
    store: &Store,
    create: &TokenCreate,
    now: Instant,
    out: &mut (dyn Write + Send),
) -> anyhow::Result<()> {
    let workspace = find(store, &create.place).await?;
    let name = create.name.trim();
    if name.is_empty() {
        bail!("a token needs a name");
    }
    let person = match &create.person {
        Some(address) => Some(person(store, workspace, address).await?),
        None => None,
    };
    let new = NewToken { name, role: create.role.into(), person, ttl_days: create.expires_in_days };
    let expires_at = now + TimeDelta::days(create.expires_in_days.into());
    let (id, token) = auth::issue(store, &actor(workspace), new, now).await?;
    let (role, token) = (create.role.into(), token.expose());
    let document = NewTokenDocument { id, name, role, token, expires_at: written(expires_at) };
    create.format.print(out, &document, |out| writeln!(out, "{token}"))
}

/// The person with this e-mail address.
async fn person(store: &Store, workspace: i64, address: &str) -> anyhow::Result<i64> {
    let reader = store.reader(workspace).await?;
    let found = reader.person_at(&address.trim().to_lowercase()).await?;
    reader.finish().await?;
    found.with_context(|| format!("{address} is not the address of one person; upsertPerson makes people"))
}

async fn create_workspace(store: &Store, name: &str) -> anyhow::Result<()> {
    let plain = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
    if name.is_empty() || name.len() > 64 || !name.chars().all(plain) {
        bail!("a workspace's name is 1 to 64 letters, digits, `-`, `_` or `.`");
    }
    match store.create_workspace(name, CLI).await {
        Err(StoreError::Duplicate(_)) => bail!("there is a workspace {name} already"),
        Err(error) => Err(error.into()),
        Ok(id) => {
            tracing::info!(workspace.id = id, "workspace created");
            Ok(())
        }
    }
}

pub(super) async fn find(store: &Store, place: &Place) -> anyhow::Result<i64> {
    let name = &place.workspace;
    match store.workspace_by_name(name).await? {
        Some(id) => Ok(id),
        None => bail!("there is no workspace {name}; `slategate workspace create {name}` makes it"),
    }
}

fn describe(token: &TokenView, now: Instant) -> String {
    let state = match token.revoked_at {
        Some(at) => format!("revoked {}", at.format("%F")),
        None if token.expires_at <= now => format!("expired {}", token.expires_at.format("%F")),
        None => format!("expires {}", token.expires_at.format("%F")),
    };
    let used = token.last_used_at.map_or_else(|| "never used".to_owned(), |at| format!("used {}", at.format("%F")));
    format!("{}\t{}\t{}\t{state}\t{used}", token.id, token.role.word().to_lowercase(), token.name)
}
