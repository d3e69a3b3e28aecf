//! How the databases find users: by an index, never by reading a whole table.

use super::{Provider, person};
use crate::on_both_databases;
use crate::plans::{plan, reads_a_whole_table};
use crate::support::{Kind, World};

const ROWS: &str = "WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)";
const FILL: [&str; 2] = [
    "INSERT INTO scim_user (id, workspace_id, person_id, resource_id, user_name, external_id, document, created_at, changed_at) \
     SELECT i, {w}, i, 'r' || i, 'u' || i, 'e' || i, '{\"userName\":\"u\"}', 1, 1 FROM n",
    "INSERT INTO scim_user_address (workspace_id, scim_user_id, address) SELECT {w}, i, i || '@x.example' FROM n",
];

/// What is asked, and what its plan must name.
const ASKED: [(&str, &str); 6] = [
    ("/Users?count=10&startIndex=20", "scim_user_1 scim_user_pkey PRIMARY"),
    ("/Users?filter=active+eq+true", "scim_user_1 scim_user_pkey PRIMARY"),
    ("/Users?filter=userName+eq+%22u1%22", "user_name"),
    ("/Users?filter=externalId+eq+%22e1%22", "scim_user_2"),
    ("/Users?filter=emails.value+eq+%221@x.example%22", "address"),
    ("/Users/00000000000000000000000000000000", "resource_id"),
];

on_both_databases! {
    async fn users_are_found_by_an_index(database) {
        let world = World::new(&database).await;
        let served = world.serve().await;
        let provider = Provider::of(&world, &served).await;
        provider.create(person("ada@x.example")).await;
        for sql in FILL {
            world.execute(&format!("{ROWS} {}", sql.replace("{w}", &world.workspace.to_string()))).await;
        }
        if world.database.kind == Kind::Postgres {
            world.execute("ANALYZE").await;
        }
        let mut bad = Vec::new();
        for (path, indexes) in ASKED {
            let mut plans = Vec::new();
            for sql in world.statements_while(provider.get(path)).await {
                if sql.starts_with("SELECT") && sql.contains("scim_user") {
                    plans.extend(plan(&world, &database, &sql).await);
                }
            }
            bad.extend(plans.iter().filter(|line| reads_a_whole_table(line)).map(|line| format!("{path}: {line}")));
            // SQLite names the index of a UNIQUE by number.
            let names_one = |line: &String| {
                indexes.split(' ').any(|index| line.contains(index)) || line.contains("sqlite_autoindex_scim_user")
            };
            if !plans.iter().any(names_one) {
                bad.push(format!("{path}: none of {indexes}: {plans:#?}"));
            }
        }
        assert!(bad.is_empty(), "{bad:#?}");
    }
}
