//! The table of roles, `fixtures/roles.txt`, held against the served schema through its doors.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use serde_json::{Value, json};
use slategate::demo::keys::{HARBOUR_READER, READER, WRITER};
use slategate::store::views::Role;

use crate::on_both_databases;
use crate::support::{Sdl, Served, Socket, World, column, text};

const TABLE: &str = include_str!("../fixtures/roles.txt");
const ROLES: [Role; 3] = [Role::Viewer, Role::Analyst, Role::Admin];

/// One line about a field that not everybody may ask for, or that changes or watches something.
struct Line {
    of: &'static str,
    field: &'static str,
    action: &'static str,
    nobody: &'static str,
    roles: [&'static str; 3],
    stranger: &'static str,
}

fn lines() -> impl Iterator<Item = &'static str> {
    TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn table() -> Vec<Line> {
    let fields = lines().skip(1).take_while(|line| *line != "[read]");
    fields
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [name, action, nobody, viewer, analyst, admin, stranger] = words[..] else { panic!("{line}") };
            let (of, field) = name.split_once('.').unwrap();
            Line { of, field, action, nobody, roles: [viewer, analyst, admin], stranger }
        })
        .collect()
}

#[test]
fn every_field_of_the_schema_has_its_line_and_no_line_is_left_over() {
    let sdl = Sdl::served();
    let mut served = BTreeSet::new();
    for (name, fields) in sdl.objects() {
        served.extend(fields.iter().map(|field| format!("{name}.{}", field.name)));
    }
    let mut listed = BTreeSet::new();
    let mut list = |name: String| assert!(listed.insert(name.clone()), "{name} has two lines");
    for line in table() {
        if line.field == "*" {
            sdl.fields(line.of).iter().for_each(|field| list(format!("{}.{}", line.of, field.name)));
        } else {
            list(format!("{}.{}", line.of, line.field));
        }
    }
    for line in lines().skip_while(|line| *line != "[read]").skip(1).take_while(|line| *line != "[scim]") {
        let (name, fields) = line.split_once(": ").unwrap();
        fields.split(' ').for_each(|field| list(format!("{name}.{field}")));
    }
    let missing: Vec<_> = served.difference(&listed).collect();
    assert!(missing.is_empty(), "fields without a line in tests/fixtures/roles.txt: {missing:?}");
    let left_over: Vec<_> = listed.difference(&served).collect();
    assert!(left_over.is_empty(), "lines without a field: {left_over:?}");
}

/// What the first workspace has: ids of each kind of thing.
struct Things {
    ids: Value,
    integration: String,
    token: String,
    event: String,
}

async fn things(world: &World) -> Things {
    world.token(world.workspace, Role::Viewer).await;
    let reviewer = world.ask("{ people(first: 1) { nodes { id } } }").await["people"]["nodes"][0]["id"].clone();
    let start =
        "mutation($input: StartAccessReviewInput!) { startAccessReview(input: $input) { userErrors { code } } }";
    let quarter = json!({ "name": "Quarter", "reviewerIds": [reviewer], "dueOn": "2030-01-01" });
    world.ask_with(start, json!({ "input": quarter })).await;
    let answer = world
        .ask(
            "{ integrations { nodes { id } } syncRuns { nodes { id } } projects { nodes { id } } assets { nodes { id } } \
             accounts { nodes { id } } people { nodes { id } } controlResults { nodes { id } } \
             accessReviews { nodes { id items(first: 1) { nodes { id } } } } \
             apiTokens { nodes { id } } auditEvents(filter: { action: [UPDATE_ASSET] }) { nodes { id } } }",
        )
        .await;
    let first = |list: &str| text(&answer[list]["nodes"][0]["id"]);
    let ids = json!({
        "integration": first("integrations"), "run": first("syncRuns"), "asset": first("assets"),
        "account": first("accounts"), "person": first("people"), "token": first("apiTokens"), "review": first("accessReviews"),
        "item": answer["accessReviews"]["nodes"][0]["items"]["nodes"][0]["id"],
        "all": answer.as_object().unwrap().keys().map(|list| first(list)).collect::<Vec<_>>(),
    });
    Things { integration: first("integrations"), token: first("apiTokens"), event: first("auditEvents"), ids }
}

/// What a root field is asked with, so that it would do something.
fn input(field: &str, ids: &Value) -> Value {
    let integration = &ids["integration"];
    match field {
        "connectMongoDbAtlas" => json!({ "publicKey": HARBOUR_READER.public, "privateKey": HARBOUR_READER.private }),
        "disconnectIntegration" => json!({ "integrationId": integration, "purge": true }),
        "rotateCredentials" => {
            json!({ "integrationId": integration, "publicKey": WRITER.public, "privateKey": WRITER.private })
        }
        "syncIntegration" => json!({ "integrationId": integration }),
        "confirmHeldSync" => json!({ "integrationId": integration, "syncRunId": ids["run"] }),
        "updateAsset" => json!({ "assetId": ids["asset"], "description": "changed", "userData": "NO_USER_DATA" }),
        "linkAccount" => json!({ "accountId": ids["account"], "personId": ids["person"] }),
        "upsertPerson" => json!({ "email": "new@person.example", "fullName": "New Person" }),
        "importPeople" => json!({ "csv": "email,fullName\nnew@person.example,New Person" }),
        "startAccessReview" => json!({ "name": "new", "reviewerIds": [ids["person"]], "dueOn": "2030-01-01" }),
        "decideAccessReviewItems" => json!({ "accessReviewId": ids["review"], "filter": {}, "decision": "KEEP" }),
        "reassignAccessReviewItems" => {
            json!({ "accessReviewId": ids["review"], "itemIds": [ids["item"]], "reviewerId": ids["person"] })
        }
        "completeAccessReview" => json!({ "accessReviewId": ids["review"], "closeReason": "new" }),
        "createApiToken" => json!({ "name": "new", "role": "ADMIN" }),
        "revokeApiToken" => json!({ "apiTokenId": ids["token"] }),
        other => panic!("how is {other} asked?"),
    }
}

/// Everything that a root field gives, as deep as matters.
fn query(sdl: &Sdl, line: &Line) -> String {
    let field = sdl.fields(line.of).iter().find(|field| field.name == line.field).unwrap();
    let below = sdl.selection(&field.shape.name, 2);
    let name = line.field;
    match (line.of, name) {
        ("Mutation", _) => {
            let input = &field.arguments[0].shape.name;
            format!("mutation($input: {input}!) {{ {name}(input: $input) {below} }}")
        }
        ("Query", "node") => format!("query($id: ID!) {{ node(id: $id) {below} }}"),
        ("Query", "nodes") => "query($all: [ID!]!) { nodes(ids: $all) { __typename ... on Node { id } } }".to_owned(),
        ("Query", "control") => format!("{{ control(key: \"clusters-encrypted\") {below} }}"),
        ("Query", _) if field.arguments.iter().any(|argument| argument.name == "first") => {
            format!("{{ {name}(first: 2) {below} }}")
        }
        ("Query", _) => format!("{{ {name} {below} }}"),
        (of, _) => panic!("{of} is no root of questions"),
    }
}

fn variables(line: &Line, things: &Things) -> Value {
    match line.of {
        "Mutation" => json!({ "input": input(line.field, &things.ids) }),
        _ => json!({ "id": things.ids["asset"], "all": things.ids["all"] }),
    }
}

/// Input that is understood and names nothing: who may ask is told so, and nothing happens.
fn harmless(field: &str) -> Value {
    match field {
        "connectMongoDbAtlas" => json!({ "input": { "publicKey": "", "privateKey": "" } }),
        "upsertPerson" => json!({ "input": { "email": "", "fullName": "" } }),
        "importPeople" => json!({ "input": { "csv": "" } }),
        "createApiToken" => json!({ "input": { "name": "", "role": "VIEWER" } }),
        _ => {
            let nothing = json!("bm90aGluZw");
            let ids = json!({ "integration": nothing, "run": nothing, "asset": nothing, "account": nothing,
                              "person": nothing, "token": nothing, "review": nothing, "item": nothing });
            json!({ "input": input(field, &ids) })
        }
    }
}

fn code(answer: &Value) -> &Value {
    &answer["errors"][0]["extensions"]["code"]
}

/// Words that stand in everything this workspace has, and in nothing of another.
fn assert_tells_nothing(answer: &Value, things: &Things, what: &str) {
    let said = answer.to_string();
    for id in things.ids["all"].as_array().unwrap() {
        assert!(!said.contains(&id.to_string()), "{what} tells {id}");
    }
    let said = said.to_lowercase();
    for word in ["northwind", "fleet-core", READER.public, "orders"] {
        assert!(!said.contains(word), "{what} tells {word}: {answer}");
    }
}

async fn last_event(world: &World) -> Value {
    let query = "{ auditEvents(first: 1) { nodes { sequence action outcome actor } } }";
    world.ask(query).await["auditEvents"]["nodes"][0].clone()
}

/// The tokens of each role, and of another workspace's administrator.
async fn callers(world: &World) -> (Vec<String>, String) {
    let mut tokens = Vec::new();
    for role in ROLES {
        tokens.push(world.token(world.workspace, role).await);
    }
    let other = world.other_workspace().await;
    (tokens, world.token(other, Role::Admin).await)
}

async fn refused(world: &World, served: &Served, token: &str, query: &str, variables: Value, what: &str) {
    let (before, event) = (world.substance().await, last_event(world).await);
    let (_, answer) = served.post(Some(token), query, variables).await;
    assert_eq!((code(&answer), &answer["data"]), (&json!("FORBIDDEN"), &Value::Null), "{what}");
    assert_eq!(world.substance().await, before, "{what}");
    let noted = last_event(world).await;
    let sequence = |event: &Value| text(&event["sequence"]).parse::<i64>().unwrap();
    assert_eq!((sequence(&noted), &noted["outcome"]), (sequence(&event) + 1, &json!("REFUSED")), "{what}: {noted}");
    assert!(text(&noted["actor"]).starts_with("token:"), "{noted}");
}

on_both_databases! {
    async fn questions_and_changes_are_answered_as_the_table_says(database) {
        let world = World::demo(&database).await;
        let things = things(&world).await;
        let served = world.serve().await;
        let (tokens, stranger) = callers(&world).await;
        let sdl = Sdl::served();
        for line in table().iter().filter(|line| ["Query", "Mutation"].contains(&line.of)) {
            let what = format!("{}.{}", line.of, line.field);
            let query = query(&sdl, line);
            let (status, answer) = served.post(None, &query, variables(line, &things)).await;
            assert_eq!((line.nobody, status, code(&answer)), ("out", 401, &json!("UNAUTHENTICATED")), "{what}");
            assert_eq!(answer.get("data"), None, "{what}");
            for ((token, role), word) in tokens.iter().zip(ROLES).zip(line.roles) {
                let what = format!("{what} as {role:?}");
                match word {
                    "no" => refused(&world, &served, token, &query, variables(line, &things), &what).await,
                    "yes" => {
                        let harmless = if line.of == "Mutation" { harmless(line.field) } else { variables(line, &things) };
                        let (_, answer) = served.post(Some(token), &query, harmless).await;
                        assert_eq!(answer.get("errors"), None, "{what}");
                        assert!(!answer["data"][line.field].is_null(), "{what}: {answer}");
                    }
                    other => panic!("{what}: {other}"),
                }
            }
            assert_eq!(line.stranger, "own");
            let before = world.fact_rows_of(world.workspace).await;
            let (_, answer) = served.post(Some(&stranger), &query, variables(line, &things)).await;
            assert_eq!(answer.get("errors"), None, "{what}");
            assert_tells_nothing(&answer, &things, &what);
            assert_eq!(world.fact_rows_of(world.workspace).await, before, "{what} by a stranger");
        }
    }

    async fn what_not_everybody_sees_is_shown_as_the_table_says(database) {
        let world = World::demo(&database).await;
        let things = things(&world).await;
        let served = world.serve().await;
        let (tokens, stranger) = callers(&world).await;
        let sdl = Sdl::served();
        let node = |kind: &str| {
            format!("query($id: ID!) {{ node(id: $id) {{ ... on {kind} {} }} }}", sdl.selection(kind, 1))
        };
        for line in table().iter().filter(|line| line.action == "-") {
            let what = format!("{}.{}", line.of, line.field);
            let (query, id) = match (line.of, line.field) {
                ("Integration", "publicKey") => (node("Integration"), &things.integration),
                ("ApiToken", "*") => (node("ApiToken"), &things.token),
                ("AuditEvent" | "AuditChange", "*") => (node("AuditEvent"), &things.event),
                // Only its field gives it, and who may not ask is refused that.
                ("CreateApiTokenPayload", "*") => continue,
                _ => panic!("how is {what} looked at?"),
            };
            let ask = async |token: &str| {
                let mut answer = served.post(Some(token), &query, json!({ "id": id })).await.1;
                assert_eq!(answer.get("errors"), None, "{what}");
                answer["data"]["node"].take()
            };
            let (status, _) = served.post(None, &query, json!({ "id": id })).await;
            assert_eq!((line.nobody, status), ("out", 401), "{what}");
            for ((token, role), word) in tokens.iter().zip(ROLES).zip(line.roles) {
                let seen = ask(token).await;
                match (word, line.of) {
                    ("none", _) => assert_eq!(seen, Value::Null, "{what} as {role:?}"),
                    ("yes", "AuditChange") => assert!(seen["changes"][0]["after"].is_string(), "{seen}"),
                    ("yes", "Integration") => assert_eq!(seen["publicKey"], READER.public),
                    ("part", "Integration") => {
                        let beginning = text(&seen["publicKey"]);
                        let shown = beginning.trim_end_matches(['*', '…']);
                        assert!(READER.public.starts_with(shown) && shown.len() <= READER.public.len() / 2, "{beginning}");
                    }
                    ("yes", _) => assert!(seen["id"].is_string(), "{what} as {role:?}"),
                    _ => panic!("{what}: {word}"),
                }
            }
            assert_eq!((line.stranger, ask(&stranger).await), ("none", Value::Null), "{what}");
        }
    }

    async fn a_caller_can_what_viewer_says_the_caller_can(database) {
        let world = World::new(&database).await;
        let served = world.serve().await;
        let (tokens, _) = callers(&world).await;
        let sdl = Sdl::served();
        let actions: BTreeSet<&str> = sdl.words("Action").unwrap().iter().map(String::as_str).collect();
        let table = table();
        let used: BTreeSet<&str> = table.iter().map(|line| line.action).filter(|action| *action != "-").collect();
        assert_eq!(used, actions);
        for (column, token) in tokens.iter().enumerate() {
            for line in table.iter().filter(|line| line.action != "-") {
                let query = format!("{{ viewer {{ can(action: {}) }} }}", line.action);
                let (_, answer) = served.post(Some(token), &query, json!({})).await;
                let can = line.roles[column] == "yes";
                assert_eq!(answer["data"]["viewer"]["can"], json!(can), "{}.{} {}", line.of, line.field, line.action);
            }
        }
    }

    async fn the_role_scim_does_nothing_by_graphql(database) {
        let world = World::demo(&database).await;
        let things = things(&world).await;
        let served = world.serve().await;
        let token = world.token(world.workspace, Role::Scim).await;
        let sdl = Sdl::served();
        let substance = world.substance().await;
        let mut asked = vec![("__schema".to_owned(), "{ __schema { queryType { name } } }".to_owned(), json!({}))];
        for line in table().iter().filter(|line| ["Query", "Mutation"].contains(&line.of)) {
            asked.push((format!("{}.{}", line.of, line.field), query(&sdl, line), variables(line, &things)));
        }
        for (what, query, variables) in asked {
            let (_, answer) = served.post(Some(&token), &query, variables).await;
            assert_eq!((code(&answer), &answer["data"]), (&json!("FORBIDDEN"), &Value::Null), "{what}");
            if what.starts_with("Mutation.") {
                assert_eq!(last_event(&world).await["outcome"], "REFUSED", "{what}");
            }
        }
        assert_eq!(world.substance().await, substance);
        let mut socket = Socket::connect(served.address, &token).await;
        socket.subscribe("1", "subscription { controlChanged { at } }", json!({})).await;
        let answer = socket.hear().await;
        assert_eq!(column(&answer["payload"]["errors"], "message"), ["this needs the role VIEWER"], "{answer}");
    }

    async fn changes_are_watched_as_the_table_says(database) {
        let world = World::demo(&database).await;
        let things = things(&world).await;
        let served = world.serve().await;
        let (tokens, stranger) = callers(&world).await;
        let sdl = Sdl::served();
        let mut silent = Socket::open(served.address, Some("graphql-transport-ws"), None).await;
        silent.say(&json!({ "type": "connection_init" })).await;
        assert_eq!(silent.closed().await.0, 4403, "nobody is out");
        let watch = |field: &str| match field {
            "syncProgress" => {
                let below = sdl.selection("SyncRun", 1);
                format!("subscription($id: ID!) {{ syncProgress(integrationId: $id) {below} }}")
            }
            "controlChanged" => format!("subscription {{ controlChanged {} }}", sdl.selection("ControlChange", 1)),
            other => panic!("how is {other} watched?"),
        };
        let (mut watching, mut strange) = (Vec::new(), Vec::new());
        for line in table().iter().filter(|line| line.of == "Subscription") {
            assert_eq!((line.nobody, line.roles, line.stranger), ("out", ["yes"; 3], "own"), "{}", line.field);
            for token in &tokens {
                let mut socket = Socket::connect(served.address, token).await;
                socket.subscribe("1", &watch(line.field), json!({ "id": things.integration })).await;
                watching.push(async move { socket.hear().await });
            }
            let mut socket = Socket::connect(served.address, &stranger).await;
            socket.subscribe("1", &watch(line.field), json!({ "id": things.integration })).await;
            strange.push((line.field, socket));
        }
        let mut heard = Box::pin(futures_util::future::join_all(watching));
        let answers = loop {
            // Evidence grows too old, and is renewed.
            world.clock.advance(TimeDelta::hours(30));
            world.sync_due().await;
            if let Ok(answers) = tokio::time::timeout(std::time::Duration::from_millis(300), &mut heard).await {
                break answers;
            }
        };
        for answer in answers {
            assert_eq!((&answer["type"], answer["payload"].get("errors")), (&json!("next"), None), "{answer}");
        }
        for (field, mut socket) in strange {
            if field == "syncProgress" {
                let answer = socket.hear().await;
                assert_eq!(column(&answer["payload"]["errors"], "message"), ["there is no such integration"], "{answer}");
                assert_tells_nothing(&answer, &things, field);
                assert_eq!(socket.hear().await["type"], "complete");
            }
            socket.say(&json!({ "type": "ping" })).await;
            assert_eq!(socket.hear().await, json!({ "type": "pong" }), "{field} tells a stranger nothing");
        }
    }
}
