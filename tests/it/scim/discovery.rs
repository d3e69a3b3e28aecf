//! What the service says of itself, and what is not there.

use reqwest::Method;
use serde_json::{Value, json};

use super::{EMPLOYMENT, Provider, USER};
use crate::on_both_databases;
use crate::support::{World, column};

on_both_databases! {
    async fn the_service_tells_what_it_can(database) {
        let world = World::new(&database).await;
        let served = world.serve().await;
        let provider = Provider::of(&world, &served).await;
        let config = provider.get("/ServiceProviderConfig").await;
        assert_eq!(config.status, 200);
        let can = |what: &str| config.body[what]["supported"].clone();
        assert_eq!(["patch", "filter", "etag"].map(can), [true, true, true].map(Value::from));
        assert_eq!(["bulk", "sort", "changePassword"].map(can), [false, false, false].map(Value::from));
        let types = provider.get("/ResourceTypes").await.body;
        assert_eq!((&types["totalResults"], &types["Resources"][0]["endpoint"]), (&json!(1), &json!("/Users")));
        assert_eq!(provider.get("/ResourceTypes/User").await.body, types["Resources"][0]);
        let schemas = provider.get("/Schemas").await.body;
        assert_eq!(column(&schemas["Resources"], "id"), [USER, EMPLOYMENT]);
        for (schema, resource) in [USER, EMPLOYMENT].iter().zip(schemas["Resources"].as_array().unwrap()) {
            assert_eq!(&provider.get(&format!("/Schemas/{schema}")).await.body, resource);
        }
        assert_eq!(
            column(&schemas["Resources"][0]["attributes"], "name"),
            ["userName", "name", "displayName", "emails", "active"]
        );
        assert_eq!(column(&schemas["Resources"][1]["attributes"], "name"), ["startsOn", "endsOn"]);
    }

    async fn what_is_not_there_says_so_in_the_protocol_s_shape(database) {
        let world = World::new(&database).await;
        let served = world.serve().await;
        let provider = Provider::of(&world, &served).await;
        let cases = [
            (Method::GET, "", 404),
            (Method::GET, "/", 404),
            (Method::GET, "/Groups", 404),
            (Method::POST, "/Groups", 404),
            (Method::GET, "/Users/x/y", 404),
            (Method::GET, "/Schemas/x", 404),
            (Method::GET, "/ResourceTypes/Group", 404),
            (Method::GET, "/Users/%ff", 404),
            (Method::GET, "/Me", 501),
            (Method::POST, "/Bulk", 501),
            (Method::GET, "/Schemas?filter=id+pr", 403),
            (Method::DELETE, "/Users", 405),
            (Method::PATCH, "/Users", 405),
            (Method::POST, "/Users/0", 405),
            (Method::GET, "/Users/.search", 405),
            (Method::POST, "/ServiceProviderConfig", 405),
            (Method::PUT, "/Schemas", 405),
            (Method::OPTIONS, "/Users", 405),
        ];
        for (method, path, expected) in cases {
            let answer = provider.send(method.clone(), path, None).await;
            assert_eq!(answer.refusal(), (expected, ""), "{method} {path}");
            assert_eq!(answer.header("allow").is_some(), expected == 405, "{method} {path}");
        }
    }
}
