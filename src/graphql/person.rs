//! Personnel: who accounts belong to and who owns assets.

use std::sync::Arc;

use async_graphql::{Enum, ID, Object, SimpleObject};

use super::account::{self, AccountConnection};
use super::asset::{self, AssetConnection};
use super::connection::{Counting, List, Page, PageArgs, connection};
use super::error::ApiError;
use super::ids::IdKind;
use super::scalars::Date;
use super::session::Moment;
use crate::domain;
use crate::store::read::{AssetParent, PersonFilter};
use crate::store::views::PersonView;

/// Whether a person works here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::EmploymentStatus")]
pub enum EmploymentStatus {
    /// Works here, until `endsOn` if that is set.
    Active,
    /// Has left.
    Left,
}

/// A value of a person that has a source of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::PersonField")]
pub enum PersonField {
    /// The full name.
    FullName,
    /// The further e-mail addresses.
    Aliases,
    /// Whether the person works here.
    Status,
    /// The first day of employment.
    StartsOn,
    /// The last day of employment.
    EndsOn,
}

/// Where a value of a person comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::ValueSource")]
pub enum ValueSource {
    /// Somebody entered it here, with `upsertPerson`.
    Manual,
    /// It was imported from CSV text, with `importPeople`.
    Import,
    /// An identity provider sent it, by SCIM.
    Scim,
}

/// Where one value of a person comes from, and whether it gives way.
#[derive(Debug, Clone, Copy, SimpleObject)]
pub struct PersonSource {
    /// Which value it is.
    field: PersonField,
    /// Where it comes from: who changed it last.
    source: ValueSource,
    /// Whether somebody chose, with `UpsertPersonInput.keep`, that imports and SCIM leave it alone.
    kept: bool,
}

#[derive(Clone)]
pub struct Person {
    moment: Arc<Moment>,
    view: Arc<PersonView>,
}

impl Person {
    pub fn new(moment: &Arc<Moment>, view: Arc<PersonView>) -> Self {
        Self { moment: Arc::clone(moment), view }
    }

    pub async fn find(moment: &Arc<Moment>, id: i64) -> Result<Option<Self>, ApiError> {
        Ok(moment.loaders.people.load_one(id).await?.map(|view| Self::new(moment, view)))
    }

    pub async fn find_some(moment: &Arc<Moment>, id: Option<i64>) -> Result<Option<Self>, ApiError> {
        match id {
            Some(id) => Self::find(moment, id).await,
            None => Ok(None),
        }
    }
}

pub async fn page(moment: &Arc<Moment>, filter: PersonFilter, args: PageArgs) -> Result<PersonConnection, ApiError> {
    let list = List { name: "people", order: "EMAIL ASC" };
    let window = args.window(list)?;
    let slice = moment.reader.people(&filter, &window).await?;
    let reader = moment.reader.clone();
    let count = move || -> Counting {
        let (reader, filter) = (reader.clone(), filter.clone());
        Box::pin(async move { Ok(reader.count_people(&filter).await?) })
    };
    Ok(PersonConnection(Page::new(list, &window, slice, |view| Person::new(moment, Arc::new(view)), count)))
}

connection! {
    /// A page of people, by e-mail address.
    PersonConnection,
    /// A person in a page.
    PersonEdge,
    Person
}

/// Somebody of the personnel.
#[Object]
impl Person {
    /// The global id.
    pub(super) async fn id(&self) -> ID {
        self.moment.id(IdKind::Person, self.view.id)
    }

    /// The person's full name.
    async fn full_name(&self) -> &str {
        &self.view.person.full_name
    }

    /// The e-mail address that tells people apart, in lower case.
    async fn email(&self) -> &str {
        &self.view.person.email
    }

    /// Further e-mail addresses, in lower case.
    async fn aliases(&self) -> &[String] {
        &self.view.person.aliases
    }

    /// Whether the person works here.
    async fn status(&self) -> EmploymentStatus {
        self.view.person.status.into()
    }

    /// The first day of employment. Null when it is not known.
    async fn starts_on(&self) -> Option<Date> {
        self.view.person.starts_on.map(Date)
    }

    /// The last day of employment, itself included. Null when none is known.
    async fn ends_on(&self) -> Option<Date> {
        self.view.person.ends_on.map(Date)
    }

    /// Where the values come from. A value that was never given is missing, and so is one of before sources were noted.
    async fn sources(&self) -> Vec<PersonSource> {
        let sources = &self.view.person.sources;
        let source = |(field, from): (&domain::PersonField, &domain::Provenance)| PersonSource {
            field: (*field).into(),
            source: from.source.into(),
            kept: from.kept,
        };
        sources.iter().map(source).collect()
    }

    /// The accounts that are linked to the person, by login: the person's whole access.
    async fn accounts(
        &self,
        #[graphql(desc = "How many from the start: 0 to 500, 50 when neither `first` nor `last` is given.")]
        first: Option<i32>,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end: 0 to 500. Not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
    ) -> Result<AccountConnection, ApiError> {
        account::page_of(&self.moment, self.view.id, PageArgs { first, after, last, before }).await
    }

    /// The assets that the person owns, by name.
    async fn owned_assets(
        &self,
        #[graphql(desc = "How many from the start: 0 to 500, 50 when neither `first` nor `last` is given.")]
        first: Option<i32>,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end: 0 to 500. Not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
    ) -> Result<AssetConnection, ApiError> {
        let args = PageArgs { first, after, last, before };
        asset::page_of(&self.moment, AssetParent::Owner, self.view.id, args).await
    }
}
