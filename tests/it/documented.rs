//! The pages are true. Here: what their queries and those of GraphiQL's starter tabs cost, as they stand there, which is
//! the same for ten rows as for five hundred.

mod answers;
mod claims;
mod pages;

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use slategate::demo::build::{self, cluster, region, team, team_roles, user};
use slategate::demo::keys::READER;
use slategate::demo::model::{Organization, ProjectEstate};

use self::pages::{PAGES, blocks};
use crate::on_both_databases;
use crate::support::{Database, Kind, Setting, World};

/// The most statements that a query of the pages may take.
const BUDGET: usize = 6;

/// Each documented query by the words that it begins with, and its statements on SQLite and on PostgreSQL. There each
/// transaction is first told whose rows it may see, and tells its generation, which is a statement on SQLite.
const STATEMENTS: [(&str, usize, usize); 24] = [
    // README.md
    ("{ controlResults", 5, 5),
    ("{ control", 4, 4),
    ("{ accounts", 2, 3),
    ("{ posture { controlsFailing failingResults assets accounts", 5, 5),
    // docs/analysts.md
    ("{ assets", 4, 5),
    ("{ assets", 3, 3),
    ("{ accounts", 4, 5),
    ("{ controlResults", 5, 5),
    ("{ controls", 4, 4),
    ("{ posture", 5, 5),
    ("{ control", 6, 6),
    // docs/reviewers.md
    ("{ accounts", 2, 3),
    ("{ accessReviews", 1, 2),
    ("{ accessReviews", 1, 2),
    // docs/frontend.md
    ("{ assets", 2, 3),
    ("{ posture { controlsFailing", 4, 4),
    ("query Failing", 2, 2),
    ("query", 2, 3),
    // docs/identity-providers.md
    ("{ viewer { role workspace { name", 0, 1),
    // docs/operators.md
    ("{ integrations", 2, 3),
    // graphiql/src/starter-tabs.js
    ("query Inventory", 4, 5),
    ("query AccessReview", 5, 6),
    ("query FailingControls {", 10, 10),
    ("query Compare", 6, 6),
];

const TABS: &str = include_str!("../../graphiql/src/starter-tabs.js");

/// What the pages compare with is before this world's time.
const FIRST_OF_MARCH: &str = "2026-03-01T00:00:00Z";

struct Documented {
    query: String,
    variables: Value,
}

/// Every text between these two, each on its own.
fn between<'a>(text: &'a str, begin: &'a str, end: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(begin).skip(1).filter_map(move |rest| rest.split_once(end).map(|(inner, _)| inner))
}

/// The queries of every page but those whose answer is an error.
fn documented() -> Vec<Documented> {
    PAGES.into_iter().flat_map(|(_, page)| of_page(page)).collect()
}

fn of_page(page: &str) -> Vec<Documented> {
    let blocks = blocks(page);
    let is_refused =
        |at: usize| blocks.get(at + 1).is_some_and(|next| next.follows && next.text.contains("\"errors\""));
    let plain = blocks.iter().enumerate().filter(|(at, block)| block.language == "graphql" && !is_refused(*at));
    let plain = plain.map(|(_, block)| block.text.as_str()).filter(|text| text.starts_with('{'));
    let curl = between(page, "{\"query\":\"", "\"}");
    let typescript = between(page, "graphql(`\n", "`)");
    let python = between(page, "query = \"\"\"", "\"\"\"");
    let texts = plain.chain(curl).chain(typescript).chain(python).filter(|text| !text.starts_with("subscription"));
    texts.map(|text| Documented { query: text.trim().to_owned(), variables: json!({ "first": 5 }) }).collect()
}

fn tabs(now: &str) -> Vec<Documented> {
    let tabs = TABS.split("query: `").skip(1).map(|tab| {
        let (query, rest) = tab.split_once('`').unwrap();
        // Up to the next tab, which brings variables of its own.
        let variables = between(rest, "variables: `", "`,").next().unwrap_or("{}").replace("${monthAgo()}", now);
        let query = query.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n");
        Documented { query, variables: serde_json::from_str(&variables).unwrap() }
    });
    tabs.filter(|tab| !tab.query.starts_with("mutation")).collect()
}

fn mail(number: usize) -> String {
    format!("user{number}@big.example")
}

/// This many clusters in projects of fifty, and as many users in a team. Little stands out, so that the first page of
/// what fails holds clusters and accounts however many there are.
fn organization(clusters: usize) -> Organization {
    let mut own = Organization::new(&build::id("big"), "Big");
    own.keys = vec![READER.key(&["ORG_READ_ONLY"])];
    own.teams = vec![team("Everybody")];
    let owner = mail(8);
    let tags = [("owner", owner.as_str()), ("description", "What it is for"), ("contains-user-data", "no")];
    for numbers in (0..clusters).collect::<Vec<_>>().chunks(50) {
        let name = format!("Project {}", own.projects.len());
        let mut project = ProjectEstate::new(&build::id(&name), &name);
        project.teams = vec![team_roles("Everybody", &["GROUP_READ_ONLY"])];
        let body = |number: &usize| {
            let tags = match number {
                0..5 => &tags[..0],
                5..10 => &tags[..1],
                _ => &tags,
            };
            let region = region("AWS", "EU_WEST_1", "M30");
            cluster(&project.id, &format!("cluster-{number}")).regions(&[region]).tags(tags).body()
        };
        project.clusters = numbers.iter().map(body).collect();
        own.projects.push(project);
    }
    own.users =
        (0..clusters).map(|number| user(&mail(number), "User", &number.to_string()).team("Everybody").body()).collect();
    own
}

/// Five accounts belong to nobody, and of the others every third to somebody who has left.
async fn world(database: &Database, clusters: usize) -> World {
    let estate = Some(vec![organization(clusters)]);
    let world = World::synced_with(database, READER.public, Setting { estate, ..Default::default() }).await;
    world.tick();
    let rows = (5..clusters).map(|number| {
        let last_day = if number % 3 == 0 { "2026-10-31" } else { "" };
        format!("{},Person {number},{last_day}\n", mail(number))
    });
    let csv = format!("email,fullName,endsOn\n{}", rows.collect::<String>());
    let import = "mutation($csv: String!) { importPeople(input: { csv: $csv }) { userErrors { message } } }";
    let imported = world.ask_with(import, json!({ "csv": csv })).await;
    assert_eq!(imported["importPeople"], json!({ "userErrors": [] }));
    world.tick();
    world
}

/// Statements of each query, and the length of its answer.
async fn costs(world: &World) -> Vec<(String, usize, usize)> {
    let now = world.now();
    let mut costs = Vec::new();
    for Documented { query, variables } in documented().into_iter().chain(tabs(&now)) {
        let query = query.replace(FIRST_OF_MARCH, &now);
        // How the lists were read is known afterwards, until the next commit.
        world.ask_with(&query, variables.clone()).await;
        let before = world.statements.load(Ordering::Relaxed);
        let answer = world.ask_with(&query, variables).await;
        let cost = world.statements.load(Ordering::Relaxed) - before;
        let name =
            query.split(|c: char| !c.is_alphanumeric() && c != ' ' && c != '{').next().unwrap().trim().to_owned();
        costs.push((name, cost, answer.to_string().len()));
    }
    costs
}

on_both_databases! {
    async fn a_documented_query_costs_the_same_for_ten_rows_and_for_five_hundred(database) {
        let large = costs(&world(&database, 500).await).await;
        let other = match database.kind {
            Kind::Sqlite => Database::sqlite(),
            Kind::Postgres => Database::postgres().await.unwrap(),
        };
        let small = costs(&world(&other, 10).await).await;
        other.drop_postgres().await;

        let pinned: Vec<_> = STATEMENTS
            .iter()
            .map(|(name, sqlite, postgres)| {
                ((*name).to_owned(), if database.kind == Kind::Postgres { *postgres } else { *sqlite })
            })
            .collect();
        for costs in [&small, &large] {
            let found: Vec<_> = costs.iter().map(|(name, cost, _)| (name.clone(), *cost)).collect();
            assert_eq!(found, pinned);
        }
        assert!(large.iter().zip(documented()).all(|((_, cost, _), _)| *cost <= BUDGET));
        // Lists do grow with the organization, up to their pages.
        let grown = small.iter().zip(&large).filter(|((_, _, few), (_, _, many))| many > few).count();
        assert!(grown >= 8, "{grown} of {} answers", small.len());
    }
}
