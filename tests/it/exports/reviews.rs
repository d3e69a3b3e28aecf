//! A review that was completed, as a file.

use serde_json::{Value, json};
use slategate::demo::keys::HARBOUR_READER;
use slategate::store::views::Role;

use super::Desk;
use crate::on_both_databases;
use crate::support::{World, text};

const OLGA: &str = "harbourmaster@contoso-harbour.example";
const PILOT: &str = "pilot.one@contoso-harbour.example";
const ITEMS: &str = "query($id: ID!) { node(id: $id) { ... on AccessReview { items(first: 500) { nodes { id login \
    privileged flags change decision comment decidedBy decidedAt reviewer { email } remediation { status overdue } \
    grants { role } reviewedPerson { email } } } } } }";

/// A review of the harbour in which one pilot's access is revoked and all else kept.
async fn completed(world: &World) -> Value {
    world.upsert_person(json!({ "email": OLGA, "fullName": "Olga Brandt" })).await;
    world.tick();
    let start = "mutation($input: StartAccessReviewInput!) { startAccessReview(input: $input) { accessReview { id } \
                 userErrors { message } } }";
    let input = json!({ "name": "=Quarter", "reviewerIds": [world.person(OLGA).await], "dueOn": "2026-11-30" });
    let started = world.ask_with(start, json!({ "input": input })).await;
    assert_eq!(started["startAccessReview"]["userErrors"], json!([]));
    let id = started["startAccessReview"]["accessReview"]["id"].clone();
    world.tick();
    let items = world.ask_with(ITEMS, json!({ "id": id })).await;
    let nodes = items["node"]["items"]["nodes"].as_array().unwrap();
    let pilot = nodes.iter().find(|node| node["login"] == PILOT).unwrap()["id"].clone();
    let decide = "mutation($input: DecideAccessReviewItemsInput!) { decideAccessReviewItems(input: $input) { userErrors { message } } }";
    for input in [
        json!({ "accessReviewId": id, "itemIds": [pilot], "decision": "REVOKE", "comment": "-gone" }),
        json!({ "accessReviewId": id, "filter": { "decided": false }, "decision": "KEEP" }),
    ] {
        let decided = world.ask_with(decide, json!({ "input": input })).await;
        assert_eq!(decided["decideAccessReviewItems"]["userErrors"], json!([]));
        world.tick();
    }
    let complete = "mutation($input: CompleteAccessReviewInput!) { completeAccessReview(input: $input) { userErrors { message } } }";
    let ended = world.ask_with(complete, json!({ "input": { "accessReviewId": id } })).await;
    assert_eq!(ended["completeAccessReview"]["userErrors"], json!([]));
    world.tick();
    id
}

on_both_databases! {
    async fn a_completed_review_is_a_file_of_its_items(database) {
        let world = World::synced(&database, HARBOUR_READER.public).await;
        let id = completed(&world).await;
        let desk = Desk::of(&world).await;
        let list = format!("access-reviews/{}", text(&id));
        let rows = desk.csv(&list, &[]).await;
        let items = world.ask_with(ITEMS, json!({ "id": id })).await;
        let nodes = items["node"]["items"]["nodes"].as_array().unwrap();
        assert_eq!(rows.len(), nodes.len());
        for (row, node) in rows.iter().zip(nodes) {
            for column in ["id", "login", "change", "decision", "decidedBy", "decidedAt"] {
                assert_eq!(row[column], text(&node[column]), "{column}");
            }
            let flags: Vec<String> = node["flags"].as_array().unwrap().iter().map(text).collect();
            assert_eq!((&row["flags"], row["privileged"] == "true"), (&flags.join("; "), node["privileged"] == json!(true)));
            assert_eq!(row["personEmail"], node["reviewedPerson"]["email"].as_str().unwrap_or_default());
            assert_eq!(row["reviewerEmail"], node["reviewer"]["email"].as_str().unwrap_or_default());
            assert_eq!(row["roles"].split("; ").count(), Ord::max(node["grants"].as_array().unwrap().len(), 1));
            assert_eq!((row["review"].as_str(), row["reviewStatus"].as_str()), ("'=Quarter", "COMPLETED"));
            assert_eq!(row["dueOn"], "2026-11-30");
            let is_revoked = row["login"] == PILOT;
            assert_eq!(row["comment"], if is_revoked { "'-gone" } else { "" });
            assert_eq!(row["remediation"], if is_revoked { "OPEN" } else { "" });
            assert_eq!(row["overdue"], if is_revoked { "false" } else { "" });
        }
        let revoked = desk.csv(&list, &[("filter", r#"{"decision":["REVOKE"]}"#)]).await;
        assert_eq!(revoked.iter().map(|row| row["login"].as_str()).collect::<Vec<_>>(), [PILOT]);
        let book = desk.book(&list, &[]).await;
        assert_eq!(book.sheets(), ["MongoDB Atlas", "About"]);
        assert_eq!(book.sheet("MongoDB Atlas").height(), rows.len() + 1);

        let other = world.other_workspace().await;
        let stranger = Desk { token: world.token(other, Role::Admin).await, ..Desk::of(&world).await };
        let none = (404, "NOT_FOUND".to_owned(), "there is no such access review".to_owned());
        assert_eq!(stranger.ask(&format!("{list}.csv"), &[]).await.refusal(), none);
        assert_eq!(desk.ask("access-reviews/nothing.xlsx", &[]).await.refusal(), none);
    }
}
