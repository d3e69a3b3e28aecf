//! Deciding: what may be said about an item, and by whom.

use std::collections::{HashMap, HashSet};

use super::{Reviewer, under_way};
use crate::domain::review::ReviewDecision;
use crate::store::audit::{AuditAction, AuditEntry, AuditKind};
use crate::store::read::ReviewItemFilter;
use crate::store::read::page::Window;
use crate::store::views::ReviewItemView;
use crate::store::{Reader, StoreError, Writer};
use crate::sync::engine::{Edit, Engine};
use crate::sync::merge::too_long;
use crate::sync::refusal::{Refusal, RefusalCode};

const LONGEST_COMMENT: usize = 4_000;
const MOST_AT_ONCE: usize = 500;
const PAGE: u64 = 500;
/// Items that may not be decided on are named up to this many.
const MOST_REFUSALS: usize = 100;

/// What is decided, and why.
#[derive(Debug, Clone)]
pub struct Decision {
    pub decision: ReviewDecision,
    pub comment: Option<String>,
}

/// Which items of a review.
#[derive(Debug, Clone)]
pub enum Which {
    /// These, all or none.
    Items(Vec<i64>),
    /// Those of the ones that fit which the caller may decide on.
    Fitting(ReviewItemFilter),
}

impl Engine {
    /// Decides on items, all or none; how many. Later decisions replace earlier ones until the review ends.
    pub async fn decide_on_access(&self, who: &Reviewer, review: i64, which: Which, what: Decision) -> Edit<u32> {
        let comment = what.comment.as_deref().map(str::trim).filter(|text| !text.is_empty());
        if let Some(refusal) = unsaid(what.decision, comment) {
            return Ok(Err(vec![refusal]));
        }
        let writer = self.store.writer(who.by.workspace).await?;
        let reader = self.store.preview(&writer);
        let view = match under_way(&reader, review).await? {
            Ok(view) => view,
            Err(refusal) => return Ok(Err(vec![refusal])),
        };
        let items = match chosen(&reader, &writer, who, review, which).await? {
            Ok(items) => items,
            Err(refusals) => return Ok(Err(refusals)),
        };
        drop(reader);
        if items.is_empty() {
            writer.undo().await?;
            return Ok(Ok(0));
        }
        writer.decide(&who.by, &items, what.decision, comment).await?;
        let entry = AuditEntry::done(AuditAction::DecideAccessReview)
            .about(AuditKind::AccessReview, review, view.name)
            .change("decision", None, Some(what.decision.word().to_owned()))
            .change("items", None, Some(items.len().to_string()));
        writer.audit(&who.by, entry).await?;
        writer.commit().await?;
        Ok(Ok(u32::try_from(items.len()).unwrap_or(u32::MAX)))
    }

    /// Gives items to another reviewer, all or none.
    pub async fn reassign_access(&self, who: &Reviewer, review: i64, items: Vec<i64>, reviewer: i64) -> Edit<u32> {
        let writer = self.store.writer(who.by.workspace).await?;
        let reader = self.store.preview(&writer);
        let view = match under_way(&reader, review).await? {
            Ok(view) => view,
            Err(refusal) => return Ok(Err(vec![refusal])),
        };
        let Some(person) = reader.people_by_id(&[reviewer]).await?.pop() else {
            let refusal = Refusal::new(RefusalCode::NotFound, "There is no such person.").field("reviewerId");
            return Ok(Err(vec![refusal]));
        };
        let views = match these(&reader, review, &items).await? {
            Ok(views) => views,
            Err(refusals) => return Ok(Err(refusals)),
        };
        let holders = holders(&writer, &views).await?;
        let own = HashSet::from([reviewer]);
        let refused: Vec<Refusal> =
            views.iter().filter(|item| is_own(item, &holders, &own)).map(own_account).take(MOST_REFUSALS).collect();
        if !refused.is_empty() {
            return Ok(Err(refused));
        }
        drop(reader);
        writer.reassign(&items, reviewer).await?;
        let entry = AuditEntry::done(AuditAction::ReassignAccessReview)
            .about(AuditKind::AccessReview, review, view.name)
            .change("reviewer", None, Some(person.person.email))
            .change("items", None, Some(items.len().to_string()));
        writer.audit(&who.by, entry).await?;
        writer.commit().await?;
        Ok(Ok(u32::try_from(items.len()).unwrap_or(u32::MAX)))
    }
}

fn unsaid(decision: ReviewDecision, comment: Option<&str>) -> Option<Refusal> {
    match comment {
        None if decision.needs_remediation() => {
            let message = "Say in a comment what is to be done, and why: somebody else has to do it.";
            Some(Refusal::new(RefusalCode::Invalid, message).field("comment"))
        }
        Some(text) if text.chars().count() > LONGEST_COMMENT => Some(too_long("comment")),
        Some(text) if text.contains('\0') => {
            Some(Refusal::new(RefusalCode::Invalid, "The comment holds a NUL character.").field("comment"))
        }
        _ => None,
    }
}

async fn chosen(
    reader: &Reader,
    writer: &Writer,
    who: &Reviewer,
    review: i64,
    which: Which,
) -> Result<Result<Vec<i64>, Vec<Refusal>>, StoreError> {
    let own = who.people(writer).await?;
    match which {
        Which::Items(ids) => {
            let views = match these(reader, review, &ids).await? {
                Ok(views) => views,
                Err(refusals) => return Ok(Err(refusals)),
            };
            let holders = holders(writer, &views).await?;
            let refusals: Vec<Refusal> =
                views.iter().filter_map(|item| may_not(who, item, &holders, &own)).take(MOST_REFUSALS).collect();
            Ok(if refusals.is_empty() { Ok(ids) } else { Err(refusals) })
        }
        Which::Fitting(filter) => {
            let mut ids = Vec::new();
            let mut window = Window { limit: PAGE, ..Window::default() };
            loop {
                let page = reader.review_items(&[review], &filter, &window).await?.remove(&review).unwrap_or_default();
                window.after = page.rows.last().map(|(_, cursor)| cursor.clone());
                let views: Vec<ReviewItemView> = page.rows.into_iter().map(|(view, _)| view).collect();
                let holders = holders(writer, &views).await?;
                let mine = views.iter().filter(|item| may_not(who, item, &holders, &own).is_none());
                ids.extend(mine.map(|item| item.id));
                if !page.has_more {
                    return Ok(Ok(ids));
                }
            }
        }
    }
}

/// The items with these ids, if all of them are the review's.
async fn these(
    reader: &Reader,
    review: i64,
    ids: &[i64],
) -> Result<Result<Vec<ReviewItemView>, Vec<Refusal>>, StoreError> {
    let refused = |code, message: &str| Ok(Err(vec![Refusal::new(code, message).field("itemIds")]));
    let distinct: HashSet<i64> = ids.iter().copied().collect();
    if distinct.is_empty() || distinct.len() < ids.len() || ids.len() > MOST_AT_ONCE {
        return refused(RefusalCode::Invalid, &format!("Name 1 to {MOST_AT_ONCE} items, each once."));
    }
    let views = reader.review_items_by_id(ids).await?;
    if views.len() < ids.len() || views.iter().any(|view| view.review_id != review) {
        return refused(RefusalCode::NotFound, "Not all of these are items of this access review.");
    }
    Ok(Ok(views))
}

/// Whose the accounts of these items are today.
async fn holders(writer: &Writer, items: &[ReviewItemView]) -> Result<HashMap<i64, i64>, StoreError> {
    let accounts: Vec<i64> = items.iter().map(|item| item.account_id).collect();
    let inputs = writer.account_inputs(&accounts).await?;
    Ok(inputs.into_iter().filter_map(|input| Some((input.account_id, input.link?.person?))).collect())
}

/// Whose it was when the review began counts as well as whose it is by now.
fn is_own(item: &ReviewItemView, holders: &HashMap<i64, i64>, own: &HashSet<i64>) -> bool {
    let then = item.access.person.as_ref().map(|person| person.id);
    let now = holders.get(&item.account_id).copied();
    [then, now].into_iter().flatten().any(|person| own.contains(&person))
}

fn may_not(who: &Reviewer, item: &ReviewItemView, holders: &HashMap<i64, i64>, own: &HashSet<i64>) -> Option<Refusal> {
    if is_own(item, holders, own) {
        return Some(own_account(item));
    }
    let is_reviewer = item.reviewer_id.is_some_and(|reviewer| own.contains(&reviewer));
    if is_reviewer || who.is_admin {
        return None;
    }
    let message = format!("{} is another reviewer's to decide.", item.access.account.login);
    let refusal = Refusal::new(RefusalCode::Forbidden, message).field("itemIds");
    Some(if own.is_empty() {
        refusal.remedy("The token names no person: have an administrator make one with createApiToken's personId.")
    } else {
        refusal.remedy("Leave it to its reviewer, or have it given to you with reassignAccessReviewItems.")
    })
}

fn own_account(item: &ReviewItemView) -> Refusal {
    let message = format!("{} is the reviewer's own account.", item.access.account.login);
    Refusal::new(RefusalCode::Forbidden, message)
        .remedy("Somebody else has to decide on it: give it to another reviewer with reassignAccessReviewItems.")
        .field("itemIds")
}
