//! Expected refusals: what a person asked for and cannot have, and what to do about it.

crate::words! {
    RefusalCode {
        Invalid = "INVALID",
        NotFound = "NOT_FOUND",
        Forbidden = "FORBIDDEN",
        Conflict = "CONFLICT",
        AlreadyConnected = "ALREADY_CONNECTED",
        CredentialsRejected = "CREDENTIALS_REJECTED",
        IpNotAllowed = "IP_NOT_ALLOWED",
        RoleTooSmall = "ROLE_TOO_SMALL",
        OrganizationSuspended = "ORGANIZATION_SUSPENDED",
        AtlasUnavailable = "ATLAS_UNAVAILABLE",
        RateLimited = "RATE_LIMITED",
        SyncInProgress = "SYNC_IN_PROGRESS",
        WrongOrganization = "WRONG_ORGANIZATION",
        KeyTooStrong = "KEY_TOO_STRONG",
        OrganizationEmpty = "ORGANIZATION_EMPTY",
        PartialView = "PARTIAL_VIEW",
    }
}

/// A refusal, or a warning beside a success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub code: RefusalCode,
    pub message: String,
    pub remedy: Option<String>,
    /// The path of the input field at fault, such as `["input", "publicKey"]`.
    pub field: Option<Vec<String>>,
}

impl Refusal {
    pub fn new(code: RefusalCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), remedy: None, field: None }
    }

    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Names the field of the mutation's input that is at fault.
    #[must_use]
    pub fn field(mut self, field: &str) -> Self {
        self.field = Some(vec!["input".to_owned(), field.to_owned()]);
        self
    }
}
