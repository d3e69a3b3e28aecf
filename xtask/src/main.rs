//! Chores of the project: tests, fuzzing, what dependencies may be, the bill of materials, the bundled page, other people's
//! clients, the files to deploy with.

mod assets;
mod clients;
mod debian;
mod deploy;
mod fault_tools;
mod fuzz;
mod postgres;
mod python;
mod sbom;
mod tests_run;
mod tools;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{ExitCode, Stdio};
use std::{env, fmt};

const USAGE: &str = "\
usage: cargo xtask test [--sqlite-only] [-- ARGUMENTS OF cargo test]
       cargo xtask bench [--sqlite-only] [-- --clusters N,N --seconds N --connections N --only QUESTION]
       cargo xtask clients [--without-browser] [SUITE ...]
       cargo xtask fuzz [--seconds N] [TARGET]
       cargo xtask deny
       cargo xtask deploy
       cargo xtask sbom [FILE]
       cargo xtask graphiql";

/// Why a chore did not get done. The sentence is for the person at the terminal.
#[derive(Debug)]
pub struct Failure {
    sentence: String,
    code: u8,
}

impl Failure {
    /// Something on this machine did not work.
    pub fn broken(sentence: impl Into<String>) -> Self {
        Self { sentence: sentence.into(), code: 1 }
    }

    /// The person has to choose or install something first.
    pub fn needs_you(sentence: impl Into<String>) -> Self {
        Self { sentence: sentence.into(), code: 2 }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Chore {
    Test {
        sqlite_only: bool,
        rest: Vec<OsString>,
    },
    Bench {
        sqlite_only: bool,
        rest: Vec<OsString>,
    },
    Fuzz {
        seconds: u32,
        target: Option<String>,
    },
    Deny,
    Deploy,
    /// Without a file it goes to standard output.
    Sbom {
        file: Option<PathBuf>,
    },
    Clients {
        with_browser: bool,
        suites: Vec<OsString>,
    },
    Graphiql,
}

fn main() -> ExitCode {
    let done = match parse(env::args_os().skip(1).collect()) {
        Some(Chore::Test { sqlite_only, rest }) => tests_run::run(sqlite_only, &rest),
        Some(Chore::Bench { sqlite_only, rest }) => tests_run::bench(sqlite_only, &rest),
        Some(Chore::Fuzz { seconds, target }) => fuzz::run(seconds, target.as_deref()).map(|()| ExitCode::SUCCESS),
        Some(Chore::Deny) => tools::deny().map(|()| ExitCode::SUCCESS),
        Some(Chore::Deploy) => deploy::check().map(|()| ExitCode::SUCCESS),
        Some(Chore::Sbom { file }) => sbom::write(file.as_deref()).map(|()| ExitCode::SUCCESS),
        Some(Chore::Clients { with_browser, suites }) => clients::run(with_browser, &suites),
        Some(Chore::Graphiql) => assets::build().map(|()| ExitCode::SUCCESS),
        None => Err(Failure::needs_you(USAGE)),
    };
    done.unwrap_or_else(|failure| {
        eprintln!("{failure}");
        ExitCode::from(failure.code)
    })
}

fn parse(arguments: Vec<OsString>) -> Option<Chore> {
    let mut arguments = arguments.into_iter();
    let chore = arguments.next()?;
    let chore = match chore.to_str()? {
        "test" => {
            let (sqlite_only, rest) = parse_run(arguments)?;
            return Some(Chore::Test { sqlite_only, rest });
        }
        "bench" => {
            let (sqlite_only, rest) = parse_run(arguments)?;
            return Some(Chore::Bench { sqlite_only, rest });
        }
        "clients" => return parse_clients(arguments),
        "fuzz" => return parse_fuzz(arguments),
        "sbom" => Chore::Sbom { file: arguments.next().map(PathBuf::from) },
        "deny" => Chore::Deny,
        "deploy" => Chore::Deploy,
        "graphiql" => Chore::Graphiql,
        _ => return None,
    };
    arguments.next().is_none().then_some(chore)
}

/// Whether PostgreSQL is left out, and what follows the dashes.
fn parse_run(mut arguments: impl Iterator<Item = OsString>) -> Option<(bool, Vec<OsString>)> {
    let mut sqlite_only = false;
    for argument in arguments.by_ref() {
        if argument == "--" {
            break;
        }
        if argument != "--sqlite-only" {
            return None;
        }
        sqlite_only = true;
    }
    Some((sqlite_only, arguments.collect()))
}

fn parse_fuzz(mut arguments: impl Iterator<Item = OsString>) -> Option<Chore> {
    let (mut seconds, mut target) = (fuzz::SECONDS, None);
    while let Some(argument) = arguments.next() {
        let argument = argument.into_string().ok()?;
        if argument == "--seconds" {
            seconds = arguments.next()?.to_str()?.parse().ok().filter(|seconds| *seconds > 0)?;
        } else if argument.starts_with('-') || target.is_some() {
            return None;
        } else {
            target = Some(argument);
        }
    }
    Some(Chore::Fuzz { seconds, target })
}

fn parse_clients(arguments: impl Iterator<Item = OsString>) -> Option<Chore> {
    let (options, suites): (Vec<_>, Vec<_>) =
        arguments.partition(|argument| argument.as_encoded_bytes().starts_with(b"-"));
    let with_browser = options.is_empty();
    (with_browser || options == ["--without-browser"]).then_some(Chore::Clients { with_browser, suites })
}

/// A command whose output belongs on the terminal; it must succeed.
fn must(command: &mut std::process::Command, what: &str) -> Result<(), Failure> {
    match command.stdin(Stdio::null()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::broken(format!("{what} failed: {status}"))),
        Err(error) => Err(Failure::broken(format!("{what} could not be started: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Option<Chore> {
        parse(line.split_whitespace().map(OsString::from).collect())
    }

    #[test]
    fn what_follows_the_dashes_goes_to_cargo_untouched() {
        let rest = ["--lib", "--", "--sqlite-only"].map(OsString::from).to_vec();
        assert_eq!(parsed("test -- --lib -- --sqlite-only"), Some(Chore::Test { sqlite_only: false, rest }));
        assert_eq!(parsed("test --sqlite-only"), Some(Chore::Test { sqlite_only: true, rest: vec![] }));
        let rest = ["--seconds", "1"].map(OsString::from).to_vec();
        assert_eq!(parsed("bench -- --seconds 1"), Some(Chore::Bench { sqlite_only: false, rest }));
        assert_eq!(parsed("graphiql"), Some(Chore::Graphiql));
        assert_eq!(parsed("deploy"), Some(Chore::Deploy));
    }

    #[test]
    fn a_fuzz_run_names_its_target_and_its_time() {
        let fuzz = |seconds, target: Option<&str>| Some(Chore::Fuzz { seconds, target: target.map(str::to_owned) });
        assert_eq!(parsed("fuzz"), fuzz(60, None));
        assert_eq!(parsed("fuzz guard --seconds 5"), fuzz(5, Some("guard")));
        assert_eq!(parsed("sbom a.json"), Some(Chore::Sbom { file: Some("a.json".into()) }));
    }

    #[test]
    fn clients_suites_are_named_one_by_one() {
        let suites = ["http", "relay"].map(OsString::from).to_vec();
        assert_eq!(parsed("clients"), Some(Chore::Clients { with_browser: true, suites: vec![] }));
        let named = parsed("clients --without-browser http relay");
        assert_eq!(named, Some(Chore::Clients { with_browser: false, suites }));
    }

    /// What stands in brackets may be left out, and is.
    #[test]
    fn every_chore_that_the_pages_name_is_one() {
        let docs = std::fs::read_dir(tools::root().join("docs")).unwrap().map(|file| file.unwrap().path());
        let pages = ["README.md", "ARCHITECTURE.md", "SECURITY.md"].map(|name| tools::root().join(name));
        let mut named = 0;
        for page in pages.into_iter().chain(docs) {
            let text = std::fs::read_to_string(&page).unwrap();
            for rest in text.split("cargo xtask ").skip(1) {
                let line = rest.split(['`', '#', '[', '\n']).next().unwrap();
                assert!(parsed(line).is_some(), "{}: cargo xtask {line}", page.display());
                named += 1;
            }
        }
        assert!(named >= 15, "{named} chores");
    }

    #[test]
    fn an_unknown_word_is_refused() {
        let odd = ["", "tset", "test --sqlite", "test lib", "graphiql now", "fuzz a b", "fuzz --seconds 0", "deny all"];
        for line in odd.into_iter().chain(["clients --browserless"]) {
            assert_eq!(parsed(line), None, "{line}");
        }
    }
}
