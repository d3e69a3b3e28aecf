//! API tokens. Only their hashes are kept.

use chrono::TimeDelta;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::{Expr, ExprTrait, JoinType, Query};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder};

use super::convert::{instant, micros, word};
use super::sight::Sight;
use super::views::{Caller, CallerPerson, Role};
use super::{Store, StoreError, Writer};
use crate::domain::Instant;
use entity::api_token;

/// How exactly the last use of a token is known.
pub const LAST_USE_PRECISION: TimeDelta = TimeDelta::minutes(1);

/// A token that opens the door now.
#[derive(Debug, Clone)]
pub struct LiveToken {
    pub id: i64,
    pub caller: Caller,
    pub expires_at: Instant,
    pub last_used_at: Option<Instant>,
}

/// What an operator sees of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenView {
    pub id: i64,
    pub name: String,
    pub role: Role,
    pub created_at: Instant,
    pub expires_at: Instant,
    pub last_used_at: Option<Instant>,
    pub revoked_at: Option<Instant>,
    /// Who it is that calls with it.
    pub person_id: Option<i64>,
}

#[derive(FromQueryResult)]
struct LiveRow {
    id: i64,
    workspace_id: i64,
    workspace_name: String,
    name: String,
    role: String,
    expires_at: i64,
    last_used_at: Option<i64>,
    person_id: Option<i64>,
}

impl Writer {
    pub async fn create_token(
        &self,
        name: &str,
        role: Role,
        person: Option<i64>,
        hash: &str,
        created_at: Instant,
        expires_at: Instant,
    ) -> Result<i64, StoreError> {
        let row = api_token::ActiveModel {
            id: NotSet,
            workspace_id: Set(self.workspace),
            name: Set(name.to_owned()),
            role: Set(role.word().to_owned()),
            token_hash: Set(hash.to_owned()),
            created_at: Set(micros(created_at)),
            expires_at: Set(micros(expires_at)),
            last_used_at: Set(None),
            revoked_at: Set(None),
            person_id: Set(person),
        };
        Ok(api_token::Entity::insert(row).exec(self.tx.as_ref()).await?.last_insert_id)
    }

    /// Ends a token's life; its name. None: the workspace has no such token that was not revoked before.
    pub async fn revoke_token(&self, id: i64, now: Instant) -> Result<Option<String>, StoreError> {
        let row = api_token::Entity::find_by_id(id)
            .filter(api_token::Column::WorkspaceId.eq(self.workspace))
            .filter(api_token::Column::RevokedAt.is_null())
            .one(self.tx.as_ref())
            .await?;
        let Some(row) = row else { return Ok(None) };
        api_token::Entity::update_many()
            .col_expr(api_token::Column::RevokedAt, micros(now).into())
            .filter(api_token::Column::Id.eq(id))
            .exec(self.tx.as_ref())
            .await?;
        Ok(Some(row.name))
    }
}

impl Store {
    /// The token with this hash, unless it has expired or was revoked.
    pub async fn token_by_hash(&self, hash: &str, now: Instant) -> Result<Option<LiveToken>, StoreError> {
        let select = Query::select()
            .columns([("t", "id"), ("t", "workspace_id"), ("t", "name"), ("t", "role")])
            .columns([("t", "expires_at"), ("t", "last_used_at"), ("t", "person_id")])
            .expr_as(Expr::col(("w", "name")), "workspace_name")
            .from_as("api_token", "t")
            .join_as(JoinType::InnerJoin, "workspace", "w", Expr::col(("w", "id")).equals(("t", "workspace_id")))
            .and_where(Expr::col(("t", "token_hash")).eq(hash))
            .and_where(Expr::col(("t", "expires_at")).gt(micros(now)))
            .and_where(Expr::col(("t", "revoked_at")).is_null())
            .to_owned();
        let (tx, _) = self.begin_read(Sight::Clerk).await?;
        let statement = tx.get_database_backend().build(&select);
        let row = LiveRow::find_by_statement(statement).one(&tx).await?;
        tx.rollback().await?;
        row.map(LiveToken::try_from).transpose()
    }

    /// Notes that the token was used, unless a use within [`LAST_USE_PRECISION`] is on record.
    pub async fn touch_token(&self, workspace: i64, id: i64, now: Instant) -> Result<(), StoreError> {
        let tx = self.begin_write(Sight::Workspace(workspace)).await?;
        let column = api_token::Column::LastUsedAt;
        let due = Condition::any().add(column.is_null()).add(column.lte(micros(now - LAST_USE_PRECISION)));
        api_token::Entity::update_many()
            .col_expr(column, micros(now).into())
            .filter(api_token::Column::Id.eq(id))
            .filter(due)
            .exec(&tx)
            .await?;
        Ok(tx.commit().await?)
    }

    /// Every token of the workspace, the oldest first.
    pub async fn tokens(&self, workspace: i64) -> Result<Vec<TokenView>, StoreError> {
        let (tx, _) = self.begin_read(Sight::Workspace(workspace)).await?;
        let rows = api_token::Entity::find()
            .filter(api_token::Column::WorkspaceId.eq(workspace))
            .order_by_asc(api_token::Column::Id)
            .all(&tx)
            .await?;
        rows.into_iter().map(TokenView::try_from).collect()
    }
}

impl TryFrom<LiveRow> for LiveToken {
    type Error = StoreError;

    fn try_from(row: LiveRow) -> Result<Self, StoreError> {
        let caller = Caller {
            workspace: row.workspace_id,
            workspace_name: row.workspace_name,
            key: format!("token:{}", row.id),
            name: row.name,
            role: role(&row.role)?,
            person: row.person_id.map_or(CallerPerson::Nobody, CallerPerson::Id),
            request_id: None,
        };
        Ok(Self {
            id: row.id,
            caller,
            expires_at: instant(row.expires_at),
            last_used_at: row.last_used_at.map(instant),
        })
    }
}

impl TryFrom<api_token::Model> for TokenView {
    type Error = StoreError;

    fn try_from(row: api_token::Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id,
            role: role(&row.role)?,
            name: row.name,
            created_at: instant(row.created_at),
            expires_at: instant(row.expires_at),
            last_used_at: row.last_used_at.map(instant),
            revoked_at: row.revoked_at.map(instant),
            person_id: row.person_id,
        })
    }
}

fn role(text: &str) -> Result<Role, StoreError> {
    word(text, Role::from_word, "api_token", "role")
}
