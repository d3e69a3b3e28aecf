//! Row-level security on PostgreSQL: who may see which rows of a table.
//!
//! Two roles that nobody logs in as, made for this database alone. The tenant sees one workspace, which the transaction
//! names; the clerk sees the few columns that tell whose turn it is. The tables' owner sees nothing unless it says that
//! it means all workspaces, as migrations and backups do.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, Statement};

/// Longest name of a database that leaves room for the ending of a role's name.
const LONGEST: usize = 40;

/// A policy for a role holds for its members too, such as the login; this one is for who acts as the clerk.
pub const AS_CLERK: &str = "(SELECT current_user) = slategate_clerk()";

/// The names of the roles; they stand in the functions `slategate_tenant` and `slategate_clerk`.
pub struct Roles {
    pub tenant: String,
    pub clerk: String,
}

impl Roles {
    /// Makes what is missing of the two roles, and has the login of this migration be able to act as them.
    pub async fn ensure(manager: &SchemaManager<'_>) -> Result<Self, DbErr> {
        let [database, login] = texts(manager, "SELECT current_database()::text, current_user::text").await?;
        let roles = match Self::known(manager).await? {
            Some(roles) => roles,
            None => Self::of_database(&database),
        };
        for role in [&roles.tenant, &roles.clerk] {
            if let Err(refused) = ensure(manager, role).await {
                return Err(DbErr::Custom(roles.asks_an_administrator(&login, &refused)));
            }
        }
        Ok(roles)
    }

    /// Those that the database says it has: a copy of it under another name keeps them.
    async fn known(manager: &SchemaManager<'_>) -> Result<Option<Self>, DbErr> {
        let [known] = texts(manager, "SELECT COALESCE(to_regproc('slategate_tenant')::text, '')").await?;
        if known.is_empty() {
            return Ok(None);
        }
        let [tenant, clerk] = texts(manager, "SELECT slategate_tenant(), slategate_clerk()").await?;
        Ok(Some(Self { tenant, clerk }))
    }

    fn of_database(name: &str) -> Self {
        let stem = stem(name);
        Self { tenant: format!("{stem}_tenant"), clerk: format!("{stem}_clerk") }
    }

    /// Lets the tenant do `privileges` with rows of its workspace, and the owner with all when it says so.
    pub async fn protect(
        &self,
        manager: &SchemaManager<'_>,
        table: &str,
        workspace: &str,
        privileges: &str,
    ) -> Result<(), DbErr> {
        let tenant = quoted(&self.tenant);
        let of_workspace = format!("{workspace} = (SELECT slategate_workspace())");
        let of_all = "(SELECT current_setting('slategate.all_workspaces', true)) = 'on'";
        let statements = [
            format!("ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"),
            format!("ALTER TABLE {table} FORCE ROW LEVEL SECURITY"),
            format!("GRANT {privileges} ON {table} TO {tenant}"),
            format!("CREATE POLICY tenant ON {table} TO {tenant} USING ({of_workspace}) WITH CHECK ({of_workspace})"),
            format!("CREATE POLICY owner ON {table} TO CURRENT_USER USING ({of_all}) WITH CHECK ({of_all})"),
        ];
        run(manager, &statements).await
    }

    /// Lets the clerk read these columns of every workspace's rows.
    pub async fn show_clerk(&self, manager: &SchemaManager<'_>, table: &str, columns: &str) -> Result<(), DbErr> {
        let clerk = quoted(&self.clerk);
        let statements = [
            format!("GRANT SELECT ({columns}) ON {table} TO {clerk}"),
            format!("CREATE POLICY clerk ON {table} FOR SELECT TO {clerk} USING ({AS_CLERK})"),
        ];
        run(manager, &statements).await
    }

    fn asks_an_administrator(&self, login: &str, refused: &DbErr) -> String {
        let (tenant, clerk, login) = (quoted(&self.tenant), quoted(&self.clerk), quoted(login));
        format!(
            "row-level security needs two roles that this login may not make ({refused}); have an administrator of \
             the server run: CREATE ROLE {tenant} NOLOGIN; CREATE ROLE {clerk} NOLOGIN; GRANT {tenant}, {clerk} TO {login};"
        )
    }
}

/// In the migration's transaction, so that what was half done is undone.
async fn ensure(manager: &SchemaManager<'_>, role: &str) -> Result<(), DbErr> {
    let db = manager.get_connection();
    let literal = literal(role);
    let known =
        format!("SELECT rolcanlogin OR rolsuper OR rolbypassrls AS strong FROM pg_roles WHERE rolname = {literal}");
    match db.query_one_raw(Statement::from_string(manager.get_database_backend(), known)).await? {
        None => {
            db.execute_unprepared(&format!("CREATE ROLE {} NOLOGIN", quoted(role))).await?;
        }
        Some(row) if row.try_get("", "strong")? => {
            return Err(DbErr::Custom(format!("there is a role {role} that logs in or sees every row")));
        }
        Some(_) => {}
    }
    // From PostgreSQL 16 on, to be a member is not to be allowed to act as the role.
    let able = format!(
        "SELECT pg_has_role(current_user, {literal}, CASE WHEN current_setting('server_version_num')::int >= 160000 \
         THEN 'SET' ELSE 'MEMBER' END) AS able"
    );
    let row = db.query_one_raw(Statement::from_string(manager.get_database_backend(), able)).await?;
    if !row.map_or(Ok(false), |row| row.try_get::<bool>("", "able"))? {
        db.execute_unprepared(&format!("GRANT {} TO CURRENT_USER", quoted(role))).await?;
    }
    Ok(())
}

pub async fn run(manager: &SchemaManager<'_>, statements: &[String]) -> Result<(), DbErr> {
    for statement in statements {
        manager.get_connection().execute_unprepared(statement).await?;
    }
    Ok(())
}

async fn texts<const N: usize>(manager: &SchemaManager<'_>, sql: &str) -> Result<[String; N], DbErr> {
    let statement = Statement::from_string(manager.get_database_backend(), sql);
    let row = manager.get_connection().query_one_raw(statement).await?;
    let row = row.ok_or_else(|| DbErr::RecordNotFound(sql.to_owned()))?;
    let mut texts = std::array::from_fn(|_| String::new());
    for (index, text) in texts.iter_mut().enumerate() {
        *text = row.try_get_by_index(index)?;
    }
    Ok(texts)
}

/// A name is 63 bytes at most; what is cut off tells names apart no more, so a number of the whole stands for it.
fn stem(database: &str) -> String {
    if database.len() <= LONGEST {
        return database.to_owned();
    }
    let number = database
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let cut = (0..=LONGEST - 17).rev().find(|end| database.is_char_boundary(*end)).unwrap_or(0);
    format!("{}_{number:016x}", &database[..cut])
}

pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::stem;

    #[test]
    fn a_long_name_keeps_its_beginning_and_stays_its_own() {
        assert_eq!(stem("slategate"), "slategate");
        let (one, other) = ("ä".repeat(30), format!("{}x", "ä".repeat(29)));
        assert_ne!(stem(&one), stem(&other));
        assert!(stem(&one).len() <= 40 && stem(&one).starts_with("ää"));
    }
}
