//! People from an identity provider, by SCIM over real sockets.

mod discovery;
mod entra;
mod hostile;
mod lists;
mod okta;
mod people;
mod plans;
mod roles;
mod tenancy;

use axum::http::HeaderMap;
use reqwest::Method;
use serde_json::{Value, json};
use slategate::store::views::Role;

use crate::support::{Served, World, text};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const EMPLOYMENT: &str = "urn:ietf:params:scim:schemas:extension:slategate:2.0:User";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// An identity provider.
struct Provider<'a> {
    served: &'a Served,
    token: Option<String>,
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

impl<'a> Provider<'a> {
    async fn of(world: &World, served: &'a Served) -> Self {
        Self { served, token: Some(world.token(world.workspace, Role::Scim).await) }
    }

    /// Sends a request to a path below `/scim/v2`, with JSON where there is a body.
    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        self.send_with(method, path, body, &[]).await
    }

    async fn send_with(&self, method: Method, path: &str, body: Option<&Value>, headers: &[(&str, &str)]) -> Answer {
        let mut request = self.served.client.request(method, format!("http://{}/scim/v2{path}", self.served.address));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/scim+json").body(body.to_string());
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::read(request.send().await.unwrap()).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    /// The users that fit a filter.
    async fn find(&self, filter: &str) -> Value {
        let query: String = url::form_urlencoded::byte_serialize(filter.as_bytes()).collect();
        let answer = self.get(&format!("/Users?filter={query}")).await;
        assert_eq!(answer.status, 200, "{filter}: {}", answer.body);
        assert_eq!(answer.body["totalResults"], answer.body["Resources"].as_array().unwrap().len());
        answer.body["Resources"].clone()
    }

    /// A new user's id.
    async fn create(&self, body: Value) -> String {
        let answer = self.send(Method::POST, "/Users", Some(&body)).await;
        assert_eq!(answer.status, 201, "{body}: {}", answer.body);
        text(&answer.body["id"])
    }

    async fn patch(&self, id: &str, operations: Value) -> Answer {
        let body = json!({ "schemas": [PATCH], "Operations": operations });
        self.send(Method::PATCH, &format!("/Users/{id}"), Some(&body)).await
    }

    async fn put(&self, id: &str, body: &Value) -> Answer {
        self.send(Method::PUT, &format!("/Users/{id}"), Some(body)).await
    }

    async fn delete(&self, id: &str) -> Answer {
        self.send(Method::DELETE, &format!("/Users/{id}"), None).await
    }
}

impl Answer {
    async fn read(answer: reqwest::Response) -> Self {
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let bytes = answer.bytes().await.unwrap();
        assert!(headers.contains_key("x-request-id"));
        let body = if bytes.is_empty() {
            Value::Null
        } else {
            assert_eq!(headers["content-type"], "application/scim+json", "{}", String::from_utf8_lossy(&bytes));
            serde_json::from_slice(&bytes).unwrap()
        };
        Self { status, headers, body }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Status and kind of a refusal, which has the protocol's shape.
    fn refusal(&self) -> (u16, &str) {
        assert_eq!(self.body["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:Error"]), "{}", self.body);
        assert_eq!(self.body["status"], self.status.to_string());
        let detail = self.body["detail"].as_str().unwrap();
        assert!(detail.ends_with('.') && detail.len() < 500, "{detail}");
        (self.status, self.body["scimType"].as_str().unwrap_or_default())
    }
}

fn person(user_name: &str) -> Value {
    json!({ "schemas": [USER], "userName": user_name, "active": true })
}

/// Everybody, as GraphQL shows them.
async fn everybody(world: &World) -> Value {
    let query = "{ people(first: 500) { nodes { email fullName aliases status startsOn endsOn } } }";
    world.ask(query).await["people"]["nodes"].take()
}

/// What the ledger notes, the newest first: action, outcome, the subject's name, and the fields that changed.
async fn ledger(world: &World) -> Vec<String> {
    let query = "{ auditEvents(filter: { action: [PROVISION_PERSON, DEPROVISION_PERSON] }) \
                 { nodes { action outcome actor subjectName changes { field } } } }";
    let events = world.ask(query).await["auditEvents"]["nodes"].take();
    let line = |event: &Value| {
        assert!(text(&event["actor"]).starts_with("token:"), "{event}");
        let fields: Vec<&str> =
            event["changes"].as_array().unwrap().iter().map(|change| change["field"].as_str().unwrap()).collect();
        let subject = event["subjectName"].as_str().unwrap_or("-");
        format!("{} {} {subject} {}", text(&event["action"]), text(&event["outcome"]), fields.join(","))
    };
    events.as_array().unwrap().iter().map(line).collect()
}
