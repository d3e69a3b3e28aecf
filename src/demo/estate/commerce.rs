//! Commerce: shop and invoices. Autoscaling and node counts in every state, and clusters that come and go.

use serde_json::Value;

use super::{ADA, BRUNO, CHIDI, FARAH, ISABEL, project};
use crate::demo::build::{Cluster, cluster, region, service_account, tags, team_roles};
use crate::demo::model::ProjectEstate;

pub const NAME: &str = "Commerce";

pub fn estate() -> ProjectEstate {
    let mut commerce = project(NAME);
    let id = commerce.id.clone();
    commerce.tags = tags(&[("environment", "production"), ("cost-center", "4200")]);
    commerce.teams = vec![team_roles("Data Science", &["GROUP_DATA_ACCESS_READ_ONLY"])];
    commerce.service_accounts =
        vec![service_account("billing-export", "Exports invoices each night", &["GROUP_READ_ONLY"])];
    let clusters = scaling(&id).into_iter().chain(counts(&id)).chain(passing(&id));
    commerce.clusters = clusters.map(|cluster| cluster.body()).collect();
    commerce
}

/// Autoscaling on, off, left out, null, and in words that mean nothing.
fn scaling(id: &str) -> [Cluster; 6] {
    let plain = || region("AWS", "EU_CENTRAL_1", "M30");
    [
        cluster(id, "orders").regions(&[region("GCP", "WESTERN_EUROPE", "M200")]).tags(&[
            ("owner", "order.desk@northwind-robotics.example"),
            ("description", "Every order since 2021"),
            ("contains-user-data", "true"),
        ]),
        cluster(id, "orders-eu").regions(&[plain().storage_scaling(false)]).tags(&[
            ("owner", BRUNO),
            ("description", "Orders that must stay in Europe"),
            ("contains-user-data", "mostly"),
        ]),
        cluster(id, "invoices").regions(&[plain().without_scaling()]).tags(&[
            ("owner", CHIDI),
            ("description", "Invoices and reminders"),
            ("contains-user-data", "yes"),
        ]),
        cluster(id, "checkout").regions(&[plain().tier_scaling(false)]).tags(&[
            ("owner", ISABEL),
            ("description", "Open baskets on their way to an order"),
            ("contains-user-data", "tbd"),
        ]),
        cluster(id, "carts").regions(&[plain().storage_scaling("yes").tier_scaling(1)]).tags(&[
            ("owner", ADA),
            ("description", "   "),
            ("contains-user-data", "true"),
        ]),
        cluster(id, "refunds")
            .regions(&[plain().storage_scaling(Value::Null).tier_scaling(Value::Null)])
            .field("paused", true)
            .tags(&[("owner", FARAH), ("description", "Refunds of last season"), ("contains-user-data", "true")]),
    ]
}

/// Too few votes, and a count that is not there.
fn counts(id: &str) -> [Cluster; 2] {
    [
        cluster(id, "loyalty").regions(&[region("AWS", "EU_CENTRAL_1", "M10").nodes(1)]).tags(&[
            ("owner", "  "),
            ("description", "Points and vouchers"),
            ("contains-user-data", "true"),
        ]),
        cluster(id, "catalog").regions(&[region("AWS", "EU_CENTRAL_1", "M30").nodes(Value::Null)]).tags(&[
            ("owner", BRUNO),
            ("description", "Goods and prices"),
            ("contains-user-data", "no"),
        ]),
    ]
}

/// Not there yet, and almost gone.
fn passing(id: &str) -> [Cluster; 2] {
    [
        cluster(id, "pricing").field("stateName", "CREATING").tags(&[
            ("owner", CHIDI),
            ("description", "Prices by season"),
            ("contains-user-data", "no"),
        ]),
        cluster(id, "pricing-old").field("stateName", "DELETING").field("backupEnabled", false),
    ]
}
