//! A `PostgreSQL` server for one test run: found, started, and gone afterwards whatever happens to us.
//!
//! The server hangs on a shell that reads from a pipe of ours. When the pipe closes, by a clean end, a panic, Ctrl-C or
//! a kill, the shell stops the server and removes its folder.

use std::io::Read as _;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};
use std::{env, fs, thread};

use crate::Failure;
use crate::debian::is_root;

const START_LIMIT: Duration = Duration::from_mins(1);
const TOOLS: [&str; 3] = ["initdb", "postgres", "pg_isready"];

/// `$1` binaries, `$2` folder, `$3` port. It ignores the terminal's signals, as the pipe tells it when to end.
const KEEPER: &str = r#"
trap '' INT TERM HUP QUIT
cd "$2" || exit 1
"$1/initdb" -D data -U postgres -A trust -E UTF8 --locale=C --no-sync >log 2>&1 || exit 1
"$1/postgres" -D data -p "$3" -k "$2" -c listen_addresses=127.0.0.1 -c max_connections=300 \
  -c fsync=off -c synchronous_commit=off -c full_page_writes=off </dev/null >>log 2>&1 &
server=$!
cat >/dev/null
kill -INT "$server" && wait "$server"
cd / && rm -rf "$2"
"#;

/// The folder with the server's programs.
#[derive(Debug)]
pub struct Binaries(PathBuf);

/// Looks in `PATH`, asks `pg_config`, then takes the newest of Debian's folders.
pub fn find() -> Option<Binaries> {
    let path = env::var_os("PATH").unwrap_or_default();
    let configured = Command::new("pg_config").arg("--bindir").output().ok();
    let configured = configured.and_then(|output| String::from_utf8(output.stdout).ok());
    env::split_paths(&path)
        .chain(configured.map(|folder| PathBuf::from(folder.trim())))
        .chain(debian_folders())
        .find(|folder| TOOLS.iter().all(|tool| folder.join(tool).is_file()))
        .map(Binaries)
}

fn debian_folders() -> Vec<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = versions.map(|version| version.path()).collect();
    folders.sort_by_key(|folder| std::cmp::Reverse(version_of(folder)));
    folders.into_iter().map(|folder| folder.join("bin")).collect()
}

fn version_of(folder: &Path) -> Option<u32> {
    folder.file_name()?.to_str()?.parse().ok()
}

/// A running server. Dropping it stops the server and removes its folder.
#[derive(Debug)]
pub struct Server {
    keeper: Child,
    folder: PathBuf,
    port: u16,
}

impl Server {
    pub fn start(binaries: &Binaries) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| Failure::broken(format!("PostgreSQL could not be started: {error}"));
        let port = free_port().map_err(failed)?;
        let folder = new_folder().map_err(failed)?;
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER, "postgres-keeper"]).arg(&binaries.0).arg(&folder).arg(port.to_string());
        if is_root() {
            let (uid, gid) = unprivileged()
                .ok_or_else(|| Failure::broken("PostgreSQL does not run as root, and there is no user `nobody`"))?;
            chown(&folder, Some(uid), Some(gid)).map_err(failed)?;
            command.uid(uid).gid(gid);
        }
        let keeper = command.stdin(Stdio::piped()).process_group(0).spawn().map_err(failed)?;
        let mut server = Self { keeper, folder, port };
        server.wait_until_ready(binaries)?;
        Ok(server)
    }

    /// Where tests connect, as the superuser.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    fn wait_until_ready(&mut self, binaries: &Binaries) -> Result<(), Failure> {
        let started = Instant::now();
        while started.elapsed() < START_LIMIT && self.keeper.try_wait().is_ok_and(|ended| ended.is_none()) {
            let asked = Command::new(binaries.0.join("pg_isready"))
                .args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()])
                .status();
            if asked.is_ok_and(|status| status.success()) {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(100));
        }
        let mut log = String::new();
        let _ = fs::File::open(self.folder.join("log")).and_then(|mut file| file.read_to_string(&mut log));
        Err(Failure::broken(format!("PostgreSQL did not get ready; its log says:\n{log}")))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
        // Only left where the server never came up.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

fn new_folder() -> std::io::Result<PathBuf> {
    let nanos = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
    let folder = env::temp_dir().join(format!("slategate-postgres-{}-{nanos}", std::process::id()));
    fs::create_dir(&folder)?;
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))?;
    Ok(folder)
}

/// User and group of `PostgreSQL`'s own account, else of nobody.
fn unprivileged() -> Option<(u32, u32)> {
    let accounts = fs::read_to_string("/etc/passwd").ok()?;
    ["postgres", "nobody"].into_iter().find_map(|name| ids_of(&accounts, name))
}

fn ids_of(accounts: &str, name: &str) -> Option<(u32, u32)> {
    let account = accounts.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut fields = account.split(':').skip(2);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_from_the_account_of_that_very_name() {
        let accounts = "root:x:0:0:root:/root:/bin/sh\npostgresql:x:7:7::/:/bin/sh\npostgres:x:104:111::/:/bin/sh\n";
        assert_eq!(ids_of(accounts, "postgres"), Some((104, 111)));
        assert_eq!(ids_of(accounts, "nobody"), None);
    }

    #[test]
    fn versions_are_numbers_not_words() {
        assert!(version_of(Path::new("/usr/lib/postgresql/15")) > version_of(Path::new("/usr/lib/postgresql/9")));
    }
}
