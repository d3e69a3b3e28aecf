//! What lies where below `/scim/v2`, and what can be done with it.

use axum::http::Method;
use serde_json::Value;

use super::answer::Failure;
use crate::scim::{self, ScimError};

pub(super) enum Target {
    /// What the service says of itself.
    Discovery(Value),
    Users,
    Search,
    User(String),
}

impl Target {
    pub(super) fn at(path: &str) -> Result<Self, Failure> {
        let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
        let told = match names[..] {
            ["Users"] => return Ok(Self::Users),
            // There are no other resources than users.
            [".search"] | ["Users", ".search"] => return Ok(Self::Search),
            ["Users", id] => return Ok(Self::User(id.to_owned())),
            ["ServiceProviderConfig"] => Some(scim::service_provider_config()),
            ["ResourceTypes"] => Some(scim::resource_types()),
            ["ResourceTypes", id] => scim::resource_type(id),
            ["Schemas"] => Some(scim::schemas()),
            ["Schemas", id] => scim::schema_by_id(id),
            ["Me"] => return Err(ScimError::new(501, "There is no /Me: an identity provider is no user.").into()),
            ["Bulk"] => return Err(ScimError::new(501, "There is no /Bulk: send one request for each user.").into()),
            _ => None,
        };
        Ok(Self::Discovery(told.ok_or_else(ScimError::nothing_here)?))
    }

    /// Refuses other methods than the target's own.
    pub(super) fn takes(&self, method: &Method) -> Result<(), Failure> {
        let (known, allowed): (&[Method], _) = match self {
            Self::Discovery(_) => (&[Method::GET, Method::HEAD], "GET, HEAD"),
            Self::Users => (&[Method::GET, Method::HEAD, Method::POST], "GET, HEAD, POST"),
            Self::Search => (&[Method::POST], "POST"),
            Self::User(_) => (
                &[Method::GET, Method::HEAD, Method::PUT, Method::PATCH, Method::DELETE],
                "GET, HEAD, PUT, PATCH, DELETE",
            ),
        };
        if known.contains(method) { Ok(()) } else { Err(Failure::wrong_method(allowed)) }
    }
}
