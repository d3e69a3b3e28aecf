//! A connected organization: its state, its key and its runs.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object, SimpleObject};

use super::access::{self, Action};
use super::connection::{Counting, List, Page, PageArgs, connection};
use super::error::ApiError;
use super::ids::IdKind;
use super::provider::Provider;
use super::scalars::DateTime;
use super::session::Moment;
use super::sync_run::{self, SyncRun, SyncRunConnection};
use crate::domain;
use crate::store::views::{IntegrationFault, IntegrationView};

/// How an integration is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum IntegrationStatus {
    /// Connected, and nothing is wrong.
    Connected,
    /// A sync is queued or running.
    Syncing,
    /// Something is wrong that a person should look at: see `lastError`.
    Attention,
    /// Disconnected: its credentials are destroyed and its facts are history.
    Disconnected,
}

crate::words! {
    /// Why an integration needs attention, or a sync failed.
    #[derive(Enum)]
    IntegrationErrorCode {
        /// Atlas refuses the API key.
        CredentialsRejected = "CREDENTIALS_REJECTED",
        /// The key's access list does not hold this server's address.
        IpNotAllowed = "IP_NOT_ALLOWED",
        /// The key may not read what the product needs.
        RoleTooSmall = "ROLE_TOO_SMALL",
        /// Atlas has suspended the organization.
        OrganizationSuspended = "ORGANIZATION_SUSPENDED",
        /// Atlas asks for fewer requests.
        RateLimited = "RATE_LIMITED",
        /// Atlas cannot be reached or does not answer.
        AtlasUnavailable = "ATLAS_UNAVAILABLE",
        /// Atlas answered something that is not understood.
        UnexpectedResponse = "UNEXPECTED_RESPONSE",
        /// A sync would remove so much that a second complete read or a person must agree first.
        HeldForConfirmation = "HELD_FOR_CONFIRMATION",
        /// Reading Atlas took longer than a sync may take.
        SyncTooLong = "SYNC_TOO_LONG",
        /// The sync broke off again and again, or the processes that ran it died.
        SyncStuck = "SYNC_STUCK",
        /// The integration was disconnected before the sync had ended.
        Disconnected = "DISCONNECTED",
    }
}

/// What is wrong with an integration or a sync, and what to do about it.
#[derive(Debug, SimpleObject)]
pub struct IntegrationError {
    /// The kind of problem.
    code: IntegrationErrorCode,
    /// The problem, in a sentence for a person.
    message: String,
    /// What a person can do about it.
    remedy: String,
    /// When it happened.
    occurred_at: DateTime,
}

impl From<IntegrationFault> for IntegrationError {
    fn from(fault: IntegrationFault) -> Self {
        Self {
            code: IntegrationErrorCode::from_word(&fault.code).unwrap_or(IntegrationErrorCode::UnexpectedResponse),
            message: fault.message,
            remedy: fault.remedy,
            occurred_at: DateTime(fault.occurred_at),
        }
    }
}

/// Whether a key fits its purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::KeyVerdict")]
pub enum KeyVerdict {
    /// It reads the whole organization and changes nothing.
    Fit,
    /// It sees only some projects.
    TooWeak,
    /// It can change something in Atlas: replace it with one that only reads.
    TooStrong,
}

/// What an API key may do, against what the product needs.
#[derive(Debug, SimpleObject)]
pub struct KeyFitness {
    /// The verdict over all its roles.
    verdict: KeyVerdict,
    /// Every role it holds, as Atlas spells them, the organization's first.
    roles: Vec<String>,
    /// Roles that it needs and does not hold.
    missing: Vec<String>,
    /// Roles that it holds and that reading does not need.
    excess: Vec<String>,
    /// Whether it works only from the addresses on its access list.
    access_listed: bool,
}

impl From<&domain::KeyProfile> for KeyFitness {
    fn from(key: &domain::KeyProfile) -> Self {
        Self {
            verdict: key.verdict().into(),
            roles: key.roles(),
            missing: key.missing(),
            excess: key.excess(),
            access_listed: key.access_listed,
        }
    }
}

#[derive(Clone)]
pub struct Integration {
    moment: Arc<Moment>,
    view: Arc<IntegrationView>,
}

impl Integration {
    pub fn new(moment: &Arc<Moment>, view: Arc<IntegrationView>) -> Self {
        Self { moment: Arc::clone(moment), view }
    }

    pub async fn find(moment: &Arc<Moment>, id: i64) -> Result<Option<Self>, ApiError> {
        Ok(moment.loaders.integrations.load_one(id).await?.map(|view| Self::new(moment, view)))
    }

    /// The integration that a stored row refers to.
    pub async fn of(moment: &Arc<Moment>, id: i64) -> Result<Self, ApiError> {
        Self::find(moment, id).await?.ok_or_else(|| {
            tracing::error!(integration.id = id, "a row refers to an integration that is not there");
            ApiError::Internal
        })
    }

    pub async fn page(moment: &Arc<Moment>, args: PageArgs) -> Result<IntegrationConnection, ApiError> {
        let list = List { name: "integrations", order: "" };
        let window = args.window(list)?;
        let slice = moment.reader.integrations(&window).await?;
        let counted = moment.reader.clone();
        let count = move || -> Counting {
            let reader = counted.clone();
            Box::pin(async move { Ok(reader.count_integrations().await?) })
        };
        Ok(IntegrationConnection(Page::new(list, &window, slice, |view| Self::new(moment, Arc::new(view)), count)))
    }
}

connection! {
    /// A page of integrations, in the order in which they were first connected.
    IntegrationConnection,
    /// An integration in a page.
    IntegrationEdge,
    Integration
}

/// An organization that was connected, and how it is doing. Shown as it is now, whatever instant is asked for.
#[Object]
impl Integration {
    /// The global id.
    pub(super) async fn id(&self) -> ID {
        self.moment.id(IdKind::Integration, self.view.id)
    }

    /// What it is an integration with.
    async fn provider(&self) -> Provider {
        Provider(Arc::clone(&self.moment))
    }

    /// How it is doing.
    async fn status(&self) -> Result<IntegrationStatus, ApiError> {
        if self.view.disconnected_at.is_some() {
            return Ok(IntegrationStatus::Disconnected);
        }
        let latest = self.moment.loaders.latest_runs.load_one(self.view.id).await?.unwrap_or_default();
        Ok(match (&latest.current, &self.view.error) {
            (Some(_), _) => IntegrationStatus::Syncing,
            (None, Some(_)) => IntegrationStatus::Attention,
            (None, None) => IntegrationStatus::Connected,
        })
    }

    /// Atlas's own id of the organization, 24 hex digits.
    async fn organization_id(&self) -> &str {
        &self.view.organization_id
    }

    /// The organization's name in Atlas.
    async fn organization_name(&self) -> &str {
        &self.view.organization_name
    }

    /// The public half of the API key. Callers who may not manage integrations see only its beginning.
    #[expect(clippy::unused_async, reason = "the derive asks for async resolvers")]
    async fn public_key(&self, ctx: &Context<'_>) -> Result<String, ApiError> {
        let caller = access::require(ctx, Action::Read)?;
        let key = &self.view.public_key;
        Ok(if Action::ManageIntegrations.is_allowed(caller.role) { key.clone() } else { masked(key) })
    }

    /// What the API key may do, against what the product needs.
    async fn key_fitness(&self) -> KeyFitness {
        KeyFitness::from(&self.view.key)
    }

    /// When it was connected, the last time if more than once.
    async fn connected_at(&self) -> DateTime {
        DateTime(self.view.connected_at)
    }

    /// When it was disconnected. Null while it is connected.
    async fn disconnected_at(&self) -> Option<DateTime> {
        self.view.disconnected_at.map(DateTime)
    }

    /// When the next sync is due. Null when it is disconnected or none is planned.
    async fn next_sync_at(&self) -> Option<DateTime> {
        self.view.next_run_at.filter(|_| self.view.disconnected_at.is_none()).map(DateTime)
    }

    /// The last sync that ended, well or not. Null before the first has ended.
    async fn last_sync(&self) -> Result<Option<SyncRun>, ApiError> {
        let latest = self.moment.loaders.latest_runs.load_one(self.view.id).await?.unwrap_or_default();
        Ok(latest.ended.map(|run| SyncRun::new(&self.moment, run)))
    }

    /// The sync that is queued or running. Null when none is.
    async fn current_sync(&self) -> Result<Option<SyncRun>, ApiError> {
        let latest = self.moment.loaders.latest_runs.load_one(self.view.id).await?.unwrap_or_default();
        Ok(latest.current.map(|run| SyncRun::new(&self.moment, run)))
    }

    /// The sync that withheld removals for `confirmHeldSync` or a second complete read: see its `withheld`. Null when no
    /// removal is withheld.
    async fn held_sync(&self) -> Result<Option<SyncRun>, ApiError> {
        match self.view.held_run_id {
            Some(run) => SyncRun::find(&self.moment, run).await,
            None => Ok(None),
        }
    }

    /// What is wrong. Null when nothing is.
    async fn last_error(&self) -> Option<IntegrationError> {
        self.view.error.clone().map(IntegrationError::from)
    }

    /// Its syncs, the newest first.
    async fn sync_runs(
        &self,
        #[graphql(desc = "How many from the start: 0 to 500, 50 when neither `first` nor `last` is given.")]
        first: Option<i32>,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end: 0 to 500. Not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
    ) -> Result<SyncRunConnection, ApiError> {
        sync_run::page_of(&self.moment, self.view.id, PageArgs { first, after, last, before }).await
    }
}

fn masked(key: &str) -> String {
    key.chars().take(4).chain("****".chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masked_key_shows_its_first_four_characters() {
        assert_eq!(masked("abcdefgh"), "abcd****");
    }

    #[test]
    fn a_fault_with_a_word_of_tomorrow_is_an_unexpected_response() {
        let fault = |code: &str| IntegrationFault {
            code: code.to_owned(),
            message: String::new(),
            remedy: String::new(),
            occurred_at: chrono::DateTime::UNIX_EPOCH,
        };

        assert_eq!(IntegrationError::from(fault("IP_NOT_ALLOWED")).code, IntegrationErrorCode::IpNotAllowed);
        assert_eq!(IntegrationError::from(fault("NEW")).code, IntegrationErrorCode::UnexpectedResponse);
    }
}
