//! Whole syncs against the simulated Atlas, on both databases.

use slategate::store::read::page::{Direction, Window};
use slategate::store::read::{AccountFilter, AssetFilter, AssetOrder};

use crate::on_both_databases;
use crate::support::World;

on_both_databases! {
    async fn a_connected_organization_is_synced_and_judged(database) {
        let world = World::new(&database).await;
        let connected = world.connect(slategate::demo::keys::READER.public).await.unwrap();
        assert_eq!(connected.warnings, []);
        assert_eq!(world.sync_due().await, 1);

        let reader = world.store.reader(world.workspace).await.unwrap();
        assert_eq!(reader.count_assets(&AssetFilter::default()).await.unwrap(), 33);
        assert_eq!(reader.count_accounts(&AccountFilter::default()).await.unwrap(), 25);
        let window = Window { limit: 50, ..Window::default() };
        let page = reader.assets(&AssetFilter::default(), AssetOrder::Name, Direction::Ascending, &window).await;
        assert_eq!(page.unwrap().rows.len(), 33);
    }
}
