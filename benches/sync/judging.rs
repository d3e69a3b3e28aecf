//! Judging in memory: no database, one core.

use std::collections::HashMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::Result;
use slategate::controls::{self, AccountFacts, AssetFacts, PeopleIndex, Policy};
use slategate::domain::Person;
use slategate::domain::review::ReviewRecord;
use slategate::store::Store;

/// How long it takes to judge everything in the workspace, and how many verdicts that gives.
pub async fn judge(store: &Store, workspace: i64) -> Result<(Duration, usize)> {
    let writer = store.writer(workspace).await?;
    let assets = writer.asset_inputs(&writer.todays_assets().await?).await?;
    let accounts = writer.account_inputs(&writer.todays_accounts().await?).await?;
    let people: HashMap<i64, Person> =
        writer.people(None).await?.into_iter().map(|stored| (stored.id, stored.person)).collect();
    let (policy, now) = (Policy::default(), writer.at());
    drop(writer);

    let mut verdicts = 0;
    let began = Instant::now();
    let index = PeopleIndex::new(people.iter().map(|(id, person)| (*id, person)));
    for asset in &assets {
        let standing = controls::standing(&asset.cluster, &asset.manual, &index, &policy);
        let owner = standing.owner.and_then(|id| people.get(&id));
        let encryption = asset.encryption.as_ref();
        let facts = AssetFacts { cluster: &asset.cluster, standing: &standing, owner, encryption };
        for control in controls::ALL {
            verdicts += usize::from(black_box(control.judge_asset(&facts, &policy, now)).is_some());
        }
    }
    for account in &accounts {
        let link = controls::link(&account.account, account.manual_person, &index);
        let person = link.person.and_then(|id| people.get(&id));
        let facts = AccountFacts {
            account: &account.account,
            privileged: account.privileged,
            link: &link,
            person,
            any_personnel: true,
            first_seen_at: account.first_seen_at,
            review: ReviewRecord::default(),
        };
        for control in controls::ALL {
            verdicts += usize::from(black_box(control.judge_account(&facts, &policy, now)).is_some());
        }
    }
    Ok((began.elapsed(), verdicts))
}
