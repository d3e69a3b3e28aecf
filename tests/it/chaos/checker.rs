//! What may never be, checked over everything that was written down.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use super::atlas::Generation;
use super::clients::Notes;
use super::estate::{Organization, generation_in};
use super::history::{Change, Run};
use super::micros;
use super::stage::Away;

/// SQLite's clock counts milliseconds.
const CLOCK_STEP: u64 = 1_000;

/// Everything that was written down.
pub struct Record {
    pub changes: Vec<Change>,
    pub runs: Vec<Run>,
    pub generations: BTreeMap<u64, Generation>,
    pub notes: Notes,
    /// When nobody could have claimed anything, with the time that was granted for going on, in order.
    pub away: Vec<Away>,
    pub people: HashSet<String>,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Verdict {
    pub wrong: Vec<String>,
    pub claims: usize,
    pub commits: usize,
    /// Claims of a sync whose lease had run out.
    pub taken_over: usize,
    pub worst_lateness: Duration,
}

impl Record {
    pub fn check(&self, latest: Duration) -> Verdict {
        let mut verdict = Verdict::default();
        self.check_slots(&mut verdict);
        let mut organizations: HashMap<&str, Vec<&Change>> = HashMap::new();
        for change in &self.changes {
            organizations.entry(&change.organization).or_default().push(change);
        }
        for (organization, changes) in organizations {
            self.check_claims(&changes, latest, &mut verdict);
            self.check_commits(organization, &changes, &mut verdict);
        }
        self.check_answers(&mut verdict);
        self.check_edits(&mut verdict);
        verdict
    }

    /// A slot of the schedule has one run, and a run is written once.
    fn check_slots(&self, verdict: &mut Verdict) {
        let mut seen = HashSet::new();
        for run in &self.runs {
            if run.scheduled_at.is_some() && !seen.insert((&run.organization, run.scheduled_at)) {
                verdict.wrong.push(format!("a slot with two runs: {run:?}"));
            }
        }
        let ended = self.runs.iter().filter(|run| run.status == "SUCCEEDED").count();
        let commits = self.changes.iter().filter(|change| change.is_commit()).count();
        if ended != commits {
            verdict.wrong.push(format!("{ended} runs succeeded, and data was written {commits} times"));
        }
        for run in &self.runs {
            // What dies five times is given up, and the next slot tries afresh.
            let is_given_up = run.status == "FAILED" && run.taken_over + run.broke_off >= 5;
            if !is_given_up && !["SUCCEEDED", "QUEUED", "RUNNING"].contains(&&*run.status) {
                verdict.wrong.push(format!("a run that neither succeeded nor goes on: {run:?}"));
            }
        }
    }

    /// Epochs rise by one, nobody claims under a lease that stands, and what can be claimed is, in time.
    fn check_claims(&self, changes: &[&Change], latest: Duration, verdict: &mut Verdict) {
        let mut epoch = 0;
        for change in changes {
            if change.old_epoch < epoch || change.epoch < change.old_epoch {
                verdict.wrong.push(format!("an epoch fell: {change:?}"));
            }
            epoch = change.epoch;
            if !change.is_claim() {
                continue;
            }
            verdict.claims += 1;
            if change.epoch != change.old_epoch + 1 {
                verdict.wrong.push(format!("an epoch was left out: {change:?}"));
            }
            let at = change.at.cast_unsigned();
            let lease_end = change.old_until.map_or(0, i64::cast_unsigned);
            if lease_end > at + CLOCK_STEP {
                verdict.wrong.push(format!("a claim under a lease that stands: {change:?}"));
            }
            verdict.taken_over += usize::from(lease_end > 0);
            let free = lease_end.max(change.due.map_or(0, i64::cast_unsigned));
            let late = Duration::from_micros(at.saturating_sub(free).saturating_sub(self.away_between(free, at)));
            verdict.worst_lateness = verdict.worst_lateness.max(late);
            if late > latest {
                verdict.wrong.push(format!("late by {late:?}: {change:?}"));
            }
        }
    }

    /// How much of this time there was nobody who could claim.
    fn away_between(&self, from: u64, to: u64) -> u64 {
        let (mut total, mut counted) = (0, from);
        for away in &self.away {
            let (begin, end) = (away.from.max(counted), away.to.min(to));
            if begin < end {
                total += end - begin;
                counted = end;
            }
        }
        total
    }

    /// What is written under an epoch was read under it, within its lease, and is newer than what was there.
    fn check_commits(&self, organization: &str, changes: &[&Change], verdict: &mut Verdict) {
        let (mut claimed, mut written, mut newest) = (HashMap::new(), HashSet::new(), 0);
        for change in changes {
            if change.is_claim() {
                claimed.insert(change.epoch, change.at.cast_unsigned());
            }
            if !change.is_commit() {
                continue;
            }
            verdict.commits += 1;
            let number = generation_in(&change.name).unwrap();
            let read = &self.generations[&number];
            if read.organization.map(Organization::id).as_deref() != Some(organization) {
                verdict.wrong.push(format!("data of another organization: {change:?}, {read:?}"));
            }
            if claimed.get(&change.epoch).is_none_or(|claimed| *claimed > read.at + CLOCK_STEP) {
                verdict.wrong.push(format!("written under an epoch, and read before it: {change:?}, {read:?}"));
            }
            if !written.insert(change.epoch) {
                verdict.wrong.push(format!("written twice under one epoch: {change:?}"));
            }
            if number <= newest {
                verdict.wrong.push(format!("generation {number} was written over {newest}"));
            }
            newest = number;
        }
    }

    /// Each answer is of one moment, and no later one shows an older moment.
    fn check_answers(&self, verdict: &mut Verdict) {
        let answers = &self.notes.answers;
        for answer in answers {
            verdict.wrong.extend(answer.torn.iter().map(|torn| format!("a torn answer at {}: {torn}", answer.asked)));
        }
        let mut asked: Vec<_> = answers.iter().collect();
        asked.sort_by_key(|answer| answer.asked);
        let mut ended = asked.clone();
        ended.sort_by_key(|answer| answer.ended);
        let mut ended = ended.into_iter().peekable();
        let mut newest: BTreeMap<Organization, u64> = BTreeMap::new();
        for answer in asked {
            while let Some(before) = ended.next_if(|before| before.ended < answer.asked) {
                for (organization, generation) in &before.generations {
                    let newest = newest.entry(*organization).or_default();
                    *newest = (*newest).max(*generation);
                }
            }
            for (organization, newest) in &newest {
                let shown = answer.generations.get(organization);
                if shown < Some(newest) {
                    verdict.wrong.push(format!("{shown:?} of {organization:?} was shown after {newest}"));
                }
            }
        }
    }

    /// What was confirmed is there, from the first read after it on.
    fn check_edits(&self, verdict: &mut Verdict) {
        for email in &self.notes.hired {
            if !self.people.contains(email) {
                verdict.wrong.push(format!("{email} was confirmed and is not there"));
            }
        }
        for answer in &self.notes.answers {
            for edit in self.notes.described.iter().filter(|edit| edit.ended < answer.asked) {
                let shown = answer.descriptions.get(&edit.asset);
                if shown < Some(&edit.number) {
                    verdict.wrong.push(format!("{shown:?} is shown after {edit:?}"));
                }
            }
        }
    }
}

/// The times in which every one of these servers was away, with the time that each may take to go on.
pub fn all_away(servers: &[Vec<Away>], going_on: Duration) -> Vec<Away> {
    let widened = |away: &Away| Away { from: away.from, to: away.to + micros(going_on) };
    let mut all: Vec<Away> = servers.first().into_iter().flatten().map(widened).collect();
    for server in servers.iter().skip(1) {
        let others: Vec<Away> = server.iter().map(widened).collect();
        let both = |one: &Away| -> Vec<Away> {
            others
                .iter()
                .map(|other| Away { from: one.from.max(other.from), to: one.to.min(other.to) })
                .filter(|both| both.from < both.to)
                .collect()
        };
        all = all.iter().flat_map(both).collect();
    }
    all.sort_by_key(|away| away.from);
    all
}
