//! Without a fuzzer: the committed seeds, and as many inputs made from them as fit into a test run.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::*;

/// Made from each target's seeds; a hundred times as many with `SLATEGATE_TEST_LONG`.
const GENERATED: usize = 1_500;
const LONGEST: usize = 4_096;
/// Pieces that readers stumble over.
const PIECES: [&[u8]; 20] = [
    b"\"",
    b"\\",
    b"\r\n",
    b"\0",
    b"\x1b[31m",
    b"\xff\xfe",
    "\u{202e}".as_bytes(),
    b"{}",
    b"[",
    b"null",
    b"-1",
    b"1e999",
    b"18446744073709551616",
    b",",
    b"=",
    b"@",
    b"...f",
    b" ",
    b"slg_",
    b"9999-12-31T23:59:60Z",
];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(name)
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = folder("seeds").join(target);
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|file| fs::read(file).unwrap()).collect()
}

/// Splitmix64: the same inputs in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((word ^ (word >> 31)) % limit.max(1) as u64).unwrap()
    }
}

/// A seed with a few changes, some of them with parts of another seed.
fn changed(seeds: &[Vec<u8>], chance: &mut Chance) -> Vec<u8> {
    let mut input = seeds[chance.below(seeds.len())].clone();
    for _ in 0..=chance.below(5) {
        let at = chance.below(input.len() + 1);
        let end = at + chance.below(input.len() - at + 1).min(40);
        match chance.below(6) {
            0 if at < input.len() => input[at] ^= 1 << chance.below(8),
            1 => input.truncate(at),
            2 => drop(input.drain(at..end)),
            3 => drop(input.splice(at..at, PIECES[chance.below(PIECES.len())].iter().copied())),
            4 => {
                let repeated = input[at..end].repeat(chance.below(8));
                drop(input.splice(at..at, repeated));
            }
            _ => {
                let other = &seeds[chance.below(seeds.len())];
                let from = chance.below(other.len() + 1);
                let part = other[from..].iter().copied().take(80);
                drop(input.splice(at..end, part));
            }
        }
    }
    input.truncate(LONGEST);
    input
}

#[test]
fn every_target_has_a_file_and_seeds() {
    let targets: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names(&folder("fuzz_targets")), targets);
    assert_eq!(names(&folder("seeds")), targets);
    assert!(targets.iter().all(|target| seeds(target).len() >= 4), "a target has few seeds");
}

#[test]
fn no_seed_and_nothing_made_from_one_breaks_a_reader() {
    let more = if std::env::var_os("SLATEGATE_TEST_LONG").is_some() { 100 } else { 1 };
    for (target, door) in TARGETS {
        let seeds = seeds(target);
        for seed in &seeds {
            door(seed);
        }
        let mut chance = Chance(1);
        for _ in 0..GENERATED * more {
            let input = changed(&seeds, &mut chance);
            let read = std::panic::catch_unwind(|| door(&input));
            assert!(read.is_ok(), "{target}: {:?}", String::from_utf8_lossy(&input));
        }
    }
}
