//! An account: who or what can sign in, whose it is, and what it may do.

use std::sync::Arc;

use async_graphql::{Enum, ID, InputObject, Object};

use super::connection::{Counting, List, Page, PageArgs, connection};
use super::control_result::ControlResult;
use super::error::ApiError;
use super::filters::OrderDirection;
use super::grant::RoleGrant;
use super::ids::IdKind;
use super::integration::Integration;
use super::person::Person;
use super::scalars::DateTime;
use super::session::Moment;
use super::suggestion::{self, PersonSuggestion};
use crate::domain;
use crate::store::read::page::Direction;
use crate::store::read::{AccountFilter, AccountOrder as StoredOrder};
use crate::store::views::{self, AccountView, SubjectKind};

/// A kind of account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::AccountKind")]
pub enum AccountKind {
    /// A person's sign-in.
    User,
    /// An API key of the organization.
    ApiKey,
    /// A service account of the organization.
    ServiceAccount,
}

/// Whether an account can be used yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::AccountStatus")]
pub enum AccountStatus {
    /// It can be used.
    Active,
    /// It is an invitation that was not accepted yet.
    Pending,
}

/// How an account came by its person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::LinkSource")]
pub enum LinkSource {
    /// Its e-mail address is one of the person's.
    EmailMatch,
    /// Somebody linked it here. This outranks addresses.
    Manual,
}

/// What a reviewer should notice about an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "views::AccountFlag")]
pub enum AccountFlag {
    /// It is linked to no person.
    Unassigned,
    /// Its person's last day is over.
    Leaver,
    /// It is an invitation that was not accepted yet.
    PendingInvitation,
    /// It is a user who never signed in.
    NeverAuthenticated,
    /// It is a user who has not signed in for `SLATEGATE_DORMANT_AFTER_DAYS`, which are 90 unless set.
    Dormant,
    /// It holds a role that can change the organization or a project.
    Privileged,
}

#[derive(Clone)]
pub struct Account {
    moment: Arc<Moment>,
    view: Arc<AccountView>,
}

impl Account {
    pub fn new(moment: &Arc<Moment>, view: Arc<AccountView>) -> Self {
        Self { moment: Arc::clone(moment), view }
    }

    pub async fn find(moment: &Arc<Moment>, id: i64) -> Result<Option<Self>, ApiError> {
        Ok(moment.loaders.accounts.load_one(id).await?.map(|view| Self::new(moment, view)))
    }
}

/// Somebody or something that can sign in to the organization.
#[Object]
impl Account {
    /// The global id.
    pub(super) async fn id(&self) -> ID {
        self.moment.id(IdKind::Account, self.view.id)
    }

    /// The integration that it was read through.
    async fn integration(&self) -> Result<Integration, ApiError> {
        Integration::of(&self.moment, self.view.integration_id).await
    }

    /// What kind of account it is.
    async fn kind(&self) -> AccountKind {
        self.view.account.kind.into()
    }

    /// Whether it can be used yet.
    async fn status(&self) -> AccountStatus {
        self.view.account.status.into()
    }

    /// What it signs in with: a user name, a public key or a client id.
    async fn login(&self) -> &str {
        &self.view.account.login
    }

    /// The name that people gave it. Null when it has none.
    async fn display_name(&self) -> Option<&str> {
        self.view.account.display_name.as_deref()
    }

    /// Its e-mail address, in lower case. Null for API keys and service accounts.
    async fn email(&self) -> Option<&str> {
        self.view.account.email.as_deref()
    }

    /// The person whose it is. Null when it is linked to none.
    async fn person(&self) -> Result<Option<Person>, ApiError> {
        Person::find_some(&self.moment, self.view.person_id).await
    }

    /// How it came by its person. Null when it is linked to none.
    async fn person_source(&self) -> Option<LinkSource> {
        self.view.person_source.map(Into::into)
    }

    /// People whose it may be, the likeliest first, at most five. Empty when it is linked, and for past instants. Nothing
    /// links by itself: choose one with `linkAccount`.
    async fn suggested_people(&self) -> Result<Vec<PersonSuggestion>, ApiError> {
        suggestion::suggested(&self.moment, &self.view).await
    }

    /// Whether it holds a role that can change the organization or a project.
    async fn privileged(&self) -> bool {
        self.view.privileged
    }

    /// Every role that it holds, where, and why. A removed account shows what it held last.
    async fn grants(&self) -> Result<Vec<RoleGrant>, ApiError> {
        let grants = self.moment.loaders.grants.load_one(self.view.id).await?.unwrap_or_default();
        Ok(grants.into_iter().map(|view| RoleGrant::new(&self.moment, view)).collect())
    }

    /// What a reviewer should notice. Empty when nothing stands out.
    async fn flags(&self) -> Vec<AccountFlag> {
        self.view.flags(self.moment.reader.dormant_before()).into_iter().map(Into::into).collect()
    }

    /// When it was created in Atlas. Null where Atlas does not say.
    async fn created_at(&self) -> Option<DateTime> {
        self.view.account.created_at.map(DateTime)
    }

    /// When it last signed in. Null when it never did, or Atlas does not say.
    async fn last_authenticated_at(&self) -> Option<DateTime> {
        self.view.account.last_authenticated_at.map(DateTime)
    }

    /// When it was invited. Null when it was not, or Atlas does not say.
    async fn invited_at(&self) -> Option<DateTime> {
        self.view.account.invited_at.map(DateTime)
    }

    /// When a sync first found it.
    async fn first_seen_at(&self) -> DateTime {
        DateTime(self.view.first_seen_at)
    }

    /// When the list that it is in was last read to the end with it in it.
    async fn last_seen_at(&self) -> Result<DateTime, ApiError> {
        let (scope, first) = (self.view.scope_id, self.view.first_seen_at);
        self.moment.last_seen_at(scope, first, self.view.removed_at).await
    }

    /// When a sync found that it was gone. Null while it is there.
    async fn removed_at(&self) -> Option<DateTime> {
        self.view.removed_at.map(DateTime)
    }

    /// What each control says about it, by control key. Empty once it was removed.
    async fn control_results(&self) -> Result<Vec<ControlResult>, ApiError> {
        ControlResult::of_subject(&self.moment, SubjectKind::Account, self.view.id).await
    }
}

/// What accounts can be ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "StoredOrder")]
pub enum AccountOrderField {
    /// What it signs in with.
    Login,
    /// When it last signed in; what never did comes before everything.
    LastAuthenticatedAt,
    /// When a sync first found it.
    FirstSeenAt,
}

/// How to order accounts. Ties are broken in a stable way.
#[derive(Debug, Clone, Copy, InputObject)]
pub struct AccountOrder {
    /// What to order by.
    field: AccountOrderField,
    /// Which end comes first.
    direction: OrderDirection,
}

/// An order in the store's words, and its name in cursors.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sorted {
    pub order: StoredOrder,
    pub direction: Direction,
}

impl From<Option<AccountOrder>> for Sorted {
    fn from(order: Option<AccountOrder>) -> Self {
        order.map_or_else(Self::default, |order| Self { order: order.field.into(), direction: order.direction.into() })
    }
}

impl Sorted {
    const fn word(self) -> &'static str {
        match (self.order, self.direction) {
            (StoredOrder::Login, Direction::Ascending) => "LOGIN ASC",
            (StoredOrder::Login, Direction::Descending) => "LOGIN DESC",
            (StoredOrder::LastAuthenticatedAt, Direction::Ascending) => "LAST_AUTHENTICATED_AT ASC",
            (StoredOrder::LastAuthenticatedAt, Direction::Descending) => "LAST_AUTHENTICATED_AT DESC",
            (StoredOrder::FirstSeenAt, Direction::Ascending) => "FIRST_SEEN_AT ASC",
            (StoredOrder::FirstSeenAt, Direction::Descending) => "FIRST_SEEN_AT DESC",
        }
    }
}

pub async fn page(
    moment: &Arc<Moment>,
    filter: AccountFilter,
    sorted: Sorted,
    args: PageArgs,
) -> Result<AccountConnection, ApiError> {
    let list = List { name: "accounts", order: sorted.word() };
    let window = args.window(list)?;
    let slice = moment.reader.accounts(&filter, sorted.order, sorted.direction, &window).await?;
    let reader = moment.reader.clone();
    let count = move || -> Counting {
        let (reader, filter) = (reader.clone(), filter.clone());
        Box::pin(async move { Ok(reader.count_accounts(&filter).await?) })
    };
    Ok(AccountConnection(Page::new(list, &window, slice, |view| Account::new(moment, Arc::new(view)), count)))
}

/// A page of one person's accounts, read together with those of other people.
pub async fn page_of(moment: &Arc<Moment>, person: i64, args: PageArgs) -> Result<AccountConnection, ApiError> {
    let list = List { name: "accounts", order: Sorted::default().word() };
    let window = args.window(list)?;
    let slice = moment.loaders.accounts_of.load_one((person, window.clone())).await?.unwrap_or_default();
    let counted = Arc::clone(moment);
    let count = move || -> Counting {
        let moment = Arc::clone(&counted);
        Box::pin(async move { Ok(moment.loaders.account_counts.load_one(person).await?.unwrap_or(0)) })
    };
    Ok(AccountConnection(Page::new(list, &window, slice, |view| Account::new(moment, view), count)))
}

connection! {
    /// A page of accounts.
    AccountConnection,
    /// An account in a page.
    AccountEdge,
    Account
}
