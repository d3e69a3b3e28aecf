//! Sealed keys that somebody moved, cut or changed in the database open nothing, and nothing is sent with them.

use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::json;
use slategate::demo::keys::{HARBOUR_READER, READER};
use slategate::domain::hex;
use slategate::store::audit::Actor;
use slategate::store::views::Role;
use slategate::sync::EngineError;
use slategate::vault::VaultError;
use tokio_util::sync::CancellationToken;

use super::settings;
use crate::on_both_databases;
use crate::support::process::run;
use crate::support::{Kind, Setting, World};

/// The first workspace's integration with this key.
fn of(world: &World, public: &str) -> String {
    format!("workspace_id = {} AND public_key = '{public}'", world.workspace)
}

async fn make_due(world: &World) {
    world.execute("UPDATE sync_run SET broke_off = 0, taken_over = 0").await;
    world.execute("UPDATE integration SET lease_owner = NULL, lease_until = NULL").await;
    world.execute(&format!("UPDATE integration SET next_run_at = 1 WHERE {}", of(world, READER.public))).await;
}

/// The sealed key of an integration, in hex.
async fn sealed(world: &World, public: &str) -> String {
    let encode = match world.database.kind {
        Kind::Sqlite => "lower(hex(sealed_private_key))",
        Kind::Postgres => "encode(sealed_private_key, 'hex')",
    };
    let of = of(world, public);
    world.texts(&format!("SELECT {encode} FROM integration WHERE {of}")).await.remove(0)
}

async fn put(world: &World, public: &str, hex: &str) {
    let bytes = match world.database.kind {
        Kind::Sqlite => format!("x'{hex}'"),
        Kind::Postgres => format!("'\\x{hex}'"),
    };
    let of = of(world, public);
    world.execute(&format!("UPDATE integration SET sealed_private_key = {bytes} WHERE {of}")).await;
}

/// Why the vault does not open a key that is due to be used.
async fn refusal(world: &World) -> VaultError {
    make_due(world).await;
    let before = world.simulator.requests();
    let claim = world.store.claim_due("test", Duration::from_mins(1)).await.unwrap().unwrap();
    assert_eq!((claim.workspace, claim.public_key.as_str()), (world.workspace, READER.public));
    match world.restarted_engine().work(&claim, &CancellationToken::new()).await {
        Err(EngineError::Vault(refused)) => {
            assert_eq!(world.simulator.requests(), before, "nothing is sent");
            refused
        }
        other => panic!("the vault opened what it should not: {other:?}"),
    }
}

on_both_databases! {
    async fn what_is_not_as_it_was_sealed_opens_nothing(database) {
        let world = World::synced(&database, READER.public).await;
        world.connect(HARBOUR_READER.public).await.unwrap();
        assert_eq!(world.sync_due().await, 1);
        let other = world.other_workspace().await;
        let by = Actor { workspace: other, ..world.actor() };
        let key = READER.private.to_owned().into();
        world.engine.connect(&by, READER.public, key).await.unwrap().unwrap();
        assert_eq!(world.sync_due().await, 1);
        let whole = sealed(&world, READER.public).await;

        // Of another integration, and of another workspace.
        put(&world, READER.public, &sealed(&world, HARBOUR_READER.public).await).await;
        assert!(matches!(refusal(&world).await, VaultError::NotAuthentic));
        put(&world, READER.public, &whole).await;
        let of_other = format!("SELECT sealed_private_key FROM integration WHERE workspace_id = {other}");
        world.execute(&format!("UPDATE integration SET sealed_private_key = ({of_other}) WHERE {}", of(&world, READER.public))).await;
        assert!(matches!(refusal(&world).await, VaultError::WrongKey));
        put(&world, READER.public, &whole).await;
        let keys = "UPDATE data_key SET wrapped_key = (SELECT wrapped_key FROM data_key d WHERE d.workspace_id = {w}) \
                    WHERE workspace_id = {v}";
        let mine = world.workspace.to_string();
        world.execute("CREATE TABLE kept AS SELECT * FROM data_key").await;
        world.execute(&keys.replace("{w}", &other.to_string()).replace("{v}", &mine)).await;
        assert!(matches!(refusal(&world).await, VaultError::NotAuthentic));
        world.execute("UPDATE data_key SET wrapped_key = (SELECT wrapped_key FROM kept WHERE kept.id = data_key.id)").await;
        world.execute("DROP TABLE kept").await;

        // Changed in any bit, and cut anywhere.
        let mut runner = TestRunner::deterministic();
        let changes = (0..whole.len() * 4, any::<bool>());
        for _ in 0..24 {
            let (at, is_cut) = changes.new_tree(&mut runner).unwrap().current();
            let mut bytes: Vec<u8> = (0..whole.len()).step_by(2).map(|i| u8::from_str_radix(&whole[i..i + 2], 16).unwrap()).collect();
            if is_cut { bytes.truncate(at / 8) } else { bytes[at / 8] ^= 1 << (at % 8) }
            put(&world, READER.public, &hex(&bytes)).await;
            let refused = refusal(&world).await;
            let named = matches!(
                refused,
                VaultError::NotAuthentic | VaultError::Malformed | VaultError::UnknownVersion(_) | VaultError::WrongKey
            );
            assert!(named, "{at} {is_cut}: {refused:?}");
        }
        put(&world, READER.public, &whole).await;
        make_due(&world).await;
        assert!(world.sync_due().await >= 1);
        assert_eq!(world.last_run().await["status"], "SUCCEEDED", "whole again, it opens");
    }

    async fn a_key_that_does_not_open_ends_its_own_syncs_and_no_others(database) {
        let world = World::synced_with(&database, READER.public, Setting::default()).await;
        world.connect(HARBOUR_READER.public).await.unwrap();
        assert_eq!(world.sync_due().await, 1);
        put(&world, READER.public, "0102").await;
        for _ in 0..12 {
            world.clock.advance(chrono::TimeDelta::minutes(20));
            world.sync_due().await;
        }
        let query = "{ integrations { nodes { publicKey lastSync { status } } } }";
        let answer = world.query(Role::Admin, query, json!({})).await;
        let nodes = &answer["data"]["integrations"]["nodes"];
        let status = |index: usize| (nodes[index]["publicKey"].clone(), nodes[index]["lastSync"]["status"].clone());
        assert_eq!(status(0), (json!(READER.public), json!("FAILED")));
        assert_eq!(status(1), (json!(HARBOUR_READER.public), json!("SUCCEEDED")));
    }

    async fn a_server_without_the_right_keys_starts_not_and_writes_nothing(database) {
        let world = World::synced(&database, READER.public).await;
        let good = settings(&database, world.simulator.base_url().as_str());
        let file = |name: &str| database.folder().join(name);
        let stranger = file("stranger.key");
        slategate::vault::KeyRing::create(&stranger).unwrap();
        let exposed = file("exposed.key");
        std::fs::copy(file("master.key"), &exposed).unwrap();
        std::fs::set_permissions(&exposed, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
        std::fs::write(file("empty.key"), "").unwrap();
        std::fs::set_permissions(file("empty.key"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let text = std::fs::read_to_string(&stranger).unwrap().trim().to_owned();
        let cases = [
            (vec![("SLATEGATE_MASTER_KEY_FILE", file("nowhere.key").display().to_string())], "there is no master key file"),
            (vec![("SLATEGATE_MASTER_KEY_FILE", stranger.display().to_string())], "cannot open; nothing was written"),
            (vec![("SLATEGATE_MASTER_KEY_FILE", exposed.display().to_string())], "is open to other users (mode 644)"),
            (vec![("SLATEGATE_MASTER_KEY_FILE", file("empty.key").display().to_string())], "holds no key"),
            (vec![("SLATEGATE_MASTER_KEYS", text)], "cannot open; nothing was written"),
        ];
        let before = world.dump().await;
        let names = || {
            let mut names: Vec<_> = std::fs::read_dir(database.folder()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            names.retain(|name| !name.to_string_lossy().starts_with("slategate.db"));
            names.sort();
            names
        };
        let files = names();
        for (keys, reason) in cases {
            let mut settings: Vec<_> = good.iter().filter(|(name, _)| *name != "SLATEGATE_MASTER_KEY_FILE").cloned().collect();
            settings.extend(keys);
            settings.push(("SLATEGATE_LISTEN", "127.0.0.1:0".to_owned()));
            let refused = run(&["serve"], &settings).await;
            assert!(refused.code != 0 && refused.err.contains(reason), "{refused:?}");
            assert_eq!(world.dump().await, before, "{reason}");
            assert_eq!(names(), files, "{reason}");
        }
    }
}
