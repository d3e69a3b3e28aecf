//! Debian's programs that tests make faults with: found, or installed where that is allowed.

use std::path::{Path, PathBuf};
use std::{env, fs};

use crate::{Failure, debian};

/// A package, and how to tell that it is there.
struct Tool {
    package: &'static str,
    is_there: fn() -> bool,
    purpose: &'static str,
}

const TOOLS: [Tool; 3] = [
    Tool { package: "strace", is_there: || is_program("strace"), purpose: "makes system calls fail" },
    Tool { package: "util-linux", is_there: || is_program("prlimit"), purpose: "limits the size of files" },
    Tool { package: "libfaketime", is_there: has_faketime, purpose: "sets a process's clock wrong" },
];

/// Installs what is missing where it may, and else says what to do.
pub fn ensure() -> Result<(), Failure> {
    let missing = || TOOLS.iter().filter(|tool| !(tool.is_there)()).collect::<Vec<_>>();
    let packages: Vec<_> = missing().iter().map(|tool| tool.package).collect();
    if !packages.is_empty() && debian::can_install() {
        debian::install(&packages)?;
    }
    let told: Vec<_> = missing().iter().map(|tool| format!("{} ({})", tool.package, tool.purpose)).collect();
    if told.is_empty() {
        return Ok(());
    }
    Err(Failure::needs_you(format!("tests need what was not found: install Debian's {}", told.join(", "))))
}

fn is_program(name: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

fn has_faketime() -> bool {
    let folders = fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let library = |folder: PathBuf| folder.join(Path::new("faketime/libfaketimeMT.so.1"));
    folders.map(|folder| library(folder.path())).any(|library| library.is_file())
}
