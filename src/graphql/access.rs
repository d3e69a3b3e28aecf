//! Who may do what: one table, asked by mutations and by `viewer.can` alike.

use async_graphql::{Context, Enum};

use super::State;
use super::error::ApiError;
use crate::store::audit::AuditAction;
use crate::store::views::{Caller, Role};

/// Something that a caller may or may not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum Action {
    /// See the inventory, accounts, people, controls and sync runs.
    Read,
    /// Set owners, descriptions and user-data classes of assets, and link accounts to people.
    EditInventory,
    /// Add, change and import people.
    ManagePeople,
    /// Start access reviews, decide on access, and complete reviews.
    ReviewAccess,
    /// Connect and disconnect integrations, rotate their credentials and start syncs.
    ManageIntegrations,
    /// Create and revoke access tokens.
    ManageAccess,
}

impl Action {
    /// The smallest role that may.
    pub const fn needs(self) -> Role {
        match self {
            Self::Read => Role::Viewer,
            Self::EditInventory | Self::ManagePeople | Self::ReviewAccess => Role::Analyst,
            Self::ManageIntegrations | Self::ManageAccess => Role::Admin,
        }
    }

    pub fn is_allowed(self, role: Role) -> bool {
        role >= self.needs()
    }
}

/// The caller, who may do this.
pub fn require<'ctx>(ctx: &Context<'ctx>, action: Action) -> Result<&'ctx Caller, ApiError> {
    let caller = ctx.data_opt::<Caller>().ok_or(ApiError::Unauthenticated)?;
    if action.is_allowed(caller.role) { Ok(caller) } else { Err(ApiError::Forbidden(action.needs())) }
}

/// The same for what only few may do. A refusal is noted in the audit ledger.
pub async fn require_noted<'ctx>(
    ctx: &Context<'ctx>,
    action: Action,
    audited: AuditAction,
) -> Result<&'ctx Caller, ApiError> {
    let caller = ctx.data_opt::<Caller>().ok_or(ApiError::Unauthenticated)?;
    let allowed = require(ctx, action);
    if allowed.is_err() {
        let state = ctx.data_opt::<State>().ok_or(ApiError::Internal)?;
        state.engine.note_refusal(&caller.actor(), audited).await?;
    }
    allowed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_may_do_what_the_smaller_one_may_and_more() {
        let allowed = |role| {
            [
                Action::Read,
                Action::EditInventory,
                Action::ManagePeople,
                Action::ManageIntegrations,
                Action::ManageAccess,
            ]
            .map(|action: Action| action.is_allowed(role))
        };

        assert_eq!(allowed(Role::Viewer), [true, false, false, false, false]);
        assert_eq!(allowed(Role::Analyst), [true, true, true, false, false]);
        assert_eq!(allowed(Role::Admin), [true, true, true, true, true]);
    }
}
