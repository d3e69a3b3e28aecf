//! What happened to a run, told to a person. Pure.

use chrono::SecondsFormat;

use super::run::MOST_FAILURES;
use crate::domain::{Instant, ScopeKind};
use crate::store::views::{Attempts, Changes, SyncRunView, SyncStage, SyncStatus, Withheld};

/// So many lists that could not be read are named.
pub const MOST_NAMED: usize = 3;

/// A list that could not be read.
#[derive(Debug, Clone)]
pub struct FailedList {
    pub kind: ScopeKind,
    pub project: Option<String>,
    pub code: String,
}

/// The lists of a run that could not be read.
#[derive(Debug, Clone, Default)]
pub struct FailedLists {
    pub count: usize,
    pub first: Vec<FailedList>,
}

/// An instant to the second.
pub fn written(instant: Instant) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// How a run stands or ended, and what it went through.
pub fn summary(run: &SyncRunView, failed: &FailedLists) -> String {
    let now = match run.status {
        SyncStatus::Queued => waiting(run),
        SyncStatus::Running => under_way(run),
        SyncStatus::Succeeded => format!("Read everything{}.", changes(run.changes)),
        SyncStatus::Partial => format!("Could not read {}{}.", lists(failed), changes(run.changes)),
        SyncStatus::Held => held(run, failed),
        SyncStatus::Failed => failure(run),
    };
    std::iter::once(now).chain(past(run.attempts)).collect::<Vec<_>>().join(" ")
}

fn waiting(run: &SyncRunView) -> String {
    match (run.attempts, run.next_run_at) {
        (Attempts { begun: 0, .. }, _) => "Waits for its turn.".to_owned(),
        (Attempts { broke_off, taken_over, .. }, Some(next)) if broke_off + taken_over > 0 => {
            format!("Waits to be tried again at {}; after {MOST_FAILURES} failed attempts it ends.", written(next))
        }
        _ => "Waits to be taken up again.".to_owned(),
    }
}

fn under_way(run: &SyncRunView) -> String {
    let doing = match run.stage {
        SyncStage::Queued | SyncStage::Credentials => "checking the API key",
        SyncStage::Users => "reading users, teams and keys",
        SyncStage::Projects => "reading projects",
        SyncStage::Clusters => "reading clusters",
        SyncStage::Evaluation | SyncStage::Done => "judging the controls and writing",
    };
    format!("Is {doing}.")
}

fn changes(changes: Changes) -> String {
    let Changes { added, updated, removed, results_flipped } = changes;
    let counts = [(added, "added"), (updated, "changed"), (removed, "removed")];
    let mut told: Vec<String> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    if results_flipped > 0 {
        told.push(format!("{} with another outcome", counted(results_flipped, "control result")));
    }
    if told.is_empty() { "; nothing had changed".to_owned() } else { format!(": {}", told.join(", ")) }
}

fn held(run: &SyncRunView, failed: &FailedLists) -> String {
    let what = run.withheld.as_ref().map_or_else(|| "rows".to_owned(), withheld);
    let fate = match run.confirmed_at {
        Some(at) => format!("a person had it done at {}", written(at)),
        None => "a second complete read or a person must agree (confirmHeldSync)".to_owned(),
    };
    let mut told = vec![format!("Atlas no longer lists {what}. The removal was withheld: {fate}.")];
    if failed.count > 0 {
        told.push(format!("Could not read {}.", lists(failed)));
    }
    if run.changes != Changes::default() {
        told.push(format!("The rest was written{}.", changes(run.changes)));
    }
    told.join(" ")
}

fn withheld(withheld: &Withheld) -> String {
    let counts = [(withheld.projects, "project"), (withheld.clusters, "cluster"), (withheld.accounts, "account")];
    let told: Vec<String> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| counted(*count, what)).collect();
    told.join(", ")
}

fn failure(run: &SyncRunView) -> String {
    let Some(error) = &run.error else { return "Failed; nothing was changed.".to_owned() };
    let next = run.next_run_at.map(|next| format!(" The next sync is planned for {}.", written(next)));
    format!("Failed with {}: {} {}{}", error.code, error.message, error.remedy, next.unwrap_or_default())
}

fn lists(failed: &FailedLists) -> String {
    let named: Vec<String> = failed.first.iter().take(MOST_NAMED).map(list).collect();
    let more = failed.count.saturating_sub(named.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{} ({}{more}), whose rows are kept", counted(failed.count, "list"), named.join(", "))
}

fn list(failed: &FailedList) -> String {
    let kind = match failed.kind {
        ScopeKind::Organization => "the organization",
        ScopeKind::Users => "users",
        ScopeKind::Teams => "teams",
        ScopeKind::ApiKeys => "API keys",
        ScopeKind::ServiceAccounts => "service accounts",
        ScopeKind::Projects => "projects",
        ScopeKind::Clusters => "clusters",
        ScopeKind::FlexClusters => "flex clusters",
        ScopeKind::EncryptionAtRest => "customer-managed keys",
    };
    let project = failed.project.as_ref().map(|project| format!(" of {project}")).unwrap_or_default();
    format!("{kind}{project}: {}", failed.code)
}

/// What a run went through before.
fn past(attempts: Attempts) -> impl Iterator<Item = String> {
    let told = [
        (attempts.taken_over, "Its process died or lost its lease or the database", ", and it was begun again."),
        (attempts.given_back, "A process that was shut down gave it back", "."),
        (attempts.broke_off, "It broke off by an error of the gateway's own", "; see the log."),
        (attempts.turned_away, "A process that had lost its lease was turned away", " and wrote nothing."),
    ];
    told.into_iter().filter(|(count, ..)| *count > 0).map(|(count, what, end)| format!("{what} {}{end}", times(count)))
}

fn times(count: i32) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

fn counted(count: impl std::fmt::Display, what: &str) -> String {
    let count = count.to_string();
    if count == "1" { format!("1 {what}") } else { format!("{count} {what}s") }
}

#[cfg(test)]
mod tests;
