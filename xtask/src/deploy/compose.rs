//! What `compose.yaml` promises about every container.

use std::process::Command;

use serde_json::{Map, Value};

use super::{Checked, Site, must_succeed, none_of};

const FILE: &str = "deploy/compose.yaml";
/// A server ends within 15 seconds of the word to stop.
const SERVER_NEEDS: u32 = 20;

pub(super) fn fits_schema(site: &Site) -> Checked {
    let mut checker = Command::new(site.toolbox.python("check-jsonschema"));
    must_succeed(checker.args(["--builtin-schema", "vendor.compose-spec"]).arg(site.root.join(FILE)))
}

pub(super) fn is_confined(site: &Site) -> Checked {
    let mut problems = Vec::new();
    for (name, service) in &services(site)? {
        let mut demand = |holds: bool, what: &str| {
            if !holds {
                problems.push(format!("{name}: {what}"));
            }
        };
        demand(service["read_only"] == true, "its root file system is to be read-only");
        demand(service["cap_drop"] == serde_json::json!(["ALL"]), "all capabilities are to be dropped");
        let options = service["security_opt"].as_array();
        demand(options.is_some_and(|options| options.contains(&"no-new-privileges:true".into())), "no new privileges");
        for limit in ["cpus", "memory", "pids"] {
            demand(
                !service["deploy"]["resources"]["limits"][limit].is_null(),
                &format!("there is to be a limit of {limit}"),
            );
        }
        demand(!service["healthcheck"].is_null(), "it is to have a health check, or to say that there is none");
        if name.starts_with("slategate") {
            demand(seconds(&service["stop_grace_period"]) >= SERVER_NEEDS, "it needs 20 s to stop");
            let tmpfs = service["tmpfs"].as_array().and_then(|mounts| mounts.first()).and_then(Value::as_str);
            demand(tmpfs.is_some_and(|mount| mount.starts_with("/tmp:")), "exports are spooled to /tmp");
        }
    }
    none_of(&problems)
}

pub(super) fn trusts_the_proxy(site: &Site) -> Checked {
    let services = services(site)?;
    let proxy = &services.get("proxy").unwrap_or(&Value::Null)["networks"]["front"]["ipv4_address"];
    if !proxy.is_string() {
        return Err("the proxy has no fixed address".to_owned());
    }
    let servers: Vec<_> = services.iter().filter(|(name, _)| name.starts_with("slategate")).collect();
    if servers.len() != 2 {
        return Err(format!("there are to be two replicas, and there are {}", servers.len()));
    }
    let wrong = servers.iter().filter(|(_, server)| &server["environment"]["SLATEGATE_TRUSTED_PROXIES"] != proxy);
    let problems: Vec<String> = wrong.map(|(name, _)| format!("{name} is to trust {proxy} and nobody else")).collect();
    none_of(&problems)
}

fn services(site: &Site) -> Result<Map<String, Value>, String> {
    let documents = site.yaml(FILE)?;
    let services = documents.first().and_then(|document| document["services"].as_object());
    services.cloned().ok_or_else(|| "there are no services".to_owned())
}

fn seconds(period: &Value) -> u32 {
    let period = period.as_str().and_then(|period| period.strip_suffix('s'));
    period.and_then(|period| period.parse().ok()).unwrap_or_default()
}
