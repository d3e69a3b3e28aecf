//! `slategate people import`: the personnel from a file, as `importPeople` takes it.

use std::io::{Read, Write};
use std::path::Path;

use anyhow::{Context, bail};
use serde::Serialize;

use super::admin::{actor, find, open};
use super::progress::Progress;
use super::{ImportModeArg, PeopleCommand};
use crate::clock::Clock;
use crate::config::Config;
use crate::gateway::{engine, wrapped_data_keys};
use crate::sync::{ImportOptions, Refusal};
use crate::vault::verify_or_refuse;

/// As much as the API takes.
const LARGEST_FILE: u64 = 16 * 1024 * 1024;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    dry_run: bool,
    created: u32,
    updated: u32,
    unchanged: u32,
    left: u32,
    kept: u32,
    leavers: Vec<String>,
}

pub async fn people(
    command: &PeopleCommand,
    config: &Config,
    clock: Clock,
    out: &mut (dyn Write + Send),
) -> anyhow::Result<()> {
    let PeopleCommand::Import { file, mode, dry_run, place, format } = command;
    let csv = read(file)?;
    let store = open(config, clock.clone()).await?;
    let workspace = find(&store, place).await?;
    let data_keys = wrapped_data_keys(&store).await?;
    let vault = verify_or_refuse(&config.master_keys, config.database_file.is_some(), &data_keys)?;
    let options = ImportOptions { is_full: *mode == ImportModeArg::Full, is_dry_run: *dry_run };
    let rows = csv.lines().count().saturating_sub(1);
    let progress = Progress::begin("importing", "rows", u64::try_from(rows).ok());
    let imported = engine(config, store.clone(), vault, clock).import_people(&actor(workspace), &csv, options).await?;
    drop(progress);
    let imported = match imported {
        Ok(imported) => imported,
        Err(refusals) => bail!("nothing was imported:\n  {}", told(&refusals)),
    };
    let document = Document {
        dry_run: *dry_run,
        created: imported.created,
        updated: imported.updated,
        unchanged: imported.unchanged,
        left: imported.left,
        kept: imported.kept,
        leavers: imported.leavers,
    };
    format.print(out, &document, |out| {
        let Document { created, updated, unchanged, left, kept, leavers, dry_run } = &document;
        let when = if *dry_run { "would be " } else { "" };
        writeln!(
            out,
            "{when}created {created}, updated {updated}, unchanged {unchanged}, left {left}; values kept {kept}"
        )?;
        leavers.iter().try_for_each(|email| writeln!(out, "left\t{email}"))
    })?;
    Ok(store.close().await?)
}

fn read(file: &Path) -> anyhow::Result<String> {
    let unreadable = || format!("cannot read {}", file.display());
    let mut csv = String::new();
    let opened = std::fs::File::open(file).with_context(unreadable)?;
    opened.take(LARGEST_FILE + 1).read_to_string(&mut csv).with_context(unreadable)?;
    if u64::try_from(csv.len()).is_ok_and(|bytes| bytes > LARGEST_FILE) {
        bail!("{} is larger than {LARGEST_FILE} bytes", file.display());
    }
    Ok(csv)
}

fn told(refusals: &[Refusal]) -> String {
    let line = |refusal: &Refusal| match &refusal.remedy {
        Some(remedy) => format!("{} {remedy}", refusal.message),
        None => refusal.message.clone(),
    };
    refusals.iter().map(line).collect::<Vec<_>>().join("\n  ")
}
