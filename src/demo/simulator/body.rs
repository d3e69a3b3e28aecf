//! The bodies: the estate as one key is allowed to see it.
//!
//! Runs after every check has passed; knows no HTTP beyond the refusals it returns.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::answer::Refused;
use super::endpoint::{Endpoint, Target};
use super::page::{Query, self_link};
use super::{member, page};
use crate::demo::model::{Key, KeyRole, Organization, ProjectEstate};
use secrecy::ExposeSecret;

/// The body of a target for a key of this organization.
pub fn body(
    own: &Organization,
    key: &Key,
    target: &Target,
    project: Option<&ProjectEstate>,
    query: &Query,
) -> Result<Value, Refused> {
    match project {
        Some(project) => project_body(own, project, target, query),
        None => organization_body(own, key, target, query),
    }
}

fn organization_body(own: &Organization, key: &Key, target: &Target, query: &Query) -> Result<Value, Refused> {
    let list = |rows: &[Value]| Ok(query.list(rows, target.endpoint.counts()));
    match target.endpoint {
        Endpoint::Organizations => list(&organizations(own, key, query)),
        Endpoint::Organization => Ok(organization(own)),
        Endpoint::OrganizationSettings => Ok(settings(own)),
        Endpoint::OrganizationProjects | Endpoint::Projects => list(&projects(own, key)),
        Endpoint::Users => list(&member::of_organization(own, query)?),
        Endpoint::Teams => list(&own.teams),
        Endpoint::TeamUsers => list(&member::of_team(own, target.child.as_deref().unwrap_or_default(), query)?),
        Endpoint::ApiKeys => list(&keys(own)),
        Endpoint::ServiceAccounts => list(&own.service_accounts),
        _ => Ok(root(own, key)),
    }
}

fn project_body(own: &Organization, project: &ProjectEstate, target: &Target, query: &Query) -> Result<Value, Refused> {
    let list = |rows: &[Value]| Ok(query.list(rows, target.endpoint.counts()));
    let name = target.child.as_deref().unwrap_or_default();
    match target.endpoint {
        Endpoint::ProjectUsers => list(&member::of_project(own, project, query)?),
        Endpoint::ProjectTeams => list(&project.teams),
        Endpoint::ProjectServiceAccounts => list(&project.service_accounts),
        Endpoint::Clusters => list(&project.clusters),
        Endpoint::FlexClusters => list(&project.flex),
        Endpoint::Cluster => named(&project.clusters, name).ok_or_else(|| match named(&project.flex, name) {
            Some(_) => wrong_api(
                "CANNOT_USE_FLEX_CLUSTER_IN_CLUSTER_API",
                format!("Flex cluster {name} cannot be used in the Cluster API."),
                name,
            ),
            None => no_cluster(name, &project.id),
        }),
        Endpoint::FlexCluster => named(&project.flex, name).ok_or_else(|| match named(&project.clusters, name) {
            Some(_) => wrong_api(
                "CANNOT_USE_NON_FLEX_CLUSTER_IN_FLEX_API",
                format!("Cannot use non-flex cluster {name} in the flex API."),
                name,
            ),
            None => no_cluster(name, &project.id),
        }),
        Endpoint::EncryptionAtRest => Ok(project.encryption.clone()),
        _ => Ok(project_row(own, project)),
    }
}

fn root(own: &Organization, key: &Key) -> Value {
    let access: Vec<Value> = key.access_list.iter().map(|entry| access_entry(entry)).collect();
    json!({
        "apiKey": {
            "accessList": access,
            "id": key.id,
            "publicKey": key.public,
            "roles": roles(own, key),
        },
        "appName": "MongoDB Atlas",
        "build": "7c1f0f9f2f3ad0a5a4a2c0f6d3b1e8a95b6d4c21",
        "links": page::self_link(""),
        "throttling": false,
    })
}

fn access_entry(entry: &str) -> Value {
    match entry.split_once('/') {
        Some((address, "32")) => json!({ "ipAddress": address, "cidrBlock": entry }),
        Some(_) => json!({ "cidrBlock": entry }),
        None => json!({ "ipAddress": entry, "cidrBlock": format!("{entry}/32") }),
    }
}

fn roles(own: &Organization, key: &Key) -> Vec<Value> {
    key.roles
        .iter()
        .map(|role| match role {
            KeyRole::Organization(word) => json!({ "orgId": own.id, "roleName": word }),
            KeyRole::Project { project, role } => json!({ "groupId": project, "roleName": role }),
        })
        .collect()
}

fn organizations(own: &Organization, key: &Key, query: &Query) -> Vec<Value> {
    let prefix = query.all("name").next().unwrap_or_default().to_lowercase();
    let visible = key.is_member() && own.name.to_lowercase().starts_with(&prefix);
    visible.then(|| organization(own)).into_iter().collect()
}

fn organization(own: &Organization) -> Value {
    json!({
        "id": own.id,
        "isDeleted": false,
        "links": self_link(&format!("/orgs/{}", own.id)),
        "name": own.name,
        "skipDefaultAlertsSettings": false,
    })
}

fn settings(own: &Organization) -> Value {
    json!({
        "apiAccessListRequired": own.access_list_required,
        "customSessionTimeouts": { "absoluteSessionTimeoutInSeconds": 43_200, "idleSessionTimeoutInSeconds": null },
        "genAIFeaturesEnabled": true,
        "maxServiceAccountSecretValidityInHours": 2160,
        "multiFactorAuthRequired": true,
        "operationsContact": null,
        "restrictEmployeeAccess": false,
        "securityContact": "",
        "streamsCrossGroupEnabled": false,
    })
}

/// Private keys come back masked, with their last twelve characters readable. Keys that are not members are not listed.
fn keys(own: &Organization) -> Vec<Value> {
    own.keys
        .iter()
        .filter(|key| key.is_member())
        .map(|key| {
            let private = key.private.expose_secret();
            let tail = private.len().checked_sub(12).and_then(|start| private.get(start..)).unwrap_or_default();
            json!({
                "desc": key.description,
                "id": key.id,
                "links": self_link(&format!("/orgs/{}/apiKeys/{}", own.id, key.id)),
                "privateKey": format!("********-****-****-{tail}"),
                "publicKey": key.public,
                "roles": roles(own, key),
            })
        })
        .collect()
}

fn projects(own: &Organization, key: &Key) -> Vec<Value> {
    own.projects
        .iter()
        .filter(|project| key.reads_project(&project.id))
        .map(|project| project_row(own, project))
        .collect()
}

fn project_row(own: &Organization, project: &ProjectEstate) -> Value {
    json!({
        "clusterCount": project.clusters.len() + project.flex.len(),
        "created": project.created,
        "id": project.id,
        "links": self_link(&format!("/groups/{}", project.id)),
        "name": project.name,
        "orgId": own.id,
        "tags": project.tags,
        "withDefaultAlertsSettings": true,
    })
}

fn named(clusters: &[Value], name: &str) -> Option<Value> {
    clusters.iter().find(|cluster| cluster["name"] == name).cloned()
}

fn wrong_api(code: &str, detail: String, name: &str) -> Refused {
    Refused::new(StatusCode::BAD_REQUEST, code, detail).parameters(json!([name]))
}

fn no_cluster(name: &str, project: &str) -> Refused {
    let detail = format!("No cluster named {name} exists in group {project}.");
    Refused::not_found("CLUSTER_NOT_FOUND", detail, json!([name, project]))
}
