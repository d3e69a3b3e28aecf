//! As Okta provisions: look whether the user is there, create, read, replace, deactivate and reactivate.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Provider, USER, everybody, ledger};
use crate::on_both_databases;
use crate::support::{World, text};

fn isaac() -> Value {
    json!({
        "schemas": [USER],
        "userName": "isaac.brock@example.com",
        "name": { "givenName": "Isaac", "familyName": "Brock" },
        "emails": [{ "primary": true, "value": "isaac.brock@example.com", "type": "work" }],
        "displayName": "Isaac Brock",
        "locale": "en-US",
        "externalId": "00ujl29u0le5T6Aj10h7",
        "groups": [],
        "password": "1mz050nq",
        "active": true,
    })
}

on_both_databases! {
    async fn a_user_comes_changes_goes_and_comes_back(database) {
        let world = World::new(&database).await;
        let served = world.serve().await;
        let okta = Provider::of(&world, &served).await;
        let tested = okta.get("/Users?startIndex=1&count=1").await;
        assert_eq!((tested.status, &tested.body["totalResults"], &tested.body["Resources"]), (200, &json!(0), &json!([])));
        assert_eq!(okta.find("userName eq \"isaac.brock@example.com\"").await, json!([]));

        world.tick();
        let created = okta.send(Method::POST, "/Users", Some(&isaac())).await;
        let id = text(&created.body["id"]);
        let meta = json!({
            "resourceType": "User", "created": world.now(), "lastModified": world.now(),
            "location": format!("/scim/v2/Users/{id}"), "version": created.header("etag"),
        });
        let expected = json!({
            "schemas": [USER], "id": id, "externalId": "00ujl29u0le5T6Aj10h7", "userName": "isaac.brock@example.com",
            "name": { "givenName": "Isaac", "familyName": "Brock" }, "displayName": "Isaac Brock", "active": true,
            "emails": [{ "primary": true, "value": "isaac.brock@example.com", "type": "work" }], "meta": meta,
        });
        assert_eq!((created.status, &created.body), (201, &expected));
        assert_eq!(created.header("location"), Some(format!("/scim/v2/Users/{id}").as_str()));
        assert_eq!(id.len(), 32);
        assert_eq!(okta.get(&format!("/Users/{id}")).await.body, expected);
        assert_eq!(okta.find("userName eq \"ISAAC.brock@example.com\"").await, json!([expected]));
        let in_person = json!([{
            "email": "isaac.brock@example.com", "fullName": "Isaac Brock", "aliases": [], "status": "ACTIVE", "startsOn": null,
            "endsOn": null,
        }]);
        assert_eq!(everybody(&world).await, in_person);

        world.tick();
        let mut renamed = isaac();
        renamed["id"] = json!(id);
        renamed["displayName"] = json!("Isaac R. Brock");
        renamed["emails"] = json!([
            { "primary": true, "value": "isaac@example.com", "type": "work" }, { "value": "ib@home.example", "type": "home" },
        ]);
        let replaced = okta.put(&id, &renamed).await;
        assert_eq!((replaced.status, &replaced.body["displayName"]), (200, &json!("Isaac R. Brock")));
        assert_eq!(replaced.body["meta"]["created"], expected["meta"]["created"]);
        assert_eq!(replaced.body["meta"]["lastModified"], world.now());
        assert_ne!(replaced.header("etag"), created.header("etag"));
        let after = &everybody(&world).await[0];
        assert_eq!((&after["email"], &after["fullName"]), (&json!("isaac@example.com"), &json!("Isaac R. Brock")));
        assert_eq!(after["aliases"], json!(["ib@home.example", "isaac.brock@example.com"]));

        world.tick();
        let gone = okta.patch(&id, json!([{ "op": "replace", "value": { "active": false } }])).await;
        assert_eq!((gone.status, &gone.body["active"]), (200, &json!(false)));
        assert_eq!(everybody(&world).await[0]["status"], "LEFT");
        assert_eq!(okta.find("active eq false").await[0]["id"], json!(id));
        world.tick();
        let back = okta.patch(&id, json!([{ "op": "replace", "value": { "active": true } }])).await;
        assert_eq!((back.status, &back.body["active"]), (200, &json!(true)));
        assert_eq!(everybody(&world).await[0]["status"], "ACTIVE");

        assert_eq!(ledger(&world).await, [
            "PROVISION_PERSON DONE isaac@example.com status,scim.active",
            "PROVISION_PERSON DONE isaac@example.com status,scim.active",
            "PROVISION_PERSON DONE isaac@example.com email,fullName,aliases,scim.displayName,scim.emails",
            "PROVISION_PERSON DONE isaac.brock@example.com \
             email,fullName,aliases,status,scim.active,scim.displayName,scim.emails,scim.externalId,scim.name,scim.userName",
        ]);
    }

    async fn what_changes_nothing_writes_nothing(database) {
        let world = World::new(&database).await;
        let served = world.serve().await;
        let okta = Provider::of(&world, &served).await;
        let id = okta.create(isaac()).await;
        let before = world.fact_rows_of(world.workspace).await;
        let was = okta.get(&format!("/Users/{id}")).await;
        world.tick();
        let replaced = okta.put(&id, &isaac()).await;
        let patched = okta.patch(&id, json!([{ "op": "replace", "value": { "active": true, "title": "Dr" } }])).await;
        for answer in [replaced, patched] {
            assert_eq!((answer.status, &answer.body, answer.header("etag")), (200, &was.body, was.header("etag")));
        }
        assert_eq!(world.fact_rows_of(world.workspace).await, before);
    }
}
