//! The parameters of a GraphQL request, from a JSON body or a query string. Nothing is coerced: a wrong kind is refused.

use std::collections::HashMap;

use async_graphql::{Extensions, Request, Variables};
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::QUERY_LIMIT;
use super::answer::Refusal;
use super::status::Outcome;
use crate::graphql::documents::Asked;

/// As the specification's appendix on persisted documents names it, and as Relay's documentation does.
const DOCUMENT_ID: [&str; 2] = ["documentId", "doc_id"];
const QUERY: &str = "query";
const OPERATION_NAME: &str = "operationName";
const VARIABLES: &str = "variables";
const EXTENSIONS: &str = "extensions";

/// Reads a POST body.
pub(super) fn from_json(body: &[u8]) -> Result<Asked, Refusal> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(params)) => read(params),
        Ok(Value::Array(_)) => Err(malformed("batches are not supported: send one request at a time")),
        Ok(_) => Err(malformed("the body must be a JSON object")),
        Err(_) => Err(malformed("the body is not valid JSON")),
    }
}

/// Reads the query string of a GET.
pub(super) fn from_query(text: &str) -> Result<Asked, Refusal> {
    let mut params = Map::new();
    for (name, value) in form_urlencoded::parse(text.as_bytes()) {
        let value = match name.as_ref() {
            VARIABLES | EXTENSIONS => serde_json::from_str(&value)
                .map_err(|_| malformed(&format!("the parameter `{name}` is not valid JSON")))?,
            _ => Value::String(value.into_owned()),
        };
        if params.insert(name.to_string(), value).is_some() {
            return Err(malformed(&format!("the parameter `{name}` is given twice")));
        }
    }
    read(params)
}

/// Whether there is anything that could say what is to be run.
pub(super) fn name_a_document(params: &Map<String, Value>) -> bool {
    [QUERY, EXTENSIONS].iter().chain(&DOCUMENT_ID).any(|name| params.contains_key(*name))
}

pub(super) fn read(mut params: Map<String, Value>) -> Result<Asked, Refusal> {
    let query = text(&mut params, QUERY)?.unwrap_or_default();
    if query.len() > QUERY_LIMIT {
        return Err(Refusal::new(
            Outcome::TooLarge,
            format!("the query has {} bytes, and at most {QUERY_LIMIT} are read", query.len()),
        ));
    }
    let mut request = Request::new(query);
    request.operation_name = text(&mut params, OPERATION_NAME)?.filter(|name| !name.is_empty());
    request.variables = Variables::from_json(Value::Object(object(&mut params, VARIABLES)?));
    let extensions: HashMap<_, _> = object(&mut params, EXTENSIONS)?
        .into_iter()
        .map(|(name, value)| async_graphql::Value::from_json(value).map(|value| (name, value)))
        .collect::<Result<_, _>>()
        .map_err(|_| malformed("the parameter `extensions` cannot be read"))?;
    request.extensions = Extensions(extensions);
    let [id, other_id] = DOCUMENT_ID.map(|name| text(&mut params, name));
    Ok(Asked { request, id: id?.or(other_id?) })
}

fn text(params: &mut Map<String, Value>, name: &str) -> Result<Option<String>, Refusal> {
    match params.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(malformed(&format!("the parameter `{name}` must be a string"))),
    }
}

fn object(params: &mut Map<String, Value>, name: &str) -> Result<Map<String, Value>, Refusal> {
    match params.remove(name) {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(map)) => Ok(map),
        Some(_) => Err(malformed(&format!("the parameter `{name}` must be an object"))),
    }
}

fn malformed(message: &str) -> Refusal {
    Refusal::new(Outcome::Malformed, message)
}
