//! Who is asking, and in which workspace.

use async_graphql::{Enum, ID, Object};

use super::access::Action;
use super::ids::{GlobalId, IdKind};
use crate::store::views::{self, Caller};

/// How much a caller may do. Each role may do what the smaller ones may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "views::Role")]
pub enum Role {
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
}
