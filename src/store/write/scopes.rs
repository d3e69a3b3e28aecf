//! The log of scope reads, kept as intervals of "could be read" and "could not".

use std::collections::{HashMap, HashSet};

use entity::{scope, scope_state};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter};

use super::Writer;
use crate::domain::{Instant, ScopeFailure, ScopeKind, ScopeRead};
use crate::store::StoreError;
use crate::store::convert::{micros, word};

/// The lists that every organization has.
const OF_ORGANIZATION: [ScopeKind; 6] = [
    ScopeKind::Organization,
    ScopeKind::Users,
    ScopeKind::Teams,
    ScopeKind::ApiKeys,
    ScopeKind::ServiceAccounts,
    ScopeKind::Projects,
];

type ScopeIds = HashMap<(ScopeKind, String), i64>;

impl Writer {
    /// The id of every list of an integration, those of `reads` included, by kind and project.
    pub async fn ensure_scopes(&self, integration: i64, reads: &[ScopeRead]) -> Result<ScopeIds, StoreError> {
        let known = self.scope_ids(integration).await?;
        let mut missing: Vec<(ScopeKind, String)> =
            reads.iter().map(key).filter(|key| !known.contains_key(key)).collect();
        if missing.is_empty() {
            return Ok(known);
        }
        missing.sort();
        missing.dedup();
        let rows = missing.into_iter().map(|(kind, project)| scope::ActiveModel {
            id: NotSet,
            workspace_id: Set(self.workspace),
            integration_id: Set(integration),
            kind: Set(kind.word().to_owned()),
            project: Set(project),
        });
        self.insert(rows.collect()).await?;
        self.scope_ids(integration).await
    }

    /// Notes how each list of a run ended. Lists that were not to be read any more end.
    ///
    /// `read_at` is when the run began to read.
    pub async fn note_reads(
        &self,
        integration: i64,
        reads: &[ScopeRead],
        ids: &ScopeIds,
        read_at: Instant,
    ) -> Result<(), StoreError> {
        let last_good = self.last_good_run(integration).await?;
        let mut now = self.open_states(ids).await?;
        let (mut closed, mut opened) = (Vec::new(), Vec::new());
        for read in reads {
            let Some(id) = ids.get(&key(read)) else { continue };
            let before = now.remove(id);
            // A list that delivered rows is good evidence, though not whole enough to remove by.
            let good = read.failure.as_ref().is_some_and(|failure| failure.rows_were_read).then_some(micros(read_at));
            if before.as_ref().is_some_and(|state| same(state, read.failure.as_ref())) && good.is_none() {
                continue;
            }
            let last_good_at = good.or(match &before {
                Some(state) if state.complete => last_good,
                Some(state) => state.last_good_at,
                None => None,
            });
            closed.push(*id);
            opened.push(self.state(*id, read.failure.as_ref(), last_good_at));
        }
        closed.extend(now.into_keys());
        self.close("scope_state", "scope_id", &closed).await?;
        self.insert(opened).await
    }

    /// Notes that none of the integration's lists could be read; of an integration never read, those of its organization.
    pub async fn note_unreadable(&self, integration: i64, failure: &ScopeFailure) -> Result<(), StoreError> {
        let ids = self.scope_ids(integration).await?;
        let known = self.open_states(&ids).await?;
        let mut reads: Vec<ScopeRead> = ids
            .iter()
            .filter(|(_, id)| known.contains_key(id))
            .map(|((kind, project), _)| ScopeRead {
                kind: *kind,
                project: Some(project.clone()).filter(|project| !project.is_empty()),
                failure: Some(failure.clone()),
            })
            .collect();
        if reads.is_empty() {
            let failed = |kind| ScopeRead { kind, project: None, failure: Some(failure.clone()) };
            reads.extend(OF_ORGANIZATION.map(failed));
        }
        let ids = self.ensure_scopes(integration, &reads).await?;
        self.note_reads(integration, &reads, &ids, self.at()).await
    }

    /// Ends the states of every list of an integration.
    pub async fn close_scopes(&self, integration: i64) -> Result<(), StoreError> {
        let ids = self.scope_ids(integration).await?;
        let open: Vec<i64> = self.open_states(&ids).await?.into_keys().collect();
        self.close("scope_state", "scope_id", &open).await
    }

    fn state(&self, id: i64, failure: Option<&ScopeFailure>, last_good_at: Option<i64>) -> scope_state::ActiveModel {
        scope_state::ActiveModel {
            id: NotSet,
            workspace_id: Set(self.workspace),
            scope_id: Set(id),
            complete: Set(failure.is_none()),
            error_code: Set(failure.map(|failure| failure.code.clone())),
            message: Set(failure.map(|failure| failure.message.clone())),
            last_good_at: Set(last_good_at.filter(|_| failure.is_some())),
            valid_from: Set(self.at),
            valid_to: Set(None),
        }
    }

    pub(super) async fn scope_ids(&self, integration: i64) -> Result<ScopeIds, StoreError> {
        let rows =
            scope::Entity::find().filter(scope::Column::IntegrationId.eq(integration)).all(self.tx.as_ref()).await?;
        rows.into_iter()
            .map(|row| Ok(((word(&row.kind, ScopeKind::from_word, "scope", "kind")?, row.project), row.id)))
            .collect()
    }

    /// How these lists, all of an integration, stand. Read by the workspace: without statistics PostgreSQL would look
    /// for each of them among all.
    async fn open_states(&self, ids: &ScopeIds) -> Result<HashMap<i64, scope_state::Model>, StoreError> {
        let own: HashSet<i64> = ids.values().copied().collect();
        let rows = scope_state::Entity::find()
            .filter(scope_state::Column::WorkspaceId.eq(self.workspace))
            .filter(scope_state::Column::ValidTo.is_null())
            .all(self.tx.as_ref())
            .await?;
        let rows = rows.into_iter().filter(|row| own.contains(&row.scope_id));
        Ok(rows.map(|row| (row.scope_id, row)).collect())
    }

    async fn last_good_run(&self, integration: i64) -> Result<Option<i64>, StoreError> {
        #[derive(FromQueryResult)]
        struct Last {
            last: Option<i64>,
        }
        let select = Query::select()
            .expr_as(Expr::cust("MAX(read_at)"), Alias::new("last"))
            .from("sync_run")
            .and_where(Expr::col("integration_id").eq(integration))
            .and_where(Expr::col("status").is_in(["SUCCEEDED", "PARTIAL", "HELD"]))
            .to_owned();
        Ok(self.all::<Last>(&select).await?.into_iter().next().and_then(|row| row.last))
    }
}

fn key(read: &ScopeRead) -> (ScopeKind, String) {
    (read.kind, read.project.clone().unwrap_or_default())
}

fn same(state: &scope_state::Model, failure: Option<&ScopeFailure>) -> bool {
    match failure {
        None => state.complete,
        Some(failure) => {
            !state.complete
                && state.error_code.as_deref() == Some(&failure.code)
                && state.message.as_deref() == Some(&failure.message)
        }
    }
}
