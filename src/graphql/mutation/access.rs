//! Making and revoking API tokens.

use async_graphql::{Context, ID, InputObject, Object};

use super::{afterwards, begin, named};
use crate::auth::{self, DEFAULT_TTL_DAYS, IssueError, LONGEST_TTL_DAYS, NewToken};
use crate::graphql::State;
use crate::graphql::access::Action;
use crate::graphql::api_token::ApiToken;
use crate::graphql::error::ApiError;
use crate::graphql::ids::IdKind;
use crate::graphql::payloads::{CreateApiTokenPayload, RevokeApiTokenPayload, UserError};
use crate::graphql::viewer::Role;
use crate::store::audit::AuditAction;
use crate::sync::{Refusal, RefusalCode};

const LONGEST_NAME: usize = 100;

/// A token to make.
#[derive(InputObject)]
pub struct CreateApiTokenInput {
    /// What it is for, as lists show it: 1 to 100 characters.
    name: String,
    /// How much it allows.
    role: Role,
    /// Days until it lets nobody in: 1 to 365, 90 when absent.
    expires_in_days: Option<i32>,
    /// Who calls with it: access reviews let reviewers decide by this, and nobody on the own account.
    person_id: Option<ID>,
}

/// A token to revoke.
#[derive(InputObject)]
pub struct RevokeApiTokenInput {
    /// The token's id.
    api_token_id: ID,
}

#[derive(Default)]
pub struct AccessMutations;

#[Object]
impl AccessMutations {
    /// Makes an API token of this workspace. It is shown in this answer and never again. Needs the role ADMIN.
    async fn create_api_token(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token.")] input: CreateApiTokenInput,
    ) -> Result<CreateApiTokenPayload, ApiError> {
        let (by, _) = begin(ctx, Action::ManageAccess, AuditAction::CreateToken).await?;
        let state = ctx.data_opt::<State>().ok_or(ApiError::Internal)?;
        let refused =
            |refusal| CreateApiTokenPayload { user_errors: UserError::all(vec![refusal]), ..Default::default() };
        let name = input.name.trim();
        if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
            return Ok(refused(invalid("name", format!("A name has 1 to {LONGEST_NAME} plain characters."))));
        }
        let days = input.expires_in_days.unwrap_or(i32::from(DEFAULT_TTL_DAYS));
        let lifetime = || invalid("expiresInDays", format!("A token lives 1 to {LONGEST_TTL_DAYS} days."));
        let Ok(days) = u16::try_from(days) else { return Ok(refused(lifetime())) };
        let person = match input.person_id.as_ref().map(|id| named(id, IdKind::Person, "personId")).transpose() {
            Ok(person) => person,
            Err(user_errors) => return Ok(CreateApiTokenPayload { user_errors, ..Default::default() }),
        };
        let new = NewToken { name, role: input.role.into(), person, ttl_days: days };
        match auth::issue(&state.store, &by, new, state.clock.now()).await {
            Ok((id, token)) => {
                let moment = afterwards(ctx).await?;
                let api_token = moment.reader.token(id).await?.map(ApiToken);
                Ok(CreateApiTokenPayload { api_token, token: Some(token.expose().to_owned()), user_errors: Vec::new() })
            }
            Err(IssueError::Lifetime(_)) => Ok(refused(lifetime())),
            Err(IssueError::NoSuchPerson) => {
                let refusal = Refusal::new(RefusalCode::NotFound, "There is no such person.").field("personId");
                Ok(refused(refusal))
            }
            Err(IssueError::Store(error)) => Err(error.into()),
            Err(error @ IssueError::Randomness(_)) => {
                tracing::error!(error = &error as &dyn std::error::Error, "no token made");
                Err(ApiError::Internal)
            }
        }
    }

    /// Ends a token's life; every server refuses it within five seconds. Needs the role ADMIN.
    async fn revoke_api_token(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to revoke.")] input: RevokeApiTokenInput,
    ) -> Result<RevokeApiTokenPayload, ApiError> {
        let (by, _) = begin(ctx, Action::ManageAccess, AuditAction::RevokeToken).await?;
        let state = ctx.data_opt::<State>().ok_or(ApiError::Internal)?;
        let refused = |user_errors| RevokeApiTokenPayload { user_errors, ..Default::default() };
        let id = match named(&input.api_token_id, IdKind::ApiToken, "apiTokenId") {
            Ok(id) => id,
            Err(errors) => return Ok(refused(errors)),
        };
        if !auth::revoke(&state.store, &by, id, state.clock.now()).await? {
            let refusal = Refusal::new(RefusalCode::NotFound, "There is no such token that was not revoked before.");
            return Ok(refused(UserError::all(vec![refusal.field("apiTokenId")])));
        }
        let moment = afterwards(ctx).await?;
        let api_token = moment.reader.token(id).await?.map(ApiToken);
        Ok(RevokeApiTokenPayload { api_token, user_errors: Vec::new() })
    }
}

fn invalid(field: &str, message: String) -> Refusal {
    Refusal::new(RefusalCode::Invalid, message).field(field)
}
