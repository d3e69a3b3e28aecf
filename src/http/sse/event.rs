//! How events are written. JSON has no line breaks, so one `data` line holds it.

use serde_json::Value;

/// What keeps a connection alive and says nothing.
pub const COMMENT: &str = ":\n\n";

/// A result, given in JSON. The id stands in streams of many operations.
pub fn next(id: Option<&str>, result: &str) -> String {
    match id {
        None => format!("event: next\ndata: {result}\n\n"),
        Some(id) => format!("event: next\ndata: {{\"id\":{},\"payload\":{result}}}\n\n", Value::from(id)),
    }
}

/// The errors of a refused operation, given in JSON.
pub fn errors(id: Option<&str>, errors: &str) -> String {
    next(id, &format!(r#"{{"errors":{errors}}}"#))
}

pub fn complete(id: Option<&str>) -> String {
    match id {
        None => "event: complete\ndata: \n\n".to_owned(),
        Some(id) => format!("event: complete\ndata: {{\"id\":{}}}\n\n", Value::from(id)),
    }
}
