//! An Atlas cluster: what runs, where, and with which safeguards.

use std::sync::Arc;

use async_graphql::{Enum, ID, Object};

use super::asset::{AnnotationSource, AssetKind, UserDataClassification};
use super::cluster_parts::{AutoscalingSettings, BackupSettings, CloudRegion, EncryptionSettings, Shard};
use super::control_result::ControlResult;
use super::error::ApiError;
use super::ids::IdKind;
use super::integration::Integration;
use super::person::Person;
use super::project::{Project, Tag};
use super::scalars::DateTime;
use super::session::Moment;
use crate::domain;
use crate::store::views::{AssetView, SubjectKind};

/// How a cluster is hosted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::Deployment")]
pub enum AtlasDeployment {
    /// On nodes of its own: M10 and up.
    Dedicated,
    /// On nodes shared with strangers: M0, M2 and M5.
    Shared,
    /// As a flex cluster.
    Flex,
}

#[derive(Clone)]
pub struct AtlasCluster {
    moment: Arc<Moment>,
    view: Arc<AssetView>,
}

impl AtlasCluster {
    pub fn new(moment: &Arc<Moment>, view: Arc<AssetView>) -> Self {
        Self { moment: Arc::clone(moment), view }
    }

    pub async fn find(moment: &Arc<Moment>, id: i64) -> Result<Option<Self>, ApiError> {
        Ok(moment.loaders.assets.load_one(id).await?.map(|view| Self::new(moment, view)))
    }
}

/// A database cluster in Atlas.
#[Object]
impl AtlasCluster {
    /// The global id.
    pub(super) async fn id(&self) -> ID {
        self.moment.id(IdKind::AtlasCluster, self.view.id)
    }

    /// The cluster's name in Atlas.
    pub(super) async fn name(&self) -> String {
        self.view.cluster.name.clone()
    }

    /// What kind of thing it is: a database cluster.
    pub(super) async fn kind(&self) -> AssetKind {
        AssetKind::DatabaseCluster
    }

    /// The integration that it was read through.
    pub(super) async fn integration(&self) -> Result<Integration, ApiError> {
        Integration::of(&self.moment, self.view.integration_id).await
    }

    /// The project that it lives in. Null when that was not in the project list that was read.
    pub(super) async fn project(&self) -> Result<Option<Project>, ApiError> {
        Project::find(&self.moment, self.view.project_id).await
    }

    /// The person who answers for it. Null when nobody is set, or the tag names nobody known.
    pub(super) async fn owner(&self) -> Result<Option<Person>, ApiError> {
        Person::find_some(&self.moment, self.view.owner_id).await
    }

    /// Who said who the owner is. Null when there is none.
    pub(super) async fn owner_source(&self) -> Option<AnnotationSource> {
        self.view.owner_source.map(Into::into)
    }

    /// What it is for. Null when nobody has said.
    pub(super) async fn description(&self) -> Option<String> {
        self.view.description.clone()
    }

    /// Who wrote the description. Null when there is none.
    pub(super) async fn description_source(&self) -> Option<AnnotationSource> {
        self.view.description_source.map(Into::into)
    }

    /// Whether personal data of users lives in it.
    pub(super) async fn user_data(&self) -> UserDataClassification {
        self.view.user_data.into()
    }

    /// Who classified it. Null when it is unclassified.
    pub(super) async fn user_data_source(&self) -> Option<AnnotationSource> {
        self.view.user_data_source.map(Into::into)
    }

    /// Its tags in Atlas.
    pub(super) async fn tags(&self) -> Vec<Tag> {
        Tag::all(&self.view.cluster.tags)
    }

    /// When a sync first found it.
    pub(super) async fn first_seen_at(&self) -> DateTime {
        DateTime(self.view.first_seen_at)
    }

    /// When the list that it is in was last read to the end with it in it.
    pub(super) async fn last_seen_at(&self) -> Result<DateTime, ApiError> {
        let (scope, first) = (self.view.scope_id, self.view.first_seen_at);
        self.moment.last_seen_at(scope, first, self.view.removed_at).await
    }

    /// When a sync found that it was gone. Null while it is there.
    pub(super) async fn removed_at(&self) -> Option<DateTime> {
        self.view.removed_at.map(DateTime)
    }

    /// What each control says about it, by control key. Empty once it was removed.
    pub(super) async fn control_results(&self) -> Result<Vec<ControlResult>, ApiError> {
        ControlResult::of_subject(&self.moment, SubjectKind::Asset, self.view.id).await
    }

    /// Atlas's own id, 24 hex digits; it survives a rename.
    async fn atlas_id(&self) -> &str {
        &self.view.cluster.atlas_id
    }

    /// How it is hosted.
    async fn deployment(&self) -> AtlasDeployment {
        self.view.cluster.deployment.into()
    }

    /// Its layout as Atlas spells it: `REPLICASET`, `SHARDED`, `GEOSHARDED`, or a word of tomorrow.
    async fn cluster_type(&self) -> &str {
        &self.view.cluster.cluster_type
    }

    /// Its state as Atlas spells it: `IDLE`, `CREATING`, `UPDATING`, `REPAIRING`, or a word of tomorrow.
    async fn state(&self) -> &str {
        &self.view.cluster.state
    }

    /// Whether it is paused. Null where Atlas does not say, as for flex clusters.
    async fn paused(&self) -> Option<bool> {
        self.view.cluster.paused
    }

    /// Its distinct instance sizes, smallest first, such as `["M30", "M50"]`.
    async fn tiers(&self) -> Vec<String> {
        self.view.cluster.tiers()
    }

    /// The distinct regions in which it has nodes, highest priority first.
    async fn regions(&self) -> Vec<CloudRegion> {
        self.view.cluster.regions().into_iter().map(CloudRegion::from).collect()
    }

    /// The database version that it runs. Null where Atlas does not say.
    async fn mongo_db_version(&self) -> Option<&str> {
        self.view.cluster.mongodb_version.as_deref()
    }

    /// How it is backed up.
    async fn backup(&self) -> BackupSettings {
        BackupSettings::from(&self.view.cluster)
    }

    /// How it is encrypted.
    async fn encryption(&self) -> EncryptionSettings {
        EncryptionSettings::new(&self.moment, &self.view)
    }

    /// Whether it grows by itself.
    async fn autoscaling(&self) -> AutoscalingSettings {
        AutoscalingSettings::from(&self.view.cluster)
    }

    /// Its shards, with the regions in which each has nodes. A replica set has one shard.
    async fn topology(&self) -> Vec<Shard> {
        self.view.cluster.shards.iter().map(Shard::from).collect()
    }

    /// Whether Atlas refuses to delete it until the protection is taken off. Null where Atlas does not say.
    async fn termination_protected(&self) -> Option<bool> {
        self.view.cluster.termination_protected
    }

    /// When it was created in Atlas. Null where Atlas does not say.
    async fn created_at(&self) -> Option<DateTime> {
        self.view.cluster.created_at.map(DateTime)
    }
}
