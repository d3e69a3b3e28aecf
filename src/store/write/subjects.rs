//! What judging needs to know about subjects, and writing what is in force for them.

use entity::{account_link, asset_standing};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::FromQueryResult;
use sea_orm::sea_query::{Alias, Condition, Expr, ExprTrait, JoinType, Order, Query, SelectStatement};

use super::{CHUNK, Writer};
use crate::domain::{
    Account, AnnotationSource, Cluster, EncryptionAtRest, Link, LinkSource, Manual, ScopeKind, Standing,
    UserDataClassification,
};
use crate::store::StoreError;
use crate::store::convert::{from_json, word};

/// An asset with everything its verdicts rest on.
#[derive(Debug, Clone)]
pub struct AssetInput {
    pub asset_id: i64,
    pub integration_id: i64,
    pub scope_id: i64,
    /// The list that tells of the project's customer keys, once it was to be read.
    pub key_scope_id: Option<i64>,
    pub cluster: Cluster,
    pub manual: Manual,
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
    pub manual_person: Option<i64>,
    pub link: Option<Link>,
}

#[derive(FromQueryResult)]
struct AssetRow {
    asset_id: i64,
    integration_id: i64,
    scope_id: i64,
    document: String,
    manual_owner_id: Option<i64>,
    manual_description: Option<String>,
    manual_user_data: Option<String>,
    key_scope_id: Option<i64>,
    encryption: Option<String>,
    owner_id: Option<i64>,
    owner_source: Option<String>,
    owner_tag: Option<String>,
    description: Option<String>,
    description_source: Option<String>,
    user_data: Option<String>,
    user_data_source: Option<String>,
}

#[derive(FromQueryResult)]
struct AccountRow {
    account_id: i64,
    integration_id: i64,
    scope_id: i64,
    document: String,
    manual_person_id: Option<i64>,
    person_id: Option<i64>,
    source: Option<String>,
    ambiguous: Option<bool>,
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
    pub async fn asset_inputs(&self, ids: &[i64]) -> Result<Vec<AssetInput>, StoreError> {
        let rows = self.subjects::<AssetRow>(&self.select_assets(), "asset_id", ids).await?;
        rows.into_iter().map(asset_input).collect()
    }

    /// These accounts, as far as they are there today.
    pub async fn account_inputs(&self, ids: &[i64]) -> Result<Vec<AccountInput>, StoreError> {
        let rows = self.subjects::<AccountRow>(&self.select_accounts(), "account_id", ids).await?;
        rows.into_iter().map(account_input).collect()
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

    async fn subjects<T: FromQueryResult>(
        &self,
        select: &SelectStatement,
        identity: &'static str,
        ids: &[i64],
    ) -> Result<Vec<T>, StoreError> {
        let mut rows = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(CHUNK) {
            let some = select.clone().and_where(Expr::col(("f", identity)).is_in(chunk.to_vec())).to_owned();
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
        let key_scope = Condition::all()
            .add(Expr::col(("k", "integration_id")).equals(("f", "integration_id")))
            .add(Expr::col(("k", "kind")).eq(ScopeKind::EncryptionAtRest.word()))
            .add(Expr::col(("k", "project")).equals(("p", "atlas_id")));
        let standing = [
            "owner_id",
            "owner_source",
            "owner_tag",
            "description",
            "description_source",
            "user_data",
            "user_data_source",
        ];
        Query::select()
            .columns(["asset_id", "integration_id", "scope_id", "document"].map(|column| ("f", column)))
            .columns(["manual_owner_id", "manual_description", "manual_user_data"].map(|column| ("a", column)))
            .columns(standing.map(|column| ("s", column)))
            .expr_as(Expr::col(("e", "document")), Alias::new("encryption"))
            .expr_as(Expr::col(("k", "id")), Alias::new("key_scope_id"))
            .from_as("cluster_fact", "f")
            .join_as(JoinType::InnerJoin, "asset", "a", Expr::col(("a", "id")).equals(("f", "asset_id")))
            .join_as(JoinType::InnerJoin, "project", "p", Expr::col(("p", "id")).equals(("f", "project_id")))
            .join_as(JoinType::LeftJoin, "scope", "k", key_scope)
            .join_as(JoinType::LeftJoin, "asset_standing", "s", open("s", "asset_id", "asset_id"))
            .join_as(JoinType::LeftJoin, "encryption_fact", "e", open("e", "project_id", "project_id"))
            .and_where(self.owns("f"))
            .and_where(Expr::col(("f", "valid_to")).is_null())
            .to_owned()
    }

    fn select_accounts(&self) -> SelectStatement {
        Query::select()
            .columns(["account_id", "integration_id", "scope_id", "document"].map(|column| ("f", column)))
            .column(("a", "manual_person_id"))
            .columns(["person_id", "source", "ambiguous"].map(|column| ("l", column)))
            .from_as("account_fact", "f")
            .join_as(JoinType::InnerJoin, "account", "a", Expr::col(("a", "id")).equals(("f", "account_id")))
            .join_as(JoinType::LeftJoin, "account_link", "l", open("l", "account_id", "account_id"))
            .and_where(self.owns("f"))
            .and_where(Expr::col(("f", "valid_to")).is_null())
            .to_owned()
    }
}

/// Joins the open row of `table` that belongs to fact `f`.
fn open(table: &'static str, column: &'static str, fact_column: &'static str) -> Condition {
    Condition::all()
        .add(Expr::col((table, column)).equals(("f", fact_column)))
        .add(Expr::col((table, "valid_to")).is_null())
}

fn asset_input(row: AssetRow) -> Result<AssetInput, StoreError> {
    let table = "asset_standing";
    let class = |text: &str, table| word(text, UserDataClassification::from_word, table, "user_data");
    let source = |text: Option<String>, column| {
        text.map(|text| word(&text, AnnotationSource::from_word, table, column)).transpose()
    };
    let cluster: Cluster = from_json(&row.document, "cluster_fact", "document")?;
    let standing = match row.user_data {
        None => None,
        Some(user_data) => Some(Standing {
            owner: row.owner_id,
            owner_source: source(row.owner_source, "owner_source")?,
            owner_tag: row.owner_tag,
            description: row.description,
            description_source: source(row.description_source, "description_source")?,
            user_data: class(&user_data, table)?,
            user_data_source: source(row.user_data_source, "user_data_source")?,
        }),
    };
    Ok(AssetInput {
        asset_id: row.asset_id,
        integration_id: row.integration_id,
        scope_id: row.scope_id,
        key_scope_id: row.key_scope_id,
        cluster,
        manual: Manual {
            owner: row.manual_owner_id,
            description: row.manual_description,
            user_data: row.manual_user_data.map(|text| class(&text, "asset")).transpose()?,
        },
        encryption: row.encryption.map(|text| from_json(&text, "encryption_fact", "document")).transpose()?,
        standing,
    })
}

fn account_input(row: AccountRow) -> Result<AccountInput, StoreError> {
    let link = match row.ambiguous {
        None => None,
        Some(ambiguous) => Some(Link {
            person: row.person_id,
            source: row.source.map(|text| word(&text, LinkSource::from_word, "account_link", "source")).transpose()?,
            ambiguous,
        }),
    };
    Ok(AccountInput {
        account_id: row.account_id,
        integration_id: row.integration_id,
        scope_id: row.scope_id,
        account: from_json(&row.document, "account_fact", "document")?,
        manual_person: row.manual_person_id,
        link,
    })
}
