//! Doors for the fuzz targets: documents, ids and cursors that clients make up.

use async_graphql::Variables;
use async_graphql::parser::parse_query;
use serde_json::json;

use super::connection::List;
use super::guard::{self, twin};
use super::ids::{GlobalId, split_result_key};

/// A document: the guard and its slow twin agree.
pub fn guard(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Ok(document) = parse_query(text) else { return };
    let variables = json!({ "n": 30, "many": vec![1; 40], "text": "7", "none": null, "negative": -3 });
    let variables = Variables::from_json(variables);
    let judged = guard::check(&document, &variables);
    assert_eq!(judged.is_ok(), twin::passes(&document, &variables), "{judged:?} of {text}");
}

/// An id and a cursor: what is understood says the same when it is written again.
pub fn ids(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Some(id) = GlobalId::decode(&text) {
        assert_eq!(GlobalId::decode(&id.encode()), Some(id.clone()), "{text}");
        let _ = (id.number(), split_result_key(&id.raw));
    }
    for order in ["", "NAME ASC", "CREATED_AT DESC"] {
        List { name: "assets", order }.fuzz(&text);
    }
}
