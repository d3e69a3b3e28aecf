//! Who is asking, and in which workspace.

use async_graphql::{Context, Enum, ID, Object};

use super::access::Action;
use super::error::ApiError;
use super::ids::{GlobalId, IdKind};
use super::person::Person;
use super::scalars::DateTime;
use super::session::session;
use crate::store::views::{self, Caller, CallerPerson};

/// How much a caller may do. VIEWER, ANALYST and ADMIN may each do what the smaller ones may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "views::Role")]
pub enum Role {
    /// Provisions people at `/scim/v2`, and does nothing here.
    Scim,
    /// Reads everything.
    Viewer,
    /// Also edits the inventory, links accounts and manages people.
    Analyst,
    /// Also manages integrations and access.
    Admin,
}

pub struct Viewer(pub Caller);

/// The caller of this request.
#[Object]
impl Viewer {
    /// The name of the token or identity that the caller signed in with.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// How much the caller may do.
    async fn role(&self) -> Role {
        self.0.role.into()
    }

    /// Who of the personnel the caller is: the person that the API token names, or whose e-mail address the issuer of
    /// the JSON Web Token vouches for. Null when that is nobody, or not one person alone.
    async fn person(&self, ctx: &Context<'_>) -> Result<Option<Person>, ApiError> {
        let moment = session(ctx)?.at(None).await?;
        let id = match &self.0.person {
            CallerPerson::Nobody => None,
            CallerPerson::Id(id) => Some(*id),
            CallerPerson::Address(address) => moment.reader.person_at(address).await?,
        };
        Person::find_some(&moment, id).await
    }

    /// The workspace that every answer is about.
    async fn workspace(&self) -> Workspace {
        Workspace::of(&self.0)
    }

    /// Whether the caller may do this. The same table decides when it is tried.
    async fn can(&self, #[graphql(desc = "What the caller would do.")] action: Action) -> bool {
        action.is_allowed(self.0.role)
    }
}

pub struct Workspace {
    id: i64,
    name: String,
}

impl Workspace {
    pub fn of(caller: &Caller) -> Self {
        Self { id: caller.workspace, name: caller.workspace_name.clone() }
    }
}

/// The place that all data belongs to; nothing is shared between workspaces.
#[Object]
impl Workspace {
    /// The global id.
    pub(super) async fn id(&self) -> ID {
        GlobalId { kind: IdKind::Workspace, raw: self.id.to_string(), at: None }.encode()
    }

    /// The workspace's name.
    async fn name(&self) -> &str {
        &self.name
    }

    /// How far back history reaches: an `asOf` before it is refused, and histories begin there. Null: everything since
    /// the first sync is kept.
    async fn history_from(&self, ctx: &Context<'_>) -> Result<Option<DateTime>, ApiError> {
        let moment = session(ctx)?.at(None).await?;
        // Pruning moves it without a commit.
        moment.reader.read_beyond_commits();
        Ok(moment.reader.history_from().await?.map(DateTime))
    }
}
