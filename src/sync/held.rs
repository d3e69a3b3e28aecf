//! What the brake withheld: kept until a second complete read agrees, or a person does.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::engine::{Edit, Engine, EngineError};
use super::judge::restate;
use super::refusal::{Refusal, RefusalCode};
use super::request::{disconnected, no_integration};
use super::review::note_remediations;
use crate::domain::Instant;
use crate::store::audit::{Actor, AuditAction, AuditEntry, AuditKind};
use crate::store::views::{IntegrationFault, Removal, RemovalKind, Withheld};
use crate::store::write::{Estate, EstateChange, IntegrationState};
use crate::store::{StoreError, Writer};

/// The code of the fault that a withheld removal is.
pub const HELD_FOR_CONFIRMATION: &str = "HELD_FOR_CONFIRMATION";

/// So many withheld removals are shown by name.
const MOST_SHOWN: usize = 100;

/// What the brake withheld, as Atlas ids by kind (`projects`, `clusters`, `accounts`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Held(pub BTreeMap<String, BTreeSet<String>>);

impl Held {
    pub fn is_empty(&self) -> bool {
        self.0.values().all(BTreeSet::is_empty)
    }

    /// How many rows are withheld.
    pub fn len(&self) -> usize {
        self.0.values().map(BTreeSet::len).sum()
    }

    pub fn contains(&self, kind: &str, atlas_id: &str) -> bool {
        self.0.get(kind).is_some_and(|ids| ids.contains(atlas_id))
    }

    /// What people see of it: counts, and the first names.
    pub fn shown(&self, stored: &Estate) -> Withheld {
        let named = |kind: RemovalKind| -> Vec<Removal> {
            let rows: Vec<(&str, &str)> = match kind {
                RemovalKind::Project => {
                    stored.projects.iter().map(|row| (&*row.value.atlas_id, &*row.value.name)).collect()
                }
                RemovalKind::Cluster => {
                    stored.clusters.iter().map(|row| (&*row.value.atlas_id, &*row.value.name)).collect()
                }
                RemovalKind::Account => {
                    stored.accounts.iter().map(|row| (&*row.value.atlas_id, &*row.value.login)).collect()
                }
            };
            let mut rows: Vec<_> = rows.into_iter().filter(|(atlas, _)| self.contains(list(kind), atlas)).collect();
            rows.sort_unstable_by_key(|(atlas, name)| (*name, *atlas));
            let removal =
                |(atlas, name): (&str, &str)| Removal { kind, atlas_id: atlas.to_owned(), name: name.to_owned() };
            rows.into_iter().map(removal).collect()
        };
        let [projects, clusters, accounts] =
            [RemovalKind::Project, RemovalKind::Cluster, RemovalKind::Account].map(named);
        let count = |rows: &[Removal]| u32::try_from(rows.len()).unwrap_or(u32::MAX);
        Withheld {
            projects: count(&projects),
            clusters: count(&clusters),
            accounts: count(&accounts),
            removals: [projects, clusters, accounts].into_iter().flatten().take(MOST_SHOWN).collect(),
        }
    }

    /// The removals themselves.
    fn change(&self, stored: &Estate) -> EstateChange {
        let held = |kind, id: i64, atlas: &str| self.contains(list(kind), atlas).then_some(id);
        let projects = stored.projects.iter();
        let clusters = stored.clusters.iter();
        let accounts = stored.accounts.iter();
        EstateChange {
            remove_projects: projects
                .filter_map(|row| held(RemovalKind::Project, row.id, &row.value.atlas_id))
                .collect(),
            remove_clusters: clusters
                .filter_map(|row| held(RemovalKind::Cluster, row.id, &row.value.atlas_id))
                .collect(),
            remove_accounts: accounts
                .filter_map(|row| held(RemovalKind::Account, row.id, &row.value.atlas_id))
                .collect(),
            ..EstateChange::default()
        }
    }
}

const fn list(kind: RemovalKind) -> &'static str {
    match kind {
        RemovalKind::Project => "projects",
        RemovalKind::Cluster => "clusters",
        RemovalKind::Account => "accounts",
    }
}

/// What is withheld, as a reason for the integration's attention.
pub(super) fn held_fault(held: &Held, now: Instant) -> Option<IntegrationFault> {
    let what = match held.len() {
        0 => return None,
        1 => "Atlas no longer lists one row that stands for everything of its kind; it is kept for now.".to_owned(),
        count => format!("Atlas no longer lists {count} rows at once; they are kept for now."),
    };
    Some(IntegrationFault {
        code: HELD_FOR_CONFIRMATION.to_owned(),
        message: what,
        remedy: "Look at the sync's withheld removals. If they are really gone, use confirmHeldSync, or sync again: a second agreeing read removes them. If not, check the key's role and projects.".to_owned(),
        occurred_at: now,
    })
}

impl Engine {
    pub(super) async fn held(&self, writer: &Writer, integration: i64) -> Result<Held, EngineError> {
        let stored = writer.held_removals(integration).await?;
        Ok(stored.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
    }

    /// Does at once what the brake withheld from `run`; how many rows that removed.
    ///
    /// The read that missed them was complete, so Atlas is not asked again. What has come back since is found by the
    /// next sync and goes on under the id that it had.
    pub async fn confirm_held(&self, by: &Actor, integration: i64, run: i64) -> Edit<u32> {
        let writer = self.store.writer(by.workspace).await?;
        let fault = match confirmable(&writer, integration, run).await? {
            Ok(state) => state.fault,
            Err(refusal) => {
                writer.undo().await?;
                return Ok(Err(vec![refusal]));
            }
        };
        let stored = writer.estate(integration).await?;
        let change = self.held(&writer, integration).await?.change(&stored);
        let removed = change.remove_projects.len() + change.remove_clusters.len() + change.remove_accounts.len();
        let gone: HashSet<i64> = change.remove_accounts.iter().copied().collect();
        writer.apply(integration, change, &HashMap::new()).await?;
        note_remediations(&writer, integration, |item| gone.contains(&item.account_id)).await?;
        writer.put_held_removals(integration, None).await?;
        if fault.is_some_and(|fault| fault.code == HELD_FOR_CONFIRMATION) {
            writer.put_fault(integration, None).await?;
        }
        writer.note_confirmed(run).await?;
        restate(&self.store, &writer).await?;
        let name = writer.integration(integration).await?.map(|known| known.organization_name);
        let entry = AuditEntry::done(AuditAction::ConfirmHeldSync)
            .about(AuditKind::Integration, integration, name.unwrap_or_default())
            .change("removed", None, Some(removed.to_string()));
        writer.audit(by, entry).await?;
        writer.commit().await?;
        tracing::info!(integration.id = integration, sync.run_id = run, removed, "withheld removals confirmed");
        Ok(Ok(u32::try_from(removed).unwrap_or(u32::MAX)))
    }
}

/// The integration, if the removals that it withholds are this run's and no sync is about to settle them.
async fn confirmable(
    writer: &Writer,
    integration: i64,
    run: i64,
) -> Result<Result<IntegrationState, Refusal>, StoreError> {
    let state = match writer.hold_integration(integration).await? {
        None => return Ok(Err(no_integration())),
        Some(state) if !state.is_connected => return Ok(Err(disconnected())),
        Some(state) => state,
    };
    if !writer.has_run(integration, run).await? {
        return Ok(Err(Refusal::new(RefusalCode::NotFound, "The integration has no such sync.").field("syncRunId")));
    }
    if writer.open_run(integration).await?.is_some() {
        return Ok(Err(Refusal::under_way()));
    }
    Ok(match state.held_run_id {
        None => Err(nothing_held()),
        Some(held) if held != run => Err(outdated()),
        Some(_) => Ok(state),
    })
}

fn nothing_held() -> Refusal {
    Refusal::new(RefusalCode::Conflict, "No removals of this integration are withheld.")
        .remedy("There is nothing to confirm: a later sync or another person has settled it.")
        .field("integrationId")
}

fn outdated() -> Refusal {
    Refusal::new(RefusalCode::Conflict, "A newer sync has withheld removals of its own.")
        .remedy("Look at the withheld removals of the integration's heldSync, and confirm that one.")
        .field("syncRunId")
}
