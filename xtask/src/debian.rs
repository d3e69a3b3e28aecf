//! Installing packages, where that is allowed.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;

use crate::{Failure, must};

/// Root on a Debian may install what is missing.
pub fn can_install() -> bool {
    is_root() && Path::new("/etc/debian_version").exists()
}

pub fn install(packages: &[&str]) -> Result<(), Failure> {
    eprintln!("xtask: installing {}", packages.join(", "));
    let apt = || {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    must(apt().args(["update", "-q"]), "apt-get update")?;
    must(apt().args(["install", "-qy", "--no-install-recommends"]).args(packages), "apt-get install")
}

pub fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}
