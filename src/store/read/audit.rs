//! The audit ledger, the newest event first.

use entity::audit_event;
use sea_orm::sea_query::{Expr, ExprTrait, Query, SelectStatement};

use super::Reader;
use super::page::{Cursor, Direction, Keyset, Slice, SortKey, Window};
use crate::domain::Instant;
use crate::store::StoreError;
use crate::store::audit::{AuditAction, AuditKind, AuditOutcome, AuditView, view};
use crate::store::convert::micros;

#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// The actor's key, to the letter.
    pub actor: Option<String>,
    pub action: Option<Vec<AuditAction>>,
    pub outcome: Option<AuditOutcome>,
    pub subject: Option<(AuditKind, i64)>,
    pub from: Option<Instant>,
    /// Exclusive.
    pub until: Option<Instant>,
}

impl Reader {
    pub async fn audit_events(&self, filter: &AuditFilter, window: &Window) -> Result<Slice<AuditView>, StoreError> {
        self.read_beyond_commits();
        let mut select = self.select_events(filter);
        Keyset { column: None, id: ("e", "id"), direction: Direction::Descending }.apply(&mut select, window);
        let rows = self.all::<audit_event::Model>(&select).await?.into_iter().map(|row| {
            let cursor = Cursor { key: SortKey::Id, id: row.id };
            Ok((view(row)?, cursor))
        });
        Ok(window.slice(rows.collect::<Result<_, StoreError>>()?))
    }

    pub async fn count_audit_events(&self, filter: &AuditFilter) -> Result<u64, StoreError> {
        self.read_beyond_commits();
        self.count(self.select_events(filter)).await
    }

    pub async fn audit_event(&self, id: i64) -> Result<Option<AuditView>, StoreError> {
        self.read_beyond_commits();
        let mut select = self.select_events(&AuditFilter::default());
        select.and_where(Expr::col(("e", "id")).eq(id));
        self.all::<audit_event::Model>(&select).await?.into_iter().next().map(view).transpose()
    }

    fn select_events(&self, filter: &AuditFilter) -> SelectStatement {
        use sea_orm::Iterable;
        let mut select = Query::select()
            .columns(audit_event::Column::iter().map(|column| ("e", column)))
            .from_as(audit_event::Entity, "e")
            .and_where(Expr::col(("e", "workspace_id")).eq(self.workspace))
            .to_owned();
        if let Some(actor) = &filter.actor {
            select.and_where(Expr::col(("e", "actor_key")).eq(actor));
        }
        if let Some(actions) = &filter.action {
            select.and_where(Expr::col(("e", "action")).is_in(actions.iter().map(|action| action.word())));
        }
        if let Some(outcome) = filter.outcome {
            select.and_where(Expr::col(("e", "outcome")).eq(outcome.word()));
        }
        if let Some((kind, id)) = filter.subject {
            select.and_where(Expr::col(("e", "subject_kind")).eq(kind.word()));
            select.and_where(Expr::col(("e", "subject_id")).eq(id));
        }
        if let Some(from) = filter.from {
            select.and_where(Expr::col(("e", "at")).gte(micros(from)));
        }
        if let Some(until) = filter.until {
            select.and_where(Expr::col(("e", "at")).lt(micros(until)));
        }
        select
    }
}
