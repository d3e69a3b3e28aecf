//! Anything with a global id.

use std::sync::Arc;

use async_graphql::registry::Registry;
use async_graphql::{ContextSelectionSet, ID, Interface, OutputType, Positioned, ServerResult, Value};

use super::account::Account;
use super::api_token::ApiToken;
use super::asset::Asset;
use super::audit_event::AuditEvent;
use super::cluster::AtlasCluster;
use super::control::Control;
use super::control_result::ControlResult;
use super::error::ApiError;
use super::ids::{GlobalId, IdKind};
use super::integration::Integration;
use super::person::Person;
use super::project::Project;
use super::review::{AccessReview, AccessReviewItem};
use super::session::{Moment, Session};
use super::sync_run::SyncRun;
use super::viewer::Workspace;
use crate::store::views::Caller;

/// Anything that has a global id and can be read again by it.
#[derive(Interface)]
#[graphql(field(
    name = "id",
    ty = "ID",
    desc = "The global id: opaque, stable, and different for what was read as of another instant."
))]
pub enum Node {
    Workspace(Workspace),
    Integration(Integration),
    SyncRun(SyncRun),
    Project(Project),
    AtlasCluster(AtlasCluster),
    Account(Account),
    Person(Person),
    Control(Control),
    ControlResult(ControlResult),
    AuditEvent(AuditEvent),
    ApiToken(ApiToken),
    AccessReview(AccessReview),
    AccessReviewItem(AccessReviewItem),
}

impl Node {
    /// What an id names, as of the instant in it. None for what is malformed, not there, or somebody else's.
    pub async fn find(session: &Session, caller: &Caller, id: &ID) -> Result<Option<Self>, ApiError> {
        let Some(id) = GlobalId::decode(id) else { return Ok(None) };
        if id.kind == IdKind::Workspace {
            return Ok((id.number() == Some(caller.workspace)).then(|| Self::Workspace(Workspace::of(caller))));
        }
        let moment = session.at(id.at).await?;
        match id.kind {
            IdKind::Control => Ok(Control::find(&moment, &id.raw).map(Self::Control)),
            IdKind::ControlResult => Ok(ControlResult::find(&moment, &id.raw).await?.map(Self::ControlResult)),
            IdKind::AuditEvent => match id.number() {
                Some(number) => Ok(AuditEvent::find(&moment, caller, number).await?.map(Self::AuditEvent)),
                None => Ok(None),
            },
            IdKind::ApiToken => match id.number() {
                Some(number) => Ok(ApiToken::find(&moment, caller, number).await?.map(Self::ApiToken)),
                None => Ok(None),
            },
            kind => match id.number() {
                Some(number) => Self::stored(&moment, kind, number).await,
                None => Ok(None),
            },
        }
    }

    async fn stored(moment: &Arc<Moment>, kind: IdKind, id: i64) -> Result<Option<Self>, ApiError> {
        Ok(match kind {
            IdKind::Integration => Integration::find(moment, id).await?.map(Self::Integration),
            IdKind::SyncRun => SyncRun::find(moment, id).await?.map(Self::SyncRun),
            IdKind::Project => Project::find(moment, id).await?.map(Self::Project),
            IdKind::AtlasCluster => AtlasCluster::find(moment, id).await?.map(Self::AtlasCluster),
            IdKind::Account => Account::find(moment, id).await?.map(Self::Account),
            IdKind::Person => Person::find(moment, id).await?.map(Self::Person),
            IdKind::AccessReview => AccessReview::find(moment, id).await?.map(Self::AccessReview),
            IdKind::AccessReviewItem => AccessReviewItem::find(moment, id).await?.map(Self::AccessReviewItem),
            IdKind::Workspace | IdKind::Control | IdKind::ControlResult | IdKind::AuditEvent | IdKind::ApiToken => None,
        })
    }
}

/// Tells the schema that the interface `Asset` implements `Node`, which the derive cannot: a variant that holds an
/// interface would list that interface among the possible types.
pub struct AssetsAreNodes;

impl OutputType for AssetsAreNodes {
    fn type_name() -> std::borrow::Cow<'static, str> {
        Asset::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        let asset = Asset::create_type_info(registry);
        registry.add_implements(&Asset::type_name(), &Node::type_name());
        asset
    }

    async fn resolve(
        &self,
        _ctx: &ContextSelectionSet<'_>,
        _field: &Positioned<async_graphql::parser::types::Field>,
    ) -> ServerResult<Value> {
        Ok(Value::Null)
    }
}
