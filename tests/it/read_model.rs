//! Answers that are kept in memory: the same as if they were not, at the cost of one statement.

use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::{Value, json};
use slategate::store::views::Role;

use crate::on_both_databases;
use crate::support::World;

const LIST: &str = "query List($first: Int!) { assets(first: $first) { nodes { id name description owner { fullName } \
                    controlResults { outcome reason } } } posture { controlsFailing controlsUnknown } }";

on_both_databases! {
    async fn what_was_asked_before_costs_one_statement(database) {
        let world = World::demo(&database).await;
        let (served, token) = (world.serve().await, world.token(world.workspace, Role::Viewer).await);
        let ask = async |first: u32| served.post(Some(&token), LIST, json!({ "first": first })).await;
        let first = ask(5).await;
        let mut again = (0, Value::Null);
        let statements = world.statements_while(async { again = ask(5).await }).await;
        assert_eq!(again, first);
        assert_eq!(statements.len(), 1, "{statements:?}");
        let statements = world.statements_while(ask(6)).await;
        assert!(statements.len() > 1, "other variables are another question");
    }

    async fn what_one_process_changes_is_in_the_next_answer_of_every_other(database) {
        let world = World::demo(&database).await;
        let token = world.token(world.workspace, Role::Analyst).await;
        let (one, other) = (world.serve().await, world.serve_replica().await);
        let asset = world.asset("orders").await;
        let change = "mutation($input: UpdateAssetInput!) { updateAsset(input: $input) { userErrors { code } } }";
        let read = "query Read($id: ID!) { node(id: $id) { ... on AtlasCluster { description } } }";
        for round in 0..20 {
            let (writer, reader) = if round % 2 == 0 { (&one, &other) } else { (&other, &one) };
            let input = json!({ "assetId": asset, "description": format!("round {round}") });
            let (_, changed) = writer.post(Some(&token), change, json!({ "input": input })).await;
            assert_eq!(changed["data"]["updateAsset"]["userErrors"], json!([]), "{changed}");
            for server in [reader, writer, reader] {
                let (_, answer) = server.post(Some(&token), read, json!({ "id": asset })).await;
                assert_eq!(answer["data"]["node"]["description"], format!("round {round}"));
            }
        }
    }

    async fn what_is_asked_again_and_again_is_known_before_it_is_asked(database) {
        let world = World::demo(&database).await;
        let (mut served, token) = (world.serve().await, world.token(world.workspace, Role::Analyst).await);
        let asset = world.asset("orders").await;
        let change = "mutation($input: UpdateAssetInput!) { updateAsset(input: $input) { userErrors { code } } }";
        let read = "query Read($id: ID!) { node(id: $id) { ... on AtlasCluster { description } } }";
        for (description, times_asked, is_known) in [("one", 1, false), ("two", 1, true), ("three", 0, true), ("four", 0, false)] {
            for _ in 0..times_asked {
                served.post(Some(&token), read, json!({ "id": asset })).await;
            }
            let input = json!({ "assetId": asset, "description": description });
            let (_, changed) = served.post(Some(&token), change, json!({ "input": input })).await;
            assert_eq!(changed["data"]["updateAsset"]["userErrors"], json!([]), "{changed}");
            served.refresher.round().await;
            if description == "three" {
                continue;
            }
            let mut answer = Value::Null;
            let statements = world
                .statements_while(async { answer = served.post(Some(&token), read, json!({ "id": asset })).await.1 })
                .await;
            assert_eq!(answer["data"]["node"]["description"], description);
            assert_eq!(statements.len() == 1, is_known, "{description}: {statements:?}");
        }
    }

    async fn what_many_ask_at_once_is_read_once(database) {
        let world = World::demo(&database).await;
        let (served, token) = (world.serve().await, world.token(world.workspace, Role::Analyst).await);
        let asset = world.asset("orders").await;
        let change = "mutation($input: UpdateAssetInput!) { updateAsset(input: $input) { userErrors { code } } }";
        let read = "query Read($id: ID!) { node(id: $id) { ... on AtlasCluster { description } } }";
        let ask = || served.post(Some(&token), read, json!({ "id": asset }));
        let reads = |statements: &[String]| statements.iter().filter(|sql| sql.contains("cluster_fact")).count();
        let alone = reads(&world.statements_while(ask()).await);
        assert!(alone > 0);
        for round in 0..6 {
            // First another generation, then the same again when it has been kept for too long.
            if round % 2 == 0 {
                let input = json!({ "assetId": asset, "description": format!("round {round}") });
                served.post(Some(&token), change, json!({ "input": input })).await;
            } else {
                world.clock.advance(TimeDelta::minutes(11));
            }
            // Whoever is told apart a moment ago costs no statement.
            served.post(Some(&token), "{ viewer { name } }", json!({})).await;
            let mut answers = Vec::new();
            let asking = async { answers = join_all((0..8).map(|_| ask())).await };
            let together = world.statements_while(asking).await;
            assert_eq!(reads(&together), alone, "{together:?}");
            for (_, answer) in answers {
                assert_eq!(answer["data"]["node"]["description"], format!("round {}", round - round % 2));
            }
        }
    }

    async fn who_began_before_a_turn_is_not_told_of_the_one_after_it(database) {
        let world = World::demo(&database).await;
        let early = world.store.reader(world.workspace).await.unwrap();
        world.clock.advance(TimeDelta::hours(25));
        let turned = world.clock.now();
        let late = world.store.reader(world.workspace).await.unwrap();
        assert!(late.unchanged_until().await.unwrap() > turned);
        assert!(early.unchanged_until().await.unwrap() < turned, "evidence has grown too old in between");
        early.finish().await.unwrap();
        late.finish().await.unwrap();
    }

    async fn what_time_alone_changes_is_seen_when_it_does(database) {
        let world = World::demo(&database).await;
        let (served, token) = (world.serve().await, world.token(world.workspace, Role::Viewer).await);
        let query = "{ accounts { nodes { login flags controlResults { outcome } } } controls { key status since } \
                     assets { nodes { controlResults { reason } } } accessReviews { nodes { overdue } } \
                     posture { controlsFailing controlsUnknown failingResults } }";
        let mut known = 0;
        for _ in 0..60 {
            let (_, answer) = served.post(Some(&token), query, json!({})).await;
            let mut again = Value::Null;
            let statements =
                world.statements_while(async { again = served.post(Some(&token), query, json!({})).await.1 }).await;
            known += usize::from(statements.len() == 1);
            assert_eq!(answer["data"], world.ask(query).await, "at {}", world.now());
            assert_eq!(again, answer);
            world.clock.advance(TimeDelta::hours(11) + TimeDelta::minutes(7));
        }
        assert!(known > 40, "{known} of 60 were answered from memory");
    }

    async fn what_changes_without_a_commit_is_read_each_time(database) {
        let world = World::demo(&database).await;
        let (served, token) = (world.serve().await, world.token(world.workspace, Role::Admin).await);
        let run = world.ask("{ syncRuns(first: 1) { nodes { id } } }").await["syncRuns"]["nodes"][0]["id"].take();
        for (query, variables) in [
            ("{ viewer { name } }", json!({})),
            ("{ integrations { nodes { status } } }", json!({})),
            ("{ integrations { totalCount } }", json!({})),
            ("{ syncRuns { nodes { status } } }", json!({})),
            ("{ syncRuns { totalCount } }", json!({})),
            ("{ apiTokens { nodes { name } } }", json!({})),
            ("{ apiTokens { totalCount } }", json!({})),
            ("{ auditEvents { nodes { action } } }", json!({})),
            ("{ auditEvents { totalCount } }", json!({})),
            ("{ assets(first: 1) { nodes { integration { status } } } }", json!({})),
            ("{ assets(first: 1) { nodes { integration { lastSync { status } } } } }", json!({})),
            ("query($id: ID!) { node(id: $id) { ... on SyncRun { status } } }", json!({ "id": run })),
        ] {
            let ask = || served.post(Some(&token), query, variables.clone());
            let (status, answer) = ask().await;
            assert!(status == 200 && answer.get("errors").is_none(), "{query}: {answer}");
            let generation_only = |sql: &String| sql.contains("generation");
            let again = world.statements_while(ask()).await;
            assert!(!again.iter().any(generation_only) || again.len() > 1, "{query} was answered from memory: {again:?}");
        }
    }

    async fn nobody_gets_the_answer_of_somebody_else(database) {
        let world = World::demo(&database).await;
        let served = world.serve().await;
        let (viewer, admin) =
            (world.token(world.workspace, Role::Viewer).await, world.token(world.workspace, Role::Admin).await);
        let other = world.other_workspace().await;
        let stranger = world.token(other, Role::Admin).await;
        let query = "{ viewer { role } assets(first: 3) { totalCount } }";
        for _ in 0..2 {
            for (token, role, assets) in [(&viewer, "VIEWER", true), (&admin, "ADMIN", true), (&stranger, "ADMIN", false)] {
                let (_, answer) = served.post(Some(token), query, json!({})).await;
                assert_eq!(answer["data"]["viewer"]["role"], role);
                assert_eq!(answer["data"]["assets"]["totalCount"] != 0, assets, "{answer}");
                let (_, answer) = served.post(Some(token), LIST, json!({ "first": 3 })).await;
                assert_eq!(answer["data"]["assets"]["nodes"] != json!([]), assets, "{answer}");
            }
            let (_, refused) = served.post(Some(&viewer), "{ apiTokens { totalCount } }", json!({})).await;
            assert_eq!(refused["errors"][0]["extensions"]["code"], "FORBIDDEN");
        }
    }
}
