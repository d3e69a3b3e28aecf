//! Integrations, disconnected ones too. Shown as they are now, whatever instant is asked for.

use sea_orm::FromQueryResult;
use sea_orm::sea_query::{Expr, ExprTrait, Query, SelectStatement};

use super::Reader;
use super::page::{Cursor, Direction, Keyset, Slice, SortKey, Window};
use crate::store::StoreError;
use crate::store::convert::{fault, from_json, instant};
use crate::store::views::IntegrationView;

#[derive(FromQueryResult)]
struct IntegrationRow {
    id: i64,
    organization_id: String,
    organization_name: String,
    public_key: String,
    key_profile: String,
    connected_at: i64,
    disconnected_at: Option<i64>,
    error_code: Option<String>,
    error_message: Option<String>,
    error_remedy: Option<String>,
    error_at: Option<i64>,
    next_run_at: Option<i64>,
    held_run_id: Option<i64>,
}

const INTEGRATION_COLUMNS: [&str; 13] = [
    "id",
    "organization_id",
    "organization_name",
    "public_key",
    "key_profile",
    "connected_at",
    "disconnected_at",
    "error_code",
    "error_message",
    "error_remedy",
    "error_at",
    "next_run_at",
    "held_run_id",
];

impl Reader {
    /// Integrations in the order in which they were first connected.
    pub async fn integrations(&self, window: &Window) -> Result<Slice<IntegrationView>, StoreError> {
        self.read_beyond_commits();
        let mut select = self.select_integrations();
        Keyset { column: None, id: ("i", "id"), direction: Direction::Ascending }.apply(&mut select, window);
        let rows = self.all::<IntegrationRow>(&select).await?.into_iter().map(|row| {
            let cursor = Cursor { key: SortKey::Id, id: row.id };
            Ok((integration(row)?, cursor))
        });
        Ok(window.slice(rows.collect::<Result<_, StoreError>>()?))
    }

    pub async fn count_integrations(&self) -> Result<u64, StoreError> {
        self.read_beyond_commits();
        self.count(self.select_integrations()).await
    }

    pub async fn integrations_by_id(&self, ids: &[i64]) -> Result<Vec<IntegrationView>, StoreError> {
        self.read_beyond_commits();
        let mut select = self.select_integrations();
        select.and_where(Expr::col(("i", "id")).is_in(ids.to_vec()));
        self.all::<IntegrationRow>(&select).await?.into_iter().map(integration).collect()
    }

    fn select_integrations(&self) -> SelectStatement {
        Query::select()
            .columns(INTEGRATION_COLUMNS.map(|column| ("i", column)))
            .from_as("integration", "i")
            .and_where(Expr::col(("i", "workspace_id")).eq(self.workspace))
            .to_owned()
    }
}

fn integration(row: IntegrationRow) -> Result<IntegrationView, StoreError> {
    Ok(IntegrationView {
        id: row.id,
        organization_id: row.organization_id,
        organization_name: row.organization_name,
        public_key: row.public_key,
        key: from_json(&row.key_profile, "integration", "key_profile")?,
        connected_at: instant(row.connected_at),
        disconnected_at: row.disconnected_at.map(instant),
        error: fault(row.error_code, row.error_message, row.error_remedy, row.error_at),
        next_run_at: row.next_run_at.map(instant),
        held_run_id: row.held_run_id,
    })
}
