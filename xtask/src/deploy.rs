//! Checks of the files in `deploy`, as far as they can be checked without a container engine or a cluster.

mod alerts;
mod compose;
mod dashboard;
mod files;
mod metrics;
mod prometheus;
mod toolbox;
mod units;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use serde_json::Value;

use crate::{Failure, tools};
use metrics::Metrics;
use toolbox::Toolbox;

/// Nothing to say, or what is wrong.
type Checked = Result<(), String>;
type Check = fn(&Site) -> Checked;

const CHECKS: [(&str, Check); 19] = [
    ("YAML is tidy (yamllint)", files::yaml_is_tidy),
    ("shell scripts are sound (shellcheck)", files::scripts_are_sound),
    ("the probe tells 200 from anything else", files::probe_tells_apart),
    ("every setting that is named is one", files::settings_exist),
    ("Dockerfile (hadolint)", files::dockerfile_is_sound),
    ("Dockerfile copies what there is and .dockerignore lets in", files::dockerfile_finds_its_files),
    ("compose.yaml fits the Compose specification", compose::fits_schema),
    ("compose.yaml keeps every container confined", compose::is_confined),
    ("compose.yaml trusts the proxy's address and no other", compose::trusts_the_proxy),
    ("Caddyfile (caddy validate, caddy fmt)", files::caddyfile_is_sound),
    ("Kubernetes manifests fit their schemas", files::manifests_fit),
    ("kustomization.yaml names every manifest but the example", files::kustomization_is_complete),
    ("systemd units (systemd-analyze verify)", units::are_sound),
    ("systemd units are confined (systemd-analyze security)", units::are_confined),
    ("Prometheus's configurations and rules (promtool check)", prometheus::is_sound),
    ("alerts fire when they should (promtool test)", prometheus::alerts_fire),
    ("every alert is described, has a runbook and a test", alerts::are_complete),
    ("dashboard: every expression parses (promtool)", dashboard::parses),
    (
        "dashboard and alerts name metrics and labels of docs/operators.md, and every metric",
        dashboard::names_what_exists,
    ),
];

/// What checks look at, and with.
struct Site {
    root: &'static Path,
    toolbox: Toolbox,
    /// For what tools are to read.
    scratch: PathBuf,
}

/// Runs every check and prints a line for each.
pub fn check() -> Result<(), Failure> {
    let own = env::current_exe().map_err(|error| Failure::broken(format!("where am I? {error}")))?;
    let folder = own.with_file_name("deploy-checks");
    let scratch = folder.join("scratch");
    fs::create_dir_all(&scratch).map_err(|error| Failure::broken(format!("no place for tools: {error}")))?;
    let site = Site { root: tools::root(), toolbox: Toolbox::fill(&folder)?, scratch };
    let mut failed = 0;
    for (what, check) in CHECKS {
        match check(&site) {
            Ok(()) => println!("ok    {what}"),
            Err(why) => {
                failed += 1;
                println!("FAIL  {what}\n{}", indented(&why));
            }
        }
    }
    println!("{} passed, {failed} failed", CHECKS.len() - failed);
    if failed == 0 { Ok(()) } else { Err(Failure::broken("deploy: not all is well")) }
}

impl Site {
    fn deploy(&self) -> PathBuf {
        self.root.join("deploy")
    }

    fn text(&self, path: &str) -> Result<String, String> {
        fs::read_to_string(self.root.join(path)).map_err(|error| format!("{path}: {error}"))
    }

    /// The documents of a YAML file, merge keys resolved.
    fn yaml(&self, path: &str) -> Result<Vec<Value>, String> {
        const READ: &str = "import json, sys, yaml; json.dump(list(yaml.safe_load_all(open(sys.argv[1]))), sys.stdout)";
        let told = said(Command::new(self.toolbox.python("python")).args(["-c", READ]).arg(self.root.join(path)))?;
        serde_json::from_str(&told).map_err(|error| format!("{path}: {error}"))
    }

    /// The metrics that operators are told about.
    fn metrics(&self) -> Result<Metrics, String> {
        Metrics::told_by(&self.text("docs/operators.md")?)
    }

    /// Files below `deploy` that `fits` likes, in order.
    fn files(&self, fits: impl Fn(&Path) -> bool) -> Result<Vec<PathBuf>, String> {
        let mut found = Vec::new();
        let mut folders = vec![self.deploy()];
        while let Some(folder) = folders.pop() {
            let entries = fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
            for path in entries.map_while(Result::ok).map(|entry| entry.path()) {
                if path.is_dir() {
                    folders.push(path);
                } else if fits(&path) {
                    found.push(path);
                }
            }
        }
        found.sort();
        Ok(found)
    }
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found == extension)
}

/// What the command printed on standard output; an error with all that it printed when it fails.
fn said(command: &mut Command) -> Result<String, String> {
    let output = command.stdin(Stdio::null()).output();
    let output =
        output.map_err(|error| format!("{} could not be started: {error}", command.get_program().display()))?;
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(told);
    }
    Err(format!("{}\n{told}{}", output.status, String::from_utf8_lossy(&output.stderr)))
}

fn must_succeed(command: &mut Command) -> Checked {
    said(command).map(drop)
}

/// Fine when there is nothing to list.
fn none_of(problems: &[String]) -> Checked {
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n")) }
}

fn indented(text: &str) -> String {
    text.trim_end().lines().map(|line| format!("      {line}")).collect::<Vec<_>>().join("\n")
}
