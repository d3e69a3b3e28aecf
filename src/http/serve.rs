//! The listener: how many connections, how long they may take to say what they want, and how they end.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::Response;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use super::patience::Patient;

/// What a client may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Open connections; more are answered 503 and closed.
    pub connections: usize,
    /// For the head of a request to arrive, from the connection's beginning or the answer before.
    pub head: Duration,
    /// For a client to take any more of an answer.
    pub stall: Duration,
    /// The listener stays open at least so long after the word to stop, so that probes hear of it.
    pub linger: Duration,
    /// Requests under way have so long to finish after the word to stop.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 2_048,
            head: Duration::from_secs(10),
            stall: Duration::from_secs(30),
            linger: Duration::from_secs(1),
            drain: Duration::from_secs(10),
        }
    }
}

/// The longest head of a request: an address with a query of the longest text, and its headers.
const HEAD_LIMIT: usize = 96 * 1024;
/// After an error of the system, such as too many open files.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(100);
/// So many refusals at once are put into words; beyond that connections are just closed.
const REFUSALS: usize = 64;
const REFUSE_WITHIN: Duration = Duration::from_secs(1);
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\nretry-after: 1\r\n\
    cache-control: no-store\r\nx-content-type-options: nosniff\r\ncontent-length: 0\r\n\r\n";

/// Serves `app` until `stop`, then lets the requests under way finish. Whatever clients do, it returns within
/// `limits.drain` of the word to stop.
pub async fn serve(listener: TcpListener, app: Router, stop: CancellationToken, limits: Limits) {
    let (connections, over) = (TaskTracker::new(), CancellationToken::new());
    let places = Arc::new(Semaphore::new(limits.connections));
    let refusals = Arc::new(Semaphore::new(REFUSALS));
    let accepting = async {
        loop {
            let Some((stream, peer)) = accept(&listener).await else { continue };
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                if let Ok(turn) = Arc::clone(&refusals).try_acquire_owned() {
                    connections.spawn(over.clone().run_until_cancelled_owned(refuse(stream, turn)));
                }
                continue;
            };
            let connection = Connection { app: app.clone(), peer, stop: stop.clone(), limits, _place: place };
            connections.spawn(over.clone().run_until_cancelled_owned(connection.serve(stream)));
        }
    };
    let drained = async {
        stop.cancelled().await;
        tokio::time::sleep(limits.linger).await;
        connections.close();
        if tokio::time::timeout(limits.drain.saturating_sub(limits.linger), connections.wait()).await.is_err() {
            tracing::warn!(connections = connections.len(), "open connections were cut off");
        }
    };
    tokio::select! {
        never = accepting => never,
        () = drained => over.cancel(),
    }
}

/// Says that no place is left to whoever asks for something soon.
async fn refuse(mut stream: TcpStream, _turn: OwnedSemaphorePermit) {
    let answering = async {
        let mut head = [0; 4_096];
        if stream.read(&mut head).await? > 0 {
            stream.write_all(FULL).await?;
        }
        stream.shutdown().await
    };
    if let Ok(Err(error)) = tokio::time::timeout(REFUSE_WITHIN, answering).await {
        tracing::debug!(error = &error as &dyn std::error::Error, "connection not refused politely");
    }
}

async fn accept(listener: &TcpListener) -> Option<(TcpStream, SocketAddr)> {
    match listener.accept().await {
        Ok((stream, peer)) => {
            // Answers are written whole; waiting for more to send only delays them.
            let _refused = stream.set_nodelay(true);
            Some((stream, peer))
        }
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "connection not accepted");
            tokio::time::sleep(PAUSE_AFTER_ERROR).await;
            None
        }
    }
}

struct Connection {
    app: Router,
    peer: SocketAddr,
    stop: CancellationToken,
    limits: Limits,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    async fn serve(self, stream: TcpStream) {
        let Self { app, peer, stop, limits, _place } = self;
        let requests = Requests::default();
        let service = service_fn(|request: Request<Incoming>| {
            let under_way = requests.begin();
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            let answering = app.clone().oneshot(request);
            async move {
                let answer: Result<Response, Infallible> = answering.await;
                drop(under_way);
                answer
            }
        });
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(limits.head).max_buf_size(HEAD_LIMIT);
        // One answer for whoever comes while the process stops.
        builder.keep_alive(!stop.is_cancelled());
        let io = TokioIo::new(Patient::new(stream, limits.stall));
        let mut connection = pin!(builder.serve_connection(io, service).with_upgrades());
        if !stop.is_cancelled() {
            tokio::select! {
                biased;
                ended = connection.as_mut() => return note(ended),
                () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
            }
        }
        tokio::select! {
            ended = connection.as_mut() => note(ended),
            () = requests.quiet_for(limits.linger) => {}
        }
    }
}

fn note(ended: Result<(), hyper::Error>) {
    if let Err(error) = ended {
        tracing::debug!(error = &error as &dyn std::error::Error, "connection broke off");
    }
}

/// How many requests of a connection are under way, and how many there have been.
#[derive(Debug, Clone, Default)]
struct Requests(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    begun: AtomicUsize,
    ended: AtomicUsize,
}

struct UnderWay(Requests);

impl Requests {
    fn begin(&self) -> UnderWay {
        self.0.begun.fetch_add(1, Ordering::Relaxed);
        UnderWay(self.clone())
    }

    /// Returns after `pause` in which no request was under way: what is left to send has had its time, and half a
    /// request is none.
    fn quiet_for(&self, pause: Duration) -> impl Future<Output = ()> + Send + 'static {
        let counts = Arc::clone(&self.0);
        async move {
            loop {
                let ended = counts.ended.load(Ordering::Relaxed);
                let was_quiet = counts.begun.load(Ordering::Relaxed) == ended;
                tokio::time::sleep(pause).await;
                if was_quiet && counts.begun.load(Ordering::Relaxed) == ended {
                    return;
                }
            }
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.0.ended.fetch_add(1, Ordering::Relaxed);
    }
}
