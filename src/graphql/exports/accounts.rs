//! Accounts: who can sign in, whose they are and what they may do, a row each.

use std::sync::Arc;

use async_graphql::{Context, Object};
use futures_util::FutureExt as _;
use futures_util::future::try_join_all;
use tokio::try_join;

use super::super::account::{AccountOrder, Sorted};
use super::super::error::ApiError;
use super::super::filters::AccountFilter;
use super::super::ids::IdKind;
use super::super::provider::ATLAS;
use super::super::scalars::DateTime;
use super::super::session::Moment;
use super::{AS_OF, FILTER, Kind, ORDER_BY, Reading, Table, names, parted, want, window};
use crate::domain::LinkSource;
use crate::export::{Cell, Column, Row};
use crate::store::read::page::Cursor;
use crate::store::{read, views};

pub const KIND: Kind = Kind {
    name: "accounts",
    is_of_one: false,
    parameters: &[FILTER, ORDER_BY, AS_OF],
    document: "query($filter: AccountFilter, $orderBy: AccountOrder, $asOf: DateTime) {
        accounts(filter: $filter, orderBy: $orderBy, asOf: $asOf) }",
};

const COLUMNS: &[Column] = &[
    Column::new("platform", 15),
    Column::new("organization", 20),
    Column::new("login", 32),
    Column::new("displayName", 24),
    Column::new("kind", 16),
    Column::new("status", 10),
    Column::new("email", 32),
    Column::new("person", 24),
    Column::new("personEmail", 32),
    Column::new("personSource", 14),
    Column::new("privileged", 11),
    Column::new("flags", 32),
    Column::new("roles", 60),
    Column::instant("createdAt"),
    Column::instant("lastAuthenticatedAt"),
    Column::instant("invitedAt"),
    Column::instant("firstSeenAt"),
    Column::instant("lastSeenAt"),
    Column::instant("removedAt"),
    Column::new("id", 24),
];

#[derive(Default)]
pub struct AccountParameters;

#[Object]
impl AccountParameters {
    async fn accounts(
        &self,
        ctx: &Context<'_>,
        filter: Option<AccountFilter>,
        order_by: Option<AccountOrder>,
        as_of: Option<DateTime>,
    ) -> bool {
        want(ctx, as_of, Accounts { filter: filter.unwrap_or_default().into(), sorted: order_by.into() })
    }
}

struct Accounts {
    filter: read::AccountFilter,
    sorted: Sorted,
}

impl Table for Accounts {
    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn page<'a>(&'a self, moment: &'a Arc<Moment>, after: Option<Cursor>) -> Reading<'a> {
        async move {
            let Sorted { order, direction } = self.sorted;
            let slice = moment.reader.accounts(&self.filter, order, direction, &window(after)).await?;
            let (views, end) = parted(slice);
            Ok((try_join_all(views.iter().map(|view| row(moment, view))).await?, end))
        }
        .boxed()
    }
}

async fn row(moment: &Moment, view: &views::AccountView) -> Result<Row, ApiError> {
    let account = &view.account;
    // Together, so that the rows of a page ask for each kind of thing at the same time.
    let (organization, [person, person_email], grants, last_seen_at) = try_join!(
        names::organization(moment, view.integration_id),
        names::person_cells(moment, view.person_id),
        moment.loaders.grants.load_one(view.id),
        moment.last_seen_at(view.scope_id, view.first_seen_at, view.removed_at),
    )?;
    let grants = grants.unwrap_or_default();
    let roles = try_join_all(grants.iter().map(|grant| names::role(moment, grant))).await?;
    let flags = view.flags(moment.reader.dormant_before()).into_iter().map(views::AccountFlag::word);
    let cells = vec![
        ATLAS.into(),
        organization,
        account.login.as_str().into(),
        Cell::some(account.display_name.as_deref()),
        account.kind.word().into(),
        account.status.word().into(),
        Cell::some(account.email.as_deref()),
        person,
        person_email,
        Cell::some(view.person_source.map(LinkSource::word)),
        view.privileged.into(),
        Cell::list(flags),
        Cell::list(roles),
        Cell::some(account.created_at),
        Cell::some(account.last_authenticated_at),
        Cell::some(account.invited_at),
        view.first_seen_at.into(),
        last_seen_at.0.into(),
        Cell::some(view.removed_at),
        moment.id(IdKind::Account, view.id).as_str().into(),
    ];
    Ok(Row { platform: ATLAS, cells })
}
