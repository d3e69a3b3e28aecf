//! The estates of the demonstration.
//!
//! Northwind Robotics holds, somewhere, every reason that Atlas data can bring about; the healthy reasons are all on `fleet-core`.
//!
//! | Control | Reason | Where |
//! | --- | --- | --- |
//! | owners | `OWNED` | `fleet-core` (tag), `fleet-global` (alias in capitals), `telemetry-edge` (by hand) |
//! | owners | `NO_OWNER` | `fleet-reports` (no tag), `loyalty` (blank tag) |
//! | owners | `OWNER_LEFT` | `fleet-maps` (left), `telemetry-cold` (last day over), `lab-notebook` (by hand) |
//! | owners | `OWNER_NOT_IN_PERSONNEL` | `orders` |
//! | descriptions | `DESCRIBED` | `fleet-core` (tag), `telemetry-edge` (by hand) |
//! | descriptions | `NO_DESCRIPTION` | `fleet-commands` (no tag), `carts` (blank tag) |
//! | user data | `CLASSIFIED` | `fleet-core` (yes), `fleet-global` (no), `checkout` (by hand, over a tag that says nothing) |
//! | user data | `NOT_CLASSIFIED` | `fleet-geo` (no tag), `orders-eu` (garbage) |
//! | storage | `STORAGE_AUTOSCALING_ON` | `fleet-core`; `fleet-reports` (a region without nodes says no) |
//! | storage | `STORAGE_AUTOSCALING_OFF` | `orders-eu` (false), `invoices` (missing), `refunds` (null), `fleet-commands` (shard 2) |
//! | storage, tier | `..._AUTOSCALING_UNREAD` | `carts` (a word and a number) |
//! | storage, tier | `LOCAL_NVME` | `telemetry-ingest` |
//! | storage, tier | `SHARED_TIER` | `lab-notebook`, `lab-bench`, `lab-flex` |
//! | tier | `TIER_AUTOSCALING_ON` | `fleet-core`; `fleet-reports` (its analytics-only region is off) |
//! | tier | `TIER_AUTOSCALING_OFF` | `checkout` (false), `invoices` (missing), `refunds` (null) |
//! | backup | `BACKUP_ON` | `fleet-core`, `lab-flex` |
//! | backup | `BACKUP_OFF` | `telemetry-hot`, `telemetry-cold` (point in time alone), `lab-scratch` (flex) |
//! | backup | `TIER_HAS_NO_BACKUP` | `lab-notebook` (M0) |
//! | backup | `BACKUP_UNREAD` | `telemetry-edge` (missing), `lab-mystery` (flex, missing) |
//! | encrypted | `ENCRYPTED` | `fleet-core` (customer key), `fleet-global` (provider's key), `lab-notebook` (no TLS floor on shared) |
//! | encrypted | `CUSTOMER_KEY_INVALID` | `fleet-maps` (AZURE), `lab-vision` (the project's block is switched off) |
//! | encrypted | `KEY_VALIDITY_UNREAD` | `fleet-archive` (GCP block without values), `website-vault` (no block), `fleet-horizon` (a word of tomorrow) |
//! | encrypted | `WEAK_TLS` | `telemetry-retro` (`TLS1_1`) |
//! | encrypted | `TLS_FLOOR_UNREAD` | `telemetry-probe` (missing), `telemetry-modern` (unparsable) |
//! | dedicated | `DEDICATED` | `fleet-core`; `orders` (M200); `telemetry-next` (a tier of tomorrow) |
//! | dedicated | `SHARED_TIER` | `lab-notebook` (M0), `lab-bench` (M5 that is FLEX), `lab-flex` |
//! | replicated | `REPLICATED` | `fleet-core`; `fleet-global` (one node in each of three clouds); `lab-flex` (no count) |
//! | replicated | `TOO_FEW_ELECTABLE_NODES` | `loyalty` (one node), `fleet-commands` (shard 2 has two and a read-only one) |
//! | replicated | `NODE_COUNT_UNREAD` | `catalog` |
//! | all of a cluster | `CLUSTER_CREATING` | `pricing` |
//! | none | not inventory | `pricing-old` (DELETING), `fleet-core-shadow` (internal) |
//! | associated | `ASSOCIATED` | `ada.lindqvist` (e-mail), `hana@sato-consulting` (alias), `nwwriter` (by hand) |
//! | associated | `NO_PERSON` | `contractor@freelance`, `nwreader`, both service accounts |
//! | associated | `AMBIGUOUS_PERSON` | `platform@northwind-robotics` |
//! | deprovisioned | `PERSON_ACTIVE` | `ada.lindqvist`; `farah.haddad` (leaves in 2035) |
//! | deprovisioned | `ACCOUNT_OF_LEAVER` | `dana.whitfield`, `emil.novak` (date only), `goran.petrov` (invited) |
//! | deprovisioned | `ACCOUNT_NOT_LINKED` | `contractor@freelance` and every other account without a person |
//!
//! `NO_CUSTOMER_KEY` needs a setting, `NO_PERSONNEL` an empty register and `STALE_EVIDENCE` time: no estate shows them by itself.

mod accounts;
mod commerce;
mod fleet;
mod harbour;
mod lab;
mod telemetry;
mod website;

#[cfg(test)]
mod tests;

use super::build;
use super::keys::{LIGHTHOUSE, LIGHTHOUSE_READER, NORTHWIND, OUTFITTERS, OUTFITTERS_READER};
use super::model::{Organization, ProjectEstate};

/// Every organization that the demonstration's Atlas knows; Northwind Robotics is the first.
pub fn organizations() -> Vec<Organization> {
    vec![northwind(), harbour::contoso(), lighthouse(), outfitters()]
}

fn northwind() -> Organization {
    let mut organization = organization(NORTHWIND);
    organization.projects =
        vec![fleet::estate(), telemetry::estate(), commerce::estate(), lab::estate(), website::estate()];
    accounts::fill(&mut organization);
    organization
}

/// Connects and has nothing to show.
fn lighthouse() -> Organization {
    let mut organization = organization(LIGHTHOUSE);
    organization.keys = vec![LIGHTHOUSE_READER.key(&["ORG_READ_ONLY"])];
    organization
}

/// Has not paid.
fn outfitters() -> Organization {
    let mut organization = organization(OUTFITTERS);
    organization.suspended = true;
    organization.keys = vec![OUTFITTERS_READER.key(&["ORG_READ_ONLY"])];
    organization.projects = vec![project("Shop")];
    organization
}

fn organization(name: &str) -> Organization {
    Organization::new(&build::id(&format!("organization/{name}")), name)
}

fn project(name: &str) -> ProjectEstate {
    ProjectEstate::new(&project_id(name), name)
}

fn project_id(name: &str) -> String {
    build::id(&format!("project/{name}"))
}

const ADA: &str = "ada.lindqvist@northwind-robotics.example";
const BRUNO: &str = "bruno.castellano@northwind-robotics.example";
const CHIDI: &str = "chidi.okafor@northwind-robotics.example";
const DANA: &str = "dana.whitfield@northwind-robotics.example";
const EMIL: &str = "emil.novak@northwind-robotics.example";
const FARAH: &str = "farah.haddad@northwind-robotics.example";
const ISABEL: &str = "isabel.moreau@northwind-robotics.example";
