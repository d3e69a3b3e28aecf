//! Whether a user, or an element of one of its lists, fits a filter.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::filter::{Filter, Operand, Operator, Subject, Test};
use super::path::At;
use super::schema::{Attribute, EMPLOYMENT};
use crate::domain::Instant;

/// `resource` is a user as it is written, or an element for a filter of elements.
pub fn fits(filter: &Filter, resource: &Map<String, Value>) -> bool {
    match filter {
        Filter::All(parts) => parts.iter().all(|part| fits(part, resource)),
        Filter::Any(parts) => parts.iter().any(|part| fits(part, resource)),
        Filter::Not(part) => !fits(part, resource),
        Filter::Element(at, within) => elements(at.attribute, whole(resource, *at))
            .filter_map(Value::as_object)
            .any(|element| fits(within, element)),
        Filter::Test(test) => {
            let values = values(test.of, resource);
            holds(test, &values)
        }
    }
}

/// Where the attribute is kept.
fn whole(resource: &Map<String, Value>, at: At) -> Option<&Value> {
    let holder = if at.in_employment { resource.get(EMPLOYMENT)?.as_object()? } else { resource };
    holder.get(at.attribute.name)
}

/// The elements of a list, or the one value.
fn elements<'a>(attribute: &Attribute, value: Option<&'a Value>) -> impl Iterator<Item = &'a Value> {
    let (list, one) = match value {
        Some(Value::Array(list)) if attribute.many => (list.as_slice(), None),
        value => (&[][..], value),
    };
    list.iter().chain(one)
}

fn values(of: Subject, resource: &Map<String, Value>) -> Vec<&Value> {
    match of {
        Subject::Part(part) => resource.get(part.name).into_iter().collect(),
        Subject::Place(at) => {
            let elements = elements(at.attribute, whole(resource, at));
            match at.part {
                None => elements.collect(),
                Some(part) => elements.filter_map(|element| element.get(part.name)).collect(),
            }
        }
    }
}

fn holds(test: &Test, values: &[&Value]) -> bool {
    let attribute = test.of.attribute();
    match (test.operator, &test.operand) {
        (Operator::Present, _) | (Operator::NotEqual, Operand::Nothing) => !values.is_empty(),
        (Operator::Equal, Operand::Nothing) => values.is_empty(),
        // What is not there differs from everything.
        (Operator::NotEqual, operand) => {
            values.is_empty() || values.iter().any(|value| order(attribute, value, operand) != Some(Ordering::Equal))
        }
        (operator, operand) => values.iter().any(|value| compares(operator, attribute, value, operand)),
    }
}

fn compares(operator: Operator, attribute: &Attribute, value: &Value, operand: &Operand) -> bool {
    if let (Value::String(text), Operand::Text(sought)) = (value, operand) {
        let text = folded(attribute, text);
        match operator {
            Operator::Contains => return text.contains(sought.as_str()),
            Operator::StartsWith => return text.starts_with(sought.as_str()),
            Operator::EndsWith => return text.ends_with(sought.as_str()),
            _ => {}
        }
    }
    let Some(order) = order(attribute, value, operand) else { return false };
    match operator {
        Operator::Equal => order.is_eq(),
        Operator::Greater => order.is_gt(),
        Operator::GreaterOrEqual => order.is_ge(),
        Operator::Less => order.is_lt(),
        Operator::LessOrEqual => order.is_le(),
        Operator::NotEqual | Operator::Contains | Operator::StartsWith | Operator::EndsWith | Operator::Present => {
            false
        }
    }
}

fn order(attribute: &Attribute, value: &Value, operand: &Operand) -> Option<Ordering> {
    match (value, operand) {
        (Value::String(text), Operand::Text(sought)) => Some(folded(attribute, text).as_str().cmp(sought)),
        (Value::Bool(flag), Operand::Boolean(sought)) => Some(flag.cmp(sought)),
        (Value::String(text), Operand::Instant(sought)) => Some(text.parse::<Instant>().ok()?.cmp(sought)),
        _ => None,
    }
}

fn folded(attribute: &Attribute, text: &str) -> String {
    if attribute.case_exact { text.to_owned() } else { text.to_lowercase() }
}
