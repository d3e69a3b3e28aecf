//! Relay to the letter: every node by its id, every connection from both ends.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use slategate::demo::build::cluster;
use slategate::demo::keys::{HARBOUR_READER, NORTHWIND, READER};

use slategate::store::views::Role;

use crate::on_both_databases;
use crate::support::{World, column, text};

/// A connection of the schema: where it hangs, and what it can be narrowed and ordered by.
struct Connection {
    /// The query around it; `LIST` stands for the field with its arguments.
    around: &'static str,
    field: &'static str,
    /// Kept as they are: filters that some rows pass.
    filters: &'static [&'static str],
    orders: &'static [&'static str],
    has_as_of: bool,
}

const CONNECTIONS: &[Connection] = &[
    Connection { around: "{ LIST }", field: "integrations", filters: &[], orders: &[], has_as_of: false },
    Connection {
        around: "{ LIST }",
        field: "assets",
        filters: &[
            "search: \"a\"",
            "deployment: [DEDICATED, FLEX]",
            "cloud: \"AWS\"",
            "region: \"EU_WEST_1\"",
            "tier: \"M30\"",
            "hasOwner: true",
            "hasDescription: true",
            "userData: [NO_USER_DATA, UNCLASSIFIED]",
            "failing: \"clusters-backed-up\"",
            "includeRemoved: true",
        ],
        orders: &["NAME", "CREATED_AT", "FIRST_SEEN_AT"],
        has_as_of: true,
    },
    Connection {
        around: "{ LIST }",
        field: "accounts",
        filters: &[
            "search: \"o\"",
            "kind: [USER]",
            "status: [ACTIVE]",
            "role: \"GROUP_READ_ONLY\"",
            "flag: [LEAVER, DORMANT, PRIVILEGED]",
            "includeRemoved: true",
        ],
        orders: &["LOGIN", "LAST_AUTHENTICATED_AT", "FIRST_SEEN_AT"],
        has_as_of: true,
    },
    Connection { around: "{ LIST }", field: "projects", filters: &["search: \"e\""], orders: &[], has_as_of: true },
    Connection {
        around: "{ LIST }",
        field: "people",
        filters: &["search: \"a\"", "status: [ACTIVE]"],
        orders: &[],
        has_as_of: false,
    },
    Connection {
        around: "{ LIST }",
        field: "controlResults",
        filters: &["controlKey: \"clusters-backed-up\"", "outcome: [FAIL, UNKNOWN]"],
        orders: &[],
        has_as_of: true,
    },
    Connection {
        around: "{ LIST }",
        field: "syncRuns",
        filters: &["status: [SUCCEEDED, PARTIAL]"],
        orders: &[],
        has_as_of: false,
    },
    Connection {
        around: "{ integrations(first: 1) { nodes { LIST } } }",
        field: "syncRuns",
        filters: &[],
        orders: &[],
        has_as_of: false,
    },
    Connection {
        around: "{ projects(first: 1) { nodes { LIST } } }",
        field: "assets",
        filters: &[],
        orders: &[],
        has_as_of: false,
    },
    Connection {
        around: "{ people(first: 1, filter: { search: \"chidi\" }) { nodes { LIST } } }",
        field: "ownedAssets",
        filters: &[],
        orders: &[],
        has_as_of: false,
    },
    Connection {
        around: "{ people(first: 1, filter: { search: \"ada\" }) { nodes { LIST } } }",
        field: "accounts",
        filters: &[],
        orders: &[],
        has_as_of: false,
    },
    Connection {
        around: "{ controls { LIST } }",
        field: "results",
        filters: &["outcome: [PASS]"],
        orders: &[],
        has_as_of: false,
    },
];

/// One walk through one connection.
#[derive(Debug, Clone)]
struct Walk {
    connection: usize,
    /// Which filters are on, by their bits.
    filters: usize,
    order: Option<(usize, bool)>,
    in_the_past: bool,
    backward: bool,
    sizes: Vec<u32>,
}

fn walks() -> impl Strategy<Value = Walk> {
    let order = prop::option::of((0_usize..3, any::<bool>()));
    let sizes = prop::collection::vec(prop_oneof![1_u32..4, 1_u32..60], 1..6);
    (0..CONNECTIONS.len(), prop::collection::vec(0_usize..16, 0..3), order, any::<bool>(), any::<bool>(), sizes)
        .prop_map(|(connection, filters, order, in_the_past, backward, sizes)| Walk {
            connection,
            filters: filters.into_iter().fold(0, |bits, bit| bits | 1 << bit),
            order,
            in_the_past,
            backward,
            sizes,
        })
}

/// The arguments that stay the same from page to page.
fn standing(walk: &Walk, past: &str) -> String {
    let Connection { filters, orders, has_as_of, .. } = CONNECTIONS[walk.connection];
    let on: Vec<_> =
        filters.iter().enumerate().filter(|(bit, _)| walk.filters >> bit & 1 == 1).map(|(_, on)| *on).collect();
    let mut arguments = String::new();
    if !on.is_empty() {
        write!(arguments, ", filter: {{ {} }}", on.join(", ")).unwrap();
    }
    if let Some((field, ascends)) = walk.order.filter(|_| !orders.is_empty()) {
        let direction = if ascends { "ASC" } else { "DESC" };
        write!(arguments, ", orderBy: {{ field: {}, direction: {direction} }}", orders[field]).unwrap();
    }
    if walk.in_the_past && has_as_of {
        write!(arguments, ", asOf: \"{past}\"").unwrap();
    }
    arguments
}

/// The one page at the end of the way to it.
async fn page(world: &World, connection: &Connection, arguments: &str) -> Value {
    let list = format!(
        "{}({arguments}) {{ totalCount nodes {{ id }} edges {{ cursor node {{ id }} }} \
         pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }}",
        connection.field
    );
    let mut answer = world.ask(&connection.around.replace("LIST", &list)).await;
    loop {
        answer = match answer {
            Value::Object(ref mut members) if members.contains_key("edges") => return answer,
            Value::Object(mut members) => members.values_mut().next().unwrap().take(),
            Value::Array(mut items) => items.remove(0),
            other => panic!("no page in {other}"),
        };
    }
}

fn ids(page: &Value) -> Vec<String> {
    let ids: Vec<String> = page["edges"].as_array().unwrap().iter().map(|edge| text(&edge["node"]["id"])).collect();
    assert_eq!(column(&page["nodes"], "id"), ids);
    ids
}

async fn go(world: &World, walk: &Walk, past: &str) -> usize {
    let connection = &CONNECTIONS[walk.connection];
    let standing = standing(walk, past);
    let whole = page(world, connection, &format!("first: 500{standing}")).await;
    let expected = ids(&whole);
    assert_eq!(whole["totalCount"], expected.len());
    let (size, cursor) = if walk.backward { ("last", "before") } else { ("first", "after") };
    let (mut seen, mut at) = (Vec::new(), None);
    for turn in 0.. {
        let count = walk.sizes[turn % walk.sizes.len()];
        let from = at.as_ref().map(|at| format!(", {cursor}: \"{at}\"")).unwrap_or_default();
        let page = page(world, connection, &format!("{size}: {count}{from}{standing}")).await;
        let some = ids(&page);
        let info = &page["pageInfo"];
        let (more, behind, end) = if walk.backward {
            ("hasPreviousPage", "hasNextPage", "startCursor")
        } else {
            ("hasNextPage", "hasPreviousPage", "endCursor")
        };
        assert_eq!(info["startCursor"], page["edges"][0]["cursor"]);
        assert_eq!(info[behind], turn > 0);
        let has_more = seen.len() + some.len() < expected.len();
        assert_eq!(info[more], has_more, "after {} of {}", seen.len() + some.len(), expected.len());
        assert_eq!(some.len(), Ord::min(count as usize, expected.len() - seen.len()));
        if walk.backward {
            seen.splice(0..0, some);
        } else {
            seen.extend(some);
        }
        if !has_more {
            break;
        }
        at = Some(text(&info[end]));
    }
    assert_eq!(seen, expected);
    expected.len()
}

/// A world with two organizations, several runs, something removed, and an instant before that.
async fn lived(database: &crate::support::Database) -> (World, String) {
    let world = World::demo(database).await;
    world.connect(HARBOUR_READER.public).await.unwrap();
    world.tick();
    assert_eq!(world.sync_due().await, 1);
    world.tick();
    let past = world.now();
    world.tick();
    world.simulator.edit(|estate| {
        let own = estate.iter_mut().find(|own| own.name == NORTHWIND).unwrap();
        own.projects[0].clusters.remove(0);
        own.users.pop();
    });
    for _ in 0..3 {
        world.clock.advance(chrono::TimeDelta::hours(1));
        assert_eq!(world.sync_due().await, 2);
    }
    (world, past)
}

on_both_databases! {
    async fn random_pages_of_every_connection_make_up_the_whole_list(database) {
        let (world, past) = Box::pin(lived(&database)).await;
        let mut runner = TestRunner::deterministic();
        let (mut visited, mut rows) = (BTreeSet::new(), 0);
        for _ in 0..60 {
            let walk = walks().new_tree(&mut runner).unwrap().current();
            println!("{walk:?}");
            let found = go(&world, &walk, &past).await;
            rows += found;
            if found > 1 {
                visited.insert(walk.connection);
            }
        }
        assert!(visited.len() == CONNECTIONS.len() && rows > 500, "{visited:?} {rows}");
    }

    async fn every_kind_of_node_is_found_again_by_its_id_now_and_then(database) {
        let (world, past) = Box::pin(lived(&database)).await;
        world.token(world.workspace, Role::Viewer).await;
        let start = "mutation($id: ID!) { startAccessReview(input: { name: \"Q\", reviewerIds: [$id], dueOn: \"2030-01-01\" }) \
                     { userErrors { code } } }";
        let reviewer = world.ask("{ people(first: 1) { nodes { id } } }").await["people"]["nodes"][0]["id"].clone();
        world.ask_with(start, json!({ "id": reviewer })).await;
        let kinds = world.ask("{ __type(name: \"Node\") { possibleTypes { name } } }").await;
        let kinds: BTreeSet<String> = column(&kinds["__type"]["possibleTypes"], "name").into_iter().collect();
        let some = "__typename id";
        let now = format!(
            "{{ viewer {{ workspace {{ {some} }} }} integrations {{ nodes {{ {some} }} }} syncRuns {{ nodes {{ {some} }} }} \
               projects {{ nodes {{ {some} }} }} assets {{ nodes {{ {some} }} }} accounts {{ nodes {{ {some} }} }} \
               people {{ nodes {{ {some} }} }} controls {{ {some} }} controlResults {{ nodes {{ {some} }} }} \
               auditEvents {{ nodes {{ {some} }} }} apiTokens {{ nodes {{ {some} }} }} \
               accessReviews {{ nodes {{ {some} items {{ nodes {{ {some} }} }} }} }} }}"
        );
        let then = format!(
            "{{ projects(asOf: \"{past}\") {{ nodes {{ {some} integration {{ {some} lastSync {{ {some} }} }} }} }} \
               assets(asOf: \"{past}\") {{ nodes {{ {some} owner {{ {some} }} }} }} accounts(asOf: \"{past}\") {{ nodes {{ {some} }} }} \
               controls(asOf: \"{past}\") {{ {some} }} controlResults(asOf: \"{past}\") {{ nodes {{ {some} }} }} }}"
        );
        let mut of_now = BTreeSet::new();
        for (query, is_past) in [(now, false), (then, true)] {
            let mut named = BTreeMap::new();
            collect(&world.ask(&query).await, &mut named);
            let found: BTreeSet<String> = named.values().cloned().collect();
            let missing: Vec<_> = kinds.difference(&found).collect();
            assert_eq!(missing, if is_past { vec!["AccessReview", "AccessReviewItem", "ApiToken", "AuditEvent", "Workspace"] } else { vec![] });
            let ids: Vec<&String> = named.keys().collect();
            for chunk in ids.chunks(500) {
                let query = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }";
                let answer = world.ask_with(query, json!({ "ids": chunk })).await;
                let expected: Vec<Value> = chunk.iter().map(|id| json!({ "__typename": named[*id], "id": id })).collect();
                assert_eq!(answer["nodes"], json!(expected));
            }
            for (kind, id) in named.iter().map(|(id, kind)| (kind, id)).collect::<BTreeMap<_, _>>() {
                let answer = world.ask_with("query($id: ID!) { node(id: $id) { __typename id } }", json!({ "id": id })).await;
                assert_eq!(answer["node"], json!({ "__typename": kind, "id": id }));
            }
            if is_past {
                assert!(named.keys().all(|id| !of_now.contains(id)), "an id of the past is one of now");
            }
            of_now.extend(named.into_keys());
        }
    }

    async fn nodes_keeps_order_doubles_and_gaps(database) {
        let world = World::synced(&database, READER.public).await;
        let (one, other) = (world.asset("orders").await, world.asset("website").await);
        let query = "query($ids: [ID!]!) { nodes(ids: $ids) { ... on AtlasCluster { name } } }";
        let answer = world.ask_with(query, json!({ "ids": [other, "nonsense", one, "", other] })).await;
        assert_eq!(answer["nodes"], json!([{ "name": "website" }, null, { "name": "orders" }, null, { "name": "website" }]));
        let many: Vec<&str> = vec!["x"; 501];
        assert_eq!(world.refused(query, json!({ "ids": many })).await, "BAD_INPUT");
    }

    async fn a_cursor_is_good_for_its_own_list_only(database) {
        let (world, _) = Box::pin(lived(&database)).await;
        let lists = ["integrations", "assets", "accounts", "projects", "people", "controlResults", "syncRuns"];
        let mut cursors = Vec::new();
        for list in lists {
            let answer = world.ask(&format!("{{ {list}(first: 1) {{ pageInfo {{ endCursor }} }} }}")).await;
            cursors.push((list, text(&answer[list]["pageInfo"]["endCursor"])));
        }
        for list in lists {
            for (of, cursor) in &cursors {
                let query = format!("{{ {list}(first: 1, after: \"{cursor}\") {{ nodes {{ id }} }} }}");
                if *of == list {
                    world.ask(&query).await;
                } else {
                    assert_eq!(world.refused(&query, json!({})).await, "BAD_INPUT", "{of} in {list}");
                }
            }
        }
    }

    async fn what_stays_is_seen_once_whatever_comes_and_goes_between_pages(database) {
        let world = World::synced(&database, READER.public).await;
        let all = |answer: Value| column(&answer["assets"]["nodes"], "name");
        let before: BTreeSet<String> = all(world.ask("{ assets(first: 500) { nodes { name } } }").await).into_iter().collect();
        for (size, cursor, end) in [("first", "after", "endCursor"), ("last", "before", "startCursor")] {
            let query = format!("query($at: String) {{ assets({size}: 6, {cursor}: $at) {{ nodes {{ name }} pageInfo {{ {end} }} }} }}");
            let (mut seen, mut at) = (Vec::new(), json!(null));
            for turn in 0.. {
                let mut answer = world.ask_with(&query, json!({ "at": at })).await;
                at = answer["assets"]["pageInfo"][end].take();
                let names = all(answer);
                if names.is_empty() {
                    break;
                }
                seen.extend(names);
                world.simulator.edit(|estate| {
                    let own = estate.iter_mut().find(|own| own.name == NORTHWIND).unwrap();
                    let id = own.projects[0].id.clone();
                    own.projects[0].clusters.push(cluster(&id, &format!("{}{size}{turn}", (b'a' + turn * 3) as char)).body());
                    own.projects[1].clusters.pop();
                });
                world.next_sync().await;
            }
            let after: BTreeSet<String> = all(world.ask("{ assets(first: 500) { nodes { name } } }").await).into_iter().collect();
            let seen_once: BTreeSet<String> = seen.iter().cloned().collect();
            assert_eq!(seen_once.len(), seen.len(), "{seen:?}");
            let stayed: Vec<_> = before.intersection(&after).collect();
            assert!(stayed.iter().all(|name| seen_once.contains(*name)), "{seen:?}");
        }
    }

    async fn a_count_is_one_statement_and_only_when_it_is_asked_for(database) {
        use std::sync::atomic::Ordering;
        let (world, _) = Box::pin(lived(&database)).await;
        for list in ["integrations", "assets", "accounts", "projects", "people", "controlResults", "syncRuns"] {
            let mut costs = Vec::new();
            for field in ["pageInfo { hasNextPage }", "pageInfo { hasNextPage } totalCount"] {
                let query = format!("{{ {list}(first: 2) {{ {field} nodes {{ id }} }} }}");
                // How the lists were read is known afterwards.
                world.ask(&query).await;
                let before = world.statements.load(Ordering::Relaxed);
                world.ask(&query).await;
                costs.push(world.statements.load(Ordering::Relaxed) - before);
            }
            assert_eq!(costs[1], costs[0] + 1, "{list}");
        }
    }
}

/// Every id in an answer, with the type it stands beside.
fn collect(value: &Value, named: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(members) => {
            if let (Some(kind), Some(id)) = (members.get("__typename"), members.get("id")) {
                named.insert(text(id), text(kind));
            }
            members.values().for_each(|member| collect(member, named));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, named)),
        _ => {}
    }
}
