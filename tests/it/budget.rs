//! How many statements a page, a sync and an import cost, and that a large organization stays cheap.

use std::sync::atomic::Ordering;

use serde_json::json;
use slategate::demo::build::{self, cluster, region, team, team_roles, user};
use slategate::demo::keys::READER;
use slategate::demo::model::{Organization, ProjectEstate};

use crate::on_both_databases;
use crate::support::{Database, Setting, World};

/// The most statements that one page may cost.
const BUDGET: usize = 8;

/// The most statements that a first sync or an import may cost while each kind of row fits into one batch.
const BATCHES: usize = 130;

const ASSETS: &str = "{ assets(first: 50) { nodes { name project { name } owner { fullName } \
    controlResults { outcome control { title } observedAt evidence { name } } } } }";
const ACCOUNTS: &str =
    "{ accounts(first: 50) { nodes { login person { fullName } grants { role via project { name } } } } }";
const COVERAGE: &str =
    "{ controls { title status coverage { inScope passed failed unknown notApplicable unreadableScopes } } }";
const RESULTS: &str = "{ controlResults(first: 50) { nodes { reason control { title } observedAt subject { \
    ... on AtlasCluster { name owner { fullName } project { name } } ... on Account { login person { fullName } } } } } }";

/// This many clusters over projects of fifty, as many users in a team, and an owner for each cluster.
fn organization(clusters: usize) -> Organization {
    let mut own = Organization::new(&build::id("big"), "Big");
    own.keys = vec![READER.key(&["ORG_READ_ONLY"])];
    own.teams = vec![team("Everybody")];
    for (index, size) in sizes(clusters).into_iter().enumerate() {
        let mut project = ProjectEstate::new(&build::id(&format!("project {index}")), &format!("Project {index}"));
        project.teams = vec![team_roles("Everybody", &["GROUP_READ_ONLY"])];
        let body = |number: usize| {
            let owner = mail(index * 50 + number);
            cluster(&project.id, &format!("cluster-{index}-{number}"))
                .regions(&[region("AWS", "EU_WEST_1", "M30").nodes(if number.is_multiple_of(3) { 2 } else { 3 })])
                .tags(&[("owner", &owner)])
                .body()
        };
        project.clusters = (0..size).map(body).collect();
        own.projects.push(project);
    }
    own.users =
        (0..clusters).map(|number| user(&mail(number), "User", &number.to_string()).team("Everybody").body()).collect();
    own
}

fn sizes(clusters: usize) -> Vec<usize> {
    (0..clusters.div_ceil(50)).map(|project| Ord::min(50, clusters - project * 50)).collect()
}

fn mail(number: usize) -> String {
    format!("user{number}@big.example")
}

async fn world(database: &Database, clusters: usize) -> World {
    let world = connected(database, clusters).await;
    assert_eq!(world.sync_due().await, 1);
    import_people(&world, clusters).await;
    world
}

async fn connected(database: &Database, clusters: usize) -> World {
    let estate = Some(vec![organization(clusters)]);
    let world = World::with(database, Setting { estate, ..Default::default() }).await;
    world.connect(READER.public).await.unwrap();
    world.tick();
    world
}

async fn import_people(world: &World, clusters: usize) {
    let rows: Vec<String> = (0..clusters).map(|number| format!("{},Person {number}", mail(number))).collect();
    let rows = rows.join("\n");
    let import = "mutation($csv: String!) { importPeople(input: { csv: $csv }) { created userErrors { message } } }";
    let imported = world.ask_with(import, json!({ "csv": format!("email,fullName\n{rows}") })).await;
    assert_eq!(imported["importPeople"], json!({ "created": clusters, "userErrors": [] }));
    world.tick();
}

fn statements(world: &World) -> usize {
    world.statements.swap(0, Ordering::Relaxed)
}

/// Rows that have ended, of the tables that a sync writes most to.
async fn ended_rows(world: &World) -> Vec<i64> {
    let mut ended = Vec::new();
    for table in ["cluster_fact", "account_fact", "role_grant", "control_result"] {
        ended.push(world.count(&format!("{table} WHERE valid_to IS NOT NULL")).await);
    }
    ended
}

/// Statements of each query.
async fn costs(world: &World) -> Vec<usize> {
    let mut costs = Vec::new();
    for query in [ASSETS, ACCOUNTS, COVERAGE, RESULTS] {
        // How the lists were read is known afterwards, until the next commit.
        world.ask(query).await;
        statements(world);
        world.ask(query).await;
        costs.push(statements(world));
    }
    costs
}

/// A list, and each field of its items that is read from elsewhere.
const RELATIONS: [(&str, &[&str]); 7] = [
    (
        "assets",
        &[
            "integration { organizationName lastSync { id } currentSync { id } provider { name status } }",
            "project { name clusterCount assets(first: 3) { totalCount nodes { name owner { email } } } }",
            "owner { email accounts(first: 3) { totalCount nodes { login grants { role project { name } } } } }",
            "owner { ownedAssets(last: 2) { totalCount nodes { name lastSeenAt } } }",
            "lastSeenAt",
            "controlResults { outcome observedAt control { status coverage { failed } } subject { ... on AtlasCluster { name } } }",
            "... on AtlasCluster { encryption { atRest customerKeyValid } }",
        ],
    ),
    (
        "accounts",
        &[
            "integration { organizationName }",
            "person { fullName ownedAssets(first: 2) { totalCount nodes { name } } }",
            "grants { role project { name clusterCount } }",
            "lastSeenAt",
            "flags",
            "controlResults { outcome observedAt subject { ... on Account { login } } }",
        ],
    ),
    (
        "people",
        &["accounts(first: 2) { totalCount nodes { login } }", "ownedAssets(first: 2) { totalCount nodes { name } }"],
    ),
    (
        "controlResults",
        &[
            "control { title status }",
            "observedAt",
            "subject { ... on Account { person { email } } ... on AtlasCluster { project { name } } }",
        ],
    ),
    (
        "projects",
        &["integration { organizationName }", "clusterCount", "assets(first: 2) { totalCount nodes { name } }"],
    ),
    ("syncRuns", &["integration { organizationName }", "scopes { kind project { name } }"]),
    ("integrations", &["lastSync { id }", "currentSync { id }", "syncRuns(first: 3) { totalCount nodes { id } }"]),
];

async fn cost(world: &World, query: &str) -> usize {
    // How the lists were read is known afterwards, until the next commit.
    world.ask(query).await;
    let before = world.statements.load(Ordering::Relaxed);
    world.ask(query).await;
    world.statements.load(Ordering::Relaxed) - before
}

on_both_databases! {
    async fn each_relation_costs_the_same_for_ten_rows_and_for_five_hundred(database) {
        let world = world(&database, 500).await;
        for (list, relations) in RELATIONS {
            for relation in relations {
                let query = |first: usize| format!("{{ {list}(first: {first}) {{ nodes {{ {relation} }} }} }}");
                let (few, many) = (cost(&world, &query(10)).await, cost(&world, &query(500)).await);
                assert_eq!(few, many, "{list} {relation}");
            }
        }
    }

    async fn a_page_costs_the_same_in_a_small_and_in_a_large_organization(database) {
        let large = world(&database, 300).await;
        let answer = large.ask(ASSETS).await;
        let nodes = answer["assets"]["nodes"].as_array().unwrap();
        assert_eq!(nodes.len(), 50);
        assert!(nodes.iter().all(|node| node["owner"]["fullName"].is_string() && node["project"]["name"].is_string()));
        assert!(nodes.iter().all(|node| node["controlResults"].as_array().unwrap().len() == 9));
        let costs_of_large = costs(&large).await;
        drop(large);

        let fresh = Database::sqlite();
        let small = world(&fresh, 10).await;
        let costs_of_small = costs(&small).await;
        if database.kind == fresh.kind {
            assert_eq!(costs_of_large, costs_of_small);
        }
        assert!(costs_of_large.iter().all(|cost| (1..=BUDGET).contains(cost)), "{costs_of_large:?}");
        assert!(costs_of_small.iter().all(|cost| (1..=BUDGET).contains(cost)), "{costs_of_small:?}");
    }

    async fn a_first_sync_and_an_import_cost_statements_by_the_batch(database) {
        let world = connected(&database, 350).await;
        statements(&world);
        assert_eq!(world.sync_due().await, 1);
        let sync = statements(&world);
        import_people(&world, 350).await;
        let import = statements(&world);
        assert!(sync <= BATCHES && import <= BATCHES, "{sync} for the sync, {import} for the import");
    }

    async fn an_unchanged_large_organization_writes_no_fact(database) {
        let world = world(&database, 500).await;
        let before = world.fact_rows().await;
        let ended = ended_rows(&world).await;
        assert!(before.contains(&("cluster_fact", 500)) && before.contains(&("account_fact", 501)), "{before:?}");
        statements(&world);

        world.next_sync().await;

        let cost = statements(&world);
        assert_eq!(world.fact_rows().await, before);
        assert_eq!(ended_rows(&world).await, ended);
        assert!(cost <= BATCHES, "{cost} statements");
    }
}
