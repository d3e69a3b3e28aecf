//! The types of the specification's introspection, over the registry.

use async_graphql::Object;
use async_graphql::registry::{
    Deprecation, MetaDirective, MetaEnumValue, MetaField, MetaInputValue, MetaType, MetaTypeName, Registry,
};

pub struct SchemaOf<'a>(pub &'a Registry);

#[Object(name = "__Schema")]
impl<'a> SchemaOf<'a> {
    /// The schema itself is described nowhere.
    async fn description(&self) -> Option<&str> {
        None
    }

    async fn types(&self) -> Vec<TypeOf<'a>> {
        let mut types: Vec<_> = self.0.types.values().collect();
        types.sort_by_key(|meta| meta.name());
        types.into_iter().map(|meta| TypeOf { registry: self.0, shape: Shape::Named(meta) }).collect()
    }

    async fn query_type(&self) -> Option<TypeOf<'a>> {
        TypeOf::named(self.0, &self.0.query_type)
    }

    async fn mutation_type(&self) -> Option<TypeOf<'a>> {
        self.0.mutation_type.as_ref().and_then(|name| TypeOf::named(self.0, name))
    }

    async fn subscription_type(&self) -> Option<TypeOf<'a>> {
        self.0.subscription_type.as_ref().and_then(|name| TypeOf::named(self.0, name))
    }

    async fn directives(&self) -> Vec<DirectiveOf<'a>> {
        let mut directives: Vec<_> = self.0.directives.values().collect();
        directives.sort_by_key(|meta| meta.name.as_str());
        directives.into_iter().map(|meta| DirectiveOf { registry: self.0, meta }).collect()
    }
}

pub struct TypeOf<'a> {
    registry: &'a Registry,
    shape: Shape<'a>,
}

enum Shape<'a> {
    Named(&'a MetaType),
    /// What is in it, as it is written.
    NonNull(&'a str),
    List(&'a str),
}

impl<'a> TypeOf<'a> {
    /// None where there is no such type.
    pub fn named(registry: &'a Registry, name: &str) -> Option<Self> {
        registry.types.get(name).map(|meta| Self { registry, shape: Shape::Named(meta) })
    }

    /// The type of a field or an argument, such as `[Tag!]!`.
    fn written(registry: &'a Registry, text: &'a str) -> Option<Self> {
        let shape = match MetaTypeName::create(text) {
            MetaTypeName::NonNull(inner) => Shape::NonNull(inner),
            MetaTypeName::List(inner) => Shape::List(inner),
            MetaTypeName::Named(name) => return Self::named(registry, name),
        };
        Some(Self { registry, shape })
    }

    const fn meta(&self) -> Option<&'a MetaType> {
        match self.shape {
            Shape::Named(meta) => Some(meta),
            Shape::NonNull(_) | Shape::List(_) => None,
        }
    }

    fn all<'n>(&self, names: impl IntoIterator<Item = &'n String>) -> Vec<Self> {
        names.into_iter().filter_map(|name| Self::named(self.registry, name)).collect()
    }
}

#[Object(name = "__Type")]
impl<'a> TypeOf<'a> {
    async fn kind(&self) -> &str {
        match self.shape {
            Shape::NonNull(_) => "NON_NULL",
            Shape::List(_) => "LIST",
            Shape::Named(meta) => match meta {
                MetaType::Scalar { .. } => "SCALAR",
                MetaType::Object { .. } => "OBJECT",
                MetaType::Interface { .. } => "INTERFACE",
                MetaType::Union { .. } => "UNION",
                MetaType::Enum { .. } => "ENUM",
                MetaType::InputObject { .. } => "INPUT_OBJECT",
            },
        }
    }

    async fn name(&self) -> Option<&str> {
        self.meta().map(MetaType::name)
    }

    async fn description(&self) -> Option<&str> {
        match self.meta()? {
            MetaType::Scalar { description, .. }
            | MetaType::Object { description, .. }
            | MetaType::Interface { description, .. }
            | MetaType::Union { description, .. }
            | MetaType::Enum { description, .. }
            | MetaType::InputObject { description, .. } => description.as_deref(),
        }
    }

    #[graphql(name = "specifiedByURL")]
    async fn specified_by_url(&self) -> Option<&str> {
        match self.meta()? {
            MetaType::Scalar { specified_by_url, .. } => specified_by_url.as_deref(),
            _ => None,
        }
    }

    async fn fields(&self, #[graphql(default = false)] include_deprecated: bool) -> Option<Vec<FieldOf<'a>>> {
        let fields = self.meta()?.fields()?.values();
        let shown =
            fields.filter(|meta| !meta.name.starts_with("__") && is_shown(&meta.deprecation, include_deprecated));
        Some(shown.map(|meta| FieldOf { registry: self.registry, meta }).collect())
    }

    async fn interfaces(&self) -> Option<Vec<TypeOf<'a>>> {
        match self.meta()? {
            MetaType::Object { name, .. } | MetaType::Interface { name, .. } => {
                Some(self.all(self.registry.implements.get(name).into_iter().flatten()))
            }
            _ => None,
        }
    }

    async fn possible_types(&self) -> Option<Vec<TypeOf<'a>>> {
        match self.meta()? {
            MetaType::Interface { possible_types, .. } | MetaType::Union { possible_types, .. } => {
                Some(self.all(possible_types))
            }
            _ => None,
        }
    }

    async fn enum_values(&self, #[graphql(default = false)] include_deprecated: bool) -> Option<Vec<EnumValueOf<'a>>> {
        let MetaType::Enum { enum_values, .. } = self.meta()? else { return None };
        let shown = enum_values.values().filter(|meta| is_shown(&meta.deprecation, include_deprecated));
        Some(shown.map(EnumValueOf).collect())
    }

    async fn input_fields(
        &self,
        #[graphql(default = false)] include_deprecated: bool,
    ) -> Option<Vec<InputValueOf<'a>>> {
        let MetaType::InputObject { input_fields, .. } = self.meta()? else { return None };
        Some(shown_inputs(self.registry, input_fields.values(), include_deprecated))
    }

    async fn of_type(&self) -> Option<TypeOf<'a>> {
        match self.shape {
            Shape::Named(_) => None,
            Shape::NonNull(inner) | Shape::List(inner) => Self::written(self.registry, inner),
        }
    }

    async fn is_one_of(&self) -> Option<bool> {
        match self.meta()? {
            MetaType::InputObject { oneof, .. } => Some(*oneof),
            _ => None,
        }
    }
}

pub struct FieldOf<'a> {
    registry: &'a Registry,
    meta: &'a MetaField,
}

#[Object(name = "__Field")]
impl<'a> FieldOf<'a> {
    async fn name(&self) -> &str {
        &self.meta.name
    }

    async fn description(&self) -> Option<&str> {
        self.meta.description.as_deref()
    }

    async fn args(&self, #[graphql(default = false)] include_deprecated: bool) -> Vec<InputValueOf<'a>> {
        shown_inputs(self.registry, self.meta.args.values(), include_deprecated)
    }

    #[graphql(name = "type")]
    async fn of_type(&self) -> Option<TypeOf<'a>> {
        TypeOf::written(self.registry, &self.meta.ty)
    }

    async fn is_deprecated(&self) -> bool {
        self.meta.deprecation.is_deprecated()
    }

    async fn deprecation_reason(&self) -> Option<&str> {
        self.meta.deprecation.reason()
    }
}

pub struct InputValueOf<'a> {
    registry: &'a Registry,
    meta: &'a MetaInputValue,
}

#[Object(name = "__InputValue")]
impl<'a> InputValueOf<'a> {
    async fn name(&self) -> &str {
        &self.meta.name
    }

    async fn description(&self) -> Option<&str> {
        self.meta.description.as_deref()
    }

    #[graphql(name = "type")]
    async fn of_type(&self) -> Option<TypeOf<'a>> {
        TypeOf::written(self.registry, &self.meta.ty)
    }

    async fn default_value(&self) -> Option<&str> {
        self.meta.default_value.as_deref()
    }

    async fn is_deprecated(&self) -> bool {
        self.meta.deprecation.is_deprecated()
    }

    async fn deprecation_reason(&self) -> Option<&str> {
        self.meta.deprecation.reason()
    }
}

pub struct EnumValueOf<'a>(&'a MetaEnumValue);

#[Object(name = "__EnumValue")]
impl EnumValueOf<'_> {
    async fn name(&self) -> &str {
        &self.0.name
    }

    async fn description(&self) -> Option<&str> {
        self.0.description.as_deref()
    }

    async fn is_deprecated(&self) -> bool {
        self.0.deprecation.is_deprecated()
    }

    async fn deprecation_reason(&self) -> Option<&str> {
        self.0.deprecation.reason()
    }
}

pub struct DirectiveOf<'a> {
    registry: &'a Registry,
    meta: &'a MetaDirective,
}

#[Object(name = "__Directive")]
impl<'a> DirectiveOf<'a> {
    async fn name(&self) -> &str {
        &self.meta.name
    }

    async fn description(&self) -> Option<&str> {
        self.meta.description.as_deref()
    }

    async fn is_repeatable(&self) -> bool {
        self.meta.is_repeatable
    }

    /// The registry's own words are the specification's.
    async fn locations(&self) -> Vec<String> {
        self.meta.locations.iter().map(|location| format!("{location:?}")).collect()
    }

    async fn args(&self, #[graphql(default = false)] include_deprecated: bool) -> Vec<InputValueOf<'a>> {
        shown_inputs(self.registry, self.meta.args.values(), include_deprecated)
    }
}

const fn is_shown(deprecation: &Deprecation, include_deprecated: bool) -> bool {
    include_deprecated || matches!(deprecation, Deprecation::NoDeprecated)
}

fn shown_inputs<'a>(
    registry: &'a Registry,
    inputs: impl Iterator<Item = &'a MetaInputValue>,
    include_deprecated: bool,
) -> Vec<InputValueOf<'a>> {
    let shown = inputs.filter(|meta| is_shown(&meta.deprecation, include_deprecated));
    shown.map(|meta| InputValueOf { registry, meta }).collect()
}
