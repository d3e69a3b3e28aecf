//! The scripted Atlas: every nonce that it hands out is a generation of its own, and whoever reads under that nonce
//! reads that generation to the end, however late. With one lane a sync has one nonce.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, watch};
use tokio::task::JoinSet;

use super::estate::Organization;
use super::now;

/// Answers of one sync of an organization, the challenge aside.
const ANSWERS: u32 = 13;

/// A nonce that was handed out, and what is read under it.
#[derive(Debug, Clone)]
pub struct Generation {
    /// When it was handed out, in microseconds since 1970.
    pub at: u64,
    /// Which server asked.
    pub door: usize,
    /// Whose it is, once its reader has said so.
    pub organization: Option<Organization>,
    answers: u32,
}

/// One sync of an organization, held back at its first list of clusters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    Open,
    /// The next sync of it will be held.
    Set(Organization),
    /// This one is.
    Holds {
        generation: u64,
        door: usize,
    },
}

pub struct Atlas {
    book: Arc<Book>,
    /// Ends when it is dropped.
    serving: JoinSet<()>,
}

struct Book {
    generations: Mutex<BTreeMap<u64, Generation>>,
    gate: watch::Sender<Gate>,
    /// Servers whose sync just got its last answer.
    finishing: broadcast::Sender<usize>,
}

impl Atlas {
    pub fn new() -> Self {
        let book = Book {
            generations: Mutex::default(),
            gate: watch::Sender::new(Gate::Open),
            finishing: broadcast::Sender::new(64),
        };
        Self { book: Arc::new(book), serving: JoinSet::new() }
    }

    /// An address for the server of this number alone.
    pub async fn door(&mut self, door: usize) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let book = Arc::clone(&self.book);
        self.serving.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                connections.spawn(Arc::clone(&book).serve(stream, door));
            }
        });
        url
    }

    /// Every generation so far, by its number.
    pub fn generations(&self) -> BTreeMap<u64, Generation> {
        self.book.generations.lock().unwrap().clone()
    }

    /// Hears of servers whose sync just got its last answer.
    pub fn finishing(&self) -> broadcast::Receiver<usize> {
        self.book.finishing.subscribe()
    }

    /// Holds the next sync of this organization in the middle: its generation and its server.
    pub async fn hold(&self, organization: Organization) -> (u64, usize) {
        self.book.gate.send_replace(Gate::Set(organization));
        let mut gate = self.book.gate.subscribe();
        let held = gate.wait_for(|gate| matches!(gate, Gate::Holds { .. })).await.unwrap();
        let Gate::Holds { generation, door } = *held else { unreachable!() };
        (generation, door)
    }

    pub fn release(&self) {
        self.book.gate.send_replace(Gate::Open);
    }
}

impl Book {
    async fn serve(self: Arc<Self>, stream: TcpStream, door: usize) {
        stream.set_nodelay(true).unwrap();
        let mut stream = BufReader::new(stream);
        let (mut head, mut line) = (String::new(), String::new());
        // Whoever is killed leaves its connection where it is.
        while stream.read_line(&mut line).await.is_ok_and(|read| read > 0) {
            if line == "\r\n" {
                let (answer, is_last) = self.answer(&head, door).await;
                if stream.write_all(answer.as_bytes()).await.is_err() {
                    return;
                }
                if is_last {
                    let _nobody_listens = self.finishing.send(door);
                }
                head.clear();
            } else {
                head.push_str(&line);
            }
            line.clear();
        }
    }

    /// The answer, and whether it is the last of its sync.
    async fn answer(&self, head: &str, door: usize) -> (String, bool) {
        let target = head.split(' ').nth(1).unwrap();
        let below = target.split('?').next().unwrap().strip_prefix("/api/atlas/v2").unwrap();
        let signed = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("authorization").then_some(value)
        });
        let Some(signed) = signed else { return (self.challenge(door), false) };
        let number = field(signed, "nonce").parse().unwrap();
        let organization = Organization::of_key(field(signed, "username")).unwrap();
        if below.ends_with("/clusters") {
            self.pass_gate(organization, number, door).await;
        }
        let mut generations = self.generations.lock().unwrap();
        let generation = generations.get_mut(&number).unwrap();
        generation.organization = Some(organization);
        generation.answers += 1;
        let body = organization.body(below, number).to_string();
        (written("200 OK", "content-type: application/json\r\n", &body), generation.answers == ANSWERS)
    }

    fn challenge(&self, door: usize) -> String {
        let mut generations = self.generations.lock().unwrap();
        let number = generations.last_key_value().map_or(1, |(number, _)| number + 1);
        generations.insert(number, Generation { at: now(), door, organization: None, answers: 0 });
        let digest = format!(
            "www-authenticate: Digest realm=\"MMS Public API\", domain=\"\", nonce=\"{number}\", algorithm=MD5, \
             qop=\"auth\", stale=false\r\n"
        );
        written("401 Unauthorized", &digest, r#"{"error":401,"errorCode":"UNEXPECTED_ERROR"}"#)
    }

    /// Holds back whom the gate is set for, until it is opened.
    async fn pass_gate(&self, organization: Organization, generation: u64, door: usize) {
        let holds = self.gate.send_if_modified(|gate| {
            let is_meant = *gate == Gate::Set(organization);
            if is_meant {
                *gate = Gate::Holds { generation, door };
            }
            is_meant
        });
        if holds {
            self.gate.subscribe().wait_for(|gate| *gate == Gate::Open).await.unwrap();
        }
    }
}

fn written(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
}

/// A parameter of an `Authorization` header; no value in these tests holds a comma or a quote.
fn field<'a>(signed: &'a str, name: &str) -> &'a str {
    let params = signed.strip_prefix("Digest ").unwrap();
    let mut pairs = params.split(", ").filter_map(|param| param.split_once('='));
    pairs.find(|(key, _)| *key == name).unwrap().1.trim_matches('"')
}
