//! What was true when: `asOf`, edits, time alone, stale evidence, and leaving and coming back.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use slategate::demo::keys::{HARBOUR_READER, NORTHWIND, READER};
use slategate::demo::simulator::Refusal;
use slategate::domain::ScopeKind;
use slategate::store::views::Role;

use crate::on_both_databases;
use crate::support::{World, column, text, written};

const HARBOURMASTER: &str = "harbourmaster@contoso-harbour.example";
const ADA: &str = "ada.lindqvist@northwind-robotics.example";
const BRUNO: &str = "bruno.castellano@northwind-robotics.example";

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn move_to(world: &World, text: &str) {
    world.clock.advance(instant(text) - world.clock.now());
}

async fn reason(world: &World, subject: &str, control: &str) -> String {
    world.verdict(subject, control).await.0
}

/// Status of a control and since when, as of an instant.
async fn status(world: &World, control: &str, at: Value) -> (String, Value) {
    let query = "query($key: String!, $at: DateTime) { control(key: $key, asOf: $at) { status since } }";
    let answer = world.ask_with(query, json!({ "key": control, "at": at })).await;
    (text(&answer["control"]["status"]), answer["control"]["since"].clone())
}

async fn history(world: &World, control: &str) -> Vec<(String, String, Value)> {
    let query = "query($key: String!) { control(key: $key) { history { status from to } } }";
    let answer = world.ask_with(query, json!({ "key": control })).await;
    let intervals = answer["control"]["history"].as_array().unwrap();
    intervals.iter().map(|row| (text(&row["status"]), text(&row["from"]), row["to"].clone())).collect()
}

async fn totals(world: &World, at: Value) -> Vec<i64> {
    let query = "query($at: DateTime) { assets(asOf: $at) { totalCount } accounts(asOf: $at) { totalCount } \
                 projects(asOf: $at) { totalCount } controlResults(asOf: $at) { totalCount } }";
    let answer = world.ask_with(query, json!({ "at": at })).await;
    ["assets", "accounts", "projects", "controlResults"]
        .map(|list| answer[list]["totalCount"].as_i64().unwrap())
        .to_vec()
}

async fn disconnect(world: &World, id: &str, purge: bool) -> Value {
    let query = "mutation($id: ID!, $purge: Boolean) { disconnectIntegration(input: { integrationId: $id, purge: $purge }) \
                 { integration { id status disconnectedAt } userErrors { code } } }";
    world.ask_with(query, json!({ "id": id, "purge": purge })).await["disconnectIntegration"].take()
}

on_both_databases! {
    async fn before_the_first_sync_there_is_nothing(database) {
        let world = World::new(&database).await;
        let before = world.now();
        world.tick();
        world.connect(HARBOUR_READER.public).await.unwrap();
        world.tick();
        assert_eq!(world.sync_due().await, 1);

        assert_eq!(totals(&world, json!(before)).await, [0, 0, 0, 0]);
        assert_eq!(status(&world, "clusters-replicated", json!(before)).await, ("NOT_APPLICABLE".to_owned(), json!(null)));
        let query = "query($at: DateTime) { posture(asOf: $at) { asOf controlsPassing controlsFailing controlsUnknown \
                     controlsNotApplicable assets accounts failingResults lastSyncedAt } }";
        let posture = world.ask_with(query, json!({ "at": before })).await["posture"].take();
        let expected = json!({
            "asOf": before, "controlsPassing": 0, "controlsFailing": 0, "controlsUnknown": 0, "controlsNotApplicable": 13,
            "assets": 0, "accounts": 0, "failingResults": 0, "lastSyncedAt": null,
        });
        assert_eq!(posture, expected);
        // Four clusters under nine controls, six accounts under two.
        assert_eq!(totals(&world, json!(null)).await, [4, 6, 2, 60]);
    }

    async fn an_answer_for_a_past_instant_does_not_change_afterwards(database) {
        let world = World::demo(&database).await;
        let everything = "query($at: DateTime) { \
            assets(first: 500, asOf: $at) { nodes { id name owner { fullName } description userData lastSeenAt project { name } controlResults { outcome reason since observedAt } } } \
            accounts(first: 500, asOf: $at) { nodes { id login person { email } flags grants { role via team project { name } } controlResults { reason since } } } \
            controls(asOf: $at) { key status since evaluatedAt coverage { passed failed unknown notApplicable } } \
            posture(asOf: $at) { controlsFailing failingResults lastSyncedAt } }";
        let then = world.now();
        world.tick();
        let at = json!({ "at": then });
        let first = world.ask_with(everything, at.clone()).await;
        world.simulator.edit(|estate| {
            let own = estate.iter_mut().find(|own| own.name == NORTHWIND).unwrap();
            own.projects[0].cluster_mut("fleet-core").unwrap()["name"] = json!("core");
            own.projects[1].clusters.remove(0);
            own.users.remove(3);
            "Renamed".clone_into(&mut own.projects[2].name);
        });
        world.next_sync().await;
        let asset = world.asset("core").await;
        world.update_asset(json!({ "assetId": asset, "ownerId": world.person(BRUNO).await, "description": "New" })).await;
        world.upsert_person(json!({ "email": ADA, "fullName": "Ada L.", "status": "LEFT" })).await;
        world.clock.advance(TimeDelta::days(3));

        let second = world.ask_with(everything, at).await;
        assert_eq!(second["assets"]["nodes"].as_array().unwrap().len(), 33);
        for list in ["assets", "accounts"] {
            assert_eq!(second[list], first[list], "{list}");
        }
        assert_eq!(second, first);
        assert_ne!(world.ask_with(everything, json!({})).await["posture"], first["posture"]);
    }

    async fn the_future_is_now(database) {
        let world = World::synced(&database, HARBOUR_READER.public).await;
        let query = "query($at: DateTime) { assets(asOf: $at) { nodes { id } } posture(asOf: $at) { asOf } }";
        let now = world.ask(query).await;
        let future = written(world.clock.now() + TimeDelta::days(365));
        assert_eq!(world.ask_with(query, json!({ "at": future })).await, now);
        assert_eq!(now["posture"]["asOf"], world.now());
    }

    async fn an_id_from_the_past_names_the_past(database) {
        let world = World::synced(&database, HARBOUR_READER.public).await;
        let then = world.now();
        world.simulator.edit(|estate| {
            let own = estate.iter_mut().find(|own| own.name == HARBOUR_READER.organization).unwrap();
            own.projects[0].cluster_mut("tides").unwrap()["name"] = json!("ebbs");
            "Quays".clone_into(&mut own.projects[0].name);
        });
        world.next_sync().await;

        let past = "query($at: DateTime) { assets(asOf: $at, filter: { search: \"tides\" }) { nodes { id project { id } controlResults { id } } } }";
        let past = world.ask_with(past, json!({ "at": then })).await["assets"]["nodes"][0].take();
        let today = world.asset("ebbs").await;
        assert_ne!(past["id"], today);
        let ids = json!([past["id"], today, past["project"]["id"], past["controlResults"][0]["id"]]);
        let query = "query($ids: [ID!]!) { nodes(ids: $ids) { id ... on AtlasCluster { name project { id name } } \
                     ... on Project { name } ... on ControlResult { subject { ... on AtlasCluster { name } } } } }";
        let found = world.ask_with(query, json!({ "ids": ids })).await["nodes"].take();
        assert_eq!(found[0]["id"], past["id"]);
        assert_eq!(found[0]["name"], "tides");
        assert_eq!(found[0]["project"], json!({ "id": past["project"]["id"], "name": "Berths" }));
        assert_eq!(found[1]["name"], "ebbs");
        assert_eq!(found[1]["project"]["name"], "Quays");
        assert_eq!(found[2]["name"], "Berths");
        assert_eq!(found[3]["subject"]["name"], "tides");
    }

    async fn an_owner_counts_at_once(database) {
        let world = World::demo(&database).await;
        let asset = world.asset("fleet-reports").await;
        assert_eq!(reason(&world, &asset, "inventory-items-have-owners").await, "FAIL NO_OWNER");

        let owner = world.person(BRUNO).await;
        let edited = world.update_asset(json!({ "assetId": asset, "ownerId": owner })).await;
        assert_eq!((&edited["owner"]["email"], &edited["ownerSource"]), (&json!(BRUNO), &json!("MANUAL")));
        assert_eq!(edited["descriptionSource"], "PROVIDER_TAG");
        let (verdict, since) = world.verdict(&asset, "inventory-items-have-owners").await;
        assert_eq!((verdict.as_str(), since), ("PASS OWNED", world.now()));

        world.tick();
        let edited = world.update_asset(json!({ "assetId": asset, "description": " Weekly " })).await;
        assert_eq!((&edited["owner"]["email"], &edited["description"]), (&json!(BRUNO), &json!("Weekly")));

        let edited = world.update_asset(json!({ "assetId": asset, "ownerId": null })).await;
        assert_eq!((&edited["owner"], &edited["ownerSource"]), (&json!(null), &json!(null)));
        assert_eq!(edited["description"], "Weekly");
        assert_eq!(reason(&world, &asset, "inventory-items-have-owners").await, "FAIL NO_OWNER");

        let edited = world.update_asset(json!({ "assetId": asset, "description": null })).await;
        assert_eq!((&edited["description"], &edited["descriptionSource"]), (&json!("Nightly reports"), &json!("PROVIDER_TAG")));
    }

    async fn a_class_and_a_description_count_at_once(database) {
        let world = World::demo(&database).await;
        let asset = world.asset("lab-scratch").await;
        let user_data = "resources-classified-for-user-data";
        assert_eq!(reason(&world, &asset, user_data).await, "FAIL NOT_CLASSIFIED");
        for class in ["CONTAINS_USER_DATA", "NO_USER_DATA"] {
            let edited = world.update_asset(json!({ "assetId": asset, "userData": class })).await;
            assert_eq!((&edited["userData"], &edited["userDataSource"]), (&json!(class), &json!("MANUAL")));
            assert_eq!(reason(&world, &asset, user_data).await, "PASS CLASSIFIED");
        }
        world.update_asset(json!({ "assetId": asset, "userData": null })).await;
        assert_eq!(reason(&world, &asset, user_data).await, "FAIL NOT_CLASSIFIED");

        let described = "inventory-items-have-descriptions";
        world.update_asset(json!({ "assetId": asset, "description": "Scratch" })).await;
        assert_eq!(reason(&world, &asset, described).await, "PASS DESCRIBED");
        world.update_asset(json!({ "assetId": asset, "description": "  " })).await;
        assert_eq!(reason(&world, &asset, described).await, "FAIL NO_DESCRIPTION");
    }

    async fn a_link_by_hand_counts_at_once_and_outranks_the_address(database) {
        let world = World::demo(&database).await;
        let key = world.account("nwreader").await;
        let (associated, deprovisioned) = ("accounts-associated-with-users", "accounts-deprovisioned-when-personnel-leave");
        let ada = world.person(ADA).await;
        let linked = world.link_account(json!({ "accountId": key, "personId": ada })).await;
        assert_eq!(linked, json!({ "login": "nwreader", "personSource": "MANUAL", "person": { "email": ADA } }));
        assert_eq!(reason(&world, &key, associated).await, "PASS ASSOCIATED");
        assert_eq!(reason(&world, &key, deprovisioned).await, "PASS PERSON_ACTIVE");
        world.link_account(json!({ "accountId": key, "personId": null })).await;
        assert_eq!(reason(&world, &key, associated).await, "FAIL NO_PERSON");
        assert_eq!(reason(&world, &key, deprovisioned).await, "UNKNOWN ACCOUNT_NOT_LINKED");

        let bruno = world.account(BRUNO).await;
        let linked = world.link_account(json!({ "accountId": bruno, "personId": ada })).await;
        assert_eq!(linked["person"]["email"], ADA);
        let linked = world.link_account(json!({ "accountId": bruno, "personId": null })).await;
        assert_eq!((&linked["person"]["email"], &linked["personSource"]), (&json!(BRUNO), &json!("EMAIL_MATCH")));
    }

    async fn a_person_who_leaves_fails_their_accounts_and_assets_at_once(database) {
        let world = World::demo(&database).await;
        let (account, asset) = (world.account(ADA).await, world.asset("fleet-core").await);
        let (leavers, owners) = ("accounts-deprovisioned-when-personnel-leave", "inventory-items-have-owners");
        assert_eq!(reason(&world, &account, leavers).await, "PASS PERSON_ACTIVE");
        world.upsert_person(json!({ "email": ADA.to_uppercase(), "fullName": "Ada Lindqvist", "status": "LEFT" })).await;
        let (verdict, since) = world.verdict(&account, leavers).await;
        assert_eq!((verdict.as_str(), since), ("FAIL ACCOUNT_OF_LEAVER", world.now()));
        assert_eq!(reason(&world, &asset, owners).await, "FAIL OWNER_LEFT");
        let flagged = world.ask("{ accounts(filter: { flag: [LEAVER] }) { nodes { login } } }").await;
        let logins = column(&flagged["accounts"]["nodes"], "login");
        assert!(logins.contains(&ADA.to_owned()) && logins.contains(&"nwwriter".to_owned()), "{logins:?}");

        world.tick();
        world.upsert_person(json!({ "email": ADA, "fullName": "Ada Lindqvist", "status": null })).await;
        assert_eq!(reason(&world, &account, leavers).await, "PASS PERSON_ACTIVE");
        assert_eq!(reason(&world, &asset, owners).await, "PASS OWNED");
    }

    async fn the_end_of_a_last_day_needs_no_sync_and_no_edit(database) {
        let world = World::synced(&database, HARBOUR_READER.public).await;
        world.tick();
        let person = json!({ "email": HARBOURMASTER, "fullName": "Olga Brandt", "endsOn": "2026-11-02" });
        world.upsert_person(person).await;
        let (account, asset) = (world.account(HARBOURMASTER).await, world.asset("berth-plan").await);
        let (leavers, owners) = ("accounts-deprovisioned-when-personnel-leave", "inventory-items-have-owners");
        let deadline = "2026-11-03T00:00:00Z";
        let facts = world.fact_rows().await;

        move_to(&world, "2026-11-02T23:59:59.999999Z");
        assert_eq!(reason(&world, &account, leavers).await, "PASS PERSON_ACTIVE");
        assert_eq!(reason(&world, &asset, owners).await, "PASS OWNED");
        assert_eq!(status(&world, leavers, json!(null)).await, ("UNKNOWN".to_owned(), json!("2026-11-02T09:00:01Z")));

        move_to(&world, deadline);
        let failed = |reason: &str| (reason.to_owned(), deadline.to_owned());
        assert_eq!(world.verdict(&account, leavers).await, failed("FAIL ACCOUNT_OF_LEAVER"));
        assert_eq!(world.verdict(&asset, owners).await, failed("FAIL OWNER_LEFT"));
        assert_eq!(status(&world, leavers, json!(null)).await, ("FAILING".to_owned(), json!(deadline)));

        move_to(&world, "2026-11-03T00:30:00Z");
        let intervals = [
            ("UNKNOWN".to_owned(), "2026-11-02T09:00:01Z".to_owned(), json!(deadline)),
            ("FAILING".to_owned(), deadline.to_owned(), json!(null)),
        ];
        assert_eq!(history(&world, leavers).await, intervals);
        assert_eq!(status(&world, leavers, json!("2026-11-02T23:00:00Z")).await.0, "UNKNOWN");
        assert_eq!(world.fact_rows().await, facts);

        assert_eq!(world.sync_due().await, 1);
        assert_eq!(world.verdict(&account, leavers).await, failed("FAIL ACCOUNT_OF_LEAVER"));
        assert_eq!(world.last_run().await["changes"]["resultsFlipped"], 0);
        world.tick();
        assert_eq!(status(&world, leavers, json!(null)).await, ("FAILING".to_owned(), json!(deadline)));
        assert_eq!(history(&world, leavers).await, intervals);
    }

    async fn evidence_grows_stale_by_itself_and_a_sync_freshens_it(database) {
        let world = World::synced(&database, HARBOUR_READER.public).await;
        let (control, asset) = ("clusters-replicated", world.asset("tides").await);
        let (start, deadline) = ("2026-11-02T09:00:01Z", "2026-11-03T09:00:01Z");
        move_to(&world, "2026-11-03T09:00:00.999999Z");
        assert_eq!(world.verdict(&asset, control).await, ("PASS REPLICATED".to_owned(), start.to_owned()));
        assert_eq!(status(&world, control, json!(null)).await, ("PASSING".to_owned(), json!(start)));

        move_to(&world, deadline);
        assert_eq!(world.verdict(&asset, control).await, ("UNKNOWN STALE_EVIDENCE".to_owned(), deadline.to_owned()));
        move_to(&world, "2026-11-03T15:00:00Z");
        assert_eq!(world.verdict(&asset, control).await, ("UNKNOWN STALE_EVIDENCE".to_owned(), deadline.to_owned()));
        assert_eq!(status(&world, control, json!(null)).await, ("UNKNOWN".to_owned(), json!(deadline)));
        assert_eq!(status(&world, "clusters-backed-up", json!(null)).await, ("UNKNOWN".to_owned(), json!(deadline)));
        let stale = world.ask("{ controlResults(filter: { outcome: [UNKNOWN] }) { totalCount } posture { controlsUnknown failingResults } }").await;
        assert_eq!(stale, json!({ "controlResults": { "totalCount": 60 }, "posture": { "controlsUnknown": 13, "failingResults": 0 } }));
        let observed = "query($id: ID!) { node(id: $id) { ... on AtlasCluster { controlResults { observedAt } } } }";
        let answer = world.ask_with(observed, json!({ "id": asset })).await;
        assert_eq!(column(&answer["node"]["controlResults"], "observedAt"), vec![start; 9]);

        // The statuses have gone to UNKNOWN and come back; nothing else is written.
        let mut facts = world.fact_rows().await;
        assert_eq!(world.sync_due().await, 1);
        let mut after = world.fact_rows().await;
        assert_eq!(facts.pop(), Some(("control_status", 13)));
        assert_eq!(after.pop(), Some(("control_status", 37)));
        assert_eq!(after, facts);
        let back = world.now();
        assert_eq!(reason(&world, &asset, control).await, "PASS REPLICATED");
        world.tick();
        assert_eq!(status(&world, control, json!(null)).await, ("PASSING".to_owned(), json!(back)));
        let intervals = [
            ("PASSING".to_owned(), start.to_owned(), json!(deadline)),
            ("UNKNOWN".to_owned(), deadline.to_owned(), json!(back)),
            ("PASSING".to_owned(), back.clone(), json!(null)),
        ];
        assert_eq!(history(&world, control).await, intervals);
        assert_eq!(status(&world, control, json!("2026-11-03T12:00:00Z")).await, ("UNKNOWN".to_owned(), json!(deadline)));
    }

    async fn one_refused_list_grows_stale_while_the_others_stay_fresh(database) {
        let world = World::synced(&database, HARBOUR_READER.public).await;
        let lab = world.simulator.edit(|estate| {
            let own = estate.iter().find(|own| own.name == HARBOUR_READER.organization).unwrap();
            own.projects.iter().find(|project| project.name == "Harbour Lab").unwrap().id.clone()
        });
        world.simulator.refuse(Refusal::scope(ScopeKind::Clusters, Some(&lab), 403).code("ACCESS_FORBIDDEN"));
        for _ in 0..25 {
            world.next_sync().await;
        }
        let (old, fresh) = (world.asset("buoys").await, world.asset("tides").await);
        let stale = ("UNKNOWN STALE_EVIDENCE".to_owned(), "2026-11-03T09:00:01Z".to_owned());
        assert_eq!(world.verdict(&old, "clusters-on-dedicated-nodes").await, stale);
        assert_eq!(reason(&world, &fresh, "clusters-on-dedicated-nodes").await, "PASS DEDICATED");
        assert_eq!(reason(&world, &world.asset("gulls").await, "clusters-on-dedicated-nodes").await, "FAIL SHARED_TIER");
    }

    async fn a_disconnected_organization_is_history_and_comes_back_as_itself(database) {
        let world = World::demo(&database).await;
        let integration = world.integration().await;
        let (asset, key) = (world.asset("telemetry-edge").await, world.account("nwwriter").await);
        let (then, full) = (world.now(), totals(&world, json!(null)).await);
        assert_eq!(full, [33, 25, 5, 397]);
        world.tick();

        let answer = disconnect(&world, &integration, false).await;
        let expected = json!({ "id": integration, "status": "DISCONNECTED", "disconnectedAt": world.now() });
        assert_eq!(answer, json!({ "integration": expected, "userErrors": [] }));
        assert_eq!(world.count("integration WHERE sealed_private_key IS NOT NULL").await, 0);
        world.tick();
        assert_eq!(totals(&world, json!(null)).await, [0, 0, 0, 0]);
        assert_eq!(totals(&world, json!(then)).await, full);
        assert_eq!(status(&world, "clusters-replicated", json!(null)).await.0, "NOT_APPLICABLE");
        assert_eq!(status(&world, "clusters-replicated", json!(then)).await.0, "FAILING");
        let providers = world.ask("{ providers { status integrations { status } } }").await;
        assert_eq!(providers["providers"], json!([{ "status": "AVAILABLE", "integrations": [{ "status": "DISCONNECTED" }] }]));
        let again = disconnect(&world, &integration, false).await;
        assert_eq!(again["userErrors"], json!([{ "code": "CONFLICT" }]));
        world.clock.advance(TimeDelta::hours(2));
        assert_eq!(world.sync_due().await, 0);

        world.connect(READER.public).await.unwrap();
        assert_eq!(world.integration().await, integration);
        world.tick();
        assert_eq!(world.sync_due().await, 1);
        world.tick();
        assert_eq!(totals(&world, json!(null)).await, full);
        assert_eq!(world.asset("telemetry-edge").await, asset);
        let query = "query($ids: [ID!]!) { nodes(ids: $ids) { ... on AtlasCluster { owner { email } ownerSource description \
                     userData firstSeenAt removedAt } ... on Account { person { email } personSource } } }";
        let nodes = world.ask_with(query, json!({ "ids": [asset, key] })).await["nodes"].take();
        let expected = json!([
            { "owner": { "email": "chidi.okafor@northwind-robotics.example" }, "ownerSource": "MANUAL",
              "description": "Buffers of the edge gateways, kept for a day", "userData": "NO_USER_DATA",
              "firstSeenAt": "2026-11-02T09:00:01Z", "removedAt": null },
            { "person": { "email": ADA }, "personSource": "MANUAL" },
        ]);
        assert_eq!(nodes, expected);
    }

    async fn a_purge_leaves_nothing_but_people(database) {
        let world = World::demo(&database).await;
        let then = world.now();
        world.tick();
        let integration = world.integration().await;
        let people = world.count("person_fact").await;
        let answer = disconnect(&world, &integration, true).await;
        assert_eq!(answer, json!({ "integration": null, "userErrors": [] }));
        world.tick();
        assert_eq!(totals(&world, json!(then)).await, [0, 0, 0, 0]);
        let tables = [
            "integration", "sync_run", "scope", "scope_state", "project", "project_fact", "encryption_fact", "asset",
            "asset_facet", "cluster_fact", "asset_standing", "account", "account_fact", "role_grant", "account_link",
            "control_result",
        ];
        for table in tables {
            assert_eq!(world.count(table).await, 0, "{table}");
        }
        assert_eq!(world.count("person_fact").await, people);
        let again = disconnect(&world, &integration, true).await;
        assert_eq!(again["userErrors"], json!([{ "code": "NOT_FOUND" }]));
    }

    async fn many_histories_at_once_are_what_each_is_alone(database) {
        let world = World::demo(&database).await;
        world.clock.advance(TimeDelta::hours(30));
        assert_eq!(world.sync_due().await, 1);
        let all = world.ask("{ controls { key history { status from to } } }").await;
        let controls = all["controls"].as_array().unwrap();
        assert!(controls.iter().any(|control| control["history"].as_array().unwrap().len() >= 2), "{all}");
        for control in controls {
            let query = "query($key: String!) { control(key: $key) { key history { status from to } } }";
            let alone = world.ask_with(query, json!({ "key": control["key"] })).await;
            assert_eq!(&alone["control"], control);
        }
    }

    async fn a_history_that_ends_before_it_begins_is_refused(database) {
        let world = World::new(&database).await;
        let query = "{ control(key: \"clusters-replicated\") { history(from: \"2026-01-02T00:00:00Z\", to: \"2026-01-01T00:00:00Z\") { status } } }";
        assert_eq!(world.refused(query, json!({})).await, "BAD_INPUT");
        let nothing = world.query(Role::Viewer, "{ control(key: \"no-such\") { key } }", json!({})).await;
        assert_eq!(nothing, json!({ "data": { "control": null } }));
    }
}
