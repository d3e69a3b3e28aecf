//! The served schema: what is committed, never less than the contract, and described throughout.

use std::collections::BTreeMap;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    EnumType, FieldDefinition, InputValueDefinition, InterfaceType, ObjectType, TypeDefinition, TypeKind,
    TypeSystemDefinition,
};
use async_graphql::{Name, Positioned};
use slategate::graphql;

const COMMITTED: &str = include_str!("../../schema.graphql");
const CONTRACT: &str = include_str!("../fixtures/contract.graphql");

fn types(sdl: &str) -> BTreeMap<String, TypeDefinition> {
    let document = parse_schema(sdl).expect("is a schema");
    let types = document.definitions.into_iter().filter_map(|definition| match definition {
        TypeSystemDefinition::Type(definition) => Some((definition.node.name.node.to_string(), definition.node)),
        TypeSystemDefinition::Schema(_) | TypeSystemDefinition::Directive(_) => None,
    });
    types.collect()
}

#[test]
fn the_committed_schema_is_the_served_schema() {
    assert!(graphql::sdl() == COMMITTED, "schema.graphql is not what is served; write `slategate schema` to it");
}

#[test]
fn the_served_schema_keeps_every_promise_of_the_contract() {
    assert_eq!(broken_promises(CONTRACT, &graphql::sdl()), Vec::<String>::new());
}

#[test]
fn a_broken_promise_is_found() {
    let contract = "
        enum Color { RED GREEN } union Thing = A | B interface Node { id: ID! }
        type A implements Node { id: ID! colors(first: Int = 1, of: [Color!]): [Color!]! } type B { a: A }
        input Wish { color: Color = RED name: String }";
    let served = "
        enum Color { RED } union Thing = A interface Node { id: ID! }
        type A { id: ID colors(first: Int, of: [Color!]!, more: Int!): [Color!]! } type B { b: A }
        input Wish { color: Color = GREEN name: String extra: Int! }";

    assert_eq!(
        broken_promises(contract, served),
        [
            "A does not implement Node",
            "A.colors(first:) is `Int` and not `Int = 1`",
            "A.colors(more:) is new and required",
            "A.colors(of:) is `[Color!]!` and not `[Color!]`",
            "A.id is `ID` and not `ID!`",
            "B.a is missing",
            "Color.GREEN is missing",
            "Thing does not include B",
            "Wish.color is `Color = GREEN` and not `Color = RED`",
            "Wish.extra is new and required",
        ]
    );
}

#[test]
fn every_element_of_the_schema_is_described() {
    let mut bare = Vec::new();
    for (name, definition) in types(&graphql::sdl()) {
        note_bare(&mut bare, name.clone(), definition.description.as_ref());
        match &definition.kind {
            TypeKind::Object(ObjectType { fields, .. }) | TypeKind::Interface(InterfaceType { fields, .. }) => {
                for field in fields {
                    let path = format!("{name}.{}", field.node.name.node);
                    note_bare(&mut bare, path.clone(), field.node.description.as_ref());
                    for argument in &field.node.arguments {
                        let path = format!("{path}({}:)", argument.node.name.node);
                        note_bare(&mut bare, path, argument.node.description.as_ref());
                    }
                }
            }
            TypeKind::InputObject(input) => {
                for field in &input.fields {
                    note_bare(&mut bare, format!("{name}.{}", field.node.name.node), field.node.description.as_ref());
                }
            }
            TypeKind::Enum(EnumType { values }) => {
                for value in values {
                    note_bare(&mut bare, format!("{name}.{}", value.node.value.node), value.node.description.as_ref());
                }
            }
            TypeKind::Scalar | TypeKind::Union(_) => {}
        }
    }
    assert_eq!(bare, Vec::<String>::new());
}

#[test]
fn instants_and_dates_say_what_specifies_them() {
    let types = types(&graphql::sdl());
    for scalar in ["DateTime", "Date"] {
        let directives = types[scalar].directives.iter().map(|directive| directive.node.name.node.to_string());
        assert_eq!(directives.collect::<Vec<_>>(), ["specifiedBy"], "{scalar}");
    }
}

#[test]
fn no_field_or_enum_word_speaks_of_a_private_key_but_the_two_inputs() {
    let sdl = graphql::sdl();
    let lines = sdl.lines().map(str::trim).filter(|line| line.starts_with("privateKey"));
    assert_eq!(lines.collect::<Vec<_>>(), ["privateKey: String!", "privateKey: String!"]);
}

fn note_bare(bare: &mut Vec<String>, path: String, description: Option<&Positioned<String>>) {
    if description.is_none_or(|text| text.node.trim().is_empty()) {
        bare.push(path);
    }
}

/// What `served` lacks of `contract`, in alphabetical order.
fn broken_promises(contract: &str, served: &str) -> Vec<String> {
    let (contract, served) = (types(contract), types(served));
    let mut broken = Vec::new();
    for (name, promised) in &contract {
        match served.get(name) {
            Some(served) => compare(&mut broken, name, &promised.kind, &served.kind),
            None => broken.push(format!("{name} is missing")),
        }
    }
    broken.sort();
    broken
}

fn compare(broken: &mut Vec<String>, name: &str, promised: &TypeKind, served: &TypeKind) {
    match (promised, served) {
        (TypeKind::Scalar, TypeKind::Scalar) => {}
        (TypeKind::Object(promised), TypeKind::Object(served)) => {
            missing(broken, &promised.implements, &served.implements, |of| format!("{name} does not implement {of}"));
            compare_fields(broken, name, &promised.fields, &served.fields);
        }
        (TypeKind::Interface(promised), TypeKind::Interface(served)) => {
            missing(broken, &promised.implements, &served.implements, |of| format!("{name} does not implement {of}"));
            compare_fields(broken, name, &promised.fields, &served.fields);
        }
        (TypeKind::Union(promised), TypeKind::Union(served)) => {
            missing(broken, &promised.members, &served.members, |of| format!("{name} does not include {of}"));
        }
        (TypeKind::Enum(promised), TypeKind::Enum(served)) => {
            let words = |of: &EnumType| of.values.iter().map(|value| value.node.value.clone()).collect::<Vec<_>>();
            missing(broken, &words(promised), &words(served), |word| format!("{name}.{word} is missing"));
        }
        (TypeKind::InputObject(promised), TypeKind::InputObject(served)) => {
            compare_inputs(broken, |field| format!("{name}.{field}"), &promised.fields, &served.fields);
        }
        _ => broken.push(format!("{name} is of another kind")),
    }
}

fn missing(
    broken: &mut Vec<String>,
    promised: &[Positioned<Name>],
    served: &[Positioned<Name>],
    say: impl Fn(&Name) -> String,
) {
    let lacking = promised.iter().filter(|name| !served.iter().any(|served| served.node == name.node));
    broken.extend(lacking.map(|name| say(&name.node)));
}

fn compare_fields(
    broken: &mut Vec<String>,
    name: &str,
    promised: &[Positioned<FieldDefinition>],
    served: &[Positioned<FieldDefinition>],
) {
    for promised in promised.iter().map(|field| &field.node) {
        let path = format!("{name}.{}", promised.name.node);
        let Some(served) = served.iter().map(|field| &field.node).find(|served| served.name.node == promised.name.node)
        else {
            broken.push(format!("{path} is missing"));
            continue;
        };
        let (promised_type, served_type) = (promised.ty.node.to_string(), served.ty.node.to_string());
        if promised_type != served_type {
            broken.push(format!("{path} is `{served_type}` and not `{promised_type}`"));
        }
        let argument = |argument: &Name| format!("{path}({argument}:)");
        compare_inputs(broken, argument, &promised.arguments, &served.arguments);
    }
}

fn compare_inputs(
    broken: &mut Vec<String>,
    path: impl Fn(&Name) -> String,
    promised: &[Positioned<InputValueDefinition>],
    served: &[Positioned<InputValueDefinition>],
) {
    for promised in promised.iter().map(|input| &input.node) {
        let path = path(&promised.name.node);
        match served.iter().map(|input| &input.node).find(|served| served.name.node == promised.name.node) {
            Some(served) if input(served) == input(promised) => {}
            Some(served) => broken.push(format!("{path} is `{}` and not `{}`", input(served), input(promised))),
            None => broken.push(format!("{path} is missing")),
        }
    }
    for served in served.iter().map(|input| &input.node) {
        let is_new = !promised.iter().any(|promised| promised.node.name.node == served.name.node);
        if is_new && !served.ty.node.nullable && served.default_value.is_none() {
            broken.push(format!("{} is new and required", path(&served.name.node)));
        }
    }
}

/// Type and default of an argument or input field.
fn input(input: &InputValueDefinition) -> String {
    match &input.default_value {
        Some(default) => format!("{} = {}", input.ty.node, default.node),
        None => input.ty.node.to_string(),
    }
}
