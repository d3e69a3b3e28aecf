//! `slategate doctor`: what an operator would look at first, each within a few seconds, and what to do about it.
//!
//! Changes nothing, makes no file, and prints no secret.

mod checks;

use std::io::Write;
use std::time::Duration;

use serde::Serialize;
use tokio::time::timeout;

use super::Doctor;
use crate::clock::Clock;
use crate::config::{Config, ConfigError};
use crate::store::Store;

/// No check takes longer.
const WITHIN: Duration = Duration::from_secs(5);

/// How the whole is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    Good,
    /// Something failed.
    Bad,
    /// The settings are not usable, so nothing else could be looked at.
    Misconfigured,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum State {
    Ok,
    Warn,
    Fail,
}

#[derive(Debug, Clone, Serialize)]
struct Check {
    name: String,
    state: State,
    message: String,
    /// What to do about it.
    remedy: Option<String>,
}

impl Check {
    fn ok(name: &str, message: impl Into<String>) -> Self {
        Self { name: name.to_owned(), state: State::Ok, message: message.into(), remedy: None }
    }

    fn warn(name: &str, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { state: State::Warn, remedy: Some(remedy.into()), ..Self::ok(name, message) }
    }

    fn fail(name: &str, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { state: State::Fail, remedy: Some(remedy.into()), ..Self::ok(name, message) }
    }
}

#[derive(Serialize)]
struct Document {
    /// The worst of them.
    state: State,
    checks: Vec<Check>,
}

/// `config`: what the environment came to.
pub async fn doctor(
    command: Doctor,
    config: Result<Config, ConfigError>,
    clock: Clock,
    out: &mut (dyn Write + Send),
) -> anyhow::Result<Health> {
    let (checks, health) = match config {
        Err(error) => {
            let remedy = "correct it; `slategate serve --help` lists the settings";
            let bad = |problem: String| Check::fail("configuration", problem, remedy);
            (error.problems.into_iter().map(bad).collect(), Health::Misconfigured)
        }
        Ok(config) => {
            let checks = all(&config, &clock).await;
            let is_bad = checks.iter().any(|check| check.state == State::Fail);
            (checks, if is_bad { Health::Bad } else { Health::Good })
        }
    };
    let state = checks.iter().map(|check| check.state).max().unwrap_or(State::Ok);
    let document = Document { state, checks };
    command.format.print(out, &document, |out| document.checks.iter().try_for_each(|check| line(check, out)))?;
    Ok(health)
}

fn line(check: &Check, out: &mut (dyn Write + Send)) -> std::io::Result<()> {
    let state = match check.state {
        State::Ok => "ok",
        State::Warn => "warn",
        State::Fail => "fail",
    };
    let remedy = check.remedy.as_deref().map(|remedy| format!("; {remedy}")).unwrap_or_default();
    writeln!(out, "{state:<4}  {:<14}  {}{remedy}", check.name, check.message)
}

async fn all(config: &Config, clock: &Clock) -> Vec<Check> {
    let mut checks = checks::settings(config);
    let (of_database, atlas) = tokio::join!(database(config, clock), bounded("atlas", checks::atlas(config, clock)));
    checks.extend(of_database);
    checks.extend(atlas);
    checks.extend(checks::disks(config));
    checks
}

async fn database(config: &Config, clock: &Clock) -> Vec<Check> {
    if let Some(file) = config.database_file.as_deref().filter(|file| !file.exists()) {
        let message = format!("there is no database at {} yet", file.display());
        return vec![Check::warn("database", message, "`slategate serve` makes it"), checks::key_file(config)];
    }
    let opening = timeout(WITHIN, Store::connect(config.store_options(clock.clone())));
    let store = match opening.await {
        Ok(Ok(store)) => store,
        Ok(Err(error)) => return vec![checks::unreachable(&error.into()), checks::key_file(config)],
        Err(_) => {
            let error = anyhow::anyhow!("no answer within {} seconds", WITHIN.as_secs());
            return vec![checks::unreachable(&error), checks::key_file(config)];
        }
    };
    let mut checks = bounded("database", checks::version(&store)).await;
    checks.extend(bounded("schema", checks::schema(&store)).await);
    let is_usable = checks.iter().all(|check| check.state != State::Fail);
    if is_usable {
        checks.extend(bounded("row security", checks::row_security(&store)).await);
        checks.extend(bounded("master keys", checks::master_keys(config, &store)).await);
        checks.extend(bounded("database clock", checks::database_clock(&store)).await);
        checks.extend(bounded("syncs", checks::syncs(config, clock, &store)).await);
    }
    // What does not close in time is left behind.
    let _closed = timeout(WITHIN, store.close()).await;
    checks
}

/// What the check found, or that it failed or took too long.
async fn bounded(name: &str, checking: impl Future<Output = anyhow::Result<Vec<Check>>>) -> Vec<Check> {
    let again = "run it again; if it stays so, look at the log of `slategate serve`";
    match timeout(WITHIN, checking).await {
        Ok(Ok(checks)) => checks,
        Ok(Err(error)) => vec![Check::fail(name, format!("{error:#}"), again)],
        Err(_) => vec![Check::fail(name, format!("no answer within {} seconds", WITHIN.as_secs()), again)],
    }
}
