//! The root of reading. Each field picks its moment and hands over.
#![expect(clippy::too_many_arguments, reason = "a field takes the arguments that the contract gives it")]

use async_graphql::{Context, ID, Object};
use futures_util::future::try_join_all;

use super::access::{Action, require, require_noted};
use super::account::{self, AccountConnection, AccountOrder};
use super::api_token::{self, ApiTokenConnection};
use super::asset::{self, AssetConnection, AssetOrder};
use super::audit_event::{self, AuditEventConnection, AuditEventFilter};
use super::connection::{LARGEST_PAGE, PageArgs};
use super::control::Control;
use super::control_result::{self, ControlResultConnection};
use super::error::ApiError;
use super::filters::{
    AccountFilter, AssetFilter, ControlFilter, ControlResultFilter, PersonFilter, ProjectFilter, SyncRunFilter,
};
use super::integration::{Integration, IntegrationConnection};
use super::node::Node;
use super::person::{self, PersonConnection};
use super::posture::Posture;
use super::project::{self, ProjectConnection};
use super::provider::{Provider, ProviderStatus};
use super::review::{self, AccessReviewConnection, AccessReviewFilter};
use super::scalars::DateTime;
use super::session::session;
use super::sync_run::{self, SyncRunConnection};
use super::viewer::Viewer;
use crate::store::audit::AuditAction;

pub struct Query;

/// Everything that can be read. Every field with `asOf` answers for that instant, and so does all below it.
#[Object]
impl Query {
    /// The caller of this request.
    #[expect(clippy::unused_async, reason = "the derive asks for async resolvers")]
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Viewer, ApiError> {
        session(ctx)?.is_personal();
        Ok(Viewer(require(ctx, Action::Read)?.clone()))
    }

    /// What a global id names, as of the instant that it was read at. Removed assets and accounts are found too. Null when
    /// it names nothing.
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The global id.")] id: ID,
    ) -> Result<Option<Node>, ApiError> {
        Node::find(session(ctx)?, require(ctx, Action::Read)?, &id).await
    }

    /// What each of these global ids names, in their order; null where one names nothing.
    async fn nodes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The global ids, 500 at most.")] ids: Vec<ID>,
    ) -> Result<Vec<Option<Node>>, ApiError> {
        if u64::try_from(ids.len()).is_ok_and(|count| count > LARGEST_PAGE) {
            return Err(ApiError::BadInput(format!("at most {LARGEST_PAGE} `ids` can be asked for at once")));
        }
        let (session, caller) = (session(ctx)?, require(ctx, Action::Read)?);
        try_join_all(ids.iter().map(|id| Node::find(session, caller, id))).await
    }

    /// The catalogue of systems that can be connected.
    async fn providers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those in this state.")] status: Option<ProviderStatus>,
    ) -> Result<Vec<Provider>, ApiError> {
        let atlas = Provider(session(ctx)?.at(None).await?);
        let is_wanted = match status {
            Some(wanted) => atlas.current_status().await? == wanted,
            None => true,
        };
        Ok(is_wanted.then_some(atlas).into_iter().collect())
    }

    /// The integrations, disconnected ones too, in the order in which they were first connected.
    async fn integrations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the start: 0 to 500, 50 when neither `first` nor `last` is given.")]
        first: Option<i32>,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end: 0 to 500. Not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
    ) -> Result<IntegrationConnection, ApiError> {
        let moment = session(ctx)?.at(None).await?;
        Integration::page(&moment, PageArgs { first, after, last, before }).await
    }

    /// The inventory: assets that are there, and removed ones if asked for.
    async fn assets(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the start: 0 to 500, 50 when neither `first` nor `last` is given.")]
        first: Option<i32>,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end: 0 to 500. Not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
        #[graphql(desc = "Only assets that fit all of this.")] filter: Option<AssetFilter>,
        #[graphql(desc = "How to order them: by name when absent.")] order_by: Option<AssetOrder>,
        #[graphql(desc = "The instant to answer for: now when absent. Not before `Workspace.historyFrom`.")]
        as_of: Option<DateTime>,
    ) -> Result<AssetConnection, ApiError> {
        let moment = session(ctx)?.at(as_of.map(|at| at.0)).await?;
        let args = PageArgs { first, after, last, before };
        asset::page(&moment, filter.unwrap_or_default().into(), order_by.into(), args).await
    }

    /// The accounts that are there, and removed ones if asked for.
    async fn accounts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the start: 0 to 500, 50 when neither `first` nor `last` is given.")]
        first: Option<i32>,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end: 0 to 500. Not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
        #[graphql(desc = "Only accounts that fit all of this.")] filter: Option<AccountFilter>,
        #[graphql(desc = "How to order them: by login when absent.")] order_by: Option<AccountOrder>,
        #[graphql(desc = "The instant to answer for: now when absent. Not before `Workspace.historyFrom`.")]
        as_of: Option<DateTime>,
    ) -> Result<AccountConnection, ApiError> {
        let moment = session(ctx)?.at(as_of.map(|at| at.0)).await?;
        let args = PageArgs { first, after, last, before };
        account::page(&moment, filter.unwrap_or_default().into(), order_by.into(), args).await
    }

    /// The projects, by name.
    async fn projects(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the start: 0 to 500, 50 when neither `first` nor `last` is given.")]
        first: Option<i32>,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end: 0 to 500. Not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
        #[graphql(desc = "Only projects that fit all of this.")] filter: Option<ProjectFilter>,
        #[graphql(desc = "The instant to answer for: now when absent. Not before `Workspace.historyFrom`.")]
        as_of: Option<DateTime>,
    ) -> Result<ProjectConnection, ApiError> {
        let moment = session(ctx)?.at(as_of.map(|at| at.0)).await?;
        project::page(&moment, filter.unwrap_or_default().into(), PageArgs { first, after, last, before }).await
    }

    /// The personnel, by e-mail address.
    async fn people(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the start: 0 to 500, 50 when neither `first` nor `last` is given.")]
        first: Option<i32>,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end: 0 to 500. Not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
        #[graphql(desc = "Only people who fit all of this.")] filter: Option<PersonFilter>,
    ) -> Result<PersonConnection, ApiError> {
        let moment = session(ctx)?.at(None).await?;
        person::page(&moment, filter.unwrap_or_default().into(), PageArgs { first, after, last, before }).await
    }

    /// The controls of the catalogue, in the order in which people are shown them.
    async fn controls(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only controls that fit all of this.")] filter: Option<ControlFilter>,
        #[graphql(desc = "The instant to answer for: now when absent. Not before `Workspace.historyFrom`.")]
        as_of: Option<DateTime>,
    ) -> Result<Vec<Control>, ApiError> {
        let moment = session(ctx)?.at(as_of.map(|at| at.0)).await?;
        Control::list(&moment, &filter.unwrap_or_default()).await
    }

    /// The control with this key. Null when there is none.
    async fn control(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The control's key in kebab-case.")] key: String,
        #[graphql(desc = "The instant to answer for: now when absent. Not before `Workspace.historyFrom`.")]
        as_of: Option<DateTime>,
    ) -> Result<Option<Control>, ApiError> {
        let moment = session(ctx)?.at(as_of.map(|at| at.0)).await?;
        Ok(Control::find(&moment, &key))
    }

    /// What the controls say about each subject.
    async fn control_results(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the start: 0 to 500, 50 when neither `first` nor `last` is given.")]
        first: Option<i32>,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end: 0 to 500. Not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
        #[graphql(desc = "Only results that fit all of this.")] filter: Option<ControlResultFilter>,
        #[graphql(desc = "The instant to answer for: now when absent. Not before `Workspace.historyFrom`.")]
        as_of: Option<DateTime>,
    ) -> Result<ControlResultConnection, ApiError> {
        let moment = session(ctx)?.at(as_of.map(|at| at.0)).await?;
        control_result::page(&moment, filter.unwrap_or_default().into(), PageArgs { first, after, last, before }).await
    }

    /// How the whole workspace stands, in one row.
    async fn posture(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The instant to answer for: now when absent. Not before `Workspace.historyFrom`.")]
        as_of: Option<DateTime>,
    ) -> Result<Posture, ApiError> {
        Ok(Posture(session(ctx)?.at(as_of.map(|at| at.0)).await?))
    }

    /// The syncs of all integrations, the newest first.
    async fn sync_runs(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the start: 0 to 500, 50 when neither `first` nor `last` is given.")]
        first: Option<i32>,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end: 0 to 500. Not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
        #[graphql(desc = "Only syncs that fit all of this.")] filter: Option<SyncRunFilter>,
    ) -> Result<SyncRunConnection, ApiError> {
        let moment = session(ctx)?.at(None).await?;
        sync_run::page(&moment, filter.unwrap_or_default().into(), PageArgs { first, after, last, before }).await
    }

    /// The audit ledger, the newest event first. Needs the role ADMIN.
    async fn audit_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the start: 0 to 500, 50 when neither `first` nor `last` is given.")]
        first: Option<i32>,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end: 0 to 500. Not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
        #[graphql(desc = "Only events that fit all of this.")] filter: Option<AuditEventFilter>,
    ) -> Result<AuditEventConnection, ApiError> {
        require_noted(ctx, Action::ManageAccess, AuditAction::ReadAuditEvents).await?;
        let moment = session(ctx)?.at(None).await?;
        audit_event::page(&moment, filter.unwrap_or_default().into(), PageArgs { first, after, last, before }).await
    }

    /// Access reviews, the latest first. Always as they are now.
    async fn access_reviews(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the start: 0 to 500, 50 when neither `first` nor `last` is given.")]
        first: Option<i32>,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end: 0 to 500. Not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
        #[graphql(desc = "Only reviews that fit all of this.")] filter: Option<AccessReviewFilter>,
    ) -> Result<AccessReviewConnection, ApiError> {
        let moment = session(ctx)?.at(None).await?;
        review::page(&moment, filter.unwrap_or_default().into(), PageArgs { first, after, last, before }).await
    }

    /// The workspace's API tokens, the newest first, without the tokens themselves. Needs the role ADMIN.
    async fn api_tokens(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the start: 0 to 500, 50 when neither `first` nor `last` is given.")]
        first: Option<i32>,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end: 0 to 500. Not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
    ) -> Result<ApiTokenConnection, ApiError> {
        require_noted(ctx, Action::ManageAccess, AuditAction::ReadApiTokens).await?;
        let moment = session(ctx)?.at(None).await?;
        api_token::page(&moment, PageArgs { first, after, last, before }).await
    }
}
