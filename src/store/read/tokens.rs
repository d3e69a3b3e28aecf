//! The workspace's API tokens, the newest first. They are shown as they are now, whatever instant is asked for.

use entity::api_token;
use sea_orm::Iterable;
use sea_orm::sea_query::{Expr, ExprTrait, Query, SelectStatement};

use super::Reader;
use super::page::{Cursor, Direction, Keyset, Slice, SortKey, Window};
use crate::store::StoreError;
use crate::store::tokens::TokenView;

impl Reader {
    pub async fn tokens(&self, window: &Window) -> Result<Slice<TokenView>, StoreError> {
        self.read_beyond_commits();
        let mut select = self.select_tokens();
        Keyset { column: None, id: ("t", "id"), direction: Direction::Descending }.apply(&mut select, window);
        let rows = self.all::<api_token::Model>(&select).await?.into_iter().map(|row| {
            let cursor = Cursor { key: SortKey::Id, id: row.id };
            Ok((TokenView::try_from(row)?, cursor))
        });
        Ok(window.slice(rows.collect::<Result<_, StoreError>>()?))
    }

    pub async fn count_tokens(&self) -> Result<u64, StoreError> {
        self.read_beyond_commits();
        self.count(self.select_tokens()).await
    }

    pub async fn token(&self, id: i64) -> Result<Option<TokenView>, StoreError> {
        self.read_beyond_commits();
        let mut select = self.select_tokens();
        select.and_where(Expr::col(("t", "id")).eq(id));
        self.one::<api_token::Model>(&select).await?.map(TokenView::try_from).transpose()
    }

    fn select_tokens(&self) -> SelectStatement {
        Query::select()
            .columns(api_token::Column::iter().map(|column| ("t", column)))
            .from_as(api_token::Entity, "t")
            .and_where(Expr::col(("t", "workspace_id")).eq(self.workspace))
            .to_owned()
    }
}
