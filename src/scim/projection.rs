//! Which attributes of a user an answer shows (RFC 7644, section 3.9).

use serde_json::{Map, Value};
use url::form_urlencoded;

use super::path::{Place, resolve};
use super::schema::EMPLOYMENT;

/// Shown whatever is asked for.
const ALWAYS: [&str; 2] = ["id", "schemas"];

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Projection {
    #[default]
    Everything,
    Only(Vec<Place>),
    Without(Vec<Place>),
}

impl Projection {
    /// Reads what a query string says of attributes.
    pub fn from_query(query: &str) -> Self {
        let mut named = [Vec::new(), Vec::new()];
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "attributes" => named[0].extend(places(&value)),
                "excludedAttributes" => named[1].extend(places(&value)),
                _ => {}
            }
        }
        let [only, without] = named;
        Self::new(only, without)
    }

    /// Reads the lists of a search request.
    pub fn from_lists(attributes: &[String], excluded: &[String]) -> Self {
        let all = |names: &[String]| names.iter().flat_map(|names| places(names)).collect();
        Self::new(all(attributes), all(excluded))
    }

    fn new(only: Vec<Place>, without: Vec<Place>) -> Self {
        if !only.is_empty() {
            Self::Only(only)
        } else if without.is_empty() {
            Self::Everything
        } else {
            Self::Without(without)
        }
    }

    pub fn of(&self, mut resource: Map<String, Value>) -> Value {
        match self {
            Self::Everything => {}
            Self::Only(places) => {
                let mut shown = Map::new();
                for name in ALWAYS {
                    shown.extend(resource.get(name).map(|value| (name.to_owned(), value.clone())));
                }
                for place in places {
                    show(*place, &resource, &mut shown);
                }
                resource = shown;
            }
            Self::Without(places) => {
                for place in places {
                    hide(*place, &mut resource);
                }
            }
        }
        Value::Object(resource)
    }
}

/// Names that mean nothing here are left out.
fn places(names: &str) -> impl Iterator<Item = Place> {
    names.split(',').map(str::trim).filter_map(resolve).filter(|place| *place != Place::LeftOut)
}

fn show(place: Place, resource: &Map<String, Value>, shown: &mut Map<String, Value>) {
    match place {
        Place::LeftOut => {}
        Place::User => shown.extend(resource.clone()),
        Place::Employment => shown.extend(resource.get(EMPLOYMENT).map(|dates| (EMPLOYMENT.to_owned(), dates.clone()))),
        Place::Attribute(at) => {
            let (holder, name, part) = if at.in_employment {
                (resource.get(EMPLOYMENT), EMPLOYMENT, Some(at.attribute.name))
            } else {
                (resource.get(at.attribute.name), at.attribute.name, at.part.map(|part| part.name))
            };
            let Some(value) = holder else { return };
            let Some(part) = part else {
                shown.insert(name.to_owned(), value.clone());
                return;
            };
            let entry = shown.entry(name).or_insert_with(|| blank(value));
            add_part(value, entry, part);
        }
    }
}

/// The same shape without parts.
fn blank(value: &Value) -> Value {
    match value {
        Value::Array(list) => Value::Array(list.iter().map(blank).collect()),
        _ => Value::Object(Map::new()),
    }
}

fn add_part(from: &Value, to: &mut Value, part: &str) {
    match (from, to) {
        (Value::Array(from), Value::Array(to)) => {
            from.iter().zip(to).for_each(|(from, to)| add_part(from, to, part));
        }
        (Value::Object(from), Value::Object(to)) => {
            to.extend(from.get(part).map(|value| (part.to_owned(), value.clone())));
        }
        _ => {}
    }
}

fn hide(place: Place, resource: &mut Map<String, Value>) {
    match place {
        Place::LeftOut | Place::User => {}
        Place::Employment => drop(resource.remove(EMPLOYMENT)),
        Place::Attribute(at) if ALWAYS.contains(&at.attribute.name) => {}
        Place::Attribute(at) => match (at.in_employment, at.part) {
            (true, _) => take_part(resource, EMPLOYMENT, at.attribute.name),
            (false, Some(part)) => take_part(resource, at.attribute.name, part.name),
            (false, None) => drop(resource.remove(at.attribute.name)),
        },
    }
}

fn take_part(resource: &mut Map<String, Value>, name: &str, part: &str) {
    let of = |value: &mut Value| {
        if let Value::Object(parts) = value {
            parts.remove(part);
        }
    };
    match resource.get_mut(name) {
        Some(Value::Array(list)) => list.iter_mut().for_each(of),
        Some(value) => of(value),
        None => {}
    }
}
