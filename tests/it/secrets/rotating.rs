//! Master keys rotate while two servers sync all the time, and the rotation is killed again and again.

use std::process::Stdio;
use std::time::Duration;

use slategate::demo::keys::READER;
use slategate::store::audit::Actor;

use super::settings;
use crate::on_both_databases;
use crate::support::process::{eventually, run, slategate};
use crate::support::{Process, World};

const WORKSPACES: usize = 16;

async fn succeeded(world: &World) -> i64 {
    world.count("sync_run WHERE status = 'SUCCEEDED'").await
}

/// Every workspace is synced once more.
async fn all_sync(world: &World, servers: &[Process]) {
    let target = succeeded(world).await + i64::try_from(WORKSPACES).unwrap();
    let waited = eventually(Duration::from_mins(1), || async { succeeded(world).await >= target }).await;
    assert!(waited.is_ok(), "no syncs:\n{}", servers[0].log());
}

on_both_databases! {
    async fn a_rotation_that_is_killed_at_any_point_fails_no_sync(database) {
        let world = World::new(&database).await;
        for number in 0..WORKSPACES {
            let workspace = world.store.create_workspace(&format!("w{number}"), "test").await.unwrap();
            let by = Actor { workspace, ..world.actor() };
            let key = READER.private.to_owned().into();
            world.engine.connect(&by, READER.public, key).await.unwrap().unwrap();
        }
        let mut settings = settings(&database, world.simulator.base_url().as_str());
        settings.push(("SLATEGATE_SYNC_SCHEDULE", "*/2 * * * * *".to_owned()));
        // A file of SQLite is one server's.
        let replicas = if database.kind == crate::support::Kind::Sqlite { 1 } else { 2 };
        let mut servers = Vec::new();
        for _ in 0..replicas {
            servers.push(Process::serve(&settings).await);
        }
        all_sync(&world, &servers).await;
        let (mut rotations, mut kills, mut halves) = (0, 0, 0);
        // A rotation that was faster than its killer proves nothing; the next one may.
        while rotations < 10 && halves == 0 {
            let old = world.texts("SELECT DISTINCT master_key_id FROM data_key").await;
            assert_eq!(old.len(), 1);
            let left = format!("data_key WHERE master_key_id = '{}'", old[0]);
            for round in 0.. {
                let before = world.count(&left).await;
                if before == 0 {
                    break;
                }
                let mut rotation = slategate(&["key", "rotate"], &settings).stderr(Stdio::null()).spawn().unwrap();
                // Now and then before it has done anything, else as soon as a key is wrapped again.
                if round % 3 == 0 {
                    tokio::time::sleep(Duration::from_millis(20 * round)).await;
                } else {
                    while world.count(&left).await == before && rotation.try_wait().unwrap().is_none() {}
                }
                if rotation.try_wait().unwrap().is_none() {
                    rotation.kill().await.unwrap();
                    kills += 1;
                }
                let after = world.count(&left).await;
                halves += usize::from(after > 0 && after < i64::try_from(WORKSPACES).unwrap());
            }
            rotations += 1;
        }
        println!("killed {kills} times, {halves} of them half-way, in {rotations} rotations");
        assert!(kills > 0 && halves > 0, "{kills} {halves}");
        let keys = run(&["key", "list"], &settings).await.out.lines().count();
        assert_eq!(keys, rotations + 1, "one new key a rotation, whatever happened");
        all_sync(&world, &servers).await;
        let pruned = run(&["key", "prune"], &settings).await;
        assert_eq!(pruned.out, format!("master keys removed: {rotations}; left: 1\n"), "{pruned:?}");
        all_sync(&world, &servers).await;

        let others = "sync_run WHERE status NOT IN ('SUCCEEDED', 'QUEUED', 'RUNNING') OR broke_off > 0";
        assert_eq!(world.count(others).await, 0, "{:?}", world.texts("SELECT DISTINCT error_code FROM sync_run").await);
        for server in &servers {
            let log = server.log();
            assert!(!log.contains("\"level\":\"ERROR\""), "{log}");
        }
        drop(servers);
        let server = Process::serve(&settings).await;
        all_sync(&world, &[server]).await;
    }
}
