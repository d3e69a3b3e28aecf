//! What promtool says.

use std::process::Command;

use super::{Checked, Site, must_succeed};

const CONFIGURATIONS: [&str; 2] = ["prometheus.yaml", "kubernetes.yaml"];

pub(super) fn is_sound(site: &Site) -> Checked {
    for configuration in CONFIGURATIONS {
        must_succeed(promtool(site).args(["check", "config", configuration]))?;
    }
    must_succeed(promtool(site).args(["check", "rules", "alerts.yaml"]))
}

pub(super) fn alerts_fire(site: &Site) -> Checked {
    must_succeed(promtool(site).args(["test", "rules", "alerts.test.yaml"]))
}

fn promtool(site: &Site) -> Command {
    let mut promtool = site.toolbox.program("promtool");
    promtool.current_dir(site.deploy().join("prometheus"));
    promtool
}
