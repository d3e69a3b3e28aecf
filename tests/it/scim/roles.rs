//! Who may provision: the last table of `fixtures/roles.txt`.

use reqwest::Method;
use serde_json::{Value, json};
use slategate::store::views::Role;

use super::{Answer, PATCH, Provider, USER, ledger, person};
use crate::on_both_databases;
use crate::support::World;

const TABLE: &str = include_str!("../../fixtures/roles.txt");
const ROLES: [Role; 4] = [Role::Viewer, Role::Analyst, Role::Admin, Role::Scim];

/// Method, path, what nobody gets, what each role gets, what the other workspace's identity provider gets.
fn table() -> Vec<(Method, &'static str, &'static str, [&'static str; 4], &'static str)> {
    let lines = TABLE.lines().skip_while(|line| *line != "[scim]").skip(1);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let table: Vec<_> = lines
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [method, path, nobody, viewer, analyst, admin, scim, stranger] = words[..] else { panic!("{line}") };
            (method.parse().unwrap(), path, nobody, [viewer, analyst, admin, scim], stranger)
        })
        .collect();
    assert!(table.len() > 5);
    table
}

/// A request that changes nothing that is there.
fn body(method: &Method, path: &str) -> Option<Value> {
    match (method.as_str(), path) {
        ("POST", "/.search" | "/Users/.search") => Some(json!({ "filter": "active eq true" })),
        ("POST", _) => Some(json!({ "schemas": [USER], "userName": "" })),
        ("PUT", _) => Some(person("ada@x.example")),
        ("PATCH", _) => {
            Some(json!({ "schemas": [PATCH], "Operations": [{ "op": "replace", "path": "active", "value": true }] }))
        }
        _ => None,
    }
}

on_both_databases! {
    async fn requests_are_answered_as_the_table_says(database) {
        let world = World::new(&database).await;
        let other = world.other_workspace().await;
        let served = world.serve().await;
        let nobody = Provider { served: &served, token: None };
        let mut callers = Vec::new();
        for role in ROLES {
            callers.push(Provider { served: &served, token: Some(world.token(world.workspace, role).await) });
        }
        let stranger = Provider { served: &served, token: Some(world.token(other, Role::Scim).await) };
        let id = callers[3].create(person("ada@x.example")).await;
        for (method, path, for_nobody, roles, for_stranger) in table() {
            let body = body(&method, path);
            let place = path.replace("ID", &id);
            let what = format!("{method} {path}");
            let send = async |caller: &Provider<'_>| caller.send(method.clone(), &place, body.as_ref()).await;
            let answer = send(&nobody).await;
            assert_eq!((for_nobody, answer.refusal()), ("out", (401, "")), "{what}");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{what}");
            for ((caller, role), word) in callers.iter().zip(ROLES).zip(roles) {
                let before = (world.substance().await, ledger(&world).await.len());
                let answer = send(caller).await;
                match word {
                    "no" => {
                        assert_eq!(answer.refusal(), (403, ""), "{what} as {role:?}");
                        assert_eq!(world.substance().await, before.0, "{what} as {role:?}");
                        let noted = usize::from(method != Method::GET);
                        let events = ledger(&world).await;
                        assert_eq!(events.len(), before.1 + noted, "{what} as {role:?}");
                        assert!(noted == 0 || events[0].starts_with("PROVISION_PERSON REFUSED - "), "{events:?}");
                    }
                    "yes" => assert!(![401, 403, 404, 405, 500].contains(&answer.status), "{what}: {}", answer.body),
                    other => panic!("{what}: {other}"),
                }
            }
            let before = world.fact_rows_of(world.workspace).await;
            let answer: Answer = send(&stranger).await;
            match for_stranger {
                "none" => assert_eq!(answer.refusal(), (404, ""), "{what}"),
                "own" => assert!(!answer.body.to_string().contains(&id) && answer.status != 403, "{what}"),
                other => panic!("{what}: {other}"),
            }
            assert_eq!(world.fact_rows_of(world.workspace).await, before, "{what} by a stranger");
        }
    }

    async fn tokens_are_judged_at_the_one_gate(database) {
        let world = World::new(&database).await;
        let served = world.serve().await;
        let guess = |number: u32| Provider { served: &served, token: Some(format!("slg_guess_{number}")) };
        for number in 0..10 {
            let answer = guess(number).get("/Users").await;
            assert_eq!(answer.refusal(), (401, ""));
        }
        let locked = guess(11).get("/Users").await;
        assert_eq!(locked.refusal(), (429, ""));
        assert!(locked.header("retry-after").is_some());
        let (status, _) = served.post(Some("slg_guess"), "{ viewer { name } }", json!({})).await;
        assert_eq!(status, 429, "both doors count together");
    }
}
