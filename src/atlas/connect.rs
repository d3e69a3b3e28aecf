//! What is asked before anything else: whose key it is, and what it sees.

use serde_json::Value;

use super::client::Client;
use super::convert;
use super::endpoint::{Endpoint, Read};
use super::error::AtlasError;
use crate::domain::{KeyProfile, Organization, Project};

impl Client {
    /// The key's own organization and roles. Proves the key.
    pub async fn whoami(&self) -> Result<KeyProfile, AtlasError> {
        let body = self.object(&Endpoint::root()).await?;
        convert::key_profile(&body, self.public_key()).map_err(|_odd| AtlasError::unexpected("a root without the key"))
    }

    pub async fn organization(&self, id: &str) -> Result<Organization, AtlasError> {
        let body = self.object(&Endpoint::new(Read::Organization, id)?).await?;
        convert::organization(&body).map_err(|_odd| AtlasError::unexpected("an organization without its fields"))
    }

    /// The projects the key sees, each with the number of clusters that Atlas gives.
    pub async fn project_summaries(&self, organization: &str) -> Result<Vec<(Project, Option<u64>)>, AtlasError> {
        let summary = |row: &Value| Some((convert::project(row).ok()?, row["clusterCount"].as_u64()));
        let listing = self.list(&Endpoint::new(Read::Projects, organization)?, summary).await;
        match listing.failure {
            Some(error) => Err(error),
            None => Ok(listing.rows.into_iter().flatten().collect()),
        }
    }
}
