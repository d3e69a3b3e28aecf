//! The single checks.

use std::path::{Path, PathBuf};

use chrono::TimeDelta;

use super::{Check, WITHIN};
use crate::atlas::probe;
use crate::cli::format::written;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::Instant;
use crate::gateway::{CANNOT_OPEN, wrapped_data_keys};
use crate::store::read::RunFilter;
use crate::store::read::page::Window;
use crate::store::views::{IntegrationView, SyncRunView, SyncStatus};
use crate::store::{Backend, Reader, Store};
use crate::vault::{KeySource, Vault, VaultError};

/// Clocks that differ by more make evidence look older or younger than it is.
const CLOCKS_WITHIN: TimeDelta = TimeDelta::seconds(5);
const MOST_INTEGRATIONS: u64 = 1_000;
const MIB: u64 = 1024 * 1024;
/// With less room left somebody should look.
const LITTLE_ROOM: u64 = 1024 * MIB;
/// With less nothing works for long.
const NO_ROOM: u64 = 64 * MIB;
const SYNC_CLOCKS: &str = "have both machines keep time by NTP";
const GOOD_RUNS: [SyncStatus; 3] = [SyncStatus::Succeeded, SyncStatus::Partial, SyncStatus::Held];

pub fn settings(config: &Config) -> Vec<Check> {
    let mut checks = vec![Check::ok("configuration", "every setting can be used")];
    checks.extend(config.unknown.iter().map(|name| {
        let remedy = "`slategate serve --help` lists the settings; it may be misspelt, or somebody else's";
        Check::warn("configuration", format!("{name} is no setting"), remedy)
    }));
    checks
}

pub fn unreachable(error: &anyhow::Error) -> Check {
    Check::fail("database", format!("{error:#}"), CANNOT_OPEN)
}

pub async fn version(store: &Store) -> anyhow::Result<Vec<Check>> {
    let name = match store.backend() {
        Backend::Sqlite => "SQLite",
        Backend::Postgres => "PostgreSQL",
    };
    Ok(vec![Check::ok("database", format!("{name} {} answers", store.version().await?))])
}

pub async fn schema(store: &Store) -> anyhow::Result<Vec<Check>> {
    let schema = store.schema().await?;
    let check = match (schema.pending.as_slice(), schema.unknown.as_slice()) {
        ([], []) => Check::ok("schema", format!("up to date: {} migrations", schema.applied.len())),
        ([], unknown) => Check::ok("schema", format!("newer than this program by {}", unknown.join(", "))),
        (pending, _) => {
            let remedy = "`slategate migrate` applies them, and so does `slategate serve`";
            Check::fail("schema", format!("pending migrations: {}", pending.join(", ")), remedy)
        }
    };
    Ok(vec![check])
}

pub async fn row_security(store: &Store) -> anyhow::Result<Vec<Check>> {
    if store.backend() == Backend::Sqlite {
        return Ok(Vec::new());
    }
    let gaps = store.row_security_gaps().await?;
    if gaps.is_empty() {
        return Ok(vec![Check::ok("row security", "every table is held to workspaces, and the roles can be used")]);
    }
    let remedy = "grant both roles to this login, or run `slategate migrate` as the tables' owner";
    Ok(gaps.into_iter().map(|gap| Check::fail("row security", gap, remedy)).collect())
}

/// The key file of a database that is not there yet.
pub fn key_file(config: &Config) -> Check {
    match config.master_keys.read() {
        Ok(ring) => Check::ok("master keys", format!("{} of them in {}", ring.ids().len(), config.master_keys)),
        Err(VaultError::MissingKeyFile { .. }) if config.database_file.is_some() => {
            Check::warn("master keys", format!("there is no {} yet", config.master_keys), "`slategate serve` makes it")
        }
        Err(error) => unreadable_keys(config, &error),
    }
}

pub async fn master_keys(config: &Config, store: &Store) -> anyhow::Result<Vec<Check>> {
    let data_keys = wrapped_data_keys(store).await?;
    let ring = match config.master_keys.read() {
        Ok(ring) => ring,
        Err(_) if data_keys.is_empty() => return Ok(vec![key_file(config)]),
        Err(error) => return Ok(vec![unreadable_keys(config, &error)]),
    };
    let vault = Vault::new(ring);
    let closed: Vec<&str> = data_keys
        .iter()
        .filter(|(workspace, key)| !vault.can_open(*workspace, key))
        .map(|(_, key)| key.master_key_id.as_str())
        .collect();
    Ok(vec![if closed.is_empty() {
        Check::ok(
            "master keys",
            format!("{} opens the data keys of {} workspaces", config.master_keys, data_keys.len()),
        )
    } else {
        let remedy = "give every server the key file that has them";
        Check::fail(
            "master keys",
            format!("{} lacks what is needed: {}", config.master_keys, closed.join(", ")),
            remedy,
        )
    }])
}

fn unreadable_keys(config: &Config, error: &VaultError) -> Check {
    let remedy = match (&config.master_keys, error) {
        (KeySource::File(path), VaultError::ExposedKeyFile { .. }) => format!("chmod 600 {}", path.display()),
        (KeySource::File(_), VaultError::MissingKeyFile { .. }) => {
            "bring the file back from its backup; for a new database `slategate key create` makes one".to_owned()
        }
        _ => "correct SLATEGATE_MASTER_KEY_FILE or SLATEGATE_MASTER_KEYS".to_owned(),
    };
    Check::fail("master keys", error.to_string(), remedy)
}

pub async fn database_clock(store: &Store) -> anyhow::Result<Vec<Check>> {
    let offset = store.clock_offset().await?;
    Ok(offset.map(|offset| clock("database clock", "the database's clock", offset)).into_iter().collect())
}

fn clock(name: &str, whose: &str, offset: TimeDelta) -> Check {
    let seconds = offset.as_seconds_f64();
    let message = format!("{whose} differs from this machine's by {seconds:+.1} s");
    if offset.abs() > CLOCKS_WITHIN { Check::warn(name, message, SYNC_CLOCKS) } else { Check::ok(name, message) }
}

pub async fn atlas(config: &Config, here: &Clock) -> anyhow::Result<Vec<Check>> {
    let base = &config.atlas_base_url;
    let remedy = "allow this machine to reach it over HTTPS, by way of its proxy if there is one";
    let probed = match probe(base, here, WITHIN).await {
        Ok(probed) => probed,
        Err(error) => {
            let error = anyhow::Error::from(error);
            return Ok(vec![Check::fail("atlas", format!("{base}: {error:#}"), remedy)]);
        }
    };
    let mut checks = vec![match probed.status {
        401 => Check::ok("atlas", format!("{base} answers, and asks for a key")),
        status => Check::warn("atlas", format!("{base} answers {status} where 401 was expected"), remedy),
    }];
    checks.extend(probed.clock_offset.map(|offset| clock("atlas clock", "Atlas's clock", offset)));
    Ok(checks)
}

/// Each connected integration of each workspace.
pub async fn syncs(config: &Config, clock: &Clock, store: &Store) -> anyhow::Result<Vec<Check>> {
    let mut checks = Vec::new();
    for (id, name) in store.workspaces().await? {
        let reader = store.reader(id).await?;
        let all = Window { limit: MOST_INTEGRATIONS, ..Window::default() };
        let integrations = reader.integrations(&all).await?.rows.into_iter().map(|(view, _)| view);
        for integration in integrations.filter(|integration| integration.disconnected_at.is_none()) {
            let last = last_good(&reader, integration.id).await?;
            checks.push(sync(&name, &integration, last.as_ref(), config.freshness, clock.now()));
        }
        reader.finish().await?;
    }
    if checks.is_empty() {
        checks.push(Check::ok("syncs", "no integration is connected"));
    }
    Ok(checks)
}

async fn last_good(reader: &Reader, integration: i64) -> anyhow::Result<Option<SyncRunView>> {
    let filter = RunFilter { integration_id: Some(integration), status: Some(GOOD_RUNS.to_vec()) };
    let slice = reader.runs(&filter, &Window { limit: 1, ..Window::default() }).await?;
    Ok(slice.rows.into_iter().next().map(|(run, _)| run))
}

fn sync(
    workspace: &str,
    integration: &IntegrationView,
    last: Option<&SyncRunView>,
    freshness: TimeDelta,
    now: Instant,
) -> Check {
    let ended = last.and_then(|run| run.finished_at);
    let organization = &integration.organization_name;
    let when = ended.map_or_else(|| "never".to_owned(), |at| format!("last at {}", written(at)));
    let message = format!("{organization} in workspace {workspace} was synced {when}");
    if let Some(fault) = &integration.error {
        return Check::warn("syncs", format!("{message}: {}", fault.message), fault.remedy.clone());
    }
    match ended {
        Some(at) if now - at <= freshness => Check::ok("syncs", message),
        Some(_) => Check::warn("syncs", message, "its evidence is too old; have `slategate serve` run"),
        None => Check::warn("syncs", message, "have `slategate serve` run"),
    }
}

/// Where files are written: the database's folder, and the one for temporary files.
pub fn disks(config: &Config) -> Vec<Check> {
    let database = config.database_file.as_deref().map(folder_of);
    let folders = database.into_iter().chain([std::env::temp_dir()]);
    folders.map(|folder| room(&folder)).collect()
}

fn folder_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

#[cfg(unix)]
fn room(folder: &Path) -> Check {
    let remedy = "make room, or move it to a larger disk";
    match rustix::fs::statvfs(folder) {
        Err(error) => Check::fail("disk", format!("{}: {error}", folder.display()), "make the folder usable"),
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let message = format!("{} MiB are free in {}", free / MIB, folder.display());
            match free {
                ..NO_ROOM => Check::fail("disk", message, remedy),
                NO_ROOM..LITTLE_ROOM => Check::warn("disk", message, remedy),
                LITTLE_ROOM.. => Check::ok("disk", message),
            }
        }
    }
}

#[cfg(not(unix))]
fn room(folder: &Path) -> Check {
    Check::ok("disk", format!("{} is not looked at on this system", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::State;

    #[test]
    fn clocks_that_differ_by_more_than_five_seconds_are_told() {
        for (seconds, state) in [(5, State::Ok), (-5, State::Ok), (6, State::Warn), (-6, State::Warn)] {
            assert_eq!(clock("c", "whose", TimeDelta::seconds(seconds)).state, state, "{seconds}");
        }
        assert_eq!(
            clock("c", "It", TimeDelta::milliseconds(-1_250)).message,
            "It differs from this machine's by -1.2 s"
        );
    }
}
