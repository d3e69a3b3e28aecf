//! The tools: Python's packages in an environment of their own, Debian's programs without being installed.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Failure, debian, python, tools};

/// Programs, and the packages that have them in one Debian or another. Unpacked rather than installed: what comes with
/// them would start as services.
const UNPACKED: [(&str, &[&str]); 2] = [("promtool", &["promtool", "prometheus"]), ("caddy", &["caddy"])];

pub struct Toolbox {
    unpacked: PathBuf,
    python: PathBuf,
}

impl Toolbox {
    /// Gets what is missing.
    pub fn fill(folder: &Path) -> Result<Self, Failure> {
        let unpacked = folder.join("debian");
        let missing: Vec<&[&str]> = UNPACKED
            .iter()
            .filter(|(program, _)| on_path(program).is_none() && !inside(&unpacked, program).is_file())
            .map(|(_, packages)| *packages)
            .collect();
        if !missing.is_empty() {
            debian::unpack(&missing, &unpacked)?;
        }
        if on_path("systemd-analyze").is_none() && debian::can_install() {
            debian::install(&["systemd"])?;
        }
        let python = python::with(&tools::root().join("xtask/deploy-requirements.txt"), &folder.join("python"))?;
        Ok(Self { unpacked, python })
    }

    pub fn program(&self, name: &str) -> Command {
        Command::new(on_path(name).unwrap_or_else(|| inside(&self.unpacked, name)))
    }

    /// A program of the Python environment.
    pub fn python(&self, name: &str) -> PathBuf {
        self.python.with_file_name(name)
    }
}

fn inside(unpacked: &Path, program: &str) -> PathBuf {
    unpacked.join("usr/bin").join(program)
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}
