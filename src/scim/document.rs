//! A user as the client wrote it, in the form in which it is kept: only what is declared, under the declared names.

use serde_json::{Map, Value};

use super::error::{ScimError, Shown};
use super::path::{At, Place, resolve};
use super::schema::{EMPLOYMENT, EMPLOYMENT_ATTRIBUTES, USER, find};
use super::value::{is_primary, read};

/// The attributes of a user that clients write.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Document(pub(super) Map<String, Value>);

/// How a value meets the one that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Lists grow.
    Add,
    /// Lists are exchanged.
    Replace,
}

impl Document {
    /// Reads the body of a POST or a PUT.
    pub fn from_body(body: Value) -> Result<Self, ScimError> {
        let Value::Object(mut body) = body else { return Err(ScimError::syntax("A user is a JSON object.")) };
        let schemas = take(&mut body, "schemas");
        if !schemas.is_none_or(|schemas| names(&schemas, USER)) {
            return Err(ScimError::value(format!("`schemas` lacks {USER}.")));
        }
        let mut document = Self::default();
        document.assign(body, Mode::Replace)?;
        document.check()?;
        Ok(document)
    }

    /// Reads what was kept. None: it was not kept by this program.
    pub fn from_kept(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().map(Self)
    }

    /// The form in which it is kept.
    pub fn kept(&self) -> String {
        Value::Object(self.0.clone()).to_string()
    }

    /// Whether there is a value of the extension for employment.
    pub(super) fn has_employment(&self) -> bool {
        self.0.contains_key(EMPLOYMENT)
    }

    /// The attribute's value where it is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    pub fn user_name(&self) -> &str {
        self.text("userName").unwrap_or_default()
    }

    pub fn external_id(&self) -> Option<&str> {
        self.text("externalId")
    }

    /// The addresses among the e-mails, in their order.
    pub fn addresses(&self) -> impl Iterator<Item = &str> {
        self.emails().iter().filter_map(|email| email.get("value")?.as_str())
    }

    pub(super) fn emails(&self) -> &[Value] {
        self.0.get("emails").and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    pub(super) fn employment(&self, name: &str) -> Option<&str> {
        self.0.get(EMPLOYMENT)?.get(name)?.as_str()
    }

    /// A user without `active` works here from the beginning; later on silence changes nothing.
    #[must_use]
    pub fn active_unless_said(mut self) -> Self {
        self.0.entry("active").or_insert(Value::Bool(true));
        self
    }

    /// The attributes that have values.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// An attribute's value as JSON.
    pub fn written(&self, name: &str) -> Option<String> {
        self.0.get(name).map(Value::to_string)
    }

    /// Takes over every attribute that is declared; others are somebody else's, and what only the server writes is
    /// not taken from clients.
    pub(super) fn assign(&mut self, values: Map<String, Value>, mode: Mode) -> Result<(), ScimError> {
        for (name, value) in values {
            match (resolve(&name), value) {
                (Some(Place::Employment), Value::Object(dates)) => self.put_employment(dates)?,
                (Some(Place::Employment), Value::Null) => drop(self.0.remove(EMPLOYMENT)),
                (Some(Place::User), Value::Object(values)) => {
                    // One level only: the schema's name within itself means nothing.
                    let values = values.into_iter().filter(|(name, _)| resolve(name) != Some(Place::User)).collect();
                    self.assign(values, mode)?;
                }
                (Some(Place::Employment | Place::User), _) => {
                    return Err(ScimError::value(format!("{} is an object.", Shown(&name))));
                }
                (Some(Place::Attribute(at)), value) if !at.attribute.read_only => self.put(at, value, mode)?,
                (Some(Place::Attribute(_) | Place::LeftOut) | None, _) => {}
            }
        }
        Ok(())
    }

    pub(super) fn put_employment(&mut self, dates: Map<String, Value>) -> Result<(), ScimError> {
        for (name, value) in dates {
            if let Some(attribute) = find(EMPLOYMENT_ATTRIBUTES, &name) {
                self.put(At { in_employment: true, attribute, part: None }, value, Mode::Replace)?;
            }
        }
        Ok(())
    }

    /// Puts a value where no filter says which element is meant.
    pub(super) fn put(&mut self, at: At, value: Value, mode: Mode) -> Result<(), ScimError> {
        match at.part {
            Some(part) if at.attribute.many => self.put_part_of_only_element(at, part.name, &value),
            Some(part) => self.merge(at, Map::from_iter([(part.name.to_owned(), value)])),
            None if at.attribute.many && mode == Mode::Add => self.append(at, value),
            None if at.attribute.many || at.attribute.parts.is_empty() => {
                let value = read(at.attribute, value)?;
                self.set(at, value);
                Ok(())
            }
            None => match value {
                Value::Object(parts) => self.merge(at, parts),
                Value::Null => {
                    self.set(at, None);
                    Ok(())
                }
                value => read(at.attribute, value).map(drop),
            },
        }
    }

    /// Sets parts of a complex value, and leaves the others.
    fn merge(&mut self, at: At, parts: Map<String, Value>) -> Result<(), ScimError> {
        let mut merged = match self.0.get(at.attribute.name) {
            Some(Value::Object(merged)) => merged.clone(),
            _ => Map::new(),
        };
        for (name, value) in parts {
            // In the declared case, so that the new value is the one that stays.
            let name = at.attribute.part(&name).map_or(name, |part| part.name.to_owned());
            merged.insert(name, value);
        }
        let value = read(at.attribute, Value::Object(merged))?;
        self.set(at, value);
        Ok(())
    }

    fn append(&mut self, at: At, value: Value) -> Result<(), ScimError> {
        let Some(Value::Array(added)) = read(at.attribute, value)? else { return Ok(()) };
        let mut list = self.list(at);
        if added.iter().any(is_primary) {
            list.iter_mut().for_each(demote);
        }
        list.extend(added);
        let value = read(at.attribute, Value::Array(list))?;
        self.set(at, value);
        Ok(())
    }

    fn put_part_of_only_element(&mut self, at: At, part: &str, value: &Value) -> Result<(), ScimError> {
        let mut list = self.list(at);
        if list.len() > 1 && !value.is_null() {
            let name = at.attribute.name;
            let message = format!("Say which of the {name} is meant, as in {name}[type eq \"work\"].{part}.");
            return Err(ScimError::bad(super::ScimType::InvalidPath, message));
        }
        if list.is_empty() {
            list.push(Value::Object(Map::new()));
        }
        for element in &mut list {
            if let Value::Object(element) = element {
                element.insert(part.to_owned(), value.clone());
            }
        }
        let value = read(at.attribute, Value::Array(list))?;
        self.set(at, value);
        Ok(())
    }

    pub(super) fn list(&self, at: At) -> Vec<Value> {
        self.0.get(at.attribute.name).and_then(Value::as_array).cloned().unwrap_or_default()
    }

    /// Writes a whole value, or takes it away.
    pub(super) fn set(&mut self, at: At, value: Option<Value>) {
        if !at.in_employment {
            put_or_remove(&mut self.0, at.attribute.name, value);
            return;
        }
        let mut dates = match self.0.remove(EMPLOYMENT) {
            Some(Value::Object(dates)) => dates,
            _ => Map::new(),
        };
        put_or_remove(&mut dates, at.attribute.name, value);
        if !dates.is_empty() {
            self.0.insert(EMPLOYMENT.to_owned(), Value::Object(dates));
        }
    }

    /// What holds of every user.
    pub(super) fn check(&self) -> Result<(), ScimError> {
        if self.user_name().trim().is_empty() {
            return Err(ScimError::value("A user needs a `userName`."));
        }
        if self.emails().iter().filter(|email| is_primary(email)).count() > 1 {
            return Err(ScimError::value("Only one of the `emails` is primary."));
        }
        Ok(())
    }
}

/// Another element becomes the main one.
pub(super) fn demote(element: &mut Value) {
    if is_primary(element) {
        element[super::value::PRIMARY] = Value::Bool(false);
    }
}

fn put_or_remove(map: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    match value {
        Some(value) => drop(map.insert(name.to_owned(), value)),
        None => drop(map.remove(name)),
    }
}

/// Takes out what stands under this name, in whatever case.
pub(super) fn take(map: &mut Map<String, Value>, name: &str) -> Option<Value> {
    let key = map.keys().find(|key| key.eq_ignore_ascii_case(name))?.clone();
    map.remove(&key)
}

/// Whether a list of schemas names this one.
pub(super) fn names(schemas: &Value, schema: &str) -> bool {
    let is_it = |name: &Value| name.as_str().is_some_and(|name| name.eq_ignore_ascii_case(schema));
    schemas.as_array().is_some_and(|schemas| schemas.iter().any(is_it))
}
