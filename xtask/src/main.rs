//! Chores of the project: `cargo xtask test` and `cargo xtask graphiql`.

mod assets;
mod debian;
mod postgres;
mod tests_run;
mod tools;

use std::ffi::OsString;
use std::process::{ExitCode, Stdio};
use std::{env, fmt};

const USAGE: &str = "\
usage: cargo xtask test [--sqlite-only] [-- ARGUMENTS OF cargo test]
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
    Test { sqlite_only: bool, rest: Vec<OsString> },
    Graphiql,
}

fn main() -> ExitCode {
    let done = match parse(env::args_os().skip(1).collect()) {
        Some(Chore::Test { sqlite_only, rest }) => tests_run::run(sqlite_only, &rest),
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
    if chore == "graphiql" {
        return arguments.next().is_none().then_some(Chore::Graphiql);
    }
    if chore != "test" {
        return None;
    }
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
    Some(Chore::Test { sqlite_only, rest: arguments.collect() })
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
        assert_eq!(parsed("graphiql"), Some(Chore::Graphiql));
    }

    #[test]
    fn an_unknown_word_is_refused() {
        for line in ["", "tset", "test --sqlite", "test lib", "graphiql now"] {
            assert_eq!(parsed(line), None, "{line}");
        }
    }
}
