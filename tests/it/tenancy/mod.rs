//! What a caller of one workspace can learn of another by any means that the schema gives: nothing.
//!
//! Everything of the other workspace bears a mark, so that a single word of it in an answer is seen. The tests are made
//! from the served schema: a field of tomorrow is asked as those of today are.

mod ids;
mod walk;

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use slategate::demo::build::{self, cluster, flex, invitation, service_account, team, team_roles, user};
use slategate::demo::model::{Organization, ProjectEstate};
use slategate::demo::organizations;
use slategate::store::audit::Actor;
use slategate::store::views::Role;

use crate::support::{Database, Kind, Served, Setting, World, text};

/// Stands in every text of the other workspace and nowhere else.
const MARK: &str = "zqx7";
const PUBLIC_KEY: &str = "zqx7pubk";
const PRIVATE_KEY: &str = "zqx7a1b2-0d35-4b79-a2c4-08f6e3d1b597";

/// A number that no row has. The other workspace's are the last before it, and this one's begin anew after it, so a
/// cursor with it stands where one of the other workspace does.
const GHOST: i64 = 19_999;
const OTHERS_BEGIN: i64 = 10_000;

/// Two workspaces in one database; the caller is an administrator of the first.
struct Two {
    world: World,
    served: Served,
    caller: String,
    /// An administrator of the other workspace.
    other: String,
    other_id: i64,
    own: Known,
    foreign: Known,
    /// Ids that Atlas gave to what the other workspace has.
    atlas_ids: Vec<String>,
}

/// What an administrator knows of a workspace.
#[derive(Debug, Default)]
struct Known {
    /// Global ids by type, of now and of a past instant.
    ids: BTreeMap<String, BTreeSet<String>>,
    /// Cursors by the list that they are of.
    cursors: BTreeMap<String, BTreeSet<String>>,
}

fn marked() -> Organization {
    let mut own = Organization::new(&build::id("zqx7"), "Zqx7 Organization");
    own.keys = vec![build::key(PUBLIC_KEY, PRIVATE_KEY, "zqx7 key", &["ORG_READ_ONLY"])];
    own.teams = vec![team("Zqx7 team")];
    own.service_accounts = vec![service_account("zqx7 service", "zqx7 described", &["ORG_MEMBER"])];
    for name in ["zqx7-one", "zqx7-two"] {
        let mut project = ProjectEstate::new(&build::id(name), name);
        project.tags = build::tags(&[("zqx7-key", "zqx7-value")]);
        project.teams = vec![team_roles("Zqx7 team", &["GROUP_READ_ONLY"])];
        project.clusters = (0..3)
            .map(|number| {
                let tags =
                    [("owner", "zqx7.boss@zqx7.example"), ("description", "zqx7 described"), ("zqx7-tag", "zqx7")];
                cluster(&project.id, &format!("{name}-{number}")).tags(&tags[number..]).body()
            })
            .collect();
        project.flex = vec![flex(&project.id, &format!("{name}-flex")).body()];
        own.projects.push(project);
    }
    own.users = vec![
        user("zqx7.boss@zqx7.example", "Zqx7", "Boss").roles(&["ORG_OWNER"]).team("Zqx7 team").body(),
        user("zqx7.idle@zqx7.example", "Zqx7", "Idle").never_signed_in().body(),
        invitation("zqx7.new@zqx7.example", "PENDING").body(),
    ];
    own
}

async fn two(database: &Database) -> Two {
    let estate = organizations().into_iter().chain([marked()]).collect();
    let world = Box::pin(World::demo_with(database, Setting { estate: Some(estate), ..Setting::default() })).await;
    number_on_from(&world, OTHERS_BEGIN).await;
    let other_id = world.store.create_workspace("zqx7-workspace", "zqx7-maker").await.unwrap();
    let by =
        Actor { workspace: other_id, key: "zqx7-actor".to_owned(), name: "zqx7 actor".to_owned(), request_id: None };
    world.engine.connect(&by, PUBLIC_KEY, PRIVATE_KEY.to_owned().into()).await.unwrap().unwrap();
    world.tick();
    assert_eq!(world.sync_due().await, 1);
    world.tick();
    let past = world.now();
    world.tick();
    fill(&world, other_id).await;
    world.simulator.edit(|estate| {
        let own = estate.iter_mut().find(|own| own.name == "Zqx7 Organization").unwrap();
        own.projects[0].clusters.remove(0);
        own.users.remove(1);
    });
    sync(&world, other_id).await;
    let other = world.token(other_id, Role::Admin).await;
    number_on_from(&world, GHOST + 1).await;
    sync(&world, world.workspace).await;
    review(&world, world.workspace, "a review").await;
    let served = world.serve().await;
    let caller = world.token(world.workspace, Role::Admin).await;
    let own = Known::of(&served, &caller, &past).await;
    let foreign = Known::of(&served, &other, &past).await;
    let atlas_ids = hex_words(&world.fact_rows_of(other_id).await);
    assert!(atlas_ids.len() > 10, "{atlas_ids:?}");
    Two { world, served, caller, other, other_id, own, foreign, atlas_ids }
}

/// Has the only integration of a workspace synced once more.
async fn sync(world: &World, workspace: i64) {
    world.tick();
    let list = world.query_in(workspace, Role::Admin, "{ integrations { nodes { id } } }", json!({})).await;
    let id = &list["data"]["integrations"]["nodes"][0]["id"];
    let ask = "mutation($id: ID!) { syncIntegration(input: { integrationId: $id }) { userErrors { message } } }";
    let asked = world.query_in(workspace, Role::Admin, ask, json!({ "id": id })).await;
    assert_eq!(asked["data"]["syncIntegration"]["userErrors"], json!([]), "{asked}");
    world.tick();
    assert_eq!(world.sync_due().await, 1);
}

/// Rows of every table get numbers from here on.
async fn number_on_from(world: &World, number: i64) {
    for (table, _) in world.dump().await.into_iter().filter(|(table, _)| table != "seaql_migrations") {
        match world.database.kind {
            Kind::Sqlite => {
                world.execute(&format!("DELETE FROM sqlite_sequence WHERE name = '{table}'")).await;
                world
                    .execute(&format!("INSERT INTO sqlite_sequence (name, seq) VALUES ('{table}', {})", number - 1))
                    .await;
            }
            Kind::Postgres => world.execute(&format!("ALTER TABLE {table} ALTER id RESTART WITH {number}")).await,
        }
    }
}

/// Has somebody of a workspace review its access.
async fn review(world: &World, workspace: i64, name: &str) {
    let people = world.query_in(workspace, Role::Admin, "{ people(first: 1) { nodes { id } } }", json!({})).await;
    let start = "mutation($who: ID!, $name: String!) { startAccessReview(input: { name: $name, reviewerIds: [$who], \
                 dueOn: \"2030-01-01\" }) { userErrors { code } } }";
    let who = json!({ "name": name, "who": people["data"]["people"]["nodes"][0]["id"] });
    let started = world.query_in(workspace, Role::Admin, start, who).await;
    assert_eq!(started["data"]["startAccessReview"]["userErrors"], json!([]), "{started}");
}

/// What people enter by hand, and what they try.
async fn fill(world: &World, workspace: i64) {
    let ask = async |query: &str, variables: Value| {
        let mut answer = world.query_in(workspace, Role::Admin, query, variables).await;
        assert_eq!(answer.get("errors"), None, "{answer}");
        answer["data"].take()
    };
    let add = "mutation($input: UpsertPersonInput!) { upsertPerson(input: $input) { person { id } } }";
    for name in ["boss", "other"] {
        let person = json!({ "email": format!("zqx7.{name}@zqx7.example"), "fullName": format!("Zqx7 {name}"),
                             "aliases": [format!("zqx7.{name}.alias@zqx7.example")] });
        ask(add, json!({ "input": person })).await;
    }
    let known = ask("{ assets { nodes { id } } accounts { nodes { id } } people { nodes { id } } }", json!({})).await;
    let first = |list: &str| known[list]["nodes"][0]["id"].clone();
    let edit = "mutation($asset: UpdateAssetInput!, $link: LinkAccountInput!) { \
                updateAsset(input: $asset) { userErrors { code } } linkAccount(input: $link) { userErrors { code } } }";
    let asset = json!({ "assetId": first("assets"), "ownerId": first("people"), "description": "zqx7 by hand" });
    let link = json!({ "accountId": first("accounts"), "personId": first("people") });
    ask(edit, json!({ "asset": asset, "link": link })).await;
    ask("mutation { createApiToken(input: { name: \"zqx7 token\", role: VIEWER }) { apiToken { id } } }", json!({}))
        .await;
    review(world, workspace, "zqx7 review").await;
    let tried = "mutation { importPeople(input: { csv: \"zqx7\" }) { userErrors { code } } }";
    world.query_in(workspace, Role::Viewer, tried, json!({})).await;
}

impl Known {
    async fn of(served: &Served, token: &str, past: &str) -> Self {
        let mut known = Self::default();
        let page = "pageInfo { startCursor endCursor } edges { cursor node { __typename id } }";
        let lists =
            ["integrations", "assets", "accounts", "projects", "people", "controlResults", "syncRuns", "accessReviews"];
        let admin_lists = ["auditEvents", "apiTokens"];
        let dated = ["assets", "accounts", "projects", "controlResults"];
        for list in lists.into_iter().chain(admin_lists) {
            let mut queries = vec![format!("{{ {list}(first: 20) {{ {page} }} }}")];
            if dated.contains(&list) {
                queries.push(format!("{{ {list}(first: 20, asOf: \"{past}\") {{ {page} }} }}"));
            }
            for query in queries {
                let (_, answer) = served.post(Some(token), &query, json!({})).await;
                known.note(list, &answer["data"][list]);
            }
        }
        let nested = [
            ("integrations", "syncRuns"),
            ("projects", "assets"),
            ("people", "accounts"),
            ("people", "ownedAssets"),
            ("accessReviews", "items"),
        ];
        for (list, field) in nested {
            let query = format!("{{ {list}(first: 9) {{ nodes {{ {field}(first: 3) {{ {page} }} }} }} }}");
            let (_, answer) = served.post(Some(token), &query, json!({})).await;
            for node in answer["data"][list]["nodes"].as_array().unwrap() {
                known.note(field, &node[field]);
            }
        }
        let (_, answer) = served.post(Some(token), "{ viewer { workspace { id } } }", json!({})).await;
        let workspace = text(&answer["data"]["viewer"]["workspace"]["id"]);
        known.ids.entry("Workspace".to_owned()).or_default().insert(workspace);
        known
    }

    fn note(&mut self, list: &str, page: &Value) {
        for edge in page["edges"].as_array().unwrap_or_else(|| panic!("{list}: {page}")) {
            let kind = text(&edge["node"]["__typename"]);
            self.ids.entry(kind).or_default().insert(text(&edge["node"]["id"]));
            self.cursors.entry(list.to_owned()).or_default().insert(text(&edge["cursor"]));
        }
    }

    fn any(&self, kind: &str) -> &str {
        self.ids[kind].first().unwrap_or_else(|| panic!("no {kind} is known"))
    }
}

impl Two {
    /// Status and text of an answer, without the number of the request.
    async fn ask(&self, token: &str, query: &str, variables: Value) -> (u16, String) {
        let (status, mut answer) = self.served.post(Some(token), query, variables).await;
        without_request_ids(&mut answer);
        (status, answer.to_string())
    }

    /// What of the other workspace stands in an answer.
    fn leaks(&self, answer: &str) -> Option<String> {
        let lower = answer.to_lowercase();
        let id_in_quotes = |id: &&String| answer.contains(&format!("\"{id}\""));
        let mark = lower.contains(MARK).then(|| MARK.to_owned());
        let atlas = || self.atlas_ids.iter().find(|id| lower.contains(id.as_str())).cloned();
        mark.or_else(atlas).or_else(|| self.foreign.ids.values().flatten().find(id_in_quotes).cloned())
    }
}

fn without_request_ids(answer: &mut Value) {
    for error in answer.get_mut("errors").and_then(Value::as_array_mut).into_iter().flatten() {
        error["extensions"].as_object_mut().unwrap().remove("requestId");
    }
}

/// The same id of something that never was: its kind and instant, another number.
fn ghost_of(id: &str) -> String {
    let text = decoded(id);
    let (kind, rest) = text.split_once(':').unwrap();
    let (raw, at) = rest.split_once('@').map_or((rest, None), |(raw, at)| (raw, Some(at)));
    let raw = match raw.rsplit_once('|') {
        Some((control, _)) => format!("{control}|{GHOST}"),
        None => GHOST.to_string(),
    };
    let at = at.map(|at| format!("@{at}")).unwrap_or_default();
    URL_SAFE_NO_PAD.encode(format!("{kind}:{raw}{at}"))
}

/// The same place in the same list and order, after a row that never was.
fn ghost_of_cursor(cursor: &str) -> String {
    let mut parts: Vec<Value> = serde_json::from_str(&decoded(cursor)).unwrap();
    *parts.last_mut().unwrap() = json!(GHOST);
    URL_SAFE_NO_PAD.encode(json!(parts).to_string())
}

fn decoded(text: &str) -> String {
    String::from_utf8(URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
}

/// Words of 24 hex digits.
fn hex_words(rows: &[String]) -> Vec<String> {
    let words = rows.iter().flat_map(|row| row.split(|character: char| !character.is_ascii_hexdigit()));
    let mut words: Vec<String> = words.filter(|word| word.len() == 24).map(str::to_owned).collect();
    words.sort();
    words.dedup();
    words
}
