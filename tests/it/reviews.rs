//! Access reviews, from the frozen population to what later syncs see of decisions.

use chrono::TimeDelta;
use serde_json::{Value, json};
use slategate::demo::keys::HARBOUR_READER;
use slategate::demo::model::Organization;
use slategate::store::views::{CallerPerson, Role};

use crate::on_both_databases;
use crate::support::{World, text};

const OLGA: &str = "harbourmaster@contoso-harbour.example";
const PIET: &str = "pilot.one@contoso-harbour.example";
const INES: &str = "pilot.two@contoso-harbour.example";
const LEDGER: &str = "ledger@contoso-harbour.example";
const REVIEWED: &str = "access-reviews-completed-on-time";
const DORMANT: &str = "no-dormant-privileged-accounts";

/// Somebody who calls: a role, and who it is.
struct Caller(Role, CallerPerson);

fn by_mail(role: Role, address: &str) -> Caller {
    Caller(role, CallerPerson::Address(address.to_owned()))
}

fn admin() -> Caller {
    Caller(Role::Admin, CallerPerson::Nobody)
}

async fn say(world: &World, caller: Caller, query: &str, variables: Value) -> Value {
    let Caller(role, person) = caller;
    let mut answer = world.query_as(world.workspace, role, person, query, variables).await;
    assert_eq!(answer.get("errors"), None, "{query}");
    world.tick();
    answer["data"].take()
}

/// The synced harbour with two people on record, who review.
async fn harbour(database: &crate::support::Database) -> World {
    let world = World::synced(database, HARBOUR_READER.public).await;
    for (email, name) in [(OLGA, "Olga Brandt"), (PIET, "Piet de Vries")] {
        world.upsert_person(json!({ "email": email, "fullName": name })).await;
        world.tick();
    }
    world
}

async fn start(world: &World, filter: Value, due_on: &str) -> Value {
    let query = "mutation($input: StartAccessReviewInput!) { startAccessReview(input: $input) { accessReview { id } \
                 userErrors { code message field } } }";
    let reviewers = [world.person(OLGA).await, world.person(PIET).await];
    let input = json!({ "name": "Quarter", "filter": filter, "reviewerIds": reviewers, "dueOn": due_on });
    let answer = say(world, admin(), query, json!({ "input": input })).await;
    assert_eq!(answer["startAccessReview"]["userErrors"], json!([]));
    answer["startAccessReview"]["accessReview"]["id"].clone()
}

const REVIEW: &str = "query($id: ID!) { node(id: $id) { ... on AccessReview { status overdue closeReason endedAt \
    progress { items undecided kept revoked changed remediated } items(first: 500) { totalCount nodes { id login change \
    decision comment reviewer { email } reviewedPerson { email fullName } flags privileged \
    grants { role via team projectName } addedGrants { role } removedGrants { role } \
    remediation { status remediatedAt overdue } decisions { decision comment decidedBy } } } } } }";

async fn review(world: &World, id: &Value) -> Value {
    world.ask_with(REVIEW, json!({ "id": id })).await["node"].take()
}

async fn item(world: &World, id: &Value, login: &str) -> Value {
    let review = review(world, id).await;
    let nodes = review["items"]["nodes"].as_array().unwrap();
    nodes.iter().find(|node| node["login"] == login).unwrap_or_else(|| panic!("{login} is not under review")).clone()
}

const DECIDE: &str = "mutation($input: DecideAccessReviewItemsInput!) { decideAccessReviewItems(input: $input) { decided \
    accessReview { progress { undecided } } userErrors { code message remedy field } } }";

async fn decide(world: &World, caller: Caller, input: Value) -> Value {
    say(world, caller, DECIDE, json!({ "input": input })).await["decideAccessReviewItems"].take()
}

/// Decides on one login's item; how it was refused, if it was.
async fn decide_on(
    world: &World,
    caller: Caller,
    id: &Value,
    login: &str,
    decision: &str,
    comment: Option<&str>,
) -> String {
    let item = item(world, id, login).await["id"].clone();
    let input = json!({ "accessReviewId": id, "itemIds": [item], "decision": decision, "comment": comment });
    let answer = decide(world, caller, input).await;
    match answer["userErrors"].as_array().unwrap().first() {
        None => {
            assert_eq!(answer["decided"], 1);
            String::new()
        }
        Some(error) => text(&error["code"]),
    }
}

async fn complete(world: &World, caller: Caller, id: &Value, reason: Option<&str>) -> Value {
    let query = "mutation($input: CompleteAccessReviewInput!) { completeAccessReview(input: $input) { accessReview { status } \
                 userErrors { code message } } }";
    let input = json!({ "accessReviewId": id, "closeReason": reason });
    say(world, caller, query, json!({ "input": input })).await["completeAccessReview"].take()
}

async fn keep_the_rest(world: &World, id: &Value) {
    let input = json!({ "accessReviewId": id, "filter": { "decided": false }, "decision": "KEEP" });
    decide(world, admin(), input).await;
}

fn contoso(world: &World, change: impl FnOnce(&mut Organization)) {
    world.simulator.edit(|estate| {
        change(estate.iter_mut().find(|own| own.name == HARBOUR_READER.organization).unwrap());
    });
}

fn fire(world: &World, login: &str) {
    contoso(world, |own| own.users.retain(|user| user["username"] != login));
}

on_both_databases! {
    async fn a_review_freezes_what_it_is_about(database) {
        let world = harbour(&database).await;
        let id = start(&world, json!({}), "2026-11-30").await;
        let frozen = review(&world, &id).await;
        assert_eq!(frozen["status"], "OPEN");
        assert_eq!(frozen["progress"], json!({ "items": 6, "undecided": 6, "kept": 0, "revoked": 0, "changed": 0, "remediated": 0 }));
        let piet = item(&world, &id, PIET).await;
        assert_eq!(piet["change"], "NEW");
        assert_eq!(piet["reviewedPerson"], json!({ "email": PIET, "fullName": "Piet de Vries" }));
        assert!(piet["grants"].as_array().unwrap().contains(
            &json!({ "role": "GROUP_READ_ONLY", "via": "TEAM", "team": "Pilots", "projectName": "Berths" })));
        assert_eq!(item(&world, &id, INES).await["flags"], json!(["UNASSIGNED", "NEVER_AUTHENTICATED"]));

        fire(&world, LEDGER);
        contoso(&world, |own| own.users[1]["teamIds"] = json!([]));
        world.next_sync().await;
        world.upsert_person(json!({ "email": PIET, "fullName": "Renamed" })).await;
        assert_eq!(review(&world, &id).await["items"], frozen["items"]);

        let then = world.ask_with("query($id: ID!) { node(id: $id) { ... on AccessReviewItem { account { login \
            grants { team } removedAt } accessReview { name scope startedBy dueOn reviewers { email } } } } }",
            json!({ "id": piet["id"] })).await;
        assert_eq!(then["node"]["account"]["removedAt"], Value::Null);
        assert!(then["node"]["account"]["grants"].as_array().unwrap().contains(&json!({ "team": "Pilots" })));
        assert_eq!(then["node"]["accessReview"], json!({ "name": "Quarter", "scope": "{\"includeRemoved\":false}",
            "startedBy": "test", "dueOn": "2026-11-30", "reviewers": [{ "email": OLGA }, { "email": PIET }] }));
    }

    async fn items_are_split_and_nobody_decides_on_the_own_one(database) {
        let world = harbour(&database).await;
        let id = start(&world, json!({ "kind": ["USER"] }), "2026-11-30").await;
        let all = review(&world, &id).await;
        let nodes = all["items"]["nodes"].as_array().unwrap();
        let of = |email: &str| nodes.iter().filter(|node| node["reviewer"]["email"] == email).count();
        assert_eq!((of(OLGA) + of(PIET), of(OLGA).abs_diff(of(PIET)) < 2), (nodes.len(), true));
        assert_eq!(item(&world, &id, OLGA).await["reviewer"]["email"], PIET);

        let theirs = |reviewer: &str| nodes.iter().find(|node| {
            node["reviewer"]["email"] == reviewer && node["login"] != OLGA && node["login"] != PIET
        }).map(|node| text(&node["login"])).unwrap();
        let analyst = |address| by_mail(Role::Analyst, address);
        assert_eq!(decide_on(&world, analyst(OLGA), &id, OLGA, "KEEP", None).await, "FORBIDDEN");
        assert_eq!(decide_on(&world, by_mail(Role::Admin, OLGA), &id, OLGA, "KEEP", None).await, "FORBIDDEN");
        assert_eq!(decide_on(&world, analyst(OLGA), &id, &theirs(PIET), "KEEP", None).await, "FORBIDDEN");
        assert_eq!(decide_on(&world, Caller(Role::Analyst, CallerPerson::Nobody), &id, &theirs(OLGA), "KEEP", None).await, "FORBIDDEN");
        assert_eq!(decide_on(&world, analyst(OLGA), &id, &theirs(OLGA), "KEEP", None).await, "");
        assert_eq!(decide_on(&world, analyst(PIET), &id, OLGA, "KEEP", None).await, "");
        assert_eq!(decide_on(&world, admin(), &id, &theirs(PIET), "KEEP", None).await, "");

        // Whose it has become since counts as well.
        let ledger = world.account(LEDGER).await;
        world.link_account(json!({ "accountId": ledger, "personId": world.person(OLGA).await })).await;
        world.tick();
        assert_eq!(decide_on(&world, by_mail(Role::Admin, OLGA), &id, LEDGER, "KEEP", None).await, "FORBIDDEN");

        let give = "mutation($input: ReassignAccessReviewItemsInput!) { reassignAccessReviewItems(input: $input) { reassigned \
                    userErrors { code } } }";
        let piets = item(&world, &id, PIET).await["id"].clone();
        let to = async |email: &str| json!({ "input": { "accessReviewId": id, "itemIds": [piets], "reviewerId": world.person(email).await } });
        let refused = say(&world, admin(), give, to(PIET).await).await;
        assert_eq!(refused["reassignAccessReviewItems"]["userErrors"][0]["code"], "FORBIDDEN");
        let given = say(&world, admin(), give, to(OLGA).await).await;
        assert_eq!(given["reassignAccessReviewItems"], json!({ "reassigned": 1, "userErrors": [] }));
        assert_eq!(decide_on(&world, analyst(OLGA), &id, PIET, "KEEP", None).await, "");
    }

    async fn a_decision_that_needs_work_needs_words(database) {
        let world = harbour(&database).await;
        let id = start(&world, json!({}), "2026-11-30").await;
        for decision in ["REVOKE", "CHANGE"] {
            assert_eq!(decide_on(&world, admin(), &id, INES, decision, None).await, "INVALID");
            assert_eq!(decide_on(&world, admin(), &id, INES, decision, Some("  \n")).await, "INVALID");
        }
        assert_eq!(decide_on(&world, admin(), &id, INES, "REVOKE", Some(&"x".repeat(4_001))).await, "INVALID");
        assert_eq!(decide_on(&world, admin(), &id, INES, "REVOKE", Some("Never used")).await, "");
        assert_eq!(decide_on(&world, admin(), &id, INES, "KEEP", None).await, "");
        let ines = item(&world, &id, INES).await;
        assert_eq!((&ines["decision"], &ines["comment"], &ines["remediation"]), (&json!("KEEP"), &Value::Null, &Value::Null));
        assert_eq!(ines["decisions"], json!([
            { "decision": "REVOKE", "comment": "Never used", "decidedBy": "test" },
            { "decision": "KEEP", "comment": null, "decidedBy": "test" },
        ]));
        let guarded = world.try_execute("UPDATE access_review_decision SET decision = 'KEEP'").await;
        assert!(guarded.unwrap_err().to_string().contains("decisions of access reviews stay"));
    }

    async fn many_are_decided_at_once_or_none(database) {
        let world = harbour(&database).await;
        let id = start(&world, json!({ "kind": ["USER"] }), "2026-11-30").await;
        let nodes = review(&world, &id).await["items"]["nodes"].take();
        let ids: Vec<&Value> = nodes.as_array().unwrap().iter().map(|node| &node["id"]).collect();
        let all = json!({ "accessReviewId": id, "itemIds": ids, "decision": "KEEP" });
        let refused = decide(&world, by_mail(Role::Admin, OLGA), all.clone()).await;
        assert_eq!((&refused["decided"], refused["userErrors"].as_array().unwrap().len()), (&json!(0), 1));
        assert_eq!(refused["userErrors"][0]["message"], format!("{OLGA} is the reviewer's own account."));
        assert_eq!(review(&world, &id).await["progress"]["undecided"], 5);

        let fitting = json!({ "accessReviewId": id, "filter": { "privileged": false }, "decision": "KEEP" });
        let mine = decide(&world, by_mail(Role::Analyst, PIET), fitting.clone()).await;
        assert_eq!(mine["userErrors"], json!([]));
        let both = json!({ "accessReviewId": id, "itemIds": ids, "filter": {}, "decision": "KEEP" });
        assert_eq!(decide(&world, admin(), both).await["userErrors"][0]["code"], "INVALID");
        assert_eq!(decide(&world, admin(), all).await["decided"], 5);
        let foreign = start(&world, json!({ "kind": ["API_KEY"] }), "2026-11-30").await;
        let stranger = json!({ "accessReviewId": foreign, "itemIds": [ids[0]], "decision": "KEEP" });
        assert_eq!(decide(&world, admin(), stranger).await["userErrors"][0]["code"], "NOT_FOUND");
    }

    async fn a_review_ends_when_all_is_decided_or_for_a_reason(database) {
        let world = harbour(&database).await;
        let id = start(&world, json!({}), "2026-11-30").await;
        assert_eq!(decide_on(&world, admin(), &id, INES, "REVOKE", Some("Never used")).await, "");
        let refused = complete(&world, admin(), &id, None).await;
        assert_eq!(refused["userErrors"][0], json!({ "code": "CONFLICT", "message": "5 items are not decided yet." }));
        let analyst = by_mail(Role::Analyst, PIET);
        assert_eq!(complete(&world, analyst, &id, Some("Time is up")).await["userErrors"][0]["code"], "FORBIDDEN");
        let closed = complete(&world, admin(), &id, Some("Time is up")).await;
        assert_eq!(closed, json!({ "accessReview": { "status": "CLOSED" }, "userErrors": [] }));
        assert_eq!(review(&world, &id).await["closeReason"], "Time is up");
        assert_eq!(decide_on(&world, admin(), &id, INES, "KEEP", None).await, "CONFLICT");
        assert_eq!(complete(&world, admin(), &id, None).await["userErrors"][0]["code"], "CONFLICT");

        let second = start(&world, json!({}), "2026-11-30").await;
        keep_the_rest(&world, &second).await;
        let done = complete(&world, by_mail(Role::Analyst, PIET), &second, None).await;
        assert_eq!(done, json!({ "accessReview": { "status": "COMPLETED" }, "userErrors": [] }));
        let open = world.ask("{ accessReviews(filter: { status: [COMPLETED] }) { totalCount nodes { id } } }").await;
        assert_eq!(open["accessReviews"], json!({ "totalCount": 1, "nodes": [{ "id": second }] }));
    }

    async fn what_cannot_be_started_says_why(database) {
        let world = harbour(&database).await;
        world.upsert_person(json!({ "email": "gone@x.org", "fullName": "Gone", "status": "LEFT" })).await;
        let (olga, gone) = (world.person(OLGA).await, world.person("gone@x.org").await);
        let account = world.account(OLGA).await;
        let query = "mutation($input: StartAccessReviewInput!) { startAccessReview(input: $input) { userErrors { code field } } }";
        let good = json!({ "name": "Q", "reviewerIds": [olga], "dueOn": "2026-11-30" });
        for (field, value, code) in [
            ("name", json!("  "), "INVALID"),
            ("name", json!("x".repeat(201)), "INVALID"),
            ("reviewerIds", json!([]), "INVALID"),
            ("reviewerIds", json!([olga, olga]), "INVALID"),
            ("reviewerIds", json!([gone]), "INVALID"),
            ("reviewerIds", json!([account]), "INVALID"),
            ("dueOn", json!("2026-11-01"), "INVALID"),
            ("filter", json!({ "search": "nobody at all" }), "INVALID"),
        ] {
            let mut input = good.clone();
            input[field] = value;
            let answer = say(&world, admin(), query, json!({ "input": input })).await;
            let expected = json!([{ "code": code, "field": ["input", field] }]);
            assert_eq!(answer["startAccessReview"]["userErrors"], expected, "{input}");
        }
        let answer = say(&world, admin(), query, json!({ "input": good })).await;
        assert_eq!(answer["startAccessReview"]["userErrors"], json!([]), "the day itself is still on time");
    }

    async fn a_sync_sees_whether_access_is_really_gone(database) {
        let world = harbour(&database).await;
        let id = start(&world, json!({ "kind": ["USER"] }), "2026-11-03").await;
        decide_on(&world, admin(), &id, INES, "REVOKE", Some("Never used")).await;
        decide_on(&world, admin(), &id, LEDGER, "CHANGE", Some("Read only is enough")).await;
        keep_the_rest(&world, &id).await;
        complete(&world, admin(), &id, None).await;
        let open = json!({ "status": "OPEN", "remediatedAt": null, "overdue": false });
        assert_eq!(item(&world, &id, INES).await["remediation"], open);
        world.next_sync().await;
        assert_eq!(item(&world, &id, INES).await["remediation"], open);
        assert_eq!(item(&world, &id, OLGA).await["remediation"], Value::Null);

        // A list that could not be read is no evidence of anything.
        contoso(&world, |own| own.users.retain(|user| user["username"] != INES));
        world.clock.advance(TimeDelta::days(2));
        assert_eq!(item(&world, &id, INES).await["remediation"]["overdue"], json!(true));
        world.next_sync().await;
        let seen = item(&world, &id, INES).await["remediation"].clone();
        assert_eq!(seen, json!({ "status": "REMEDIATED", "remediatedAt": world.now(), "overdue": false }));
        assert_eq!(item(&world, &id, LEDGER).await["remediation"]["status"], "OPEN");

        contoso(&world, |own| {
            let ledger = own.users.iter_mut().find(|user| user["username"] == LEDGER).unwrap();
            ledger["roles"]["groupRoleAssignments"] = json!([]);
        });
        world.next_sync().await;
        assert_eq!(item(&world, &id, LEDGER).await["remediation"]["status"], "REMEDIATED");
        assert_eq!(item(&world, &id, INES).await["remediation"], seen, "the first instant stays");
        let progress = review(&world, &id).await["progress"].clone();
        assert_eq!((&progress["revoked"], &progress["changed"], &progress["remediated"]), (&json!(1), &json!(1), &json!(2)));
    }

    async fn a_disconnect_is_no_revocation(database) {
        let world = harbour(&database).await;
        let id = start(&world, json!({ "kind": ["USER"] }), "2026-11-30").await;
        decide_on(&world, admin(), &id, INES, "REVOKE", Some("Never used")).await;
        let query = "mutation($id: ID!) { disconnectIntegration(input: { integrationId: $id }) { userErrors { code } } }";
        world.ask_with(query, json!({ "id": world.integration().await })).await;
        world.tick();
        assert_eq!(item(&world, &id, INES).await["remediation"]["status"], "OPEN");
        world.connect(HARBOUR_READER.public).await.unwrap();
        world.tick();
        world.sync_due().await;
        assert_eq!(item(&world, &id, INES).await["remediation"]["status"], "OPEN");

        fire(&world, INES);
        world.next_sync().await;
        assert_eq!(item(&world, &id, INES).await["remediation"]["status"], "REMEDIATED");
        contoso(&world, |own| {
            let back = own.users[1].clone();
            own.users.push(back);
            let last = own.users.last_mut().unwrap();
            last["username"] = json!(INES);
            last["id"] = json!("6a793f752c88faeba59bba77");
        });
        world.next_sync().await;
        assert_eq!(item(&world, &id, INES).await["remediation"]["status"], "OPEN", "it is back");
    }

    async fn a_removal_that_was_withheld_is_remediated_once_confirmed(database) {
        let world = World::demo(&database).await;
        let query = "mutation($id: ID!) { startAccessReview(input: { name: \"Q\", reviewerIds: [$id], dueOn: \"2030-01-01\" }) \
                     { accessReview { id } } }";
        let reviewer = world.person("ada.lindqvist@northwind-robotics.example").await;
        let id = world.ask_with(query, json!({ "id": reviewer })).await["startAccessReview"]["accessReview"]["id"].clone();
        world.tick();
        let pilot = "pilot@northwind-robotics.example";
        assert_eq!(decide_on(&world, admin(), &id, pilot, "REVOKE", Some("Unknown role")).await, "");
        world.simulator.edit(|estate| estate[0].users.truncate(2));
        world.next_sync().await;
        assert_eq!(item(&world, &id, pilot).await["remediation"]["status"], "OPEN");
        let held = world.ask("{ integrations { nodes { id heldSync { id } } } }").await;
        let held = &held["integrations"]["nodes"][0];
        let query = "mutation($input: ConfirmHeldSyncInput!) { confirmHeldSync(input: $input) { userErrors { code } } }";
        let input = json!({ "integrationId": held["id"], "syncRunId": held["heldSync"]["id"] });
        assert_eq!(world.ask_with(query, json!({ "input": input })).await["confirmHeldSync"]["userErrors"], json!([]));
        assert_eq!(item(&world, &id, pilot).await["remediation"]["status"], "REMEDIATED");
    }

    async fn lists_of_reviews_cost_the_same_for_many(database) {
        let world = harbour(&database).await;
        let query = "{ accessReviews { nodes { id reviewers { email } progress { items } items(first: 3) { totalCount nodes { login \
                     reviewer { email } account { login } decisions { decision } } } } } }";
        start(&world, json!({}), "2026-11-30").await;
        let one = world.statements_of(query, json!({})).await.len();
        for _ in 0..4 {
            start(&world, json!({ "kind": ["USER"] }), "2026-11-30").await;
        }
        // An account as of another start is another moment, and costs its own statement.
        let plain = query.replace("account { login }", "");
        let many = world.statements_of(&plain, json!({})).await.len();
        assert!(many <= one, "{many} statements for five reviews, {one} for one");
    }

    async fn the_controls_judge_the_reviews(database) {
        let world = harbour(&database).await;
        let ines = world.account(INES).await;
        assert_eq!(world.verdict(&ines, REVIEWED).await.0, "NOT_APPLICABLE REVIEW_NOT_DUE");
        let origin = world.ask("{ core: controls(filter: { origin: CORE }) { key } added: controls(filter: { origin: EXTENDED }) { key } }").await;
        assert_eq!((origin["core"].as_array().unwrap().len(), &origin["added"]), (11, &json!([{ "key": REVIEWED }, { "key": DORMANT }])));

        world.clock.advance(TimeDelta::days(100));
        world.sync_due().await;
        assert_eq!(world.verdict(&ines, REVIEWED).await.0, "FAIL NEVER_REVIEWED");
        let id = start(&world, json!({ "kind": ["USER"] }), "2027-02-20").await;
        keep_the_rest(&world, &id).await;
        assert_eq!(world.verdict(&ines, REVIEWED).await.0, "FAIL NEVER_REVIEWED");
        complete(&world, admin(), &id, None).await;
        world.next_sync().await;
        let (verdict, since) = world.verdict(&ines, REVIEWED).await;
        assert_eq!(verdict, "PASS REVIEWED");
        world.clock.advance(TimeDelta::days(100));
        assert_eq!(world.verdict(&ines, REVIEWED).await.0, "UNKNOWN STALE_EVIDENCE");
        world.sync_due().await;
        let missed = world.verdict(&ines, REVIEWED).await;
        assert_eq!(missed.0, "FAIL REVIEW_MISSED");
        assert_ne!(missed.1, since);

        let late = start(&world, json!({ "kind": ["USER"] }), "2027-05-25").await;
        world.clock.advance(TimeDelta::days(6));
        world.sync_due().await;
        assert_eq!(world.verdict(&ines, REVIEWED).await.0, "FAIL REVIEW_OVERDUE");
        assert_eq!(review(&world, &late).await["overdue"], json!(true));
        keep_the_rest(&world, &late).await;
        complete(&world, admin(), &late, None).await;
        assert_eq!(world.verdict(&ines, REVIEWED).await.0, "FAIL REVIEW_COMPLETED_LATE");
    }

    async fn power_that_nobody_uses_fails(database) {
        let world = harbour(&database).await;
        let signed_in = |days: i64| (world.clock.now() - TimeDelta::days(days)).to_rfc3339();
        let (recent, old) = (signed_in(10), signed_in(91));
        contoso(&world, |own| {
            own.users[0]["lastAuth"] = json!(recent);
            own.users[1]["lastAuth"] = json!(old);
            own.users[1]["roles"]["orgRoles"] = json!(["ORG_OWNER"]);
        });
        world.next_sync().await;
        let verdict = async |login: &str| world.verdict(&world.account(login).await, DORMANT).await.0;
        assert_eq!(verdict(OLGA).await, "PASS IN_USE");
        assert_eq!(verdict(PIET).await, "FAIL DORMANT");
        assert_eq!(verdict(INES).await, "NOT_APPLICABLE NOT_PRIVILEGED");
        assert_eq!(verdict("apprentice@contoso-harbour.example").await, "NOT_APPLICABLE INVITATION_PENDING");
        let flags = world.ask("{ accounts(filter: { allFlags: [DORMANT, PRIVILEGED] }) { nodes { login } } }").await;
        assert_eq!(flags["accounts"]["nodes"], json!([{ "login": PIET }]));
        world.clock.advance(TimeDelta::days(81));
        world.sync_due().await;
        assert_eq!(verdict(OLGA).await, "FAIL DORMANT");
    }
}
