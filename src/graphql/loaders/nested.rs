//! Lists inside lists: the same page of many parents is one statement.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use async_graphql::dataloader::Loader;

use crate::graphql::error::ApiError;
use crate::store::Reader;
use crate::store::read::AssetParent;
use crate::store::read::page::{Slice, Window};
use crate::store::views::{AccountView, AssetView};

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

fn grouped<K: Eq + Hash>(pairs: impl Iterator<Item = (K, i64)>) -> HashMap<K, Vec<i64>> {
    let mut groups: HashMap<K, Vec<i64>> = HashMap::new();
    for (key, id) in pairs {
        groups.entry(key).or_default().push(id);
    }
    groups
}
