//! What the brake withholds: seen, confirmed, refused, and kept while it cannot be read again.

use super::*;

/// Empties Contoso of every cluster.
fn lose_clusters(world: &World) {
    contoso(world, |own| {
        for project in &mut own.projects {
            project.clusters.clear();
            project.flex.clear();
        }
    });
}

/// What is withheld, as a person looks at it before confirming.
async fn held(world: &World) -> Value {
    let query = "{ integrations { nodes { heldSync { id status withheld { totalCount projects clusters accounts \
                 awaitsConfirmation confirmedAt removals { kind name } } } } } }";
    world.ask(query).await["integrations"]["nodes"][0]["heldSync"].take()
}

async fn confirm(world: &World, run: &str) -> Value {
    let query = "mutation($input: ConfirmHeldSyncInput!) { confirmHeldSync(input: $input) { removed integration { status \
                 lastError { code } heldSync { id } } syncRun { id status summary withheld { awaitsConfirmation confirmedAt } } \
                 userErrors { code field remedy } } }";
    let input = json!({ "integrationId": world.integration().await, "syncRunId": run });
    world.ask_with(query, json!({ "input": input })).await["confirmHeldSync"].take()
}

fn refusal(answer: &Value) -> (String, Value) {
    assert_eq!(
        (&answer["removed"], &answer["integration"], &answer["syncRun"]),
        (&json!(0), &json!(null), &json!(null))
    );
    (text(&answer["userErrors"][0]["code"]), answer["userErrors"][0]["field"][1].clone())
}

on_both_databases! {
    async fn a_person_sees_what_is_withheld_and_has_it_removed_at_once(database) {
        let world = World::synced(&database, HARBOUR_READER.public).await;
        let then = world.now();
        lose_clusters(&world);
        world.next_sync().await;
        let held_run = held(&world).await;
        let removal = |name: &str| json!({ "kind": "CLUSTER", "name": name });
        let expected = json!({
            "totalCount": 4, "projects": 0, "clusters": 4, "accounts": 0, "awaitsConfirmation": true, "confirmedAt": null,
            "removals": [removal("berth-plan"), removal("buoys"), removal("gulls"), removal("tides")],
        });
        assert_eq!((&held_run["status"], &held_run["withheld"]), (&json!("HELD"), &expected));

        let requests = world.simulator.requests();
        world.tick();
        let answer = confirm(&world, &text(&held_run["id"])).await;
        assert_eq!(answer["userErrors"], json!([]));
        assert_eq!(answer["removed"], 4);
        assert_eq!(answer["integration"], json!({ "status": "CONNECTED", "lastError": null, "heldSync": null }));
        let run = &answer["syncRun"];
        assert_eq!((&run["id"], &run["status"]), (&held_run["id"], &json!("HELD")));
        assert_eq!(run["withheld"], json!({ "awaitsConfirmation": false, "confirmedAt": world.now() }));
        let summary = format!(
            "Atlas no longer lists 4 clusters. The removal was withheld: a person had it done at {}.", world.now()
        );
        assert_eq!(run["summary"], summary);
        assert_eq!(world.simulator.requests(), requests);
        assert_eq!(names(&world, json!({})).await, [""; 0]);
        assert_eq!(status(&world, "clusters-replicated").await, ("NOT_APPLICABLE".to_owned(), 0));
        let past = "query($at: DateTime) { assets(asOf: $at) { totalCount } }";
        assert_eq!(world.ask_with(past, json!({ "at": then })).await["assets"]["totalCount"], 4);

        world.next_sync().await;
        let run = world.last_run().await;
        assert_eq!(run["status"], "SUCCEEDED");
        assert_eq!(run["changes"], json!({ "added": 0, "updated": 0, "removed": 0, "resultsFlipped": 0 }));
    }

    async fn a_confirmation_that_does_not_fit_removes_nothing(database) {
        let world = World::synced(&database, HARBOUR_READER.public).await;
        let first = text(&world.last_run().await["id"]);
        assert_eq!(refusal(&confirm(&world, &first).await), ("CONFLICT".to_owned(), json!("integrationId")));

        lose_clusters(&world);
        world.next_sync().await;
        let old = text(&held(&world).await["id"]);
        assert_eq!(refusal(&confirm(&world, "U3luY1J1bjo5ODc2NTQ").await), ("NOT_FOUND".to_owned(), json!("syncRunId")));
        assert_eq!(refusal(&confirm(&world, &first).await), ("CONFLICT".to_owned(), json!("syncRunId")));
        assert_eq!(wish(&world).await.0, json!(null));
        assert_eq!(refusal(&confirm(&world, &old).await), ("SYNC_IN_PROGRESS".to_owned(), json!("integrationId")));

        // Now the projects are gone as well.
        contoso(&world, |own| own.projects.clear());
        assert_eq!(world.sync_due().await, 1);
        let new = held(&world).await;
        assert_ne!(new["id"], json!(old));
        assert_eq!((&new["withheld"]["projects"], &new["withheld"]["clusters"]), (&json!(2), &json!(4)));
        let facts = world.fact_rows().await;
        let answer = confirm(&world, &old).await;
        assert_eq!(refusal(&answer), ("CONFLICT".to_owned(), json!("syncRunId")));
        assert!(text(&answer["userErrors"][0]["remedy"]).contains("heldSync"));
        assert_eq!(world.fact_rows().await, facts);

        assert_eq!(confirm(&world, &text(&new["id"])).await["removed"], 6);
        let again = confirm(&world, &text(&new["id"])).await;
        assert_eq!(refusal(&again), ("CONFLICT".to_owned(), json!("integrationId")));
    }

    async fn what_cannot_be_read_again_stays_withheld(database) {
        let world = World::synced(&database, HARBOUR_READER.public).await;
        lose_clusters(&world);
        world.next_sync().await;
        let refusals = [ScopeKind::Clusters, ScopeKind::FlexClusters]
            .map(|kind| world.simulator.refuse(Refusal::scope(kind, None, 403).code("ACCESS_FORBIDDEN")));
        world.next_sync().await;
        let run = story(&world).await;
        assert_eq!(run["status"], "HELD");
        assert!(text(&run["summary"]).contains("Could not read"), "{run}");
        assert_eq!(held(&world).await["withheld"]["clusters"], 4);
        assert_eq!(names(&world, json!({})).await.len(), 4);

        for refusal in refusals {
            world.simulator.allow(refusal);
        }
        world.next_sync().await;
        assert_eq!(world.last_run().await["changes"]["removed"], 4);
        assert_eq!(held(&world).await, json!(null));
    }

    async fn a_withheld_project_keeps_its_clusters_and_takes_them_along(database) {
        let world = World::synced(&database, HARBOUR_READER.public).await;
        contoso(&world, |own| own.projects.clear());
        world.next_sync().await;
        let seen = held(&world).await["withheld"].take();
        assert_eq!((&seen["projects"], &seen["clusters"], &seen["totalCount"]), (&json!(2), &json!(4), &json!(6)));
        let kinds = column(&seen["removals"], "kind");
        assert_eq!(kinds, ["PROJECT", "PROJECT", "CLUSTER", "CLUSTER", "CLUSTER", "CLUSTER"]);

        world.next_sync().await;
        assert_eq!(world.last_run().await["changes"]["removed"], 6);
        assert_eq!(health(&world).await, ("CONNECTED".to_owned(), json!(null)));
        assert_eq!(names(&world, json!({})).await, [""; 0]);
    }

    async fn a_failure_after_a_withheld_removal_outlives_its_confirmation(database) {
        let world = World::synced(&database, HARBOUR_READER.public).await;
        lose_clusters(&world);
        world.next_sync().await;
        let held_run = text(&held(&world).await["id"]);
        world.simulator.revoke_key(HARBOUR_READER.public);
        world.next_sync().await;
        assert_eq!(health(&world).await, ("ATTENTION".to_owned(), json!("CREDENTIALS_REJECTED")));
        let answer = confirm(&world, &held_run).await;
        assert_eq!(answer["removed"], 4);
        assert_eq!(answer["integration"]["lastError"]["code"], "CREDENTIALS_REJECTED");
    }
}
