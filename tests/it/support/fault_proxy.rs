//! A TCP relay that breaks on command, to stand between the program and what it talks to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// What happens to connections. What a connection has lost stays lost when the fault is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    /// The port is closed, and open connections are reset.
    Refuse,
    /// Connections are made, and reset at once; open ones too.
    Reset,
    /// What is sent is taken and never answered, on open connections and on new ones; none is closed.
    BlackHole,
    /// Each piece of data is held back so long, in both directions.
    Latency(Duration),
    /// A connection is reset once its client has sent so many bytes.
    CutAfter(usize),
    /// The first connection whose client says this, and later COMMIT, is reset before the answer to that gets back.
    /// Then the fault is over.
    CutCommitOf(&'static [u8]),
    /// Once a client says this, the fault is `HoldAnswers`.
    HoldAnswersTo(&'static [u8]),
    /// Answers wait until the fault is another.
    HoldAnswers,
}

/// A running relay. Dropping it resets what it carries.
pub struct FaultProxy {
    pub address: SocketAddr,
    state: Arc<State>,
    stop: CancellationToken,
}

struct State {
    fault: watch::Sender<Fault>,
    /// Rises when every connection is to be reset.
    cuts: watch::Sender<u64>,
}

impl FaultProxy {
    /// Relays a free port of this machine to `upstream`.
    pub async fn start(upstream: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State { fault: watch::Sender::new(Fault::None), cuts: watch::Sender::new(0) });
        let stop = CancellationToken::new();
        let accepting =
            stop.clone().run_until_cancelled_owned(accept(listener, upstream, Arc::clone(&state), stop.clone()));
        #[expect(clippy::disallowed_methods, reason = "ends with the proxy")]
        tokio::spawn(accepting);
        Self { address, state, stop }
    }

    /// Relays to the server that `url` names; answers the proxy and the URL that leads through it.
    pub async fn before(url: &str) -> (Self, String) {
        let mut url = url::Url::parse(url).unwrap();
        let host = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5432));
        let upstream = tokio::net::lookup_host(host).await.unwrap().next().unwrap();
        let proxy = Self::start(upstream).await;
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(proxy.address.port())).unwrap();
        if url.scheme().starts_with("postgres") {
            // What is said must be readable here.
            url.query_pairs_mut().append_pair("sslmode", "disable");
        }
        (proxy, url.to_string())
    }

    pub fn set(&self, fault: Fault) {
        self.state.fault.send_replace(fault);
        if matches!(fault, Fault::Refuse | Fault::Reset) {
            self.cut();
        }
    }

    pub fn fault(&self) -> Fault {
        *self.state.fault.borrow()
    }

    /// Waits until the fault is this one.
    pub async fn becomes(&self, fault: Fault) {
        self.state.fault.subscribe().wait_for(|now| *now == fault).await.unwrap();
    }

    /// Resets every open connection, the silent ones too.
    pub fn cut(&self) {
        self.state.cuts.send_modify(|cuts| *cuts += 1);
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn accept(listener: TcpListener, upstream: SocketAddr, state: Arc<State>, stop: CancellationToken) {
    let address = listener.local_addr().unwrap();
    let mut listener = Some(listener);
    let mut fault = state.fault.subscribe();
    loop {
        let refuses = *fault.borrow_and_update() == Fault::Refuse;
        if refuses {
            listener = None;
        } else if listener.is_none() {
            listener = Some(TcpListener::bind(address).await.unwrap());
        }
        let accepted = async {
            match &listener {
                Some(listener) => listener.accept().await.unwrap().0,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = fault.changed() => changed.unwrap(),
            client = accepted => {
                let relaying = relay(client, upstream, Arc::clone(&state));
                #[expect(clippy::disallowed_methods, reason = "ends with the proxy")]
                tokio::spawn(stop.clone().run_until_cancelled_owned(relaying));
            }
        }
    }
}

/// Carries one connection until an end closes it or a fault does.
async fn relay(mut client: TcpStream, upstream: SocketAddr, state: Arc<State>) {
    let mut cuts = state.cuts.subscribe();
    if *state.fault.borrow() == Fault::Reset {
        client.set_zero_linger().unwrap();
        return;
    }
    let carried = async {
        if *state.fault.borrow() == Fault::BlackHole {
            return std::future::pending().await;
        }
        let Ok(mut server) = TcpStream::connect(upstream).await else { return End::Reset };
        server.set_nodelay(true).unwrap();
        let (mut from_client, mut to_client) = client.split();
        let (mut from_server, mut to_server) = server.split();
        let deaf = AtomicBool::new(false);
        tokio::select! {
            end = pump(&mut from_client, &mut to_server, &state, Way::Question, &deaf) => end,
            end = pump(&mut from_server, &mut to_client, &state, Way::Answer, &deaf) => end,
        }
    };
    let end = tokio::select! {
        end = carried => end,
        _ = cuts.changed() => End::Reset,
    };
    if end == End::Reset {
        client.set_zero_linger().unwrap();
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Closed,
    Reset,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Question,
    Answer,
}

/// Carries one direction. `deaf`: the next answer must not get back.
async fn pump(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    state: &State,
    way: Way,
    deaf: &AtomicBool,
) -> End {
    let (mut piece, mut sent, mut said) = (vec![0; 16 * 1024], 0_usize, false);
    let says = |piece: &[u8], words: &[u8]| piece.windows(words.len()).any(|window| window == words);
    loop {
        let Ok(read) = from.read(&mut piece).await else { return End::Reset };
        let fault = *state.fault.borrow();
        if read == 0 {
            // Whoever is behind a black hole does not hear that the other end is gone.
            if fault == Fault::BlackHole {
                silence().await;
            }
            return End::Closed;
        }
        let piece = &piece[..read];
        if way == Way::Answer && deaf.load(Ordering::Relaxed) {
            return End::Reset;
        }
        match fault {
            Fault::Refuse | Fault::Reset => return End::Reset,
            Fault::BlackHole => silence().await,
            Fault::Latency(latency) => tokio::time::sleep(latency).await,
            Fault::CutAfter(limit) if way == Way::Question => {
                if sent + read > limit {
                    let _broken = to.write_all(&piece[..limit.saturating_sub(sent)]).await;
                    return End::Reset;
                }
            }
            Fault::CutCommitOf(words) if way == Way::Question => {
                said |= says(piece, words);
                if said && says(piece, b"COMMIT") {
                    deaf.store(true, Ordering::Relaxed);
                    state.fault.send_replace(Fault::None);
                }
            }
            Fault::HoldAnswersTo(words) if way == Way::Question => {
                if says(piece, words) {
                    state.fault.send_replace(Fault::HoldAnswers);
                }
            }
            Fault::HoldAnswers if way == Way::Answer => {
                let mut fault = state.fault.subscribe();
                let _over = fault.wait_for(|fault| *fault != Fault::HoldAnswers).await;
            }
            Fault::None | Fault::CutAfter(_) | Fault::CutCommitOf(_) | Fault::HoldAnswersTo(_) | Fault::HoldAnswers => {
            }
        }
        sent += read;
        if to.write_all(piece).await.is_err() {
            return End::Reset;
        }
    }
}

async fn silence() {
    std::future::pending::<()>().await;
}
