//! Connecting an organization: every refusal, every warning, and where the private key never is.

use std::net::{IpAddr, Ipv4Addr};

use serde_json::{Value, json};
use slategate::demo::keys::{
    HARBOUR_READER, LIGHTHOUSE_READER, MEMBER, OUTFITTERS_READER, PARTIAL, PROJECT_ONLY, READER, WRITER,
};
use slategate::demo::simulator::Refusal;
use slategate::demo::{DemoKey, SimulatorOptions};
use slategate::store::views::Role;

use crate::on_both_databases;
use crate::support::{Kind, Setting, World, text};

const CONNECT: &str = "mutation($input: ConnectMongoDbAtlasInput!) { connectMongoDbAtlas(input: $input) { \
    integration { id organizationName keyFitness { verdict } } syncRun { id status } \
    warnings { code message remedy field } userErrors { code message remedy field } } }";

async fn connect(world: &World, public: &str, private: &str) -> Value {
    let input = json!({ "publicKey": public, "privateKey": private });
    world.ask_with(CONNECT, json!({ "input": input })).await["connectMongoDbAtlas"].take()
}

async fn connect_with(world: &World, key: DemoKey) -> Value {
    connect(world, key.public, key.private).await
}

/// Codes and fields of the refusals. Each has a message and a remedy, and left nothing behind.
async fn refusals(world: &World, payload: &Value) -> Vec<(String, Value)> {
    assert_eq!(payload["integration"], json!(null));
    assert_eq!(payload["syncRun"], json!(null));
    assert_eq!(world.count("integration").await, 0);
    assert_eq!(world.count("sync_run").await, 0);
    let told = |error: &Value| {
        assert!(!text(&error["message"]).is_empty() && !text(&error["remedy"]).is_empty(), "{error}");
        (text(&error["code"]), error["field"].clone())
    };
    payload["userErrors"].as_array().unwrap().iter().map(told).collect()
}

fn at(code: &str, field: &str) -> (String, Value) {
    (code.to_owned(), json!(["input", field]))
}

fn plain(code: &str) -> (String, Value) {
    (code.to_owned(), json!(null))
}

on_both_databases! {
    async fn a_key_of_the_wrong_shape_is_refused_without_asking_atlas(database) {
        let world = World::new(&database).await;
        let private = READER.private;
        let (padded, broken) = (format!(" {private}"), format!("{private}\n"));
        let cases = [
            ("", private, vec![at("INVALID", "publicKey")]),
            (" \t", "  ", vec![at("INVALID", "publicKey"), at("INVALID", "privateKey")]),
            ("nwreader ", private, vec![at("INVALID", "publicKey")]),
            ("nwreader", &padded, vec![at("INVALID", "privateKey")]),
            ("nwreader", &broken, vec![at("INVALID", "privateKey")]),
            ("nw reader", private, vec![at("INVALID", "publicKey")]),
            (private, "nwreader", vec![at("INVALID", "publicKey")]),
        ];
        for (public, private, expected) in cases {
            let payload = connect(&world, public, private).await;
            assert_eq!(refusals(&world, &payload).await, expected, "{public:?}");
        }
        assert_eq!(world.simulator.requests(), 0);
    }

    async fn a_key_that_atlas_rejects_costs_three_requests_at_most(database) {
        let world = World::new(&database).await;
        for (public, private) in [(READER.public, WRITER.private), ("nobody", READER.private)] {
            let before = world.simulator.requests();
            let payload = connect(&world, public, private).await;
            assert_eq!(refusals(&world, &payload).await, [at("CREDENTIALS_REJECTED", "privateKey")]);
            let sent = world.simulator.requests() - before;
            assert!((1..=3).contains(&sent), "{sent} requests");
        }
    }

    async fn a_key_that_may_not_read_the_organization_is_refused(database) {
        let world = World::new(&database).await;
        for key in [MEMBER, PROJECT_ONLY] {
            let payload = connect_with(&world, key).await;
            assert_eq!(refusals(&world, &payload).await, [plain("ROLE_TOO_SMALL")], "{}", key.label);
        }
    }

    async fn an_address_that_is_not_listed_is_refused_and_named(database) {
        let allowed = vec![IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1))];
        let simulator = SimulatorOptions { allowed_addresses: Some(allowed), ..Default::default() };
        let world = World::with(&database, Setting { simulator, ..Default::default() }).await;
        let payload = connect_with(&world, READER).await;
        assert_eq!(refusals(&world, &payload).await, [plain("IP_NOT_ALLOWED")]);
        assert!(text(&payload["userErrors"][0]["message"]).contains("127.0.0.1"), "{payload}");
    }

    async fn a_suspended_organization_is_refused(database) {
        let world = World::new(&database).await;
        let payload = connect_with(&world, OUTFITTERS_READER).await;
        assert_eq!(refusals(&world, &payload).await, [plain("ORGANIZATION_SUSPENDED")]);
    }

    async fn a_rate_limit_is_not_waited_for(database) {
        let world = World::new(&database).await;
        world.simulator.refuse(Refusal::path("/api/atlas/v2", 429).retry_after(3_600));
        let payload = connect_with(&world, READER).await;
        assert_eq!(refusals(&world, &payload).await, [plain("RATE_LIMITED")]);
    }

    async fn an_atlas_that_cannot_be_reached_is_refused(database) {
        let closed = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
        let atlas = Some(format!("http://{closed}").parse().unwrap());
        let world = World::with(&database, Setting { atlas, ..Default::default() }).await;
        let payload = connect_with(&world, READER).await;
        assert_eq!(refusals(&world, &payload).await, [plain("ATLAS_UNAVAILABLE")]);
    }

    async fn an_organization_is_connected_once(database) {
        let world = World::new(&database).await;
        let first = connect_with(&world, READER).await;
        assert_eq!(first["userErrors"], json!([]));
        assert_eq!(first["warnings"], json!([]));
        assert_eq!(first["integration"]["keyFitness"]["verdict"], "FIT");
        assert_eq!(first["integration"]["organizationName"], "Northwind Robotics");
        assert_eq!(first["syncRun"]["status"], "QUEUED");
        for key in [READER, WRITER] {
            let again = connect_with(&world, key).await;
            assert_eq!(again["integration"], json!(null));
            assert_eq!(again["userErrors"][0]["code"], "ALREADY_CONNECTED");
            assert!(text(&again["userErrors"][0]["remedy"]).contains("rotateCredentials"), "{again}");
        }
        assert_eq!((world.count("integration").await, world.count("sync_run").await), (1, 1));
        let second = connect_with(&world, HARBOUR_READER).await;
        assert_eq!(second["userErrors"], json!([]));
        assert_eq!(world.count("integration").await, 2);
    }

    async fn of_two_connects_at_once_one_succeeds(database) {
        let world = World::new(&database).await;
        let (one, two) = tokio::join!(connect_with(&world, READER), connect_with(&world, WRITER));
        let mut codes: Vec<Value> = [one, two].iter().map(|payload| payload["userErrors"][0]["code"].clone()).collect();
        codes.sort_by_key(Value::is_string);
        assert_eq!(codes, [json!(null), json!("ALREADY_CONNECTED")]);
        assert_eq!((world.count("integration").await, world.count("sync_run").await), (1, 1));
    }

    async fn a_key_that_is_not_ideal_connects_with_a_warning(database) {
        let world = World::new(&database).await;
        for (key, warning, verdict) in [(WRITER, "KEY_TOO_STRONG", "TOO_STRONG"), (LIGHTHOUSE_READER, "ORGANIZATION_EMPTY", "FIT")] {
            let payload = connect_with(&world, key).await;
            assert_eq!(payload["userErrors"], json!([]));
            let warnings = payload["warnings"].as_array().unwrap();
            assert_eq!(warnings.len(), 1, "{payload}");
            assert_eq!(warnings[0]["code"], warning);
            assert!(!text(&warnings[0]["remedy"]).is_empty());
            assert_eq!(payload["integration"]["keyFitness"]["verdict"], verdict);
        }
    }

    async fn a_partial_view_is_a_warning_and_stays_partial(database) {
        let world = World::new(&database).await;
        let payload = connect_with(&world, PARTIAL).await;
        assert_eq!(payload["warnings"][0]["code"], "PARTIAL_VIEW");
        assert_eq!(payload["integration"]["keyFitness"]["verdict"], "TOO_WEAK");
        world.tick();
        assert_eq!(world.sync_due().await, 1);
        let answer = world.ask("{ projects { nodes { name } } integrations { nodes { keyFitness { verdict missing } } } }").await;
        assert_eq!(answer["projects"]["nodes"], json!([{ "name": "Fleet Platform" }, { "name": "Telemetry" }]));
        let fitness = json!({ "verdict": "TOO_WEAK", "missing": ["ORG_READ_ONLY"] });
        assert_eq!(answer["integrations"]["nodes"][0]["keyFitness"], fitness);
    }

    async fn a_sync_under_way_is_answered_with_its_run(database) {
        let world = World::new(&database).await;
        let connected = connect_with(&world, READER).await;
        let ask = "mutation($id: ID!) { syncIntegration(input: { integrationId: $id }) { syncRun { id trigger } userErrors { code field } } }";
        let variables = json!({ "id": connected["integration"]["id"] });
        let answer = world.ask_with(ask, variables.clone()).await["syncIntegration"].take();
        let busy = json!([{ "code": "SYNC_IN_PROGRESS", "field": ["input", "integrationId"] }]);
        assert_eq!(answer["userErrors"], busy);
        assert_eq!(answer["syncRun"], json!({ "id": connected["syncRun"]["id"], "trigger": "CONNECT" }));

        world.tick();
        assert_eq!(world.sync_due().await, 1);
        let answer = world.ask_with(ask, variables).await["syncIntegration"].take();
        assert_eq!(answer["userErrors"], json!([]));
        assert_eq!(answer["syncRun"]["trigger"], "MANUAL");
        assert_eq!(world.count("sync_run").await, 2);
        assert_eq!(world.sync_due().await, 1);
    }

    async fn a_rotation_takes_only_another_key_of_the_same_organization(database) {
        let world = World::synced(&database, READER.public).await;
        let id = world.integration().await;
        let rotate = "mutation($input: RotateCredentialsInput!) { rotateCredentials(input: $input) { \
                      integration { id publicKey } warnings { code } userErrors { code } } }";
        let cases = [
            (HARBOUR_READER.public, HARBOUR_READER.private, "WRONG_ORGANIZATION"),
            (READER.public, WRITER.private, "CREDENTIALS_REJECTED"),
            (MEMBER.public, MEMBER.private, "ROLE_TOO_SMALL"),
            ("", WRITER.private, "INVALID"),
        ];
        for (public, private, code) in cases {
            let input = json!({ "integrationId": id, "publicKey": public, "privateKey": private });
            let answer = world.ask_with(rotate, json!({ "input": input })).await["rotateCredentials"].take();
            assert_eq!(answer["integration"], json!(null));
            assert_eq!(answer["userErrors"], json!([{ "code": code }]));
        }
        let facts = world.fact_rows().await;
        let input = json!({ "integrationId": id, "publicKey": WRITER.public, "privateKey": WRITER.private });
        let answer = world.ask_with(rotate, json!({ "input": input })).await["rotateCredentials"].take();
        assert_eq!(answer["integration"], json!({ "id": id, "publicKey": WRITER.public }));
        assert_eq!(answer["warnings"], json!([{ "code": "KEY_TOO_STRONG" }]));
        assert_eq!(world.fact_rows().await, facts);
        assert_eq!(world.sync_due().await, 1);
        assert_eq!(world.last_run().await["status"], "SUCCEEDED");
    }

    async fn the_private_key_is_nowhere(database) {
        let world = World::new(&database).await;
        let served = world.serve().await;
        let token = world.token(world.workspace, Role::Admin).await;
        let input = json!({ "publicKey": READER.public, "privateKey": READER.private });
        let mut answers = Vec::new();
        for query in [CONNECT, CONNECT, &CONNECT.replace("publicKey", "nothing"), &CONNECT.replace("integration {", "integration { privateKey")] {
            answers.push(served.post(Some(&token), query, json!({ "input": input })).await.1);
        }
        let wrong = json!({ "publicKey": 7, "privateKey": READER.private });
        answers.push(served.post(Some(&token), CONNECT, json!({ "input": wrong })).await.1);
        let inline = format!("mutation {{ connectMongoDbAtlas(input: {{ publicKey: 1, privateKey: \"{}\" }}) {{ integration {{ id }} }} }}", READER.private);
        answers.push(served.post(Some(&token), &inline, json!({})).await.1);
        assert_eq!(answers[0]["data"]["connectMongoDbAtlas"]["userErrors"], json!([]));
        assert_eq!(world.sync_due().await, 1);
        let everything = "{ integrations { nodes { id publicKey keyFitness { roles } lastError { message } syncRuns { nodes { scopes { message } } } } } accounts(first: 500) { nodes { login displayName controlResults { message evidence { observed expected } } } } }";
        answers.push(served.post(Some(&token), everything, json!({})).await.1);

        for answer in &answers {
            assert!(!answer.to_string().contains(READER.private), "{answer}");
        }
        assert_eq!(world.count("integration WHERE sealed_private_key IS NOT NULL").await, 1);
        for bytes in stored(&world).await {
            for spelling in [READER.private.to_owned(), hex(READER.private)] {
                assert!(!bytes.windows(spelling.len()).any(|window| window == spelling.as_bytes()));
            }
        }
    }
}

fn hex(text: &str) -> String {
    text.bytes().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}

/// Everything that the database keeps, as bytes.
async fn stored(world: &World) -> Vec<Vec<u8>> {
    match world.database.kind {
        Kind::Sqlite => {
            let files = std::fs::read_dir(world.database.folder()).unwrap();
            files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
        }
        Kind::Postgres => {
            let tables = "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'";
            let mut rows = Vec::new();
            for table in world.texts(tables).await {
                rows.extend(world.texts(&format!("SELECT t::text FROM \"{table}\" t")).await);
            }
            assert!(rows.iter().any(|row| row.contains(READER.public)));
            rows.into_iter().map(String::into_bytes).collect()
        }
    }
}
