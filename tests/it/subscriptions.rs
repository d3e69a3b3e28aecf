//! Subscriptions of the real schema, over real sockets.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use sea_orm::{ConnectionTrait, Database as SeaOrm};
use serde_json::{Value, json};
use slategate::demo::keys::READER;
use slategate::lifecycle::Lifecycle;
use slategate::store::views::Role;
use tokio::time::timeout;

use crate::on_both_databases;
use crate::support::socket::PATIENCE;
use crate::support::{Database, Socket, World, text};

const PROGRESS: &str = "subscription($id: ID!) { syncProgress(integrationId: $id) { status finishedAt requests \
                        progress { stage done total } integration { status } scopes { kind complete } } }";
const CHANGES: &str = "subscription($keys: [String!]) { controlChanged(keys: $keys) { control { key status } previous \
                       current at } }";

/// Of a look: the generation, which PostgreSQL tells with what the transaction sees, and the statuses.
const STATEMENTS_OF_A_LOOK: usize = 2;

/// The data of the next result.
async fn data(socket: &mut Socket) -> Value {
    let mut heard = socket.hear().await;
    assert_eq!((&heard["type"], heard["payload"].get("errors")), (&json!("next"), None), "{heard}");
    heard["payload"]["data"].take()
}

/// Every state of a run to its end, which must complete the operation.
async fn states(socket: &mut Socket) -> Vec<Value> {
    let mut states = Vec::new();
    loop {
        let mut heard = socket.hear().await;
        if heard["type"] == "complete" {
            return states;
        }
        assert_eq!(heard["payload"].get("errors"), None, "{heard}");
        states.push(heard["payload"]["data"]["syncProgress"].take());
    }
}

/// How each control went, by the API's own history: before, after and when.
async fn history(world: &World) -> HashMap<String, Vec<Value>> {
    let answer = world.ask("{ controls { key history { status from } } }").await;
    let controls = answer["controls"].as_array().unwrap().iter();
    controls
        .map(|control| {
            let intervals = control["history"].as_array().unwrap();
            let turns = intervals.windows(2).map(
                |pair| json!({ "previous": pair[0]["status"], "current": pair[1]["status"], "at": pair[1]["from"] }),
            );
            (text(&control["key"]), turns.collect())
        })
        .collect()
}

/// Evidence grows too old, and is renewed.
async fn a_day_without_and_a_sync(world: &World) {
    world.clock.advance(TimeDelta::hours(30));
    assert_eq!(world.sync_due().await, 1);
}

/// Each change once, in order, and nothing left out: what is heard is the end of the history.
async fn follow_controls(world: &World, socket: &mut Socket) {
    socket.subscribe("c", CHANGES, json!({})).await;
    let mut heard: HashMap<String, Vec<Value>> = HashMap::new();
    let mut enter = |mut change: Value| {
        let change = change["controlChanged"].take();
        let told = json!({ "previous": change["previous"], "current": change["current"], "at": change["at"] });
        heard.entry(text(&change["control"]["key"])).or_default().push(told);
    };
    // From the first change on that is heard, nothing may be missing.
    let first = loop {
        a_day_without_and_a_sync(world).await;
        if let Ok(first) = timeout(Duration::from_millis(200), data(socket)).await {
            break first;
        }
    };
    enter(first);
    for _ in 0..3 {
        a_day_without_and_a_sync(world).await;
    }
    let end = world.now();
    let history = history(world).await;
    let mut open: Vec<&String> = history
        .iter()
        .filter(|(_, turns)| turns.last().is_some_and(|turn| turn["at"] == end))
        .map(|(key, _)| key)
        .collect();
    assert!(!open.is_empty(), "{history:?}");
    while !open.is_empty() {
        let change = data(socket).await;
        if change["controlChanged"]["at"] == end {
            open.retain(|key| change["controlChanged"]["control"]["key"] != key.as_str());
        }
        enter(change);
    }
    for (key, turns) in &heard {
        let all = &history[key];
        let from = all.len().saturating_sub(turns.len());
        assert_eq!(turns, &all[from..], "{key}");
        assert!(turns.len() >= 6, "{key}: {turns:?}");
    }
}

on_both_databases! {
    async fn a_sync_is_followed_from_the_queue_to_its_end(database) {
        let world = World::new(&database).await;
        let served = world.serve().await;
        let mut socket = Socket::connect(served.address, &world.token(world.workspace, Role::Viewer).await).await;
        world.connect(READER.public).await.unwrap();
        socket.subscribe("p", PROGRESS, json!({ "id": world.integration().await })).await;
        let first = data(&mut socket).await["syncProgress"].take();
        assert_eq!((&first["status"], &first["progress"]["stage"]), (&json!("QUEUED"), &json!("QUEUED")));
        world.tick();
        assert_eq!(world.sync_due().await, 1);
        let states = states(&mut socket).await;
        let last = states.last().unwrap();
        assert_eq!((&last["status"], &last["finishedAt"]), (&json!("SUCCEEDED"), &json!(world.now())));
        assert_eq!((&last["progress"]["stage"], &last["integration"]["status"]), (&json!("DONE"), &json!("CONNECTED")));
        assert!(!last["scopes"].as_array().unwrap().is_empty());
        for state in &states[..states.len() - 1] {
            assert_eq!((&state["status"], &state["finishedAt"]), (&json!("RUNNING"), &Value::Null));
        }

        socket.subscribe("p", PROGRESS, json!({ "id": world.integration().await })).await;
        let again = data(&mut socket).await["syncProgress"].take();
        assert_eq!(&again, last, "a run that has ended is told once");
        assert_eq!(socket.hear().await, json!({ "id": "p", "type": "complete" }));
    }

    async fn a_sync_is_followed_from_another_replica(database) {
        let world = World::new(&database).await;
        let served = world.serve_replica().await;
        let mut socket = Socket::connect(served.address, &world.token(world.workspace, Role::Viewer).await).await;
        world.connect(READER.public).await.unwrap();
        socket.subscribe("p", PROGRESS, json!({ "id": world.integration().await })).await;
        assert_eq!(data(&mut socket).await["syncProgress"]["status"], "QUEUED");
        world.tick();
        assert_eq!(world.sync_due().await, 1);
        assert_eq!(states(&mut socket).await.last().unwrap()["status"], "SUCCEEDED");
    }

    async fn a_disconnect_ends_what_is_followed(database) {
        let world = World::new(&database).await;
        let served = world.serve().await;
        let mut socket = Socket::connect(served.address, &world.token(world.workspace, Role::Viewer).await).await;
        for (purge, ends) in [(false, vec![json!("FAILED")]), (true, vec![])] {
            world.connect(READER.public).await.unwrap();
            let query = "{ integrations { nodes { id } } }";
            let id = text(&world.ask(query).await["integrations"]["nodes"][0]["id"]);
            socket.subscribe("p", PROGRESS, json!({ "id": id })).await;
            assert_eq!(data(&mut socket).await["syncProgress"]["status"], "QUEUED");
            world.tick();
            let input = json!({ "integrationId": id, "purge": purge });
            let edit = "mutation($input: DisconnectIntegrationInput!) { disconnectIntegration(input: $input) { userErrors { code } } }";
            let answer = world.ask_with(edit, json!({ "input": input })).await;
            assert_eq!(answer["disconnectIntegration"]["userErrors"], json!([]));
            let told: Vec<Value> = states(&mut socket).await.iter().map(|state| state["status"].clone()).collect();
            assert_eq!(told, ends);
        }
    }

    async fn what_is_not_there_or_not_ones_own_cannot_be_followed(database) {
        let world = World::synced(&database, READER.public).await;
        let served = world.serve().await;
        let other = world.other_workspace().await;
        let mut socket = Socket::connect(served.address, &world.token(other, Role::Admin).await).await;
        for id in [world.integration().await, "nonsense".to_owned()] {
            socket.subscribe("p", PROGRESS, json!({ "id": id })).await;
            let heard = socket.hear().await;
            let error = match heard["type"].as_str() {
                Some("next") => {
                    assert_eq!(socket.hear().await["type"], "complete");
                    &heard["payload"]["errors"][0]
                }
                _ => &heard["payload"][0],
            };
            assert_eq!(error["extensions"]["code"], "NOT_FOUND", "{heard}");
        }
    }

    async fn each_change_of_a_control_is_told_once_and_in_order(database) {
        let world = World::synced(&database, READER.public).await;
        let served = world.serve().await;
        let mut socket = Socket::connect(served.address, &world.token(world.workspace, Role::Viewer).await).await;
        follow_controls(&world, &mut socket).await;
    }

    async fn changes_of_controls_are_told_by_another_replica(database) {
        let world = World::synced(&database, READER.public).await;
        let served = world.serve_replica().await;
        let mut socket = Socket::connect(served.address, &world.token(world.workspace, Role::Viewer).await).await;
        follow_controls(&world, &mut socket).await;
    }

    async fn only_the_controls_that_are_asked_for_are_told(database) {
        let world = World::synced(&database, READER.public).await;
        let served = world.serve().await;
        let mut socket = Socket::connect(served.address, &world.token(world.workspace, Role::Viewer).await).await;
        let changing = history(&world).await.into_keys().max().unwrap();
        socket.subscribe("c", CHANGES, json!({ "keys": [changing] })).await;
        let mut heard = Vec::new();
        while heard.len() < 4 {
            a_day_without_and_a_sync(&world).await;
            while let Ok(change) = timeout(Duration::from_millis(200), data(&mut socket)).await {
                heard.push(text(&change["controlChanged"]["control"]["key"]));
            }
        }
        heard.retain(|key| *key != changing);
        assert_eq!(heard, Vec::<String>::new());
    }

    async fn a_token_that_ends_closes_its_connections(database) {
        let world = World::new(&database).await;
        let served = world.serve().await;
        let revoked = world.token(world.workspace, Role::Viewer).await;
        let mut socket = Socket::connect(served.address, &revoked).await;
        socket.subscribe("c", CHANGES, json!({})).await;
        let id = world.store.tokens(world.workspace).await.unwrap()[0].id;
        assert!(slategate::auth::revoke(&world.store, &world.actor(), id, world.clock.now()).await.unwrap());
        world.clock.advance(TimeDelta::seconds(5));
        assert_eq!(socket.closed().await, (4403, "Forbidden".to_owned()));

        let expiring = world.token(world.workspace, Role::Viewer).await;
        let mut socket = Socket::connect(served.address, &expiring).await;
        world.clock.advance(TimeDelta::days(90));
        assert_eq!(socket.closed().await, (4403, "Forbidden".to_owned()));
    }

    async fn who_only_waits_costs_the_database_next_to_nothing(database) {
        let world = World::synced(&database, READER.public).await;
        let served = world.serve().await;
        let mut socket = Socket::connect(served.address, &world.token(world.workspace, Role::Viewer).await).await;
        let look = STATEMENTS_OF_A_LOOK;
        let counted = || world.statements.load(std::sync::atomic::Ordering::Relaxed);
        let start = counted();
        for id in 0..50 {
            socket.subscribe(&id.to_string(), CHANGES, json!({})).await;
        }
        let joined = async {
            while counted() < start + 50 * look {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, joined).await.expect("somebody did not join");
        let before = counted();
        tokio::time::sleep(Duration::from_secs(4)).await;
        let spent = counted() - before;
        // Two or three looks for all, what is left of the last join, and the token's.
        assert!(spent <= 10 * look, "{spent} statements for nothing");
    }
}

/// Listens as a replica does, until the value is dropped.
struct Listening(Lifecycle);

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.shutdown.cancel();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_tells_other_replicas_at_once_and_again_after_a_broken_connection() {
    let Some(database) = Database::postgres().await else { return };
    let world = World::new(&database).await;
    let replica = world.another_store().await;
    let listening = Listening(Lifecycle::default());
    let mut wakes = replica.wakes(world.workspace, None);
    listening.0.spawn(replica.clone().hear_changes(listening.0.shutdown.clone()));
    let admin = SeaOrm::connect(&database.url).await.unwrap();
    for _ in 0..2 {
        woken(&mut wakes, "the connection is there").await;
        world.store.writer(world.workspace).await.unwrap().commit().await.unwrap();
        woken(&mut wakes, "a commit").await;
        let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                    WHERE datname = current_database() AND query LIKE 'LISTEN%'";
        admin.execute_unprepared(kill).await.unwrap();
    }
    drop(listening);
    admin.close().await.unwrap();
    database.drop_postgres().await;
}

async fn woken(wakes: &mut slategate::store::Wakes, by: &str) {
    let started = Instant::now();
    wakes.next(2 * PATIENCE).await;
    assert!(started.elapsed() < PATIENCE, "not woken by: {by}");
}
