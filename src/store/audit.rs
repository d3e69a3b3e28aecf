//! The audit ledger: who did what, written in the change's own transaction, each event hashing the one before it.
//!
//! The chain tells a change in the middle and a gap. A tail that was cut off shows only against a head (sequence and
//! hash) that was noted elsewhere: each head is logged, and `slategate audit verify` prints it.

use std::sync::PoisonError;

use entity::audit_event;
use sea_orm::ActiveValue::NotSet;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::convert::{instant, word};
use super::sight::Sight;
use super::{Store, StoreError, Writer};
use crate::domain::{Instant, hex};

/// Events that are verified at a time.
const BATCH: u64 = 1_000;

crate::words! {
    /// What was done, or tried.
    AuditAction {
        Connect = "CONNECT",
        Disconnect = "DISCONNECT",
        RotateCredentials = "ROTATE_CREDENTIALS",
        RequestSync = "REQUEST_SYNC",
        ConfirmHeldSync = "CONFIRM_HELD_SYNC",
        UpdateAsset = "UPDATE_ASSET",
        LinkAccount = "LINK_ACCOUNT",
        UpsertPerson = "UPSERT_PERSON",
        ImportPeople = "IMPORT_PEOPLE",
        StartAccessReview = "START_ACCESS_REVIEW",
        DecideAccessReview = "DECIDE_ACCESS_REVIEW",
        ReassignAccessReview = "REASSIGN_ACCESS_REVIEW",
        CompleteAccessReview = "COMPLETE_ACCESS_REVIEW",
        ProvisionPerson = "PROVISION_PERSON",
        DeprovisionPerson = "DEPROVISION_PERSON",
        CreateToken = "CREATE_TOKEN",
        RevokeToken = "REVOKE_TOKEN",
        RotateMasterKey = "ROTATE_MASTER_KEY",
        CreateWorkspace = "CREATE_WORKSPACE",
        ReadAuditEvents = "READ_AUDIT_EVENTS",
        ReadApiTokens = "READ_API_TOKENS",
    }
}

crate::words! {
    AuditOutcome {
        Done = "DONE",
        /// The caller's role does not allow it; nothing was changed.
        Refused = "REFUSED",
    }
}

crate::words! {
    /// The kind of thing an event is about.
    AuditKind {
        Integration = "INTEGRATION", Asset = "ASSET", Account = "ACCOUNT", Person = "PERSON", Token = "TOKEN",
        Workspace = "WORKSPACE", AccessReview = "ACCESS_REVIEW",
    }
}

/// Who acts, in which workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    pub workspace: i64,
    /// Never reused: `token:ID`, `oidc:SUBJECT`, `cli`.
    pub key: String,
    /// For people to read.
    pub name: String,
    /// Ties the event to the request's log lines.
    pub request_id: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditSubject {
    pub kind: AuditKind,
    pub id: i64,
    /// As it was called when it happened.
    pub name: String,
}

/// A value that is not the same afterwards. Never a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditChange {
    pub field: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub after: Option<String>,
}

/// An event to be written.
#[derive(Debug, Clone)]
pub struct AuditEntry {
    pub action: AuditAction,
    pub outcome: AuditOutcome,
    pub subject: Option<AuditSubject>,
    pub changes: Vec<AuditChange>,
}

impl AuditEntry {
    pub const fn done(action: AuditAction) -> Self {
        Self { action, outcome: AuditOutcome::Done, subject: None, changes: Vec::new() }
    }

    pub const fn refused(action: AuditAction) -> Self {
        Self { action, outcome: AuditOutcome::Refused, subject: None, changes: Vec::new() }
    }

    #[must_use]
    pub fn about(mut self, kind: AuditKind, id: i64, name: impl Into<String>) -> Self {
        self.subject = Some(AuditSubject { kind, id, name: name.into() });
        self
    }

    /// Notes the value unless it stayed what it was.
    #[must_use]
    pub fn change(mut self, field: &str, before: Option<String>, after: Option<String>) -> Self {
        if before != after {
            self.changes.push(AuditChange { field: field.to_owned(), before, after });
        }
        self
    }
}

/// An event as it stands in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditView {
    pub id: i64,
    pub sequence: i64,
    pub at: Instant,
    pub actor_key: String,
    pub actor_name: String,
    pub action: AuditAction,
    pub outcome: AuditOutcome,
    pub subject: Option<AuditSubject>,
    pub request_id: Option<String>,
    pub changes: Vec<AuditChange>,
    pub hash: String,
}

/// Where a chain ends. Noted elsewhere, it later proves that nothing before it was changed or cut off.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Head {
    /// 0: no event yet.
    pub sequence: i64,
    pub hash: String,
}

/// Where a chain does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokenChain {
    #[error("event {0} is missing")]
    Missing(i64),
    #[error("event {0} was changed, or one before it was")]
    Changed(i64),
    #[error("the ledger ends at event {ends_at}, before the noted event {noted}")]
    CutOff { ends_at: i64, noted: i64 },
}

impl Writer {
    /// Writes an event; it stands if and only if this writer commits.
    pub async fn audit(&self, actor: &Actor, entry: AuditEntry) -> Result<(), StoreError> {
        let last = audit_event::Entity::find()
            .filter(audit_event::Column::WorkspaceId.eq(self.workspace))
            .order_by_desc(audit_event::Column::Sequence)
            .one(self.tx.as_ref())
            .await?;
        let (sequence, previous_hash) = last.map_or((1, String::new()), |last| (last.sequence + 1, last.hash));
        let (kind, subject_id, subject_name) = match entry.subject {
            Some(subject) => (Some(subject.kind.word().to_owned()), Some(subject.id), Some(plain(&subject.name))),
            None => (None, None, None),
        };
        let mut event = audit_event::Model {
            id: 0,
            workspace_id: self.workspace,
            sequence,
            at: self.at,
            actor_key: plain(&actor.key),
            actor_name: plain(&actor.name),
            action: entry.action.word().to_owned(),
            outcome: entry.outcome.word().to_owned(),
            subject_kind: kind,
            subject_id,
            subject_name,
            request_id: actor.request_id.clone(),
            changes: plain(&serde_json::json!(entry.changes).to_string()),
            previous_hash,
            hash: String::new(),
        };
        event.hash = hash(&event);
        let mut row = audit_event::ActiveModel::from(event.clone());
        row.id = NotSet;
        audit_event::Entity::insert(row).exec_without_returning(self.tx.as_ref()).await?;
        self.audited.lock().unwrap_or_else(PoisonError::into_inner).push(event);
        Ok(())
    }
}

/// Tells the log of events that stand from now on: their hashes prove later that nothing was cut off.
pub(super) fn log(events: &[audit_event::Model]) {
    for event in events {
        tracing::info!(
            workspace.id = event.workspace_id,
            audit.sequence = event.sequence,
            audit.hash = event.hash,
            action = event.action,
            outcome = event.outcome,
            actor = event.actor_key,
            "audit event"
        );
    }
}

impl Store {
    /// Walks a workspace's chain from its beginning. `noted` is a head that was seen before.
    pub async fn verify_audit(
        &self,
        workspace: i64,
        noted: Option<&Head>,
    ) -> Result<Result<Head, BrokenChain>, StoreError> {
        self.verify_audit_telling(workspace, noted, &|_| {}).await
    }

    /// The same; `progress` hears how many events were read.
    pub async fn verify_audit_telling(
        &self,
        workspace: i64,
        noted: Option<&Head>,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<Result<Head, BrokenChain>, StoreError> {
        let mut head = Head::default();
        let (tx, _) = self.begin_read(Sight::Workspace(workspace)).await?;
        loop {
            let events = audit_event::Entity::find()
                .filter(audit_event::Column::WorkspaceId.eq(workspace))
                .filter(audit_event::Column::Sequence.gt(head.sequence))
                .order_by_asc(audit_event::Column::Sequence)
                .limit(BATCH)
                .all(&tx)
                .await?;
            if events.is_empty() {
                break;
            }
            for event in events {
                match follow(&head, &event, noted) {
                    Ok(next) => head = next,
                    Err(broken) => return Ok(Err(broken)),
                }
            }
            progress(head.sequence.unsigned_abs());
        }
        match noted {
            Some(noted) if noted.sequence > head.sequence => {
                Ok(Err(BrokenChain::CutOff { ends_at: head.sequence, noted: noted.sequence }))
            }
            _ => Ok(Ok(head)),
        }
    }
}

/// The head after this event, if the event follows the one before.
fn follow(head: &Head, event: &audit_event::Model, noted: Option<&Head>) -> Result<Head, BrokenChain> {
    let sequence = head.sequence + 1;
    if event.sequence != sequence {
        return Err(BrokenChain::Missing(sequence));
    }
    let as_noted = noted.is_none_or(|noted| noted.sequence != sequence || noted.hash == event.hash);
    if event.previous_hash != head.hash || event.hash != hash(event) || !as_noted {
        return Err(BrokenChain::Changed(sequence));
    }
    Ok(Head { sequence, hash: event.hash.clone() })
}

/// SHA-256 in hex over every column but the row's number, as a JSON array.
fn hash(event: &audit_event::Model) -> String {
    let fields = serde_json::json!([
        event.workspace_id,
        event.sequence,
        event.at,
        event.actor_key,
        event.actor_name,
        event.action,
        event.outcome,
        event.subject_kind,
        event.subject_id,
        event.subject_name,
        event.request_id,
        event.changes,
        event.previous_hash,
    ]);
    hex(&Sha256::digest(fields.to_string()))
}

/// Without NUL, which PostgreSQL's text cannot hold.
fn plain(text: &str) -> String {
    text.replace('\0', "")
}

pub(super) fn view(row: audit_event::Model) -> Result<AuditView, StoreError> {
    let subject = match (row.subject_kind, row.subject_id) {
        (Some(kind), Some(id)) => Some(AuditSubject {
            kind: word(&kind, AuditKind::from_word, "audit_event", "subject_kind")?,
            id,
            name: row.subject_name.unwrap_or_default(),
        }),
        _ => None,
    };
    Ok(AuditView {
        id: row.id,
        sequence: row.sequence,
        at: instant(row.at),
        actor_key: row.actor_key,
        actor_name: row.actor_name,
        action: word(&row.action, AuditAction::from_word, "audit_event", "action")?,
        outcome: word(&row.outcome, AuditOutcome::from_word, "audit_event", "outcome")?,
        subject,
        request_id: row.request_id,
        changes: serde_json::from_str(&row.changes).unwrap_or_default(),
        hash: row.hash,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(length: i64) -> Vec<audit_event::Model> {
        let mut previous_hash = String::new();
        (1..=length)
            .map(|sequence| {
                let mut event = audit_event::Model {
                    id: 0,
                    workspace_id: 1,
                    sequence,
                    at: sequence * 1_000,
                    actor_key: "token:1".to_owned(),
                    actor_name: "ops".to_owned(),
                    action: "CONNECT".to_owned(),
                    outcome: "DONE".to_owned(),
                    subject_kind: None,
                    subject_id: None,
                    subject_name: None,
                    request_id: None,
                    changes: "[]".to_owned(),
                    previous_hash: previous_hash.clone(),
                    hash: String::new(),
                };
                event.hash = hash(&event);
                previous_hash.clone_from(&event.hash);
                event
            })
            .collect()
    }

    fn verify(chain: &[audit_event::Model], noted: Option<&Head>) -> Result<Head, BrokenChain> {
        chain.iter().try_fold(Head::default(), |head, event| follow(&head, event, noted))
    }

    #[test]
    fn a_whole_chain_holds_and_every_change_breaks_it() {
        let whole = chain(4);
        assert_eq!(verify(&whole, None).map(|head| head.sequence), Ok(4));
        let forgeries: [fn(&mut audit_event::Model); 5] = [
            |event| event.actor_key.push('0'),
            |event| event.at += 1,
            |event| event.outcome = "REFUSED".to_owned(),
            |event| event.subject_id = Some(7),
            |event| event.changes = r#"[{"field":"owner"}]"#.to_owned(),
        ];
        for forge in forgeries {
            let mut changed = whole.clone();
            forge(&mut changed[1]);
            assert_eq!(verify(&changed, None), Err(BrokenChain::Changed(2)));
            changed[1].hash = hash(&changed[1]);
            assert_eq!(verify(&changed, None), Err(BrokenChain::Changed(3)), "the next one knows the old hash");
        }
        let mut gap = whole.clone();
        gap.remove(2);
        assert_eq!(verify(&gap, None), Err(BrokenChain::Missing(3)));
    }

    #[test]
    fn a_chain_that_was_written_anew_does_not_fit_a_noted_head() {
        let whole = chain(3);
        let noted = Head { sequence: 2, hash: whole[1].hash.clone() };
        assert!(verify(&whole, Some(&noted)).is_ok());
        let other = Head { sequence: 2, hash: "0".repeat(64) };
        assert_eq!(verify(&whole, Some(&other)), Err(BrokenChain::Changed(2)));
    }
}
