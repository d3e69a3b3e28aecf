//! `slategate serve` as a process of its own, to be watched, paused and killed.

use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;

/// A start that takes longer has gone wrong.
const START_LIMIT: Duration = Duration::from_mins(1);

/// A running server. Killed when dropped.
pub struct Process {
    pub address: SocketAddr,
    child: Child,
    log: Arc<Mutex<String>>,
}

/// What is sent to a process.
#[derive(Debug, Clone, Copy)]
pub enum Signal {
    Kill,
    Terminate,
}

/// A command line of the program under test with exactly these settings.
pub fn slategate(arguments: &[&str], settings: &[(&str, String)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slategate"));
    command.args(arguments).env_clear().envs(settings.iter().cloned()).kill_on_drop(true);
    command
}

impl Process {
    /// Starts a server on a free port and waits until it listens.
    pub async fn serve(settings: &[(&str, String)]) -> Self {
        let mut command = slategate(&["serve"], settings);
        command.env("SLATEGATE_LISTEN", "127.0.0.1:0").env("SLATEGATE_LOG_FORMAT", "json");
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (said, mut heard) = watch::channel(None);
        let said = Arc::new(said);
        follow(child.stdout.take().unwrap(), Arc::clone(&log), Arc::clone(&said));
        follow(child.stderr.take().unwrap(), Arc::clone(&log), said);
        let listening = tokio::time::timeout(START_LIMIT, heard.wait_for(Option::is_some)).await;
        let address = match listening {
            Ok(Ok(address)) => address.unwrap(),
            Ok(Err(_)) | Err(_) => panic!("the server does not listen; it said:\n{}", log.lock().unwrap()),
        };
        Self { address, child, log }
    }

    pub async fn signal(&self, signal: Signal) {
        let name = match signal {
            Signal::Kill => "-KILL",
            Signal::Terminate => "-TERM",
        };
        let pid = self.child.id().expect("the process has not been waited for").to_string();
        // A process that ended by itself is told by `exit`.
        let _status = Command::new("kill").args([name, &pid]).stderr(Stdio::null()).status().await.unwrap();
    }

    /// Waits for the end: the exit code, or the signal that ended it as a negative number.
    pub async fn exit(&mut self, within: Duration) -> i32 {
        let ended = tokio::time::timeout(within, self.child.wait()).await;
        let status: ExitStatus = ended.unwrap_or_else(|_| panic!("no end within {within:?}:\n{}", self.log())).unwrap();
        status.code().or(status.signal().map(|signal| -signal)).unwrap()
    }

    /// A token of the default workspace, made by the command line beside the server.
    pub async fn token(settings: &[(&str, String)], role: &str) -> String {
        let made = slategate(&["token", "create", "--name", "test", "--role", role], settings).output().await.unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        String::from_utf8(made.stdout).unwrap().trim().to_owned()
    }

    /// Everything said so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
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
    let event: Value = serde_json::from_str(line).ok()?;
    (event["message"] == "listening").then(|| event["address"].as_str()?.parse().ok())?
}
