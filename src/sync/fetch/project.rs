//! Everything that is read of one project.

use crate::atlas::convert::{self, TeamRoles};
use crate::atlas::{AtlasError, Client, Endpoint, Read};
use crate::domain::{Cluster, EncryptionAtRest, ScopeKind, ScopeRead};

use super::list::{read_list, scope_failure};

/// Which of the optional lists are worth a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Needs {
    pub teams: bool,
    pub service_accounts: bool,
}

/// What was read of one project, and how each list ended.
pub(super) struct ProjectRead {
    /// Its 24-hex id.
    pub project: String,
    pub clusters: Vec<Cluster>,
    pub encryption: Option<EncryptionAtRest>,
    pub team_roles: Vec<TeamRoles>,
    /// Client ids and their roles here.
    pub service_account_roles: Vec<(String, Vec<String>)>,
    pub scopes: Vec<ScopeRead>,
}

pub(super) async fn read_project(client: &Client, id: &str, needs: Needs) -> Result<ProjectRead, AtlasError> {
    let convert = |row: &_| convert::cluster(row, id);
    let dedicated = read_list(client, ScopeKind::Clusters, Read::Clusters, id, convert).await?.of_project(id);
    let convert = |row: &_| convert::flex_cluster(row, id);
    let flex = read_list(client, ScopeKind::FlexClusters, Read::FlexClusters, id, convert).await?.of_project(id);
    let (encryption, scope) = read_encryption(client, id).await?;
    let mut found = ProjectRead {
        project: id.to_owned(),
        clusters: dedicated.rows.into_iter().chain(flex.rows).collect(),
        encryption,
        team_roles: Vec::new(),
        service_account_roles: Vec::new(),
        scopes: vec![dedicated.scope, flex.scope, scope],
    };
    if needs.teams {
        let convert = |row: &_| convert::team_roles(row).map(Some);
        let list = read_list(client, ScopeKind::Teams, Read::ProjectTeams, id, convert).await?.of_project(id);
        found.team_roles = list.rows;
        found.scopes.push(list.scope);
    }
    if needs.service_accounts {
        let (kind, read) = (ScopeKind::ServiceAccounts, Read::ProjectServiceAccounts);
        let convert = |row: &_| convert::service_account_project_roles(row).map(Some);
        let list = read_list(client, kind, read, id, convert).await?.of_project(id);
        found.service_account_roles = list.rows;
        found.scopes.push(list.scope);
    }
    Ok(found)
}

async fn read_encryption(client: &Client, id: &str) -> Result<(Option<EncryptionAtRest>, ScopeRead), AtlasError> {
    let kind = ScopeKind::EncryptionAtRest;
    let body = match Endpoint::new(Read::EncryptionAtRest, id) {
        Ok(endpoint) => client.object(&endpoint).await,
        Err(error) => Err(error),
    };
    let read = body.and_then(|body| convert::encryption_at_rest(&body).map_err(|_odd| NOT_AN_OBJECT));
    let (encryption, failure) = match read {
        Ok(encryption) => (Some(encryption), None),
        Err(error) => (None, Some(scope_failure(kind, error)?)),
    };
    Ok((encryption, ScopeRead { kind, project: Some(id.to_owned()), failure }))
}

const NOT_AN_OBJECT: AtlasError = AtlasError::UnexpectedResponse { what: "encryption at rest that is no object" };
