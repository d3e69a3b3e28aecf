//! Private keys go through everything that the program does, under the most talkative log, and are then looked for.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use slategate::demo::build::{self, cluster};
use slategate::demo::model::{Organization, ProjectEstate};
use slategate::domain::hex;

use super::needles::{Place, find};
use super::{assert_done, settings, settled};
use crate::on_both_databases;
use crate::support::process::{client, run};
use crate::support::{Process, Sdl, Setting, Signal, Socket, World};

/// One for each way that a key can go. Every one has characters that URLs and JSON spell in another way.
const CONNECTED: &str = "cNy1/7b9d1c34+52fe=4f6a&8a03%9c1";
const ROTATED: &str = "cNy2/94e3b7d2+6f08=4c1a&b5e9%2a7";
const REFUSED: &str = "cNy3/3d5f8a1b+e7c2=4960&8d4b%f1a";
const MISSPELT: &str = "cNy4/a86e0d4c+9b21=4f73&95d8%7c3";
const ALL: [&str; 4] = [CONNECTED, ROTATED, REFUSED, MISSPELT];

const CONNECT: &str = "mutation($input: ConnectMongoDbAtlasInput!) { connectMongoDbAtlas(input: $input) { \
                       integration { id } userErrors { code message remedy field } } }";

fn estate() -> Vec<Organization> {
    let mut own = Organization::new(&build::id("canary"), "Canary");
    own.keys = vec![
        build::key("cnyfirst", CONNECTED, "first", &["ORG_READ_ONLY"]),
        build::key("cnyother", ROTATED, "other", &["ORG_READ_ONLY"]),
    ];
    let mut project = ProjectEstate::new(&build::id("canary project"), "Canary project");
    project.clusters = vec![cluster(&project.id, "canary-cluster").body()];
    own.projects.push(project);
    vec![own]
}

/// Somebody who asks, and keeps every byte that is answered.
struct Asker<'a> {
    server: &'a Process,
    heard: Vec<Place>,
}

impl Asker<'_> {
    async fn send(&mut self, request: reqwest::RequestBuilder) -> Value {
        let answer = request.send().await.unwrap();
        let headers = format!("{:?}", answer.headers());
        let body = answer.bytes().await.unwrap();
        self.heard.push(Place::new("a header", headers));
        self.heard.push(Place::new("an answer", body.to_vec()));
        serde_json::from_slice(&body).unwrap_or(Value::Null)
    }

    async fn ask(&mut self, token: &str, query: &str, variables: Value) -> Value {
        let body = json!({ "query": query, "variables": variables });
        let request = client().post(self.server.url("/graphql")).bearer_auth(token).json(&body);
        self.send(request).await
    }

    async fn get(&mut self, token: &str, path: &str) {
        self.send(client().get(self.server.url(path)).bearer_auth(token)).await;
    }
}

fn key(public: &str, private: &str) -> Value {
    json!({ "input": { "publicKey": public, "privateKey": private } })
}

/// Everything that is wrong with a request can be told to the one who sent it, but not the key in it.
async fn go_wrong(asker: &mut Asker<'_>, admin: &str, viewer: &str) {
    let refused = asker.ask(admin, CONNECT, key("cnywrong", REFUSED)).await;
    let code = &refused["data"]["connectMongoDbAtlas"]["userErrors"][0]["code"];
    assert_eq!(code, "CREDENTIALS_REJECTED", "{refused}");
    let spaces = format!(" {MISSPELT} ");
    asker.ask(admin, CONNECT, key("cnyfirst", &spaces)).await;
    asker.ask(admin, CONNECT, key(MISSPELT, MISSPELT)).await;
    asker.ask(viewer, CONNECT, key("cnyfirst", MISSPELT)).await;
    asker.ask("slg_nobody", CONNECT, key("cnyfirst", MISSPELT)).await;
    let odd = [
        json!({ "input": { "publicKey": 5, "privateKey": MISSPELT } }),
        json!({ "input": { "publicKey": "cnyfirst", "privateKey": [MISSPELT] } }),
        json!({ "input": { "publicKey": "cnyfirst", "privateKey": { "text": MISSPELT } } }),
        json!({ "input": { "publicKey": "cnyfirst", "privateKey": MISSPELT, "more": 1 } }),
        json!({ "input": { "privateKey": MISSPELT } }),
        json!({ "input": MISSPELT }),
        json!({ "input": null, "other": MISSPELT }),
    ];
    for variables in odd {
        asker.ask(admin, CONNECT, variables).await;
    }
    let input = format!("publicKey: \"cnyfirst\", privateKey: \"{MISSPELT}\"");
    let documents = [
        format!("mutation {{ connectMongoDbAtlas(input: {{ {input} }}) {{ userErrors {{ code }} }} "),
        format!("mutation {{ connectMongoDbAtlas(input: {{ {input} ) {{ userErrors {{ code }} }} }}"),
        format!("mutation {{ connectMongoDbAtlas(input: {{ {input}, more: 1 }}) {{ userErrors {{ code }} }} }}"),
        format!("mutation {{ connectMongoDbAtlas(input: {{ {input} }}) {{ nothing }} }}"),
        format!("mutation {{ connectMongoDbAtlas(input: \"{MISSPELT}\") {{ userErrors {{ code }} }} }}"),
        format!(
            "mutation {{ connectMongoDbAtlas(input: {{ publicKey: \"x\", privateKey: [\"{MISSPELT}\"] }}) {{ userErrors {{ code }} }} }}"
        ),
        format!(
            "mutation {{ createApiToken(input: {{ name: \"{MISSPELT}\", role: 5 }}) {{ userErrors {{ code }} }} }}"
        ),
        format!("mutation {{ nothing(input: {{ {input} }}) {{ userErrors {{ code }} }} }}"),
        format!("{{ node(id: 5, key: \"{MISSPELT}\") {{ id }} }}"),
    ];
    for document in &documents {
        asker.ask(admin, document, json!({})).await;
        asker.ask(viewer, document, json!({})).await;
    }
    let half = format!("{{\"query\": \"{{ viewer {{ name }} }}\", \"variables\": {{ \"key\": \"{MISSPELT}\"");
    let post = client().post(asker.server.url("/graphql")).bearer_auth(admin);
    asker.send(post.header("content-type", "application/json").body(half)).await;
    let mut socket = Socket::connect(asker.server.address(), admin).await;
    for document in documents.iter().take(4) {
        socket.subscribe("1", document, json!({ "key": MISSPELT })).await;
        asker.heard.push(Place::new("a socket", socket.hear().await.to_string()));
    }
    socket.subscribe("2", CONNECT, key("cnywrong", MISSPELT)).await;
    asker.heard.push(Place::new("a socket", socket.hear().await.to_string()));
}

async fn integration(asker: &mut Asker<'_>, admin: &str) -> Value {
    let answer = asker.ask(admin, "{ integrations { nodes { id } } }", json!({})).await;
    answer["data"]["integrations"]["nodes"][0]["id"].clone()
}

async fn connect(asker: &mut Asker<'_>, admin: &str) -> Value {
    let connected = asker.ask(admin, CONNECT, key("cnyfirst", CONNECTED)).await;
    assert_done(&connected);
    assert_eq!(settled(asker.server, admin).await, "SUCCEEDED");
    integration(asker, admin).await
}

/// Every way of a key from its first use to its end.
async fn go_well(asker: &mut Asker<'_>, world: &World, admin: &str) {
    let id = connect(asker, admin).await;
    let rotate = "mutation($input: RotateCredentialsInput!) { rotateCredentials(input: $input) { \
                  integration { publicKey } userErrors { code message } } }";
    for (public, private) in [("cnywrong", REFUSED), ("cnyother", ROTATED)] {
        let input = json!({ "input": { "integrationId": id, "publicKey": public, "privateKey": private } });
        asker.ask(admin, rotate, input).await;
    }
    assert_eq!(settled(asker.server, admin).await, "SUCCEEDED");
    let sync = "mutation($id: ID!) { syncIntegration(input: { integrationId: $id }) { userErrors { code } } }";
    asker.ask(admin, sync, json!({ "id": id })).await;
    assert_eq!(settled(asker.server, admin).await, "SUCCEEDED");
    let keys = world.simulator_keys();
    world.simulator.edit(|estate| estate[0].keys.clear());
    asker.ask(admin, sync, json!({ "id": id })).await;
    assert_eq!(settled(asker.server, admin).await, "FAILED");
    world.simulator.edit(|estate| estate[0].keys.clone_from(&keys));
    for purge in [false, true] {
        let end = "mutation($id: ID!, $purge: Boolean!) { disconnectIntegration(input: { integrationId: $id, purge: $purge }) \
                   { userErrors { code } } }";
        assert_done(&asker.ask(admin, end, json!({ "id": id, "purge": purge })).await);
        if !purge {
            connect(asker, admin).await;
        }
    }
    connect(asker, admin).await;
    let sdl = Sdl::served();
    for field in sdl.fields("Query").iter().filter(|field| field.arguments.iter().all(|one| !one.shape.is_required)) {
        let query = format!("{{ {} {} }}", field.name, sdl.selection(&field.shape.name, 2));
        asker.ask(admin, &query, json!({})).await;
    }
    for path in ["/healthz", "/readyz", "/metrics", "/", "/graphiql"] {
        asker.get(admin, path).await;
    }
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<Place> {
    let mut places = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            places.extend(files(&path));
        } else {
            places.push(Place::new(path.file_name().unwrap().to_string_lossy(), std::fs::read(&path).unwrap()));
        }
    }
    places
}

/// The database as it lies there, and as it reads.
async fn stored(world: &World) -> Vec<Place> {
    let mut places = files(world.database.folder());
    for (table, rows) in world.dump().await {
        places.push(Place::new(format!("table {table}"), rows.join("\n")));
    }
    places
}

on_both_databases! {
    async fn no_private_key_is_found_anywhere_and_a_planted_one_is(database) {
        let world = World::with(&database, Setting { estate: Some(estate()), ..Setting::default() }).await;
        let mut settings = settings(&database, world.simulator.base_url().as_str());
        settings.push(("SLATEGATE_LOG", "trace".to_owned()));
        let mut server = Process::serve(&settings).await;
        let (admin, viewer) = (Process::token(&settings, "admin").await, Process::token(&settings, "viewer").await);
        let mut asker = Asker { server: &server, heard: Vec::new() };
        go_wrong(&mut asker, &admin, &viewer).await;
        go_well(&mut asker, &world, &admin).await;
        let mut places = asker.heard;
        let commands: [&[&str]; 9] = [
            &["token", "list"], &["workspace", "list"], &["key", "list"], &["key", "rotate"], &["key", "prune"],
            &["audit", "verify"], &["demo", "keys"], &["schema"], &["--help"],
        ];
        for command in commands {
            let ended = run(command, &settings).await;
            places.push(Place::new(format!("{command:?}"), format!("{}\n{}", ended.out, ended.err)));
        }
        // What is in the log of writes stays there.
        server.signal(Signal::Kill).await;
        assert_eq!(server.exit(Duration::from_secs(5)).await, -9);
        let log = server.log();
        assert!(log.contains("\"level\":\"TRACE\"") && log.lines().count() > 1_000, "the log says little");
        places.push(Place::new("the log", log));
        places.extend(stored(&world).await);
        // Tokens are as secret, and only their hashes are kept.
        let secrets = ALL.into_iter().chain([admin.as_str(), viewer.as_str()]);
        let found: Vec<String> = secrets.flat_map(|secret| find(&places, secret)).collect();
        assert!(found.is_empty(), "{} hits:\n{}", found.len(), found.join("\n---\n"));

        // The same search finds what is put there on purpose.
        let mut server = Process::serve(&settings).await;
        let mut asker = Asker { server: &server, heard: Vec::new() };
        let add = json!({ "query": "mutation($name: String!) { upsertPerson(input: { email: \"c@n.example\", fullName: $name }) \
                           { person { fullName } userErrors { code } } }", "variables": { "name": CONNECTED } });
        let hex = hex(CONNECTED.as_bytes());
        let plant = client().post(server.url("/graphql")).bearer_auth(&admin).header("x-request-id", &hex).json(&add);
        assert_done(&asker.send(plant).await);
        let mut places = asker.heard;
        server.signal(Signal::Kill).await;
        server.exit(Duration::from_secs(5)).await;
        places.push(Place::new("the log", server.log()));
        places.extend(stored(&world).await);
        let found = find(&places, CONNECTED).join("\n");
        for place in ["an answer (plain)", "the log (hex)", "table person_fact (plain)", "a header (hex)"] {
            assert!(found.contains(place), "{place} is not found: {found}");
        }
        if database.kind == crate::support::Kind::Sqlite {
            assert!(found.contains("slategate.db-wal (plain)") || found.contains("slategate.db (plain)"), "{found}");
        }
    }
}
