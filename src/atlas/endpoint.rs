//! The closed set of things that may be asked of Atlas: path, pinned version and bucket of each.
//!
//! A path is made from ids that were checked, never from text that Atlas or a caller supplied.

use url::Url;

use super::budget::BucketKey;
use super::endpoint_set::{BucketScope, EndpointSet};
use super::error::AtlasError;

/// One kind of read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Read {
    Root,
    Organization,
    Users,
    Teams,
    ApiKeys,
    ServiceAccounts,
    Projects,
    Clusters,
    FlexClusters,
    EncryptionAtRest,
    ProjectTeams,
    ProjectServiceAccounts,
}

struct Layout {
    /// What the id names.
    parent: &'static str,
    /// What is read below it.
    child: &'static str,
    version: &'static str,
    /// The field that tells the rows of a list apart.
    row_id: &'static str,
}

impl Read {
    const fn layout(self) -> Layout {
        let (parent, child, version, row_id) = match self {
            Self::Root => ("", "", "2023-01-01", "id"),
            Self::Organization => ("/orgs/", "", "2023-01-01", "id"),
            Self::Users => ("/orgs/", "/users", "2025-02-19", "id"),
            Self::Teams => ("/orgs/", "/teams", "2023-01-01", "id"),
            Self::ApiKeys => ("/orgs/", "/apiKeys", "2023-01-01", "id"),
            Self::ServiceAccounts => ("/orgs/", "/serviceAccounts", "2024-08-05", "clientId"),
            Self::Projects => ("/orgs/", "/groups", "2023-01-01", "id"),
            Self::Clusters => ("/groups/", "/clusters", "2024-08-05", "id"),
            Self::FlexClusters => ("/groups/", "/flexClusters", "2024-11-13", "id"),
            Self::EncryptionAtRest => ("/groups/", "/encryptionAtRest", "2023-01-01", "id"),
            Self::ProjectTeams => ("/groups/", "/teams", "2023-01-01", "teamId"),
            Self::ProjectServiceAccounts => ("/groups/", "/serviceAccounts", "2024-08-05", "clientId"),
        };
        Layout { parent, child, version, row_id }
    }

    /// What metrics and traces call it.
    const fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Organization => "organization",
            Self::Users => "users",
            Self::Teams => "teams",
            Self::ApiKeys => "api_keys",
            Self::ServiceAccounts => "service_accounts",
            Self::Projects => "projects",
            Self::Clusters => "clusters",
            Self::FlexClusters => "flex_clusters",
            Self::EncryptionAtRest => "encryption_at_rest",
            Self::ProjectTeams => "project_teams",
            Self::ProjectServiceAccounts => "project_service_accounts",
        }
    }

    const fn set(self) -> EndpointSet {
        match self {
            Self::Root => EndpointSet::Root,
            Self::Organization | Self::Projects => EndpointSet::Organization,
            Self::Users => EndpointSet::Users,
            Self::Teams => EndpointSet::Teams,
            Self::ApiKeys | Self::ServiceAccounts => EndpointSet::Keys,
            Self::Clusters => EndpointSet::Clusters,
            Self::EncryptionAtRest => EndpointSet::EncryptionAtRest,
            Self::FlexClusters | Self::ProjectTeams | Self::ProjectServiceAccounts => EndpointSet::Project,
        }
    }
}

/// A read of one organization or project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    read: Read,
    id: String,
}

impl Endpoint {
    pub const fn root() -> Self {
        Self { read: Read::Root, id: String::new() }
    }

    /// `id` is the organization's or project's; anything but 24 lower-case hex digits is refused.
    pub fn new(read: Read, id: &str) -> Result<Self, AtlasError> {
        if read == Read::Root {
            return Ok(Self::root());
        }
        if !is_hex_id(id) {
            return Err(AtlasError::unexpected("an id that is not 24 hex digits"));
        }
        Ok(Self { read, id: id.to_owned() })
    }

    pub(super) const fn kind(&self) -> Read {
        self.read
    }

    pub(super) const fn name(&self) -> &'static str {
        self.read.name()
    }

    pub(super) fn accept(&self) -> String {
        format!("application/vnd.atlas.{}+json", self.read.layout().version)
    }

    pub(super) fn row_id(&self) -> &'static str {
        self.read.layout().row_id
    }

    /// The bucket that a call with this key draws on.
    pub(super) fn bucket(&self, public_key: &str) -> BucketKey {
        let set = self.read.set();
        let owner = match set.scope() {
            BucketScope::User => public_key,
            BucketScope::Organization | BucketScope::Group => self.id.as_str(),
        };
        (set, owner.to_owned())
    }

    /// The address below `base`, of one page where `page` is given.
    pub(super) fn url(&self, base: &Url, page: Option<u32>) -> Url {
        let Layout { parent, child, .. } = self.read.layout();
        let mut url = base.clone();
        url.set_path(&format!("{}/api/atlas/v2{parent}{}{child}", base.path().trim_end_matches('/'), self.id));
        url.set_fragment(None);
        url.set_query(page.map(|number| format!("pageNum={number}&itemsPerPage={PAGE_SIZE}")).as_deref());
        url
    }
}

const PAGE_SIZE: u32 = 500;

fn is_hex_id(id: &str) -> bool {
    id.len() == 24 && id.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "64ecb5ca726c787590a9aaea";

    #[test]
    fn a_page_is_numbered_by_us_below_the_configured_base() {
        let base = Url::parse("https://cloud.mongodb.com/gateway/?a=b#c").unwrap();
        let url = Endpoint::new(Read::Users, ID).unwrap().url(&base, Some(3));
        assert_eq!(
            url.as_str(),
            "https://cloud.mongodb.com/gateway/api/atlas/v2/orgs/64ecb5ca726c787590a9aaea/users?pageNum=3&itemsPerPage=500"
        );
        assert_eq!(Endpoint::root().url(&base, None).as_str(), "https://cloud.mongodb.com/gateway/api/atlas/v2");
    }

    #[test]
    fn endpoints_of_one_set_share_the_bucket_of_their_owner() {
        let bucket = |read, id| Endpoint::new(read, id).unwrap().bucket("pubkey05");
        let other = "0123456789abcdef01234567";
        assert_eq!(bucket(Read::Projects, ID), bucket(Read::Organization, ID));
        assert_eq!(bucket(Read::FlexClusters, ID), bucket(Read::ProjectTeams, ID));
        assert_ne!(bucket(Read::FlexClusters, ID), bucket(Read::Clusters, ID));
        assert_ne!(bucket(Read::Clusters, ID), bucket(Read::Clusters, other));
        assert_eq!(Endpoint::root().bucket("pubkey05"), (EndpointSet::Root, "pubkey05".to_owned()));
    }

    #[test]
    fn only_24_lower_case_hex_digits_reach_a_path() {
        let hostile = [
            "",
            "../../../../etc/passwd",
            "64ECB5CA726C787590A9AAEA",
            "64ecb5ca726c787590a9aae",
            "64ecb5ca726c787590a9aae/",
        ];
        for id in hostile {
            assert_eq!(Endpoint::new(Read::Clusters, id).unwrap_err().code(), "UNEXPECTED_RESPONSE", "{id}");
        }
    }
}
