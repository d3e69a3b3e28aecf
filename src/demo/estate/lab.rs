//! Research Lab: shared tiers and flex clusters, and a customer key that was switched off.

use serde_json::json;

use super::{BRUNO, CHIDI, ISABEL, project};
use crate::demo::build::{cluster, customer_key, flex, region, service_account, tags, team_roles, tenant};
use crate::demo::model::ProjectEstate;

pub const NAME: &str = "Research Lab";

pub fn estate() -> ProjectEstate {
    let mut lab = project(NAME);
    let id = lab.id.clone();
    lab.tags = tags(&[("environment", "research")]);
    lab.encryption = json!({ "googleCloudKms": customer_key(false, true) });
    lab.teams = vec![team_roles("Data Science", &["GROUP_OWNER"])];
    lab.service_accounts = vec![service_account("lab-notebooks", "", &["GROUP_DATA_ACCESS_READ_WRITE"])];
    lab.clusters = vec![
        // Untagged: its owner was entered by hand, and has left since.
        tenant(&id, "lab-notebook", "M0", "M0").body(),
        tenant(&id, "lab-bench", "M5", "FLEX")
            .field("backupEnabled", true)
            .tags(&[("owner", ISABEL), ("description", "Measurements of the bench"), ("contains-user-data", "no")])
            .body(),
        cluster(&id, "lab-vision")
            .regions(&[region("GCP", "EUROPE_WEST_4", "M30")])
            .field("encryptionAtRestProvider", "GCP")
            .tags(&[("owner", BRUNO), ("description", "Pictures for training"), ("contains-user-data", "true")])
            .body(),
    ];
    lab.flex = vec![
        flex(&id, "lab-flex")
            .tags(&[("owner", CHIDI), ("description", "Prototype of the planner"), ("contains-user-data", "no")])
            .body(),
        flex(&id, "lab-scratch").field("backupSettings", json!({ "enabled": false })).body(),
        flex(&id, "lab-mystery")
            .without("backupSettings")
            .tags(&[("owner", ISABEL), ("description", "Nobody remembers"), ("contains-user-data", "unknown")])
            .body(),
    ];
    lab
}
