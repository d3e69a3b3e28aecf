//! Batches: what many fields of one moment ask for is read in one statement each.

mod nested;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::dataloader::{DataLoader, HashMapCache, Loader};
use chrono::TimeDelta;

use super::batches::Batches;
use super::error::ApiError;
pub use nested::ControlKey;
use nested::{AccountCounts, AccountsOf, AssetCounts, AssetsOf, Histories, ResultCounts, ResultsOf, RunCounts, RunsOf};

use crate::domain::{EncryptionAtRest, Instant};
use crate::store::Reader;
use crate::store::views::{
    AccountView, AssetView, GrantView, IntegrationView, PersonView, ProjectView, ResultView, ScopeView, SubjectKind,
    SyncRunView,
};

type Batched<L> = DataLoader<L, HashMapCache>;

/// One set for each moment, so a batch never outlives the request it was made for.
pub struct Loaders {
    pub integrations: Batched<Integrations>,
    pub projects: Batched<Projects>,
    pub people: Batched<People>,
    pub assets: Batched<Assets>,
    pub accounts: Batched<Accounts>,
    pub runs: Batched<Runs>,
    pub grants: Batched<Grants>,
    pub results: Batched<Results>,
    pub encryption: Batched<Encryption>,
    pub cluster_counts: Batched<ClusterCounts>,
    pub last_reads: Batched<LastReads>,
    pub reads_before: Batched<ReadsBefore>,
    pub latest_runs: Batched<LatestRuns>,
    pub scopes: Batched<Scopes>,
    pub assets_of: Batched<AssetsOf>,
    pub asset_counts: Batched<AssetCounts>,
    pub accounts_of: Batched<AccountsOf>,
    pub account_counts: Batched<AccountCounts>,
    pub results_of: Batched<ResultsOf>,
    pub result_counts: Batched<ResultCounts>,
    pub histories: Batched<Histories>,
    pub runs_of: Batched<RunsOf>,
    pub run_counts: Batched<RunCounts>,
}

impl Loaders {
    pub fn new(reader: &Reader, batches: &Batches) -> Self {
        Self {
            integrations: batched(Integrations(reader.clone()), batches),
            projects: batched(Projects(reader.clone()), batches),
            people: batched(People(reader.clone()), batches),
            assets: batched(Assets(reader.clone()), batches),
            accounts: batched(Accounts(reader.clone()), batches),
            runs: batched(Runs(reader.clone()), batches),
            grants: batched(Grants(reader.clone()), batches),
            results: batched(Results(reader.clone()), batches),
            encryption: batched(Encryption(reader.clone()), batches),
            cluster_counts: batched(ClusterCounts(reader.clone()), batches),
            last_reads: batched(LastReads(reader.clone()), batches),
            reads_before: batched(ReadsBefore(reader.clone()), batches),
            latest_runs: batched(LatestRuns(reader.clone()), batches),
            scopes: batched(Scopes(reader.clone()), batches),
            assets_of: batched(AssetsOf(reader.clone()), batches),
            asset_counts: batched(AssetCounts(reader.clone()), batches),
            accounts_of: batched(AccountsOf(reader.clone()), batches),
            account_counts: batched(AccountCounts(reader.clone()), batches),
            results_of: batched(ResultsOf(reader.clone()), batches),
            result_counts: batched(ResultCounts(reader.clone()), batches),
            histories: batched(Histories(reader.clone()), batches),
            runs_of: batched(RunsOf(reader.clone()), batches),
            run_counts: batched(RunCounts(reader.clone()), batches),
        }
    }
}

fn batched<L>(loader: L, batches: &Batches) -> Batched<L> {
    let batches = batches.clone();
    DataLoader::with_cache(loader, move |batch| batches.run(batch), HashMapCache::default()).delay(Duration::ZERO)
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
