//! Judging: works out what is in force for subjects, asks every control, and writes what changed.
//!
//! Always inside a [`Writer`]: verdicts become true together with the facts they rest on.

use std::collections::{BTreeSet, HashMap};

use tokio::task::consume_budget;

use crate::controls::{self, AccountFacts, AssetFacts, Judged, PeopleIndex, Policy};
use crate::domain::{Instant, Person, ScopeKind, SubjectKind};
use crate::store::write::{ResultPut, StoredPerson, StoredResult, Touched};
use crate::store::{Store, StoreError, Writer};

/// Which subjects to judge.
#[derive(Debug, Clone)]
pub enum Subjects {
    /// Every asset and account of the workspace.
    All,
    These(Touched),
}

/// Subjects that are read, judged and written together: few statements for many, and little memory for all.
const BLOCK: usize = 2_000;

/// Judges subjects again and writes the differences. How many results of subjects seen before flipped.
pub async fn rejudge(store: &Store, writer: &Writer, policy: &Policy, subjects: Subjects) -> Result<u32, StoreError> {
    let Touched { assets, accounts } = match subjects {
        Subjects::All => Touched { assets: writer.todays_assets().await?, accounts: writer.todays_accounts().await? },
        Subjects::These(touched) => touched,
    };
    let any_personnel = writer.count_people().await? > 0;
    let mut flips = 0;
    for ids in assets.chunks(BLOCK) {
        flips += judge_assets(writer, policy, ids).await?;
    }
    for ids in accounts.chunks(BLOCK) {
        flips += judge_accounts(writer, policy, any_personnel, ids).await?;
    }
    restate(store, writer).await?;
    Ok(flips)
}

/// Notes the status of every control: what time alone made of it since the last commit, and as it now is.
pub async fn restate(store: &Store, writer: &Writer) -> Result<(), StoreError> {
    let reader = store.preview(writer);
    let controls = catalogue();
    let mut turns = reader.turns_since_commit(&controls).await?;
    let coverage = reader.coverage(&controls).await?;
    drop(reader);
    let now = coverage.into_iter().map(|(key, coverage)| (key, coverage.status())).collect();
    turns.push((writer.at().timestamp_micros(), now));
    writer.put_statuses(&turns).await
}

/// Every control's key with the kinds of lists it rests on.
pub fn catalogue() -> Vec<(&'static str, &'static [ScopeKind])> {
    controls::ALL.iter().map(|control| (control.key, control.scopes)).collect()
}

/// The people that the verdicts of some subjects may rest on.
struct People {
    by_id: HashMap<i64, Person>,
    index: PeopleIndex,
}

impl People {
    /// Those with these ids, and those who answer to one of these addresses.
    async fn load<'a>(
        writer: &Writer,
        ids: impl Iterator<Item = i64>,
        addresses: impl Iterator<Item = &'a str>,
    ) -> Result<Self, StoreError> {
        let ids: Vec<i64> = ids.collect();
        let addresses: BTreeSet<String> = addresses.map(|address| address.trim().to_lowercase()).collect();
        let addresses: Vec<String> = addresses.into_iter().collect();
        let stored: Vec<StoredPerson> = writer.people(Some((&ids, &addresses))).await?;
        let index = PeopleIndex::new(stored.iter().map(|row| (row.id, &row.person)));
        Ok(Self { by_id: stored.into_iter().map(|row| (row.id, row.person)).collect(), index })
    }

    fn get(&self, id: Option<i64>) -> Option<&Person> {
        self.by_id.get(&id?)
    }
}

async fn judge_assets(writer: &Writer, policy: &Policy, ids: &[i64]) -> Result<u32, StoreError> {
    let assets = writer.asset_inputs(ids).await?;
    let owners = assets.iter().filter_map(|asset| asset.manual.owner);
    let tags = assets.iter().filter_map(|asset| asset.cluster.tag(&policy.owner_tag));
    let people = People::load(writer, owners, tags).await?;
    let judged_before = assets.iter().filter(|asset| asset.standing.is_some()).map(|asset| asset.asset_id);
    let mut sheet = Sheet::new(writer, SubjectKind::Asset, judged_before).await?;
    let (mut standings, mut replaced) = (Vec::new(), Vec::new());
    for asset in assets {
        // Requests get their turns between subjects.
        consume_budget().await;
        let standing = controls::standing(&asset.cluster, &asset.manual, &people.index, policy);
        let facts = AssetFacts {
            cluster: &asset.cluster,
            standing: &standing,
            owner: people.get(standing.owner),
            encryption: asset.encryption.as_ref(),
        };
        for control in controls::ALL {
            if let Some(judged) = control.judge_asset(&facts, policy, writer.at()) {
                let on_key = control.scopes.contains(&ScopeKind::EncryptionAtRest);
                let scopes = (asset.scope_id, asset.key_scope_id.filter(|_| on_key));
                sheet.enter(control.key, asset.integration_id, asset.asset_id, scopes, judged);
            }
        }
        if asset.standing.as_ref() != Some(&standing) {
            replaced.extend(asset.standing.map(|_| asset.asset_id));
            standings.push((asset.asset_id, standing));
        }
    }
    writer.put_standings(standings, &replaced).await?;
    sheet.write(writer).await
}

async fn judge_accounts(writer: &Writer, policy: &Policy, any_personnel: bool, ids: &[i64]) -> Result<u32, StoreError> {
    let accounts = writer.account_inputs(ids).await?;
    let linked = accounts.iter().filter_map(|account| account.manual_person);
    let emails = accounts.iter().filter_map(|account| account.account.email.as_deref());
    let people = People::load(writer, linked, emails).await?;
    let judged_before = accounts.iter().filter(|account| account.link.is_some()).map(|account| account.account_id);
    let reviews = writer.review_records(ids).await?;
    let mut sheet = Sheet::new(writer, SubjectKind::Account, judged_before).await?;
    let (mut links, mut replaced) = (Vec::new(), Vec::new());
    for account in accounts {
        consume_budget().await;
        let link = controls::link(&account.account, account.manual_person, &people.index);
        let person = people.get(link.person);
        let facts = AccountFacts {
            account: &account.account,
            privileged: account.privileged,
            first_seen_at: account.first_seen_at,
            link: &link,
            person,
            any_personnel,
            review: reviews.get(&account.account_id).copied().unwrap_or_default(),
        };
        for control in controls::ALL {
            if let Some(judged) = control.judge_account(&facts, policy, writer.at()) {
                let scopes = (account.scope_id, None);
                sheet.enter(control.key, account.integration_id, account.account_id, scopes, judged);
            }
        }
        if account.link.as_ref() != Some(&link) {
            replaced.extend(account.link.map(|_| account.account_id));
            links.push((account.account_id, link));
        }
    }
    writer.put_links(links, &replaced).await?;
    sheet.write(writer).await
}

/// Verdicts against the stored ones: only differences are written.
struct Sheet {
    kind: SubjectKind,
    at: Instant,
    stored: HashMap<(i64, String), StoredResult>,
    puts: Vec<ResultPut>,
    flips: u32,
}

impl Sheet {
    /// `judged` are the subjects that were judged before: those that something is in force for.
    async fn new(writer: &Writer, kind: SubjectKind, judged: impl Iterator<Item = i64>) -> Result<Self, StoreError> {
        let stored = writer.stored_results(kind, &judged.collect::<Vec<_>>()).await?;
        Ok(Self { kind, at: writer.at(), stored, puts: Vec::new(), flips: 0 })
    }

    fn enter(
        &mut self,
        control: &'static str,
        integration_id: i64,
        subject_id: i64,
        (scope_id, second_scope_id): (i64, Option<i64>),
        judged: Judged,
    ) {
        let before = self.stored.get(&(subject_id, control.to_owned()));
        let same_outcome = before.filter(|stored| stored.verdict.outcome == judged.verdict.outcome);
        if before.is_some() && same_outcome.is_none() {
            self.flips += 1;
        }
        let since = same_outcome.map_or(self.at, |stored| stored.since);
        let flip = judged.flip.map(|(at, verdict)| (at, verdict.into()));
        let result = StoredResult { verdict: judged.verdict.into(), since, flip, scope_id, second_scope_id };
        if before != Some(&result) {
            self.puts.push(ResultPut {
                integration_id,
                control_key: control.to_owned(),
                subject_kind: self.kind,
                subject_id,
                replaces: before.is_some(),
                result,
            });
        }
    }

    async fn write(self, writer: &Writer) -> Result<u32, StoreError> {
        writer.put_results(self.puts).await?;
        Ok(self.flips)
    }
}
