//! What becomes of people: who is taken over, whose values count, and what controls say at once.

use reqwest::Method;
use serde_json::{Value, json};
use slategate::demo::keys::HARBOUR_READER;

use super::{EMPLOYMENT, Provider, USER, everybody, ledger, person};
use crate::on_both_databases;
use crate::support::{World, text};

const DEPROVISIONED: &str = "accounts-deprovisioned-when-personnel-leave";
const OLGA: &str = "harbourmaster@contoso-harbour.example";

async fn import(world: &World, csv: &str) {
    let query = "mutation($csv: String!) { importPeople(input: { csv: $csv }) { userErrors { message } } }";
    let answer = world.ask_with(query, json!({ "csv": csv })).await;
    assert_eq!(answer["importPeople"]["userErrors"], json!([]));
}

on_both_databases! {
    async fn a_leaver_s_accounts_fail_at_once(database) {
        let world = World::synced(&database, HARBOUR_READER.public).await;
        let served = world.serve().await;
        let provider = Provider::of(&world, &served).await;
        let account = world.account(OLGA).await;
        assert_eq!(world.verdict(&account, DEPROVISIONED).await.0, "UNKNOWN NO_PERSONNEL");
        world.tick();
        let id = provider.create(person("Harbourmaster@contoso-harbour.example")).await;
        assert_eq!(world.verdict(&account, DEPROVISIONED).await.0, "PASS PERSON_ACTIVE");
        world.tick();
        assert_eq!(provider.patch(&id, json!([{ "op": "replace", "value": { "active": false } }])).await.status, 200);
        assert_eq!(world.verdict(&account, DEPROVISIONED).await, ("FAIL ACCOUNT_OF_LEAVER".to_owned(), world.now()));
        world.tick();
        assert_eq!(provider.patch(&id, json!([{ "op": "Add", "path": "active", "value": "True" }])).await.status, 200);
        assert_eq!(world.verdict(&account, DEPROVISIONED).await.0, "PASS PERSON_ACTIVE");
        world.tick();
        let yesterday = (world.clock.now() - chrono::TimeDelta::days(2)).date_naive().to_string();
        let dated = json!([{ "op": "add", "path": format!("{EMPLOYMENT}:endsOn"), "value": yesterday }]);
        assert_eq!(provider.patch(&id, dated).await.status, 200);
        assert_eq!(world.verdict(&account, DEPROVISIONED).await.0, "FAIL ACCOUNT_OF_LEAVER");
        world.tick();
        assert_eq!(provider.patch(&id, json!([{ "op": "remove", "path": EMPLOYMENT }])).await.status, 200);
        assert_eq!(world.verdict(&account, DEPROVISIONED).await.0, "PASS PERSON_ACTIVE");
        world.tick();
        assert_eq!(provider.delete(&id).await.status, 204);
        assert_eq!(world.verdict(&account, DEPROVISIONED).await.0, "FAIL ACCOUNT_OF_LEAVER");
        assert!(ledger(&world).await[0].starts_with(&format!("DEPROVISION_PERSON DONE {OLGA} status,scim.active")));
        // Who comes back is the same person.
        world.tick();
        let again = provider.create(person(OLGA)).await;
        assert_ne!(again, id);
        assert_eq!(world.verdict(&account, DEPROVISIONED).await.0, "PASS PERSON_ACTIVE");
        assert_eq!(everybody(&world).await.as_array().unwrap().len(), 1);
    }

    async fn an_imported_person_is_taken_over_with_what_the_provider_does_not_say(database) {
        let world = World::new(&database).await;
        import(&world, "email,fullName,aliases,status,startsOn,endsOn\n\
                        ada@x.example,Ada King,lovelace@x.example,LEFT,2020-01-01,2030-01-01\n").await;
        let id = world.person("ada@x.example").await;
        let served = world.serve().await;
        let provider = Provider::of(&world, &served).await;
        world.tick();
        let mut ada = person("Ada@x.example");
        ada["displayName"] = json!("Ada Lovelace");
        ada["emails"] = json!([{ "value": "ada@x.example", "type": "work" }, { "value": "ada@home.example" }]);
        let user = provider.create(ada).await;
        assert_eq!(world.person("ada@x.example").await, id, "the same person");
        let expected = |aliases: &[&str]| json!([{
            "email": "ada@x.example", "fullName": "Ada Lovelace", "aliases": aliases, "status": "ACTIVE",
            "startsOn": "2020-01-01", "endsOn": "2030-01-01",
        }]);
        assert_eq!(everybody(&world).await, expected(&["ada@home.example", "lovelace@x.example"]));
        // Only what the provider brought goes with it.
        world.tick();
        assert_eq!(provider.patch(&user, json!([{ "op": "remove", "path": "emails[not (type pr)]" }])).await.status, 200);
        assert_eq!(everybody(&world).await, expected(&["lovelace@x.example"]));
    }

    async fn what_a_person_chose_to_keep_stays(database) {
        let world = World::new(&database).await;
        let countess = |keep: Value| json!({
            "email": "ada@x.example", "fullName": "Countess", "status": "ACTIVE", "keep": keep,
        });
        world.upsert_person(countess(json!(["FULL_NAME", "STATUS"]))).await;
        let served = world.serve().await;
        let provider = Provider::of(&world, &served).await;
        world.tick();
        let mut ada = person("ada@x.example");
        ada["displayName"] = json!("Ada");
        ada["active"] = json!(false);
        ada[EMPLOYMENT] = json!({ "startsOn": "2020-01-01" });
        let created = provider.send(Method::POST, "/Users", Some(&ada)).await;
        assert_eq!((created.status, &created.body["displayName"]), (201, &json!("Ada")), "what the provider wrote");
        let person = async || {
            let query = "{ people { nodes { fullName status startsOn sources { field source kept } } } }";
            world.ask(query).await["people"]["nodes"][0].take()
        };
        let after = person().await;
        assert_eq!((&after["fullName"], &after["status"]), (&json!("Countess"), &json!("ACTIVE")));
        assert_eq!(after["sources"], json!([
            { "field": "FULL_NAME", "source": "MANUAL", "kept": true },
            { "field": "STATUS", "source": "MANUAL", "kept": true },
            { "field": "STARTS_ON", "source": "SCIM", "kept": false },
        ]));
        // Nobody keeps them any more: the provider says the same again.
        world.tick();
        world.upsert_person(countess(json!([]))).await;
        world.tick();
        let id = text(&created.body["id"]);
        assert_eq!(provider.put(&id, &ada).await.header("etag"), created.header("etag"), "its own values are the same");
        let after = person().await;
        assert_eq!((&after["fullName"], &after["status"]), (&json!("Ada"), &json!("LEFT")));
        assert_eq!(after["sources"][0], json!({ "field": "FULL_NAME", "source": "SCIM", "kept": false }));
    }

    async fn a_full_import_leaves_alone_whom_the_provider_speaks_for(database) {
        let world = World::new(&database).await;
        import(&world, "email,fullName,status\nada@x.example,Ada,ACTIVE\nbob@x.example,Bob,ACTIVE\n").await;
        let served = world.serve().await;
        let provider = Provider::of(&world, &served).await;
        world.tick();
        let mut ada = person("ada@x.example");
        ada["displayName"] = json!("Ada");
        provider.create(ada).await;
        world.tick();
        let full = "mutation { importPeople(input: { csv: \"email,fullName\\neve@x.example,Eve\", mode: FULL }) \
                    { userErrors { message } } }";
        assert_eq!(world.ask(full).await["importPeople"]["userErrors"], json!([]));
        let statuses: Vec<String> = crate::support::column(&everybody(&world).await, "status");
        assert_eq!(statuses, ["ACTIVE", "LEFT", "ACTIVE"]);
    }

    async fn a_person_is_taken_over_by_an_alias_that_nobody_else_has(database) {
        let world = World::new(&database).await;
        import(&world, "email,fullName,aliases\nada@old.example,Ada,ada@new.example\n\
                        bob@x.example,Bob,team@x.example\neve@x.example,Eve,team@x.example\n").await;
        let id = world.person("ada@old.example").await;
        let served = world.serve().await;
        let provider = Provider::of(&world, &served).await;
        world.tick();
        provider.create(person("ada@new.example")).await;
        assert_eq!(world.person("ada@new.example").await, id);
        assert_eq!(everybody(&world).await[0]["aliases"], json!(["ada@old.example"]), "accounts stay linked");
        let several = provider.send(Method::POST, "/Users", Some(&person("team@x.example"))).await;
        assert_eq!(several.refusal(), (409, "uniqueness"));
    }

    async fn names_and_addresses_are_nobody_else_s(database) {
        let world = World::new(&database).await;
        import(&world, "email,fullName\ncsv@x.example,Csv\n").await;
        let served = world.serve().await;
        let provider = Provider::of(&world, &served).await;
        let mut ada = person("ada");
        ada["emails"] = json!([{ "value": "ada@x.example" }, { "value": "second@x.example" }]);
        let id = provider.create(ada.clone()).await;
        let bob = provider.create(person("bob@x.example")).await;
        let before = world.substance().await;
        let with_email = |name: &str, email: &str| {
            let mut user = person(name);
            user["emails"] = json!([{ "value": email }]);
            user
        };
        for taken in [
            with_email("ADA", "other@x.example"),
            with_email("other", "ADA@x.example"),
            with_email("other", "second@x.example"),
            person("ada@x.example"),
        ] {
            let refused = provider.send(Method::POST, "/Users", Some(&taken)).await;
            assert_eq!(refused.refusal(), (409, "uniqueness"), "{taken}");
        }
        for taken in [
            with_email("Ada", "bob@x.example"),
            with_email("bob@x.example", "ada@x.example"),
            with_email("bob@x.example", "csv@x.example"),
        ] {
            assert_eq!(provider.put(&bob, &taken).await.refusal(), (409, "uniqueness"), "{taken}");
        }
        let taken = json!([
            { "op": "add", "path": "emails", "value": { "value": "bob@x.example" } },
            { "op": "replace", "path": "userName", "value": "aDa" },
        ]);
        let patched = provider.patch(&bob, taken).await;
        assert_eq!(patched.refusal(), (409, "uniqueness"));
        assert_eq!(world.substance().await, before);
        // The own name in another case is no other.
        ada["userName"] = json!("Ada");
        assert_eq!(provider.put(&id, &ada).await.body["userName"], "Ada");
    }

    async fn silence_about_active_changes_nothing(database) {
        let world = World::new(&database).await;
        let served = world.serve().await;
        let provider = Provider::of(&world, &served).await;
        let silent = json!({ "schemas": [USER], "userName": "ada@x.example" });
        let created = provider.send(Method::POST, "/Users", Some(&silent)).await;
        assert_eq!(created.body["active"], json!(true));
        let id = text(&created.body["id"]);
        world.tick();
        provider.patch(&id, json!([{ "op": "replace", "path": "active", "value": false }])).await;
        world.tick();
        let replaced = provider.put(&id, &silent).await;
        assert_eq!((replaced.status, replaced.body.get("active")), (200, None));
        assert_eq!(everybody(&world).await[0]["status"], "LEFT");
    }

    async fn who_has_no_address_or_no_sense_is_refused(database) {
        let world = World::new(&database).await;
        let served = world.serve().await;
        let provider = Provider::of(&world, &served).await;
        let id = provider.create(person("ada@x.example")).await;
        let before = world.substance().await;
        let dated = |starts: &str, ends: &str| {
            let mut user = person("eve@x.example");
            user[EMPLOYMENT] = json!({ "startsOn": starts, "endsOn": ends });
            user
        };
        let mut long = person("eve@x.example");
        long["displayName"] = json!("x".repeat(201));
        for wrong in [person("eve"), dated("2026-02-30", "2026-03-01"), dated("2026-03-02", "2026-03-01"), long] {
            let refused = provider.send(Method::POST, "/Users", Some(&wrong)).await;
            assert_eq!(refused.refusal(), (400, "invalidValue"), "{wrong}");
        }
        let renamed = provider.patch(&id, json!([{ "op": "replace", "path": "userName", "value": "ada" }])).await;
        assert_eq!(renamed.refusal(), (400, "invalidValue"));
        assert!(text(&renamed.body["detail"]).contains("e-mail address"));
        assert_eq!(world.substance().await, before);
    }

    async fn a_change_is_refused_where_the_version_is_another(database) {
        let world = World::new(&database).await;
        let served = world.serve().await;
        let provider = Provider::of(&world, &served).await;
        let id = provider.create(person("ada@x.example")).await;
        let path = format!("/Users/{id}");
        let first = provider.get(&path).await;
        let first = first.header("etag").unwrap();
        world.tick();
        provider.patch(&id, json!([{ "op": "add", "path": "displayName", "value": "Ada" }])).await;
        let renamed = json!({ "schemas": [USER], "userName": "ada@x.example", "displayName": "A" });
        for (method, body) in [(Method::PUT, Some(&renamed)), (Method::DELETE, None)] {
            let refused = provider.send_with(method, &path, body, &[("if-match", first)]).await;
            assert_eq!(refused.refusal(), (412, ""));
        }
        let now = provider.get(&path).await;
        let now = now.header("etag").unwrap();
        let known = provider.send_with(Method::GET, &path, None, &[("if-none-match", now)]).await;
        assert_eq!((known.status, &known.body), (304, &Value::Null));
        assert_eq!(provider.send_with(Method::GET, &path, None, &[("if-none-match", first)]).await.status, 200);
        assert_eq!(provider.send_with(Method::PUT, &path, Some(&renamed), &[("if-match", now)]).await.status, 200);
        assert_eq!(provider.send_with(Method::DELETE, &path, None, &[("if-match", "*")]).await.status, 204);
    }

    async fn the_past_stays_as_it_was(database) {
        let world = World::synced(&database, HARBOUR_READER.public).await;
        let served = world.serve().await;
        let provider = Provider::of(&world, &served).await;
        world.tick();
        let id = provider.create(person(OLGA)).await;
        let then = world.now();
        world.tick();
        provider.delete(&id).await;
        let account = "{ accounts(filter: { search: \"harbourmaster\" }, asOf: $asOf) { nodes { flags person { email } } } }";
        let query = format!("query($asOf: DateTime) {account}");
        let ask = async |at: &str| world.ask_with(&query, json!({ "asOf": at })).await;
        let before = ask(&then).await["accounts"]["nodes"][0].take();
        assert!(!before["flags"].to_string().contains("LEAVER"), "{before}");
        let after = ask(&world.now()).await["accounts"]["nodes"][0].take();
        assert!(after["flags"].to_string().contains("LEAVER"), "{after}");
    }
}
