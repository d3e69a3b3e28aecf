//! A file says what the schema says, row by row.

use chrono::TimeDelta;
use serde_json::{Value, json};
use slategate::store::views::Role;

use super::{Desk, Row};
use crate::on_both_databases;
use crate::support::{World, column, text};

/// As a cell says it: nothing for null.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join("; "),
        other => other.to_string(),
    }
}

/// Every item of a list, page by page.
async fn all(world: &World, list: &str, arguments: &str, fields: &str) -> Vec<Value> {
    let (mut nodes, mut after) = (Vec::new(), Value::Null);
    loop {
        let query = format!(
            "query($after: String) {{ {list}(first: 100, after: $after{arguments}) \
             {{ nodes {{ {fields} }} pageInfo {{ hasNextPage endCursor }} }} }}"
        );
        let mut page = world.ask_with(&query, json!({ "after": after })).await[list].take();
        nodes.append(page["nodes"].as_array_mut().unwrap());
        if page["pageInfo"]["hasNextPage"] == json!(false) {
            return nodes;
        }
        after = page["pageInfo"]["endCursor"].take();
    }
}

/// The row's cells of these columns.
fn chosen(row: &Row, expected: &Row) -> Row {
    row.iter().filter(|(name, _)| expected.contains_key(*name)).map(|(n, v)| (n.clone(), v.clone())).collect()
}

/// Each row holds what is expected of it; the columns that are left are these.
fn assert_rows(rows: &[Row], expected: &[Row], left: &[&str]) {
    assert_eq!(rows.len(), expected.len());
    assert!(!rows.is_empty());
    for (row, expected) in rows.iter().zip(expected) {
        assert_eq!(&chosen(row, expected), expected);
        let others: Vec<_> = row.keys().filter(|name| !expected.contains_key(*name)).collect();
        assert_eq!(others, left);
    }
}

fn row(cells: &[(&str, &Value)]) -> Row {
    cells.iter().map(|(name, value)| ((*name).to_owned(), cell(value))).collect()
}

fn role(grant: &Value) -> String {
    let place = match (&grant["scope"], &grant["project"]["name"]) {
        (scope, _) if scope == "ORGANIZATION" => "organization".to_owned(),
        (_, Value::String(name)) => format!("project {name}"),
        _ => "a project that was not read".to_owned(),
    };
    let reason = match (text(&grant["via"]).as_str(), &grant["team"]) {
        ("TEAM", Value::String(team)) => format!("via team {team}"),
        ("TEAM", _) => "via a team that was not read".to_owned(),
        (other, _) => other.to_lowercase(),
    };
    format!("{} @ {place} ({reason})", text(&grant["role"]))
}

/// The first user of the first organization leaves Atlas.
fn leave(world: &World) {
    world.simulator.edit(|estate| drop(estate[0].users.remove(0)));
}

const ACCOUNT: &str = "id login displayName kind status email privileged flags personSource person { fullName email } \
    integration { organizationName provider { name } } grants { role scope via team project { name } } \
    createdAt lastAuthenticatedAt invitedAt firstSeenAt lastSeenAt removedAt";

fn account(node: &Value) -> Row {
    let roles = node["grants"].as_array().unwrap().iter().map(role).collect::<Vec<_>>();
    let mut expected = row(&[
        ("platform", &node["integration"]["provider"]["name"]),
        ("organization", &node["integration"]["organizationName"]),
        ("person", &node["person"]["fullName"]),
        ("personEmail", &node["person"]["email"]),
        ("roles", &json!(roles)),
    ]);
    let same = [
        "id",
        "login",
        "displayName",
        "kind",
        "status",
        "email",
        "privileged",
        "flags",
        "personSource",
        "createdAt",
        "lastAuthenticatedAt",
        "invitedAt",
        "firstSeenAt",
        "lastSeenAt",
        "removedAt",
    ];
    expected.extend(row(&same.map(|name| (name, &node[name]))));
    expected
}

const ASSET: &str = "id name kind userData userDataSource description descriptionSource ownerSource \
    owner { fullName email } project { name } integration { organizationName provider { name } } tags { key value } \
    firstSeenAt lastSeenAt removedAt ... on AtlasCluster { atlasId deployment clusterType state paused tiers \
    regions { cloud name } mongoDbVersion backup { enabled pointInTime } encryption { atRest customerKeyValid minimumTls } \
    autoscaling { storage tier } terminationProtected createdAt }";

fn asset(node: &Value) -> Row {
    let pairs = |list: &str, [one, other]: [&str; 2], between: &str| {
        let items = node[list].as_array().unwrap().iter();
        json!(items.map(|item| format!("{}{between}{}", text(&item[one]), text(&item[other]))).collect::<Vec<_>>())
    };
    let mut expected = row(&[
        ("platform", &node["integration"]["provider"]["name"]),
        ("organization", &node["integration"]["organizationName"]),
        ("project", &node["project"]["name"]),
        ("owner", &node["owner"]["fullName"]),
        ("ownerEmail", &node["owner"]["email"]),
        ("tags", &pairs("tags", ["key", "value"], "=")),
        ("regions", &pairs("regions", ["cloud", "name"], " ")),
        ("backupEnabled", &node["backup"]["enabled"]),
        ("pointInTimeBackup", &node["backup"]["pointInTime"]),
        ("encryptionAtRest", &node["encryption"]["atRest"]),
        ("customerKeyValid", &node["encryption"]["customerKeyValid"]),
        ("minimumTls", &node["encryption"]["minimumTls"]),
        ("storageAutoscaling", &node["autoscaling"]["storage"]),
        ("tierAutoscaling", &node["autoscaling"]["tier"]),
    ]);
    let same = [
        "id",
        "name",
        "kind",
        "userData",
        "userDataSource",
        "description",
        "descriptionSource",
        "ownerSource",
        "atlasId",
        "deployment",
        "clusterType",
        "state",
        "paused",
        "tiers",
        "mongoDbVersion",
        "terminationProtected",
        "createdAt",
        "firstSeenAt",
        "lastSeenAt",
        "removedAt",
    ];
    expected.extend(row(&same.map(|name| (name, &node[name]))));
    expected
}

const RESULT: &str = "id outcome reason message since observedAt evidence { name observed expected } \
    control { key title severity origin } subject { kind: __typename \
    ... on AtlasCluster { id name project { name } integration { organizationName provider { name } } } \
    ... on Account { id login integration { organizationName provider { name } } } }";

fn result(node: &Value) -> Row {
    let subject = &node["subject"];
    let is_account = subject["kind"] == "Account";
    let evidence = node["evidence"].as_array().unwrap().iter().map(|item| {
        let observed = item["observed"].as_str().unwrap_or("nothing");
        let expected = item["expected"].as_str().map(|text| format!(" (expected {text})")).unwrap_or_default();
        format!("{}: {observed}{expected}", text(&item["name"])).replace(';', ",")
    });
    let mut expected = row(&[
        ("platform", &subject["integration"]["provider"]["name"]),
        ("organization", &subject["integration"]["organizationName"]),
        ("control", &node["control"]["key"]),
        ("title", &node["control"]["title"]),
        ("severity", &node["control"]["severity"]),
        ("origin", &node["control"]["origin"]),
        ("subjectKind", &json!(if is_account { "ACCOUNT" } else { "ASSET" })),
        ("project", &subject["project"]["name"]),
        ("subject", &subject[if is_account { "login" } else { "name" }]),
        ("subjectId", &subject["id"]),
        ("evidence", &json!(evidence.collect::<Vec<_>>())),
    ]);
    expected
        .extend(row(&["id", "outcome", "reason", "message", "since", "observedAt"].map(|name| (name, &node[name]))));
    expected
}

on_both_databases! {
    async fn a_file_says_what_the_schema_says(database) {
        let world = World::demo(&database).await;
        let desk = Desk::of(&world).await;
        let accounts: Vec<Row> = all(&world, "accounts", "", ACCOUNT).await.iter().map(account).collect();
        assert_rows(&desk.csv("accounts", &[]).await, &accounts, &["asOf", "filter", "generation"]);
        let assets: Vec<Row> = all(&world, "assets", "", ASSET).await.iter().map(asset).collect();
        assert_rows(&desk.csv("assets", &[]).await, &assets, &["asOf", "filter", "generation", "topology"]);
        let results: Vec<Row> = all(&world, "controlResults", "", RESULT).await.iter().map(result).collect();
        assert_rows(&desk.csv("control-results", &[]).await, &results, &["asOf", "filter", "generation"]);
    }

    async fn filters_and_orders_are_those_of_the_schema(database) {
        let world = World::demo(&database).await;
        let desk = Desk::of(&world).await;
        let asset = world.asset("orders").await;
        let project = world.ask("{ projects(first: 1) { nodes { id } } }").await;
        let project = text(&project["projects"]["nodes"][0]["id"]);
        let cases = [
            ("accounts", "accounts", "login", json!({ "flag": ["LEAVER", "UNASSIGNED"] }), json!(null)),
            ("accounts", "accounts", "login", json!({ "kind": ["API_KEY"], "search": "NW" }), json!(null)),
            ("accounts", "accounts", "login", json!({ "kind": "USER" }), json!({ "field": "LAST_AUTHENTICATED_AT", "direction": "DESC" })),
            ("accounts", "accounts", "login", json!({ "role": "ORG_OWNER" }), json!(null)),
            ("accounts", "accounts", "login", json!({ "projectId": project }), json!({ "field": "LOGIN", "direction": "DESC" })),
            ("assets", "assets", "name", json!({ "deployment": ["DEDICATED"], "hasOwner": true }), json!(null)),
            ("assets", "assets", "name", json!({ "projectId": project }), json!({ "field": "CREATED_AT", "direction": "DESC" })),
            ("assets", "assets", "name", json!({ "failing": "clusters-backed-up" }), json!(null)),
            ("control-results", "controlResults", "id", json!({ "outcome": ["FAIL", "UNKNOWN"] }), json!(null)),
            ("control-results", "controlResults", "id", json!({ "subjectId": asset, "controlKey": "clusters-backed-up" }), json!(null)),
            ("accounts", "accounts", "login", json!({ "personId": "nothing" }), json!(null)),
        ];
        for (name, list, field, filter, order) in cases {
            let kind = match list { "accounts" => "Account", "assets" => "Asset", _ => "ControlResult" };
            let (filter_text, order_text) = (filter.to_string(), order.to_string());
            let (arguments, mut parameters) = if order.is_null() {
                ("filter: $filter", vec![])
            } else {
                ("filter: $filter, orderBy: $order", vec![("orderBy", order_text.as_str())])
            };
            let declared = if order.is_null() { String::new() } else { format!(", $order: {kind}Order") };
            let query = format!(
                "query($filter: {kind}Filter{declared}) {{ {list}(first: 500, {arguments}) {{ nodes {{ {field} }} }} }}"
            );
            let answer = world.ask_with(&query, json!({ "filter": filter, "order": order })).await;
            parameters.push(("filter", filter_text.as_str()));
            let rows = desk.csv(name, &parameters).await;
            let found: Vec<&str> = rows.iter().map(|row| row[field].as_str()).collect();
            assert_eq!(found, column(&answer[list]["nodes"], field), "{filter}");
            assert_eq!(found.is_empty(), filter == json!({ "personId": "nothing" }), "{filter}");
            assert!(rows.iter().all(|row| serde_json::from_str::<Value>(&row["filter"]).unwrap() == filter));
        }
    }

    async fn the_past_stays_what_it_was(database) {
        let world = World::demo(&database).await;
        let desk = Desk::of(&world).await;
        let committed = world.now();
        world.link_account(json!({ "accountId": world.account("nwreader").await, "personId": null })).await;
        world.clock.advance(TimeDelta::minutes(10));
        let then = world.now();
        let now = desk.ask("accounts.csv", &[]).await;
        assert_eq!(
            now.header("content-disposition"),
            format!("attachment; filename=\"slategate-accounts-{}.csv\"", then.replace(':', "-"))
        );
        let rows = now.rows();
        assert!(rows.iter().all(|row| row["asOf"] == then && row["generation"] == committed), "{:?}", rows[0]);

        world.clock.advance(TimeDelta::minutes(10));
        leave(&world);
        world.upsert_person(json!({ "email": "late@northwind.example", "fullName": "Late" })).await;
        world.next_sync().await;
        assert_eq!(desk.csv("accounts", &[]).await.len(), rows.len() - 1);
        for name in ["accounts", "assets", "control-results"] {
            let before = desk.csv(name, &[("asOf", &then)]).await;
            world.tick();
            let linked = world.account("nwreader").await;
            let person = world.person("late@northwind.example").await;
            world.link_account(json!({ "accountId": linked, "personId": person })).await;
            assert_eq!(desk.csv(name, &[("asOf", &then)]).await, before, "{name}");
            assert!(before.iter().all(|row| row["asOf"] == then && row["generation"] == committed), "{:?}", before[0]);
        }
        // Ids carry the instant that they were read at; all else is the same.
        let past = desk.csv("accounts", &[("asOf", &then)]).await;
        let without_ids = |rows: &[Row]| {
            let mut rows = rows.to_vec();
            for row in &mut rows {
                row.remove("id");
            }
            rows
        };
        assert_eq!(without_ids(&past), without_ids(&rows));
        assert_eq!(desk.csv("accounts", &[("asOf", "2001-01-01T00:00:00Z")]).await, Vec::<Row>::new());
    }

    async fn what_was_removed_is_there_when_it_is_asked_for(database) {
        let world = World::demo(&database).await;
        let desk = Desk::of(&world).await;
        leave(&world);
        world.next_sync().await;
        let arguments = ", filter: { includeRemoved: true }";
        let expected: Vec<Row> = all(&world, "accounts", arguments, ACCOUNT).await.iter().map(account).collect();
        let rows = desk.csv("accounts", &[("filter", r#"{"includeRemoved":true}"#)]).await;
        assert_rows(&rows, &expected, &["asOf", "filter", "generation"]);
        assert_eq!(rows.iter().filter(|row| !row["removedAt"].is_empty()).count(), 1);
    }

    async fn another_workspace_sees_nothing_of_it(database) {
        let world = World::demo(&database).await;
        let other = world.other_workspace().await;
        let stranger = Desk { token: world.token(other, Role::Admin).await, ..Desk::of(&world).await };
        let account = json!({ "subjectId": world.account("nwreader").await }).to_string();
        for name in ["accounts", "assets", "control-results"] {
            assert_eq!(stranger.csv(name, &[]).await, Vec::<Row>::new(), "{name}");
        }
        assert_eq!(stranger.csv("control-results", &[("filter", &account)]).await, Vec::<Row>::new());
        let about = stranger.book("accounts", &[]).await.about();
        assert_eq!((about["Workspace"].to_string(), about["Rows"].to_string()), ("other".to_owned(), "0".to_owned()));
    }
}
