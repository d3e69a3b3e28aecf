//! The outermost door: a gateway over a real socket, and callers with real tokens.

use std::net::SocketAddr;

use serde_json::{Value, json};
use slategate::auth::{self, oidc::Oidc};
use slategate::gateway::Gateway;
use slategate::http::router;
use slategate::lifecycle::Lifecycle;
use slategate::store::Store;
use slategate::store::views::Role;
use tokio::net::TcpListener;

use super::World;

/// Serves until it is dropped.
pub struct Served {
    pub address: SocketAddr,
    pub client: reqwest::Client,
    pub lifecycle: Lifecycle,
}

impl World {
    pub async fn serve(&self) -> Served {
        self.serve_from(self.store.clone(), None).await
    }

    /// Serves callers that this issuer vouches for, too.
    pub async fn serve_trusting(&self, issuer: Option<Oidc>) -> Served {
        self.serve_from(self.store.clone(), issuer).await
    }

    /// Serves as another process on the same database would.
    pub async fn serve_replica(&self) -> Served {
        self.serve_from(self.another_store().await, None).await
    }

    async fn serve_from(&self, store: Store, issuer: Option<Oidc>) -> Served {
        let lifecycle = Lifecycle::default();
        let gateway = Gateway::new(store, self.engine.clone(), self.clock.clone(), false, lifecycle.clone());
        let gateway = gateway.trusting(issuer);
        lifecycle.spawn(gateway.store.clone().hear_changes(lifecycle.shutdown.clone()));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = router(gateway.http_state()).into_make_service_with_connect_info::<SocketAddr>();
        let stop = lifecycle.shutdown.clone();
        lifecycle.tasks.spawn(async move {
            axum::serve(listener, service).with_graceful_shutdown(stop.cancelled_owned()).await.unwrap();
        });
        Served { address, client: reqwest::Client::builder().no_proxy().build().unwrap(), lifecycle }
    }

    /// A token of this workspace that lives for 90 days.
    pub async fn token(&self, workspace: i64, role: Role) -> String {
        let issued = auth::issue(&self.store, workspace, "test", role, self.clock.now(), 90).await;
        issued.unwrap().expose().to_owned()
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
