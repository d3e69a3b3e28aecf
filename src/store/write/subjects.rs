//! What judging needs to know about subjects, and writing what is in force for them.

use std::collections::HashMap;

use entity::{account_link, asset_standing};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::FromQueryResult;
use sea_orm::sea_query::{Alias, Expr, ExprTrait, JoinType, Order, Query, SelectStatement};
use tokio::task::consume_budget;

use super::{CHUNK, Writer};
use crate::domain::{
    Account, AnnotationSource, Cluster, EncryptionAtRest, Instant, Link, LinkSource, Manual, ScopeKind, Standing,
    UserDataClassification,
};
use crate::store::StoreError;
use crate::store::convert::{from_json, instant, word};

/// An asset with everything its verdicts rest on.
#[derive(Debug, Clone)]
pub struct AssetInput {
    pub asset_id: i64,
    pub integration_id: i64,
    pub scope_id: i64,
    /// The list that tells of the keys of the cluster's project, where customer keys encrypt it.
    pub key_scope_id: Option<i64>,
    pub cluster: Cluster,
    pub manual: Manual,
    /// The keys of its project, where customer keys encrypt it and they could be read.
    pub encryption: Option<EncryptionAtRest>,
    /// What is in force so far.
    pub standing: Option<Standing>,
}

/// An account (without its grants) with everything its verdicts rest on.
#[derive(Debug, Clone)]
pub struct AccountInput {
    pub account_id: i64,
    pub integration_id: i64,
    pub scope_id: i64,
    pub account: Account,
    pub privileged: bool,
    pub first_seen_at: Instant,
    pub manual_person: Option<i64>,
    pub link: Option<Link>,
}

#[derive(FromQueryResult)]
struct AssetRow {
    asset_id: i64,
    integration_id: i64,
    project_id: i64,
    scope_id: i64,
    document: String,
    project: String,
    manual_owner_id: Option<i64>,
    manual_description: Option<String>,
    manual_user_data: Option<String>,
}

#[derive(FromQueryResult)]
struct StandingRow {
    asset_id: i64,
    owner_id: Option<i64>,
    owner_source: Option<String>,
    owner_tag: Option<String>,
    description: Option<String>,
    description_source: Option<String>,
    user_data: String,
    user_data_source: Option<String>,
}

#[derive(FromQueryResult)]
struct KeyScopeRow {
    id: i64,
    integration_id: i64,
    project: String,
}

#[derive(FromQueryResult)]
struct EncryptionRow {
    project_id: i64,
    document: String,
}

#[derive(FromQueryResult)]
struct AccountRow {
    account_id: i64,
    integration_id: i64,
    scope_id: i64,
    document: String,
    privileged: bool,
    manual_person_id: Option<i64>,
    first_seen_at: i64,
}

#[derive(FromQueryResult)]
struct LinkRow {
    account_id: i64,
    person_id: Option<i64>,
    source: Option<String>,
    ambiguous: bool,
}

/// What the verdicts of clusters with customer keys rest on besides.
#[derive(Default)]
struct Keys {
    /// By integration and the project's Atlas id.
    scopes: HashMap<(i64, String), i64>,
    /// By the project's id here.
    encryption: HashMap<i64, EncryptionAtRest>,
}

impl Writer {
    /// Every asset that the workspace has today.
    pub async fn todays_assets(&self) -> Result<Vec<i64>, StoreError> {
        self.todays("cluster_fact", "asset_id").await
    }

    /// Every account that the workspace has today.
    pub async fn todays_accounts(&self) -> Result<Vec<i64>, StoreError> {
        self.todays("account_fact", "account_id").await
    }

    /// These assets, as far as they are there today.
    ///
    /// What was written in this transaction has no statistics yet, and row security filters every table by workspace:
    /// planners would join tables of facts row by row. So each is read by itself, by identities.
    pub async fn asset_inputs(&self, ids: &[i64]) -> Result<Vec<AssetInput>, StoreError> {
        let rows: Vec<AssetRow> = self.by_ids(&self.select_assets(), ("f", "asset_id"), ids).await?;
        let mut standings = self.standings(ids).await?;
        let mut facts = Vec::with_capacity(rows.len());
        for row in rows {
            consume_budget().await;
            let cluster: Cluster = from_json(&row.document, "cluster_fact", "document")?;
            facts.push((row, cluster));
        }
        let keys = self.keys(&facts).await?;
        let input = |(row, cluster): (AssetRow, Cluster)| {
            let standing = standings.remove(&row.asset_id);
            asset_input(row, cluster, standing, &keys)
        };
        facts.into_iter().map(input).collect()
    }

    /// These accounts, as far as they are there today.
    pub async fn account_inputs(&self, ids: &[i64]) -> Result<Vec<AccountInput>, StoreError> {
        let rows: Vec<AccountRow> = self.by_ids(&self.select_accounts(), ("f", "account_id"), ids).await?;
        let links = self.open_rows("account_link", &["account_id", "person_id", "source", "ambiguous"]);
        let links: Vec<LinkRow> = self.by_ids(&links, ("account_link", "account_id"), ids).await?;
        let mut links: HashMap<i64, LinkRow> = links.into_iter().map(|row| (row.account_id, row)).collect();
        let mut inputs = Vec::with_capacity(rows.len());
        for row in rows {
            consume_budget().await;
            let link = links.remove(&row.account_id);
            inputs.push(account_input(&row, link)?);
        }
        Ok(inputs)
    }

    async fn standings(&self, assets: &[i64]) -> Result<HashMap<i64, Standing>, StoreError> {
        let columns = [
            "asset_id",
            "owner_id",
            "owner_source",
            "owner_tag",
            "description",
            "description_source",
            "user_data",
            "user_data_source",
        ];
        let select = self.open_rows("asset_standing", &columns);
        let rows: Vec<StandingRow> = self.by_ids(&select, ("asset_standing", "asset_id"), assets).await?;
        rows.into_iter().map(|row| Ok((row.asset_id, standing(row)?))).collect()
    }

    /// What is known of the keys of these clusters' projects; nothing is read where no cluster has any.
    async fn keys(&self, facts: &[(AssetRow, Cluster)]) -> Result<Keys, StoreError> {
        let with_keys = || facts.iter().filter(|(_, cluster)| cluster.at_rest.is_by_customer_key()).map(|(row, _)| row);
        let mut integrations: Vec<i64> = with_keys().map(|row| row.integration_id).collect();
        let mut projects: Vec<i64> = with_keys().map(|row| row.project_id).collect();
        if projects.is_empty() {
            return Ok(Keys::default());
        }
        for ids in [&mut integrations, &mut projects] {
            ids.sort_unstable();
            ids.dedup();
        }
        let scopes = Query::select()
            .columns(["id", "integration_id", "project"])
            .from("scope")
            .and_where(self.owns("scope"))
            .and_where(Expr::col("kind").eq(ScopeKind::EncryptionAtRest.word()))
            .to_owned();
        let scopes: Vec<KeyScopeRow> = self.by_ids(&scopes, ("scope", "integration_id"), &integrations).await?;
        let encryption = self.open_rows("encryption_fact", &["project_id", "document"]);
        let encryption: Vec<EncryptionRow> =
            self.by_ids(&encryption, ("encryption_fact", "project_id"), &projects).await?;
        let read = |row: EncryptionRow| Ok((row.project_id, from_json(&row.document, "encryption_fact", "document")?));
        Ok(Keys {
            scopes: scopes.into_iter().map(|row| ((row.integration_id, row.project), row.id)).collect(),
            encryption: encryption.into_iter().map(read).collect::<Result<_, StoreError>>()?,
        })
    }

    async fn todays(&self, table: &'static str, identity: &'static str) -> Result<Vec<i64>, StoreError> {
        #[derive(FromQueryResult)]
        struct Row {
            id: i64,
        }
        let select = Query::select()
            .expr_as(Expr::col(identity), Alias::new("id"))
            .from(table)
            .and_where(Expr::col("workspace_id").eq(self.workspace))
            .and_where(Expr::col("valid_to").is_null())
            .order_by(identity, Order::Asc)
            .to_owned();
        Ok(self.all::<Row>(&select).await?.into_iter().map(|row| row.id).collect())
    }

    async fn by_ids<T: FromQueryResult>(
        &self,
        select: &SelectStatement,
        column: (&'static str, &'static str),
        ids: &[i64],
    ) -> Result<Vec<T>, StoreError> {
        let mut rows = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(CHUNK) {
            let some = select.clone().and_where(self.among(column, chunk)).to_owned();
            rows.extend(self.all::<T>(&some).await?);
        }
        Ok(rows)
    }

    /// Notes what is in force for assets; the assets in `replaced` had something in force before.
    pub async fn put_standings(&self, standings: Vec<(i64, Standing)>, replaced: &[i64]) -> Result<(), StoreError> {
        self.close("asset_standing", "asset_id", replaced).await?;
        let rows = standings.into_iter().map(|(asset, standing)| asset_standing::ActiveModel {
            id: NotSet,
            workspace_id: Set(self.workspace),
            asset_id: Set(asset),
            owner_id: Set(standing.owner),
            owner_source: Set(standing.owner_source.map(|word| word.word().to_owned())),
            owner_tag: Set(standing.owner_tag),
            description: Set(standing.description),
            description_source: Set(standing.description_source.map(|word| word.word().to_owned())),
            user_data: Set(standing.user_data.word().to_owned()),
            user_data_source: Set(standing.user_data_source.map(|word| word.word().to_owned())),
            valid_from: Set(self.at),
            valid_to: Set(None),
        });
        self.insert(rows.collect()).await
    }

    /// Notes whose accounts are; the accounts in `replaced` had a link, or the lack of one, before.
    pub async fn put_links(&self, links: Vec<(i64, Link)>, replaced: &[i64]) -> Result<(), StoreError> {
        self.close("account_link", "account_id", replaced).await?;
        let rows = links.into_iter().map(|(account, link)| account_link::ActiveModel {
            id: NotSet,
            workspace_id: Set(self.workspace),
            account_id: Set(account),
            person_id: Set(link.person),
            source: Set(link.source.map(|word| word.word().to_owned())),
            ambiguous: Set(link.ambiguous),
            valid_from: Set(self.at),
            valid_to: Set(None),
        });
        self.insert(rows.collect()).await
    }

    fn select_assets(&self) -> SelectStatement {
        Query::select()
            .columns(["asset_id", "integration_id", "project_id", "scope_id", "document"].map(|column| ("f", column)))
            .columns(["manual_owner_id", "manual_description", "manual_user_data"].map(|column| ("a", column)))
            .expr_as(Expr::col(("p", "atlas_id")), Alias::new("project"))
            .from_as("cluster_fact", "f")
            .join_as(JoinType::InnerJoin, "asset", "a", Expr::col(("a", "id")).equals(("f", "asset_id")))
            .join_as(JoinType::InnerJoin, "project", "p", Expr::col(("p", "id")).equals(("f", "project_id")))
            .and_where(self.owns("f"))
            .and_where(Expr::col(("f", "valid_to")).is_null())
            .to_owned()
    }

    fn select_accounts(&self) -> SelectStatement {
        Query::select()
            .columns(["account_id", "integration_id", "scope_id", "document", "privileged"].map(|column| ("f", column)))
            .columns([("a", "manual_person_id"), ("a", "first_seen_at")])
            .from_as("account_fact", "f")
            .join_as(JoinType::InnerJoin, "account", "a", Expr::col(("a", "id")).equals(("f", "account_id")))
            .and_where(self.owns("f"))
            .and_where(Expr::col(("f", "valid_to")).is_null())
            .to_owned()
    }

    /// The rows of a table of facts that hold today.
    fn open_rows(&self, table: &'static str, columns: &[&'static str]) -> SelectStatement {
        Query::select()
            .columns(columns.iter().map(|column| (table, *column)))
            .from(table)
            .and_where(self.owns(table))
            .and_where(Expr::col((table, "valid_to")).is_null())
            .to_owned()
    }
}

fn source(text: Option<String>, column: &'static str) -> Result<Option<AnnotationSource>, StoreError> {
    text.map(|text| word(&text, AnnotationSource::from_word, "asset_standing", column)).transpose()
}

fn class(text: &str, table: &'static str) -> Result<UserDataClassification, StoreError> {
    word(text, UserDataClassification::from_word, table, "user_data")
}

fn standing(row: StandingRow) -> Result<Standing, StoreError> {
    Ok(Standing {
        owner: row.owner_id,
        owner_source: source(row.owner_source, "owner_source")?,
        owner_tag: row.owner_tag,
        description: row.description,
        description_source: source(row.description_source, "description_source")?,
        user_data: class(&row.user_data, "asset_standing")?,
        user_data_source: source(row.user_data_source, "user_data_source")?,
    })
}

fn asset_input(
    row: AssetRow,
    cluster: Cluster,
    standing: Option<Standing>,
    keys: &Keys,
) -> Result<AssetInput, StoreError> {
    let has_keys = cluster.at_rest.is_by_customer_key();
    Ok(AssetInput {
        asset_id: row.asset_id,
        integration_id: row.integration_id,
        scope_id: row.scope_id,
        key_scope_id: keys.scopes.get(&(row.integration_id, row.project)).copied().filter(|_| has_keys),
        encryption: keys.encryption.get(&row.project_id).copied().filter(|_| has_keys),
        cluster,
        manual: Manual {
            owner: row.manual_owner_id,
            description: row.manual_description,
            user_data: row.manual_user_data.map(|text| class(&text, "asset")).transpose()?,
        },
        standing,
    })
}

fn account_input(row: &AccountRow, link: Option<LinkRow>) -> Result<AccountInput, StoreError> {
    let source = |text: Option<String>| {
        text.map(|text| word(&text, LinkSource::from_word, "account_link", "source")).transpose()
    };
    let link = match link {
        None => None,
        Some(link) => Some(Link { person: link.person_id, source: source(link.source)?, ambiguous: link.ambiguous }),
    };
    Ok(AccountInput {
        account_id: row.account_id,
        integration_id: row.integration_id,
        scope_id: row.scope_id,
        account: from_json(&row.document, "account_fact", "document")?,
        privileged: row.privileged,
        first_seen_at: instant(row.first_seen_at),
        manual_person: row.manual_person_id,
        link,
    })
}
