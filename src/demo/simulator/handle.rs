//! The running simulator: binding, serving, and the handle by which it is steered.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::http::{Request, Response};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use super::bucket::{EndpointSet, Limit};
use super::challenge::NonceRules;
use super::refusal::{Refusal, RefusalId};
use super::state::{Call, LoggedRequest, World};
use crate::clock::Clock;
use crate::demo::model::Organization;

/// How long a shutdown waits for answers under way.
const DRAIN: Duration = Duration::from_secs(2);

/// What can be told at the start.
#[derive(Debug, Clone, Default)]
pub struct SimulatorOptions {
    /// 0: any free port.
    pub port: u16,
    pub nonces: NonceRules,
    /// Ages nonces and refills buckets.
    pub clock: Clock,
    /// Only these addresses get in. None: every address that the key's own list allows.
    pub allowed_addresses: Option<Vec<IpAddr>>,
    /// The address that callers seem to come from. None: the socket's.
    pub caller: Option<IpAddr>,
    /// Buckets that differ from Atlas's published sizes.
    pub limits: Vec<(EndpointSet, Limit)>,
}

/// A simulator that serves until it is shut down or dropped.
#[derive(Debug)]
pub struct Simulator {
    address: SocketAddr,
    world: Arc<Mutex<World>>,
    stop: CancellationToken,
    tasks: TaskTracker,
    server: tokio::task::AbortHandle,
}

impl Simulator {
    /// Binds the loopback address and serves this estate.
    pub async fn start(estate: Vec<Organization>, options: SimulatorOptions) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
        let address = listener.local_addr()?;
        let world = Arc::new(Mutex::new(World::new(estate, options)));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&world));
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let serving = axum::serve(listener, service).with_graceful_shutdown(stop.clone().cancelled_owned());
        let server = tasks.spawn(async move {
            if let Err(error) = serving.await {
                tracing::error!(error = &error as &dyn std::error::Error, "atlas simulator ended");
            }
        });
        tasks.close();
        Ok(Self { address, world, stop, tasks, server: server.abort_handle() })
    }

    /// Where it listens: scheme, host and port. The API is below `/api/atlas/v2`.
    pub fn base_url(&self) -> Url {
        Url::parse(&format!("http://{}", self.address)).expect("a socket address makes a URL")
    }

    /// The estate as it is now.
    pub fn organizations(&self) -> Vec<Organization> {
        self.world().estate.clone()
    }

    /// Every HTTP request so far, challenges included.
    pub fn requests(&self) -> u64 {
        self.world().requests
    }

    /// The latest requests, oldest first.
    pub fn request_log(&self) -> Vec<LoggedRequest> {
        self.world().log.iter().cloned().collect()
    }

    /// Changes the estate; the next read sees it.
    pub fn edit<T>(&self, change: impl FnOnce(&mut Vec<Organization>) -> T) -> T {
        change(&mut self.world().estate)
    }

    /// Refuses requests from now on. The oldest refusal that applies wins.
    pub fn refuse(&self, refusal: Refusal) -> RefusalId {
        self.world().add_refusal(refusal)
    }

    /// Takes a refusal back.
    pub fn allow(&self, refusal: RefusalId) {
        self.world().refusals.retain(|(id, _)| *id != refusal);
    }

    /// The key answers no challenge from now on.
    pub fn revoke_key(&self, public_key: &str) {
        self.world().revoked.insert(public_key.to_owned());
    }

    /// Every answer takes this long from now on.
    pub fn latency(&self, latency: Duration) {
        self.world().latency = latency;
    }

    /// Stops listening and waits, for a moment, for answers under way.
    pub async fn shutdown(self) {
        self.stop.cancel();
        if tokio::time::timeout(DRAIN, self.tasks.wait()).await.is_err() {
            self.server.abort();
        }
    }

    fn world(&self) -> MutexGuard<'_, World> {
        lock(&self.world)
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A panic in a test's `edit` must not take the server along.
fn lock(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(
    State(world): State<Arc<Mutex<World>>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request<Body>,
) -> Response<Body> {
    let call = Call::of(&request, peer.ip());
    let latency = lock(&world).arrive();
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    lock(&world).answer(&call).into_response()
}
