//! A whole quarter of an access program, on a clock that the test moves: people come in, an organization is synced,
//! access is reviewed and decided on, somebody leaves, what was revoked goes, and the review is signed off.

use chrono::TimeDelta;
use serde_json::{Value, json};
use slategate::demo::keys::HARBOUR_READER;
use slategate::store::views::{CallerPerson, Role};

use crate::on_both_databases;
use crate::support::World;

const OLGA: &str = "harbourmaster@contoso-harbour.example";
const PIET: &str = "pilot.one@contoso-harbour.example";
const INES: &str = "pilot.two@contoso-harbour.example";
const LEDGER: &str = "ledger@contoso-harbour.example";
const REVIEWED: &str = "access-reviews-completed-on-time";
const LEAVERS: &str = "accounts-deprovisioned-when-personnel-leave";

const PEOPLE: &str = "email,fullName,startsOn,endsOn\n\
    harbourmaster@contoso-harbour.example,Olga Brandt,2019-03-01,\n\
    pilot.one@contoso-harbour.example,Piet de Vries,2021-06-15,\n\
    pilot.two@contoso-harbour.example,Ines Costa,2024-01-08,\n";

/// What the reviewer Olga is answered.
async fn olga(world: &World, query: &str, variables: Value) -> Value {
    let who = CallerPerson::Address(OLGA.to_owned());
    let mut answer = world.query_as(world.workspace, Role::Analyst, who, query, variables).await;
    assert_eq!(answer.get("errors"), None, "{query}");
    world.tick();
    answer["data"].take()
}

async fn import(world: &World, csv: &str, mode: &str) -> Value {
    let query = "mutation($csv: String!, $mode: ImportMode!) { importPeople(input: { csv: $csv, mode: $mode }) { created left \
                 leavers userErrors { message } } }";
    let answer = world.ask_with(query, json!({ "csv": csv, "mode": mode })).await["importPeople"].take();
    assert_eq!(answer["userErrors"], json!([]));
    world.tick();
    answer
}

async fn items(world: &World, review: &Value, filter: Value) -> Vec<Value> {
    let query = "query($id: ID!, $filter: AccessReviewItemFilter) { node(id: $id) { ... on AccessReview { items(filter: $filter) \
                 { nodes { id login change decision flags reviewer { email } remediation { status remediatedAt } } } } } }";
    let answer = world.ask_with(query, json!({ "id": review, "filter": filter })).await;
    answer["node"]["items"]["nodes"].as_array().unwrap().clone()
}

async fn decide(world: &World, input: Value) -> Value {
    let query = "mutation($input: DecideAccessReviewItemsInput!) { decideAccessReviewItems(input: $input) { decided \
                 userErrors { code } } }";
    olga(world, query, json!({ "input": input })).await["decideAccessReviewItems"].take()
}

async fn start(world: &World, name: &str, due_on: &str) -> Value {
    let query = "mutation($input: StartAccessReviewInput!) { startAccessReview(input: $input) { accessReview { id } \
                 userErrors { message } } }";
    let reviewers = json!([world.person(OLGA).await, world.person(PIET).await]);
    let input = json!({ "name": name, "filter": { "kind": ["USER"] }, "reviewerIds": reviewers, "dueOn": due_on });
    let answer = olga(world, query, json!({ "input": input })).await["startAccessReview"].take();
    assert_eq!(answer["userErrors"], json!([]));
    answer["accessReview"]["id"].clone()
}

fn fire(world: &World, login: &str) {
    world.simulator.edit(|estate| {
        let own = estate.iter_mut().find(|own| own.name == HARBOUR_READER.organization).unwrap();
        own.users.retain(|user| user["username"] != login);
    });
}

async fn status(world: &World, control: &str) -> Value {
    let query = "query($key: String!) { control(key: $key) { status coverage { passed failed } } }";
    world.ask_with(query, json!({ "key": control })).await["control"].take()
}

on_both_databases! {
    async fn from_the_import_to_the_sign_off(database) {
        // The quarter begins: the register comes in, and the organization is connected.
        let world = World::with(&database, crate::support::Setting::default()).await;
        assert_eq!(import(&world, PEOPLE, "FULL").await, json!({ "created": 3, "left": 0, "leavers": [], "userErrors": [] }));
        world.connect(HARBOUR_READER.public).await.unwrap();
        world.tick();
        assert_eq!(world.sync_due().await, 1);
        let unlinked = world.ask("{ accounts(filter: { flag: [UNASSIGNED], kind: [USER] }) { nodes { login } } }").await;
        assert_eq!(unlinked["accounts"]["nodes"], json!([{ "login": "apprentice@contoso-harbour.example" }, { "login": LEDGER }]));
        let ledger = world.account(LEDGER).await;
        world.link_account(json!({ "accountId": ledger, "personId": world.person(PIET).await })).await;
        world.tick();

        // A first review. Olga keeps what is hers to decide, an administrator the rest.
        let first = start(&world, "Third quarter", "2026-11-20").await;
        let mine = items(&world, &first, json!({ "reviewerId": world.person(OLGA).await })).await;
        assert!(mine.iter().all(|item| item["change"] == "NEW" && item["login"] != OLGA));
        let kept = decide(&world, json!({ "accessReviewId": first, "filter": { "decided": false }, "decision": "KEEP" })).await;
        assert_eq!(kept, json!({ "decided": mine.len(), "userErrors": [] }));
        let rest = "mutation($id: ID!) { decideAccessReviewItems(input: { accessReviewId: $id, filter: { decided: false }, \
                    decision: KEEP }) { userErrors { code } } }";
        world.ask_with(rest, json!({ "id": first })).await;
        world.tick();
        let complete = "mutation($id: ID!) { completeAccessReview(input: { accessReviewId: $id }) { accessReview { status overdue \
                        progress { items undecided } } userErrors { code } } }";
        let done = olga(&world, complete, json!({ "id": first })).await["completeAccessReview"].take();
        assert_eq!(done["accessReview"], json!({ "status": "COMPLETED", "overdue": false, "progress": { "items": 5, "undecided": 0 } }));
        world.next_sync().await;
        assert_eq!(status(&world, REVIEWED).await["status"], "PASSING");

        // Two months on Ines leaves: the next full import has no row of her, and her account stands out.
        world.clock.advance(TimeDelta::days(60));
        world.sync_due().await;
        let without_ines: Vec<&str> = PEOPLE.lines().filter(|line| !line.starts_with(INES)).collect();
        let without_ines = without_ines.join("\n");
        assert_eq!(import(&world, &without_ines, "FULL").await, json!({ "created": 0, "left": 1, "leavers": [INES], "userErrors": [] }));
        assert_eq!(status(&world, LEAVERS).await, json!({ "status": "FAILING", "coverage": { "passed": 3, "failed": 1 } }));

        // The second review shows what is new and what is not. Ines is to go.
        let hired = "newcomer@contoso-harbour.example";
        world.simulator.edit(|estate| {
            let own = estate.iter_mut().find(|own| own.name == HARBOUR_READER.organization).unwrap();
            let mut user = own.users[3].clone();
            (user["username"], user["id"]) = (json!(hired), json!("6a793f752c88faeba59bba55"));
            own.users.push(user);
        });
        world.next_sync().await;
        let second = start(&world, "Fourth quarter", "2027-01-31").await;
        let changes = |nodes: &[Value], change: &str| -> Vec<Value> {
            nodes.iter().filter(|node| node["change"] == change).map(|node| node["login"].clone()).collect()
        };
        let all = items(&world, &second, json!({})).await;
        assert_eq!((changes(&all, "NEW"), changes(&all, "UNCHANGED").len()), (vec![json!(hired)], 5));
        let ines = all.iter().find(|item| item["login"] == INES).unwrap();
        assert!(ines["flags"].as_array().unwrap().contains(&json!("LEAVER")));
        let revoke = "mutation($id: ID!, $item: ID!) { decideAccessReviewItems(input: { accessReviewId: $id, itemIds: [$item], \
                      decision: REVOKE, comment: \"Left in December\" }) { userErrors { code } } }";
        world.ask_with(revoke, json!({ "id": second, "item": ines["id"] })).await;
        world.tick();
        world.ask_with(rest, json!({ "id": second })).await;
        world.tick();

        // The administrators of Atlas remove her, and the next sync sees it.
        fire(&world, INES);
        world.next_sync().await;
        let gone = items(&world, &second, json!({ "remediation": "REMEDIATED" })).await;
        assert_eq!((gone.len(), &gone[0]["login"], &gone[0]["remediation"]["remediatedAt"]), (1, &json!(INES), &json!(world.now())));
        assert_eq!(status(&world, LEAVERS).await["coverage"]["failed"], 0);

        // Signed off, on time; the control says so, and what was decided stays as it was.
        let done = olga(&world, complete, json!({ "id": second })).await["completeAccessReview"].take();
        assert_eq!(done["accessReview"]["status"], "COMPLETED");
        world.next_sync().await;
        assert_eq!(status(&world, REVIEWED).await["status"], "PASSING");
        let signed = items(&world, &first, json!({})).await;
        assert!(signed.iter().all(|item| item["decision"] == "KEEP"));
        let ledger = world.ask("{ auditEvents(last: 500, filter: { action: [START_ACCESS_REVIEW, DECIDE_ACCESS_REVIEW, \
                                COMPLETE_ACCESS_REVIEW] }) { totalCount } }").await;
        assert_eq!(ledger["auditEvents"]["totalCount"], 8);
    }
}
