//! The practical limit: axum and sqlx, one hand-written statement for each question, JSON built in the database.

use std::collections::HashMap;
use std::io::Read;
use std::str::FromStr;
use std::sync::Arc;

use anyhow::Result;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router, routing};
use sea_orm::sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgSslMode};
use sea_orm::sqlx::sqlite::SqlitePoolOptions;
use sea_orm::sqlx::{self, PgPool, SqlitePool};
use serde::Deserialize;
use serde_json::Value;
use tokio::net::TcpListener;

/// As many as the gateway has.
const CONNECTIONS: u32 = 10;

#[derive(Clone)]
enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

#[derive(Clone)]
struct Handlers {
    pool: Pool,
    statements: Arc<HashMap<&'static str, &'static str>>,
}

#[derive(Deserialize)]
struct Asked {
    statement: String,
    parameters: Vec<Value>,
}

/// Serves until standard input ends.
pub async fn serve(database: &str) -> Result<()> {
    let pool = if database.starts_with("sqlite:") {
        Pool::Sqlite(SqlitePoolOptions::new().max_connections(CONNECTIONS).connect(database).await?)
    } else {
        let options = PgConnectOptions::from_str(database)?.ssl_mode(PgSslMode::Disable);
        Pool::Postgres(PgPoolOptions::new().max_connections(CONNECTIONS).connect_with(options).await?)
    };
    let statements = Arc::new(statements(matches!(pool, Pool::Postgres(_))));
    let app = Router::new().route("/", routing::post(answer)).with_state(Handlers { pool, statements });
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    tokio::select! {
        served = async { axum::serve(listener, app).await } => Ok(served?),
        ended = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())) => { ended??; Ok(()) }
    }
}

async fn answer(State(handlers): State<Handlers>, Json(asked): Json<Asked>) -> Response {
    let Some(&sql) = handlers.statements.get(asked.statement.as_str()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    macro_rules! fetch {
        ($pool:expr) => {{
            let mut query = sqlx::query_scalar::<_, String>(sql);
            for parameter in &asked.parameters {
                query = match parameter {
                    Value::Number(number) => query.bind(number.as_i64()),
                    other => query.bind(other.as_str().map(str::to_owned)),
                };
            }
            query.fetch_one($pool).await
        }};
    }
    let answered = match &handlers.pool {
        Pool::Sqlite(pool) => fetch!(pool),
        Pool::Postgres(pool) => fetch!(pool),
    };
    match answered {
        Ok(body) => ([(CONTENT_TYPE, "application/json")], body).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// The statements by name, in a database's dialect.
fn statements(postgres: bool) -> HashMap<&'static str, &'static str> {
    let now = |table: &str| format!("{table}.valid_to IS NULL");
    let past =
        |table: &str| format!("{table}.valid_from <= $3 AND ({table}.valid_to IS NULL OR {table}.valid_to > $3)");
    let mut texts = HashMap::new();
    for (name, order) in [("list_up", "ASC"), ("list_down", "DESC")] {
        texts.insert(name, list(&now, order));
    }
    for (name, order) in [("past_up", "ASC"), ("past_down", "DESC")] {
        texts.insert(name, list(&past, order));
    }
    texts.insert("asset", asset(&now));
    for (name, order) in [("accounts_up", "ASC"), ("accounts_down", "DESC")] {
        texts.insert(name, accounts(order));
    }
    texts.insert("posture", POSTURE.to_owned());
    texts.insert("failing", FAILING.to_owned());
    texts.into_iter().map(|(name, text)| (name, &*Box::leak(in_dialect(&text, postgres).into_boxed_str()))).collect()
}

/// `OBJECT`, `ARRAY`, `NESTED(`, `FIELD(column, name)` and `TEXT(column, name)` stand for what the dialects call differently.
fn in_dialect(text: &str, postgres: bool) -> String {
    let field = |text: &str, word: &str, arrow: &str| {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once(word) {
            let (inside, behind) = after.split_once(')').unwrap_or((after, ""));
            let (column, name) = inside.split_once(", ").unwrap_or((inside, ""));
            out.push_str(before);
            let piece = if postgres {
                format!("({column}::json {arrow} '{name}')")
            } else {
                format!("({column} {arrow} '$.{name}')")
            };
            out.push_str(&piece);
            rest = behind;
        }
        out + rest
    };
    let text = field(&field(text, "FIELD(", "->"), "TEXT(", "->>");
    if postgres {
        text.replace("OBJECT(", "json_build_object(")
            .replace("ARRAY(", "json_agg(")
            .replace("NESTED(", "(")
            .replace("EMPTY", "'[]'::json")
            .replace("STORED(", "(")
            .replace("AS_JSON", "::json")
            .replace("YES_NO(privileged)", "privileged")
            .replace("LITERAL(", "(")
    } else {
        text.replace("OBJECT(", "json_object(")
            .replace("ARRAY(", "json_group_array(")
            .replace("NESTED(", "json(")
            .replace("EMPTY", "'[]'")
            .replace("STORED(", "json(")
            .replace("AS_JSON", "")
            .replace("YES_NO(privileged)", "json(CASE WHEN privileged THEN 'true' ELSE 'false' END)")
            .replace("LITERAL(", "(")
    }
}

fn node(valid: &dyn Fn(&str) -> String) -> String {
    format!(
        "OBJECT('name', f.name, 'description', s.description, 'userData', s.user_data, \
         'project', (SELECT OBJECT('name', p.name) FROM project_fact p WHERE p.project_id = f.project_id AND {}), \
         'owner', (SELECT OBJECT('fullName', o.full_name, 'email', o.email) FROM person_fact o \
             WHERE o.person_id = s.owner_id AND {}), \
         'deployment', f.deployment, 'mongoDbVersion', TEXT(f.document, mongodb_version), \
         'backup', OBJECT('enabled', FIELD(f.document, backup_enabled)), \
         'controlResults', NESTED(SELECT ARRAY(OBJECT('control', OBJECT('key', r.control_key), 'outcome', r.outcome, \
             'reason', r.reason, 'message', r.message)) FROM (SELECT * FROM control_result r \
             WHERE r.subject_kind = 'ASSET' AND r.subject_id = f.asset_id AND {} ORDER BY r.control_key) r))",
        valid("p"),
        valid("o"),
        valid("r"),
    )
    .replace("NESTED(SELECT", "NESTED((SELECT")
    .replace("ORDER BY r.control_key) r))", "ORDER BY r.control_key) r)))")
}

fn list(valid: &dyn Fn(&str) -> String, order: &str) -> String {
    format!(
        "SELECT CAST(OBJECT('data', OBJECT('assets', OBJECT('nodes', NESTED(COALESCE((SELECT ARRAY(NESTED(page.node)) \
         FROM (SELECT {} AS node FROM cluster_fact f \
         JOIN asset_standing s ON s.asset_id = f.asset_id AND {} \
         WHERE f.workspace_id = 1 AND {} AND f.deployment = 'DEDICATED' AND s.owner_id IS NOT NULL \
         AND f.id IN (SELECT fact_id FROM asset_facet WHERE facet = 'region' AND value = $1) \
         AND f.id IN (SELECT fact_id FROM asset_facet WHERE facet = 'tier' AND value = $2) \
         ORDER BY f.name {order}, f.asset_id {order} LIMIT 50) page), EMPTY))))) AS TEXT)",
        node(valid),
        valid("s"),
        valid("f"),
    )
}

fn asset(valid: &dyn Fn(&str) -> String) -> String {
    format!(
        "SELECT CAST(OBJECT('data', OBJECT('node', (SELECT {} FROM cluster_fact f \
         JOIN asset_standing s ON s.asset_id = f.asset_id AND {} WHERE f.asset_id = $1 AND {}))) AS TEXT)",
        node(valid),
        valid("s"),
        valid("f"),
    )
}

fn accounts(order: &str) -> String {
    format!(
        "SELECT CAST(OBJECT('data', OBJECT('accounts', OBJECT('nodes', NESTED(COALESCE((SELECT ARRAY(NESTED(page.node)) \
         FROM (SELECT OBJECT('login', f.login, 'kind', f.kind, 'status', f.status, 'privileged', YES_NO(privileged), \
         'person', (SELECT OBJECT('fullName', o.full_name, 'email', o.email) FROM person_fact o \
             WHERE o.person_id = l.person_id AND o.valid_to IS NULL), \
         'grants', NESTED((SELECT ARRAY(OBJECT('role', g.role, 'scope', g.scope, 'via', g.via, 'team', g.team, \
             'project', (SELECT OBJECT('name', p.name) FROM project_fact p WHERE p.project_id = g.project_id \
             AND p.valid_to IS NULL))) FROM (SELECT * FROM role_grant g WHERE g.account_id = f.account_id \
             AND g.valid_to IS NULL ORDER BY g.scope, g.role, g.id) g))) AS node \
         FROM account_fact f JOIN account_link l ON l.account_id = f.account_id AND l.valid_to IS NULL \
         WHERE f.workspace_id = 1 AND f.valid_to IS NULL AND f.status = 'ACTIVE' \
         AND EXISTS (SELECT 1 FROM role_grant g WHERE g.account_id = f.account_id AND g.role = $1 AND g.valid_to IS NULL) \
         ORDER BY f.login {order}, f.account_id {order} LIMIT 100) page), EMPTY))))) AS TEXT)"
    )
}

const POSTURE: &str = "SELECT CAST(OBJECT('data', OBJECT('posture', OBJECT(\
    'controlsPassing', (SELECT COUNT(*) FROM control_status WHERE workspace_id = 1 AND valid_to IS NULL AND status = 'PASSING'), \
    'controlsFailing', (SELECT COUNT(*) FROM control_status WHERE workspace_id = 1 AND valid_to IS NULL AND status = 'FAILING'), \
    'controlsUnknown', (SELECT COUNT(*) FROM control_status WHERE workspace_id = 1 AND valid_to IS NULL AND status = 'UNKNOWN'), \
    'controlsNotApplicable', (SELECT COUNT(*) FROM control_status WHERE workspace_id = 1 AND valid_to IS NULL AND status = 'NOT_APPLICABLE'), \
    'assets', (SELECT COUNT(*) FROM cluster_fact WHERE workspace_id = 1 AND valid_to IS NULL), \
    'accounts', (SELECT COUNT(*) FROM account_fact WHERE workspace_id = 1 AND valid_to IS NULL), \
    'failingResults', (SELECT COUNT(*) FROM control_result WHERE workspace_id = 1 AND valid_to IS NULL AND outcome = 'FAIL')))) AS TEXT)";

const FAILING: &str = "SELECT CAST(OBJECT('data', OBJECT('controlResults', OBJECT('nodes', NESTED(COALESCE((SELECT \
    ARRAY(NESTED(page.node)) FROM (SELECT OBJECT('control', OBJECT('key', r.control_key), 'outcome', r.outcome, \
    'reason', r.reason, 'message', r.message, 'evidence', STORED(r.evidence)AS_JSON, \
    'subject', CASE WHEN r.subject_kind = 'ASSET' THEN (SELECT OBJECT('__typename', 'AtlasCluster', 'name', f.name) \
        FROM cluster_fact f WHERE f.asset_id = r.subject_id AND f.valid_to IS NULL) \
        ELSE (SELECT OBJECT('__typename', 'Account', 'login', f.login) FROM account_fact f \
        WHERE f.account_id = r.subject_id AND f.valid_to IS NULL) END) AS node \
    FROM control_result r WHERE r.workspace_id = 1 AND r.valid_to IS NULL AND r.control_key = $1 AND r.outcome = 'FAIL' \
    ORDER BY r.id LIMIT 50) page), EMPTY))))) AS TEXT)";
