//! Without faults: several servers share the work, and none of it is done twice.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use serde_json::json;

use super::checker::Record;
use super::clients::Notes;
use super::estate::Organization;
use super::stage::Stage;
use super::{EVERY_TWO_SECONDS, LATEST, now};
use crate::support::tools::at_another_time;
use crate::support::{Database, is_long};

/// Longer than a lease, and than a slot.
const A_WHILE: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_servers_run_each_slot_once() {
    let Some(database) = Database::postgres().await else { return };
    // So many want more than two seconds of a small machine each two seconds: how late they are says how fast it is.
    let (organizations, lasts, latest) = if is_long() { (50, 60, Duration::MAX) } else { (8, 10, LATEST) };
    let stage = Stage::set(database.clone(), 4, organizations, EVERY_TWO_SECONDS).await;
    tokio::time::sleep(Duration::from_secs(lasts)).await;
    for server in &stage.servers {
        server.end().await;
    }
    check(&stage, latest).await;
    assert_all_took_part(&stage);
    database.drop_postgres().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_whose_clocks_are_an_hour_off_keep_the_leases_and_the_slots() {
    let Some(database) = Database::postgres().await else { return };
    let clocks = ["-1h", "+1h"].map(at_another_time);
    let stage = Stage::of(database.clone(), &clocks, 4, EVERY_TWO_SECONDS).await;
    tokio::time::sleep(Duration::from_secs(8)).await;
    let said = [stage.servers[0].log().await, stage.servers[1].log().await];
    let now = chrono::DateTime::from_timestamp_micros(super::now().cast_signed()).unwrap();
    let hour = |hours| (now + chrono::TimeDelta::hours(hours)).format("\"timestamp\":\"%Y-%m-%dT%H").to_string();
    assert!(said[0].contains(&hour(-1)) && said[1].contains(&hour(1)), "their clocks are not off");
    for server in &stage.servers {
        server.end().await;
    }
    check(&stage, LATEST).await;
    assert_all_took_part(&stage);
    database.drop_postgres().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wish_at_any_server_and_the_schedule_find_the_run_under_way() {
    let Some(database) = Database::postgres().await else { return };
    let organization = Organization(0);
    let stage = Stage::set(database.clone(), 2, 1, EVERY_TWO_SECONDS).await;
    let (generation, door) = stage.atlas.hold(organization).await;
    let runs = stage.history.runs().await.len();
    let (refused, run) = stage.wish(door, organization).await;
    assert_eq!(refused, "SYNC_IN_PROGRESS");
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(stage.wish(1 - door, organization).await, (json!("SYNC_IN_PROGRESS"), run));
    assert_eq!(stage.history.runs().await.len(), runs, "slots passed, and the run under way is theirs");
    stage.atlas.release();
    stage.synced_since(now(), LATEST).await;
    assert!(stage.shown(1 - door, organization).await >= generation);
    for server in &stage.servers {
        server.end().await;
    }
    check(&stage, LATEST).await;
    database.drop_postgres().await;
}

/// Nothing was done twice, and nothing was later than this.
async fn check(stage: &Stage, latest: Duration) {
    let record = Record {
        changes: stage.history.changes().await,
        runs: stage.history.runs().await,
        generations: stage.atlas.generations(),
        notes: Notes::default(),
        away: Vec::new(),
        people: HashSet::default(),
    };
    let verdict = record.check(latest);
    println!("{} claims, {} commits; late by {:?} at worst", verdict.claims, verdict.commits, verdict.worst_lateness);
    assert!(verdict.wrong.is_empty(), "{:#?}", verdict.wrong);
}

fn assert_all_took_part(stage: &Stage) {
    let busy: BTreeSet<usize> = stage.atlas.generations().values().map(|generation| generation.door).collect();
    assert_eq!(busy.len(), stage.servers.len(), "every server took part");
}
