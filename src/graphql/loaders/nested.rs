//! Lists inside lists: the same page of many parents is one statement.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use async_graphql::dataloader::Loader;

use crate::controls;
use crate::domain::Instant;
use crate::graphql::error::ApiError;
use crate::store::Reader;
use crate::store::read::page::{Slice, Window};
use crate::store::read::{AssetParent, ResultFilter, ReviewItemFilter, StatusInterval};
use crate::store::views::{AccountView, AssetView, ResultView, ReviewItemView, SyncRunView};

/// Pages of assets, by what they hang on.
pub struct AssetsOf(pub Reader);

impl Loader<(AssetParent, i64, Window)> for AssetsOf {
    type Value = Slice<Arc<AssetView>>;
    type Error = ApiError;

    async fn load(
        &self,
        keys: &[(AssetParent, i64, Window)],
    ) -> Result<HashMap<(AssetParent, i64, Window), Self::Value>, ApiError> {
        let mut pages = HashMap::new();
        for ((parent, window), ids) in grouped(keys.iter().map(|(parent, id, window)| ((*parent, window), *id))) {
            for (id, slice) in self.0.assets_of(parent, &ids, window).await? {
                pages.insert((parent, id, window.clone()), slice.shared());
            }
        }
        Ok(pages)
    }
}

/// Pages of the items of reviews.
pub struct ItemsOf(pub Reader);

impl Loader<(i64, ReviewItemFilter, Window)> for ItemsOf {
    type Value = Slice<Arc<ReviewItemView>>;
    type Error = ApiError;

    async fn load(
        &self,
        keys: &[(i64, ReviewItemFilter, Window)],
    ) -> Result<HashMap<(i64, ReviewItemFilter, Window), Self::Value>, ApiError> {
        let mut pages = HashMap::new();
        for ((filter, window), ids) in grouped(keys.iter().map(|(id, filter, window)| ((filter, window), *id))) {
            for (id, slice) in self.0.review_items(&ids, filter, window).await? {
                pages.insert((id, filter.clone(), window.clone()), slice.shared());
            }
        }
        Ok(pages)
    }
}

/// How many items reviews have.
pub struct ItemCounts(pub Reader);

impl Loader<(i64, ReviewItemFilter)> for ItemCounts {
    type Value = u64;
    type Error = ApiError;

    async fn load(&self, keys: &[(i64, ReviewItemFilter)]) -> Result<HashMap<(i64, ReviewItemFilter), u64>, ApiError> {
        let mut counts = HashMap::new();
        for (filter, ids) in grouped(keys.iter().map(|(id, filter)| (filter, *id))) {
            let found = self.0.count_review_items(&ids, filter).await?;
            counts.extend(found.into_iter().map(|(id, count)| ((id, filter.clone()), count)));
        }
        Ok(counts)
    }
}

/// How many assets hang on something.
pub struct AssetCounts(pub Reader);

impl Loader<(AssetParent, i64)> for AssetCounts {
    type Value = u64;
    type Error = ApiError;

    async fn load(&self, keys: &[(AssetParent, i64)]) -> Result<HashMap<(AssetParent, i64), u64>, ApiError> {
        let mut counts = HashMap::new();
        for (parent, ids) in grouped(keys.iter().copied()) {
            let found = self.0.count_assets_of(parent, &ids).await?;
            counts.extend(found.into_iter().map(|(id, count)| ((parent, id), count)));
        }
        Ok(counts)
    }
}

/// Pages of accounts, by person.
pub struct AccountsOf(pub Reader);

impl Loader<(i64, Window)> for AccountsOf {
    type Value = Slice<Arc<AccountView>>;
    type Error = ApiError;

    async fn load(&self, keys: &[(i64, Window)]) -> Result<HashMap<(i64, Window), Self::Value>, ApiError> {
        let mut pages = HashMap::new();
        for (window, people) in grouped(keys.iter().map(|(person, window)| (window, *person))) {
            for (person, slice) in self.0.accounts_of(&people, window).await? {
                pages.insert((person, window.clone()), slice.shared());
            }
        }
        Ok(pages)
    }
}

/// How many accounts a person has.
pub struct AccountCounts(pub Reader);

impl Loader<i64> for AccountCounts {
    type Value = u64;
    type Error = ApiError;

    async fn load(&self, people: &[i64]) -> Result<HashMap<i64, u64>, ApiError> {
        Ok(self.0.count_accounts_of(people).await?)
    }
}

/// A control's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ControlKey(pub &'static str);

/// Pages of results, by control and by what else is asked of them.
pub struct ResultsOf(pub Reader);

impl Loader<(ControlKey, ResultFilter, Window)> for ResultsOf {
    type Value = Slice<Arc<ResultView>>;
    type Error = ApiError;

    async fn load(
        &self,
        keys: &[(ControlKey, ResultFilter, Window)],
    ) -> Result<HashMap<(ControlKey, ResultFilter, Window), Self::Value>, ApiError> {
        let mut pages = HashMap::new();
        let asked = keys.iter().map(|(control, filter, window)| ((filter, window), control.0));
        for ((filter, window), controls) in grouped(asked) {
            let mut found = self.0.results_by_control(&controls, filter, window).await?;
            for control in controls {
                let slice = found.remove(control).unwrap_or_default();
                pages.insert((ControlKey(control), filter.clone(), window.clone()), slice.shared());
            }
        }
        Ok(pages)
    }
}

/// How many results a control has.
pub struct ResultCounts(pub Reader);

impl Loader<(ControlKey, ResultFilter)> for ResultCounts {
    type Value = u64;
    type Error = ApiError;

    async fn load(
        &self,
        keys: &[(ControlKey, ResultFilter)],
    ) -> Result<HashMap<(ControlKey, ResultFilter), u64>, ApiError> {
        let mut counts = HashMap::new();
        for (filter, controls) in grouped(keys.iter().map(|(control, filter)| (filter, control.0))) {
            let found = self.0.count_results_by_control(&controls, filter).await?;
            for control in controls {
                counts.insert((ControlKey(control), filter.clone()), found.get(control).copied().unwrap_or(0));
            }
        }
        Ok(counts)
    }
}

/// Two instants, either of which may be open.
pub type Between = (Option<Instant>, Option<Instant>);

/// How the statuses of controls went.
pub struct Histories(pub Reader);

impl Loader<(ControlKey, Between)> for Histories {
    type Value = Vec<StatusInterval>;
    type Error = ApiError;

    async fn load(
        &self,
        keys: &[(ControlKey, Between)],
    ) -> Result<HashMap<(ControlKey, Between), Self::Value>, ApiError> {
        let mut histories = HashMap::new();
        for ((from, to), controls) in grouped(keys.iter().map(|(control, between)| (*between, control.0))) {
            let resting = controls.iter().filter_map(|key| controls::find(key)).map(|found| (found.key, found.scopes));
            let mut found = self.0.status_histories(&resting.collect::<Vec<_>>(), from, to).await?;
            for control in controls {
                histories.insert((ControlKey(control), (from, to)), found.remove(control).unwrap_or_default());
            }
        }
        Ok(histories)
    }
}

/// Pages of syncs, by integration.
pub struct RunsOf(pub Reader);

impl Loader<(i64, Window)> for RunsOf {
    type Value = Slice<Arc<SyncRunView>>;
    type Error = ApiError;

    async fn load(&self, keys: &[(i64, Window)]) -> Result<HashMap<(i64, Window), Self::Value>, ApiError> {
        let mut pages = HashMap::new();
        for (window, integrations) in grouped(keys.iter().map(|(integration, window)| (window, *integration))) {
            for (integration, slice) in self.0.runs_of(&integrations, window).await? {
                pages.insert((integration, window.clone()), slice.shared());
            }
        }
        Ok(pages)
    }
}

/// How many syncs an integration had.
pub struct RunCounts(pub Reader);

impl Loader<i64> for RunCounts {
    type Value = u64;
    type Error = ApiError;

    async fn load(&self, integrations: &[i64]) -> Result<HashMap<i64, u64>, ApiError> {
        Ok(self.0.count_runs_of(integrations).await?)
    }
}

fn grouped<K: Eq + Hash, P>(pairs: impl Iterator<Item = (K, P)>) -> HashMap<K, Vec<P>> {
    let mut groups: HashMap<K, Vec<P>> = HashMap::new();
    for (key, id) in pairs {
        groups.entry(key).or_default().push(id);
    }
    groups
}
