//! Reads an answer that is not 200: first by status, then by Atlas's error code.

use std::net::IpAddr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde_json::Value;

use super::error::AtlasError;
use super::retry_after;

/// 401 codes that mean "this key may not", where 401 otherwise means "who are you".
const ROLE_CODES: [&str; 3] = ["USER_UNAUTHORIZED", "USER_CANNOT_ACCESS_GROUP", "USER_CANNOT_ACCESS_ORG"];

/// What a refusal says, without the text of its body.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    code: Option<String>,
    address: Option<IpAddr>,
    retry_after: Option<Duration>,
}

impl Refusal {
    pub fn new(status: StatusCode, headers: &HeaderMap, body: &[u8], now: DateTime<Utc>) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        Self {
            status,
            code: body["errorCode"]
                .as_str()
                .or_else(|| header("x-error-code"))
                .filter(|code| is_code(code))
                .map(str::to_owned),
            address: body["parameters"][0].as_str().and_then(|text| text.parse().ok()),
            retry_after: header(RETRY_AFTER.as_str()).and_then(|value| retry_after::read(value, now)),
        }
    }

    /// The code of a 401 that came of a role that is too small, not of a wrong key.
    pub fn role_code(&self) -> Option<&str> {
        let code = self.code.as_deref().filter(|_| self.status == StatusCode::UNAUTHORIZED)?;
        (ROLE_CODES.contains(&code) || code.starts_with("NOT_") || code.ends_with("_DENIED")).then_some(code)
    }

    pub fn into_error(self) -> AtlasError {
        let role_code = self.role_code().map(str::to_owned);
        let Self { status, code, address, retry_after } = self;
        let bars_address = |code: &String| code.ends_with("_ACCESS_LIST") || code.ends_with("_WHITELIST");
        match status.as_u16() {
            401 => match role_code {
                Some(code) => AtlasError::RoleTooSmall { code },
                None => AtlasError::unexpected("a 401 without a digest challenge that can be answered"),
            },
            402 => AtlasError::Suspended { code },
            403 => match code {
                Some(code) if bars_address(&code) => AtlasError::IpNotAllowed { code, address },
                code => AtlasError::Forbidden { code },
            },
            404 => AtlasError::NotFound { code },
            410 => AtlasError::VersionGone { code },
            429 => AtlasError::RateLimited { code, retry_after },
            408 | 500.. => AtlasError::Unavailable { status: Some(status.as_u16()), code, retry_after, cause: None },
            300..400 => AtlasError::unexpected("a redirect"),
            400..500 => AtlasError::BadRequest { status: status.as_u16(), code },
            _ => AtlasError::unexpected("a success other than 200"),
        }
    }
}

/// Only what looks like an error code is passed on.
fn is_code(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(status: u16, body: &str) -> AtlasError {
        let status = StatusCode::from_u16(status).unwrap();
        Refusal::new(status, &HeaderMap::new(), body.as_bytes(), DateTime::UNIX_EPOCH).into_error()
    }

    #[test]
    fn the_status_decides_before_the_code() {
        let cases = [
            (401, "USER_UNAUTHORIZED", "ROLE_TOO_SMALL"),
            (401, "NOT_IN_GROUP", "ROLE_TOO_SMALL"),
            (401, "USER_CANNOT_ACCESS_GROUP", "ROLE_TOO_SMALL"),
            (401, "USER_CANNOT_ACCESS_ORG", "ROLE_TOO_SMALL"),
            (401, "NOT_ORG_OWNER", "ROLE_TOO_SMALL"),
            (401, "NOT_ORG_GROUP_CREATOR", "ROLE_TOO_SMALL"),
            (401, "API_KEY_ACCESS_LIST_ACCESS_DENIED", "ROLE_TOO_SMALL"),
            (402, "ACCOUNT_SUSPENDED", "ORGANIZATION_SUSPENDED"),
            (403, "IP_ADDRESS_NOT_ON_ACCESS_LIST", "IP_NOT_ALLOWED"),
            (403, "ORG_REQUIRES_ACCESS_LIST", "IP_NOT_ALLOWED"),
            (403, "IP_ADDRESS_NOT_ON_WHITELIST", "IP_NOT_ALLOWED"),
            (403, "ACCESS_FORBIDDEN", "ROLE_TOO_SMALL"),
            (404, "GROUP_NOT_FOUND", "UNEXPECTED_RESPONSE"),
            (400, "INVALID_VERSION_DATE", "UNEXPECTED_RESPONSE"),
            (406, "INVALID_VERSION_DATE", "UNEXPECTED_RESPONSE"),
            (410, "VERSION_GONE", "UNEXPECTED_RESPONSE"),
            (429, "RATE_LIMITED_TOKEN_BUCKET", "RATE_LIMITED"),
            (500, "UNEXPECTED_ERROR", "ATLAS_UNAVAILABLE"),
            (503, "USER_UNAUTHORIZED", "ATLAS_UNAVAILABLE"),
        ];
        for (status, code, category) in cases {
            let error = error(status, &format!(r#"{{"error":{status},"errorCode":"{code}"}}"#));
            assert_eq!((error.category().word(), error.code()), (category, code), "{status}");
        }
    }

    #[test]
    fn without_a_code_of_its_own_ours_is_given() {
        for (status, code) in [
            (402, "ORGANIZATION_SUSPENDED"),
            (404, "UNEXPECTED_RESPONSE"),
            (429, "RATE_LIMITED"),
            (502, "ATLAS_UNAVAILABLE"),
            (301, "UNEXPECTED_RESPONSE"),
            (204, "UNEXPECTED_RESPONSE"),
        ] {
            assert_eq!(error(status, "<html>").code(), code);
            assert_eq!(error(status, r#"{"errorCode":"<b>no code</b>"}"#).code(), code);
        }
    }

    #[test]
    fn a_barred_address_is_kept_only_when_it_is_one() {
        let body = |text: &str| format!(r#"{{"errorCode":"IP_ADDRESS_NOT_ON_ACCESS_LIST","parameters":["{text}"]}}"#);
        let address = |text: &str| match error(403, &body(text)) {
            AtlasError::IpNotAllowed { address, .. } => address,
            other => panic!("{other:?}"),
        };
        assert_eq!(address("203.0.113.9"), Some("203.0.113.9".parse().unwrap()));
        assert_eq!(address("rm -rf"), None);
    }
}
