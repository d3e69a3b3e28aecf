use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;

const COLUMN: &str = "integration.sealed_private_key";

/// One for all cases of a property: making a key file costs a sync to disk.
static SHARED: LazyLock<Vault> = LazyLock::new(vault);

fn vault() -> Vault {
    let folder = tempfile::tempdir().unwrap();
    Vault::new(KeyRing::create(&folder.path().join("master.key")).unwrap())
}

fn sealed(vault: &Vault) -> (WrappedDataKey, Vec<u8>) {
    let data_key = vault.new_data_key(7).unwrap();
    let sealed = vault.seal(7, &data_key, COLUMN, 11, &SecretString::from("s3cret-äöü")).unwrap();
    (data_key, sealed)
}

#[test]
fn a_sealed_secret_opens_where_it_belongs() {
    let vault = vault();
    let (data_key, sealed) = sealed(&vault);
    let opened = vault.open(7, &data_key, COLUMN, 11, &sealed).unwrap();
    assert_eq!(opened.expose_secret(), "s3cret-äöü");
    assert!(vault.can_open(7, &data_key));
}

#[test]
fn a_sealed_secret_opens_nowhere_else() {
    let vault = vault();
    let (data_key, sealed) = sealed(&vault);
    for (column, row) in [(COLUMN, 12), ("integration.public_key", 11), ("", 11)] {
        let refused = vault.open(7, &data_key, column, row, &sealed);
        assert!(matches!(refused, Err(VaultError::NotAuthentic)), "{column} {row}: {refused:?}");
    }
    let other_key = vault.new_data_key(7).unwrap();
    assert!(matches!(vault.open(7, &other_key, COLUMN, 11, &sealed), Err(VaultError::WrongKey)));
}

#[test]
fn a_data_key_opens_only_in_its_workspace() {
    let vault = vault();
    let (data_key, sealed) = sealed(&vault);
    assert!(!vault.can_open(8, &data_key));
    assert!(matches!(vault.open(8, &data_key, COLUMN, 11, &sealed), Err(VaultError::NotAuthentic)));
}

#[test]
fn another_ring_names_the_master_key_it_lacks() {
    let (data_key, sealed) = sealed(&vault());
    let refused = vault().open(7, &data_key, COLUMN, 11, &sealed).unwrap_err();
    assert_eq!(refused.to_string(), format!("the key ring has no master key {}", data_key.master_key_id));
}

#[test]
fn sealing_twice_never_gives_the_same_bytes() {
    let vault = vault();
    let data_key = vault.new_data_key(7).unwrap();
    let seal = || vault.seal(7, &data_key, COLUMN, 11, &SecretString::from("same")).unwrap();
    assert_ne!(seal(), seal());
}

#[test]
fn debug_shows_key_ids_and_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("master.key");
    let vault = Vault::new(KeyRing::create(&path).unwrap());
    let text = std::fs::read_to_string(path).unwrap();
    let (id, encoded) = text.trim().split_once(' ').unwrap();
    let shown = format!("{vault:?}");
    assert_eq!(shown, format!("Vault {{ ring: [Key({id})] }}"));
    assert!(!shown.contains(encoded));
}

proptest! {
    #[test]
    fn any_flipped_bit_is_refused(byte in 0usize..1000, bit in 0u8..8) {
        let (data_key, sealed) = sealed(&SHARED);
        prop_assert_eq!(sealed.len(), 29 + "s3cret-äöü".len() + 16);
        let flip = |bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            let at = byte % bytes.len();
            bytes[at] ^= 1 << bit;
            bytes
        };
        prop_assert!(SHARED.open(7, &data_key, COLUMN, 11, &flip(&sealed)).is_err());
        let wrapped = flip(&data_key.wrapped);
        let data_key = WrappedDataKey { wrapped, ..data_key };
        prop_assert!(!SHARED.can_open(7, &data_key));
    }

    #[test]
    fn any_truncation_and_any_tail_is_refused(keep in 0usize..58, tail in proptest::collection::vec(any::<u8>(), 1..9)) {
        let (data_key, mut sealed) = sealed(&SHARED);
        prop_assert!(SHARED.open(7, &data_key, COLUMN, 11, &sealed[..keep]).is_err());
        let wrapped = data_key.wrapped[..keep].to_vec();
        let cut = WrappedDataKey { wrapped, ..data_key.clone() };
        prop_assert!(!SHARED.can_open(7, &cut));
        sealed.extend(tail);
        prop_assert!(SHARED.open(7, &data_key, COLUMN, 11, &sealed).is_err());
    }

    #[test]
    fn garbage_is_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let (mut data_key, _) = sealed(&SHARED);
        prop_assert!(SHARED.open(7, &data_key, COLUMN, 11, &bytes).is_err());
        data_key.wrapped = bytes;
        prop_assert!(!SHARED.can_open(7, &data_key));
    }
}

mod key_file {
    use std::path::PathBuf;

    use super::*;

    struct KeyFile {
        _folder: tempfile::TempDir,
        path: PathBuf,
    }

    fn nowhere() -> KeyFile {
        let folder = tempfile::tempdir().unwrap();
        KeyFile { path: folder.path().join("master.key"), _folder: folder }
    }

    fn holding(text: &str) -> KeyFile {
        let file = nowhere();
        KeyRing::create(&file.path).unwrap();
        std::fs::write(&file.path, text).unwrap();
        file
    }

    fn line() -> String {
        let file = nowhere();
        KeyRing::create(&file.path).unwrap();
        std::fs::read_to_string(&file.path).unwrap()
    }

    fn refusal(text: &str) -> String {
        let file = holding(text);
        let error = KeyRing::open(&file.path).unwrap_err().to_string();
        error.replace(&file.path.display().to_string(), "FILE")
    }

    #[cfg(unix)]
    #[test]
    fn a_new_file_is_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let file = nowhere();
        KeyRing::create(&file.path).unwrap();
        assert_eq!(std::fs::metadata(&file.path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        for mode in [0o640, 0o604, 0o620, 0o601] {
            let file = holding(&line());
            std::fs::set_permissions(&file.path, std::fs::Permissions::from_mode(mode)).unwrap();
            let refused = KeyRing::open(&file.path);
            assert!(matches!(refused, Err(VaultError::ExposedKeyFile { mode: told, .. }) if told == mode), "{mode:o}");
        }
    }

    #[test]
    fn creating_over_an_existing_file_keeps_its_key() {
        let file = nowhere();
        let first = KeyRing::create(&file.path).unwrap();
        let second = KeyRing::create(&file.path).unwrap();
        assert_eq!(first.newest().id(), second.newest().id());
    }

    #[test]
    fn the_newest_key_is_last_and_the_older_ones_still_open() {
        let old_line = line();
        let old = Vault::new(KeyRing::open(&holding(&old_line).path).unwrap());
        let data_key = old.new_data_key(7).unwrap();
        let new_line = line();
        let both = Vault::new(KeyRing::open(&holding(&format!("{old_line}\n{new_line}")).path).unwrap());
        assert!(both.can_open(7, &data_key));
        assert_eq!(both.new_data_key(7).unwrap().master_key_id, new_line[..8]);
    }

    #[test]
    fn each_kind_of_damage_is_named_with_its_line() {
        let good = line();
        let (id, encoded) = good.trim().split_once(' ').unwrap();
        let tail = "(SLATEGATE_MASTER_KEY_FILE)";
        assert_eq!(refusal(""), format!("the master key file FILE holds no key {tail}"));
        assert_eq!(refusal(encoded), format!("line 1 of the master key file FILE is not `key-id base64` {tail}"));
        assert_eq!(
            refusal(&format!("{good}{id} ???")),
            format!("line 2 of the master key file FILE is not valid base64 {tail}")
        );
        assert_eq!(
            refusal(&format!("{id} c2hvcnQ=")),
            format!("line 1 of the master key file FILE does not hold 32 bytes {tail}")
        );
        assert_eq!(
            refusal(&format!("00000000 {encoded}")),
            format!("line 1 of the master key file FILE has a key id that is not its key's {tail}")
        );
    }

    #[test]
    fn a_fresh_start_makes_the_file_when_it_may() {
        let file = nowhere();
        let refused = verify_or_refuse(&KeySource::File(file.path.clone()), false, &[]).unwrap_err();
        assert!(refused.to_string().contains("SLATEGATE_MASTER_KEY_FILE"), "{refused}");
        assert!(!file.path.exists());
        verify_or_refuse(&KeySource::File(file.path.clone()), true, &[]).unwrap();
        assert!(file.path.exists());
    }

    #[test]
    fn a_start_without_the_key_of_a_used_database_refuses_and_writes_nothing() {
        let (data_key, _) = sealed(&vault());
        let file = nowhere();
        let refused = verify_or_refuse(&KeySource::File(file.path.clone()), true, &[(7, data_key.clone())]);
        assert!(matches!(refused, Err(VaultError::MissingKeyFile { .. })), "{refused:?}");
        assert!(!file.path.exists());

        let other = holding(&line());
        let refused = verify_or_refuse(&KeySource::File(other.path.clone()), true, &[(7, data_key)]);
        assert!(matches!(refused, Err(VaultError::WrongKeyRing { workspace: 7, .. })), "{refused:?}");
    }

    #[test]
    fn a_ring_reads_its_file_again_for_a_key_it_lacks() {
        let file = nowhere();
        let serving = Vault::new(KeyRing::create(&file.path).unwrap());
        let first = serving.new_data_key(7).unwrap();
        let rotating = Vault::new(KeyRing::open(&file.path).unwrap().add().unwrap());
        let again = rotating.wrap_again(7, &first).unwrap();
        assert_ne!(again.master_key_id, first.master_key_id);
        assert!(serving.can_open(7, &again));
        assert_eq!(serving.new_data_key(7).unwrap().master_key_id, again.master_key_id);

        let ring = KeyRing::open(&file.path).unwrap().without_unneeded(&[]).unwrap();
        assert_eq!(ring.ids(), std::slice::from_ref(&again.master_key_id));
        let late = Vault::new(KeyRing::open(&file.path).unwrap());
        assert!(late.can_open(7, &again) && !late.can_open(7, &first));
    }

    #[test]
    fn keys_of_the_environment_are_spelled_as_in_the_file_and_stay() {
        let (old, new) = (line(), line());
        let text = format!("{},{}", old.trim(), new.trim());
        let ring = KeySource::Text(text.into()).read().unwrap();
        assert_eq!(ring.ids(), [&old[..8], &new[..8]]);
        assert!(matches!(ring.add(), Err(VaultError::FixedKeys)));
    }

    #[test]
    fn one_rotation_at_a_time() {
        let file = nowhere();
        let first = RotationLock::acquire(&file.path).unwrap();
        assert!(matches!(RotationLock::acquire(&file.path), Err(VaultError::RotationUnderWay)));
        drop(first);
        assert!(RotationLock::acquire(&file.path).is_ok());
    }
}
