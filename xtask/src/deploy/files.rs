//! Checks of single files, each by the tool that is made for it.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::Command;
use std::thread;

use super::{Checked, Site, has_extension, must_succeed, none_of, said};

/// Left out of the kustomization: it is a page to fill in, and the kustomization itself.
const NOT_APPLIED: [&str; 2] = ["kustomization.yaml", "secret.example.yaml"];
const PREFIX: &str = "SLATEGATE_";

pub(super) fn yaml_is_tidy(site: &Site) -> Checked {
    let mut yamllint = Command::new(site.toolbox.python("yamllint"));
    must_succeed(yamllint.args(["--strict", "--config-file", "deploy/.yamllint.yaml", "deploy"]).current_dir(site.root))
}

pub(super) fn scripts_are_sound(site: &Site) -> Checked {
    let scripts = site.files(|path| fs::read(path).is_ok_and(|bytes| bytes.starts_with(b"#!")))?;
    if scripts.is_empty() {
        return Err("no script was found".to_owned());
    }
    must_succeed(Command::new(site.toolbox.python("shellcheck")).args(scripts))
}

/// Runs it against answers as a server would give them.
pub(super) fn probe_tells_apart(site: &Site) -> Checked {
    let answers = [
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", true),
        ("HTTP/1.1 503 Service Unavailable\r\n\r\n", false),
        ("HTTP/1.1 404 Not Found\r\n\r\n 200 ", false),
        ("", false),
    ];
    for (answer, good) in answers {
        let (succeeded, asked) = probed(site, answer)?;
        if succeeded != good {
            return Err(format!("{answer:?} was taken for {}", if succeeded { "good" } else { "bad" }));
        }
        if !asked.starts_with("GET /readyz HTTP/1.1\r\nHost: ") {
            return Err(format!("it asked {asked:?}"));
        }
    }
    Ok(())
}

fn probed(site: &Site, answer: &'static str) -> Result<(bool, String), String> {
    let broken = |error: std::io::Error| error.to_string();
    let listener = TcpListener::bind("127.0.0.1:0").map_err(broken)?;
    let port = listener.local_addr().map_err(broken)?.port();
    let server = thread::spawn(move || {
        let (mut client, _) = listener.accept()?;
        let mut asked = Vec::new();
        // To the end: who closes with words unread takes back the answer.
        while !asked.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            client.read_exact(&mut byte)?;
            asked.extend(byte);
        }
        client.write_all(answer.as_bytes())?;
        Ok(String::from_utf8_lossy(&asked).into_owned())
    });
    let status = Command::new("bash").arg(site.deploy().join("probe")).arg(port.to_string()).arg("/readyz").status();
    let succeeded = status.map_err(broken)?.success();
    let asked = server.join().map_err(|_| "the server panicked".to_owned())?;
    Ok((succeeded, asked.map_err(broken)?))
}

/// Names in `deploy` and for operators, against the README's table, which a test of the program holds to its code.
pub(super) fn settings_exist(site: &Site) -> Checked {
    let known: BTreeSet<String> =
        site.text("README.md")?.lines().filter(|line| line.starts_with("| `SLATEGATE_")).flat_map(settings).collect();
    let mut files = site.files(|_| true)?;
    files.push(site.root.join("docs/operators.md"));
    let mut problems = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        let unknown = text.lines().flat_map(settings).filter(|name| !known.contains(name));
        problems.extend(unknown.map(|name| format!("{}: {name} is no setting", file.display())));
    }
    none_of(&problems)
}

fn settings(line: &str) -> Vec<String> {
    let is_part = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    line.split(|c| !is_part(c)).filter(|word| word.starts_with(PREFIX)).map(str::to_owned).collect()
}

pub(super) fn dockerfile_is_sound(site: &Site) -> Checked {
    let mut hadolint = Command::new(site.toolbox.python("hadolint"));
    must_succeed(hadolint.args(["--failure-threshold", "style", "deploy/Dockerfile"]).current_dir(site.root))
}

pub(super) fn dockerfile_finds_its_files(site: &Site) -> Checked {
    let ignore = site.text(".dockerignore")?;
    let admitted: Vec<&str> = ignore.lines().filter_map(|line| line.strip_prefix('!')).collect();
    let mut problems = Vec::new();
    let dockerfile = site.text("deploy/Dockerfile")?;
    for line in dockerfile.lines().filter_map(|line| line.strip_prefix("COPY ")).filter(|line| !line.starts_with("--"))
    {
        let paths: Vec<&str> = line.split_whitespace().collect();
        for path in paths.iter().take(paths.len().saturating_sub(1)) {
            if !site.root.join(path).exists() {
                problems.push(format!("{path} does not exist"));
            }
            if !admitted
                .iter()
                .any(|open| path.strip_prefix(open).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
            {
                problems.push(format!(".dockerignore keeps {path} out"));
            }
        }
    }
    none_of(&problems)
}

pub(super) fn caddyfile_is_sound(site: &Site) -> Checked {
    let caddyfile = site.deploy().join("caddy/Caddyfile");
    let caddy = || {
        let mut caddy = site.toolbox.program("caddy");
        // It keeps certificates and the like there.
        caddy.env("HOME", &site.scratch).env_remove("XDG_DATA_HOME").env_remove("XDG_CONFIG_HOME");
        caddy
    };
    must_succeed(caddy().args(["validate", "--adapter", "caddyfile", "--config"]).arg(&caddyfile))?;
    let formatted = said(caddy().arg("fmt").arg(&caddyfile))?;
    let written = site.text("deploy/caddy/Caddyfile")?;
    if formatted.trim_end() == written.trim_end() { Ok(()) } else { Err("`caddy fmt` would change it".to_owned()) }
}

pub(super) fn manifests_fit(site: &Site) -> Checked {
    let folder = site.deploy().join("kubernetes");
    let manifests = site.files(|path| path.starts_with(&folder) && !path.ends_with("kustomization.yaml"))?;
    must_succeed(Command::new(site.toolbox.python("kubernetes-validate")).arg("--strict").args(manifests))
}

pub(super) fn kustomization_is_complete(site: &Site) -> Checked {
    let documents = site.yaml("deploy/kubernetes/kustomization.yaml")?;
    let listed = documents.first().and_then(|document| document["resources"].as_array());
    let listed: BTreeSet<&str> = listed.into_iter().flatten().filter_map(|name| name.as_str()).collect();
    let folder = site.deploy().join("kubernetes");
    let there = site.files(|path| path.starts_with(&folder) && has_extension(path, "yaml"))?;
    let there: BTreeSet<&str> = there.iter().filter_map(|path| path.file_name()?.to_str()).collect();
    let left_out: BTreeSet<&str> = NOT_APPLIED.into();
    let wanted: BTreeSet<&str> = there.difference(&left_out).copied().collect();
    if listed == wanted { Ok(()) } else { Err(format!("it lists {listed:?}, and there are {wanted:?}")) }
}
