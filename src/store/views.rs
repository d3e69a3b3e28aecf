//! What reads give back: domain values with their stored ids.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::audit::Actor;
use crate::domain::review::{FrozenAccess, ReviewChange, ReviewDecision, ReviewStatus};
use crate::domain::{
    Account, AccountKind, AccountStatus, AnnotationSource, Cluster, Grant, Instant, KeyProfile, LinkSource, Person,
    Project, ScopeKind, UserDataClassification, Verdict,
};

pub use crate::domain::SubjectKind;
crate::words! { SyncTrigger { Connect = "CONNECT", Schedule = "SCHEDULE", Manual = "MANUAL" } }
crate::words! {
    SyncStatus {
        Queued = "QUEUED", Running = "RUNNING", Succeeded = "SUCCEEDED", Partial = "PARTIAL", Failed = "FAILED", Held = "HELD",
    }
}
crate::words! {
    SyncStage {
        Queued = "QUEUED", Credentials = "CREDENTIALS", Users = "USERS", Projects = "PROJECTS", Clusters = "CLUSTERS",
        Evaluation = "EVALUATION", Done = "DONE",
    }
}
crate::words! {
    /// From the smallest on. SCIM may do less than read: it has a door of its own.
    Role { Scim = "SCIM", Viewer = "VIEWER", Analyst = "ANALYST", Admin = "ADMIN" }
}

crate::words! {
    /// What a reviewer should notice about an account.
    AccountFlag {
        Unassigned = "UNASSIGNED", Leaver = "LEAVER", PendingInvitation = "PENDING_INVITATION",
        NeverAuthenticated = "NEVER_AUTHENTICATED", Dormant = "DORMANT", Privileged = "PRIVILEGED",
    }
}

#[derive(Debug, Clone)]
pub struct AssetView {
    pub id: i64,
    pub integration_id: i64,
    pub project_id: i64,
    pub scope_id: i64,
    pub cluster: Cluster,
    pub owner_id: Option<i64>,
    pub owner_source: Option<AnnotationSource>,
    pub description: Option<String>,
    pub description_source: Option<AnnotationSource>,
    pub user_data: UserDataClassification,
    pub user_data_source: Option<AnnotationSource>,
    pub first_seen_at: Instant,
    pub removed_at: Option<Instant>,
}

#[derive(Debug, Clone)]
pub struct AccountView {
    pub id: i64,
    pub integration_id: i64,
    pub scope_id: i64,
    /// Without its grants; those are loaded apart.
    pub account: Account,
    pub privileged: bool,
    pub person_id: Option<i64>,
    pub person_source: Option<LinkSource>,
    /// The linked person's last day is over.
    pub leaver: bool,
    pub first_seen_at: Instant,
    pub removed_at: Option<Instant>,
}

impl AccountView {
    /// What stands out. Who last signed in before `dormant_before` is dormant.
    pub fn flags(&self, dormant_before: Instant) -> Vec<AccountFlag> {
        let account = &self.account;
        let is_user = account.kind == AccountKind::User;
        let is_active = account.status == AccountStatus::Active;
        let signed_in_at = account.last_authenticated_at;
        let raised = [
            (AccountFlag::Unassigned, self.person_id.is_none()),
            (AccountFlag::Leaver, self.leaver),
            (AccountFlag::PendingInvitation, !is_active),
            (AccountFlag::NeverAuthenticated, is_user && is_active && signed_in_at.is_none()),
            (AccountFlag::Dormant, is_user && signed_in_at.is_some_and(|at| at < dormant_before)),
            (AccountFlag::Privileged, self.privileged),
        ];
        raised.into_iter().filter(|(_, is_raised)| *is_raised).map(|(flag, _)| flag).collect()
    }
}

#[derive(Debug, Clone)]
pub struct ReviewView {
    pub id: i64,
    pub name: String,
    /// The filter that chose the accounts, as JSON.
    pub scope: String,
    pub started_at: Instant,
    pub started_by: String,
    pub due_on: NaiveDate,
    /// From this instant the review is overdue.
    pub due_at: Instant,
    pub ended_at: Option<Instant>,
    pub ended_by: Option<String>,
    pub close_reason: Option<String>,
}

impl ReviewView {
    pub const fn status(&self) -> ReviewStatus {
        match (self.ended_at, &self.close_reason) {
            (None, _) => ReviewStatus::Open,
            (Some(_), None) => ReviewStatus::Completed,
            (Some(_), Some(_)) => ReviewStatus::Closed,
        }
    }
}

#[derive(Debug, Clone)]
pub struct ReviewItemView {
    pub id: i64,
    pub review_id: i64,
    pub integration_id: i64,
    pub account_id: i64,
    pub access: FrozenAccess,
    pub change: ReviewChange,
    /// The person who is to decide.
    pub reviewer_id: Option<i64>,
    pub decision: Option<ReviewDecision>,
    pub comment: Option<String>,
    pub decided_at: Option<Instant>,
    pub decided_by: Option<String>,
    pub remediated_at: Option<Instant>,
    /// When the review is due.
    pub due_at: Instant,
}

#[derive(Debug, Clone)]
pub struct DecisionView {
    pub decision: ReviewDecision,
    pub comment: Option<String>,
    pub decided_at: Instant,
    pub decided_by: String,
}

/// Items of a review, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReviewProgress {
    pub items: u32,
    pub kept: u32,
    pub revoked: u32,
    pub changed: u32,
    pub undecided: u32,
    /// Of what is to be revoked or changed: what syncs saw to be done.
    pub remediated: u32,
}

impl ReviewProgress {
    pub fn add(&mut self, decision: Option<ReviewDecision>, is_remediated: bool, items: u32) {
        self.items += items;
        *match decision {
            None => &mut self.undecided,
            Some(ReviewDecision::Keep) => &mut self.kept,
            Some(ReviewDecision::Revoke) => &mut self.revoked,
            Some(ReviewDecision::Change) => &mut self.changed,
        } += items;
        if is_remediated {
            self.remediated += items;
        }
    }
}

#[derive(Debug, Clone)]
pub struct GrantView {
    pub grant: Grant,
    pub project_id: Option<i64>,
}

#[derive(Debug, Clone)]
pub struct ProjectView {
    pub id: i64,
    pub integration_id: i64,
    pub project: Project,
}

#[derive(Debug, Clone)]
pub struct PersonView {
    pub id: i64,
    pub person: Person,
}

#[derive(Debug, Clone)]
pub struct ResultView {
    pub id: i64,
    pub control_key: String,
    pub subject_kind: SubjectKind,
    pub subject_id: i64,
    pub scope_id: i64,
    pub second_scope_id: Option<i64>,
    /// As of the asked instant: time alone may have changed what was stored.
    pub verdict: Verdict,
    pub since: Instant,
}

#[derive(Debug, Clone)]
pub struct IntegrationView {
    pub id: i64,
    pub organization_id: String,
    pub organization_name: String,
    pub public_key: String,
    pub key: KeyProfile,
    pub connected_at: Instant,
    pub disconnected_at: Option<Instant>,
    pub error: Option<IntegrationFault>,
    pub next_run_at: Option<Instant>,
    /// The run whose removals are withheld.
    pub held_run_id: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntegrationFault {
    pub code: String,
    pub message: String,
    pub remedy: String,
    pub occurred_at: Instant,
}

#[derive(Debug, Clone)]
pub struct SyncRunView {
    pub id: i64,
    pub integration_id: i64,
    pub trigger: SyncTrigger,
    pub status: SyncStatus,
    pub queued_at: Instant,
    pub finished_at: Option<Instant>,
    pub stage: SyncStage,
    pub done: i32,
    pub total: Option<i32>,
    pub requests: i64,
    pub changes: Changes,
    /// The scheduled instant that it stands for.
    pub scheduled_at: Option<Instant>,
    pub attempts: Attempts,
    /// Why it failed or needs a person.
    pub error: Option<IntegrationFault>,
    pub withheld: Option<Withheld>,
    /// When a person had the withheld removals done.
    pub confirmed_at: Option<Instant>,
    /// When the integration was due again after it; of an open run, when it is tried again.
    pub next_run_at: Option<Instant>,
}

/// How often a run was begun, and what became of that.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Attempts {
    pub begun: i32,
    /// The lease ran out: the process died, was paused or was cut off.
    pub taken_over: i32,
    /// A process that was shut down gave it back.
    pub given_back: i32,
    /// It broke off for a reason of ours.
    pub broke_off: i32,
    /// A process without a lease tried to write, and was refused.
    pub turned_away: i32,
}

crate::words! {
    /// What a withheld removal would remove.
    RemovalKind { Project = "PROJECT", Cluster = "CLUSTER", Account = "ACCOUNT" }
}

/// What the brake withheld, for people to see.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withheld {
    pub projects: u32,
    pub clusters: u32,
    pub accounts: u32,
    /// The first of them.
    pub removals: Vec<Removal>,
}

impl Withheld {
    pub const fn total(&self) -> u32 {
        self.projects + self.clusters + self.accounts
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removal {
    pub kind: RemovalKind,
    pub atlas_id: String,
    pub name: String,
}

/// Subjects (projects, assets, accounts), each counted at most once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Changes {
    pub added: i32,
    pub updated: i32,
    pub removed: i32,
    /// Results of subjects that were there before and after.
    pub results_flipped: i32,
}

#[derive(Debug, Clone)]
pub struct ScopeView {
    pub kind: ScopeKind,
    pub project_id: Option<i64>,
    pub complete: bool,
    pub error_code: Option<String>,
    pub message: Option<String>,
}

/// Who of the personnel a caller is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallerPerson {
    /// Nobody says.
    Nobody,
    /// A person's id.
    Id(i64),
    /// An e-mail address, in lower case.
    Address(String),
}

/// What a request may see and do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    pub workspace: i64,
    pub workspace_name: String,
    /// Never reused: `token:ID` or `oidc:SUBJECT`.
    pub key: String,
    /// The name of the token, or of who the issuer vouches for.
    pub name: String,
    pub role: Role,
    /// Whom the token or the issuer says that it is.
    pub person: CallerPerson,
    /// Ties what the caller does to the request's log lines.
    pub request_id: Option<String>,
}

impl Caller {
    /// Somebody who may read, for tests.
    #[cfg(test)]
    pub fn viewer() -> Self {
        Self {
            workspace: 1,
            workspace_name: "default".to_owned(),
            key: "token:1".to_owned(),
            name: "ci".to_owned(),
            role: Role::Viewer,
            person: CallerPerson::Nobody,
            request_id: None,
        }
    }

    /// As the audit ledger knows the caller.
    pub fn actor(&self) -> Actor {
        Actor {
            workspace: self.workspace,
            key: self.key.clone(),
            name: self.name.clone(),
            request_id: self.request_id.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    const NOW: Instant = chrono::DateTime::UNIX_EPOCH;

    fn user(last_authenticated_at: Option<Instant>) -> AccountView {
        AccountView {
            id: 1,
            integration_id: 1,
            scope_id: 1,
            account: Account {
                kind: AccountKind::User,
                atlas_id: "5f".repeat(12),
                login: "ada@example.com".to_owned(),
                display_name: None,
                email: None,
                status: AccountStatus::Active,
                created_at: None,
                last_authenticated_at,
                invited_at: None,
                grants: Vec::new(),
            },
            privileged: false,
            person_id: Some(1),
            person_source: None,
            leaver: false,
            first_seen_at: NOW,
            removed_at: None,
        }
    }

    #[test]
    fn the_limit_is_not_dormant_and_a_moment_more_is() {
        assert_eq!(user(Some(NOW)).flags(NOW), []);
        assert_eq!(user(Some(NOW - TimeDelta::microseconds(1))).flags(NOW), [AccountFlag::Dormant]);
    }

    #[test]
    fn an_invitation_never_counts_as_never_signed_in() {
        let mut pending = user(None);
        assert_eq!(pending.flags(NOW), [AccountFlag::NeverAuthenticated]);

        pending.account.status = AccountStatus::Pending;
        assert_eq!(pending.flags(NOW), [AccountFlag::PendingInvitation]);
    }

    #[test]
    fn a_key_without_a_sign_in_is_not_flagged_for_it() {
        let mut key = user(None);
        key.account.kind = AccountKind::ApiKey;
        (key.person_id, key.privileged) = (None, true);

        assert_eq!(key.flags(NOW), [AccountFlag::Unassigned, AccountFlag::Privileged]);
    }
}
