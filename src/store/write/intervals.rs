//! Interval rows: closing the ones that hold, and batches of new ones.

use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ActiveModelTrait, ConnectionTrait, EntityTrait, Iterable, PrimaryKeyToColumn};

use super::{CHUNK, Writer};
use crate::store::StoreError;

impl Writer {
    /// Ends today's rows of these identities.
    pub(super) async fn close(
        &self,
        table: &'static str,
        identity: &'static str,
        ids: &[i64],
    ) -> Result<(), StoreError> {
        for chunk in ids.chunks(CHUNK) {
            let update = Query::update()
                .table(table)
                .value("valid_to", self.at)
                .and_where(Expr::col(identity).is_in(chunk.to_vec()))
                .and_where(Expr::col("valid_to").is_null())
                .to_owned();
            self.tx.execute(&update).await?;
        }
        Ok(())
    }

    /// Inserts rows in batches; their ids come from the database.
    pub(super) async fn insert<A>(&self, rows: Vec<A>) -> Result<(), StoreError>
    where
        A: ActiveModelTrait + Send + 'static,
        <A::Entity as EntityTrait>::PrimaryKey: Iterable + PrimaryKeyToColumn,
    {
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            let chunk: Vec<A> = rows.by_ref().take(CHUNK).collect();
            A::Entity::insert_many(chunk).exec_without_returning(self.tx.as_ref()).await?;
        }
        Ok(())
    }
}
