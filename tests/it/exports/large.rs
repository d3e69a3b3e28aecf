//! Many rows: read page by page, from one snapshot, and given to whoever takes them.

use std::sync::atomic::Ordering;

use serde_json::json;
use slategate::demo::build::{self, team, team_roles, user};
use slategate::demo::keys::READER;
use slategate::demo::model::{Organization, ProjectEstate};

use super::Desk;
use crate::on_both_databases;
use crate::support::{Database, Kind, Setting, World, is_long};

/// Users in a team that has a role on each of a few projects, every third of them linked to a person.
fn organization(users: usize) -> Organization {
    let mut own = Organization::new(&build::id("large"), "Large");
    own.keys = vec![READER.key(&["ORG_READ_ONLY"])];
    own.teams = vec![team("Everybody")];
    for number in 0..5 {
        let name = format!("Project {number}");
        let mut project = ProjectEstate::new(&build::id(&name), &name);
        project.teams = vec![team_roles("Everybody", &["GROUP_READ_ONLY", "GROUP_DATA_ACCESS_READ_ONLY"])];
        own.projects.push(project);
    }
    own.users = (0..users).map(|n| user(&mail(n), "User", &n.to_string()).team("Everybody").body()).collect();
    own
}

fn mail(number: usize) -> String {
    format!("user{number:05}@large.example")
}

async fn world(database: &Database, users: usize) -> World {
    let estate = Some(vec![organization(users)]);
    let world = World::synced_with(database, READER.public, Setting { estate, ..Setting::default() }).await;
    world.tick();
    let rows: Vec<String> = (0..users).step_by(3).take(1_000).map(|n| format!("{},Person {n}", mail(n))).collect();
    let rows = rows.join("\n");
    let import = "mutation($csv: String!) { importPeople(input: { csv: $csv }) { userErrors { message } } }";
    let imported = world.ask_with(import, json!({ "csv": format!("email,fullName\n{rows}") })).await;
    assert_eq!(imported["importPeople"], json!({ "userErrors": [] }));
    world.tick();
    world
}

/// Statements of the file, which has so many rows.
async fn cost(world: &World, desk: &Desk, name: &str, rows: usize) -> usize {
    // The token is looked up once.
    desk.csv(name, &[("asOf", "2001-01-01T00:00:00Z")]).await;
    let before = world.statements.load(Ordering::Relaxed);
    let found = desk.csv(name, &[]).await;
    assert_eq!(found.len(), rows);
    world.statements.load(Ordering::Relaxed) - before
}

on_both_databases! {
    async fn each_page_costs_the_same_and_no_row_is_lost_or_doubled(database) {
        let users = if is_long() { 20_000 } else { 1_700 };
        let world = world(&database, users).await;
        let desk = Desk::of(&world).await;
        let pages = (users + 1).div_ceil(500);
        let first = usize::from(database.kind == Kind::Postgres);
        // Of each page the accounts, then grants, people, integration and last read, then projects.
        let all = cost(&world, &desk, "accounts", users + 1).await;
        assert!(all <= 6 * pages + 3 + first, "{all} statements for {pages} pages");
        let judged = world.ask("{ controlResults(first: 0) { totalCount } }").await;
        let judged = usize::try_from(judged["controlResults"]["totalCount"].as_u64().unwrap()).unwrap();
        let results = cost(&world, &desk, "control-results", judged).await;
        let pages = judged.div_ceil(500);
        assert!(results <= 7 * pages + 3 + first, "{results} statements for {pages} pages");

        let mut logins: Vec<String> = desk.csv("accounts", &[]).await.iter().map(|row| row["login"].clone()).collect();
        assert!(logins.is_sorted());
        logins.dedup();
        assert_eq!(logins.len(), users + 1);
    }

    async fn whoever_takes_a_file_holds_no_transaction(database) {
        let world = world(&database, 1_200).await;
        let desk = Desk::of(&world).await;
        for name in ["accounts.csv", "accounts.xlsx"] {
            let response = desk.request(name, &[]).send().await.unwrap();
            assert_eq!(response.status(), 200);
            if database.kind == Kind::Postgres {
                let open = "pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
                assert_eq!(world.count(open).await, 0, "{name}");
            }
            assert!(!response.bytes().await.unwrap().is_empty());
        }
    }

    async fn commits_in_between_are_not_seen(database) {
        let world = world(&database, 1_200).await;
        let desk = Desk::of(&world).await;
        let writing = async {
            for number in 0..20 {
                world.tick();
                let email = mail(number * 3 + 1);
                world.upsert_person(json!({ "email": email, "fullName": "Written meanwhile" })).await;
            }
        };
        let reading = async {
            let mut files = Vec::new();
            for _ in 0..4 {
                files.push(desk.csv("accounts", &[]).await);
            }
            files
        };
        let ((), files) = tokio::join!(writing, reading);
        for rows in files {
            // What the instant says is what the file shows: every edit up to it, and none after.
            let as_of = rows[0]["asOf"].clone();
            assert!(rows.iter().all(|row| row["asOf"] == as_of && row["generation"] == rows[0]["generation"]));
            let linked = rows.iter().filter(|row| row["person"] == "Written meanwhile").count();
            let again = desk.csv("accounts", &[("asOf", &rows[0]["generation"])]).await;
            assert_eq!(again.iter().filter(|row| row["person"] == "Written meanwhile").count(), linked);
        }
    }
}
