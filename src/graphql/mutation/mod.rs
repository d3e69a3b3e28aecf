//! Everything that changes something, each through the sync engine.
//!
//! A mutation checks the role, reads the ids, asks the engine, and shows what is there afterwards.

mod access;
mod integrations;
mod inventory;
mod people;
mod reviews;

use std::sync::Arc;

use async_graphql::{Context, ID, MaybeUndefined, MergedObject};

use super::State;
use super::access::{Action, require_noted};
use super::error::ApiError;
use super::ids::{IdKind, stored};
use super::payloads::UserError;
use super::session::{Moment, session};
use crate::store::audit::{Actor, AuditAction};
use crate::sync::{Engine, Patch, Refusal, RefusalCode};

/// Everything that changes something. What was asked for and cannot be had is in the payload's `userErrors`.
#[derive(Default, MergedObject)]
pub struct Mutation(
    integrations::IntegrationMutations,
    inventory::InventoryMutations,
    people::PeopleMutations,
    reviews::ReviewMutations,
    access::AccessMutations,
);

/// The caller, who may do this, and the engine that does it. A refusal is noted in the audit ledger.
async fn begin<'ctx>(
    ctx: &Context<'ctx>,
    action: Action,
    audited: AuditAction,
) -> Result<(Actor, &'ctx Engine), ApiError> {
    let caller = require_noted(ctx, action, audited).await?;
    let state = ctx.data_opt::<State>().ok_or(ApiError::Internal)?;
    Ok((caller.actor(), &state.engine))
}

/// What is there once an edit is done.
async fn afterwards(ctx: &Context<'_>) -> Result<Arc<Moment>, ApiError> {
    session(ctx)?.renewed().await
}

/// The stored id that an input field names, or the refusal that names the field.
fn named(id: &ID, kind: IdKind, field: &str) -> Result<i64, Vec<UserError>> {
    stored(id, kind).ok_or_else(|| {
        let refusal =
            Refusal::new(RefusalCode::Invalid, format!("This is not the id of a thing of type {}.", kind.word()));
        UserError::all(vec![refusal.field(field)])
    })
}

/// Absent: leave; null: clear.
fn patch<T>(value: MaybeUndefined<T>) -> Patch<T> {
    match value {
        MaybeUndefined::Undefined => Patch::Keep,
        MaybeUndefined::Null => Patch::Clear,
        MaybeUndefined::Value(value) => Patch::Set(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_leaves_null_clears_and_a_value_sets() {
        assert_eq!(patch(MaybeUndefined::<i32>::Undefined), Patch::Keep);
        assert_eq!(patch(MaybeUndefined::<i32>::Null), Patch::Clear);
        assert_eq!(patch(MaybeUndefined::Value(1)), Patch::Set(1));
    }
}
