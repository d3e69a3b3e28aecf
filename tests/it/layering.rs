//! Holds the arrows between the modules by reading their sources: in one crate the compiler cannot.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A folder, the modules of this crate it may name besides itself, and the outside crates it may not.
struct Room {
    folder: &'static str,
    may_name: &'static [&'static str],
    never_says: &'static [&'static str],
}

const DATABASE: [&str; 3] = ["sea_orm", "sqlx", "entity"];

const ROOMS: &[Room] = &[
    Room {
        folder: "src/domain",
        may_name: &[],
        never_says: &["sea_orm", "entity", "async_graphql", "reqwest", "tokio", "axum", "tracing"],
    },
    Room {
        folder: "src/controls",
        may_name: &["domain"],
        never_says: &["sea_orm", "entity", "async_graphql", "reqwest", "tokio", "axum", "Utc::now"],
    },
    Room {
        folder: "src/atlas",
        may_name: &["telemetry", "domain", "clock"],
        never_says: &["sea_orm", "entity", "async_graphql", "axum"],
    },
    Room {
        folder: "src/scim",
        may_name: &["domain"],
        never_says: &["sea_orm", "entity", "async_graphql", "reqwest", "tokio", "axum", "tracing", "Utc::now"],
    },
    Room {
        folder: "src/store",
        may_name: &["telemetry", "domain", "clock"],
        never_says: &["async_graphql", "reqwest", "diqwest", "axum"],
    },
    Room {
        folder: "src/vault",
        may_name: &["domain", "clock"],
        never_says: &["sea_orm", "entity", "async_graphql", "reqwest", "axum"],
    },
    Room {
        folder: "src/sync",
        may_name: &["atlas", "vault", "store", "controls", "scim", "telemetry", "domain", "clock"],
        never_says: &["sea_orm", "entity", "async_graphql", "reqwest", "diqwest", "axum"],
    },
    Room {
        folder: "src/export",
        may_name: &["domain"],
        never_says: &["sea_orm", "entity", "async_graphql", "reqwest", "axum", "Utc::now"],
    },
    Room {
        folder: "src/auth",
        may_name: &["store", "domain", "clock"],
        never_says: &["sea_orm", "entity", "async_graphql", "axum"],
    },
    Room {
        folder: "src/graphql",
        may_name: &["sync", "auth", "store", "controls", "export", "domain", "clock"],
        never_says: &["sea_orm", "entity", "reqwest", "diqwest", "axum"],
    },
    Room {
        folder: "src/http",
        may_name: &["graphql", "auth", "scim", "export", "telemetry", "domain", "clock"],
        never_says: &["sea_orm", "entity", "reqwest", "diqwest"],
    },
    Room {
        folder: "src/telemetry",
        may_name: &["domain"],
        never_says: &["sea_orm", "entity", "async_graphql", "diqwest", "axum", "Utc::now"],
    },
    Room { folder: "entity/src", may_name: &[], never_says: &["async_graphql", "slategate", "migration"] },
    Room { folder: "migration/src", may_name: &[], never_says: &["entity", "use slategate", "async_graphql"] },
];

#[test]
fn every_module_names_only_what_is_below_it() {
    let mut broken = Vec::new();
    for room in ROOMS {
        let own = room.folder.rsplit_once('/').unwrap().1;
        for file in sources(&root().join(room.folder)) {
            let code = code_of(&file);
            let free = room.folder.ends_with("/src");
            let strangers =
                named_modules(&code).into_iter().filter(|name| !free && *name != own && !room.may_name.contains(name));
            broken.extend(strangers.map(|name| format!("{} names crate::{name}", shown(&file))));
            let words = room.never_says.iter().filter(|word| says(&code, word));
            broken.extend(words.map(|word| format!("{} says {word}", shown(&file))));
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn only_the_store_says_that_there_is_a_database() {
    let store = root().join("src/store");
    let others = sources(&root().join("src")).into_iter().filter(|file| !file.starts_with(&store));
    let broken: Vec<String> =
        others.filter(|file| DATABASE.iter().any(|word| says(&code_of(file), word))).map(|file| shown(&file)).collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn only_the_client_of_atlas_says_digest() {
    let atlas = root().join("src/atlas");
    let others = sources(&root().join("src")).into_iter().filter(|file| !file.starts_with(&atlas));
    let broken: Vec<String> = others.filter(|file| says(&code_of(file), "diqwest")).map(|file| shown(&file)).collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_crate_forbids_unsafe_code_and_relaxes_no_other_lint() {
    let manifest = |folder: &str| fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
    assert!(manifest(".").contains("[workspace.lints.rust]\nunsafe_code = \"forbid\"\n"));
    for member in [".", "entity", "migration", "xtask"] {
        assert!(manifest(member).contains("[lints]\nworkspace = true\n"), "{member}");
    }
}

#[test]
fn modules_are_found_alone_and_in_groups() {
    let code = "use crate::store::Store;\nuse crate::{atlas::{self, client}, domain::Project};\ncrate::words! { Kind }";
    assert_eq!(named_modules(code), BTreeSet::from(["atlas", "domain", "store"]));
}

#[test]
fn words_are_found_whole() {
    assert!(says("use entity::asset;", "entity"));
    assert!(says("chrono::Utc::now()", "Utc::now"));
    assert!(!says("let identity = entity_id;", "entity"));
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn shown(file: &Path) -> String {
    file.strip_prefix(root()).unwrap().display().to_string()
}

/// Every Rust file of a module: below its folder, and the file of its name beside it.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for entry in entries {
            let path = entry.unwrap().path();
            // Tests start from Atlas's bodies and sign requests of their own.
            if path.file_name().is_some_and(|name| name == "tests" || name == "tests.rs") {
                continue;
            }
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    assert!(!files.is_empty(), "{} holds no source", folder.display());
    files
}

/// The file without its comments' words.
fn code_of(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The first name after each `crate::`, also inside braces. A macro is no module.
fn named_modules(code: &str) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    for (start, marker) in code.match_indices("crate::") {
        let rest = &code[start + marker.len()..];
        match rest.strip_prefix('{') {
            Some(group) => names.extend(group_heads(group)),
            None => names.extend(head(rest).filter(|name| !rest[name.len()..].starts_with('!'))),
        }
    }
    names
}

fn group_heads(group: &str) -> Vec<&str> {
    let mut heads = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    for (at, sign) in group.char_indices() {
        match sign {
            '{' => depth += 1,
            '}' | ',' if depth == 0 => {
                heads.extend(head(group[start..at].trim_start()));
                start = at + 1;
                if sign == '}' {
                    break;
                }
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    heads
}

fn head(path: &str) -> Option<&str> {
    let end = path.find(|sign: char| !is_word(sign)).unwrap_or(path.len());
    (end > 0).then(|| &path[..end])
}

fn says(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = code[at + word.len()..].chars().next();
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

fn is_word(sign: char) -> bool {
    sign.is_alphanumeric() || sign == '_'
}
