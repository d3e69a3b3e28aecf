use std::time::Duration;

use super::*;
use crate::domain::ControlStatus;

fn metrics() -> Metrics {
    Metrics::new(&AtlasMetrics::default(), &SyncMetrics::default(), &DatabaseMetrics::default())
}

fn scraped(stored: Option<Stored>) -> Scraped {
    let connections = Connections { idle: 3, used: 1 };
    Scraped { buckets: vec![("users", 7)], connections, is_database_up: stored.is_some(), stored: stored.map(Arc::new) }
}

#[test]
fn unknown_methods_are_one() {
    let metrics = metrics();
    for method in ["GET", "BREW", "get", "\"} 1\nforged 2"] {
        metrics.http.begin().answered(method, "/graphql", 200);
    }
    let text = metrics.text(&scraped(None));
    assert!(text.contains("slategate_http_requests_total{method=\"GET\",route=\"/graphql\",status=\"200\"} 1\n"));
    assert!(text.contains("slategate_http_requests_total{method=\"other\",route=\"/graphql\",status=\"200\"} 3\n"));
    assert!(text.contains("slategate_http_requests_in_flight 0\n"));
    assert!(!text.contains("forged"));
}

#[test]
fn names_of_operations_are_bounded_in_number_and_length() {
    let metrics = metrics();
    for number in 0..300 {
        metrics.graphql.begin(Some(&format!("Name{number}")), OperationKind::Query).ends(true);
    }
    metrics.graphql.begin(Some(&"n".repeat(65)), OperationKind::Query).ends(true);
    metrics.graphql.begin(None, OperationKind::Subscription).ends(false);
    let text = metrics.text(&scraped(None));
    let series = text.lines().filter(|line| line.starts_with("slategate_graphql_operations_total{")).count();
    assert_eq!(series, 102);
    assert!(text.contains("{operation=\"other\",kind=\"query\",outcome=\"ok\"} 201\n"), "{text}");
    assert!(text.contains("{operation=\"anonymous\",kind=\"subscription\",outcome=\"error\"} 1\n"), "{text}");
    assert!(text.contains("slategate_graphql_operation_duration_seconds_count{operation=\"Name99\"} 1\n"), "{text}");
}

#[test]
fn what_the_database_knows_is_left_out_while_it_is_away() {
    let metrics = metrics();
    let away = metrics.text(&scraped(None));
    assert!(away.contains("slategate_database_up 0\n"), "{away}");
    for name in ["slategate_sync_overdue", "slategate_sync_last_success", "slategate_control"] {
        assert!(!away.contains(name), "{name}");
    }
    let control = |control, status| ControlSeries { workspace: "a\"b\\c\nd".to_owned(), control, status };
    let stored = Stored {
        overdue: Duration::from_millis(1500),
        last_success: Some("2026-03-01T00:00:00.5Z".parse().unwrap()),
        controls: vec![control("one", ControlStatus::Failing), control("two", ControlStatus::Failing)],
    };
    let text = metrics.text(&scraped(Some(stored)));
    let expected = [
        "slategate_database_up 1\n",
        "slategate_database_connections{state=\"idle\"} 3\n",
        "slategate_atlas_bucket_tokens{endpoint_set=\"users\"} 7\n",
        "slategate_sync_overdue_seconds 1.5\n",
        "slategate_sync_last_success_timestamp_seconds 1772323200.5\n",
        "slategate_controls{workspace=\"a\\\"b\\\\c\\nd\",status=\"FAILING\"} 2\n",
        "slategate_controls{workspace=\"a\\\"b\\\\c\\nd\",status=\"PASSING\"} 0\n",
        "slategate_control_status{workspace=\"a\\\"b\\\\c\\nd\",control=\"two\",status=\"FAILING\"} 1\n",
        "# TYPE slategate_sync_runs_total counter\n",
        "slategate_sync_runs_total{status=\"FAILED\"} 0\n",
    ];
    for line in expected {
        assert!(text.contains(line), "{line} in {text}");
    }
}
