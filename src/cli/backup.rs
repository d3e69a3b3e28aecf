//! `slategate backup`: the whole database as it is at one instant, to a file.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use secrecy::ExposeSecret;
use serde::Serialize;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::Backup;
use super::postgres::{Tool, major};
use super::progress::Progress;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::hex;
use crate::gateway::CANNOT_OPEN;
use crate::store::{Backend, DumpRights, Store};

const LOOK_EVERY: Duration = Duration::from_millis(200);
const PIECE: usize = 256 * 1024;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    path: String,
    database: &'static str,
    bytes: u64,
    sha256: String,
    /// The newest migration in it.
    schema: Option<String>,
    /// What opens it. They are not in it.
    master_key_ids: BTreeSet<String>,
}

pub async fn backup(
    command: &Backup,
    config: &Config,
    clock: Clock,
    out: &mut (dyn Write + Send),
) -> anyhow::Result<()> {
    let Backup { to, force, .. } = command;
    ensure!(*force || !to.try_exists()?, "{} is there already; --force replaces it", to.display());
    let store = existing(config, clock).await?;
    let schema = store.schema().await?;
    let mut master_key_ids = key_ids(&store).await?;
    let folder = folder_of(to);
    let file = NamedTempFile::new_in(&folder).with_context(|| format!("cannot write to {}", folder.display()))?;
    match store.backend() {
        Backend::Sqlite => growing(file.path(), store.copy_to(file.path())).await??,
        Backend::Postgres => growing(file.path(), dump(&store, command, config, file.path())).await??,
    }
    // A key may have been rotated meanwhile: either may open it.
    master_key_ids.extend(key_ids(&store).await?);
    let (bytes, sha256) = checksum(file.path())?;
    file.as_file().sync_all()?;
    persist(file, to, *force)?;
    let document = Document {
        path: to.display().to_string(),
        database: word(store.backend()),
        bytes,
        sha256,
        schema: schema.applied.last().cloned(),
        master_key_ids,
    };
    command.format.print(out, &document, |out| writeln!(out, "{}  {}", document.sha256, document.path))?;
    if !command.format.json {
        writeln!(io::stderr(), "{}", advice(&document))?;
    }
    Ok(store.close().await?)
}

fn advice(document: &Document) -> String {
    let ids: Vec<&str> = document.master_key_ids.iter().map(String::as_str).collect();
    match ids.as_slice() {
        [] => "It needs no master key: no credentials are stored.".to_owned(),
        ids => format!(
            "The master keys are not in it. To be able to open the credentials in it, keep these elsewhere: {}",
            ids.join(", ")
        ),
    }
}

pub(super) const fn word(backend: Backend) -> &'static str {
    match backend {
        Backend::Sqlite => "SQLITE",
        Backend::Postgres => "POSTGRESQL",
    }
}

/// The open store of a database that is there. Its schema is left as it is.
async fn existing(config: &Config, clock: Clock) -> anyhow::Result<Store> {
    if let Some(file) = &config.database_file {
        ensure!(file.try_exists()?, "there is no database at {}", file.display());
    }
    let store = Store::connect(config.store_options(clock)).await.context(CANNOT_OPEN)?;
    ensure!(!store.is_new().await?, "the database is empty");
    Ok(store)
}

async fn key_ids(store: &Store) -> anyhow::Result<BTreeSet<String>> {
    Ok(store.data_keys().await?.into_iter().map(|key| key.master_key_id).collect())
}

async fn dump(store: &Store, command: &Backup, config: &Config, file: &Path) -> anyhow::Result<()> {
    let rights = store.dump_rights().await?;
    if rights == DumpRights::None {
        bail!("this login does not own the tables, so rows would be missing; back up as their owner or as a superuser");
    }
    let url = config.database_url.expose_secret();
    let tool = Tool::new("pg_dump", "--pg-dump PATH", command.pg_dump.as_deref(), url)?;
    let server = store.version().await?;
    tool.check(major(&server).with_context(|| format!("the server's version is not understood: {server}"))?).await?;
    let mut arguments = vec![OsStr::new("--format=custom"), OsStr::new("--no-password")];
    if rights == DumpRights::Owner {
        arguments.push(OsStr::new("--enable-row-security"));
    }
    arguments.extend([OsStr::new("--file"), file.as_os_str()]);
    tool.output(arguments).await?;
    Ok(())
}

/// Tells how large the file has become until the work on it is done.
async fn growing<T>(file: &Path, work: impl Future<Output = T>) -> anyhow::Result<T> {
    let progress = Progress::begin("backing up", "bytes", None);
    let telling = async {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            progress.set(std::fs::metadata(file).map_or(0, |metadata| metadata.len()));
        }
    };
    tokio::select! {
        done = work => Ok(done),
        () = telling => bail!("the work on the file did not end"),
    }
}

/// Of a whole file.
pub(super) fn checksum(file: &Path) -> anyhow::Result<(u64, String)> {
    let mut file = File::open(file).with_context(|| format!("cannot read {}", file.display()))?;
    let (mut sum, mut bytes, mut piece) = (Sha256::new(), 0, vec![0; PIECE]);
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            return Ok((bytes, hex(&sum.finalize())));
        }
        sum.update(&piece[..read]);
        bytes += u64::try_from(read)?;
    }
}

pub(super) fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Gives a finished file its name, for good.
pub(super) fn persist(file: NamedTempFile, path: &Path, replaces: bool) -> anyhow::Result<()> {
    let named = if replaces { file.persist(path) } else { file.persist_noclobber(path) };
    named.map_err(|error| error.error).with_context(|| format!("cannot write {}", path.display()))?;
    #[cfg(unix)]
    File::open(folder_of(path))?.sync_all()?;
    Ok(())
}
