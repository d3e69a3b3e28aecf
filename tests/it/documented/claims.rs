//! What the pages name exists: commands and their options, settings, tests, files, headings, code.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{fs, iter};

use clap::Parser as _;
use clap::error::ErrorKind;
use slategate::cli::Cli;
use slategate::config::VARIABLES;

use super::pages::{PAGES, blocks, prose, spans};

/// Commands that run another command, which is then looked for behind them.
const RUNNERS: [&str; 3] = ["systemd-run", "docker compose run", "kubectl exec"];
/// Placeholders, and something of their kind.
const PLACEHOLDERS: [(&str, &str); 2] = [("ID", "1"), ("SHELL", "bash")];
const SETTING: &str = "SLATEGATE_";
const OF_TESTS: &str = "SLATEGATE_TEST_";
/// Read by the clients' suites only.
const OF_SUITES: [&str; 3] = ["SLATEGATE_PROGRAM", "SLATEGATE_BROWSER", "SLATEGATE_PYTHON"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The commands of a text for a shell, each as its words.
fn commands(script: &str) -> Vec<Vec<String>> {
    let (mut commands, mut words, mut word) = (Vec::new(), Vec::new(), String::new());
    let (mut quote, mut is_comment) = (None, false);
    for c in script.replace("\\\n", " ").chars() {
        if is_comment && c != '\n' {
            continue;
        }
        is_comment = false;
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, '#') if word.is_empty() => is_comment = true,
            (None, c) if c.is_whitespace() || "|&;()<>".contains(c) => {
                words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty()));
                if c == '\n' || "|&;()<>".contains(c) {
                    commands.push(std::mem::take(&mut words));
                }
            }
            (_, c) => word.push(c),
        }
    }
    words.extend(Some(word).filter(|word| !word.is_empty()));
    commands.push(words);
    commands.retain(|words| !words.is_empty());
    commands
}

/// The arguments of `slategate`, where this is a command of it.
fn arguments(words: &[String]) -> Option<&[String]> {
    let is_assignment = |word: &&String| word.split_once('=').is_some_and(|(name, _)| name.starts_with(SETTING));
    let words = &words[words.iter().take_while(is_assignment).count()..];
    let is_program = |word: &String| word.rsplit('/').next() == Some("slategate");
    let line = words.join(" ");
    if words.first().is_some_and(is_program) {
        return Some(&words[1..]);
    }
    if RUNNERS.iter().any(|runner| line.starts_with(runner)) {
        return words.iter().position(is_program).map(|at| &words[at + 1..]);
    }
    let runs = line.starts_with("cargo run ");
    runs.then(|| words.iter().position(|word| word == "--").map(|at| &words[at + 1..])).flatten()
}

/// Every command that a page names, and whether it is shown in a block, to be run as it stands there.
fn named(page: &str) -> Vec<(Vec<String>, bool)> {
    let shown = blocks(page).into_iter().filter(|block| block.language == "sh").flat_map(|block| commands(&block.text));
    let said = prose(page).flat_map(|(_, line)| spans(line)).filter(|span| span.contains(' ')).flat_map(commands);
    shown.map(|words| (words, true)).chain(said.map(|words| (words, false))).collect()
}

#[test]
fn every_command_of_the_program_is_one() {
    let mut parsed = 0;
    for (page, text) in PAGES {
        for (words, is_shown) in named(text) {
            let Some(arguments) = arguments(&words) else { continue };
            let filled = arguments.iter().map(|word| {
                PLACEHOLDERS.iter().find(|(name, _)| name == word).map_or(word.as_str(), |(_, value)| *value)
            });
            if let Err(error) = Cli::try_parse_from(iter::once("slategate").chain(filled)) {
                // Prose may speak of a command and leave its options out.
                let is_fine = match error.kind() {
                    ErrorKind::DisplayHelp => true,
                    ErrorKind::MissingRequiredArgument => !is_shown,
                    _ => false,
                };
                assert!(is_fine, "{page}: {}\n{error}", words.join(" "));
            }
            parsed += 1;
        }
    }
    assert!(parsed >= 40, "{parsed} commands");
}

#[test]
fn every_test_that_is_named_exists() {
    let there = |folder: &str| {
        let files = sources(&root().join(folder));
        let tests = files.iter().flat_map(|(module, text)| {
            let names =
                text.lines().filter_map(|line| line.trim_start().trim_start_matches("async ").strip_prefix("fn "));
            names.filter_map(|name| name.split(['(', '<']).next()).map(move |name| format!("{module}::{name}"))
        });
        tests.collect::<BTreeSet<_>>()
    };
    let (whole, parts) = (there("tests/it"), there("src"));
    let mut found = 0;
    for (page, text) in PAGES {
        for (words, _) in named(text) {
            let words: Vec<&str> = words.iter().map(String::as_str).skip_while(|word| word.contains('=')).collect();
            let (tests, filters) = match words.as_slice() {
                ["cargo", "test", "--test", "it", "--", filters @ ..] => (&whole, filters),
                ["cargo", "test", "--lib", filters @ ..] => (&parts, filters.strip_prefix(&["--"]).unwrap_or(filters)),
                _ => continue,
            };
            for filter in filters {
                assert!(tests.iter().any(|test| test.contains(filter)), "{page}: no test is called {filter}");
                found += 1;
            }
        }
    }
    assert!(found >= 10, "{found} filters");
}

/// The Rust files of a folder by the names of their modules.
fn sources(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![(folder.to_owned(), String::new())];
    while let Some((folder, module)) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let inner = match (module.as_str(), stem.as_str()) {
                (_, "mod") => module.clone(),
                ("", stem) => stem.to_owned(),
                (module, stem) => format!("{module}::{stem}"),
            };
            if path.is_dir() {
                folders.push((path, inner));
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.insert(inner, fs::read_to_string(path).unwrap());
            }
        }
    }
    found
}

#[test]
fn every_setting_that_is_named_exists() {
    let is_part = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    for (page, text) in PAGES {
        for word in text.split(|c| !is_part(c)).filter(|word| word.starts_with(SETTING) && *word != SETTING) {
            let is_setting = VARIABLES.iter().any(|(name, ..)| *name == word);
            let is_other = word.starts_with(OF_TESTS) || OF_SUITES.contains(&word);
            assert!(is_setting || is_other, "{page}: {word} is no setting");
        }
    }
}

/// Code is introduced by a link to the file that it is in, or is all of.
#[test]
fn quoted_code_is_the_code() {
    let mut compared = 0;
    for (page, text) in PAGES {
        for block in blocks(text).into_iter().filter(|block| block.language == "rust") {
            let (_, file) = links(&block.introduction).into_iter().next().unwrap();
            let path = root().join(page).with_file_name(file);
            let code = fs::read_to_string(&path).unwrap();
            let is_it =
                if block.introduction.contains("all of") { code == block.text } else { code.contains(&block.text) };
            assert!(is_it, "{page} quotes what is not in {}:\n{}", path.display(), block.text);
            compared += 1;
        }
    }
    assert!(compared >= 6, "{compared} quotations");
}

/// Texts and targets of a line's links.
fn links(line: &str) -> Vec<(String, String)> {
    let outside: String =
        line.split('`').enumerate().map(|(at, part)| if at % 2 == 0 { part } else { "code" }).collect();
    let mut links = Vec::new();
    let mut rest = outside.as_str();
    while let Some((before, after)) = rest.split_once("](") {
        let Some((target, further)) = after.split_once(')') else { break };
        let text = before.rsplit_once('[').map_or("", |(_, text)| text);
        links.push((text.to_owned(), target.to_owned()));
        rest = further;
    }
    links
}

/// How the headings of a page are linked to.
fn anchors(page: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    for (_, line) in prose(page) {
        let Some(heading) = line.strip_prefix('#').and_then(|rest| rest.trim_start_matches('#').strip_prefix(' '))
        else {
            continue;
        };
        let lower = heading.to_lowercase();
        let kept = lower.chars().filter_map(|c| match c {
            ' ' => Some('-'),
            c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
            _ => None,
        });
        let anchor: String = kept.collect();
        let taken = (1..).map(|number| format!("{anchor}-{number}"));
        let free = iter::once(anchor.clone()).chain(taken).find(|anchor| !anchors.contains(anchor));
        anchors.extend(free);
    }
    anchors
}

/// All Markdown files that are written here.
fn markdown() -> Vec<PathBuf> {
    let folders = [root().to_owned(), root().join("docs"), root().join("graphiql"), root().join("deploy")];
    let files = folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap()).map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut followed = 0;
    for file in markdown() {
        let text = fs::read_to_string(&file).unwrap();
        for (number, line) in prose(&text) {
            for (_, target) in links(line).into_iter().filter(|(_, target)| !target.contains("://")) {
                let place = format!("{}:{number}: {target}", file.display());
                let (path, anchor) = target.split_once('#').unwrap_or((&target, ""));
                let path = if path.is_empty() { file.clone() } else { file.with_file_name(path) };
                assert!(path.exists(), "{place} is not there");
                if !anchor.is_empty() {
                    let there = anchors(&fs::read_to_string(path).unwrap());
                    assert!(there.contains(anchor), "{place}: the headings are {there:?}");
                }
                followed += 1;
            }
        }
    }
    assert!(followed >= 40, "{followed} links");
}

#[test]
fn a_script_is_taken_apart_as_a_shell_would() {
    let script = "A='b c' slategate x --y \"1 2\" > f # slategate no\n\nz | slategate w \\\n  v";
    let expected: [&[&str]; 4] = [&["A=b c", "slategate", "x", "--y", "1 2"], &["f"], &["z"], &["slategate", "w", "v"]];
    assert_eq!(commands(script), expected);
    let words = |line: &str| commands(line).remove(0);
    let found = |line: &str| arguments(&words(line)).map(|arguments| arguments.join(" "));
    assert_eq!(found("SLATEGATE_A=b slategate key list").as_deref(), Some("key list"));
    assert_eq!(found("docker compose run --rm setup slategate migrate").as_deref(), Some("migrate"));
    assert_eq!(found("cargo run --release -- demo").as_deref(), Some("demo"));
    assert_eq!(found("kubectl create namespace slategate"), None);
    assert_eq!(found("cargo run --release"), None);
}

#[test]
fn links_and_headings_are_read_as_they_are_shown() {
    let line = "See [a](b.md#c), `[no](no)` and [d `e`](f).";
    let pair = |text: &str, target: &str| (text.to_owned(), target.to_owned());
    assert_eq!(links(line), [pair("a", "b.md#c"), pair("d code", "f")]);
    let page = "# For `A`: who, and why?\n\n## B_c-d\n\n## B_c-d\n\n```sh\n# no\n```\n";
    assert_eq!(anchors(page).into_iter().collect::<Vec<_>>(), ["b_c-d", "b_c-d-1", "for-a-who-and-why"]);
}
