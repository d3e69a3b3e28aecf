//! Runs the fuzz targets for a bounded time each, on the stable compiler.

use std::fs;
use std::path::Path;

use crate::tools::{self, root};
use crate::{Failure, must};

/// For each target, unless told otherwise.
pub const SECONDS: u32 = 60;
/// Input of more bytes finds nothing that shorter input does not.
const LONGEST_INPUT: u32 = 16_384;
/// One input may take so many seconds, and the process so many MiB.
const PATIENCE: u32 = 10;
const MEMORY: u32 = 2_048;

pub fn run(seconds: u32, only: Option<&str>) -> Result<(), Failure> {
    let targets = targets(&root().join("fuzz"))?;
    if let Some(unknown) = only.filter(|only| !targets.iter().any(|target| target == only)) {
        return Err(Failure::needs_you(format!("{unknown} is no target; targets are {}", targets.join(", "))));
    }
    for target in targets.iter().filter(|target| only.is_none_or(|only| only == *target)) {
        let found = root().join("fuzz/corpus").join(target);
        fs::create_dir_all(&found).map_err(|error| Failure::broken(format!("no folder for what is found: {error}")))?;
        eprintln!("xtask: fuzzing {target} for {seconds} s");
        let mut command = tools::FUZZ.command()?;
        // The compiler is stable, and its instrumentation is not. There is no unsafe code that a sanitizer would watch.
        command.env("RUSTC_BOOTSTRAP", "1").args(["run", "--sanitizer", "none", target]);
        command.arg(found).arg(root().join("fuzz/seeds").join(target)).arg("--");
        command.args([
            format!("-max_total_time={seconds}"),
            format!("-max_len={LONGEST_INPUT}"),
            format!("-timeout={PATIENCE}"),
            format!("-rss_limit_mb={MEMORY}"),
            "-print_final_stats=1".to_owned(),
        ]);
        must(&mut command, &format!("fuzzing {target}"))?;
    }
    Ok(())
}

fn targets(folder: &Path) -> Result<Vec<String>, Failure> {
    let files = fs::read_dir(folder.join("fuzz_targets"));
    let files = files.map_err(|error| Failure::broken(format!("the targets cannot be listed: {error}")))?;
    let name = |path: std::path::PathBuf| Some(path.file_stem()?.to_str()?.to_owned());
    let mut targets: Vec<String> = files.filter_map(|file| name(file.ok()?.path())).collect();
    targets.sort();
    Ok(targets)
}
