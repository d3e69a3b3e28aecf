use std::time::{Duration, Instant};

use chrono::TimeDelta;
use serde_json::json;
use slategate::store::views::Role;

use super::{events, metrics, scraped};
use crate::on_both_databases;
use crate::processes::{self, settings, settings_at};
use crate::support::process::{client, eventually};
use crate::support::{Database, Exposition, Fault, FaultProxy, Process, World};

/// The names that dashboards and alerts are written against.
const NAMES: [&str; 25] = [
    "slategate_build_info",
    "slategate_http_requests_total",
    "slategate_http_request_duration_seconds_bucket",
    "slategate_http_requests_in_flight",
    "slategate_graphql_operations_total",
    "slategate_graphql_operation_duration_seconds_bucket",
    "slategate_sync_runs_total",
    "slategate_sync_run_duration_seconds_bucket",
    "slategate_sync_last_success_timestamp_seconds",
    "slategate_sync_overdue_seconds",
    "slategate_sync_leases_held",
    "slategate_sync_leases_lost_total",
    "slategate_atlas_requests_total",
    "slategate_atlas_request_duration_seconds_bucket",
    "slategate_atlas_retries_total",
    "slategate_atlas_throttled_total",
    "slategate_atlas_lanes_busy",
    "slategate_atlas_bucket_tokens",
    "slategate_database_connections",
    "slategate_database_up",
    "slategate_database_statements_total",
    "slategate_controls",
    "slategate_control_status",
    "slategate_http_request_duration_seconds_count",
    "slategate_graphql_operation_duration_seconds_sum",
];

on_both_databases! {
    async fn what_happened_is_counted_and_what_is_is_shown(database) {
        let world = World::demo(&database).await;
        let served = world.serve().await;
        let token = world.token(world.workspace, Role::Viewer).await;
        for query in ["query Names { controls { key } }", "query Names { controls { key } }", "{ viewer { role } }"] {
            assert_eq!(served.post(Some(&token), query, json!({})).await.0, 200);
        }
        served.post(Some(&token), "mutation Refused { createApiToken(input: { name: \"x\", role: VIEWER }) { secret } }", json!({})).await;
        served.post(Some(&token), "query Wrong { nothing }", json!({})).await;
        served.client.get(format!("http://{}/no/such/{}", served.address, "page")).send().await.unwrap();

        let seen = metrics(&served, &token).await;
        for name in NAMES {
            assert!(seen.names().contains(name), "{name} is not among {:?}", seen.names());
        }
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        assert_eq!(seen.value("slategate_build_info", &version), Some(1.0));
        let operations = |operation, kind, outcome| {
            let labels = [("operation", operation), ("kind", kind), ("outcome", outcome)];
            seen.value("slategate_graphql_operations_total", &labels)
        };
        assert_eq!(operations("Names", "query", "ok"), Some(2.0));
        assert_eq!(operations("anonymous", "query", "ok"), Some(1.0));
        assert_eq!(operations("Refused", "mutation", "error"), Some(1.0));
        assert_eq!(operations("Wrong", "query", "error"), Some(1.0));
        let names = [("operation", "Names")];
        assert_eq!(seen.value("slategate_graphql_operation_duration_seconds_count", &names), Some(2.0));
        let requests = |method, route, status| {
            let labels = [("method", method), ("route", route), ("status", status)];
            seen.value("slategate_http_requests_total", &labels)
        };
        assert_eq!(requests("POST", "/graphql", "200"), Some(5.0));
        assert_eq!(requests("GET", "unmatched", "404"), Some(1.0));
        assert_eq!(seen.value("slategate_http_requests_in_flight", &[]), Some(1.0), "the scrape itself");

        assert_eq!(seen.value("slategate_sync_runs_total", &[("status", "SUCCEEDED")]), Some(1.0));
        assert_eq!(seen.value("slategate_sync_runs_total", &[("status", "FAILED")]), Some(0.0));
        assert_eq!(seen.value("slategate_sync_leases_held", &[]), Some(0.0));
        assert_eq!(seen.value("slategate_atlas_lanes_busy", &[]), Some(0.0));
        let sent = world.simulator.requests();
        assert_eq!(seen.sum("slategate_atlas_requests_total", &[]), sent);
        assert!(seen.sum("slategate_atlas_requests_total", &[("endpoint", "clusters"), ("status", "200")]) > 0);
        assert!(seen.sum("slategate_atlas_requests_total", &[("status", "401")]) > 0, "challenges count");
        assert!(seen.value("slategate_atlas_bucket_tokens", &[("endpoint_set", "users")]).unwrap() < 500.0);
        assert_eq!(seen.value("slategate_database_up", &[]), Some(1.0));
        assert!(seen.sum("slategate_database_connections", &[]) >= 1);
        assert!(seen.sum("slategate_database_statements_total", &[]) > 10);
        assert_eq!(seen.value("slategate_sync_overdue_seconds", &[]), Some(0.0));
        let synced = seen.value("slategate_sync_last_success_timestamp_seconds", &[]).unwrap();
        #[expect(clippy::cast_precision_loss, reason = "whole seconds")]
        let begun = World::start_of_time().timestamp() as f64;
        assert!((begun..begun + 3.0).contains(&synced), "{synced}");

        let answer = world.ask("{ controls { key status } }").await;
        let controls = answer["controls"].as_array().unwrap();
        for control in controls {
            let [key, status] = ["key", "status"].map(|field| control[field].as_str().unwrap());
            let labels = [("workspace", "default"), ("control", key), ("status", status)];
            assert_eq!(seen.value("slategate_control_status", &labels), Some(1.0), "{control}");
        }
        let count = u64::try_from(controls.len()).unwrap();
        assert_eq!(seen.sum("slategate_control_status", &[]), count);
        assert_eq!(seen.sum("slategate_controls", &[("workspace", "default")]), count);
    }

    async fn what_is_overdue_is_read_anew_after_ten_seconds(database) {
        let world = World::synced(&database, slategate::demo::keys::READER.public).await;
        let served = world.serve().await;
        let token = world.token(world.workspace, Role::Viewer).await;
        let overdue = async || metrics(&served, &token).await.value("slategate_sync_overdue_seconds", &[]);
        assert_eq!(overdue().await, Some(0.0));
        // The next sync was due at ten o'clock.
        let ten = World::start_of_time() + TimeDelta::hours(1);
        world.clock.advance(ten - world.clock.now() + TimeDelta::seconds(30));
        assert_eq!(overdue().await, Some(30.0));
        world.clock.advance(TimeDelta::seconds(9));
        assert_eq!(overdue().await, Some(30.0));
        world.clock.advance(TimeDelta::seconds(1));
        assert_eq!(overdue().await, Some(40.0));
        assert_eq!(world.sync_due().await, 1);
        world.clock.advance(TimeDelta::seconds(10));
        assert_eq!(overdue().await, Some(0.0));
    }

    async fn a_token_sees_its_own_workspace_and_only_readers_see_anything(database) {
        let world = World::demo(&database).await;
        let other = world.other_workspace().await;
        let served = world.serve().await;
        for role in [Role::Viewer, Role::Analyst, Role::Admin] {
            let own = metrics(&served, &world.token(world.workspace, role).await).await;
            assert_eq!(own.values_of("slategate_control_status", "workspace"), ["default"].into());
            let foreign = metrics(&served, &world.token(other, role).await).await;
            assert_eq!(foreign.values_of("slategate_control_status", "workspace"), ["other"].into());
            assert_eq!(foreign.values_of("slategate_controls", "workspace"), ["other"].into());
            assert!(!foreign.names().contains("slategate_sync_last_success_timestamp_seconds"));
        }
        let scim = world.token(world.workspace, Role::Scim).await;
        assert_eq!(scraped(&served.client, served.address, Some(&scim)).await.0, 403);
        assert_eq!(scraped(&served.client, served.address, None).await.0, 401);
        for _ in 0..10 {
            assert_eq!(scraped(&served.client, served.address, Some("slg_guess")).await.0, 401);
        }
        assert_eq!(scraped(&served.client, served.address, Some("slg_guess")).await.0, 429);

        let (status, text) = scraped(&served.client, served.metrics, None).await;
        let all = Exposition::parse(&text);
        assert_eq!(status, 200);
        assert_eq!(all.values_of("slategate_control_status", "workspace"), ["default", "other"].into());
    }

    async fn two_hundred_names_make_no_more_than_a_hundred_and_one(database) {
        let world = World::new(&database).await;
        let served = world.serve().await;
        let token = world.token(world.workspace, Role::Viewer).await;
        for number in 0..200 {
            let query = format!("query Name{number} {{ viewer {{ role }} }}");
            assert_eq!(served.post(Some(&token), &query, json!({})).await.0, 200);
        }
        let seen = metrics(&served, &token).await;
        let names = seen.values_of("slategate_graphql_operations_total", "operation");
        assert_eq!(names.len(), 101);
        assert_eq!(seen.sum("slategate_graphql_operations_total", &[("operation", "other")]), 100);
        assert_eq!(seen.sum("slategate_graphql_operations_total", &[]), 200);
    }

    async fn an_address_of_its_own_shows_all_and_the_main_one_nothing(database) {
        let mut settings = settings(&database);
        settings.push(("SLATEGATE_METRICS_LISTEN", "127.0.0.1:0".to_owned()));
        let server = Process::serve(&settings).await;
        let admin = Process::token(&settings, "admin").await;
        let address = events(&server, "metrics are served")[0]["address"].as_str().unwrap().parse().unwrap();
        let http = client();
        assert_eq!(scraped(&http, server.address(), Some(&admin)).await.0, 404);
        let (status, text) = scraped(&http, address, None).await;
        assert_eq!(status, 200);
        let seen = Exposition::parse(&text);
        assert_eq!(seen.values_of("slategate_control_status", "workspace"), ["default"].into());
        assert_eq!(seen.value("slategate_http_requests_total", &[("method", "GET"), ("route", "unmatched"), ("status", "404")]), Some(1.0));
        for (path, expected) in [("healthz", 200), ("readyz", 200), ("graphql", 404), ("scim/v2/Users", 404)] {
            let answer = http.get(format!("http://{address}/{path}")).bearer_auth(&admin).send().await.unwrap();
            assert_eq!(answer.status().as_u16(), expected, "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scrape_is_answered_while_the_database_is_away() {
    let Some(database) = Database::postgres().await else { return };
    let (proxy, url) = FaultProxy::before(&database.url).await;
    let mut settings = settings_at(&database, url);
    settings.push(("SLATEGATE_METRICS_LISTEN", "127.0.0.1:0".to_owned()));
    let server = Process::serve(&settings).await;
    let address = events(&server, "metrics are served")[0]["address"].as_str().unwrap().parse().unwrap();
    let http = client();
    let (_, text) = scraped(&http, address, None).await;
    assert_eq!(Exposition::parse(&text).value("slategate_database_up", &[]), Some(1.0));
    for fault in [Fault::Refuse, Fault::BlackHole] {
        proxy.set(fault);
        let begun = Instant::now();
        let (status, text) = scraped(&http, address, None).await;
        let seen = Exposition::parse(&text);
        assert_eq!((status, seen.value("slategate_database_up", &[])), (200, Some(0.0)), "{fault:?}");
        assert!(begun.elapsed() < Duration::from_secs(4), "{fault:?} {:?}", begun.elapsed());
        for name in ["slategate_controls", "slategate_control_status", "slategate_sync_overdue_seconds"] {
            assert!(!seen.names().contains(name), "{fault:?} {name}");
        }
        assert!(seen.names().contains("slategate_http_requests_total"), "{fault:?}");
        proxy.set(Fault::None);
        let is_back = async || {
            let (_, text) = scraped(&http, address, None).await;
            let seen = Exposition::parse(&text);
            seen.value("slategate_database_up", &[]) == Some(1.0) && seen.names().contains("slategate_controls")
        };
        assert!(eventually(Duration::from_secs(10), is_back).await.is_ok(), "{fault:?}\n{}", server.log());
    }
    drop(server);
    database.drop_postgres().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_that_is_held_and_an_atlas_that_is_silent_are_seen() {
    let database = Database::sqlite();
    let (_simulator, atlas, base_url) = processes::atlas().await;
    let mut settings = settings(&database);
    settings.push(base_url);
    settings.push(("SLATEGATE_METRICS_LISTEN", "127.0.0.1:0".to_owned()));
    let server = Process::serve(&settings).await;
    let admin = Process::token(&settings, "admin").await;
    let address = events(&server, "metrics are served")[0]["address"].as_str().unwrap().parse().unwrap();
    atlas.set(Fault::Latency(Duration::from_millis(100)));
    processes::connect(&server, &admin).await;
    atlas.set(Fault::BlackHole);
    let http = client();
    let is_held = async || {
        let (_, text) = scraped(&http, address, None).await;
        let seen = Exposition::parse(&text);
        let value = |name| seen.value(name, &[]) == Some(1.0);
        value("slategate_sync_leases_held") && seen.sum("slategate_atlas_lanes_busy", &[]) >= 1
    };
    assert!(eventually(Duration::from_secs(10), is_held).await.is_ok(), "{}", server.log());
    atlas.set(Fault::Reset);
    let is_retried = async || {
        let (_, text) = scraped(&http, address, None).await;
        let seen = Exposition::parse(&text);
        seen.sum("slategate_atlas_retries_total", &[("reason", "unavailable")]) >= 1
            && seen.sum("slategate_atlas_requests_total", &[("status", "none")]) >= 1
    };
    assert!(eventually(Duration::from_secs(10), is_retried).await.is_ok(), "{}", server.log());
}
