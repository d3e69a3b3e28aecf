//! What nobody should send.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use super::{Answer, PATCH, Provider, person};
use crate::on_both_databases;
use crate::support::World;

on_both_databases! {
    async fn hostile_requests_are_refused_in_time_and_change_nothing(database) {
        let world = World::new(&database).await;
        let served = world.serve().await;
        let provider = Provider::of(&world, &served).await;
        let id = provider.create(person("ada@x.example")).await;
        let path = format!("/Users/{id}");
        let before = world.substance().await;
        let started = Instant::now();

        let deep = format!("{}userName pr{}", "(".repeat(2_000), ")".repeat(2_000));
        let chain = vec!["userName pr"; 5_000].join(" or ");
        let long = format!("userName eq \"{}\"", "\\u0041".repeat(20_000));
        for filter in [&deep, &chain, &long] {
            let found = provider.send(Method::POST, "/Users/.search", Some(&json!({ "filter": filter }))).await;
            assert_eq!(found.refusal(), (400, "invalidFilter"));
        }
        let operations = |operation: Value, times: usize| json!({ "schemas": [PATCH], "Operations": vec![operation; times] });
        let emails: Vec<Value> = (0..5_000).map(|number| json!({ "value": format!("{number}@x.example") })).collect();
        let many = json!({ "op": "add", "path": "emails", "value": emails });
        let nested = json!({ "op": "replace", "path": format!("emails[{}type pr{}]", "(".repeat(500), ")".repeat(500)) });
        for (patch, kind) in [
            (operations(json!({ "op": "remove", "path": "active" }), 5_000), "invalidValue"),
            (operations(many, 1), "invalidValue"),
            (operations(nested, 1), "invalidPath"),
        ] {
            assert_eq!(provider.send(Method::PATCH, &path, Some(&patch)).await.refusal(), (400, kind));
        }
        let wide: Value = (0..10_000).map(|number| (format!("a{number}"), json!(1))).collect::<serde_json::Map<_, _>>().into();
        let mut odd = person("odd@x.example");
        odd["emails"] = json!(emails);
        for body in [wide, odd, json!({ "userName": { "value": "x" } }), json!([1]), json!(null), json!("x")] {
            let answer = provider.send(Method::POST, "/Users", Some(&body)).await;
            let (status, kind) = answer.refusal();
            assert!(status == 400 && ["invalidValue", "invalidSyntax"].contains(&kind), "{status} {kind}");
        }
        assert!(started.elapsed() < Duration::from_secs(20));
        assert_eq!(world.substance().await, before);
    }

    async fn bodies_are_bounded_and_named(database) {
        let world = World::new(&database).await;
        let served = world.serve().await;
        let provider = Provider::of(&world, &served).await;
        let token = provider.token.clone().unwrap();
        let send = async |kind: Option<&str>, body: String| {
            let request = served.client.post(format!("http://{}/scim/v2/Users", served.address)).bearer_auth(&token);
            let request = kind.into_iter().fold(request, |request, kind| request.header("content-type", kind));
            Answer::read(request.body(body).send().await.unwrap()).await
        };
        let ada = person("ada@x.example").to_string();
        for kind in [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("application/json; charset=utf-16")] {
            assert_eq!(send(kind, ada.clone()).await.refusal(), (415, ""), "{kind:?}");
        }
        assert_eq!(send(Some("application/json"), " ".repeat(257 * 1024)).await.refusal(), (413, ""));
        let brackets = "[".repeat(100_000);
        for body in ["", "{", "{\"userName\": \"a\"} x", "\u{feff}{}", &brackets] {
            assert_eq!(send(Some("application/scim+json"), body.to_owned()).await.refusal(), (400, "invalidSyntax"));
        }
        assert_eq!(send(Some("Application/JSON; charset=\"UTF-8\""), ada).await.status, 201);
    }

    async fn ids_that_are_none_are_like_those_that_are_nobody_s(database) {
        let world = World::new(&database).await;
        let served = world.serve().await;
        let provider = Provider::of(&world, &served).await;
        let id = provider.create(person("ada@x.example")).await;
        let long = "a".repeat(5_000);
        for odd in ["1", "%00", "..", "%2e%2e%2fSchemas", "' OR 1=1 --", &id.to_uppercase(), &"0".repeat(32), &long, "ä"] {
            let answer = provider.get(&format!("/Users/{odd}")).await;
            assert_eq!(answer.status, 404, "{odd}");
            answer.refusal();
        }
    }
}
