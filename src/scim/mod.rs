//! SCIM 2.0 (RFC 7643, RFC 7644) without its HTTP: what a user resource is, what clients ask, and what they are told.
//!
//! Pure: knows the domain and JSON. Must not know a database, a request or who is calling.

mod discovery;
mod document;
mod error;
mod evaluate;
mod filter;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzz;
mod lexer;
mod list;
mod patch;
mod path;
mod person;
mod projection;
mod schema;
mod user;
mod value;

pub use discovery::{resource_type, resource_types, schema_by_id, schemas, service_provider_config};
pub use document::Document;
pub use error::{ScimError, ScimType};
pub use filter::{Filter, Narrowed};
pub use list::{Found, ListRequest};
pub use patch::Patch;
pub use person::Provisioned;
pub use projection::Projection;
pub use user::User;

/// Where everything of the protocol lies.
pub const BASE: &str = "/scim/v2";

/// What a client may ask of the users.
#[derive(Debug, Clone, PartialEq)]
pub enum Asked {
    Create(Document),
    One(String),
    Change { id: String, change: Change, precondition: Precondition },
    Remove { id: String, precondition: Precondition },
    List(ListRequest),
}

/// How a user is to become another.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    Replace(Document),
    Patch(Patch),
}

/// What has to hold for a user to be changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Precondition {
    #[default]
    None,
    /// The user is of one of these versions.
    Versions(Vec<String>),
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    Created(User),
    User(User),
    Removed,
    List(Found),
}

impl Precondition {
    /// Reads `If-Match`: a star holds for every user that there is.
    pub fn if_match(text: &str) -> Self {
        let versions: Vec<String> = text.split(',').map(|tag| tag.trim().to_owned()).collect();
        if versions.iter().any(|tag| tag == "*") { Self::None } else { Self::Versions(versions) }
    }

    /// Versions are weak, and are compared as such.
    pub fn check(&self, user: &User) -> Result<(), ScimError> {
        let version = user.version();
        let own = opaque(&version);
        match self {
            Self::Versions(versions) if versions.iter().all(|tag| opaque(tag) != own) => Err(ScimError::changed()),
            Self::None | Self::Versions(_) => Ok(()),
        }
    }
}

fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

#[cfg(test)]
mod tests;
