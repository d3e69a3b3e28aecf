//! Lists the built files of `GraphiQL`, so that the binary can carry them: `xtask graphiql` makes them, this only embeds.

use std::collections::hash_map::DefaultHasher;
use std::fmt::Write as _;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::{env, fs};

const ROOT: &str = "graphiql/dist";

fn main() {
    println!("cargo::rerun-if-changed={ROOT}");
    println!("cargo::rerun-if-changed=build.rs");
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets the manifest folder"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets the output folder"));
    let root = manifest.join(ROOT);
    let mut files = Vec::new();
    collect(&root, &mut files);
    files.sort();
    let mut list = String::from("&[\n");
    for file in &files {
        list.push_str(&entry(&root, file));
    }
    list.push(']');
    fs::write(out.join("graphiql_assets.rs"), list).expect("the output folder is writable");
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let path = entry.expect("a folder that opened can be read").path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}

/// One `Asset`: its path below `/graphiql/`, a tag that changes with the bytes, and the compressed bytes.
fn entry(root: &Path, file: &Path) -> String {
    let bytes = fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    let below = file.strip_prefix(root).expect("the file was found below the root");
    let path = below.to_str().expect("built names are ASCII").replace('\\', "/");
    let path = path.strip_suffix(".gz").unwrap_or_else(|| panic!("{path} is not stored compressed"));
    let mut text = String::new();
    writeln!(
        text,
        "Asset {{ path: {path:?}, etag: \"W/\\\"{:016x}\\\"\", gzip: include_bytes!({:?}) }},",
        hasher.finish(),
        file.display().to_string(),
    )
    .expect("writing to a string cannot fail");
    text
}
