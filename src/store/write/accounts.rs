//! Accounts and their grants: identities that survive changed logins and ids, and facts.

use std::collections::{BTreeSet, HashMap, HashSet};

use entity::{account, account_fact, project, role_grant};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QuerySelect};

use super::{AccountPut, CHUNK, Stored, Writer};
use crate::domain::{Account, Grant, GrantPath, GrantScope, ScopeKind};
use crate::store::StoreError;
use crate::store::convert::{UNDATED, micros, to_json, word};

#[derive(FromQueryResult)]
struct GrantRow {
    account_id: i64,
    role: String,
    scope: String,
    project_id: Option<i64>,
    via: String,
    team: Option<String>,
}

impl GrantRow {
    /// `project`: Atlas's id of the project that it names.
    fn grant(self, project: Option<String>) -> Result<Grant, StoreError> {
        Ok(Grant {
            scope: word(&self.scope, GrantScope::from_word, "role_grant", "scope")?,
            via: word(&self.via, GrantPath::from_word, "role_grant", "via")?,
            role: self.role,
            project,
            team: self.team,
        })
    }
}

impl Writer {
    /// The grants that these accounts hold today.
    pub(super) async fn open_grants(&self, accounts: &[i64]) -> Result<Vec<(i64, Grant)>, StoreError> {
        let mut rows: Vec<GrantRow> = Vec::new();
        for chunk in accounts.chunks(CHUNK) {
            let select = Query::select()
                .columns(["account_id", "role", "scope", "project_id", "via", "team"])
                .from("role_grant")
                .and_where(self.owns("role_grant"))
                .and_where(self.among("account_id", chunk))
                .and_where(Expr::col("valid_to").is_null())
                .to_owned();
            rows.extend(self.all::<GrantRow>(&select).await?);
        }
        let ids: BTreeSet<i64> = rows.iter().filter_map(|row| row.project_id).collect();
        let ids: Vec<i64> = ids.into_iter().collect();
        let mut projects: HashMap<i64, String> = HashMap::new();
        for chunk in ids.chunks(CHUNK) {
            let named = project::Entity::find().filter(self.among("id", chunk));
            projects.extend(named.all(self.tx.as_ref()).await?.into_iter().map(|row| (row.id, row.atlas_id)));
        }
        rows.into_iter()
            .map(|row| {
                let project = row.project_id.and_then(|id| projects.get(&id).cloned());
                Ok((row.account_id, row.grant(project)?))
            })
            .collect()
    }

    /// `projects`: Atlas's ids by ours.
    pub(super) async fn stored_accounts(
        &self,
        integration: i64,
        projects: &HashMap<i64, String>,
    ) -> Result<Vec<Stored<Account>>, StoreError> {
        let mut accounts: Vec<Stored<Account>> =
            self.stored_documents("account_fact", "account_id", integration).await?;
        // Without joins, and of all integrations: a planner without statistics takes seconds to join these tables.
        let select = Query::select()
            .columns(["account_id", "role", "scope", "project_id", "via", "team"])
            .from("role_grant")
            .and_where(Expr::col("workspace_id").eq(self.workspace))
            .and_where(Expr::col("valid_to").is_null())
            .to_owned();
        let mut grants: HashMap<i64, Vec<Grant>> = accounts.iter().map(|account| (account.id, Vec::new())).collect();
        for row in self.all::<GrantRow>(&select).await? {
            let Some(grants) = grants.get_mut(&row.account_id) else { continue };
            let project = row.project_id.and_then(|id| projects.get(&id).cloned());
            grants.push(row.grant(project)?);
        }
        for account in &mut accounts {
            account.value.grants = grants.remove(&account.id).unwrap_or_default();
            account.value.grants.sort();
        }
        Ok(accounts)
    }

    pub(super) async fn put_accounts(
        &self,
        integration: i64,
        projects: &HashMap<String, i64>,
        scopes: &HashMap<(ScopeKind, String), i64>,
        puts: Vec<AccountPut>,
    ) -> Result<Vec<i64>, StoreError> {
        let present = if puts.is_empty() { HashSet::new() } else { self.present_accounts(integration).await? };
        let known = self.ensure_accounts(integration, &present, puts).await?;
        for chunk in known.chunks(CHUNK) {
            let ids: Vec<i64> = chunk.iter().map(|(id, _)| *id).filter(|id| present.contains(id)).collect();
            self.close("account_fact", "account_id", &ids).await?;
            self.close("role_grant", "account_id", &ids).await?;
            let (mut facts, mut grants) = (Vec::with_capacity(CHUNK), Vec::new());
            for (id, account) in chunk {
                let kind = ScopeKind::of_accounts(account.kind);
                let Some(scope) = scopes.get(&(kind, String::new())) else { continue };
                facts.push(self.account_row(integration, *id, *scope, account));
                grants.extend(account.grants.iter().map(|grant| self.grant_row(*id, projects, grant)));
            }
            self.insert(facts).await?;
            self.insert(grants).await?;
        }
        Ok(known.into_iter().map(|(id, _)| id).collect())
    }

    fn account_row(&self, integration: i64, id: i64, scope: i64, account: &Account) -> account_fact::ActiveModel {
        let bare = Account { grants: Vec::new(), ..account.clone() };
        let words = [Some(&account.login), account.display_name.as_ref(), account.email.as_ref()];
        let search: Vec<&str> = words.into_iter().flatten().map(String::as_str).collect();
        account_fact::ActiveModel {
            id: NotSet,
            workspace_id: Set(self.workspace),
            integration_id: Set(integration),
            account_id: Set(id),
            scope_id: Set(scope),
            kind: Set(account.kind.word().to_owned()),
            status: Set(account.status.word().to_owned()),
            login: Set(account.login.clone()),
            search_text: Set(search.join("\n").to_lowercase()),
            email: Set(account.email.clone()),
            privileged: Set(account.is_privileged()),
            last_authenticated_at: Set(account.last_authenticated_at.map_or(UNDATED, micros)),
            document: Set(to_json(&bare)),
            valid_from: Set(self.at),
            valid_to: Set(None),
        }
    }

    fn grant_row(&self, account: i64, projects: &HashMap<String, i64>, grant: &Grant) -> role_grant::ActiveModel {
        role_grant::ActiveModel {
            id: NotSet,
            workspace_id: Set(self.workspace),
            account_id: Set(account),
            role: Set(grant.role.clone()),
            scope: Set(grant.scope.word().to_owned()),
            project_id: Set(grant.project.as_ref().and_then(|atlas| projects.get(atlas).copied())),
            via: Set(grant.via.word().to_owned()),
            team: Set(grant.team.clone()),
            valid_from: Set(self.at),
            valid_to: Set(None),
        }
    }

    /// Finds each account's identity: the given one, else by Atlas's id, else by natural key; else makes one.
    async fn ensure_accounts(
        &self,
        integration: i64,
        present: &HashSet<i64>,
        puts: Vec<AccountPut>,
    ) -> Result<Vec<(i64, Account)>, StoreError> {
        if puts.is_empty() {
            return Ok(Vec::new());
        }
        let before = self.account_identities(integration).await?;
        let mut claimed = present.clone();
        claimed.extend(puts.iter().filter_map(|put| put.id));
        for put in &puts {
            if let Some(id) = put.id {
                self.rename_account(&before, id, &put.account).await?;
            }
        }
        let mut known = self.account_identities(integration).await?;
        let (mut found, mut fresh) = (Vec::with_capacity(puts.len()), Vec::new());
        for put in puts {
            let free = known.find(&put.account).filter(|id| !claimed.contains(id));
            if put.id.is_none()
                && let Some(id) = free
            {
                self.rename_account(&known, id, &put.account).await?;
            }
            match put.id.or(free) {
                Some(id) => {
                    claimed.insert(id);
                    found.push((id, put.account));
                }
                None => fresh.push(put.account),
            }
        }
        if fresh.is_empty() {
            return Ok(found);
        }
        let keys: Vec<(String, String)> = fresh.iter().map(|account| known.free_key(account)).collect();
        let rows = keys.iter().zip(&fresh).map(|(key, account)| self.identity_row(integration, key, account));
        self.insert(rows.collect()).await?;
        known = self.account_identities(integration).await?;
        found.extend(keys.iter().zip(fresh).filter_map(|(key, account)| Some((*known.by_key.get(key)?, account))));
        Ok(found)
    }

    /// The accounts that the integration has today.
    async fn present_accounts(&self, integration: i64) -> Result<HashSet<i64>, StoreError> {
        let ids = account_fact::Entity::find()
            .select_only()
            .column(account_fact::Column::AccountId)
            .filter(account_fact::Column::IntegrationId.eq(integration))
            .filter(account_fact::Column::ValidTo.is_null())
            .into_tuple::<i64>()
            .all(self.tx.as_ref())
            .await?;
        Ok(ids.into_iter().collect())
    }

    fn identity_row(
        &self,
        integration: i64,
        (kind, key): &(String, String),
        account: &Account,
    ) -> account::ActiveModel {
        account::ActiveModel {
            id: NotSet,
            workspace_id: Set(self.workspace),
            integration_id: Set(integration),
            kind: Set(kind.clone()),
            natural_key: Set(key.clone()),
            atlas_id: Set(account.atlas_id.clone()),
            first_seen_at: Set(self.at),
            manual_person_id: Set(None),
        }
    }

    /// Keeps the identity findable after a changed login or id.
    async fn rename_account(&self, known: &Identities, id: i64, account: &Account) -> Result<(), StoreError> {
        let key = (account.kind.word().to_owned(), account.natural_key());
        let taken = known.by_key.get(&key).is_some_and(|holder| *holder != id);
        let same = known.by_key.get(&key) == Some(&id)
            && known.by_atlas.get(&(key.0.clone(), account.atlas_id.clone())) == Some(&id);
        if taken || same {
            return Ok(());
        }
        let update = Query::update()
            .table("account")
            .value("natural_key", key.1)
            .value("atlas_id", account.atlas_id.as_str())
            .and_where(Expr::col("id").eq(id))
            .to_owned();
        sea_orm::ConnectionTrait::execute(self.tx.as_ref(), &update).await?;
        Ok(())
    }

    async fn account_identities(&self, integration: i64) -> Result<Identities, StoreError> {
        let rows = account::Entity::find()
            .filter(account::Column::IntegrationId.eq(integration))
            .all(self.tx.as_ref())
            .await?;
        let mut identities = Identities::default();
        for row in rows {
            identities.by_atlas.insert((row.kind.clone(), row.atlas_id), row.id);
            identities.by_key.insert((row.kind, row.natural_key), row.id);
        }
        Ok(identities)
    }
}

#[derive(Default)]
struct Identities {
    by_atlas: HashMap<(String, String), i64>,
    by_key: HashMap<(String, String), i64>,
}

impl Identities {
    fn find(&self, account: &Account) -> Option<i64> {
        let kind = account.kind.word().to_owned();
        let by_atlas = self.by_atlas.get(&(kind.clone(), account.atlas_id.clone()));
        by_atlas.or_else(|| self.by_key.get(&(kind, account.natural_key()))).copied()
    }
    /// What to keep a new identity under: its natural key or, where somebody else's is still kept under it, its id.
    fn free_key(&self, account: &Account) -> (String, String) {
        let (kind, key) = (account.kind.word().to_owned(), account.natural_key());
        if self.by_key.contains_key(&(kind.clone(), key.clone())) {
            return (kind, account.atlas_id.clone());
        }
        (kind, key)
    }
}
