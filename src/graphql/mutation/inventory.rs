//! Edits of the inventory and of whose accounts are.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object};

use super::{afterwards, begin, named, patch};
use crate::graphql::access::Action;
use crate::graphql::account::Account;
use crate::graphql::asset::{Asset, UserDataClassification};
use crate::graphql::error::ApiError;
use crate::graphql::ids::IdKind;
use crate::graphql::payloads::{LinkAccountPayload, UpdateAssetPayload, UserError};
use crate::store::audit::AuditAction;
use crate::sync::{AssetEdit, Patch};

/// What to say of an asset. A field that is absent is left as it is; null takes away what was said by hand.
#[derive(InputObject)]
pub struct UpdateAssetInput {
    /// The asset.
    asset_id: ID,
    /// The person who answers for it.
    owner_id: MaybeUndefined<ID>,
    /// What it is for.
    description: MaybeUndefined<String>,
    /// Whether personal data of users lives in it.
    user_data: MaybeUndefined<UserDataClassification>,
}

impl UpdateAssetInput {
    fn edit(self) -> Result<(i64, AssetEdit), Vec<UserError>> {
        let asset = named(&self.asset_id, IdKind::AtlasCluster, "assetId")?;
        let owner = match patch(self.owner_id) {
            Patch::Keep => Patch::Keep,
            Patch::Clear => Patch::Clear,
            Patch::Set(id) => Patch::Set(named(&id, IdKind::Person, "ownerId")?),
        };
        let user_data = patch(self.user_data.map_value(Into::into));
        Ok((asset, AssetEdit { owner, description: patch(self.description), user_data }))
    }
}

/// Which account belongs to whom.
#[derive(InputObject)]
pub struct LinkAccountInput {
    /// The account.
    account_id: ID,
    /// The person. Null takes the link by hand away; an e-mail address may then link it again.
    person_id: Option<ID>,
}

impl LinkAccountInput {
    fn link(&self) -> Result<(i64, Option<i64>), Vec<UserError>> {
        let account = named(&self.account_id, IdKind::Account, "accountId")?;
        let person = self.person_id.as_ref().map(|id| named(id, IdKind::Person, "personId")).transpose()?;
        Ok((account, person))
    }
}

#[derive(Default)]
pub struct InventoryMutations;

#[Object]
impl InventoryMutations {
    /// Sets an asset's owner, description or user-data class by hand. Needs the role ANALYST.
    async fn update_asset(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The asset and what to say of it.")] input: UpdateAssetInput,
    ) -> Result<UpdateAssetPayload, ApiError> {
        let (by, engine) = begin(ctx, Action::EditInventory, AuditAction::UpdateAsset).await?;
        let refused = |user_errors| UpdateAssetPayload { user_errors, ..Default::default() };
        let (id, edit) = match input.edit() {
            Ok(edit) => edit,
            Err(errors) => return Ok(refused(errors)),
        };
        if let Err(refusals) = engine.update_asset(&by, id, edit).await? {
            return Ok(refused(UserError::all(refusals)));
        }
        let moment = afterwards(ctx).await?;
        Ok(UpdateAssetPayload { asset: Asset::find(&moment, id).await?, user_errors: Vec::new() })
    }

    /// Links an account to a person by hand, or takes that link away. Needs the role ANALYST.
    async fn link_account(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account and its person.")] input: LinkAccountInput,
    ) -> Result<LinkAccountPayload, ApiError> {
        let (by, engine) = begin(ctx, Action::EditInventory, AuditAction::LinkAccount).await?;
        let refused = |user_errors| LinkAccountPayload { user_errors, ..Default::default() };
        let (id, person) = match input.link() {
            Ok(link) => link,
            Err(errors) => return Ok(refused(errors)),
        };
        if let Err(refusals) = engine.link_account(&by, id, person).await? {
            return Ok(refused(UserError::all(refusals)));
        }
        let moment = afterwards(ctx).await?;
        Ok(LinkAccountPayload { account: Account::find(&moment, id).await?, user_errors: Vec::new() })
    }
}
