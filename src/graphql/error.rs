//! What clients are told when a request goes wrong: a closed set of codes, never a cause.

use std::error::Error as StdError;

use async_graphql::{ErrorExtensions as _, ServerError};
use chrono::SecondsFormat;

use crate::domain::Instant;
use crate::store::views::Role;
use crate::store::{Outage, StoreError};
use crate::sync::EngineError;

/// Every word that can stand in `extensions.code`.
pub const CODES: [&str; 10] = [
    "UNAUTHENTICATED",
    "FORBIDDEN",
    "NOT_FOUND",
    "BAD_INPUT",
    "CONFLICT",
    "RATE_LIMITED",
    "UNAVAILABLE",
    "INTERNAL",
    "PERSISTED_QUERY_NOT_FOUND",
    "PERSISTED_QUERY_NOT_SUPPORTED",
];

/// A top-level error. Expected refusals of a mutation are `userErrors` instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    #[error("the caller is not known")]
    Unauthenticated,
    #[error("this needs the role {}", .0.word())]
    Forbidden(Role),
    #[error("{0}")]
    NotFound(String),
    #[error("{0}")]
    BadInput(String),
    /// What was then is no longer kept.
    #[error("history is kept from {} on; ask for that instant or a later one", written(*.0))]
    BeforeHistory(Instant),
    #[error("{0}")]
    Conflict(String),
    #[error("too many requests")]
    RateLimited,
    #[error("{0}")]
    Unavailable(Outage),
    /// The cause is logged where it happened.
    #[error("the file cannot be written just now; try again later")]
    Unwritten,
    /// The cause is logged where it happened and never sent.
    #[error("internal error")]
    Internal,
}

impl ApiError {
    /// The word for clients in `extensions.code`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden(_) => "FORBIDDEN",
            Self::NotFound(_) => "NOT_FOUND",
            Self::BadInput(_) | Self::BeforeHistory(_) => "BAD_INPUT",
            Self::Conflict(_) => "CONFLICT",
            Self::RateLimited => "RATE_LIMITED",
            Self::Unavailable(_) | Self::Unwritten => "UNAVAILABLE",
            Self::Internal => "INTERNAL",
        }
    }

    /// How far back history reaches, for clients in `extensions.horizon`.
    pub fn horizon(&self) -> Option<String> {
        if let Self::BeforeHistory(horizon) = self { Some(written(*horizon)) } else { None }
    }
}

/// An instant as the schema writes it.
fn written(instant: Instant) -> String {
    instant.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        if matches!(error, StoreError::BadText(_)) {
            return Self::BadInput(error.to_string());
        }
        let cause = causes(&error);
        if let StoreError::Unavailable(outage, _) = error {
            tracing::warn!(error = cause, "store is unavailable");
            Self::Unavailable(outage)
        } else {
            tracing::error!(error = cause, "store request failed");
            Self::Internal
        }
    }
}

/// An error and what is behind it: log formats write the outermost only.
fn causes(error: &dyn StdError) -> String {
    let behind = std::iter::successors(error.source(), |&cause| cause.source());
    behind.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Store(error) => error.into(),
            EngineError::Vault(_) | EngineError::Atlas(_) => {
                tracing::error!(error = causes(&error), "edit failed");
                Self::Internal
            }
        }
    }
}

impl From<ApiError> for async_graphql::Error {
    fn from(error: ApiError) -> Self {
        Self::new(error.to_string()).extend_with(|_, extensions| {
            extensions.set("code", error.code());
            if let Some(horizon) = error.horizon() {
                extensions.set("horizon", horizon);
            }
        })
    }
}

/// Takes out of the errors what was given in place of a value of another type: it may be a key in the wrong place.
pub fn without_values(errors: &mut [ServerError]) {
    for error in errors {
        let said = error.message.find("Expected input type \"");
        let value = said.and_then(|from| error.message[from..].find("\", found ").map(|to| from + to + 1));
        if let Some(at) = value {
            error.message.truncate(at);
            error.message.push('.');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graphql::documents::Refused;
    use crate::graphql::guard::GuardError;

    #[test]
    fn a_corrupt_row_says_nothing_but_internal_error() {
        let error = ApiError::from(StoreError::Corrupt { table: "cluster_fact", column: "document" });

        assert_eq!(error.to_string(), "internal error");
        assert_eq!(error.code(), "INTERNAL");
    }

    #[test]
    fn every_error_has_a_code_of_the_one_closed_list() {
        let errors = [
            ApiError::Unauthenticated,
            ApiError::Forbidden(Role::Admin),
            ApiError::NotFound(String::new()),
            ApiError::BadInput(String::new()),
            ApiError::BeforeHistory(Instant::UNIX_EPOCH),
            ApiError::Conflict(String::new()),
            ApiError::RateLimited,
            ApiError::Unavailable(Outage::Busy),
            ApiError::Unwritten,
            ApiError::Internal,
        ];
        for error in errors {
            // A new error must be listed above.
            match error {
                ApiError::Unauthenticated
                | ApiError::Forbidden(_)
                | ApiError::NotFound(_)
                | ApiError::BadInput(_)
                | ApiError::BeforeHistory(_)
                | ApiError::Conflict(_)
                | ApiError::RateLimited
                | ApiError::Unavailable(_)
                | ApiError::Unwritten
                | ApiError::Internal => assert!(CODES.contains(&error.code())),
            }
        }
        let limit = GuardError::FragmentCycle { name: String::new() };
        let refusals = [
            Refused::Unparsed(async_graphql::ServerError::new("", None)),
            Refused::Guard(limit),
            Refused::Variable(async_graphql::ServerError::new("", None)),
            Refused::NotFound,
            Refused::NotSupported,
            Refused::UnknownId,
            Refused::Untrusted,
            Refused::Malformed(""),
        ];
        assert!(refusals.iter().all(|refused| CODES.contains(&refused.code())));
    }

    #[test]
    fn a_value_of_another_type_is_not_told_again() {
        let told = |message: &str| {
            let mut errors = [ServerError::new(message, None)];
            without_values(&mut errors);
            errors[0].message.clone()
        };
        let short = "Failed to parse \"Key\": Expected input type \"String\".";
        assert_eq!(told("Failed to parse \"Key\": Expected input type \"String\", found [\"hunter2\"]."), short);
        assert_eq!(told("there is no \", found here"), "there is no \", found here");
    }

    #[test]
    fn a_refusal_names_the_role_that_is_needed() {
        assert_eq!(ApiError::Forbidden(Role::Admin).to_string(), "this needs the role ADMIN");
    }

    #[test]
    fn the_code_travels_in_the_extensions() {
        let error = async_graphql::Error::from(ApiError::RateLimited);

        let extensions = error.extensions.expect("there is a code");
        assert_eq!(extensions.get("code"), Some(&async_graphql::Value::from("RATE_LIMITED")));
    }
}
