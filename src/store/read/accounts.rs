//! Accounts and their grants.

use std::collections::HashMap;

use sea_orm::FromQueryResult;
use sea_orm::sea_query::{Alias, Condition, Expr, ExprTrait, JoinType, Order, Query, SelectStatement};

use super::page::{Cursor, Direction, Keyset, Slice, SortKey, Window};
use super::{Reader, one_of};
use crate::domain::{AccountKind, AccountStatus, Grant, GrantPath, GrantScope, LinkSource};
use crate::store::StoreError;
use crate::store::convert::{UNDATED, from_json, instant, micros, word};
use crate::store::views::{AccountFlag, AccountView, GrantView};

#[derive(Debug, Clone, Default)]
pub struct AccountFilter {
    pub search: Option<String>,
    pub integration_id: Option<i64>,
    pub kind: Option<Vec<AccountKind>>,
    pub status: Option<Vec<AccountStatus>>,
    pub role: Option<String>,
    pub project_id: Option<i64>,
    pub person_id: Option<i64>,
    /// Accounts with any of these.
    pub flag: Option<Vec<AccountFlag>>,
    /// Accounts with all of these.
    pub all_flags: Option<Vec<AccountFlag>>,
    pub include_removed: bool,
    pub ids: Option<Vec<i64>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AccountOrder {
    #[default]
    Login,
    LastAuthenticatedAt,
    FirstSeenAt,
}

#[derive(FromQueryResult)]
struct Row {
    account_id: i64,
    integration_id: i64,
    scope_id: i64,
    document: String,
    login: String,
    privileged: bool,
    last_authenticated_at: i64,
    first_seen_at: i64,
    valid_to: Option<i64>,
    person_id: Option<i64>,
    source: Option<String>,
    leaves_at: Option<i64>,
}

#[derive(FromQueryResult)]
struct GrantRow {
    account_id: i64,
    role: String,
    scope: String,
    project_id: Option<i64>,
    via: String,
    team: Option<String>,
    project: Option<String>,
}

impl Reader {
    pub async fn accounts(
        &self,
        filter: &AccountFilter,
        order: AccountOrder,
        direction: Direction,
        window: &Window,
    ) -> Result<Slice<AccountView>, StoreError> {
        let mut select = self.select_accounts(filter, order == AccountOrder::FirstSeenAt);
        let (column, id) = match order {
            AccountOrder::Login => (("f", "login"), ("f", "account_id")),
            AccountOrder::LastAuthenticatedAt => (("f", "last_authenticated_at"), ("f", "account_id")),
            AccountOrder::FirstSeenAt => {
                select.and_where(Expr::col(("a", "workspace_id")).eq(self.workspace));
                (("a", "first_seen_at"), ("a", "id"))
            }
        };
        Keyset { column: Some(column), id, direction }.apply(&mut select, window);
        let rows = self.all::<Row>(&select).await?;
        let rows = rows.into_iter().map(|row| {
            let key = match order {
                AccountOrder::Login => SortKey::Text(row.login.clone()),
                AccountOrder::LastAuthenticatedAt => SortKey::Number(row.last_authenticated_at),
                AccountOrder::FirstSeenAt => SortKey::Number(row.first_seen_at),
            };
            let cursor = Cursor { key, id: row.account_id };
            Ok((self.account(row)?, cursor))
        });
        Ok(window.slice(rows.collect::<Result<_, StoreError>>()?))
    }

    pub async fn count_accounts(&self, filter: &AccountFilter) -> Result<u64, StoreError> {
        self.count(self.select_accounts(filter, false)).await
    }

    /// The same page, by login, of the accounts of each of these people. People without any are left out.
    pub async fn accounts_of(
        &self,
        people: &[i64],
        window: &Window,
    ) -> Result<HashMap<i64, Slice<AccountView>>, StoreError> {
        if let [only] = people {
            let filter = AccountFilter { person_id: Some(*only), ..AccountFilter::default() };
            let slice = self.accounts(&filter, AccountOrder::Login, Direction::Ascending, window).await?;
            return Ok(HashMap::from([(*only, slice)]));
        }
        let keyset = Keyset { column: Some(("f", "login")), id: ("f", "account_id"), direction: Direction::Ascending };
        let select = keyset.apply_each(self.accounts_below(people), window, ("l", "person_id"));
        let rows = self.all::<Row>(&select).await?.into_iter().filter_map(|row| {
            let cursor = Cursor { key: SortKey::Text(row.login.clone()), id: row.account_id };
            let view = self.account(row);
            view.map(|view| view.person_id.map(|id| (id, (view, cursor)))).transpose()
        });
        Ok(window.slices(rows.collect::<Result<Vec<_>, StoreError>>()?))
    }

    /// How many accounts each of these people has; those without any are left out.
    pub async fn count_accounts_of(&self, people: &[i64]) -> Result<HashMap<i64, u64>, StoreError> {
        self.count_each(self.accounts_below(people), ("l", "person_id")).await
    }

    fn accounts_below(&self, people: &[i64]) -> SelectStatement {
        let mut select = self.base_accounts(false, self.is_of_now(false));
        select.and_where(self.here("l", false)).and_where(Expr::col(("l", "person_id")).is_in(people.to_vec()));
        select
    }

    /// The accounts with these ids, removed ones too.
    pub async fn accounts_by_id(&self, ids: &[i64]) -> Result<Vec<AccountView>, StoreError> {
        let filter = AccountFilter { ids: Some(ids.to_vec()), include_removed: true, ..AccountFilter::default() };
        let select = self.select_accounts(&filter, false);
        self.all::<Row>(&select).await?.into_iter().map(|row| self.account(row)).collect()
    }

    /// Every grant of these accounts, by account id. Removed accounts show the grants they held last.
    pub async fn grants(&self, accounts: &[i64]) -> Result<HashMap<i64, Vec<GrantView>>, StoreError> {
        let select = Query::select()
            .columns(["account_id", "role", "scope", "project_id", "via", "team"].map(|column| ("g", column)))
            .expr_as(Expr::col(("p", "atlas_id")), Alias::new("project"))
            .from_as("role_grant", "g")
            .join_as(
                JoinType::InnerJoin,
                "account_fact",
                "f",
                Condition::all().add(Expr::col(("f", "account_id")).equals(("g", "account_id"))).add(self.latest(
                    "account_fact",
                    "f",
                    "account_id",
                )),
            )
            .join_as(JoinType::LeftJoin, "project", "p", Expr::col(("p", "id")).equals(("g", "project_id")))
            .and_where(Expr::col(("g", "workspace_id")).eq(self.workspace))
            .and_where(Expr::col(("g", "account_id")).is_in(accounts.to_vec()))
            .cond_where(self.valid_with("g", "f"))
            .order_by(("g", "scope"), Order::Asc)
            .order_by(("g", "role"), Order::Asc)
            .order_by(("g", "id"), Order::Asc)
            .to_owned();
        let mut grants: HashMap<i64, Vec<GrantView>> = HashMap::new();
        for row in self.all::<GrantRow>(&select).await? {
            let account = row.account_id;
            grants.entry(account).or_default().push(grant(row)?);
        }
        Ok(grants)
    }

    /// `by_identity`: found through their identities, which are in order.
    fn select_accounts(&self, filter: &AccountFilter, by_identity: bool) -> SelectStatement {
        let is_narrowed = filter.integration_id.is_some() || filter.person_id.is_some();
        let is_narrowed = is_narrowed && self.is_of_now(filter.include_removed);
        let mut select = self.base_accounts(filter.include_removed, is_narrowed || by_identity);
        if let Some(ids) = &filter.ids {
            select.and_where(Expr::col(("f", "account_id")).is_in(ids.clone()));
        }
        if let Some(search) = &filter.search {
            select.and_where(self.contains(("f", "search_text"), search));
        }
        if let Some(integration) = filter.integration_id {
            select.and_where(Expr::col(("f", "integration_id")).eq(integration));
        }
        if let Some(kinds) = &filter.kind {
            select.and_where(one_of(("f", "kind"), &kinds.iter().map(|word| word.word()).collect::<Vec<_>>()));
        }
        if let Some(statuses) = &filter.status {
            select.and_where(one_of(("f", "status"), &statuses.iter().map(|word| word.word()).collect::<Vec<_>>()));
        }
        if let Some(person) = filter.person_id {
            select.and_where(self.here("l", false)).and_where(Expr::col(("l", "person_id")).eq(person));
        }
        if filter.role.is_some() || filter.project_id.is_some() {
            select.and_where(Expr::exists(self.granted(filter)));
        }
        if let Some(flags) = &filter.flag {
            let any = flags.iter().fold(Condition::any(), |any, flag| any.add(self.flagged(*flag)));
            select.cond_where(if flags.is_empty() { Condition::all().add(Expr::val(1).eq(0)) } else { any });
        }
        for flag in filter.all_flags.iter().flatten() {
            select.cond_where(self.flagged(*flag));
        }
        select
    }

    /// Holds the role, and on the project where one is named.
    fn granted(&self, filter: &AccountFilter) -> SelectStatement {
        let mut granted = Query::select()
            .expr(Expr::val(1))
            .from_as("role_grant", "g")
            .and_where(Expr::col(("g", "workspace_id")).eq(self.workspace))
            .and_where(Expr::col(("g", "account_id")).equals(("f", "account_id")))
            .cond_where(self.riding("g", "f", filter.include_removed))
            .to_owned();
        if let Some(role) = &filter.role {
            granted.and_where(Expr::col(("g", "role")).eq(role.as_str()));
        }
        if let Some(project) = filter.project_id {
            granted.and_where(Expr::col(("g", "project_id")).eq(project));
        }
        granted
    }

    fn flagged(&self, flag: AccountFlag) -> Condition {
        let column = |name: &'static str| Expr::col(("f", name));
        let user = || Condition::all().add(column("kind").eq(AccountKind::User.word()));
        match flag {
            AccountFlag::Unassigned => Condition::all().add(Expr::col(("l", "person_id")).is_null()),
            AccountFlag::Leaver => Condition::all().add(Expr::col(("p", "leaves_at")).lte(self.clock)),
            AccountFlag::PendingInvitation => Condition::all().add(column("status").eq(AccountStatus::Pending.word())),
            AccountFlag::NeverAuthenticated => user()
                .add(column("status").eq(AccountStatus::Active.word()))
                .add(column("last_authenticated_at").eq(UNDATED)),
            AccountFlag::Dormant => {
                let signed_in_at = || column("last_authenticated_at");
                user().add(signed_in_at().gt(UNDATED)).add(signed_in_at().lt(micros(self.dormant_before())))
            }
            AccountFlag::Privileged => Condition::all().add(column("privileged").eq(true)),
        }
    }

    fn base_accounts(&self, include_removed: bool, is_narrowed: bool) -> SelectStatement {
        let fact = [
            "account_id",
            "integration_id",
            "scope_id",
            "document",
            "login",
            "privileged",
            "last_authenticated_at",
            "valid_to",
        ];
        let rows = if include_removed { self.latest("account_fact", "f", "account_id") } else { self.valid("f") };
        Query::select()
            .columns(fact.map(|column| ("f", column)))
            .columns([("l", "person_id"), ("l", "source")])
            .expr_as(Expr::col(("a", "first_seen_at")), Alias::new("first_seen_at"))
            .expr_as(Expr::col(("p", "leaves_at")), Alias::new("leaves_at"))
            .from_as("account_fact", "f")
            .join_as(JoinType::InnerJoin, "account", "a", Expr::col(("a", "id")).equals(("f", "account_id")))
            .join_as(
                JoinType::LeftJoin,
                "account_link",
                "l",
                Condition::all().add(Expr::col(("l", "account_id")).equals(("f", "account_id"))).add(self.riding(
                    "l",
                    "f",
                    include_removed,
                )),
            )
            .join_as(
                JoinType::LeftJoin,
                "person_fact",
                "p",
                Condition::all().add(Expr::col(("p", "person_id")).equals(("l", "person_id"))).add(self.valid("p")),
            )
            .and_where(self.here("f", is_narrowed))
            .cond_where(rows)
            .to_owned()
    }

    fn account(&self, row: Row) -> Result<AccountView, StoreError> {
        Ok(AccountView {
            id: row.account_id,
            integration_id: row.integration_id,
            scope_id: row.scope_id,
            account: from_json(&row.document, "account_fact", "document")?,
            privileged: row.privileged,
            person_id: row.person_id,
            person_source: row
                .source
                .map(|text| word(&text, LinkSource::from_word, "account_link", "source"))
                .transpose()?,
            leaver: row.leaves_at.is_some_and(|at| at <= self.clock),
            first_seen_at: instant(row.first_seen_at),
            removed_at: self.ended(row.valid_to),
        })
    }
}

fn grant(row: GrantRow) -> Result<GrantView, StoreError> {
    Ok(GrantView {
        grant: Grant {
            role: row.role,
            scope: word(&row.scope, GrantScope::from_word, "role_grant", "scope")?,
            project: row.project,
            via: word(&row.via, GrantPath::from_word, "role_grant", "via")?,
            team: row.team,
        },
        project_id: row.project_id,
    })
}
