//! Reads everything a sync needs from Atlas, outside any transaction, and says which lists were read to the end.
//!
//! One list's failure costs that list. Only what bars every call of the key ends the run. Writes nothing.

mod list;
mod project;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::stream::{self, StreamExt, TryStreamExt};

use self::list::{List, read_list};
use self::project::{Needs, ProjectRead, read_project};
use crate::atlas::convert::{self, Team, TeamRoles, UserRow};
use crate::atlas::{AtlasError, Client, Read};
use crate::domain::{Account, KeyProfile, Organization, Project, ScopeKind, ScopeRead, Snapshot};

crate::words! {
    /// How far a fetch has come.
    FetchStage { Credentials = "CREDENTIALS", Users = "USERS", Projects = "PROJECTS", Clusters = "CLUSTERS" }
}

/// `done` of `total` lists (of projects, in the last stage) are read. None: the total is not known yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchProgress {
    pub stage: FetchStage,
    pub done: usize,
    pub total: Option<usize>,
}

/// Hears of progress.
pub type Listener<'a> = &'a (dyn Fn(FetchProgress) + Send + Sync);

/// The run ended without a snapshot.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the fetch ended in stage {}", stage.word())]
pub struct FetchFailure {
    #[source]
    pub error: AtlasError,
    pub stage: FetchStage,
}

impl FetchStage {
    fn fails(self) -> impl Fn(AtlasError) -> FetchFailure {
        move |error| FetchFailure { error, stage: self }
    }
}

/// Reads the organization. `known_projects` (24-hex ids stored before) stand in where the list of projects fails.
pub async fn fetch(
    client: &Client,
    organization: &str,
    known_projects: &[String],
    progress: Listener<'_>,
) -> Result<Snapshot, FetchFailure> {
    let (key, named) = read_key(client, organization, progress).await.map_err(FetchStage::Credentials.fails())?;
    let members = read_members(client, organization, progress).await.map_err(FetchStage::Users.fails())?;
    let projects = read_projects(client, organization, progress).await.map_err(FetchStage::Projects.fails())?;
    let named = match named {
        // Nothing of the organization could be read: that is no snapshot.
        Err(error) if members.all_failed() && projects.scope.failure.is_some() => {
            return Err(FetchFailure { error, stage: FetchStage::Credentials });
        }
        named => named,
    };
    let ids = project_ids(&projects, known_projects);
    let reads = read_each(client, &ids, members.needs(), progress).await.map_err(FetchStage::Clusters.fails())?;
    let own = ScopeRead { kind: ScopeKind::Organization, project: None, failure: None };
    let (organization, own) = match named {
        Ok(organization) => (Some(organization), own),
        Err(error) => {
            let failure = list::scope_failure(own.kind, error).map_err(FetchStage::Credentials.fails())?;
            (None, ScopeRead { failure: Some(failure), ..own })
        }
    };
    Ok(assemble(organization, own, key, members, projects, reads))
}

/// The key, and the organization where it can be read: its lists may be readable all the same.
async fn read_key(
    client: &Client,
    organization: &str,
    progress: Listener<'_>,
) -> Result<(KeyProfile, Result<Organization, AtlasError>), AtlasError> {
    let said = |done| progress(FetchProgress { stage: FetchStage::Credentials, done, total: Some(2) });
    said(0);
    let key = client.whoami().await?;
    said(1);
    if key.organization.as_deref().is_some_and(|own| own != organization) {
        return Err(AtlasError::WrongOrganization);
    }
    let named = client.organization(organization).await;
    if let Err(error) = &named
        && (error.bars_every_call() || error.is_transient())
    {
        return Err(error.clone());
    }
    said(2);
    Ok((key, named))
}

/// Everybody and everything that can sign in.
struct Members {
    users: List<UserRow>,
    teams: List<Team>,
    api_keys: List<Account>,
    service_accounts: List<Account>,
}

impl Members {
    /// What has to be asked of each project. A list that failed may hide what it would have named.
    fn needs(&self) -> Needs {
        Needs { teams: self.teams.may_have_rows(), service_accounts: self.service_accounts.may_have_rows() }
    }

    fn all_failed(&self) -> bool {
        let scopes = [&self.users.scope, &self.teams.scope, &self.api_keys.scope, &self.service_accounts.scope];
        scopes.iter().all(|scope| scope.failure.is_some())
    }
}

async fn read_members(client: &Client, id: &str, progress: Listener<'_>) -> Result<Members, AtlasError> {
    let done = AtomicUsize::new(0);
    let said = |done| progress(FetchProgress { stage: FetchStage::Users, done, total: Some(4) });
    let step = || said(done.fetch_add(1, Ordering::Relaxed) + 1);
    said(0);
    let users = async { read_list(client, ScopeKind::Users, Read::Users, id, convert::user).await.inspect(|_| step()) };
    let teams = async {
        let convert = |row: &_| convert::team(row).map(Some);
        read_list(client, ScopeKind::Teams, Read::Teams, id, convert).await.inspect(|_| step())
    };
    let api_keys = async {
        let convert = |row: &_| convert::api_key(row).map(Some);
        read_list(client, ScopeKind::ApiKeys, Read::ApiKeys, id, convert).await.inspect(|_| step())
    };
    let service_accounts = async {
        let convert = |row: &_| convert::service_account(row).map(Some);
        read_list(client, ScopeKind::ServiceAccounts, Read::ServiceAccounts, id, convert).await.inspect(|_| step())
    };
    let (users, teams, api_keys, service_accounts) = futures_util::try_join!(users, teams, api_keys, service_accounts)?;
    Ok(Members { users, teams, api_keys, service_accounts })
}

async fn read_projects(
    client: &Client,
    organization: &str,
    progress: Listener<'_>,
) -> Result<List<Project>, AtlasError> {
    progress(FetchProgress { stage: FetchStage::Projects, done: 0, total: Some(1) });
    let convert = |row: &_| convert::project(row).map(Some);
    let projects = read_list(client, ScopeKind::Projects, Read::Projects, organization, convert).await?;
    progress(FetchProgress { stage: FetchStage::Projects, done: 1, total: Some(1) });
    Ok(projects)
}

/// The projects to read: those listed and, where the list is not whole, those known from before.
fn project_ids(listed: &List<Project>, known: &[String]) -> Vec<String> {
    let mut ids: Vec<String> = listed.rows.iter().map(|project| project.atlas_id.clone()).collect();
    if listed.scope.failure.is_some() {
        for id in known {
            if !ids.contains(id) {
                ids.push(id.clone());
            }
        }
    }
    ids
}

/// Reads the projects side by side; the first error stops all of them.
async fn read_each(
    client: &Client,
    ids: &[String],
    needs: Needs,
    progress: Listener<'_>,
) -> Result<Vec<ProjectRead>, AtlasError> {
    let done = AtomicUsize::new(0);
    let said = |done| progress(FetchProgress { stage: FetchStage::Clusters, done, total: Some(ids.len()) });
    said(0);
    let one = async |id: &String| {
        let read = read_project(client, id, needs).await;
        said(done.fetch_add(1, Ordering::Relaxed) + 1);
        read
    };
    let reads: Vec<_> = ids.iter().map(one).collect();
    // Twice the lanes: none stands idle while the body of its last answer is read, or a slow project holds up the row.
    stream::iter(reads).buffered(client.lanes() * 2).try_collect().await
}

fn assemble(
    organization: Option<Organization>,
    own: ScopeRead,
    key: KeyProfile,
    members: Members,
    projects: List<Project>,
    reads: Vec<ProjectRead>,
) -> Snapshot {
    let Members { users, teams, api_keys, service_accounts } = members;
    let mut scopes = vec![own, users.scope, teams.scope, api_keys.scope, service_accounts.scope, projects.scope];
    let (mut clusters, mut encryption) = (Vec::new(), Vec::new());
    let mut team_roles: HashMap<String, Vec<(String, TeamRoles)>> = HashMap::new();
    let mut granted: BTreeMap<String, Vec<(String, Vec<String>)>> = BTreeMap::new();
    for read in reads {
        scopes.extend(read.scopes);
        clusters.extend(read.clusters);
        encryption.extend(read.encryption.map(|found| (read.project.clone(), found)));
        for roles in read.team_roles {
            team_roles.entry(roles.team_id.clone()).or_default().push((read.project.clone(), roles));
        }
        for (client_id, roles) in read.service_account_roles {
            granted.entry(client_id).or_default().push((read.project.clone(), roles));
        }
    }
    let names: BTreeMap<String, String> = teams.rows.into_iter().map(|team| (team.id, team.name)).collect();
    let users = users.rows.into_iter().map(|user| {
        let own: Vec<_> = user.team_ids.iter().filter_map(|team| team_roles.get(team)).flatten().cloned().collect();
        convert::with_team_grants(user, &names, &own)
    });
    let service_accounts = service_accounts.rows.into_iter().map(|account| match granted.get(&account.atlas_id) {
        Some(roles) => convert::with_project_grants(account, roles),
        None => account,
    });
    let accounts = users.chain(api_keys.rows).chain(service_accounts).collect();
    Snapshot { organization, key, projects: projects.rows, clusters, accounts, encryption, scopes }
}
