//! The dashboard's one-row answer.

use std::sync::Arc;

use async_graphql::Object;

use super::error::ApiError;
use super::scalars::{DateTime, int};
use super::session::Moment;
use crate::domain::{ControlStatus, Outcome};

pub struct Posture(pub Arc<Moment>);

impl Posture {
    async fn controls(&self, status: ControlStatus) -> Result<i32, ApiError> {
        let readings = self.0.readings().await?;
        Ok(int(readings.values().filter(|reading| reading.status == status).count()))
    }
}

/// How the whole workspace stands, in one row.
#[Object]
impl Posture {
    /// The instant that all of this is true at.
    async fn as_of(&self) -> DateTime {
        if self.0.reader.as_of().is_none() {
            self.0.reader.read_beyond_commits();
        }
        DateTime(self.0.reader.instant())
    }

    /// How many controls pass.
    async fn controls_passing(&self) -> Result<i32, ApiError> {
        self.controls(ControlStatus::Passing).await
    }

    /// How many controls fail.
    async fn controls_failing(&self) -> Result<i32, ApiError> {
        self.controls(ControlStatus::Failing).await
    }

    /// How many controls cannot be told, because something could not be judged or read.
    async fn controls_unknown(&self) -> Result<i32, ApiError> {
        self.controls(ControlStatus::Unknown).await
    }

    /// How many controls have nothing to speak about.
    async fn controls_not_applicable(&self) -> Result<i32, ApiError> {
        self.controls(ControlStatus::NotApplicable).await
    }

    /// How many assets there are. Removed ones do not count.
    async fn assets(&self) -> Result<i32, ApiError> {
        Ok(int(self.0.head_counts().await?.0))
    }

    /// How many accounts there are. Removed ones do not count.
    async fn accounts(&self) -> Result<i32, ApiError> {
        Ok(int(self.0.head_counts().await?.1))
    }

    /// How many results fail, over all controls.
    async fn failing_results(&self) -> Result<i32, ApiError> {
        Ok(int(self.0.reader.count_outcome(Outcome::Fail).await?))
    }

    /// When the last sync that read something had ended. Null before the first.
    async fn last_synced_at(&self) -> Result<Option<DateTime>, ApiError> {
        Ok(self.0.last_synced_at().await?.map(DateTime))
    }
}
