//! PostgreSQL's own programs, told by their environment where to connect: arguments can be read by everybody.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, bail};
use tokio::process::Command;
use url::Url;

/// Of a program's last words, in lines.
const LAST_WORDS: usize = 8;
/// Not for the programs' eyes.
const OURS: [&str; 2] = ["SLATEGATE_DATABASE_URL", "SLATEGATE_MASTER_KEYS"];
/// What a transaction of the owner says to see every row.
const ALL_WORKSPACES: &str = "-c slategate.all_workspaces=on";

/// `pg_dump` or `pg_restore`, and where it connects.
pub(super) struct Tool {
    program: PathBuf,
    name: &'static str,
    option: &'static str,
    environment: Vec<(&'static str, String)>,
}

impl Tool {
    /// The program at `path`, or the one on PATH, for this database.
    pub(super) fn new(
        name: &'static str,
        option: &'static str,
        path: Option<&Path>,
        url: &str,
    ) -> anyhow::Result<Self> {
        let program = path.map_or_else(|| PathBuf::from(name), Path::to_path_buf);
        Ok(Self { program, name, option, environment: environment(url)? })
    }

    /// Refuses a program that is missing or older than `needed`, a major version.
    pub(super) async fn check(&self, needed: u32) -> anyhow::Result<()> {
        let said = self.output([OsStr::new("--version")]).await?;
        let Some(version) = major(&said) else { bail!("{} says no version: {}", self.name, said.trim()) };
        if version < needed {
            bail!("{} {version} is older than the server, {needed}; {}", self.name, self.advice(Some(needed)));
        }
        Ok(())
    }

    /// What it prints, once it has ended well.
    pub(super) async fn output<'a>(&self, arguments: impl IntoIterator<Item = &'a OsStr>) -> anyhow::Result<String> {
        let mut command = Command::new(&self.program);
        command.args(arguments).envs(self.environment.iter().map(|(name, value)| (name, value)));
        for name in OURS {
            command.env_remove(name);
        }
        command.stdin(Stdio::null()).kill_on_drop(true);
        let output = match command.output().await {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                bail!("{} is not there; {}", self.program.display(), self.advice(None))
            }
            output => output.with_context(|| format!("cannot run {}", self.program.display()))?,
        };
        if !output.status.success() {
            bail!("{} failed: {}", self.name, last_words(&output.stderr));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn advice(&self, major: Option<u32>) -> String {
        let package =
            major.map_or_else(|| "postgresql-client".to_owned(), |major| format!("postgresql-client-{major}"));
        format!("install Debian's package {package}, or name another one by {}", self.option)
    }
}

fn last_words(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(LAST_WORDS)..].join("; ")
}

/// The major version in words such as `pg_dump (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)` or `15.20`.
pub(super) fn major(said: &str) -> Option<u32> {
    let number = said.split_whitespace().find(|word| word.starts_with(|sign: char| sign.is_ascii_digit()))?;
    number.split(|sign: char| !sign.is_ascii_digit()).next()?.parse().ok()
}

/// A database's URL in the words of libpq's environment.
fn environment(url: &str) -> anyhow::Result<Vec<(&'static str, String)>> {
    let url = Url::parse(url).context("the database's URL cannot be read")?;
    let plain = |text: &str| -> String {
        url::form_urlencoded::parse(format!("x={}", text.replace('+', "%2B")).as_bytes())
            .map(|(_, value)| value.into_owned())
            .collect()
    };
    let mut said: Vec<(&'static str, String)> = Vec::new();
    if let Some(host) = url.host_str().filter(|host| !host.is_empty()) {
        said.push(("PGHOST", plain(host).trim_matches(['[', ']']).to_owned()));
    }
    said.extend(url.port().map(|port| ("PGPORT", port.to_string())));
    if !url.username().is_empty() {
        said.push(("PGUSER", plain(url.username())));
    }
    said.extend(url.password().map(|password| ("PGPASSWORD", plain(password))));
    let database = url.path().trim_start_matches('/');
    if !database.is_empty() {
        said.push(("PGDATABASE", plain(database)));
    }
    let mut options = ALL_WORKSPACES.to_owned();
    for (name, value) in url.query_pairs() {
        let known = match name.as_ref() {
            "host" => "PGHOST",
            "hostaddr" => "PGHOSTADDR",
            "port" => "PGPORT",
            "user" => "PGUSER",
            "password" => "PGPASSWORD",
            "dbname" => "PGDATABASE",
            "sslmode" | "ssl-mode" => "PGSSLMODE",
            "sslrootcert" | "ssl-root-cert" | "ssl-ca" => "PGSSLROOTCERT",
            "sslcert" | "ssl-cert" => "PGSSLCERT",
            "sslkey" | "ssl-key" => "PGSSLKEY",
            "options" => {
                options = format!("{value} {options}");
                continue;
            }
            _ => continue,
        };
        said.retain(|(name, _)| *name != known);
        said.push((known, value.into_owned()));
    }
    said.push(("PGOPTIONS", options));
    Ok(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_url_becomes_an_environment() {
        let said =
            environment("postgres://app:p%40ss+w%20d@[::1]:5433/slate?sslmode=require&options=-c%20a%3Db").unwrap();
        let expected = [
            ("PGHOST", "::1"),
            ("PGPORT", "5433"),
            ("PGUSER", "app"),
            ("PGPASSWORD", "p@ss+w d"),
            ("PGDATABASE", "slate"),
            ("PGSSLMODE", "require"),
            ("PGOPTIONS", "-c a=b -c slategate.all_workspaces=on"),
        ];
        assert_eq!(said, expected.map(|(name, value)| (name, value.to_owned())));
        let socket = environment("postgres:///slate?host=/run/postgresql").unwrap();
        assert_eq!(socket[..2], [("PGDATABASE", "slate".to_owned()), ("PGHOST", "/run/postgresql".to_owned())]);
    }

    #[test]
    fn versions_are_found_in_what_programs_say() {
        assert_eq!(major("pg_dump (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)\n"), Some(15));
        assert_eq!(major("17beta1"), Some(17));
        assert_eq!(major("pg_dump"), None);
    }
}
