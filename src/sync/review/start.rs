//! Beginning a review: the population is frozen at one instant and split among the reviewers.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::NaiveDate;

use crate::controls::day_over;
use crate::domain::review::{FrozenAccess, FrozenPerson, compare, split};
use crate::domain::{EmploymentStatus, Grant, Instant};
use crate::store::audit::{Actor, AuditAction, AuditEntry, AuditKind};
use crate::store::read::page::{Direction, Window};
use crate::store::read::{AccountFilter, AccountOrder};
use crate::store::views::{AccountView, GrantView, PersonView};
use crate::store::write::{NewReview, NewReviewItem, Touched};
use crate::store::{Reader, StoreError, Writer};
use crate::sync::engine::{Edit, Engine};
use crate::sync::judge::{Subjects, rejudge};
use crate::sync::merge::too_long;
use crate::sync::refusal::{Refusal, RefusalCode};

const LONGEST_NAME: usize = 200;
const MOST_REVIEWERS: usize = 100;
const MOST_ITEMS: usize = 100_000;
const PAGE: u64 = 500;

/// A review to begin.
#[derive(Debug, Clone)]
pub struct ReviewStart {
    pub name: String,
    /// Which accounts.
    pub filter: AccountFilter,
    /// The same, as the caller said it, in JSON.
    pub scope: String,
    /// People's ids.
    pub reviewers: Vec<i64>,
    pub due_on: NaiveDate,
}

impl Engine {
    /// Freezes the accounts that fit the filter, with whatever a reviewer has to know of them. The review's id.
    pub async fn start_access_review(&self, by: &Actor, start: ReviewStart) -> Edit<i64> {
        let writer = self.store.writer(by.workspace).await?;
        let reader = self.store.preview(&writer);
        let due_at = day_over(start.due_on, &self.policy).filter(|at| *at > writer.at());
        let mut refusals = check(&start, due_at);
        refusals.extend(unfit(&reader, &start.reviewers).await?);
        let (Some(due_at), true) = (due_at, refusals.is_empty()) else { return Ok(Err(refusals)) };
        let population = match population(&reader, &start.filter).await? {
            population if population.is_empty() => return Ok(Err(vec![nobody()])),
            population if population.len() > MOST_ITEMS => return Ok(Err(vec![too_many()])),
            population => population,
        };
        drop(reader);
        let accounts: Vec<i64> = population.iter().map(|item| item.account_id).collect();
        let items = assigned(&writer, population, &start.reviewers).await?;
        let count = items.len();
        let new = NewReview {
            name: start.name.trim().to_owned(),
            scope: start.scope,
            due_on: start.due_on,
            due_at,
            reviewers: start.reviewers,
        };
        let id = writer.create_review(by, &new).await?;
        writer.put_review_items(id, items).await?;
        let entry = AuditEntry::done(AuditAction::StartAccessReview)
            .about(AuditKind::AccessReview, id, new.name)
            .change("accounts", None, Some(count.to_string()))
            .change("dueOn", None, Some(new.due_on.to_string()));
        writer.audit(by, entry).await?;
        rejudge(&self.store, &writer, &self.policy, Subjects::These(Touched { assets: Vec::new(), accounts })).await?;
        writer.commit().await?;
        tracing::info!(access_review.id = id, accounts = count, "access review started");
        Ok(Ok(id))
    }
}

fn check(start: &ReviewStart, due_at: Option<Instant>) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    let invalid = |message: String, field| Refusal::new(RefusalCode::Invalid, message).field(field);
    if start.name.trim().is_empty() || start.name.chars().any(char::is_control) {
        refusals.push(invalid("A review needs a name of plain characters.".to_owned(), "name"));
    } else if start.name.chars().count() > LONGEST_NAME {
        refusals.push(too_long("name"));
    }
    let distinct: BTreeSet<i64> = start.reviewers.iter().copied().collect();
    if distinct.is_empty() || distinct.len() < start.reviewers.len() || distinct.len() > MOST_REVIEWERS {
        let message = format!("A review has 1 to {MOST_REVIEWERS} reviewers, each once.");
        refusals.push(invalid(message, "reviewerIds"));
    }
    if due_at.is_none() {
        refusals.push(invalid("The day on which the review is due is over.".to_owned(), "dueOn"));
    }
    refusals
}

/// Reviewers who are not there, or not any more.
async fn unfit(reader: &Reader, reviewers: &[i64]) -> Result<Vec<Refusal>, StoreError> {
    let people = reader.people_by_id(reviewers).await?;
    let known: HashMap<i64, &PersonView> = people.iter().map(|view| (view.id, view)).collect();
    let refusal = |code, message: String| Some(Refusal::new(code, message).field("reviewerIds"));
    Ok(reviewers
        .iter()
        .filter_map(|id| match known.get(id) {
            None => refusal(RefusalCode::NotFound, "There is no such person among the reviewers.".to_owned()),
            Some(view) if view.person.status == EmploymentStatus::Left => {
                refusal(RefusalCode::Invalid, format!("{} has left and cannot review.", view.person.full_name))
            }
            Some(_) => None,
        })
        .collect())
}

fn nobody() -> Refusal {
    Refusal::new(RefusalCode::Invalid, "No account fits the filter, so there is nothing to review.")
        .remedy("Try the filter with accounts(filter:) first.")
        .field("filter")
}

fn too_many() -> Refusal {
    Refusal::new(RefusalCode::Invalid, format!("A review is about at most {MOST_ITEMS} accounts."))
        .remedy("Narrow the filter, and start several reviews.")
        .field("filter")
}

/// An account of the population, as it is at the instant of the review.
struct Frozen {
    integration_id: i64,
    account_id: i64,
    access: FrozenAccess,
}

/// Every account that fits, by login.
async fn population(reader: &Reader, filter: &AccountFilter) -> Result<Vec<Frozen>, StoreError> {
    let mut population = Vec::new();
    let mut window = Window { limit: PAGE, ..Window::default() };
    loop {
        let page = reader.accounts(filter, AccountOrder::Login, Direction::Ascending, &window).await?;
        window.after = page.rows.last().map(|(_, cursor)| cursor.clone());
        let views: Vec<AccountView> = page.rows.into_iter().map(|(view, _)| view).collect();
        population.extend(freeze(reader, views).await?);
        if !page.has_more || population.len() > MOST_ITEMS {
            return Ok(population);
        }
    }
}

async fn freeze(reader: &Reader, views: Vec<AccountView>) -> Result<Vec<Frozen>, StoreError> {
    let ids = |of: &dyn Fn(&AccountView) -> Option<i64>| -> Vec<i64> {
        views.iter().filter_map(of).collect::<BTreeSet<_>>().into_iter().collect()
    };
    let mut grants = reader.grants(&ids(&|view| Some(view.id))).await?;
    let people = reader.people_by_id(&ids(&|view| view.person_id)).await?;
    let people: HashMap<i64, PersonView> = people.into_iter().map(|view| (view.id, view)).collect();
    let reads = reader.last_reads(&ids(&|view| Some(view.scope_id))).await?;
    let organizations = reader.integrations_by_id(&ids(&|view| Some(view.integration_id))).await?;
    let organizations: HashMap<i64, String> =
        organizations.into_iter().map(|view| (view.id, view.organization_name)).collect();
    let projects: BTreeSet<i64> = grants.values().flatten().filter_map(|grant| grant.project_id).collect();
    let projects = reader.projects_by_id(&projects.into_iter().collect::<Vec<_>>()).await?;
    let projects: HashMap<String, String> =
        projects.into_iter().map(|view| (view.project.atlas_id, view.project.name)).collect();
    let dormant_before = reader.dormant_before();
    let frozen = views.into_iter().map(|view| {
        let held = grants.remove(&view.id).unwrap_or_default();
        let person = view.person_id.and_then(|id| people.get(&id));
        let access = FrozenAccess {
            organization: organizations.get(&view.integration_id).cloned().unwrap_or_default(),
            projects: named(&held, &projects),
            person: person.map(|person| frozen_person(person, &view)),
            privileged: view.privileged,
            flags: view.flags(dormant_before).into_iter().map(|flag| flag.word().to_owned()).collect(),
            observed_at: reads.get(&view.scope_id).copied().unwrap_or(view.first_seen_at),
            account: crate::domain::Account { grants: sorted(held), ..view.account },
            added: Vec::new(),
            removed: Vec::new(),
        };
        Frozen { integration_id: view.integration_id, account_id: view.id, access }
    });
    Ok(frozen.collect())
}

fn frozen_person(view: &PersonView, account: &AccountView) -> FrozenPerson {
    FrozenPerson {
        id: view.id,
        full_name: view.person.full_name.clone(),
        email: view.person.email.clone(),
        status: view.person.status,
        ends_on: view.person.ends_on,
        source: account.person_source,
    }
}

fn named(grants: &[GrantView], projects: &HashMap<String, String>) -> BTreeMap<String, String> {
    let atlas = grants.iter().filter_map(|grant| grant.grant.project.as_ref());
    atlas.filter_map(|id| Some((id.clone(), projects.get(id)?.clone()))).collect()
}

fn sorted(grants: Vec<GrantView>) -> Vec<Grant> {
    let mut grants: Vec<Grant> = grants.into_iter().map(|view| view.grant).collect();
    grants.sort();
    grants
}

/// Items with their reviewers, and with what has changed since the review before.
async fn assigned(
    writer: &Writer,
    population: Vec<Frozen>,
    reviewers: &[i64],
) -> Result<Vec<NewReviewItem>, StoreError> {
    let accounts: Vec<i64> = population.iter().map(|frozen| frozen.account_id).collect();
    let before = writer.grants_reviewed_before(&accounts).await?;
    let holders: Vec<Option<i64>> =
        population.iter().map(|frozen| frozen.access.person.as_ref().map(|person| person.id)).collect();
    let reviewers = split(&holders, reviewers);
    let items = population.into_iter().zip(reviewers).map(|(frozen, reviewer_id)| {
        let Frozen { integration_id, account_id, mut access } = frozen;
        let previous = before.get(&account_id).map(Vec::as_slice);
        let (change, added, removed) = compare(previous, &access.account.grants);
        (access.added, access.removed) = (added, removed);
        NewReviewItem { integration_id, account_id, access, change, reviewer_id }
    });
    Ok(items.collect())
}
