//! Installing packages, where that is allowed.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::{fs, io};

use crate::{Failure, must};

/// Root on a Debian may install what is missing.
pub fn can_install() -> bool {
    is_root() && Path::new("/etc/debian_version").exists()
}

pub fn install(packages: &[&str]) -> Result<(), Failure> {
    eprintln!("xtask: installing {}", packages.join(", "));
    must(apt().args(["update", "-q"]), "apt-get update")?;
    must(apt().args(["install", "-qy", "--no-install-recommends"]).args(packages), "apt-get install")
}

/// Lays the files of packages out in `folder`, and leaves the system as it is. Their dependencies are not looked for.
/// Each is called by several names, of which the first is taken that this Debian knows.
pub fn unpack(names: &[&[&str]], folder: &Path) -> Result<(), Failure> {
    let told = names.iter().filter_map(|names| names.last().copied()).collect::<Vec<_>>().join(", ");
    if !Path::new("/etc/debian_version").exists() {
        return Err(Failure::needs_you(format!("this is no Debian: install what its packages {told} have")));
    }
    eprintln!("xtask: unpacking {told}");
    if is_root() {
        must(apt().args(["update", "-q"]), "apt-get update")?;
    }
    let packages = names.iter().filter_map(|names| names.iter().find(|name| is_known(name)));
    let archives = folder.join("archives");
    let broken = |error: io::Error| Failure::broken(format!("packages cannot be unpacked: {error}"));
    // What an earlier attempt has left might be of another version.
    drop(fs::remove_dir_all(&archives));
    fs::create_dir_all(&archives).map_err(broken)?;
    must(
        apt().args(["download", "-q", "-o", "APT::Sandbox::User=root"]).args(packages).current_dir(&archives),
        "apt-get download",
    )?;
    for archive in fs::read_dir(&archives).map_err(broken)? {
        let archive = archive.map_err(broken)?.path();
        must(Command::new("dpkg-deb").arg("--extract").arg(archive).arg(folder), "dpkg-deb")?;
    }
    fs::remove_dir_all(&archives).map_err(broken)
}

fn is_known(package: &str) -> bool {
    let mut asked = Command::new("apt-cache");
    let asked = asked.args(["show", package]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    asked.is_ok_and(|asked| asked.success())
}

fn apt() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

pub fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}
