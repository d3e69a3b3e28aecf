//! Rebuilds the page that the binary carries: the locked packages, the bundle, the compressed files.

use std::path::Path;
use std::process::Command;

use crate::{Failure, must};

pub fn build() -> Result<(), Failure> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("graphiql");
    must(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(&folder), "npm ci")?;
    must(Command::new("npm").args(["run", "build"]).current_dir(&folder), "npm run build")
}
