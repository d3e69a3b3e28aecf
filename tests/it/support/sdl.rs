//! The served schema, as tests walk it: which fields there are, what they take and what they give.

use std::collections::BTreeMap;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{BaseType, InputValueDefinition, Type, TypeKind, TypeSystemDefinition};

/// What a field gives or an argument takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    pub name: String,
    pub is_list: bool,
    pub is_required: bool,
}

#[derive(Debug, Clone)]
pub struct Argument {
    pub name: String,
    pub shape: Shape,
}

#[derive(Debug, Clone)]
pub struct Field {
    pub name: String,
    pub arguments: Vec<Argument>,
    pub shape: Shape,
}

#[derive(Debug, Clone)]
pub enum Kind {
    /// Also an interface: its fields, and the types that are one.
    Object(Vec<Field>, Vec<String>),
    Union(Vec<String>),
    Input(Vec<Argument>),
    Enum(Vec<String>),
    Scalar,
}

pub struct Sdl(pub BTreeMap<String, Kind>);

impl Sdl {
    pub fn served() -> Self {
        let document = parse_schema(slategate::graphql::sdl()).unwrap();
        let mut kinds = BTreeMap::new();
        let mut members: Vec<(String, String)> = Vec::new();
        for definition in document.definitions {
            let TypeSystemDefinition::Type(definition) = definition else { continue };
            let definition = definition.node;
            let name = definition.name.node.to_string();
            let fields = |fields: Vec<async_graphql::Positioned<async_graphql::parser::types::FieldDefinition>>| {
                let field = |field: async_graphql::parser::types::FieldDefinition| Field {
                    name: field.name.node.to_string(),
                    arguments: field.arguments.into_iter().map(|argument| input(&argument.node)).collect(),
                    shape: shape(&field.ty.node),
                };
                fields.into_iter().map(|one| field(one.node)).collect::<Vec<_>>()
            };
            let kind = match definition.kind {
                TypeKind::Object(object) => {
                    members.extend(object.implements.iter().map(|of| (of.node.to_string(), name.clone())));
                    Kind::Object(fields(object.fields), Vec::new())
                }
                TypeKind::Interface(interface) => Kind::Object(fields(interface.fields), Vec::new()),
                TypeKind::Union(union) => Kind::Union(union.members.iter().map(|of| of.node.to_string()).collect()),
                TypeKind::Enum(words) => {
                    Kind::Enum(words.values.iter().map(|word| word.node.value.node.to_string()).collect())
                }
                TypeKind::InputObject(object) => {
                    Kind::Input(object.fields.into_iter().map(|field| input(&field.node)).collect())
                }
                TypeKind::Scalar => Kind::Scalar,
            };
            kinds.insert(name, kind);
        }
        for (interface, member) in members {
            if let Some(Kind::Object(_, of)) = kinds.get_mut(&interface) {
                of.push(member);
            }
        }
        Self(kinds)
    }

    /// The fields of an object or interface.
    pub fn fields(&self, name: &str) -> &[Field] {
        match self.0.get(name) {
            Some(Kind::Object(fields, _)) => fields,
            other => panic!("{name} has no fields: {other:?}"),
        }
    }

    /// The fields of an input object.
    pub fn inputs(&self, name: &str) -> Option<&[Argument]> {
        match self.0.get(name) {
            Some(Kind::Input(fields)) => Some(fields),
            _ => None,
        }
    }

    /// Object types proper: interfaces have members, and what they give is given by those.
    pub fn objects(&self) -> impl Iterator<Item = (&str, &[Field])> {
        self.0.iter().filter_map(|(name, kind)| match kind {
            Kind::Object(fields, members) if members.is_empty() => Some((name.as_str(), fields.as_slice())),
            _ => None,
        })
    }

    /// The types that an interface or a union stands for; of anything else none.
    pub fn members(&self, name: &str) -> &[String] {
        match self.0.get(name) {
            Some(Kind::Object(_, members) | Kind::Union(members)) => members,
            _ => &[],
        }
    }

    pub fn words(&self, name: &str) -> Option<&[String]> {
        match self.0.get(name) {
            Some(Kind::Enum(words)) => Some(words),
            _ => None,
        }
    }

    /// Whether a field of this type needs no selection.
    pub fn is_leaf(&self, name: &str) -> bool {
        !matches!(self.0.get(name), Some(Kind::Object(..) | Kind::Union(_)))
    }

    /// What can be selected on a type without arguments, so many levels deep. Lists below ask for two items.
    pub fn selection(&self, name: &str, depth: usize) -> String {
        let mut parts = vec!["__typename".to_owned()];
        if let Some(Kind::Object(fields, members)) = self.0.get(name)
            && members.is_empty()
        {
            for field in fields.iter().filter(|field| field.arguments.iter().all(|one| !one.shape.is_required)) {
                let is_page = field.arguments.iter().any(|one| one.name == "first");
                let arguments = if is_page { "(first: 2)" } else { "" };
                if self.is_leaf(&field.shape.name) {
                    parts.push(field.name.clone());
                } else if depth > 0 {
                    let below = self.selection(&field.shape.name, depth - 1);
                    parts.push(format!("{}{arguments} {below}", field.name));
                }
            }
        }
        for member in self.members(name) {
            parts.push(format!("... on {member} {}", self.selection(member, depth)));
        }
        format!("{{ {} }}", parts.join(" "))
    }
}

fn input(definition: &InputValueDefinition) -> Argument {
    Argument { name: definition.name.node.to_string(), shape: shape(&definition.ty.node) }
}

fn shape(of: &Type) -> Shape {
    match &of.base {
        BaseType::Named(name) => Shape { name: name.to_string(), is_list: false, is_required: !of.nullable },
        BaseType::List(item) => Shape { is_list: true, is_required: !of.nullable, ..shape(item) },
    }
}
