//! The name of this process in leases: a ULID, never a host name.

use crate::domain::Instant;

const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A new name: 48 bits of milliseconds since 1970, then 80 random ones, as 26 digits of Crockford's base 32.
pub fn new_owner(now: Instant) -> String {
    let mut random = [0_u8; 10];
    if let Err(error) = getrandom::fill(&mut random) {
        // The epoch fences all the same; the name only helps people who read the table.
        tracing::warn!(error = %error, "no random name for this process");
    }
    ulid(u64::try_from(now.timestamp_millis()).unwrap_or_default(), random)
}

fn ulid(millis: u64, random: [u8; 10]) -> String {
    let random = random.iter().fold(0_u128, |bits, byte| bits << 8 | u128::from(*byte));
    let bits = u128::from(millis & 0xffff_ffff_ffff) << 80 | random;
    let digit = |place: u32| usize::try_from(bits >> (5 * place) & 31).unwrap_or_default();
    (0..26).rev().map(|place| char::from(DIGITS[digit(place)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_ulids_and_sort_by_time() {
        // The specification's own example of a time.
        assert_eq!(ulid(1_469_918_176_385, [0; 10]), "01ARYZ6S410000000000000000");
        assert_eq!(ulid(0xffff_ffff_ffff, [0xff; 10]), "7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
        assert!(ulid(1, [0xff; 10]) < ulid(2, [0; 10]));
    }
}
