//! `slategate prune`: lets go of what is older than the settings keep, beside running servers.

use std::collections::BTreeMap;
use std::io::Write;

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::Prune;
use super::admin::open;
use super::format::written;
use super::progress::Progress;
use crate::clock::Clock;
use crate::config::Config;
use crate::sync::{self, Pruned};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    dry_run: bool,
    workspaces: Vec<Workspace>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Workspace {
    name: String,
    history_from: Option<String>,
    total: u64,
    rows: BTreeMap<&'static str, u64>,
}

pub async fn prune(
    command: &Prune,
    config: &Config,
    clock: Clock,
    stop: &CancellationToken,
    out: &mut (dyn Write + Send),
) -> anyhow::Result<()> {
    let store = open(config, clock).await?;
    let mut workspaces = Vec::new();
    for (id, name) in store.workspaces().await? {
        let expected = sync::prunable(&store, id, config.retention).await?;
        let pruned = if command.dry_run {
            expected
        } else {
            let progress = Progress::begin("pruning", "rows", Some(expected.total()));
            sync::prune(&store, id, config.retention, stop, &|rows| progress.set(rows)).await?
        };
        let Pruned { history_from, ref rows } = pruned;
        let history_from = history_from.map(written);
        workspaces.push(Workspace { name, history_from, total: pruned.total(), rows: rows.clone() });
    }
    let document = Document { dry_run: command.dry_run, workspaces };
    command.format.print(out, &document, |out| {
        let verb = if document.dry_run { "would delete" } else { "deleted" };
        document.workspaces.iter().try_for_each(|workspace| describe(workspace, verb, out))
    })?;
    store.close().await?;
    anyhow::ensure!(!stop.is_cancelled(), "stopped before all was pruned; run it again to go on");
    Ok(())
}

fn describe(workspace: &Workspace, verb: &str, out: &mut (dyn Write + Send)) -> std::io::Result<()> {
    let since = workspace.history_from.as_deref().map_or_else(String::new, |from| format!(" from {from}"));
    writeln!(
        out,
        "{}\thistory{}\t{verb} {} rows",
        workspace.name,
        if since.is_empty() { " whole" } else { &since },
        workspace.total
    )?;
    for (kind, rows) in workspace.rows.iter().filter(|(_, rows)| **rows > 0) {
        writeln!(out, "{}\t{kind}\t{rows}", workspace.name)?;
    }
    Ok(())
}
