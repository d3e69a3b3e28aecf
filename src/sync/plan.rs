//! The plan of a sync: what differs between the stored and the fetched estate. Pure.
//!
//! Absence is evidence only in a list that was read to the end. Removals that look like a mistake are withheld until
//! a second complete read agrees.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::held::Held;
use crate::domain::{Account, AccountKind, Deployment, Grant, GrantPath, ScopeKind, ScopeRead, Snapshot};
use crate::store::views::Changes;
use crate::store::write::{AccountPut, Estate, EstateChange, Stored};

/// Removing more than this share of a kind ...
const BRAKE_PERCENT: usize = 20;
/// ... and more than so many rows, or everything, is withheld.
const BRAKE_ROWS: usize = 10;

/// What a sync will write.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    pub change: EstateChange,
    /// Without the flips, which only judging tells.
    pub changes: Changes,
    pub held: Held,
}

/// Compares what is stored with what was fetched. `held` is what the brake withheld last time.
pub fn plan(stored: &Estate, fetched: &Snapshot, held: &Held) -> Plan {
    let read = Read::of(fetched);
    let mut plan = Plan::default();
    plan_projects(&mut plan, stored, fetched, held, &read);
    let gone = Gone::of(&plan, fetched, &read);
    plan_clusters(&mut plan, stored, fetched, held, &read, &gone);
    plan_accounts(&mut plan, stored, fetched, held, &read, &gone);
    plan.change.put_encryption = fetched
        .encryption
        .iter()
        .filter(|(project, value)| stored.encryption.get(project) != Some(value))
        .cloned()
        .collect();
    plan
}

/// How the lists were read.
struct Read<'a> {
    whole: HashSet<(ScopeKind, &'a str)>,
    failed: HashSet<(ScopeKind, &'a str)>,
}

impl<'a> Read<'a> {
    fn of(fetched: &'a Snapshot) -> Self {
        let (whole, failed): (Vec<_>, Vec<_>) = fetched.scopes.iter().partition(|scope| scope.failure.is_none());
        let key = |scope: &'a ScopeRead| (scope.kind, scope.project.as_deref().unwrap_or_default());
        Self { whole: whole.into_iter().map(key).collect(), failed: failed.into_iter().map(key).collect() }
    }

    /// The list was read to the end; only then does absence say something.
    fn whole(&self, kind: ScopeKind, project: &str) -> bool {
        self.whole.contains(&(kind, project))
    }

    fn failed(&self, kind: ScopeKind, project: &str) -> bool {
        self.failed.contains(&(kind, project))
    }
}

fn plan_projects(plan: &mut Plan, stored: &Estate, fetched: &Snapshot, held: &Held, read: &Read<'_>) {
    let known: HashMap<&str, &_> = stored.projects.iter().map(|row| (row.value.atlas_id.as_str(), row)).collect();
    let seen: HashSet<&str> = fetched.projects.iter().map(|project| project.atlas_id.as_str()).collect();
    let mut once = HashSet::new();
    for project in fetched.projects.iter().filter(|project| once.insert(project.atlas_id.as_str())) {
        match known.get(project.atlas_id.as_str()) {
            None => plan.changes.added += 1,
            Some(row) if row.value != *project => plan.changes.updated += 1,
            Some(_) => continue,
        }
        plan.change.put_projects.push(project.clone());
    }
    let mut absent = Absent::default();
    for row in stored.projects.iter().filter(|row| !seen.contains(row.value.atlas_id.as_str())) {
        absent.note(row.id, &row.value.atlas_id, read.whole(ScopeKind::Projects, ""));
    }
    plan.change.remove_projects = brake(plan, "projects", stored.projects.len(), absent, held);
}

/// Which projects are gone, by this read or an earlier one.
struct Gone<'a> {
    /// None when the list of projects was not read to the end: then none is.
    listed: Option<HashSet<&'a str>>,
    withheld: BTreeSet<String>,
}

impl<'a> Gone<'a> {
    fn of(plan: &Plan, fetched: &'a Snapshot, read: &Read<'_>) -> Self {
        let listed = fetched.projects.iter().map(|project| project.atlas_id.as_str());
        Self {
            listed: read.whole(ScopeKind::Projects, "").then(|| listed.collect()),
            withheld: plan.held.0.get("projects").cloned().unwrap_or_default(),
        }
    }

    fn has(&self, project: &str) -> bool {
        !self.withheld.contains(project) && self.listed.as_ref().is_some_and(|listed| !listed.contains(project))
    }
}

fn plan_clusters(plan: &mut Plan, stored: &Estate, fetched: &Snapshot, held: &Held, read: &Read<'_>, gone: &Gone<'_>) {
    let known: HashMap<&str, &_> = stored.clusters.iter().map(|row| (row.value.atlas_id.as_str(), row)).collect();
    let seen: HashSet<&str> = fetched.clusters.iter().map(|cluster| cluster.atlas_id.as_str()).collect();
    let mut once = HashSet::new();
    for cluster in fetched.clusters.iter().filter(|cluster| once.insert(cluster.atlas_id.as_str())) {
        match known.get(cluster.atlas_id.as_str()) {
            None => plan.changes.added += 1,
            Some(row) if row.value != *cluster => plan.changes.updated += 1,
            Some(_) => continue,
        }
        plan.change.put_clusters.push(cluster.clone());
    }
    let mut absent = Absent::default();
    for row in stored.clusters.iter().filter(|row| !seen.contains(row.value.atlas_id.as_str())) {
        let list = match row.value.deployment {
            Deployment::Flex => ScopeKind::FlexClusters,
            Deployment::Dedicated | Deployment::Shared => ScopeKind::Clusters,
        };
        let project = row.value.project.as_str();
        if gone.withheld.contains(project) {
            // It goes with its project, or stays with it.
            absent.with_project.push(&row.value.atlas_id);
        } else {
            absent.note(row.id, &row.value.atlas_id, gone.has(project) || read.whole(list, project));
        }
    }
    plan.change.remove_clusters = brake(plan, "clusters", stored.clusters.len(), absent, held);
}

fn plan_accounts(plan: &mut Plan, stored: &Estate, fetched: &Snapshot, held: &Held, read: &Read<'_>, gone: &Gone<'_>) {
    let mut known = KnownAccounts::of(&stored.accounts, &fetched.accounts);
    let (mut by_atlas, mut by_key) = (HashSet::new(), HashSet::new());
    let mut seen: HashSet<i64> = HashSet::new();
    for account in &fetched.accounts {
        let first = by_key.insert((account.kind, account.natural_key()));
        if !by_atlas.insert((account.kind, account.atlas_id.as_str())) || !first {
            continue;
        }
        let before = known.take(account);
        let account = with_unread_grants(account, before, read, gone);
        seen.extend(before.map(|row| row.id));
        match before {
            None => plan.changes.added += 1,
            Some(row) if row.value != account => plan.changes.updated += 1,
            Some(_) => continue,
        }
        plan.change.put_accounts.push(AccountPut { id: before.map(|row| row.id), account });
    }
    let mut absent = Absent::default();
    for row in stored.accounts.iter().filter(|row| !seen.contains(&row.id)) {
        let list = match row.value.kind {
            AccountKind::User => ScopeKind::Users,
            AccountKind::ApiKey => ScopeKind::ApiKeys,
            AccountKind::ServiceAccount => ScopeKind::ServiceAccounts,
        };
        absent.note(row.id, &row.value.atlas_id, read.whole(list, ""));
    }
    plan.change.remove_accounts = brake(plan, "accounts", stored.accounts.len(), absent, held);
}

/// Stored accounts by Atlas's id and by what survives a change of it. Each is found once.
struct KnownAccounts<'a> {
    by_atlas: HashMap<(AccountKind, &'a str), &'a Stored<Account>>,
    /// Without those whose id is still listed: a login may have passed to somebody else.
    by_key: HashMap<(AccountKind, String), &'a Stored<Account>>,
}

impl<'a> KnownAccounts<'a> {
    fn of(stored: &'a [Stored<Account>], fetched: &[Account]) -> Self {
        let listed: HashSet<(AccountKind, &str)> =
            fetched.iter().map(|account| (account.kind, account.atlas_id.as_str())).collect();
        let by_atlas: HashMap<_, _> =
            stored.iter().map(|row| ((row.value.kind, row.value.atlas_id.as_str()), row)).collect();
        let unlisted = stored.iter().filter(|row| !listed.contains(&(row.value.kind, row.value.atlas_id.as_str())));
        let by_key = unlisted.map(|row| ((row.value.kind, row.value.natural_key()), row)).collect();
        Self { by_atlas, by_key }
    }

    fn take(&mut self, account: &Account) -> Option<&'a Stored<Account>> {
        let by_atlas = self.by_atlas.get(&(account.kind, account.atlas_id.as_str())).copied();
        by_atlas.or_else(|| self.by_key.remove(&(account.kind, account.natural_key())))
    }
}

/// Keeps stored grants whose own list was not read: their absence says nothing.
fn with_unread_grants(
    account: &Account,
    before: Option<&Stored<Account>>,
    read: &Read<'_>,
    gone: &Gone<'_>,
) -> Account {
    let unread = |grant: &&Grant| {
        let Some(project) = grant.project.as_deref().filter(|project| !gone.has(project)) else { return false };
        // What is withheld from removal was not read either.
        let failed = |kind| gone.withheld.contains(project) || read.failed(kind, project);
        match (account.kind, grant.via) {
            (_, GrantPath::Team) => read.failed(ScopeKind::Teams, "") || failed(ScopeKind::Teams),
            (AccountKind::ServiceAccount, GrantPath::Direct) => failed(ScopeKind::ServiceAccounts),
            _ => false,
        }
    };
    let kept: Vec<&Grant> = before.into_iter().flat_map(|row| &row.value.grants).filter(unread).collect();
    let same_but_named = |grant: &Grant| {
        let named = |known: &&Grant| Grant { team: None, ..(*known).clone() } == *grant;
        grant.via == GrantPath::Team && kept.iter().any(named)
    };
    let mut account = account.clone();
    account.grants.retain(|grant| !same_but_named(grant));
    account.grants.extend(kept.into_iter().cloned());
    account.grants.sort();
    account.grants.dedup();
    account
}

/// Stored rows that the read did not show.
#[derive(Default)]
struct Absent<'a> {
    /// From lists that were read to the end.
    missing: Vec<(i64, &'a str)>,
    /// From lists that were not: that says nothing.
    unread: Vec<&'a str>,
    /// From projects whose removal is withheld.
    with_project: Vec<&'a str>,
}

impl<'a> Absent<'a> {
    fn note(&mut self, id: i64, atlas: &'a str, whole: bool) {
        if whole {
            self.missing.push((id, atlas));
        } else {
            self.unread.push(atlas);
        }
    }
}

/// Lets removals through, or withholds those that look like a mistake. A second agreeing read removes; one that could
/// not read the list again leaves them withheld.
fn brake(plan: &mut Plan, kind: &str, total: usize, absent: Absent<'_>, held: &Held) -> Vec<i64> {
    let agreed = |atlas: &str| held.contains(kind, atlas);
    let Absent { missing, unread, with_project } = absent;
    let (mut remove, fresh): (Vec<_>, Vec<_>) = missing.into_iter().partition(|(_, atlas)| agreed(atlas));
    let mut kept: Vec<&str> = unread.into_iter().filter(|atlas| agreed(atlas)).chain(with_project).collect();
    let everything = !fresh.is_empty() && fresh.len() == total - remove.len() - kept.len();
    let many = fresh.len() > BRAKE_ROWS && fresh.len() * 100 > total * BRAKE_PERCENT;
    if everything || many {
        kept.extend(fresh.into_iter().map(|(_, atlas)| atlas));
    } else {
        remove.extend(fresh);
    }
    if !kept.is_empty() {
        plan.held.0.insert(kind.to_owned(), kept.into_iter().map(str::to_owned).collect());
    }
    plan.changes.removed += i32::try_from(remove.len()).unwrap_or(i32::MAX);
    remove.into_iter().map(|(id, _)| id).collect()
}

#[cfg(test)]
mod tests;
