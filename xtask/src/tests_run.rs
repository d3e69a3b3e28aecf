//! `cargo test` over the workspace, and `cargo bench` of the gateway's speed, with a `PostgreSQL` to run against or with
//! a loud word that there is none.

use std::env;
use std::ffi::OsString;
use std::process::{Command, ExitCode};

use crate::postgres::{self, Binaries, Server};
use crate::tools::cargo;
use crate::{Failure, debian, fault_tools};

/// Read by the tests' support code.
const POSTGRES_URL: &str = "SLATEGATE_TEST_POSTGRES_URL";
const SQLITE_ONLY: &str = "SLATEGATE_TEST_SQLITE_ONLY";

pub fn run(sqlite_only: bool, rest: &[OsString]) -> Result<ExitCode, Failure> {
    fault_tools::ensure()?;
    if sqlite_only {
        return without_postgres(rest);
    }
    if let Some(url) = env::var_os(POSTGRES_URL).filter(|url| !url.is_empty()) {
        eprintln!("xtask: testing against the PostgreSQL that {POSTGRES_URL} names");
        return cargo_test(rest, |cargo| cargo.env(POSTGRES_URL, url).env_remove(SQLITE_ONLY));
    }
    let server = Server::start(&binaries()?)?;
    eprintln!("xtask: testing against a throw-away PostgreSQL at {}", server.url());
    cargo_test(rest, |cargo| cargo.env(POSTGRES_URL, server.url()).env_remove(SQLITE_ONLY))
}

/// The speed of answers. What is left out is said in the table itself.
pub fn bench(sqlite_only: bool, rest: &[OsString]) -> Result<ExitCode, Failure> {
    let run = |url: Option<OsString>| {
        let mut command = cargo();
        command.args(["bench", "--locked", "--bench", "load", "--"]).args(rest);
        match url {
            Some(url) => command.env(POSTGRES_URL, url),
            None => command.arg("--sqlite-only").env_remove(POSTGRES_URL),
        };
        code_of(&mut command)
    };
    if sqlite_only {
        return run(None);
    }
    if let Some(url) = env::var_os(POSTGRES_URL).filter(|url| !url.is_empty()) {
        return run(Some(url));
    }
    let server = Server::start(&binaries()?)?;
    run(Some(server.url().into()))
}

fn without_postgres(rest: &[OsString]) -> Result<ExitCode, Failure> {
    let warning =
        "xtask: SQLITE ONLY: no test runs against PostgreSQL; locking, row security and replicas stay unproven";
    eprintln!("{warning}");
    let code = cargo_test(rest, |cargo| cargo.env(SQLITE_ONLY, "1").env_remove(POSTGRES_URL));
    eprintln!("{warning}");
    code
}

fn binaries() -> Result<Binaries, Failure> {
    if let Some(found) = postgres::find() {
        return Ok(found);
    }
    if debian::can_install() {
        debian::install(&["postgresql"])?;
    }
    postgres::find().ok_or_else(|| {
        Failure::needs_you(format!(
            "no PostgreSQL server binaries were found: install PostgreSQL, or set {POSTGRES_URL} to a server where \
             databases may be created, or pass --sqlite-only to leave its tests out"
        ))
    })
}

fn cargo_test(rest: &[OsString], with: impl FnOnce(&mut Command) -> &mut Command) -> Result<ExitCode, Failure> {
    let mut command = cargo();
    command.args(["test", "--workspace", "--locked"]).args(rest);
    code_of(with(&mut command))
}

fn code_of(command: &mut Command) -> Result<ExitCode, Failure> {
    let status = command.status();
    let status = status.map_err(|error| Failure::broken(format!("cargo could not be started: {error}")))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
