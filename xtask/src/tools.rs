//! Cargo's subcommands of others, at the versions that this project was checked with.

use std::env;
use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::{Failure, must};

const DENY: Tool = Tool { name: "deny", version: "0.20.2" };
pub const FUZZ: Tool = Tool { name: "fuzz", version: "0.13.2" };

/// `cargo NAME`, from the crate `cargo-NAME`.
pub struct Tool {
    name: &'static str,
    version: &'static str,
}

impl Tool {
    /// Its command, after it was installed where it is missing or of another version.
    pub fn command(&self) -> Result<Command, Failure> {
        if !self.is_installed() {
            let package = format!("cargo-{}", self.name);
            eprintln!("xtask: installing {package} {}, which takes some minutes once", self.version);
            let install = ["install", "--locked", "--force", package.as_str(), "--version", self.version];
            must(cargo().args(install), &format!("the installation of {package}"))?;
        }
        let mut command = cargo();
        command.arg(self.name).current_dir(root());
        Ok(command)
    }

    fn is_installed(&self) -> bool {
        let asked = cargo().args([self.name, "--version"]).stdin(Stdio::null()).stderr(Stdio::null()).output();
        asked.is_ok_and(|asked| {
            let told = String::from_utf8_lossy(&asked.stdout);
            asked.status.success() && told.split_whitespace().any(|word| word == self.version)
        })
    }
}

/// What dependencies may not be, may be licensed as, and may come from.
pub fn deny() -> Result<(), Failure> {
    for folder in [root().to_owned(), root().join("fuzz")] {
        let mut command = DENY.command()?;
        command.arg("--config").arg(root().join(".deny.toml"));
        command.args(["--locked", "check", "bans", "licenses", "sources"]).current_dir(folder);
        must(&mut command, "cargo deny")?;
    }
    Ok(())
}

pub fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| OsStr::new("cargo").to_owned()))
}

/// The workspace's folder.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace")
}
