//! What later syncs see of decisions: whether the access is really gone.

use std::collections::BTreeSet;

use crate::domain::review::ReviewDecision;
use crate::domain::{Grant, GrantScope};
use crate::store::write::Pending;
use crate::store::{StoreError, Writer};

/// Notes which decisions about an integration's accounts were carried out, and which of those are undone again.
///
/// `is_seen` says whose list was read to its end, so that an absent account is a removed one.
pub async fn note_remediations(
    writer: &Writer,
    integration: i64,
    is_seen: impl Fn(&Pending) -> bool,
) -> Result<(), StoreError> {
    let pending = writer.pending_decisions(integration).await?;
    if pending.is_empty() {
        return Ok(());
    }
    let accounts: BTreeSet<i64> = pending.iter().map(|item| item.account_id).collect();
    let today = writer.todays_grants(&accounts.into_iter().collect::<Vec<_>>()).await?;
    let (mut done, mut undone) = (Vec::new(), Vec::new());
    for item in pending {
        let is_done = is_done(&item, today.get(&item.account_id).map(Vec::as_slice));
        match (is_done, item.is_remediated) {
            (true, false) if is_seen(&item) => done.push(item.item_id),
            (false, true) => undone.push(item.item_id),
            _ => {}
        }
    }
    writer.put_remediated(&done, true).await?;
    writer.put_remediated(&undone, false).await
}

/// `today`: None when the account is gone.
fn is_done(item: &Pending, today: Option<&[Grant]>) -> bool {
    match (item.decision, today) {
        (ReviewDecision::Revoke | ReviewDecision::Change, None) => true,
        (ReviewDecision::Change, Some(today)) => rights(today) != rights(&item.grants),
        (ReviewDecision::Revoke, Some(_)) | (ReviewDecision::Keep, _) => false,
    }
}

/// What is held and where, not by which path: a renamed team changes nothing.
fn rights(grants: &[Grant]) -> BTreeSet<(&str, GrantScope, Option<&str>)> {
    grants.iter().map(|grant| (grant.role.as_str(), grant.scope, grant.project.as_deref())).collect()
}
