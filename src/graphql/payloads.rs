//! What mutations answer: the changed things, and why not if not.

use async_graphql::{Enum, SimpleObject};

use super::account::Account;
use super::api_token::ApiToken;
use super::asset::Asset;
use super::integration::Integration;
use super::person::Person;
use super::review::AccessReview;
use super::sync_run::SyncRun;
use crate::sync::{self, Refusal};

/// Why something that was asked for is refused, or done with a warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "sync::RefusalCode")]
pub enum UserErrorCode {
    /// The input is not what it should be.
    Invalid,
    /// There is no such thing in this workspace.
    NotFound,
    /// It is somebody else's to do.
    Forbidden,
    /// It contradicts something that is there already.
    Conflict,
    /// The organization is connected already: rotate its credentials instead.
    AlreadyConnected,
    /// Atlas refuses the API key.
    CredentialsRejected,
    /// The key's access list does not hold this server's address.
    IpNotAllowed,
    /// The key may not read what the product needs.
    RoleTooSmall,
    /// Atlas has suspended the organization.
    OrganizationSuspended,
    /// Atlas cannot be reached or does not answer.
    AtlasUnavailable,
    /// Atlas asks for fewer requests.
    RateLimited,
    /// A sync is under way.
    SyncInProgress,
    /// The key belongs to another organization.
    WrongOrganization,
    /// The key can change something in Atlas.
    KeyTooStrong,
    /// The organization has no projects.
    OrganizationEmpty,
    /// The key sees only some projects.
    PartialView,
}

/// An expected refusal, or a warning beside a success.
#[derive(Debug, Clone, SimpleObject)]
pub struct UserError {
    /// Why.
    code: UserErrorCode,
    /// Why, in a sentence for a person.
    message: String,
    /// What a person can do about it. Null when there is nothing to say.
    remedy: Option<String>,
    /// The path of the input field at fault, such as `["input", "publicKey"]`. Null when no single field is.
    field: Option<Vec<String>>,
}

impl From<Refusal> for UserError {
    fn from(refusal: Refusal) -> Self {
        Self { code: refusal.code.into(), message: refusal.message, remedy: refusal.remedy, field: refusal.field }
    }
}

impl UserError {
    pub fn all(refusals: Vec<Refusal>) -> Vec<Self> {
        refusals.into_iter().map(Self::from).collect()
    }
}

/// What connecting an organization did.
#[derive(Default, SimpleObject)]
pub struct ConnectMongoDbAtlasPayload {
    /// The integration. Null when it was refused.
    pub integration: Option<Integration>,
    /// The first sync, queued. Null when it was refused.
    pub sync_run: Option<SyncRun>,
    /// What is wrong with the key although it was accepted.
    pub warnings: Vec<UserError>,
    /// Why it was refused. Empty when it was done.
    pub user_errors: Vec<UserError>,
}

/// What disconnecting did.
#[derive(Default, SimpleObject)]
pub struct DisconnectIntegrationPayload {
    /// The integration as it is now. Null when it was purged or refused.
    pub integration: Option<Integration>,
    /// Why it was refused. Empty when it was done.
    pub user_errors: Vec<UserError>,
}

/// What replacing an API key did.
#[derive(Default, SimpleObject)]
pub struct RotateCredentialsPayload {
    /// The integration with its new key. Null when it was refused.
    pub integration: Option<Integration>,
    /// What is wrong with the key although it was accepted.
    pub warnings: Vec<UserError>,
    /// Why it was refused; the old key is kept then. Empty when it was done.
    pub user_errors: Vec<UserError>,
}

/// What asking for a sync did.
#[derive(Default, SimpleObject)]
pub struct SyncIntegrationPayload {
    /// The queued sync, or the one that is under way already. Null when it was refused for another reason.
    pub sync_run: Option<SyncRun>,
    /// Why no new sync was queued. Empty when one was.
    pub user_errors: Vec<UserError>,
}

/// What confirming withheld removals did.
#[derive(Default, SimpleObject)]
pub struct ConfirmHeldSyncPayload {
    /// The integration as it is now. Null when it was refused.
    pub integration: Option<Integration>,
    /// The sync whose removals were confirmed. Null when it was refused.
    pub sync_run: Option<SyncRun>,
    /// How many projects, clusters and accounts were removed.
    pub removed: i32,
    /// Why it was refused; nothing was removed then. Empty when it was done.
    pub user_errors: Vec<UserError>,
}

/// What editing an asset did.
#[derive(Default, SimpleObject)]
pub struct UpdateAssetPayload {
    /// The asset as it is now. Null when it was refused.
    pub asset: Option<Asset>,
    /// Why it was refused; nothing was changed then. Empty when it was done.
    pub user_errors: Vec<UserError>,
}

/// What linking an account did.
#[derive(Default, SimpleObject)]
pub struct LinkAccountPayload {
    /// The account as it is now. Null when it was refused.
    pub account: Option<Account>,
    /// Why it was refused; nothing was changed then. Empty when it was done.
    pub user_errors: Vec<UserError>,
}

/// What creating or changing a person did.
#[derive(Default, SimpleObject)]
pub struct UpsertPersonPayload {
    /// The person as they are now. Null when it was refused.
    pub person: Option<Person>,
    /// Why it was refused; nothing was changed then. Empty when it was done.
    pub user_errors: Vec<UserError>,
}

/// What importing people did: all rows or none.
#[derive(Debug, Default, SimpleObject)]
pub struct ImportPeoplePayload {
    /// How many people were created. After a dry run this and what follows is what would be.
    pub created: i32,
    /// How many people were changed.
    pub updated: i32,
    /// How many people were already as their row says.
    pub unchanged: i32,
    /// How many people were marked as `LEFT` because a full import has no row of them.
    pub left: i32,
    /// How many values stayed, against their row, because somebody chose to keep them.
    pub kept: i32,
    /// The e-mail addresses of those who were marked as `LEFT`, in order, at most 100.
    pub leavers: Vec<String>,
    /// Why it was refused, one entry for each bad row, named by its line. Empty when it was done.
    pub user_errors: Vec<UserError>,
}

/// A started access review.
#[derive(Default, SimpleObject)]
pub struct StartAccessReviewPayload {
    /// The review. Null when it was refused.
    pub access_review: Option<AccessReview>,
    /// Why it was refused. Empty when it was done.
    pub user_errors: Vec<UserError>,
}

/// Decisions about items of an access review.
#[derive(Default, SimpleObject)]
pub struct DecideAccessReviewItemsPayload {
    /// The review afterwards. Null when it was refused.
    pub access_review: Option<AccessReview>,
    /// How many items were decided.
    pub decided: i32,
    /// Why it was refused, one entry for each item that the caller may not decide on. Empty when it was done.
    pub user_errors: Vec<UserError>,
}

/// Items of an access review with another reviewer.
#[derive(Default, SimpleObject)]
pub struct ReassignAccessReviewItemsPayload {
    /// The review afterwards. Null when it was refused.
    pub access_review: Option<AccessReview>,
    /// How many items were given to the reviewer.
    pub reassigned: i32,
    /// Why it was refused. Empty when it was done.
    pub user_errors: Vec<UserError>,
}

/// An access review that has ended.
#[derive(Default, SimpleObject)]
pub struct CompleteAccessReviewPayload {
    /// The review afterwards. Null when it was refused.
    pub access_review: Option<AccessReview>,
    /// Why it was refused. Empty when it was done.
    pub user_errors: Vec<UserError>,
}

/// A new API token.
#[derive(Default, SimpleObject)]
pub struct CreateApiTokenPayload {
    /// The token as lists show it. Null when it was refused.
    pub api_token: Option<ApiToken>,
    /// The token itself: this is the only time that it is shown. Null when it was refused.
    pub token: Option<String>,
    /// Why it was refused.
    pub user_errors: Vec<UserError>,
}

/// A revoked API token.
#[derive(Default, SimpleObject)]
pub struct RevokeApiTokenPayload {
    /// The token. Null when it was refused.
    pub api_token: Option<ApiToken>,
    /// Why it was refused.
    pub user_errors: Vec<UserError>,
}
