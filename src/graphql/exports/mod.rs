//! Exports: whole lists as files, each read to its end from one snapshot.
//!
//! What is asked for is read by a schema that nobody is served. Its fields take the arguments that the served lists
//! take, so both are refused alike, and then stand for the same rows. A kind of export is one file here: its columns,
//! its rows, and a field of `Parameters`.

mod access_reviews;
mod accounts;
mod assets;
mod control_results;
mod names;

use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::{Context, EmptyMutation, EmptySubscription, MergedObject, Request, ServerError, Value, Variables};
use futures_util::future::BoxFuture;
use tokio_util::task::TaskTracker;

use super::State;
use super::access::Action;
use super::batches::Batches;
use super::error::{ApiError, without_values};
use super::provider::ATLAS;
use super::scalars::DateTime;
use super::session::{Moment, Session};
use crate::controls;
use crate::domain::Instant;
use crate::export::{About, Column, ExportError, Exported, Format, Row, Spool};
use crate::store::Reader;
use crate::store::read::page::{Cursor, Slice, Window};
use crate::store::views::Caller;

/// Rows that are read at a time.
const PAGE: u64 = 500;

/// A list that can be had as a file.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// As the address says it.
    pub name: &'static str,
    /// It is a list of one thing's parts, whose id the address has: the variable `id`.
    pub is_of_one: bool,
    /// In the order in which people are told of them.
    pub parameters: &'static [Parameter],
    /// What reads them, with a variable for each.
    document: &'static str,
}

/// Something that an export can be asked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameter {
    pub name: &'static str,
    /// Written as JSON; otherwise it is a text.
    pub is_json: bool,
}

const FILTER: Parameter = Parameter { name: "filter", is_json: true };
const ORDER_BY: Parameter = Parameter { name: "orderBy", is_json: true };
const AS_OF: Parameter = Parameter { name: "asOf", is_json: false };

/// Every kind of export.
pub const KINDS: &[Kind] = &[accounts::KIND, assets::KIND, control_results::KIND, access_reviews::KIND];

/// One export, as it was asked for.
#[derive(Debug)]
pub struct Asked {
    pub kind: Kind,
    pub format: Format,
    /// By the names of the kind's parameters.
    pub variables: Variables,
}

#[derive(Default, MergedObject)]
struct Parameters(
    accounts::AccountParameters,
    assets::AssetParameters,
    control_results::ControlResultParameters,
    access_reviews::AccessReviewParameters,
);

/// Makes exports. Cheap to clone.
#[derive(Clone)]
pub struct Exports {
    parameters: async_graphql::Schema<Parameters, EmptyMutation, EmptySubscription>,
    state: State,
    /// Where files are written.
    tasks: TaskTracker,
}

/// Rows that are being read, and where they end.
type Reading<'a> = BoxFuture<'a, Result<(Vec<Row>, Option<Cursor>), ApiError>>;

/// A list, narrowed and put into an order.
trait Table: Send + Sync {
    fn columns(&self) -> &'static [Column];

    /// The rows that follow, and where they end. None: with the list itself.
    fn page<'a>(&'a self, moment: &'a Arc<Moment>, after: Option<Cursor>) -> Reading<'a>;
}

/// What the parameters come to.
struct Wanted {
    table: Box<dyn Table>,
    as_of: Option<Instant>,
}

/// Where a field of the parameters leaves what they come to.
#[derive(Clone, Default)]
struct Place(Arc<Mutex<Option<Wanted>>>);

/// What a field of the parameters says: that it has left a table.
fn want(ctx: &Context<'_>, as_of: Option<DateTime>, table: impl Table + 'static) -> bool {
    let wanted = Wanted { table: Box::new(table), as_of: as_of.map(|at| at.0) };
    let place = ctx.data_opt::<Place>();
    place.is_some_and(|place| place.0.lock().unwrap_or_else(PoisonError::into_inner).replace(wanted).is_none())
}

impl Exports {
    pub fn new(state: State, tasks: TaskTracker) -> Self {
        let parameters = async_graphql::Schema::build(Parameters::default(), EmptyMutation, EmptySubscription);
        Self { parameters: parameters.disable_introspection().disable_suggestions().finish(), state, tasks }
    }

    /// Makes the file. Dropping this gives it up.
    pub async fn make(&self, caller: &Caller, asked: Asked) -> Result<Exported, ApiError> {
        if !Action::Read.is_allowed(caller.role) {
            return Err(ApiError::Forbidden(Action::Read.needs()));
        }
        let wanted = self.understand(&asked).await?;
        let (batches, queued) = Batches::queued();
        let session = Session::new(self.state.store.clone(), caller.workspace, batches);
        let spooled = queued.drive(self.spool(&session, caller, &asked, wanted)).await;
        session.finish().await;
        // The snapshot is let go before the file is finished, which can take as long as reading did.
        let exported = spooled?.finish().await?;
        let (rows, bytes) = (exported.rows, exported.bytes);
        tracing::info!(export.list = asked.kind.name, export.rows = rows, export.bytes = bytes, "export made");
        Ok(exported)
    }

    async fn understand(&self, asked: &Asked) -> Result<Wanted, ApiError> {
        let place = Place::default();
        let request = Request::new(asked.kind.document).variables(asked.variables.clone()).data(place.clone());
        let mut answer = self.parameters.execute(request).await;
        without_values(&mut answer.errors);
        if let Some(ServerError { message, .. }) = answer.errors.into_iter().next() {
            return Err(ApiError::BadInput(message));
        }
        place.0.lock().unwrap_or_else(PoisonError::into_inner).take().ok_or(ApiError::Internal)
    }

    /// Reads all rows. They may still wait to be written.
    async fn spool(
        &self,
        session: &Session,
        caller: &Caller,
        asked: &Asked,
        wanted: Wanted,
    ) -> Result<Spool, ApiError> {
        let Wanted { table, as_of } = wanted;
        let reader = session.at(as_of).await?.reader.clone();
        let about = self.about(&reader, caller, asked).await?;
        let spool = Spool::begin(&self.tasks, asked.format, table.columns(), about);
        let mut after = None;
        loop {
            // A moment of its own for each page: what is loaded beside the rows does not pile up.
            let moment = session.beside(&reader);
            let (rows, end) = table.page(&moment, after).await?;
            if !spool.put(rows).await || end.is_none() {
                return Ok(spool);
            }
            after = end;
        }
    }

    async fn about(&self, reader: &Reader, caller: &Caller, asked: &Asked) -> Result<About, ApiError> {
        let keys: Vec<&str> = controls::ALL.iter().map(|control| control.key).collect();
        let said = |parameter: Parameter| {
            let value = asked.variables.get(parameter.name).filter(|value| **value != Value::Null)?;
            serde_json::to_string(value).ok()
        };
        Ok(About {
            list: asked.kind.name,
            workspace: caller.workspace_name.clone(),
            as_of: reader.instant(),
            generation: reader.last_commit(&keys).await?,
            filter: said(FILTER),
            order: said(ORDER_BY),
            made_at: self.state.clock.now(),
            platform: ATLAS,
        })
    }
}

/// The next rows of a list.
fn window(after: Option<Cursor>) -> Window {
    Window { limit: PAGE, after, ..Window::default() }
}

/// The views of a page, and where it ends.
fn parted<T>(slice: Slice<T>) -> (Vec<T>, Option<Cursor>) {
    let end = slice.rows.last().filter(|_| slice.has_more).map(|(_, cursor)| cursor.clone());
    (slice.rows.into_iter().map(|(view, _)| view).collect(), end)
}

impl From<ExportError> for ApiError {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::TooManyRows(_) | ExportError::TooLarge(_) => Self::BadInput(error.to_string()),
            ExportError::GivenUp | ExportError::Storage(_) | ExportError::Workbook(_) => {
                tracing::error!(error = &error as &dyn std::error::Error, "export not written");
                Self::Unwritten
            }
        }
    }
}
