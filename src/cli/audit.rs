//! `slategate audit`: the ledger's chain, checked from outside the server.

use std::io::Write;

use anyhow::{Context, bail};
use serde::Serialize;

use super::AuditCommand;
use super::admin::{find, open};
use super::progress::Progress;
use crate::clock::Clock;
use crate::config::Config;
use crate::store::audit::Head;

/// The head of the chain.
#[derive(Serialize)]
struct Verified<'a> {
    workspace: &'a str,
    sequence: i64,
    hash: &'a str,
}

pub async fn audit(
    command: &AuditCommand,
    config: &Config,
    clock: Clock,
    out: &mut (dyn Write + Send),
) -> anyhow::Result<()> {
    let store = open(config, clock).await?;
    let AuditCommand::Verify { head, place, format } = command;
    let noted = head.as_deref().map(parse).transpose()?;
    let workspace = find(&store, place).await?;
    let progress = Progress::begin("verifying", "events", None);
    let verified = store.verify_audit_telling(workspace, noted.as_ref(), &|events| progress.set(events)).await?;
    drop(progress);
    match verified {
        Ok(head) => {
            let document = Verified { workspace: &place.workspace, sequence: head.sequence, hash: &head.hash };
            format.print(out, &document, |out| writeln!(out, "{}:{}", head.sequence, head.hash))?;
        }
        Err(broken) => bail!("the audit ledger of workspace {} is broken: {broken}", place.workspace),
    }
    Ok(store.close().await?)
}

fn parse(text: &str) -> anyhow::Result<Head> {
    let parsed = text.split_once(':').and_then(|(sequence, hash)| Some((sequence.parse().ok()?, hash)));
    let (sequence, hash) = parsed.context("a head is SEQUENCE:HASH, as `slategate audit verify` prints it")?;
    Ok(Head { sequence, hash: hash.to_owned() })
}
