//! Which changes of status are still to be told, so that each is told once and follows from the one before.

use std::collections::HashMap;

use crate::controls;
use crate::domain::{ControlStatus, Coverage, Instant};
use crate::store::read::{StatusLog, StatusPoint};

/// A status that gave way to another.
#[derive(Debug, Clone, Copy)]
pub struct StatusChange {
    pub control: &'static controls::Control,
    pub previous: ControlStatus,
    pub current: ControlStatus,
    pub at: Instant,
}

/// What has been told last, of each control.
#[derive(Debug)]
pub struct Chain {
    commit: i64,
    told: HashMap<String, StatusPoint>,
}

impl Chain {
    /// Begins at the present: nothing before it will be told.
    pub fn new(log: StatusLog) -> Self {
        Self { commit: log.commit, told: log.present }
    }

    /// The commit since which the next log is to be read.
    pub const fn commit(&self) -> i64 {
        self.commit
    }

    /// What the log adds, in the order in which it happened.
    pub fn advance(&mut self, log: &StatusLog) -> Vec<StatusChange> {
        self.commit = log.commit;
        let mut changes: Vec<_> = controls::ALL.iter().flat_map(|control| self.advance_one(control, log)).collect();
        changes.sort_by_key(|change| change.at);
        changes
    }

    fn advance_one(&mut self, control: &'static controls::Control, log: &StatusLog) -> Vec<StatusChange> {
        let unjudged = StatusPoint { status: Coverage::default().status(), at: Instant::MIN_UTC };
        let told = self.told.entry(control.key.to_owned()).or_insert(unjudged);
        let begun = log.begun.get(control.key).into_iter().flatten();
        let mut steps: Vec<StatusPoint> = begun.filter(|point| point.at > told.at).copied().collect();
        // A commit may unmake what time alone seemed to have done by then.
        steps.extend(log.present.get(control.key));
        let mut changes = Vec::new();
        for step in steps {
            if step.status != told.status {
                changes.push(StatusChange { control, previous: told.status, current: step.status, at: step.at });
                *told = step;
            }
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use ControlStatus::{Failing, NotApplicable, Passing, Unknown};

    fn point((second, status): (i64, ControlStatus)) -> StatusPoint {
        StatusPoint { status, at: Instant::UNIX_EPOCH + TimeDelta::seconds(second) }
    }

    /// A log of the first control.
    fn log(commit: i64, begun: &[(i64, ControlStatus)], present: (i64, ControlStatus)) -> StatusLog {
        let key = || controls::ALL[0].key.to_owned();
        StatusLog {
            commit,
            begun: HashMap::from([(key(), begun.iter().copied().map(point).collect())]),
            present: HashMap::from([(key(), point(present))]),
        }
    }

    fn told(chain: &mut Chain, log: &StatusLog) -> Vec<(ControlStatus, ControlStatus, i64)> {
        let second = |at: Instant| at.timestamp();
        chain.advance(log).iter().map(|change| (change.previous, change.current, second(change.at))).collect()
    }

    #[test]
    fn each_step_between_two_looks_is_told_in_order() {
        let mut chain = Chain::new(log(10, &[], (5, Passing)));
        let next = log(13, &[(11, Failing), (12, Passing), (13, Unknown)], (13, Unknown));
        let expected = [(Passing, Failing, 11), (Failing, Passing, 12), (Passing, Unknown, 13)];
        assert_eq!(told(&mut chain, &next), expected);
        assert_eq!(chain.commit(), 13);
        assert_eq!(told(&mut chain, &next), [], "the same log tells nothing new");
    }

    #[test]
    fn what_time_alone_did_is_told_once_though_a_commit_notes_it_later() {
        let mut chain = Chain::new(log(10, &[], (5, Passing)));
        assert_eq!(told(&mut chain, &log(10, &[(20, Unknown)], (20, Unknown))), [(Passing, Unknown, 20)]);
        let noted = log(30, &[(20, Unknown), (30, Passing)], (30, Passing));
        assert_eq!(told(&mut chain, &noted), [(Unknown, Passing, 30)]);
    }

    #[test]
    fn a_commit_that_was_under_way_unmakes_what_time_seemed_to_do() {
        let mut chain = Chain::new(log(10, &[], (5, Passing)));
        assert_eq!(told(&mut chain, &log(10, &[(20, Unknown)], (20, Unknown))), [(Passing, Unknown, 20)]);
        assert_eq!(told(&mut chain, &log(19, &[], (5, Passing))), [(Unknown, Passing, 5)]);
    }

    #[test]
    fn a_control_that_nobody_judged_was_not_applicable() {
        let mut chain = Chain::new(StatusLog::default());
        assert_eq!(told(&mut chain, &log(9, &[(9, Failing)], (9, Failing))), [(NotApplicable, Failing, 9)]);
    }
}
