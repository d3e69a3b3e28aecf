//! The suites of other people's clients in `tests/clients`, against the program as it is built now.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::{Failure, debian, must, python};

/// Node before this lacks what the suites use.
const OLDEST_NODE: u32 = 20;
/// Read by the suites.
const PROGRAM: &str = "SLATEGATE_PROGRAM";
const BROWSER: &str = "SLATEGATE_BROWSER";
const PYTHON: &str = "SLATEGATE_PYTHON";
/// The suite that is written in Python.
const PYTHON_SUITE: &str = "scim";
/// With the tests, so that what they have built is used again: on its own the program has other features.
const BUILD: [&str; 6] = ["build", "--workspace", "--locked", "--bins", "--test", "it"];
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// Runs every suite, or those named. Without a browser the suite that needs one is left out, with a loud word.
pub fn run(with_browser: bool, suites: &[OsString]) -> Result<ExitCode, Failure> {
    let node = node_version();
    if node.is_none_or(|version| version < OLDEST_NODE) {
        return Err(Failure::needs_you(format!(
            "the clients' suites need Node.js {OLDEST_NODE} or later, with npm and python3"
        )));
    }
    let browser = if with_browser { Some(browser()?) } else { None };
    must(Command::new(cargo()).args(BUILD), "cargo build")?;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("tests").join("clients");
    must(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(&folder), "npm ci")?;
    let program = program()?;
    let mut command = Command::new("node");
    if suites.is_empty() || suites.iter().any(|suite| suite == PYTHON_SUITE) {
        let environment = program.with_file_name("clients-python");
        command.env(PYTHON, python::with(&folder.join("scim/requirements.txt"), &environment)?);
    }
    command.arg("run.js").args(suites).current_dir(&folder).env(PROGRAM, program);
    match &browser {
        Some(browser) => command.env(BROWSER, browser),
        None => command.arg("--without-browser"),
    };
    let status = command.status();
    let status = status.map_err(|error| Failure::broken(format!("node could not be started: {error}")))?;
    if browser.is_none() {
        eprintln!("xtask: WITHOUT A BROWSER: nothing was tried of GraphiQL");
    }
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

fn cargo() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| OsStr::new("cargo").to_owned())
}

/// What `cargo build` builds lies beside this program.
fn program() -> Result<PathBuf, Failure> {
    let own = env::current_exe();
    own.map(|own| own.with_file_name("slategate")).map_err(|error| Failure::broken(format!("where am I? {error}")))
}

fn node_version() -> Option<u32> {
    let output = Command::new("node").arg("--version").output().ok()?;
    major(&String::from_utf8(output.stdout).ok()?)
}

/// `20` of `v20.20.2`.
fn major(version: &str) -> Option<u32> {
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

fn browser() -> Result<PathBuf, Failure> {
    if let Some(named) = env::var_os(BROWSER).filter(|path| !path.is_empty()) {
        return Ok(named.into());
    }
    if let Some(found) = find_browser() {
        return Ok(found);
    }
    if debian::can_install() {
        debian::install(&["chromium"])?;
    }
    find_browser().ok_or_else(|| {
        Failure::needs_you(format!(
            "no Chromium was found: install it, or set {BROWSER} to it, or pass --without-browser to leave GraphiQL out"
        ))
    })
}

fn find_browser() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = env::split_paths(&path).collect();
    BROWSERS.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name))).find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_version_is_read_as_it_prints_it() {
        assert_eq!(major("v20.20.2\n"), Some(20));
        assert_eq!(major("20.20.2"), None);
    }
}
