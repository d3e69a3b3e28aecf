//! What the GraphQL specification promises of any request, where the library alone would not keep it.

use serde_json::{Value, json};
use slategate::store::views::Role;

use crate::on_both_databases;
use crate::support::World;

on_both_databases! {
    async fn an_object_of_which_nothing_is_asked_is_empty_and_not_null(database) {
        let world = World::demo(&database).await;
        let token = world.token(world.workspace, Role::Viewer).await;
        let served = world.serve().await;
        for (query, expected) in [
            ("{ viewer { name @skip(if: true) } }", json!({ "viewer": {} })),
            ("{ viewer @skip(if: true) { name } }", json!({})),
            ("{ ... on Query @include(if: false) { viewer { name } } }", json!({})),
            ("{ assets(first: 2) { nodes { ... on Account { login } } } }", Value::Null),
            (
                "{ controlResults(first: 2, filter: { controlKey: \"clusters-encrypted\" }) { nodes {
                    subject { ... on Account { login } ...F } } } } fragment F on Account { email }",
                json!({ "controlResults": { "nodes": [{ "subject": {} }, { "subject": {} }] } }),
            ),
            ("{ node(id: \"nothing\") { ... on Account { login } } }", json!({ "node": null })),
            ("query Named { viewer { ... on Viewer { role } } }", json!({ "viewer": { "role": "VIEWER" } })),
            ("{ assets(first: 1) { nodes { ... on AtlasCluster { paused } } } }", json!({ "assets": { "nodes": [{ "paused": false }] } })),
        ] {
            let (status, answer) = served.post(Some(&token), query, json!({})).await;
            if expected.is_null() {
                assert_eq!(answer.get("data"), None, "an asset is never an account: {answer}");
            } else {
                assert_eq!((status, &answer), (200, &json!({ "data": expected })), "{query}");
            }
        }
    }

    async fn what_is_wrong_with_variables_is_told_before_anything_runs(database) {
        let world = World::new(&database).await;
        let token = world.token(world.workspace, Role::Viewer).await;
        let served = world.serve().await;
        for (query, variables) in [
            ("query ($n: Int!) { assets(first: $n) { totalCount } }", json!({})),
            ("query Named($n: Int!) { assets(first: $n) { totalCount } }", json!({})),
            ("query ($a: Boolean!) { viewer { name @include(if: $a) } }", json!({})),
            ("query ($at: DateTime) { posture(asOf: $at) { assets } }", json!({ "at": "yesterday" })),
            ("{ posture(asOf: \"2026-02-30T00:00:00Z\") { assets } }", json!({})),
            ("mutation ($day: Date) { upsertPerson(input: { email: \"a@b.example\", fullName: \"A\", endsOn: $day }) { person { id } } }", json!({ "day": "2026-02-30" })),
        ] {
            let (_, answer) = served.post(Some(&token), query, variables).await;
            assert_eq!(answer.get("data"), None, "{query}");
            assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_INPUT", "{query}");
            assert!(answer["errors"][0]["locations"][0]["line"].is_number(), "{answer}");
        }
    }

    async fn introspection_tells_what_the_schema_says(database) {
        let world = World::new(&database).await;
        let query = "{ asset: __type(name: \"Asset\") { kind interfaces { name } possibleTypes { name } }
            nothing: __type(name: \"Nothing\") { name } __schema { description queryType { name } } }";
        let token = world.token(world.workspace, Role::Viewer).await;
        let (_, answer) = world.serve().await.post(Some(&token), query, json!({})).await;
        let asset = json!({
            "kind": "INTERFACE", "interfaces": [{ "name": "Node" }], "possibleTypes": [{ "name": "AtlasCluster" }],
        });
        let schema = json!({ "description": null, "queryType": { "name": "Query" } });
        assert_eq!(answer, json!({ "data": { "asset": asset, "nothing": null, "__schema": schema } }));
    }
}
