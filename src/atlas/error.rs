//! How a call to Atlas ends when it does not end well, in words that are safe to show.
//!
//! Nothing here ever holds a key, a body or an address of the request.

use std::error::Error as _;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

crate::words! {
    /// What an operator has to do about a failure.
    AtlasCategory {
        CredentialsRejected = "CREDENTIALS_REJECTED",
        IpNotAllowed = "IP_NOT_ALLOWED",
        RoleTooSmall = "ROLE_TOO_SMALL",
        OrganizationSuspended = "ORGANIZATION_SUSPENDED",
        RateLimited = "RATE_LIMITED",
        AtlasUnavailable = "ATLAS_UNAVAILABLE",
        UnexpectedResponse = "UNEXPECTED_RESPONSE",
    }
}

/// `code` is Atlas's own error code, where it gave one.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AtlasError {
    /// Only ever said of an answer to a correctly signed request.
    #[error("Atlas does not accept the API key")]
    CredentialsRejected,
    #[error("the API key belongs to another organization")]
    WrongOrganization,
    #[error("the role of the API key does not allow this")]
    RoleTooSmall { code: String },
    #[error("the API access list does not allow the address of this gateway")]
    IpNotAllowed { code: String, address: Option<IpAddr> },
    #[error("Atlas has suspended the organization")]
    Suspended { code: Option<String> },
    #[error("Atlas does not permit this")]
    Forbidden { code: Option<String> },
    #[error("Atlas does not know what was asked for")]
    NotFound { code: Option<String> },
    #[error("Atlas answered {status} to the request")]
    BadRequest { status: u16, code: Option<String> },
    #[error("Atlas no longer serves the version that was asked for")]
    VersionGone { code: Option<String> },
    #[error("Atlas limits the rate of requests")]
    RateLimited { code: Option<String>, retry_after: Option<Duration> },
    #[error("Atlas cannot be reached or cannot answer now")]
    Unavailable {
        status: Option<u16>,
        code: Option<String>,
        retry_after: Option<Duration>,
        #[source]
        cause: Option<Arc<reqwest::Error>>,
    },
    /// Told of by the count and the rows of a list over several pages, each time it was read.
    #[error("the list changed each time while it was read")]
    UnstableList,
    #[error("Atlas gave an answer that makes no sense here: {what}")]
    UnexpectedResponse { what: &'static str },
}

impl AtlasError {
    /// Atlas's own error code where it gave a telling one, else ours.
    pub fn code(&self) -> &str {
        let given = match self {
            Self::UnstableList => Some("UNSTABLE_LIST"),
            Self::CredentialsRejected | Self::WrongOrganization | Self::UnexpectedResponse { .. } => None,
            Self::RoleTooSmall { code } | Self::IpNotAllowed { code, .. } => Some(code.as_str()),
            Self::Suspended { code }
            | Self::Forbidden { code }
            | Self::NotFound { code }
            | Self::BadRequest { code, .. }
            | Self::VersionGone { code }
            | Self::RateLimited { code, .. }
            | Self::Unavailable { code, .. } => code.as_deref(),
        };
        given.unwrap_or_else(|| self.category().word())
    }

    pub fn category(&self) -> AtlasCategory {
        match self {
            Self::CredentialsRejected => AtlasCategory::CredentialsRejected,
            Self::IpNotAllowed { .. } => AtlasCategory::IpNotAllowed,
            Self::RoleTooSmall { .. } | Self::Forbidden { .. } => AtlasCategory::RoleTooSmall,
            Self::Suspended { .. } => AtlasCategory::OrganizationSuspended,
            Self::RateLimited { .. } => AtlasCategory::RateLimited,
            Self::Unavailable { .. } => AtlasCategory::AtlasUnavailable,
            Self::WrongOrganization
            | Self::NotFound { .. }
            | Self::BadRequest { .. }
            | Self::VersionGone { .. }
            | Self::UnstableList
            | Self::UnexpectedResponse { .. } => AtlasCategory::UnexpectedResponse,
        }
    }

    /// The same call may do better later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::RateLimited { .. } | Self::Unavailable { .. } | Self::UnstableList => true,
            Self::CredentialsRejected
            | Self::WrongOrganization
            | Self::RoleTooSmall { .. }
            | Self::IpNotAllowed { .. }
            | Self::Suspended { .. }
            | Self::Forbidden { .. }
            | Self::NotFound { .. }
            | Self::BadRequest { .. }
            | Self::VersionGone { .. }
            | Self::UnexpectedResponse { .. } => false,
        }
    }

    /// Every other call of this key would end in the same way.
    pub fn bars_every_call(&self) -> bool {
        matches!(self, Self::CredentialsRejected | Self::IpNotAllowed { .. } | Self::Suspended { .. })
    }

    pub(super) fn unexpected(what: &'static str) -> Self {
        Self::UnexpectedResponse { what }
    }

    pub(super) fn unreachable() -> Self {
        Self::Unavailable { status: None, code: None, retry_after: None, cause: None }
    }
}

impl From<reqwest::Error> for AtlasError {
    fn from(error: reqwest::Error) -> Self {
        if is_garbled(&error) {
            return Self::unexpected("a body that cannot be decompressed");
        }
        Self::Unavailable { status: None, code: None, retry_after: None, cause: Some(Arc::new(error.without_url())) }
    }
}

/// The compressed bytes are wrong, and not only cut off: asking again would not help.
fn is_garbled(error: &reqwest::Error) -> bool {
    let mut source = error.source();
    while let Some(cause) = source {
        let kind = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        if matches!(kind, Some(io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput)) {
            return error.is_decode();
        }
        source = cause.source();
    }
    false
}
