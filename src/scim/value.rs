//! Values as clients send them, brought to the form in which they are kept.

use serde_json::{Map, Value};

use super::error::{ScimError, Shown};
use super::filter::boolean;
use super::path::{Part, part_of};
use super::schema::{Attribute, Kind};

/// The longest text, in characters.
const LONGEST: usize = 512;
/// Elements of a list.
pub const MOST: usize = 50;

pub const PRIMARY: &str = "primary";

/// None: nothing is assigned, as by null, by an empty list, or by an object without anything that is kept.
pub fn read(attribute: &'static Attribute, value: Value) -> Result<Option<Value>, ScimError> {
    if !attribute.many {
        return one(attribute, value);
    }
    let elements = match value {
        Value::Array(elements) => elements,
        value => vec![value],
    };
    if elements.len() > MOST {
        return Err(too_many(attribute));
    }
    let mut list: Vec<Value> = Vec::new();
    for element in elements {
        if let Some(element) = one(attribute, element)?
            && !list.contains(&element)
        {
            list.push(element);
        }
    }
    Ok((!list.is_empty()).then_some(Value::Array(list)))
}

/// One element of a list, or the value of what is no list.
pub fn one(attribute: &'static Attribute, value: Value) -> Result<Option<Value>, ScimError> {
    let wrong = |expected: &str| ScimError::value(format!("{} is {expected}.", Shown(attribute.name)));
    match (attribute.kind, value) {
        (_, Value::Null) => Ok(None),
        (Kind::Complex, Value::Object(parts)) => object(attribute, parts),
        (Kind::Complex, _) => Err(wrong("made of parts: an object")),
        (Kind::Boolean, Value::Bool(flag)) => Ok(Some(Value::Bool(flag))),
        (Kind::Boolean, Value::String(text)) => {
            boolean(&text).map(|flag| Some(Value::Bool(flag))).ok_or_else(|| wrong("true or false"))
        }
        (Kind::Boolean, _) => Err(wrong("true or false")),
        (Kind::Text | Kind::Reference | Kind::DateTime, Value::String(text)) => {
            if text.chars().count() > LONGEST {
                Err(wrong(&format!("a text of at most {LONGEST} characters")))
            } else if text.chars().any(char::is_control) {
                Err(wrong("a text without control characters"))
            } else {
                Ok(Some(Value::String(text)))
            }
        }
        (Kind::Text | Kind::Reference | Kind::DateTime, _) => Err(wrong("a text")),
    }
}

/// The parts that are kept; what others declare is dropped.
fn object(attribute: &'static Attribute, parts: Map<String, Value>) -> Result<Option<Value>, ScimError> {
    let mut kept = Map::new();
    for (name, value) in parts {
        if let Some(Part::Kept(part)) = part_of(attribute, &name) {
            match one(part, value)? {
                Some(value) => kept.insert(part.name.to_owned(), value),
                None => kept.remove(part.name),
            };
        }
    }
    Ok((!kept.is_empty()).then_some(Value::Object(kept)))
}

/// Whether an element says that it is the main one.
pub fn is_primary(element: &Value) -> bool {
    element.get(PRIMARY) == Some(&Value::Bool(true))
}

pub fn too_many(attribute: &Attribute) -> ScimError {
    ScimError::value(format!("{} has at most {MOST} values.", Shown(attribute.name)))
}
