//! Debian's packages, for a machine that may have them installed.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;

use crate::{Failure, must};

/// Root on a Debian may install what is missing.
pub fn can_install() -> bool {
    is_root() && Path::new("/etc/debian_version").exists()
}

pub fn install(package: &str) -> Result<(), Failure> {
    eprintln!("xtask: installing Debian's {package}");
    let apt = || {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    must(apt().args(["update", "-q"]), "apt-get update")?;
    must(apt().args(["install", "-qy", "--no-install-recommends", package]), &format!("apt-get install {package}"))
}

pub fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}
