//! A Python of the project's own, with the packages that a suite needs and no others.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{Failure, debian, must};

/// The oldest Python that the packages run on, which can also make environments.
const FITS: &str = "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))";
const ASKS: &str = "Python 3.11 or later with its venv module is needed: install Debian's python3-venv";

/// The interpreter of an environment at `folder` that has what `requirements` names, by hash. Made where it is missing.
pub fn with(requirements: &Path, folder: &Path) -> Result<PathBuf, Failure> {
    let python = folder.join("bin/python");
    let wanted = fs::read(requirements).map_err(|error| Failure::broken(format!("no requirements: {error}")))?;
    let noted = folder.join("installed.txt");
    if fs::read(&noted).is_ok_and(|installed| installed == wanted) && python.is_file() {
        return Ok(python);
    }
    if !is_fit() && debian::can_install() {
        debian::install(&["python3-venv"])?;
    }
    if !is_fit() {
        return Err(Failure::needs_you(ASKS));
    }
    must(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder), "making a Python environment")?;
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r"]);
    must(install.arg(requirements), "pip install")?;
    fs::write(noted, wanted).map_err(|error| Failure::broken(format!("the environment is not noted: {error}")))?;
    Ok(python)
}

fn is_fit() -> bool {
    let asked = Command::new("python3").args(["-c", FITS]).stdin(Stdio::null()).stderr(Stdio::null()).status();
    asked.is_ok_and(|asked| asked.success())
}
