//! The audit ledger, for administrators.

use std::sync::Arc;

use async_graphql::{Enum, ID, InputObject, Object, SimpleObject};

use super::access::Action;
use super::connection::{Counting, List, Page, PageArgs, connection};
use super::error::ApiError;
use super::ids::{GlobalId, IdKind, NOTHING};
use super::scalars::DateTime;
use super::session::Moment;
use crate::store::audit::{self, AuditKind, AuditView};
use crate::store::read::audit::AuditFilter;
use crate::store::views::Caller;

/// What was done, or tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "audit::AuditAction")]
pub enum AuditAction {
    /// An organization was connected.
    Connect,
    /// An integration was disconnected.
    Disconnect,
    /// An integration got another API key.
    RotateCredentials,
    /// A sync was asked for.
    RequestSync,
    /// Withheld removals were confirmed.
    ConfirmHeldSync,
    /// Owner, description or classification of an asset was set.
    UpdateAsset,
    /// An account was linked to a person, or that link was taken away.
    LinkAccount,
    /// A person was created or changed.
    UpsertPerson,
    /// People were imported.
    ImportPeople,
    /// An access review was started.
    StartAccessReview,
    /// Items of an access review were decided.
    DecideAccessReview,
    /// Items of an access review were given to another reviewer.
    ReassignAccessReview,
    /// An access review was completed or closed.
    CompleteAccessReview,
    /// A person was created or changed by an identity provider.
    ProvisionPerson,
    /// An identity provider took a person out: the person has left.
    DeprovisionPerson,
    /// An API token was made.
    CreateToken,
    /// An API token was revoked.
    RevokeToken,
    /// The workspace's data key was wrapped by another master key.
    RotateMasterKey,
    /// The workspace was made.
    CreateWorkspace,
    /// The audit ledger was asked for. Noted only where it was refused.
    ReadAuditEvents,
    /// The list of API tokens was asked for. Noted only where it was refused.
    ReadApiTokens,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "audit::AuditOutcome")]
pub enum AuditOutcome {
    /// It was done.
    Done,
    /// The caller's role does not allow it; nothing was changed.
    Refused,
}

/// Only events that fit all of this. An id that names nothing matches nothing.
#[derive(Debug, Default, InputObject)]
pub struct AuditEventFilter {
    /// The actor's key, such as `token:7`, to the letter.
    actor: Option<String>,
    /// It is one of these actions.
    action: Option<Vec<AuditAction>>,
    /// It ended in this way.
    outcome: Option<AuditOutcome>,
    /// It is about the thing with this global id.
    subject_id: Option<ID>,
    /// Not before this instant.
    from: Option<DateTime>,
    /// Before this instant.
    until: Option<DateTime>,
}

impl From<AuditEventFilter> for AuditFilter {
    fn from(filter: AuditEventFilter) -> Self {
        Self {
            actor: filter.actor,
            action: filter.action.map(|actions| actions.into_iter().map(Into::into).collect()),
            outcome: filter.outcome.map(Into::into),
            subject: filter.subject_id.map(|id| subject(&id).unwrap_or((AuditKind::Workspace, NOTHING))),
            from: filter.from.map(|from| from.0),
            until: filter.until.map(|until| until.0),
        }
    }
}

fn subject(id: &ID) -> Option<(AuditKind, i64)> {
    let id = GlobalId::decode(id)?;
    let kind = match id.kind {
        IdKind::Integration => AuditKind::Integration,
        IdKind::AtlasCluster => AuditKind::Asset,
        IdKind::Account => AuditKind::Account,
        IdKind::Person => AuditKind::Person,
        IdKind::ApiToken => AuditKind::Token,
        IdKind::Workspace => AuditKind::Workspace,
        IdKind::AccessReview => AuditKind::AccessReview,
        _ => return None,
    };
    Some((kind, id.number()?))
}

/// A value that is not the same afterwards. Secrets never stand here.
#[derive(SimpleObject)]
pub struct AuditChange {
    /// What changed.
    field: String,
    /// The value before. Null: there was none.
    before: Option<String>,
    /// The value afterwards. Null: there is none.
    after: Option<String>,
}

pub struct AuditEvent(AuditView);

impl AuditEvent {
    /// None also for callers who may not read the ledger.
    pub async fn find(moment: &Moment, caller: &Caller, id: i64) -> Result<Option<Self>, ApiError> {
        if !Action::ManageAccess.is_allowed(caller.role) {
            return Ok(None);
        }
        Ok(moment.reader.audit_event(id).await?.map(Self))
    }
}

pub async fn page(moment: &Arc<Moment>, filter: AuditFilter, args: PageArgs) -> Result<AuditEventConnection, ApiError> {
    let list = List { name: "auditEvents", order: "" };
    let window = args.window(list)?;
    let slice = moment.reader.audit_events(&filter, &window).await?;
    let reader = moment.reader.clone();
    let count = move || -> Counting {
        let (reader, filter) = (reader.clone(), filter.clone());
        Box::pin(async move { Ok(reader.count_audit_events(&filter).await?) })
    };
    Ok(AuditEventConnection(Page::new(list, &window, slice, AuditEvent, count)))
}

connection! {
    /// A page of the audit ledger, the newest event first.
    AuditEventConnection,
    /// An event in a page.
    AuditEventEdge,
    AuditEvent
}

/// One event of the audit ledger. It never changes and never goes.
#[Object]
impl AuditEvent {
    /// The global id.
    pub(super) async fn id(&self) -> ID {
        GlobalId { kind: IdKind::AuditEvent, raw: self.0.id.to_string(), at: None }.encode()
    }

    /// Its place in the workspace's ledger, from 1 without gaps.
    async fn sequence(&self) -> String {
        self.0.sequence.to_string()
    }

    /// When it happened: the instant from which `asOf` shows its effect.
    async fn at(&self) -> DateTime {
        DateTime(self.0.at)
    }

    /// Who did it: `token:ID`, `oidc:SUBJECT`, `cli` or `system`. Never reused for somebody else.
    async fn actor(&self) -> &str {
        &self.0.actor_key
    }

    /// The actor's name at that time.
    async fn actor_name(&self) -> &str {
        &self.0.actor_name
    }

    /// What was done, or tried.
    async fn action(&self) -> AuditAction {
        self.0.action.into()
    }

    /// How it ended.
    async fn outcome(&self) -> AuditOutcome {
        self.0.outcome.into()
    }

    /// The global id of the thing it is about. Null where it is about none.
    async fn subject_id(&self) -> Option<ID> {
        let subject = self.0.subject.as_ref()?;
        let kind = match subject.kind {
            AuditKind::Integration => IdKind::Integration,
            AuditKind::Asset => IdKind::AtlasCluster,
            AuditKind::Account => IdKind::Account,
            AuditKind::Person => IdKind::Person,
            AuditKind::Token => IdKind::ApiToken,
            AuditKind::Workspace => IdKind::Workspace,
            AuditKind::AccessReview => IdKind::AccessReview,
        };
        Some(GlobalId { kind, raw: subject.id.to_string(), at: None }.encode())
    }

    /// What the thing was called at that time.
    async fn subject_name(&self) -> Option<&str> {
        self.0.subject.as_ref().map(|subject| subject.name.as_str())
    }

    /// The values that were not the same afterwards.
    async fn changes(&self) -> Vec<AuditChange> {
        let changes = self.0.changes.iter().cloned();
        changes.map(|change| AuditChange { field: change.field, before: change.before, after: change.after }).collect()
    }

    /// The id of the request, as in the answer's header `x-request-id`. Null at the command line.
    async fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// SHA-256 over the event and the hash of the event before it. `slategate audit verify` walks the chain.
    async fn hash(&self) -> &str {
        &self.0.hash
    }
}
