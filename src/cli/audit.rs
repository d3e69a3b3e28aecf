//! `slategate audit`: the ledger's chain, checked from outside the server.

use std::io::Write;

use anyhow::{Context, bail};

use super::AuditCommand;
use super::admin::{find, open};
use crate::clock::Clock;
use crate::config::Config;
use crate::store::audit::Head;

pub async fn audit(
    command: &AuditCommand,
    config: &Config,
    clock: Clock,
    out: &mut (dyn Write + Send),
) -> anyhow::Result<()> {
    let store = open(config, clock).await?;
    let AuditCommand::Verify { head, place } = command;
    let noted = head.as_deref().map(parse).transpose()?;
    let workspace = find(&store, place).await?;
    match store.verify_audit(workspace, noted.as_ref()).await? {
        Ok(head) => writeln!(out, "{}:{}", head.sequence, head.hash)?,
        Err(broken) => bail!("the audit ledger of workspace {} is broken: {broken}", place.workspace),
    }
    Ok(store.close().await?)
}

fn parse(text: &str) -> anyhow::Result<Head> {
    let parsed = text.split_once(':').and_then(|(sequence, hash)| Some((sequence.parse().ok()?, hash)));
    let (sequence, hash) = parsed.context("a head is SEQUENCE:HASH, as `slategate audit verify` prints it")?;
    Ok(Head { sequence, hash: hash.to_owned() })
}
