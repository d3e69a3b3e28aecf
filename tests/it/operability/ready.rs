use chrono::TimeDelta;
use serde_json::{Value, json};
use slategate::vault::KeyRing;

use crate::on_both_databases;
use crate::support::{Served, World};

async fn ready(served: &Served) -> (u16, Value) {
    let answer = served.client.get(format!("http://{}/readyz", served.address)).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

fn failing(name: &str) -> (u16, Value) {
    (503, json!({ "status": "unready", "failing": name }))
}

on_both_databases! {
    async fn keys_that_are_gone_are_named(database) {
        let world = World::synced(&database, slategate::demo::keys::READER.public).await;
        let served = world.serve().await;
        let good = (200, json!({ "status": "ready" }));
        assert_eq!(ready(&served).await, good);

        let file = database.folder().join("master.key");
        let kept = std::fs::read(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        assert_eq!(ready(&served).await, good, "looked at some seconds ago");
        world.clock.advance(TimeDelta::seconds(5));
        assert_eq!(ready(&served).await, failing("keys"));

        KeyRing::create(&file).unwrap();
        assert_eq!(ready(&served).await, failing("keys"), "another key");
        std::fs::write(&file, "nonsense").unwrap();
        assert_eq!(ready(&served).await, failing("keys"));
        std::fs::write(&file, &kept).unwrap();
        assert_eq!(ready(&served).await, good);
    }

    async fn a_schema_that_is_behind_is_named(database) {
        let world = World::new(&database).await;
        let served = world.serve().await;
        world.execute("DELETE FROM seaql_migrations WHERE version = (SELECT MAX(version) FROM seaql_migrations)").await;
        assert_eq!(ready(&served).await, failing("schema"));
    }
}
