//! One run for each slot of the schedule, and one run at a time.

use super::*;

/// Every run, the oldest first: trigger and slot.
async fn slots(world: &World) -> Vec<(String, Value)> {
    let answer = world.ask("{ syncRuns { nodes { trigger scheduledAt } } }").await;
    let mut nodes = answer["syncRuns"]["nodes"].as_array().unwrap().clone();
    nodes.reverse();
    nodes.iter().map(|node| (text(&node["trigger"]), node["scheduledAt"].clone())).collect()
}

fn scheduled(slot: &str) -> (String, Value) {
    ("SCHEDULE".to_owned(), json!(format!("2026-11-02T{slot}:00Z")))
}

async fn next_sync_at(world: &World) -> Value {
    world.ask("{ integrations { nodes { nextSyncAt } } }").await["integrations"]["nodes"][0]["nextSyncAt"].take()
}

on_both_databases! {
    async fn downtime_is_caught_up_with_by_one_run(database) {
        let world = World::synced(&database, HARBOUR_READER.public).await;
        assert_eq!(next_sync_at(&world).await, "2026-11-02T10:00:00Z");
        world.next_sync().await;
        world.clock.advance(TimeDelta::hours(5));
        assert_eq!(world.sync_due().await, 1);
        assert_eq!(next_sync_at(&world).await, "2026-11-02T16:00:00Z");
        world.next_sync().await;
        let connect = ("CONNECT".to_owned(), json!(null));
        assert_eq!(slots(&world).await, [connect, scheduled("10:00"), scheduled("11:00"), scheduled("16:00")]);
    }

    async fn a_clock_that_is_set_back_gives_no_slot_a_second_run(database) {
        let world = World::synced(&database, HARBOUR_READER.public).await;
        world.clock.advance(TimeDelta::minutes(59) + TimeDelta::seconds(59));
        assert_eq!(world.sync_due().await, 1);
        world.clock.advance(TimeDelta::minutes(-5));
        assert_eq!(wish(&world).await.0, json!(null));
        // What is committed keeps its order, so the run is due no sooner than the commit before it.
        world.clock.advance(TimeDelta::seconds(1));
        assert_eq!(world.sync_due().await, 1);
        assert_eq!(next_sync_at(&world).await, "2026-11-02T11:00:00Z");
        assert_eq!(slots(&world).await.last(), Some(&("MANUAL".to_owned(), json!(null))));
        let doubles = "(SELECT 1 FROM sync_run WHERE scheduled_at IS NOT NULL GROUP BY scheduled_at HAVING COUNT(*) > 1) d";
        assert_eq!(world.count(doubles).await, 0);
    }

    async fn the_database_refuses_a_second_run_of_a_slot_and_a_second_open_run(database) {
        let world = World::synced(&database, HARBOUR_READER.public).await;
        world.clock.advance(TimeDelta::hours(1));
        world.store.claim_due("worker", LEASE).await.unwrap().unwrap();
        let columns = "workspace_id, integration_id, trigger_kind, status, queued_at, stage, done, requests, added, updated, \
                       removed, results_flipped";
        let copy = |also: &str, values: &str| {
            format!("INSERT INTO sync_run ({columns}, {also}) SELECT {columns}, {values} FROM sync_run WHERE finished_at IS NULL")
        };
        assert!(world.try_execute(&copy("finished_at, scheduled_at", "queued_at, scheduled_at")).await.is_err());
        assert!(world.try_execute(&copy("scheduled_at", "NULL")).await.is_err());
        world.execute(&copy("finished_at", "queued_at")).await;
    }

    async fn a_wish_and_the_schedule_share_the_run_under_way(database) {
        let world = World::synced(&database, HARBOUR_READER.public).await;
        world.clock.advance(TimeDelta::minutes(50));
        let (refused, queued) = wish(&world).await;
        assert_eq!(refused, json!(null));
        assert_eq!(wish(&world).await, (json!("SYNC_IN_PROGRESS"), queued.clone()));
        let claim = world.store.claim_due("slow", Duration::from_mins(15)).await.unwrap().unwrap();
        assert_eq!(wish(&world).await, (json!("SYNC_IN_PROGRESS"), queued.clone()));

        // Ten o'clock passes while it reads: the slot is this run's.
        world.clock.advance(TimeDelta::minutes(11));
        assert_eq!(world.sync_due().await, 0);
        let outcome = world.engine.work(&claim, &CancellationToken::new()).await.unwrap();
        assert!(matches!(outcome, RunOutcome::Ended(_)), "{outcome:?}");
        assert_eq!(world.sync_due().await, 0);
        let expected = [("CONNECT".to_owned(), json!(null)), ("MANUAL".to_owned(), json!("2026-11-02T10:00:00Z"))];
        assert_eq!(slots(&world).await, expected);
        assert_eq!(next_sync_at(&world).await, "2026-11-02T11:00:00Z");

        // A wish for what is due already is that slot's run.
        world.clock.advance(TimeDelta::hours(1));
        wish(&world).await;
        assert_eq!(world.sync_due().await, 1);
        assert_eq!(slots(&world).await[2], ("MANUAL".to_owned(), json!("2026-11-02T11:00:00Z")));
        assert_eq!(world.sync_due().await, 0);
    }

    async fn wishes_and_claims_at_the_same_time_make_one_run(database) {
        let world = World::synced(&database, HARBOUR_READER.public).await;
        let by = world.actor();
        for _ in 0..10 {
            world.clock.advance(TimeDelta::hours(1));
            let before = world.count("sync_run").await;
            let (one, two, three, four) = tokio::join!(
                world.engine.request_sync(&by, 1),
                world.store.claim_due("one", LEASE),
                world.engine.request_sync(&by, 1),
                world.store.claim_due("two", LEASE),
            );
            assert!(one.unwrap().is_ok() && three.unwrap().is_ok());
            let claims = [two.unwrap(), four.unwrap()];
            assert!(claims.iter().flatten().count() <= 1);
            assert_eq!(world.count("sync_run").await, before + 1);
            for claim in claims.iter().flatten() {
                world.engine.work(claim, &CancellationToken::new()).await.unwrap();
            }
            world.sync_due().await;
            assert_eq!(world.count("sync_run").await, before + 1);
            assert_eq!(world.count("sync_run WHERE finished_at IS NULL").await, 0);
        }
    }
}
