//! The manifest of trusted documents, in the forms that the common compilers write.
//!
//! Relay's compiler and the client preset of GraphQL codegen write `{ "id": "text" }`. Apollo writes
//! `{ "format": "apollo-persisted-query-manifest", "version": 1, "operations": [{ "id", "name", "type", "body" }] }`.

use std::collections::HashSet;

use serde_json::{Map, Value};

const APOLLO: &str = "apollo-persisted-query-manifest";

/// Why a manifest cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    #[error("it is no JSON: {0}")]
    NotJson(String),
    #[error("{0}")]
    Malformed(String),
    #[error("the id `{0}` is given twice")]
    Twice(String),
    #[error("the document `{id}` cannot be trusted: {why}")]
    Unfit { id: String, why: String },
}

/// Ids and texts.
pub fn read(manifest: &str) -> Result<Vec<(String, String)>, ManifestError> {
    let value: Value = serde_json::from_str(manifest).map_err(|error| ManifestError::NotJson(error.to_string()))?;
    let Value::Object(members) = value else {
        return Err(malformed("it must be a JSON object"));
    };
    let documents = match members.get("format") {
        Some(Value::String(format)) if format == APOLLO => operations(&members)?,
        Some(Value::String(format)) if members.contains_key("operations") => {
            return Err(malformed(format!("its format is `{format}` and not `{APOLLO}`")));
        }
        _ => pairs(members)?,
    };
    let mut seen = HashSet::new();
    match documents.iter().find(|(id, _)| !seen.insert(id.as_str())) {
        Some((id, _)) => Err(ManifestError::Twice(id.clone())),
        None => Ok(documents),
    }
}

fn pairs(members: Map<String, Value>) -> Result<Vec<(String, String)>, ManifestError> {
    let pairs = members.into_iter().map(|(id, text)| match text {
        Value::String(text) => Ok((id, text)),
        _ => Err(malformed(format!("the document `{id}` must be text"))),
    });
    pairs.collect()
}

fn operations(members: &Map<String, Value>) -> Result<Vec<(String, String)>, ManifestError> {
    if members.get("version").is_some_and(|version| version != 1) {
        return Err(malformed("only version 1 of Apollo's manifest is understood"));
    }
    let Some(Value::Array(operations)) = members.get("operations") else {
        return Err(malformed("it lists no `operations`"));
    };
    let read = operations.iter().enumerate().map(|(index, operation)| {
        let member = |name: &str| operation.get(name).and_then(Value::as_str).map(str::to_owned);
        member("id")
            .zip(member("body"))
            .ok_or_else(|| malformed(format!("operation {} needs an `id` and a `body`", index + 1)))
    });
    read.collect()
}

fn malformed(message: impl Into<String>) -> ManifestError {
    ManifestError::Malformed(message.into())
}
