//! What lists can be narrowed by, and how that is said to the store.

use async_graphql::{Enum, ID, InputObject};

use super::account::{AccountFlag, AccountKind, AccountStatus};
use super::asset::UserDataClassification;
use super::cluster::AtlasDeployment;
use super::control::{ControlOrigin, ControlStatus, Severity};
use super::control_result::Outcome;
use super::ids::{IdKind, wanted, wanted_subject};
use super::person::EmploymentStatus;
use super::sync_run::SyncStatus;
use crate::controls;
use crate::store::read;
use crate::store::read::page::Direction;

/// Which end of an order comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum OrderDirection {
    /// The smallest or earliest.
    Asc,
    /// The largest or latest.
    Desc,
}

impl From<OrderDirection> for Direction {
    fn from(direction: OrderDirection) -> Self {
        match direction {
            OrderDirection::Asc => Self::Ascending,
            OrderDirection::Desc => Self::Descending,
        }
    }
}

/// The store's words for a list of ours.
fn words<T, U: From<T>>(words: Option<Vec<T>>) -> Option<Vec<U>> {
    words.map(|words| words.into_iter().map(U::from).collect())
}

/// Only assets that fit all of this. An id that names nothing matches nothing.
#[derive(Debug, Default, InputObject)]
pub struct AssetFilter {
    /// Its name contains this, in upper or lower case.
    search: Option<String>,
    /// It was read through this integration.
    integration_id: Option<ID>,
    /// It lives in this project.
    project_id: Option<ID>,
    /// It is hosted in one of these ways.
    deployment: Option<Vec<AtlasDeployment>>,
    /// It has nodes in this cloud, as Atlas spells it, such as `AWS`.
    cloud: Option<String>,
    /// It has nodes in this region, as Atlas spells it, such as `EU_WEST_1`.
    region: Option<String>,
    /// It has nodes of this instance size, such as `M30`.
    tier: Option<String>,
    /// This person owns it.
    owner_id: Option<ID>,
    /// It has an owner, or has none.
    has_owner: Option<bool>,
    /// It has a description, or has none.
    has_description: Option<bool>,
    /// It is classified in one of these ways.
    user_data: Option<Vec<UserDataClassification>>,
    /// It fails the control with this key.
    failing: Option<String>,
    /// Removed assets are shown too.
    #[graphql(default_with = "Some(false)")]
    include_removed: Option<bool>,
}

impl From<AssetFilter> for read::AssetFilter {
    fn from(filter: AssetFilter) -> Self {
        Self {
            search: filter.search,
            integration_id: wanted(filter.integration_id.as_ref(), IdKind::Integration),
            project_id: wanted(filter.project_id.as_ref(), IdKind::Project),
            deployment: words(filter.deployment),
            cloud: filter.cloud,
            region: filter.region,
            tier: filter.tier,
            owner_id: wanted(filter.owner_id.as_ref(), IdKind::Person),
            has_owner: filter.has_owner,
            has_description: filter.has_description,
            user_data: words(filter.user_data),
            failing: filter.failing,
            include_removed: filter.include_removed.unwrap_or(false),
            ids: None,
        }
    }
}

/// Only accounts that fit all of this. An id that names nothing matches nothing.
#[derive(Debug, Default, InputObject)]
pub struct AccountFilter {
    /// Its login, display name or e-mail address contains this, in upper or lower case.
    search: Option<String>,
    /// It was read through this integration.
    integration_id: Option<ID>,
    /// It is of one of these kinds.
    kind: Option<Vec<AccountKind>>,
    /// It has one of these states.
    status: Option<Vec<AccountStatus>>,
    /// It holds this role, as Atlas spells it; with `projectId`, on that project.
    role: Option<String>,
    /// It holds a role on this project.
    project_id: Option<ID>,
    /// It is linked to this person.
    person_id: Option<ID>,
    /// It has at least one of these flags.
    flag: Option<Vec<AccountFlag>>,
    /// It has all of these flags.
    all_flags: Option<Vec<AccountFlag>>,
    /// Removed accounts are shown too.
    #[graphql(default_with = "Some(false)")]
    include_removed: Option<bool>,
}

impl From<AccountFilter> for read::AccountFilter {
    fn from(filter: AccountFilter) -> Self {
        Self {
            search: filter.search,
            integration_id: wanted(filter.integration_id.as_ref(), IdKind::Integration),
            kind: words(filter.kind),
            status: words(filter.status),
            role: filter.role,
            project_id: wanted(filter.project_id.as_ref(), IdKind::Project),
            person_id: wanted(filter.person_id.as_ref(), IdKind::Person),
            flag: words(filter.flag),
            all_flags: words(filter.all_flags),
            include_removed: filter.include_removed.unwrap_or(false),
            ids: None,
        }
    }
}

/// Only projects that fit all of this. An id that names nothing matches nothing.
#[derive(Debug, Default, InputObject)]
pub struct ProjectFilter {
    /// Its name contains this, in upper or lower case.
    search: Option<String>,
    /// It was read through this integration.
    integration_id: Option<ID>,
}

impl From<ProjectFilter> for read::ProjectFilter {
    fn from(filter: ProjectFilter) -> Self {
        Self { search: filter.search, integration_id: wanted(filter.integration_id.as_ref(), IdKind::Integration) }
    }
}

/// Only people who fit all of this.
#[derive(Debug, Default, InputObject)]
pub struct PersonFilter {
    /// The name or an e-mail address contains this, in upper or lower case.
    search: Option<String>,
    /// The person has one of these states.
    status: Option<Vec<EmploymentStatus>>,
}

impl From<PersonFilter> for read::PersonFilter {
    fn from(filter: PersonFilter) -> Self {
        Self { search: filter.search, status: words(filter.status) }
    }
}

/// Only controls that fit all of this.
#[derive(Debug, Default, InputObject)]
pub struct ControlFilter {
    /// It stands in one of these ways.
    pub(super) status: Option<Vec<ControlStatus>>,
    /// It is this severe.
    severity: Option<Vec<Severity>>,
    /// It is one of the eleven controls, or one that was added to them.
    origin: Option<ControlOrigin>,
    /// It serves this framework or criterion, such as `SOC 2` or `CC6.1`, in upper or lower case.
    framework: Option<String>,
}

impl ControlFilter {
    /// Fits in all that does not depend on what was read.
    pub(super) fn fits(&self, control: &controls::Control) -> bool {
        let severe = self.severity.as_ref().is_none_or(|wanted| wanted.contains(&control.severity.into()));
        let serves = self.framework.as_deref().map(str::trim).is_none_or(|wanted| {
            control.frameworks.iter().any(|reference| {
                wanted.eq_ignore_ascii_case(reference.framework) || wanted.eq_ignore_ascii_case(reference.criterion)
            })
        });
        let is_of_origin = self.origin.is_none_or(|wanted| wanted == control.origin.into());
        severe && serves && is_of_origin
    }
}

/// Only results that fit all of this. An id that names nothing matches nothing.
#[derive(Debug, Default, InputObject)]
pub struct ControlResultFilter {
    /// The control with this key speaks.
    control_key: Option<String>,
    /// It has one of these outcomes.
    outcome: Option<Vec<Outcome>>,
    /// It speaks about this cluster or account.
    subject_id: Option<ID>,
}

impl From<ControlResultFilter> for read::ResultFilter {
    fn from(filter: ControlResultFilter) -> Self {
        Self {
            control_key: filter.control_key,
            outcome: words(filter.outcome),
            subject: filter.subject_id.as_ref().map(wanted_subject),
        }
    }
}

impl ControlResultFilter {
    /// What else is asked of one control's results; asking there for another control's finds nothing.
    pub(super) fn of_control(self, key: &str) -> read::ResultFilter {
        let is_other = self.control_key.as_deref().is_some_and(|wanted| wanted != key);
        let filter = read::ResultFilter { control_key: None, ..self.into() };
        if is_other { read::ResultFilter { outcome: Some(Vec::new()), ..filter } } else { filter }
    }
}

/// Only syncs that fit all of this. An id that names nothing matches nothing.
#[derive(Debug, Default, InputObject)]
pub struct SyncRunFilter {
    /// It is a sync of this integration.
    integration_id: Option<ID>,
    /// It has one of these states.
    status: Option<Vec<SyncStatus>>,
}

impl From<SyncRunFilter> for read::RunFilter {
    fn from(filter: SyncRunFilter) -> Self {
        Self {
            integration_id: wanted(filter.integration_id.as_ref(), IdKind::Integration),
            status: words(filter.status),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serving(framework: &str) -> Vec<&'static str> {
        let filter = ControlFilter { framework: Some(framework.to_owned()), ..ControlFilter::default() };
        controls::ALL.iter().filter(|control| filter.fits(control)).map(|control| control.key).collect()
    }

    #[test]
    fn a_framework_is_found_by_name_or_criterion_in_any_case() {
        assert_eq!(serving("soc 2").len(), controls::ALL.len());
        assert_eq!(serving("a.8.24"), ["clusters-encrypted"]);
        assert_eq!(serving("CC6"), [""; 0]);
    }

    #[test]
    fn another_controls_results_are_not_found_among_this_ones() {
        let filter = ControlResultFilter { control_key: Some("b".to_owned()), ..ControlResultFilter::default() };

        let filter = filter.of_control("a");

        assert_eq!((filter.control_key, filter.outcome), (None, Some(Vec::new())));
    }
}
