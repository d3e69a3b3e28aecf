//! The catalogue of controls: pure judgement over facts and a clock.
//!
//! A control is one file here and one line in [`ALL`]. Knows the domain only: no database, no network, no GraphQL.

mod access_reviewed;
mod accounts_associated;
mod autoscaling;
mod backed_up;
mod control;
mod dedicated;
mod deprovisioned;
pub mod derive;
mod descriptions;
mod dormant_privileged;
mod encrypted;
mod leaving;
mod owners;
mod policy;
mod replicated;
mod saying;
mod storage_autoscaling;
mod tier_autoscaling;
mod user_data;

#[cfg(test)]
mod tests;

pub use control::{AccountFacts, AssetFacts, Control, FrameworkReference, Judged, Origin, Severity, SubjectKind};
pub use derive::{
    AnnotationSource, Link, LinkSource, Manual, PeopleIndex, Standing, UserDataClassification, link, standing,
};
pub use leaving::{day_over, leaves_at};
pub use policy::Policy;

/// Every control, in the order in which people are shown them.
pub const ALL: &[Control] = &[
    owners::CONTROL,
    descriptions::CONTROL,
    user_data::CONTROL,
    accounts_associated::CONTROL,
    deprovisioned::CONTROL,
    storage_autoscaling::CONTROL,
    tier_autoscaling::CONTROL,
    backed_up::CONTROL,
    encrypted::CONTROL,
    dedicated::CONTROL,
    replicated::CONTROL,
    access_reviewed::CONTROL,
    dormant_privileged::CONTROL,
];

/// The control with this key.
pub fn find(key: &str) -> Option<&'static Control> {
    ALL.iter().find(|control| control.key == key)
}
