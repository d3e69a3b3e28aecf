//! The simulator's memory and the order of its checks.
//!
//! Everything here runs under one lock and never waits.

use std::collections::{HashSet, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderName, Method, Request, StatusCode, header};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::answer::{Answer, Refused};
use super::bucket::{BucketScope, Buckets, REFILL_SECONDS, Taken};
use super::challenge::{Credentials, Denied, NonceBook};
use super::endpoint::{ROOT, Target};
use super::handle::SimulatorOptions;
use super::page::Query;
use super::refusal::{Refusal, RefusalId};
use super::{access, body, version};
use crate::demo::model::{Key, Organization};

/// How many requests the log keeps.
const LOG_LENGTH: usize = 10_000;

/// One request as it was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedRequest {
    pub method: String,
    /// Path and query, as sent.
    pub target: String,
    pub status: u16,
}

/// The parts of a request that decide its answer.
#[derive(Debug)]
pub struct Call {
    method: Method,
    path: String,
    query: Option<String>,
    /// Path and query, as sent: what a digest signs.
    line: String,
    authorization: Option<String>,
    accept: Option<String>,
    peer: IpAddr,
}

impl Call {
    pub fn of(request: &Request<Body>, peer: IpAddr) -> Self {
        let uri = request.uri();
        let header =
            |name: HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Self {
            method: request.method().clone(),
            path: uri.path().to_owned(),
            query: uri.query().map(str::to_owned),
            line: uri.path_and_query().map_or_else(|| uri.path().to_owned(), ToString::to_string),
            authorization: header(header::AUTHORIZATION),
            accept: header(header::ACCEPT),
            peer,
        }
    }
}

/// All state of one simulator.
#[derive(Debug)]
pub struct World {
    pub estate: Vec<Organization>,
    pub refusals: Vec<(RefusalId, Refusal)>,
    pub revoked: HashSet<String>,
    pub latency: Duration,
    pub log: VecDeque<LoggedRequest>,
    pub requests: u64,
    options: SimulatorOptions,
    nonces: NonceBook,
    buckets: Buckets,
    next_refusal: u64,
}

impl World {
    pub fn new(estate: Vec<Organization>, options: SimulatorOptions) -> Self {
        Self {
            estate,
            refusals: Vec::new(),
            revoked: HashSet::new(),
            latency: Duration::ZERO,
            log: VecDeque::new(),
            requests: 0,
            options,
            nonces: NonceBook::default(),
            buckets: Buckets::default(),
            next_refusal: 0,
        }
    }

    pub fn add_refusal(&mut self, refusal: Refusal) -> RefusalId {
        let id = RefusalId(self.next_refusal);
        self.next_refusal += 1;
        self.refusals.push((id, refusal));
        id
    }

    /// Counts a request and tells how long its answer is to take.
    pub fn arrive(&mut self) -> Duration {
        self.requests += 1;
        self.latency
    }

    pub fn answer(&mut self, call: &Call) -> Answer {
        let answer = self.decide(call);
        if self.log.len() == LOG_LENGTH {
            self.log.pop_front();
        }
        self.log.push_back(LoggedRequest {
            method: call.method.to_string(),
            target: call.line.clone(),
            status: answer.status.as_u16(),
        });
        answer
    }

    fn decide(&mut self, call: &Call) -> Answer {
        if call.method != Method::GET {
            let detail = format!("{} is not allowed here.", call.method);
            let refused = Refused::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", detail);
            return refused.header(header::ALLOW, "GET").into_answer();
        }
        if !below_root(&call.path) {
            return no_resource(&call.path).into_answer();
        }
        let (organization, key) = match self.authenticate(call) {
            Ok(found) => found,
            Err(denied) => {
                let now = self.options.clock.now();
                let stale = denied == Denied::Stale;
                return Answer::challenge(self.nonces.challenge(stale, &self.options.nonces, now));
            }
        };
        let caller = self.options.caller.unwrap_or(call.peer);
        let allowed = self.options.allowed_addresses.as_deref();
        if let Err(refused) = access::check_address(&self.estate[organization], &key, allowed, caller) {
            return refused.into_answer();
        }
        let Some(target) = Target::parse(&call.path) else { return no_resource(&call.path).into_answer() };
        let taken = self.take_token(&self.estate[organization].id.clone(), &key, &target);
        let answered = self.refuse_or_serve(call, organization, &key, &target, taken);
        answered
            .unwrap_or_else(Refused::into_answer)
            .with_header(HeaderName::from_static("ratelimit-limit"), taken.limit.capacity.to_string())
            .with_header(HeaderName::from_static("ratelimit-remaining"), taken.remaining.to_string())
    }

    /// Whose request this is: the organization's place in the estate, and the key.
    fn authenticate(&mut self, call: &Call) -> Result<(usize, Key), Denied> {
        let header = call.authorization.as_deref().ok_or(Denied::Plain)?;
        let credentials = Credentials::parse(header).ok_or(Denied::Plain)?;
        self.nonces.redeem(&credentials, &self.options.nonces, self.options.clock.now())?;
        let keys = self
            .estate
            .iter()
            .enumerate()
            .flat_map(|(place, organization)| organization.keys.iter().map(move |key| (place, key)));
        let found = keys
            .filter(|(_, key)| key.public == credentials.username && !self.revoked.contains(&key.public))
            .find(|(_, key)| credentials.answers(key.private.expose_secret(), call.method.as_str(), &call.line));
        found.map(|(place, key)| (place, key.clone())).ok_or(Denied::Plain)
    }

    fn take_token(&mut self, organization: &str, key: &Key, target: &Target) -> Taken {
        let set = target.endpoint.bucket();
        let limit = self.options.limits.iter().rev().find(|(known, _)| *known == set);
        let limit = limit.map_or_else(|| set.default_limit(), |(_, limit)| *limit);
        let owner = match set.scope() {
            BucketScope::User => key.public.as_str(),
            BucketScope::Organization => target.parent.as_deref().unwrap_or(organization),
            BucketScope::Project => target.project().unwrap_or(organization),
        };
        self.buckets.take(set, owner, limit, self.options.clock.now())
    }

    fn refuse_or_serve(
        &mut self,
        call: &Call,
        organization: usize,
        key: &Key,
        target: &Target,
        taken: Taken,
    ) -> Result<Answer, Refused> {
        if let Some(wait) = taken.wait {
            return Err(rate_limited(&call.path, taken, wait));
        }
        let struck = self.refusals.iter_mut().find_map(|(_, refusal)| refusal.strike(&call.path, target));
        if let Some(refused) = struck {
            return Err(refused);
        }
        let served = target.endpoint.version();
        version::accept(call.accept.as_deref(), served)?;
        let query = Query::parse(&call.path, call.query.as_deref())?;
        let own = &self.estate[organization];
        let project = access::check(&self.estate, own, key, target)?;
        let body = body::body(own, key, target, project, &query)?;
        Ok(Answer::served(served, if query.envelope { envelope(body) } else { body }))
    }
}

fn below_root(path: &str) -> bool {
    path.strip_prefix(ROOT).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn no_resource(path: &str) -> Refused {
    Refused::not_found("RESOURCE_NOT_FOUND", format!("Cannot find resource {path}."), json!([path]))
}

fn rate_limited(path: &str, taken: Taken, wait: u32) -> Refused {
    let path = path.trim_start_matches('/');
    let (capacity, refill) = (taken.limit.capacity, taken.limit.refill);
    let detail = format!(
        "Rate limit exceeded for {path}. Please retry after {wait} seconds. \
         Request capacity: {capacity}. Refill rate: {refill} per {REFILL_SECONDS} seconds."
    );
    Refused::new(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED_TOKEN_BUCKET", detail)
        .parameters(json!([path, wait, capacity, refill, REFILL_SECONDS]))
        .header(header::RETRY_AFTER, wait.to_string())
}

/// Lists gain a status; single objects move into `content`.
fn envelope(mut body: Value) -> Value {
    if body.get("results").is_none() {
        return json!({ "status": 200, "content": body });
    }
    body["status"] = json!(200);
    body
}
