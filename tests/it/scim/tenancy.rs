//! Two workspaces: what belongs to the other is like what never was.

use reqwest::Method;
use serde_json::json;
use slategate::store::views::Role;

use super::{PATCH, Provider, USER, person};
use crate::on_both_databases;
use crate::support::World;

on_both_databases! {
    async fn another_workspace_s_users_are_like_none(database) {
        let world = World::new(&database).await;
        let other = world.other_workspace().await;
        let served = world.serve().await;
        let provider = Provider::of(&world, &served).await;
        let stranger = Provider { served: &served, token: Some(world.token(other, Role::Scim).await) };
        let mut ada = person("ada@x.example");
        ada["externalId"] = json!("7");
        let id = provider.create(ada.clone()).await;
        let before = world.fact_rows_of(world.workspace).await;

        let renamed = json!({ "schemas": [USER], "userName": "eve@x.example" });
        let patch = json!({ "schemas": [PATCH], "Operations": [{ "op": "replace", "path": "active", "value": false }] });
        for (method, body) in
            [(Method::GET, None), (Method::PUT, Some(&renamed)), (Method::PATCH, Some(&patch)), (Method::DELETE, None)]
        {
            let theirs = stranger.send(method.clone(), &format!("/Users/{id}"), body).await;
            let nobodys = stranger.send(method, &format!("/Users/{}", "0".repeat(32)), body).await;
            assert_eq!((theirs.status, &theirs.body), (404, &nobodys.body));
        }
        for filter in ["userName pr", "externalId eq \"7\"", "userName eq \"ada@x.example\"", "emails pr", "active eq true"] {
            assert_eq!(stranger.find(filter).await, json!([]), "{filter}");
        }
        assert_eq!(stranger.find(&format!("id eq \"{id}\"")).await, json!([]));
        assert_eq!(stranger.get("/Users").await.body["totalResults"], json!(0));
        let own = stranger.create(ada).await;
        assert_ne!(own, id);
        assert_eq!(stranger.get("/Users").await.body["totalResults"], json!(1));
        assert_eq!(world.fact_rows_of(world.workspace).await, before);
        assert_eq!(stranger.delete(&own).await.status, 204);
        assert_eq!(provider.get(&format!("/Users/{id}")).await.body["active"], json!(true));
    }
}
