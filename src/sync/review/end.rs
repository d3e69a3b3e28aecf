//! Ending a review: once everything is decided, or early and with a reason.

use super::{Reviewer, under_way};
use crate::store::audit::{AuditAction, AuditEntry, AuditKind};
use crate::store::write::Touched;
use crate::sync::engine::{Edit, Engine};
use crate::sync::judge::{Subjects, rejudge};
use crate::sync::merge::too_long;
use crate::sync::refusal::{Refusal, RefusalCode};

const LONGEST_REASON: usize = 4_000;

impl Engine {
    /// Ends a review in which everything is decided. With `reason` an administrator closes it as it is.
    pub async fn complete_access_review(&self, who: &Reviewer, review: i64, reason: Option<String>) -> Edit<()> {
        let reason = reason.as_deref().map(str::trim).filter(|text| !text.is_empty());
        if reason.is_some_and(|text| text.chars().count() > LONGEST_REASON || text.contains('\0')) {
            return Ok(Err(vec![too_long("closeReason")]));
        }
        let writer = self.store.writer(who.by.workspace).await?;
        let reader = self.store.preview(&writer);
        let view = match under_way(&reader, review).await? {
            Ok(view) => view,
            Err(refusal) => return Ok(Err(vec![refusal])),
        };
        let progress = reader.review_progress(&[review]).await?.remove(&review).unwrap_or_default();
        drop(reader);
        let reason = match (progress.undecided, reason) {
            (0, _) => None,
            (undecided, None) => return Ok(Err(vec![unfinished(undecided)])),
            (_, Some(_)) if !who.is_admin => return Ok(Err(vec![administrators_only()])),
            (_, reason) => reason,
        };
        writer.end_review(&who.by, review, reason).await?;
        let entry = AuditEntry::done(AuditAction::CompleteAccessReview)
            .about(AuditKind::AccessReview, review, view.name)
            .change("undecided", None, Some(progress.undecided.to_string()))
            .change("closeReason", None, reason.map(str::to_owned));
        writer.audit(&who.by, entry).await?;
        let accounts = writer.reviewed_accounts(review).await?;
        rejudge(&self.store, &writer, &self.policy, Subjects::These(Touched { assets: Vec::new(), accounts })).await?;
        writer.commit().await?;
        tracing::info!(access_review.id = review, undecided = progress.undecided, "access review ended");
        Ok(Ok(()))
    }
}

fn unfinished(undecided: u32) -> Refusal {
    let message = match undecided {
        1 => "One item is not decided yet.".to_owned(),
        count => format!("{count} items are not decided yet."),
    };
    Refusal::new(RefusalCode::Conflict, message)
        .remedy("Decide on them: items(filter: { decided: false }) shows which. An administrator may close the review with a closeReason.")
        .field("accessReviewId")
}

fn administrators_only() -> Refusal {
    Refusal::new(RefusalCode::Forbidden, "Only an administrator closes a review with undecided items.")
        .remedy("Have the items decided, or ask an administrator.")
        .field("closeReason")
}
