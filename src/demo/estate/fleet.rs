//! Fleet Platform: what the robots need to move. Mostly healthy, with one of each large shape.

use serde_json::json;

use super::{ADA, BRUNO, CHIDI, DANA, FARAH, ISABEL, project};
use crate::demo::build::{Cluster, Region, cluster, customer_key, region, tags, team_roles};
use crate::demo::model::ProjectEstate;

pub const NAME: &str = "Fleet Platform";

pub fn estate() -> ProjectEstate {
    let mut fleet = project(NAME);
    let id = fleet.id.clone();
    fleet.tags = tags(&[("environment", "production"), ("cost-center", "4100")]);
    fleet.encryption = json!({
        "awsKms": customer_key(true, true),
        "azureKeyVault": customer_key(true, false),
        "enabledForSearchNodes": false,
        // Atlas did not say whether this one works.
        "googleCloudKms": { "requirePrivateNetworking": false },
    });
    fleet.teams = vec![
        team_roles("Platform", &["GROUP_CLUSTER_MANAGER", "GROUP_DATA_ACCESS_READ_ONLY"]),
        team_roles("On-call", &["GROUP_READ_ONLY"]),
    ];
    let shapes = [core(&id), global(&id), commands(&id), geo(&id), reports(&id), core_shadow(&id)];
    fleet.clusters = shapes.into_iter().chain(keyed(&id)).map(|cluster| cluster.body()).collect();
    fleet
}

/// Passes everything.
fn core(id: &str) -> Cluster {
    cluster(id, "fleet-core").field("encryptionAtRestProvider", "AWS").tags(&[
        ("owner", ADA),
        ("description", "Positions and orders of every robot"),
        ("contains-user-data", "true"),
    ])
}

/// One node in each of three clouds: replicated across them, in no single one.
fn global(id: &str) -> Cluster {
    let regions = [
        region("AWS", "EU_WEST_1", "M40").nodes(1),
        region("AZURE", "EUROPE_WEST", "M40").nodes(1).priority(6),
        region("GCP", "WESTERN_EUROPE", "M40").nodes(1).priority(5),
    ];
    cluster(id, "fleet-global").regions(&regions).tls("TLS1_3").tags(&[
        ("Owner", "ADA@Northwind-Robotics.example"),
        ("description", "Maps that every site reads"),
        ("contains-user-data", "no"),
    ])
}

/// Three shards, of which the second lacks a vote and does not grow.
fn commands(id: &str) -> Cluster {
    let sound = [region("AWS", "EU_WEST_1", "M50")];
    let weak = [region("AWS", "EU_WEST_1", "M50").nodes(2).read_only(1).storage_scaling(false)];
    cluster(id, "fleet-commands").sharded(&[&sound, &weak, &sound]).tags(&[
        ("owner", CHIDI),
        ("contains-user-data", "false"),
        ("environment", "production"),
    ])
}

/// A zone for each continent, with the read-only nodes of the other.
fn geo(id: &str) -> Cluster {
    let zone = |home: &str, away: &str| -> [Region; 2] {
        [region("AWS", home, "M30"), region("AWS", away, "M30").nodes(0).read_only(2).priority(0)]
    };
    let (europe, america) = (zone("EU_CENTRAL_1", "US_EAST_1"), zone("US_EAST_1", "EU_CENTRAL_1"));
    cluster(id, "fleet-geo")
        .zoned(&[("Europe", &europe), ("America", &america)])
        .tags(&[("owner", FARAH), ("description", "Sites, by continent")])
}

/// A region with analytics nodes only, and one that was emptied; both say no to growth.
fn reports(id: &str) -> Cluster {
    let emptied = region("AWS", "AP_SOUTH_1", "M40").nodes(0).priority(0).storage_scaling(false).tier_scaling(false);
    let regions = [
        region("AWS", "EU_WEST_1", "M40"),
        region("AWS", "EU_NORTH_1", "M40")
            .nodes(0)
            .analytics(1, "M60")
            .priority(0)
            .tier_scaling(false)
            .analytics_scaling(true),
        emptied,
    ];
    cluster(id, "fleet-reports")
        .regions(&regions)
        .tags(&[("description", "Nightly reports"), ("contains-user-data", "false")])
}

/// Made by Atlas for itself.
fn core_shadow(id: &str) -> Cluster {
    cluster(id, "fleet-core-shadow").field("internalClusterRole", "INTERNAL_SHADOW_CLUSTER")
}

/// Three clusters under customer keys that do not work, or do not say.
fn keyed(id: &str) -> [Cluster; 3] {
    [
        cluster(id, "fleet-maps")
            .regions(&[region("AZURE", "EUROPE_NORTH", "M40")])
            .field("encryptionAtRestProvider", "AZURE")
            .tags(&[("owner", DANA), ("description", "Floor plans of the halls"), ("contains-user-data", "no")]),
        cluster(id, "fleet-archive")
            .regions(&[region("GCP", "EUROPE_WEST_4", "R40")])
            .field("encryptionAtRestProvider", "GCP")
            .tags(&[("owner", BRUNO), ("description", "Journeys of past years"), ("contains-user-data", "yes")]),
        cluster(id, "fleet-horizon").field("encryptionAtRestProvider", "QUANTUM_SAFE").tags(&[
            ("owner", ISABEL),
            ("description", "Trial of a new kind of key"),
            ("contains-user-data", "false"),
        ]),
    ]
}
