//! Runs that die, break off, are given back, take too long, or come back from the dead.

use std::time::Instant;

use slategate::sync::Limits;
use tokio_util::task::TaskTracker;

use super::*;
use crate::support::Setting;

/// Waits for the first attempts at a run to die with their leases.
async fn die(world: &World, times: usize) {
    for _ in 0..times {
        world.store.claim_due("mortal", LEASE).await.unwrap().unwrap();
        world.clock.advance(TimeDelta::seconds(30));
    }
}

on_both_databases! {
    async fn a_run_that_kills_its_process_does_not_come_back_for_ever(database) {
        let world = World::synced(&database, HARBOUR_READER.public).await;
        world.clock.advance(TimeDelta::hours(1));
        let (requests, facts) = (world.simulator.requests(), world.fact_rows().await);
        die(&world, 5).await;
        assert_eq!(world.sync_due().await, 1);

        let run = story(&world).await;
        assert_eq!((&run["status"], &run["error"]["code"], &run["attempts"]), (&json!("FAILED"), &json!("SYNC_STUCK"), &json!(6)));
        assert!(text(&run["summary"]).contains("died or lost its lease or the database 5 times"), "{run}");
        assert_eq!(run["nextRunAt"], "2026-11-02T11:00:00Z");
        assert_eq!(health(&world).await, ("ATTENTION".to_owned(), json!("SYNC_STUCK")));
        assert_eq!(world.simulator.requests(), requests);
        // Only what the controls say of lists that are not read any more has changed.
        let without_status = |rows: Vec<(&'static str, i64)>| -> Vec<_> {
            rows.into_iter().filter(|(table, _)| *table != "control_status").collect()
        };
        assert_eq!(without_status(world.fact_rows().await), without_status(facts));
        world.clock.advance(TimeDelta::minutes(50));
        assert_eq!(world.sync_due().await, 0);

        world.next_sync().await;
        let run = story(&world).await;
        assert_eq!((&run["status"], &run["attempts"]), (&json!("SUCCEEDED"), &json!(1)));
        assert_eq!(health(&world).await, ("CONNECTED".to_owned(), json!(null)));
    }

    async fn a_run_that_died_four_times_still_succeeds_and_says_so(database) {
        let world = World::synced(&database, HARBOUR_READER.public).await;
        world.clock.advance(TimeDelta::hours(1));
        die(&world, 4).await;
        assert_eq!(world.sync_due().await, 1);
        let run = story(&world).await;
        let summary = "Read everything; nothing had changed. Its process died or lost its lease or the database 4 times, and it was begun again.";
        assert_eq!((&run["summary"], &run["scheduledAt"]), (&json!(summary), &json!("2026-11-02T10:00:00Z")));
    }

    async fn a_run_that_breaks_off_waits_and_gives_up_after_five_times(database) {
        let world = World::synced(&database, HARBOUR_READER.public).await;
        world.execute("UPDATE integration SET sealed_private_key = NULL").await;
        world.clock.advance(TimeDelta::hours(1));
        for attempt in 1..=4 {
            assert_eq!(world.sync_due().await, 1, "{attempt}");
            let run = story(&world).await;
            assert_eq!((&run["status"], &run["attempts"]), (&json!("QUEUED"), &json!(attempt)));
            assert!(text(&run["summary"]).starts_with("Waits to be tried again at 2026-11-02T10:0"), "{run}");
            world.clock.advance(TimeDelta::seconds(29));
            assert_eq!(world.sync_due().await, 0);
            world.clock.advance(TimeDelta::seconds(1));
        }
        assert_eq!(world.sync_due().await, 2);
        let run = story(&world).await;
        assert_eq!((&run["status"], &run["error"]["code"]), (&json!("FAILED"), &json!("SYNC_STUCK")));
        assert_eq!(health(&world).await, ("ATTENTION".to_owned(), json!("SYNC_STUCK")));
        assert_eq!(world.sync_due().await, 0);
        // A person may try at once.
        assert_eq!(wish(&world).await.0, json!(null));
    }

    async fn a_run_that_is_given_back_is_no_failure(database) {
        let world = World::synced(&database, HARBOUR_READER.public).await;
        world.clock.advance(TimeDelta::hours(1));
        let stopping = CancellationToken::new();
        stopping.cancel();
        for _ in 0..7 {
            let claim = world.store.claim_due("stopping", LEASE).await.unwrap().unwrap();
            assert_eq!(world.engine.work(&claim, &stopping).await.unwrap(), RunOutcome::GivenBack);
        }
        assert_eq!(story(&world).await["status"], "QUEUED");
        assert_eq!(world.sync_due().await, 1);
        let run = story(&world).await;
        assert_eq!((&run["status"], &run["attempts"]), (&json!("SUCCEEDED"), &json!(8)));
        assert!(text(&run["summary"]).ends_with("A process that was shut down gave it back 7 times."), "{run}");
    }

    async fn a_process_that_comes_back_from_the_dead_is_counted(database) {
        let world = World::synced(&database, HARBOUR_READER.public).await;
        world.clock.advance(TimeDelta::hours(1));
        let zombie = world.store.claim_due("zombie", LEASE).await.unwrap().unwrap();
        world.clock.advance(TimeDelta::seconds(30));
        assert_eq!(world.sync_due().await, 1);
        let outcome = world.engine.work(&zombie, &CancellationToken::new()).await.unwrap();
        assert_eq!(outcome, RunOutcome::Fenced);
        let run = story(&world).await;
        assert_eq!((&run["status"], &run["turnedAway"], &run["attempts"]), (&json!("SUCCEEDED"), &json!(1), &json!(2)));
        assert!(text(&run["summary"]).ends_with("was turned away once and wrote nothing."), "{run}");
    }

    async fn a_process_whose_run_is_in_other_hands_writes_nothing(database) {
        let world = World::synced(&database, HARBOUR_READER.public).await;
        world.clock.advance(TimeDelta::hours(1));
        let zombie = world.store.claim_due("zombie", LEASE).await.unwrap().unwrap();
        world.clock.advance(TimeDelta::seconds(30));
        let newer = world.store.claim_due("newer", LEASE).await.unwrap().unwrap();
        assert_eq!(world.engine.work(&zombie, &CancellationToken::new()).await.unwrap(), RunOutcome::Fenced);
        assert_eq!(story(&world).await["status"], "RUNNING");
        let outcome = world.engine.work(&newer, &CancellationToken::new()).await.unwrap();
        assert!(matches!(outcome, RunOutcome::Ended(_)), "{outcome:?}");
        assert_eq!((story(&world).await["turnedAway"].clone(), world.count("sync_run").await), (json!(1), 2));
    }

    async fn a_process_that_was_paused_too_long_asks_atlas_nothing(database) {
        let world = World::synced(&database, HARBOUR_READER.public).await;
        world.clock.advance(TimeDelta::hours(1));
        let requests = world.simulator.requests();
        let mut paused = world.store.claim_due("paused", LEASE).await.unwrap().unwrap();
        paused.since = Instant::now().checked_sub(Duration::from_secs(26)).unwrap();
        let outcome = world.engine.work(&paused, &CancellationToken::new()).await.unwrap();
        assert_eq!((outcome, world.simulator.requests()), (RunOutcome::Unsure, requests));

        // Nobody had taken it over, so it is begun again at once; then the first one comes too late.
        assert_eq!(story(&world).await["status"], "QUEUED");
        assert_eq!(world.sync_due().await, 1);
        let requests = world.simulator.requests();
        let outcome = world.engine.work(&paused, &CancellationToken::new()).await.unwrap();
        assert_eq!((outcome, world.simulator.requests()), (RunOutcome::Fenced, requests));
        let run = story(&world).await;
        assert_eq!((&run["status"], &run["turnedAway"]), (&json!("SUCCEEDED"), &json!(1)));
    }

    async fn a_run_that_takes_too_long_fails_and_keeps_everything(database) {
        let limits = Limits { run: Duration::from_millis(500), ..Limits::default() };
        let world = World::synced_with(&database, HARBOUR_READER.public, Setting { limits, ..Default::default() }).await;
        world.simulator.latency(Duration::from_hours(1));
        world.clock.advance(TimeDelta::hours(1));
        assert_eq!(world.sync_due().await, 1);
        let run = story(&world).await;
        assert_eq!((&run["status"], &run["error"]["code"]), (&json!("FAILED"), &json!("SYNC_TOO_LONG")));
        assert!(text(&run["summary"]).contains("SLATEGATE_ATLAS_LANES"), "{run}");
        assert_eq!(health(&world).await, ("ATTENTION".to_owned(), json!("SYNC_TOO_LONG")));
        assert_eq!(names(&world, json!({})).await, ["berth-plan", "buoys", "gulls", "tides"]);
    }

    async fn a_disconnect_ends_the_run_under_way_with_a_reason(database) {
        let world = World::synced(&database, HARBOUR_READER.public).await;
        world.clock.advance(TimeDelta::hours(1));
        let claim = world.store.claim_due("worker", LEASE).await.unwrap().unwrap();
        world.engine.disconnect(&world.actor(), claim.integration_id, false).await.unwrap().unwrap();
        assert_eq!(world.engine.work(&claim, &CancellationToken::new()).await.unwrap(), RunOutcome::Fenced);
        let run = story(&world).await;
        assert_eq!((&run["status"], &run["error"]["code"]), (&json!("FAILED"), &json!("DISCONNECTED")));
        assert_eq!(health(&world).await, ("DISCONNECTED".to_owned(), json!(null)));
    }

    async fn workers_outlive_an_outage_and_lose_no_slot(database) {
        let world = World::synced(&database, HARBOUR_READER.public).await;
        world.clock.advance(TimeDelta::hours(1));
        world.execute("ALTER TABLE integration RENAME TO integration_away").await;
        let (tasks, cancel) = (TaskTracker::new(), CancellationToken::new());
        world.engine.start(&tasks, &cancel, 2).await.unwrap();
        let statements = || world.statements.load(std::sync::atomic::Ordering::Relaxed);
        let tried = statements() + 12;
        until("the workers try", async || statements() >= tried).await;
        world.execute("ALTER TABLE integration_away RENAME TO integration").await;
        until("the slot is worked off", async || story(&world).await["status"] == "SUCCEEDED"
            && world.count("sync_run").await == 2).await;
        assert_eq!(story(&world).await["scheduledAt"], "2026-11-02T10:00:00Z");
        cancel.cancel();
        tasks.close();
        tasks.wait().await;
    }
}

/// Waits for something that happens beside the test.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_so().await {
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
