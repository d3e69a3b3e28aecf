//! The endpoint sets of Atlas that are read, whose calls each counts, and how many it allows.
//!
//! Atlas's published defaults. They are no contract: the headers of answers correct them downward. None of the sets
//! that are read is counted by address (scope IP).

/// Endpoints that draw on one token bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum EndpointSet {
    Root,
    /// An organization and its list of projects.
    Organization,
    Users,
    Teams,
    /// API keys and service accounts of an organization.
    Keys,
    Clusters,
    EncryptionAtRest,
    /// What is read of a project beside its clusters.
    Project,
}

/// Whose calls a bucket counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BucketScope {
    User,
    Organization,
    Group,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limit {
    pub capacity: u32,
    /// What comes back every 60 seconds.
    pub refill: u32,
}

impl EndpointSet {
    /// What metrics call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Organization => "organization",
            Self::Users => "users",
            Self::Teams => "teams",
            Self::Keys => "keys",
            Self::Clusters => "clusters",
            Self::EncryptionAtRest => "encryption_at_rest",
            Self::Project => "project",
        }
    }

    pub const fn scope(self) -> BucketScope {
        match self {
            Self::Root => BucketScope::User,
            Self::Organization | Self::Users | Self::Teams | Self::Keys => BucketScope::Organization,
            Self::Clusters | Self::EncryptionAtRest | Self::Project => BucketScope::Group,
        }
    }

    pub const fn limit(self) -> Limit {
        let (capacity, refill) = match self {
            Self::Root => (300, 100),
            Self::Organization | Self::Users | Self::Keys => (500, 250),
            Self::Teams | Self::Project => (1200, 500),
            Self::EncryptionAtRest => (2000, 1000),
            Self::Clusters => (10_000, 5000),
        };
        Limit { capacity, refill }
    }
}
