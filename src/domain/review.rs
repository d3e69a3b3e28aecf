//! Access reviews: what is frozen at the start, who decides on what, and what has changed since the time before.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{Account, EmploymentStatus, Grant, Instant, LinkSource};

crate::words! {
    /// How far a review has come.
    ReviewStatus { Open = "OPEN", Completed = "COMPLETED", Closed = "CLOSED" }
}
crate::words! {
    /// What a reviewer decides about an account's access.
    ReviewDecision { Keep = "KEEP", Revoke = "REVOKE", Change = "CHANGE" }
}
crate::words! {
    /// An account's access against the review before.
    ReviewChange { New = "NEW", Changed = "CHANGED", Unchanged = "UNCHANGED" }
}
crate::words! {
    /// Whether a decision was carried out, as later syncs see it.
    RemediationStatus { Open = "OPEN", Remediated = "REMEDIATED" }
}

impl ReviewDecision {
    /// Somebody has to do something in the platform, and has to be told what.
    pub const fn needs_remediation(self) -> bool {
        matches!(self, Self::Revoke | Self::Change)
    }
}

/// Whose an account was when the review began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrozenPerson {
    pub id: i64,
    pub full_name: String,
    pub email: String,
    pub status: EmploymentStatus,
    pub ends_on: Option<NaiveDate>,
    pub source: Option<LinkSource>,
}

/// An account's access as it was when the review began. It stays, whatever becomes of the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrozenAccess {
    /// With its grants.
    pub account: Account,
    pub organization: String,
    /// The names of the projects in the grants, by Atlas id.
    pub projects: BTreeMap<String, String>,
    pub person: Option<FrozenPerson>,
    pub privileged: bool,
    /// Words of the flags that were raised.
    pub flags: Vec<String>,
    /// When the list that the account is in was last read to the end.
    pub observed_at: Instant,
    /// Against the review before.
    pub added: Vec<Grant>,
    pub removed: Vec<Grant>,
}

/// When an account's access was reviewed last, and when it is to be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReviewRecord {
    /// When the last review that decided on it ended, and when that was due.
    pub reviewed: Option<(Instant, Instant)>,
    /// When the earliest review that is under way is due.
    pub due_at: Option<Instant>,
}

/// The grants that came and that went since the review before. `previous` is None where there was none.
pub fn compare(previous: Option<&[Grant]>, now: &[Grant]) -> (ReviewChange, Vec<Grant>, Vec<Grant>) {
    let Some(previous) = previous else { return (ReviewChange::New, Vec::new(), Vec::new()) };
    let (before, after): (BTreeSet<&Grant>, BTreeSet<&Grant>) = (previous.iter().collect(), now.iter().collect());
    let added: Vec<Grant> = after.difference(&before).map(|grant| (*grant).clone()).collect();
    let removed: Vec<Grant> = before.difference(&after).map(|grant| (*grant).clone()).collect();
    let change = if added.is_empty() && removed.is_empty() { ReviewChange::Unchanged } else { ReviewChange::Changed };
    (change, added, removed)
}

/// Who decides on what: evenly, in turn, and nobody on the own access. `holders` are the people whose accounts they
/// are. None where nobody else is a reviewer.
pub fn split(holders: &[Option<i64>], reviewers: &[i64]) -> Vec<Option<i64>> {
    let mut load: BTreeMap<usize, usize> = (0..reviewers.len()).map(|place| (place, 0)).collect();
    let mut assign = |holder: &Option<i64>| {
        let others = load.iter().filter(|(place, _)| Some(reviewers[**place]) != *holder);
        let (place, _) = others.min_by_key(|(place, load)| (**load, **place))?;
        let place = *place;
        *load.entry(place).or_default() += 1;
        Some(reviewers[place])
    };
    holders.iter().map(&mut assign).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{GrantPath, GrantScope};
    use super::*;

    fn grant(role: &str) -> Grant {
        let (scope, via) = (GrantScope::Organization, GrantPath::Direct);
        Grant { role: role.to_owned(), scope, project: None, via, team: None }
    }

    #[test]
    fn access_is_new_changed_or_unchanged() {
        let (owner, member) = (grant("ORG_OWNER"), grant("ORG_MEMBER"));
        let (one, other) = ([owner.clone()], [member.clone()]);
        assert_eq!(compare(None, &one), (ReviewChange::New, vec![], vec![]));
        assert_eq!(compare(Some(&one), &one), (ReviewChange::Unchanged, vec![], vec![]));
        assert_eq!(compare(Some(&one), &other), (ReviewChange::Changed, vec![member], vec![owner]));
        assert_eq!(compare(Some(&one), &[]).0, ReviewChange::Changed);
    }

    #[test]
    fn items_are_split_evenly_and_nobody_gets_the_own_one() {
        let people = [Some(1), None, None, Some(2), None, None];
        assert_eq!(split(&people, &[1, 2]), [Some(2), Some(1), Some(1), Some(1), Some(2), Some(2)]);
        assert_eq!(split(&people, &[1]), [None, Some(1), Some(1), Some(1), Some(1), Some(1)]);
        assert_eq!(split(&people, &[]), [None; 6]);
    }

    proptest::proptest! {
        #[test]
        fn no_reviewer_has_much_more_than_another(
            holders in proptest::collection::vec(proptest::option::of(1..6_i64), 0..60),
            reviewers in proptest::collection::btree_set(1..6_i64, 1..5),
        ) {
            let reviewers: Vec<i64> = reviewers.into_iter().collect();
            let split = split(&holders, &reviewers);
            proptest::prop_assert_eq!(split.len(), holders.len());
            for (holder, reviewer) in holders.iter().zip(&split) {
                proptest::prop_assert!(holder.is_none() || holder != reviewer);
                proptest::prop_assert!(reviewer.is_some() || (reviewers.len() == 1 && *holder == Some(reviewers[0])));
            }
        }
    }
}
