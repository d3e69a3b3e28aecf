//! Whole syncs against an Atlas that answers badly: each list pays for itself, nothing is lost, and all heals.

use std::time::Duration;

use serde_json::{Value, json};
use slategate::atlas::{Backoff, Pace};
use slategate::demo::keys::READER;
use slategate::demo::model::ProjectEstate;

use super::faulty::{self, Fault, Faulty, answer, body, compress, gzip};
use crate::on_both_databases;
use crate::support::{Database, Setting, World, column, text};

/// A world that was synced once through a server that can go wrong.
pub async fn through_faulty(database: &Database) -> (World, Faulty) {
    let faulty = Faulty::start().await;
    let setting = Setting { atlas: Some(faulty.url.parse().unwrap()), ..Setting::default() };
    let mut world = World::with(database, setting).await;
    faulty.towards(&world.simulator.base_url());
    world.engine = world.engine.clone().asking(|atlas| {
        atlas.backoff = Backoff { seed: Some(1), ..Backoff::default() };
        atlas.pace = Pace::skipping();
        atlas.timeouts.head = Duration::from_secs(2);
        atlas.timeouts.idle = Duration::from_secs(2);
    });
    world.connect(READER.public).await.unwrap();
    world.tick();
    assert_eq!(world.sync_due().await, 1);
    assert_eq!(world.last_run().await["status"], "SUCCEEDED");
    (world, faulty)
}

/// The projects of the demonstration's first organization.
fn projects(world: &World) -> Vec<ProjectEstate> {
    let organizations = world.simulator.organizations();
    organizations.into_iter().find(|own| own.name == READER.organization).unwrap().projects
}

fn edit_project<T>(world: &World, name: &str, change: impl FnOnce(&mut ProjectEstate) -> T) -> T {
    world.simulator.edit(|estate| {
        let own = estate.iter_mut().find(|own| own.name == READER.organization).unwrap();
        change(own.projects.iter_mut().find(|project| project.name == name).unwrap())
    })
}

/// Kind, project and code of each list that failed in the latest run.
async fn failed(world: &World) -> Vec<(String, String, String)> {
    let run = world.last_run().await;
    let scopes = run["scopes"].as_array().unwrap();
    let failed = scopes.iter().filter(|scope| scope["complete"] == false);
    let mut failed: Vec<_> = failed
        .map(|scope| {
            let project = scope["project"]["name"].as_str().unwrap_or_default().to_owned();
            (text(&scope["kind"]), project, text(&scope["errorCode"]))
        })
        .collect();
    failed.sort();
    failed
}

/// Everything that a reader sees listed.
async fn listed(world: &World) -> Value {
    let query = "{ assets(first: 500) { nodes { name } } accounts(first: 500) { nodes { login grants { role } } } \
                 projects(first: 500) { nodes { name } } }";
    world.ask(query).await
}

const UNAVAILABLE: &str = "ATLAS_UNAVAILABLE";
const UNEXPECTED: &str = "UNEXPECTED_RESPONSE";

/// Answers to a list, and what each is taken for.
fn bad_answers() -> Vec<(&'static str, Fault, &'static str)> {
    let whole = compress(br#"{"results":[],"totalCount":0,"links":[]}"#);
    let cut = &whole[..whole.len() - 12];
    let many = format!("[{}0]", "0,".repeat(2_000_001));
    let bytes: Vec<(&str, Vec<u8>, &str)> = vec![
        ("500", faulty::status(500), UNAVAILABLE),
        ("502", faulty::status(502), UNAVAILABLE),
        ("503", faulty::status(503), UNAVAILABLE),
        ("504", faulty::status(504), UNAVAILABLE),
        ("nothing", Vec::new(), UNAVAILABLE),
        ("no HTTP", b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(), UNAVAILABLE),
        ("cut body", answer("content-length: 900\r\n", br#"{"results":["#), UNAVAILABLE),
        ("cut chunk", answer("transfer-encoding: chunked\r\n", b"ff\r\n{\"results\""), UNAVAILABLE),
        ("length too small", answer("content-length: 9\r\n", br#"{"results":[],"links":[]}"#), UNEXPECTED),
        ("cut gzip", gzip(cut), UNAVAILABLE),
        ("no gzip", gzip(b"plain text"), UNEXPECTED),
        ("bomb", gzip(&faulty::bomb()), UNEXPECTED),
        ("33 MiB", body(&vec![b' '; 33 << 20]), UNEXPECTED),
        ("two million values", body(many.as_bytes()), UNEXPECTED),
        ("deep", body("[".repeat(100_000).as_bytes()), UNEXPECTED),
        ("HTML", body(b"<html>maintenance</html>"), UNEXPECTED),
        ("no UTF-8", body(b"{\"results\":[\"\xff\"]}"), UNEXPECTED),
        ("a number", body(b"7"), UNEXPECTED),
        ("null results", body(br#"{"results":null}"#), UNEXPECTED),
        ("results of another type", body(br#"{"results":{"id":"x"}}"#), UNEXPECTED),
        ("rows of other types", body(br#"{"results":[null,7,"x",[]],"links":"none"}"#), UNEXPECTED),
        ("the same page for ever", body(br#"{"results":[{"id":"x"}],"links":[{"rel":"next"}]}"#), UNEXPECTED),
    ];
    let mut answers: Vec<_> = bytes.into_iter().map(|(name, bytes, code)| (name, Fault::Bytes(bytes), code)).collect();
    answers.push(("reset", Fault::Reset, UNAVAILABLE));
    answers.push(("no head", Fault::Hang(Vec::new()), UNAVAILABLE));
    answers.push(("no rest of the body", Fault::Hang(answer("content-length: 90\r\n", b"{")), UNAVAILABLE));
    answers
}

on_both_databases! {
    async fn each_bad_answer_costs_its_own_list_and_no_row(database) {
        let (world, faulty) = through_faulty(&database).await;
        let before = listed(&world).await;
        let lists: Vec<(&str, ProjectEstate)> = projects(&world)
            .into_iter()
            .flat_map(|project| [("clusters", project.clone()), ("flexClusters", project)])
            .collect();
        for answers in bad_answers().chunks(lists.len()) {
            let mut expected = Vec::new();
            for ((name, fault, code), (list, project)) in answers.iter().zip(&lists) {
                println!("{name}: {list} of {}", project.name);
                faulty.strike(&format!("/groups/{}/{list}", project.id), fault.clone());
                let kind = if *list == "clusters" { "CLUSTERS" } else { "FLEX_CLUSTERS" };
                expected.push((kind.to_owned(), project.name.clone(), (*code).to_owned()));
            }
            expected.sort();
            world.next_sync().await;
            assert_eq!(failed(&world).await, expected);
            let run = world.last_run().await;
            assert_eq!((run["status"].clone(), run["changes"]["removed"].clone()), (json!("PARTIAL"), json!(0)));
            assert_eq!(listed(&world).await, before);
            faulty.heal();
        }
        world.next_sync().await;
        let run = world.last_run().await;
        assert_eq!(run["status"], "SUCCEEDED");
        assert_eq!(run["changes"], json!({ "added": 0, "updated": 0, "removed": 0, "resultsFlipped": 0 }));
    }

    async fn bad_answers_to_the_lists_of_the_organization_cost_no_account_and_no_project(database) {
        let (world, faulty) = through_faulty(&database).await;
        let before = listed(&world).await;
        faulty.strike("/users", Fault::Bytes(body(b"[]")));
        faulty.strike("/apiKeys", Fault::Reset);
        faulty.strike("/teams", Fault::Bytes(faulty::status(500)));
        faulty.strike("/serviceAccounts", Fault::Bytes(body(br#"{"results":[null]}"#)));
        faulty.strike("/groups", Fault::Bytes(body(b"<html>")));
        world.next_sync().await;
        let run = world.last_run().await;
        assert_eq!((run["status"].clone(), run["changes"]["removed"].clone()), (json!("PARTIAL"), json!(0)));
        let of_organization: Vec<_> = failed(&world).await.into_iter().filter(|(_, project, _)| project.is_empty()).collect();
        let expected = [
            ("API_KEYS", UNAVAILABLE),
            ("PROJECTS", UNEXPECTED),
            ("SERVICE_ACCOUNTS", UNEXPECTED),
            ("TEAMS", UNAVAILABLE),
            ("USERS", UNEXPECTED),
        ];
        let expected = expected.map(|(kind, code)| (kind.to_owned(), String::new(), code.to_owned()));
        assert_eq!(of_organization, expected);
        assert_eq!(listed(&world).await, before);
        faulty.heal();
        world.next_sync().await;
        let run = world.last_run().await;
        assert_eq!((run["status"].clone(), run["changes"]["updated"].clone()), (json!("SUCCEEDED"), json!(0)));
        assert_eq!(listed(&world).await, before);
    }

    async fn odd_rows_cost_themselves(database) {
        let (world, _faulty) = through_faulty(&database).await;
        let before = listed(&world).await;
        let checkout = world.asset("checkout").await;
        edit_project(&world, "Commerce", |shop| {
            let twin = shop.cluster_mut("carts").unwrap().clone();
            shop.clusters.push(twin);
            shop.cluster_mut("orders").unwrap()["id"] = json!("../../../../api/atlas/v2/orgs");
            shop.cluster_mut("invoices").unwrap()["id"] = Value::Null;
            shop.cluster_mut("refunds").unwrap()["name"] = json!(7);
            let odd = shop.cluster_mut("checkout").unwrap();
            odd["name"] = json!("check\u{0}\u{1b}[31mout\r\n");
            odd["encryptionAtRestProvider"] = json!("QUANTUM");
            odd["backupEnabled"] = json!("perhaps");
            odd["stateName"] = json!("x".repeat(10 << 20));
            odd["tags"] = json!([{ "key": "owner", "value": "y".repeat(10 << 20) }]);
        });
        world.next_sync().await;
        assert_eq!(failed(&world).await, [("CLUSTERS".to_owned(), "Commerce".to_owned(), UNEXPECTED.to_owned())]);
        let run = world.last_run().await;
        assert_eq!((run["status"].clone(), run["changes"]["removed"].clone()), (json!("PARTIAL"), json!(0)));
        assert_eq!(run["changes"]["updated"], 1);
        let after = listed(&world).await;
        let count = |answer: &Value| answer["assets"]["nodes"].as_array().unwrap().len();
        assert_eq!(count(&after), count(&before));
        let names = column(&after["assets"]["nodes"], "name");
        assert!(names.iter().all(|name| !name.chars().any(char::is_control)), "{names:?}");
        assert!(names.contains(&"refunds".to_owned()) && names.contains(&"orders".to_owned()), "{names:?}");
        let (verdict, _) = world.verdict(&checkout, "clusters-backed-up").await;
        assert!(verdict.starts_with("UNKNOWN "), "{verdict}");
        let asked = world.simulator.request_log();
        assert!(asked.iter().all(|request| !request.target.contains("..") && !request.target.contains("settings")));
    }

    async fn a_project_whose_id_is_no_id_is_not_asked_for(database) {
        let (world, _faulty) = through_faulty(&database).await;
        world.simulator.edit(|estate| {
            let own = estate.iter_mut().find(|own| own.name == READER.organization).unwrap();
            own.projects.push(ProjectEstate::new("../orgs", "Nowhere"));
        });
        let before = listed(&world).await;
        world.next_sync().await;
        assert_eq!(failed(&world).await, [("PROJECTS".to_owned(), String::new(), UNEXPECTED.to_owned())]);
        assert_eq!(listed(&world).await, before);
        assert!(world.simulator.request_log().iter().all(|request| !request.target.contains("..")));
    }
}
