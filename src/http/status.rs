//! The one table of HTTP statuses. It follows the audit suite of graphql-http; the specification is still a draft.

use axum::http::StatusCode;

use super::media::Media;

/// How a request ended, seen from the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// There is a `data` entry, perhaps beside errors of single fields.
    Executed,
    /// Well-formed request, but the document or its variables were refused before execution.
    Refused,
    /// A registered query that is not known: the protocol has the client send its text under 200.
    NotRegistered,
    /// The caller may run trusted documents only.
    NotTrusted,
    /// Not JSON, or parameters of the wrong kind.
    Malformed,
    /// Something else than a query in a GET.
    NotAQuery,
    WrongMethod,
    TooLarge,
    BodyTooSlow,
    UnsupportedMedia,
    NotAcceptable,
    Unauthenticated,
    NoSuchPage,
    /// Taken already.
    Conflict,
    /// More than one caller may have at a time.
    TooMany,
    /// Something needed does not answer, or not in time.
    Unavailable,
    /// A defect of ours.
    Broken,
}

impl Outcome {
    pub(super) const fn status(self, media: Media) -> StatusCode {
        match (self, media) {
            // A client that knows only `application/json` cannot tell a refusal from a proxy's error page by its
            // status, so it finds refused documents under 200.
            (Self::Executed | Self::NotRegistered, _) | (Self::Refused, Media::Json) => StatusCode::OK,
            (Self::Refused, Media::GraphQlResponse) | (Self::Malformed, _) => StatusCode::BAD_REQUEST,
            (Self::Unauthenticated, _) => StatusCode::UNAUTHORIZED,
            (Self::NotTrusted, _) => StatusCode::FORBIDDEN,
            (Self::NoSuchPage, _) => StatusCode::NOT_FOUND,
            (Self::NotAQuery | Self::WrongMethod, _) => StatusCode::METHOD_NOT_ALLOWED,
            (Self::Conflict, _) => StatusCode::CONFLICT,
            (Self::TooMany, _) => StatusCode::TOO_MANY_REQUESTS,
            (Self::NotAcceptable, _) => StatusCode::NOT_ACCEPTABLE,
            (Self::BodyTooSlow, _) => StatusCode::REQUEST_TIMEOUT,
            (Self::TooLarge, _) => StatusCode::PAYLOAD_TOO_LARGE,
            (Self::UnsupportedMedia, _) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            (Self::Broken, _) => StatusCode::INTERNAL_SERVER_ERROR,
            (Self::Unavailable, _) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The word in `extensions.code` of an error that brings none.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Executed
            | Self::NotRegistered
            | Self::Refused
            | Self::Malformed
            | Self::NotAQuery
            | Self::WrongMethod
            | Self::TooLarge
            | Self::BodyTooSlow
            | Self::UnsupportedMedia
            | Self::NotAcceptable => "BAD_INPUT",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::NotTrusted => "FORBIDDEN",
            Self::NoSuchPage => "NOT_FOUND",
            Self::Conflict => "CONFLICT",
            Self::TooMany => "RATE_LIMITED",
            Self::Unavailable => "UNAVAILABLE",
            Self::Broken => "INTERNAL",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graphql::CODES;

    #[test]
    fn every_refusal_at_the_edge_has_a_code_of_the_one_closed_list() {
        use Outcome::{
            BodyTooSlow, Broken, Executed, Malformed, NoSuchPage, NotAQuery, NotAcceptable, NotRegistered, NotTrusted,
            Refused, TooLarge, Unauthenticated, Unavailable, UnsupportedMedia, WrongMethod,
        };
        let all = [
            Executed,
            Refused,
            NotRegistered,
            NotTrusted,
            Malformed,
            NotAQuery,
            WrongMethod,
            TooLarge,
            BodyTooSlow,
            UnsupportedMedia,
            NotAcceptable,
            Unauthenticated,
            NoSuchPage,
            Unavailable,
            Broken,
        ];
        for outcome in all {
            assert!(CODES.contains(&outcome.code()), "{outcome:?}");
            let (as_json, as_graphql) = (outcome.status(Media::Json), outcome.status(Media::GraphQlResponse));
            assert_eq!(as_json == as_graphql, outcome != Refused, "{outcome:?}");
        }
    }
}
