//! API tokens, for administrators. The tokens themselves are shown once, when they are made.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};

use super::access::Action;
use super::connection::{Counting, List, Page, PageArgs, connection};
use super::error::ApiError;
use super::ids::{GlobalId, IdKind};
use super::person::Person;
use super::scalars::DateTime;
use super::session::{Moment, session};
use super::viewer::Role;
use crate::store::tokens::TokenView;
use crate::store::views::Caller;

pub struct ApiToken(pub TokenView);

impl ApiToken {
    /// None also for callers who may not manage access.
    pub async fn find(moment: &Moment, caller: &Caller, id: i64) -> Result<Option<Self>, ApiError> {
        if !Action::ManageAccess.is_allowed(caller.role) {
            return Ok(None);
        }
        Ok(moment.reader.token(id).await?.map(Self))
    }
}

pub async fn page(moment: &Arc<Moment>, args: PageArgs) -> Result<ApiTokenConnection, ApiError> {
    let list = List { name: "apiTokens", order: "" };
    let window = args.window(list)?;
    let slice = moment.reader.tokens(&window).await?;
    let reader = moment.reader.clone();
    let count = move || -> Counting {
        let reader = reader.clone();
        Box::pin(async move { Ok(reader.count_tokens().await?) })
    };
    Ok(ApiTokenConnection(Page::new(list, &window, slice, ApiToken, count)))
}

connection! {
    /// A page of API tokens, the newest first.
    ApiTokenConnection,
    /// A token in a page.
    ApiTokenEdge,
    ApiToken
}

/// A token that lets somebody in. Only its hash is kept.
#[Object]
impl ApiToken {
    /// The global id.
    pub(super) async fn id(&self) -> ID {
        GlobalId { kind: IdKind::ApiToken, raw: self.0.id.to_string(), at: None }.encode()
    }

    /// What it is for.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// How much it allows.
    async fn role(&self) -> Role {
        self.0.role.into()
    }

    /// Who calls with it. Null: nobody said.
    async fn person(&self, ctx: &Context<'_>) -> Result<Option<Person>, ApiError> {
        Person::find_some(&session(ctx)?.at(None).await?, self.0.person_id).await
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// From when it lets nobody in.
    async fn expires_at(&self) -> DateTime {
        DateTime(self.0.expires_at)
    }

    /// When it was last used, to the minute. Null: never.
    async fn last_used_at(&self) -> Option<DateTime> {
        self.0.last_used_at.map(DateTime)
    }

    /// When it was revoked. Null: it was not.
    async fn revoked_at(&self) -> Option<DateTime> {
        self.0.revoked_at.map(DateTime)
    }
}
