//! Alerts lead somewhere, and are tested.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Checked, Site, none_of};

const FILE: &str = "deploy/prometheus/alerts.yaml";
const TESTS: &str = "deploy/prometheus/alerts.test.yaml";
const RUNBOOKS: &str = "docs/operators.md";

pub(super) fn are_complete(site: &Site) -> Checked {
    let anchors: BTreeSet<String> = site.text(RUNBOOKS)?.lines().filter_map(anchor).collect();
    let (fires, stays_silent) = tested(site)?;
    let mut problems = Vec::new();
    for alert in &alerts(site)? {
        let name = alert["alert"].as_str().unwrap_or_default();
        let mut demand = |holds: bool, what: &str| {
            if !holds {
                problems.push(format!("{name}: {what}"));
            }
        };
        for annotation in ["summary", "description"] {
            demand(alert["annotations"][annotation].is_string(), &format!("it has no {annotation}"));
        }
        let runbook = alert["annotations"]["runbook"].as_str().and_then(|runbook| runbook.split_once('#'));
        demand(runbook.is_some_and(|(file, to)| file == RUNBOOKS && anchors.contains(to)), "its runbook leads nowhere");
        demand(runbook.is_some_and(|(_, to)| to == name.to_lowercase()), "its runbook is another's");
        let severity = alert["labels"]["severity"].as_str().unwrap_or_default();
        demand(["critical", "warning", "info"].contains(&severity), "it has no usual severity");
        demand(fires.contains(name), "no test has it fire");
        demand(stays_silent.contains(name), "no test has it stay silent");
    }
    none_of(&problems)
}

/// The alerts' names and expressions.
pub(super) fn expressions(site: &Site) -> Result<Vec<(String, String)>, String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok(alerts(site)?.iter().map(|alert| (text(&alert["alert"]), text(&alert["expr"]))).collect())
}

fn alerts(site: &Site) -> Result<Vec<Value>, String> {
    let documents = site.yaml(FILE)?;
    let groups = documents.iter().filter_map(|document| document["groups"].as_array()).flatten();
    let alerts: Vec<Value> = groups.filter_map(|group| group["rules"].as_array()).flatten().cloned().collect();
    if alerts.is_empty() { Err("there are no alerts".to_owned()) } else { Ok(alerts) }
}

/// Names of alerts that a test has fire, and of those that one has stay silent.
fn tested(site: &Site) -> Result<(BTreeSet<String>, BTreeSet<String>), String> {
    let (mut fires, mut stays_silent) = (BTreeSet::new(), BTreeSet::new());
    let documents = site.yaml(TESTS)?;
    let tests = documents.iter().filter_map(|document| document["tests"].as_array()).flatten();
    for expected in tests.filter_map(|test| test["alert_rule_test"].as_array()).flatten() {
        let name = expected["alertname"].as_str().unwrap_or_default().to_owned();
        let has_alerts = expected["exp_alerts"].as_array().is_some_and(|alerts| !alerts.is_empty());
        if has_alerts {
            fires.insert(name)
        } else {
            stays_silent.insert(name)
        };
    }
    Ok((fires, stays_silent))
}

/// How a heading is linked to.
fn anchor(line: &str) -> Option<String> {
    let heading = line.strip_prefix('#')?.trim_start_matches('#').strip_prefix(' ')?;
    let kept = |c: char| match c {
        ' ' => Some('-'),
        c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c.to_ascii_lowercase()),
        _ => None,
    };
    Some(heading.chars().filter_map(kept).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_have_the_anchors_that_they_are_linked_by() {
        assert_eq!(anchor("### SlategateDown").as_deref(), Some("slategatedown"));
        assert_eq!(anchor("## Backup and `restore`").as_deref(), Some("backup-and-restore"));
        assert_eq!(anchor("Backup"), None);
    }
}
