//! PATCH (RFC 7644, section 3.5.2), as written and as identity providers write it: operations in any case, values that
//! are objects without a path, booleans as text.

use serde_json::{Map, Value};

use super::document::{Document, Mode, demote, names, take};
use super::error::{ScimError, ScimType, Shown};
use super::evaluate::fits;
use super::filter::{Filter, Operand, Operator, Parser, Subject, Test};
use super::lexer::Token;
use super::path::{At, Part, Place, part_of, resolve};
use super::schema::{Attribute, EMPLOYMENT};
use super::value::{MOST, is_primary, one, read, too_many};

const SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
/// Operations in one request.
const MOST_OPERATIONS: usize = 200;

/// The operations of one request. All are done, or none.
#[derive(Debug, Clone, PartialEq)]
pub struct Patch(Vec<Operation>);

#[derive(Debug, Clone, PartialEq)]
struct Operation {
    verb: Verb,
    target: Target,
    value: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Add,
    Remove,
    Replace,
}

#[derive(Debug, Clone, PartialEq)]
enum Target {
    Place(Place),
    /// The elements of a list that fit, or one part of each.
    Elements {
        at: At,
        filter: Filter,
        part: Option<&'static Attribute>,
    },
}

impl Patch {
    pub fn from_body(body: Value) -> Result<Self, ScimError> {
        let Value::Object(mut body) = body else { return Err(ScimError::syntax("A patch is a JSON object.")) };
        if !take(&mut body, "schemas").is_none_or(|schemas| names(&schemas, SCHEMA)) {
            return Err(ScimError::value(format!("`schemas` lacks {SCHEMA}.")));
        }
        let Some(Value::Array(operations)) = take(&mut body, "Operations") else {
            return Err(ScimError::syntax("A patch has a list of `Operations`."));
        };
        if operations.is_empty() || operations.len() > MOST_OPERATIONS {
            return Err(ScimError::value(format!("A patch has 1 to {MOST_OPERATIONS} operations.")));
        }
        operations.into_iter().map(Operation::read).collect::<Result<_, _>>().map(Self)
    }

    /// What the user is afterwards.
    pub fn apply(&self, before: &Document) -> Result<Document, ScimError> {
        let mut document = before.clone();
        for operation in &self.0 {
            operation.apply(&mut document)?;
        }
        document.check()?;
        Ok(document)
    }
}

impl Verb {
    fn named(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "add" => Some(Self::Add),
            "remove" => Some(Self::Remove),
            "replace" => Some(Self::Replace),
            _ => None,
        }
    }
}

impl Operation {
    fn read(operation: Value) -> Result<Self, ScimError> {
        let Value::Object(mut operation) = operation else {
            return Err(ScimError::syntax("Each of the `Operations` is a JSON object."));
        };
        let verb = match take(&mut operation, "op") {
            Some(Value::String(word)) => Verb::named(&word),
            _ => None,
        };
        let Some(verb) = verb else { return Err(ScimError::syntax("`op` is add, remove or replace.")) };
        let target = match take(&mut operation, "path") {
            None | Some(Value::Null) => Target::Place(Place::User),
            Some(Value::String(path)) => Target::read(path.trim())?,
            Some(_) => return Err(ScimError::bad(ScimType::InvalidPath, "`path` is a text.")),
        };
        let value = take(&mut operation, "value").unwrap_or(Value::Null);
        if verb != Verb::Remove && value.is_null() && target == Target::Place(Place::User) {
            return Err(ScimError::value("An operation without a `path` has an object as its `value`."));
        }
        Ok(Self { verb, target, value })
    }

    fn apply(&self, document: &mut Document) -> Result<(), ScimError> {
        let mode = if self.verb == Verb::Add { Mode::Add } else { Mode::Replace };
        let value = self.value.clone();
        match (&self.target, self.verb) {
            (Target::Place(Place::LeftOut), _) => Ok(()),
            (Target::Place(Place::User), Verb::Remove) => {
                Err(ScimError::bad(ScimType::NoTarget, "`remove` needs a `path`."))
            }
            (Target::Place(Place::User), _) => document.assign(object(value)?, mode),
            (Target::Place(Place::Employment), Verb::Remove) => {
                document.0.remove(EMPLOYMENT);
                Ok(())
            }
            (Target::Place(Place::Employment), _) => document.put_employment(object(value)?),
            (Target::Place(Place::Attribute(at)), Verb::Remove) if at.attribute.many && !value.is_null() => {
                remove_listed(document, *at, value)
            }
            (Target::Place(Place::Attribute(at)), Verb::Remove) => remove(document, *at),
            (Target::Place(Place::Attribute(at)), _) => document.put(*at, value, mode),
            (Target::Elements { at, filter, part }, verb) => change(document, *at, filter, *part, verb, value),
        }
    }
}

impl Target {
    fn read(path: &str) -> Result<Self, ScimError> {
        let mut parser = Parser::new(path, ScimType::InvalidPath)?;
        let Some(Token::Word(name)) = parser.lexer.next()? else {
            return Err(parser.lexer.wrong("does not begin with an attribute"));
        };
        let Some(place) = resolve(name) else {
            return Err(parser.lexer.wrong(&format!("names {}, which is no attribute here", Shown(name))));
        };
        let target = match place {
            // A list of somebody else's may have filters of its own.
            Place::LeftOut => return Ok(Self::Place(place)),
            Place::Attribute(at) if at.attribute.read_only => {
                return Err(ScimError::bad(
                    ScimType::Mutability,
                    format!("{} is read-only.", Shown(at.attribute.name)),
                ));
            }
            Place::Attribute(at) if matches!(parser.lexer.peek()?, Some(Token::OpenList)) => {
                let filter = parser.elements(at)?;
                match parser.lexer.next()? {
                    None => Self::Elements { at, filter, part: None },
                    Some(Token::Word(word)) => {
                        let part = word.strip_prefix('.').and_then(|name| part_of(at.attribute, name));
                        match part {
                            Some(Part::LeftOut) => Self::Place(Place::LeftOut),
                            Some(Part::Kept(part)) => Self::Elements { at, filter, part: Some(part) },
                            None => return Err(parser.lexer.wrong("names no part of the list after its bracket")),
                        }
                    }
                    Some(_) => return Err(parser.lexer.wrong("goes on after its end")),
                }
            }
            place => Self::Place(place),
        };
        parser.end()?;
        Ok(target)
    }
}

fn object(value: Value) -> Result<Map<String, Value>, ScimError> {
    match value {
        Value::Object(values) => Ok(values),
        _ => Err(ScimError::value("An operation on the whole user has an object as its `value`.")),
    }
}

fn remove(document: &mut Document, at: At) -> Result<(), ScimError> {
    match at.part {
        None => {
            document.set(at, None);
            Ok(())
        }
        Some(_) if document.0.contains_key(at.attribute.name) => document.put(at, Value::Null, Mode::Replace),
        Some(_) => Ok(()),
    }
}

/// Takes the elements out of a list that have everything that one of `listed` has.
fn remove_listed(document: &mut Document, at: At, listed: Value) -> Result<(), ScimError> {
    let Some(Value::Array(listed)) = read(at.attribute, listed)? else { return Ok(()) };
    let mut list = document.list(at);
    list.retain(|element| !listed.iter().any(|listed| has_all(element, listed)));
    let value = read(at.attribute, Value::Array(list))?;
    document.set(at, value);
    Ok(())
}

fn has_all(element: &Value, parts: &Value) -> bool {
    parts.as_object().is_some_and(|parts| parts.iter().all(|(name, value)| element.get(name) == Some(value)))
}

/// Changes the elements of a list that fit a filter.
fn change(
    document: &mut Document,
    at: At,
    filter: &Filter,
    part: Option<&'static Attribute>,
    verb: Verb,
    value: Value,
) -> Result<(), ScimError> {
    let mut list = document.list(at);
    let chosen: Vec<bool> =
        list.iter().map(|element| element.as_object().is_some_and(|element| fits(filter, element))).collect();
    let given = given(at, part, value)?;
    match (verb, chosen.contains(&true)) {
        (Verb::Remove, false) => return Ok(()),
        (_, false) if given.is_empty() => return Ok(()),
        // What is added to a value that is not there yet brings what the filter asks for. To replace a value of a list
        // that is not there is to add it.
        (_, false) => {
            let mut element = Map::new();
            if (verb == Verb::Replace && !list.is_empty()) || !describe(filter, &mut element) {
                return Err(ScimError::bad(ScimType::NoTarget, "No value of the list fits the filter of the `path`."));
            }
            element.extend(given);
            if is_primary(&Value::Object(element.clone())) {
                list.iter_mut().for_each(demote);
            }
            list.push(Value::Object(element));
        }
        (_, true) => {
            let before = list.clone();
            for (element, _) in list.iter_mut().zip(&chosen).filter(|(_, chosen)| **chosen) {
                let Value::Object(parts) = element else { continue };
                match (verb, part) {
                    (Verb::Remove, Some(part)) => drop(parts.remove(part.name)),
                    (Verb::Remove, None) => parts.clear(),
                    (Verb::Replace, None) => parts.clone_from(&given),
                    _ if given.is_empty() => drop(part.and_then(|part| parts.remove(part.name))),
                    _ => parts.extend(given.clone()),
                }
            }
            only_the_new_primary(&before, &mut list);
        }
    }
    if list.len() > MOST {
        return Err(too_many(at.attribute));
    }
    let value = read(at.attribute, Value::Array(list))?;
    document.set(at, value);
    Ok(())
}

/// The parts that the value brings.
fn given(at: At, part: Option<&'static Attribute>, value: Value) -> Result<Map<String, Value>, ScimError> {
    let Some(part) = part else {
        return Ok(match one(at.attribute, value)? {
            Some(Value::Object(parts)) => parts,
            _ => Map::new(),
        });
    };
    Ok(one(part, value)?.map(|value| (part.name.to_owned(), value)).into_iter().collect())
}

/// Writes what an element that fits has. False where a filter says more than that some parts have values.
fn describe(filter: &Filter, element: &mut Map<String, Value>) -> bool {
    match filter {
        Filter::All(parts) => parts.iter().all(|part| describe(part, element)),
        Filter::Test(Test { of: Subject::Part(part), operator: Operator::Equal, operand }) => {
            let value = match operand {
                Operand::Text(text) => Value::String(text.clone()),
                Operand::Boolean(flag) => Value::Bool(*flag),
                Operand::Nothing | Operand::Instant(_) => return false,
            };
            element.insert(part.name.to_owned(), value);
            true
        }
        _ => false,
    }
}

/// Where an element became the main one, those that were before are so no more.
fn only_the_new_primary(before: &[Value], after: &mut [Value]) {
    let is_new = before.iter().zip(after.iter()).any(|(before, after)| !is_primary(before) && is_primary(after));
    if is_new {
        for (before, after) in before.iter().zip(after.iter_mut()) {
            if is_primary(before) {
                demote(after);
            }
        }
    }
}
