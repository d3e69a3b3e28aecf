//! Lists: paging both ways in every order, and every filter.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use slategate::demo::build::{cluster, region};
use slategate::demo::keys::{NORTHWIND, READER};

use crate::on_both_databases;
use crate::support::{World, column, text};

async fn assets(world: &World, filter: Value) -> Vec<String> {
    let query = "query($filter: AssetFilter) { assets(first: 500, filter: $filter) { totalCount nodes { name } } }";
    let page = world.ask_with(query, json!({ "filter": filter })).await["assets"].take();
    let names = column(&page["nodes"], "name");
    assert_eq!(page["totalCount"], names.len(), "{filter}");
    names
}

async fn accounts(world: &World, filter: Value) -> Vec<String> {
    let query =
        "query($filter: AccountFilter) { accounts(first: 500, filter: $filter) { totalCount nodes { login } } }";
    let page = world.ask_with(query, json!({ "filter": filter })).await["accounts"].take();
    let logins = column(&page["nodes"], "login");
    assert_eq!(page["totalCount"], logins.len(), "{filter}");
    logins
}

/// Ids of a list, page after page from either end, in the list's order.
async fn walk(world: &World, list: &str, order: &str, backward: bool) -> Vec<String> {
    let (size, cursor) = if backward { ("last", "before") } else { ("first", "after") };
    let order_by = if order.is_empty() { String::new() } else { format!(", orderBy: {order}") };
    let query = format!(
        "query($cursor: String) {{ {list}({size}: 7, {cursor}: $cursor{order_by}) {{ edges {{ cursor node {{ id }} }} \
         pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }}"
    );
    let (mut ids, mut at) = (Vec::new(), json!(null));
    for turn in 0.. {
        let page = world.ask_with(&query, json!({ "cursor": at })).await[list].take();
        let mut some: Vec<String> =
            page["edges"].as_array().unwrap().iter().map(|edge| text(&edge["node"]["id"])).collect();
        let info = &page["pageInfo"];
        assert_eq!(info["startCursor"], page["edges"][0]["cursor"]);
        let (more, behind, next) = if backward {
            (&info["hasPreviousPage"], &info["hasNextPage"], &info["startCursor"])
        } else {
            (&info["hasNextPage"], &info["hasPreviousPage"], &info["endCursor"])
        };
        assert_eq!(behind, turn > 0);
        if backward {
            some.append(&mut ids);
            ids = some;
        } else {
            ids.append(&mut some);
        }
        at = next.clone();
        if more == false {
            break;
        }
        assert!(turn < 100, "the pages do not end");
    }
    ids
}

on_both_databases! {
    async fn paging_visits_everything_once_in_every_order_from_both_ends(database) {
        let world = World::demo(&database).await;
        let lists: [(&str, &[&str], &str, usize); 4] = [
            ("assets", &["NAME", "CREATED_AT", "FIRST_SEEN_AT"], "", 33),
            ("accounts", &["LOGIN", "LAST_AUTHENTICATED_AT", "FIRST_SEEN_AT"], "", 25),
            ("people", &[""], "", 13),
            ("controlResults", &[""], "", 397),
        ];
        for (list, fields, _, total) in lists {
            for field in fields {
                let mut seen = Vec::new();
                for direction in ["ASC", "DESC"] {
                    let order = if field.is_empty() { String::new() } else { format!("{{ field: {field}, direction: {direction} }}") };
                    let forward = walk(&world, list, &order, false).await;
                    let mut distinct = forward.clone();
                    distinct.sort();
                    distinct.dedup();
                    assert_eq!((forward.len(), distinct.len()), (total, total), "{list} {order}");
                    assert_eq!(walk(&world, list, &order, true).await, forward, "{list} {order}");
                    seen.push(forward);
                }
                if !field.is_empty() {
                    seen[1].reverse();
                    assert_eq!(seen[1], seen[0], "{list} {field}");
                }
            }
        }
    }

    async fn an_order_is_the_order_of_its_field(database) {
        let world = World::demo(&database).await;
        let page = world.ask("{ assets(first: 500, orderBy: { field: NAME, direction: DESC }) { nodes { name } } \
                              accounts(first: 500) { nodes { login } } \
                              latest: accounts(first: 500, orderBy: { field: LAST_AUTHENTICATED_AT, direction: DESC }) { nodes { lastAuthenticatedAt } } }").await;
        let names = column(&page["assets"]["nodes"], "name");
        assert!(names.is_sorted_by(|one, other| one >= other), "{names:?}");
        let logins = column(&page["accounts"]["nodes"], "login");
        assert!(logins.is_sorted(), "{logins:?}");
        let instants: Vec<&str> = page["latest"]["nodes"].as_array().unwrap().iter().map(|node| node["lastAuthenticatedAt"].as_str().unwrap_or_default()).collect();
        assert!(instants.is_sorted_by(|one, other| one >= other), "{instants:?}");
    }

    async fn an_item_that_appears_between_pages_disturbs_no_other(database) {
        let world = World::synced(&database, READER.public).await;
        let query = "query($after: String) { assets(first: 10, after: $after) { nodes { name } pageInfo { endCursor } } }";
        let first = world.ask_with(query, json!({})).await["assets"].take();
        world.simulator.edit(|estate| {
            let own = estate.iter_mut().find(|own| own.name == NORTHWIND).unwrap();
            let id = own.projects[0].id.clone();
            own.projects[0].clusters.push(cluster(&id, "aaa").body());
        });
        world.next_sync().await;
        let second = world.ask_with(query, json!({ "after": first["pageInfo"]["endCursor"] })).await["assets"].take();
        let (first, second) = (column(&first["nodes"], "name"), column(&second["nodes"], "name"));
        assert!(first.last().unwrap() < second.first().unwrap());
        assert!(!second.iter().any(|name| first.contains(name)));
    }

    async fn a_page_that_cannot_be_is_bad_input(database) {
        let world = World::demo(&database).await;
        let page = world.ask("{ assets(first: 1) { pageInfo { endCursor } } people(first: 1) { pageInfo { endCursor } } }").await;
        let (own, foreign) = (text(&page["assets"]["pageInfo"]["endCursor"]), text(&page["people"]["pageInfo"]["endCursor"]));
        let forged = URL_SAFE_NO_PAD.encode(r#"["assets","NAME ASC",7]"#);
        let typed = URL_SAFE_NO_PAD.encode(r#"["assets","NAME ASC",7,1]"#);
        let cases = [
            "first: 501".to_owned(),
            "last: 501".to_owned(),
            "first: -1".to_owned(),
            "last: -1".to_owned(),
            "first: 1, last: 1".to_owned(),
            "after: \"x\"".to_owned(),
            format!("after: \"{foreign}\""),
            format!("before: \"{forged}\""),
            format!("after: \"{typed}\""),
            format!("after: \"{own}\", orderBy: {{ field: CREATED_AT, direction: ASC }}"),
        ];
        for arguments in cases {
            let query = format!("{{ assets({arguments}) {{ nodes {{ id }} }} }}");
            assert_eq!(world.refused(&query, json!({})).await, "BAD_INPUT", "{arguments}");
        }
        let fine = world.ask(&format!("{{ assets(first: 500, after: \"{own}\") {{ nodes {{ id }} }} none: assets(first: 0) {{ totalCount nodes {{ id }} }} }}")).await;
        assert_eq!(fine["assets"]["nodes"].as_array().unwrap().len(), 32);
        assert_eq!(fine["none"], json!({ "totalCount": 33, "nodes": [] }));
    }

    async fn a_search_takes_every_character_as_it_is(database) {
        let world = World::new(&database).await;
        world.simulator.edit(|estate| {
            let own = estate.iter_mut().find(|own| own.name == NORTHWIND).unwrap();
            let id = own.projects[0].id.clone();
            for name in ["100%", "a_b", "axb", "O'Neil \"the\" 2nd", "back\\slash", "GRÖSSE"] {
                own.projects[0].clusters.push(cluster(&id, name).regions(&[region("AWS", "EU_WEST_1", "M10")]).body());
            }
        });
        world.connect(READER.public).await.unwrap();
        assert_eq!(world.sync_due().await, 1);
        let cases = [
            ("%", vec!["100%"]), ("_", vec!["a_b"]), ("A_B", vec!["a_b"]), ("'", vec!["O'Neil \"the\" 2nd"]),
            ("\"THE\"", vec!["O'Neil \"the\" 2nd"]), ("\\", vec!["back\\slash"]), ("grösse", vec!["GRÖSSE"]),
            ("' OR 1=1 --", vec![]), ("FLEET-co", vec!["fleet-commands", "fleet-core"]),
        ];
        for (search, expected) in cases {
            assert_eq!(assets(&world, json!({ "search": search })).await, expected, "{search}");
        }
        assert_eq!(assets(&world, json!({ "search": "" })).await.len(), 39);
    }

    async fn assets_are_found_by_what_they_are(database) {
        let world = World::demo(&database).await;
        let (lab, chidi) = (world.project("Research Lab").await, world.person("chidi.okafor@northwind-robotics.example").await);
        let lab_all = vec!["lab-bench", "lab-flex", "lab-mystery", "lab-notebook", "lab-scratch", "lab-vision"];
        let cases = [
            (json!({ "projectId": lab }), lab_all.clone()),
            (json!({ "deployment": ["SHARED"] }), vec!["lab-bench", "lab-notebook"]),
            (json!({ "deployment": ["FLEX"] }), vec!["lab-flex", "lab-mystery", "lab-scratch"]),
            (json!({ "deployment": [] }), vec![]),
            (json!({ "cloud": "GCP" }), vec!["fleet-archive", "fleet-global", "lab-vision", "orders"]),
            (json!({ "cloud": "AZURE" }), vec!["fleet-global", "fleet-maps", "telemetry-hot"]),
            (json!({ "cloud": "gcp" }), vec![]),
            (json!({ "region": "EU_WEST_3" }), vec!["website"]),
            (json!({ "tier": "M200" }), vec!["orders"]),
            (json!({ "tier": "M2" }), vec![]),
            (json!({ "tier": "M10" }), vec!["loyalty", "website"]),
            (json!({ "ownerId": chidi }), vec!["fleet-commands", "invoices", "lab-flex", "pricing", "telemetry-edge", "telemetry-next"]),
            (json!({ "hasOwner": false }), vec!["fleet-reports", "lab-scratch", "loyalty", "orders"]),
            (json!({ "hasDescription": false }), vec!["carts", "fleet-commands", "lab-scratch"]),
            (json!({ "userData": ["UNCLASSIFIED"] }), vec!["fleet-geo", "lab-mystery", "lab-notebook", "lab-scratch", "orders-eu"]),
            (json!({ "failing": "clusters-replicated" }), vec!["fleet-commands", "loyalty"]),
            (json!({ "failing": "no-such-control" }), vec![]),
            (json!({ "failing": "clusters-backed-up", "projectId": lab }), vec!["lab-notebook", "lab-scratch"]),
            (json!({ "search": "lab", "deployment": ["DEDICATED"], "hasOwner": true, "cloud": "GCP" }), vec!["lab-vision"]),
            (json!({ "projectId": "nonsense" }), vec![]),
        ];
        for (filter, expected) in cases {
            assert_eq!(assets(&world, filter.clone()).await, expected, "{filter}");
        }
        let with = |filter: Value| assets(&world, filter);
        assert_eq!(with(json!({ "hasOwner": true })).await.len(), 29);
        assert_eq!(with(json!({ "hasDescription": true })).await.len(), 30);
        assert_eq!(with(json!({ "userData": ["CONTAINS_USER_DATA", "NO_USER_DATA"] })).await.len(), 28);
        assert_eq!(with(json!({ "integrationId": world.integration().await })).await.len(), 33);

        world.simulator.edit(|estate| {
            let own = estate.iter_mut().find(|own| own.name == NORTHWIND).unwrap();
            own.projects[4].clusters.remove(0);
        });
        world.next_sync().await;
        assert_eq!(with(json!({ "search": "website" })).await, ["website-vault"]);
        assert_eq!(with(json!({ "search": "website", "includeRemoved": true })).await, ["website", "website-vault"]);
        assert_eq!(with(json!({ "includeRemoved": true })).await.len(), 33);
    }

    async fn accounts_are_found_by_what_they_may_do_and_whose_they_are(database) {
        let world = World::demo(&database).await;
        let (fleet, ada) = (world.project("Fleet Platform").await, world.person("ada.lindqvist@northwind-robotics.example").await);
        let at = |login: &str| format!("{login}@northwind-robotics.example");
        let mut privileged = accounts(&world, json!({ "flag": ["PRIVILEGED"] })).await;
        assert!(privileged.contains(&"nwwriter".to_owned()) && privileged.contains(&at("ada.lindqvist")), "{privileged:?}");
        assert!(!privileged.contains(&"nwreader".to_owned()) && !privileged.contains(&at("bruno.castellano")), "{privileged:?}");
        let pending = vec![at("goran.petrov"), at("liam.byrne"), at("trainee")];
        let cases = [
            (json!({ "kind": ["API_KEY"] }), vec!["nwmember", "nwpartly", "nwreader", "nwwriter"].into_iter().map(str::to_owned).collect()),
            (json!({ "status": ["PENDING"] }), pending.clone()),
            (json!({ "flag": ["PENDING_INVITATION"] }), pending),
            (json!({ "flag": ["LEAVER"] }), vec![at("dana.whitfield"), at("emil.novak"), at("goran.petrov")]),
            (json!({ "flag": ["NEVER_AUTHENTICATED"] }), vec![at("build-bot"), at("jonas.weber")]),
            (json!({ "flag": ["LEAVER", "NEVER_AUTHENTICATED"] }), vec![at("build-bot"), at("dana.whitfield"), at("emil.novak"), at("goran.petrov"), at("jonas.weber")]),
            (json!({ "flag": [] }), vec![]),
            (json!({ "personId": ada }), vec![at("ada.lindqvist"), "nwwriter".to_owned()]),
            (json!({ "role": "ORG_BILLING_READ_ONLY" }), vec![at("jonas.weber")]),
            (json!({ "role": "GROUP_OWNER", "projectId": fleet }), vec![at("chidi.okafor")]),
            (json!({ "role": "group_owner" }), vec![]),
            (json!({ "search": "SATO" }), vec!["hana@sato-consulting.example".to_owned()]),
        ];
        for (filter, expected) in cases {
            assert_eq!(accounts(&world, filter.clone()).await, expected, "{filter}");
        }
        privileged.sort();
        let query = "{ accounts(first: 500) { nodes { login privileged flags } } }";
        let all = world.ask(query).await["accounts"]["nodes"].take();
        for flag in ["UNASSIGNED", "LEAVER", "PENDING_INVITATION", "NEVER_AUTHENTICATED", "DORMANT", "PRIVILEGED"] {
            let flagged = all.as_array().unwrap().iter().filter(|node| node["flags"].as_array().unwrap().contains(&json!(flag)));
            let flagged: Vec<String> = flagged.map(|node| text(&node["login"])).collect();
            assert_eq!(accounts(&world, json!({ "flag": [flag] })).await, flagged, "{flag}");
        }
    }

    async fn results_people_and_controls_are_found_by_their_filters(database) {
        let world = World::demo(&database).await;
        let query = "query($filter: ControlResultFilter) { controlResults(filter: $filter) { totalCount } }";
        let count = async |filter: Value| world.ask_with(query, json!({ "filter": filter })).await["controlResults"]["totalCount"].as_i64().unwrap();
        let asset = world.asset("lab-notebook").await;
        assert_eq!(count(json!({ "subjectId": asset })).await, 9);
        assert_eq!(count(json!({ "subjectId": asset, "outcome": ["FAIL"] })).await, 4);
        assert_eq!(count(json!({ "subjectId": asset, "outcome": ["FAIL", "NOT_APPLICABLE"] })).await, 6);
        assert_eq!(count(json!({ "outcome": [] })).await, 0);
        assert_eq!(count(json!({ "controlKey": "accounts-associated-with-users" })).await, 25);
        let answer = world.ask("{ people(filter: { status: [LEFT] }) { nodes { email } } two: people(filter: { search: \"PLATFORM@\" }) { nodes { fullName } } \
                                critical: controls(filter: { severity: [CRITICAL] }) { key } none: controls(filter: { status: [PASSING] }) { key } \
                                projects(filter: { search: \"LAB\" }) { nodes { name clusterCount } } }").await;
        let left = ["dana.whitfield", "goran.petrov", "mira.patel"].map(|name| format!("{name}@northwind-robotics.example"));
        assert_eq!(column(&answer["people"]["nodes"], "email"), left);
        assert_eq!(column(&answer["two"]["nodes"], "fullName"), ["Isabel Moreau", "Jonas Weber"]);
        assert_eq!(column(&answer["critical"], "key"), ["accounts-deprovisioned-when-personnel-leave", "clusters-encrypted"]);
        assert_eq!(answer["none"], json!([]));
        assert_eq!(answer["projects"]["nodes"], json!([{ "name": "Research Lab", "clusterCount": 6 }]));
    }
}
