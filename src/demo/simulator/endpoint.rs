//! The endpoints that are served: paths, versions, buckets.
//!
//! One row per endpoint. Knows nothing of keys or bodies.

use super::bucket::EndpointSet;
use crate::domain::ScopeKind;

/// Everything is below this path.
pub const ROOT: &str = "/api/atlas/v2";

/// What a path asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub endpoint: Endpoint,
    /// The organization or project in the path.
    pub parent: Option<String>,
    /// The team or cluster in the path.
    pub child: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    Root,
    Organizations,
    Organization,
    OrganizationSettings,
    OrganizationProjects,
    Users,
    Teams,
    TeamUsers,
    ApiKeys,
    ServiceAccounts,
    Projects,
    Project,
    ProjectUsers,
    ProjectTeams,
    ProjectServiceAccounts,
    Clusters,
    Cluster,
    FlexClusters,
    FlexCluster,
    EncryptionAtRest,
}

impl Target {
    /// None when nothing is served there.
    pub fn parse(path: &str) -> Option<Self> {
        use Endpoint as E;
        let rest = path.strip_prefix(ROOT)?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let segments: Vec<&str> = rest.split('/').skip(1).collect();
        let (endpoint, parent, child) = match segments.as_slice() {
            [] if rest.is_empty() => (E::Root, None, None),
            ["orgs"] => (E::Organizations, None, None),
            ["orgs", id] => (E::Organization, Some(id), None),
            ["orgs", id, "settings"] => (E::OrganizationSettings, Some(id), None),
            ["orgs", id, "groups"] => (E::OrganizationProjects, Some(id), None),
            ["orgs", id, "users"] => (E::Users, Some(id), None),
            ["orgs", id, "teams"] => (E::Teams, Some(id), None),
            ["orgs", id, "teams", team, "users"] => (E::TeamUsers, Some(id), Some(team)),
            ["orgs", id, "apiKeys"] => (E::ApiKeys, Some(id), None),
            ["orgs", id, "serviceAccounts"] => (E::ServiceAccounts, Some(id), None),
            ["groups"] => (E::Projects, None, None),
            ["groups", id] => (E::Project, Some(id), None),
            ["groups", id, "users"] => (E::ProjectUsers, Some(id), None),
            ["groups", id, "teams"] => (E::ProjectTeams, Some(id), None),
            ["groups", id, "serviceAccounts"] => (E::ProjectServiceAccounts, Some(id), None),
            ["groups", id, "clusters"] => (E::Clusters, Some(id), None),
            ["groups", id, "clusters", name] => (E::Cluster, Some(id), Some(name)),
            ["groups", id, "flexClusters"] => (E::FlexClusters, Some(id), None),
            ["groups", id, "flexClusters", name] => (E::FlexCluster, Some(id), Some(name)),
            ["groups", id, "encryptionAtRest"] => (E::EncryptionAtRest, Some(id), None),
            _ => return None,
        };
        let owned = |segment: Option<&&str>| segment.map(|text| (*text).to_owned());
        Some(Self { endpoint, parent: owned(parent), child: owned(child) })
    }

    /// The project in the path.
    pub fn project(&self) -> Option<&str> {
        self.parent.as_deref().filter(|_| self.endpoint.is_of_project())
    }
}

impl Endpoint {
    /// The first version whose shape is served. Older shapes of clusters and users exist at Atlas and not here.
    pub fn version(self) -> &'static str {
        match self {
            Self::ServiceAccounts | Self::ProjectServiceAccounts | Self::Clusters | Self::Cluster => "2024-08-05",
            Self::FlexClusters | Self::FlexCluster => "2024-11-13",
            Self::Users | Self::TeamUsers | Self::ProjectUsers => "2025-02-19",
            _ => "2023-01-01",
        }
    }

    pub fn bucket(self) -> EndpointSet {
        match self {
            Self::Root => EndpointSet::Root,
            Self::Organizations => EndpointSet::Organizations,
            Self::Organization | Self::OrganizationProjects => EndpointSet::Organization,
            Self::OrganizationSettings => EndpointSet::OrganizationSettings,
            Self::Users => EndpointSet::Users,
            Self::Teams | Self::TeamUsers => EndpointSet::Teams,
            Self::ApiKeys | Self::ServiceAccounts => EndpointSet::Keys,
            Self::Projects => EndpointSet::Projects,
            Self::Clusters | Self::Cluster => EndpointSet::Clusters,
            Self::EncryptionAtRest => EndpointSet::EncryptionAtRest,
            Self::Project
            | Self::ProjectUsers
            | Self::ProjectTeams
            | Self::ProjectServiceAccounts
            | Self::FlexClusters
            | Self::FlexCluster => EndpointSet::Project,
        }
    }

    /// The kind of list that a sync reads here.
    pub fn scope_kind(self) -> Option<ScopeKind> {
        match self {
            Self::Organizations | Self::Organization | Self::OrganizationSettings => Some(ScopeKind::Organization),
            Self::Users | Self::ProjectUsers => Some(ScopeKind::Users),
            Self::Teams | Self::TeamUsers | Self::ProjectTeams => Some(ScopeKind::Teams),
            Self::ApiKeys => Some(ScopeKind::ApiKeys),
            Self::ServiceAccounts | Self::ProjectServiceAccounts => Some(ScopeKind::ServiceAccounts),
            Self::OrganizationProjects | Self::Projects | Self::Project => Some(ScopeKind::Projects),
            Self::Clusters | Self::Cluster => Some(ScopeKind::Clusters),
            Self::FlexClusters | Self::FlexCluster => Some(ScopeKind::FlexClusters),
            Self::EncryptionAtRest => Some(ScopeKind::EncryptionAtRest),
            Self::Root => None,
        }
    }

    /// `includeCount` is a parameter of this list.
    pub fn counts(self) -> bool {
        !matches!(self, Self::TeamUsers | Self::ServiceAccounts | Self::ProjectServiceAccounts)
    }

    pub fn is_of_project(self) -> bool {
        matches!(
            self,
            Self::Project
                | Self::ProjectUsers
                | Self::ProjectTeams
                | Self::ProjectServiceAccounts
                | Self::Clusters
                | Self::Cluster
                | Self::FlexClusters
                | Self::FlexCluster
                | Self::EncryptionAtRest
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_their_endpoint_parent_and_child() {
        let target = |path: &str| {
            Target::parse(path)
                .map(|found| (found.endpoint, found.parent.unwrap_or_default(), found.child.unwrap_or_default()))
        };
        let expected = |endpoint, parent: &str, child: &str| Some((endpoint, parent.to_owned(), child.to_owned()));
        assert_eq!(target("/api/atlas/v2"), expected(Endpoint::Root, "", ""));
        assert_eq!(target("/api/atlas/v2/"), expected(Endpoint::Root, "", ""));
        assert_eq!(target("/api/atlas/v2/orgs/o/teams/t/users"), expected(Endpoint::TeamUsers, "o", "t"));
        assert_eq!(target("/api/atlas/v2/groups/g/clusters/c"), expected(Endpoint::Cluster, "g", "c"));
        assert_eq!(target("/api/atlas/v2x"), None);
        assert_eq!(target("/api/atlas/v2/groups/g/clusters/c/d"), None);
        assert_eq!(target("/api/atlas/v1.0/orgs"), None);
    }
}
