//! `slategate key`: works beside running servers, which read the key file again when they meet a key they lack.

use std::io::Write;

use anyhow::bail;
use serde::Serialize;

use super::admin::{actor, open};
use super::progress::Progress;
use super::{Format, KeyCommand};
use crate::clock::Clock;
use crate::config::Config;
use crate::gateway::wrapped_data_keys;
use crate::store::Store;
use crate::store::audit::{AuditAction, AuditEntry};
use crate::vault::{KeyRing, KeySource, Rotation, RotationLock, Vault, VaultError, verify_or_refuse};

pub async fn key(
    command: KeyCommand,
    config: &Config,
    clock: Clock,
    out: &mut (dyn Write + Send),
) -> anyhow::Result<()> {
    let source = &config.master_keys;
    let store = match command {
        KeyCommand::Create => return create(source, out),
        _ => open(config, clock).await?,
    };
    match command {
        KeyCommand::Create => {}
        KeyCommand::Rotate { prepare: true } => prepare(&store, source, out).await?,
        KeyCommand::Rotate { prepare: false } => rotate(&store, source, out).await?,
        KeyCommand::List { format } => list(&store, &source.read()?, format, out).await?,
        KeyCommand::Prune => prune(&store, source, out).await?,
    }
    Ok(store.close().await?)
}

fn create(source: &KeySource, out: &mut (dyn Write + Send)) -> anyhow::Result<()> {
    let KeySource::File(path) = source else { bail!(VaultError::FixedKeys) };
    if path.try_exists()? {
        bail!("{source} is there already; nothing was changed");
    }
    let ids = KeyRing::create(path)?.ids();
    Ok(writeln!(out, "made {source} with master key {}; back it up, and give it to every server", newest(&ids))?)
}

async fn prepare(store: &Store, source: &KeySource, out: &mut (dyn Write + Send)) -> anyhow::Result<()> {
    let _lock = lock(source)?;
    let ring = checked_ring(store, source).await?;
    let next = Rotation::next(&ring, &wrapped_data_keys(store).await?);
    let ids = match next {
        Rotation::GoOn => bail!("the newest master key is not in use everywhere yet; run `slategate key rotate` first"),
        Rotation::Nothing | Rotation::Begin => ring.add()?.ids(),
    };
    Ok(writeln!(out, "added {}; copy {source} to every server, then run `slategate key rotate`", newest(&ids))?)
}

async fn rotate(store: &Store, source: &KeySource, out: &mut (dyn Write + Send)) -> anyhow::Result<()> {
    let _lock = lock(source)?;
    let ring = checked_ring(store, source).await?;
    let ring = match (Rotation::next(&ring, &wrapped_data_keys(store).await?), source) {
        (Rotation::Nothing, _) => return Ok(writeln!(out, "no credentials are sealed yet; nothing to rotate")?),
        (Rotation::Begin, KeySource::File(_)) => ring.add()?,
        (Rotation::Begin, KeySource::Text(_)) => {
            bail!("add a new key at the end of SLATEGATE_MASTER_KEYS first, on every server")
        }
        (Rotation::GoOn, _) => ring,
    };
    let id = newest(&ring.ids()).to_owned();
    let vault = Vault::new(ring);
    let mut wrapped = 0_u32;
    let total = u64::try_from(wrapped_data_keys(store).await?.len()).ok();
    let progress = Progress::begin("wrapping", "data keys", total);
    // Until none is left: a server may have made a data key with its old newest key meanwhile.
    loop {
        let data_keys = wrapped_data_keys(store).await?;
        let Some((workspace, old)) = data_keys.into_iter().find(|(_, key)| key.master_key_id != id) else { break };
        let new = vault.wrap_again(workspace, &old)?;
        let writer = store.writer(workspace).await?;
        if writer.replace_data_key(&old.master_key_id, &new.master_key_id, new.wrapped).await? {
            let entry = AuditEntry::done(AuditAction::RotateMasterKey).change(
                "masterKey",
                Some(old.master_key_id),
                Some(id.clone()),
            );
            writer.audit(&actor(workspace), entry).await?;
            writer.commit().await?;
            wrapped += 1;
            progress.set(wrapped.into());
            tracing::info!(workspace.id = workspace, master_key_id = id, "data key wrapped again");
        }
    }
    drop(progress);
    Ok(writeln!(out, "master key {id} is in use; data keys wrapped again: {wrapped}")?)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Keys {
    master_keys: Vec<MasterKey>,
}

#[derive(Serialize)]
struct MasterKey {
    id: String,
    /// How many need it.
    workspaces: usize,
    /// It wraps new data keys.
    newest: bool,
}

async fn list(store: &Store, ring: &KeyRing, format: Format, out: &mut (dyn Write + Send)) -> anyhow::Result<()> {
    let data_keys = wrapped_data_keys(store).await?;
    let ids = ring.ids();
    let newest = newest(&ids).to_owned();
    let key = |id: String| {
        let workspaces = data_keys.iter().filter(|(_, key)| key.master_key_id == id).count();
        MasterKey { newest: id == newest, id, workspaces }
    };
    let document = Keys { master_keys: ids.into_iter().map(key).collect() };
    format.print(out, &document, |out| {
        let mut keys = document.master_keys.iter();
        keys.try_for_each(|key| writeln!(out, "{}\tworkspaces: {}", key.id, key.workspaces))
    })
}

async fn prune(store: &Store, source: &KeySource, out: &mut (dyn Write + Send)) -> anyhow::Result<()> {
    let _lock = lock(source)?;
    let ring = checked_ring(store, source).await?;
    let before = ring.ids().len();
    let needed: Vec<String> = wrapped_data_keys(store).await?.into_iter().map(|(_, key)| key.master_key_id).collect();
    let left = ring.without_unneeded(&needed)?.ids().len();
    Ok(writeln!(out, "master keys removed: {}; left: {left}", before - left)?)
}

/// The ring, once it opens every data key there is.
async fn checked_ring(store: &Store, source: &KeySource) -> anyhow::Result<KeyRing> {
    verify_or_refuse(source, false, &wrapped_data_keys(store).await?)?;
    Ok(source.read()?)
}

fn lock(source: &KeySource) -> anyhow::Result<Option<RotationLock>> {
    match source {
        KeySource::File(path) => Ok(Some(RotationLock::acquire(path)?)),
        KeySource::Text(_) => Ok(None),
    }
}

fn newest(ids: &[String]) -> &str {
    ids.last().map_or("", String::as_str)
}
