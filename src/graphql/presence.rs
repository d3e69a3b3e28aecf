//! Objects of which nothing is asked in the end, as when no fragment fits their type.
//!
//! The specification answers them with an empty object; the executor takes them for null, also where null cannot be. So
//! each set of fields that may come out empty also asks for the type's name, under a name that [`super::order`] takes
//! out of the answer again.

use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, Field, OperationDefinition, OperationType, Selection, SelectionSet,
};
use async_graphql::{Name, Pos, Positioned};

/// The response key of what was asked for in addition.
pub const MARK: &str = "__present";

/// Whether this is a mark, and nothing that a client wrote: that would stand somewhere in the text.
pub fn is_mark(item: &Positioned<Selection>) -> bool {
    item.pos == Pos::default()
}

/// Marks every set of the document that may come out empty.
pub fn mark(document: &mut ExecutableDocument) {
    match &mut document.operations {
        DocumentOperations::Single(operation) => mark_operation(&mut operation.node),
        DocumentOperations::Multiple(operations) => {
            for operation in operations.values_mut() {
                mark_operation(&mut operation.node);
            }
        }
    }
    for fragment in document.fragments.values_mut() {
        mark_below(&mut fragment.node.selection_set.node);
    }
}

fn mark_operation(operation: &mut OperationDefinition) {
    let set = &mut operation.selection_set.node;
    mark_below(set);
    // A subscription has one root field and no other.
    if operation.ty != OperationType::Subscription {
        mark_set(set);
    }
}

/// Marks the sets of the fields in this one; what a fragment brings belongs to the set around it.
fn mark_below(set: &mut SelectionSet) {
    for item in &mut set.items {
        match &mut item.node {
            Selection::Field(field) => {
                let below = &mut field.node.selection_set.node;
                mark_below(below);
                mark_set(below);
            }
            Selection::InlineFragment(inline) => mark_below(&mut inline.node.selection_set.node),
            Selection::FragmentSpread(_) => {}
        }
    }
}

fn mark_set(set: &mut SelectionSet) {
    let is_certain = |item: &Positioned<Selection>| match &item.node {
        Selection::Field(field) => field.node.directives.is_empty(),
        Selection::FragmentSpread(_) | Selection::InlineFragment(_) => false,
    };
    if !set.items.is_empty() && !set.items.iter().any(is_certain) {
        set.items.push(at(Selection::Field(at(Field {
            alias: Some(at(Name::new(MARK))),
            name: at(Name::new("__typename")),
            arguments: Vec::new(),
            directives: Vec::new(),
            selection_set: at(SelectionSet::default()),
        }))));
    }
}

fn at<T>(node: T) -> Positioned<T> {
    Positioned::new(node, Pos::default())
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    /// The response keys of the marked sets' parents; `-` is the root.
    fn marked(query: &str) -> Vec<String> {
        let mut document = parse_query(query).unwrap();
        mark(&mut document);
        let mut found = Vec::new();
        for (_, operation) in document.operations.iter() {
            look("-", &operation.node.selection_set.node, &mut found);
        }
        for fragment in document.fragments.values() {
            look("fragment", &fragment.node.selection_set.node, &mut found);
        }
        found
    }

    fn look(name: &str, set: &SelectionSet, found: &mut Vec<String>) {
        for item in &set.items {
            match &item.node {
                Selection::Field(_) if is_mark(item) => found.push(name.to_owned()),
                Selection::Field(field) => {
                    look(field.node.response_key().node.as_str(), &field.node.selection_set.node, found);
                }
                Selection::InlineFragment(inline) => look(name, &inline.node.selection_set.node, found),
                Selection::FragmentSpread(_) => {}
            }
        }
    }

    #[test]
    fn only_sets_that_may_come_out_empty_are_marked() {
        assert_eq!(marked("{ a { b c @skip(if: true) { d } } }"), Vec::<String>::new());
        assert_eq!(marked("{ a @skip(if: true) { b } }"), ["-"]);
        assert_eq!(
            marked("{ x: a { ... on B { c { ... on D { e } } } } }"),
            ["x", "c"].map(str::to_owned).to_vec().into_iter().rev().collect::<Vec<_>>()
        );
        assert_eq!(marked("{ a { ...F } } fragment F on B { c { ...F } d }"), ["a", "c"]);
    }

    #[test]
    fn a_subscription_keeps_its_one_root_field() {
        assert_eq!(marked("subscription { ... on Subscription { a { ... on B { c } } } }"), ["a"]);
    }
}
