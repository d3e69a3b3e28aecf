//! Connecting, re-keying and disconnecting an organization.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::engine::{Connected, Edit, Engine, KEY_COLUMN};
use super::refusal::{Refusal, RefusalCode};
use super::request::{disconnected, no_integration};
use crate::atlas::{AtlasCategory, AtlasConfig, AtlasError, Client, Credentials};
use crate::domain::{KeyProfile, KeyVerdict, Organization};
use crate::store::views::SyncTrigger;
use crate::store::write::NewIntegration;

/// Who connects waits for the answer: no longer than this ...
const ANSWER_WITHIN: Duration = Duration::from_secs(8);
/// ... and not for a rate limit to pass.
const LONGEST_WAIT: Duration = Duration::from_secs(3);

/// A key that Atlas accepted, and what it belongs to.
struct Checked {
    organization: Organization,
    key: KeyProfile,
    warnings: Vec<Refusal>,
}

impl Engine {
    /// Checks a key against Atlas, stores it sealed, and queues the first sync. Nothing is stored on a refusal.
    pub async fn connect(&self, workspace: i64, public_key: &str, private_key: SecretString) -> Edit<Connected> {
        let checked = match self.check_key(public_key, &private_key).await? {
            Ok(checked) => checked,
            Err(refusals) => return Ok(Err(refusals)),
        };
        let data_key = self.data_key(workspace).await?;
        let new =
            NewIntegration { organization: checked.organization, public_key: public_key.to_owned(), key: checked.key };
        let writer = self.store.writer(workspace).await?;
        let Some(integration_id) = writer.connect(&new).await? else {
            return Ok(Err(vec![already_connected(&new.organization)]));
        };
        let sealed = self.vault.seal(workspace, &data_key, KEY_COLUMN, integration_id, &private_key)?;
        writer.put_sealed_key(integration_id, sealed).await?;
        let run_id = writer.queue_run(integration_id, SyncTrigger::Connect).await?;
        writer.commit().await?;
        self.due.notify_one();
        tracing::info!(integration.id = integration_id, sync.run_id = run_id, "integration connected");
        Ok(Ok(Connected { integration_id, run_id: Some(run_id), warnings: checked.warnings }))
    }

    /// Replaces the key of a connected organization by another one of the same organization. Nothing else changes.
    pub async fn rotate(
        &self,
        workspace: i64,
        integration: i64,
        public_key: &str,
        private_key: SecretString,
    ) -> Edit<Connected> {
        let writer = self.store.writer(workspace).await?;
        let known = writer.integration(integration).await?;
        drop(writer);
        let organization_id = match known {
            None => return Ok(Err(vec![no_integration()])),
            Some(known) if !known.is_connected => return Ok(Err(vec![disconnected()])),
            Some(known) => known.organization_id,
        };
        let checked = match self.check_key(public_key, &private_key).await? {
            Ok(checked) => checked,
            Err(refusals) => return Ok(Err(refusals)),
        };
        if checked.organization.atlas_id != organization_id {
            return Ok(Err(vec![wrong_organization(&checked.organization)]));
        }
        let data_key = self.data_key(workspace).await?;
        let sealed = self.vault.seal(workspace, &data_key, KEY_COLUMN, integration, &private_key)?;
        let writer = self.store.writer(workspace).await?;
        if !writer.integration(integration).await?.is_some_and(|known| known.is_connected) {
            return Ok(Err(vec![disconnected()]));
        }
        writer.put_key(integration, public_key, &checked.key).await?;
        writer.put_sealed_key(integration, sealed).await?;
        writer.make_due(integration).await?;
        writer.commit().await?;
        self.due.notify_one();
        tracing::info!(integration.id = integration, "credentials rotated");
        Ok(Ok(Connected { integration_id: integration, run_id: None, warnings: checked.warnings }))
    }

    /// Destroys the credentials and ends today's facts. With `purge` the history goes too, and the integration itself.
    pub async fn disconnect(&self, workspace: i64, integration: i64, purge: bool) -> Edit<()> {
        let writer = self.store.writer(workspace).await?;
        let Some(known) = writer.integration(integration).await? else {
            return Ok(Err(vec![no_integration()]));
        };
        if !known.is_connected && !purge {
            return Ok(Err(vec![
                Refusal::new(RefusalCode::Conflict, "The integration is disconnected already.")
                    .remedy("To remove its history as well, disconnect again with purge: true.")
                    .field("integrationId"),
            ]));
        }
        if purge {
            writer.purge(integration).await?;
        } else {
            writer.disconnect(integration).await?;
        }
        super::judge::restate(&self.store, &writer).await?;
        writer.commit().await?;
        tracing::info!(integration.id = integration, purge, "integration disconnected");
        Ok(Ok(()))
    }

    async fn check_key(&self, public_key: &str, private_key: &SecretString) -> Edit<Checked> {
        let shape = check_shape(public_key, private_key.expose_secret());
        if !shape.is_empty() {
            return Ok(Err(shape));
        }
        let credentials = Credentials { public_key: public_key.to_owned(), private_key: private_key.clone() };
        let config = AtlasConfig { longest_wait: LONGEST_WAIT, ..self.atlas_config() };
        let client = Client::new(config, &credentials)?;
        let checked = tokio::time::timeout(ANSWER_WITHIN, check_with(&client)).await;
        Ok(checked.unwrap_or_else(|_elapsed| Err(vec![no_answer()])))
    }
}

async fn check_with(client: &Client) -> Result<Checked, Vec<Refusal>> {
    let key = client.whoami().await.map_err(|error| vec![refusal(&error)])?;
    let Some(id) = key.organization.clone().filter(|_| key.is_usable()) else {
        return Err(vec![role_too_small(&key)]);
    };
    let organization = client.organization(&id).await.map_err(|error| vec![refusal(&error)])?;
    let summaries = client.project_summaries(&id).await.map_err(|error| vec![refusal(&error)])?;
    let mut warnings = Vec::new();
    if key.verdict() == KeyVerdict::TooStrong {
        warnings.push(key_too_strong(&key));
    }
    if !key.sees_whole_organization() {
        warnings.push(partial_view());
    }
    if summaries.iter().all(|(_, clusters)| *clusters == Some(0)) {
        warnings.push(organization_empty(summaries.is_empty()));
    }
    Ok(Checked { organization, key, warnings })
}

/// What is wrong with a key pair before Atlas is asked.
fn check_shape(public_key: &str, private_key: &str) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    for (value, field, name) in [(public_key, "publicKey", "public"), (private_key, "privateKey", "private")] {
        let problem = if value.trim().is_empty() {
            "is blank"
        } else if value.trim() != value {
            "has spaces around it"
        } else if value.len() > 200 || value.chars().any(|c| c.is_control() || c.is_whitespace()) {
            "has characters that no Atlas key has"
        } else {
            continue;
        };
        refusals.push(
            Refusal::new(RefusalCode::Invalid, format!("The {name} key {problem}."))
                .remedy("Copy the key from Atlas again, without spaces or line breaks.")
                .field(field),
        );
    }
    if refusals.is_empty() && is_uuid(public_key) {
        refusals.push(
            Refusal::new(RefusalCode::Invalid, "The public key looks like a private key: the two are swapped.")
                .remedy("The public key is the short one (8 letters); the private key is the long one with dashes.")
                .field("publicKey"),
        );
    }
    refusals
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.chars().all(|c| c.is_ascii_hexdigit()))
}

/// Why Atlas refused, with what to do.
pub(super) fn refusal(error: &AtlasError) -> Refusal {
    match error.category() {
        AtlasCategory::CredentialsRejected => {
            Refusal::new(RefusalCode::CredentialsRejected, "Atlas does not accept this key pair.")
                .remedy(remedy(AtlasCategory::CredentialsRejected))
                .field("privateKey")
        }
        AtlasCategory::IpNotAllowed => {
            let address = match error {
                AtlasError::IpNotAllowed { address: Some(address), .. } => format!(" ({address})"),
                _ => String::new(),
            };
            Refusal::new(
                RefusalCode::IpNotAllowed,
                format!("The key's API access list does not hold this gateway's address{address}."),
            )
            .remedy(remedy(AtlasCategory::IpNotAllowed))
        }
        AtlasCategory::RoleTooSmall => {
            Refusal::new(RefusalCode::RoleTooSmall, "The key's role does not let it read the organization.")
                .remedy(remedy(AtlasCategory::RoleTooSmall))
        }
        AtlasCategory::OrganizationSuspended => {
            Refusal::new(RefusalCode::OrganizationSuspended, "Atlas has suspended the organization.")
                .remedy(remedy(AtlasCategory::OrganizationSuspended))
        }
        AtlasCategory::RateLimited => {
            Refusal::new(RefusalCode::RateLimited, "Atlas limits the rate of this key's requests.")
                .remedy(remedy(AtlasCategory::RateLimited))
        }
        AtlasCategory::AtlasUnavailable | AtlasCategory::UnexpectedResponse => {
            Refusal::new(RefusalCode::AtlasUnavailable, format!("{error}."))
                .remedy(remedy(AtlasCategory::AtlasUnavailable))
        }
    }
}

/// What a person can do about a failure of each kind.
pub(super) const fn remedy(category: AtlasCategory) -> &'static str {
    match category {
        AtlasCategory::CredentialsRejected => {
            "Check that both halves belong to one key and that the key still exists. An Organization Owner can create a new one under Organization > Access Manager > Applications > API Keys, with the role Organization Read Only."
        }
        AtlasCategory::IpNotAllowed => {
            "An Organization Owner adds this gateway's public address under Organization > Access Manager > Applications > API Keys > the key > Edit > API Access List."
        }
        AtlasCategory::RoleTooSmall => {
            "An Organization Owner gives the key the role Organization Read Only under Organization > Access Manager > Applications > API Keys > the key > Edit Permissions."
        }
        AtlasCategory::OrganizationSuspended => {
            "An Organization Owner or Billing Admin settles the open invoices under Organization > Billing; then try again."
        }
        AtlasCategory::RateLimited => "Wait a few minutes and try again; other tools may be using the same key.",
        AtlasCategory::AtlasUnavailable => {
            "Check that this gateway can reach Atlas over HTTPS (proxy, firewall, DNS) and the status page of MongoDB Atlas; then try again."
        }
        AtlasCategory::UnexpectedResponse => {
            "Try again later. If it stays, the configured Atlas base URL may not be Atlas's, or Atlas answers in a way that this version does not know."
        }
    }
}

fn no_answer() -> Refusal {
    Refusal::new(RefusalCode::AtlasUnavailable, "Atlas did not answer in time.")
        .remedy(remedy(AtlasCategory::AtlasUnavailable))
}

fn role_too_small(key: &KeyProfile) -> Refusal {
    let roles = if key.roles().is_empty() { "none".to_owned() } else { key.roles().join(", ") };
    Refusal::new(
        RefusalCode::RoleTooSmall,
        format!("The key may not read the organization: it needs ORG_READ_ONLY and has {roles}."),
    )
    .remedy(remedy(AtlasCategory::RoleTooSmall))
}

fn key_too_strong(key: &KeyProfile) -> Refusal {
    Refusal::new(
        RefusalCode::KeyTooStrong,
        format!("The key can change things in Atlas ({}); reading needs ORG_READ_ONLY only.", key.excess().join(", ")),
    )
    .remedy("An Organization Owner creates a key with only Organization Read Only; then use rotateCredentials.")
}

fn partial_view() -> Refusal {
    Refusal::new(
        RefusalCode::PartialView,
        "The key sees only the projects in which it has a role; the rest of the organization stays unseen.",
    )
    .remedy(remedy(AtlasCategory::RoleTooSmall))
}

fn organization_empty(no_projects: bool) -> Refusal {
    let what = if no_projects { "no projects" } else { "no clusters" };
    Refusal::new(RefusalCode::OrganizationEmpty, format!("The organization has {what} that this key can see."))
        .remedy("If there should be some, check that the key belongs to the right organization.")
}

fn already_connected(organization: &Organization) -> Refusal {
    Refusal::new(RefusalCode::AlreadyConnected, format!("{} is connected already.", organization.name))
        .remedy("To replace its key, use rotateCredentials; to start over, disconnectIntegration first.")
}

fn wrong_organization(organization: &Organization) -> Refusal {
    Refusal::new(
        RefusalCode::WrongOrganization,
        format!("The key belongs to another organization: {}.", organization.name),
    )
    .remedy("Use a key of the connected organization, or connect the other one with connectMongoDbAtlas.")
    .field("publicKey")
}
