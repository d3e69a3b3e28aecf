//! The second line on PostgreSQL: what a transaction sees is decided by the database, whatever a statement asks for.

use sea_orm::{
    ConnectionTrait, Database as SeaOrm, DatabaseConnection, DatabaseTransaction, Statement, TransactionTrait,
};
use serde_json::json;
use slategate::demo::keys::READER;
use slategate::scim::{Asked, Document};
use slategate::store::views::Role;

use crate::support::process::{client, run};
use crate::support::{Database, Process, World};

/// Tables of rows that belong to a workspace, and the column that says to which.
async fn tables(world: &World) -> Vec<(String, &'static str)> {
    let sql = "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' \
               AND relname <> 'seaql_migrations' ORDER BY 1";
    let names = world.texts(sql).await;
    assert!(names.len() > 20, "{names:?}");
    names.into_iter().map(|name| if name == "workspace" { (name, "id") } else { (name, "workspace_id") }).collect()
}

async fn number(db: &impl ConnectionTrait, sql: &str) -> i64 {
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await;
    row.unwrap_or_else(|error| panic!("{sql}: {error}")).unwrap().try_get_by_index(0).unwrap()
}

async fn word(db: &impl ConnectionTrait, sql: &str) -> String {
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap();
    row.unwrap().try_get_by_index(0).unwrap()
}

/// The program's own login, without what the program adds to it.
async fn login(database: &Database) -> DatabaseConnection {
    let mut options = sea_orm::ConnectOptions::new(&database.url);
    options.max_connections(1);
    SeaOrm::connect(options).await.unwrap()
}

async fn sees(db: &DatabaseConnection, role: &str, workspace: Option<i64>) -> DatabaseTransaction {
    let turn = db.begin().await.unwrap();
    turn.execute_unprepared(&format!("SELECT set_config('role', slategate_{role}(), true)")).await.unwrap();
    if let Some(workspace) = workspace {
        let set = format!("SELECT set_config('slategate.workspace', '{workspace}', true)");
        turn.execute_unprepared(&set).await.unwrap();
    }
    turn
}

/// A workspace with everything in it, and another with a person.
async fn two_workspaces(database: &Database) -> (World, i64) {
    let world = Box::pin(World::demo(database)).await;
    world.token(world.workspace, Role::Viewer).await;
    let user = json!({ "userName": "ada", "emails": [{ "value": "ada@scim.example" }] });
    let asked = Asked::Create(Document::from_body(user).unwrap());
    world.engine.provision(&world.actor(), asked).await.unwrap();
    review_somebody(&world).await;
    let other = world.other_workspace().await;
    let add = "mutation { upsertPerson(input: { email: \"x@other.example\", fullName: \"X\" }) { person { id } } }";
    world.query_in(other, Role::Admin, add, json!({})).await;
    (world, other)
}

/// An access review with a decision.
async fn review_somebody(world: &World) {
    let start = "mutation($id: ID!) { startAccessReview(input: { name: \"Q\", reviewerIds: [$id], dueOn: \"2030-01-01\" }) \
                 { accessReview { id items(first: 1) { nodes { id } } } userErrors { message } } }";
    let reviewer = world.person("ada.lindqvist@northwind-robotics.example").await;
    let review = world.ask_with(start, json!({ "id": reviewer })).await["startAccessReview"].take();
    assert_eq!(review["userErrors"], json!([]));
    let review = &review["accessReview"];
    let input = json!({
        "accessReviewId": review["id"], "itemIds": [review["items"]["nodes"][0]["id"]], "decision": "KEEP",
    });
    let decide = "mutation($input: DecideAccessReviewItemsInput!) { decideAccessReviewItems(input: $input) \
                  { decided userErrors { message } } }";
    let decided = world.ask_with(decide, json!({ "input": input })).await["decideAccessReviewItems"].take();
    assert_eq!(decided, json!({ "decided": 1, "userErrors": [] }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statements_without_any_filter_see_and_change_one_workspace_only() {
    let Some(database) = Database::postgres().await else { return };
    let (world, other) = two_workspaces(&database).await;
    let login = login(&database).await;
    for (table, column) in tables(&world).await {
        let all = world.count(&table).await;
        let own = world.count(&format!("{table} WHERE {column} = {other}")).await;
        assert!(all > own, "{table} has no row of the first workspace: nothing would be proved");
        let count = format!("SELECT COUNT(*) FROM {table}");

        let turn = sees(&login, "tenant", Some(other)).await;
        assert_eq!(number(&turn, &count).await, own, "{table}");
        let ledger = table == "audit_event";
        let verbs = [format!("UPDATE {table} SET {column} = {column}"), format!("DELETE FROM {table}")];
        for verb in verbs {
            let attempt = turn.begin().await.unwrap();
            match attempt.execute_unprepared(&verb).await {
                Ok(done) => assert!(done.rows_affected() <= u64::try_from(own).unwrap() && !ledger, "{verb}"),
                Err(refused) => assert!(refused.to_string().contains("permission denied"), "{verb}: {refused}"),
            }
            attempt.rollback().await.unwrap();
        }
        let theirs = format!("UPDATE {table} SET {column} = {}", world.workspace);
        let attempt = turn.begin().await.unwrap();
        match attempt.execute_unprepared(&theirs).await {
            Ok(done) => assert_eq!((done.rows_affected(), own), (0, 0), "{theirs}"),
            Err(refused) => {
                let refused = refused.to_string();
                assert!(refused.contains("row-level security") || refused.contains("permission denied"), "{refused}");
            }
        }
        attempt.rollback().await.unwrap();
        turn.rollback().await.unwrap();

        for (role, workspace) in [("tenant", None), ("tenant", Some(987_654))] {
            let turn = sees(&login, role, workspace).await;
            assert_eq!(number(&turn, &count).await, 0, "{table} as {role} of {workspace:?}");
            turn.rollback().await.unwrap();
        }
        // A transaction that forgot to say as whom it acts.
        assert_eq!(number(&login, &count).await, 0, "{table} as its owner");
        let everything = login.begin().await.unwrap();
        everything.execute_unprepared("SET LOCAL slategate.all_workspaces = on").await.unwrap();
        assert_eq!(number(&everything, &count).await, all, "{table} as its owner who means all");
        everything.rollback().await.unwrap();
    }
    login.close().await.unwrap();
    database.drop_postgres().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_for_another_workspace_are_refused() {
    let Some(database) = Database::postgres().await else { return };
    let (world, other) = two_workspaces(&database).await;
    let login = login(&database).await;
    let rows = [
        "person (workspace_id, created_at) VALUES ({w}, 1)",
        "api_token (workspace_id, name, role, token_hash, created_at, expires_at) VALUES ({w}, 'x', 'ADMIN', 'x', 1, 2)",
        "asset_facet (workspace_id, fact_id, facet, value) VALUES ({w}, 1, 'cloud', 'x')",
        "data_key (workspace_id, master_key_id, wrapped_key, created_at) VALUES ({w}, 'x', '\\x00', 1)",
        "audit_event (workspace_id, sequence, at, actor_key, actor_name, action, outcome, changes, previous_hash, hash) \
         VALUES ({w}, 99, 1, 'x', 'x', 'CONNECT', 'DONE', '[]', '', '')",
        "workspace (id, name, generation_at, created_at) VALUES ({w}, 'x', 1, 1)",
    ];
    for row in rows {
        for (workspace, into, allowed) in
            [(Some(other), world.workspace, false), (None, other, false), (Some(777), 777, true)]
        {
            let turn = sees(&login, "tenant", workspace).await;
            let insert = format!("INSERT INTO {}", row.replace("{w}", &into.to_string()));
            match turn.execute_unprepared(&insert).await {
                Ok(_) => assert!(allowed, "{insert} as {workspace:?}"),
                Err(refused) => {
                    let refused = refused.to_string();
                    assert!(!allowed && refused.contains("row-level security policy"), "{insert}: {refused}");
                }
            }
            turn.rollback().await.unwrap();
        }
    }
    login.close().await.unwrap();
    database.drop_postgres().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_clerk_finds_whose_turn_it_is_and_nothing_else() {
    let Some(database) = Database::postgres().await else { return };
    let (world, _) = two_workspaces(&database).await;
    let login = login(&database).await;
    let shown = [
        "SELECT COUNT(name) FROM workspace",
        "SELECT COUNT(token_hash) FROM api_token",
        "SELECT COUNT(wrapped_key) FROM data_key",
        "SELECT COUNT(next_run_at) FROM integration",
    ];
    for sql in shown {
        let turn = sees(&login, "clerk", None).await;
        assert!(number(&turn, sql).await > 0, "{sql}");
        turn.rollback().await.unwrap();
    }
    let mut hidden = vec![
        "SELECT sealed_private_key FROM integration".to_owned(),
        "SELECT public_key FROM integration".to_owned(),
        "SELECT policy_fingerprint FROM workspace".to_owned(),
        "UPDATE integration SET lease_owner = 'x'".to_owned(),
        "UPDATE integration SET next_run_at = 1".to_owned(),
        "UPDATE api_token SET role = 'ADMIN'".to_owned(),
        "DELETE FROM api_token".to_owned(),
        "INSERT INTO workspace (name, generation_at, created_at) VALUES ('x', 1, 1)".to_owned(),
        "TRUNCATE integration".to_owned(),
    ];
    let open = ["workspace", "api_token", "data_key", "integration"];
    let closed = tables(&world).await.into_iter().filter(|(table, _)| !open.contains(&table.as_str()));
    hidden.extend(closed.map(|(table, _)| format!("SELECT 1 FROM {table}")));
    for sql in hidden {
        let turn = sees(&login, "clerk", None).await;
        let refused = turn.execute_unprepared(&sql).await.expect_err(&sql).to_string();
        assert!(refused.contains("permission denied") || refused.contains("row-level security"), "{sql}: {refused}");
        turn.rollback().await.unwrap();
    }
    login.close().await.unwrap();
    database.drop_postgres().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_table_is_held_and_no_transaction_leaves_its_role_behind() {
    let Some(database) = Database::postgres().await else { return };
    let world = World::synced(&database, READER.public).await;
    let open = "SELECT relname::text FROM pg_class c WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') \
                AND relname <> 'seaql_migrations' AND NOT (relrowsecurity AND relforcerowsecurity AND EXISTS \
                (SELECT FROM pg_policy WHERE polrelid = c.oid AND polname = 'tenant'))";
    assert_eq!(world.texts(open).await, [""; 0], "tables whose migration does not protect them");
    let strong = "SELECT rolname::text FROM pg_roles WHERE rolname IN (slategate_tenant(), slategate_clerk()) \
                  AND (rolcanlogin OR rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb)";
    assert_eq!(world.texts(strong).await, [""; 0]);
    let owners = "SELECT tablename::text FROM pg_tables WHERE tableowner IN (slategate_tenant(), slategate_clerk())";
    assert_eq!(world.texts(owners).await, [""; 0]);

    let login = login(&database).await;
    let who = "SELECT current_user::text || '/' || coalesce(current_setting('slategate.workspace', true), '')";
    for ends_well in [true, false] {
        let turn = sees(&login, "tenant", Some(world.workspace)).await;
        assert!(word(&turn, who).await.ends_with(&format!("_tenant/{}", world.workspace)));
        if ends_well {
            turn.commit().await.unwrap();
        } else {
            turn.rollback().await.unwrap();
        }
        assert_eq!(word(&login, who).await, "slategate_test/");
    }
    login.close().await.unwrap();
    database.drop_postgres().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_sees_nothing_of_a_workspace_that_its_transaction_is_not_of() {
    let Some(database) = Database::postgres().await else { return };
    let (world, other) = two_workspaces(&database).await;
    let lists = "{ integrations { totalCount } assets(filter: { includeRemoved: true }) { totalCount } accounts { totalCount } \
                 projects { totalCount } people { totalCount } controlResults { totalCount } syncRuns { totalCount } \
                 auditEvents { totalCount } apiTokens { totalCount } }";
    let counts = async || {
        let answer = world.ask(lists).await;
        let counts: Vec<i64> =
            answer.as_object().unwrap().values().map(|list| list["totalCount"].as_i64().unwrap()).collect();
        counts
    };
    assert!(counts().await.iter().all(|count| *count > 0), "there is something to be seen");
    // From here on each filter of the program names a workspace that the database does not show to it.
    let mixed = format!(
        "CREATE OR REPLACE FUNCTION slategate_workspace() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT {other}::bigint'"
    );
    world.execute(&mixed).await;
    assert_eq!(counts().await, [0; 9]);
    let people = world.count("person").await;
    let add = "mutation { upsertPerson(input: { email: \"y@other.example\", fullName: \"Y\" }) { person { id } } }";
    assert_eq!(world.refused(add, json!({})).await, "INTERNAL");
    assert_eq!(world.count("person").await, people);
    database.drop_postgres().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_that_may_make_no_role_is_told_what_an_administrator_has_to_run() {
    let Some(mut database) = Database::postgres().await else { return };
    let raw = SeaOrm::connect(&database.raw_url).await.unwrap();
    let name: String = word(&raw, "SELECT current_database()::text").await;
    let weak = format!("{name}_weak");
    let make = format!("CREATE ROLE {weak} LOGIN PASSWORD 'weak'; ALTER DATABASE {name} OWNER TO {weak}");
    raw.execute_unprepared(&make).await.unwrap();
    let mut url = url::Url::parse(&database.url).unwrap();
    url.set_username(&weak).unwrap();
    url.set_password(Some("weak")).unwrap();
    database.url = url.to_string();
    let key_file = database.folder().join("master.key");
    slategate::vault::KeyRing::create(&key_file).unwrap();
    let settings = [
        ("SLATEGATE_DATABASE_URL", database.url.clone()),
        ("SLATEGATE_MASTER_KEY_FILE", key_file.display().to_string()),
    ];

    let refused = run(&["migrate"], &settings).await;
    assert_eq!(refused.code, 1, "{refused:?}");
    let asked = refused.err.split_once("have an administrator of the server run: ").expect(&refused.err).1;
    let asked = asked.rsplit_once(';').unwrap().0;
    assert_eq!(
        asked,
        format!(
            "CREATE ROLE \"{name}_tenant\" NOLOGIN; CREATE ROLE \"{name}_clerk\" NOLOGIN; \
             GRANT \"{name}_tenant\", \"{name}_clerk\" TO \"{weak}\""
        )
    );
    assert_eq!(number(&raw, "SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public'").await, 0);

    raw.execute_unprepared(asked).await.unwrap();
    let migrated = run(&["migrate"], &settings).await;
    assert_eq!(migrated.code, 0, "{migrated:?}");

    // Servers may log in as somebody who owns nothing, too.
    let app = format!("{name}_app");
    let make = format!("CREATE ROLE {app} LOGIN PASSWORD 'app'; GRANT {name}_tenant, {name}_clerk TO {app}");
    raw.execute_unprepared(&make).await.unwrap();
    url.set_username(&app).unwrap();
    url.set_password(Some("app")).unwrap();
    let settings = [("SLATEGATE_DATABASE_URL", url.to_string()), settings[1].clone()];
    let server = Process::serve(&settings).await;
    let token = Process::token(&settings, "admin").await;
    let add = "mutation { upsertPerson(input: { email: \"a@b.example\", fullName: \"A\" }) { userErrors { code } } }";
    let (_, answer) = server.post(&client(), &token, add, json!({})).await.unwrap();
    assert_eq!(answer, json!({ "data": { "upsertPerson": { "userErrors": [] } } }), "{}", server.log());
    drop(server);

    let owned = format!("REASSIGN OWNED BY {weak} TO slategate_test; DROP OWNED BY {weak}, {app}");
    raw.execute_unprepared(&owned).await.unwrap();
    raw.execute_unprepared(&format!("DROP ROLE {weak}, {app}")).await.unwrap();
    raw.close().await.unwrap();
    database.drop_postgres().await;
}
