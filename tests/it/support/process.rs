//! The program as a process of its own, to be watched, paused and killed.

use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;

/// A start that takes longer has gone wrong.
const START_LIMIT: Duration = Duration::from_mins(1);

/// A running server. Killed when dropped.
pub struct Process {
    child: Child,
    log: Arc<Mutex<String>>,
    address: watch::Receiver<Option<SocketAddr>>,
}

/// What is sent to a process.
#[derive(Debug, Clone, Copy)]
pub enum Signal {
    Kill,
    Terminate,
    Interrupt,
    /// Pauses it until `Continue`.
    Stop,
    Continue,
}

impl Signal {
    const fn flag(self) -> &'static str {
        match self {
            Self::Kill => "-KILL",
            Self::Terminate => "-TERM",
            Self::Interrupt => "-INT",
            Self::Stop => "-STOP",
            Self::Continue => "-CONT",
        }
    }
}

/// A command line of the program under test with exactly these settings.
pub fn slategate(arguments: &[&str], settings: &[(&str, String)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slategate"));
    command.args(arguments).env_clear().envs(settings.iter().cloned()).kill_on_drop(true);
    command
}

/// How a command ended and what it said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The exit code, or the signal that ended it as a negative number.
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// Runs a command of the program to its end.
pub async fn run(arguments: &[&str], settings: &[(&str, String)]) -> Ended {
    let ran = tokio::time::timeout(START_LIMIT, slategate(arguments, settings).output()).await;
    ended(ran.unwrap_or_else(|_| panic!("{arguments:?} does not end")).unwrap())
}

pub fn ended(output: Output) -> Ended {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ended { code: code(output.status), out: text(output.stdout), err: text(output.stderr) }
}

fn code(status: ExitStatus) -> i32 {
    status.code().or(status.signal().map(|signal| -signal)).unwrap()
}

impl Drop for Process {
    /// Its locks are let go of once it is gone, so that the next server may follow at once.
    fn drop(&mut self) {
        let _gone = self.child.start_kill();
        while matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Process {
    /// Starts a server on a free port and waits until it listens.
    pub async fn serve(settings: &[(&str, String)]) -> Self {
        let mut server = Self::spawn(slategate(&["serve"], settings));
        server.listening().await;
        server
    }

    /// Starts a server without waiting for anything.
    pub fn start(settings: &[(&str, String)]) -> Self {
        Self::spawn(slategate(&["serve"], settings))
    }

    /// Starts this command of a server on a free port.
    pub fn spawn(mut command: Command) -> Self {
        command.env("SLATEGATE_LISTEN", "127.0.0.1:0");
        let formats = command.as_std().get_envs().any(|(name, _)| name == "SLATEGATE_LOG_FORMAT");
        if !formats {
            command.env("SLATEGATE_LOG_FORMAT", "json");
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (said, address) = watch::channel(None);
        let said = Arc::new(said);
        follow(child.stdout.take().unwrap(), Arc::clone(&log), Arc::clone(&said));
        follow(child.stderr.take().unwrap(), Arc::clone(&log), said);
        Self { child, log, address }
    }

    /// Waits until it listens.
    pub async fn listening(&mut self) {
        assert!(self.listens().await, "the server does not listen; it said:\n{}", self.log());
    }

    /// Waits until it listens; false where it ends or takes too long instead.
    pub async fn listens(&mut self) -> bool {
        let said = tokio::time::timeout(START_LIMIT, self.address.wait_for(Option::is_some));
        said.await.is_ok_and(|said| said.is_ok())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address.borrow().unwrap_or_else(|| panic!("the server does not listen; it said:\n{}", self.log()))
    }

    /// Its number, while it has not ended.
    pub fn pid(&self) -> u32 {
        self.child.id().unwrap_or_else(|| panic!("the server has ended; it said:\n{}", self.log()))
    }

    pub async fn signal(&self, signal: Signal) {
        // A process that ended by itself is told by `exit`.
        let Some(pid) = self.child.id() else { return };
        let mut kill = Command::new("kill");
        let _status = kill.args([signal.flag(), &pid.to_string()]).stderr(Stdio::null()).status().await.unwrap();
    }

    /// Waits for the end: the exit code, or the signal that ended it as a negative number.
    pub async fn exit(&mut self, within: Duration) -> i32 {
        let ended = tokio::time::timeout(within, self.child.wait()).await;
        code(ended.unwrap_or_else(|_| panic!("no end within {within:?}:\n{}", self.log())).unwrap())
    }

    /// Whether it still runs.
    pub fn lives(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// A token of the default workspace, made by the command line beside the server.
    pub async fn token(settings: &[(&str, String)], role: &str) -> String {
        let made = run(&["token", "create", "--name", "test", "--role", role], settings).await;
        assert_eq!(made.code, 0, "{}", made.err);
        made.out.trim().to_owned()
    }

    /// The most memory it ever had, in bytes.
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id().unwrap())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024
    }

    /// Everything said so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address())
    }

    /// The status of `/readyz`; None where the server cannot be reached.
    pub async fn ready(&self, client: &reqwest::Client) -> Option<u16> {
        let answer = client.get(self.url("/readyz")).send().await.ok()?;
        Some(answer.status().as_u16())
    }

    /// Waits until `/readyz` answers with this status.
    pub async fn becomes(&self, client: &reqwest::Client, status: u16, within: Duration) -> Duration {
        let begun = Instant::now();
        eventually(within, || async { self.ready(client).await == Some(status) })
            .await
            .unwrap_or_else(|()| panic!("/readyz does not answer {status} within {within:?}:\n{}", self.log()));
        begun.elapsed()
    }

    /// Status and body of a GraphQL request; an error where the server cannot be reached.
    pub async fn post(
        &self,
        client: &reqwest::Client,
        token: &str,
        query: &str,
        variables: Value,
    ) -> reqwest::Result<(u16, Value)> {
        let body = json!({ "query": query, "variables": variables });
        let answer = client.post(self.url("/graphql")).bearer_auth(token).json(&body).send().await?;
        Ok((answer.status().as_u16(), answer.json().await?))
    }
}

/// An HTTP client that goes straight there.
pub fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// Asks again and again until the answer is yes.
pub async fn eventually<F: Future<Output = bool>>(within: Duration, ask: impl Fn() -> F) -> Result<(), ()> {
    let asking = async {
        while !ask().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(within, asking).await.map_err(|_elapsed| ())
}

/// Keeps what a pipe says, and tells the address once it is said.
fn follow(
    pipe: impl AsyncRead + Unpin + Send + 'static,
    log: Arc<Mutex<String>>,
    said: Arc<watch::Sender<Option<SocketAddr>>>,
) {
    #[expect(clippy::disallowed_methods, reason = "ends with the pipe")]
    tokio::spawn(async move {
        let mut lines = BufReader::new(pipe).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            if let Some(address) = address_in(&line) {
                said.send_replace(Some(address));
            }
            let mut log = log.lock().unwrap();
            log.push_str(&line);
            log.push('\n');
        }
    });
}

fn address_in(line: &str) -> Option<SocketAddr> {
    let Ok(event) = serde_json::from_str::<Value>(line) else {
        let (_, said) = line.split_once("listening address=")?;
        return said.split(' ').next()?.parse().ok();
    };
    (event["message"] == "listening").then(|| event["address"].as_str()?.parse().ok())?
}
