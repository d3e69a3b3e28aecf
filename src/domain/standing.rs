//! What is in force for an asset or account once hand-made values, tags and people are put together.

use serde::{Deserialize, Serialize};

crate::words! {
    /// Whether personal data of users lives in an asset.
    UserDataClassification {
        ContainsUserData = "CONTAINS_USER_DATA",
        NoUserData = "NO_USER_DATA",
        Unclassified = "UNCLASSIFIED",
    }
}
crate::words! { AnnotationSource { Manual = "MANUAL", ProviderTag = "PROVIDER_TAG" } }
crate::words! { LinkSource { EmailMatch = "EMAIL_MATCH", Manual = "MANUAL" } }

/// What people said of an asset by hand; it outlives syncs and disconnects.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manual {
    /// A person's id.
    pub owner: Option<i64>,
    pub description: Option<String>,
    pub user_data: Option<UserDataClassification>,
}

/// Owner, description and classification in force: by hand first, else by Atlas tags.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// A person's id.
    pub owner: Option<i64>,
    pub owner_source: Option<AnnotationSource>,
    /// The owner tag's value when only a tag speaks.
    pub owner_tag: Option<String>,
    pub description: Option<String>,
    pub description_source: Option<AnnotationSource>,
    pub user_data: UserDataClassification,
    pub user_data_source: Option<AnnotationSource>,
}

/// The person behind an account: by hand first, else by e-mail.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// A person's id.
    pub person: Option<i64>,
    pub source: Option<LinkSource>,
    /// The account's e-mail belongs to more than one person, so it links to none.
    pub ambiguous: bool,
}
