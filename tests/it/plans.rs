//! How the databases find what lists ask for: by an index, never by reading a whole table.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;
use slategate::store::views::Role;

use crate::on_both_databases;
use crate::support::{Database, Kind, World};

/// Tables that grow with the organization or with time.
const BIG: [&str; 14] = [
    "cluster_fact",
    "asset_facet",
    "asset_standing",
    "asset",
    "account_fact",
    "account_link",
    "account",
    "role_grant",
    "project_fact",
    "person_fact",
    "control_result",
    "scim_user",
    "scim_user_address",
    "sync_run",
];

/// Rows: enough that planners care. Of each thing there is a closed interval and one that still holds.
const FILL: &[&str] = &[
    "INSERT INTO asset (id, workspace_id, integration_id, atlas_id, first_seen_at) \
     SELECT i, {w}, i % 200, 'c' || i, i FROM n",
    "INSERT INTO project (id, workspace_id, integration_id, atlas_id, first_seen_at) SELECT i, {w}, i % 200, 'p' || i, i FROM n",
    "INSERT INTO asset_standing (workspace_id, asset_id, owner_id, description, user_data, valid_from, valid_to) \
     SELECT {w}, i, CASE WHEN i % 3 = 0 THEN NULL ELSE i % 500 + 1 END, CASE WHEN i % 2 = 0 THEN 'd' END, \
     CASE WHEN i % 40 = 0 THEN 'CONTAINS_USER_DATA' ELSE 'NO_USER_DATA' END, 1, NULL FROM n",
    "INSERT INTO account (id, workspace_id, integration_id, kind, natural_key, atlas_id, first_seen_at) \
     SELECT i, {w}, i % 200, 'USER', 'u' || i, 'u' || i, i FROM n",
    "INSERT INTO account_link (workspace_id, account_id, person_id, ambiguous, valid_from) \
     SELECT {w}, i, CASE WHEN i % 10 = 0 THEN NULL ELSE i % 500 + 1 END, 1 = 0, 1 FROM n",
    "INSERT INTO role_grant (workspace_id, account_id, role, scope, project_id, via, valid_from) \
     SELECT {w}, i, CASE WHEN i % 100 = 0 THEN 'RARE' ELSE 'COMMON' END, 'PROJECT', i % 300 + 1, 'DIRECT', 1 FROM n",
    "INSERT INTO person_fact (workspace_id, person_id, full_name, email, aliases, status, leaves_at, search_text, valid_from) \
     SELECT {w}, i, 'P' || i, 'p' || i, '[]', CASE WHEN i % 50 = 0 THEN 'LEFT' ELSE 'ACTIVE' END, \
     CASE WHEN i % 50 = 0 THEN 5 END, 'p' || i, 1 FROM n WHERE i <= 500",
    "INSERT INTO sync_run (workspace_id, integration_id, trigger_kind, status, queued_at, finished_at, stage, done, requests, added, updated, removed, results_flipped) \
     SELECT {w}, i % 200, 'MANUAL', CASE WHEN i % 100 = 0 THEN 'FAILED' ELSE 'SUCCEEDED' END, i, i, 'DONE', 0, 0, 0, 0, 0, 0 FROM n",
];
const FACTS: &[&str] = &[
    "INSERT INTO cluster_fact (id, workspace_id, integration_id, asset_id, project_id, scope_id, name, search_text, deployment, created_at, document, valid_from, valid_to) \
     SELECT i + {offset}, {w}, i % 200, i, i % 300, 1, 'cluster' || i, 'cluster' || i, CASE WHEN i % 50 = 0 THEN 'FLEX' ELSE 'DEDICATED' END, i, '{}', {from}, {to} FROM n",
    "INSERT INTO asset_facet (workspace_id, fact_id, facet, value) SELECT {w}, i + {offset}, 'cloud', 'C' || (i % 40) FROM n",
    "INSERT INTO account_fact (workspace_id, integration_id, account_id, scope_id, kind, status, login, search_text, privileged, last_authenticated_at, document, valid_from, valid_to) \
     SELECT {w}, i % 200, i, 1, CASE WHEN i % 100 = 0 THEN 'API_KEY' ELSE 'USER' END, CASE WHEN i % 100 = 1 THEN 'PENDING' ELSE 'ACTIVE' END, \
     'login' || i, 'login' || i, i % 100 = 2, i, '{}', {from}, {to} FROM n",
    "INSERT INTO project_fact (workspace_id, integration_id, project_id, name, search_text, tags, valid_from, valid_to) \
     SELECT {w}, i % 200, i, 'project' || i, 'project' || i, '[]', {from}, {to} FROM n",
    "INSERT INTO control_result (workspace_id, integration_id, control_key, subject_kind, subject_id, scope_id, outcome, reason, message, evidence, since, valid_from, valid_to) \
     SELECT {w}, i % 200, 'clusters-encrypted', 'ASSET', i, 1, CASE WHEN i % 50 = 0 THEN 'FAIL' ELSE 'PASS' END, 'R', 'm', '[]', 1, {from}, {to} FROM n",
    "INSERT INTO control_result (workspace_id, integration_id, control_key, subject_kind, subject_id, scope_id, outcome, reason, message, evidence, since, valid_from, valid_to) \
     SELECT {w}, i % 200, 'accounts-associated-with-users', 'ACCOUNT', i, 1, 'PASS', 'R', 'm', '[]', 1, {from}, {to} FROM n",
];

async fn fill(world: &World) {
    let rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000)";
    let with = |sql: &str| format!("{rows} {}", sql.replace("{w}", &world.workspace.to_string()));
    for sql in FILL {
        world.execute(&with(sql)).await;
    }
    for (offset, from, to) in [("0", "1", "1000"), ("4000", "1000", "NULL")] {
        for sql in FACTS {
            let sql = sql.replace("{offset}", offset).replace("{from}", from).replace("{to}", to);
            world.execute(&with(&sql)).await;
        }
    }
    // SQLite is never told to look at its rows.
    if world.database.kind == Kind::Postgres {
        world.execute("ANALYZE").await;
    }
}

/// A list, its arguments, and what its plan must name: an index of its own where the filter is selective.
const NOW: &[(&str, &str, &str)] = &[
    ("assets", "orderBy: { field: NAME, direction: ASC }", "cluster_fact_3 cluster_fact_8"),
    ("assets", "orderBy: { field: NAME, direction: DESC }", "cluster_fact_3 cluster_fact_8"),
    ("assets", "orderBy: { field: CREATED_AT, direction: ASC }", "cluster_fact_4"),
    ("assets", "orderBy: { field: CREATED_AT, direction: DESC }", "cluster_fact_4"),
    ("assets", "orderBy: { field: FIRST_SEEN_AT, direction: ASC }", "asset_3"),
    ("assets", "orderBy: { field: FIRST_SEEN_AT, direction: DESC }", "asset_3"),
    ("assets", "filter: { search: \"x\" }", ""),
    ("assets", "filter: { integrationId: $integration }", "cluster_fact_9"),
    ("assets", "filter: { projectId: $project }", "cluster_fact_6"),
    ("assets", "filter: { deployment: [FLEX] }", ""),
    ("assets", "filter: { cloud: \"C1\" }", "asset_facet"),
    ("assets", "filter: { region: \"C1\" }", "asset_facet"),
    ("assets", "filter: { tier: \"C1\" }", "asset_facet"),
    ("assets", "filter: { ownerId: $person }", "asset_standing_3"),
    ("assets", "filter: { hasOwner: false }", ""),
    ("assets", "filter: { hasDescription: true }", ""),
    ("assets", "filter: { userData: [CONTAINS_USER_DATA] }", ""),
    ("assets", "filter: { failing: \"clusters-encrypted\" }", "control_result"),
    ("assets", "filter: { includeRemoved: true }", "cluster_fact_8"),
    ("accounts", "orderBy: { field: LOGIN, direction: ASC }", "account_fact_3 account_fact_7"),
    ("accounts", "orderBy: { field: LAST_AUTHENTICATED_AT, direction: DESC }", "account_fact_4"),
    ("accounts", "orderBy: { field: FIRST_SEEN_AT, direction: ASC }", "account_3"),
    ("accounts", "filter: { search: \"x\" }", ""),
    ("accounts", "filter: { integrationId: $integration }", "account_fact_8"),
    ("accounts", "filter: { kind: [API_KEY] }", ""),
    ("accounts", "filter: { status: [PENDING] }", ""),
    ("accounts", "filter: { role: \"RARE\" }", "role_grant"),
    ("accounts", "filter: { projectId: $project }", "role_grant"),
    ("accounts", "filter: { role: \"RARE\", projectId: $project }", "role_grant"),
    ("accounts", "filter: { personId: $person }", "account_link_3"),
    ("accounts", "filter: { flag: [UNASSIGNED] }", ""),
    ("accounts", "filter: { flag: [LEAVER] }", ""),
    ("accounts", "filter: { flag: [DORMANT, NEVER_AUTHENTICATED] }", ""),
    ("accounts", "filter: { flag: [PRIVILEGED, PENDING_INVITATION] }", ""),
    ("accounts", "filter: { includeRemoved: true }", "account_fact_7"),
    ("projects", "filter: {}", "project_fact_4"),
    ("projects", "filter: { search: \"x\" }", ""),
    ("projects", "filter: { integrationId: $integration }", ""),
    ("people", "filter: {}", "person_fact_3"),
    ("people", "filter: { search: \"x\" }", ""),
    ("people", "filter: { status: [LEFT] }", "person_fact_5"),
    ("controlResults", "filter: {}", "control_result_6 control_result_pkey"),
    ("controlResults", "filter: { controlKey: \"clusters-encrypted\" }", "control_result_7 control_result_pkey"),
    ("controlResults", "filter: { outcome: [FAIL] }", ""),
    ("controlResults", "filter: { subjectId: $asset }", "control_result_1 control_result_2"),
    ("syncRuns", "filter: {}", "sync_run_2 sync_run_pkey"),
    ("syncRuns", "filter: { integrationId: $integration }", "sync_run_1 sync_run_3"),
    ("syncRuns", "filter: { status: [FAILED] }", "sync_run_6 sync_run_pkey"),
];

fn id(kind: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(format!("{kind}:7"))
}

/// A query for a list, and whether it is one for today's rows.
fn query(list: &str, arguments: &str, counts: bool, is_past: bool) -> String {
    let mut arguments = arguments.to_owned();
    let ids =
        [("$integration", "Integration"), ("$project", "Project"), ("$person", "Person"), ("$asset", "AtlasCluster")];
    for (name, kind) in ids {
        arguments = arguments.replace(name, &format!("\"{}\"", id(kind)));
    }
    let then = if is_past { ", asOf: \"1970-01-01T00:00:00.000500Z\"" } else { "" };
    let (first, fields) = if counts { (0, "totalCount") } else { (50, "nodes { id }") };
    format!("{{ {list}(first: {first}, {arguments}{then}) {{ {fields} }} }}")
}

on_both_databases! {
    async fn every_filter_and_order_goes_by_an_index(database) {
        let world = World::new(&database).await;
        fill(&world).await;
        let mut bad = Vec::new();
        for (list, arguments, indexes) in NOW {
            let times: &[bool] = if matches!(*list, "people" | "syncRuns") { &[false] } else { &[false, true] };
            for (is_past, counts) in times.iter().flat_map(|past| [(*past, false), (*past, true)]) {
                let query = query(list, arguments, counts, is_past);
                let mut plans = Vec::new();
                for sql in world.statements_of(&query, json!({})).await {
                    if sql.starts_with("SELECT") && sql.contains(" FROM ") {
                        plans.extend(plan(&world, &database, &sql).await);
                    }
                }
                bad.extend(plans.iter().filter(|line| reads_a_whole_table(line)).map(|line| format!("{query}: {line}")));
                let names_one = |line: &String| indexes.split(' ').any(|index| line.contains(index));
                if !is_past && !counts && !plans.iter().any(names_one) {
                    bad.push(format!("{query}: none of {indexes}: {plans:#?}"));
                }
                let is_mere_order = !counts && !is_past && !arguments.starts_with("filter: { ");
                if is_mere_order && plans.iter().any(|line| line.contains("ORDER BY") || line.contains("->  Sort ")) {
                    bad.push(format!("{query}: sorted after reading: {plans:#?}"));
                }
            }
        }
        assert!(bad.is_empty(), "{bad:#?}");
    }
}

on_both_databases! {
    async fn exports_go_by_an_index(database) {
        let world = World::new(&database).await;
        fill(&world).await;
        let served = world.serve().await;
        let token = world.token(world.workspace, Role::Viewer).await;
        let mut bad = Vec::new();
        for (name, asked) in [
            ("accounts.csv", ""),
            ("accounts.csv", "?asOf=1970-01-01T00:00:00.000500Z"),
            ("assets.csv", "?asOf=1970-01-01T00:00:00.000500Z"),
            ("control-results.csv", "?asOf=1970-01-01T00:00:00.000500Z"),
        ] {
            let url = format!("http://{}/exports/{name}{asked}", served.address);
            let asking = served.client.get(url).bearer_auth(&token).send();
            for sql in world.statements_while(asking).await {
                if sql.starts_with("SELECT") && sql.contains(" FROM ") && !sql.contains("api_token") && !sql.contains("$100") {
                    let plan = plan(&world, &database, &sql).await;
                    bad.extend(plan.iter().filter(|line| reads_a_whole_table(line)).map(|line| format!("{name}: {line}")));
                }
            }
        }
        assert!(bad.is_empty(), "{bad:#?}");
    }
}

pub async fn plan(world: &World, database: &Database, sql: &str) -> Vec<String> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    match database.kind {
        Kind::Sqlite => world.rows(&[], &format!("EXPLAIN QUERY PLAN {sql}"), 3).await,
        Kind::Postgres => {
            let name = format!("asked_{}", NEXT.fetch_add(1, Ordering::Relaxed));
            let parameters = (1..100).take_while(|number| sql.contains(&format!("${number}"))).count();
            let values = vec!["NULL"; parameters].join(", ");
            let values = if values.is_empty() { values } else { format!("({values})") };
            let prepare = format!("PREPARE {name} AS {sql}");
            let held = world.as_tenant();
            let planner = ["SET LOCAL plan_cache_mode = force_generic_plan", "SET LOCAL enable_seqscan = off"];
            let before = [&held, planner[0], planner[1], &prepare];
            world.rows(&before, &format!("EXPLAIN EXECUTE {name}{values}"), 0).await
        }
    }
}

/// `SCAN f` without an index, or `Seq Scan on cluster_fact f`. A join's inner select is no table.
pub fn reads_a_whole_table(line: &str) -> bool {
    match line.strip_prefix("SCAN ") {
        Some(rest) => !rest.contains(" USING ") && !rest.contains("LEFT-JOIN") && !rest.starts_with('('),
        None => BIG.iter().any(|table| line.contains(&format!("Seq Scan on {table} "))),
    }
}
