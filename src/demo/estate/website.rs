//! Website: a small project with no customer-key settings at all, although one of its clusters claims a key.

use super::{ADA, FARAH, project};
use crate::demo::build::{cluster, region};
use crate::demo::model::ProjectEstate;

pub const NAME: &str = "Website";

pub fn estate() -> ProjectEstate {
    let mut website = project(NAME);
    let id = website.id.clone();
    website.clusters = vec![
        cluster(&id, "website")
            .regions(&[region("AWS", "EU_WEST_3", "M10")])
            .field("stateName", "REPAIRING")
            .tags(&[("owner", ADA), ("description", "Pages and news"), ("contains-user-data", "FALSE")])
            .body(),
        cluster(&id, "website-vault")
            .field("encryptionAtRestProvider", "AWS")
            .tags(&[("owner", FARAH), ("description", "Contact forms"), ("contains-user-data", "Yes")])
            .body(),
    ];
    website
}
