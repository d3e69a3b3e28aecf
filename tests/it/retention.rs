//! Letting go of the past: what is answered afterwards, what stays, and who does it when.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use serde_json::{Value, json};
use slategate::demo::keys::{HARBOUR_READER, NORTHWIND};
use slategate::demo::simulator::Refusal;
use slategate::domain::ScopeKind;
use slategate::store::retention::{BATCH, STEPS};
use slategate::store::views::Role;
use slategate::sync::{Retention, prunable, prune, prune_due};
use tokio_util::sync::CancellationToken;

use crate::on_both_databases;
use crate::support::{Chance, World, text, written};

const HISTORY: TimeDelta = TimeDelta::days(10);
const RUNS: TimeDelta = TimeDelta::days(4);
const KEPT: Retention = Retention { history: Some(HISTORY), runs: Some(RUNS) };

const PRESENT: &str = "query($at: DateTime, $from: DateTime) { \
    assets(first: 500, asOf: $at) { nodes { id name owner { fullName } description userData firstSeenAt lastSeenAt \
        tags { value } project { name } controlResults { outcome reason message since observedAt } } } \
    accounts(first: 500, asOf: $at) { nodes { id login person { email } flags lastSeenAt \
        grants { role via team project { name } } controlResults { outcome reason since observedAt } } } \
    projects(first: 500, asOf: $at) { nodes { id name } } \
    controlResults(first: 500, asOf: $at) { nodes { outcome since subject { ... on AtlasCluster { name } } } } \
    controls(asOf: $at) { key status since evaluatedAt coverage { passed failed unknown notApplicable unreadableScopes } \
        history(from: $from) { status from to } } \
    posture(asOf: $at) { controlsFailing failingResults lastSyncedAt assets accounts } }";
const REMOVED: &str = "query($at: DateTime) { \
    assets(first: 500, asOf: $at, filter: { includeRemoved: true }) { nodes { id name removedAt lastSeenAt \
        project { name } controlResults { outcome reason } } } \
    accounts(first: 500, asOf: $at, filter: { includeRemoved: true }) { nodes { id login removedAt lastSeenAt \
        grants { role project { name } } controlResults { outcome reason } } } }";

fn horizon(world: &World) -> DateTime<Utc> {
    (world.clock.now() - HISTORY).duration_trunc(TimeDelta::seconds(1)).unwrap()
}

async fn prune_all(world: &World) -> u64 {
    prune(&world.store, world.workspace, KEPT, &CancellationToken::new(), &|_| {}).await.unwrap().total()
}

/// Everything that is answered for an instant: what is there, and what went since the horizon.
async fn answer(world: &World, at: &Value, from: DateTime<Utc>) -> (Value, Vec<Value>) {
    let present = world.ask_with(PRESENT, json!({ "at": at, "from": written(from) })).await;
    let removed = world.ask_with(REMOVED, json!({ "at": at })).await;
    let mut kept = Vec::new();
    for list in ["assets", "accounts"] {
        let nodes = removed[list]["nodes"].as_array().unwrap().iter();
        let is_kept =
            |node: &&Value| node["removedAt"].as_str().is_none_or(|at| at.parse::<DateTime<Utc>>().unwrap() >= from);
        kept.extend(nodes.filter(is_kept).cloned());
    }
    (present, kept)
}

/// Something happens in Atlas or is entered by hand.
async fn happen(world: &World, chance: &mut Chance, number: usize) {
    let pick = usize::try_from(chance.below(9)).unwrap();
    let name = format!("thing-{number}");
    match pick {
        0 | 1 => world.simulator.edit(|estate| {
            let own = estate.iter_mut().find(|own| own.name == HARBOUR_READER.organization).unwrap();
            let project = number % own.projects.len();
            let clusters = &mut own.projects[project].clusters;
            match clusters.len() {
                0 => {}
                some if pick == 0 => clusters[number % some]["name"] = json!(name),
                some if some > 1 => drop(clusters.remove(number % some)),
                _ => {}
            }
        }),
        2 | 3 => world.simulator.edit(|estate| {
            let own = estate.iter_mut().find(|own| own.name == HARBOUR_READER.organization).unwrap();
            if pick == 2 && own.users.len() > 3 {
                own.users.remove(number % own.users.len());
            } else {
                own.projects[0].name.clone_from(&name);
            }
        }),
        4 => {
            let status = if number.is_multiple_of(2) { "LEFT" } else { "ACTIVE" };
            let input = json!({ "email": "harbourmaster@contoso-harbour.example", "fullName": name, "status": status });
            world.upsert_person(input).await;
        }
        5 | 6 => {
            let list = world.ask("{ assets { nodes { id } } }").await;
            if let Some(asset) = list["assets"]["nodes"].as_array().unwrap().first() {
                world.update_asset(json!({ "assetId": asset["id"], "description": name })).await;
            }
        }
        7 => drop(
            world.simulator.refuse(Refusal::scope(ScopeKind::Clusters, None, 403).code("ACCESS_FORBIDDEN").times(4)),
        ),
        // Long enough for evidence to grow too old.
        _ => world.clock.advance(TimeDelta::hours(40)),
    }
}

on_both_databases! {
    async fn what_is_answered_from_the_horizon_on_stays_while_the_rest_goes(database) {
        let mut chance = Chance::new();
        let world = World::synced(&database, HARBOUR_READER.public).await;
        let mut instants = Vec::new();
        for number in 0..45 {
            world.tick();
            happen(&world, &mut chance, number).await;
            world.clock.advance(TimeDelta::minutes(61 + i64::try_from(chance.below(1_500)).unwrap()));
            world.sync_due().await;
            instants.push(world.clock.now());
        }
        world.tick();
        let from = horizon(&world);
        instants.retain(|at| *at > from);
        instants.extend([from, from + TimeDelta::microseconds(1), from + TimeDelta::days(3)]);
        let mut before = BTreeMap::new();
        for at in &instants {
            before.insert(*at, answer(&world, &json!(written(*at)), from).await);
        }
        let now = answer(&world, &Value::Null, from).await;
        let old = format!("valid_to < {}", from.timestamp_micros());
        let ended = world.count(&format!("control_result WHERE {old}")).await;
        assert!(ended > 0 && instants.len() > 8, "{ended} {}", instants.len());

        // Cut off after more and more steps, and gone on with.
        for steps in [1, 3, 7, 11] {
            let (stop, done) = (CancellationToken::new(), AtomicUsize::new(0));
            let count = |_| {
                if done.fetch_add(1, Ordering::Relaxed) + 1 >= steps {
                    stop.cancel();
                }
            };
            prune(&world.store, world.workspace, KEPT, &stop, &count).await.unwrap();
            let at = instants[usize::try_from(chance.below(instants.len() as u64)).unwrap()];
            assert_eq!(answer(&world, &json!(written(at)), from).await, before[&at], "{at} after {steps} steps");
            assert_eq!(answer(&world, &Value::Null, from).await, now, "now, after {steps} steps");
        }
        prune_all(&world).await;
        for at in &instants {
            assert_eq!(answer(&world, &json!(written(*at)), from).await, before[at], "{at}");
        }
        assert_eq!(answer(&world, &Value::Null, from).await, now);
        for (table, _) in world.fact_rows().await {
            if !["asset_facet", "project_fact"].contains(&table) {
                assert_eq!(world.count(&format!("{table} WHERE {old}")).await, 0, "{table}");
            }
        }
        let lost = "asset_facet WHERE fact_id NOT IN (SELECT id FROM cluster_fact)";
        assert_eq!(world.count(lost).await, 0);
        assert_eq!(prune_all(&world).await, 0, "nothing is left to go");
    }

    async fn what_was_before_the_horizon_is_refused_wherever_it_is_asked_for(database) {
        let world = World::demo(&database).await;
        let then = world.now();
        let past = "query($at: DateTime) { assets(first: 1, asOf: $at) { nodes { id } } }";
        world.tick();
        let id = world.ask_with(past, json!({ "at": then })).await["assets"]["nodes"][0]["id"].take();
        let horizon_of = "{ viewer { workspace { historyFrom } } }";
        assert_eq!(world.ask(horizon_of).await["viewer"]["workspace"]["historyFrom"], Value::Null);
        assert_eq!(prune_all(&world).await, 0, "a young workspace keeps everything");
        assert_eq!(world.ask(horizon_of).await["viewer"]["workspace"]["historyFrom"], Value::Null);

        world.clock.advance(HISTORY + TimeDelta::milliseconds(1_500));
        world.sync_due().await;
        let expected = written(horizon(&world));
        let foreseen = prunable(&world.store, world.workspace, KEPT).await.unwrap();
        assert_eq!(foreseen.history_from.map(written), Some(expected.clone()));
        assert_eq!(world.ask_with(past, json!({ "at": then })).await["assets"]["nodes"][0]["id"], id, "a dry run changes nothing");
        prune_all(&world).await;
        assert_eq!(world.ask(horizon_of).await["viewer"]["workspace"]["historyFrom"], json!(expected));

        let fields = [
            "assets(asOf: $at) { totalCount }", "accounts(asOf: $at) { totalCount }", "projects(asOf: $at) { totalCount }",
            "controls(asOf: $at) { key }", "control(key: \"clusters-replicated\", asOf: $at) { key }",
            "controlResults(asOf: $at) { totalCount }", "posture(asOf: $at) { assets }",
        ];
        let mut refused = Vec::new();
        for field in fields {
            let query = format!("query($at: DateTime) {{ {field} }}");
            refused.push(world.query(Role::Viewer, &query, json!({ "at": then })).await);
            let kept = world.query(Role::Viewer, &query, json!({ "at": expected })).await;
            assert_eq!(kept.get("errors"), None, "{field}");
        }
        refused.push(world.query(Role::Viewer, "query($id: ID!) { node(id: $id) { id } }", json!({ "id": id })).await);
        refused.push(world.query(Role::Viewer, "query($id: ID!) { nodes(ids: [$id]) { id } }", json!({ "id": id })).await);
        for answer in refused {
            let error = &answer["errors"][0];
            assert_eq!(error["extensions"]["code"], "BAD_INPUT", "{answer}");
            assert_eq!(error["extensions"]["horizon"], json!(expected), "{answer}");
            assert!(text(&error["message"]).contains(&expected), "{answer}");
        }

        let served = world.serve().await;
        let token = world.token(world.workspace, Role::Viewer).await;
        for list in ["accounts.csv", "assets.xlsx", "control-results.csv"] {
            let url = format!("http://{}/exports/{list}", served.address);
            let request = served.client.get(url).query(&[("asOf", &then)]).bearer_auth(&token);
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), 400, "{list}");
            let error = answer.json::<Value>().await.unwrap()["errors"][0].take();
            assert_eq!((&error["extensions"]["code"], &error["extensions"]["horizon"]), (&json!("BAD_INPUT"), &json!(expected)));
        }
    }

    async fn the_horizon_never_goes_back(database) {
        let world = World::synced(&database, HARBOUR_READER.public).await;
        world.clock.advance(TimeDelta::days(30));
        prune_all(&world).await;
        let first = world.store.reader(world.workspace).await.unwrap().history_from().await.unwrap();
        assert_eq!(first, Some(horizon(&world)));
        for longer in [Some(TimeDelta::days(20)), None] {
            let kept = Retention { history: longer, runs: None };
            prune(&world.store, world.workspace, kept, &CancellationToken::new(), &|_| {}).await.unwrap();
            let after = world.store.reader(world.workspace).await.unwrap().history_from().await.unwrap();
            assert_eq!(after, first, "{longer:?}");
        }
    }

    async fn runs_that_answers_rest_on_outlive_the_others(database) {
        let world = World::synced(&database, HARBOUR_READER.public).await;
        let first = world.clock.now();
        world.clock.advance(TimeDelta::days(30));
        let run = async |days_ago: i64, status: &str| {
            let at = (world.clock.now() - TimeDelta::days(days_ago)).timestamp_micros();
            let columns = "workspace_id, integration_id, trigger_kind, status, queued_at, read_at, finished_at, stage, done, \
                           requests, added, updated, removed, results_flipped, owner";
            let of = format!("SELECT workspace_id, id, 'MANUAL', '{status}', {at}, {at}, {at}, 'DONE', 0, 0, 0, 0, 0, 0, \
                              '{status} {days_ago}' FROM integration");
            world.execute(&format!("INSERT INTO sync_run ({columns}) {of}")).await;
        };
        for days_ago in [20, 15, 11, 8, 5, 2] {
            run(days_ago, "SUCCEEDED").await;
            run(days_ago, "FAILED").await;
        }
        prune_all(&world).await;
        let left = "SELECT COALESCE(owner, 'first') FROM sync_run WHERE finished_at IS NOT NULL ORDER BY finished_at, status DESC";
        let left = world.texts(left).await;
        let scheduled = left.iter().filter(|owner| owner.starts_with("test")).count();
        let left: Vec<&str> = left.iter().map(String::as_str).filter(|owner| !owner.starts_with("test")).collect();
        let expected = ["SUCCEEDED 11", "SUCCEEDED 8", "SUCCEEDED 5", "SUCCEEDED 2", "FAILED 2"];
        assert_eq!(left, expected, "history is kept for ten days, other runs for four");
        assert_eq!(scheduled, 0, "{first}");
    }

    async fn rows_go_in_turns_of_a_thousand(database) {
        let world = World::synced(&database, HARBOUR_READER.public).await;
        world.clock.advance(TimeDelta::days(30));
        fill(&world, 2_500).await;
        let horizons = world.store.set_horizons(world.workspace, Some(HISTORY), None).await.unwrap();
        let results = STEPS.into_iter().find(|step| step.name == "controlResults").unwrap();
        let mut turns = Vec::new();
        let left = world.count("control_result").await;
        while turns.last() != Some(&0) {
            turns.push(world.store.delete_expired(world.workspace, results, horizons).await.unwrap());
        }
        assert_eq!(turns, [BATCH, BATCH, 500, 0]);
        assert_eq!(world.count("control_result").await, left - 2_500);
    }

    async fn what_nothing_speaks_of_any_more_goes_unless_people_spoke_of_it(database) {
        let world = World::demo(&database).await;
        let (plain, described) = world.simulator.edit(|estate| {
            let own = estate.iter_mut().find(|own| own.name == NORTHWIND).unwrap();
            let named = |cluster: &Value| text(&cluster["name"]);
            let by_hand = ["telemetry-edge", "checkout", "lab-notebook"];
            let mut gone = (None, None);
            for project in &mut own.projects {
                let is = |wanted: bool| move |cluster: &Value| by_hand.contains(&cluster["name"].as_str().unwrap()) == wanted;
                if gone.0.is_none() && let Some(at) = project.clusters.iter().position(is(false)) {
                    gone.0 = Some(named(&project.clusters.remove(at)));
                }
                if gone.1.is_none() && let Some(at) = project.clusters.iter().position(is(true)) {
                    gone.1 = Some(named(&project.clusters.remove(at)));
                }
            }
            (gone.0.unwrap(), gone.1.unwrap())
        });
        let ids = json!([world.asset(&plain).await, world.asset(&described).await]);
        let (assets, people) = (world.count("asset").await, world.count("person").await);
        world.next_sync().await;
        world.next_sync().await;
        let events = world.count("audit_event").await;
        world.clock.advance(TimeDelta::days(11));
        world.sync_due().await;
        let nodes = "query($ids: [ID!]!) { nodes(ids: $ids) { ... on AtlasCluster { name } } }";
        let before = world.ask_with(nodes, json!({ "ids": ids })).await["nodes"].take();
        assert_eq!(before, json!([{ "name": plain }, { "name": described }]), "removed ones are found");
        prune_all(&world).await;
        let after = world.ask_with(nodes, json!({ "ids": ids })).await["nodes"].take();
        assert_eq!(after, json!([null, null]));
        assert_eq!(world.count("asset").await, assets - 1, "what was entered by hand waits for its return");
        assert_eq!(world.count("person").await, people);
        assert_eq!(world.count("audit_event").await, events, "the ledger is never pruned");
        world.store.verify_audit(world.workspace, None).await.unwrap().unwrap();
    }

    async fn of_several_replicas_one_prunes_once_a_day(database) {
        let world = World::synced(&database, HARBOUR_READER.public).await;
        let other = world.another_store().await;
        let stop = CancellationToken::new();
        for _ in 0..3 {
            let (one, two) =
                tokio::join!(prune_due(&world.store, KEPT, &stop), prune_due(&other, KEPT, &stop));
            assert_eq!(one.unwrap() + two.unwrap(), 1);
            assert_eq!(prune_due(&other, KEPT, &stop).await.unwrap(), 0, "not twice a day");
            world.clock.advance(TimeDelta::hours(23));
            assert_eq!(prune_due(&world.store, KEPT, &stop).await.unwrap(), 0);
            world.clock.advance(TimeDelta::hours(2));
        }
        // Whoever took the turn is gone: somebody else goes on soon.
        assert!(world.store.claim_pruning(world.workspace, TimeDelta::minutes(10)).await.unwrap());
        world.clock.advance(TimeDelta::minutes(9));
        assert_eq!(prune_due(&other, KEPT, &stop).await.unwrap(), 0);
        world.clock.advance(TimeDelta::minutes(2));
        assert_eq!(prune_due(&other, KEPT, &stop).await.unwrap(), 1);
    }
}

/// So many results of nothing that ended long ago.
async fn fill(world: &World, rows: u32) {
    let insert = format!(
        "INSERT INTO control_result (workspace_id, integration_id, control_key, subject_kind, subject_id, scope_id, outcome, \
         reason, message, evidence, since, valid_from, valid_to) \
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) \
         SELECT {}, 0, 'old', 'ASSET', -i, 0, 'PASS', 'R', 'm', '[]', 1, 1, i + 1 FROM n",
        world.workspace
    );
    world.execute(&insert).await;
}
