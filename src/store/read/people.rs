//! Personnel.

use sea_orm::FromQueryResult;
use sea_orm::sea_query::{Expr, ExprTrait, Order, Query, SelectStatement, UnionType};

use super::page::{Cursor, Direction, Keyset, Slice, SortKey, Window};
use super::{Reader, one_of};
use crate::domain::{EmploymentStatus, Person};
use crate::store::StoreError;
use crate::store::convert::{date, from_json, word};
use crate::store::views::PersonView;

/// People who may be meant by the accounts of one page.
const MOST_ALIKE: u64 = 2_000;

#[derive(Debug, Clone, Default)]
pub struct PersonFilter {
    pub search: Option<String>,
    pub status: Option<Vec<EmploymentStatus>>,
}

#[derive(FromQueryResult)]
pub(in crate::store) struct PersonRow {
    person_id: i64,
    full_name: String,
    email: String,
    aliases: String,
    status: String,
    starts_on: Option<String>,
    ends_on: Option<String>,
    sources: String,
}

pub(in crate::store) const PERSON_COLUMNS: [&str; 8] =
    ["person_id", "full_name", "email", "aliases", "status", "starts_on", "ends_on", "sources"];

impl Reader {
    /// People by e-mail address.
    pub async fn people(&self, filter: &PersonFilter, window: &Window) -> Result<Slice<PersonView>, StoreError> {
        let mut select = self.select_people(filter);
        Keyset { column: Some(("f", "email")), id: ("f", "person_id"), direction: Direction::Ascending }
            .apply(&mut select, window);
        let rows = self.all::<PersonRow>(&select).await?.into_iter().map(|row| {
            let cursor = Cursor { key: SortKey::Text(row.email.clone()), id: row.person_id };
            Ok((person(row)?, cursor))
        });
        Ok(window.slice(rows.collect::<Result<_, StoreError>>()?))
    }

    pub async fn count_people(&self, filter: &PersonFilter) -> Result<u64, StoreError> {
        self.count(self.select_people(filter)).await
    }

    pub async fn people_by_id(&self, ids: &[i64]) -> Result<Vec<PersonView>, StoreError> {
        let mut select = self.select_people(&PersonFilter::default());
        select.and_where(Expr::col(("f", "person_id")).is_in(ids.to_vec()));
        self.all::<PersonRow>(&select).await?.into_iter().map(person).collect()
    }

    /// The one person who has this address today, in lower case; None where there is nobody, or more than one.
    pub async fn person_at(&self, address: &str) -> Result<Option<i64>, StoreError> {
        #[derive(FromQueryResult)]
        struct Row {
            person_id: i64,
        }
        let select = Query::select()
            .column("person_id")
            .from("person_address")
            .and_where(Expr::col("workspace_id").eq(self.workspace))
            .and_where(Expr::col("address").eq(address))
            .limit(2)
            .to_owned();
        Ok(match self.all::<Row>(&select).await?.as_slice() {
            [row] => Some(row.person_id),
            _ => None,
        })
    }

    /// Today's people with one of these local parts in an address, or one of these names, as
    /// [`crate::domain::resemblance`] spells both. At most 2,000.
    pub async fn people_alike(&self, locals: &[String], names: &[String]) -> Result<Vec<PersonView>, StoreError> {
        let bearers = Query::select()
            .column(("n", "person_id"))
            .from_as("person_fact", "n")
            .and_where(Expr::col(("n", "workspace_id")).eq(self.workspace))
            .and_where(Expr::col(("n", "name_key")).is_in(names.to_vec()))
            .and_where(Expr::col(("n", "valid_to")).is_null())
            .to_owned();
        let mut alike = Query::select()
            .column(("d", "person_id"))
            .from_as("person_address", "d")
            .and_where(Expr::col(("d", "workspace_id")).eq(self.workspace))
            .and_where(Expr::col(("d", "local_part")).is_in(locals.to_vec()))
            .to_owned();
        alike.union(UnionType::Distinct, bearers);
        let select = Query::select()
            .columns(PERSON_COLUMNS.map(|column| ("f", column)))
            .from_as("person_fact", "f")
            .and_where(Expr::col(("f", "workspace_id")).add(0).eq(self.workspace))
            .and_where(Expr::col(("f", "person_id")).in_subquery(alike))
            .and_where(Expr::col(("f", "valid_to")).is_null())
            .order_by(("f", "email"), Order::Asc)
            .limit(MOST_ALIKE)
            .to_owned();
        self.all::<PersonRow>(&select).await?.into_iter().map(person).collect()
    }

    fn select_people(&self, filter: &PersonFilter) -> SelectStatement {
        let mut select = Query::select()
            .columns(PERSON_COLUMNS.map(|column| ("f", column)))
            .from_as("person_fact", "f")
            .and_where(Expr::col(("f", "workspace_id")).eq(self.workspace))
            .cond_where(self.valid("f"))
            .to_owned();
        if let Some(search) = &filter.search {
            select.and_where(self.contains(("f", "search_text"), search));
        }
        if let Some(statuses) = &filter.status {
            select.and_where(one_of(("f", "status"), &statuses.iter().map(|word| word.word()).collect::<Vec<_>>()));
        }
        select
    }
}

pub(in crate::store) fn person(row: PersonRow) -> Result<PersonView, StoreError> {
    Ok(PersonView {
        id: row.person_id,
        person: Person {
            full_name: row.full_name,
            email: row.email,
            aliases: from_json(&row.aliases, "person_fact", "aliases")?,
            status: word(&row.status, EmploymentStatus::from_word, "person_fact", "status")?,
            starts_on: date(row.starts_on.as_deref()),
            ends_on: date(row.ends_on.as_deref()),
            sources: from_json(&row.sources, "person_fact", "sources")?,
        },
    })
}
