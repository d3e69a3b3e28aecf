//! Whole syncs against the simulated Atlas, on both databases.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::{Value, json};
use slategate::demo::build;
use slategate::demo::keys::{HARBOUR_READER, NORTHWIND, READER};
use slategate::demo::model::{Organization, ProjectEstate};
use slategate::demo::simulator::Refusal;
use slategate::domain::ScopeKind;
use slategate::sync::run::RunOutcome;
use tokio_util::sync::CancellationToken;

use crate::on_both_databases;
use crate::support::{World, column, text};

mod circuit;
mod held;
mod leases;
mod slots;

const LEASE: Duration = Duration::from_secs(30);

/// Changes the organization of this name.
fn organization<T>(world: &World, name: &str, change: impl FnOnce(&mut Organization) -> T) -> T {
    world.simulator.edit(|estate| change(estate.iter_mut().find(|own| own.name == name).unwrap()))
}

fn project<'a>(organization: &'a mut Organization, name: &str) -> &'a mut ProjectEstate {
    organization.projects.iter_mut().find(|project| project.name == name).unwrap()
}

fn northwind<T>(world: &World, change: impl FnOnce(&mut Organization) -> T) -> T {
    organization(world, NORTHWIND, change)
}

fn contoso<T>(world: &World, change: impl FnOnce(&mut Organization) -> T) -> T {
    organization(world, HARBOUR_READER.organization, change)
}

async fn names(world: &World, filter: Value) -> Vec<String> {
    let query = "query($filter: AssetFilter) { assets(first: 500, filter: $filter) { nodes { name } } }";
    column(&world.ask_with(query, json!({ "filter": filter })).await["assets"]["nodes"], "name")
}

/// Status and trouble of the only integration.
async fn health(world: &World) -> (String, Value) {
    let answer = world.ask("{ integrations { nodes { status lastError { code remedy } } } }").await;
    let integration = &answer["integrations"]["nodes"][0];
    (text(&integration["status"]), integration["lastError"]["code"].clone())
}

async fn status(world: &World, control: &str) -> (String, i64) {
    let query = "query($key: String!) { control(key: $key) { status coverage { unreadableScopes } } }";
    let control = world.ask_with(query, json!({ "key": control })).await["control"].take();
    (text(&control["status"]), control["coverage"]["unreadableScopes"].as_i64().unwrap())
}

/// The latest run's story.
async fn story(world: &World) -> Value {
    let query = "{ syncRuns(first: 1) { nodes { status trigger summary attempts turnedAway scheduledAt nextRunAt error { code } } } }";
    world.ask(query).await["syncRuns"]["nodes"][0].take()
}

/// What asking for a sync answers: the code of the refusal and the run, if there are any.
async fn wish(world: &World) -> (Value, Value) {
    let query = "mutation($id: ID!) { syncIntegration(input: { integrationId: $id }) { syncRun { id } userErrors { code remedy } } }";
    let answer = world.ask_with(query, json!({ "id": world.integration().await })).await["syncIntegration"].take();
    (answer["userErrors"][0]["code"].clone(), answer["syncRun"]["id"].clone())
}

on_both_databases! {
    async fn a_connected_organization_is_synced_and_judged(database) {
        let world = World::new(&database).await;
        let connected = world.connect(READER.public).await.unwrap();
        assert_eq!(connected.warnings, []);
        assert_eq!(world.sync_due().await, 1);

        let answer = world.ask("{ assets { totalCount } accounts { totalCount } projects { totalCount } }").await;
        let total = |count: i32| json!({ "totalCount": count });
        assert_eq!(answer, json!({ "assets": total(33), "accounts": total(25), "projects": total(5) }));
        let run = world.last_run().await;
        assert_eq!(run["status"], "SUCCEEDED");
        assert_eq!(run["trigger"], "CONNECT");
        assert_eq!(run["changes"], json!({ "added": 63, "updated": 0, "removed": 0, "resultsFlipped": 0 }));
        assert_eq!(health(&world).await, ("CONNECTED".to_owned(), json!(null)));
    }

    async fn an_unchanged_organization_writes_no_fact_but_is_seen_again(database) {
        let world = World::demo(&database).await;
        let before = world.fact_rows().await;
        assert!(before.iter().all(|(_, rows)| *rows > 0), "{before:?}");
        let seen = "{ assets(first: 1) { nodes { firstSeenAt lastSeenAt controlResults { since observedAt } } } \
                    accounts(first: 1) { nodes { lastSeenAt controlResults { observedAt } } } }";
        let first = world.ask(seen).await;

        world.next_sync().await;

        assert_eq!(world.fact_rows().await, before);
        let run = world.last_run().await;
        assert_eq!(run["trigger"], "SCHEDULE");
        assert_eq!(run["status"], "SUCCEEDED");
        assert_eq!(run["changes"], json!({ "added": 0, "updated": 0, "removed": 0, "resultsFlipped": 0 }));
        let second = world.ask(seen).await;
        let (old, new) = (&first["assets"]["nodes"][0], &second["assets"]["nodes"][0]);
        assert_eq!(new["firstSeenAt"], "2026-11-02T09:00:01Z");
        assert_eq!(old["lastSeenAt"], "2026-11-02T09:00:01Z");
        assert_eq!(new["lastSeenAt"], world.now());
        assert_eq!(column(&new["controlResults"], "observedAt"), vec![world.now(); 9]);
        assert_eq!(column(&new["controlResults"], "since"), column(&old["controlResults"], "since"));
        let account = &second["accounts"]["nodes"][0];
        assert_eq!(account["lastSeenAt"], world.now());
        assert_eq!(column(&account["controlResults"], "observedAt"), vec![world.now(); 4]);
    }

    async fn a_sync_counts_what_it_changed(database) {
        let world = World::synced(&database, READER.public).await;
        let ids = [world.asset("checkout").await, world.asset("fleet-core").await];
        northwind(&world, |own| {
            let shop = project(own, "Commerce");
            shop.cluster_mut("checkout").unwrap()["name"] = json!("checkout-two");
            shop.clusters.retain(|cluster| cluster["name"] != "orders");
            let id = shop.id.clone();
            shop.clusters.push(build::cluster(&id, "returns").body());
            project(own, "Fleet Platform").cluster_mut("fleet-core").unwrap()["backupEnabled"] = json!(false);
            "Web".clone_into(&mut project(own, "Website").name);
            own.users.retain(|user| user["username"] != "pilot@northwind-robotics.example");
            own.users.push(build::user("zoe@northwind-robotics.example", "Zoe", "Zimmer").body());
        });
        world.next_sync().await;

        let changes = json!({ "added": 2, "updated": 3, "removed": 2, "resultsFlipped": 1 });
        assert_eq!(world.last_run().await["changes"], changes);
        assert_eq!(world.asset("checkout-two").await, ids[0]);
        let (verdict, since) = world.verdict(&ids[1], "clusters-backed-up").await;
        assert_eq!((verdict.as_str(), since), ("FAIL BACKUP_OFF", world.now()));
        assert_eq!(names(&world, json!({ "search": "orders" })).await, ["orders-eu"]);
        world.project("Web").await;
    }

    async fn what_was_removed_ends_stays_in_the_past_and_may_come_back(database) {
        let world = World::synced(&database, READER.public).await;
        let id = world.asset("orders").await;
        let then = world.now();
        let gone = northwind(&world, |own| {
            let shop = project(own, "Commerce");
            let place = shop.clusters.iter().position(|cluster| cluster["name"] == "orders").unwrap();
            shop.clusters.remove(place)
        });
        world.next_sync().await;
        let removed = world.now();

        let query = "query($id: ID!) { node(id: $id) { id ... on AtlasCluster { name firstSeenAt lastSeenAt removedAt \
                     controlResults { reason } } } }";
        let answer = world.ask_with(query, json!({ "id": id })).await["node"].take();
        let expected = json!({
            "id": id, "name": "orders", "firstSeenAt": then, "lastSeenAt": then, "removedAt": removed,
            "controlResults": [],
        });
        assert_eq!(answer, expected);
        assert_eq!(names(&world, json!({ "search": "orders" })).await, ["orders-eu"]);
        let with_removed = json!({ "search": "orders", "includeRemoved": true });
        assert_eq!(names(&world, with_removed).await, ["orders", "orders-eu"]);
        let past = "query($at: DateTime) { assets(asOf: $at, filter: { search: \"orders\" }) { nodes { name removedAt \
                    controlResults { reason } } } }";
        let answer = world.ask_with(past, json!({ "at": then })).await["assets"]["nodes"].take();
        assert_eq!(column(&answer, "name"), ["orders", "orders-eu"]);
        assert_eq!(answer[0]["removedAt"], json!(null));
        assert_eq!(answer[0]["controlResults"].as_array().unwrap().len(), 9);

        northwind(&world, |own| project(own, "Commerce").clusters.push(gone));
        world.next_sync().await;
        let answer = world.ask_with(query, json!({ "id": id })).await["node"].take();
        assert_eq!(answer["removedAt"], json!(null));
        assert_eq!(answer["firstSeenAt"], json!(then));
        assert_eq!(answer["lastSeenAt"], json!(world.now()));
        assert_eq!(world.asset("orders").await, id);
        let answer = world.ask_with(past, json!({ "at": removed })).await["assets"]["nodes"].take();
        assert_eq!(column(&answer, "name"), ["orders-eu"]);
        let changes = json!({ "added": 1, "updated": 0, "removed": 0, "resultsFlipped": 0 });
        assert_eq!(world.last_run().await["changes"], changes);
    }

    async fn an_invitation_that_is_accepted_stays_the_same_account(database) {
        const GORAN: &str = "goran.petrov@northwind-robotics.example";
        let world = World::synced(&database, READER.public).await;
        let id = world.account(GORAN).await;
        northwind(&world, |own| {
            let place = own.users.iter().position(|user| user["username"] == GORAN).unwrap();
            own.users[place] = build::user(GORAN, "Goran", "Petrov").field("id", build::id("accepted")).body();
        });
        world.next_sync().await;

        let query = "query($id: ID!) { node(id: $id) { ... on Account { login status firstSeenAt removedAt } } }";
        let account = world.ask_with(query, json!({ "id": id })).await["node"].take();
        let expected = json!({
            "login": GORAN, "status": "ACTIVE", "firstSeenAt": "2026-11-02T09:00:01Z", "removedAt": null,
        });
        assert_eq!(account, expected);
        let changes = json!({ "added": 0, "updated": 1, "removed": 0, "resultsFlipped": 0 });
        assert_eq!(world.last_run().await["changes"], changes);
    }

    async fn a_refused_project_costs_only_its_own_list(database) {
        let world = World::synced(&database, HARBOUR_READER.public).await;
        assert_eq!(status(&world, "clusters-replicated").await, ("PASSING".to_owned(), 0));
        let lab = contoso(&world, |own| {
            project(own, "Berths").cluster_mut("tides").unwrap()["name"] = json!("ebbs");
            project(own, "Harbour Lab").id.clone()
        });
        let refusal = Refusal::scope(ScopeKind::Clusters, Some(&lab), 403).code("ACCESS_FORBIDDEN");
        let refusal = world.simulator.refuse(refusal);
        world.next_sync().await;

        let run = world.last_run().await;
        assert_eq!(run["status"], "PARTIAL");
        let failed: Vec<&Value> = run["scopes"].as_array().unwrap().iter().filter(|scope| scope["complete"] == false).collect();
        let expected = json!({
            "kind": "CLUSTERS", "complete": false, "errorCode": "ACCESS_FORBIDDEN", "project": { "name": "Harbour Lab" },
        });
        assert_eq!(failed, [&expected]);
        assert_eq!(names(&world, json!({})).await, ["berth-plan", "buoys", "ebbs", "gulls"]);
        assert_eq!(status(&world, "clusters-replicated").await, ("UNKNOWN".to_owned(), 1));
        assert_eq!(status(&world, "clusters-encrypted").await, ("UNKNOWN".to_owned(), 1));
        assert_eq!(status(&world, "clusters-backed-up").await, ("FAILING".to_owned(), 1));
        assert_eq!(status(&world, "accounts-associated-with-users").await, ("FAILING".to_owned(), 0));
        let buoys = world.asset("buoys").await;
        let seen = "query($id: ID!) { node(id: $id) { ... on AtlasCluster { lastSeenAt } } }";
        let answer = world.ask_with(seen, json!({ "id": buoys })).await;
        assert_eq!(answer["node"]["lastSeenAt"], "2026-11-02T09:00:01Z");

        world.simulator.allow(refusal);
        world.next_sync().await;
        let run = world.last_run().await;
        assert_eq!(run["status"], "SUCCEEDED");
        assert!(run["scopes"].as_array().unwrap().iter().all(|scope| scope["errorCode"].is_null()));
        assert_eq!(status(&world, "clusters-replicated").await, ("PASSING".to_owned(), 0));
    }

    async fn removing_everything_is_held_until_a_second_read_agrees(database) {
        let world = World::synced(&database, HARBOUR_READER.public).await;
        contoso(&world, |own| {
            for project in &mut own.projects {
                project.clusters.clear();
                project.flex.clear();
            }
            "Quays".clone_into(&mut project(own, "Berths").name);
        });
        world.next_sync().await;
        let run = world.last_run().await;
        assert_eq!(run["status"], "HELD");
        assert_eq!(run["changes"], json!({ "added": 0, "updated": 1, "removed": 0, "resultsFlipped": 0 }));
        assert_eq!(names(&world, json!({})).await, ["berth-plan", "buoys", "gulls", "tides"]);
        assert_eq!(health(&world).await, ("ATTENTION".to_owned(), json!("HELD_FOR_CONFIRMATION")));
        world.project("Quays").await;

        world.next_sync().await;
        let run = world.last_run().await;
        assert_eq!(run["status"], "SUCCEEDED");
        assert_eq!(run["changes"], json!({ "added": 0, "updated": 0, "removed": 4, "resultsFlipped": 0 }));
        assert_eq!(names(&world, json!({})).await, [""; 0]);
        assert_eq!(health(&world).await, ("CONNECTED".to_owned(), json!(null)));
        assert_eq!(status(&world, "clusters-replicated").await, ("NOT_APPLICABLE".to_owned(), 0));
    }

    async fn what_was_held_and_came_back_is_not_removed_later(database) {
        let world = World::synced(&database, HARBOUR_READER.public).await;
        let whole = contoso(&world, |own| own.projects.clone());
        let empty = |own: &mut Organization| own.projects.iter_mut().for_each(|project| {
            project.clusters.clear();
            project.flex.clear();
        });
        contoso(&world, empty);
        world.next_sync().await;
        contoso(&world, |own| own.projects = whole);
        world.next_sync().await;
        assert_eq!(world.last_run().await["status"], "SUCCEEDED");
        assert_eq!(health(&world).await, ("CONNECTED".to_owned(), json!(null)));

        contoso(&world, empty);
        world.next_sync().await;
        assert_eq!(world.last_run().await["status"], "HELD");
        assert_eq!(names(&world, json!({})).await.len(), 4);
    }

    async fn ten_removals_pass_and_eleven_of_many_are_held(database) {
        let world = World::synced(&database, READER.public).await;
        let drop_clusters = |count: usize| {
            northwind(&world, |own| {
                let clusters = &mut project(own, "Commerce").clusters;
                clusters.drain(..Ord::min(count, clusters.len()));
            });
        };
        // Commerce shows nine; the tenth is one of Website's two.
        drop_clusters(9);
        northwind(&world, |own| project(own, "Website").clusters.truncate(1));
        world.next_sync().await;
        let run = world.last_run().await;
        assert_eq!((text(&run["status"]), run["changes"]["removed"].as_i64()), ("SUCCEEDED".to_owned(), Some(10)));

        northwind(&world, |own| {
            project(own, "Telemetry").clusters.clear();
            project(own, "Research Lab").clusters.clear();
        });
        world.next_sync().await;
        let run = world.last_run().await;
        assert_eq!((text(&run["status"]), run["changes"]["removed"].as_i64()), ("HELD".to_owned(), Some(0)));
        assert_eq!(names(&world, json!({})).await.len(), 23);
    }

    async fn a_revoked_key_costs_no_data_and_a_new_one_mends_it(database) {
        let world = World::synced(&database, HARBOUR_READER.public).await;
        world.simulator.revoke_key(HARBOUR_READER.public);
        world.next_sync().await;
        assert_eq!(world.last_run().await["status"], "FAILED");
        assert_eq!(health(&world).await, ("ATTENTION".to_owned(), json!("CREDENTIALS_REJECTED")));
        assert_eq!(names(&world, json!({})).await, ["berth-plan", "buoys", "gulls", "tides"]);
        assert_eq!(status(&world, "clusters-replicated").await.0, "UNKNOWN");

        let private = "1b6e0d4c-9b21-4f73-95d8-7c3e1f6b2a10";
        contoso(&world, |own| own.keys.push(build::key("chsecond", private, "new", &["ORG_READ_ONLY"])));
        let input = json!({ "integrationId": world.integration().await, "publicKey": "chsecond", "privateKey": private });
        let rotate = "mutation($input: RotateCredentialsInput!) { rotateCredentials(input: $input) { \
                      integration { publicKey status lastError { code } } warnings { code } userErrors { code } } }";
        let answer = world.ask_with(rotate, json!({ "input": input })).await["rotateCredentials"].take();
        let expected = json!({
            "integration": { "publicKey": "chsecond", "status": "CONNECTED", "lastError": null },
            "warnings": [], "userErrors": [],
        });
        assert_eq!(answer, expected);
        assert_eq!(world.sync_due().await, 1);
        assert_eq!(world.last_run().await["status"], "SUCCEEDED");
        assert_eq!(health(&world).await, ("CONNECTED".to_owned(), json!(null)));
        assert_eq!(status(&world, "clusters-replicated").await, ("PASSING".to_owned(), 0));
    }

    async fn a_run_left_by_a_crashed_process_is_taken_up_after_its_lease(database) {
        let world = World::synced(&database, HARBOUR_READER.public).await;
        world.clock.advance(TimeDelta::hours(1));
        let crashed = world.store.claim_due("crashed", LEASE).await.unwrap().unwrap();
        assert_eq!(world.sync_due().await, 0);
        world.clock.advance(TimeDelta::seconds(29));
        assert_eq!(world.sync_due().await, 0);

        world.clock.advance(TimeDelta::seconds(1));
        assert_eq!(world.sync_due().await, 1);
        assert_eq!(world.count("sync_run").await, 2);
        let runs = format!("sync_run WHERE id = {} AND status = 'SUCCEEDED'", crashed.run_id);
        assert_eq!(world.count(&runs).await, 1);
    }

    async fn a_process_that_lost_its_lease_writes_nothing(database) {
        let world = World::synced(&database, HARBOUR_READER.public).await;
        world.clock.advance(TimeDelta::hours(1));
        let zombie = world.store.claim_due("zombie", LEASE).await.unwrap().unwrap();
        world.clock.advance(TimeDelta::seconds(30));
        assert_eq!(world.sync_due().await, 1);
        contoso(&world, |own| project(own, "Berths").cluster_mut("tides").unwrap()["name"] = json!("ebbs"));
        let (facts, run) = (world.fact_rows().await, world.last_run().await);

        let outcome = world.engine.work(&zombie, &CancellationToken::new()).await.unwrap();

        assert_eq!(outcome, RunOutcome::Fenced);
        assert_eq!(world.fact_rows().await, facts);
        assert_eq!(world.last_run().await, run);
        assert_eq!(names(&world, json!({})).await, ["berth-plan", "buoys", "gulls", "tides"]);
    }

    async fn a_lease_that_ran_out_writes_nothing_even_without_a_successor(database) {
        let world = World::synced(&database, HARBOUR_READER.public).await;
        world.clock.advance(TimeDelta::hours(1));
        let late = world.store.claim_due("late", LEASE).await.unwrap().unwrap();
        contoso(&world, |own| project(own, "Berths").cluster_mut("tides").unwrap()["name"] = json!("ebbs"));
        world.clock.advance(TimeDelta::seconds(30));

        let outcome = world.engine.work(&late, &CancellationToken::new()).await.unwrap();

        assert_eq!(outcome, RunOutcome::Fenced);
        assert_eq!(names(&world, json!({ "search": "ebbs" })).await, [""; 0]);
        assert_eq!(world.sync_due().await, 1);
        assert_eq!(names(&world, json!({ "search": "ebbs" })).await, ["ebbs"]);
    }

    async fn of_two_processes_one_gets_the_claim(database) {
        let world = World::synced(&database, HARBOUR_READER.public).await;
        world.clock.advance(TimeDelta::hours(1));
        let (one, two) = tokio::join!(world.store.claim_due("one", LEASE), world.store.claim_due("two", LEASE));
        let claims = [one.unwrap(), two.unwrap()];
        assert_eq!(claims.iter().flatten().count(), 1);
    }
}
