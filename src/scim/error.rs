//! What a client is told when a request is refused (RFC 7644, section 3.12).

use std::fmt;

use serde_json::{Value, json};

crate::words! {
    /// What is wrong with a request, as the protocol names it.
    ScimType {
        InvalidFilter = "invalidFilter",
        InvalidPath = "invalidPath",
        InvalidSyntax = "invalidSyntax",
        InvalidValue = "invalidValue",
        Mutability = "mutability",
        NoTarget = "noTarget",
        TooMany = "tooMany",
        Uniqueness = "uniqueness",
    }
}

/// A refusal. The sentence is for the person who looks after the identity provider.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct ScimError {
    pub status: u16,
    pub scim_type: Option<ScimType>,
    pub detail: String,
}

impl ScimError {
    pub fn new(status: u16, detail: impl Into<String>) -> Self {
        Self { status, scim_type: None, detail: detail.into() }
    }

    pub fn bad(scim_type: ScimType, detail: impl Into<String>) -> Self {
        Self { scim_type: Some(scim_type), ..Self::new(400, detail) }
    }

    pub fn value(detail: impl Into<String>) -> Self {
        Self::bad(ScimType::InvalidValue, detail)
    }

    pub fn syntax(detail: impl Into<String>) -> Self {
        Self::bad(ScimType::InvalidSyntax, detail)
    }

    pub fn taken(detail: impl Into<String>) -> Self {
        Self { scim_type: Some(ScimType::Uniqueness), ..Self::new(409, detail) }
    }

    /// There is no such user; or it is another workspace's, which is the same to every caller.
    pub fn no_such_user() -> Self {
        Self::new(404, "There is no such user.")
    }

    pub fn nothing_here() -> Self {
        Self::new(404, "There is nothing at this path: users are at /Users.")
    }

    pub fn changed() -> Self {
        Self::new(412, "The user has changed since that version: read it again.")
    }

    /// The body of the answer.
    pub fn body(&self) -> Value {
        let mut body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
            "status": self.status.to_string(),
            "detail": self.detail,
        });
        if let Some(scim_type) = self.scim_type {
            body["scimType"] = json!(scim_type.word());
        }
        body
    }
}

/// Text of a client, cut to what fits into a sentence.
pub(super) struct Shown<'a>(pub &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: String = self.0.chars().filter(|c| !c.is_control()).take(80).collect();
        write!(f, "`{shown}`")
    }
}
