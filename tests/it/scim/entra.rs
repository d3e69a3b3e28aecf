//! As Entra ID provisions: words in other cases, booleans as text, paths with filters, extensions of its own.

use reqwest::Method;
use serde_json::{Value, json};

use super::{EMPLOYMENT, ENTERPRISE, Provider, USER, everybody};
use crate::on_both_databases;
use crate::support::{World, text};

fn test_user() -> Value {
    json!({
        "schemas": [USER, ENTERPRISE],
        "externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef",
        "userName": "Test_User_ab6490ee@testuser.com",
        "active": true,
        "emails": [{ "primary": true, "type": "work", "value": "Test_User_fd0ea19b@testuser.com" }],
        "meta": { "resourceType": "User" },
        "name": { "formatted": "givenName familyName", "familyName": "familyName", "givenName": "givenName" },
        "roles": [],
        ENTERPRISE: { "department": "D", "manager": { "value": "x" } },
    })
}

on_both_databases! {
    async fn a_user_is_matched_created_patched_and_deleted(database) {
        let world = World::new(&database).await;
        let served = world.serve().await;
        let entra = Provider::of(&world, &served).await;
        // The connection's test asks for somebody who cannot be there.
        assert_eq!(entra.find("userName eq \"a0b1c2d3-0000-4000-8000-e4f5a6b7c8d9\"").await, json!([]));
        let created = entra.send(Method::POST, "/Users", Some(&test_user())).await;
        assert_eq!(created.status, 201);
        assert_eq!(created.body["userName"], "Test_User_ab6490ee@testuser.com", "in the client's case");
        assert_eq!((created.body.get("roles"), created.body.get(ENTERPRISE)), (None, None));
        let id = text(&created.body["id"]);
        for filter in [
            "externalId eq \"0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef\"",
            "userName eq \"test_user_AB6490EE@testuser.com\"",
            "emails[type eq \"work\"].value eq \"test_user_fd0ea19b@testuser.com\"",
        ] {
            assert_eq!(entra.find(filter).await[0]["id"], json!(id), "{filter}");
        }
        assert_eq!(everybody(&world).await, json!([{
            "email": "test_user_fd0ea19b@testuser.com", "fullName": "givenName familyName",
            "aliases": ["test_user_ab6490ee@testuser.com"], "status": "ACTIVE", "startsOn": null, "endsOn": null,
        }]));

        world.tick();
        let operations = json!([
            { "op": "Replace", "path": "emails[type eq \"work\"].value", "value": "updatedEmail@microsoft.com" },
            { "op": "Replace", "path": "name.familyName", "value": "updatedFamilyName" },
            { "op": "Add", "path": "displayName", "value": "Updated Name" },
            { "op": "Add", "path": "emails[type eq \"other\"].value", "value": "other@testuser.com" },
            { "op": "Add", "path": format!("{EMPLOYMENT}:startsOn"), "value": "2024-02-01T00:00:00Z" },
            { "op": "Add", "path": format!("{EMPLOYMENT}:endsOn"), "value": "2027-02-01" },
            { "op": "Add", "path": format!("{ENTERPRISE}:department"), "value": "E" },
            { "op": "Replace", "path": "preferredLanguage", "value": "de" },
        ]);
        let patched = entra.patch(&id, operations).await;
        assert_eq!(patched.status, 200, "{}", patched.body);
        assert_eq!(patched.body["schemas"], json!([USER, EMPLOYMENT]));
        assert_eq!(everybody(&world).await, json!([{
            "email": "updatedemail@microsoft.com", "fullName": "Updated Name",
            "aliases": ["other@testuser.com", "test_user_ab6490ee@testuser.com"], "status": "ACTIVE",
            "startsOn": "2024-02-01", "endsOn": "2027-02-01",
        }]));
        world.tick();
        let taken_back = json!([
            { "op": "Remove", "path": format!("{EMPLOYMENT}:endsOn") },
            { "op": "Remove", "path": "emails[type eq \"other\"]" },
            { "op": "Remove", "path": "displayName" },
        ]);
        assert_eq!(entra.patch(&id, taken_back).await.status, 200);
        let after = everybody(&world).await[0].take();
        assert_eq!((&after["startsOn"], &after["endsOn"]), (&json!("2024-02-01"), &Value::Null));
        assert_eq!(after["aliases"], json!(["test_user_ab6490ee@testuser.com"]));
        assert_eq!(after["fullName"], "givenName familyName");

        world.tick();
        let disabled = entra.patch(&id, json!([{ "op": "Replace", "path": "active", "value": "False" }])).await;
        assert_eq!((disabled.status, &disabled.body["active"]), (200, &json!(false)));
        assert_eq!(entra.find("userName eq \"Test_User_ab6490ee@testuser.com\"").await[0]["active"], json!(false));
        assert_eq!(everybody(&world).await[0]["status"], "LEFT");

        world.tick();
        let deleted = entra.delete(&id).await;
        assert_eq!((deleted.status, &deleted.body), (204, &Value::Null));
        for again in [entra.get(&format!("/Users/{id}")).await, entra.delete(&id).await] {
            assert_eq!(again.refusal(), (404, ""));
        }
        assert_eq!(entra.find("active pr").await, json!([]));
        assert_eq!(everybody(&world).await[0]["status"], "LEFT", "the person and the past stay");
    }
}
