//! Every argument of the schema that takes an id or a cursor, given one of another workspace and one that never was:
//! the answers are the same, byte for byte.

use serde_json::json;

use super::{Known, Two, ghost_of, ghost_of_cursor, two, without_request_ids};
use crate::on_both_databases;
use crate::support::sdl::{Argument, Field};
use crate::support::{Sdl, Socket};

/// A place in an operation where an id or a cursor is put.
struct Slot {
    what: String,
    /// With `$it` where the value goes.
    operation: String,
    kind: Put,
}

#[derive(Clone, PartialEq, Eq)]
enum Put {
    Id,
    Ids,
    /// One of this list.
    Cursor(String),
}

impl Put {
    fn of(argument: &Argument, list: &str) -> Option<Self> {
        match (argument.shape.name.as_str(), argument.shape.is_list) {
            ("ID", false) => Some(Self::Id),
            ("ID", true) => Some(Self::Ids),
            _ if argument.name == "after" || argument.name == "before" => Some(Self::Cursor(list.to_owned())),
            _ => None,
        }
    }

    fn declared(&self) -> &'static str {
        match self {
            Self::Id => "ID!",
            Self::Ids => "[ID!]!",
            Self::Cursor(_) => "String!",
        }
    }
}

/// Values of this workspace for what else has to be given.
fn valid(own: &Known, name: &str) -> String {
    let value = match name {
        "role" => return "VIEWER".to_owned(),
        "decision" => return "KEEP".to_owned(),
        "accessReviewId" => json!(own.any("AccessReview")),
        "itemIds" => json!([own.any("AccessReviewItem")]),
        "reviewerId" => json!(own.any("Person")),
        "reviewerIds" => json!([own.any("Person")]),
        "dueOn" => json!("2030-01-01"),
        "name" => json!("a name"),
        "integrationId" => json!(own.any("Integration")),
        "syncRunId" => json!(own.any("SyncRun")),
        "assetId" => json!(own.any("AtlasCluster")),
        "accountId" => json!(own.any("Account")),
        "apiTokenId" => json!(own.any("ApiToken")),
        "publicKey" | "privateKey" => json!("nwreader"),
        other => panic!("what is a valid {other}?"),
    };
    value.to_string()
}

/// Where a field takes something: in an argument, or in a field of an input object.
fn places(sdl: &Sdl, own: &Known, field: &Field) -> Vec<(String, String, Put)> {
    let mut places = Vec::new();
    for argument in &field.arguments {
        if let Some(put) = Put::of(argument, &field.name) {
            places.push((argument.name.clone(), format!("{}: $it", argument.name), put));
        }
        let Some(inputs) = sdl.inputs(&argument.shape.name) else { continue };
        for input in inputs {
            let Some(put) = Put::of(input, &field.name) else { continue };
            let others = inputs.iter().filter(|other| other.shape.is_required && other.name != input.name);
            let others: Vec<String> =
                others.map(|other| format!(", {}: {}", other.name, valid(own, &other.name))).collect();
            let others = others.concat();
            let given = format!("{}: {{ {}: $it{others} }}", argument.name, input.name);
            places.push((format!("{}.{}", argument.name, input.name), given, put));
        }
    }
    places
}

fn slots(sdl: &Sdl, own: &Known) -> Vec<Slot> {
    let mut slots = Vec::new();
    for (root, word) in [("Query", "query"), ("Mutation", "mutation"), ("Subscription", "subscription")] {
        for field in sdl.fields(root) {
            for (place, given, kind) in places(sdl, own, field) {
                let below = sdl.selection(&field.shape.name, 2);
                let operation = format!("{word}($it: {}) {{ {}({given}) {below} }}", kind.declared(), field.name);
                slots.push(Slot { what: format!("{root}.{}({place})", field.name), operation, kind });
            }
        }
    }
    for (name, fields) in sdl.objects().filter(|(name, _)| !["Query", "Mutation", "Subscription"].contains(name)) {
        for field in fields {
            for (place, given, kind) in places(sdl, own, field) {
                let id = if name == "Control" { "Q29udHJvbDpjbHVzdGVycy1lbmNyeXB0ZWQ" } else { own.any(name) };
                let below = sdl.selection(&field.shape.name, 1);
                let operation = format!(
                    "query($it: {}) {{ node(id: \"{id}\") {{ ... on {name} {{ {}({given}) {below} }} }} }}",
                    kind.declared(),
                    field.name
                );
                slots.push(Slot { what: format!("{name}.{}({place})", field.name), operation, kind });
            }
        }
    }
    slots
}

/// What of the other workspace can be put there, each with its like that never was.
fn pairs(foreign: &Known, kind: &Put) -> Vec<(String, String)> {
    match kind {
        Put::Id | Put::Ids => {
            let some = foreign.ids.values().flat_map(|ids| ids.iter().take(2).chain(ids.iter().rev().take(2)));
            let mut pairs: Vec<_> = some.map(|id| (id.clone(), ghost_of(id))).collect();
            pairs.dedup();
            pairs
        }
        Put::Cursor(list) => {
            let lists = foreign.cursors.get(list).into_iter().chain(foreign.cursors.values());
            lists.flat_map(|cursors| cursors.iter().take(2)).map(|it| (it.clone(), ghost_of_cursor(it))).collect()
        }
    }
}

async fn answer(two: &Two, slot: &Slot, it: &str) -> (u16, String) {
    let value =
        if slot.kind == Put::Ids { json!({ "it": [it, two.own.any("Account"), it] }) } else { json!({ "it": it }) };
    let (status, text) = if slot.operation.starts_with("subscription") {
        let mut socket = Socket::connect(two.served.address, &two.caller).await;
        socket.subscribe("1", &slot.operation, value).await;
        let mut heard = socket.hear().await;
        without_request_ids(&mut heard["payload"]);
        (0, heard.to_string())
    } else {
        two.ask(&two.caller, &slot.operation, value).await
    };
    (status, text.replace(it, "IT"))
}

on_both_databases! {
    async fn what_is_anothers_is_answered_like_what_never_was(database) {
        let two = two(&database).await;
        let sdl = Sdl::served();
        let slots = slots(&sdl, &two.own);
        assert!(slots.len() > 50, "{}", slots.len());
        let before = two.world.fact_rows_of(two.other_id).await;
        let own_before = two.world.substance().await;
        let (mut asked, mut understood) = (0, 0);
        for slot in &slots {
            for (foreign, ghost) in pairs(&two.foreign, &slot.kind) {
                let of_foreign = answer(&two, slot, &foreign).await;
                assert_eq!(of_foreign, answer(&two, slot, &ghost).await, "{}: {foreign} {ghost}", slot.what);
                assert_eq!(two.leaks(&of_foreign.1), None, "{}: {}", slot.what, of_foreign.1);
                asked += 1;
                understood += usize::from(!of_foreign.1.contains("\"errors\""));
            }
        }
        println!("{} places, {asked} pairs, {understood} of them without an error", slots.len());
        assert!(understood > asked / 3, "{understood} of {asked}");
        assert_eq!(two.world.fact_rows_of(two.other_id).await, before);
        assert_eq!(two.world.substance().await, own_before);
    }

    async fn the_owner_of_an_id_is_answered_otherwise(database) {
        let two = two(&database).await;
        let node = "query($it: ID!) { node(id: $it) { __typename id } }";
        for (foreign, ghost) in pairs(&two.foreign, &Put::Id) {
            let (_, own) = two.ask(&two.other, node, json!({ "it": foreign })).await;
            let (_, nothing) = two.ask(&two.other, node, json!({ "it": ghost })).await;
            assert_ne!(own, nothing, "what is compared has to be able to differ: {foreign}");
            assert!(two.leaks(&own).is_some(), "{own}");
        }
    }
}
