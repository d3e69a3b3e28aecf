//! Refusals in the middle of a sync: of one project, of one bucket, and of the key itself.

use std::sync::Arc;

use serde_json::json;
use slategate::demo::keys::{HARBOUR_READER, READER};
use slategate::demo::simulator::Refusal;
use slategate::domain::ScopeKind;

use super::faulty::{Fault, Hold};
use super::hostile::through_faulty;
use crate::on_both_databases;
use crate::support::{World, column};

/// The codes of the lists that failed in the latest run, each once, and how many lists that were.
async fn codes(world: &World) -> (Vec<String>, usize) {
    let run = world.last_run().await;
    let scopes = run["scopes"].as_array().unwrap();
    let failed: Vec<_> = scopes.iter().filter(|scope| scope["complete"] == false).cloned().collect();
    let mut codes = column(&json!(failed), "errorCode");
    codes.sort();
    codes.dedup();
    (codes, failed.len())
}

async fn rows(world: &World) -> serde_json::Value {
    world.ask("{ assets { totalCount } accounts { totalCount } projects { totalCount } }").await
}

on_both_databases! {
    async fn a_project_that_is_refused_keeps_its_rows_under_the_code_of_atlas(database) {
        let world = World::synced(&database, HARBOUR_READER.public).await;
        let before = rows(&world).await;
        let organizations = world.simulator.organizations();
        let own = organizations.iter().find(|own| own.name == HARBOUR_READER.organization).unwrap();
        let lab = own.projects.iter().find(|project| project.name == "Harbour Lab").unwrap().id.clone();
        let path = format!("/api/atlas/v2/groups/{lab}");
        let cases = [
            (401, "USER_UNAUTHORIZED"),
            (401, "NOT_IN_GROUP"),
            (401, "USER_CANNOT_ACCESS_GROUP"),
            (403, "ACCESS_FORBIDDEN"),
            (404, "GROUP_NOT_FOUND"),
            (410, "VERSION_GONE"),
        ];
        for (status, code) in cases {
            let refusal = world.simulator.refuse(Refusal::path(&path, status).code(code));
            world.next_sync().await;
            let (codes, lists) = codes(&world).await;
            assert_eq!(codes, [code]);
            assert!(lists >= 3, "{code}: {lists}");
            assert_eq!(world.last_run().await["status"], "PARTIAL");
            assert_eq!(rows(&world).await, before, "{code}");
            let query = "{ control(key: \"clusters-replicated\") { coverage { unreadableScopes } } }";
            assert_ne!(world.ask(query).await["control"]["coverage"]["unreadableScopes"], 0, "{code}");
            world.simulator.allow(refusal);
        }
        world.next_sync().await;
        assert_eq!(world.last_run().await["status"], "SUCCEEDED");
    }

    async fn a_bucket_that_is_shut_for_long_costs_its_lists_and_is_left_alone(database) {
        let (world, faulty) = through_faulty(&database).await;
        let before = rows(&world).await;
        let limited = Refusal::scope(ScopeKind::Users, None, 429).retry_after(3_600);
        let limited = world.simulator.refuse(limited);
        let asked = faulty.requests("/users");
        world.next_sync().await;
        assert_eq!(codes(&world).await, (vec!["RATE_LIMITED_TOKEN_BUCKET".to_owned()], 1));
        assert_eq!(world.last_run().await["status"], "PARTIAL");
        assert_eq!(faulty.requests("/users"), asked + 1);
        world.simulator.allow(limited);
        world.next_sync().await;
        assert_eq!(codes(&world).await, (vec!["RATE_LIMITED".to_owned()], 1), "the hour is not over");
        assert_eq!(faulty.requests("/users"), asked + 1, "another run of the process leaves it alone, too");
        assert_eq!(rows(&world).await, before);
    }

    async fn a_key_that_is_revoked_in_mid_run_stops_the_run_and_keeps_all_data(database) {
        let (world, faulty) = through_faulty(&database).await;
        let before = rows(&world).await;
        let hold = Arc::new(Hold::default());
        faulty.strike("/groups", Fault::Hold(Arc::clone(&hold)));
        world.clock.advance(chrono::TimeDelta::hours(1));
        let (runs, at_revocation) = tokio::join!(world.sync_due(), async {
            hold.arrived.notified().await;
            world.simulator.revoke_key(READER.public);
            faulty.heal();
            let requests = world.simulator.requests();
            hold.go.notify_one();
            requests
        });
        assert_eq!(runs, 1);
        assert!(world.simulator.requests() - at_revocation <= 3 * 4);
        assert_eq!(world.last_run().await["status"], "FAILED");
        let health = world.ask("{ integrations { nodes { status lastError { code } } } }").await;
        let expected = json!([{ "status": "ATTENTION", "lastError": { "code": "CREDENTIALS_REJECTED" } }]);
        assert_eq!(health["integrations"]["nodes"], expected);
        assert_eq!(rows(&world).await, before);
    }
}
