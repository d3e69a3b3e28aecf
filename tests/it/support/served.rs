//! The outermost door: a gateway over a real socket, and callers with real tokens.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use slategate::auth::{self, NewToken, oidc::Oidc};
use slategate::gateway::{Gateway, Refresher};
use slategate::http::{Deadlines, GateSettings, router};
use slategate::lifecycle::Lifecycle;
use slategate::store::Store;
use slategate::store::audit::Actor;
use slategate::store::views::Role;
use tokio::net::TcpListener;

use super::World;

/// Serves until it is dropped.
pub struct Served {
    pub address: SocketAddr,
    /// Where metrics are served without a token.
    pub metrics: SocketAddr,
    pub client: reqwest::Client,
    /// Answers nothing anew by itself.
    pub refresher: Refresher,
    pub lifecycle: Lifecycle,
}

impl World {
    pub async fn serve(&self) -> Served {
        self.serve_behind(GateSettings::default()).await
    }

    pub async fn serve_behind(&self, gate: GateSettings) -> Served {
        self.serve_from(self.store.clone(), None, Deadlines::default().execution, gate).await
    }

    /// Serves callers that this issuer vouches for, too.
    pub async fn serve_trusting(&self, issuer: Option<Oidc>) -> Served {
        self.serve_from(self.store.clone(), issuer, Deadlines::default().execution, GateSettings::default()).await
    }

    /// A gateway that stops operations after so long.
    pub async fn serve_within(&self, execution: Duration) -> Served {
        self.serve_from(self.store.clone(), None, execution, GateSettings::default()).await
    }

    /// Serves as another process on the same database would.
    pub async fn serve_replica(&self) -> Served {
        self.serve_from(self.another_store().await, None, Deadlines::default().execution, GateSettings::default()).await
    }

    async fn serve_from(&self, store: Store, issuer: Option<Oidc>, execution: Duration, gate: GateSettings) -> Served {
        let lifecycle = Lifecycle::default();
        let gateway = Gateway::new(store, self.engine.clone(), self.clock.clone(), false, lifecycle.clone());
        let gateway = gateway.vouched_for_by(issuer).behind(gate);
        lifecycle.spawn(gateway.store.clone().hear_changes(lifecycle.shutdown.clone()));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let scraped_on = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let metrics = scraped_on.local_addr().unwrap();
        let (mut state, refresher) = gateway.serving();
        state.deadlines.execution = execution;
        let (scrapes, stop) = (gateway.metrics_router(state.clone()), lifecycle.shutdown.clone());
        lifecycle.tasks.spawn(async move {
            axum::serve(scraped_on, scrapes).with_graceful_shutdown(stop.cancelled_owned()).await.unwrap();
        });
        let service = router(state).into_make_service_with_connect_info::<SocketAddr>();
        let stop = lifecycle.shutdown.clone();
        lifecycle.tasks.spawn(async move {
            axum::serve(listener, service).with_graceful_shutdown(stop.cancelled_owned()).await.unwrap();
        });
        Served {
            address,
            metrics,
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
            refresher,
            lifecycle,
        }
    }

    /// A token of this workspace that lives for 90 days.
    pub async fn token(&self, workspace: i64, role: Role) -> String {
        self.token_of(workspace, role, None).await
    }

    /// The same, with which a person of this workspace calls.
    pub async fn token_of(&self, workspace: i64, role: Role, person: Option<i64>) -> String {
        let by = Actor { workspace, ..self.actor() };
        let new = NewToken { name: "test", role, person, ttl_days: 90 };
        let issued = auth::issue(&self.store, &by, new, self.clock.now()).await;
        issued.unwrap().1.expose().to_owned()
    }
}

impl Served {
    /// Status and body of the answer.
    pub async fn post(&self, token: Option<&str>, query: &str, variables: Value) -> (u16, Value) {
        let request = self.client.post(format!("http://{}/graphql", self.address));
        let request = match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        let answer = request.json(&json!({ "query": query, "variables": variables })).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.lifecycle.shutdown.cancel();
    }
}
