//! Door for the fuzz target: sealed values that somebody has changed.

use super::KeyRing;
use super::envelope::{Binding, Key};

const SECRET: &[u8] = b"0d1f0d1f-canary";
const BINDING: Binding<'_> = Binding { workspace: 7, column: "integration.private_key", row: 9 };

/// Bytes in place of a sealed value; and, taken as pairs of a place and a mask, changes to a real one. The same bytes
/// as a key ring's text.
pub fn sealed(input: &[u8]) {
    let key = Key::from_slice(&[7; 32]).unwrap_or_else(|| panic!("a key has 32 bytes"));
    // A fuzzer copies what was sealed in an earlier round; it makes nothing new.
    let copied = key.open(&BINDING, input);
    assert!(copied.is_err() || copied.is_ok_and(|secret| secret.as_slice() == SECRET), "nobody sealed this");

    let sealed = key.seal(&BINDING, SECRET).unwrap_or_else(|error| panic!("{error}"));
    let mut changed = sealed.clone();
    for (at, mask) in input.chunks_exact(2).map(|pair| (usize::from(pair[0]), pair[1])) {
        match changed.get_mut(at) {
            Some(byte) => *byte ^= mask,
            None if mask % 2 == 0 => changed.truncate(at % (sealed.len() + 1)),
            None => changed.push(mask),
        }
    }
    let opened = key.open(&BINDING, &changed);
    assert_eq!(opened.is_ok_and(|secret| secret.as_slice() == SECRET), changed == sealed, "{input:?}");
    for other in [
        Binding { workspace: 8, ..BINDING },
        Binding { row: 8, ..BINDING },
        Binding { column: "integration.private_keys", ..BINDING },
    ] {
        assert!(key.open(&other, &sealed).is_err());
    }

    KeyRing::fuzz(&String::from_utf8_lossy(input));
}
