//! Asking for a sync, and what stands in the way of one.

use super::engine::{Edit, Engine, SyncRequest};
use super::refusal::{Refusal, RefusalCode};
use super::story::written;
use crate::domain::Instant;
use crate::store::audit::{Actor, AuditAction, AuditEntry, AuditKind};
use crate::store::views::{IntegrationFault, SyncTrigger};
use crate::store::write::IntegrationState;
use crate::store::{StoreError, Writer};

impl Engine {
    /// Queues a sync, unless one is under way or Atlas is to be left alone.
    ///
    /// After a refusal that a person has to mend, one wish may probe before the next probe is due; when that one
    /// fails as well, further wishes wait for it. When Atlas asked for a rest, no wish shortens that.
    pub async fn request_sync(&self, by: &Actor, integration: i64) -> Edit<SyncRequest> {
        let writer = self.store.writer(by.workspace).await?;
        let decided = request(&writer, integration).await?;
        if let Ok(SyncRequest::Queued(_)) = decided {
            let name = writer.integration(integration).await?.map(|known| known.organization_name);
            let entry = AuditEntry::done(AuditAction::RequestSync);
            writer.audit(by, entry.about(AuditKind::Integration, integration, name.unwrap_or_default())).await?;
            writer.commit().await?;
            self.due.notify_one();
        } else {
            writer.undo().await?;
        }
        Ok(decided.map_err(|refusal| vec![refusal]))
    }
}

async fn request(writer: &Writer, integration: i64) -> Result<Result<SyncRequest, Refusal>, StoreError> {
    let state = match writer.hold_integration(integration).await? {
        None => return Ok(Err(no_integration())),
        Some(state) if !state.is_connected => return Ok(Err(disconnected())),
        Some(state) => state,
    };
    if let Some(run) = writer.open_run(integration).await? {
        return Ok(Ok(SyncRequest::InProgress(run)));
    }
    if let Some((fault, until)) = barred(&state, writer.at())
        && (asks_for_rest(&fault) || writer.has_probed_in_vain(integration).await?)
    {
        return Ok(Err(too_soon(&fault, until)));
    }
    Ok(Ok(SyncRequest::Queued(writer.queue_run(integration, SyncTrigger::Manual).await?)))
}

/// Why Atlas is to be left alone at `now`, and when it will be asked again.
fn barred(state: &IntegrationState, now: Instant) -> Option<(IntegrationFault, Instant)> {
    let until = state.not_before.filter(|until| *until > now)?;
    Some((state.fault.clone()?, state.next_run_at.unwrap_or(until)))
}

/// Atlas itself said when to come again.
fn asks_for_rest(fault: &IntegrationFault) -> bool {
    [RefusalCode::RateLimited.word(), RefusalCode::AtlasUnavailable.word()].contains(&fault.code.as_str())
}

fn too_soon(fault: &IntegrationFault, until: Instant) -> Refusal {
    let code = RefusalCode::from_word(&fault.code).unwrap_or(RefusalCode::Conflict);
    let until = written(until);
    let message = if asks_for_rest(fault) {
        format!("Atlas asks to be left alone; the next sync is planned for {until}.")
    } else {
        format!("{} It was asked a moment ago; the next try is planned for {until}.", fault.message)
    };
    Refusal::new(code, message).remedy(fault.remedy.clone()).field("integrationId")
}

impl Refusal {
    /// A sync stands in the way.
    pub fn under_way() -> Self {
        Self::new(RefusalCode::SyncInProgress, "A sync of this integration is under way already.")
            .remedy("Wait for it to end, then ask again if you still need to.")
            .field("integrationId")
    }
}

pub(super) fn no_integration() -> Refusal {
    Refusal::new(RefusalCode::NotFound, "There is no such integration.").field("integrationId")
}

pub(super) fn disconnected() -> Refusal {
    Refusal::new(RefusalCode::Conflict, "The integration is disconnected.")
        .remedy("Connect the organization again with connectMongoDbAtlas.")
        .field("integrationId")
}
