//! The bill of materials as `CycloneDX` JSON: what the binary is made from on this platform, and the packages in its page.
//!
//! Says the same as long as the lock files do.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::Failure;
use crate::tools::{cargo, root};

const PROGRAM: &str = "slategate";

pub fn write(file: Option<&Path>) -> Result<(), Failure> {
    let text = format!("{:#}\n", make()?);
    let written = match file {
        Some(file) => fs::write(file, text),
        None => io::stdout().write_all(text.as_bytes()),
    };
    written.map_err(|error| Failure::broken(format!("the bill of materials cannot be written: {error}")))
}

fn make() -> Result<Value, Failure> {
    let metadata = ["metadata", "--locked", "--format-version", "1"];
    let metadata = output(cargo().args(metadata).current_dir(root()), "cargo metadata")?;
    let lock = Lock {
        licenses: licenses_of(&read_json(&metadata, "cargo metadata")?),
        checksums: checksums(&read(&root().join("Cargo.lock"))?),
    };
    let page = read_json(&read(&root().join("graphiql/package-lock.json"))?, "package-lock.json")?;
    Ok(bill(&tree("normal,build")?, &tree("normal")?, &lock, &page))
}

/// A package, by name and version.
type Id = (String, String);

/// Each package that the program needs, with those that it needs itself. `cargo metadata` would name more: it does not
/// weigh features as a build does.
#[derive(Default)]
struct Tree {
    needs: BTreeMap<Id, BTreeSet<Id>>,
    macros: BTreeSet<Id>,
}

fn tree(edges: &str) -> Result<Tree, Failure> {
    let arguments =
        ["tree", "--locked", "--package", PROGRAM, "--edges", edges, "--prefix", "depth", "--format", " {p}"];
    let text = output(cargo().args(arguments).current_dir(root()), "cargo tree")?;
    let mut tree = Tree::default();
    let mut above: Vec<Id> = Vec::new();
    for line in text.lines() {
        let mut words = line.split(' ');
        let depth = words.next().and_then(|depth| depth.parse::<usize>().ok());
        let (Some(depth), Some(name), Some(version)) = (depth, words.next(), words.next()) else { continue };
        let id = (name.to_owned(), version.trim_start_matches('v').to_owned());
        above.truncate(depth);
        if let Some(user) = above.last() {
            tree.needs.entry(user.clone()).or_default().insert(id.clone());
        }
        tree.needs.entry(id.clone()).or_default();
        if words.any(|word| word == "(proc-macro)") {
            tree.macros.insert(id.clone());
        }
        above.push(id);
    }
    Ok(tree)
}

impl Tree {
    /// What is in the binary: macros and what they need have done their work by then.
    fn linked(&self, program: &Id) -> BTreeSet<Id> {
        let (mut linked, mut open) = (BTreeSet::new(), vec![program]);
        while let Some(id) = open.pop() {
            if !self.macros.contains(id) && linked.insert(id.clone()) {
                open.extend(self.needs.get(id).into_iter().flatten());
            }
        }
        linked
    }
}

/// What is known of the locked packages.
struct Lock {
    licenses: BTreeMap<Id, String>,
    /// SHA-256.
    checksums: BTreeMap<Id, String>,
}

fn output(command: &mut Command, what: &str) -> Result<String, Failure> {
    let ran = command.output().map_err(|error| Failure::broken(format!("{what} could not be started: {error}")))?;
    if !ran.status.success() {
        return Err(Failure::broken(format!("{what} failed: {}", String::from_utf8_lossy(&ran.stderr))));
    }
    String::from_utf8(ran.stdout).map_err(|_| Failure::broken(format!("{what} does not speak UTF-8")))
}

fn read(file: &Path) -> Result<String, Failure> {
    fs::read_to_string(file).map_err(|error| Failure::broken(format!("{} cannot be read: {error}", file.display())))
}

fn read_json(text: &str, what: &str) -> Result<Value, Failure> {
    serde_json::from_str(text).map_err(|error| Failure::broken(format!("{what} is not understood: {error}")))
}

fn licenses_of(metadata: &Value) -> BTreeMap<Id, String> {
    let packages = metadata["packages"].as_array().into_iter().flatten();
    packages.map(|own| ((text(&own["name"]), text(&own["version"])), text(&own["license"]))).collect()
}

fn checksums(lock: &str) -> BTreeMap<Id, String> {
    let field = |package: &str, name: &str| {
        let line = package.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = \"")?.strip_suffix('"'));
        line.map(str::to_owned)
    };
    let packages = lock.split("[[package]]").skip(1);
    packages.filter_map(|own| Some(((field(own, "name")?, field(own, "version")?), field(own, "checksum")?))).collect()
}

fn bill(all: &Tree, normal: &Tree, lock: &Lock, page: &Value) -> Value {
    let program = all.needs.keys().find(|(name, _)| name == PROGRAM).cloned().unwrap_or_default();
    let linked = normal.linked(&program);
    let mut components: Vec<Value> = all
        .needs
        .keys()
        .filter(|id| **id != program)
        .map(|id| component(id, "library", if linked.contains(id) { "required" } else { "excluded" }, lock))
        .collect();
    components.extend(of_page(page));
    let dependencies: Vec<Value> = all
        .needs
        .iter()
        .map(
            |(id, needs)| json!({ "ref": reference(id), "dependsOn": needs.iter().map(reference).collect::<Vec<_>>() }),
        )
        .collect();
    json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": { "component": component(&program, "application", "required", lock) },
        "components": components,
        "dependencies": dependencies,
    })
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn reference((name, version): &Id) -> String {
    format!("pkg:cargo/{name}@{version}")
}

fn component(id: &Id, kind: &str, scope: &str, lock: &Lock) -> Value {
    let (name, version) = id;
    let mut component = json!({
        "type": kind, "bom-ref": reference(id), "name": name, "version": version, "purl": reference(id), "scope": scope,
    });
    if let Some(license) = lock.licenses.get(id) {
        component["licenses"] = licenses(license);
    }
    if let Some(checksum) = lock.checksums.get(id) {
        component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
    }
    component
}

/// Older crates put a slash where they mean `OR`.
fn licenses(expression: &str) -> Value {
    let parts: Vec<&str> = expression.split('/').map(str::trim).collect();
    json!([{ "expression": parts.join(" OR ") }])
}

/// The packages that the page is bundled from.
fn of_page(lock: &Value) -> Vec<Value> {
    let packages = lock["packages"].as_object().cloned().unwrap_or_default();
    let bundled = packages.into_iter().filter(|(path, package)| !path.is_empty() && package["dev"] != true);
    let mut components: Vec<(String, Value)> = Vec::new();
    for (path, package) in bundled {
        let name = path.rsplit("node_modules/").next().unwrap_or_default().to_owned();
        let purl = format!("pkg:npm/{}@{}", name.replace('@', "%40"), text(&package["version"]));
        let mut component = json!({
            "type": "library", "bom-ref": purl, "name": name, "version": package["version"], "purl": purl,
            "scope": "required",
        });
        if let Some(license) = package["license"].as_str() {
            component["licenses"] = licenses(license);
        }
        if let Some(hash) = package["integrity"].as_str().and_then(|integrity| integrity.strip_prefix("sha512-")) {
            component["hashes"] = json!([{ "alg": "SHA-512", "content": hex_of_base64(hash) }]);
        }
        components.push((purl, component));
    }
    components.sort_by(|one, other| one.0.cmp(&other.0));
    components.dedup_by(|one, other| one.0 == other.0);
    components.into_iter().map(|(_, component)| component).collect()
}

fn hex_of_base64(text: &str) -> String {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut hex, mut bits, mut held) = (String::new(), 0_usize, 0);
    for digit in text.chars().filter_map(|sign| ALPHABET.find(sign)) {
        bits = (bits << 6 | digit) & 0xffff;
        held += 6;
        if held >= 8 {
            held -= 8;
            let byte = bits >> held & 0xff;
            hex.extend([byte >> 4, byte & 0xf].map(|nibble| char::from(b"0123456789abcdef"[nibble])));
        }
    }
    hex
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_becomes_hex() {
        assert_eq!(hex_of_base64("AP8Q"), "00ff10");
        assert_eq!(hex_of_base64("/w=="), "ff");
    }

    /// What the specification's schema demands of a bill, of a component and of a dependency.
    #[test]
    fn the_bill_is_whole_and_names_what_the_binary_is_made_from() {
        let bill = make().unwrap_or_else(|failure| panic!("{failure}"));
        assert_eq!(
            (&bill["bomFormat"], &bill["specVersion"], &bill["version"]),
            (&json!("CycloneDX"), &json!("1.6"), &json!(1))
        );
        let program = &bill["metadata"]["component"];
        assert_eq!((&program["type"], &program["name"]), (&json!("application"), &json!(PROGRAM)));
        let components = bill["components"].as_array().expect("is a list");
        let mut references = BTreeSet::from([text(&program["bom-ref"])]);
        for component in components {
            assert_eq!(component["type"], "library", "{component}");
            let whole = ["name", "version", "purl", "bom-ref"].iter().all(|field| !text(&component[field]).is_empty());
            assert!(whole && references.insert(text(&component["bom-ref"])), "{component}");
            let is_ours = ["entity", "migration"].iter().any(|name| component["name"] == *name);
            let hash = text(&component["hashes"][0]["content"]);
            let digits = if component["hashes"][0]["alg"] == "SHA-512" { 128 } else { 64 };
            assert!(
                is_ours || (hash.len() == digits && hash.bytes().all(|sign| sign.is_ascii_hexdigit())),
                "{component}"
            );
            assert!(!text(&component["licenses"][0]["expression"]).is_empty(), "{component}");
        }
        for dependency in bill["dependencies"].as_array().expect("is a list") {
            let named = dependency["dependsOn"].as_array().into_iter().flatten().chain([&dependency["ref"]]);
            assert!(named.into_iter().all(|named| references.contains(&text(named))), "{dependency}");
        }
        let scope = |name: &str| components.iter().find(|own| own["name"] == name).map(|own| text(&own["scope"]));
        assert_eq!(scope("rustls").as_deref(), Some("required"));
        assert_eq!(scope("graphiql").as_deref(), Some("required"));
        assert_eq!(scope("serde_derive").as_deref(), Some("excluded"));
        assert_eq!((scope("wiremock"), scope("libfuzzer-sys"), scope("sqlx-mysql")), (None, None, None));
    }
}
