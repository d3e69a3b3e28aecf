//! The catalogue of what can be connected.

use std::sync::Arc;

use async_graphql::{Enum, Object};

use super::error::ApiError;
use super::integration::Integration;
use super::session::Moment;

/// The name of the one system that can be connected so far.
pub const ATLAS: &str = "MongoDB Atlas";

/// A kind of system that can be connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum ProviderKey {
    /// Atlas, through its Admin API.
    MongodbAtlas,
}

/// Whether a provider is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum ProviderStatus {
    /// It can be connected, and no integration with it is.
    Available,
    /// At least one integration with it is connected.
    Connected,
}

pub struct Provider(pub Arc<Moment>);

impl Provider {
    pub async fn current_status(&self) -> Result<ProviderStatus, ApiError> {
        let connected = self.0.integrations().await?.iter().any(|integration| integration.disconnected_at.is_none());
        Ok(if connected { ProviderStatus::Connected } else { ProviderStatus::Available })
    }
}

/// A system that can be connected.
#[Object]
impl Provider {
    /// Which system it is.
    async fn key(&self) -> ProviderKey {
        ProviderKey::MongodbAtlas
    }

    /// The system's name.
    async fn name(&self) -> &'static str {
        ATLAS
    }

    /// What kind of system it is.
    async fn category(&self) -> &'static str {
        "Database"
    }

    /// The permissions that the credentials should have, and no more.
    async fn permissions(&self) -> &'static str {
        "Organization Read Only (ORG_READ_ONLY) on the organization; nothing that can write"
    }

    /// How the product signs in.
    async fn access_type(&self) -> &'static str {
        "API key (HTTP Digest)"
    }

    /// Whether it is in use.
    async fn status(&self) -> Result<ProviderStatus, ApiError> {
        self.current_status().await
    }

    /// The integrations with it, disconnected ones too, in the order in which they were first connected.
    async fn integrations(&self) -> Result<Vec<Integration>, ApiError> {
        let all = self.0.integrations().await?;
        Ok(all.iter().map(|view| Integration::new(&self.0, Arc::new(view.clone()))).collect())
    }
}
