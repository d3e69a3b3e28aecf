//! The units of systemd. Their program is not installed where they are checked, so another stands in for it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::{Checked, Site, has_extension, must_succeed};

const PROGRAM: &str = "/usr/local/bin/slategate";
const STAND_IN: &str = "/bin/true";
/// Tenths of systemd's measure of exposure, which goes from 0 to 10.
const MOST_EXPOSED: &str = "13";

pub(super) fn are_sound(site: &Site) -> Checked {
    let units = laid_out(site)?;
    let output =
        Command::new("systemd-analyze").args(["verify", "--man=no", "--recursive-errors=no"]).args(units).output();
    let output = output.map_err(|error| format!("systemd-analyze could not be started: {error}"))?;
    // It succeeds in spite of words that it does not know, and has something to say about the machine's own units.
    let told = [output.stdout, output.stderr].concat();
    let told = String::from_utf8_lossy(&told);
    let ours: Vec<&str> = told.lines().filter(|line| line.contains("slategate")).collect();
    if output.status.success() && ours.is_empty() { Ok(()) } else { Err(format!("{}\n{told}", output.status)) }
}

pub(super) fn are_confined(site: &Site) -> Checked {
    for unit in laid_out(site)?.iter().filter(|unit| has_extension(unit, "service")) {
        let mut security = Command::new("systemd-analyze");
        security.args(["security", "--no-pager", "--offline=true", "--threshold", MOST_EXPOSED]).arg(unit);
        must_succeed(&mut security)?;
    }
    Ok(())
}

fn laid_out(site: &Site) -> Result<Vec<PathBuf>, String> {
    let is_unit = |path: &std::path::Path| has_extension(path, "service") || has_extension(path, "timer");
    let units = site.files(is_unit)?;
    if units.len() != 3 {
        return Err(format!("there are to be three units, and there are {}", units.len()));
    }
    let lay = |unit: &PathBuf| {
        let copy = site.scratch.join(unit.file_name()?);
        let text = fs::read_to_string(unit).ok()?;
        fs::write(&copy, text.replace(PROGRAM, STAND_IN)).ok()?;
        Some(copy)
    };
    units.iter().map(lay).collect::<Option<_>>().ok_or_else(|| "units cannot be copied".to_owned())
}
