//! Puts an answer's fields into the order of the query, as the specification wants it: "the serialized map should be
//! ordered by the order of the fields in the selection set". The executor answers in the order of completion.

use std::collections::HashSet;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};
use async_graphql::{Name, Value};

use super::documents::chosen;
use super::presence::{MARK, is_mark};

/// Response keys in order, with what is selected below each.
#[derive(Debug, Default)]
pub struct Shape(IndexMap<Name, Shape>);

impl Shape {
    /// The shape of the named operation, or of the only one. Fragments count wherever they may apply.
    pub fn of(document: &ExecutableDocument, operation: Option<&str>) -> Self {
        let mut shape = Self::default();
        if let Some(operation) = chosen(document, operation) {
            shape.add(document, &operation.selection_set.node, &mut HashSet::new());
        }
        shape
    }

    fn add<'a>(&mut self, document: &'a ExecutableDocument, set: &'a SelectionSet, open: &mut HashSet<&'a Name>) {
        for item in &set.items {
            match &item.node {
                Selection::Field(_) if is_mark(item) => {}
                Selection::Field(field) => {
                    let below = self.0.entry(field.node.response_key().node.clone()).or_default();
                    below.add(document, &field.node.selection_set.node, open);
                }
                Selection::InlineFragment(fragment) => {
                    self.add(document, &fragment.node.selection_set.node, open);
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    if let Some(fragment) = document.fragments.get(name)
                        && open.insert(name)
                    {
                        self.add(document, &fragment.node.selection_set.node, open);
                        open.remove(name);
                    }
                }
            }
        }
    }

    /// Sorts `answer` in place, and takes out what was asked for in addition.
    pub fn sort(&self, answer: &mut Value) {
        match answer {
            Value::List(items) => items.iter_mut().for_each(|item| self.sort(item)),
            Value::Object(fields) => {
                let mut unsorted = std::mem::take(fields);
                for (key, below) in &self.0 {
                    if let Some(mut value) = unsorted.swap_remove(key) {
                        below.sort(&mut value);
                        fields.insert(key.clone(), value);
                    }
                }
                unsorted.swap_remove(MARK);
                fields.extend(unsorted);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    fn sorted(query: &str, answer: serde_json::Value) -> String {
        let mut answer = Value::from_json(answer).unwrap();
        Shape::of(&parse_query(query).unwrap(), None).sort(&mut answer);
        serde_json::to_string(&answer).unwrap()
    }

    #[test]
    fn fields_stand_as_they_were_asked_for() {
        let query = "{ b: x a { d ...F } } fragment F on T { c d e { z y } }";
        let answer = serde_json::json!({ "a": [{ "c": 1, "d": 2, "e": { "y": 1, "z": 2 } }], "b": 3 });
        let mut value = Value::from_json(answer).unwrap();
        Shape::of(&parse_query(query).unwrap(), None).sort(&mut value);
        let text = serde_json::to_string(&value).unwrap();
        assert_eq!(text, r#"{"b":3,"a":[{"d":2,"c":1,"e":{"z":2,"y":1}}]}"#);
    }

    #[test]
    fn the_only_operation_need_not_be_named_by_the_request() {
        let (query, answer) = ("query Q { a b }", serde_json::json!({ "b": 2, "a": 1 }));
        assert_eq!(sorted(query, answer), r#"{"a":1,"b":2}"#);
    }

    #[test]
    fn what_was_not_asked_for_stays_at_the_end() {
        assert_eq!(sorted("{ a }", serde_json::json!({ "a": 1, "b": 2 })), r#"{"a":1,"b":2}"#);
    }

    #[test]
    fn a_cycle_of_fragments_ends() {
        let query = "{ a { ...F } } fragment F on T { a { ...F } }";
        assert_eq!(sorted(query, serde_json::json!({ "a": { "a": null } })), r#"{"a":{"a":null}}"#);
    }
}
