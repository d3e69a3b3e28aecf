//! Writing people, and finding those that verdicts rest on.

use std::collections::{HashMap, HashSet};

use entity::{person, person_address, person_fact};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::{Alias, Condition, Expr, ExprTrait, Func, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, QueryFilter};

use super::{CHUNK, ROWS, Writer};
use crate::domain::resemblance::{local_part, name_key};
use crate::domain::{Instant, Person};
use crate::store::StoreError;
use crate::store::convert::{micros, to_json};
use crate::store::read::people::{PERSON_COLUMNS, PersonRow, person as person_of};

#[derive(Debug, Clone)]
pub struct StoredPerson {
    pub id: i64,
    pub person: Person,
}

#[derive(FromQueryResult)]
struct Id {
    id: i64,
}

/// So many people or addresses are looked for one by one; more among all of the workspace, each of which is read once.
const MOST: usize = 5_000;
/// The same for addresses on `PostgreSQL`, which without statistics would compare every one with every other.
const MOST_ADDRESSES: usize = 200;

impl Writer {
    /// Everybody, or only the people with these ids and those with these addresses (lower-cased).
    pub async fn people(&self, only: Option<(&[i64], &[String])>) -> Result<Vec<StoredPerson>, StoreError> {
        let wanted: Option<HashSet<i64>> = match only {
            None => None,
            Some((ids, addresses)) => {
                Some(self.people_at(addresses).await?.into_iter().chain(ids.iter().copied()).collect())
            }
        };
        if wanted.as_ref().is_some_and(HashSet::is_empty) {
            return Ok(Vec::new());
        }
        let mut select = Query::select()
            .columns(PERSON_COLUMNS)
            .from("person_fact")
            .and_where(Expr::col("workspace_id").eq(self.workspace))
            .and_where(Expr::col("valid_to").is_null())
            .to_owned();
        if let Some(wanted) = wanted.as_ref().filter(|wanted| wanted.len() <= MOST) {
            select.and_where(self.among("person_id", &wanted.iter().copied().collect::<Vec<_>>()));
        }
        let rows = self.all::<PersonRow>(&select).await?.into_iter().map(person_of);
        let mut people = Vec::new();
        for view in rows {
            let view = view?;
            if wanted.as_ref().is_none_or(|wanted| wanted.contains(&view.id)) {
                people.push(StoredPerson { id: view.id, person: view.person });
            }
        }
        Ok(people)
    }

    pub async fn count_people(&self) -> Result<u64, StoreError> {
        use sea_orm::PaginatorTrait;
        Ok(person::Entity::find()
            .filter(person::Column::WorkspaceId.eq(self.workspace))
            .count(self.tx.as_ref())
            .await?)
    }

    /// The ids of people with one of these addresses (lower-cased).
    pub async fn people_at(&self, addresses: &[String]) -> Result<Vec<i64>, StoreError> {
        #[derive(FromQueryResult)]
        struct Known {
            person_id: i64,
            address: String,
        }
        if addresses.is_empty() {
            return Ok(Vec::new());
        }
        let mut select = Query::select()
            .columns(["person_id", "address"])
            .from("person_address")
            .and_where(Expr::col("workspace_id").eq(self.workspace))
            .to_owned();
        let most = match self.tx.get_database_backend() {
            DbBackend::Postgres => MOST_ADDRESSES,
            _ => MOST,
        };
        if addresses.len() <= most {
            select.and_where(Expr::col("address").is_in(addresses.to_vec()));
        }
        let wanted: HashSet<&str> = addresses.iter().map(String::as_str).collect();
        let known = self.all::<Known>(&select).await?.into_iter();
        Ok(known.filter(|row| wanted.contains(row.address.as_str())).map(|row| row.person_id).collect())
    }

    /// Whether this workspace has such a person.
    pub async fn has_person(&self, id: i64) -> Result<bool, StoreError> {
        let found = person::Entity::find_by_id(id)
            .filter(person::Column::WorkspaceId.eq(self.workspace))
            .one(self.tx.as_ref())
            .await?;
        Ok(found.is_some())
    }

    /// Writes people, each with the instant from which it counts as having left. New ones have no id yet.
    pub async fn put_people(
        &self,
        people: Vec<(Option<i64>, Person, Option<Instant>)>,
    ) -> Result<Vec<i64>, StoreError> {
        let unknown = people.iter().filter(|(id, _, _)| id.is_none()).count();
        let mut fresh = self.new_people(unknown).await?.into_iter();
        let ids: Vec<i64> = people.iter().filter_map(|(id, _, _)| id.or_else(|| fresh.next())).collect();
        self.close("person_fact", "person_id", &ids).await?;
        for chunk in ids.chunks(CHUNK) {
            person_address::Entity::delete_many()
                .filter(person_address::Column::PersonId.is_in(chunk.to_vec()))
                .exec(self.tx.as_ref())
                .await?;
        }
        let (mut facts, mut addresses) = (Vec::new(), Vec::new());
        for (id, (_, person, leaves_at)) in ids.iter().zip(people) {
            for address in std::iter::once(&person.email).chain(&person.aliases) {
                addresses.push(person_address::ActiveModel {
                    id: NotSet,
                    workspace_id: Set(self.workspace),
                    person_id: Set(*id),
                    local_part: Set(local_part(address).to_owned()),
                    address: Set(address.clone()),
                });
            }
            facts.push(self.person_row(*id, person, leaves_at));
        }
        self.insert(facts).await?;
        self.insert(addresses).await?;
        Ok(ids)
    }

    /// Assets and accounts whose owner or person may be one of these people or answer to one of these addresses.
    pub async fn subjects_of(&self, people: &[i64], addresses: &[String]) -> Result<(Vec<i64>, Vec<i64>), StoreError> {
        let assets = Query::select()
            .expr_as(Expr::col("asset_id"), Alias::new("id"))
            .from("asset_standing")
            .and_where(Expr::col("workspace_id").eq(self.workspace))
            .and_where(Expr::col("valid_to").is_null())
            .cond_where(
                Condition::any()
                    .add(Expr::col("owner_id").is_in(people.to_vec()))
                    .add(Expr::expr(Func::lower(Expr::col("owner_tag"))).is_in(addresses.to_vec())),
            )
            .to_owned();
        let linked = Query::select()
            .column("account_id")
            .from("account_link")
            .and_where(Expr::col("person_id").is_in(people.to_vec()))
            .and_where(Expr::col("valid_to").is_null())
            .to_owned();
        let accounts = Query::select()
            .expr_as(Expr::col("account_id"), Alias::new("id"))
            .from("account_fact")
            .and_where(Expr::col("workspace_id").eq(self.workspace))
            .and_where(Expr::col("valid_to").is_null())
            .cond_where(
                Condition::any()
                    .add(Expr::col("email").is_in(addresses.to_vec()))
                    .add(Expr::col("account_id").in_subquery(linked)),
            )
            .to_owned();
        let ids = |rows: Vec<Id>| rows.into_iter().map(|row| row.id).collect();
        Ok((ids(self.all(&assets).await?), ids(self.all(&accounts).await?)))
    }

    /// Today's people by e-mail address.
    pub async fn people_by_email(&self, emails: &[String]) -> Result<HashMap<String, StoredPerson>, StoreError> {
        let ids = self.people_at(emails).await?;
        let people = self.people(Some((&ids, &[]))).await?;
        Ok(people.into_iter().map(|stored| (stored.person.email.clone(), stored)).collect())
    }

    /// So many new identities.
    async fn new_people(&self, count: usize) -> Result<Vec<i64>, StoreError> {
        let mut ids = Vec::with_capacity(count);
        for start in (0..count).step_by(ROWS) {
            let mut insert = Query::insert();
            insert.into_table("person").columns(["workspace_id", "created_at"]).returning_col("id");
            for _ in start..Ord::min(start + ROWS, count) {
                insert.values_panic([self.workspace.into(), self.at.into()]);
            }
            let statement = self.tx.get_database_backend().build(&insert);
            let rows = Id::find_by_statement(statement).all(self.tx.as_ref()).await?;
            ids.extend(rows.into_iter().map(|row| row.id));
        }
        Ok(ids)
    }

    fn person_row(&self, id: i64, person: Person, leaves_at: Option<Instant>) -> person_fact::ActiveModel {
        let words = std::iter::once(&person.full_name).chain(std::iter::once(&person.email)).chain(&person.aliases);
        let search: Vec<&str> = words.map(String::as_str).collect();
        person_fact::ActiveModel {
            id: NotSet,
            workspace_id: Set(self.workspace),
            person_id: Set(id),
            search_text: Set(search.join("\n").to_lowercase()),
            name_key: Set(name_key(&person.full_name)),
            sources: Set(to_json(&person.sources)),
            full_name: Set(person.full_name),
            email: Set(person.email),
            aliases: Set(to_json(&person.aliases)),
            status: Set(person.status.word().to_owned()),
            starts_on: Set(person.starts_on.map(|date| date.to_string())),
            ends_on: Set(person.ends_on.map(|date| date.to_string())),
            leaves_at: Set(leaves_at.map(micros)),
            valid_from: Set(self.at),
            valid_to: Set(None),
        }
    }
}
