//! Programs of Debian that faults are made with. A test that needs one which is missing fails and says so.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

use super::process::{Ended, ended, eventually, slategate};

/// What Linux keeps of a pipe.
const PIPE: usize = 65_536;

const MISSING: &str = "is needed for this test: `cargo xtask test` installs it where it may, else install Debian's";

/// System calls of a running process that fail, until this is lifted or dropped.
pub struct FailingCalls {
    strace: Child,
    /// Kept open, since it goes on talking.
    _said: Lines<BufReader<ChildStderr>>,
}

impl FailingCalls {
    /// What fails and how, in the words of `strace -e inject=`, such as `fsync:error=EIO`.
    pub async fn of(pid: u32, injected: &str) -> Self {
        let calls = injected.split(':').next().unwrap();
        let mut command = Command::new("strace");
        command.args(["-f", "-o", "/dev/null", "-e", &format!("trace={calls}"), "-e", &format!("inject={injected}")]);
        command.args(["-p", &pid.to_string()]).stderr(Stdio::piped()).kill_on_drop(true);
        let mut strace = command.spawn().unwrap_or_else(|error| panic!("strace {MISSING} package strace: {error}"));
        let mut said = BufReader::new(strace.stderr.take().unwrap()).lines();
        let first = tokio::time::timeout(Duration::from_secs(10), said.next_line()).await.unwrap().unwrap();
        let first = first.unwrap_or_default();
        assert!(first.contains("attached"), "strace may not look at the server (as root it may): {first}");
        Self { strace, _said: said }
    }

    pub async fn lift(mut self) {
        let pid = self.strace.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().await.unwrap().success());
        self.strace.wait().await.unwrap();
    }
}

/// Runs a command of the program and kills it at the call that `injected` counts to, such as `fsync:when=3`.
pub async fn run_and_kill_at(injected: &str, arguments: &[&str], settings: &[(&str, String)]) -> Ended {
    let calls = injected.split(':').next().unwrap();
    let program = slategate(arguments, settings);
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={calls}")]);
    command.args(["-e", &format!("inject={injected}:signal=KILL")]);
    command.arg(program.as_std().get_program()).args(arguments);
    // The settings and nothing else, but for where programs are.
    command.env_clear().envs(settings.iter().cloned()).kill_on_drop(true);
    let ran = tokio::time::timeout(Duration::from_mins(1), command.output()).await.unwrap();
    ended(ran.unwrap_or_else(|error| panic!("strace {MISSING} package strace: {error}")))
}

/// Runs a command of the program whose log has room for so many bytes, and kills it as it waits to log more.
pub async fn kill_when_log_is_full(room: usize, arguments: &[&str], settings: &[(&str, String)]) {
    let (_reader, mut log) = std::io::pipe().unwrap();
    log.write_all(&vec![b'.'; PIPE - room]).unwrap();
    let mut child = slategate(arguments, settings).stderr(log).spawn().unwrap();
    let threads = format!("/proc/{}/task", child.id().unwrap());
    let waits = async || {
        let threads = std::fs::read_dir(&threads).into_iter().flatten().flatten();
        let waiting_in = |thread: std::fs::DirEntry| std::fs::read_to_string(thread.path().join("wchan"));
        threads.map(waiting_in).any(|wait| wait.is_ok_and(|wait| wait.contains("pipe_write")))
    };
    assert!(eventually(Duration::from_secs(20), waits).await.is_ok(), "it does not wait for its log");
    child.kill().await.unwrap();
}

/// Lets the files of a process grow without limit again.
pub async fn lift_file_limit(pid: u32) {
    let mut command = Command::new("prlimit");
    let lifted = command.args(["--pid", &pid.to_string(), "--fsize=unlimited:"]).status().await;
    assert!(lifted.unwrap_or_else(|error| panic!("prlimit {MISSING} package util-linux: {error}")).success());
}

/// Settings under which a process takes it to be earlier or later, such as `-1h`; its waits are as long as ever.
pub fn at_another_time(offset: &str) -> Vec<(&'static str, String)> {
    let folders = std::fs::read_dir("/usr/lib").unwrap().flatten();
    let libraries = folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"));
    let found: Option<PathBuf> = libraries.into_iter().find(|library| library.is_file());
    let library = found.unwrap_or_else(|| panic!("libfaketime {MISSING} package libfaketime"));
    vec![
        ("LD_PRELOAD", library.display().to_string()),
        ("FAKETIME", offset.to_owned()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
    ]
}
