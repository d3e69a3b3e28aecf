//! The audit ledger: what it notes, who may read it, and that it can only grow.

use serde_json::{Value, json};
use slategate::demo::keys::READER;
use slategate::store::views::Role;

use crate::on_both_databases;
use crate::support::process::slategate;
use crate::support::{Kind, World, column, text};

const EVENTS: &str = "query($filter: AuditEventFilter) { auditEvents(filter: $filter) { totalCount nodes { id sequence at \
     actor actorName action outcome subjectId subjectName requestId hash changes { field before after } } } }";

async fn events(world: &World, filter: Value) -> Value {
    world.ask_with(EVENTS, json!({ "filter": filter })).await["auditEvents"]["nodes"].clone()
}

fn settings(world: &World) -> Vec<(&'static str, String)> {
    vec![
        ("SLATEGATE_DATABASE_URL", world.database.url.clone()),
        ("SLATEGATE_MASTER_KEY_FILE", world.database.folder().join("master.key").display().to_string()),
    ]
}

/// Exit status, and what was said.
async fn verify(world: &World, more: &[&str]) -> (bool, String) {
    let output = slategate(&[&["audit", "verify"], more].concat(), &settings(world)).output().await.unwrap();
    (output.status.success(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

on_both_databases! {
    async fn every_change_is_noted_with_what_it_changed(database) {
        let world = World::synced(&database, READER.public).await;
        let asset = world.asset("orders").await;
        let person = world.upsert_person(json!({ "email": "Ada@Example.com", "fullName": "Ada" })).await["person"]["id"].clone();
        world.tick();
        world.update_asset(json!({ "assetId": asset, "ownerId": person, "description": "books" })).await;
        world.update_asset(json!({ "assetId": asset, "description": "books" })).await;
        let account = world.ask("{ accounts(first: 1) { nodes { id login } } }").await["accounts"]["nodes"][0].clone();
        world.link_account(json!({ "accountId": account["id"], "personId": person })).await;
        let integration = world.integration().await;
        for mutation in ["syncIntegration", "disconnectIntegration"] {
            let query = format!("mutation {{ {mutation}(input: {{ integrationId: \"{integration}\" }}) {{ userErrors {{ code }} }} }}");
            assert_eq!(world.ask(&query).await[mutation]["userErrors"], json!([]));
        }
        let all = events(&world, json!({})).await;
        assert_eq!(
            column(&all, "action"),
            [
                "DISCONNECT", "REQUEST_SYNC", "LINK_ACCOUNT", "UPDATE_ASSET", "UPSERT_PERSON", "CONNECT", "CREATE_WORKSPACE"
            ],
            "an edit that changes nothing is no event"
        );
        assert_eq!(column(&all, "sequence"), ["7", "6", "5", "4", "3", "2", "1"]);
        let edit = &all[3];
        assert_eq!((&edit["subjectId"], &edit["subjectName"]), (&json!(asset), &json!("orders")));
        assert_eq!(edit["actor"], "test");
        let changes = edit["changes"].as_array().unwrap();
        assert_eq!(changes.len(), 2);
        assert_eq!(changes[1], json!({ "field": "description", "before": null, "after": "books" }));
        assert_eq!(edit["at"], json!(world.now()));
        assert!(!all.to_string().contains(READER.private), "a ledger holds no secret");

        let of_asset = events(&world, json!({ "subjectId": asset })).await;
        assert_eq!(column(&of_asset, "action"), ["UPDATE_ASSET"]);
        assert_eq!(events(&world, json!({ "action": ["CONNECT", "DISCONNECT"] })).await.as_array().unwrap().len(), 2);
        assert_eq!(events(&world, json!({ "actor": "test" })).await.as_array().unwrap().len(), 6);
        assert_eq!(events(&world, json!({ "from": world.now() })).await.as_array().unwrap().len(), 4);
        assert_eq!(events(&world, json!({ "until": world.now() })).await.as_array().unwrap().len(), 3);
        assert_eq!(events(&world, json!({ "subjectId": "x" })).await, json!([]));
    }

    async fn refused_attempts_are_noted_and_only_administrators_read(database) {
        let world = World::new(&database).await;
        let served = world.serve().await;
        let viewer = world.token(world.workspace, Role::Viewer).await;
        let admin = world.token(world.workspace, Role::Admin).await;
        let tried = "mutation { disconnectIntegration(input: { integrationId: \"x\" }) { userErrors { code } } }";
        let (_, answer) = served.post(Some(&viewer), tried, json!({})).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN");
        let request = answer["errors"][0]["extensions"]["requestId"].clone();
        let (_, answer) = served.post(Some(&viewer), EVENTS, json!({})).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN");

        let (_, answer) = served.post(Some(&admin), EVENTS, json!({ "filter": { "outcome": "REFUSED" } })).await;
        let refused = &answer["data"]["auditEvents"]["nodes"];
        assert_eq!(column(refused, "action"), ["READ_AUDIT_EVENTS", "DISCONNECT"]);
        let refused = refused[1].clone();
        assert_eq!(refused["requestId"], request);
        assert!(text(&refused["actor"]).starts_with("token:"));
        let node = "query($id: ID!) { node(id: $id) { ... on AuditEvent { action } } }";
        let (_, seen) = served.post(Some(&admin), node, json!({ "id": refused["id"] })).await;
        assert_eq!(seen["data"]["node"]["action"], "DISCONNECT");
        let (_, unseen) = served.post(Some(&viewer), node, json!({ "id": refused["id"] })).await;
        assert_eq!(unseen["data"]["node"], Value::Null);
    }

    async fn tokens_are_made_shown_once_and_revoked_through_the_api(database) {
        let world = World::new(&database).await;
        let served = world.serve().await;
        let admin = world.token(world.workspace, Role::Admin).await;
        let make = "mutation($input: CreateApiTokenInput!) { createApiToken(input: $input) { token apiToken { id name role } \
                    userErrors { code field } } }";
        let input = json!({ "input": { "name": "dashboard", "role": "VIEWER", "expiresInDays": 30 } });
        let (_, answer) = served.post(Some(&admin), make, input).await;
        let created = &answer["data"]["createApiToken"];
        let token = text(&created["token"]);
        let viewer = "{ viewer { name role } }";
        let (_, answer) = served.post(Some(&token), viewer, json!({})).await;
        assert_eq!(answer["data"]["viewer"], json!({ "name": "dashboard", "role": "VIEWER" }));

        let list = "{ apiTokens { totalCount nodes { id name revokedAt expiresAt } } }";
        let (_, answer) = served.post(Some(&admin), list, json!({})).await;
        assert_eq!(answer["data"]["apiTokens"]["totalCount"], 2);
        assert!(!answer.to_string().contains(&token));
        for (days, field) in [(0, "expiresInDays"), (366, "expiresInDays"), (-1, "expiresInDays")] {
            let input = json!({ "input": { "name": "x", "role": "VIEWER", "expiresInDays": days } });
            let (_, answer) = served.post(Some(&admin), make, input).await;
            assert_eq!(answer["data"]["createApiToken"]["userErrors"][0]["field"], json!(["input", field]));
        }
        let revoke = "mutation($id: ID!) { revokeApiToken(input: { apiTokenId: $id }) { apiToken { revokedAt } userErrors { code } } }";
        let id = json!({ "id": created["apiToken"]["id"] });
        let (_, answer) = served.post(Some(&admin), revoke, id.clone()).await;
        assert_eq!(answer["data"]["revokeApiToken"]["apiToken"]["revokedAt"], json!(world.now()));
        let (_, again) = served.post(Some(&admin), revoke, id).await;
        assert_eq!(again["data"]["revokeApiToken"]["userErrors"][0]["code"], "NOT_FOUND");
        world.clock.advance(chrono::TimeDelta::seconds(5));
        assert_eq!(served.post(Some(&token), viewer, json!({})).await.0, 401);
    }

    async fn each_way_to_forge_the_ledger_is_found(database) {
        let world = World::synced(&database, READER.public).await;
        for name in ["ada", "bob", "eve", "kim"] {
            world.upsert_person(json!({ "email": format!("{name}@example.com"), "fullName": name })).await;
        }
        let other = world.other_workspace().await;
        let (holds, head) = verify(&world, &[]).await;
        assert!(holds && head.starts_with("6:"), "{head}");
        world.take_the_guards_off_the_ledger().await;
        world.execute("CREATE TABLE kept AS SELECT * FROM audit_event").await;
        let here = world.workspace;
        let copy = "workspace_id, {sequence}, at, actor_key, actor_name, action, outcome, subject_kind, subject_id, subject_name, \
                    request_id, changes, previous_hash, hash FROM audit_event WHERE sequence = 4 AND workspace_id = {w}";
        let insert = |sequence: &str| {
            let columns = copy.replace("{sequence}", sequence).replace("{w}", &here.to_string());
            let names = copy.split(" FROM ").next().unwrap().replace("{sequence}", "sequence");
            format!("INSERT INTO audit_event ({names}) SELECT {columns}")
        };
        let at = |sequence: i64| format!("workspace_id = {here} AND sequence = {sequence}");
        let swap = |one: i64, two: i64| {
            vec![
                format!("UPDATE audit_event SET sequence = -1 WHERE {}", at(one)),
                format!("UPDATE audit_event SET sequence = {one} WHERE {}", at(two)),
                format!("UPDATE audit_event SET sequence = {two} WHERE {}", at(-1)),
            ]
        };
        let mut forgeries: Vec<(Vec<String>, &str)> = vec![
            (vec![format!("DELETE FROM audit_event WHERE {}", at(3))], "event 3 is missing"),
            (vec![format!("DELETE FROM audit_event WHERE {}", at(1))], "event 1 is missing"),
            (swap(3, 4), "event 3 was changed"),
            (swap(1, 2), "event 1 was changed"),
            (vec![insert("7")], "event 7 was changed"),
            (vec![insert("9")], "event 7 is missing"),
            (
                vec![
                    format!("UPDATE audit_event SET sequence = sequence + 100 WHERE workspace_id = {here} AND sequence > 4"),
                    insert("5"),
                    format!("UPDATE audit_event SET sequence = sequence - 99 WHERE workspace_id = {here} AND sequence > 100"),
                ],
                "event 5 was changed",
            ),
            (
                vec![
                    format!("DELETE FROM audit_event WHERE {}", at(1)),
                    format!("UPDATE audit_event SET workspace_id = {here} WHERE workspace_id = {other}"),
                ],
                "event 1 was changed",
            ),
        ];
        let texts = ["actor_key", "actor_name", "action", "outcome", "subject_kind", "subject_name", "request_id", "changes", "hash"];
        for column in texts.into_iter().chain(["previous_hash"]) {
            let other = format!("UPDATE audit_event SET {column} = 'x' || COALESCE({column}, '') WHERE {}", at(3));
            forgeries.push((vec![other], "event 3 was changed"));
        }
        for column in ["at", "subject_id"] {
            let other = format!("UPDATE audit_event SET {column} = {column} + 1 WHERE {}", at(3));
            forgeries.push((vec![other], "event 3 was changed"));
        }
        for (forgery, found) in forgeries {
            for sql in &forgery {
                world.execute(sql).await;
            }
            let (holds, said) = verify(&world, &[]).await;
            assert!(!holds && said.contains(found), "{forgery:?}: {said}");
            world.execute("DELETE FROM audit_event").await;
            world.execute("INSERT INTO audit_event SELECT * FROM kept").await;
            assert!(verify(&world, &["--head", head.trim()]).await.0, "restored");
        }
    }

    async fn what_cannot_be_noted_is_not_done(database) {
        let world = World::demo(&database).await;
        let served = world.serve().await;
        let admin = world.token(world.workspace, Role::Admin).await;
        let viewer = world.token(world.workspace, Role::Viewer).await;
        let full = match database.kind {
            Kind::Sqlite => "CREATE TRIGGER full BEFORE INSERT ON audit_event BEGIN SELECT RAISE(ABORT, 'no more'); END",
            Kind::Postgres => "CREATE TRIGGER full_ledger BEFORE INSERT ON audit_event FOR EACH ROW EXECUTE FUNCTION audit_event_guard()",
        };
        world.execute(full).await;
        let (asset, account) = (world.asset("orders").await, world.account("nwreader").await);
        let (person, integration) = (world.person("liam.byrne@northwind-robotics.example").await, world.integration().await);
        let tokens = world.ask("{ apiTokens { nodes { id } } }").await;
        let token = text(&tokens["apiTokens"]["nodes"][0]["id"]);
        let harbour = slategate::demo::keys::HARBOUR_READER;
        let writer = slategate::demo::keys::WRITER;
        let changes = [
            format!("updateAsset(input: {{ assetId: \"{asset}\", description: \"new\" }})"),
            format!("linkAccount(input: {{ accountId: \"{account}\", personId: \"{person}\" }})"),
            "upsertPerson(input: { email: \"a@b.example\", fullName: \"A\" })".to_owned(),
            "importPeople(input: { csv: \"email,fullName\\na@b.example,A\" })".to_owned(),
            format!("syncIntegration(input: {{ integrationId: \"{integration}\" }})"),
            format!("disconnectIntegration(input: {{ integrationId: \"{integration}\" }})"),
            format!("connectMongoDbAtlas(input: {{ publicKey: \"{}\", privateKey: \"{}\" }})", harbour.public, harbour.private),
            format!(
                "rotateCredentials(input: {{ integrationId: \"{integration}\", publicKey: \"{}\", privateKey: \"{}\" }})",
                writer.public, writer.private
            ),
            "createApiToken(input: { name: \"x\", role: VIEWER })".to_owned(),
            format!("revokeApiToken(input: {{ apiTokenId: \"{token}\" }})"),
        ];
        let before = world.substance().await;
        for change in changes {
            for token in [&admin, &viewer] {
                let query = format!("mutation {{ {change} {{ userErrors {{ code }} }} }}");
                let (_, answer) = served.post(Some(token), &query, json!({})).await;
                assert_eq!(answer["errors"][0]["extensions"]["code"], "INTERNAL", "{change}: {answer}");
                assert_eq!(world.substance().await, before, "{change}");
            }
        }
    }

    async fn the_ledger_can_only_grow_and_tells_when_it_was_changed(database) {
        let world = World::synced(&database, READER.public).await;
        world.upsert_person(json!({ "email": "ada@example.com", "fullName": "Ada" })).await;
        let (holds, head) = verify(&world, &[]).await;
        assert!(holds && head.starts_with("3:"), "{head}");
        let head = head.trim();
        for change in [
            "UPDATE audit_event SET actor_key = 'nobody' WHERE sequence = 2",
            "DELETE FROM audit_event WHERE sequence = 2",
        ] {
            let refused = world.try_execute(change).await.unwrap_err().to_string();
            assert!(refused.contains("the audit ledger can only grow"), "{refused}");
        }
        world.upsert_person(json!({ "email": "bob@example.com", "fullName": "Bob" })).await;
        assert!(verify(&world, &["--head", head]).await.0);

        world.take_the_guards_off_the_ledger().await;
        world.execute("UPDATE audit_event SET actor_key = 'nobody' WHERE sequence = 2").await;
        let (holds, said) = verify(&world, &[]).await;
        assert!(!holds && said.contains("event 2 was changed"), "{said}");
        world.execute("DELETE FROM audit_event WHERE sequence >= 2").await;
        assert!(verify(&world, &[]).await.0, "a shorter chain holds by itself");
        let (holds, said) = verify(&world, &["--head", head]).await;
        assert!(!holds && said.contains("ends at event 1, before the noted event 3"), "{said}");
    }
}
