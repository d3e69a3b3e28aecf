//! A bare server between the client and the simulator, which answers some paths with whatever a test scripts.

use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use flate2::write::GzEncoder;
use flate2::{Compress, Compression, FlushCompress};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use url::Url;

/// What happens to a request instead of its answer.
#[derive(Debug, Clone)]
pub enum Fault {
    /// These bytes, then the end of the connection.
    Bytes(Vec<u8>),
    /// These bytes, and no more for as long as the client listens.
    Hang(Vec<u8>),
    /// The head of a body of 1 MB, and one byte of it after each pause.
    Drip(Duration),
    Reset,
    /// The request waits until the test lets it on.
    Hold(Arc<Hold>),
}

#[derive(Debug, Default)]
pub struct Hold {
    pub arrived: Notify,
    pub go: Notify,
}

#[derive(Default)]
struct Shared {
    upstream: Mutex<Option<String>>,
    /// The end of a path, and what happens there.
    faults: Mutex<Vec<(String, Fault)>>,
    requests: Mutex<Vec<String>>,
}

pub struct Faulty {
    pub url: String,
    shared: Arc<Shared>,
    /// Ends when it is dropped.
    _serving: JoinSet<()>,
}

impl Faulty {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared::default());
        let mut serving = JoinSet::new();
        serving.spawn(accept(listener, shared.clone()));
        Self { url, shared, _serving: serving }
    }

    /// Passes on what no fault strikes.
    pub fn towards(&self, upstream: &Url) {
        let port = upstream.port().unwrap();
        *self.shared.upstream.lock().unwrap() = Some(format!("127.0.0.1:{port}"));
    }

    /// From now on this happens to each request whose path ends so.
    pub fn strike(&self, path_end: &str, fault: Fault) {
        self.shared.faults.lock().unwrap().push((path_end.to_owned(), fault));
    }

    pub fn heal(&self) {
        self.shared.faults.lock().unwrap().clear();
    }

    /// How many requests have come in whose path ends so.
    pub fn requests(&self, path_end: &str) -> usize {
        self.shared.requests.lock().unwrap().iter().filter(|path| path.ends_with(path_end)).count()
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        connections.spawn(serve(stream, shared.clone()));
    }
}

/// One request for each connection.
async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let path = head.split([' ', '?']).nth(1).unwrap().to_owned();
    shared.requests.lock().unwrap().push(path.clone());
    let struck = |(end, fault): &(String, Fault)| path.ends_with(end).then(|| fault.clone());
    let fault = shared.faults.lock().unwrap().iter().find_map(struck);
    // The client may have hung up at any point of this.
    match fault {
        Some(Fault::Bytes(bytes)) => {
            stream.write_all(&bytes).await.ok();
            stream.shutdown().await.ok();
            stream.read_u8().await.ok();
        }
        Some(Fault::Hang(bytes)) => {
            stream.write_all(&bytes).await.ok();
            stream.read_u8().await.ok();
        }
        Some(Fault::Drip(pause)) => {
            let mut bytes = answer("content-length: 1000000\r\n", b"");
            while stream.write_all(&bytes).await.is_ok() {
                bytes = b" ".to_vec();
                tokio::time::sleep(pause).await;
            }
        }
        Some(Fault::Reset) => stream.set_zero_linger().unwrap(),
        Some(Fault::Hold(hold)) => {
            hold.arrived.notify_one();
            hold.go.notified().await;
            pass_on(stream, &head, &shared).await;
        }
        None => pass_on(stream, &head, &shared).await,
    }
}

async fn pass_on(mut stream: TcpStream, head: &str, shared: &Shared) {
    let upstream = shared.upstream.lock().unwrap().clone().unwrap();
    let mut upstream = TcpStream::connect(upstream).await.unwrap();
    let head = format!("{}\r\nconnection: close\r\n\r\n", head.trim_end());
    upstream.write_all(head.as_bytes()).await.unwrap();
    tokio::io::copy(&mut upstream, &mut stream).await.ok();
    stream.shutdown().await.ok();
}

/// A 200 with these headers, each ended, and this body.
pub fn answer(headers: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 200 OK\r\n{headers}\r\n").into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// A 200 with this body, told of truthfully.
pub fn body(body: &[u8]) -> Vec<u8> {
    answer(&format!("content-length: {}\r\n", body.len()), body)
}

pub fn status(status: u16) -> Vec<u8> {
    format!("HTTP/1.1 {status} Refused\r\ncontent-length: 0\r\n\r\n").into_bytes()
}

/// A gzip answer with these compressed bytes.
pub fn gzip(compressed: &[u8]) -> Vec<u8> {
    answer(&format!("content-encoding: gzip\r\ncontent-length: {}\r\n", compressed.len()), compressed)
}

pub fn compress(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// About a megabyte that unfolds to a gigabyte: one gzip member of the same block again and again.
pub fn bomb() -> Vec<u8> {
    let mut deflate = Compress::new(Compression::best(), false);
    let mut block = Vec::with_capacity(1 << 16);
    deflate.compress_vec(&vec![b' '; 4 << 20], &mut block, FlushCompress::Full).unwrap();
    let mut bomb = b"\x1f\x8b\x08\0\0\0\0\0\x02\xff".to_vec();
    bomb.extend(block.repeat(256));
    bomb
}
