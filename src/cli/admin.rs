//! The commands that only need the database. They work beside a running server.

use std::io::Write;

use anyhow::{Context, bail};

use super::{Place, TokenCommand, TokenCreate, WorkspaceCommand};
use crate::auth;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::Instant;
use crate::store::tokens::TokenView;
use crate::store::{Store, StoreError};

pub async fn migrate(config: &Config, clock: Clock) -> anyhow::Result<()> {
    let store = Store::connect(config.store_options(clock)).await?;
    store.migrate().await?;
    store.ensure_default_workspace().await?;
    tracing::info!("the schema is up to date");
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
        TokenCommand::List { place } => {
            let workspace = find(&store, place).await?;
            for token in store.tokens(workspace).await? {
                writeln!(out, "{}", describe(&token, clock.now()))?;
            }
        }
        TokenCommand::Revoke { id, place } => {
            let workspace = find(&store, place).await?;
            if !store.revoke_token(workspace, *id, clock.now()).await? {
                bail!("workspace {} has no token {id} that could be revoked", place.workspace);
            }
        }
    }
    Ok(store.close().await?)
}

pub async fn workspace(
    command: &WorkspaceCommand,
    config: &Config,
    clock: Clock,
    out: &mut (dyn Write + Send),
) -> anyhow::Result<()> {
    let store = open(config, clock).await?;
    match command {
        WorkspaceCommand::Create { name } => create_workspace(&store, name).await?,
        WorkspaceCommand::List => {
            for (_, name) in store.workspaces().await? {
                writeln!(out, "{name}")?;
            }
        }
    }
    Ok(store.close().await?)
}

/// The open store, its schema made when the file is new and refused when it is old.
pub(super) async fn open(config: &Config, clock: Clock) -> anyhow::Result<Store> {
    let store = Store::connect(config.store_options(clock)).await.context("cannot open the database")?;
    if store.is_new().await? {
        store.migrate().await.context("cannot make the database's schema")?;
    }
    store.check().await?;
    store.ensure_default_workspace().await?;
    Ok(store)
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
    let token = auth::issue(store, workspace, name, create.role.into(), now, create.expires_in_days).await?;
    Ok(writeln!(out, "{}", token.expose())?)
}

async fn create_workspace(store: &Store, name: &str) -> anyhow::Result<()> {
    let plain = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
    if name.is_empty() || name.len() > 64 || !name.chars().all(plain) {
        bail!("a workspace's name is 1 to 64 letters, digits, `-`, `_` or `.`");
    }
    match store.create_workspace(name).await {
        Err(StoreError::Duplicate(_)) => bail!("there is a workspace {name} already"),
        Err(error) => Err(error.into()),
        Ok(id) => {
            tracing::info!(workspace.id = id, "workspace created");
            Ok(())
        }
    }
}

async fn find(store: &Store, place: &Place) -> anyhow::Result<i64> {
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
