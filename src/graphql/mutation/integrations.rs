//! Connecting, disconnecting, rotating and syncing.

use async_graphql::{Context, ID, InputObject, Object};
use secrecy::SecretString;

use super::{afterwards, begin, named};
use crate::graphql::access::Action;
use crate::graphql::error::ApiError;
use crate::graphql::ids::IdKind;
use crate::graphql::integration::Integration;
use crate::graphql::payloads::{
    ConfirmHeldSyncPayload, ConnectMongoDbAtlasPayload, DisconnectIntegrationPayload, RotateCredentialsPayload,
    SyncIntegrationPayload, UserError,
};
use crate::graphql::scalars::int;
use crate::graphql::secret::Secret;
use crate::graphql::sync_run::SyncRun;
use crate::sync::{Refusal, SyncRequest};

/// The API key of the organization to connect.
#[derive(InputObject)]
pub struct ConnectMongoDbAtlasInput {
    /// The public half of the key.
    public_key: String,
    /// The private half of the key. It is sealed at once and never shown again.
    #[graphql(secret)]
    private_key: Secret,
}

/// What to disconnect.
#[derive(InputObject)]
pub struct DisconnectIntegrationInput {
    /// The integration.
    integration_id: ID,
    /// Whether its history goes too. That cannot be undone.
    #[graphql(default_with = "Some(false)")]
    purge: Option<bool>,
}

/// What to sync.
#[derive(InputObject)]
pub struct SyncIntegrationInput {
    /// The integration.
    integration_id: ID,
}

/// Which withheld removals to confirm.
#[derive(InputObject)]
pub struct ConfirmHeldSyncInput {
    /// The integration.
    integration_id: ID,
    /// The sync whose `withheld` was looked at: the integration's `heldSync`. When a newer one has taken its place, the
    /// answer is CONFLICT.
    sync_run_id: ID,
}

/// The new API key of an integration.
#[derive(InputObject)]
pub struct RotateCredentialsInput {
    /// The integration.
    integration_id: ID,
    /// The public half of the new key.
    public_key: String,
    /// The private half of the new key. It is sealed at once and never shown again.
    #[graphql(secret)]
    private_key: Secret,
}

#[derive(Default)]
pub struct IntegrationMutations;

#[Object]
impl IntegrationMutations {
    /// Connects an Atlas organization with an API key and queues its first sync. Needs the role ADMIN.
    async fn connect_mongo_db_atlas(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization's API key.")] input: ConnectMongoDbAtlasInput,
    ) -> Result<ConnectMongoDbAtlasPayload, ApiError> {
        let (caller, engine) = begin(ctx, Action::ManageIntegrations)?;
        let connected = match engine.connect(caller.workspace, &input.public_key, input.private_key.into()).await? {
            Ok(connected) => connected,
            Err(refusals) => {
                return Ok(ConnectMongoDbAtlasPayload { user_errors: UserError::all(refusals), ..Default::default() });
            }
        };
        let moment = afterwards(ctx).await?;
        let sync_run = match connected.run_id {
            Some(run) => SyncRun::find(&moment, run).await?,
            None => None,
        };
        Ok(ConnectMongoDbAtlasPayload {
            integration: Integration::find(&moment, connected.integration_id).await?,
            sync_run,
            warnings: UserError::all(connected.warnings),
            user_errors: Vec::new(),
        })
    }

    /// Disconnects an integration: its credentials are destroyed and its facts end. Edits by people are kept for a later
    /// reconnect unless it is purged. Needs the role ADMIN.
    async fn disconnect_integration(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to disconnect.")] input: DisconnectIntegrationInput,
    ) -> Result<DisconnectIntegrationPayload, ApiError> {
        let (caller, engine) = begin(ctx, Action::ManageIntegrations)?;
        let refused = |user_errors| DisconnectIntegrationPayload { user_errors, ..Default::default() };
        let id = match named(&input.integration_id, IdKind::Integration, "integrationId") {
            Ok(id) => id,
            Err(errors) => return Ok(refused(errors)),
        };
        if let Err(refusals) = engine.disconnect(caller.workspace, id, input.purge.unwrap_or(false)).await? {
            return Ok(refused(UserError::all(refusals)));
        }
        let moment = afterwards(ctx).await?;
        let integration = Integration::find(&moment, id).await?;
        Ok(DisconnectIntegrationPayload { integration, user_errors: Vec::new() })
    }

    /// Replaces an integration's API key with another of the same organization; nothing is lost. Needs the role ADMIN.
    async fn rotate_credentials(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The integration and its new key.")] input: RotateCredentialsInput,
    ) -> Result<RotateCredentialsPayload, ApiError> {
        let (caller, engine) = begin(ctx, Action::ManageIntegrations)?;
        let refused = |user_errors| RotateCredentialsPayload { user_errors, ..Default::default() };
        let id = match named(&input.integration_id, IdKind::Integration, "integrationId") {
            Ok(id) => id,
            Err(errors) => return Ok(refused(errors)),
        };
        let private_key: SecretString = input.private_key.into();
        match engine.rotate(caller.workspace, id, &input.public_key, private_key).await? {
            Ok(rotated) => {
                let moment = afterwards(ctx).await?;
                Ok(RotateCredentialsPayload {
                    integration: Integration::find(&moment, rotated.integration_id).await?,
                    warnings: UserError::all(rotated.warnings),
                    user_errors: Vec::new(),
                })
            }
            Err(refusals) => Ok(refused(UserError::all(refusals))),
        }
    }

    /// Asks for a sync now. When one is under way already, that one is answered and nothing is queued. After a refusal
    /// that a person has to mend, such as a rejected key, one wish may try before the next try is due, 15 minutes after
    /// the last; when Atlas itself asked for a rest, none. Needs the role ADMIN.
    async fn sync_integration(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to sync.")] input: SyncIntegrationInput,
    ) -> Result<SyncIntegrationPayload, ApiError> {
        let (caller, engine) = begin(ctx, Action::ManageIntegrations)?;
        let refused = |user_errors| SyncIntegrationPayload { user_errors, ..Default::default() };
        let id = match named(&input.integration_id, IdKind::Integration, "integrationId") {
            Ok(id) => id,
            Err(errors) => return Ok(refused(errors)),
        };
        let (run, refusals) = match engine.request_sync(caller.workspace, id).await? {
            Ok(SyncRequest::Queued(run)) => (run, Vec::new()),
            Ok(SyncRequest::InProgress(run)) => (run, vec![Refusal::under_way()]),
            Err(refusals) => return Ok(refused(UserError::all(refusals))),
        };
        let moment = afterwards(ctx).await?;
        Ok(SyncIntegrationPayload {
            sync_run: SyncRun::find(&moment, run).await?,
            user_errors: UserError::all(refusals),
        })
    }

    /// Removes at once what a sync withheld, without another look at Atlas: the read that missed it was complete. What has
    /// come back since is found by the next sync, with its id. Needs the role ADMIN.
    async fn confirm_held_sync(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to confirm.")] input: ConfirmHeldSyncInput,
    ) -> Result<ConfirmHeldSyncPayload, ApiError> {
        let (caller, engine) = begin(ctx, Action::ManageIntegrations)?;
        let refused = |user_errors| ConfirmHeldSyncPayload { user_errors, ..Default::default() };
        let id = match named(&input.integration_id, IdKind::Integration, "integrationId") {
            Ok(id) => id,
            Err(errors) => return Ok(refused(errors)),
        };
        let run = match named(&input.sync_run_id, IdKind::SyncRun, "syncRunId") {
            Ok(run) => run,
            Err(errors) => return Ok(refused(errors)),
        };
        let removed = match engine.confirm_held(caller.workspace, id, run).await? {
            Ok(removed) => removed,
            Err(refusals) => return Ok(refused(UserError::all(refusals))),
        };
        let moment = afterwards(ctx).await?;
        Ok(ConfirmHeldSyncPayload {
            integration: Integration::find(&moment, id).await?,
            sync_run: SyncRun::find(&moment, run).await?,
            removed: int(removed),
            user_errors: Vec::new(),
        })
    }
}
