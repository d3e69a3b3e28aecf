//! A server that checks digest answers for real, under one of several nonce policies. Bare, since it serves thousands.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use md5::{Digest as _, Md5};
use sha2::Sha256;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::{PRIVATE_KEY, PUBLIC_KEY};

/// How the server deals in nonces. Whatever the policy, a count must be higher than the one before.
#[derive(Debug, Clone, Copy)]
pub enum Policy {
    /// A new nonce for each challenge, good for this many answers.
    Uses(u32),
    /// The same, but a worn nonce is refused as plainly as a wrong key.
    UnsaidUses(u32),
    /// One nonce for everybody, replaced after this many answers; a count that comes again is refused plainly.
    Window(u32),
    /// A nonce goes stale once this many more requests have come in, whoever sent them.
    Ages(u32),
    /// That many nonces are stale from the start, as when they come from a server that shares none with this one.
    StillBorn(u32),
}

/// How the challenge is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    Atlas,
    Sha256,
    BearerFirst,
    LowerCase,
}

/// A nonce that was handed out.
struct Dealt {
    number: u32,
    /// The request at which it was.
    born: u32,
    highest_count: u32,
    answers: u32,
}

#[derive(Default)]
struct Book {
    nonces: HashMap<String, Dealt>,
    current: Option<String>,
    made: u32,
    requests: u32,
    accepted: u32,
    replays: u32,
    others: u32,
}

struct Shared {
    policy: Policy,
    spelling: Spelling,
    private_key: Mutex<String>,
    book: Mutex<Book>,
}

pub struct DigestServer {
    pub url: String,
    shared: Arc<Shared>,
    /// Ends when it is dropped.
    _serving: JoinSet<()>,
}

impl DigestServer {
    pub async fn start(policy: Policy, spelling: Spelling) -> Self {
        let private_key = Mutex::new(PRIVATE_KEY.to_owned());
        let shared = Arc::new(Shared { policy, spelling, private_key, book: Mutex::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut serving = JoinSet::new();
        serving.spawn(accept(listener, shared.clone()));
        Self { url, shared, _serving: serving }
    }

    /// From now on another private key is the right one.
    pub fn revoke(&self) {
        "another".clone_into(&mut self.shared.private_key.lock().unwrap());
    }

    pub fn requests(&self) -> u64 {
        self.shared.book.lock().unwrap().requests.into()
    }

    pub fn accepted(&self) -> u32 {
        self.shared.book.lock().unwrap().accepted
    }

    /// Answers whose count had been there before, or came out of order.
    pub fn replays(&self) -> u32 {
        self.shared.book.lock().unwrap().replays
    }

    /// Requests that were not a GET.
    pub fn others(&self) -> u32 {
        self.shared.book.lock().unwrap().others
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        connections.spawn(serve(stream, shared.clone()));
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    stream.set_nodelay(true).unwrap();
    let mut stream = BufReader::new(stream);
    let (mut head, mut line) = (String::new(), String::new());
    while stream.read_line(&mut line).await.is_ok_and(|read| read > 0) {
        if line == "\r\n" {
            let answer = shared.answer(&head);
            stream.write_all(answer.as_bytes()).await.unwrap();
            head.clear();
        } else {
            head.push_str(&line);
        }
        line.clear();
    }
}

enum Verdict {
    Good,
    Stale,
    Bad,
}

impl Shared {
    fn answer(&self, head: &str) -> String {
        let mut lines = head.lines();
        let mut request = lines.next().unwrap().split(' ');
        let (method, target) = (request.next().unwrap(), request.next().unwrap());
        let authorization = lines.find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("authorization").then_some(value)
        });
        let mut book = self.book.lock().unwrap();
        book.requests += 1;
        book.others += u32::from(method != "GET");
        let Some(answer) = authorization else { return self.challenge(&mut book, false) };
        match self.judge(&mut book, answer, target) {
            Verdict::Good => {
                book.accepted += 1;
                written("200 OK", "content-type: application/json\r\n", r#"{"results":[],"links":[]}"#)
            }
            Verdict::Stale => self.challenge(&mut book, true),
            Verdict::Bad => self.challenge(&mut book, false),
        }
    }

    fn judge(&self, book: &mut Book, answer: &str, target: &str) -> Verdict {
        let fields = fields(answer);
        let get = |name: &str| fields.get(name).map_or("", String::as_str);
        let now = book.requests;
        let current = book.current.clone();
        let Some(Dealt { number, born, highest_count: highest, answers: taken }) = book.nonces.get_mut(get("nonce"))
        else {
            return Verdict::Stale;
        };
        let worn = match self.policy {
            Policy::Uses(most) | Policy::UnsaidUses(most) => *taken >= most,
            Policy::Window(_) => current.as_deref() != Some(get("nonce")),
            Policy::Ages(age) => now - *born > age,
            Policy::StillBorn(most) => *number <= most,
        };
        if worn {
            return if matches!(self.policy, Policy::UnsaidUses(_)) { Verdict::Bad } else { Verdict::Stale };
        }
        let count = u32::from_str_radix(get("nc"), 16).unwrap();
        if count <= *highest {
            book.replays += 1;
            return Verdict::Bad;
        }
        if get("response") != self.expected(&get, target) || get("uri") != target {
            return Verdict::Bad;
        }
        (*highest, *taken) = (count, *taken + 1);
        if matches!(self.policy, Policy::Window(most) if *taken >= most) {
            book.current = None;
        }
        Verdict::Good
    }

    fn expected<'a>(&self, get: &dyn Fn(&str) -> &'a str, target: &str) -> String {
        let private_key = self.private_key.lock().unwrap();
        let ha1 = self.hash(&format!("{PUBLIC_KEY}:MMS Public API:{private_key}"));
        let ha2 = self.hash(&format!("GET:{target}"));
        self.hash(&format!("{ha1}:{}:{}:{}:auth:{ha2}", get("nonce"), get("nc"), get("cnonce")))
    }

    fn hash(&self, text: &str) -> String {
        let bytes = match self.spelling {
            Spelling::Sha256 => Sha256::digest(text).to_vec(),
            _ => Md5::digest(text).to_vec(),
        };
        bytes
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 15])
            .filter_map(|half| char::from_digit(half.into(), 16))
            .collect()
    }

    fn challenge(&self, book: &mut Book, stale: bool) -> String {
        let shared = book.current.clone().filter(|_| matches!(self.policy, Policy::Window(_)));
        let nonce = shared.unwrap_or_else(|| {
            book.made += 1;
            let nonce = format!("nonce+{}/=", book.made);
            let dealt = Dealt { number: book.made, born: book.requests, highest_count: 0, answers: 0 };
            book.nonces.insert(nonce.clone(), dealt);
            book.current = Some(nonce.clone());
            nonce
        });
        let algorithm = if self.spelling == Spelling::Sha256 { "SHA-256" } else { "MD5" };
        let scheme = if self.spelling == Spelling::LowerCase { "digest" } else { "Digest" };
        let digest = format!(
            r#"www-authenticate: {scheme} realm="MMS Public API", domain="", nonce="{nonce}", algorithm={algorithm}, qop="auth", stale={stale}"#
        );
        let body = r#"{"error":401,"reason":"Unauthorized","errorCode":"UNEXPECTED_ERROR"}"#;
        let bearer =
            if self.spelling == Spelling::BearerFirst { "www-authenticate: Bearer realm=\"other\"\r\n" } else { "" };
        written("401 Unauthorized", &format!("{bearer}{digest}\r\n"), body)
    }
}

fn written(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
}

/// The parameters of an `Authorization` header; no value in these tests holds a comma.
fn fields(answer: &str) -> HashMap<String, String> {
    let params = answer.strip_prefix("Digest ").unwrap();
    let pairs = params.split(", ").filter_map(|param| param.split_once('='));
    pairs.map(|(key, value)| (key.to_owned(), value.trim_matches('"').to_owned())).collect()
}
