//! Without faults: several servers share the work, and none of it is done twice.

use std::collections::BTreeSet;
use std::time::Duration;

use super::LATEST;
use super::checker::Record;
use super::stage::Stage;
use crate::support::{Database, is_long};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_servers_run_each_slot_once() {
    let Some(database) = Database::postgres().await else { return };
    let (organizations, schedule, lasts) = if is_long() { (50, "*/2 * * * * *", 60) } else { (8, "*/2 * * * * *", 10) };
    let stage = Stage::set(database.clone(), 4, organizations, schedule).await;
    tokio::time::sleep(Duration::from_secs(lasts)).await;
    for server in &stage.servers {
        server.end().await;
    }
    let record = Record {
        changes: stage.history.changes().await,
        runs: stage.history.runs().await,
        generations: stage.atlas.generations(),
        notes: Default::default(),
        away: Vec::new(),
        people: Default::default(),
    };
    let verdict = record.check(LATEST);
    println!("{} claims, {} commits; late by {:?} at worst", verdict.claims, verdict.commits, verdict.worst_lateness);
    assert!(verdict.wrong.is_empty(), "{:#?}", verdict.wrong);
    let busy: BTreeSet<usize> = record.generations.values().map(|generation| generation.door).collect();
    assert_eq!(busy.len(), 4, "every server took part");
    database.drop_postgres().await;
}
