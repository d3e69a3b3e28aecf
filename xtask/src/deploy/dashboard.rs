//! The dashboard's expressions, held to promtool and to the table of metrics.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};

use super::metrics::Named;
use super::{Checked, Site, alerts, must_succeed, none_of};

const FILE: &str = "deploy/grafana/slategate.json";
/// What Grafana puts in, and something of its kind.
const VARIABLES: [(&str, &str); 2] = [("$__rate_interval", "5m"), ("$__range", "1h")];

pub(super) fn parses(site: &Site) -> Checked {
    let dashboard = dashboard(site)?;
    let (titles, expressions): (Vec<_>, Vec<_>) = expressions(&dashboard).into_iter().unzip();
    if expressions.is_empty() {
        return Err("it has no expressions".to_owned());
    }
    let mut ids = BTreeSet::new();
    let panels = dashboard["panels"].as_array().into_iter().flatten();
    let twice = panels.map(|panel| panel["id"].as_u64()).filter(|id| id.is_none() || !ids.insert(*id));
    let problems: Vec<String> = twice.map(|id| format!("the panel's id {id:?} is missing or not its own")).collect();
    none_of(&problems)?;
    let rule = |(number, expression): (usize, &String)| {
        let expr = VARIABLES.iter().fold(expression.clone(), |text, (name, value)| text.replace(name, value));
        json!({ "record": format!("dashboard:{number}"), "expr": expr })
    };
    let rules: Vec<Value> = expressions.iter().enumerate().map(rule).collect();
    // JSON is YAML.
    let file = site.scratch.join("dashboard.yaml");
    let text = json!({ "groups": [{ "name": "dashboard", "rules": rules }] }).to_string();
    fs::write(&file, text).map_err(|error| error.to_string())?;
    let checked = must_succeed(site.toolbox.program("promtool").args(["check", "rules"]).arg(file));
    let numbered = || titles.iter().enumerate().map(|(number, title)| format!("dashboard:{number} is {title}"));
    checked.map_err(|why| format!("{why}\n{}", numbered().collect::<Vec<_>>().join("\n")))
}

/// Also that nothing is measured in vain.
pub(super) fn names_what_exists(site: &Site) -> Checked {
    let metrics = site.metrics()?;
    let mut problems = Vec::new();
    let mut used = BTreeSet::new();
    let dashboard = dashboard(site)?;
    let all = expressions(&dashboard).into_iter().chain(variables(&dashboard)).chain(alerts::expressions(site)?);
    for (place, expression) in all {
        let named = Named::by(&expression);
        problems.extend(metrics.problems(&place, &named));
        used.extend(named.series.iter().filter_map(|(series, _)| metrics.of(series)).map(|(name, _)| name.to_owned()));
    }
    let unused = metrics.names().filter(|name| !used.contains(*name));
    problems.extend(unused.map(|name| format!("{name} is on no panel and in no alert")));
    none_of(&problems)
}

fn dashboard(site: &Site) -> Result<Value, String> {
    serde_json::from_str(&site.text(FILE)?).map_err(|error| format!("{FILE}: {error}"))
}

/// Titles of panels, and what they show.
fn expressions(dashboard: &Value) -> Vec<(String, String)> {
    let panels = dashboard["panels"].as_array().into_iter().flatten();
    let targets = panels.flat_map(|panel| {
        let title = panel["title"].as_str().unwrap_or_default();
        panel["targets"].as_array().into_iter().flatten().map(move |target| (title.to_owned(), &target["expr"]))
    });
    targets.map(|(title, expression)| (title, expression.as_str().unwrap_or_default().to_owned())).collect()
}

/// What the choices at the top of the dashboard are taken from.
fn variables(dashboard: &Value) -> Vec<(String, String)> {
    let variables = dashboard["templating"]["list"].as_array().into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    variables.map(|variable| (text(&variable["name"]), text(&variable["query"]["query"]))).collect()
}
