//! The commits that an instant sees.

use sea_orm::FromQueryResult;
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Func, Query, UnionType};

use super::Reader;
use crate::domain::Instant;
use crate::store::StoreError;
use crate::store::convert::instant;

#[derive(FromQueryResult)]
struct Commit {
    /// None where nothing of the kind was committed by then.
    at: Option<i64>,
}

impl Reader {
    /// The last commit that the instant sees, as far as it left something: the end of a sync that read something, an edit, or another verdict
    /// of one of these controls. None before the first.
    pub async fn last_commit(&self, controls: &[&str]) -> Result<Option<Instant>, StoreError> {
        let by = self.as_of.unwrap_or(i64::MAX);
        let latest = |table: &'static str, column: &'static str| {
            Query::select()
                .expr_as(Expr::from(Func::max(Expr::col(column))), Alias::new("at"))
                .from(table)
                .and_where(Expr::col("workspace_id").eq(self.workspace))
                .and_where(Expr::col(column).lte(by))
                .to_owned()
        };
        let mut commits = latest("audit_event", "at");
        let mut synced = latest("sync_run", "finished_at");
        synced.and_where(Expr::col("status").is_in(["SUCCEEDED", "PARTIAL", "HELD"]));
        commits.union(UnionType::All, synced);
        for control in controls {
            let mut judged = latest("control_result", "valid_from");
            judged.and_where(Expr::col("control_key").eq(*control));
            commits.union(UnionType::All, judged);
        }
        let found = self.all::<Commit>(&commits).await?;
        Ok(found.into_iter().filter_map(|commit| commit.at).max().map(instant))
    }
}
