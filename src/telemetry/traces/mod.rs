//! Traces by OpenTelemetry: a request, its operation, its statements; a sync and its calls to Atlas.
//!
//! Off until [`start`] is called, which happens once for the process. While off a span is nothing, and asking for one
//! costs one look at a static. The spans stand beside the log and not in it: what the log keeps does not decide what is
//! traced, and names and kinds are those of OpenTelemetry.

mod export;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzz;
mod parent;
mod statement;

use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use futures_util::future::Either;
use opentelemetry::trace::{
    FutureExt as _, SpanContext, SpanKind, Status, TraceContextExt as _, Tracer as _, TracerProvider as _,
};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::trace::SdkTracer;

use super::metrics::known_method;
pub use export::{Exporting, TraceError, TraceSettings};
pub use parent::TraceParent;

/// Of the texts of statements so much is told.
const LONGEST_STATEMENT: usize = 2_000;

static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// Begins to trace, for the rest of the process. To be called where tokio runs.
pub fn start(settings: &TraceSettings) -> Result<Exporting, TraceError> {
    let exporting = export::start(settings)?;
    let tracer = exporting.provider().tracer(env!("CARGO_PKG_NAME"));
    TRACER.set(tracer).map_err(|_| TraceError::Started)?;
    Ok(exporting)
}

/// Where a log line belongs in a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceIds {
    pub trace: String,
    pub span: String,
}

/// Something that takes time, until this is dropped. Nothing while traces are off.
#[derive(Debug, Default)]
pub struct Span(Option<Context>);

impl Span {
    fn new(name: String, kind: SpanKind, parent: &Context, attributes: Vec<KeyValue>) -> Self {
        Self(TRACER.get().map(|tracer| {
            let span = tracer.span_builder(name).with_kind(kind).with_attributes(attributes);
            parent.with_span(tracer.build_with_context(span, parent))
        }))
    }

    /// What `doing` does is part of this.
    pub fn around<F: Future>(&self, doing: F) -> impl Future<Output = F::Output> + use<F> {
        match &self.0 {
            Some(context) => Either::Left(doing.with_context(context.clone())),
            None => Either::Right(doing),
        }
    }

    pub fn set(&self, key: &'static str, value: impl Into<Value>) {
        if let Some(context) = &self.0 {
            context.span().set_attribute(KeyValue::new(key, value));
        }
    }

    /// It went wrong. `why` is one of few words of ours.
    pub fn fail(&self, why: &'static str) {
        if let Some(context) = &self.0 {
            context.span().set_attribute(KeyValue::new("error.type", why));
            context.span().set_status(Status::error(why));
        }
    }

    pub fn ids(&self) -> Option<TraceIds> {
        let context = self.0.as_ref()?.span().span_context().clone();
        context.is_valid().then(|| TraceIds::from(&context))
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if let Some(context) = &self.0 {
            context.span().end();
        }
    }
}

impl From<&SpanContext> for TraceIds {
    fn from(context: &SpanContext) -> Self {
        Self { trace: context.trace_id().to_string(), span: context.span_id().to_string() }
    }
}

/// A request that we answer. `route` is a pattern of ours.
pub fn request(method: &str, route: &str, parent: Option<&TraceParent>) -> Span {
    if TRACER.get().is_none() {
        return Span::default();
    }
    let method = known_method(method);
    let context = parent.map_or_else(Context::new, |parent| Context::new().with_remote_span_context(parent.context()));
    let attributes = vec![KeyValue::new("http.request.method", method), KeyValue::new("http.route", route.to_owned())];
    Span::new(format!("{method} {route}"), SpanKind::Server, &context, attributes)
}

/// An operation of GraphQL, in the request that asks for it. `name` is one of a bounded number.
pub fn operation(kind: &'static str, name: &str) -> Span {
    if TRACER.get().is_none() {
        return Span::default();
    }
    let attributes =
        vec![KeyValue::new("graphql.operation.type", kind), KeyValue::new("graphql.operation.name", name.to_owned())];
    Span::new(format!("{kind} {name}"), SpanKind::Internal, &Context::current(), attributes)
}

/// A run of a sync: the root of a trace of its own.
pub fn sync_run(run: i64, integration: i64) -> Span {
    if TRACER.get().is_none() {
        return Span::default();
    }
    let attributes =
        vec![KeyValue::new("slategate.sync.run_id", run), KeyValue::new("slategate.integration.id", integration)];
    Span::new("sync run".to_owned(), SpanKind::Internal, &Context::new(), attributes)
}

/// One try of a call to Atlas, with its challenges.
pub fn atlas_call(endpoint: &'static str, attempt: u32) -> Span {
    if TRACER.get().is_none() {
        return Span::default();
    }
    let attributes = vec![
        KeyValue::new("http.request.method", "GET"),
        KeyValue::new("slategate.atlas.endpoint", endpoint),
        KeyValue::new("slategate.atlas.attempt", i64::from(attempt)),
    ];
    Span::new(format!("GET {endpoint}"), SpanKind::Client, &Context::current(), attributes)
}

/// A statement that has just ended, in what asked for it; outside of that it is not traced. `sql` has its values apart.
pub fn statement(system: &'static str, sql: &str, took: Duration, failed: bool) {
    let Some(tracer) = TRACER.get() else { return };
    let context = Context::current();
    if !context.span().span_context().is_sampled() {
        return;
    }
    let statement::Named { kind, table } = statement::named(sql);
    let mut attributes = vec![
        KeyValue::new("db.system.name", system),
        KeyValue::new("db.operation.name", kind.to_owned()),
        KeyValue::new("db.query.text", statement::beginning(sql, LONGEST_STATEMENT).to_owned()),
    ];
    attributes.extend(table.map(|table| KeyValue::new("db.collection.name", table.to_owned())));
    let name = table.map_or_else(|| kind.to_owned(), |table| format!("{kind} {table}"));
    let now = SystemTime::now();
    let span = tracer.span_builder(name).with_kind(SpanKind::Client).with_attributes(attributes);
    let span = span.with_start_time(now.checked_sub(took).unwrap_or(now));
    let span = Span(Some(context.with_span(tracer.build_with_context(span, &context))));
    if failed {
        span.fail("statement");
    }
}

/// Of the request, operation or run that this is part of.
pub fn current_ids() -> Option<TraceIds> {
    TRACER.get()?;
    let context = Context::current().span().span_context().clone();
    context.is_valid().then(|| TraceIds::from(&context))
}
