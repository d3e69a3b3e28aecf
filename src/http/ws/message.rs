//! The messages of `graphql-transport-ws`.

use serde_json::{Map, Value};

/// What a client may say.
#[derive(Debug, PartialEq)]
pub enum Said {
    Init(Map<String, Value>),
    Ping(Option<Value>),
    Pong,
    Subscribe { id: String, params: Map<String, Value> },
    Complete { id: String },
}

/// None for whatever the protocol does not know.
pub fn read(text: &str) -> Option<Said> {
    let Ok(Value::Object(mut message)) = serde_json::from_str(text) else { return None };
    let kind = message.remove("type")?;
    match kind.as_str()? {
        "connection_init" => Some(Said::Init(payload(&mut message).ok()?.unwrap_or_default())),
        "ping" => Some(Said::Ping(payload(&mut message).ok()?.map(Value::Object))),
        "pong" => payload(&mut message).ok().map(|_| Said::Pong),
        "subscribe" => {
            let id = id(&mut message)?;
            Some(Said::Subscribe { id, params: payload(&mut message).ok()?? })
        }
        "complete" => Some(Said::Complete { id: id(&mut message)? }),
        _ => None,
    }
}

struct NoObject;

/// The payload, which may be missing but nothing else than an object.
fn payload(message: &mut Map<String, Value>) -> Result<Option<Map<String, Value>>, NoObject> {
    match message.remove("payload") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(payload)) => Ok(Some(payload)),
        Some(_) => Err(NoObject),
    }
}

fn id(message: &mut Map<String, Value>) -> Option<String> {
    match message.remove("id")? {
        Value::String(id) if !id.is_empty() => Some(id),
        _ => None,
    }
}

pub const ACK: &str = r#"{"type":"connection_ack"}"#;

pub fn pong(payload: Option<Value>) -> String {
    match payload {
        Some(payload) => format!(r#"{{"type":"pong","payload":{payload}}}"#),
        None => r#"{"type":"pong"}"#.to_owned(),
    }
}

/// A result, given in JSON.
pub fn next(id: &str, result: &str) -> String {
    format!(r#"{{"id":{},"type":"next","payload":{result}}}"#, Value::from(id))
}

/// The errors of a refused operation, given in JSON.
pub fn error(id: &str, errors: &str) -> String {
    format!(r#"{{"id":{},"type":"error","payload":{errors}}}"#, Value::from(id))
}

pub fn complete(id: &str) -> String {
    format!(r#"{{"id":{},"type":"complete"}}"#, Value::from(id))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn object(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn every_message_of_the_protocol_is_read() {
        let params = json!({ "query": "{ a }" });
        for (text, expected) in [
            (r#"{"type":"connection_init"}"#, Said::Init(Map::new())),
            (r#"{"type":"connection_init","payload":null}"#, Said::Init(Map::new())),
            (r#"{"type":"connection_init","payload":{"a":1}}"#, Said::Init(object(&json!({ "a": 1 })))),
            (r#"{"type":"ping"}"#, Said::Ping(None)),
            (r#"{"type":"ping","payload":{"a":1}}"#, Said::Ping(Some(json!({ "a": 1 })))),
            (r#"{"type":"pong","payload":{"a":1}}"#, Said::Pong),
            (
                r#"{"id":"1","type":"subscribe","payload":{"query":"{ a }"}}"#,
                Said::Subscribe { id: "1".to_owned(), params: object(&params) },
            ),
            (r#"{"id":"1","type":"complete"}"#, Said::Complete { id: "1".to_owned() }),
        ] {
            assert_eq!(read(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn nothing_else_is_read() {
        for text in [
            "",
            "{",
            "[]",
            "1",
            "null",
            "{}",
            r#"{"type":1}"#,
            r#"{"type":"start","id":"1"}"#,
            r#"{"type":"next","id":"1","payload":{}}"#,
            r#"{"type":"connection_ack"}"#,
            r#"{"type":"connection_init","payload":"x"}"#,
            r#"{"type":"ping","payload":[]}"#,
            r#"{"type":"subscribe","payload":{"query":"{ a }"}}"#,
            r#"{"type":"subscribe","id":"","payload":{"query":"{ a }"}}"#,
            r#"{"type":"subscribe","id":1,"payload":{"query":"{ a }"}}"#,
            r#"{"type":"subscribe","id":"1"}"#,
            r#"{"type":"subscribe","id":"1","payload":null}"#,
            r#"{"type":"complete"}"#,
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_id_comes_back_as_it_was_given(name in "\\PC{1,20}|\"|\\\\|\n") {
            for text in [next(&name, "{}"), error(&name, "[]"), complete(&name)] {
                let message: Value = serde_json::from_str(&text).unwrap();
                prop_assert_eq!(&message["id"], &json!(name));
            }
        }
    }
}
