//! Telemetry: what the robots report. Backups and TLS floors in every state.

use serde_json::json;

use super::{ADA, BRUNO, CHIDI, EMIL, FARAH, project};
use crate::demo::build::{Cluster, cluster, region, tags, team_roles};
use crate::demo::model::ProjectEstate;

pub const NAME: &str = "Telemetry";

pub fn estate() -> ProjectEstate {
    let mut telemetry = project(NAME);
    let id = telemetry.id.clone();
    telemetry.tags = tags(&[("environment", "production")]);
    telemetry.teams = vec![team_roles("On-call", &["GROUP_READ_ONLY"])];
    let clusters = tiers(&id).into_iter().chain(backups(&id)).chain(floors(&id));
    telemetry.clusters = clusters.map(|cluster| cluster.body()).collect();
    telemetry
}

/// A tier with its own disks, and one that is not published yet.
fn tiers(id: &str) -> [Cluster; 2] {
    [
        cluster(id, "telemetry-ingest")
            .regions(&[region("AWS", "EU_WEST_1", "M40_NVME").storage_scaling(false).tier_scaling(false)])
            .tags(&[("owner", BRUNO), ("description", "Raw signals of the last hour"), ("contains-user-data", "no")]),
        cluster(id, "telemetry-next")
            .regions(&[region("AWS", "EU_WEST_1", "X64_TURBO")])
            .field("stateName", "UPDATING")
            .tags(&[("owner", CHIDI), ("description", "Trial of a new tier"), ("contains-user-data", "no")]),
    ]
}

fn backups(id: &str) -> [Cluster; 3] {
    [
        cluster(id, "telemetry-hot")
            .regions(&[region("AZURE", "EUROPE_WEST", "R40")])
            .field("backupEnabled", false)
            .field("pitEnabled", false)
            .tags(&[("owner", FARAH), ("description", "Signals of this week"), ("contains-user-data", "false")]),
        // Continuous backup without the snapshots that it needs.
        cluster(id, "telemetry-cold").field("backupEnabled", false).tags(&[
            ("owner", EMIL),
            ("description", "Signals of past years"),
            ("contains-user-data", "false"),
        ]),
        // Untagged: what is known of it was entered by hand.
        cluster(id, "telemetry-edge").without("backupEnabled"),
    ]
}

/// The least TLS version: too low, left out, not a version.
fn floors(id: &str) -> [Cluster; 3] {
    let tags = [("owner", ADA), ("description", "Listens to old gateways"), ("contains-user-data", "false")];
    [
        cluster(id, "telemetry-retro").tls("TLS1_1").tags(&tags),
        cluster(id, "telemetry-probe")
            .field("advancedConfiguration", json!({ "tlsCipherConfigMode": "DEFAULT" }))
            .tags(&tags),
        cluster(id, "telemetry-modern").tls("MODERN").tags(&tags),
    ]
}
