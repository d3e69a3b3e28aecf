//! Who may do what, at the outermost door and behind it, and how little another workspace can learn.

use chrono::TimeDelta;
use serde_json::{Value, json};
use slategate::demo::keys::READER;
use slategate::store::views::Role;

use crate::on_both_databases;
use crate::support::{World, column, text};

/// Every mutation, with ids that name nothing, and the smallest role that may ask for it.
const MUTATIONS: [(&str, Role, &str); 15] = [
    ("connectMongoDbAtlas", Role::Admin, "(input: { publicKey: \"\", privateKey: \"\" }) { userErrors { code } }"),
    ("disconnectIntegration", Role::Admin, "(input: { integrationId: \"x\" }) { userErrors { code } }"),
    (
        "rotateCredentials",
        Role::Admin,
        "(input: { integrationId: \"x\", publicKey: \"\", privateKey: \"\" }) { userErrors { code } }",
    ),
    ("syncIntegration", Role::Admin, "(input: { integrationId: \"x\" }) { userErrors { code } }"),
    ("confirmHeldSync", Role::Admin, "(input: { integrationId: \"x\", syncRunId: \"x\" }) { userErrors { code } }"),
    ("updateAsset", Role::Analyst, "(input: { assetId: \"x\" }) { userErrors { code } }"),
    ("linkAccount", Role::Analyst, "(input: { accountId: \"x\" }) { userErrors { code } }"),
    ("upsertPerson", Role::Analyst, "(input: { email: \"\", fullName: \"\" }) { userErrors { code } }"),
    ("importPeople", Role::Analyst, "(input: { csv: \"\" }) { userErrors { code } }"),
    (
        "startAccessReview",
        Role::Analyst,
        "(input: { name: \"\", reviewerIds: [], dueOn: \"2020-01-01\" }) { userErrors { code } }",
    ),
    (
        "decideAccessReviewItems",
        Role::Analyst,
        "(input: { accessReviewId: \"x\", filter: {}, decision: KEEP }) { userErrors { code } }",
    ),
    (
        "reassignAccessReviewItems",
        Role::Analyst,
        "(input: { accessReviewId: \"x\", itemIds: [], reviewerId: \"x\" }) { userErrors { code } }",
    ),
    ("completeAccessReview", Role::Analyst, "(input: { accessReviewId: \"x\" }) { userErrors { code } }"),
    ("createApiToken", Role::Admin, "(input: { name: \"\", role: VIEWER }) { userErrors { code } }"),
    ("revokeApiToken", Role::Admin, "(input: { apiTokenId: \"x\" }) { userErrors { code } }"),
];

const ROLES: [Role; 3] = [Role::Viewer, Role::Analyst, Role::Admin];

fn code(answer: &Value) -> &Value {
    &answer["errors"][0]["extensions"]["code"]
}

/// Ids of one thing of each kind of the only workspace with something in it.
async fn ids(world: &World) -> Vec<(&'static str, String)> {
    let query = "{ integrations { nodes { id } } syncRuns { nodes { id } } projects { nodes { id } } assets { nodes { id } } \
                 accounts { nodes { id } } people { nodes { id } } controlResults { nodes { id } } viewer { workspace { id } } }";
    let answer = world.ask(query).await;
    let lists = ["integrations", "syncRuns", "projects", "assets", "accounts", "people", "controlResults"];
    let mut ids: Vec<_> = lists.map(|list| (list, text(&answer[list]["nodes"][0]["id"]))).to_vec();
    ids.push(("workspace", text(&answer["viewer"]["workspace"]["id"])));
    ids
}

on_both_databases! {
    async fn nobody_gets_in_without_a_live_token(database) {
        let world = World::synced(&database, READER.public).await;
        let served = world.serve().await;
        let token = world.token(world.workspace, Role::Viewer).await;
        let query = "{ viewer { name role workspace { name } } assets { totalCount } }";
        let (status, answer) = served.post(Some(&token), query, json!({})).await;
        assert_eq!(status, 200);
        let viewer = json!({ "name": "test", "role": "VIEWER", "workspace": { "name": "default" } });
        assert_eq!(answer, json!({ "data": { "viewer": viewer, "assets": { "totalCount": 33 } } }));

        let mut forged = token.clone();
        forged.replace_range(10..11, if &forged[10..11] == "a" { "b" } else { "a" });
        for token in [None, Some(""), Some("slg_nonsense"), Some(forged.as_str())] {
            let (status, answer) = served.post(token, query, json!({})).await;
            assert_eq!((status, code(&answer)), (401, &json!("UNAUTHENTICATED")), "{token:?}");
            assert_eq!(answer.get("data"), None);
        }
        world.clock.advance(TimeDelta::days(91));
        let (status, answer) = served.post(Some(&token), query, json!({})).await;
        assert_eq!((status, code(&answer)), (401, &json!("UNAUTHENTICATED")));
    }

    async fn each_role_may_ask_for_its_mutations_and_no_other(database) {
        let world = World::new(&database).await;
        let served = world.serve().await;
        let fields = world.ask("{ __schema { mutationType { fields { name } } } }").await;
        let mut served_fields = column(&fields["__schema"]["mutationType"]["fields"], "name");
        served_fields.sort();
        let mut listed = MUTATIONS.map(|(name, _, _)| name.to_owned());
        listed.sort();
        assert_eq!(served_fields, listed);

        for role in ROLES {
            let token = world.token(world.workspace, role).await;
            for (name, needed, rest) in MUTATIONS {
                let (status, answer) = served.post(Some(&token), &format!("mutation {{ {name}{rest} }}"), json!({})).await;
                assert_eq!(status, 200);
                if role >= needed {
                    assert_eq!(answer.get("errors"), None, "{role:?} {name}");
                    assert_eq!(answer["data"][name]["userErrors"][0]["code"], "INVALID", "{role:?} {name}");
                } else {
                    assert_eq!(answer["data"], json!(null), "{role:?} {name}");
                    assert_eq!(code(&answer), "FORBIDDEN", "{role:?} {name}");
                }
            }
        }
    }

    async fn a_forbidden_edit_changes_nothing(database) {
        let world = World::demo(&database).await;
        let (asset, account) = (world.asset("orders").await, world.account("nwreader").await);
        let (person, integration) = (world.person("liam.byrne@northwind-robotics.example").await, world.integration().await);
        let facts = world.fact_rows().await;
        let edits = [
            format!("updateAsset(input: {{ assetId: \"{asset}\", ownerId: \"{person}\" }}) {{ userErrors {{ code }} }}"),
            format!("linkAccount(input: {{ accountId: \"{account}\", personId: \"{person}\" }}) {{ userErrors {{ code }} }}"),
            "upsertPerson(input: { email: \"a@b.example\", fullName: \"A\" }) { userErrors { code } }".to_owned(),
            "importPeople(input: { csv: \"email,fullName\\na@b.example,A\" }) { userErrors { code } }".to_owned(),
            format!("disconnectIntegration(input: {{ integrationId: \"{integration}\", purge: true }}) {{ userErrors {{ code }} }}"),
            format!("syncIntegration(input: {{ integrationId: \"{integration}\" }}) {{ userErrors {{ code }} }}"),
        ];
        for edit in edits {
            let answer = world.query(Role::Viewer, &format!("mutation {{ {edit} }}"), json!({})).await;
            assert_eq!(code(&answer), "FORBIDDEN", "{edit}");
        }
        assert_eq!(world.fact_rows().await, facts);
        assert_eq!(world.count("sync_run").await, 1);
        assert_eq!(world.count("integration WHERE disconnected_at IS NULL").await, 1);
    }

    async fn a_viewer_sees_only_the_beginning_of_the_public_key(database) {
        let world = World::synced(&database, READER.public).await;
        let query = "{ integrations { nodes { publicKey } } }";
        let mut seen = Vec::new();
        for role in ROLES {
            let answer = world.query(role, query, json!({})).await;
            seen.push(text(&answer["data"]["integrations"]["nodes"][0]["publicKey"]));
        }
        assert_ne!(seen[0], READER.public);
        assert_eq!(seen[0], seen[1]);
        assert_eq!(seen[2], READER.public);
    }

    async fn what_viewer_can_is_what_mutations_let_in(database) {
        let world = World::new(&database).await;
        let query = "{ viewer { read: can(action: READ) edit: can(action: EDIT_INVENTORY) people: can(action: MANAGE_PEOPLE) \
                     integrations: can(action: MANAGE_INTEGRATIONS) access: can(action: MANAGE_ACCESS) } }";
        let expected = [[true, false, false, false, false], [true, true, true, false, false], [true; 5]];
        for (role, [read, edit, people, integrations, access]) in ROLES.into_iter().zip(expected) {
            let answer = world.query(role, query, json!({})).await;
            let can = json!({ "read": read, "edit": edit, "people": people, "integrations": integrations, "access": access });
            assert_eq!(answer["data"]["viewer"], can);
        }
    }

    async fn another_workspace_sees_nothing_of_this_one(database) {
        let world = World::demo(&database).await;
        let other = world.other_workspace().await;
        let served = world.serve().await;
        let token = world.token(other, Role::Admin).await;
        let lists = "{ viewer { workspace { name } } integrations { totalCount } assets(filter: { includeRemoved: true }) { totalCount } \
                     accounts { totalCount } projects { totalCount } people { totalCount } controlResults { totalCount } \
                     syncRuns { totalCount } posture { assets accounts failingResults } providers { status } }";
        let (_, answer) = served.post(Some(&token), lists, json!({})).await;
        let data = &answer["data"];
        assert_eq!(data["viewer"]["workspace"]["name"], "other");
        for list in ["integrations", "assets", "accounts", "projects", "people", "controlResults", "syncRuns"] {
            assert_eq!(data[list]["totalCount"], 0, "{list}");
        }
        assert_eq!(data["posture"], json!({ "assets": 0, "accounts": 0, "failingResults": 0 }));
        assert_eq!(data["providers"], json!([{ "status": "AVAILABLE" }]));

        let ids = ids(&world).await;
        let mine = world.ask_with("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", json!({ "ids": ids.iter().map(|(_, id)| id).collect::<Vec<_>>() })).await;
        assert!(mine["nodes"].as_array().unwrap().iter().all(|node| !node.is_null()), "{mine}");
        for (list, id) in &ids {
            let query = "query($id: ID!) { node(id: $id) { __typename } }";
            let (status, answer) = served.post(Some(&token), query, json!({ "id": id })).await;
            assert_eq!((status, answer), (200, json!({ "data": { "node": null } })), "{list}");
        }
    }

    async fn a_foreign_id_is_refused_like_an_unknown_one(database) {
        let world = World::demo(&database).await;
        let other = world.other_workspace().await;
        let ids: std::collections::BTreeMap<_, _> = ids(&world).await.into_iter().collect();
        let facts = world.fact_rows().await;
        let unknown = |kind: &str| {
            use base64::Engine as _;
            base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(format!("{kind}:987654"))
        };
        let mutations = [
            ("Integration", "integrations", "disconnectIntegration(input: { integrationId: $id }) { integration { id } userErrors { code message field } }"),
            ("Integration", "integrations", "disconnectIntegration(input: { integrationId: $id, purge: true }) { integration { id } userErrors { code message field } }"),
            ("Integration", "integrations", "rotateCredentials(input: { integrationId: $id, publicKey: \"a\", privateKey: \"b\" }) { integration { id } userErrors { code message field } }"),
            ("Integration", "integrations", "syncIntegration(input: { integrationId: $id }) { syncRun { id } userErrors { code message field } }"),
            ("Integration", "integrations", "confirmHeldSync(input: { integrationId: $id, syncRunId: \"U3luY1J1bjox\" }) { integration { id } userErrors { code message field } }"),
            ("AtlasCluster", "assets", "updateAsset(input: { assetId: $id, description: \"mine\" }) { asset { id } userErrors { code message field } }"),
            ("Account", "accounts", "linkAccount(input: { accountId: $id }) { account { id } userErrors { code message field } }"),
        ];
        for (kind, list, mutation) in mutations {
            let query = format!("mutation($id: ID!) {{ it: {mutation} }}");
            let foreign = world.query_in(other, Role::Admin, &query, json!({ "id": ids[list] })).await;
            let nothing = world.query_in(other, Role::Admin, &query, json!({ "id": unknown(kind) })).await;
            assert_eq!(foreign["data"]["it"]["userErrors"][0]["code"], "NOT_FOUND", "{mutation}");
            assert_eq!(foreign, nothing, "{mutation}");
        }
        assert_eq!(world.fact_rows().await, facts);
        assert_eq!(world.count("integration WHERE disconnected_at IS NULL").await, 1);

        let filters = [
            ("assets", "AssetFilter", "integrationId", "integrations"),
            ("assets", "AssetFilter", "projectId", "projects"),
            ("assets", "AssetFilter", "ownerId", "people"),
            ("accounts", "AccountFilter", "integrationId", "integrations"),
            ("accounts", "AccountFilter", "projectId", "projects"),
            ("accounts", "AccountFilter", "personId", "people"),
            ("projects", "ProjectFilter", "integrationId", "integrations"),
            ("controlResults", "ControlResultFilter", "subjectId", "assets"),
            ("syncRuns", "SyncRunFilter", "integrationId", "integrations"),
        ];
        for (list, filter, field, of) in filters {
            let query = format!("query($filter: {filter}) {{ {list}(filter: $filter) {{ totalCount nodes {{ id }} }} }}");
            let answer = world.query_in(other, Role::Admin, &query, json!({ "filter": { field: ids[of] } })).await;
            assert_eq!(answer["data"][list], json!({ "totalCount": 0, "nodes": [] }), "{list} {field}");
        }
    }

    async fn a_person_of_another_workspace_can_own_nothing_here(database) {
        let world = World::synced(&database, READER.public).await;
        let other = world.other_workspace().await;
        let upsert = "mutation { upsertPerson(input: { email: \"x@other.example\", fullName: \"X\" }) { person { id } } }";
        let foreign = world.query_in(other, Role::Admin, upsert, json!({})).await;
        let foreign = text(&foreign["data"]["upsertPerson"]["person"]["id"]);
        let query = "mutation($asset: ID!, $account: ID!, $person: ID!) { \
            updateAsset(input: { assetId: $asset, ownerId: $person }) { asset { id } userErrors { code field } } \
            linkAccount(input: { accountId: $account, personId: $person }) { account { id } userErrors { code field } } }";
        let ids = json!({ "asset": world.asset("orders").await, "account": world.account("nwreader").await, "person": foreign });
        let answer = world.ask_with(query, ids).await;
        let expected = json!({
            "updateAsset": { "asset": null, "userErrors": [{ "code": "NOT_FOUND", "field": ["input", "ownerId"] }] },
            "linkAccount": { "account": null, "userErrors": [{ "code": "NOT_FOUND", "field": ["input", "personId"] }] },
        });
        assert_eq!(answer, expected);
    }
}
