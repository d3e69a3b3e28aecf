//! Atlas left alone: after a refusal that a person has to mend, and for as long as Atlas asks.

use super::*;
use crate::support::Setting;

on_both_databases! {
    async fn a_rejected_key_is_probed_every_quarter_of_an_hour_whatever_the_schedule(database) {
        let setting = Setting { schedule: Some("*/2 * * * * *"), ..Default::default() };
        let world = World::synced_with(&database, HARBOUR_READER.public, setting).await;
        world.simulator.revoke_key(HARBOUR_READER.public);
        world.clock.advance(TimeDelta::seconds(2));
        assert_eq!(world.sync_due().await, 1);
        let mut requests = world.simulator.requests();
        for _ in 0..3 {
            for _ in 0..14 {
                world.clock.advance(TimeDelta::minutes(1));
                assert_eq!(world.sync_due().await, 0);
            }
            assert_eq!(world.simulator.requests(), requests);
            world.clock.advance(TimeDelta::minutes(1));
            assert_eq!(world.sync_due().await, 1);
            assert!(world.simulator.requests() - requests <= 3);
            requests = world.simulator.requests();
        }
        assert_eq!(health(&world).await, ("ATTENTION".to_owned(), json!("CREDENTIALS_REJECTED")));
    }

    async fn a_wish_may_probe_once_and_then_waits(database) {
        let world = World::synced(&database, HARBOUR_READER.public).await;
        world.simulator.revoke_key(HARBOUR_READER.public);
        world.next_sync().await;
        world.clock.advance(TimeDelta::minutes(1));
        assert_eq!(wish(&world).await.0, json!(null));
        assert_eq!(world.sync_due().await, 1);
        assert_eq!(story(&world).await["trigger"], "MANUAL");

        let runs = world.count("sync_run").await;
        world.clock.advance(TimeDelta::minutes(14));
        assert_eq!(wish(&world).await, (json!("CREDENTIALS_REJECTED"), json!(null)));
        assert_eq!((world.sync_due().await, world.count("sync_run").await), (0, runs));
        world.clock.advance(TimeDelta::seconds(61));
        assert_eq!(wish(&world).await.0, json!(null));
    }

    async fn a_wish_from_before_the_refusal_is_no_probe(database) {
        let world = World::synced(&database, HARBOUR_READER.public).await;
        assert_eq!(wish(&world).await.0, json!(null));
        world.simulator.revoke_key(HARBOUR_READER.public);
        assert_eq!(world.sync_due().await, 1);
        assert_eq!(health(&world).await.1, json!("CREDENTIALS_REJECTED"));
        assert_eq!(wish(&world).await.0, json!(null));
        assert_eq!(world.sync_due().await, 1);
        assert_eq!(wish(&world).await.0, json!("CREDENTIALS_REJECTED"));
    }

    async fn a_first_sync_that_fails_leaves_every_control_unknown(database) {
        let world = World::new(&database).await;
        world.connect(HARBOUR_READER.public).await.unwrap();
        let refusal = world.simulator.refuse(Refusal::scope(ScopeKind::Organization, None, 500));
        assert_eq!(world.sync_due().await, 1);
        let controls = "{ controls { status coverage { inScope unreadableScopes } } }";
        let answer = world.ask(controls).await;
        for control in answer["controls"].as_array().unwrap() {
            assert_eq!((&control["status"], &control["coverage"]["inScope"]), (&json!("UNKNOWN"), &json!(0)));
            assert!(control["coverage"]["unreadableScopes"].as_u64().unwrap() > 0, "{control}");
        }
        world.simulator.allow(refusal);
        world.next_sync().await;
        assert_eq!(story(&world).await["status"], "SUCCEEDED");
        assert_ne!(status(&world, "clusters-backed-up").await.0, "UNKNOWN");
    }

    async fn atlas_is_asked_no_sooner_than_it_wishes(database) {
        let world = World::synced(&database, HARBOUR_READER.public).await;
        let refusal = Refusal::scope(ScopeKind::Organization, None, 429).retry_after(7_200);
        let refusal = world.simulator.refuse(refusal);
        world.next_sync().await;
        let run = story(&world).await;
        assert_eq!((&run["status"], &run["error"]["code"]), (&json!("FAILED"), &json!("RATE_LIMITED")));
        let due = world.clock.now() + TimeDelta::hours(2);
        let summary = text(&run["summary"]);
        assert!(summary.ends_with("The next sync is planned for 2026-11-02T12:00:01Z."), "{summary}");
        let requests = world.simulator.requests();

        assert_eq!(wish(&world).await, (json!("RATE_LIMITED"), json!(null)));
        for _ in 0..7 {
            world.clock.advance(TimeDelta::minutes(15));
            assert_eq!(world.sync_due().await, 0);
        }
        assert_eq!(world.simulator.requests(), requests);
        world.simulator.allow(refusal);
        world.clock.advance(due - world.clock.now());
        // To the second that Atlas asked for, and the pause of the client on top.
        world.clock.advance(TimeDelta::minutes(1));
        // This process's buckets go by the machine's clock, on which no time has passed.
        assert!(world.restarted_engine().work_next("test", &CancellationToken::new()).await.unwrap());
        let run = story(&world).await;
        assert_eq!((&run["status"], &run["scheduledAt"]), (&json!("SUCCEEDED"), &json!("2026-11-02T11:00:00Z")));
    }
}
