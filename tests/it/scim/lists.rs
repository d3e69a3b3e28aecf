//! Lists: pages, filters over many users, and what is shown of each.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Provider, everybody, person};
use crate::on_both_databases;
use crate::support::{World, column};

on_both_databases! {
    async fn pages_follow_one_another(database) {
        let world = World::new(&database).await;
        let served = world.serve().await;
        let provider = Provider::of(&world, &served).await;
        for number in 0..7 {
            let mut user = person(&format!("u{number}@x.example"));
            user["active"] = json!(number % 2 == 0);
            provider.create(user).await;
        }
        let ask = async |query: &str| {
            let body = provider.get(&format!("/Users?{query}")).await.body;
            assert_eq!(body["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:ListResponse"]));
            assert_eq!(body["itemsPerPage"], body["Resources"].as_array().unwrap().len());
            let names = column(&body["Resources"], "userName").iter().map(|name| name[1..2].to_owned()).collect::<String>();
            (names, body["totalResults"].as_u64().unwrap(), body["startIndex"].as_u64().unwrap())
        };
        let cases = [
            ("", "0123456", 7, 1),
            ("startIndex=1&count=3", "012", 7, 1),
            ("startIndex=4&count=3", "345", 7, 4),
            ("startIndex=7&count=3", "6", 7, 7),
            ("startIndex=8&count=3", "", 7, 8),
            ("startIndex=9223372036854775807", "", 7, 9_223_372_036_854_775_807),
            ("startIndex=0", "0123456", 7, 1),
            ("count=0", "", 7, 1),
            ("count=-3", "", 7, 1),
            ("filter=active+eq+true&count=2", "02", 4, 1),
            ("filter=active+eq+true&count=2&startIndex=3", "46", 4, 3),
            ("filter=active+eq+true&count=0", "", 4, 1),
            ("filter=active+eq+true&startIndex=9", "", 4, 9),
            ("filter=userName+eq+%22U3@x.example%22", "3", 1, 1),
            ("filter=userName+eq+%22nobody%22", "", 0, 1),
        ];
        for (query, names, total, start) in cases {
            assert_eq!(ask(query).await, (names.to_owned(), total, start), "{query}");
        }
        let search = json!({ "filter": "active eq false", "startIndex": 2, "count": 1, "attributes": ["userName"] });
        let found = provider.send(Method::POST, "/Users/.search", Some(&search)).await;
        assert_eq!((found.status, &found.body["totalResults"]), (200, &json!(3)));
        let shown = found.body["Resources"][0].as_object().unwrap();
        assert_eq!(shown.keys().collect::<Vec<_>>(), ["id", "schemas", "userName"]);
        assert_eq!(shown["userName"], "u3@x.example");
    }

    async fn filters_read_more_than_one_block(database) {
        let world = World::new(&database).await;
        let served = world.serve().await;
        let provider = Provider::of(&world, &served).await;
        provider.create(person("first@x.example")).await;
        // As many more behind the back of the program as make three blocks.
        let rows = "WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 2100)";
        let insert = format!(
            "{rows} INSERT INTO scim_user (id, workspace_id, person_id, resource_id, user_name, document, created_at, changed_at) \
             SELECT i, {}, i, 'r' || i, 'u' || i, '{{\"userName\":\"U' || i || '\",\"active\":' || \
             CASE WHEN i % 100 = 0 THEN 'false' ELSE 'true' END || '}}', 1, 1 FROM n", world.workspace
        );
        // SQLite wants the CTE before, PostgreSQL takes it there too.
        world.execute(&insert).await;
        assert_eq!(column(&provider.find("active eq false").await, "userName").len(), 12);
        let all = provider.get("/Users?filter=userName+pr&startIndex=1101&count=200").await.body;
        assert_eq!((&all["totalResults"], &all["itemsPerPage"]), (&json!(1102), &json!(2)));
        assert_eq!(column(&all["Resources"], "userName"), ["U2099", "U2100"]);
        let most = provider.get("/Users?count=1000").await.body;
        assert_eq!((&most["totalResults"], &most["itemsPerPage"]), (&json!(1102), &json!(200)));
    }

    async fn answers_show_what_is_asked_for(database) {
        let world = World::new(&database).await;
        let served = world.serve().await;
        let provider = Provider::of(&world, &served).await;
        let created = provider.send(Method::POST, "/Users?attributes=userName", Some(&person("ada@x.example"))).await;
        assert_eq!(created.body.as_object().unwrap().len(), 3);
        let path = format!("/Users/{}", created.body["id"].as_str().unwrap());
        let names = |body: &Value| body.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
        assert_eq!(names(&provider.get(&path).await.body), "active id meta schemas userName");
        let shown = provider.get(&format!("{path}?excludedAttributes=meta,active")).await;
        assert_eq!(names(&shown.body), "id schemas userName");
        let shown = provider.get(&format!("{path}?attributes=meta.version,active")).await;
        assert_eq!(names(&shown.body), "active id meta schemas");
        assert_eq!(names(&shown.body["meta"]), "version");
        assert_eq!(everybody(&world).await.as_array().unwrap().len(), 1);
        let head = provider.send(Method::HEAD, &path, None).await;
        assert_eq!((head.status, head.header("content-type")), (200, Some("application/scim+json")));
    }
}
