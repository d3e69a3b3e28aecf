//! Finding users: by an index where the filter allows it, else by reading them all, a block at a time.

use super::ProvisionError;
use crate::scim::{Document, Filter, Found, ListRequest, Narrowed, ScimError, User};
use crate::store::StoreError;
use crate::store::read::{Reader, ScimUserKey, ScimUserView};
use crate::sync::Engine;

/// Users that are read at a time.
const BLOCK: u64 = 500;
/// Of a user's name here, in hexadecimal digits.
const ID_LENGTH: usize = 32;

impl Engine {
    pub(super) async fn scim_user(&self, workspace: i64, id: String) -> Result<User, ProvisionError> {
        let key = by_id(&id).ok_or_else(ScimError::no_such_user)?;
        let reader = self.store.reader(workspace).await?;
        let found = reader.scim_users(Some(&key), 0, 0, 1).await?.pop();
        reader.finish().await?;
        user(found.ok_or_else(ScimError::no_such_user)?)
    }

    pub(super) async fn scim_users(&self, workspace: i64, request: ListRequest) -> Result<Found, ProvisionError> {
        let reader = self.store.reader(workspace).await?;
        let found = match &request.filter {
            None => everybody(&reader, &request).await?,
            Some(filter) => fitting(&reader, filter, &request).await?,
        };
        reader.finish().await?;
        Ok(found)
    }
}

async fn everybody(reader: &Reader, request: &ListRequest) -> Result<Found, ProvisionError> {
    let total = reader.count_scim_users().await?;
    let rows = if request.count == 0 || request.start > total {
        Vec::new()
    } else {
        reader.scim_users(None, 0, request.start - 1, request.count).await?
    };
    let users = rows.into_iter().map(user).collect::<Result<_, _>>()?;
    Ok(Found { users, total, start: request.start })
}

async fn fitting(reader: &Reader, filter: &Filter, request: &ListRequest) -> Result<Found, ProvisionError> {
    let key = filter.narrowed().map(key);
    let (mut users, mut total, mut after) = (Vec::new(), 0, 0);
    loop {
        let rows = reader.scim_users(key.as_ref(), after, 0, BLOCK).await?;
        let Some(last) = rows.last() else { break };
        after = last.id;
        let is_last = (rows.len() as u64) < BLOCK;
        for row in rows {
            let user = user(row)?;
            if filter.fits(&user) {
                total += 1;
                if total >= request.start && total - request.start < request.count {
                    users.push(user);
                }
            }
        }
        if is_last {
            break;
        }
    }
    Ok(Found { users, total, start: request.start })
}

fn key(narrowed: Narrowed) -> ScimUserKey {
    match narrowed {
        Narrowed::Id(id) => ScimUserKey::ResourceId(id),
        Narrowed::UserName(name) => ScimUserKey::UserName(name),
        Narrowed::ExternalId(id) => ScimUserKey::ExternalId(id),
        Narrowed::Address(address) => ScimUserKey::Address(address),
    }
}

/// None for what no user is ever called.
pub fn by_id(id: &str) -> Option<ScimUserKey> {
    let is_one = id.len() == ID_LENGTH && id.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'));
    is_one.then(|| ScimUserKey::ResourceId(id.to_owned()))
}

pub fn user(row: ScimUserView) -> Result<User, ProvisionError> {
    let document = Document::from_kept(&row.document);
    let document = document.ok_or(StoreError::Corrupt { table: "scim_user", column: "document" })?;
    Ok(User { id: row.resource_id, document, created_at: row.created_at, changed_at: row.changed_at })
}
