//! Access reviews: beginning one, deciding, ending it, and seeing in later syncs what came of it.

mod decide;
mod end;
mod remediation;
mod start;

use std::collections::HashSet;

pub use decide::{Decision, Which};
pub(super) use remediation::note_remediations;
pub use start::ReviewStart;

use super::refusal::{Refusal, RefusalCode};
use crate::store::audit::Actor;
use crate::store::views::{CallerPerson, ReviewView};
use crate::store::{Reader, StoreError, Writer};

/// Who wants something of a review.
#[derive(Debug, Clone)]
pub struct Reviewer {
    pub by: Actor,
    /// Whom the token or the issuer says that it is.
    pub person: CallerPerson,
    /// May decide on what is somebody else's to decide, and close a review early.
    pub is_admin: bool,
}

impl Reviewer {
    /// Everybody whom it may be. More than one where an address belongs to several people.
    async fn people(&self, writer: &Writer) -> Result<HashSet<i64>, StoreError> {
        Ok(match &self.person {
            CallerPerson::Nobody => HashSet::new(),
            CallerPerson::Id(id) => HashSet::from([*id]),
            CallerPerson::Address(address) => {
                writer.people_at(std::slice::from_ref(address)).await?.into_iter().collect()
            }
        })
    }
}

/// The review, if it can still be worked on.
async fn under_way(reader: &Reader, review: i64) -> Result<Result<ReviewView, Refusal>, StoreError> {
    let found = reader.reviews_by_id(&[review]).await?.pop();
    Ok(match found {
        None => Err(Refusal::new(RefusalCode::NotFound, "There is no such access review.").field("accessReviewId")),
        Some(view) if view.ended_at.is_some() => {
            Err(Refusal::new(RefusalCode::Conflict, "The access review has ended, and what was decided stays.")
                .remedy("Start another access review.")
                .field("accessReviewId"))
        }
        Some(view) => Ok(view),
    })
}
