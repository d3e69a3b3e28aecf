//! Everything that changes data goes through here.

use chrono::NaiveDate;
use secrecy::SecretString;

use super::Refusal;
use crate::domain::{EmploymentStatus, UserDataClassification};
use crate::store::StoreError;

/// Done, or refused with reasons; or the database failed.
pub type Edit<T> = Result<Result<T, Vec<Refusal>>, StoreError>;

/// What an edit does to one field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Patch<T> {
    #[default]
    Keep,
    Clear,
    Set(T),
}

#[derive(Debug, Clone)]
pub struct Connected {
    pub integration_id: i64,
    /// The queued first sync; None after a rotation.
    pub run_id: Option<i64>,
    pub warnings: Vec<Refusal>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncRequest {
    Queued(i64),
    /// A run is under way already.
    InProgress(i64),
}

#[derive(Debug, Clone, Default)]
pub struct AssetEdit {
    /// A person's id.
    pub owner: Patch<i64>,
    pub description: Patch<String>,
    pub user_data: Patch<UserDataClassification>,
}

#[derive(Debug, Clone)]
pub struct PersonEdit {
    pub email: String,
    pub full_name: String,
    pub aliases: Patch<Vec<String>>,
    pub status: Patch<EmploymentStatus>,
    pub starts_on: Patch<NaiveDate>,
    pub ends_on: Patch<NaiveDate>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Imported {
    pub created: u32,
    pub updated: u32,
    pub unchanged: u32,
}

#[derive(Clone)]
pub struct Engine {}

impl Engine {
    pub async fn connect(&self, _workspace: i64, _public_key: &str, _private_key: SecretString) -> Edit<Connected> {
        unimplemented!()
    }

    pub async fn rotate(
        &self,
        _workspace: i64,
        _integration: i64,
        _public_key: &str,
        _private_key: SecretString,
    ) -> Edit<Connected> {
        unimplemented!()
    }

    /// With `purge` the history goes too, and the integration with it.
    pub async fn disconnect(&self, _workspace: i64, _integration: i64, _purge: bool) -> Edit<()> {
        unimplemented!()
    }

    pub async fn request_sync(&self, _workspace: i64, _integration: i64) -> Edit<SyncRequest> {
        unimplemented!()
    }

    pub async fn update_asset(&self, _workspace: i64, _asset: i64, _edit: AssetEdit) -> Edit<()> {
        unimplemented!()
    }

    /// Links by hand; None takes the link by hand away.
    pub async fn link_account(&self, _workspace: i64, _account: i64, _person: Option<i64>) -> Edit<()> {
        unimplemented!()
    }

    /// Creates or changes the person with this e-mail address; its id.
    pub async fn upsert_person(&self, _workspace: i64, _edit: PersonEdit) -> Edit<i64> {
        unimplemented!()
    }

    pub async fn import_people(&self, _workspace: i64, _csv: &str) -> Edit<Imported> {
        unimplemented!()
    }
}
