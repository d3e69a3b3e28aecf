//! The sentence for each way that a run can stand or end.

use super::*;
use crate::store::views::{IntegrationFault, SyncTrigger};

fn at(text: &str) -> Instant {
    format!("2026-03-01T{text}Z").parse().unwrap()
}

fn run(status: SyncStatus) -> SyncRunView {
    SyncRunView {
        id: 1,
        integration_id: 1,
        trigger: SyncTrigger::Schedule,
        status,
        queued_at: at("10:00:00"),
        finished_at: None,
        stage: SyncStage::Clusters,
        done: 0,
        total: None,
        requests: 0,
        changes: Changes::default(),
        scheduled_at: None,
        attempts: Attempts { begun: 1, ..Attempts::default() },
        error: None,
        withheld: None,
        confirmed_at: None,
        next_run_at: Some(at("11:00:00")),
    }
}

fn told(run: &SyncRunView) -> String {
    summary(run, &FailedLists::default())
}

fn after(status: SyncStatus, attempts: Attempts) -> String {
    told(&SyncRunView { attempts, ..run(status) })
}

#[test]
fn an_open_run_says_what_it_does_or_waits_for() {
    let attempts = Attempts::default();
    assert_eq!(after(SyncStatus::Queued, attempts), "Waits for its turn.");
    assert_eq!(
        after(SyncStatus::Queued, Attempts { begun: 2, broke_off: 2, ..attempts }),
        "Waits to be tried again at 2026-03-01T11:00:00Z; after 5 failed attempts it ends. It broke off by an error of \
         the gateway's own 2 times; see the log."
    );
    assert_eq!(
        after(SyncStatus::Queued, Attempts { begun: 1, given_back: 1, ..attempts }),
        "Waits to be taken up again. A process that was shut down gave it back once."
    );
    assert_eq!(
        after(SyncStatus::Running, Attempts { begun: 2, taken_over: 1, ..attempts }),
        "Is reading clusters. Its process died or lost its lease or the database once, and it was begun again."
    );
}

#[test]
fn a_run_that_read_everything_says_what_changed() {
    assert_eq!(told(&run(SyncStatus::Succeeded)), "Read everything; nothing had changed.");
    let changes = Changes { added: 2, updated: 0, removed: 1, results_flipped: 1 };
    let turned_away = Attempts { begun: 2, taken_over: 1, turned_away: 1, ..Attempts::default() };
    assert_eq!(
        told(&SyncRunView { changes, attempts: turned_away, ..run(SyncStatus::Succeeded) }),
        "Read everything: 2 added, 1 removed, 1 control result with another outcome. Its process died or lost its \
         lease or the database once, and it was begun again. A process that had lost its lease was turned away once and wrote nothing."
    );
}

#[test]
fn a_partial_run_names_the_lists_that_it_could_not_read() {
    let failed = |kind, project: Option<&str>| FailedList {
        kind,
        project: project.map(str::to_owned),
        code: "ACCESS_FORBIDDEN".to_owned(),
    };
    let first = vec![failed(ScopeKind::Users, None), failed(ScopeKind::Clusters, Some("Lab"))];
    assert_eq!(
        summary(&run(SyncStatus::Partial), &FailedLists { count: 5, first }),
        "Could not read 5 lists (users: ACCESS_FORBIDDEN, clusters of Lab: ACCESS_FORBIDDEN and 3 more), whose rows are \
         kept; nothing had changed."
    );
}

#[test]
fn a_held_run_counts_what_it_withheld_and_says_who_agreed() {
    let withheld = Some(Withheld { projects: 1, clusters: 12, ..Withheld::default() });
    let changes = Changes { updated: 1, ..Changes::default() };
    let held = SyncRunView { changes, withheld, ..run(SyncStatus::Held) };
    assert_eq!(
        told(&held),
        "Atlas no longer lists 1 project, 12 clusters. The removal was withheld: a second complete read or a person must \
         agree (confirmHeldSync). The rest was written: 1 changed."
    );
    let confirmed = SyncRunView { confirmed_at: Some(at("10:30:00")), changes: Changes::default(), ..held };
    assert_eq!(
        told(&confirmed),
        "Atlas no longer lists 1 project, 12 clusters. The removal was withheld: a person had it done at \
         2026-03-01T10:30:00Z."
    );
}

#[test]
fn a_failed_run_says_why_what_to_do_and_when_it_goes_on() {
    let error = Some(IntegrationFault {
        code: "RATE_LIMITED".to_owned(),
        message: "Atlas limits the rate of requests.".to_owned(),
        remedy: "Wait.".to_owned(),
        occurred_at: at("10:00:01"),
    });
    assert_eq!(
        told(&SyncRunView { error, ..run(SyncStatus::Failed) }),
        "Failed with RATE_LIMITED: Atlas limits the rate of requests. Wait. The next sync is planned for \
         2026-03-01T11:00:00Z."
    );
    assert_eq!(told(&run(SyncStatus::Failed)), "Failed; nothing was changed.");
}
