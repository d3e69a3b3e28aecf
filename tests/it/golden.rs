//! The verdict of every control on every subject of the demonstration: the product's truth, to be read by people.

use std::fmt::Write as _;

use serde_json::json;

use crate::on_both_databases;
use crate::support::{World, text};

const GOLDEN: &str = include_str!("golden/northwind.txt");

/// One line for each result, sorted and aligned.
async fn table(world: &World) -> String {
    let query = "query($after: String) { controlResults(first: 100, after: $after) { nodes { control { key } outcome \
                 reason subject { ... on AtlasCluster { name } ... on Account { login } } } \
                 pageInfo { hasNextPage endCursor } } }";
    let mut rows = Vec::new();
    let mut after = json!(null);
    loop {
        let page = world.ask_with(query, json!({ "after": after })).await["controlResults"].take();
        for result in page["nodes"].as_array().unwrap() {
            let subject = &result["subject"];
            let name = if subject["name"].is_null() { text(&subject["login"]) } else { text(&subject["name"]) };
            rows.push((name, text(&result["control"]["key"]), text(&result["outcome"]), text(&result["reason"])));
        }
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    rows.sort();
    rows.iter().fold(String::new(), |mut table, (subject, control, outcome, reason)| {
        writeln!(table, "{subject:<52} {control:<44} {outcome:<14} {reason}").unwrap();
        table
    })
}

on_both_databases! {
    async fn the_demonstration_is_judged_as_the_golden_table_says(database) {
        let world = World::demo(&database).await;
        let table = table(&world).await;
        for (line, (found, golden)) in table.lines().zip(GOLDEN.lines()).enumerate() {
            assert_eq!(found, golden, "line {}", line + 1);
        }
        assert!(table == GOLDEN, "the table has {} lines and not {}", table.lines().count(), GOLDEN.lines().count());
    }

    async fn each_control_counts_what_the_golden_table_lists(database) {
        let world = World::demo(&database).await;
        let answer = world
            .ask("{ controls { key status coverage { inScope passed failed unknown notApplicable unreadableScopes } } }")
            .await;
        let controls = answer["controls"].as_array().unwrap();
        assert_eq!(controls.len(), 13);
        for control in controls {
            let key = text(&control["key"]);
            let count = |outcome: &str| {
                let of = |line: &&str| line.split_whitespace().nth(1) == Some(&key);
                GOLDEN.lines().filter(of).filter(|line| line.split_whitespace().nth(2) == Some(outcome)).count()
            };
            let [passed, failed, unknown, other] = ["PASS", "FAIL", "UNKNOWN", "NOT_APPLICABLE"].map(count);
            let coverage = json!({
                "inScope": passed + failed + unknown + other, "passed": passed, "failed": failed, "unknown": unknown,
                "notApplicable": other, "unreadableScopes": 0,
            });
            assert_eq!(control["coverage"], coverage, "{key}");
            // Nobody has been there for long enough to be reviewed.
            let status = if failed > 0 { "FAILING" } else { "NOT_APPLICABLE" };
            assert_eq!((&control["status"], failed > 0), (&json!(status), key != "access-reviews-completed-on-time"));
        }
    }
}
