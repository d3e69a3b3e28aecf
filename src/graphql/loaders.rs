//! Batches: what many fields of one moment ask for is read in one statement each.

mod batched;
mod nested;

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::Loader;
use chrono::TimeDelta;

use super::batches::Batches;
use super::error::ApiError;
use batched::Batched;
pub use nested::ControlKey;
use nested::{
    AccountCounts, AccountsOf, AssetCounts, AssetsOf, Between, Histories, ItemCounts, ItemsOf, ResultCounts, ResultsOf,
    RunCounts, RunsOf,
};

use crate::domain::resemblance::{local_part, name_key};
use crate::domain::{EncryptionAtRest, Instant};
use crate::store::Reader;
use crate::store::read::page::Window;
use crate::store::read::{AssetParent, ResultFilter, ReviewItemFilter};
use crate::store::views::{
    AccountView, AssetView, DecisionView, GrantView, IntegrationView, PersonView, ProjectView, ResultView,
    ReviewItemView, ReviewProgress, ReviewView, ScopeView, SubjectKind, SyncRunView,
};

/// One set for each moment, so a batch never outlives the request it was made for.
pub struct Loaders {
    pub integrations: Batched<i64, Integrations>,
    pub projects: Batched<i64, Projects>,
    pub people: Batched<i64, People>,
    pub assets: Batched<i64, Assets>,
    pub accounts: Batched<i64, Accounts>,
    pub runs: Batched<i64, Runs>,
    pub grants: Batched<i64, Grants>,
    pub results: Batched<(SubjectKind, i64), Results>,
    pub encryption: Batched<i64, Encryption>,
    pub cluster_counts: Batched<i64, ClusterCounts>,
    pub last_reads: Batched<i64, LastReads>,
    pub reads_before: Batched<(i64, Instant), ReadsBefore>,
    pub latest_runs: Batched<i64, LatestRuns>,
    pub scopes: Batched<i64, Scopes>,
    pub assets_of: Batched<(AssetParent, i64, Window), AssetsOf>,
    pub asset_counts: Batched<(AssetParent, i64), AssetCounts>,
    pub accounts_of: Batched<(i64, Window), AccountsOf>,
    pub account_counts: Batched<i64, AccountCounts>,
    pub results_of: Batched<(ControlKey, ResultFilter, Window), ResultsOf>,
    pub result_counts: Batched<(ControlKey, ResultFilter), ResultCounts>,
    pub histories: Batched<(ControlKey, Between), Histories>,
    pub runs_of: Batched<(i64, Window), RunsOf>,
    pub run_counts: Batched<i64, RunCounts>,
    pub alike: Batched<Likeness, Alike>,
    pub reviews: Batched<i64, Reviews>,
    pub review_items: Batched<i64, ReviewItems>,
    pub review_progress: Batched<i64, ReviewProgresses>,
    pub reviewers: Batched<i64, Reviewers>,
    pub decisions: Batched<i64, Decisions>,
    pub items_of: Batched<(i64, ReviewItemFilter, Window), ItemsOf>,
    pub item_counts: Batched<(i64, ReviewItemFilter), ItemCounts>,
}

impl Loaders {
    pub fn new(reader: &Reader, batches: &Batches) -> Self {
        Self {
            integrations: Batched::new(Integrations(reader.clone()), batches),
            projects: Batched::new(Projects(reader.clone()), batches),
            people: Batched::new(People(reader.clone()), batches),
            assets: Batched::new(Assets(reader.clone()), batches),
            accounts: Batched::new(Accounts(reader.clone()), batches),
            runs: Batched::new(Runs(reader.clone()), batches),
            grants: Batched::new(Grants(reader.clone()), batches),
            results: Batched::new(Results(reader.clone()), batches),
            encryption: Batched::new(Encryption(reader.clone()), batches),
            cluster_counts: Batched::new(ClusterCounts(reader.clone()), batches),
            last_reads: Batched::new(LastReads(reader.clone()), batches),
            reads_before: Batched::new(ReadsBefore(reader.clone()), batches),
            latest_runs: Batched::new(LatestRuns(reader.clone()), batches),
            scopes: Batched::new(Scopes(reader.clone()), batches),
            assets_of: Batched::new(AssetsOf(reader.clone()), batches),
            asset_counts: Batched::new(AssetCounts(reader.clone()), batches),
            accounts_of: Batched::new(AccountsOf(reader.clone()), batches),
            account_counts: Batched::new(AccountCounts(reader.clone()), batches),
            results_of: Batched::new(ResultsOf(reader.clone()), batches),
            result_counts: Batched::new(ResultCounts(reader.clone()), batches),
            histories: Batched::new(Histories(reader.clone()), batches),
            runs_of: Batched::new(RunsOf(reader.clone()), batches),
            run_counts: Batched::new(RunCounts(reader.clone()), batches),
            alike: Batched::new(Alike(reader.clone()), batches),
            reviews: Batched::new(Reviews(reader.clone()), batches),
            review_items: Batched::new(ReviewItems(reader.clone()), batches),
            review_progress: Batched::new(ReviewProgresses(reader.clone()), batches),
            reviewers: Batched::new(Reviewers(reader.clone()), batches),
            decisions: Batched::new(Decisions(reader.clone()), batches),
            items_of: Batched::new(ItemsOf(reader.clone()), batches),
            item_counts: Batched::new(ItemCounts(reader.clone()), batches),
        }
    }
}

macro_rules! rows_by_id {
    ($($loader:ident reads $read:ident into $view:ty;)+) => { $(
        pub struct $loader(Reader);

        impl Loader<i64> for $loader {
            type Value = Arc<$view>;
            type Error = ApiError;

            async fn load(&self, ids: &[i64]) -> Result<HashMap<i64, Self::Value>, ApiError> {
                let rows = self.0.$read(ids).await?;
                Ok(rows.into_iter().map(|row| (row.id, Arc::new(row))).collect())
            }
        }
    )+ };
}

rows_by_id! {
    Integrations reads integrations_by_id into IntegrationView;
    Projects reads projects_by_id into ProjectView;
    People reads people_by_id into PersonView;
    Assets reads assets_by_id into AssetView;
    Accounts reads accounts_by_id into AccountView;
    Runs reads runs_by_id into SyncRunView;
    Reviews reads reviews_by_id into ReviewView;
    ReviewItems reads review_items_by_id into ReviewItemView;
}

macro_rules! values_by_id {
    ($($loader:ident reads $read:ident into $value:ty;)+) => { $(
        pub struct $loader(Reader);

        impl Loader<i64> for $loader {
            type Value = $value;
            type Error = ApiError;

            async fn load(&self, ids: &[i64]) -> Result<HashMap<i64, Self::Value>, ApiError> {
                Ok(self.0.$read(ids).await?)
            }
        }
    )+ };
}

values_by_id! {
    Grants reads grants into Vec<GrantView>;
    Encryption reads encryption into EncryptionAtRest;
    ClusterCounts reads cluster_counts into u32;
    LastReads reads last_reads into Instant;
    Scopes reads scopes_of_runs into Vec<ScopeView>;
    ReviewProgresses reads review_progress into ReviewProgress;
    Reviewers reads reviewers into Vec<i64>;
    Decisions reads decisions into Vec<DecisionView>;
}

/// The results of assets and accounts, in the order of control keys.
pub struct Results(Reader);

impl Loader<(SubjectKind, i64)> for Results {
    type Value = Arc<[Arc<ResultView>]>;
    type Error = ApiError;

    async fn load(
        &self,
        subjects: &[(SubjectKind, i64)],
    ) -> Result<HashMap<(SubjectKind, i64), Self::Value>, ApiError> {
        let mut results: HashMap<(SubjectKind, i64), Vec<Arc<ResultView>>> =
            subjects.iter().map(|subject| (*subject, Vec::new())).collect();
        for kind in SubjectKind::ALL {
            let ids: Vec<i64> = subjects.iter().filter(|(of, _)| of == kind).map(|(_, id)| *id).collect();
            if ids.is_empty() {
                continue;
            }
            for result in self.0.results_of(*kind, &ids).await? {
                results.entry((result.subject_kind, result.subject_id)).or_default().push(Arc::new(result));
            }
        }
        Ok(results.into_iter().map(|(subject, results)| (subject, results.into())).collect())
    }
}

/// What is compared with people: the local part of an account's address and its name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Likeness {
    pub local_part: Option<String>,
    pub name: Option<String>,
}

/// People who may be meant, by e-mail address.
pub struct Alike(Reader);

impl Loader<Likeness> for Alike {
    type Value = Vec<Arc<PersonView>>;
    type Error = ApiError;

    async fn load(&self, keys: &[Likeness]) -> Result<HashMap<Likeness, Self::Value>, ApiError> {
        let locals: Vec<String> = keys.iter().filter_map(|key| key.local_part.clone()).collect();
        let names: Vec<String> = keys.iter().filter_map(|key| key.name.clone()).collect();
        let mut by_local: HashMap<String, Vec<Arc<PersonView>>> = HashMap::new();
        let mut by_name: HashMap<String, Vec<Arc<PersonView>>> = HashMap::new();
        for view in self.0.people_alike(&locals, &names).await?.into_iter().map(Arc::new) {
            by_name.entry(name_key(&view.person.full_name)).or_default().push(Arc::clone(&view));
            for address in std::iter::once(&view.person.email).chain(&view.person.aliases) {
                by_local.entry(local_part(address).to_owned()).or_default().push(Arc::clone(&view));
            }
        }
        let found = keys.iter().map(|key| {
            let local = key.local_part.as_ref().and_then(|local| by_local.get(local)).into_iter().flatten();
            let name = key.name.as_ref().and_then(|name| by_name.get(name)).into_iter().flatten();
            let mut people: Vec<Arc<PersonView>> = local.chain(name).cloned().collect();
            people.sort_by(|one, other| one.person.email.cmp(&other.person.email));
            people.dedup_by_key(|view| view.id);
            (key.clone(), people)
        });
        Ok(found.collect())
    }
}

/// When lists were last read well before something in them ended. One statement for each instant.
pub struct ReadsBefore(Reader);

impl Loader<(i64, Instant)> for ReadsBefore {
    type Value = Instant;
    type Error = ApiError;

    async fn load(&self, ends: &[(i64, Instant)]) -> Result<HashMap<(i64, Instant), Instant>, ApiError> {
        let mut scopes: HashMap<Instant, Vec<i64>> = HashMap::new();
        for (scope, ended_at) in ends {
            scopes.entry(*ended_at).or_default().push(*scope);
        }
        let mut reads = HashMap::new();
        for (ended_at, scopes) in scopes {
            let before = self.0.at(Some(ended_at - TimeDelta::microseconds(1)));
            let found = before.last_reads(&scopes).await?;
            reads.extend(found.into_iter().map(|(scope, read_at)| ((scope, ended_at), read_at)));
        }
        Ok(reads)
    }
}

/// Of an integration the last run that ended and the one queued or running.
#[derive(Debug, Clone, Default)]
pub struct LatestRun {
    pub ended: Option<Arc<SyncRunView>>,
    pub current: Option<Arc<SyncRunView>>,
}

pub struct LatestRuns(Reader);

impl Loader<i64> for LatestRuns {
    type Value = LatestRun;
    type Error = ApiError;

    async fn load(&self, integrations: &[i64]) -> Result<HashMap<i64, LatestRun>, ApiError> {
        let mut latest: HashMap<i64, LatestRun> = integrations.iter().map(|id| (*id, LatestRun::default())).collect();
        for run in self.0.latest_runs(integrations).await? {
            let of = latest.entry(run.integration_id).or_default();
            if run.finished_at.is_some() {
                of.ended = Some(Arc::new(run));
            } else {
                of.current = Some(Arc::new(run));
            }
        }
        Ok(latest)
    }
}
