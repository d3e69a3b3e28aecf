//! A `PostgreSQL` server of a test's own, to be stopped and started under whoever uses it.
//!
//! As in `xtask`, the server hangs on a shell that reads from a pipe of ours: when the pipe closes, however we end, the
//! shell stops the server and removes its folder. What is said through the pipe stops and starts it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;
use std::{env, fs};

use sea_orm::Database as SeaOrm;
use tokio::task::block_in_place;

use super::process::eventually;

const START_LIMIT: Duration = Duration::from_mins(1);
const TOOLS: [&str; 3] = ["initdb", "postgres", "pg_amcheck"];

/// `$1` programs, `$2` folder, `$3` port. Each word of the pipe is answered when it is done. A commit is with the
/// system before it is confirmed, so that it outlives the server's processes; it need not outlive the machine.
const KEEPER: &str = r#"
trap '' INT TERM HUP QUIT
cd "$2" || exit 1
begin() {
  "$1/postgres" -D data -p "$3" -k "$2" -c listen_addresses=127.0.0.1 -c max_connections=200 \
    -c fsync=off -c full_page_writes=off -c restart_after_crash=on </dev/null >>log 2>&1 &
  server=$!
}
"$1/initdb" -D data -U postgres -A trust -E UTF8 --locale=C --no-sync >log 2>&1 || exit 1
begin "$@"
while read -r word; do
  if [ "$word" = start ]; then begin "$@"; else kill -"$word" "$server"; wait "$server"; fi
  echo "$word"
done
kill -INT "$server" && wait "$server"
cd / && rm -rf "$2"
"#;

/// How the server is stopped.
#[derive(Debug, Clone, Copy)]
pub enum Halt {
    /// Sessions are ended and everything is written.
    Fast,
    /// Processes end where they are, and the next start recovers from the log.
    Immediate,
}

pub struct OwnPostgres {
    keeper: Child,
    say: Option<ChildStdin>,
    hear: BufReader<ChildStdout>,
    programs: PathBuf,
    folder: PathBuf,
    port: u16,
}

impl OwnPostgres {
    pub async fn start() -> Self {
        let programs = find().expect("PostgreSQL's server programs (initdb, postgres, pg_amcheck) must be installed");
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let folder = tempfile::Builder::new().prefix("slategate-postgres-").tempdir().unwrap().keep();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER, "postgres-keeper"]).arg(&programs).arg(&folder).arg(port.to_string());
        // PostgreSQL does not run as root.
        if fs::metadata("/proc/self").unwrap().uid() == 0 {
            let (uid, gid) = unprivileged().expect("there is neither a user `postgres` nor `nobody`");
            chown(&folder, Some(uid), Some(gid)).unwrap();
            command.uid(uid).gid(gid);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0);
        let mut keeper = command.spawn().unwrap();
        let (say, hear) = (keeper.stdin.take(), BufReader::new(keeper.stdout.take().unwrap()));
        let server = Self { keeper, say, hear, programs, folder, port };
        server.answers().await;
        server
    }

    /// Where the superuser connects.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Returns when it is gone.
    pub fn halt(&mut self, how: Halt) {
        self.told(match how {
            Halt::Fast => "INT",
            Halt::Immediate => "QUIT",
        });
    }

    /// Starts it again after a halt, and returns when it answers.
    pub async fn resume(&mut self) {
        self.told("start");
        self.answers().await;
    }

    /// What `pg_amcheck` finds wrong with the database of this name; nothing when it is sound.
    pub fn damage(&self, database: &str) -> String {
        let mut command = Command::new(self.programs.join("pg_amcheck"));
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "postgres", "-d", database]);
        let checked = block_in_place(|| {
            command.args(["--install-missing", "--heapallindexed", "--parent-check"]).output().unwrap()
        });
        let found = [checked.stdout, checked.stderr].concat();
        assert!(checked.status.success() == found.is_empty(), "{}", String::from_utf8_lossy(&found));
        String::from_utf8_lossy(&found).into_owned()
    }

    fn told(&mut self, word: &str) {
        let mut answer = String::new();
        block_in_place(|| {
            writeln!(self.say.as_ref().unwrap(), "{word}").unwrap();
            self.hear.read_line(&mut answer).unwrap();
        });
        assert_eq!(answer.trim(), word, "{}", self.log());
    }

    async fn answers(&self) {
        let url = self.url();
        let asked = eventually(START_LIMIT, || async {
            match SeaOrm::connect(&url).await {
                Ok(connection) => connection.close().await.is_ok(),
                Err(_) => false,
            }
        });
        assert!(asked.await.is_ok(), "PostgreSQL does not answer:\n{}", self.log());
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for OwnPostgres {
    fn drop(&mut self) {
        drop(self.say.take());
        let _ended = self.keeper.wait();
    }
}

/// Looks in `PATH`, then takes the newest of Debian's folders.
fn find() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut debian: Vec<PathBuf> = versions.map(|version| version.path()).collect();
    debian.sort_by_key(|folder| std::cmp::Reverse(version_of(folder)));
    env::split_paths(&path)
        .chain(debian.into_iter().map(|folder| folder.join("bin")))
        .find(|folder| TOOLS.iter().all(|tool| folder.join(tool).is_file()))
}

fn version_of(folder: &Path) -> Option<u32> {
    folder.file_name()?.to_str()?.parse().ok()
}

/// User and group of `PostgreSQL`'s own account, else of nobody.
fn unprivileged() -> Option<(u32, u32)> {
    let accounts = fs::read_to_string("/etc/passwd").unwrap();
    let ids = |name: &str| {
        let account = accounts.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = account.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    ids("postgres").or_else(|| ids("nobody"))
}
